"""A fixture for pytest-django: `pytest_plugins = ["timebank.contrib.django.fixtures"]`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from timebank.bank import TimeBank


@pytest.fixture
def timebank_bank(db: None) -> TimeBank:
    """The bank of the settings, fresh, in the transaction of the test; nobody is asked.

    A test with `transactional_db` opens its own transactions, and leaves no ledger behind either.
    """
    from timebank.contrib.django import conf
    from timebank.contrib.django.joining import joined

    config = conf.config()
    return joined(config.bank, alias=config.database)
