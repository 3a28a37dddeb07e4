"""Personal texts: each commitment has its text, matching, unless an erasure names it.

An erasure may come anywhere behind the record whose text it destroyed, so what is
missing, and what was erased, wait to be compared. Each is compared and forgotten when
there are too many: then the journal, or the texts, are read once more.
"""

from __future__ import annotations

from typing import Any, Final

from timebank.audit.report import Findings
from timebank.audit.shapes import is_commitment
from timebank.errors import Corrupt, TimebankError, shown
from timebank.journal import commitment, parse
from timebank.model import MAX_INTEGER, SALT_BYTES, TEXT_FIELDS, TextRow
from timebank.storage.protocol import Reader

#: How many commitments may wait to be compared.
MOST_WAITING: Final = 50_000
PAGE: Final = 500
_PREFIX: Final = "commitment "


class Texts:
    """Expects the commitments of a page of records, then reads the texts beside it."""

    def __init__(self, reader: Reader, findings: Findings, *, last: int) -> None:
        self._reader, self._findings, self._last = reader, findings, last
        self._expected: dict[tuple[int, str], str] = {}
        self._unread: set[int] = set()
        self._missing: dict[str, list[tuple[int, str]]] = {}
        self._waiting = 0
        self._erased: set[str] = set()
        self._erasing = False

    def record(self, sequence: int, kind: str, request: dict[str, Any], effects: Any) -> None:
        """Expect the texts of one record, or take note of what it erased."""
        for field in TEXT_FIELDS:
            if field in request:
                self._expected[sequence, field] = request[field]
        if kind == "erase":
            self._erasing = True
            self._erased.update(effects["erased"])
            if len(self._erased) > MOST_WAITING:
                self._none_erased(self._last)

    def unreadable(self, sequence: int) -> None:
        """The record cannot be read: its texts are neither expected nor a finding."""
        self._unread.add(sequence)

    def page(self, *, after: int, through: int) -> None:
        """Compare the texts beside the records of a page."""
        for row in self._rows(after, through):
            expected = self._expected.pop((row.sequence, row.field), None)
            if expected is None:
                if row.sequence not in self._unread:
                    self._add(row.sequence, row.field, "no text without a commitment", "a text")
            elif (found := _committed(row)) != _PREFIX + expected:
                self._add(row.sequence, row.field, _PREFIX + expected, found)
        for (sequence, field), missing in self._expected.items():
            self._missing.setdefault(missing, []).append((sequence, field))
            self._waiting += 1
        self._expected.clear()
        self._unread.clear()
        if self._waiting > MOST_WAITING:
            self._all_erased(last=False)

    def _rows(self, after: int, through: int) -> list[TextRow]:
        """The texts of some records; where one row spoils the page, those of each record."""
        try:
            return self._reader.texts(after=after, through=through)
        except TimebankError as error:
            sequences = {sequence for sequence, _ in self._expected}
            if len(sequences) <= 1:
                self._findings.add(
                    "texts",
                    f"texts of records {after + 1} to {through}",
                    expected="rows that can be read",
                    found=str(error),
                )
                self._expected.clear()
                return []
        rows: list[TextRow] = []
        for sequence in sorted(sequences):
            try:
                rows += self._reader.texts(after=sequence - 1, through=sequence)
            except TimebankError as error:
                place = f"texts of record {sequence}"
                self._findings.add(
                    "texts", place, expected="rows that can be read", found=str(error)
                )
                for field in TEXT_FIELDS:
                    self._expected.pop((sequence, field), None)
        return rows

    def finish(self, *, end: int) -> None:
        """Texts outside the journal, and what waits."""
        self.page(after=-PAGE, through=0)
        self.page(after=end, through=MAX_INTEGER)
        self._all_erased(last=True)
        if self._erased:
            self._none_erased(self._last)

    def _all_erased(self, *, last: bool) -> None:
        """What is missing must be named by an erasure, wherever that is.

        At the end, where none was ever met, there is nothing to look for.
        """
        after = 0
        while (
            self._missing
            and (self._erasing or not last)
            and (rows := self._reader.records(after=after, limit=PAGE))
        ):
            for row in rows:
                if b'"kind":"erase"' in row.body:
                    for erased in _erased(row.body):
                        self._missing.pop(erased, None)
            after = rows[-1].sequence
        for missing, places in self._missing.items():
            for sequence, field in places:
                self._add(sequence, field, _PREFIX + missing, "no text, and no erasure")
        self._missing.clear()
        self._waiting = 0

    def _none_erased(self, last: int) -> None:
        """What was erased must not be there."""
        for after in range(0, last, PAGE):
            for row in self._reader.texts(after=after, through=after + PAGE):
                if _committed(row)[len(_PREFIX) :] in self._erased:
                    self._add(row.sequence, row.field, "no text, for it was erased", "a text")
        self._erased.clear()

    def _add(self, sequence: int, field: str, expected: str, found: str) -> None:
        place = f"text {shown(field)} of record {shown(sequence)}"
        self._findings.add("texts", place, expected=expected, found=found)


def _committed(row: TextRow) -> str:
    """The commitment that the text and its salt make; no personal text is shown."""
    if type(row.salt) is not bytes or len(row.salt) != SALT_BYTES or type(row.text) is not str:
        return "a salt or a text of the wrong type"
    try:
        return _PREFIX + commitment(row.salt, row.text)
    except ValueError:
        return "a text that is no Unicode"


def _erased(body: bytes) -> list[str]:
    """What a record erased; one that cannot be read was a finding of its own."""
    try:
        record = parse(body)
        names = record["effects"]["erased"] if record["kind"] == "erase" else []
        return [name for name in names if is_commitment(name)]
    except (Corrupt, KeyError, TypeError):
        return []
