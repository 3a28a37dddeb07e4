"""What was booked from a source before: in a temporary file, for it grows with the bank."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import date
from itertools import groupby
from typing import Any, Final, NamedTuple

from timebank.bank import TimeBank
from timebank.errors import BankNotFound, InvalidRequest, NotFound, NotPermitted
from timebank.interchange.engine.heirs import heirs
from timebank.interchange.engine.meaning import (
    FILE,
    MadeIds,
    again_id,
    as_text,
    key_of,
    taken_back_id,
    texts_of_request,
    texts_of_transfer,
)
from timebank.journal import canonical
from timebank.journal.kinds import MOVES_HOURS, sides_of
from timebank.model import RecordRow, Transfer
from timebank.queries.records import PAGE, body_of, record_at
from timebank.queries.views import read_transfer
from timebank.storage.protocol import Reader
from timebank.storage.temporary import temporary_database

#: The kind of opening balances, which no sheet of exchanges has.
OPENING: Final = "opening"
#: Kinds of record of which those with a source are read apart, or that have none.
_NO_SOURCE: Final = frozenset({"due", "transfer"})
#: Transfers that are written together.
_WRITTEN_AT_ONCE: Final = 1_000
_TABLES: Final = """
CREATE TABLE booked (
  sequence INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, ending TEXT, key BLOB NOT NULL,
  day TEXT NOT NULL, kind TEXT NOT NULL, file TEXT, earner TEXT NOT NULL, spender TEXT NOT NULL,
  seconds INTEGER NOT NULL, remaining INTEGER NOT NULL, taken_back INTEGER NOT NULL DEFAULT 0,
  first TEXT NOT NULL, now TEXT NOT NULL, matched INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE reversed_by (id TEXT PRIMARY KEY, original TEXT NOT NULL) WITHOUT ROWID;
"""
_COLUMNS: Final = (
    "sequence, id, ending, key, day, kind, file, earner, spender, seconds, remaining, taken_back, "
    "first, now"
)


class Booked(NamedTuple):
    """A transfer that was booked from the source.

    `remaining` are the seconds of it that were not moved back; `taken_back` tells whether an
    import or its undoing did so. `first` and `now` are its texts as it was booked and as they are.
    """

    sequence: int
    id: str
    ending: str | None
    key: bytes
    day: str
    kind: str
    file: str | None
    earner: str
    spender: str
    seconds: int
    remaining: int
    taken_back: int
    first: str
    now: str

    @property
    def is_live(self) -> bool:
        """True where hours of it still count."""
        return self.remaining > 0 and not self.taken_back


class BookedRows:
    """The transfers of a bank that came from a source, as one look at the journal finds them.

    `head` is the last record that was seen. Memory does not grow with them.

    >>> import timebank
    >>> from timebank.interchange.engine.booked import BookedRows
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1"), bank.open_account("f1")
    >>> _ = bank.transfer(
    ...     earner="m1", spender="f1", hours=1, id="sheet:7", source={"system": "sheet"}
    ... )
    >>> booked = BookedRows(bank, "sheet")
    >>> len(booked), booked.standing("sheet:7")[1].seconds, booked.standing("sheet:8")
    (1, 3600, ('sheet:8', None))
    """

    def __init__(self, bank: TimeBank, source: str) -> None:
        self._bank = bank
        self._source = source
        #: The source, as it stands in the bytes of a record.
        self._name = canonical({"": ["system", stored(source)]})[len('{"":') : -1]
        self.made = MadeIds(source)
        self.db = temporary_database(self)
        self.db.executescript(_TABLES)
        self._roots: dict[str, str] = {}
        #: What was found, and is not written yet.
        self._found: list[tuple[Any, ...]] = []
        self.head = 0
        self.look()

    def look(self) -> None:
        """Look once more, at all that the journal has now."""
        self._roots.clear()
        self._found.clear()
        self.db.execute("BEGIN")
        self.db.execute("DELETE FROM booked")
        self.db.execute("DELETE FROM reversed_by")
        # Who may not read it has the ids alone to go by; a preview may be of a bank yet to be made.
        with suppress(NotPermitted, BankNotFound):
            self.head = self._bank.head().sequence
            if self.head:
                self._read()
        self._write()
        self.db.execute("COMMIT")

    def _read(self) -> None:
        self._bank.transfers()  # refused now, if it is; nothing is read yet
        with self._bank.store.reader(self._bank.name) as reader:
            self.head, after = reader.head().sequence, 0
            while rows := reader.records(after=after, limit=PAGE):
                self._page(reader, rows)
                after = rows[-1].sequence

    def _page(self, reader: Reader, rows: list[RecordRow]) -> None:
        """Read some records: whose bytes do not name the source are not taken apart."""
        own = {
            row.sequence: row for row in rows if row.kind == "transfer" and self._name in row.body
        }
        notes: dict[int, str] = {}
        if own:
            texts = reader.texts(after=min(own) - 1, through=max(own))
            notes = {text.sequence: text.text for text in texts if text.field == "note"}
        for row in rows:
            if row.sequence in own:
                self._record(reader, row, notes.get(row.sequence))
            elif row.kind == "reverse":
                if row.refers_to is not None and self._has(row.refers_to):
                    self._reversal(read_transfer(reader, row))
            elif row.kind in MOVES_HOURS and row.kind not in _NO_SOURCE:
                transfer = read_transfer(reader, row)
                if transfer.reverses is not None:
                    self._reversal(transfer)
                elif isinstance(transfer.source, Mapping):
                    self._transfer(transfer, transfer.source)
            elif row.kind == "amend" and row.refers_to is not None:
                self._amended(reader, row.refers_to)

    def _record(self, reader: Reader, row: RecordRow, note: str | None) -> None:
        """Take the record of a transfer, as it was booked."""
        record = body_of(row)
        try:
            request, lines = record["request"], sides_of(record["effects"])[0]
            source = request.get("source")
            if isinstance(source, list) and self._is_own(dict(source)):
                self._add(
                    row.sequence,
                    request["id"],
                    record["effects"]["occurred_on"],
                    request["kind"],
                    dict(source),
                    {account: seconds for account, seconds in lines if seconds > 0},
                    {account: -seconds for account, seconds in lines if seconds < 0},
                    as_text(texts_of_request(request, note)),
                )
        except (KeyError, TypeError, ValueError):
            read_transfer(reader, row)  # which says what is wrong with it
            raise

    def _transfer(self, transfer: Transfer, source: Mapping[str, str]) -> None:
        """Take what is no plain transfer: what a hold became."""
        if self._is_own(source):
            earned, spent = (
                {account: hours.seconds for account, hours in side.items()}
                for side in (transfer.earners, transfer.spenders)
            )
            first, now = map(as_text, texts_of_transfer(transfer))
            day = transfer.occurred_on.isoformat()
            self._add(
                transfer.sequence,
                transfer.id,
                day,
                transfer.kind,
                source,
                earned,
                spent,
                first,
                now,
            )

    def _is_own(self, source: Mapping[str, str]) -> bool:
        return source.get("system") == self._source

    def _add(  # noqa: PLR0917 - what is kept of a transfer, all of it
        self,
        sequence: int,
        id: str,
        day: str,
        kind: str,
        source: Mapping[str, str],
        earned: Mapping[str, int],
        spent: Mapping[str, int],
        first: str,
        now: str | None = None,
    ) -> None:
        earner, spender = next(iter(earned), ""), next(iter(spent), "")
        seconds = sum(earned.values())
        ending = self.made.ending(id)
        key = b""  # of what has many sides, which no row of a source has
        if len(earned) == len(spent) == 1:
            key = self.key_of(earner, spender, seconds, day, kind, ending)
        file = source.get(FILE) if ending is not None else None
        self._found.append(
            (
                *(sequence, id, ending, key, day, kind, file, earner, spender),
                *(seconds, seconds, first, first if now is None else now),
            )
        )
        if len(self._found) >= _WRITTEN_AT_ONCE:
            self._write()

    def _amended(self, reader: Reader, sequence: int) -> None:
        """Take the texts of a transfer as they are, and as they were first."""
        if self._has(sequence):
            transfer = read_transfer(reader, record_at(reader, sequence))
            first, now = map(as_text, texts_of_transfer(transfer))
            texts = (first, now, sequence)
            self.db.execute("UPDATE booked SET first = ?, now = ? WHERE sequence = ?", texts)

    def _has(self, sequence: int) -> bool:
        """Return whether a record was booked from the source."""
        self._write()
        found = self.db.execute("SELECT 1 FROM booked WHERE sequence = ?", (sequence,))
        return found.fetchone() is not None

    def _write(self) -> None:
        self.db.executemany(
            f"INSERT INTO booked ({_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?,0,?,?)",  # noqa: S608 - columns are ours
            self._found,
        )
        self._found.clear()

    def _reversal(self, transfer: Transfer) -> None:
        self._write()
        original = transfer.reverses
        done = self.db.execute(
            "UPDATE booked SET remaining = remaining - ?, taken_back = taken_back OR ? "
            "WHERE id = ?",
            (transfer.hours.seconds, transfer.id == taken_back_id(original or ""), original),
        )
        if done.rowcount:
            self.db.execute(
                "INSERT OR IGNORE INTO reversed_by VALUES (?, ?)", (transfer.id, original)
            )

    def __len__(self) -> int:
        (count,) = self.db.execute("SELECT count(*) FROM booked").fetchone()
        return int(count)

    def key_of(  # noqa: PLR0917 - what moved, all of it
        self,
        earner: str,
        spender: str,
        seconds: int,
        day: date | str | None,
        kind: str,
        ending: str | None,
    ) -> bytes:
        """Return a digest of what moved between those whom the accounts are by now."""
        return key_of(self.root(earner), self.root(spender), seconds, day, kind, ending or "")

    def count_live(self) -> int:
        """Return the number of transfers that still count."""
        (count,) = self.db.execute(
            "SELECT count(*) FROM booked WHERE remaining > 0 AND NOT taken_back"
        ).fetchone()
        return int(count)

    def root(self, account: str) -> str:
        """Return the account that one became by merges; itself, where it was not merged."""
        found = self._roots.get(account)
        if found is None:
            try:
                found = heirs(self._bank, account)[-1]
            except (InvalidRequest, NotFound, NotPermitted):
                found = account
            self._roots[account] = found
        return found

    def of_id(self, id: str) -> Booked | None:
        """Return what was booked under an id."""
        found = self.db.execute(f"SELECT {_COLUMNS} FROM booked WHERE id = ?", (stored(id),))  # noqa: S608 - columns are ours
        row = found.fetchone()
        return None if row is None else Booked(*row)

    def standing(self, id: str) -> tuple[str, Booked | None]:
        """Return what stands of a row with this id; else the id under which it is to be booked.

        What was taken back does not stand: the row may be booked once more, under another id.
        """
        times = 1
        while (found := self.of_id(made := again_id(id, times))) is not None:
            if not found.taken_back:
                return made, found
            times += 1
        return made, None

    def by_key(self) -> Iterator[tuple[bytes, list[Booked]]]:
        """Yield what stands of rows without ids: what means the same together, by its key."""
        found = self.db.cursor().execute(
            f"SELECT {_COLUMNS} FROM booked WHERE ending IS NOT NULL AND key != x'' "  # noqa: S608 - columns are ours
            "AND NOT taken_back ORDER BY key, sequence"
        )
        for key, same in groupby(map(Booked._make, found), key=lambda one: one.key):
            yield key, list(same)

    def reversal_of(self, id: str) -> str | None:
        """Return the id of the transfer that a reversal took back, of transfers of the source."""
        found = self.db.execute("SELECT original FROM reversed_by WHERE id = ?", (stored(id),))
        row = found.fetchone()
        return None if row is None else str(row[0])

    def live(self) -> Iterator[Booked]:
        """Yield what still counts, in the order of the journal."""
        after = 0
        while True:
            found = self.db.execute(
                f"SELECT {_COLUMNS} FROM booked WHERE sequence > ? AND remaining > 0 "  # noqa: S608 - columns are ours
                "AND NOT taken_back ORDER BY sequence LIMIT 500",
                (after,),
            ).fetchall()
            if not found:
                return
            for row in found:
                yield Booked(*row)
            after = found[-1][0]


def stored(text: str) -> str:
    """Return a text as a database takes it: what is no Unicode is written out."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()
