"""The command line on corrections: what it prints, what it asks, its exit codes."""

from __future__ import annotations

import json
import os
import pty
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner, Result

import timebank
from support import made_once
from timebank import Dues, Statute, Welcome
from timebank.cli import main

SOURCE = str(Path(__file__).parents[2] / "src")
NOW = datetime(2024, 3, 4, 9, tzinfo=UTC)
TODAY = NOW.date()
YESTERDAY = TODAY - timedelta(days=1)
LAST_YEAR = date(2023, 12, 31)
SIDES = ("--earner", "m1", "--spender", "m2", "--hours", "2")


def _fill() -> None:
    """Make the bank."""
    well("init")
    well("account", "open", "m1", "--name", "Maria R.", "--joined-on", "2023-03-02")
    well("account", "open", "m2")
    well("account", "open", "m1-again", "--name", "Maria Rossi", "--joined-on", "2020-05-01")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with a bank: two members, and the second account of the first one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIMEBANK_DB", "bank.db")
    clock = SimpleNamespace(time_ns=lambda: round(NOW.timestamp()) * 1_000_000_000)
    for user in ("timebank.bank.session", "timebank.cli.holds"):
        monkeypatch.setattr(import_module(user), "time", clock)
    made_once(_fill)
    return tmp_path


def call(*words: str, input: str | None = None) -> Result:
    """A command, and how it ended."""
    return CliRunner().invoke(main, words, prog_name="timebank", input=input)


def well(*words: str) -> str:
    """What a command that ends well prints."""
    result = call(*words)
    assert (0, "") == (result.exit_code, result.stderr)
    return result.stdout


def refused(code: int, message: str, *words: str) -> None:
    """A command that ends with one line on standard error, and records nothing."""
    before = records()
    result = call(*words)
    assert (code, 1) == (result.exit_code, len(result.stderr.splitlines()))
    assert message in result.stderr
    assert "" == result.stdout
    assert before == records()


def records() -> int:
    """How many records there are."""
    return int(json.loads(well("head", "--format", "json"))["sequence"])


def last_line() -> str:
    """The last record as text, from its kind on."""
    return well("journal", "--format", "text").splitlines()[-1].split("  ")[-1]


# -- what an exchange was for ----------------------------------------------------------


def test_amend_says_what_is_and_what_was() -> None:
    """Field by field, once; a dry run and a repetition record nothing."""
    well("transfer", *SIDES, "--id", "t1", "--category", "shoping", "--tag", "a", "--from", "9:30")
    words = ("amend", "t1", "--category", "shopping", "--reason", "a slip")
    assert "t1 would be amended, by record 5:\n  category: shopping (was shoping)\n" == well(
        *words, "--dry-run"
    )
    assert "t1 is amended, by record 5:\n  category: shopping (was shoping)\n" == well(*words)
    assert "t1 says so already: nothing is to be amended.\n" == well(*words)
    assert "amend t1: category: shopping (was shoping); reason: a slip" == last_line()
    given = ("--note", "for two", "--no-tags", "--area", "mobility", "--to", "11:00", "--no-from")
    assert (
        "t1 is amended, by record 6:\n"
        "  area: mobility (was none)\n"
        "  tags: none (was a)\n"
        "  from: none (was 09:30)\n"
        "  to: 11:00 (was none)\n"
        "  note: for two (was none)\n"
    ) == well("amend", "t1", *given, "--reason", "asked her")
    assert last_line().endswith("to: 11:00 (was none); note: for two (was none); reason: asked her")


def test_amend_a_hold_and_its_settlement() -> None:
    """Either is named; the note that was is told by the journal, until it is erased."""
    well("hold", *SIDES, "--id", "h1", "--note", "visit")
    assert "  note: two visits (was visit)" in well(
        "amend", "h1", "--note", "two visits", "--reason", "x"
    )
    well("settle", "h1", "--id", "s1")
    made = json.loads(well("amend", "s1", "--resource", "car", "--reason", "x", "--format", "json"))
    assert ("s1", "car", 2) == (made["id"], made["resource"], len(made["amendments"]))
    assert "note: two visits (was visit)" in well("journal", "--format", "text")
    well("erase", "m1", "--reason", "asked")
    assert "amend h1: note: changed, its texts are erased" in well("journal", "--format", "text")


