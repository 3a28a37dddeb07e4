"""Read accounts as they were at a record, and the balances of all that became one account."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from timebank.errors import AccountNotFound
from timebank.hours import Hours
from timebank.journal import recorded
from timebank.journal.fold import Fold
from timebank.journal.kinds import ON_ACCOUNT
from timebank.model import AccountRow, Balance
from timebank.queries.clock import Restarts, day_now, sequence_at
from timebank.queries.corrections import family
from timebank.queries.holds import reserved
from timebank.queries.on_day import posted_by
from timebank.queries.records import body_of, last_balance, record_at, records
from timebank.queries.statutes import in_force
from timebank.storage.protocol import Reader


def accounts_at(reader: Reader, sequence: int) -> Mapping[str, AccountRow]:
    """Return the accounts that were opened by a record, as they were then, by id.

    It reads the journal up to that record; memory grows with the accounts.
    """
    fold = Fold()
    for row in records(reader):
        if row.sequence > sequence:
            break
        if row.kind in ON_ACCOUNT:
            effects = body_of(row)["effects"]
            if row.kind == "merge":  # who became whom; hours are no matter here
                effects = {**effects, "postings": []}
            fold.apply(row.sequence, row.kind, effects)
    return {id: row for id, row in sorted(fold.accounts.items()) if row is not None}


def account_at(reader: Reader, account: str, sequence: int) -> AccountRow:
    """Return an account as it was at a record.

    :raises AccountNotFound: it was not opened by then.
    """
    found = accounts_at(reader, sequence).get(account)
    if found is None:
        missing = AccountNotFound(account)
        missing.add_context(after=f" at record {sequence}: it was opened later")
        raise missing
    return found


def known_at(reader: Reader, at: int | datetime | None) -> int | None:
    """Return the sequence of the last record by a point: a sequence, or an aware instant.

    It is `None` where no point is given: all is known.

    :raises InvalidRequest: a negative sequence, or no aware instant.
    """
    return None if at is None else min(sequence_at(reader, at), reader.head().sequence)


def opened_on(reader: Reader, row: AccountRow, restarts: Restarts) -> str:
    """Return the day on which an account was opened, as these restarts of the clock date it."""
    found = recorded(record_at(reader, row.opened).body)
    return restarts.dated(row.opened, *found)[1]


def posted_on(reader: Reader, row: AccountRow, day: str) -> int:
    """Return the seconds of an account at the end of a day, with those merged into it.

    The postings of the merges themselves cancel out: each is of one day on both accounts.
    """
    return sum(posted_by(reader, account, day) for account in family(reader, row))


def balance(
    reader: Reader, row: AccountRow, *, on: str | None, at: int | None, now: int
) -> Balance:
    """Return the balance of an account: now, at the end of a day, or at a record."""
    if on is not None:
        posted = posted_on(reader, row, on)
    else:
        posted = last_balance(reader, row.account, through=at)
    held, incoming = reserved(reader, row.account, now=now)
    statute = in_force(reader)
    today = day_now(reader, now) if statute.goes_by_months(row.kind) else ""
    floor, ceiling, _ = statute.limits_of(row, today)
    return Balance(
        row.account,
        Hours.from_seconds(posted),
        None if floor is None else Hours.from_seconds(floor),
        None if ceiling is None else Hours.from_seconds(ceiling),
        held=Hours.from_seconds(held),
        incoming=Hours.from_seconds(incoming),
    )
