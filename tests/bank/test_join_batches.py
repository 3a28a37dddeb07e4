"""A joined bank's batches and previews, while the host ends its savepoints and transactions."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("django", reason="the hosts need the extra timebank[dev]")

import timebank
from bank.hosts import HOSTS_AT_LENGTH, Host
from timebank import BankBatch, Hours, InvalidRequest, LimitExceeded, TimeBank

OVER = "this batch is over"


class Failing(Exception):
    """What goes wrong in the host."""


@pytest.fixture(params=HOSTS_AT_LENGTH, ids=lambda kind: kind.__name__)
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Host]:
    """A host with a table of its own; beside it a bank in which two accounts are committed."""
    made = request.param(tmp_path)
    with timebank.open(made.url) as alone:
        alone.open_account("m1")
        alone.open_account("f1", kind="group")
        alone.set_limits("f1", floor=-3)
    yield made
    made.close()


@pytest.fixture
def bank(host: Host) -> TimeBank:
    """The joined bank."""
    return timebank.join(host.handle)


def move(bank: TimeBank | BankBatch, id: str, hours: str = "1") -> timebank.Transfer:
    """Hours from the family to the member."""
    return bank.transfer(earner="m1", spender="f1", hours=hours, id=id)


def kept(host: Host) -> tuple[int, list[str]]:
    """The host's rows and the ids of our transfers that are committed; ours pass an audit."""
    with timebank.open(host.url, create=False) as alone:
        assert () == alone.audit().findings
        return host.booked(), sorted(transfer.id for transfer in alone.transfers())


def entered(block: AbstractContextManager[Any]) -> AbstractContextManager[Any]:
    """Enter a block of the host by hand."""
    block.__enter__()
    return block


def left(block: AbstractContextManager[Any], error: Exception | None = None) -> None:
    """Leave a block of the host that was entered by hand, by an error of its own or without."""
    if error is None:
        block.__exit__(None, None, None)
        return
    with suppress(Failing):  # some let it pass, and some raise it again
        block.__exit__(type(error), error, None)


def test_a_host_rolls_back_within_a_batch(host: Host, bank: TimeBank) -> None:
    """What was called after the host's savepoint is gone, and the next call is right."""
    with host.transaction():
        with bank.batch() as batch:
            move(batch, "t1")
            with suppress(Failing), host.savepoint():
                host.book("b1")
                move(batch, "t2", "2")
                with pytest.raises(LimitExceeded):
                    move(batch, "t3")
                raise Failing
            assert Hours(1) == batch.balance("m1").posted
            with host.savepoint():
                host.book("b2")
                move(batch, "t2")
            assert Hours(-2) == batch.balance("f1").posted
            with pytest.raises(LimitExceeded):
                move(batch, "t3", "1:01")
            move(batch, "t3")
        assert Hours(3) == bank.balance("m1").posted
    assert (1, ["t1", "t2", "t3"]) == kept(host)


def test_holds_of_a_batch_go_with_the_hosts_savepoint(host: Host, bank: TimeBank) -> None:
    """A hold that was settled in what was undone is open, one that was made in it is free."""
    with host.transaction():
        with bank.batch() as batch:
            batch.hold(earner="m1", spender="f1", hours=1, id="h1")
            with suppress(Failing), host.savepoint():
                batch.settle("h1", id="s1")
                batch.hold(earner="m1", spender="f1", hours=2, id="h2")
                raise Failing
            assert ["h1"] == [hold.id for hold in batch.holds()]
            with pytest.raises(timebank.HoldNotFound):
                batch.settle("h2")
            batch.hold(earner="m1", spender="f1", hours=2, id="h2")
            batch.settle("h1", id="s1")
        assert ["h2"] == [hold.id for hold in bank.holds()]
    assert (0, ["s1"]) == kept(host)


def test_a_batch_that_fails_undoes_what_the_host_did_in_it(host: Host, bank: TimeBank) -> None:
    """It is one savepoint: an error takes its calls and the host's rows, and no more."""
    with host.transaction():
        host.book("b1")
        move(bank, "t1")
        with pytest.raises(Failing), bank.batch() as batch:
            with host.savepoint():
                move(batch, "t2")
                host.book("b2")
            raise Failing
        move(bank, "t2", "2")
    assert (1, ["t1", "t2"]) == kept(host)


@pytest.mark.parametrize("error", [None, Failing()], ids=["released", "rolled back"])
def test_a_batch_is_over_with_a_savepoint_around_it(
    host: Host, bank: TimeBank, error: Exception | None
) -> None:
    """Its next call and its clean end say so; what the host kept stays, and the bank goes on."""
    with host.transaction():
        block = entered(host.savepoint())
        with pytest.raises(InvalidRequest, match=OVER), bank.batch() as batch:
            move(batch, "t1")
            host.book("b1")
            left(block, error)
            host.book("b2")
            for late in (lambda: move(batch, "t2"), lambda: batch.balance("m1"), batch.head):
                with pytest.raises(InvalidRequest, match=OVER):
                    late()
            with pytest.raises(InvalidRequest, match="a batch is open"):
                move(bank, "t3")
        move(bank, "t4")
        host.book("b3")
    assert ((2, ["t4"]) if error else (3, ["t1", "t4"])) == kept(host)


