"""What an id is: the same on every store, whoever looks at it."""

from __future__ import annotations

from typing import Final
from unicodedata import category, is_normalized

from timebank.errors import InvalidRequest, WrongType, shown
from timebank.model import MAX_ID_CHARACTERS

#: Control characters, lone surrogates, line and paragraph separators.
_FORBIDDEN: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})


def identifier(value: object, what: str, *, longest: int = MAX_ID_CHARACTERS) -> str:
    """An id: NFC, 1 to 128 characters, no control characters, no blank at either end.

    :raises WrongType: not a str.
    :raises InvalidRequest: it breaks one of these.

    >>> from timebank.ids import identifier
    >>> identifier("visit-81", "id")
    'visit-81'
    """
    if type(value) is not str:
        msg = f"{what} must be a str, not {type(value).__name__}: {shown(value)}"
        raise WrongType(msg)
    if not 1 <= len(value) <= longest:
        msg = f"{what} must have 1 to {longest} characters, not {len(value)}: {shown(value)}"
        raise InvalidRequest(msg)
    if value.isascii() and value.isalnum():
        return value
    if value != value.strip():
        msg = f"{what} must not begin or end with a blank: {shown(value)}"
        raise InvalidRequest(msg)
    for character in value:
        if category(character) in _FORBIDDEN:
            msg = f"{what} must not contain {character!r}: {shown(value)}"
            raise InvalidRequest(msg)
    if not is_normalized("NFC", value):
        msg = f"{what} must be in Unicode normal form NFC: {shown(value)}"
        raise InvalidRequest(msg)
    return value
