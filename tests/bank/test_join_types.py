"""A host whose driver gives values, or makes cursors, in a way of its own."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest

pytest.importorskip("psycopg2", reason="the hosts need the extra timebank[dev]")

import psycopg
import psycopg2.extensions
import psycopg2.extras
import pymysql
from psycopg.types.string import TextLoader

import timebank
from servers import drop_database, new_database, postgresql
from timebank import InvalidRequest

#: What is written and read again: text with the marks of values in it, numbers, bytes.
NAME = "Ma%ria %s ?"


def used(connection: Any) -> list[object]:
    """Write and read on a host's connection, and say what is seen."""
    bank = timebank.join(connection, bank="z")
    bank.open_account("m1", name=NAME)
    bank.open_account("m2", floor=None)
    bank.transfer(earner="m1", spender="m2", hours=1, id="t1", tags=("a", "b"))
    bank.hold(earner="m1", spender="m2", hours=1, id="h1")
    bank.settle("h1")
    report = bank.audit()
    return [bank.account("m1").name, str(bank.balance("m1").posted), report.ok]


EXPECTED = [NAME, "2:00", True]


class _Refusing(sqlite3.Cursor):
    def execute(self, *_: Any) -> Any:
        raise RuntimeError


class _OwnCursor(sqlite3.Connection):
    def cursor(self) -> Any:  # type: ignore[override]  # as hosts do it
        return super().cursor(_Refusing)


class _OwnExecute(sqlite3.Connection):
    def execute(self, sql: str, *values: Any) -> Any:
        return super().execute(sql, values)


@pytest.mark.parametrize("factory", [_OwnCursor, _OwnExecute])
def test_a_class_of_connections_of_the_host_is_no_matter(factory: type[sqlite3.Connection]) -> None:
    """Its methods may take other arguments, and its cursors do what they like."""
    host = sqlite3.connect(":memory:", factory=factory)
    sqlite3.Cursor(host).execute("BEGIN")
    assert used(host) == EXPECTED
    host.close()


@pytest.mark.servers
@pytest.mark.parametrize("kind", ["int8", "text", "bytea", "bool"])
def test_what_loads_values_for_a_host_of_psycopg_loads_none_of_ours(kind: str) -> None:
    """A number that comes as text would be told as damage."""
    url = new_database("postgresql")
    host = psycopg.connect(url.replace("+psycopg", ""))
    host.adapters.register_loader(kind, type("Own", (TextLoader,), {"load": lambda *_: "own"}))
    try:
        assert used(host) == EXPECTED
    finally:
        host.close()
        drop_database(url)


@pytest.mark.servers
def test_lists_that_a_host_of_psycopg_2_has_as_json_are_none_of_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Such an adapter is for all connections of a program."""
    adapters: Any = psycopg2.extensions.adapters
    key = (list, psycopg2.extensions.ISQLQuote)
    monkeypatch.setitem(adapters, key, psycopg2.extras.Json)
    url = new_database("postgresql")
    name = url.partition("?")[0].rpartition("/")[2]
    host = psycopg2.connect(host=str(postgresql()), user="postgres", dbname=name)
    try:
        assert used(host) == EXPECTED
    finally:
        host.close()
        drop_database(url)


@pytest.mark.servers
@pytest.mark.parametrize("option", ["conv", "use_unicode"])
def test_types_of_a_hosts_pymysql_are_refused(option: str) -> None:
    """They are the connection's, and would be told as damage."""
    url = new_database("mariadb")
    timebank.open(url).close()
    own: dict[Any, Any] = {**pymysql.converters.conversions, 8: str}
    path, name = url.partition("unix_socket=")[2], url.partition("?")[0].rpartition("/")[2]
    given: Any = {"conv": own} if option == "conv" else {"use_unicode": False}
    host = pymysql.connect(unix_socket=path, user="root", database=name, charset="utf8mb4", **given)
    try:
        with pytest.raises(InvalidRequest, match="in types of its own"):
            used(host)
    finally:
        host.close()
        drop_database(url)
