"""What was booked from a source is found as the bank tells it, by one look at its records."""

from __future__ import annotations

from typing import Any

import pytest

import timebank
from support import Clock, fill, fill_with_members, fill_with_rules, sources
from timebank import Corrupt, Hours, TimeBank
from timebank.interchange.engine.booked import BookedRows
from timebank.interchange.engine.meaning import MadeIds, as_text, texts_of_transfer

MADE = f"sheet:{'0' * 32}-1"
SHEET = {"system": "sheet", "file": "00000000"}


@pytest.fixture
def bank(clock: Clock) -> TimeBank:
    """Exchanges of a sheet among all others: amended, erased, taken back, held, of many sides."""
    bank = timebank.open("memory:", **sources(clock))
    fill(bank)
    fill_with_rules(bank)
    fill_with_members(bank, clock)
    for id in ("a", "b", "c"):
        bank.open_account(id, kind="fund")
    both: Any = {"earner": "a", "spender": "b", "hours": 1, "limits": "unchecked"}
    for id in (MADE, "sheet:plain", "sheet:amended", "sheet:erased", "sheet:back", "sheet:all"):
        bank.transfer(id=id, note=f"note of {id}", source=SHEET, tags=["x"], area="north", **both)
    bank.transfer(id="sheet:alike", source={"system": "sheets"}, **both)
    bank.transfer(id="sheet:label", source="sheet", note='["system","sheet"]', **both)
    many = {"a": "0:20", "c": "0:40"}
    bank.transfer(id="sheet:many", earner=many, spender="b", source=SHEET, limits="unchecked")
    bank.amend("sheet:amended", note="another", area=None, reason="asked")
    bank.amend("sheet:amended", category="x", reason="asked once more")
    bank.amend("sheet:alike", note="another", reason="asked")
    bank.erase(record="sheet:erased", reason="asked")
    bank.reverse("sheet:back", hours="0:15", reason="less")
    bank.reverse("sheet:all", id="sheet:all:taken-back", reason="gone")
    bank.hold(id="sheet:held", source=SHEET, note="held", **both)
    bank.amend("sheet:held", note="amended while it was held", reason="asked")
    bank.settle("sheet:held", id="sheet:settled")
    return bank


def test_what_was_booked_is_what_the_bank_tells(bank: TimeBank) -> None:
    """Of the source and of no other: sides, hours, days, and texts as they were and are."""
    booked, made = BookedRows(bank, "sheet"), MadeIds("sheet")
    told = {
        one.id: (
            one.sequence,
            made.ending(one.id),
            one.occurred_on.isoformat(),
            one.kind,
            one.source.get("file") if made.ending(one.id) is not None else None,
            (next(iter(one.earners)), next(iter(one.spenders)), one.hours.seconds),
            tuple(map(as_text, texts_of_transfer(one))),
        )
        for one in bank.transfers()
        if isinstance(one.source, dict) and one.source["system"] == "sheet"
    }
    found = {
        one.id: (
            *(one.sequence, one.ending, one.day, one.kind, one.file),
            (one.earner, one.spender, one.seconds),
            (one.first, one.now),
        )
        for id in told
        if (one := booked.of_id(id)) is not None
    }
    assert told == found
    assert len(booked) == len(told) == 8
    assert booked.head == bank.head().sequence


def test_what_was_taken_back_no_longer_counts(bank: TimeBank) -> None:
    """In part, by whomever; whole, by the import itself."""
    booked = BookedRows(bank, "sheet")
    left = {one.id: Hours.from_seconds(one.remaining) for one in booked.live()}
    assert Hours("0:45") == left["sheet:back"]
    assert "sheet:all" not in left
    assert "sheet:all" == booked.reversal_of("sheet:all:taken-back")


def test_a_damaged_record_is_told(bank: TimeBank) -> None:
    """In the words of whoever reads it."""
    booked = BookedRows(bank, "sheet")
    with bank.store.reader(bank.name) as reader:
        row = reader.find(MADE)
        assert row is not None
        bad = row._replace(body=row.body.replace(b'"occurred_on":', b'"occurred":'))
        with pytest.raises(Corrupt, match=f"record {row.sequence} cannot be read as a transfer"):
            booked._record(reader, bad, None)
