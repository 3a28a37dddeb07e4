"""What an audit promises and what it found: checks, findings, the report."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

import attrs

from timebank.errors import TimebankError, shown
from timebank.hours import Hours
from timebank.model import MAX_INTEGER, Head

if TYPE_CHECKING:
    from timebank.audit.checkpoint import Checkpoint

#: Called with the records done and their number.
Progress = Callable[[int, int], None]

#: Findings that are kept for one check; a last one then says how many more there are.
MOST_FINDINGS: Final = 100


@attrs.frozen
class Check:
    """One invariant: what it promises, and what a treasurer can do where it is broken."""

    name: str
    promise: str
    advice: str


_RESTORE: Final = (
    "Keep this copy, restore the last backup, and compare its head with a head that was published."
)
_REBUILD: Final = "Run `timebank rebuild`: it makes this anew from the journal. Then audit again."
_ASK: Final = "Find out who wrote it; mend it by a reversal, or an entry that both sides agree on."

#: Every invariant that an audit checks, in the order of its report.
AUDIT_CHECKS: Final = (
    Check("file", "The storage can be read and is intact.", _RESTORE),
    Check(
        "schema",
        "Tables, indexes and triggers are as this version makes them.",
        "Find out who changed the schema; a trigger that was taken away let rows be changed. "
        "Copy the journal into a fresh file, or restore a backup.",
    ),
    Check("orphans", "Every row belongs to a bank of the storage.", _RESTORE),
    Check("references", "Every row that refers to another finds it.", _RESTORE),
    Check("sequence", "The records are numbered from 1 without a gap.", _RESTORE),
    Check(
        "chain",
        "Each digest is SHA-256 of the one before and the record's bytes, and each record "
        "names this journal, its own sequence and the format.",
        _RESTORE,
    ),
    Check(
        "canonical",
        "Each record's bytes are its canonical form, its fields are known, and the columns "
        "beside it repeat what it says.",
        _RESTORE,
    ),
    Check("zero-sum", "The postings of every transfer sum to zero.", _ASK),
    Check(
        "effects",
        "The effects of every record can be executed, and are those of what was asked, under "
        "the statute that judged it.",
        _ASK,
    ),
    Check(
        "derived",
        "Accounts, postings, open holds and statutes are what the journal says.",
        _REBUILD,
    ),
    Check(
        "limits",
        "Nobody was moved further beyond a limit, unless flagged, unchecked or by a reversal, "
        "and only open accounts took part.",
        _ASK,
    ),
    Check(
        "statutes",
        "Every record that a statute judged names the one that was in force, and a version "
        "means the same rules for ever.",
        _ASK,
    ),
    Check(
        "holds",
        "A hold is settled or voided once at most, and before it expires.",
        _ASK,
    ),
    Check("reversals", "What was reversed lies within its original, an earlier transfer.", _ASK),
    Check("ids", "Each id of an operation names one record, and finds it.", _RESTORE),
    Check(
        "clocks",
        "The instants of record never run backwards, and no day of service lies more than a "
        "day ahead.",
        "Set the clock of the machine that writes; what is recorded stays, and may be reversed.",
    ),
    Check(
        "texts",
        "Every commitment has its text, matching, unless it was erased; there is no other text.",
        "Restore the texts from a backup; balances do not depend on them.",
    ),
    Check("head", "The head that the storage gives is its last record.", _RESTORE),
    Check(
        "published",
        "Each head that was published is in the journal, and so is the one of a checkpoint.",
        "Somebody has replaced, cut off or rewritten the journal: keep this copy, and restore a "
        "backup that has the published head.",
    ),
)
#: What a storage is asked about itself: the whole of it is read, so a checkpoint leaves it out.
OF_STORAGE: Final = frozenset({"file", "schema", "orphans", "references"})
_ADVICE: Final = {check.name: check.advice for check in AUDIT_CHECKS}


@attrs.frozen
class Finding:
    """One thing that is wrong: which check, where, what was expected, what was found."""

    check: str
    place: str
    expected: str
    found: str
    advice: str


@attrs.frozen
class Note:
    """Something that is as the rules allow, and that somebody should see: where, and what."""

    place: str
    text: str


@attrs.frozen
class AuditReport:
    """What an audit found. `head` is where the journal stood; `None` if it cannot be read.

    `records` and `accounts` count what was read; `checks` names what was checked. `notes`
    are no findings: transfers that a statute let pass with a flag. `since` is the sequence
    of the checkpoint that it went on from, and `checkpoint` what a later audit may go on
    from, where this one found nothing.

    >>> import timebank
    >>> report = timebank.open("memory:").audit()
    >>> report.ok, report.findings, report.records
    (True, (), 0)
    """

    findings: tuple[Finding, ...]
    head: Head | None
    records: int
    accounts: int
    checks: tuple[str, ...] = tuple(check.name for check in AUDIT_CHECKS)
    notes: tuple[Note, ...] = ()
    since: int | None = None
    checkpoint: Checkpoint | None = attrs.field(default=None, eq=False, repr=False)

    @property
    def ok(self) -> bool:
        """Nothing was found."""
        return not self.findings

    @property
    def is_quick(self) -> bool:
        """What the records say was not looked at."""
        return "effects" not in self.checks


class Findings:
    """Collects findings, at most so many of each check: a damaged journal is no reason to grow."""

    def __init__(self) -> None:
        self._kept: dict[str, list[Finding]] = {}
        self._more: dict[str, int] = {}
        self._notes: list[Note] = []
        self._more_notes = 0

    def add(self, check: str, place: str, *, expected: str, found: str) -> None:
        """Keep a finding, or count it."""
        kept = self._kept.setdefault(check, [])
        if len(kept) < MOST_FINDINGS:
            kept.append(Finding(check, place, expected, found, _ADVICE.get(check, _RESTORE)))
        else:
            self._more[check] = self._more.get(check, 0) + 1

    def note(self, place: str, text: str) -> None:
        """Keep a note, or count it."""
        if len(self._notes) < MOST_FINDINGS:
            self._notes.append(Note(place, text))
        else:
            self._more_notes += 1

    def noted(self) -> tuple[tuple[Note, ...], int]:
        """The notes that are kept, and how many more there are."""
        return tuple(self._notes), self._more_notes

    def take_notes(self, notes: Iterable[Note], more: int) -> None:
        """Go on from those that another has kept."""
        for note in notes:
            self.note(note.place, note.text)
        self._more_notes += more

    def notes(self) -> tuple[Note, ...]:
        """In the order of the journal; a last one says how many more there are."""
        more = [Note("elsewhere", f"{self._more_notes} more")] if self._more_notes else []
        return (*self._notes, *more)

    def count(self, check: str) -> int:
        """How many of one check there are so far."""
        return len(self._kept.get(check, ())) + self._more.get(check, 0)

    def all(self) -> tuple[Finding, ...]:
        """In the order of the checks; those that a store made up come last."""
        order = [check.name for check in AUDIT_CHECKS]
        order += [name for name in self._kept if name not in _ADVICE]
        found: list[Finding] = []
        for name in order:
            found += self._kept.get(name, ())
            if more := self._more.get(name):
                advice = _ADVICE.get(name, _RESTORE)
                found.append(Finding(name, "elsewhere", "no finding", f"{more} more", advice))
        return tuple(found)


def unreadable(error: TimebankError) -> AuditReport:
    """The report on a storage that cannot be opened or read at all.

    >>> from timebank.audit import unreadable
    >>> from timebank import StoreError
    >>> unreadable(StoreError("not a database")).findings[0].found
    'not a database'
    """
    findings = Findings()
    findings.add("file", "storage", expected="a bank that can be read", found=str(error))
    return AuditReport(findings.all(), head=None, records=0, accounts=0)


def quantity(seconds: object) -> str:
    """Seconds as hours, for people; what is no such number as it is."""
    if type(seconds) is int and abs(seconds) <= MAX_INTEGER:
        return str(Hours.from_seconds(seconds))
    return shown(seconds)
