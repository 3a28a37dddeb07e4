"""A store loses the end of its journal: who was told of it says so, and nobody else."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

import timebank
from bank.lost_history import PLACES, TakenBack, taken_back
from servers import ON_SERVERS
from support import BEGINNING, Clock, examples
from timebank import AccountNotFound, Head, HistoryLost, InvalidRequest, OutcomeUnknown, TimeBank
from timebank.errors import Retryable
from timebank.storage.memory.store import MemoryWriter

EVERYWHERE = (*PLACES, *ON_SERVERS)


def pay(bank: Any, id: str) -> Any:
    """A transfer that passes; a connection that was cut is made anew."""
    for _ in range(3):
        with suppress(Retryable):
            return bank.transfer(earner="m1", spender="m2", hours=1, id=id)
    return bank.transfer(earner="m1", spender="m2", hours=1, id=id)


def records(bank: TimeBank) -> list[tuple[int, bytes]]:
    """What the journal says."""
    return [(record.sequence, record.digest) for record in bank.records()]


@pytest.fixture(params=PLACES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TakenBack]:
    """A store with a bank and two accounts; audited at the end."""
    yield from begun(request.param, tmp_path)


@pytest.fixture(params=EVERYWHERE)
def any_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TakenBack]:
    """The same, of servers too: a database that is copied costs seconds."""
    yield from begun(request.param, tmp_path)


def begun(place: str, folder: Path) -> Iterator[TakenBack]:
    """Begin a store, and end it."""
    made = taken_back(place, folder)
    try:
        bank = made.process(clock=Clock())
        bank.open_account("m1"), bank.open_account("m2")
        yield made
        with made.opened() as last:
            assert () == last.audit().findings
    finally:
        made.close()


# -- what the walk below has in every order, told once ---------------------------------------


def test_who_was_told_refuses_to_go_on(any_store: TakenBack) -> None:
    """By the call, the group, the batch and what is several records; and nothing is written."""
    store = any_store
    clock = Clock()
    first, second = store.process(clock=clock), store.process(clock=clock)
    kept = store.keep()
    pay(first, "a")
    told = first.head()
    store.put_back(kept)
    before = records(second)
    for call in (
        lambda: pay(first, "a"),
        lambda: pay(first, "b"),
        lambda: first.open_account("m3"),
        lambda: first.leave("m2"),
        lambda: first.batch().__enter__(),
        lambda: first.transfer(earner="nobody", spender="m2", hours=1),
    ):
        with pytest.raises(HistoryLost) as refused:
            call()
        assert (told, before[-1]) == (
            refused.value.head,
            (refused.value.found.sequence, refused.value.found.digest),
        )
    assert before == records(second)
    with first.preview() as preview:  # who looks is told nothing
        pay(preview, "c")
    assert timebank.Hours(0) == first.balance("m1").posted
    made = pay(second, "a")  # who was told nothing goes on
    assert 3 == made.sequence
    with pytest.raises(HistoryLost):
        pay(first, "b")
    loss = first.accept_history(reason="the server was lost")
    assert (4, 3, told.digest) == (loss.sequence, loss.lost.sequence, loss.lost.digest)
    assert 5 == pay(first, "b").sequence
    assert 6 == pay(second, "c").sequence
    report = first.audit(expect=[told])
    assert report.ok
    assert any("record 4 declares" in note.text for note in report.notes)
    report = first.audit(expect=[Head(told.journal, 3, bytes(32))])
    assert ["published"] == [one.check for one in report.findings]


def test_an_unknown_outcome_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """What may have been written, and is not there, is no lost history; its repeat is."""
    store = taken_back("memory", Path())
    bank = store.process(clock=Clock())
    bank.open_account("m1"), bank.open_account("m2")
    kept = store.keep()
    leave = MemoryWriter.__exit__

    def unknown(self: MemoryWriter, *given: Any) -> None:
        leave(self, *given)
        raise OutcomeUnknown(None)

    with monkeypatch.context() as patched:
        patched.setattr(MemoryWriter, "__exit__", unknown)
        with pytest.raises(OutcomeUnknown):
            pay(bank, "a")
    assert 3 == bank.head().sequence
    store.put_back(kept)
    assert 3 == pay(bank, "b").sequence
    store.put_back(kept)
    with pytest.raises(HistoryLost):
        pay(bank, "c")


def test_what_was_found_done_is_told(store: TakenBack) -> None:
    """A repeat that finds its id is acknowledged by a commit: its loss is one."""
    first, second = store.process(), store.process()
    kept = store.keep()
    pay(first, "a")
    assert pay(second, "a").repeated
    store.put_back(kept)
    with pytest.raises(HistoryLost):
        pay(second, "b")


def test_a_refusal_tells_nothing(store: TakenBack) -> None:
    """Who was refused was told of nothing that is done."""
    first, second = store.process(), store.process()
    kept = store.keep()
    pay(first, "a")
    with pytest.raises(AccountNotFound):
        second.transfer(earner="nobody", spender="m2", hours=1)
    with suppress(ZeroDivisionError), second.batch() as batch:
        pay(batch, "b")
        raise ZeroDivisionError
    store.put_back(kept)
    assert 3 == pay(second, "c").sequence


def test_a_batch_is_told_and_a_joined_bank_is_not(tmp_path: Path) -> None:
    """The commit of a batch is ours; that of a host is the host's."""
    import sqlite3
    from contextlib import closing

    store = taken_back("file", tmp_path)
    bank = store.process()
    bank.open_account("m1"), bank.open_account("m2")
    kept = store.keep()
    with bank.batch() as batch:
        pay(batch, "a")
    store.put_back(kept)
    with pytest.raises(HistoryLost), bank.batch():
        pass
    with closing(sqlite3.connect(tmp_path / "bank.db", isolation_level=None)) as host:
        joined = timebank.join(host)
        for id in ("b", "c"):
            host.execute("BEGIN")
            pay(joined, id)
            host.execute("COMMIT")
            store.put_back(kept)
        assert 2 == joined.head().sequence
    store.close()


