"""The rules: `(state, command) → draft of a record`, or a refusal. Pure.

`decide` reads no clock, makes no id or salt and does no I/O: all it knows is in its
arguments, so the same call gives the same answer on every store. It returns `None`
where nothing is to be appended: the call repeats an earlier one, or asks for what
is so already.

Errors come in this order, whatever else is wrong with the call:

1. `InvalidRequest` and its kin, for what is wrong in any state of the bank;
2. `IdempotencyMismatch`, the id was used before for another request;
3. `InvalidRequest` for a day of service more than a day ahead;
4. `TransferNotFound`, then `InvalidRequest` for the reversal of a reversal;
5. `AccountNotFound`: earners, then spenders, each by id, then `via`;
6. `OverReversed`;
7. `AccountNotOpen`, in the order of 5;
8. `InvalidHours` for a balance too large to be stored;
9. `LimitExceeded`: floors of spenders by id, then ceilings of earners by id;
   `AccountNotEmpty`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs

from timebank.commands import Command, MakeTransfer, ReverseTransfer
from timebank.errors import (
    AccountNotEmpty,
    AccountNotFound,
    AccountNotOpen,
    IdempotencyMismatch,
    InvalidHours,
    InvalidRequest,
    LimitExceeded,
    OverReversed,
    TransferNotFound,
    shown,
)
from timebank.hours import Hours, apportion
from timebank.journal import commitment
from timebank.model import MAX_INTEGER, TEXT_FIELDS, AccountRow
from timebank.statute import DAY_IN_MICROSECONDS, Statute


@attrs.frozen
class Earlier:
    """What the command's id, or its account, already names.

    `texts` are the salt and text of each field that is still there; `result` is what
    the caller got, for the error's `original`.
    """

    kind: str
    request: dict[str, Any]
    texts: Mapping[str, tuple[bytes, str]]
    result: object


@attrs.frozen
class Original:
    """The transfer that a reversal names: its sequence, effects, and what was moved back."""

    sequence: int
    kind: str
    effects: dict[str, Any]
    reversed: tuple[dict[str, Any], ...]


@attrs.define
class State:
    """What a decision may know. `balances` are `(version, posted seconds)` by account.

    `name` is the current name of the account that a command renames.
    """

    statute: Statute
    accounts: Mapping[str, AccountRow | None]
    balances: Mapping[str, tuple[int, int]]
    earlier: Earlier | None = None
    original: Original | None = None
    name: str | None = None


@attrs.frozen
class Draft:
    """What a record will say, but for its place in the journal."""

    effects: dict[str, Any]
    refers_to: int | None = None


def decide(state: State, command: Command, now: int) -> Draft | None:
    """Judge a command at the instant `now`, in microseconds since 1970.

    Errors come in the order of the module's docstring.

    >>> from timebank.commands import OpenAccount
    >>> from timebank.decide import State, decide
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
        return f"it was a {earlier.kind}, now it is a {command.kind}"
    before = {field: value for field, value in earlier.request.items() if field not in TEXT_FIELDS}
    for field in sorted(before.keys() | command.request.keys()):
        was, now = before.get(field), command.request.get(field)
        if was != now or (field in before) != (field in command.request):
            return f"{field} was {_told(field, was)}, now it is {_told(field, now)}"
    for field in TEXT_FIELDS:
        if (field in earlier.request) != (field in command.texts):
            return f"the {field} was {'given' if field in earlier.request else 'left out'}"
        if field in earlier.texts:
            salt, _ = earlier.texts[field]
            if commitment(salt, command.texts[field]) != earlier.request[field]:
                return f"the {field} was another"
    return None


def _told(field: str, value: Any) -> str:
    """A value of a request for people: hours as hours, what was left out as such."""
    if value is None and field not in {"floor", "ceiling"}:
        return "left out"
    if field in {"earners", "spenders"}:
        return ", ".join(f"{id} {_hours(seconds)}" for id, seconds in value[:3])
    return (
        str(_hours(value))
        if field in {"hours", "floor", "ceiling"} and type(value) is int
        else shown(value)
    )


# -- accounts -----------------------------------------------------------------


def _account(state: State, id: str) -> AccountRow:
    row = state.accounts[id]
    if row is None:
        raise AccountNotFound(id)
    return row


def _sets(account: str, **sets: object) -> Draft:
    return Draft({"account": account, "sets": sets})


def _open_account(state: State, command: Command, now: int) -> Draft:
    request = command.request
    sets = {
        "kind": request["kind"],
        "status": "open",
        "joined_on": request.get("joined_on"),
        "floor": request.get("floor", "inherit"),
        "ceiling": request.get("ceiling", "inherit"),
        "named": "name" in command.texts,
    }
    account = request["account"]
    _check_order(
        state,
        AccountRow(account, request["kind"], "open", None, sets["floor"], sets["ceiling"], 0, None),
    )
    return _sets(account, **sets)


def _set_limits(state: State, command: Command, now: int) -> Draft | None:
    row = _account(state, command.accounts[0])
    if row.status == "closed":
        raise AccountNotOpen(row.account, status=row.status, doing="have its limits set")
    floor = command.request.get("floor", row.floor)
    ceiling = command.request.get("ceiling", row.ceiling)
    if (floor, ceiling) == (row.floor, row.ceiling):
        return None
    _check_order(state, row._replace(floor=floor, ceiling=ceiling))
    return _sets(row.account, floor=floor, ceiling=ceiling)


def _check_order(state: State, row: AccountRow) -> None:
    floor, ceiling = state.statute.limits_of(row)
    if floor is not None and ceiling is not None and floor > ceiling:
        msg = f"the floor {_hours(floor)} is above the ceiling {_hours(ceiling)}"
        raise InvalidRequest(msg)


