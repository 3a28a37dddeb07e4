"""The calls that read who may act for whom, who was long away, and what if."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import date
from typing import TYPE_CHECKING, Final

from timebank import checks
from timebank.bank.permitting import Asking
from timebank.errors import AccountNotFound, InvalidRequest
from timebank.hours import Hours
from timebank.journal import parse, recorded_at
from timebank.model import ACCOUNT_KINDS, AccountRow, RecordRow, instant
from timebank.queries.members import Delegate, Due, Event, History, Inactive, Planned, idle, plan
from timebank.queries.records import PAGE, delegates_of, in_force, last_instant
from timebank.queries.statements import all_accounts
from timebank.queries.views import read_account, texts_of
from timebank.rules.dues import amount
from timebank.statute import Demurrage, Statute
from timebank.statute.periods import DAY
from timebank.storage.protocol import Reader

if TYPE_CHECKING:
    from timebank.queries.replay import Progress, Replay

_MEMBERS: Final = ("member", "group")
#: The kinds of record that are on an account itself.
_EVENTS: Final = frozenset(
    {
        "open_account",
        "rename",
        "set_limits",
        "freeze",
        "thaw",
        "close_account",
        "reopen",
        "name_delegate",
        "end_delegate",
    }
)
#: How far ahead dues are told.
LATEST: Final = date(2200, 12, 31)


class MemberReads(Asking):
    """Each call reads one consistent snapshot; what is iterated pins none, page by page."""

    def delegates(self, account: str) -> tuple[Delegate, ...]:
        """Who may act for an account today, in the order in which they were named.

        :raises InvalidRequest: an id that cannot be.
        :raises AccountNotFound: no such account.

        >>> import timebank
        >>> bank = timebank.open("memory:")
        >>> _ = bank.open_account("m1")
        >>> bank.delegates("m1")
        ()
        """
        id = checks.identifier(account, "account id")
        self._may("delegates", id)
        with self._reader() as reader:
            row = reader.account(id)
            if row is None:
                raise AccountNotFound(id)
            named = delegates_of(reader, row)
            today = self._today(reader).isoformat()
        return tuple(
            _delegate(id, delegate, until)
            for delegate, until in named.items()
            if until is None or until >= today
        )

    def events(self, account: str) -> Iterator[Event]:
        """What happened to an account itself, in the order of the journal, lazily.

        Opened, renamed, limits set, frozen, thawed, closed, reopened, delegates named and ended:
        when, by whom, and with which reason. It reads the journal from the account's
        opening on.

        :raises InvalidRequest: an id that cannot be.
        :raises AccountNotFound: no such account.

        >>> import timebank
        >>> bank = timebank.open("memory:")
        >>> _ = bank.open_account("m1"), bank.leave("m1", reason="moved away")
        >>> [event.text for event in bank.events("m1")]
        [None, 'moved away']
        """
        id = checks.identifier(account, "account id")
        self._may("events", id)
        with self._reader() as reader:
            row = reader.account(id)
        if row is None:
            raise AccountNotFound(id)
        return self._events(id, row.opened - 1)

    def _events(self, account: str, after: int) -> Iterator[Event]:
        told = json.dumps(account, ensure_ascii=False).encode()
        while True:
            with self._reader() as reader:
                rows = reader.records(after=after, limit=PAGE)
                found = [_event(reader, row, account) for row in rows if told in row.body]
            yield from (event for event in found if event is not None)
            if not rows:
                return
            after = rows[-1].sequence

    def acts_for(self, delegate: str) -> tuple[Delegate, ...]:
        """The accounts that somebody may act for today, by id. It reads all accounts.

        :raises InvalidRequest: an id that cannot be.

        >>> import timebank
        >>> bank = timebank.open("memory:")
        >>> _ = bank.open_account("m1"), bank.name_delegate("m1", "luca")
        >>> [one.account for one in bank.acts_for("luca")]
        ['m1']
        """
        id = checks.identifier(delegate, "delegate")
        self._may("acts_for", request={"delegate": id})
        found: list[Delegate] = []
        with self._reader() as reader:
            today = self._today(reader).isoformat()
            for row in all_accounts(reader):
                named = delegates_of(reader, row)
                until = named.get(id)
                if id in named and (until is None or until >= today):
                    found.append(_delegate(row.account, id, until))
        return tuple(found)

    def dues(self, account: str, *, through: date | None = None) -> tuple[Due, ...]:
        """What is due of an account through a day and was not charged yet, by day.

        The day may lie ahead: what is shown then is what would be due if nothing changed.
        Nothing is charged. Of who is frozen, what is due waits.

        :raises InvalidRequest: an id that cannot be, not a date, or beyond the year 2200.
        :raises AccountNotFound: no such account.

        >>> import timebank
        >>> bank = timebank.open("memory:")
        >>> _ = bank.open_account("m1")
        >>> bank.dues("m1")
        ()
        """
        id = checks.identifier(account, "account id")
        checks.day(through, "through")
        if through is not None and through > LATEST:
            msg = f"through {through} is too far ahead: the latest is {LATEST}"
            raise InvalidRequest(msg)
        self._may("dues", id)
        history = History()
        with self._reader() as reader:
            if reader.account(id) is None:
                raise AccountNotFound(id)
            history.read(reader)
            today = self._today(reader)
            if through is None:
                last, after = today, today
            else:  # as if that day were over
                last, after = through, max(today, through + DAY)
            found = plan(history, through=last, today=after, account=id)
            dues = [_due(reader, one) for one in found]
        return tuple(one for one in dues if one.hours)

    def _today(self, reader: Reader) -> date:
        """The day of a record of this moment, in the bank's time zone."""
        day = in_force(reader).day(max(self._doors.now(), last_instant(reader)))
        return date.fromisoformat(day)

    def inactive(self, *, since: date, kinds: Iterable[str] = _MEMBERS) -> Iterator[Inactive]:
        """Accounts that exchanged nothing on or after a day of service, by id, lazily.

        Who became a member on or after that day is not among them, nor is a closed account.
        Dues, gifts and reversals are no exchanges. They are candidates: what is to be done
        is for people to decide.

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
        self._may("inactive")
        with self._reader() as reader:
            if since > (today := self._today(reader)):
                msg = f"since {since} is in the future: today is {today}"
                raise InvalidRequest(msg)
        return self._inactive(first, wanted)

    def replay(self, statute: Statute, *, progress: Progress | None = None) -> Replay:
        """Try a statute on what was recorded: what it would have refused, flagged or charged.

        Each exchange, and each hold, is judged again, against the real balances of its
        moment. Imports with unchecked limits, reversals, settlements and what a statute made
        due are exempt. Under the statute that was in force nothing differs. It reads the journal
        once and keeps figures of each account and rule only; nothing is written. `progress`
        is called with the records done and their number.

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
            return replay(reader, statute, progress=progress)

    def _inactive(self, first: str, kinds: tuple[str, ...]) -> Iterator[Inactive]:
        after: str | None = None
        while True:
            with self._reader() as reader:
                rows = reader.accounts(after=after, limit=PAGE)
                statute = in_force(reader)
                page = [
                    found
                    for row in rows
                    if row.status != "closed" and row.kind in kinds
                    if (found := _inactive(reader, row, first, statute)) is not None
                ]
            if not rows:
                return
            yield from page
            after = rows[-1].account


