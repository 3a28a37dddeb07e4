"""What was booked from a source before: in a temporary file, for it grows with the bank."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import date
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
    texts_of_transfer,
)
from timebank.model import Transfer
from timebank.storage.temporary import temporary_database

#: The kind of opening balances, which no sheet of exchanges has.
OPENING: Final = "opening"
#: Transfers that are written together.
_WRITTEN_AT_ONCE: Final = 1_000
_TABLES: Final = """
CREATE TABLE booked (
  sequence INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, ending TEXT, key BLOB NOT NULL,
  day TEXT NOT NULL, kind TEXT NOT NULL, file TEXT, earner TEXT NOT NULL, spender TEXT NOT NULL,
  seconds INTEGER NOT NULL, remaining INTEGER NOT NULL, taken_back INTEGER NOT NULL DEFAULT 0,
  first TEXT NOT NULL, now TEXT NOT NULL, matched INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX booked_by_key ON booked (key) WHERE ending IS NOT NULL;
CREATE INDEX booked_by_day ON booked (day);
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
        for transfer in self._bank.transfers():
            if transfer.reverses is not None:
                self._reversal(transfer)
            elif _is_of(transfer, self._source):
                self._transfer(transfer)

    def _transfer(self, transfer: Transfer) -> None:
        earners, spenders = transfer.earners, transfer.spenders
        earner, spender = next(iter(earners), ""), next(iter(spenders), "")
        seconds, day = transfer.hours.seconds, transfer.occurred_on.isoformat()
        ending = self.made.ending(transfer.id)
        key = b""  # of what has many sides, which no row of a source has
        if len(earners) == len(spenders) == 1:
            key = self.key_of(earner, spender, seconds, day, transfer.kind, ending)
        texts = texts_of_transfer(transfer)
        first = as_text(texts[0])
        source: Any = transfer.source
        self._found.append(
            (
                transfer.sequence,
                transfer.id,
                ending,
                key,
                day,
                transfer.kind,
                source.get(FILE) if ending is not None else None,
                earner,
                spender,
                seconds,
                seconds,
                first,
                as_text(texts[1]) if transfer.amendments else first,
            )
        )
        if len(self._found) >= _WRITTEN_AT_ONCE:
            self._write()

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

    def of_key(self, key: bytes) -> list[Booked]:
        """Return what stands of rows without ids that mean the same, in order."""
        found = self.db.execute(
            f"SELECT {_COLUMNS} FROM booked WHERE key = ? AND ending IS NOT NULL "  # noqa: S608 - columns are ours
            "AND NOT taken_back ORDER BY sequence",
            (key,),
        )
        return [Booked(*row) for row in found]

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
    return text.encode("utf-8", "backslashreplace").decode()


def _is_of(transfer: Transfer, source: str) -> bool:
    return isinstance(transfer.source, Mapping) and transfer.source.get("system") == source
