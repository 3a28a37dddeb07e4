"""The life of a member: what is due of whom and since when, who has been away for long.

Read from the journal alone, so that it does not matter when somebody asks: the same
history gives the same dues on the day, a month later, or twice.
"""

from __future__ import annotations

from timebank.members.history import History, Life
from timebank.members.idle import idle
from timebank.members.plan import Planned, plan
from timebank.members.values import (
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
