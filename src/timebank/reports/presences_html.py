"""Show the register of presences as HTML for A4."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date

from timebank.queries.presences import Presence, Presences
from timebank.reports.pages import Row, Sheet, pages_of
from timebank.reports.paper_html import PaperColumn, paper_html
from timebank.reports.papers import (
    activity,
    facts,
    for_whom,
    hours_of,
    notes,
    times,
    words_of,
)
from timebank.reports.text import harmless
from timebank.reports.words import Words

#: The columns, and their widths in millimetres: 182 in all.
_COLUMNS = (
    ("name", 37, False),
    ("day", 20, False),
    ("from", 12, False),
    ("to", 12, False),
    ("hours", 18, True),
    ("for_whom", 35, False),
    ("activity", 34, False),
    ("record", 14, True),
)


def presences_html(
    presences: Presences,
    language: str | None = None,
    *,
    title: str | None = None,
    made_on: date | None = None,
    by_name: bool = False,
    with_notes: bool = False,
) -> str:
    """Return the register as the text of an HTML file.

    `title` is the name of the association, `made_on` the day on which it is made. `by_name` gives
    each person a sheet of their own, to be signed; `with_notes` shows the notes of exchanges too.

    :raises InvalidRequest: a language of which there is no catalogue.
    :raises StoreError: the extra `timebank[report]` is not installed.

    >>> import timebank
    >>> from timebank.reports.presences_html import presences_html
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1", name="Maria R."), bank.open_account("f1", kind="group")
    >>> _ = bank.transfer(earner="m1", spender="f1", hours="1:30")
    >>> page = presences_html(bank.presences(), "it", title="Via Roma")
    >>> "Registro delle presenze" in page, "Pagina 1 di 1" in page, str(bank.head()) in page
    (True, True, True)
    """
    words = words_of(language)
    told = facts(presences, words, made_on)
    columns = [PaperColumn(words(name), wide, right) for name, wide, right in _COLUMNS]
    lines = presences.lines
    sheets = [Sheet(_rows(lines, presences, words, with_notes=with_notes))] if lines else []
    if by_name:
        sheets = [*_by_name(presences, words, with_notes=with_notes)]
    pages = pages_of(
        sheets,
        notes(presences, words),
        facts=len(told),
        signature=words("signature"),
        notes_first=by_name,
    )
    return paper_html(
        pages,
        columns,
        words,
        title=words("title_presences"),
        association=title,
        facts=told,
        head=presences.head,
        sums=lambda label, sums: (label, "", "", "", hours_of(sums[0]), "", "", ""),
    )


def _by_name(presences: Presences, words: Words, *, with_notes: bool) -> Iterator[Sheet]:
    of_each: dict[str, list[Presence]] = {account: [] for account in presences.people}
    for line in presences.lines:
        of_each[line.account].append(line)
    for account, own in of_each.items():
        name = harmless(presences.name(account))
        yield Sheet(
            _rows(own, presences, words, with_notes=with_notes),
            heading=words("sheet_of", name=name if name == account else f"{name} ({account})"),
            signed=words("signature_of", name=name),
        )


def _rows(
    lines: Iterable[Presence], presences: Presences, words: Words, *, with_notes: bool
) -> list[Row]:
    rows = [
        Row(
            (
                harmless(presences.name(line.account)),
                line.occurred_on.strftime(words("short_day")),
                *times(line),
                str(line.hours),
                for_whom(line, presences),
                activity(line, words, with_notes=with_notes),
                str(line.sequence),
            ),
            (line.hours.seconds,),
        )
        for line in lines
    ]
    total = hours_of(sum(row.adds[0] for row in rows))
    return [*rows, Row((words("total"), "", "", "", total, "", "", ""), style="sum")]
