"""Holds: hours that are reserved for a proposed exchange, then settled or voided.

A hold reserves the lines that settling all of it posts: what is spent, with the fee
where the spenders pay it, and what is earned. So settling within it moves nobody
further beyond a limit, whatever happened in between. Unit, days to record and fee are
those of the statute that judged the hold; only what is settled beyond it is judged by today's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from timebank import checks
from timebank.checks import Side
from timebank.errors import (
    AlreadyResolved,
    HoldNotFound,
    InvalidHours,
    InvalidRequest,
    OfferUnanswered,
    shown,
)
from timebank.journal.kinds import (
    HoldEffects,
    MoveEffects,
    RecordedFlag,
    SettleRequest,
    VoidEffects,
    VoidRequest,
    sides_of,
)
from timebank.model import MAX_INTEGER, AccountRow, Hold, Transfer
from timebank.rules import exchange
from timebank.rules.advice import ADVISED, advise
from timebank.rules.limits import check_limits
from timebank.rules.roles import check_roles, roles_of
from timebank.rules.state import (
    Command,
    Draft,
    Held,
    State,
    check_open,
    check_range,
    day_of_service,
    open_day,
    texts_of,
)
from timebank.rules.transfers import Exchange, Terms, add_advice, net, participants, terms_of

# -- commands ------------------------------------------------------------------------


@attrs.define
class MakeHold(Exchange[Hold]):
    """Reserve the hours of a proposed exchange."""

    kind = "hold"


@attrs.frozen
class SettleHold(Command[SettleRequest, Transfer]):
    """Make a hold a transfer."""

    kind = "settle"

    @classmethod
    def of(cls, hold: object, *, hours: object, occurred_on: object, id: object) -> SettleHold:
        """Make it from the arguments of the call."""
        request: SettleRequest = {
            "id": checks.operation(id),
            "hold": checks.identifier(hold, "hold id"),
        }
        if hours is not None:
            request["hours"] = checks.positive(hours, "hours")
        if (day := checks.day(occurred_on, "occurred_on")) is not None:
            request["occurred_on"] = day
        return cls(request, {}, (), request["id"])

    @property
    def earlier_id(self) -> str:
        """Return the id of the hold."""
        return self.request["hold"]


@attrs.frozen
class VoidHold(Command[VoidRequest, Hold]):
    """Release a hold."""

    kind = "void"

    @classmethod
    def of(cls, hold: object, *, reason: object, id: object) -> VoidHold:
        """Make it from the arguments of the call."""
        request: VoidRequest = {
            "id": checks.operation(id),
            "hold": checks.identifier(hold, "hold id"),
        }
        return cls(request, texts_of(reason=reason), (), request["id"])

    @property
    def earlier_id(self) -> str:
        """Return the id of the hold."""
        return self.request["hold"]


# -- the judge of a hold ---------------------------------------------------------------


def hold(state: State, command: MakeHold, now: int) -> Draft:
    """Judge a hold as the transfer that it proposes.

    :raises Rejected: with what would pass, where other hours would.
    """
    try:
        return judge_sides(state, command, command.earners, command.spenders, now)
    except ADVISED as refusal:
        add_advice(refusal, judge_sides, state, command, now)
        raise


def judge_sides(state: State, command: Exchange[Any], earned: Side, spent: Side, now: int) -> Draft:
    """Judge a hold of such sides, without looking for what would pass."""
    request = command.request
    day = request.get("occurred_on", state.today)  # it may be planned for any day ahead
    check_open(state, day)
    expires_at = None if "expires_in" not in request else now + request["expires_in"]
    if expires_at is not None and expires_at >= MAX_INTEGER:
        msg = "expires_in reaches beyond the year 2255"
        raise InvalidRequest(msg).about(key="hold_too_long")
    rows = participants(state, command)
    terms = terms_of(state, command, earned, spent, day)
    lines = terms.lines()
    check_range(state, net(lines))
    reserves = reserves_of(terms, fee_is_held=_spenders_pay(state, terms))
    check_reserves(state, reserves, now)
    flags = terms.flags
    if request.get("limits") is None:
        low = {id: -held for id, held, _ in reserves}
        high = {id: incoming for id, _, incoming in reserves}
        flags = flags + check_limits(state, rows, low=low, high=high, now=now)
    effects: HoldEffects = {
        "lines": lines,
        "reserves": reserves,
        "statute": state.statute.version,
    }
    if expires_at is not None:
        effects["expires_at"] = expires_at
    if terms.fee:
        effects["fee"] = terms.fee
    if flags:
        effects["flags"] = flags
    return Draft(effects)


def check_reserves(state: State, reserves: list[list[Any]], now: int) -> None:
    """Refuse what could not be stored, or summed.

    :raises InvalidHours: an account would reserve more than 2**53 seconds.
    """
    for id, held, incoming in reserves:
        before = state.reserved(id, now)
        if max(before[0] + held, before[1] + incoming) > MAX_INTEGER:
            msg = f"open holds of account {shown(id)} would reserve more than 2**53 seconds"
            raise InvalidHours(msg)


def _spenders_pay(state: State, terms: Terms) -> bool:
    return (
        bool(terms.fee) and state.statute.fee is not None and state.statute.fee.payer == "spender"
    )


def reserves_of(terms: Terms, *, fee_is_held: bool) -> list[list[Any]]:
    """Return `[account, held, incoming]`, by account.

    A fee that earners pay comes out of their hours.
    """
    found: dict[str, list[int]] = {}
    for id, seconds in terms.spent:
        found.setdefault(id, [0, 0])[0] += seconds
    for id, seconds in terms.earned:
        found.setdefault(id, [0, 0])[1] += seconds
    for id, seconds in terms.fee:
        if seconds > 0:
            found.setdefault(id, [0, 0])[1] += seconds
        elif fee_is_held:
            found[id][0] -= seconds
    return [[id, *found[id]] for id in sorted(found)]


# -- the judges of what resolves it ------------------------------------------------------


def settle(state: State, command: SettleHold, now: int) -> Draft:
    """Judge a settlement: wholly, in part, or for longer, the surplus as a transfer.

    :raises HoldNotFound: there is no such hold.
    :raises AlreadyResolved: it is settled, voided or expired.
    :raises OfferUnanswered: it is an offer to another bank.
    """
    held = _by_hand(open_hold(state, command, now), doing="settled by hand")
    whole = sum(seconds for _, seconds in sides_of(held.effects)[0] if seconds > 0)
    asked = command.request.get("hours", whole)

    def settled(seconds: int) -> Draft:
        return _settled(state, command, held, asked=seconds, now=now)

    try:
        return settled(asked)
    except ADVISED as refusal:
        least = min(whole, asked)
        word = "in all would pass"
        advise(refusal, settled, held.statute, held.request, asked=asked, least=least, word=word)
        raise


def _settled(
    state: State,
    command: SettleHold,
    held: Held,
    *,
    asked: int,
    now: int,
) -> Draft:
    lines, _ = sides_of(held.effects)
    judged = exchange.is_judged(held.statute, held.request)
    given, planned = command.request.get("occurred_on"), held.request.get("occurred_on")
    if given is not None:
        day = day_of_service(state, given)
    else:
        day = open_day(state, min(planned or state.today, state.today))
    flags: list[RecordedFlag] = []
    if given is not None and judged:
        flags += exchange.check_day(held.statute, day, state.today)
    earned = [[id, seconds] for id, seconds in lines if seconds > 0]
    spent = [[id, -seconds] for id, seconds in lines if seconds < 0]
    whole = exchange.total(earned)
    seconds = asked
    if judged and asked != whole:
        seconds = exchange.rounded(held.statute.granularity, asked)
    if seconds > whole and held.request["kind"] == exchange.EXCHANGE:
        flags += exchange.check_size(state.statute, seconds)
    earned, spent = exchange.scaled(earned, seconds), exchange.scaled(spent, seconds)
    fee = _fee(held, earned, spent, is_within=seconds <= whole) if judged else []
    terms = Terms(earned, spent, fee, flags)
    postings = terms.lines()
    changes = net(postings)
    rows = _rows(state, held, terms, changes)
    check_range(state, changes)
    if seconds > whole:
        reserved = {id: (spends, earns) for id, spends, earns in held.effects["reserves"]}
        low = {id: change + reserved.get(id, (0, 0))[0] for id, change in changes.items()}
        high = {id: change - reserved.get(id, (0, 0))[1] for id, change in changes.items()}
        flags += check_limits(state, rows, low=low, high=high, now=now)
    effects: MoveEffects = {
        "occurred_on": day,
        "postings": postings,
        "resolves": held.sequence,
        "statute": state.statute.version,
    }
    if fee:
        effects["fee"] = fee
    if flags:
        effects["flags"] = flags
    return Draft(effects, refers_to=held.sequence)


def _fee(held: Held, earned: Side, spent: Side, *, is_within: bool) -> Side:
    """Return the fee by the hold's own statute; within the hold, no payer pays beyond it."""
    fee = held.statute.fee
    within = None
    if is_within and fee is not None and fee.payer == "spender":
        within = {id: -seconds for id, seconds in held.effects.get("fee", []) if seconds < 0}
    return exchange.fee_lines(held.statute, earned, spent, within=within)


