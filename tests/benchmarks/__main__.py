"""Run every benchmark and print tables; `--write FILE` puts them into a page as well.

Each part runs in a process of its own, whose peak of memory is shown. Rounds of ours and of the
yardstick are interleaved on one file system, and medians are compared. What a part needs and is
not installed is said below its table. Nothing is asserted: a machine is noisy.
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
from typing import Final

import attrs

from benchmarks import batches, imports, joined, others, programs, singles, year
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
        yard = "by hand, a savepoint a call"
        found.append(line(f"joined on SQLite, {how}", times[0], yard, times[1]))
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


def _audit(folder: Path, *, quick: bool, million: bool = False) -> list[Line]:
    number = 2_000 if quick else 1_000_000 if million else 100_000
    return programs.audit(folder, number)


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
    "a-ledger": others.a_ledger,
    "hordak": others.hordak,
    "jsonl": imports.jsonl,
    "year": year.year,
    "audit-million": partial(_audit, million=True),
    "timeoverflow-million": partial(_import, million=True),
}
BY_NAME_ONLY = "million"
#: What is aimed at: by the beginning of the work's name, and the yardstick's.
AIMS: Final = {
    ("one durable transfer, FULL", "raw"): 0.9,
    ("one durable transfer, NORMAL", "raw"): 0.8,
    ("8 threads, one bank, FULL", "raw"): 2.2,
    ("a transfer in a batch of 100,000", "raw"): 0.65,
    ("impact report", "one scan"): 0.5,
    ("import timebank", ""): 10.0,
    ("full audit of 1,000,000, a transfer, one", "ledger"): 1.0,
    ("full audit of 1,000,000, a transfer, ", "ledger"): 1.5,
    ("full audit of 1,000,000, a transfer, ", "hledger"): 4.0,
    ("full audit of 1,000,000, a transfer, ", "bean-check"): 8.0,
    ("import of 100,000 rows", "raw"): 0.5,
    ("import of 1,000,000 rows", "raw"): 0.5,
    ("joined on SQLite", "by hand"): 0.6,
    ("8 threads, one bank, PostgreSQL", "psycopg"): 1.8,
}


def aim_of(one: Line) -> float | None:
    """What is aimed at for a line, if anything."""
    return next(
        (
            aim
            for (work, yardstick), aim in AIMS.items()
            if one.work.startswith(work) and one.yardstick.startswith(yardstick)
        ),
        None,
    )


def table_of(name: str) -> str:
    """The name of the table that a part is in."""
    return next((table for table in ("year", BY_NAME_ONLY) if table in name), "table")


def markers(table: str) -> tuple[str, str]:
    """What stands around a table of a page."""
    return f"<!-- {table} -->", f"<!-- end of {table} -->"


def measure(name: str, *, quick: bool) -> None:
    """One part, in this process: in JSON its lines, its peak of memory, and what is missing."""
    missing, found = None, []
    with tempfile.TemporaryDirectory() as folder:
        try:
            found = PARTS[name](Path(folder), quick=quick)
        except ModuleNotFoundError as error:
            missing = f"{name} ({error.name} is not installed)"
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    lines = [attrs.astuple(one) for one in found]
    sys.stdout.write(json.dumps({"lines": lines, "peak": peak, "missing": missing}))


def all_of(names: list[str], *, quick: bool) -> tuple[list[list[str]], list[str]]:
    """The rows of several parts, and which parts could not be measured, and why."""
    rows, missing = [], []
    for name in names:
        begin = time.monotonic()
        command = [sys.executable, "-m", "benchmarks", "--part", name, *["--quick"] * quick]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            sys.exit(f"the part {name} failed")
        found = json.loads(done.stdout)
        lines = [Line(*values) for values in found["lines"]]
        rows += [shown(one, found["peak"], aim_of(one)) for one in lines]
        missing += [found["missing"]] if found["missing"] else []
        sys.stderr.write(f"{name}: {time.monotonic() - begin:.0f} s\n")
    return rows, missing


def measured(names: list[str], *, quick: bool) -> str:
    """A table of some parts, and what is said below it."""
    begin = time.monotonic()
    rows, missing = all_of(names, quick=quick)
    left_out = f"\n\nNot measured: {', '.join(missing)}." if missing else ""
    return page_of(render(rows), time.monotonic() - begin, quick=quick) + left_out


def main() -> None:
    """Measure, print, and write the page if asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--write", type=Path, help="a page between whose markers the tables go")
    parser.add_argument("--only", help="the parts whose name has this in it")
    parser.add_argument("--quick", action="store_true", help="small numbers, to try it")
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.part:
        measure(arguments.part, quick=arguments.quick)
        return
    tables: dict[str, list[str]] = {}
    for name in PARTS:
        if BY_NAME_ONLY not in name if arguments.only is None else arguments.only in name:
            tables.setdefault(table_of(name), []).append(name)
    for table, names in tables.items():
        if arguments.write and names != [name for name in PARTS if table_of(name) == table]:
            sys.exit(f"a page has a whole table: --only {table}, or no --only")
    for table, names in tables.items():
        text = measured(names, quick=arguments.quick)
        sys.stdout.write(f"{text}\n\n")
        if arguments.write:
            write(arguments.write, text, markers(table))


if __name__ == "__main__":
    main()
