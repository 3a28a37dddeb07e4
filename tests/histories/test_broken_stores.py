"""Stores that tell what is not so are found by the checker, while a sound one is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from storage.broken_histories import BROKEN
from storage.broken_stores import Wrapped
from timebank import TimeBank
from timebank.storage.memory import MemoryStore
from timebank.testing.fixtures import sources
from timebank.testing.history import (
    Place,
    Plan,
    RecordedBank,
    Recorder,
    Report,
    check,
    read_log,
    run_in_threads,
)


def run(folder: Path, store: Any, *, writers: int = 2) -> Report:
    """A run on a store."""
    plan = Plan(accounts=4, tries=3, pause=0.0)
    store.make_bank("main", journal="j1")
    place = Place(lambda name: TimeBank(store, bank=name, create=False))
    return run_in_threads(folder, place, plan, calls=70, writers=writers)


def test_a_sound_store_is_not_accused(tmp_path: Path) -> None:
    """What the broken stores are made of keeps every promise."""
    report = run(tmp_path, Wrapped(MemoryStore()))
    assert report.ok is True, str(report)


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.__name__)
def test_a_broken_store_is_found(broken: Callable[[Any], Any], tmp_path: Path) -> None:
    """It is named as what it is, and the calls that show it are there."""
    report = run(tmp_path, broken(MemoryStore()))
    assert report.ok is False
    kinds = BROKEN[broken]  # type: ignore[index]  # a class is a callable here
    found = [anomaly for anomaly in report.anomalies if anomaly.kind in kinds]
    assert found, str(report)
    assert all(anomaly.calls for anomaly in found)
    assert kinds[0] in str(report)


def test_a_long_fork_is_found(tmp_path: Path) -> None:
    """Two nodes go on by themselves from one state, and each tells its clients well."""
    logs = {}
    for node in ("n1", "n2"):
        bank = TimeBank(MemoryStore(), **sources())
        bank.open_account("m1")
        bank.open_account("m2")
        log = Recorder(tmp_path / f"{node}.jsonl")
        logs[node] = RecordedBank(bank, log, node=node)
    logs["n1"].begin()
    for node, recorded in logs.items():
        recorded.transfer(id=f"t-{node}", earner="m1", spender="m2", hours="0:10")
    for recorded in [*logs.values(), *logs.values()]:
        recorded.read()
    for recorded in logs.values():
        recorded.journal()
        recorded.log.close()
    report = check(read_log(tmp_path))
    assert report.ok is False
    assert "fork" in report.kinds, str(report)
    nodes = {call.node for anomaly in report.anomalies for call in anomaly.calls}
    assert {"n1", "n2"} == nodes
