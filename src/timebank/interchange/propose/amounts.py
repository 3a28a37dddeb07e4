"""Say in which unit the amounts of a sheet are, and ask where they can be read in two ways."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from timebank.errors import TimebankError
from timebank.hours import Hours
from timebank.interchange.propose import contents as c
from timebank.interchange.propose import headings as h
from timebank.interchange.propose.doubts import Doubt
from timebank.interchange.propose.drafts import Draft
from timebank.interchange.propose.roles import Roles

_HOURS: Final = re.compile(
    r"\b(?:ore|ora|hours?|hrs|horas?|heures?|stunden?|std|h)\b", re.IGNORECASE
)
#: A number of hours that nobody gives in one exchange, so that it may be minutes.
_MANY_HOURS: Final = 24
#: And one that is seldom, where all of them are whole.
_SOME_HOURS: Final = 10
#: Beginnings of words of what is counted where it is not hours.
_UNITS: Final = (
    *("punt", "point", "punkt", "talent", "unit", "einheit", "unidad", "quart", "cuart"),
    *("viert", "mezz", "half", "halb", "demi", "medias", "getton", "token", "grain"),
)
#: Figures after a mark that may be minutes; a spreadsheet leaves out a zero at the end.
_MINUTE_FIGURES: Final = frozenset({"15", "30", "45", "3"})
_MINUTES_IN_HOUR: Final = 60


def amounts_of(draft: Draft, roles: Roles) -> list[c.Column]:
    """Return the columns of amounts that are used; ask where hours and minutes stand apart."""
    if draft.says("transfers.in") is not None:
        return [roles.found[h.IN], roles.found[h.OUT]]
    hours, minutes = roles.get(h.AMOUNT), roles.get(h.MINUTES)
    if hours is not None and minutes is not None and not _is_same_time(hours, minutes):
        values = {"hours": hours.heading, "minutes": minutes.heading}
        draft.ask(Doubt("hours_and_minutes", values))
    used = hours or minutes
    return [] if used is None else [used]


def _is_same_time(hours: c.Column, minutes: c.Column) -> bool:
    """Return whether one column says in minutes what another says in hours."""
    for one, other in zip(hours.cells, minutes.cells, strict=True):
        try:
            if other and Hours(one or "0") != Hours(f"{other} min"):
                return False
        except TimebankError:
            return False
    return True


def put_amounts(draft: Draft, columns: list[c.Column], language: str | None) -> None:
    """Say in which unit amounts are, and how they are written."""
    numbers = [number for column in columns for number in column.numbers]
    if any(_is_minutes(column) for column in columns):
        draft.put("amounts.unit", "minutes", "unit_minutes", column=columns[0].heading)
    elif many := _many(columns):
        draft.put("amounts.unit", "auto", "unit_open", example=many)
        values = {"column": columns[0].heading, "example": many}
        choices = {"auto": "in_hours", "minutes": "in_minutes", "1800": "in_halves"}
        choices["900"] = "in_quarters"
        draft.ask(Doubt("unit", values, "amounts.unit", choices))
    else:
        draft.put("amounts.unit", "auto", "unit_auto")
    draft.put("amounts.decimal", _decimal(draft, numbers, language))
    if draft.says("amounts.unit") == "auto":
        _put_figures(draft, columns, numbers)


def _is_minutes(column: c.Column) -> bool:
    roles = {match.role for match in h.matches(column.heading)}
    is_said = h.MINUTES in roles and not _HOURS.search(column.heading)
    return is_said and not column.amounts[c.CLOCK] and not column.amounts[c.WORDS]


def _many(columns: list[c.Column]) -> str:
    """Return a number that may be one of something else, where no word says hours."""
    for column in columns:
        words = h.folded(column.heading).split()
        whole = [cell for cell in column.filled if cell.isascii() and cell.isdigit()]
        if whole and any(word.startswith(_UNITS) for word in words):
            return whole[0]
        if _HOURS.search(" ".join(words)) or column.amounts[c.WORDS]:
            continue
        are_all = len(whole) == len(column.filled)
        for cell in whole:
            if int(cell) > _MANY_HOURS or (are_all and int(cell) >= _SOME_HOURS):
                return cell
    return ""


def _decimal(draft: Draft, numbers: list[tuple[str, str]], language: str | None) -> str:
    marks = {mark for mark, _ in numbers}
    is_either = draft.says("amounts.unit") == "auto" and all(len(one) < 3 for _, one in numbers)  # noqa: PLR2004 - thousands have three figures
    # A point or a comma before one or two figures can only be that of decimals.
    if len(marks) > 1 and not is_either:
        commas = sum(mark == "," for mark, _ in numbers)
        values = {"commas": str(commas), "points": str(len(numbers) - commas)}
        choices = {",": "comma", ".": "point"}
        draft.ask(Doubt("decimal", values, "amounts.decimal", choices))
    if marks:
        return max(marks, key=lambda mark: sum(one == mark for one, _ in numbers))
    return "." if language == "en" else ","


def _put_figures(draft: Draft, columns: list[c.Column], numbers: list[tuple[str, str]]) -> None:
    """Say whether 1.30 is an hour and a half, where such numbers stand in the sheet.

    Only figures that can be no minutes show what others after the same mark are: `1,75` does, but
    `1,5` does not, for beside it somebody else may have written `1,30` for half past one.
    """
    after = {mark: {one for m, one in numbers if m == mark} for mark, _ in numbers}
    doubtful = {mark for mark, figures in after.items() if figures & _MINUTE_FIGURES}
    open_marks = {mark for mark in doubtful if not any(map(_is_no_minutes, after[mark]))}
    if not open_marks:
        if doubtful:
            draft.put("amounts.two_figures", "hundredths", "figures_seen", **_proof(columns))
        return
    example = _cell_with(columns, lambda m, one: m in open_marks and one in _MINUTE_FIGURES)
    hours, figures = re.split(r"[.,]", example)
    minutes = int(figures.ljust(2, "0"))
    values = {
        "column": next(column.heading for column in columns if example in column.filled),
        "example": example,
        "clock": f"{hours or 0}:{minutes:02}",
        "decimal": str(Hours.from_seconds(int(hours or 0) * 3600 + minutes * 36)),
    }
    choices = {
        "minutes": "figures_minutes",
        "hundredths": "figures_hundredths",
        "asked": "figures_asked",
    }
    draft.ask(Doubt("two_figures", values, "amounts.two_figures", choices))
    if len(after) > len(open_marks):
        mark = next(iter(open_marks))
        other = _cell_with(columns, lambda m, _: m != mark)
        draft.put("amounts.minutes_after", mark, "minutes_after", example=other, mark=mark)
    elif kept := _tenths(columns, after):
        draft.put("amounts.one_figure", "tenths", "one_figure", example=kept)


def _is_no_minutes(figures: str) -> bool:
    """Return whether figures cannot be minutes, also where a zero at their end is left out."""
    return len(figures) > 2 or int(figures.ljust(2, "0")) >= _MINUTES_IN_HOUR  # noqa: PLR2004 - minutes have two figures


def _cell_with(columns: list[c.Column], holds: Callable[[str, str], bool]) -> str:
    """Return the first number whose mark and figures after it hold."""
    for column in columns:
        for cell in column.filled:
            found = re.fullmatch(r"[+\-\u2212]?(\d*)([.,])(\d+)", cell)
            if found is not None and holds(found[2], found[3]):
                return cell.lstrip("+-\u2212")
    return ""


def _tenths(columns: list[c.Column], after: Mapping[str, set[str]]) -> str:
    """Return a number with one figure after the mark, if the sheet keeps zeros at the end.

    Where it does not, `1,5` may have been `1,50`, and be ten to two.
    """
    figures = set().union(*after.values())
    if "3" in figures or not any(len(one) == 2 and one[1] == "0" for one in figures):  # noqa: PLR2004 - two figures
        return ""
    return _cell_with(columns, lambda _, one: len(one) == 1)


def _proof(columns: list[c.Column]) -> dict[str, str]:
    """Return the number that shows that figures after the mark are decimals."""
    return {"example": _cell_with(columns, lambda _, one: _is_no_minutes(one))}