def test_two_losses_are_declared_one_by_one(store: TakenBack) -> None:
    """A declaration that is lost itself excuses nobody; each loss has one that all see."""
    clock = Clock()
    first, second = store.process(clock=clock), store.process(clock=clock)
    kept = store.keep()
    pay(first, "a")
    lost = [first.head()]
    store.put_back(kept)
    first.accept_history(reason="the first")
    pay(second, "b")  # was told of the declaration
    lost.append(second.head())
    store.put_back(kept)
    for bank in (first, second):
        with pytest.raises(HistoryLost):
            pay(bank, "c")
    second.accept_history(reason="the second")
    pay(first, "c")  # the later loss has excused the earlier one
    with pytest.raises(InvalidRequest, match="nothing is missing"):
        first.accept_history(reason="again")
    again = first.accept_history(head=lost[0], reason="by name")
    assert first.accept_history(head=lost[0], reason="by name").repeated
    assert first.accept_history(head=lost[0], reason="by name") == again
    with pytest.raises(InvalidRequest, match="nothing is missing"):
        first.accept_history(head=first.head(), reason="it is there")
    with pytest.raises(InvalidRequest, match="another bank"):
        first.accept_history(head=Head("another", 3, bytes(32)), reason="not of ours")
    assert first.audit(expect=lost).ok


def test_a_declaration_by_a_wrong_clock_excuses_by_name_alone() -> None:
    """Its instant is later than everything, and proves nothing."""
    store = taken_back("memory", Path())
    clock, ahead = Clock(), Clock(datetime(2099, 1, 1, tzinfo=UTC))
    first, second = store.process(clock=clock), store.process(clock=clock)
    wrong = store.process(clock=ahead)
    first.open_account("m1"), first.open_account("m2")
    kept = store.keep()
    pay(wrong, "x")
    store.put_back(kept)
    named = wrong.accept_history(reason="a battery was empty, and the server was lost")
    first.restart_clock(today=clock.now.date(), reason="it was 2099")
    pay(second, "a")
    pay(first, "b")
    lost = first.head()
    assert 6 == lost.sequence
    with_restart = store.keep()
    pay(second, "c")
    store.put_back(with_restart)
    with pytest.raises(HistoryLost):
        pay(second, "d")
    assert 3 == named.sequence
    pay(first, "e")  # what it was told is there


