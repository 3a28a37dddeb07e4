"""Transfers and reversals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self

import attrs

from timebank import checks
from timebank.checks import Side
from timebank.errors import AccountNotOpen, InvalidRequest, OverReversed, TransferNotFound, shown
from timebank.hours import apportion
from timebank.model import AccountRow
from timebank.rules import exchange
from timebank.rules.advice import ADVISED, Refusal, advise
from timebank.rules.limits import Flag, check_limits
from timebank.rules.state import (
    Command,
    Draft,
    Original,
    State,
    check_range,
    day_of_service,
    hours,
    texts_of,
)


@attrs.frozen
class Exchange(Command):
    """Who earns and who spends, and what for: of a transfer, and of a hold that proposes one."""

    @property
    def earners(self) -> checks.Side:
        """Who earns, as sorted `[account, seconds]`."""
        side: checks.Side = self.request["earners"]
        return side

    @property
    def spenders(self) -> checks.Side:
        """Who spends, as sorted `[account, seconds]`."""
        side: checks.Side = self.request["spenders"]
        return side

    @classmethod
    def of(
        cls,
        *,
        id: object,
        earner: object,
        spender: object,
        hours: object,
        kind: object,
        occurred_on: object,
        category: object,
        area: object,
        resource: object,
        via: object,
        note: object,
        tags: object,
        source: object,
        limits: object,
        **more: Any,
    ) -> Self:
        """From the arguments of the call; `more` joins the request as it is."""
        operation = checks.operation(id)
        earners, spenders = checks.sides(earner, spender, hours)
        request: dict[str, Any] = {
            "id": operation,
            "kind": checks.identifier(kind, "kind"),
            "earners": earners,
            "spenders": spenders,
            **more,
        }
        for field, value in (("category", category), ("area", area), ("resource", resource)):
            if value is not None:
                request[field] = checks.label(value, field)
        if occurred_on is not None:
            request["occurred_on"] = checks.day(occurred_on, "occurred_on")
        if tags != () and (normal := checks.tags(tags)):
            request["tags"] = normal
        if source is not None:
            request["source"] = checks.source(source)
        if limits != "checked":
            request["limits"] = checks.one_of(limits, ("checked", "unchecked"), "limits")
        if kind == "reversal":
            msg = "kind 'reversal' is that of reverse(): choose another"
            raise InvalidRequest(msg)
        accounts = tuple(account for account, _ in earners + spenders)
        if via is not None:
            request["via"] = checks.identifier(via, "via")
            accounts += (request["via"],)
        texts = {} if note is None else texts_of(note=note)
        return cls(request, texts, accounts, operation)


@attrs.frozen
class MakeTransfer(Exchange):
    """Move hours from spenders to earners."""

    kind = "transfer"


@attrs.frozen
class ReverseTransfer(Command):
    """Move hours of an earlier transfer back, wholly or in part."""

    kind = "reverse"

    @classmethod
    def of(
        cls, transfer: object, *, id: object, reason: object, hours: object, occurred_on: object
    ) -> ReverseTransfer:
        """From the arguments of the call."""
        operation = checks.operation(id)
        request: dict[str, Any] = {
            "id": operation,
            "transfer": checks.identifier(transfer, "transfer id"),
        }
        if hours is not None:
            request["hours"] = checks.positive(hours, "hours")
        if (day := checks.day(occurred_on, "occurred_on")) is not None:
            request["occurred_on"] = day
        texts = texts_of(reason=reason)
        if not texts:
            msg = "a reversal needs a reason, for the member who will read it"
            raise InvalidRequest(msg)
        return cls(request=request, texts=texts, accounts=(), id=operation)

    @property
    def original(self) -> str:
        """The id of the transfer to reverse."""
        return str(self.request["transfer"])


#: Judges an exchange between such sides.
JudgeOfSides = Callable[[State, Any, Side, Side, int], Draft]


@attrs.frozen
class Terms:
    """What an exchange comes to under a statute: the lines of its sides, and of its fee."""

    earned: Side
    spent: Side
    fee: Side
    flags: list[Flag]

    @property
    def lines(self) -> list[list[Any]]:
        """All that is posted: earners, spenders, then the fee; it sums to zero."""
        return self.earned + [[id, -seconds] for id, seconds in self.spent] + self.fee

    def effects(self) -> dict[str, Any]:
        """What a record says of it beside its postings: the fee's part of them, and flags."""
        found: dict[str, Any] = {}
        if self.fee:
            found["fee"] = self.fee
        if self.flags:
            found["flags"] = self.flags
        return found


def transfer(state: State, command: MakeTransfer, now: int) -> Draft:
    """Judge a transfer.

    :raises Rejected: with what would pass, where other hours would.
    """
    try:
        return judged(state, command, command.earners, command.spenders, now)
    except ADVISED as refusal:
        explained(refusal, judged, state, command, now)
        raise


def explained(
    refusal: Refusal, judge: JudgeOfSides, state: State, command: Exchange, now: int
) -> None:
    """Say in a refusal which other hours would pass, shared in the same proportion."""

    def other(seconds: int) -> Draft:
        earned = exchange.scaled(command.earners, seconds)
        return judge(state, command, earned, exchange.scaled(command.spenders, seconds), now)

    asked = exchange.total(command.earners)
    advise(refusal, other, state.statute, command.request, asked=asked)


