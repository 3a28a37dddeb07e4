"""The audit of PostgreSQL's tables compares what they mean: each change is made, and looked at.

Every change is a part of a transaction that is rolled back, so that one database does for all.
"""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import timebank
from servers import drop_database, new_database
from storage.postgres_changes import POSTGRES_ALTERS, POSTGRES_KEEPS
from timebank.model import Fault
from timebank.storage.server.meaning import schema_faults
from timebank.storage.server.postgres import PostgreSql
from timebank.storage.server.rows import Transaction

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def admin() -> Iterator[psycopg.Connection]:
    """A superuser, in a database with a ledger."""
    from servers import allow

    allow(allowed=True)
    url = new_database("postgresql")
    timebank.open(url).close()
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        yield connection
        connection.rollback()
    drop_database(url)


def faults(connection: psycopg.Connection) -> list[Fault]:
    """What the check finds in the transaction that is open."""
    dialect = PostgreSql()
    return schema_faults(Transaction(dialect.cursor(connection), dialect, "here"))


def change(connection: psycopg.Connection, sql: str) -> None:
    """Run the statements of a change."""
    connection.execute(sql.replace("{database}", connection.info.dbname))


def told(found: list[Fault]) -> str:
    """All that is said."""
    return "\n".join(" | ".join(map(str, fault)) for fault in found)


def test_nothing_was_changed(admin: psycopg.Connection) -> None:
    """Tables as they were made have no fault."""
    assert [] == faults(admin)


@pytest.mark.parametrize("name", POSTGRES_ALTERS)
def test_what_alters_a_meaning_is_named(admin: psycopg.Connection, name: str) -> None:
    """Whatever it is called, and whatever is there under the right name."""
    sql, words = POSTGRES_ALTERS[name]
    try:
        change(admin, sql)
        found = faults(admin)
        assert found, "nothing was found"
        assert words in told(found)
    finally:
        admin.rollback()


@pytest.mark.parametrize("name", POSTGRES_KEEPS)
def test_what_alters_no_meaning_passes(admin: psycopg.Connection, name: str) -> None:
    """Whatever an administrator does for speed, order or rights."""
    try:
        change(admin, POSTGRES_KEEPS[name])
        assert "" == told(faults(admin))
    finally:
        admin.rollback()


#: Changes on tables that no other of them touches, so that they can be made together.
_APART = [name for name in POSTGRES_KEEPS if name != "a guard of another name"]


@settings(max_examples=12, deadline=None)
@given(st.lists(st.sampled_from(_APART), max_size=6, unique=True), st.data())
def test_what_is_harmless_hides_nothing(
    admin: psycopg.Connection, harmless: list[str], data: st.DataObject
) -> None:
    """However much an administrator has done, it passes; and one change among it is named."""
    name = data.draw(st.sampled_from(sorted(POSTGRES_ALTERS)))
    sql, words = POSTGRES_ALTERS[name]
    try:
        for one in harmless:
            change(admin, POSTGRES_KEEPS[one])
        assert "" == told(faults(admin))
        try:
            change(admin, sql)
        except psycopg.Error:
            return  # what it would change has another name by now
        assert words in told(faults(admin))
    finally:
        admin.rollback()
