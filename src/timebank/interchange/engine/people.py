"""Find the accounts that a source means: by their ids, else by their names, which are never ids.

A sheet names people. A name is text about somebody, which can be erased; an id stays for ever. So
who has no account gets an id that says nothing, `SOURCE-1`, and the name is the account's name.
Nothing is guessed: where several accounts fit, none is taken, and names that are near each other
are told.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import product
from types import MappingProxyType
from typing import Any, Final
from unicodedata import normalize

import attrs

from timebank.bank import TimeBank
from timebank.errors import NotPermitted, shown
from timebank.interchange.engine.cells import CellFault
from timebank.model import MAX_LABEL_CHARACTERS, Account
from timebank.model.alike import folded_name
from timebank.queries.records import account_row, texts_of
from timebank.reports.told import told

#: Pairs of names near each other that a report keeps.
MOST_NEAR: Final = 1_000
#: Accounts that a message names.
_MOST_SHOWN: Final = 5
#: Names of fewer letters are too short to be near another by a letter.
_LEAST_LETTERS: Final = 5
#: Longer ones are compared as they are: all but one letter of each place would be their square.
_MOST_LETTERS: Final = MAX_LABEL_CHARACTERS
_DIGIT: Final = re.compile(r"\d")


@attrs.frozen
class Near:
    """Two accounts whose names are near each other, in the order of their ids.

    They may be one person, whose name is misspelt in one place, or two.
    """

    id: str
    name: str
    other: str
    other_name: str


class People:
    """The accounts of a bank, and those that a source names, by id and by name.

    `name` is the source's, with which ids of accounts begin that are opened here; `opens` says
    whether who is not known gets such an account. `order` tells which of two accounts was opened
    first, where one was merged into the other; left out, it is their ids. `first_names` are those
    under which this source opened accounts that have another name now, by id: where nobody has
    such a name now, it still means that account. Memory grows with the accounts.

    >>> import timebank
    >>> from timebank.interchange.engine.people import People
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1", name="Maria Rossi")
    >>> people = People("sheet", bank.accounts(), opens=True)
    >>> people.id_of("m1", "Who"), people.id_of(" MARIA  rossi", "Who")
    ('m1', 'm1')
    >>> people.id_of("Luca Bianchi", "Who"), dict(people.opened)
    ('sheet-1', {'sheet-1': 'Luca Bianchi'})
    """

    def __init__(
        self,
        name: str,
        accounts: Iterable[Account] = (),
        *,
        opens: bool = False,
        order: Callable[[str], Any] = str,
        first_names: Mapping[str, str] = MappingProxyType({}),
        refusal: NotPermitted | None = None,
    ) -> None:
        """Take the accounts of a bank; or the `refusal`, where it does not let them be listed.

        Names cannot be looked up then, and the refusal is raised where one would have to be.
        """
        self._refusal = refusal
        self.opens = opens
        self._source = name
        self._order = order
        self._names: dict[str, str] = {}
        self._ids: dict[str, list[str]] = {}
        self._opened: dict[str, str] = {}
        #: Merged account → what it became.
        self._into: dict[str, str] = {}
        #: Name under which an account was opened, folded → those accounts.
        self._first: dict[str, list[str]] = {}
        for id, first in first_names.items():
            self._first.setdefault(folded_name(first), []).append(id)
        self._number = 0
        #: What names near each other share → those names, folded.
        self._keys: dict[str, list[str]] | None = None
        #: Ids that this source names, or that its texts were found to mean.
        self._meant: set[str] = set()
        for account in accounts:
            self._add(account.id, account.name)
            if account.merged_into is not None:
                self._into[account.id] = account.merged_into

    @property
    def opened(self) -> Mapping[str, str]:
        """The ids that were made here, and the names of their accounts, in order."""
        return MappingProxyType(self._opened)

    def note(self, id: str, name: str | None = None) -> None:
        """Remember an account that the source lists; it is found by this name as well."""
        self._meant.add(id)
        self._add(id, name)

    def knows(self, id: str) -> bool:
        """Return whether there is an account of this id, or the source lists one."""
        return id in self._names

    def id_of(self, text: str, column: str | int) -> str:
        """Return the id of the account that a text of the source means.

        It is the account of exactly this id; else the one whose name it is, without regard to case,
        accents, blanks and what cannot be seen; else the one that this source opened under that
        name; else, where accounts are opened, a new one. Where an account was merged into another
        of the same name, it is that which was opened first.

        :raises CellFault: several accounts have such a name, or none has and none is opened, or
            it is no name.
        :raises NotPermitted: the bank does not let its accounts be listed.
        """
        if text in self._names:
            self._meant.add(text)
            return text
        if self._refusal is not None:
            raise self._refusal
        folded = folded_name(text)
        ids = (self._ids.get(folded) or self._first.get(folded, [])) if folded else []
        if not ids and self.opens:
            return self._new(text, folded, column)
        if not ids:
            raise CellFault(text, self._unknown(folded), column=column)
        heirs = {self._heir(id) for id in ids}
        if len(heirs) > 1:
            several = ", ".join(map(shown, sorted(heirs)[:_MOST_SHOWN]))
            reason = told("name_of_several", n=len(heirs), accounts=several)
            raise CellFault(text, reason, column=column)
        found = ids[0] if len(ids) == 1 else min(ids, key=self._order)
        self._meant.add(found)
        return found

    def near(self) -> tuple[Near, ...]:
        """Return the names near each other of which this source means at least one.

        Near are two names that differ by one letter, by two that changed places, or by the order
        of their words; and a last name beside its first letter: `Maria R.`.
        """
        return tuple(sorted(self._near_pairs(), key=lambda pair: (pair.id, pair.other)))[:MOST_NEAR]

    # -- what they share ------------------------------------------------------------------

    def _add(self, id: str, name: str | None) -> None:
        self._names[id] = self._names.get(id) or name or ""
        folded = folded_name(name or "")
        if folded and id not in (known := self._ids.setdefault(folded, [])):
            known.append(id)
        self._keys = None

    def _new(self, text: str, folded: str, column: str | int) -> str:
        name = normalize("NFC", " ".join(text.split()))
        # A question mark or a dash is where nobody is named.
        if not any(map(str.isalnum, folded)) or not name.isprintable():
            raise CellFault(text, told("no_name"), column=column)
        if len(name) > MAX_LABEL_CHARACTERS:
            raise CellFault(text, told("too_long", most=MAX_LABEL_CHARACTERS), column=column)
        self._number += 1
        while (id := f"{self._source}-{self._number}") in self._names:
            self._number += 1
        self._opened[id] = name
        self._meant.add(id)
        self._add(id, name)
        return id

    def _unknown(self, folded: str) -> str:
        if near := sorted(self._near(folded)):
            found = (f"{shown(self._names[id])} ({id})" for id in near[:_MOST_SHOWN])
            return told("nobody_but_near", near=", ".join(found))
        return told("nobody")

    def _heir(self, id: str) -> str:
        seen = {id}
        while (into := self._into.get(id)) is not None and into not in seen:
            seen.add(into)
            id = into
        return id

    def _near(self, folded: str) -> set[str]:
        """Return the ids of the accounts whose names are near one, and not it."""
        if self._keys is None:
            self._keys = {}
            for name in self._ids:
                for key in (*_keys(name), *_initials(name)[:1]):
                    self._keys.setdefault(key, []).append(name)
        keys = (*_keys(folded), *_initials(folded)[1:])
        names = {name for key in keys for name in self._keys.get(key, ())} - {folded}
        return {id for name in names for id in self._ids[name]}

    def _near_pairs(self) -> Iterator[Near]:
        for folded, ids in list(self._ids.items()):
            for one, other in product(ids, self._near(folded)):
                is_meant = not self._meant.isdisjoint((one, other))
                if one < other and is_meant and self._heir(one) != self._heir(other):
                    yield Near(one, self._names[one], other, self._names[other])


def people_of(bank: TimeBank, name: str, *, opens: bool = False) -> People:
    """Return the people of a bank, for a source of this name.

    >>> import timebank
    >>> from timebank.interchange.engine.people import people_of
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1", name="Maria Rossi")
    >>> people_of(bank, "sheet").id_of("maria rossi", "Who")
    'm1'
    """

    def opened(id: str) -> int:
        with bank.store.reader(bank.name) as reader:
            return account_row(reader, id).opened

    try:
        accounts = list(bank.accounts())
    except NotPermitted as refusal:
        return People(name, opens=opens, refusal=refusal)
    first_names = _first_names(bank, name, accounts)
    return People(name, accounts, opens=opens, order=opened, first_names=first_names)


def _first_names(bank: TimeBank, name: str, accounts: Iterable[Account]) -> dict[str, str]:
    """Return the names under which a source opened accounts that were renamed since, by id.

    What was erased, or may not be seen, is not among them.
    """
    found = {}
    own = re.compile(rf"{re.escape(name)}-[0-9]+")
    with bank.store.reader(bank.name) as reader:
        for account in accounts:
            if account.name is None or not own.fullmatch(account.id):
                continue
            row = account_row(reader, account.id)
            first = None if row.named == row.opened else texts_of(reader, row.opened).get("name")
            if first is not None:
                found[account.id] = first
    return found


def _keys(folded: str) -> Iterator[str]:
    """Yield what names near each other share: words in any order, all letters but one."""
    yield f"words {' '.join(sorted(folded.split()))}"
    letters = folded.replace(" ", "")
    if _LEAST_LETTERS <= len(letters) <= _MOST_LETTERS and not _DIGIT.search(letters):
        yield f"letters {letters}"
        for place in range(len(letters)):
            yield f"letters {letters[:place]}{letters[place + 1 :]}"


def _initials(folded: str) -> tuple[str, ...]:
    """Return by what a name is found from one that has its last word as a letter, and the reverse.

    First comes the key under which it is kept, then the one by which the other kind is found.
    """
    *first, last = folded.split() or [""]
    if not first:
        return ()
    keys = tuple(f"{kind} {' '.join(first)} {last[0]}" for kind in ("whole", "initial"))
    return keys[::-1] if len(last.rstrip(".")) == 1 else keys
