"""Banks, honest and not, and witnesses, in any order: what is cosigned is one past, always.

A bank grows, rewrites a record of its past, or is cut; it asks a witness from the size that it
believes; it publishes what came back. A model knows which past each witness has seen.
"""

from __future__ import annotations

import itertools
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import event
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from proof.histories import KEY, PUBLIC, bank_of, head_of, is_perfect
from support import examples
from timebank.proof import (
    Evidence,
    Forked,
    NotProved,
    OtherSize,
    Policy,
    SignedHead,
    SigningKey,
    Witness,
    continuation,
    publish,
)

NAMES = ("anna", "bruno")
KEYS = {
    name: SigningKey(name=name, kind="cosignature", seed=bytes([n]) * 32)
    for n, name in enumerate(NAMES, 1)
}
BOARD = "\n".join(
    [
        f"log {PUBLIC}",
        *(f"witness {name} {key.public}" for name, key in KEYS.items()),
        "group both all anna bruno",
        "quorum both\n",
    ]
)


class Neighbours(RuleBasedStateMachine):
    """One journal with several pasts, of which each witness goes on with one."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(os, "fsync", lambda _: None)  # whether the disk is reached is no matter
        self.folder = tempfile.TemporaryDirectory()
        self.numbers = itertools.count(1)
        seconds = itertools.count(1_800_000_000)
        self.pasts: list[list[str]] = [["m0"]]
        self.witnesses: dict[str, Witness] = {}
        self.seen: dict[str, list[str] | None] = dict.fromkeys(NAMES)
        self.cosigned: dict[str, list[list[str]]] = {name: [] for name in NAMES}
        self.heads: list[SignedHead] = []
        self.published: list[str] | None = None
        self.place = Path(self.folder.name, "published")
        for name, key in KEYS.items():
            made = Witness(Path(self.folder.name, name), clock=lambda: next(seconds))
            made.trust(PUBLIC)
            key.write(made.folder / "key")
            self.witnesses[name] = made

    def teardown(self) -> None:
        """Take the folder away."""
        self.patch.undo()
        self.folder.cleanup()

    def past(self, number: int) -> list[str]:
        """One of the pasts."""
        return self.pasts[number % len(self.pasts)]

    # -- what banks do -------------------------------------------------------------------

    @rule(number=st.integers(0, 9), count=st.integers(1, 5))
    def grow(self, number: int, count: int) -> None:
        """Records are added to a past."""
        self.past(number).extend(f"m{next(self.numbers)}" for _ in range(count))

    @precondition(lambda self: len(self.pasts) < 5)
    @rule(number=st.integers(0, 9), at=st.integers(0, 99), is_cut=st.booleans())
    def rewrite(self, number: int, at: int, is_cut: bool) -> None:
        """The past is copied, and a record in it changed, or it ends there."""
        past = self.past(number)
        at %= len(past)
        rest = [] if is_cut else past[at + 1 :]
        self.pasts.append([*past[:at], f"m{next(self.numbers)}", *rest])

    # -- what witnesses answer -----------------------------------------------------------

    @rule(
        name=st.sampled_from(NAMES),
        number=st.integers(0, 9),
        guess=st.none() | st.integers(0, 40),
    )
    def ask(self, name: str, number: int, guess: int | None) -> None:
        """From the size that it saw last, or any other."""
        past, seen, witness = self.past(number), self.seen[name], self.witnesses[name]
        last = 0 if seen is None else len(seen)
        old = last if guess is None else guess
        if old > len(past):
            return
        asked = continuation(bank_of(past), old, KEY)
        told: object
        try:
            told = witness.add(asked)
        except NotProved as error:
            told = error
        known = next((one for one in self.cosigned[name] if len(one) == len(past)), past)
        if known != past:
            self.is_fork(told)
        elif old != last:
            assert type(told) is OtherSize
            assert told.size == last
        elif past[:last] != (seen or []):
            assert is_perfect(last) == (type(told) is NotProved)
            if not is_perfect(last):
                self.is_fork(told)
        else:
            assert not isinstance(told, NotProved)
            event("cosigned")
            self.seen[name] = list(past)
            if past not in self.cosigned[name]:
                self.cosigned[name].append(list(past))
            stored = witness.seen(KEY.name)
            assert stored is not None
            self.heads.append(stored)

    def is_fork(self, told: object) -> None:
        """A fork was found, and the evidence holds."""
        event("forked")
        assert isinstance(told, Forked)
        evidence = Evidence.of(told.evidence or "")
        assert evidence.is_signed
        evidence.checked([PUBLIC])

    # -- what a board publishes ----------------------------------------------------------

    @rule(number=st.integers(0, 9), count=st.integers(0, 3))
    def go_the_whole_way(self, number: int, count: int) -> None:
        """A bank grows, asks both neighbours, and publishes what they cosigned last."""
        self.grow(number, max(count, 1))
        for name in NAMES[:count]:
            self.ask(name, number, None)
        if len(self.heads) > 1:
            self.publish(number, -1, -2)

    @precondition(lambda self: self.heads)
    @rule(number=st.integers(0, 9), first=st.integers(0, 99), second=st.integers(0, 99))
    def publish(self, number: int, first: int, second: int) -> None:
        """Only what both neighbours cosigned, of this journal, and longer than before."""
        past = self.past(number)
        one, other = (self.heads[n % len(self.heads)] for n in (first, second))
        bank = bank_of(past)
        signers = {sig.name for head in (one, other) for sig in head.note.signatures}
        if self.place.exists() and SignedHead.read(self.place).checkpoint == one.checkpoint:
            signers |= set(NAMES)  # they stay, where they are
        is_same = one.checkpoint == other.checkpoint
        is_there = one.checkpoint.size <= len(past) and (
            head_of(past[: one.checkpoint.size]).checkpoint == one.checkpoint
        )
        before = self.published
        continues = before is None or past[: len(before)] == before[: len(past)]
        is_longer = before is None or one.checkpoint.size >= len(before)
        goes = is_same and signers >= set(NAMES) and is_there and continues and is_longer
        goes = goes and (before is None or len(before) <= len(past))
        kept = self.place.read_bytes() if self.place.exists() else None
        signatures = other.note.signatures
        try:
            publish(bank, self.place, one, signatures, policy=Policy.of(BOARD))
        except NotProved:
            assert not goes
            assert kept == (self.place.read_bytes() if self.place.exists() else None)
        else:
            assert goes
            event("published")
            self.published = past[: one.checkpoint.size]

    # -- what always holds ---------------------------------------------------------------

    @invariant()
    def each_witness_has_one_past(self) -> None:
        """What it keeps is what it cosigned, and all of it is of the past that it saw last."""
        for name, witness in self.witnesses.items():
            heads = [one.checkpoint for one in witness.heads(KEY.name)]
            assert heads == [
                head_of(past).checkpoint for past in sorted(self.cosigned[name], key=len)
            ]
            assert all(past == (self.seen[name] or [])[: len(past)] for past in self.cosigned[name])

    @invariant()
    def what_is_published_was_cosigned(self) -> None:
        """By both, in the one file."""
        if self.published is not None:
            head = SignedHead.read(self.place)
            assert head.checkpoint == head_of(self.published).checkpoint
            assert len(head.checked((), policy=Policy.of(BOARD)).cosigners) == 2


TestNeighbours = Neighbours.TestCase
TestNeighbours.settings = examples(20, steps=30)
