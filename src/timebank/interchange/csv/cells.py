"""Read one cell of any CSV: an amount, a day, a text. Pure, and exact or not at all.

Nothing is guessed: a cell that has not exactly the form that the mapping says raises `UnclearCell`,
whose text continues a sentence that begins with the cell. Days are read by `days`.
"""

from __future__ import annotations

import re
from html import unescape
from typing import Final
from unicodedata import normalize

import attrs

from timebank.errors import InvalidRequest, shown
from timebank.hours import MAX_CHARACTERS, seconds_of
from timebank.interchange.engine.cells import UnclearCell
from timebank.model import MAX_INTEGER
from timebank.reports.told import told

#: The units by name, in seconds. `h:mm` and `auto` have none.
UNITS: Final = {"hours": 3600, "minutes": 60, "seconds": 1, "hundredths": 36}
#: As a clock shows it.
CLOCK: Final = "h:mm"
#: Everything that `Hours` reads, in one column.
AUTO: Final = "auto"
DECIMALS: Final = (".", ",")
THOUSANDS: Final = ("", ".", ",", " ", "'")
#: What two figures after the mark are, where that is not plain.
FIGURES: Final = ("minutes", "hundredths", "asked")
#: What one figure is where two are minutes and zeros at the end are kept.
TENTHS: Final = "tenths"
#: Texts of amounts that are remembered.
_MOST_KNOWN: Final = 10_000
MAX_UNIT_SECONDS: Final = 86_400_000

_HOUR: Final = 3600
_MINUS: Final = "\u2212"
_CLOCK: Final = re.compile(r"([+-]?)([0-9]{1,12}):([0-5][0-9])(?::([0-5][0-9]))?")
#: A number with either decimal mark, which can be no mark of thousands.
_EITHER_MARK: Final = re.compile(r"([+-]?)([0-9]{1,17})[.,]([0-9]{1,2})")
#: Decimals that may be minutes: a quarter, a half, and that as a spreadsheet writes it.
_DOUBTFUL: Final = frozenset({"15", "30", "45", "3"})
_TAG: Final = re.compile(r"<(?:/?[a-zA-Z][^<>]*|!--[^<>]*--)>")
_BREAK: Final = re.compile(r"<(?:br|/p|/div|/li)\b[^<>]*>", re.IGNORECASE)


def _unit(value: object) -> int:
    """Return the seconds of a unit; 0 for `h:mm`, those of an hour where it is found out."""
    if value in (CLOCK, AUTO):
        return _HOUR if value == AUTO else 0
    if isinstance(value, str) and value in UNITS:
        return UNITS[value]
    if type(value) is int and 0 < value <= MAX_UNIT_SECONDS:
        return value
    words = ", ".join([*UNITS, CLOCK, AUTO])
    msg = f"one of {words}, or the whole seconds of one unit, not {shown(value)}"
    raise InvalidRequest(msg).about(key="unit_unknown", known=words, given=shown(value))


