"""Whole neighbourhoods of banks: nothing is lost or doubled, whatever goes wrong.

There are ten thousand schedules here, of which every third goes without the mark `slow`, and a
million at night. Each has a seed that does it again.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federation.simulation import judging, wires
from federation.simulation.__main__ import run
from federation.simulation.schedule import TROUBLES, Schedule, WrongError
from federation.simulation.wires import Sealed, Server, Signed
from timebank.federation import booking
from timebank.journal.offers import answer_body
from timebank.rules.conclusions import BringIn

#: First seeds of schedules, and how many are run from each: bodies alone, and signed messages.
SEALED = range(0, 9_600, 240)
MESSAGES = range(20_000, 20_400, 20)
NIGHTLY_SEALED = range(1_000_000, 1_950_000, 5_000)
NIGHTLY_MESSAGES = range(2_000_000, 2_050_000, 500)
#: What a run of so many schedules meets at least, of each thousand.
MET = {"booked": 500, "refused": 500, "crashes": 300, "lost": 100, "doubled": 200, "replayed": 100}


def every_third(seeds: range) -> list[Any]:
    """Return first seeds as parameters, of which two in three are slow: together they take longest.

    What is wrong with a protocol is found by tens of schedules (`test_a_wrong_protocol_is_found`).
    """
    return [
        pytest.param(seed, marks=[pytest.mark.slow] if number % 3 else [])
        for number, seed in enumerate(seeds)
    ]


@pytest.mark.parametrize("first", every_third(SEALED))
def test_the_three_steps(first: int) -> None:
    """By bodies alone: crashes, clocks, boards, and a network that cannot be relied on."""
    figures, wrong = run(first, SEALED.step, "sealed")
    assert [] == wrong
    assert figures["schedules"] == SEALED.step
    assert {} == {what: figures[what] for what, n in MET.items() if figures[what] < n * 0.24 / 3}


@pytest.mark.parametrize("first", every_third(MESSAGES))
def test_messages(first: int) -> None:
    """By signed messages, with keys that change and servers that are restored from backups."""
    figures, wrong = run(first, MESSAGES.step, "signed", ["restores"])
    assert [] == wrong
    assert figures["schedules"] == MESSAGES.step


@pytest.mark.nightly
@pytest.mark.parametrize("first", NIGHTLY_SEALED)
def test_the_three_steps_at_night(first: int) -> None:
    """As above, and longer."""
    assert [] == run(first, NIGHTLY_SEALED.step, "sealed")[1]


@pytest.mark.nightly
@pytest.mark.parametrize("first", NIGHTLY_MESSAGES)
def test_messages_at_night(first: int) -> None:
    """As above, and longer."""
    troubles = ["restores"] if first % 1000 else []
    assert [] == run(first, NIGHTLY_MESSAGES.step, "signed", troubles)[1]


@pytest.mark.parametrize(
    "steps",
    [pytest.param(1_500, marks=pytest.mark.slow), pytest.param(9_000, marks=pytest.mark.nightly)],
)
def test_a_long_life(steps: int) -> None:
    """A hundred exchanges of five banks, and a thousand at night."""
    schedule = Schedule(5, wire=Sealed(), troubles=["network", "crashes"], size=(5, steps))
    figures = schedule.run()
    schedule.judge(judging.findings)
    schedule.judge(judging.findings_of_pairs)
    assert figures["exchanges"] > steps / 12
    assert figures["booked"] > 40


def test_a_seed_is_a_schedule() -> None:
    """The same number does the same again, to the last digest."""

    def heads(seed: int) -> list[Any]:
        schedule = Schedule(seed, troubles=TROUBLES)
        schedule.run()
        return [host.bank.head() for host in schedule.hosts]

    assert heads(7) == heads(7)
    assert heads(7) != heads(8)


# -- what would be found ---------------------------------------------------------------------------


class Deaf(Sealed):
    """A bank that has given up an offer hears no acceptance any more."""

    def receive(self, host: Server, data: bytes) -> tuple[str, bytes] | None:
        """Leave out what would be brought in."""
        given_up = booking.conclusion
        try:
            booking.conclusion = _without_late
            return super().receive(host, data)
        finally:
            booking.conclusion = given_up


_conclusion = booking.conclusion


def _without_late(reader: Any, signed: Any, *, seen: Any) -> Any:
    found = _conclusion(reader, signed, seen=seen)
    return {} if isinstance(found, BringIn) else found


class Hasty(Sealed):
    """A bank answers before it has committed, and ends in between now and then."""

    def receive(self, host: Server, data: bytes) -> tuple[str, bytes] | None:
        """Answer by what a preview says; every third time nothing more comes of it."""
        body = wires._unsealed(data)
        if body["kind"] != "offer" or body["to"] != host.journal or sha256(data).digest()[0] % 3:
            return super().receive(host, data)
        with host.bank.preview() as preview:
            record = booking.book(preview, {"body": body})
        return body["from"], wires._sealed(answer_body(record))


class Rounding(Sealed):
    """The earner's bank books whole hours."""

    def receive(self, host: Server, data: bytes) -> tuple[str, bytes] | None:
        """Round what comes."""
        body = wires._unsealed(data)
        if body["kind"] != "offer" or body["to"] != host.journal or "reverses" in body:
            return super().receive(host, data)
        rounded = body | {"seconds": -(-body["seconds"] // 3600) * 3600}
        answer = answer_body(booking.book(host.bank, {"body": rounded}))
        return body["from"], wires._sealed(answer | {"offer": {"body": body}})


@pytest.mark.parametrize("wire", [Deaf, Hasty, Rounding])
def test_a_wrong_protocol_is_found(wire: Callable[[], Sealed]) -> None:
    """Within a few hundred schedules."""
    found = 0
    for seed in range(400):
        try:
            Schedule(seed, wire=wire(), troubles=["network"]).run()
        except WrongError:
            found += 1
            if found == 3:
                return
    assert found == 3


@given(st.integers(0, 2**40), st.sets(st.sampled_from(TROUBLES)))
def test_any_schedule(seed: int, troubles: set[str]) -> None:
    """Hypothesis chooses which troubles there are at least, and all the rest is of the seed."""
    Schedule(seed, wire=Signed() if seed % 8 == 0 else Sealed(), troubles=troubles).run()
