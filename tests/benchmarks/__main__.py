"""Run every benchmark and print a table; `--write FILE` puts it into a page as well.

Each part runs in a process of its own, whose peak of memory is shown. Rounds of ours and of the
yardstick are interleaved on one file system, and medians are compared. Nothing is asserted: a
machine is noisy.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import attrs

from benchmarks import batches, growth, imports, joined, others, programs, singles, year
from benchmarks.loads import ACCOUNTS, pairs
from benchmarks.table import Line, line, page_of, render, shown, write


def _joined(folder: Path, *, quick: bool) -> list[Line]:
    """Joined on SQLite, many transfers in one commit of the host's."""
    found = []
    for batched, how in ((False, "a call each"), (True, "in a batch")):
        rounds, each = (2, 200) if quick else (5, 10_000)
        times = joined.in_one_commit(
            folder, ACCOUNTS, pairs, batched=batched, rounds=rounds, each=each
        )
        found.append(line(f"joined on SQLite, {how}", times[0], "raw executemany", times[1]))
    return found


def _servers(_: Path, *, quick: bool) -> list[Line]:
    """PostgreSQL beside statements by hand."""
    from benchmarks import servers  # psycopg may not be there

    few = {"rounds": 3, "each": 25} if quick else {}
    return [
        line(name, mine, yardstick, its)
        for name, yardstick, (mine, its) in (
            (
                "one durable transfer, PostgreSQL",
                "psycopg by hand, with a chain",
                servers.one_client(ACCOUNTS, pairs, **few),
            ),
            (
                "8 threads, one bank, PostgreSQL, a transfer",
                "psycopg by hand, 8 clients, no chain",
                servers.eight_threads(ACCOUNTS, pairs, **few),
            ),
            (
                "8 processes on 8 banks, PostgreSQL, a transfer",
                "psycopg by hand, with a chain",
                servers.eight_processes(ACCOUNTS, pairs, **few),
            ),
        )
    ]


def _processes(folder: Path, *, quick: bool) -> list[Line]:
    """Several processes on PostgreSQL beside pgbench."""
    from benchmarks import processes  # psycopg may not be there

    return processes.part(folder, quick=quick)


def _audit(folder: Path, *, quick: bool, million: bool = False) -> list[Line]:
    number = 2_000 if quick else 1_000_000 if million else 100_000
    return programs.audit(folder, number, with_slow=not million)


def _import(folder: Path, *, quick: bool, million: bool = False) -> list[Line]:
    return imports.rows(folder, 2_000 if quick else 1_000_000 if million else 100_000)


#: Part → what it measures. Those with "million" run by name only: they take minutes each.
PARTS: dict[str, Callable[..., list[Line]]] = {
    "full": partial(singles.one_thread, synchronous="full"),
    "normal": partial(singles.one_thread, synchronous="normal"),
    "threads": singles.eight_threads,
    "batch": batches.batch,
    "import": batches.importing,
    "audit": _audit,
    "timeoverflow": _import,
    "joined": _joined,
    "servers": _servers,
    "servers-processes": _processes,
    "a-ledger": others.a_ledger,
    "hordak": others.hordak,
    "year": year.year,
    "growth-accounts": growth.accounts,
    "growth-banks": growth.banks,
    "growth-transfers": growth.transfers,
    "audit-million": partial(_audit, million=True),
    "timeoverflow-million": partial(_import, million=True),
}
BY_NAME_ONLY = "million"
MARKERS = ("<!-- table -->", "<!-- end of table -->")


def measure(name: str, *, quick: bool) -> None:
    """One part, in this process: a JSON array of lines, and its peak of memory."""
    with tempfile.TemporaryDirectory() as folder:
        found = PARTS[name](Path(folder), quick=quick)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    sys.stdout.write(json.dumps([[attrs.astuple(one), peak] for one in found]))


def all_of(names: list[str], *, quick: bool) -> list[list[str]]:
    """The rows of several parts."""
    rows = []
    for name in names:
        begin = time.monotonic()
        command = [sys.executable, "-m", "benchmarks", "--part", name, *["--quick"] * quick]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            sys.exit(f"the part {name} failed")
        rows += [shown(Line(*values), peak) for values, peak in json.loads(done.stdout)]
        sys.stderr.write(f"{name}: {time.monotonic() - begin:.0f} s\n")
    return rows


def main() -> None:
    """Measure, print, and write the page if asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--write", type=Path, help="a page between whose markers the table goes")
    parser.add_argument("--only", help="the parts whose name has this in it")
    parser.add_argument("--quick", action="store_true", help="small numbers, to try it")
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.part:
        measure(arguments.part, quick=arguments.quick)
        return
    if arguments.only is None:
        names = [name for name in PARTS if BY_NAME_ONLY not in name]
    else:
        names = [name for name in PARTS if arguments.only in name]
    begin = time.monotonic()
    table = render(all_of(names, quick=arguments.quick))
    text = page_of(table, time.monotonic() - begin)
    sys.stdout.write(f"{text}\n")
    if arguments.write:
        write(arguments.write, text, MARKERS)


if __name__ == "__main__":
    main()
