"""What happened to each account, day by day: opened, frozen, thawed, closed, charged.

One pass over the journal, of which most lines are passed over unread. It can be taken
up again where it ended: most of it is read before the writer's lock is taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Any, Final

import attrs

from timebank.errors import Corrupt
from timebank.journal import parse
from timebank.statute import DEFAULT, Statute
from timebank.statute.codec import of_body
from timebank.statute.periods import DAY
from timebank.storage.protocol import Reader

PAGE: Final = 2_000
#: The kind of a record, by what follows it: no other key `kind` stands before that one.
_TOLD: Final = re.compile(
    rb'"kind":"(open_account|freeze|thaw|close_account|reopen|adopt|due)","recorded_at":'
)


@attrs.define
class Life:
    """One account: its kind, its days, and through which day each rule was charged.

    `once` are the rules that were charged and have no period. `statuses` are the days on
    which its status changed, in order, with the status at the end of the day.
    """

    account: str
    kind: str
    opened: date
    joined: date
    statuses: list[tuple[date, str]] = attrs.field(factory=list)
    charged: dict[str, date] = attrs.field(factory=dict)
    once: set[str] = attrs.field(factory=set)

    @property
    def status(self) -> str:
        """The status now."""
        return self.statuses[-1][1]

    def open_days(self) -> Iterator[tuple[date, date]]:
        """The first and the last day of each time in which it was open at the day's end.

        The time before the account was opened, from the day of joining on, counts as open.
        """
        began: date | None = self.joined
        for day, status in self.statuses:
            if status == "open" and began is None:
                began = day
            elif status != "open" and began is not None:
                if began < day:
                    yield began, day - DAY
                began = None
        if began is not None:
            yield began, date.max


@attrs.define
class History:
    """The lives of all accounts, and the statutes by the day from which on they were in force."""

    lives: dict[str, Life] = attrs.field(factory=dict)
    adopted: list[tuple[date, Statute]] = attrs.field(factory=lambda: [(date.min, DEFAULT)])
    after: int = 0

    def read(self, reader: Reader) -> None:
        """Go on to the end of what the reader sees.

        :raises Corrupt: a record that cannot be read.
        """
        while page := reader.records(after=self.after, limit=PAGE):
            for row in page:
                if (found := _TOLD.search(row.body)) is not None:
                    try:
                        self._take(found[1], row.body)
                    except (AttributeError, KeyError, TypeError, ValueError) as error:
                        msg = f"record {row.sequence} cannot be read: {error!r}"
                        raise Corrupt(msg) from error
            self.after = page[-1].sequence

    def statute_on(self, day: date) -> Statute:
        """The statute that was in force at the end of a day."""
        return next(one for first, one in reversed(self.adopted) if first <= day)

    def _take(self, kind: bytes, body: bytes) -> None:
        if kind == b"adopt":
            statute = of_body(body)
            day = date.fromisoformat(statute.day(parse(body)["recorded_at"]))
            self.adopted.append((max(day, self.adopted[-1][0]), statute))
            return
        record = parse(body)
        day = date.fromisoformat(self.adopted[-1][1].day(record["recorded_at"]))
        if kind == b"due":
            self._charged(record["request"])
        elif kind == b"open_account":
            self._opened(record, day)
        else:
            effects = record["effects"]
            life = self.lives[effects["account"]]
            _change(life.statuses, day, effects["sets"]["status"])

    def _opened(self, record: dict[str, Any], day: date) -> None:
        id, sets = record["effects"]["account"], record["effects"]["sets"]
        joined = day if sets["joined_on"] is None else date.fromisoformat(sets["joined_on"])
        self.lives[id] = Life(id, sets["kind"], day, joined, [(day, "open")])

    def _charged(self, request: dict[str, Any]) -> None:
        life, rule = self.lives[request["account"]], request["rule"]
        if "period" not in request:
            life.once.add(rule)
            return
        through = date.fromisoformat(request["period"][1])
        life.charged[rule] = max(life.charged.get(rule, through), through)


def _change(statuses: list[tuple[date, str]], day: date, status: str) -> None:
    """Of several changes on one day the last one counts; a day never comes before another."""
    day = max(day, statuses[-1][0])
    if statuses[-1][0] == day:
        statuses.pop()
    statuses.append((day, status))
