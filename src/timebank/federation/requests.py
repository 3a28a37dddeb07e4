"""Requests: one bank asks another for an offer. They bind nobody, and nothing is recorded of one.

An earner claims hours that a member of the other bank is to spend; or a bank asks that an exchange
be moved back, which only the bank of who had earned can offer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, time, timedelta
from hashlib import sha256
from typing import Any, Final

from timebank import checks
from timebank.bank import TimeBank
from timebank.bank.writes import HoursLike
from timebank.errors import InvalidRequest, shown
from timebank.federation.agreements import Peer, journal_of
from timebank.federation.booking import ANSWER_IN
from timebank.federation.envelopes import Key, key_of, sealed
from timebank.federation.forms import check_body
from timebank.federation.messages import signed_with
from timebank.federation.servers import Data, offer, opened_by, reversal
from timebank.hours import Hours
from timebank.journal.form import commitment
from timebank.journal.offers import MESSAGES
from timebank.proof.heads import check_kept


def request(
    bank: TimeBank,
    peer: Peer,
    *,
    key: Key,
    hours: HoursLike,
    earner: str | None = None,
    spender: str | None = None,
    reverses: str | None = None,
    id: str | None = None,
    note: str | None = None,
    **described: Any,
) -> bytes:
    """Ask another bank for an offer: of hours to `earner`, or of what `reverses` an exchange.

    `earner` is an address of this bank's own member, `spender` one of the other bank's, who is
    asked to spend. `reverses` is the id under which both banks booked an exchange. What it is for
    may be described as an exchange is, by `occurred_on`, `category` and so on. The note, if any,
    goes along. Nothing is recorded, and nothing has to come of it.

    :raises InvalidRequest: a value that cannot be; neither or both of `earner` and `reverses`.
    :raises NotAgreed: there never was an agreement.
    :raises NotPermitted: the permissions say no.
    :raises StoreError: the package `cryptography` is missing.
    """
    check_kept(bank)
    if (earner is None) == (reverses is None):
        msg = "a request is for an earner, or for what moves an exchange back: one of the two"
        raise InvalidRequest(msg).about(key="request_of_one")
    own, journal = journal_of(bank), journal_of(peer)
    signing = key_of(own, key)
    body: dict[str, Any] = {
        "format": MESSAGES,
        "kind": "request",
        "from": own,
        "to": journal,
        "id": bank._new_id() if id is None else checks.operation(id),  # noqa: SLF001 - of the same house
        "seconds": checks.positive(hours, "hours"),
        **_described(**described),
    }
    for field, value in (("earner", earner), ("spender", spender)):
        if value is not None:
            body[field] = checks.label(value, field)
    if reverses is not None:
        body["reverses"] = checks.identifier(reverses, "reverses")
    texts = []
    if checks.personal_text(note, "note") is not None and note is not None:
        salt = bank._sources.checked_salt()  # noqa: SLF001 - of the same house
        body["note"] = commitment(salt, note)
        texts.append({"salt": salt.hex(), "text": note})
    check_body(body)
    with bank.store.reader(bank.name) as reader:
        return sealed(reader, signed_with(body, signing), signing, peer=journal, texts=texts)


def _described(
    *,
    occurred_on: object = None,
    started_at: object = None,
    ended_at: object = None,
    category: object = None,
    area: object = None,
    resource: object = None,
    tags: object = (),
) -> dict[str, Any]:
    """Return what an exchange was for, checked, as a body has it."""
    found: dict[str, Any] = {
        "occurred_on": checks.day(occurred_on, "occurred_on"),
        "started_at": checks.time_of_day(started_at, "started_at"),
        "ended_at": checks.time_of_day(ended_at, "ended_at"),
    }
    for field, value in (("category", category), ("area", area), ("resource", resource)):
        found[field] = None if value is None else checks.label(value, field)
    found["tags"] = checks.tags(tags) or None
    return {field: value for field, value in found.items() if value is not None}


def grant(
    bank: TimeBank,
    data: Data,
    *,
    key: Key,
    spender: Any = None,
    reason: str | None = None,
    answer_in: timedelta | str = ANSWER_IN,
) -> bytes:
    """Make the offer that another bank asked for; return the message to send.

    `spender` is who spends here, where the request names nobody, or another. What moves an
    exchange back needs a `reason`, unless one came along. Granted twice it is one offer.

    :raises MessageRefused: as `read`; or it is no request.
    :raises InvalidRequest: nobody is to spend, or no reason.
    :raises TimebankError: as `offer` and `reversal`.

    >>> import timebank
    >>> from timebank import federation
    >>> from timebank.proof import SigningKey, origin_of
    >>> isola, bovisa = timebank.open("memory:"), timebank.open("memory:")
    >>> ours, theirs = (SigningKey.make(origin_of(b.head().journal)) for b in (isola, bovisa))
    >>> _ = isola.open_account("anna"), bovisa.open_account("bruno")
    >>> terms = {"they_may_owe": 20, "we_may_owe": 20}
    >>> _ = federation.agree(isola, bovisa, key=theirs.public, **terms)
    >>> _ = federation.agree(bovisa, isola, key=ours.public, **terms)
    >>> asked = federation.request(
    ...     bovisa, isola, key=theirs, hours=1, earner="bruno", spender="anna")
    >>> offered = federation.grant(isola, asked, key=ours)
    >>> federation.grant(isola, asked, key=ours) == offered
    True
    """
    message, _ = opened_by(bank, data, "request")
    body, journal = message.body, message.sender
    named = sha256(f"{journal}\0{body['id']}".encode()).hexdigest()[:40]
    hours = Hours.from_seconds(body["seconds"])
    if "reverses" in body:
        why = message.note if reason is None else reason
        return reversal(
            bank,
            body["reverses"],
            key=key,
            reason=why or "",
            hours=hours,
            id=f"request-{named}",
            answer_in=answer_in,
        )
    who = body.get("spender") if spender is None else spender
    if who is None:
        msg = f"say who spends: the request of bank {shown(journal)} names nobody"
        raise InvalidRequest(msg).about(key="spender_missing", peer=journal)
    return offer(
        bank,
        journal,
        key=key,
        spender=who,
        earner=body["earner"],
        hours=hours,
        id=f"request-{named}",
        answer_in=answer_in,
        note=message.note,
        **_asked(body),
    )


#: What a request says of an exchange, and how it is an argument of a call.
_ASKED: Final[Mapping[str, Callable[[Any], Any]]] = {
    "occurred_on": date.fromisoformat,
    "started_at": time.fromisoformat,
    "ended_at": time.fromisoformat,
    "category": str,
    "area": str,
    "resource": str,
    "tags": tuple,
}


def _asked(body: dict[str, Any]) -> dict[str, Any]:
    """Return what an exchange was for, as the arguments of a call."""
    return {field: of(body[field]) for field, of in _ASKED.items() if field in body}
