"""A server of one bank: it crashes at any call of its store, has a clock, and backups."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import count
from typing import Any, Final, TypeVar

from federation.simulation.worlds import key_of
from timebank import OutcomeUnknown, TimeBank, Unavailable
from timebank.proof import SigningKey
from timebank.storage.memory import MemoryStore
from timebank.storage.memory.rows import Rows
from timebank.testing.steps import SteppingStore

Result = TypeVar("Result")
#: What ends a call at a step: the server itself, its storage, or the news of a commit.
FATES: Final = ("crash", "crash", "crash", "unavailable", "unknown")


class Crashed(BaseException):
    """The server ends in the middle of a call; what was not committed is gone."""


class Fault:
    """What comes at the n-th step of a store from now on."""

    def __init__(self) -> None:
        self.left = 0
        self.fate = ""
        #: Where one came, for the figures.
        self.met: Counter[str] = Counter()

    def __call__(self, step: str) -> None:
        """Count a step."""
        if not self.left:
            return
        self.left -= 1
        if self.left:
            return
        if self.fate == "crash":
            self.met[f"crash {step}"] += 1
            raise Crashed
        if self.fate == "unavailable" and not step.startswith("after writing"):
            self.met[f"unavailable {step}"] += 1
            msg = "the storage is away"
            raise Unavailable(msg)
        if self.fate == "unknown" and step in {"ending writing", "after writing"}:
            self.met[f"unknown {step}"] += 1
            raise OutcomeUnknown(id=None)
        self.left = 1  # the next step that it may come at


class Host:
    """A server of one bank."""

    def __init__(self, name: str, rows: Rows, *, now: Callable[[], datetime]) -> None:
        self.name, self._world_now = name, now
        self.offset = timedelta()
        self.memory = MemoryStore()
        self.memory._banks[name] = rows
        self.journal = rows.journal
        self.keys = 1
        self.fault = Fault()
        self._ids, self._salts = count(1), count(1)
        self.backups: list[Rows] = []
        self.crashes = self.restored = 0
        self.bank = self._started()

    @property
    def store(self) -> MemoryStore:
        """Return what it keeps its bank in, where nothing fails."""
        return self.memory

    @property
    def key(self) -> SigningKey:
        """Return the key with which it signs now."""
        return key_of(self.journal, self.keys)

    def now(self) -> datetime:
        """Return what its clock says."""
        return self._world_now() + self.offset

    def new_id(self) -> str:
        """Return an id that no other call of any server gets."""
        return f"{self.name}-{next(self._ids)}"

    def _started(self) -> TimeBank:
        return TimeBank(
            SteppingStore(self.memory, self.fault),
            bank=self.name,
            create=False,
            clock=self.now,
            new_id=self.new_id,
            new_salt=lambda: next(self._salts).to_bytes(16, "big"),
        )

    def call(self, work: Callable[[TimeBank], Result]) -> Result | None:
        """Do work; `None` where the server crashed in it, and began anew."""
        try:
            return work(self.bank)
        except Crashed:
            self.crashes += 1
            self.bank = self._started()
            return None

    @contextmanager
    def soon(self, left: int, fate: str) -> Any:
        """Let a fault come at a step within a block."""
        self.fault.left, self.fault.fate = left, fate
        try:
            yield
        finally:
            self.fault.left = 0

    def back_up(self) -> None:
        """Keep its journal as it is now."""
        self.backups.append(self.memory._banks[self.name])

    def restore(self, backup: Rows) -> None:
        """Go on from a backup, as a server does that lost its disk."""
        self.memory._banks[self.name] = backup.copied()
        self.restored += 1
        self.bank = self._started()
