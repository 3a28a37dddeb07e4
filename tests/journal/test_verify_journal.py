"""The verifier among the examples, which shares no code with the library, as a program."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

import timebank
from support import fill, sources
from timebank.cli import main
from timebank.interchange.jsonl import export_jsonl

VERIFIER = Path(__file__).parents[2] / "examples" / "verify_journal.py"


def export(bank: timebank.TimeBank) -> list[bytes]:
    """The journal as JSON Lines, as `timebank journal` writes it."""
    return [
        b'{"sequence":%d,"digest":"%s","record":%s}\n'
        % (record.sequence, record.digest.hex().encode(), record.bytes)
        for record in bank.records()
    ]


def whole(bank: timebank.TimeBank) -> list[bytes]:
    """The export with its first line and its texts."""
    return list(export_jsonl(bank))


def verify(lines: list[bytes]) -> subprocess.CompletedProcess[bytes]:
    """What the program says of an export on its standard input."""
    return subprocess.run(
        [sys.executable, "-I", "-X", "utf8", VERIFIER],
        input=b"".join(lines),
        capture_output=True,
        check=False,
    )


@pytest.fixture(scope="module")
def bank() -> timebank.TimeBank:
    """A small bank with every kind of record."""
    opened = timebank.open("memory:", **sources())
    fill(opened)
    return opened


def test_it_is_short_and_imports_nothing_of_ours() -> None:
    """A stranger can read it: at most seventy lines, and the standard library only."""
    source = VERIFIER.read_text("utf-8")
    imported = {line.split()[1].split(".")[0] for line in source.splitlines() if "import" in line}
    assert len(source.splitlines()) <= 70
    assert imported <= sys.stdlib_module_names


def test_it_finds_the_same_head_and_balances(bank: timebank.TimeBank) -> None:
    """From the export alone it comes to what the bank says."""
    result = verify(export(bank))
    head, *balances = result.stdout.decode().splitlines()
    assert head == str(bank.head())
    assert balances == [f"{a.id}\t{bank.balance(a.id).posted.seconds}" for a in bank.accounts()]
    assert (result.returncode, result.stderr) == (0, b"")


def test_it_reads_a_file(bank: timebank.TimeBank, tmp_path: Path) -> None:
    """A path does as well as standard input."""
    path = tmp_path / "export.jsonl"
    path.write_bytes(b"".join(export(bank)))
    command = [sys.executable, "-I", "-X", "utf8", str(VERIFIER), str(path)]
    printed = subprocess.run(command, capture_output=True, check=True).stdout
    assert printed == verify(export(bank)).stdout


def rehashed(lines: list[bytes]) -> list[bytes]:
    """The lines with digests that fit, as whoever forges a whole journal would make them."""
    from timebank.journal import canonical, digest, genesis

    result: list[bytes] = []
    before = b""
    for line in lines:
        record = json.loads(line)["record"]
        body = canonical(record)
        before = digest(before or genesis(record["journal"]), body)
        result.append(
            b'{"sequence":%d,"digest":"%s","record":%s}\n'
            % (record["sequence"], before.hex().encode(), body)
        )
    return result


def swapped(lines: list[bytes]) -> list[bytes]:
    return [*lines[:3], lines[4], lines[3], *lines[5:]]


def left_out(lines: list[bytes]) -> list[bytes]:
    return [*lines[:4], *lines[5:]]


def beheaded(lines: list[bytes]) -> list[bytes]:
    return lines[1:]


def doubled(lines: list[bytes]) -> list[bytes]:
    return [*lines[:5], *lines[4:]]


def one_hour_more(lines: list[bytes]) -> list[bytes]:
    return [line.replace(b"5400", b"9000") for line in lines]


def blank_put_in(lines: list[bytes]) -> list[bytes]:
    return [line.replace(b'"effects":', b'"effects": ') for line in lines]


def escaped(lines: list[bytes]) -> list[bytes]:
    return [line.replace(b'"m1"', b'"\\u006d1"') for line in lines]


def fraction(lines: list[bytes]) -> list[bytes]:
    return [line.replace(b"5400", b"5400.0") for line in lines]


def key_twice(lines: list[bytes]) -> list[bytes]:
    return [line.replace(b'"kind":', b'"kind":"x","kind":', 1) for line in lines]


def no_json(lines: list[bytes]) -> list[bytes]:
    return [*lines[:2], b"\xff\xfe\n", *lines[3:]]


def forged_sum(lines: list[bytes]) -> list[bytes]:
    return rehashed([line.replace(b'["m1",5400]', b'["m1",5401]') for line in lines])


def forged_id(lines: list[bytes]) -> list[bytes]:
    return rehashed([line.replace(b'"id":"shared"', b'"id":"visit-81"') for line in lines])


def forged_account(lines: list[bytes]) -> list[bytes]:
    return rehashed([line.replace(b'["m1",', b'["nobody",') for line in lines])


@pytest.mark.parametrize(
    "tamper",
    [
        swapped,
        left_out,
        beheaded,
        doubled,
        one_hour_more,
        blank_put_in,
        escaped,
        fraction,
        key_twice,
        no_json,
        forged_sum,
        forged_id,
        forged_account,
    ],
)
def test_it_finds_tampering(
    bank: timebank.TimeBank, tamper: Callable[[list[bytes]], list[bytes]]
) -> None:
    """It exits 1 with one line that says where."""
    lines = tamper(export(bank))
    assert lines != export(bank)
    result = verify(lines)
    assert (result.returncode, result.stdout) == (1, b"")
    assert result.stderr.startswith(b"record ")
    assert result.stderr.count(b"\n") == 1


def test_the_rehashed_journal_is_sound_in_itself(bank: timebank.TimeBank) -> None:
    """What the forgeries above fail on is not the digest: only a published head shows those."""
    assert rehashed(export(bank)) == export(bank)


def test_it_verifies_what_the_command_line_exports(tmp_path: Path) -> None:
    """`timebank journal` prints what it takes, and it comes to the head that we print."""
    db = str(tmp_path / "bank.db")
    with timebank.open(f"sqlite:///{db}", **sources()) as bank:
        fill(bank)
        head = str(bank.head())
    exported = CliRunner().invoke(main, ["--db", db, "journal"]).output
    result = verify(exported.encode().splitlines(keepends=True))
    assert (0, b"") == (result.returncode, result.stderr)
    assert head in result.stdout.decode()


def test_it_reads_an_export_with_texts_too(bank: timebank.TimeBank) -> None:
    """The first line is held against what the records come to."""
    lines = whole(bank)
    result = verify(lines)
    assert (0, verify(export(bank)).stdout) == (result.returncode, result.stdout)
    for bad in (lines[:-1], [lines[0], *lines], lines[:1]):
        assert verify(bad).returncode == 1
