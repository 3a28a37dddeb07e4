"""What every call that changes a bank ends in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from timebank.bank.sources import Doors
from timebank.rules import Command

if TYPE_CHECKING:
    from timebank.bank.session import Session
    from timebank.permissions import Ask
    from timebank.storage.protocol import Reader

#: What may be given where hours are expected.
HoursLike = Any
Side = str | Mapping[str, HoursLike]
Result = TypeVar("Result")
#: Several commands that are one call: executed in a session, for an actor.
Work = Callable[["Session", "str | None"], Result]


class Executing:
    """Has doors for time, ids and salts, and ways to execute one command or several as one."""

    _doors: Doors

    def _execute(self, command: Command) -> Any:
        raise NotImplementedError

    def _together(
        self, ask: Ask, work: Work[Result], before: Callable[[Reader], None] | None = None
    ) -> Result:
        """All of the commands of one call, or none; asked for once, as `ask` says.

        What is long to read is read by `before`, while others may still write.
        """
        raise NotImplementedError
