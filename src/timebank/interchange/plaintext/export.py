"""Export a bank as plain text that accounting programs read.

Each program has a dialect: `hledger`, `ledger`, `beancount`. All say the same: every account, every
transfer with both of its clocks, what each merge moved, every open hold as a pending transaction in
accounts of its own, and at the end what each account must hold, so that the program checks it by
itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

from timebank.bank import TimeBank
from timebank.errors import Corrupt, InvalidRequest, shown
from timebank.interchange.merges import POSTS_HOURS, read_movement
from timebank.interchange.plaintext.dialect import FIELDS, TEXTS, Dialect, Entry, Opening
from timebank.interchange.plaintext.escaping import title
from timebank.model import AccountRow, Hold, Posting, RecordRow, Transfer
from timebank.queries.clock import day_of
from timebank.queries.holds import hold_at
from timebank.queries.json_shapes import clock
from timebank.queries.records import all_accounts, last_balance, name_of, records
from timebank.storage.protocol import Reader

PAGE: Final = 500
#: Unit → what a quantity is called.
COMMODITIES: Final = {"seconds": "SEC", "hours": "H"}
#: What is left out, as no such program could hold it; an export of JSON Lines has all of it.
LEFT_OUT: Final = "digests and salts, statutes, limits, delegates, when an account was frozen"
WITHOUT_TEXTS: Final = f"names, notes and reasons, {LEFT_OUT}"
#: A number of hours with four decimals is a multiple of so many seconds.
_NINE: Final = 9
_HOUR: Final = Decimal(3600)
_NOTHING: Final = (None, (), "")


def export(
    bank: TimeBank, dialect: Dialect, *, unit: str = "seconds", texts: bool = True
) -> Iterator[str]:
    """Return the lines of a bank for a program, of one snapshot, in the order of the journal.

    With the unit `hours` quantities have four decimals. Without `texts` names, notes and
    reasons are left out. What is kept in memory grows with the accounts, not with the transfers.

    :raises InvalidRequest: another unit; at the first line, hours that do not divide.
    :raises NotPermitted: not all of the bank may be read.
    :raises Corrupt: what is read cannot be.
    """
    if unit not in COMMODITIES:
        msg = f"unit is seconds or hours, not {shown(unit)}"
        raise InvalidRequest(msg)
    for ask in (bank.records, bank.accounts, bank.transfers, bank.holds):
        ask()  # refused now, if it is; nothing is read yet
    return _lines(bank, dialect, unit=unit, texts=texts)


def _lines(bank: TimeBank, dialect: Dialect, *, unit: str, texts: bool) -> Iterator[str]:
    with bank.store.reader(bank.name) as reader:
        now = bank._now(reader)  # noqa: SLF001 - of the same house
        writer = _Writer(reader, dialect, unit=unit, texts=texts, now=now)
        if unit == "hours":
            writer.check_divides()
        yield from writer.lines(bank.name)


class _Writer:
    def __init__(
        self, reader: Reader, dialect: Dialect, *, unit: str, texts: bool, now: int
    ) -> None:
        self._reader, self._dialect = reader, dialect
        self._unit, self._commodity = unit, COMMODITIES[unit]
        self._texts = texts
        self._fields = (*FIELDS, *TEXTS) if texts else FIELDS
        self._now = now
        self._names = {
            row.account: dialect.account(row.kind, row.account) for row in all_accounts(reader)
        }
        #: Account → the first day of an open hold.
        self._held: dict[str, date] = {}
        for hold in self._holds():
            day = _day_of(hold)
            for posting in hold.postings:
                self._held[posting.account] = min(day, self._held.get(posting.account, day))

    # -- hours ----------------------------------------------------------------

    def check_divides(self) -> None:
        """Refuse quantities that are no number of hours with four decimals.

        :raises InvalidRequest: the first posting of the journal that is none, or hold.
        """
        found = [bad for id in self._names if (bad := self._first_odd(id)) is not None]
        if found:
            sequence, id, seconds = min(found)
            _refuse(f"record {sequence}, account {shown(id)}", seconds)
        for hold in self._holds():
            for posting in hold.postings:
                if posting.hours.seconds % _NINE:
                    _refuse(f"hold {shown(hold.id)}", posting.hours.seconds)

    def _first_odd(self, id: str) -> tuple[int, str, int] | None:
        after = 0
        while rows := self._reader.postings(id, after=after, limit=PAGE):
            for row in rows:
                if row.seconds % _NINE:
                    return row.sequence, id, row.seconds
            after = rows[-1].version
        return None

    def quantity(self, seconds: int) -> str:
        """Return a quantity with its commodity: `5400 SEC`, or `1.5000 H`."""
        if self._unit == "seconds":
            return f"{seconds} {self._commodity}"
        return f"{Decimal(seconds) / _HOUR:.4f} {self._commodity}"

    # -- lines ----------------------------------------------------------------

    def lines(self, name: str) -> Iterator[str]:
        """Yield all lines."""
        dialect = self._dialect
        openings = [self._opening(row) for row in all_accounts(self._reader)]
        first = min((opening.since for opening in openings), default=date(1970, 1, 1))
        last = max((opening.since for opening in openings), default=first)
        yield from dialect.head(self._commodity, first)
        yield dialect.comment(f"Bank: {name}")
        yield dialect.comment(f"Head: {self._reader.head()}")
        yield dialect.comment(f"Not here: {LEFT_OUT if self._texts else WITHOUT_TEXTS}")
        for opening in openings:
            yield from dialect.opening(opening, self._commodity)
        for entries in (self._transfers(), map(self._pending, self._holds())):
            for entry in entries:
                last = max(last, entry.day)
                yield from dialect.entry(entry)
        yield from dialect.balances(last, map(self._balance, openings), self._commodity)

    def _opening(self, row: AccountRow) -> Opening:
        """Return an account, from the first day on which anything is said of it."""
        since = date.fromisoformat(day_of(self._reader, row.opened))
        for posting in self._reader.postings_by_day(row.account, limit=1):
            since = min(since, date.fromisoformat(posting.day))
        held = None
        if (day := self._held.get(row.account)) is not None:
            held = self._dialect.account(row.kind, row.account, held=True)
            since = min(since, day)
        tags = {
            "id": row.account,
            "name": name_of(self._reader, row) if self._texts else None,
            "joined_on": row.joined_on,
            "status": None if row.status == "open" else row.status,
            "merged_into": row.merged_into,
        }
        given = {name: value for name, value in tags.items() if value is not None}
        return Opening(self._names[row.account], held, row.account, since, given)

    def _balance(self, opening: Opening) -> tuple[Opening, str]:
        return opening, self.quantity(last_balance(self._reader, opening.id))

    def _transfers(self) -> Iterator[Entry]:
        for row in records(self._reader, limit=PAGE):
            if row.kind in POSTS_HOURS and (made := read_movement(self._reader, row)).postings:
                yield self._transfer(row, made)

    def _transfer(self, row: RecordRow, made: Transfer) -> Entry:
        return Entry(
            max(made.occurred_on, self._dialect.first_day),
            made.sequence,
            title(made.kind, made.category),
            self._tags(made, made.occurred_on),
            tuple(self._line(posting, self._names) for posting in made.postings),
            original=row.refers_to if made.reverses is not None else None,
        )

    def _holds(self) -> Iterator[Hold]:
        """Yield the holds that are open."""
        last, after = 0, (0, "")
        while rows := self._reader.holds(after=after, limit=PAGE):
            for row in rows:
                if row.sequence != last and row.expires_at > self._now:
                    yield hold_at(self._reader, row.sequence, now=self._now)
                last = row.sequence
            after = (rows[-1].sequence, rows[-1].account)

    def _pending(self, hold: Hold) -> Entry:
        day, names = _day_of(hold), {}
        for posting in hold.postings:
            if (row := self._reader.account(posting.account)) is not None:
                names[row.account] = self._dialect.account(row.kind, row.account, held=True)
        return Entry(
            max(day, self._dialect.first_day),
            hold.sequence,
            title("hold", hold.category),
            self._tags(hold, day),
            tuple(self._line(posting, names) for posting in hold.postings),
            held=True,
        )

    def _line(self, posting: Posting, names: Mapping[str, str]) -> tuple[str, str]:
        if posting.account not in names:
            msg = f"account {shown(posting.account)} is missing, though records name it"
            raise Corrupt(msg)
        return names[posting.account], self.quantity(posting.hours.seconds)

    def _tags(self, made: Transfer | Hold, day: date) -> dict[str, Any]:
        found: dict[str, Any] = {name: getattr(made, name, None) for name in self._fields}
        found["record"] = made.sequence
        found["occurred_on"] = day.isoformat() if day < self._dialect.first_day else None
        found["recorded_at"] = made.recorded_at.isoformat()
        found["flags"] = "; ".join(map(str, made.flags))
        found["started_at"], found["ended_at"] = map(clock, (made.started_at, made.ended_at))
        found["amended"] = tuple(str(one.sequence) for one in made.amendments)
        if isinstance(made, Hold) and made.expires_at is not None:
            found["expires_at"] = made.expires_at.isoformat()
        return {name: value for name, value in found.items() if value not in _NOTHING}


def _day_of(hold: Hold) -> date:
    """Return the day of service, or where it has none that of the record."""
    return hold.recorded_at.date() if hold.occurred_on is None else hold.occurred_on


def _refuse(where: str, seconds: int) -> None:
    msg = f"{where}: {seconds} seconds are no hours with four decimals: export seconds"
    raise InvalidRequest(msg)
