"""A file that is replaced while it is open is noticed, and nothing is written into the old one."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest

import timebank
from timebank import OutcomeUnknown, StoreError, TimeBank
from timebank.storage.sqlite.backup import backup_sqlite
from timebank.storage.sqlite.files import Log

SOURCE = Path(timebank.__file__).parents[1]


def made(path: Path, *, exchanges: int = 1) -> None:
    """A file with one bank, closed."""
    with timebank.open(f"sqlite:///{path}") as bank:
        bank.open_account("m1")
        bank.open_account("f1", kind="group")
        for number in range(exchanges):
            bank.transfer(earner="m1", spender="f1", hours="0:01", id=f"t{number}")


@pytest.fixture(scope="module")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two files that are made once."""
    folder = tmp_path_factory.mktemp("pattern")
    made(folder / "real.db")
    made(folder / "other.db", exchanges=3)
    return folder


@pytest.fixture
def place(tmp_path: Path, pattern: Path) -> Path:
    """The path of a file, through a link and a folder that can be moved, too."""
    folder = tmp_path / "folder"
    folder.mkdir()
    shutil.copyfile(pattern / "real.db", folder / "real.db")
    (folder / "bank.db").symlink_to(folder / "real.db")
    shutil.copyfile(pattern / "other.db", tmp_path / "other.db")
    return folder / "bank.db"


# -- each way to put another file there, or none -----------------------------------------


def _put(place: Path) -> None:
    other = place.parents[1] / "other.db"
    if other.exists():
        other.replace(place.resolve())


def _put_a_backup(place: Path) -> None:
    backup = place.with_name("backup.db")
    backup_sqlite(f"sqlite:///{place.parents[1]}/other.db", f"sqlite:///{backup}")
    backup.replace(place.resolve())


def _put_itself(place: Path) -> None:
    copy = place.with_name("copy.db")
    shutil.copyfile(place, copy)
    copy.replace(place.resolve())


def _delete(place: Path) -> None:
    place.resolve().unlink()


def _make_anew(place: Path) -> None:
    real = place.resolve()
    for end in ("", "-wal", "-shm"):
        real.with_name(real.name + end).unlink(missing_ok=True)
    shutil.copyfile(place.parents[1] / "other.db", real)


def _move_away(place: Path) -> None:
    place.resolve().rename(place.parents[1] / "away.db")


def _move_and_put(place: Path) -> None:
    real = place.resolve()
    _move_away(place)
    (place.parents[1] / "other.db").replace(real)


def _repoint(place: Path) -> None:
    link = place.with_name("link")
    link.symlink_to(place.parents[1] / "other.db")
    link.replace(place)


def _link(place: Path) -> None:
    real = place.resolve()
    real.unlink()
    os.link(place.parents[1] / "other.db", real)


def _put_another_folder(place: Path) -> None:
    place.parent.rename(place.parents[1] / "away")
    place.parent.mkdir()
    shutil.copyfile(place.parents[1] / "other.db", place)


def _take_the_folder(place: Path) -> None:
    place.parent.rename(place.parents[1] / "away")


REPLACED: Final[dict[str, Callable[[Path], None]]] = {
    "put": _put,
    "a backup put": _put_a_backup,
    "a copy of itself put": _put_itself,
    "deleted": _delete,
    "deleted and made anew": _make_anew,
    "moved away": _move_away,
    "moved away, another put": _move_and_put,
    "a link turned": _repoint,
    "another linked": _link,
    "another folder": _put_another_folder,
    "the folder moved away": _take_the_folder,
}

# -- each thing that is done with a bank -------------------------------------------------


def _batch(bank: TimeBank, between: Callable[[], None]) -> None:
    with bank.batch() as batch:
        batch.transfer(earner="m1", spender="f1", hours=1, id="b1")
        between()
        batch.transfer(earner="m1", spender="f1", hours=1, id="b2")


def _refused_in_a_batch(bank: TimeBank, between: Callable[[], None]) -> None:
    between()
    with bank.batch() as batch:
        batch.transfer(earner="m1", spender="f1", hours=99, id="b1")


