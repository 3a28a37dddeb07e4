"""Make statements and trial balances from a `Reader`.

A statement is ordered by (day of service, sequence). Its running balance is computed each
time, so an exchange that is recorded late appears at its day of service with a correct balance.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, time, timedelta
from heapq import merge
from typing import Any, Final

import attrs

from timebank.hours import Hours
from timebank.journal.kinds import RecordBody, sides_of
from timebank.model import Account, AccountRow, Amendment, Hold, PostingRow, RecordRow
from timebank.model.across import Across, across_of
from timebank.model.agreements import account_of
from timebank.queries.accounts import account_at, accounts_at, opened_on
from timebank.queries.clock import Restarts
from timebank.queries.corrections import (
    DescribedNow,
    amendments,
    closed_through,
    described_now,
    family,
    note_of,
    time_of,
)
from timebank.queries.holds import hold_at, open_rows
from timebank.queries.on_day import by_day, posted_by
from timebank.queries.records import (
    PAGE,
    all_accounts,
    body_of,
    find_record,
    last_posting,
    name_of,
    record_at,
    resolution_of,
    taken_back_by,
    texts_of,
)
from timebank.queries.views import kind_of, period_of, read_account
from timebank.storage.protocol import Reader


@attrs.frozen
class TakenBack:
    """The posting that a reversal takes back, or takes back a part of.

    `id` and `sequence` are those of the transfer, `hours` what it moved on this account, signed.
    `note` and `kind` are as they were amended last.
    """

    id: str | None
    sequence: int
    occurred_on: date
    kind: str
    hours: Hours
    note: str | None = None


@attrs.frozen
class Total:
    """How many lines of a statement there are of one sort, and the sum of their hours."""

    number: int
    hours: Hours


#: What a line of a statement counts as; each is a total of its own.
COUNTED: Final = ("given", "received", "taken_back", "other")


@attrs.frozen
class StatementLine:
    """One posting of the account. `hours` is signed; `balance` is the one after it.

    `id` is the transfer's; the line by which a merge took the balance of the account away has
    none, and its kind is `merge`. `others` are the ids of the accounts on the other side; the
    account itself is among them only if it is the only one. `fee` is true for the fee of an
    exchange, whose other side is the fund or the payers. `period` is the first and last day of
    what dues or demurrage are for. `account` is the id of the merged account whose line it was,
    `None` for one of the account's own. The labels, the note and the times of day are as they
    were amended last; those of a settlement are those of its hold. A reversal has the labels of
    its original, and no times. `amendments` are what was corrected of them, the oldest first.
    `takes_back` is what a reversal takes back, `None` on every other line. `taken_back_on` is the
    day of the last reversal that took the line back, or a part of it; `None` where none did.
    `taken_back_whole` is whether nothing of it is left. `across` is what an exchange with another
    bank says of that one, `None` on every other line.
    """

    id: str | None
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
    account: str | None = None
    started_at: time | None = None
    ended_at: time | None = None
    amendments: tuple[Amendment, ...] = attrs.field(default=(), hash=False)
    takes_back: TakenBack | None = None
    taken_back_on: date | None = None
    taken_back_whole: bool = False
    across: Across | None = None

    @property
    def counts_as(self) -> str:
        """What the line counts as in the totals of a statement.

        It is `given` or `received` for an exchange, `taken_back` for a reversal of anything, and
        `other` for all else: fees, dues, gifts, what a merge moved.
        """
        if self.reverses:
            return "taken_back"
        if self.kind != "exchange" or self.fee:
            return "other"
        return "given" if self.hours.seconds > 0 else "received"

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
    days are included. `names` gives the names of the accounts on the other sides, of the banks of
    offers, and of those that are `merged`: the ids of the accounts that were merged into this one,
    whose lines are among the others. `holds` are those that are open now, whatever the period:
    `held` is what they reserve to be spent, `incoming` what is held towards the account.
    `closed_through` is the last day of closed books. `at` is the sequence of the last record that
    the statement knows of, `None` where it knows all: it has no holds then.

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
    merged: tuple[str, ...] = ()
    closed_through: date | None = None
    at: int | None = None

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
    def totals(self) -> Mapping[str, Total]:
        """The totals of the period, of each that a line may count as.

        `given` and `received` are exchanges, both positive; `taken_back` and `other` are signed,
        as they move the balance. Opening and `given`, less `received`, with the two others, are
        the closing balance.

        >>> import timebank
        >>> bank = timebank.open("memory:")
        >>> _ = bank.open_account("m1"), bank.open_account("f1")
        >>> _ = bank.transfer(earner="m1", spender="f1", hours="1:30", id="t1")
        >>> _ = bank.reverse("t1", reason="entered twice")
        >>> totals = bank.statement("f1").totals
        >>> [(name, total.number, str(total.hours)) for name, total in totals.items()]
        [('given', 0, '0:00'), ('received', 1, '1:30'), ('taken_back', 1, '1:30'), ('other', 0, '0:00')]
        """  # noqa: E501  # the output of an example is one line
        found = {name: [0, 0] for name in COUNTED}
        for line in self.lines:
            total = found[line.counts_as]
            total[0] += 1
            total[1] += line.hours.seconds
        found["received"][1] *= -1
        return {
            name: Total(number, Hours.from_seconds(seconds))
            for name, (number, seconds) in found.items()
        }

    @property
    def closing(self) -> Hours:
        """The balance at the end of the period."""
        return self.lines[-1].balance if self.lines else self.opening


@attrs.frozen
class TrialLine:
    """One account of a trial balance; `spent` is a positive quantity.

    `merged_into` is the id of the account that it became: its hours went there.
    """

    account: str
    kind: str
    status: str
    name: str | None
    earned: Hours
    spent: Hours
    merged_into: str | None = None

    @property
    def balance(self) -> Hours:
        """Earned less spent."""
        return self.earned - self.spent


@attrs.frozen
class TrialBalance:
    """The hours that each account earned and spent, up to and including the day `on`.

    `closed_through` is the last day of closed books. `at` is the sequence of the last record that
    it knows of, `None` where it knows all. Accounts are as they were at that record, but for their
    names.

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
    closed_through: date | None = None
    at: int | None = None

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
    reader: Reader,
    row: AccountRow,
    *,
    since: date | None,
    until: date | None,
    now: int,
    at: int | None = None,
) -> Statement:
    """Return the statement of an account. The cost grows with its lines.

    The opening balance is that of a day, which costs little in a long history (`on_day`). Holds
    are those that are open at `now`. With `at` it is what was known at that record, without
    holds; the journal is read up to it.

    :raises AccountNotFound: the account was not opened by then.
    """
    account = read_account(reader, row if at is None else account_at(reader, row.account, at))
    members = family(reader, row, through=at)
    opening = 0
    if since is not None and since > date.min:
        before = (since - timedelta(days=1)).isoformat()
        opening = sum(posted_by(reader, member, before, through=at) for member in members)
    rows = _in_order(reader, members, since=since, until=until)
    known = (posting for posting in rows if at is None or posting.sequence <= at)
    lines = tuple(_lines(reader, row.account, known, opening, at))
    holding, now = open_rows(reader, row.account, now=now) if at is None else ([], now)
    holds = tuple(hold_at(reader, row.sequence, now=now) for row in holding)
    banks = [account_of(hold.across.bank) for hold in holds if hold.across is not None]
    others = (other for line in lines for other in line.others)
    names = {id: _name(reader, id) for id in dict.fromkeys((*members[1:], *others, *banks))}
    return Statement(
        account,
        since,
        until,
        Hours.from_seconds(opening),
        lines,
        {id: name for id, name in names.items() if name is not None},
        held=Hours.from_seconds(sum(row.held for row in holding)),
        incoming=Hours.from_seconds(sum(row.incoming for row in holding)),
        holds=holds,
        merged=members[1:],
        closed_through=_closed_through(reader, at),
        at=at,
    )


