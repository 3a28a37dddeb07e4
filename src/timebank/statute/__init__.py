"""A bank's rules as data: which limits, what granularity, which fee.

A statute is adopted by a record and is in force from it on; every record that a
statute judged names its version. Nothing here judges: `decide` does, and the audit
works it out once more.
"""

from __future__ import annotations

from timebank.statute.days import DAY_IN_MICROSECONDS, months_between
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
    "RESERVED",
    "Band",
    "Beyond",
    "Fee",
    "Granularity",
    "LargestExchange",
    "Payer",
    "RecordWithin",
    "Rounding",
    "Statute",
    "months_between",
]
