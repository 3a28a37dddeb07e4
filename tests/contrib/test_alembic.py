"""Alembic's autogenerate leaves the ledger's tables alone, where it is told to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

pytest.importorskip("alembic", reason="the test needs the extra timebank[dev]")

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

import timebank
from servers import drop_database, new_database
from timebank.contrib.alembic import include_object
from timebank.storage.tables import TABLES


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.servers)])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    """A database with a ledger, beside which the host's model has a table."""
    is_file = request.param == "sqlite"
    url = f"sqlite:///{tmp_path / 'host.db'}" if is_file else new_database(request.param)
    timebank.open(url).close()
    made = sa.create_engine(url)
    model().create_all(made)
    yield made
    made.dispose()
    if not is_file:
        drop_database(url)


def model(*columns: sa.Column[Any]) -> sa.MetaData:
    """The host's model."""
    made = sa.MetaData()
    sa.Table("booking", made, sa.Column("id", sa.Integer, primary_key=True), *columns)
    return made


def found(engine: sa.Engine, meta: sa.MetaData, **options: Any) -> list[Any]:
    """What autogenerate would change."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=options)
        return list(compare_metadata(context, meta))


def test_with_it_the_ledger_is_not_seen(engine: sa.Engine) -> None:
    """Nothing is to be done; and a column of the host's is found as ever."""
    assert [] == found(engine, model(), include_object=include_object)
    changes = found(engine, model(sa.Column("note", sa.Text)), include_object=include_object)
    assert ["add_column"] == [change[0] for change in changes]


def test_without_it_the_ledger_would_be_dropped(engine: sa.Engine) -> None:
    """As the page warns: each of its tables."""
    dropped = [change[1].name for change in found(engine, model()) if change[0] == "remove_table"]
    assert 9 == len(dropped)
    assert all(name.startswith("timebank_") for name in dropped)


def test_no_guard_stops_a_drop(tmp_path: Path) -> None:
    """As the page warns too: the ledger's guards are for rows, not for tables."""
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'host.db'}")
    with engine.begin() as connection:
        bank = timebank.join(connection)
        bank.open_account("m1")
    with engine.begin() as connection:
        for table in (*reversed(TABLES), "timebank_banks"):
            connection.exec_driver_sql(f"DROP TABLE {table}")
    with engine.connect() as connection:
        assert ["timebank_migrations"] == sa.inspect(connection).get_table_names()
    engine.dispose()
