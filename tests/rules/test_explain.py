"""A refusal says what would pass: figures, the smallest change, the same words everywhere."""

from __future__ import annotations

import pickle
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import timebank
from support import sources
from timebank import (
    AccountNotEmpty,
    AccountNotOpen,
    Band,
    BankBatch,
    ExchangeTooLarge,
    Fee,
    Granularity,
    Hours,
    LargestExchange,
    LimitExceeded,
    OverReversed,
    RecordedTooLate,
    RecordWithin,
    Rejected,
    Statute,
    TimeBank,
)

fees = st.none() | st.builds(
    Fee,
    fund=st.just("fund"),
    share=st.sampled_from(["1/10", "7/100", "1"]),
    payer=st.sampled_from(["spender", "earner"]),
    remainder_to=st.sampled_from(["fund", "payer"]),
    unit=st.sampled_from(["1s", "7s", "1m"]),
)
units = st.none() | st.builds(
    Granularity,
    unit=st.sampled_from(["1s", "13s", "1m"]),
    rounding=st.sampled_from(["refuse", "up", "nearest"]),
)


def bank_with(statute: Statute) -> TimeBank:
    """Two members, a third and a fund, under a statute."""
    bank = timebank.open("memory:", **sources())
    for id in ("a", "b", "c"):
        bank.open_account(id)
    bank.open_account("fund", kind="fund")
    bank.adopt(statute)
    return bank


def refusal_of(bank: TimeBank | BankBatch, **transfer: Any) -> Rejected | None:
    """What is said to a transfer that is refused."""
    try:
        bank.transfer(**transfer)
    except Rejected as refusal:
        return refusal
    return None


def passes(bank: TimeBank, **transfer: Any) -> bool:
    """Whether a transfer would be recorded."""
    with bank.preview() as preview:
        return refusal_of(preview, **transfer) is None


statutes = st.builds(
    Statute,
    version=st.just("v1"),
    limits=st.builds(
        Band,
        floor=st.integers(-500, 0).map(Hours.from_seconds),
        ceiling=st.integers(0, 500).map(Hours.from_seconds),
    ).map(lambda band: {"member": band}),
    granularity=units,
    fee=fees,
    largest_exchange=st.none()
    | st.builds(LargestExchange, hours=st.integers(1, 500).map(Hours.from_seconds)),
)


