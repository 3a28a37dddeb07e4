"""The calls that read a bank, the same on a bank, a batch and a preview."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

from timebank import checks
from timebank.bank.hold_reads import HoldReads
from timebank.bank.impact_reads import ImpactReads
from timebank.bank.member_reads import MemberReads
from timebank.bank.privacy_reads import PrivacyReads
from timebank.errors import AccountNotFound, InvalidRequest, TransferNotFound, WrongType, shown
from timebank.hours import Hours
from timebank.journal import parse
from timebank.model import (
    Account,
    AccountRow,
    Balance,
    Head,
    Record,
    RecordRow,
    Transfer,
    microseconds,
)
from timebank.queries.records import in_force, reserved
from timebank.queries.statements import (
    PAGE,
    Statement,
    TrialBalance,
    statement,
    trial_balance,
)
from timebank.queries.views import TRANSFERS, read_account, read_transfer, record_view
from timebank.storage.protocol import Reader


class Reads(HoldReads, MemberReads, ImpactReads, PrivacyReads):
    """Each call reads one consistent snapshot; what is iterated pins none, page by page."""

    def head(self) -> Head:
        """Where the journal stands; `str()` of it is the line that may be published.

        >>> import timebank
        >>> bank = timebank.open("memory:")
        >>> bank.head().sequence
        0
        """
        self._may("head")
        with self._reader() as reader:
            return reader.head()

    def records(self, after: int = 0) -> Iterator[Record]:
        """The journal's records with a sequence above `after`, lazily, in order.

        A follower asks again from the last sequence it saw and never misses one.

        :raises InvalidRequest: `after` is no sequence.

        >>> import timebank
        >>> bank = timebank.open("memory:")
        >>> _ = bank.open_account("m1"), bank.freeze("m1")
        >>> [record.kind for record in bank.records(after=1)]
        ['freeze']
        """
        if type(after) is not int or after < 0:
            msg = f"after is a sequence, an int from 0, not {shown(after)}"
            raise InvalidRequest(msg)
        self._may("records")
        return self._records(after)

    def _records(self, after: int) -> Iterator[Record]:
        while True:
            with self._reader() as reader:
                page = reader.records(after=after, limit=PAGE)
            if not page:
                return
            for row in page:
                yield record_view(row)
            after = page[-1].sequence

    def account(self, id: str) -> Account:
        """One account.

        :raises InvalidRequest: an id that cannot be.
        :raises AccountNotFound: no such account.

        >>> import timebank
        >>> bank = timebank.open("memory:")
        >>> _ = bank.open_account("fund", kind="fund")
        >>> bank.account("fund").kind
        'fund'
        """
        self._may("account", id)
        with self._reader() as reader:
            return read_account(reader, _row(reader, id))

    def accounts(self) -> Iterator[Account]:
        """All accounts by id, lazily.

        >>> import timebank
        >>> bank = timebank.open("memory:")
        >>> _ = bank.open_account("m2"), bank.open_account("m1")
        >>> [account.id for account in bank.accounts()]
        ['m1', 'm2']
        """
        self._may("accounts")
        return self._accounts()

    def _accounts(self) -> Iterator[Account]:
        after: str | None = None
        while True:
            with self._reader() as reader:
                rows = reader.accounts(after=after, limit=PAGE)
                page = [read_account(reader, row) for row in rows]
            if not page:
                return
            yield from page
            after = page[-1].id

    def balance(
        self, id: str, *, on: date | None = None, at: int | datetime | None = None
    ) -> Balance:
        """What an account has: now, at the end of a day of service, or as recorded at a point.

        `on` counts the exchanges of days up to it, whenever they were recorded. `at` is
        a sequence of the journal or an aware instant, and counts what was recorded by
        then. Both move `posted` only: the limits, and what is held, are today's.

        :raises InvalidRequest: both given, or the wrong type for the clock it names.
        :raises AccountNotFound: no such account.

        >>> import timebank
        >>> bank = timebank.open("memory:")
        >>> _ = bank.open_account("m1")
        >>> bank.balance("m1").spendable
        Hours('20:00')
        """
        if on is not None and at is not None:
            msg = "give on (a day of service) or at (a point of the record), not both"
            raise InvalidRequest(msg)
        day = checks.day(on, "on")
        self._may("balance", id)
        with self._reader() as reader:
            row = _row(reader, id)
            if day is not None:
                earned, spent = reader.totals(row.account, until=day)
                posted = earned - spent
            else:
                through = None if at is None else _sequence(reader, at)
                last = reader.last_posting(row.account, through=through)
                posted = 0 if last is None else last.balance
            now = self._doors.now()
            held, incoming = reserved(reader, row.account, now=now)
            statute = in_force(reader)
            floor, ceiling, _ = statute.limits_of(row, now)
        return Balance(
            row.account,
            Hours.from_seconds(posted),
            None if floor is None else Hours.from_seconds(floor),
            None if ceiling is None else Hours.from_seconds(ceiling),
            held=Hours.from_seconds(held),
            incoming=Hours.from_seconds(incoming),
        )

    def statement(
        self, id: str, *, since: date | None = None, until: date | None = None
    ) -> Statement:
        """What an account earned and spent, by (day of service, sequence); both days included.

        :raises InvalidRequest: not a date, or `since` after `until`.
        :raises AccountNotFound: no such account.

        >>> import timebank
        >>> bank = timebank.open("memory:")
        >>> _ = bank.open_account("m1"), bank.open_account("f1")
        >>> _ = bank.transfer(earner="m1", spender="f1", hours="1:30")
        >>> [(line.others, line.balance) for line in bank.statement("m1").lines]
        [(('f1',), Hours('1:30'))]
        """
        first, last = checks.day(since, "since"), checks.day(until, "until")
        if first is not None and last is not None and first > last:
            msg = f"since {first} is after until {last}"
            raise InvalidRequest(msg)
        self._may("statement", id)
        with self._reader() as reader:
            account = read_account(reader, _row(reader, id))
            found = statement(reader, account, since=since, until=until)
            return self._with_holds(reader, found)

    def trial_balance(self, on: date | None = None) -> TrialBalance:
        """Every account with what it earned and spent; the balances sum to 0:00.

        :raises InvalidRequest: `on` is not a date.

        >>> import timebank
        >>> bank = timebank.open("memory:")
        >>> _ = bank.open_account("m1"), bank.open_account("f1")
        >>> _ = bank.transfer(earner="m1", spender="f1", hours="1:30")
        >>> [(line.account, line.balance) for line in bank.trial_balance().lines]
        [('f1', Hours('-1:30')), ('m1', Hours('1:30'))]
        """
        checks.day(on, "on")
        self._may("trial_balance")
        with self._reader() as reader:
            return trial_balance(reader, on=on)

    def transfer_by_id(self, id: str) -> Transfer:
        """One transfer or reversal.

        :raises InvalidRequest: an id that cannot be.
        :raises TransferNotFound: no such transfer.

        >>> import timebank
        >>> bank = timebank.open("memory:")
        >>> _ = bank.open_account("m1"), bank.open_account("f1")
        >>> _ = bank.transfer(earner="m1", spender="f1", hours=1, id="visit-81")
        >>> bank.transfer_by_id("visit-81").hours
        Hours('1:00')
        """
        checked = checks.identifier(id, "transfer id")
        self._may_see("transfer_by_id", checked)
        with self._reader() as reader:
            return read_transfer(reader, _transfer(reader, checked))

    def transfers(
        self,
        *,
        account: str | None = None,
        since: date | None = None,
        until: date | None = None,
        newest_first: bool = False,
        after: str | int | None = None,
    ) -> Iterator[Transfer]:
        """Transfers and reversals in the order of the journal, lazily.

        `since` and `until` are days of service and included. `after` goes on behind a
        transfer, named by its id or its sequence, in the direction of travel.

        :raises InvalidRequest: a value that cannot be.
        :raises AccountNotFound: no such account.
        :raises TransferNotFound: `after` names no transfer.

        >>> import timebank
        >>> bank = timebank.open("memory:")
        >>> _ = bank.open_account("m1"), bank.open_account("f1")
        >>> for id in ["a", "b", "c"]:
        ...     _ = bank.transfer(earner="m1", spender="f1", hours=1, id=id)
        >>> [transfer.id for transfer in bank.transfers(newest_first=True, after="c")]
        ['b', 'a']
        """
        first, last = checks.day(since, "since"), checks.day(until, "until")
        if after is not None and type(after) not in {int, str}:
            msg = f"after is a transfer's id or sequence, not {shown(after)}"
            raise WrongType(msg)
        self._may("transfers", account)
        if isinstance(after, str):
            self._may_see("transfer_by_id", after)
        if account is not None or isinstance(after, str):
            with self._reader() as reader:
                if isinstance(after, str):
                    after = _transfer(reader, checks.identifier(after, "transfer id")).sequence
                if account is not None:
                    _row(reader, account)
        return self._transfers(account, first or "", last or "~", newest_first, after)

    def _transfers(
        self, account: str | None, first: str, last: str, newest_first: bool, after: int | None
    ) -> Iterator[Transfer]:
        while True:
            with self._reader() as reader:
                rows = _page(reader, account, newest_first, after)
                page = [
                    read_transfer(reader, row)
                    for row in rows
                    if row.id is not None and _is_within(row, first, last)
                ]
            if not rows:
                return
            yield from page
            after = rows[-1].sequence


def _is_within(row: RecordRow, first: str, last: str) -> bool:
    """Whether an operation is a transfer of a day within the bounds."""
    record = parse(row.body)
    return record["kind"] in TRANSFERS and first <= record["effects"]["occurred_on"] <= last


def _row(reader: Reader, id: str) -> AccountRow:
    row = reader.account(checks.identifier(id, "account id"))
    if row is None:
        raise AccountNotFound(id)
    return row


def _transfer(reader: Reader, id: str) -> RecordRow:
    row = reader.find(id)
    if row is None or parse(row.body)["kind"] not in TRANSFERS:
        raise TransferNotFound(id)
    return row


def _sequence(reader: Reader, at: int | datetime) -> int:
    """The last sequence recorded by a point; a search by halves, as instants only grow."""
    if type(at) is int:
        if at < 0:
            msg = f"at is a sequence from 0 or an aware datetime, not {at}"
            raise InvalidRequest(msg)
        return at
    moment = microseconds(at)
    low, high = 0, reader.head().sequence
    while low < high:
        middle = (low + high + 1) // 2
        body = parse(reader.records(after=middle - 1, limit=1)[0].body)
        low, high = (middle, high) if body["recorded_at"] <= moment else (low, middle - 1)
    return low


def _page(
    reader: Reader, account: str | None, newest_first: bool, after: int | None
) -> list[RecordRow]:
    """The next records, of all or of one account; empty at the end."""
    if account is not None:
        return _page_of_account(reader, account, newest_first, after)
    if not newest_first:
        return reader.records(after=after or 0, limit=PAGE)
    end = reader.head().sequence + 1 if after is None else after
    start = max(end - PAGE, 1)
    return reader.records(after=start - 1, limit=end - start)[::-1] if end > start else []


def _page_of_account(
    reader: Reader, account: str, newest_first: bool, after: int | None
) -> list[RecordRow]:
    """Records of one account's postings; one on both sides of a transfer counts once."""
    if newest_first:
        last = reader.last_posting(account, through=None if after is None else after - 1)
        end = 0 if last is None else last.version
        postings = reader.postings(account, after=max(end - PAGE, 0), limit=min(end, PAGE))[::-1]
    else:
        last = reader.last_posting(account, through=after) if after else None
        postings = reader.postings(account, after=0 if last is None else last.version, limit=PAGE)
    rows: list[RecordRow] = []
    for sequence in dict.fromkeys(posting.sequence for posting in postings):
        rows += reader.records(after=sequence - 1, limit=1)
    return rows
