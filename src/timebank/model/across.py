"""Define what an exchange with another bank says of that bank."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from timebank.model.scalars import instant


@attrs.frozen(kw_only=True)
class Across:
    """What an exchange with another bank says of that bank.

    `bank` is the other bank's journal. `offer` is the id of the offer, as the bank that made it
    has it; `is_ours` is whether that is this bank. `address` is the earner's address, which the
    earner's bank gave out; `None` of an offer that moves hours back. `answer_by` is the instant by
    which an answer was asked for.

    >>> import timebank
    >>> from timebank import federation
    >>> isola = timebank.open("memory:", bank="isola")
    >>> bovisa = timebank.TimeBank(isola.store, bank="bovisa")
    >>> _ = isola.open_account("anna"), bovisa.open_account("bruno")
    >>> _ = federation.agree(isola, bovisa, they_may_owe=20, we_may_owe=20)
    >>> _ = federation.agree(bovisa, isola, they_may_owe=20, we_may_owe=20)
    >>> made = federation.transfer(isola, bovisa, spender="anna", earner="bruno", hours=1, id="x1")
    >>> made.spent.across.address, made.earned.across.offer, made.earned.across.is_ours
    ('bruno', 'x1', False)
    """

    bank: str
    offer: str
    is_ours: bool
    address: str | None
    answer_by: datetime


def across_of(record: Mapping[str, Any]) -> Across | None:
    """Return what the record of an exchange says of another bank; `None`, where it names none.

    A hold has its offer in its request; what is booked has the offer as it came, or the answer
    to it.
    """
    request = record["request"]
    if "offer" in request and "body" not in request["offer"]:
        made, effects = request["offer"], record["effects"]
        return Across(
            bank=made["to"],
            offer=request["id"],
            is_ours=True,
            address=made.get("earner"),
            answer_by=instant(effects["answer_by"]),
        )
    signed = request.get("offer")
    if signed is None and "answer" in request:
        signed = request["answer"]["body"]["offer"]
    if signed is None:
        return None
    body = signed["body"]
    body = body if body["kind"] == "offer" else body["offer"]
    is_ours = body["from"] == record["journal"]
    return Across(
        bank=body["to"] if is_ours else body["from"],
        offer=body["id"],
        is_ours=is_ours,
        address=body.get("earner"),
        answer_by=instant(body["answer_by"]),
    )