def _read_in_a_batch(bank: TimeBank, between: Callable[[], None]) -> None:
    between()
    with bank.batch() as batch:
        batch.balance("m1")


def _preview(bank: TimeBank, between: Callable[[], None]) -> None:
    between()
    with bank.preview() as preview:
        preview.transfer(earner="m1", spender="f1", hours=1, id="b1")


def _list(bank: TimeBank, between: Callable[[], None]) -> None:
    between()
    list(bank.records())


def _erase(bank: TimeBank, between: Callable[[], None]) -> None:
    between()
    bank.erase("m1", reason="asked")


def _after(work: Callable[[TimeBank], object]) -> Callable[[TimeBank, Callable[[], None]], None]:
    def act(bank: TimeBank, between: Callable[[], None]) -> None:
        between()
        work(bank)

    return act


#: What is done with the bank and, before it or in its middle, that the file is replaced.
ACTS: Final[dict[str, Callable[[TimeBank, Callable[[], None]], None]]] = {
    "read": _after(lambda bank: bank.balance("m1")),
    "list": _list,
    "write": _after(lambda bank: bank.transfer(earner="m1", spender="f1", hours=1, id="new")),
    "repeat": _after(lambda bank: bank.transfer(earner="m1", spender="f1", hours="0:01", id="t0")),
    "refused": _after(lambda bank: bank.transfer(earner="m1", spender="f1", hours=99)),
    "hold": _after(lambda bank: bank.hold(earner="m1", spender="f1", hours=1, id="h")),
    "in a batch": _batch,
    "refused in a batch": _refused_in_a_batch,
    "read in a batch": _read_in_a_batch,
    "wipe": _after(lambda bank: bank.store.wipe()),  # type: ignore[attr-defined]  # it has one
    "preview": _preview,
    "erase": _erase,
    "rebuild": _after(lambda bank: bank.rebuild()),
    "banks": _after(lambda bank: bank.store.banks()),
}


def beside(place: Path) -> dict[str, bytes]:
    """All that could be written to and has something in it: each file, by its path."""
    return {
        str(path): path.read_bytes()
        for path in place.parents[1].rglob("*")
        if path.is_file() and not path.name.endswith("-shm") and path.stat().st_size
    }


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("how", REPLACED)
def test_it_is_noticed(place: Path, how: str, act: str) -> None:
    """Whatever is put there and whatever is done: an error says so, and nothing is written."""
    bank = timebank.open(f"sqlite:///{place}", create=False)
    bank.transfer(earner="m1", spender="f1", hours="0:01", id="t0")  # again: a writer is open
    before: dict[str, bytes] = {}

    def between() -> None:
        REPLACED[how](place)
        before.update(beside(place))

    with pytest.raises(StoreError, match=r"while it was in use.*nothing was written|Nothing was"):
        ACTS[act](bank, between)
    assert before == beside(place)
    for again in ("read", "write"):  # until it is opened anew
        with pytest.raises(StoreError, match="open the bank anew"):
            ACTS[again](bank, lambda: None)
    assert before == beside(place)
    bank.close()


def test_an_audit_finds_it(place: Path) -> None:
    """It raises nothing, as always, and says that it could not read."""
    with timebank.open(f"sqlite:///{place}", create=False) as bank:
        _put(place)
        for quick in (False, True):
            (finding,) = bank.audit(quick=quick).findings
            assert "is another file than the one that was opened" in finding.found


@pytest.mark.parametrize("again", [False, True], ids=["removed", "made anew"])
def test_a_log_that_was_taken_away_is_noticed(tmp_path: Path, again: bool) -> None:
    """By who would write on into it; what was recorded before is in the file at the end."""
    place = tmp_path / "bank.db"
    made(place)
    bank = timebank.open(f"sqlite:///{place}", create=False)
    for number in range(9):
        bank.transfer(earner="m1", spender="f1", hours="0:01", id=f"n{number}")
    before = place.read_bytes()
    for end in ("-wal", "-shm"):
        place.with_name(f"bank.db{end}").unlink()
        if again:
            place.with_name(f"bank.db{end}").touch()
    for _ in range(2):
        with pytest.raises(StoreError, match=r"bank\.db-wal was replaced, moved or deleted"):
            bank.transfer(earner="m1", spender="f1", hours="0:01", id="late")
    assert before == place.read_bytes()
    bank.close()
    with timebank.open(f"sqlite:///{place}", create=False) as bank:
        assert (12, ()) == (bank.head().sequence, bank.audit().findings)
        bank.transfer(earner="m1", spender="f1", hours="0:01", id="late")


