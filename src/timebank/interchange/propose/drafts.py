"""Keep what a mapping is to say: its keys in order, what is said of each, and what is open."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import attrs

from timebank.errors import InvalidRequest, shown
from timebank.interchange.propose.doubts import Doubt

_NONE: Final[Mapping[str, str]] = MappingProxyType({})


@attrs.frozen
class Entry:
    """The value of a key. `code` names what is said of it in the table `propose`, if anything."""

    value: Any
    code: str | None = None
    values: Mapping[str, str] = _NONE


@attrs.define
class Draft:
    """A mapping that is being made: key with its tables, `transfers.state.column` → its entry.

    `answers` are the keys that were said, which take the place of what is found: a value is
    written as in TOML, or a text.
    """

    answers: Mapping[str, str] = _NONE
    entries: dict[str, Entry] = attrs.field(factory=dict)
    doubts: list[Doubt] = attrs.field(factory=list)

    def put(self, key: str, value: Any, code: str | None = None, **values: str) -> None:
        """Say a key, unless it was answered."""
        if key not in self.answers:
            self.entries[key] = Entry(value, code, values)
        else:
            text = self.answers[key]
            # A column without a name has a number, and so has a unit of so many seconds.
            is_number = text.isdigit() and (type(value) is int or key == "amounts.unit")
            self.entries[key] = Entry(int(text) if is_number else value_of(text), "answered")

    def ask(self, doubt: Doubt) -> None:
        """Ask a question, unless its key was answered."""
        if doubt.key is None or doubt.key not in self.answers:
            self.doubts.append(doubt)

    def says(self, key: str) -> Any:
        """Return the value of a key, or `None`."""
        return self.entries[key].value if key in self.entries else None

    def add_answers(self) -> None:
        """Put in the answers whose keys nothing else has said."""
        for key, text in self.answers.items():
            if key not in self.entries:
                self.entries[key] = Entry(value_of(text), "answered")

    @property
    def data(self) -> dict[str, Any]:
        """The keys as the tables of a TOML file."""
        found: dict[str, Any] = {}
        for key, entry in self.entries.items():
            *tables, last = key.split(".")
            place = found
            for table in tables:
                place = place.setdefault(table, {})
            place[last] = entry.value
        return found


def answers_of(texts: tuple[str, ...]) -> dict[str, str]:
    """Return what was said as `KEY=VALUE`.

    :raises InvalidRequest: a text that is no such pair.

    >>> from timebank.interchange.propose.drafts import answers_of
    >>> answers_of(("days.format=dmy",))
    {'days.format': 'dmy'}
    """
    found = {}
    for text in texts:
        key, sign, value = text.partition("=")
        if not sign or not all(part.isidentifier() for part in key.strip().split(".")):
            msg = f"an answer is KEY=VALUE, as days.format=dmy, and not {shown(text)}"
            raise InvalidRequest(msg)
        found[key.strip()] = value.strip()
    return found


def value_of(text: str) -> Any:
    """Return a value that is written as in TOML, or else the text itself.

    >>> from timebank.interchange.propose.drafts import value_of
    >>> value_of("false"), value_of('["dmy", "iso"]'), value_of("Chi dà")
    (False, ['dmy', 'iso'], 'Chi dà')
    """
    if text[:1] in {'"', "'", "[", "{"} or text in {"true", "false"}:
        try:
            return tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            return text
    return text
