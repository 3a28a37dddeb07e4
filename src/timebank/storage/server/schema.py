"""The tables of a store on an SQL server.

Every primary, unique and foreign key begins with the bank, and nothing here is beyond a
distributed engine that speaks PostgreSQL; triggers are a dialect's, and made where the
engine has them. Keys compare by code point, without padding. Texts are kept as their
UTF-8 bytes, for PostgreSQL has no NUL in a text.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

from timebank.model import ACCOUNT_KINDS, MAX_ID_CHARACTERS, MAX_INTEGER, TEXT_FIELDS
from timebank.storage.tables import TABLES

if TYPE_CHECKING:
    from sqlalchemy import MetaData

#: The migrations, oldest first: the first makes all tables.
LEDGER: Final = "0001_ledger"
MIGRATIONS: Final = (LEDGER,)
#: The row of `timebank_migrations` that says that there are triggers.
GUARDED: Final = "guards"
#: The row that says that none could be made: the engine has none, or its user may not.
UNGUARDED: Final = "unguarded"
#: The migrations of versions from before the first release, which are no longer known.
UNRELEASED: Final = frozenset({"0002_holds"})

#: The tables, parents before children.
TABLE_NAMES: Final = ("timebank_migrations", "timebank_banks", *TABLES)

_SIGNED: Final = f"BETWEEN -{MAX_INTEGER} AND {MAX_INTEGER}"


@cache
def tables() -> MetaData:
    """Return the tables, parents before children, for PostgreSQL and MariaDB alike."""
    from sqlalchemy import ForeignKeyConstraint, MetaData

    meta = MetaData()
    _table(meta, "migrations", _key("name", first=True))
    _table(
        meta,
        "banks",
        _key("bank", first=True),
        _key("journal"),
        _number("sequence"),
        _bytes("digest", 32),
        _check("banks_bank", "length(bank) >= 1 AND length(journal) >= 1"),
        _check("banks_sequence", f"sequence BETWEEN 0 AND {MAX_INTEGER}"),
        _check("banks_digest", "octet_length(digest) = 32"),
    )
    _table(meta, "records", *_records())
    _table(
        meta,
        "texts",
        _key("bank", first=True),
        _number("sequence", first=True),
        _key("field", 16, first=True),
        _bytes("salt", 16),
        _bytes("text"),
        _reference("texts_record", "records", "sequence"),
        _check("texts_field", f"field IN {TEXT_FIELDS}"),
        _check("texts_salt", "octet_length(salt) = 16"),
    )
    _table(meta, "accounts", *_accounts())
    _table(meta, "postings", *_postings())
    _table(meta, "holds", *_holds())
    _table(
        meta,
        "statutes",
        _key("bank", first=True),
        _number("sequence", first=True),
        _key("version"),
        _key("closed_through", 10, null=True),
        _reference("statutes_record", "records", "sequence"),
        _check("statutes_version", "length(version) >= 1"),
        _check("statutes_closed", "closed_through IS NULL OR length(closed_through) = 10"),
    )
    _table(
        meta,
        "tiles",
        _key("bank", first=True),
        _number("level", first=True),
        _number("tile", first=True),
        _bytes("hash", 32),
        ForeignKeyConstraint(["bank"], ["timebank_banks.bank"], name="timebank_tiles_bank"),
        _check("tiles_level", "level BETWEEN 0 AND 6"),
        _check("tiles_tile", f"tile BETWEEN 0 AND {MAX_INTEGER}"),
        _check("tiles_hash", "octet_length(hash) = 32"),
    )
    return meta


def type_text(column: Any, server: str) -> str:
    """Return the type of a column as a server of this name has it."""
    from sqlalchemy.dialects import mysql, postgresql

    kind: Any = postgresql.dialect if server == "postgresql" else mysql.dialect
    return str(column.type.compile(dialect=kind()))


def is_check(constraint: Any) -> bool:
    """Return whether a constraint is a condition on a row."""
    from sqlalchemy import CheckConstraint

    return isinstance(constraint, CheckConstraint)


def is_reference(constraint: Any) -> bool:
    """Return whether a constraint is a foreign key."""
    from sqlalchemy import ForeignKeyConstraint

    return isinstance(constraint, ForeignKeyConstraint)


def is_primary(constraint: Any) -> bool:
    """Return whether a constraint is a primary key."""
    from sqlalchemy import PrimaryKeyConstraint

    return isinstance(constraint, PrimaryKeyConstraint)


def _records() -> list[Any]:
    from sqlalchemy import ForeignKeyConstraint, Index, UniqueConstraint

    return [
        _key("bank", first=True),
        _number("sequence", first=True),
        _bytes("digest", 32),
        _bytes("body"),
        _key("kind", 32),
        _key("id", null=True),
        _number("refers_to", null=True),
        ForeignKeyConstraint(["bank"], ["timebank_banks.bank"], name="timebank_records_bank"),
        _reference("records_original", "records", "refers_to"),
        UniqueConstraint("bank", "id", name="timebank_records_id"),
        Index("timebank_records_refers_to", "bank", "refers_to", "sequence"),
        _check("records_sequence", f"sequence BETWEEN 1 AND {MAX_INTEGER}"),
        _check("records_digest", "octet_length(digest) = 32 AND octet_length(body) >= 2"),
        _check("records_kind", "length(kind) >= 1"),
        _check("records_operation", "id IS NULL OR length(id) >= 1"),
        _check("records_earlier", "refers_to IS NULL OR refers_to BETWEEN 1 AND sequence - 1"),
    ]


def _accounts() -> list[Any]:
    """Return the columns of accounts. A limit is text: seconds, or the word `inherit`."""
    return [
        _key("bank", first=True),
        _key("account", first=True),
        _key("kind", 16),
        _key("status", 16),
        _key("joined_on", 10, null=True),
        _key("floor", 20, null=True),
        _key("ceiling", 20, null=True),
        _number("opened"),
        _number("named", null=True),
        _key("merged_into", null=True),
        _reference("accounts_opened", "records", "opened"),
        _reference("accounts_named", "records", "named"),
        _check("accounts_account", "length(account) >= 1"),
        _check("accounts_kind", f"kind IN {ACCOUNT_KINDS}"),
        _check("accounts_status", "status IN ('open', 'frozen', 'closed', 'agreed')"),
        _check("accounts_joined", "joined_on IS NULL OR length(joined_on) = 10"),
        _check("accounts_merged", "merged_into IS NULL OR status = 'closed'"),
    ]


def _postings() -> list[Any]:
    from sqlalchemy import Index

    return [
        _key("bank", first=True),
        _key("account", first=True),
        _number("version", first=True),
        _number("sequence"),
        _number("seconds"),
        _number("balance"),
        _key("day", 10),
        _reference("postings_account", "accounts", "account"),
        _reference("postings_record", "records", "sequence"),
        Index("timebank_postings_day", "bank", "account", "day", "version"),
        _check("postings_version", f"version BETWEEN 1 AND {MAX_INTEGER}"),
        _check("postings_seconds", f"seconds <> 0 AND seconds {_SIGNED}"),
        _check("postings_balance", f"balance {_SIGNED}"),
        _check("postings_day", "length(day) = 10"),
    ]


def _holds() -> list[Any]:
    from sqlalchemy import UniqueConstraint

    return [
        _key("bank", first=True),
        _key("account", first=True),
        _number("expires_at", first=True),
        _number("sequence", first=True),
        _number("held"),
        _number("incoming"),
        _reference("holds_account", "accounts", "account"),
        _reference("holds_record", "records", "sequence"),
        UniqueConstraint("bank", "sequence", "account", name="timebank_holds_sequence"),
        _check("holds_expires", f"expires_at {_SIGNED}"),
        _check("holds_held", f"held BETWEEN 0 AND {MAX_INTEGER}"),
        _check("holds_incoming", f"incoming BETWEEN 0 AND {MAX_INTEGER}"),
        _check("holds_some", "held > 0 OR incoming > 0"),
    ]


def _table(meta: MetaData, name: str, *parts: Any) -> None:
    from sqlalchemy import Table

    engine: dict[str, Any] = {"mysql_engine": "InnoDB", "mariadb_engine": "InnoDB"}
    Table(f"timebank_{name}", meta, *parts, **engine)


def _key(
    name: str, length: int = MAX_ID_CHARACTERS, *, null: bool = False, first: bool = False
) -> Any:
    """Return a column of text that is compared by code point."""
    from sqlalchemy import Column, Text
    from sqlalchemy.dialects import mysql, postgresql

    kind = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
    bounded = mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_nopad_bin")
    kind = kind.with_variant(bounded, "mysql", "mariadb")
    return Column(name, kind, nullable=null, primary_key=first)


def _number(name: str, *, null: bool = False, first: bool = False) -> Any:
    from sqlalchemy import BigInteger, Column

    return Column(name, BigInteger(), nullable=null, primary_key=first, autoincrement=False)


def _bytes(name: str, length: int | None = None) -> Any:
    from sqlalchemy import Column, LargeBinary
    from sqlalchemy.dialects import mysql

    kind: Any = mysql.LONGBLOB() if length is None else mysql.VARBINARY(length)
    return Column(name, LargeBinary().with_variant(kind, "mysql", "mariadb"), nullable=False)


def _check(name: str, text: str) -> Any:
    from sqlalchemy import CheckConstraint

    return CheckConstraint(text, name=f"timebank_{name}")


def _reference(name: str, table: str, column: str) -> Any:
    """Return a foreign key to the row of the same bank that a column names."""
    from sqlalchemy import ForeignKeyConstraint

    target = "account" if table == "accounts" else "sequence"
    return ForeignKeyConstraint(
        ["bank", column],
        [f"timebank_{table}.bank", f"timebank_{table}.{target}"],
        name=f"timebank_{name}",
    )