def test_a_journal_that_is_not_well_is_shown_too() -> None:
    """An amendment of nothing, or of what cannot be an id, is told without its changes."""
    well("transfer", *SIDES, "--id", "t1")
    well("amend", "t1", "--category", "a", "--reason", "x")
    with closing(sqlite3.connect("bank.db", isolation_level=None)) as tool:
        triggers = tool.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for (trigger,) in triggers:
            tool.execute(f"DROP TRIGGER {trigger}")
        was = '"operation":"t1"'
        for id in ("t9", ""):
            tool.execute(
                "UPDATE timebank_records SET body = CAST(replace(CAST(body AS TEXT), ?, ?) AS BLOB)"
                " WHERE kind = 'amend'",
                (was, now := f'"operation":"{id}"'),
            )
            was = now
            assert f"amend {id}".strip() == last_line()


def test_amend_asked_wrongly() -> None:
    """Each is a sentence that says what to do."""
    well("transfer", *SIDES, "--id", "t1")
    well("reverse", "t1", "--id", "r1", "--reason", "x")
    reason = ("--reason", "x")
    refused(2, "Say what is to be put right: --note, --category", "amend", "t1", *reason)
    both = ("--category", "a", "--no-category")
    refused(2, "Give --category or --no-category, not both", "amend", "t1", *both, *reason)
    both = ("--tag", "a", "--no-tags")
    refused(2, "Give --tag or --no-tags, not both", "amend", "t1", *both, *reason)
    refused(2, "Missing option '--reason'", "amend", "t1", "--no-note")
    told = "no transfer 't9' in this bank (see timebank journal --format text)"
    refused(2, told, "amend", "t9", "--no-note", *reason)
    refused(2, "amend the exchange that it reverses", "amend", "r1", "--note", "x", *reason)
    for text in ("25:00", "9", "9:5", "09:30:00", "9.30", "٠٩:٣٠"):
        refused(2, "is not a time of day like 09:30", "amend", "t1", "--from", text, *reason)


# -- accounts --------------------------------------------------------------------------


def test_account_amend() -> None:
    """The day of joining and the kind; what was is told, and in the history too."""
    words = ("account", "amend", "m1", "--joined-on", "2023-02-03", "--reason", "by her card")
    assert "m1 Maria R. would be amended:\n  joined: 2023-02-03 (was 2023-03-02)\n" == well(
        *words, "--dry-run"
    )
    assert "m1 Maria R. is amended:\n  joined: 2023-02-03 (was 2023-03-02)\n" == well(*words)
    assert "m1 Maria R. is so already: nothing is to be amended.\n" == well(*words)
    assert "amend_account m1: joined: 2023-02-03 (was 2023-03-02)" == last_line()
    well("account", "amend", "m1", "--no-joined-on", "--kind", "group", "--reason", "a family")
    assert "amend_account m1: joined: none (was 2023-02-03); kind: group (was member)" == (
        last_line()
    )
    shape = json.loads(
        well("account", "amend", "m1", "--kind", "member", "--reason", "x", "--format", "json")
    )
    assert ("member", None) == (shape["kind"], shape["joined_on"])
    history = well("account", "history", "m1").splitlines()
    assert [
        f"{TODAY}  opened: Maria R.",
        f"{TODAY}  amended: by her card",
        "            joined: 2023-02-03 (was 2023-03-02)",
    ] == history[:3]


