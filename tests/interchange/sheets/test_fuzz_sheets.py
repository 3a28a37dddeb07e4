"""Whatever a sheet is: no traceback, and nothing is booked by guess."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from pathlib import Path
from random import Random

import attrs
import pytest

import timebank
from interchange.sheets.cases import FILES
from interchange.sheets.invented import invented
from timebank import TimebankError
from timebank.interchange.csv.importer import MappingImporter
from timebank.interchange.csv.toml import parsed
from timebank.interchange.engine.booking import run
from timebank.interchange.propose.proposal import propose
from timebank.interchange.propose.showing import proposal_text, proposal_value

#: Seeds of sheets for a suite that is run often; the other has a million cells.
SEEDS = range(15)
NIGHTLY_CELLS = 1_000_000


def check(seed: int, path: Path, rows: int) -> int:
    """Propose for an invented sheet and import it; return how many cells it has."""
    sheet = invented(Random(seed), rows)
    path.write_bytes(sheet.content)
    try:
        found = propose([path])
    except TimebankError:
        return sheet.cells
    assert list(proposal_text(found, "m.toml"))
    assert proposal_value(found, "m.toml")
    # Where it is not clear, what is asked may be a column that a mapping needs.
    if found.known is None and found.refused is None:
        assert bool(found.doubts) == bool(parsed(found.text.encode()).questions)
    if not found.is_clear:
        return sheet.cells
    mapping = parsed(found.text.encode())
    with timebank.open("memory:") as bank:
        run(bank, MappingImporter(mapping, path, open_accounts=True))
        names = {account.id: account.name for account in bank.accounts()}
        booked: Counter[tuple[object, ...]] = Counter()
        for transfer in bank.transfers():
            earner, spender = sorted(transfer.postings, key=lambda one: -one.hours.seconds)
            pair = names[earner.account], names[spender.account]
            booked[transfer.occurred_on, *pair, earner.hours.seconds] += 1
    assert not booked - Counter(sheet.good), f"seed {seed}: booked by guess"
    return sheet.cells


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_booked_that_was_not_written(seed: int, tmp_path: Path) -> None:
    """Of a spoiled row nothing is; of the others, at most what they say."""
    check(seed, tmp_path / "sheet.csv", rows=15)


def test_most_good_rows_are_booked(tmp_path: Path) -> None:
    """The check above is not of an importer that books nothing."""
    path, booked, written = tmp_path / "sheet.csv", 0, 0
    for seed in range(10):
        sheet = invented(Random(seed), rows=30)
        path.write_bytes(sheet.content)
        with suppress(TimebankError):
            found = propose([path])
            if found.trial is not None and found.is_clear:
                written += len(sheet.good)
                booked += found.trial.exchanges
    assert written > 60
    assert booked > 0.7 * written


@pytest.mark.nightly
def test_a_million_cells(tmp_path: Path) -> None:
    seed = cells = 0
    while cells < NIGHTLY_CELLS:
        seed += 1
        cells += check(10_000 + seed, tmp_path / "sheet.csv", rows=Random(seed).randrange(200))


@pytest.mark.parametrize("path", sorted(FILES.glob("*.[!t]*")), ids=lambda path: path.name)
def test_a_sheet_with_some_bytes_changed(path: Path, tmp_path: Path) -> None:
    """It is read, or refused by an error of ours."""
    random, content = Random(path.name), path.read_bytes()
    target = tmp_path / path.name
    for _ in range(2):
        changed = bytearray(content)
        for _ in range(random.randrange(1, 4)):
            place = random.randrange(len(changed))
            changed[place : place + random.randrange(3)] = random.randbytes(random.randrange(3))
        target.write_bytes(changed)
        with suppress(TimebankError):
            found = propose([target])
            assert attrs.asdict(found, recurse=False)
            assert list(proposal_text(found, "m.toml"))
