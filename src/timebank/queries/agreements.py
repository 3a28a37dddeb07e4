"""Read what was agreed with other banks, and what is under way between them.

An agreement is found by its account, whose id follows from the other bank's journal: it costs the same
with one other bank and with a thousand. The head of the other bank that was seen last, and the terms
that it told last, are those of the last record that moved hours with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from timebank.hours import Hours
from timebank.journal.kinds import ON_AGREEMENT, MoveEffects, RecordBody
from timebank.model import NEVER, AccountRow
from timebank.model.agreements import (
    AGREED,
    Agreement,
    SeenHead,
    account_of,
)
from timebank.queries.holds import unexpired
from timebank.queries.records import (
    all_accounts,
    body_of,
    name_of,
    record_at,
    resolution_of,
)
from timebank.storage.protocol import Reader


def agreement_with(reader: Reader, peer: str) -> Agreement | None:
    """Return what was agreed with the bank of a journal, `None` where nothing ever was."""
    row = reader.account(account_of(peer))
    return None if row is None else agreement_of(reader, row)


def agreements(reader: Reader) -> Iterator[Agreement]:
    """Yield every agreement, by the id of its account; all accounts are read."""
    for row in all_accounts(reader):
        if row.kind == "clearing" and (found := agreement_of(reader, row)) is not None:
            yield found


def agreement_of(reader: Reader, row: AccountRow) -> Agreement | None:
    """Return the agreement that an account has, `None` where it never had one."""
    terms: RecordBody | None = None
    told: list[int | None] | None = None
    seen: tuple[int, list[Any]] | None = None
    keys: dict[str, None] = {}
    told_at, status = 0, ""
    for one in reader.referring(row.opened):
        if one.kind not in ON_AGREEMENT:
            continue
        record = body_of(one)
        if one.kind == "agree":
            terms, status = record, AGREED
            if "key" in record["request"]:
                keys.pop(record["request"]["key"], None)
                keys[record["request"]["key"]] = None
            if "theirs" in record["request"]:
                told, told_at = record["request"]["theirs"], one.sequence
        elif one.kind == "suspend_agreement":
            status = "suspended"
        elif one.kind == "end_agreement":
            status = "ended"
        else:
            seen = (one.sequence, record["request"]["head"])
    if terms is None:
        return None
    last = reader.last_posting(row.account)
    if last is not None:
        moved = body_of(record_at(reader, last.sequence))
        if "seen" in moved["effects"] and (seen is None or seen[0] < last.sequence):
            seen = (last.sequence, moved["effects"]["seen"])
        if last.sequence > told_at and (said := _terms_told(moved["request"])) is not None:
            told = said
    request = terms["request"]
    return Agreement(
        peer=request["peer"],
        account=row.account,
        name=name_of(reader, row),
        they_may_owe=_hours(request["they_may_owe"]),
        we_may_owe=_hours(request["we_may_owe"]),
        theirs=None if told is None else (_hours(told[0]), _hours(told[1])),
        key=next(reversed(keys), None),
        keys=tuple(keys),
        status=status,
        seen=None if seen is None else SeenHead(size=seen[1][0], root=seen[1][1]),
        sequence=terms["sequence"],
    )


def _terms_told(request: Mapping[str, Any]) -> list[int | None] | None:
    """Return the terms that the other bank told with what a record books, if any."""
    for field in ("offer", "answer"):
        if field in request and "body" in request[field]:
            return cast("list[int | None]", request[field]["body"]["terms"])
    return None


def _hours(seconds: int | None) -> Hours | None:
    return None if seconds is None else Hours.from_seconds(seconds)


def offers_under_way(reader: Reader, account: str) -> Iterator[RecordBody]:
    """Yield the records of the offers of an agreement that no answer has ended, in their order."""
    for hold in unexpired(reader, account, now=NEVER - 1):
        record = body_of(record_at(reader, hold.sequence))
        if "offer" in record["request"]:
            yield record


def moved_back(reader: Reader, sequence: int) -> Iterator[MoveEffects]:
    """Yield the effects by which a transfer was, or may yet be, moved back by offers."""
    for row in reader.referring(sequence):
        if row.kind != "hold":
            continue
        resolved = resolution_of(reader, row.sequence)
        if resolved is None or resolved.kind == "settle":
            record = body_of(row)
            effects = record["effects"]
            yield cast("MoveEffects", {"postings": effects["lines"], **effects})
