"""What a database or a role may set changes nothing of what is kept: no text, byte or `NULL`."""

from __future__ import annotations

from typing import Any, Final

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

import timebank
from servers import drop_database, new_database
from timebank import BankBatch, TimeBank
from timebank.storage.server.literals import literal, rows_literal, text_literals

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


#: What is quoted, and what might be taken for a mark or the end of a text.
texts = st.text(st.sampled_from(["'", "\\", "\0", "%", "s", "E", "\ud800", "\xe9"]), max_size=5)


@given(st.lists(texts, min_size=1, max_size=5))
def test_texts_are_quoted_together_as_each_by_itself(several: list[str]) -> None:
    """One by one, by the rule as it is written down; what cannot be is refused, whichever it is."""
    if any("\0" in text or "\ud800" in text for text in several):
        with pytest.raises(ValueError, match=r"NUL|surrogates"):
            text_literals(several)
        return
    each = ["E'" + "".join(_DOUBLED.get(one, one) for one in text) + "'" for text in several]
    assert each == text_literals(several)


_DOUBLED: Final = {"'": "''", "\\": "\\\\"}
plain = st.text(st.sampled_from(["'", "%", "s", "a"]), max_size=3)
COLUMNS: Final = (
    plain,
    st.integers(),
    st.binary(max_size=2),
    st.none() | plain,
    st.none() | st.integers(),
)


@given(st.lists(st.tuples(*COLUMNS), min_size=1, max_size=4), plain)
def test_rows_are_made_of_their_values(rows: list[tuple[Any, ...]], bank: str) -> None:
    """Column by column they come to what each value is by itself."""
    each = ("(" + ", ".join(literal(value) for value in (bank, *row)) + ")" for row in rows)
    assert ", ".join(each) == rows_literal(bank, rows)
