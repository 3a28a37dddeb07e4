"""The protocol of a store, which keeps rows, atomically, and decides nothing.

A `Store` opens a `Reader`, a consistent snapshot of one bank, and a `Writer`,
exclusive for one bank, which is a reader that also sees what it has appended
itself. A writer's one way to change anything is `append`. Leaving the writer's
`with` block commits; an exception rolls back all of it. When a reader or writer
is closed every call on it is an error.

A second writer of a bank waits for the first, in whatever thread or process either is and however
each has spelled the URL, and sees what the first has committed; a process that is killed leaves
neither its lock nor what it had not committed. That a commit survives a crash of the machine is
promised, and out of the scope of the conformance kit: what is on a disk no test can tell.

Every method may raise `StoreBusy`, `StoreError` or `Corrupt`; a store turns each
error of its driver into one of these, or `Conflict` or `OutcomeUnknown`. A `Conflict`
may come from any call of a writer, and from its commit: nothing was written then, and
the bank tries a call of its own again. `OutcomeUnknown` comes from a commit alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from itertools import repeat
from typing import Any, Final, Protocol, TypeGuard

import attrs

from timebank.errors import OtherVersion
from timebank.model import (
    AccountRow,
    Fault,
    Head,
    HoldRow,
    PostingRow,
    RecordRow,
    StatuteRow,
    TextRow,
    TileRow,
)

#: How many kinds of record may be left out at once.
MOST_KINDS: Final = 4


@attrs.define(init=False)
class Batch:
    """Rows to append together. `accounts` replaces rows of the same account id.

    `resolved` are the sequences of holds whose rows go, none of which this batch adds.
    With `anew` the bank's derived rows (all but records and texts) are thrown away
    first: that is how they are rebuilt. Rows of one kind come in order of sequence.
    `erased` are the sequence and field of texts that go, with their salts, once those
    of the batch are added; one that is not there is no matter. Nothing that a later
    reader can see, and no page of a file, may hold them when the writer has committed.
    """

    records: list[RecordRow]
    texts: list[TextRow]
    accounts: dict[str, AccountRow]
    postings: list[PostingRow]
    holds: list[HoldRow]
    resolved: list[int]
    statutes: list[StatuteRow]
    tiles: list[TileRow]
    erased: list[tuple[int, str]]
    anew: bool

    def __init__(  # noqa: PLR0917  # a kind of row each
        self,
        records: list[RecordRow] | None = None,
        texts: list[TextRow] | None = None,
        accounts: dict[str, AccountRow] | None = None,
        postings: list[PostingRow] | None = None,
        holds: list[HoldRow] | None = None,
        resolved: list[int] | None = None,
        statutes: list[StatuteRow] | None = None,
        tiles: list[TileRow] | None = None,
        erased: list[tuple[int, str]] | None = None,
        *,
        anew: bool = False,
    ) -> None:
        # By hand: one is made for each call that writes, and ten factories would be ten calls.
        self.records = [] if records is None else records
        self.texts = [] if texts is None else texts
        self.accounts = {} if accounts is None else accounts
        self.postings = [] if postings is None else postings
        self.holds = [] if holds is None else holds
        self.resolved = [] if resolved is None else resolved
        self.statutes = [] if statutes is None else statutes
        self.tiles = [] if tiles is None else tiles
        self.erased = [] if erased is None else erased
        self.anew = anew


class Reader(Protocol):
    """A consistent snapshot of one bank; perhaps an `AddsUp`, a `FindsMany`, a `FindsOwn`."""

    def head(self) -> Head:
        """Return the journal's id, last sequence and digest; sequence 0 and `digest(0)` when empty.

        :raises BankNotFound: the bank is not in the store.
        """

    def records(self, *, after: int, limit: int) -> list[RecordRow]:
        """Return at most `limit` records with a sequence above `after`, in order."""

    def find(self, id: str) -> RecordRow | None:
        """Return the record of the operation with this id."""

    def referring(self, sequence: int) -> list[RecordRow]:
        """Return the records that refer to the record `sequence`, in order."""

    def texts(self, *, after: int, through: int) -> list[TextRow]:
        """Return the texts of records `after < sequence <= through`, by (sequence, field)."""

    def account(self, id: str) -> AccountRow | None:
        """Return one account."""

    def accounts(self, *, after: str | None, limit: int) -> list[AccountRow]:
        """Return at most `limit` accounts with an id above `after`, by code point."""

    def last_posting(self, account: str, *, through: int | None = None) -> PostingRow | None:
        """Return the account's last posting whose sequence is at most `through`."""

    def postings(self, account: str, *, after: int, limit: int) -> list[PostingRow]:
        """Return at most `limit` postings with a version above `after`, by version."""

    def postings_by_day(
        self,
        account: str,
        *,
        since: str | None = None,
        until: str | None = None,
        after: tuple[str, int] | None = None,
        newest_first: bool = False,
        limit: int,
    ) -> list[PostingRow]:
        """Return at most `limit` postings by (day, version), on days within the bounds.

        Both bounds are included. `after` is excluded: what comes is later, or, with
        `newest_first`, earlier.
        """

    def totals(
        self, account: str, *, since: str | None = None, until: str | None = None
    ) -> tuple[int, int]:
        """Return the seconds earned and spent (both positive) on days within the bounds."""

    def holds(self, *, after: tuple[int, str], limit: int) -> list[HoldRow]:
        """Return at most `limit` rows of open holds, by (sequence, account), above `after`."""

    def holds_of(self, account: str, *, after: tuple[int, int], limit: int) -> list[HoldRow]:
        """Return at most `limit` rows of one account, by (expires_at, sequence), above `after`."""

    def statutes(self, *, before: int, limit: int) -> list[StatuteRow]:
        """Return at most `limit` of the rows of records below `before`, newest first."""

    def tiles(self, *, level: int, after: int, limit: int) -> list[TileRow]:
        """Return at most `limit` of the tiles of one level above number `after`, in order."""

    def faults(self, progress: Callable[[], None] | None = None) -> Iterable[Fault]:
        """Find faults of the store itself: schema, triggers, integrity, rows of no bank.

        Never raises on a damaged file: that is a fault too.
        """


