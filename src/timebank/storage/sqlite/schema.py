"""The tables of a SQLite store, and the migrations that make them.

Every table is WITHOUT ROWID and its key begins with the bank, so that what is
written together lies together. The CHECKs and triggers are the second half of a
pair: the first is the Python that decides. `STRICT` tables would need a newer SQLite.
"""

from __future__ import annotations

import sqlite3
import time
from typing import TYPE_CHECKING, Final

from timebank.errors import StoreError
from timebank.storage.sqlite.errors import code_of

if TYPE_CHECKING:
    from sqlite_utils import Database
    from sqlite_utils.migrations import Migrations

#: The migration set, and the names of its migrations, oldest first.
SET: Final = "timebank"
LEDGER: Final = "0001_ledger"
BANKS: Final = "0002_banks"
HOLDS: Final = "0003_holds"
MIGRATIONS: Final = (LEDGER, BANKS, HOLDS)
#: When a migration ran means nothing to the ledger, so the column says nothing.
APPLIED_AT: Final = "-"

#: The tables with a bank of their own, parents before children.
TABLES: Final = (
    "timebank_records",
    "timebank_texts",
    "timebank_accounts",
    "timebank_postings",
    "timebank_holds",
    "timebank_statutes",
)

_MIGRATIONS_TABLE: Final = (
    """CREATE TABLE timebank_migrations (
        id INTEGER PRIMARY KEY,
        migration_set TEXT NOT NULL,
        name TEXT NOT NULL,
        applied_at TEXT NOT NULL
    )""",
    """CREATE UNIQUE INDEX timebank_migrations_name
        ON timebank_migrations (migration_set, name)""",
)

#: The integers that the journal's format allows.
_MOST: Final = "9007199254740992"
_WHOLE: Final = f"BETWEEN 1 AND {_MOST}"

#: Every key begins with the bank, so that a journal may lie twice in one store.
_BANKS: Final = """CREATE TABLE timebank_banks (
        bank TEXT NOT NULL CHECK (typeof(bank) = 'text' AND length(bank) >= 1),
        journal TEXT NOT NULL CHECK (typeof(journal) = 'text' AND length(journal) >= 1),
        PRIMARY KEY (bank)
    ) WITHOUT ROWID"""

#: The tables of what a bank holds, the same since the first version.
_TABLES: Final = (
    f"""CREATE TABLE timebank_records (
        bank TEXT NOT NULL CHECK (typeof(bank) = 'text'),
        sequence INTEGER NOT NULL
            CHECK (typeof(sequence) = 'integer' AND sequence {_WHOLE}),
        digest BLOB NOT NULL CHECK (typeof(digest) = 'blob' AND length(digest) = 32),
        body BLOB NOT NULL CHECK (typeof(body) = 'blob' AND length(body) >= 2),
        id TEXT CHECK (id IS NULL OR (typeof(id) = 'text' AND length(id) >= 1)),
        refers_to INTEGER CHECK (
            refers_to IS NULL
            OR (typeof(refers_to) = 'integer' AND refers_to BETWEEN 1 AND sequence - 1)
        ),
        PRIMARY KEY (bank, sequence),
        FOREIGN KEY (bank) REFERENCES timebank_banks (bank),
        FOREIGN KEY (bank, refers_to) REFERENCES timebank_records (bank, sequence)
    ) WITHOUT ROWID""",
    """CREATE UNIQUE INDEX timebank_records_id
        ON timebank_records (bank, id) WHERE id IS NOT NULL""",
    """CREATE INDEX timebank_records_refers_to
        ON timebank_records (bank, refers_to, sequence) WHERE refers_to IS NOT NULL""",
    f"""CREATE TABLE timebank_texts (
        bank TEXT NOT NULL CHECK (typeof(bank) = 'text'),
        sequence INTEGER NOT NULL
            CHECK (typeof(sequence) = 'integer' AND sequence {_WHOLE}),
        field TEXT NOT NULL
            CHECK (typeof(field) = 'text' AND field IN ('name', 'note', 'reason')),
        salt BLOB NOT NULL CHECK (typeof(salt) = 'blob' AND length(salt) = 16),
        text TEXT NOT NULL CHECK (typeof(text) = 'text'),
        PRIMARY KEY (bank, sequence, field),
        FOREIGN KEY (bank, sequence) REFERENCES timebank_records (bank, sequence)
    ) WITHOUT ROWID""",
    f"""CREATE TABLE timebank_accounts (
        bank TEXT NOT NULL CHECK (typeof(bank) = 'text'),
        account TEXT NOT NULL CHECK (typeof(account) = 'text' AND length(account) >= 1),
        kind TEXT NOT NULL CHECK (
            typeof(kind) = 'text' AND kind IN
            ('member', 'group', 'organisation', 'fund', 'clearing', 'issuance')
        ),
        status TEXT NOT NULL
            CHECK (typeof(status) = 'text' AND status IN ('open', 'frozen', 'closed')),
        joined_on TEXT CHECK (
            joined_on IS NULL OR (typeof(joined_on) = 'text' AND length(joined_on) = 10)
        ),
        floor CHECK (
            floor IS NULL OR (typeof(floor) = 'text' AND floor = 'inherit')
            OR (typeof(floor) = 'integer' AND floor BETWEEN -{_MOST} AND {_MOST})
        ),
        ceiling CHECK (
            ceiling IS NULL OR (typeof(ceiling) = 'text' AND ceiling = 'inherit')
            OR (typeof(ceiling) = 'integer' AND ceiling BETWEEN -{_MOST} AND {_MOST})
        ),
        opened INTEGER NOT NULL CHECK (typeof(opened) = 'integer' AND opened {_WHOLE}),
        named INTEGER CHECK (named IS NULL OR (typeof(named) = 'integer' AND named {_WHOLE})),
        PRIMARY KEY (bank, account),
        FOREIGN KEY (bank, opened) REFERENCES timebank_records (bank, sequence),
        FOREIGN KEY (bank, named) REFERENCES timebank_records (bank, sequence)
    ) WITHOUT ROWID""",
    f"""CREATE TABLE timebank_postings (
        bank TEXT NOT NULL CHECK (typeof(bank) = 'text'),
        account TEXT NOT NULL CHECK (typeof(account) = 'text'),
        version INTEGER NOT NULL CHECK (typeof(version) = 'integer' AND version {_WHOLE}),
        sequence INTEGER NOT NULL
            CHECK (typeof(sequence) = 'integer' AND sequence {_WHOLE}),
        seconds INTEGER NOT NULL CHECK (
            typeof(seconds) = 'integer' AND seconds <> 0
            AND seconds BETWEEN -{_MOST} AND {_MOST}
        ),
        balance INTEGER NOT NULL CHECK (
            typeof(balance) = 'integer' AND balance BETWEEN -{_MOST} AND {_MOST}
        ),
        day TEXT NOT NULL CHECK (typeof(day) = 'text' AND length(day) = 10),
        PRIMARY KEY (bank, account, version),
        FOREIGN KEY (bank, account) REFERENCES timebank_accounts (bank, account),
        FOREIGN KEY (bank, sequence) REFERENCES timebank_records (bank, sequence)
    ) WITHOUT ROWID""",
    """CREATE INDEX timebank_postings_day
        ON timebank_postings (bank, account, day, version)""",
)

