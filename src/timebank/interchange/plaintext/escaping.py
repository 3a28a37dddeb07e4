"""Write ids, titles and values as plain-text accounting can hold them.

An id becomes one part of the name of an account, another one for each id. A value becomes one
line, of which no program takes a part for a date, a tag or the end of it.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable
from typing import Any, Final

#: A value that is written as it is; all others are JSON.
_WORD: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./+:-]*", re.ASCII)
_NOT_PLAIN: Final = re.compile(r"[^A-Za-z0-9' -]+", re.ASCII)
_NOT_ASCII: Final = re.compile(r"[^\x00-\x7f]")
#: They join emoji and the letters of some scripts, and turn nothing round.
_JOINERS: Final = "\u200c\u200d"


def component(id: str, *, unsafe: re.Pattern[str], mark: str) -> str:
    """Return an id in ASCII: what is unsafe is its code point between two marks.

    Capitals are kept, and named once more at the end: `u` and, in hexadecimal, which letters they
    are. So no two ids meet, even where somebody takes capitals for small letters.

    >>> import re
    >>> from timebank.interchange.plaintext.escaping import component
    >>> component("via Roma", unsafe=re.compile("[^A-Za-z0-9]"), mark="_")
    'via_20_Roma_u10'
    """
    name = unsafe.sub(lambda found: f"{mark}{ord(found[0]):x}{mark}", id)
    capitals = sum(1 << place for place, letter in enumerate(id) if "A" <= letter <= "Z")
    return f"{name}{mark}u{capitals:x}" if capitals else name


def title(kind: str, category: str | None = None) -> str:
    """Return the title of a transaction: ASCII letters, digits, apostrophes, hyphens and blanks.

    >>> from timebank.interchange.plaintext.escaping import title
    >>> title("exchange", "attività: (nuove)")
    'exchange attivita nuove'
    """
    text = kind if category is None else f"{kind} {category}"
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return " ".join(_NOT_PLAIN.sub(" ", plain).split())


def value(content: Any) -> str:
    r"""Return a value on one line: a plain word as it is, all else as JSON.

    A bracket, which may begin a date, and what cannot be seen are `\u005b` and the like.

    >>> from timebank.interchange.plaintext.escaping import value
    >>> value("visit-81"), value("due\nrighe [1]")
    ('visit-81', '"due\\nrighe \\u005b1]"')
    """
    if type(content) is str and _WORD.fullmatch(content):
        return content
    return visible(json.dumps(content, ensure_ascii=False)).replace("[", "\\u005b")


def fitted(content: Any, write: Callable[[Any], str], most_bytes: int) -> str:
    """Return a value as `write` writes it, cut where it takes more bytes, with a note of it.

    What is cut is written as a text, whatever it was.

    >>> from timebank.interchange.plaintext.escaping import fitted, value
    >>> fitted("a note", value, 8), fitted("è" * 99, value, 48)
    ('"a note"', '"èèèèèèèèè (cut: 9 of 99 characters)"')
    """
    whole = write(content)
    if len(whole.encode()) <= most_bytes:
        return whole
    text = content if type(content) is str else whole

    def cut(kept: int) -> str:
        return write(f"{text[:kept]} (cut: {kept} of {len(text)} characters)")

    low, high = 0, len(text)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if len(cut(middle).encode()) <= most_bytes else (low, middle)
    return cut(low)


def visible(text: str, *, keep: str = "") -> str:
    r"""Return a text in which what cannot be seen, or turns its neighbours round, is `\u202e`.

    >>> from timebank.interchange.plaintext.escaping import visible
    >>> visible("a\u202eb")
    'a\\u202eb'
    """
    if text.isprintable():
        return text
    kept = keep + _JOINERS
    return "".join(c if c.isprintable() or c in kept else _code(c) for c in text)


def ascii_only(text: str) -> str:
    r"""Return a text in ASCII, all else as JSON has it.

    >>> from timebank.interchange.plaintext.escaping import ascii_only
    >>> ascii_only("Nicolò")
    'Nicol\\u00f2'
    """
    return text if text.isascii() else _NOT_ASCII.sub(lambda found: _code(found[0]), text)


def _code(character: str) -> str:
    """Return a character as JSON has it in ASCII: two escapes, where it needs a pair."""
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[n]:02x}{units[n + 1]:02x}" for n in range(0, len(units), 2))
