"""Tell what was done to the hashes of the tree, and what they tell of the records."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Final

from timebank.audit.describing import about
from timebank.audit.differences import differences
from timebank.audit.findings import Finding
from timebank.audit.open_findings import OpenFindings, place_of
from timebank.audit.recovering import read
from timebank.audit.stored import Stored
from timebank.audit.tree import LEVELS, PAGE, SPAN, Peaks, records_of, tile_of
from timebank.model import Head, TileRow
from timebank.model.said import said, told
from timebank.storage.protocol import Reader

#: Details that are said of one cause.
_NAMED: Final = 3
#: The bytes of a hash, of SHA-256.
_BYTES: Final = 32
#: Bytes of a hash that agree by chance in none of two.
_ALIKE: Final = 8
#: Rows that are looked through for a hash that stands in another place.
_MOST_ROWS: Final = 20_000
#: Records of a tile that are compared with a copy: of a high tile, of which somebody wrote the
#: row by hand, there may be more than anybody can count.
_MOST_COMPARED: Final = 100_000

_Found = dict[int, Finding]


class TreeCauses:
    """Tells hashes that were changed from records that were rewritten behind them.

    What is certain is told as that: a hash that stands elsewhere, or agrees but for a few bytes,
    or whose neighbours above or below agree with the records, was changed itself.
    """

    def __init__(
        self, reader: Reader, findings: OpenFindings, head: Head | None, copy: Reader | None = None
    ) -> None:
        self._reader, self._copy, self._open = reader, copy, findings
        self._stored = Stored(reader, head)
        self._copied = None if copy is None else Stored(copy, head)
        self._certain: dict[int, str] = {}

    def find(self) -> None:
        """Tell the causes of what is found on the tree, and explained by nothing yet."""
        found = self._open.of_checks("tree")
        changed = {n: one for n, one in found.items() if _hash(one.expected) and _hash(one.found)}
        beyond = {
            n: one for n, one in found.items() if not _hash(one.expected) and _hash(one.found)
        }
        gone = {n: one for n, one in found.items() if _is_gone(one)}
        self._swapped(changed)
        self._elsewhere(gone, beyond)
        self._damaged(changed)
        self._twice(beyond)
        for number, one in beyond.items():
            if number not in self._certain:
                self._tell_beyond(number, one)
        for number, one in changed.items():
            if number not in self._certain and number in self._open.left:
                self._tell_changed(number, one, changed)
        self._tell_rows(gone)

    # -- what is certain ---------------------------------------------------------------------

    def _swapped(self, changed: _Found) -> None:
        for one, other in _pairs(changed):
            first, second = changed[one], changed[other]
            if (first.expected, first.found) == (second.found, second.expected):
                gaps = _gaps(first) | {f"other_{k}": v for k, v in _gaps(second).items()}
                self._certain[one] = self._certain[other] = said("tiles_were_swapped", **gaps)

    def _elsewhere(self, gone: _Found, beyond: _Found) -> None:
        for number, one in gone.items():
            for other, place in beyond.items():
                if place.found == one.expected and other not in self._certain:
                    gaps = _gaps(one) | {f"other_{k}": v for k, v in _gaps(place).items()}
                    words = said("tile_is_elsewhere", **gaps)
                    self._certain[number] = self._certain[other] = words
                    break

    def _damaged(self, changed: _Found) -> None:
        """Tell the hashes of which the rest, or those above or below, show what they were."""
        places = {_at(one) for one in self._open.of_checks("tree").values()}
        compares = self._compares_all()
        for number, one in changed.items():
            level, tile = _at(one)
            pairs = zip(_bytes(one.expected), _bytes(one.found), strict=True)
            differing = sum(a != b for a, b in pairs)
            above = (level + 1, tile >> SPAN)
            below = {(level - 1, (tile << SPAN) + n) for n in range(1 << SPAN)}
            fits_above = records_of(*above)[1] <= self._stored.last and above not in places
            if differing <= _BYTES - _ALIKE:
                words = said("tile_is_damaged", n=differing, **_gaps(one))
            elif compares and (fits_above or (level and not below & places)):
                words = said("tile_was_changed", **_gaps(one))
            else:
                continue
            self._certain.setdefault(number, words)

    def _compares_all(self) -> bool:
        """Return whether each tile without a finding is that of the records, which are well."""
        found = self._open.of_checks("tree").values()
        return all(one.advice == told("advice_rebuild") and _at(one)[0] >= 0 for one in found)

    def _twice(self, beyond: _Found) -> None:
        """Tell the hashes that are one too many, and those of tiles that are in their place."""
        left = {n: one for n, one in beyond.items() if n not in self._certain}
        if not left:
            return
        known: dict[str, TileRow] = {}
        for row in self._rows():
            if records_of(row.level, row.tile)[1] <= self._stored.last:
                known[row.hash.hex()] = row
        for number, one in left.items():
            if one.found in known:
                first, last = records_of(*known[one.found][:2])
                gaps = {"other_first": first, "other_last": last}
                self._certain[number] = said("tile_stands_twice", **_gaps(one), **gaps)

    def _rows(self) -> Iterator[TileRow]:
        left = _MOST_ROWS
        for level in range(LEVELS):
            after = -1
            while left > 0 and (rows := self._reader.tiles(level=level, after=after, limit=PAGE)):
                yield from rows
                left, after = left - len(rows), rows[-1].tile

    # -- telling -----------------------------------------------------------------------------

    def _tell_rows(self, gone: _Found) -> None:
        """Tell what was done to hashes alone, of records that are well."""
        found = {n: self._open.left[n] for n in self._certain if n in self._open.left}
        details = list(dict.fromkeys(self._certain[number] for number in found))
        advice = "advice_tree" if found else "advice_rebuild"
        if found:
            details = [*_few(details), said("only_the_seals")]
        missing = {n: one for n, one in gone.items() if n not in found}
        details += _few(said("tile_is_gone", **_gaps(one)) for one in missing.values())
        if missing:
            advice = "advice_rebuild"
        found |= missing
        rest = {n: one for n, one in self._open.of_checks("tree").items() if n not in found}
        if rest:
            advice = "advice_rebuild"
        details += _few(map(_rest, rest.values()))
        found |= rest
        if found:
            what = said("tree_was_changed", n=len(found))
            self._open.tell(what, details, _advice(found, advice), found)

    def _tell_beyond(self, number: int, one: Finding) -> None:
        """Tell a hash of records that are not there."""
        details, advice = [said("cut_off_or_added")], "advice_which"
        if self._is_of_copy(one):
            details, advice = [said("copy_has_them")], "advice_journal"
        what = said("tile_is_beyond", end=self._stored.last, **_gaps(one))
        self._open.tell(what, details, _advice({number: one}, advice), {number: one})

    def _tell_changed(self, number: int, one: Finding, changed: _Found) -> None:
        """Tell a hash that is not of the records that stand there, which may be what is wrong."""
        found = {number: one} | self._agreeing(one, changed)
        details: list[str] = [said("changed_or_rewritten" if len(found) == 1 else "tree_agrees")]
        advice = "advice_which"
        if self._is_of_copy(one):
            details, advice = [*self._rewritten(one), said("copy_proves_tile")], "advice_journal"
        what = said("tile_is_of_others", **_gaps(one))
        self._open.tell(what, details, _advice(found, advice), found)

    def _agreeing(self, one: Finding, changed: _Found) -> _Found:
        """Return the findings on tiles above, where what is stored agrees with what is below."""
        level, tile = _at(one)
        by_place = {_at(f): n for n, f in changed.items()}
        found: _Found = {}
        while (number := by_place.get((level + 1, tile >> SPAN))) is not None:
            first = tile >> SPAN << SPAN
            rows = self._reader.tiles(level=level, after=first - 1, limit=1 << SPAN)
            filled = Peaks().add([row.hash for row in rows])
            if not filled or filled[0][2] != _bytes(changed[number].found):
                break
            found[number] = changed[number]
            level, tile = level + 1, tile >> SPAN
        return {n: f for n, f in found.items() if n in self._open.left}

    def _is_of_copy(self, one: Finding) -> bool:
        """Return whether a hash is that of the records that a copy has in their place."""
        if self._copy is None:
            return False
        return tile_of(self._copy, *_at(one)) == _bytes(one.found)

    def _rewritten(self, one: Finding) -> list[str]:
        """Return in words the first records of a tile that say otherwise in the copy."""
        details: list[str] = []
        first, last = place_of(one, "first"), place_of(one, "last")
        for sequence in range(first, min(last + 1, first + _MOST_COMPARED)):
            here = self._stored.record(sequence)
            there = None if self._copied is None else self._copied.record(sequence)
            if here is None or there is None or here.body == there.body:
                continue
            was, now = read(there.body), read(here.body)
            details.append(said("record_was_rewritten", sequence=sequence, about=about(was)))
            details += islice(differences(was or {}, now or {}), _NAMED)
            if len(details) > _NAMED:
                break
        return details


def tiles_over(found: Mapping[int, Finding], sequences: Iterable[int]) -> _Found:
    """Return the findings on tiles that are over some records."""
    known = sorted(sequences)
    return {
        number: one
        for number, one in found.items()
        if one.check == "tree"
        and isinstance(first := place_of(one, "first"), int)
        and (at := bisect_left(known, first)) < len(known)
        and known[at] <= place_of(one, "last")
    }


def tiles_beyond(found: Mapping[int, Finding], end: int) -> _Found:
    """Return the findings on tiles that are over records behind one."""
    return {
        number: one
        for number, one in found.items()
        if one.check == "tree"
        and isinstance(last := place_of(one, "last"), int)
        and last > end
        and _hash(one.found)
    }


def tiles_of_others(found: Mapping[int, Finding], end: int) -> _Found:
    """Return the findings on tiles up to a record that are of other records than stand there."""
    return {
        number: one
        for number, one in found.items()
        if one.check == "tree"
        and isinstance(first := place_of(one, "first"), int)
        and first <= end
        and _hash(one.expected)
        and _hash(one.found)
    }


def _hash(side: str) -> bool:
    return len(_bytes(side)) == _BYTES


def _bytes(side: str) -> bytes:
    try:
        return bytes.fromhex(side)
    except ValueError:
        return b""


def _at(one: Finding) -> tuple[int, int]:
    """Return the level and the number of a tile; -1 where a finding is on no single one."""
    level, tile = place_of(one, "level"), place_of(one, "tile")
    return (level, tile) if isinstance(level, int) and isinstance(tile, int) else (-1, -1)


def _is_gone(one: Finding) -> bool:
    return getattr(one.found, "key", "") == "no_such_row"


def _rest(one: Finding) -> str:
    if isinstance(place_of(one, "first"), int):
        return said("tile_cannot_be_read", **_gaps(one))
    gaps = {"place": one.place, "expected": one.expected, "found": one.found}
    return said("expected_and_found_at", **gaps)


def _gaps(one: Finding) -> dict[str, int]:
    return {name: place_of(one, name) for name in ("first", "last")}


def _pairs(found: _Found) -> Iterator[tuple[int, int]]:
    numbers = list(found)
    for place, one in enumerate(numbers):
        for other in numbers[place + 1 :]:
            yield one, other


def _advice(found: _Found, advice: str) -> str:
    """Return the advice, unless the findings have one that comes first."""
    others = [one.advice for one in found.values() if one.advice != told("advice_rebuild")]
    return others[0] if others else told(advice)


def _few(details: Iterable[str]) -> list[str]:
    known = list(dict.fromkeys(details))
    more = len(known) - _NAMED
    return [*known[:_NAMED], said("and_more", n=more)] if more > 0 else known
