"""A sheet is edited at random and imported again and again: balances are what a model says.

The model knows no ids and no digests: it is a list of exchanges, each of which counts or does not.
"""

from __future__ import annotations

import io
import random
from collections import Counter
from datetime import date, timedelta
from typing import Any

import attrs
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import timebank
from support import Clock, examples, sources
from timebank.interchange.csv.importer import MappingImporter
from timebank.interchange.csv.toml import parsed
from timebank.interchange.engine.booking import run
from timebank.interchange.engine.report import ImportReport
from timebank.interchange.engine.undoing import undo

FIRST = date(2026, 1, 1)
NAMES = ("Anna Neri", "Bruno Verdi", "Carla D'Angelo")
MAPPING = b"""
name = "sheet"
title = "Sheet"
csv = { delimiter = ";" }
amounts = { unit = "hours", decimal = "," }
days = { format = ["%d/%m/%Y", "iso"] }
transfers = { earner = "gives", spender = "gets", amount = "hours", day = "day", note = "note" }
"""
ROWS = st.tuples(
    st.integers(0, 2),
    st.integers(1, 2),
    st.sampled_from([1, 2]),
    st.integers(0, 3),
    st.sampled_from(["", "garden", "a lift"]),
)


Meaning = tuple[str, str, int, int]


@attrs.define(eq=False)
class Row:
    """A row of the sheet. `way` is how its cells are written."""

    gives: str
    gets: str
    hours: int
    day: int
    note: str
    way: int = 0

    @classmethod
    def of(cls, drawn: tuple[int, int, int, int, str]) -> Row:
        """Two people, hours, a day, a note."""
        gives, further, hours, day, note = drawn
        return cls(NAMES[gives], NAMES[(gives + further) % 3], hours, day, note)

    @property
    def meaning(self) -> Meaning:
        """What moves."""
        return self.gives, self.gets, self.hours, self.day

    def cells(self) -> str:
        """The row as some program writes it."""
        chance = random.Random(self.way)  # a load, not secrets
        day = FIRST + timedelta(days=self.day)
        days = [f"{day:%d/%m/%Y}", f"{day.day}/{day.month}/{day.year}", day.isoformat()]
        amounts = [str(self.hours), f"{self.hours},0", f"{self.hours},00", f" {self.hours}"]
        name: Any = chance.choice([str.upper, str.lower, lambda text: f" {text} ", str])
        note = chance.choice([self.note, f"{self.note} ", self.note.replace(" ", "  ")])
        return ";".join(
            (chance.choice(days), name(self.gives), name(self.gets), chance.choice(amounts), note)
        )


@attrs.define(eq=False)
class Exchange:
    """What the bank has of a row: it counts, unless it was taken back or somebody reversed it."""

    meaning: Meaning
    #: As it was booked, and as it says now.
    notes: list[str]
    taken_back: bool = False
    reversed: bool = False

    @property
    def stands(self) -> bool:
        """A row that means this is there already."""
        return not self.taken_back

    @property
    def counts(self) -> bool:
        """Its hours are in the balances."""
        return not (self.taken_back or self.reversed)


