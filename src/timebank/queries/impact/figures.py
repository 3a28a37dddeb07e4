"""Work out the figures of an impact report from the counts.

`docs/impact.md` defines each by a sentence and a formula. Groups of fewer accounts than a bound
are hidden. If only one is, the next smallest is hidden too: one alone could be found by
subtraction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from fractions import Fraction
from statistics import median
from typing import Any, Final

import attrs

from timebank.hours import Hours
from timebank.queries.impact.cells import LAST, MEMBERS, AccountCounts, Cell, ExchangeCounts

#: Groups of fewer accounts than this are not shown, unless told otherwise.
AT_LEAST: Final = 5
#: After so many days without an exchange a member is dormant.
DORMANT_DAYS: Final = 365
#: The bounds of the bands of balances, in hours; the first and the last have one only.
BANDS: Final = (-20, -10, -5, 0, 0, 5, 10, 20)


@attrs.frozen
class Group:
    """The exchanges with the same label: their number, hours and accounts.

    All three are `None` if the group is too small to be shown. `key` is the label, empty for
    the exchanges that have none.
    """

    key: str
    exchanges: int | None
    hours: Hours | None
    accounts: int | None

    @property
    def is_hidden(self) -> bool:
        """True if the group is too small to be shown."""
        return self.exchanges is None


@attrs.frozen
class Count:
    """A number of exchanges, and their hours."""

    exchanges: int
    hours: Hours


@attrs.frozen
class Band:
    """The number of members with a balance from `low` (excluded) to `high`.

    A balance of zero has a band of its own, in which both are zero: it is neither a debt nor a
    credit. So `high` is excluded where it alone is zero.
    """

    low: Hours | None
    high: Hours | None
    accounts: int | None


@attrs.frozen(kw_only=True)
class Impact:
    """The figures of an impact report. Members are accounts of the kinds member and group.

    `since` and `until` are the period, as it was asked for; `through` the last day of the
    balances. Shares are from 0 to 1; what cannot be worked out is `None`. Exchanges with other
    banks are counted apart: what members here gave to those there, and received from them.
    """

    since: date | None
    until: date | None
    through: date
    banks: int
    at_least: int
    accounts: Mapping[str, int]
    members: int
    active: int
    dormant: int
    exchanges: Count
    among_members: Count
    with_organisations: Count
    arranged: Count
    given_to_banks: Count
    received_from_banks: Count
    others: Mapping[str, Count]
    by_month: tuple[Group, ...]
    by_category: tuple[Group, ...]
    by_area: tuple[Group, ...]
    by_resource: tuple[Group, ...]
    by_month_and_area: Mapping[str, tuple[Group, ...]]
    flows: tuple[tuple[str, str, Hours | None], ...]
    given: Hours
    received: Hours
    give_only: int | None
    receive_only: int | None
    both: int | None
    reciprocity: float | None
    stock: Hours | None
    velocity: float | None
    balances: tuple[Band, ...]
    gini: float | None
    first_exchange_days: tuple[float, float, float] | None
    first_exchange_members: int

    @property
    def id(self) -> str:
        """The period."""
        return f"{self.since or ''}/{self.until or ''}"


def figures(counted: ExchangeCounts, *, at_least: int = AT_LEAST) -> Impact:
    """Return all figures. Groups of fewer than `at_least` accounts are hidden."""
    people = [one for one in counted.people if one.since <= counted.until]
    members = [one for one in people if one.kind in MEMBERS]
    active = [one for one in members if one.exchanges > 0]
    through = min(counted.until, counted.today or counted.until)
    last_day = date.max if through == LAST else date.fromisoformat(through)
    balances = [_balance(one, through[:7]) for one in members if one.status != "closed"]
    stock = _stock(members, counted, through)
    days = _first_days(members, counted)
    total = counted.all.seconds
    give = sum(1 for one in active if one.given > 0 and one.received <= 0)
    receive = sum(1 for one in active if one.received > 0 and one.given <= 0)
    both = sum(1 for one in active if one.given > 0 and one.received > 0)
    shown = _shown_parts((give, receive, both), at_least)
    return Impact(
        since=date.fromisoformat(counted.since) if counted.since else None,
        until=None if counted.until == LAST else date.fromisoformat(counted.until),
        through=last_day,
        banks=counted.banks,
        at_least=at_least,
        accounts=_kinds(people),
        members=sum(1 for one in members if one.status != "closed"),
        active=len(active),
        dormant=_dormant(members, last_day),
        exchanges=_count(counted.all),
        among_members=_count(counted.among_members),
        with_organisations=Count(
            counted.all.exchanges - counted.among_members.exchanges,
            Hours.from_seconds(total - counted.among_members.seconds),
        ),
        arranged=_count(counted.arranged),
        given_to_banks=_count(counted.given_to_banks),
        received_from_banks=_count(counted.received_from_banks),
        others={kind: _count(cell) for kind, cell in sorted(counted.others.items())},
        by_month=_groups(counted.months, at_least),
        by_category=_largest_first(_groups(counted.categories, at_least)),
        by_area=_largest_first(_groups(counted.areas, at_least)),
        by_resource=_largest_first(_groups(counted.resources, at_least)),
        by_month_and_area=_months_and_areas(counted, at_least),
        flows=_flows(counted, at_least),
        given=Hours.from_seconds(sum(one.given for one in members)),
        received=Hours.from_seconds(sum(one.received for one in members)),
        give_only=shown[0],
        receive_only=shown[1],
        both=shown[2],
        reciprocity=both / len(active) if active and shown[2] is not None else None,
        stock=stock,
        velocity=total / stock.seconds if stock else None,
        balances=_bands(balances, at_least),
        gini=gini(balances) if len(balances) >= at_least else None,
        first_exchange_days=_quartiles(days) if len(days) >= at_least else None,
        first_exchange_members=len(days),
    )


def _count(cell: Cell) -> Count:
    return Count(cell.exchanges, Hours.from_seconds(cell.seconds))


def _kinds(people: Iterable[AccountCounts]) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in people:
        if one.status != "closed":
            found[one.kind] = found.get(one.kind, 0) + 1
    return dict(sorted(found.items()))


# -- groups, and those that are too small -------------------------------------------------


def _groups(table: Mapping[str, Cell], at_least: int) -> tuple[Group, ...]:
    """Return groups by key. Those of too few accounts are hidden, and never only one."""
    cells = {key: cell for key, cell in sorted(table.items()) if not cell.is_empty}
    hidden = _hidden({key: cell.size for key, cell in cells.items()}, at_least)
    return tuple(
        Group(key, None, None, None)
        if key in hidden
        else Group(key, cell.exchanges, Hours.from_seconds(cell.seconds), cell.accounts)
        for key, cell in cells.items()
    )


def _hidden(sizes: Mapping[Any, int], at_least: int) -> set[Any]:
    """Return the keys to hide: the small ones, and the next one if there is only one."""
    hidden = {key for key, size in sizes.items() if 0 < size < at_least}
    rest = [key for key, size in sizes.items() if size and key not in hidden]
    if len(hidden) == 1 and rest:
        hidden.add(min(rest, key=lambda key: (sizes[key], str(key))))
    return hidden


def _largest_first(groups: tuple[Group, ...]) -> tuple[Group, ...]:
    """Sort groups by hours; the one without a label and hidden ones come last."""
    return tuple(
        sorted(
            groups,
            key=lambda one: (
                one.is_hidden,
                one.key == "",
                0 if one.hours is None else -one.hours.seconds,
                one.key,
            ),
        )
    )


def _months_and_areas(counted: ExchangeCounts, at_least: int) -> dict[str, tuple[Group, ...]]:
    """Return the months of each area. A cell is hidden if its month or its area is."""
    hidden_months = {one.key for one in _groups(counted.months, at_least) if one.is_hidden}
    hidden_areas = {one.key for one in _groups(counted.areas, at_least) if one.is_hidden}
    found: dict[str, list[Group]] = {}
    for month in sorted(month for month, cell in counted.months.items() if not cell.is_empty):
        row = {
            area: cell
            for (of_month, area), cell in counted.month_areas.items()
            if of_month == month and not cell.is_empty
        }
        hidden = _hidden({area: cell.size for area, cell in row.items()}, at_least)
        for area, cell in sorted(row.items()):
            if area in hidden or area in hidden_areas or month in hidden_months:
                group = Group(month, None, None, None)
            else:
                hours = Hours.from_seconds(cell.seconds)
                group = Group(month, cell.exchanges, hours, cell.accounts)
            found.setdefault(area, []).append(group)
    return {area: tuple(groups) for area, groups in sorted(found.items())}


def _flows(counted: ExchangeCounts, at_least: int) -> tuple[tuple[str, str, Hours | None], ...]:
    # Shares of many-sided exchanges are rounded: of what was reversed a second may be left.
    sizes = {key: cell.size for key, cell in counted.flows.items() if cell.exchanges > 0}
    hidden = _hidden(sizes, at_least)
    return tuple(
        (
            spender,
            earner,
            None
            if (spender, earner) in hidden
            else Hours.from_seconds(counted.flows[spender, earner].seconds),
        )
        for spender, earner in sorted(sizes)
    )


def _shown_parts(parts: tuple[int, ...], at_least: int) -> tuple[int | None, ...]:
    hidden = _hidden(dict(enumerate(parts)), at_least)
    return tuple(None if number in hidden else part for number, part in enumerate(parts))


# -- balances ----------------------------------------------------------------------------


def _balance(one: AccountCounts, month: str) -> int:
    return sum(seconds for of_month, seconds in one.net.items() if of_month <= month)


def _stock(members: list[AccountCounts], counted: ExchangeCounts, through: str) -> Hours | None:
    """Return the sum of positive balances at the end of a month, as a mean over the months."""
    first = counted.since[:7] or min(counted.months, default="")
    last = first if through[:7] >= LAST[:7] else through[:7]
    months = months_from(first, last) if first else []
    if not months:
        return None
    sums = dict.fromkeys(months, 0)
    for one in members:
        running, changes = 0, sorted(one.net.items())
        position = 0
        for month in months:
            while position < len(changes) and changes[position][0] <= month:
                running += changes[position][1]
                position += 1
            sums[month] += max(running, 0)
    return Hours.from_seconds(round(Fraction(sum(sums.values()), len(sums))))


def months_from(first: str, last: str) -> list[str]:
    """Return the months from one to another, both included, as `YYYY-MM`.

    >>> from timebank.queries.impact.figures import months_from
    >>> months_from("2025-12", "2026-01")
    ['2025-12', '2026-01']
    """
    year, month = int(first[:4]), int(first[5:7])
    found = []
    while f"{year:04}-{month:02}" <= last:
        found.append(f"{year:04}-{month:02}")
        is_december = month == 12  # noqa: PLR2004 - the last month
        year, month = (year + 1, 1) if is_december else (year, month + 1)
    return found


def _bands(balances: list[int], at_least: int) -> tuple[Band, ...]:
    """Return the number of members in each band of balances."""
    edges = [None, *(Hours(bound) for bound in BANDS), None]
    zero = BANDS.index(0) + 1
    counts = [0] * (len(edges) - 1)
    for seconds in balances:
        number = sum(1 for bound in BANDS if seconds > bound * 3600)
        if seconds == 0:
            number = zero
        counts[number] += 1
    shown = _shown_parts(tuple(counts), at_least)
    return tuple(
        Band(low, high, count) for low, high, count in zip(edges, edges[1:], shown, strict=False)
    )


def gini(balances: list[int]) -> float | None:
    """Return the Gini coefficient of balances, from 0 to nearly 1; some may be negative.

    The mean difference of all pairs, over twice the mean of the absolute values: after
    Raffinetti, Siletti and Vernizzi, *On the Gini coefficient normalization when attributes
    with negative values are considered* (2015). Of values that are all positive it is the usual
    one. `None` where all are zero.

    >>> from timebank.queries.impact.figures import gini
    >>> gini([0, 0, 0, 4]), gini([3, 3, 3]), gini([-2, 2])
    (0.75, 0.0, 0.5)
    """
    total = sum(abs(one) for one in balances)
    if not total:
        return None
    ordered, number = sorted(balances), len(balances)
    differences = sum((2 * rank - number + 1) * one for rank, one in enumerate(ordered))
    return float(Fraction(differences, number * total))


# -- people ------------------------------------------------------------------------------


def _dormant(members: list[AccountCounts], last_day: date) -> int:
    """Count members of more than a year who exchanged nothing in the last year."""
    edge = date.fromordinal(max(last_day.toordinal() - DORMANT_DAYS, 1)).isoformat()
    return sum(
        1 for one in members if one.status != "closed" and one.last < edge and one.since < edge
    )


def _first_days(members: list[AccountCounts], counted: ExchangeCounts) -> list[int]:
    """Return the days from joining to the first exchange, of members who joined in the period.

    Of who exchanged before joining it is not known when they came: they are left out.
    """
    return [
        (date.fromisoformat(one.first) - date.fromisoformat(one.joined)).days
        for one in members
        if one.joined <= one.first != LAST and counted.since <= one.joined <= counted.until
    ]


def _quartiles(days: list[int]) -> tuple[float, float, float]:
    """Return the lower quartile, the median and the upper quartile (medians of the halves)."""
    ordered = sorted(days)
    half = len(ordered) // 2
    lower, upper = ordered[:half] or ordered, ordered[-half:] if half else ordered
    return float(median(lower)), float(median(ordered)), float(median(upper))
