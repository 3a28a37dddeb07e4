"""The balances that another system keeps, compared with the bank's; the report on its books."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, Protocol

import attrs

from timebank.audit.findings import Finding
from timebank.errors import WrongType, shown
from timebank.hours import Hours
from timebank.model.said import Who, said

_CHECK: Final = "balances"
_ADVICE: Final = "advice_host_balance"
_UNKNOWN: Final = "advice_host_account"


@attrs.frozen
class BooksReport:
    """The findings in the books of another system. The counts are of rows that could be read."""

    findings: tuple[Finding, ...]
    accounts: int
    transfers: int
    movements: int

    @property
    def ok(self) -> bool:
        """Return true where nothing was found."""
        return not self.findings


class _Line(Protocol):
    @property
    def account(self) -> str: ...
    @property
    def balance(self) -> Hours: ...


class _Trial(Protocol):
    @property
    def lines(self) -> Iterable[_Line]: ...


class Balanced(Protocol):
    """A bank, or a batch, whose balances can be asked for at once."""

    def trial_balance(self) -> _Trial:
        """Return every account, of one snapshot."""


def compare_balances(bank: Balanced, balances: Mapping[str, Any]) -> tuple[Finding, ...]:
    """Compare the balances that a host caches with those of the bank, of one snapshot.

    `balances` maps account ids to hours, in whatever form `Hours` takes: a host that keeps
    seconds says `Hours.from_seconds(n)`. A finding is a balance that differs, an account that
    only the host has, or one that only the bank has and that is not at zero. They come by
    account id; an empty tuple says that all is well.

    :raises WrongType: no mapping, or hours of a type that cannot be.
    :raises InvalidHours: hours that cannot be.

    >>> import timebank
    >>> from timebank.audit import compare_balances
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1"), bank.open_account("f1")
    >>> _ = bank.transfer(earner="m1", spender="f1", hours="1:30")
    >>> [(one.place, one.expected, one.found) for one in
    ...  compare_balances(bank, {"m1": "1:30", "f1": "-1:00"})]
    [('account f1', '-1:30', '-1:00')]
    """
    kept = _hours(balances)
    ours = {line.account: line.balance for line in bank.trial_balance().lines}
    findings = []
    for id in sorted(ours.keys() | kept.keys(), key=str):
        expected, found = ours.get(id), kept.get(id)
        place = said("account", account=Who(str(id), str(id)))
        if expected is None:
            findings.append(Finding(_CHECK, place, said("no_account"), str(found), said(_UNKNOWN)))
        elif found is None:
            if expected:
                findings.append(
                    Finding(_CHECK, place, str(expected), said("no_balance"), said(_ADVICE))
                )
        elif found != expected:
            findings.append(Finding(_CHECK, place, str(expected), str(found), said(_ADVICE)))
    return tuple(findings)


def _hours(balances: object) -> dict[str, Hours]:
    if not isinstance(balances, Mapping):
        msg = f"balances are a mapping of account ids to hours, not {shown(balances)}"
        raise WrongType(msg)
    return {id: Hours(hours) for id, hours in balances.items()}
