"""The checker of histories: good ones are never accused, and each break is found."""

from __future__ import annotations

import copy
from functools import partial
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from histories.breaking import WAYS, Broken, Way, told_values
from histories.simulated import MEMBERS, Simulated, simulated
from timebank.testing.history import KINDS, RecordedBank, check, history_of
from timebank.testing.history.evidence import WRITES


@given(st.integers(0, 2**32), st.integers(1, 40))
def test_a_good_history_is_not_accused(seed: int, steps: int) -> None:
    """Whatever is unknown, killed, refused, repeated or read late: nothing is found."""
    report = check(simulated(seed, steps).history)
    assert report.ok is True, str(report)
    assert () == report.losses


@given(st.integers(0, 2**32))
def test_a_loss_that_is_named_is_no_anomaly(seed: int) -> None:
    """Where it is declared that the end may be lost, what was named is told, and not held."""
    run = lossy(seed)
    report = check(run.history, may_lose=True)
    assert report.ok is True, str(report)
    assert all(loss.named_by for loss in report.losses if loss.call.do in WRITES)


def test_who_read_further_than_the_cut_is_not_accused() -> None:
    """A reader that goes on behind what is lost is given nothing, and no torn page."""
    run = Simulated(fates=("told",))
    reader = RecordedBank(run.bank, run.logs[0])
    for number in range(3):
        run.write(partial(_transfer, id=f"t{number}"), (f"t{number}",))
    run.logs[0].began, run.logs[0].ended = 2000, 2001
    run.after["p0"] = reader.read()
    run.lose(2)
    run.logs[0].began, run.logs[0].ended = 3000, 3001
    reader = RecordedBank(run.bank, run.logs[0])
    assert reader.read(after=run.after["p0"]) == run.after["p0"] - 2
    history = run.finish().history
    assert "torn_read" not in check(history, may_lose=True).kinds
    assert "torn_read" in check(history).kinds


def _transfer(bank: Any, *, id: str) -> object:
    return bank.transfer(id=id, earner=MEMBERS[0], spender=MEMBERS[1], hours="1m")


def lossy(seed: int, *, hear: bool = True) -> Simulated:
    """A run that lost its end, after which every process heard of it; nobody was killed."""
    run = Simulated(seed, processes=2, fates=("told", "told", "unknown", "unknown done", "failed"))
    for _ in range(18):
        run.step()
    run.lose(min(3, len(run.done)))
    for log in list(run.logs):
        if hear:
            run.hear(log)
        run.told.pop(log.process, None)
    for _ in range(18):
        run.step()
    return run.finish()


@given(st.integers(0, 2**32))
def test_each_value_that_is_told_counts(seed: int) -> None:
    """Whatever is changed in the answer of one call, sequence, hours, digest, status, is found."""
    lines = copy.deepcopy(run_of(seed % 5))
    chance = Random(seed)
    place = chance.choice([place for place in told_values(lines) if place.path not in HARMLESS])
    place.change()
    report = check(history_of(lines))
    assert report.ok is False, place


#: What can be changed in an answer and be true all the same.
HARMLESS = {
    # The bank says nothing of it that could be compared.
    ("find", "found", "repeated"),
    # Another call with the id may have done it: whether it was the first is then not known.
    *((do, "repeated") for do in ("transfer", "hold", "settle", "void", "reverse")),
    ("batch", "results", "repeated"),
    # What is read in the end is held for the truth: an audit looks into it.
    *(("journal", name) for name in ("kind", "recorded_at", "reserves", "expires_at", "digest")),
}


def test_a_loss_that_nobody_named_is_found() -> None:
    """The same runs, and nobody heard: each loss is an anomaly, and nothing else is."""
    kinds: set[str] = set()
    for seed in range(8):
        report = check(lossy(seed, hear=False).history, may_lose=True)
        kinds |= report.kinds.keys()
        told = [loss for loss in report.losses if loss.call.do in WRITES]
        assert bool(told) == (report.ok is False)
    assert {"unnamed_loss"} == kinds


def test_a_loss_that_is_not_declared_is_found() -> None:
    """Who promises to lose nothing is held to it, though somebody named it."""
    reports = [check(lossy(seed).history) for seed in range(8)]
    lossless = [check(lossy(seed).history, may_lose=True).losses == () for seed in range(8)]
    assert lossless == [report.ok is True for report in reports]
    assert not all(lossless)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_each_break_is_found(way: Way) -> None:
    """It is named as what it is, in each of two histories where it is possible."""
    done = 0
    for seed in range(200):
        lines = copy.deepcopy(run_of(seed))
        if not way(Broken(lines, Random(seed))):
            continue
        report = check(history_of(lines))
        assert report.ok is False
        assert report.kinds.keys() & set(WAYS[way]), str(report)
        done += 1
        if done == 2:
            return
    pytest.fail(f"only {done} histories can be broken so")


RUNS: dict[int, list[dict[str, Any]]] = {}


def run_of(seed: int) -> list[dict[str, Any]]:
    """The lines of a good history, made once."""
    if seed not in RUNS:
        RUNS[seed] = simulated(seed, 80).lines
    return RUNS[seed]


def test_every_kind_of_anomaly_is_broken() -> None:
    """There is a way to each kind; that of a loss is below."""
    found = {kind for kinds in WAYS.values() for kind in kinds}
    assert KINDS.keys() == found | {"unnamed_loss"}
