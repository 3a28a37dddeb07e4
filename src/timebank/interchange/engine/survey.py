"""Compare what a source says now with what was booked from it before; nothing is booked here.

A row that has an id of its own is known by it, any other by what it means; equal rows are counted.
So each row is new, there already, or there with other texts or other hours; and what was booked and
is not in the sheet any more, though its day lies between the first and the last day of the sheet,
is gone. Two files may have the same row: whether that is one exchange or two, nobody can see.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any, Final, NamedTuple

from timebank.bank import TimeBank
from timebank.interchange.engine.booked import OPENING, Booked, BookedRows, stored
from timebank.interchange.engine.meaning import (
    TEXTS,
    again_id,
    as_text,
    file_mark,
    texts_in,
    texts_of_row,
)
from timebank.interchange.engine.protocol import ImportedAccount, ImportedRow, ImportedTransfer
from timebank.interchange.engine.report import Quarantined
from timebank.interchange.engine.rows_kept import KeptRows
from timebank.journal import parse

#: What a row is, beside what was booked.
NEW: Final = "new"
THERE: Final = "there"
#: It is there with other texts, which can be amended.
AMEND: Final = "amend"
#: Its id is there with other hours, accounts or another day: reversed, and booked anew.
MOVE: Final = "move"
#: It stands in another file too, and is one exchange with that.
COPY: Final = "copy"
#: Its id stands on an earlier row: the bank decides.
REPEAT: Final = "repeat"

_TABLES: Final = """
CREATE TABLE said (
  n INTEGER PRIMARY KEY, id TEXT NOT NULL, ending TEXT, key BLOB NOT NULL, day TEXT,
  kind TEXT NOT NULL, file INTEGER NOT NULL, line INTEGER NOT NULL, earner TEXT NOT NULL,
  spender TEXT NOT NULL, seconds INTEGER NOT NULL, texts TEXT NOT NULL, raw TEXT NOT NULL,
  state TEXT, target TEXT, elsewhere INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE files (number INTEGER PRIMARY KEY, name TEXT UNIQUE, mark TEXT);
CREATE TABLE unread (earner TEXT, spender TEXT);
"""
#: Made once all rows are there.
_INDEX: Final = "CREATE INDEX said_by_id ON said (id, n)"
_COLUMNS: Final = (
    "n, id, ending, key, day, kind, file, line, earner, spender, seconds, texts, raw, state, "
    "target, elsewhere"
)
#: The rest of a question for what is gone from the files that were given. Of a row without an id it
#: is known from which file it came: it is not gone where that is none of these, unless other rows
#: of that file are in one of these.
_OF_GONE: Final = """
FROM booked WHERE NOT matched AND NOT taken_back AND remaining > 0 AND kind != 'opening'
AND day BETWEEN (SELECT min(day) FROM said WHERE kind != 'opening')
  AND (SELECT max(day) FROM said WHERE kind != 'opening')
AND (file IS NULL OR file IN (SELECT mark FROM files)
  OR file IN (SELECT file FROM booked WHERE matched AND file IS NOT NULL))
"""
_ORDINAL: Final = re.compile(r"-([1-9][0-9]*)(?=:|~|$)", re.ASCII)
#: Rows of which is written together what was found.
_WRITTEN_AT_ONCE: Final = 1_000
#: What follows the last key: an empty one, with nothing booked.
_NONE: Final[tuple[bytes, list[Booked]]] = (b"", [])
_MOST_SECONDS: Final = 2**62
_TWO: Final = 2


class Said(NamedTuple):
    """A transfer as the source says it. `target` is the id in the bank, that it has or will have.

    `texts` are those of `TEXTS` without what nobody sees, `raw` as they are to be recorded.
    """

    n: int
    id: str
    ending: str | None
    key: bytes
    day: str | None
    kind: str
    file: int
    line: int
    earner: str
    spender: str
    seconds: int
    texts: str
    raw: str
    state: str | None
    target: str | None
    elsewhere: int

    @property
    def is_bookable(self) -> bool:
        """True where hours move between two accounts: a bank would refuse it otherwise."""
        return self.seconds > 0 and self.earner != self.spender

    def fields(self) -> dict[str, Any]:
        """Return the texts as they are to be recorded."""
        return dict(zip(TEXTS, texts_in(self.raw), strict=True))


class Found(NamedTuple):
    """What a row is, and the id in the bank that it has or will have."""

    state: str
    target: str

    @property
    def is_new(self) -> bool:
        """True where it is to be booked, as far as is known before the bank is asked."""
        return self.state in {NEW, REPEAT}


class Survey:
    """The rows of a source beside what was booked from it.

    Memory grows with the accounts and by the largest number of equal rows.

    >>> from datetime import date
    >>> import timebank
    >>> from timebank.interchange.engine.protocol import ImportedTransfer
    >>> from timebank.interchange.engine.survey import NEW, Survey
    >>> bank = timebank.open("memory:")
    >>> survey = Survey(bank, "sheet")
    >>> row = ImportedTransfer(
    ...     2, "sheet:7", earner="m1", spender="f1", seconds=60, occurred_on=date(2026, 3, 2)
    ... )
    >>> survey.read([("sheet.csv", row)])
    >>> survey.compare()
    >>> survey.counts()
    {'new': 1}
    """

    def __init__(self, bank: TimeBank, source: str) -> None:
        self._bank = bank
        self.booked = BookedRows(bank, source)
        self._db = self.booked.db
        self._db.executescript(_TABLES)
        self.rows = KeptRows()
        #: Accounts that the source lists.
        self.accounts: dict[str, ImportedAccount] = {}
        self._files: dict[str, int] = {}
        self._marks: dict[int, str] = {}
        #: Rows, and what was found of them, that are not written yet.
        self._said: list[tuple[Any, ...]] = []
        self._states: list[tuple[str, str, bool, int]] = []
        self._matched: list[tuple[int]] = []
        #: Rows that were read and not understood.
        self.unread = 0
        self.gone = 0
        #: Gone rows that may be among those which could not be read.
        self.perhaps_unread = 0
        self.elsewhere = 0

    # -- reading ------------------------------------------------------------------------

    def read(self, rows: Iterable[tuple[str, ImportedRow]]) -> None:
        """Read all rows of the source, once, and keep them in `rows`."""
        self._db.execute("BEGIN")
        for n, (file, row) in enumerate(self.rows.keeping(rows)):
            if isinstance(row, ImportedTransfer):
                self._say(n, file, row)
            elif isinstance(row, ImportedAccount):
                self.accounts.setdefault(row.id, row)
            elif isinstance(row, Quarantined) and row.moves != ():
                self._not_understood(row)
        self._write_said()
        self._db.execute(_INDEX)
        self._db.execute("COMMIT")

    def _say(self, n: int, file: str, row: ImportedTransfer) -> None:
        ending = self.booked.made.ending(row.id)
        texts, raw = texts_of_row(row), [row.note, row.category, row.area, list(row.tags)]
        plain = as_text(texts)
        seconds = max(min(row.seconds, _MOST_SECONDS), -_MOST_SECONDS)
        day = None if row.occurred_on is None else row.occurred_on.isoformat()
        self._said.append(
            (
                n,
                stored(row.id),
                ending,
                self.booked.key_of(row.earner, row.spender, row.seconds, day, row.kind, ending),
                day,
                stored(row.kind),
                self._file(file),
                row.line,
                stored(row.earner),
                stored(row.spender),
                seconds,
                plain,
                plain if raw == texts else as_text(raw),
            )
        )
        if len(self._said) >= _WRITTEN_AT_ONCE:
            self._write_said()

    def _write_said(self) -> None:
        self._db.executemany(
            f"INSERT INTO said ({_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,NULL,NULL,0)",  # noqa: S608 - columns are ours
            self._said,
        )
        self._said.clear()

    def _file(self, name: str) -> int:
        number = self._files.get(name)
        if number is None:
            number = self._files[name] = len(self._files)
            mark = self._marks[number] = file_mark(name)
            self._db.execute("INSERT INTO files VALUES (?, ?, ?)", (number, stored(name), mark))
        return number

    def _not_understood(self, row: Quarantined) -> None:
        self.unread += 1
        named = [stored(account) for account, _ in row.moves or ()][:2]
        self._db.execute("INSERT INTO unread VALUES (?, ?)", (*named, None, None)[:_TWO])

    # -- comparing ------------------------------------------------------------------------

    def compare(self, *, follow: bool = False) -> None:
        """Say of each row what it is, and of what was booked whether it is gone.

        Opening balances are of the bank's beginning: only to `follow` means that one was changed.
        """
        self._db.execute("BEGIN")
        self._db.execute("UPDATE booked SET matched = 0")
        self._db.execute("UPDATE said SET state = NULL, target = NULL, elsewhere = 0")
        self._compare_own(follow=follow)
        self._compare_made()
        self._write()
        (self.elsewhere,) = self._one("SELECT count(*) FROM said WHERE elsewhere")
        (self.gone,) = self._one(f"SELECT count(*) {_OF_GONE}")
        self.perhaps_unread = self._explained() if self.gone and self.unread else 0
        self._db.execute("COMMIT")

    def _one(self, question: str, *values: object) -> tuple[Any, ...]:
        found: tuple[Any, ...] = self._db.execute(question, values).fetchone()
        return found

    def _set(self, row: Said, state: str, target: str, *, elsewhere: bool = False) -> None:
        self._states.append((state, target, elsewhere, row.n))
        if len(self._states) >= _WRITTEN_AT_ONCE:
            self._write()

    def _match(self, one: Booked) -> None:
        self._matched.append((one.sequence,))

    def _write(self) -> None:
        """Write what was found of the last rows; nothing that is compared asks for it."""
        self._db.executemany(
            "UPDATE said SET state = ?, target = ?, elsewhere = ? WHERE n = ?", self._states
        )
        self._db.executemany("UPDATE booked SET matched = 1 WHERE sequence = ?", self._matched)
        self._states.clear()
        self._matched.clear()

    def _compare_own(self, *, follow: bool) -> None:
        """Compare rows that have ids of their own, an id at a time."""
        found = self._all("WHERE ending IS NULL ORDER BY id, n")
        for id, group in groupby(found, key=lambda row: row.id):
            rows = list(group)
            target, one = self.booked.standing(id)
            if one is None:
                for row in rows:
                    self._set(row, NEW if row is rows[0] else REPEAT, target)
                continue
            self._match(one)
            moved = None
            if not any(self._means(row, one) for row in rows):
                is_moved = one.is_live and (follow or one.kind != OPENING)
                moved = next((row for row in rows if is_moved and row.is_bookable), None)
            said = False
            for row in rows:
                if row is moved:
                    self._set(row, MOVE, self._next(id))
                elif self._means(row, one) and not said:
                    said = True
                    self._set(row, self._by_texts(row, one), one.id)
                else:
                    self._set(row, REPEAT, one.id)

    def _next(self, id: str) -> str:
        """Return the id under which a row is booked once what stands of it is taken back."""
        times = 1
        while self.booked.of_id(made := again_id(id, times)) is not None:
            times += 1
        return made

    def _means(self, row: Said, one: Booked) -> bool:
        """Return whether a row with its own id moves what was booked; of no day, on any."""
        if row.day is not None:
            return row.key == one.key
        key = self.booked.key_of(
            row.earner, row.spender, row.seconds, one.day, row.kind, row.ending
        )
        return key == one.key

    def _by_texts(self, row: Said, one: Booked) -> str:
        if row.texts in {one.first, one.now} or not one.is_live:
            return THERE
        said, now = texts_in(row.texts), texts_in(one.now)
        if said[1:] == now[1:] and now[0] is None and self._was_noted(one):
            return THERE  # its note was erased, and is not brought back
        return AMEND

    def _was_noted(self, one: Booked) -> bool:
        record = next(self._bank.records(after=one.sequence - 1), None)
        if record is None:
            return False
        request: Any = parse(record.bytes).get("request", {})
        amended = self._bank.transfer_by_id(one.id).amendments
        return "note" in request or any("note" in change.changes for change in amended)

    def _compare_made(self) -> None:
        """Compare rows by what they mean: those that mean the same at a time."""
        found = self._all("WHERE ending IS NOT NULL ORDER BY key, n")
        booked = self.booked.by_key()
        its, there = next(booked, _NONE)
        for key, group in groupby(found, key=lambda row: row.key):
            while its and its < key:
                its, there = next(booked, _NONE)
            rows: dict[str, Said] = {}
            files: dict[str, set[int]] = {}
            for row in group:
                files.setdefault(row.id, set()).add(row.file)
                if rows.setdefault(row.id, row) is not row:
                    self._set(row, COPY, row.id, elsewhere=True)
            self._pair(list(rows.values()), there if its == key else [], files)

    def _pair(self, rows: list[Said], there: list[Booked], files: dict[str, set[int]]) -> None:
        if len(rows) == len(there) == 1:  # as most are
            pairs = {rows[0].n: there[0]}
        else:
            pairs = _Pairing(rows, there).found
        taken = {one.id for one in there}
        for row in rows:
            one = pairs.get(row.n)
            if one is None:
                target = self._free(row.id, taken)
                taken.add(target)
                self._set(row, NEW, target)
                continue
            self._match(one)
            marks = {self._marks[file] for file in files[row.id]}
            elsewhere = one.file is not None and one.file not in marks
            self._set(row, self._by_texts(row, one), one.id, elsewhere=elsewhere)

    def _free(self, id: str, taken: set[str]) -> str:
        """Return an id for a row that is new among equal ones: the ordinal of one that is free."""
        target, one = self.booked.standing(id)
        ordinal = 1
        while one is not None or target in taken:
            target, one = self.booked.standing(_ORDINAL.sub(f"-{ordinal}", id, count=1))
            ordinal += 1
        return target

    def _explained(self) -> int:
        """Return how many of what is gone may be rows that could not be read.

        Such a row names the same accounts or, where nothing is new, none that is known.
        """
        (new,) = self._one("SELECT count(*) FROM said WHERE state = ?", NEW)
        named, (nameless,) = 0, self._one("SELECT count(*) FROM unread WHERE earner IS NULL")
        left = dict[tuple[str, str], int]()
        for earner, spender in self._db.execute("SELECT * FROM unread WHERE earner IS NOT NULL"):
            sides = sorted(map(self.booked.root, (earner, spender or "")))
            left[sides[0], sides[1]] = left.get((sides[0], sides[1]), 0) + 1
        for earner, spender in self._db.execute(f"SELECT earner, spender {_OF_GONE}"):
            one, other = sorted(map(self.booked.root, (earner, spender)))
            if left.get((one, other), 0):
                left[one, other] -= 1
                named += 1
        return min(self.gone, named + (0 if new else int(nameless)))

    # -- what was found ---------------------------------------------------------------------

    def counts(self) -> dict[str, int]:
        """Return the number of rows by what they are."""
        found = self._db.execute("SELECT state, count(*) FROM said GROUP BY state ORDER BY state")
        return dict(found.fetchall())

    def of(self, first: int, last: int) -> dict[int, Found]:
        """Return what was found of rows of `rows`, from 0: `first`, those behind it, and `last`."""
        found = self._db.execute(
            "SELECT n, state, target FROM said WHERE n BETWEEN ? AND ?", (first, last)
        )
        return {n: Found(state, target) for n, state, target in found}

    def target_of(self, id: str, *, follows: bool) -> str:
        """Return the id in the bank of the transfer that the source calls by an id.

        Of what has other hours now it is the new one, where the bank `follows`.
        """
        row = self._db.execute(
            "SELECT target, state FROM said WHERE id = ? AND state NOT IN (?, ?) "
            "ORDER BY n LIMIT 1",
            (stored(id), REPEAT, COPY),
        ).fetchone()
        if row is not None and (follows or row[1] != MOVE):
            return str(row[0])
        target, one = self.booked.standing(id)
        return target if one is not None else id

    def in_state(self, *states: str) -> Iterator[Said]:
        """Yield the rows of some states, in order."""
        marks = ",".join("?" * len(states))
        return self._all(f"WHERE state IN ({marks}) ORDER BY n", *states)

    def rows_in(self, state: str) -> Iterator[tuple[Said, str, ImportedTransfer]]:
        """Yield the rows of a state, each with its file and as it was read, in order."""
        waiting = self.in_state(state)
        said = next(waiting, None)
        if said is None:
            return
        for n, (file, row) in enumerate(self.rows):
            if n == said.n and isinstance(row, ImportedTransfer):
                yield said, file, row
                if (said := next(waiting, None)) is None:
                    return

    def standing_elsewhere(self) -> Iterator[Said]:
        """Yield the rows that stand in another file too, in order."""
        return self._all("WHERE elsewhere ORDER BY n")

    def gone_rows(self) -> Iterator[Booked]:
        """Yield what was booked and is gone, in the order of the journal."""
        found = self._db.execute(f"SELECT id {_OF_GONE} ORDER BY sequence")
        while some := found.fetchmany(500):
            for (id,) in some:
                one = self.booked.of_id(id)
                if one is not None:
                    yield one

    def file_named(self, number: int) -> str:
        """Return the name of a file."""
        return next(name for name, one in self._files.items() if one == number)

    def _all(self, where: str, *values: object) -> Iterator[Said]:
        found = self._db.cursor().execute(f"SELECT {_COLUMNS} FROM said {where}", values)  # noqa: S608 - columns are ours
        while some := found.fetchmany(500):
            yield from (Said(*row) for row in some)


class _Pairing:
    """Which of what was booked each row is, of rows that mean the same, by their `n`.

    Rows that say the same as well come first, as many as can be; then those with the same id; then
    any. What still counts comes before what somebody reversed.
    """

    def __init__(self, rows: list[Said], there: list[Booked]) -> None:
        self.found: dict[int, Booked] = {}
        self._rows = rows
        kinds = (
            [one for one in there if one.is_live],
            [one for one in there if not one.is_live],
        )
        for some in kinds:
            self._by_texts(some)
            self._by_either_text([one for one in some if one.first != one.now])
        for some in kinds:
            self._by_id(some)
            taken = set(self._taken())
            for row, one in zip(
                self._left(), [one for one in some if one.id not in taken], strict=False
            ):
                self.found[row.n] = one

    def _left(self) -> list[Said]:
        return [row for row in self._rows if row.n not in self.found]

    def _taken(self) -> Iterator[str]:
        return (one.id for one in self.found.values())

    def _by_texts(self, there: list[Booked]) -> None:
        """Pair rows with what was booked so and never amended, those with the same id first."""
        of_text: dict[str, dict[str, Booked]] = {}
        for one in there:
            if one.first == one.now:
                of_text.setdefault(one.now, {})[one.id] = one
        for is_exact in (True, False):
            for row in self._left():
                same = of_text.get(row.texts)
                if same and (row.id in same or not is_exact):
                    self.found[row.n] = same.pop(row.id if is_exact else next(iter(same)))

    def _by_either_text(self, there: list[Booked]) -> None:
        """Pair rows with what was amended, and says the same or did: as many as can be."""
        rows = {row.n: row for row in self._left()} if there else {}
        paired: dict[str, int] = {}

        def place(row: Said, tried: set[str]) -> bool:
            for one in there:
                if row.texts in {one.first, one.now} and one.id not in tried:
                    tried.add(one.id)
                    other = paired.get(one.id)
                    if other is None or place(rows[other], tried):
                        paired[one.id] = row.n
                        return True
            return False

        for row in rows.values():
            place(row, set())
        for one in there:
            if one.id in paired:
                self.found[paired[one.id]] = one

    def _by_id(self, there: list[Booked]) -> None:
        taken = set(self._taken())
        left = {one.id: one for one in there if one.id not in taken}
        for row in self._left():
            if row.id in left:
                self.found[row.n] = left.pop(row.id)
