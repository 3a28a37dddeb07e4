"""A bank as the plain text that accounting programs read: what is said, whatever the program.

Each program has a dialect: `hledger`, `ledger`, `beancount`. All say the same: every account, every
transfer with both of its clocks, every open hold as a pending transaction in accounts of its own,
and at the end what each account must hold, so that the program checks it by itself.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final, Protocol

import attrs

from timebank.bank import TimeBank
from timebank.bank.views import TRANSFERS, read_hold, read_transfer
from timebank.errors import InvalidRequest, shown
from timebank.journal import parse, recorded_at
from timebank.lookups import last_instant
from timebank.model import AccountRow, Hold, Posting, RecordRow, Transfer, instant
from timebank.statements import all_accounts
from timebank.storage.protocol import Reader

PAGE: Final = 500
#: Unit → what a quantity is called, and its seconds.
COMMODITIES: Final = {"seconds": "SEC", "hours": "H"}
#: A number of hours with four decimals is whole in this many seconds.
_NINE: Final = 9
_HOUR: Final = Decimal(3600)
_PLAIN: Final = re.compile(r"[^A-Za-z0-9' -]+", re.ASCII)
#: The tags that a transaction may have, in the order in which they are written.
TAGS: Final = (
    "id",
    "record",
    "kind",
    "recorded_at",
    "reverses",
    "hold",
    "category",
    "area",
    "resource",
    "via",
    "actor",
    "tags",
    "flags",
    "statute",
    "source",
    "expires_at",
    "note",
    "reason",
)
#: What a file says of itself.
TITLE: Final = (
    "Hours of a time bank: a balance is what an account has earned less what it has spent."
)
#: What is personal text, and may be withheld.
TEXTS: Final = frozenset({"note", "reason"})


@attrs.frozen
class Entry:
    """One transaction: `lines` are accounts and quantities, `held` says that it is pending."""

    day: date
    sequence: int
    title: str
    tags: dict[str, str]
    lines: tuple[tuple[str, str], ...]
    held: bool = False
    #: The record that it takes back.
    original: int | None = None


@attrs.frozen
class Opening:
    """An account: what it is called in the export, whose it is, from which day on, until when."""

    name: str
    id: str
    kind: str
    since: date
    status: str
    text: str | None = None


class Dialect(Protocol):
    """How one program wants it written."""

    def account(self, kind: str, id: str, *, held: bool = False) -> str:
        """The name of an account: another for each id."""

    def head(self, commodity: str, first: date) -> Iterator[str]:
        """What stands before the accounts."""

    def opening(self, opening: Opening, commodity: str) -> Iterator[str]:
        """The declaration of an account."""

    def entry(self, entry: Entry) -> Iterator[str]:
        """A transaction."""

    def balances(
        self, day: date, balances: Iterator[tuple[Opening, str]], commodity: str
    ) -> Iterator[str]:
        """What each account must hold at the end of a day."""


def export(
    bank: TimeBank, dialect: Dialect, *, unit: str = "seconds", texts: bool = True
) -> Iterator[str]:
    """The lines of a bank for a program, of one snapshot, in the order of the journal.

    With the unit `hours` quantities have four decimals. Without `texts` names, notes and
    reasons are left out.

    :raises InvalidRequest: another unit, or hours that do not divide; before any line.
    """
    if unit not in COMMODITIES:
        msg = f"unit is seconds or hours, not {shown(unit)}"
        raise InvalidRequest(msg)
    bank.records()  # asks whether all may be read
    with bank.store.reader(bank.name) as reader:
        writer = _Writer(reader, dialect, unit=unit, texts=texts)
        if unit == "hours":
            writer.check_divides()
    return _lines(bank, dialect, unit=unit, texts=texts)


def _lines(bank: TimeBank, dialect: Dialect, *, unit: str, texts: bool) -> Iterator[str]:
    with bank.store.reader(bank.name) as reader:
        writer = _Writer(reader, dialect, unit=unit, texts=texts)
        if unit == "hours":
            writer.check_divides()
        yield from writer.lines(bank.name)


class _Writer:
    def __init__(self, reader: Reader, dialect: Dialect, *, unit: str, texts: bool) -> None:
        self._reader, self._dialect = reader, dialect
        self._unit, self._texts = unit, texts
        self._commodity = COMMODITIES[unit]
        self._kinds = {row.account: row.kind for row in all_accounts(reader)}

    def check_divides(self) -> None:
        """Refuse what is no number of hours with four decimals.

        :raises InvalidRequest: the first posting, or line of a hold, that is none.
        """
        for account in self._kinds:
            after = 0
            while rows := self._reader.postings(account, after=after, limit=PAGE):
                for row in rows:
                    self._check(row.seconds, f"record {row.sequence}, account {shown(account)}")
                after = rows[-1].version
        for hold in self._holds():
            for posting in hold.postings:
                self._check(posting.hours.seconds, f"hold {shown(hold.id)}")

    def _check(self, seconds: int, where: str) -> None:
        if seconds % _NINE:
            msg = f"{where}: {seconds} seconds are no hours with four decimals: export seconds"
            raise InvalidRequest(msg)

    # -- lines ----------------------------------------------------------------

    def lines(self, name: str) -> Iterator[str]:
        """All of it."""
        dialect, head = self._dialect, self._reader.head()
        openings = [self._opening(row) for row in all_accounts(self._reader)]
        first = min((opening.since for opening in openings), default=date(1970, 1, 1))
        last = first
        yield from dialect.head(self._commodity, first)
        yield f"; Bank {_words(name)}, {_words(str(head))}"
        for opening in openings:
            yield from dialect.opening(opening, self._commodity)
        for entry in self._entries():
            last = max(last, entry.day)
            yield from dialect.entry(entry)
        yield ""
        for hold in self._holds():
            entry = self._held(hold)
            last = max(last, entry.day)
            yield from dialect.entry(entry)
        yield from dialect.balances(last, map(self._balance, openings), self._commodity)

    def _opening(self, row: AccountRow) -> Opening:
        """An account from the first day on which anything is said of it."""
        (record,) = self._reader.records(after=row.opened - 1, limit=1)
        since = instant(recorded_at(record.body)).date()
        for posting in self._reader.postings_by_day(row.account, limit=1):
            since = min(since, date.fromisoformat(posting.day))
        for hold in self._reader.holds_of(row.account, after=(-(2**62), 0), limit=1):
            (held,) = self._reader.records(after=hold.sequence - 1, limit=1)
            since = min(since, self._day_of(held))
        text = None
        if self._texts and row.named is not None:
            rows = self._reader.texts(after=row.named - 1, through=row.named)
            text = next((one.text for one in rows if one.field == "name"), None)
        name = self._dialect.account(row.kind, row.account)
        return Opening(name, row.account, row.kind, since, row.status, text)

    def _day_of(self, held: RecordRow) -> date:
        day = parse(held.body)["request"].get("occurred_on")
        return instant(recorded_at(held.body)).date() if day is None else date.fromisoformat(day)

    def _entries(self) -> Iterator[Entry]:
        after = 0
        while rows := self._reader.records(after=after, limit=PAGE):
            for row in rows:
                if row.id is not None and parse(row.body)["kind"] in TRANSFERS:
                    yield self._entry(row, read_transfer(self._reader, row))
            after = rows[-1].sequence

    def _entry(self, row: RecordRow, made: Transfer) -> Entry:
        return Entry(
            made.occurred_on,
            made.sequence,
            _title(made.kind, made.category),
            self._tags(made),
            tuple(self._line(posting) for posting in made.postings),
            original=row.refers_to if made.reverses is not None else None,
        )

    def _holds(self) -> Iterator[Hold]:
        """The holds that are open at the instant of the last record."""
        now, after = last_instant(self._reader), (0, "")
        last = 0
        while rows := self._reader.holds(after=after, limit=PAGE):
            for row in rows:
                if row.sequence != last and row.expires_at > now:
                    (record,) = self._reader.records(after=row.sequence - 1, limit=1)
                    yield read_hold(self._reader, record, now=now)
                last = row.sequence
            after = (rows[-1].sequence, rows[-1].account)

    def _held(self, hold: Hold) -> Entry:
        return Entry(
            hold.recorded_at.date() if hold.occurred_on is None else hold.occurred_on,
            hold.sequence,
            _title("hold", hold.category),
            self._tags(hold),
            tuple(self._line(posting, held=True) for posting in hold.postings),
            held=True,
        )

    def _line(self, posting: Posting, *, held: bool = False) -> tuple[str, str]:
        kind = self._kinds[posting.account]
        name = self._dialect.account(kind, posting.account, held=held)
        return name, self.quantity(posting.hours.seconds)

    def quantity(self, seconds: int) -> str:
        """A quantity with its commodity: `5400 SEC`, or `1.5000 H`."""
        if self._unit == "seconds":
            return f"{seconds} {self._commodity}"
        return f"{Decimal(seconds) / _HOUR:.4f} {self._commodity}"

    def _tags(self, made: Transfer | Hold) -> dict[str, str]:
        found: dict[str, Any] = {
            name: getattr(made, name, None) for name in TAGS if self._texts or name not in TEXTS
        }
        found["record"] = made.sequence
        found["recorded_at"] = made.recorded_at.isoformat()
        found["tags"] = ", ".join(map(_value, made.tags)) or None
        found["flags"] = "; ".join(map(str, made.flags)) or None
        if isinstance(made, Hold) and made.expires_at is not None:
            found["expires_at"] = made.expires_at.isoformat()
        if isinstance(made.source, Mapping):
            found["source"] = dict(made.source)
        told = {name: found[name] for name in TAGS if found.get(name) is not None}
        return {name: value if name == "tags" else _value(value) for name, value in told.items()}

    def _balance(self, opening: Opening) -> tuple[Opening, str]:
        last = self._reader.last_posting(opening.id)
        return opening, self.quantity(0 if last is None else last.balance)


def _value(value: Any) -> str:
    """A value as JSON on one line, without a bracket that a program would take for a date."""
    if type(value) is str and _WORD.fullmatch(value):
        return value
    text = json.dumps(value, ensure_ascii=False)
    for character in "[\u2028\u2029\x85\x7f":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


_WORD: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./+:-]*", re.ASCII)


def _title(kind: str, category: str | None) -> str:
    """What a transaction is called: letters, digits and single blanks."""
    return _words(kind if category is None else f"{kind} {category}")


def _words(text: str) -> str:
    """A text as ASCII letters, digits, apostrophes, hyphens and single blanks."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return " ".join(_PLAIN.sub(" ", plain).split())


def next_day(day: date) -> date:
    """The day after, or the last of all."""
    return day + timedelta(days=1) if day < date.max else day
