"""How a call is asked for, before it is judged or read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

import attrs

from timebank import checks
from timebank.bank.sources import Doors
from timebank.errors import IdempotencyMismatch, LimitExceeded, TimebankError
from timebank.journal import parse
from timebank.model import Hold, Transfer
from timebank.permissions import Ask, Permissions, permit
from timebank.queries.records import delegates_of, in_force, last_instant
from timebank.rules import Command, Exchange, OpenAccount, ReverseTransfer, SettleHold, VoidHold
from timebank.storage.protocol import Reader

#: Opens a reader, of a snapshot or of what a writer sees.
Look = Callable[[], AbstractContextManager[Reader]]


class Asking:
    """Knows who acts and who permits; without permissions nothing is asked."""

    _doors: Doors
    _actor: str | None
    _permissions: Permissions | None

    def _reader(self) -> AbstractContextManager[Reader]:
        raise NotImplementedError

    def _may(
        self, action: str, account: object = None, *, request: Mapping[str, Any] | None = None
    ) -> None:
        """Ask to read: one account, or all of the bank.

        :raises InvalidRequest: an id that cannot be.
        :raises NotPermitted: the answer is no.
        """
        if self._permissions is not None:
            accounts = () if account is None else (checks.identifier(account, "account id"),)
            asked = {} if request is None else request
            self._ask(
                Ask(
                    actor=self._actor,
                    action=action,
                    accounts=accounts,
                    request=asked,
                    **self._looks(),
                )
            )

    def _may_see(self, action: str, id: object) -> None:
        """Ask to read a transfer or a hold; nothing is said of one that is not there.

        :raises InvalidRequest: an id that cannot be.
        :raises NotPermitted: the answer is no.
        """
        if self._permissions is not None:
            earners, spenders = parties(self._reader, checks.identifier(id, "id"))
            self._ask(
                Ask(
                    actor=self._actor,
                    action=action,
                    earners=earners,
                    spenders=spenders,
                    **self._looks(),
                )
            )

    def _ask(self, ask: Ask) -> None:
        if self._permissions is not None:
            permit(self._permissions, ask)

    def _looks(self) -> dict[str, Any]:
        return looks(self._reader, self._doors)


def looks(look: Look, doors: Doors) -> dict[str, Any]:
    """What an `Ask` can find out, where it is asked to."""

    def delegates(account: str) -> frozenset[str]:
        with look() as reader:
            row = reader.account(account)
            if row is None:
                return frozenset()
            today = in_force(reader).day(max(doors.now(), last_instant(reader)))
            named = delegates_of(reader, row)
        return frozenset(id for id, until in named.items() if until is None or until >= today)

    def kind(account: str) -> str | None:
        with look() as reader:
            row = reader.account(account)
        return None if row is None else row.kind

    return {"delegates": delegates, "kind": kind}


def parties(look: Look, id: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Who earns and who spends by a transfer or hold; nobody where there is none."""
    with look() as reader:
        row = reader.find(id)
    if row is None:
        return (), ()
    effects = parse(row.body)["effects"]
    lines = effects.get("lines", effects.get("postings", []))
    own = lines[: len(lines) - len(effects.get("fee", []))]
    return _side(own, 1), _side(own, -1)


def _side(lines: list[list[Any]], sign: int) -> tuple[str, ...]:
    return tuple(id for id, seconds in lines if seconds * sign > 0)


def ask_of(command: Command, actor: str | None, look: Look, doors: Doors) -> Ask:
    """A command as a question."""
    earners: tuple[str, ...] = ()
    spenders: tuple[str, ...] = ()
    accounts = command.accounts
    exceeds = isinstance(command, OpenAccount) and not command.request.keys().isdisjoint(
        {"floor", "ceiling"}
    )
    if isinstance(command, Exchange):
        earners = tuple(id for id, _ in command.earners)
        spenders = tuple(id for id, _ in command.spenders)
        exceeds = "limits" in command.request
    elif isinstance(command, SettleHold | VoidHold):
        earners, spenders = parties(look, command.hold)
        exceeds = "hours" in command.request and command.request["hours"] > _held(
            look, command.hold
        )
    elif isinstance(command, ReverseTransfer):
        earners, spenders = parties(look, command.original)
    return Ask(
        actor=actor,
        action=command.kind,
        accounts=accounts,
        earners=earners,
        spenders=spenders,
        request=command.request,
        exceeds=exceeds,
        **looks(look, doors),
    )


def _held(look: Look, id: str) -> int:
    """The seconds that a hold proposes; none where there is no such hold."""
    with look() as reader:
        row = reader.find(id)
    if row is None:
        return 0
    effects = parse(row.body)["effects"]
    lines = effects.get("lines", [])
    own = lines[: len(lines) - len(effects.get("fee", []))]
    return sum(seconds for _, seconds in own if seconds > 0)


def kept_from(
    refusal: IdempotencyMismatch | LimitExceeded, permissions: Permissions, ask: Ask
) -> TimebankError:
    """The refusal, without what is not for who asks: somebody's transfer, or their balance."""
    if isinstance(refusal, LimitExceeded):
        seen = attrs.evolve(_looked(ask), action="balance", accounts=(refusal.account,))
        return refusal if permissions(seen) else refusal.redacted()
    original = refusal.original
    seen = attrs.evolve(_looked(ask), action="account", accounts=ask.accounts)
    if isinstance(original, Transfer | Hold):
        seen = attrs.evolve(
            _looked(ask),
            action="transfer_by_id" if isinstance(original, Transfer) else "hold_by_id",
            earners=tuple(original.earners),
            spenders=tuple(original.spenders),
        )
    if permissions(seen):
        return refusal
    return IdempotencyMismatch(
        refusal.id, original=None, differs="what it named is not for who asks to see"
    )


def _looked(ask: Ask) -> Ask:
    """The same actor, who asks for nothing yet."""
    return Ask(actor=ask.actor, action="", delegates=ask.delegates, kind=ask.kind)
