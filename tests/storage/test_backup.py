"""The backup of a SQLite file that is in use: one moment of it, or nothing."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from storage.test_copy import content, filled, findings, opened, run
from timebank import TimeBank
from timebank.errors import Corrupt, InvalidRequest, NotFound, StoreError
from timebank.model import Head
from timebank.storage import open_store
from timebank.storage.sqlite import backup, schema
from timebank.storage.sqlite.backup import backup_sqlite


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder; no half copy is left in it at the end.

    Other users are let into it, so it is not in pytest's own, which another run closes to them.
    """
    with TemporaryDirectory() as made:
        yield Path(made)
        assert [] == list(Path(made).rglob(".timebank-*"))


def test_a_backup_is_whole(folder: Path) -> None:
    """All banks and the host's tables; for its owner alone; nothing else is made."""
    url = f"sqlite:///{folder}/a.db"
    with opened(url) as source:
        bank = filled(source)
        TimeBank(source, bank="via-verdi").open_account("m1")
        with closing(sqlite3.connect(folder / "a.db")) as host:
            host.execute("CREATE TABLE bookings (id)")
        (folder / "a.db").chmod(0o640)
        heads = backup_sqlite(url, f"sqlite:///{folder}/caf%C3%A9%20%25.db")
        assert [("main", bank.head()), "via-verdi"] == [("main", heads["main"]), *heads][::2]
        copied = folder / "café %.db"
        assert 0o600 == copied.stat().st_mode & 0o777
        with opened(f"sqlite:///{folder}/caf%C3%A9%20%25.db") as copy:
            assert content(source) == content(copy)
            assert () == findings(copy)
            with copy.reader("") as reader:
                rows = reader.connection().execute("PRAGMA journal_mode").fetchall()  # type: ignore[attr-defined]
                assert [("wal",)] == rows
        with closing(sqlite3.connect(copied)) as host:
            assert [] == host.execute("SELECT * FROM bookings").fetchall()


def test_a_name_that_is_no_unicode(folder: Path) -> None:
    """A file's name is bytes."""
    with opened(f"sqlite:///{folder}/a.db") as source:
        filled(source)
        backup_sqlite(source.url, f"sqlite:///{folder}/caf%E9.db")
    assert (folder / os.fsdecode(b"caf\xe9.db")).exists()


def test_erased_text_does_not_come_along(folder: Path) -> None:
    """What lies in the free pages of a file is not in its backup."""
    path = folder / "a.db"
    with opened(f"sqlite:///{path}") as source:
        filled(source)
    line = "nobody must read this "
    with closing(sqlite3.connect(path, isolation_level=None)) as host:
        host.execute("PRAGMA secure_delete = OFF")
        host.execute("CREATE TABLE diary (line)")
        host.executemany("INSERT INTO diary VALUES (?)", [(line * 9,)] * 200)
        host.execute("DELETE FROM diary")
    assert line.encode() in path.read_bytes()
    backup_sqlite(f"sqlite:///{path}", f"sqlite:///{folder}/b.db")
    assert line.encode() not in (folder / "b.db").read_bytes()


WRITE = """
    import sys
    import timebank
    with timebank.open(sys.argv[1], create=False) as bank:
        print("begun", flush=True)
        for number in range(40):
            bank.transfer(earner="m1", spender="f1", hours="0:01", limits="unchecked")
"""


def test_a_backup_while_four_processes_write(folder: Path) -> None:
    """Each is a state that the bank was in, and the writers lose nothing."""
    url = f"sqlite:///{folder}/a.db"
    with opened(url) as source:
        bank = filled(source)
        children = [run(WRITE, url) for _ in range(4)]
        for child in children:
            assert child.stdout is not None
            assert b"begun\n" == child.stdout.readline()
        for number in range(5):
            before = bank.head().sequence
            head = backup_sqlite(url, f"sqlite:///{folder}/copy-{number}.db")["main"]
            assert before <= head.sequence <= bank.head().sequence
            with opened(f"sqlite:///{folder}/copy-{number}.db") as copy:
                assert () == findings(copy)
        for child in children:
            child.communicate()
            assert 0 == child.returncode
        assert 46 + 160 == bank.head().sequence
        assert () == findings(source)


