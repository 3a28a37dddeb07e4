"""Find faults of a SQLite file. Nothing is raised: a damaged file is a fault too."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial
from itertools import islice
from typing import Any, Final

from timebank.errors import shown
from timebank.model import Fault
from timebank.model.said import said
from timebank.storage.references import own_levels, own_orphans, own_references
from timebank.storage.sqlite.errors import ERRORS
from timebank.storage.sqlite.schema import APPLIED, DDL
from timebank.storage.tables import LAST_LEVEL, TABLES, odd_tile

#: Findings of one kind that are named; more of them say nothing new.
MOST: Final = 100
#: SQLite's instructions between two calls of `progress`.
STEPS: Final = 200_000

_OBJECTS = """SELECT type, name, tbl_name, sql FROM sqlite_master
    WHERE name LIKE 'timebank!_%' ESCAPE '!' OR tbl_name LIKE 'timebank!_%' ESCAPE '!'"""
_MIGRATIONS = "SELECT id, migration_set, name, applied_at FROM timebank_migrations ORDER BY id"
#: The banks that a table names, by one seek each, without a walk through its rows.
_STRAY_BANKS = """WITH RECURSIVE named (bank) AS (
        SELECT min(bank) FROM {table}
        UNION ALL
        SELECT (SELECT min(bank) FROM {table} WHERE bank > named.bank) FROM named
        WHERE named.bank IS NOT NULL
    )
    SELECT bank FROM named
    WHERE bank IS NOT NULL AND bank NOT IN (SELECT bank FROM timebank_banks)"""

#: Whether the records of each bank have no gap.
_NO_GAP: Final = """SELECT NOT EXISTS (
        SELECT 1 FROM timebank_records GROUP BY bank HAVING count(*) <> max(sequence)
    )"""
#: Whether the last record that the rows of a bank refer to is there.
_LAST_IS_THERE: Final = """SELECT NOT EXISTS (
        SELECT 1 FROM (SELECT bank, max({column}) AS last FROM {rows} GROUP BY bank) AS found
        LEFT JOIN timebank_records AS there
            ON there.bank = found.bank AND there.sequence = found.last
        WHERE there.sequence IS NULL
    )"""
#: Whether of each account with postings the account is there, and the last record of them.
_POSTINGS_ARE_OF: Final = """SELECT NOT EXISTS (
        SELECT 1
        FROM (SELECT bank, account, max(sequence) AS last FROM timebank_postings
            GROUP BY bank, account) AS found
        LEFT JOIN timebank_records AS there
            ON there.bank = found.bank AND there.sequence = found.last
        LEFT JOIN timebank_accounts AS known
            ON known.bank = found.bank AND known.account = found.account
        WHERE there.sequence IS NULL OR known.account IS NULL
    )"""
_REFERRING: Final = (
    "timebank_records INDEXED BY timebank_records_refers_to WHERE refers_to IS NOT NULL"
)
#: What says of the tables that grow with the records that every reference in them holds, without
#: a look-up for each row: where the file is well all numbers are whole and at least 1, so that
#: with the last record, and no gap, all are there.
_SURE: Final = {
    "timebank_records": _LAST_IS_THERE.format(column="refers_to", rows=_REFERRING),
    "timebank_texts": _LAST_IS_THERE.format(column="sequence", rows="timebank_texts"),
    "timebank_postings": _POSTINGS_ARE_OF,
}

_ODD_TILES = """SELECT bank, level, tile FROM timebank_tiles
    WHERE typeof(level) <> 'integer' OR level NOT BETWEEN 0 AND ?"""

#: Objects of a schema that the catalogue has words for.
KINDS: Final = frozenset({"table", "index", "trigger"})

_Objects = dict[tuple[str, str, str], str]
_FindFaults = Callable[[sqlite3.Connection, str], Iterator[Fault]]

_OWN: Final = (own_orphans, own_references, own_levels)
#: The indexes beside the keys: of which table, and of which of its rows.
_INDEXES: Final = {
    "timebank_records_id": ("timebank_records", "id IS NOT NULL"),
    "timebank_records_refers_to": ("timebank_records", "refers_to IS NOT NULL"),
    "timebank_postings_day": ("timebank_postings", "TRUE"),
    "timebank_holds_sequence": ("timebank_holds", "TRUE"),
}
#: The key of a table, as SQLite calls it; without a name it would take another index.
_KEY_OF: Final = "sqlite_autoindex_{table}_1"
_COUNT: Final = "SELECT count(*) FROM {table} INDEXED BY {by} WHERE bank = ? AND {condition}"


def faults(
    connection: sqlite3.Connection, where: str, progress: Callable[[], None] | None
) -> list[Fault]:
    """Return faults of the file, its schema, rows of no bank, references, and of tiles.

    What `progress` raises ends the work and is raised again.
    """
    found = _found(connection, where, (_file, _schema), progress)
    references = partial(_references, is_well=not found)
    found += _found(connection, where, (_orphans, references, _levels), progress)
    return list(dict.fromkeys(found))


def own_faults(
    connection: sqlite3.Connection, where: str, bank: str, progress: Callable[[], None] | None
) -> list[Fault]:
    """Return faults of the schema, and of what is of one bank: its rows, and its part of indexes.

    Pages that other banks have are not looked at. What `progress` raises is raised again.
    """

    def fetch(question: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        return connection.execute(question, values).fetchall()

    def own(check: Callable[..., Iterator[Fault]]) -> _FindFaults:
        return lambda _connection, _where: check(fetch, bank, mark="?")

    checks: list[_FindFaults] = [_schema, partial(_indexes, bank=bank), *map(own, _OWN)]
    return list(dict.fromkeys(_found(connection, where, checks, progress)))


def _indexes(connection: sqlite3.Connection, where: str, *, bank: str) -> Iterator[Fault]:
    """Find indexes that have more or fewer rows of a bank than their table."""
    there = {name for _, name, _ in _objects(connection)}
    for name, (table, condition) in _INDEXES.items():
        if name not in there:
            continue  # that is found as a fault of the schema
        counts = [
            connection.execute(_COUNT.format(table=table, by=by, condition=condition), (bank,))
            for by in (_KEY_OF.format(table=table), name)
        ]
        expected, found = (count.fetchone()[0] for count in counts)
        if expected != found:
            yield Fault("file", said("index", name=name), str(expected), str(found))


def _found(
    connection: sqlite3.Connection,
    where: str,
    checks: Iterable[_FindFaults],
    progress: Callable[[], None] | None,
) -> list[Fault]:
    """Return what some checks find; a database that cannot be read is a fault too."""
    raised: list[BaseException] = []

    def step() -> int:
        try:
            if progress is not None:
                progress()
        except BaseException as error:  # noqa: BLE001 - SQLite would swallow it
            raised.append(error)
        return len(raised)

    found: list[Fault] = []
    connection.set_progress_handler(step, STEPS)
    try:
        for check in checks:
            try:
                found += check(connection, where)
            except ERRORS as error:
                found.append(Fault("file", where, said("a_file_that_can_be_read"), str(error)))
            if raised:
                raise raised[0]
    finally:
        connection.set_progress_handler(None, 0)
    return found


def schema_faults(connection: sqlite3.Connection, where: str) -> list[Fault]:
    """Return faults of the schema alone: no row of a bank is read."""
    try:
        return list(_schema(connection, where))
    except ERRORS as error:
        return [Fault("file", where, said("a_file_that_can_be_read"), str(error))]


def _file(connection: sqlite3.Connection, where: str) -> Iterator[Fault]:
    for (message,) in connection.execute(f"PRAGMA integrity_check({MOST})"):
        if message != "ok":
            yield Fault("file", where, "ok", str(message))


def _schema(connection: sqlite3.Connection, where: str) -> Iterator[Fault]:
    expected, found = _fresh(), _objects(connection)
    if not found:
        return  # a file without a ledger: there is nothing of ours to be wrong
    for key in sorted(expected.keys() | found.keys()):
        before, after = expected.get(key), found.get(key)
        if before != after:
            place = said(key[0], name=key[1]) if key[0] in KINDS else f"{key[0]} {key[1]}"
            yield Fault("schema", place, before or said("nothing"), after or said("nothing"))
    if ("table", "timebank_migrations", "timebank_migrations") in found:
        rows = tuple(connection.execute(_MIGRATIONS).fetchmany(MOST))
        if rows != APPLIED:
            yield Fault("schema", said("rows_of_timebank_migrations"), str(APPLIED), str(rows))


def _orphans(connection: sqlite3.Connection, where: str) -> Iterator[Fault]:
    there = {name for _, name, _ in _objects(connection)}
    if "timebank_banks" not in there:
        return  # that is found as a fault of the schema
    for table in filter(there.__contains__, TABLES):
        for (bank,) in connection.execute(_STRAY_BANKS.format(table=table)):
            yield Fault(
                "orphans",
                table,
                said("rows_of_a_bank_in_timebank_banks"),
                said("rows_of", bank=shown(bank)),
            )


def _references(connection: sqlite3.Connection, where: str, *, is_well: bool) -> Iterator[Fault]:
    """Find rows that refer to what is not there, the sooner where file and schema are well."""
    there = {name for _, name, _ in _objects(connection)}
    # A host may have told SQLite to look at no CHECK: then its own check says nothing of numbers.
    ((ignores_checks,),) = connection.execute("PRAGMA ignore_check_constraints").fetchall()
    is_sure = is_well and bool(there) and not ignores_checks
    have_no_gap = is_sure and _is_so(connection, _NO_GAP)
    for table in TABLES:
        if table not in there:
            continue
        if have_no_gap and table in _SURE and _is_so(connection, _SURE[table]):
            continue
        missing = (
            parent
            for _, _, parent, _ in connection.execute(f"PRAGMA foreign_key_check({table})")
            if parent != "timebank_banks"  # rows of no bank are found as such
        )
        for parent in islice(missing, MOST):
            yield Fault("references", table, said("a_row_of", table=parent), said("none"))


def _levels(connection: sqlite3.Connection, where: str) -> Iterator[Fault]:
    """Find tiles of levels that no tree has: nobody asks for these, so nobody would see them."""
    if "timebank_tiles" in {name for _, name, _ in _objects(connection)}:
        for row in connection.execute(_ODD_TILES, (LAST_LEVEL,)).fetchmany(MOST):
            yield odd_tile(row)


def _is_so(connection: sqlite3.Connection, question: str) -> bool:
    return bool(connection.execute(question).fetchone() == (1,))


def _objects(connection: sqlite3.Connection) -> _Objects:
    """Return the objects of the schema under our names or on our tables, with their text."""
    return {
        (str(kind), str(name), str(table)): " ".join(str(sql).split())
        for kind, name, table, sql in connection.execute(_OBJECTS)
    }


@cache
def _fresh() -> _Objects:
    """Return the objects of a database that was just made: the same each time."""
    connection = sqlite3.connect(":memory:")
    try:
        for statement in DDL:
            connection.execute(statement)
        return _objects(connection)
    finally:
        connection.close()