def _rename(state: State, command: Command, now: int) -> Draft | None:
    row = _account(state, command.accounts[0])
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


def _change_status(state: State, command: Command, now: int) -> Draft | None:
    row = _account(state, command.accounts[0])
    leaves, status, doing = _STATUS_CHANGES[command.kind]
    if row.status == status:
        return None
    if row.status not in leaves:
        raise AccountNotOpen(row.account, status=row.status, doing=doing)
    posted = state.balances[row.account][1]
    if status == "closed" and posted:
        raise AccountNotEmpty(row.account, balance=_hours(posted))
    return _sets(row.account, status=status)


# -- transfers ----------------------------------------------------------------


def _transfer(state: State, command: MakeTransfer, now: int) -> Draft:
    request = command.request
    day = _day_of_service(state, request.get("occurred_on"), now)
    rows = {id: _account(state, id) for id in command.accounts}
    via = request.get("via")
    for id, row in rows.items():
        if row.status == "closed" or (row.status == "frozen" and id != via):
            raise AccountNotOpen(id, status=row.status, doing="earn, spend or arrange")
    changes: dict[str, int] = {id: seconds for id, seconds in command.earners}  # noqa: C416  # pairs are lists
    for id, seconds in command.spenders:
        changes[id] = changes.get(id, 0) - seconds
    _check_range(state, changes)
    if request.get("limits") is None:
        _check_limits(state, rows, changes)
    postings = command.earners + [[id, -seconds] for id, seconds in command.spenders]
    return Draft({"occurred_on": day, "postings": postings, "statute": state.statute.version})


def _day_of_service(state: State, day: str | None, now: int) -> str:
    if day is None:
        return state.statute.day(now)
    latest = state.statute.day(now + DAY_IN_MICROSECONDS)
    if day > latest:
        msg = f"occurred_on {day} is in the future: the latest day accepted is {latest}"
        raise InvalidRequest(msg)
    return day


def _check_range(state: State, changes: Mapping[str, int]) -> None:
    for id, change in changes.items():
        if abs(state.balances[id][1] + change) > MAX_INTEGER:
            msg = f"account {shown(id)} would hold more than 2**53 seconds"
            raise InvalidHours(msg)


def _check_limits(state: State, rows: Mapping[str, AccountRow], changes: Mapping[str, int]) -> None:
    """Refuse whoever would move further beyond a limit: floors by id, then ceilings."""
    for id in sorted(changes):
        if changes[id] < 0:
            _check_limit(state, rows[id], "floor", -changes[id])
    for id in sorted(changes):
        if changes[id] > 0:
            _check_limit(state, rows[id], "ceiling", changes[id])


def _check_limit(state: State, row: AccountRow, rule: str, needed: int) -> None:
    limit = state.statute.limits_of(row)[0 if rule == "floor" else 1]
    if limit is None:
        return
    posted = state.balances[row.account][1]
    available = posted - limit if rule == "floor" else limit - posted
    if needed > available:
        raise LimitExceeded(
            row.account,
            rule=rule,
            limit=_hours(limit),
            available=_hours(max(available, 0)),
            needed=_hours(needed),
        )


def _reverse(state: State, command: ReverseTransfer, now: int) -> Draft:
    original = state.original
    if original is None:
        raise TransferNotFound(command.original)
    if original.kind == "reverse":
        msg = f"{shown(command.original)} is a reversal: enter the exchange anew instead"
        raise InvalidRequest(msg)
    day = _day_of_service(state, command.request.get("occurred_on"), now)
    if "occurred_on" not in command.request:
        day = original.effects["occurred_on"]
    lines = _remaining(original)
    remaining = sum(seconds for _, seconds in lines if seconds > 0)
    needed = command.request.get("hours", remaining)
    if not 0 < needed <= remaining:
        raise OverReversed(command.original, remaining=_hours(remaining), needed=_hours(needed))
    postings = _share(lines, needed, sign=1) + _share(lines, needed, sign=-1)
    changes: dict[str, int] = {}
    for id, seconds in postings:
        if _account(state, id).status == "closed":
            raise AccountNotOpen(id, status="closed", doing="take part in a reversal")
        changes[id] = changes.get(id, 0) + seconds
    _check_range(state, changes)
    effects = {
        "occurred_on": day,
        "postings": postings,
        "reverses": original.sequence,
        "statute": state.statute.version,
    }
    return Draft(effects, refers_to=original.sequence)


def _remaining(original: Original) -> list[list[Any]]:
    """The original's postings, less what was moved back of each."""
    lines = {(id, seconds > 0): seconds for id, seconds in original.effects["postings"]}
    for effects in original.reversed:
        for id, seconds in effects["postings"]:
            lines[id, seconds < 0] += seconds
    return [[id, seconds] for (id, _), seconds in lines.items()]


def _share(lines: list[list[Any]], total: int, *, sign: int) -> list[list[Any]]:
    """What moves back of one side: `total`, apportioned over what remains of it."""
    side = [(id, abs(seconds)) for id, seconds in lines if seconds * sign > 0]
    shares = apportion(total, [seconds for _, seconds in side])
    return [[id, -sign * share] for (id, _), share in zip(side, shares, strict=True) if share]


def _hours(seconds: int) -> Hours:
    return Hours.from_seconds(seconds)


_JUDGES: Final[dict[str, Callable[[State, Any, int], Draft | None]]] = {
    "open_account": _open_account,
    "set_limits": _set_limits,
    "rename": _rename,
    "freeze": _change_status,
    "thaw": _change_status,
    "close_account": _change_status,
    "reopen": _change_status,
    "transfer": _transfer,
    "reverse": _reverse,
}
