"""Count the exchanges of a bank in one pass, in memory that grows with its accounts.

An *exchange* is a transfer, or a settled hold, of the kind `exchange`. Hours that were reversed
are subtracted, and an exchange of which nothing is left is not counted. An exchange is counted
in the month of its day of service, and under its category, area and resource, as they were amended
last; a settlement has those of its hold. What was reversed behind the closing of the books is
subtracted on the day of the reversal, and who took part stays counted: so the figures of a closed
year stay as they are. An account counts as the one that it was merged into, and all are of the
kind, and joined on the day, that is known now.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, cast

from timebank.errors import Corrupt
from timebank.journal import parse, recorded
from timebank.journal.kinds import RecordBody
from timebank.model import AccountRow, RecordRow
from timebank.model.agreements import PEER_PREFIX
from timebank.queries.clock import Restarts
from timebank.queries.corrections import described_now
from timebank.queries.impact.cells import LAST, MEMBERS, AccountCounts, Cell, ExchangeCounts
from timebank.queries.impact.two_party import TWO_PARTY, TwoPartyCounts
from timebank.queries.records import all_accounts, find_record, reversals_of, taken_back_by
from timebank.queries.statutes import statute_rows
from timebank.storage.protocol import Reader

PAGE: Final = 1_000
#: The number of open holds whose requests are cached. Others are read again.
CACHED_HOLDS: Final = 10_000
#: What an exchange is counted under.
_LABELS: Final = frozenset({"area", "category", "resource"})

_STATUSES: Final = {
    "freeze": "frozen",
    "thaw": "open",
    "close_account": "closed",
    "reopen": "open",
    "merge": "closed",
}
_MOST_OPEN: Final = ("open", "frozen", "closed")

#: Called with the number of records done and the number of all.
Progress = Callable[[int, int], None]
Lines = list[list[Any]]


def count(
    reader: Reader, *, since: str = "", until: str = LAST, progress: Progress | None = None
) -> ExchangeCounts:
    """Count the exchanges of a bank with a day of service from `since` to `until`, both included.

    :raises Corrupt: the journal cannot be read.
    """
    after, total = 0, reader.head().sequence
    counter = _Counter(reader, since, until)
    match, add = TWO_PARTY.match, counter.two_party.count
    last: RecordRow | None = None
    # What is recorded meanwhile, in a batch by whoever is told of progress, is not counted.
    while page := reader.records(after=after, limit=min(PAGE, total - after)):
        for row in page:
            # Only a transfer can match: the pattern is not tried on the bytes of other records.
            found = match(row.body) if row.kind == "transfer" else None
            try:
                if found is not None and add(found):
                    continue
                counter.count_record(parse(row.body))
            except (AttributeError, KeyError, TypeError, ValueError, IndexError) as error:
                msg = f"record {row.sequence} cannot be read: {error!r}"
                raise Corrupt(msg) from error
        counter.two_party.end_page()
        after = page[-1].sequence
        if progress is not None:
            progress(after, total)
        last = page[-1]
    return counter.result(recorded(last.body)[1] if last else "")


class _Counter:
    def __init__(self, reader: Reader, since: str, until: str) -> None:
        self._reader = reader
        self._since, self._until = since, until
        self._restarts = Restarts.read(reader)
        self._rows = {row.account: row for row in all_accounts(reader)}
        #: The last day of closed books, from a record on, in order.
        self._closed = sorted(
            (row.sequence, row.closed_through or "") for row in statute_rows(reader)
        )
        self.counted = ExchangeCounts(since, until)
        self.two_party = TwoPartyCounts(self.counted.people, since, until)
        #: The number of each account: that of who it became.
        self._numbers: dict[str, int] = {}
        self._persons: dict[str, int] = {}
        self._statuses: dict[str, str] = {}
        self._holds: dict[int, Mapping[str, Any]] = {}
        #: Cells by month, labels and kinds of account.
        self._cells: dict[tuple[Any, ...], list[Cell]] = {}
        self._ids: list[list[str]] = []
        #: Cells that an account may have to leave, for one of its exchanges was reversed.
        self._cells_to_check: dict[int, list[Cell]] = {}

    def _add_two_party(self) -> None:
        """Add the counts of exchanges between two accounts to all the others."""
        self.two_party.end_page()
        self.two_party.add_to_accounts()
        for key, found in self.two_party.cells():
            among_members = MEMBERS.issuperset((key.giver_kind, key.taker_kind))
            cells = self._cells_in(key.request, key.month.decode(), among_members=among_members)
            flow = _cell(self.counted.flows, (key.taker_kind, key.giver_kind))
            for cell in (*cells, flow):
                cell.merge(found, 0)

    def count_record(self, record: dict[str, Any]) -> None:
        """Count one record."""
        kind, effects = record["kind"], record["effects"]
        if kind == "transfer":
            self._transfer(record["request"], effects)
        elif kind == "settle":
            request = self._request_of_hold(effects["resolves"], record["sequence"])
            if "reverses" in request.get("offer", ()):
                self._reverse(record)
            else:
                self._transfer(request, effects)
        elif kind == "due":
            self._transfer({"kind": record["request"]["rule"]}, effects)
        elif kind in {"hold", "void"}:
            self._hold(record)
        elif kind == "reverse":
            self._reverse(record)
        elif kind == "amend":
            self._amend(record)
        elif kind == "open_account":
            self._open(effects["account"], self._day(record))
        elif kind in _STATUSES and self._day(record) <= self._until:
            self._set_status(effects["account"], _STATUSES[kind])

    def result(self, today: str) -> ExchangeCounts:
        """Return the counts, as of the day of the last record."""
        self._add_two_party()
        for number, cells in self._cells_to_check.items():
            remaining = self._cells_with(number)
            for cell in cells:
                if id(cell) not in remaining:
                    cell.people &= ~(1 << number)
        self.counted.today = today
        return self.counted

    def _day(self, record: dict[str, Any]) -> str:
        """Return the day for which a record counts."""
        return self._restarts.dated(record["sequence"], 0, record["recorded_on"])[1]

    # -- accounts ----------------------------------------------------------------------

    def _open(self, id: str, day: str) -> None:
        """Number an account, with the same number as those that became one with it."""
        heir = self._heir(id)
        number = self._persons.setdefault(heir.account, len(self._ids))
        self._numbers[id] = self.two_party.numbers[id.encode()] = number
        if number < len(self._ids):
            self._ids[number].append(id)
            if day <= self._until:
                self.counted.people[number].status = "open"
            return
        self._ids.append([id])
        self.counted.people.append(AccountCounts(heir.kind, heir.joined_on or day))

    def _heir(self, id: str) -> AccountRow:
        """Return the account that one became: itself, where it was not merged."""
        row = self._rows[id]
        while row.merged_into is not None:
            row = self._rows[row.merged_into]
        return row

    def _set_status(self, id: str, status: str) -> None:
        """Set the status of an account: a person has the most open one of theirs."""
        self._statuses[id] = status
        number = self._numbers[id]
        found = {self._statuses.get(one, "open") for one in self._ids[number]}
        self.counted.people[number].status = next(one for one in _MOST_OPEN if one in found)

    # -- what is counted ---------------------------------------------------------------

    def _hold(self, record: dict[str, Any]) -> None:
        """Remember the request of a hold, until it is resolved."""
        if record["kind"] == "void":
            self._holds.pop(record["effects"]["resolves"], None)
            return
        self._holds[record["sequence"]] = record["request"]
        if len(self._holds) > CACHED_HOLDS:
            del self._holds[next(iter(self._holds))]

    def _request_of_hold(self, sequence: int, settled: int) -> Mapping[str, Any]:
        """Return the request of a hold, as it was amended when a record settled it."""
        if sequence in self._holds:
            return self._holds.pop(sequence)
        request = self._record(sequence)["request"]
        return described_now(self._reader, sequence, request, through=settled).request

    def _described(
        self, record: dict[str, Any], *, through: int | None = None
    ) -> Mapping[str, Any]:
        """Return what describes a movement, as it was amended by a record, or last."""
        request: Mapping[str, Any] = record["request"]
        if record["kind"] == "due":
            return {"kind": request["rule"]}
        if record["kind"] == "settle":
            record = self._record(record["effects"]["resolves"])
        return described_now(
            self._reader, record["sequence"], record["request"], through=through
        ).request

    def _is_closed(self, day: str, sequence: int) -> bool:
        """Return whether a day was in closed books when a record was made."""
        place = bisect_left(self._closed, (sequence, ""))
        return place > 0 and day <= self._closed[place - 1][1]

    def _record(self, sequence: int) -> dict[str, Any]:
        row = find_record(self._reader, sequence)
        if row is None:
            msg = f"record {sequence} is missing"
            raise Corrupt(msg)
        return parse(row.body)

    def _transfer(self, request: Mapping[str, Any], effects: dict[str, Any]) -> None:
        """Count a transfer."""
        day, lines = effects["occurred_on"], effects["postings"]
        self._post(lines, day)
        self._exchange(request, lines, effects.get("fee", ()), day, count=1, sign=1)

    def _post(self, lines: Lines, day: str) -> None:
        if day > self._until:
            return
        people, numbers, month = self.counted.people, self._numbers, day[:7]
        for account, seconds in lines:
            net = people[numbers[account]].net
            net[month] = net.get(month, 0) + seconds

    def _reverse(self, record: dict[str, Any]) -> None:
        """Subtract what was reversed, under the labels of the original.

        It is in the month of the original; but where that was in closed books, in its own.
        """
        effects, sequence = record["effects"], record["sequence"]
        self._post(effects["postings"], effects["occurred_on"])
        taken = taken_back_by(self._reader, cast("RecordBody", record)) or 0
        original = self._record(taken)
        request = self._described(original, through=sequence)
        moved = sum(
            _seconds_without_fee(parse(row.body)["effects"])
            for row in reversals_of(self._reader, taken)
            if row.sequence <= sequence
        )
        whole = moved >= _seconds_without_fee(original["effects"])
        back = [[account, -seconds] for account, seconds in effects["postings"]]
        fee = effects.get("fee", ())
        day = original["effects"]["occurred_on"]
        if is_closed := self._is_closed(day, sequence):
            day = effects["occurred_on"]
        self._exchange(request, back, fee, day, count=-int(whole), sign=-1, leaves=not is_closed)

    def _amend(self, record: dict[str, Any]) -> None:
        """Count an exchange under its other labels, where they were amended."""
        effects, through = record["effects"], record["sequence"]
        if _LABELS.isdisjoint(effects["sets"]):
            return
        sequence = effects["amends"]
        made = self._record(sequence)
        request = described_now(self._reader, sequence, made["request"], through=through).request
        if made["kind"] == "hold":
            if sequence in self._holds:
                self._holds[sequence] = request
                return
            rows = self._reader.referring(sequence)
            settled = [row for row in rows if row.kind == "settle" and row.sequence < through]
            if not settled:
                return
            made = parse(settled[0].body)
        if request["kind"] != "exchange":
            return
        was = {**request, **effects["was"]}
        before = {field: value for field, value in was.items() if value is not None}
        own = _without_fee(made["effects"]["postings"], made["effects"].get("fee", ()))
        numbers = list({self._numbers[account] for account, _ in own})
        for month, seconds, count, who in self._parts(made, numbers, through):
            cells = self._cells_of(before, month, numbers)
            self._add(cells, -seconds, who, count=-count)
            self._add(self._cells_of(request, month, numbers), seconds, who, count=count)

    def _parts(
        self, made: dict[str, Any], numbers: list[int], through: int
    ) -> Iterator[tuple[str, int, int, list[int]]]:
        """Yield what an exchange counts for by a record: month, seconds, exchanges, accounts.

        What is reversed is taken off, but what is counted in a month of its own.
        """
        day, left = made["effects"]["occurred_on"], _seconds_without_fee(made["effects"])
        in_month, is_counted = left, True
        for row in reversals_of(self._reader, made["sequence"]):
            if row.sequence >= through:
                break
            effects = parse(row.body)["effects"]
            seconds = _seconds_without_fee(effects)
            left -= seconds
            if not self._is_closed(day, row.sequence):
                in_month -= seconds
                is_counted = left > 0
            elif self._since <= effects["occurred_on"] <= self._until:
                yield effects["occurred_on"][:7], -seconds, -int(left <= 0), []
        if (is_counted or in_month) and self._since <= day <= self._until:
            yield day[:7], in_month, int(is_counted), numbers if is_counted else []

    def _exchange(
        self,
        request: Mapping[str, Any],
        lines: Lines,
        fee: Any,
        day: str,
        *,
        count: int,
        sign: int,
        leaves: bool = True,
    ) -> None:
        """Count the postings of an exchange, without those of its fee, which come last.

        With a `sign` of -1 they are what was reversed of it: who took part in an exchange of which
        nothing is left `leaves`, or stays counted.
        """
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
            self._count_in_period(request, own, numbers, day, count=count, sign=sign, leaves=leaves)

    def _count_in_period(
        self,
        request: Mapping[str, Any],
        own: Lines,
        numbers: list[int],
        day: str,
        *,
        count: int,
        sign: int,
        leaves: bool,
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
        once = list(set(numbers))
        who = once if leaves else []
        for number in who:
            people[number].exchanges += count
        cells = self._cells_of(request, day[:7], once)
        self._add(cells, seconds, who, count=count)
        if self._across(request):
            return
        for key, share in self._flows(own, numbers).items():
            self._add([_cell(self.counted.flows, key)], sign * share, who, count=count)

    def _add(self, cells: list[Cell], seconds: int, numbers: Iterable[int], *, count: int) -> None:
        """Add an exchange; with a `count` of -1 subtract one, with 0 change the hours only."""
        bits = 0
        for number in numbers:
            bits |= 1 << number
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
        for account in self._ids[number]:
            after, last = 0, 0
            while rows := self._reader.postings(account, after=after, limit=PAGE):
                for row in rows:
                    if row.sequence != last and self._since <= row.day <= self._until:
                        found |= self._cells_at(row.sequence, number)
                    last = row.sequence
                after = rows[-1].version
        return found

    def _cells_at(self, sequence: int, number: int) -> set[int]:
        """Return the ids of the cells in which a record counts an account.

        Who is paid the fee of an exchange does not take part in it.
        """
        record = self._record(sequence)
        effects = record["effects"]
        if record["kind"] not in {"transfer", "settle"}:
            return set()
        request = self._described(record)
        own = _without_fee(effects["postings"], effects.get("fee", ()))
        numbers = [self._numbers[account] for account, _ in own]
        once, end = list(set(numbers)), self._reader.head().sequence + 1
        is_counted = any(count > 0 for *_, count, _ in self._parts(record, once, end))
        if request["kind"] != "exchange" or number not in once or not is_counted:
            return set()
        cells = self._cells_of(request, effects["occurred_on"][:7], once)
        flows = []
        if not self._across(request):
            flows = [_cell(self.counted.flows, key) for key in self._flows(own, numbers)]
        return {id(cell) for cell in (*cells, *flows)}

    def _cells_of(self, request: Mapping[str, Any], month: str, numbers: list[int]) -> list[Cell]:
        """Return the cells in which an exchange is counted, cached by month and labels."""
        if (side := self._across(request)) is not None:
            return [getattr(self.counted, side)]
        people = self.counted.people
        among_members = all(people[number].kind in MEMBERS for number in numbers)
        return self._cells_in(request, month, among_members=among_members)

    def _cells_in(
        self, request: Mapping[str, Any], month: str, *, among_members: bool
    ) -> list[Cell]:
        counted, get = self.counted, request.get
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

    def _across(self, request: Mapping[str, Any]) -> str | None:
        """Return as what an exchange with another bank is counted, `None` for all others."""
        for side, name in (("spenders", "given_to_banks"), ("earners", "received_from_banks")):
            for id, _ in request.get(side, ()):
                if id.startswith(PEER_PREFIX) and self._rows[id].kind == "clearing":
                    return name
        return None

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