def judged(state: State, command: Exchange, earned: Side, spent: Side, now: int) -> Draft:
    """Judge a transfer between such sides, without looking for what would pass."""
    request = command.request
    day = day_of_service(state, request.get("occurred_on"), now)
    rows = open_accounts(state, command)
    terms = terms_of(state, command, (earned, spent), day=day, now=now)
    lines = terms.lines
    changes = net(lines)
    check_range(state, changes)
    if request.get("limits") is None:
        terms.flags.extend(check_limits(state, rows, low=changes, high=changes, now=now))
    effects = {"occurred_on": day, "postings": lines, "statute": state.statute.version}
    return Draft(effects | terms.effects() if terms.fee or terms.flags else effects)


def open_accounts(state: State, command: Exchange) -> dict[str, AccountRow]:
    """The rows of who takes part, the fund of a fee among them.

    :raises AccountNotFound: one of them is missing.
    :raises AccountNotOpen: one of them is closed, or frozen and more than an intermediary.
    """
    request = command.request
    rows = {id: state.account(id) for id in command.accounts}
    fee = state.statute.fee
    if fee is not None and fee.fund not in rows and exchange.is_judged(state.statute, request):
        rows[fee.fund] = state.account(fee.fund)
    via = request.get("via")
    for id, row in rows.items():
        if row.status == "closed" or (row.status == "frozen" and id != via):
            raise AccountNotOpen(id, status=row.status, doing="earn, spend or arrange")
    return rows


def terms_of(
    state: State, command: Exchange, sides: tuple[Side, Side], *, day: str, now: int
) -> Terms:
    """What the statute makes of the sides that were asked for.

    :raises RecordedTooLate: the day of service lies too far back.
    :raises GranularityRefused: no multiple of the unit.
    :raises ExchangeTooLarge: more than one exchange may move.
    """
    statute, (earned, spent) = state.statute, sides
    if not exchange.is_judged(statute, command.request):
        return Terms(earned, spent, [], [])
    flags = exchange.check_day(statute, day, now)
    seconds = exchange.rounded(statute.granularity, exchange.total(earned))
    flags += exchange.check_size(statute, seconds)
    earned, spent = exchange.scaled(earned, seconds), exchange.scaled(spent, seconds)
    return Terms(earned, spent, exchange.fee_lines(statute, earned, spent), flags)


def net(lines: Iterable[list[Any]]) -> dict[str, int]:
    """What all lines of each account come to."""
    changes: dict[str, int] = {}
    for id, seconds in lines:
        changes[id] = changes.get(id, 0) + seconds
    return changes


# -- reversals -------------------------------------------------------------------


def reverse(state: State, command: ReverseTransfer, now: int) -> Draft:
    """Judge a reversal; limits do not apply. The fee moves back in proportion, and closes."""
    original = state.original
    if original is None:
        raise TransferNotFound(command.original)
    if original.kind == "reverse":
        msg = f"{shown(command.original)} is a reversal: enter the exchange anew instead"
        raise InvalidRequest(msg)
    day = day_of_service(state, command.request.get("occurred_on"), now)
    if "occurred_on" not in command.request:
        day = original.effects["occurred_on"]
    lines, fees = _remaining(original)
    remaining, fee = _earned(lines), _earned(fees)
    needed = command.request.get("hours", remaining)
    if not 0 < needed <= remaining:
        raise OverReversed(command.original, remaining=hours(remaining), needed=hours(needed))
    back = _moved_back(lines, needed)
    fee_back = _moved_back(fees, fee * needed // remaining)
    changes = net(back + fee_back)
    for id in changes:
        if state.account(id).status == "closed":
            raise AccountNotOpen(id, status="closed", doing="take part in a reversal")
    check_range(state, changes)
    effects = {
        "occurred_on": day,
        "postings": back + fee_back,
        "reverses": original.sequence,
        "statute": state.statute.version,
    }
    if fee_back:
        effects["fee"] = fee_back
    return Draft(effects, refers_to=original.sequence)


def _earned(lines: Iterable[list[Any]]) -> int:
    return sum(seconds for _, seconds in lines if seconds > 0)


def _remaining(original: Original) -> tuple[list[list[Any]], list[list[Any]]]:
    """The original's lines and those of its fee, less what was moved back of each."""
    left = []
    groups = [parts(effects) for effects in original.reversed]
    for number, lines in enumerate(parts(original.effects)):
        remains = {(id, seconds > 0): seconds for id, seconds in lines}
        for group in groups:
            for id, seconds in group[number]:
                remains[id, seconds < 0] += seconds
        left.append([[id, seconds] for (id, _), seconds in remains.items()])
    return left[0], left[1]


def parts(effects: Mapping[str, Any]) -> tuple[list[list[Any]], list[list[Any]]]:
    """The postings of a record: those of the exchange, and those of its fee."""
    postings, fee = effects["postings"], effects.get("fee", [])
    return postings[: len(postings) - len(fee)], fee


def _moved_back(lines: list[list[Any]], total: int) -> list[list[Any]]:
    """So much of each side, apportioned over what remains of it, with the signs turned."""
    if not total:
        return []
    return _share(lines, total, sign=1) + _share(lines, total, sign=-1)


def _share(lines: list[list[Any]], total: int, *, sign: int) -> list[list[Any]]:
    side = [(id, abs(seconds)) for id, seconds in lines if seconds * sign > 0]
    shares = apportion(total, [seconds for _, seconds in side])
    return [[id, -sign * share] for (id, _), share in zip(side, shares, strict=True) if share]
