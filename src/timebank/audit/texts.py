"""The check of personal texts against their commitments."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from timebank.audit.walk import FAR, Check, Finding, Page, Walk
from timebank.errors import shown
from timebank.journal import commitment
from timebank.model import SALT_BYTES, TEXT_FIELDS, TextRow

#: Missing texts that are remembered until an erasure further on names them.
MOST: Final = 100_000


class _Texts:
    def __init__(self, walk: Walk) -> None:
        self._reader, self._walk = walk.reader, walk
        self._missing: dict[str, str] = {}
        self._erased: set[str] = set()

    def page(self, page: Page) -> Iterator[Finding]:
        stored = {
            (row.sequence, row.field): row
            for row in self._reader.texts(after=page.after, through=page.through)
        }
        for record in page.records:
            if record.body is None:
                continue
            if record.body.get("kind") == "erase":
                self._erase(record.body["effects"].get("erased"))
            request = record.body["request"]
            for field in TEXT_FIELDS:
                if field in request:
                    row = stored.pop((record.row.sequence, field), None)
                    yield from self._compare(f"{record.place}, {field}", request[field], row)
        for sequence, field in stored:
            yield TEXTS.finding(f"record {sequence}, {field}", "no text", "a text without a commitment")

    def _compare(self, place: str, committed: object, row: TextRow | None) -> Iterator[Finding]:
        if type(committed) is not str:
            yield TEXTS.finding(place, "a commitment", shown(committed))
        elif row is None:
            if len(self._missing) < MOST:
                self._missing[committed] = place
            elif committed not in self._erased:
                yield TEXTS.finding(place, "a text, or its erasure", "no text")
        elif (
            type(row.salt) is not bytes
            or type(row.text) is not str
            or len(row.salt) != SALT_BYTES
            or commitment(row.salt, row.text) != committed
        ):
            yield TEXTS.finding(place, f"the text of {committed}", "another text or salt")

    def _erase(self, erased: object) -> None:
        for item in erased if isinstance(erased, list) else ():
            if type(item) is str and self._missing.pop(item, None) is None:
                self._erased.add(item)

    def end(self) -> Iterator[Finding]:
        for committed, place in self._missing.items():
            if committed not in self._erased:
                yield TEXTS.finding(place, "a text, or its erasure", "no text")
        for after, through in ((self._walk.sequence, FAR), (-FAR, 0)):
            for row in self._reader.texts(after=after, through=through):
                yield TEXTS.finding(f"record {row.sequence}, {row.field}", "no text", "a text of no record")


TEXTS: Final = Check(
    "texts",
    "Each commitment has its text and salt, matching, unless an erasure names it; no text is without one.",
    "A name, note or reason was changed or removed: put the text back from a copy of the file.",
    _Texts,
)