#: Open holds and the statutes that were adopted, derived as accounts and postings are.
_HOLDS: Final = (
    f"""CREATE TABLE timebank_holds (
        bank TEXT NOT NULL CHECK (typeof(bank) = 'text'),
        account TEXT NOT NULL CHECK (typeof(account) = 'text'),
        expires_at INTEGER NOT NULL CHECK (
            typeof(expires_at) = 'integer' AND expires_at BETWEEN -{_MOST} AND {_MOST}
        ),
        sequence INTEGER NOT NULL
            CHECK (typeof(sequence) = 'integer' AND sequence {_WHOLE}),
        held INTEGER NOT NULL CHECK (typeof(held) = 'integer' AND held BETWEEN 0 AND {_MOST}),
        incoming INTEGER NOT NULL
            CHECK (typeof(incoming) = 'integer' AND incoming BETWEEN 0 AND {_MOST}),
        CHECK (held > 0 OR incoming > 0),
        PRIMARY KEY (bank, account, expires_at, sequence),
        FOREIGN KEY (bank, account) REFERENCES timebank_accounts (bank, account),
        FOREIGN KEY (bank, sequence) REFERENCES timebank_records (bank, sequence)
    ) WITHOUT ROWID""",
    """CREATE UNIQUE INDEX timebank_holds_sequence
        ON timebank_holds (bank, sequence, account)""",
    f"""CREATE TABLE timebank_statutes (
        bank TEXT NOT NULL CHECK (typeof(bank) = 'text'),
        sequence INTEGER NOT NULL
            CHECK (typeof(sequence) = 'integer' AND sequence {_WHOLE}),
        version TEXT NOT NULL CHECK (typeof(version) = 'text' AND length(version) >= 1),
        PRIMARY KEY (bank, sequence),
        FOREIGN KEY (bank, sequence) REFERENCES timebank_records (bank, sequence)
    ) WITHOUT ROWID""",
)


def _guards(table: str, what: str) -> dict[str, str]:
    """Triggers, by name, that refuse to change or remove a row of the table."""
    return {
        f"{table}_no_{action.lower()}": (
            f"CREATE TRIGGER {table}_no_{action.lower()} BEFORE {action} ON {table}\n"
            f"BEGIN SELECT RAISE(ABORT, '{what} is never {done}'); END"
        )
        for action, done in (("UPDATE", "changed"), ("DELETE", "removed"))
    }


#: Apart from the others, for a rebuild takes them away and puts them back.
POSTING_GUARDS: Final = _guards("timebank_postings", "a posting")
_BANK_GUARDS: Final = _guards("timebank_banks", "a bank")
GUARDS: Final = {
    **_BANK_GUARDS,
    **_guards("timebank_records", "a record"),
    **POSTING_GUARDS,
}

