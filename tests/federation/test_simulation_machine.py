"""A state machine of two to three banks, of which Hypothesis chooses each act, and shrinks them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from federation.simulation import acts, judging
from federation.simulation.schedule import TROUBLES, Schedule
from federation.simulation.wires import Sealed, Signed
from support import examples

_ACTS = [*acts.ORDINARY, *acts.NETWORK, *acts.CLOCKS, *acts.BOARDS, *acts.RESTORES]


class Neighbourhood(RuleBasedStateMachine):
    """Each rule is one act of the simulation; what it concerns is drawn by a seed of its own."""

    @initialize(seed=st.integers(0, 2**20), is_signed=st.booleans())
    def begin(self, seed: int, is_signed: bool) -> None:
        """Begin with banks that agreed."""
        self.run = Schedule(seed, wire=Signed() if is_signed else Sealed(), troubles=TROUBLES)

    @rule(act=st.sampled_from(_ACTS), seed=st.integers(0, 2**20))
    def act(self, act: Any, seed: int) -> None:
        """Do one act."""
        if act in acts.RESTORES and not self.run.wire.is_signed:
            return
        self.run.chance.seed(seed)
        act(self.run)

    @precondition(lambda self: self.run.network.waiting)
    @rule(seed=st.integers(0, 2**20))
    def deliver(self, seed: int) -> None:
        """Let a message come."""
        self.run.chance.seed(seed)
        acts.deliver(self.run)

    @invariant()
    def nothing_is_wrong(self) -> None:
        """What the mirrors differ by is under way."""
        if hasattr(self, "run"):
            self.run.look()

    def teardown(self) -> None:
        """Heal, and judge."""
        if hasattr(self, "run"):
            self.run.heal()
            self.run.judge(judging.wrong_at_last)
            self.run.judge(judging.findings)


TestNeighbourhood = Neighbourhood.TestCase
TestNeighbourhood.settings = examples(40, steps=20)