def _in_order(
    reader: Reader, members: tuple[str, ...], *, since: date | None, until: date | None
) -> Iterator[PostingRow]:
    """Yield the postings of an account and of those merged into it, by (day, sequence)."""
    first = None if since is None else since.isoformat()
    end = None if until is None else until.isoformat()
    places = {member: place for place, member in enumerate(members)}
    return merge(
        *(by_day(reader, member, since=first, until=end) for member in members),
        key=lambda row: (row.day, row.sequence, places[row.account], row.version),
    )


def _lines(
    reader: Reader, account: str, rows: Iterator[PostingRow], opening: int, at: int | None
) -> Iterator[StatementLine]:
    """Yield the postings of an account, and of those merged into it, as lines.

    The postings by which these were merged cancel out, and are left out.
    """
    running = opening
    # The lines of one transfer on one account follow each other, in the order of its postings.
    before, number = (0, ""), 0
    for row in rows:
        running += row.seconds
        number = number + 1 if (row.sequence, row.account) == before else 0
        before = row.sequence, row.account
        record = body_of(record_at(reader, row.sequence))
        if record["kind"] != "merge" or record["effects"]["account"] == account:
            line = _line(reader, record, row, running, number=number, at=at)
            yield line if row.account == account else attrs.evolve(line, account=row.account)


