"""What this process was told to be done, and whether the journal still has it.

A database may lose its end: a fail-over to a copy that lagged, a backup that was restored. Its
journal is well then, only shorter. Who was told more can say so, and nobody else: the head of
the last commit that a call was told of, and the last line of a log of heads, where there is one.
A session looks them up under the writer's lock, before it takes a call; who reads is never
refused, for what is read may be a copy that lags.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from timebank.errors import HistoryLost, InvalidRequest, shown
from timebank.model import Head, instant, microseconds
from timebank.queries.history import excuse, has_head, has_record

if TYPE_CHECKING:
    from timebank.bank.head_log import HeadLog
    from timebank.bank.session import Session, Sources


#: Heads of which it is remembered that they were excused.
_KEPT: Final = 8


class Told(NamedTuple):
    """A head that was told, and the instant of its record, where it is known."""

    journal: str
    sequence: int
    digest: bytes
    recorded_at: int | None

    @classmethod
    def of(cls, head: Head) -> Told:
        """Return the head of a line."""
        moment = None if head.recorded_at is None else microseconds(head.recorded_at)
        return cls(head.journal, head.sequence, head.digest, moment)

    def head(self) -> Head:
        """Return it as callers get it."""
        moment = None if self.recorded_at is None else instant(self.recorded_at)
        return Head(self.journal, self.sequence, self.digest, recorded_at=moment)


class ToldHistory:
    """What one process was told of one bank of one store."""

    #: The digest of what was told last, where nothing else is to be looked up: who knows the
    #: journal to have it needs no more than this comparison.
    settled: bytes = b""

    def __init__(self) -> None:
        #: The fields of a `Told`: one is made where it is asked for.
        self._last: tuple[str, int, bytes, int] | None = None
        self._log: HeadLog | None = None
        #: How many sessions began.
        self.begun = 0
        #: The session that told it.
        self._by = 0
        #: A head that is gone and was excused → the record that excuses it.
        self._excused: dict[Told, Told] = {}
        #: A head that is gone and was not → the head up to which nothing was found to excuse it.
        self._searched: dict[Told, Told] = {}

    def watch(self, log: HeadLog) -> None:
        """Take what a log of heads says as told, too.

        :raises NotFound: there is no such file.
        :raises InvalidRequest: it has no head.
        """
        log.last()
        self._log, self.settled = log, b""

    @property
    def told(self) -> Told | None:
        """Return the head of the last commit that callers were told of, `None` without one."""
        return None if self._last is None else Told(*self._last)

    def take(self, session: Session) -> None:
        """Take note of a commit that callers are about to be told of.

        Threads come here in any order, and the latest session counts. One in which every call was
        refused tells nothing, and does not come.
        """
        if session.number > self._by:
            known = session.known
            self._by = session.number
            self._last = known.journal, known.sequence, known.digest, known.recorded_at
            if self._log is None:
                self.settled = known.digest

    def check(self, session: Session, sources: Sources, *, accepts: bool) -> None:
        """Check, under the lock, that the journal has what was told.

        What has followed has proved that the journal has the head from which it did.

        :raises HistoryLost: it has not, and no record excuses that; where a session `accepts`
            it, it is its `lost`.
        :raises InvalidRequest: the log cannot be read, or is of another bank.
        """
        known, told = session.known, self.told
        lost = None
        if told is not None and told.digest not in {known.digest, known.has}:
            lost = self._lost(session, told, sources)
        if self._log is not None:
            logged = Told.of(self._log.last())
            if logged.journal != known.journal:
                raise other_bank(self._log.path)
            if logged.digest not in {known.digest, known.has}:
                lost = _later(lost, self._lost(session, logged, sources))
        if lost is None:
            return
        if not accepts:
            raise HistoryLost(head=lost.head(), found=session.writer.head())
        session.lost = lost.head()

    def _lost(self, session: Session, told: Told, sources: Sources) -> Told | None:
        """Return a head that was told where the journal has it no more, and nothing excuses it."""
        writer, known = session.writer, session.known
        now = Head(known.journal, known.sequence, known.digest)
        if has_head(writer, told.head(), now):
            return None
        by = self._excused.get(told)
        if by is not None and has_record(writer, by.sequence, by.digest):
            return None
        after = self._searched.get(told)
        is_there = after is not None and has_record(writer, after.sequence, after.digest)
        row = excuse(
            writer,
            told.head(),
            told.recorded_at,
            clock=sources.now(),
            after=after.sequence if after is not None and is_there else 0,
        )
        here = Told(known.journal, known.sequence, known.digest, None)
        if len(self._excused) > _KEPT:
            self._excused.clear()
        if row is None:
            self._searched = {told: here}
            return told
        self._excused[told] = Told(known.journal, row.sequence, row.digest, None)
        return None


def _later(one: Told | None, other: Told | None) -> Told | None:
    """Return the later of two heads that are gone, which excuses the other."""
    if one is None or other is None:
        return one or other
    return max(one, other, key=lambda head: (head.recorded_at or 0, head.sequence))


def other_bank(path: str) -> InvalidRequest:
    """Return the error for a log of heads of another journal."""
    msg = (
        f"{shown(path)} has heads of another bank, or this bank was made anew since: "
        "it needs a log of its own"
    )
    return InvalidRequest(msg).about(key="heads_of_another", file=path)
