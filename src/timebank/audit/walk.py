"""What the checks of an audit share: the walk through the journal, page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, Protocol

import attrs

from timebank.errors import Corrupt
from timebank.fold import Fold
from timebank.journal import parse
from timebank.model import Head, RecordRow
from timebank.storage.protocol import Reader

#: Sequences and versions lie well within.
FAR: Final = 2**62


@attrs.frozen
class Finding:
    """One thing that is wrong: which check, where, what should be, what is, what to do."""

    check: str
    place: str
    expected: str
    found: str
    advice: str


class Step(Protocol):
    """A check at work: it sees each page once, in order, and then the end."""

    def page(self, page: Page) -> Iterator[Finding]:
        """What is wrong with the records of a page."""

    def end(self) -> Iterator[Finding]:
        """What is wrong with what no record of the journal accounts for."""


@attrs.frozen
class Check:
    """A named invariant: what it promises, and what a treasurer can do where it is broken.

    `begin` makes the step that looks for it; `None` where the store itself looks, or the
    step of another check does.
    """

    name: str
    promise: str
    advice: str
    begin: Callable[[Walk], Step] | None = None

    def finding(self, place: str, expected: object, found: object) -> Finding:
        """A finding of this check."""
        return Finding(self.name, place, str(expected), str(found), self.advice)


@attrs.frozen
class Parsed:
    """A record's row with the object that its bytes are; `None` where they are none."""

    row: RecordRow
    body: dict[str, Any] | None
    problem: str

    @property
    def place(self) -> str:
        """Where a finding lies."""
        return f"record {self.row.sequence}"


class Page:
    """Some records in order, each parsed once."""

    def __init__(self, rows: list[RecordRow], walk: Walk) -> None:
        self.after, self.through = walk.sequence, rows[-1].sequence
        self.records = [_parsed(row) for row in rows]


def _parsed(row: RecordRow) -> Parsed:
    try:
        body = parse(row.body)
    except Corrupt as error:
        return Parsed(row, None, str(error))
    if type(body.get("request")) is not dict or type(body.get("effects")) is not dict:
        return Parsed(row, None, "a record without a request or effects")
    return Parsed(row, body, "")


@attrs.define
class Walk:
    """How far the audit is, and what the journal has come to so far."""

    reader: Reader
    head: Head
    fold: Fold = attrs.field(factory=Fold)
    sequence: int = 0
    records: int = 0

    def pass_page(self, page: Page) -> None:
        """Go on behind a page."""
        self.sequence = page.through
        self.records += len(page.records)
