"""Two banks with keys, each on a server of its own, that can be put back as they were."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import attrs

from support import BEGINNING
from timebank import TimeBank, federation
from timebank.federation import Message
from timebank.proof import SigningKey, origin_of
from timebank.storage.memory import MemoryStore
from timebank.storage.memory.rows import Rows

TERMS: dict[str, Any] = {"they_may_owe": 20, "we_may_owe": 20}


@attrs.define(eq=False)
class Side:
    """A bank, its key, and its clock."""

    name: str
    key: SigningKey
    store: MemoryStore
    now: datetime
    bank: TimeBank = attrs.field(init=False)
    numbers: Iterator[int] = attrs.field(factory=lambda: count(1))

    @property
    def journal(self) -> str:
        """Its journal."""
        return self.bank.head().journal

    def open(self) -> None:
        """Open the bank: a process has begun."""
        self.bank = TimeBank(
            self.store,
            bank=self.name,
            clock=self._tick,
            new_id=lambda: f"{self.name}-{next(self.numbers)}",
            new_salt=lambda: next(self.numbers).to_bytes(16, "big"),
        )

    def _tick(self) -> datetime:
        self.now += timedelta(minutes=1)
        return self.now

    def backup(self) -> Rows:
        """Its rows as they are now."""
        return self.store._banks[self.name].copied()

    def restore(self, rows: Rows) -> None:
        """Put a backup in its place, and open it anew."""
        self.store = MemoryStore()  # of a process that was told nothing
        self.store._banks[self.name] = rows.copied()
        self.open()

    def offers(self, other: Side, **more: Any) -> bytes:
        """An offer of one hour from its member to the other's; returns the message."""
        given = {"spender": "m1", "earner": "m1", "hours": 1, **more}
        return federation.offer(self.bank, other.journal, key=self.key, **given)

    def answers(self, data: bytes | str, **more: Any) -> bytes:
        """Its answer to a message."""
        return federation.answer(self.bank, data, key=self.key, **more)

    def concludes(self, data: bytes | str) -> Any:
        """What comes of an answer."""
        return federation.conclude(self.bank, data, keys=[self.key])

    def owed(self, other: Side) -> str:
        """The balance of its account for the other."""
        return str(self.bank.balance(f"peer:{other.journal}").posted)


def a_side(name: str, seed: int) -> Side:
    """A bank with a member, and a key that is the same at each run."""
    side = Side(name, SigningKey("x", "ed25519", bytes(32)), MemoryStore(), BEGINNING)
    side.open()
    side.bank.open_account("m1")
    side.key = SigningKey(origin_of(side.journal), "ed25519", bytes([seed] * 32))
    return side


def two_sides(**terms: Any) -> tuple[Side, Side]:
    """Two banks that have agreed with each other."""
    one, other = a_side("isola", 1), a_side("bovisa", 2)
    agree(one, other, **terms)
    agree(other, one, **terms)
    return one, other


def agree(one: Side, other: Side, **terms: Any) -> None:
    """Let a bank agree with another."""
    federation.agree(one.bank, other.journal, key=other.key.public, **TERMS | terms)


def exchange(one: Side, other: Side, **more: Any) -> str:
    """Let hours cross, and the answer come back; returns the id of the offer."""
    sent = one.offers(other, **more)
    one.concludes(other.answers(sent))
    id: str = Message.of(sent).body["id"]
    return id
