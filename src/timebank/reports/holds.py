"""Show holds as text: a calendar of what is planned."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, time
from typing import Final

from timebank.model import Hold
from timebank.reports.text import Column, Row, counted, harmless, table, times_text

_COLUMNS: Final = (
    Column("Day"),
    Column("Time"),
    Column("Hold", least=8),
    Column("Status"),
    Column("Hours", right=True),
    Column("Spends", least=8),
    Column("Earns", least=8),
    Column("Until"),
    Column("For", least=8),
)


def calendar(holds: Iterable[Hold]) -> list[Hold]:
    """Return holds by the day that is planned and its times; those without a day come last.

    Of one day, those without a time come first; else the order is that of the journal.

    >>> from datetime import date, time
    >>> import timebank
    >>> from timebank.reports.holds import calendar
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1"), bank.open_account("f1")
    >>> for id, day, start in (
    ...     ("some-day", None, None), ("noon", date(2027, 3, 2), time(12)),
    ...     ("morning", date(2027, 3, 2), time(9)),
    ... ):
    ...     _ = bank.hold(
    ...         earner="m1", spender="f1", hours=1, id=id, occurred_on=day, started_at=start
    ...     )
    >>> [hold.id for hold in calendar(bank.holds())]
    ['morning', 'noon', 'some-day']
    """
    return sorted(
        holds,
        key=lambda hold: (hold.occurred_on or date.max, hold.started_at or time.min, hold.sequence),
    )


def holds_text(holds: Iterable[Hold], *, today: date | None = None) -> list[str]:
    """Return a line for each hold, in the order of the calendar.

    With `today`, an open hold that was planned for an earlier day is called overdue.

    >>> from datetime import date, time
    >>> import timebank
    >>> from timebank.reports.holds import holds_text
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1"), bank.open_account("f1", kind="group")
    >>> _ = bank.hold(
    ...     earner="m1", spender="f1", hours=2, id="h1", note="a visit",
    ...     occurred_on=date(2027, 3, 1), started_at=time(9, 30), ended_at=time(11, 30),
    ... )
    >>> for line in holds_text(bank.holds(), today=date(2027, 3, 2)):
    ...     print(line)
    Day         Time         Hold  Status   Hours  Spends  Earns  Until    For
    ----------  -----------  ----  -------  -----  ------  -----  -------  -------
    2027-03-01  09:30–11:30  h1    overdue   2:00  f1      m1     no date  a visit
    <BLANKLINE>
    1 hold is overdue: settle what was done, and void what was not.
    """  # noqa: RUF002  # a span of times has an en dash
    rows: list[Row] = []
    overdue = 0
    for hold in calendar(holds):
        is_overdue = _is_overdue(hold, today)
        overdue += is_overdue
        rows.append(
            [
                "no day" if hold.occurred_on is None else hold.occurred_on.isoformat(),
                times_text(hold.started_at, hold.ended_at),
                hold.id,
                "overdue" if is_overdue else hold.status,
                str(hold.hours),
                ", ".join(hold.spenders),
                ", ".join(hold.earners),
                until_text(hold),
                hold.note or hold.category or "",
            ]
        )
    lines = table(_COLUMNS, rows) if rows else ["No holds."]
    if overdue:
        are = "is" if overdue == 1 else "are"
        late = f"{counted(overdue, 'hold')} {are} overdue"
        lines += ["", f"{late}: settle what was done, and void what was not."]
    return lines


def _is_overdue(hold: Hold, today: date | None) -> bool:
    day = hold.occurred_on
    return hold.status == "open" and today is not None and day is not None and day < today


def planned_text(hold: Hold) -> str:
    """Return the day and the times of a hold, those that there are.

    >>> import timebank
    >>> from timebank.reports.holds import planned_text
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1"), bank.open_account("f1")
    >>> planned_text(bank.hold(earner="m1", spender="f1", hours=1))
    ''
    """
    day = "" if hold.occurred_on is None else f"on {hold.occurred_on}"
    return " ".join(filter(None, (day, times_text(hold.started_at, hold.ended_at))))


def until_text(hold: Hold) -> str:
    """Return when a hold expires, in UTC to the minute."""
    if hold.expires_at is None:
        return "no date"
    return f"{hold.expires_at:%Y-%m-%d %H:%M} UTC"


def held_text(holds: Iterable[Hold], account: str) -> list[str]:
    """Return a line for each open hold of an account, as a statement ends with them."""
    lines = []
    for hold in calendar(holds):
        fees = [p.hours for p in hold.postings if p.fee and p.account == account]
        parts = [
            f"{quantity} {word}"
            for quantity, word in (
                (hold.spenders.get(account), "to spend"),
                (hold.earners.get(account), "to earn"),
                (abs(fees[0]) if fees else None, "fee"),
            )
            if quantity is not None
        ]
        parts += filter(None, [planned_text(hold)])
        note = f" ({hold.note})" if hold.note else ""
        lines.append(harmless(f"  {hold.id}: {', '.join(parts)}, until {until_text(hold)}{note}"))
    return lines
