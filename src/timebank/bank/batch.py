"""A batch, and a preview: calls that are kept together, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from timebank.bank.permitting import T, Work
from timebank.bank.reads import Reads
from timebank.bank.session import Session, Sources
from timebank.bank.writes import Writes
from timebank.errors import InvalidRequest
from timebank.permissions import Ask, Permissions
from timebank.rules.state import Command
from timebank.rules.state import actor as checked_actor
from timebank.storage.memory.overlay import Overlay
from timebank.storage.protocol import Reader


class BankBatch(Writes, Reads):
    """All of the calls on it, or none. Its reads see what was called on it so far.

    A refused call leaves it alive where the refusal is caught.
    """

    def __init__(
        self,
        session: Session,
        sources: Sources,
        actor: str | None,
        permissions: Permissions | None = None,
    ) -> None:
        self._session: Session | None = session
        self._sources = sources
        self._actor = actor
        self._permissions = permissions

    def acting_as(self, actor: str | None) -> BankBatch:
        """Return the same batch with an actor named in every record."""
        return BankBatch(self._open(), self._sources, checked_actor(actor), self._permissions)

    def _open(self) -> Session:
        if self._session is None:
            msg = "this batch or preview has ended"
            raise InvalidRequest(msg)
        return self._session

    def end(self) -> None:
        """Refuse every further call: the block was left."""
        self._session = None

    def _execute(self, command: Command[Any, T]) -> T:
        return self._execute_in(self._open(), command)

    def _execute_all(
        self, ask: Ask, work: Work[T], before: Callable[[Reader], None] | None = None
    ) -> T:
        """Try it on an overlay first: a refusal half way would leave half of it in the batch."""
        session = self._open()
        self._ask(ask)
        session.flush()
        now = session.now()
        trial = Session(Overlay(session.writer), self._sources)
        with trial.stopped(now):
            work(trial, self._actor)
        with session.stopped(now):
            return work(session, self._actor)

    def _reader(self) -> AbstractContextManager[Reader]:
        return self._open().reader()
