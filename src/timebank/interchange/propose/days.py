"""Say in which order the days of a sheet are, and ask where they can be read in two ways."""

from __future__ import annotations

import re
from typing import Final

from timebank.interchange.propose import contents as c
from timebank.interchange.propose import headings as h
from timebank.interchange.propose.doubts import Doubt
from timebank.interchange.propose.drafts import Draft
from timebank.interchange.propose.tables import Table

#: Languages in which everybody writes the day before the month.
DAY_FIRST: Final = frozenset({"it", "es", "fr", "de"})


def put_days(draft: Draft, column: c.Column | None, table: Table) -> None:
    """Say in which order days are written."""
    if column is None:
        _ask_of_day(draft, table)
        return
    language = table.language
    forms = {form for form, count in column.days.items() if count}
    orders = forms & {c.DMY, c.MDY}
    example = {"column": column.heading, "example": _example(column)}
    if c.EPOCH in forms or c.EPOCH_MS in forms:
        draft.put("days.format", c.EPOCH_MS if c.EPOCH_MS in forms else c.EPOCH, "days_epoch")
    elif _ask_of_doubtful_days(draft, column, example):
        pass
    elif len(orders) == 1:
        order = next(iter(orders))
        draft.put("days.format", order, "days_seen", **_telling(column, order))
    elif orders:
        draft.put("days.format", [c.DMY, c.MDY], "days_mixed", **example)
        draft.ask(
            Doubt("days_mixed", example, "days.format", {c.DMY: "day_first", c.MDY: "month_first"})
        )
    elif c.YMD in forms:
        draft.put("days.format", c.YMD, "days_year_first")
    elif c.EITHER not in forms:
        # Saved again as text, its cells of days would be written as in its language.
        draft.put("days.format", c.DMY if language in DAY_FIRST else c.ISO, "days_iso")
    elif (sign := _american(column, table)) and language in DAY_FIRST:
        draft.put("days.format", [c.DMY, c.MDY], "days_open", **example)
        choices = {c.DMY: "day_first", c.MDY: "month_first"}
        values = example | {"sign": sign}
        draft.ask(Doubt("days_american", values, "days.format", choices))
    elif language in DAY_FIRST or _has_points(column):
        spoken = language if language in DAY_FIRST else "points"
        draft.put("days.format", c.DMY, f"days_by_{spoken}", **example)
    else:
        draft.put("days.format", [c.DMY, c.MDY], "days_open", **example)
        choices = {c.DMY: "day_first", c.MDY: "month_first"}
        draft.ask(Doubt("days_order", example, "days.format", choices))


def _ask_of_day(draft: Draft, table: Table) -> None:
    """Ask which day it was, or for whole days where a column has parts of them."""
    for column in table.columns:
        is_day = any(m.role == h.DAY and m.score >= 100 for m in h.matches(column.heading))  # noqa: PLR2004 - the whole heading
        if is_day and column.filled and "transfers.day" not in draft.answers:
            values = {"column": column.heading, "example": column.filled[0]}
            draft.ask(Doubt("days_unread", values))
            return
    if "transfers.day" not in draft.answers:
        draft.ask(Doubt("no_day", key="transfers.day_is"))


def _ask_of_doubtful_days(draft: Draft, column: c.Column, example: dict[str, str]) -> bool:
    """Ask where days look as if they were clear, and are perhaps others; return whether they do."""
    if cell := _year_first(column):
        values = example | {"example": cell}
        draft.put("days.format", [c.DMY, c.YMD], "days_open", **values)
        choices = {c.DMY: "day_first", c.YMD: "year_first"}
        draft.ask(Doubt("days_year", values, "days.format", choices))
    elif cell := _changed(column):
        draft.put("days.format", c.DMY, "days_seen", **_telling(column, c.DMY))
        values = example | {"example": cell}
        draft.ask(Doubt("days_changed", values, "days.format", {c.DMY: "days_right"}))
    return bool(cell)


def _year_first(column: c.Column) -> str:
    """Return a day of which the first two figures may be the year, where all may be so."""
    parts = [re.findall(r"\d+", cell) for cell in column.filled if c.day_form(cell) != c.ISO]
    may_be = bool(parts) and all(
        [len(one) for one in part[:3]] == [2, 2, 2] and int(part[1]) <= 12 and int(part[2]) <= 31  # noqa: PLR2004 - a day
        for part in parts
    )
    firsts, lasts = ({part[place] for part in parts} if may_be else set() for place in (0, 2))
    # Years are few and days are many.
    return next(iter(column.filled)) if may_be and len(firsts) < len(lasts) else ""


def _changed(column: c.Column) -> str:
    """Return a day whose month may be its day, where a program of another language read a sheet.

    It makes days of what has a month first, and leaves as texts what cannot be read so.
    """
    made = [cell for cell in column.filled if c.day_form(cell) == c.ISO]
    is_left = set(column.days) == {c.ISO, c.DMY} and len(made) > 1
    return made[0] if is_left and all(int(cell[8:10]) <= 12 for cell in made) else ""  # noqa: PLR2004 - months


#: A time of day as Americans write it.
_HALF_DAY: Final = re.compile(r"\d ?[ap]\.?m\.?$", re.IGNORECASE)


def _american(column: c.Column, table: Table) -> str:
    """Return what in a sheet is as an American spreadsheet writes it, or nothing.

    The words over its columns may be of another language all the same.
    """
    for one in table.columns:
        for cell in one.filled:
            is_day = c.day_form(cell) == c.MDY and one.day_share >= c.HALF
            if (is_day and not re.search(r"[^\W\d]{3}", cell)) or (
                one.index == column.index and _HALF_DAY.search(cell)
            ):
                return cell
        if h.folded(one.heading) in {"timestamp", "submitted at", "created at"}:
            return one.heading
    return ""


def _example(column: c.Column) -> str:
    found = [cell for cell in column.filled if c.day_form(cell) == c.EITHER]
    # One that says another day when it is read the other way.
    return next((cell for cell in found if _differs(cell)), next(iter(column.filled), ""))


def _differs(cell: str) -> bool:
    first, second, *_ = map(int, re.findall(r"\d+", cell))
    return first != second


def _telling(column: c.Column, form: str) -> dict[str, str]:
    """Return the cell that shows in which order days are."""
    return {"example": next(cell for cell in column.filled if c.day_form(cell) == form)}


def _has_points(column: c.Column) -> bool:
    """Return whether days are written 2.3.2026, as nobody does who puts the month first."""
    return all(re.match(r"\d{1,2}\. ?\d{1,2}\.", cell) for cell in column.filled)
