"""The tables of a SQLite store, and the migrations that make them.

Every table is WITHOUT ROWID and its key begins with the bank, so that what is
written together lies together. The CHECKs and triggers are the second half of a
pair: the first is the Python that decides. `STRICT` tables would need a newer SQLite.
"""

from __future__ import annotations

import sqlite3
import time
from typing import TYPE_CHECKING, Final

from timebank.errors import OtherVersion, StoreError
from timebank.storage.sqlite.errors import code_of
from timebank.storage.tables import LACKS_TILES, MADE_BEFORE_RELEASE

if TYPE_CHECKING:
    from sqlite_utils import Database

#: The migration set, and its first migration, which makes all tables.
SET: Final = "timebank"
LEDGER: Final = "0001_ledger"
#: The migrations that came after it, oldest first: by name, the statements that bring the tables
#: of the version before to those of `DDL`.
STEPS: Final[dict[str, tuple[str, ...]]] = {}
#: The migrations of versions from before the first release, which are no longer known.
UNRELEASED: Final = frozenset({"0002_banks", "0003_holds"})
#: When a migration ran means nothing to the ledger, so the column says nothing.
APPLIED_AT: Final = "-"

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

#: The tables of what a bank holds.
_TABLES: Final = (
    f"""CREATE TABLE timebank_records (
        bank TEXT NOT NULL CHECK (typeof(bank) = 'text'),
        sequence INTEGER NOT NULL
            CHECK (typeof(sequence) = 'integer' AND sequence {_WHOLE}),
        digest BLOB NOT NULL CHECK (typeof(digest) = 'blob' AND length(digest) = 32),
        body BLOB NOT NULL CHECK (typeof(body) = 'blob' AND length(body) >= 2),
        kind TEXT NOT NULL CHECK (typeof(kind) = 'text' AND length(kind) >= 1),
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
            CHECK (typeof(status) = 'text' AND status IN ('open', 'frozen', 'closed', 'agreed')),
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
        merged_into TEXT CHECK (
            merged_into IS NULL
            OR (typeof(merged_into) = 'text' AND length(merged_into) >= 1 AND status = 'closed')
        ),
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
        closed_through TEXT CHECK (
            closed_through IS NULL
            OR (typeof(closed_through) = 'text' AND length(closed_through) = 10)
        ),
        PRIMARY KEY (bank, sequence),
        FOREIGN KEY (bank, sequence) REFERENCES timebank_records (bank, sequence)
    ) WITHOUT ROWID""",
)

#: The full tiles of the tree over the records, derived as well.
_TILES: Final = f"""CREATE TABLE timebank_tiles (
        bank TEXT NOT NULL CHECK (typeof(bank) = 'text'),
        level INTEGER NOT NULL CHECK (typeof(level) = 'integer' AND level BETWEEN 0 AND 6),
        tile INTEGER NOT NULL
            CHECK (typeof(tile) = 'integer' AND tile BETWEEN 0 AND {_MOST}),
        hash BLOB NOT NULL CHECK (typeof(hash) = 'blob' AND length(hash) = 32),
        PRIMARY KEY (bank, level, tile),
        FOREIGN KEY (bank) REFERENCES timebank_banks (bank)
    ) WITHOUT ROWID"""


def _guards(table: str, what: str) -> dict[str, str]:
    """Return triggers, by name, that refuse to change or remove a row of the table."""
    return {
        f"{table}_no_{action.lower()}": (
            f"CREATE TRIGGER {table}_no_{action.lower()} BEFORE {action} ON {table}\n"
            f"BEGIN SELECT RAISE(ABORT, '{what} is never {done}'); END"
        )
        for action, done in (("UPDATE", "changed"), ("DELETE", "removed"))
    }


#: Apart from the others, for a rebuild takes them away and puts them back.
POSTING_GUARDS: Final = _guards("timebank_postings", "a posting")
GUARDS: Final = {
    **_guards("timebank_banks", "a bank"),
    **_guards("timebank_records", "a record"),
    **POSTING_GUARDS,
}

#: Everything that is in the schema, in the order in which it is made.
DDL: Final = (*_MIGRATIONS_TABLE, _BANKS, *_TABLES, *_HOLDS, _TILES, *GUARDS.values())
#: What `timebank_migrations` holds when all is applied: id, set, name, applied_at.
APPLIED: Final = tuple(
    (number, SET, name, APPLIED_AT) for number, name in enumerate((LEDGER, *STEPS), start=1)
)
_VERSION_TABLES: Final = """SELECT name, sql FROM sqlite_master
    WHERE type = 'table'
        AND name IN (
            'timebank_migrations', 'timebank_records', 'timebank_accounts', 'timebank_tiles'
        )"""


