"""Fees, partial settlements and partial reversals: not a second lost, for any shares."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import timebank
from support import sources
from timebank import Band, Fee, Granularity, Hours, LimitExceeded, Statute, TimeBank, Transfer

IDS = ["a", "b", "c", "d", "e", "fund"]
sides = st.dictionaries(st.sampled_from(IDS), st.integers(1, 500), min_size=1, max_size=4)
fees = st.builds(
    Fee,
    fund=st.just("fund"),
    share=st.fractions(0, 1, max_denominator=99).filter(bool),
    payer=st.sampled_from(["spender", "earner"]),
    remainder_to=st.sampled_from(["fund", "payer"]),
    unit=st.sampled_from(["1s", "7s", "1m"]),
) | st.builds(
    Fee,
    fund=st.just("fund"),
    fixed=st.integers(1, 90).map(Hours.from_seconds),
    payer=st.sampled_from(["spender", "earner"]),
)
units = st.none() | st.builds(
    Granularity,
    unit=st.integers(1, 30).map(Hours.from_seconds),
    rounding=st.sampled_from(["up", "nearest"]),
)


def open_bank(fee: Fee | None, unit: Granularity | None, **limits: Band) -> TimeBank:
    """Four funds, for they have no limits, and one that gets the fees."""
    bank = timebank.open("memory:", **sources())
    for id in IDS:
        bank.open_account(id, kind="fund")
    bank.adopt(Statute(version="v1", fee=fee, granularity=unit, limits=limits))
    return bank


def both(up: dict[str, int], down: dict[str, int]) -> dict[str, Any]:
    """Two sides in these proportions, that sum alike."""
    total = max(sum(up.values()), sum(down.values()))
    return {
        "earner": _shared(total, up),
        "spender": _shared(total, down),
    }


def _shared(total: int, weights: dict[str, int]) -> dict[str, Hours]:
    return timebank.split(Hours.from_seconds(total), list(weights), weights=weights)


def is_sole(up: dict[str, int], down: dict[str, int]) -> bool:
    """Whether one account would be both sides."""
    return len(up) == len(down) == 1 and up.keys() == down.keys()


def moved(bank: TimeBank) -> dict[str, int]:
    """What each account holds, in seconds."""
    return {id: bank.balance(id).posted.seconds for id in IDS}


@given(sides, sides, fees, units)
def test_fees_conserve_every_second(
    up: dict[str, int], down: dict[str, int], fee: Fee, unit: Granularity | None
) -> None:
    """What the payers pay is what the fund gets, in whole units, and no more than the exchange."""
    if is_sole(up, down):
        return
    bank = open_bank(fee, unit)
    try:
        made = bank.transfer(**both(up, down))
    except timebank.GranularityRefused:
        return
    assert 0 == sum(p.hours.seconds for p in made.postings)
    own = [p for p in made.postings if not p.fee]
    assert 0 == sum(p.hours.seconds for p in own)
    paid = {p.account: -p.hours.seconds for p in made.postings if p.fee and p.hours.seconds < 0}
    got = [p.hours.seconds for p in made.postings if p.fee and p.hours.seconds > 0]
    assert sum(paid.values()) == sum(got) == made.fee.seconds
    assert "fund" not in paid
    side = made.spenders if fee.payer == "spender" else made.earners
    assert paid.keys() <= side.keys()
    assert all(seconds <= side[id].seconds for id, seconds in paid.items())
    assert () == bank.audit().findings


@given(sides, sides, st.none() | fees, st.lists(st.integers(1, 400), max_size=5))
def test_partial_reversals_close_exactly(
    up: dict[str, int], down: dict[str, int], fee: Fee | None, parts: list[int]
) -> None:
    """Never more than the original, fee and all, and the last one leaves nothing."""
    if is_sole(up, down):
        return
    bank = open_bank(fee, None)
    made = bank.transfer(**both(up, down))
    left = made.hours.seconds
    for part in parts:
        hours = Hours.from_seconds(part)
        if part > left:
            with pytest.raises(timebank.OverReversed):
                bank.reverse(made.id, hours=hours, reason="x")
            continue
        back = bank.reverse(made.id, hours=hours, reason="x")
        assert hours == back.hours
        left -= part
    if left:
        bank.reverse(made.id, reason="x")
    assert dict.fromkeys(IDS, 0) == moved(bank)
    assert () == bank.audit().findings


def settlements(whole: int) -> Iterator[int]:
    """Hours to settle a hold by: each of a few, and all around the whole."""
    parts = {1, 2, 33, whole // 3, whole // 2, whole - 2, whole - 1, whole}
    yield from sorted(part for part in parts if 0 < part <= whole)


@example({"a": 54}, {"b": 6, "c": 15, "d": 32, "fund": 1}, Fee(fund="e", fixed="21s"), None)
@given(sides, sides, st.none() | fees, units)
def test_a_settlement_within_its_hold_stays_within_what_was_reserved(
    up: dict[str, int], down: dict[str, int], fee: Fee | None, unit: Granularity | None
) -> None:
    """Of every account, for any shares: so it can be settled where nobody else may move."""
    if is_sole(up, down):
        return
    bank = open_bank(fee, unit)
    try:
        held = bank.hold(**both(up, down), id="h1")
    except timebank.GranularityRefused:
        return
    reserved = {id: (bank.balance(id).held, bank.balance(id).incoming) for id in IDS}
    for id in IDS:  # from now on nobody may move at all
        bank.set_limits(id, floor=0, ceiling=0)
    for seconds in settlements(held.hours.seconds):
        with bank.preview() as preview:
            try:
                made = preview.settle("h1", hours=Hours.from_seconds(seconds))
            except timebank.GranularityRefused:
                continue
            net = _net(made)
            for id, (spends, earns) in reserved.items():
                assert -spends.seconds <= net.get(id, 0) <= earns.seconds
    assert held.hours == bank.settle("h1").hours
    assert [("0:00", "0:00")] * len(IDS) == [
        (str(bank.balance(id).held), str(bank.balance(id).incoming)) for id in IDS
    ]
    assert () == bank.audit().findings


def _net(made: Transfer) -> dict[str, int]:
    net: dict[str, int] = {}
    for posting in made.postings:
        net[posting.account] = net.get(posting.account, 0) + posting.hours.seconds
    return net


@given(st.integers(1, 400), st.integers(1, 400), st.none() | fees)
@example(1, 2, Fee(fund="fund", share="1/2", remainder_to="payer"))
def test_settled_for_longer_only_the_surplus_is_judged(
    held: int, more: int, fee: Fee | None
) -> None:
    """With room for so much beyond the hold, so much may be settled and not a second more."""
    bank = open_bank(fee, None)
    bank.hold(earner="a", spender="b", hours=Hours.from_seconds(held), id="h1")
    with bank.preview() as preview:
        longer = preview.settle("h1", hours=Hours.from_seconds(held + more))
        spent = -_net(longer)["b"]
    bank.set_limits("b", floor=Hours.from_seconds(-spent))
    assert longer.postings == bank.settle("h1", hours=longer.hours, id="s1").postings
    bank = open_bank(fee, None)
    bank.hold(earner="a", spender="b", hours=Hours.from_seconds(held), id="h1")
    bank.set_limits("b", floor=Hours.from_seconds(1 - spent))
    with pytest.raises(LimitExceeded) as caught:
        bank.settle("h1", hours=longer.hours)
    assert caught.value.passes is not None
    assert held <= caught.value.passes.seconds < held + more


@given(st.dictionaries(st.sampled_from(IDS), st.integers(1, 500), min_size=1), st.integers(1, 99))
def test_a_unit_keeps_the_proportion(down: dict[str, int], unit: int) -> None:
    """The whole is a multiple of the unit, and each share within a second of its proportion."""
    rule = Granularity(unit=Hours.from_seconds(unit), rounding="up")
    bank = open_bank(None, rule)
    bank.open_account("carer", kind="fund")
    asked = {id: Hours.from_seconds(seconds) for id, seconds in down.items()}
    made = bank.transfer(earner="carer", spender=asked)
    whole, total = sum(down.values()), made.hours.seconds
    assert (0, True) == (total % unit, 0 <= total - whole < unit)
    for id, seconds in down.items():
        share = made.spenders.get(id, Hours(0)).seconds
        assert abs(share * whole - seconds * total) < whole
