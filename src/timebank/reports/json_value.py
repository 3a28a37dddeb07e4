"""Return the value of hours as plain dictionaries: see `timebank.reports.json`."""

from __future__ import annotations

from timebank.queries.json_report_shapes import counted
from timebank.queries.json_shapes import Shape, day, of
from timebank.reports.valued import Value, amount


@of.register
def value(value: Value) -> Shape:
    """Return what hours are worth; amounts are texts with two decimals."""
    found = value.presences
    return {
        "since": day(found.since),
        "until": day(found.until),
        "counted": counted(found.counted),
        "currency": value.currency,
        "lines": [
            {
                "category": line.category,
                "hours": str(line.hours),
                "rate": amount(line.rate_cents),
                "value": amount(line.value_cents),
                "by_other": line.by_other,
            }
            for line in value.lines
        ],
        "without": [{"category": one.category, "hours": str(one.hours)} for one in value.without],
        "hours": str(value.hours),
        "hours_without": str(value.hours_without),
        "rounding": amount(value.rounding_cents),
        "total": amount(value.total_cents),
        "unused": list(value.unused),
        "head": str(found.head),
    }
