"""Make database files that nobody else may read, and tell when another file is in their place."""

from __future__ import annotations

import os
import stat
import sys
from contextlib import suppress
from typing import Final

from timebank.errors import StoreError

if sys.platform != "win32":
    from fcntl import F_GETFL, fcntl

#: What a file is made with: it is for its owner alone, whatever the umask. SQLite gives the files
#: that it keeps beside a database (-wal, -shm, -journal) the rights of the database.
MODE: Final = 0o600
#: A file, by its device and its number there.
File = tuple[int, int]


def make_private(path: str | os.PathLike[str]) -> None:
    """Make an empty file that only its owner may read and write, unless there is one already.

    A file that is there keeps its rights. What cannot be made is told by who opens it next.
    The file is not opened where that can be helped: to close it again would release the locks
    that another thread may have taken on it meanwhile.
    """
    real = os.path.realpath(path)  # what a link leads to is made, as SQLite does it
    with suppress(OSError):
        try:
            os.mknod(real, MODE | stat.S_IFREG)
        except FileExistsError:
            return
        except (AttributeError, OSError):  # elsewhere than on Linux, or on other file systems
            os.close(os.open(real, os.O_CREAT | os.O_EXCL | os.O_WRONLY, MODE))
        os.chmod(real, MODE)  # noqa: PTH101 - a str; a umask may have taken away even these


def file_at(path: str) -> File:
    """Return which file is at a path, as links lead there now.

    :raises StoreError: none, or it cannot be looked at.
    """
    try:
        found = os.stat(path)  # noqa: PTH116 - a str
    except OSError as error:
        raise replaced(path) from error
    return found.st_dev, found.st_ino


def has_bytes(path: str) -> bool:
    """Return whether there is a file that is not empty."""
    try:
        return os.path.getsize(path) > 0  # noqa: PTH202 - a path of bytes that are no text, perhaps
    except OSError:
        return False


def file_of(number: int) -> File | None:
    """Return which file this process has open under a number; `None` where it has none."""
    try:
        found = os.fstat(number)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def numbers_here() -> dict[int, File]:
    """Return what this process has open, by number; nothing where the system does not list it."""
    found = {}
    with suppress(OSError, ValueError):
        for name in os.listdir("/dev/fd"):  # noqa: PTH208 - names alone
            file = file_of(int(name))
            if file is not None:
                found[int(name)] = file
    return found


def numbers_of(path: str, here: dict[int, File]) -> dict[int, File]:
    """Return, of what this process has open, a database and the files of SQLite's beside it."""
    files = set()
    for end in ("", "-wal", "-shm", "-journal"):
        with suppress(StoreError):
            files.add(file_at(os.path.realpath(path) + end))
    return {number: file for number, file in here.items() if file in files}


class Log:
    """The log that an open file has, so that each commit can ask whether it is still there.

    To look at a file by `stat` has a price on Linux: the next write to it keeps its time to the
    nanosecond, and a commit that waits for the disk then waits for that too, a quarter as long
    again. A log is written at each commit. So it is held open without access (`O_PATH`: to
    close that releases no lock of SQLite's), and asked for its name only, which tells whether it
    was moved or deleted. Where the name is another one, or cannot be read, its number decides.

    >>> from timebank.storage.sqlite.files import Log
    >>> Log("nowhere.db").is_there()  # in a mode of SQLite's that keeps no log
    True
    """

    # These are of the class first: `__del__` is called too where an interrupt fell into `__init__`.
    #: Its number on its device; 0 where there was none.
    number = 0
    #: What is held open, and where the system tells its name.
    _held: int | None = None
    _link = _name = ""

    def __init__(self, path: str) -> None:
        self.path = f"{os.path.realpath(path)}-wal"
        with suppress(OSError):
            self.number = os.stat(self.path).st_ino  # noqa: PTH116 - a str
        with suppress(AttributeError, OSError):  # elsewhere than on Linux, or without /proc
            self._held = os.open(self.path, os.O_PATH | os.O_CLOEXEC)
            link = f"/proc/self/fd/{self._held}"
            name = os.readlink(link)  # noqa: PTH115 - a str, and quick
            if os.fstat(self._held).st_ino == self.number and self._is_at_its_path():
                self._link, self._name = link, name

    def __del__(self) -> None:
        """Close what was held, unless a daemon has closed all it had, and the number is another's.

        That may be SQLite's own, which has the log open to write: it would write elsewhere then.
        """
        if self._held is not None:
            with suppress(OSError):
                is_held = fcntl(self._held, F_GETFL) & os.O_PATH
                if is_held and os.fstat(self._held).st_ino == self.number:
                    os.close(self._held)

    def is_there(self) -> bool:
        """Return whether it has its name still; true where there was none."""
        try:
            if os.readlink(self._link) == self._name:  # noqa: PTH115 - a str, and quick
                return True
        except OSError:
            pass
        return not self.number or self._is_at_its_path()

    def _is_at_its_path(self) -> bool:
        try:
            return os.stat(self.path).st_ino == self.number  # noqa: PTH116 - a str
        except OSError:
            return False


def replaced(path: str, file: File | None = None, log: Log | None = None) -> StoreError:
    """Return the error for a path that does not lead to the file that was opened any more.

    Where it still leads to `file` it is its `log` that was taken away from under who writes it, or,
    where that is there, another file that was copied into this one.
    """
    try:
        now = os.stat(path)  # noqa: PTH116 - a str
    except FileNotFoundError:
        what = "is not there any more: it was moved or deleted while it was in use"
    except OSError as error:
        what = f"cannot be looked at any more ({error.strerror})"
    else:
        what = "is another file than the one that was opened: it was replaced while it was in use"
        if (now.st_dev, now.st_ino) == file:
            what = "is damaged: it was written over while it was in use"
        if (now.st_dev, now.st_ino) == file and log is not None and not log.is_there():
            return StoreError(
                f"{log.path} was replaced, moved or deleted while it was in use. Nothing was "
                "written. End all programs that have the file open, and open the bank anew: the "
                "one that ends last writes what it has in its log into the file"
            )
    return StoreError(
        f"{path} {what}. Nothing was written. End all programs that have the old one open, put "
        f"the file that is wanted there, without {os.path.basename(path)}-wal and -shm of "  # noqa: PTH119 - a str
        "another, and open the bank anew"
    )
