"""Booking what another bank offers: a transfer from its account, or a reversal of an earlier one.

Both banks book the same seconds, without rounding. The fee, if any, is the earner's.
"""

from __future__ import annotations

from typing import Any

import attrs

from timebank import checks
from timebank.errors import (
    AnsweredTooLate,
    TransferNotFound,
)
from timebank.journal.kinds import (
    ExchangeRequest,
    MoveEffects,
    RecordedFlag,
    ReverseRequest,
)
from timebank.journal.offers import Signed
from timebank.model import Transfer, instant
from timebank.model.agreements import Agreement, SeenHead, account_of, shared_id
from timebank.rules.limits import check_moves
from timebank.rules.offers import (
    check_other_side,
    fund_of,
    open_agreement,
    paid_by,
    participants,
    terms_of_offer,
)
from timebank.rules.state import (
    Command,
    Draft,
    State,
    day_of_service,
    texts_of,
)
from timebank.rules.transfers import Exchange, net, reverse

# -- commands ------------------------------------------------------------------------


@attrs.frozen
class AcceptOffer(Exchange[Transfer]):
    """Book an offer of another bank; `seen` is the head of that bank that came with it."""

    kind = "transfer"
    judged_as = "accept_offer"
    seen: SeenHead | None = attrs.field(default=None, kw_only=True)

    @property
    def action(self) -> str:
        """Return the name of the call."""
        return "answer"

    @classmethod
    def from_offer(
        cls, signed: Signed, *, earner: str, note: str | None = None, seen: SeenHead | None = None
    ) -> AcceptOffer:
        """Make it from a signed offer, for the account that its address is of.

        :raises InvalidRequest: no id of an account, or the agreement's own.
        """
        body = signed["body"]
        account = account_of(body["from"])
        made = booked(body, account, earner=earner, note=note)
        check_other_side(account, made.earners)
        request: ExchangeRequest = {**made.request, "offer": dict(signed)}
        return cls(request, made.texts, made.accounts, made.id, seen=seen)

    @property
    def agreed(self) -> str:
        """Return the account of the agreement."""
        return account_of(self.request["offer"]["body"]["from"])


def booked(
    body: dict[str, Any], account: str, *, earner: str, note: str | None
) -> Exchange[Transfer]:
    """Return the exchange of an offer, booked under the id that both banks share."""
    earner = checks.identifier(earner, "earner")
    request: ExchangeRequest = {
        "id": shared_id(body["from"], body["id"]),
        "kind": body["exchange"],
        "earners": [[earner, body["seconds"]]],
        "spenders": [[account, body["seconds"]]],
        "occurred_on": body["occurred_on"],
    }
    for field, name in (("from", "started_at"), ("to", "ended_at")):
        if name in body:
            request[field] = body[name]  # type: ignore[literal-required]  # both are its keys
    for field in ("category", "area", "resource", "tags"):
        if field in body:
            request[field] = body[field]  # type: ignore[literal-required]  # as above
    return Exchange(request, texts_of(note=note), (earner, account), request["id"])


@attrs.frozen
class AcceptReversal(Command[ReverseRequest, Transfer]):
    """Book an offer of the other bank that moves hours of an earlier exchange back."""

    kind = "reverse"
    judged_as = "accept_reversal"
    seen: SeenHead | None = attrs.field(default=None, kw_only=True)

    @property
    def action(self) -> str:
        """Return the name of the call."""
        return "answer"

    @classmethod
    def from_offer(
        cls, signed: Signed, *, journal: str, reason: str | None, seen: SeenHead | None = None
    ) -> AcceptReversal:
        """Make it from a signed offer; `journal` is that of the bank which books it."""
        body = signed["body"]
        request: ReverseRequest = {
            "id": shared_id(body["from"], body["id"]),
            "transfer": shared_id(journal, body["reverses"]),
            "hours": body["seconds"],
            "offer": dict(signed),
        }
        account = account_of(body["from"])
        return cls(request, texts_of(reason=reason), (account,), request["id"], seen=seen)

    @property
    def earlier_id(self) -> str:
        """Return the id of the transfer that it moves back."""
        return self.request["transfer"]

    @property
    def agreed(self) -> str:
        """Return the account of the agreement."""
        return self.accounts[0]


# -- the judges of what is booked for another bank -------------------------------------------


def accept(state: State, command: AcceptOffer, now: int) -> Draft:
    """Judge an offer of another bank as a transfer from its account.

    :raises NotAgreed: there is no agreement, or it is suspended or ended.
    :raises AnsweredTooLate: an answer was asked for by an earlier instant.
    :raises Rejected: as a transfer.
    """
    request = command.request
    body = request["offer"]["body"]
    agreement = open_agreement(state, body["from"], reverses=False)
    _check_time(body, now)
    day = day_of_service(state, request["occurred_on"])
    statute = paid_by(state.statute, "earner")
    rows = participants(state, command, agreement, fund=fund_of(statute, request))
    terms = terms_of_offer(state, statute, command, day=day, exact=True)
    lines = terms.lines()
    changes = net(lines)
    flags = terms.flags + check_moves(state, rows, changes, now=now)
    return moved(state, agreement, command.seen, day=day, lines=lines, fee=terms.fee, flags=flags)


def _check_time(body: dict[str, Any], now: int) -> None:
    if now > body["answer_by"]:
        raise AnsweredTooLate(answer_by=instant(body["answer_by"]), now=instant(now))


def moved(
    state: State,
    agreement: Agreement,
    seen: SeenHead | None,
    *,
    day: str,
    lines: Any,
    fee: Any = (),
    flags: list[RecordedFlag],
) -> Draft:
    """Return what moves hours on the account of an agreement, with what its answer tells."""
    effects: MoveEffects = {
        "occurred_on": day,
        "postings": lines,
        "statute": state.statute.version,
        "terms": agreement.terms,
    }
    if fee:
        effects["fee"] = fee
    if flags:
        effects["flags"] = flags
    return Draft(with_seen(effects, agreement, seen))


def with_seen(
    effects: MoveEffects, agreement: Agreement | None, seen: SeenHead | None
) -> MoveEffects:
    """Add the head of the other bank that was seen last, if any was."""
    latest = seen if seen is not None or agreement is None else agreement.seen
    if latest is not None:
        effects["seen"] = latest.to_json()
    return effects


def accept_reversal(state: State, command: AcceptReversal, now: int) -> Draft:
    """Judge a reversal of the other bank as one of this bank's own.

    :raises NotAgreed: there is no agreement, or it is ended.
    :raises AnsweredTooLate: an answer was asked for by an earlier instant.
    :raises TransferNotFound: there is no such exchange.
    :raises OverReversed: more than is left of it.
    """
    body = command.request["offer"]["body"]
    agreement = open_agreement(state, body["from"], reverses=True)
    _check_time(body, now)
    original = state.original
    if original is None or agreement.account not in {id for id, _ in original.effects["postings"]}:
        raise TransferNotFound(command.earlier_id)
    draft = reverse(state, command, now, besides=agreement.account)
    effects: Any = draft.effects
    effects["terms"] = agreement.terms
    return attrs.evolve(draft, effects=with_seen(effects, agreement, command.seen))
