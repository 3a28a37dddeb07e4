"""The journal as JSON Lines: one record a line, its bytes as they were hashed."""

from __future__ import annotations

from timebank.model import Record


def line_of(record: Record) -> bytes:
    r"""One line, with its line break.

    What stands behind `"record":`, up to the last `}`, are the stored bytes themselves:
    nothing is encoded anew, so that a reader may hash what it reads.

    >>> import timebank
    >>> from timebank.interchange.jsonl import line_of
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1")
    >>> record = next(bank.records())
    >>> line_of(record).endswith(b',"record":' + record.bytes + b"}\n")
    True
    """
    head = f'{{"sequence":{record.sequence},"digest":"{record.digest.hex()}","record":'
    return head.encode() + record.bytes + b"}\n"
