"""Read what was agreed with other banks, and what is under way between them.

An agreement is found by its account, whose id follows from the other bank's journal: it costs the
same with one other bank and with a thousand. The head of the other bank that was seen last, and the
terms that it told last, are those of the last record that moved hours with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, cast

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
    records = [body_of(one) for one in reader.referring(row.opened) if one.kind in ON_AGREEMENT]
    agreed = [record for record in records if record["kind"] == "agree"]
    if not agreed:
        return None
    request = agreed[-1]["request"]
    keys = [one["request"]["key"] for one in agreed if "key" in one["request"]]
    status = next(_STATUSES[one["kind"]] for one in reversed(records) if one["kind"] in _STATUSES)
    last = reader.last_posting(row.account)
    if last is not None:
        records = sorted([*records, body_of(record_at(reader, last.sequence))], key=_sequence)
    told = _last(_terms_told(record) for record in records)
    seen = _last(_head_seen(record) for record in records)
    return Agreement(
        peer=request["peer"],
        account=row.account,
        name=name_of(reader, row),
        they_may_owe=_hours(request["they_may_owe"]),
        we_may_owe=_hours(request["we_may_owe"]),
        theirs=None if told is None else (_hours(told[0]), _hours(told[1])),
        key=keys[-1] if keys else None,
        keys=tuple(dict.fromkeys(keys)),
        status=status,
        seen=None if seen is None else SeenHead.of(seen),
        sequence=agreed[-1]["sequence"],
    )


#: What an agreement is from a record of such a kind on.
_STATUSES: Final = {"agree": AGREED, "suspend_agreement": "suspended", "end_agreement": "ended"}


def _sequence(record: RecordBody) -> int:
    return record["sequence"]


def _last(found: Iterable[list[Any] | None]) -> list[Any] | None:
    return next((one for one in reversed(list(found)) if one is not None), None)


def _terms_told(record: RecordBody) -> list[Any] | None:
    """Return the terms that the other bank told, by what its board or its bank said, if any."""
    request = record["request"]
    for field in ("offer", "answer"):
        if field in request and "body" in request[field]:
            terms: list[Any] = request[field]["body"]["terms"]
            return terms
    theirs: list[Any] | None = request.get("theirs")
    return theirs


def _head_seen(record: RecordBody) -> list[Any] | None:
    """Return the head of the other bank that a record says was seen, if any."""
    head: list[Any] | None = record["request"].get("head", record["effects"].get("seen"))
    return head


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