def test_a_commit_does_not_look_at_the_times_of_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who asks for them makes the next write keep them exactly, and the disk wait for that."""
    place = tmp_path / "bank.db"
    made(place)
    looked: list[str] = []
    stat = os.stat

    def looking(path: Any, **given: Any) -> os.stat_result:
        looked.append(os.fspath(path) if not isinstance(path, int) else "")
        return stat(path, **given)

    with timebank.open(f"sqlite:///{place}", create=False) as bank:
        bank.transfer(earner="m1", spender="f1", hours="0:01", id="first")
        monkeypatch.setattr(os, "stat", looking)
        for number in range(3):
            bank.transfer(earner="m1", spender="f1", hours="0:01", id=f"n{number}")
        monkeypatch.undo()
    assert str(place) in looked
    is_linux = Path("/proc/self/fd").is_dir()
    assert is_linux != any(path.endswith("-wal") for path in looked)


@pytest.mark.parametrize("name", [None, "elsewhere"], ids=["unknown", "another"])
def test_a_log_without_a_name_is_known_by_its_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str | None
) -> None:
    """Where the system does not tell names, or what was held open was closed by the program."""
    place = tmp_path / "bank.db"
    made(place)

    def readlink(path: object) -> str:
        if name is None:
            raise FileNotFoundError
        return name

    with timebank.open(f"sqlite:///{place}", create=False) as bank:
        if name is None:
            monkeypatch.setattr(os, "readlink", readlink)
        bank.transfer(earner="m1", spender="f1", hours="0:01", id="first")
        monkeypatch.setattr(os, "readlink", readlink)
        bank.transfer(earner="m1", spender="f1", hours="0:01", id="next")
        place.with_name("bank.db-wal").rename(tmp_path / "taken")
        with pytest.raises(StoreError, match=r"bank\.db-wal was replaced, moved or deleted"):
            bank.transfer(earner="m1", spender="f1", hours="0:01", id="late")
        monkeypatch.undo()


def test_what_was_held_of_a_log_is_given_back(tmp_path: Path) -> None:
    """As often as a file is opened and closed."""
    place = tmp_path / "bank.db"
    made(place)

    def held() -> int:
        folder = Path("/proc/self/fd")
        names = [str(one.readlink()) for one in folder.iterdir() if one.is_symlink()]
        return sum(str(tmp_path) in name for name in names)

    if not Path("/proc/self/fd").is_dir():
        pytest.skip("this system does not tell what a process has open")
    for number in range(5):
        with timebank.open(f"sqlite:///{place}", create=False) as bank:
            bank.transfer(earner="m1", spender="f1", hours="0:01", id=f"n{number}")
            assert held()
        assert not held()  # as soon as it is closed, for it keeps the room of a log that is gone


def test_a_number_that_another_has_by_now_is_not_closed(tmp_path: Path) -> None:
    """A daemon closes all it had, and SQLite then has the log open under that number, to write."""
    path = tmp_path / "bank.db-wal"
    path.touch()
    log = Log(str(tmp_path / "bank.db"))
    number = log._held
    if number is None:
        pytest.skip("this system holds no log open")
    with path.open("r+b") as file:
        os.dup2(file.fileno(), number)
    del log
    assert 4 == os.write(number, b"page")
    os.close(number)


@pytest.mark.parametrize("mode", ["delete", "truncate", "persist", "memory"])
def test_a_log_that_is_made_later_is_noticed_too(tmp_path: Path, mode: str) -> None:
    """Another program had set a mode without a log, and sets it back between two calls."""
    place = tmp_path / "bank.db"
    made(place)

    def by_another(mode: str) -> None:
        with closing(sqlite3.connect(place)) as other:
            assert other.execute(f"PRAGMA journal_mode = {mode}").fetchone() == (mode,)

    by_another(mode)
    with timebank.open(f"sqlite:///{place}", create=False) as bank:
        bank.transfer(earner="m1", spender="f1", hours="0:01", id="first")
        by_another("wal")
        bank.transfer(earner="m1", spender="f1", hours="0:01", id="next")
        place.with_name("bank.db-wal").rename(tmp_path / "taken")
        with pytest.raises(StoreError, match=r"bank\.db-wal was replaced, moved or deleted"):
            bank.transfer(earner="m1", spender="f1", hours="0:01", id="late")


LOOKING = """
    import sqlite3, sys
    looking = sqlite3.connect(sys.argv[2], timeout=0)
    try:
        looking.execute("PRAGMA journal_mode = DELETE").fetchone()
    except sqlite3.OperationalError as error:
        print(error)
