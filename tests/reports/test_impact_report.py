"""The impact report that an assembly gets: whose it is, of when, whole, and nothing cut."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

import timebank
from support import sources
from timebank import Hours, TimeBank
from timebank.reports.impact_charts import Chart, charts
from timebank.reports.impact_html import impact_html
from timebank.reports.impact_text import impact_csv, impact_text
from timebank.reports.words import Words

PEOPLE = [f"p{number}" for number in range(8)]
LONG = "ripetizioni di matematica, di italiano e di inglese per ragazzi delle scuole medie"


@pytest.fixture
def street() -> TimeBank:
    """Eight people, and a library."""
    bank = timebank.open("memory:", **sources())
    bank.open_account("library", kind="organisation")
    for id in PEOPLE:
        bank.open_account(id, floor=None, joined_on=date(2019, 1, 1))
    return bank


def ring(bank: TimeBank, day: date, hours: int | str = 1, **labels: Any) -> None:
    """An exchange of each with the next one, so that nobody is few and all are at zero."""
    for earner, spender in zip(PEOPLE, [*PEOPLE[1:], PEOPLE[0]], strict=True):
        bank.transfer(earner=earner, spender=spender, hours=hours, occurred_on=day, **labels)


def drawn(bank: TimeBank, language: str = "en", **period: Any) -> dict[str, Chart]:
    """The charts by the beginning of their titles."""
    made = charts(bank.impact(**period), Words("impact", language))
    return {chart.title.split(",")[0]: chart for chart in made}


def words_of(svg: str) -> str:
    """All words of a drawing."""
    return " ".join(re.findall(r">([^<>]+)</text>", svg))


@pytest.mark.parametrize("language", ["en", "it"])
def test_it_says_whose_it_is_of_which_day_and_of_which_head(
    street: TimeBank, language: str
) -> None:
    """In text and on the page, escaped; nothing of it where it is not given."""
    ring(street, date(2026, 1, 5))
    head, found = street.head(), street.impact()
    told: Any = {"title": "A & B", "made_on": date(2026, 3, 8), "heads": [head]}
    text, page = impact_text(found, language, **told), impact_html(found, language, **told)
    assert ("A & B", str(head)) == (text[0], text[-1])
    day = {"en": "Made on 8 March 2026", "it": "Redatto l'8 marzo 2026"}[language]
    assert day in text
    assert day.replace("'", "&#39;") in page
    assert '<p class="association">A &amp; B</p>' in page
    assert str(head) in page
    plain = impact_html(found, language)
    assert "association" not in plain.split("</style>")[1]
    assert "<code>" not in plain


def test_the_chart_of_time_is_of_the_whole_period(street: TimeBank) -> None:
    """Months without an exchange and long periods too, and it says from when to when."""
    ring(street, date(2026, 1, 5))
    ring(street, date(2025, 9, 5))
    chart = drawn(street)["Hours by month"]
    assert "Hours by month, September 2025 to January 2026" == chart.title
    assert "The whole period: 16:00 hours." == chart.note
    assert {"09/2025", "10/2025", "11/2025", "12/2025", "01/2026"} <= set(
        words_of(chart.svg).split()
    )
    asked = drawn(street, "it", since=date(2025, 6, 1), until=date(2025, 12, 31))["Ore per mese"]
    assert "Ore per mese, da giugno 2025 a dicembre 2025" == asked.title
    ring(street, date(2021, 2, 5))
    quarters = drawn(street)["Hours by quarter"]
    assert "Hours by quarter, Q1 2021 to Q1 2026" == quarters.title
    assert "The whole period: 24:00 hours." == quarters.note
    ring(street, date(2001, 2, 5))
    assert "Hours by year, 2001 to 2026" == drawn(street)["Hours by year"].title


def test_months_that_are_not_shown_are_told_beside_the_chart(street: TimeBank) -> None:
    """They are no part of its sum."""
    for month in (1, 2):
        ring(street, date(2026, month, 5))
    street.transfer(earner="p0", spender="p1", hours=1, occurred_on=date(2025, 12, 5))
    street.transfer(earner="p0", spender="p1", hours=1, occurred_on=date(2025, 11, 5))
    chart = drawn(street)["Hours by month"]
    assert "The whole period: 16:00 hours, without 2 months of few accounts." == chart.note
    text = "\n".join(impact_text(street.impact()))
    assert "2 months of few accounts" in text
    assert 1 == text.count("are not shown")


def test_bars_of_areas_come_to_the_bars_of_all(
    street: TimeBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has no area, and areas beyond the largest, are drawn as well."""
    from matplotlib.axes import Axes

    tops: list[list[float]] = []
    bar: Callable[..., Any] = Axes.bar

    def watched(axes: Axes, x: Any, height: Any, **more: Any) -> Any:
        low = more.get("bottom") or [0.0] * len(height)
        tops.append([one + other for one, other in zip(low, height, strict=True)])
        return bar(axes, x, height, **more)

    monkeypatch.setattr(Axes, "bar", watched)
    for number in range(8):
        ring(street, date(2026, 1 + number % 2, 5), 1 + number, area=f"area {number}")
    ring(street, date(2026, 2, 6), 2)
    chart = drawn(street)["Hours by month"]
    assert "other areas, or not said" in " ".join(words_of(chart.svg).split())
    hours = [one.hours for one in street.impact().by_month]
    assert [one.seconds / 3600 for one in hours if one] == tops[-1]


