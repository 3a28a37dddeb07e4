"""What every subject shares: the command, the state that its judge may see, the draft.

`Command` is what was asked, checked and normalised, without any state; `State` is what a
judge may know; `Draft` is what it comes to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import attrs

from timebank import checks
from timebank.errors import AccountNotFound, InvalidHours, InvalidRequest, shown
from timebank.hours import Hours
from timebank.model import MAX_INTEGER, AccountRow, HoldRow
from timebank.statute import DAY_IN_MICROSECONDS, Statute

#: Gives an id that was never given before.
NewId = Callable[[], str]


@attrs.frozen
class Command:
    """What every command has. `id` is the operation's, `None` for those on accounts."""

    kind: ClassVar[str]
    request: dict[str, Any]
    texts: dict[str, str]
    accounts: tuple[str, ...]
    id: str | None = None


def texts_of(**values: object) -> dict[str, str]:
    """The personal texts that were given, checked."""
    found = {field: checks.personal_text(value, field) for field, value in values.items()}
    return {field: text for field, text in found.items() if text is not None}


def actor(value: object) -> str | None:
    """Who entered it, as an id.

    :raises InvalidRequest: not an id.
    """
    return None if value is None else checks.identifier(value, "actor")


@attrs.frozen
class Earlier:
    """What the command's id, or its account, already names.

    `texts` are the salt and text of each field that is still there; `result` is what
    the caller got, for the error's `original`.
    """

    kind: str
    request: dict[str, Any]
    texts: Mapping[str, tuple[bytes, str]]
    result: object


@attrs.frozen
class Original:
    """The transfer that a reversal names: its sequence, effects, and what was moved back."""

    sequence: int
    kind: str
    effects: dict[str, Any]
    reversed: tuple[dict[str, Any], ...]


@attrs.frozen
class Held:
    """The hold that a settlement or a void names.

    `statute` judged it. `resolved` is the kind and the id of what resolved it.
    """

    sequence: int
    request: dict[str, Any]
    effects: dict[str, Any]
    statute: Statute
    resolved: tuple[str, str] | None = None


@attrs.define
class State:
    """What a decision may know. `balances` are `(version, posted seconds)` by account.

    `holds` are the rows of open holds, by account and by the hold's sequence, the
    expired ones with them or not. `name` is the current name of the account that a
    command renames; `known` the statute that was adopted under a command's version;
    `delegates` those of an account, with the last day of each; `basis` the seconds that
    a share is taken of.
    """

    statute: Statute
    accounts: Mapping[str, AccountRow | None]
    balances: Mapping[str, tuple[int, int]]
    holds: Mapping[str, Mapping[int, HoldRow]] = attrs.field(factory=dict)
    earlier: Earlier | None = None
    original: Original | None = None
    held: Held | None = None
    name: str | None = None
    delegates: Mapping[str, str | None] = attrs.field(factory=dict)
    basis: int = 0
    known: Statute | None = None

    def account(self, id: str) -> AccountRow:
        """The row of an account.

        :raises AccountNotFound: there is none.
        """
        row = self.accounts[id]
        if row is None:
            raise AccountNotFound(id)
        return row

    def reserved(self, id: str, now: int) -> tuple[int, int]:
        """The seconds of an account that open holds keep: to be spent, and to be earned."""
        rows = self.holds.get(id)
        if not rows:
            return 0, 0
        open_rows = [row for row in rows.values() if row.expires_at > now]
        return sum(row.held for row in open_rows), sum(row.incoming for row in open_rows)


@attrs.frozen
class Draft:
    """What a record will say, but for its place in the journal."""

    effects: dict[str, Any]
    refers_to: int | None = None


def day_of_service(state: State, day: str | None, now: int) -> str:
    """The day that was given, or today's in the bank's time zone.

    :raises InvalidRequest: a day that is more than one ahead.
    """
    if day is None:
        return state.statute.day(now)
    latest = state.statute.day(now + DAY_IN_MICROSECONDS)
    if day > latest:
        msg = f"occurred_on {day} is in the future: the latest day accepted is {latest}"
        raise InvalidRequest(msg)
    return day


def check_range(state: State, changes: Mapping[str, int]) -> None:
    """Refuse a balance that could not be stored.

    :raises InvalidHours: beyond ±2**53 seconds.
    """
    for id, change in changes.items():
        if abs(state.balances[id][1] + change) > MAX_INTEGER:
            msg = f"account {shown(id)} would hold more than 2**53 seconds"
            raise InvalidHours(msg)


def hours(seconds: int) -> Hours:
    """Seconds as hours."""
    return Hours.from_seconds(seconds)
