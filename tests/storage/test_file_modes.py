"""What is written is for its owner alone, unless the file is there and says otherwise."""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import timebank
from timebank.cli import main
from timebank.storage.sqlite import files
from timebank.storage.sqlite.backup import backup_sqlite

UMASKS = (0o000, 0o022, 0o077, 0o277, 0o777)


@contextmanager
def masked(umask: int) -> Iterator[None]:
    """With another umask."""
    before = os.umask(umask)
    try:
        yield
    finally:
        os.umask(before)


def modes(folder: Path) -> dict[str, str]:
    """The rights of each file of a folder."""
    return {path.name: oct(stat.S_IMODE(path.lstat().st_mode)) for path in folder.iterdir()}


@pytest.mark.parametrize("umask", UMASKS, ids=oct)
def test_a_file_is_for_its_owner(tmp_path: Path, umask: int) -> None:
    """And so is all that SQLite keeps beside it, whatever the umask."""
    with masked(umask), timebank.open(f"sqlite:///{tmp_path}/bank.db") as bank:
        bank.open_account("m1")
        assert dict.fromkeys(("bank.db", "bank.db-wal", "bank.db-shm"), "0o600") == modes(tmp_path)


def test_a_rollback_journal_is_for_the_owner_too(tmp_path: Path) -> None:
    """Where a host has put the file into another mode."""
    with masked(0), closing(timebank.open(f"sqlite:///{tmp_path}/bank.db")):
        pass
    with closing(sqlite3.connect(tmp_path / "bank.db", isolation_level=None)) as host, masked(0):
        host.execute("PRAGMA journal_mode = DELETE").fetchone()
        host.execute("BEGIN")
        host.execute("CREATE TABLE bookings (id)")
        assert dict.fromkeys(("bank.db", "bank.db-journal"), "0o600") == modes(tmp_path)


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o660, 0o666], ids=oct)
def test_a_file_that_is_there_keeps_its_rights(tmp_path: Path, mode: int) -> None:
    """Empty or not; what SQLite keeps beside it has the same."""
    path = tmp_path / "bank.db"
    path.touch()
    path.chmod(mode)
    for id in ("m1", "m2"):
        with timebank.open(f"sqlite:///{path}") as bank:
            bank.open_account(id)
            assert {oct(mode)} == set(modes(tmp_path).values())


def test_the_folder_gives_the_group(tmp_path: Path) -> None:
    """A setgid folder, and chmod 660 once: the recipe of the page for a group."""
    if os.getuid() != 0:
        pytest.skip("only root may give a folder to a group that it is not in")
    os.chown(tmp_path, -1, 4242)
    tmp_path.chmod(0o2770)
    with timebank.open(f"sqlite:///{tmp_path}/bank.db"):
        pass
    (tmp_path / "bank.db").chmod(0o660)
    with timebank.open(f"sqlite:///{tmp_path}/bank.db") as bank:
        bank.open_account("m1")
        found = {(path.stat().st_gid, path.stat().st_mode & 0o777) for path in tmp_path.iterdir()}
        assert {(4242, 0o660)} == found


def test_what_a_link_leads_to_is_made(tmp_path: Path) -> None:
    """As SQLite does, with the rights of a new file."""
    (tmp_path / "link.db").symlink_to(tmp_path / "real.db")
    with masked(0), timebank.open(f"sqlite:///{tmp_path}/link.db") as bank:
        bank.open_account("m1")
    assert "0o600" == modes(tmp_path)["real.db"]
    assert (tmp_path / "link.db").is_symlink()


@pytest.mark.parametrize("how", ["absent", "refused"])
def test_where_it_cannot_be_made_unopened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Windows has no `mknod`, and some systems keep it for root: the rights are the same."""

    def refused(*_: Any) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    if how == "absent":
        monkeypatch.delattr(os, "mknod")
    else:
        monkeypatch.setattr(os, "mknod", refused)
    for _ in range(2):
        with masked(0o022), timebank.open(f"sqlite:///{tmp_path}/bank.db") as bank:
            bank.open_account("m1")
    assert {"bank.db": "0o600"} == modes(tmp_path)


def test_a_place_that_cannot_be_is_told_by_who_opens_it(tmp_path: Path) -> None:
    """To make a file private hides no error."""
    files.make_private(tmp_path / "no folder" / "bank.db")
    with pytest.raises(timebank.StoreError, match="there is no folder"):
        timebank.open(f"sqlite:///{tmp_path}/none/bank.db")
    assert [] == list(tmp_path.iterdir())


def test_copies_are_for_their_owner(tmp_path: Path) -> None:
    """A backup, a copy and quarantined rows; what they are written over keeps its rights."""
    runner = CliRunner()
    sheet = tmp_path / "sheet.csv"
    sheet.write_text("account,balance\nm1,much\n", "utf-8")
    sheet.chmod(0o600)
    with timebank.open(f"sqlite:///{tmp_path}/bank.db") as bank:
        bank.open_account("m1")
    (tmp_path / "bank.db").chmod(0o660)
    with masked(0):
        for command in (
            ["backup", f"{tmp_path}/backup.db"],
            ["copy", f"{tmp_path}/bank.db", f"{tmp_path}/copy.db"],
            ["import", "csv", "--opening", str(sheet), "--quarantine", f"{tmp_path}/bad.csv"],
        ):
            runner.invoke(main, ["--db", f"{tmp_path}/bank.db", *command])
        expected = dict.fromkeys(("backup.db", "copy.db", "bad.csv", "sheet.csv"), "0o600")
        assert {**expected, "bank.db": "0o660"} == {
            name: mode
            for name, mode in modes(tmp_path).items()
            if name[-4:] not in ("-wal", "-shm")
        }
        (tmp_path / "bad.csv").chmod(0o644)
        (tmp_path / "backup.db").chmod(0o640)
        for command in (
            ["backup", "--force", f"{tmp_path}/backup.db"],
            ["import", "csv", "--opening", str(sheet), "--quarantine", f"{tmp_path}/bad.csv"],
        ):
            runner.invoke(main, ["--db", f"{tmp_path}/bank.db", *command])
    found = modes(tmp_path)
    assert ("0o640", "0o644") == (found["backup.db"], found["bad.csv"])


def test_a_group_that_cannot_be_kept_gets_no_rights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They would be those of another group."""
    with timebank.open(f"sqlite:///{tmp_path}/bank.db") as bank:
        bank.open_account("m1")
    backup_sqlite(f"sqlite:///{tmp_path}/bank.db", f"sqlite:///{tmp_path}/copy.db")
    (tmp_path / "copy.db").chmod(0o664)

    def refused(*_: Any) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "chown", refused)
    backup_sqlite(f"sqlite:///{tmp_path}/bank.db", f"sqlite:///{tmp_path}/copy.db", overwrite=True)
    assert "0o604" == modes(tmp_path)["copy.db"]
