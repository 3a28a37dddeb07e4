"""Exchanges with another bank: the offer, the booking of it, and what ends an offer.

Both banks book the same seconds on the account of their agreement, without rounding. A bank's fee
is its own member's: the spender's where the offer is made, the earner's where it is booked.
What the other bank has booked nothing refuses here: no limit, no frozen account, no closed books.
"""

from __future__ import annotations

from typing import Any

import attrs

from timebank import checks
from timebank.errors import (
    AnsweredTooLate,
    InvalidRequest,
    NotAgreed,
    OverReversed,
    TransferNotFound,
    shown,
)
from timebank.journal.kinds import (
    ExchangeRequest,
    HoldEffects,
    MoveEffects,
    Offered,
    RecordedFlag,
    ReverseRequest,
    SettleRequest,
    VoidEffects,
    VoidRequest,
    sides_of,
)
from timebank.journal.offers import Signed
from timebank.model import MAX_INTEGER, AccountRow, Hold, Transfer, instant
from timebank.model.agreements import Agreement, SeenHead, account_of, shared_id
from timebank.rules import exchange, holds
from timebank.rules.agreements import agreed
from timebank.rules.limits import check_limits
from timebank.rules.roles import EARNER, FEE_FUND, SPENDER, VIA, check_roles, roles_of
from timebank.rules.state import (
    Command,
    Draft,
    State,
    check_range,
    day_of_service,
    hours,
    open_day,
    reason_of,
    texts_of,
)
from timebank.rules.transfers import Exchange, Terms, net, reverse
from timebank.statute import Statute

#: What may pass though it is frozen, where another bank has booked already.
_ANY: tuple[str, ...] = (EARNER, SPENDER, FEE_FUND, VIA)

# -- commands ------------------------------------------------------------------------


@attrs.frozen
class MakeOffer(Exchange[Hold]):
    """Reserve hours of an account, and offer them to an earner of another bank."""

    kind = "hold"
    judged_as = "offer"

    @property
    def action(self) -> str:
        """Return the name of the call."""
        return "offer"

    @classmethod
    def to(
        cls,
        peer: object,
        *,
        answer_in: object,
        earner: object = None,
        reverses: str | None = None,
        **exchange_of: Any,
    ) -> MakeOffer:
        """Make it from the arguments of the call; `earner` is an address of the other bank."""
        journal = checks.identifier(peer, "peer")
        offer: Offered = {
            "to": journal,
            "answer_in": checks.duration(answer_in, "answer_in"),
        }
        if reverses is None:
            offer["earner"] = checks.label(earner, "earner")
        else:
            offer["reverses"] = checks.identifier(reverses, "reverses")
        made = cls.of(earner=account_of(journal), **exchange_of)
        if len(made.earners) != 1:
            msg = "an offer to another bank has one earner"
            raise InvalidRequest(msg)
        request: ExchangeRequest = {**made.request, "offer": offer}
        return attrs.evolve(made, request=request)

    @property
    def offer(self) -> Offered:
        """Return what the offer says beside the exchange."""
        asked: Offered = self.request["offer"]
        return asked


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
        """Make it from a signed offer, for the account that its address is of."""
        body = signed["body"]
        made = _booked(body, account_of(body["from"]), earner=earner, note=note)
        request: ExchangeRequest = {**made.request, "offer": dict(signed)}
        return cls(request, made.texts, made.accounts, made.id, seen=seen)


