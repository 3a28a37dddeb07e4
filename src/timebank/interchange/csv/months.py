"""Read a day as people write it, in a known order, with any signs and with named months."""

from __future__ import annotations

import re
from datetime import date
from typing import Final
from unicodedata import combining, normalize

#: The months in English, Italian, Spanish, French and German, without accents.
_NAMES: Final = (
    "january gennaio enero janvier januar janner",
    "february febbraio febrero fevrier februar",
    "march marzo mars marz maerz",
    "april aprile abril avril",
    "may maggio mayo mai",
    "june giugno junio juin juni",
    "july luglio julio juillet juli",
    "august agosto aout",
    "september settembre septiembre setiembre septembre sept",
    "october ottobre octubre octobre oktober",
    "november novembre noviembre",
    "december dicembre diciembre decembre dezember",
)
#: The days of the week, likewise; they say nothing that the day does not.
_WEEKDAYS: Final = (
    "monday lunedi lunes lundi montag",
    "tuesday martedi martes mardi dienstag",
    "wednesday mercoledi miercoles mercredi mittwoch",
    "thursday giovedi jueves jeudi donnerstag",
    "friday venerdi viernes vendredi freitag",
    "saturday sabato samedi samstag sonnabend",
    "sunday domenica domingo dimanche sonntag",
)
#: Words between the parts of a day.
_BETWEEN: Final = frozenset({"de", "del", "of", "the", "il", "le", "el", "la", "l", "den", "am"})
_LEAST_LETTERS: Final = 3
_TWO: Final = 2
#: Years of two figures from this one on are of the last century.
_LAST_CENTURY: Final = 69
_ORDINAL: Final = re.compile(r"(?<=[0-9])(?:st|nd|rd|th|er|\u00ba|\u00b0|\u00aa)(?![a-z])")
#: A time of day at the end, with what may stand before it.
_TIME: Final = re.compile(
    r"(?:[ t,]|\bore\b|\balle\b|\bat\b)+[0-9]{1,2}[:.h][0-9]{2}(?:[:.][0-9]{2}(?:[.,][0-9]+)?)?"
    r"(?: ?[ap]\.?m\.?)?(?:z|[+-][0-9]{2}:?[0-9]{2})?$"
)
_PART: Final = re.compile(r"[0-9]+|[a-z]+")
_BETWEEN_PARTS: Final = re.compile(r"[ /.,'\u2019-]*")


def _by_beginnings(names: tuple[str, ...]) -> dict[str, int]:
    """Return each beginning of a name, of three letters or more, with its number from 1.

    A beginning that several share, such as `mar` for Tuesday and March, is in each table its own;
    within one table it is left out.
    """
    found: dict[str, set[int]] = {}
    for number, several in enumerate(names, 1):
        for name in several.split():
            for end in range(_LEAST_LETTERS, len(name) + 1):
                found.setdefault(name[:end], set()).add(number)
    whole = {name: number for number, several in enumerate(names, 1) for name in several.split()}
    return {name: min(n) for name, n in found.items() if len(n) == 1} | whole


MONTHS: Final = _by_beginnings(_NAMES)
WEEKDAYS: Final = _by_beginnings(_WEEKDAYS)


def day_in_words(text: str, order: str) -> date | None:
    """Return the day that a text says whose parts stand in an order, or `None`.

    Where the month is named, its place tells nothing: `March 2, 2026` is a day in each order.

    >>> from timebank.interchange.csv.months import day_in_words
    >>> day_in_words("02.03.26 10:15", "dmy"), day_in_words("1\u00b0 dicembre 2026", "dmy")
    (datetime.date(2026, 3, 2), datetime.date(2026, 12, 1))
    >>> day_in_words("2/3", "dmy") is None
    True

    :raises ValueError: its parts are no day of the calendar.
    """
    parts = _parts(_plain(text))
    if parts is None:
        return None
    words = [part for part in parts if part.isalpha()]
    if len(words) > 1 or (words and words[0] not in MONTHS):
        return None
    numbers = [part for part in parts if not part.isalpha()]
    if words and len(numbers) == _TWO:
        first_is_year = len(numbers[0]) > _TWO or (order == "ymd" and len(numbers[1]) <= _TWO)
        day, year = numbers[::-1] if first_is_year else numbers
        return _day(year, str(MONTHS[words[0]]), day)
    if words or len(numbers) != len(order):
        return None
    by = dict(zip(order, numbers, strict=True))
    return _day(by["y"], by["m"], by["d"])


def _plain(text: str) -> str:
    """Return a text in small letters, without accents, time of day and ends of ordinals."""
    bare = "".join(one for one in normalize("NFD", text.casefold()) if not combining(one))
    bare = " ".join(bare.split())
    return _ORDINAL.sub("", _TIME.sub("", bare))


def _parts(text: str) -> list[str] | None:
    """Return the numbers and words of a text, without days of the week; `None` for other signs."""
    if _BETWEEN_PARTS.fullmatch("".join(_PART.split(text))) is None:
        return None
    found = [part for part in _PART.findall(text) if part not in _BETWEEN]
    first = found[0] if found else ""
    is_weekday = len(first) > 1 and (first in WEEKDAYS or first in {"mo", "tu", "we", "th", "fr"})
    followed = len(found) > len("dmy")
    return found[1:] if is_weekday and followed else found


def _day(year: str, month: str, day: str) -> date | None:
    if len(year) not in {_TWO, _TWO * 2} or len(month) > _TWO or len(day) > _TWO:
        return None
    number = int(year)
    if len(year) == _TWO:
        number += 1900 if number >= _LAST_CENTURY else 2000
    return date(number, int(month), int(day))
