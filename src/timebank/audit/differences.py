"""Say in words what a record says otherwise than it did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from timebank.audit.describing import lines_of, people
from timebank.audit.findings import quantity
from timebank.errors import shown
from timebank.model.said import Day, said


def differences(was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Yield in words what a record said otherwise: hours, people and days first."""
    before, after = _told(was), _told(now)
    for field, value in before.items():
        if value != after.get(field):
            yield said("was_and_is", field=said(f"field_{field}"), was=value, now=after.get(field))
    if before == after:
        for path, old, new in _paths("", was, now):
            yield said("was_and_is", field=path, was=shown(old), now=shown(new))


def _told(content: Mapping[str, Any]) -> dict[str, str]:
    """Return hours, people and day of a record that moves hours; nothing of another."""
    try:
        effects, lines = content["effects"], lines_of(content["effects"])
        if not lines:
            return {}
        return {
            "hours": quantity(sum(seconds for _, seconds in lines if seconds > 0)),
            "earners": people(account for account, seconds in lines if seconds > 0),
            "spenders": people(account for account, seconds in lines if seconds < 0),
            "day": Day(effects.get("occurred_on", content["recorded_on"])),
        }
    except (AttributeError, KeyError, TypeError, ValueError):
        return {}


def _paths(where: str, was: Any, now: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield the fields in which two records differ, each with both values."""
    if isinstance(was, dict) and isinstance(now, dict):
        for name in sorted(was.keys() | now.keys()):
            path = f"{where}.{name}" if where else name
            yield from _paths(path, was.get(name), now.get(name))
    elif was != now:
        yield where, was, now
