"""The presences of a period, against SQL over the tables and against the impact report."""

from __future__ import annotations

from collections import Counter
from datetime import date, time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import timebank
from queries.hours_in_sql import hours_in_sql
from random_banks import Walk
from support import Clock, examples, fill, fill_with_rules, sources
from timebank import (
    AccountNotFound,
    Counted,
    Hours,
    InvalidRequest,
    Presences,
    TimeBank,
    WrongType,
    federation,
)

PERIODS = (
    (None, None),
    (date(2026, 2, 1), date(2026, 5, 1)),
    (date(2026, 4, 1), None),
)


@pytest.fixture
def bank(clock: Clock) -> TimeBank:
    """Two members, a family, a fund, and no exchange."""
    made = timebank.open("memory:", **sources(clock))
    made.open_account("anna", name="Anna Bianchi")
    made.open_account("bruno", name="Bruno Verdi")
    made.open_account("rossi", kind="group", name="Famiglia Rossi")
    made.open_account("pot", kind="fund")
    return made


@pytest.fixture
def clock() -> Clock:
    """The clock of the bank."""
    return Clock()


def told(found: Presences) -> list[tuple[Any, ...]]:
    """What the lines say, in short."""
    return [(one.account, str(one.hours), one.spenders) for one in found.lines]


# -- against other computations --------------------------------------------------------


@examples(60)
@given(st.integers(0, 2**32), st.sampled_from(PERIODS))
def test_every_hour_of_the_impact_report_is_somewhere(
    seed: int, period: tuple[date | None, date | None]
) -> None:
    """Presences, what the choice left out, and what no person earned come to the exchanges."""
    walk = Walk(seed)
    walk.walk(70)
    since, until = period
    for bank in (walk.bank, walk.peer):
        impact = bank.impact(since=since, until=until, at_least=1)
        for counted in (None, Counted(categories="care"), Counted(tags=("a", "b"))):
            found = bank.presences(since=since, until=until, counted=counted)
            parts = (found.hours, found.left_out.hours, found.of_others.hours)
            every = impact.exchanges.hours.seconds + impact.given_to_banks.hours.seconds
            if counted is None:
                assert impact.received_from_banks.hours == found.from_banks.hours
                assert Hours(0) == found.left_out.hours
            every += impact.received_from_banks.hours.seconds
            total = sum(one.seconds for one in (*parts, found.from_banks.hours))
            assert every == total


@examples(50)
@given(st.integers(0, 2**32))
def test_among_members_the_register_has_the_hours_of_the_impact_report(seed: int) -> None:
    """Where all who spend are members or groups it is the same figure."""
    bank = Walk(seed).walk(70)
    kinds = {account.id: account.kind for account in bank.accounts()}
    found = bank.presences()
    among = [
        one.hours.seconds
        for one in found.lines
        if {kinds[id] for id in one.spenders} <= {"member", "group"}
    ]
    impact = bank.impact(at_least=1)
    mixed = [one for one in bank.transfers() if one.kind == "exchange" and len(one.earners) > 1]
    if not any({kinds[id] for id in one.earners} - {"member", "group"} for one in mixed):
        assert impact.among_members.hours.seconds == sum(among)


def by_label(found: Presences) -> Counter[tuple[str, str, str]]:
    """Seconds by day, account and category."""
    sums: Counter[tuple[str, str, str]] = Counter()
    for one in found.lines:
        sums[str(one.occurred_on), one.account, one.category or ""] += one.hours.seconds
    return Counter({key: seconds for key, seconds in sums.items() if seconds})


@examples(50)
@given(st.integers(0, 2**32), st.sampled_from(PERIODS))
def test_the_tables_alone_say_the_same(seed: int, period: tuple[date | None, date | None]) -> None:
    """SQL over the tables of SQLite comes to the same seconds a day, account and category."""
    walk = Walk(seed)
    walk.walk(70)
    since, until = period
    for bank in (walk.bank, walk.peer):
        expected = hours_in_sql(bank, str(since or "0000"), str(until or "9999"))
        assert expected == by_label(bank.presences(since=since, until=until))


