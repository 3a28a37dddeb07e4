"""The parts of `python -m clusters` that need no cluster."""

from __future__ import annotations

import doctest
import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from clusters import __main__ as program
from clusters import galera, judging, machine, patroni, table
from clusters.administrator import Administrator
from clusters.clients import Client, places
from clusters.cluster import Place, Way
from clusters.judging import judge
from clusters.keeper import INTERRUPTED, descendants
from timebank.testing.history import Plan, Recorder, check, finish, prepare, read_log, write

TESTS = Path(__file__).parents[1]

#: Work that starts a process which starts an orphan, as Patroni starts PostgreSQL, says who it is,
#: and waits.
ORPHANS = """
import os, subprocess, sys, time
from clusters.keeper import keep
marker = sys.argv[1]
orphan = [sys.executable, "-c", "import time; time.sleep(600)", marker]
between = "import subprocess, sys; subprocess.Popen(sys.argv[1:], start_new_session=True)"
def work():
    subprocess.run([sys.executable, "-c", between, *orphan], check=True)
    print(os.getpid(), flush=True)
    time.sleep(600)
    return 0
def clean_up():
    open(marker, "a").write("cleaned up\\n")
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = open(f"/proc/{pid}/cmdline").read()
            if marker in words and int(pid) not in (os.getpid(), os.getppid()):
                os.kill(int(pid), 9)
        except OSError:
            pass
sys.exit(keep(work, clean_up))
"""


def left(marker: Path) -> list[int]:
    """Return the processes that have a word on their command line."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                words = (folder / "cmdline").read_bytes()
            except OSError:
                continue
            if str(marker).encode() in words:
                found.append(int(folder.name))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("who", ["parent", "child"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_however_a_run_ends(tmp_path: Path, who: str, number: int) -> None:
    """A signal to the one who watches or to the one who works ends the orphans too."""
    marker = tmp_path / "marker"
    process = subprocess.Popen(
        [sys.executable, "-c", ORPHANS, str(marker)],
        stdout=subprocess.PIPE,
        cwd=TESTS,
        start_new_session=True,
    )
    assert process.stdout is not None
    worker = int(process.stdout.readline())
    assert [worker] == descendants(process.pid)[:1]
    os.kill(process.pid if who == "parent" else worker, number)
    code = process.wait(30)
    process.stdout.close()
    machine.wait_for(lambda: not left(marker), 20, "nothing is left")
    assert "cleaned up" in marker.read_text()
    if number != signal.SIGKILL:
        assert INTERRUPTED == code
    else:
        assert (-signal.SIGKILL if who == "parent" else 128 + signal.SIGKILL) == code


def test_a_run_that_ends_by_itself_gives_its_code(tmp_path: Path) -> None:
    """What the work returns is the exit code, and an error is 1 with its traceback."""
    for work, code in (("7", 7), ("1 / 0", 1)):
        text = (
            f"import sys; from clusters.keeper import keep; sys.exit(keep(lambda: {work}, print))"
        )
        done = subprocess.run(
            [sys.executable, "-c", text], check=False, cwd=TESTS, capture_output=True, text=True
        )
        assert code == done.returncode
        assert ("ZeroDivisionError" in done.stderr) == (code == 1)


def test_a_missing_program_is_named_with_its_package() -> None:
    """The message is a command that installs what is missing, and nothing more."""
    with pytest.raises(machine.NotHereError, match=r"apt-get install --no-install-recommends a b$"):
        machine.check_programs({"no-such-1": "b", "/no/such": "a", "no-such-2": "b", "sh": "dash"})


def test_who_is_not_root_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Members run as users of their own, which only root can do."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(machine.NotHereError, match="root"):
        machine.check_programs({"sh": "dash"})


def test_ports_are_free_and_no_clients_will_have_them() -> None:
    """Each can be bound, none twice, all below the range of the kernel's own choice."""
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    ports = machine.free_ports(20)
    assert 20 == len(set(ports))
    assert max(ports) < first
    for port in ports:
        with socket.socket() as one:
            one.bind(("127.0.0.1", port))


