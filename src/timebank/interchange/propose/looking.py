"""Look at a file: read its rows as texts, and find the table in it."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import attrs

from timebank.interchange.engine.csv_rows import Row
from timebank.interchange.engine.files import Source, named
from timebank.interchange.propose.roles import Roles, roles_of
from timebank.interchange.propose.tables import MOST_ROWS, Line, Table, table_of
from timebank.interchange.sheets.forms import Form
from timebank.interchange.sheets.reading import Sheet


@attrs.frozen
class Look:
    """A file that was looked at: its first rows, the table in them, and what its columns are.

    `path` is what the file is called, `source` what it is read from. `sheet` is the name of the
    sheet of a workbook where that is not the first, `others` are those that were left. `bad` counts
    the rows that cannot be read.
    """

    path: Path
    source: Source
    form: Form
    lines: tuple[Line, ...]
    table: Table
    roles: Roles
    bad: int = 0
    sheet: str | None = None
    others: tuple[str, ...] = ()
    #: The delimiter, where it is not the likeliest by its count.
    delimiter: str | None = None


def look(source: Source) -> Look:
    """Look at a file, and choose what divides its columns and which sheet of a workbook it is.

    It is given by its path, or open for reading bytes.

    :raises OSError: the file cannot be read.
    :raises InvalidRequest: it is no sheet, or a package that reads it is missing.
    """
    sheet = Sheet(source)
    choices: list[tuple[Sheet, str | None, str | None]]
    if sheet.form.delimiters:
        choices = [(sheet.divided_by(one), None, one) for one in sheet.form.delimiters]
    else:
        choices = [(sheet, None, None), *((sheet.of_sheet(n), n, None) for n in sheet.others)]
    seen = [_seen(source, one, name, delimiter) for one, name, delimiter in choices]
    # The first of equals: they are given with the likeliest first.
    best = max(seen, key=lambda one: one.table.weight)
    names = (sheet.sheet, *sheet.others)
    others = tuple(name for name in names if name and name != (best.sheet or sheet.sheet))
    is_likeliest = best.delimiter == sheet.form.delimiter
    return attrs.evolve(best, others=others, delimiter=None if is_likeliest else best.delimiter)


def _seen(source: Source, sheet: Sheet, name: str | None, delimiter: str | None) -> Look:
    lines, bad = [], 0
    for row in islice(sheet.rows(), MOST_ROWS + 1_000):
        if isinstance(row, Row):
            lines.append(Line(row.line, tuple(cell.strip() for cell in row.columns)))
        else:
            bad += 1
    table = table_of(lines)
    return Look(
        Path(named(source)),
        source,
        sheet.form,
        tuple(lines),
        table,
        roles_of(table),
        bad,
        name,
        delimiter=delimiter,
    )
