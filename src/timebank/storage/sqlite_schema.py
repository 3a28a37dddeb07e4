"""The tables of the SQLite store, made and migrated by sqlite-utils.

Every table is `WITHOUT ROWID` and every key begins with the bank: one page is dirtied
where a table with a row id and an index would dirty two. `timebank_records` and
`timebank_texts` are the truth; `timebank_accounts` and `timebank_postings` are derived.
A column is checked for its type, for a table of SQLite's takes any.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from sqlite_utils import Database

MIGRATION_SET: Final = "timebank"
MIGRATIONS_TABLE: Final = "timebank_migrations"
#: When a migration ran means nothing to a ledger, and the audit compares every column.
APPLIED_AT: Final = "-"

_RANGE: Final = "BETWEEN -9007199254740992 AND 9007199254740992"

TABLES: Final = (
    """CREATE TABLE timebank_banks (
  bank TEXT NOT NULL CHECK (typeof(bank) = 'text'),
  journal TEXT NOT NULL UNIQUE CHECK (typeof(journal) = 'text'),
  PRIMARY KEY (bank)
) WITHOUT ROWID""",
    """CREATE TABLE timebank_records (
  bank TEXT NOT NULL REFERENCES timebank_banks (bank),
  sequence INTEGER NOT NULL CHECK (typeof(sequence) = 'integer' AND sequence >= 1),
  digest BLOB NOT NULL CHECK (typeof(digest) = 'blob' AND length(digest) = 32),
  body BLOB NOT NULL CHECK (typeof(body) = 'blob'),
  id TEXT CHECK (typeof(id) IN ('text', 'null')),
  refers_to INTEGER CHECK (refers_to IS NULL OR refers_to < sequence),
  PRIMARY KEY (bank, sequence),
  FOREIGN KEY (bank, refers_to) REFERENCES timebank_records (bank, sequence)
) WITHOUT ROWID""",
    """CREATE TABLE timebank_texts (
  bank TEXT NOT NULL REFERENCES timebank_banks (bank),
  sequence INTEGER NOT NULL,
  field TEXT NOT NULL CHECK (field IN ('name', 'note', 'reason')),
  salt BLOB NOT NULL CHECK (typeof(salt) = 'blob' AND length(salt) = 16),
  text TEXT NOT NULL CHECK (typeof(text) = 'text'),
  PRIMARY KEY (bank, sequence, field),
  FOREIGN KEY (bank, sequence) REFERENCES timebank_records (bank, sequence)
) WITHOUT ROWID""",
    """CREATE TABLE timebank_accounts (
  bank TEXT NOT NULL REFERENCES timebank_banks (bank),
  account TEXT NOT NULL CHECK (typeof(account) = 'text'),
  kind TEXT NOT NULL CHECK (kind IN ('member', 'group', 'organisation', 'fund', 'clearing', 'issuance')),
  status TEXT NOT NULL CHECK (status IN ('open', 'frozen', 'closed')),
  joined_on TEXT CHECK (joined_on IS NULL OR length(joined_on) = 10),
  floor CHECK (floor IS NULL OR floor = 'inherit' OR (typeof(floor) = 'integer' AND floor %(range)s)),
  ceiling CHECK (ceiling IS NULL OR ceiling = 'inherit' OR (typeof(ceiling) = 'integer' AND ceiling %(range)s)),
  opened INTEGER NOT NULL,
  named INTEGER,
  PRIMARY KEY (bank, account),
  FOREIGN KEY (bank, opened) REFERENCES timebank_records (bank, sequence),
  FOREIGN KEY (bank, named) REFERENCES timebank_records (bank, sequence)
) WITHOUT ROWID"""
    % {"range": _RANGE},
    """CREATE TABLE timebank_postings (
  bank TEXT NOT NULL,
  account TEXT NOT NULL,
  version INTEGER NOT NULL CHECK (typeof(version) = 'integer' AND version >= 1),
  sequence INTEGER NOT NULL,
  seconds INTEGER NOT NULL CHECK (typeof(seconds) = 'integer' AND seconds <> 0 AND seconds %(range)s),
  balance INTEGER NOT NULL CHECK (typeof(balance) = 'integer' AND balance %(range)s),
  day TEXT NOT NULL CHECK (typeof(day) = 'text' AND length(day) = 10),
  PRIMARY KEY (bank, account, version),
  FOREIGN KEY (bank, account) REFERENCES timebank_accounts (bank, account),
  FOREIGN KEY (bank, sequence) REFERENCES timebank_records (bank, sequence)
) WITHOUT ROWID"""
    % {"range": _RANGE},
)

INDEXES: Final = (
    """CREATE UNIQUE INDEX timebank_records_id ON timebank_records (bank, id)
  WHERE id IS NOT NULL""",
    """CREATE INDEX timebank_records_refers_to ON timebank_records (bank, refers_to, sequence)
  WHERE refers_to IS NOT NULL""",
    """CREATE INDEX timebank_postings_day ON timebank_postings (bank, account, day, version)""",
)


def _guard(table: str, action: str) -> str:
    return (
        f"CREATE TRIGGER {table}_no_{action.lower()} BEFORE {action} ON {table}\n"
        f"BEGIN SELECT RAISE(ABORT, '{table} only grows'); END"
    )


GUARDED: Final = ("timebank_banks", "timebank_records", "timebank_postings")
TRIGGERS: Final = {
    f"{table}_no_{action.lower()}": _guard(table, action)
    for table in GUARDED
    for action in ("UPDATE", "DELETE")
}
#: The ledger's own tables, those that refer to others first.
LEDGER_TABLES: Final = (
    "timebank_postings",
    "timebank_accounts",
    "timebank_texts",
    "timebank_records",
    "timebank_banks",
)


def _ledger(db: Database) -> None:
    for statement in (*TABLES, *INDEXES, *TRIGGERS.values()):
        db.conn.execute(statement)


#: Name → what it does, in order; a name is never changed once it was released.
MIGRATIONS: Final = {"0001_ledger": _ledger}


def migrate(connection: sqlite3.Connection) -> None:
    """Apply what is pending, within the caller's transaction.

    sqlite-utils begins its own transactions deferred, which storms with SQLITE_BUSY
    where several processes open a new file at once; inside an immediate one it uses
    savepoints.
    """
    from sqlite_utils import Database, Migrations

    class _Migrations(Migrations):
        migrations_table = MIGRATIONS_TABLE

        def _record_applied(self, db: Database, name: str) -> None:
            db.conn.execute(
                f"INSERT INTO {MIGRATIONS_TABLE} (migration_set, name, applied_at)"  # noqa: S608  # a constant
                " VALUES (?, ?, ?)",
                (self.name, name, APPLIED_AT),
            )

    migrations = _Migrations(MIGRATION_SET)
    for name, step in MIGRATIONS.items():
        migrations(name=name)(step)
    migrations.apply(Database(connection, recursive_triggers=False))


def applied(connection: sqlite3.Connection) -> list[str] | None:
    """The names of the migrations that were applied; `None` where the tables are missing."""
    sql = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"
    if connection.execute(sql, (MIGRATIONS_TABLE,)).fetchone() is None:
        return None
    rows = connection.execute(
        f"SELECT name FROM {MIGRATIONS_TABLE} WHERE migration_set = ? ORDER BY id",  # noqa: S608  # a constant
        (MIGRATION_SET,),
    )
    return [name for (name,) in rows]


def objects(connection: sqlite3.Connection) -> dict[str, tuple[Any, ...]]:
    """Everything in the schema that is ours or hangs on a table of ours, by name."""
    rows = connection.execute(
        "SELECT name, type, tbl_name, sql FROM sqlite_master"
        " WHERE name LIKE 'timebank\\_%' ESCAPE '\\' OR tbl_name LIKE 'timebank\\_%' ESCAPE '\\'"
    )
    return {name: (kind, table, " ".join((sql or "").split())) for name, kind, table, sql in rows}


def migration_rows(connection: sqlite3.Connection) -> list[tuple[Any, ...]]:
    """The rows of the table of migrations."""
    return connection.execute(f"SELECT * FROM {MIGRATIONS_TABLE} ORDER BY 1").fetchall()  # noqa: S608  # a constant