def test_account_amend_asked_wrongly() -> None:
    """Nothing to amend, a day far ahead, a kind that is never another, a slip in the id."""
    amend = ("account", "amend")
    reason = ("--reason", "x")
    refused(2, "--joined-on, --no-joined-on, --kind", *amend, "m1", *reason)
    ahead = f"{TODAY.year + 2}-01-01"
    refused(2, f"joined_on {ahead} is too far ahead", *amend, "m1", "--joined-on", ahead, *reason)
    refused(2, "'fund' is not one of", *amend, "m1", "--kind", "fund", *reason)
    refused(2, "no account 'm11'", *amend, "m11", "--kind", "group", *reason)
    both = ("--joined-on", "2024-01-01", "--no-joined-on")
    refused(2, "Give --joined-on or --no-joined-on, not both", *amend, "m1", *both, *reason)


# -- merging ---------------------------------------------------------------------------

MERGE = ("account", "merge", "m1-again", "--into", "m1", "--reason", "she registered twice")
TOLD = """\
m1-again Maria Rossi (member) would become m1 Maria R. (member):
  balance: 2:00 of m1-again would move to m1, which would hold 4:00
  history: 1 line of m1-again would be read with those of m1
  joined: m1 would have joined on 2020-05-01, not on 2023-03-02
  delegates: luca could act for m1-again no more
Nothing takes a merge back: m1-again would be closed for good.
"""
MERGED = "m1-again Maria Rossi is merged into m1 Maria R., which holds 4:00: use m1 from now on.\n"


@pytest.fixture
def duplicate() -> None:
    """Both accounts of Maria have earned."""
    well("transfer", *SIDES, "--id", "t1")
    well("transfer", "--earner", "m1-again", *SIDES[2:], "--id", "t2")
    well("delegate", "name", "m1-again", "luca")


@pytest.mark.usefixtures("duplicate")
def test_a_merge_is_told_first() -> None:
    """By a dry run, which records nothing."""
    before = records()
    assert TOLD == well(*MERGE, "--dry-run")
    assert "m1" == json.loads(well(*MERGE, "--dry-run", "--format", "json"))["id"]
    assert before == records()


@pytest.mark.usefixtures("duplicate")
def test_a_merge_asks_nobody_off_a_terminal() -> None:
    """A `y` that is piped is no answer; `--yes` is."""
    before = records()
    result = call(*MERGE, input="y\n")
    assert (2, "", before) == (result.exit_code, result.stdout, records())
    assert "look at it with --dry-run, then say --yes" in result.stderr
    assert MERGED == well(*MERGE, "--yes")
    assert "merge m1-again into m1: 2:00 moved; joined: 2020-05-01" == last_line()


@pytest.mark.usefixtures("duplicate")
@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 1), ("", 1)])
def test_a_merge_asks_at_a_terminal(folder: Path, answer: str, code: int) -> None:
    """What moves is said on standard error, and nothing is done but for a yes."""
    before = records()
    ours, theirs = pty.openpty()
    os.write(ours, f"{answer}\n".encode())
    done = subprocess.run(
        [sys.executable, "-m", "timebank", *MERGE],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": SOURCE},
        stdin=theirs,
        capture_output=True,
        check=False,
        text=True,
    )
    os.close(ours)
    os.close(theirs)
    assert (code, MERGED if answer == "y" else "") == (done.returncode, done.stdout)
    assert done.stderr.startswith(f"{TOLD}Merge m1-again into m1? [y/N]: ")
    assert ("timebank: nothing is merged" in done.stderr) == (answer != "y")
    assert before + (answer == "y") == records()


@pytest.mark.usefixtures("duplicate")
def test_a_merged_account_is_called_so() -> None:
    """Wherever its status is; and by whoever names it again."""
    well(*MERGE, "--yes")
    again = "m1-again Maria Rossi was merged into m1 Maria R. already: nothing is to be recorded.\n"
    assert again == well(*MERGE) == well(*MERGE, "--yes") == well(*MERGE, "--dry-run")
    assert "m1-again  Maria Rossi  member  merged into m1  2020-05-01" in well("account", "list")
    assert "Status:   merged into m1" in well("account", "show", "m1-again")
    assert "Status:    merged into m1" in well("balance", "m1-again")
    assert "member  merged into m1    2:00   2:00     0:00" in well("trial-balance")
    assert "m1-again Maria Rossi (member, merged into m1)" in well("statement", "m1-again")
    assert "merge: she registered twice" in well("statement", "m1-again")
    for words in (
        ("account", "freeze", "m1-again"),
        ("account", "reopen", "m1-again"),
        ("account", "merge", "m1-again", "--into", "m2", "--reason", "x", "--yes"),
        ("account", "merge", "m2", "--into", "m1-again", "--reason", "x", "--yes"),
        ("transfer", "--earner", "m1-again", "--spender", "m2", "--hours", "1"),
    ):
        told = "account m1-again Maria Rossi is merged into m1 Maria R.: it cannot"
        refused(1, told, *words)


