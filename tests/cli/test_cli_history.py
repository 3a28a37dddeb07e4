"""The log of heads, which cron writes, and the declaration of a loss."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import timebank
from bank.lost_history import InFile
from support import Clock
from timebank import Head, HistoryLost, InvalidRequest, NotFound, TimeBank
from timebank.bank.head_log import HeadLog
from timebank.cli import main


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InFile]:
    """A file with a bank and two accounts, that commands find."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIMEBANK_DB", "bank.db")
    made = InFile(tmp_path)
    bank = made.process()
    bank.open_account("m1"), bank.open_account("m2")
    yield made
    made.close()


def call(*words: str, code: int = 0) -> str:
    """Run a command, and return what it says."""
    result = CliRunner().invoke(main, words)
    assert code == result.exit_code, result.output
    return result.output


def pay(bank: TimeBank, id: str) -> None:
    """A transfer that passes."""
    bank.transfer(earner="m1", spender="m2", hours=1, id=id)


def lines() -> list[str]:
    """The lines of the log."""
    return Path("heads").read_text().splitlines()


def test_the_log_grows_where_the_journal_does(store: InFile) -> None:
    """A line for each head, with its root and its instant; silently; each of them is found."""
    bank = store.process()
    for count in range(1, 4):
        for _ in range(2):
            assert "" == call("head", "--log", "heads")
        assert count == len(lines())
        assert f"{bank.head().with_root()} " in f"{lines()[-1]} "
        last = Head.of(lines()[-1])
        assert (bank.head(), bank.head().root) == (last, last.root)
        assert list(bank.records())[-1].recorded_at == last.recorded_at
        pay(bank, f"t{count}")
    assert "All well" in call("audit", "--expect-head", "@heads")
    assert "All well" in call("audit", "--quick", "--expect-head", "@heads")


def test_a_log_of_a_bank_without_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has a first line from the beginning, of which nothing can be lost."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIMEBANK_DB", "bank.db")
    call("init")
    call("head", "--log", "heads")
    with timebank.open("sqlite:///bank.db", heads="heads") as bank:
        bank.open_account("m1")
    assert 1 == len(lines())


def test_a_lost_head_is_named_and_nothing_is_written(store: InFile) -> None:
    """By the log's own command, by the audit, and by who opens with it; until it was accepted."""
    kept = store.keep()
    pay(store.process(), "a")
    call("head", "--log", "heads")
    store.put_back(kept)
    pay(store.process(), "b")  # who was told nothing writes in its place
    for _ in range(2):
        assert "record 3" in call("head", "--log", "heads", code=2)
    assert 1 == len(lines())
    assert "head 3, published" in call("audit", "--verbose", "--expect-head", "@heads", code=1)
    bank = store.process(heads="heads")
    with pytest.raises(HistoryLost) as refused:
        pay(bank, "c")
    assert Head.of(lines()[0]) == refused.value.head
    assert 3 == bank.head().sequence
    said = call("history", "accept", "--head", "heads", "--reason", "the server was lost")
    assert said.startswith("The loss is declared, in record 4: the record 3 that was told before")
    again = call("history", "accept", "--head", lines()[0], "--reason", "the server was lost")
    assert again.startswith("This loss, of a former record 3, was declared before, in record 4")
    pay(bank, "c")
    assert "record 3 was lost by the storage" in call("journal", "--format", "text")
    assert "lost it, as record 4 declares" in call("audit", "--expect-head", "@heads")
    assert "" == call("head", "--log", "heads")
    assert 2 == len(lines())


def test_who_opens_with_a_log_accepts_what_it_has(store: InFile) -> None:
    """No head has to be named; an older head of the log is excused by its instant."""
    clock = Clock(datetime.now(UTC) + timedelta(minutes=1))
    kept = store.keep()
    bank = store.process(clock=clock)
    pay(bank, "a")
    call("head", "--log", "heads")
    pay(bank, "b")
    call("head", "--log", "heads")
    store.put_back(kept)
    fresh = store.process(heads="heads", clock=clock)
    with pytest.raises(HistoryLost):
        pay(fresh, "c")
    assert 4 == fresh.accept_history(reason="the server was lost").lost.sequence
    pay(fresh, "c")
    report = fresh.audit(expect=lines())
    assert report.ok
    assert 2 == sum("as record 3 declares" in note.text for note in report.notes)
    forged = Head.of(lines()[0].replace(lines()[0].split()[3], "ab" * 32))
    assert forged.recorded_at
    late = fresh.audit(expect=[Head(forged.journal, 2, bytes(32), recorded_at=forged.recorded_at)])
    assert not late.ok  # what stands in its place is no later, so that it was not written since


