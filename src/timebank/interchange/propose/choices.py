"""Say what a table of exchanges means: the keys of a mapping, and what has to be asked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from timebank.interchange.propose import contents as c
from timebank.interchange.propose import headings as h
from timebank.interchange.propose.amounts import amounts_of, put_amounts
from timebank.interchange.propose.days import put_days
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


#: What stands between the names of two people in one cell.
_BETWEEN_PEOPLE: Final = re.compile(r"\s*[,;/+&]\s*|\s+(?:e|ed|and|y|et|und|con|with)\s+")


def put_exchanges(draft: Draft, table: Table, roles: Roles) -> None:
    """Say what the columns of exchanges are, and ask what they do not show."""
    _take_answers(draft, table, roles)
    part = _Part(table, roles)
    put_days(draft, roles.get(h.DAY), table)
    _put_transfers(draft, part)
    put_amounts(draft, amounts_of(draft, roles), table.language)
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


__all__ = ["GAVE", "column_name", "put_exchanges", "unused"]
