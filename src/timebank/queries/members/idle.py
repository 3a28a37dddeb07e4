"""Who has exchanged nothing for long."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Final

from timebank.journal import parse
from timebank.storage.protocol import Reader

PAGE: Final = 100


def idle(reader: Reader, account: str, *, since: str) -> tuple[bool, date | None]:
    """Whether an account exchanged nothing from a day of service on, and when it last did.

    Only exchanges count: not dues, gifts or reversals. The day of the last one is `None` where
    there was none at all, and is not looked for where there was one since.
    """
    for day, sequence in _days(reader, account):
        if _is_exchange(reader, sequence):
            return day < since, date.fromisoformat(day)
    return True, None


def _days(reader: Reader, account: str) -> Iterator[tuple[str, int]]:
    after: tuple[str, int] | None = None
    while page := reader.postings_by_day(account, after=after, newest_first=True, limit=PAGE):
        yield from ((row.day, row.sequence) for row in page)
        after = (page[-1].day, page[-1].version)


def _is_exchange(reader: Reader, sequence: int) -> bool:
    record = parse(reader.records(after=sequence - 1, limit=1)[0].body)
    if record["kind"] == "settle":
        held = record["effects"]["resolves"]
        record = parse(reader.records(after=held - 1, limit=1)[0].body)
    return record["kind"] in {"transfer", "hold"} and record["request"]["kind"] == "exchange"
