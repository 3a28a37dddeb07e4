"""Show the impact report as text and as CSV."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from textwrap import wrap
from typing import Final

from timebank.hours import Hours
from timebank.model import Head
from timebank.queries.impact import Count, Group, Impact
from timebank.queries.impact.figures import Band
from timebank.reports.csv_lines import Trusted, cell_of, csv_line
from timebank.reports.text import Column, Row, harmless, table
from timebank.reports.words import Words

#: A heading, the titles of the columns, and rows of cells.
Cells = tuple[str, ...]
Section = tuple[str, Cells, list[Cells]]
#: A mean of so many seconds or more is rounded to hours, a smaller one to minutes.
_TEN_HOURS: Final = 36_000
_HOUR: Final = 3_600
_MINUTE: Final = 60
_TEXT_COLUMNS: Final = 88
#: Of a label in a line of text.
_LABEL_COLUMNS: Final = 34


def month_words(month: str, words: Words) -> str:
    """Return a month `YYYY-MM` in the words of a language.

    >>> from timebank.reports.impact_text import month_words
    >>> from timebank.reports.words import Words
    >>> month_words("2026-03", Words("impact", "it"))
    'marzo 2026'
    """
    year, _, number = month.partition("-")
    name = words("month_names").split()[int(number) - 1]
    return words("month_in_words", month=name, year=int(year))


def day_words(day: date, words: Words) -> str:
    """Return a day in the words of a language.

    >>> from datetime import date
    >>> from timebank.reports.impact_text import day_words
    >>> from timebank.reports.words import Words
    >>> day_words(date(2026, 3, 2), Words("impact", "en"))
    '2 March 2026'
    """
    name = words("month_names").split()[day.month - 1]
    return words("day_in_words", day=day.day, month=name, year=day.year)


def sections(
    impact: Impact, words: Words, *, month: Callable[[str, Words], str] = month_words
) -> list[Section]:
    """Return all of the report as tables of words, which every form of it shows.

    `month` writes a month.

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
        if [one.key for one in groups] == [""]:  # nobody says any: it is all of it once more
            continue
        titles = (words(title), words("exchanges"), words("hours"), words("accounts"))
        found.append((words(heading), titles, _groups(heading, groups, words, month)))
    flows: list[Cells] = [
        (words(spender), words(earner), _hidden(hours, words))
        for spender, earner, hours in impact.flows
    ]
    found.append((words("flows"), (words("spends"), words("earns"), words("hours")), flows))
    if impact.others:
        others: list[Cells] = [
            (words.kind(kind), Trusted(count.exchanges), Trusted(count.hours))
            for kind, count in impact.others.items()
        ]
        titles = (words("kind"), words("exchanges"), words("hours"))
        found.append((words("others"), titles, others))
    return [section for section in found if section[2]]


def _figures(impact: Impact, words: Words) -> list[Cells]:
    unknown = words("unknown")
    rows: list[Cells] = [
        (words("banks"), Trusted(impact.banks)),
        (words("exchanges"), _count(impact.exchanges)),
        (f"  {words('among')}", _count(impact.among_members)),
        (f"  {words('with_organisations')}", _count(impact.with_organisations)),
        (f"  {words('arranged')}", _count(impact.arranged)),
        *_with_banks(impact, words),
        (words("members"), Trusted(impact.members)),
        (words("active"), Trusted(impact.active)),
        (words("dormant"), Trusted(impact.dormant)),
        (words("given"), Trusted(impact.given)),
        (words("received"), Trusted(impact.received)),
        (words("reciprocity"), _percent(impact.reciprocity, unknown)),
        (words("stock"), unknown if impact.stock is None else Trusted(_rounded(impact.stock))),
        (words("velocity"), _decimal(impact.velocity, unknown, words)),
        (words("gini"), _decimal(impact.gini, unknown, words)),
        (words("first"), _first(impact, words)),
    ]
    return rows if impact.banks > 1 else rows[1:]


def _with_banks(impact: Impact, words: Words) -> list[Cells]:
    """Return what went to other banks and came from them; nothing, where nothing did."""
    given, received = impact.given_to_banks, impact.received_from_banks
    if not (given.exchanges or given.hours or received.exchanges or received.hours):
        return []
    return [
        (words("given_to_banks"), _count(given)),
        (words("received_from_banks"), _count(received)),
    ]


