"""A bank's rules as data.

A statute says which limits an account inherits and in which time zone a day
begins. A new bank has `default/1`, which never changes: a record names the statute
that judged it, and must mean the same for ever.

>>> from timebank.statute import DEFAULT
>>> DEFAULT.version, DEFAULT.limits("member"), DEFAULT.limits("fund")
('default/1', (-72000, None), (None, None))
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, tzinfo
from typing import Final

import attrs

from timebank.model import AccountRow, instant

DAY_IN_MICROSECONDS: Final = 86_400_000_000


@attrs.frozen
class Statute:
    """The rules in force. Limits are by kind of account; a kind left out is unlimited."""

    version: str
    floors_in_seconds: Mapping[str, int]
    ceilings_in_seconds: Mapping[str, int] = attrs.field(factory=dict)
    time_zone: tzinfo = UTC

    def limits(self, kind: str) -> tuple[int | None, int | None]:
        """The floor and ceiling, in seconds, that an account of this kind inherits."""
        return self.floors_in_seconds.get(kind), self.ceilings_in_seconds.get(kind)

    def limits_of(self, account: AccountRow) -> tuple[int | None, int | None]:
        """The floor and ceiling, in seconds, that apply: the account's own, or inherited."""
        floor, ceiling = self.limits(account.kind)
        if account.floor != "inherit":
            floor = account.floor
        if account.ceiling != "inherit":
            ceiling = account.ceiling
        return floor, ceiling

    def day(self, moment_in_microseconds: int) -> str:
        """The day, `YYYY-MM-DD`, of an instant in the bank's time zone."""
        return instant(moment_in_microseconds).astimezone(self.time_zone).date().isoformat()


#: The statute of a new bank: members and groups may owe twenty hours.
DEFAULT: Final = Statute(
    version="default/1", floors_in_seconds={"member": -20 * 3600, "group": -20 * 3600}
)
