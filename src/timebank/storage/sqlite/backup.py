"""A consistent copy of a SQLite file while others read and write it.

`VACUUM INTO` reads one snapshot and writes only what is alive in it, so that erased
text, which may lie in free pages of a file that other tools write to, does not come along.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import Final

from timebank.errors import Corrupt, InvalidRequest, StoreError, shown
from timebank.journal import genesis
from timebank.model import Head
from timebank.storage.lock import BUSY_TIMEOUT_SECONDS
from timebank.storage.sqlite.connections import FileConnections, connect
from timebank.storage.sqlite.errors import ERRORS, code_of, translated
from timebank.storage.sqlite.files import MODE
from timebank.storage.sqlite.store import SqliteStore, file_of, reading_uri

#: What SQLite puts beside a file, and would apply to another one of that name.
_LOGS: Final = ("-wal", "-journal")
#: What a file that is written over may leave to the one in its place: it is run by nobody.
_RIGHTS: Final = 0o666
#: How SQLite says that somebody has the file open.
_IN_USE: Final = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def backup_sqlite(url: str, target: str, *, overwrite: bool = False) -> dict[str, Head]:
    """Copy the file of one `sqlite:` URL to that of another and return the heads of its banks.

    Writers go on meanwhile; the copy is what one moment left. It is made beside its place,
    read back, and appears there only when it is whole and durable. Every other table of
    the file comes along. A new file is for its owner alone; one that is written over leaves
    its owner, group and rights. Nobody can open that while it is replaced, and what it had in
    its log goes with it, so that this restores a backup, too.

    :raises InvalidRequest: a URL that cannot be, a private database, or the same file.
    :raises NotFound: no such file to copy.
    :raises StoreError: the file cannot be opened or read; the place is taken and not
        `overwrite`, has the log of a file in use beside it, or cannot be written to.
    :raises Corrupt: the file is damaged, or the copy is not what was copied.

    >>> import tempfile
    >>> from timebank.storage.sqlite import open_sqlite
    >>> from timebank.storage.sqlite.backup import backup_sqlite
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store = open_sqlite(f"sqlite:///{folder}/bank.db", create=True)
    ...     store.make_bank("main", journal="j1")
    ...     heads = backup_sqlite(store.url, f"sqlite:///{folder}/copy.db")
    ...     store.close()
    >>> heads["main"].journal, heads["main"].sequence
    ('j1', 0)
    """
    uri, source = reading_uri(url)
    place = file_of(target)
    _check_place(source, place, overwrite=overwrite)
    if overwrite and place.exists():
        place = place.resolve()  # the file is written over, and no link to it
    connections = FileConnections(
        uri, where=str(source), synchronous="full", timeout_seconds=BUSY_TIMEOUT_SECONDS
    )
    with closing(SqliteStore(url, connections)) as original:
        before = _heads(original)
        try:
            with _beside(place) as made:
                _vacuum(uri, made, what=f"copying {source} to {place}")
                with closing(SqliteStore(target, _Alone(made, where=str(place)))) as copy:
                    heads = _heads(copy)
                _check_heads(original, before, heads)
                _keep(made, place, overwrite=overwrite)
        except OSError as error:
            msg = f"{place} cannot be written: {error.strerror or error}"
            raise StoreError(msg) from error
    return heads


class _Alone(FileConnections):
    """The connections to a file that nobody else knows, under the name that it will have.

    SQLite makes nothing beside it.
    """

    def __init__(self, made: Path, *, where: str) -> None:
        uri = f"{made.as_uri()}?mode=ro&immutable=1"
        super().__init__(uri, where=where, synchronous="full", timeout_seconds=BUSY_TIMEOUT_SECONDS)

    def _connect(self) -> sqlite3.Connection:
        """Open it, whatever is where it will be."""
        return _connected(self._uri)


def _heads(store: SqliteStore) -> dict[str, Head]:
    heads = {}
    for bank in store.banks():
        with store.reader(bank) as reader:
            heads[bank] = reader.head()
    return heads


def _check_heads(original: SqliteStore, before: dict[str, Head], heads: dict[str, Head]) -> None:
    """Check that each bank's head in the copy is one that its original had since the copying began.

    :raises Corrupt: it does not.
    """
    for bank in sorted(before.keys() | heads.keys()):
        with original.reader(bank) as reader:
            now, found = reader.head(), heads.get(bank)
            rows = reader.records(after=found.sequence - 1, limit=1) if found else []
        first = before[bank].sequence if bank in before else 0
        last = rows[0].digest if found and found.sequence and rows else genesis(now.journal)
        if (
            not found
            or found.sequence < first
            or (now.journal, last) != (found.journal, found.digest)
        ):
            msg = f"the copy of bank {shown(bank)} stands at {found}, which it never did"
            raise Corrupt(msg)


def _check_place(source: Path, place: Path, *, overwrite: bool) -> None:
    """Refuse what must not be written over, before any work."""
    try:
        if place.exists() and place.samefile(source):
            msg = f"{place} is the file that is to be copied"
            raise InvalidRequest(msg).about(key="backup_onto_itself", file=str(place))
        if not place.parent.is_dir():
            msg = f"there is no folder {place.parent} to make {place.name} in"
            raise StoreError(msg).about(
                key="folder_missing", folder=str(place.parent), file=str(place)
            )
        if place.is_symlink() or place.exists():
            if not overwrite:
                raise _taken(place)
            if not place.is_file():
                msg = f"{place} is not a file"
                raise StoreError(msg)
            _tidy(place)
        _check_no_log(place)
    except OSError as error:
        msg = f"{place} cannot be looked at: {error.strerror}"
        raise StoreError(msg) from error


def _check_no_log(place: Path) -> None:
    for log in (place.with_name(place.name + end) for end in _LOGS):
        if log.exists():
            msg = f"{log} is there: the bank of {place.name} is in use, or its log was left"
            raise StoreError(msg)


def _tidy(place: Path) -> None:
    """Let SQLite remove the files that its last user left beside a file, unless one is in use."""
    with (
        suppress(sqlite3.Error),
        closing(sqlite3.connect(f"{place.as_uri()}?mode=rw", uri=True)) as last,
    ):
        last.execute("PRAGMA schema_version").fetchone()


def _taken(place: Path) -> StoreError:
    msg = f"{place} is there already: overwrite (--force) would replace it"
    return StoreError(msg).about(key="file_there", file=str(place))


@contextmanager
def _beside(place: Path) -> Iterator[Path]:
    """Make an empty file of a new name in the same folder; it is removed at the end."""
    made = place.with_name(f".timebank-{token_hex(8)}.part")
    os.close(os.open(made, os.O_CREAT | os.O_EXCL | os.O_WRONLY, MODE))
    try:
        yield made
    finally:
        for end in ("", "-shm", *_LOGS):
            with suppress(OSError):
                made.with_name(made.name + end).unlink(missing_ok=True)


def _vacuum(uri: str, made: Path, *, what: str) -> None:
    """Write the contents of the source into an empty file, with a log as the source has."""
    try:
        with closing(_connected(uri)) as source:
            source.execute("VACUUM INTO ?", (made.as_uri(),))
        with closing(_connected(f"{made.as_uri()}?mode=rw")) as copy:
            (answer,) = copy.execute("PRAGMA quick_check(1)").fetchone()
            copy.execute("PRAGMA journal_mode = WAL").fetchone()
    except ERRORS as error:
        raise translated(error, what) from error
    if answer != "ok":
        msg = f"{what}: what was read is damaged ({answer})"
        raise Corrupt(msg)


def _connected(uri: str) -> sqlite3.Connection:
    return connect(uri, synchronous="full", timeout_seconds=BUSY_TIMEOUT_SECONDS)


def _keep(made: Path, place: Path, *, overwrite: bool) -> None:
    """Give the copy its rights and its name, in one step, once it is on the disk."""
    _sync(made)
    made.chmod(MODE)
    if overwrite and place.exists():
        _take_rights(made, place.stat())
        with _locked(place):
            made.replace(place)
    else:
        _name(made, place)
    if hasattr(os, "O_DIRECTORY"):  # elsewhere a folder cannot be opened
        _sync(place.parent)


def _name(made: Path, place: Path) -> None:
    """Give the copy a name that no file has."""
    try:
        place.hardlink_to(made)  # unlike a renaming it overwrites nothing
    except FileExistsError:
        raise _taken(place) from None
    except OSError:  # a file system without links
        if place.exists():
            raise _taken(place) from None
        made.rename(place)


def _take_rights(made: Path, there: os.stat_result) -> None:
    """Give a file the owner, the group and the rights of the one whose place it takes.

    Where the group cannot be given it gets no rights: it would be another one.
    """
    mode = stat.S_IMODE(there.st_mode) & _RIGHTS
    if hasattr(os, "chown"):
        try:
            os.chown(made, there.st_uid, there.st_gid)
        except OSError:
            try:
                os.chown(made, -1, there.st_gid)
            except OSError:
                mode &= ~stat.S_IRWXG
    made.chmod(mode)


@contextmanager
def _locked(place: Path) -> Iterator[None]:
    """Have a file for us alone, without a log, while another takes its place.

    Who has it open has a log beside it, which SQLite would apply to the new file. So it is
    taken out of the mode that keeps one, which works while nobody else has it open, and nobody
    gets at it until the end. What is no database, or cannot be written, is used by nobody.

    :raises StoreError: it is in use.
    """
    with closing(sqlite3.connect(f"{place.as_uri()}?mode=rw", uri=True, timeout=0)) as last:
        last.isolation_level = None
        mode = ""
        try:
            (mode,) = last.execute("PRAGMA journal_mode").fetchone()
            last.execute("PRAGMA journal_mode = DELETE").fetchone()
            last.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error as error:
            if code_of(error) in _IN_USE:
                msg = f"{place} is in use: end what has it open before it is written over"
                raise StoreError(msg) from error
        _check_no_log(place)
        if os.name == "nt":
            last.close()  # there a file that is open cannot be replaced
        try:
            yield
        except BaseException:
            with suppress(sqlite3.Error):
                last.execute("ROLLBACK")
                last.execute(f"PRAGMA journal_mode = {mode}").fetchone()
            raise


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
