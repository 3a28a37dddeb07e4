"""Read corrections: what an exchange is for now, who became whom, which books are closed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, time
from typing import Any, NamedTuple

from timebank.errors import Corrupt, shown
from timebank.journal.kinds import RecordBody
from timebank.model import (
    AMENDABLE,
    MAX_INTEGER,
    AccountRow,
    Amendment,
    Closing,
    RecordRow,
    instant,
)
from timebank.queries.records import body_of, record_at, texts_of
from timebank.queries.statutes import statute_rows
from timebank.storage.protocol import Reader

# -- what an exchange is for -----------------------------------------------------------


class DescribedNow(NamedTuple):
    """What describes an exchange, as it was amended last.

    `request` is that of the record, with the values of today. `noted` is the record that has
    the commitment of its note, `None` where there is none. `amendments` are the records that
    amended it, in order.
    """

    request: Mapping[str, Any]
    noted: int | None
    amendments: tuple[RecordBody, ...]


def amendments_of(
    reader: Reader,
    sequence: int,
    *,
    through: int | None = None,
    referring: list[RecordRow] | None = None,
) -> list[RecordRow]:
    """Return the records that amended a transfer or hold, in order; those up to `through`."""
    return [
        row
        for row in (reader.referring(sequence) if referring is None else referring)
        if row.kind == "amend" and (through is None or row.sequence <= through)
    ]


def described_now(
    reader: Reader,
    sequence: int,
    request: Mapping[str, Any],
    *,
    through: int | None = None,
    referring: list[RecordRow] | None = None,
) -> DescribedNow:
    """Return what describes a transfer or hold now, or as it was known at the record `through`.

    `referring` are the records that refer to it, where they were read already.
    """
    noted = sequence if "note" in request else None
    rows = amendments_of(reader, sequence, through=through, referring=referring)
    if not rows:
        return DescribedNow(request, noted, ())
    amendments = tuple(map(body_of, rows))
    values = dict(request)
    for amendment in amendments:
        for field, value in amendment["effects"]["sets"].items():
            if field == "note":
                noted = value
            elif value is None:
                values.pop(field, None)
            else:
                values[field] = value
    return DescribedNow(values, noted, amendments)


def note_of(reader: Reader, noted: int | None) -> str | None:
    """Return the text of a note by the record that committed to it, where it is still there."""
    return None if noted is None else texts_of(reader, noted).get("note")


def amendments(reader: Reader, records: tuple[RecordBody, ...]) -> tuple[Amendment, ...]:
    """Return amendments as callers get them; their texts are looked up."""
    return tuple(
        Amendment(
            sequence=record["sequence"],
            recorded_at=instant(record["recorded_at"]),
            actor=record.get("actor"),
            reason=texts_of(reader, record["sequence"]).get("reason"),
            changes=dict(_changes(reader, record["effects"])),
        )
        for record in records
    )


def _changes(reader: Reader, effects: Any) -> Iterator[tuple[str, tuple[Any, Any]]]:
    """Yield the name of each field that was amended, with what it was and what it became."""
    for field, name in AMENDABLE.items():
        if field not in effects["sets"]:
            continue
        values = [side[field] for side in (effects["was"], effects["sets"])]
        if field == "note":
            was, now = (note_of(reader, noted) for noted in values)
        else:
            was, now = (amendable_value(field, value) for value in values)
        yield name, (was, now)


def amendable_value(field: str, value: Any) -> Any:
    """Return a value of a request as callers get it: tags as a tuple, times as times.

    >>> from timebank.queries.corrections import amendable_value
    >>> amendable_value("tags", None), amendable_value("from", "09:30")
    ((), datetime.time(9, 30))
    """
    if field == "tags":
        return tuple(value or ())
    return time_of(value) if field in {"from", "to"} else value


def time_of(text: str | None) -> time | None:
    """Return a time of day of a request, `None` where there is none."""
    return None if text is None else time.fromisoformat(text)


def days_of_exchange(reader: Reader, row: RecordRow) -> tuple[str, ...]:
    """Return the days of a transfer or hold: its own, or its settlement's, and its reversals'.

    A hold that nothing settled has none.
    """
    rows = [row]
    if row.kind == "hold":
        rows = [one for one in reader.referring(row.sequence) if one.kind == "settle"]
    rows += [
        one for moved in rows for one in reader.referring(moved.sequence) if one.kind == "reverse"
    ]
    return tuple(body_of(one)["effects"]["occurred_on"] for one in rows)


# -- who became whom ---------------------------------------------------------------------


def heir(reader: Reader, account: str) -> str:
    """Return the account that one became by merges; itself, where it was not merged.

    :raises Corrupt: accounts became one another in a circle: the rows are damaged.
    """
    seen = {account}
    while (row := reader.account(account)) is not None and row.merged_into is not None:
        account = row.merged_into
        if account in seen:
            msg = f"accounts became one another in a circle: {', '.join(map(shown, sorted(seen)))}"
            raise Corrupt(msg)
        seen.add(account)
    return account


def family(reader: Reader, row: AccountRow, *, through: int | None = None) -> tuple[str, ...]:
    """Return an account, then all that were merged into it, also by way of others, in order.

    With `through` they are those that had been merged by that record.
    """
    found, waiting = {row.account: row.opened}, [row.opened]
    while waiting:
        for record in reader.referring(waiting.pop(0)):
            if record.kind == "merge" and (through is None or record.sequence <= through):
                account = body_of(record)["effects"]["account"]
                merged = reader.account(account)
                if merged is not None and account not in found:
                    found[account] = merged.opened
                    waiting.append(merged.opened)
    return tuple(found)


# -- closed books --------------------------------------------------------------------------


def closed_through(reader: Reader, *, at: int | None = None) -> str | None:
    """Return the last day of closed books, now or at a record, `YYYY-MM-DD`; `None` for none."""
    rows = reader.statutes(before=(MAX_INTEGER if at is None else at) + 1, limit=1)
    return rows[0].closed_through if rows else None


def was_closed(reader: Reader) -> bool:
    """Return whether any books were closed once."""
    return any(row.closed_through is not None for row in statute_rows(reader))


def closings(reader: Reader, *, through: int | None = None) -> Iterator[Closing]:
    """Yield each change of the day through which books are closed, the newest first.

    It is a closing, an opening, or a restart of the clock that moved the day back.
    """
    rows = list(statute_rows(reader))
    for place, row in enumerate(rows):
        before = rows[place + 1].closed_through if place + 1 < len(rows) else None
        if row.closed_through == before or (through is not None and row.sequence > through):
            continue
        record = body_of(record_at(reader, row.sequence))
        yield Closing(
            sequence=row.sequence,
            recorded_at=instant(record["recorded_at"]),
            through=None if row.closed_through is None else date.fromisoformat(row.closed_through),
            actor=record.get("actor"),
            reason=texts_of(reader, row.sequence).get("reason"),
        )
