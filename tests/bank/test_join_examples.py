"""The recipes of `docs/howto-join.md`: what the page shows is what is run here."""

from __future__ import annotations

import asyncio
import importlib.util
import re
import sys
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("psycopg2", reason="the hosts need the extra timebank[dev]")

import psycopg2
import sqlalchemy

import timebank
from servers import drop_database, new_database
from timebank import Hours

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "howto-join.md").read_text("utf-8")


def blocks(heading: str) -> list[str]:
    """The blocks of Python behind a heading of the page, that are run here and not there."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    found = re.findall(r"```py\n(.*?)```", section, re.DOTALL)
    assert found, heading
    return found


@pytest.fixture
def url() -> Iterator[str]:
    """A database of PostgreSQL with a ledger, and a table of the host's."""
    made = new_database("postgresql")
    with timebank.open(made, bank="quarto-oggiaro") as bank:
        bank.open_account("m1")
        bank.open_account("f1", kind="group")
    engine = sqlalchemy.create_engine(made)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE visit (exchange TEXT PRIMARY KEY, carer TEXT, paid BOOL)"
        )
    engine.dispose()
    yield made
    drop_database(made)


# -- a host as Odoo and Tryton are ------------------------------------------------------


@pytest.fixture
def example() -> Any:
    """The module `examples/cursor_host.py`."""
    where = ROOT / "examples" / "cursor_host.py"
    spec = importlib.util.spec_from_file_location("cursor_host", where)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules["cursor_host"] = made
    spec.loader.exec_module(made)
    yield made
    del sys.modules["cursor_host"]


def visits(url: str) -> tuple[int, int]:
    """How many visits are committed, and how many of them are paid."""
    engine = sqlalchemy.create_engine(url)
    with engine.connect() as connection:
        sql = "SELECT count(*), count(*) FILTER (WHERE paid) FROM visit"
        all_of_them, paid = connection.exec_driver_sql(sql).one()
    engine.dispose()
    return all_of_them, paid


@pytest.mark.servers
def test_a_host_with_a_cursor_of_its_own(url: str, example: Any) -> None:
    """Four threads, each transaction done again where another came first: both rows, or neither."""
    dsn = url.replace("+psycopg", "")
    outcomes: list[str] = []

    def work(cr: Any) -> str:
        found: str = example.book(cr, str(uuid.uuid4()), "m1", "f1")
        return found

    def run() -> None:
        outcomes.extend(
            example.retried(lambda: example.HostCursor(dsn), work, tries=1000) for _ in range(6)
        )

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (4, 20) == (outcomes.count("to be arranged"), outcomes.count("paid"))
    assert (24, 20) == visits(url)
    with timebank.open(url, bank="quarto-oggiaro") as bank:
        assert Hours(-20) == bank.balance("f1").posted
        assert bank.audit().ok


@pytest.mark.servers
def test_a_transaction_that_another_came_before_is_told(url: str, example: Any) -> None:
    """The second at REPEATABLE READ is a `Conflict` of the host's, whose cause is the driver's."""
    dsn = url.replace("+psycopg", "")
    first, second = example.HostCursor(dsn), example.HostCursor(dsn)
    assert Hours(0) == example.hours(second).balance("m1").posted
    example.book(first, "one", "m1", "f1")
    first.commit()
    with pytest.raises(timebank.Conflict) as caught:
        example.book(second, "two", "m1", "f1")
    assert "host" == caught.value.scope
    assert isinstance(caught.value.__cause__, psycopg2.OperationalError)
    second.rollback()
    first.close()
    second.close()
    assert (1, 1) == visits(url)


def test_the_page_shows_the_example() -> None:
    """Each of its functions, to the letter but for the reasons of a linter."""
    source = (ROOT / "examples" / "cursor_host.py").read_text("utf-8")
    shown = re.sub(r"  # noqa.*", "", source)
    pieces = blocks("psycopg 2, with a cursor of your own")
    assert 3 == len(pieces)
    assert [] == [piece for piece in pieces if piece not in shown]


# -- asynchronous engines ------------------------------------------------------------------


def on(driver: str, url: str) -> str:
    """The address of a database for another driver."""
    made = sqlalchemy.make_url(url)
    name = f"{made.get_backend_name()}+{driver}"
    return made.set(drivername=name).render_as_string(hide_password=False)


async def shown(heading: str, address: str) -> dict[str, Any]:
    """Run the blocks behind a heading, and their `main`, on a database."""
    names: dict[str, Any] = {"URL": address}
    (program,) = blocks(heading)
    exec(compile(program, "howto-join.md", "exec"), names)  # noqa: S102 - our own page
    await names["main"](names["URL"])
    return names


@pytest.mark.servers
@pytest.mark.parametrize("driver", ["psycopg", "asyncpg"])
def test_async_engines_on_postgresql(driver: str, url: str) -> None:
    """The page's program books an exchange on each driver."""
    asyncio.run(shown("Async engines", on(driver, url)))
    assert (1, 1) == visits(url)
    with timebank.open(url, bank="quarto-oggiaro") as bank:
        assert (Hours("1:30"), True) == (bank.balance("m1").posted, bank.audit().ok)


def test_async_engines_on_sqlite(tmp_path: Path) -> None:
    """And on aiosqlite."""
    url = f"sqlite:///{tmp_path / 'host.db'}"
    with timebank.open(url, bank="quarto-oggiaro") as bank:
        bank.open_account("m1")
        bank.open_account("f1")
    engine = sqlalchemy.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE visit (exchange TEXT PRIMARY KEY, carer, paid)")
    engine.dispose()
    asyncio.run(shown("Async engines", on("aiosqlite", url)))
    with timebank.open(url, bank="quarto-oggiaro") as bank:
        assert (Hours("1:30"), True) == (bank.balance("m1").posted, bank.audit().ok)


@pytest.mark.servers
def test_psycopgs_own_asynchronous_connection(url: str) -> None:
    """Both roads of the page: an engine that has it, and a thread with one that is not."""
    asyncio.run(shown("psycopg's own AsyncConnection", url))
    assert (2, 2) == visits(url)
    with timebank.open(url, bank="quarto-oggiaro") as bank:
        assert (Hours(2), True) == (bank.balance("m1").posted, bank.audit().ok)
