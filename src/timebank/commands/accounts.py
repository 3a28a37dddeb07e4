"""Commands on accounts."""

from __future__ import annotations

from typing import Any, Final

import attrs

from timebank import checks
from timebank.commands.base import Command, texts_of
from timebank.errors import InvalidRequest
from timebank.model import ACCOUNT_KINDS

#: Stands for "leave this limit as it is" in `set_limits`.
KEEP: Final = object()


@attrs.frozen
class OpenAccount(Command):
    """Open an account; repeated alike, it is the same account."""

    kind = "open_account"
    welcome: bool = attrs.field(default=True, kw_only=True)

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
        welcome: object = True,
    ) -> OpenAccount:
        """From the arguments of the call; `welcome` is no part of what is recorded."""
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
        given = checks.yes_or_no(welcome, "welcome")
        return cls(request, texts_of(name=name), (account,), welcome=given)


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
        return cls(request={"account": account}, texts=texts_of(name=name), accounts=(account,))


@attrs.frozen
class ChangeStatus(Command):
    """Freeze, thaw, close or reopen an account."""

    @classmethod
    def of(cls, id: object, *, reason: object) -> ChangeStatus:
        """From the arguments of the call."""
        account = checks.identifier(id, "account id")
        return cls(request={"account": account}, texts=texts_of(reason=reason), accounts=(account,))


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
