"""The shape of the house: where methods stand, what a class has above it, what a change edits."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import pytest

import timebank
from timebank import BankBatch, TimeBank

SOURCE = Path(timebank.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))


def public(kind: type) -> dict[str, Path]:
    """Each public method of a class, and the file in which it stands."""
    return {
        name: Path(inspect.unwrap(method).__code__.co_filename).relative_to(SOURCE)
        for name, method in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_")
    }


def test_every_call_of_a_bank_stands_in_one_of_three_files() -> None:
    """Who looks for a method knows where it is."""
    files = {Path("bank/bank.py"), Path("bank/reads.py"), Path("bank/writes.py")}
    assert files == set(public(TimeBank).values())
    assert files - {Path("bank/bank.py")} | {Path("bank/batch.py")} == set(
        public(BankBatch).values()
    )


def test_a_bank_has_few_classes_above_it() -> None:
    """At most five, `object` among them."""
    assert len(TimeBank.__mro__) - 1 <= 5, TimeBank.__mro__


def only_raises(method: ast.AST) -> bool:
    """Return true where a method does nothing but raise `NotImplementedError`."""
    if not isinstance(method, ast.FunctionDef):
        return False
    *_, last = method.body
    return isinstance(last, ast.Raise) and "NotImplementedError" in ast.dump(last)


def test_no_class_only_raises_not_implemented() -> None:
    """What a subclass must say is abstract, and says so."""
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef):
                methods = [one for one in node.body if isinstance(one, ast.FunctionDef)]
                assert not methods or not all(map(only_raises, methods)), (path, node.name)


@pytest.mark.parametrize(
    ("words", "most"),
    [
        pytest.param("end_delegate", 10, id="a kind of record that moves no hours"),
        pytest.param("record_within|RecordWithin", 9, id="a rule of the statute"),
    ],
)
def test_a_change_of_one_kind_edits_few_files(words: str, most: int) -> None:
    """What names a kind, or a rule, is what is edited for one more of them."""
    pattern = re.compile(rf"\b({words})\b")
    found = [
        str(path.relative_to(SOURCE))
        for path in FILES
        if path.relative_to(SOURCE).parts[0] != "testing"  # the kit tries every call
        and pattern.search(path.read_text("utf-8"))
    ]
    assert len(found) <= most, found


def test_a_file_is_no_longer_than_a_reader_bears() -> None:
    """Six hundred lines, where half is docstring; of a bank's calls, four hundred without."""
    for path in FILES:
        text = path.read_text("utf-8")
        lines = len(text.splitlines())
        if path.name in {"reads.py", "writes.py"}:
            assert lines - _lines_of_docstrings(text) <= 405, (path, lines)
        else:
            assert lines <= 600, (path, lines)


def _lines_of_docstrings(text: str) -> int:
    nodes = ast.walk(ast.parse(text))
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    documented = [one for one in nodes if isinstance(one, kinds) and ast.get_docstring(one)]
    first = [one.body[0] for one in documented]
    return sum((one.end_lineno or 0) - one.lineno + 1 for one in first)
