"""Naming who may act for an account, and ending it."""

from __future__ import annotations

from timebank.commands.delegates import EndDelegate, NameDelegate
from timebank.decide.state import Draft, State
from timebank.errors import AccountNotOpen, InvalidRequest


def name(state: State, command: NameDelegate, now: int) -> Draft | None:
    """Name a delegate; nothing, where it is so already.

    :raises AccountNotFound: no such account.
    :raises InvalidRequest: a last day that is over.
    :raises AccountNotOpen: the account is closed.
    """
    row = state.account(command.account)
    until = command.request.get("until")
    if until is not None and until < (today := state.statute.day(now)):
        msg = f"until {until} is over: today is {today}"
        raise InvalidRequest(msg)
    if row.status == "closed":
        raise AccountNotOpen(row.account, status=row.status, doing="have a delegate")
    if state.delegates.get(command.delegate, "") == until:
        return None
    effects = {
        "account": row.account,
        "delegate": command.delegate,
        "of": row.opened,
        "until": until,
    }
    return Draft(effects, refers_to=row.opened)


def end(state: State, command: EndDelegate, now: int) -> Draft | None:
    """End it; nothing, where it is no delegate.

    :raises AccountNotFound: no such account.
    """
    row = state.account(command.account)
    if command.delegate not in state.delegates:
        return None
    effects = {"account": row.account, "delegate": command.delegate, "of": row.opened}
    return Draft(effects, refers_to=row.opened)