class Histories(RuleBasedStateMachine):
    """One sheet, one bank, and a model of it."""

    def __init__(self) -> None:
        super().__init__()
        self.bank = timebank.open("memory:", **sources(Clock()))
        self.sheet: list[Row] = []
        self.booked: list[Exchange] = []

    # -- the sheet ----------------------------------------------------------------------

    @initialize(rows=st.lists(ROWS, min_size=1, max_size=5))
    def begin(self, rows: list[Any]) -> None:
        """Some rows, and a first import."""
        self.sheet = [Row.of(row) for row in rows]
        self.imports()

    @rule(row=ROWS)
    def add(self, row: Any) -> None:
        """One more row."""
        self.sheet.append(Row.of(row))

    @precondition(lambda self: self.sheet)
    @rule(place=st.integers(0, 99))
    def repeat(self, place: int) -> None:
        """A row stands once more."""
        row = self.sheet[place % len(self.sheet)]
        self.sheet.append(attrs.evolve(row))

    @precondition(lambda self: self.sheet)
    @rule(place=st.integers(0, 99))
    def remove(self, place: int) -> None:
        """A row is deleted."""
        del self.sheet[place % len(self.sheet)]

    @precondition(lambda self: self.sheet)
    @rule(place=st.integers(0, 99), note=st.sampled_from(["", "garden", "a lift", "books"]))
    def write(self, place: int, note: str) -> None:
        """A note is written anew."""
        self.sheet[place % len(self.sheet)].note = note

    @precondition(lambda self: self.sheet)
    @rule(place=st.integers(0, 99), row=ROWS)
    def change(self, place: int, row: Any) -> None:
        """A row becomes another."""
        self.sheet[place % len(self.sheet)] = Row.of(row)

    @rule(seed=st.integers(0, 99))
    def save_again(self, seed: int) -> None:
        """Another program writes every cell in its own way, in another order."""
        chance = random.Random(seed)  # a load, not secrets
        for row in self.sheet:
            row.way = chance.randrange(1_000)
        chance.shuffle(self.sheet)

    # -- the bank -------------------------------------------------------------------------

    @rule()
    def imports(self) -> None:
        """Without an answer: nothing, where there is a question."""
        new, head = self._new(), self.bank.head()
        report = self._run()
        self._check(report, new)
        if report.questions:
            assert (head, False, 0) == (self.bank.head(), report.ok, report.transfers_booked)
            assert len(new) == report.waiting
            return
        assert (True, len(new)) == (report.ok, report.transfers_booked)
        self._book(new)

    @rule()
    def keeps(self) -> None:
        """What is new is booked; what changed or is gone stays."""
        new = self._new()
        report = self._run(keep=True)
        self._check(report, new)
        assert (True, len(new)) == (report.ok, report.transfers_booked)
        self._book(new)

    @rule(strict=st.booleans())
    def follows(self, strict: bool) -> None:
        """What is gone is taken back, what changed is amended; then there is nothing to ask."""
        new = self._new()
        preview, head = self._run(follow=True, dry_run=True), self.bank.head()
        assert head == self.bank.head()
        report = self._run(follow=True, strict=strict)
        assert attrs.evolve(preview, booked=True) == report
        self._check(report, new)
        assert (True, len(new)) == (report.ok, report.transfers_booked)
        assert (report.rows_gone, report.rows_changed) == (report.taken_back, report.amended)
        for one in report.gone:
            self._exchange(one.id).taken_back = True
        for changed in report.changed:
            transfer = self.bank.transfer_by_id(changed.id)
            was, _ = transfer.amendments[-1].changes["note"]
            self._exchange(changed.id, plain(was)).notes[1] = plain(transfer.note)
        self._book(new)
        again = self._run()
        assert (True, 0, 0) == (again.ok, again.rows_changed, again.rows_gone)

    @precondition(lambda self: self.booked)
    @rule(dry_run=st.booleans())
    def undoes(self, dry_run: bool) -> None:
        """All of it is taken back, once."""
        live = [one for one in self.booked if one.counts]
        report = undo(self.bank, "sheet", dry_run=dry_run)
        assert (len(live), not dry_run, True) == (report.taken_back, report.done, report.ok)
        if not dry_run:
            for one in live:
                one.taken_back = True

    @precondition(lambda self: any(one.counts for one in self.booked))
    @rule(place=st.integers(0, 99))
    def reverses(self, place: int) -> None:
        """Somebody reverses an exchange by hand: its row is there, and counts no more."""
        reversed_ = {one.reverses for one in self.bank.transfers()}
        live = [
            one.id
            for one in self.bank.transfers()
            if one.reverses is None and one.id not in reversed_
        ]
        id = live[place % len(live)]
        self._exchange(id).reversed = True
        self.bank.reverse(id, reason="by hand")

    # -- what has to be so ----------------------------------------------------------------

    @invariant()
    def balances_are_those_of_the_model(self) -> None:
        """Whatever was imported, followed, kept, undone."""
        expected: Counter[str] = Counter()
        for one in self.booked:
            if one.counts:
                gives, gets, hours, _ = one.meaning
                expected[gives] += hours
                expected[gets] -= hours
        found = {
            self._typed(account.name or ""): self.bank.balance(account.id).posted.seconds // 3600
            for account in self.bank.accounts()
        }
        assert {name: expected[name] for name in found} == found
        assert len(set(found)) == len(found) == len([*self.bank.accounts()])

    def teardown(self) -> None:
        """The audit is well, and no id has a name in it."""
        assert self.bank.audit().ok
        assert all(account.id.startswith("sheet-") for account in self.bank.accounts())

    # -- the model ------------------------------------------------------------------------

    def _run(self, **options: Any) -> ImportReport:
        text = "day;gives;gets;hours;note\n" + "".join(f"{row.cells()}\n" for row in self.sheet)
        importer = MappingImporter(parsed(MAPPING), io.BytesIO(text.encode()), open_accounts=True)
        return run(self.bank, importer, **options)

    def _standing(self) -> dict[Meaning, list[Exchange]]:
        found: dict[Meaning, list[Exchange]] = {}
        for one in self.booked:
            if one.stands:
                found.setdefault(one.meaning, []).append(one)
        return found

    def _new(self) -> list[Row]:
        """Return the rows that are too many for what stands; which of equal ones, nobody knows."""
        left = Counter({meaning: len(some) for meaning, some in self._standing().items()})
        new = []
        for row in self.sheet:
            if left[row.meaning]:
                left[row.meaning] -= 1
            else:
                new.append(row)
        return new

    def _book(self, new: list[Row]) -> None:
        """Note what was booked: who reads the journal sees which of equal rows it was."""
        known = len(self.booked)
        transfers = [one for one in self.bank.transfers() if one.reverses is None]
        for one in transfers[known:]:
            note = plain(one.note)
            self.booked.append(Exchange(self._meaning(one), [note, note]))
        assert Counter(row.meaning for row in new) == Counter(
            one.meaning for one in self.booked[known:]
        )

    def _check(self, report: ImportReport, new: list[Row]) -> None:
        """What changed and is gone is as few as can be, by trying all pairs of notes."""
        assert (0, len(self.sheet) - len(new)) == (report.quarantined, report.transfers_there)
        rows: dict[Meaning, list[str]] = {}
        for row in self.sheet:
            rows.setdefault(row.meaning, []).append(row.note)
        days = [row.day for row in self.sheet]
        changed = gone = 0
        is_sure = True
        for meaning, some in self._standing().items():
            live = [one for one in some if not one.reversed]
            notes = rows.get(meaning, [])
            is_sure = is_sure and len(live) == len(some)
            changed += min(len(live), len(notes)) - most_pairs(notes, live)
            if days and min(days) <= meaning[3] <= max(days):
                gone += max(0, len(live) - len(notes))
        if is_sure:  # which of equal rows somebody reversed, nobody knows
            assert (changed, gone) == (report.rows_changed, report.rows_gone)
        assert gone <= report.rows_gone
        assert bool(report.questions) <= bool(report.rows_changed or report.rows_gone)

    def _exchange(self, id: str, note: str | None = None) -> Exchange:
        """Return the model of a transfer that counts; `note` is what it said before now."""
        transfer = self.bank.transfer_by_id(id)
        said = [plain(transfer.note) if note is None else note]
        notes = [plain(change.changes["note"][0]) for change in transfer.amendments] + said
        meaning = self._meaning(transfer)
        return next(
            one
            for one in self.booked
            if one.counts and one.meaning == meaning and one.notes == [notes[0], said[0]]
        )

    @staticmethod
    def _typed(name: str) -> str:
        """Return a name as the model has it: an account has it as it was first typed."""
        return next(one for one in NAMES if one.lower() == name.lower())

    def _meaning(self, transfer: timebank.Transfer) -> Meaning:
        sides = (transfer.earners, transfer.spenders)
        names = [self.bank.account(*side).name or "" for side in sides]
        people = [self._typed(name) for name in names]
        hours, days = transfer.hours.seconds // 3600, (transfer.occurred_on - FIRST).days
        return people[0], people[1], hours, days


def plain(note: str | None) -> str:
    """Return a note as the model has it, however many blanks a program writes."""
    return " ".join((note or "").split())


def most_pairs(notes: list[str], live: list[Exchange]) -> int:
    """Return how many notes can be paired, each with an exchange that says or said it."""
    if not notes:
        return 0
    first, *others = notes
    without = most_pairs(others, live)
    with_it = (
        1 + most_pairs(others, [other for other in live if other is not one])
        for one in live
        if first in one.notes
    )
    return max(without, *with_it, 0)


TestHistories = Histories.TestCase
TestHistories.settings = examples(40, steps=16)
