"""The guards: triggers that refuse to change what is recorded, for either server.

A guard takes the name of its table as an argument, or has it in its body: on PostgreSQL a trigger
of a partition would else hear the name of the partition. What makes a guard and what says what it
means come from one value, so that neither can drift from the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

import attrs

#: What no name has in it that is not quoted.
_ODD: Final = re.compile(r"[^A-Za-z0-9_]")
#: The tables whose rows are never changed.
GUARDED_TABLES: Final = ("timebank_banks", "timebank_records", "timebank_postings")
#: What of a bank's own row may not change; the head moves.
_OF_BANK: Final = ("bank", "journal")
#: The function of PostgreSQL's guards.
REFUSE: Final = "timebank_refuse"
#: Its body. Nothing in it depends on a partition's name, nor on whose `search_path` is set.
REFUSE_BODY: Final = """
    BEGIN
        IF TG_ARGV[0] = 'timebank_postings' AND TG_OP = 'DELETE'
                AND pg_catalog.current_setting('timebank.rebuild', true) = 'on' THEN
            RETURN OLD;
        END IF;
        RAISE EXCEPTION 'a row of % is never changed', TG_ARGV[0]
            USING ERRCODE = 'restrict_violation';
    END """
#: What it was before it took an argument: a partition has another name than its table.
REFUSE_BODY_BEFORE: Final = REFUSE_BODY.replace("TG_ARGV[0]", "TG_TABLE_NAME").replace(
    "pg_catalog.", ""
)


@attrs.frozen
class Guard:
    """A trigger before something is done to a table: to each row, or by each statement."""

    name: str
    table: str
    events: tuple[str, ...]
    level: str
    #: The table that the rows are of, where `table` is a partition of it.
    root: str

    @property
    def postgres(self) -> tuple[str, ...]:
        """Return the statements that make it on PostgreSQL, also where it is there already."""
        made = (
            f"CREATE TRIGGER {self.name} BEFORE {' OR '.join(self.events)} ON {self.table} "
            f"FOR EACH {self.level} EXECUTE FUNCTION {REFUSE}('{self.root}')"
        )
        return f"DROP TRIGGER IF EXISTS {self.name} ON {self.table}", made

    @property
    def text(self) -> str:
        """Return what it means on PostgreSQL."""
        return postgres_text("BEFORE", self.events, self.level, f"{REFUSE}('{self.root}')")


def postgres_text(timing: str, events: Iterable[str], level: str, call: str) -> str:
    """Return what a trigger of PostgreSQL means, as far as all have it."""
    return f"{timing} {' OR '.join(events)} FOR EACH {level} {call}"


def make_refuse() -> str:
    """Return the statement that makes the function of PostgreSQL's guards."""
    return (
        f"CREATE OR REPLACE FUNCTION {REFUSE}() RETURNS trigger "
        f"LANGUAGE plpgsql AS $${REFUSE_BODY}$$"
    )


def no_statistics() -> str:
    """Return the statement by which PostgreSQL keeps no text among its statistics.

    It keeps the commonest values of a column there, where an erasure would not reach them. No
    question looks for a text by what it says. Partitions that are there have it said with
    their table, those that come later have not.
    """
    return "ALTER TABLE timebank_texts ALTER COLUMN text SET STATISTICS 0"


def row_guards() -> Iterator[Guard]:
    """Yield the guards of rows; a partition gets its copies from its table."""
    for table in GUARDED_TABLES:
        columns = f" OF {', '.join(_OF_BANK)}" if table == "timebank_banks" else ""
        events = ("DELETE", f"UPDATE{columns}")
        yield Guard(f"{table}_no_change", table, events, "ROW", table)


def truncate_guard(root: str, table: str | None = None) -> Guard:
    """Return the guard of all rows of a table, or of one of its partitions at once."""
    name = table or root
    prefix = _ODD.sub("_", name.rpartition(".")[2].strip('"'))
    if not prefix[:1].isalpha():  # a name that has to be quoted
        prefix = f"{root}_{prefix}"
    return Guard(f"{prefix[:50]}_no_truncate", name, ("TRUNCATE",), "STATEMENT", root)


def postgres_guards(partitions: Iterable[tuple[str, str]] = ()) -> tuple[Guard, ...]:
    """Return all guards of PostgreSQL; `partitions` are those of the tables, root and name."""
    return (
        *row_guards(),
        *map(truncate_guard, GUARDED_TABLES),
        *(truncate_guard(root, name) for root, name in partitions if root in GUARDED_TABLES),
    )


@attrs.frozen
class RowTrigger:
    """A guard of MariaDB, which has one for each event, and none for `TRUNCATE`."""

    name: str
    table: str
    event: str
    body: str

    @property
    def mariadb(self) -> str:
        """Return the statement that makes it, also where it is there already."""
        return (
            f"CREATE OR REPLACE TRIGGER {self.name} BEFORE {self.event} "
            f"ON {self.table} FOR EACH ROW {self.body}"
        )

    @property
    def text(self) -> str:
        """Return what it means."""
        return mariadb_text("BEFORE", self.event, self.body)


def mariadb_text(timing: str, event: str, body: str) -> str:
    """Return what a trigger of MariaDB means.

    Its SQL mode is none of it: no mode gives another meaning to a body that is word for word ours.
    """
    return f"{timing} {event} FOR EACH ROW {' '.join(body.split())}"


def mariadb_guards() -> tuple[RowTrigger, ...]:
    """Return the guards of MariaDB."""
    changed = " OR ".join(f"OLD.{column} <> NEW.{column}" for column in _OF_BANK)
    conditions = {
        ("timebank_banks", "UPDATE"): changed,
        ("timebank_postings", "DELETE"): "@timebank_rebuild IS NULL",
    }
    made = []
    for table in GUARDED_TABLES:
        refuse = f"SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'a row of {table} is never changed'"
        for event in ("UPDATE", "DELETE"):
            condition = conditions.get((table, event))
            body = refuse
            if condition is not None:
                body = f"BEGIN IF {condition} THEN {refuse}; END IF; END"
            made.append(RowTrigger(f"{table}_no_{event.lower()}", table, event, body))
    return tuple(made)
