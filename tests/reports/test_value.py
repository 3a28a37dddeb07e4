"""The value of hours: exact, against fractions and against SQL over the tables."""

from __future__ import annotations

from collections import Counter
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import timebank
from queries.hours_in_sql import hours_in_sql
from random_banks import Walk
from support import Clock, examples, sources
from timebank import Hours, InvalidRequest, TimeBank, reports
from timebank.reports.value_text import value_csv, value_text
from timebank.reports.valued import MOST_CENTS_AN_HOUR, Rates, Value, amount, cents_of, rounded

DAY = date(2026, 3, 1)


def bank_of(*exchanges: tuple[str, str | None]) -> TimeBank:
    """A bank in which one person gave so many hours, of such categories."""
    bank = timebank.open("memory:", **sources(Clock()))
    bank.open_account("anna", name="Anna", floor=None)
    bank.open_account("rossi", kind="group", floor=None)
    for hours, category in exchanges:
        bank.transfer(
            earner="anna", spender="rossi", hours=hours, category=category, occurred_on=DAY
        )
    return bank


def half_up(value: Fraction) -> int:
    """A fraction to a whole number as `decimal` rounds it: half away from zero."""
    whole, part = divmod(abs(value.numerator), value.denominator)
    rest = Decimal(part) / Decimal(value.denominator)
    cents = whole + int(rest.quantize(Decimal(1), ROUND_HALF_UP))
    return cents if value >= 0 else -cents


# -- sums ------------------------------------------------------------------------------


@given(st.integers(-(10**12), 10**12))
def test_half_a_cent_is_rounded_away_from_zero(second_cents: int) -> None:
    """As `decimal` rounds it."""
    assert half_up(Fraction(second_cents, 3600)) == rounded(second_cents)


CATEGORIES = ("a", "b", "c", None)
_exchanges = st.lists(
    st.tuples(st.integers(1, 100_000), st.sampled_from(CATEGORIES)), min_size=1, max_size=12
)
_rates = st.dictionaries(st.sampled_from(["a", "b", "c"]), st.integers(0, 10_000))


@given(_exchanges, _rates, st.none() | st.integers(0, 10_000))
def test_lines_and_rounding_are_the_exact_total(
    exchanges: list[tuple[int, str | None]], cents: dict[str, int], other: int | None
) -> None:
    """The total is the exact sum of seconds times cents, rounded once; no hour is lost."""
    bank = bank_of(*((f"{seconds}s", category) for seconds, category in exchanges))
    found = reports.value(bank.presences(), Rates(cents, other))
    exact, without = Fraction(0), 0
    for seconds, category in exchanges:
        rate = cents.get(category or "", other)
        if rate is None:
            without += seconds
        else:
            exact += Fraction(seconds * rate, 3600)
    assert half_up(exact) == found.total_cents
    lines = sum(line.value_cents for line in found.lines)
    assert found.total_cents == lines + found.rounding_cents
    assert (without, sum(seconds for seconds, _ in exchanges) - without) == (
        found.hours_without.seconds,
        found.hours.seconds,
    )
    assert all(
        half_up(Fraction(one.hours.seconds * one.rate_cents, 3600)) == one.value_cents
        for one in found.lines
    )


@examples(40)
@given(st.integers(0, 2**32), _rates)
def test_the_value_is_that_of_the_tables(seed: int, cents: dict[str, int]) -> None:
    """SQL gives the hours of each category, reversals, merges and amendments among them."""
    bank = Walk(seed).walk(70)
    rates = Rates({"care": 1_251, **cents}, 777)
    seconds: Counter[str] = Counter()
    for (_, _, category), moved in hours_in_sql(bank).items():
        seconds[category] += moved
    exact = sum(
        (
            Fraction(moved * (1_251 if category == "care" else 777), 3600)
            for category, moved in seconds.items()
        ),
        Fraction(0),
    )
    found = reports.value(bank.presences(), rates)
    assert half_up(exact) == found.total_cents


def test_a_line_rounds_and_a_line_says_by_how_much() -> None:
    """Three times a third of a cent more than half is one cent too many."""
    bank = bank_of(("0:20", "a"), ("0:20", "b"), ("0:20", "c"))
    found = reports.value(bank.presences(), Rates.of({"*": "0,05"}))
    assert ([2, 2, 2], 5, -1) == (
        [line.value_cents for line in found.lines],
        found.total_cents,
        found.rounding_cents,
    )
    text = "\n".join(value_text(found, "it"))
    assert "Somma delle righe" in text
    assert "Arrotondamento" in text
    assert "-0,01" in text
    assert "Rounding,,,-0.01\n" in value_csv(found, "en")
    assert 5 == found.total_cents


def test_what_was_taken_back_behind_closed_books_is_worth_less_than_nothing() -> None:
    """In the year of the reversal; that of the exchange stays as it was."""
    bank = bank_of()
    last = date(2025, 12, 20)
    bank.transfer(
        earner="anna", spender="rossi", hours=3, category="a", occurred_on=last, id="dinner"
    )
    bank.close_books(through=date(2025, 12, 31), reason="approved")
    bank.reverse("dinner", hours="0:30", reason="it was less")
    rates = Rates.of({"a": "0,01"})
    of_2025 = reports.value(bank.presences(until=date(2025, 12, 31)), rates)
    of_2026 = reports.value(bank.presences(since=date(2026, 1, 1)), rates)
    assert (3, -1) == (of_2025.total_cents, of_2026.total_cents)


