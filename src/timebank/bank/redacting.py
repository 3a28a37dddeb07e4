"""Leave out of results and refusals what is not for who acts.

Who may call may often not read: a member who spends hours names somebody whose balance is not
theirs to know. That a call is refused tells one thing of it. What is returned, and what a refusal
says, tells no more.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any, TypeVar

import attrs

from timebank.errors import (
    AccountNotEmpty,
    AccountNotOpen,
    AlreadyResolved,
    DuesNotCharged,
    HoldsOpen,
    IdempotencyMismatch,
    LimitExceeded,
    NothingDue,
    OverReversed,
    Rejected,
    TimebankError,
    shown,
)
from timebank.model import Flag, Hold, Transfer
from timebank.model.cheques import VoidedCheque
from timebank.model.members import Charge, DueReport, Leaving
from timebank.permissions import Ask, Permissions, permits
from timebank.queries.statements import Statement
from timebank.rules.advice import ADVISED
from timebank.statute import Statute

T = TypeVar("T")
R = TypeVar("R", bound=Rejected)


class Viewer:
    """Who acts, and what permissions let them read.

    `ask` is a question of theirs, which says who they are and how things are looked up.
    """

    def __init__(self, permissions: Permissions, ask: Ask) -> None:
        self._permissions = permissions
        self._ask = ask
        self._balances: dict[str, bool] = {}

    def _may(self, action: str, *accounts: str) -> bool:
        """Return whether they may read something of accounts."""
        return permits(self._permissions, self._question(action, accounts=accounts))

    def _may_see(self, action: str, earners: Iterable[str], spenders: Iterable[str]) -> bool:
        """Return whether they may read a transfer or a hold of such sides."""
        return permits(
            self._permissions,
            self._question(action, earners=tuple(earners), spenders=tuple(spenders)),
        )

    def _question(
        self,
        action: str,
        *,
        accounts: tuple[str, ...] = (),
        earners: tuple[str, ...] = (),
        spenders: tuple[str, ...] = (),
    ) -> Ask:
        """Return a question of the same actor."""
        return attrs.evolve(
            self._ask,
            action=action,
            accounts=accounts,
            earners=earners,
            spenders=spenders,
            request={},
            exceeds=False,
            writes_off=False,
        )

    def _sees_balance(self, account: str) -> bool:
        if account not in self._balances:
            self._balances[account] = self._may("balance", account)
        return self._balances[account]

    # -- results -----------------------------------------------------------------------

    def seen(self, result: T) -> T:
        """Return a result without the flags of accounts whose balance is not for them.

        What is left out leaves no trace: that there is a flag would tell of a balance too.
        """
        return self._seen(result)  # type: ignore[no-any-return]  # it is of the same type

    def _seen(self, result: Any) -> Any:
        match result:
            case Transfer() | Hold():
                kept = self._flags(result.flags)
                return result if kept == result.flags else attrs.evolve(result, flags=kept)
            case Statement():
                return attrs.evolve(result, holds=self._every(result.holds))
            case Charge():
                return attrs.evolve(result, transfer=self._seen(result.transfer))
            case DueReport():
                return attrs.evolve(result, charges=self._every(result.charges))
            case Leaving():
                return attrs.evolve(
                    result,
                    charges=self._every(result.charges),
                    voided=self._every(result.voided),
                    given_back=self._every(result.given_back),
                    disposal=self._seen(result.disposal),
                )
        return result

    def _every(self, results: Iterable[Any]) -> tuple[Any, ...]:
        return tuple(map(self._seen, results))

    def _flags(self, flags: tuple[Flag, ...]) -> tuple[Flag, ...]:
        return tuple(
            flag for flag in flags if flag.account is None or self._sees_balance(flag.account)
        )

    # -- refusals ----------------------------------------------------------------------

    def told(self, refusal: TimebankError, statute: Statute) -> TimebankError:
        """Return a refusal without what is not for them; the same one, where all of it is."""
        told = self._told(refusal)
        if isinstance(told, ADVISED) and told.remedy and not self._sees_all(statute):
            return _without(told, told.args[0].removesuffix(f"; {told.remedy}"))
        return told

    def _told(self, refusal: TimebankError) -> TimebankError:
        match refusal:
            case IdempotencyMismatch():
                told: TimebankError = self._mismatch(refusal)
            case LimitExceeded() if not self._sees_balance(refusal.account):
                told = refusal.redacted()
            case AccountNotOpen() if not self._may("account", refusal.account):
                doing = f"take part as the {refusal.role}"
                told = AccountNotOpen(
                    refusal.account, status="not open", doing=doing, role=refusal.role
                )
            case AccountNotEmpty() | HoldsOpen() if not self._sees_balance(refusal.account):
                msg = f"account {shown(refusal.account)} holds hours, or has open holds"
                hidden = dict.fromkeys({"balance", "held", "incoming"} & vars(refusal).keys())
                told = _without(refusal, msg, **hidden)
            case NothingDue() if not self._may("account", refusal.account):
                msg = f"no welcome credit is due to {shown(refusal.account)}"
                told = _without(refusal, msg, of=None)
            case DuesNotCharged():
                told = self._dues_told(refusal)
            case OverReversed() if not self._sees_operation("transfer_by_id"):
                msg = f"that much is not left to reverse of transfer {shown(refusal.transfer)}"
                told = _without(refusal, msg, remaining=None, headroom=None)
            case AlreadyResolved() if not self._sees_operation("hold_by_id"):
                msg = f"hold {shown(refusal.hold)} is open no more"
                told = _without(refusal, msg, status="resolved", by=None)
            case _:
                told = refusal
        return told

    def _dues_told(self, refusal: DuesNotCharged) -> DuesNotCharged:
        seen = tuple(one for one in refusal.accounts if self._may("dues", one))
        if seen == refusal.accounts:
            return refusal
        msg = f"dues up to {refusal.through} are not charged yet"
        return _without(refusal, msg, accounts=seen)

    def _sees_all(self, statute: Statute) -> bool:
        """Return whether all balances that were looked at for advice are for them.

        What would pass is found by trying, so that it tells the nearest limit of anybody.
        """
        ask = self._ask
        parties = {*ask.accounts, *ask.earners, *ask.spenders}
        if statute.fee is not None:
            parties.add(statute.fee.fund)
        return self._may("trial_balance") or (
            ask.action != "settle" and all(map(self._sees_balance, sorted(parties)))
        )

    def _sees_operation(self, action: str) -> bool:
        """Return whether they may read the transfer or hold that their call names."""
        return self._may_see(action, self._ask.earners, self._ask.spenders)

    def _mismatch(self, refusal: IdempotencyMismatch) -> IdempotencyMismatch:
        original = refusal.original
        match original:
            case Transfer():
                sees = self._may_see("transfer_by_id", original.earners, original.spenders)
            case Hold():
                sees = self._may_see("hold_by_id", original.earners, original.spenders)
            case Statute():
                sees = self._may("statute")
            case VoidedCheque():
                sees = self._may("booklets", *self._ask.spenders)
            case _:
                sees = self._may("account", *self._ask.accounts)
        if not sees:
            return IdempotencyMismatch(
                refusal.id, original=None, differs="what it named is not for who asks to see"
            )
        seen = self.seen(original)
        return refusal if seen is original else _copy(refusal, original=seen)


def _copy(error: IdempotencyMismatch, **facts: object) -> IdempotencyMismatch:
    other = copy.copy(error)
    vars(other).update(facts)
    return other


def _without(refusal: R, message: str, **facts: object) -> R:
    """Return a copy of a refusal with another message and other facts, and without its remedy."""
    other = copy.copy(refusal)
    other.args = (message,)
    vars(other).update(facts)
    other.remedy, other.passes = "", None
    return other
