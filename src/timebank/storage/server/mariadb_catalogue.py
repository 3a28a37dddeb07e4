"""Read from MariaDB what tables, constraints, keys and triggers mean.

Columns and triggers are in `information_schema`. Constraints and keys are read from what
`SHOW CREATE TABLE` prints, for it is shown to a user who may only read, and it is of the table that
queries find: a temporary one hides ours. Triggers are shown to those who may make them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any, Final

from timebank.model.said import said
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
from timebank.storage.server.guards import GUARDED_TABLES, mariadb_guards, mariadb_text
from timebank.storage.server.schema import TABLE_NAMES, type_text

#: Two names of one function.
_ALIAS: Final = {"length": "octet_length"}
_TABLES: Final = f"""SELECT table_name, table_type, engine FROM information_schema.tables
    WHERE table_schema = database() AND table_name IN {TABLE_NAMES}"""  # noqa: S608 - our names
_COLUMNS: Final = f"""SELECT table_name, column_name, column_type, is_nullable, column_default,
        extra, character_set_name, collation_name, generation_expression
    FROM information_schema.columns
    WHERE table_schema = database() AND table_name IN {TABLE_NAMES}"""  # noqa: S608 - our names
_TRIGGERS: Final = f"""SELECT event_object_table, trigger_name, action_timing, event_manipulation,
        action_statement
    FROM information_schema.triggers
    WHERE event_object_schema = database()
        AND event_object_table IN {TABLE_NAMES}"""  # noqa: S608 - our names
#: The tables whose triggers are shown; no name is of all.
_RIGHTS: Final = """SELECT '' FROM information_schema.user_privileges
        WHERE privilege_type = 'TRIGGER'
    UNION SELECT '' FROM information_schema.schema_privileges
        WHERE privilege_type = 'TRIGGER' AND database() LIKE table_schema
    UNION SELECT table_name FROM information_schema.table_privileges
        WHERE privilege_type = 'TRIGGER' AND table_schema = database()"""
#: Settings that switch keys, checks or guards off where they are 0.
_SETTINGS: Final = tuple(
    f"{scope}{name}"
    for name in ("foreign_key_checks", "check_constraint_checks", "unique_checks")
    for scope in ("@@session.", "@@global.")
)
_IS_GUARDING: Final = "@timebank_rebuild IS NULL"
_TEXT: Final = re.compile(r"'(?:[^'\\]|''|\\.)*'", re.DOTALL)
_NAME: Final = r"""[`"]?(\w+)[`"]?"""
_NAMES: Final = re.compile(r"""[`"]?(\w+)[`"]?(\(\d+\))?( DESC)?""")
_KEY: Final = re.compile(
    rf"(PRIMARY |UNIQUE |FULLTEXT |SPATIAL |VECTOR )?KEY (?:{_NAME} )?"
    r"\(([^()]+(?:\(\d+\)[^()]*)*)\)(.*)"
)
_REFERENCE: Final = re.compile(
    rf"CONSTRAINT {_NAME} FOREIGN KEY \(([^()]+)\) "
    rf"REFERENCES (?:{_NAME}\.)?{_NAME} \(([^()]+)\)(.*)"
)
_CHECK: Final = re.compile(rf"CONSTRAINT {_NAME} CHECK \((.*)\)", re.DOTALL)
_IN_COLUMN: Final = re.compile(r"\bCHECK \(")
#: What InnoDB does where nothing is said.
_NO_ACTION: Final = re.compile(r" ON (?:DELETE|UPDATE) (?:NO ACTION|RESTRICT)")
_WIDTH: Final = re.compile(r"^bigint\(\d+\)")
#: A value that is kept smaller is the same value.
_COMPRESSED: Final = re.compile(r" /\*M?!\d+ COMPRESSED\*/", re.IGNORECASE)


def read(cursor: Any, error: type[Exception], no_table: Callable[[Exception], bool]) -> Catalogue:
    """Return what is defined, and what should be as far as it is shown to the user.

    Each table is asked for by itself, and may be missing: then the driver raises an `error` of
    which that is true. Its other errors pass through.
    """
    found = [*_settings(cursor), *_columns(cursor)]
    types = _types(cursor)
    for table in TABLE_NAMES:
        try:
            cursor.execute(f"SHOW CREATE TABLE {table}")
            printed = str(cursor.fetchone()[1])
        except error as raised:
            if not no_table(raised):
                raise
            continue
        found += _printed(table, printed, types.get(table, "TABLE"))
    triggers = list(_triggers(cursor))
    shown = _tables_with_rights(cursor) | {one.table for one in triggers}
    guards = [one for one in _guards() if one.table in shown]
    return Catalogue([*_expected(), *guards], [*found, *triggers])


def unseen(cursor: Any) -> list[str]:
    """Return in words which triggers are not shown to the user."""
    shown = _tables_with_rights(cursor)
    hidden = [table for table in GUARDED_TABLES if table not in shown]
    return [said("triggers_of", tables=", ".join(hidden))] if hidden else []


def may_guard(cursor: Any) -> bool:
    """Return whether the user may make triggers: with a binary log not everybody may who has them.

    Galera behaves as with a binary log, though there be none. The driver's errors pass through.
    """
    if not _tables_with_rights(cursor).issuperset(GUARDED_TABLES):
        return False
    cursor.execute(
        "SELECT @@log_bin_trust_function_creators OR (@@log_bin = 0 AND NOT EXISTS (SELECT 1 "
        "FROM information_schema.system_variables WHERE variable_name = 'WSREP_ON' "
        "AND global_value = 'ON')) OR EXISTS (SELECT 1 "
        "FROM information_schema.user_privileges WHERE privilege_type = 'SUPER')"
    )
    (allowed,) = cursor.fetchone()
    return bool(allowed)


@cache
def _expected() -> tuple[Definition, ...]:
    return tuple(expected_tables(lambda column: type_text(column, "mariadb"), alias=_ALIAS))


def _guards() -> Iterator[Definition]:
    for guard in mariadb_guards():
        yield Definition("trigger", guard.table, guard.name, guard.text)


def _tables_with_rights(cursor: Any) -> frozenset[str]:
    cursor.execute(_RIGHTS)
    found = {name for (name,) in cursor.fetchall()}
    return frozenset(TABLE_NAMES) if "" in found else frozenset(found)


def _settings(cursor: Any) -> Iterator[Definition]:
    cursor.execute(f"SELECT {', '.join((*_SETTINGS, _IS_GUARDING))}")
    for name, value in zip((*_SETTINGS, "@timebank_rebuild"), cursor.fetchone(), strict=True):
        if not int(value):
            text = "is set" if name.startswith("@timebank") else f"{name.removeprefix('@@')} = 0"
            yield Definition("setting", "", name.rpartition(".")[2].lstrip("@"), text)


def _types(cursor: Any) -> dict[str, str]:
    cursor.execute(_TABLES)
    made = {}
    for table, kind, engine in cursor.fetchall():
        text = {"BASE TABLE": "TABLE", "SYSTEM VERSIONED": "SYSTEM VERSIONED TABLE"}.get(kind, kind)
        made[table] = text if engine in (None, "InnoDB") else f"{text} ENGINE={engine}"
    return made


def _columns(cursor: Any) -> Iterator[Definition]:
    cursor.execute(_COLUMNS)
    for table, name, kind, nullable, default, extra, charset, collation, made in cursor.fetchall():
        bare = _COMPRESSED.sub("", kind)
        # What is compressed is shown with a default that nobody gave it.
        has_default = default not in (None, "NULL") and (bare == kind or default != "''")
        text = _WIDTH.sub("bigint", bare).upper()
        if collation is not None:
            text += f" CHARACTER SET {charset} COLLATE {collation}"
        text = column_text(text, nullable=nullable == "YES")
        if made:
            text += f" AS ({made})"
        if has_default:
            text += f" DEFAULT {default}"
        yield Definition("column", table, name, f"{text} {extra.upper()}".rstrip())


def _triggers(cursor: Any) -> Iterator[Definition]:
    cursor.execute(_TRIGGERS)
    for table, name, timing, event, statement in cursor.fetchall():
        yield Definition("trigger", table, name, mariadb_text(timing, event, statement))


# -- what SHOW CREATE TABLE prints ---------------------------------------------------------------


def _printed(table: str, printed: str, kind: str) -> Iterator[Definition]:
    """Yield the table, its constraints and its keys: each is on a line of its own."""
    first, *lines = printed.split("\n")
    if first.startswith("CREATE TEMPORARY"):
        kind = "TEMPORARY TABLE"
    yield Definition("table", table, table, kind)
    if not first.startswith("CREATE"):
        return
    for line in lines:
        if not line.startswith("  "):
            return
        yield from _line(table, line.strip().removesuffix(","))


def _line(table: str, line: str) -> Iterator[Definition]:
    if match := _CHECK.fullmatch(line):
        yield Definition("constraint", table, match[1], check_text(match[2], _ALIAS))
    elif match := _REFERENCE.fullmatch(line):
        yield _reference(table, match)
    elif match := _KEY.fullmatch(line):
        yield _key(table, match)
    elif line[:1] in '`"' or re.match(r"\w+ (?:bigint|var|long)", line):
        bare = _TEXT.sub("''", line)
        if _IN_COLUMN.search(bare):
            yield Definition("constraint", table, bare.split()[0].strip('`"'), line)
    else:  # nothing that a table of ours has
        yield Definition("constraint", table, line.split(maxsplit=1)[0], line)


def _reference(table: str, match: re.Match[str]) -> Definition:
    name, columns, schema, target, others, actions = match.groups()
    target = target if schema is None else f"{schema}.{target}"
    text = reference_text(_list(columns), target, _list(others))
    return Definition("constraint", table, name, text + _NO_ACTION.sub("", actions))


def _key(table: str, match: re.Match[str]) -> Definition:
    kind, name, columns, rest = (match[1] or "").strip(), match[2], _list(match[3]), match[4]
    rest = _TEXT.sub("", rest)
    odd = "".join(f" {word}" for word in ("USING HASH", "IGNORED") if word in rest)
    if kind in ("PRIMARY", "UNIQUE"):
        text = key_text(columns, primary=kind == "PRIMARY")
        return Definition("constraint", table, name or f"{table}_pkey", text + odd)
    text = index_text(columns) if not kind else f"{kind} {index_text(columns)}"
    return Definition("index", table, str(name), text + odd, harmless=True)


def _list(columns: str) -> Iterable[str]:
    return ["".join(part or "" for part in found.groups()) for found in _NAMES.finditer(columns)]
