"""List who gave hours, when, to whom and for what: the exchanges that an association counts.

A *presence* is one earner of one exchange: a transfer, or a settled hold, that the choice of the
association (`Counted`) takes in. Its hours are what is left of them, without the fee; its labels
and times are those that were amended last, and an account is the one that it was merged into. What
was reversed behind the closing of the books is a line of its own, with hours below zero, on the day
of the reversal: so the register of a closed year stays as it was, and the impact report counts the
same. Only people are present: accounts of the kinds member and group. What funds, organisations
and members of other banks earned is counted apart.

The journal is read once, in order. Memory grows with the exchanges of the period.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, time
from typing import Any, Final, cast

import attrs

from timebank import checks
from timebank.errors import Corrupt, InvalidRequest, shown
from timebank.hours import Hours
from timebank.journal import parse
from timebank.journal.kinds import Lines, RecordBody, sides_of
from timebank.model import AccountRow, Head
from timebank.model.agreements import PEER_PREFIX
from timebank.model.alike import folded_name
from timebank.queries.corrections import closed_through, described_now, time_of
from timebank.queries.impact.cells import MEMBERS
from timebank.queries.impact.figures import Count
from timebank.queries.records import (
    account_row,
    all_accounts,
    body_of,
    record_at,
    records,
    reversals_of,
    taken_back_by,
)
from timebank.queries.statutes import statute_rows
from timebank.storage.protocol import Reader

EXCHANGE: Final = "exchange"
#: Movements by which nobody did anything for anybody: they are never a presence.
NO_SERVICE: Final = frozenset(
    {"assignment", "demurrage", "dues", "merge", "opening", "welcome", "write-off"}
)
#: As many words, or accounts, of one sort a choice may have: a paper has to say them all.
MOST_COUNTED: Final = 50
#: Open holds whose requests are kept in memory. Others are read again.
_CACHED_HOLDS: Final = 10_000
_READ: Final = frozenset({"amend", "hold", "reverse", "settle", "transfer", "void"})
#: As many texts are asked for at once.
_TEXTS: Final = 500


def _words(given: object) -> tuple[str, ...]:
    if isinstance(given, str):
        return (given,)
    if not isinstance(given, Iterable):
        msg = f"what is counted is a str or several, not {shown(given)}"
        raise InvalidRequest(msg).about(key="counted_words", given=shown(given))
    return tuple(dict.fromkeys(given))


def _labels(_: object, field: attrs.Attribute[Any], value: tuple[object, ...]) -> None:
    if len(value) > MOST_COUNTED:
        msg = f"{field.name} are {len(value)}, more than {MOST_COUNTED}"
        raise InvalidRequest(msg).about(
            key="counted_too_many", most=MOST_COUNTED, number=len(value)
        )
    for one in value:
        if field.name == "funds":
            checks.identifier(one, "fund")
        else:
            checks.label(one, field.name)


def _services(_: object, field: attrs.Attribute[Any], value: tuple[str, ...]) -> None:
    if not value:
        msg = "no kind of transfer is counted: name one, as 'exchange'"
        raise InvalidRequest(msg).about(key="counted_no_kind")
    for kind in value:
        if kind in NO_SERVICE:
            msg = f"nobody serves anybody by a transfer of the kind {shown(kind)}"
            raise InvalidRequest(msg).about(key="counted_no_service", kind=kind)


@attrs.frozen(kw_only=True)
class Counted:
    """Which exchanges an association counts: its choice, which each paper says.

    Kinds of transfer, categories, funds (accounts that spend) and tags. Of several of one sort any
    will do, and of different sorts all must; where none of a sort is named, it does not matter.
    Categories and tags are compared as names are, without regard to case and accents.

    :raises InvalidRequest: what cannot be a label or an id; no kind, a kind by which nobody serves
        anybody (dues, opening balances and the like), or more than fifty of a sort.

    >>> from timebank import Counted
    >>> Counted(categories="care", tags=["via-roma", "volunteers"]).kinds
    ('exchange',)
    """

    kinds: tuple[str, ...] = attrs.field(
        default=(EXCHANGE,), converter=_words, validator=[_labels, _services]
    )
    categories: tuple[str, ...] = attrs.field(default=(), converter=_words, validator=_labels)
    funds: tuple[str, ...] = attrs.field(default=(), converter=_words, validator=_labels)
    tags: tuple[str, ...] = attrs.field(default=(), converter=_words, validator=_labels)

    @property
    def is_all(self) -> bool:
        """True where all exchanges are counted."""
        return self == Counted()


@attrs.frozen(kw_only=True)
class Presence:
    """One earner of one exchange: who gave how many hours, when, to whom, for what.

    `exchange` is the id of the transfer and `sequence` its record; `spenders` are those for whom it
    was done. Where `takes_back` names an exchange, hours of it were reversed when the books of its
    day were closed: the hours are below zero, and the day is that of the reversal.
    """

    account: str
    occurred_on: date
    started_at: time | None
    ended_at: time | None
    hours: Hours
    spenders: tuple[str, ...]
    kind: str
    category: str | None
    area: str | None
    tags: tuple[str, ...]
    note: str | None
    exchange: str
    sequence: int
    takes_back: str | None = None

    @property
    def is_timed(self) -> bool:
        """True where it says when it began and when it ended; so what takes back needs not."""
        has_both = self.started_at is not None and self.ended_at is not None
        return has_both or self.takes_back is not None

    @property
    def span(self) -> Hours | None:
        """The time from its beginning to its end, past midnight where that is earlier."""
        if self.started_at is None or self.ended_at is None:
            return None
        first, last = (60 * at.hour + at.minute for at in (self.started_at, self.ended_at))
        return Hours.from_seconds(60 * ((last - first) % (24 * 60)))


@attrs.frozen(kw_only=True)
class Presences:
    """The presences of a period, by day, beginning and record, and what is not among them.

    `names` has the name of today of each account on the lines, and of each fund of the choice.
    `left_out` are the exchanges of the period that the choice left out; of those that it took in,
    `of_others` are the hours that funds and organisations earned, and `from_banks` those of members
    of other banks, which are no presences. `unmet` has, by the sort, the words of the choice that
    no exchange of the period has. `head` is where the journal stood, `closed_through` the last day
    of closed books.
    """

    since: date | None
    until: date | None
    counted: Counted
    lines: tuple[Presence, ...]
    names: Mapping[str, str]
    left_out: Count
    of_others: Count
    from_banks: Count
    unmet: Mapping[str, tuple[str, ...]]
    closed_through: date | None
    head: Head

    @property
    def hours(self) -> Hours:
        """The sum of all hours."""
        return Hours.from_seconds(sum(one.hours.seconds for one in self.lines))

    @property
    def people(self) -> tuple[str, ...]:
        """The accounts on the lines, by name, then by id: of who gave, or is taken back from."""
        found = {one.account for one in self.lines}
        return tuple(sorted(found, key=lambda one: (folded_name(self.name(one)), one)))

    @property
    def untimed(self) -> int:
        """The number of presences that do not say when they began and when they ended."""
        return sum(1 for one in self.lines if not one.is_timed)

    def name(self, account: str) -> str:
        """Return the name of an account; its id, where it has none or it was erased."""
        return self.names.get(account, account)


def presences(
    reader: Reader, counted: Counted | None = None, *, since: str | None, until: str | None
) -> Presences:
    """Return the presences on days of service from `since` to `until`, both included.

    :raises AccountNotFound: a fund that is counted is no account.
    :raises Corrupt: the journal cannot be read.
    """
    chosen = Counted() if counted is None else counted
    for fund in chosen.funds:
        account_row(reader, fund)
    found = _Reading(reader, chosen, since or "", until or "~")
    for row in records(reader):
        if row.kind in _READ:
            try:
                found.read(parse(row.body))
            except (AttributeError, KeyError, TypeError, ValueError, IndexError) as error:
                msg = f"record {row.sequence} cannot be read: {error!r}"
                raise Corrupt(msg) from error
    closed = closed_through(reader)
    sorted_out = _Sorting(found)
    lines = sorted_out.lines()
    return Presences(
        since=None if since is None else date.fromisoformat(since),
        until=None if until is None else date.fromisoformat(until),
        counted=chosen,
        lines=lines,
        names=_names(reader, found.rows, lines, chosen.funds),
        left_out=sorted_out.left_out.count,
        of_others=sorted_out.of_others.count,
        from_banks=sorted_out.from_banks.count,
        unmet=sorted_out.unmet(),
        closed_through=None if closed is None else date.fromisoformat(closed),
        head=reader.head(),
    )


# -- what moved ------------------------------------------------------------------------


@attrs.define
class _Moved:
    """An exchange and what is left of it, or what was reversed of one behind closed books.

    `described` is the record that says what it was for: its own, or that of its hold.
    """

    id: str
    sequence: int
    day: str
    described: int
    request: Mapping[str, Any]
    earned: dict[str, int]
    spenders: tuple[str, ...]
    takes_back: str | None = None
    exchanges: int = 1


class _Reading:
    """Goes through the journal once, and keeps the exchanges of the period."""

    def __init__(self, reader: Reader, counted: Counted, since: str, until: str) -> None:
        self.reader, self.counted = reader, counted
        self.rows = {row.account: row for row in all_accounts(reader)}
        self.moved: dict[int, _Moved] = {}
        #: The records of transfers and holds that were amended.
        self.amended: set[int] = set()
        self._since, self._until = since, until
        self._wanted = {EXCHANGE, *counted.kinds}
        self._holds: dict[int, Mapping[str, Any]] = {}
        self._closed = sorted(
            (row.sequence, row.closed_through or "") for row in statute_rows(reader)
        )

    def read(self, record: dict[str, Any]) -> None:
        """Take one record in."""
        kind, effects = record["kind"], record["effects"]
        if kind == "hold":
            self._hold(record)
        elif kind == "void":
            self._holds.pop(effects["resolves"], None)
        elif kind == "amend":
            self.amended.add(effects["amends"])
        elif kind == "transfer":
            self._exchange(record, record["sequence"], record["request"])
        elif (taken := taken_back_by(self.reader, cast("RecordBody", record))) is not None:
            self._reverse(record, taken)
        else:
            held = effects["resolves"]
            request = self._holds.pop(held, None)
            self._exchange(record, held, self._request(held) if request is None else request)

    def heir(self, id: str) -> str:
        """Return the account that one became: itself, where it was not merged."""
        while (into := self.rows[id].merged_into) is not None:
            id = into
        return id

    def _hold(self, record: dict[str, Any]) -> None:
        self._holds[record["sequence"]] = record["request"]
        if len(self._holds) > _CACHED_HOLDS:
            del self._holds[next(iter(self._holds))]

    def _request(self, sequence: int) -> Mapping[str, Any]:
        return cast("Mapping[str, Any]", body_of(record_at(self.reader, sequence))["request"])

    def _in_period(self, day: str) -> bool:
        return self._since <= day <= self._until

    def _exchange(self, record: dict[str, Any], described: int, request: Mapping[str, Any]) -> None:
        effects = record["effects"]
        if request["kind"] not in self._wanted or not self._in_period(effects["occurred_on"]):
            return
        lines = sides_of(effects)[0]
        self.moved[record["sequence"]] = _Moved(
            id=record["request"]["id"],
            sequence=record["sequence"],
            day=effects["occurred_on"],
            described=described,
            request=request,
            earned=self._side(lines, 1),
            spenders=tuple(self._side(lines, -1)),
        )

    def _side(self, lines: Lines, sign: int) -> dict[str, int]:
        """Return the seconds of each account on a side, by who it became."""
        side: dict[str, int] = {}
        for id, seconds in lines:
            if seconds * sign > 0:
                account = self.heir(id)
                side[account] = side.get(account, 0) + abs(seconds)
        return side

    def _reverse(self, record: dict[str, Any], taken: int) -> None:
        """Take off what was reversed; where the books of that day were closed, on a line apart."""
        effects, sequence = record["effects"], record["sequence"]
        back = self._side(sides_of(effects)[0], -1)
        made = self.moved.get(taken)
        original = body_of(record_at(self.reader, taken))
        moved_back = [one for one in reversals_of(self.reader, taken) if one.sequence <= sequence]
        left = _seconds(original) - sum(_seconds(body_of(one)) for one in moved_back)
        if not self._is_closed(original["effects"]["occurred_on"], sequence):
            if made is not None:
                made.exchanges -= left <= 0
                for account, seconds in back.items():
                    made.earned[account] = made.earned.get(account, 0) - seconds
            return
        settles = original["kind"] == "settle"
        described = original["effects"]["resolves"] if settles else taken
        request = self._request(described)
        if request.get("kind") in self._wanted and self._in_period(effects["occurred_on"]):
            self.moved[sequence] = _Moved(
                id=record["request"]["id"],
                sequence=sequence,
                day=effects["occurred_on"],
                described=described,
                request=request,
                earned={account: -seconds for account, seconds in back.items()},
                spenders=tuple(self._side(sides_of(original["effects"])[0], -1)),
                takes_back=original["request"]["id"],
                exchanges=-int(left <= 0),
            )

    def _is_closed(self, day: str, sequence: int) -> bool:
        """Return whether a day was in closed books when a record was made."""
        place = bisect_left(self._closed, (sequence, ""))
        return place > 0 and day <= self._closed[place - 1][1]


def _seconds(record: RecordBody) -> int:
    """Return the seconds of an exchange, without its fee."""
    return sum(seconds for _, seconds in sides_of(record["effects"])[0] if seconds > 0)


# -- what is counted -------------------------------------------------------------------


@attrs.define
class _Sum:
    exchanges: int = 0
    seconds: int = 0

    def add(self, seconds: int, exchanges: int) -> None:
        self.exchanges += exchanges
        self.seconds += seconds

    @property
    def count(self) -> Count:
        return Count(self.exchanges, Hours.from_seconds(self.seconds))


class _Sorting:
    """Sorts out which of what moved is counted, and is a person's."""

    def __init__(self, read: _Reading) -> None:
        self._read = read
        counted = read.counted
        chosen: dict[str, Mapping[str, str]] = {
            "categories": {one: folded_name(one) for one in counted.categories},
            "funds": {id: read.heir(id) for id in counted.funds},
            "tags": {one: folded_name(one) for one in counted.tags},
        }
        #: What is chosen besides kinds, by the sort.
        self._asked = {sort: words for sort, words in chosen.items() if words}
        #: What the exchanges of the period have, by the sort.
        self._met: dict[str, set[str]] = {
            "kinds": set(),
            "categories": set(),
            "funds": set(),
            "tags": set(),
        }
        self.left_out, self.of_others, self.from_banks = _Sum(), _Sum(), _Sum()

    def lines(self) -> tuple[Presence, ...]:
        """Return the presences in their order."""
        found: list[tuple[_Moved, Mapping[str, Any], str, int | None]] = []
        for moved in self._read.moved.values():
            request, noted = self._described(moved)
            if not any(moved.earned.values()):
                continue
            if not self._is_counted(moved, request):
                self.left_out.add(sum(moved.earned.values()), moved.exchanges)
                continue
            kinds = {id: self._read.rows[id].kind for id in moved.earned}
            for account, seconds in sorted(moved.earned.items()):
                if seconds and kinds[account] in MEMBERS:
                    found.append((moved, request, account, noted))
            self._add_others(moved, kinds)
        notes = dict(_texts(self._read.reader, "note", {n for *_, n in found if n is not None}))
        lines = [
            _presence(moved, request, account, None if noted is None else notes.get(noted))
            for moved, request, account, noted in found
        ]
        return tuple(sorted(lines, key=_place))

    def unmet(self) -> dict[str, tuple[str, ...]]:
        """Return the words of the choice that no exchange of the period has, by the sort."""
        asked = {"kinds": {kind: kind for kind in self._read.counted.kinds}, **self._asked}
        return {
            sort: tuple(word for word, folded in asked.get(sort, {}).items() if folded not in met)
            for sort, met in self._met.items()
        }

    def _described(self, moved: _Moved) -> tuple[Mapping[str, Any], int | None]:
        """Return what describes it now, and the record that has its note."""
        request = moved.request
        if moved.described not in self._read.amended:
            return request, moved.described if "note" in request else None
        now = described_now(self._read.reader, moved.described, request)
        return now.request, now.noted

    def _is_counted(self, moved: _Moved, request: Mapping[str, Any]) -> bool:
        """Return whether the choice takes an exchange in; note what it has that is asked for."""
        kind = request["kind"]
        self._met["kinds"].add(kind)
        is_counted = kind in self._read.counted.kinds
        for sort, words in self._asked.items():
            has = _words_of(sort, moved, request)
            self._met[sort] |= has
            is_counted = is_counted and not has.isdisjoint(words.values())
        return is_counted

    def _add_others(self, moved: _Moved, kinds: Mapping[str, str]) -> None:
        """Add what others than people earned."""
        if MEMBERS.issuperset(kinds.values()):
            return
        for sort, sum_of_sort in ((True, self.from_banks), (False, self.of_others)):
            seconds = [
                moved.earned[id]
                for id, kind in kinds.items()
                if kind not in MEMBERS and _is_of_bank(id, kind) is sort
            ]
            if any(seconds):
                sum_of_sort.add(sum(seconds), moved.exchanges)


