"""Transfers and reversals: their commands, and the judges of both."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import Any, Final, Self

import attrs

from timebank import checks
from timebank.checks import Side
from timebank.errors import (
    AccountNotFound,
    InvalidRequest,
    OverReversed,
    TransferNotFound,
    shown,
)
from timebank.hours import apportion
from timebank.journal.kinds import (
    ExchangeRequest,
    Lines,
    MoveEffects,
    RecordedFlag,
    ReverseRequest,
    sides_of,
)
from timebank.model import AccountRow, Transfer
from timebank.rules import exchange
from timebank.rules.advice import ADVISED, Refusal, advise
from timebank.rules.limits import check_moves
from timebank.rules.roles import (
    EARNER,
    FEE_FUND,
    SPENDER,
    check_roles,
    roles_of,
    roles_of_lines,
)
from timebank.rules.state import (
    Command,
    Draft,
    Original,
    Result,
    State,
    check_range,
    day_of_service,
    hours,
    open_day,
    reason_of,
    texts_of,
)

# -- commands ------------------------------------------------------------------------


@attrs.define
class Exchange(Command[ExchangeRequest, Result]):
    """A transfer, or a hold that proposes one: who earns, who spends, and what for."""

    @property
    def earners(self) -> Side:
        """Return who earns, as sorted `[account, seconds]`."""
        return self.request["earners"]

    @property
    def spenders(self) -> Side:
        """Return who spends, as sorted `[account, seconds]`."""
        return self.request["spenders"]

    @classmethod
    def of(
        cls,
        *,
        id: object,
        earner: object,
        spender: object,
        hours: object,
        kind: object = "exchange",
        occurred_on: object = None,
        started_at: object = None,
        ended_at: object = None,
        category: object = None,
        area: object = None,
        resource: object = None,
        via: object = None,
        note: object = None,
        tags: object = (),
        source: object = None,
        limits: object = "checked",
        expires_in: object = None,
    ) -> Self:
        """Make it from the arguments of the call, checked in the order of the errors."""
        reserved_for = None if expires_in is None else checks.duration(expires_in, "expires_in")
        operation = checks.operation(id)
        earners, spenders = checks.sides(earner, spender, hours)
        request: ExchangeRequest = {
            "id": operation,
            "kind": "exchange" if kind == "exchange" else _kind(kind),
            "earners": earners,
            "spenders": spenders,
        }
        if reserved_for is not None:
            request["expires_in"] = reserved_for
        if (category, area, resource, tags, source, started_at, ended_at) != _NOT_DESCRIBED:
            _describe(
                request,
                started_at=started_at,
                ended_at=ended_at,
                category=category,
                area=area,
                resource=resource,
                tags=tags,
                source=source,
            )
        if occurred_on is not None:
            request["occurred_on"] = checks.day_given(occurred_on, "occurred_on")
        if limits != "checked":
            request["limits"] = checks.one_of(limits, ("checked", "unchecked"), "limits")
        accounts = tuple(map(_account, earners + spenders))
        if via is not None:
            request["via"] = checks.identifier(via, "via")
            accounts += (request["via"],)
        return cls(request, {} if note is None else texts_of(note=note), accounts, operation)


def _kind(value: object) -> str:
    """Return a kind of exchange, checked."""
    kind = checks.identifier(value, "kind")
    if kind == "reversal":
        msg = "kind 'reversal' is that of reverse(): choose another"
        raise InvalidRequest(msg).about(key="kind_reversal")
    return kind


#: Returns the account of a line.
_account: Final = itemgetter(0)
_NOT_DESCRIBED: Final = (None, None, None, (), None, None, None)


def _describe(
    request: ExchangeRequest,
    *,
    started_at: object,
    ended_at: object,
    category: object,
    area: object,
    resource: object,
    tags: object,
    source: object,
) -> None:
    """Add to a request what the exchange is for, when it was, and where it comes from."""
    if category is not None:
        request["category"] = checks.label(category, "category")
    if area is not None:
        request["area"] = checks.label(area, "area")
    if resource is not None:
        request["resource"] = checks.label(resource, "resource")
    if (begins := checks.time_of_day(started_at, "started_at")) is not None:
        request["from"] = begins
    if (ends := checks.time_of_day(ended_at, "ended_at")) is not None:
        request["to"] = ends
    if tags != () and (normal := checks.tags(tags)):
        request["tags"] = normal
    if source is not None:
        request["source"] = checks.source(source)


@attrs.define
class MakeTransfer(Exchange[Transfer]):
    """Move hours from spenders to earners."""

    kind = "transfer"


@attrs.frozen
class ReverseTransfer(Command[ReverseRequest, Transfer]):
    """Move hours of an earlier transfer back, wholly or in part."""

    kind = "reverse"

    @classmethod
    def of(
        cls, transfer: object, *, id: object, reason: object, hours: object, occurred_on: object
    ) -> ReverseTransfer:
        """Make it from the arguments of the call."""
        request: ReverseRequest = {
            "id": checks.operation(id),
            "transfer": checks.identifier(transfer, "transfer id"),
        }
        if hours is not None:
            request["hours"] = checks.positive(hours, "hours")
        if (day := checks.day(occurred_on, "occurred_on")) is not None:
            request["occurred_on"] = day
        texts = reason_of(reason, "a reversal needs a reason, for the member who will read it")
        return cls(request, texts, (), request["id"])

    @property
    def earlier_id(self) -> str:
        """Return the id of the transfer to reverse."""
        return self.request["transfer"]


# -- the judge of a transfer -----------------------------------------------------------

#: Judges an exchange between such sides, in place of those that were asked for.
JudgeOfSides = Callable[[State, Any, Side, Side, int], Draft]


@attrs.define
class Terms:
    """The lines of an exchange under a statute: those of its sides, and those of its fee."""

    earned: Side
    spent: Side
    fee: Side
    flags: list[RecordedFlag]

    def lines(self) -> Lines:
        """Return all that is posted: earners, spenders, then the fee; it sums to zero."""
        return both_sides(self.earned, self.spent) + self.fee


def both_sides(earned: Side, spent: Side) -> Lines:
    """Return what is posted of the two sides of an exchange."""
    lines = earned.copy()
    for id, seconds in spent:
        lines.append([id, -seconds])
    return lines


def transfer(state: State, command: Exchange[Transfer], now: int) -> Draft:
    """Judge a transfer.

    :raises Rejected: with what would pass, where other hours would.
    """
    try:
        return judge_sides(
            state, command, command.request["earners"], command.request["spenders"], now
        )
    except ADVISED as refusal:
        add_advice(refusal, judge_sides, state, command, now)
        raise


def add_advice(
    refusal: Refusal, judge: JudgeOfSides, state: State, command: Exchange[Any], now: int
) -> None:
    """Add to a refusal which other hours would pass, shared in the same proportion."""

    def other(seconds: int) -> Draft:
        earned = exchange.scaled(command.earners, seconds)
        return judge(state, command, earned, exchange.scaled(command.spenders, seconds), now)

    asked = exchange.total(command.earners)
    advise(refusal, other, state.statute, command.request, asked=asked)


def judge_sides(state: State, command: Exchange[Any], earned: Side, spent: Side, now: int) -> Draft:
    """Judge a transfer between such sides, without looking for what would pass."""
    request = command.request
    day = day_of_service(state, request.get("occurred_on"))
    rows = participants(state, command)
    flags: list[RecordedFlag] = []
    if state.statute.judges_exchanges:
        terms = terms_of(state, command, earned, spent, day)
        lines, fee, flags = terms.lines(), terms.fee, terms.flags
    else:
        lines, fee = both_sides(earned, spent), None
    changes = net(lines)
    if "limits" in request:
        check_range(state, changes)
    else:
        flags = flags + check_moves(state, rows, changes, now=now)
    effects: MoveEffects = {
        "occurred_on": day,
        "postings": lines,
        "statute": state.statute.version,
    }
    if fee:
        effects["fee"] = fee
    if flags:
        effects["flags"] = flags
    return Draft(effects)


def participants(state: State, command: Exchange[Any]) -> dict[str, AccountRow]:
    """Return the rows of all who take part, each checked to be open, the fund of a fee too.

    :raises AccountNotFound: one of them is missing.
    :raises AccountNotOpen: one of them is closed, or frozen and more than an intermediary.
    """
    accounts, statute = state.accounts, state.statute
    rows: dict[str, AccountRow] = {}
    are_open = True
    for id in command.accounts:
        row = accounts[id]
        if row is None:
            raise AccountNotFound(id)
        rows[id] = row
        if row.status != "open":
            are_open = False
    fund = None
    if statute.fee is not None and exchange.is_judged(statute, command.request):
        fund = statute.fee.fund
        if fund not in rows:
            rows[fund] = state.account(fund)
        are_open = are_open and rows[fund].status == "open"
    if not are_open:
        via = command.request.get("via")
        check_roles(rows, roles_of(command.earners, command.spenders, fund=fund, via=via))
    return rows


def terms_of(state: State, command: Exchange[Any], earned: Side, spent: Side, day: str) -> Terms:
    """Return what the statute makes of the sides that were asked for.

    :raises RecordedTooLate: the day of service lies too far back.
    :raises GranularityRefused: no multiple of the unit.
    :raises ExchangeTooLarge: more than one exchange may move.
    """
    statute = state.statute
    if not (statute.judges_exchanges and exchange.is_judged(statute, command.request)):
        return Terms(earned, spent, [], [])
    flags = exchange.check_day(statute, day, state.today)
    seconds = exchange.rounded(statute.granularity, exchange.total(earned))
    flags += exchange.check_size(statute, seconds)
    earned, spent = exchange.scaled(earned, seconds), exchange.scaled(spent, seconds)
    return Terms(earned, spent, exchange.fee_lines(statute, earned, spent), flags)


def net(lines: Lines) -> dict[str, int]:
    """Return the sum of the lines of each account."""
    changes: dict[str, int] = dict(lines)  # type: ignore[assignment]  # a line is a pair
    if len(changes) < len(lines):  # an account has more than one
        changes = dict.fromkeys(changes, 0)
        for id, seconds in lines:
            changes[id] += seconds
    return changes


# -- reversals -------------------------------------------------------------------


def reverse(
    state: State,
    command: Command[ReverseRequest, Transfer],
    now: int,
    *,
    besides: str | None = None,
) -> Draft:
    """Judge a reversal; limits do not apply. `besides` is the account of an agreement, if any.

    The fee moves back in proportion, rounded down; reversing all that is left moves back all of
    the fee that is left.
    """
    original, named = state.original, command.request["transfer"]
    if original is None:
        raise TransferNotFound(named)
    if original.kind == "reverse":
        msg = f"{shown(named)} is a reversal: enter the exchange anew instead"
        raise InvalidRequest(msg).about(key="reversal_reversed", id=named)
    # A day that was given is checked; else it is the same, though a clock that was ahead dated it,
    # so that the two cancel out on every day; but closed books stay as they are.
    given = command.request.get("occurred_on")
    if given is None:
        day = open_day(state, original.effects["occurred_on"])
    else:
        day = day_of_service(state, given)
    lines, fees = _remaining(original)
    remaining, fee = _sum_of_positive(lines), _sum_of_positive(fees)
    needed = command.request.get("hours", remaining)
    if not 0 < needed <= remaining:
        raise OverReversed(named, remaining=hours(remaining), needed=hours(needed))
    back = _moved_back(lines, needed)
    fee_back = _moved_back(fees, fee * needed // remaining)
    changes = net(back + fee_back)
    rows = {id: state.account(id) for id in changes}
    played = roles_of_lines(_turned(back), _turned(fee_back))
    frozen = (EARNER, SPENDER, FEE_FUND)
    check_roles(rows, played, frozen=frozen, of=" of what is reversed", besides=besides)
    check_range(state, changes)
    effects: MoveEffects = {
        "occurred_on": day,
        "postings": back + fee_back,
        "reverses": original.sequence,
        "statute": state.statute.version,
    }
    if fee_back:
        effects["fee"] = fee_back
    return Draft(effects, refers_to=original.sequence)


def _turned(lines: Lines) -> Lines:
    return [[id, -seconds] for id, seconds in lines]


def _sum_of_positive(lines: Iterable[list[Any]]) -> int:
    return sum(seconds for _, seconds in lines if seconds > 0)


def _remaining(original: Original) -> tuple[Lines, Lines]:
    """Return the original's lines and those of its fee, less what was moved back of each.

    Lines of accounts that became one since are one line.
    """
    left, heirs = [], original.heirs
    groups = [sides_of(effects) for effects in original.reversed]
    for number, lines in enumerate(sides_of(original.effects)):
        remains: dict[tuple[str, bool], int] = {}
        for id, seconds in lines:
            line = (heirs.get(id, id), seconds > 0)
            remains[line] = remains.get(line, 0) + seconds
        for group in groups:
            for id, seconds in group[number]:
                remains[heirs.get(id, id), seconds < 0] += seconds
        left.append([[id, seconds] for (id, _), seconds in remains.items()])
    return left[0], left[1]


def _moved_back(lines: Lines, total: int) -> Lines:
    """Return `total` of each side, apportioned over what remains of it, with the signs turned."""
    if not total:
        return []
    return _share(lines, total, sign=1) + _share(lines, total, sign=-1)


def _share(lines: Lines, total: int, *, sign: int) -> Lines:
    side = [(id, abs(seconds)) for id, seconds in lines if seconds * sign > 0]
    shares = apportion(total, [seconds for _, seconds in side])
    return [[id, -sign * share] for (id, _), share in zip(side, shares, strict=True) if share]
