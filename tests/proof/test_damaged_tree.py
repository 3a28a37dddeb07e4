"""Hashes of the tree that were damaged: nothing is published of them, and nobody is accused."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import timebank
from proof.histories import KEY, PUBLIC, rewritten
from support import sources
from timebank import Corrupt, TimeBank
from timebank.cli import main
from timebank.journal.tree import TILE
from timebank.proof import Forked, Policy, SignedHead, continuation, publish, receipt, sign_head
from timebank.proof.consistency import check_in

LAST = 2 * TILE + 9
NAMES = [f"m{n}" for n in range(1, LAST)]
POLICY = Policy.of(f"log {PUBLIC}\nquorum none\n")
DAMAGE = {
    "other bits": "UPDATE timebank_tiles SET hash = zeroblob(32) WHERE tile = ?",
    "fewer bytes": "UPDATE timebank_tiles SET hash = zeroblob(31) WHERE tile = ?",
    "no row": "DELETE FROM timebank_tiles WHERE tile = ?",
}


def make(path: Path, names: list[str]) -> TimeBank:
    """A bank whose last record is a transfer; its tree has two full tiles."""
    bank = timebank.open(path, **sources())
    with bank.batch() as batch:
        for name in names:
            batch.open_account(name)
        batch.transfer(earner=names[0], spender=names[1], hours="1:00", id="t1")
    return bank


def sql(path: Path, statement: str, *values: object) -> None:
    """Do what no program of ours does."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA ignore_check_constraints = 1")
        connection.execute(statement, values)


def checked(bank: TimeBank, head: SignedHead) -> None:
    """Hold a head against the journal."""
    with bank.store.reader("main") as reader:
        check_in(reader, head)


ASKED: dict[str, Callable[[TimeBank, SignedHead, Path], Any]] = {
    "check": lambda bank, head, _: checked(bank, head),
    "continue": lambda bank, head, _: continuation(bank, head, KEY),
    "publish": lambda bank, head, place: publish(bank, place, head, policy=POLICY),
    "receipt": lambda bank, head, _: receipt(bank, "t1", key=KEY, head=head),
}


@pytest.mark.parametrize("tile", [0, 1])
@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_hashes_accuse_nobody(damage: str, tile: int, tmp_path: Path) -> None:
    """The records are as they were: an audit is asked for, and a rebuild makes all well."""
    path, place = tmp_path / "bank.db", tmp_path / "published"
    with make(path, NAMES) as bank:
        head = sign_head(bank, KEY)
        bank.open_account("later")
        sql(path, DAMAGE[damage], tile)
        for work in ASKED.values():
            with pytest.raises(Corrupt, match="audit the bank, before you rebuild it") as error:
                work(bank, head, place)
            assert "tree_damaged" == error.value.key
        assert not place.exists()
        assert "tree" in {one.check for one in bank.audit().findings}
        bank.rebuild()
        for work in ASKED.values():
            work(bank, head, place)
        assert head == SignedHead.read(place)


def test_a_root_that_was_worked_out_from_damaged_hashes_is_not_published(tmp_path: Path) -> None:
    """Once it were, the bank could continue it no more."""
    path, place = tmp_path / "bank.db", tmp_path / "published"
    with make(path, NAMES) as bank:
        sql(path, DAMAGE["other bits"], 1)
        head = sign_head(bank, KEY)
        with pytest.raises(Corrupt) as error:
            publish(bank, place, head, policy=POLICY)
        assert ("tree_damaged", False) == (error.value.key, place.exists())


@pytest.mark.parametrize("work", ASKED)
def test_a_past_that_was_rewritten_is_named_whatever_was_done_to_hashes(
    work: str, tmp_path: Path
) -> None:
    """That of records is, with the hashes of what was there before, or with those of nothing."""
    path, place = tmp_path / "bank.db", tmp_path / "published"
    with make(tmp_path / "honest.db", NAMES) as honest:
        head = sign_head(honest, KEY)
    with make(path, rewritten(NAMES, 9)) as bank:
        with pytest.raises(Forked):
            ASKED[work](bank, head, place)
        sql(path, DAMAGE["other bits"], 1)
        with pytest.raises(Forked):
            ASKED[work](bank, head, place)


@pytest.mark.parametrize("asked", [["head", "--sign"], ["head", "--since", "0", "--sign"]])
def test_the_command_signs_no_root_of_damaged_hashes(asked: list[str], tmp_path: Path) -> None:
    """It is what goes into the minutes, and to a witness."""
    path, key = tmp_path / "bank.db", tmp_path / "key"
    make(path, NAMES).close()
    KEY.write(key)
    run = partial(CliRunner().invoke, main, ["--db", str(path), *asked, str(key)])
    assert "timebank/id-1" in run().output
    sql(path, DAMAGE["other bits"], 1)
    found = run()
    assert (2, False) == (found.exit_code, "timebank/id-1" in found.output)
    assert "audit the bank, before you rebuild it" in found.output
