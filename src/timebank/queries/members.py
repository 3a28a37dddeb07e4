"""Read what concerns members: delegates, events, who has exchanged nothing for long."""

from __future__ import annotations

import json
from datetime import date

from timebank.hours import Hours
from timebank.journal.kinds import ON_ACCOUNT
from timebank.model import AccountRow, RecordRow, instant
from timebank.model.members import Delegate, Event, Inactive
from timebank.queries.clock import day_of
from timebank.queries.records import PAGE, all_accounts, body_of, last_balance, record_at, texts_of
from timebank.queries.statements import by_day
from timebank.queries.views import read_account
from timebank.storage.protocol import Reader

# -- delegates -----------------------------------------------------------------------


def delegates_of(reader: Reader, row: AccountRow) -> dict[str, str | None]:
    """Return who was named to act for an account and not ended, each with the last day, if any.

    Those whose day is over are still among them.
    """
    found: dict[str, str | None] = {}
    if row.merged_into is not None:
        return found
    for record in reader.referring(row.opened):
        if record.kind == "merge":
            continue
        effects = body_of(record)["effects"]
        found.pop(effects["delegate"], None)
        if record.kind == "name_delegate":
            found[effects["delegate"]] = effects["until"]
    return found


def active_delegates(reader: Reader, row: AccountRow, *, today: str) -> tuple[Delegate, ...]:
    """Return who may act for an account on a day, in the order in which they were named."""
    return tuple(
        Delegate(row.account, delegate, None if until is None else date.fromisoformat(until))
        for delegate, until in delegates_of(reader, row).items()
        if until is None or until >= today
    )


def accounts_of(reader: Reader, delegate: str, *, today: str) -> tuple[Delegate, ...]:
    """Return the accounts that somebody may act for on a day, by id; all accounts are read."""
    return tuple(
        found
        for row in all_accounts(reader)
        for found in active_delegates(reader, row, today=today)
        if found.delegate == delegate
    )


# -- events --------------------------------------------------------------------------


def events_page(reader: Reader, account: str, *, after: int) -> tuple[list[Event], int | None]:
    """Return what happened to an account itself in the next records, and where to go on."""
    named = json.dumps(account, ensure_ascii=False).encode()
    rows = reader.records(after=after, limit=PAGE)
    found = [
        event
        for row in rows
        if row.kind in ON_ACCOUNT and named in row.body
        if (event := _event(reader, row, account)) is not None
    ]
    return found, rows[-1].sequence if rows else None


def _event(reader: Reader, row: RecordRow, account: str) -> Event | None:
    record = body_of(row)
    if record["effects"]["account"] != account:
        return None
    texts = texts_of(reader, row.sequence)
    return Event(
        account=account,
        kind=row.kind,
        sequence=row.sequence,
        recorded_at=instant(record["recorded_at"]),
        actor=record.get("actor"),
        text=texts.get("reason", texts.get("name", record["effects"].get("delegate"))),
    )


# -- inactive ------------------------------------------------------------------------


def inactive_page(
    reader: Reader, *, since: str, kinds: tuple[str, ...], after: str | None
) -> tuple[list[Inactive], str | None]:
    """Return who among the next accounts exchanged nothing from a day on, and where to go on."""
    rows = reader.accounts(after=after, limit=PAGE)
    found = [
        one
        for row in rows
        if row.status != "closed" and row.kind in kinds
        if (one := _inactive(reader, row, since)) is not None
    ]
    return found, rows[-1].account if rows else None


def _inactive(reader: Reader, row: AccountRow, since: str) -> Inactive | None:
    joined = row.joined_on
    if joined is None:
        joined = day_of(reader, row.opened)
    if joined >= since:
        return None
    last = last_exchange(reader, row.account)
    if last is not None and last >= since:
        return None
    return Inactive(
        account=read_account(reader, row),
        since=date.fromisoformat(joined),
        last_exchange=None if last is None else date.fromisoformat(last),
        balance=Hours.from_seconds(last_balance(reader, row.account)),
    )


def last_exchange(reader: Reader, account: str) -> str | None:
    """Return the day of service of an account's last exchange, `None` where there was none.

    Only exchanges count: not dues, gifts or reversals.
    """
    for row in by_day(reader, account, newest_first=True):
        if _is_exchange(reader, row.sequence):
            return row.day
    return None


def _is_exchange(reader: Reader, sequence: int) -> bool:
    row = record_at(reader, sequence)
    record = body_of(row)
    if row.kind == "settle":
        row = record_at(reader, record["effects"]["resolves"])
        record = body_of(row)
    return row.kind in {"transfer", "hold"} and record["request"]["kind"] == "exchange"
