"""What is between two banks compared with what was asked: agreements, offers, and their ends.

What an answer or an offer says was checked by who took it; here it is looked at whether the record
does what it says. `timebank.audit.agreements` looks at one record beside others.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from timebank.audit.base import AuditedRecord, Difference
from timebank.errors import shown
from timebank.journal.fold import Fold
from timebank.model.said import said, who

#: The kinds of record that are on an agreement.
AGREEMENT_RECORDS = frozenset({"agree", "suspend_agreement", "end_agreement", "readmit"})


def agreement_differences(fold: Fold, record: AuditedRecord) -> Iterator[Difference]:
    """Yield where a record on an agreement is of another account, or sets what was not agreed."""
    kind, request, effects = record.kind, record.request, record.effects
    if effects["account"] != request["account"]:
        yield said("account", account=who(request["account"])), shown(effects["account"])
    asked: dict[str, Any] | None = None
    if kind == "agree":
        they, we = request["they_may_owe"], request["we_may_owe"]
        asked = {"status": "agreed", "floor": None if they is None else -they, "ceiling": we}
    elif kind == "end_agreement":
        asked = {"status": "closed", "floor": "inherit", "ceiling": "inherit"}
    if asked is not None and effects["sets"] != asked:
        yield said("sets", fields=shown(asked)), shown(effects["sets"])
    before = fold.accounts.get(effects["account"])
    if before is None:
        return
    allowed = ("open", "closed", "agreed") if kind == "agree" else ("agreed",)
    if before.status not in allowed:
        yield (
            said("an_account_that_is", allowed=" or ".join(allowed)),
            said("it_was", status=before.status),
        )
    if before.merged_into is not None:
        yield (
            said("an_account_that_was_not_merged"),
            said("it_was_into", merged_into=who(before.merged_into)),
        )


def settled_day(asked: str, on: str, closed: str | None) -> str:
    """Return the day of what the other bank booked on a day: that one, or where it cannot be today.

    >>> from timebank.audit.crossings import settled_day
    >>> settled_day("2026-03-02", "2026-03-04", None), settled_day("2026-03-02", "2026-03-04", "~")
    ('2026-03-02', '2026-03-04')
    """
    day = min(asked, on)
    return on if closed is not None and day <= closed else day


def answered_differences(
    record: AuditedRecord, held: dict[str, Any], closed: str | None
) -> Iterator[Difference]:
    """Yield where what is booked by an answer is not what was offered, or of another day."""
    effects, offered = record.effects, held["effects"]
    for field, of in (("postings", "lines"), ("fee", "fee")):
        if effects.get(field, []) != offered[of] if of in offered else effects.get(field, []):
            yield said("as_was_offered", field=field), shown(effects.get(field, []))
    if "flags" in effects:
        yield said("flags", flags="[]"), shown(effects["flags"])
    body = record.request["answer"].get("body", {})
    day = body.get("occurred_on") if isinstance(body, dict) else None
    if isinstance(day, str):
        expected = settled_day(day, record.content["recorded_on"], closed)
        if effects["occurred_on"] != expected:
            yield said("occurred_on", day=shown(expected)), shown(effects["occurred_on"])
