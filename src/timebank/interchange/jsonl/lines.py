"""Read an export of JSON Lines, and prove each line by the one before.

A line is taken exactly as an export writes it: what is read is written once more, and compared.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from typing import IO, Any, Final

import attrs

from timebank import checks
from timebank.errors import Corrupt, InvalidRequest, OtherVersion
from timebank.interchange.jsonl.export import first_line, record_line, texts_member
from timebank.journal import (
    FORMAT,
    OF_NOVEMBER,
    canonical,
    commitment,
    digest,
    genesis,
    is_of_november,
    parse,
    refers_to,
)
from timebank.model import SALT_BYTES, TEXT_FIELDS, Head, RecordRow, TextRow

#: More bytes than any record has, with its texts.
MAX_LINE_BYTES: Final = 16_777_216
_RECORD: Final = b',"record":'
_FIRST: Final = ("export", "bank", "head", "texts")
_MEMBERS: Final = ("sequence", "digest", "texts", "record")
_TEXT: Final = ("salt", "text")
_QUOTED: Final = 60

Line = tuple[RecordRow, list[TextRow]]
#: A line with the record that its bytes say.
ReadLine = tuple[RecordRow, list[TextRow], dict[str, Any]]
#: Lines of a page, which is hashed as one when it is proved; one of more bytes than so many ends.
PAGE: Final = 1_000
_MOST_PAGE_BYTES: Final = 4_194_304
_NOTHING: Final = sha256().digest()


class _InvalidLine(Exception):
    """A line that cannot be; the text says why."""


class _TooLongLine(_InvalidLine):
    """The line after the last one that was read."""


@contextmanager
def importing_nothing() -> Iterator[None]:
    """Say of what is refused that nothing was imported."""
    try:
        yield
    except InvalidRequest as error:
        error.add_context(after="; nothing was imported")
        raise


@attrs.frozen
class Export:
    """An export: its first line, and its records, which are read from the file each time.

    >>> from io import BytesIO
    >>> import timebank
    >>> from timebank.interchange.jsonl import export_jsonl
    >>> from timebank.interchange.jsonl.lines import Export
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1", name="Maria R.")
    >>> export = Export.of("bank.jsonl", BytesIO(b"".join(export_jsonl(bank))))
    >>> [(record.sequence, texts[0].text) for record, texts in export.lines()]
    [(1, 'Maria R.')]
    """

    name: str
    file: IO[bytes]
    head: Head
    texts: bool
    #: The digests of the pages that were proved.
    _proved: list[bytes] = attrs.field(factory=list, init=False, repr=False, eq=False)

    @classmethod
    def of(cls, name: str, file: IO[bytes]) -> Export:
        """Read the first line of a file.

        :raises InvalidRequest: it is not that of an export, or in the file one cannot go back.
        """
        if not file.seekable():
            msg = f"{name} is read twice, and one cannot go back in it: save it as a file"
            raise InvalidRequest(msg)
        try:
            head, texts = _first(_read(file))
        except (_InvalidLine, InvalidRequest) as error:
            msg = (
                f"{name} is no export: its first line is like "
                f'{{"export":"{FORMAT}","bank":"main","head":"...","texts":true}}, and {error}'
            )
            raise InvalidRequest(msg).about(key="no_export", file=name) from error
        return cls(name, file, head, texts)

    @property
    def empty(self) -> Head:
        """The head of its journal before the first record."""
        return Head(self.head.journal, 0, genesis(self.head.journal))

    def prove(self, expect: Head | None = None) -> None:
        """Read it from end to end, and find in it a head that was published.

        :raises InvalidRequest: as `lines`; the head is not in it, or no texts are.
        """
        if not self.texts:
            msg = (
                f"{self.name} was written without its texts, to be published: "
                "no bank can be made of it"
            )
            raise InvalidRequest(msg)
        is_found = expect in {None, self.empty}
        pages: list[bytes] = []
        for record, _, _ in self._read(_hashed(self.file, pages)):
            is_found = is_found or expect == self.head_at(record)
        if not is_found:
            msg = f"the head that is expected is not in {self.name}: {expect}"
            raise InvalidRequest(msg)
        self._proved[:] = pages

    def head_at(self, record: RecordRow) -> Head:
        """Return the head of the journal after a record."""
        return Head(self.head.journal, record.sequence, record.digest)

    def lines(self) -> Iterator[Line]:
        """Yield each record with its texts, from the first on.

        Its sequence, its canonical form, the chain of digests and the commitments of its texts are
        proved, and that its line is written as an export writes it; its effects are not.

        :raises InvalidRequest: a line that is none, or not the next one; an end that is not that
            of the first line.
        """
        return ((record, texts) for record, texts, _ in self.read())

    def read(self) -> Iterator[ReadLine]:
        """Yield what `lines` does, and what the bytes of each record say.

        What was proved is not proved again, where the file still has it, byte for byte.

        :raises InvalidRequest: as `lines`.
        """
        return self._read(_compared(self.file, self._proved))

    def _read(self, lines: Iterator[tuple[bytes, bool]]) -> Iterator[ReadLine]:
        self.file.seek(0)
        _read(self.file)
        before = genesis(self.head.journal)
        number = 0
        try:
            for number, (line, is_proved) in enumerate(lines, start=1):
                if is_proved:
                    found = _proved_line(line, number, before)
                else:
                    found = _line(line, number, before, self.head.journal)
                before = found[0].digest
                yield found
        except _InvalidLine as error:
            first = 2 if isinstance(error, _TooLongLine) else 1  # the first record's line is 2
            msg = f"{self.name}, line {number + first}: {error}"
            raise InvalidRequest(msg) from error
        if (number, before) != (self.head.sequence, self.head.digest):
            msg = (
                f"{self.name} ends with record {number}, and its first line says "
                f"{self.head.sequence}: it was cut off, or put together from several"
            )
            raise InvalidRequest(msg)


# -- pages of lines ------------------------------------------------------------------


def _hashed(file: IO[bytes], pages: list[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Yield the lines, none of which was proved, and note the digest of each page."""
    while True:
        page = sha256()
        for line in _page(file):
            page.update(line)
            yield line, False
        if page.digest() == _NOTHING:
            return
        pages.append(page.digest())


