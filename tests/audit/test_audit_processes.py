"""An audit shared by processes: the same report, whatever becomes of them."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path
from typing import Any

import pytest

import timebank
from audit.test_audit_stretches import same
from servers import ON_SERVERS, drop_database, new_database
from support import Clock, fill, fill_with_members, fill_with_rules, sources
from timebank import InvalidRequest, TimeBank
from timebank.audit import audit_pass, processes
from timebank.audit.processes import Processes, Worker
from timebank.audit.stretches import lead_on
from timebank.storage.protocol import Batch


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """A process for every few records; and whether what they found was taken, each time."""
    taken: list[bool] = []

    def taking(*args: Any) -> bool:
        taken.append(lead_on(*args))
        return taken[-1]

    monkeypatch.setattr(processes, "START", 10)
    monkeypatch.setattr(processes, "EACH_ACCOUNT", 0)
    monkeypatch.setattr(audit_pass, "lead_on", taking)
    return taken


@pytest.fixture(params=["sqlite", *ON_SERVERS])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty storage that several processes can open."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'bank.db'}"
    else:
        url = new_database(request.param)
        yield url
        drop_database(url)


def spoiled(bank: TimeBank) -> None:
    """By the store's own writer: the balance of an early posting, and an account's status."""
    with bank.store.reader(bank.name) as reader:
        accounts = {row.account: row for row in reader.accounts(after=None, limit=99)}
        rows = {id: reader.postings(id, after=0, limit=99) for id in accounts}
    rows["m1"][1] = rows["m1"][1]._replace(balance=1)
    accounts["f1"] = accounts["f1"]._replace(status="frozen")
    postings = sorted((row for found in rows.values() for row in found), key=itemgetter(2))
    with bank.store.writer(bank.name) as writer:
        writer.append(Batch(anew=True, accounts=accounts, postings=postings))


def filled(url: str) -> TimeBank:
    """A bank with every kind of record."""
    clock = Clock()
    bank = timebank.open(url, bank="via roma", **sources(clock))
    fill(bank)
    fill_with_rules(bank)
    fill_with_members(bank, clock)
    return bank


def test_processes_report_what_one_pass_reports(url: str, eager: list[bool]) -> None:
    """On each storage: from the beginning, from a checkpoint, with progress, and damaged."""
    told: list[tuple[int, int]] = []
    with filled(url) as bank:
        number = bank.head().sequence
        same(bank.audit(), bank.audit(lambda *how: told.append(how), processes=3))
        assert [True] == eager
        assert (number, number) == told[-1]
        checkpoint = bank.audit().checkpoint
        for count in range(40):
            bank.transfer(earner="m2", spender="f1", hours="0:15", id=f"more-{count}")
        same(bank.audit(since=checkpoint), bank.audit(since=checkpoint, processes=2))
        assert [True, True] == eager
        spoiled(bank)
        whole = bank.audit()
        assert not whole.ok
        same(whole, bank.audit(processes=3))


@pytest.fixture
def file(tmp_path: Path) -> Iterator[TimeBank]:
    """A filled bank in a file."""
    with filled(f"sqlite:///{tmp_path / 'bank.db'}") as bank:
        yield bank


def test_a_process_that_is_killed_leaves_the_audit_as_it_is(
    file: TimeBank, eager: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever it is, and whenever: the audit does the work itself."""
    whole, begin = file.audit(), Processes.begin

    def killing(self: Processes, *args: Any) -> int:
        shared = begin(self, *args)
        self._workers[-1]._process.send_signal(signal.SIGKILL)
        return shared

    monkeypatch.setattr(Processes, "begin", killing)
    same(whole, file.audit(processes=3))
    assert [] == eager


@pytest.mark.parametrize("program", ["/no/such/python", "/bin/false", "/bin/echo"])
def test_what_cannot_be_started_is_done_without(
    file: TimeBank, eager: list[bool], monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    """No such program, one that fails, one that says something else."""
    whole = file.audit()
    monkeypatch.setattr(sys, "executable", program)
    same(whole, file.audit(processes=3))
    assert [] == eager


def test_a_storage_that_no_other_process_can_open_is_audited_in_one_pass(eager: list[bool]) -> None:
    """In memory, or of a host's connection."""
    for url in ("memory:", "sqlite://"):
        bank = filled(url)
        same(bank.audit(), bank.audit(processes=4))
    assert [] == eager


def test_a_short_journal_is_audited_in_one_pass(file: TimeBank) -> None:
    """To start processes would take longer."""
    before = threading.active_count()
    same(file.audit(), file.audit(processes=4))
    assert before == threading.active_count()


def test_an_audit_that_is_given_up_leaves_no_process(
    file: TimeBank, eager: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody interrupts it while it waits."""
    started: list[Worker] = []
    start = Worker.start

    def starting(self: Worker) -> None:
        started.append(self)
        start(self)

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Worker, "start", starting)
    with pytest.raises(KeyboardInterrupt):
        file.audit(interrupt, processes=3)
    assert 2 == len(started)
    for worker in started:
        assert not worker.is_alive()
        assert worker._process.poll() is not None
    assert [] == eager


def test_records_that_come_while_it_runs_are_for_the_next_audit(
    file: TimeBank, eager: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The processes may see more than the audit's own snapshot has."""
    begin = Processes.begin

    def writing(self: Processes, *args: Any) -> int:
        file.transfer(earner="m2", spender="f1", hours="0:15", id="in between")
        file.erase("m1", reason="she asked")
        return begin(self, *args)

    monkeypatch.setattr(Processes, "begin", writing)
    number = file.head().sequence
    report = file.audit(processes=3)
    assert (number, True) == (report.records, report.ok)
    assert 1 == len(eager)


@pytest.mark.parametrize("number", [0, -1, True, 1.5, "2", None])
def test_a_number_of_processes_is_one_or_more(number: Any) -> None:
    """And told as such."""
    with pytest.raises(InvalidRequest, match="1 process or more"):
        timebank.open("memory:").audit(processes=number)
