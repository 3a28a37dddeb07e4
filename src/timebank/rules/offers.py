"""Offering hours to another bank: a hold that only its answer ends.

Both banks book the same seconds on the account of their agreement. A bank's fee is its own
member's: the spender's where the offer is made, the earner's where it is booked.
"""

from __future__ import annotations

from typing import Any

import attrs

from timebank import checks
from timebank.checks import Side
from timebank.errors import (
    InvalidRequest,
    NotAgreed,
    OverReversed,
    TransferNotFound,
    shown,
)
from timebank.journal.kinds import (
    ExchangeRequest,
    HoldEffects,
    Offered,
    sides_of,
)
from timebank.model import MAX_INTEGER, AccountRow, Hold
from timebank.model.agreements import Agreement, account_of, shared_id
from timebank.rules import exchange, holds
from timebank.rules.agreements import agreed
from timebank.rules.limits import check_limits
from timebank.rules.roles import EARNER, FEE_FUND, SPENDER, VIA, check_roles, roles_of
from timebank.rules.state import (
    Draft,
    Original,
    State,
    check_range,
    day_of_service,
    hours,
)
from timebank.rules.transfers import Exchange, Terms, net
from timebank.statute import Statute

#: What may pass though it is frozen, where another bank has booked already.
ANY_ROLE: tuple[str, ...] = (EARNER, SPENDER, FEE_FUND, VIA)

# -- commands ------------------------------------------------------------------------


@attrs.frozen
class MakeOffer(Exchange[Hold]):
    """Reserve hours of an account, and offer them to an earner of another bank."""

    kind = "hold"
    judged_as = "offer"

    @property
    def action(self) -> str:
        """Return the name of the call: what moves hours back passes limits, as a reversal."""
        return "reverse" if "reverses" in self.offer else "offer"

    @classmethod
    def to(
        cls,
        peer: object,
        *,
        answer_in: object,
        spender: object,
        hours: object,
        id: object,
        earner: object = None,
        reverses: str | None = None,
        kind: object = exchange.EXCHANGE,
        occurred_on: object = None,
        started_at: object = None,
        ended_at: object = None,
        category: object = None,
        area: object = None,
        resource: object = None,
        via: object = None,
        note: object = None,
        tags: object = (),
    ) -> MakeOffer:
        """Make it from the arguments of the call; `earner` is an address of the other bank.

        An offer has no end of its own and no unchecked limits, and comes from no import.

        :raises InvalidRequest: a value that cannot be, or the agreement's account that spends.
        """
        journal = checks.identifier(peer, "peer")
        offer: Offered = {
            "to": journal,
            "answer_in": checks.duration(answer_in, "answer_in"),
        }
        if reverses is None:
            offer["earner"] = checks.label(earner, "earner")
        else:
            offer["reverses"] = checks.identifier(reverses, "reverses")
        account = account_of(journal)
        made = cls.of(
            earner=account,
            spender=spender,
            hours=hours,
            id=id,
            kind=kind,
            occurred_on=occurred_on,
            started_at=started_at,
            ended_at=ended_at,
            category=category,
            area=area,
            resource=resource,
            via=via,
            note=note,
            tags=tags,
        )
        check_other_side(account, made.spenders)
        request: ExchangeRequest = {**made.request, "offer": offer}
        return attrs.evolve(made, request=request)

    @property
    def offer(self) -> Offered:
        """Return what the offer says beside the exchange."""
        asked: Offered = self.request["offer"]
        return asked

    @property
    def agreed(self) -> str:
        """Return the account of the agreement."""
        return account_of(self.offer["to"])


def check_other_side(account: str, side: Side) -> None:
    """Check that the account of an agreement is not on both sides: its bank would see neither.

    :raises InvalidRequest: it is.
    """
    if account in {id for id, _ in side}:
        msg = f"account {shown(account)} cannot give and take the same hours"
        raise InvalidRequest(msg).about(key="one_person", account=account)


