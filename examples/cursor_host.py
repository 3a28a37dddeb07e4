"""A host as Odoo and Tryton are: psycopg 2, a cursor of its own, savepoints by name, retries.

Business code has a cursor and never sees the connection. A transaction is at REPEATABLE READ, and
is done again as a whole where another one came first. The hours are in the same transaction.

Besides timebank it needs psycopg2, and a PostgreSQL whose tables are made: it is to be
imported, and does nothing when it is run.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg2
from psycopg2.extensions import ISOLATION_LEVEL_REPEATABLE_READ

import timebank

T = TypeVar("T")


class HostCursor:
    """A transaction of the host's; `_cnx` is its connection of psycopg 2."""

    def __init__(self, dsn: str) -> None:
        self._cnx = psycopg2.connect(dsn)
        self._cnx.set_session(isolation_level=ISOLATION_LEVEL_REPEATABLE_READ)
        self._obj = self._cnx.cursor()
        self.commit, self.rollback, self.close = (
            self._cnx.commit,
            self._cnx.rollback,
            self._cnx.close,
        )

    def execute(self, query: str, params: Any = None) -> None:
        """Run a statement."""
        self._obj.execute(query, params)

    def fetchone(self) -> Any:
        """Return the next row."""
        return self._obj.fetchone()

    @contextmanager
    def savepoint(self) -> Iterator[HostCursor]:
        """Undo what is done in the block where an exception leaves it."""
        name = uuid.uuid1().hex
        self.execute(f'SAVEPOINT "{name}"')
        try:
            yield self
        except BaseException:
            self.execute(f'ROLLBACK TO SAVEPOINT "{name}"')
            raise
        self.execute(f'RELEASE SAVEPOINT "{name}"')


# What the host adds for the hours begins here.


def hours(cr: HostCursor) -> timebank.TimeBank:
    """Return the bank, in the transaction of a cursor."""
    return timebank.join(cr._cnx, bank="quarto-oggiaro", create=False)  # noqa: SLF001 - the host's own


def retried(
    open_cursor: Callable[[], HostCursor], work: Callable[[HostCursor], T], tries: int = 5
) -> T:
    """Do work in a transaction; where another came first, do all of it again."""
    for number in range(tries):
        cr = open_cursor()
        try:
            result = work(cr)
            cr.commit()
        except (psycopg2.OperationalError, timebank.Retryable):
            cr.rollback()
            if number == tries - 1:
                raise
            time.sleep(random.uniform(0, 0.02 * 2 ** min(number, 5)))  # noqa: S311 - no secret
        else:
            return result
        finally:
            cr.close()
    raise AssertionError  # the loop returns or raises


def book(cr: HostCursor, exchange: str, carer: str, family: str) -> str:
    """Record a visit, and the hours for it if the family may still spend; one of the two."""
    cr.execute("INSERT INTO visit (exchange, carer) VALUES (%s, %s)", (exchange, carer))
    try:
        with cr.savepoint():
            cr.execute("UPDATE visit SET paid = true WHERE exchange = %s", (exchange,))
            hours(cr).transfer(earner=carer, spender=family, hours=1, id=exchange)
    except timebank.LimitExceeded:
        return "to be arranged"
    return "paid"
