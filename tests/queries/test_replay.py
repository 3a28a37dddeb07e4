"""A statute tried on history: what differs, of whom, by which rule; nothing under its own."""

from __future__ import annotations

import contextlib
import json
import tracemalloc
from collections import Counter
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import timebank
from support import BEGINNING, Clock, fill, fill_with_members, fill_with_rules, run_due, sources
from timebank import (
    Band,
    Demurrage,
    Dues,
    Fee,
    Granularity,
    Hours,
    LargestExchange,
    RecordWithin,
    Replay,
    Statute,
    TimeBank,
    TimebankError,
    WrongType,
)
from timebank.cli import main
from timebank.journal import parse
from timebank.queries.replay import replay
from timebank.reports.statute import replay_text


@pytest.fixture
def town(bank: TimeBank) -> TimeBank:
    """Two members, one of them for long, and a fund."""
    bank.open_account("anna", joined_on=BEGINNING.date())
    bank.open_account("bruno", joined_on=date(2020, 1, 1))
    bank.open_account("fund", kind="fund")
    return bank


def lines(tried: Replay) -> list[tuple[str, str, str, int, str]]:
    """Account, outcome, rule, how often, hours."""
    return [
        (one.account, one.outcome, one.rule, one.exchanges, str(one.hours)) for one in tried.lines
    ]


def members(**band: Any) -> dict[str, Any]:
    """Limits of members."""
    return {"limits": {"member": Band(**band)}}


# -- each outcome ------------------------------------------------------------------------


def test_refused_by_a_limit_against_the_real_balances(town: TimeBank) -> None:
    """What would have been refused took place: each is judged where it really stood."""
    for number in range(4):
        town.transfer(earner="anna", spender="bruno", hours=3, id=f"t{number}")
    tried = town.replay(Statute(version="v2", **members(floor=-5, ceiling=10)))
    # floors are looked at before ceilings, so the account above its ceiling is not named
    assert [("bruno", "refused", "floor", 3, "9:00")] == lines(tried)
    assert (4, 3, 0) == (tried.judged, tried.refused, tried.exempt)
    assert ("t1", "t3", "bruno") == (tried.lines[0].first, tried.lines[0].last, tried.lines[0].id)
    assert "v2" == tried.id


def test_flagged(town: TimeBank) -> None:
    """Of a limit its account, of the size and the day everybody who took part."""
    town.transfer(
        earner="anna", spender="bruno", hours=9, occurred_on=BEGINNING.date() - timedelta(days=9)
    )
    tried = town.replay(
        Statute(
            version="v2",
            largest_exchange=LargestExchange(hours=8, beyond="flag"),
            record_within=RecordWithin(days=5, beyond="flag"),
            **members(floor=-5, beyond="flag"),
        )
    )
    assert [
        ("anna", "flagged", "days to record", 1, "9:00"),
        ("anna", "flagged", "largest exchange", 1, "9:00"),
        ("bruno", "flagged", "days to record", 1, "9:00"),
        ("bruno", "flagged", "floor", 1, "9:00"),
        ("bruno", "flagged", "largest exchange", 1, "9:00"),
    ] == lines(tried)
    assert (1, 0) == (tried.flagged, tried.refused)


def test_charged_more_and_less(town: TimeBank) -> None:
    """The difference to the fee that was paid, of who pays; a fund that is not there is one."""
    town.adopt(Statute(version="v1", fee=Fee(share="10%", fund="fund")))
    town.transfer(earner="anna", spender={"bruno": 1, "fund": 1}, id="t1")
    more = Statute(version="v2", fee=Fee(share="1/4", fund="elsewhere"))
    assert [
        ("bruno", "charged", "fee", 1, "0:09"),
        ("fund", "charged", "fee", 1, "0:15"),
    ] == lines(town.replay(more))
    less = Statute(version="v3")
    assert [("bruno", "charged", "fee", 1, "-0:06")] == lines(town.replay(less))
    other = Statute(version="v4", fee=Fee(share="10%", fund="fund", payer="earner"))
    assert [
        ("anna", "charged", "fee", 1, "0:12"),
        ("bruno", "charged", "fee", 1, "-0:06"),
    ] == lines(town.replay(other))


def test_a_fund_that_was_frozen_or_not_open_yet(town: TimeBank) -> None:
    """It is taken as open: one tries a statute before all is ready for it."""
    town.transfer(earner="anna", spender="bruno", hours=1)
    town.open_account("late", kind="fund", ceiling=0)
    town.freeze("late")
    town.transfer(earner="anna", spender="bruno", hours=1)
    tried = town.replay(Statute(version="v2", fee=Fee(share="10%", fund="late")))
    assert [("bruno", "charged", "fee", 2, "0:12")] == lines(tried)