def _booked(
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


@attrs.frozen
class SettleOffer(Command[SettleRequest, Transfer]):
    """Book what the other bank has booked: its answer says so."""

    kind = "settle"
    judged_as = "settle_offer"
    seen: SeenHead | None = attrs.field(default=None, kw_only=True)

    @property
    def action(self) -> str:
        """Return the name of the call."""
        return "conclude"

    @classmethod
    def by(cls, signed: Signed, *, seen: SeenHead | None = None) -> SettleOffer:
        """Make it from a signed answer that accepts."""
        offer = signed["body"]["offer"]["body"]
        request: SettleRequest = {
            "id": shared_id(offer["from"], offer["id"]),
            "hold": offer["id"],
            "answer": dict(signed),
        }
        return cls(request, {}, (account_of(offer["to"]),), request["id"], seen=seen)

    @property
    def earlier_id(self) -> str:
        """Return the id of the offer."""
        return self.request["hold"]


@attrs.frozen
class VoidOffer(Command[VoidRequest, Hold]):
    """Release an offer that the other bank has refused, or that a board abandons."""

    kind = "void"
    judged_as = "void_offer"

    @property
    def action(self) -> str:
        """Return the name of the call."""
        return "abandon" if "abandoned" in self.request else "conclude"

    @classmethod
    def by(cls, signed: Signed) -> VoidOffer:
        """Make it from a signed answer that refuses."""
        offer = signed["body"]["offer"]
        body = offer["body"] if offer["body"]["kind"] == "offer" else offer["body"]["offer"]
        request: VoidRequest = {
            "id": shared_id(body["from"], body["id"], "void"),
            "hold": body["id"],
            "answer": dict(signed),
        }
        return cls(request, {}, (account_of(body["to"]),), request["id"])

    @classmethod
    def abandoned(cls, offer: object, *, journal: str, peer: str, reason: object) -> VoidOffer:
        """Make it from the arguments of a board's call."""
        id = checks.identifier(offer, "offer")
        texts = reason_of(reason, "abandoning an offer needs a reason, for whoever reads it later")
        request: VoidRequest = {
            "id": shared_id(journal, id, "void"),
            "hold": id,
            "abandoned": True,
        }
        return cls(request, texts, (account_of(peer),), request["id"])

    @property
    def earlier_id(self) -> str:
        """Return the id of the offer."""
        return self.request["hold"]


@attrs.frozen
class BringIn(Exchange[Transfer]):
    """Book what both banks had agreed on and this one has no more, or had given up."""

    kind = "transfer"
    judged_as = "bring_in"
    seen: SeenHead | None = attrs.field(default=None, kw_only=True)
    #: The id of the offer, where it is this bank's own.
    offer_id: str | None = attrs.field(default=None, kw_only=True)

    @property
    def action(self) -> str:
        """Return the name of the call."""
        return "conclude" if self.offer_id is not None else "readmit"

    @property
    def earlier_id(self) -> str | None:
        """Return the id of the offer, where it is this bank's own."""
        return self.offer_id

    @classmethod
    def spent(cls, signed: Signed, *, spender: Any, seen: SeenHead | None = None) -> BringIn:
        """Make it where the offer was made, for who spends: an account, or hours of several."""
        offer = signed["body"]["offer"]["body"]
        account = account_of(offer["to"])
        made = _booked(offer, account, earner=account, note=None)
        _, spenders = checks.sides(account, spender, hours(offer["seconds"]))
        request: ExchangeRequest = {
            **made.request,
            "earners": [[account, offer["seconds"]]],
            "spenders": spenders,
            "answer": dict(signed),
        }
        accounts = (account, *(id for id, _ in spenders))
        id = request["id"]
        return cls(request, {}, accounts, id, seen=seen, offer_id=offer["id"])

    @classmethod
    def earned(
        cls, signed: Signed, *, earner: str, again: bool = False, seen: SeenHead | None = None
    ) -> BringIn:
        """Make it where the offer was booked; `again`, where its id was used up meanwhile."""
        offer = signed["body"]["offer"]["body"]
        made = _booked(offer, account_of(offer["from"]), earner=earner, note=None)
        request: ExchangeRequest = {**made.request, "answer": dict(signed)}
        if again:
            request["id"] = shared_id(offer["from"], offer["id"], "again")
        return cls(request, {}, made.accounts, request["id"], seen=seen)

    @property
    def account(self) -> str:
        """Return the account of the agreement."""
        return self.accounts[0 if self.offer_id is not None else 1]


@attrs.frozen
class WriteOff(Exchange[Transfer]):
    """Move what is owed on an agreement to an account of the bank's own: nobody will answer."""

    kind = "transfer"
    judged_as = "write_off"

    @property
    def action(self) -> str:
        """Return the name of the call."""
        return "write_off"

    @classmethod
    def to_account(
        cls, peer: object, *, account: object, hours: object, id: object, reason: object
    ) -> WriteOff:
        """Make it from the arguments of the call: hours below zero are what this bank owes."""
        seconds = checks.limit(hours, "hours")
        if not isinstance(seconds, int) or not seconds:
            msg = f"hours to write off are more or less than 0:00, not {shown(hours)}"
            raise InvalidRequest(msg)
        clearing = account_of(checks.identifier(peer, "peer"))
        earner, spender = (clearing, account) if seconds > 0 else (account, clearing)
        note = reason_of(reason, "a write-off needs a reason, for the assembly")["reason"]
        made = cls.of(
            id=id,
            earner=earner,
            spender=spender,
            hours=_hours(abs(seconds)),
            kind="write-off",
            note=note,
        )
        request: ExchangeRequest = {**made.request, "written_off": True}
        return attrs.evolve(made, request=request)


_hours = hours

# -- the judges of an offer ----------------------------------------------------------------


def _open_agreement(state: State, peer: str, *, reverses: bool) -> Agreement:
    """Return the agreement by which something new may be offered.

    :raises NotAgreed: there is none, or it is ended, or suspended, which hinders no reversal.
    """
    agreement = agreed(state, peer)
    if agreement.status == "suspended" and not reverses:
        raise NotAgreed(peer, status="suspended")
    return agreement


def offer(state: State, command: MakeOffer, now: int) -> Draft:
    """Judge an offer as the hold that it is.

    :raises NotAgreed: there is no agreement, or it is suspended or ended.
    :raises TransferNotFound: what it reverses is no exchange that was booked for the other bank.
    :raises OverReversed: more than is left of that.
    :raises Rejected: as a hold.
    """
    request, asked = command.request, command.offer
    reverses = "reverses" in asked
    agreement = _open_agreement(state, asked["to"], reverses=reverses)
    day = day_of_service(state, request.get("occurred_on"))
    answer_by = now + asked["answer_in"]
    if answer_by >= MAX_INTEGER:
        msg = "answer_in reaches beyond the year 2255"
        raise InvalidRequest(msg).about(key="hold_too_long")
    rows = {id: state.account(id) for id in command.accounts}
    if reverses:
        terms = Terms(command.earners, command.spenders, [], [])
        _check_reversal(state, command)
        frozen: tuple[str, ...] = _ANY
    else:
        statute = _paid_by(state.statute, "spender")
        terms = _terms(state, statute, command, day=day, exact=False)
        _load_fund(state, rows, terms)
        frozen = (VIA,)
    fund = terms.fee[0][0] if terms.fee else None
    played = roles_of(terms.earned, terms.spent, fund=fund, via=request.get("via"))
    check_roles(rows, played, frozen=frozen, besides=agreement.account)
    lines = terms.lines()
    check_range(state, net(lines))
    reserves = holds.reserves_of(terms, fee_is_held=True)
    holds.check_reserves(state, reserves, now)
    flags = terms.flags
    if not reverses:
        low = {id: -held for id, held, _ in reserves}
        high = {id: incoming for id, _, incoming in reserves}
        flags = flags + check_limits(state, rows, low=low, high=high, now=now)
    effects: HoldEffects = {
        "lines": lines,
        "reserves": reserves,
        "statute": state.statute.version,
        "answer_by": answer_by,
        "terms": agreement.terms,
    }
    if agreement.seen is not None:
        effects["seen"] = agreement.seen.to_json()
    if terms.fee:
        effects["fee"] = terms.fee
    if flags:
        effects["flags"] = flags
    if state.original is not None and reverses:
        effects["reverses"] = state.original.sequence
        return Draft(effects, refers_to=state.original.sequence)
    return Draft(effects)


def _check_reversal(state: State, command: MakeOffer) -> None:
    """Check that an offer moves hours of an exchange back that was booked for the other bank."""
    original = state.original
    named = shared_id(command.offer["to"], command.offer["reverses"])
    account = account_of(command.offer["to"])
    if original is None or account not in {id for id, _ in original.effects["postings"]}:
        raise TransferNotFound(named)
    lines, _ = sides_of(original.effects)
    whole = sum(seconds for _, seconds in lines if seconds > 0)
    back = sum(
        seconds
        for effects in original.reversed
        for _, seconds in sides_of(effects)[0]
        if seconds > 0
    )
    needed = exchange.total(command.earners)
    if needed > whole - back:
        raise OverReversed(named, remaining=hours(whole - back), needed=hours(needed))
    earners = {original.heirs.get(id, id) for id, seconds in lines if seconds > 0}
    if not {id for id, _ in command.spenders} <= earners:
        raise TransferNotFound(named)


def _paid_by(statute: Statute, payer: Any) -> Statute:
    """Return a statute whose fee, if any, is its own member's."""
    fee = statute.fee
    if fee is None or fee.payer == payer:
        return statute
    return attrs.evolve(statute, fee=attrs.evolve(fee, payer=payer))


def _terms(
    state: State, statute: Statute, command: Exchange[Any], *, day: str, exact: bool
) -> Terms:
    """Return what a statute makes of the sides; `exact`, where the other bank has rounded.

    :raises RecordedTooLate: the day of service lies too far back.
    :raises GranularityRefused: no multiple of the unit.
    :raises ExchangeTooLarge: more than one exchange may move.
    """
    earned, spent = command.earners, command.spenders
    if not exchange.is_judged(statute, command.request):
        return Terms(earned, spent, [], [])
    flags = exchange.check_day(statute, day, state.today)
    seconds = exchange.total(earned)
    if not exact:
        seconds = exchange.rounded(statute.granularity, seconds)
    flags += exchange.check_size(statute, seconds)
    earned, spent = exchange.scaled(earned, seconds), exchange.scaled(spent, seconds)
    return Terms(earned, spent, exchange.fee_lines(statute, earned, spent), flags)


def _load_fund(state: State, rows: dict[str, AccountRow], terms: Terms) -> None:
    if terms.fee:
        fund = terms.fee[0][0]
        rows[fund] = state.account(fund)


# -- the judges of what is booked for another bank -------------------------------------------


def accept(state: State, command: AcceptOffer, now: int) -> Draft:
    """Judge an offer of another bank as a transfer from its account.

    :raises NotAgreed: there is no agreement, or it is suspended or ended.
    :raises AnsweredTooLate: an answer was asked for by an earlier instant.
    :raises Rejected: as a transfer.
    """
    request = command.request
    body = request["offer"]["body"]
    agreement = _open_agreement(state, body["from"], reverses=False)
    _check_time(body, now)
    day = day_of_service(state, request["occurred_on"])
    rows = {id: state.account(id) for id in command.accounts}
    terms = _terms(state, _paid_by(state.statute, "earner"), command, day=day, exact=True)
    _load_fund(state, rows, terms)
    fund = terms.fee[0][0] if terms.fee else None
    played = roles_of(terms.earned, terms.spent, fund=fund, via=None)
    check_roles(rows, played, besides=agreement.account)
    lines = terms.lines()
    changes = net(lines)
    check_range(state, changes)
    flags = terms.flags + check_limits(state, rows, low=changes, high=changes, now=now)
    return _moved(state, agreement, command.seen, day=day, lines=lines, fee=terms.fee, flags=flags)


def _check_time(body: dict[str, Any], now: int) -> None:
    if now > body["answer_by"]:
        raise AnsweredTooLate(answer_by=instant(body["answer_by"]), now=instant(now))


def _moved(
    state: State,
    agreement: Agreement,
    seen: SeenHead | None,
    *,
    day: str,
    lines: Any,
    fee: Any = (),
    flags: list[RecordedFlag],
) -> Draft:
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
    return Draft(_with_seen(effects, agreement, seen))


def _with_seen(effects: MoveEffects, agreement: Agreement, seen: SeenHead | None) -> MoveEffects:
    latest = seen or agreement.seen
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
    agreement = _open_agreement(state, body["from"], reverses=True)
    _check_time(body, now)
    original = state.original
    if original is None or agreement.account not in {id for id, _ in original.effects["postings"]}:
        raise TransferNotFound(command.earlier_id)
    draft = reverse(state, command, now, besides=agreement.account)
    effects: Any = draft.effects
    effects["terms"] = agreement.terms
    return attrs.evolve(draft, effects=_with_seen(effects, agreement, command.seen))


# -- the judges of what ends an offer ---------------------------------------------------------


def settle(state: State, command: SettleOffer, now: int) -> Draft:
    """Post the lines of an offer as they are: the other bank has booked it.

    :raises HoldNotFound: there is no such offer.
    :raises AlreadyResolved: it has ended.
    """
    held = holds.open_hold(state, command, now)
    effects: MoveEffects = {
        "occurred_on": _day_of(state, command.request["answer"]["body"]["occurred_on"]),
        "postings": held.effects["lines"],
        "resolves": held.sequence,
        "statute": state.statute.version,
    }
    if "fee" in held.effects:
        effects["fee"] = held.effects["fee"]
    if state.agreement is not None:
        effects = _with_seen(effects, state.agreement, command.seen)
    return Draft(effects, refers_to=held.sequence)


def _day_of(state: State, day: str) -> str:
    """Return the other bank's day of service, or today's, where it cannot be that one here."""
    return open_day(state, min(day, state.today))


def void(state: State, command: VoidOffer, now: int) -> Draft:
    """Release an offer, whatever the status of its accounts.

    :raises HoldNotFound: there is no such offer.
    :raises AlreadyResolved: it has ended.
    """
    held = holds.open_hold(state, command, now)
    effects: VoidEffects = {"resolves": held.sequence}
    if "abandoned" in command.request:
        effects["flags"] = [{"rule": "abandoned"}]
    return Draft(effects, refers_to=held.sequence)


def bring_in(state: State, command: BringIn, now: int) -> Draft:
    """Book what the two banks had agreed on, whatever the limits, with a flag.

    :raises AccountNotFound: an account is missing.
    :raises AccountNotOpen: one was closed, or merged: open it again, or name the other.
    """
    peer = command.request["answer"]["body"]["to" if command.offer_id is None else "from"]
    agreement = agreed(state, peer)
    rows = {id: state.account(id) for id in command.accounts}
    lines = Terms(command.earners, command.spenders, [], []).lines()
    played = roles_of(command.earners, command.spenders, fund=None, via=None)
    check_roles(rows, played, frozen=_ANY, besides=agreement.account)
    check_range(state, net(lines))
    rule = "forgotten" if state.held is None else "late answer"
    day = _day_of(state, command.request["occurred_on"])
    flags: list[RecordedFlag] = [{"rule": rule}]
    return _moved(state, agreement, command.seen, day=day, lines=lines, flags=flags)


def write_off(state: State, command: WriteOff, now: int) -> Draft:
    """Move what is owed to an account of the bank's own, whatever the limits, with a flag.

    :raises NotAgreed: there is no agreement, or it is ended.
    :raises AccountNotFound: there is no such account.
    :raises AccountNotOpen: it is frozen or closed.
    """
    agreement = state.agreement
    if agreement is None or agreement.status == "ended":
        raise NotAgreed(command.accounts[0].partition(":")[2], status="none")
    rows = {id: state.account(id) for id in command.accounts}
    lines = Terms(command.earners, command.spenders, [], []).lines()
    played = roles_of(command.earners, command.spenders, fund=None, via=None)
    check_roles(rows, played, besides=agreement.account)
    check_range(state, net(lines))
    flags: list[RecordedFlag] = [{"rule": "written off"}]
    return _moved(state, agreement, None, day=state.today, lines=lines, flags=flags)
