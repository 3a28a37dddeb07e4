"""Tell what a column is by what stands in it: days in which order, amounts, addresses, words.

Nothing is booked by what is told here: it chooses what a mapping says, and the mapping is what
reads a cell, exactly or not at all.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from typing import Final

import attrs

from timebank.errors import TimebankError
from timebank.hours import Hours
from timebank.interchange.propose.headings import folded, words_of

#: Forms of days. Either is one whose day and month may be changed for each other.
ISO: Final = "iso"
YMD: Final = "ymd"
DMY: Final = "dmy"
MDY: Final = "mdy"
EITHER: Final = "either"
EPOCH: Final = "epoch"
EPOCH_MS: Final = "epoch_ms"
#: Forms of amounts.
CLOCK: Final = "clock"
NUMBER: Final = "number"
WORDS: Final = "words"

_ISO: Final = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ].{4,20})?")
_FIGURES: Final = re.compile(
    r"(?:[^\W\d]{2,12}\.?,? )?(\d{1,4})\s?[./\- ]\s?(\d{1,2})\s?[./\- ]\s?(\d{4}|\d{1,2})\.?"
    r"(?:,? \d{1,2}[:.]\d{2}.{0,12})?"
)
_NAMED: Final = re.compile(
    r"(?:[^\W\d]{2,12}\.?,? )?"
    r"(?:(?P<dmy>\d{1,2})(?:°|º|er|st|nd|rd|th|\.)?[ \-./](?:de |of )?(?P<one>[^\W\d]{3,11})\.?"
    r"|(?P<two>[^\W\d]{3,11})\.? (?P<mdy>\d{1,2})(?:st|nd|rd|th)?)"
    r",?[ \-./](?:de |del )?(?:\d{4}|\d{2})"
)
_MONTHS: Final = words_of(
    "gen feb mar apr mag giu lug ago set ott nov dic "
    "jan may jun jul aug sep oct dec "
    "ene abr mayo jui juil juin fev avr mai aou dez mrz marz okt maerz"
)
_EPOCH: Final = re.compile(r"\d{10}(\d{3})?")
_CLOCK: Final = re.compile(r"[+\-\u2212]?\d{1,4}:[0-5]\d(?::[0-5]\d)?")
_TIME: Final = re.compile(r"(?:[01]?\d|2[0-4])[:.][0-5]\d(?::[0-5]\d)?")
_NUMBER: Final = re.compile(r"([+\-\u2212]?)(\d{0,6})(?:([.,])(\d{1,6}))?")
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_TAG: Final = re.compile(r"</?[a-zA-Z][^<>]*>|&(?:amp|lt|gt|quot|nbsp|#\d+);")
_MONTHS_OF_YEAR: Final = 12
_DAYS_OF_MONTH: Final = 31
_FIGURES_OF_YEAR: Final = 4


def day_form(text: str) -> str | None:
    """Return the form in which a text is a day, if it is one.

    >>> from timebank.interchange.propose.contents import day_form
    >>> [day_form(text) for text in ("2026-03-02", "2/3/26", "25/3/26", "3/25/2026 18:02:11")]
    ['iso', 'either', 'dmy', 'mdy']
    >>> [day_form(text) for text in ("2 marzo 2026", "Mar 2, 2026", "2026.3.2", "two", "1,5")]
    ['dmy', 'mdy', 'ymd', None, None]
    """
    text = " ".join(text.split())
    if _ISO.fullmatch(text):
        return ISO
    if found := _FIGURES.fullmatch(text):
        return _order(found[1], found[2], found[3])
    if found := _NAMED.fullmatch(text):
        month = folded(found["one"] or found["two"])
        is_month = month[:3] in _MONTHS or month[:4] in _MONTHS
        return (DMY if found["dmy"] else MDY) if is_month else None
    if found := _EPOCH.fullmatch(text):
        return EPOCH_MS if found[1] else EPOCH
    return None


def _order(one: str, two: str, three: str) -> str | None:
    """Return in which order three numbers are a day, if they are one."""
    first, second, third = int(one), int(two), int(three)
    if len(one) == _FIGURES_OF_YEAR:
        is_day = 1 <= second <= _MONTHS_OF_YEAR and 1 <= third <= _DAYS_OF_MONTH
        return YMD if is_day and len(three) < _FIGURES_OF_YEAR else None
    is_day = 1 <= first <= _DAYS_OF_MONTH and 1 <= second <= _DAYS_OF_MONTH
    if not is_day or len(three) == 1:
        return None
    if first > _MONTHS_OF_YEAR:
        return DMY if second <= _MONTHS_OF_YEAR else None
    return MDY if second > _MONTHS_OF_YEAR else EITHER


def amount_form(text: str) -> str | None:
    r"""Return the form in which a text is an amount, if it is one.

    >>> from timebank.interchange.propose.contents import amount_form
    >>> [amount_form(text) for text in ("1,5", "\u22122", "0:45", "2h", "1 ora e 30 minuti", "x")]
    ['number', 'number', 'clock', 'words', 'words', None]
    """
    text = text.strip()
    if not text or len(text) > 40:  # noqa: PLR2004 - nobody writes an amount as long as that
        return None
    if _CLOCK.fullmatch(text):
        return CLOCK
    if (found := _NUMBER.fullmatch(text)) and (found[2] or found[4]):
        return NUMBER
    try:
        Hours(text)
    except TimebankError:
        return WORDS if _looks_like_hours(text) else None
    return WORDS


_UNITS: Final = re.compile(
    r"(?:\d+(?:[.,]\d+)?|[½¼¾]|un['\u2019 ]?a?|one|une|una|eine) ?"
    r"(?:h|ore|ora|hours?|hrs?|horas?|heures?|stunden?|std|minut\w*|mins?|m)\b.*",
    re.IGNORECASE,
)


def _looks_like_hours(text: str) -> bool:
    return _UNITS.fullmatch(text) is not None


@attrs.frozen
class Column:
    """A column of a sheet: its place from 0, what stands above it, and its cells, trimmed."""

    index: int
    heading: str
    cells: tuple[str, ...] = attrs.field(repr=False)

    @cached_property
    def filled(self) -> tuple[str, ...]:
        """The cells that are not empty."""
        return tuple(cell for cell in self.cells if cell)

    @cached_property
    def days(self) -> Counter[str]:
        """How many cells are days, by their forms."""
        return Counter(form for cell in self.filled if (form := day_form(cell)))

    @cached_property
    def amounts(self) -> Counter[str]:
        """How many cells are amounts, by their forms."""
        return Counter(form for cell in self.filled if (form := amount_form(cell)))

    @cached_property
    def values(self) -> Counter[str]:
        """The different texts, compared as people read them, with how often each stands there."""
        return Counter(folded(cell) or cell for cell in self.filled)

    def share(self, count: int) -> float:
        """Return a share of the cells that are not empty."""
        return count / len(self.filled) if self.filled else 0.0

    @property
    def day_share(self) -> float:
        """The share of cells that are days."""
        return self.share(self.days.total())

    @property
    def amount_share(self) -> float:
        """The share of cells that are amounts."""
        return self.share(self.amounts.total())

    @property
    def is_times(self) -> bool:
        """Whether its cells are times of day."""
        return self.share(sum(bool(_TIME.fullmatch(cell)) for cell in self.filled)) >= MOST

    @property
    def is_emails(self) -> bool:
        """Whether its cells are e-mail addresses."""
        return self.share(sum(bool(_EMAIL.fullmatch(cell)) for cell in self.filled)) >= MOST

    @property
    def has_html(self) -> bool:
        """Whether HTML stands in it."""
        return any(_TAG.search(cell) for cell in self.filled)

    @property
    def negatives(self) -> int:
        """How many cells have a minus."""
        return sum(cell[0] in "-\u2212\u2013" for cell in self.filled)

    @property
    def numbers(self) -> list[tuple[str, str]]:
        """The decimal marks and the figures after them, of the numbers that have both."""
        found = (_NUMBER.fullmatch(cell) for cell in self.filled)
        return [(one[3], one[4]) for one in found if one is not None and one[3]]

    @property
    def is_counter(self) -> bool:
        """Whether it counts its rows from 1: each number is the one before it and one more."""
        try:
            numbers = [int(cell) for cell in self.filled]
        except ValueError:
            return False
        return (
            bool(numbers)
            and numbers == list(range(numbers[0], numbers[0] + len(numbers)))
            and 0 <= numbers[0] <= 1
        )

    @property
    def is_unique(self) -> bool:
        """Whether each cell has something, and no two the same."""
        return len(self.filled) == len(self.cells) == len(set(self.cells)) > 0

    @property
    def looks_like_people(self) -> bool:
        """Whether its cells may be names, ids or addresses of people, by their look alone."""
        if not self.filled or self.day_share > LITTLE or self.amounts[CLOCK] or self.negatives:
            return False
        short = sum(len(cell) <= 50 and len(cell.split()) <= 5 for cell in self.filled)  # noqa: PLR2004 - a name
        return self.share(short) >= MOST


#: Most cells of a column are of its kind; some are slips, totals and remarks.
MOST: Final = 0.8
HALF: Final = 0.5
LITTLE: Final = 0.2


def overlap(one: Column, other: Column) -> float:
    """Return how much of the texts of two columns is the same, of the column that has fewer."""
    least = min(len(one.values), len(other.values))
    return len(one.values.keys() & other.values.keys()) / least if least else 0.0


def width(rows: Sequence[tuple[str, ...]]) -> int:
    """Return how many columns rows have, without empty cells at their ends."""
    return max(
        (place + 1 for row in rows for place, cell in enumerate(row) if cell.strip()), default=0
    )
