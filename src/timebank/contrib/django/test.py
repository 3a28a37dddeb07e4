"""Test classes for who books hours from Django: each test has a fresh bank, and leaves none behind.

With `TestCase`, as with any of Django's, what a test writes is rolled back. With
`TransactionTestCase` and `LiveServerTestCase` it is the app's `flush` that takes the ledger away.
So these classes are a convenience: Django's own leave nothing behind either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.test import TestCase, TransactionTestCase
from django.utils.functional import classproperty

from timebank.contrib.django import conf
from timebank.contrib.django.joining import joined

if TYPE_CHECKING:
    from timebank.bank import TimeBank

__all__ = ["TimeBankMixin", "TimeBankTestCase", "TimeBankTransactionTestCase"]


class TimeBankMixin:
    """Give a test class of Django's the attribute `bank`: the bank of the settings.

    Nobody is asked for permission, unless `permissions` is set on the class.
    """

    bank: ClassVar[TimeBank]
    #: Who permits what is called on `bank`; that of the settings is not asked.
    #: A function is wrapped in `staticmethod`.
    permissions: ClassVar[Any] = None

    @classproperty
    def databases(cls) -> set[str]:  # noqa: N805 - Django reads it from the class
        """The databases that the tests use: the default one, and that of the ledger."""
        return {"default", conf.config().database}

    @classmethod
    def setUpClass(cls) -> None:
        """Join the bank, before `setUpTestData` may use it."""
        config = conf.config()
        cls.bank = joined(config.bank, alias=config.database, permissions=cls.permissions)
        super().setUpClass()  # type: ignore[misc]  # the other base has it


class TimeBankTestCase(TimeBankMixin, TestCase):
    """A `TestCase` with a fresh bank for each test, in the test's own transaction."""


class TimeBankTransactionTestCase(TimeBankMixin, TransactionTestCase):
    """A `TransactionTestCase` with a fresh bank for each test: what writes needs `atomic()`."""
