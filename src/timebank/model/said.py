"""A text that knows what it says: a key of the catalogue of findings, and what fills its gaps.

It is an ordinary string, in English; whoever shows it in another language looks the key up there.
The English is in the catalogue too, so that nothing is written twice. It is read when the first
of them is made: an audit that finds nothing reads no catalogue.

The catalogue lies in the folder of the reports, which are above the model: all words that people
read are in one place, where a test compares the languages. What is read here is a file of data, as
any table of the library is. Nothing of the reports is imported, and the arrows of imports hold. A
model whose package is taken out of the library has to take that one file with it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final, Self

from timebank.errors import shown

#: The table of the catalogue, in the folder of a language.
TABLE: Final = "findings"
#: The gap by which the form of a text is chosen, where it has one for `one` and one for `many`.
NUMBER: Final = "n"


class Said(str):
    """A text in English, with its `key` and its `gaps`, by which it can be said in others.

    A gap holds text, a number, a `Who`, a `Day`, or another `Said`.

    >>> from timebank.model.said import said
    >>> text = said("record", sequence=7)
    >>> text, text.key, text.gaps
    ('record 7', 'record', {'sequence': 7})
    """

    __slots__ = ("gaps", "key")

    key: str
    gaps: Mapping[str, Any]

    def __new__(cls, key: str, gaps: Mapping[str, Any]) -> Self:
        """Say a text of the catalogue in English."""
        text = super().__new__(cls, filled(_english()[key], gaps))
        text.key, text.gaps = key, dict(gaps)
        return text

    def __getnewargs__(self) -> tuple[str, Mapping[str, Any]]:  # type: ignore[override]  # of this class, whose arguments are others
        return self.key, self.gaps

    def to_json(self) -> list[Any]:
        """Return its key and its gaps, as JSON."""
        return [self.key, {name: to_json(value) for name, value in self.gaps.items()}]


class Who(str):
    """An account as a text shows it, and its `id`: people see its name too, where it has one."""

    __slots__ = ("id",)

    id: str

    def __new__(cls, text: str, id: str) -> Self:
        """Show an account by a text."""
        who = super().__new__(cls, text)
        who.id = id
        return who

    def __getnewargs__(self) -> tuple[str, str]:  # type: ignore[override]  # of this class, whose arguments are others
        return str(self), self.id


class Day(str):
    """A day as `YYYY-MM-DD`, which people see as their language writes it."""

    __slots__ = ()


def said(key: str, **gaps: Any) -> Said:
    """Say a text of the catalogue, with what fills its gaps.

    :raises KeyError: no such key, or a gap without a value.
    """
    return Said(key, gaps)


def told(text: str) -> str:
    """Say a text that is given by its key; free text stays as it is.

    >>> from timebank.model.said import told
    >>> told("elsewhere").key, told("Ask the neighbours.")
    ('elsewhere', 'Ask the neighbours.')
    """
    return said(text) if text in _english() else text


def who(id: object) -> str:
    """Show what should be the id of an account.

    >>> from timebank.model.said import who
    >>> who("m1"), who(None)
    ("'m1'", 'None')
    """
    return Who(shown(id), id) if isinstance(id, str) else shown(id)


def filled(words: str | Mapping[str, str], gaps: Mapping[str, Any]) -> str:
    """Return words with their gaps filled; of two forms the one that fits the number `n`."""
    if not isinstance(words, str):
        words = words["one" if gaps[NUMBER] == 1 else "many"]
    return words.format(**gaps)


def to_json(value: Any) -> Any:
    """Return a value of a gap, or a text, as JSON; `of_json` reads it again."""
    if isinstance(value, Said):
        return value.to_json()
    if isinstance(value, Who):
        return {"who": value.id}
    return value if isinstance(value, int) else str(value)


def of_json(value: Any) -> Any:
    """Return what `to_json` wrote.

    >>> from timebank.model.said import of_json, said, to_json
    >>> of_json(to_json(said("record", sequence=7))), of_json(to_json("free text"))
    ('record 7', 'free text')
    """
    if isinstance(value, dict):
        return who(value["who"])
    if not isinstance(value, list):
        return value
    key, gaps = value
    return Said(key, {name: of_json(gap) for name, gap in gaps.items()})


@cache
def _english() -> Mapping[str, Any]:
    # As data: what shows words to people lies above whoever finds something.
    place = files("timebank") / "reports" / "words" / "en" / f"{TABLE}.toml"
    return tomllib.loads(place.read_text("utf-8"))
