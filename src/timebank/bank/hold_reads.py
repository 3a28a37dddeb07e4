"""The calls that read holds and statutes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import attrs

from timebank import checks
from timebank.bank.permitting import Asking
from timebank.errors import AccountNotFound, StatuteNotFound
from timebank.hours import Hours
from timebank.journal import parse
from timebank.model import Hold, RecordRow
from timebank.queries.records import (
    PAGE,
    adopted_by,
    in_force,
    last_instant,
    of_version,
    statute_rows,
    unexpired,
)
from timebank.queries.statements import Statement
from timebank.queries.views import hold_of, read_hold
from timebank.statute import Statute
from timebank.storage.protocol import Reader

STATUSES: Final = ("open", "settled", "voided", "expired")
_FIRST: Final = ""


class HoldReads(Asking):
    """Each call reads one consistent snapshot; what is iterated pins none, page by page."""

    def hold_by_id(self, id: str) -> Hold:
        """One hold, whatever became of it.

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
        self._may_see("hold_by_id", checked)
        with self._reader() as reader:
            return hold_of(reader, checked, now=self._now(reader))

    def holds(self, *, account: str | None = None, status: str | None = "open") -> Iterator[Hold]:
        """Holds in the order of the journal, lazily: the open ones, unless told otherwise.

        `status` is open, settled, voided or expired; `None` gives all. The open ones are
        found by an index, the others by reading the journal.

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
        self._may("holds", account)
        if account is not None:
            with self._reader() as reader:
                if reader.account(checks.identifier(account, "account id")) is None:
                    raise AccountNotFound(account)
        if status == "open":
            return self._open_holds(account)
        return self._all_holds(account, status)

    def _open_holds(self, account: str | None) -> Iterator[Hold]:
        after = 0
        while True:
            with self._reader() as reader:
                now = self._now(reader)
                sequences = _open(reader, account, after=after, now=now)
                page = [_hold(reader, sequence, now=now) for sequence in sequences]
            yield from page
            if not sequences:
                return
            after = sequences[-1]

    def _all_holds(self, account: str | None, status: str | None) -> Iterator[Hold]:
        after = 0
        while True:
            with self._reader() as reader:
                now = self._now(reader)
                rows = reader.records(after=after, limit=PAGE)
                found = [read_hold(reader, row, now=now) for row in rows if _is_hold(row, account)]
            yield from (hold for hold in found if status in {None, hold.status})
            if not rows:
                return
            after = rows[-1].sequence

    def _now(self, reader: Reader) -> int:
        """The time, as a decision would take it: never before the last record."""
        return max(self._doors.now(), last_instant(reader))

    def _with_holds(self, reader: Reader, statement: Statement) -> Statement:
        """A statement with what open holds reserve now."""
        account = statement.account.id
        found = list(unexpired(reader, account, now=self._doors.now()))
        if not found:
            return statement
        now = self._now(reader)
        rows = [row for row in found if row.expires_at > now]
        rows.sort(key=lambda row: row.sequence)
        return attrs.evolve(
            statement,
            held=Hours.from_seconds(sum(row.held for row in rows)),
            incoming=Hours.from_seconds(sum(row.incoming for row in rows)),
            holds=tuple(_hold(reader, row.sequence, now=now) for row in rows),
        )

    # -- statutes ---------------------------------------------------------------

    def statute(self, version: str | None = None) -> Statute:
        """The statute that is in force, or one by its version.

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
        """The statutes that were adopted, newest first, each with the sequence of its record.

        >>> import timebank
        >>> list(timebank.open("memory:").statutes())
        []
        """
        self._may("statutes")
        with self._reader() as reader:
            found = [(row.sequence, adopted_by(reader, row)) for row in statute_rows(reader)]
        return iter(found)


def _open(reader: Reader, account: str | None, *, after: int, now: int) -> list[int]:
    """The next open holds, by sequence; none at the end."""
    if account is not None:
        rows = unexpired(reader, account, now=now)
        return sorted(row.sequence for row in rows if row.sequence > after)[:PAGE]
    found: list[int] = []
    edge = (after + 1, _FIRST)
    while not found and (page := reader.holds(after=edge, limit=PAGE)):
        found = sorted({row.sequence for row in page if row.expires_at > now})
        edge = (page[-1].sequence, page[-1].account)
    return found


def _hold(reader: Reader, sequence: int, *, now: int) -> Hold:
    return read_hold(reader, reader.records(after=sequence - 1, limit=1)[0], now=now)


def _is_hold(row: RecordRow, account: str | None) -> bool:
    if b'"kind":"hold"' not in row.body:
        return False
    record = parse(row.body)
    if record["kind"] != "hold":
        return False
    return account is None or any(
        account == reserve[0] for reserve in record["effects"]["reserves"]
    )