def _line(
    reader: Reader,
    record: RecordBody,
    row: PostingRow,
    balance: int,
    *,
    number: int,
    at: int | None,
) -> StatementLine:
    """A posting as a line; it is the account's posting `number`, from 0, of its record."""
    kind, texts = record["kind"], texts_of(reader, row.sequence)
    taken = taken_back_by(reader, record)
    is_last = taken is not None or kind == "merge"
    referring = [] if is_last else reader.referring(row.sequence)
    described, noted, amended = _described(reader, record, at, referring)
    exchanged, fees = sides_of(record["effects"])
    is_fee = number >= sum(id == row.account for id, _ in exchanged)
    opposite = [
        id for id, seconds in (fees if is_fee else exchanged) if (seconds > 0) != (row.seconds > 0)
    ]
    note = started_at = ended_at = None
    reason = texts.get("reason")
    if kind == "settle" and taken is not None:  # its offer has the reason
        reason = note_of(reader, record["effects"]["resolves"])
    if taken is None:  # a reversal has a reason of its own, and may be of another day
        started_at, ended_at = time_of(described.get("from")), time_of(described.get("to"))
        if noted is not None:
            note = texts.get("note") if noted == row.sequence else note_of(reader, noted)
    taken_back_on, taken_back_whole = None, False
    if referring:
        back = _reversals(reader, referring, at=at)
        taken_back_on, taken_back_whole = _reversed(record, back, is_fee=is_fee)
    return StatementLine(
        id=record["request"].get("id"),
        sequence=row.sequence,
        occurred_on=date.fromisoformat(row.day),
        # Who both earns and spends, in a circle, is there with the others, not with itself.
        others=tuple(id for id in opposite if id != row.account) or tuple(opposite),
        kind=_CALLED.get(kind) or (kind_of(described) if taken is None else _CALLED["reverse"]),
        hours=Hours.from_seconds(row.seconds),
        balance=Hours.from_seconds(balance),
        category=described.get("category"),
        area=described.get("area"),
        note=note,
        reason=reason,
        reverses=taken is not None,
        fee=is_fee,
        period=period_of(described),
        started_at=started_at,
        ended_at=ended_at,
        amendments=amendments(reader, amended) if amended else (),
        takes_back=None
        if taken is None
        else _taken_back(reader, taken, row, is_fee=is_fee, described=described, noted=noted),
        taken_back_on=taken_back_on,
        taken_back_whole=taken_back_whole,
        across=None if is_fee else across_of(record),
    )


def _reversals(
    reader: Reader, referring: list[RecordRow], *, at: int | None
) -> Iterator[Mapping[str, Any]]:
    """Yield the effects of what took a line back, as far as it is known.

    `referring` are the records that refer to that of the line: reversals, and offers to another
    bank to take it back, which are settled.
    """
    for row in referring:
        back = resolution_of(reader, row.sequence) if row.kind == "hold" else row
        if back is None or back.kind not in {"reverse", "settle"}:
            continue
        if at is None or back.sequence <= at:
            yield body_of(back)["effects"]


def _reversed(
    record: RecordBody, reversals: Iterator[Mapping[str, Any]], *, is_fee: bool
) -> tuple[date | None, bool]:
    """Return the day of the last reversal of a line, as far as it is known, and whether all went.

    `reversals` are the effects of what took it back.
    """
    found = list(reversals)
    earned, *back = (
        sum(seconds for _, seconds in sides_of(effects)[is_fee] if seconds > 0)
        for effects in (record["effects"], *found)
    )
    days = [one["occurred_on"] for one, seconds in zip(found, back, strict=True) if seconds]
    return (date.fromisoformat(max(days)), sum(back) == earned) if days else (None, False)


