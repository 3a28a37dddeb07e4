"""Fixtures over all stores, the profiles of Hypothesis, and what a run leaves out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import servers
import timebank
from support import Clock, sources, url_of
from timebank import TimeBank

# Tests read English, whatever the machine speaks; so do the programs that they start.
os.environ["TIMEBANK_LANG"] = "en"

#: How many examples of a property are tried: by the line in README, by `.ci/run`, and at night.
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


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where MariaDB is not installed its tests say so; where it must be (as in CI) they fail."""
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
    """Let a test start a server only if it has the mark `servers`."""
    servers.allow(item.get_closest_marker("servers") is not None)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say what was left out, and how it is run."""
    if config.option.markexpr:
        line = f"-m {config.option.markexpr!r} left tests out; -m '' runs all (see CONTRIBUTING.md)"
        terminalreporter.write_line(line)


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