def _compared(file: IO[bytes], pages: Sequence[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Yield the lines, and whether each is in a page that was proved.

    From the first page on that is another one, all lines are read as if none had been proved.
    """
    for proved in pages:
        start = file.tell()
        try:
            page = list(_page(file))
        except _InvalidLine:
            page = []
        if sha256(b"".join(page)).digest() != proved:
            file.seek(start)
            break
        for line in page:
            yield line, True
    while line := _read(file):
        yield line, False


def _page(file: IO[bytes]) -> Iterator[bytes]:
    """Yield the next lines that are hashed as one."""
    size = 0
    for _ in range(PAGE):
        if not (line := _read(file)):
            return
        yield line
        if (size := size + len(line)) >= _MOST_PAGE_BYTES:
            return


# -- one line ------------------------------------------------------------------------


def _read(file: IO[bytes]) -> bytes:
    line = file.readline(MAX_LINE_BYTES + 1)
    if len(line) > MAX_LINE_BYTES:
        msg = f"it has more than {MAX_LINE_BYTES:,} bytes"
        raise _TooLongLine(msg)
    return line


def _first(line: bytes) -> tuple[Head, bool]:
    """Return what the first line says: the head, and whether there are texts."""
    first = _object(_ended(line), "it")
    _check_members(first, _FIRST, "it")
    if first["export"] != FORMAT:
        msg = f'its "export" is {_said(first["export"])}, not "{FORMAT}"'
        raise _InvalidLine(msg)
    if type(first["texts"]) is not bool:
        msg = f'its "texts" is {_said(first["texts"])}, neither true nor false'
        raise _InvalidLine(msg)
    for name in ("bank", "head"):
        if type(first[name]) is not str:
            msg = f'its "{name}" is {_said(first[name])}, no string'
            raise _InvalidLine(msg)
    bank, head = checks.identifier(first["bank"], "bank"), Head.of(first["head"])
    if line != first_line(bank, head, texts=first["texts"]):
        raise _InvalidLine(_OTHERWISE)
    return head, first["texts"]


def _line(line: bytes, number: int, before: bytes, journal: str) -> ReadLine:
    """Return the record of a line, and its texts, if an export would write exactly this line."""
    head, mark, body = _ended(line).partition(_RECORD)
    if not mark or not body.endswith(b"}"):
        msg = 'it is no line of an export, which ends with "record"'
        raise _InvalidLine(msg)
    body = body[:-1]
    members, record = _object(head + b"}", "what stands before its record"), _record(body)
    request = record.get("request")
    fields = [field for field in TEXT_FIELDS if type(request) is dict and field in request]
    expected = [name for name in _MEMBERS if name != "texts" or fields]
    members["record"] = record
    _check_members(members, expected, "it")
    if members["sequence"] != number or type(members["sequence"]) is not int:
        msg = f"it says that it is record {_said(members['sequence'])}, and is {number}"
        raise _InvalidLine(msg)
    now = digest(before, body)
    if members["digest"] != now.hex():
        msg = f"the digest of record {number} is not that of the one before and its bytes"
        raise _InvalidLine(msg)
    row = _row(number, now, journal, body, record)
    given = members.get("texts", {})
    texts = list(_texts(number, record["request"], fields, given))
    if line != record_line(number, now, body, texts_member(fields, texts) if fields else ""):
        raise _InvalidLine(_OTHERWISE)
    return row, texts, record


def _proved_line(line: bytes, number: int, before: bytes) -> ReadLine:
    """Return the record of a line that was proved, and its texts."""
    head, _, body = line[:-2].partition(_RECORD)
    record = parse(body)
    refers = refers_to(record["effects"])
    now, id = digest(before, body), record["request"].get("id")
    given: dict[str, Any] = _decode((head + b"}").decode()).get("texts", {})
    texts = [
        TextRow(number, field, bytes.fromhex(one["salt"]), one["text"])
        for field, one in sorted(given.items())
        if one is not None
    ]
    return RecordRow(number, now, body, record["kind"], id, refers), texts, record


_OTHERWISE: Final = (
    "it is not written as an export writes it, without blanks between its parts and with no more "
    "escapes than are needed: another program has saved it"
)


def _ended(line: bytes) -> bytes:
    """Return a line without its end, which is a line feed."""
    if not line.endswith(b"\n"):
        msg = "it has no end: the file is empty, or was cut off"
        raise _InvalidLine(msg)
    if line.endswith(b"\r\n"):
        msg = "it ends with a carriage return: another program has saved it"
        raise _InvalidLine(msg)
    return line[:-1]


class _Members(dict[str, Any]):
    """An object, and the first name that it has twice."""

    twice: str | None = None

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__()
        for name, value in pairs:
            if name in self and self.twice is None:
                self.twice = name
            self[name] = value


_decode: Final = json.JSONDecoder(object_pairs_hook=_Members).decode


def _object(raw: bytes, what: str) -> _Members:
    try:
        value = _decode(raw.decode())
    except UnicodeDecodeError as error:
        msg = f"{what} is no text in UTF-8"
        raise _InvalidLine(msg) from error
    except (ValueError, RecursionError) as error:
        msg = f"{what} is no JSON"
        raise _InvalidLine(msg) from error
    if not isinstance(value, _Members):
        msg = f"{what} is no JSON object"
        raise _InvalidLine(msg)
    return value


def _check_members(found: _Members, expected: Sequence[str], what: str) -> None:
    """Check that an object has these members, in this order, and no others."""
    if found.twice is not None:
        msg = f"{what} has {_said(found.twice)} twice"
        raise _InvalidLine(msg)
    names = list(found)
    for name in names:
        if name not in expected:
            msg = f"{what} has a member that an export has not here: {_said(name)}"
            raise _InvalidLine(msg)
    for name in expected:
        if name not in names:
            msg = f'{what} has no "{name}"'
            raise _InvalidLine(msg)
    if names != list(expected):
        order = ", ".join(expected)
        msg = f"{what} has its members in another order than an export, which is {order}"
        raise _InvalidLine(msg)


def _said(value: Any) -> str:
    """Return what a file says, as JSON, cut so that it fits into a message."""
    try:
        text = json.dumps(value)
    except (ValueError, RecursionError):  # an integer of more digits than Python prints
        return "a value too large to show"
    return text if len(text) <= _QUOTED else f"{text[: _QUOTED - 1]}…"


# -- the record and its texts --------------------------------------------------------


def _record(body: bytes) -> dict[str, Any]:
    """Return a record, in canonical form."""
    try:
        record = parse(body)
        is_canonical = canonical(record) == body
    except (Corrupt, ValueError, RecursionError) as error:
        msg = "its record is no JSON object of a journal"
        raise _InvalidLine(msg) from error
    if is_of_november(body):
        raise OtherVersion(OF_NOVEMBER)
    if not is_canonical:
        msg = "the bytes of its record are not the canonical form"
        raise _InvalidLine(msg)
    return record


def _row(number: int, now: bytes, journal: str, body: bytes, record: dict[str, Any]) -> RecordRow:
    """Return the row of a record that has what the look-ups need."""
    for name, expected in (("format", FORMAT), ("journal", journal), ("sequence", number)):
        if record.get(name) != expected or type(record[name]) is not type(expected):
            found = f"is {_said(record[name])}" if name in record else "is missing"
            msg = f'the "{name}" of record {number} {found}: it is to be {_said(expected)}'
            raise _InvalidLine(msg)
    request, effects = record.get("request"), record.get("effects")
    if type(request) is not dict or type(effects) is not dict:
        msg = f"record {number} has no request, or no effects"
        raise _InvalidLine(msg)
    kind, id, refers = record.get("kind"), request.get("id"), refers_to(effects)
    if type(kind) is not str or not kind:
        msg = f"record {number} has no kind"
        raise _InvalidLine(msg)
    if type(id) not in {str, type(None)} or type(refers) not in {int, type(None)}:
        msg = f"record {number} has an id or a reference that is none"
        raise _InvalidLine(msg)
    return RecordRow(number, now, body, kind, id, refers)


def _texts(
    number: int, request: dict[str, Any], fields: list[str], given: Any
) -> Iterator[TextRow]:
    """Yield the texts of a record, if each is the one that was committed to."""
    if not fields:
        return
    if not isinstance(given, _Members):
        msg = f"the texts of record {number} are no texts"
        raise _InvalidLine(msg)
    _check_members(given, fields, f'the "texts" of record {number}')
    for field in sorted(given):
        one = given[field]
        if one is None:
            continue
        if not isinstance(one, _Members):
            msg = f"the {field} of record {number} is no text"
            raise _InvalidLine(msg)
        _check_members(one, _TEXT, f"the {field} of record {number}")
        salt, text = _salt(one["salt"]), one["text"]
        if salt is None or type(text) is not str or _commitment(salt, text) != request[field]:
            msg = f"the {field} of record {number} is not the one that was committed to"
            raise _InvalidLine(msg)
        yield TextRow(number, field, salt, text)


def _salt(given: Any) -> bytes | None:
    try:
        salt = bytes.fromhex(given)
    except (TypeError, ValueError):
        return None
    return salt if len(salt) == SALT_BYTES else None


def _commitment(salt: bytes, text: str) -> str | None:
    try:
        return commitment(salt, text)
    except UnicodeError:
        return None
