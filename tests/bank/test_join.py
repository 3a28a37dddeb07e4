"""A ledger inside the host's own transaction: both rows, or neither, whatever the host is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("django", reason="the hosts need the extra timebank[dev]")

import timebank
from bank.hosts import HOSTS, Host
from support import sources
from timebank import Conflict, Hours, IdempotencyMismatch, InvalidRequest, LimitExceeded, TimeBank


@pytest.fixture(params=HOSTS, ids=lambda kind: kind.__name__)
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Host]:
    """A host with a table of its own and ours beside it."""
    made = request.param(tmp_path)
    yield made
    made.close()


@pytest.fixture
def bank(host: Host) -> TimeBank:
    """The joined bank, with two accounts committed."""
    joined = timebank.join(host.handle)
    with host.transaction():
        joined.open_account("m1")
        joined.open_account("f1", kind="group", name="Famiglia Rossi")
    return joined


def kept(host: Host) -> tuple[int, int]:
    """The host's rows and our records that are committed; ours pass an audit."""
    with timebank.open(host.url, create=False) as alone:
        assert () == alone.audit().findings
        return host.booked(), alone.head().sequence


def move(bank: TimeBank, hours: str = "1", id: str | None = None) -> timebank.Transfer:
    """An hour from the family to the member."""
    return bank.transfer(earner="m1", spender="f1", hours=hours, id=id, note="at the clinic")


class Failing(Exception):
    """What goes wrong in the host."""


def test_the_hosts_commit_keeps_both(host: Host, bank: TimeBank) -> None:
    """The host's row and our record are there after the host's commit."""
    with host.transaction():
        host.book("b1")
        move(bank)
    assert (1, 3) == kept(host)


def test_ours_may_come_first(host: Host, bank: TimeBank) -> None:
    """Nothing of the host's need come before our call, nor after."""
    with pytest.raises(Failing), host.transaction():
        move(bank)
        raise Failing
    assert (0, 2) == kept(host)
    with host.transaction():
        move(bank)
        host.book("b1")
    assert (1, 3) == kept(host)


def test_the_hosts_rollback_keeps_neither(host: Host, bank: TimeBank) -> None:
    """What goes wrong in the host after our call undoes it, and the id is free again."""
    with pytest.raises(Failing), host.transaction():
        host.book("b1")
        move(bank, id="t1")
        move(bank, id="t2")
        raise Failing
    assert (0, 2) == kept(host)
    with host.transaction():
        move(bank, "2", id="t1")
    assert (0, 3) == kept(host)


def test_a_refusal_leaves_the_host_its_transaction(host: Host, bank: TimeBank) -> None:
    """After an error of ours, whatever it is, the host goes on and commits."""
    with host.transaction():
        host.book("b1")
        with pytest.raises(LimitExceeded):
            move(bank, "21")
        with pytest.raises(timebank.AccountNotFound):
            bank.freeze("nobody")
        move(bank, id="t1")
        with pytest.raises(IdempotencyMismatch):
            move(bank, "2", id="t1")
        host.book("b2")
    assert (2, 3) == kept(host)


def test_holds_and_statutes_are_the_hosts_too(host: Host, bank: TimeBank) -> None:
    """Reserved, settled and adopted in the host's transaction; its rollback undoes each."""
    rules = timebank.Statute(version="v1", limits={"group": timebank.Band(floor=-3)})
    with host.transaction():
        bank.adopt(rules)
        bank.hold(earner="m1", spender="f1", hours=2, id="h1")
    with pytest.raises(Failing), host.transaction():
        bank.settle("h1", hours="1:30", id="s1")
        bank.adopt(timebank.Statute(version="v2"))
        assert ("settled", "v2") == (bank.hold_by_id("h1").status, bank.statute().version)
        raise Failing
    with host.transaction():
        assert (["h1"], rules) == ([hold.id for hold in bank.holds()], bank.statute())
        with pytest.raises(LimitExceeded, match="1:00 may still move"):
            move(bank, "2")
        host.book("b1")
        assert Hours("1:30") == bank.settle("h1", hours="1:30", id="s1").hours
        assert (Hours(0), Hours("1:30")) == (bank.balance("f1").held, bank.balance("m1").posted)
    assert (1, 5) == kept(host)


def test_a_savepoint_of_the_hosts_takes_ours_along(host: Host, bank: TimeBank) -> None:
    """Rolled back, ours is gone with it; what came before and after it stays."""
    with host.transaction():
        host.book("b1")
        move(bank, id="before")
        with pytest.raises(Failing), host.savepoint():
            host.book("b2")
            move(bank, id="within")
            raise Failing
        assert Hours(1) == bank.balance("m1").posted
        with host.savepoint():
            move(bank, id="within")
        move(bank, id="after")
        assert Hours(3) == bank.balance("m1").posted
    assert (1, 5) == kept(host)


def test_reads_see_the_transaction(host: Host, bank: TimeBank) -> None:
    """Balance, statement, records and audit are those of the transaction, not yet committed."""
    with host.transaction():
        host.book("b1")
        moved = move(bank, "1:30", id="t1")
        assert moved == bank.transfer_by_id("t1") == move(bank, "1:30", id="t1")
        assert ["t1"] == [transfer.id for transfer in bank.transfers()]
        assert [1, 2, 3] == [record.sequence for record in bank.records()]
        assert Hours("-1:30") == bank.statement("f1").closing
        assert "Famiglia Rossi" == bank.account("f1").name
        assert ["f1", "m1"] == [account.id for account in bank.accounts()]
        assert () == bank.audit().findings
        assert ["main"] == list(bank.store.banks())
        acting = bank.acting_as("coordinator")
        acting.freeze("m1")
        assert "coordinator" == list(bank.records())[-1].actor
    assert (1, 4) == kept(host)


