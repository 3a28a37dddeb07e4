"""A joined bank fills tiles of the tree within the host's transaction, and loses them with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

pytest.importorskip("django", reason="the hosts need the extra timebank[dev]")

import timebank
from bank.hosts import HOSTS_ONE_EACH, Host
from timebank.errors import InvalidRequest
from timebank.journal.tree import TILE
from timebank.storage import open_store
from timebank.testing.tiles import begin, check_tree, open_accounts


@pytest.fixture(params=HOSTS_ONE_EACH, ids=lambda kind: kind.__name__)
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Host]:
    """A host whose bank `begun` lacks one record of a full tile."""
    made: Host = request.param(tmp_path)
    with closing(open_store(made.url, create=False)) as store:
        begin(store, "begun")
    yield made
    made.close()


def tiles(host: Host) -> int:
    """How many tiles are committed, in a journal that passes its audit."""
    with timebank.open(host.url, bank="begun", create=False) as alone:
        assert () == alone.audit().findings
        with alone.store.reader("begun") as reader:
            return len(check_tree(reader))


def test_a_tile_is_the_hosts_to_keep_or_to_undo(host: Host) -> None:
    """A rollback, of a savepoint too, takes it away with its record; a commit keeps both."""
    bank = timebank.join(host.handle, bank="begun")
    with pytest.raises(ZeroDivisionError), host.transaction():
        bank.open_account("undone")
        assert TILE == bank.head().sequence
        undone = bank.head().root
        raise ZeroDivisionError
    assert 0 == tiles(host)
    with host.transaction():
        with pytest.raises(ZeroDivisionError), host.savepoint():
            bank.open_account("undone")
            gone = bank.head()
            assert TILE == gone.sequence
            raise ZeroDivisionError
        with pytest.raises(InvalidRequest, match="was rolled back"):
            _ = gone.root
        with pytest.raises(ZeroDivisionError), bank.batch() as batch:
            open_accounts(batch, 3)
            raise ZeroDivisionError
        bank.open_account("kept")
        kept = bank.head().root
        with pytest.raises(InvalidRequest, match="was rolled back"):  # there are as many again
            _ = gone.root
        with bank.batch() as batch:
            open_accounts(batch, TILE + 3)
            assert 2 * TILE + 3 == batch.head().sequence
            last = batch.head().root
    assert 2 == tiles(host)
    assert 3 == len({undone, kept, last})
    with timebank.open(host.url, bank="begun", create=False) as alone:
        assert last == alone.head().root
