r"""Notes: a text and the signatures under it, in C2SP *signed-note*.

A note is read strictly: what is read is written again byte by byte as it was. Whose signatures
they are is not decided here: see `keys`.

>>> from timebank.proof.notes import Note
>>> note = Note.of("It snows.\n\n— example.com/foo Uw2QOgAA\n")
>>> note.text, note.signatures[0].name, note.signatures[0].key_id.hex()
('It snows.\n', 'example.com/foo', '530d903a')
>>> str(note) == "It snows.\n\n— example.com/foo Uw2QOgAA\n"
True
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable, Sequence
from typing import Final

import attrs

from timebank.errors import shown
from timebank.journal.tree import EMPTY, MOST_HASHES
from timebank.proof.errors import NotProved

#: A note has no more signatures than this.
MOST_SIGNATURES: Final = 100
#: Bytes of the number of a key, which stand before each signature.
KEY_ID_BYTES: Final = 4
#: Bytes of a hash: a root, or one of a proof.
HASH_BYTES: Final = len(EMPTY)

_DASH: Final = "\u2014 "
#: The first character that is no ASCII control character.
_FIRST_SHOWN: Final = " "


def base64_of(data: bytes) -> str:
    """Return bytes in base64.

    >>> from timebank.proof.notes import base64_of
    >>> base64_of(b"hours")
    'aG91cnM='
    """
    return b64encode(data).decode()


def bytes_of(text: str) -> bytes | None:
    r"""Return the bytes that a text in base64 says; `None` where it is not the one text of them.

    >>> from timebank.proof.notes import bytes_of
    >>> bytes_of("aG91cnM="), bytes_of("aG91cnN="), bytes_of("aG91cnM=\n"), bytes_of("aG91cnM")
    (b'hours', None, None, None)
    """
    try:
        data = b64decode(text, validate=True)
    except ValueError:  # a character that is not of ASCII, or what is no base64
        return None
    return data if base64_of(data) == text else None


def hashes_of(lines: Sequence[str]) -> tuple[bytes, ...] | None:
    """Return the hashes of a proof, each a line in base64; `None` where they are those of none.

    >>> from timebank.proof.notes import base64_of, hashes_of
    >>> hashes_of([base64_of(bytes(32))]) == (bytes(32),), hashes_of(["aG91cnM="])
    (True, None)
    """
    found = tuple(bytes_of(line) or b"" for line in lines)
    is_proof = len(found) <= MOST_HASHES and all(len(one) == HASH_BYTES for one in found)
    return found if is_proof else None


def is_key_name(name: str) -> bool:
    """Return whether a key can have this name: not empty, and without any space or a plus.

    What a line cannot have, control characters and lone surrogates, no name has either.

    >>> from timebank.proof.notes import is_key_name
    >>> is_key_name("timebank/8a1e"), is_key_name("Banca del tempo"), is_key_name("a+b")
    (True, False, False)
    """
    return name != "" and not any(
        one.isspace() or one < _FIRST_SHOWN or one == "+" or "\ud800" <= one <= "\udfff"
        for one in name
    )


@attrs.frozen
class Signature:
    """A signature under a note: the name of the key, its number (4 bytes), and what it made.

    >>> from timebank.proof.notes import Signature
    >>> print(Signature(name="w", key_id=bytes(4), value=b"signed"))
    — w AAAAAHNpZ25lZA==
    """

    name: str
    key_id: bytes
    value: bytes

    @classmethod
    def of(cls, line: str) -> Signature:
        """Return the signature of a line, which ends without a newline.

        :raises NotProved: it is none.

        >>> from timebank.proof.notes import Signature
        >>> Signature.of("— w AAAAAHNpZ25lZA==").value
        b'signed'
        """
        name, space, text = line.removeprefix(_DASH).partition(" ")
        data = bytes_of(text)
        if (
            not (line.startswith(_DASH) and space and is_key_name(name))
            or data is None
            or len(data) <= KEY_ID_BYTES
        ):
            msg = f"this is no line of a signature: {shown(line)}"
            raise NotProved(msg).about(key="signature_unreadable", line=shown(line))
        return cls(name, data[:KEY_ID_BYTES], data[KEY_ID_BYTES:])

    @property
    def key(self) -> tuple[str, bytes]:
        """The name and the number of the key, which together say which one it is."""
        return self.name, self.key_id

    def __str__(self) -> str:
        return f"{_DASH}{self.name} {base64_of(self.key_id + self.value)}"


def signatures_of(data: str | bytes) -> tuple[Signature, ...]:
    r"""Return the signatures of lines, each with its newline, as a witness answers them.

    :raises NotProved: they are no such lines, or more than `MOST_SIGNATURES`.

    >>> from timebank.proof.notes import signatures_of
    >>> [one.name for one in signatures_of("— w AAAAAHNpZ25lZA==\n")]
    ['w']
    """
    text = text_of(data)
    lines = text.split("\n")
    if lines.pop() or not lines:
        msg = f"lines of signatures, each with a newline behind it, belong here, not {shown(text)}"
        raise NotProved(msg).about(key="note_unreadable")
    if len(lines) > MOST_SIGNATURES:
        msg = f"a note has at most {MOST_SIGNATURES} signatures, not {len(lines)}"
        raise NotProved(msg).about(key="signatures_too_many", most=MOST_SIGNATURES)
    return tuple(map(Signature.of, lines))


def text_of(data: str | bytes) -> str:
    r"""Return what is signed, or sent, as text: UTF-8 without control characters but newlines.

    :raises NotProved: it is none.

    >>> from timebank.proof.notes import text_of
    >>> text_of("è\n".encode())
    'è\n'
    """
    try:
        text = data.decode() if isinstance(data, bytes) else data.encode().decode()
    except UnicodeError as error:
        msg = "this is no text in UTF-8"
        raise NotProved(msg).about(key="note_unreadable") from error
    wrong = next((one for one in text if one < _FIRST_SHOWN and one != "\n"), None)
    if wrong == "\r":
        msg = "its lines end otherwise than those that were signed: take the file as it was"
        raise NotProved(msg).about(key="note_line_ends")
    if wrong is not None:
        msg = f"there is a character {wrong!r}, which is in no text that is signed"
        raise NotProved(msg).about(key="note_characters", character=shown(wrong))
    return text


@attrs.frozen
class Note:
    """A text, which ends in a newline, and the signatures under it.

    `str()` is the note as a file has it.
    """

    text: str
    signatures: tuple[Signature, ...] = ()

    @classmethod
    def of(cls, data: str | bytes) -> Note:
        """Return the note of a file: text, an empty line, one line a signature.

        :raises NotProved: it is no such note.
        """
        text, blank, lines = text_of(data).rpartition("\n\n")
        if not blank:
            msg = "this is no signed text: no empty line stands before the signatures"
            raise NotProved(msg).about(key="note_unreadable")
        return cls(f"{text}\n", signatures_of(lines))

    def signed_by(self, *signatures: Signature) -> Note:
        r"""Return the note with more signatures; one of the same key takes the place of the other.

        >>> from timebank.proof.notes import Note, Signature
        >>> first, other = Signature("w", bytes(4), b"1"), Signature("w", bytes(4), b"2")
        >>> Note("It snows.\n", (first,)).signed_by(other).signatures == (other,)
        True
        """
        found = {one.key: one for one in signatures}
        kept = tuple(one for one in self.signatures if one.key not in found)
        return attrs.evolve(self, signatures=(*kept, *found.values()))

    def without(self, keys: Iterable[tuple[str, bytes]]) -> Note:
        """Return the note without the signatures of these keys, by name and number."""
        gone = set(keys)
        kept = tuple(one for one in self.signatures if one.key not in gone)
        return attrs.evolve(self, signatures=kept)

    def __str__(self) -> str:
        return "\n".join([self.text, *map(str, self.signatures), ""])
