r"""The journal's canonical form, digests and commitments. Pure.

The format is specified in `docs/journal-format.md`, from which a stranger can
verify an export without this code. A record's bytes are a JSON object in the
canonical form of RFC 8785, restricted to integers within ±2**53, strings without
lone surrogates, and ASCII keys; what is hashed is what is stored.

>>> from timebank.journal import canonical, parse
>>> canonical({"b": 1, "a": "è"})
b'{"a":"\xc3\xa8","b":1}'
>>> parse(b'{"a":1}')
{'a': 1}
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from typing import Any, Final

from timebank.errors import Corrupt
from timebank.model import MAX_INTEGER

FORMAT: Final = "timebank/1"
#: A sign and sixteen digits hold every integer of the form.
_MOST_DIGITS: Final = 17

#: What is said of a bank whose records have no day.
OF_NOVEMBER: Final = (
    "this bank was written before the format of its journal was settled (its records have no "
    "recorded_on): nothing had been released then, and this version does not read it; make a "
    "new bank, and import what the old one exported as a spreadsheet"
)
_RECORDED: Final = re.compile(
    rb'"recorded_at":(-?\d{1,17})[,}](?:"recorded_on":"(\d{4}-\d\d-\d\d)")?'
)

_encoder: Final = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
)


def _make_chunks() -> Callable[[Any, int], Iterable[str]]:
    """Return the encoder's C function, which it would make anew for each value.

    It takes a value and an indentation, and returns the parts of its text.
    """
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:
        return lambda value, _: _encoder.encode(value)
    chunks: Callable[[Any, int], Iterable[str]] = make(
        None,
        _encoder.default,
        json.encoder.encode_basestring,
        None,
        _encoder.key_separator,
        _encoder.item_separator,
        _encoder.sort_keys,
        _encoder.skipkeys,
        _encoder.allow_nan,
    )
    return chunks


_chunks = _make_chunks()


def canonical(value: Mapping[str, object]) -> bytes:
    """Return the bytes of a record whose values are within the restricted form.

    Python sorts keys by code point and RFC 8785 by UTF-16 unit: keys are ASCII, where
    the two agree.
    """
    return "".join(_chunks(value, 0)).encode()


def _refuse(token: str) -> Any:
    msg = f"a journal holds no such number: {token[:40]}"
    raise Corrupt(msg)


def _integer(token: str) -> int:
    if len(token) > _MOST_DIGITS or not -MAX_INTEGER <= int(token) <= MAX_INTEGER:
        _refuse(token)
    return int(token)


_decoder: Final = json.JSONDecoder(parse_float=_refuse, parse_constant=_refuse, parse_int=_integer)


def _decoded(text: str) -> Any:
    """Return what the decoder does, which looks for blanks around it before and after."""
    try:
        value, end = _decoder.scan_once(text, 0)  # type: ignore[attr-defined]  # it has it
    except StopIteration:
        end = -1
    return value if end == len(text) else _decoder.decode(text)


def parse(body: bytes) -> dict[str, Any]:
    """Return the object that a record's bytes say.

    :raises Corrupt: not UTF-8, not JSON, not an object, or a number out of the form.
    """
    try:
        value = _decoded(body.decode())
    except (ValueError, RecursionError) as error:
        msg = f"a record's bytes are not canonical JSON: {error}"
        raise Corrupt(msg) from error
    if type(value) is not dict:
        msg = f"a record is a JSON object, not {type(value).__name__}"
        raise Corrupt(msg)
    return value


def is_of_november(body: bytes) -> bool:
    """Return whether a record was written before every record had its day.

    >>> from timebank.journal import is_of_november
    >>> is_of_november(b'{"kind":"x","recorded_at":17,"request":{}}')
    True
    """
    found = _RECORDED.search(body)
    return found is not None and found[2] is None


def recorded(body: bytes) -> tuple[int, str]:
    """Return the instant of a record, in microseconds since 1970, and its day, unread otherwise.

    What stands before them are the effects, which have no such keys, and words in which a
    quotation mark is escaped: so the first keys of these names are the record's own.

    :raises Corrupt: there is none, or it is no integer of the form; or the record has no day: it
        was written before every record had one.

    >>> from timebank.journal import recorded
    >>> recorded(b'{"kind":"x","recorded_at":17,"recorded_on":"1970-01-01","request":{}}')
    (17, '1970-01-01')
    """
    found = _RECORDED.search(body)
    if found is None:
        msg = f"a record has no instant: {body[:60]!r}"
        raise Corrupt(msg)
    if found[2] is None:
        raise Corrupt(OF_NOVEMBER)
    return _integer(found[1].decode()), found[2].decode()


def genesis(journal: str) -> bytes:
    """Return `digest(0)`: SHA-256 of `timebank/1:` and the journal's id."""
    return sha256(f"{FORMAT}:{journal}".encode()).digest()


def digest(before: bytes, body: bytes) -> bytes:
    """Return `digest(n)`: SHA-256 of `digest(n-1)` and the bytes of record n."""
    return sha256(before + body).digest()


def commitment(salt: bytes, text: str) -> str:
    """Return the commitment of a text: SHA-256 of 16 bytes of salt and the text, in hex.

    >>> from timebank.journal import commitment
    >>> commitment(bytes(16), "Maria R.")[:8]
    '5aae9e11'
    """
    return sha256(salt + text.encode()).hexdigest()


def refers_to(effects: Mapping[str, Any]) -> Any:
    """Return the sequence of the record that effects go back to; `None` where there is none.

    >>> from timebank.journal import refers_to
    >>> refers_to({"reverses": 7}), refers_to({})
    (7, None)
    """
    for field in ("reverses", "resolves", "of", "amends"):
        if field in effects:
            return effects[field]
    return None
