"""Check the clocks: instants and days of record, restarts, and days of service."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import repeat
from operator import floordiv
from typing import Any, ClassVar, Final

from timebank.audit.base import AuditCheck, AuditContext, AuditedRecord, Difference, State
from timebank.audit.findings import Check
from timebank.audit.plain_runs import PlainRun
from timebank.errors import Corrupt, InvalidStatute, shown
from timebank.journal import recorded
from timebank.model import MAX_INTEGER, RecordRow
from timebank.model.said import said
from timebank.statute import Statute

_DAY: Final = timedelta(days=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
#: A day, in microseconds.
_DAY_LONG: Final = 86_400_000_000
#: Zones differ from UTC by whole quarters of an hour: within one, in microseconds, no day changes.
_QUARTER: Final = 900_000_000
#: How far the last record may lie ahead of the clock of who audits, in microseconds.
_MOST_AHEAD: Final = 600_000_000
#: The kinds of record behind which time is looked at anew.
_TURNS: Final = frozenset({"adopt", "restart_clock"})
#: How many days ahead a member may join.
_DAYS_TO_JOIN: Final = 366
PAGE: Final = 500


class Clocks(AuditCheck):
    """Compares each instant and day with those before, and each day of service with its record."""

    key: ClassVar = "clocks"
    promises: ClassVar = (
        Check(
            "clocks",
            "The instants and the days of record never run backwards but where the clock was "
            "restarted, and no day of service lies more than a day ahead, or in closed books.",
            "advice_clocks",
        ),
    )

    def __init__(self, context: AuditContext) -> None:
        super().__init__(context)
        self._fold = context.fold
        self._last: int | None = None
        self._last_on: str | None = None
        #: The instant up to which nothing but the day of service is to be looked at.
        self._until = -MAX_INTEGER
        #: The days that are expected of a record, and the day number in UTC that they belong to.
        self._number: int | None = None
        self._days: tuple[str, str, str] = ("", "", "")
        #: The quarter of an hour, the statute, and the day in its zone by this machine's data.
        self._local: tuple[int, Statute | None, str | None] = (-1, None, None)

    def record(self, record: AuditedRecord) -> None:
        """Check one record."""
        content = record.content
        now, on = content["recorded_at"], content["recorded_on"]
        # Most records are of a time of which all was looked at: the same day, the same quarter.
        is_known = self._last is not None and self._last <= now < self._until
        if not is_known or on != self._last_on or record.kind in _TURNS:
            self._look(record, now, on)
        self._last, self._last_on = now, on
        day, closed = record.effects.get("occurred_on"), self._fold.closed_through
        if day is None:
            self._ahead(record, on)
        elif day > on and day > (latest := _next(on)) and not _is_the_originals(record):
            self._tell(record, said("occurred_on_or_earlier", latest=latest), day)
        if closed is not None and (day or record.request.get("occurred_on", "~")) <= closed:
            self._in_closed_books(record, closed)

    def is_sure(self, run: PlainRun) -> bool:
        """Look at each quarter of an hour of a run once, and at each day of service.

        A day of record that is not that of its instant is left to be told or noted.
        """
        instants, days = run.instants, run.said.recorded_on
        if self._last is not None and self._last_on is not None:
            instants, days = [self._last, *instants], [self._last_on, *days]
        closed = self._fold.closed_through or ""
        return (
            sorted(instants) == instants
            and sorted(days) == days
            and all(closed < day and (day <= on or day <= _next(on)) for day, _, on in run.days)
            and all(self._is_the_day(on, now) for (_, on), now in _quarters(run).items())
        )

    def _is_the_day(self, on: str, now: int) -> bool:
        """Return whether a day is that of an instant, as far as this machine knows."""
        statute, days = self.context.statutes.current, _days_around(now // _DAY_LONG)
        if statute.time_zone == "UTC":
            return on == days[1]
        return on in days and self._day_in(statute, now) in {on, None}

    def take(self, run: PlainRun) -> None:
        """Take the instant and the day of the last record of a run."""
        self._last, self._last_on = run.instants[-1], run.said.recorded_on[-1]

    def _look(self, record: AuditedRecord, now: int, on: str) -> None:
        """Check the instant and the day of a record against those before, UTC and the zone."""
        if record.kind == "restart_clock":
            self._restart(record, now, on)
        else:
            self._forward(record.sequence, now, on)
        if now // _DAY_LONG != self._number:
            self._see_days(now)
        # A day that is kept is later than that of the instant, and a restart keeps none.
        is_kept = on == self._last_on and on > self._days[2] and record.kind != "restart_clock"
        if on not in self._days and not is_kept:
            self._tell(
                record, said("recorded_on_or_the_day_before_or_after", day=self._days[1]), on
            )
        self._until = (now // _QUARTER + 1) * _QUARTER
        self._compare_zone(record, now, on)

    def _ahead(self, record: AuditedRecord, on: str) -> None:
        """Check the day of joining of an account that is opened."""
        request = record.request
        if record.kind == "open_account" and request.get("joined_on", on) > on:
            last = _next(on, _DAYS_TO_JOIN)
            if request["joined_on"] > last:
                self._tell(record, said("joined_on_or_earlier", last=last), request["joined_on"])

    def _in_closed_books(self, record: AuditedRecord, closed: str) -> None:
        found = record.effects.get("occurred_on", record.request.get("occurred_on"))
        self._tell(record, said("day_after_closed_books", closed=closed), found)

    def _forward(self, sequence: int, now: int, on: str) -> None:
        late: list[Difference] = []
        if self._last is not None and now < self._last:
            late.append((said("recorded_at_or_later", last=_instant(self._last)), _instant(now)))
        if self._last_on is not None and on < self._last_on:
            late.append((said("recorded_on_or_later", day=self._last_on), on))
        for expected, found in late:
            place = said("record", sequence=sequence)
            self.tell("clocks", place, expected=expected, found=found)

    def _restart(self, record: AuditedRecord, now: int, on: str) -> None:
        """Check that there was something to restart, and note it."""
        if (
            self._last is None
            or self._last_on is None
            or (now >= self._last and on >= self._last_on)
        ):
            self._tell(record, said("a_restart_of_a_clock_that_was_ahead"), said("none_was"))
            return
        today = record.request["today"]
        if today != on:
            self._tell(record, said("today", day=on), today)
        self.context.findings.note(
            said("record", sequence=record.sequence),
            said(
                "the_clock_was_restarted",
                last=_words(self._last),
                now=_words(now),
                on=on,
            ),
        )

    def _see_days(self, now: int) -> None:
        """Work out which days a record of a day in UTC may have."""
        self._number = now // _DAY_LONG
        try:
            self._days = _days_around(self._number)
        except OverflowError:
            self._days = ("", shown(now), "")

    def _compare_zone(self, record: AuditedRecord, now: int, on: str) -> None:
        """Note where the data on time zones of this machine says another day."""
        statute = self.context.statutes.current
        if statute.time_zone == "UTC" and on == self._days[1]:
            return
        quarter = now // _QUARTER
        if self._local[0] != quarter or self._local[1] is not statute:
            self._local = (quarter, statute, self._day_in(statute, now))
        day = self._local[2]
        if day is None:
            return
        expected = day if record.kind == "restart_clock" else max(day, self._last_on or day)
        if on != expected:
            self._until = now  # the next one is looked at too
            self.context.findings.note(
                said("record", sequence=record.sequence),
                said(
                    "recorded_on_another_day_by_time_zones",
                    on=on,
                    expected=expected,
                    time_zone=statute.time_zone,
                ),
            )

    def _day_in(self, statute: Statute, now: int) -> str | None:
        """Return the day of an instant in the zone of a statute, `None` where it is not known."""
        try:
            return statute.day(now)
        except (InvalidStatute, OverflowError):
            return None

    def _tell(self, record: AuditedRecord, expected: str, found: Any) -> None:
        self.tell(
            "clocks",
            said("record", sequence=record.sequence),
            expected=expected,
            found=shown(found),
        )

    # -- the clock of who audits -------------------------------------------------------------

    def finish(self) -> None:
        """Note which records lie ahead of the clock of who audits."""
        now = self.context.now()
        if self._last is None or self._last - now <= _MOST_AHEAD:
            return
        first = self.context.last
        with self.reading("the_clock_of_records"):
            for sequence, instant in self._backwards():
                if instant - now <= _MOST_AHEAD:
                    break
                first = sequence
        self.context.findings.note(
            said("record", sequence=first)
            if first == self.context.last
            else said("records_and_later", first=first),
            said(
                "recorded_ahead_of_this_clock",
                now=_words(now),
                last=_words(self._last),
            ),
        )

    def _backwards(self) -> Iterator[tuple[int, int]]:
        """Yield the sequences and instants of the records so far, the last one first.

        One that cannot be read is a finding elsewhere, and left out here.
        """
        end = self.context.last
        while end > 0:
            start = max(end - PAGE, 0)
            rows = self.context.reader.records(after=start, limit=end - start)
            rows = [row for row in rows if row.sequence <= end]  # where there is a gap
            for row in reversed(rows):
                with suppress(Corrupt):
                    yield row.sequence, recorded(row.body)[0]
            end = start if rows else self._last_before(start)

    def _last_before(self, end: int) -> int:
        """Return the greatest sequence up to one, 0 where there is none: a gap may be wide."""
        least = 0
        while least < end:
            middle = (least + end + 1) // 2
            rows = self.context.reader.records(after=middle - 1, limit=1)
            if rows and rows[0].sequence <= end:
                least = rows[0].sequence
            else:
                end = middle - 1
        return least

    # -- checkpoints and stretches -----------------------------------------------------------

    def state(self) -> State:
        """Return the instant and the day of the last record."""
        return {"last": self._last, "on": self._last_on}

    def restore(self, state: State) -> None:
        """Go on from there."""
        self._last, self._last_on = state["last"], state["on"]

    def assume_balances(self, last: RecordRow) -> None:
        """Take the instant and the day of the last record."""
        self._last, self._last_on = recorded(last.body)


@lru_cache(maxsize=400)
def _days_around(number: int) -> tuple[str, str, str]:
    """Return the days that a record may have of a day in UTC, given by its number since 1970."""
    day = (_EPOCH + number * _DAY).date()
    return (day - _DAY).isoformat(), day.isoformat(), (day + _DAY).isoformat()


def _quarters(run: PlainRun) -> dict[tuple[int, str], int]:
    """Return an instant of each quarter of an hour and day of record of a run."""
    quarters = map(floordiv, run.instants, repeat(_QUARTER))
    return dict(zip(zip(quarters, run.said.recorded_on, strict=False), run.instants, strict=True))


def _is_the_originals(record: AuditedRecord) -> bool:
    """Return whether the day is that of a transfer that is reversed, whenever a clock dated it."""
    return record.kind == "reverse" and "occurred_on" not in record.request


def _words(moment: int) -> str:
    """Return an instant to the second, for people."""
    try:
        return f"{_EPOCH + timedelta(microseconds=moment):%Y-%m-%d %H:%M:%S} UTC"
    except OverflowError:
        return shown(moment)


def _instant(moment: int) -> str:
    """Return an instant in words, to the second where it has no fraction."""
    try:
        return (_EPOCH + timedelta(microseconds=moment)).isoformat()
    except OverflowError:
        return shown(moment)


def _next(day: str, days: int = 1) -> str:
    """Return the day after a day, or another so many days later; at most the last of all."""
    try:
        return (date.fromisoformat(day) + _DAY * days).isoformat()
    except OverflowError:
        return date.max.isoformat()
