"""Commands that name who may act for an account, and end it."""

from __future__ import annotations

from typing import Any

import attrs

from timebank import checks
from timebank.commands.base import Command
from timebank.errors import InvalidRequest, shown


@attrs.frozen
class _OfDelegate(Command):
    @property
    def account(self) -> str:
        """Whose delegate it is."""
        return self.accounts[0]

    @property
    def delegate(self) -> str:
        """Who acts for the account."""
        return str(self.request["delegate"])


def _request(account: object, delegate: object) -> dict[str, Any]:
    request = {
        "account": checks.identifier(account, "account id"),
        "delegate": checks.identifier(delegate, "delegate"),
    }
    if request["account"] == request["delegate"]:
        msg = f"{shown(account)} needs no delegate to act for itself"
        raise InvalidRequest(msg)
    return request


@attrs.frozen
class NameDelegate(_OfDelegate):
    """Let an actor act for an account, until a day or until it is ended."""

    kind = "name_delegate"

    @classmethod
    def of(cls, account: object, delegate: object, *, until: object) -> NameDelegate:
        """From the arguments of the call."""
        request = _request(account, delegate)
        if (last := checks.day(until, "until")) is not None:
            request["until"] = last
        return cls(request, {}, (request["account"],))


@attrs.frozen
class EndDelegate(_OfDelegate):
    """Let an actor act for an account no more."""

    kind = "end_delegate"

    @classmethod
    def of(cls, account: object, delegate: object) -> EndDelegate:
        """From the arguments of the call."""
        request = _request(account, delegate)
        return cls(request, {}, (request["account"],))
