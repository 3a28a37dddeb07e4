"""The rules: `(state, command) → draft of a record`, or a refusal. Pure.

`decide` reads no clock, makes no id or salt and does no I/O: all it knows is in its
arguments, so the same call gives the same answer on every store. It returns `None`
where nothing is to be appended: the call repeats an earlier one, or asks for what
is so already.

Errors come in this order, whatever else is wrong with the call:

1. `InvalidRequest` and its kin, for what is wrong in any state of the bank;
2. `IdempotencyMismatch`, the id was used before for another request;
3. `TransferNotFound` or `HoldNotFound`, then `InvalidRequest` for the reversal of a
   reversal, `AlreadyResolved` for a hold that is settled, voided or expired;
4. `InvalidRequest` for a day of service more than a day ahead, or a hold whose end
   cannot be recorded;
5. `AccountNotFound`: earners, then spenders, each by id, then the fund of the fee
   and `via`;
6. `OverReversed`;
7. `AccountNotOpen`, in the order of 5;
8. of an exchange `RecordedTooLate`, `GranularityRefused`, `ExchangeTooLarge`;
9. `InvalidHours` for a balance too large to be stored;
10. `LimitExceeded`: floors of spenders by id, then ceilings of earners by id;
    `AccountNotEmpty`.

Of a settlement 8 comes before 7, for its hours say whether it goes beyond its hold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final

from timebank.errors import IdempotencyMismatch, shown
from timebank.hours import Hours
from timebank.journal import commitment
from timebank.model import TEXT_FIELDS
from timebank.rules import accounts, delegates, dues, erasures, holds, statutes, transfers
from timebank.rules.accounts import (
    KEEP,
    ChangeStatus,
    CloseAccount,
    Freeze,
    OpenAccount,
    Rename,
    Reopen,
    SetLimits,
    Thaw,
)
from timebank.rules.delegates import EndDelegate, NameDelegate
from timebank.rules.dues import MakeDue, due_id
from timebank.rules.erasures import Erase
from timebank.rules.holds import MakeHold, SettleHold, VoidHold
from timebank.rules.state import Command, Draft, Earlier, Held, NewId, Original, State, actor
from timebank.rules.statutes import Adopt
from timebank.rules.transfers import Exchange, MakeTransfer, ReverseTransfer

__all__ = [
    "KEEP",
    "Adopt",
    "ChangeStatus",
    "CloseAccount",
    "Command",
    "Draft",
    "Earlier",
    "EndDelegate",
    "Erase",
    "Exchange",
    "Freeze",
    "Held",
    "MakeDue",
    "MakeHold",
    "MakeTransfer",
    "NameDelegate",
    "NewId",
    "OpenAccount",
    "Original",
    "Rename",
    "Reopen",
    "ReverseTransfer",
    "SetLimits",
    "SettleHold",
    "State",
    "Thaw",
    "VoidHold",
    "actor",
    "decide",
    "due_id",
]


def decide(state: State, command: Command, now: int) -> Draft | None:
    """Judge a command at the instant `now`, in microseconds since 1970.

    Errors come in the order of the module's docstring.

    >>> from timebank.rules import OpenAccount
    >>> from timebank.rules import State, decide
    >>> from timebank.model import INHERIT
    >>> from timebank.statute import DEFAULT
    >>> command = OpenAccount.of("m1", kind="member", name=None, joined_on=None,
    ...                          floor=INHERIT, ceiling=INHERIT)
    >>> draft = decide(State(DEFAULT, accounts={"m1": None}, balances={}), command, now=0)
    >>> draft.effects["sets"]["status"]
    'open'
    """
    if state.earlier is not None:
        _must_repeat(state.earlier, command)
        return None
    return _JUDGES[command.kind](state, command, now)


# -- repetition ---------------------------------------------------------------


def _must_repeat(earlier: Earlier, command: Command) -> None:
    difference = _difference(earlier, command)
    if difference is not None:
        raise IdempotencyMismatch(
            command.id or command.accounts[0], original=earlier.result, differs=difference
        )


def _difference(earlier: Earlier, command: Command) -> str | None:
    """How the two requests differ, in words; erased text counts as alike."""
    if earlier.kind != command.kind:
        return f"it was a call of {earlier.kind}, now it is one of {command.kind}"
    before = {field: value for field, value in earlier.request.items() if field not in TEXT_FIELDS}
    for field in sorted(before.keys() | command.request.keys()):
        was, now = before.get(field), command.request.get(field)
        if was != now or (field in before) != (field in command.request):
            return f"{field} was {_told(field, before)}, now it is {_told(field, command.request)}"
    for field in TEXT_FIELDS:
        if (field in earlier.request) != (field in command.texts):
            return f"the {field} was {'given' if field in earlier.request else 'left out'}"
        if field in earlier.texts:
            salt, _ = earlier.texts[field]
            if commitment(salt, command.texts[field]) != earlier.request[field]:
                return f"the {field} was another"
    return None


def _told(field: str, request: Mapping[str, Any]) -> str:
    """A value of a request for people: hours as hours, what was left out as such."""
    if field not in request:
        return "left out"
    value = request[field]
    if value is None:  # of limits only
        return "unlimited"
    if field == "expires_in":
        return str(timedelta(microseconds=value))
    if field in {"earners", "spenders"}:
        return ", ".join(f"{id} {Hours.from_seconds(seconds)}" for id, seconds in value[:3])
    return (
        str(Hours.from_seconds(value))
        if field in {"hours", "floor", "ceiling"} and type(value) is int
        else shown(value)
    )


_JUDGES: Final[dict[str, Callable[[State, Any, int], Draft | None]]] = {
    "open_account": accounts.open_account,
    "set_limits": accounts.set_limits,
    "rename": accounts.rename,
    "freeze": accounts.change_status,
    "thaw": accounts.change_status,
    "close_account": accounts.change_status,
    "reopen": accounts.change_status,
    "transfer": transfers.transfer,
    "reverse": transfers.reverse,
    "hold": holds.hold,
    "settle": holds.settle,
    "void": holds.void,
    "adopt": statutes.adopt,
    "due": dues.due,
    "name_delegate": delegates.name,
    "end_delegate": delegates.end,
    "erase": erasures.erase,
}
