"""What the rules of a bank refuse, each with what would succeed instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from timebank.errors.base import TimebankError, shown

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date, datetime

    from timebank.hours import Hours


class Rejected(TimebankError):
    """A rule of the bank refuses the call.

    `rule` is the name of the rule; `code` is a stable word for programs. `headroom` is how
    much the rule still allows, where that is a quantity. `passes` are the hours nearest to
    those asked with which the same call would succeed, or `None` if there are none. `remedy`
    is the smallest change with which it would succeed, in words; it is part of the message. What
    follows from a balance that the actor may not read is left out.
    """

    rule: str = "rejected"
    code: str = "rejected"
    headroom: Hours | None = None
    passes: Hours | None = None
    remedy: str = ""

    def add_remedy(self, remedy: str, *, passes: Hours | None = None) -> None:
        """Say what would succeed, unless that was said before."""
        if not self.remedy:
            self.remedy, self.passes = remedy, passes
            self.add_context(after=f"; {remedy}")


class LimitExceeded(Rejected):
    """The account would go beyond its floor or ceiling, or further beyond it.

    `account` is its id; `limit` the floor or ceiling; `available` what may still move;
    `needed` what the call asked for; `reserved` what open holds keep back, 0:00 where there are
    none; `shortfall` what the account must earn, or spend, first. All but `account` are `Hours`.
    Who may not see the balance gets the error with `needed` alone: the others are `None`.
    """

    def __init__(
        self,
        account: str,
        *,
        rule: str,
        needed: Hours,
        limit: Hours | None = None,
        available: Hours | None = None,
        reserved: Hours | None = None,
        shortfall: Hours | None = None,
    ) -> None:
        verb = "spend" if rule == "floor" else "earn"
        held = f" and {reserved} is held" if reserved else ""
        reason = f"is {limit}{held}, so {available} may still move"
        reason = "does not allow it" if limit is None else reason
        super().__init__(f"account {shown(account)} cannot {verb} {needed}: its {rule} {reason}")
        self.account = account
        self.rule = rule
        self.code = f"{rule}_exceeded"
        self.limit = limit
        self.available = self.headroom = available
        self.needed = needed
        self.reserved = reserved
        self.shortfall = shortfall

    def redacted(self) -> LimitExceeded:
        """Return the same refusal without the figures of the account."""
        return LimitExceeded(self.account, rule=self.rule, needed=self.needed)


class ExchangeTooLarge(Rejected):
    """An exchange is larger than the statute allows.

    `limit` is the largest exchange; `needed` what the call asked for.
    """

    rule = "largest exchange"
    code = "exchange_too_large"

    def __init__(self, *, limit: Hours, needed: Hours) -> None:
        super().__init__(f"an exchange moves at most {limit} here, not {needed}")
        self.limit = self.headroom = limit
        self.needed = needed


class RecordedTooLate(Rejected):
    """The day of service is too long ago for the exchange to be recorded.

    `occurred_on` is the day of service; `earliest` the earliest that is accepted; `days`
    within how many days an exchange must be recorded.
    """

    rule = "days to record"
    code = "recorded_too_late"

    def __init__(self, *, occurred_on: str, earliest: str, days: int) -> None:
        super().__init__(
            f"an exchange of {occurred_on} had to be recorded within {days} days: "
            f"the earliest day of service accepted is {earliest}"
        )
        self.occurred_on, self.earliest, self.days = occurred_on, earliest, days
        self.add_remedy(f"a day from {earliest} on would pass")


class BooksClosed(Rejected):
    """The day of service lies in a period whose books are closed.

    `through` is the last day that is closed; `occurred_on` the day that was refused.
    """

    rule = "closed books"
    code = "books_closed"

    def __init__(self, *, through: date, occurred_on: date, doing: str = "recorded") -> None:
        msg = f"the books are closed through {through}: nothing of {occurred_on} is {doing}"
        super().__init__(msg)
        self.through = through
        self.occurred_on = occurred_on
        first = through.fromordinal(through.toordinal() + 1)
        later = "" if doing == "amended" else f"a day from {first} on would pass, or "
        self.add_remedy(f"{later}open the books again first (timebank close-books --open)")


class DuesNotCharged(Rejected):
    """Books are not closed while dues of their days are still to be charged.

    `through` is the day that was to be closed; `accounts` are those of which something is due.
    """

    rule = "dues before closing"
    code = "dues_not_charged"

    def __init__(self, *, through: date, accounts: Iterable[str]) -> None:
        self.through = through
        self.accounts = tuple(accounts)
        some = ", ".join(map(shown, self.accounts[:3]))
        more = f" and {len(self.accounts) - 3} more" if len(self.accounts) > 3 else ""  # noqa: PLR2004  # shown
        super().__init__(f"dues up to {through} are not charged yet, of {some}{more}")
        self.add_remedy(f"run the dues first (timebank run-due --through {through})")


class GranularityRefused(Rejected):
    """The hours of an exchange are no multiple of the statute's unit.

    `needed` is what the call asked for; `unit` the unit; `lower` and `upper` are the nearest
    multiples below and above, `lower` `None` where that would be zero.
    """

    rule = "granularity"
    code = "granularity_refused"

    def __init__(self, *, needed: Hours, unit: Hours, lower: Hours | None, upper: Hours) -> None:
        super().__init__(f"hours are exchanged in multiples of {unit} here, not {needed}")
        self.needed, self.unit = needed, unit
        self.lower, self.upper = lower, upper


class AccountNotOpen(Rejected):
    """The account is frozen, closed, or merged into another one.

    `account` is its id; `status` is "frozen", "closed" or "agreed" (it has an
    agreement with another bank), or "not open" for an actor who may not
    read the account. `merged_into` is the id of the account that it became, or `None`. `role` is
    the role in which it was refused: "earner", "spender", "via", "fund of the fee", "fund of
    welcome" (or of other dues, by their name), or "account" where the call is about the account
    itself. An account may have several roles in one exchange, each of which is checked for itself.
    """

    rule = "account open"
    code = "account_not_open"

    def __init__(
        self,
        account: str,
        *,
        status: str,
        doing: str,
        role: str = "account",
        remedy: str | None = None,
        merged_into: str | None = None,
    ) -> None:
        so = _SAID.get(status, status)
        so = so if merged_into is None else f"merged into {shown(merged_into)}"
        super().__init__(f"account {shown(account)} is {so}: it cannot {doing}")
        self.account = account
        self.status = status
        self.role = role
        self.merged_into = merged_into
        if merged_into is not None:
            self.add_remedy(remedy or f"name {shown(merged_into)} instead")
        elif status == "agreed":
            self.add_remedy("only offers to that bank, and its answers, move it (timebank peers)")
        elif status in _OPENED_BY:
            also = "" if remedy is None else f", or {remedy}"
            self.add_remedy(f"{_OPENED_BY[status]} it first{also}")


#: A status that is no word for people.
_SAID = {"agreed": "of an agreement with another bank"}
#: The call that opens an account again, by its status.
_OPENED_BY = {"frozen": "thaw", "closed": "reopen"}


class AccountNotEmpty(Rejected):
    """The account cannot be closed, for it has a balance or open holds.

    `account` is its id; `balance` its balance; `held` what its holds reserve to be spent;
    `incoming` what holds would let it earn.
    """

    rule = "close at zero"
    code = "account_not_empty"

    def __init__(
        self,
        account: str,
        *,
        balance: Hours,
        held: Hours | None = None,
        incoming: Hours | None = None,
        after: str = "",
        remedy: str | None = None,
    ) -> None:
        open_holds = bool(held or incoming)
        reserved = f", with {held or '0:00'} held and {incoming or '0:00'} incoming"
        also = reserved if open_holds else ""
        verb = f"would hold, {after}," if after else "holds"
        super().__init__(
            f"account {shown(account)} {verb} {balance}{also}: an account is closed at 0:00, "
            "without open holds"
        )
        self.account = account
        self.balance = balance
        self.held = held
        self.incoming = incoming
        if remedy is not None:
            self.add_remedy(remedy)
            return
        steps = ["settle or void its holds"] if open_holds else []
        if balance:
            steps.append(f"{'spend' if balance.seconds > 0 else 'earn'} {abs(balance)}")
        self.add_remedy(f"first {' and '.join(steps)}")


class HoldsOpen(Rejected):
    """The account cannot be merged into another, for open holds reserve hours on it.

    `account` is its id; `held` what they reserve to be spent; `incoming` what they would let
    it earn.
    """

    rule = "no open holds"
    code = "holds_open"

    def __init__(self, account: str, *, held: Hours, incoming: Hours) -> None:
        super().__init__(
            f"account {shown(account)} has open holds, {held} held and {incoming} incoming: "
            "it cannot be merged"
        )
        self.account, self.held, self.incoming = account, held, incoming
        self.add_remedy("settle or void them first")


class NothingDue(Rejected):
    """The statute gives no welcome credit to accounts of this kind.

    `account` is its id; `of` its kind; `statute` the version of the statute.
    """

    rule = "welcome"
    code = "nothing_due"

    def __init__(self, account: str, *, of: str, statute: str) -> None:
        msg = f"statute {shown(statute)} gives no welcome credit to a {of} as {shown(account)}"
        super().__init__(msg)
        self.account, self.of, self.statute = account, of, statute


class NotPermitted(Rejected):
    """The actor may not make this call.

    `actor` is the actor's id, or `None`; `action` the name of the call; `accounts` are the
    accounts that it names. The permission is checked before anything is read, so the error
    tells nothing about the bank.
    """

    rule = "permission"
    code = "not_permitted"

    def __init__(
        self,
        actor: str | None,
        *,
        action: str,
        accounts: tuple[str, ...] = (),
        what: str | None = None,
    ) -> None:
        who = "who names no actor" if actor is None else f"actor {shown(actor)}"
        of = f" of {shown(accounts[0])}" if len(accounts) == 1 else ""
        super().__init__(f"{who} may not do this: {what or action}{of}")
        self.actor, self.action, self.accounts = actor, action, accounts


class FundInUse(Rejected):
    """The account is a fund that the statute in force names, or for a merge any statute so far.

    `account` is its id; `statute` the version of the statute.
    """

    rule = "funds of the statute"
    code = "fund_in_use"

    def __init__(self, account: str, *, statute: str, remedy: str | None = None) -> None:
        super().__init__(f"account {shown(account)} is a fund of statute {shown(statute)}")
        self.account = account
        self.statute = statute
        self.add_remedy(remedy or "first adopt a statute that does not name it")


class OverReversed(Rejected):
    """More would be reversed than the original transfer moved.

    `transfer` is the id of the original; `remaining` what can still be reversed; `needed`
    what the call asked for.
    """

    rule = "reversal within its original"
    code = "over_reversed"

    def __init__(self, transfer: str, *, remaining: Hours, needed: Hours) -> None:
        super().__init__(
            f"transfer {shown(transfer)} has {remaining} left to reverse, not {needed}"
            if remaining
            else f"transfer {shown(transfer)} is reversed already: nothing of it is left"
        )
        self.transfer = transfer
        self.remaining = self.headroom = remaining
        self.needed = needed
        if remaining:
            self.add_remedy(f"{remaining} would pass", passes=remaining)


class AlreadyResolved(Rejected):
    """The hold was settled or voided, or has expired, and cannot change any more.

    `hold` is its id; `status` is "settled", "voided" or "expired"; `by` the id of the
    settlement or void, `None` for a hold that expired. `doing` is what was asked for, "settle" or
    "void": a second time it comes to nothing more.
    """

    rule = "a resolved hold is final"
    code = "already_resolved"

    def __init__(self, hold: str, *, status: str, by: str | None, doing: str = "settle") -> None:
        already = " already" if status.startswith(doing) else ""
        end = f"was {status}{already} by {shown(by)}" if by is not None else f"has {status}"
        super().__init__(f"hold {shown(hold)} {end}")
        self.hold, self.status, self.by, self.doing = hold, status, by, doing
        if already:
            self.add_remedy("nothing more is to be done")
        elif doing == "settle":
            self.add_remedy("record the exchange as a transfer, or make a new hold")
        elif by is not None:
            self.add_remedy(f"reverse {shown(by)} to take its hours back")
        else:
            self.add_remedy("it reserves nothing, and nothing more is to be done")


class NotAgreed(Rejected):
    """There is no agreement with the other bank, or it is suspended or ended.

    `peer` is the other bank's journal; `status` is "none", "suspended" or "ended".
    """

    rule = "agreement with another bank"
    code = "not_agreed"

    def __init__(self, peer: str, *, status: str) -> None:
        what = {
            "none": "there is no agreement with it",
            "suspended": "the agreement with it is suspended",
            "ended": "the agreement with it is ended",
        }[status]
        super().__init__(f"bank {shown(peer)}: {what}")
        self.peer, self.status = peer, status
        self.add_remedy("agree with it, or agree anew (timebank peers agree)")


class OfferUnanswered(Rejected):
    """What was offered to another bank waits for its answer, and nothing else ends it.

    `offer` is the id of the offer; `account` that of the agreement; `doing` what was asked.
    """

    rule = "an offer is ended by its answer"
    code = "offer_unanswered"

    def __init__(self, offer: str, *, account: str, doing: str) -> None:
        msg = f"offer {shown(offer)} to another bank is not answered: it cannot be {doing}"
        super().__init__(msg)
        self.offer, self.account, self.doing = offer, account, doing
        self.add_remedy("cancel it (timebank peers cancel), and wait for the answer")


class AnsweredTooLate(Rejected):
    """The other bank asked for an answer by an instant that is over.

    `answer_by` and `now` are instants, aware, in UTC.
    """

    rule = "answer by"
    code = "answered_too_late"

    def __init__(self, *, answer_by: datetime, now: datetime) -> None:
        super().__init__(f"an answer was asked for by {answer_by}, and it is {now}")
        self.answer_by, self.now = answer_by, now
        self.add_remedy("ask the other bank for a new offer")
