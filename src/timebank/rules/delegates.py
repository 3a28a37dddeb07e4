"""Naming who may act for an account, and ending it."""

from __future__ import annotations

import attrs

from timebank import checks
from timebank.errors import AccountNotOpen, InvalidRequest, shown
from timebank.journal.kinds import DelegateEffects, DelegateRequest
from timebank.model import Account
from timebank.model.members import Delegate
from timebank.rules.state import Command, Draft, Result, State


@attrs.frozen
class _OfDelegate(Command[DelegateRequest, Result]):
    @property
    def account(self) -> str:
        """Return the account for which the delegate acts."""
        return self.accounts[0]

    @property
    def delegate(self) -> str:
        """Return the id of the delegate."""
        return self.request["delegate"]


def _request(account: object, delegate: object) -> DelegateRequest:
    request: DelegateRequest = {
        "account": checks.identifier(account, "account id"),
        "delegate": checks.identifier(delegate, "delegate"),
    }
    if request["account"] == request["delegate"]:
        msg = f"{shown(account)} needs no delegate to act for itself"
        raise InvalidRequest(msg).about(key="own_delegate", account=request["account"])
    return request


@attrs.frozen
class NameDelegate(_OfDelegate[Delegate]):
    """Let an actor act for an account, until a day or until it is ended."""

    kind = "name_delegate"

    @classmethod
    def of(cls, account: object, delegate: object, *, until: object) -> NameDelegate:
        """Make it from the arguments of the call."""
        request = _request(account, delegate)
        if (last := checks.day(until, "until")) is not None:
            request["until"] = last
        return cls(request, {}, (request["account"],))


@attrs.frozen
class EndDelegate(_OfDelegate[Account]):
    """Let an actor act for an account no more."""

    kind = "end_delegate"

    @classmethod
    def of(cls, account: object, delegate: object) -> EndDelegate:
        """Make it from the arguments of the call."""
        request = _request(account, delegate)
        return cls(request, {}, (request["account"],))


def name(state: State, command: NameDelegate, now: int) -> Draft | None:
    """Name a delegate; nothing, where it is so already.

    :raises AccountNotFound: no such account.
    :raises AccountNotOpen: it was merged into another.
    :raises InvalidRequest: a last day that is over.
    :raises AccountNotOpen: the account is closed.
    """
    row = state.account_itself(command.account, doing="have a delegate")
    until = command.request.get("until")
    if until is not None and until < (today := state.today):
        msg = f"until {until} is over: today is {today}"
        raise InvalidRequest(msg).about(key="until_over", until=until, today=state.today)
    if row.status == "closed":
        raise AccountNotOpen(row.account, status=row.status, doing="have a delegate")
    if state.delegates.get(command.delegate, "") == until:
        return None
    effects: DelegateEffects = {
        "account": row.account,
        "delegate": command.delegate,
        "of": row.opened,
        "until": until,
    }
    return Draft(effects, refers_to=row.opened)


def end(state: State, command: EndDelegate, now: int) -> Draft | None:
    """End it; nothing, where it is no delegate.

    :raises AccountNotFound: no such account.
    :raises AccountNotOpen: it was merged into another.
    """
    row = state.account_itself(command.account, doing="have a delegate")
    if command.delegate not in state.delegates:
        return None
    effects: DelegateEffects = {
        "account": row.account,
        "delegate": command.delegate,
        "of": row.opened,
    }
    return Draft(effects, refers_to=row.opened)
