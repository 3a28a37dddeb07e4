"""Say what a table of exchanges means: the keys of a mapping, and what has to be asked."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from timebank.errors import TimebankError
from timebank.hours import Hours
from timebank.interchange.propose import contents as c
from timebank.interchange.propose import headings as h
from timebank.interchange.propose.doubts import Doubt
from timebank.interchange.propose.drafts import Draft
from timebank.interchange.propose.headings import words_of
from timebank.interchange.propose.roles import (
    GAVE,
    Roles,
    is_kind_of_service,
    people_in,
    rivals_of,
)
from timebank.interchange.propose.sides import put_sides
from timebank.interchange.propose.tables import Table

#: Words of a state, folded: with these an exchange took place, with those it did not.
MOVES: Final = words_of(
    "concluso conclusa completato completata confermato confermata fatto fatta eseguito eseguita "
    "svolto svolta accettato accettata approvato approvata pagato registrato chiuso ok si x yes y "
    "completed complete done confirmed committed finished approved accepted paid settled recorded "
    "completado completada realizado realizada confirmado confirmada hecho aceptado aprobado "
    "termine terminee effectue effectuee confirme confirmee valide validee accepte fait oui "
    "erledigt abgeschlossen bestatigt gebucht fertig ja"
)
PASSED: Final = words_of(
    "annullato annullata cancellato cancellata rifiutato rifiutata sospeso sospesa proposto "
    "proposta scaduto scaduta no richiesto aperto previsto programmato bozza "
    "pending cancelled canceled rejected declined expired draft deleted new void undone open n "
    "requested failed planned scheduled submitted refused "
    "anulado anulada cancelado cancelada pendiente rechazado rechazada abierto solicitado "
    "annule annulee refuse refusee ouvert demande prevu "
    "storniert abgelehnt offen ausstehend geplant angefragt nein abgesagt"
) | {"in attesa", "en attente", "en espera", "da fare", "da confermare", "non fatto", "to do"}

#: Languages in which everybody writes the day before the month.
DAY_FIRST: Final = frozenset({"it", "es", "fr", "de"})

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
#: What stands between the names of two people in one cell.
_BETWEEN_PEOPLE: Final = re.compile(r"\s*[,;/+&]\s*|\s+(?:e|ed|and|y|et|und|con|with)\s+")


def put_exchanges(draft: Draft, table: Table, roles: Roles) -> None:
    """Say what the columns of exchanges are, and ask what they do not show."""
    _take_answers(draft, table, roles)
    part = _Part(table, roles)
    put_days(draft, roles.get(h.DAY), table)
    _put_transfers(draft, part)
    put_amounts(draft, _amounts_of(draft, roles), table.language)
    _put_state(draft, part)
    _put_times(draft, roles)
    _ask_of_rivals(draft, part)
    _ask_of_member_columns(draft, part)
    _ask_of_several_people(draft, part)
    _leave_the_first(draft)
    if {"no_day", "no_people", "no_amount"} <= {doubt.code for doubt in draft.doubts}:
        # Three questions about a table that is none would be two too many.
        draft.doubts = [Doubt("nothing")]


def _take_answers(draft: Draft, table: Table, roles: Roles) -> None:
    """Let the columns of the day and of the hours be those that were said, if they were."""
    for key, role, others in (("day", h.DAY, ()), ("amount", h.AMOUNT, (h.MINUTES, h.IN, h.OUT))):
        said = draft.answers.get(f"transfers.{key}")
        column = next((one for one in table.columns if str(column_name(table, one)) == said), None)
        if column is None:
            continue
        for other in others:
            roles.found.pop(other, None)
        roles.found = {one: its for one, its in roles.found.items() if its.index != column.index}
        roles.found[role] = column


def _leave_the_first(draft: Draft) -> None:
    """Ask nothing that the answer to another question would make idle."""
    codes = {doubt.code for doubt in draft.doubts}
    if "member_columns" in codes:
        idle = {"who_gave", "no_people", "one_side", "which_amount", "no_amount", "unit", "twice"}
    elif "twice" in codes:
        idle = {"who_gave", "two_names", "which_earner", "which_spender"}
    else:
        return
    draft.doubts = [doubt for doubt in draft.doubts if doubt.code not in idle]


def _amounts_of(draft: Draft, roles: Roles) -> list[c.Column]:
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


class _Part:
    """A table, its roles, and how the columns are named in the mapping."""

    def __init__(self, table: Table, roles: Roles) -> None:
        self.table, self.roles = table, roles

    def column(self, role: str) -> str | int | None:
        found = self.roles.get(role)
        return None if found is None else column_name(self.table, found)


def column_name(table: Table, column: c.Column) -> str | int:
    """Return how a mapping names a column: by its heading or, without any, by its number."""
    return column.index + 1 if table.heading is None else column.heading


# -- days ------------------------------------------------------------------------------


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


# -- amounts ---------------------------------------------------------------------------


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


# -- the other columns ---------------------------------------------------------------


def _put_transfers(draft: Draft, part: _Part) -> None:
    table, roles = part.table, part.roles
    if table.heading is None:
        draft.put("csv.header", False, "no_heading")
        draft.put("transfers.columns", len(table.columns))
    if (own := part.column(h.ID)) is not None:
        draft.put("transfers.id", own, "own_id")
    put_sides(draft, table, roles, people_in(roles, table), lambda one: column_name(table, one))
    amount = roles.first(h.AMOUNT, h.MINUTES)
    if amount is not None and draft.says("transfers.in") is None:
        draft.put("transfers.amount", column_name(table, amount))
    if (day := part.column(h.DAY)) is not None:
        draft.put("transfers.day", day)
    _put_texts(draft, part)
    _ask_twice_named(draft, table)


def _put_texts(draft: Draft, part: _Part) -> None:
    """Say which column is the note, and which the kind of service."""
    note, activity = part.roles.get(h.NOTE), part.roles.get(h.ACTIVITY)
    category, area = part.roles.get(h.CATEGORY), part.roles.get(h.AREA)
    if category is None and note is not None and activity and is_kind_of_service(activity):
        category, activity = activity, None
    text = note or activity
    names = (("note", text), ("category", category), ("area", area))
    html = []
    for key, column in names:
        if column is None or (key != "note" and not is_kind_of_service(column)):
            continue
        code = key
        if column is part.roles.get(h.ACTIVITY) or column is not part.roles.get(key):
            code = f"{key}_of_activity"
        name = column_name(part.table, column)
        draft.put(f"transfers.{key}", name, f"text_{code}" if key != "area" else None)
        if column.has_html:
            html.append(name)
    if html:
        draft.put("transfers.html", html, "html")


def _put_state(draft: Draft, part: _Part) -> None:
    """Say with which states hours move."""
    column = part.roles.get(h.STATE)
    if column is None or not column.filled:
        return
    amount = part.roles.first(h.AMOUNT, h.MINUTES)
    moves, passed, unknown = [], {}, []
    for value in dict.fromkeys(column.cells):
        word = h.folded(value)
        if value and word in MOVES:
            moves.append(value)
        elif value and (word in PASSED):
            passed[value] = word.replace(" ", "-")
        elif not value and amount is not None and not _has_amount(column, amount, value):
            passed[value] = "empty"
        else:
            unknown.append(value)
    if not moves and not passed:
        return  # a column of another kind: nothing of it is a state that is known
    draft.put("transfers.state.column", column_name(part.table, column), "state")
    draft.put("transfers.state.moves", moves or unknown)
    if passed:
        draft.put("transfers.state.passed", passed)
    for value in unknown:
        said = {"column": column.heading, "value": value}
        draft.ask(Doubt("state", said, "transfers.state.moves"))


def _has_amount(column: c.Column, amount: c.Column, value: str) -> bool:
    """Return whether a row of this state says an amount."""
    pairs = zip(column.cells, amount.cells, strict=True)
    return any(state == value and hours for state, hours in pairs)


def _put_times(draft: Draft, roles: Roles) -> None:
    """Say that hours which only two times of day tell cannot be read."""
    if draft.says("transfers.amount") is None and draft.says("transfers.in") is None:
        if roles.has(h.STARTS, h.ENDS):
            starts, ends = roles.found[h.STARTS], roles.found[h.ENDS]
            draft.ask(Doubt("times", {"starts": starts.heading, "ends": ends.heading}))
        else:
            draft.ask(Doubt("no_amount", key="transfers.amount"))


def _ask_of_rivals(draft: Draft, part: _Part) -> None:
    """Ask which column it is where two say it equally well; and for names that are in two."""
    for role in (h.DAY, h.AMOUNT, h.EARNER, h.SPENDER):
        if found := rivals_of(role, part.roles, part.table) or _other_days(role, part):
            columns = [part.roles.found[role], *found]
            names = [str(column_name(part.table, column)) for column in columns]
            choices = dict.fromkeys(names, "column")
            key = f"transfers.{role}"
            draft.ask(Doubt(f"which_{role}", {"columns": ", ".join(names)}, key, choices))
    name, surname = part.roles.get(h.NAME), part.roles.get(h.SURNAME)
    if name is not None and surname is not None:
        said = {column_name(part.table, one) for one in (name, surname)}
        if said & {entry.value for entry in draft.entries.values() if _is_one(entry.value)}:
            values = {"name": name.heading, "surname": surname.heading}
            draft.ask(Doubt("two_names", values))


def _other_days(role: str, part: _Part) -> list[c.Column]:
    """Return the columns of other days that may be those of the exchanges as well."""
    chosen = part.roles.get(role)
    if role != h.DAY or chosen is None or h.is_of_service_days(chosen.heading):
        return []
    return [
        one
        for one in part.table.columns
        if one.day_share >= c.MOST
        and len(one.filled) >= c.HALF * len(part.table.rows)
        and not part.roles.holds(one)
        and one.cells != chosen.cells
        and not h.is_stamp(one.heading)
        and not h.is_of_other_days(one.heading)
        and not any(match.role in {h.JUNK, h.JOINED} for match in h.matches(one.heading))
    ]


def _ask_of_several_people(draft: Draft, part: _Part) -> None:
    """Ask where a cell names two people who stand alone in other rows."""
    keys = ("earner", "spender", "account", "other")
    said = [draft.says(f"transfers.{key}") for key in keys]
    columns = [one for one in part.table.columns if column_name(part.table, one) in said]
    alone = {name for column in columns for name in column.values}
    for column in columns:
        for cell in column.filled:
            parts = [h.folded(one) for one in _BETWEEN_PEOPLE.split(cell)]
            if len(parts) > 1 and any(one in alone for one in parts):
                values = {"column": column.heading, "example": cell}
                draft.ask(Doubt("several_people", values, "people.by", {"name": "one_account"}))
                return


def _ask_of_member_columns(draft: Draft, part: _Part) -> None:
    """Say that a mapping cannot read a table in which each member has a column."""
    roles = part.roles
    if roles.first(h.EARNER, h.SPENDER, h.FROM, h.TO, h.ACCOUNT, h.OTHER, h.NAME, h.EMAIL):
        return
    columns = [
        one
        for one in part.table.columns
        if one.amount_share >= c.MOST and one.heading and not one.is_counter and not _is_told(one)
    ]
    if len(columns) >= 3 and not people_in(roles, part.table):  # noqa: PLR2004 - a column each
        names = ", ".join(one.heading for one in columns)
        draft.ask(Doubt("member_columns", {"columns": names}))


def _is_told(column: c.Column) -> bool:
    """Return whether the heading of a column of numbers is that of something else than members."""
    roles = {match.role for match in h.matches(column.heading) if match.score >= 100}  # noqa: PLR2004 - the whole heading
    return bool(roles)


def _is_one(value: Any) -> bool:
    return isinstance(value, str | int)


def _ask_twice_named(draft: Draft, table: Table) -> None:
    """Ask for other names where a column that is needed has the name of another."""
    used = {
        entry.value
        for key, entry in draft.entries.items()
        if key.startswith("transfers.") and isinstance(entry.value, str)
    }
    for name in sorted(used):
        if table.names.count(name) > 1:
            draft.ask(Doubt("twice", {"column": name, "count": str(table.names.count(name))}))


def unused(draft: Draft, table: Table) -> list[c.Column]:
    """Return the columns that have something in them, and of which the mapping says nothing."""
    said: set[Any] = set()
    for entry in draft.entries.values():
        value = entry.value
        said.update(
            value if isinstance(value, list) else (value,) if not isinstance(value, Mapping) else ()
        )
    return [one for one in table.columns if one.filled and column_name(table, one) not in said]


__all__ = ["GAVE", "column_name", "put_amounts", "put_days", "put_exchanges", "unused"]