def _taken_back(
    reader: Reader,
    sequence: int,
    row: PostingRow,
    *,
    is_fee: bool,
    described: Mapping[str, object],
    noted: int | None,
) -> TakenBack | None:
    """Return what a posting takes back of a record, of who is the account now."""
    original = find_record(reader, sequence)
    if original is None:
        return None
    made = body_of(original)
    exchanged, fees = sides_of(made["effects"])
    lines = [
        (id, seconds)
        for id, seconds in (fees if is_fee else exchanged)
        if (seconds > 0) != (row.seconds > 0)
    ]
    account = reader.account(row.account)
    own = {row.account}
    if account is not None and own.isdisjoint(id for id, _ in lines):  # of a merged account
        own.update(family(reader, account))
    moved = sum(seconds for id, seconds in lines if id in own)
    return TakenBack(
        id=made["request"].get("id"),
        sequence=original.sequence,
        occurred_on=date.fromisoformat(made["effects"]["occurred_on"]),
        kind=kind_of(described),
        hours=Hours.from_seconds(moved),
        note=note_of(reader, noted),
    )


#: What lines are called that are not called as their exchange.
_CALLED: Final = {"reverse": "reversal", "merge": "merge"}


def _described(
    reader: Reader,
    record: RecordBody,
    at: int | None,
    referring: list[RecordRow] | None = None,
) -> DescribedNow:
    """Return what describes a posting: its kind and labels, as they were amended last.

    A reversal has those of its original, a settlement those of its hold. `referring` are the
    records that refer to that of the posting, where they were read already.
    """
    kind, effects = record["kind"], record["effects"]
    if kind == "transfer" or (kind == "hold" and "reverses" not in effects):
        sequence, request = record["sequence"], record["request"]
        return described_now(reader, sequence, request, through=at, referring=referring)
    if kind not in {"reverse", "settle", "hold"}:
        return DescribedNow(record["request"], None, ())
    original = find_record(reader, effects["resolves" if kind == "settle" else "reverses"])
    if original is None:
        return DescribedNow({}, None, ())
    return _described(reader, body_of(original), at)


# -- trial balances --------------------------------------------------------------------


def trial_balance(reader: Reader, *, on: date | None, at: int | None = None) -> TrialBalance:
    """Return the trial balance: all accounts, by id.

    Those that were opened after `on`, and have no hours of a day up to it, are left out: so the
    trial balance of a closed year stays as it is. With `at` it is what was known at that record,
    and the journal is read up to it.
    """
    until = None if on is None else on.isoformat()
    rows = all_accounts(reader) if at is None else accounts_at(reader, at).values()
    restarts = Restarts(
        restart for restart in Restarts.read(reader) if at is None or restart.sequence <= at
    )
    lines = []
    for row in rows:
        earned, spent = _totals(reader, row.account, until, at)
        is_idle = not earned and not spent
        if until is not None and is_idle and opened_on(reader, row, restarts) > until:
            continue
        lines.append(
            TrialLine(
                account=row.account,
                kind=row.kind,
                status=row.status,
                name=name_of(reader, row),
                earned=Hours.from_seconds(earned),
                spent=Hours.from_seconds(spent),
                merged_into=row.merged_into,
            )
        )
    return TrialBalance(on, tuple(lines), _closed_through(reader, at), at)


def _totals(reader: Reader, account: str, until: str | None, at: int | None) -> tuple[int, int]:
    """Return the seconds earned and spent up to a day, of what was posted by a record."""
    earned, spent = reader.totals(account, until=until)
    if at is None:
        return earned, spent
    last = last_posting(reader, account, through=at)
    after = 0 if last is None else last.version
    while later := reader.postings(account, after=after, limit=PAGE):
        for row in later:
            if until is None or row.day <= until:
                earned -= max(row.seconds, 0)
                spent -= max(-row.seconds, 0)
        after = later[-1].version
    return earned, spent


def _closed_through(reader: Reader, at: int | None) -> date | None:
    """Return the last day of closed books, now or at a record."""
    through = closed_through(reader, at=at)
    return None if through is None else date.fromisoformat(through)


def _name(reader: Reader, account: str) -> str | None:
    row = reader.account(account)
    return None if row is None else name_of(reader, row)


def _sum(hours: Iterator[Hours]) -> Hours:
    return Hours.from_seconds(sum(quantity.seconds for quantity in hours))
