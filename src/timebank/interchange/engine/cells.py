"""Read the text of a cell as every importer does: instants, ids, whole numbers, and faults."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from timebank.errors import InvalidRequest, shown
from timebank.interchange.sheets.encodings import better
from timebank.model import MAX_LABEL_CHARACTERS
from timebank.model.ids import identifier
from timebank.reports.told import refused_by, told

#: A day, the time with a fraction of a second, and the offset of its zone.
_INSTANT: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[ T]([0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?)"
    r"(?:Z| ?UTC| ?([+-][0-9]{2}(?::?[0-9]{2})?))?)?"
)
_WHOLE: Final = re.compile(r"-?[0-9]{1,18}", re.ASCII)
#: A NUL character, or a byte that is no letter.
_NO_TEXT: Final = re.compile("[\0\udc80-\udcff]")


class UnclearCell(Exception):
    """A cell that has no certain meaning; the text says what it is not, as that of `CellFault`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class CellFault(Exception):
    """A cell that cannot be taken. `reason` continues a sentence that begins with its value.

    It is a text, or one that `reports.told` can say in each language.
    """

    def __init__(self, value: str, reason: str, *, column: str | int) -> None:
        super().__init__(reason)
        self.column, self.value, self.reason = column, value, reason


def unreadable(text: str) -> str | None:
    r"""Return why a text cannot be taken as it is: it has a NUL character or is not UTF-8.

    >>> from timebank.interchange.engine.cells import unreadable
    >>> unreadable("caff\udce8")
    "is not UTF-8; in the encoding cp1252 it is 'caffè'"
    """
    if is_readable(text):
        return None
    return told("nul") if "\0" in text else _undecoded(text)


def is_readable(text: str) -> bool:
    r"""Return whether a text can be taken as it is, or several joined.

    >>> from timebank.interchange.engine.cells import is_readable
    >>> is_readable("caff\u00e8"), is_readable("caff\udce8")
    (True, False)
    """
    return _NO_TEXT.search(text) is None


def _undecoded(text: str) -> str:
    """Return why a text has bytes that are no letters, and the encoding in which they would be."""
    if (encoding := better(text)) is None:
        return told("not_text")
    meant = text.encode("utf-8", "surrogateescape").decode(encoding)
    return told("not_utf8", encoding=encoding, meant=shown(meant))


def shortened(value: str) -> str:
    """Return a value as it stands in a quarantine: whole, or cut where it is long."""
    return value if len(value) <= MAX_LABEL_CHARACTERS else shown(value)


def whole_number(text: str) -> int | None:
    """Return a whole number of up to 18 digits, or `None`.

    >>> from timebank.interchange.engine.cells import whole_number
    >>> whole_number("-2700"), whole_number("1.5")
    (-2700, None)
    """
    return int(text) if _WHOLE.fullmatch(text) else None


def instant_of(text: str) -> datetime | None:
    """Return a day, or an instant as databases write it, or `None`. Without a zone it is UTC.

    The day is the one that is written: nothing is converted.

    >>> from timebank.interchange.engine.cells import instant_of
    >>> instant_of("2018-01-17 11:35:48.25"), instant_of("17/01/2018")
    (datetime.datetime(2018, 1, 17, 11, 35, 48, 250000, tzinfo=datetime.timezone.utc), None)
    >>> str(instant_of("2018-01-17T23:59+02")), str(instant_of("2018-01-17").date())
    ('2018-01-17 23:59:00+02:00', '2018-01-17')
    """
    if (found := _INSTANT.fullmatch(text)) is None:
        return None
    day, time, offset = found.groups()
    try:
        if time is None:
            return datetime.fromisoformat(day).replace(tzinfo=UTC)
        return datetime.fromisoformat(f"{day}T{time}{offset or 'Z'}")
    except ValueError:
        return None


def id_of(text: str, column: str | int) -> str:
    """Return a text that can be an id of ours.

    :raises CellFault: it cannot.
    """
    try:
        return identifier(text, "it")
    except InvalidRequest as error:
        raise CellFault(text, told("no_id", why=refused_by(error)), column=column) from None
