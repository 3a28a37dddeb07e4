"""What a false clock charged and nobody took back is charged once; a restart is of its own day."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest

from audit.forgeries import Forgery, found
from journal.changed import JSON, rechained, records_of
from verifiers import VERIFIERS, run

#: Of `clocks.jsonl`: m2 was charged for the third quarter by a clock that was ahead, in record 20;
#: m3 is charged for it in record 37, when it has come.
FALSE, TRUE = 20, 37
#: Of `clocks.jsonl`: the restart of a clock that was half a year ahead.
RESTART = 21


@pytest.fixture
def records() -> list[JSON]:
    """The journal up to the charge of m3, and the same charge of m2, as the second one."""
    made = records_of("clocks")[:TRUE]
    assert "due:dues:2026-Q3:m2" == made[FALSE - 1]["request"]["id"]
    again = copy.deepcopy(made[-1])
    again["sequence"] += 1
    again["request"] |= {"account": "m2", "id": "due:dues:2026-Q3:m2~2"}
    again["effects"]["postings"][1][0] = "m2"
    return [*made, again]


def test_the_audit_finds_a_second_charge(records: list[JSON]) -> None:
    """The first one was never reversed."""
    assert {"effects"} == found(Forgery(records, []).audited()) - {"texts"}
    assert set() == found(Forgery(records[:-1], []).audited()) - {"texts"}


@pytest.mark.parametrize("verifier", VERIFIERS)
def test_a_verifier_refuses_it(verifier: str, records: list[JSON], tmp_path: Path) -> None:
    """At its line."""
    (tmp_path / "export.jsonl").write_bytes(rechained(records))
    code, printed, errors = run(VERIFIERS[verifier](), [tmp_path / "export.jsonl"])
    assert (1, "") == (code, printed)
    assert errors.startswith(f"line {TRUE + 1}: dues: ")


@pytest.fixture
def kept() -> list[JSON]:
    """The journal up to a restart, which keeps the day of the clock that was ahead."""
    made = records_of("clocks")[:RESTART]
    last = made[-1]
    assert "restart_clock" == last["kind"]
    last["recorded_on"] = last["request"]["today"] = made[-2]["recorded_on"]
    return made


@pytest.mark.parametrize("verifier", VERIFIERS)
def test_a_verifier_refuses_a_restart_by_the_false_clock(
    verifier: str, kept: list[JSON], tmp_path: Path
) -> None:
    """Its day is that of its instant; the audit's forgery is one of F28."""
    (tmp_path / "export.jsonl").write_bytes(rechained(kept))
    code, printed, errors = run(VERIFIERS[verifier](), [tmp_path / "export.jsonl"])
    assert (1, "") == (code, printed)
    assert errors.startswith(f"line {RESTART}: recorded_on: ")
