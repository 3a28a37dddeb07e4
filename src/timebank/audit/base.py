"""The base class of the checks, and what they share while an audit goes through a journal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from typing import Any, ClassVar, Final, NamedTuple, TypeVar, cast

from timebank.audit.findings import Check, Findings
from timebank.audit.plain_runs import PlainRun, StoredColumns
from timebank.audit.statute_history import StatuteHistory
from timebank.errors import TimebankError
from timebank.journal.fold import Derived, Fold
from timebank.model import AccountRow, Head, RecordRow
from timebank.model.said import said
from timebank.storage.protocol import Reader

#: What reading rows of any value may raise, a driver's refusal of odd values included.
UNREADABLE: Final = (
    TimebankError,
    AttributeError,
    LookupError,
    OverflowError,
    TypeError,
    ValueError,
)

#: What a check knows, as a JSON object.
State = dict[str, Any]
#: What is expected and what was found.
Difference = tuple[str, str]


class ResolvedHold(NamedTuple):
    """The record of the hold that a record settles or voids; `problem` says why there is none."""

    content: dict[str, Any]
    problem: str


class AuditedRecord:
    """One record whose fields are all known and of their types.

    `derived` is what executing its effects gave; `None` where they could not be executed.
    `via` is the intermediary of what it moves, and `hold` the hold that it settles or voids.
    `merging` are the rows of two accounts before the one is merged into the other.
    """

    derived: Derived | None = None
    via: str | None = None
    hold: ResolvedHold | None = None
    merging: tuple[AccountRow, ...] = ()

    def __init__(self, row: RecordRow, content: dict[str, Any]) -> None:
        self.row, self.content = row, content
        self.sequence: int = row.sequence
        self.kind: str = content["kind"]
        self.request: dict[str, Any] = content["request"]
        self.effects: dict[str, Any] = content["effects"]


class Page(NamedTuple):
    """The rows that were read at once, all behind record `after`.

    `unreadable` are the sequences of those whose records no check could rely on.
    """

    after: int
    stored: StoredColumns
    unreadable: AbstractSet[int]


CheckType = TypeVar("CheckType", bound="AuditCheck")


class AuditContext:
    """The state that the checks of one audit share.

    `last` and `digest` are of the last record that was read; `is_complete` says that none
    was left out. `fold` and `statutes` are as of that record. `since` is the head of the
    checkpoint that the audit goes on from, and `expect` are the heads that were published.
    """

    def __init__(
        self,
        reader: Reader,
        findings: Findings,
        *,
        since: Head | None = None,
        expect: Sequence[Head] = (),
        now: int | None = None,
        is_storage_known: bool = False,
        tell_progress: Callable[[], None] = lambda: None,
    ) -> None:
        self.reader, self.findings = reader, findings
        self.since, self.expect = since, expect
        self._now = now
        #: Whether the storage was asked for its faults already.
        self.is_storage_known = is_storage_known
        #: Whether of the storage only what is of this bank was looked at.
        self.is_storage_apart = False
        self.tell_progress = tell_progress
        #: Adds the finding that something cannot be read.
        self.tell_unreadable: Callable[[str, Exception], None] = lambda _place, _error: None
        self.head: Head | None = None
        self.last, self.digest = 0, b""
        #: Whether the journal goes on from the checkpoint.
        self.goes_on = True
        #: The last records before the checkpoint, which are looked at once more.
        self.recent: list[RecordRow] = []
        self.is_complete = True
        #: How many accounts were found.
        self.accounts = 0
        self.fold = Fold()
        self.statutes = StatuteHistory()
        self.checks: dict[type[AuditCheck], AuditCheck] = {}

    def now(self) -> int:
        """Return the instant of who audits, in microseconds since 1970."""
        return time.time_ns() // 1000 if self._now is None else self._now

    def check(self, kind: type[CheckType]) -> CheckType:
        """Return the check of this class."""
        return cast("CheckType", self.checks[kind])


class AuditCheck:
    """One check, or a few that share their state. All that a check is stands in its file.

    The audit calls `start` once, `row` for each row of the journal, `record` for each record that
    can be read, `page` behind each page of them, and `finish` at the end. What a check
    does not override is not called for it. A check whose `state` differs from record to
    record gives it to a checkpoint, and takes it back by `restore`.

    Plain transfers come by the page: where each check that looks at transfers `is_sure` that it
    would tell nothing of a run, they are told to `take` it, and `row` and `record` are not called.
    A check that does not override `is_sure` is safe: every record then comes by itself.

    Where several processes share an audit, each stretch of the journal ends with `pause`.
    `assume` and `assume_balances` tell a check what a stretch may begin with; `proof` is what must
    then be the same where it was assumed and where it was worked out, and `counted` what a stretch
    counts by itself. A check that overrides `state` alone is safe: where the two differ, one
    process does it all.
    """

    #: The name of its state in a checkpoint.
    key: ClassVar[str]
    #: The names under which it may tell findings, with their promises.
    promises: ClassVar[tuple[Check, ...]]
    #: The kinds of record that it looks at; `None` is all of them.
    kinds: ClassVar[frozenset[str] | None] = None
    #: The names of what it has of its own: of these methods, those that are called for it.
    own: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(cls) -> None:
        cls.own |= vars(cls).keys()

    def __init__(self, context: AuditContext) -> None:
        self.context = context

    # -- what the audit calls --------------------------------------------------------------

    def start(self) -> None:
        """Check what lies before the first record."""

    def row(self, row: RecordRow) -> None:
        """Check a row of the journal, before its record is read."""

    def record(self, record: AuditedRecord) -> None:
        """Check one record."""

    def is_sure(self, run: PlainRun) -> bool:
        """Return whether nothing of a run is a finding or a note; change nothing.

        What it moves was worked out, and the accounts stand as they stood before it.
        """
        return False

    def take(self, run: PlainRun) -> None:
        """Know what `row` and `record` would have made known by a run of which all are sure."""

    def page(self, page: Page) -> None:
        """Check what waits until a page of records was read."""

    def pause(self) -> None:
        """Check what waits at the end of a stretch."""

    def finish(self) -> None:
        """Check what is known only at the end of the journal."""

    def names_checked(self) -> Iterator[str]:
        """Yield the names of the checks that this audit makes."""
        return (promise.name for promise in self.promises)

    def names_apart(self) -> Sequence[str]:
        """Return the names of what was checked for this bank alone, and not for the storage."""
        return ()

    # -- checkpoints -----------------------------------------------------------------------

    def state(self) -> State:
        """Return what the check knows, as JSON."""
        return {}

    def restore(self, state: State) -> None:
        """Restore what `state` returned, in this audit or an earlier one."""

    # -- stretches -------------------------------------------------------------------------

    def assume(self, record: AuditedRecord) -> None:
        """Take note of a record before a stretch, without checking it.

        It is called instead of `record`, for what is no transfer or reversal: the stretch
        before must end with what is so assumed (see `timebank.audit.stretches`).
        """

    def assume_balances(self, last: RecordRow) -> None:
        """Take what transfers and reversals led to, up to a record, from the stored rows."""

    def proof(self) -> Iterable[Any]:
        """Yield, as JSON, what must be as was assumed: all of the state, unless overridden."""
        yield self.state()

    def counted(self) -> Any:
        """Return, as JSON, what a stretch alone counted, which no other can know."""

    def add_counted(self, counted: Any) -> None:
        """Count what another stretch has `counted` to what this one did."""

    # -- findings --------------------------------------------------------------------------

    def tell(self, name: str, place: str, *, expected: str, found: str) -> None:
        """Add a finding under one of the check's own names.

        :raises RuntimeError: the check does not declare the name.
        """
        if not any(promise.name == name for promise in self.promises):
            msg = f"{type(self).__name__} tells {name!r}, which is none of its promises"
            raise RuntimeError(msg)
        self.context.findings.add(name, place, expected=expected, found=found)

    @contextmanager
    def reading(self, place: str, **gaps: object) -> Iterator[None]:
        """Tell a finding where something cannot be read, and go on behind the block.

        The place is a key of the catalogue: it is looked up only where something fails.
        """
        try:
            yield
        except UNREADABLE as error:
            self.context.tell_unreadable(said(place, **gaps), error)
