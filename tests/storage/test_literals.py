"""What a database or a role may set changes nothing of what is kept: no text, byte or `NULL`."""

from __future__ import annotations

from typing import Final

import psycopg
import pytest

import timebank
from servers import drop_database, new_database
from timebank import BankBatch, TimeBank

#: What may give values another meaning on their way, or a transaction another kind.
SETTINGS: Final = {
    "standard_conforming_strings": "off",
    "backslash_quote": "off",
    "escape_string_warning": "on",
    "array_nulls": "off",
    "bytea_output": "escape",
    "extra_float_digits": "-15",
    "transform_null_equals": "on",
    "client_encoding": "LATIN1",
    "client_min_messages": "error",
    "datestyle": "German, DMY",
    "default_transaction_read_only": "on",
    "default_transaction_isolation": "serializable",
    "default_transaction_deferrable": "on",
    "plan_cache_mode": "force_generic_plan",
    "enable_indexscan": "off",
    "row_security": "off",
}
TEXTS: Final = (
    "it's \\' -- ; /* %s %% %(x)s $1 \\x41 \\\\ \\",
    *("\\", "'", "''", "NULL", "{a,NULL}", "E'x'", ":x ?", "%", "%s", "a\tb\nc"),
    "\U0001f600 \xe9 \ue000",
)


def post(bank: TimeBank | BankBatch, prefix: str) -> None:
    """A transfer for each text."""
    for number, text in enumerate(TEXTS):
        bank.transfer(earner="m1", spender="f1", hours="0:01", note=text, id=f"{prefix}{number}")


@pytest.mark.servers
def test_whatever_a_database_sets() -> None:
    """One by one, many at once, and in a host's transaction; all comes back as it was."""
    url = new_database("postgresql")
    with timebank.open(url):
        pass
    plain = url.replace("+psycopg", "")
    with psycopg.connect(plain, autocommit=True) as admin:
        for name, value in SETTINGS.items():
            admin.execute(f"ALTER DATABASE {admin.info.dbname} SET {name} TO '{value}'")
    with timebank.open(url) as bank:
        bank.open_account("m1", floor=None)
        bank.open_account("f1", kind="fund")
        post(bank, "a")
        with bank.batch() as batch:
            for turn in range(4):  # more rows than a statement has values in it
                post(batch, f"b{turn}-")
            for number in range(41):
                batch.open_account(f"x{number}")  # a column of nothing but NULL
        with psycopg.connect(f"{plain}&client_encoding=UTF8") as host:
            host.execute("SET TRANSACTION READ WRITE")
            post(timebank.join(host), "c")
        for prefix in ("a", "b0-", "b3-", "c"):
            found = [bank.transfer_by_id(f"{prefix}{n}").note for n in range(len(TEXTS))]
            assert list(TEXTS) == found
        assert () == bank.audit().findings
    drop_database(url)