"""


@pytest.mark.parametrize("how", ["cp", "VACUUM"])
def test_a_file_that_was_cut_shorter_is_looked_at(tmp_path: Path, how: str) -> None:
    """A backup that is copied into it is noticed before a commit; a `VACUUM` does no harm."""
    place = restored(tmp_path)
    with (
        timebank.open(f"sqlite:///{place}", create=False) as bank,
        closing(sqlite3.connect(place)) as other,
    ):
        other.execute("CREATE TABLE more AS SELECT zeroblob(1000000)")
        with bank.batch() as batch:
            for number in range(200):
                batch.transfer(
                    earner="m1", spender="f1", hours="0:01", id=f"n{number}", note="n" * 300
                )
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        bank.freeze("m1")
        bank.thaw("m1")
        before = place.stat().st_size
        if how == "VACUUM":
            other.execute("DROP TABLE more")
            other.execute("VACUUM")
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        else:
            shutil.copyfile(tmp_path / "backup.db", place)
        assert place.stat().st_size < before
        if how == "VACUUM":
            bank.freeze("m1")
            assert bank.audit().ok
        else:
            with pytest.raises(StoreError, match="damaged"):
                bank.freeze("m1")


def test_to_look_at_a_log_takes_no_lock_away(tmp_path: Path) -> None:
    """To close a file releases all locks that a process has on it, unless SQLite knows better."""
    place = tmp_path / "bank.db"
    made(place)
    with timebank.open(f"sqlite:///{place}", create=False) as bank:
        bank.open_account("m2")
        with timebank.open(f"sqlite:///{place}", create=False):
            pass
        backup_sqlite(f"sqlite:///{place}", f"sqlite:///{tmp_path}/copy.db")
        assert "database is locked\n" == child(LOOKING, str(place)).communicate()[0]
        bank.open_account("m3")


def test_a_file_in_another_mode_has_no_log(tmp_path: Path) -> None:
    """Nothing is missed there, also when it is put into the other mode meanwhile."""
    place = tmp_path / "bank.db"
    made(place)
    for mode in ("DELETE", "WAL"):
        with closing(sqlite3.connect(place)) as host:
            host.execute(f"PRAGMA journal_mode = {mode}").fetchone()
        with timebank.open(f"sqlite:///{place}", create=False) as bank:
            for number in range(3):
                bank.transfer(earner="m1", spender="f1", hours="0:01", id=f"{mode}{number}")
            bank.store.wipe()  # type: ignore[attr-defined]  # it has one
            bank.transfer(earner="m1", spender="f1", hours="0:01", id=f"{mode} wiped")
    with timebank.open(f"sqlite:///{place}", create=False) as bank:
        assert bank.audit().ok


def test_what_is_put_back_is_used_again(place: Path) -> None:
    """Moved away and back again it is the same file."""
    with timebank.open(f"sqlite:///{place}", create=False) as bank:
        real = place.resolve()
        real.rename(place.parent / "away.db")
        with pytest.raises(StoreError, match="is not there any more: it was moved or deleted"):
            bank.balance("m1")
        (place.parent / "away.db").rename(real)
        bank.transfer(earner="m1", spender="f1", hours=1, id="new")
        assert bank.audit().ok


def test_a_folder_that_cannot_be_looked_at(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then nobody knows, and nothing is written."""
    bank = timebank.open(f"sqlite:///{place}", create=False)
    real = os.stat

    def refused(path: Any, *given: Any, **named: Any) -> Any:
        if str(path) == str(place):
            raise PermissionError(13, "Permission denied")
        return real(path, *given, **named)

    with monkeypatch.context() as patch:
        patch.setattr(os, "stat", refused)
        for act in ("read", "write"):
            with pytest.raises(StoreError, match=r"looked at any more .Permission denied"):
                ACTS[act](bank, lambda: None)
    bank.close()
    with timebank.open(f"sqlite:///{place}", create=False) as bank:
        assert 3 == bank.head().sequence