@given(statutes, st.integers(-400, 400), st.integers(0, 50), st.integers(1, 900))
def test_what_is_said_to_pass_is_the_most_that_does(
    statute: Statute, before: int, held: int, asked: int
) -> None:
    """Between two: `passes` passes, and nothing between it and what was asked, in whole units."""
    seconds, bank = Hours.from_seconds, bank_with(statute)
    if before:
        up, down = ("a", "b") if before > 0 else ("b", "a")
        bank.transfer(earner=up, spender=down, hours=seconds(abs(before)), limits="unchecked")
    if held:
        bank.hold(earner="c", spender="b", hours=seconds(held), limits="unchecked")
    refusal = refusal_of(bank, earner="a", spender="b", hours=seconds(asked))
    if not isinstance(refusal, LimitExceeded | ExchangeTooLarge):
        assert refusal is None or "would pass" in refusal.remedy or refusal.passes is None
        return
    said = 0 if refusal.passes is None else refusal.passes.seconds
    step = 1 if statute.granularity is None else statute.granularity.unit.seconds
    assert (True, 0) == (0 <= said < asked, said % step)
    if said:
        assert passes(bank, earner="a", spender="b", hours=seconds(said))
        assert f"{refusal.passes} would pass" in refusal.remedy
    for more in range(said + step, asked, max((asked - said) // 7 // step, 1) * step):
        assert not passes(bank, earner="a", spender="b", hours=seconds(more))
    if isinstance(refusal, LimitExceeded):
        _check_shortfall(bank, refusal, asked)


def _check_shortfall(bank: TimeBank, refusal: LimitExceeded, asked: int) -> None:
    """Once the account has first earned, or spent, so much, this rule lets it pass."""
    assert refusal.shortfall is not None
    sides = [refusal.account, "fund"][:: 1 if refusal.rule == "floor" else -1]
    with bank.preview() as preview:
        preview.transfer(
            earner=sides[0], spender=sides[1], hours=refusal.shortfall, limits="unchecked"
        )
        again = refusal_of(preview, earner="a", spender="b", hours=Hours.from_seconds(asked))
    if isinstance(again, LimitExceeded):
        assert (refusal.rule, refusal.account) != (again.rule, again.account)


@given(
    weights=st.lists(st.integers(1, 9), min_size=2, max_size=3),
    asked=st.integers(30, 900),
    floor=st.integers(-200, 0),
)
def test_of_many_the_same_proportion_passes(weights: list[int], asked: int, floor: int) -> None:
    """What is said to pass does, shared as it was asked."""
    bank = bank_with(
        Statute(version="v1", limits={"member": Band(floor=Hours.from_seconds(floor))})
    )
    ids = ["a", "b", "c"][: len(weights)]

    def shared(seconds: int) -> dict[str, Hours]:
        return timebank.split(Hours.from_seconds(seconds), ids, weights=weights)

    refusal = refusal_of(bank, earner="fund", spender=shared(asked))
    if refusal is None or refusal.passes is None:
        return
    whole = {id: hours.seconds for id, hours in shared(asked).items()}
    assert refusal.passes.seconds < asked
    scaled = timebank.split(refusal.passes, list(whole), weights=whole)
    assert passes(bank, earner="fund", spender=scaled)


def test_a_member_understands_it() -> None:
    """The rule, the figures, what is left, and what would pass: one sentence each."""
    bank = bank_with(
        Statute(
            version="v1",
            limits={"member": [Band(floor=-10, ceiling=20)]},
            granularity=Granularity(unit="0:15"),
            largest_exchange=LargestExchange(hours=12),
            record_within=RecordWithin(days=30),
        )
    )
    bank.hold(earner="b", spender="a", hours=6, id="h1")
    bank.freeze("c")
    cases: list[tuple[dict[str, Any], str]] = [
        (
            {"hours": 5},
            (
                "account 'a' cannot spend 5:00: its floor is -10:00 and 6:00 is held, so 4:00 may "
                "still move; 4:00 would pass, or if a first earns 1:00"
            ),
        ),
        (
            {"hours": 13},
            "an exchange moves at most 12:00 here, not 13:00; 4:00 would pass",
        ),
        (
            {"hours": "3:10"},
            "hours are exchanged in multiples of 0:15 here, not 3:10; 3:15 or 3:00 would pass",
        ),
        (
            {"hours": 1, "occurred_on": date(2026, 1, 1)},
            (
                "an exchange of 2026-01-01 had to be recorded within 30 days: the earliest day of "
                "service accepted is 2026-01-31; a day from 2026-01-31 on would pass"
            ),
        ),
        (
            {"hours": 1, "earner": "c"},
            "account 'c' is frozen: it cannot take part as the earner; thaw it first",
        ),
    ]
    for asked, message in cases:
        arguments = {"earner": "fund", "spender": "a", **asked}
        told = []
        for calls in (bank.preview, bank.batch):
            with calls() as block, pytest.raises(Rejected) as caught:
                block.transfer(**arguments)
            told.append(caught.value)
        with pytest.raises(Rejected) as caught:
            bank.transfer(**arguments)
        told.append(caught.value)
        for refusal in told:
            assert message == str(refusal)
            assert vars(told[0]) == vars(refusal)
            assert refusal.remedy
            assert refusal.remedy in message
            again = pickle.loads(pickle.dumps(refusal))  # noqa: S301 - our own
            assert (str(refusal), vars(refusal)) == (str(again), vars(again))
    assert 6 == bank.head().sequence - 1


def test_every_refusal_has_its_rule_and_code() -> None:
    """Stable for programs; headroom where there is a quantity."""
    bank = bank_with(Statute(version="v1", limits={"member": Band(floor=-1)}))
    bank.transfer(earner="a", spender="b", hours=1, id="t1")
    bank.hold(earner="b", spender="a", hours="0:30", id="h1")
    with pytest.raises(OverReversed) as over:
        bank.reverse("t1", hours=2, reason="x")
    assert ("over_reversed", Hours(1), Hours(1)) == (
        over.value.code,
        over.value.headroom,
        over.value.passes,
    )
    assert "; 1:00 would pass" in str(over.value)
    with pytest.raises(AccountNotEmpty, match="first settle or void its holds and spend 1:00"):
        bank.close_account("a")
    with pytest.raises(AccountNotEmpty, match="first settle or void its holds and earn 1:00"):
        bank.close_account("b")
    bank.void("h1")
    bank.reverse("t1", reason="x")
    with pytest.raises(OverReversed) as over:
        bank.reverse("t1", reason="x")
    assert (None, "") == (over.value.passes, over.value.remedy)
    bank.close_account("a")
    with pytest.raises(AccountNotOpen, match="reopen it first"):
        bank.transfer(earner="a", spender="b", hours=1)
    with pytest.raises(LimitExceeded) as limit:
        bank.transfer(earner="c", spender="b", hours=2)
    assert ("floor", "floor_exceeded", Hours(1)) == (
        limit.value.rule,
        limit.value.code,
        limit.value.headroom,
    )
    kinds: list[type[Rejected]] = [timebank.GranularityRefused, ExchangeTooLarge]
    kinds += [RecordedTooLate, OverReversed]
    kinds += [timebank.AlreadyResolved, AccountNotOpen, AccountNotEmpty]
    assert 7 == len({kind.code for kind in kinds})


def test_where_nothing_passes_it_says_what_must_come_first() -> None:
    """An account that is at its limit, or beyond it."""
    bank = bank_with(Statute(version="v1", limits={"member": Band(floor=-1, ceiling=1)}))
    bank.transfer(earner="fund", spender="a", hours=3, limits="unchecked")
    with pytest.raises(LimitExceeded) as caught:
        bank.transfer(earner="fund", spender="a", hours="0:30")
    assert (Hours(0), None, Hours("2:30")) == (
        caught.value.available,
        caught.value.passes,
        caught.value.shortfall,
    )
    assert str(caught.value).endswith("it would pass if a first earns 2:30")
    bank.transfer(earner="b", spender="fund", hours=3, limits="unchecked")
    with pytest.raises(LimitExceeded, match="it would pass if b first spends 2:30"):
        bank.transfer(earner="b", spender="fund", hours="0:30")


def test_a_little_more_passes_though_a_little_less_does_not(bank: TimeBank) -> None:
    """Shares by largest remainder: of 10 s one has two, of 11 s one only; so 11 s is told."""
    for id in ("a", "b", "c"):
        bank.open_account(id, floor=None)
    bank.open_account("fund", kind="fund")
    bank.set_limits("c", floor="-1s")
    asked = {"a": "6s", "b": "6s", "c": "2s"}
    with pytest.raises(LimitExceeded) as caught:
        bank.transfer(earner="fund", spender=asked)
    assert Hours("11s") == caught.value.passes
    for seconds, passes in ((10, False), (11, True), (12, False)):
        shares = timebank.split(Hours.from_seconds(seconds), ["a", "b", "c"], weights=[6, 6, 2])
        assert passes == (shares["c"] <= Hours("1s"))
