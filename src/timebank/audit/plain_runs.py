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
from itertools import accumulate, count, groupby, repeat
from typing import Any, Final, NamedTuple

from timebank.audit.field_types import TIME
from timebank.model import MAX_INTEGER, RecordRow

#: Records that are judged at once where there are so many in a row.
LEAST: Final = 8

#: Text in which nothing is escaped, and which is not too long for an id.
_TEXT: Final = r'[^"\\\x00-\x1f]{1,128}'
_DAY: Final = r"[0-9]{4}-[01][0-9]-[0-3][0-9]"
_SECONDS: Final = r"[1-9][0-9]{0,14}"


def _maybe(name: str, value: str) -> str:
    """Return a pattern of a field that may be there, between two quotation marks."""
    return rf'(?:{name}":"({value})","|)'


#: A plain transfer that posts what was asked; or any other record, of which nothing is kept.
_RECORDS: Final = re.compile(
    r'^\{"'
    + _maybe("actor", _TEXT)
    + rf'effects":\{{"occurred_on":"({_DAY})","postings":\[\["(?P<earner>{_TEXT})",'
    + rf'(?P<moved>{_SECONDS})\],\["(?P<spender>{_TEXT})",-(?P=moved)\]\],"statute":"({_TEXT})"\}},'
    + rf'"format":"({_TEXT})","journal":"({_TEXT})","kind":"transfer",'
    + rf'"recorded_at":([1-8][0-9]{{15}}|{_SECONDS}),"recorded_on":"({_DAY})","request":\{{"'
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
    + rf'(?:,"to":"{TIME}"|)(?:,"via":"({_TEXT})"|)\}},"sequence":({_SECONDS})\}}$|^.*$',
    re.MULTILINE,
)


class StoredColumns(NamedTuple):
    """The columns of the rows of a run, as of `RecordRow`."""

    sequence: tuple[int, ...]
    digest: tuple[bytes, ...]
    body: tuple[bytes, ...]
    kind: tuple[str, ...]
    id: tuple[str | None, ...]
    refers_to: tuple[int | None, ...]


class Columns(NamedTuple):
    """What the bytes of the records of a run say, a tuple for each field; `""` is none."""

    actor: tuple[str, ...]
    day: tuple[str, ...]
    earner: tuple[str, ...]
    seconds: tuple[str, ...]
    spender: tuple[str, ...]
    statute: tuple[str, ...]
    format: tuple[str, ...]
    journal: tuple[str, ...]
    recorded_at: tuple[str, ...]
    recorded_on: tuple[str, ...]
    area: tuple[str, ...]
    category: tuple[str, ...]
    begins: tuple[str, ...]
    id: tuple[str, ...]
    kind: tuple[str, ...]
    limits: tuple[str, ...]
    note: tuple[str, ...]
    asked_day: tuple[str, ...]
    resource: tuple[str, ...]
    source: tuple[str, ...]
    via: tuple[str, ...]
    sequence: tuple[str, ...]


#: The columns of ids and labels, other than the ids of operations, which are all different.
_NAMES: Final = (
    *("actor", "earner", "spender", "statute", "journal", "area", "category", "kind"),
    *("resource", "source", "via"),
)


#: The row to expect of a posting: its account, version, sequence, seconds, balance and day.
Posted = tuple[str, int, int, int, int, str]


class Moved(NamedTuple):
    """What a run moves on one account: the rows to expect, and between what it stood after them."""

    rows: list[Posted]
    lowest: int
    highest: int


class PlainRun:
    """Plain transfers that follow one another: their rows, their columns, and what they come to."""

    def __init__(self, rows: Sequence[RecordRow], found: Sequence[tuple[str, ...]]) -> None:
        self.rows = rows
        #: What is stored beside the bytes.
        self.stored = StoredColumns._make(zip(*rows, strict=True))
        self.said = Columns._make(zip(*found, strict=True))
        self.seconds = [*map(int, self.said.seconds)]
        self.instants = [*map(int, self.said.recorded_at)]
        #: What each account that takes part stands at, once the run was executed.
        self.moved: dict[str, Moved] = {}

    @cached_property
    def days(self) -> set[tuple[str, str, str]]:
        """Each day of service, with the day that was asked and the day of record."""
        return {*zip(self.said.day, self.said.asked_day, self.said.recorded_on, strict=True)}

    @cached_property
    def names(self) -> set[str]:
        """Each text that is an id or a label, but for the ids of operations."""
        return set().union(*(getattr(self.said, name) for name in _NAMES)) - {""}

    def execute(self, balances: Mapping[str, tuple[int, int]]) -> bool:
        """Work out what each account stands at, from where it stood; whether it can be.

        `balances` are the version and the seconds of each account.
        """
        said = self.said
        lines: defaultdict[str, list[tuple[int, int, str]]] = defaultdict(list)
        sequences, spent = self.stored.sequence, [-seconds for seconds in self.seconds]
        earned_lines = zip(sequences, self.seconds, said.day, strict=True)
        spent_lines = zip(sequences, spent, said.day, strict=True)
        for earner, spender, one, other in zip(
            said.earner, said.spender, earned_lines, spent_lines, strict=True
        ):
            lines[earner].append(one)
            lines[spender].append(other)
        if not lines.keys() <= balances.keys():
            return False
        for account, moved in lines.items():
            version, balance = balances[account]
            sequence, seconds, day = zip(*moved, strict=True)
            stands = [*accumulate(seconds, initial=balance)][1:]
            rows = zip(repeat(account), count(version + 1), sequence, seconds, stands, day)
            self.moved[account] = Moved([*rows], min(stands), max(stands))
        return all(
            -MAX_INTEGER <= one.lowest and one.highest <= MAX_INTEGER for one in self.moved.values()
        )


def runs_of(rows: Sequence[RecordRow]) -> Iterator[tuple[Sequence[RecordRow], PlainRun | None]]:
    """Yield the rows of a page in order, as far as they are alike; with the run that they are."""
    found = _read(rows)
    if found is None:
        yield rows, None
        return
    first = 0
    for is_plain, group in groupby(found, key=_is_plain):
        columns = [*group]
        part = rows[first : first + len(columns)]
        first += len(columns)
        yield part, PlainRun(part, columns) if is_plain and len(part) >= LEAST else None


def _read(rows: Sequence[RecordRow]) -> list[tuple[str, ...]] | None:
    """Return what the bytes of each row say, as far as it is a plain transfer."""
    try:
        text = b"\n".join([row.body for row in rows]).decode()
    except (TypeError, ValueError):
        return None
    found: list[Any] = _RECORDS.findall(text)
    return found if len(found) == len(rows) else None


def _is_plain(found: tuple[str, ...]) -> bool:
    return bool(found[-1])
