"""What is between two banks compared with what was asked, and what it is called.

Ids and offers are worked out here once more, from `docs/journal-format.md`. One record is looked at
beside others in `timebank.audit.agreements`.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Any, Final

from timebank.audit.base import AuditContext, AuditedRecord, Difference
from timebank.audit.message_fields import FORMAT
from timebank.errors import shown
from timebank.journal.fold import Fold
from timebank.model import AccountRow
from timebank.model.said import said, who

#: The kinds of record that are on an agreement.
AGREEMENT_RECORDS: Final = frozenset({"agree", "suspend_agreement", "end_agreement", "readmit"})
#: What a request has that is between two banks.
BETWEEN: Final = frozenset({"abandoned", "answer", "offer", "written_off"})
#: The flags of what is between two banks, which have nothing but a rule, and the words for each.
FLAGS: Final = {
    "late answer": "flag_late_answer",
    "forgotten": "flag_forgotten",
    "abandoned": "flag_abandoned",
    "written off": "flag_written_off",
}
#: Name of a field in the body of an offer → its name in the request of a transfer or hold.
DESCRIBED: Final = {
    "started_at": "from",
    "ended_at": "to",
    "category": "category",
    "area": "area",
    "resource": "resource",
    "tags": "tags",
}
_LONGEST_JOURNAL: Final = 100


# -- names -----------------------------------------------------------------------------------


def account_with(journal: str) -> str:
    """Return the account of an agreement with the bank of a journal.

    >>> from timebank.audit.crossings import account_with
    >>> account_with("0198ab")
    'peer:0198ab'
    """
    if len(journal) > _LONGEST_JOURNAL:
        return f"peer:sha256={sha256(journal.encode()).hexdigest()}"
    return f"peer:{journal}"


def id_shared(journal: str, id: str, word: str | None = None) -> str:
    """Return the id that two banks share for an offer, by its bank's journal.

    >>> from timebank.audit.crossings import id_shared
    >>> id_shared("j1", "visit-81")
    'peer:a6a0df82aeac96c22ce007810ed8b80dcdbe15c8'
    """
    text = f"{journal}\0{id}" if word is None else f"{journal}\0{id}\0{word}"
    return f"peer:{sha256(text.encode()).hexdigest()[:40]}"


def offer_made_by(record: dict[str, Any]) -> dict[str, Any]:
    """Return the body of the offer that the record of a hold makes."""
    request, effects = record["request"], record["effects"]
    asked = request["offer"]
    account = account_with(asked["to"])
    made = {
        "format": FORMAT,
        "kind": "offer",
        "from": record["journal"],
        "record": record["sequence"],
        "id": request["id"],
        "exchange": request["kind"],
        "seconds": sum(seconds for id, seconds in effects["lines"] if id == account),
        "occurred_on": request.get("occurred_on", record["recorded_on"]),
        "answer_by": effects["answer_by"],
        "terms": effects["terms"],
    }
    made |= {name: value for name, value in asked.items() if name != "answer_in"}
    named = {**DESCRIBED, "note": "note"}
    made |= {name: request[field] for name, field in named.items() if field in request}
    if "seen" in effects:
        made["seen"] = effects["seen"][:2]
    return made


# -- what was asked ----------------------------------------------------------------------------


def agreement_differences(context: AuditContext, record: AuditedRecord) -> Iterator[Difference]:
    """Yield where a record on an agreement is of another account, or sets what was not agreed."""
    kind, request, effects = record.kind, record.request, record.effects
    fold, current = context.fold, context.statutes.current
    if effects["account"] != request["account"]:
        yield said("account", account=who(request["account"])), shown(effects["account"])
    if kind == "agree":
        expected = account_with(request["peer"])
        if request["account"] != expected:
            yield said("account", account=who(expected)), shown(request["account"])
        if request["peer"] == record.content["journal"]:
            yield said("another_bank"), shown(request["peer"])
        if effects["account"] in current.funds:
            yield said("no_fund_of_statute", version=shown(current.version)), said("one_of_them")
    if "sets" in effects and effects["sets"] != (asked := _set_by(kind, request)):
        yield said("sets", fields=shown(asked)), shown(effects["sets"])
    before = fold.accounts.get(effects["account"])
    if before is not None:
        yield from _found_so(fold, before, kind, record.content["recorded_at"])


def _set_by(kind: str, request: dict[str, Any]) -> dict[str, Any]:
    """Return what a record on an agreement sets of its account."""
    if kind == "end_agreement":
        return {"status": "closed", "floor": "inherit", "ceiling": "inherit"}
    they, we = request["they_may_owe"], request["we_may_owe"]
    return {"status": "agreed", "floor": None if they is None else -they, "ceiling": we}


def _found_so(fold: Fold, before: AccountRow, kind: str, now: int) -> Iterator[Difference]:
    """Yield where the account of an agreement was not as it must be before."""
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
    if kind == "agree" and before.status != "agreed":
        rows = fold.holds.get(before.account, {}).values()
        reserved = any(row.expires_at > now for row in rows)
        if reserved or fold.balances.get(before.account, (0, 0))[1]:
            yield said("an_account_at_zero_to_agree_on"), said("it_had_hours")


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
    request, effects, offered = record.request, record.effects, held["effects"]
    for field, of in (("postings", "lines"), ("fee", "fee")):
        if effects.get(field, []) != offered.get(of, []):
            yield said("as_was_offered", field=field), shown(effects.get(field, []))
    if "flags" in effects:
        yield said("flags", flags=shown([])), shown(effects["flags"])
    asked = sorted(request.keys() & {"hours", "occurred_on"})
    if asked:
        yield said("no_field_beside_an_answer"), ", ".join(asked)
    day = request["answer"]["body"].get("occurred_on")
    if day is not None:
        expected = settled_day(day, record.content["recorded_on"], closed)
        if effects["occurred_on"] != expected:
            yield said("occurred_on", day=shown(expected)), shown(effects["occurred_on"])


def described_differences(request: dict[str, Any], offer: dict[str, Any]) -> Iterator[Difference]:
    """Yield where what is booked is described in another way than the offer."""
    fields = {"exchange": "kind", "occurred_on": "occurred_on", **DESCRIBED}
    for name, field in fields.items():
        if request.get(field) != offer.get(name):
            expected = said("as_the_offer_says", field=field, value=shown(offer.get(name)))
            yield expected, shown(request.get(field))
    for field in ("via", "source", "limits"):
        if field in request:
            yield said("no_such_field"), field
