"""Define the options and types of values that several commands share."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final

import click

from timebank.cli.program import usage

if TYPE_CHECKING:
    from timebank.bank import BankBatch, TimeBank
    from timebank.reports.words import Words

_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME: Final = re.compile(r"([0-9]{1,2}):([0-9]{2})", re.ASCII)
_SEQUENCE: Final = re.compile(r"[0-9]{1,16}", re.ASCII)
#: What stands for hours in a command that is shown as to be written.
_HOURS_TO_WRITE: Final = "1:00"
#: A day before it is a slip more often than not: the first time banks are of the 1970s.
_FIRST_DAY: Final = date(1970, 1, 1)
_OLD_DAYS: Final = "timebank.cli.options.old_days"


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
            self.fail(_words()("no_day", value=value), param, ctx)


class DayOfService(Day):
    """A day on which something happened. A year like 0026 or 1926 is asked about."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Return the date.

        :raises click.BadParameter: as `Day`; or a day before 1970, without `--old-day`.
        """
        day = super().convert(value, param, ctx)
        if day < _FIRST_DAY and not (ctx is not None and ctx.meta.get(_OLD_DAYS)):
            meant = day.replace(year=2000 + day.year % 100)
            self.fail(_words()("old_day", day=day.isoformat(), meant=meant), param, ctx)
        return day


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
            self.fail(_words()("no_time", value=value), param, ctx)


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
            self.fail(_words()("no_point", value=value), param, ctx)
        return moment


class LimitOf(click.ParamType):  # type: ignore[type-arg]  # as above
    """A floor or a ceiling: hours, `none` for unlimited, `inherit` for the statute's."""

    name = "HOURS|none|inherit"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the limit as the library takes it; hours are checked there."""
        from timebank.model import INHERIT

        return {"none": None, "inherit": INHERIT}.get(value, value)


class Owed(click.ParamType):  # type: ignore[type-arg]  # as above
    """How much a bank may owe another one: hours, or `none` for unlimited."""

    name = "HOURS|none"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return hours, or `None`.

        :raises click.BadParameter: it is no number of hours, or is below 0:00.
        """
        if value is None or value == "none":
            return None
        from timebank.hours import Hours

        if not _is_hours(value) or Hours(value).seconds < 0:
            self.fail(_words()("no_owed", value=value), param, ctx)
        return Hours(value)


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
            self.fail(_words()("no_duration", value=value), param, ctx)
        return found


class Number(click.IntRange):
    """A whole number, from a least one on."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number.

        :raises click.BadParameter: it is none, or beyond the bounds.
        """
        try:
            number: int = super().convert(value, param, ctx)
        except click.BadParameter:
            key = "no_number" if self.max is None else "no_number_up_to"
            self.fail(_words()(key, value=value, least=self.min, most=self.max), param, ctx)
        return number


DAY: Final = Day()
DAY_OF_SERVICE: Final = DayOfService()
DURATION: Final = Duration()
LIMIT: Final = LimitOf()
OWED: Final = Owed()
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


def _take_old_days(context: click.Context, _: click.Parameter, is_set: bool) -> None:
    context.meta[_OLD_DAYS] = is_set


#: For commands with a `DAY_OF_SERVICE`. It is read first, wherever it stands.
old_day_option = click.option(
    "--old-day",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_take_old_days,
    help="Take a day before 1970 as it is.",
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
    day = click.option("--on", "occurred_on", type=DAY_OF_SERVICE, help=on)

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed((*_SIDES, day, old_day_option, *_DESCRIPTION)):
            command = option(command)
        return command

    return add


def accounts_of(
    bank: TimeBank | BankBatch,
    earners: tuple[str, ...],
    spenders: tuple[str, ...],
    via: str | None,
) -> dict[str, Any]:
    """Return the accounts of an exchange as the library takes them: ids, and ids with hours.

    :raises click.UsageError: as `side`.
    :raises AccountNotFound: as `side`.
    """
    from timebank.cli.finding import account_id

    found: dict[str, Any] = {
        "earner": side(bank, "--earner", earners),
        "spender": side(bank, "--spender", spenders),
    }
    return found if via is None else found | {"via": account_id(bank, via)}


def side(bank: TimeBank | BankBatch, option: str, items: tuple[str, ...]) -> str | dict[str, str]:
    """Return the id of one account alone, or ids with their hours.

    An item is an account, or an account, `=` and its hours. Ids and names may have a `=` as well:
    which of the two is meant is seen from the accounts that there are.

    :raises click.UsageError: hours are missing, an account is named twice, or an item may mean two.
    :raises AccountNotFound: no account is meant.
    """
    from timebank.cli.finding import account_id

    if len(items) == 1 and "=" not in items[0]:
        return account_id(bank, items[0])
    words = _words()
    side: dict[str, str] = {}
    for item in items:
        id, hours = _divided(bank, option, item)
        if hours is None:
            if len(items) == 1:
                return id
            usage(words("needs_hours", option=option, item=item))
        if id in side:
            usage(words("twice", option=option, account=id))
        side[id] = hours
    return side


def _divided(bank: TimeBank | BankBatch, option: str, item: str) -> tuple[str, str | None]:
    """Return the id of the account that an item means, and the hours that are written there."""
    from timebank.cli.finding import account_id, named

    text, divider, hours = item.rpartition("=")
    if not divider:
        return account_id(bank, item), None
    if not text:
        return text, hours  # which the library refuses
    accounts = list(bank.accounts())
    ids = {account.id for account in accounts}
    # The text of an id is that account; else it is a name, which several may have.
    whole, part = (one in ids or bool(named(accounts, one)) for one in (item, text))
    if whole and part and _is_hours(hours):
        usage(_either(option, item, text, hours, ids))
    if whole or not (part or _is_hours(hours)):
        return account_id(bank, item), None
    return account_id(bank, text), hours


def _is_hours(text: str) -> bool:
    from timebank.errors import InvalidRequest
    from timebank.hours import Hours

    try:
        Hours(text)
    except InvalidRequest:
        return False
    return True


def _either(option: str, item: str, text: str, hours: str, ids: set[str]) -> str:
    """Return the question which account is meant, with how to write either."""
    from timebank.hours import Hours

    seconds = Hours(hours).seconds
    spellings = (f"{text}={spelt}" for spelt in (Hours(hours), f"{seconds}s"))
    other = next((one for one in spellings if one not in ids), item)
    return _words()(
        "either",
        option=option,
        item=item,
        account=text,
        hours=Hours(hours),
        first=shlex.quote(f"{item}={_HOURS_TO_WRITE}"),
        second=shlex.quote(other),
    )


def _words() -> Words:
    from timebank.reports.words import Words

    return Words("options")
