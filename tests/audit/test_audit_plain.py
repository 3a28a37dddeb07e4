"""Transfers taken apart at a glance: the same record as the long way gives, or nothing."""

from __future__ import annotations

from datetime import date, time
from typing import Any

import pytest
from hypothesis import event, example, given
from hypothesis import strategies as st

import timebank
from support import sources
from timebank.audit.plain_transfers import parse_plain_transfer
from timebank.audit.record_fields import field_differences
from timebank.audit.record_forms import form_differences
from timebank.errors import Corrupt
from timebank.journal import canonical, parse
from timebank.model import MAX_INTEGER

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=6) | st.sampled_from(
    ["m1", "m2", "exchange", "2026-03-02", "default/1", "timebank/1", "unchecked", "a" * 64]
)
wholes = st.integers(-MAX_INTEGER, MAX_INTEGER) | st.integers(1, 9999)
lines = st.lists(st.tuples(words, wholes).map(list), min_size=1, max_size=2)
ones = st.tuples(words, st.integers(1, 9999)).map(lambda line: [list(line)])


positive = st.integers(1, 9999)
plain_texts = st.text("abc è😀/:", max_size=6)
pairs = st.tuples(words, words, positive).map(
    lambda drawn: [[drawn[0], drawn[2]], [drawn[1], -drawn[2]]]
)


def journal_of(
    texts: st.SearchStrategy[str],
    sides: st.SearchStrategy[Any],
    moved: st.SearchStrategy[Any],
    **others: st.SearchStrategy[Any],
) -> st.SearchStrategy[dict[str, Any]]:
    """Records with these texts, these sides of a request, and these postings."""
    optional = dict.fromkeys(
        ["area", "category", "occurred_on", "resource", "source", "via"], texts
    )
    times = st.sampled_from(["09:00", "00:30", "24:00", "9:00"])
    optional |= {"from": times, "to": times}
    optional |= {"note": st.just("0f" * 32), "limits": st.just("unchecked")}
    request = {"earners": sides, "spenders": sides, "id": texts, "kind": texts}
    effects = {"occurred_on": texts, "postings": moved, "statute": texts}
    numbers = others.pop("numbers", positive)
    return st.fixed_dictionaries(
        {
            "effects": st.fixed_dictionaries(effects, optional=others),
            "format": texts,
            "journal": texts,
            "kind": st.just("transfer"),
            "recorded_at": numbers,
            "recorded_on": texts,
            "request": st.fixed_dictionaries(request, optional=optional | others),
            "sequence": numbers,
        },
        optional={"actor": texts},
    )


records = journal_of(plain_texts, ones, pairs) | journal_of(
    words,
    ones | lines,
    pairs | lines,
    numbers=wholes | st.integers(10**15, 10**16),
    flags=st.just([]),
    fee=lines,
    tags=st.just(["x"]),
    note=words,
    limits=words,
)


def the_long_way(body: bytes) -> dict[str, Any] | None:
    """The record, where its bytes are canonical and its fields as they should be."""
    try:
        record = parse(body)
    except Corrupt:
        return None
    if canonical(record) != body or [*field_differences(record)]:
        return None
    return None if [*form_differences(record)] else record


@given(records)
@example({"effects": {}, "kind": "transfer"})
def test_a_glance_says_what_the_long_way_says(record: dict[str, Any]) -> None:
    """Or nothing: never another record, nor one that the long way refuses."""
    body = canonical(record)
    seen = parse_plain_transfer(body)
    event("seen" if seen is not None else "not seen")
    if seen is not None:
        assert seen == record == the_long_way(body)
        assert canonical(seen) == body


def journalled() -> list[bytes]:
    """Transfers as a bank writes them: with nothing more than is needed, and with much."""
    bank = timebank.open("memory:", **sources())
    for id in ("m1", "m2", "è 😀"):
        bank.open_account(id)
    bank.transfer(earner="m1", spender="m2", hours=1, id="t1")
    bank.acting_as("anna").transfer(
        earner="m2",
        spender="è 😀",
        hours="1:30",
        id="t2",
        category="care",
        area="north",
        resource="drill",
        via="m1",
        note="a note",
        occurred_on=date(2026, 3, 1),
        started_at=time(22),
        ended_at=time(0, 30),
        limits="unchecked",
        source="CES:17",
    )
    with bank.store.reader("main") as reader:
        return [row.body for row in reader.records(after=3, limit=9)]


@pytest.mark.parametrize("which", [0, 1])
def test_transfers_of_a_bank_are_seen_at_a_glance(which: int) -> None:
    """Otherwise nothing would be saved."""
    body = journalled()[which]
    seen = parse_plain_transfer(body)
    assert seen is not None
    assert seen == parse(body)


BODIES = journalled()


@given(
    body=st.sampled_from(BODIES),
    at=st.floats(0, 1, exclude_max=True),
    gone=st.integers(0, 2),
    put=st.binary(max_size=2) | st.sampled_from([b'"', b",", b"0", b"-", b"9" * 16, b'\\"', b" "]),
)
def test_damaged_bytes_are_seen_as_the_long_way_sees_them(
    body: bytes, at: float, gone: int, put: bytes
) -> None:
    """Wherever bytes are taken away and others put in."""
    place = int(at * len(body))
    changed = body[:place] + put + body[place + gone :]
    seen = parse_plain_transfer(changed)
    assert seen is None or seen == the_long_way(changed)


@pytest.mark.parametrize("other", [b"{}", b"", b"\xff", BODIES[0] + b" ", BODIES[0] + BODIES[0]])
def test_anything_else_goes_the_long_way(other: bytes) -> None:
    """Nothing is said of it."""
    assert parse_plain_transfer(other) is None
