"""Real-life exchanges in a few lines each: a class, a work party, a carer that families share.

Each pattern works out who earns and who spends how much, and makes of it one transfer, which
is recorded as a whole or not at all. It takes a bank first, or a batch or a preview of one, and
hands every other argument of `transfer` on: `id`, `occurred_on`, `category`, `note` and so on.
Whoever stands on both sides sees both lines. Every share is exact to the second.

Ids come in an order, each once. That order decides who bears the second that does not divide,
so a call that is repeated under its id names them in the same order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Protocol, TypedDict, Unpack

from timebank.checks import positive
from timebank.errors import InvalidRequest, WrongType, shown
from timebank.hours import Hours, split
from timebank.model import Transfer
from timebank.model.ids import identifier

__all__ = [
    "circle",
    "delivery_shift",
    "school_class",
    "shared_carer",
    "shared_class",
    "work_party",
]

#: Whatever `Hours` is made from.
HoursLike = Any
#: Ids, who move as much each, or a mapping of ids to the hours of each.
People = Iterable[str] | Mapping[str, HoursLike]


class Details(TypedDict, total=False):
    """What every pattern hands on to `transfer` as it is."""

    id: str | None
    kind: str
    occurred_on: date | None
    category: str | None
    area: str | None
    resource: str | None
    via: str | None
    note: str | None
    tags: Iterable[str]
    source: str | Mapping[str, str] | None
    limits: str


class Transferring(Protocol):
    """A bank, a batch or a preview: anything that moves hours."""

    def transfer(
        self,
        *,
        earner: str | Mapping[str, HoursLike],
        spender: str | Mapping[str, HoursLike],
        **transfer: Unpack[Details],
    ) -> Transfer:
        """Move hours from who spends to who earns."""
        ...


# -- classes -------------------------------------------------------------------------


def school_class(
    bank: Transferring,
    *,
    teacher: str,
    pupils: Iterable[str],
    hours: HoursLike,
    each: HoursLike = None,
    fund: str | None = None,
    **transfer: Unpack[Details],
) -> Transfer:
    """Each pupil pays, the teacher earns, and the rest is the fund's: Zanica, timebankireland.

    The teacher earns `hours`. Each pupil pays `each`, which is `hours` when left out: as
    much as the class lasted. What they pay beyond what the teacher earns, the fund
    earns; what they pay less, the fund pays. A class list that has the teacher on it is
    refused, as a slip: it would change what the fund gets.

    :raises InvalidRequest: ids that cannot be, no pupils, one named twice, a teacher or
        fund who is a pupil, a fund that is the teacher; then a rest, and no fund for it.
    :raises InvalidHours: `hours` or `each` is not more than zero; before a missing fund.
    :raises TimebankError: then whatever `transfer` raises.

    >>> import timebank
    >>> from timebank.patterns import school_class
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("fund", kind="fund"), bank.open_account("anna")
    >>> _ = bank.open_account("p1"), bank.open_account("p2"), bank.open_account("p3")
    >>> lesson = school_class(bank, teacher="anna", pupils=["p1", "p2", "p3"], hours=1, fund="fund")
    >>> lesson.earners
    {'anna': Hours('1:00'), 'fund': Hours('2:00')}
    """
    paying = _alike(pupils, "pupils", teacher=identifier(teacher, "teacher"), fund=fund)
    earned = _quantity(hours, "hours")
    paid = earned if each is None else _quantity(each, "each")
    earners, spenders = {teacher: earned}, dict.fromkeys(paying, paid)
    rest = paid * len(paying) - earned
    if rest:
        if fund is None:
            verb = "gets" if rest > Hours(0) else "pays"
            msg = (
                f"the pupils pay {paid * len(paying)} and the teacher earns {earned}: "
                f"name the fund that {verb} the other {abs(rest)}"
            )
            raise InvalidRequest(msg)
        (earners if rest > Hours(0) else spenders)[fund] = abs(rest)
    return bank.transfer(earner=earners, spender=spenders, **transfer)


def shared_class(
    bank: Transferring,
    *,
    teacher: str,
    pupils: Iterable[str],
    hours: HoursLike,
    fund: str | None = None,
    **transfer: Unpack[Details],
) -> Transfer:
    """The pupils share what the teacher earns; the fund has what does not divide: Community Weaver.

    The teacher earns `hours`, and no more is paid. With a `fund` every pupil pays the same,
    in whole seconds rounded down, and the fund pays the seconds that are left over, fewer
    than there are pupils. Without one, the first pupils pay a second more than the others.

    :raises InvalidRequest: ids that cannot be, no pupils, one named twice, a teacher or
        fund who is a pupil, a fund that is the teacher.
    :raises InvalidHours: `hours` are not more than zero.
    :raises TimebankError: then whatever `transfer` raises.

    >>> import timebank
    >>> from timebank.patterns import shared_class
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("fund", kind="fund"), bank.open_account("anna")
    >>> pupils = [bank.open_account(f"p{number}").id for number in range(1, 8)]
    >>> lesson = shared_class(bank, teacher="anna", pupils=pupils, hours=1, fund="fund")
    >>> lesson.spenders["p1"], lesson.spenders["p7"], lesson.spenders["fund"]
    (Hours('0:08:34'), Hours('0:08:34'), Hours('0:00:02'))
    """
    paying = _alike(pupils, "pupils", teacher=identifier(teacher, "teacher"), fund=fund)
    shares = split(_quantity(hours, "hours"), paying, remainder_to=fund)
    return bank.transfer(earner=teacher, spender=shares, **transfer)


# -- work for all --------------------------------------------------------------------


def work_party(
    bank: Transferring,
    *,
    workers: People,
    fund: str,
    each: HoursLike = None,
    **transfer: Unpack[Details],
) -> Transfer:
    """Members work for what is common, a garden say: each earns his hours, the fund pays all.

    `workers` is a mapping of ids to the hours that each worked, or ids, who each worked
    the hours `each`.

    :raises InvalidRequest: ids that cannot be, no workers, one named twice, a fund that
        is a worker; `each` beside a mapping, or ids without `each`.
    :raises InvalidHours: hours that are not more than zero.
    :raises TimebankError: then whatever `transfer` raises.

    >>> import timebank
    >>> from timebank.patterns import work_party
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1"), bank.open_account("m2")
    >>> _ = bank.open_account("garden", kind="fund")
    >>> day = work_party(bank, workers={"m1": 3, "m2": "1:30"}, fund="garden")
    >>> day.spenders
    {'garden': Hours('4:30')}
    """
    earned = _each_or_own(workers, "workers", each, fund=identifier(fund, "fund"))
    return bank.transfer(earner=earned, spender=fund, **transfer)


def delivery_shift(
    bank: Transferring,
    *,
    workers: People,
    orders: Mapping[str, Any],
    each: HoursLike = None,
    fund: str | None = None,
    **transfer: Unpack[Details],
) -> Transfer:
    """Who works at a delivery earns; who ordered pays, by the weight of the order.

    `workers` is a mapping of ids to hours, or ids, who each worked the hours `each`. `orders`
    is a mapping of ids to weights, all in one unit: `int`, `Decimal` or `Fraction`, as
    `split` takes them; who ordered nothing pays nothing. A worker who also ordered has both
    lines. With a `fund` nobody pays more than his exact share, and the fund pays the seconds
    that do not divide; without one they go by largest remainder.

    :raises InvalidRequest: ids that cannot be, no workers or no orders, a worker named
        twice, a fund that worked or ordered; `each` beside a mapping, or ids without
        `each`; weights that are negative, or all zero.
    :raises InvalidHours: hours that are not more than zero; before the weights.
    :raises WrongType: a weight of another type.
    :raises TimebankError: then whatever `transfer` raises.

    >>> import timebank
    >>> from timebank.patterns import delivery_shift
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1"), bank.open_account("f1"), bank.open_account("f2")
    >>> shift = delivery_shift(bank, workers={"m1": 2}, orders={"f1": 30, "f2": 10, "m1": 20})
    >>> shift.spenders
    {'f1': Hours('1:00'), 'f2': Hours('0:20'), 'm1': Hours('0:40')}
    """
    earned = _each_or_own(workers, "workers", each, fund=fund)
    ordered = _ids(_mapping(orders, "orders", "weights"), "orders", fund=fund)
    shares = split(_sum(earned), ordered, weights=orders, remainder_to=fund)
    return bank.transfer(earner=earned, spender=shares, **transfer)


# -- shared among some ---------------------------------------------------------------


def shared_carer(
    bank: Transferring,
    *,
    carer: str,
    families: Mapping[str, HoursLike],
    hours: HoursLike = None,
    **transfer: Unpack[Details],
) -> Transfer:
    """Families share a carer, and each pays by the time that it had.

    `families` is a mapping of ids to the time that each had, as hours everywhere: fifty
    minutes are `"50m"`, and the int 50 is fifty hours. The carer earns their sum; or
    `hours`, where the carer's time is not the sum of theirs, as when it was spent with
    all at once, and the families then share it in these proportions. What does not divide
    goes by largest remainder.

    :raises InvalidRequest: ids that cannot be, no families, a carer who is a family.
    :raises InvalidHours: a time, or `hours`, that is not more than zero.
    :raises TimebankError: then whatever `transfer` raises.

    >>> import timebank
    >>> from timebank.patterns import shared_carer
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1"), bank.open_account("f1"), bank.open_account("f2")
    >>> visit = shared_carer(bank, carer="m1", families={"f1": "50m", "f2": "25m"})
    >>> visit.earners
    {'m1': Hours('1:15')}
    >>> visit = shared_carer(bank, carer="m1", families={"f1": "50m", "f2": "25m"}, hours=3)
    >>> visit.spenders
    {'f1': Hours('2:00'), 'f2': Hours('1:00')}
    """
    shares = _own(families, "families", carer=identifier(carer, "carer"))
    if hours is not None:
        shares = split(_quantity(hours, "hours"), shares, weights=shares)
    return bank.transfer(earner=carer, spender=shares, **transfer)


def circle(
    bank: Transferring,
    *,
    gave: People,
    received: People | None = None,
    each: HoursLike = None,
    **transfer: Unpack[Details],
) -> Transfer:
    """All give and all receive in one exchange, and the lines of both are kept.

    `gave` is a mapping of ids to the hours that each gave, or ids, who each gave the hours
    `each`. `received` is a mapping of ids to hours too; or ids, who share equally what was
    given, by largest remainder; or left out: all receive as much as they gave, so that
    nobody's balance changes and everybody's statement shows what was done.

    :raises InvalidRequest: ids that cannot be, nobody who gave or received, one named
        twice; `each` beside a mapping, or ids without `each`.
    :raises InvalidHours: hours that are not more than zero.
    :raises UnbalancedTransfer: what was given is not what was received.
    :raises TimebankError: then whatever `transfer` raises.

    >>> import timebank
    >>> from timebank.patterns import circle
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("a"), bank.open_account("b"), bank.open_account("c")
    >>> evening = circle(bank, gave={"a": 2, "b": 1}, received=["a", "b", "c"])
    >>> evening.spenders
    {'a': Hours('1:00'), 'b': Hours('1:00'), 'c': Hours('1:00')}
    >>> evening = circle(bank, gave=["a", "b", "c"], each=2)
    >>> [str(line.hours) for line in bank.statement("a").lines]
    ['2:00', '-1:00', '2:00', '-2:00']
    """
    earned = _each_or_own(gave, "gave", each)
    if received is None:
        spent = earned
    elif isinstance(received, Mapping):
        spent = _own(received, "received")
    else:
        spent = split(_sum(earned), _ids(received, "received"))
    return bank.transfer(earner=earned, spender=spent, **transfer)


# -- what is handed over -------------------------------------------------------------


def _ids(ids: Any, what: str, **apart: str | None) -> list[str]:
    """Ids in their order, each once, and none of them one of those who stand `apart`."""
    if isinstance(ids, (str, set, frozenset)) or not isinstance(ids, Iterable):
        msg = f"{what} must be ids in an order, not a {type(ids).__name__}: {shown(ids)}"
        raise WrongType(msg)
    roles: dict[str, str] = {}
    for role, id in apart.items():
        if id is not None and roles.setdefault(identifier(id, role), role) != role:
            msg = f"{shown(id)} cannot be both the {roles[id]} and the {role}"
            raise InvalidRequest(msg)
    once: dict[str, None] = {}
    for id in ids:
        if identifier(id, f"an id in {what}") in once:
            msg = f"{shown(id)} is named twice in {what}"
            raise InvalidRequest(msg)
        if id in roles:
            msg = f"{shown(id)} is the {roles[id]} and cannot be named in {what} as well"
            raise InvalidRequest(msg)
        once[id] = None
    if not once:
        msg = f"{what} is empty: at least one id is needed"
        raise InvalidRequest(msg)
    return list(once)


def _alike(people: Any, what: str, **apart: str | None) -> list[str]:
    """Ids of people who all do the same; hours beside them would not be heeded."""
    if isinstance(people, Mapping):
        msg = f"{what} must be ids without hours, for all do the same here: {shown(people)}"
        raise WrongType(msg)
    return _ids(people, what, **apart)


def _each_or_own(people: Any, what: str, each: Any, **apart: str | None) -> dict[str, Hours]:
    """The hours of each: as a mapping says, or `each` for all."""
    if isinstance(people, Mapping):
        if each is not None:
            msg = f"{what} has the hours of each already: leave each={shown(each)} out"
            raise InvalidRequest(msg)
        return _own(people, what, **apart)
    ids = _ids(people, what, **apart)
    if each is None:
        msg = f"hours are missing: give each=, or {what} as a mapping of ids to hours"
        raise InvalidRequest(msg)
    return dict.fromkeys(ids, _quantity(each, "each"))


def _own(people: Any, what: str, **apart: str | None) -> dict[str, Hours]:
    """The hours of each, as a mapping says."""
    ids = _ids(_mapping(people, what, "hours"), what, **apart)
    return {id: _quantity(people[id], f"hours of {shown(id)} in {what}") for id in ids}


def _mapping(value: Any, what: str, of: str) -> Any:
    if not isinstance(value, Mapping):
        msg = f"{what} must be a mapping of ids to {of}, not a {type(value).__name__}: "
        raise WrongType(msg + shown(value))
    return value


def _quantity(value: object, what: str) -> Hours:
    """Hours that move: more than zero."""
    return Hours.from_seconds(positive(value, what))


def _sum(shares: Mapping[str, Hours]) -> Hours:
    return sum(shares.values(), Hours(0))
