"""Read one cell of any CSV that says a day. Pure, and exact or not at all.

An ISO day, or an instant that begins with one, is taken besides the forms that a mapping says:
spreadsheets write days so, and it can be nothing else.
"""

from __future__ import annotations

import re
from datetime import date, datetime, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

import attrs

from timebank.errors import InvalidRequest, shown
from timebank.interchange.csv.keys import DAY
from timebank.interchange.csv.months import day_in_words
from timebank.interchange.engine.cells import UnclearCell, instant_of
from timebank.reports.told import told

ISO: Final = "iso"
EPOCH: Final = "epoch"
EPOCH_MS: Final = "epoch_ms"
#: Day, month and year in this order, whatever stands between them and however a month is written.
ORDERS: Final = ("dmy", "mdy", "ymd")
#: The directives of formats: figures alone, for names of months depend on the machine's language.
DIRECTIVES: Final = "YmdyjHMSfz%"
#: No time bank is older.
FIRST_DAY: Final = date(1970, 1, 1)
LAST_DAY: Final = date(2099, 12, 31)

#: From 1973 on: a shorter number is a year, or no instant at all.
_EPOCH: Final = {EPOCH: re.compile(r"[0-9]{9,11}"), EPOCH_MS: re.compile(r"[0-9]{12,14}")}
_DIRECTIVE: Final = re.compile(r"%(.?)", re.DOTALL)
#: Texts of days that are remembered.
_MOST_KNOWN: Final = 10_000
#: The longest text of a day that is looked at.
_LONGEST: Final = 100


def _formats(value: str | tuple[str, ...]) -> tuple[str, ...]:
    """Return the formats of days, if they can be."""
    formats = (value,) if isinstance(value, str) else value
    if type(formats) is not tuple or not formats:
        msg = f"the format is a text or a list of texts, not {shown(value)}"
        raise InvalidRequest(msg)
    for format in formats:
        if format in (ISO, EPOCH, EPOCH_MS, *ORDERS):
            continue
        asked = _DIRECTIVE.findall(format)
        for letter in asked:
            if not letter or letter not in DIRECTIVES:
                known = " ".join(f"%{one}" for one in DIRECTIVES)
                msg = f"%{letter} in {shown(format)} is not understood here; there are {known}"
                raise InvalidRequest(msg)
        if not ({"Y", "y"} & {*asked} and ({"m", "d"} <= {*asked} or "j" in asked)):
            msg = f"{shown(format)} names no day: iso, epoch, dmy, or a form like %d/%m/%Y"
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
    """The form of days: `iso`, `dmy` and the like, `epoch`, or a form like `%d/%m/%Y`.

    `dmy`, `mdy` and `ymd` are days in this order, with any sign between them, a year of two or four
    figures, a month as a number or in words, and perhaps a time. `epoch` are seconds since 1970,
    `epoch_ms` thousandths of them. With several forms, a cell has to fit one of them, or several
    that say the same day. The day is the one that is written; of `epoch`, the one in `time_zone`.
    A day before `since` or after `until` is doubtful.

    :raises InvalidRequest: a form that says no day or needs a language, an unknown time zone.

    >>> from timebank.interchange.csv.days import Days
    >>> Days(format="%d/%m/%Y").day("2/3/2026")
    datetime.date(2026, 3, 2)
    >>> Days(format="dmy").day("lun 2 marzo '26")
    datetime.date(2026, 3, 2)
    >>> Days(format="epoch", time_zone="Europe/Rome").day("1767222000")
    datetime.date(2026, 1, 1)
    """

    format: str | tuple[str, ...] = ISO
    time_zone: str = "UTC"
    since: date = attrs.field(default=FIRST_DAY, metadata=DAY)
    until: date = attrs.field(default=LAST_DAY, metadata=DAY)
    formats: tuple[str, ...] = attrs.field(init=False, eq=False, repr=False)
    _zone: tzinfo = attrs.field(init=False, eq=False, repr=False)
    #: Texts that were read already, for most days of a sheet occur many times.
    _known: dict[str, date] = attrs.field(init=False, eq=False, repr=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        """Check all of them."""
        object.__setattr__(self, "formats", _formats(self.format))
        object.__setattr__(self, "_zone", _zone(self.time_zone))
        if self.until < self.since:
            msg = f"until: a day from {self.since} on, not {self.until}"
            raise InvalidRequest(msg)

    def day(self, text: str) -> date:
        """Return the day that a cell says.

        :raises UnclearCell: it fits no form, is no day of the calendar, fits two that differ, or
            lies out of the bounds.
        """
        if (known := self._known.get(text)) is not None:
            return known
        day = self._day(text.strip())
        if len(self._known) < _MOST_KNOWN:
            self._known[text] = day
        return day

    def _day(self, text: str) -> date:
        if len(text) > _LONGEST:
            raise UnclearCell(told("no_day", form=self.form))
        found = {day for format in self.formats if (day := self._read(text, format)) is not None}
        if not found and (iso := self._read(text, ISO)) is not None:
            found = {iso}
        if len(found) > 1:
            first, second, *_ = sorted(found)
            raise UnclearCell(told("two_days", first=first, second=second))
        if not found:
            raise UnclearCell(told("no_day", form=self.form))
        day = found.pop()
        if not self.since <= day <= self.until:
            bounds = {"since": self.since, "until": self.until}
            raise UnclearCell(told("day_out_of_bounds", day=day.isoformat(), **bounds))
        return day

    @property
    def form(self) -> str:
        """The form in which a day is written."""
        words = {
            ISO: told("form_iso"),
            EPOCH: told("form_epoch"),
            EPOCH_MS: told("form_epoch_ms"),
            "dmy": told("form_dmy"),
            "mdy": told("form_mdy"),
            "ymd": told("form_ymd"),
        }
        form, *more = (words.get(one) or told("form_as", form=one) for one in self.formats)
        for one in more:
            form = told("form_or", first=form, second=one)
        return form

    def _read(self, text: str, format: str) -> date | None:
        try:
            if format == ISO:
                found = instant_of(text)
                return None if found is None else found.date()
            if format in _EPOCH:
                return self._epoch(text, format)
            if format in ORDERS:
                return day_in_words(text, format)
            # Figures in ASCII alone do not depend on the machine's language.
            return datetime.strptime(text, format).date() if text.isascii() else None  # noqa: DTZ007 - a day
        except (ValueError, OverflowError, OSError):
            return None

    def _epoch(self, text: str, format: str) -> date | None:
        if _EPOCH[format].fullmatch(text) is None:
            return None
        seconds = int(text) // (1_000 if format == EPOCH_MS else 1)
        return datetime.fromtimestamp(seconds, self._zone).date()
