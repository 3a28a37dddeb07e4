"""Commands that move hours: transfers and reversals."""

from __future__ import annotations

from typing import Any, Self

import attrs

from timebank import checks
from timebank.commands.base import Command, texts_of
from timebank.errors import InvalidRequest


@attrs.frozen
class Exchange(Command):
    """Who earns and who spends, and what for: of a transfer, and of a hold that proposes one."""

    @property
    def earners(self) -> checks.Side:
        """Who earns, as sorted `[account, seconds]`."""
        side: checks.Side = self.request["earners"]
        return side

    @property
    def spenders(self) -> checks.Side:
        """Who spends, as sorted `[account, seconds]`."""
        side: checks.Side = self.request["spenders"]
        return side

    @classmethod
    def of(
        cls,
        *,
        id: object,
        earner: object,
        spender: object,
        hours: object,
        kind: object,
        occurred_on: object,
        category: object,
        area: object,
        resource: object,
        via: object,
        note: object,
        tags: object,
        source: object,
        limits: object,
        **more: Any,
    ) -> Self:
        """From the arguments of the call; `more` joins the request as it is."""
        operation = checks.operation(id)
        earners, spenders = checks.sides(earner, spender, hours)
        request: dict[str, Any] = {
            "id": operation,
            "kind": checks.identifier(kind, "kind"),
            "earners": earners,
            "spenders": spenders,
            **more,
        }
        for field, value in (("category", category), ("area", area), ("resource", resource)):
            if value is not None:
                request[field] = checks.label(value, field)
        if occurred_on is not None:
            request["occurred_on"] = checks.day(occurred_on, "occurred_on")
        if tags != () and (normal := checks.tags(tags)):
            request["tags"] = normal
        if source is not None:
            request["source"] = checks.source(source)
        if limits != "checked":
            request["limits"] = checks.one_of(limits, ("checked", "unchecked"), "limits")
        if kind == "reversal":
            msg = "kind 'reversal' is that of reverse(): choose another"
            raise InvalidRequest(msg)
        accounts = tuple(account for account, _ in earners + spenders)
        if via is not None:
            request["via"] = checks.identifier(via, "via")
            accounts += (request["via"],)
        texts = {} if note is None else texts_of(note=note)
        return cls(request, texts, accounts, operation)


@attrs.frozen
class MakeTransfer(Exchange):
    """Move hours from spenders to earners."""

    kind = "transfer"


@attrs.frozen
class ReverseTransfer(Command):
    """Move hours of an earlier transfer back, wholly or in part."""

    kind = "reverse"

    @classmethod
    def of(
        cls, transfer: object, *, id: object, reason: object, hours: object, occurred_on: object
    ) -> ReverseTransfer:
        """From the arguments of the call."""
        operation = checks.operation(id)
        request: dict[str, Any] = {
            "id": operation,
            "transfer": checks.identifier(transfer, "transfer id"),
        }
        if hours is not None:
            request["hours"] = checks.positive(hours, "hours")
        if (day := checks.day(occurred_on, "occurred_on")) is not None:
            request["occurred_on"] = day
        texts = texts_of(reason=reason)
        if not texts:
            msg = "a reversal needs a reason, for the member who will read it"
            raise InvalidRequest(msg)
        return cls(request=request, texts=texts, accounts=(), id=operation)

    @property
    def original(self) -> str:
        """The id of the transfer to reverse."""
        return str(self.request["transfer"])
