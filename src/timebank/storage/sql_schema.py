"""The tables of a store on an SQL server, and the triggers that guard them.

Every primary, unique and foreign key begins with the bank, and nothing here is beyond a
distributed engine that speaks PostgreSQL, the triggers apart: they are made where the
engine has them. Keys compare by code point, without padding. Texts are kept as their
UTF-8 bytes, for PostgreSQL has no NUL in a text.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

from timebank.model import ACCOUNT_KINDS, MAX_ID_CHARACTERS, MAX_INTEGER, TEXT_FIELDS

if TYPE_CHECKING:
    from sqlalchemy import CheckConstraint, MetaData

#: The migrations, oldest first, and the row that says that there are triggers.
LEDGER: Final = "0001_ledger"
MIGRATIONS: Final = (LEDGER,)
GUARDED: Final = "guards"


@cache
def tables() -> MetaData:
    """The tables, parents before children, for PostgreSQL and MariaDB alike."""
    import sqlalchemy as sql
    from sqlalchemy.dialects import mysql, postgresql

    def key(length: int = MAX_ID_CHARACTERS) -> Any:
        return (
            sql.Text()
            .with_variant(postgresql.TEXT(collation="C"), "postgresql")
            .with_variant(
                mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_nopad_bin"),
                "mysql",
                "mariadb",
            )
        )

    def binary(of_mysql: Any) -> Any:
        return sql.LargeBinary().with_variant(of_mysql, "mysql", "mariadb")

    def column(name: str, kind: Any, *, null: bool = False, first: bool = False) -> Any:
        return sql.Column(name, kind, nullable=null, primary_key=first, autoincrement=False)

    def number(name: str, *, null: bool = False, first: bool = False) -> Any:
        return column(name, sql.BigInteger(), null=null, first=first)

    meta = sql.MetaData()
    options = {"mysql_engine": "InnoDB", "mariadb_engine": "InnoDB"}
    sql.Table("timebank_migrations", meta, column("name", key(), first=True), **options)
    sql.Table(
        "timebank_banks",
        meta,
        column("bank", key(), first=True),
        column("journal", key()),
        number("sequence"),
        column("digest", binary(mysql.VARBINARY(32))),
        _check("banks_bank", "length(bank) >= 1 AND length(journal) >= 1"),
        _check("banks_sequence", f"sequence BETWEEN 0 AND {MAX_INTEGER}"),
        _check("banks_digest", "octet_length(digest) = 32"),
        **options,
    )
    sql.Table(
        "timebank_records",
        meta,
        column("bank", key(), first=True),
        number("sequence", first=True),
        column("digest", binary(mysql.VARBINARY(32))),
        column("body", binary(mysql.LONGBLOB())),
        column("id", key(), null=True),
        number("refers_to", null=True),
        sql.ForeignKeyConstraint(["bank"], ["timebank_banks.bank"], name="timebank_records_bank"),
        sql.ForeignKeyConstraint(
            ["bank", "refers_to"],
            ["timebank_records.bank", "timebank_records.sequence"],
            name="timebank_records_original",
        ),
        sql.UniqueConstraint("bank", "id", name="timebank_records_id"),
        sql.Index("timebank_records_refers_to", "bank", "refers_to", "sequence"),
        _check("records_sequence", f"sequence BETWEEN 1 AND {MAX_INTEGER}"),
        _check("records_digest", "octet_length(digest) = 32 AND octet_length(body) >= 2"),
        _check("records_operation", "id IS NULL OR length(id) >= 1"),
        _check("records_earlier", "refers_to IS NULL OR refers_to BETWEEN 1 AND sequence - 1"),
        **options,
    )
    sql.Table(
        "timebank_texts",
        meta,
        column("bank", key(), first=True),
        number("sequence", first=True),
        column("field", key(16), first=True),
        column("salt", binary(mysql.VARBINARY(16))),
        column("text", binary(mysql.LONGBLOB())),
        _to_record("texts_record", "sequence"),
        _check("texts_field", f"field IN {TEXT_FIELDS}"),
        _check("texts_salt", "octet_length(salt) = 16"),
        **options,
    )
    sql.Table(
        "timebank_accounts",
        meta,
        column("bank", key(), first=True),
        column("account", key(), first=True),
        column("kind", key(16)),
        column("status", key(16)),
        column("joined_on", key(10), null=True),
        column("floor", key(20), null=True),
        column("ceiling", key(20), null=True),
        number("opened"),
        number("named", null=True),
        _to_record("accounts_opened", "opened"),
        _to_record("accounts_named", "named"),
        _check("accounts_account", "length(account) >= 1"),
        _check("accounts_kind", f"kind IN {ACCOUNT_KINDS}"),
        _check("accounts_status", "status IN ('open', 'frozen', 'closed')"),
        _check("accounts_joined", "joined_on IS NULL OR length(joined_on) = 10"),
        **options,
    )
    sql.Table(
        "timebank_postings",
        meta,
        column("bank", key(), first=True),
        column("account", key(), first=True),
        number("version", first=True),
        number("sequence"),
        number("seconds"),
        number("balance"),
        column("day", key(10)),
        sql.ForeignKeyConstraint(
            ["bank", "account"],
            ["timebank_accounts.bank", "timebank_accounts.account"],
            name="timebank_postings_account",
        ),
        _to_record("postings_record", "sequence"),
        sql.Index("timebank_postings_day", "bank", "account", "day", "version"),
        _check("postings_version", f"version BETWEEN 1 AND {MAX_INTEGER}"),
        _check(
            "postings_seconds",
            f"seconds <> 0 AND seconds BETWEEN -{MAX_INTEGER} AND {MAX_INTEGER}",
        ),
        _check("postings_balance", f"balance BETWEEN -{MAX_INTEGER} AND {MAX_INTEGER}"),
        _check("postings_day", "length(day) = 10"),
        **options,
    )
    return meta


def _check(name: str, text: str) -> CheckConstraint:
    from sqlalchemy import CheckConstraint

    return CheckConstraint(text, name=f"timebank_{name}")


def _to_record(name: str, column: str) -> Any:
    from sqlalchemy import ForeignKeyConstraint

    return ForeignKeyConstraint(
        ["bank", column],
        ["timebank_records.bank", "timebank_records.sequence"],
        name=f"timebank_{name}",
    )
