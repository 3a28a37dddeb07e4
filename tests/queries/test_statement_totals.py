"""The totals of a statement: each line is in one of them, and together they are the balance."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import timebank
from random_banks import Walk
from support import sources
from timebank import Fee, Hours, Statute, TimeBank, reports
from timebank.queries.statements import COUNTED, Statement
from timebank.reports.statement import line_figures, shown_columns, statement_text, total_figures
from timebank.reports.statement_html import statement_html

DAY = date(2026, 3, 2)


def hours_of(cell: str) -> Hours:
    """The hours of a cell with its sign; of an empty one, none."""
    return Hours(cell.removeprefix("+")) if cell else Hours(0)


def holds(made: Statement) -> None:
    """Opening, given, received, what was taken back and the rest are the closing balance.

    So are the printed columns, each of which sums to its total.
    """
    totals = made.totals
    assert list(COUNTED) == list(totals)
    given, received, taken_back, other = (totals[name].hours for name in COUNTED)
    assert made.closing == made.opening + given - received + taken_back + other
    assert len(made.lines) == sum(total.number for total in totals.values())
    assert given >= Hours(0) <= received
    exchanges = [line for line in made.lines if line.kind == "exchange" and not line.fee]
    assert len(exchanges) == totals["given"].number + totals["received"].number
    for line in made.lines:
        assert line.reverses == (line.counts_as == "taken_back") == (line.takes_back is not None)
    counted = shown_columns(made)
    columns = zip(*(line_figures(line, counted) for line in made.lines), strict=True)
    for column, total in zip(columns, total_figures(made, counted), strict=False):
        assert hours_of(total) == sum(map(hours_of, column), Hours(0))
    for name in set(COUNTED) - set(counted):
        assert (0, Hours(0)) == (totals[name].number, totals[name].hours)


@given(st.integers(0, 10**6), st.integers(0, 60), st.integers(0, 90))
def test_the_totals_of_any_bank_are_its_balances(seed: int, first: int, length: int) -> None:
    """Of every account, whole and of a period; with merges, fees, dues, circles and reversals."""
    bank = Walk(seed).walk(60)
    since = date(2026, 1, 10) + timedelta(days=first)
    for account in bank.accounts():
        whole = bank.statement(account.id)
        holds(whole)
        assert whole.closing == bank.balance(account.id).posted
        before = bank.statement(account.id, until=since - timedelta(days=1))
        part = bank.statement(account.id, since=since, until=since + timedelta(days=length))
        holds(part)
        assert before.closing == part.opening


@pytest.fixture
def bank() -> TimeBank:
    """Two people and a fund."""
    bank = timebank.open("memory:", **sources())
    bank.open_account("fund", kind="fund")
    for id in ("m1", "m2"):
        bank.open_account(id, floor=None)
    return bank


def told(bank: TimeBank, account: str) -> dict[str, tuple[int, str]]:
    """Number and hours of each total."""
    totals = bank.statement(account).totals
    return {name: (total.number, str(total.hours)) for name, total in totals.items()}


def test_what_was_taken_back_is_neither_given_nor_received(bank: TimeBank) -> None:
    """Not on either side: the refund of who received is not given."""
    bank.transfer(earner="m1", spender="m2", hours=2, id="t1", note="ironing", occurred_on=DAY)
    bank.reverse("t1", reason="entered twice", occurred_on=DAY)
    none = (0, "0:00")
    assert told(bank, "m1") == {
        "given": (1, "2:00"), "received": none, "taken_back": (1, "-2:00"), "other": none
    }  # fmt: skip
    assert told(bank, "m2") == {
        "given": none, "received": (1, "2:00"), "taken_back": (1, "2:00"), "other": none
    }  # fmt: skip
    line = bank.statement("m2").lines[1]
    assert (None, "2:00") == (line.spent, str(line.earned)), "the keys of before are as they were"
    taken = line.takes_back
    assert taken is not None
    assert ("t1", DAY, "exchange", Hours(-2), "ironing") == (
        taken.id,
        taken.occurred_on,
        taken.kind,
        taken.hours,
        taken.note,
    )
    shape = reports.json.statement(bank.statement("m2"))
    assert ("taken_back", "t1") == (
        shape["lines"][1]["counts_as"],
        shape["lines"][1]["takes_back"]["id"],
    )
    assert {"number": 1, "hours": "2:00"} == shape["totals"]["taken_back"]


def test_a_part_that_was_taken_back_is_said_to_be_a_part(bank: TimeBank) -> None:
    bank.transfer(earner="m1", spender="m2", hours=2, id="t1", occurred_on=DAY)
    bank.reverse("t1", hours="0:30", reason="it was less", occurred_on=DAY)
    english = " ".join(" ".join(statement_text(bank.statement("m1"))).split())
    assert "takes back part of the exchange of 2026-03-02" in english
    italian = " ".join(" ".join(statement_text(bank.statement("m1"), language="it")).split())
    assert "annulla in parte lo scambio del 2026-03-02" in italian


def test_fees_dues_and_gifts_are_no_exchanges(bank: TimeBank) -> None:
    """And a fee that was moved back is taken back like its exchange."""
    bank.adopt(Statute(version="v1", fee=Fee(share="10%", payer="earner", fund="fund")))
    bank.transfer(earner="m1", spender="m2", hours=2, id="t1", occurred_on=DAY)
    bank.transfer(earner="m1", spender="m2", hours=1, kind="gift", occurred_on=DAY)
    assert {"given": (1, "2:00"), "received": (0, "0:00")}.items() <= told(bank, "m1").items()
    assert (2, "0:48") == told(bank, "m1")["other"]
    bank.reverse("t1", reason="never", occurred_on=DAY)
    assert (2, "-1:48") == told(bank, "m1")["taken_back"]


def test_a_reversal_after_a_merge_names_the_exchange_of_who_was_merged(bank: TimeBank) -> None:
    """It takes back the whole of it, and not a part."""
    bank.transfer(earner="m1", spender="m2", hours=2, id="t1", occurred_on=DAY)
    bank.open_account("m3", floor=None)
    bank.merge("m1", into="m3", reason="twice")
    bank.reverse("t1", reason="never", occurred_on=DAY)
    made = bank.statement("m3")
    holds(made)
    (line,) = [line for line in made.lines if line.reverses]
    assert line.takes_back is not None
    assert (Hours(2), Hours(-2)) == (line.takes_back.hours, line.hours)


@pytest.mark.parametrize("language", ["en", "it"])
def test_the_papers_name_the_association_and_the_head(bank: TimeBank, language: str) -> None:
    """In text and on the page, and nothing where no title is given."""
    bank.transfer(earner="m1", spender="m2", hours=2, occurred_on=DAY)
    made, head = bank.statement("m1"), bank.head()
    text = statement_text(made, head=head, title="Banca \u202edel tempo", language=language)
    assert "Banca \ufffddel tempo" == text[0]
    assert str(head) == text[-1]
    pytest.importorskip("babel")
    pytest.importorskip("jinja2")
    some: Any = {"head": head, "printed_on": DAY, "language": language}
    page = statement_html(made, title="A & B", **some)
    assert '<p class="bank">A &amp; B</p>' in page
    assert 'class="bank"' not in statement_html(made, **some)
    assert str(head) in page


def test_a_line_that_was_taken_back_says_when_and_whether_whole(bank: TimeBank) -> None:
    """Also the fee, after a merge, and not before it was known."""
    bank.adopt(Statute(version="v1", fee=Fee(share="10%", payer="earner", fund="fund")))
    bank.transfer(earner="m1", spender="m2", hours=2, id="t1", occurred_on=DAY)
    bank.transfer(earner="m1", spender="m2", hours=1, id="t2", occurred_on=DAY)
    before = bank.head().sequence
    bank.reverse("t1", hours="0:30", reason="it was less", occurred_on=DAY)
    part = bank.head().sequence
    bank.reverse("t1", reason="never", occurred_on=DAY + timedelta(days=1))
    bank.open_account("m3", floor=None)
    bank.merge("m1", into="m3", reason="twice")
    later = DAY + timedelta(days=1)

    def said(account: str, at: int | None = None) -> list[tuple[date | None, bool]]:
        lines = bank.statement(account, at=at).lines
        return [
            (line.taken_back_on, line.taken_back_whole)
            for line in lines
            if not line.reverses and line.kind != "merge"
        ]

    assert [(later, True), (later, True), (None, False), (None, False)] == said("m3")
    assert [(later, True), (None, False)] == said("m2")
    assert [(None, False)] * 2 == said("m2", before)
    assert [(DAY, False), (None, False)] == said("m2", part)
    text = " ".join(" ".join(statement_text(bank.statement("m2"))).split())
    assert "taken back on 2026-03-03" in text
    text = " ".join(" ".join(statement_text(bank.statement("m2", at=part), language="it")).split())
    assert "stornato in parte il 2026-03-02" in text


@given(st.integers(0, 10**6))
def test_what_is_said_to_be_taken_back_is_what_reversals_say(seed: int) -> None:
    """Of any bank: a line is marked where a reversal names it, and there alone.

    Who was merged has the lines; the reversals are their heir's.
    """
    bank = Walk(seed).walk(60)
    for account in bank.accounts():
        lines = bank.statement(account.id).lines
        named = {(line.takes_back.sequence, line.fee) for line in lines if line.takes_back}
        marked = {(line.sequence, line.fee) for line in lines if line.taken_back_on}
        assert named <= marked
        assert named == marked or account.merged_into is not None
