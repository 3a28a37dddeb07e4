"""The accounting programs that nobody here wrote. One that is not installed is a failure."""

from __future__ import annotations

import csv
import io
import os
import shutil
import subprocess
import sys
from pathlib import Path

from beancount.loader import load_file


def run(*words: str) -> str:
    """What a program prints, once it has accepted what it was given."""
    beside = Path(sys.executable).parent / words[0]
    program = str(beside) if beside.exists() else shutil.which(words[0])
    assert program is not None, f"{words[0]} is not installed"
    done = subprocess.run(
        [program, *words[1:]],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        env=os.environ | {"LC_ALL": "C"},  # as where nobody has set a language
    )
    assert (0, "") == (done.returncode, done.stderr), f"{done.stderr[:2000]}"
    return done.stdout


def hledger(path: Path) -> dict[str, str]:
    """The balances of accounts, checked strictly."""
    run("hledger", "-f", str(path), "check", "-s")
    text = run("hledger", "-f", str(path), "balance", "--flat", "-N", "-E", "-O", "csv")
    return {row["account"]: row["balance"] for row in csv.DictReader(io.StringIO(text))}


def ledger(path: Path) -> dict[str, str]:
    """The balances of accounts, checked strictly."""
    form = "%(account)\t%(display_total)\n"
    words = ("--strict", "--pedantic", "-f", str(path), "balance", "--flat", "--no-total")
    text = run("ledger", *words, "--empty", "--format", form)
    return dict(line.split("\t") for line in text.splitlines())


def beancount(path: Path) -> dict[str, str]:
    """The balances of accounts, checked."""
    run("bean-check", str(path))
    query = "SELECT account, sum(position) AS balance GROUP BY account"
    text = run("bean-query", "-f", "csv", str(path), query)
    return {row["account"]: row["balance"].strip() for row in csv.DictReader(io.StringIO(text))}


def notes(name: str, path: Path) -> set[str]:
    """The notes of all transactions, as the program reads them."""
    if name == "beancount":
        entries, errors, _ = load_file(str(path))
        assert [] == errors
        return {entry.meta["note"] for entry in entries if "note" in entry.meta}
    if name == "ledger":
        form = "%(tag('note'))\n"
        words = ("--strict", "--pedantic", "-f", str(path), "register", "--format", form)
        found = run("ledger", *words, "^assets:member:m1$", "and", "expr", "has_tag(/^note$/)")
        return set(found.split("\n")) - {""}
    return set(run("hledger", "-f", str(path), "tags", "--values", "note").split("\n")) - {""}
