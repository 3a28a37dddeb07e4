"""The ledger beside the club's rows: transactions, threads, requests, and nothing left behind."""

from __future__ import annotations

import gc
import sqlite3
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from django.db import connection, connections, transaction
from django.test import Client, LiveServerTestCase, TestCase, TransactionTestCase
from django.test.utils import CaptureQueriesContext

from club.models import Booking
from club.views import AfterAllError
from timebank import BankNotFound, InvalidRequest, NotPermitted
from timebank.contrib.django import bank
from timebank.contrib.django.test import TimeBankTestCase, TimeBankTransactionTestCase


def open_accounts() -> None:
    """Make the bank, with who is in it."""
    with transaction.atomic():
        bank().open_account("m1", ceiling=None)
        bank().open_account("f1", kind="group", floor=None)


@contextmanager
def atomic_requests() -> Iterator[None]:
    """Make each request one transaction, as the setting does."""
    with mock.patch.dict(connections.settings["default"], {"ATOMIC_REQUESTS": True}):
        yield


class ViewTests(TransactionTestCase):
    """Views that book a row and the hours."""

    def setUp(self) -> None:
        """Open the accounts."""
        open_accounts()

    def check(self, rows: int) -> None:
        """There are as many rows as transfers, and the ledger is well."""
        with transaction.atomic():
            found = list(bank().transfers())
            assert bank().audit().ok
        assert rows == Booking.objects.count() == len(found)
        ids = {str(id) for id in Booking.objects.values_list("operation", flat=True)}
        assert ids == {transfer.id for transfer in found}

    def test_a_view_that_fails_after_the_transfer_leaves_nothing(self) -> None:
        """Row and hours are both gone, in a transaction of the view and of the request."""
        assert b"1:00" == self.client.get("/atomic/works/").content
        with self.assertRaises(AfterAllError):
            self.client.get("/atomic/fails/")
        self.check(1)
        with atomic_requests():
            assert b"2:00" == self.client.get("/booking/works/").content
            with self.assertRaises(AfterAllError):
                self.client.get("/booking/fails/")
        self.check(2)

    def test_a_view_without_a_transaction_is_refused(self) -> None:
        """No hours are moved in none; what to do is said."""
        with self.assertRaisesRegex(InvalidRequest, "atomic"):
            self.client.get("/booking/works/")
        with transaction.atomic():
            assert [] == list(bank().transfers())

    def test_a_view_reads_without_a_transaction(self) -> None:
        """And leaves none open."""
        self.client.get("/atomic/works/")
        assert b"1:00" == self.client.get("/balance/m1/").content
        assert not connection.in_atomic_block
        assert connection.get_autocommit()

    def test_four_threads_book_at_once(self) -> None:
        """A module's one bank serves them all; each booking is whole."""
        answers: list[Any] = []

        def work() -> None:
            try:
                client = Client(raise_request_exception=False)
                ways = ("works", "fails", "works", "works")
                answers.extend(client.get(f"/atomic/{how}/").status_code for how in ways)
            finally:
                connections.close_all()

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert {200: 12, 500: 4} == {code: answers.count(code) for code in set(answers)}
        self.check(12)

    async def test_an_asynchronous_view_books_through_a_thread(self) -> None:
        """By `sync_to_async`, in a transaction."""
        answer = await self.async_client.get("/later/")
        assert b"1:00" == answer.content


class SeenTests(TestCase):
    """What Django sees of the ledger."""

    def test_the_statements_are_in_the_queries_of_the_connection(self) -> None:
        """What reads and what writes, with the values."""
        open_accounts()
        with CaptureQueriesContext(connection) as queries:
            bank().transfer(earner="m1", spender="f1", hours=1, id="seen")
            bank().balance("m1")
        told = "\n".join(query["sql"] for query in queries.captured_queries)
        assert "INSERT INTO timebank_postings" in told
        assert "FROM timebank_accounts" in told
        assert "seen" in told

    def test_no_cursor_is_left_to_another_thread(self) -> None:
        """What waits for the collector of another thread is closed: it would wait for this one."""
        open_accounts()
        gc.collect()
        gc.disable()
        try:
            bank().transfer(earner="m1", spender="f1", hours=1)
            left = [one for one in gc.get_objects() if isinstance(one, sqlite3.Cursor)]
            for cursor in left:
                with self.assertRaisesRegex(sqlite3.ProgrammingError, "closed"):
                    sqlite3.Cursor.execute(cursor, "SELECT 1")
        finally:
            gc.enable()


class _NothingThere:
    """Two tests that each begin without a bank, and leave one."""

    def begin_and_leave(self) -> None:
        with transaction.atomic():
            try:
                bank().head()
            except BankNotFound:
                pass
            else:
                message = "another test has left a ledger behind"
                raise AssertionError(message)
        open_accounts()

    def test_a(self) -> None:
        """One."""
        self.begin_and_leave()

    def test_b(self) -> None:
        """The other."""
        self.begin_and_leave()


class NothingLeftTestCase(_NothingThere, TestCase):
    """By Django's `TestCase`."""


class NothingLeftTransactionTestCase(_NothingThere, TransactionTestCase):
    """By Django's `TransactionTestCase`."""


class NothingLeftLiveServerTestCase(_NothingThere, LiveServerTestCase):
    """By a server in another thread."""

    def begin_and_leave(self) -> None:
        """Book through the server as well."""
        super().begin_and_leave()
        with urllib.request.urlopen(f"{self.live_server_url}/atomic/works/") as answer:  # noqa: S310 - our own server
            assert b"1:00" == answer.read()


class OurTestCase(TimeBankTestCase):
    """The library's own class: a bank for each test, and one set of data."""

    @classmethod
    def setUpTestData(cls) -> None:
        """Open the accounts once."""
        cls.bank.open_account("m1")
        cls.bank.open_account("f1", kind="group")

    def test_a(self) -> None:
        """What is booked is of this test alone."""
        self.bank.transfer(earner="m1", spender="f1", hours=1)
        assert "1:00" == str(self.bank.balance("m1").posted)

    def test_b(self) -> None:
        """As above."""
        self.test_a()


class OurTransactionTestCase(TimeBankTransactionTestCase):
    """The same where a test has transactions of its own; nobody may do anything here."""

    permissions = staticmethod(lambda _ask: False)

    def test_what_is_asked_is_refused(self) -> None:
        """The permissions of the class are those of its bank."""
        open_accounts()
        with self.assertRaises(NotPermitted), transaction.atomic():
            self.bank.balance("m1")
