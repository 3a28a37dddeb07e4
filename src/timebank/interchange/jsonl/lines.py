"""Read an export of JSON Lines, and prove each line by the one before."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import IO, Any, Final

import attrs

from timebank.errors import Corrupt, InvalidRequest, shown
from timebank.journal import FORMAT, commitment, digest, genesis, parse, refers_to
from timebank.model import SALT_BYTES, TEXT_FIELDS, Head, RecordRow, TextRow

#: More bytes than any record has, with its texts.
MAX_LINE_BYTES: Final = 16_777_216
_RECORD: Final = b',"record":'
_KEYS: Final = frozenset({"export", "bank", "head", "texts"})

Line = tuple[RecordRow, list[TextRow]]


class _InvalidLine(Exception):
    """A line that cannot be; the text says why."""


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

    @classmethod
    def of(cls, name: str, file: IO[bytes]) -> Export:
        """Read the first line of a file.

        :raises InvalidRequest: it is not that of an export, or in the file one cannot go back.
        """
        if not file.seekable():
            msg = f"{name} is read twice, and one cannot go back in it: save it as a file"
            raise InvalidRequest(msg)
        try:
            first = _object(_read(file))
            if set(first) != _KEYS or first["export"] != FORMAT or type(first["texts"]) is not bool:
                raise _InvalidLine
            return cls(name, file, Head.of(first["head"]), first["texts"])
        except (_InvalidLine, InvalidRequest) as error:
            msg = (
                f"{name} is no export: its first line is like "
                f'{{"export":"{FORMAT}","bank":"main","head":"...","texts":true}}'
            )
            raise InvalidRequest(msg) from error

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
        for record, _ in self.lines():
            is_found = is_found or expect == self.head_at(record)
        if not is_found:
            msg = f"the head that is expected is not in {self.name}: {expect}"
            raise InvalidRequest(msg)

    def head_at(self, record: RecordRow) -> Head:
        """Return the head of the journal after a record."""
        return Head(self.head.journal, record.sequence, record.digest)

    def lines(self) -> Iterator[Line]:
        """Yield each record with its texts, from the first on.

        Its sequence, the chain of digests and the commitments of its texts are proved; its effects
        are not.

        :raises InvalidRequest: a line that is none, or not the next one; an end that is not that
            of the first line.
        """
        self.file.seek(0)
        _read(self.file)
        before = genesis(self.head.journal)
        number = 0
        while line := _read(self.file):
            number += 1
            try:
                record, texts = self._line(line, number, before)
            except (_InvalidLine, Corrupt) as error:
                msg = f"{self.name}, line {number + 1}: {error}"
                raise InvalidRequest(msg) from error
            before = record.digest
            yield record, texts
        if (number, before) != (self.head.sequence, self.head.digest):
            msg = (
                f"{self.name} ends with record {number}, and its first line says "
                f"{self.head.sequence}: it was cut off, or put together from several"
            )
            raise InvalidRequest(msg)

    def _line(self, line: bytes, number: int, before: bytes) -> Line:
        head, mark, body = line.rstrip(b"\r\n").partition(_RECORD)
        if not mark or not body.endswith(b"}"):
            msg = "it is no line of an export"
            raise _InvalidLine(msg)
        body = body[:-1]
        member, record = _object(head + b"}"), parse(body)
        now = digest(before, body)
        if member.get("sequence") != number or type(member["sequence"]) is not int:
            msg = f"it says that it is record {shown(member.get('sequence'))}, and is {number}"
            raise _InvalidLine(msg)
        if member.get("digest") != now.hex():
            msg = f"the digest of record {number} is not that of the one before and its bytes"
            raise _InvalidLine(msg)
        names = [record.get(key) for key in ("format", "journal", "sequence")]
        if names != [FORMAT, self.head.journal, number]:
            msg = f"record {number} names itself {shown(names)}"
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
        row = RecordRow(number, now, body, kind, id, refers)
        return row, list(_texts(number, request, member.get("texts")))


def _read(file: IO[bytes]) -> bytes:
    line = file.readline(MAX_LINE_BYTES + 1)
    if len(line) > MAX_LINE_BYTES:
        msg = f"a line has more than {MAX_LINE_BYTES:,} bytes"
        raise InvalidRequest(msg)
    return line


def _object(raw: bytes) -> dict[str, Any]:
    try:
        value = json.loads(raw.decode())
    except (ValueError, RecursionError) as error:
        msg = f"it is no JSON: {error}"
        raise _InvalidLine(msg) from error
    if type(value) is not dict:
        msg = "it is no JSON object"
        raise _InvalidLine(msg)
    return value


def _texts(number: int, request: dict[str, Any], given: Any) -> Iterator[TextRow]:
    """Yield the texts of a record, if each is the one that was committed to."""
    if given is None:
        return
    if type(given) is not dict or not given.keys() <= set(TEXT_FIELDS):
        msg = f"the texts of record {number} are no texts"
        raise _InvalidLine(msg)
    for field in sorted(given):
        one = given[field]
        if one is None:
            continue
        salt, text = _salt(one), one.get("text") if type(one) is dict else None
        if salt is None or type(text) is not str or _commitment(salt, text) != request.get(field):
            msg = f"the {field} of record {number} is not the one that was committed to"
            raise _InvalidLine(msg)
        yield TextRow(number, field, salt, text)


def _salt(one: Any) -> bytes | None:
    try:
        salt = bytes.fromhex(one["salt"])
    except (KeyError, TypeError, ValueError):
        return None
    return salt if len(salt) == SALT_BYTES else None


def _commitment(salt: bytes, text: str) -> str | None:
    try:
        return commitment(salt, text)
    except UnicodeError:
        return None
