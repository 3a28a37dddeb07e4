"""The findings that no cause explains yet, and the causes so far."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from timebank.audit.findings import Finding
from timebank.model.said import Said, Who


@attrs.frozen
class Cause:
    """What was done to a bank, in words: `what`, and `details` that say who, when, how much.

    `findings` are the numbers, from 1, of the findings of the report that follow from it.
    """

    what: str
    details: tuple[str, ...]
    advice: str
    findings: tuple[int, ...]


class OpenFindings:
    """Findings by their numbers; a cause takes those that follow from it."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.left = dict(enumerate(findings, start=1))
        self.causes: list[Cause] = []

    def of_checks(self, *checks: str) -> dict[int, Finding]:
        """Return the open findings of some checks, by number."""
        return {number: one for number, one in self.left.items() if one.check in checks}

    def tell(
        self, what: str, details: Iterable[str], advice: str, found: Mapping[int, Finding]
    ) -> None:
        """Add a cause, and close the findings that follow from it.

        Where findings of a check were only counted, they follow with the others of that check.
        """
        taken = dict(found)
        checks = {one.check for one in found.values()}
        taken |= {n: one for n, one in self.left.items() if one.check in checks and _counts(one)}
        for number in taken:
            self.left.pop(number, None)
        self.causes.append(Cause(what, tuple(details), advice, tuple(sorted(taken))))


def _counts(one: Finding) -> bool:
    """Return whether a finding only says how many more there are."""
    return isinstance(one.place, Said) and one.place.key == "elsewhere"


def place_of(one: Finding, gap: str) -> Any:
    """Return a part of a finding's place: its `sequence`, `account`, `field`; else `None`."""
    place = one.place
    while isinstance(place, Said):
        if gap in place.gaps:
            return value_of(place.gaps[gap])
        place = place.gaps.get("place", "")
    return None


def value_of(value: Any) -> Any:
    """Return the id of an account, or a number that is written as one; other values as they are."""
    if isinstance(value, Who):
        return value.id
    if isinstance(value, str) and value.isdecimal():
        return int(value)
    return value
