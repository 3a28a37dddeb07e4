"""The fold executes what records say, refuses what cannot be, and knows no rule."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timebank.errors import Corrupt
from timebank.fold import Fold, imbalance

SETS: dict[str, Any] = {
    "kind": "member",
    "status": "open",
    "joined_on": None,
    "floor": "inherit",
    "ceiling": None,
    "named": False,
}


def opened(*ids: str) -> Fold:
    """A fold with some accounts."""
    fold = Fold()
    for sequence, id in enumerate(ids, start=1):
        fold.apply(sequence, "open_account", {"account": id, "sets": SETS})
    return fold


CANNOT_BE: list[tuple[str, dict[str, Any]]] = [
    ("dance", {}),
    ("transfer", {}),
    ("transfer", {"occurred_on": "2026-03-02", "postings": [["x", 1], ["a", -1]]}),
    ("transfer", {"occurred_on": "2026-03-02", "postings": [["a", 1.0], ["b", -1]]}),
    ("transfer", {"occurred_on": "2026-03-02", "postings": [["a", 0], ["b", 0]]}),
    ("transfer", {"occurred_on": "2026-03-02", "postings": [["a", 2**53 + 1], ["b", -1]]}),
    ("transfer", {"occurred_on": "20260302", "postings": [["a", 1], ["b", -1]]}),
    ("transfer", {"occurred_on": None, "postings": [["a", 1], ["b", -1]]}),
    ("open_account", {"account": "a", "sets": SETS}),
    ("open_account", {"account": "c", "sets": SETS | {"kind": "bank"}}),
    ("open_account", {"account": "c", "sets": SETS | {"status": "gone"}}),
    ("open_account", {"account": "c", "sets": SETS | {"joined_on": "soon"}}),
    ("open_account", {"account": "c", "sets": SETS | {"floor": "low"}}),
    ("open_account", {"account": "c", "sets": SETS | {"named": "yes"}}),
    ("open_account", {"account": 7, "sets": SETS}),
    ("freeze", {"account": "c", "sets": {"status": "frozen"}}),
    ("freeze", {"account": "a", "sets": {"opened": 7}}),
    ("freeze", {"account": "a"}),
]


@pytest.mark.parametrize(("kind", "effects"), CANNOT_BE)
def test_effects_that_cannot_be_executed_change_nothing(kind: str, effects: dict[str, Any]) -> None:
    """They are `Corrupt`, and the fold is as it was."""
    fold = opened("a", "b")
    before = dict(fold.accounts), dict(fold.balances)
    with pytest.raises(Corrupt):
        fold.apply(3, kind, effects)
    assert before == (fold.accounts, fold.balances)


def test_an_account_is_what_was_set_last() -> None:
    """Later records change fields of the row; a name is where its text lies."""
    fold = opened("a")
    fold.apply(2, "rename", {"account": "a", "sets": {"named": True}})
    row = fold.apply(3, "set_limits", {"account": "a", "sets": {"floor": -60}}).account
    assert row is not None
    assert ("a", 1, 2, -60, "open") == (row.account, row.opened, row.named, row.floor, row.status)
    row = fold.apply(4, "rename", {"account": "a", "sets": {"named": False}}).account
    assert row is not None
    assert None is row.named


def test_an_erasure_derives_nothing() -> None:
    """Texts are not derived."""
    derived = opened("a").apply(2, "erase", {"erased": ["00"]})
    assert (None, 0) == (derived.account, len(derived.postings))


@given(st.lists(st.integers(-(10**9), 10**9).filter(bool), min_size=1, max_size=30))
def test_a_running_balance_is_the_sum_so_far(changes: list[int]) -> None:
    """Each posting carries its version and the sum of all up to it; both sides mirror."""
    fold = opened("a", "b")
    for sequence, seconds in enumerate(changes, start=3):
        effects = {"occurred_on": "2026-03-02", "postings": [["a", seconds], ["b", -seconds]]}
        assert 0 == imbalance(effects)
        one, other = fold.apply(sequence, "transfer", effects).postings
        assert (sequence - 2, sum(changes[: sequence - 2])) == (one.version, one.balance)
        assert -one.balance == other.balance
    assert (len(changes), sum(changes)) == fold.balances["a"]
