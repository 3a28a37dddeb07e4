"""A transfer or hold whose fields are made when they are looked at is like any other."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import attrs
import pytest

import timebank
from support import sources
from timebank import TimeBank, Transfer

LOOKS: dict[str, Callable[[Transfer], object]] = {
    "a field": lambda transfer: transfer.category,
    "a property": lambda transfer: transfer.hours,
    "a comparison": lambda transfer: transfer == transfer,  # noqa: PLR0124 - it looks
    "a hash": hash,
    "a text": repr,
    "a copy": copy.copy,
    "a deep copy": copy.deepcopy,
    "a pickle": pickle.dumps,
    "a change": lambda transfer: attrs.evolve(transfer, note=None),
}


@pytest.fixture
def street() -> TimeBank:
    """A bank in which two members may exchange."""
    bank = timebank.open("memory:", **sources())
    bank.open_account("m1")
    bank.open_account("m2")
    return bank


def made(bank: TimeBank) -> Transfer:
    """What a transfer gives, at which nobody has looked."""
    return bank.transfer(
        earner="m1", spender="m2", hours="1:30", id="t", category="care", note="n", tags=["a"]
    )


@pytest.mark.parametrize("look", LOOKS)
def test_whatever_looks_first_sees_what_was_recorded(street: TimeBank, look: str) -> None:
    """It is equal to the transfer that is read by its id, in every field."""
    transfer = made(street)
    LOOKS[look](transfer)
    read = street.transfer_by_id("t")
    assert read == transfer
    assert attrs.asdict(read) == attrs.asdict(transfer)
    assert {transfer} == {read}
    for other in (copy.copy(transfer), copy.deepcopy(transfer), pickle.loads(pickle.dumps(read))):  # noqa: S301 - our own
        assert read == other


@pytest.mark.parametrize("look", LOOKS)
def test_a_hold_is_so_too(street: TimeBank, look: str) -> None:
    """It is as it was when it was made, though it is settled meanwhile."""
    hold = street.hold(earner="m1", spender="m2", hours=2, note="n", expires_in="7d", id="h")
    read = street.hold_by_id("h")
    street.settle("h")
    looked: Any = LOOKS[look]
    looked(hold)
    assert ("open", None) == (hold.status, hold.resolved_by)
    assert read == hold
    assert attrs.asdict(read) == attrs.asdict(hold)
    assert pickle.loads(pickle.dumps(hold)) == copy.deepcopy(hold) == hold  # noqa: S301 - our own


def test_what_was_never_a_field_is_none(street: TimeBank) -> None:
    """A misspelt name is told as ever, before and after the fields were made."""
    transfer = made(street)
    for _ in range(2):
        with pytest.raises(AttributeError, match="'Transfer' object has no attribute 'hour'"):
            transfer.hour  # type: ignore[attr-defined]  # noqa: B018 - that is what is tested
        assert "care" == transfer.category


def test_it_does_not_change_with_the_bank(street: TimeBank) -> None:
    """Looked at late, erased and reversed meanwhile, it is what it was when it was made."""
    transfer = made(street)
    street.reverse("t", reason="a slip")
    street.erase(record="t", reason="asked")
    street.close()
    assert ("n", None) == (transfer.note, transfer.reverses)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        transfer.note = "another"  # type: ignore[misc]  # that is what is tested
