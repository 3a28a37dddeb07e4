"""Two banks of one store: what crosses is booked in both or in neither, whatever stops it."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from timebank import federation
from timebank.bank import TimeBank
from timebank.errors import LimitExceeded, StoreError
from timebank.federation import Crossing
from timebank.hours import Hours
from timebank.storage.protocol import Store
from timebank.testing.fixtures import StoreUnderTest
from timebank.testing.steps import SteppingStore

_HOUR = Hours(1)
#: The record of the first exchange: behind two accounts that were opened, and the agreement.
_FIRST = 4


class Crossings(StoreUnderTest, part=True):
    """Exchanges between two banks that share a store."""

    def test_hours_go_across_and_back(self, store: Store) -> None:
        """Both banks say the same of each other, refuse what is too much, and end at zero."""
        spends, earns = _neighbours(store)
        made = _cross(spends, earns, "x1")
        assert ("booked", _HOUR, -_HOUR) == (made.status, *_mirrors(spends, earns))
        assert made.earned is not None
        earns.set_limits("m1", ceiling=1)
        refused = _cross(spends, earns, "x2")
        assert ("refused", "ceiling_exceeded") == (refused.status, refused.code)
        with pytest.raises(LimitExceeded):
            federation.make_offer(spends, earns, spender="m1", earner="m1", hours=6, id="x3")
        assert spends.balance("m1").held == Hours(0)
        federation.reverse(earns, spends, made.earned.id, reason="entered twice", id="r1")
        assert (Hours(0), Hours(0)) == _mirrors(spends, earns)
        for bank, other in ((spends, earns), (earns, spends)):
            assert "ended" == federation.end(bank, other, reason="they become one").status
            assert "closed" == bank.account(federation.agreement(bank, other).account).status
            assert () == bank.audit().findings
            bank.rebuild()
            assert () == bank.audit().findings

    def test_a_stop_at_every_step_of_a_commit(self, store: Store) -> None:
        """What one call leaves is finished by `resume`, and the same call again does nothing."""
        spends, earns = _neighbours(store, floor=None, may_owe=None)
        for act in (_cross, _refused, _back):
            number, is_last = 0, False
            while not is_last:
                number += 1
                stop = _Stop(number)
                faulty = SteppingStore(store, stop)
                one, other = (TimeBank(faulty, bank=bank.name) for bank in (spends, earns))
                with suppress(StoreError):
                    act(one, other, f"{act.__name__}{number}")
                is_last = stop.left > 0
                finished = federation.resume(spends, earns)
                assert len(finished) <= 1
                assert [[], []] == [list(bank.holds()) for bank in (spends, earns)]
                before = spends.head(), earns.head()
                made = act(spends, earns, f"{act.__name__}{number}")
                if finished:
                    assert before == (spends.head(), earns.head())
                    assert finished == (made,)
                mine, theirs = _mirrors(spends, earns)
                assert mine == -theirs
            assert 9 < number
        assert [(), ()] == [bank.audit().findings for bank in (spends, earns)]


class _Stop:
    """A step that fails at its number, of those before, in and behind what is written."""

    def __init__(self, number: int) -> None:
        self.left = number

    def __call__(self, step: str) -> None:
        """Count a step of what is written."""
        if step.endswith(("writing", "append")):
            self.left -= 1
            if not self.left:
                msg = f"a fault was injected {step}"
                raise StoreError(msg)


def _neighbours(store: Store, *, floor: Any = -5, may_owe: Any = 10) -> tuple[TimeBank, TimeBank]:
    """Return two new banks that have agreed."""
    spends, earns = (TimeBank(store, bank=name) for name in ("spends", "earns"))
    for bank, other in ((spends, earns), (earns, spends)):
        bank.open_account("m1", floor=floor)
        federation.agree(bank, other, they_may_owe=may_owe, we_may_owe=may_owe)
    return spends, earns


def _cross(spends: TimeBank, earns: TimeBank, id: str, *, earner: str = "m1") -> Crossing:
    """Have an hour go across."""
    return federation.transfer(spends, earns, spender="m1", earner=earner, hours=1, id=id)


def _refused(spends: TimeBank, earns: TimeBank, id: str) -> Crossing:
    """Offer it to nobody, which the other bank refuses."""
    return _cross(spends, earns, id, earner="nobody")


def _back(spends: TimeBank, earns: TimeBank, id: str) -> Crossing:
    """Have a second of the first exchange go back."""
    (first,) = (one for one in earns.transfers() if one.sequence == _FIRST)
    second = Hours.from_seconds(1)
    return federation.reverse(earns, spends, first.id, hours=second, reason="it was less", id=id)


def _mirrors(spends: TimeBank, earns: TimeBank) -> tuple[Hours, Hours]:
    """Return what each of the two says of the other."""
    accounts = [federation.agreement(*two).account for two in ((spends, earns), (earns, spends))]
    return spends.balance(accounts[0]).posted, earns.balance(accounts[1]).posted
