"""Turn rows and records into the values that a caller gets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final, NamedTuple

import attrs

from timebank.errors import Corrupt, HoldNotFound, TransferNotFound
from timebank.hours import Hours
from timebank.journal.kinds import MOVES_HOURS, Lines, RecordBody
from timebank.model import (
    Account,
    AccountRow,
    Amendment,
    Flag,
    Hold,
    Posting,
    Record,
    RecordRow,
    Transfer,
    instant,
    stored_limit,
)
from timebank.model.across import across_of
from timebank.model.agreements import Refusal
from timebank.model.cheques import Booklet, VoidedCheque
from timebank.queries.cheques import booklet_of, voided_cheque
from timebank.queries.clock import was_restarted
from timebank.queries.corrections import amendments, described_now, note_of, time_of
from timebank.queries.records import (
    body_of,
    find_record,
    name_of,
    record_at,
    resolution_of,
    texts_of,
)
from timebank.storage.protocol import Reader


def account_view(row: AccountRow, name: str | None) -> Account:
    """Return an account from its row and the text of its name."""
    return Account(
        id=row.account,
        kind=row.kind,
        name=name,
        status=row.status,
        joined_on=None if row.joined_on is None else date.fromisoformat(row.joined_on),
        floor=stored_limit(row.floor),
        ceiling=stored_limit(row.ceiling),
        merged_into=row.merged_into,
    )


def read_account(reader: Reader, row: AccountRow) -> Account:
    """Return an account from its row; its name is looked up."""
    return account_view(row, name_of(reader, row))


def record_view(row: RecordRow) -> Record:
    """Return a record from its row."""
    body = body_of(row)
    return Record(
        sequence=row.sequence,
        kind=row.kind,
        recorded_at=instant(body["recorded_at"]),
        digest=row.digest,
        bytes=row.body,
        actor=body.get("actor"),
    )


# -- operations --------------------------------------------------------------------


def transfer_view(
    record: RecordBody,
    texts: Mapping[str, str],
    *,
    described: Mapping[str, Any] | None = None,
    amendments: tuple[Amendment, ...] = (),
) -> Transfer:
    """Return a transfer from the object that its record is, and its texts.

    It is `described` by its own request, where that was not amended; a settlement by the one
    of its hold.
    """
    request, effects = record["request"], record["effects"]
    if described is None:
        described = request
    get, lines = described.get, effects["postings"]
    postings = _postings(lines, effects)
    return Transfer(  # in the order of its fields: twenty names cost more than all of them do
        request["id"],
        record["sequence"],
        "reversal" if record["kind"] == "reverse" else kind_of(described),
        postings,
        date.fromisoformat(effects["occurred_on"]),
        instant(record["recorded_at"]),
        get("category"),
        get("area"),
        get("resource"),
        get("via"),
        texts.get("note"),
        texts.get("reason"),
        tuple(get("tags", ())),
        _source(described),
        get("limits", "checked"),
        request.get("transfer"),
        record.get("actor"),
        effects["statute"],
        request.get("hold"),
        _flags(effects) if "flags" in effects else (),
        _asked(request, lines, postings),
        period_of(request),
        time_of(get("from")),
        time_of(get("to")),
        amendments,
        across_of(record) if "offer" in request or "answer" in request else None,
    )


def kind_of(request: Mapping[str, Any]) -> str:
    """Return the sort of movement: a word of the community's, or the rule that made it."""
    kind: str = request["rule"] if "rule" in request else request["kind"]
    return kind


def period_of(request: Mapping[str, Any]) -> tuple[date, date] | None:
    """Return the first and last day of what dues or demurrage are for."""
    if "period" not in request:
        return None
    first, last = request["period"]
    return date.fromisoformat(first), date.fromisoformat(last)


def hold_view(
    record: RecordBody,
    texts: Mapping[str, str],
    *,
    now: int,
    resolved: RecordBody | None = None,
    reason: str | None = None,
    ended: bool = False,
    described: Mapping[str, Any] | None = None,
    amendments: tuple[Amendment, ...] = (),
) -> Hold:
    """Return a hold from the object that its record is, and that of what resolved it.

    It is `described` by its own request, where that was not amended.

    It has expired where its instant has come, or a restart of the clock has `ended` it.
    """
    request, effects = record["request"], record["effects"]
    expires_at = effects.get("expires_at")
    if resolved is not None:
        status = "settled" if resolved["kind"] == "settle" else "voided"
    else:
        is_over = ended or (expires_at is not None and expires_at <= now)
        status = "expired" if is_over else "open"
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
        flags=_flags(effects) + (() if resolved is None else _flags_of_void(resolved)),
        resolved_by=None if resolved is None else resolved["request"]["id"],
        asked=_asked(request, effects["lines"], postings),
        amendments=amendments,
        across=across_of(record) if "offer" in request else None,
        **_described(request if described is None else described),
    )


