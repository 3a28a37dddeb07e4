"""What `import propose` makes of sheets as treasurers keep them, by the one command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from interchange.sheets.cases import Case, bank_of, cases, exchanges_of
from timebank.cli import main
from timebank.interchange.csv.explanation import explained
from timebank.interchange.csv.toml import parsed
from timebank.interchange.propose.drafts import answers_of
from timebank.interchange.propose.proposal import propose
from timebank.interchange.propose.showing import proposal_text, understood

CASES = cases()
#: Those of which everything can be seen.
CLEAR = [case for case in CASES if not case.answers and not case.cannot]
#: Those in which something has to be said.
ASKED = [case for case in CASES if case.answers]


def by_name(case: Case) -> str:
    return case.name


def run(bank: Path, *words: str) -> Result:
    done = CliRunner().invoke(main, ["--db", str(bank), "import", *words])
    assert done.exit_code in {0, 1}, f"{done.output}{done.exception!r}"
    return done


def imported(bank: Path, case: Case, *words: str) -> Result:
    """A sheet that is imported by one command."""
    return run(bank, "propose", *case.paths, *case.sets, "--yes", "--format", "json", *words)


def report_of(done: Result) -> dict[str, Any]:
    """The report of an import."""
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("case", [*CLEAR, *ASKED], ids=by_name)
def test_one_command_books_what_must_be_booked(tmp_path: Path, case: Case) -> None:
    """All that is in the sheet is booked, passed over or quarantined as it must be."""
    done = imported(tmp_path / "bank.db", case)
    report = report_of(done)
    with bank_of(tmp_path / "bank.db") as bank:
        assert exchanges_of(bank) == case.booked
        assert bank.audit().ok
    assert report["passed"] == case.passed
    assert [(row["line"], row["column"]) for row in report["rows"]] == list(case.quarantined)
    assert done.exit_code == bool(case.quarantined)


@pytest.mark.parametrize("case", [*CLEAR, *ASKED], ids=by_name)
def test_the_same_sheet_books_nothing_again(tmp_path: Path, case: Case) -> None:
    imported(tmp_path / "bank.db", case)
    with bank_of(tmp_path / "bank.db") as bank:
        head = bank.head()
    imported(tmp_path / "bank.db", case)
    with bank_of(tmp_path / "bank.db") as bank:
        assert bank.head() == head


@pytest.mark.parametrize("case", [case for case in CASES if not case.command], ids=by_name)
def test_what_is_written_is_a_mapping_and_can_be_explained(case: Case) -> None:
    """The text is read by `mapping_of`, whatever is open; without doubts nothing is open in it."""
    found = propose(case.files)
    if case.cannot:
        assert [doubt.code for doubt in found.doubts] == [case.cannot]
        return
    assert list(explained(parsed(found.text.encode())))


@pytest.mark.parametrize("case", ASKED, ids=by_name)
def test_a_doubt_books_nothing(tmp_path: Path, case: Case) -> None:
    """With `--yes` too; and the question names the key that was to be answered."""
    done = run(tmp_path / "bank.db", "propose", *case.paths, "--yes")
    assert done.exit_code == 1
    assert not (tmp_path / "bank.db").exists()
    for key in answers_of(case.answers):
        assert f"--set {key}=" in done.output


def test_nothing_is_asked_that_can_be_seen() -> None:
    """At least five of six sheets need no answer at all; the others are known by name."""
    asking = {case.name for case in CASES if propose(case.files).doubts}
    assert asking == {"assegni", "punto-e-trenta", "spring-fair", "von-bis"}
    assert len(CASES) - len(asking) >= 25


@pytest.mark.parametrize("case", [case for case in CASES if case.command], ids=by_name)
def test_files_of_a_known_system_need_no_mapping(case: Case) -> None:
    found = propose(case.files)
    assert found.known is not None
    assert " ".join(found.known.command).startswith(case.command)


def test_a_page_of_a_host_has_all_that_the_program_says(tmp_path: Path) -> None:
    """Each question with its key and its choices in words; an answer by them settles it."""
    sheet = tmp_path / "fair.csv"
    sheet.write_text("Date,From,To,Hours,Km\n03/04/2026,Lou,Meg,1.5,9\n", "utf-8")
    found = propose([sheet])
    said = understood(found, "it")
    text = "\n".join(proposal_text(found, "m.toml", language="it"))
    assert ["days.format", "transfers.earner"] == [one.key for one in said.questions]
    for one in said.questions:
        assert one.text in " ".join(text.split())
        assert all(meaning in text for meaning in one.choices.values())
    assert all(line in " ".join(text.split()) for line in (*said.counts, *said.besides))
    answers = {str(one.key): next(iter(one.choices)) for one in said.questions}
    again = understood(propose([sheet], answers=answers), "en")
    assert () == again.questions
    assert "From earned, To spent, by Hours, on Date." in again.columns
    assert again.besides == ("Not used, for nothing is known of them: Km.",)
