"""Logs of runs: what is written and read back, reports, and the processes that write them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import timebank
from servers import ON_SERVERS, drop_database, new_database
from timebank import Corrupt, Head, HistoryLost, OutcomeUnknown
from timebank.errors import AlreadyResolved, InvalidRequest, NotPermitted
from timebank.testing.history import (
    KINDS,
    Anomaly,
    Crew,
    Place,
    Plan,
    RecordedBank,
    Recorder,
    Report,
    check,
    history_of,
    read_log,
    run,
)
from timebank.testing.history.recording import outcome_of


def test_a_line_that_was_cut_short_is_left_out(tmp_path: Path) -> None:
    """A process that is killed leaves half a line at most: its call never ended."""
    path = tmp_path / "w.jsonl"
    with Recorder(path) as log:
        log.invoke("head", bank="main", ask={})
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"what":"ok","at":1,"ca')
    (call,) = read_log(path).calls
    assert ("open", None, {}) == (call.outcome, call.ended, call.result)


@pytest.mark.parametrize("line", [b"{", b"7", b'{"what":"invoke","at":1}', b'{"at":1}'])
def test_a_line_that_is_none_is_refused(line: bytes, tmp_path: Path) -> None:
    """Elsewhere than at the end it is no matter of a kill."""
    path = tmp_path / "w.jsonl"
    path.write_bytes(line + b"\n" + b'{"what":"fault","at":1,"says":""}\n')
    with pytest.raises(Corrupt, match="no line of a log"):
        read_log(tmp_path)


def test_a_process_that_begins_again_leaves_its_call_open(tmp_path: Path) -> None:
    """The numbers of calls begin anew, and an old one is not taken for a new."""
    path = tmp_path / "w.jsonl"
    for _ in range(2):
        with Recorder(path) as log:
            log.invoke("head", bank="main", ask={})
    with Recorder(path) as log:
        number = log.invoke("head", bank="main", ask={})
        log.note("ok", call=number, result={"head": [0, ""]})
    assert ["open", "open", "ok"] == [call.outcome for call in read_log(path).calls]


HEAD = Head(journal="j", sequence=2, digest=bytes(32))


@pytest.mark.parametrize(
    ("error", "what", "facts"),
    [
        (OutcomeUnknown("x", ids=["x", "y"]), "unknown", {"ids": ["x", "y"]}),
        (HistoryLost(head=HEAD, found=HEAD), "fail", {"lost": [2, "00" * 32]}),
        (KeyError("x"), "broken", {"error": "KeyError"}),
        (InvalidRequest("no"), "refused", {"judged": False}),
        (NotPermitted("m1", action="transfer"), "refused", {"judged": False}),
        (
            AlreadyResolved("h", status="voided", by="v", doing="settle"),
            "refused",
            {"judged": True},
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_error_is_told_for_what_it_says(
    error: Exception, what: str, facts: dict[str, object]
) -> None:
    """Only a rule that judged shows that nothing of the id was there."""
    told, said = outcome_of(error)
    assert what == told
    assert facts.items() <= said.items()


def test_a_report_says_who_was_told_what_and_who_did_harm(tmp_path: Path) -> None:
    """It is for people: seconds of the run, the calls, and the faults among them."""
    bank = timebank.open("memory:")
    bank.open_account("m1")
    bank.open_account("m2")
    with Recorder(tmp_path / "w1.jsonl") as log:
        recorded = RecordedBank(bank, log, node="n1")
        recorded.begin()
        recorded.transfer(id="t1", earner="m1", spender="m2", hours="1:30")
        log.note("fault", says="the server was killed")
        bank = timebank.open("memory:")
        RecordedBank(bank, log, replica=True).head()
        RecordedBank(bank, log).journal()
    report = check(read_log(tmp_path))
    assert {"lost": 1} == report.kinds
    text = re.sub(r"\d\.\d{3}", "…", str(report))
    assert "NOT WELL" == text.splitlines()[0]
    assert "w1 #1 at n1 transfer t1 (m1 +1:30, m2 -1:30) → ok, record 3" in text
    assert "… s: the server was killed" in text
    assert "bank main: record 3 t1, named by nobody" in text


def test_what_was_never_read_is_not_known() -> None:
    """Without a last reading there is no verdict, as without a bank nothing is wrong."""
    lines = [{"what": "invoke", "at": 1, "call": 1, "bank": "b", "do": "head", "ask": {}}]
    report = check(history_of(lines))
    assert (None, ("b",)) == (report.ok, report.unread)
    assert str(report).startswith("not known\nnever read in the end: b")
    assert True is check(history_of([])).ok


def test_many_anomalies_are_told_in_short() -> None:
    """Five of a kind, and how many more there are."""
    many = tuple(Anomaly("lost", "main", f"t{number}") for number in range(12))
    text = str(Report(history_of([]), many, (), {}))
    assert ("lost: 12" in text, "and 7 more" in text, "t5" in text) == (True, True, False)


def test_each_kind_is_documented() -> None:
    """The page has each kind of anomaly, and no other."""
    page = (Path(__file__).parents[2] / "docs" / "testing-histories.md").read_text("utf-8")
    assert sorted(KINDS) == sorted(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))


def test_it_needs_no_pytest() -> None:
    """Clusters and programs run it where there are no tools of development."""
    code = (
        "import sys, timebank.testing.history; print({'pytest', 'hypothesis'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "set()" == done.stdout.strip()


# -- processes -----------------------------------------------------------------------------


def waiting(log: Recorder, stop: Callable[[], bool]) -> None:
    """Say that one works, until told to stop."""
    log.note("fault", says="at work")
    while not stop():
        time.sleep(0.01)
    log.note("fault", says="done")


def pausing(log: Recorder, _: Callable[[], bool]) -> None:
    """Say which process it is, and do nothing more."""
    log.note("fault", says=str(os.getpid()))
    signal.pause()


def said(folder: Path, *, until: int) -> list[str]:
    """What the processes have said, once it is so much."""
    for _ in range(1000):
        faults = [fault.says for fault in read_log(folder).faults]
        if len(faults) >= until:
            return faults
        time.sleep(0.01)
    raise AssertionError(faults)


def test_a_killed_process_begins_again_under_a_new_name(tmp_path: Path) -> None:
    """It leaves its log as it stands; who is told to stop ends its work."""
    with Crew(tmp_path) as crew:
        crew.start("w", waiting)
        said(tmp_path, until=1)
        crew.kill("w")
        assert ["at work", "at work"] == said(tmp_path, until=2)
        assert ["w"] == crew.names
        crew.stop()
        assert ["at work", "at work", "done"] == said(tmp_path, until=3)
        assert [] == crew.names
    assert ["w.2.jsonl", "w.jsonl"] == sorted(path.name for path in tmp_path.iterdir())


def test_a_process_that_fails_is_told(tmp_path: Path) -> None:
    """An error of the work itself is none of the bank: the run fails by it."""

    def fail(log: Recorder, stop: Callable[[], bool]) -> None:
        message = "this work is wrong"
        raise ValueError(message)

    with Crew(tmp_path) as crew:
        crew.start("w", fail)
        with pytest.raises(RuntimeError, match="this work is wrong"):
            crew.wait("w")


def test_the_end_of_the_block_ends_all(tmp_path: Path) -> None:
    """An error in the block, an interrupt among them, leaves no process."""
    pids: list[int] = []
    with pytest.raises(KeyboardInterrupt), Crew(tmp_path) as crew:
        crew.start("w", pausing)
        pids += map(int, said(tmp_path, until=1))
        raise KeyboardInterrupt
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)


# -- long runs -----------------------------------------------------------------------------


@pytest.mark.nightly
def test_a_minute_on_a_file(tmp_path: Path) -> None:
    """Four that write and two that read, on two banks, and a kill every two seconds."""
    _run_a_minute(tmp_path, f"sqlite:///{tmp_path / 'bank.db'}")


@pytest.mark.nightly
@pytest.mark.parametrize("server", ON_SERVERS)
def test_a_minute_on_a_server(server: str, tmp_path: Path) -> None:
    """The same."""
    url = new_database(server)
    try:
        _run_a_minute(tmp_path, url)
    finally:
        drop_database(url)


def _run_a_minute(folder: Path, url: str) -> None:
    plan = Plan(banks=("main", "other"), seed=7)
    for name in plan.banks:
        timebank.open(url, bank=name).close()
    logs = folder / "logs"
    logs.mkdir()
    report = run(logs, lambda: [Place.at(url)], plan, seconds=60, kills=30, readers=2)
    assert report.ok is True, str(report)
    assert report.counts["ok"] > 500
