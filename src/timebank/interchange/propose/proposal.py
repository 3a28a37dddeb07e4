"""Propose a mapping for sheets: what it says, what is open, and what it would book of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Final

import attrs

from timebank.errors import InvalidRequest
from timebank.interchange.csv.importer import MappingImporter
from timebank.interchange.csv.toml import parsed
from timebank.interchange.engine.files import Source
from timebank.interchange.engine.people import People
from timebank.interchange.engine.protocol import ImportedTransfer, Passed
from timebank.interchange.engine.report import Quarantined
from timebank.interchange.propose import headings as h
from timebank.interchange.propose.choices import column_name, put_exchanges, unused
from timebank.interchange.propose.contents import Column
from timebank.interchange.propose.doubts import Doubt
from timebank.interchange.propose.drafts import Draft, Entry
from timebank.interchange.propose.formats import Recognised, recognised
from timebank.interchange.propose.headings import folded, words_of
from timebank.interchange.propose.looking import Look, look
from timebank.interchange.propose.members import (
    ids_of,
    is_list_of_balances,
    is_list_of_members,
    put_members,
    put_opening,
)
from timebank.interchange.propose.roles import roles_of
from timebank.interchange.propose.sides import put_pattern
from timebank.interchange.propose.tables import Table
from timebank.interchange.propose.writing import written
from timebank.reports.text import harmless
from timebank.reports.words import Words

#: Exchanges that are shown.
MOST_SHOWN: Final = 10
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,31}")
#: Words of a file's name that are not of the source: another month has others.
_PASSING: Final = words_of(
    "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre "
    "january february march april may june july august september october november december "
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre "
    "janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre "
    "januar februar marz april juni juli august september oktober dezember "
    "copia copy di of de export file nuovo new finale final"
)
#: Codes of what is told on the screen as well.
_NOTED: Final = frozenset(
    {"days_by_it", "days_by_es", "days_by_fr", "days_by_de", "figures_seen", "one_figure"}
    | {"minutes_after", "sides_by_other"}
)
_DEFAULT_NAME: Final = "sheet"


@attrs.frozen
class Shown:
    """An exchange as the mapping understands it. Who has no account yet stands by name."""

    file: str
    line: int
    day: str
    earner: str
    spender: str
    seconds: int
    text: str

    @property
    def on(self) -> date | None:
        """The day as a date."""
        return date.fromisoformat(self.day) if self.day else None


@attrs.frozen
class Trial:
    """What a mapping makes of the sheets: the first exchanges, and how many rows of each kind."""

    exchanges: int
    people: int
    first: tuple[Shown, ...]
    passed: Mapping[str, int]
    quarantined: tuple[Quarantined, ...]


@attrs.frozen
class Proposal:
    """What is proposed for sheets.

    `known` says that they are of a system that can be imported without a mapping; else `text` is
    the mapping, `name` that with which the ids of what is booked begin, `doubts` what has to be
    answered, and `trial` what it understood. `unused` are the columns of which it says nothing.
    """

    known: Recognised | None = None
    name: str = ""
    text: str = ""
    doubts: tuple[Doubt, ...] = ()
    unused: tuple[Column, ...] = ()
    transfers: tuple[Source, ...] = ()
    accounts: Source | None = None
    opening: Source | None = None
    others: tuple[str, ...] = ()
    #: What was decided by what is no proof, and has to be told besides the mapping.
    noted: tuple[Entry, ...] = ()
    trial: Trial | None = None
    #: What stands in the way of a trial: what the mapping is refused for.
    refused: InvalidRequest | None = None

    @property
    def is_clear(self) -> bool:
        """Whether nothing has to be asked, and the sheets can be imported as they are."""
        if self.known is not None:
            return self.known.lacks is None
        return not self.doubts and self.refused is None


def propose(
    files: Sequence[Source],
    *,
    answers: Mapping[str, str] | None = None,
    name: str | None = None,
    language: str | None = None,
) -> Proposal:
    """Return what is proposed for some sheets, with comments in a language.

    A sheet is given by its path, or open for reading bytes. `answers` are keys of the mapping with
    their values, which take the place of what is found; `name` is that with which the ids of what
    is booked begin.

    :raises OSError: a file cannot be read.
    :raises InvalidRequest: a file is no sheet; or an answer is for no key, or no value of it.
    """
    looks = [look(file) for file in files]
    known = recognised([(str(one.path), one.lines) for one in looks])
    if known is not None:
        return Proposal(known=known)
    return _Making(looks, dict(answers or {}), name, Words("propose", language)).proposal()


class _Making:
    """The road from sheets that were looked at to a proposal."""

    def __init__(
        self, looks: list[Look], answers: dict[str, str], name: str | None, words: Words
    ) -> None:
        self._words = words
        self._draft = Draft(answers)
        self._name = name
        self._exchanges: list[Look] = []
        self._members: Look | None = None
        self._opening: Look | None = None
        self._sort(looks)
        self._looks = looks

    def proposal(self) -> Proposal:
        """Return the proposal."""
        draft = self._draft
        draft.put("name", self._name or _name_of([one.path for one in self._looks]), "name")
        draft.put("title", self._title())
        table = self._table()
        if table is not None:
            self._put_sheet(self._exchanges[0])
            put_exchanges(draft, table, roles_of(table))
            self._ask_of_others(table)
        elif self._members is None and self._opening is None:
            draft.ask(Doubt("nothing"))
        if self._members is not None:
            put_members(draft, self._members.table, self._members.roles)
            if table is not None:
                ids = ids_of(self._members.table, self._members.roles)
                put_pattern(draft, table, partial(column_name, table), ids)
        if self._opening is not None:
            self._put_sheet(self._opening)
            put_opening(draft, self._opening.table, self._opening.roles)
        if self._members is not None and table is None and self._opening is None:
            draft.ask(Doubt("only_members"))
        draft.add_answers()
        self._put_questions()
        made = Proposal(
            name=draft.says("name"),
            doubts=tuple(draft.doubts),
            unused=tuple(unused(draft, table)) if table is not None else (),
            transfers=tuple(one.source for one in self._exchanges),
            accounts=None if self._members is None else self._members.source,
            opening=None if self._opening is None else self._opening.source,
            others=tuple(name for one in self._looks for name in one.others),
            noted=tuple(one for one in draft.entries.values() if one.code in _NOTED),
        )
        return self._tried(made)

    def _put_questions(self) -> None:
        """Put in what is asked, so that the mapping imports nothing before it is answered."""
        if doubts := self._draft.doubts:
            asked = [self._words(f"ask_{doubt.code}", **doubt.values) for doubt in doubts]
            texts = [harmless(one) for one in asked]
            self._draft.entries["questions"] = Entry(texts, "questions")

    # -- the files ---------------------------------------------------------------------

    def _sort(self, looks: list[Look]) -> None:
        """Tell the files of exchanges from a list of members, and from one of balances."""
        lists = [one for one in looks if is_list_of_members(one.table, one.roles)]
        self._exchanges = [one for one in looks if one not in lists]
        for one in lists:
            has_balances = is_list_of_balances(one.table, one.roles)
            if self._exchanges and self._members is None:
                self._members = one
            elif has_balances and self._opening is None:
                self._opening = one
            elif self._members is None:
                self._members = one
            else:
                self._draft.ask(Doubt("many_lists", {"file": one.path.name}))

    def _table(self) -> Table | None:
        """Return the table of all files of exchanges, as if they were one."""
        if not self._exchanges:
            return None
        first, *others = (one.table for one in self._exchanges)
        if not others:
            return first
        cells = [list(column.cells) for column in first.columns]
        rows = list(first.rows)
        for table in others:
            rows += table.rows
            place = {column.heading: column for column in table.columns}
            for column, below in zip(first.columns, cells, strict=True):
                same = place.get(column.heading)
                below.extend([""] * len(table.rows) if same is None else same.cells)
        columns = tuple(
            Column(column.index, column.heading, tuple(below))
            for column, below in zip(first.columns, cells, strict=True)
        )
        return Table(first.heading, first.titles, tuple(rows), columns)

    def _put_sheet(self, one: Look) -> None:
        """Say which sheet of a workbook it is, and what divides the columns, where it must be."""
        if one.sheet is not None:
            self._draft.put("csv.sheet", one.sheet, "sheet", others=", ".join(one.others))
        if one.delimiter is not None:
            self._draft.put("csv.delimiter", one.delimiter)

    def _ask_of_others(self, table: Table) -> None:
        """Ask where a file has not the columns of the first, so that it needs another mapping."""
        draft = self._draft
        needed = {column.heading for column in table.columns} - {
            column.heading for column in unused(draft, table)
        }
        for one in self._exchanges[1:]:
            if lacks := sorted(name for name in needed if name and name not in one.table.names):
                values = {"file": one.path.name, "columns": ", ".join(lacks)}
                draft.ask(Doubt("other_columns", values))

    def _title(self) -> str:
        """Return a line above the table, if there is one; else the name of the file."""
        first = (self._exchanges or self._looks)[0]
        for row in first.table.titles:
            for cell in row.cells:
                if cell and len(cell) <= 80 and cell.isprintable():  # noqa: PLR2004 - a title
                    return cell
        return first.path.stem

    # -- what it makes of them -----------------------------------------------------------

    def _tried(self, made: Proposal) -> Proposal:
        """Write the mapping, read it again, and try it on the sheets."""
        text = written(self._draft, self._words, self._first(made)) + "\n"
        made = attrs.evolve(made, text=text)
        try:
            trial = _trial(made)
            if not trial.exchanges and trial.quarantined and not made.doubts:
                self._draft.ask(Doubt("none_taken"))
                self._put_questions()
                text = written(self._draft, self._words, self._first(made)) + "\n"
                made = attrs.evolve(made, doubts=tuple(self._draft.doubts), text=text)
            return attrs.evolve(made, trial=trial)
        except InvalidRequest as error:
            # With a question left something may be missing; else an answer is what is wrong.
            if self._draft.answers and not self._draft.doubts:
                raise
            return attrs.evolve(made, refused=error)

    def _first(self, made: Proposal) -> Iterator[str]:
        names = ", ".join(one.path.name for one in self._looks)
        yield self._words("note_first", files=names)
        if made.unused:
            yield self._words("note_unused", columns=_list(made.unused))


def _list(columns: Sequence[Column]) -> str:
    return ", ".join(column.heading or f"{column.index + 1}" for column in columns)


def _trial(made: Proposal) -> Trial:
    """Read the sheets as the mapping says. Nothing is booked, and no bank is asked.

    :raises InvalidRequest: the mapping is none, or the sheets are not what it says.
    """
    mapping = attrs.evolve(parsed(made.text.encode()), questions=())
    importer = MappingImporter(
        mapping, list(made.transfers) or None, accounts=made.accounts, open_accounts=True
    )
    importer.people = people = People(mapping.name, opens=True)
    rows = [importer.read()]
    if made.opening is not None:
        rows.append(importer.opening(made.opening, open_accounts=True))
    first: list[ImportedTransfer] = []
    files: list[str] = []
    passed: Counter[str] = Counter()
    quarantined: list[Quarantined] = []
    count, meant = 0, set[str]()
    for file, item in chain.from_iterable(rows):
        if isinstance(item, ImportedTransfer):
            count += 1
            meant |= {item.earner, item.spender}
            if len(first) < MOST_SHOWN:
                first.append(item)
                files.append(file)
        elif isinstance(item, Passed):
            passed[item.state] += 1
        elif isinstance(item, Quarantined):
            quarantined.append(item)
    shown = tuple(
        Shown(
            Path(file).name,
            item.line,
            "" if item.occurred_on is None else item.occurred_on.isoformat(),
            people.opened.get(item.earner, item.earner),
            people.opened.get(item.spender, item.spender),
            item.seconds,
            " · ".join(text for text in (item.category, item.note) if text),
        )
        for file, item in zip(files, first, strict=True)
    )
    return Trial(count, len(meant), shown, dict(passed), tuple(quarantined))


def _name_of(paths: Sequence[Path]) -> str:
    """Return a name for ids: what the names of the files have in common, without their months.

    >>> from pathlib import Path
    >>> from timebank.interchange.propose.proposal import _name_of
    >>> _name_of([Path("Scambi 2026.xlsx")]), _name_of([Path("gennaio.csv"), Path("febbraio.csv")])
    ('scambi', 'sheet')
    """
    first, *others = ([*_words(path)] for path in paths)
    common = [word for word in first if all(word in other for other in others)]
    name = "-".join(common)[:32].strip("-")
    reserved = {"due", "opening"}
    return name if _NAME.fullmatch(name) and name not in reserved else _DEFAULT_NAME


def _words(path: Path) -> Iterator[str]:
    for word in folded(path.stem).split():
        plain = re.sub(r"[^a-z]", "", word)
        if len(plain) > 1 and plain not in _PASSING and plain[:3] not in {"gen", "feb"}:
            yield plain


__all__ = ["MOST_SHOWN", "Proposal", "Shown", "Trial", "h", "propose"]
