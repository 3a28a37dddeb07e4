"""What is known of a bank between two calls, and how it follows what other processes write.

Who finds the bank at another head reads the records since its own, and moves on what it knows of
the accounts that it has looked at. What it does not know it does not learn here: it is read where
a command needs it. Kinds that change more than accounts are rare, and then all is read anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs

from timebank.errors import Corrupt
from timebank.journal import FORMAT, digest, parse, recorded
from timebank.journal.fold import Fold
from timebank.model import Head, RecordRow
from timebank.queries.records import last_recorded
from timebank.queries.statutes import last_rules
from timebank.statute import Statute
from timebank.storage.protocol import Reader

#: Of more records than these none is read: what is known is then sooner read anew.
MOST: Final = 100
#: Who has written fewer records since those of somebody else expects more of these.
OF_LATE: Final = 2


class _Rebuilds:
    """How often this process made derived rows anew: what was read before may differ from them.

    A digest covers the journal, and no derived row.
    """

    number = 0


rebuilds: Final = _Rebuilds()


@attrs.define
class KnownState:
    """What was read so far of a bank at one head: it follows that head, or is thrown away."""

    journal: str
    sequence: int
    digest: bytes
    recorded_at: int
    recorded_on: str
    statute: Statute
    fold: Fold
    #: The last record by somebody else that was met.
    followed: int | None = None
    #: The digest from which it followed last: the journal has that record too.
    has: bytes = b""
    #: How many rebuilds there had been when it was read.
    rebuilds: int = attrs.field(init=False, factory=lambda: rebuilds.number)

    def others_write(self) -> bool:
        """Return whether somebody else wrote of late."""
        return self.followed is not None and self.sequence - self.followed < OF_LATE

    @classmethod
    def read(cls, reader: Reader, head: Head) -> KnownState:
        """Return what is known at a head before any account was looked at."""
        statute, closed_through = last_rules(reader)
        return cls(
            head.journal,
            head.sequence,
            head.digest,
            *last_recorded(reader),
            statute,
            Fold(closed_through=closed_through),
        )


def known_at(reader: Reader, head: Head, before: KnownState | None) -> KnownState:
    """Return what is known at another head: what follows from before, or is read anew."""
    if before is None:
        return KnownState.read(reader, head)
    had = before.digest
    followed = follow(before, reader, head)
    known = KnownState.read(reader, head) if followed is None else followed
    known.followed = head.sequence
    if followed is not None:
        known.has = had
    return known


def follow(known: KnownState, reader: Reader, head: Head) -> KnownState | None:
    """Return what is known, moved on to a later head; `None` where all is to be read anew.

    The digests of the records in between lead from the one head to the other: a state that has
    followed has also proved that the journal still holds the head which it knew. What cannot be
    followed is left half way, and is of no use any more.

    >>> import timebank
    >>> from timebank.bank.following import KnownState, follow
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1"), bank.open_account("m2")
    >>> with bank.store.reader("main") as reader:
    ...     known = KnownState.read(reader, reader.head())
    ...     known.fold.accounts["m1"], known.fold.balances["m1"] = reader.account("m1"), (0, 0)
    >>> _ = bank.transfer(earner="m1", spender="m2", hours=1)
    >>> with bank.store.reader("main") as reader:
    ...     followed = follow(known, reader, reader.head())
    >>> followed.sequence, followed.fold.balances
    (3, {'m1': (1, 3600)})
    """
    behind = head.sequence - known.sequence
    if known.journal != head.journal or not 0 < behind <= MOST:
        return None
    rows = reader.records(after=known.sequence, limit=MOST)
    if not _lead(known, rows, head):
        return None
    fold = known.fold
    touched: set[str] = set()
    try:
        for row in rows:
            body = parse(row.body)
            step = _STEPS.get(body["kind"])
            if step is None or body["kind"] != row.kind or body["format"] != FORMAT:
                return None
            touched.update(step(fold, row, body["effects"]))
        known.recorded_at, known.recorded_on = recorded(rows[-1].body)
        fold.forget_expired(touched, known.recorded_at)
    except (Corrupt, AttributeError, LookupError, TypeError, ValueError):
        return None  # what is odd is for those to tell who read the whole
    known.sequence, known.digest = head.sequence, head.digest
    return known


def _lead(known: KnownState, rows: list[RecordRow], head: Head) -> bool:
    """Return whether records lead from what is known to a head, by number and by digest."""
    sequence, end = known.sequence, known.digest
    for row in rows:
        sequence, end = sequence + 1, digest(end, row.body)
        if row.sequence != sequence or row.digest != end:
            return False
    return sequence == head.sequence and end == head.digest


# -- what each kind of record changes of what is known: each step returns its accounts ---


def _change(fold: Fold, row: RecordRow, effects: Mapping[str, Any]) -> list[str]:
    """Change the row of an account, or open it where it was known to be free."""
    account = effects["account"]
    if account not in fold.accounts:
        return []
    fold.apply(row.sequence, row.kind, effects)
    return [account]


def _post(fold: Fold, row: RecordRow, effects: Mapping[str, Any]) -> list[str]:
    """Move the hours of the accounts that are known."""
    lines = [line for line in effects["postings"] if line[0] in fold.accounts]
    fold.apply(row.sequence, "transfer", {**effects, "postings": lines})
    return [account for account, _ in lines]


def _hold(fold: Fold, row: RecordRow, effects: Mapping[str, Any]) -> list[str]:
    """Reserve on the accounts that are known."""
    lines = [line for line in effects["reserves"] if line[0] in fold.accounts]
    if lines:
        fold.apply(row.sequence, "hold", {**effects, "reserves": lines})
    return [line[0] for line in lines]


def _resolve(fold: Fold, row: RecordRow, effects: Mapping[str, Any]) -> list[str]:
    """End a hold on the accounts that are known, and move the hours that it comes to."""
    if effects["resolves"] in fold.lines:
        fold.apply(row.sequence, "void", effects)
    return _post(fold, row, effects) if row.kind == "settle" else []


def _nothing(fold: Fold, row: RecordRow, effects: Mapping[str, Any]) -> list[str]:
    """Change nothing: it adds no row, and a text that it takes away is not known here."""
    return []


#: By kind; what is not here changes more than accounts, and is rare.
_STEPS: Final[Mapping[str, Callable[[Fold, RecordRow, Mapping[str, Any]], list[str]]]] = {
    "open_account": _change,
    "set_limits": _change,
    "rename": _change,
    "freeze": _change,
    "thaw": _change,
    "close_account": _change,
    "reopen": _change,
    "amend_account": _change,
    "transfer": _post,
    "reverse": _post,
    "due": _post,
    "hold": _hold,
    "settle": _resolve,
    "void": _resolve,
    "name_delegate": _nothing,
    "end_delegate": _nothing,
    "amend": _nothing,
    "agree": _change,
    "suspend_agreement": _nothing,
    "end_agreement": _change,
    "readmit": _nothing,
    "refuse": _nothing,
    "issue_cheques": _nothing,
    "void_cheque": _nothing,
    "erase": _nothing,
}
