"""Slips on the command line: a `=` in an id, a year of another century, a command given twice."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

import timebank
from support import made_once
from timebank import Hours, TimeBank
from timebank.cli import main
from timebank.cli.options import side
from timebank.cli.twice import twice_note


def _fill() -> None:
    """Make the bank."""
    well("init")
    for id, name in (("a", "Anna B."), ("a=1", "Aldo"), ("m2", "Maria R."), ("uid=maria", "M.")):
        well("account", "open", id, "--name", name)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder, with a bank of some members."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIMEBANK_DB", "bank.db")
    made_once(_fill)


def call(*words: str) -> Result:
    """A command, and how it ended."""
    return CliRunner().invoke(main, words, prog_name="timebank")


def well(*words: str) -> str:
    """What a command prints that ends well, and complains of nothing."""
    result = call(*words)
    assert (0, "") == (result.exit_code, result.stderr)
    return result.stdout


def refused(*words: str, code: int = 2) -> str:
    """The one line that a refused command says; nothing was written."""
    before = well("head")
    result = call(*words)
    assert (code, "", 1) == (result.exit_code, result.stdout, len(result.stderr.splitlines()))
    assert before == well("head")
    return result.stderr


def balances() -> dict[str, str]:
    """What everybody has who has anything."""
    shape = json.loads(well("trial-balance", "--format", "json"))
    return {one["account"]: one["balance"] for one in shape["lines"] if one["balance"] != "0:00"}


# -- ids with = in them --------------------------------------------------------------------


def test_an_id_with_an_equals_sign_is_one_account() -> None:
    """What follows its `=` is no hours, so that nothing else can be meant."""
    well("transfer", "--earner", "uid=maria", "--spender", "m2", "--hours", "1")
    assert {"uid=maria": "1:00", "m2": "-1:00"} == balances()


def test_what_may_be_two_accounts_is_asked_about() -> None:
    """With how to write either; each then goes where it says."""
    words = ("--spender", "m2", "--hours", "1")
    said = refused("transfer", "--earner", "a=1", *words)
    assert "--earner 'a=1' is an account, and 'a' with 1:00 is another" in said
    assert "--earner a=1=1:00 with the hours of the first, or --earner a=1:00 for the" in said
    well("transfer", "--earner", "a=1=1:00", *words)
    assert {"a=1": "1:00", "m2": "-1:00"} == balances()
    well("transfer", "--earner", "a=1:00", *words)
    assert {"a": "1:00", "a=1": "1:00", "m2": "-2:00"} == balances()


def test_an_account_that_only_a_name_has_is_asked_about_too() -> None:
    """It goes to no other because the id before its `=` is one."""
    well("account", "open", "x7", "--name", "Anna B.=2")
    assert "is another" in refused("transfer", "--earner", "a", "--spender", "anna b.=2")


def test_hours_of_each_go_by_name_as_well() -> None:
    """The last `=` divides, where what is before it is a name."""
    well("transfer", "--earner", "maria r.=1:30", "--earner", "aldo=0:30", "--spender", "a")
    assert {"m2": "1:30", "a=1": "0:30", "a": "-2:00"} == balances()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--earner", "b=1", "--spender", "a"), "no account 'b'"),
        (("--earner", "b=c", "--spender", "a", "--hours", "1"), "no account 'b=c'"),
        (("--earner", "m2=x", "--spender", "a"), "hours of 'm2'"),
        (("--earner", "uid=maria", "--earner", "m2=1", "--spender", "a"), "uid=maria=1:00"),
        (("--earner", "m2=1", "--earner", "Maria R.=1", "--spender", "a"), "names 'm2' twice"),
        (("--earner", "Mara R.", "--spender", "a", "--hours", "1"), "did you mean m2 Maria R.?"),
        (("--earner", "m2", "--spender", "a", "--hours", "1", "--via", "Alda"), "a=1 Aldo?"),
    ],
)
def test_what_cannot_be_meant_says_why(words: tuple[str, ...], said: str) -> None:
    """In one line, for a transfer as for a hold."""
    assert said in refused("transfer", *words)
    assert said in refused("hold", *words)


IDS = st.text("a=1:", min_size=1, max_size=5)


@given(opened=st.sets(IDS, min_size=1), hours=st.sampled_from(["1", "1:30", "2h", "90m"]))
def test_the_hours_never_go_to_an_account_that_is_not_meant(opened: set[str], hours: str) -> None:
    """Whatever ids there are: `ID=HOURS` is those hours of that account, or it is refused."""
    with timebank.open("memory:") as bank:
        for id in opened:
            bank.open_account(id)
        for id in opened:
            item = f"{id}={hours}"
            if item in opened:
                with pytest.raises(click.UsageError, match="is another"):
                    side(bank, "--earner", (item,))
            else:
                assert {id: hours} == side(bank, "--earner", (item,))


# -- years that are slips ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "meant"),
    [("0026-03-02", "2026-03-02"), ("1926-03-02", "2026-03-02"), ("1904-02-29", "2004-02-29")],
)
def test_a_year_of_another_century_is_asked_about(day: str, meant: str) -> None:
    """What was meant perhaps is named, and how to insist."""
    words = ("--earner", "m2", "--spender", "a", "--hours", "1")
    for command in ("transfer", "hold"):
        said = refused(command, *words, "--on", day)
        assert f"is {day} right? It is before 1970: write {meant} if that is meant" in said
    assert day in well("transfer", *words, "--on", day, "--old-day", "--id", "t1")
    assert "--old-day" in refused("reverse", "t1", "--reason", "x", "--on", day)
    assert day in well("reverse", "t1", "--reason", "x", "--old-day", "--on", day)
    well("hold", *words, "--id", "h1")
    assert "--old-day" in refused("settle", "h1", "--on", day)
    assert day in well("settle", "--old-day", "h1", "--on", day)


def test_a_day_of_joining_of_another_century_is_asked_about() -> None:
    """It may be a day of birth."""
    born = ("--joined-on", "1951-04-30")
    assert "1951-04-30 right?" in refused("account", "open", "m9", *born)
    assert "1951-04-30 right?" in refused("account", "amend", "a", *born, "--reason", "x")
    well("account", "open", "m9", *born, "--old-day")
    well("account", "amend", "a", *born, "--reason", "her card says so", "--old-day")


def test_the_library_takes_old_days_as_they_are() -> None:
    """A history may be old; the first day that is taken without a question is of 1970."""
    words = ("--earner", "m2", "--spender", "a", "--hours", "1")
    assert "1970-01-01" in well("transfer", *words, "--on", "1970-01-01", "--id", "t1")
    assert "1969-12-31 right?" in refused("transfer", *words, "--on", "1969-12-31")


def test_slips_are_told_in_the_language_that_was_asked_for() -> None:
    """And the values are the same in it."""
    words = ("--earner", "m2", "--spender", "a", "--hours", "1", "--on")
    said = refused("--lang", "it", "transfer", *words, "1926-03-02")
    assert "1926-03-02 è giusto? È prima del 1970: si scriva 2026-03-02" in said
    assert "non è un giorno scritto come" in refused("--lang", "it", "transfer", *words, "2/3/2026")


# -- twice ----------------------------------------------------------------------------


def test_an_exchange_just_like_the_last_one_is_noted() -> None:
    """It is recorded, for two may be alike; what the note advises takes it back."""
    words = ("transfer", "--earner", "m2", "--spender", "a", "--hours", "1:30")
    first, second = call(*words), call(*words)
    assert (0, "", 0) == (first.exit_code, first.stderr, second.exit_code)
    id, made = (one.stdout.partition(":")[0] for one in (first, second))
    assert f"this is just like {id}, recorded less than a minute before" in second.stderr
    assert f"timebank reverse {made} --reason 'entered twice'\n" in second.stderr
    well("reverse", made, "--reason", "entered twice")
    assert {"m2": "1:30", "a": "-1:30"} == balances()


def test_a_hold_just_like_the_last_one_is_noted() -> None:
    """Which is released, not reversed; in JSON the result is whole, and the note beside it."""
    words = ("hold", "--earner", "m2", "--spender", "a", "--hours", "1:30", "--format", "json")
    first, second = call(*words), call(*words)
    made = json.loads(second.stdout)["id"]
    assert f"just like {json.loads(first.stdout)['id']}" in second.stderr
    assert f"timebank void {made}\n" in second.stderr


@pytest.mark.parametrize(
    "other",
    [
        ("--hours", "2"),
        ("--hours", "1", "--on", "2026-03-02"),
        ("--hours", "1", "--from", "9:00"),
        ("--hours", "1", "--kind", "gift"),
        ("--hours", "1", "--id", "mine"),
        ("--hours", "1", "--dry-run"),
    ],
)
def test_what_is_another_exchange_is_not_noted(other: tuple[str, ...]) -> None:
    """Other hours, another day or time or kind, an id of its own, or nothing recorded."""
    sides = ("transfer", "--earner", "m2", "--spender", "a")
    well(*sides, "--hours", "1")
    well(*sides, *other)


def test_what_was_taken_back_since_is_not_counted() -> None:
    """Who reverses and enters again corrects."""
    words = ("transfer", "--earner", "m2", "--spender", "a", "--hours", "1")
    well(*words, "--id", "t1")
    well("reverse", "t1", "--reason", "for another day")
    well(*words)
    held = ("hold", *words[1:])
    well(*held, "--id", "h1")
    well("void", "h1")
    well(*held)


@pytest.mark.parametrize(("seconds", "is_noted"), [(59, True), (60, True), (61, False)])
@pytest.mark.parametrize(("others", "is_seen"), [(0, True), (19, True), (20, False)])
def test_a_minute_and_some_records_are_looked_at(
    seconds: int, others: int, is_noted: bool, is_seen: bool
) -> None:
    """A day later it is another exchange, and others may have written meanwhile."""
    now = [datetime(2026, 3, 2, 9, tzinfo=UTC)]
    with timebank.open("memory:", clock=lambda: now[0]) as bank:
        _two(bank)
        bank.transfer(earner="m1", spender="m2", hours=1, id="first")
        for number in range(others):
            bank.transfer(earner="m1", spender="m2", hours=Hours.from_seconds(number + 1))
        now[0] += timedelta(seconds=seconds)
        note = twice_note(bank, bank.transfer(earner="m1", spender="m2", hours=1))
    assert (is_noted and is_seen) == (note is not None)


def _two(bank: TimeBank) -> None:
    bank.open_account("m1")
    bank.open_account("m2")


@pytest.mark.parametrize(
    ("before", "command", "said", "told"),
    [
        ((), "open", "a Anna B. (member) is open already: ", "conto già aperto, minimo"),
        ((), "thaw", "a Anna B. (member) is open already: ", "conto già aperto, minimo"),
        ((), "reopen", "a Anna B. (member) is open already: ", "conto già aperto, minimo"),
        (("freeze",), "freeze", "a Anna B. (member) is frozen already: ", "conto già sospeso"),
        (("close",), "close", "a Anna B. (member) is closed already: ", "conto già chiuso"),
    ],
)
def test_what_an_account_is_already_is_said(
    before: tuple[str, ...], command: str, said: str, told: str
) -> None:
    """A second time is not told as the first: nothing is recorded."""
    words = ("account", command, "a", *(("--name", "Anna B.") if command == "open" else ()))
    for one in before:
        assert "already" not in well("account", one, "a")
    head = well("head")
    assert well(*words).startswith(said)
    assert told in well("--lang", "it", *words)
    assert head == well("head")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("Pino Bo",), "Pino Bo looks like a name"),
        (("m3", "--name", "maria  R."), "m2 has this name too"),
        (("m3", "--name", "Maria S."), ""),
        (("m3",), ""),
    ],
)
def test_an_account_that_may_be_a_slip_is_noted(words: tuple[str, ...], said: str) -> None:
    """It is opened; the same command again opens nothing, and says nothing more."""
    result = call("account", "open", *words)
    assert (0, bool(said)) == (result.exit_code, bool(result.stderr))
    assert said in result.stderr
    well("account", "open", *words)
