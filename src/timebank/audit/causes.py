"""Tell what was done to a bank from what does not agree: the causes, and what follows from each.

A change of one record gives many findings: its digest, its rows, all later balances of those who
took part. Here they are put back together: which record was changed, left out, put in or moved,
which rows, which texts, which guards. What was found stays as it is; a cause has the numbers of
the findings that follow from it, and words for people.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import attrs

from timebank.audit.base import UNREADABLE
from timebank.audit.causes_of_records import RecordCauses
from timebank.audit.causes_of_tree import TreeCauses, tiles_beyond, tiles_of_others
from timebank.audit.describing import about, people
from timebank.audit.findings import Finding, quantity
from timebank.audit.open_findings import Cause, OpenFindings, place_of
from timebank.audit.recovering import read
from timebank.audit.stored import Stored
from timebank.errors import shown
from timebank.hours import Hours
from timebank.journal import commitment
from timebank.model import Head, TextRow
from timebank.model.said import Day, Said, Who, said, told, who
from timebank.storage.protocol import Reader

#: Rows, texts or guards that one cause names; the others are counted.
_NAMED: Final = 3
#: Texts of which it is looked whether they stand in each other's place.
_SWAPPED: Final = 100
#: What the names of our triggers say.
_ACTIONS: Final = ("update", "delete", "insert")


@attrs.frozen
class Told:
    """The causes of what was found, and the names of the accounts that they name."""

    causes: tuple[Cause, ...] = ()
    names: Mapping[str, str] = attrs.field(factory=dict)


def causes_of(
    reader: Reader | None,
    findings: Sequence[Finding],
    head: Head | None,
    copy: Reader | None = None,
) -> Told:
    """Return the causes of some findings. Each finding follows from one of them.

    A `copy` of the bank may tell what records said.

    >>> from timebank.audit.causes import causes_of
    >>> from timebank.audit.findings import Finding, quantity
    >>> told = causes_of(None, [Finding("mine", "somewhere", "this", "that", "Do this.")], None)
    >>> told.causes[0].what, told.causes[0].details, told.causes[0].findings
    ('Something is not as it should be: somewhere.', ('Expected: this. Found: that.',), (1,))
    """
    if not findings:
        return Told()
    return _Causes(reader, findings, head, copy).find()


class _Causes:
    """Goes from the causes that explain most to those that explain one finding."""

    def __init__(
        self,
        reader: Reader | None,
        findings: Sequence[Finding],
        head: Head | None,
        copy: Reader | None,
    ) -> None:
        self._reader, self._head, self._copy = reader, head, copy
        self._open = OpenFindings(findings)

    def find(self) -> Told:
        """Return the causes, and names."""
        steps: list[Callable[[], None]] = [self._file]
        if self._reader is not None:
            records = RecordCauses(self._reader, self._open, self._head, self._copy)
            tree = TreeCauses(self._reader, self._open, self._head, self._copy)
            steps += [records.find, self._published, records.find_impossible, tree.find]
        steps += [self._rows, self._texts, self._schema]
        for step in steps:
            try:
                step()
            except UNREADABLE:  # the findings that are left are told one by one
                continue
        self._others()
        causes = tuple(self._open.causes)
        return Told(causes, self._names(causes))

    # -- the file ----------------------------------------------------------------------------

    def _file(self) -> None:
        found = self._open.of_checks("file")
        if not found:
            return
        left = self._open.left.items()
        found |= {n: one for n, one in left if getattr(one.expected, "key", "") in _UNREADABLE}
        places: dict[str, str] = {}  # by what was found: a damaged page is met in many places
        for one in found.values():
            places.setdefault(one.found, one.place)
        details = [
            said("found_in_the_file", place=place, found=text)
            for text, place in places.items()
            if not any(text != other and text in other for other in places)
        ]
        self._open.tell(said("the_file_is_damaged"), _few(details), said("advice_file"), found)

    # -- published heads ---------------------------------------------------------------------

    def _published(self) -> None:
        for number, one in self._open.of_checks("published").items():
            sequence = place_of(one, "sequence")
            last = 0 if self._head is None else self._head.sequence
            details: list[str] = [said("last_record_here", sequence=last)]
            also, advice = dict[int, Finding](), one.advice
            key = getattr(one.expected, "key", "")
            if key == "root":
                what, advice = said("root_is_another", sequence=sequence), told("advice_root")
                details = [said("root_and_seal")]
            elif key == "journal":
                what = said("another_journal")
                details = []
            elif sequence is not None and sequence > last:
                what = said("cut_off", sequence=sequence)
                details += self._last_day(last)
                also = tiles_beyond(self._open.left, last)
            else:
                what = said("rewritten", sequence=sequence)
                also = tiles_of_others(self._open.left, sequence or 0)
                places = [{gap: place_of(tile, gap) for gap in _TILE} for tile in also.values()]
                details += _few(said("tile_tells", **place) for place in places if place["first"])
            self._open.tell(what, details, advice, {number: one} | also)

    def _last_day(self, last: int) -> list[str]:
        rows = [] if self._reader is None else self._reader.records(after=last - 1, limit=1)
        content = read(rows[0].body) if rows else None
        return [] if content is None else [said("last_day_here", day=Day(content["recorded_on"]))]

    # -- rows, texts, guards -----------------------------------------------------------------

    def _rows(self) -> None:
        """Tell the rows that do not follow from a journal which is well."""
        found = self._open.of_checks("derived", "zero-sum", "references")
        if not any(one.check == "derived" for one in found.values()):
            return
        accounts = dict.fromkeys(
            account for one in found.values() if (account := place_of(one, "account"))
        )
        what = said("rows_were_changed", n=len(accounts), accounts=people(accounts))
        if not accounts:
            what = said("other_rows_were_changed")
        advice = next(one.advice for one in found.values() if one.check == "derived")
        seen, details = set[str | None](), list[str]()
        for one in found.values():
            account = place_of(one, "account")
            if one.check != "derived" or (account in seen and account is not None):
                continue
            seen.add(account)
            details += self._row(one)
        details = _few(details)
        if all(one.advice == told("advice_rebuild") for one in found.values()) and (
            self._rows_agree(found)
        ):
            details, advice = [*details, said("rows_agree")], said("advice_which")
        self._open.tell(what, details, advice, found)

    def _rows_agree(self, found: Mapping[int, Finding]) -> bool:
        """Return whether rows that differ go together: then it may be the journal that is wrong.

        Those of a record sum to what they should, and each balance is the sum of what is before.
        """
        first: dict[str, tuple[Said, Said]] = {}
        for one in found.values():
            account, sides = place_of(one, "account"), (one.expected, one.found)
            if any(not isinstance(side, Said) or side.key != "posting_is" for side in sides):
                return False
            first.setdefault(account, sides)  # type: ignore[arg-type]  # both are, as was looked at
        sums = [0, 0]
        for sides in first.values():
            for place, side in enumerate(sides):
                sums[place] += Hours(side.gaps["seconds"]).seconds
        if self._reader is None or len(first) < 2 or sums[0] != sums[1]:  # noqa: PLR2004  # both sides
            return False
        return all(map(Stored(self._reader, self._head).adds_up, first))

    def _row(self, one: Finding) -> list[str]:
        """Return words on a row: of which exchange it is, what it says, and what it should say."""
        account = place_of(one, "account")
        expected, found = one.expected, one.found
        if isinstance(expected, Said) and expected.key == "field_value":
            field = said(f"field_{expected.gaps['field']}")
            sides = [side.gaps["value"] for side in (expected, found) if isinstance(side, Said)]
            was, now = (_value(expected.gaps["field"], value) for value in sides)
            return [said("row_field", account=who(account), field=field, was=was, now=now)]
        rows = [
            row for row in (expected, found) if isinstance(row, Said) and row.key == "posting_is"
        ]
        if not rows:
            if getattr(expected, "key", "") == "account_opened_by_record":
                return [said("account_row_is_gone", account=who(account))]
            of = self._beside(one)
            return [said("row_differs", place=of, expected=expected, found=found)]
        words = [self._posting(row) for row in (expected, found)]
        of = self._about(rows[0].gaps["sequence"])
        return [said("row_of", account=who(account), about=of, expected=words[0], found=words[1])]

    def _beside(self, one: Finding) -> str:
        """Return the place of a finding: for a row of a hold or a statute, with its record."""
        place = one.place
        if not isinstance(place, Said) or place.key != "row_of_the_of_record":
            return place
        return said(f"row_of_{place.gaps['what']}", about=self._about(place_of(one, "sequence")))

    def _posting(self, row: str) -> str:
        if not isinstance(row, Said) or row.key != "posting_is":
            return row
        gaps = row.gaps
        return said(
            "row_says", hours=gaps["seconds"], balance=gaps["balance"], day=Day(gaps["day"])
        )

    def _about(self, sequence: Any) -> str:
        if self._reader is None or not str(sequence).isdecimal():
            return said("about_nothing")
        rows = self._reader.records(after=int(sequence) - 1, limit=1)
        if not rows or rows[0].sequence != int(sequence):
            return said("about_missing", sequence=int(sequence))
        return about(read(rows[0].body))

    def _texts(self) -> None:
        found = self._open.of_checks("texts")
        if not found:
            return
        details, swapped = [], self._swapped_texts(found)
        for number, one in found.items():
            if number in swapped:
                details.append(swapped[number])
                continue
            sequence, field = place_of(one, "sequence"), place_of(one, "field")
            if sequence is None or field is None:
                details.append(said("expected_and_found", expected=one.expected, found=one.found))
                continue
            key = getattr(one.found, "key", "")
            state = {"no_text_and_no_erasure": "text_is_gone", "a_text": "text_is_too_much"}
            text = said(f"text_{field.strip(chr(39))}") if field in _TEXTS else field
            details.append(
                said(state.get(key, "text_was_changed"), text=text, about=self._about(sequence))
            )
        advice = next(iter(found.values())).advice
        what = said("texts_were_changed", n=len(found))
        self._open.tell(what, _few(details), advice, found)

    def _swapped_texts(self, found: Mapping[int, Finding]) -> dict[int, str]:
        """Return words on the texts that now stand in the place of another one of them.

        What a record committed to is proved by the salt beside it and the text elsewhere.
        """
        if self._reader is None:
            return {}
        beside: dict[int, tuple[str, TextRow, object]] = {}
        for number, one in list(found.items())[:_SWAPPED]:
            sequence, field = place_of(one, "sequence"), str(place_of(one, "field")).strip("'")
            if not isinstance(sequence, int):
                continue
            rows = self._reader.records(after=sequence - 1, limit=1)
            request = (read(rows[0].body) or {}).get("request", {}) if rows else {}
            for row in self._reader.texts(after=sequence - 1, through=sequence):
                if row.field == field and isinstance(request, dict):
                    beside[number] = (field, row, request.get(field))
        told: dict[int, str] = {}
        for number, (field, row, committed) in beside.items():
            for _, other, _ in beside.values():
                if other is not row and commitment(row.salt, other.text) == committed:
                    gaps = {"about": self._about(row.sequence), "was": shown(other.text)}
                    text = said(f"text_{field}") if f"'{field}'" in _TEXTS else field
                    told[number] = said("text_was_swapped", text=text, **gaps)
        return told

    def _schema(self) -> None:
        found = self._open.of_checks("schema", "orphans", "references")
        if not found:
            return
        details = [self._object(one) for one in found.values()]
        advice = next(iter(found.values())).advice
        self._open.tell(said("tables_were_changed"), _few(dict.fromkeys(details)), advice, found)

    def _object(self, one: Finding) -> str:
        """Return words on an object of the schema: a guard by what it guards."""
        place = one.place
        if isinstance(place, Said) and place.key == "trigger":
            name = str(place.gaps["name"])
            table, _, action = name.removeprefix("timebank_").rpartition("_no_")
            is_gone = getattr(one.found, "key", "") == "nothing"
            if action in _ACTIONS and table in _TABLES:
                key = "guard_is_gone" if is_gone else "guard_was_changed"
                return said(key, table=said(f"table_of_{table}"), name=name)
        if one.check == "schema":
            state = {"expected": "object_is_too_much", "found": "object_is_gone"}
            for side, key in state.items():
                if getattr(getattr(one, side), "key", "") == "nothing":
                    return said(key, place=place)
            return said("object_was_changed", place=place)
        return said("expected_and_found_at", place=place, expected=one.expected, found=one.found)

    # -- the rest ----------------------------------------------------------------------------

    def _others(self) -> None:
        """Tell one by one, by their place, what nothing explains."""
        for place in dict.fromkeys(one.place for one in self._open.left.values()):
            found = {n: one for n, one in self._open.left.items() if one.place == place}
            details = [
                said("expected_and_found", expected=one.expected, found=one.found)
                for one in found.values()
            ]
            advice = next(iter(found.values())).advice
            self._open.tell(said("something_is_wrong", place=place), _few(details), advice, found)

    def _names(self, causes: Iterable[Cause]) -> dict[str, str]:
        """Return the names of the accounts that causes name, where the bank has them."""
        names: dict[str, str] = {}
        if self._reader is None:
            return names
        for cause in causes:
            for id in _accounts_in((cause.what, *cause.details)):
                try:
                    row = self._reader.account(id)
                    if row is None or row.named is None or id in names:
                        continue
                    names |= _name(self._reader, id, row.named)
                except UNREADABLE:
                    continue
        return names


def _name(reader: Reader, id: str, sequence: int) -> dict[str, str]:
    """Return the name of an account, where it is the one that its record committed to."""
    rows = reader.records(after=sequence - 1, limit=1)
    request = (read(rows[0].body) or {}).get("request", {}) if rows else {}
    texts = reader.texts(after=sequence - 1, through=sequence)
    names = [
        text.text
        for text in texts
        if text.field == "name" and commitment(text.salt, text.text) == request.get("name")
    ]
    return {id: names[0]} if names else {}


def _value(field: str, value: str) -> str:
    """Return what an account's field says, in words where there are some."""
    if field in ("floor", "ceiling"):
        words = {"'inherit'": "as_the_statute_says", "None": "no_limit"}
        if value in words:
            return said(words[value])
        return quantity(int(value)) if re.fullmatch(r"-?\d{1,15}", value) else value
    known = f"status_{value.strip(chr(39))}"
    return said(known) if field == "status" and known in _STATUSES else value


#: What is expected where rows cannot be read.
_UNREADABLE: Final = frozenset({"rows_that_can_be_read", "can_be_read", "a_file_that_can_be_read"})
_STATUSES: Final = frozenset({"status_open", "status_frozen", "status_closed"})
_TEXTS: Final = frozenset({"'name'", "'note'", "'reason'"})
_TILE: Final = ("first", "last")
_TABLES: Final = frozenset({"banks", "records", "postings"})


def _accounts_in(values: Iterable[Any]) -> Iterable[str]:
    for value in values:
        if isinstance(value, Who):
            yield value.id
        elif isinstance(value, Said):
            yield from _accounts_in(value.gaps.values())


def _few(details: Iterable[str]) -> list[str]:
    """Return some of the details, and how many more there are."""
    known = list(details)
    shown = list(dict.fromkeys(known))[:_NAMED]
    more = len(known) - len(shown)
    return [*shown, said("and_more", n=more)] if more else shown
