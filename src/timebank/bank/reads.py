"""The calls that read a bank, the same on a bank, a batch and a preview.

Each asks for permission, opens one consistent snapshot, and asks `timebank.queries`; what is
iterated pins no snapshot: each page has its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

from timebank import checks
from timebank.bank.permitting import Handle, Moment, Now
from timebank.errors import InvalidRequest, StatuteNotFound, WrongType, shown
from timebank.journal.kinds import MOVES_HOURS
from timebank.model import ACCOUNT_KINDS, Account, Balance, Closing, Head, Hold, Record, Transfer
from timebank.model.members import Delegate, Due, Event, Inactive
from timebank.queries.accounts import balance, known_at
from timebank.queries.clock import day_now
from timebank.queries.corrections import closings, family
from timebank.queries.dues import History, due_of, plan
from timebank.queries.holds import STATUSES, open_page, page_of_all
from timebank.queries.members import accounts_of, active_delegates, events_page, inactive_page
from timebank.queries.personal_data import personal_data
from timebank.queries.records import (
    PAGE,
    account_row,
    body_of,
    last_instant,
    newest_records,
    record_at,
    records_of,
)
from timebank.queries.statements import Statement, TrialBalance, statement, trial_balance
from timebank.queries.statutes import adopted_by, in_force, of_version, statute_rows
from timebank.queries.views import (
    hold_of,
    read_account,
    read_transfer,
    record_view,
    transfer_row,
)
from timebank.statute import Statute
from timebank.statute.periods import DAY
from timebank.storage.protocol import Reader
from timebank.storage.tree import rooted

if TYPE_CHECKING:
    from timebank.queries.impact import ExchangeCounts, Impact
    from timebank.queries.presences import Counted, Presences
    from timebank.queries.replay import Progress, Replay

Item = TypeVar("Item")
#: Where a page ends, and the next one goes on.
Edge = TypeVar("Edge")
#: Reads what comes behind an edge, and says where that ends.
Page = Callable[[Reader, Edge], tuple[list[Item], Edge | None]]

_MEMBERS: Final = ("member", "group")
#: The last day for which dues are planned.
LATEST: Final = date(2200, 12, 31)


class Reads(Handle):
    """The calls that read a bank."""

    # -- the journal ---------------------------------------------------------------

    def head(self) -> Head:
        """Return where the journal stands; `str()` of it is the line that may be published.

        Its `.root`, that of the tree over all records, is read from the bank when it is asked for.

        >>> import timebank
        >>> bank = timebank.open("memory:")
        >>> bank.head().sequence, bank.head().root.hex()[:8]
        (0, 'e3b0c442')
        """
        self._may("head")
        with self._reader() as reader:
            return rooted(reader.head(), self._reader)

    def records(self, after: int = 0) -> Iterator[Record]:
        """Yield the journal's records with a sequence above `after`, in order.

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
        return self._pages(_page_of_records, after)

    # -- accounts ------------------------------------------------------------------

    def account(self, id: str) -> Account:
        """Return one account.

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
            return read_account(reader, account_row(reader, id))

    def accounts(self) -> Iterator[Account]:
        """Yield all accounts by id.

        >>> import timebank
        >>> bank = timebank.open("memory:")
        >>> _ = bank.open_account("m2"), bank.open_account("m1")
        >>> [account.id for account in bank.accounts()]
        ['m1', 'm2']
        """
        self._may("accounts")
        return self._pages(_page_of_accounts, None)

    def balance(
        self, id: str, *, on: date | None = None, at: int | datetime | None = None
    ) -> Balance:
        """Return the balance of an account: now, at the end of a day, or as recorded at a point.

        `on` counts the exchanges of days up to it, whenever they were recorded, with those of
        accounts that were merged into this one. `at` is a sequence of the journal or an aware
        instant, and counts what was recorded by then. Both move `posted` only: the limits, and
        what is held, are today's.

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
            raise InvalidRequest(msg).about(key="on_or_at")
        day = checks.day(on, "on")
        now = self._may("balance", id)
        with self._reader() as reader:
            row, through = account_row(reader, id), known_at(reader, at)
            return balance(reader, row, on=day, at=through, now=now())

    def statement(
        self,
        id: str,
        *,
        since: date | None = None,
        until: date | None = None,
        at: int | datetime | None = None,
    ) -> Statement:
        """Return what an account earned and spent, by (day, sequence), both days included.

        What was merged into it is shown with it, as one history. `at` is a sequence of the
        journal or an aware instant, and shows what was known then: postings, merges and
        amendments, and the account itself but for its name; no holds. The journal is read
        up to there.

        :raises InvalidRequest: not a date, `since` after `until`, or no point of the record.
        :raises AccountNotFound: no such account, or it was not opened by then.

        >>> import timebank
        >>> bank = timebank.open("memory:")
        >>> _ = bank.open_account("m1"), bank.open_account("f1")
        >>> _ = bank.transfer(earner="m1", spender="f1", hours="1:30")
        >>> [(line.others, line.balance) for line in bank.statement("m1").lines]
        [(('f1',), Hours('1:30'))]
        >>> bank.statement("m1", at=2).closing
        Hours('0:00')
        """
        checks.period(since, until)
        now = self._may("statement", id)
        with self._reader() as reader:
            row, through = account_row(reader, id), known_at(reader, at)
            found = statement(reader, row, since=since, until=until, now=now(), at=through)
            return found if self._permissions is None else self._seen(found, reader, now)

    def trial_balance(
        self, on: date | None = None, *, at: int | datetime | None = None
    ) -> TrialBalance:
        """Return every account with what it earned and spent; the balances sum to 0:00.

        `on` counts the exchanges of days up to it, and leaves out the accounts that were opened
        later. `at` is a sequence of the journal or an aware instant, and shows what was known
        then, the accounts but for their names included; the journal is read up to there.

        :raises InvalidRequest: `on` is not a date, or `at` no point of the record.

        >>> import timebank
        >>> bank = timebank.open("memory:")
        >>> _ = bank.open_account("m1"), bank.open_account("f1")
        >>> _ = bank.transfer(earner="m1", spender="f1", hours="1:30")
        >>> [(line.account, line.balance) for line in bank.trial_balance().lines]
        [('f1', Hours('-1:30')), ('m1', Hours('1:30'))]
        >>> [line.account for line in bank.trial_balance(at=1).lines]
        ['m1']
        """
        checks.day(on, "on")
        self._may("trial_balance")
        with self._reader() as reader:
            return self._firm(reader, lambda: trial_balance(reader, on=on, at=known_at(reader, at)))

    # -- transfers -----------------------------------------------------------------

    def transfer_by_id(self, id: str) -> Transfer:
        """Return one transfer or reversal.

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
        now = self._may_see("transfer_by_id", checked)
        with self._reader() as reader:
            return self._seen(read_transfer(reader, transfer_row(reader, checked)), reader, now)

    def transfers(
        self,
        *,
        account: str | None = None,
        since: date | None = None,
        until: date | None = None,
        newest_first: bool = False,
        after: str | int | None = None,
    ) -> Iterator[Transfer]:
        """Yield transfers and reversals in the order of the journal.

        `since` and `until` are days of service and included. `after` goes on behind a
        transfer, named by its id or its sequence, in the direction of travel. Those of an
        `account` are also those of accounts that were merged into it.

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
        now = self._may("transfers", account)
        if isinstance(after, str):
            self._may_see("transfer_by_id", after)
        accounts: tuple[str, ...] | None = None
        if account is not None or isinstance(after, str):
            with self._reader() as reader:
                if isinstance(after, str):
                    after = transfer_row(reader, checks.identifier(after, "transfer id")).sequence
                if account is not None:
                    accounts = family(reader, account_row(reader, account))
        page = partial(
            _page_of_transfers, accounts, first or "", last or "~", newest_first=newest_first
        )
        return self._pages(page, after, now)

    # -- holds ---------------------------------------------------------------------

    def hold_by_id(self, id: str) -> Hold:
        """Return one hold, in whatever state it is.

        :raises InvalidRequest: an id that cannot be.
        :raises HoldNotFound: no such hold.

        >>> import timebank
        >>> bank = timebank.open("memory:")
        >>> _ = bank.open_account("m1"), bank.open_account("f1")
        >>> _ = bank.hold(earner="m1", spender="f1", hours=1, id="h1"), bank.settle("h1", id="s1")
        >>> bank.hold_by_id("h1").status, bank.hold_by_id("h1").resolved_by
        ('settled', 's1')
        """
        checked = checks.identifier(id, "hold id")
        now = self._may_see("hold_by_id", checked)
        with self._reader() as reader:
            return self._seen(hold_of(reader, checked, now=self._now(reader, now)), reader, now)

    def holds(self, *, account: str | None = None, status: str | None = "open") -> Iterator[Hold]:
        """Yield holds in the order of the journal: the open ones, unless told otherwise.

        `status` is open, settled, voided or expired; `None` gives all. The open ones are
        found by an index, the others by reading the journal. Those of an `account` are also
        those of accounts that were merged into it.

        :raises InvalidRequest: a value that cannot be.
        :raises AccountNotFound: no such account.

        >>> import timebank
        >>> bank = timebank.open("memory:")
        >>> _ = bank.open_account("m1"), bank.open_account("f1")
        >>> _ = bank.hold(earner="m1", spender="f1", hours=1, id="h1")
        >>> [hold.id for hold in bank.holds(account="f1")]
        ['h1']
        """
        if status is not None:
            checks.one_of(status, STATUSES, "status")
        now = Moment(self._may("holds", account))
        accounts: tuple[str, ...] | None = None
        if account is not None:
            with self._reader() as reader:
                accounts = family(reader, account_row(reader, account))
        if status == "open":
            return self._pages(partial(self._page_of_open_holds, account, now), 0, now)
        return self._pages(partial(self._page_of_holds, accounts, status, now), 0, now)

    def _page_of_open_holds(
        self, account: str | None, now: Now, reader: Reader, after: int
    ) -> tuple[list[Hold], int | None]:
        return open_page(reader, account, after=after, now=self._now(reader, now))

    def _page_of_holds(
        self,
        accounts: tuple[str, ...] | None,
        status: str | None,
        now: Now,
        reader: Reader,
        after: int,
    ) -> tuple[list[Hold], int | None]:
        holds, last = page_of_all(reader, accounts, after=after, now=self._now(reader, now))
        return [hold for hold in holds if status in {None, hold.status}], last

    # -- statutes ------------------------------------------------------------------

    def statute(self, version: str | None = None) -> Statute:
        """Return the statute that is in force, or one by its version.

        :raises StatuteNotFound: no statute of this version was adopted.

        >>> import timebank
        >>> timebank.open("memory:").statute().version
        'default/1'
        """
        self._may("statute")
        with self._reader() as reader:
            found = in_force(reader) if version is None else of_version(reader, version)
        if found is None:
            raise StatuteNotFound(str(version))
        return found

    def statutes(self) -> Iterator[tuple[int, Statute]]:
        """Iterate over the adopted statutes, newest first, each with the sequence of its record.

        >>> import timebank
        >>> list(timebank.open("memory:").statutes())
        []
        """
        self._may("statutes")
        with self._reader() as reader:
            found = [
                (row.sequence, adopted_by(reader, row))
                for row in statute_rows(reader)
                if record_at(reader, row.sequence).kind == "adopt"
            ]
        return iter(found)

    def closings(self) -> Iterator[Closing]:
        """Iterate over the changes of the day through which books are closed, newest first.

        The first one says through which day they are closed now. An opening is among them, and a
        restart of the clock that moved the day back.

        >>> import timebank
        >>> list(timebank.open("memory:").closings())
        []
        """
        self._may("closings")
        with self._reader() as reader:
            found = list(closings(reader))
        return iter(found)

    def replay(
        self, statute: Statute, *, include_imports: bool = False, progress: Progress | None = None
    ) -> Replay:
        """Try a statute on what was recorded: what it would have refused, flagged or charged.

        Each exchange, and each hold, is judged again, against the real balances of its
        moment. Reversals, settlements and what a statute made due are exempt, and so are imports
        with unchecked limits, unless `include_imports`: they are judged as of their own day.
        Under the statute that was in force nothing differs, but imports may. It reads the journal
        once and keeps figures of each account and rule only; nothing is written. `progress` is
        called with the records done and their number.

        :raises WrongType: not a `Statute`.
        :raises Corrupt: the journal cannot be read: run an audit.

        >>> import timebank
        >>> bank = timebank.open("memory:")
        >>> _ = bank.open_account("m1"), bank.open_account("m2")
        >>> _ = bank.transfer(earner="m1", spender="m2", hours=5)
        >>> bank.replay(bank.statute()).differs
        False
        """
        from timebank.queries.replay import replay  # loaded on first use

        self._may("replay")
        with self._reader() as reader:
            return replay(reader, statute, include_imports=include_imports, progress=progress)

    # -- members -------------------------------------------------------------------

    def delegates(self, account: str) -> tuple[Delegate, ...]:
        """Return who may act for an account today, in the order in which they were named.

        :raises InvalidRequest: an id that cannot be.
        :raises AccountNotFound: no such account.

        >>> import timebank
        >>> bank = timebank.open("memory:")
        >>> _ = bank.open_account("m1")
        >>> bank.delegates("m1")
        ()
        """
        now = self._may("delegates", account)
        with self._reader() as reader:
            row = account_row(reader, account)
            return active_delegates(reader, row, today=self._today(reader, now).isoformat())

    def acts_for(self, delegate: str) -> tuple[Delegate, ...]:
        """Return the accounts that somebody may act for today, by id. It reads all accounts.

        :raises InvalidRequest: an id that cannot be.

        >>> import timebank
        >>> bank = timebank.open("memory:")
        >>> _ = bank.open_account("m1"), bank.name_delegate("m1", "luca")
        >>> [one.account for one in bank.acts_for("luca")]
        ['m1']
        """
        id = checks.identifier(delegate, "delegate")
        now = self._may("acts_for", request={"delegate": id})
        with self._reader() as reader:
            return accounts_of(reader, id, today=self._today(reader, now).isoformat())

    def events(self, account: str) -> Iterator[Event]:
        """Yield what happened to an account itself, in the order of the journal.

        Opened, renamed, limits set, frozen, thawed, closed, reopened, corrected, merged, delegates
        named and ended: when, by whom, and with which reason; also to what was merged into it.
        It reads the journal from the opening on.

        :raises InvalidRequest: an id that cannot be.
        :raises AccountNotFound: no such account.

        >>> import timebank
        >>> bank = timebank.open("memory:")
        >>> _ = bank.open_account("m1"), bank.leave("m1", reason="moved away")
        >>> [event.text for event in bank.events("m1")]
        [None, 'moved away']
        """
        self._may("events", account)
        with self._reader() as reader:
            accounts = family(reader, account_row(reader, account))
            opened = min(account_row(reader, one).opened for one in accounts)
        return self._pages(partial(_page_of_events, accounts), opened - 1)

    def dues(self, account: str | None = None, *, through: date | None = None) -> tuple[Due, ...]:
        """Return what is due of an account, or of all, through a day and was not charged yet.

        It is in the order of days. The day may lie ahead: what is shown then is what would be due
        if nothing changed. Nothing is charged. Of who is frozen, what is due waits.

        :raises InvalidRequest: an id that cannot be, not a date, or beyond the year 2200.
        :raises AccountNotFound: no such account.

        >>> import timebank
        >>> bank = timebank.open("memory:")
        >>> _ = bank.open_account("m1")
        >>> bank.dues("m1")
        ()
        """
        id = None if account is None else checks.identifier(account, "account id")
        checks.day(through, "through")
        if through is not None and through > LATEST:
            msg = f"through {through} is too far ahead: the latest is {LATEST}"
            raise InvalidRequest(msg).about(key="day_in_future", day=through, latest=LATEST)
        now = self._may("dues", id)
        history = History()
        with self._reader() as reader:
            if id is not None:
                account_row(reader, id)
            history.read(reader)
            today = self._today(reader, now)
            if through is None:
                last, after = today, today
            else:  # as if that day were over
                last, after = through, max(today, through + DAY)
            found = plan(history, through=last, today=after, account=id)
            dues = [due_of(reader, one) for one in found]
        return tuple(one for one in dues if one.hours)

    def inactive(self, *, since: date, kinds: Iterable[str] = _MEMBERS) -> Iterator[Inactive]:
        """Yield the accounts that exchanged nothing on or after a day of service, by id.

        Who became a member on or after that day is not among them, nor is a closed account. Who
        exchanged before joining, as after an import without days of joining, was one by then.
        What was merged into an account counts as its own. Dues, gifts and reversals are no
        exchanges. They are candidates: what is to be done is for people to decide.

        :raises InvalidRequest: not a date, or no kinds of account.

        >>> from datetime import date
        >>> import timebank
        >>> bank = timebank.open("memory:")
        >>> _ = bank.open_account("m1", joined_on=date(2020, 1, 1))
        >>> [one.id for one in bank.inactive(since=date(2024, 1, 1))]
        ['m1']
        """
        first = checks.day(since, "since")
        if first is None:
            msg = "since is missing: the day from which on nothing was exchanged"
            raise InvalidRequest(msg)
        if isinstance(kinds, str):
            kinds = (kinds,)
        wanted = tuple(checks.one_of(kind, ACCOUNT_KINDS, "kinds") for kind in kinds)
        now = self._may("inactive")
        with self._reader() as reader:
            if since > (today := self._today(reader, now)):
                msg = f"since {since} is in the future: today is {today}"
                raise InvalidRequest(msg).about(key="day_in_future", day=since, latest=today)
        return self._pages(partial(_page_of_inactive, first, wanted), None)

    def personal_data(self, account: str) -> dict[str, Any]:
        """Return all that is held of a person, as strings, numbers, lists and dicts that JSON has.

        The account and its balance; `events` of the account itself; `exchanges` and `holds`
        in which it is a side; `mentions`, the other records that name it: as who entered
        them, arranged them, or acts for somebody. Hours are strings, instants and days as
        ISO 8601. What was erased is named under `erased`. It reads the whole journal.

        :raises InvalidRequest: an id that cannot be.
        :raises AccountNotFound: no such account.

        >>> import timebank
        >>> bank = timebank.open("memory:")
        >>> _ = bank.open_account("m1", name="Maria R."), bank.open_account("f1")
        >>> _ = bank.transfer(earner="m1", spender="f1", hours=1, note="to the clinic")
        >>> found = bank.personal_data("m1")
        >>> found["account"]["name"], [line["note"] for line in found["exchanges"]]
        ('Maria R.', ['to the clinic'])
        """
        id = checks.identifier(account, "account id")
        now = self._may("personal_data", id)
        with self._reader() as reader:
            return personal_data(reader, id, partial(self._seen, reader=reader, now=now), now=now())

    # -- figures -------------------------------------------------------------------

    def impact(
        self,
        *,
        since: date | None = None,
        until: date | None = None,
        at_least: int = 5,
        progress: Progress | None = None,
    ) -> Impact:
        """Return the figures of what was exchanged on days of service from `since` to `until`.

        Groups of fewer than `at_least` accounts are not shown. The journal is read once; memory
        grows with the accounts. `timebank.reports.impact` is the same for several banks.

        :raises InvalidRequest: not a date, `since` after `until`, a bound that is no number.
        :raises Corrupt: the journal cannot be read: run an audit.

        >>> import timebank
        >>> bank = timebank.open("memory:")
        >>> _ = bank.open_account("m1"), bank.open_account("m2")
        >>> _ = bank.transfer(earner="m1", spender="m2", hours="1:30")
        >>> figures = bank.impact()
        >>> figures.exchanges.exchanges, figures.exchanges.hours, figures.active
        (1, Hours('1:30'), 2)
        """
        from timebank.queries.impact import figures  # loaded on first use

        counted = self._counted(since, until, at_least, progress)
        return figures(counted, at_least=at_least)

    def _counted(
        self,
        since: date | None,
        until: date | None,
        at_least: object,
        progress: Progress | None = None,
    ) -> ExchangeCounts:
        from timebank.queries.impact import count
        from timebank.queries.impact.cells import LAST

        first, last = checks.period(since, until)
        if type(at_least) is not int or at_least < 1:
            msg = f"at_least is a number of accounts from 1, not {shown(at_least)}"
            raise InvalidRequest(msg)
        self._may("impact")
        with self._reader() as reader:
            return count(reader, since=first or "", until=last or LAST, progress=progress)

    def presences(
        self,
        *,
        since: date | None = None,
        until: date | None = None,
        counted: Counted | None = None,
    ) -> Presences:
        """Return who gave hours, when, to whom and for what: a line for each earner of an exchange.

        The exchanges are those on days of service from `since` to `until` that the association
        counts: all of the kind `exchange`, unless `counted` says which. What was reversed is taken
        off; who earns is a person, an account of the kind member or group. The journal is read
        once, in one snapshot, of which the result has the head.

        :raises InvalidRequest: not a date, or `since` after `until`.
        :raises AccountNotFound: a fund that is counted is no account.
        :raises Corrupt: the journal cannot be read: run an audit.

        >>> import timebank
        >>> from timebank import Counted
        >>> bank = timebank.open("memory:")
        >>> _ = bank.open_account("m1", name="Maria R."), bank.open_account("f1", kind="group")
        >>> _ = bank.transfer(earner="m1", spender="f1", hours="1:30", category="care")
        >>> found = bank.presences(counted=Counted(categories="care"))
        >>> [(found.name(one.account), one.hours, one.spenders) for one in found.lines]
        [('Maria R.', Hours('1:30'), ('f1',))]
        """
        from timebank.queries.presences import presences  # loaded on first use

        first, last = checks.period(since, until)
        self._may("presences")
        with self._reader() as reader:
            return self._firm(reader, lambda: presences(reader, counted, since=first, until=last))

    # -- what they share -----------------------------------------------------------

    def _pages(self, page: Page[Edge, Item], after: Edge, now: Now | None = None) -> Iterator[Item]:
        """Yield what a function reads page by page, each from a snapshot of its own."""
        while True:
            with self._reader() as reader:
                found, last = page(reader, after)
                if now is not None and self._permissions is not None:
                    found = [self._seen(one, reader, now) for one in found]
            yield from found
            if last is None:
                return
            after = last

    def _now(self, reader: Reader, now: Now | None = None) -> int:
        """Return the instant as a decision would take it: never before the last record."""
        return max((now or self._sources.now)(), last_instant(reader))

    def _today(self, reader: Reader, now: Now) -> date:
        """Return the day of a record of this moment, in the bank's time zone."""
        return date.fromisoformat(day_now(reader, now()))