@attrs.frozen(kw_only=True)
class Amounts:
    """The form in which amounts are written.

    `unit` is a word of `UNITS`, `h:mm`, the seconds of one unit, or `auto`, which reads all that
    `Hours` does; `decimal` and `thousands` are the marks between figures. A mark for thousands may
    be left out in a number, but stands before three figures each time. With `auto` it is doubtful
    whether `1.30` is half past one: `two_figures` says whether they are `minutes` or `hundredths`.
    Where they are minutes one figure is doubtful in its turn, for a spreadsheet leaves out a zero
    at the end, unless `one_figure="tenths"` says that `1,5` is an hour and a half. `minutes_after`
    is the one mark after which they may be minutes; after the other stand decimals.
    With `round="second"` an amount that is no whole number of seconds is rounded to the nearest.

    :raises InvalidRequest: an unknown unit or mark, one mark for both, or what two figures are
        where that is plain.

    >>> from timebank.interchange.csv.cells import Amounts
    >>> Amounts(unit="hours", decimal=",", thousands=".").seconds("1.234,50")
    4444200
    >>> Amounts(unit="h:mm").seconds("-0:30")
    -1800
    >>> [Amounts(unit="auto", decimal=",").seconds(one) for one in ("1,5", "0:45", "2h", "90 min")]
    [5400, 2700, 7200, 5400]
    """

    unit: str | int = "hours"
    decimal: str = "."
    thousands: str = ""
    round: str = ""
    two_figures: str = ""
    one_figure: str = ""
    minutes_after: str = ""
    _seconds: int = attrs.field(init=False, eq=False, repr=False)
    _pattern: re.Pattern[str] = attrs.field(init=False, eq=False, repr=False)
    #: Texts that were read already: there are few amounts that people exchange.
    _known: dict[str, tuple[int, bool]] = attrs.field(
        init=False, eq=False, repr=False, factory=dict
    )

    def __attrs_post_init__(self) -> None:
        """Check the marks, and make the pattern of a number once."""
        object.__setattr__(self, "_seconds", _unit(self.unit))
        if self.decimal not in DECIMALS:
            msg = f"the decimal mark is . or , and not {shown(self.decimal)}"
            raise InvalidRequest(msg)
        if self.thousands not in THOUSANDS:
            msg = f"the mark for thousands is . , ' a blank or nothing, not {shown(self.thousands)}"
            raise InvalidRequest(msg)
        if self.thousands == self.decimal:
            msg = f"{shown(self.decimal)} cannot be the mark for decimals and for thousands"
            raise InvalidRequest(msg)
        if self.round not in {"", "second"}:
            msg = f"round: second, or left out, and not {shown(self.round)}"
            raise InvalidRequest(msg)
        others = {"two_figures": FIGURES, "one_figure": (TENTHS,), "minutes_after": DECIMALS}
        for name, choices in others.items():
            said = getattr(self, name)
            if said and (said not in choices or self.unit != AUTO):
                msg = f"{name}: with the unit auto, {' or '.join(choices)}, not {said!r}"
                raise InvalidRequest(msg)
        # A blank between thousands is often a no-break space.
        mark = "[ \u00a0\u202f]" if self.thousands == " " else re.escape(self.thousands)
        grouped = f"|[0-9]{{1,3}}(?:{mark}[0-9]{{3}}){{1,5}}" if mark else ""
        number = rf"([+-]?)([0-9]{{1,17}}{grouped})(?:{re.escape(self.decimal)}([0-9]{{1,18}}))?"
        object.__setattr__(self, "_pattern", re.compile(number))

    def seconds(self, text: str) -> int:
        """Return the whole seconds that a cell says, with their sign.

        :raises UnclearCell: another form, no whole number of seconds, or too many.
        """
        return self.read(text)[0]

    def read(self, text: str) -> tuple[int, bool]:
        """Return the seconds that a cell says, with their sign, and whether they were rounded.

        :raises UnclearCell: as `seconds`.
        """
        if (known := self._known.get(text)) is not None:
            return known
        found = self._read(text.strip().replace(_MINUS, "-"))
        if len(self._known) < _MOST_KNOWN:
            self._known[text] = found
        return found

    def _read(self, text: str) -> tuple[int, bool]:
        is_rounded = False
        if self.unit == CLOCK:
            seconds = self._clock(text)
        elif (found := self._pattern.fullmatch(text) or self._other_mark(text)) is not None:
            sign, whole, fraction = found.groups(default="")
            mark = text[-len(fraction) - 1 :][:1] if fraction else ""
            seconds, is_rounded = self._number(sign, whole, mark, fraction)
        elif self.unit == AUTO:
            seconds = self._hours(text)
        else:
            raise UnclearCell(told("no_number", form=self.form))
        if abs(seconds) > MAX_INTEGER:
            raise UnclearCell(told("too_many_seconds", most=f"{MAX_INTEGER:,}"))
        return seconds, is_rounded

    @property
    def form(self) -> str:
        """An example of a number."""
        if self.unit == CLOCK:
            return "1:30"
        return f"1{self.thousands}234{self.decimal}50" if self.thousands else f"1{self.decimal}50"

    def _clock(self, text: str) -> int:
        if (found := _CLOCK.fullmatch(text)) is None:
            raise UnclearCell(told("no_time", form=self.form))
        sign, hours, minutes, seconds = found.groups()
        total = int(hours) * _HOUR + int(minutes) * 60 + int(seconds or 0)
        return -total if sign == "-" else total

    def _number(self, sign: str, whole: str, mark: str, fraction: str) -> tuple[int, bool]:
        figures = int("".join(filter(str.isdigit, whole)))
        may_be_minutes = mark == (self.minutes_after or mark) and self.two_figures != "hundredths"
        if self.unit == AUTO and fraction and may_be_minutes:
            in_minutes = self._as_minutes(figures, fraction)
            if in_minutes is not None:
                return (-in_minutes if sign == "-" else in_minutes), False
        scale: int = 10 ** len(fraction)
        total, rest = divmod((figures * scale + int(fraction or 0)) * self._seconds, scale)
        if rest and not self.round:
            raise UnclearCell(told("not_whole"))
        total += rest * 2 >= scale if rest else 0
        return -total if sign == "-" else total, rest != 0

    def _as_minutes(self, hours: int, fraction: str) -> int | None:
        """Return the seconds where figures after the mark are minutes; `None` where they are not.

        :raises UnclearCell: nobody knows.
        """
        if self.two_figures == "minutes":
            if self.one_figure and len(fraction) == 1 and fraction != "3":
                return None
            minutes = 30 if fraction == "3" else int(fraction)
            if (len(fraction) != 2 and fraction != "3") or minutes > 59:  # noqa: PLR2004 - minutes
                raise UnclearCell(told("no_minutes", form=f"1{self.decimal}30"))
            return hours * _HOUR + minutes * 60
        if fraction in _DOUBTFUL:
            minutes = int(fraction.ljust(2, "0"))
            decimal = f"{hours}{self.decimal}{fraction}"
            raise UnclearCell(told("two_figures", clock=f"{hours}:{minutes:02}", decimal=decimal))
        return None

    def _other_mark(self, text: str) -> re.Match[str] | None:
        """Find a number with the other decimal mark, as a spreadsheet of elsewhere writes it.

        Three figures after it may be thousands: that is no such number.
        """
        may_be = self.unit == AUTO and self.thousands not in DECIMALS
        return _EITHER_MARK.fullmatch(text) if may_be else None

    def _hours(self, text: str) -> int:
        """Return what `Hours` reads; three figures after the other decimal mark are unclear."""
        other = DECIMALS[self.decimal == DECIMALS[0]]
        figures = len(text.partition(other)[2]) - len(text.partition(other)[2].lstrip("0123456789"))
        is_unclear = other in text and (figures > 2 or self.thousands == other)  # noqa: PLR2004 - thousands
        if len(text) > MAX_CHARACTERS or is_unclear:
            raise UnclearCell(told("no_hours", form=self.form))
        try:
            return seconds_of(text)
        except InvalidRequest as error:
            is_whole = "whole number of seconds" not in str(error)
            key = "no_hours" if is_whole else "not_whole"
            raise UnclearCell(told(key, form=self.form)) from None


def plain(text: str) -> str:
    """Return a text without its HTML: tags go, entities become what they stand for.

    >>> from timebank.interchange.csv.cells import plain
    >>> plain("<p>2 &lt; 3 &amp; <b>bread</b></p>")
    '2 < 3 & bread'
    """
    text = _TAG.sub("", _BREAK.sub("\n", text))
    return unescape(text).strip()


def label(text: str) -> str:
    """Return a category, area or tag with its blanks made single, and its letters composed (NFC).

    >>> from timebank.interchange.csv.cells import label
    >>> label(" home   care ")
    'home care'
    """
    return normalize("NFC", " ".join(text.split()))