def test_a_head_that_a_wrong_clock_dated_is_excused_by_name() -> None:
    """Nothing is later than it: so it is accepted by name, by each who was told of one.

    The clock is restarted by who was told nothing: the others neither write nor restart.
    """
    store = taken_back("memory", Path())
    clock = Clock(datetime(2099, 1, 1, tzinfo=UTC))
    first, second = store.process(clock=clock), store.process(clock=clock)
    first.open_account("m1"), first.open_account("m2")
    kept = store.keep()
    pay(first, "a"), pay(second, "b")
    store.put_back(kept)
    clock.now = BEGINNING
    for call in (lambda: pay(first, "c"), lambda: _restart(first, clock)):
        with pytest.raises(HistoryLost):
            call()
    _restart(store.process(clock=clock), clock)
    for bank in (first, second):
        with pytest.raises(HistoryLost):
            pay(bank, "c")
        bank.accept_history(reason="the server was lost")
        pay(bank, f"of {bank.head().sequence}")


def _restart(bank: TimeBank, clock: Clock) -> None:
    bank.restart_clock(today=clock.now.date(), reason="it was 2099")


def test_a_bank_that_was_made_anew() -> None:
    """Another journal has nothing of what was told: that is a loss too."""
    store = taken_back("memory", Path())
    empty = store.keep()
    bank = store.process()
    bank.open_account("m1"), bank.open_account("m2")
    pay(bank, "a")
    store.put_back(empty)
    other = store.process()
    other.open_account("m1"), other.open_account("m2")
    with pytest.raises(HistoryLost) as refused:
        pay(bank, "b")
    assert refused.value.head.journal != refused.value.found.journal
    bank.accept_history(reason="it was made anew")
    pay(bank, "b")
    assert bank.audit().ok


def test_threads_that_share_a_commit_are_told_of_the_loss() -> None:
    """Each of them, and each of them goes on once it was accepted."""
    store = taken_back("memory", Path())
    bank = store.process()
    bank.open_account("m1"), bank.open_account("m2")
    kept = store.keep()
    pay(bank, "a")
    store.put_back(kept)
    errors: list[str] = []

    def work(number: int) -> None:
        try:
            pay(bank, f"t{number}")
        except HistoryLost:
            errors.append("lost")

    for expected in (["lost"] * 8, []):
        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert expected == errors
        errors.clear()
        if expected:
            bank.accept_history(reason="the server was lost")
    assert bank.audit().ok


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_fork_was_told_too(tmp_path: Path) -> None:
    """A child has what its parent was told."""
    store = taken_back("file", tmp_path)
    bank = store.process()
    bank.open_account("m1"), bank.open_account("m2")
    kept = store.keep()
    pay(bank, "a")
    store.put_back(kept)
    child = os.fork()
    if not child:
        code = 1
        try:
            pay(bank, "b")
        except HistoryLost:
            code = 0
        finally:
            os._exit(code)
    assert 0 == os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    store.close()


# -- any calls of several processes, in any order --------------------------------------------


class Known(NamedTuple):
    """A head as the model of a process has it: the record, and its instant."""

    sequence: int
    digest: bytes
    at: datetime


