"""Rows and records as the values that a caller gets."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from timebank.errors import Corrupt
from timebank.hours import Hours
from timebank.journal import parse
from timebank.model import (
    Account,
    AccountRow,
    Posting,
    Record,
    RecordRow,
    Transfer,
    instant,
    stored_limit,
)
from timebank.statements import name_of
from timebank.storage.protocol import Reader


def account_view(row: AccountRow, name: str | None) -> Account:
    """An account from its row and the text of its name."""
    return Account(
        id=row.account,
        kind=row.kind,
        name=name,
        status=row.status,
        joined_on=None if row.joined_on is None else date.fromisoformat(row.joined_on),
        floor=stored_limit(row.floor),
        ceiling=stored_limit(row.ceiling),
    )


def read_account(reader: Reader, row: AccountRow) -> Account:
    """An account from its row; its name is looked up."""
    return account_view(row, name_of(reader, row))


def record_view(row: RecordRow) -> Record:
    """A record from its row."""
    body = parse(row.body)
    return Record(
        sequence=row.sequence,
        kind=body["kind"],
        recorded_at=instant(body["recorded_at"]),
        digest=row.digest,
        bytes=row.body,
        actor=body.get("actor"),
    )


def transfer_view(
    record: Mapping[str, Any], texts: Mapping[str, str], *, reverses: str | None = None
) -> Transfer:
    """A transfer from the object that its record is, and its texts."""
    request, effects = record["request"], record["effects"]
    source = request.get("source")
    return Transfer(
        id=request["id"],
        sequence=record["sequence"],
        kind="reversal" if record["kind"] == "reverse" else request["kind"],
        postings=tuple(
            Posting(id, Hours.from_seconds(seconds)) for id, seconds in effects["postings"]
        ),
        occurred_on=date.fromisoformat(effects["occurred_on"]),
        recorded_at=instant(record["recorded_at"]),
        category=request.get("category"),
        area=request.get("area"),
        resource=request.get("resource"),
        via=request.get("via"),
        note=texts.get("note"),
        reason=texts.get("reason"),
        tags=tuple(request.get("tags", ())),
        source=dict(source) if isinstance(source, list) else source,
        limits=request.get("limits", "checked"),
        reverses=reverses,
        actor=record.get("actor"),
        statute=effects["statute"],
    )


def read_transfer(reader: Reader, row: RecordRow) -> Transfer:
    """A transfer from its record's row; its texts are looked up.

    :raises Corrupt: the record is not a transfer or lacks a field.
    """
    record = parse(row.body)
    texts = reader.texts(after=row.sequence - 1, through=row.sequence)
    try:
        return transfer_view(
            record,
            {text.field: text.text for text in texts},
            reverses=record["request"].get("transfer"),
        )
    except (KeyError, TypeError, ValueError) as error:
        msg = f"record {row.sequence} cannot be read as a transfer: {error!r}"
        raise Corrupt(msg) from error