@pytest.mark.slow
def test_a_member_is_known_by_its_group(tmp_path: Path) -> None:
    """Its processes are stopped, continued and killed together, and no others."""
    if os.geteuid():
        pytest.skip("only root may give a process another group")
    tmp_path.chmod(0o755)
    groups = machine.free_groups()
    one, other = (
        machine.Member(name, "root", next(groups), tmp_path / name, ()) for name in ("one", "other")
    )
    for member in (one, other):
        member.prepare()
        member.run("sleep", "600")
    try:
        sleeper = one.run("sh", "-c", "sleep 600 & wait")
        machine.wait_for(lambda: len(one.pids("sleep")) == 3, 10, "three of one")
        one.send(signal.SIGSTOP)
        machine.wait_for(lambda: "T" in _state(sleeper.pid), 10, "stopped")
        one.send(signal.SIGCONT)
        one.kill()
        assert [] == one.pids()
        assert 1 == len(other.pids("sleep"))
    finally:
        one.kill()
        other.kill()


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


@pytest.mark.slow
def test_a_cut_parts_members_and_spares_clients(tmp_path: Path) -> None:
    """Connections that stand are silent, new ones are not made; healed, all goes on."""
    if os.geteuid() or machine.may_cut():
        pytest.skip(machine.may_cut() or "only root may cut")
    tmp_path.chmod(0o755)
    groups = machine.free_groups()
    ports = machine.free_ports(2)
    server, client = (
        machine.Member(name, "root", next(groups), tmp_path / name, (port,))
        for name, port in zip(("server", "client"), ports, strict=True)
    )
    server.prepare()
    client.prepare()
    cuts = machine.Cuts(f"t{os.getpid()}")
    try:
        server.run(sys.executable, "-c", _ECHO, str(ports[0]))
        machine.wait_for(lambda: _answers(ports[0]), 10, "the server listens")
        client.run(sys.executable, "-c", _ASKING, str(ports[0]))
        machine.wait_for(lambda: "answer" in client.log.read_text(), 10, "an answer")
        cuts.apart([server], [client])
        time.sleep(0.5)
        silent = client.log.read_text().count("answer")
        time.sleep(1)
        assert silent == client.log.read_text().count("answer")
        assert _answers(ports[0])
        cuts.heal()
        machine.wait_for(lambda: client.log.read_text().count("answer") > silent, 20, "answers")
    finally:
        cuts.remove()
        server.kill()
        client.kill()
    rules = subprocess.run(
        [machine.found("iptables") or "", "-S"], check=True, capture_output=True, text=True
    )
    assert cuts.chain not in rules.stdout


_ECHO = """
import socketserver, sys
class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        while data := self.request.recv(100):
            self.request.sendall(data)
socketserver.ThreadingTCPServer(("127.0.0.1", int(sys.argv[1])), Echo).serve_forever()
"""
_ASKING = """
import socket, sys, time
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as one:
    while True:
        one.sendall(b"x")
        one.recv(100)
        print("answer", flush=True)
        time.sleep(0.05)
"""


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as one:
            one.sendall(b"x")
            return one.recv(1) == b"x"
    except OSError:
        return False