# -- pages: what the next rows come to, and where to go on; nowhere at the end ------------


def _page_of_records(reader: Reader, after: int) -> tuple[list[Record], int | None]:
    rows = reader.records(after=after, limit=PAGE)
    return [record_view(row) for row in rows], rows[-1].sequence if rows else None


def _page_of_accounts(reader: Reader, after: str | None) -> tuple[list[Account], str | None]:
    rows = reader.accounts(after=after, limit=PAGE)
    return [read_account(reader, row) for row in rows], rows[-1].account if rows else None


def _page_of_events(
    accounts: tuple[str, ...], reader: Reader, after: int
) -> tuple[list[Event], int | None]:
    return events_page(reader, accounts, after=after)


def _page_of_inactive(
    since: str, kinds: tuple[str, ...], reader: Reader, after: str | None
) -> tuple[list[Inactive], str | None]:
    return inactive_page(reader, since=since, kinds=kinds, after=after)


def _page_of_transfers(
    accounts: tuple[str, ...] | None,
    first: str,
    last: str,
    reader: Reader,
    after: int | None,
    *,
    newest_first: bool,
) -> tuple[list[Transfer], int | None]:
    """Return the transfers of days within the bounds among the next records."""
    if accounts is not None:
        rows = records_of(reader, accounts, newest_first=newest_first, after=after)
    elif newest_first:
        rows = newest_records(reader, before=after)
    else:
        rows = reader.records(after=after or 0, limit=PAGE)
    found = [
        read_transfer(reader, row)
        for row in rows
        if row.kind in MOVES_HOURS and first <= body_of(row)["effects"]["occurred_on"] <= last
    ]
    return found, rows[-1].sequence if rows else None
