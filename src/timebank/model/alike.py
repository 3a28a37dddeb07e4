"""Tell texts that look alike: ids, which are not the same id for it, and names of people.

By ids nothing is decided: an import names such ones, and books them as they are. A name is
compared as people write it, once with accents and once without.
"""

from __future__ import annotations

import re
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
#: Accents of Latin, Greek and Cyrillic letters, as marks of their own; the vowel signs of other
#: scripts are letters.
_ACCENTS: Final = re.compile("[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\ufe20-\ufe2f]")
_APOSTROPHES: Final = re.compile("[\u2018\u2019\u02bc\u2032`\u00b4]")
_DOTLESS: Final = "\u0131"
#: An apostrophe that ends a word is an accent, typed where the keyboard has none.
_TYPED_ACCENT: Final = re.compile(r"(?<=\w)'(?!\w)")


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


def folded_name(name: str) -> str:
    r"""Return what is left of a name without case, accents and marks that cannot be seen.

    Blanks at the ends are left out, those within are one each. An apostrophe is one, however it
    was typed, and an accent where it ends a word.

    >>> from timebank.model.alike import folded_name
    >>> folded_name(" NICOLO'  D\u2019Angelo") == folded_name("Nicol\u00f2 D'Angelo\u200b")
    True
    >>> folded_name("Annarita") == folded_name("Anna Rita")
    False
    """
    if not name.isascii():
        seen = "".join(" " if _is_blank(one) else one for one in name if not is_unseen(one))
        plain = normalize("NFKC", _APOSTROPHES.sub("'", seen)).casefold()
        plain = plain.replace(_DOTLESS, "i")  # its capital is that of `i`
        name = normalize("NFC", _ACCENTS.sub("", normalize("NFD", plain)))
    return " ".join(_TYPED_ACCENT.sub("", _APOSTROPHES.sub("'", name).casefold()).split())


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