class Writer(Reader, Protocol):
    """The one writer of a bank."""

    def append(self, batch: Batch) -> None:
        """Write all rows of the batch.

        :raises Conflict: a record's sequence does not follow the head, an operation's id is
            taken, an account's version, a hold's row, a statute or a tile is: the lock did not
            hold.
        """


class Store(Protocol):
    """A place where banks are kept. It may also be a `HasAddress` and a `Wipes`."""

    url: str

    def banks(self) -> Sequence[str]:
        """The names of the banks, by code point."""

    def make_bank(self, bank: str, *, journal: str) -> None:
        """Make an empty bank, unless it exists already.

        :raises Corrupt: there are rows of a bank of this name but no bank.
        """

    def reader(self, bank: str) -> AbstractContextManager[Reader]:
        """Open a snapshot, taken at the first read and held until the block ends."""

    def writer(self, bank: str) -> AbstractContextManager[Writer]:
        """Open the writer; its lock is taken when the block is entered.

        :raises InvalidRequest: this thread holds this store's writer already.
        :raises StoreBusy: another writer held it for longer than the time-out.
        """

    def close(self) -> None:
        """Release everything; safe to call twice."""


# -- what a reader or a store may have beside it ---------------------------------------
#
# A method that is not there, or is `None`, is not used: the library then takes a longer way.


class AddsUp(Reader, Protocol):
    """A reader that can add up postings in its own language, for a quick audit.

    Without it the audit reads the postings.
    """

    def sums(self) -> Iterable[Fault]:
        """Find balances that are not the sum of the postings so far, and records that are wrong.

        A record is wrong whose postings do not sum to zero, or that is missing.
        """


class AddsLate(Reader, Protocol):
    """A reader that can add up what was recorded late, for a balance on a day.

    Without it the postings are read.
    """

    def late(self, account: str, *, after: int, through: int, until: str) -> int:
        """Return the seconds of postings with `after < version <= through`, of days to `until`."""


class FindsMany(Reader, Protocol):
    """A reader that can look up many ids at once, for an audit and for a group of calls.

    Without it each id is asked of `Reader.find`.
    """

    def sequences(self, ids: Sequence[str]) -> list[tuple[str, int]]:
        """Return each operation that was found, with the sequence of its record, in any order."""


class Surveys(Reader, Protocol):
    """A reader that can be asked of all accounts, or of a long journal, at once, for an audit.

    Without it each account is asked for its last posting, and every record is read.
    """

    def last_postings(
        self, *, after: str, limit: int, through: int | None = None
    ) -> list[PostingRow]:
        """Return what `Reader.last_posting` does of accounts with an id above `after`, by id.

        At most `limit` of them are returned; those without one are left out.
        """

    def records_but(
        self, kinds: Sequence[str], *, after: int, through: int, limit: int
    ) -> list[RecordRow]:
        """Return at most `limit` records, `after < sequence <= through`, of none of the kinds.

        They are in order, and from one to `MOST_KINDS` are named.
        """


class FindsPostings(Reader, Protocol):
    """A reader that can look up postings of many accounts at once, for an audit.

    Without it each account is asked for its postings.
    """

    def postings_between(self, wanted: Sequence[tuple[str, int, int]]) -> list[PostingRow]:
        """Return the postings of accounts, each above a version and up to another.

        Those of an account are in order, unless it is damaged.
        """

    def postings_behind(self, wanted: Sequence[tuple[str, int]]) -> list[PostingRow]:
        """Return the postings of accounts, each above a version, as `postings_between` does."""


