"""Files that are written whole or not at all, and folders that one process uses at a time."""

from __future__ import annotations

import errno
import os
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from timebank.errors import StoreBusy, shown

#: After so many seconds a lock that another process holds is given up.
WAITS_SECONDS: Final = 10.0
_PAUSE_SECONDS: Final = 0.02
_MODE: Final = 0o644
#: What is answered where a file system cannot do a thing, to folders or at all.
_CANNOT: Final = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}


def write_whole(path: str | os.PathLike[str], text: str) -> None:
    """Write a file: whole, or not at all. When it returns, file and name have reached the disk.

    It is written beside its place first, and takes it in one step. What a killed process left
    beside it is written over: one process at a time writes there (see `alone_in`).

    :raises OSError: it cannot be written; what was there is as it was.

    >>> import tempfile
    >>> from pathlib import Path
    >>> from timebank.proof.folders import write_whole
    >>> folder = tempfile.TemporaryDirectory()
    >>> write_whole(Path(folder.name, "head"), "new")
    >>> [file.read_text("utf-8") for file in Path(folder.name).iterdir()]
    ['new']
    >>> folder.cleanup()
    """
    target = Path(path)
    beside = target.with_name(f".{target.name}.new")
    # Not what another may have put there under this name: a link, say.
    with suppress(FileNotFoundError):
        beside.unlink()
    _write_beside(beside, text.encode())
    try:
        beside.replace(target)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise
    sync_folder(target.parent)


def _write_beside(beside: Path, data: bytes) -> None:
    """Write a new file, and see to it that it has reached the disk; or leave none."""
    file = os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _MODE)
    try:
        with os.fdopen(file, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise


def keep_new(path: str | os.PathLike[str], text: str) -> Path:
    """Write a new file beside what is there, whole; return where it is.

    Nothing is written over: where the name is taken by another text, a number is put behind it.

    :raises OSError: it cannot be written.

    >>> import tempfile
    >>> from pathlib import Path
    >>> from timebank.proof.folders import keep_new
    >>> folder = tempfile.TemporaryDirectory()
    >>> [keep_new(Path(folder.name, "evidence"), text).name for text in ("a", "a", "b")]
    ['evidence', 'evidence', 'evidence.2']
    >>> folder.cleanup()
    """
    first, number, data = Path(path), 1, text.encode()
    # Under a name of its own, for others may keep something at the same time.
    beside = first.with_name(f".{first.name}.{secrets.token_hex(4)}.new")
    _write_beside(beside, data)
    try:
        place = first
        while not _takes(place, beside):
            if place.is_file() and place.read_bytes() == data:
                return place
            number += 1
            place = first.with_name(f"{first.name}.{number}")
    finally:
        with suppress(OSError):
            beside.unlink()
    sync_folder(place.parent)
    return place


def _takes(place: Path, beside: Path) -> bool:
    """Give a file a name that nothing has; return whether it was free."""
    try:
        os.link(beside, place)
    except FileExistsError:
        return False
    except OSError as error:  # a file system without a second name for a file, or a system
        if error.errno not in _CANNOT | {errno.EPERM, errno.EMLINK}:
            raise
        if place.exists():
            return False
        beside.replace(place)
    return True


def make_folder(path: str | os.PathLike[str]) -> None:
    """Make a folder, and those above it, where they are missing; their names reach the disk.

    :raises OSError: it cannot be made.
    """
    folder = Path(path)
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """See to it that the names in a folder have reached the disk, where a system can.

    :raises OSError: the disk failed.
    """
    if sys.platform == "win32":
        return
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    except OSError as error:
        if error.errno not in _CANNOT:
            raise
    finally:
        os.close(number)


@contextmanager
def alone_in(lock: str | os.PathLike[str]) -> Iterator[None]:
    """Hold the lock of a file within the block; another thread or process waits for it.

    The file is made where it is missing, and stays. Who is killed holds nothing.

    :raises StoreBusy: another held it for longer than `WAITS_SECONDS`.
    :raises OSError: there is no place for it.
    """
    until = time.monotonic() + WAITS_SECONDS
    number = _opened(lock)
    try:
        # Who took the file away while others waited would have let two in: each asks the name.
        while not (_locked(number) and _is_at(number, lock)):
            if time.monotonic() > until:
                msg = f"another process uses {shown(os.fspath(lock))} for too long: try again"
                raise StoreBusy(msg).about(key="folder_busy", file=os.fspath(lock))
            time.sleep(_PAUSE_SECONDS)
            if not _is_at(number, lock):
                os.close(number)
                number = _opened(lock)
        yield
    finally:
        os.close(number)  # which gives the lock back


def _opened(lock: str | os.PathLike[str]) -> int:
    try:
        return os.open(lock, os.O_CREAT | os.O_RDWR, _MODE)
    except FileNotFoundError as error:  # what is missing is the folder: nobody asked for a lock
        raise FileNotFoundError(error.errno, error.strerror, str(Path(lock).parent)) from None


def _is_at(number: int, lock: str | os.PathLike[str]) -> bool:
    """Return whether an open file is still the one of this name."""
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(number), Path(lock).stat())
    return False


def _locked(number: int) -> bool:
    """Take the lock of an open file; return whether it was free."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(number, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in {errno.EACCES, errno.EAGAIN, errno.EDEADLK}:
            raise  # a file system without locks: nobody would be alone
        return False
    return True
