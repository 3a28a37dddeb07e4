"""What the blocks of a joined store need of a host's connection, and of its readers and writers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from timebank.storage.protocol import Reader, Writer

if TYPE_CHECKING:
    from timebank.storage.joined.savepoints import Savepoint


class JoinedReader(Reader, Protocol):
    """A reader that can name all banks, and be closed."""

    def banks(self) -> list[str]:
        """Return the names of the banks, by code point."""

    def close(self) -> None:
        """Every call from now on is an error."""


class JoinedWriter(Writer, Protocol):
    """A writer that can make its bank, and says what was done with it."""

    @property
    def failed(self) -> BaseException | None:
        """The first error of a statement: nothing is written then."""

    def lock(self) -> None:
        """Take the lock of the writer: it is held until the host's transaction ends."""

    def check_bank(self) -> None:
        """Check that the bank is there.

        :raises BankNotFound: it is not.
        """

    def add_bank(self, journal: str) -> None:
        """Make the bank where it is missing."""

    def is_untouched(self) -> bool:
        """Return whether nothing was appended, and no statement failed."""

    def keep_to(self, savepoint: Savepoint) -> None:
        """Append only as long as a savepoint is there: `Savepoint.check` says."""

    def last(self) -> str | None:
        """Return what is still to be written along with the end of the savepoint."""

    def close(self) -> None:
        """Every call from now on is an error."""


class HostConnection(Protocol):
    """A driver's connection of a host: what the store needs of each kind of database."""

    where: str
    #: The driver's connection.
    driver: Any
    #: Whether nothing may be read before the lock is taken, lest it is not waited for.
    locks_first: bool

    @property
    def remains(self) -> tuple[str, ...]:
        """Where what is deleted may still be read, in words."""

    def savepoint(self, name: str) -> None:
        """Begin a savepoint."""

    def begin_call(
        self, name: str, bank: str, id: str | None, within: tuple[str, object] | None = None
    ) -> JoinedWriter | None:
        """Begin a savepoint and return a writer that has the lock.

        It will be asked for the `id` of an operation. `within` is the name of a batch's savepoint
        and its `mark`; where that is not there, `None` is returned.

        :raises BankNotFound: there are no tables.
        """

    def release(self, name: str, append: str | None = None) -> bool:
        """Release a savepoint; return false where it is not there, and change nothing then.

        Before it what a writer gave as its `last` is written.
        """

    def undo(self, name: str) -> bool:
        """Roll back to a savepoint and release it; false as from `release`."""

    def mark(self, bank: str) -> object:
        """Return what tells later whether the savepoint that was just begun is there."""

    def has_savepoint(self, name: str, mark: Any) -> bool:
        """Return whether a savepoint is there, and change nothing."""

    def may_have(self, name: str) -> bool:
        """Return false where a savepoint is certainly not there; it is asked before each append.

        On servers it looks whether a transaction is open: what is appended is bound to the
        head that was read, so that it follows no other.
        """

    def give_back(self) -> None:
        """Give back what an interrupt left open between two statements."""

    def reader(self, bank: str) -> JoinedReader:
        """Return a reader in the transaction that is open.

        :raises BankNotFound: there are no tables, where to ask for one would be an error.
        """

    def writer(self, bank: str) -> JoinedWriter:
        """Return a writer in the transaction that is open, before its `lock`."""

    def has_tables(self) -> bool:
        """Return whether the tables of the ledger are there; to ask is no error if not."""

    def check_version(self) -> bool:
        """Check that the tables are of this version; return whether they are there.

        :raises OtherVersion: they are not of this version.
        """

    def make_tables(self) -> None:
        """Make the tables of the ledger.

        :raises StoreError: to make them would commit the host's transaction.
        """

    def migrates_alone(self, *, is_told: bool) -> bool:
        """Return whether tables are made in a transaction of our own alone.

        `is_told` where the host says that a transaction is open, whatever the server says.

        :raises InvalidRequest: one of the host's is open, which that would commit.
        """

    def migrate(self) -> list[str]:
        """Make what is missing of the tables; return the names of what was done."""

    def begin_reading(self) -> None:
        """Begin a transaction of our own, that sees one state and changes nothing."""

    def begin_making(self) -> None:
        """Begin a transaction of our own, in which tables are made."""

    def end(self, *, keep: bool) -> None:
        """Commit or roll back a transaction of our own."""
