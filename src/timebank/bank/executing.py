"""What every call that changes a bank ends in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from timebank.bank.doors import Doors
from timebank.commands import Command

#: What may be given where hours are expected.
HoursLike = Any
Side = str | Mapping[str, HoursLike]


class Executing:
    """Has doors for time, ids and salts, and a way to execute a command."""

    _doors: Doors

    def _execute(self, command: Command) -> Any:
        raise NotImplementedError
