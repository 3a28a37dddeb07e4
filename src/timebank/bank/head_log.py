r"""A log of heads: a file with a line for each head that a bank had when it was asked.

It lies where what keeps the bank does not, and is written by cron, `timebank head --log FILE`.
A line is written behind the snapshot in which the head was read, so that the log may lag and
never leads. Who writes to it has its lock. What an end of power leaves of a line is no line.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs

from timebank.bank.told import Told, other_bank
from timebank.errors import HistoryLost, InvalidRequest, NotFound, shown
from timebank.model import Head, instant
from timebank.queries.history import excuse, has_head, instant_of
from timebank.storage.tree import tree_at

if TYPE_CHECKING:
    from timebank.storage.protocol import Reader

#: No line is longer: of a head, its root and an instant, with an id of a journal in it.
_LONGEST: Final = 4_096


class HeadLog:
    """A log of the heads of one bank.

    >>> import tempfile, timebank
    >>> from pathlib import Path
    >>> from timebank.bank.head_log import HeadLog
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     log = HeadLog(Path(folder) / "heads")
    ...     _ = log.append(lambda: bank.store.reader("main"), clock=0)
    ...     log.last() == bank.head()
    True
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        #: What the file was when it was read, and its last head then.
        self._seen: tuple[int, ...] = ()
        self._last: Head | None = None

    def last(self) -> Head:
        """Return the last head of it; where the file is gone, the last one that it had.

        :raises NotFound: there is no such file, and was none.
        :raises InvalidRequest: it has no head, or a last line that is none.
        """
        try:
            found = Path(self.path).stat()
        except OSError as error:
            if self._last is None:
                msg = f"the log of heads {shown(self.path)} cannot be read: {error.strerror}"
                raise NotFound(msg).about(key="heads_without", file=self.path) from error
            return self._last
        seen = (found.st_ino, found.st_size, found.st_mtime_ns)
        if self._last is None or seen != self._seen:
            with self._opened("rb") as file:
                head = _Tail.of(file, self.path).head
            if head is None:
                msg = f"there is no head in {shown(self.path)}: timebank head --log writes one"
                raise InvalidRequest(msg).about(key="heads_without", file=self.path)
            self._last, self._seen = head, seen
        return self._last

    def append(self, reading: Callable[[], AbstractContextManager[Reader]], *, clock: int) -> Head:
        """Append the head of a bank, durably, unless it is the last line already; return it.

        `reading` opens a reader of it, which is done once the log is locked: of two who append,
        the second sees what the first has seen, and perhaps more.

        What a commit or a lack of space interrupts leaves the log as it was.

        :raises InvalidRequest: a last line that is no head, or a log of another bank.
        :raises HistoryLost: the journal has the last head of the log no more, and no record says
            so: nothing is appended then.
        :raises OSError: it cannot be written.
        """
        is_new = not Path(self.path).exists()
        with self._opened("ab+") as file, _locked(file):
            tail = _Tail.of(file, self.path)
            with reading() as reader:
                head = reader.head()
                moment = instant(instant_of(reader, head.sequence))
                root = tree_at(reader, head.sequence).root()
                head = attrs.evolve(head, find_root=root, recorded_at=moment)
                line = f"{head.for_log()}\n".encode()
                if tail.head is not None and self._is_done(reader, head, tail.head, clock):
                    return head
            _write(file, tail, line)
        if is_new:
            _sync_folder(Path(self.path).parent)
        return head

    def _is_done(self, reader: Reader, head: Head, last: Head, clock: int) -> bool:
        """Return whether the last line says as much; check that it was not lost."""
        if last.journal != head.journal:
            raise other_bank(self.path)
        if last == head:
            return True
        if not has_head(reader, last, head):
            told = Told.of(last)
            if excuse(reader, last, told.recorded_at, clock=clock) is None:
                raise HistoryLost(head=last, found=head)
        return False

    @contextmanager
    def _opened(self, mode: str) -> Iterator[FileIO]:
        with open(self.path, mode, buffering=0) as file:  # noqa: PTH123  # unbuffered, typed so
            assert isinstance(file, FileIO)  # noqa: S101  # as it is without a buffer
            yield file


def whole_lines(data: bytes) -> bytes:
    r"""Return what is in a log without a last line that was never whole; other files as they are.

    >>> from timebank.bank.head_log import whole_lines
    >>> whole_lines(b"2026-11-30T11:00:00.000000Z\ntimebank/1 j1 7")
    b'2026-11-30T11:00:00.000000Z\n'
    >>> whole_lines(b"timebank/1 j1 7")
    b'timebank/1 j1 7'
    """
    whole, end, torn = data.rpartition(b"\n")
    if not torn or not whole.endswith(b"Z"):  # as the instant of a line does
        return data
    try:
        Head.of(torn.decode())
    except (InvalidRequest, UnicodeError):
        return whole + end
    return data


@attrs.frozen
class _Tail:
    """The end of a log: the last head, and where what comes behind the last whole line begins."""

    head: Head | None
    size: int
    #: Whether what stands behind it is a head too, of which the end of the line is missing.
    lacks_end: bool = False

    @classmethod
    def of(cls, file: FileIO, path: str) -> _Tail:
        """Read the end of a log.

        :raises InvalidRequest: the last whole line is no head.
        """
        end = file.seek(0, os.SEEK_END)
        start = max(end - 2 * _LONGEST, 0)
        file.seek(start)
        data = b""
        while len(data) < end - start and (more := file.read(end - start - len(data))):
            data += more
        whole, _, torn = data.rpartition(b"\n")
        size = end - len(torn)
        if torn:
            with suppress(InvalidRequest, UnicodeError):
                return cls(Head.of(torn.decode()), end, lacks_end=True)
        line = whole.rstrip(b"\r\n \t").rpartition(b"\n")[2].decode(errors="replace")
        if not line:
            return cls(None, size)
        try:
            return cls(Head.of(line), size)
        except InvalidRequest as error:
            msg = f"a line of {shown(path)} is no head: {shown(line)}"
            raise InvalidRequest(msg).about(
                key="heads_unreadable", file=path, line=shown(line)
            ) from error


def _write(file: FileIO, tail: _Tail, line: bytes) -> None:
    """Write a line behind the last whole one, all of it or nothing, and wait for the disk."""
    before = tail.size
    if tail.lacks_end:
        line = b"\n" + line
    try:
        file.truncate(before)
        if file.write(line) != len(line):
            msg = "no space is left for a whole line"
            raise OSError(msg)
        os.fsync(file.fileno())
    except BaseException:
        with suppress(OSError):
            file.truncate(before)
        raise


@contextmanager
def _locked(file: FileIO) -> Iterator[None]:
    """Have the file to oneself in the block, where the system has locks; it goes with the file."""
    with suppress(ImportError):
        import fcntl

        fcntl.flock(file.fileno(), fcntl.LOCK_EX)
    yield


def _sync_folder(folder: Path) -> None:
    """Make the name of a new file durable, where the system can."""
    with suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
