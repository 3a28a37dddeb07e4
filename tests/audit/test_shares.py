"""Shares are looked at: what largest remainders give is right, and nothing else is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from timebank.audit.shares import is_shared
from timebank.hours import apportion

weights = st.lists(st.integers(0, 9), min_size=1, max_size=5).filter(any)


@given(weights, st.integers(0, 60))
def test_what_is_shared_is_so(weights: list[int], total: int) -> None:
    """Whatever the weights."""
    assert is_shared(total, weights, apportion(total, weights))


@given(weights, st.integers(0, 60), st.data())
def test_nothing_else_is(weights: list[int], total: int, data: st.DataObject) -> None:
    """A second that moves from one to another is noticed, and one too many."""
    right = apportion(total, weights)
    places = st.integers(0, len(right) - 1)
    one, other = data.draw(places), data.draw(places)
    shares = right.copy()
    shares[one] += 1
    assert not is_shared(total, weights, shares)
    shares[other] -= 1
    assert is_shared(total, weights, shares) == (one == other)