# -- what is counted -------------------------------------------------------------------


def test_a_line_says_who_when_to_whom_and_what(bank: TimeBank) -> None:
    """With both times, the note and the record."""
    bank.transfer(
        earner="anna",
        spender="rossi",
        hours="1:30",
        occurred_on=date(2026, 3, 1),
        started_at=time(9, 30),
        ended_at=time(11),
        category="care",
        area="mobility",
        tags=["via-roma"],
        note="to the clinic",
        id="visit",
    )
    found = bank.presences()
    (line,) = found.lines
    assert ("anna", date(2026, 3, 1), time(9, 30), time(11), Hours("1:30")) == (
        line.account,
        line.occurred_on,
        line.started_at,
        line.ended_at,
        line.hours,
    )
    assert (("rossi",), "care", "mobility", ("via-roma",), "to the clinic") == (
        line.spenders,
        line.category,
        line.area,
        line.tags,
        line.note,
    )
    assert ("visit", 5, None, Hours("1:30")) == (
        line.exchange,
        line.sequence,
        line.takes_back,
        line.span,
    )
    assert {"anna": "Anna Bianchi", "rossi": "Famiglia Rossi"} == found.names
    assert bank.head() == found.head


def test_lines_are_by_day_beginning_and_record(bank: TimeBank) -> None:
    """Those without a beginning come last on their day, whenever they were recorded."""
    for day, begins, id in (
        (2, None, "d"),
        (2, time(15), "c"),
        (2, time(8), "b"),
        (1, None, "a"),
        (2, time(15), "c2"),
    ):
        bank.transfer(
            earner="anna",
            spender="bruno",
            hours=1,
            occurred_on=date(2026, 3, day),
            started_at=begins,
            id=id,
        )
    found = bank.presences()
    assert ["a", "b", "c", "c2", "d"] == [one.exchange for one in found.lines]
    assert 5 == found.untimed  # none of them says when it ended


def test_what_was_reversed_is_taken_off(bank: TimeBank) -> None:
    """Some of it, of each earner; of what was reversed whole there is no line."""
    bank.open_account("carla")
    two = timebank.split("2:00", ["anna", "bruno"])
    bank.transfer(earner=two, spender="rossi", id="shared")
    bank.transfer(earner="carla", spender="rossi", hours=1, id="mistake")
    bank.reverse("shared", hours="0:30", reason="it was less")
    bank.reverse("mistake", reason="entered twice")
    found = bank.presences()
    assert [("anna", "0:45", ("rossi",)), ("bruno", "0:45", ("rossi",))] == told(found)
    assert (0, Hours(0)) == (found.left_out.exchanges, found.left_out.hours)


def test_a_closed_year_stays_as_it_was(bank: TimeBank, clock: Clock) -> None:
    """What is reversed later is a line below zero, on its own day; the impact report agrees."""
    last = date(2025, 12, 20)
    bank.transfer(earner="anna", spender="rossi", hours=2, occurred_on=last, category="care")
    bank.transfer(
        earner="anna", spender="rossi", hours=3, occurred_on=last, category="cook", id="dinner"
    )
    year: Any = {"since": date(2025, 1, 1), "until": date(2025, 12, 31)}
    bank.close_books(through=date(2025, 12, 31), reason="approved")
    before = bank.presences(**year)
    undone = bank.reverse("dinner", hours=1, reason="it was less")
    after = bank.presences(**year)
    assert before.lines == after.lines
    assert date(2025, 12, 31) == after.closed_through
    this: Any = {"since": date(2026, 1, 1), "until": date(2026, 12, 31)}
    (line,) = bank.presences(**this).lines
    assert ("anna", Hours(-1), "dinner", undone.id, "cook") == (
        line.account,
        line.hours,
        line.takes_back,
        line.exchange,
        line.category,
    )
    assert (None, True) == (line.started_at, line.is_timed)
    for period in (year, this):
        assert bank.impact(**period).exchanges.hours == bank.presences(**period).hours
    assert Hours(-1) == bank.presences(**this, counted=Counted(categories="cook")).hours
    assert () == bank.presences(**this, counted=Counted(categories="care")).lines


