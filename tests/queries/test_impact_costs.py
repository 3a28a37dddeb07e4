"""What an impact report reads: statements and rows are counted, never time."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import timebank
from benchmarks.guard import statements
from support import sources
from timebank import Hours, InvalidRequest, TimeBank
from timebank.queries.impact import counted
from timebank.queries.impact.cells import LAST, bits_of
from timebank.storage.tables import TableReader

#: Two members, and many more, who exchange as often in all.
ACCOUNTS, MOST_ACCOUNTS, EXCHANGES = 2, 400, 800


def _filled(place: Path, accounts: int) -> TimeBank:
    bank = timebank.open(f"sqlite:///{place}")
    with bank.batch() as batch:
        for n in range(accounts):
            batch.open_account(f"m{n}")
        for n in range(EXCHANGES):
            batch.transfer(
                earner=f"m{n % accounts}", spender=f"m{(n + 1) % accounts}", hours="0:01"
            )
    return bank


def test_rows_are_read_once_whatever_the_number_of_accounts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each record once, each account once; no posting. The statements grow by pages of these."""
    read: Counter[str] = Counter()
    real = TableReader._rows

    def noted(reader: TableReader, row_type: Any, sql: str, values: Any) -> list[Any]:
        rows = real(reader, row_type, sql, values)
        read[row_type.table] += len(rows)
        return rows

    asked = []
    for accounts in (ACCOUNTS, MOST_ACCOUNTS):
        place = tmp_path / f"{accounts}.db"
        _filled(place, accounts).close()

        def report(place: Path = place, *, asks: bool) -> None:
            with timebank.open(f"sqlite:///{place}", read_only=True) as bank:
                if asks:
                    bank.impact()

        asked.append(
            statements(partial(report, asks=True)) - statements(partial(report, asks=False))
        )
        monkeypatch.setattr(TableReader, "_rows", noted)
        with timebank.open(f"sqlite:///{place}", read_only=True) as bank:
            read.clear()
            bank.impact()
            records = bank.head().sequence
        monkeypatch.undo()
        expected = {"timebank_records": records, "timebank_accounts": accounts}
        assert expected == {table: n for table, n in read.items() if n and table in expected}
        assert not read["timebank_postings"]
    assert asked[1] - asked[0] <= 2


labels = st.sampled_from([None, "garden", 'a "b"', "e\\", "x"])
ids = st.sampled_from(["m1", "m2", "f1", "o1", "m1-again"])
days = st.dates(min_value=date(2025, 11, 20), max_value=date(2026, 3, 1))
exchanges = st.tuples(ids, ids, st.integers(1, 9999), days, labels, labels, labels, st.booleans())


class _Never:
    """A pattern that nothing matches."""

    @staticmethod
    def match(_: bytes) -> None:
        """Match nothing."""


@given(st.lists(exchanges, max_size=12), days, days, st.integers(1, 5), st.booleans())
def test_what_is_counted_from_bytes_is_as_if_it_was_parsed(
    made: list[Any], one: date, other: date, page: int, merges: bool
) -> None:
    """Whatever its labels and its day, on whatever page, between whoever became one since."""
    bank = timebank.open("memory:", **sources())
    for id, kind in (("m1", "member"), ("m1-again", "member"), ("m2", "group"), ("f1", "fund")):
        bank.open_account(id, kind=kind, floor=None)
    bank.open_account("o1", kind="organisation")
    for earner, spender, seconds, day, area, category, resource, is_arranged in made:
        with suppress(InvalidRequest):
            bank.transfer(
                earner=earner,
                spender=spender,
                hours=Hours.from_seconds(seconds),
                occurred_on=day,
                area=area,
                category=category,
                resource=resource,
                via="o1" if is_arranged else None,
                note='"via":"o1","resource":"x"',
            )
    if merges:
        bank.merge("m1-again", into="m1", reason="twice")
    since, until = (day.isoformat() for day in sorted((one, other)))
    with pytest.MonkeyPatch.context() as patch, bank.store.reader("main") as reader:
        patch.setattr(counted, "PAGE", page)
        periods = ((since, until), ("", LAST))
        found = [counted.count(reader, since=first, until=last) for first, last in periods]
        patch.setattr(counted, "TWO_PARTY", _Never)
        parsed = [counted.count(reader, since=first, until=last) for first, last in periods]
    assert parsed == found


@given(numbers=st.sets(st.integers(0, 300)))
def test_bits_are_made_in_one_go(numbers: set[int]) -> None:
    """They are those of each account."""
    assert sum(1 << number for number in numbers) == bits_of(numbers)
