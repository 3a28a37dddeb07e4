"""Show the impact report as one HTML file without scripts, links or fonts."""

from __future__ import annotations

from datetime import date
from importlib.resources import files
from typing import Final

from timebank.errors import StoreError
from timebank.queries.impact import Impact
from timebank.reports.impact_charts import charts
from timebank.reports.impact_text import closed_words, note_words, period_words, sections
from timebank.reports.words import Words

#: Which columns of a table hold figures, by how many columns it has.
_FIGURES: Final = {2: {1}, 3: {2}, 4: {1, 2, 3}}


def impact_html(impact: Impact, language: str = "en", *, closed_through: date | None = None) -> str:
    """Return the report as the text of an HTML file, with the last day of closed books, if given.

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
        {"title": chart.title, "svg": Markup(chart.svg)}  # noqa: S704 - drawn here, words escaped
        for chart in charts(impact, words)
    ]
    return template.render(
        words=words,
        title=words("title"),
        period=period_words(impact, words),
        closed=closed_words(closed_through, words),
        cards=_cards(impact, words),
        charts=drawn,
        sections=sections(impact, words),
        figures=_FIGURES,
        note=note_words(impact, words),
    )


def _cards(impact: Impact, words: Words) -> list[tuple[str, str]]:
    """Return the figures that stand first."""
    cards = [
        (words("hours"), str(impact.exchanges.hours)),
        (words("exchanges"), str(impact.exchanges.exchanges)),
        (words("active"), str(impact.active)),
        (words("members"), str(impact.members)),
    ]
    if impact.banks > 1:
        cards.append((words("banks"), str(impact.banks)))
    return cards
