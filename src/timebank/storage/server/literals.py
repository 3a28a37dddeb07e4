"""Statements of PostgreSQL with their values in them, so that several go to it in one trip.

What a server takes as one text it does one statement after the other, each with a snapshot of its
own, and nothing is left prepared on the session.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from timebank.model import AccountRow
from timebank.storage.protocol import Batch
from timebank.storage.server.dialect import Question

#: Where a value stands in a statement.
_MARK: Final = "%s"


class Raw(str):
    """What is SQL already."""

    __slots__ = ()


def literal(value: object) -> str:
    r"""Return a value as SQL, whatever the session thinks of backslashes.

    :raises ValueError: a text that PostgreSQL cannot have, or a value of another type.

    >>> from timebank.storage.server.literals import literal
    >>> literal("it's"), literal(-5), literal(None), literal(b"ab")
    ("E'it''s'", '-5', 'NULL', "E'\\\\x6162'::bytea")
    """
    kind = type(value)
    if kind is str:
        return text_literal(value)  # type: ignore[arg-type]  # is a text
    if kind is int:
        return str(value)
    if kind is bytes:
        return f"E'\\\\x{value.hex()}'::bytea"  # type: ignore[attr-defined]  # is bytes
    if value is None:
        return "NULL"
    if kind is Raw:
        return value  # type: ignore[return-value]  # is a text
    msg = f"no literal of {kind.__name__}"
    raise ValueError(msg)


def text_literal(text: str) -> str:
    """Return a text as SQL.

    :raises ValueError: it has a NUL, or half a character.
    """
    if "\0" in text:
        msg = "a text of PostgreSQL has no NUL"
        raise ValueError(msg)
    text.encode()
    return "E'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def filled(sql: str, values: Sequence[object]) -> str:
    """Return a statement with its values in the place of its marks.

    :raises ValueError: as `literal`.

    >>> from timebank.storage.server.literals import filled
    >>> filled("SELECT %s WHERE id = %s", (5, "50 %s"))
    "SELECT 5 WHERE id = E'50 %s'"
    """
    first, *rest = sql.split(_MARK)
    if len(rest) != len(values):
        msg = f"{len(values)} values for {len(rest)} marks"
        raise ValueError(msg)
    parts = [first]
    for value, text in zip(values, rest, strict=True):
        parts += (literal(value), text)
    return "".join(parts)


def rows_literal(rows: Iterable[Sequence[object]], types: Sequence[str]) -> str:
    """Return rows as a list of values, each of the type of its column.

    :raises ValueError: as `literal`.
    """
    return "VALUES " + ", ".join(
        "("
        + ", ".join(f"{literal(value)}::{kind}" for value, kind in zip(row, types, strict=True))
        + ")"
        for row in rows
    )


def questions_in(sql: Sequence[Question]) -> list[str] | None:
    """Return questions as SQL; `None` where one has a value that is no literal."""
    try:
        return [filled(text, values) for text, values in sql]
    except ValueError:
        return None


def answers_of(cursor: Any, *, before: int, number: int) -> list[list[tuple[Any, ...]]]:
    """Return the rows of each of several questions that went in one trip behind other steps."""
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
