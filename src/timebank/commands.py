"""A call becomes a command: what was asked, checked and normalised, with no state.

`request` is what a record keeps and what a repeated call is compared with; personal
text stands apart in `texts`, for a record only has its commitment. `accounts` are
those that `decide` has to see.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final

import attrs

from timebank import checks
from timebank.errors import InvalidRequest
from timebank.model import ACCOUNT_KINDS

#: Stands for "leave this limit as it is" in `set_limits`.
KEEP: Final = object()


@attrs.frozen
class Command:
    """What every command has. `id` is the operation's, `None` for those on accounts."""

    kind: ClassVar[str]
    request: dict[str, Any]
    texts: dict[str, str]
    accounts: tuple[str, ...]
    id: str | None = None


@attrs.frozen
class OpenAccount(Command):
    """Open an account; repeated alike, it is the same account."""

    kind = "open_account"

    @classmethod
    def of(
        cls,
        id: object,
        *,
        kind: object,
        name: object,
        joined_on: object,
        floor: object,
        ceiling: object,
    ) -> OpenAccount:
        """From the arguments of the call."""
        account = checks.identifier(id, "account id")
        request: dict[str, Any] = {
            "account": account,
            "kind": checks.one_of(kind, ACCOUNT_KINDS, "kind"),
        }
        if (joined := checks.day(joined_on, "joined_on")) is not None:
            request["joined_on"] = joined
        for field, value in (("floor", floor), ("ceiling", ceiling)):
            if (limit := checks.limit(value, field)) != "inherit":
                request[field] = limit
        return cls(request=request, texts=_texts(name=name), accounts=(account,))


@attrs.frozen
class SetLimits(Command):
    """Change the floor, the ceiling or both."""

    kind = "set_limits"

    @classmethod
    def of(cls, id: object, *, floor: object, ceiling: object) -> SetLimits:
        """From the arguments of the call."""
        account = checks.identifier(id, "account id")
        request: dict[str, Any] = {"account": account}
        for field, value in (("floor", floor), ("ceiling", ceiling)):
            if value is not KEEP:
                request[field] = checks.limit(value, field)
        if len(request) == 1:
            msg = "set_limits needs a floor, a ceiling or both"
            raise InvalidRequest(msg)
        return cls(request=request, texts={}, accounts=(account,))


@attrs.frozen
class Rename(Command):
    """Give an account another name, or none."""

    kind = "rename"

    @classmethod
    def of(cls, id: object, *, name: object) -> Rename:
        """From the arguments of the call."""
        account = checks.identifier(id, "account id")
        return cls(request={"account": account}, texts=_texts(name=name), accounts=(account,))


@attrs.frozen
class ChangeStatus(Command):
    """Freeze, thaw, close or reopen an account."""

    @classmethod
    def of(cls, id: object, *, reason: object) -> ChangeStatus:
        """From the arguments of the call."""
        account = checks.identifier(id, "account id")
        return cls(request={"account": account}, texts=_texts(reason=reason), accounts=(account,))


@attrs.frozen
class Freeze(ChangeStatus):
    """From open to frozen."""

    kind = "freeze"


@attrs.frozen
class Thaw(ChangeStatus):
    """From frozen to open."""

    kind = "thaw"


@attrs.frozen
class CloseAccount(ChangeStatus):
    """From open or frozen to closed, at zero."""

    kind = "close_account"


@attrs.frozen
class Reopen(ChangeStatus):
    """From closed to open."""

    kind = "reopen"


@attrs.frozen
class MakeTransfer(Command):
    """Move hours from spenders to earners."""

    kind = "transfer"

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
    ) -> MakeTransfer:
        """From the arguments of the call."""
        operation = checks.identifier(id, "id")
        earners, spenders = checks.sides(earner, spender, hours)
        request: dict[str, Any] = {
            "id": operation,
            "kind": checks.identifier(kind, "kind"),
            "earners": earners,
            "spenders": spenders,
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
        texts = {} if note is None else _texts(note=note)
        return cls(request, texts, accounts, operation)


@attrs.frozen
class ReverseTransfer(Command):
    """Move hours of an earlier transfer back, wholly or in part."""

    kind = "reverse"

    @classmethod
    def of(
        cls, transfer: object, *, id: object, reason: object, hours: object, occurred_on: object
    ) -> ReverseTransfer:
        """From the arguments of the call."""
        operation = checks.identifier(id, "id")
        request: dict[str, Any] = {
            "id": operation,
            "transfer": checks.identifier(transfer, "transfer id"),
        }
        if hours is not None:
            request["hours"] = checks.positive(hours, "hours")
        if (day := checks.day(occurred_on, "occurred_on")) is not None:
            request["occurred_on"] = day
        texts = _texts(reason=reason)
        if not texts:
            msg = "a reversal needs a reason, for the member who will read it"
            raise InvalidRequest(msg)
        return cls(request=request, texts=texts, accounts=(), id=operation)

    @property
    def original(self) -> str:
        """The id of the transfer to reverse."""
        return str(self.request["transfer"])


def _texts(**values: object) -> dict[str, str]:
    """The personal texts that were given, checked."""
    found = {field: checks.personal_text(value, field) for field, value in values.items()}
    return {field: text for field, text in found.items() if text is not None}


def actor(value: object) -> str | None:
    """Who entered it, as an id.

    :raises InvalidRequest: not an id.
    """
    return None if value is None else checks.identifier(value, "actor")
