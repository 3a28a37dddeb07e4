"""Processes of banks that are killed as they stand, again and again, and begin anew."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Final
from uuid import uuid4

import attrs

import timebank
from federation.simulation.wires import Unreadable, Wire
from federation.simulation.worlds import key_of
from timebank import Rejected, Retryable, TimeBank, federation
from timebank.proof import SigningKey
from timebank.storage.protocol import Store
from timebank.testing.processes import Child

#: The longest that a process lives after it has begun.
LIFE_SECONDS: Final = 0.12
MEMBERS: Final = ("m0", "m1")


@attrs.frozen
class Server:
    """A bank at a URL, as a process has opened it."""

    bank: TimeBank
    journal: str

    @property
    def name(self) -> str:
        """Return what the store calls the bank."""
        return self.bank.name

    @property
    def store(self) -> Store:
        """Return its store."""
        return self.bank.store

    @property
    def key(self) -> SigningKey:
        """Return the key with which it signs."""
        return key_of(self.journal, 1)


@contextmanager
def opened(*places: tuple[str, str]) -> Iterator[list[Server]]:
    """Open banks, by URL and name, for the time of a block."""
    banks = [timebank.open(url, bank=name, create=False) for url, name in places]
    try:
        yield [Server(bank, bank.head().journal) for bank in banks]
    finally:
        for bank in banks:
            bank.close()


def make(*places: tuple[str, str]) -> None:
    """Make banks that agree with each other."""
    banks = [timebank.open(url, bank=name) for url, name in places]
    for bank in banks:
        for id in MEMBERS:
            bank.open_account(id)
        for other in banks:
            if other is not bank:
                key = key_of(other.head().journal, 1).public
                federation.agree(bank, other, they_may_owe=30, we_may_owe=30, key=key)
    for bank in banks:
        bank.close()


def under_kills(works: Sequence[Callable[[Child], None]], kills: int, chance: Random) -> None:
    """Do works in processes without an end, and end any of them so often, wherever it stands."""
    running = [Child(work) for work in works]
    try:
        for child in running:
            assert "ready" == child.hear()
        for _ in range(kills):
            time.sleep(chance.random() * LIFE_SECONDS / len(works))
            at = chance.randrange(len(works))
            running[at].kill()
            running[at] = Child(works[at])
            assert "ready" == running[at].hear()
    finally:
        for child in running:
            child.kill()


def crossing(url: str, names: tuple[str, str], seed: int) -> Callable[[Child], None]:
    """Return the work of a process that sends hours from one bank of a store to the other."""

    def work(child: Child) -> None:
        chance = Random(f"{seed} {time.monotonic_ns()}")
        with opened((url, names[0]), (url, names[1])) as (own, other):
            child.say("ready")
            while True:
                try:
                    federation.transfer(
                        own.bank,
                        other.bank,
                        spender=chance.choice(MEMBERS),
                        earner=chance.choice((*MEMBERS, "nobody")),
                        hours=chance.choice(("0:10", 1, 3)),
                    )
                    if chance.random() < 0.1:
                        federation.resume(own.bank, other.bank)
                except (Rejected, Retryable):
                    continue

    return work


class Post:
    """A folder for each bank, into which others put messages."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def send(self, journal: str, data: bytes) -> None:
        """Put a message into a bank's folder, whole or not at all."""
        box = self._folder / journal
        box.mkdir(exist_ok=True)
        new = self._folder / f"{uuid4().hex}.new"
        new.write_bytes(data)
        new.rename(box / uuid4().hex)

    def waiting(self, journal: str) -> list[Path]:
        """Return the files of a bank that nobody has taken away."""
        box = self._folder / journal
        return sorted(box.iterdir()) if box.is_dir() else []


def serving(
    place: tuple[str, str], peer: str, post: Post, wire: Wire, seed: int
) -> Callable[[Child], None]:
    """Return the work of a bank's process: it offers, answers and concludes, without an end."""

    def work(child: Child) -> None:
        chance = Random(f"{seed} {time.monotonic_ns()}")
        with opened(place) as (own,):
            child.say("ready")
            while True:
                _offer(own, peer, chance)
                for data in wire.offers(own, peer):
                    if chance.random() < 0.7:
                        post.send(peer, data)
                take(own, post, wire)

    return work


def _offer(own: Server, peer: str, chance: Random) -> None:
    try:
        federation.make_offer(
            own.bank,
            peer,
            spender=chance.choice(MEMBERS),
            earner=chance.choice((*MEMBERS, "nobody")),
            hours=chance.choice(("0:10", 1, 3)),
        )
    except (Rejected, Retryable):
        return


def take(own: Server, post: Post, wire: Wire) -> int:
    """Take what waits for a bank, and send what it says; return how many messages there were."""
    waiting = post.waiting(own.journal)
    for file in waiting:
        try:
            reply = wire.receive(own, file.read_bytes())
        except (Unreadable, FileNotFoundError, Retryable):
            continue  # another process of the bank has taken it, or it stays
        if reply is not None:
            post.send(*reply)
        file.unlink(missing_ok=True)
    return len(waiting)


def heal(servers: Sequence[Server], post: Post, wire: Wire) -> None:
    """Let all messages come, until nothing is under way."""
    for _ in range(20):
        for own in servers:
            for peer in servers:
                if peer is not own:
                    for data in wire.offers(own, peer.journal):
                        post.send(peer.journal, data)
        if not sum([take(own, post, wire) for own in servers]):
            return
    msg = "there is no end of messages"
    raise AssertionError(msg)
