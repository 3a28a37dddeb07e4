"""Processes that wait for each other, one step after the other, and one that is killed."""

from __future__ import annotations

import os
import select
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from timebank.storage.protocol import Batch, Reader, Store
from timebank.testing.fixtures import StoreUnderTest, needs
from timebank.testing.races import LOCKED_OUT_SECONDS, WORKERS, check_turns, in_processes, run_child
from timebank.testing.rows import both, everything, posting, record, small_bank

#: How long a process may take for a step that nothing keeps it from.
PATIENCE_SECONDS = 10.0
TURNS = 8


class Child:
    """A forked process that works step by step: it says a line, and waits until it may go on."""

    def __init__(self, work: Callable[[Child], None]) -> None:
        heard, say = os.pipe()
        wait, tell = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            self._in, self._out = wait, say
            os.close(heard)
            os.close(tell)  # so that the parent's end is the end
            run_child(lambda _, __: work(self), None, say)
        os.close(say)
        os.close(wait)
        self._in, self._out = heard, tell
        self._text = b""
        self.is_gone = False

    # -- in the child --------------------------------------------------------------

    def say(self, line: object) -> None:
        """Say a line to the parent, and go on."""
        os.write(self._out, f"{line}\n".encode())

    def wait(self, line: object) -> None:
        """Say a line, and wait for the parent."""
        self.say(line)
        if not os.read(self._in, 1):
            os._exit(0)  # there is nobody any more

    # -- in the parent -------------------------------------------------------------

    def go(self) -> None:
        """Let the child go on."""
        os.write(self._out, b"!")

    def hear(self, seconds: float | None = None) -> str | None:
        """Return the next line, `None` where none came in time, or `""` at the child's end."""
        patience = PATIENCE_SECONDS if seconds is None else seconds
        while b"\n" not in self._text:
            if not select.select([self._in], [], [], patience)[0]:
                return None
            more = os.read(self._in, 4096)
            if not more:
                return ""
            self._text += more
        line, _, self._text = self._text.partition(b"\n")
        return line.decode()

    def kill(self) -> None:
        """End the child as it stands, and wait until it is gone."""
        if self.is_gone:
            return
        self.is_gone = True
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self._in)
        os.close(self._out)


@contextmanager
def children(*works: Callable[[Child], None]) -> Iterator[list[Child]]:
    """Start a process for each piece of work; they are gone at the end, whatever happens."""
    started: list[Child] = []
    try:
        for work in works:
            started.append(Child(work))  # noqa: PERF401 - those that were started, if one fails
        yield started
    finally:
        for child in started:
            child.kill()


def _next(sequence: int) -> Batch:
    """Return one record, with an id, an account of its own, and a posting of one for all."""
    return Batch(
        [record(sequence, id=f"t{sequence}")],
        accounts=both("v", f"w{sequence}"),
        postings=[posting("v", sequence, sequence, 60, "2026-03-02")],
    )


def _stands(reader: Reader, begun: int) -> str:
    """Return the last record that a reader sees: by each question, where they do not agree."""
    head, last = reader.head().sequence, reader.last_posting("v")
    told = {
        head,
        len(reader.records(after=0, limit=99)),
        begun + sum(row.account[0] == "w" for row in reader.accounts(after=None, limit=99)),
        begun if last is None else last.sequence,
        head if not head or reader.find(f"t{head}") is not None else -1,
    }
    return " or ".join(map(str, sorted(told)))


