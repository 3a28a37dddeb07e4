r"""Read a table of hourly rates from a sheet, as a treasurer saves it: category and rate.

    categoria;tariffa
    spesa;12,50
    *;10

The columns are found by their names, in Italian or English; others are left alone. `*`, `altro` or
`other` stands for all categories without a rate of their own. A category without a rate beside it
has none. Nothing is guessed: what cannot be understood is an error with its line and column.
"""

from __future__ import annotations

from typing import Final

from timebank.errors import InvalidRequest, shown
from timebank.interchange.engine.cells import unreadable
from timebank.interchange.engine.csv_rows import Row
from timebank.interchange.engine.files import Source
from timebank.interchange.sheets.reading import Sheet
from timebank.interchange.sheets.titles import titles_of, what_it_has
from timebank.model.alike import folded_name
from timebank.reports.valued import ALL_OTHERS, Rates, cents_of

#: How the columns may be called, in lower case and without accents.
CATEGORY: Final = frozenset(
    ("categoria", "categorie", "attivita", "servizio", "category", "activity", "service")
)
RATE: Final = frozenset(
    (
        *("tariffa", "tariffe", "tariffa oraria", "costo orario", "valore orario", "valore"),
        *("importo", "euro", "euro all'ora", "euro/ora", "euro ora", "paga oraria"),
        *("rate", "rates", "hourly rate", "hourly cost", "hourly pay", "value", "amount"),
        *("euro per hour", "euros per hour", "rate per hour"),
    )
)
#: What stands for all other categories.
OTHER: Final = frozenset((ALL_OTHERS, "altro", "altre", "altri", "other", "others", "all others"))
#: Rows among which the names of the columns are sought.
_MOST_TITLES: Final = 50
MOST_RATES: Final = 1_000


def read_rates(source: Source) -> Rates:
    r"""Return the rates of a sheet, `.csv`, `.xlsx` or `.ods`; a file is open for reading bytes.

    :raises OSError: the file cannot be read.
    :raises InvalidRequest: it is no sheet, its columns are not called so, a row cannot be
        understood, two are of one category, there is no rate, or there are more than 1,000.

    >>> from io import BytesIO
    >>> from timebank.interchange.rates import read_rates
    >>> read_rates(BytesIO(b"Categoria;Tariffa\r\nspesa;12,50\r\n*;\x80 10\r\n"))
    Rates(cents={'spesa': 1250}, other_cents=1000)
    """
    sheet = Sheet(source)
    columns: tuple[int, int] | None = None
    width = 0
    seen: list[str] = []
    found: dict[str, int] = {}
    lines: dict[str, int] = {}
    for row in sheet.rows():
        if not isinstance(row, Row):
            raise _fault(sheet.name, row.line, 0, _unreadable())
        if columns is None:
            columns, titles = _columns(row), titles_of(row.columns)
            width, seen = len(titles), seen or [*titles]
            if columns is None and row.line > _MOST_TITLES:
                break
        elif any(cell.strip() for cell in row.columns):
            _check_width(sheet.name, row, width)
            _read(sheet.name, row, columns, found, lines)
    if columns is None and seen:
        msg = f"{sheet.name}: no columns called category and rate: {what_it_has(seen)}"
        raise InvalidRequest(msg).about(
            key="rates_columns", file=sheet.name, seen=", ".join(map(shown, seen[:20]))
        )
    if not found:
        msg = f"{sheet.name}: there is no rate in it"
        raise InvalidRequest(msg).about(key="rates_none", file=sheet.name)
    other = found.pop(ALL_OTHERS, None)
    return Rates(found, other)


def _columns(row: Row) -> tuple[int, int] | None:
    """Return the places of the category and of the rate, where a row names both."""
    folded = [_folded_title(cell) for cell in row.columns]
    places = [
        next((place for place, title in enumerate(folded) if title in names), None)
        for names in (CATEGORY, RATE)
    ]
    category, rate = places
    return None if category is None or rate is None else (category, rate)


def _check_width(file: str, row: Row, width: int) -> None:
    """Check that nothing stands beyond the last column: a decimal comma would have parted it."""
    beyond = next(
        (place for place, cell in enumerate(row.columns) if place >= width and cell.strip()), None
    )
    if beyond is not None:
        msg = "this is beyond the last column: is it a decimal comma, without quotation marks?"
        raise _fault(file, row.line, beyond, InvalidRequest(msg).about(key="rates_beyond"))


def _folded_title(cell: str) -> str:
    """Return the name of a column without what is said of it besides: `Tariffa (€/h)`."""
    return folded_name(cell.partition("(")[0].partition("€")[0])


def _read(
    file: str, row: Row, columns: tuple[int, int], found: dict[str, int], lines: dict[str, int]
) -> None:
    """Read one row.

    :raises InvalidRequest: it cannot be understood.
    """
    category, rate = (
        row.columns[place].strip() if place < len(row.columns) else "" for place in columns
    )
    for place, text in zip(columns, (category, rate), strict=True):
        if unreadable(text) is not None:
            raise _fault(file, row.line, place, _unreadable())
    if not category:
        msg = "there is a rate without a category: for all others write *"
        error = InvalidRequest(msg).about(key="rates_no_category")
        raise _fault(file, row.line, columns[0], error)
    if not rate:
        return
    key = folded_name(category)
    key, category = (ALL_OTHERS, ALL_OTHERS) if key in OTHER else (key, category)
    if key in lines:
        msg = f"the category {shown(category)} has a rate already, on line {lines[key]}"
        error = InvalidRequest(msg).about(key="rates_twice", category=category, first=lines[key])
        raise _fault(file, row.line, columns[0], error)
    if len(lines) >= MOST_RATES:
        msg = f"there are more than {MOST_RATES} rates"
        error = InvalidRequest(msg).about(key="rates_too_many", most=MOST_RATES)
        raise _fault(file, row.line, columns[0], error)
    try:
        found[category] = cents_of(rate)
    except InvalidRequest as error:
        raise _fault(file, row.line, columns[1], error) from error
    lines[key] = row.line


def _unreadable() -> InvalidRequest:
    return InvalidRequest("the text cannot be read").about(key="rates_unreadable")


def _fault(file: str, line: int, column: int, error: InvalidRequest) -> InvalidRequest:
    """Return the error of a cell, with its place in the file."""
    msg = f"{file}, line {line}, column {column + 1}: {error}"
    return InvalidRequest(msg).about(
        key="rates_in_place", file=file, line=line, column=column + 1, reason=error
    )
