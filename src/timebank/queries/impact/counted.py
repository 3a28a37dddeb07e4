"""Count the exchanges of a bank in one pass, in memory that grows with its accounts.

An *exchange* is a transfer, or a settled hold, of the kind `exchange`. Hours that were reversed
are subtracted, and an exchange of which nothing is left is not counted. An exchange is counted
in the month of its day of service, and under its category, area and resource; a settlement has
those of its hold.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Final

import attrs

from timebank.errors import Corrupt
from timebank.journal import parse
from timebank.queries.clock import Restarts
from timebank.queries.records import find_record
from timebank.storage.protocol import Reader

PAGE: Final = 1_000
#: The number of open holds whose requests are cached. Others are read again.
CACHED_HOLDS: Final = 10_000
LAST: Final = "9999-12-31"
#: The most common record: an exchange between two accounts, without a fee or a flag. To parse
#: it as JSON would take most of the time. A record with an escape in it is parsed as JSON.
_TWO_PARTY: Final = re.compile(
    rb"""
    \{ (?:"actor":<any>,)? "effects":\{
        "occurred_on":"(\d{4}-\d\d-\d\d)",
        "postings":\[\[<word>,(\d+)\],\[<word>,-(\d+)\]\], "statute":<any> \},
    "format":"timebank/1", "journal":<any>, "kind":"transfer", "recorded_at":\d+,
    "recorded_on":"([^"]+)",
    "request":\{
        (?:"area":<word>,)? (?:"category":<word>,)? "earners":\[\[<any>,\d+\]\],
        "id":<any>, "kind":"exchange",
    """.replace(b"<word>", rb'"([^"\\]*)"').replace(b"<any>", rb'"[^"\\]*"'),
    re.VERBOSE,
)
#: Keys of the rest of its request. A quotation mark in a text is escaped, so no text matches.
_RESOURCE: Final = b'"resource":"'
_VIA: Final = b'"via":"'

#: Called with the number of records done and the number of all.
Progress = Callable[[int, int], None]
Lines = list[list[Any]]


@attrs.define
class Cell:
    """A count of exchanges and seconds, and the set of accounts that took part, as bits."""

    exchanges: int = 0
    seconds: int = 0
    people: int = 0

    @property
    def accounts(self) -> int:
        """The number of accounts that took part."""
        return self.people.bit_count()

    def merge(self, other: Cell, offset: int) -> None:
        """Add the cell of another bank, whose accounts are numbered from `offset` on."""
        self.exchanges += other.exchanges
        self.seconds += other.seconds
        self.people |= other.people << offset


@attrs.define
class AccountCounts:
    """The counts of one account; `net` is the change of its balance in each month."""

    kind: str
    joined: str
    status: str = "open"
    given: int = 0
    received: int = 0
    exchanges: int = 0
    first: str = LAST
    last: str = ""
    net: dict[str, int] = attrs.field(factory=dict)


@attrs.define
class ExchangeCounts:
    """The counts of one bank, or of several together. Days are `YYYY-MM-DD`."""

    since: str = ""
    until: str = LAST
    banks: int = 1
    people: list[AccountCounts] = attrs.field(factory=list)
    all: Cell = attrs.field(factory=Cell)
    among_members: Cell = attrs.field(factory=Cell)
    arranged: Cell = attrs.field(factory=Cell)
    others: dict[str, Cell] = attrs.field(factory=dict)
    months: dict[str, Cell] = attrs.field(factory=dict)
    categories: dict[str, Cell] = attrs.field(factory=dict)
    areas: dict[str, Cell] = attrs.field(factory=dict)
    resources: dict[str, Cell] = attrs.field(factory=dict)
    month_areas: dict[tuple[str, str], Cell] = attrs.field(factory=dict)
    flows: dict[tuple[str, str], Cell] = attrs.field(factory=dict)
    today: str = ""

    def merge(self, other: ExchangeCounts) -> None:
        """Add the counts of another bank."""
        offset = len(self.people)
        self.people += other.people
        self.banks += other.banks
        self.today = max(self.today, other.today)
        for mine, theirs in (
            (self.all, other.all),
            (self.among_members, other.among_members),
            (self.arranged, other.arranged),
        ):
            mine.merge(theirs, offset)
        for name in _TABLES:
            table: dict[Any, Cell] = getattr(self, name)
            for key, cell in getattr(other, name).items():
                table.setdefault(key, Cell()).merge(cell, offset)


_TABLES: Final = (
    "others",
    "months",
    "categories",
    "areas",
    "resources",
    "month_areas",
    "flows",
)
MEMBERS: Final = frozenset({"member", "group"})
_STATUSES: Final = {
    "freeze": "frozen",
    "thaw": "open",
    "close_account": "closed",
    "reopen": "open",
}


def count(
    reader: Reader, *, since: str = "", until: str = LAST, progress: Progress | None = None
) -> ExchangeCounts:
    """Count the exchanges of a bank with a day of service from `since` to `until`, both included.

    :raises Corrupt: the journal cannot be read.
    """
    counter = _Counter(reader, since, until)
    after, total = 0, reader.head().sequence
    while page := reader.records(after=after, limit=PAGE):
        for row in page:
            # Only a transfer can match: the pattern is not tried on the bytes of other records.
            two_party = _TWO_PARTY.match(row.body) if row.kind == "transfer" else None
            if two_party is not None and counter.add_two_party(two_party):
                continue
            try:
                counter.count_record(parse(row.body))
            except (AttributeError, KeyError, TypeError, ValueError, IndexError) as error:
                msg = f"record {row.sequence} cannot be read: {error!r}"
                raise Corrupt(msg) from error
        after = page[-1].sequence
        if progress is not None:
            progress(after, total)
    return counter.result()


class _Counter:
    def __init__(self, reader: Reader, since: str, until: str) -> None:
        self._reader = reader
        self._since, self._until = since, until
        self._restarts = Restarts.read(reader)
        self.counted = ExchangeCounts(since, until)
        self._numbers: dict[str, int] = {}
        self._holds: dict[int, dict[str, Any]] = {}
        #: The day of the last record.
        self._today = ""
        #: Cells by month, labels and kinds of account.
        self._cells: dict[tuple[Any, ...], list[Cell]] = {}
        #: Counts of exchanges between two, by the bytes of their labels, with two of the accounts.
        self._two_party: dict[tuple[Any, ...], tuple[Cell, int, int]] = {}
        self._bytes: dict[bytes, int] = {}
        self._bits: list[int] = []
        self._ids: list[str] = []
        #: Cells that an account may have to leave, for one of its exchanges was reversed.
        self._cells_to_check: dict[int, list[Cell]] = {}

    def add_two_party(self, two_party: re.Match[bytes]) -> bool:
        """Count an exchange between two accounts; return false if `count_record` must count it."""
        day_, earner, earned, spender, spent, today, area, category = two_party.groups()
        body, end, resource = two_party.string, two_party.end(), None
        if (at := body.find(_RESOURCE, end)) >= 0:
            at += len(_RESOURCE)
            resource = body[at : body.index(b'"', at)]
            if b"\\" in resource:
                return False
        via = body.find(_VIA, end) >= 0
        numbers, seconds = self._bytes, int(earned)
        if earner not in numbers or spender not in numbers or earned != spent:
            return False
        gives, takes, day = numbers[earner], numbers[spender], day_.decode()
        self._today = today.decode()
        if day > self._until:
            return True
        people = self.counted.people
        giver, taker, month = people[gives], people[takes], day[:7]
        net = giver.net
        net[month] = net.get(month, 0) + seconds
        net = taker.net
        net[month] = net.get(month, 0) - seconds
        for person in (giver, taker):
            person.first = min(person.first, day)
            person.last = max(person.last, day)
        if day < self._since:
            return True
        giver.given += seconds
        giver.exchanges += 1
        taker.received += seconds
        taker.exchanges += 1
        key = (month, area, category, resource, via, giver.kind, taker.kind)
        found = self._two_party.get(key)
        if found is None:
            found = self._two_party[key] = (Cell(), gives, takes)
        cell = found[0]
        cell.exchanges += 1
        cell.seconds += seconds
        cell.people |= self._bits[gives] | self._bits[takes]
        return True

    def _merge_two_party(self) -> None:
        """Add the counts of exchanges between two accounts to all the others."""
        for key, (found, gives, takes) in self._two_party.items():
            month, *words, via, giver, taker = key
            names = zip(("area", "category", "resource"), words, strict=True)
            request = {name: word.decode() for name, word in names if word is not None}
            if via:
                request["via"] = ""
            cells = self._cells_of(request, month, [gives, takes])
            for cell in (*cells, _cell(self.counted.flows, (taker, giver))):
                cell.merge(found, 0)

    def count_record(self, record: dict[str, Any]) -> None:
        """Count one record."""
        kind, effects = record["kind"], record["effects"]
        if kind == "transfer":
            self._transfer(record["request"], effects, count=1, sign=1)
        elif kind == "settle":
            self._transfer(self._request_of_hold(effects["resolves"]), effects, count=1, sign=1)
        elif kind == "due":
            self._transfer({"kind": record["request"]["rule"]}, effects, count=1, sign=1)
        elif kind == "hold":
            self._holds[record["sequence"]] = record["request"]
            if len(self._holds) > CACHED_HOLDS:
                del self._holds[next(iter(self._holds))]
        elif kind == "void":
            self._holds.pop(effects["resolves"], None)
        elif kind == "reverse":
            self._reverse(record)
        elif kind == "open_account":
            sets = effects["sets"]
            number, id = len(self.counted.people), effects["account"]
            self._numbers[id] = self._bytes[id.encode()] = number
            self._bits.append(1 << number)
            self._ids.append(id)
            day = self._day(record)
            self.counted.people.append(AccountCounts(sets["kind"], sets["joined_on"] or day))
        elif kind in _STATUSES and self._day(record) <= self._until:
            person = self.counted.people[self._numbers[effects["account"]]]
            person.status = _STATUSES[kind]
        self._today = record["recorded_on"]

    def result(self) -> ExchangeCounts:
        """Return the counts, as of the day of the last record."""
        self._merge_two_party()
        for number, cells in self._cells_to_check.items():
            remaining = self._cells_with(number)
            for cell in cells:
                if id(cell) not in remaining:
                    cell.people &= ~self._bits[number]
        self.counted.today = self._today
        return self.counted

    def _day(self, record: dict[str, Any]) -> str:
        """Return the day for which a record counts."""
        return self._restarts.dated(record["sequence"], 0, record["recorded_on"])[1]

    def _request_of_hold(self, sequence: int) -> dict[str, Any]:
        """Return the request of a hold that is settled."""
        if sequence in self._holds:
            return self._holds.pop(sequence)
        return self._record(sequence)["request"]  # type: ignore[no-any-return]  # an object

    def _record(self, sequence: int) -> dict[str, Any]:
        row = find_record(self._reader, sequence)
        if row is None:
            msg = f"record {sequence} is missing"
            raise Corrupt(msg)
        return parse(row.body)

    def _transfer(
        self, request: dict[str, Any], effects: dict[str, Any], *, count: int, sign: int
    ) -> None:
        """Count a transfer, or with a `sign` of -1 the reversed part of one."""
        day, lines = effects["occurred_on"], effects["postings"]
        self._post(lines, day, sign=1)
        self._exchange(request, lines, effects.get("fee", ()), day, count=count, sign=sign)

    def _post(self, lines: Lines, day: str, *, sign: int) -> None:
        if day > self._until:
            return
        people, numbers, month = self.counted.people, self._numbers, day[:7]
        for account, seconds in lines:
            net = people[numbers[account]].net
            net[month] = net.get(month, 0) + sign * seconds

    def _reverse(self, record: dict[str, Any]) -> None:
        """Subtract what was reversed, in the month and under the labels of the original."""
        effects = record["effects"]
        self._post(effects["postings"], effects["occurred_on"], sign=1)
        original = self._record(effects["reverses"])
        request = original["request"]
        if original["kind"] == "settle":
            request = self._record(original["effects"]["resolves"])["request"]
        elif original["kind"] == "due":
            request = {"kind": request["rule"]}
        moved = sum(
            _seconds_without_fee(parse(row.body)["effects"])
            for row in self._reader.referring(effects["reverses"])
            if row.sequence <= record["sequence"]
        )
        whole = moved >= _seconds_without_fee(original["effects"])
        back = [[account, -seconds] for account, seconds in effects["postings"]]
        fee = effects.get("fee", ())
        day = original["effects"]["occurred_on"]
        self._exchange(request, back, fee, day, count=-int(whole), sign=-1)

    def _exchange(
        self,
        request: dict[str, Any],
        lines: Lines,
        fee: Any,
        day: str,
        *,
        count: int,
        sign: int,
    ) -> None:
        """Count the postings of an exchange, without those of its fee, which come last."""
        own = _without_fee(lines, fee)
        if request["kind"] != "exchange":
            if self._since <= day <= self._until:
                seconds = sum(seconds for _, seconds in lines if seconds > 0)
                cell = self.counted.others.setdefault(request["kind"], Cell())
                self._add([cell], sign * seconds, (), count=count)
            return
        numbers = [self._numbers[account] for account, _ in own]
        if count > 0 and day <= self._until:
            for number in numbers:
                person = self.counted.people[number]
                person.first, person.last = min(person.first, day), max(person.last, day)
        if self._since <= day <= self._until:
            self._count_in_period(request, own, numbers, day, count=count, sign=sign)

    def _count_in_period(
        self,
        request: dict[str, Any],
        own: Lines,
        numbers: list[int],
        day: str,
        *,
        count: int,
        sign: int,
    ) -> None:
        people = self.counted.people
        seconds = 0
        for number, (_, moved) in zip(numbers, own, strict=True):
            person = people[number]
            if moved > 0:
                person.given += sign * moved
                seconds += moved
            else:
                person.received -= sign * moved
        seconds *= sign
        once = numbers if len(numbers) == 2 else list(set(numbers))  # noqa: PLR2004  # two differ
        for number in once:
            people[number].exchanges += count
        cells = self._cells_of(request, day[:7], once)
        self._add(cells, seconds, once, count=count)
        for key, share in self._flows(own, numbers).items():
            self._add([_cell(self.counted.flows, key)], sign * share, once, count=count)

    def _add(self, cells: list[Cell], seconds: int, numbers: Iterable[int], *, count: int) -> None:
        """Add an exchange; with a `count` of -1 subtract one, with 0 change the hours only."""
        bits = 0
        for number in numbers:
            bits |= self._bits[number]
            if count < 0:
                self._cells_to_check.setdefault(number, []).extend(cells)
        for cell in cells:
            cell.exchanges += count
            cell.seconds += seconds
            if count > 0:
                cell.people |= bits

    def _cells_with(self, number: int) -> set[int]:
        """Return the ids of the cells of an account, by its exchanges not fully reversed."""
        found: set[int] = set()
        after, last = 0, 0
        while rows := self._reader.postings(self._ids[number], after=after, limit=PAGE):
            for row in rows:
                if row.sequence != last and self._since <= row.day <= self._until:
                    found |= self._cells_at(row.sequence)
                last = row.sequence
            after = rows[-1].version
        return found

    def _cells_at(self, sequence: int) -> set[int]:
        """Return the ids of the cells in which a record is counted."""
        record = self._record(sequence)
        kind, effects = record["kind"], record["effects"]
        if kind not in {"transfer", "settle"}:
            return set()
        request = record["request"]
        if kind == "settle":
            request = self._record(effects["resolves"])["request"]
        back = sum(
            _seconds_without_fee(parse(row.body)["effects"])
            for row in self._reader.referring(sequence)
        )
        if request["kind"] != "exchange" or back >= _seconds_without_fee(effects):
            return set()
        own = _without_fee(effects["postings"], effects.get("fee", ()))
        numbers = [self._numbers[account] for account, _ in own]
        cells = self._cells_of(request, effects["occurred_on"][:7], list(set(numbers)))
        flows = [_cell(self.counted.flows, key) for key in self._flows(own, numbers)]
        return {id(cell) for cell in (*cells, *flows)}

    def _cells_of(self, request: dict[str, Any], month: str, numbers: list[int]) -> list[Cell]:
        """Return the cells in which an exchange is counted, cached by month and labels."""
        counted, people = self.counted, self.counted.people
        among_members = all(people[number].kind in MEMBERS for number in numbers)
        get = request.get
        words = (get("area", ""), get("category", ""), get("resource", ""))
        key = (month, *words, "via" in request, among_members)
        cells = self._cells.get(key)
        if cells is None:
            area, category, resource = words
            cells = [
                counted.all,
                _cell(counted.months, month),
                _cell(counted.categories, category),
                _cell(counted.areas, area),
                _cell(counted.resources, resource),
                _cell(counted.month_areas, (month, area)),
            ]
            cells += [counted.among_members] if among_members else []
            cells += [counted.arranged] if "via" in request else []
            self._cells[key] = cells
        return cells

    def _flows(self, own: Lines, numbers: list[int]) -> dict[tuple[str, str], int]:
        """Return the seconds from each kind of account to each, in proportion to both sides."""
        people = self.counted.people
        if len(own) == 2:  # noqa: PLR2004  # the usual case, between two
            earner, spender = numbers
            return {(people[spender].kind, people[earner].kind): abs(own[0][1])}
        earned: dict[str, int] = {}
        spent: dict[str, int] = {}
        for number, (_, seconds) in zip(numbers, own, strict=True):
            side = earned if seconds > 0 else spent
            side[people[number].kind] = side.get(people[number].kind, 0) + abs(seconds)
        total = sum(earned.values())
        return {
            (taker, giver): given * taken // total
            for giver, given in earned.items()
            for taker, taken in spent.items()
        }


def _cell(table: dict[Any, Cell], key: Any) -> Cell:
    found = table.get(key)
    if found is None:
        found = table[key] = Cell()
    return found


def _seconds_without_fee(effects: dict[str, Any]) -> int:
    """Return the seconds of an exchange, without its fee."""
    own = _without_fee(effects["postings"], effects.get("fee", ()))
    return sum(seconds for _, seconds in own if seconds > 0)


def _without_fee(lines: Lines, fee: Any) -> Lines:
    """Return the postings of an exchange, without those of its fee, which come last."""
    return lines[: len(lines) - len(fee)] if fee else lines
