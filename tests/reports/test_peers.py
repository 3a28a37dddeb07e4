"""What people read of exchanges with other banks: cards, statements, figures, flags."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

import timebank
from timebank import Flag, Hours, InvalidRequest, TimeBank, federation
from timebank.federation.cards import Card
from timebank.model import Across
from timebank.model.agreements import PEER_PREFIX
from timebank.reports import words
from timebank.reports.holds import holds_text
from timebank.reports.peers import why_text
from timebank.reports.statement import statement_text
from timebank.reports.text import flag_text
from timebank.rules.refusals import code_of

TERMS: dict[str, Any] = {"they_may_owe": None, "we_may_owe": None}


def two_banks() -> tuple[TimeBank, TimeBank]:
    """Two banks of one store, each with a member, that have agreed."""
    isola = timebank.open("memory:", bank="isola")
    bovisa = TimeBank(isola.store, bank="bovisa")
    for bank, other, member in ((isola, bovisa, "anna"), (bovisa, isola, "bruno")):
        bank.open_account(member, floor=None)
        bank.open_account(f"{member}-2", floor=None)
        federation.agree(bank, other, name=other.name.title(), **TERMS)
    return isola, bovisa


# -- cards -------------------------------------------------------------------------------

LIMITS = st.none() | st.integers(0, 10**9)
NAMES = st.none() | st.text(
    st.characters(exclude_categories=("C", "Z"), exclude_characters="\ufeff"), min_size=1
)


@given(st.from_regex(r"[0-9a-f]{1,32}", fullmatch=True), NAMES, LIMITS, LIMITS)
def test_a_card_is_read_as_it_was_written(
    journal: str, name: str | None, you: int | None, we: int | None
) -> None:
    card = Card(journal=journal, name=name, you_may_owe=you, we_may_owe=we)
    assert card == Card.of(str(card))
    assert card == Card.of(str(card).replace("\n", "  \r\n\r\n"))


@given(st.data())
def test_a_card_without_a_line_or_with_one_twice_is_refused(data: st.DataObject) -> None:
    lines = str(Card(journal="8a1e", name="Isola")).splitlines()
    needed = data.draw(st.sampled_from([0, 1, 3, 4]))
    twice = data.draw(st.integers(0, len(lines) - 1))
    for spoilt in (lines[:needed] + lines[needed + 1 :], [*lines, lines[twice]]):
        with pytest.raises(InvalidRequest):
            Card.of("\n".join(spoilt))


# -- statements and figures --------------------------------------------------------------


@given(
    st.lists(
        st.tuples(st.booleans(), st.integers(1, 5), st.sampled_from([None, 1, 2, 9])), max_size=6
    )
)
def test_figures_of_two_banks_mirror_each_other_and_statements_add_up(
    made: list[tuple[bool, int, int | None]],
) -> None:
    """What one gave the other received, without what was taken back, and nothing counts twice."""
    isola, bovisa = two_banks()
    isola.transfer(earner="anna", spender="anna-2", hours=3)
    given_to = {"isola": 0, "bovisa": 0}
    for from_isola, hours, back in made:
        here, there = (isola, bovisa) if from_isola else (bovisa, isola)
        who, earner = ("anna", "bruno") if from_isola else ("bruno", "anna")
        crossing = federation.transfer(here, there, spender=who, earner=earner, hours=hours)
        assert crossing.earned is not None
        given_to[there.name] += hours
        if back is not None and back <= hours:
            federation.reverse(there, here, crossing.earned.id, hours=back, reason="sole")
            given_to[there.name] -= back
    figures = {bank.name: bank.impact(at_least=1) for bank in (isola, bovisa)}
    for own, other in (("isola", "bovisa"), ("bovisa", "isola")):
        assert Hours(given_to[own]) == figures[own].given_to_banks.hours
        assert figures[own].given_to_banks == figures[other].received_from_banks
    assert (1, Hours(3)) == attrs.astuple(figures["isola"].exchanges, recurse=False)
    assert (0, Hours(0)) == attrs.astuple(figures["bovisa"].exchanges, recurse=False)
    for bank, member in ((isola, "anna"), (bovisa, "bruno")):
        statement = bank.statement(member)
        totals = statement.totals
        assert (
            statement.closing
            == bank.balance(member).posted
            == (totals["given"].hours - totals["received"].hours + totals["taken_back"].hours)
        )
        assert totals["other"].number == 0
        whole = sum(1 for *_, hours, back in made if back == hours)
        assert whole == sum(1 for line in statement.lines if line.taken_back_whole)
        assert all(line.takes_back for line in statement.lines if line.reverses)
        told = "\n".join(statement_text(statement))
        assert PEER_PREFIX not in told


def test_a_statement_as_it_was_known_knows_of_no_later_reversal() -> None:
    isola, bovisa = two_banks()
    crossing = federation.transfer(isola, bovisa, spender="anna", earner="bruno", hours=2)
    assert crossing.earned is not None
    then = bovisa.head().sequence
    federation.reverse(bovisa, isola, crossing.earned.id, reason="sole")
    (line,) = bovisa.statement("bruno", at=then).lines
    assert (None, False) == (line.taken_back_on, line.taken_back_whole)
    now = bovisa.statement("bruno").lines
    assert [True, False] == [one.taken_back_whole for one in now]
    assert ["exchange", "reversal"] == [one.kind for one in now]


# -- words -------------------------------------------------------------------------------


def test_what_takes_an_exchange_back_is_a_reversal_in_both_banks() -> None:
    """In the bank that offers it, too, where it settles a hold."""
    isola, bovisa = two_banks()
    made = federation.transfer(isola, bovisa, spender="anna", earner="bruno", hours=2)
    assert made.earned is not None
    back = federation.reverse(bovisa, isola, made.earned.id, hours=1, reason="sole")
    for one in (back.spent, back.earned):
        assert one is not None
        assert ("reversal", made.earned.id) == (one.kind, one.reverses)
    assert back.spent is not None
    assert ("sole", None) == (back.spent.reason, back.spent.note)


def test_an_offer_that_waits_too_long_has_no_answer() -> None:
    """It is not overdue by the day of its service, which is over."""
    isola, bovisa = two_banks()
    hold = federation.make_offer(
        isola, bovisa, spender="anna", earner="bruno", hours=1, id="x1", answer_in="1d"
    )
    assert hold.across is not None
    late = hold.across.answer_by.date().replace(year=2100)
    names = {f"{PEER_PREFIX}{hold.across.bank}": "Bovisa"}
    told = "\n".join(holds_text([hold], today=late, names=names))
    assert "no answer" in told
    assert "bruno (Bovisa)" in told
    assert "1 offer has no answer yet" in told
    assert "overdue" not in told


@pytest.mark.parametrize("language", words.languages())
def test_each_flag_between_banks_has_a_sentence(language: str) -> None:
    with words.speaking(language):
        told = {flag_text(Flag(rule=rule)) for rule in FLAGS}
    assert len(told) == len(FLAGS)
    if language == words.DEFAULT:
        assert told == {str(Flag(rule=rule)) for rule in FLAGS}


FLAGS = ("abandoned", "forgotten", "late answer", "written off")


@pytest.mark.parametrize("language", words.languages())
def test_why_an_offer_is_refused_is_said_for_every_code(language: str) -> None:
    """Of each error that a booking may be refused by; another code stands as it is."""
    codes = {
        code_of(kind.__new__(kind))
        for kind in (
            timebank.AccountNotFound,
            timebank.AccountNotOpen,
            timebank.AnsweredTooLate,
            timebank.BooksClosed,
            timebank.ExchangeTooLarge,
            timebank.GranularityRefused,
            timebank.InvalidRequest,
            timebank.NotAgreed,
            timebank.NotPermitted,
            timebank.OverReversed,
            timebank.RecordedTooLate,
            timebank.TransferNotFound,
        )
    } | {"floor_exceeded", "ceiling_exceeded", "cancelled", "abandoned"}
    with words.speaking(language):
        assert len({why_text(code) for code in codes}) == len(codes)
        assert not codes & {why_text(code) for code in codes}
        assert why_text("sun_too_low") == "sun_too_low"


def test_across_says_the_same_on_both_sides() -> None:
    isola, bovisa = two_banks()
    made = federation.transfer(isola, bovisa, spender="anna", earner="bruno", hours=1, id="x1")
    assert made.spent is not None
    assert made.earned is not None
    ours, theirs = made.spent.across, made.earned.across
    assert isinstance(ours, Across)
    assert isinstance(theirs, Across)
    assert made.offer.across == ours
    assert (ours.offer, ours.address, ours.answer_by) == (
        theirs.offer,
        theirs.address,
        theirs.answer_by,
    )
    assert (True, bovisa.head().journal) == (ours.is_ours, ours.bank)
    assert (False, isola.head().journal) == (theirs.is_ours, theirs.bank)
    plain = isola.transfer(earner="anna", spender="anna-2", hours=1)
    assert plain.across is None


def test_a_printed_statement_names_the_other_bank() -> None:
    """Of what was booked, and of what waits for an answer, in the words of its language."""
    pytest.importorskip("babel", reason="a page needs timebank[report]")
    from datetime import date

    from timebank.reports.statement_html import statement_html

    isola, bovisa = two_banks()
    federation.transfer(isola, bovisa, spender="anna", earner="bruno", hours=1)
    federation.make_offer(isola, bovisa, spender="anna", earner="bruno", hours=2, id="x1")
    day = date(2026, 3, 2)
    for language, said in (("en", "answer by"), ("it", "risposta entro il")):
        page = statement_html(
            isola.statement("anna"), head=isola.head(), printed_on=day, language=language
        )
        assert page.count("bruno (Bovisa)") == 2
        assert PEER_PREFIX not in page
        assert said in page
