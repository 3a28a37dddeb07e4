"""Read transfers of the commonest form by one pattern.

Most records of most banks are transfers from one to one, without fee or flags. What the pattern
says of the bytes of such a record is all that parsing them, writing them again and looking at each
field would say: that they are canonical, and each field known and of its type. So an audit
spends a fifth of the time on it. What the pattern does not match is no finding: it is parsed
as any other record. That both give the same is a property in `tests/audit/test_audit_plain.py`.
"""

from __future__ import annotations

import re
from typing import Any, Final

from timebank.audit.field_types import TIME, is_day

#: Text in which nothing is escaped; what needs it, or may not stand there, is parsed.
_TEXT: Final = r'"([^"\\\x00-\x1f]*)"'
#: A day, as `is_day` goes on to look at.
_DAY: Final = r'"([0-9]{4}-[01][0-9]-[0-3][0-9])"'
#: Whole seconds above zero, well within the integers of a record.
SECONDS: Final = r"[1-9][0-9]{0,14}"
_INSTANT: Final = r"([1-8][0-9]{15}|[1-9][0-9]{0,14})"
_HEX: Final = r'"([0-9a-f]{64})"'
_TIME: Final = rf'"({TIME})"'


def _maybe(name: str, value: str) -> str:
    return rf'(?:"{name}":{value},)?'


_PLAIN: Final = re.compile(
    r"\{"
    + _maybe("actor", _TEXT)
    + rf'"effects":\{{"occurred_on":{_TEXT},"postings":\[\[{_TEXT},(?P<moved>{SECONDS})\],'
    + rf'\[{_TEXT},-(?P=moved)\]\],"statute":{_TEXT}\}},'
    + rf'"format":{_TEXT},"journal":{_TEXT},"kind":"transfer","recorded_at":{_INSTANT},'
    + rf'"recorded_on":{_DAY},'
    + r'"request":\{'
    + _maybe("area", _TEXT)
    + _maybe("category", _TEXT)
    + rf'"earners":\[\[(?P<who>{_TEXT}),(?P<asked>{SECONDS})\]\],'
    + _maybe("from", _TIME)
    + rf'"id":{_TEXT},"kind":(?!"reversal"){_TEXT},'
    + _maybe("limits", '"(unchecked)"')
    + _maybe("note", _HEX)
    + _maybe("occurred_on", _DAY)
    + _maybe("resource", _TEXT)
    + _maybe("source", _TEXT)
    + rf'"spenders":\[\[(?!(?P=who)){_TEXT},(?P=asked)\]\]'
    + rf'(?:,"to":{_TIME})?(?:,"via":{_TEXT})?'
    + rf'\}},"sequence":({SECONDS})\}}'
)


#: Fields of a request that most do without.
_OTHERS: Final = ("area", "category", "from", "limits", "note", "resource", "source", "to", "via")
_NO_OTHERS: Final = (None,) * len(_OTHERS)


def parse_plain_transfer(body: bytes) -> dict[str, Any] | None:
    """Return the record of these bytes if they are a plain transfer in canonical form, or `None`.

    >>> from timebank.audit.plain_transfers import parse_plain_transfer
    >>> parse_plain_transfer(b'{"kind":"transfer"}') is None
    True
    """
    try:
        text = body.decode()
    except ValueError:
        return None
    found = _PLAIN.fullmatch(text)
    if found is None:
        return None
    (
        actor, day, earner, seconds, spender, statute, form, journal, now, on,
        area, category, _, who, earned, begins, id, kind, limits, note, asked, resource, source,
        payer, ends, via, sequence,
    ) = found.groups()  # fmt: skip
    if not is_day(on) or not is_day(asked or on):
        return None
    amount = int(seconds)
    asked_for = amount if earned == seconds else int(earned)
    request: dict[str, Any] = {
        "earners": [[who, asked_for]],
        "id": id,
        "kind": kind,
        "spenders": [[payer, asked_for]],
    }
    if asked is not None:
        request["occurred_on"] = asked
    others = (area, category, begins, limits, note, resource, source, ends, via)
    if others != _NO_OTHERS:
        fields = zip(_OTHERS, others, strict=True)
        request |= {name: value for name, value in fields if value is not None}
    record: dict[str, Any] = {
        "effects": {
            "occurred_on": day,
            "postings": [[earner, amount], [spender, -amount]],
            "statute": statute,
        },
        "format": form,
        "journal": journal,
        "kind": "transfer",
        "recorded_at": int(now),
        "recorded_on": on,
        "request": request,
        "sequence": int(sequence),
    }
    if actor is not None:
        record["actor"] = actor
    return record
