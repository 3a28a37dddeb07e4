"""The list of checks: each name is told by one of them, and a new one is a class and a line."""

from __future__ import annotations

import ast
import inspect
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

import timebank
from audit.forgeries import FORGERIES, Forgery, small
from audit.test_audit_exact import cut
from audit.test_audit_stretches import everything
from support import sources
from timebank import AUDIT_CHECKS, InvalidRequest, TimeBank
from timebank.audit import Check, Checkpoint, Finding, audit
from timebank.audit.audit_pass import AuditPass
from timebank.audit.base import AuditCheck, AuditContext, AuditedRecord, State
from timebank.audit.checks import CHECKS
from timebank.audit.findings import Findings
from timebank.audit.plain_runs import LEAST
from timebank.journal import canonical, parse
from timebank.storage import open_store
from timebank.storage.protocol import Reader, Store

# -- one file for each name ------------------------------------------------------------------


def file_of(check: type[AuditCheck]) -> Path:
    """Where a check stands."""
    return Path(inspect.getfile(check))


def test_each_name_is_declared_by_exactly_one_check() -> None:
    """And a check is a file of its own, with a key of its own."""
    declared = [promise.name for check in CHECKS for promise in check.promises]
    assert [check.name for check in AUDIT_CHECKS] == declared
    assert len(declared) == len(set(declared))
    assert len(CHECKS) == len({file_of(check) for check in CHECKS})
    assert len(CHECKS) == len({check.key for check in CHECKS})


def test_every_check_in_the_folder_is_in_the_list() -> None:
    """None is written and forgotten."""
    written = {
        node.name
        for path in file_of(AuditCheck).parent.glob("*.py")
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.ClassDef)
        and any(isinstance(base, ast.Name) and base.id == "AuditCheck" for base in node.bases)
    }
    assert {check.__name__ for check in CHECKS} == written


