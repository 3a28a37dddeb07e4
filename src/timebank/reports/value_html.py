"""Show the value of the hours as HTML for A4."""

from __future__ import annotations

from datetime import date

from timebank.reports.pages import Row, Sheet, pages_of
from timebank.reports.paper_html import PaperColumn, paper_html
from timebank.reports.papers import hours_of, money, notes, words_of
from timebank.reports.value_text import named, rate_words, said_of, sums, value_facts
from timebank.reports.valued import Value
from timebank.reports.words import Words


def value_html(
    value: Value,
    language: str | None = None,
    *,
    title: str | None = None,
    made_on: date | None = None,
) -> str:
    """Return the value of the hours as the text of an HTML file.

    `title` is the name of the association, `made_on` the day on which it is made.

    :raises InvalidRequest: a language of which there is no catalogue.
    :raises StoreError: the extra `timebank[report]` is not installed.

    >>> import timebank
    >>> from timebank import reports
    >>> from timebank.reports.valued import Rates
    >>> from timebank.reports.value_html import value_html
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1"), bank.open_account("f1", kind="group")
    >>> _ = bank.transfer(earner="m1", spender="f1", hours="1:30", category="care")
    >>> page = value_html(reports.value(bank.presences(), Rates.of({"care": "12,50"})), "it")
    >>> "18,75" in page, "Pagina 1 di 1" in page
    (True, True)
    """
    words = words_of(language)
    told = list(value_facts(value, words, made_on).items())
    columns = [
        PaperColumn(words("category"), 88),
        PaperColumn(words("hours"), 24, right=True),
        PaperColumn(words("rate_in", currency=value.currency), 36, right=True),
        PaperColumn(words("value_in", currency=value.currency), 34, right=True),
    ]
    rows = _rows(value, words)
    pages = pages_of(
        [Sheet(rows)] if rows else [],
        notes(value.presences, words, of_value=said_of(value, words)),
        facts=len(told),
        signature=words("signature"),
    )
    return paper_html(
        pages,
        columns,
        words,
        title=words("title_value"),
        association=title,
        facts=told,
        head=value.presences.head,
        sums=lambda label, sums: (label, hours_of(sums[0]), "", money(sums[1], words)),
    )


def _rows(value: Value, words: Words) -> list[Row]:
    rows = [
        Row(
            (
                named(line.category, words),
                str(line.hours),
                rate_words(line, words),
                money(line.value_cents, words),
            ),
            (line.hours.seconds, line.value_cents),
        )
        for line in value.lines
    ]
    if rows:
        *some, total = sums(value, words)
        rows += [*(Row(cells, style="part") for cells in some), Row(total, style="sum")]
    if value.without:
        rows.append(Row((words("no_rate"),), style="heading"))
        missing = words("sign_missing")
        rows += [
            Row((named(one.category, words), str(one.hours), missing, ""), style="without")
            for one in value.without
        ]
        hours = str(value.hours_without)
        rows.append(Row((words("total_without"), hours, "", ""), style="sum"))
    return rows