def has_ledger(connection: sqlite3.Connection) -> bool:
    """Return whether any table of ours is in the file, whole or not."""
    sql = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name LIKE 'timebank!_%' ESCAPE '!'"
    return connection.execute(sql).fetchone() is not None


def pending(connection: sqlite3.Connection, where: str) -> tuple[str, ...] | None:
    """Return the migrations that are still to be applied; `None` where there is no ledger.

    :raises OtherVersion: a newer version made the tables, or one from before the first release.
    """
    tables = dict(connection.execute(_VERSION_TABLES))
    if "timebank_migrations" not in tables:
        return None
    sql = "SELECT name FROM timebank_migrations WHERE migration_set = ?"
    names = {name for (name,) in connection.execute(sql, (SET,))}
    columns = {"timebank_records": "kind TEXT", "timebank_accounts": "merged_into TEXT"}
    is_unreleased = any(
        table in tables and column not in str(tables[table]) for table, column in columns.items()
    )
    if is_unreleased or not names.isdisjoint(UNRELEASED):
        msg = f"{where} {MADE_BEFORE_RELEASE}"
        raise OtherVersion(msg)
    if "timebank_records" in tables and "timebank_tiles" not in tables:
        msg = f"{where} {LACKS_TILES}"
        raise OtherVersion(msg).about(key="store_lacks_tiles", where=where)
    if unknown := sorted(str(name) for name in names.difference((LEDGER, *STEPS))):
        msg = (
            f"{where} was written by a newer timebank (it has {', '.join(unknown)}): "
            "upgrade timebank to open it"
        )
        raise OtherVersion(msg)
    if LEDGER not in names:
        msg = f"{where} has tables of a time bank, and no note that {LEDGER} made them"
        raise OtherVersion(msg)
    return tuple(name for name in (LEDGER, *STEPS) if name not in names)


def check_version(connection: sqlite3.Connection, where: str) -> None:
    """Check that nothing is pending.

    :raises OtherVersion: something is, or as `pending`.
    """
    if pending(connection, where):
        msg = f"{where} was made by an older timebank: run `timebank migrate` with its URL"
        raise OtherVersion(msg)


def migrate(connection: sqlite3.Connection, where: str, timeout_seconds: float) -> tuple[str, ...]:
    """Apply what is pending in one transaction and return the names of what was applied.

    Many processes may do so at once: one applies it, the others find nothing to do.
    """
    _use_wal(connection, timeout_seconds)
    try:
        connection.execute("BEGIN IMMEDIATE")
        names = pending(connection, where)
        if names is None:
            make_ledger(connection, where)
            names = (LEDGER, *STEPS)
        elif names:
            _apply(connection, names)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
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


def make_ledger(connection: sqlite3.Connection, where: str) -> None:
    """Make all tables, as they are in this version."""
    # Keys are compared by their bytes, which are in the order of code points in UTF-8 only.
    (encoding,) = connection.execute("PRAGMA encoding").fetchone()
    if encoding != "UTF-8":
        msg = f"{where} is a database in {encoding}: the ledger's tables need UTF-8"
        raise StoreError(msg)
    for statement in DDL:
        connection.execute(statement)
    connection.executemany("INSERT INTO timebank_migrations VALUES (?, ?, ?, ?)", APPLIED)


def _apply(connection: sqlite3.Connection, names: tuple[str, ...]) -> None:
    """Apply the steps with these names to a ledger of an older version."""
    # Loaded only where there is something to migrate: it takes longer than an open.
    from sqlite_utils import Database
    from sqlite_utils.migrations import Migrations

    class LedgerMigrations(Migrations):
        """Migrations whose own table is of our making, the same with every sqlite-utils."""

        migrations_table = "timebank_migrations"

        def ensure_migrations_table(self, db: Database) -> None:
            """Do nothing: the ledger was made with it."""

        def _record_applied(self, db: Database, name: str) -> None:
            sql = (
                "INSERT INTO timebank_migrations (migration_set, name, applied_at) VALUES (?, ?, ?)"
            )
            db.execute(sql, (self.name, name, APPLIED_AT))

    migrations = LedgerMigrations(SET)

    def add(name: str) -> None:
        @migrations(name=name)
        def step(db: Database) -> None:
            for statement in STEPS[name]:
                db.execute(statement)

    for name in names:
        add(name)
    migrations.apply(Database(connection, execute_plugins=False))