def test_what_is_there_is_kept(folder: Path) -> None:
    """Unless it is to be overwritten; and never while somebody uses it."""
    url, place = f"sqlite:///{folder}/a.db", folder / "b.db"
    with opened(url) as source:
        bank = filled(source)
        place.write_bytes(b"dear diary\n")
        with pytest.raises(StoreError, match="is there already"):
            backup_sqlite(url, f"sqlite:///{place}")
        assert b"dear diary\n" == place.read_bytes()
        for _ in range(2):
            assert {"main": bank.head()} == backup_sqlite(url, f"sqlite:///{place}", overwrite=True)
            bank.open_account(f"more-{bank.head().sequence}")
        with opened(f"sqlite:///{place}") as used:
            TimeBank(used).open_account("new")
            before = content(used)
            with pytest.raises(
                StoreError, match=r"b\.db-wal is there: the bank of b\.db is in use"
            ):
                backup_sqlite(url, f"sqlite:///{place}", overwrite=True)
            assert before == content(used)
        backup_sqlite(url, f"sqlite:///{place}", overwrite=True)
        with opened(f"sqlite:///{place}") as copy:
            assert content(source) == content(copy)


@pytest.mark.parametrize("overwrite", [True, False])
def test_what_can_be_no_place_of_a_backup(folder: Path, *, overwrite: bool) -> None:
    """The file itself, a folder, a folder that is missing, the log of a file that is gone."""
    url = f"sqlite:///{folder}/a.db"
    with opened(url) as source:
        filled(source)
    (folder / "alias.db").symlink_to(folder / "a.db")
    (folder / "gone.db-wal").write_bytes(b"x")
    before = {*folder.iterdir(), folder / "a.db-shm", folder / "a.db-wal"}
    for name, kind, message in (
        ("/a.db", InvalidRequest, "is the file that is to be copied"),
        ("/alias.db", InvalidRequest, "is the file that is to be copied"),
        ("/./a.db", InvalidRequest, "is the file that is to be copied"),
        ("", StoreError, "is not a file" if overwrite else "is there already"),
        ("/none/b.db", StoreError, "there is no folder"),
        ("/gone.db", StoreError, "gone.db-wal is there"),
        (f"/{'x' * 300}", StoreError, "cannot be looked at|cannot be written"),
    ):
        with pytest.raises(kind, match=message):
            backup_sqlite(url, f"sqlite:///{folder}{name}", overwrite=overwrite)
    for wrong in ("memory:", "sqlite://", "sqlite:///b.db?x=1"):
        with pytest.raises(InvalidRequest):
            backup_sqlite(url, wrong)
        with pytest.raises(InvalidRequest):
            backup_sqlite(wrong, url)
    with pytest.raises(NotFound):
        backup_sqlite(f"sqlite:///{folder}/none.db", f"sqlite:///{folder}/b.db")
    assert before >= {*folder.iterdir()}


LIMITED = """
    import os, resource, sys
    from timebank.errors import StoreError
    from timebank.storage.sqlite.backup import backup_sqlite
    folder, case = sys.argv[1:]
    if case == "full":
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    else:
        os.chmod(f"{folder}/place", 0o777 if case == "sealed" else 0o555)
        import timebank.storage.sqlite.errors
        if os.getuid() == 0:
            os.setgid(65534)
            os.setuid(65534)
    try:
        backup_sqlite(f"sqlite:///{folder}/a.db", f"sqlite:///{folder}/place/b.db")
    except StoreError as error:
        print(error)
    else:
        print("well")
"""


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("full", r"copying \S+a.db to \S+b.db: (the disk is full|the disk failed)"),
        ("read-only", r"\S+b.db cannot be written: Permission denied"),
    ],
)
def test_a_place_that_cannot_be_written(folder: Path, case: str, message: str) -> None:
    """It is said which and why, and no half file is left."""
    assert re.match(message, limited(folder, case, mode=0o666))
    assert [] == list((folder / "place").iterdir())


def test_a_file_that_may_only_be_read_is_backed_up(folder: Path) -> None:
    """By a user who may write the place."""
    assert "well\n" == limited(folder, "sealed", mode=0o444)
    assert [0o600] == [file.stat().st_mode & 0o777 for file in (folder / "place").iterdir()]


def limited(folder: Path, case: str, *, mode: int) -> str:
    """What a backup says that is made by a program which may not do everything."""
    with opened(f"sqlite:///{folder}/a.db") as source:
        bank = filled(source)
        with bank.batch() as batch:
            for number in range(500):
                batch.transfer(
                    earner="m1", spender="f1", hours="0:01", limits="unchecked", id=f"n{number}"
                )
    (folder / "a.db").chmod(mode)
    (folder / "place").mkdir()
    for parent in (folder, *folder.parents):
        if parent.stat().st_uid == os.getuid() and len(parent.parts) > 2:
            parent.chmod(0o777)
    child = run(LIMITED, str(folder), case)
    printed = child.communicate()[0].decode()
    (folder / "place").chmod(0o777)
    assert 0 == child.returncode
    return printed


