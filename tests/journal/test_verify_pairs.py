"""Journals of two banks, each held against the other by both verifiers."""

from __future__ import annotations

import sys
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import pytest

from federation.simulation.schedule import Schedule
from federation.simulation.wires import Sealed, Signed
from golden import make
from journal.changed import (
    Place,
    changes,
    forged,
    is_same,
    is_told_by_both,
    rechained,
    records_of,
)
from timebank import TimeBank
from timebank.interchange.jsonl import export_jsonl
from timebank.model.agreements import shared_id
from verifiers import PYTHON_SOURCE, VERIFIERS, node, python, run, verdicts

pytestmark = pytest.mark.skipif(
    find_spec("cryptography") is None, reason="signatures need cryptography: timebank[proof]"
)

#: A golden journal → that of the other bank.
OTHER: Final = {
    "store-isola": "store-bovisa",
    "store-bovisa": "store-isola",
    "server-affori": "server-greco",
    "server-greco": "server-affori",
}
#: So many other values are tried at a place of a kind of record.
MOST: Final = 2


def slow_in(names: list[str]) -> list[Any]:
    """Names of journals, of which those of one store are looked at by night."""
    return [
        pytest.param(name, marks=pytest.mark.slow) if name.startswith("store") else name
        for name in names
    ]


