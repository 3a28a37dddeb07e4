"""The calls that read who may act for whom, who was long away, and what if."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import TYPE_CHECKING, Final

from timebank import checks
from timebank.bank.asking import Asking
from timebank.bank.views import read_account
from timebank.errors import AccountNotFound, InvalidRequest
from timebank.hours import Hours
from timebank.journal import recorded_at
from timebank.lookups import PAGE, delegates_of, in_force, last_instant
from timebank.members import Delegate, Inactive, idle
from timebank.model import ACCOUNT_KINDS, AccountRow
from timebank.statute import Statute
from timebank.storage.protocol import Reader

if TYPE_CHECKING:
    from timebank.replay import Progress, Replay

_MEMBERS: Final = ("member", "group")


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
            today = in_force(reader).day(max(self._doors.now(), last_instant(reader)))
        return tuple(
            Delegate(id, delegate, None if until is None else date.fromisoformat(until))
            for delegate, until in named.items()
            if until is None or until >= today
        )

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
        from timebank.replay import replay  # loaded on first use

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
