"""Tell whom a cell means, as the mapping says: by an id, by a name, by what a pattern finds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from timebank.interchange.csv.keys import Column
from timebank.interchange.csv.mapping import Mapping
from timebank.interchange.engine.cells import CellFault, id_of
from timebank.interchange.engine.people import People
from timebank.model import MAX_LABEL_CHARACTERS
from timebank.model.alike import folded_name
from timebank.reports.csv_lines import unguarded
from timebank.reports.told import told

#: Texts of which is remembered whom they mean.
_MOST_REMEMBERED: Final = 50_000


class Who:
    """Finds the accounts that cells mean. `people` are those of the bank and of the source."""

    def __init__(self, mapping: Mapping, people: People) -> None:
        part = mapping.people
        self.people = people
        self.by_name = part.by == "name"
        self._pattern = part.pattern
        fold = folded_name if self.by_name else str
        self._fold = fold
        self._same = {fold(text): meant for text, meant in part.same.items()}
        self._ids: dict[str, str] = {}

    def of(self, text: str, column: Column) -> str:
        """Return the id of the account that a text means.

        :raises CellFault: it is empty, it means none or several, or it can be no id.
        """
        if (known := self._ids.get(text)) is not None:
            return known
        if not text:
            raise CellFault(text, told("empty"), column=column)
        if len(text) > MAX_LABEL_CHARACTERS:  # what is near it is not looked for either
            raise CellFault(text, told("too_long", most=MAX_LABEL_CHARACTERS), column=column)
        meant = self._meant(unguarded(text, as_text=True), column)
        found = self.people.id_of(meant, column) if self.by_name else id_of(meant, column)
        if len(self._ids) < _MOST_REMEMBERED:
            self._ids[text] = found
        return found

    def fixed(self, text: str, column: Column) -> str:
        """Return the id of the account that the mapping itself names, for all rows.

        :raises CellFault: it means none, or several.
        """
        return self.people.id_of(text, column) if self.by_name else text

    def known(self, text: str, column: Column) -> str:
        """Return the id of the account that a text means, where it is known already.

        :raises CellFault: as `of`; or nobody is known by it.
        """
        with self._opening(opens=False):
            return self.of(text, column)

    def opened(self, text: str, column: Column) -> str:
        """Return the id of the account that a text means, which is made where nobody is known.

        :raises CellFault: as `of`.
        """
        with self._opening(opens=True):
            return self.of(text, column)

    def note(self, id: str, *names: str) -> None:
        """Remember an account of the source, and how it is called there."""
        if self.by_name:
            for name in names or ("",):
                self.people.note(id, name or None)

    def name_of(self, id: str) -> str | None:
        """Return the name of an account that is made for a name."""
        return self.people.opened.get(id)

    def _meant(self, text: str, column: Column) -> str:
        if (meant := self._same.get(self._fold(text))) is not None:
            return meant
        if self._pattern is None:
            return text
        if (found := self._pattern.search(text)) is None or not found[1]:
            raise CellFault(text, told("no_pattern", pattern=self._pattern.pattern), column=column)
        return str(found[1])

    @contextmanager
    def _opening(self, *, opens: bool) -> Iterator[None]:
        before, self.people.opens = self.people.opens, opens
        try:
            yield
        finally:
            self.people.opens = before