# -- the judges of an offer ----------------------------------------------------------------


def open_agreement(state: State, peer: str, *, reverses: bool) -> Agreement:
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
    :raises Rejected: as a hold.
    :raises OverReversed: more than is left of what it reverses.
    """
    request, asked = command.request, command.offer
    reverses = "reverses" in asked
    agreement = open_agreement(state, asked["to"], reverses=reverses)
    if reverses:
        _check_reversed(state, command)
    day = day_of_service(state, request.get("occurred_on"))
    answer_by = now + asked["answer_in"]
    if answer_by >= MAX_INTEGER:
        msg = "answer_in reaches beyond the year 2255"
        raise InvalidRequest(msg).about(key="hold_too_long")
    if reverses:
        rows = participants(state, command, agreement, fund=None, frozen=ANY_ROLE)
        terms = Terms(command.earners, command.spenders, [], [])
    else:
        statute = paid_by(state.statute, "spender")
        rows = participants(state, command, agreement, fund=fund_of(statute, request))
        terms = terms_of_offer(state, statute, command, day=day, exact=False)
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
    if state.original is not None:
        effects["reverses"] = state.original.sequence
        return Draft(effects, refers_to=state.original.sequence)
    return Draft(effects)


def _check_reversed(state: State, command: MakeOffer) -> None:
    """Check that an offer moves hours of an exchange back that was booked for the other bank.

    :raises TransferNotFound: it was not, or somebody else earned by it.
    """
    original = state.original
    if original is not None:
        lines, _ = sides_of(original.effects)
        earners = {original.heirs.get(id, id) for id, seconds in lines if seconds > 0}
        is_theirs = command.agreed in {id for id, _ in lines}
        if is_theirs and {id for id, _ in command.spenders} <= earners:
            return
    raise TransferNotFound(shared_id(command.offer["to"], command.offer["reverses"]))


def _check_left(original: Original, command: MakeOffer) -> None:
    """Check that so much is left to move back.

    :raises OverReversed: it is not.
    """
    sides = [original.effects, *original.reversed]
    whole, *back = (
        sum(seconds for _, seconds in sides_of(effects)[0] if seconds > 0) for effects in sides
    )
    left, needed = whole - sum(back), exchange.total(command.earners)
    if needed > left:
        named = shared_id(command.offer["to"], command.offer["reverses"])
        raise OverReversed(named, remaining=hours(left), needed=hours(needed))


def participants(
    state: State,
    command: Exchange[Any],
    agreement: Agreement,
    *,
    fund: str | None,
    frozen: tuple[str, ...] = (VIA,),
) -> dict[str, AccountRow]:
    """Return the rows of all who take part, each checked for its role, and that of a fee's fund.

    :raises AccountNotFound: one of them is missing.
    :raises OverReversed: more than is left of what an offer reverses.
    :raises AccountNotOpen: one of them may not take part.
    """
    rows = {id: state.account(id) for id in command.accounts}
    if fund is not None:
        rows[fund] = state.account(fund)
    if isinstance(command, MakeOffer) and state.original is not None:
        _check_left(state.original, command)
    via = command.request.get("via")
    played = roles_of(command.earners, command.spenders, fund=fund, via=via)
    check_roles(rows, played, frozen=frozen, besides=agreement.account)
    return rows


def fund_of(statute: Statute, request: ExchangeRequest) -> str | None:
    """Return the fund of the fee that a statute has for an exchange, `None` where it has none."""
    if statute.fee is None or not exchange.is_judged(statute, request):
        return None
    return statute.fee.fund


def paid_by(statute: Statute, payer: Any) -> Statute:
    """Return a statute whose fee, if any, is its own member's."""
    fee = statute.fee
    if fee is None or fee.payer == payer:
        return statute
    return attrs.evolve(statute, fee=attrs.evolve(fee, payer=payer))


def terms_of_offer(
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
