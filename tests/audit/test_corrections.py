"""Corrections are audited: honest ones are well wherever an audit begins, false ones are found."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date, time, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import assume, event, given
from hypothesis import strategies as st

import timebank
from audit import format_rules
from audit.corrected import (
    Change,
    amended,
    amended_account,
    merged,
    on_day,
    planned,
    settled,
    undone,
)
from audit.corrected import closed as closed_books
from audit.forgeries import DAY, Forgery, found
from audit.format_rule import report_of
from audit.test_audit_stretches import Here, same
from support import Clock, sources
from timebank import Band, Demurrage, Dues, Fee, OverReversed, Statute, TimeBank, Welcome
from timebank.audit import audit, audit_pass, processes
from timebank.audit.stretches import lead_on
from timebank.interchange.jsonl import export_jsonl
from verifiers import VERIFIERS, run

#: Steps of a bank's history, between which it may be audited.
Story = Callable[[TimeBank, Clock], Iterator[object]]

RULES = Statute(
    version="house/1",
    limits={"member": Band(floor=-8, ceiling=14), "organisation": Band(floor=-200)},
    welcome=Welcome(hours=2, fund="pot"),
    dues=[
        Dues(hours=1, fund="pot", every="month", first_period="days"),
        Dues(name="card", hours="0:10", fund="pot", every="once"),
    ],
    demurrage=Demurrage(share="1/7", above=1, fund="pot", every="month", unit="0:00:01"),
)


def opened(bank: TimeBank, *ids: str, rules: Statute | None = None) -> None:
    """Members, with a fund and an organisation."""
    bank.open_account("pot", kind="fund")
    bank.open_account("shop", kind="organisation")
    if rules is not None:
        bank.adopt(rules)
    for id in ids:
        bank.open_account(id, name=id.upper())


def descriptions(bank: TimeBank, clock: Clock) -> Iterator[object]:
    """An exchange is amended, and what was amended; and a hold, before it is settled and behind."""
    opened(bank, "m1", "m2")
    bank.transfer(earner="m1", spender="m2", hours=1, id="t", category="shoping", note="bread")
    yield bank.amend("t", reason="typo", category="shopping", started_at=time(9), tags=["a", "b"])
    yield bank.amend("t", reason="no", category=None, note="milk", ended_at=time(0, 30))
    yield bank.amend("t", reason="gone", note=None, tags=None)
    yield bank.amend("t", reason="and back", note="bread again", category="shopping")
    bank.hold(earner="m1", spender="m2", hours=2, id="h", area="north", started_at=time(23))
    yield bank.amend("h", reason="where", area="south")
    bank.settle("h", id="s", hours=1)
    yield bank.amend("s", reason="where indeed", area="west", note="a key")
    yield bank.amend("h", reason="nowhere", area=None)
    bank.hold(earner="m1", spender="m2", hours=2, id="v")
    bank.void("v", reason="rain")
    yield bank.amend("v", reason="why", note="it rained")
    bank.reverse("t", reason="twice", hours="0:20", id="u")
    yield bank.amend("t", reason="still", resource="van")
    bank.reverse("s", reason="all of it")
    yield bank.amend("s", reason="still", resource="van")


def erased(bank: TimeBank, clock: Clock) -> Iterator[object]:
    """What an amendment wrote is erased, of the record and of the account; and amended again."""
    opened(bank, "m1", "m2")
    bank.transfer(earner="m1", spender="m2", hours=1, id="t", note="bread")
    bank.amend("t", reason="more", note="bread and milk")
    yield bank.erase(record="t", reason="asked")
    yield bank.amend("t", reason="a label", area="north")
    yield bank.amend("t", reason="none", note=None)
    yield bank.amend("t", reason="another", note="cheese")
    yield bank.erase("m1", reason="asked")


def reversed_(bank: TimeBank, clock: Clock) -> Iterator[object]:
    """Both duplicates are in one transfer, with a fee, moved back partly before and after."""
    fee = Statute(version="fee/1", fee=Fee(fund="pot", share="1/10", unit="0:00:01"))
    opened(bank, "m1", "dup", "m2", rules=fee)
    bank.transfer(
        earner={"dup": "1:00", "m1": "0:30", "m2": "0:17"},
        spender="shop",
        id="earned",
        note="at the fair",
    )
    bank.transfer(earner="shop", spender={"dup": "0:41", "m1": "0:19"}, id="spent")
    bank.transfer(earner="dup", spender="m1", hours=2, id="between")
    yield bank.reverse("earned", reason="less", hours="0:07")
    yield bank.reverse("between", reason="less", hours="0:50")
    yield bank.merge("dup", into="m1", reason="the same person")
    yield bank.reverse("earned", reason="less", hours="0:11")
    yield bank.reverse("spent", reason="less", hours="0:13")
    yield bank.reverse("between", reason="less", hours="0:10")
    bank.open_account("m3")
    yield bank.merge("m1", into="m3", reason="once more")
    for id in ("earned", "spent", "between"):
        yield bank.reverse(id, reason="all of it")
    yield bank.amend("earned", reason="what it was", category="fair")


def duplicates(bank: TimeBank, clock: Clock) -> Iterator[object]:
    """Duplicates of duplicates, frozen, closed, beyond limits either way, with delegates."""
    tight = Statute(version="tight/1", limits={"member": Band(floor=-2, ceiling=2)})
    opened(bank, "a", "b", "c", "d", "e", rules=tight)
    bank.transfer(earner="a", spender="c", hours=2)
    bank.transfer(earner="b", spender="e", hours=2)
    bank.freeze("b", reason="twice?")
    bank.close_account("d", reason="twice")
    bank.name_delegate("a", "luca")
    bank.name_delegate("c", "anna")
    bank.hold(earner="c", spender="shop", hours=1, id="h", via="a")
    yield bank.merge("d", into="c", reason="r")
    yield bank.merge("b", into="a", reason="r")
    bank.freeze("a", reason="twice?")
    yield bank.void("h", reason="its way is gone")
    yield bank.freeze("c", reason="twice?")
    yield bank.merge("c", into="e", reason="r")
    yield bank.merge("a", into="e", reason="r")
    yield bank.name_delegate("e", "anna")
    yield bank.end_delegate("e", "anna")
    yield bank.transfer(earner="e", spender="shop", hours="0:30", id="later")
    yield bank.erase("e", reason="asked")


def charged(bank: TimeBank, clock: Clock) -> Iterator[object]:
    """Welcome, dues and demurrage before and after another kind, another day and a merge."""
    opened(bank, "m1", "m2", rules=RULES)
    bank.transfer(earner="m1", spender="shop", hours=9, id="work")
    clock.now += timedelta(days=40)
    yield bank.run_due()
    yield bank.amend_account("m1", reason="earlier", joined_on=date(2026, 1, 15))
    bank.open_account("late")
    bank.amend_account("late", reason="earlier", joined_on=date(2026, 4, 3))
    yield bank.run_due()
    bank.open_account("dup", joined_on=date(2026, 2, 1))
    bank.transfer(earner="dup", spender="shop", hours=3)
    yield bank.run_due()
    yield bank.merge("m1", into="dup", reason="the same")
    clock.now += timedelta(days=30)
    yield bank.run_due()
    yield bank.amend_account("m2", reason="a group", kind="group")
    clock.now += timedelta(days=30)
    yield bank.run_due()
    yield bank.amend_account("m2", reason="a member", kind="member", joined_on=None)
    yield bank.run_due()
    yield bank.reverse("due:welcome:1:m1", reason="twice")
    yield bank.welcome("dup")


def closed(bank: TimeBank, clock: Clock) -> Iterator[object]:
    """Books are closed, opened, closed again; holds, reversals and dues of a closed day."""
    opened(bank, "m1", "m2", rules=RULES)
    bank.transfer(earner="m1", spender="shop", hours=8, id="work", note="n")
    bank.hold(earner="m1", spender="shop", hours=1, id="planned", occurred_on=date(2026, 4, 20))
    bank.hold(earner="m1", spender="shop", hours=1, id="ahead", occurred_on=date(2027, 1, 1))
    clock.now += timedelta(days=30)
    bank.run_due()
    yield bank.close_books(through=date(2026, 3, 15), reason="the board")
    yield bank.reverse("work", reason="less", hours="0:30")
    yield bank.reverse("work", reason="less", hours="0:20", occurred_on=date(2026, 3, 16))
    yield bank.amend("ahead", reason="where", area="north")
    clock.now += timedelta(days=30)
    bank.freeze("m2", reason="away")
    bank.run_due()
    yield bank.close_books(through=date(2026, 4, 30), reason="the board")
    yield bank.settle("planned", id="late")
    yield bank.thaw("m2")
    yield bank.amend_account("m2", reason="earlier", joined_on=date(2026, 1, 10))
    yield bank.run_due()
    bank.open_account("dup", joined_on=date(2026, 2, 10))
    yield bank.run_due()
    yield bank.merge("m2", into="dup", reason="the same")
    yield bank.close_books(through=None, reason="an error")
    yield bank.amend("work", reason="what", area="north")
    yield bank.close_books(through=date(2026, 3, 31), reason="the board")
    yield bank.adopt(attrs.evolve(RULES, version="house/2", demurrage=None))
    yield bank.settle("ahead", hours="0:30")
    clock.now += timedelta(days=30)
    yield bank.run_due()


def restarted(bank: TimeBank, clock: Clock) -> Iterator[object]:
    """A clock that was ahead: of what it closed, charged and merged."""
    opened(bank, "m1", "m2", "dup", rules=RULES)
    bank.transfer(earner="m1", spender="shop", hours=9, id="work")
    clock.now += timedelta(days=35)
    bank.run_due()
    yield bank.close_books(through=date(2026, 3, 20), reason="the board")
    clock.now += timedelta(days=200)
    bank.run_due(through=clock.now.date())
    yield bank.close_books(through=date(2026, 10, 15), reason="the board")
    for id in ("m3", "m4"):
        bank.open_account(id)
    bank.run_due()
    yield bank.merge("dup", into="m1", reason="the same")
    for id in ("m3", "m4"):
        yield bank.amend_account(id, reason="earlier", joined_on=date(2026, 8, 1))
    bank.run_due()
    clock.now -= timedelta(days=190)
    yield bank.restart_clock(today=clock.now.date(), reason="the battery")
    yield bank.run_due()
    for one in [*bank.transfers(account="m1"), *bank.transfers(account="m2")]:
        if one.id.startswith("due:") and one.occurred_on > clock.now.date():
            with suppress(OverReversed):
                bank.reverse(one.id, reason="never was")
    yield None
    clock.now += timedelta(days=60)
    yield bank.run_due()
    yield bank.merge("m3", into="m1", reason="the same")
    yield bank.close_books(through=date(2026, 4, 30), reason="the board")
    clock.now += timedelta(days=200)
    yield bank.run_due(through=clock.now.date())


def restarted_in_closed_books(bank: TimeBank, clock: Clock) -> Iterator[object]:
    """What fell due in closed books was posted behind what fell due later, by a false clock."""
    opened(bank, "m1", "dup", rules=RULES)
    clock.now += timedelta(days=20)
    bank.run_due()
    clock.now += timedelta(days=60)
    for id in ("m1", "dup"):
        bank.freeze(id, reason="away")
    yield bank.close_books(through=date(2026, 4, 30), reason="the board")
    for id in ("m1", "dup"):
        bank.thaw(id)
    clock.now += timedelta(days=20)
    yield bank.run_due()
    yield bank.merge("dup", into="m1", reason="the same")
    clock.now -= timedelta(days=30)
    yield bank.restart_clock(today=clock.now.date(), reason="the battery")
    yield bank.run_due()
    clock.now += timedelta(days=90)
    yield bank.run_due()


def restarted_with_cards(bank: TimeBank, clock: Clock) -> Iterator[object]:
    """What is due once was charged to both duplicates: to one of them by a false clock."""
    cards = Statute(version="cards/1", dues=[Dues(hours=1, fund="pot", every="once", name="card")])
    opened(bank, "m1", "m2", rules=cards)
    bank.run_due()
    clock.now += timedelta(days=50)
    bank.open_account("dup")
    bank.open_account("m3")
    yield bank.run_due()
    yield bank.merge("dup", into="m1", reason="the same")
    clock.now -= timedelta(days=30)
    yield bank.restart_clock(today=clock.now.date(), reason="the battery")
    yield bank.run_due()
    yield bank.reverse("due:card:2026-04-21:m3", reason="never was")
    yield bank.run_due()


def restarted_in_a_year_of_dues(bank: TimeBank, clock: Clock) -> Iterator[object]:
    """The year of the one account ends behind the months of the other, which began later."""
    yearly = Statute(version="house/1", dues=Dues(hours=4, fund="pot"))
    monthly = attrs.evolve(yearly, version="house/2", dues=Dues(hours=1, fund="pot", every="month"))
    opened(bank, "m1", rules=yearly)
    bank.run_due()
    bank.adopt(monthly)
    bank.open_account("dup")
    clock.now += timedelta(days=70)
    yield bank.run_due()
    yield bank.merge("dup", into="m1", reason="the same")
    clock.now += timedelta(days=1)
    bank.rename("m1", "M. One")
    clock.now -= timedelta(days=1)
    yield bank.restart_clock(today=clock.now.date(), reason="the battery")
    clock.now += timedelta(days=80)
    yield bank.run_due()
    clock.now += timedelta(days=200)
    yield bank.run_due(through=clock.now.date())


def become_one(bank: TimeBank, clock: Clock) -> Iterator[object]:
    """Who was there twice has the hours, the days and the welcomes of both."""
    opened(bank, "m1", "m2", rules=RULES)
    clock.now += timedelta(days=40)
    bank.open_account("dup", joined_on=clock.now.date() + timedelta(days=2))
    bank.open_account("dup of dup")
    for earner, spender in (("dup", "m1"), ("dup of dup", "shop")):
        bank.transfer(earner=earner, spender=spender, hours=7, occurred_on=date(2026, 3, 30))
    yield bank.reverse("due:welcome:1:dup", reason="she had one")
    bank.merge("dup of dup", into="dup", reason="the same")
    clock.now += timedelta(days=30)
    bank.merge("dup", into="m1", reason="the same")
    bank.open_account("m0")
    yield bank.merge("m2", into="m0", reason="the same")
    yield bank.run_due()
    yield bank.welcome("m1")
    clock.now += timedelta(days=30)
    yield bank.run_due()


STORIES = [
    *(descriptions, erased, reversed_, duplicates, charged),
    *(closed, restarted, restarted_in_closed_books, restarted_with_cards),
    *(restarted_in_a_year_of_dues, become_one),
]


def told(story: Story) -> TimeBank:
    """A bank with such a history."""
    clock = Clock()
    bank = timebank.open("memory:", **sources(clock))
    for _ in story(bank, clock):
        pass
    return bank


@pytest.mark.parametrize("story", STORIES)
def test_corrections_are_well_wherever_an_audit_begins(story: Story) -> None:
    """In one pass behind each step, from each checkpoint, in stretches of any length."""
    clock = Clock()
    bank = timebank.open("memory:", **sources(clock))
    kept = []
    for _ in story(bank, clock):
        report = bank.audit()
        assert () == report.findings
        kept.append(report.checkpoint)
    last = bank.head().sequence
    with bank.store.reader("main") as reader:
        now = 2**52  # behind all that is recorded
        whole = audit(reader, now=now)
        for cuts in [*([cut] for cut in range(1, last, 4)), range(last), range(0, last, 5)]:
            here = Here(cuts)
            same(whole, audit(reader, workers=here, now=now))
            assert here.taken
        for since in kept:
            gone_on = audit(reader, since=since, now=now)
            assert gone_on.ok
            assert whole.checkpoint is not None
            assert gone_on.checkpoint is not None
            assert whole.checkpoint.to_bytes() == gone_on.checkpoint.to_bytes()
            here = Here(range(0, last, 3))
            same(gone_on, audit(reader, since=since, workers=here, now=now))


@pytest.mark.parametrize("verifier", VERIFIERS)
def test_both_verifiers_agree_with_the_stories(verifier: str, tmp_path: Path) -> None:
    """They share no code with the library."""
    paths = []
    for story in STORIES:
        paths.append(tmp_path / story.__name__)
        paths[-1].write_bytes(b"".join(export_jsonl(told(story))))
    assert (0, "") == run(VERIFIERS[verifier](), paths)[::2]


def test_corrections_are_well_in_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of them share the work, and agree on what lies between them."""
    taken: list[bool] = []

    def taking(*args: Any) -> bool:
        taken.append(lead_on(*args))
        return taken[-1]

    monkeypatch.setattr(processes, "START", 10)
    monkeypatch.setattr(processes, "EACH_ACCOUNT", 0)
    monkeypatch.setattr(audit_pass, "lead_on", taking)
    for story in (reversed_, restarted):
        clock = Clock()
        with timebank.open(f"sqlite:///{tmp_path / story.__name__}", **sources(clock)) as bank:
            *_, _last = story(bank, clock)
            clock.now += timedelta(days=999)
            same(bank.audit(), bank.audit(processes=2))
    assert [True, True] == taken