#: Everything that is in the schema, in the order in which it is made.
DDL: Final = (*_MIGRATIONS_TABLE, _BANKS, *_TABLES, *_HOLDS, *GUARDS.values())
#: What `timebank_migrations` holds when all is applied: id, set, name, applied_at.
APPLIED: Final = tuple(
    (number, SET, name, APPLIED_AT) for number, name in enumerate(MIGRATIONS, start=1)
)


#: `RENAME` would leave another text in the schema than a fresh file has, so the rows go
#: out and come back. The guards go with the old table.
_REMAKE_BANKS: Final = (
    "CREATE TABLE timebank_moving AS SELECT bank, journal FROM timebank_banks",
    "DROP TABLE timebank_banks",
    _BANKS,
    "INSERT INTO timebank_banks SELECT bank, journal FROM timebank_moving",
    "DROP TABLE timebank_moving",
    *_BANK_GUARDS.values(),
)


def has_ledger(connection: sqlite3.Connection) -> bool:
    """Whether any table of ours is in the file, whole or not."""
    sql = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name LIKE 'timebank!_%' ESCAPE '!'"
    return connection.execute(sql).fetchone() is not None


def pending(connection: sqlite3.Connection, where: str) -> tuple[str, ...]:
    """The migrations that are still to be applied: all of them, where there is no ledger.

    :raises StoreError: a migration is recorded that this version does not know.
    """
    sql = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'timebank_migrations'"
    if connection.execute(sql).fetchone() is None:
        return MIGRATIONS
    sql = "SELECT name FROM timebank_migrations WHERE migration_set = ?"
    names = {name for (name,) in connection.execute(sql, (SET,))}
    if unknown := sorted(str(name) for name in names.difference(MIGRATIONS)):
        msg = (
            f"{where} was written by a newer timebank (it has {', '.join(unknown)}): "
            "upgrade timebank to open it"
        )
        raise StoreError(msg)
    return tuple(name for name in MIGRATIONS if name not in names)


def migrate(connection: sqlite3.Connection, where: str, timeout_seconds: float) -> tuple[str, ...]:
    """Apply what is pending in one transaction; many processes may do so at once.

    What was applied here is returned: nothing, where another process was faster.
    """
    _use_wal(connection, timeout_seconds)
    # A table that others refer to is made anew; inside a transaction this can not be set.
    connection.execute("PRAGMA foreign_keys = OFF")
    try:
        connection.execute("BEGIN IMMEDIATE")
        if names := pending(connection, where):
            _apply(connection, where, names)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    finally:
        connection.execute("PRAGMA foreign_keys = ON")
    return names


def _use_wal(connection: sqlite3.Connection, timeout_seconds: float) -> None:
    """Switch the file to a write-ahead log, in which readers and the writer do not wait.

    SQLite's own busy time-out does not cover the switch. Where the file system cannot
    do it the file stays as it is: slower, and as safe.
    """
    deadline = time.monotonic() + timeout_seconds
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
        except sqlite3.OperationalError as error:
            if code_of(error) != sqlite3.SQLITE_BUSY or time.monotonic() >= deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _apply(connection: sqlite3.Connection, where: str, names: tuple[str, ...]) -> None:
    """Make all of a ledger, or what an older one lacks; both come to the same schema."""
    # Keys are compared by their bytes, which are in the order of code points in UTF-8 only.
    (encoding,) = connection.execute("PRAGMA encoding").fetchone()
    if encoding != "UTF-8":
        msg = f"{where} is a database in {encoding}: the ledger's tables need UTF-8"
        raise StoreError(msg)
    if names == MIGRATIONS:
        for statement in DDL:
            connection.execute(statement)
        connection.executemany("INSERT INTO timebank_migrations VALUES (?, ?, ?, ?)", APPLIED)
        return
    # Loaded only where there is something to mend: it takes longer than an open.
    from sqlite_utils import Database

    _migrations().apply(Database(connection, execute_plugins=False))


def _migrations() -> Migrations:
    from sqlite_utils.migrations import Migrations

    class LedgerMigrations(Migrations):
        """Migrations whose own table is of our making, the same with every sqlite-utils."""

        migrations_table = "timebank_migrations"

        def ensure_migrations_table(self, db: Database) -> None:
            """It is there: the ledger was made with it."""

        def _record_applied(self, db: Database, name: str) -> None:
            sql = (
                "INSERT INTO timebank_migrations (migration_set, name, applied_at) VALUES (?, ?, ?)"
            )
            db.execute(sql, (self.name, name, APPLIED_AT))

    migrations = LedgerMigrations(SET)

    @migrations(name=BANKS)
    def banks(db: Database) -> None:
        for statement in _REMAKE_BANKS:
            db.execute(statement)

    @migrations(name=HOLDS)
    def holds(db: Database) -> None:
        for statement in _HOLDS:
            db.execute(statement)

    return migrations
