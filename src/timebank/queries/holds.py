"""Read holds: those that are open, what they reserve, and all that ever were."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

from timebank.model import MAX_INTEGER, NEVER, Hold, HoldRow, RecordRow
from timebank.queries.records import PAGE, body_of, last_instant, record_at
from timebank.queries.views import read_hold
from timebank.storage.protocol import Reader

#: What a hold can be.
STATUSES: Final = ("open", "settled", "voided", "expired")
_FIRST: Final = ""


def unexpired(reader: Reader, account: str, *, now: int) -> Iterator[HoldRow]:
    """Yield the rows of an account's open holds that expire after an instant."""
    after = (now, MAX_INTEGER)
    while page := reader.holds_of(account, after=after, limit=PAGE):
        yield from page
        if len(page) < PAGE:
            return
        after = (page[-1].expires_at, page[-1].sequence)


def expiring(reader: Reader, *, now: int) -> Iterator[HoldRow]:
    """Yield the rows of all holds that nothing resolved and that expire after an instant."""
    after = (0, _FIRST)
    while page := reader.holds(after=after, limit=PAGE):
        yield from (row for row in page if now < row.expires_at < NEVER)
        if len(page) < PAGE:
            return
        after = (page[-1].sequence, page[-1].account)


def rows_of_hold(reader: Reader, sequence: int) -> list[HoldRow]:
    """Return the rows of one open hold, by account; none where it is resolved."""
    rows: list[HoldRow] = []
    after = (sequence, _FIRST)
    while page := reader.holds(after=after, limit=PAGE):
        rows += [row for row in page if row.sequence == sequence]
        if len(page) < PAGE or page[-1].sequence != sequence:
            break
        after = (sequence, page[-1].account)
    return rows


def open_rows(reader: Reader, account: str, *, now: int) -> tuple[list[HoldRow], int]:
    """Return the rows of an account's holds that are open, by sequence, and the instant of it.

    The instant is that of the last record where `now` is behind it, as a decision's is.
    """
    rows = list(unexpired(reader, account, now=now))
    if not rows:
        return [], now
    now = max(now, last_instant(reader))
    found = [row for row in rows if row.expires_at > now]
    return sorted(found, key=lambda row: row.sequence), now


def reserved(reader: Reader, account: str, *, now: int) -> tuple[int, int]:
    """Return the seconds of an account that open holds keep: to be spent, and to be earned."""
    rows, _ = open_rows(reader, account, now=now)
    return sum(row.held for row in rows), sum(row.incoming for row in rows)


def hold_at(reader: Reader, sequence: int, *, now: int) -> Hold:
    """Return the hold whose record has a sequence."""
    return read_hold(reader, record_at(reader, sequence), now=now)


def open_page(
    reader: Reader, account: str | None, *, after: int, now: int
) -> tuple[list[Hold], int | None]:
    """Return open holds behind a sequence, of all or of one account, and where to go on."""
    if account is not None:
        rows = unexpired(reader, account, now=now)
        sequences = sorted(row.sequence for row in rows if row.sequence > after)[:PAGE]
    else:
        sequences = _open_sequences(reader, after=after, now=now)
    holds = [hold_at(reader, sequence, now=now) for sequence in sequences]
    return holds, sequences[-1] if sequences else None


def _open_sequences(reader: Reader, *, after: int, now: int) -> list[int]:
    found: list[int] = []
    edge = (after + 1, _FIRST)
    while not found and (page := reader.holds(after=edge, limit=PAGE)):
        found = sorted({row.sequence for row in page if row.expires_at > now})
        edge = (page[-1].sequence, page[-1].account)
    return found


def page_of_all(
    reader: Reader, accounts: Collection[str] | None, *, after: int, now: int
) -> tuple[list[Hold], int | None]:
    """Return the holds among the next records, whatever became of them, and where to go on.

    They are those of some accounts, or of all.
    """
    rows = reader.records(after=after, limit=PAGE)
    holds = [read_hold(reader, row, now=now) for row in rows if _is_hold(row, accounts)]
    return holds, rows[-1].sequence if rows else None


def _is_hold(row: RecordRow, accounts: Collection[str] | None) -> bool:
    if row.kind != "hold":
        return False
    if accounts is None:
        return True
    return any(reserve[0] in accounts for reserve in body_of(row)["effects"]["reserves"])
