"""Read what people write of a cheque: its number, the hours, the day, the times. Exact, or not.

A spreadsheet makes a day of many a number: of `17-03-33` the 17th of March 1933. The check digits
tell which of its parts was which. Of `170333` it may make an amount, `170.333,00`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, time
from typing import Final

from timebank.errors import InvalidRequest
from timebank.hours import Hours
from timebank.interchange.csv.cells import AUTO, Amounts
from timebank.interchange.csv.days import Days
from timebank.interchange.engine.cells import CellFault, UnclearCell
from timebank.interchange.propose.contents import DMY, MDY, Column
from timebank.interchange.propose.days import DAY_FIRST
from timebank.model.cheques import Number
from timebank.reports.csv_lines import unguarded
from timebank.reports.told import Told, refused_by, told
from timebank.reports.words import language

#: A day as a spreadsheet writes it: three numbers, and perhaps a time of midnight.
_DAY: Final = re.compile(r"([0-9]{1,4})[-/. ]([0-9]{1,2})[-/. ]([0-9]{1,4})(?:[T ]0?0:00(?::00)?)?")
#: The years of which people, and spreadsheets, leave out the century.
_YEAR: Final = re.compile(r"19[3-9][0-9]|20[0-2][0-9]")
#: In which order the parts of a number may be those of a day: year, month, day as 0, 1, 2.
_ORDERS: Final = ((2, 1, 0), (0, 1, 2), (1, 2, 0))
#: What a phone reads, where the code has an address: the number is its end.
_ADDRESS: Final = re.compile(r"https?://\S*[/=#?]([^/=#?\s]+)/?", re.IGNORECASE)
#: Digits alone as a spreadsheet writes an amount: thousands apart, and decimals that are none.
_AMOUNT: Final = re.compile(
    r"([1-9][0-9]{0,2}([.,' \u2019\u00a0])[0-9]{3}(?:\2[0-9]{3})*|[1-9][0-9]{4,})"
    r"(?:[.,]0{1,2})?"
)
_TIME: Final = re.compile(
    r"(?:(?:ore|alle|dalle|h|at)\.? )?([0-9]{1,2})(?:[:.,h]([0-5][0-9])(?::00)?)?(?: ?h)?",
    re.IGNORECASE | re.ASCII,
)
_AMOUNTS: Final = Amounts(unit=AUTO, decimal=",")


def number_of(text: str, column: str) -> Number:
    """Return the number of a cheque that a cell says.

    :raises CellFault: it says none, or a day in which there is none, or there are several.

    >>> from timebank.contrib.cheques.pile_cells import number_of
    >>> [str(number_of(text, "n")) for text in ("170333", "1933-03-17", "https://b.it/c/17-03-33")]
    ['17-03-33', '17-03-33', '17-03-33']
    """
    said = unguarded(text, as_text=True).strip()
    if (found := _ADDRESS.fullmatch(said)) is not None:
        said = found[1]
    if (day := _DAY.fullmatch(said)) is not None and any(map(_YEAR.fullmatch, day.groups())):
        numbers = {*_numbers_in(day), *_parsed(said)}
        if len(numbers) == 1:
            return numbers.pop()
        raise CellFault(text, told("cheque_day_for_number"), column=column)
    if (amount := _AMOUNT.fullmatch(said)) is not None:
        said = re.sub("[^0-9]", "", amount[1])
    try:
        return Number.parse(said)
    except InvalidRequest as error:
        raise CellFault(text, refused_by(error), column=column) from None


def _numbers_in(day: re.Match[str]) -> Iterator[Number]:
    """Yield the numbers of which a spreadsheet may have made a day."""
    parts = day.groups()
    year_first = _YEAR.fullmatch(parts[0]) is not None
    year, month, of_month = parts if year_first else (parts[2], parts[1], parts[0])
    made = (year[-2:], month, of_month)
    for order in _ORDERS:
        yield from _parsed("-".join(str(int(made[place])) for place in order))


def _parsed(text: str) -> Iterator[Number]:
    try:
        yield Number.parse(text)
    except InvalidRequest:
        return


def hours_of(text: str, column: str) -> Hours:
    """Return the hours that a cell says, in any way in which people write them.

    :raises CellFault: none, or in two ways: `1,30` may be half past one.

    >>> from timebank.contrib.cheques.pile_cells import hours_of
    >>> [str(hours_of(text, "h")) for text in ("2", "1,5", "1:30:00", "90 min", "1h30")]
    ['2:00', '1:30', '1:30', '1:30', '1:30']
    """
    said = unguarded(text).strip()
    try:
        return Hours.from_seconds(_AMOUNTS.seconds(said))
    except UnclearCell as fault:
        reason = fault.reason
        if isinstance(reason, Told) and reason.key == "two_figures":  # there is no mapping here
            reason = told("cheque_two_figures", **reason.gaps)
        raise CellFault(text, reason, column=column) from None


def days_of(cells: tuple[str, ...], headings: str | None = None) -> Days:
    """Return how days are read that stand below each other.

    The day comes first where the headings are Italian, or that is spoken. Where all is English,
    they themselves tell whether it is the day or the month; a day that can be two is refused.

    >>> from timebank.contrib.cheques.pile_cells import days_of
    >>> days_of(("2/3/26", "25/3/26")).day("2/3/26")
    datetime.date(2026, 3, 2)
    """
    if {headings, language()} & DAY_FIRST:
        return Days(format=DMY)
    forms = Column(0, "", cells).days
    orders = tuple(order for order in (DMY, MDY) if forms[order])
    return Days(format=orders if len(orders) == 1 else (DMY, MDY))


def day_of(text: str, days: Days, column: str) -> date | None:
    """Return the day that a cell says; `None` where it is empty.

    :raises CellFault: none, or one that can be two.
    """
    said = unguarded(text, as_text=True).strip()
    try:
        return days.day(said) if said else None
    except UnclearCell as fault:
        raise CellFault(text, fault.reason, column=column) from None


def time_of(text: str, column: str) -> time | None:
    """Return the time of day that a cell says; `None` where it is empty.

    :raises CellFault: it says none.

    >>> from timebank.contrib.cheques.pile_cells import time_of
    >>> [f"{time_of(text, 'from'):%H:%M}" for text in ("9", "9.30", "ore 9,30", "09:30:00")]
    ['09:00', '09:30', '09:30', '09:30']
    """
    said = " ".join(unguarded(text, as_text=True).split())
    if not said:
        return None
    found = _TIME.fullmatch(said)
    if found is None or int(found[1]) >= 24:  # noqa: PLR2004 - hours of a day
        raise CellFault(text, told("cheque_no_time"), column=column)
    return time(int(found[1]), int(found[2] or 0))


def filled(values: Mapping[str, str], name: str, column: str) -> str:
    """Return what a cell says that may not be empty.

    :raises CellFault: it is.
    """
    text = values.get(name, "")
    if not text.strip():
        raise CellFault(text, told("empty"), column=column)
    return text
