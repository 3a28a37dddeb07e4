"""Say in words what a record is about: which exchange, of whom, of which day.

Nothing here is judged. A record that was tampered with may hold anything; what cannot be said is
left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from timebank.audit.findings import quantity
from timebank.model.said import Day, Said, said, who

_EXCHANGE: Final = "exchange"


def about(content: Mapping[str, Any] | None) -> str:
    """Return what a record is about; of what cannot be said, that it is a record.

    >>> from timebank.audit.describing import about
    >>> about({"kind": "transfer", "request": {}, "recorded_on": "2026-03-02", "effects":
    ...     {"occurred_on": "2026-03-02", "postings": [["m1", 5400], ["f1", -5400]]}})
    "the exchange of 2026-03-02, 1:30 earned by 'm1' and spent by 'f1'"
    >>> about(None)
    'a record that cannot be read'
    """
    try:
        return _about(content or {})
    except (AttributeError, KeyError, TypeError, ValueError):
        return said("about_nothing")


def _about(content: Mapping[str, Any]) -> str:
    kind, effects = content["kind"], content["effects"]
    gaps: dict[str, Any] = {"day": Day(effects.get("occurred_on", content["recorded_on"]))}
    if lines := lines_of(effects):
        word = content["request"].get("kind", _EXCHANGE)
        return moved(
            "moved" if kind == "transfer" and word != _EXCHANGE else kind, gaps["day"], lines
        )
    if "account" in effects:
        gaps["account"] = who(effects["account"])
    try:
        return said(f"about_{kind}", **gaps)
    except KeyError:  # there are no words for the kind, or it has not what they say
        return said("about_record", day=gaps["day"], kind=kind)


def moved(kind: str, day: str, lines: Iterable[tuple[str, int]]) -> Said:
    """Return words on hours that moved, or are held: how many, from whom to whom, and when."""
    lines = list(lines)
    hours = quantity(sum(seconds for _, seconds in lines if seconds > 0))
    spenders = people(account for account, seconds in lines if seconds < 0)
    earners = people(account for account, seconds in lines if seconds > 0)
    gaps = {"day": Day(day), "hours": hours, "spenders": spenders, "earners": earners}
    try:
        return said(f"about_{kind}", **gaps)
    except KeyError:  # there are no words for the kind
        return said("about_moved", **gaps)


def lines_of(effects: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Return whose hours a record moves, or reserves: pairs of an account and seconds."""
    lines = effects.get("postings", effects.get("lines", ()))
    return [(account, seconds) for account, seconds in lines]


def people(accounts: Iterable[str]) -> str:
    """Return accounts in words: two of them at most, and how many others there are.

    >>> from timebank.audit.describing import people
    >>> people(["m1"]), people(["m1", "m2"]), people(["m1", "m2", "m3", "m4"])
    ("'m1'", "'m1' and 'm2'", "'m1' and 3 others")
    """
    known: Sequence[str] = list(dict.fromkeys(accounts))
    if not known:
        return said("nobody")
    if len(known) == 1:
        return who(known[0])
    if len(known) == 2:  # noqa: PLR2004  # as people say it
        return said("one_and_another", one=who(known[0]), other=who(known[1]))
    return said("and_others", first=who(known[0]), n=len(known) - 1)
