"""Find out in which encoding the bytes of a text are, by the bytes alone.

What is UTF-8 can hardly be anything else. Of other texts the encoding is taken in which their bytes
are letters and signs that people write; it may be named instead, where that is wrong.
"""

from __future__ import annotations

import codecs
from collections import Counter
from typing import IO, Final

import attrs

#: The encodings by the names that people give them.
NAMED: Final = (
    *("utf-8", "utf-16", "utf-16-le", "utf-16-be"),
    *("latin-1", "iso-8859-15", "cp1252", "cp1250", "cp850", "mac-roman"),
)
#: Byte order marks; the longer ones first, for one begins with another.
MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
#: Encodings of one byte a letter that are looked for, the commonest first.
SINGLE: Final = ("cp1252", "mac-roman", "cp850")
#: How undecodable bytes are kept: as characters that no text has.
KEPT: Final = "timebank-kept"

_CHUNK: Final = 1 << 20
#: Letters that stand within words, and signs; the quotation marks, dashes and others by number.
_SMALL: Final = frozenset(
    "àáâäãåèéêëìíîïòóôöõùúûüñçßæœøÿ«»…€°ºª·¡¿£§\u00a0\u00b4\u2013\u2014\u2018\u2019\u201c\u201d"
)
_LARGE: Final = frozenset("ÀÁÂÄÃÅÈÉÊËÌÍÎÏÒÓÔÖÕÙÚÛÜÑÇÆŒØ")


def _keep(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "\udcff", error.end


codecs.register_error(KEPT, _keep)


@attrs.frozen
class Encoding:
    """An encoding, and the bytes of the byte order mark before the text."""

    name: str
    mark: bytes = b""

    @property
    def errors(self) -> str:
        """How a decoder is told to keep bytes that are no letters."""
        return KEPT if self.name.startswith(("utf-16", "utf-32")) else "surrogateescape"


def encoding_of(file: IO[bytes], named: str = "auto") -> Encoding:
    r"""Return the encoding of a file, which is read whole unless its encoding is `named`.

    >>> from io import BytesIO
    >>> from timebank.interchange.sheets.encodings import encoding_of
    >>> encoding_of(BytesIO("caffè".encode())).name, encoding_of(BytesIO(b"caff\xe8")).name
    ('utf-8', 'cp1252')
    >>> encoding_of(BytesIO("caffè".encode("utf-16"))).name
    'utf-16-le'
    """
    head = file.read(_CHUNK)
    mark, marked = next(((mark, name) for mark, name in MARKS if head.startswith(mark)), (b"", ""))
    if named not in {"auto", "utf-16"}:
        return Encoding(named, mark if marked == named else b"")
    if mark:
        return Encoding(marked, mark)
    if wide := _wide(head) or ("utf-16-le" if named == "utf-16" else ""):
        return Encoding(wide)
    return Encoding(_by_letters(head, file))


def _wide(head: bytes) -> str:
    """Return the encoding of two bytes a letter in which a text seems to be, or nothing."""
    sample = head[:4096]
    half = len(sample) // 2
    if half < 2:  # noqa: PLR2004 - two letters
        return ""
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if odd > 0.4 * half and even < 0.1 * half:
        return "utf-16-le"
    if even > 0.4 * half and odd < 0.1 * half:
        return "utf-16-be"
    return ""


def _by_letters(head: bytes, file: IO[bytes]) -> str:
    """Return UTF-8, unless most bytes beyond ASCII cannot be that."""
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    right = wrong = 0
    high: Counter[int] = Counter()
    chunk = head
    while True:
        if chunk.isascii() and chunk and not decoder.getstate()[0]:
            chunk = file.read(_CHUNK)
            continue
        text = decoder.decode(chunk, final=not chunk)
        found = len(text) - len(text.encode("ascii", "ignore"))
        bad = 0
        if found and not _is_valid(text):
            bad = sum("\udc80" <= one <= "\udcff" for one in text)
        right, wrong = right + found - bad, wrong + bad
        if bad:
            high.update(byte for byte in chunk if byte > 127)  # noqa: PLR2004 - beyond ASCII
        if not chunk:
            return single(high) if wrong > right else "utf-8"
        chunk = file.read(_CHUNK)


def _is_valid(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def single(high: Counter[int]) -> str:
    """Return the encoding in which bytes beyond ASCII, by their numbers, are what people write.

    >>> from collections import Counter
    >>> from timebank.interchange.sheets.encodings import single
    >>> single(Counter("perché così".encode("mac-roman")))
    'mac-roman'
    """
    return max(SINGLE, key=lambda name: sum(n * _weight(byte, name) for byte, n in high.items()))


def _weight(byte: int, name: str) -> int:
    if byte < 128:  # noqa: PLR2004 - ASCII
        return 0
    letter = bytes([byte]).decode(name, "replace")
    if letter in _SMALL:
        return 4
    if letter in _LARGE:
        return 2
    return 1 if letter.isalpha() else -4


def better(text: str) -> str | None:
    r"""Return the encoding that would do for a text with bytes that were no letters, if one would.

    >>> from timebank.interchange.sheets.encodings import better
    >>> better("caff\udce8")
    'cp1252'
    """
    try:
        raw = text.encode("utf-8", "surrogateescape")
        name = single(Counter(raw))
        raw.decode(name)
    except UnicodeError:
        return None
    return name
