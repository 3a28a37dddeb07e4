"""Statements of PostgreSQL with their values in them, so that several go to it in one trip.

What a server takes as one text it does one statement after the other, each with a snapshot of its
own, and nothing is left prepared on the session.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from timebank.model import AccountRow
from timebank.storage.protocol import Batch
from timebank.storage.server.dialect import Question


def literal(value: object) -> str:
    r"""Return a value as SQL, whatever the session thinks of backslashes.

    :raises ValueError: a text that PostgreSQL cannot have, or a value of another type.

    >>> from timebank.storage.server.literals import literal
    >>> literal("it's"), literal(-5), literal(None), literal(b"ab")
    ("E'it''s'", '-5', 'NULL', "E'\\\\x6162'::bytea")
    """
    kind = type(value)
    if kind is str:
        return text_literals((value,))[0]  # type: ignore[arg-type]  # is a text
    if kind is int:
        return str(value)
    if kind is bytes:
        return f"E'\\\\x{value.hex()}'::bytea"  # type: ignore[attr-defined]  # is bytes
    if value is None:
        return "NULL"
    msg = f"no literal of {kind.__name__}"
    raise ValueError(msg)


def text_literals(texts: Sequence[str]) -> list[str]:
    """Return texts as SQL: all of them are looked at, and quoted, as one.

    :raises ValueError: one has a NUL, or half a character.

    >>> from timebank.storage.server.literals import text_literals
    >>> text_literals(["it's", ""])
    ["E'it''s'", "E''"]
    """
    joined = "\0".join(texts)
    if joined.count("\0") >= len(texts):
        msg = "a text of PostgreSQL has no NUL"
        raise ValueError(msg)
    joined.encode()
    quoted = joined.replace("\\", "\\\\").replace("'", "''").replace("\0", "'\0E'")
    return f"E'{quoted}'".split("\0")


def _column(values: Sequence[object]) -> Sequence[object]:
    """Return the values of a column, as they are formatted as SQL."""
    kinds = set(map(type, values))
    if kinds == {int}:
        return values
    if kinds == {str}:
        return text_literals(values)  # type: ignore[arg-type]  # are texts
    return list(map(literal, values))


def rows_literal(bank: str, rows: Sequence[Sequence[object]]) -> str:
    """Return rows of a table as the list of values of an INSERT, each behind its bank.

    :raises ValueError: as `literal`.

    >>> from timebank.storage.server.literals import rows_literal
    >>> rows_literal("main", [(1, "a", None), (2, "b", "c's")])
    "(E'main', 1, E'a', NULL), (E'main', 2, E'b', E'c''s')"
    """
    columns = [_column(values) for values in zip(*rows, strict=True)]
    row = f"({literal(bank).replace('%', '%%')}{', %s' * len(columns)})"
    return ", ".join(map(row.__mod__, zip(*columns, strict=True)))


def filled(sql: str, values: Sequence[object]) -> str:
    """Return a statement with its values in the place of its marks.

    :raises ValueError: as `literal`.

    >>> from timebank.storage.server.literals import filled
    >>> filled("SELECT %s WHERE id = %s", (5, "50 %s"))
    "SELECT 5 WHERE id = E'50 %s'"
    """
    try:
        return sql % tuple(map(literal, values))
    except TypeError as error:
        msg = f"{len(values)} values for a statement with other marks"
        raise ValueError(msg) from error


def questions_in(sql: Sequence[Question]) -> list[str] | None:
    """Return questions as SQL; `None` where one has a value that is no literal."""
    try:
        return [filled(text, values) for text, values in sql]
    except ValueError:
        return None


def answers_of(cursor: Any, *, before: int, number: int) -> list[list[tuple[Any, ...]]]:
    """Return the rows of each of several questions that went in one trip behind other steps."""
    if (choose := getattr(cursor, "set_result", None)) is not None:  # since psycopg 3.3
        choose(before)
    else:
        for _ in range(before):
            cursor.nextset()
    answers = []
    for left in reversed(range(number)):
        answers.append(list(cursor.fetchall()))
        if left:
            cursor.nextset()
    return answers


def rows_of(batch: Batch) -> dict[str, Sequence[Any]]:
    """Return the rows of a batch by table, where there are any."""
    rows: dict[str, Sequence[Any]] = {
        "records": batch.records,
        "texts": [row._replace(text=row.text.encode()) for row in batch.texts],  # type: ignore[arg-type]  # kept as bytes
        "accounts": list(map(_account, batch.accounts.values())),
        "postings": batch.postings,
        "holds": batch.holds,
        "statutes": batch.statutes,
        "tiles": batch.tiles,
        "resolved": [(sequence,) for sequence in batch.resolved],
    }
    return {part: found for part, found in rows.items() if found}


def _account(row: AccountRow) -> AccountRow:
    """Return an account with its limits as text, which a column of one type can hold."""
    return row._replace(floor=_limit(row.floor), ceiling=_limit(row.ceiling))  # type: ignore[arg-type]  # kept as text


def _limit(limit: object) -> str | None:
    return None if limit is None else str(limit)
