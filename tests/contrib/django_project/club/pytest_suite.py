"""The same promises under pytest-django. No test here needs another, in whatever order."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction

from timebank import BankNotFound
from timebank.contrib.django import bank

pytest_plugins = ["timebank.contrib.django.fixtures"]


def begin_and_leave() -> None:
    """Begin without a bank, and leave one."""
    with pytest.raises(BankNotFound), transaction.atomic():
        bank().head()
    with transaction.atomic():
        bank().open_account("m1")


@pytest.mark.parametrize("time", range(2))
@pytest.mark.django_db
def test_db(time: int) -> None:
    """The fixture `db` leaves no ledger behind."""
    begin_and_leave()


@pytest.mark.parametrize("time", range(2))
@pytest.mark.django_db(transaction=True)
def test_transactional_db(time: int) -> None:
    """Nor does `transactional_db`."""
    begin_and_leave()


@pytest.mark.parametrize("time", range(2))
def test_our_fixture(timebank_bank: Any, time: int) -> None:
    """It gives a fresh bank each time."""
    timebank_bank.open_account("m1")
    assert 1 == bank().head().sequence


def test_our_fixture_with_transactions(timebank_bank: Any, transactional_db: None) -> None:
    """And where the test has transactions of its own."""
    begin_and_leave()
    with transaction.atomic():
        assert 1 == timebank_bank.head().sequence
