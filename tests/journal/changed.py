"""Golden journals with another value at one place, and digests that fit again."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from hashlib import sha256
from typing import Any, Final

from golden import make

JSON = dict[str, Any]
Place = tuple[str | int, ...]
#: Stands for a field that is taken away.
GONE: Final = object()


def records_of(journal: str) -> list[JSON]:
    """The records of a golden journal."""
    lines = make.path_of(journal).read_bytes().splitlines()[1:]
    return [json.loads(line)["record"] for line in lines]


def canonical(value: JSON) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def rechained(records: list[JSON]) -> bytes:
    """The export of a journal with digests that fit, as `timebank journal` writes it."""
    lines = []
    digest = sha256(f"timebank/1:{records[0].get('journal')}".encode()).digest()
    for record in records:
        body = canonical(record)
        digest = sha256(digest + body).digest()
        sequence = json.dumps(record.get("sequence")).encode()
        lines.append(b'{"sequence":%s,"digest":"%s"' % (sequence, digest.hex().encode()))
        lines.append(b',"record":%s}\n' % body)
    return b"".join(lines)


def forged(records: list[JSON], sequence: int, place: Place, value: Any) -> list[JSON]:
    """The records, with another value at a place of one of them."""
    record = copy.deepcopy(records[sequence - 1])
    inner: Any = record
    for step in place[:-1]:
        inner = inner[step]
    if value is GONE:
        del inner[place[-1]]
    else:
        inner[place[-1]] = value
    assert canonical(record) != canonical(records[sequence - 1]), (sequence, place)
    return [*records[: sequence - 1], record, *records[sequence:]]


def place_of(path: str) -> Place:
    """A place, from words with dots."""
    return tuple(int(step) if step.isdigit() else step for step in path.split("."))


def changes(value: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Yield other values for each place within a record."""
    if isinstance(value, dict):
        yield (*place, "more"), 1
        yield place, None
        for name, inner in value.items():
            yield (*place, name), GONE
            yield from changes(inner, (*place, name))
    elif isinstance(value, list):
        yield place, []
        yield place, {}
        yield place, [*value, *value[-1:]]
        yield place, value[::-1]
        yield place, value[:-1]
        for number, inner in enumerate(value):
            yield from changes(inner, (*place, number))
    elif isinstance(value, bool) or value is None:
        yield from ((place, one) for one in (not value, 1, "2026-01-01"))
    elif isinstance(value, int):
        yield from ((place, one) for one in (value + 1, value - 1, -value, 0, str(value)))
    else:
        yield from ((place, one) for one in (f"{value}x", value[:-1], value[::-1], 1, None))


def is_same(record: JSON, place: Place, value: Any) -> bool:
    """Return whether a change is none."""
    inner: Any = record
    for step in place:
        if isinstance(inner, dict) and step not in inner:
            return False
        inner = inner[step]
    return value is not GONE and canonical({"": inner}) == canonical({"": value})


def is_told_by_both(kind: str, place: Place) -> bool:
    """Return whether only the journals of two banks together tell another value at a place.

    What one bank keeps of the other: its messages with their signatures, its key, its heads, and
    why it refused.
    """
    told = {("agree", "key"), ("readmit", "head"), ("refuse", "code")}
    message = place[0] == "request" and place[1:2] in {("offer",), ("answer",)}
    return (message and kind != "hold") or place[1:2] == ("seen",) or (kind, *place[1:2]) in told
