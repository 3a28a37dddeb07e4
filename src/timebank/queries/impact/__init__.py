"""Compute the figures of an impact report: count in one pass, then work them out."""

from __future__ import annotations

from timebank.queries.impact.cells import ExchangeCounts
from timebank.queries.impact.counted import count
from timebank.queries.impact.figures import AT_LEAST, Band, Count, Group, Impact, figures, gini

__all__ = [
    "AT_LEAST",
    "Band",
    "Count",
    "ExchangeCounts",
    "Group",
    "Impact",
    "count",
    "figures",
    "gini",
]
