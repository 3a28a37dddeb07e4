"""An interrupt at every line of a call, on every store: nothing is left half way, and nobody waits.

What must hold afterwards is in `interrupts.py`, class `Trial`.
"""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import timebank
from bank.interrupts import (
    GROUNDS,
    OPERATIONS,
    Choice,
    Ground,
    GroupTrial,
    Trial,
    by_lines,
    by_monitoring,
    by_opcodes,
    each_instruction,
    each_line,
    each_line_that_keeps,
    every_event,
    one_in,
)
from servers import SERVERS

#: An interrupt may leave a connection to the garbage collector, which closes it.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")

SHARED = ("memory", "file")
ALONE = (*SHARED, "private", "joined")
#: What threads share commits of.
IN_GROUPS = ("transfer", "hold", "settle")
SOME = ("transfer", "hold", "settle", "batch", "batch-caught")
ON_ALL = [
    pytest.param(ground, operation, id=f"{ground}-{operation}")
    for ground in ALONE
    for operation in OPERATIONS
    if (ground, operation) != ("joined", "close")  # a host closes its connection itself
]
#: By day those that write, read and close; the others at night.
BY_DAY = ("transfer", "batch", "batch-caught", "statement", "close")
#: What is kept is tried of all operations in memory, and of some elsewhere.
KEPT_ON_ALL = [
    pytest.param(
        *one.values,
        id=one.id,
        marks=[] if one.values[0] == "memory" or one.values[1] in BY_DAY else pytest.mark.nightly,
    )
    for one in ON_ALL
]
ON_SERVERS = [
    pytest.param(
        server,
        operation,
        id=f"{server}-{operation}",
        marks=[pytest.mark.servers, *([] if operation in BY_DAY else [pytest.mark.nightly])],
    )
    for server in SERVERS
    for operation in OPERATIONS
]
GROUPS = [
    pytest.param(ground, operation, role == "leader", id=f"{ground}-{operation}-{role}")
    for ground in SHARED
    for operation in IN_GROUPS
    for role in ("leader", "follower")
]
GROUPS_ON_SERVERS = [
    pytest.param(
        server, "transfer", role == "leader", id=f"{server}-{role}", marks=pytest.mark.servers
    )
    for server in SERVERS
    for role in ("leader", "follower")
]


def finalized() -> Iterator[tuple[str, str]]:
    """The module and the name of each class that gives something back when nobody has it."""
    package = Path(timebank.__file__).parent
    for path in sorted(package.rglob("*.py")):
        source = path.read_text("utf-8")
        if "__del__" not in source:
            continue
        for node in ast.walk(ast.parse(source)):
            names = {one.name for one in ast.iter_child_nodes(node) if hasattr(one, "name")}
            if isinstance(node, ast.ClassDef) and "__del__" in names:
                module = path.relative_to(package.parent).with_suffix("")
                yield ".".join(module.parts), node.name


#: By instruction: what this Python has for it.
by_instructions = by_monitoring if sys.version_info >= (3, 12) else by_opcodes

#: What is tried in continuous integration: a file is slower than memory, and it is only
#: where something is kept that the two differ. At night it is every event.
IN_CI = {
    "memory": one_in(20, each_line),
    "file": one_in(30, each_line_that_keeps),
    "private": one_in(60, each_line),
    "joined": one_in(60, each_line),
}

Grounds = Callable[[str], Ground]


@pytest.fixture(scope="module")
def grounds(tmp_path_factory: pytest.TempPathFactory) -> Grounds:
    """Each kind of store, prepared once."""
    made: dict[str, Ground] = {}

    def get(name: str) -> Ground:
        if name not in made:
            folder: Path = tmp_path_factory.mktemp(name)
            made[name] = GROUNDS[name](folder)
        return made[name]

    return get


def check(trial: Trial, choice: Choice) -> None:
    """Interrupt where it is chosen; nothing went wrong."""
    complaints = trial.complaints(choice)
    assert not complaints, "\n".join(complaints)


@pytest.mark.parametrize(("module", "name"), list(finalized()))
def test_what_was_interrupted_before_it_was_made_is_dropped_quietly(module: str, name: str) -> None:
    """It may fall before the first line of `__init__`; `__del__` is called all the same."""
    kind: type[Any] = getattr(importlib.import_module(module), name)
    concrete: Any = type(name, (kind,), {})
    concrete.__abstractmethods__ = frozenset()
    concrete.__new__(concrete).__del__()


@pytest.mark.parametrize("operation", SOME)
@pytest.mark.parametrize("ground", SHARED)
def test_an_interrupt_at_some_lines(grounds: Grounds, ground: str, operation: str) -> None:
    """The quick part of the next test."""
    trial = Trial(grounds(ground), OPERATIONS[operation])
    check(trial, one_in(12 if ground == "memory" else 40, each_line))


