"""Read one cell of any CSV: an amount, a day, a text. Pure, and exact or not at all.

Nothing is guessed: a cell that has not exactly the form that the mapping says raises `UnclearCell`,
whose text continues a sentence that begins with the cell.
"""

from __future__ import annotations

import re
from datetime import date, datetime, tzinfo
from html import unescape
from typing import Final
from unicodedata import normalize
from zoneinfo import ZoneInfo

import attrs

from timebank.errors import InvalidRequest, shown
from timebank.interchange.engine.cells import instant_of
from timebank.model import MAX_INTEGER

#: The units by name, in seconds. `h:mm` has none: it is read as a clock shows it.
UNITS: Final = {"hours": 3600, "minutes": 60, "seconds": 1, "hundredths": 36}
CLOCK: Final = "h:mm"
DECIMALS: Final = (".", ",")
THOUSANDS: Final = ("", ".", ",", " ", "'")
ISO: Final = "iso"
EPOCH: Final = "epoch"
#: The directives of formats: figures alone, for names of months depend on the machine's language.
DIRECTIVES: Final = "YmdyjHMSfz%"
MAX_UNIT_SECONDS: Final = 86_400_000

_CLOCK: Final = re.compile(r"([+-]?)([0-9]{1,12}):([0-5][0-9])(?::([0-5][0-9]))?")
#: From 1973 on: a shorter number is a year, or no instant at all.
_EPOCH: Final = re.compile(r"[0-9]{9,11}")
_DIRECTIVE: Final = re.compile(r"%(.?)", re.DOTALL)
_TAG: Final = re.compile(r"<(?:/?[a-zA-Z][^<>]*|!--[^<>]*--)>")
_BREAK: Final = re.compile(r"<(?:br|/p|/div|/li)\b[^<>]*>", re.IGNORECASE)


class UnclearCell(Exception):
    """A cell that has no certain meaning; the text says what it is not."""


def _unit(value: object) -> int:
    """Return the seconds of a unit; 0 for `h:mm`."""
    if value == CLOCK:
        return 0
    if isinstance(value, str) and value in UNITS:
        return UNITS[value]
    if type(value) is int and 0 < value <= MAX_UNIT_SECONDS:
        return value
    words = ", ".join([*UNITS, CLOCK])
    msg = f"one of {words}, or the whole seconds of one unit, not {shown(value)}"
    raise InvalidRequest(msg)


@attrs.frozen(kw_only=True)
class Amounts:
    """The form in which amounts are written.

    `unit` is a word of `UNITS`, `h:mm`, or the seconds of one unit; `decimal` and `thousands`
    are the marks between figures. A mark for thousands may be left out in a number, but stands
    before three figures each time.

    :raises InvalidRequest: an unknown unit or mark, or one mark for both.

    >>> from timebank.interchange.csv.cells import Amounts
    >>> Amounts(unit="hours", decimal=",", thousands=".").seconds("1.234,50")
    4444200
    >>> Amounts(unit="h:mm").seconds("-0:30")
    -1800
    """

    unit: str | int = "hours"
    decimal: str = "."
    thousands: str = ""
    _seconds: int = attrs.field(init=False, eq=False, repr=False)
    _pattern: re.Pattern[str] = attrs.field(init=False, eq=False, repr=False)

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
        # A blank between thousands is often a no-break space.
        mark = "[ \u00a0\u202f]" if self.thousands == " " else re.escape(self.thousands)
        grouped = f"|[0-9]{{1,3}}(?:{mark}[0-9]{{3}})+" if mark else ""
        number = rf"([+-]?)([0-9]{{1,17}}{grouped})(?:{re.escape(self.decimal)}([0-9]{{1,18}}))?"
        object.__setattr__(self, "_pattern", re.compile(number))

    def seconds(self, text: str) -> int:
        """Return the whole seconds that a cell says, with their sign.

        :raises UnclearCell: another form, no whole number of seconds, or too many.
        """
        text = text.strip()
        seconds = self._clock(text) if self.unit == CLOCK else self._number(text)
        if abs(seconds) > MAX_INTEGER:
            msg = f"is more than {MAX_INTEGER:,} seconds"
            raise UnclearCell(msg)
        return seconds

    @property
    def form(self) -> str:
        """An example of a number."""
        if self.unit == CLOCK:
            return "1:30"
        return f"1{self.thousands}234{self.decimal}50" if self.thousands else f"1{self.decimal}50"

    def _clock(self, text: str) -> int:
        if (found := _CLOCK.fullmatch(text)) is None:
            msg = f"is no time like {self.form}"
            raise UnclearCell(msg)
        sign, hours, minutes, seconds = found.groups()
        total = int(hours) * 3600 + int(minutes) * 60 + int(seconds or 0)
        return -total if sign == "-" else total

    def _number(self, text: str) -> int:
        if (found := self._pattern.fullmatch(text)) is None:
            msg = f"is no number like {self.form}"
            raise UnclearCell(msg)
        sign, whole, fraction = found.groups(default="")
        figures = "".join(filter(str.isdigit, whole))
        scale: int = 10 ** len(fraction)
        total, rest = divmod(int(figures + fraction) * self._seconds, scale)
        if rest:
            msg = "is no whole number of seconds: nothing is rounded"
            raise UnclearCell(msg)
        return -total if sign == "-" else total


