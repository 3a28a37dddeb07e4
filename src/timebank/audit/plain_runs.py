"""Runs of plain transfers, column by column: what most pages of most journals are.

A run is judged at once. Each check says of it that none of its rules could tell anything, by what
all records of the run have in common, and then moves on behind it; or the run goes record by
record, as if nobody had looked. So no rule stands twice: a check asks what it asks of one record
once for each value that is different, or shows by a bound that it need not ask. That both
roads report the same of any journal is a property in `tests/audit/test_audit_columns.py`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import accumulate, groupby, repeat
from typing import Any, Final, NamedTuple

from timebank.audit.field_types import TIME
from timebank.audit.plain_transfers import SECONDS
from timebank.model import MAX_INTEGER, PostingRow, RecordRow
from timebank.storage.protocol import Reader, gives_columns

#: Records that are judged at once where there are so many in a row.
LEAST: Final = 8

#: Text in which nothing is escaped, and which is not too long for an id.
_TEXT: Final = r'[^"\\\x00-\x1f]{1,128}'
_DAY: Final = r"[0-9]{4}-[01][0-9]-[0-3][0-9]"


def _maybe(name: str, value: str) -> str:
    """Return a pattern of a field that may be there, between two quotation marks."""
    return rf'(?:{name}":"({value})","|)'


#: A plain transfer that posts what was asked; or any other record, of which nothing is kept. It is
#: narrower than the pattern of `plain_transfers`, which takes one apart that goes record by record.
_RECORDS: Final = re.compile(
    r'^\{"'
    + _maybe("actor", _TEXT)
    + rf'effects":\{{"occurred_on":"({_DAY})","postings":\[\["(?P<earner>{_TEXT})",'
    + rf'(?P<moved>{SECONDS})\],\["(?P<spender>{_TEXT})",-(?P=moved)\]\],"statute":"({_TEXT})"\}},'
    + rf'"format":"({_TEXT})","journal":"({_TEXT})","kind":"transfer",'
    + rf'"recorded_at":([1-8][0-9]{{15}}|{SECONDS}),"recorded_on":"({_DAY})","request":\{{"'
    + _maybe("area", _TEXT)
    + _maybe("category", _TEXT)
    + r'earners":\[\["(?P=earner)",(?P=moved)\]\],"'
    + _maybe("from", TIME)
    + rf'id":"({_TEXT})","kind":"(?!reversal")({_TEXT})","'
    + _maybe("limits", "unchecked")
    + _maybe("note", "[0-9a-f]{64}")
    + _maybe("occurred_on", _DAY)
    + _maybe("resource", _TEXT)
    + _maybe("source", _TEXT)
    + r'spenders":\[\["(?!(?P=earner)")(?P=spender)",(?P=moved)\]\]'
    + rf'(?:,"to":"{TIME}"|)(?:,"via":"({_TEXT})"|)\}},"sequence":({SECONDS})\}}$|^.*$',
    re.MULTILINE,
)


class StoredColumns(NamedTuple):
    """Rows of the journal that were read at once, column by column, as of `RecordRow`."""

    sequence: Sequence[int]
    digest: Sequence[bytes]
    body: Sequence[bytes]
    kind: Sequence[str]
    id: Sequence[str | None]
    refers_to: Sequence[int | None]

    @classmethod
    def read(cls, reader: Reader, *, after: int, limit: int) -> StoredColumns | None:
        """Read the next records; `None` where there are none."""
        if gives_columns(reader):
            columns = reader.record_columns(after=after, limit=limit)
        else:
            columns = [*zip(*reader.records(after=after, limit=limit), strict=True)]
        return cls._make(columns) if columns else None

    def part(self, first: int, end: int) -> StoredColumns:
        """Return some of the rows, by their places."""
        return StoredColumns._make([column[first:end] for column in self])

    def rows(self) -> Iterator[RecordRow]:
        """Yield each row."""
        return map(RecordRow, *self)


class Columns(NamedTuple):
    """What the bytes of records say, a list for each field.

    `None` is of what is not said, and in every list where a record is no plain transfer.
    """

    actor: list[str | None]
    day: list[str]
    earner: list[str]
    seconds: list[str]
    spender: list[str]
    statute: list[str]
    format: list[str]
    journal: list[str]
    recorded_at: list[str]
    recorded_on: list[str]
    area: list[str | None]
    category: list[str | None]
    begins: list[str | None]
    id: list[str]
    kind: list[str]
    limits: list[str | None]
    note: list[str | None]
    asked_day: list[str | None]
    resource: list[str | None]
    source: list[str | None]
    via: list[str | None]
    sequence: list[str]

    @classmethod
    def read(cls, bodies: Sequence[bytes]) -> Columns | None:
        """Read the bytes of records; `None` where one of them is no text, or more than a line."""
        try:
            text = b"\n".join(bodies).decode()
        except (TypeError, ValueError):
            return None
        # One flat list: a text between two matches, what the groups of the match say, and so on.
        # `findall` would make a tuple of each line, and Python look through them for cycles.
        found: list[Any] = _RECORDS.split(text)
        step = _RECORDS.groups + 1
        if len(found) != len(bodies) * step + 1:
            return None
        return cls._make([found[place::step] for place in range(1, step)])

    def part(self, first: int, end: int) -> Columns:
        """Return what some of the records say, by their places."""
        return Columns._make([column[first:end] for column in self])


#: The columns of ids and labels, other than the ids of operations, which are all different.
_NAMES: Final = (
    *("actor", "earner", "spender", "statute", "journal", "area", "category", "kind"),
    *("resource", "source", "via"),
)


class Posted(NamedTuple):
    """The rows to expect on one account, in order, column by column."""

    version: list[int]
    sequence: list[int]
    seconds: list[int]
    balance: list[int]
    day: list[str]

    def add(self, more: Posted) -> None:
        """Add the rows that come next."""
        self.version.extend(more.version)
        self.sequence.extend(more.sequence)
        self.seconds.extend(more.seconds)
        self.balance.extend(more.balance)
        self.day.extend(more.day)

    def rows(self, account: str) -> list[PostingRow]:
        """Return them as rows."""
        return [*map(PostingRow, repeat(account), *self)]


class PlainRun:
    """Plain transfers that follow one another: what is stored and said, and what they come to."""

    def __init__(self, stored: StoredColumns, said: Columns) -> None:
        self.stored, self.said = stored, said
        self.seconds = [*map(int, self.said.seconds)]
        self.instants = [*map(int, self.said.recorded_at)]
        #: The rows to expect of each account that takes part, once the run was executed.
        self.moved: dict[str, Posted] = {}

    def __len__(self) -> int:
        return len(self.seconds)

    @cached_property
    def days(self) -> set[tuple[str, str | None, str]]:
        """Each day of service, with the day that was asked and the day of record."""
        return {*zip(self.said.day, self.said.asked_day, self.said.recorded_on, strict=True)}

    @cached_property
    def names(self) -> set[str]:
        """Each text that is an id or a label, but for the ids of operations."""
        return set().union(*(getattr(self.said, name) for name in _NAMES)) - {None}

    def execute(self, balances: Mapping[str, tuple[int, int]]) -> bool:
        """Work out what each account stands at, from where it stood; whether it can be.

        `balances` are the version and the seconds of each account.
        """
        lines: defaultdict[str, list[int]] = defaultdict(list)
        for place, (earner, spender) in enumerate(
            zip(self.said.earner, self.said.spender, strict=True)
        ):
            lines[earner].append(place)
            lines[spender].append(~place)  # counted from the end
        if not lines.keys() <= balances.keys():
            return False
        sequence = [*self.stored.sequence, *reversed(self.stored.sequence)]
        seconds = self.seconds + [-seconds for seconds in reversed(self.seconds)]
        day = self.said.day + self.said.day[::-1]
        for account, places in lines.items():
            version, balance = balances[account]
            moved = [seconds[place] for place in places]
            stands = [*accumulate(moved, initial=balance)]
            del stands[0]
            self.moved[account] = Posted(
                [*range(version + 1, version + 1 + len(places))],
                [sequence[place] for place in places],
                moved,
                stands,
                [day[place] for place in places],
            )
        return all(
            -MAX_INTEGER <= min(posted.balance) and max(posted.balance) <= MAX_INTEGER
            for posted in self.moved.values()
        )


def runs_of(page: StoredColumns) -> Iterator[tuple[StoredColumns, PlainRun | None]]:
    """Yield the rows of a page in order, as far as they are alike; with the run that they are."""
    said = Columns.read(page.body)
    if said is None:
        yield page, None
        return
    first = 0
    for is_plain, group in groupby(said.sequence, key=bool):
        end = first + len([*group])
        part = page.part(first, end)
        is_run = is_plain and end - first >= LEAST
        yield part, PlainRun(part, said.part(first, end)) if is_run else None
        first = end
