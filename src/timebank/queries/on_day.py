"""Add up what an account had posted by the end of a day of service.

Postings are kept in the order of their records, each with the balance after it. Most are recorded
on their day or soon after, so the balance by a day is the one that stands beside a posting, but
for the few that were recorded on the other side of it: late ones, of the day or before, and early
ones, of a later day. Closed books say after which record nothing comes late any more, and the day
of a record how far ahead of it a posting may be.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from timebank.errors import Corrupt, shown
from timebank.model import PostingRow
from timebank.queries.clock import latest_day
from timebank.queries.records import PAGE, last_posting
from timebank.queries.statutes import statute_rows
from timebank.statute import days_later
from timebank.storage.protocol import Reader, adds_late

#: So many postings of an account are added up at once.
FEW: Final = 200


def posted_by(reader: Reader, account: str, day: str, *, through: int | None = None) -> int:
    """Return the seconds of an account at the end of a day; of records up to `through`, if given.

    The cost grows with what was recorded since the day, and before its books were closed: a
    tenth of a microsecond for each posting, where the store adds them up.
    """
    last = last_posting(reader, account, through=through)
    if last is None:
        return 0
    if through is None and last.version <= FEW:
        earned, spent = reader.totals(account, until=day)
        return earned - spent
    since = days_later(day, 1)
    later = reader.postings_by_day(account, since=since, limit=1) if since > day else []
    if not later:
        return last.balance
    return _around(reader, last, day, later[0])


def by_day(
    reader: Reader,
    account: str,
    *,
    since: str | None = None,
    until: str | None = None,
    newest_first: bool = False,
) -> Iterator[PostingRow]:
    """Yield the postings of an account by (day, version), reading a page at a time."""
    after: tuple[str, int] | None = None
    while page := reader.postings_by_day(
        account, since=since, until=until, after=after, newest_first=newest_first, limit=PAGE
    ):
        yield from page
        after = (page[-1].day, page[-1].version)


def _around(reader: Reader, last: PostingRow, day: str, later: PostingRow) -> int:
    """Return the seconds by a day, of postings up to `last`; `later` is the first of a later day.

    Before it was recorded nothing of its day was. So the balance just before it is the one that
    is asked for, and what is of the other side is added or taken away.
    """
    account, seconds, middle = last.account, 0, min(later.version - 1, last.version)
    if middle:
        rows = reader.postings(account, after=middle - 1, limit=1)
        if not rows or rows[0].version != middle:
            msg = f"posting {middle} of account {shown(account)} is missing"
            raise Corrupt(msg)
        before = rows[0]
        seconds = before.balance - _early(reader, before, days_later(later.day, 1))
    end, through = _closing(reader, day), last.version
    if end is not None and end < last.sequence:
        closed = last_posting(reader, account, through=end)
        through = 0 if closed is None else closed.version
    return seconds + _late(reader, account, day, after=middle, through=through)


def _early(reader: Reader, before: PostingRow, since: str) -> int:
    """Return the seconds of days from `since` on that had been recorded by a posting."""
    until = latest_day(reader, before.sequence)
    rows = by_day(reader, before.account, since=since, until=until) if since <= until else ()
    return sum(row.seconds for row in rows if row.version <= before.version)


def _late(reader: Reader, account: str, day: str, *, after: int, through: int) -> int:
    """Return the seconds of days up to one, of the versions above `after` and up to `through`."""
    if after >= through:
        return 0
    if adds_late(reader):
        return reader.late(account, after=after, through=through, until=day)
    seconds = 0
    while after < through and (rows := reader.postings(account, after=after, limit=PAGE)):
        seconds += sum(row.seconds for row in rows if row.day <= day and row.version <= through)
        after = rows[-1].version
    return seconds


def _closing(reader: Reader, day: str) -> int | None:
    """Return the record by which the books of a day were closed, if they still are.

    Nothing that is recorded after it is of the day, or of one before.
    """
    found = None
    for row in statute_rows(reader):
        if row.closed_through is None or row.closed_through < day:
            break
        found = row.sequence
    return found
