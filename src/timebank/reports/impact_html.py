"""Show the impact report as one HTML file without scripts, links or fonts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from importlib.resources import files
from typing import Final

from timebank.errors import StoreError
from timebank.model import Head
from timebank.queries.impact import Impact
from timebank.reports.impact_charts import charts
from timebank.reports.impact_text import (
    closed_words,
    made_words,
    note_words,
    period_words,
    proof_words,
    sections,
)
from timebank.reports.text import harmless
from timebank.reports.words import Words

#: Which columns of a table hold figures, by how many columns it has.
_FIGURES: Final = {2: {1}, 3: {2}, 4: {1, 2, 3}}


def impact_html(
    impact: Impact,
    language: str | None = None,
    *,
    closed_through: date | None = None,
    title: str | None = None,
    made_on: date | None = None,
    heads: Iterable[Head] = (),
) -> str:
    """Return the report as the text of an HTML file.

    `title` is the name of the association; `closed_through` the last day of closed books;
    `made_on` the day on which the report is made; `heads` where the journals stood. Each is told
    where it is given.

    :raises InvalidRequest: a language of which there is no catalogue.
    :raises StoreError: the extra `timebank[report]` is not installed.

    >>> import timebank
    >>> from timebank.reports.impact_html import impact_html
    >>> impact_html(timebank.open("memory:").impact(), "it")[:15]
    '<!doctype html>'
    """
    try:
        from jinja2 import Environment, StrictUndefined
        from markupsafe import Markup
    except ImportError as error:  # pragma: no cover - it is installed for the tests
        msg = "the report as HTML needs timebank[report]: pip install 'timebank[report]'"
        raise StoreError(msg) from error
    words = Words("impact", language)
    source = files("timebank").joinpath("data/impact.html.j2").read_text("utf-8")
    template = Environment(autoescape=True, undefined=StrictUndefined).from_string(source)
    drawn = [
        {
            "title": chart.title,
            "said": chart.note if chart.svg else chart.text,
            "svg": Markup(chart.svg),  # noqa: S704 - drawn here, words escaped
        }
        for chart in charts(impact, words)
    ]
    return template.render(
        words=words,
        title=words("title"),
        association=harmless(title or ""),
        period=period_words(impact, words),
        told=[*filter(None, (closed_words(closed_through, words), made_words(made_on, words)))],
        cards=_cards(impact, words),
        charts=drawn,
        sections=sections(impact, words),
        figures=_FIGURES,
        note=note_words(impact, words),
        proofs=proof_words(heads, words),
    )


def _cards(impact: Impact, words: Words) -> list[tuple[str, str]]:
    """Return the figures that stand first."""
    cards = [
        (words("hours"), str(impact.exchanges.hours)),
        (words("exchanges"), words.number(impact.exchanges.exchanges)),
        (words("active"), words.number(impact.active)),
        (words("members"), words.number(impact.members)),
    ]
    if impact.banks > 1:
        cards.append((words("banks"), words.number(impact.banks)))
    return cards
