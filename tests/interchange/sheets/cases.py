"""The sheets in `files/`, each with what must be booked of it: a TOML file beside it."""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import attrs

import timebank
from timebank import TimeBank

FILES = Path(__file__).parent / "files"

#: Day, who gave, who received, seconds, note, category.
Exchange = tuple[date, str, str, int, str, str]


@attrs.frozen
class Case:
    """A sheet, or several that belong together, and what must come of them."""

    name: str
    files: tuple[Path, ...]
    booked: tuple[Exchange, ...]
    #: Name of what is passed over → how many rows.
    passed: dict[str, int]
    #: The line, and the column that is named.
    quarantined: tuple[tuple[int, str], ...]
    #: What a treasurer has to say, for nobody can see it.
    answers: tuple[str, ...] = ()
    #: Why no mapping can read it.
    cannot: str = ""
    #: The command that is there for such files.
    command: str = ""
    opening: tuple[tuple[str, int], ...] = ()
    #: The language in which a spreadsheet opens it, and as what it saves it again.
    opened_in: str = ""
    saved_as: str = ""

    @property
    def paths(self) -> list[str]:
        """The files, for a command line."""
        return [str(path) for path in self.files]

    @property
    def sets(self) -> list[str]:
        """The answers, for a command line."""
        return [word for answer in self.answers for word in ("--set", answer)]


def cases() -> list[Case]:
    """All cases, by name."""
    return [_case(path) for path in sorted(FILES.glob("*.toml"))]


def _case(path: Path) -> Case:
    data: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
    return Case(
        name=path.stem,
        files=tuple(FILES / name for name in data["files"]),
        booked=tuple(sorted((*row, *[""] * (6 - len(row))) for row in data["booked"])),
        passed=data["passed"],
        quarantined=tuple((row, column) for row, column in data["quarantined"]),
        answers=tuple(data.get("answers", ())),
        cannot=data.get("cannot", ""),
        command=data.get("command", ""),
        opening=tuple((name, seconds) for name, seconds in data.get("opening", ())),
        opened_in=data.get("opened_in", ""),
        saved_as=data.get("saved_as", ""),
    )


def exchanges_of(bank: TimeBank) -> tuple[Exchange, ...]:
    """What is booked in a bank: who has a name stands by it, others by their ids."""
    names = {account.id: account.name or account.id for account in bank.accounts()}
    found = []
    for transfer in bank.transfers():
        if transfer.kind == "opening":
            continue
        assert transfer.occurred_on is not None
        earner, spender = sorted(transfer.postings, key=lambda one: -one.hours.seconds)
        found.append(
            (
                transfer.occurred_on,
                names[earner.account],
                names[spender.account],
                earner.hours.seconds,
                transfer.note or "",
                transfer.category or "",
            )
        )
    return tuple(sorted(found))


def bank_of(path: Path) -> TimeBank:
    """The bank of a file, to be read."""
    return timebank.open(f"sqlite:///{path}", read_only=True)
