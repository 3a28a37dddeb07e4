"""Show the register of presences as text and as CSV."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from textwrap import wrap
from typing import Final

from timebank.queries.presences import Presences
from timebank.reports.csv_lines import Trusted, cell_of, csv_line
from timebank.reports.papers import (
    UNTIMED,
    Note,
    activity,
    facts,
    for_whom,
    notes,
    times,
    words_of,
)
from timebank.reports.text import Column, Row, harmless, table
from timebank.reports.text import facts as lines_of_facts

_TEXT_COLUMNS: Final = 88
_LEAST: Final = 14


def presences_text(
    presences: Presences,
    language: str | None = None,
    *,
    title: str | None = None,
    made_on: date | None = None,
    with_notes: bool = False,
) -> list[str]:
    """Return the register as lines of text.

    `title` is the name of the association, `made_on` the day on which it is made; `with_notes`
    shows the notes of the exchanges too.

    :raises InvalidRequest: a language of which there is no catalogue.

    >>> import timebank
    >>> from timebank.reports.presences_text import presences_text
    >>> presences_text(timebank.open("memory:").presences(), "it")[0]
    'Registro delle presenze'
    """
    words = words_of(language)
    lines = [*([harmless(title)] if title else []), words("title_presences")]
    lines += [*lines_of_facts(dict(facts(presences, words, made_on))), ""]
    names = ("name", "day", "from", "to", "hours", "for_whom", "activity", "record")
    right = {"hours", "record"}
    cut = {"name", "for_whom", "activity"}
    columns = [
        Column(words(name), right=name in right, least=_LEAST if name in cut else None)
        for name in names
    ]
    rows: list[Row] = [
        (
            presences.name(line.account),
            line.occurred_on.isoformat(),
            *times(line),
            str(line.hours),
            for_whom(line, presences),
            activity(line, words, with_notes=with_notes),
            str(line.sequence),
        )
        for line in presences.lines
    ]
    if rows:
        rows += [None, (words("total"), "", "", "", str(presences.hours), "", "", "")]
        lines += table(columns, rows)
    else:
        lines.append(words("none"))
    return [*lines, *note_lines(notes(presences, words))]


def note_lines(said: Iterable[Note]) -> Iterator[str]:
    """Yield the foot of a paper as lines of text."""
    for note in said:
        if note.is_heading:
            yield from ("", note.text, "")
        elif note.is_code:
            yield note.text
        else:
            yield from wrap(harmless(note.text), _TEXT_COLUMNS)


def presences_csv(
    presences: Presences,
    language: str | None = None,
    *,
    with_notes: bool = False,
    semicolons: bool = False,
) -> str:
    r"""Return the register as CSV, a row for each presence; days as ISO 8601, hours as `1:30`.

    The names of the columns are in the language, and `semicolons` stand between them where asked
    for. Where a spreadsheet would take a text for a formula it has a `'` before it.

    :raises InvalidRequest: a language of which there is no catalogue.

    >>> import timebank
    >>> from timebank.reports.presences_text import presences_csv
    >>> presences_csv(timebank.open("memory:").presences(), "en")
    'Name,Account,Day,From,To,Hours,For whom,Activity,Record\n'
    """
    words = words_of(language)
    names = ("name", "account", "day", "from", "to", "hours", "for_whom", "activity", "record")
    delimiter = ";" if semicolons else ","
    lines = [csv_line([words(name) for name in names], delimiter=delimiter)]
    for line in presences.lines:
        began, ended = ("" if at == UNTIMED else at for at in times(line))
        lines.append(
            csv_line(
                [
                    cell_of(presences.name(line.account)),
                    cell_of(line.account),
                    Trusted(line.occurred_on.isoformat()),
                    Trusted(began),
                    Trusted(ended),
                    Trusted(line.hours),
                    cell_of(for_whom(line, presences)),
                    cell_of(activity(line, words, with_notes=with_notes, none="")),
                    Trusted(line.sequence),
                ],
                delimiter=delimiter,
                as_text=True,
            )
        )
    return "".join(f"{line}\n" for line in lines)
