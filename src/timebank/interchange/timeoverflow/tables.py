"""The tables that TimeOverflow's database dumps: CSV with a header, read row by row."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import attrs

from timebank.errors import InvalidRequest, NotFound, shown
from timebank.interchange.engine.csv_rows import Row, Rows, unreadable
from timebank.interchange.engine.report import Quarantined

#: The tables without which there is nothing to check, in the order in which they are read.
REQUIRED: Final = ("accounts", "transfers", "movements")
#: Table → the columns without which a row says nothing.
_COLUMNS: Final = {
    "accounts": ("id", "accountable_id", "accountable_type", "balance"),
    "transfers": ("id", "reason", "created_at"),
    "movements": ("id", "account_id", "transfer_id", "amount"),
}
#: The columns that are whole seconds; an empty balance is none.
_SECONDS: Final = {"accounts": "balance", "movements": "amount"}

Reference = tuple[str, tuple[str, str] | None, str]
#: Table → its columns that refer to other tables: of which rows, and to which table.
REFERENCES: Final[dict[str, tuple[Reference, ...]]] = {
    "accounts": (
        ("accountable_id", ("accountable_type", "Member"), "members"),
        ("accountable_id", ("accountable_type", "Organization"), "organizations"),
        ("organization_id", None, "organizations"),
    ),
    "transfers": (("post_id", None, "posts"), ("operator_id", None, "users")),
    "movements": (("account_id", None, "accounts"), ("transfer_id", None, "transfers")),
    "members": (("user_id", None, "users"), ("organization_id", None, "organizations")),
    "posts": (("user_id", None, "users"), ("organization_id", None, "organizations")),
    "organizations": (),
    "users": (),
}
_ONE: Final = {name: name.removesuffix("s") for name in REFERENCES}
_INTEGER: Final = re.compile(r"-?[0-9]{1,18}", re.ASCII)


@attrs.frozen
class Broken:
    """A row that cannot be read: where it begins, and what is wrong."""

    place: str
    expected: str
    found: str


@attrs.define
class Move:
    """A transfer: why, when it was entered, and its movements, as account and seconds."""

    reason: str
    entered: datetime | None
    lines: list[tuple[str, int]] = attrs.field(factory=list)

    @property
    def is_between_two(self) -> bool:
        """One gave what the other got."""
        if len(self.lines) != 2:  # noqa: PLR2004  # both sides
            return False
        (one, given), (other, got) = self.lines
        return one != other and given == -got


@attrs.frozen
class Table:
    """One file, and what its columns are called."""

    name: str
    path: Path

    @property
    def one(self) -> str:
        """What a row of it is called."""
        return _ONE[self.name]

    def rows(self) -> Iterator[dict[str, str] | Broken]:
        """Each row by its columns' names, which are those of the first one.

        :raises InvalidRequest: a column is missing.
        :raises OSError: it cannot be read.
        """
        with self.path.open("rb") as file:
            rows = iter(Rows(self.path.name, file))
            header = next(rows, None)
            names = self._names(header)
            for row in rows:
                if isinstance(row, Quarantined):
                    yield Broken(f"{row.file}, line {row.line}", "a row", row.reason)
                elif row.columns:
                    yield self._row(row, names)

    def seconds(self, row: dict[str, str], column: str) -> int:
        """An amount: it was looked at when the row was read."""
        return int(row[column])

    def _names(self, header: Row | Quarantined | None) -> tuple[str, ...]:
        names = header.columns if isinstance(header, Row) else ()
        names = tuple(name.strip() for name in names)
        missing = [name for name in _COLUMNS.get(self.name, ("id",)) if name not in names]
        if missing:
            msg = (
                f"{self.path.name}: the first line has no column {missing[0]}: it is no header "
                f"of TimeOverflow's table {self.name}"
            )
            raise InvalidRequest(msg)
        return names

    def _row(self, row: Row, names: tuple[str, ...]) -> dict[str, str] | Broken:
        place = f"{self.path.name}, line {row.line}"
        if len(row.columns) != len(names):
            return Broken(place, f"{len(names)} columns", f"{len(row.columns)}")
        found = dict(zip(names, row.columns, strict=True))
        for column, value in found.items():
            if why := unreadable(value):
                return Broken(place, f"{column} that can be read", f"it {why}")
        if not found["id"].strip():
            return Broken(place, "an id", "none")
        amount = found.get(column := _SECONDS.get(self.name, ""), "0")
        if not _INTEGER.fullmatch(amount) and (amount or column != "balance"):
            return Broken(place, f"{column} in whole seconds", shown(amount))
        return found


def tables_in(folder: Path) -> dict[str, Table]:
    """The tables that were dumped into a folder, by name.

    :raises NotFound: no such folder, or one of those that are needed is missing.
    """
    if not folder.is_dir():
        msg = f"no folder {folder}"
        raise NotFound(msg)
    found = {
        name: Table(name, path) for name in REFERENCES if (path := folder / f"{name}.csv").is_file()
    }
    for name in REQUIRED:
        if name not in found:
            msg = f"no file {name}.csv in {folder}: the tables needed are {', '.join(REQUIRED)}"
            raise NotFound(msg)
    return found


def instant_of(text: str) -> datetime | None:
    """When a row was entered; without a zone it is UTC, as TimeOverflow keeps it.

    >>> from timebank.interchange.timeoverflow.tables import instant_of
    >>> instant_of("2018-01-17 11:35:48.25"), instant_of("soon")
    (datetime.datetime(2018, 1, 17, 11, 35, 48, 250000, tzinfo=datetime.timezone.utc), None)
    """
    try:
        found = datetime.fromisoformat(text.strip().removesuffix(" UTC"))
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found
