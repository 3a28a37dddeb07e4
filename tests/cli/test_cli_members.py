"""The command line on joining, dues, leaving and delegates: what it prints, its exit codes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # it has no types of its own
import pytest
from click.testing import CliRunner, Result

from support import made_once
from timebank.cli import main

STATUTE: dict[str, Any] = {
    "version": "v1",
    "limits": {"member": [{"floor": -1}]},
    "welcome": {"hours": 2, "fund": "fund", "due_back": True, "given": "when asked"},
    "dues": [
        {"name": "joining", "hours": "1:30", "every": "once", "fund": "fund"},
        {
            "name": "yearly",
            "hours": 4,
            "fund": "fund",
            "from_month": 1200,
            "first_period": "months",
            "kinds": ["member", "group"],
        },
    ],
    "demurrage": {"share": "10%", "above": 20, "fund": "fund", "remainder_to": "fund"},
}
DAY = r"\d{4}-\d\d-\d\d"


def _fill() -> None:
    """Make the bank."""
    well("init")
    well("account", "open", "fund", "--kind", "fund")
    well("statute", "adopt", "statute.json")
    well("account", "open", "m1", "--name", "Maria R.")
    well("account", "open", "m2")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with a bank: a fund, a statute, two members."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIMEBANK_DB", "bank.db")
    (tmp_path / "statute.json").write_text(json.dumps(STATUTE), "utf-8")
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


def test_run_due() -> None:
    """A fair list of who was charged what; a dry run writes nothing; a second one charges none."""
    tried = well("run-due", "--dry-run").splitlines()
    assert "Would be charged to 2 accounts: 3:00, to fund 3:00." == tried[-1]
    lines = well("run-due").splitlines()
    assert re.fullmatch(r"Due on +Account +What for +Period +Hours +To +Note", lines[0])
    row = rf"{DAY}  m1 Maria R\.  joining   once     1:30  fund  below its floor -1:00"
    assert re.fullmatch(row, lines[2])
    assert "Charged to 2 accounts: 3:00, to fund 3:00." == lines[-1]
    assert tried[:-1] == lines[:-1]
    assert re.fullmatch(rf"Nothing is due through {DAY}\.\n", well("run-due"))
    refused(2, "is in the future", "run-due", "--through", "9999-12-31")


def test_run_due_as_json_and_who_is_suspended() -> None:
    """Programs get the same; who is frozen is named and waits."""
    well("account", "open", "m3")
    shape = json.loads(well("run-due", "--format", "json", "--dry-run"))
    assert ["m1", "m2", "m3"] == [one["account"] for one in shape["charges"]]
    assert {"rule": "joining", "hours": "1:30", "fund": "fund", "period": None}.items() <= (
        shape["charges"][0].items()
    )
    assert "4:30" == shape["hours"]
    assert [] == shape["suspended"]
    assert 1 == len(shape["charges"][0]["flags"])


def test_welcome() -> None:
    """It is given once; where there is none, it says so."""
    assert "due:welcome:1:m1: 2:00 from fund to m1 on" in well("welcome", "m1")
    assert "due:welcome:1:m1: 2:00" in well("welcome", "m1")
    refused(1, "gives no welcome credit to a fund as 'fund'", "welcome", "fund")
    refused(2, "no account 'nobody'", "welcome", "nobody")


def test_welcome_with_the_account(folder: Path) -> None:
    """The line of a new account says what it begins with, unless it was left out."""
    rules = {"version": "v2", "welcome": {"hours": 2, "fund": "fund"}}
    (folder / "other.json").write_text(json.dumps(rules), "utf-8")
    well("statute", "adopt", "other.json")
    assert well("account", "open", "n1").endswith("ceiling statute, balance 2:00\n")
    assert well("account", "open", "n2", "--no-welcome").endswith("ceiling statute\n")


def test_leave() -> None:
    """The steps, tried first; a hurried treasurer is told what is missing."""
    well("welcome", "m1")
    well("transfer", "--earner", "m1", "--spender", "fund", "--hours", "3", "--id", "t1")
    well("hold", "--earner", "m2", "--spender", "m1", "--hours", "1", "--id", "h1")
    refused(1, "donate it to a fund, or assign it to a member who consents", "leave", "m1")
    refused(2, "needs --consented", "leave", "m1", "--assign-to", "m2")
    refused(2, "'m2' is a member, not a fund", "leave", "m1", "--donate-to", "m2")
    refused(2, "cannot take over its own hours", "leave", "m1", "--donate-to", "m1")
    refused(2, "no account 'nobody'", "leave", "m1", "--donate-to", "nobody")
    expected = [
        "Dues: joining once: 1:30 to fund.",
        "Hold h1: 1:00 of m1 for m2 released.",
        "Welcome credit: 2:00 given back to fund.",
    ]
    expected.append("Donation: 1:30 to fund.")
    tried = well("leave", "m1", "--donate-to", "fund", "--dry-run").splitlines()
    assert [*expected, "m1 Maria R. would leave: the account would be closed."] == tried
    left = well("leave", "m1", "--donate-to", "fund", "--reason", "moved").splitlines()
    assert [*expected, "m1 Maria R. has left: the account is closed."] == left
    again = well("leave", "m1").splitlines()
    assert ["m1 Maria R. has left: the account is closed."] == again


def test_leave_with_less_than_the_welcome_credit() -> None:
    """What would be left once it is given back is said as such."""
    well("welcome", "m1")
    well("transfer", "--earner", "m2", "--spender", "m1", "--hours", "1", "--id", "t1")
    said = (
        "would hold, 1:30 of dues charged and 2:00 of welcome credit given back, -2:30: an account"
    )
    refused(1, said, "leave", "m1", "--donate-to", "fund")


def test_leave_with_a_debt_or_to_another_member() -> None:
    """On a named account; as JSON."""
    well("transfer", "--earner", "m1", "--spender", "m2", "--hours", "1", "--id", "t1")
    refused(
        1,
        "would hold, 1:30 of dues charged, -2:30: an account is closed at 0:00",
        "leave",
        "m2",
        "--donate-to",
        "fund",
    )
    text = well("leave", "m2", "--donate-to", "fund", "--write-off-on", "fund", "--dry-run")
    assert "Debt: 2:30 written off, on fund." == text.splitlines()[1]
    shape = json.loads(well("leave", "m2", "--write-off-on", "fund", "--format", "json"))
    assert ("closed", "write-off") == (shape["account"]["status"], shape["disposal"]["kind"])
    well("account", "open", "m3")
    well("transfer", "--earner", "m1", "--spender", "fund", "--hours", "2")
    text = well("leave", "m1", "--assign-to", "m3", "--consented")
    assert ["Dues: joining once: 1:30 to fund.", "Assignment: 1:30 to m3."] == text.splitlines()[:2]


def test_dues() -> None:
    """What is due of one account, now and by a day to come; nothing is charged by it."""
    row = rf"{DAY}  joining   once     1:30  fund"
    assert re.fullmatch(row, well("dues", "m1").splitlines()[2])
    (shape,) = json.loads(well("dues", "m1", "--format", "json"))
    assert ("m1", "joining", "1:30", "v1") == tuple(
        shape[name] for name in ("account", "rule", "hours", "statute")
    )
    assert 2 < len(well("dues", "m1", "--through", "2199-01-01").splitlines())
    well("run-due")
    assert "Nothing is due of m1.\n" == well("dues", "m1")
    assert "" == well("run-due", "--quiet")
    refused(2, "is too far ahead", "dues", "m1", "--through", "2999-01-01")
    refused(2, "no account 'nobody'", "dues", "nobody")


def test_inactive() -> None:
    """Who exchanged nothing since a day, as a table and as JSON."""
    well("account", "open", "old", "--joined-on", "2019-05-01", "--name", "Anna")
    well("account", "open", "busy", "--joined-on", "2019-05-01")
    sides = ("--earner", "busy", "--spender", "old", "--hours", "0:30", "--id")
    well("transfer", *sides, "t1", "--on", "2020-06-01")
    well("transfer", "--earner", "busy", "--spender", "m1", "--hours", "0:30", "--on", "2024-01-01")
    lines = well("inactive", "--since", "2022-01-01").splitlines()
    assert "old Anna  member  open    2019-05-01    2020-06-01       -0:30" == lines[2]
    assert 3 == len(lines)
    (shape,) = json.loads(well("inactive", "--since", "2022-01-01", "--format", "json"))
    assert ("old", "2020-06-01", "-0:30") == (
        shape["account"]["id"],
        shape["last_exchange"],
        shape["balance"],
    )
    nobody = "Nobody who was a member before 2019-05-01 has been without an exchange since.\n"
    assert nobody == well("inactive", "--since", "2019-05-01")
    refused(2, "Missing option '--since'", "inactive")
    refused(2, "is in the future", "inactive", "--since", "9999-01-01")


def test_delegates() -> None:
    """Named, listed, ended."""
    assert "luca may act for m1 until 2199-12-31\n" == well(
        "delegate", "name", "m1", "luca", "--until", "2199-12-31"
    )
    shape = json.loads(well("delegate", "name", "m1", "ida", "--format", "json"))
    assert {"account": "m1", "delegate": "ida", "until": None} == shape
    both = ["luca may act for m1 until 2199-12-31", "ida may act for m1"]
    assert both == well("delegate", "list", "m1").splitlines()
    assert both[1:] == well("delegate", "end", "m1", "luca").splitlines()
    assert "Nobody may act for m1.\n" == well("delegate", "end", "m1", "ida")
    well("delegate", "name", "m2", "ida")
    assert "ida may act for m2\n" == well("delegate", "list", "--of", "ida")
    assert "luca may act for nobody.\n" == well("delegate", "list", "--of", "luca")
    refused(2, "Name an account, or a delegate with --of", "delegate", "list")
    refused(2, "until 2020-01-01 is over", "delegate", "name", "m1", "x", "--until", "2020-01-01")


def test_what_happened_to_an_account() -> None:
    """When, by whom, and with which reason."""
    well("--actor", "carla", "account", "freeze", "m1", "--reason", "abroad for a year")
    opened, frozen = well("account", "history", "m1").splitlines()
    assert re.fullmatch(rf"{DAY}  opened: Maria R\.", opened)
    assert re.fullmatch(rf"{DAY}  frozen by carla: abroad for a year", frozen)
    shape = json.loads(well("account", "history", "m1", "--format", "json"))
    assert ["open_account", "freeze"] == [event["kind"] for event in shape]
    refused(2, "no account 'nobody'", "account", "history", "nobody")


def test_a_command_of_a_group() -> None:
    """Who leaves the group out is told where the command is."""
    refused(2, "No such command 'freeze': there is 'account freeze'", "freeze", "m1")
    refused(2, "No such command 'frieze'", "frieze", "m1")


def test_the_statute_in_words() -> None:
    """Each rule is a sentence."""
    expected = """\