def test_rounded(town: TimeBank) -> None:
    """By a unit: what more each moves; a unit that refuses is a refusal of both."""
    town.transfer(earner="anna", spender="bruno", hours="0:52")
    up = Statute(version="v2", granularity=Granularity(unit="0:15", rounding="up"))
    assert [
        ("anna", "rounded", "granularity", 1, "0:08"),
        ("bruno", "rounded", "granularity", 1, "0:08"),
    ] == lines(town.replay(up))
    strict = Statute(version="v3", granularity=Granularity(unit="0:15"))
    tried = town.replay(strict)
    assert [
        ("anna", "refused", "granularity", 1, "0:52"),
        ("bruno", "refused", "granularity", 1, "0:52"),
    ] == lines(tried)
    assert 1 == tried.refused


def test_months_of_membership_are_those_of_the_moment(town: TimeBank, clock: Clock) -> None:
    """A year on, the same exchange would pass."""
    rule = Statute(version="v2", limits={"member": [Band(floor=-1), Band(from_month=12, floor=-9)]})
    town.transfer(earner="fund", spender="anna", hours=2, id="early")
    town.transfer(earner="fund", spender="bruno", hours=2)
    clock.now += timedelta(days=365)
    town.transfer(earner="fund", spender="anna", hours=2, id="late")
    (line,) = town.replay(rule).lines
    assert ("anna", 1, "early", "early") == (line.account, line.exchanges, line.first, line.last)


# -- what is exempt ----------------------------------------------------------------------


def test_imports_reversals_settlements_and_dues_are_exempt(town: TimeBank) -> None:
    """A hold is judged when it was made, and its settlement is not, even for longer."""
    strict = Statute(version="v2", **members(floor=-1))
    town.transfer(earner="anna", spender="bruno", hours=5, id="import", limits="unchecked")
    town.reverse("import", reason="why")
    town.hold(earner="anna", spender="bruno", hours=2, id="h1")
    town.settle("h1", hours=9, id="s1")
    town.adopt(Statute(version="v1", dues=Dues(hours=3, fund="fund")))
    town.run_due()
    tried = town.replay(strict)
    assert [("bruno", "refused", "floor", 1, "2:00")] == lines(tried)
    assert (1, 5) == (tried.judged, tried.exempt)


def test_open_holds_count_and_expired_ones_do_not(town: TimeBank, clock: Clock) -> None:
    """What was held at the moment is held there again."""
    town.hold(earner="anna", spender="bruno", hours=2, expires_in=timedelta(hours=1))
    town.transfer(earner="anna", spender="bruno", hours=2, id="during")
    clock.now += timedelta(hours=2)
    town.transfer(earner="anna", spender="bruno", hours=1, id="after")
    tried = town.replay(Statute(version="v2", **members(floor=-3)))
    assert [("during", "during")] == [(one.first, one.last) for one in tried.lines]


def test_another_time_zone(town: TimeBank) -> None:
    """The days are those that were recorded, whatever another time zone makes of them."""
    town.adopt(Statute(version="v1", time_zone="Pacific/Kiritimati"))
    day = BEGINNING.date() + timedelta(days=2)
    clock = town._sources.clock
    assert isinstance(clock, Clock)
    clock.now = clock.now.replace(hour=11)
    town.transfer(earner="anna", spender="bruno", hours=1, occurred_on=day)
    tried = town.replay(Statute(version="v2", time_zone="Pacific/Midway"))
    assert () == tried.lines


def test_what_is_no_statute(town: TimeBank) -> None:
    """It says what to give it."""
    with pytest.raises(WrongType, match=r"replay takes a Statute .*, not 'v1'"):
        town.replay("v1")  # type: ignore[arg-type]


# -- what is not judged, and imports -----------------------------------------------------