@pytest.mark.usefixtures("duplicate")
def test_a_merged_history_reads_as_one() -> None:
    """The line of the duplicate says so, and the events of both are told."""
    well(*MERGE, "--yes")
    lines = well("statement", "m1").splitlines()
    assert ["Statement of m1 Maria R. (member)", "With the history of m1-again Maria Rossi"] == (
        lines[:2]
    )
    rows = [line.split() for line in lines if line.startswith(str(TODAY))]
    assert [
        [str(TODAY), "m2", "2:00", "2:00"],
        [str(TODAY), "m1-again", "m2", "2:00", "4:00"],
    ] == rows
    history = well("account", "history", "m1")
    assert f"{TODAY}  m1-again merged into it: she registered twice\n" in history
    assert f"{TODAY}  m1-again opened: Maria Rossi\n" in history
    own = well("account", "history", "m1-again").splitlines()[-1]
    assert f"{TODAY}  m1-again merged into m1: she registered twice" == own


@pytest.mark.usefixtures("duplicate")
def test_a_merge_that_is_refused_is_never_asked() -> None:
    """Open holds, two kinds, a slip in an id, itself; --yes changes nothing."""
    well("hold", "--earner", "m2", "--spender", "m1-again", "--hours", "1", "--id", "h1")
    refused(1, "1:00 held and 0:00 incoming: it cannot be merged; settle or void", *MERGE)
    refused(1, "settle or void them first (see timebank holds)", *MERGE, "--yes")
    well("account", "open", "f1", "--kind", "group")
    merge = ("account", "merge")
    more = ("--reason", "x", "--yes")
    refused(2, "is merged into one of its own kind", *merge, "m1", "--into", "f1", *more)
    refused(
        2,
        "no account 'm9' in this bank (see timebank account list)",
        *merge,
        "m9",
        "--into",
        "m1",
        *more,
    )
    refused(2, "no account 'm9'", *merge, "m1", "--into", "m9", *more)
    refused(2, "not into itself", *merge, "m1", "--into", "m1", *more)
    refused(2, "Missing option '--into'", *merge, "m1", *more)


def test_what_both_were_charged_is_told_before_a_merge() -> None:
    """Who is one person owes dues once, and has one welcome credit."""
    with timebank.open("sqlite:///bank.db") as bank:
        bank.open_account("common", kind="fund")
        dues = Dues(hours=4, fund="common", name="yearly")
        welcome = Welcome(hours=2, fund="common", given="when asked")
        bank.adopt(Statute(version="v1", dues=dues, welcome=welcome))
        bank.welcome("m1-again")
        bank.run_due()
    reverse = f"reverse due:yearly:{TODAY.year}:m1-again"
    told = well(*MERGE, "--dry-run")
    assert f"  charged: it would count for m1: welcome, yearly {TODAY.year}\n" in told
    assert f"  charged to both: yearly {TODAY.year}: {reverse}, if it is owed once\n" in told
    done = well(*MERGE, "--yes")
    assert f"Both were charged yearly {TODAY.year}: {reverse}, if it is owed once.\n" in done
    assert 2 == done.count("\n")
    assert f"from common to m1 on {TODAY}" in well(*reverse.split(), "--reason", "one person")


