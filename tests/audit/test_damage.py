"""Damaged files: no crash, no hang, and none that differs is called clean.

Each part runs in a process of its own, so that a crash or a hang is the failure of a test.
"""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import timebank
from support import Clock, fill, fill_with_members, fill_with_rules, sources
from timebank import Head, TimeBank, TimebankError

TESTS = Path(__file__).parents[1]
#: Positions of a file that are flipped, in parts.
POSITIONS, PARTS = 2_400, 8
SECONDS = 240
#: By day a part of them, or two, stand for all: each has damage of each kind.
BY_DAY = {"flips": (0,), "cuts": (0, 3)}


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small bank with every kind of record, in one file, and beside it what it says."""
    folder = tmp_path_factory.mktemp("damage")
    path, clock = folder / "bank.db", Clock()
    with timebank.open(f"sqlite:///{path}", **sources(clock)) as bank:
        fill(bank)
        fill_with_rules(bank)
        fill_with_members(bank, clock)
        bank.erase("f2", reason="asked")
        (folder / "said.json").write_text(json.dumps(said(bank)), "utf-8")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA journal_mode = DELETE")
    return path


def said(bank: TimeBank) -> list[Any]:
    """All that a bank says: records, texts, accounts, balances, holds."""
    with bank.store.reader(bank.name) as reader:
        end = reader.head().sequence
        records = [(row.digest.hex(), row.body.hex()) for row in reader.records(after=0, limit=end)]
        texts = [(*row[:2], row[2].hex(), row[3]) for row in reader.texts(after=0, through=end)]
        accounts = [list(row) for row in reader.accounts(after=None, limit=99)]
        holds = [list(row) for row in reader.holds(after=(0, ""), limit=99)]
        postings = [
            list(posting)
            for row in reader.accounts(after=None, limit=99)
            for posting in reader.postings(row.account, after=0, limit=99)
        ]
    found: list[Any] = json.loads(json.dumps([records, texts, accounts, holds, postings]))
    return found


# -- what is done to a file ------------------------------------------------------------------


def flips(content: bytes, part: int) -> Iterator[tuple[str, bytes]]:
    """A bit of the header's bytes, each, and of others all over the file."""
    rng = random.Random(part)
    header = range(part, 200, PARTS)
    others = [rng.randrange(100, len(content)) for _ in range(POSITIONS // PARTS - len(header))]
    for position in [*header, *others]:
        damaged = bytearray(content)
        damaged[position] ^= 1 << rng.randrange(8)
        yield f"byte {position}", bytes(damaged)


def cuts(content: bytes, part: int) -> Iterator[tuple[str, bytes]]:
    """Truncated, zeroed, swapped and appended pages, and noise."""
    page, rng = 4096, random.Random(part)
    pages = [content[at : at + page] for at in range(0, len(content), page)]
    for number in range(part, len(pages), PARTS):
        yield f"cut at page {number}", b"".join(pages[:number])
        yield f"cut within page {number}", b"".join(pages[:number]) + pages[number][:1000]
        yield f"zero page {number}", b"".join([*pages[:number], bytes(page), *pages[number + 1 :]])
        other = rng.randrange(len(pages))
        swapped = [*pages]
        swapped[number], swapped[other] = pages[other], pages[number]
        yield f"pages {number} and {other}", b"".join(swapped)
        noise = rng.randbytes(page)
        yield f"noise in page {number}", b"".join([*pages[:number], noise, *pages[number + 1 :]])
    yield "garbage behind it", content + rng.randbytes(page)


DAMAGES: dict[str, Callable[[bytes, int], Iterator[tuple[str, bytes]]]] = {
    "flips": flips,
    "cuts": cuts,
}


def look(folder: Path, damage: str, part: int) -> list[str]:
    """Damage a copy in each way, and audit it; what is wrong with the audits."""
    content = (folder / "bank.db").read_bytes()
    expected = json.loads((folder / "said.json").read_text("utf-8"))
    path, wrong = folder / f"{damage}-{part}.db", list[str]()
    for place, damaged in DAMAGES[damage](content, part):
        path.write_bytes(damaged)
        try:
            if audited(path, []) and not unchanged(path, expected):
                wrong.append(f"{place}: called clean, and differs")
        except TimebankError:
            continue  # it says that it cannot be opened
        except Exception as error:  # noqa: BLE001 - whatever it is, it is wrong
            wrong.append(f"{place}: {error!r}")
    return wrong


def audited(path: Path, expect: list[str]) -> bool:
    """Whether an audit finds nothing."""
    with timebank.open(f"sqlite:///{path}", create=False, read_only=True) as bank:
        report = bank.audit(expect=expect)
        bank.audit(quick=True)
        return report.ok


def unchanged(path: Path, expected: list[Any]) -> bool:
    """Whether a bank that is called clean says what it said."""
    with timebank.open(f"sqlite:///{path}", create=False, read_only=True) as bank:
        return said(bank) == expected


@pytest.mark.parametrize(
    ("damage", "part"),
    [
        pytest.param(
            damage,
            part,
            marks=[pytest.mark.slow]
            if part in BY_DAY[damage]
            else [pytest.mark.slow, pytest.mark.nightly],
        )
        for damage in DAMAGES
        for part in range(PARTS)
    ],
)
def test_a_damaged_file(original: Path, tmp_path: Path, damage: str, part: int) -> None:
    """No crash, no hang, no other error than ours, and no clean bill for what differs."""
    for name in ("bank.db", "said.json"):
        shutil.copy(original.with_name(name), tmp_path)
    program = (
        "from audit import test_damage as t;"
        f"print(t.look(t.Path({str(tmp_path)!r}), {damage!r}, {part}))"
    )
    source = Path(timebank.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": f"{source}:{TESTS}", "PATH": ""},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert (0, "[]\n", "") == (done.returncode, done.stdout, done.stderr)


def test_a_damaged_log_loses_what_came_last_and_a_published_head_tells(tmp_path: Path) -> None:
    """SQLite leaves out what a damaged write-ahead log has: the bank is older, and agrees."""
    path, log = tmp_path / "bank.db", tmp_path / "bank.db-wal"
    with timebank.open(f"sqlite:///{path}", **sources()) as bank:
        fill(bank)
        head: Head = bank.head()
        files = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    found = set[bool]()
    for number in range(60):
        for name, content in files.items():
            (tmp_path / name).write_bytes(content)
        damaged = bytearray(files[log.name])
        damaged[(number * 7919) % len(damaged)] ^= 16
        log.write_bytes(bytes(damaged))
        (tmp_path / "bank.db-shm").unlink(missing_ok=True)
        try:
            with timebank.open(f"sqlite:///{path}", create=False) as bank:
                whole = bank.head() == head
                found.add(whole)
                assert whole == bank.audit(expect=[head]).ok
        except TimebankError:
            continue
    assert False in found
