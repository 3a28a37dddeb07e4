"""An audit shared by processes: the same report, whatever becomes of them."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from itertools import pairwise
from operator import itemgetter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import timebank
from audit.test_audit_checkpoint import Asked
from audit.test_audit_stretches import assumed, same
from servers import ON_SERVERS, drop_database, new_database
from support import Clock, fill, fill_with_members, fill_with_rules, sources
from timebank import InvalidRequest, TimeBank
from timebank.audit import audit_pass, processes
from timebank.audit.processes import Processes, Worker, stretch_ends, worthwhile
from timebank.audit.stretches import StretchResult, lead_on
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


def crowded(url: str, bank: str = "via roma") -> TimeBank:
    """A bank of more accounts than transfers, most of which nobody moved."""
    found = timebank.open(url, bank=bank, **sources())
    ids = [f"m{number}" for number in range(70)]
    with found.batch() as batch:
        for id in ids:
            batch.open_account(id, name=id)
        for one, other in pairwise(ids[:25]):
            batch.transfer(earner=one, spender=other, hours=1, id=f"{one}-{other}")
    return found


@pytest.mark.parametrize(
    ("count", "places"),
    [(2, [0, 13, 60, -1]), (3, [13]), (5, [-1])],  # each is to start a process or more
    ids=["2", "3", "5"],
)
def test_many_accounts_are_reported_as_by_one_pass(
    tmp_path: Path, eager: list[bool], count: int, places: list[int]
) -> None:
    """Also beside another bank, which is then told apart; and damaged in each of its parts."""
    with crowded(f"sqlite:///{tmp_path / 'bank.db'}") as bank:
        crowded(bank.store.url, "via milano").close()
        checkpoint = bank.audit().checkpoint
        with bank.batch() as batch:
            for number in range(40):
                batch.transfer(earner="m2", spender="m1", hours="0:15", id=f"more-{number}")
        same(bank.audit(), bank.audit(processes=count))
        same(bank.audit(since=checkpoint), bank.audit(since=checkpoint, processes=count))
        assert all(eager)
        with bank.store.reader(bank.name) as reader:
            accounts = {row.account: row for row in reader.accounts(after=None, limit=99)}
            rows = [row for id in accounts for row in reader.postings(id, after=0, limit=99)]
        rows.sort(key=itemgetter(2))
        for place in places:
            wrong = [*rows]
            wrong[place] = wrong[place]._replace(balance=1)
            with bank.store.writer(bank.name) as writer:
                writer.append(Batch(anew=True, accounts=accounts, postings=wrong))
            whole = bank.audit()
            assert not whole.ok
            assert whole.apart
            same(whole, bank.audit(processes=count))
            same(bank.audit(since=checkpoint), bank.audit(since=checkpoint, processes=count))


@given(st.integers(0, 10**7), st.integers(0, 10**5), st.integers(1, 64))
def test_each_process_has_a_stretch_that_outweighs_what_it_costs(
    records: int, accounts: int, most: int
) -> None:
    """By counts alone; with more accounts there are no more of them, with more records no fewer."""
    count = worthwhile(records, accounts, most)
    assert 1 <= count <= most
    if count > 1:
        assert records >= count * (processes.START + processes.EACH_ACCOUNT * accounts)
    assert worthwhile(records, accounts + 1000, most) <= count
    assert worthwhile(records + 1000, accounts, most) >= count


@given(st.integers(0, 10**6), st.integers(1, 10**6), st.integers(1, 9))
def test_stretches_are_of_all_records_once(start: int, number: int, most: int) -> None:
    """In order, and none is empty."""
    count = worthwhile(number, 0, most)
    ends = [start, *stretch_ends(start, start + number, count)]
    assert (count + 1, start + number) == (len(ends), ends[-1])
    assert all(one < other for one, other in pairwise(ends))


@pytest.mark.parametrize("accounts", [30, 300])
def test_what_is_sent_does_not_grow_with_accounts(
    tmp_path: Path, eager: list[bool], monkeypatch: pytest.MonkeyPatch, accounts: int
) -> None:
    """A process is told which stretch; it answers two numbers for each account that moved in it."""
    sent: list[str] = []
    answered: list[int] = []
    of_line = StretchResult.of_line

    def sending(self: Worker, task: dict[str, Any], since: str) -> None:
        begin(self, task, since)
        sent.append(self._task)

    def answering(line: str) -> StretchResult:
        answered.append(len(line))
        return of_line(line)

    begin = Worker.__init__
    monkeypatch.setattr(Worker, "__init__", sending)
    monkeypatch.setattr(StretchResult, "of_line", answering)
    with timebank.open(f"sqlite:///{tmp_path / 'bank.db'}", **sources()) as bank:
        with bank.batch() as batch:
            for number in range(accounts):
                batch.open_account(f"m{number}")
            for _ in range(200):
                batch.transfer(earner="m1", spender="m2", hours="0:01")
        assert bank.audit(processes=2).ok
    assert [True] == eager
    assert 1 == len(sent) == len(answered)
    assert len(sent[0]) < 200 + len(str(tmp_path))
    assert answered[0] < 600


def test_what_a_stretch_assumes_is_asked_of_many_at_once() -> None:
    """However many transfers come before it; a page of accounts at a time."""
    asked = []
    for accounts, transfers in ((30, 100), (30, 900), (300, 100)):
        bank = timebank.open("sqlite://", **sources())
        with bank.batch() as batch:
            for number in range(accounts):
                batch.open_account(f"m{number}", kind="fund")
            for number in range(transfers):
                batch.transfer(earner="m1", spender=f"m{number % 20 + 2}", hours=1)
        with bank.store.reader("main") as reader:
            counted = Asked(reader)
            assumed(counted, accounts + transfers - 5)
        asked.append(counted.number)
    assert max(asked) - min(asked) <= 4  # a page of tiles, and of records behind them


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
