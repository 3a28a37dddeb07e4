"""The impact report as text, as JSON and as CSV."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from timebank.hours import Hours
from timebank.queries.impact import Count, Group, Impact
from timebank.queries.impact.figures import Band
from timebank.reports.cells import harmless
from timebank.reports.csv_lines import Trusted, csv_line
from timebank.reports.impact_words import Words
from timebank.reports.table import Column, Row, table

Shape = dict[str, Any]
#: A heading, the titles of the columns, and rows of cells.
Cells = tuple[str, ...]
Section = tuple[str, Cells, list[Cells]]


def sections(impact: Impact, words: Words) -> list[Section]:
    """All of the report as tables of words: what every form of it shows.

    >>> import timebank
    >>> from timebank.reports.impact_text import sections
    >>> from timebank.reports.impact_words import Words
    >>> [heading for heading, _, _ in sections(timebank.open("memory:").impact(), Words("en"))][:2]
    ['The figures', 'Who gives and who receives']
    """
    found: list[Section] = [
        (words("figures"), (words("what"), ""), _figures(impact, words)),
        (words("who"), (words("who"), words("members")), _who(impact, words)),
        (words("balances"), (words("balance"), words("members")), _balances(impact, words)),
    ]
    titles: Cells
    for heading, title, groups in (
        ("by month", "month", impact.by_month),
        ("by area", "area", impact.by_area),
        ("by category", "category", impact.by_category),
        ("by resource", "resource", impact.by_resource),
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
            (words.of(kind), str(count.exchanges), Trusted(count.hours))
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
        (f"  {words('with organisations')}", _count(impact.with_organisations)),
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
        (words("give only"), _hidden(impact.give_only, impact, words)),
        (words("receive only"), _hidden(impact.receive_only, impact, words)),
    ]


def _balances(impact: Impact, words: Words) -> list[Cells]:
    return [
        (Trusted(band_text(band, words)), _hidden(band.accounts, impact, words))
        for band in impact.balances
    ]


def band_text(band: Band, words: Words) -> str:
    """A band of balances in words."""
    if band.low is None:
        return words("below", band.high)
    if band.high is None:
        return words("above", band.low)
    return words("between", band.low, band.high)


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
    text = f"{value:.2f}"
    return text.replace(".", ",") if words.language == "it" else text


def _first(impact: Impact, words: Words) -> str:
    if impact.first_exchange_days is None:
        return words("unknown")
    told = [f"{days:g}" for days in impact.first_exchange_days]
    if words.language == "it":
        told = [text.replace(".", ",") for text in told]
    low, middle, high = told
    return words("quartiles", impact.first_exchange_members, middle, low, high)


def period_words(impact: Impact, words: Words) -> str:
    """The period of a report in words."""
    if impact.since is not None and impact.until is not None:
        return words("from to", impact.since, impact.until)
    if impact.since is not None:
        return words("from", impact.since)
    if impact.until is not None:
        return words("through", impact.until)
    return words("all days")


def note_words(impact: Impact, words: Words) -> str:
    """What the figures count, and what they leave out."""
    return words("note", impact.at_least, impact.through)


# -- forms -------------------------------------------------------------------------------


def impact_text(impact: Impact, language: str = "en") -> list[str]:
    """The report as tables of text."""
    words = Words(language)
    lines = [words("title"), f"{words('period')}: {period_words(impact, words)}"]
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


def impact_shape(impact: Impact) -> Shape:
    """The report as plain data: hours as text, what is hidden or cannot be told as `null`."""
    return {
        "since": _day(impact.since),
        "until": _day(impact.until),
        "through": _day(impact.through),
        "banks": impact.banks,
        "at_least": impact.at_least,
        "accounts": dict(impact.accounts),
        "members": impact.members,
        "active": impact.active,
        "dormant": impact.dormant,
        "exchanges": _count_shape(impact.exchanges),
        "among_members": _count_shape(impact.among_members),
        "with_organisations": _count_shape(impact.with_organisations),
        "arranged": _count_shape(impact.arranged),
        "others": {kind: _count_shape(count) for kind, count in impact.others.items()},
        "by_month": _groups(impact.by_month),
        "by_category": _groups(impact.by_category),
        "by_area": _groups(impact.by_area),
        "by_resource": _groups(impact.by_resource),
        "by_month_and_area": {
            area: _groups(groups) for area, groups in impact.by_month_and_area.items()
        },
        "flows": [
            {"spender": spender, "earner": earner, "hours": _hours(hours)}
            for spender, earner, hours in impact.flows
        ],
        "given": str(impact.given),
        "received": str(impact.received),
        "both": impact.both,
        "give_only": impact.give_only,
        "receive_only": impact.receive_only,
        "reciprocity": impact.reciprocity,
        "stock": _hours(impact.stock),
        "velocity": impact.velocity,
        "balances": [
            {"low": _hours(band.low), "high": _hours(band.high), "accounts": band.accounts}
            for band in impact.balances
        ],
        "gini": impact.gini,
        "first_exchange_days": impact.first_exchange_days and list(impact.first_exchange_days),
        "first_exchange_members": impact.first_exchange_members,
    }


def impact_csv(impact: Impact, language: str = "en") -> str:
    """The report as one CSV: section, what, and its figures; hours as `1:30`."""
    words = Words(language)
    lines = []
    for heading, titles, rows in sections(impact, words):
        lines.append(csv_line([heading, *titles]))
        lines += [csv_line([heading, *map(_on_one_line, row)]) for row in rows]
    return "".join(f"{line}\n" for line in lines)


def _on_one_line(cell: str) -> str:
    return cell if isinstance(cell, Trusted) else harmless(cell).strip()


def _groups(groups: Sequence[Group]) -> list[Shape]:
    return [
        {
            "key": group.key,
            "exchanges": group.exchanges,
            "hours": _hours(group.hours),
            "accounts": group.accounts,
        }
        for group in groups
    ]


def _count_shape(count: Count) -> Shape:
    return {"exchanges": count.exchanges, "hours": str(count.hours)}


def _hours(hours: Hours | None) -> str | None:
    return None if hours is None else str(hours)


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
