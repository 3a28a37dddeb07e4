"""Simulate a community: seeded, and of the size and the habits of real ones.

A few members, the hubs, take part in much of what happens, many trade rarely. Members join
over the years and some fall silent; in August little happens; an exchange lasts three hours in
the median. Sizes are those of 127 American time banks that were active in 2019.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import accumulate
from typing import Any, Final

import attrs

from timebank.bank import BankBatch, TimeBank
from timebank.errors import InvalidRequest, shown
from timebank.statute import Statute

#: Name → members and exchanges in the life of a bank: median, 90th percentile, the largest.
SIZES: Final = {"median": (61, 220), "large": (291, 4_558), "largest": (875, 30_236)}

#: Category, area, resource, and how often; none is said of some.
_SERVICES: Final = (
    ("care", "family help", "time", 16),
    ("babysitting", "family help", "time", 12),
    ("housework", "family help", "time", 10),
    ("italian lessons", "territorial hubs", "knowledge", 9),
    ("homework", "territorial hubs", "knowledge", 8),
    ("cooking", "co-housing", "skill", 7),
    ("repairs", "co-housing", "skill", 9),
    ("computers", "digital platforms", "skill", 7),
    ("rides", "mobility", "time", 10),
    ("rooms", "territorial hubs", "space", 4),
    (None, None, None, 8),
)
#: Exchanges by month, January first: a short winter, a dead August, a busy autumn.
_SEASON: Final = (8, 9, 10, 10, 10, 8, 6, 2, 10, 12, 11, 6)
#: Minutes of an exchange, and how often: three hours in the median, and nothing below a quarter.
_MINUTES: Final = ((15, 2), (30, 5), (60, 14), (90, 10), (120, 15), (180, 16), (240, 14), (360, 14))
_MINUTES_LONG: Final = ((480, 7), (600, 3))


@attrs.frozen
class Community:
    """A simulated community: the ids of its accounts, and how many exchanges it has."""

    members: tuple[str, ...]
    fund: str
    organisation: str
    exchanges: int


def simulate(
    bank: TimeBank,
    *,
    size: str = "median",
    members: int | None = None,
    exchanges: int | None = None,
    until: date = date(2025, 12, 31),
    years: int = 5,
    seed: int = 0,
) -> Community:
    """Fill an empty bank with a community, in one batch; the same seed makes the same one.

    `members` and `exchanges` are those of the `size` unless they are given. Days of service
    lie in the `years` before `until`, members joined in them; all is recorded now. Every
    seventh member is a family. The statute adopted has no rules, `simulated/1`: try others on
    the community with `replay`.

    :raises InvalidRequest: a size that is not known, or numbers that cannot be.

    >>> import timebank
    >>> from timebank.testing import simulate
    >>> bank = timebank.open("memory:")
    >>> made = simulate(bank, members=20, exchanges=100, seed=7)
    >>> len(made.members), made.exchanges, bank.impact().exchanges.exchanges
    (20, 100, 100)
    """
    if size not in SIZES:
        msg = f"size is one of {', '.join(SIZES)}, not {shown(size)}"
        raise InvalidRequest(msg)
    usual_members, usual_exchanges = SIZES[size]
    people = usual_members if members is None else members
    number = usual_exchanges if exchanges is None else exchanges
    if people < 2 or number < 0 or not 1 <= years <= 50:  # two to exchange
        msg = "a community has 2 members or more, and 1 to 50 years"
        raise InvalidRequest(msg)
    story = _Story(random.Random(seed), people, until, years)  # noqa: S311 - no secret
    with bank.batch() as batch:
        story.open(batch)
        for exchange in range(number):
            story.exchange(batch, f"x{exchange:06}")
    return Community(tuple(story.ids), "fund", "organisation", number)


class _Story:
    """The members of a community, how busy they are, and when."""

    def __init__(self, chance: random.Random, people: int, until: date, years: int) -> None:
        self._chance = chance
        first = until - timedelta(days=365 * years)
        self.ids = [f"m{number:04}" for number in range(people)]
        # A third was there from the beginning; the others come one by one.
        self._joined = sorted(
            first if number % 3 == 0 else first + timedelta(days=chance.randrange(365 * years - 30))
            for number in range(people)
        )
        # As wealth is: a few do much, and half of all a tenth of it.
        busy = [chance.paretovariate(1.16) for _ in self.ids]
        self._busy = list(accumulate(min(one, 60.0) for one in busy))
        self._days = [first + timedelta(days=number) for number in range(365 * years)]
        self._seasons = list(accumulate(_SEASON[day.month - 1] for day in self._days))

    def open(self, batch: BankBatch) -> None:
        """Open the accounts: members and families, a fund, an organisation."""
        batch.adopt(Statute(version="simulated/1"))
        batch.open_account("fund", kind="fund")
        batch.open_account("organisation", kind="organisation")
        for number, (id, joined) in enumerate(zip(self.ids, self._joined, strict=True)):
            kind = "group" if number % 7 == 6 else "member"  # every seventh
            batch.open_account(id, kind=kind, joined_on=joined, welcome=False)

    def exchange(self, batch: BankBatch, id: str) -> None:
        """Record an exchange between two who are there; one in twelve is with the organisation."""
        chance = self._chance
        day = chance.choices(self._days, cum_weights=self._seasons)[0]
        there = max(sum(1 for joined in self._joined if joined <= day), 2)
        earner, spender = self._two(there)
        if chance.random() < 1 / 12:
            spender = "organisation"
        category, area, resource = _drawn(chance, [(one[:3], one[3]) for one in _SERVICES])
        minutes = _drawn(chance, [*_MINUTES, *_MINUTES_LONG])
        batch.transfer(
            earner=earner,
            spender=spender,
            hours=f"{minutes}m",
            id=id,
            occurred_on=day,
            category=category,
            area=area,
            resource=resource,
            via="organisation" if spender != "organisation" and chance.random() < 1 / 6 else None,
        )

    def _two(self, there: int) -> tuple[str, str]:
        """Choose two of those who are there, the busy ones more often."""
        ids, busy = self.ids[:there], self._busy[:there]
        earner = self._chance.choices(ids, cum_weights=busy)[0]
        spender = earner
        while spender == earner:
            spender = self._chance.choices(ids, cum_weights=busy)[0]
        return earner, spender


def _drawn(chance: random.Random, weighted: Sequence[tuple[Any, int]]) -> Any:
    return chance.choices([one for one, _ in weighted], [weight for _, weight in weighted])[0]
