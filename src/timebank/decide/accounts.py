"""Opening accounts, and changing their limits, names and status."""

from __future__ import annotations

from typing import Final

from timebank.commands import Command
from timebank.decide.state import Draft, State, hours
from timebank.errors import AccountNotEmpty, AccountNotOpen, FundInUse, InvalidRequest
from timebank.model import AccountRow
from timebank.statute import DAY_IN_MICROSECONDS

#: How far ahead a member may join.
DAYS_TO_JOIN: Final = 366


def _sets(account: str, **sets: object) -> Draft:
    return Draft({"account": account, "sets": sets})


def open_account(state: State, command: Command, now: int) -> Draft:
    """Open an account; that it is not open yet was looked at before."""
    request = command.request
    latest = state.statute.day(now + DAYS_TO_JOIN * DAY_IN_MICROSECONDS)
    if request.get("joined_on", latest) > latest:
        msg = f"joined_on {request['joined_on']} is too far ahead: the latest is {latest}"
        raise InvalidRequest(msg)
    sets = {
        "kind": request["kind"],
        "status": "open",
        "joined_on": request.get("joined_on"),
        "floor": request.get("floor", "inherit"),
        "ceiling": request.get("ceiling", "inherit"),
        "named": "name" in command.texts,
    }
    account, limits = request["account"], (sets["floor"], sets["ceiling"])
    row = AccountRow(account, request["kind"], "open", sets["joined_on"], *limits, 0, None)
    _check_order(state, row, now)
    return _sets(account, **sets)


def set_limits(state: State, command: Command, now: int) -> Draft | None:
    """Change the limits of an account that is not closed."""
    row = state.account(command.accounts[0])
    if row.status == "closed":
        raise AccountNotOpen(row.account, status=row.status, doing="have its limits set")
    floor = command.request.get("floor", row.floor)
    ceiling = command.request.get("ceiling", row.ceiling)
    if (floor, ceiling) == (row.floor, row.ceiling):
        return None
    _check_order(state, row._replace(floor=floor, ceiling=ceiling), now)
    return _sets(row.account, floor=floor, ceiling=ceiling)


def _check_order(state: State, row: AccountRow, now: int) -> None:
    floor, ceiling, _ = state.statute.limits_of(row, now)
    if floor is not None and ceiling is not None and floor > ceiling:
        msg = f"the floor {hours(floor)} is above the ceiling {hours(ceiling)}"
        raise InvalidRequest(msg)


def rename(state: State, command: Command, now: int) -> Draft | None:
    """Give another name, or none; nothing, where it is so already."""
    row = state.account(command.accounts[0])
    name = command.texts.get("name")
    if name == state.name and (name is None) == (row.named is None):
        return None
    return _sets(row.account, named=name is not None)


#: Command → (statuses it leaves, status it leads to, words for a refusal).
_STATUS_CHANGES: Final = {
    "freeze": (("open",), "frozen", "be frozen"),
    "thaw": (("frozen",), "open", "be thawed"),
    "close_account": (("open", "frozen"), "closed", "be closed"),
    "reopen": (("closed",), "open", "be reopened"),
}


def change_status(state: State, command: Command, now: int) -> Draft | None:
    """Freeze, thaw, close or reopen; nothing, where it is so already."""
    row = state.account(command.accounts[0])
    leaves, status, doing = _STATUS_CHANGES[command.kind]
    if row.status == status:
        return None
    if row.status not in leaves:
        raise AccountNotOpen(row.account, status=row.status, doing=doing)
    if status == "closed":
        if row.account in state.statute.funds:
            raise FundInUse(row.account, statute=state.statute.version)
        _check_empty(state, row, now)
    return _sets(row.account, status=status)


def _check_empty(state: State, row: AccountRow, now: int) -> None:
    posted = state.balances[row.account][1]
    held, incoming = state.reserved(row.account, now)
    if posted or held or incoming:
        raise AccountNotEmpty(
            row.account, balance=hours(posted), held=hours(held), incoming=hours(incoming)
        )
