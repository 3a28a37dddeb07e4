"""A preview of many calls keeps them in a file, and answers as a batch that keeps them would."""

from __future__ import annotations

import tracemalloc
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import timebank
from support import Clock, sources
from timebank import BankBatch, TimebankError
from timebank.storage.memory import spilled

DAY = date(2026, 1, 1)
CALLS = st.lists(
    st.tuples(
        st.sampled_from(["transfer", "reverse", "amend", "erase", "open", "hold"]),
        st.integers(0, 9),
        st.integers(0, 9),
        st.integers(0, 3),
    ),
    max_size=25,
)


def call(bank: BankBatch, number: int, what: tuple[str, int, int, int]) -> None:
    """One call, which may be refused."""
    kind, one, other, more = what
    day = DAY + timedelta(days=other)
    sides: dict[str, Any] = {"earner": f"m{one % 3}", "spender": f"m{other % 3}", "hours": more}
    try:
        match kind:
            case "transfer":
                bank.transfer(**sides, id=f"t{one}", occurred_on=day, note=f"note {one}")
            case "hold":
                bank.hold(**sides, id=f"h{one}", occurred_on=day)
            case "reverse":
                bank.reverse(f"t{one}", reason="a slip", hours=more or None, id=f"r{number}")
            case "amend":
                bank.amend(f"t{one}", note=f"other {more}", reason="a slip")
            case "erase":
                bank.erase(f"m{one % 3}", reason="asked")
            case _:
                bank.open_account(f"m{one}", name=f"Name {one}")
    except TimebankError:
        pass  # the same on both sides


def told(bank: BankBatch) -> list[Any]:
    """All that it can be asked."""
    accounts = list(bank.accounts())
    since, until = DAY + timedelta(days=2), DAY + timedelta(days=7)
    period: dict[str, Any] = {"since": since, "until": until}
    return [
        [(one.sequence, one.kind) for one in bank.records()],
        list(bank.transfers()),
        list(bank.transfers(newest_first=True)),
        [list(bank.transfers(account=one.id, **period)) for one in accounts],
        list(bank.holds(status=None)),
        accounts,
        [bank.balance(one.id) for one in accounts],
        [bank.statement(one.id, **period) for one in accounts],
        bank.trial_balance(period["until"]),
        list(bank.inactive(since=period["until"])),
    ]


@given(CALLS, CALLS, st.integers(0, 4))
def test_what_is_put_away_is_read_as_what_is_kept(
    before: list[Any], calls: list[Any], most: int
) -> None:
    """Whatever was there before, and whenever it is put away."""
    found = []
    for way in ("preview", "batch"):
        bank = timebank.open("memory:", **sources(Clock()))
        with bank.batch() as batch:
            for id in ("m0", "m1", "m2"):
                batch.open_account(id, name=f"Name of {id}")
            for number, one in enumerate(before):
                call(batch, number, one)
        with pytest.MonkeyPatch.context() as patch, getattr(bank, way)() as block:
            patch.setattr(spilled, "IN_MEMORY", most)
            for number, one in enumerate(calls, start=100):
                call(block, number, one)
            found.append(told(block))
    assert found[0] == found[1]


@pytest.mark.slow
def test_a_preview_of_many_calls_is_in_flat_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four times as many take hardly more."""
    monkeypatch.setattr(spilled, "IN_MEMORY", 500)
    peaks = []
    for count in (3_000, 12_000):
        bank = timebank.open("memory:")
        bank.open_account("m1")
        bank.open_account("m2")
        with bank.preview() as preview:
            tracemalloc.start()
            for n in range(count):
                preview.transfer(
                    earner="m1", spender="m2", hours=1, id=f"t{n}", limits="unchecked", note="x"
                )
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    assert peaks[1] < 1.3 * peaks[0]
