"""Ask for permission, before a call is judged or read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, TypeVar

import attrs

from timebank import checks
from timebank.bank.half_way import UNDER_WAY
from timebank.bank.redacting import Viewer
from timebank.bank.session import Session, Sources
from timebank.errors import FAILURES, NotPermitted, TimebankError
from timebank.journal.kinds import Lines, sides_of
from timebank.permissions import Ask, Permissions, permit, permits
from timebank.queries.clock import day_now
from timebank.queries.corrections import heir
from timebank.queries.members import active_delegates
from timebank.queries.proofs import PROVABLE, accounts_in, flagged_in
from timebank.queries.records import body_of
from timebank.rules.accounts import OpenAccount
from timebank.rules.state import AnyCommand, Command
from timebank.rules.transfers import Exchange
from timebank.storage.protocol import Reader

#: Opens a reader, of a snapshot or of what a writer sees.
OpenReader = Callable[[], AbstractContextManager[Reader]]
#: Gives an instant, in microseconds since 1970.
Now = Callable[[], int]
T = TypeVar("T")
#: Several commands that are one call: executed in a session, for an actor.
Work = Callable[[Session, str | None], T]


class Moment:
    """One instant, read when it is first asked for: a call reads the clock once.

    >>> from timebank.bank.permitting import Moment
    >>> moment = Moment(iter([7, 8]).__next__)
    >>> moment(), moment()
    (7, 7)
    """

    def __init__(self, read: Now) -> None:
        self._read = read
        self._instant: int | None = None

    def __call__(self) -> int:
        """Return the instant, in microseconds since 1970."""
        if self._instant is None:
            self._instant = self._read()
        return self._instant


class Handle(ABC):
    """A bank, a batch or a preview: who acts on it, who permits it, and how a call is done.

    Without permissions nothing is asked.
    """

    _sources: Sources
    #: Gives an id to an operation that was given none.
    _new_id: Callable[[], str]
    _actor: str | None
    _permissions: Permissions | None

    @abstractmethod
    def _reader(self) -> AbstractContextManager[Reader]:
        """Open a consistent snapshot."""

    @abstractmethod
    def _execute(self, command: Command[Any, T]) -> T:
        """Execute one command."""

    @abstractmethod
    def _execute_all(
        self, ask: Ask, work: Work[T], before: Callable[[Reader], None] | None = None
    ) -> T:
        """Execute all of the commands of one call, or none; ask once for them, as `ask` says.

        What takes long to read is read by `before`, while others may still write.
        """

    def _firm(self, reader: Reader, work: Callable[[], T]) -> T:
        """Return what several statements find, of one state: a reader of our own sees no other."""
        return work()

    def _may(
        self, action: str, account: object = None, *, request: Mapping[str, Any] | None = None
    ) -> Now:
        """Ask to read: one account, or all of the bank; return what gives the call's instant.

        :raises InvalidRequest: an id that cannot be.
        :raises NotPermitted: the answer is no.
        """
        if self._permissions is None:
            return self._sources.now
        now = Moment(self._sources.now)
        accounts = () if account is None else (checks.identifier(account, "account id"),)
        asked = {} if request is None else request
        self._ask(Ask(actor=self._actor, action=action, accounts=accounts, request=asked), now)
        return now

    def _may_see(self, action: str, id: object) -> Now:
        """Ask to read a transfer or a hold, as `_may`; nothing is said of one that is not there.

        :raises InvalidRequest: an id that cannot be.
        :raises NotPermitted: the answer is no.
        """
        if self._permissions is None:
            return self._sources.now
        now = Moment(self._sources.now)
        earners, spenders = parties(self._reader, checks.identifier(id, "id"))
        self._ask(Ask(actor=self._actor, action=action, earners=earners, spenders=spenders), now)
        return now

    def _may_show(self, action: str, id: object) -> Now:
        """Ask to hand out the whole record of a transfer or hold, as `_may_see`.

        The question names every account in it, and those that these have become, for their names
        are shown too; the balance of each of which its flags tell is asked for as well. A refusal
        names none of them.

        :raises InvalidRequest: an id that cannot be.
        :raises NotPermitted: an answer is no.
        """
        checked = checks.identifier(id, "id")
        if self._permissions is None:
            return self._sources.now
        now = Moment(self._sources.now)
        with self._reader() as reader:
            row = reader.find(checked)
            record = None if row is None or row.kind not in PROVABLE else body_of(row)
            named = () if record is None else accounts_in(record)
            heirs = [heir(reader, one) for one in named]
        lines = [] if record is None else sides_of(record["effects"])[0]
        ask = Ask(
            actor=self._actor,
            action=action,
            accounts=tuple(sorted({*named, *heirs})),
            earners=_side(lines, 1),
            spenders=_side(lines, -1),
            **look_ups(self._reader, now),
        )
        flagged = () if record is None else flagged_in(record)
        balances = (
            attrs.evolve(ask, action="balance", accounts=(one,), earners=(), spenders=())
            for one in flagged
        )
        if not all(permits(self._permissions, one) for one in (ask, *balances)):
            raise NotPermitted(self._actor, action=action, accounts=())
        return now

    def _execute_in(self, session: Session, command: Command[Any, T]) -> T:
        """Ask for a command, looking things up in a session, then execute it there.

        :raises NotPermitted: the answer is no.
        """
        actor, permissions = self._actor, self._permissions
        if permissions is None:
            return session.execute(command, actor)
        clock = session.clock()  # read once; what is wrong with it is told when it is permitted
        ask = ask_of(command, actor, session.reader, lambda: clock)
        permit(permissions, ask)
        with session.stopped(clock):
            now = session.moment(command)
        return self._told(session, ask, partial(session.execute, command, actor, now))

    def _told(self, session: Session, ask: Ask, work: Callable[[], T]) -> T:
        """Do what was permitted in a session; tell only what is for who acts."""
        if self._permissions is None:
            return work()
        viewer = Viewer(self._permissions, ask)
        try:
            result = work()
        except FAILURES:
            raise
        except TimebankError as error:
            refusal = error
        else:
            # Where a permission fails now, what was done must not be kept.
            session.unfinished = UNDER_WAY
            seen = viewer.seen(result)
            session.unfinished = None
            return seen
        # Outside of the handler: the context of what is raised would tell what is left out.
        try:
            raise viewer.told(refusal, session.statute)
        finally:
            del refusal

    def _seen(self, result: T, reader: Reader, now: Now) -> T:
        """Return what was read without what is not for who acts."""
        if self._permissions is None:
            return result
        found = look_ups(lambda: nullcontext(reader), now)
        return Viewer(self._permissions, Ask(actor=self._actor, action="", **found)).seen(result)

    def _ask(self, ask: Ask, now: Now, look: OpenReader | None = None) -> None:
        """Ask; delegates are those of the call's instant.

        :raises NotPermitted: the answer is no.
        """
        if self._permissions is not None:
            permit(self._permissions, looking_up(ask, look or self._reader, now))


def looking_up(ask: Ask, look: OpenReader, now: Now) -> Ask:
    """Return a question by which things are looked up."""
    return attrs.evolve(ask, **look_ups(look, now))


def look_ups(look: OpenReader, now: Now) -> dict[str, Any]:
    """Return the fields of an `Ask` by which it looks things up, where it is asked to."""

    def delegates(account: str) -> frozenset[str]:
        with look() as reader:
            row = reader.account(account)
            if row is None:
                return frozenset()
            today = day_now(reader, now())
            return frozenset(one.delegate for one in active_delegates(reader, row, today=today))

    def kind(account: str) -> str | None:
        with look() as reader:
            row = reader.account(account)
        return None if row is None else row.kind

    def heir_of(account: str) -> str:
        with look() as reader:
            return heir(reader, account)

    return {"delegates": delegates, "kind": kind, "heir": heir_of}


def parties(look: OpenReader, id: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return who earns and who spends by a transfer or hold; nobody where there is none."""
    lines = _lines(look, id)
    return _side(lines, 1), _side(lines, -1)