def test_a_balance_beyond_a_limit_is_told_before_a_merge() -> None:
    """No limit stops it."""
    well("transfer", "--earner", "m1", "--spender", "m1-again", "--hours", "20")
    well("transfer", "--earner", "m2", "--spender", "m1", "--hours", "30")
    assert "which would hold -30:00, below its floor -20:00" in well(*MERGE, "--dry-run")
    well("account", "limits", "m1", "--floor", "none", "--ceiling=-40")
    assert "which would hold -30:00, above its ceiling -40:00" in well(*MERGE, "--dry-run")


def test_a_name_is_only_a_name() -> None:
    """Neither braces nor control characters of a name do anything."""
    well("account", "rename", "m1-again", "{x} \x1b[31mred")
    assert "m1-again {x} ␛[31mred is merged into m1 Maria R." in well(*MERGE, "--yes")


# -- closed books ----------------------------------------------------------------------

CLOSE = ("close-books", "--reason", "approved", "--through")


def test_close_books_and_open_them() -> None:
    """Each says what is so from then on; the list says since when, by whom, and why."""
    assert "No books are closed.\n" == well("close-books")
    closed = f"closed through {LAST_YEAR}, by record 4.\n"
    assert (
        f"The books would be {closed}"
        "Nothing of a day up to then would be recorded or amended any more.\n"
    ) == well(*CLOSE, str(LAST_YEAR), "--dry-run")
    assert (
        f"The books are {closed}Nothing of a day up to then is recorded or amended any more.\n"
    ) == well("--actor", "board", *CLOSE, str(LAST_YEAR))
    assert f"The books are closed through {LAST_YEAR} already: nothing is to be recorded.\n" == (
        well(*CLOSE, str(LAST_YEAR))
    )
    assert f"close_books by board: books are closed through {LAST_YEAR}" == last_line()
    earlier = LAST_YEAR - timedelta(days=365)
    assert (
        f"The books are closed through {earlier}, by record 5.\n"
        f"They were closed through {LAST_YEAR}: the days in between are open again.\n"
    ) == well(*CLOSE, str(earlier))
    opened = ("close-books", "--open", "--reason", "the wrong year")
    assert f"The books are open again, by record 6: they were closed through {earlier}.\n" == well(
        *opened
    )
    assert "The books are open already: nothing is to be recorded.\n" == well(*opened)
    assert "close_books: books are open again" == last_line()
    assert [
        "No books are closed.",
        f"  {TODAY}  open again, record 6: the wrong year",
        f"  {TODAY}  closed through {earlier}, record 5: approved",
        f"  {TODAY}  closed through {LAST_YEAR} by board, record 4: approved",
    ] == well("close-books").splitlines()
    shapes = json.loads(well("close-books", "--format", "json"))
    assert [None, str(earlier), str(LAST_YEAR)] == [one["through"] for one in shapes]


def test_close_books_asked_wrongly() -> None:
    """A year that is not over, none at all, both at once, none to open."""
    refused(2, f"through {TODAY} is not over", *CLOSE, str(TODAY))
    refused(2, "books are closed through a day before today", *CLOSE, f"{TODAY.year}-12-31")
    refused(2, "Give --through or --open, not both", *CLOSE, str(LAST_YEAR), "--open")
    refused(2, "Say --through, the last day", "close-books", "--reason", "x")
    refused(2, "Say --through, the last day", "close-books", "--dry-run")
    refused(2, "--reason is missing", "close-books", "--through", str(LAST_YEAR))
    refused(2, "no books are closed", "close-books", "--open", "--reason", "x")


def test_what_closed_books_refuse() -> None:
    """An exchange, a hold and an amendment of a closed day: each says what would pass."""
    before = LAST_YEAR - timedelta(days=30)
    well("transfer", *SIDES, "--id", "t1", "--on", str(before))
    well(*CLOSE, str(LAST_YEAR))
    words = f"closed through {LAST_YEAR}: nothing of {before} is recorded; a day from"
    after = f"{LAST_YEAR.year + 1}-01-01 on would pass, or open the books again first"
    for command in ("transfer", "hold"):
        refused(1, words, command, *SIDES, "--on", str(before))
        refused(1, after, command, *SIDES, "--on", str(LAST_YEAR))
    amended = f"nothing of {before} is amended; open the books again first"
    refused(1, amended, "amend", "t1", "--category", "x", "--reason", "x")
    refused(1, words, "reverse", "t1", "--reason", "x", "--on", str(before))
    assert f"on {TODAY} is record 6" in well("reverse", "t1", "--reason", "x")