@pytest.mark.parametrize("engine", ["patroni", "galera"])
def test_unknown_faults_are_named_with_those_that_are_known(
    engine: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exit code is 2, for nothing was tried."""
    monkeypatch.setattr(program, "check_programs", lambda _: None)
    assert 2 == program.main([engine, "--faults", "kill,meteor"])
    said = capsys.readouterr().err
    assert "meteor" in said
    assert "partition" in said


def test_partitions_are_left_out_with_a_word_where_they_are_not_allowed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is left is done; where nothing is left, nothing is run."""
    monkeypatch.setattr(program, "may_cut", lambda: "iptables is not allowed: no")
    options = program.parser().parse_args(["galera"])
    assert ("kill", "stop") == program._kinds(options)
    assert "no partitions: iptables is not allowed" in capsys.readouterr().err
    options = program.parser().parse_args(["galera", "--faults", "partition"])
    with pytest.raises(machine.NotHereError, match="no fault left"):
        program._kinds(options)


def test_a_client_survives_its_command_line(tmp_path: Path) -> None:
    """What one process is told comes whole to the other."""
    client = Client(
        "write",
        (Way("n0", "memory:"), Way("n1", "memory:", replica=True)),
        Plan(banks=("a", "b"), seed=5),
        tmp_path / "w.jsonl",
        home=True,
    )
    assert client == Client.of_json(client.to_json())


def test_each_bank_has_a_home_and_moves_on_from_it(tmp_path: Path) -> None:
    """All writers of a bank begin at its node; after a failure they meet at the next."""
    import timebank

    ways = []
    for number in range(3):
        url = f"sqlite:///{tmp_path / str(number)}.db"
        for name in "abcd":
            with timebank.open(url, bank=name) as bank:
                bank.open_account(f"n{number}")
        ways.append(Way(f"n{number}", url))
    found = places(ways, banks="abcd", home=True)
    nodes = [[int(next(place.open(name).accounts()).id[1:]) for name in "abcd"] for place in found]
    assert [[0, 1, 2, 0], [1, 2, 0, 1], [2, 0, 1, 2]] == nodes


def run_of(folder: Path, url: str) -> tuple[Plan, list[Way]]:
    """Make a short history with two faults in it."""
    import timebank

    plan = Plan(banks=("main",), seed=1)
    timebank.open(url, bank="main").close()
    way = [Way("n0", url)]
    with Recorder(folder / "begin.jsonl") as log:
        prepare(places(way)[0], plan, log)
    with Recorder(folder / "faults.jsonl") as faults, Recorder(folder / "w0.jsonl") as log:
        faults.note("fault", says="kill of n0")
        write(places(way), plan, log, lambda: False, calls=30)
        faults.note("fault", says="stop of n0")
        write(places(way), plan, log, lambda: False, calls=20)
    with Recorder(folder / "end.jsonl") as log:
        finish(places(way), plan, log)
    return plan, way


def test_a_sound_history_is_judged_well_and_told_by_fault(tmp_path: Path) -> None:
    """Every call counts with the fault before it; the audit is told at the end."""
    (tmp_path / "logs").mkdir()
    plan, way = run_of(tmp_path / "logs", f"sqlite:///{tmp_path / 'bank.db'}")
    verdict = judge(tmp_path / "logs", plan, way, seed=9, hung=[], may_lose=False)
    assert () == verdict.lies
    assert ["kill of n0", "stop of n0"] == [row.fault for row in verdict.rows]
    assert [None, 0] == [row.audit for row in verdict.rows]
    assert all(row.acknowledged for row in verdict.rows)
    assert 0 == sum(row.unknown + row.lost + row.doubled for row in verdict.rows)


def test_a_client_that_hangs_is_a_lie(tmp_path: Path) -> None:
    """Every call ends: one that does not is told with its name."""
    (tmp_path / "logs").mkdir()
    plan, way = run_of(tmp_path / "logs", f"sqlite:///{tmp_path / 'bank.db'}")
    verdict = judge(tmp_path / "logs", plan, way, seed=9, hung=["w3"], may_lose=False)
    assert ("w3 did not end its call",) == verdict.lies


@pytest.mark.parametrize("may_lose", [False, True])
def test_a_lost_end_is_a_lie_unless_it_was_named(tmp_path: Path, *, may_lose: bool) -> None:
    """A database that goes back to an older state, as a fail-over to a standby that lags does."""
    import shutil

    import timebank

    logs, path = tmp_path / "logs", tmp_path / "bank.db"
    logs.mkdir()
    plan, way = run_of(logs, f"sqlite:///{path}")
    (logs / "end.jsonl").unlink()
    older = tmp_path / "older.db"
    with timebank.open(way[0].url, bank="main") as bank:
        shutil.copy(path, older)
        bank.store.close()
    with Recorder(logs / "w1.jsonl") as log:
        write(places(way), plan, log, lambda: False, calls=10)
    for left_over in tmp_path.glob("bank.db*"):
        left_over.unlink()
    shutil.copy(older, path)
    with Recorder(logs / "end.jsonl") as log:
        finish(places(way), plan, log)
    verdict = judge(logs, plan, way, seed=9, hung=[], may_lose=may_lose)
    assert 1 == len(verdict.lies)
    assert ("nobody said so" in verdict.lies[0]) == may_lose
    assert 0 < sum(row.lost for row in verdict.rows)
    assert 0 == sum(row.declared for row in verdict.rows)


def test_a_loss_is_named_by_a_log_of_heads_and_declared(tmp_path: Path) -> None:
    """No writer comes back to be told: the administrator finds it by the log, and accepts it."""
    import sqlite3

    import timebank

    path, plan = tmp_path / "bank.db", Plan()
    way = [Way("n0", f"sqlite:///{path}")]
    timebank.open(way[0].url, bank="main").close()
    with Recorder(tmp_path / "0.jsonl") as log:
        prepare(places(way)[0], plan, log)
        older = sqlite3.connect(tmp_path / "older.db")
        with sqlite3.connect(path) as newer:
            newer.backup(older)
        write(places(way), plan, log, lambda: False, calls=10)
        _look(way, plan, log, tmp_path)
        newer.close()
        for left_over in tmp_path.glob("bank.db*"):
            left_over.unlink()
        with sqlite3.connect(path) as newer:
            older.backup(newer)
        newer.close()
        findings = judging.audit_all(plan, way, tmp_path)
        assert ["published"] == [finding.split("check='")[1].split("'")[0] for finding in findings]
        _look(way, plan, log, tmp_path)
        finish(places(way), plan, log)
    assert [] == judging.audit_all(plan, way, tmp_path)
    report = check(read_log(tmp_path), may_lose=True)
    assert report.ok is True, str(report)
    assert report.losses
    assert all("HistoryLost" in str(loss.named_by) for loss in report.losses)


def _look(ways: list[Way], plan: Plan, log: Recorder, folder: Path) -> None:
    """Let an administrator log heads once, and accept what is lost."""
    Administrator(places(ways), plan, log, folder).look()


def test_the_settings_of_patroni_fence() -> None:
    """Synchronous is strict, and where commits need not wait it is neither."""
    place = Place(Path("/nowhere"), machine.Cuts("none"), random.Random(1))
    for synchronous in (True, False):
        text = patroni.Patroni(place, synchronous=synchronous)._settings(0)
        word = "true" if synchronous else "false"
        assert f'"synchronous_mode": {word}' in text
        assert f'"synchronous_mode_strict": {word}' in text
        assert '"failsafe_mode": true' in text


def test_the_table() -> None:
    """A line for each fault, of one width, and their sum."""
    rows = [table.Row("kill of n0", 7, acknowledged=3, audit=0), table.Row("stop of n1", 7, lost=2)]
    lines = table.render([*rows, table.total(rows, "all")]).splitlines()
    assert 5 == len(lines)
    assert 1 == len({len(line) for line in lines})
    assert ["all", "7", "3"] == [cell.strip() for cell in lines[-1].split("|")[1:4]]
    assert "well" in lines[2]


def test_doctests() -> None:
    """The examples in the docstrings run."""
    for module in (table, galera):  # who reads docstrings elsewhere reads those of `timebank`
        assert 0 == doctest.testmod(module).failed