def _formats(value: str | tuple[str, ...]) -> tuple[str, ...]:
    """Return the formats of days, if they can be."""
    formats = (value,) if isinstance(value, str) else value
    if type(formats) is not tuple or not formats:
        msg = f"the format is a text or a list of texts, not {shown(value)}"
        raise InvalidRequest(msg)
    for format in formats:
        if format in (ISO, EPOCH):
            continue
        asked = _DIRECTIVE.findall(format)
        for letter in asked:
            if not letter or letter not in DIRECTIVES:
                known = " ".join(f"%{one}" for one in DIRECTIVES)
                msg = f"%{letter} in {shown(format)} is not understood here; there are {known}"
                raise InvalidRequest(msg)
        if not ({"Y", "y"} & {*asked} and ({"m", "d"} <= {*asked} or "j" in asked)):
            msg = f"{shown(format)} names no day: iso, epoch, or a form like %d/%m/%Y"
            raise InvalidRequest(msg)
    return formats


def _zone(name: object) -> tzinfo:
    try:
        return ZoneInfo(name if isinstance(name, str) else "")
    except (ValueError, OSError, LookupError):
        msg = f"{shown(name)} is no time zone like Europe/Rome"
        raise InvalidRequest(msg) from None


@attrs.frozen(kw_only=True)
class Days:
    """The form of days: `iso`, `epoch` (seconds since 1970), or a form like `%d/%m/%Y`.

    With several forms, a cell has to fit one of them, or several that say the same day. The day
    is the one that is written; of `epoch`, the one in `time_zone`.

    :raises InvalidRequest: a form that says no day or needs a language, an unknown time zone.

    >>> from timebank.interchange.csv.cells import Days
    >>> Days(format="%d/%m/%Y").day("2/3/2026")
    datetime.date(2026, 3, 2)
    >>> Days(format="epoch", time_zone="Europe/Rome").day("1767222000")
    datetime.date(2026, 1, 1)
    """

    format: str | tuple[str, ...] = ISO
    time_zone: str = "UTC"
    formats: tuple[str, ...] = attrs.field(init=False, eq=False, repr=False)
    _zone: tzinfo = attrs.field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        """Check both."""
        object.__setattr__(self, "formats", _formats(self.format))
        object.__setattr__(self, "_zone", _zone(self.time_zone))

    def day(self, text: str) -> date:
        """Return the day that a cell says.

        :raises UnclearCell: it fits no form, is no day of the calendar, or fits two that differ.
        """
        text = text.strip()
        found = {day for format in self.formats if (day := self._read(text, format)) is not None}
        if len(found) == 1:
            return found.pop()
        if found:
            first, second, *_ = sorted(found)
            msg = f"may be {first} or {second}"
            raise UnclearCell(msg)
        msg = f"is no day {self.form}"
        raise UnclearCell(msg)

    @property
    def form(self) -> str:
        """The form in which a day is written."""
        words = {ISO: "like 2026-03-02", EPOCH: "in seconds since 1970"}
        return " or ".join(words.get(one, f"as {one}") for one in self.formats)

    def _read(self, text: str, format: str) -> date | None:
        try:
            if format == ISO:
                found = instant_of(text)
                return None if found is None else found.date()
            if format == EPOCH:
                return self._epoch(text)
            # Figures in ASCII alone do not depend on the machine's language.
            return datetime.strptime(text, format).date() if text.isascii() else None  # noqa: DTZ007
        except (ValueError, OverflowError, OSError):
            return None

    def _epoch(self, text: str) -> date | None:
        if _EPOCH.fullmatch(text) is None:
            return None
        return datetime.fromtimestamp(int(text), self._zone).date()


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
