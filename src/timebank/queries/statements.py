"""Make statements and trial balances from a `Reader`.

A statement is ordered by (day of service, sequence). Its running balance is computed each
time, so an exchange that is recorded late appears at its day of service with a correct balance.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import attrs

from timebank.hours import Hours
from timebank.journal.kinds import RecordBody, sides_of
from timebank.model import Account, Hold, PostingRow
from timebank.queries.holds import hold_at, open_rows
from timebank.queries.records import (
    PAGE,
    all_accounts,
    body_of,
    find_record,
    last_balance,
    name_of,
    record_at,
    texts_of,
)
from timebank.queries.views import kind_of, period_of
from timebank.storage.protocol import Reader


@attrs.frozen
class StatementLine:
    """One posting of the account. `hours` is signed; `balance` is the one after it.

    `id` is the transfer's. `others` are the ids of the accounts on the other side; the account
    itself is among them only if it is the only one. `fee` is true for the fee of an exchange,
    whose other side is the fund or the payers.
    `period` is the first and last day of what dues or demurrage are for.
    """

    id: str
    sequence: int
    occurred_on: date
    others: tuple[str, ...]
    kind: str
    hours: Hours
    balance: Hours
    category: str | None = None
    area: str | None = None
    note: str | None = None
    reason: str | None = None
    reverses: bool = False
    fee: bool = False
    period: tuple[date, date] | None = None

    @property
    def earned(self) -> Hours | None:
        """The hours earned, or `None`."""
        return self.hours if self.hours.seconds > 0 else None

    @property
    def spent(self) -> Hours | None:
        """The hours spent, positive, or `None`."""
        return -self.hours if self.hours.seconds < 0 else None


@attrs.frozen
class Statement:
    """The statement of an account: what it earned and spent, day by day.

    `opening` is the balance before `since`, `closing` the one after `until`; both
    days are included. `names` gives the names of the accounts on the other sides.
    `holds` are those that are open now, whatever the period: `held` is what they reserve
    to be spent, `incoming` what is held towards the account.

    >>> import timebank
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1", name="Maria R."), bank.open_account("f1", kind="group")
    >>> _ = bank.transfer(earner="m1", spender="f1", hours="1:30")
    >>> statement = bank.statement("f1")
    >>> statement.opening, statement.spent, statement.closing, statement.names
    (Hours('0:00'), Hours('1:30'), Hours('-1:30'), {'m1': 'Maria R.'})
    """

    account: Account
    since: date | None
    until: date | None
    opening: Hours
    lines: tuple[StatementLine, ...]
    names: Mapping[str, str] = attrs.field(factory=dict, hash=False)
    held: Hours = Hours.from_seconds(0)
    incoming: Hours = Hours.from_seconds(0)
    holds: tuple[Hold, ...] = ()

    @property
    def id(self) -> str:
        """The account's id."""
        return self.account.id

    @property
    def earned(self) -> Hours:
        """The hours earned in the period."""
        return _sum(line.hours for line in self.lines if line.hours.seconds > 0)

    @property
    def spent(self) -> Hours:
        """The hours spent in the period, positive."""
        return -_sum(line.hours for line in self.lines if line.hours.seconds < 0)

    @property
    def closing(self) -> Hours:
        """The balance at the end of the period."""
        return self.lines[-1].balance if self.lines else self.opening


@attrs.frozen
class TrialLine:
    """One account of a trial balance; `spent` is a positive quantity."""

    account: str
    kind: str
    status: str
    name: str | None
    earned: Hours
    spent: Hours

    @property
    def balance(self) -> Hours:
        """Earned less spent."""
        return self.earned - self.spent


@attrs.frozen
class TrialBalance:
    """The hours that each account earned and spent, up to and including the day `on`.

    >>> import timebank
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1", name="Maria R."), bank.open_account("f1", kind="group")
    >>> _ = bank.transfer(earner="m1", spender="f1", hours="1:30")
    >>> trial = bank.trial_balance()
    >>> trial.earned, trial.spent, trial.total
    (Hours('1:30'), Hours('1:30'), Hours('0:00'))
    """

    on: date | None
    lines: tuple[TrialLine, ...]

    @property
    def earned(self) -> Hours:
        """The hours that all accounts earned."""
        return _sum(line.earned for line in self.lines)

    @property
    def spent(self) -> Hours:
        """The hours that all accounts spent."""
        return _sum(line.spent for line in self.lines)

    @property
    def total(self) -> Hours:
        """The sum of all balances, which is 0:00 unless the books are wrong."""
        return self.earned - self.spent


