"""Say in words what a record is about: which exchange, of whom, of which day.

Nothing here is judged. A record that was tampered with may hold anything; what cannot be said is
left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from timebank.audit.findings import quantity
from timebank.model.said import Day, Said, said, who

#: Kinds that move hours, or reserve them.
_MOVES: Final = frozenset({"transfer", "hold", "settle", "reverse", "due", "merge"})
_EXCHANGE: Final = "exchange"
#: Kinds that are about one account, and are said as such.
_ON_ACCOUNT: Final = frozenset(
    {
        *("open_account", "set_limits", "rename", "freeze", "thaw", "close_account", "reopen"),
        *("amend_account", "name_delegate", "end_delegate"),
    }
)
#: Kinds that have words of their own, of their day.
_OTHERS: Final = frozenset({"void", "erase", "amend", "adopt", "close_books", "restart_clock"})


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
    day = Day(effects.get("occurred_on", content["recorded_on"]))
    if kind in _MOVES:
        lines = lines_of(effects)
        if lines:
            request = content.get("request", {})
            is_other = kind == "transfer" and request.get("kind", _EXCHANGE) != _EXCHANGE
            return moved("moved" if is_other else kind, day, lines)
    if kind in _ON_ACCOUNT:
        return said(f"about_{kind}", day=day, account=who(effects["account"]))
    if kind in _OTHERS:
        return said(f"about_{kind}", day=day)
    return said("about_record", day=day, kind=kind)


def moved(kind: str, day: str, lines: Iterable[tuple[str, int]]) -> Said:
    """Return words on hours that moved, or are held: how many, from whom to whom, and when."""
    lines = list(lines)
    hours = quantity(sum(seconds for _, seconds in lines if seconds > 0))
    spenders = people(account for account, seconds in lines if seconds < 0)
    earners = people(account for account, seconds in lines if seconds > 0)
    return said(f"about_{kind}", day=Day(day), hours=hours, spenders=spenders, earners=earners)


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
