"""A balance on a day is the sum of its days, and costs little in a long account."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import timebank
from random_banks import Walk
from support import examples, sources
from timebank import TimeBank
from timebank.model import PostingRow
from timebank.queries import on_day, records
from timebank.queries.records import last_posting
from timebank.storage import Reader

BEGINNING = datetime(2016, 1, 1, 9, tzinfo=UTC)


def all_of(reader: Reader, account: str) -> list[PostingRow]:
    """Return every posting of an account."""
    last = reader.last_posting(account)
    return reader.postings(account, after=0, limit=0 if last is None else last.version)


@contextmanager
def small_pages() -> Iterator[None]:
    """Take every account for a long one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(on_day, "FEW", 0)
        patch.setattr(on_day, "PAGE", 3)
        patch.setattr(records, "PAGE", 2)
        yield


@examples(30)
@given(st.integers(0, 2**32), st.randoms(use_true_random=False))
def test_it_is_the_sum_of_the_days(seed: int, chance: Any) -> None:
    """Whatever was recorded late, in closed books or by a false clock; now and at any record."""
    bank = Walk(seed).walk(120)
    with bank.store.reader(bank.name) as reader:
        end = reader.head().sequence
        for row in reader.accounts(after=None, limit=99):
            rows = all_of(reader, row.account)
            days = {one.day for one in rows} | {"2026-01-01", "9999-12-31", "0001-01-01"}
            days |= {str(date.fromisoformat(day) + timedelta(days=1)) for day in days - {max(days)}}
            for day in days:
                for through in (None, chance.randrange(end + 1)):
                    expected = sum(
                        one.seconds
                        for one in rows
                        if one.day <= day and (through is None or one.sequence <= through)
                    )
                    with small_pages():
                        found = on_day.posted_by(reader, row.account, day, through=through)
                    assert expected == found


@examples(20)
@given(st.integers(0, 2**32))
def test_the_last_posting_of_a_record_is_found(seed: int) -> None:
    """As a store finds it that looks at each."""
    bank = Walk(seed).walk(60)
    with bank.store.reader(bank.name) as reader, small_pages():
        for row in reader.accounts(after=None, limit=99):
            for through in range(reader.head().sequence + 2):
                expected = reader.last_posting(row.account, through=through)
                assert expected == last_posting(reader, row.account, through=through)


@examples(20)
@given(st.integers(0, 2**32), st.randoms(use_true_random=False))
def test_a_statement_of_a_period_is_a_part_of_the_whole(seed: int, chance: Any) -> None:
    """Its lines are those of the days, with the balances that they have in the whole one."""
    walk = Walk(seed)
    bank = walk.walk(120)
    last = bank.head().sequence
    for row in bank.accounts():
        for at in (None, last):
            whole = bank.statement(row.id, at=at)
            days = sorted({line.occurred_on for line in whole.lines} | {walk.now.date()})
            since, until = sorted(chance.choices(days, k=2))
            with small_pages():
                part = bank.statement(row.id, since=since, until=until, at=at)
            assert part.lines == tuple(
                line for line in whole.lines if since <= line.occurred_on <= until
            )
            before = [line.balance for line in whole.lines if line.occurred_on < since]
            assert part.opening == (before[-1] if before else whole.opening)


# -- what it costs ------------------------------------------------------------------------


class Steps:
    """How many steps SQLite takes, and how many rows it gives."""

    def __init__(self, bank: TimeBank) -> None:
        self._bank, self.steps = bank, 0

    def _step(self) -> int:
        self.steps += 1
        return 0

    def of(self, work: Callable[[Reader], object]) -> int:
        """Count the steps of work, in hundreds."""
        self.steps = 0
        with self._bank.store.reader(self._bank.name) as reader:
            connection = reader.connection()  # type: ignore[attr-defined] # SQLite's
            connection.set_progress_handler(self._step, 100)
            try:
                work(reader)
            finally:
                connection.set_progress_handler(None, 0)
        return self.steps


def years_of(folder: Path, each_day: int) -> TimeBank:
    """Make a bank of 600 days with so many exchanges a day, one of ten late; books are closed."""
    moment = [BEGINNING]
    given = sources(lambda: moment[0])
    bank = timebank.open(f"sqlite:///{folder / f'{each_day}.db'}", **given)
    bank.open_account("m", kind="fund")
    bank.open_account("n", kind="fund")
    for number in range(600):
        with bank.batch() as batch:
            for one in range(each_day):
                late = 20 if one % 10 == 9 and number > 30 else 0
                day = moment[0].date() - timedelta(days=late)
                batch.transfer(earner="m", spender="n", hours="0:01", occurred_on=day)
        moment[0] += timedelta(days=1)
        if number % 60 == 59:
            bank.close_books(through=moment[0].date() - timedelta(days=30), reason="approved")
    return bank


def test_a_long_account_is_not_walked_through(tmp_path: Path) -> None:
    """Ten times as many exchanges: as many steps but for what came late and what is still open."""
    days = [(BEGINNING + timedelta(days=number)).date() for number in (3, 200, 400, 570, 598)]
    small, large = (years_of(tmp_path, each_day) for each_day in (1, 10))
    for day in days:
        until = day.isoformat()
        costs = [
            Steps(bank).of(lambda reader: on_day.posted_by(reader, "m", until))  # noqa: B023 - at once
            for bank in (small, large)
        ]
        whole = Steps(large).of(lambda reader: reader.totals("m", until=days[-1].isoformat()))
        assert costs[1] * 10 < whole
        lines = large.statement("m", since=day, until=day).lines
        assert lines
        assert {day} == {line.occurred_on for line in lines}
        shown = Steps(large).of(
            lambda reader: list(on_day.by_day(reader, "m", since=until, until=until))  # noqa: B023
        )
        assert shown * 10 < whole
    small.close()
    large.close()


def test_the_balance_at_a_record_is_searched_for(tmp_path: Path) -> None:
    """Among many postings: a walk from the newest takes as many steps as there are since."""
    bank = years_of(tmp_path, 5)
    early = Steps(bank).of(lambda reader: last_posting(reader, "m", through=20))
    walked = Steps(bank).of(lambda reader: reader.last_posting("m", through=20))
    assert early * 10 < walked
    bank.close()