def test_what_could_not_be_judged_is_said_first(town: TimeBank, clock: Clock) -> None:
    """By what it is; what was judged, and what was not, are all that there is."""
    v2 = Statute(version="v2", **members(floor=-1))
    assert ["Judged: all there is, 0 exchanges.", "", "Under v2 nothing could be judged."] == (
        replay_text(town.replay(v2))
    )
    town.open_account("opening", kind="issuance")
    rule = Dues(hours=1, fund="fund", every="once")
    town.adopt(Statute(version="v1", dues=rule))
    run_due(town)
    town.transfer(earner="anna", spender="bruno", hours=2, id="t1")
    town.reverse("t1", reason="twice")
    town.hold(earner="anna", spender="bruno", hours=1, id="h1")
    town.settle("h1")
    for number in range(2):
        town.transfer(earner="anna", spender="bruno", hours=3, id=f"i{number}", limits="unchecked")
    town.transfer(earner="opening", spender="anna", hours=9, kind="opening", limits="unchecked")
    tried = town.replay(v2)
    assert (2, 0, 6) == (tried.judged, tried.judged_imports, tried.exempt)
    assert (3, 1, 1, 1) == (tried.imports, tried.reversals, tried.settlements, tried.dues)
    assert [
        "Judged: 2 exchanges; not judged: 3 imports, 1 reversal, 1 settlement, 1 charge of dues.",
        "With --include-imports what was imported is judged as of its own day.",
    ] == replay_text(tried)[:2]
    tried = town.replay(v2, include_imports=True)
    assert (4, 2, 1, 4) == (tried.judged, tried.judged_imports, tried.imports, tried.exempt)
    assert (
        "Judged: 4 exchanges, 2 of them imported; "
        "not judged: 1 import, 1 reversal, 1 settlement, 1 charge of dues."
    ) == replay_text(tried)[0]
    assert ("bruno", "refused", "floor", 3, "8:00") in lines(tried)
    many = attrs.evolve(tried, judged=4558, judged_imports=4558, refused=1200)
    many = attrs.evolve(many, imports=0, reversals=0, settlements=0, dues=0)
    told = replay_text(many)
    assert "Judged: all there is, 4,558 exchanges, 4,558 of them imported." == told[0]
    assert "of 4,558 exchanges 1,200 would be refused." in told[-1]


def test_an_import_is_judged_as_of_its_own_day(town: TimeBank) -> None:
    """It was not recorded late then, and who did not belong for long was in his first months."""
    long_ago = date(2020, 3, 1)
    town.transfer(
        earner="anna",
        spender="bruno",
        hours=3,
        id="old",
        occurred_on=long_ago,
        limits="unchecked",
    )
    bands = [Band(floor=-2), Band(from_month=12, floor=-20)]
    v2 = Statute(version="v2", record_within=RecordWithin(days=5), limits={"member": bands})
    tried = town.replay(v2, include_imports=True)
    assert [("bruno", "refused", "floor", 1, "3:00")] == lines(tried)


# -- under its own statute nothing differs -----------------------------------------------


def test_the_neighbourhood_under_its_own_statutes(clock: Clock) -> None:
    """Each of its parts, by the statute that was in force there."""
    bank = timebank.open("memory:", **sources(clock))
    fill(bank)
    assert () == bank.replay(bank.statute()).lines
    fill_with_rules(bank)
    fill_with_members(bank, clock)
    assert bank.replay(bank.statute()).differs
    assert bank.replay(Statute(version="default/1", **members(floor=-20))).differs


STATUTES = [
    Statute(version="limits", **members(floor=-2, ceiling=3)),
    Statute(version="soft", **members(floor=-1, ceiling=1, beyond="flag")),
    Statute(
        version="all",
        time_zone="Europe/Rome",
        granularity=Granularity(unit="0:00:07", rounding="nearest"),
        largest_exchange=LargestExchange(hours=2, beyond="flag"),
        record_within=RecordWithin(days=2, beyond="flag"),
        fee=Fee(share="3/100", fund="fund", payer="earner"),
        dues=Dues(hours="0:10", fund="fund", every="month"),
        demurrage=Demurrage(share="1/3", above=0, fund="fund", every="month"),
        **members(floor=-2),
    ),
    Statute(version="fee", fee=Fee(fixed="0:03", fund="fund"), **members(floor=-3, ceiling=2)),
]
names = st.sampled_from(["a", "b", "c", "fund"])
sides = st.dictionaries(names, st.integers(1, 9000), min_size=1, max_size=3)
steps = st.tuples(
    st.sampled_from(["transfer", "hold", "settle", "void", "reverse", "wait", "due", "freeze"]),
    sides,
    sides,
    st.integers(0, 5),
)


def _history(bank: TimeBank, clock: Clock, history: list[Any], *, imported: int = 0) -> None:
    """What can be of these steps; of the transfers each so-many-th is an import."""
    for id in ("a", "b", "c"):
        bank.open_account(id)
    for number, (what, up, down, more) in enumerate(history):
        sides = _sides(up, down, f"{what}{number}")
        if imported and what == "transfer" and number % imported == 0:
            sides["limits"] = "unchecked"
        with contextlib.suppress(TimebankError, StopIteration):
            _step(bank, clock, what, sides, more)