def _delegate(account: str, delegate: str, until: str | None) -> Delegate:
    return Delegate(account, delegate, None if until is None else date.fromisoformat(until))


def _event(reader: Reader, row: RecordRow, account: str) -> Event | None:
    record = parse(row.body)
    if record["kind"] not in _EVENTS or record["effects"]["account"] != account:
        return None
    texts = texts_of(reader, row.sequence)
    return Event(
        account=account,
        kind=record["kind"],
        sequence=row.sequence,
        recorded_at=instant(record["recorded_at"]),
        actor=record.get("actor"),
        text=texts.get("reason", texts.get("name", record["effects"].get("delegate"))),
    )


def _due(reader: Reader, one: Planned) -> Due:
    basis = 0
    if isinstance(one.rule, Demurrage):
        earned, spent = reader.totals(one.account, until=one.since.isoformat())
        basis = earned - spent
    return Due(
        account=one.account,
        rule=one.rule.name,
        hours=Hours.from_seconds(amount(one.rule, one.period, one.since, basis=basis)),
        fund=one.rule.fund,
        since=one.since,
        period=one.period,
        statute=one.by.version,
        basis=Hours.from_seconds(basis) if isinstance(one.rule, Demurrage) else None,
    )


def _inactive(reader: Reader, row: AccountRow, first: str, statute: Statute) -> Inactive | None:
    joined = row.joined_on
    if joined is None:
        (opening,) = reader.records(after=row.opened - 1, limit=1)
        joined = statute.day(recorded_at(opening.body))
    if joined >= first:
        return None
    is_idle, last = idle(reader, row.account, since=first)
    if not is_idle:
        return None
    posting = reader.last_posting(row.account)
    return Inactive(
        account=read_account(reader, row),
        since=date.fromisoformat(joined),
        last_exchange=last,
        balance=Hours.from_seconds(0 if posting is None else posting.balance),
    )
