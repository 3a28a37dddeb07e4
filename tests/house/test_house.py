"""The house itself: what README promises, what the documentation must name."""

from __future__ import annotations

import inspect
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click

import timebank
from timebank import errors, federation, hours, model, proof
from timebank.cli import main
from timebank.contrib import cheques
from timebank.interchange.engine import csv_rows

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")


def docs(page: str) -> str:
    """The text of a page of the documentation."""
    return (ROOT / "docs" / page).read_text("utf-8")


def test_readme_begins_with_two_lines_to_copy() -> None:
    """The first code block is shell, with a line for the demo and one for the tests."""
    language, block = re.findall(r"^```(\w*)\n(.*?)^```", README, re.DOTALL | re.MULTILINE)[0]
    lines = block.splitlines()
    assert ("sh", 2) == (language, len(lines))
    assert all(line.startswith("python3 -m venv .venv && ") for line in lines)
    assert lines[0].endswith(".venv/bin/timebank demo")
    assert lines[1].endswith(".venv/bin/pytest")


def test_every_mark_is_documented() -> None:
    """The table in CONTRIBUTING has each mark of the tests, and README names it."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["pytest"]
    marks = [line.partition(":")[0] for line in settings["ini_options"]["markers"]]
    contributing = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    assert marks == re.findall(r"^\| `(\w+)` \| .+ \| .+ \|$", contributing, re.MULTILINE)
    assert [] == [mark for mark in marks if f"`{mark}`" not in README]


def leaves(command: click.Command, *words: str) -> Iterator[str]:
    """The commands under a group, as they are typed."""
    if isinstance(command, click.Group):
        for name, child in command.commands.items():
            yield from leaves(child, *words, name)
    else:
        yield " ".join(words)


def test_every_command_is_documented() -> None:
    """Each command has its place in `cli.md`, and nothing else has."""
    assert isinstance(main, click.Group)
    shown = re.findall(r"^```\{command\} (.+)$", docs("cli.md"), re.MULTILINE)
    assert sorted(leaves(main)) == sorted(shown)


def test_every_audit_check_is_documented() -> None:
    """`invariants.md` has each check by name, in order, with its promise."""
    rows = re.findall(r"^\| `([a-z-]+)` \| (.+?) \|$", docs("invariants.md"), re.MULTILINE)
    assert [(check.name, check.promise) for check in timebank.AUDIT_CHECKS] == rows


def test_every_error_is_documented() -> None:
    """The tree of errors in `errors.md` names each class of `timebank.errors`."""
    classes = {name for name, value in vars(errors).items() if isinstance(value, type)}
    shown = set(re.findall(r"[├└]── (\w+)", docs("errors.md"))) | {"TimebankError"}
    assert {name for name in classes if issubclass(getattr(errors, name), Exception)} == shown


def test_every_public_name_is_in_the_reference() -> None:
    """`reference.md` shows each name of the package."""
    shown = set(re.findall(r"^\.\. auto\w+:: timebank\.(\w+)", docs("reference.md"), re.MULTILINE))
    public = {name for name in timebank.__all__ if not hasattr(errors, name) or name == "Hours"}
    assert set() == public - shown


def test_every_name_of_proof_is_in_the_reference() -> None:
    """As those of the package; and a docstring of each says what is raised, of what can."""
    shown = re.findall(
        r"^\.\. auto\w+:: timebank\.proof\.(\w+)$", docs("reference.md"), re.MULTILINE
    )
    assert sorted([*proof.__all__, "receipts"]) == sorted(shown)
    functions = [one for name in proof.__all__ if inspect.isfunction(one := getattr(proof, name))]
    assert [] == [one.__name__ for one in functions if ":raises " not in (one.__doc__ or "")]


def test_every_name_of_federation_is_in_the_reference() -> None:
    """As those of the package; and a docstring of each says what is raised, of what can."""
    shown = re.findall(
        r"^\.\. auto\w+:: timebank\.federation\.(\w+)$", docs("reference.md"), re.MULTILINE
    )
    assert sorted(federation.__all__) == sorted(shown)
    named = [getattr(federation, name) for name in federation.__all__]
    functions = [one for one in named if inspect.isfunction(one)]
    assert [] == [one.__name__ for one in functions if ":raises " not in (one.__doc__ or "")]


def test_every_name_of_cheques_is_in_the_reference() -> None:
    """As those of the package; and a docstring of each says what is raised, of what can."""
    shown = re.findall(
        r"^\.\. auto\w+:: timebank\.contrib\.cheques\.(\w+)$", docs("reference.md"), re.MULTILINE
    )
    names = [name for name in cheques.__all__ if not hasattr(errors, name)]
    assert sorted(names) == sorted(shown)
    says = {
        "ranges",
        *(name for name in names if name.endswith("_text")),
    }  # what is said raises nothing
    functions = [one for name in names if inspect.isfunction(one := getattr(cheques, name))]
    functions = [one for one in functions if one.__name__ not in says]
    assert [] == [one.__name__ for one in functions if ":raises " not in (one.__doc__ or "")]


def test_every_limit_is_documented() -> None:
    """`limits.md` gives the value of each constant that bounds a size."""
    page = docs("limits.md")
    for module in (hours, model, csv_rows):
        for name, value in vars(module).items():
            if name.startswith("MAX_") and value != model.MAX_INTEGER:
                assert f"| {value:,} |" in page, name


def test_every_method_of_a_bank_is_documented() -> None:
    """Each public method of a bank and of a batch says what it does, with an example that runs."""
    for kind in (timebank.TimeBank, timebank.BankBatch):
        for name, method in inspect.getmembers(kind, inspect.isfunction):
            if not name.startswith("_"):
                assert method.__doc__, name
                assert ">>> " in method.__doc__ or name in {"acting_as", "close", "end"}, name
