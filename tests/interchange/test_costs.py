"""What an import costs: statements are counted, never time; and what saves them changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import timebank
from benchmarks import year
from benchmarks.guard import counted, statements
from benchmarks.imports import write
from timebank import IdempotencyMismatch, InvalidRequest, TimeBank, checks
from timebank.bank import session
from timebank.bank.batch import expect
from timebank.interchange.csv.importer import MappingImporter
from timebank.interchange.csv.toml import parsed
from timebank.interchange.engine.booking import run
from timebank.interchange.timeoverflow import TimeOverflow
from timebank.model import MAX_LABEL_CHARACTERS

#: What else a row may cost: a statement for each hundred ids, for each thousand rows that are
#: appended, and what an import costs by itself.
_SOME = 60


def _imported(folder: Path, number: int) -> None:
    bank = timebank.open(f"sqlite:///{folder / f'{number}.db'}")
    users, transfers = folder / f"u{number}.csv", folder / f"t{number}.csv"
    write(users, transfers, number)
    assert run(bank, TimeOverflow(users, transfers)).transfers_booked == number
    bank.close()


def test_a_row_of_an_import_costs_no_statement_of_its_own(tmp_path: Path) -> None:
    """Ids are looked up a hundred at a time."""
    few = statements(partial(_imported, tmp_path, 500))
    many = statements(partial(_imported, tmp_path, 2_500))
    assert many - few < 2_000 / 100 + _SOME


def _sheet_imported(folder: Path, exchanges: int) -> None:
    sheet = folder / f"{exchanges}.csv"
    if not sheet.exists():
        year.write(sheet, 20, exchanges)
    url = f"sqlite:///{folder / f'{exchanges}.db'}"
    with timebank.open(url, clock=lambda: year.AFTER) as bank:
        report = run(bank, MappingImporter(parsed(year.MAPPING), sheet, open_accounts=True))
        assert report.transfers_booked + report.transfers_there == exchanges


def test_a_sheet_costs_no_more_once_more_than_at_first(tmp_path: Path) -> None:
    """In instructions of Python."""
    first = counted(partial(_sheet_imported, tmp_path, 300))
    assert counted(partial(_sheet_imported, tmp_path, 300)) < first


def test_a_row_that_was_booked_costs_no_statement_of_its_own(tmp_path: Path) -> None:
    """It is found by what it means beside all others: once more, with the same accounts."""
    costs = []
    for number in (200, 1_200):
        _sheet_imported(tmp_path, number)
        costs.append(statements(partial(_sheet_imported, tmp_path, number)))
    assert costs[1] - costs[0] < 1_000 / 100 + _SOME


#: Batches of calls: what, and with what.
Blocks = list[list[tuple[str, Any]]]

ids = st.sampled_from(["t1", "t2", "t3", "t4"])
steps = st.lists(
    st.one_of(
        st.tuples(st.just("expect"), st.lists(ids)),
        st.tuples(st.just("transfer"), st.tuples(ids, st.sampled_from(["1", "2"]))),
        st.tuples(st.just("balance"), st.none()),
    )
)


def _done(bank: TimeBank, blocks: Blocks, *, expects: bool, previews: bool) -> list[str]:
    """What each call of some batches, or previews, answers."""
    said = []
    for block in blocks:
        with bank.preview() if previews else bank.batch() as batch:
            for what, given_ in block:
                if what == "expect" and expects:
                    expect(batch, given_)
                elif what == "balance":
                    said.append(str(batch.balance("m1")))
                elif what == "transfer":
                    id, hours = given_
                    try:
                        done = batch.transfer(earner="m1", spender="f1", hours=hours, id=id)
                        said.append(f"{done.id} {done.sequence}")
                    except IdempotencyMismatch as error:
                        said.append(str(error))
    return said


@given(
    st.lists(steps, max_size=3),
    st.sampled_from(["memory:", "sqlite://"]),
    st.booleans(),
    st.sampled_from([1, 2, 1_000]),
)
def test_ids_that_are_expected_change_no_answer(
    blocks: Blocks, url: str, previews: bool, flush: int
) -> None:
    """Whatever is expected, and comes, comes twice or never comes, is answered as before."""
    found = []
    for expects in (False, True):
        bank = timebank.open(url)
        bank.open_account("m1"), bank.open_account("f1")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(session, "FLUSH_EVERY", flush)
            told = _done(bank, blocks, expects=expects, previews=previews)
        found.append((told, bank.balance("m1").posted))
        assert bank.audit().ok
    assert found[0] == found[1]


label = st.one_of(st.text(max_size=6), st.just("x" * (MAX_LABEL_CHARACTERS + 1)), st.just("a\n"))


def _source_before(value: Mapping[str, str]) -> list[list[str]]:
    check = partial(checks.identifier, longest=MAX_LABEL_CHARACTERS)
    return sorted([check(k, "source"), check(v, f"source {k!r}")] for k, v in value.items())


@given(st.dictionaries(label, st.one_of(label, st.integers()), min_size=1, max_size=4))
def test_a_source_is_checked_field_by_field(value: dict[str, str]) -> None:
    """Its names are remembered, and it is refused in the same words."""
    found: list[object] = []
    for check in (checks.source, _source_before):
        try:
            found.append(check(value))
        except InvalidRequest as error:
            found.append((type(error), str(error)))
    assert found[0] == found[1]