class GivesColumns(Reader, Protocol):
    """A reader that can return rows column by column, for an audit: it makes none of each row.

    It is also asked of all ids and accounts at once. Without it the audit makes the columns of
    the rows, and asks of each.
    """

    def record_columns(self, *, after: int, limit: int) -> Sequence[Sequence[Any]]:
        """Return the columns of what `Reader.records` returns: none where there is no record."""

    def posting_columns(self, wanted: Sequence[tuple[str, int, int]]) -> Sequence[Sequence[Any]]:
        """Return the columns of what `FindsPostings.postings_between` returns."""

    def sequences_by_id(self, *, after: int, through: int) -> list[int | None]:
        """Return, of each record above a sequence and up to another, what is found by its id.

        Each is looked up as by `Reader.find`, in order; `None` is of an id that finds nothing.
        Records without an id are left out.
        """

    def totals_by_account(self) -> list[tuple[str, int, int]]:
        """Return each account that has a posting, with what `Reader.totals` returns of it."""


class KnowsVersion(Reader, Protocol):
    """A reader of tables that have a version of their own, for an audit.

    Without it tables of another version are told as damage.
    """

    def check_version(self) -> None:
        """Check that the tables are of this version; what cannot be read is no matter here.

        :raises OtherVersion: they are to be migrated, or a newer version made them.
        """


class SeesSchema(Reader, Protocol):
    """A reader that can look at tables and guards without reading their rows.

    Without it an audit since a checkpoint leaves them to a whole one.
    """

    def schema_faults(self) -> Iterable[Fault]:
        """Find what differs in tables, checks and triggers from those of a new bank."""


class FindsOwn(Reader, Protocol):
    """A reader that can look for faults of its own bank alone, beside other banks.

    Its `faults` are then those of the whole storage, which are asked for once where all banks are
    audited. Without it each audit asks for `faults`, whatever that costs.
    """

    def is_shared(self) -> bool:
        """Return whether there are other banks in the storage."""

    def own_faults(self, progress: Callable[[], None] | None = None) -> Iterable[Fault]:
        """Find faults of schema and triggers, and of the bank's own rows.

        The cost is the same whatever other banks have. Never raises on a damaged file.
        """


class TellsUnseen(Reader, Protocol):
    """A reader that knows what of the schema its user is not shown.

    Without it an audit tells of nothing that it could not look at.
    """

    def schema_unseen(self) -> Iterable[str]:
        """Say, in words, which tables, checks or triggers the user may not see."""


class MakesBank(Writer, Protocol):
    """A writer that can make its bank, so that the bank and its first records are one commit.

    Without it what is to be kept whole or not at all may leave an empty bank.
    """

    def add_bank(self, journal: str) -> None:
        """Make the bank where it is missing; several may have one journal's id, as copies do.

        :raises Corrupt: its own row is missing, its others are there.
        """


class Confirms(Writer, Protocol):
    """A writer that can say in one question whether all is as a call expects it.

    Without it the head and the id are asked for, one after the other.
    """

    def confirms(self, journal: str, sequence: int, digest: bytes, *, id: str | None) -> bool:
        """Return true where the head is this one and no operation has the id, if there is one.

        False says nothing: both are then asked for.
        """


class FindsFollowing(Writer, Protocol):
    """A writer that can find the id that follows another, for a batch.

    Ids that were made one after the other lie beside each other, so that one look at what follows
    the first of them serves for many. Without it each id is asked of `Reader.find`.
    """

    def following_id(self, id: str) -> str | None:
        """Return the first id of an operation, by code point, that is not before this one."""


class AppendsLast(Writer, Protocol):
    """A writer that can write the last rows along with the commit, in one trip to a server.

    Without it they are given to `Writer.append`.
    """

    def append_last(self, batch: Batch) -> None:
        """Write the rows of the batch before the block ends; what `append` raises may come then."""


class Foresees(Protocol):
    """The block of a writer that can be told what will be asked in it first.

    Without it each question is asked when it comes up.
    """

    def foresee(self, *, after: int | None, limit: int, id: str | None) -> None:
        """Expect, before entry, what is asked behind the lock.

        That is `Reader.records` with `after` and `limit`, unless `after` is `None`, and
        `Reader.find` with `id`, unless that is. Another question may come all the same.
        """


class HasAddress(Store, Protocol):
    """A store that another process can open, so that it can do a part of a long audit.

    Without it the audit runs in one process. The address of a store that cannot be opened a
    second time after all (a private database, say) is `None`.
    """

    @property
    def address(self) -> str:
        """Return the URL by which another process opens it, with a password where it needs one."""


