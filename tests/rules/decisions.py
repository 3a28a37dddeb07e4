"""What each call comes to, word for word: `python -m rules.decisions` writes it down anew.

`data/decisions.txt` has stories, each on a new bank: a call, then the records that it appended,
with their effects, or the error that it raised. It is read by people before it is kept.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import timebank
from support import Clock, sources
from timebank import TimebankError
from timebank.contrib import cheques
from timebank.journal import canonical, parse
from timebank.model import INHERIT
from timebank.statute import DEFAULT

PATH = Path(__file__).parents[1] / "data" / "decisions.txt"


def stories() -> dict[str, list[str]]:
    """The lines of each story, by its title."""
    parts = re.split(r"^# (.+)\n\n", PATH.read_text("utf-8"), flags=re.MULTILINE)[1:]
    return {
        title: body.strip().splitlines()
        for title, body in zip(parts[::2], parts[1::2], strict=True)
    }


def retold(lines: list[str]) -> list[str]:
    """A story with what its calls come to now, in the place of what was written."""
    clock = Clock()
    bank = timebank.open("memory:", **sources(clock))

    def wait(**time: int) -> None:
        clock.now += timedelta(**time)

    names: dict[str, Any] = {name: getattr(timebank, name) for name in timebank.__all__}
    names |= {"DEFAULT": DEFAULT, "INHERIT": INHERIT, "bank": bank, "wait": wait}
    names |= {"date": date, "timedelta": timedelta, "cheques": cheques}
    told = []
    for line in lines:
        if line.startswith("> "):
            before = bank.head().sequence
            told += [line, *_outcome(line[2:], names), *_appended(bank, before)]
    assert () == bank.audit().findings
    return told


def _outcome(call: str, names: dict[str, Any]) -> list[str]:
    """The error that a call raises; of other calls nothing."""
    try:
        eval(call, names)  # noqa: S307  # the file is ours
    except TimebankError as error:
        return [f"{type(error).__name__}: {error}"]
    return []


def _appended(bank: timebank.TimeBank, before: int) -> list[str]:
    """The records since, each with who it refers to and its effects."""
    return [
        f"{record.kind} {canonical(parse(record.bytes)['effects']).decode()}"
        for record in bank.records(after=before)
    ]


if __name__ == "__main__":
    written = ["\n".join([f"# {title}", "", *retold(lines)]) for title, lines in stories().items()]
    PATH.write_text("\n\n".join(written) + "\n", "utf-8")
