"""Whether a quantity was shared by largest remainder: looked at, and not computed."""

from __future__ import annotations

from collections.abc import Sequence


def is_shared(total: int, weights: Sequence[int], shares: Sequence[int]) -> bool:
    """Return whether shares are those of a whole number by largest remainder.

    Each is its proportion rounded down, or the next number; no share that was rounded up had a
    smaller remainder than one that was not, or an equal one and a later place.

    >>> from timebank.audit.shares import is_shared
    >>> is_shared(10, [1, 1, 1], [4, 3, 3]), is_shared(10, [1, 1, 1], [3, 3, 4])
    (True, False)
    """
    whole = sum(weights)
    if not whole or sum(shares) != total:
        return sum(shares) == total == 0
    up: tuple[int, int] | None = None
    down: tuple[int, int] | None = None
    for place, (weight, share) in enumerate(zip(weights, shares, strict=True)):
        least, remainder = divmod(total * weight, whole)
        rank = (-remainder, place)
        if share == least + 1:
            up = rank if up is None else max(up, rank)
        elif share == least:
            down = rank if down is None else min(down, rank)
        else:
            return False
    return up is None or down is None or up < down
