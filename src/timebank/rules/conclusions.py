"""Ending an offer by its answer, and what a board decides where none comes.

What the other bank has booked nothing refuses here: no limit, no frozen account, no closed books.
"""

from __future__ import annotations

from typing import Any

import attrs

from timebank import checks
from timebank.errors import (
    HoldNotFound,
    InvalidRequest,
    LimitExceeded,
    OfferUnanswered,
    shown,
)
from timebank.hours import Hours
from timebank.journal.kinds import (
    ExchangeRequest,
    MoveEffects,
    RecordedFlag,
    SettleRequest,
    VoidEffects,
    VoidRequest,
)
from timebank.journal.offers import Signed
from timebank.model import Hold, Transfer
from timebank.model.agreements import SeenHead, account_of, shared_id
from timebank.rules import holds
from timebank.rules.agreements import agreed
from timebank.rules.bookings import booked, moved, with_seen
from timebank.rules.offers import ANY_ROLE, check_other_side, participants
from timebank.rules.state import (
    Command,
    Draft,
    Held,
    State,
    check_range,
    open_day,
    reason_of,
)
from timebank.rules.transfers import Exchange, Terms, net

# -- commands ------------------------------------------------------------------------


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

    @property
    def agreed(self) -> str:
        """Return the account of the agreement."""
        return self.accounts[0]


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

    @property
    def agreed(self) -> str:
        """Return the account of the agreement."""
        return self.accounts[0]


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
        made = booked(offer, account, earner=account, note=None)
        _, spenders = checks.sides(account, spender, Hours.from_seconds(offer["seconds"]))
        check_other_side(account, spenders)
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
        account = account_of(offer["from"])
        made = booked(offer, account, earner=earner, note=None)
        check_other_side(account, made.earners)
        request: ExchangeRequest = {**made.request, "answer": dict(signed)}
        if again:
            request["id"] = shared_id(offer["from"], offer["id"], "again")
        return cls(request, {}, made.accounts, request["id"], seen=seen)

    @property
    def agreed(self) -> str:
        """Return the account of the agreement."""
        return self.accounts[0 if self.offer_id is not None else 1]


@attrs.frozen
class WriteOff(Exchange[Transfer]):
    """Move what is owed on an agreement to an account of the bank's own: nobody will answer."""

    kind = "transfer"
    judged_as = "write_off"
    #: The journal of the other bank.
    peer: str = attrs.field(default="", kw_only=True)

    @property
    def action(self) -> str:
        """Return the name of the call."""
        return "write_off"

    @property
    def agreed(self) -> str:
        """Return the account of the agreement."""
        return account_of(self.peer)

    @classmethod
    def to_account(
        cls, peer: object, *, account: object, hours: object, id: object, reason: object
    ) -> WriteOff:
        """Make it from the arguments of the call: hours below zero are what this bank owes.

        :raises InvalidRequest: hours of nothing, no reason, or the agreement's own account.
        """
        seconds = checks.limit(hours, "hours")
        if not isinstance(seconds, int) or not seconds:
            msg = f"hours to write off are more or less than 0:00, not {shown(hours)}"
            raise InvalidRequest(msg).about(key="write_off_nothing", given=shown(hours))
        journal = checks.identifier(peer, "peer")
        clearing, account = account_of(journal), checks.identifier(account, "account id")
        earner, spender = (clearing, account) if seconds > 0 else (account, clearing)
        note = reason_of(reason, "a write-off needs a reason, for the assembly")["reason"]
        made = cls.of(
            id=id,
            earner=earner,
            spender=spender,
            hours=Hours.from_seconds(abs(seconds)),
            kind="write-off",
            note=note,
        )
        request: ExchangeRequest = {**made.request, "written_off": True}
        return attrs.evolve(made, request=request, peer=journal)


# -- the judges of what ends an offer ---------------------------------------------------------