Each member gets 2:00 from fund when it is asked for, due back on leaving.
Each member gives 1:30 to fund once (joining).
Each member or group gives 4:00 to fund each year (yearly), from month 1200 of membership on; \
a first year that is not whole counts by months.
Each member gives 1/10 of what it holds above 20:00 to fund each half-year (demurrage), \
in units of 0:00:01 rounded up.
"""
    assert well("statute", "show").endswith(expected)


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ({"welcome": {"hours": 2}}, "welcome: the key 'fund' is missing"),
        ({"welcome": {"hours": 2, "fund": "fund", "due_back": "yes"}}, "due_back must be true"),
        ({"dues": {"hours": 1, "fund": "fund"}}, "dues: an array of objects"),
        ({"dues": [{"hours": "1:75", "fund": "fund"}]}, "dues[0].hours"),
        ({"dues": [{"hours": 1, "fund": "fund", "evry": "year"}]}, "dues[0]: the key 'evry'"),
        ({"dues": [{"hours": 1, "fund": "fund", "kinds": ["x"]}]}, "dues[0]: kinds: 'x' is none"),
        ({"demurrage": {"share": 0.1, "above": 0, "fund": "f", "every": "once"}}, "demurrage"),
        ({"demurrage": {"share": "2", "above": 0, "fund": "f"}}, "share must be above 0"),
        ({"demurrage": {"share": "1/2", "above": "-1", "fund": "f"}}, "above must be 0:00 or more"),
    ],
)
def test_a_statute_with_a_slip(folder: Path, rule: dict[str, Any], says: str) -> None:
    """One line that says where; the schema refuses it as well."""
    data = {"version": "v9", **rule}
    (folder / "slip.json").write_text(json.dumps(data), "utf-8")
    refused(2, says, "statute", "check", "slip.json")
    schema = json.loads(well("statute", "schema"))
    if "1:75" not in json.dumps(data) and '"2"' not in json.dumps(data) and "-1" not in str(data):
        assert list(jsonschema.Draft202012Validator(schema).iter_errors(data))
    assert not list(jsonschema.Draft202012Validator(schema).iter_errors(STATUTE))
