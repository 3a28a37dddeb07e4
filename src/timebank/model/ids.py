"""Check ids, which are the same on every store.

`docs/journal-format.md` has the same rules as a table, and the audit has them once more for itself
(`timebank.audit.id_rules`).
"""

from __future__ import annotations

import re
from typing import Final
from unicodedata import is_normalized

from timebank.errors import InvalidRequest, WrongType, shown
from timebank.model import MAX_ID_CHARACTERS

#: Printable ASCII without a blank at either end, and not too long for any id. Most ids match, and
#: need no other check.
is_plain: Final = re.compile(rf"[!-~](?:[ -~]{{0,{MAX_ID_CHARACTERS - 2}}}[!-~])?").fullmatch
#: Blanks, none of which may stand at either end.
BLANKS: Final = (
    " \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u202f\u205f\u3000"
)
#: Zero width non-joiner and joiner, which Persian, Hindi and others are written with.
JOINERS: Final = "\u200c\u200d"
#: The first and the last of the letters and signs of the scripts that are written with joiners.
JOINING: Final = (
    # Arabic:
    "\u0620\u065f \u066e\u06d3 \u06d5\u06d5 \u06ee\u06ef \u06fa\u06ff \u0750\u077f \u08a0\u08c9",
    "\u0710\u074f",  # Syriac
    "\u0900\u0963 \u0970\u097f",  # Devanagari
    "\u0980\u09e3 \u09f0\u09ff",  # Bengali
    "\u0a00\u0a63 \u0a70\u0a7f",  # Gurmukhi
    "\u0a80\u0ae3 \u0af0\u0aff",  # Gujarati
    "\u0b00\u0b63 \u0b70\u0b7f",  # Oriya
    "\u0b80\u0be3 \u0bf0\u0bff",  # Tamil
    "\u0c00\u0c63 \u0c70\u0c7f",  # Telugu
    "\u0c80\u0ce3 \u0cf0\u0cff",  # Kannada
    "\u0d00\u0d63 \u0d70\u0d7f",  # Malayalam
    "\u0d80\u0de3 \u0df0\u0dff",  # Sinhala
    "\u1780\u17d3",  # Khmer
)
#: The first and the last of what cannot be seen: control and format characters (with the tags
#: beside them, and without the joiners), line and paragraph separators, lone surrogates.
UNSEEN: Final = (
    "\0\x1f \x7f\x9f \xad\xad \u0600\u0605 \u061c\u061c \u06dd\u06dd \u070f\u070f \u0890\u0891 "
    "\u08e2\u08e2 \u180e\u180e \u200b\u200b \u200e\u200f \u2028\u202e \u2060\u206f \ud800\udfff "
    "\ufeff\ufeff \ufff9\ufffb \U000110bd\U000110bd \U000110cd\U000110cd \U00013430\U0001343f "
    "\U0001bca0\U0001bca3 \U0001d173\U0001d17a \U000e0000\U000e007f"
)


def identifier(value: object, what: str, *, longest: int = MAX_ID_CHARACTERS) -> str:
    r"""Check that a value is an id, and return it.

    An id has 1 to `longest` characters, is in Unicode normal form NFC, and has no control
    or format characters and no blank at either end. A joiner may stand between two letters of
    a script that is written with joiners.

    :raises WrongType: not a str.
    :raises InvalidRequest: it is not an id.

    >>> from timebank.model.ids import identifier
    >>> identifier("visit-81", "id")
    'visit-81'
    >>> identifier("a\u200bb", "id")
    Traceback (most recent call last):
    timebank.errors.InvalidRequest: id must not contain '\u200b', which cannot be seen: 'a\u200bb'
    """
    if type(value) is not str:
        msg = f"{what} must be a str, not {type(value).__name__}: {shown(value)}"
        raise WrongType(msg).about(key="wanted_other", expected="a text", given=shown(value))
    if not 1 <= len(value) <= longest:
        msg = f"{what} must have 1 to {longest} characters, not {len(value)}: {shown(value)}"
        if longest != MAX_ID_CHARACTERS:  # a category, a tag, a source
            raise InvalidRequest(msg).about(key="label_length", longest=longest, length=len(value))
        raise InvalidRequest(msg).about(key="id_length", longest=longest, id=shown(value))
    if is_plain(value):
        return value
    if value[0] in BLANKS or value[-1] in BLANKS:
        msg = f"{what} must not begin or end with a blank: {shown(value)}"
        raise InvalidRequest(msg).about(key="id_blank", id=shown(value))
    if (why := _unseen(value)) is not None:
        msg = f"{what} must not contain {why}: {shown(value)}"
        raise InvalidRequest(msg).about(key="id_characters", id=shown(value))
    if not is_normalized("NFC", value):
        msg = f"{what} must be in Unicode normal form NFC: {shown(value)}"
        raise InvalidRequest(msg).about(key="id_characters", id=shown(value))
    return value


def _unseen(value: str) -> str | None:
    """Return a character that cannot be seen, and may not be there, in words.

    Of what is on the list nothing is printable, in whatever version of Unicode.
    """
    if value.isprintable():
        return None
    for n, character in enumerate(value):
        if character in JOINERS and not _joins(value[max(n - 1, 0) : n], value[n + 1 : n + 2]):
            return f"{character!r} but between two letters of a script that is written with it"
        if _is_within(character, UNSEEN):
            return f"{character!r}, which cannot be seen"
    return None


def _joins(before: str, behind: str) -> bool:
    """Return whether both are there, and of one script that is written with joiners."""
    return any(_is_within(before, script) and _is_within(behind, script) for script in JOINING)


def _is_within(character: str, ranges: str) -> bool:
    """Return whether a character is in one of the ranges: each two characters, and a blank."""
    return any(ranges[n] <= character <= ranges[n + 1] for n in range(0, len(ranges), 3))