@pytest.mark.parametrize("operation", ["transfer", "batch"])
@pytest.mark.parametrize("ground", SHARED)
def test_an_interrupt_that_is_kept_at_some_lines(
    grounds: Grounds, ground: str, operation: str
) -> None:
    """The quick part of the one after the next."""
    trial = Trial(grounds(ground), OPERATIONS[operation], keeps=True)
    check(trial, one_in(20 if ground == "memory" else 60, each_line))


@pytest.mark.slow
@pytest.mark.parametrize(("ground", "operation"), KEPT_ON_ALL)
def test_an_interrupt_that_is_kept(grounds: Grounds, ground: str, operation: str) -> None:
    """Who keeps the exception, and with it the frames, keeps no lock and no half batch."""
    trial = Trial(grounds(ground), OPERATIONS[operation], keeps=True)
    check(trial, one_in(4, IN_CI[ground]))


@pytest.mark.slow
@pytest.mark.parametrize(("ground", "operation"), ON_ALL)
def test_an_interrupt_at_each_line(grounds: Grounds, ground: str, operation: str) -> None:
    """All of it is there, or nothing; the next call works, here and elsewhere."""
    trial = Trial(grounds(ground), OPERATIONS[operation])
    check(trial, IN_CI[ground])


@pytest.mark.parametrize(("ground", "operation"), ON_SERVERS)
def test_an_interrupt_on_a_server(grounds: Grounds, ground: str, operation: str) -> None:
    """The same at a fortieth of the lines of a transfer and of a batch, and some of the others."""
    trial = Trial(grounds(ground), OPERATIONS[operation])
    check(trial, one_in(40 if operation in {"transfer", "batch", "close"} else 90, each_line))


@pytest.mark.slow
@pytest.mark.parametrize(("ground", "operation", "leads"), GROUPS)
def test_an_interrupt_in_a_group(
    grounds: Grounds, ground: str, operation: str, leads: bool
) -> None:
    """Who leads or follows takes nobody along: each returns, or is told."""
    trial = GroupTrial(grounds(ground), OPERATIONS[operation], leads=leads)
    whole = (ground, operation) == ("memory", "transfer")
    check(trial, one_in(18, each_line_that_keeps) if whole else one_in(50, each_line))


@pytest.mark.parametrize(("ground", "operation", "leads"), GROUPS_ON_SERVERS)
def test_an_interrupt_in_a_group_on_a_server(
    grounds: Grounds, ground: str, operation: str, leads: bool
) -> None:
    """The same at a part of the lines."""
    trial = GroupTrial(grounds(ground), OPERATIONS[operation], leads=leads)
    check(trial, one_in(40, each_line))


@pytest.mark.parametrize("operation", ["transfer", "batch"])
@pytest.mark.parametrize("ground", SHARED)
def test_an_interrupt_at_some_instructions(grounds: Grounds, ground: str, operation: str) -> None:
    """Also where no line begins."""
    trial = Trial(grounds(ground), OPERATIONS[operation], watch=by_instructions)
    check(trial, one_in(200 if ground == "memory" else 400, each_instruction))


# -- at night -----------------------------------------------------------------


@pytest.mark.nightly
@pytest.mark.parametrize("others_first", [True, False])
@pytest.mark.parametrize(("ground", "operation"), [*ON_ALL, *ON_SERVERS])
def test_an_interrupt_at_every_event(
    grounds: Grounds, ground: str, operation: str, others_first: bool
) -> None:
    """Each time that a line is come to, whoever calls next."""
    trial = Trial(grounds(ground), OPERATIONS[operation], others_first=others_first, audits=1)
    check(trial, every_event)


@pytest.mark.nightly
@pytest.mark.parametrize(("ground", "operation", "leads"), [*GROUPS, *GROUPS_ON_SERVERS])
def test_an_interrupt_at_every_event_of_a_group(
    grounds: Grounds, ground: str, operation: str, leads: bool
) -> None:
    """Each time that a line is come to."""
    trial = GroupTrial(grounds(ground), OPERATIONS[operation], leads=leads, watch=by_lines)
    check(trial, every_event)


@pytest.mark.nightly
@pytest.mark.parametrize(("ground", "operation"), ON_ALL)
def test_an_interrupt_at_each_instruction(grounds: Grounds, ground: str, operation: str) -> None:
    """Each the first time that it is come to."""
    trial = Trial(grounds(ground), OPERATIONS[operation], watch=by_instructions)
    check(trial, each_instruction)
