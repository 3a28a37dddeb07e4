"""Commands on holds: reserve, settle, void."""

from __future__ import annotations

from typing import Any

import attrs

from timebank import checks
from timebank.commands.base import Command, texts_of
from timebank.commands.transfers import Exchange


@attrs.frozen
class MakeHold(Exchange):
    """Reserve the hours of a proposed exchange."""

    kind = "hold"

    @classmethod
    def expiring(cls, expires_in: object, **arguments: Any) -> MakeHold:
        """From the arguments of the call."""
        if expires_in is None:
            return cls.of(**arguments)
        return cls.of(**arguments, expires_in=checks.duration(expires_in, "expires_in"))


@attrs.frozen
class SettleHold(Command):
    """Make a hold a transfer."""

    kind = "settle"

    @classmethod
    def of(cls, hold: object, *, hours: object, occurred_on: object, id: object) -> SettleHold:
        """From the arguments of the call."""
        operation = checks.operation(id)
        request: dict[str, Any] = {"id": operation, "hold": checks.identifier(hold, "hold id")}
        if hours is not None:
            request["hours"] = checks.positive(hours, "hours")
        if (day := checks.day(occurred_on, "occurred_on")) is not None:
            request["occurred_on"] = day
        return cls(request=request, texts={}, accounts=(), id=operation)

    @property
    def hold(self) -> str:
        """The id of the hold."""
        return str(self.request["hold"])


@attrs.frozen
class VoidHold(Command):
    """Release a hold."""

    kind = "void"

    @classmethod
    def of(cls, hold: object, *, reason: object, id: object) -> VoidHold:
        """From the arguments of the call."""
        operation = checks.operation(id)
        request = {"id": operation, "hold": checks.identifier(hold, "hold id")}
        return cls(request=request, texts=texts_of(reason=reason), accounts=(), id=operation)

    @property
    def hold(self) -> str:
        """The id of the hold."""
        return str(self.request["hold"])
