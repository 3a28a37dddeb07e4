"""Show the impact report as text and as CSV."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from timebank.queries.impact import Count, Group, Impact
from timebank.queries.impact.figures import Band
from timebank.reports.csv_lines import Trusted, csv_line
from timebank.reports.text import Column, Row, harmless, table
from timebank.reports.words import Words

#: A heading, the titles of the columns, and rows of cells.
Cells = tuple[str, ...]
Section = tuple[str, Cells, list[Cells]]


def sections(impact: Impact, words: Words) -> list[Section]:
    """Return all of the report as tables of words, which every form of it shows.

    >>> import timebank
    >>> from timebank.reports.impact_text import sections
    >>> from timebank.reports.words import Words
    >>> impact, words = timebank.open("memory:").impact(), Words("impact", "en")
    >>> [heading for heading, _, _ in sections(impact, words)][:2]
    ['The figures', 'Who gives and who receives']
    """
    found: list[Section] = [
        (words("figures"), (words("what"), ""), _figures(impact, words)),
        (words("who"), (words("who"), words("members")), _who(impact, words)),
        (words("balances"), (words("balance"), words("members")), _balances(impact, words)),
    ]
    titles: Cells
    for heading, title, groups in (
        ("by_month", "month", impact.by_month),
        ("by_area", "area", impact.by_area),
        ("by_category", "category", impact.by_category),
        ("by_resource", "resource", impact.by_resource),
    ):
        titles = (words(title), words("exchanges"), words("hours"), words("accounts"))
        rows = [_group(group, impact, words) for group in groups]
        found.append((words(heading), titles, rows))
    flows: list[Cells] = [
        (words(spender), words(earner), _hidden(hours, impact, words))
        for spender, earner, hours in impact.flows
    ]
    found.append((words("flows"), (words("spends"), words("earns"), words("hours")), flows))
    if impact.others:
        others: list[Cells] = [
            (words.kind(kind), str(count.exchanges), Trusted(count.hours))
            for kind, count in impact.others.items()
        ]
        titles = (words("kind"), words("exchanges"), words("hours"))
        found.append((words("others"), titles, others))
    return [section for section in found if section[2]]


def _figures(impact: Impact, words: Words) -> list[Cells]:
    unknown = words("unknown")
    rows: list[Cells] = [
        (words("banks"), str(impact.banks)),
        (words("exchanges"), _count(impact.exchanges)),
        (f"  {words('among')}", _count(impact.among_members)),
        (f"  {words('with_organisations')}", _count(impact.with_organisations)),
        (f"  {words('arranged')}", _count(impact.arranged)),
        (words("members"), str(impact.members)),
        (words("active"), str(impact.active)),
        (words("dormant"), str(impact.dormant)),
        (words("given"), Trusted(impact.given)),
        (words("received"), Trusted(impact.received)),
        (words("reciprocity"), _percent(impact.reciprocity, unknown)),
        (words("stock"), unknown if impact.stock is None else Trusted(impact.stock)),
        (words("velocity"), _decimal(impact.velocity, unknown, words)),
        (words("gini"), _decimal(impact.gini, unknown, words)),
        (words("first"), _first(impact, words)),
    ]
    return rows if impact.banks > 1 else rows[1:]


def _who(impact: Impact, words: Words) -> list[Cells]:
    return [
        (words("both"), _hidden(impact.both, impact, words)),
        (words("give_only"), _hidden(impact.give_only, impact, words)),
        (words("receive_only"), _hidden(impact.receive_only, impact, words)),
    ]


def _balances(impact: Impact, words: Words) -> list[Cells]:
    return [
        (Trusted(band_text(band, words)), _hidden(band.accounts, impact, words))
        for band in impact.balances
    ]


def band_text(band: Band, words: Words) -> str:
    """Return a band of balances in words."""
    if band.low is None:
        return words("band_below", high=band.high)
    if band.high is None:
        return words("band_above", low=band.low)
    return words("band_between", low=band.low, high=band.high)


def _group(group: Group, impact: Impact, words: Words) -> Cells:
    if group.is_hidden:
        return (words.of(group.key), "", "", words("hidden"))
    hours = Trusted(group.hours)
    return (words.of(group.key), str(group.exchanges), hours, str(group.accounts))


def _hidden(value: object, impact: Impact, words: Words) -> str:
    return words("hidden") if value is None else Trusted(value)


def _count(count: Count) -> str:
    return f"{count.exchanges} ({count.hours})"


def _percent(share: float | None, unknown: str) -> str:
    return unknown if share is None else f"{round(share * 100)} %"


def _decimal(value: float | None, unknown: str, words: Words) -> str:
    if value is None:
        return unknown
    return f"{value:.2f}".replace(".", words("decimal_point"))


def _first(impact: Impact, words: Words) -> str:
    if impact.first_exchange_days is None:
        return words("unknown")
    point = words("decimal_point")
    lower, median, upper = (f"{d:g}".replace(".", point) for d in impact.first_exchange_days)
    return words(
        "quartiles",
        members=impact.first_exchange_members,
        median=median,
        lower=lower,
        upper=upper,
    )


def period_words(impact: Impact, words: Words) -> str:
    """Return the period of a report in words."""
    return words.period(impact.since, impact.until)


def closed_words(closed_through: date | None, words: Words) -> str:
    """Return through which day the books are closed, in words; nothing, where none are."""
    return "" if closed_through is None else words("books_closed", day=closed_through)


def note_words(impact: Impact, words: Words) -> str:
    """Return a note on what the figures count and leave out."""
    return words("note", at_least=impact.at_least, through=impact.through)


# -- forms -------------------------------------------------------------------------------


def impact_text(
    impact: Impact, language: str = "en", *, closed_through: date | None = None
) -> list[str]:
    """Return the report as tables of text, with the last day of closed books, where it is given."""
    words = Words("impact", language)
    lines = [words("title"), f"{words('period')}: {period_words(impact, words)}"]
    lines += filter(None, [closed_words(closed_through, words)])
    for heading, titles, rows in sections(impact, words):
        lines += ["", heading, ""]
        columns = [
            Column(
                title,
                right=number > 0 and title != words("earns"),
                least=12 if not number else None,
            )
            for number, title in enumerate(titles)
        ]
        cells: list[Row] = [list(row) for row in rows]
        lines += table(columns, cells)
    return [*lines, "", *_wrapped(note_words(impact, words))]


def _wrapped(text: str) -> Iterator[str]:
    from textwrap import wrap

    yield from wrap(harmless(text), 88)


def impact_csv(impact: Impact, language: str = "en") -> str:
    """Return the report as CSV: section, label and figures; hours as `1:30`."""
    words = Words("impact", language)
    lines = []
    for heading, titles, rows in sections(impact, words):
        lines.append(csv_line([heading, *titles]))
        lines += [csv_line([heading, *map(_on_one_line, row)]) for row in rows]
    return "".join(f"{line}\n" for line in lines)


def _on_one_line(cell: str) -> str:
    return cell if isinstance(cell, Trusted) else harmless(cell).strip()