@pytest.mark.parametrize("error", [None, Failing()], ids=["commit", "rollback"])
def test_a_batch_is_over_with_its_transaction(
    host: Host, bank: TimeBank, error: Exception | None
) -> None:
    """The host ends it and begins another: that is left alone, whether the block fails or not."""
    for number, id in enumerate("ab"):
        first = entered(host.transaction())
        with pytest.raises((InvalidRequest, Failing)) as caught, bank.batch() as batch:
            move(batch, id)
            left(first, error)
            second = entered(host.transaction())
            host.book(f"b{number}")
            with pytest.raises(InvalidRequest, match=OVER):
                move(batch, "late")
            if number:
                raise Failing
        assert (Failing if number else InvalidRequest) is caught.type
        left(second)
    assert (2, [] if error else ["a", "b"]) == kept(host)


def test_a_batch_without_a_transaction_is_over(host: Host, bank: TimeBank) -> None:
    """Where the host has none any more a call begins none, and neither does the end."""
    first = entered(host.transaction())
    with pytest.raises(InvalidRequest, match=OVER), bank.batch() as batch:
        move(batch, "t1")
        left(first)
        with pytest.raises(InvalidRequest, match=OVER):
            move(batch, "t2")
    with host.transaction():
        move(bank, "t3")
    assert (0, ["t1", "t3"]) == kept(host)


def test_a_host_rolls_back_within_a_preview(host: Host, bank: TimeBank) -> None:
    """A preview is decided anew where the journal beneath it has moved, and undoes nothing."""
    with host.transaction():
        with bank.preview() as preview:
            with suppress(Failing), host.savepoint():
                move(bank, "t1", "2")
                move(preview, "p1")
                assert Hours(-3) == preview.balance("f1").posted
                with pytest.raises(LimitExceeded):
                    move(preview, "p2")
                raise Failing
            assert Hours(-1) == preview.balance("f1").posted
            host.book("b1")
            move(preview, "p2", "2")
            move(bank, "t2")
            with pytest.raises(InvalidRequest, match="changed beneath this preview"):
                preview.balance("f1")
        assert Hours(-1) == bank.balance("f1").posted
    assert (1, ["t2"]) == kept(host)


def test_a_preview_within_a_batch(host: Host, bank: TimeBank) -> None:
    """It sees what was called on the batch, and leaves both the batch and the host alone."""
    with host.transaction(), bank.batch() as batch:
        move(batch, "t1")
        with pytest.raises(Failing), bank.preview() as preview:
            move(preview, "p1", "2")
            assert Hours(-3) == preview.balance("f1").posted
            host.book("b1")
            raise Failing
        move(batch, "t2")
    assert (1, ["t1", "t2"]) == kept(host)


def test_batches_of_two_banks(host: Host, bank: TimeBank) -> None:
    """One within the other: the inner one's end is its own, the outer one's is that of both."""
    other = timebank.join(host.handle, bank="other")
    with host.transaction():
        other.open_account("x")
        with bank.batch() as batch:
            move(batch, "t1")
            with suppress(Failing), other.batch() as inner:
                inner.freeze("x")
                move(batch, "t2")
                raise Failing
            with other.batch() as inner:
                inner.set_limits("x", floor=-1)
            move(batch, "t3")
        assert "open" == other.account("x").status
        with suppress(Failing), bank.batch() as batch:
            with other.batch() as inner:
                inner.freeze("x")
            raise Failing
        assert ("open", 2) == (other.account("x").status, other.head().sequence)
        assert () == other.audit().findings
    assert (0, ["t1", "t3"]) == kept(host)


def test_what_a_permission_writes_stays(host: Host) -> None:
    """The host's own callables may write: a refusal of the call leaves that, in a batch too."""
    numbers = iter(range(9))

    def permissions(ask: timebank.Ask) -> bool:
        if ask.action == "transfer":
            host.book(f"b{next(numbers)}")
        return ask.action != "transfer" or ask.actor == "treasurer"

    bank = timebank.join(host.handle, permissions=permissions)
    with host.transaction():
        with pytest.raises(timebank.NotPermitted):
            move(bank, "t1")
        with bank.batch() as batch:
            with pytest.raises(timebank.NotPermitted):
                move(batch, "t1")
            move(batch.acting_as("treasurer"), "t2")
    assert (3, ["t2"]) == kept(host)


def test_what_a_clock_writes_stays(host: Host) -> None:
    """The clock of a call that is refused has written a row of the host's: it is kept."""

    def clock() -> datetime:
        host.book("b1")
        return datetime.now(UTC)

    bank = timebank.join(host.handle, clock=clock)
    with host.transaction(), pytest.raises(timebank.AccountNotFound):
        bank.freeze("nobody")
    assert (1, []) == kept(host)


def test_a_batch_that_was_abandoned(host: Host, bank: TimeBank) -> None:
    """A block that nobody leaves is undone when it is gone, and locks nobody out."""
    with host.transaction():
        host.book("b1")
        block = bank.batch()
        batch = block.__enter__()
        move(batch, "t1")
        with pytest.raises(InvalidRequest, match="a batch is open"):
            move(bank, "t2")
        del block, batch
        gc.collect()
        move(bank, "t2")
    assert (1, ["t2"]) == kept(host)