def _sides(up: dict[str, int], down: dict[str, int], id: str) -> dict[str, Any]:
    """Both sides of an exchange, in odd proportions, and its id."""
    total = Hours.from_seconds(max(sum(up.values()), 60))
    shares = [timebank.split(total, list(side), weights=side) for side in (up, down)]
    return {"earner": shares[0], "spender": shares[1], "id": id}


def _step(bank: TimeBank, clock: Clock, what: str, sides: dict[str, Any], more: int) -> None:
    if what == "transfer":
        day = clock.now.date() - timedelta(days=more)
        bank.transfer(**sides, occurred_on=day, kind="gift" if more == 1 else "exchange")
    elif what == "hold":
        bank.hold(**sides, expires_in=timedelta(days=more + 1))
    elif what == "settle":
        held = next(bank.holds())
        bank.settle(held.id, hours=held.hours * (more + 1))
    elif what == "void":
        bank.void(next(bank.holds()).id)
    elif what == "reverse":
        bank.reverse(next(bank.transfers(newest_first=True)).id, reason="why")
    elif what == "wait":
        clock.now += timedelta(days=7 * more)
    elif what == "due":
        bank.run_due()
    else:
        (bank.freeze if bank.account("c").status == "open" else bank.thaw)("c")


@given(st.sampled_from(STATUTES), st.lists(steps, min_size=4, max_size=25))
def test_nothing_differs_under_the_statute_that_was_in_force(
    statute: Statute, history: list[Any]
) -> None:
    """Whatever happened: flags, fees and units that were recorded are no difference."""
    clock = Clock()
    with timebank.open("memory:", **sources(clock)) as bank:
        bank.open_account("fund", kind="fund")
        bank.adopt(statute)
        _history(bank, clock, history)
        assert () == bank.replay(statute).lines
        assert () == bank.audit().findings


@given(st.sampled_from(STATUTES), st.lists(steps, min_size=4, max_size=25), st.booleans())
def test_what_is_judged_and_what_is_not_are_all(
    statute: Statute, history: list[Any], include_imports: bool
) -> None:
    """Each record that moves or reserves hours is counted once; no import is, unless asked for."""
    clock = Clock()
    with timebank.open("memory:", **sources(clock)) as bank:
        bank.open_account("fund", kind="fund")
        bank.adopt(statute)
        _history(bank, clock, history, imported=2)
        kinds = Counter(record.kind for record in bank.records())
        unchecked = sum("limits" in parse(record.bytes)["request"] for record in bank.records())
        tried = bank.replay(statute, include_imports=include_imports)
        moved = ("transfer", "hold", "reverse", "settle", "due")
        assert sum(kinds[kind] for kind in moved) == tried.judged + tried.exempt
        assert (kinds["reverse"], kinds["settle"], kinds["due"]) == (
            tried.reversals,
            tried.settlements,
            tried.dues,
        )
        assert (unchecked, 0)[:: -1 if include_imports else 1] == (
            tried.imports,
            tried.judged_imports,
        )
        if not include_imports:
            assert () == tried.lines


@given(st.sampled_from(STATUTES), st.lists(steps, min_size=4, max_size=25))
def test_imports_are_judged_as_if_they_had_been_checked(
    statute: Statute, history: list[Any]
) -> None:
    """The same exchanges, of today, checked by no rule or not at all: a replay says the same."""
    history = [(what, up, down, 0) for what, up, down, _ in history if what != "settle"]
    tried = []
    for imported in (1, 0):
        clock = Clock()
        with timebank.open("memory:", **sources(clock)) as bank:
            bank.open_account("fund", kind="fund")
            bank.adopt(Statute(version="none"))
            _history(bank, clock, history, imported=imported)
            tried.append(bank.replay(statute, include_imports=True))
    assert attrs.evolve(tried[0], judged_imports=0) == tried[1]


@given(st.lists(steps, min_size=4, max_size=25), st.integers(0, 4))
def test_what_a_floor_would_have_refused(history: list[Any], hours: int) -> None:
    """Just the exchanges after which somebody who had spent stood below it, less what was held."""
    clock = Clock()
    floor = Hours(-hours)
    with timebank.open("memory:", **sources(clock)) as bank:
        bank.open_account("fund", kind="fund")
        _history(bank, clock, [step for step in history if step[0] in {"transfer", "wait"}])
        expected = set()
        for made in bank.transfers():
            before = {id: bank.balance(id, at=made.sequence - 1).posted for id in "abc"}
            after = {id: bank.balance(id, at=made.sequence).posted for id in "abc"}
            if any(after[id] < before[id] and after[id] < floor for id in "abc"):
                expected.add(made.id)
        tried = bank.replay(Statute(version="v2", **members(floor=floor)))
        assert len(expected) == tried.refused
        assert expected >= {one.first for one in tried.lines} | {one.last for one in tried.lines}


