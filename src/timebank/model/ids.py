"""What an id is: the same on every store, whoever looks at it."""

from __future__ import annotations

import re
from typing import Final
from unicodedata import is_normalized

from timebank.errors import InvalidRequest, WrongType, shown
from timebank.model import MAX_ID_CHARACTERS

#: Printable ASCII without a blank at either end: most ids are no more, and nothing of it is wrong.
is_plain: Final = re.compile(r"[!-~](?:[ -~]*[!-~])?").fullmatch
#: Control characters, lone surrogates, line and paragraph separators: Cc, Cs, Zl, Zp.
_forbidden: Final = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]").search


def identifier(value: object, what: str, *, longest: int = MAX_ID_CHARACTERS) -> str:
    """An id: NFC, 1 to 128 characters, no control characters, no blank at either end.

    :raises WrongType: not a str.
    :raises InvalidRequest: it breaks one of these.

    >>> from timebank.model.ids import identifier
    >>> identifier("visit-81", "id")
    'visit-81'
    """
    if type(value) is not str:
        msg = f"{what} must be a str, not {type(value).__name__}: {shown(value)}"
        raise WrongType(msg)
    if not 1 <= len(value) <= longest:
        msg = f"{what} must have 1 to {longest} characters, not {len(value)}: {shown(value)}"
        raise InvalidRequest(msg)
    if is_plain(value):
        return value
    if value != value.strip():
        msg = f"{what} must not begin or end with a blank: {shown(value)}"
        raise InvalidRequest(msg)
    if (found := _forbidden(value)) is not None:
        msg = f"{what} must not contain {found[0]!r}: {shown(value)}"
        raise InvalidRequest(msg)
    if not is_normalized("NFC", value):
        msg = f"{what} must be in Unicode normal form NFC: {shown(value)}"
        raise InvalidRequest(msg)
    return value
