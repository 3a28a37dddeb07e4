"""The command line on holds and statutes: what it prints, its exit codes, its JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # it has no types of its own
import pytest
from click.testing import CliRunner, Result

from support import made_once
from timebank.cli import main

STATUTE: dict[str, Any] = {
    "version": "v1",
    "limits": {"member": [{"floor": -2}, {"from_month": 6, "floor": -9, "ceiling": 1}]},
    "granularity": {"unit": "0:15", "rounding": "nearest"},
    "largest_exchange": {"hours": 5, "beyond": "flag"},
    "record_within": {"days": 36500},
    "fee": {"fixed": "0:03", "payer": "earner", "fund": "fund"},
}


def _fill() -> None:
    """Make the bank."""
    well("init")
    well("account", "open", "m1", "--joined-on", "2020-01-01")
    well("account", "open", "m2", "--name", "Marco")
    well("account", "open", "fund", "--kind", "fund")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with a bank: two members and a fund."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIMEBANK_DB", "bank.db")
    made_once(_fill)
    return tmp_path


def call(*words: str) -> Result:
    """A command, and how it ended."""
    return CliRunner().invoke(main, words, prog_name="timebank")


def well(*words: str) -> str:
    """What a command that ends well prints."""
    result = call(*words)
    assert (0, "") == (result.exit_code, result.stderr)
    return result.stdout


def refused(code: int, message: str, *words: str) -> None:
    """A command that ends with one line on standard error."""
    result = call(*words)
    assert (code, 1) == (result.exit_code, len(result.stderr.splitlines()))
    assert message in result.stderr
    assert "" == result.stdout


def hold(*more: str) -> str:
    """Hold two hours."""
    sides = ("--earner", "m1", "--spender", "m2", "--hours", "2:00")
    return well("hold", *sides, "--id", "h1", *more)


def test_hold_settle_and_holds() -> None:
    """Held, listed, settled in part; a dry run writes nothing."""
    assert "h1: 2:00 of m2 for m1 would be held\n" == hold("--dry-run")
    assert "No holds.\n" == well("holds")
    assert hold("--expires-in", "2w").startswith("h1: 2:00 of m2 for m1 held, until 2")
    (row,) = well("holds", "--account", "m2").splitlines()[2:]
    assert row.startswith("no day        h1    open     2:00  m2      m1     2")
    assert "s1: 1:30 from m2 to m1 on 2026-03-02 would be record 5\n" == well(
        *("settle", "h1", "--hours", "1:30", "--id", "s1", "--on", "2026-03-02", "--dry-run")
    )
    assert "s1: 1:30 from m2 to m1 on 2026-03-02 is record 5\n" == well(
        *("settle", "h1", "--hours", "1:30", "--id", "s1", "--on", "2026-03-02")
    )
    assert "No holds.\n" == well("holds")
    assert "h1    settled" in well("holds", "--status", "settled")
    assert "h1    settled" in well("holds", "--status", "all")


def test_the_statement_and_the_balance_show_what_is_held() -> None:
    """To spend, and to earn, with the holds."""
    hold("--note", "Monday")
    well("hold", "--earner", "m2", "--spender", "fund", "--hours", "0:30", "--id", "h2")
    statement = well("statement", "m2")
    assert (
        "\n\nHeld now: 2:00 to spend, 0:30 to earn\n"
        "  h1: 2:00 to spend, until no date (Monday)\n"
        "  h2: 0:30 to earn, until no date\n\nThe journal stood at record "
    ) in statement
    balance = well("balance", "m2")
    assert "Held:           2:00\nIncoming:       0:30\n" in balance
    assert "Held:     2:00" in well("account", "show", "m2")
    shape = json.loads(well("statement", "m2", "--format", "json"))
    assert ("2:00", "0:30", ["h1", "h2"]) == (
        shape["held"],
        shape["incoming"],
        [one["id"] for one in shape["holds"]],
    )


def test_json_of_holds() -> None:
    """All that is known of one, and of its settlement."""
    made = json.loads(hold("--expires-in", "90m", "--category", "care", "--format", "json"))
    assert ("h1", "open", "2:00", {"m2": "2:00"}, "care", "default/1") == (
        made["id"],
        made["status"],
        made["hours"],
        made["spenders"],
        made["category"],
        made["statute"],
    )
    assert [made] == json.loads(well("holds", "--format", "json"))
    settled = json.loads(well("settle", "h1", "--format", "json"))
    assert ("h1", [], []) == (settled["hold"], settled["fee"], settled["flags"])
    assert [] == json.loads(well("holds", "--format", "json"))


def test_void_and_refusals() -> None:
    """Final is final; the exit code of a refusal is 1, of a wrong use 2."""
    hold()
    assert "h1: 2:00 of m2 for m1 released\n" == well("void", "h1", "--id", "v1", "--reason", "x")
    refused(1, "hold 'h1' was voided by 'v1'", "settle", "h1")
    refused(2, "no hold 'h9'", "void", "h9")
    sides = ("--earner", "m1", "--spender", "m2", "--hours", "1")
    refused(2, "'7x' is not a duration like 7d", "hold", *sides, "--expires-in", "7x")
    refused(2, "expires_in must be more than zero", "hold", *sides, "--expires-in", "0d")
    refused(2, "no account 'nobody'", "holds", "--account", "nobody")
    refused(1, "20:00 would pass", "hold", *sides[:-1], "21")


def written(data: object, name: str = "statute.json") -> str:
    """A file of JSON."""
    Path(name).write_text(data if isinstance(data, str) else json.dumps(data), "utf-8")
    return name


def test_statute_check_adopt_show() -> None:
    """Checked for its bank, adopted once, shown; an earlier one by its version."""
    name = written(STATUTE)
    well("transfer", "--earner", "m1", "--spender", "m2", "--hours", "3", "--on", "2026-03-02")
    told = well("statute", "check", name)
    assert "month 6" in told
    assert "Of each exchange the earner pays 0:03 to fund." in told
    assert "One exchange moves at most 5:00: more is recorded with a flag." in told
    assert "Exchanges are in units of 0:15: rounded to the nearest." in told
    assert told.endswith(
        "Beyond these limits, and may only move back:\n"
        "  m1 stands at 3:00, above its ceiling 1:00\n"
        "  m2 Marco stands at -3:00, below its floor -2:00\n"
        "Without a day of joining, and so in month 0: m2\n"
    )
    assert "Statute default/1" in well("statute", "show")
    assert "Statute v1 is in force from record 5.\n" == well("statute", "adopt", name)
    assert "Statute v1 was in force already.\n" == well("statute", "adopt", name)
    assert "Statute v1, time zone UTC" in well("statute", "show")
    assert "Statute default/1" in well("statute", "show", "--version", "default/1")
    first, last = well("statute", "show", "--history").splitlines()
    assert first.startswith("v1: from record 5, 2")
    assert "default/1: from the beginning" == last
    (row,) = json.loads(well("statute", "show", "--history", "--format", "json"))
    assert ("v1", 5) == (row["version"], row["sequence"])
    refused(2, "no statute 'v9'", "statute", "show", "--version", "v9")


def test_what_is_shown_as_json_can_be_adopted_elsewhere() -> None:
    """And is what the schema says."""
    well("statute", "adopt", written(STATUTE))
    shown = well("statute", "show", "--format", "json")
    schema = json.loads(well("statute", "schema"))
    jsonschema.validate(json.loads(shown), schema)
    well("--db", "other.db", "init")
    well("--db", "other.db", "account", "open", "fund", "--kind", "fund")
    well("--db", "other.db", "statute", "adopt", written(shown, "again.json"))
    assert shown == well("--db", "other.db", "statute", "show", "--format", "json")


def test_a_statute_without_a_bank_is_checked_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """No bank is needed to see whether a file is right."""
    monkeypatch.delenv("TIMEBANK_DB")
    assert "Beyond" not in well("statute", "check", written({"version": "v1"})).split("\n\n")[-1]
    assert "No limits." in well("statute", "check", written({"version": "v1"}))


def test_statutes_that_cannot_be() -> None:
    """One line each, with the file and the place; nothing is written."""
    for data, message in (
        ({**STATUTE, "feee": 1}, "statute.json: statute: the key 'feee' is not known"),
        ({"version": "v1", "fee": {"fund": "nowhere", "share": "1/2"}}, "no account 'nowhere'"),
        ("", "statute.json: a statute is a JSON object: line 1, column 1 is no JSON"),
        ('{"a":\n1,}', "statute.json: a statute is a JSON object: line 2, column"),
        ("[]", "statute.json: statute: an object, not []"),
        ({"version": "default/1"}, "was adopted before with other rules"),
    ):
        refused(2, message, "statute", "adopt", written(data))
        checked = call("statute", "check", "statute.json")
        assert (2, True) == (checked.exit_code, message in checked.stderr)
    Path("latin.json").write_bytes('{"version": "è"}'.encode("latin-1"))
    refused(
        2, "latin.json: a statute is a JSON object, in UTF-8:", "statute", "adopt", "latin.json"
    )
    refused(2, "is a directory", "statute", "adopt", ".")
    refused(2, "does not exist", "statute", "adopt", "gone.json")
    assert "default/1: from the beginning\n" == well("statute", "show", "--history")


def test_units_fees_and_flags_are_said() -> None:
    """After the line of the transfer, and among the audit's notes."""
    well("statute", "adopt", written({**STATUTE, "limits": {}}))
    sides = ("--earner", "m1", "--spender", "m2", "--on", "2026-03-02")
    assert (
        "t1: 6:00 from m2 to m1 on 2026-03-02 is record 5\n"
        "  5:55 was asked: the bank counts in units of its statute\n"
        "  fee: 0:03, from m1 to fund\n"
        "  note: one exchange moves 6:00, more than the 5:00 of the statute\n"
    ) == well("transfer", *sides, "--hours", "5:55", "--id", "t1")
    made = json.loads(well("transfer", *sides, "--hours", "5:55", "--id", "t1", "--format", "json"))
    assert ("5:55", 1, 2) == (made["asked"], len(made["flags"]), len(made["fee"]))
    audited = well("audit")
    assert audited.endswith(
        "1 note, which the rules allow:\n"
        "  record 5: one exchange moves 6:00, more than the 5:00 of the statute\n"
    )
    assert 1 == len(json.loads(well("audit", "--format", "json"))["notes"])
    held = well("hold", *sides, "--hours", "7:00", "--id", "h1")
    assert "  note: one exchange moves 7:00" in held
    lines = well("statement", "m1").splitlines()
    assert any("fee" in line and "0:03" in line for line in lines)


def test_what_is_more_often_a_slip_is_asked() -> None:
    """A minus that was forgotten, minutes that are hours; it is no error."""
    slips = {"limits": {"member": [{"floor": "5"}], "group": [{"ceiling": -1}]}}
    told = well("statute", "check", written({**STATUTE, **slips, "granularity": {"unit": "15"}}))
    assert (
        "\n\nIs this so?\n"
        "  who is a member must keep 5:00: was -5:00 meant?\n"
        "  who is a group must owe 1:00: was a floor meant?\n"
        "  the unit is 15:00 hours: minutes are written 0:15, or 15m\n"
    ) in told
