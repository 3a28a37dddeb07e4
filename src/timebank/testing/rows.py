"""Rows to put into a store: it keeps them as they are and judges none of them."""

from __future__ import annotations

from timebank.model import (
    NEVER,
    AccountRow,
    HoldRow,
    PostingRow,
    RecordRow,
    StatuteRow,
    TextRow,
    TileRow,
)
from timebank.storage.protocol import Batch, Reader

DAYS = ("2026-03-03", "2026-03-01", "2026-03-02", "2026-03-01")


def record(
    sequence: int, *, kind: str = "transfer", id: str | None = None, refers_to: int | None = None
) -> RecordRow:
    """Return a record whose digest is its sequence: a store does not verify.

    >>> from timebank.testing.rows import record
    >>> record(2, id="t2").body
    b'{"n":2}'
    """
    digest, body = (sequence % 251).to_bytes(1, "big") * 32, b'{"n":%d}' % sequence
    return RecordRow(sequence, digest, body, kind, id, refers_to)


def account(
    id: str, *, opened: int = 1, status: str = "open", merged_into: str | None = None
) -> AccountRow:
    """Return an account with every type that a limit may have."""
    return AccountRow(
        id, "member", status, "2026-01-31", -7200, "inherit", opened, None, merged_into
    )


def posting(id: str, version: int, sequence: int, seconds: int, day: str) -> PostingRow:
    """Return a posting; its balance is of no interest here."""
    return PostingRow(id, version, sequence, seconds, seconds, day)


def hold(
    id: str, sequence: int, *, held: int = 0, incoming: int = 0, expires_at: int = NEVER
) -> HoldRow:
    """Return a row of an open hold."""
    return HoldRow(id, expires_at, sequence, held, incoming)


def tile(level: int, number: int) -> TileRow:
    """Return a tile; of its hash only the length is right."""
    return TileRow(level, number, bytes([number % 251, level]) * 16)


def both(*ids: str) -> dict[str, AccountRow]:
    """Return rows of accounts, by id."""
    return {id: account(id) for id in ids}


def small_bank() -> Batch:
    """Return three accounts, four postings whose days are out of order, a reversal, three texts.

    Also two open holds, one of two accounts, two statutes, an account that became another, and
    tiles, of many more records than there are.
    """
    return Batch(
        records=[
            record(1, kind="open_account"),
            record(2, id="t2"),
            record(3, id="t3"),
            record(4, kind="reverse", id="r4", refers_to=2),
            record(5, id="t5"),
        ],
        texts=[
            TextRow(2, "reason", b"s" * 16, "perché"),
            TextRow(2, "note", b"t" * 16, "a\0b"),
            TextRow(4, "reason", b"u" * 16, ""),
        ],
        accounts=both("m1", "f1") | {"x2": account("x2", status="closed", merged_into="m1")},
        holds=[hold("f1", 3, held=3600), hold("m1", 3, incoming=3600), hold("m1", 5, held=60)],
        statutes=[StatuteRow(1, "v1"), StatuteRow(4, "v2", "2025-12-31")],
        tiles=[tile(0, 0), tile(0, 1), tile(1, 0), tile(2, 0)],
        postings=[
            posting("m1", 1, 2, 3600, DAYS[0]),
            posting("m1", 2, 3, 1800, DAYS[1]),
            posting("m1", 3, 4, -3600, DAYS[2]),
            posting("m1", 4, 5, 60, DAYS[3]),
        ],
    )


def everything(reader: Reader) -> list[object]:
    """Return all that a reader can be asked about the small bank."""
    return [
        reader.head(),
        reader.records(after=0, limit=99),
        [reader.find(id) for id in ("t2", "r4", "t6")],
        [reader.referring(sequence) for sequence in (1, 2, 3)],
        reader.texts(after=0, through=99),
        [reader.account(id) for id in ("f1", "m1", "x", "x2")],
        reader.accounts(after=None, limit=9),
        reader.last_posting("m1"),
        reader.postings("m1", after=0, limit=9),
        reader.postings_by_day("m1", limit=9),
        reader.totals("m1"),
        reader.holds(after=(0, ""), limit=9),
        reader.holds_of("m1", after=(0, 0), limit=9),
        reader.statutes(before=99, limit=9),
        [reader.tiles(level=level, after=-1, limit=9) for level in (0, 1, 2, 3)],
    ]