def test_books_are_not_closed_before_dues_are_charged() -> None:
    """The refusal says which command comes first."""
    then = datetime(LAST_YEAR.year, 6, 1, tzinfo=UTC)
    with timebank.open("sqlite:///dues.db", clock=lambda: then) as bank:
        for id in ("m1", "m2", "m3", "m4", "common"):
            bank.open_account(id, kind="fund" if id == "common" else "member")
        bank.adopt(Statute(version="v1", dues=Dues(hours=4, fund="common")))
    result = call("--db", "dues.db", *CLOSE, str(LAST_YEAR))
    assert 1 == result.exit_code
    assert (
        f"timebank: dues up to {LAST_YEAR} are not charged yet, of 'm1', 'm2', 'm3' and 1 more; "
        f"run the dues first (timebank run-due --through {LAST_YEAR})\n"
    ) == result.stderr
    well("--db", "dues.db", "run-due", "--through", str(LAST_YEAR))
    well("--db", "dues.db", *CLOSE, str(LAST_YEAR))


def test_a_closed_year_is_named_on_its_papers() -> None:
    """Statement, trial balance and impact report, in which the day is in words."""
    closed = f"Books closed through {LAST_YEAR}"
    report = f"Books closed through {LAST_YEAR.day} {LAST_YEAR:%B %Y}"
    papers = (
        (closed, "statement", "m1"),
        (closed, "trial-balance"),
        (closed, "trial-balance", "--on", str(LAST_YEAR)),
        (report, "report", "impact"),
    )
    assert all(told not in well(*words) for told, *words in papers)
    well(*CLOSE, str(LAST_YEAR))
    assert all(told in well(*words).splitlines() for told, *words in papers)
    assert "Libri contabili chiusi fino al 31 dicembre" in well(
        "report", "impact", "--lang", "it", "--format", "html"
    )
    well("--bank", "other", "init")
    assert report not in well("report", "impact", "--all")
    well("--bank", "other", *CLOSE, str(YESTERDAY))
    assert report in well("report", "impact", "--all").splitlines()


# -- what was known at a record ----------------------------------------------------------


def test_at_a_record_or_at_an_instant() -> None:
    """Balance, statement and trial balance show what was known then."""
    well("transfer", *SIDES, "--id", "t1", "--category", "shoping")
    well("transfer", *SIDES, "--id", "t2")
    well("amend", "t1", "--category", "shopping", "--reason", "x")
    told = well("statement", "m1", "--at", "4")
    assert "As known at record 4" in told.splitlines()
    assert ("(shopping)" in told, "shoping" in told, "amended" in told) == (False, True, False)
    assert "As known at record 4" in well("trial-balance", "--at", "4").splitlines()
    assert "2:00   2:00     0:00" in well("trial-balance", "--at", "4")
    assert "Balance as known at record 4: 2:00\n" == well("balance", "m1", "--at", "4")
    assert {"account": "m1", "posted": "2:00", "at": 4} == json.loads(
        well("balance", "m1", "--at", "4", "--format", "json")
    )
    assert "m1        Maria R.     member     2:00" in well("balance", "--at", "4")
    noon = "2024-03-04T12:00:00+00:00"
    assert f"Balance as known at {noon}: 4:00\n" == well("balance", "m1", "--at", noon)
    assert "Balance as known at 2024-03-04T08:00:00+00:00: 0:00\n" == well(
        *("balance", "m1", "--at", "2024-03-04T08:00Z")
    )
    assert 4 == json.loads(well("statement", "m1", "--at", "4", "--format", "json"))["at"]
    refused(
        2, "give on (a day of service) or at", "balance", "m1", "--at", "4", "--on", "2026-01-01"
    )
    refused(
        2,
        "no account m1 Maria R. in this bank at record 0: it was opened",
        "statement",
        "m1",
        "--at=0",
    )
    for text in ("yesterday", "2026-01-01", "2026-01-01T10:00", "-1", "9" * 17):
        refused(2, "neither a record's number nor an instant", "statement", "m1", f"--at={text}")


