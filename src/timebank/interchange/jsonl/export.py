r"""Write the journal as JSON Lines: one record a line, its bytes as they were hashed.

An *export* is the journal whole. Its first line says which bank it is, where its journal stands
and whether the texts are in it; then comes each record, with its texts and their salts beside it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Final

from timebank.bank import TimeBank
from timebank.journal import FORMAT, parse
from timebank.model import TEXT_FIELDS, Head, Record, RecordRow, TextRow

PAGE: Final = 500
_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
#: Return a text as that encoder writes it.
_quoted: Final = json.encoder.encode_basestring


def line_of(record: Record) -> bytes:
    r"""Return a record as one line, with its line break.

    The stored bytes follow `"record":`, up to the last `}`. They are not encoded anew, so that a
    reader can hash what it reads.

    >>> import timebank
    >>> from timebank.interchange.jsonl import line_of
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1")
    >>> record = next(bank.records())
    >>> line_of(record).endswith(b',"record":' + record.bytes + b"}\n")
    True
    """
    return record_line(record.sequence, record.digest, record.bytes, "")


def export_jsonl(bank: TimeBank, *, texts: bool = True) -> Iterator[bytes]:
    """Return the lines of an export, of one snapshot; `import_jsonl` makes the same bank of them.

    The line of a record that has commitments has `"texts"`: for each field the text and its salt,
    or `null` where the text is not there, for it was erased. Without `texts` no line has any, and
    the first line says so: that is for publishing. Memory does not grow with the journal.

    :raises NotPermitted: not all of the bank may be read.
    :raises Corrupt: while it is written, where a record is no JSON.

    >>> import timebank
    >>> from timebank.interchange.jsonl import export_jsonl
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1", name="Maria R.")
    >>> first, record = export_jsonl(bank)
    >>> str(bank.head()) in first.decode(), b'"text":"Maria R."' in record
    (True, True)
    """
    for ask in (bank.records, bank.accounts, bank.transfers, bank.holds):
        ask()  # refused now, if it is; nothing is read yet
    return _lines(bank, texts=texts)


def _lines(bank: TimeBank, *, texts: bool) -> Iterator[bytes]:
    with bank.store.reader(bank.name) as reader:
        head = reader.head()
        yield first_line(bank.name, head, texts=texts)
        after = 0
        while after < head.sequence:
            rows = reader.records(after=after, limit=min(PAGE, head.sequence - after))
            if not rows:
                return  # a record is missing: the import says which
            through = rows[-1].sequence
            there: dict[int, list[TextRow]] = {}
            for text in reader.texts(after=after, through=through) if texts else ():
                there.setdefault(text.sequence, []).append(text)
            for row in rows:
                beside = _texts(row, there.get(row.sequence, [])) if texts else ""
                yield record_line(row.sequence, row.digest, row.body, beside)
            after = through


def _texts(row: RecordRow, there: list[TextRow]) -> str:
    """Return the member of a line with its record's texts; nothing where it has no commitment."""
    request = parse(row.body).get("request")
    if not isinstance(request, dict):
        request = {}  # who reads the export says what is wrong with it, and the audit does
    fields = [field for field in TEXT_FIELDS if field in request]
    if not fields and not there:
        return ""
    return texts_member(fields, there)


def first_line(bank: str, head: Head, *, texts: bool) -> bytes:
    """Return the first line of an export."""
    first = {"export": FORMAT, "bank": bank, "head": str(head), "texts": texts}
    return f"{_encode(first)}\n".encode()


def texts_member(fields: Iterable[str], there: Iterable[TextRow]) -> str:
    """Return the member of a line that has the texts of its record, with a comma behind it.

    A field whose text is not there is `null`.
    """
    said = dict.fromkeys(fields, "null")
    for text in there:
        said[text.field] = f'{{"salt":"{text.salt.hex()}","text":{_quoted(text.text)}}}'
    members = ",".join(f"{_quoted(field)}:{text}" for field, text in said.items())
    return f'"texts":{{{members}}},'


def record_line(sequence: int, digest: bytes, body: bytes, beside: str) -> bytes:
    """Return the line of a record; `beside` is the member with its texts, or nothing."""
    head = f'{{"sequence":{sequence},"digest":"{digest.hex()}",{beside}"record":'
    return head.encode() + body + b"}\n"
