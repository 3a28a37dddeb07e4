"""Find what a changed record said, where its digest, or the rows beside it, still tell.

The digest beside a record was made of what it said at first. A text that gives this digest is
that: nobody can find another. So what is likely is tried: the rows beside it, other hours, other
days, other accounts, one byte that differs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from hashlib import sha256
from typing import Any, Final

from timebank.errors import TimebankError
from timebank.journal import canonical, parse
from timebank.model import PostingRow, RecordRow

#: Seconds that are tried in place of those of an exchange: each up to a day, each minute up to
#: a hundred hours.
_DAY_SECONDS: Final = 86_400
_MINUTES: Final = range(60, 100 * 3600 + 1, 60)
#: Days that are tried before and after the one that is there.
_DAYS: Final = 3 * 366
#: Accounts that are tried in place of each that is there.
_MOST_ACCOUNTS: Final = 5_000
#: The longest record of which each byte is tried.
_MOST_BYTES: Final = 4_000


def recovered(
    before: bytes, row: RecordRow, rows: Sequence[PostingRow], accounts: Sequence[str]
) -> dict[str, Any] | None:
    """Return what a record said when its digest was made; `None` where that is not found.

    `before` is the digest of the record before it, `rows` are the postings that are stored of
    it, and `accounts` the ids of those that may have been in it.
    """
    start = sha256(before)
    for body in _candidates(row, rows, accounts):
        tried = start.copy()
        tried.update(body)
        if tried.digest() == row.digest:
            return read(body)
    return None


def read(body: bytes) -> dict[str, Any] | None:
    """Return the content of a record; `None` where it cannot be read."""
    try:
        return parse(body)
    except (TimebankError, ValueError, RecursionError):
        return None


def with_rows(content: Mapping[str, Any], rows: Sequence[PostingRow]) -> dict[str, Any] | None:
    """Return a record as the stored postings of it say; `None` where they say nothing of it."""
    effects, request = content.get("effects"), content.get("request")
    if not rows or not isinstance(effects, dict) or not isinstance(request, dict):
        return None
    if "postings" not in effects:
        return None
    lines: list[list[Any]] = [[row.account, row.seconds] for row in rows]
    days = {row.day for row in rows}
    day = days.pop() if len(days) == 1 else effects.get("occurred_on")
    order = [account for account, _ in effects["postings"]]
    lines.sort(key=lambda line: order.index(line[0]) if line[0] in order else -1)
    asked = dict(request)
    if "earners" in request and "fee" not in effects:
        asked["earners"] = sorted([line for line in lines if line[1] > 0])
        asked["spenders"] = sorted([[id, -seconds] for id, seconds in lines if seconds < 0])
        lines = asked["earners"] + [[id, -seconds] for id, seconds in asked["spenders"]]
    if "occurred_on" in request:
        asked["occurred_on"] = day
    return {
        **content,
        "request": asked,
        "effects": {**effects, "postings": lines, "occurred_on": day},
    }


def _candidates(
    row: RecordRow, rows: Sequence[PostingRow], accounts: Sequence[str]
) -> Iterator[bytes]:
    """Yield what a record may have said, the likely first."""
    content = read(row.body)
    if content is not None:
        yield from _as_beside(content, row, rows)
        yield from _other_hours(content, row.body)
        yield from _other_days(content, row.body)
        yield from _other_accounts(content, row.body, accounts)
    if len(row.body) <= _MOST_BYTES:
        yield from _one_byte(row.body)


def _as_beside(
    content: dict[str, Any], row: RecordRow, rows: Sequence[PostingRow]
) -> Iterator[bytes]:
    """Yield the record as the rows and the columns beside it say."""
    known = [content, with_rows(content, rows)]
    for one in known:
        if one is None:
            continue
        request = one["request"] if isinstance(one.get("request"), dict) else {}
        for kind in (one.get("kind"), row.kind):
            for id in (request.get("id"), row.id):
                asked = request if id is None else {**request, "id": id}
                yield from _made({**one, "kind": kind, "request": asked, "sequence": row.sequence})


def _made(content: dict[str, Any]) -> Iterator[bytes]:
    try:
        yield canonical(content)
    except (TimebankError, TypeError, ValueError):
        return


def _other_hours(content: Mapping[str, Any], body: bytes) -> Iterator[bytes]:
    """Yield the record with other hours, where one quantity is in it, or two by mistake."""
    found = sorted({abs(seconds) for _, seconds in _pairs(content)})
    if not 1 <= len(found) <= 2:  # noqa: PLR2004  # that which was, and that which was put there
        return
    for quantity in (*found, *range(1, _DAY_SECONDS + 1), *_MINUTES):
        other = body
        for old in found:
            other = other.replace(b"%d]" % old, b"%d]" % quantity)
        yield other


def _other_days(content: Mapping[str, Any], body: bytes) -> Iterator[bytes]:
    """Yield the record with another day of service."""
    effects, request = content.get("effects"), content.get("request")
    days = [one.get("occurred_on") for one in (effects, request) if isinstance(one, dict)]
    written = [day for day in dict.fromkeys(days) if isinstance(day, str)]
    try:
        middle = date.fromisoformat(str(content.get("recorded_on")))
    except ValueError:
        return
    for number in range(-_DAYS, _DAYS + 1):
        day = (middle + timedelta(days=number)).isoformat().encode()
        other = body
        for one in written:
            asked = b'"occurred_on":"%s"' % one.encode()
            other = other.replace(asked, b'"occurred_on":"%s"' % day)
            if other != body:
                yield body.replace(asked, b'"occurred_on":"%s"' % day, 1)
        yield other


def _other_accounts(
    content: Mapping[str, Any], body: bytes, accounts: Sequence[str]
) -> Iterator[bytes]:
    """Yield the record with another account in place of one of its own."""
    own = dict.fromkeys(account for account, _ in _pairs(content) if isinstance(account, str))
    for old in own:
        for other in accounts[:_MOST_ACCOUNTS]:
            if written := _quoted(old):
                yield body.replace(written, _quoted(other))


def _quoted(text: str) -> bytes:
    """Return a text as it stands in a record."""
    try:
        return canonical({"": text})[len('{"":') : -1]
    except ValueError:  # no Unicode
        return b""


def _pairs(content: Mapping[str, Any]) -> list[tuple[Any, int]]:
    """Return all pairs of an account and seconds in a record."""
    found = []
    for part in (content.get("request"), content.get("effects")):
        if isinstance(part, dict):
            for name in ("earners", "spenders", "postings", "lines"):
                found += [pair for pair in _of(part.get(name)) if type(pair[1]) is int]
    return found


def _of(lines: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(lines, list):
        yield from ((one[0], one[1]) for one in lines if isinstance(one, list) and len(one) == 2)  # noqa: PLR2004  # a pair


def _one_byte(body: bytes) -> Iterator[bytes]:
    """Yield the record with one byte changed, taken away or put in."""
    for at in range(len(body)):
        first, last = body[:at], body[at + 1 :]
        yield first + last
        for value in range(256):
            yield first + bytes((value,)) + last
            yield first + bytes((value,)) + body[at:]
