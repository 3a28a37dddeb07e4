"""Options and values that several commands share."""

from __future__ import annotations

import re
from datetime import date
from typing import Any, Final

import click

_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Day(click.ParamType):  # type: ignore[type-arg]  # generic in new versions only
    """A day as ISO 8601 writes it."""

    name = "YYYY-MM-DD"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """The date.

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


class LimitOf(click.ParamType):  # type: ignore[type-arg]  # as above
    """A floor or a ceiling: hours, `none` for unlimited, `inherit` for the statute's."""

    name = "HOURS|none|inherit"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The limit as the library takes it; hours are checked there."""
        from timebank.model import INHERIT

        return {"none": None, "inherit": INHERIT}.get(value, value)


DAY: Final = Day()
LIMIT: Final = LimitOf()

formatted = click.option(
    "--format",
    "format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="For people or for programs.",
)
