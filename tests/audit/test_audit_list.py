"""The audit is a list of checks: each has a file, names and a state, and one more is a line."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest

import timebank
from support import Clock, doors, fill, fill_with_members, fill_with_rules
from timebank import AUDIT_CHECKS, TimeBank
from timebank.audit import Checkpoint
from timebank.audit.audit_pass import AuditPass
from timebank.audit.base import AuditCheck, AuditedRecord, State
from timebank.audit.checks import CHECKS
from timebank.audit.findings import RESTORE, Check


def history(bank: TimeBank, clock: Clock, parts: int) -> None:
    """So many parts of a neighbourhood with every kind of record."""
    steps: list[Callable[[], object]] = [
        lambda: fill(bank),
        lambda: fill_with_rules(bank),
        lambda: fill_with_members(bank, clock),
    ]
    for step in steps[:parts]:
        step()


def test_each_name_is_declared_by_one_check_in_one_file() -> None:
    """Who asks which file a check is finds one class with the name, alone in its file."""
    declared = [promise.name for check in CHECKS for promise in check.promises]
    assert declared == [check.name for check in AUDIT_CHECKS]
    assert len(set(declared)) == len(declared)
    files = [Path(inspect.getfile(check)) for check in CHECKS]
    assert len(set(files)) == len(files)
    keys = [check.key for check in CHECKS]
    assert len(set(keys)) == len(keys)


def test_a_check_tells_no_name_but_its_own() -> None:
    """A finding under another's name is a mistake in the audit, and says so."""

    class Talkative(AuditCheck):
        key: ClassVar = "talkative"
        promises: ClassVar = (Check("talkative", "It tells only its own name.", RESTORE),)

        def record(self, record: AuditedRecord) -> None:
            self.tell("chain", "record 1", expected="a", found="b")

    bank = timebank.open("memory:", **doors())
    bank.open_account("m1")
    with (
        bank.store.reader("main") as reader,
        pytest.raises(RuntimeError, match="'chain', which is none of its promises"),
    ):
        AuditPass(reader, None, checks=(*CHECKS, Talkative)).run()


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.key)
def test_a_state_goes_through_json_into_another_check(check: type[AuditCheck]) -> None:
    """What one of the check is told, after a part of a history, another one knows."""
    for parts in (1, 2, 3):
        clock = Clock()
        bank = timebank.open("memory:", **doors(clock))
        history(bank, clock, parts)
        with bank.store.reader("main") as reader:
            audit, other = AuditPass(reader, None), AuditPass(reader, None)
            assert audit.run().ok
            state = audit._context.check(check).state()
            known: Any = other._context.check(check)
            known.restore(json.loads(json.dumps(state)))
            assert state == known.state()


class Kinds(AuditCheck):
    """A check of somebody else's: it counts the records of two kinds."""

    key: ClassVar = "kinds"
    promises: ClassVar = (Check("kinds", "No bank freezes twice.", RESTORE),)
    kinds: ClassVar = frozenset({"freeze", "thaw"})

    def __init__(self, context: Any) -> None:
        super().__init__(context)
        self.seen: list[str] = []

    def record(self, record: AuditedRecord) -> None:
        """Note the kind."""
        self.seen.append(record.kind)

    def finish(self) -> None:
        """Tell what was seen too often."""
        if self.seen.count("freeze") > 1:
            found = f"{self.seen.count('freeze')} times"
            self.tell("kinds", "journal", expected="once at most", found=found)

    def state(self) -> State:
        """The kinds that were seen."""
        return {"seen": self.seen}

    def restore(self, state: State) -> None:
        """Go on from them."""
        self.seen = list(state["seen"])


def test_one_more_check_is_one_line() -> None:
    """It gets the records of its kinds, and its state goes through a checkpoint."""
    checks = (*CHECKS, Kinds)
    bank = timebank.open("memory:", **doors())
    bank.open_account("m1")
    bank.freeze("m1")
    with bank.store.reader("main") as reader:
        first = AuditPass(reader, None, checks=checks).run()
    assert ("kinds", ()) == (first.checks[-1], first.findings)
    assert first.checkpoint is not None
    kept = Checkpoint.from_bytes(first.checkpoint.to_bytes())
    bank.thaw("m1")
    bank.freeze("m1")
    with bank.store.reader("main") as reader:
        then = AuditPass(reader, None, since=kept, checks=checks).run()
    assert [("kinds", "2 times")] == [(one.check, one.found) for one in then.findings]
