"""Show the value of the hours as text and as CSV."""

from __future__ import annotations

from datetime import date
from typing import Final

from timebank.reports.csv_lines import Trusted, cell_of, csv_line
from timebank.reports.impact_text import day_words
from timebank.reports.papers import facts, money, notes, words_of
from timebank.reports.presences_text import note_lines
from timebank.reports.text import Column, Row, harmless, table
from timebank.reports.text import facts as lines_of_facts
from timebank.reports.valued import Value, ValueLine, amount
from timebank.reports.words import Words

_LEAST: Final = 20
#: Marks a rate that is that of all others.
BY_OTHER: Final = "†"


def value_text(
    value: Value,
    language: str | None = None,
    *,
    title: str | None = None,
    made_on: date | None = None,
) -> list[str]:
    """Return the value of the hours as lines of text.

    `title` is the name of the association, `made_on` the day on which it is made.

    :raises InvalidRequest: a language of which there is no catalogue.

    >>> import timebank
    >>> from timebank import reports
    >>> from timebank.reports.valued import Rates
    >>> from timebank.reports.value_text import value_text
    >>> found = reports.value(timebank.open("memory:").presences(), Rates.of({"care": "12"}))
    >>> value_text(found, "it")[0]
    'Valore figurativo delle ore prestate'
    """
    words = words_of(language)
    lines = [*([harmless(title)] if title else []), words("title_value")]
    lines += [*lines_of_facts(value_facts(value, words, made_on)), ""]
    columns = [
        Column(words("category"), least=_LEAST),
        Column(words("hours"), right=True),
        Column(words("rate_in", currency=value.currency), right=True),
        Column(words("value_in", currency=value.currency), right=True),
    ]
    rows: list[Row] = [
        (
            named(line.category, words),
            str(line.hours),
            rate_words(line, words),
            money(line.value_cents, words),
        )
        for line in value.lines
    ]
    rows += [None, *sums(value, words)] if rows else []
    if value.without:
        rows += [None, (words("no_rate"), "", "", "")] if rows else [(words("no_rate"), "", "", "")]
        rows += [
            (named(one.category, words), str(one.hours), words("sign_missing"), "")
            for one in value.without
        ]
        rows += [(words("total_without"), str(value.hours_without), "", "")]
    lines += table(columns, rows) if rows else [words("none")]
    return [*lines, *note_lines(notes(value.presences, words, of_value=said_of(value, words)))]


def rate_words(line: ValueLine, words: Words) -> str:
    """Return the rate of a line, with a mark where it is that of all others."""
    return f"{money(line.rate_cents, words)}{f' {BY_OTHER}' if line.by_other else ''}"


def value_facts(value: Value, words: Words, made_on: date | None) -> dict[str, str]:
    """Return what stands at the top of the paper."""
    given = dict(facts(value.presences, words, None))
    if value.without:
        given[words("total_without")] = str(value.hours_without)
    given[words("value_in", currency=value.currency)] = money(value.total_cents, words)
    return given if made_on is None else {**given, words("made"): day_words(made_on, words)}


def named(category: str, words: Words) -> str:
    """Return a category as it is shown; of none, that it was not said."""
    return harmless(category) or words("no_category")


def sums(value: Value, words: Words) -> list[tuple[str, str, str, str]]:
    """Return the rows below the lines: rounding, where there is any, and the total."""
    rows = []
    if value.rounding_cents:
        of_lines = value.total_cents - value.rounding_cents
        rows = [
            (words("sum_of_lines"), str(value.hours), "", money(of_lines, words)),
            (words("rounding"), "", "", money(value.rounding_cents, words)),
        ]
    return [*rows, (words("total"), str(value.hours), "", money(value.total_cents, words))]


def said_of(value: Value, words: Words) -> list[str]:
    """Return what is said of the rates and of the rounding."""
    said = [words("rates_given")]
    if value.rounding_cents:
        said.append(words("rounding_said", rounding=words("rounding")))
    if any(line.by_other for line in value.lines):
        said.append(f"{BY_OTHER}: {words('by_other')}.")
    if value.unused:
        unused = ", ".join(words("quoted", text=harmless(one)) for one in value.unused)
        said.append(words("unused", words=unused))
    return said


def value_csv(value: Value, language: str | None = None, *, decimal_comma: bool = False) -> str:
    """Return the value as CSV: category, hours, rate and value; amounts with a decimal point.

    Rounding and total are rows of their own, and a category without a rate has neither rate nor
    value. With a `decimal_comma` there are semicolons between the columns.

    :raises InvalidRequest: a language of which there is no catalogue.

    >>> import timebank
    >>> from timebank import reports
    >>> from timebank.reports.valued import Rates
    >>> from timebank.reports.value_text import value_csv
    >>> found = reports.value(timebank.open("memory:").presences(), Rates.of({"care": "12"}))
    >>> print(value_csv(found, "en"), end="")
    Category,Hours,Rate per hour (EUR),Value (EUR)
    Total,0:00,,0.00
    """
    words = words_of(language)
    delimiter = ";" if decimal_comma else ","
    titles = (words(name, currency=value.currency) for name in ("rate_in", "value_in"))
    lines = [csv_line([words("category"), words("hours"), *titles], delimiter=delimiter)]

    def add(name: str, hours: object, *cents: int | None) -> None:
        amounts = ("" if one is None else amount(one) for one in cents)
        figures = (one.replace(".", ",") if decimal_comma else one for one in amounts)
        cells = [cell_of(name), *map(Trusted, (hours, *figures))]
        lines.append(csv_line(cells, delimiter=delimiter, as_text=True))

    for line in value.lines:
        add(named(line.category, words), line.hours, line.rate_cents, line.value_cents)
    for one in value.without:
        add(named(one.category, words), one.hours, None, None)
    if value.rounding_cents:
        add(words("rounding"), "", None, value.rounding_cents)
    add(words("total"), value.hours, None, value.total_cents)
    return "".join(f"{line}\n" for line in lines)