# -- as late as it can be ----------------------------------------------------------------


def when(sql: str, work: Callable[[], object], *, after: bool = False) -> type[sqlite3.Connection]:
    """Connections that do something just before a statement, or right after it."""

    class Connection(sqlite3.Connection):
        def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
            if statement == sql and not after:
                work()
            found = super().execute(statement, *values)
            if statement == sql and after:
                work()
            return found

    return Connection


@pytest.fixture
def connecting(monkeypatch: pytest.MonkeyPatch) -> Callable[[type[sqlite3.Connection]], None]:
    """What makes all connections from now on ones of this class."""
    real = sqlite3.connect

    def use(kind: type[sqlite3.Connection]) -> None:
        monkeypatch.setattr(
            sqlite3, "connect", lambda *given, **named: real(*given, **named, factory=kind)
        )

    return use


def test_between_the_lock_and_the_commit(
    place: Path, connecting: Callable[[type[sqlite3.Connection]], None]
) -> None:
    """A writer that waited for the lock, and found another file when it was to commit."""
    before: dict[str, bytes] = {}

    def replace() -> None:
        if not before:
            _put(place)
            before.update(beside(place))

    bank = timebank.open(f"sqlite:///{place}", create=False)
    connecting(when("BEGIN IMMEDIATE", replace, after=True))
    with pytest.raises(StoreError, match="Nothing was written"):
        bank.transfer(earner="m1", spender="f1", hours=1, id="new")
    assert before == beside(place)
    bank.close()


@pytest.mark.parametrize("how", ["put", "deleted"])
def test_in_the_middle_of_the_commit(
    place: Path, connecting: Callable[[type[sqlite3.Connection]], None], how: str
) -> None:
    """Too late to write nothing; it is told as what nobody knows, with the id to ask again."""
    bank = timebank.open(f"sqlite:///{place}", create=False)
    connecting(when("COMMIT", lambda: REPLACED[how](place)))
    with pytest.raises(OutcomeUnknown) as caught:
        bank.transfer(earner="m1", spender="f1", hours=1, id="new")
    assert "new" == caught.value.id
    bank.close()


