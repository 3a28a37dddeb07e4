"""The life of a member: what is due of whom and since when, who has been away for long.

Read from the journal alone, so that it does not matter when somebody asks: the same
history gives the same dues on the day, a month later, or twice.
"""

from __future__ import annotations

from timebank.queries.members.history import History, Life
from timebank.queries.members.idle import idle
from timebank.queries.members.plan import Planned, plan
from timebank.queries.members.values import (
    Assign,
    Charge,
    Delegate,
    Disposal,
    Donate,
    Due,
    DueReport,
    Event,
    Inactive,
    Leaving,
    WriteOff,
    disposals,
)

__all__ = [
    "Assign",
    "Charge",
    "Delegate",
    "Disposal",
    "Donate",
    "Due",
    "DueReport",
    "Event",
    "History",
    "Inactive",
    "Leaving",
    "Life",
    "Planned",
    "WriteOff",
    "disposals",
    "idle",
    "plan",
]
