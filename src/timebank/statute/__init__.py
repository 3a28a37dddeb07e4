"""Define a bank's rules as data: its limits, units, fees and dues.

A statute is adopted by a record and is in force from that record on. Every record that was
judged by a statute names its version. This package only describes rules: `timebank.rules`
applies them, and the audit checks the result by code of its own.
"""

from __future__ import annotations

from timebank.statute.days import DAY_IN_MICROSECONDS, MOST_AHEAD, days_later, months_between
from timebank.statute.membership import (
    DEMURRAGE,
    WELCOME,
    Demurrage,
    DueRule,
    Dues,
    FirstPeriod,
    Welcome,
)
from timebank.statute.periods import Every, months_later, period_of
from timebank.statute.rules import (
    DEFAULT,
    RESERVED,
    Band,
    Beyond,
    Bound,
    Fee,
    Granularity,
    LargestExchange,
    Payer,
    RecordWithin,
    Rounding,
    Statute,
)

__all__ = [
    "DAY_IN_MICROSECONDS",
    "DEFAULT",
    "DEMURRAGE",
    "MOST_AHEAD",
    "RESERVED",
    "WELCOME",
    "Band",
    "Beyond",
    "Bound",
    "Demurrage",
    "DueRule",
    "Dues",
    "Every",
    "Fee",
    "FirstPeriod",
    "Granularity",
    "LargestExchange",
    "Payer",
    "RecordWithin",
    "Rounding",
    "Statute",
    "Welcome",
    "days_later",
    "months_between",
    "months_later",
    "period_of",
]
