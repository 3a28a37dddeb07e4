"""Read from PostgreSQL's catalogue what tables, constraints, indexes and triggers mean.

All of it is one question, which every user may ask, and which locks nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from functools import cache
from typing import Any, Final

from timebank.storage.server.definitions import (
    Catalogue,
    Definition,
    check_text,
    column_text,
    expected_tables,
    index_text,
    key_text,
    reference_text,
)
from timebank.storage.server.guards import (
    REFUSE,
    REFUSE_BODY,
    REFUSE_BODY_BEFORE,
    postgres_guards,
    postgres_text,
    row_guards,
)
from timebank.storage.server.postgres_questions import CATALOGUE, PARTITIONS
from timebank.storage.server.schema import type_text

Row = Mapping[str, Any]

_SWITCHED_OFF: Final = {"session_replication_role": "replica", "timebank.rebuild": "on"}
_KINDS: Final = {
    "r": "TABLE",
    "p": "TABLE",
    "v": "VIEW",
    "m": "MATERIALIZED VIEW",
    "f": "FOREIGN TABLE",
}
_PERSISTENCE: Final = {"p": "", "u": "UNLOGGED ", "t": "TEMPORARY "}
_ACTIONS: Final = {"r": "RESTRICT", "c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT"}
_HASH: Final = re.compile(r"modulus (\d+), remainder (\d+)")
_ROW, _BEFORE, _INSERT, _DELETE, _UPDATE, _TRUNCATE, _INSTEAD = (1 << bit for bit in range(7))
_LIKE_A_VALUE: Final = "SET STATISTICS 0"


def read(cursor: Any) -> Catalogue:
    """Return what is defined, and what should be, its partitions among it.

    The driver's errors pass through.
    """
    rows: dict[str, list[Row]] = {}
    cursor.execute(CATALOGUE)
    for kind, found in cursor.fetchall():
        rows.setdefault(kind, []).append(json.loads(found))
    partitions = list(_partitions(rows.get("table", ())))
    return Catalogue(
        [*_expected(), *guards(partitions), *_of_partitions(partitions)], list(_found(rows))
    )


def partitions(cursor: Any) -> list[tuple[str, str]]:
    """Return the partitions of the tables, each by its table and its own name as SQL has it."""
    cursor.execute(PARTITIONS)
    return [(root, name) for root, name in cursor.fetchall()]


# -- what should be there ------------------------------------------------------------------------


@cache
def _expected() -> tuple[Definition, ...]:
    def type_of(column: Any) -> str:
        text = type_text(column, "postgresql")
        if (column.table.name, column.name) == ("timebank_texts", "text"):
            text += f" {_LIKE_A_VALUE}"
        return text

    return tuple(expected_tables(type_of))


def guards(partitions: Iterable[tuple[str, str]]) -> Iterator[Definition]:
    """Yield what the guards mean, those of partitions among them."""
    there = list(partitions)
    copies = ((guard, name) for guard in row_guards() for root, name in there if root == guard.root)
    for guard in postgres_guards(there):
        yield Definition("trigger", guard.table, guard.name, guard.text)
    for guard, name in copies:
        yield Definition("trigger", name, guard.name, guard.text)


def _of_partitions(partitions: Iterable[tuple[str, str]]) -> Iterator[Definition]:
    for root, name in partitions:
        yield Definition("table", name, name, "TABLE")
        if root == "timebank_texts":
            text = column_text(f"BYTEA {_LIKE_A_VALUE}", nullable=False)
            yield Definition("column", name, "text", text)
        if root == "timebank_records":
            yield Definition("column", name, "body", column_text("BYTEA", nullable=False))


# -- what is there -------------------------------------------------------------------------------


def _partitions(rows: Iterable[Row]) -> Iterator[tuple[str, str]]:
    for row in rows:
        if row["depth"] and row["relispartition"]:
            yield row["root"], row["name"]


def _found(rows: Mapping[str, list[Row]]) -> Iterator[Definition]:
    for kind, read_row in (
        ("table", _table),
        ("column", _column),
        ("constraint", _constraint),
        ("unchecked", _unchecked),
        ("index", _index),
        ("trigger", _trigger),
        ("rule", _rule),
        ("statistics", _statistics),
        ("setting", _setting),
    ):
        for row in rows.get(kind, ()):
            yield from read_row(row)
    yield from _gaps(rows.get("table", ()))


def _table(row: Row) -> Iterator[Definition]:
    kind = str(_KINDS.get(row["relkind"], row["relkind"]))
    text = _PERSISTENCE.get(row["relpersistence"], "") + kind
    if row["relrowsecurity"] and not row["depth"]:
        text += " WITH ROW LEVEL SECURITY"
    if row["parents"] and not row["relispartition"]:
        text += f" INHERITS ({', '.join(row['parents'])})"
    if row["detached"]:
        text += " BEING DETACHED"
    yield Definition("table", row["name"], row["name"], text)


def _gaps(rows: Iterable[Row]) -> Iterator[Definition]:
    """Find tables that have no partition for some banks: one that was detached, with its rows."""
    parts: dict[tuple[str, str], Fraction] = {}
    for row in rows:
        if row["depth"] and (bound := _HASH.search(row["bound"] or "")):
            for parent in row["parents"] or ():
                key = row["root"], parent
                parts[key] = parts.get(key, Fraction(0)) + Fraction(1, int(bound[1]))
    whole = {row["name"] for row in rows if row["relkind"] == "p"}
    for root, parent in sorted(parts):
        if parts[root, parent] != 1:
            yield Definition("table", root, parent, "TABLE WITHOUT A PARTITION FOR EACH BANK")
            whole.discard(parent)
    there = {parent for row in rows if row["depth"] for parent in row["parents"] or ()}
    for name in sorted(whole - there):
        yield Definition("table", name, name, "TABLE WITHOUT PARTITIONS")


def _column(row: Row) -> Iterator[Definition]:
    text = row["type"].upper()
    if row["collation"]:
        text += f" COLLATE {row['collation']}"
    if row["root"] == "timebank_texts" and row["attname"] == "text" and row["statistics"] == 0:
        text += f" {_LIKE_A_VALUE}"
    text = column_text(text, nullable=row["nullable"])
    if row["plain"]:  # what is longer than a page would be refused
        text += " STORAGE PLAIN"
    if row["attgenerated"].strip():
        text += f" GENERATED ALWAYS AS ({row['default']})"
    elif row["default"] is not None and not row["depth"]:
        text += f" DEFAULT {row['default']}"
    if row["attidentity"].strip():
        text += " GENERATED AS IDENTITY"
    yield Definition("column", row["name"], row["attname"], text)


def _constraint(row: Row) -> Iterator[Definition]:
    if row["contype"] == "n":
        if row["convalidated"]:
            return  # the column says so
        text = f"NOT NULL ({', '.join(row['columns'])})"
    elif row["contype"] == "c":
        text = check_text(row["condition"])
    else:
        text = reference_text(row["columns"], row["target"], row["others"])
        if row["confmatchtype"] != "s":
            text += " MATCH FULL"
        for action, event in ((row["confupdtype"], "UPDATE"), (row["confdeltype"], "DELETE")):
            if action != "a":
                text += f" ON {event} {_ACTIONS.get(action, action)}"
    text += "".join(
        f" {words}"
        for words, holds in (
            (f"USING {', '.join(row['uses'] or ())}", row["uses"]),
            ("DEFERRABLE", row["condeferrable"]),
            ("NOT VALID", not row["convalidated"]),
            ("NOT ENFORCED", row["enforced"] == "false"),
            ("NO INHERIT", row["connoinherit"] and row["contype"] == "c"),
        )
        if holds
    )
    yield Definition("constraint", row["name"], row["conname"], text)


def _unchecked(row: Row) -> Iterator[Definition]:
    text = "FOREIGN KEY, ITS TRIGGERS DISABLED"
    yield Definition("constraint", row["name"], row["conname"], text)


def _index(row: Row) -> Iterator[Definition]:
    if row["attached"] and row["depth"]:
        return  # it is a part of its table's, which is valid only with all of them
    columns = [name or "(expression)" for name in row["columns"][: row["keys"]]]
    beside = row["columns"][row["keys"] :] if row["long"] else ()
    is_key = row["indisunique"]
    kind = "constraint" if is_key or row["indisexclusion"] else "index"
    text = key_text(columns, primary=row["indisprimary"]) if is_key else index_text(columns)
    if row["indisexclusion"]:
        text = f"EXCLUDE ({', '.join(columns)})"
    odd = [
        words
        for words, holds in (
            (f"ON ({row['expressions']})", row["expressions"]),
            (f"INCLUDE ({', '.join(beside)})", beside),
            (f"WHERE ({row['predicate']})", row["predicate"]),
            (f"USING {row['amname']}", row["amname"] != "btree"),
            ("NULLS NOT DISTINCT", row["one_null"] == "true"),
            ("DEFERRABLE", not row["indimmediate"]),
            ("INVALID", not row["valid"]),
            ("OF ANOTHER COLLATION", row["other_collation"]),
            ("OF ANOTHER ORDER", row["other_order"] or row["downwards"]),
        )
        if holds
    ]
    # What is computed for each row may refuse it, as does what is too long for an entry.
    computes = row["expressions"] or row["predicate"] or row["long"]
    harmless = kind == "index" and not computes
    text = " ".join((text, *odd))
    yield Definition(kind, row["name"], row["conname"] or row["relname"], text, harmless=harmless)


def _trigger(row: Row) -> Iterator[Definition]:
    events = [
        *(["DELETE"] if row["tgtype"] & _DELETE else ()),
        *(["INSERT"] if row["tgtype"] & _INSERT else ()),
        *(["TRUNCATE"] if row["tgtype"] & _TRUNCATE else ()),
        *(["UPDATE" + _of(row["columns"])] if row["tgtype"] & _UPDATE else ()),
    ]
    timing = "BEFORE" if row["tgtype"] & _BEFORE else "AFTER"
    if row["tgtype"] & _INSTEAD:
        timing = "INSTEAD OF"
    level = "ROW" if row["tgtype"] & _ROW else "STATEMENT"
    text = postgres_text(timing, events, level, _call(row))
    if row["conditional"]:
        text += f" WHEN {_when(row['definition'])}"
    if row["tgenabled"] not in ("O", "A"):
        text += " DISABLED" if row["tgenabled"] == "D" else " ON A REPLICA ALONE"
    harmless = row["tgenabled"] == "D"
    yield Definition("trigger", row["name"], row["tgname"], text, harmless=harmless)


def _of(columns: Iterable[str] | None) -> str:
    return f" OF {', '.join(columns)}" if columns else ""


def _when(definition: str) -> str:
    return definition.partition(" WHEN ")[2].rpartition(" EXECUTE ")[0]


def _call(row: Row) -> str:
    """Return what a trigger calls: ours by its name, another by what it does."""
    given = bytes.fromhex(row["arguments"]).decode("utf-8", "replace").split("\0")[:-1]
    quoted = ", ".join(f"'{argument}'" for argument in given)
    is_ours = (
        row["prosrc"].split() == REFUSE_BODY.split()
        and row["lanname"] == "plpgsql"
        and not row["prosecdef"]
        and not row["configured"]
    )
    if is_ours:
        return f"{REFUSE}({quoted})"
    extra = " SECURITY DEFINER" if row["prosecdef"] else ""
    extra += " WITH SETTINGS" if row["configured"] else ""
    if row["prosrc"].split() == REFUSE_BODY_BEFORE.split():
        return f"{REFUSE}({quoted}){extra} OF AN OLDER TIMEBANK: RUN timebank migrate"
    body = " ".join(row["prosrc"].split())
    return f"{row['proname']}({quoted}){extra} AS {row['lanname']} {body}"


def _rule(row: Row) -> Iterator[Definition]:
    yield Definition("rule", row["name"], row["rulename"], " ".join(row["definition"].split()))


def _statistics(row: Row) -> Iterator[Definition]:
    yield Definition("index", row["name"], row["stxname"], "STATISTICS (text)")


def _setting(row: Row) -> Iterator[Definition]:
    name, value = row["name"].lower(), row["value"]  # a server reads both in any case
    if value is not None and value.lower() == _SWITCHED_OFF.get(name):
        place = f"ALTER {row['place']} SET " if row["place"] else ""
        yield Definition("setting", "", name, f"{place}{name} = {value}")
