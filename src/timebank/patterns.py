"""Record common exchanges by one call each: a class, a work party, a carer that families share.

Each function computes who earns and who spends how much, and records one transfer. Its first
argument is a bank, or a batch or a preview of one. It passes the other arguments of `transfer`
on: `id`, `occurred_on`, `category`, `note` and so on. An account on both sides has two
postings. Every share is exact to the second.

Ids are given in an order, each once. The order decides who gets a second that does not divide,
so a call that is repeated with its id must name them in the same order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, time
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

#: Any value that `Hours` accepts.
HoursLike = Any
#: Ids that all move the same hours, or a mapping of ids to hours.
People = Iterable[str] | Mapping[str, HoursLike]


class Details(TypedDict, total=False):
    """The arguments that every function passes on to `transfer`."""

    id: str | None
    kind: str
    occurred_on: date | None
    started_at: time | None
    ended_at: time | None
    category: str | None
    area: str | None
    resource: str | None
    via: str | None
    note: str | None
    tags: Iterable[str]
    source: str | Mapping[str, str] | None
    limits: str


class Transferring(Protocol):
    """A bank, a batch or a preview: an object that can record a transfer."""

    def transfer(
        self,
        *,
        earner: str | Mapping[str, HoursLike],
        spender: str | Mapping[str, HoursLike],
        **transfer: Unpack[Details],
    ) -> Transfer:
        """Record a transfer."""
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
    """Record a class for which each pupil pays the same, and a fund earns or pays the rest.

    The teacher earns `hours`. Each pupil pays `each`, or `hours` if it is left out. The fund
    earns what the pupils pay beyond the teacher's hours, or pays what is missing. A teacher
    among the pupils is refused, for it would change what the fund gets. The time banks of
    Zanica and timebankireland record their classes so.

    :raises InvalidRequest: ids that are not valid, no pupils, one named twice, a teacher or
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
    paying = _ids_only(pupils, "pupils", teacher=identifier(teacher, "teacher"), fund=fund)
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
    """Record a class whose pupils share the teacher's hours, as in Community Weaver.

    The teacher earns `hours`, which the pupils pay together. With a `fund` every pupil pays
    the same, rounded down to whole seconds, and the fund pays the seconds that are left.
    Without one, the first pupils pay a second more than the others.

    :raises InvalidRequest: ids that are not valid, no pupils, one named twice, a teacher or
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
    paying = _ids_only(pupils, "pupils", teacher=identifier(teacher, "teacher"), fund=fund)
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
    """Record work for the community, as in a garden: each worker earns, and a fund pays.

    `workers` is a mapping of ids to the hours that each worked, or ids that each worked
    the hours `each`.

    :raises InvalidRequest: ids that are not valid, no workers, one named twice, a fund that
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
    earned = _hours_of_each(workers, "workers", each, fund=identifier(fund, "fund"))
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
    """Record work at a delivery, which the buyers pay in proportion to their orders.

    `workers` is a mapping of ids to hours, or ids that each worked the hours `each`. `orders`
    is a mapping of ids to weights in one unit: `int`, `Decimal` or `Fraction`, as for `split`.
    A weight of zero pays nothing. A worker who also ordered has two postings. With a `fund`
    shares are rounded down, and the fund pays the seconds that are left; without one they go
    by largest remainder.

    :raises InvalidRequest: ids that are not valid, no workers or no orders, a worker named
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
    earned = _hours_of_each(workers, "workers", each, fund=fund)
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
    """Record the time of a carer, which families pay in proportion to the time each had.

    `families` is a mapping of ids to the time that each had: fifty minutes are `"50m"`, and
    the int 50 is fifty hours. The carer earns the sum. If the carer's time is not the sum, as
    when it was spent with all families at once, give it as `hours`: the families share it in
    proportion to their times, by largest remainder.

    :raises InvalidRequest: ids that are not valid, no families, a carer who is a family.
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
    shares = _hours_by_id(families, "families", carer=identifier(carer, "carer"))
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
    """Record one exchange in which several give and several receive.

    `gave` is a mapping of ids to the hours that each gave, or ids that each gave the hours
    `each`. `received` is a mapping of ids to hours, or ids that share equally what was given,
    by largest remainder. If it is left out, all receive as much as they gave: no balance
    changes, and every statement shows both postings.

    :raises InvalidRequest: ids that are not valid, nobody who gave or received, one named
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
    earned = _hours_of_each(gave, "gave", each)
    if received is None:
        spent = earned
    elif isinstance(received, Mapping):
        spent = _hours_by_id(received, "received")
    else:
        spent = split(_sum(earned), _ids(received, "received"))
    return bank.transfer(earner=earned, spender=spent, **transfer)


# -- checks of arguments ------------------------------------------------------------


def _ids(ids: Any, what: str, **other_roles: str | None) -> list[str]:
    """Return ids in their order, each once, and none of them in one of `other_roles`."""
    if isinstance(ids, (str, set, frozenset)) or not isinstance(ids, Iterable):
        msg = f"{what} must be ids in an order, not a {type(ids).__name__}: {shown(ids)}"
        raise WrongType(msg)
    roles: dict[str, str] = {}
    for role, id in other_roles.items():
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


def _ids_only(people: Any, what: str, **other_roles: str | None) -> list[str]:
    """Return ids, and refuse a mapping, whose hours would be ignored."""
    if isinstance(people, Mapping):
        msg = f"{what} must be ids without hours, for all do the same here: {shown(people)}"
        raise WrongType(msg)
    return _ids(people, what, **other_roles)


def _hours_of_each(
    people: Any, what: str, each: Any, **other_roles: str | None
) -> dict[str, Hours]:
    """Return the hours of each id: those of a mapping, or `each` for all."""
    if isinstance(people, Mapping):
        if each is not None:
            msg = f"{what} has the hours of each already: leave each={shown(each)} out"
            raise InvalidRequest(msg)
        return _hours_by_id(people, what, **other_roles)
    ids = _ids(people, what, **other_roles)
    if each is None:
        msg = f"hours are missing: give each=, or {what} as a mapping of ids to hours"
        raise InvalidRequest(msg)
    return dict.fromkeys(ids, _quantity(each, "each"))


def _hours_by_id(people: Any, what: str, **other_roles: str | None) -> dict[str, Hours]:
    """Return the hours of a mapping, by id."""
    ids = _ids(_mapping(people, what, "hours"), what, **other_roles)
    return {id: _quantity(people[id], f"hours of {shown(id)} in {what}") for id in ids}


def _mapping(value: Any, what: str, of: str) -> Any:
    if not isinstance(value, Mapping):
        msg = f"{what} must be a mapping of ids to {of}, not a {type(value).__name__}: "
        raise WrongType(msg + shown(value))
    return value


def _quantity(value: object, what: str) -> Hours:
    """Return hours, and check that they are more than zero."""
    return Hours.from_seconds(positive(value, what))


def _sum(shares: Mapping[str, Hours]) -> Hours:
    return sum(shares.values(), Hours(0))
