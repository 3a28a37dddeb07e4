"""Fixtures over all stores, the profiles of Hypothesis, and what a run leaves out."""

from __future__ import annotations

import os
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

import disks
import servers
import timebank
from support import Clock, sources, url_of
from timebank import TimeBank

# Tests read English, whatever the machine speaks; so do the programs that they start.
os.environ["TIMEBANK_LANG"] = "en"

#: How many examples of a property are tried: by the line in README, which `.ci/run` calls; more by
#: hand; and at night.
EXAMPLES = {"suite": 40, "ci": 100, "nightly": 1000}
for _name, _count in EXAMPLES.items():
    settings.register_profile(
        _name,
        max_examples=_count,
        deadline=None,
        derandomize=_name != "nightly",  # only what is looked for at night differs between runs
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )
settings.load_profile("suite")


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Accept the options of pytest-xdist in `pyproject.toml` where it is not, and do nothing."""
    if not pluginmanager.has_plugin("xdist"):
        group = parser.getgroup("without pytest-xdist")
        group.addoption("--numprocesses", help="ignored")
        group.addoption("--dist", help="ignored")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Run a single file without workers: to start them would take longer than most files."""
    files = {name.partition("::")[0] for name in config.args}
    return 0 if len(files) == 1 and files.pop().endswith(".py") else None


#: Tests of the kit that go through a store call by call, or statement by statement. They are
#: quick in memory; on disk they are slow. The kit is for everybody, and has no marks of ours.
STEP_BY_STEP = {
    "test_faults_at_every_call_of_the_store",
    "test_faults_before_every_statement",
    "test_a_crash_between_any_two_calls",
    "test_a_crash_between_any_two_statements",
    "test_a_fault_while_a_tile_is_filled",
    "test_a_fault_before_a_statement_of_a_tile",
    "test_a_crash_while_a_tile_is_filled",
    "test_a_crash_before_a_statement_of_a_tile",
}


#: What is about a server by itself, and tried on both by day.
ON_BOTH = {
    "test_addresses.py",
    "test_bouncer.py",
    "test_limits.py",
    "test_meaning_mariadb.py",
    "test_meaning_postgres.py",
    "test_outcomes.py",
    "test_partitions.py",
}


def on_a_server(item: pytest.Item) -> tuple[str, str] | None:
    """The server that a parameter of a test stands for, by name or by a host that is joined on it.

    And what the test is called without that parameter. None where it has no such parameter.
    """
    callspec: Any = getattr(item, "callspec", None)
    if callspec is None:
        return None
    for value in callspec.params.values():
        server = value if isinstance(value, str) else getattr(value, "server", None)
        if server in servers.SERVERS:
            own = getattr(value, "__name__", server)
            others = [part for part in callspec.id.split("-") if part != own]
            return server, item.nodeid.partition("[")[0] + "-".join(others)
    return None


def leave_one_server(items: list[pytest.Item]) -> None:
    """Of what differs by the server alone, or by the host on it, one is tried by day.

    The name of the test and its other parameters choose it: it is the same in each run, and
    both servers have their turn in each file. The others are for the night.
    """
    alike: dict[str, dict[str, list[pytest.Item]]] = {}
    for item in items:
        found = on_a_server(item)
        if found and item.path.name not in ON_BOTH and not item.get_closest_marker("nightly"):
            server, name = found
            alike.setdefault(name, {}).setdefault(server, []).append(item)
    for name, by_server in alike.items():
        turn = zlib.crc32(name.encode())
        here = by_server[sorted(by_server)[turn % len(by_server)]]
        chosen = here[turn // 2 % len(here)]
        for item in (one for those in by_server.values() for one in those):
            if item is not chosen:
                item.add_marker(pytest.mark.nightly)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where MariaDB is not installed its tests say so; where it must be (as in CI) they fail."""
    leave_one_server(items)
    for item in items:
        if item.name in STEP_BY_STEP and "TestMemory" not in item.nodeid:
            item.add_marker(pytest.mark.slow)
    if servers.mariadb_program() is not None or os.environ.get("TIMEBANK_MARIADB") == "required":
        return
    absent = pytest.mark.skip(reason="MariaDB is not installed: the package mariadb-server has it")
    for item in items:
        if "mariadb" in item.nodeid.lower() and "errors_of_mariadb" not in item.nodeid:
            item.add_marker(absent)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Let a test start a server only if it has the mark `servers`, and begin none too late.

    Who is killed and who is measured waits for the disk, as a host does.
    """
    until = os.environ.get("TIMEBANK_UNTIL")  # of `.ci/run`: an instant, in seconds since 1970
    if until is not None and time.time() > float(until):
        pytest.skip("this machine is too slow for all of them: see TIMEBANK_UNTIL in .ci/run")
    servers.allow(item.get_closest_marker("servers") is not None)
    disks.wait(item.get_closest_marker("slow") is not None)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say what was left out, and how it is run."""
    if config.option.markexpr:
        line = f"-m {config.option.markexpr!r} left tests out; -m '' runs all (see CONTRIBUTING.md)"
        terminalreporter.write_line(line)


@pytest.fixture
def durable() -> Iterator[None]:
    """For a test of what is durable: its banks wait for the disk."""
    disks.wait(True)
    yield
    disks.wait(False)


@pytest.fixture
def clock() -> Clock:
    """A clock that moves by a minute at each reading."""
    return Clock()


@pytest.fixture(params=["memory", "sqlite"])
def bank(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[TimeBank]:
    """An empty bank, on each store."""
    with timebank.open(url_of(request.param, tmp_path), **sources(clock)) as opened:
        yield opened
        assert opened.audit().findings == ()


@pytest.fixture
def street(bank: TimeBank) -> TimeBank:
    """A bank with three members, two families and a fund."""
    for id in ("m1", "m2", "m3"):
        bank.open_account(id)
    for id in ("f1", "f2"):
        bank.open_account(id, kind="group")
    bank.open_account("fund", kind="fund")
    return bank