class Processes(StoreUnderTest, part=True):
    """What a process may count on while another one reads or writes the same place."""

    def spellings(self, url: str, folder: Path) -> list[str]:
        """Return other URLs of the same place, for a lock must not go by how it is spelled.

        Without a method of your own it is the URL with a link in the place of the folder, where
        the folder's name is in it.
        """
        if str(folder) not in url:
            return []
        link = folder / "link"
        link.symlink_to(folder, target_is_directory=True)
        return [url.replace(str(folder), str(link))]

    def _writing(self, url: str, *, begun: int = 0) -> Callable[[Child], None]:
        """Return the work of a process that writes one record, and waits before it does.

        It has read the bank before. `begun` is how many records were there before the first such.
        """

        def work(child: Child) -> None:
            store = self.open(url)
            with store.reader("main") as reader:
                _stands(reader, begun)
            child.wait("opened")
            with store.writer("main") as writer:
                child.wait(f"at {_stands(writer, begun)}")
                writer.append(_next(writer.head().sequence + 1))
                child.wait("written")
            child.say("done")
            store.close()

        return work

    @needs("shared")
    def test_a_second_process_waits_for_the_first(
        self, url: str, tmp_path: Path, store: Store
    ) -> None:
        """It cannot begin while another writes, however its URL is spelled; then it sees all."""
        store.close()
        at = 0
        for spelled in [url, *self.spellings(url, tmp_path)]:
            with children(self._writing(url), self._writing(spelled)) as (first, second):
                assert ["opened", "opened"] == [first.hear(), second.hear()]
                first.go()
                assert f"at {at}" == first.hear()
                second.go()
                # A lock that holds makes this wait as long as it may; one that lies ends it.
                assert None is second.hear(LOCKED_OUT_SECONDS)
                first.go()
                assert "written" == first.hear()
                assert None is second.hear(LOCKED_OUT_SECONDS / 4)
                first.go()
                assert "done" == first.hear()
                assert f"at {at + 1}" == second.hear()
                for expected in ("written", "done"):
                    second.go()
                    assert expected == second.hear()
                assert ["", ""] == [first.hear(), second.hear()]
            at += 2
        again = self.open(url)
        with again.reader("main") as reader:
            rows = [_next(n).records[0] for n in range(1, at + 1)]
            assert rows == reader.records(after=0, limit=99)
            assert str(at) == _stands(reader, 0)
        again.close()

    @needs("shared")
    def test_a_store_that_is_opened_twice_has_one_lock(self, url: str, store: Store) -> None:
        """The lock is of the place, and not of the object: in one process, too."""
        other = self.open(url)
        check_turns(store, other)
        other.close()

    @needs("shared")
    def test_nothing_beside_it_lets_go_of_a_lock(self, url: str, store: Store) -> None:
        """Who reads in the same process, closes the store, or writes another bank, lets none in.

        So it goes with locks that the system keeps by process and file: to close the file, whoever
        has opened it, gives up all of them.
        """
        store.make_bank("other", journal="j2")
        store.close()

        def holding(child: Child) -> None:
            own, second = self.open(url), self.open(url)

            def beside() -> None:
                if self.snapshots:
                    for one in (own, second):
                        with one.reader("main") as reader:
                            reader.head()
                second.close()
                with own.writer("other"):
                    pass  # or waits until the end, where one lock is for all banks

            child.wait("opened")
            thread = threading.Thread(target=beside)
            with own.writer("main"):
                child.wait("at 0")
                thread.start()
                thread.join(LOCKED_OUT_SECONDS)
                child.wait("beside")
            thread.join()
            own.close()

        with children(holding, self._writing(url)) as (first, second):
            assert ["opened", "opened"] == [first.hear(), second.hear()]
            first.go()
            assert "at 0" == first.hear()
            second.go()
            first.go()
            assert "beside" == first.hear()
            assert None is second.hear(LOCKED_OUT_SECONDS)
            first.go()
            assert "at 0" == second.hear()
            for expected in ("written", "done"):
                second.go()
                assert expected == second.hear()
            assert ["", ""] == [first.hear(), second.hear()]

    @needs("shared")
    def test_a_bank_that_another_made_is_there(self, url: str, store: Store) -> None:
        """A store that was opened, and asked, before it was made lists and writes it."""
        other = self.open(url)
        assert ["main"] == other.banks()
        store.make_bank("via-verdi", journal="j2")
        assert ["main", "via-verdi"] == other.banks()
        with other.writer("via-verdi") as writer:
            assert "j2" == writer.head().journal
        other.close()

    @needs("shared")
    def test_processes_take_turns(self, url: str, store: Store) -> None:
        """Every append of every process is there: what is read under the lock is the newest."""
        store.close()

        def work(_: int, say: Callable[[str], None]) -> None:
            own = self.open(url)
            for _turn in range(TURNS):
                with own.writer("main") as writer:
                    writer.append(Batch([record(writer.head().sequence + 1)]))
            own.close()
            say("done")

        assert [["done"]] * WORKERS == in_processes(work, range(WORKERS))
        again = self.open(url)
        with again.reader("main") as reader:
            rows = reader.records(after=0, limit=999)
            assert list(range(1, WORKERS * TURNS + 1)) == [row.sequence for row in rows]
        again.close()

    @needs("shared", "snapshots")
    def test_what_a_process_has_not_committed_is_seen_by_no_other(
        self, url: str, store: Store
    ) -> None:
        """Another one reads the bank as it was, until the commit, and to the end of its block."""
        with store.writer("main") as writer:
            writer.append(small_bank())
        with store.reader("main") as reader:
            before = everything(reader)
        store.close()

        def reading(child: Child) -> None:
            own = self.open(url)
            for told in ("opened", "while it wrote"):
                child.wait(told)
                with own.reader("main") as reader:
                    assert before == everything(reader)
                    child.wait("read")
                    assert before == everything(reader)
            with own.reader("main") as reader:
                assert "6" == _stands(reader, 5)
            own.close()
            child.say("well")

        with children(self._writing(url, begun=5), reading) as (first, second):
            assert ["opened", "opened"] == [first.hear(), second.hear()]
            first.go()
            assert "at 5" == first.hear()
            second.go()
            assert "read" == second.hear()
            first.go()
            assert "written" == first.hear()
            second.go()
            assert "while it wrote" == second.hear()
            second.go()
            assert "read" == second.hear()
            first.go()
            assert "done" == first.hear()
            second.go()
            assert "well" == second.hear()

    @needs("shared")
    def test_a_killed_process_leaves_no_lock(self, url: str, store: Store) -> None:
        """Nor anything of what it had not committed: the next one begins where it had begun."""
        store.close()
        with children(self._writing(url), self._writing(url)) as (first, second):
            assert ["opened", "opened"] == [first.hear(), second.hear()]
            for expected in ("at 0", "written"):
                first.go()
                assert expected == first.hear()
            first.kill()
            second.go()
            assert "at 0" == second.hear()
            for expected in ("written", "done"):
                second.go()
                assert expected == second.hear()
        again = self.open(url)
        with again.reader("main") as reader:
            assert _next(1).records == reader.records(after=0, limit=9)
            assert "1" == _stands(reader, 0)
        again.close()
