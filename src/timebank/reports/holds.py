"""Show holds as text: a calendar of what is planned."""

from __future__ import annotations

from calendar import Calendar
from collections.abc import Iterable, Mapping
from datetime import MAXYEAR, MINYEAR, date, time

from timebank.errors import InvalidRequest
from timebank.model import Across, Hold
from timebank.model.agreements import account_of
from timebank.reports.text import (
    Column,
    Row,
    column,
    flag_text,
    harmless,
    state_text,
    table,
    times_text,
    together,
)
from timebank.reports.words import Words


def across_text(across: Across, names: Mapping[str, str]) -> str:
    """Return who is on the other side, in another bank: an address with the bank, or the bank.

    `names` are those of accounts: that of the agreement is what the other bank is called.

    >>> from datetime import UTC, datetime
    >>> from timebank.model import Across
    >>> from timebank.reports.holds import across_text
    >>> until = datetime(2026, 3, 2, tzinfo=UTC)
    >>> made = Across(bank="j2", offer="x1", is_ours=True, address="bruno", answer_by=until)
    >>> across_text(made, {"peer:j2": "Bovisa"}), across_text(made, {})
    ('bruno (Bovisa)', 'bruno (j2)')
    """
    bank = names.get(account_of(across.bank)) or across.bank
    if not across.is_ours or across.address is None:
        return harmless(bank)
    return harmless(Words("text")("in_bank", address=across.address, bank=bank))


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


def weeks_of(holds: Iterable[Hold], year: int, month: int) -> list[list[tuple[date, list[Hold]]]]:
    """Return the weeks of a month, from Mondays to Sundays: each day, and what is planned for it.

    Days of the months before and after fill the first and the last week. Those of a day are in the
    order of `calendar`; holds without a day are on none.

    :raises InvalidRequest: no such month, or one at an end of time.

    >>> from datetime import date
    >>> import timebank
    >>> from timebank.reports.holds import weeks_of
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1"), bank.open_account("f1")
    >>> _ = bank.hold(earner="m1", spender="f1", hours=1, id="h1", occurred_on=date(2027, 3, 2))
    >>> weeks = weeks_of(bank.holds(), 2027, 3)
    >>> [(str(day), [hold.id for hold in holds]) for day, holds in weeks[0][:2]]
    [('2027-03-01', []), ('2027-03-02', ['h1'])]
    """
    if not (1 <= month <= 12 and MINYEAR < year < MAXYEAR):  # noqa: PLR2004 - months of a year
        msg = f"there is no calendar of month {month} of the year {year}"
        raise InvalidRequest(msg)
    days: dict[date | None, list[Hold]] = {}
    for hold in calendar(holds):
        days.setdefault(hold.occurred_on, []).append(hold)
    weeks = Calendar().monthdatescalendar(year, month)
    return [[(day, days.get(day, [])) for day in week] for week in weeks]


def holds_text(
    holds: Iterable[Hold],
    *,
    today: date | None = None,
    names: Mapping[str, str] | None = None,
) -> list[str]:
    """Return a line for each hold, in the order of the calendar.

    With `today`, an open hold that was planned for an earlier day is called overdue, and an offer
    to another bank that was to be answered by then is said to have no answer. `names` are those of
    accounts: of an offer's, what the other bank is called.

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
    words = Words("holds")
    rows: list[Row] = []
    late: dict[str, int] = {"overdue": 0, "unanswered": 0}
    for hold in calendar(holds):
        status = _status(hold, today)
        if status in late:
            late[status] += 1
        rows.append(
            [
                words("no_day") if hold.occurred_on is None else hold.occurred_on.isoformat(),
                times_text(hold.started_at, hold.ended_at),
                hold.id,
                state_text(status),
                str(hold.hours),
                ", ".join(hold.spenders),
                _earns(hold, names or {}),
                until_text(hold),
                hold.note or hold.category or "",
            ]
        )
    lines = table(_columns(), rows) if rows else [words("none")]
    if late["overdue"]:
        lines += ["", words.counted("late", late["overdue"])]
    if late["unanswered"]:
        lines += ["", words.counted("unanswered", late["unanswered"])]
    return lines


def _earns(hold: Hold, names: Mapping[str, str]) -> str:
    return ", ".join(hold.earners) if hold.across is None else across_text(hold.across, names)


def _columns() -> list[Column]:
    return [
        column("day"),
        column("time"),
        column("hold", least=8),
        column("status"),
        column("hours", right=True),
        column("spends", least=8),
        column("earns", least=8),
        column("until"),
        column("for_what", least=8),
    ]


def hold_text(made: Hold, *, done: str) -> list[str]:
    """Return what was done with a hold: `made`, `released`, or what it `would` be.

    >>> import timebank
    >>> from timebank.reports.holds import hold_text
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1"), bank.open_account("f1")
    >>> hold_text(bank.hold(earner="m1", spender="f1", hours=1, id="h1"), done="made")
    ['h1: 1:00 of f1 for m1 held']
    """
    words = Words("holds")
    sides = {"spenders": together(made.spenders), "earners": together(made.earners)}
    line = words(done, id=made.id, hours=made.hours, **sides)
    if planned := planned_text(made):
        line += f", {planned}"
    if made.status == "open" and made.expires_at is not None:
        line += f", {words('until', moment=until_text(made))}"
    if made.repeated:
        line += f"; {words('repeated')}"
    flags = [words("note", flag=flag_text(flag)) for flag in made.flags]
    return [harmless(line), *map(harmless, flags)]


def _status(hold: Hold, today: date | None) -> str:
    """Return the status of a hold, or in what it is late."""
    if hold.status != "open" or today is None:
        return hold.status
    day, late = hold.occurred_on, "overdue"
    if hold.across is not None:
        day, late = hold.across.answer_by.date(), "unanswered"
    return late if day is not None and day < today else hold.status


def planned_text(hold: Hold) -> str:
    """Return the day and the times of a hold, those that there are.

    >>> import timebank
    >>> from timebank.reports.holds import planned_text
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1"), bank.open_account("f1")
    >>> planned_text(bank.hold(earner="m1", spender="f1", hours=1))
    ''
    """
    day = "" if hold.occurred_on is None else Words("holds")("on", day=hold.occurred_on)
    return " ".join(filter(None, (day, times_text(hold.started_at, hold.ended_at))))


def until_text(hold: Hold) -> str:
    """Return when a hold expires, in UTC to the minute; of an offer, when an answer is due."""
    if hold.across is not None:
        day = hold.across.answer_by.date()
        return Words("holds")("answer", day=day) if hold.status == "open" else ""
    if hold.expires_at is None:
        return Words("holds")("no_date")
    return f"{hold.expires_at:%Y-%m-%d %H:%M} UTC"


def held_text(holds: Iterable[Hold], account: str) -> list[str]:
    """Return a line for each open hold of an account, as a statement ends with them."""
    words = Words("holds")
    lines = []
    for hold in calendar(holds):
        fees = [p.hours for p in hold.postings if p.fee and p.account == account]
        parts = [
            words(key, hours=quantity)
            for quantity, key in (
                (hold.spenders.get(account), "to_spend"),
                (hold.earners.get(account), "to_earn"),
                (abs(fees[0]) if fees else None, "fee"),
            )
            if quantity is not None
        ]
        parts += filter(None, [planned_text(hold)])
        note = f" ({hold.note})" if hold.note else ""
        until = words("until_ever") if hold.across is None else until_text(hold)
        if hold.expires_at is not None:
            until = words("until", moment=until_text(hold))
        lines.append(harmless(f"  {hold.id}: {', '.join(parts)}, {until}{note}"))
    return lines
