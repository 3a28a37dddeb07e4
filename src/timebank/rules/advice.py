"""Find what would have passed, for whoever was refused.

Found by asking the same judge again with other hours: the rules are written once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from timebank.errors import ExchangeTooLarge, GranularityRefused, LimitExceeded, Rejected
from timebank.rules.exchange import is_judged
from timebank.rules.state import Draft, hours
from timebank.statute import Statute

#: Where shares are rounded, a little more may pass though a little less did not.
_FURTHER: Final = 8

#: Gives a draft for so many seconds, or refuses.
Judge = Callable[[int], Draft]
#: What other hours may help against.
ADVISED: Final = (LimitExceeded, ExchangeTooLarge, GranularityRefused)
Refusal = LimitExceeded | ExchangeTooLarge | GranularityRefused


def advise(
    refusal: Refusal,
    judge: Judge,
    statute: Statute,
    request: Mapping[str, Any],
    *,
    asked: int,
    least: int = 1,
    word: str = "would pass",
) -> None:
    """Say in a refusal what would have passed, by asking the judge again.

    Other hours than those `asked` are looked for from `least` on, in whole units of the
    statute where it judges the exchange.
    """
    granularity = statute.granularity if is_judged(statute, request) else None
    step = 1 if granularity is None else granularity.unit.seconds
    if isinstance(refusal, GranularityRefused) and _tell_units(refusal, judge):
        return
    _tell(refusal, _most(judge, asked=asked, least=least, step=step), word)


def _passes(judge: Judge, seconds: int) -> bool:
    try:
        judge(seconds)
    except Rejected:
        return False
    return True


def _most(judge: Judge, *, asked: int, least: int, step: int) -> int | None:
    """Return the most seconds below `asked`, in whole steps, that pass, by binary search."""
    low, high = (least - 1) // step, (asked - 1) // step + 1
    end = high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _passes(judge, middle * step) else (low, middle)
    for more in range(min(low + _FURTHER, end - 1), low, -1):
        if _passes(judge, more * step):
            low = more
            break
    return low * step if low * step >= least else None


def _tell(refusal: Refusal, most: int | None, word: str) -> None:
    passes = None if most is None else hours(most)
    remedies = [] if passes is None else [f"{passes} {word}"]
    if isinstance(refusal, LimitExceeded):
        verb = "earns" if refusal.rule == "floor" else "spends"
        other = f"{refusal.account} first {verb} {refusal.shortfall}"
        remedies.append(other if remedies else f"it would pass if {other}")
    if remedies:
        refusal.advised(", or if ".join(remedies), passes=passes)


def _tell_units(refusal: GranularityRefused, judge: Judge) -> bool:
    """Name the multiples on both sides that pass, the nearer one first; of two as near, the lower.

    Return false where neither passes, for another rule refuses it.
    """
    both = [found for found in (refusal.lower, refusal.upper) if found is not None]
    both = [found for found in both if _passes(judge, found.seconds)]
    both.sort(key=lambda found: abs(found.seconds - refusal.needed.seconds))
    if both:
        refusal.advised(f"{' or '.join(map(str, both))} would pass", passes=both[0])
    return bool(both)
