"""Failures of what a call needs, the storage or a clock, and what each says of its outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING

from timebank.errors.base import TimebankError, shown

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from timebank.model import Head


class Retryable(TimebankError):
    """Nothing was written, and the same call may succeed later.

    `scope` says what to repeat: "call" for the call, "host" for the whole transaction of the
    host application.
    """

    scope: str = "call"


class Unavailable(Retryable):
    """The storage could not be reached, or takes nothing now: nothing was sent to be written.

    No server or no primary, too many clients, a connection that was lost before the commit.
    """


class StoreBusy(Retryable):
    """Another writer kept the storage locked for longer than the time-out."""


class Conflict(Retryable):
    """Two writers were in conflict: a deadlock, a serialization failure, another head.

    The bank repeats a single call by itself, so a call that raises this has failed several
    times.
    """


class OutcomeUnknown(TimebankError):
    """The storage failed during a commit, which may have happened or not.

    `id` is the id of the last command of the call, or `None` if it has none; `ids` are those of
    all that were in the commit, in order, as of a batch. Repeat the same call with them to learn
    how the commit ended.
    """

    def __init__(self, id: str | None, *, ids: Iterable[str] | None = None) -> None:
        super().__init__(
            "the storage failed in the middle of a commit, which may have happened: "
            f"repeat the call with id {shown(id)} to learn it"
        )
        self.id = id
        self.ids = tuple(ids) if ids is not None else () if id is None else (id,)


class HistoryLost(TimebankError):
    """The journal no longer has what a call was told to be done, so nothing was written.

    A fail-over lost the end of it, or a backup was restored. `head` is the head that was told and
    is gone; `found` where the bank stands now. Who has looked into it goes on by
    `TimeBank.accept_history`.
    """

    def __init__(self, *, head: Head, found: Head) -> None:
        super().__init__(
            f"record {head.sequence} was told to be done and is no longer in the journal of this "
            f"bank, which stands at {found.sequence}: the storage has lost it, or an older copy "
            "was restored. Nothing was written. Who has looked into it goes on by accept_history "
            f"(timebank history accept --head '{head}')"
        )
        self.head, self.found = head, found
        self.about(key="history_lost", sequence=head.sequence, end=found.sequence)


class ClockBehind(TimebankError):
    """The last record lies more than ten minutes ahead of the clock, so nothing is recorded.

    `clock` is the instant of this machine's clock and `last` that of the last record, aware, in
    UTC. Where the clock is wrong it is to be set; where the record is, the clock of the bank is
    restarted, once the machine's is right: see `TimeBank.restart_clock`.
    """

    def __init__(self, *, clock: datetime, last: datetime) -> None:
        super().__init__(
            f"the clock of this machine says {clock:%Y-%m-%d %H:%M:%S} UTC, but the last record is "
            f"of {last:%Y-%m-%d %H:%M:%S} UTC: nothing is recorded until one of them is put right. "
            "If this clock is wrong, set it. If the record's was, go on by restart_clock "
            "(timebank clock restart)"
        )
        self.clock = clock
        self.last = last


class StoreError(TimebankError):
    """The storage failed; the driver's error is the `__cause__`."""


class OtherVersion(StoreError):
    """Another version of the library made the tables; the message says how to go on."""


class Corrupt(TimebankError):
    """Stored data is not valid: run an audit."""


#: Errors that are no judgement on one call, but a failure of what it needs: after one of them it
#: cannot be gone on. Every other `TimebankError` is a refusal, and leaves everything as it was.
FAILURES = (Corrupt, HistoryLost, OutcomeUnknown, Retryable, StoreError)


def is_refusal(error: BaseException) -> bool:
    """Return whether an error says no to a call, and not that something failed on the way.

    >>> from timebank.errors import InvalidRequest, StoreBusy, is_refusal
    >>> is_refusal(InvalidRequest("no")), is_refusal(StoreBusy("wait")), is_refusal(KeyError())
    (True, False, False)
    """
    return isinstance(error, TimebankError) and not isinstance(error, FAILURES)
