"""A bank's rules as data: which limits, what granularity, which fees and dues.

A statute is adopted by a record and is in force from it on; every record that a
statute judged names its version. Nothing here judges: `decide` does, and the audit
works it out once more.
"""

from __future__ import annotations

from timebank.statute.days import DAY_IN_MICROSECONDS, months_between
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
    "RESERVED",
    "WELCOME",
    "Band",
    "Beyond",
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
    "months_between",
    "months_later",
    "period_of",
]
