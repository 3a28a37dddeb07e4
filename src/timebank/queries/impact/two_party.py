"""Count the most common record from its bytes: an exchange between two, without a fee or a flag.

To parse each as JSON would take most of the time. What is counted is first added up by account and
month, and by labels and page; only these sums are worked out further.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import attrs

from timebank.journal import parse
from timebank.queries.impact.cells import LAST, AccountCounts, Cell, bits_of

#: A record with an escape in it does not match, and is parsed.
TWO_PARTY: Final = re.compile(
    rb"""
    \{ (?:"actor":<any>,)? "effects":\{
        "occurred_on":"(\d{4}-\d\d-\d\d)",
        "postings":\[\[<word>,(\d+)\],\[<word>,-(\d+)\]\], "statute":<any> \},
    "format":"timebank/1", "journal":<any>, "kind":"transfer", "recorded_at":\d+,
    "recorded_on":"[^"]+",
    "request":\{
        ((?:"area":<plain>,)? (?:"category":<plain>,)?) "earners":\[\[<any>,\d+\]\],
        (?:"from":<any>,)? "id":<any>, "kind":"exchange",
    """.replace(b"<word>", rb'"([^"\\]*)"')
    .replace(b"<plain>", rb'"[^"\\]*"')
    .replace(b"<any>", rb'"[^"\\]*"'),
    re.VERBOSE,
)
#: Keys of the rest of its request. A quotation mark in a text is escaped, so no text has them.
_HAS_RESOURCE: Final = b'"resource":"'
_RESOURCE: Final = re.compile(rb'"resource":("(?:[^"\\]|\\.)*")')
_VIA: Final = b'"via":"'


@attrs.define
class _Side:
    """What an account gave, or received, in a month; `first` and `last` are days of it."""

    number: int
    kind: str
    exchanges: int = 0
    seconds: int = 0
    first: bytes = LAST.encode()
    last: bytes = b""

    def widen(self, day: bytes) -> None:
        """Take a day in that is before the first one or after the last."""
        self.first, self.last = min(self.first, day), max(self.last, day)


class _Sides(dict[tuple[bytes, bytes], _Side]):
    """The sides of accounts in months, each made when it is first asked for."""

    def __init__(self, numbers: dict[bytes, int], people: list[AccountCounts]) -> None:
        super().__init__()
        self._numbers, self._people = numbers, people

    def __missing__(self, key: tuple[bytes, bytes]) -> _Side:
        number = self._numbers[key[0]]
        side = self[key] = _Side(number, self._people[number].kind)
        return side


@attrs.define
class _Together:
    """What is counted of a page in the same cells, and the numbers of who took part."""

    exchanges: int = 0
    seconds: int = 0
    people: set[int] = attrs.field(factory=set)


class Key(NamedTuple):
    """What decides in which cells an exchange is counted."""

    month: bytes
    labels: bytes
    resource: bytes | None
    is_arranged: bool
    giver_kind: str
    taker_kind: str

    @property
    def request(self) -> dict[str, str]:
        """Return the labels as the request of a transfer has them."""
        labels = [self.labels.removesuffix(b",")] if self.labels else []
        labels += [] if self.resource is None else [b'"resource":%s' % self.resource]
        found: dict[str, Any] = parse(b"{%s}" % b",".join(labels))
        if self.is_arranged:
            found["via"] = ""
        return found


#: As it is looked up: to make a `Key` for each exchange would take as long as the rest.
_Key = tuple[bytes, bytes, bytes | None, bool, str, str]


class TwoPartyCounts:
    """The exchanges between two of a bank, whose accounts are in `people` by their numbers."""

    def __init__(self, people: list[AccountCounts], since: str, until: str) -> None:
        self._people = people
        self._since, self._until = since.encode(), until.encode()
        #: Account → its number, or that of who it became.
        self.numbers: dict[bytes, int] = {}
        #: What was given and received within the period, and what before it.
        self._within, self._before = (
            (_Sides(self.numbers, people), _Sides(self.numbers, people)) for _ in range(2)
        )
        self._page: defaultdict[_Key, _Together] = defaultdict(_Together)
        self._cells: dict[_Key, Cell] = {}

    def count(self, found: re.Match[bytes]) -> bool:
        """Count a record that matches; return false if it is to be parsed.

        :raises KeyError: an account of it was not opened.
        """
        day, earner, earned, spender, spent, labels = found.groups()
        month, is_within = day[:7], day >= self._since
        gave, received = self._within if is_within else self._before
        giver, taker = gave[earner, month], received[spender, month]
        # Of two accounts that became one, nothing is counted here.
        if giver.number == taker.number or earned != spent:
            return False
        if day > self._until:
            return True
        seconds = int(earned)
        giver.exchanges += 1
        giver.seconds += seconds
        if not giver.first <= day <= giver.last:
            giver.widen(day)
        taker.exchanges += 1
        taker.seconds += seconds
        if not taker.first <= day <= taker.last:
            taker.widen(day)
        if is_within:
            body = found.string
            resource = _resource_of(body) if _HAS_RESOURCE in body else None
            key = (month, labels, resource, _VIA in body, giver.kind, taker.kind)
            together = self._page[key]
            together.exchanges += 1
            together.seconds += seconds
            together.people.add(giver.number)
            together.people.add(taker.number)
        return True

    def end_page(self) -> None:
        """Add what was counted of a page to all of them: a set of accounts at a time."""
        for key, together in self._page.items():
            cell = self._cells.get(key)
            if cell is None:
                cell = self._cells[key] = Cell()
            cell.exchanges += together.exchanges
            cell.seconds += together.seconds
            cell.people |= bits_of(together.people)
        self._page.clear()

    def cells(self) -> Iterator[tuple[Key, Cell]]:
        """Yield what was counted of each pair of kinds, month and labels."""
        return ((Key(*key), cell) for key, cell in self._cells.items())

    def add_to_accounts(self) -> None:
        """Add what each account gave and received to its counts."""
        for sides, is_within in ((self._within, True), (self._before, False)):
            for table, sign in zip(sides, (1, -1), strict=True):
                for (_, month), side in table.items():
                    if side.exchanges:
                        self._add(side, month.decode(), sign, is_within=is_within)

    def _add(self, side: _Side, month: str, sign: int, *, is_within: bool) -> None:
        person = self._people[side.number]
        person.net[month] = person.net.get(month, 0) + sign * side.seconds
        person.first = min(person.first, side.first.decode())
        person.last = max(person.last, side.last.decode())
        if not is_within:
            return
        person.exchanges += side.exchanges
        if sign > 0:
            person.given += side.seconds
        else:
            person.received += side.seconds


def _resource_of(body: bytes) -> bytes | None:
    """Return the resource of a record, as JSON."""
    found = _RESOURCE.search(body)
    return None if found is None else found[1]
