"""Change a module in small ways, one at a time, and count the changes that a test notices.

mutmut does the work, in a copy of the tree, with the quick tests of that module. Each survivor
is named; in the folder given by `--folder`, `mutmut show NAME` shows what it changes.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import attrs

ROOT: Final = Path(__file__).parents[2]
#: What the tests of every module need beside `src` and `tests`.
BESIDE: Final = ("docs", "examples", "README.md", "CHANGELOG.md")
#: Tests that count what is imported, those of one store which another stands for, and slow ones.
LEFT_OUT: Final = "not load_no_other and not sqlite and not page and not kill and not every_night"
QUICKLY: Final = (
    *("-p", "no:cacheprovider", "-p", "mutation.quick", "--hypothesis-profile=mutation"),
    *("-n", "0"),  # mutmut has processes of its own
)
#: The name of no change: with it the changes are made, and none is tried.
NONE: Final = "none"
#: What counts as noticed: a failing test, or one that does not end.
NOTICED: Final = frozenset({"killed", "timeout", "segfault"})


@attrs.frozen
class Module:
    """The files of a module, as mutmut's patterns, and the files of its quick tests.

    `left_out` are tests of those files that another says as well, in a term of pytest's `-k`.
    """

    files: tuple[str, ...]
    tests: tuple[str, ...]
    left_out: str = ""


MODULES: Final[Mapping[str, Module]] = {
    "hours": Module(("hours.py",), ("model/hours", "model/split")),
    "journal": Module(
        ("journal/form.py",), ("journal/journal", "journal/verify_journal", "bank/bank_accounts")
    ),
    "fold": Module(("journal/fold.py",), ("journal/fold", "audit/audit", "rules/holds")),
    "rules": Module(
        ("rules/*.py",),
        (
            "bank/bank_accounts",
            "bank/bank_transfers",
            "rules/decide_exact",
            "rules/dues",
            "rules/explain",
            "rules/fees",
            "rules/holds",
            "rules/members_banks",
            "rules/statute_banks",
        ),
    ),
    "proof": Module(
        ("proof/files.py", "proof/notes.py", "proof/keys.py", "proof/heads.py", "proof/policy.py"),
        (
            "proof/sentences",
            "proof/heads",
            "proof/keys",
            "proof/notes",
            "proof/policy",
            "proof/vectors",
        ),
        left_out="and not every_slip",  # it reads the source
    ),
    "audit": Module(
        ("audit/*.py",),
        (
            "audit/audit",
            "audit/audit_checkpoint",
            "audit/audit_exact",
            "audit/audit_list",
            "audit/audit_plain",
            "audit/audit_stretches",
            "rules/decide_exact",
        ),
        left_out="and not forged and not waits and not no_record and not lie_about"
        " and not from_anywhere and not postgresql and not mariadb and not whatever"
        " and not memory_is_flat",
    ),
}


def _file(name: str) -> str:
    """The test file of a folder and a subject."""
    folder, subject = name.split("/")
    return f"{folder}/test_{subject}.py"


def settings(module: Module) -> str:
    """The part of mutmut in `pyproject.toml`."""
    lists = {
        "source_paths": ["src"],
        "only_mutate": [f"src/timebank/{pattern}" for pattern in module.files],
        "also_copy": list(BESIDE),
        "pytest_add_cli_args_test_selection": [f"tests/{_file(name)}" for name in module.tests],
        "pytest_add_cli_args": [*QUICKLY, "-k", f"{LEFT_OUT} {module.left_out}".strip()],
    }
    lines = [f"{name} = {json.dumps(value)}" for name, value in lists.items()]
    return "\n".join(["", "[tool.mutmut]", *lines, "timeout_multiplier = 4.0", ""])


def lay_out(folder: Path, module: Module) -> None:
    """A copy of the tree with the settings in it; what mutmut knows of earlier runs stays."""
    for name in ("src", "tests", *BESIDE):
        target = folder / name
        if target.is_dir():
            shutil.rmtree(target)
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    text = (ROOT / "pyproject.toml").read_text("utf-8") + settings(module)
    (folder / "pyproject.toml").write_text(text, "utf-8")


def mutmut(folder: Path, *arguments: str, quiet: bool = False, check: bool = True) -> str:
    """What mutmut prints, which is shown as well where not `quiet`."""
    done = subprocess.run(
        [sys.executable, "-m", "mutmut", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(["src", "tests"])},
        stdout=subprocess.PIPE if quiet else None,
        text=True,
        check=check,
    )
    return done.stdout or ""


def statuses(folder: Path) -> dict[str, str]:
    """What became of each change, by its name."""
    shown = mutmut(folder, "results", "--all", "1", quiet=True)
    return dict(re.findall(r"^ +(\S+): (.+)$", shown, re.MULTILINE))


def report(name: str, found: Mapping[str, str]) -> Iterator[str]:
    """The survivors, then one line of the table."""
    yield from (f"{change}: {status}" for change, status in found.items() if status not in NOTICED)
    counts = Counter(status in NOTICED for status in found.values())
    share = counts[True] / max(len(found), 1)
    yield f"{name}: {len(found)} changes, {counts[True]} noticed, {share:.1%}"


def main() -> None:
    """Run one module."""
    parser = argparse.ArgumentParser(prog="python -m mutation", description=__doc__)
    parser.add_argument("module", choices=sorted(MODULES))
    parser.add_argument("--folder", type=Path, help="where to work; it is kept")
    parser.add_argument("--processes", default="2", help="how many at a time (2)")
    parser.add_argument("--sample", type=int, help="so many changes only, chosen at random")
    parser.add_argument("--again", action="store_true", help="in FOLDER, only what survived there")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        before = statuses(folder) if given.again else {}
        lay_out(folder, MODULES[given.module])
        chosen = [change for change, status in before.items() if status not in NOTICED]
        if given.sample is not None:
            mutmut(folder, "run", "--max-children", given.processes, NONE, quiet=True, check=False)
            chosen = random.Random(0).sample(sorted(statuses(folder)), given.sample)
        mutmut(folder, "run", "--max-children", given.processes, *chosen)
        found = statuses(folder)
        if given.sample is not None:
            found = {change: found[change] for change in chosen}
        sys.stdout.write("\n".join([*report(given.module, found), ""]))


if __name__ == "__main__":
    main()
