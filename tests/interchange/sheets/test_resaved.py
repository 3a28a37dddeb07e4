"""Sheets that LibreOffice opened and saved again, in another form: they book nothing new."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from interchange.sheets.cases import Case, bank_of, cases, exchanges_of
from interchange.sheets.libreoffice import PROGRAM, resaved
from timebank.cli import main
from timebank.interchange.propose.drafts import answers_of
from timebank.interchange.propose.proposal import Proposal, propose
from timebank.interchange.propose.showing import import_words

CASES = [case for case in cases() if case.saved_as]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PROGRAM is None, reason="LibreOffice (soffice) is not installed"),
]


#: By day the first of each form that LibreOffice saves, and the others at night.
BY_DAY = [*{case.saved_as: case for case in reversed(CASES)}.values()]
EACH = [
    pytest.param(case, id=case.name, marks=[] if case in BY_DAY else pytest.mark.nightly)
    for case in CASES
]
Again = Callable[[Case], dict[Path, Path]]


@pytest.fixture(scope="module")
def again(tmp_path_factory: pytest.TempPathFactory) -> Again:
    """The files of a case → where each is, saved again: with all that are for that time of day."""
    made: dict[bool, dict[Path, Path]] = {}

    def get(case: Case) -> dict[Path, Path]:
        is_of_day = case in BY_DAY
        if is_of_day not in made:
            those = [one for one in CASES if (one in BY_DAY) == is_of_day]
            files = [(path, one.opened_in, one.saved_as) for one in those for path in one.files]
            made[is_of_day] = resaved(files, tmp_path_factory.mktemp("again"))
        return made[is_of_day]

    return get


def test_three_are_saved_by_libreoffice_to_begin_with() -> None:
    assert len([path for case in CASES for path in case.files if path.suffix != ".csv"]) > 3


@pytest.mark.parametrize("case", EACH)
def test_a_sheet_that_is_saved_again_books_nothing_new(
    case: Case, again: Again, tmp_path: Path
) -> None:
    """By the mapping that was proposed for the first: days, hours and texts are the same ones."""
    bank, mapping = tmp_path / "bank.db", tmp_path / "mapping.toml"
    found = propose(case.files, answers=answers_of(case.answers))
    mapping.write_text(found.text, "utf-8")
    assert _imported(bank, import_words(found, str(mapping))) == bool(case.quarantined)
    with bank_of(bank) as before:
        head, booked = before.head(), exchanges_of(before)
    assert booked == case.booked
    words = import_words(_moved(found, again(case)), str(mapping))
    assert _imported(bank, words) == bool(case.quarantined)
    with bank_of(bank) as after:
        assert exchanges_of(after) == booked
        assert after.head() == head


@pytest.mark.parametrize("case", EACH)
def test_a_sheet_that_is_saved_again_is_proposed_alike(
    case: Case, again: Again, tmp_path: Path
) -> None:
    """One command books of the new file what must be booked of the old one."""
    bank, saved = tmp_path / "bank.db", again(case)
    words = [str(saved[path]) for path in case.files]
    _imported(bank, ("propose", *words, *case.sets, "--yes"))
    with bank_of(bank) as made:
        assert exchanges_of(made) == case.booked


def _imported(bank: Path, words: tuple[str, ...]) -> int:
    done = CliRunner().invoke(main, ["--db", str(bank), "import", *words])
    assert done.exit_code in {0, 1}, f"{done.output}{done.exception!r}"
    return done.exit_code


def _moved(found: Proposal, again: Mapping[Any, Path]) -> Proposal:
    """The same proposal for the files that were saved again."""
    from attrs import evolve

    return evolve(
        found,
        transfers=tuple(again[path] for path in found.transfers),
        accounts=None if found.accounts is None else again[found.accounts],
        opening=None if found.opening is None else again[found.opening],
    )