def _rounded(mean: Hours) -> Hours:
    """Return a mean of hours as it is told: its seconds say nothing."""
    unit = _HOUR if mean.seconds >= _TEN_HOURS else _MINUTE
    return Hours.from_seconds((mean.seconds + unit // 2) // unit * unit)


def _who(impact: Impact, words: Words) -> list[Cells]:
    return [
        (words("both"), _hidden(impact.both, words)),
        (words("give_only"), _hidden(impact.give_only, words)),
        (words("receive_only"), _hidden(impact.receive_only, words)),
    ]


def _balances(impact: Impact, words: Words) -> list[Cells]:
    return [
        (Trusted(band_text(band, words)), _hidden(band.accounts, words)) for band in impact.balances
    ]


def band_text(band: Band, words: Words) -> str:
    """Return a band of balances in words."""
    if band.low is None:
        return words("band_below", high=band.high)
    if band.high is None:
        return words("band_above", low=band.low)
    if band.low == band.high:
        return words("band_zero")
    return words("band_between", low=band.low, high=band.high)


def _groups(
    heading: str,
    groups: tuple[Group, ...],
    words: Words,
    month: Callable[[str, Words], str],
) -> list[Cells]:
    """Return a row for each group; those that are too small are counted in one, at the end."""
    is_month = heading == "by_month"
    rows: list[Cells] = [
        (
            Trusted(month(group.key, words)) if is_month else words.of(group.key),
            Trusted(group.exchanges),
            Trusted(group.hours),
            Trusted(group.accounts),
        )
        for group in groups
        if not group.is_hidden
    ]
    hidden = len(groups) - len(rows)
    if hidden:
        key = "hidden_months" if is_month else "hidden_groups"
        rows.append((words.counted(key, hidden), *[Trusted(words("hidden"))] * 3))
    return rows


def _hidden(value: object, words: Words) -> str:
    return Trusted(words("hidden") if value is None else value)


def _count(count: Count) -> str:
    return Trusted(f"{count.exchanges} ({count.hours})")


def _percent(share: float | None, unknown: str) -> str:
    return unknown if share is None else Trusted(f"{round(share * 100)} %")


def _decimal(value: float | None, unknown: str, words: Words) -> str:
    if value is None:
        return unknown
    return Trusted(f"{value:.2f}".replace(".", words("decimal_point")))


def _first(impact: Impact, words: Words) -> str:
    if impact.first_exchange_days is None:
        return words("unknown")
    lower, median, upper = (int(days + 0.5) for days in impact.first_exchange_days)
    return words(
        "quartiles",
        members=impact.first_exchange_members,
        median=median,
        lower=lower,
        upper=upper,
    )


def period_words(impact: Impact, words: Words) -> str:
    """Return the period of a report in words."""
    return words.period(impact.since, impact.until, day=lambda day: day_words(day, words))


def closed_words(closed_through: date | None, words: Words) -> str:
    """Return through which day the books are closed, in words; nothing, where none are."""
    if closed_through is None:
        return ""
    return words("books_closed", day=day_words(closed_through, words))


def made_words(made_on: date | None, words: Words) -> str:
    """Return on which day a report was made, in words; nothing, where it is not told."""
    return "" if made_on is None else words("made_on", day=day_words(made_on, words))


def note_words(impact: Impact, words: Words) -> str:
    """Return a note on what the figures count and leave out.

    What is not shown is told here alone, and only where there is any.
    """
    note = words("note")
    if _with_banks(impact, words):
        note = f"{note} {words('note_banks')}"
    if impact.through != date.max:  # of an empty journal no day is the last
        note = f"{note} {words('note_balances', through=day_words(impact.through, words))}"
    if not _hides(impact):
        return note
    told = words("note_hidden", sign=words("hidden"), at_least=impact.at_least)
    return f"{note} {told}"


def _hides(impact: Impact) -> bool:
    groups = (*impact.by_month, *impact.by_area, *impact.by_category, *impact.by_resource)
    parts = (impact.both, impact.give_only, impact.receive_only)
    return (
        any(group.is_hidden for group in groups)
        or any(band.accounts is None for band in impact.balances)
        or any(hours is None for *_, hours in impact.flows)
        or None in parts
    )


def proof_words(heads: Iterable[Head], words: Words) -> list[tuple[str, str]]:
    """Return what is said of each head that a report was made from, and the head."""
    return [(words("proof", sequence=words.number(head.sequence)), str(head)) for head in heads]


# -- forms -------------------------------------------------------------------------------


def impact_text(
    impact: Impact,
    language: str | None = None,
    *,
    closed_through: date | None = None,
    title: str | None = None,
    made_on: date | None = None,
    heads: Iterable[Head] = (),
) -> list[str]:
    """Return the report as tables of text.

    `title` is the name of the association; `closed_through` the last day of closed books;
    `made_on` the day on which the report is made; `heads` where the journals stood. Each is told
    where it is given.

    :raises InvalidRequest: a language of which there is no catalogue.
    """
    words = Words("impact", language)
    lines = [*([harmless(title)] if title else []), words("title")]
    lines.append(f"{words('period')}: {period_words(impact, words)}")
    lines += filter(None, [closed_words(closed_through, words), made_words(made_on, words)])
    for heading, titles, rows in sections(impact, words):
        lines += ["", heading, ""]
        columns = [
            Column(
                title,
                right=number > 0 and title != words("earns"),
                least=_LABEL_COLUMNS if not number else None,
            )
            for number, title in enumerate(titles)
        ]
        cells: list[Row] = [cells for row in rows for cells in _whole(row)]
        lines += table(columns, cells)
    lines += ["", *_wrapped(note_words(impact, words))]
    for said, head in proof_words(heads, words):
        lines += ["", *_wrapped(said), head]
    return lines


def _whole(row: Cells) -> Iterator[Cells]:
    """Yield a row with the label whole: what is too long for its column goes on below."""
    label = harmless(row[0])
    if len(label) <= _LABEL_COLUMNS:
        yield row
        return
    first, *more = wrap(label, _LABEL_COLUMNS)
    yield first, *row[1:]
    for part in more:
        yield part, *("" for _ in row[1:])


def _wrapped(text: str) -> Iterator[str]:
    yield from wrap(harmless(text), _TEXT_COLUMNS)


def impact_csv(impact: Impact, language: str | None = None) -> str:
    """Return the report as CSV: section, label and figures; hours as `1:30`, months as `2026-03`.

    :raises InvalidRequest: a language of which there is no catalogue.
    """
    words = Words("impact", language)
    lines = []
    for heading, titles, rows in sections(impact, words, month=lambda key, _: key):
        lines.append(csv_line([heading, *titles]))
        lines += [csv_line([heading, *map(_on_one_line, row)], as_text=True) for row in rows]
    return "".join(f"{line}\n" for line in lines)


def _on_one_line(cell: str) -> str:
    return cell if isinstance(cell, Trusted) else " ".join(cell_of(cell).split("\n")).strip()
