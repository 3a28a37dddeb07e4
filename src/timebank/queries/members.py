"""Read what concerns members: delegates, events, who has exchanged nothing for long."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

from timebank.hours import Hours
from timebank.journal.kinds import ON_ACCOUNT
from timebank.model import AccountRow, RecordRow, instant
from timebank.model.members import Delegate, Event, Inactive
from timebank.queries.clock import day_of
from timebank.queries.corrections import family
from timebank.queries.on_day import by_day
from timebank.queries.records import (
    PAGE,
    account_row,
    all_accounts,
    body_of,
    last_balance,
    record_at,
    texts_of,
)
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
        effects = body_of(record)["effects"]
        if "delegate" not in effects:  # a merge, or what is on an agreement with another bank
            continue
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


def events_page(
    reader: Reader, accounts: tuple[str, ...], *, after: int
) -> tuple[list[Event], int | None]:
    """Return what happened to an account itself in the next records, and where to go on.

    The first of `accounts` is the account; the others were merged into it.
    """
    named = [json.dumps(account, ensure_ascii=False).encode() for account in accounts]
    rows = reader.records(after=after, limit=PAGE)
    found = [
        event
        for row in rows
        if row.kind in ON_ACCOUNT and any(name in row.body for name in named)
        if (event := _event(reader, row, accounts)) is not None
    ]
    return found, rows[-1].sequence if rows else None


def _event(reader: Reader, row: RecordRow, accounts: tuple[str, ...]) -> Event | None:
    record = body_of(row)
    effects = record["effects"]
    about = (effects.get("into"), effects["account"])
    account = next((one for one in about if one in accounts), None)
    if account is None:
        return None
    texts = texts_of(reader, row.sequence)
    of = effects.get("delegate")
    if row.kind == "issue_cheques":
        of = record["request"]["id"].partition(":")[2]
    return Event(
        account=account,
        kind=row.kind,
        sequence=row.sequence,
        recorded_at=instant(record["recorded_at"]),
        actor=record.get("actor"),
        text=texts.get("reason", texts.get("name", of)),
        changes=_changes(row.kind, effects),
    )


def _changes(kind: str, effects: Any) -> dict[str, tuple[Any, Any]]:
    """Return what a correction changed: what was, and what is."""
    if kind == "merge":
        return {"merged": (effects["account"], effects["into"])}
    if kind != "amend_account":
        return {}
    found = {field: (effects["was"][field], effects["sets"][field]) for field in effects["sets"]}
    if "joined_on" in found:
        was, now = (day and date.fromisoformat(day) for day in found["joined_on"])
        found["joined_on"] = was, now
    return found


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
    members = family(reader, row)
    joined = row.joined_on
    if joined is None:
        joined = min(day_of(reader, account_row(reader, member).opened) for member in members)
    if joined >= since:  # who exchanged before that was there already, as after an import
        days = (day for member in members if (day := first_exchange(reader, member)) is not None)
        joined = min((joined, *days))
    if joined >= since:
        return None
    days = (day for member in members if (day := last_exchange(reader, member)) is not None)
    last = max(days, default=None)
    if last is not None and last >= since:
        return None
    return Inactive(
        account=read_account(reader, row),
        since=date.fromisoformat(joined),
        last_exchange=None if last is None else date.fromisoformat(last),
        balance=Hours.from_seconds(last_balance(reader, row.account)),
    )


def first_exchange(reader: Reader, account: str) -> str | None:
    """Return the day of service of an account's first exchange, `None` where there was none."""
    return _an_exchange(reader, account, newest_first=False)


def last_exchange(reader: Reader, account: str) -> str | None:
    """Return the day of service of an account's last exchange, `None` where there was none.

    Only exchanges count: not dues, gifts or reversals.
    """
    return _an_exchange(reader, account, newest_first=True)


def _an_exchange(reader: Reader, account: str, *, newest_first: bool) -> str | None:
    for row in by_day(reader, account, newest_first=newest_first):
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
