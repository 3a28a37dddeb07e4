"""What accounts are called for who acts on a bank: names a host knows, and those it may read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from timebank.errors import TimebankError

if TYPE_CHECKING:
    from timebank.bank import BankBatch, TimeBank


class KnownNames(Mapping[str, str]):
    """Ids of accounts → what they are called for who acts on a bank; every id has a name.

    `known` are names that the host knows and may show, as those of its directory. Of other
    accounts the bank is asked, whose permissions decide; an account that has no name, or none that
    is for this reader, is called by its id. Only what was known or asked for is counted and listed.

    >>> import timebank
    >>> from timebank.reports import KnownNames
    >>> bank = timebank.open("memory:", permissions=timebank.Roles({"desk": ["coordinator"]}))
    >>> for id, name in (("m1", "Maria"), ("m2", "Luca"), ("m3", "Rosa")):
    ...     _ = bank.acting_as("desk").open_account(id, name=name)
    >>> names = KnownNames(bank.acting_as("m1"), {"m2": "Luca B."})
    >>> names["m1"], names["m2"], names["m3"]
    ('Maria', 'Luca B.', 'm3')
    """

    def __init__(self, bank: TimeBank | BankBatch, known: Mapping[str, str] | None = None) -> None:
        self._bank, self._names = bank, dict(known or {})

    def __getitem__(self, id: str) -> str:
        if id not in self._names:
            try:
                name = self._bank.account(id).name
            except TimebankError:
                name = None
            self._names[id] = name or id
        return self._names[id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)
