"""A consistent copy of a SQLite file while others read and write it.

`VACUUM INTO` reads one snapshot and writes only what is alive in it, so that erased
text, which may lie in free pages of a file that other tools write to, does not come along.
"""

from __future__ import annotations

import os
import sqlite3
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
from timebank.storage.sqlite.errors import ERRORS, translated
from timebank.storage.sqlite.store import SqliteStore, file_of, reading_uri

#: What SQLite puts beside a file, and would apply to another one of that name.
_LOGS: Final = ("-wal", "-journal")
#: A copy may be read by whom the original may be read, and run by nobody.
_MODE: Final = 0o666


def backup_sqlite(url: str, target: str, *, overwrite: bool = False) -> dict[str, Head]:
    """Copy the file of one `sqlite:` URL to that of another and return the heads of its banks.

    Writers go on meanwhile; the copy is what one moment left. It is made beside its place,
    read back, and appears there only when it is whole and durable. Every other table of
    the file comes along.

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
    with closing(_store(url, uri, where=source)) as original:
        before = _heads(original)
        try:
            with _beside(place) as made:
                _vacuum(uri, made, what=f"copying {source} to {place}")
                with closing(_store(target, _alone(made), where=place)) as copy:
                    heads = _heads(copy)
                _check_heads(original, before, heads)
                mode = source.stat().st_mode & _MODE
                _keep(made, place, mode=mode, overwrite=overwrite)
        except OSError as error:
            msg = f"{place} cannot be written: {error.strerror or error}"
            raise StoreError(msg) from error
    return heads


def _store(url: str, uri: str, *, where: Path) -> SqliteStore:
    connections = FileConnections(
        uri, where=str(where), synchronous="full", timeout_seconds=BUSY_TIMEOUT_SECONDS
    )
    return SqliteStore(url, connections)


def _alone(made: Path) -> str:
    """Return the URI of a file that nobody else knows: SQLite makes nothing beside it."""
    return f"{made.as_uri()}?mode=ro&immutable=1"


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
            raise InvalidRequest(msg)
        if not place.parent.is_dir():
            msg = f"there is no folder {place.parent} to make {place.name} in"
            raise StoreError(msg)
        if place.is_symlink() or place.exists():
            if not overwrite:
                raise _taken(place)
            if not place.is_file():
                msg = f"{place} is not a file"
                raise StoreError(msg)
            _tidy(place)
        for log in (place.with_name(place.name + end) for end in _LOGS):
            if log.exists():
                msg = f"{log} is there: the bank of {place.name} is in use, or its log was left"
                raise StoreError(msg)
    except OSError as error:
        msg = f"{place} cannot be looked at: {error.strerror}"
        raise StoreError(msg) from error


def _tidy(place: Path) -> None:
    """Let SQLite remove the files that its last user left beside a file, unless one is in use."""
    with (
        suppress(sqlite3.Error),
        closing(sqlite3.connect(f"{place.as_uri()}?mode=rw", uri=True)) as last,
    ):
        last.execute("PRAGMA schema_version").fetchone()


def _taken(place: Path) -> StoreError:
    return StoreError(f"{place} is there already: overwrite (--force) would replace it")


@contextmanager
def _beside(place: Path) -> Iterator[Path]:
    """Make an empty file of a new name in the same folder; it is removed at the end."""
    made = place.with_name(f".timebank-{token_hex(8)}.part")
    os.close(os.open(made, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
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


def _keep(made: Path, place: Path, *, mode: int, overwrite: bool) -> None:
    """Give the copy its rights and its name, in one step, once it is on the disk."""
    _sync(made)
    made.chmod(mode)
    if overwrite:
        made.replace(place)
    else:
        try:
            place.hardlink_to(made)  # unlike a renaming it overwrites nothing
        except FileExistsError:
            raise _taken(place) from None
        except OSError:  # a file system without links
            if place.exists():
                raise _taken(place) from None
            made.rename(place)
    if hasattr(os, "O_DIRECTORY"):  # elsewhere a folder cannot be opened
        _sync(place.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
