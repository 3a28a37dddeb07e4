"""Define the options and types of values that several commands share."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any, Final

import click

from timebank.cli.program import usage

_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME: Final = re.compile(r"([0-9]{1,2}):([0-9]{2})", re.ASCII)
_SEQUENCE: Final = re.compile(r"[0-9]{1,16}", re.ASCII)


class Day(click.ParamType):  # type: ignore[type-arg]  # generic in new versions only
    """A day in the form of ISO 8601."""

    name = "YYYY-MM-DD"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Return the date.

        :raises click.BadParameter: another form, or no day of the calendar.
        """
        if isinstance(value, date):
            return value
        try:
            if not _DAY.fullmatch(value):
                raise ValueError
            return date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a day like 2026-03-02", param, ctx)


class TimeOfDay(click.ParamType):  # type: ignore[type-arg]  # as above
    """A time of day, by the clock on the wall."""

    name = "HH:MM"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> time:
        """Return the time.

        :raises click.BadParameter: another form, or no time of a day.
        """
        if isinstance(value, time):
            return value
        try:
            if not (found := _TIME.fullmatch(value)):
                raise ValueError
            return time(int(found[1]), int(found[2]))
        except ValueError:
            self.fail(f"{value!r} is not a time of day like 09:30", param, ctx)


class Point(click.ParamType):  # type: ignore[type-arg]  # as above
    """A point of the journal: the number of a record, or an instant with its zone."""

    name = "N|INSTANT"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | datetime:
        """Return the sequence, or the aware instant.

        :raises click.BadParameter: neither, or an instant without a zone.
        """
        if isinstance(value, int | datetime):
            return value
        if _SEQUENCE.fullmatch(value):
            return int(value)
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            self.fail(
                f"{value!r} is neither a record's number nor an instant with its zone, like "
                "2026-12-31T18:00+01:00",
                param,
                ctx,
            )
        return moment


class LimitOf(click.ParamType):  # type: ignore[type-arg]  # as above
    """A floor or a ceiling: hours, `none` for unlimited, `inherit` for the statute's."""

    name = "HOURS|none|inherit"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the limit as the library takes it; hours are checked there."""
        from timebank.model import INHERIT

        return {"none": None, "inherit": INHERIT}.get(value, value)


class Duration(click.ParamType):  # type: ignore[type-arg]  # as above
    """A duration in weeks, days, hours or minutes."""

    name = "7d|12h|30m|2w"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the duration.

        :raises click.BadParameter: another form.
        """
        if isinstance(value, timedelta):
            return value
        from timebank.checks import span

        if (found := span(value)) is None:
            self.fail(f"{value!r} is not a duration like 7d, 12h, 30m or 2w", param, ctx)
        return found


DAY: Final = Day()
DURATION: Final = Duration()
LIMIT: Final = LimitOf()
POINT: Final = Point()
TIME: Final = TimeOfDay()

formatted = click.option(
    "--format",
    "format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="For people or for programs.",
)

dry_run_option = click.option("--dry-run", is_flag=True, help="Decide, and write nothing.")

at_option = click.option(
    "--at", type=POINT, help="As it was known then: at a record, by its number, or at an instant."
)

#: What `transfer` and `hold` share, in the order of their help: before the day, and after it.
_SIDES: Final = (
    click.option("--earner", "earners", metavar="ID[=HOURS]", required=True, multiple=True),
    click.option("--spender", "spenders", metavar="ID[=HOURS]", required=True, multiple=True),
    click.option("--hours", metavar="HOURS", help="1:30, 1.5, 1h30 or 90m."),
    click.option("--id", "id", metavar="ID", help="Makes repeating the command safe."),
)
_DESCRIPTION: Final = (
    click.option("--from", "started_at", type=TIME, help="When it began, on that day."),
    click.option("--to", "ended_at", type=TIME, help="When it ended; past midnight, if earlier."),
    click.option("--kind", default="exchange", show_default=True, help="What sort of movement."),
    click.option("--category", help="What sort of service."),
    click.option("--area", help="The area of welfare."),
    click.option("--resource", help="What was used: a room, a car."),
    click.option("--via", metavar="ID", help="The account of who arranged it."),
    click.option("--note", help="Personal text: what for."),
    click.option("--tag", "tags", multiple=True, help="May be given several times."),
)


def exchange_options(*, on: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add the options that say who earns, who spends, when, and what for; `on` is help."""
    day = click.option("--on", "occurred_on", type=DAY, help=on)

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed((*_SIDES, day, *_DESCRIPTION)):
            command = option(command)
        return command

    return add


def side(option: str, items: tuple[str, ...]) -> str | dict[str, str]:
    """Return one account alone, or accounts with their hours. The last `=` divides the two."""
    if len(items) == 1 and "=" not in items[0]:
        return items[0]
    side: dict[str, str] = {}
    for item in items:
        id, divider, hours = item.rpartition("=")
        if not divider:
            usage(f"{option} {item!r} needs its hours, as in {option} {item}=1:00")
        if id in side:
            usage(f"{option} names {id!r} twice")
        side[id] = hours
    return side
