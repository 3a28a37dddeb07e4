"""Rows and records as the values that a caller gets."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from timebank.errors import Corrupt, HoldNotFound
from timebank.hours import Hours
from timebank.journal import parse
from timebank.model import (
    Account,
    AccountRow,
    Flag,
    Hold,
    Posting,
    Record,
    RecordRow,
    Transfer,
    instant,
    stored_limit,
)
from timebank.queries.statements import kind_of, name_of, period_of
from timebank.storage.protocol import Reader

#: The kinds of record that are transfers.
TRANSFERS: Final = frozenset({"transfer", "reverse", "settle", "due"})


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
    record: Mapping[str, Any],
    texts: Mapping[str, str],
    *,
    reverses: str | None = None,
    held: Mapping[str, Any] | None = None,
) -> Transfer:
    """A transfer from the object that its record is, and its texts.

    A settlement is described by the request of its hold, `held`.
    """
    request, effects = record["request"], record["effects"]
    told = request if held is None else held
    said, asked = told.get, effects["postings"]
    postings = _postings(asked, effects)
    return Transfer(  # in the order of its fields: twenty names cost more than all of them do
        request["id"],
        record["sequence"],
        "reversal" if record["kind"] == "reverse" else kind_of(told),
        postings,
        date.fromisoformat(effects["occurred_on"]),
        instant(record["recorded_at"]),
        said("category"),
        said("area"),
        said("resource"),
        said("via"),
        texts.get("note"),
        texts.get("reason"),
        tuple(said("tags", ())),
        _source(told),
        said("limits", "checked"),
        reverses,
        record.get("actor"),
        effects["statute"],
        None if held is None else request["hold"],
        _flags(effects) if "flags" in effects else (),
        _asked(request, asked, postings),
        period_of(request) if "period" in request else None,
    )


def hold_view(
    record: Mapping[str, Any],
    texts: Mapping[str, str],
    *,
    now: int,
    resolved: Mapping[str, Any] | None = None,
    reason: str | None = None,
) -> Hold:
    """A hold from the object that its record is, and that of what resolved it."""
    request, effects = record["request"], record["effects"]
    expires_at = effects.get("expires_at")
    if resolved is not None:
        status = "settled" if resolved["kind"] == "settle" else "voided"
    else:
        status = "expired" if expires_at is not None and expires_at <= now else "open"
    day = request.get("occurred_on")
    postings = _postings(effects["lines"], effects)
    return Hold(
        id=request["id"],
        sequence=record["sequence"],
        kind=request["kind"],
        status=status,
        postings=postings,
        recorded_at=instant(record["recorded_at"]),
        expires_at=None if expires_at is None else instant(expires_at),
        occurred_on=None if day is None else date.fromisoformat(day),
        note=texts.get("note"),
        reason=reason,
        actor=record.get("actor"),
        statute=effects["statute"],
        flags=_flags(effects),
        resolved_by=None if resolved is None else resolved["request"]["id"],
        asked=_asked(request, effects["lines"], postings),
        **_described(request),
    )


def _described(request: Mapping[str, Any]) -> dict[str, Any]:
    """What an exchange was for, as it was asked."""
    return {
        "category": request.get("category"),
        "area": request.get("area"),
        "resource": request.get("resource"),
        "via": request.get("via"),
        "tags": tuple(request.get("tags", ())),
        "source": _source(request),
        "limits": request.get("limits", "checked"),
    }


def _source(request: Mapping[str, Any]) -> Any:
    """Where it was imported from, as it was given."""
    source = request.get("source")
    return dict(source) if isinstance(source, list) else source


def _postings(lines: list[list[Any]], effects: Mapping[str, Any]) -> tuple[Posting, ...]:
    """Lines as postings; those of the fee are the last ones."""
    if "fee" not in effects:
        return tuple(Posting(id, Hours.from_seconds(seconds)) for id, seconds in lines)
    first_fee = len(lines) - len(effects["fee"])
    return tuple(
        Posting(id, Hours.from_seconds(seconds), fee=number >= first_fee)
        for number, (id, seconds) in enumerate(lines)
    )


def _asked(
    request: Mapping[str, Any], lines: list[list[Any]], postings: tuple[Posting, ...]
) -> Hours | None:
    """What was asked for, where a unit made it another quantity."""
    earners = request.get("earners")
    if earners is None:
        asked = request.get("hours")
    elif lines[: len(earners)] == earners:
        return None  # the usual case
    else:
        asked = sum(seconds for _, seconds in earners)
    moved = sum(p.hours.seconds for p in postings if p.hours.seconds > 0 and not p.fee)
    return None if asked is None or asked == moved else Hours.from_seconds(asked)


def _flags(effects: Mapping[str, Any]) -> tuple[Flag, ...]:
    return tuple(map(Flag.of, effects.get("flags", ())))


# -- read from a store -------------------------------------------------------------


def texts_of(reader: Reader, sequence: int) -> dict[str, str]:
    """The texts beside a record that are still there, by field."""
    return {row.field: row.text for row in reader.texts(after=sequence - 1, through=sequence)}


def read_transfer(reader: Reader, row: RecordRow) -> Transfer:
    """A transfer from its record's row; its texts, and its hold, are looked up.

    :raises Corrupt: the record is not a transfer or lacks a field.
    """
    record = parse(row.body)
    try:
        if record["kind"] == "settle":
            return settled_view(reader, record)
        return transfer_view(
            record, texts_of(reader, row.sequence), reverses=record["request"].get("transfer")
        )
    except (KeyError, TypeError, ValueError) as error:
        msg = f"record {row.sequence} cannot be read as a transfer: {error!r}"
        raise Corrupt(msg) from error


def settled_view(reader: Reader, record: Mapping[str, Any]) -> Transfer:
    """A settlement from its record; it is described by its hold.

    :raises Corrupt: the hold is missing.
    """
    sequence = record["effects"]["resolves"]
    held = reader.records(after=sequence - 1, limit=1)
    if not held or held[0].sequence != sequence:
        msg = f"the hold of record {record['sequence']}, record {sequence}, is missing"
        raise Corrupt(msg)
    return transfer_view(record, texts_of(reader, sequence), held=parse(held[0].body)["request"])


def read_hold(reader: Reader, row: RecordRow, *, now: int) -> Hold:
    """A hold from its record's row; its texts, and what resolved it, are looked up.

    :raises Corrupt: the record is not a hold or lacks a field.
    """
    record = parse(row.body)
    try:
        resolved, reason = None, None
        for resolving in reader.referring(row.sequence)[:1]:
            resolved = parse(resolving.body)
            reason = texts_of(reader, resolving.sequence).get("reason")
        texts = texts_of(reader, row.sequence)
        return hold_view(record, texts, now=now, resolved=resolved, reason=reason)
    except (KeyError, TypeError, ValueError) as error:
        msg = f"record {row.sequence} cannot be read as a hold: {error!r}"
        raise Corrupt(msg) from error


def hold_of(reader: Reader, id: str, *, now: int) -> Hold:
    """A hold by its id.

    :raises HoldNotFound: no such hold.
    """
    row = reader.find(id)
    if row is None or parse(row.body)["kind"] != "hold":
        raise HoldNotFound(id)
    return read_hold(reader, row, now=now)


def read_operation(reader: Reader, row: RecordRow, *, now: int) -> object:
    """What the caller of an operation got, from its record's row."""
    record = parse(row.body)
    if record["kind"] == "hold":
        return read_hold(reader, row, now=now)
    if record["kind"] == "void":
        return hold_of(reader, record["request"]["hold"], now=now)
    return read_transfer(reader, row)