def told_in(path: Path) -> Iterator[str]:
    """The names that a file tells, where they are written down."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            first = node.args[0] if node.args else None
            if node.func.attr == "tell" and isinstance(first, ast.Constant):
                yield str(first.value)


def test_a_name_is_told_in_the_file_that_declares_it() -> None:
    """Who looks for a check by its name finds one file."""
    files = {file_of(check): {one.name for one in check.promises} for check in CHECKS}
    for path in file_of(AuditCheck).parent.glob("*.py"):
        assert set(told_in(path)) <= files.get(path, set()), path.name


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.key)
def test_a_name_that_is_not_declared_cannot_be_told(check: type[AuditCheck]) -> None:
    """A mistake of who writes a check is no finding about a bank."""
    context: Any = AuditContext(None, Findings(AUDIT_CHECKS))  # type: ignore[arg-type]  # not read
    with pytest.raises(RuntimeError, match=f"{check.__name__} tells 'other', which is none of"):
        check(context).tell("other", "record 1", expected="a", found="b")
    assert () == context.findings.all()


# -- states ----------------------------------------------------------------------------------


def stored(forgery: Forgery) -> Store:
    """A forged journal in a store."""
    store = open_store("memory:", create=True)
    store.make_bank("main", journal=forgery.records[0]["journal"])
    with store.writer("main") as writer:
        writer.append(forgery.batch())
    return store


def findings(reader: Reader, since: Checkpoint | None = None) -> tuple[Finding, ...]:
    """All that is found; progress is of no interest."""
    return audit(reader, since=since).findings


@pytest.mark.parametrize(
    ("forge", "checks"), FORGERIES, ids=lambda case: getattr(case, "__name__", "")
)
def test_from_a_state_in_json_the_same_is_found(
    forge: Callable[[Forgery], None], checks: set[str]
) -> None:
    """Wherever all was well so far, what comes behind is told in the same words."""
    forgery = small()
    forge(forgery)
    with stored(forgery).reader("main") as reader:
        full = findings(reader)
        assert checks <= {finding.check for finding in full}
        for number in range(1, len(forgery.records)):
            before = cut(forgery, number).audited()
            if before.checkpoint is not None and before.ok:
                known = Checkpoint.from_bytes(before.checkpoint.to_bytes())
                if known.head.digest == reader.records(after=number - 1, limit=1)[0].digest:
                    assert full == findings(reader, known), number


@pytest.mark.parametrize(
    "check", [check for check in CHECKS if check.state is not AuditCheck.state], ids=lambda c: c.key
)
def test_each_check_takes_its_own_state_back(check: type[AuditCheck]) -> None:
    """Of a bank with everything: through JSON, alone, it knows the same."""
    report = everything().audit()
    assert report.checkpoint is not None
    state = parse(canonical(report.checkpoint.state()))[check.key]
    assert state
    context: Any = AuditContext(None, Findings(AUDIT_CHECKS))  # type: ignore[arg-type]  # not read
    other = check(context)
    other.restore(json.loads(json.dumps(state)))
    assert state == parse(canonical(other.state()))


# -- a check more ----------------------------------------------------------------------------


class Generous(AuditCheck):
    """Made up for these tests: nobody gives more than three hours to others, ever."""

    key: ClassVar = "generous"
    promises: ClassVar = (Check("generous", "Nobody gives too much.", "Let them rest."),)
    kinds: ClassVar = frozenset({"transfer"})

    def __init__(self, context: AuditContext) -> None:
        super().__init__(context)
        self.given: dict[str, int] = {}
        self.seen: list[int] = []
        self.finished = 0

    def record(self, record: AuditedRecord) -> None:
        """Add up what was earned."""
        self.seen.append(record.sequence)
        assert record.derived is not None
        for account, seconds in record.request["earners"]:
            self.given[account] = self.given.get(account, 0) + seconds
            if self.given[account] > 3 * 3600:
                place, found = f"record {record.sequence}", f"{self.given[account]} seconds"
                self.tell("generous", place, expected="three hours at most", found=found)

    def finish(self) -> None:
        """Count the ends."""
        self.finished += 1

    def state(self) -> State:
        """What was given so far."""
        return {"given": self.given}

    def restore(self, state: State) -> None:
        """Go on from there."""
        self.given = dict(state["given"])


def more(since: Checkpoint | None, bank: TimeBank) -> tuple[Any, Generous]:
    """The report with the check more, and the check."""
    with bank.store.reader("main") as reader:
        going = AuditPass(reader, None, since=since, checks=(*CHECKS, Generous))
        report = going.run()
        (check,) = (check for check in going.checks if isinstance(check, Generous))
        return report, check


def test_a_check_more_is_a_class_and_a_line() -> None:
    """It gets the records of its kinds, tells findings, and a checkpoint has its state."""
    bank = timebank.open("memory:", **sources())
    for id in ("m1", "m2"):
        bank.open_account(id)
    bank.transfer(earner="m1", spender="m2", hours=2, id="t1")
    bank.reverse("t1", reason="r", hours="0:30")
    first, check = more(None, bank)
    assert (True, [3], 1) == (first.ok, check.seen, check.finished)
    assert first.checks[-1] == "generous"
    content = first.checkpoint.to_bytes()
    assert {"given": {"m1": 7200}} == parse(content.rstrip())["state"]["generous"]
    bank.transfer(earner="m1", spender="m2", hours=2)
    whole, _ = more(None, bank)
    since, check = more(Checkpoint.from_bytes(content), bank)
    assert whole.findings == since.findings
    assert [5] == check.seen
    (finding,) = whole.findings
    assert ("generous", "record 5", "14400 seconds") == (
        (finding.check, finding.place, finding.found)
    )
    assert finding.advice == "Let them rest."
    with pytest.raises(InvalidRequest, match="cannot be used"):
        bank.audit(since=Checkpoint.from_bytes(content))


class Failing(AuditCheck):
    """Made up for these tests: it cannot read what it needs."""

    key: ClassVar = "failing"
    promises: ClassVar = (Check("failing", "Nothing.", "None."),)

    def record(self, record: AuditedRecord) -> None:
        """Fail at each record."""
        raise KeyError(record.sequence)


def test_a_check_that_cannot_read_what_it_needs_stops_no_other() -> None:
    """Whether before or behind it; each record is one finding, however many fail."""
    forgery = small()
    forgery.records[-1]["request"]["reason"] = "0" * 64
    with stored(forgery).reader("main") as reader:
        whole = AuditPass(reader, None).run().findings
        failing = AuditPass(reader, None, checks=(CHECKS[0], Failing, *CHECKS[1:])).run().findings
        again = AuditPass(reader, None, checks=(*CHECKS, Failing)).run().findings
    assert whole
    unreadable = [one for one in failing if one.check == "file"]
    assert [one for one in failing if one.check != "file"] == list(whole)
    assert failing == again
    assert len(unreadable) == len({one.place for one in unreadable})


def test_a_check_that_knows_nothing_of_runs_gets_each_record() -> None:
    """It need not say that it is sure: then nothing goes by columns, and it misses nothing."""
    bank = timebank.open("memory:", **sources())
    for id in ("m1", "m2"):
        bank.open_account(id)
    for number in range(2 * LEAST):
        bank.transfer(earner="m1", spender="m2", hours="0:15", id=f"t{number}")
    _, check = more(None, bank)
    assert [*range(3, 3 + 2 * LEAST)] == check.seen


def test_each_check_that_sees_transfers_knows_of_runs() -> None:
    """One that does not makes every audit slow."""
    for check in CHECKS:
        sees = check.kinds is None or "transfer" in check.kinds
        if "row" in check.own or ("record" in check.own and sees):
            assert "is_sure" in check.own, check