# -- categories ------------------------------------------------------------------------


def value_of(rates: dict[str, str], *exchanges: tuple[str, str | None]) -> Value:
    """The value of exchanges."""
    return reports.value(bank_of(*exchanges).presences(), Rates.of(rates))


def test_a_category_without_a_rate_stands_apart() -> None:
    """With its hours; it is in no sum, and worth neither something nor nothing."""
    found = value_of({"care": "10"}, ("1:30", "care"), ("2:00", "cook"), ("0:15", None))
    assert [("cook", Hours(2)), ("", Hours("0:15"))] == [
        (one.category, one.hours) for one in found.without
    ]
    assert (1_500, Hours("1:30"), Hours("2:15")) == (
        found.total_cents,
        found.hours,
        found.hours_without,
    )
    text = "\n".join(value_text(found, "it"))
    assert "Senza tariffa, e in nessuna somma" in text
    assert "Ore senza tariffa:  2:15" in text or "Ore senza tariffa: 2:15" in text


def test_a_star_is_for_all_others() -> None:
    """Those without a category among them; the line says so."""
    found = value_of({"care": "10", "*": "1"}, ("1:00", "care"), ("1:00", "cook"), ("1:00", None))
    assert [("care", 1_000, False), ("cook", 100, True), ("", 100, True)] == [
        (one.category, one.rate_cents, one.by_other) for one in found.lines
    ]
    assert () == found.without


def test_case_and_accents_do_not_matter() -> None:
    """Of the bank's categories and of the rates alike."""
    found = value_of({"attivita": "10"}, ("1:00", "Attività"), ("1:00", "ATTIVITA'"))
    assert [("Attività", Hours(2))] == [(one.category, one.hours) for one in found.lines]


def test_a_rate_that_is_of_no_use_is_told() -> None:
    """Most often it is mistyped."""
    found = value_of({"care": "10", "caer": "10"}, ("1:00", "care"))
    assert ("caer",) == found.unused
    assert "“caer”" in "\n".join(value_text(found, "en"))


def test_a_rate_of_zero_is_one() -> None:
    """It was given: it is no missing one."""
    found = value_of({"care": "0"}, ("1:00", "care"))
    assert (0, ()) == (found.total_cents, found.without)


# -- amounts ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "cents"),
    [
        ("12", 1_200),
        ("12,5", 1_250),
        ("12.50", 1_250),
        (" € 12,50 ", 1_250),
        ("12,50 €/h", 1_250),
        ("12.50 EUR", 1_250),
        ("EUR 9.5", 950),
        ("10 euro/ora", 1_000),
        ("1.234,50", 123_450),
        ("1,234.50", 123_450),
        ("1'234.50", 123_450),
        ("1 234,50", 123_450),
        ("0", 0),
        ("£7", 700),
    ],
)
def test_an_amount_as_people_write_it(text: str, cents: int) -> None:
    """In Italian or English, with what stands beside it."""
    assert cents == cents_of(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("-3", "not below zero"),
        ("\u22123,50", "not below zero"),
        ("12,505", "at most two decimals"),
        ("1.234", "at most two decimals"),
        ("dodici", "an amount like 12.50"),
        ("1e3", "an amount like 12.50"),
        ("", "an amount like 12.50"),
        ("12,", "an amount like 12.50"),
        ("1,2,3", "an amount like 12.50"),
        ("\u0661\u0662", "an amount like 12.50"),
        ("100000,01", "at most 100000.00 an hour"),
        ("9" * 30, "an amount like 12.50"),
    ],
)
def test_no_amount(text: str, said: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(InvalidRequest, match=said):
        cents_of(text)


@given(st.integers(-(10**9), 10**9))
def test_an_amount_reads_back(cents: int) -> None:
    """What is written of cents are these cents."""
    assert cents == int(Decimal(amount(cents)) * 100)
    if 0 <= cents <= MOST_CENTS_AN_HOUR:
        assert cents == cents_of(amount(cents))


@pytest.mark.parametrize(
    ("rates", "said"),
    [
        ({"cents": {"care": -1}}, "from 0 to 10,000,000 whole cents, not -1"),
        ({"cents": {"care": 1.5}}, r"whole cents, not 1\.5"),
        ({"cents": {}, "other_cents": MOST_CENTS_AN_HOUR + 1}, "whole cents, not 10000001"),
        ({"cents": {"care": 1, "CARE ": 2}}, "two rates of the category 'care'"),
    ],
)
def test_rates_that_cannot_be(rates: dict[str, Any], said: str) -> None:
    """They are refused when they are made."""
    with pytest.raises(InvalidRequest, match=said):
        Rates(**rates)


@pytest.mark.parametrize("currency", ["", "euro", "E1R", "€"])
def test_a_currency_is_three_letters(currency: str) -> None:
    """As ISO 4217 has them; small letters will do."""
    found = bank_of().presences()
    with pytest.raises(InvalidRequest, match="a currency is three letters"):
        reports.value(found, Rates({}), currency)
    assert "CHF" == reports.value(found, Rates({}), "chf").currency


def test_a_formula_in_a_category_stays_a_text() -> None:
    """In CSV it has a mark, in either form of it."""
    found = value_of({"*": "1"}, ("1:00", "=1+1"))
    assert "\n'=1+1,1:00,1.00,1.00\n" in value_csv(found, "en")
    assert "\n'=1+1;1:00;1,00;1,00\n" in value_csv(found, "it", decimal_comma=True)