def _rows(
    state: State, held: Held, terms: Terms, changes: Mapping[str, int]
) -> dict[str, AccountRow]:
    """Return the rows of who takes part.

    :raises AccountNotOpen: one of them is frozen: void the hold instead.
    """
    via = held.request.get("via")
    rows = {id: state.account(id) for id in (*changes, *(() if via is None else (via,)))}
    fund = terms.fee[0][0] if terms.fee else None
    played = roles_of(terms.earned, terms.spent, fund=fund, via=via)
    check_roles(rows, played, remedy="void the hold")
    return rows


def void(state: State, command: VoidHold, now: int) -> Draft:
    """Release a hold, whatever the status of its accounts.

    :raises HoldNotFound: there is no such hold.
    :raises AlreadyResolved: it is settled, voided or expired.
    :raises OfferUnanswered: it is an offer to another bank.
    """
    held = _by_hand(open_hold(state, command, now), doing="voided by hand")
    return Draft(VoidEffects(resolves=held.sequence), refers_to=held.sequence)


def open_hold(state: State, command: Command[Any, Any], now: int) -> Held:
    """Return the hold that a command resolves.

    :raises HoldNotFound: there is no such hold.
    :raises AlreadyResolved: it is settled, voided or expired.
    """
    held = state.held
    if held is None:
        raise HoldNotFound(command.earlier_id or "")
    if held.resolved is not None:
        kind, id = held.resolved
        status = "settled" if kind == "settle" else "voided"
        raise AlreadyResolved(id_of(held), status=status, by=id, doing=command.kind)
    expires_at = held.effects.get("expires_at")
    if held.ended or (expires_at is not None and expires_at <= now):
        raise AlreadyResolved(id_of(held), status="expired", by=None, doing=command.kind)
    return held


def id_of(held: Held) -> str:
    """Return the id of a hold."""
    id: str = held.request["id"]
    return id


def _by_hand(held: Held, *, doing: str) -> Held:
    """Return a hold that is no offer to another bank, which its answer alone resolves.

    :raises OfferUnanswered: it is one.
    """
    if "offer" in held.request:
        account = held.request["earners"][0][0]
        raise OfferUnanswered(id_of(held), account=account, doing=doing)
    return held
