"""Tell ids that look alike, which are not the same id: by case, by marks that cannot be seen.

Nothing is decided by it: an import names such ids, and books them as they are.
"""

from __future__ import annotations

from typing import Final
from unicodedata import category, normalize

#: Marks that are no format characters, and cannot be seen either: joiners of graphemes, fillers,
#: inherent vowels, variation selectors; the first and the last of each range.
_MARKS: Final = (
    "\u034f\u034f \u115f\u1160 \u17b4\u17b5 \u180b\u180f \u3164\u3164 \ufe00\ufe0f "
    "\uffa0\uffa0 \U000e0100\U000e01ef"
)
#: What looks like a blank and is in no category of them.
_BRAILLE_BLANK: Final = "\u2800"


def folded(id: str) -> str:
    r"""Return what is left of an id where case and what cannot be seen are of no account.

    >>> from timebank.model.alike import folded
    >>> folded("Anna\u00a0B") == folded("anna\u200c b")
    True
    """
    if id.isascii():
        return id.lower().strip()
    seen = "".join(
        " " if _is_blank(character) else character for character in id if not is_unseen(character)
    )
    return normalize("NFC", seen.casefold()).strip()


def is_unseen(character: str) -> bool:
    """Return whether a character is a mark that cannot be seen."""
    return category(character) == "Cf" or any(
        _MARKS[n] <= character <= _MARKS[n + 1] for n in range(0, len(_MARKS), 3)
    )


def _is_blank(character: str) -> bool:
    return character == _BRAILLE_BLANK or category(character) == "Zs"


def escaped(id: str) -> str:
    r"""Return an id in which what cannot be seen, or looks like a blank, is its code point.

    >>> from timebank.model.alike import escaped
    >>> print(escaped("anna\u200c b"))
    anna\u200c b
    """
    if id.isascii():
        return id
    return "".join(
        character.encode("unicode_escape").decode()
        if not character.isascii() and (is_unseen(character) or _is_blank(character))
        else character
        for character in id
    )
