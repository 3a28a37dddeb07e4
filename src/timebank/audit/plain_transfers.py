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

from timebank.audit.record_fields import is_day

#: Text in which nothing is escaped; what needs it, or may not stand there, is parsed.
_TEXT: Final = r'"([^"\\\x00-\x1f]*)"'
#: A day, as `is_day` goes on to look at.
_DAY: Final = r'"([0-9]{4}-[01][0-9]-[0-3][0-9])"'
#: Whole seconds above zero, well within the integers of a record.
_SECONDS: Final = r"([1-9][0-9]{0,14})"
_INSTANT: Final = r"([1-8][0-9]{15}|[1-9][0-9]{0,14})"
_HEX: Final = r'"([0-9a-f]{64})"'


def _maybe(name: str, value: str) -> str:
    return rf'(?:"{name}":{value},)?'


_PLAIN: Final = re.compile(
    r"\{"
    + _maybe("actor", _TEXT)
    + rf'"effects":\{{"occurred_on":{_TEXT},"postings":\[\[{_TEXT},{_SECONDS}\],'
    + rf'\[{_TEXT},-{_SECONDS}\]\],"statute":{_TEXT}\}},'
    + rf'"format":{_TEXT},"journal":{_TEXT},"kind":"transfer","recorded_at":{_INSTANT},'
    + r'"request":\{'
    + _maybe("area", _TEXT)
    + _maybe("category", _TEXT)
    + rf'"earners":\[\[{_TEXT},{_SECONDS}\]\],"id":{_TEXT},"kind":(?!"reversal"){_TEXT},'
    + _maybe("limits", '"(unchecked)"')
    + _maybe("note", _HEX)
    + _maybe("occurred_on", _DAY)
    + _maybe("resource", _TEXT)
    + _maybe("source", _TEXT)
    + rf'"spenders":\[\[{_TEXT},{_SECONDS}\]\]'
    + rf'(?:,"via":{_TEXT})?'
    + rf'\}},"sequence":{_SECONDS}\}}'
)


#: Fields of a request that most do without.
_OTHERS: Final = ("area", "category", "limits", "note", "resource", "source", "via")
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
        actor, day, earner, seconds, spender, less, statute, form, journal, now,
        area, category, who, earned, id, kind, limits, note, asked, resource, source,
        payer, spent, via, sequence,
    ) = found.groups()  # fmt: skip
    if who == payer or earned != spent or (asked is not None and not is_day(asked)):
        return None
    amount = int(seconds)
    request: dict[str, Any] = {
        "earners": [[who, amount if earned == seconds else int(earned)]],
        "id": id,
        "kind": kind,
        "spenders": [[payer, amount if earned == seconds else int(earned)]],
    }
    if asked is not None:
        request["occurred_on"] = asked
    others = (area, category, limits, note, resource, source, via)
    if others != _NO_OTHERS:
        fields = zip(_OTHERS, others, strict=True)
        request |= {name: value for name, value in fields if value is not None}
    record: dict[str, Any] = {
        "effects": {
            "occurred_on": day,
            "postings": [[earner, amount], [spender, -amount if less == seconds else -int(less)]],
            "statute": statute,
        },
        "format": form,
        "journal": journal,
        "kind": "transfer",
        "recorded_at": int(now),
        "request": request,
        "sequence": int(sequence),
    }
    if actor is not None:
        record["actor"] = actor
    return record