# -- what is just right --------------------------------------------------------------------

#: Records that are as the format says, by hand, where it says how far one may go.
HONEST: dict[str, tuple[Change, ...]] = {
    "joins in a year": (amended_account("m3", joined_on="2027-03-03"),),
    "an organisation whose fund is in use": (
        format_rules.opened("pot", kind="organisation"),
        format_rules.adopts({"fee": {"fund": "pot", "share": "1/10"}}),
        amended_account("pot", joined_on=DAY, kind="organisation"),
    ),
    "one field stays and another becomes another": (
        amended(area="x"),
        amended(area="x", to="00:00"),
    ),
    "taken away and given again": (amended(takes=["note"]), amended(note="bread")),
    "a kind there and back": (
        amended_account("m3", kind="group"),
        amended_account("m3", kind="member"),
    ),
    "the day after closed books": (closed_books("2026-02-28"), on_day("2026-03-01")),
    "closed through yesterday, and amended": (closed_books("2026-03-01"), amended(area="x")),
    "a hold for the day after closed books": (closed_books("2026-02-28"), planned("2026-03-01")),
    "a hold for a day to come": (planned("2031-01-01"), settled(DAY)),
    "a hold of a day that was closed": (
        planned("2026-03-01"),
        closed_books("2026-03-01"),
        amended("held", area="x"),
        settled(DAY),
    ),
    "a hold that a duplicate arranged": (
        format_rules.opened("m4"),
        planned(DAY, via="m3"),
        merged("m3", "m4"),
        format_rules.status("freeze", "m4", "frozen"),
        settled(DAY),
    ),
    "moved back in closed books": (
        on_day("2026-03-01", id="x"),
        closed_books("2026-03-01"),
        undone("x", DAY),
    ),
    "moved back on its day once they are open": (
        on_day("2026-03-01", id="x"),
        closed_books("2026-03-01"),
        closed_books("2026-02-28"),
        undone("x", "2026-03-01"),
    ),
    "a frozen duplicate that spent": (
        format_rules.opened("m4"),
        format_rules.status("freeze", "m2", "frozen"),
        merged("m2", "m4"),
    ),
    "a closed duplicate without hours": (
        format_rules.status("close_account", "m3", "closed"),
        merged("m3", "m1"),
    ),
    "up to the limits, and not beyond": (
        format_rules.opened("m4", ceiling=2400),
        merged("m1", "m4"),
    ),
    "joined later than who gave no day": (
        format_rules.opened("m4", joined_on="2026-03-03"),
        merged("m4", "m1"),
    ),
    "an opening before the day that was given": (
        format_rules.opened("m4", joined_on="2026-03-03"),
        merged("m1", "m4"),
    ),
    "an earlier day of joining": (
        format_rules.opened("m4", joined_on="2026-03-01"),
        format_rules.opened("m5", joined_on=DAY),
        merged("m4", "m5", joined_on="2026-03-01"),
    ),
}


