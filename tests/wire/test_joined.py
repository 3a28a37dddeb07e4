"""What a commit may mean where tables are made on a host's own connection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy.ext.asyncio import create_async_engine

import timebank
from timebank import OutcomeUnknown
from wire.acts import Cut, Warn
from wire.test_outcomes import Place, place, told

__all__ = ["place"]
DRIVERS = {"postgresql": ("psycopg", "psycopg2", "asyncpg"), "mariadb": ("pymysql",)}


def through(place: Place, driver: str) -> Callable[[], object]:
    """What makes the tables on a connection of a driver, and closes it."""
    url = sqlalchemy.make_url(place.through).set(drivername=f"{place.server}+{driver}")

    def synchronous() -> object:
        engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
        with engine.connect() as connection:
            return timebank.migrate_store(connection)

    async def awaited() -> object:
        engine = create_async_engine(url, poolclass=sqlalchemy.NullPool)
        try:
            async with engine.connect() as connection:
                return await connection.run_sync(timebank.migrate_store)
        finally:
            await engine.dispose()

    def asynchronous() -> object:
        import asyncio

        return asyncio.run(awaited())

    return asynchronous if driver == "asyncpg" else synchronous


@pytest.mark.servers
@pytest.mark.parametrize(
    ("place", "driver"),
    [(server, driver) for server, found in DRIVERS.items() for driver in found],
    indirect=["place"],
)
@pytest.mark.parametrize("act", [Cut(heard=True), Warn()], ids=["cut", "warned of"])
def test_tables_that_a_host_has_made(place: Place, driver: str, act: Any) -> None:
    """Whether the commit was kept is not known, and the next try tells."""
    work = through(place, driver)
    place.wire.arm(act, at=r"^COMMIT;?(\0|$)")
    error = told(work)
    assert 1 == place.wire.fired
    assert isinstance(error, OutcomeUnknown), error
    assert work() == []