def test_while_a_connection_is_opened(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection to a file that went away meanwhile is never used."""
    from timebank.storage.sqlite import connections

    bank = timebank.open(f"sqlite:///{place}", create=False)
    real = connections.connect

    def slowly(*given: Any, **named: Any) -> sqlite3.Connection:
        opened = real(*given, **named)
        _put(place)
        return opened

    monkeypatch.setattr(connections, "connect", slowly)
    with pytest.raises(StoreError, match="is another file than the one that was opened"):
        bank.transfer(earner="m1", spender="f1", hours=1, id="new")
    bank.close()


# -- other processes ---------------------------------------------------------------------

CHILD = """
    import sys
    sys.path.insert(0, sys.argv[1])
    import timebank
    from storage.test_replaced import ACTS
    def say(line):
        print(line, flush=True)
    for line in sys.stdin:
        place, act = line.rstrip().split("|")
        bank = timebank.open(f"sqlite:///{place}", create=False)
        bank.transfer(earner="m1", spender="f1", hours="0:01", id="t0")
        def between():
            say("ready")
            sys.stdin.readline()
        try:
            ACTS[act](bank, between)
        except timebank.TimebankError as error:
            say(type(error).__name__)
        else:
            say("well")
        sys.stdin.readline()  # until it is looked at what lies there: to close takes a log away
        bank.close()
"""


def child(code: str, *arguments: str) -> subprocess.Popen[str]:
    """A program that is told what to do line by line."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), str(Path(__file__).parents[1]), *arguments],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def other() -> Iterator[subprocess.Popen[str]]:
    """A process that has the file open while this one replaces it."""
    running = child(CHILD)
    yield running
    running.communicate()


@pytest.mark.slow
@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("how", REPLACED)
def test_another_process_notices(
    place: Path, other: subprocess.Popen[str], how: str, act: str
) -> None:
    """The same where the hand that replaces it is another program's."""
    assert other.stdin is not None
    assert other.stdout is not None
    print(f"{place}|{act}", file=other.stdin, flush=True)
    assert "ready\n" == other.stdout.readline()
    REPLACED[how](place)
    before = beside(place)
    print("go", file=other.stdin, flush=True)
    assert "StoreError\n" == other.stdout.readline()
    try:
        assert before == beside(place)
    finally:
        print("close", file=other.stdin, flush=True)


WRITING = """
    import itertools, sys
    import timebank
    with timebank.open(f"sqlite:///{sys.argv[2]}", create=False) as bank:
        try:
            for number in itertools.count():
                bank.transfer(
                    earner="m1", spender="f1", hours="0:01", id=f"n{number}", limits="unchecked"
                )
                print(number, flush=True)
        except timebank.TimebankError as error:
            print(type(error).__name__, flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("after", [1, 7, 30])
def test_no_exchange_is_told_as_recorded_after_it(tmp_path: Path, after: int) -> None:
    """Once the file is another one, at most one line that was being printed comes: no more."""
    made(tmp_path / "bank.db")
    made(tmp_path / "other.db")
    writing = child(WRITING, str(tmp_path / "bank.db"))
    assert writing.stdout is not None
    for number in range(after):
        assert f"{number}\n" == writing.stdout.readline()
    os.set_blocking(writing.stdout.fileno(), False)
    (tmp_path / "other.db").replace(tmp_path / "bank.db")
    told = 0
    while True:  # what was told until now
        try:
            told += os.read(writing.stdout.fileno(), 1 << 16).count(b"\n")
        except BlockingIOError:
            break
    os.set_blocking(writing.stdout.fileno(), True)
    rest = writing.communicate()[0].splitlines()
    assert len(rest) <= 2, (told, rest)


# -- a backup that is put back -----------------------------------------------------------

KILLED = """
    import os, sys
    import timebank
    bank = timebank.open(f"sqlite:///{sys.argv[2]}", create=False)
    for number in range(30):
        bank.transfer(earner="m1", spender="f1", hours="0:01", id=f"n{number}")
    print("ready", flush=True)
    if sys.argv[3] == "killed":
        os._exit(1)
    sys.stdin.readline()
    bank.transfer(earner="m1", spender="f1", hours="0:01", id="late")
"""


def restored(tmp_path: Path) -> Path:
    """A bank, a backup of it, and the path of the bank."""
    made(tmp_path / "bank.db")
    backup_sqlite(f"sqlite:///{tmp_path}/bank.db", f"sqlite:///{tmp_path}/backup.db")
    return tmp_path / "bank.db"


@pytest.mark.slow
def test_a_backup_is_put_back_over_what_a_killed_process_left(tmp_path: Path) -> None:
    """Its log is not applied to the file that takes its place: that is the backup, whole."""
    place = restored(tmp_path)
    place.chmod(0o660)
    killed = child(KILLED, str(place), "killed")
    killed.communicate()
    assert (tmp_path / "bank.db-wal").stat().st_size > 0
    backup_sqlite(
        f"sqlite:///{tmp_path}/backup.db", f"sqlite:///{tmp_path}/bank.db", overwrite=True
    )
    assert 0o660 == place.stat().st_mode & 0o777
    assert [place] == list(tmp_path.glob("bank.db*"))
    with timebank.open(f"sqlite:///{place}", create=False) as bank:
        assert (3, ()) == (bank.head().sequence, bank.audit().findings)


@pytest.mark.slow
def test_a_backup_is_not_put_over_a_file_in_use(tmp_path: Path) -> None:
    """Whoever has it open goes on, and the file stays the file."""
    place = restored(tmp_path)
    using = child(KILLED, str(place), "waits")
    assert using.stdout is not None
    assert "ready\n" == using.stdout.readline()
    with pytest.raises(StoreError, match="in use"):
        backup_sqlite(
            f"sqlite:///{tmp_path}/backup.db", f"sqlite:///{tmp_path}/bank.db", overwrite=True
        )
    using.communicate("go\n")
    assert 0 == using.returncode
    with timebank.open(f"sqlite:///{place}", create=False) as bank:
        assert (34, ()) == (bank.head().sequence, bank.audit().findings)


@pytest.mark.parametrize("exchanges", [5, pytest.param(400, marks=pytest.mark.slow)])
def test_the_log_of_another_file_is_not_applied(tmp_path: Path, exchanges: int) -> None:
    """A backup that is put there by hand, beside the log of a process that died, is refused.

    Nothing is changed, however often it is tried; without that log it is the backup, whole.
    """
    place, backup = tmp_path / "bank.db", tmp_path / "backup.db"
    made(place, exchanges=exchanges)
    backup_sqlite(f"sqlite:///{place}", f"sqlite:///{backup}")
    child(KILLED, str(place), "killed").communicate()
    backup.replace(place)
    before = place.read_bytes()
    for opening in (
        lambda: timebank.open(f"sqlite:///{place}", create=False),
        lambda: timebank.open(f"sqlite:///{place}", create=False, read_only=True),
        lambda: timebank.open(f"sqlite:///{place}"),
        lambda: backup_sqlite(f"sqlite:///{place}", f"sqlite:///{tmp_path}/again.db"),
        lambda: timebank.storage.migrate_store(f"sqlite:///{place}"),
    ):
        with pytest.raises(StoreError, match=r"bank\.db-wal is the log of another file"):
            opening()
        assert before == place.read_bytes()
    for end in ("-wal", "-shm"):
        place.with_name(f"bank.db{end}").rename(tmp_path / f"old{end}")
    with timebank.open(f"sqlite:///{place}", create=False) as bank:
        assert (exchanges + 2, ()) == (bank.head().sequence, bank.audit().findings)


def test_the_log_of_another_journal_is_not_applied(tmp_path: Path) -> None:
    """Also where the pages of both would be read without an error."""
    made(tmp_path / "other.db")
    place = tmp_path / "bank.db"
    with timebank.open(f"sqlite:///{place}") as bank:
        bank.open_account("m1")
    child(KILLED, str(tmp_path / "other.db"), "killed").communicate()
    (tmp_path / "other.db-wal").rename(tmp_path / "bank.db-wal")
    with pytest.raises(StoreError, match="is the log of another file"):
        timebank.open(f"sqlite:///{place}", create=False)


@pytest.mark.parametrize("left", [None, b""])
def test_no_bank_is_made_beside_a_log_that_was_left(tmp_path: Path, left: bytes | None) -> None:
    """SQLite would delete it, with all that was last recorded; put back, the file has that."""
    place, away = tmp_path / "bank.db", tmp_path / "away.db"
    made(place)
    child(KILLED, str(place), "killed").communicate()
    place.rename(away)
    if left is not None:
        place.write_bytes(left)
    with pytest.raises(StoreError, match=r"bank\.db-wal has what was last recorded"):
        timebank.open(f"sqlite:///{place}")
    assert place.exists() == (left is not None)
    away.replace(place)
    with timebank.open(f"sqlite:///{place}", create=False) as bank:
        assert (33, ()) == (bank.head().sequence, bank.audit().findings)


@pytest.mark.slow
def test_its_own_log_is_applied(tmp_path: Path) -> None:
    """What a process that died had committed is there, whatever was in the file by then."""
    place = tmp_path / "bank.db"
    for exchanges in (0, 3):
        made(place, exchanges=exchanges)
        child(KILLED, str(place), "killed").communicate()
        assert place.with_name("bank.db-wal").stat().st_size > 0
        with timebank.open(f"sqlite:///{place}", create=False) as bank:
            assert bank.audit().ok
            assert "n29" == next(bank.transfers(newest_first=True)).id
        for end in ("", "-wal", "-shm"):
            place.with_name(f"bank.db{end}").unlink(missing_ok=True)


def test_what_was_noticed_is_mended_as_the_message_says(tmp_path: Path) -> None:
    """The open bank is told, so is who opens it beside the old log; then all is well."""
    place = restored(tmp_path)
    bank = timebank.open(f"sqlite:///{place}", create=False)
    for number in range(30):
        bank.transfer(earner="m1", spender="f1", hours="0:01", id=f"n{number}")
    (tmp_path / "backup.db").replace(place)
    with pytest.raises(StoreError, match="another file than the one that was opened"):
        bank.freeze("m1")
    bank.close()
    with pytest.raises(StoreError, match="is the log of another file"):
        timebank.open(f"sqlite:///{place}", create=False)
    for end in ("-wal", "-shm"):
        place.with_name(f"bank.db{end}").unlink()
    with timebank.open(f"sqlite:///{place}", create=False) as again:
        assert (3, ()) == (again.head().sequence, again.audit().findings)


def test_what_was_moved_away_is_whole_when_it_comes_back(tmp_path: Path) -> None:
    """With its log, which stays where it was: a moved file is not written to by who closes it."""
    place = restored(tmp_path)
    bank = timebank.open(f"sqlite:///{place}", create=False)
    bank.transfer(earner="m1", spender="f1", hours="0:01", id="last")
    place.rename(tmp_path / "away.db")
    with pytest.raises(StoreError, match="is not there any more"):
        bank.freeze("m1")
    bank.close()
    (tmp_path / "away.db").rename(place)
    with timebank.open(f"sqlite:///{place}", create=False) as again:
        assert (4, ()) == (again.head().sequence, again.audit().findings)


OPENING = """
    import sys
    import timebank
    for _ in range(60):
        with timebank.open(f"sqlite:///{sys.argv[2]}", create=False) as bank:
            assert bank.head().sequence >= 3
"""


@pytest.mark.slow
def test_a_log_that_is_being_written_is_never_taken_for_another(tmp_path: Path) -> None:
    """Opened again and again while others write, and write their log into the file."""
    place = restored(tmp_path)
    writing = [child(WRITING.replace("n{number}", f"{n}-{{number}}"), str(place)) for n in "ab"]
    for one in writing:
        assert one.stdout is not None
        one.stdout.readline()
    opening = [child(OPENING, str(place)) for _ in range(2)]
    for one in opening:
        one.communicate()
    assert [0, 0] == [one.returncode for one in opening]
    for one in writing:
        one.kill()
        one.communicate()
    with timebank.open(f"sqlite:///{place}", create=False) as bank:
        assert bank.audit().ok


def test_whoever_opens_it_late_is_told_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who comes after the first look finds it locked; a backup that fails leaves it as it was."""
    place = restored(tmp_path)

    def busy(_: Path, target: Path) -> Path:
        with (
            closing(sqlite3.connect(place, timeout=0)) as late,
            pytest.raises(sqlite3.OperationalError, match="locked"),
        ):
            late.execute("SELECT count(*) FROM timebank_records").fetchone()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", busy)
    with pytest.raises(StoreError, match="No space left"):
        backup_sqlite(
            f"sqlite:///{tmp_path}/backup.db", f"sqlite:///{tmp_path}/bank.db", overwrite=True
        )
    with closing(sqlite3.connect(place)) as looking:
        assert [("wal",)] == looking.execute("PRAGMA journal_mode").fetchall()
        assert [(3,)] == looking.execute("SELECT count(*) FROM timebank_records").fetchall()


def test_a_link_that_is_written_over_leads_to_the_backup(tmp_path: Path) -> None:
    """The file behind it is replaced, with its rights; the link stays."""
    place = restored(tmp_path)
    (tmp_path / "link.db").symlink_to(place)
    backup_sqlite(
        f"sqlite:///{tmp_path}/backup.db", f"sqlite:///{tmp_path}/link.db", overwrite=True
    )
    assert (tmp_path / "link.db").is_symlink()
    assert 3 == timebank.open(f"sqlite:///{place}", create=False).head().sequence