def test_a_batch_is_one_savepoint(host: Host, bank: TimeBank) -> None:
    """All of its calls or none; the host goes on either way, and a write past it is refused."""
    with host.transaction():
        host.book("b1")
        with pytest.raises(LimitExceeded), bank.batch() as batch:
            move(batch)  # type: ignore[arg-type]
            move(batch, "20")  # type: ignore[arg-type]
        with bank.batch() as batch:
            move(batch, id="t1")  # type: ignore[arg-type]
            with pytest.raises(InvalidRequest, match="batch is open"):
                move(bank)
            with pytest.raises(LimitExceeded):
                move(batch, "20")  # type: ignore[arg-type]
        with bank.preview() as preview:
            move(preview)  # type: ignore[arg-type]
        bank.reverse("t1", reason="entered twice")
    assert (1, 4) == kept(host)


def test_without_a_transaction_nothing_is_written(host: Host, bank: TimeBank) -> None:
    """Outside of the host's transaction every call that writes is refused, and says what to do."""
    calls: tuple[Callable[[], object], ...] = (
        lambda: move(bank),
        lambda: bank.batch().__enter__(),
        bank.rebuild,
    )
    for call in calls:
        with pytest.raises(InvalidRequest, match="no transaction is open"):
            call()
    assert (0, 2) == kept(host)


def test_reads_need_no_transaction(host: Host, bank: TimeBank) -> None:
    """Each reads one state, and leaves nothing begun: the host's next transaction is its own."""
    with host.transaction():
        move(bank, id="t1")
    lazy = bank.transfers()
    for _ in range(2):
        assert Hours(1) == bank.balance("m1").posted
        assert ["t1"] == [transfer.id for transfer in bank.transfers()]
        assert ["main"] == list(bank.store.banks())
        assert () == bank.audit().findings
        with bank.preview() as preview:
            assert Hours(2) == preview.transfer(earner="m1", spender="f1", hours=2).hours
            assert Hours(3) == preview.balance("m1").posted
        with host.transaction():
            host.book(f"b{bank.head().sequence}")
            bank.freeze("m1")
            bank.thaw("m1")
    assert "t1" == next(lazy).id
    with pytest.raises(timebank.AccountNotFound):
        bank.balance("nobody")
    assert (2, 7) == kept(host)


def test_a_write_from_within_a_read_is_refused(host: Host, bank: TimeBank) -> None:
    """What is open then is ours, to read by, and not the host's to write in."""
    refusals = []

    def progress(done: int, total: int) -> None:
        for call in (lambda: bank.open_account("late"), lambda: bank.batch().__enter__()):
            with pytest.raises(InvalidRequest, match="no transaction") as caught:
                call()
            refusals.append(caught.value)
        assert Hours(0) == bank.balance("m1").posted

    assert bank.audit(progress).ok
    assert refusals
    assert (0, 2) == kept(host)


def test_the_same_calls_come_to_the_same_head(host: Host) -> None:
    """Joined or not, the journal is the same to the byte."""
    alone = timebank.open("memory:", **sources())
    with host.transaction():
        host.book("b1")
        joined = timebank.join(host.handle, bank="other", **sources())
        for bank in (alone, joined):
            bank.open_account("m1", name="Maria")
            bank.open_account("f1")
            move(bank, id="t1")
        assert alone.head() == joined.head()
        assert ["main", "other"] == list(joined.store.banks())
        joined.rebuild()
        assert () == joined.audit().findings


def test_two_joined_banks_in_one_transaction(host: Host, bank: TimeBank) -> None:
    """Banks of one database share the host's transaction and nothing else."""
    other = timebank.join(host.handle, bank="other")
    with host.transaction():
        host.book("b1")
        move(bank)
        with bank.batch() as batch:
            other.open_account("x")
            move(batch)  # type: ignore[arg-type]
    assert (1, 4) == kept(host)
    with host.transaction():
        host.book("b2")
        assert 1 == other.head().sequence


def test_a_bank_is_not_made_where_that_was_not_asked(host: Host) -> None:
    """With `create=False` a missing bank is an error, and the host goes on."""
    with host.transaction():
        host.book("b1")
        with pytest.raises(timebank.BankNotFound):
            timebank.join(host.handle, bank="nowhere", create=False).head()
    assert 1 == host.booked()


def test_a_journal_that_moved_is_a_conflict_of_the_hosts(
    host: Host, bank: TimeBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lock that lied is told to the host, once: the call is not tried again."""
    from timebank.bank.session import Session

    tries = []

    def lying(session: Session) -> None:
        tries.append(session)
        msg = "moved"
        raise Conflict(msg)

    monkeypatch.setattr(Session, "flush", lying)
    with host.transaction():
        host.book("b1")
        with pytest.raises(Conflict) as caught:
            bank.open_account("m3")
    assert ("host", 1) == (caught.value.scope, len(tries))
    assert 1 == host.booked()
