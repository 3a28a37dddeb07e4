"""Reports: text and HTML for people, JSON and CSV for programs.

A report only shows: it reads no bank and computes nothing but sums of what it is given.
`impact` alone asks banks for what they count, for it is one report over many. `json` has the
shape of every result.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from timebank.bank import TimeBank
    from timebank.queries.impact import Impact
    from timebank.queries.presences import Presences
    from timebank.reports import json
    from timebank.reports.known_names import KnownNames
    from timebank.reports.valued import Rates, Value

__all__ = ["KnownNames", "impact", "json", "value"]


def impact(
    banks: TimeBank | Iterable[TimeBank],
    *,
    since: date | None = None,
    until: date | None = None,
    at_least: int = 5,
) -> Impact:
    """Report what one bank, or several together, exchanged: see `TimeBank.impact`.

    :raises InvalidRequest: no bank, or as `TimeBank.impact`.

    >>> import timebank
    >>> from timebank.reports import impact
    >>> bank = timebank.open("memory:")
    >>> impact([bank, timebank.TimeBank(bank.store, bank="other")]).banks
    2
    """
    from timebank.bank import TimeBank
    from timebank.errors import InvalidRequest
    from timebank.queries.impact import figures

    every = [banks] if isinstance(banks, TimeBank) else list(banks)
    if not every:
        msg = "an impact report is over one bank at least"
        raise InvalidRequest(msg)
    counted = every[0]._counted(since, until, at_least)  # noqa: SLF001 - of the same house
    for bank in every[1:]:
        counted.merge(bank._counted(since, until, at_least))  # noqa: SLF001 - as above
    return figures(counted, at_least=at_least)


def value(presences: Presences, rates: Rates, currency: str = "EUR") -> Value:
    """Return what the hours of presences are worth by a table of hourly rates, by category.

    Each line is its hours times its rate, rounded half up to the cent; the total is the exact sum,
    rounded once, and `rounding_cents` is what it differs by from the lines. Categories without a
    rate are listed apart. `timebank.interchange.rates.read_rates` reads the rates from a sheet.

    :raises InvalidRequest: a currency that is not three letters.

    >>> import timebank
    >>> from timebank import reports
    >>> from timebank.reports.valued import Rates
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1"), bank.open_account("f1", kind="group")
    >>> _ = bank.transfer(earner="m1", spender="f1", hours="1:30", category="care")
    >>> found = reports.value(bank.presences(), Rates.of({"care": "12,35"}))
    >>> found.total_cents, [(one.category, one.value_cents) for one in found.lines]
    (1853, [('care', 1853)])
    """
    from timebank.reports.valued import valued

    return valued(presences, rates, currency)


def __getattr__(name: str) -> Any:
    """Load what is first asked for: `json` needs the classes of all results.

    :raises AttributeError: there is no such name.
    """
    if name == "json":
        return import_module("timebank.reports.json")
    if name == "KnownNames":
        return import_module("timebank.reports.known_names").KnownNames
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