@pytest.fixture(scope="module", params=slow_in([*OTHER]))
def kept(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A journal with what it keeps of the other changed, in a few ways each; and the other one."""
    journal: str = request.param
    folder, made = tmp_path_factory.mktemp(journal), list[Path]()
    records, seen = records_of(journal), Counter[Place]()
    for sequence, record in enumerate(records, start=1):
        for place, value in changes(record):
            kind = (record["kind"], *(step for step in place if isinstance(step, str)))
            seen[kind] += 1
            if not place or not is_told_by_both(record["kind"], place) or seen[kind] > MOST:
                continue
            if not is_same(record, place, value):
                made.append(folder / f"{len(made):03}-{sequence}-{'.'.join(map(str, place))}")
                made[-1].write_bytes(rechained(forged(records, sequence, place, value)))
    return [*made, make.path_of(OTHER[journal])]


def test_what_one_journal_cannot_tell_two_do(kept: list[Path]) -> None:
    """All that a bank keeps of the other is that bank's word; both verifiers tell the same record.

    The copies are all of one bank: each is compared with the other bank, and with no other copy.
    """
    *copies, other = kept
    told = [run(command, kept) for command in (python(), node())]
    first, second = map(verdicts, told)
    assert first == second
    refused = {name.partition(" and ")[0]: rule for name, (_, rule) in first.items()}
    assert {*map(str, copies)} == refused.keys()
    rules = {rule for name, (_, rule) in first.items() if name.endswith(f" and {other}")}
    assert {"answers", "heads", "keys", "offers", "signatures"} >= rules
    assert rules


@pytest.mark.parametrize("verifier", VERIFIERS)
@pytest.mark.parametrize("journal", OTHER)
def test_an_older_export_contradicts_nothing(verifier: str, journal: str, tmp_path: Path) -> None:
    """What the other bank did since is under way; the mirrors differ by just that, to the second.

    So of every export that a bank ever was to make, beside the last one of the other bank.
    """
    records, other = records_of(journal), make.path_of(OTHER[journal])
    exports = [tmp_path / f"{count:03}" for count in range(1, len(records) + 1)]
    for count, path in enumerate(exports, start=1):
        path.write_bytes(rechained(records[:count]))
    code, told, refused = run(VERIFIERS[verifier](), [*exports, other])
    assert (0, "") == (code, refused)
    pairs = [pair.splitlines() for pair in told.split("\n\n") if f" and {other}:" in pair]
    assert len(pairs) == len(exports)
    alone = [line for pair in pairs for line in pair if line.startswith("booked by ")]
    assert len(alone) > len(records)


@pytest.mark.parametrize("verifier", VERIFIERS)
def test_what_was_never_offered_is_told(verifier: str, tmp_path: Path) -> None:
    """A bank answers an offer that it made up, or another one; its own journal keeps every rule."""
    records = records_of("store-bovisa")
    honest, last = next(one for one in records if one["kind"] == "refuse"), records[-1]
    body, told = honest["request"]["offer"]["body"], {}
    at_the_end = {name: last[name] for name in ("recorded_at", "recorded_on")}
    at_the_end |= {"sequence": len(records) + 1, "effects": {"terms": [50 * 3_600, None]}}
    for rule, other, place in (
        ("offers", {"id": "x"}, at_the_end),
        ("answers", {"seconds": 1}, {}),
    ):
        offer = {"body": {**body, **other}}
        id = shared_id(body["from"], offer["body"]["id"])
        made_up = {**honest, **place, "request": {**honest["request"], "offer": offer, "id": id}}
        told[tmp_path / rule] = rule
        before = records[: made_up["sequence"] - 1]
        (tmp_path / rule).write_bytes(rechained([*before, made_up]))
    isola = make.path_of("store-isola")
    found = verdicts(run(VERIFIERS[verifier](), [*told, isola]))
    assert {f"{path} and {isola}": rule for path, rule in told.items()} == {
        name: rule for name, (_, rule) in found.items()
    }


def compare_neighbourhoods(seeds: range, folder: Path) -> Counter[str]:
    """Banks to which everything happened, by a seed; what both verifiers say of their journals.

    Each bank was healed, so that nothing is booked by one of two alone.
    """
    found: Counter[str] = Counter()
    for seed in seeds:
        schedule = Schedule(seed, wire=(Sealed, Signed)[seed % 2]())
        schedule.run()
        paths = [folder / f"{seed}-{host.name}" for host in schedule.hosts]
        for path, host in zip(paths, schedule.hosts, strict=True):
            bank = TimeBank(host.memory, bank=host.name, create=False)
            path.write_bytes(b"".join(export_jsonl(bank)))
        first, second = (run(command, paths) for command in (python(), node()))
        assert first == second, seed
        code, told, refused = first
        assert (0, "") == (code, refused), seed
        assert "\nbooked by " not in told, seed
        found["pairs"] += told.count("\nsignatures\t")
    return found


@pytest.mark.parametrize(
    "seeds",
    [
        pytest.param(range(4), id="a few"),
        pytest.param(range(1_000, 1_100), marks=pytest.mark.slow, id="a hundred"),
        pytest.param(range(2_000, 4_000), marks=pytest.mark.nightly, id="two thousand"),
    ],
)
def test_whatever_happened_both_journals_agree(seeds: range, tmp_path: Path) -> None:
    """Messages lost and doubled, servers that crash, copies put back, clocks apart by days."""
    found = compare_neighbourhoods(seeds, tmp_path)
    assert found["pairs"] >= len(seeds)


@pytest.mark.parametrize("verifier", VERIFIERS)
def test_banks_that_never_agreed_are_not_compared(verifier: str) -> None:
    """Nor two copies of one journal, nor with `--alone`."""
    paths = [make.path_of(name) for name in ("accounts", "store-isola", "server-greco")]
    command = VERIFIERS[verifier]()
    assert " and " not in run(command, [*paths, paths[1]])[1]
    both = [make.path_of(name) for name in ("store-isola", "store-bovisa")]
    assert " and " in run(command, both)[1]
    assert " and " not in run([*command, "--alone"], both)[1]


def test_without_the_package_signatures_are_not_checked() -> None:
    """And that is said; all else is compared."""
    alone = [sys.executable, "-I", "-S", "-X", "utf8", str(PYTHON_SOURCE)]
    both = [make.path_of(name) for name in ("server-affori", "server-greco")]
    code, told, refused = run(alone, both)
    checked = run(python(), both)[1]
    (line,) = (line for line in checked.splitlines() if line.startswith("signatures\t"))
    assert (0, checked.replace(line, f"{line}\tnot checked"), "") == (code, told, refused)