# -- it streams --------------------------------------------------------------------------


def _note(done: list[int], now: int, _: int) -> None:
    done.append(now)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_exchanges() -> None:
    """Six times as many exchanges, of which each is refused, take as much memory."""
    peaks = []
    for exchanges in (2_000, 12_000):
        with timebank.open("memory:", **sources()) as bank:
            with bank.batch() as batch:
                for id in ("a", "b"):
                    batch.open_account(id)
                for number in range(exchanges):
                    sides = ("a", "b") if number % 2 else ("b", "a")
                    batch.transfer(earner=sides[0], spender=sides[1], hours=3, id=f"t{number}")
            done: list[int] = []
            tracemalloc.start()
            tried = bank.replay(
                Statute(version="v2", largest_exchange=LargestExchange(hours=1)),
                progress=partial(_note, done),
            )
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
            assert (exchanges, exchanges + 2) == (tried.refused, done[-1])
    assert peaks[1] < 1.5 * peaks[0]


def test_it_pages(bank: TimeBank, monkeypatch: pytest.MonkeyPatch) -> None:
    """Records are asked for a page at a time, each once."""
    fill(bank)
    monkeypatch.setattr("timebank.queries.replay.PAGE", 3)
    asked: list[int] = []
    with bank.store.reader("main") as reader:
        records = reader.records

        def counted(*, after: int, limit: int) -> Any:
            asked.append(after)
            return records(after=after, limit=limit)

        monkeypatch.setattr(reader, "records", counted)
        replay(reader, bank.statute())
        assert [*range(0, reader.head().sequence, 3), reader.head().sequence] == asked


# -- the command -------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bank in a file, and a statute beside it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIMEBANK_DB", "bank.db")
    with timebank.open("sqlite:///bank.db", **sources()) as bank:
        for id in ("anna", "bruno"):
            bank.open_account(id)
        bank.transfer(earner="anna", spender="bruno", hours=5, id="t1")
        bank.transfer(earner="anna", spender="bruno", hours=1, id="t2", limits="unchecked")
    rules = {"version": "v2", "limits": {"member": [{"floor": -4}]}}
    (tmp_path / "v2.json").write_text(json.dumps(rules), "utf-8")
    (tmp_path / "own.json").write_text('{"version": "v3"}', "utf-8")
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_the_command() -> None:
    """A table and a sentence; as JSON; where nothing differs it says so; it writes nothing."""
    runner = CliRunner()
    before = Path("bank.db").read_bytes()
    shown = runner.invoke(main, ["statute", "replay", "v2.json"])
    assert (0, "") == (shown.exit_code, shown.stderr)
    assert [
        "Judged: 1 exchange; not judged: 1 import.",
        "With --include-imports what was imported is judged as of its own day.",
        "",
        "Account  Would be  Rule   Exchanges  Hours  First  Last",
        "-------  --------  -----  ---------  -----  -----  ----",
        "bruno    refused   floor          1   5:00  t1     t1",
        "",
        "Under v2, of 1 exchange 1 would be refused.",
    ] == shown.stdout.splitlines()
    shown = runner.invoke(main, ["statute", "replay", "v2.json", "--include-imports"])
    assert [
        "Judged: all there is, 2 exchanges, 1 of them imported.",
        "Under v2, of 2 exchanges 2 would be refused.",
    ] == shown.stdout.splitlines()[:: len(shown.stdout.splitlines()) - 1]
    shape = json.loads(
        runner.invoke(main, ["statute", "replay", "v2.json", "--format", "json"]).stdout
    )
    assert ("v2", 1, 0, 1, 1, 0, 1, "5:00") == (
        shape["statute"],
        shape["judged"],
        shape["judged_imports"],
        shape["exempt"],
        shape["imports"],
        shape["reversals"],
        shape["refused"],
        shape["lines"][0]["hours"],
    )
    shown = runner.invoke(main, ["statute", "replay", "own.json"])
    assert "\nUnder v3 nothing would have been different, of 1 exchange.\n" in shown.stdout
    assert before == Path("bank.db").read_bytes()