class Model:
    """Processes on one store, and what each was told, kept apart from the library."""

    def __init__(self, place: str, folder: Path) -> None:
        self.clock, self.count = Clock(), 0
        self.store = taken_back(place, folder)
        self.banks = [self.store.process(clock=self.clock) for _ in range(3)]
        self.told: list[Known | None] = [None] * 3
        self.banks[0].open_account("m1"), self.banks[0].open_account("m2")
        self.told[0] = self.head()
        self.copies = [self.store.keep()]

    def head(self) -> Known:
        """Return where the journal stands."""
        last = list(self.banks[0].records())[-1]
        return Known(last.sequence, last.digest, last.recorded_at)

    def is_lost(self, who: int) -> bool:
        """Return whether a process misses what it was told, and no record excuses that."""
        told = self.told[who]
        if told is None or (told.sequence, told.digest) in records(self.banks[who]):
            return False
        losses = [
            (one.recorded_at, timebank.journal.parse(one.bytes)["effects"]["lost"])
            for one in self.banks[who].records()
            if one.kind == "history_lost"
        ]
        name = [told.sequence, told.digest.hex()]
        return not any(name == lost or at > told.at for at, lost in losses)

    def step(self, name: str, who: int) -> None:
        """Do one thing, and compare what comes of it."""
        getattr(self, f"do_{name}")(who)

    def writes(self, who: int, call: Any, *, tells: bool = True) -> None:
        """Make a call that writes, which is refused where history was lost."""
        before = records(self.banks[who])
        if self.is_lost(who):
            with pytest.raises(HistoryLost) as refused:
                call()
            told = self.told[who]
            assert told is not None
            assert (told.sequence, told.digest) == (
                refused.value.head.sequence,
                refused.value.head.digest,
            )
            assert before == records(self.banks[who])
            return
        call()
        if tells:
            self.told[who] = self.head()

    def do_pay(self, who: int) -> None:
        """A transfer."""
        self.count += 1
        self.writes(who, lambda: pay(self.banks[who], f"t{self.count}"))

    def do_pay_batch(self, who: int) -> None:
        """A batch of two."""
        self.count += 2

        def batch() -> None:
            with self.banks[who].batch() as batch:
                pay(batch, f"t{self.count}"), pay(batch, f"t{self.count - 1}")

        self.writes(who, batch)

    def do_repeat(self, who: int) -> None:
        """What is there already, or is not there any more, by a call without an id."""
        self.writes(who, lambda: self.banks[who].open_account("m1"))

    def do_be_refused(self, who: int) -> None:
        """A call that is refused."""

        def refused() -> None:
            with pytest.raises(AccountNotFound):
                self.banks[who].transfer(earner="m1", spender="nobody", hours=1)

        self.writes(who, refused, tells=False)

    def do_keep(self, who: int) -> None:
        """Keep a copy."""
        self.copies.append(self.store.keep())

    def do_put_back(self, who: int) -> None:
        """Put one of the copies back."""
        self.store.put_back(self.copies[who % len(self.copies)])

    def do_put_last_back(self, who: int) -> None:
        """Put the last copy back."""
        self.store.put_back(self.copies[-1])

    def do_accept(self, who: int) -> None:
        """Accept what is missing, where something is."""
        if not self.is_lost(who):
            with pytest.raises(InvalidRequest):
                self.banks[who].accept_history(reason="r")
            return
        told = self.told[who]
        assert told is not None
        loss = self.banks[who].accept_history(reason="r")
        assert (told.sequence, told.digest) == (loss.lost.sequence, loss.lost.digest)
        self.told[who] = self.head()

    def do_accept_by_name(self, who: int) -> None:
        """Accept what another process misses, by its name."""
        other = (who + 1) % 3
        told = self.told[other]
        if told is None or not self.is_lost(other) or self.is_lost(who):
            return
        head = Head(self.banks[who].head().journal, told.sequence, told.digest)
        self.banks[who].accept_history(head=head, reason="r")
        self.told[who] = self.head()
        assert not self.is_lost(other)

    def do_start(self, who: int) -> None:
        """A process ends, and another begins."""
        self.banks[who] = self.store.process(clock=self.clock)
        self.told[who] = None

    def do_read(self, who: int) -> None:
        """Who reads is never refused."""
        self.banks[who].balance("m1"), list(self.banks[who].transfers())
        with self.banks[who].preview() as preview:
            preview.open_account(f"x{self.count}")


STEPS = sorted(name.removeprefix("do_") for name in vars(Model) if name.startswith("do_"))
steps = st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 2)), max_size=20)


def walk(place: str, found: list[tuple[str, int]]) -> None:
    """Take the steps, and audit what is there then."""
    with TemporaryDirectory() as folder:
        model = Model(place, Path(folder))
        try:
            for name, who in found:
                model.step(name, who)
            assert () == model.banks[0].audit().findings
        finally:
            model.store.close()


@examples(100)
@given(steps)
def test_who_was_told_says_so_in_any_order(found: list[tuple[str, int]]) -> None:
    """Calls, batches, refusals, losses and declarations of three processes, on a memory store."""
    walk("memory", found)


@pytest.mark.slow
@examples(20)
@given(steps)
def test_who_was_told_says_so_on_a_file(found: list[tuple[str, int]]) -> None:
    """The same, where the file is put back beneath who has it open."""
    walk("file", found)


def test_what_is_no_head_is_not_accepted() -> None:
    """Neither a line of text, nor the head of an empty journal; nothing is recorded."""
    with timebank.open("memory:") as bank:
        journal = bank.head().journal
        line: Any = f"timebank/1 {journal} 3 {'00' * 32}"
        with pytest.raises(timebank.WrongType, match="head is a Head"):
            bank.accept_history(head=line, reason="restored")
        with pytest.raises(InvalidRequest, match="empty journal"):
            bank.accept_history(head=Head(journal, 0, bytes(32)), reason="restored")
        with pytest.raises(InvalidRequest, match="reason"):
            bank.accept_history(reason="")
        assert 0 == bank.head().sequence