@pytest.mark.parametrize("name", HONEST)
def test_what_is_just_right_is_well(name: str) -> None:
    """Beside each forgery there is what would be honest."""
    assert () == format_rules.here(*HONEST[name])().findings


# -- what is forged ------------------------------------------------------------------------

CORRECTIONS = ("amend", "amend_account", "close_books", "merge")


@cache
def journal(number: int) -> Forgery:
    """The journal of a story, as it may be forged."""
    bank = told(STORIES[number])
    with bank.store.reader("main") as reader:
        records = [json.loads(row.body) for row in reader.records(after=0, limit=500)]
        return Forgery(records, reader.texts(after=0, through=500))


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Where in a request or in effects a value stands, whole or within another one."""
    if path:
        yield path
    if isinstance(value, dict):
        for name, one in value.items():
            yield from places(one, (*path, name))
    elif isinstance(value, list):
        for place, one in enumerate(value):
            yield from places(one, (*path, place))


FORGEABLE = [
    (number, sequence, part, path)
    for number in range(len(STORIES))
    for sequence, record in enumerate(journal(number).records)
    if record["kind"] in CORRECTIONS
    for part in ("request", "effects")
    for path in places(record[part])
]
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-40_000, 40_000),
    st.text(max_size=5),
    st.dates(date(2026, 1, 1), date(2027, 1, 1)).map(str),
    st.sampled_from(["m1", "m2", "dup", "pot", "member", "group", "t", "work", "09:00", "a", "b"]),
    st.lists(st.sampled_from(["a", "b", "note", "area", "joined_on"]), max_size=2),
    st.just({}),
)


@given(st.sampled_from(FORGEABLE), VALUES, st.sampled_from(["changed", "nearly", "gone", "more"]))
def test_no_field_of_a_correction_can_be_forged(
    where: tuple[int, int, str, tuple[str | int, ...]], value: Any, how: str
) -> None:
    """Each value, and each part of one: changed, left out, and one more beside it."""
    number, sequence, part, path = where
    forgery = copy.deepcopy(journal(number))
    place: Any = forgery.records[sequence][part]
    for step in path[:-1]:
        place = place[step]
    was = copy.deepcopy(place)
    _forge(place, path[-1], value, how)
    assume(place != was or repr(place) != repr(was))
    event(f"{forgery.records[sequence]['kind']} {path[0]} {how}")
    assert found(report_of(forgery.batch(readable_only=True)))


def _forge(place: Any, last: Any, value: Any, how: str) -> None:
    if how == "gone":
        del place[last]
    elif how == "more" and isinstance(place, list):
        place.insert(last, value)
    elif how == "more":
        place.setdefault(str(value)[:5], value)
    elif how == "nearly" and isinstance(place[last], int):
        place[last] += 1
    elif how == "nearly" and isinstance(place[last], list):
        place[last] = place[last][::-1] if len(place[last]) > 1 else place[last] * 2
    else:
        place[last] = value
