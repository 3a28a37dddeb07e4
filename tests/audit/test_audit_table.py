"""Each way to tamper with a file, and what finds it: the table of the page, cell by cell.

The forger has the file and knows SQLite: the triggers are taken away for the work and put back
after it. Who is careful makes the digests anew, and the derived rows.
"""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

import timebank
from support import Clock, sources
from timebank import TimeBank
from timebank.audit import Checkpoint
from timebank.audit.chain import LOOKED_BACK
from timebank.bank.carrying import carry_bank
from timebank.journal import canonical, digest, genesis, parse
from timebank.storage import open_store

PAGE = (Path(__file__).parents[2] / "docs" / "auditing.md").read_text("utf-8")
#: More records than are looked at once more, and enough for a tile of the tree.
MORE = LOOKED_BACK + 60
WAYS = ("timebank audit", "--quick", "--since FILE", "--quick --expect-head LINE")


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Checkpoint, str]:
    """A bank of some hundred records in a file, a checkpoint, and the head that was published.

    What is tampered with lies before the last records, which are looked at once more.
    """
    path = tmp_path_factory.mktemp("table") / "bank.db"
    with timebank.open(f"sqlite:///{path}", **sources(Clock())) as bank:
        fill(bank)
        with bank.batch() as batch:
            for number in range(MORE):
                pair = ("m1", "m2") if number % 2 else ("m2", "m1")
                batch.transfer(earner=pair[0], spender=pair[1], hours=1)
        checkpoint = bank.audit().checkpoint
        assert checkpoint is not None
        head = str(bank.head())
        # What comes after is no secret, and is not tampered with.
        bank.transfer(earner="m1", spender="m2", hours=1)
    settle(path)
    return path, checkpoint, head


def fill(bank: TimeBank, *, hours: int = 1) -> None:
    """Some accounts with a name, and exchanges among them."""
    for id in ("m1", "m2", "m3"):
        bank.open_account(id, name=f"name of {id}")
    for number in range(15):
        earner, spender = (("m1", "m2"), ("m2", "m3"), ("m3", "m1"))[number % 3]
        bank.transfer(earner=earner, spender=spender, hours=hours, id=f"t{number}", note="n")
    bank.open_account("m4")


def settle(path: Path) -> None:
    """Bring all into the one file."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


# -- what a forger does --------------------------------------------------------------------


@contextmanager
def forging(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection on which nothing is refused; the triggers are put back at the end."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        sql = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
        triggers = connection.execute(sql).fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        yield connection
        for _, statement in triggers:
            connection.execute(statement)


def bodies(connection: sqlite3.Connection) -> list[bytes]:
    """The records."""
    sql = "SELECT body FROM timebank_records ORDER BY sequence"
    return [body for (body,) in connection.execute(sql)]


def more(body: bytes) -> bytes:
    """A transfer of an hour as one of two."""
    return body.replace(b"3600", b"7200")


def change(path: Path) -> None:
    """Two hours instead of one."""
    with forging(path) as connection:
        sql = "SELECT body FROM timebank_records WHERE sequence = 7"
        (body,) = connection.execute(sql).fetchone()
        connection.execute("UPDATE timebank_records SET body = ? WHERE sequence = 7", (more(body),))


def delete(path: Path) -> None:
    """A record and its rows are gone."""
    with forging(path) as connection:
        for table in ("timebank_texts", "timebank_postings", "timebank_records"):
            connection.execute(f"DELETE FROM {table} WHERE sequence = 7")


def reorder(path: Path) -> None:
    """Two records change places."""
    with forging(path) as connection:
        for before, after in ((7, -7), (8, 7), (-7, 8)):
            connection.execute("PRAGMA ignore_check_constraints = ON")
            sql = "UPDATE timebank_records SET sequence = ? WHERE sequence = ?"
            connection.execute(sql, (after, before))


def insert(path: Path) -> None:
    """A record of another's id between two, and those behind it move on."""
    with forging(path) as connection:
        sql = "SELECT sequence, digest, body FROM timebank_records ORDER BY sequence DESC"
        rows = connection.execute(sql).fetchall()
        for sequence, value, body in rows:
            if sequence < 8:
                connection.execute(
                    "INSERT INTO timebank_records "
                    "VALUES ('main', 8, ?, ?, 'transfer', 'forged', NULL)",
                    (value, body.replace(b'"t3"', b'"forged"')),
                )
                break
            sql = "UPDATE timebank_records SET sequence = ? WHERE sequence = ?"
            connection.execute(sql, (sequence + 1, sequence))


def truncate(path: Path) -> None:
    """The last three records are gone, as if they had never been, with all that follows."""
    again(path, lambda records: records[:-3])


def rewrite(path: Path) -> None:
    """One transfer is another, and all digests and derived rows are made anew."""
    again(path, lambda records: [*records[:6], more(records[6]), *records[7:]])


