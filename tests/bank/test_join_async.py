"""Asynchronous hosts: a task that is cancelled within a call, and what other tasks do meanwhile."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("aiosqlite", reason="the hosts need the extra timebank[dev]")

import sqlalchemy
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session

import timebank
from servers import drop_database, new_database

DRIVERS = [
    "aiosqlite",
    pytest.param("psycopg", marks=pytest.mark.servers),
    pytest.param("asyncpg", marks=pytest.mark.servers),
]


def book(id: str) -> Any:
    """What is given to `run_sync`: an exchange under an id."""

    def call(session: Session) -> str:
        bank = timebank.join(session)
        return bank.transfer(earner="m1", spender="f1", hours=1, id=id).id

    return call


async def cancelled(url: str) -> None:
    """Cancel a task that waits for the bank's lock, and go on with its session."""
    # A thread of aiosqlite's that waits for a lock goes on to wait for it.
    options = {"timeout": 1} if "sqlite" in url else {}
    engine = create_async_engine(url, poolclass=sqlalchemy.NullPool, connect_args=options)
    holder, waiting = AsyncSession(engine), AsyncSession(engine)
    await holder.begin()
    await holder.run_sync(book("held"))
    await waiting.begin()
    started = asyncio.Event()

    def begun(session: Session) -> str:
        started.set()
        return str(book("never")(session))

    task = asyncio.create_task(waiting.run_sync(begun))
    await started.wait()
    await asyncio.sleep(
        0.2
    )  # so that it is within a statement; where it is not yet, all is the same
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await holder.commit()
    await waiting.rollback()
    async with waiting.begin():
        assert "after" == await waiting.run_sync(book("after"))
    await waiting.close()
    await holder.close()
    await engine.dispose()


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_cancelled_task_leaves_nothing(driver: str, tmp_path: Path) -> None:
    """Its call is undone, its session can be rolled back and used again."""
    is_file = driver == "aiosqlite"
    url = f"sqlite:///{tmp_path / 'host.db'}" if is_file else new_database("postgresql")
    with timebank.open(url) as alone:
        alone.open_account("m1")
        alone.open_account("f1")
    made = sqlalchemy.make_url(url)
    address = made.set(drivername=f"{made.get_backend_name()}+{driver}")
    asyncio.run(cancelled(address.render_as_string(hide_password=False)))
    with timebank.open(url) as alone:
        assert ["held", "after"] == [transfer.id for transfer in alone.transfers()]
        assert alone.audit().ok
    if not is_file:
        drop_database(url)
