"""Calls whose arguments have names say how, where somebody gives them by position."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

import timebank
from timebank import TimeBank
from timebank.bank.writes import Writes

#: What is named of a call of each method.
CALLS = {
    "transfer": "transfer(earner='m1', spender='f1', hours=1)",
    "hold": "hold(earner='m1', spender='f1', hours=1)",
}


@pytest.fixture
def bank() -> TimeBank:
    """A bank of two."""
    bank = timebank.open("memory:")
    bank.open_account("m1")
    bank.open_account("f1")
    return bank


def refusal(bank: TimeBank, name: str, *values: Any, **named: Any) -> str:
    """What is said of a call, which records nothing."""
    before = bank.head()
    with pytest.raises(TypeError) as caught:
        getattr(bank, name)(*values, **named)
    assert before == bank.head()
    assert not isinstance(caught.value, timebank.TimebankError)
    return str(caught.value)


@pytest.mark.parametrize("name", CALLS)
def test_a_call_by_position_is_shown_by_name(bank: TimeBank, name: str) -> None:
    """The very call, as it should have been written."""
    says = f"{name} takes its arguments by name: write {CALLS[name]}"
    assert says == refusal(bank, name, "m1", "f1", 1)


@pytest.mark.parametrize("name", CALLS)
def test_the_call_that_is_shown_works(bank: TimeBank, name: str) -> None:
    """What a refusal advises is a call that is taken."""
    made = eval(f"bank.{CALLS[name]}")  # noqa: S307 - a text of this file
    assert {"m1": timebank.Hours(1)} == made.earners


def test_what_was_named_stays_named(bank: TimeBank) -> None:
    """And what is missing is shown as missing."""
    said = refusal(bank, "transfer", "m1", hours="1:30")
    assert said.endswith("write transfer(earner='m1', spender=…, hours='1:30')")
    said = refusal(bank, "transfer", "m1", earner="m2", spender="f1")
    assert said.endswith("write transfer(earner='m2', spender='f1', hours='m1')")
    said = refusal(bank, "transfer", "m1", "f1", 1, "id-7")
    assert said.endswith("write transfer(earner='m1', spender='f1', hours=1, …='id-7')")


def test_a_side_that_is_missing_is_named(bank: TimeBank) -> None:
    """As Python says it of any function."""
    assert "earner=…, spender='f1', hours=1" in refusal(bank, "transfer", spender="f1", hours=1)
    assert "earner='m1', spender=…" in refusal(bank, "hold", earner="m1", hours=1)


def test_a_batch_and_a_preview_say_it_too(bank: TimeBank) -> None:
    """They are the same calls; a batch goes on after it."""
    with bank.batch() as batch:
        with pytest.raises(TypeError, match="by name"):
            batch.transfer("m1", "f1", 1)  # type: ignore[call-arg]  # what is tried
        batch.transfer(earner="m1", spender="f1", hours=1)
    assert "1:00" == str(bank.balance("m1").posted)


@pytest.mark.parametrize("name", CALLS)
def test_types_still_ask_for_both_sides(name: str) -> None:
    """What a type checker reads has no default for them: a call without one is a fault there."""
    source = inspect.getsource(getattr(Writes, name))
    assert "earner: Side,\n        spender: Side,\n" in source
    parameters = inspect.signature(getattr(TimeBank, name)).parameters
    assert {"earner", "spender"} == {
        side
        for side in parameters
        if parameters[side].default is inspect.Parameter.empty
        and parameters[side].kind is inspect.Parameter.KEYWORD_ONLY
    }
