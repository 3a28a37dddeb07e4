"""Recognise the files of systems that can be imported without a mapping of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs

from timebank.interchange.csv.keys import columns_of
from timebank.interchange.csv.mapping import Mapping, Part
from timebank.interchange.csv.toml import mapping_of, shipped
from timebank.interchange.propose.tables import Line

#: Columns that a table of a system has at least, to be told from a sheet that happens to be alike.
_LEAST_COLUMNS: Final = 5
_KOMUNITIN: Final = {
    "--transfers": {"state", "amount", "payer.code", "payee.code"},
    "--accounts": {"code", "status", "balance", "creditLimit"},
}
#: TimeOverflow's files have no first line: the columns of a transfer, and of a member.
_OVERFLOW_TRANSFER: Final = 8
_OVERFLOW_USER: Final = 10
_SIDES: Final = frozenset({"member", "organization"})
_DUMPED: Final = frozenset({"accountable_id", "accountable_type", "organization_id"})


@attrs.frozen
class Recognised:
    """Files of a known system: its title, and the words of the command that imports them.

    `lacks` is an option whose file is needed and was not given.
    """

    title: str
    command: tuple[str, ...]
    lacks: str | None = None


def recognised(files: Sequence[tuple[str, Sequence[Line]]]) -> Recognised | None:
    """Return the system that files are of, by their paths and first rows; `None` for others.

    >>> from timebank.interchange.propose.formats import recognised
    >>> from timebank.interchange.propose.tables import Line
    >>> names = ("payer", "payee", "quantity", "created", "state", "type", "description")
    >>> recognised([("t.csv", [Line(1, names)])]).command
    ('csv', '--mapping', 'mutual_credit', '--transfers', 't.csv', '--open-accounts')
    """
    if not files:
        return None
    headings = [frozenset(lines[0].cells) if lines else frozenset() for _, lines in files]
    paths = [path for path, _ in files]
    return (
        _komunitin(paths, headings)
        or _overflow(files)
        or _overflow_tables(paths, headings)
        or _mapped(paths, headings)
    )


def _komunitin(paths: list[str], headings: list[frozenset[str]]) -> Recognised | None:
    found = _options(paths, headings, _KOMUNITIN)
    if found is None:
        return None
    lacks = next((option for option in _KOMUNITIN if option not in found), None)
    return Recognised("Komunitin", ("komunitin", *found), lacks)


def _options(
    paths: list[str], headings: list[frozenset[str]], needed: dict[str, set[str]]
) -> list[str] | None:
    """Return each file with the option that it is for, if all have one."""
    words: list[str] = []
    for path, heading in zip(paths, headings, strict=True):
        option = next((one for one, names in needed.items() if names <= heading), None)
        if option is None:
            return None
        words += [option, path]
    return words


def _overflow(files: Sequence[tuple[str, Sequence[Line]]]) -> Recognised | None:
    words: dict[str, str] = {}
    for path, lines in files:
        if not lines:
            return None
        if all(map(_is_transfer, lines[:20])):
            words["--transfers"] = path
        elif all(map(_is_user, lines[:20])):
            words["--users"] = path
        else:
            return None
    if len(words) != len(files):
        return None
    lacks = next((one for one in ("--users", "--transfers") if one not in words), None)
    options = [word for pair in sorted(words.items(), reverse=True) for word in pair]
    return Recognised("TimeOverflow", ("timeoverflow", *options), lacks)


def _is_transfer(line: Line) -> bool:
    cells = line.cells
    return len(cells) >= _OVERFLOW_TRANSFER - 1 and {cells[1], cells[3]} <= _SIDES


def _is_user(line: Line) -> bool:
    cells = line.cells
    return len(cells) == _OVERFLOW_USER and cells[0].isdigit() and cells[1][4:5] == "-"


def _overflow_tables(paths: list[str], headings: list[frozenset[str]]) -> Recognised | None:
    """Tell the tables that TimeOverflow's database dumps, which lie in one folder."""
    if not any(heading >= _DUMPED for heading in headings):
        return None
    folder = paths[0].replace("\\", "/").rpartition("/")[0] or "."
    return Recognised("TimeOverflow", ("timeoverflow-tables", folder))


def _mapped(paths: list[str], headings: list[frozenset[str]]) -> Recognised | None:
    """Tell the system of a shipped mapping: the one of whose columns most are there."""
    best: tuple[int, Recognised] | None = None
    for name, title in shipped().items():
        mapping = mapping_of(name)
        needed = {f"--{where}": _columns(where, part) for where, part in mapping.parts()}
        found = _options(paths, headings, needed)
        if found is None or "--transfers" not in found:
            continue
        count = len(needed["--transfers"])
        if count >= _LEAST_COLUMNS and (best is None or count > best[0]):
            listed = {"--accounts", "--balances"} & set(found)
            options = found if listed else [*found, "--open-accounts"]
            best = count, Recognised(title, ("csv", "--mapping", name, *options))
    return best and best[1]


def _columns(where: str, part: Part) -> set[str]:
    optional = set(part.optional)
    return {str(column) for _, column in columns_of(part, where) if column not in optional}


__all__ = ["Mapping", "Recognised", "recognised"]