def settle(state: State, command: SettleOffer, now: int) -> Draft:
    """Post the lines of an offer as they are: the other bank has booked it.

    :raises HoldNotFound: there is no such offer.
    :raises AlreadyResolved: it has ended.
    """
    held = _open_offer(state, command, now)
    effects: MoveEffects = {
        "occurred_on": _day_of(state, command.request["answer"]["body"]["occurred_on"]),
        "postings": held.effects["lines"],
        "resolves": held.sequence,
        "statute": state.statute.version,
    }
    if "fee" in held.effects:
        effects["fee"] = held.effects["fee"]
    return Draft(with_seen(effects, state.agreement, command.seen), refers_to=held.sequence)


def _open_offer(state: State, command: SettleOffer | VoidOffer, now: int) -> Held:
    """Return the offer that is ended.

    :raises HoldNotFound: there is none, or a hold that was offered to nobody.
    :raises AlreadyResolved: it has ended.
    """
    if state.held is None or "offer" not in state.held.request:
        raise HoldNotFound(command.earlier_id)
    return holds.open_hold(state, command, now)


def _day_of(state: State, day: str) -> str:
    """Return the other bank's day of service, or today's, where it cannot be that one here."""
    return open_day(state, min(day, state.today))


def void(state: State, command: VoidOffer, now: int) -> Draft:
    """Release an offer, whatever the status of its accounts.

    :raises HoldNotFound: there is no such offer.
    :raises AlreadyResolved: it has ended.
    """
    held = _open_offer(state, command, now)
    effects: VoidEffects = {"resolves": held.sequence}
    if "abandoned" in command.request:
        effects["flags"] = [{"rule": "abandoned"}]
    return Draft(effects, refers_to=held.sequence)


def bring_in(state: State, command: BringIn, now: int) -> Draft:
    """Book what the two banks had agreed on, whatever the limits, with a flag.

    :raises NotAgreed: there never was an agreement, or it is ended.
    :raises OfferUnanswered: the offer is still there, and waits for just this answer.
    :raises AccountNotFound: an account is missing.
    :raises AccountNotOpen: one was closed, or merged: open it again, or name the other.
    """
    peer = command.request["answer"]["body"]["to" if command.offer_id is None else "from"]
    agreement = agreed(state, peer)
    held = _given_up(state)
    participants(state, command, agreement, fund=None, frozen=ANY_ROLE)
    lines = Terms(command.earners, command.spenders, [], []).lines()
    check_range(state, net(lines))
    rule = "forgotten" if held is None else "late answer"
    day = _day_of(state, command.request["occurred_on"])
    flags: list[RecordedFlag] = [{"rule": rule}]
    return moved(state, agreement, command.seen, day=day, lines=lines, flags=flags)


def _given_up(state: State) -> Held | None:
    """Return the offer that was released, `None` where it was forgotten.

    :raises OfferUnanswered: it was not released.
    """
    held = state.held
    if held is None or "offer" not in held.request:
        return None
    if held.resolved is None:
        account = held.request["earners"][0][0]
        raise OfferUnanswered(holds.id_of(held), account=account, doing="brought in")
    return held


def write_off(state: State, command: WriteOff, now: int) -> Draft:
    """Move what is owed to an account of the bank's own, whatever the limits, with a flag.

    :raises NotAgreed: there is no agreement, or it is ended.
    :raises AccountNotFound: there is no such account.
    :raises AccountNotOpen: it is frozen or closed.
    :raises LimitExceeded: more than is owed.
    """
    agreement = agreed(state, command.peer)
    participants(state, command, agreement, fund=None, frozen=())
    lines = Terms(command.earners, command.spenders, [], []).lines()
    changes = net(lines)
    check_range(state, changes)
    _check_owed(state, agreement.account, changes[agreement.account])
    flags: list[RecordedFlag] = [{"rule": "written off"}]
    return moved(state, agreement, None, day=state.today, lines=lines, flags=flags)


def _check_owed(state: State, account: str, change: int) -> None:
    """Check that a write-off brings the account of an agreement nearer to zero, and not beyond."""
    owed = -state.balances[account][1]
    if owed * change <= 0 or abs(change) > abs(owed):
        raise LimitExceeded(
            account,
            rule="ceiling" if change > 0 else "floor",
            needed=Hours.from_seconds(abs(change)),
            limit=Hours.from_seconds(0),
            available=Hours.from_seconds(abs(owed) if owed * change > 0 else 0),
        )