def again(path: Path, changed: Callable[[list[bytes]], list[bytes]]) -> None:
    """Other records of the same journal, their chain whole, and derived rows that agree."""
    with forging(path) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        records = changed(bodies(connection))
        before = genesis(parse(records[0])["journal"])
        count = len(records)
        for table in ("timebank_postings", "timebank_texts", "timebank_records"):
            connection.execute(f"DELETE FROM {table} WHERE sequence > ?", (count,))
        for sequence, body in enumerate(records, 1):
            before = digest(before, canonical(parse(body)))
            sql = "UPDATE timebank_records SET digest = ?, body = ? WHERE sequence = ?"
            connection.execute(sql, (before, body, sequence))
        connection.execute("DELETE FROM timebank_accounts WHERE opened > ?", (count,))
    with timebank.open(f"sqlite:///{path}") as bank:
        bank.rebuild()
    settle(path)


def replace(path: Path) -> None:
    """Another bank, with the same names and other hours, lies in the place of this one."""
    path.unlink()
    with timebank.open(f"sqlite:///{path}") as bank:
        fill(bank, hours=2)
    settle(path)


def restore(path: Path) -> None:
    """An older copy of the same bank lies in its place."""
    old = path.with_name("old.db")
    with (
        closing(open_store(f"sqlite:///{path}", create=False)) as source,
        closing(open_store(f"sqlite:///{old}", create=True)) as target,
    ):
        carry_bank(source, target)
    truncate(old)
    shutil.move(old, path)


def give(path: Path) -> None:
    """Somebody has an hour more, on paper that others sign."""
    with forging(path) as connection:
        sql = "UPDATE timebank_postings SET balance = balance + 3600 WHERE account = 'm1'"
        connection.execute(f"{sql} AND version = 3")


def shift(path: Path) -> None:
    """An hour goes from one to another, with all balances behind it: the sums agree."""
    with forging(path) as connection:
        for account, seconds in (("m1", 3600), ("m2", -3600)):
            connection.execute(
                "UPDATE timebank_postings SET seconds = seconds + ? WHERE sequence = 4 "
                "AND account = ?",
                (seconds, account),
            )
            connection.execute(
                "UPDATE timebank_postings SET balance = balance + ? WHERE sequence >= 4 "
                "AND account = ?",
                (seconds, account),
            )


def reseal(path: Path) -> None:
    """The hash of a tile is another, as one whose records were made up would be."""
    with forging(path) as connection:
        connection.execute("UPDATE timebank_tiles SET hash = zeroblob(32) WHERE tile = 0")


def forget(path: Path) -> None:
    """A name is deleted by hand."""
    with forging(path) as connection:
        connection.execute("DELETE FROM timebank_texts WHERE sequence = 1")


TAMPERINGS: dict[str, Callable[[Path], None]] = {
    "change a record": change,
    "delete a record": delete,
    "reorder two records": reorder,
    "insert a record": insert,
    "truncate the journal, with care": truncate,
    "rewrite the journal, with care": rewrite,
    "replace the whole file by another bank": replace,
    "replace the whole file by an older copy": restore,
    "change a derived row": give,
    "change derived rows so that they agree": shift,
    "change a hash of the tree": reseal,
    "delete a text": forget,
}


# -- what finds it -------------------------------------------------------------------------


def finds(path: Path, way: str, checkpoint: Checkpoint, head: str) -> bool:
    """Whether an audit has findings."""
    how = {
        WAYS[0]: lambda bank: bank.audit(),
        WAYS[1]: lambda bank: bank.audit(quick=True),
        WAYS[2]: lambda bank: bank.audit(since=checkpoint),
        WAYS[3]: lambda bank: bank.audit(quick=True, expect=[head]),
    }
    with timebank.open(f"sqlite:///{path}", create=False, read_only=True) as bank:
        return not how[way](bank).ok


def table() -> dict[tuple[str, str], bool]:
    """The cells of the page's table."""
    _, _, after = PAGE.partition("\n| what is done | `timebank audit` |")
    rows = re.findall(r"^\| (\w[^|]*?) \| (.*?) \|$", after.partition("\n\n")[0], re.MULTILINE)
    cells = {name: [cell.strip() for cell in rest.split("|")] for name, rest in rows}
    return {
        (name, way): cell == "finds it"
        for name, found in cells.items()
        if name in TAMPERINGS
        for way, cell in zip(WAYS, found, strict=True)
    }


def test_the_table_has_every_way() -> None:
    """To tamper, and to look."""
    assert {(name, way) for name in TAMPERINGS for way in WAYS} == table().keys()
    header = next(line for line in PAGE.splitlines() if line.startswith("| what is done |"))
    assert [f"`{way}`" for way in WAYS] == [cell.strip() for cell in header.split("|")[2:-1]]


@pytest.mark.parametrize("way", WAYS)
def test_what_nobody_touched_is_well(
    original: tuple[Path, Checkpoint, str], tmp_path: Path, way: str
) -> None:
    """No way to look finds what is not there."""
    path, checkpoint, head = original
    copy = Path(shutil.copy(path, tmp_path / "bank.db"))
    assert not finds(copy, way, checkpoint, head)


@pytest.mark.parametrize("name", TAMPERINGS)
def test_what_finds_it(original: tuple[Path, Checkpoint, str], tmp_path: Path, name: str) -> None:
    """As the page says."""
    path, checkpoint, head = original
    copy = Path(shutil.copy(path, tmp_path / "bank.db"))
    TAMPERINGS[name](copy)
    found = {way: finds(copy, way, checkpoint, head) for way in WAYS}
    assert {way: table()[name, way] for way in WAYS} == found