# -- planned holds and times -----------------------------------------------------------


def test_holds_are_a_calendar() -> None:
    """By day and time, those without a day last; whoever is late is told so."""
    ahead = TODAY + timedelta(days=9)
    for id, more in (
        ("someday", ()),
        ("evening", ("--on", str(ahead), "--from", "22:00", "--to", "1:00")),
        ("morning", ("--on", str(ahead), "--from", "9:30")),
        ("all-day", ("--on", str(ahead))),
        ("late", ("--on", str(YESTERDAY), "--to", "11:00")),
        ("today", ("--on", str(TODAY))),
    ):
        well("hold", *SIDES[:4], "--hours", "1", "--id", id, *more)
    lines = well("holds").splitlines()
    assert re.fullmatch(r"Day +Time +Hold +Status +Hours +Spends +Earns +Until +For", lines[0])
    assert [
        [str(YESTERDAY), "to", "11:00", "late", "overdue"],
        [str(TODAY), "today", "open", "1:00", "m2"],
        [str(ahead), "all-day", "open", "1:00", "m2"],
        [str(ahead), "from", "09:30", "morning", "open"],
        [str(ahead), "22:00\u201301:00", "evening", "open", "1:00"],
        ["no", "day", "someday", "open", "1:00"],
    ] == [line.split()[:5] for line in lines[2:8]]
    assert ["", "1 hold is overdue: settle what was done, and void what was not."] == lines[8:]
    order = [one["id"] for one in json.loads(well("holds", "--format", "json"))]
    assert ["late", "today", "all-day", "morning", "evening", "someday"] == order
    held = [line.split(":")[0].strip() for line in well("statement", "m1").splitlines()[-9:-3]]
    assert order == held
    well("void", "late")
    assert "overdue" not in well("holds", "--status", "all")


def test_times_are_said_where_they_are_given() -> None:
    """When it is recorded, and on the statement."""
    times = ("--from", "9:30", "--to", "11:30")
    made = well("transfer", *SIDES, "--id", "t1", "--on", "2024-03-02", *times)
    assert "t1: 2:00 from m2 to m1 on 2024-03-02 09:30\u201311:30 is record 4\n" == made
    ahead = str(TODAY + timedelta(days=9))
    held = well("hold", *SIDES, "--id", "h1", "--on", ahead, *times)
    assert f"h1: 2:00 of m2 for m1 held, on {ahead} 09:30\u201311:30\n" == held
    lines = well("statement", "m1").splitlines()
    assert re.fullmatch(r"Day +Time +With +Description +Given +Received +Balance", lines[3])
    assert "2024-03-02  09:30\u201311:30  m2 " in lines[6]
    assert f"  h1: 2:00 to earn, on {ahead} 09:30\u201311:30, until no date" == lines[-4]
    well("settle", "h1", "--id", "s1")
    assert f"{TODAY}  09:30\u201311:30  m2 " in well("statement", "m1")


def test_a_day_in_a_zone_that_is_unknown_is_that_of_utc() -> None:
    """The list of holds needs no data on time zones."""
    with timebank.open("sqlite:///bank.db") as bank:
        bank.adopt(Statute(version="v1", time_zone="Pacific/Kiritimati"))
    well("hold", *SIDES, "--id", "h1", "--on", str(YESTERDAY))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("timebank.statute.rules._day", _no_zone)
        assert "overdue" in well("holds")


def _no_zone(time_zone: str, second: int) -> str:
    raise timebank.InvalidStatute(time_zone)