def _lines(look: OpenReader, id: str) -> Lines:
    """Return the lines of a transfer or hold, without its fee; none where there is none."""
    with look() as reader:
        row = reader.find(id)
    return [] if row is None else sides_of(body_of(row)["effects"])[0]


def _side(lines: Lines, sign: int) -> tuple[str, ...]:
    return tuple(id for id, seconds in lines if seconds * sign > 0)


def ask_of(command: AnyCommand, actor: str | None, look: OpenReader, now: Now) -> Ask:
    """Return the question that asks for a command at an instant."""
    earners: tuple[str, ...] = ()
    spenders: tuple[str, ...] = ()
    if isinstance(command, Exchange):
        earners = tuple(id for id, _ in command.earners)
        spenders = tuple(id for id, _ in command.spenders)
    elif command.earlier_id is not None:
        earners, spenders = parties(look, command.earlier_id)
    return Ask(
        actor=actor,
        action=command.action,
        accounts=command.accounts,
        earners=earners,
        spenders=spenders,
        request=command.request,
        exceeds=_exceeds(command, look),
        **look_ups(look, now),
    )


def _exceeds(command: AnyCommand, look: OpenReader) -> bool:
    """Return true where a command goes beyond the usual: see `Ask.exceeds`."""
    request = command.request
    if isinstance(command, OpenAccount):
        return "floor" in request or "ceiling" in request
    if isinstance(command, Exchange):
        return "limits" in request
    if command.kind == "settle" and "hours" in request:
        held = sum(seconds for _, seconds in _proposed(look, request["hold"]) if seconds > 0)
        return bool(request["hours"] > held)
    return False


def _proposed(look: OpenReader, id: str) -> Lines:
    """Return the lines that a hold proposes; none where there is no such hold."""
    with look() as reader:
        row = reader.find(id)
    if row is None or row.kind != "hold":
        return []
    return sides_of(body_of(row)["effects"])[0]