def test_the_log_may_lag_and_one_that_only_reads_needs_none(store: InFile) -> None:
    """A copy that lags is read, whatever the log says; a log that is gone says what it said."""
    bank = store.process()
    call("head", "--log", "heads")
    kept = store.keep()
    pay(bank, "a")
    pay(bank, "b")
    with_log = store.process(heads="heads")
    pay(with_log, "c")
    call("head", "--log", "heads")
    with timebank.open(f"sqlite:///{kept}", read_only=True, heads="heads") as replica:
        assert 2 == replica.head().sequence
        replica.balance("m1")
    Path("heads").unlink()
    pay(with_log, "d")
    with pytest.raises(NotFound):
        store.process(heads="heads")


def test_a_log_of_another_bank(store: InFile) -> None:
    """It is refused by who appends and by who opens, and is not written to."""
    call("head", "--log", "heads")
    call("--db", "other.db", "init")
    call("--db", "other.db", "account", "open", "m1")
    assert "another bank" in call("--db", "other.db", "head", "--log", "heads", code=2)
    with timebank.open("sqlite:///other.db", heads="heads") as bank:
        with pytest.raises(InvalidRequest, match="another bank"):
            bank.open_account("m2")
        assert "open" == bank.account("m1").status
    assert 1 == len(lines())


def test_a_log_that_is_none(store: InFile) -> None:
    """Whatever else is in a file is never taken for nothing lost."""
    for text in ("", "\n", "three\n", "timebank/1 j1 3 ab\n"):
        Path("heads").write_text(text)
        with pytest.raises(InvalidRequest):
            store.process(heads="heads")
    assert "heads" in call("head", "--log", "heads", code=2)
    assert "timebank/1 j1 3 ab\n" == Path("heads").read_text()
    assert "--since" in call("head", "--log", "heads", "--since", "3", code=2)


@given(st.data())
def test_a_log_that_is_cut_lags(data: st.DataObject) -> None:
    """Wherever it ends, it has the last whole line, and goes on from there."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "heads"
        bank = timebank.open("memory:")
        heads = []
        for id in ("m1", "m2", "m3"):
            bank.open_account(id)
            HeadLog(place).append(lambda: bank.store.reader("main"), clock=1 << 60)
            heads.append(bank.head())
        whole = place.read_bytes()
        size = data.draw(st.integers(0, len(whole)))
        place.write_bytes(whole[:size])
        count = whole[:size].count(b"\n")
        if count:
            assert HeadLog(place).last() in heads[count - 1 : count + 1]
        HeadLog(place).append(lambda: bank.store.reader("main"), clock=1 << 60)
        found = [Head.of(line) for line in place.read_text().splitlines()]
        assert heads[-1] == found[-1]
        assert found == [*heads[: len(found) - 1], heads[-1]]


def _python(code: str, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code, *words]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(command, text=True, stderr=subprocess.PIPE, env=env)


def test_two_crons_at_once(store: InFile) -> None:
    """Whoever comes first: the heads are in order, each once, and none is half."""
    bank = store.process()
    for number in range(4):
        pay(bank, f"t{number}")
        code = "import sys; from timebank.cli import main; main(sys.argv[1:])"
        crons = [_python(code, "head", "--log", "heads") for _ in range(3)]
        assert [("", 0)] * 3 == [(one.communicate()[1], one.returncode) for one in crons]
    found = [Head.of(line).sequence for line in lines()]
    assert [3, 4, 5, 6] == found


def test_a_full_disk_leaves_the_log_as_it_was(store: InFile) -> None:
    """A line is written whole, or not at all: where no file may grow, a write breaks in two."""
    bank = store.process()
    call("head", "--log", "heads")
    before = Path("heads").read_bytes()
    pay(bank, "a")
    code = (
        "import timebank, sys\n"
        "from timebank.bank.head_log import HeadLog\n"
        "bank = timebank.open('sqlite:///bank.db', read_only=True)\n"
        "import resource\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({len(before) + 40},) * 2)\n"
        "try:\n"
        "    HeadLog('heads').append(lambda: bank.store.reader('main'), clock=1 << 60)\n"
        "except OSError as error:\n"
        "    sys.exit(7)\n"
    )
    cron = _python(code)
    cron.communicate()
    assert 7 == cron.returncode
    assert before == Path("heads").read_bytes()
    call("head", "--log", "heads")
    assert 2 == len(lines())