def test_labels_and_times_are_those_of_today(bank: TimeBank) -> None:
    """As they were amended last, of a hold that was settled as well."""
    bank.hold(earner="anna", spender="rossi", hours=1, id="planned", category="cook", note="old")
    done = bank.settle("planned", occurred_on=date(2026, 3, 1))
    bank.amend(
        done.id,
        category="care",
        tags=["b", "a"],
        started_at=time(9),
        ended_at=time(10),
        note="new",
        reason="a slip",
    )
    (line,) = bank.presences(counted=Counted(categories="care", tags="a")).lines
    assert (("a", "b"), time(9), time(10), "new") == (
        line.tags,
        line.started_at,
        line.ended_at,
        line.note,
    )
    assert 1 == bank.presences(counted=Counted(categories="cook")).left_out.exchanges


def test_who_was_merged_is_who_they_became(bank: TimeBank) -> None:
    """On both sides; two of them on one side are one presence."""
    bank.open_account("anna-2")
    bank.open_account("rossi-2", kind="group")
    both = timebank.split("1:00", ["anna", "anna-2"])
    bank.transfer(earner=both, spender="rossi-2", id="t1")
    bank.merge("anna-2", into="anna", reason="twice")
    bank.merge("rossi-2", into="rossi", reason="twice")
    bank.reverse("t1", hours="0:20", reason="it was less")
    assert [("anna", "0:40", ("rossi",))] == told(bank.presences())


def test_only_people_are_present(bank: TimeBank) -> None:
    """What a fund or an organisation earns is counted apart, and so is the fee."""
    bank.open_account("coop", kind="organisation")
    earner = {"anna": "0:45", "pot": "0:15"}
    bank.transfer(earner=earner, spender="rossi", id="class")
    bank.transfer(earner="coop", spender="rossi", hours=2)
    found = bank.presences()
    assert [("anna", "0:45", ("rossi",))] == told(found)
    assert (2, Hours("2:15")) == (found.of_others.exchanges, found.of_others.hours)


def test_members_of_another_bank_are_not_our_volunteers() -> None:
    """Here who gave to them has a line; what they gave to us is counted apart."""
    isola = timebank.open("memory:", bank="isola")
    bovisa = TimeBank(isola.store, bank="bovisa")
    isola.open_account("anna")
    bovisa.open_account("bruno")
    terms: Any = {"they_may_owe": 20, "we_may_owe": 20}
    federation.agree(isola, bovisa, name="Bovisa", **terms)
    federation.agree(bovisa, isola, name="Isola", **terms)
    made = federation.transfer(isola, bovisa, spender="anna", earner="bruno", hours=2, id="x")
    here, there = isola.presences(), bovisa.presences()
    assert ((), 1, Hours(2)) == (here.lines, here.from_banks.exchanges, here.from_banks.hours)
    (line,) = there.lines
    assert ("bruno", Hours(2), ["Isola"]) == (
        line.account,
        line.hours,
        [there.name(id) for id in line.spenders],
    )
    assert made.earned is not None
    federation.reverse(bovisa, isola, made.earned.id, hours="0:30", reason="it was less")
    assert Hours("1:30") == isola.presences().from_banks.hours == bovisa.presences().hours


def test_names_are_those_of_today(bank: TimeBank) -> None:
    """Of who was erased the id is shown."""
    bank.transfer(earner="anna", spender="bruno", hours=1, note="gone")
    bank.rename("anna", "Anna Neri")
    assert "Anna Neri" == bank.presences().name("anna")
    bank.erase("anna", reason="asked")
    found = bank.presences()
    assert ("anna", "Bruno Verdi") == (found.name("anna"), found.name("bruno"))