def test_a_backup_that_is_ended_leaves_the_old_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever fails before its name is given."""
    url, place = f"sqlite:///{folder}/a.db", folder / "b.db"
    with opened(url) as source:
        bank = filled(source)
        backup_sqlite(url, f"sqlite:///{place}")
        before = place.read_bytes()
        bank.open_account("more")
        for failing in ("_vacuum", "_check_heads", "_keep"):

            def fail(*values: object, **options: object) -> None:
                raise KeyboardInterrupt

            with monkeypatch.context() as patch:
                patch.setattr(f"timebank.storage.sqlite.backup.{failing}", fail)
                with pytest.raises(KeyboardInterrupt):
                    backup_sqlite(url, f"sqlite:///{place}", overwrite=True)
            assert before == place.read_bytes()


def test_without_links_a_backup_is_renamed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some file systems have none; what is there is kept all the same."""

    def refused(self: Path, target: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refused)
    with opened(f"sqlite:///{folder}/a.db") as source:
        bank = filled(source)
        assert {"main": bank.head()} == backup_sqlite(source.url, f"sqlite:///{folder}/b.db")


def test_a_damaged_file_is_not_called_a_backup(folder: Path) -> None:
    """The damage is told, and nothing appears."""
    path = folder / "a.db"
    with opened(f"sqlite:///{path}") as source:
        filled(source)
    content = bytearray(path.read_bytes())
    content[4096 * 4 : 4096 * 5] = bytes(range(256)) * 16
    path.write_bytes(bytes(content))
    with pytest.raises(Corrupt):
        backup_sqlite(f"sqlite:///{path}", f"sqlite:///{folder}/b.db")
    assert not (folder / "b.db").exists()


def test_a_row_that_cannot_be_is_damage_too(folder: Path) -> None:
    """What SQLite itself would refuse is read back and told."""
    with opened(f"sqlite:///{folder}/a.db") as source:
        filled(source)
    with closing(sqlite3.connect(folder / "a.db", isolation_level=None)) as tool:
        tool.execute("PRAGMA ignore_check_constraints = ON")
        tool.execute("UPDATE timebank_accounts SET kind = 'bank'")
    with pytest.raises(Corrupt, match=r"what was read is damaged .*CHECK"):
        backup_sqlite(f"sqlite:///{folder}/a.db", f"sqlite:///{folder}/b.db")
    assert not (folder / "b.db").exists()


@pytest.mark.parametrize("sequence", [0, 45, 47])
def test_a_backup_that_lost_something_is_no_backup(
    folder: Path, monkeypatch: pytest.MonkeyPatch, sequence: int
) -> None:
    """Each bank must stand where the original stood, not earlier than when it began."""
    with opened(f"sqlite:///{folder}/a.db") as source:
        bank = filled(source)
        head = Head("id-1", sequence, bank.head().digest)
        answers = iter([{"main": bank.head()}, {"main": head} if sequence else {}])
        monkeypatch.setattr(backup, "_heads", lambda _: next(answers))
        with pytest.raises(Corrupt, match=r"copy of bank 'main' stands at .*, which it never did"):
            backup_sqlite(source.url, f"sqlite:///{folder}/b.db")
    assert not (folder / "b.db").exists()


@pytest.mark.parametrize("links", [True, False])
def test_a_file_that_came_between_is_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *, links: bool
) -> None:
    """Somebody else took the place while the copy was being made."""

    def refused(self: Path, target: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    def came(*values: object) -> None:
        (folder / "b.db").write_bytes(b"dear diary\n")

    monkeypatch.setattr(backup, "_check_heads", came)
    if not links:
        monkeypatch.setattr(Path, "hardlink_to", refused)
    with opened(f"sqlite:///{folder}/a.db") as source:
        filled(source)
        with pytest.raises(StoreError, match="is there already"):
            backup_sqlite(source.url, f"sqlite:///{folder}/b.db")
    assert b"dear diary\n" == (folder / "b.db").read_bytes()


def test_a_file_of_an_older_version_can_be_backed_up(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before it is migrated; the copy is of that version too."""
    with opened(f"sqlite:///{folder}/old.db") as source:
        head = filled(source).head()
    monkeypatch.setattr(schema, "STEPS", {"0002_more": ("CREATE TABLE more (a)",)})
    heads = backup_sqlite(f"sqlite:///{folder}/old.db", f"sqlite:///{folder}/b.db")
    assert {"main": head} == heads
    with pytest.raises(StoreError, match="older timebank"):
        open_store(f"sqlite:///{folder}/b.db", create=False)