def statement(
    reader: Reader, account: Account, *, since: date | None, until: date | None, now: int
) -> Statement:
    """Return the statement of an account. The cost grows with the lines since `since`.

    The opening balance is what is posted now less all that came since, so that the
    last month of a long history costs a month. Its holds are those that are open at `now`.
    """
    running = last_balance(reader, account.id)
    first = None if since is None else since.isoformat()
    end = None if until is None else until.isoformat()
    rows: list[PostingRow] = []
    for row in by_day(reader, account.id, since=first, newest_first=True):
        running -= row.seconds
        if end is None or row.day <= end:
            rows.append(row)
    opening, names, lines = running, {}, []
    # The lines of one transfer on one account follow each other, in the order of its postings.
    sequence, number = 0, 0
    for row in reversed(rows):
        running += row.seconds
        number = number + 1 if row.sequence == sequence else 0
        sequence = row.sequence
        line = _line(reader, row, running, number)
        lines.append(line)
        for other in line.others:
            if other not in names:
                names[other] = _name(reader, other)
    holding, now = open_rows(reader, account.id, now=now)
    return Statement(
        account,
        since,
        until,
        Hours.from_seconds(opening),
        tuple(lines),
        {id: name for id, name in names.items() if name is not None},
        held=Hours.from_seconds(sum(row.held for row in holding)),
        incoming=Hours.from_seconds(sum(row.incoming for row in holding)),
        holds=tuple(hold_at(reader, row.sequence, now=now) for row in holding),
    )


def by_day(
    reader: Reader, account: str, *, since: str | None = None, newest_first: bool = False
) -> Iterator[PostingRow]:
    """Yield the postings of an account by (day, version)."""
    after: tuple[str, int] | None = None
    while page := reader.postings_by_day(
        account, since=since, after=after, newest_first=newest_first, limit=PAGE
    ):
        yield from page
        after = (page[-1].day, page[-1].version)


def _line(reader: Reader, row: PostingRow, balance: int, number: int) -> StatementLine:
    """A posting as a line; it is the account's posting `number`, from 0, of its record."""
    record = body_of(record_at(reader, row.sequence))
    request = record["request"]
    described, sequence = _described(reader, record, row.sequence)
    texts = texts_of(reader, sequence if record["kind"] == "settle" else row.sequence)
    exchanged, fees = sides_of(record["effects"])
    is_fee = number >= sum(id == row.account for id, _ in exchanged)
    opposite = [
        id for id, seconds in (fees if is_fee else exchanged) if (seconds > 0) != (row.seconds > 0)
    ]
    return StatementLine(
        id=request["id"],
        sequence=row.sequence,
        occurred_on=date.fromisoformat(row.day),
        # Who both earns and spends, in a circle, is there with the others, not with itself.
        others=tuple(id for id in opposite if id != row.account) or tuple(opposite),
        kind="reversal" if record["kind"] == "reverse" else kind_of(described),
        hours=Hours.from_seconds(row.seconds),
        balance=Hours.from_seconds(balance),
        category=described.get("category"),
        area=described.get("area"),
        note=texts.get("note"),
        reason=texts.get("reason"),
        reverses=record["kind"] == "reverse",
        fee=is_fee,
        period=period_of(described),
    )


def _described(reader: Reader, record: RecordBody, sequence: int) -> tuple[Mapping[str, Any], int]:
    """Return the request that says kind, category and area, and the sequence of its record.

    A reversal has those of its original, a settlement those of its hold.
    """
    effects = record["effects"]
    if record["kind"] == "reverse":
        sequence = effects["reverses"]
    elif record["kind"] == "settle":
        sequence = effects["resolves"]
    else:
        return record["request"], sequence
    original = find_record(reader, sequence)
    if original is None:
        return {}, sequence
    return _described(reader, body_of(original), sequence)


def trial_balance(reader: Reader, *, on: date | None) -> TrialBalance:
    """Return the trial balance: all accounts, by id."""
    until = None if on is None else on.isoformat()
    lines = []
    for row in all_accounts(reader):
        earned, spent = reader.totals(row.account, until=until)
        lines.append(
            TrialLine(
                account=row.account,
                kind=row.kind,
                status=row.status,
                name=name_of(reader, row),
                earned=Hours.from_seconds(earned),
                spent=Hours.from_seconds(spent),
            )
        )
    return TrialBalance(on, tuple(lines))


def _name(reader: Reader, account: str) -> str | None:
    row = reader.account(account)
    return None if row is None else name_of(reader, row)


def _sum(hours: Iterator[Hours]) -> Hours:
    return Hours.from_seconds(sum(quantity.seconds for quantity in hours))