def test_every_kind_of_record_can_be_read(clock: Clock) -> None:
    """Holds in every state, fees, flags: settled ones are presences, and dues are not."""
    made = timebank.open("memory:", **sources(clock))
    fill(made)
    fill_with_rules(made)
    found = made.presences()
    assert made.impact(at_least=1).exchanges.hours.seconds == sum(
        one.seconds for one in (found.hours, found.of_others.hours)
    )


# -- the choice ------------------------------------------------------------------------


def choices(bank: TimeBank) -> None:
    """Four exchanges that differ by kind, category, tag and who spends."""
    some: Any = {"earner": "anna", "hours": 1}
    bank.transfer(**some, spender="rossi", category="Care", id="care")
    bank.transfer(**some, spender="pot", category="cook", tags=["Festa"], id="party")
    bank.transfer(**some, spender="rossi", kind="turn", id="turn")
    bank.transfer(**some, spender="rossi", kind="gift", id="gift")


@pytest.mark.parametrize(
    ("counted", "taken", "left"),
    [
        (Counted(), ["care", "party"], 0),
        (Counted(categories="CÀRE"), ["care"], 1),
        (Counted(categories=["care", "cook"]), ["care", "party"], 0),
        (Counted(tags="festa"), ["party"], 1),
        (Counted(funds="pot"), ["party"], 1),
        (Counted(funds="pot", categories="care"), [], 2),
        (Counted(kinds="turn"), ["turn"], 2),
        (Counted(kinds=["turn", "exchange"], funds="rossi"), ["care", "turn"], 1),
    ],
)
def test_any_of_one_sort_and_all_of_different_sorts(
    bank: TimeBank, counted: Counted, taken: list[str], left: int
) -> None:
    """The exchanges that are not chosen are told, with their hours."""
    choices(bank)
    found = bank.presences(counted=counted)
    assert taken == [one.exchange for one in found.lines]
    assert (left, Hours(left)) == (found.left_out.exchanges, found.left_out.hours)


def test_words_that_no_exchange_has_are_told(bank: TimeBank) -> None:
    """Most often they are mistyped."""
    choices(bank)
    counted = Counted(
        kinds=["turn", "turns"], categories=["care", "caer"], tags="festa", funds="bruno"
    )
    assert {
        "kinds": ("turns",),
        "categories": ("caer",),
        "funds": ("bruno",),
        "tags": (),
    } == bank.presences(counted=counted).unmet


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ({"kinds": ()}, "no kind of transfer is counted"),
        ({"kinds": "dues"}, "nobody serves anybody by a transfer of the kind 'dues'"),
        ({"kinds": ["exchange", "opening"]}, "of the kind 'opening'"),
        ({"tags": [f"t{n}" for n in range(51)]}, "tags are 51, more than 50"),
        ({"categories": [7]}, "categories must be a str"),
        ({"categories": ""}, "categories"),
        ({"funds": 7}, "what is counted is a str or several, not 7"),
    ],
)
def test_a_choice_that_cannot_be(choice: dict[str, Any], said: str) -> None:
    """It is refused when it is made, with what is wrong."""
    with pytest.raises(InvalidRequest, match=said):
        Counted(**choice)


def test_a_fund_that_is_no_account(bank: TimeBank) -> None:
    """Nothing is counted by a slip."""
    with pytest.raises(AccountNotFound, match="no account 'pto'"):
        bank.presences(counted=Counted(funds="pto"))


def test_days_that_cannot_be(bank: TimeBank) -> None:
    """As of any other paper."""
    with pytest.raises(InvalidRequest, match="since 2026-02-01 is after until 2026-01-01"):
        bank.presences(since=date(2026, 2, 1), until=date(2026, 1, 1))
    with pytest.raises(WrongType, match=r"since must be a datetime\.date"):
        bank.presences(since="2026")  # type: ignore[arg-type]  # as somebody would write it