def test_a_chart_of_one_bar_is_a_sentence(street: TimeBank) -> None:
    """And its page has no drawing."""
    ring(street, date(2026, 1, 5))
    found = drawn(street, "it")
    assert {""} == {chart.svg for chart in found.values()}
    assert "Gennaio 2026: 8:00." == found["Ore per mese"].text
    assert "0:00: 8 soci." == found["Saldi dei soci"].text
    assert "Danno e ricevono: 8 soci." == found["Chi dà e chi riceve"].text
    assert "Socio → socio: 8:00." == found["Da chi a chi"].text
    page = impact_html(street.impact(), "it")
    assert "<svg" not in page
    assert "Gennaio 2026: 8:00." in page


def test_a_balance_of_zero_is_neither_debt_nor_credit(street: TimeBank) -> None:
    """It has a band of its own, in the figures, in words and in the drawing."""
    ring(street, date(2026, 1, 5))
    for number in range(0, 4, 2):
        hours = f"0:00:0{number + 1}"
        street.transfer(earner=f"p{number}", spender=f"p{number + 1}", hours=hours)
    bands = {(str(one.low), str(one.high)): one.accounts for one in found_bands(street)}
    assert (2, 4, 2) == (
        bands["-5:00", "0:00"],
        bands["0:00", "0:00"],
        bands["0:00", "5:00"],
    )
    text = impact_text(street.impact(at_least=1))
    assert any(re.fullmatch(r"0:00 +4", line) for line in text)
    svg = drawn(street, at_least=1)["Balances of members"].svg
    assert "#7f7f7f" in svg, "grey"


def found_bands(bank: TimeBank) -> Any:
    """The bands of balances, none of them hidden."""
    return bank.impact(at_least=1).balances


@pytest.mark.parametrize("language", ["en", "it"])
def test_long_labels_are_whole(street: TimeBank, language: str) -> None:
    """In text, in the legend and on the page; each line stays within the page."""
    for month in (1, 2):
        ring(street, date(2026, month, 5), category=LONG, area=LONG)
        ring(street, date(2026, month, 6), category="orto", area="orto")
    found = street.impact()
    text = impact_text(found, language)
    assert LONG in " ".join(" ".join(line[:34].split()) for line in text)
    assert max(map(len, text)) <= 100
    assert not any("\u2026" in line for line in text)
    title = {"en": "Hours by month", "it": "Ore per mese"}[language]
    svg = drawn(street, language)[title].svg
    assert LONG in " ".join(words_of(svg).split())
    assert LONG in impact_html(found, language)
    assert LONG in impact_csv(found, language)


def test_what_nobody_says_is_no_table(street: TimeBank) -> None:
    """Without a resource all is *not said*, which is the whole once more."""
    ring(street, date(2026, 1, 5), category="orto")
    text = impact_text(street.impact())
    assert "Hours by category" in text
    assert "Hours by resource" not in text


def test_a_mean_is_rounded(street: TimeBank) -> None:
    """To minutes, or to hours where it is ten or more; the figure itself is not."""
    street.transfer(earner="p0", spender="p1", hours="3:20:31", occurred_on=date(2026, 1, 5))
    found = street.impact(at_least=1)
    assert Hours("3:20:31") == found.stock
    assert any(line.endswith("  3:21") for line in impact_text(found))
    street.transfer(earner="p0", spender="p1", hours="30:00", occurred_on=date(2026, 1, 5))
    assert any(line.endswith("  33:00") for line in impact_text(street.impact(at_least=1)))


def test_kinds_of_movement_are_in_the_language(street: TimeBank) -> None:
    ring(street, date(2026, 1, 5), kind="gift")
    assert any(line.startswith("dono ") for line in impact_text(street.impact(), "it"))
    assert "exchange" not in "\n".join(impact_text(street.impact(), "it"))


def test_an_empty_bank_has_balances_of_no_day() -> None:
    """Its last day is no day of the calendar that anybody knows."""
    for language in ("en", "it"):
        text = "\n".join(impact_text(timebank.open("memory:").impact(), language))
        assert "9999" not in text