def _described(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an exchange was for, as keyword arguments."""
    return {
        "category": request.get("category"),
        "area": request.get("area"),
        "resource": request.get("resource"),
        "via": request.get("via"),
        "tags": tuple(request.get("tags", ())),
        "source": _source(request),
        "limits": request.get("limits", "checked"),
        "started_at": time_of(request.get("from")),
        "ended_at": time_of(request.get("to")),
    }


def _source(request: Mapping[str, Any]) -> Any:
    """Return where it was imported from, as it was given."""
    source = request.get("source")
    return dict(source) if isinstance(source, list) else source


def _postings(lines: Lines, effects: Mapping[str, Any]) -> tuple[Posting, ...]:
    """Return lines as postings; those of the fee are the last ones."""
    if "fee" not in effects:
        return tuple(Posting(id, Hours.from_seconds(seconds)) for id, seconds in lines)
    first_fee = len(lines) - len(effects["fee"])
    return tuple(
        Posting(id, Hours.from_seconds(seconds), fee=number >= first_fee)
        for number, (id, seconds) in enumerate(lines)
    )


def _asked(request: Mapping[str, Any], lines: Lines, postings: tuple[Posting, ...]) -> Hours | None:
    """Return what was asked for, where a unit made it another quantity."""
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


def _flags_of_void(resolved: RecordBody) -> tuple[Flag, ...]:
    """Return the flags by which a hold was released; a settlement has its own."""
    return _flags(resolved["effects"]) if resolved["kind"] == "void" else ()


# -- read from a store -------------------------------------------------------------


class _Description(NamedTuple):
    """What describes an exchange now: a request, its texts, and what amended it."""

    request: Mapping[str, Any]
    texts: Mapping[str, str]
    amendments: tuple[Amendment, ...]


def _description(reader: Reader, record: RecordBody, texts: Mapping[str, str]) -> _Description:
    """Return what describes a transfer or hold, as it was amended last."""
    sequence = record["sequence"]
    found = described_now(reader, sequence, record["request"])
    if found.noted not in {None, sequence} or (found.noted is None and "note" in texts):
        note = note_of(reader, found.noted)
        others = {field: text for field, text in texts.items() if field != "note"}
        texts = others if note is None else {**others, "note": note}
    return _Description(found.request, texts, amendments(reader, found.amendments))


def _moved(reader: Reader, record: RecordBody, texts: Mapping[str, str], now: int) -> Transfer:
    if record["kind"] != "transfer":
        return transfer_view(record, texts)
    request, texts, amended = _description(reader, record, texts)
    return transfer_view(record, texts, described=request, amendments=amended)


def _settled(reader: Reader, record: RecordBody, texts: Mapping[str, str], now: int) -> Transfer:
    """Return a settlement; it is described by its hold.

    That of an offer which moves hours back is a reversal, and has its note as its reason.
    """
    sequence = record["effects"]["resolves"]
    held = find_record(reader, sequence)
    if held is None:
        msg = f"the hold of record {record['sequence']}, record {sequence}, is missing"
        raise Corrupt(msg)
    offered = body_of(held)
    request, texts, amended = _description(reader, offered, texts_of(reader, sequence))
    made = transfer_view(record, texts, described=request, amendments=amended)
    if "reverses" not in offered["effects"]:
        return made
    original = body_of(record_at(reader, offered["effects"]["reverses"]))["request"]["id"]
    return attrs.evolve(made, kind="reversal", reverses=original, reason=made.note, note=None)


def _held(reader: Reader, record: RecordBody, texts: Mapping[str, str], now: int) -> Hold:
    """Return a hold that was just made: nothing has resolved or amended it."""
    return hold_view(record, texts, now=now)


def _voided(reader: Reader, record: RecordBody, texts: Mapping[str, str], now: int) -> Hold:
    """Return the hold that a record voids."""
    row = record_at(reader, record["effects"]["resolves"])
    held = body_of(row)
    request, held_texts, amended = _description(reader, held, texts_of(reader, row.sequence))
    return hold_view(
        held,
        held_texts,
        now=now,
        resolved=record,
        reason=texts.get("reason"),
        described=request,
        amendments=amended,
    )


#: The value that the caller of an operation gets, by the kind of its record, when it is made.
OPERATIONS: Final[
    Mapping[str, Callable[[Reader, RecordBody, Mapping[str, str], int], Transfer | Hold]]
] = {
    "transfer": _moved,
    "reverse": _moved,
    "due": _moved,
    "settle": _settled,
    "hold": _held,
    "void": _voided,
}


def read_transfer(reader: Reader, row: RecordRow) -> Transfer:
    """Return a transfer from its record's row; its texts, and its hold, are looked up.

    :raises Corrupt: the record is not a transfer or lacks a field.
    """
    record = body_of(row)
    view = _settled if row.kind == "settle" else _moved
    try:
        return view(reader, record, texts_of(reader, row.sequence), 0)
    except (KeyError, TypeError, ValueError) as error:
        msg = f"record {row.sequence} cannot be read as a transfer: {error!r}"
        raise Corrupt(msg) from error


def read_hold(reader: Reader, row: RecordRow, *, now: int) -> Hold:
    """Return a hold from its record's row; its texts, and what resolved it, are looked up.

    :raises Corrupt: the record is not a hold or lacks a field.
    """
    record = body_of(row)
    try:
        resolved, reason = None, None
        if (resolving := resolution_of(reader, row.sequence)) is not None:
            resolved = body_of(resolving)
            reason = texts_of(reader, resolving.sequence).get("reason")
        request, texts, amended = _description(reader, record, texts_of(reader, row.sequence))
        return hold_view(
            record,
            texts,
            now=now,
            resolved=resolved,
            reason=reason,
            ended=resolved is None and is_ended(reader, record),
            described=request,
            amendments=amended,
        )
    except (KeyError, TypeError, ValueError) as error:
        msg = f"record {row.sequence} cannot be read as a hold: {error!r}"
        raise Corrupt(msg) from error


def is_ended(reader: Reader, record: RecordBody) -> bool:
    """Return whether a restart of the clock has ended a hold: one that would expire some day."""
    if "expires_at" not in record["effects"]:
        return False
    return was_restarted(reader, after=record["sequence"])


def hold_of(reader: Reader, id: str, *, now: int) -> Hold:
    """Return a hold by its id.

    :raises HoldNotFound: no such hold.
    """
    row = reader.find(id)
    if row is None or row.kind != "hold":
        raise HoldNotFound(id)
    return read_hold(reader, row, now=now)


def transfer_row(reader: Reader, id: str) -> RecordRow:
    """Return the record of a transfer or reversal by its id.

    :raises TransferNotFound: no such transfer.
    """
    row = reader.find(id)
    if row is None or row.kind not in MOVES_HOURS:
        raise TransferNotFound(id)
    return row


def refusal_of(record: RecordBody, texts: Mapping[str, str]) -> Refusal:
    """Return a refusal from the object that its record is."""
    request = record["request"]
    return Refusal(
        id=request["id"],
        sequence=record["sequence"],
        code=request["code"],
        reason=texts.get("reason"),
    )


#: Return what is on cheques from its record's row.
_ON_CHEQUES: Final[Mapping[str, Callable[[Reader, RecordRow], Booklet | VoidedCheque]]] = {
    "issue_cheques": booklet_of,
    "void_cheque": voided_cheque,
}


def read_operation(
    reader: Reader, row: RecordRow, *, now: int
) -> Transfer | Hold | Refusal | Booklet | VoidedCheque:
    """Return what the caller of an operation got, as it stands now, from its record's row."""
    if row.kind == "hold":
        return read_hold(reader, row, now=now)
    if row.kind == "refuse":
        return refusal_of(body_of(row), texts_of(reader, row.sequence))
    if row.kind == "void":
        return hold_of(reader, body_of(row)["request"]["hold"], now=now)
    if row.kind in _ON_CHEQUES:
        return _ON_CHEQUES[row.kind](reader, row)
    return read_transfer(reader, row)