def _words_of(sort: str, moved: _Moved, request: Mapping[str, Any]) -> set[str]:
    """Return what an exchange has of a sort, as it is compared."""
    if sort == "funds":
        return set(moved.spenders)
    if sort == "tags":
        return set(map(folded_name, request.get("tags", ())))
    return {folded_name(request["category"])} if "category" in request else set()


def _is_of_bank(id: str, kind: str) -> bool:
    return id.startswith(PEER_PREFIX) and kind == "clearing"


def _presence(
    moved: _Moved, request: Mapping[str, Any], account: str, note: str | None
) -> Presence:
    is_taken_back = moved.takes_back is not None
    return Presence(
        account=account,
        occurred_on=date.fromisoformat(moved.day),
        started_at=None if is_taken_back else time_of(request.get("from")),
        ended_at=None if is_taken_back else time_of(request.get("to")),
        hours=Hours.from_seconds(moved.earned[account]),
        spenders=moved.spenders,
        kind=request["kind"],
        category=request.get("category"),
        area=request.get("area"),
        tags=tuple(request.get("tags", ())),
        note=note,
        exchange=moved.id,
        sequence=moved.sequence,
        takes_back=moved.takes_back,
    )


def _place(line: Presence) -> tuple[date, bool, time, int, str]:
    """Return where a presence stands: those without a beginning come last on their day."""
    begins = line.started_at
    return line.occurred_on, begins is None, begins or time(), line.sequence, line.account


# -- texts -----------------------------------------------------------------------------


def _names(
    reader: Reader,
    rows: Mapping[str, AccountRow],
    lines: Iterable[Presence],
    funds: Iterable[str],
) -> dict[str, str]:
    """Return the names of all who are on the lines or counted by, but those that were erased."""
    accounts = sorted({*funds, *(id for line in lines for id in (line.account, *line.spenders))})
    named = {id: rows[id].named for id in accounts}
    texts = dict(_texts(reader, "name", {n for n in named.values() if n is not None}))
    return {id: texts[n] for id, n in named.items() if n is not None and n in texts}


def _texts(reader: Reader, field: str, sequences: set[int]) -> Iterator[tuple[int, str]]:
    """Yield the texts of a field that some records committed to, those that are still there."""
    ordered = sorted(sequences)
    for first in range(0, len(ordered), _TEXTS):
        some = ordered[first : first + _TEXTS]
        for row in reader.texts(after=some[0] - 1, through=some[-1]):
            if row.field == field and row.sequence in sequences:
                yield row.sequence, row.text