class Droppable(Protocol):
    """The block of a reader or writer that can be given up at any moment, from its own thread.

    Without it what an interrupt leaves half open is given back when it is garbage: the program
    that was interrupted in the first line of `__exit__` has no other way.
    """

    def drop(self) -> None:
        """Undo what was not committed and give back what is held.

        It may be called at any time: before entry, twice, after the end.
        """


class Wipes(Store, Protocol):
    """A store that can destroy what deleted rows leave behind.

    Without it an erasure says that the store does not tell where erased texts may remain.
    """

    def wipe(self) -> tuple[str, ...]:
        """Destroy what deleted rows leave behind, as far as it can be done from here.

        It is called after an erasure was committed. What is returned tells, in words, where
        what was erased may still be read: nothing, where it is gone.
        """


#: What a `GivesColumns` has, beside what each reader has.
_OF_COLUMNS: Final = ("record_columns", "posting_columns", "sequences_by_id", "totals_by_account")


def _has(owner: object, *names: str) -> bool:
    """Return whether it has all of these methods; one that is `None` was taken away."""
    return None not in map(getattr, repeat(owner), names, repeat(None))


def check_complete(reader: Reader, url: str) -> None:
    """Check that a reader has what was added to `Reader` since stores were first written.

    Without it a bank would go on until the question is first asked, and no further.

    :raises OtherVersion: it has not.
    """
    if not _has(reader, "tiles"):
        msg = f"the store {url} has no tiles of the tree: the package that it is of has to be newer"
        raise OtherVersion(msg).about(key="store_too_old", url=url)


def adds_up(reader: Reader) -> TypeGuard[AddsUp]:
    """Return whether a reader is an `AddsUp`."""
    return _has(reader, "sums")


def adds_late(reader: Reader) -> TypeGuard[AddsLate]:
    """Return whether a reader is an `AddsLate`."""
    return _has(reader, "late")


def finds_many(reader: Reader) -> TypeGuard[FindsMany]:
    """Return whether a reader is a `FindsMany`."""
    return _has(reader, "sequences")


def surveys(reader: Reader) -> TypeGuard[Surveys]:
    """Return whether a reader is a `Surveys`."""
    return _has(reader, "last_postings", "records_but")


def finds_postings(reader: Reader) -> TypeGuard[FindsPostings]:
    """Return whether a reader is a `FindsPostings`."""
    return _has(reader, "postings_between", "postings_behind")


def gives_columns(reader: Reader) -> TypeGuard[GivesColumns]:
    """Return whether a reader is a `GivesColumns`."""
    return _has(reader, *_OF_COLUMNS)


def knows_version(reader: Reader) -> TypeGuard[KnowsVersion]:
    """Return whether a reader is a `KnowsVersion`."""
    return _has(reader, "check_version")


def sees_schema(reader: Reader) -> TypeGuard[SeesSchema]:
    """Return whether a reader is a `SeesSchema`."""
    return _has(reader, "schema_faults")


def finds_own(reader: Reader) -> TypeGuard[FindsOwn]:
    """Return whether a reader is a `FindsOwn`."""
    return _has(reader, "own_faults", "is_shared")


def tells_unseen(reader: Reader) -> TypeGuard[TellsUnseen]:
    """Return whether a reader is a `TellsUnseen`."""
    return _has(reader, "schema_unseen")


def makes_bank(writer: Writer) -> TypeGuard[MakesBank]:
    """Return whether a writer is a `MakesBank`."""
    return _has(writer, "add_bank")


def confirms(writer: Writer) -> TypeGuard[Confirms]:
    """Return whether a writer is a `Confirms`."""
    return _has(writer, "confirms")


def finds_following(writer: Writer) -> TypeGuard[FindsFollowing]:
    """Return whether a writer is a `FindsFollowing`."""
    return _has(writer, "following_id")


def appends_last(writer: Writer) -> TypeGuard[AppendsLast]:
    """Return whether a writer is an `AppendsLast`."""
    return _has(writer, "append_last")


def foresees(block: object) -> TypeGuard[Foresees]:
    """Return whether the block of a writer is a `Foresees`."""
    return _has(block, "foresee")


def has_address(store: Store) -> TypeGuard[HasAddress]:
    """Return whether a store is a `HasAddress`, and has an address now."""
    return _has(store, "address")


def is_droppable(block: object) -> TypeGuard[Droppable]:
    """Return whether the block of a reader or writer is a `Droppable`."""
    return _has(block, "drop")


def wipes(store: Store) -> TypeGuard[Wipes]:
    """Return whether a store is a `Wipes`."""
    return _has(store, "wipe")
