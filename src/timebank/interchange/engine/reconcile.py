"""Compare the balances that a source states with ours."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

import attrs

from timebank.bank import BankBatch
from timebank.errors import InvalidRequest, NotFound
from timebank.hours import Hours
from timebank.interchange.engine.heirs import heirs
from timebank.interchange.engine.report import Quarantined
from timebank.model import MAX_INTEGER


@attrs.frozen
class Difference:
    """An account whose balance is not the one that the source states.

    `ours` is `None` where there is no such account. `quarantined` is what the rows in
    quarantine would have moved, as far as it is known; `unclear` counts those that name the
    account but no hours.
    """

    account: str
    stated: Hours
    ours: Hours | None
    quarantined: Hours
    unclear: int = 0

    @property
    def difference(self) -> Hours:
        """The hours that the source states less those that we have; 2**53 seconds at most."""
        return _hours(self.stated.seconds - (0 if self.ours is None else self.ours.seconds))

    @property
    def explained(self) -> bool:
        """Return true where the rows in quarantine would make our balance the one that is stated.

        >>> from timebank import Hours
        >>> from timebank.interchange.engine.reconcile import Difference
        >>> Difference("m1", Hours(3), Hours(1), Hours(2)).explained
        True
        """
        return self.difference == self.quarantined


@attrs.frozen
class Reconciliation:
    """The number of balances that were compared, and those that differ, by account.

    `unplaced` counts the rows in quarantine of which not even the accounts are known.
    """

    compared: int
    differences: tuple[Difference, ...]
    unplaced: int = 0

    @property
    def unexplained(self) -> tuple[Difference, ...]:
        """The differences that the rows in quarantine do not explain."""
        return tuple(one for one in self.differences if not one.explained)


class StatedBalances:
    """The balances that the source states, and what is in quarantine for each account.

    Memory grows by some hundred bytes for each account with a stated balance.
    """

    def __init__(self) -> None:
        self._stated: dict[str, int] = {}
        self._quarantined: dict[str, int] = defaultdict(int)
        self._unclear: dict[str, int] = defaultdict(int)
        self._unplaced = 0

    def state(self, account: str, seconds: int) -> None:
        """Remember the balance that the source states of an account; the first one counts."""
        self._stated.setdefault(account, seconds)

    def quarantine(self, row: Quarantined) -> None:
        """Count a row that is not booked."""
        if row.moves is None:
            self._unplaced += 1
            return
        for account, seconds in row.moves:
            if account not in self._stated:
                continue
            if seconds is None:
                self._unclear[account] += 1
            else:
                self._quarantined[account] += seconds

    def reconcile(self, batch: BankBatch) -> Reconciliation | None:
        """Compare with the balances of a bank. Return `None` if the source states no balance."""
        if not self._stated:
            return None
        people: dict[str, list[str]] = {}
        for account in self._stated:
            people.setdefault(_heir(batch, account), []).append(account)
        differences = tuple(self._differences(batch, people))
        return Reconciliation(len(people), differences, self._unplaced)

    def _differences(
        self, batch: BankBatch, people: Mapping[str, Iterable[str]]
    ) -> Iterator[Difference]:
        """Yield what differs: those that became one account are compared together."""
        for account, stated in sorted(people.items()):
            seconds, ours = sum(self._stated[one] for one in stated), _balance(batch, account)
            if ours is None or ours.seconds != seconds:
                yield Difference(
                    account,
                    stated=_hours(seconds),
                    ours=ours,
                    quarantined=_hours(sum(self._quarantined[one] for one in stated)),
                    unclear=sum(self._unclear[one] for one in stated),
                )


def _hours(seconds: int) -> Hours:
    """Return seconds as hours; of more than a bank holds, the most that it does."""
    return Hours.from_seconds(max(min(seconds, MAX_INTEGER), -MAX_INTEGER))


def _heir(batch: BankBatch, account: str) -> str:
    """Return the account that one became; itself, where it was not merged or is not there."""
    try:
        return heirs(batch, account)[-1]
    except (InvalidRequest, NotFound):
        return account


def _balance(batch: BankBatch, account: str) -> Hours | None:
    try:
        return batch.balance(account).posted
    except (InvalidRequest, NotFound):
        return None
