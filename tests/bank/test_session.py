"""What the bank does where a store misbehaves, and where its own rows cannot be."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import timebank
from support import fill, sources
from timebank import Corrupt, TimeBank
from timebank.bank import commit_group
from timebank.bank.session import Sources, utc_now
from timebank.errors import BankNotFound, HoldNotFound, StoreError
from timebank.model import RecordRow, instant
from timebank.rules import decide
from timebank.storage.memory import MemoryStore
from timebank.storage.protocol import Batch


def test_the_default_clock_is_the_time_of_day() -> None:
    """Aware, in UTC, and the same as the door's microseconds."""
    before = utc_now()
    now = Sources().now()
    after = utc_now()
    assert before.timestamp() * 1e6 - 1 <= now <= after.timestamp() * 1e6 + 1
    assert UTC == before.tzinfo


def test_ids_sort_by_the_time_they_were_made() -> None:
    """Made one after the other they lie beside each other, and no two are alike."""
    ids = [Sources().id() for _ in range(1000)]
    assert 1000 == len(set(ids))
    assert [id[:12] for id in ids] == sorted(id[:12] for id in ids)


def test_decide_and_the_books_check_each_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Postings that do not sum to zero are never written, whoever made them."""
    with timebank.open(f"sqlite:///{tmp_path / 'bank.db'}", **sources()) as bank:
        bank.open_account("m1")
        bank.open_account("f1")

        def crooked(*arguments: Any) -> Any:
            draft = decide(*arguments)
            assert draft is not None
            effects: Any = draft.effects
            effects["postings"][0][1] += 1
            return draft

        monkeypatch.setattr("timebank.bank.session.decide", crooked)
        with pytest.raises(Corrupt, match="sum to zero"):
            bank.transfer(earner="m1", spender="f1", hours=1)
        monkeypatch.undo()
        assert 2 == bank.head().sequence
        assert bank.audit().ok


def test_a_record_that_is_no_transfer_is_corrupt() -> None:
    """What has an id but lacks the fields of a transfer cannot be shown as one."""
    store = MemoryStore()
    bank = TimeBank(store, **sources())
    body = b'{"effects":{},"kind":"transfer","request":{"id":"t"},"sequence":1}'
    with store.writer("main") as writer:
        writer.append(Batch(records=[RecordRow(1, bytes(32), body, "transfer", "t", None)]))
    with pytest.raises(Corrupt, match="cannot be read as a transfer"):
        bank.transfer_by_id("t")
    assert not bank.audit().ok


def test_a_large_bank_keeps_no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond a bound the state is read again, and the answers are the same."""
    monkeypatch.setattr(commit_group, "CACHED_ACCOUNTS", 1)
    bank = timebank.open("memory:", **sources())
    fill(bank)
    assert bank.audit().ok


def test_a_closed_bank_says_so(tmp_path: Path) -> None:
    """Every call on it is an error, and the audit reports instead of raising."""
    for url in ("memory:", f"sqlite:///{tmp_path / 'bank.db'}"):
        bank = timebank.open(url)
        bank.close()
        bank.close()
        with pytest.raises(StoreError):
            bank.head()
        with pytest.raises(StoreError):
            bank.open_account("m1")
        assert ["file"] == [finding.check for finding in bank.audit().findings]


def test_opening_what_is_not_there_leaves_nothing(tmp_path: Path) -> None:
    """A missing bank is not found, and its store is closed again."""
    url = f"sqlite:///{tmp_path / 'bank.db'}"
    timebank.open(url).close()
    with pytest.raises(BankNotFound):
        timebank.open(url, bank="other", create=False)
    with pytest.raises(timebank.NotFound):
        timebank.open(f"sqlite:///{tmp_path / 'none.db'}", create=False)
    assert not (tmp_path / "none.db").exists()


def test_errors_survive_the_way_between_processes() -> None:
    """A refusal that a worker process raises arrives with its message and its facts."""
    bank = timebank.open("memory:")
    bank.open_account("m1")
    bank.open_account("f1")
    with pytest.raises(timebank.LimitExceeded) as caught:
        bank.transfer(earner="m1", spender="f1", hours=21)
    there = pickle.loads(pickle.dumps(caught.value))  # noqa: S301  # our own
    assert (str(caught.value), vars(caught.value)) == (str(there), vars(there))
    assert type(caught.value) is type(there)


def test_errors_carry_their_facts() -> None:
    """Facts are attributes and are shown."""
    error = HoldNotFound("h1")
    assert ("h1", "no hold 'h1' in this bank") == (error.id, str(error))
    assert "h1" in str(timebank.OutcomeUnknown("h1"))
    assert datetime(1970, 1, 1, tzinfo=UTC) == instant(0)
