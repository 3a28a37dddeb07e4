"""The protocol of a dialect, for what servers differ in, and the queries that all share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final, NamedTuple, Protocol

import attrs

from timebank.errors import TimebankError
from timebank.storage.address import ServerUrl
from timebank.storage.protocol import Batch
from timebank.storage.server.definitions import Catalogue
from timebank.storage.server.drivers import Driver
from timebank.storage.server.limits import Limits
from timebank.storage.tables import FEW, MANY, TABLES, Queries, last_postings, other_records

_RECORD: Final = "SELECT sequence, digest, body, kind, id, refers_to FROM timebank_records "
_ACCOUNT: Final = """SELECT account, kind, status, joined_on, floor, ceiling, opened, named,
    merged_into FROM timebank_accounts WHERE bank = %s """
_POSTING: Final = """SELECT account, version, sequence, seconds, balance, day
    FROM timebank_postings WHERE bank = %s AND account = %s AND """
_HOLD: Final = "SELECT account, expires_at, sequence, held, incoming FROM timebank_holds "
_STATUTES: Final = """SELECT sequence, version, closed_through FROM timebank_statutes
    WHERE bank = %s AND sequence < %s ORDER BY sequence DESC LIMIT %s"""
_TILES: Final = """SELECT level, tile, hash FROM timebank_tiles
    WHERE bank = %s AND level = %s AND tile > %s ORDER BY tile LIMIT %s"""
_HEAD: Final = "SELECT journal, sequence, digest FROM timebank_banks WHERE bank = %s"
_TEXTS: Final = """SELECT sequence, field, salt, text FROM timebank_texts
    WHERE bank = %s AND sequence > %s AND sequence <= %s ORDER BY sequence, field"""
#: An account's seconds of one sign.
_SUM: Final = "CAST(coalesce(sum(CASE WHEN seconds {sign} 0 THEN {seconds} END), 0) AS {integer})"


def queries(*, integer: str, lock: str = "", by_key: str = "") -> Queries:
    """Return the queries, in the SQL that PostgreSQL and MariaDB share.

    `lock` is put behind each question about rows of the bank; `by_key` is that of `Queries`.
    """
    sums = (_SUM.format(sign=">", seconds="seconds", integer=integer)) + ", "
    sums += _SUM.format(sign="<", seconds="-seconds", integer=integer)
    totals = f"SELECT {sums} FROM timebank_postings WHERE bank = %s AND account = %s "  # noqa: S608 - our words
    return Queries(
        head=_HEAD + lock,
        banks="SELECT bank FROM timebank_banks ORDER BY bank",
        has_rows=" UNION ALL ".join(
            f"(SELECT 1 FROM {table} WHERE bank = %s LIMIT 1)"  # noqa: S608 - our names
            for table in TABLES
        ),
        records=_RECORD + "WHERE bank = %s AND sequence > %s ORDER BY sequence LIMIT %s" + lock,
        records_but=other_records(_RECORD, "%s"),
        find=_RECORD + "WHERE bank = %s AND id = %s" + lock,
        sequences={
            size: "SELECT id, sequence FROM timebank_records "  # noqa: S608 - our words
            f"WHERE bank = %s AND id IN ({', '.join(['%s'] * size)})" + lock
            for size in (FEW, MANY)
        },
        referring=_RECORD + "WHERE bank = %s AND refers_to = %s ORDER BY sequence" + lock,
        texts=_TEXTS + lock,
        account=_ACCOUNT + "AND account = %s" + lock,
        accounts=_ACCOUNT + "AND account > %s ORDER BY account LIMIT %s" + lock,
        first_accounts=_ACCOUNT + "ORDER BY account LIMIT %s" + lock,
        last_posting=_POSTING + "sequence <= %s ORDER BY version DESC LIMIT 1" + lock,
        last_postings=last_postings("%s"),
        last_postings_through=last_postings("%s", through=True),
        postings=_POSTING + "version > %s ORDER BY version LIMIT %s" + lock,
        # The first bound on the day repeats the second, which MariaDB alone would not seek by.
        by_day=_POSTING
        + "day <= %s AND day >= %s AND (day, version) > (%s, %s) ORDER BY day, version LIMIT %s"
        + lock,
        by_day_back=_POSTING
        + "day >= %s AND day <= %s AND (day, version) < (%s, %s) "
        + "ORDER BY day DESC, version DESC LIMIT %s"
        + lock,
        totals=totals + "AND day >= %s AND day <= %s" + lock,
        all_totals=totals + lock,
        late=f"SELECT CAST(coalesce(sum(seconds), 0) AS {integer}) FROM timebank_postings "  # noqa: S608 - our words
        "WHERE bank = %s AND account = %s AND version > %s AND version <= %s AND day <= %s" + lock,
        # As with the days, the first bound repeats the second for MariaDB.
        holds=_HOLD
        + "WHERE bank = %s AND sequence >= %s AND (sequence, account) > (%s, %s) "
        + "ORDER BY sequence, account LIMIT %s"
        + lock,
        holds_of=_HOLD
        + "WHERE bank = %s AND account = %s AND expires_at >= %s "
        + "AND (expires_at, sequence) > (%s, %s) ORDER BY expires_at, sequence LIMIT %s"
        + lock,
        statutes=_STATUTES + lock,
        tiles=_TILES + lock,
        others="SELECT 1 FROM timebank_banks WHERE bank <> %s LIMIT 1",
        by_key=by_key,
    )


@attrs.frozen
class Terms:
    """What holds for a transaction of ours, and for it alone: nothing is left on the session.

    Behind a pooler the session is somebody else's next. `settings` are the server's own, by name.
    """

    read_only: bool = False
    timeout_seconds: float | None = None
    settings: tuple[tuple[str, str], ...] = ()


#: Those of a host, whose session has what the host has set.
OF_HOST: Final = Terms()


#: A statement and its values.
Question = tuple[str, tuple[object, ...]]


class CallQuestions(NamedTuple):
    """What a joined call asks where it begins."""

    bank: str
    #: An id that it will look for.
    id: str | None
    #: Of the batch that it is in: see `Dialect.mark`.
    mark: Any = None


class CallAnswers(NamedTuple):
    """What it is told: the row of the head, where the bank is there."""

    head: tuple[Any, ...] | None
    #: Whether the id is certainly free.
    is_free: bool = False


class Dialect(Protocol):
    """One kind of server. `lost` and `translated` look at errors of its driver.

    Statements have `%s` for a value. A cursor gives rows as plain tuples.
    """

    name: str
    #: What people call it.
    title: str
    #: Where what is deleted may still be read, in words.
    remains: tuple[str, ...]
    #: Whether to make a table is part of a transaction.
    transactional_ddl: bool

    @property
    def driver(self) -> Driver:
        """The package that talks to it."""

    #: What that raises.
    error: type[Exception]
    #: The questions of a reader, of a writer, and the head's, which takes the writer's lock.
    reading: Queries
    writing: Queries
    lock_head: str

    def arguments(self, url: ServerUrl) -> dict[str, Any]:
        """Return what its driver connects with; we begin transactions ourselves."""

    def connect(self, limits: Limits, arguments: dict[str, Any]) -> Any:
        """Return a new connection of ours, whose every wait ends."""

    def prepare(self, connection: Any, *, terms: Terms, given: Mapping[str, Any]) -> None:
        """Set up a new connection of ours, for which the URL has given these options."""

    def unfit(self, connection: Any) -> str | None:
        """Return why the database of a connection cannot hold a ledger, or `None`."""

    def begin_reading(self, cursor: Any, terms: Terms = OF_HOST) -> None:
        """Begin a transaction that sees one state until it ends, and writes nothing."""

    def begin_writing(self, cursor: Any, terms: Terms = OF_HOST) -> None:
        """Begin a transaction whose every statement sees what is committed by then."""

    def begin_asking(
        self, cursor: Any, terms: Terms, questions: Sequence[Question]
    ) -> list[list[tuple[Any, ...]]]:
        """Begin as `begin_writing`, ask questions one after the other, and return their rows."""

    def append_as_text(self, bank: str, batch: Batch, before: int) -> str | None:
        """Return statements, as one text, that do what `append` does, with the values in them.

        Where the head no longer stands there the first fails, and so all. `None` where it cannot be
        said so, or would be large.
        """

    def commit_with(self, cursor: Any, append: str) -> tuple[bool, bool | None]:
        """Run what `append_as_text` gave, and commit; return what `append` and `commit` do.

        Where a statement fails there is no commit: `is_failed` is then true.
        """

    def is_failed(self, connection: Any) -> bool:
        """Return whether a transaction is open in which a statement failed."""

    def commit(self, cursor: Any) -> bool | None:
        """Commit and return whether the server did, or `None` where it has a doubt of its own.

        What it raises may come from before the commit or from after it: see `rolled_back`.
        """

    def settle(self, cursor: Any, bank: str) -> None:
        """Have a commit that writes nothing wait as one does that writes.

        It acknowledges what others have committed: for a repeat that finds its id, and for a
        refusal. What can be seen is not yet on every disk, nor with every standby, that its own
        commit waits for. The head is locked.
        """

    def rolled_back(self, error: Exception) -> bool:
        """Return whether an error of a commit is known to mean that nothing was kept.

        By what the server names it, never by words. What is not known to be a rollback may have
        been written.
        """

    def takes_no_writes(self, error: Exception) -> bool:
        """Return whether it means that only reading is possible there, by any transaction."""

    def cursor(self, connection: Any) -> Any:
        """Return a cursor of the driver's own kind, whatever the connection's default is."""

    def append(self, cursor: Any, bank: str, batch: Batch, before: int) -> bool:
        """Write the rows and return whether the head still stood at the sequence `before`."""

    def delete_derived(self, cursor: Any, bank: str) -> None:
        """Delete the bank's derived rows, past their guards."""

    def lost(self, connection: Any, error: Exception) -> bool:
        """Return whether the connection is gone."""

    def translated(self, error: Exception, where: str) -> TimebankError:
        """Return the library's error for the driver's; raise it `from` that."""

    def savepoint(self, cursor: Any, name: str) -> None:
        """Begin a savepoint."""

    def begin_call(self, cursor: Any, name: str, questions: CallQuestions) -> CallAnswers | None:
        """Begin a savepoint, take the writer's lock, and look at the head and for an id.

        `None` where the batch that it is to be in is over; the savepoint may be there then.
        """

    def release(self, cursor: Any, name: str, append: str | None = None) -> bool:
        """Release a savepoint; return false where it is not there, and change nothing then.

        Before it is run what `append_as_text` gave.

        :raises Conflict: the head was moved meanwhile.
        """

    def undo(self, cursor: Any, name: str) -> bool:
        """Roll back to a savepoint and release it; `False` as from `release`.

        It heals a transaction in which a statement after the savepoint failed.
        """

    def mark(self, cursor: Any, bank: str) -> Any:
        """Return what tells later whether the savepoint that was just begun is there.

        The bank is there, and its row is locked.
        """

    def has_savepoint(self, cursor: Any, mark: Any) -> bool:
        """Return whether the savepoint of a mark is there, and change nothing."""

    def making_tables(self, cursor: Any) -> AbstractContextManager[None]:
        """Return a block in which no other process makes tables, where that is no transaction."""

    def has_tables(self, cursor: Any) -> bool:
        """Return whether the tables of the ledger are there."""

    def no_table(self, error: Exception) -> bool:
        """Return whether a table is missing."""

    def no_column(self, error: Exception) -> bool:
        """Return whether a column is missing."""

    def made_already(self, error: Exception) -> bool:
        """Return whether it means that another process has just made the same table."""

    def triggers(self, cursor: Any = None) -> tuple[str, ...]:
        """Return the statements that make the guards, also where they are there already.

        With a cursor those of partitions are among them.
        """

    def has_no_triggers(self, error: Exception) -> bool:
        """Return whether it means that triggers cannot be made here."""

    def catalogue(self, cursor: Any) -> Catalogue:
        """Return what is defined there, and what this version would define."""

    def unseen(self, cursor: Any) -> Sequence[str]:
        """Return in words what is not shown to this user."""

    def may_guard(self, cursor: Any) -> bool:
        """Return whether the engine has triggers, and this user may make them."""

    def schemas(self, cursor: Any) -> set[str]:
        """Return the schemas in which queries find the tables of the ledger."""
