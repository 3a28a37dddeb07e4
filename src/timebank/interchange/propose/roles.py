"""Choose what each column of a table is: by the words above it and by what stands in it.

A heading proposes roles, and the contents must allow them. Where headings say nothing the contents
alone decide, if they can. No role is given to two columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

import attrs

from timebank.interchange.propose import headings as h
from timebank.interchange.propose.contents import CLOCK, HALF, LITTLE, MOST, Column, overlap
from timebank.interchange.propose.headings import matches, words_of
from timebank.interchange.propose.tables import Table

#: Values of a column of directions, folded: whose row it is gave, or received.
GAVE: Final = words_of(
    "gave given gives earned provided giver dato data da offerto ho dato ha dato dio dado da "
    "donne a donne gegeben gab entrata entrate in avere credit credito haben + accredito"
) | {"ho dato", "ha dato", "a donne", "ore date"}
RECEIVED: Final = words_of(
    "received receives receive got spent receiver ricevuto ricevuta ho ricevuto ha ricevuto "
    "recibido recibio recu bekommen erhalten uscita uscite out dare debit debito soll - "
    "addebito"
) | {"ho ricevuto", "ha ricevuto", "a recu", "ore ricevute"}

#: Words over the numbers that a program gives.
_OF_PROGRAMS: Final = words_of("id uid ref reference transaction")
#: Scores that are no further apart than this say a thing about equally well.
_NEAR: Final = 15
#: Most different values that a column of states has.
MOST_STATES: Final = 12
#: A short text says a kind of service; a longer one is a note.
_KIND_CHARACTERS: Final = 60
#: So many columns at most are compared in pairs, to find those with people.
_MOST_PEOPLE: Final = 100

_PEOPLE: Final = frozenset({h.EARNER, h.SPENDER, h.FROM, h.TO, h.ACCOUNT, h.OTHER})
_AMOUNTS: Final = frozenset({h.AMOUNT, h.MINUTES, h.IN, h.OUT, h.BALANCE})
_DAYS: Final = frozenset({h.DAY, h.JOINED})
_TEXTS: Final = frozenset({h.NOTE, h.ACTIVITY, h.CATEGORY, h.AREA})
#: Roles that say of a column only that an exchange does not need it.
_IDLE: Final = frozenset({h.JUNK, h.BALANCE, h.JOINED, h.EMAIL, h.SURNAME})


def _is_people(column: Column) -> bool:
    return column.looks_like_people and not column.is_times


def _may_be_people(column: Column) -> bool:
    """Return whether a column may be of people if its heading says so: no days, times, hours."""
    return column.day_share < HALF and not column.is_times and not column.amounts[CLOCK]


def _is_state(column: Column) -> bool:
    if column.day_share >= HALF:
        return False
    return 0 < len(column.values) <= min(MOST_STATES, max(2, len(column.filled)))


def _is_direction(column: Column) -> bool:
    return bool(column.filled) and set(map(_said, column.filled)) <= GAVE | RECEIVED


def _is_id(column: Column) -> bool:
    """Return whether each row has something of its own that stays with it.

    A count of the rows does not: it changes when they are sorted, and begins again in a new sheet.
    """
    counts_rows = column.is_counter and not _OF_PROGRAMS & set(h.folded(column.heading).split())
    return column.is_unique and not counts_rows and column.day_share < HALF


def _said(cell: str) -> str:
    return cell if cell in {"+", "-"} else h.folded(cell)


#: What the contents of a column must be for a role; a column without contents may be anything.
_ALLOWED: Final[dict[str, Callable[[Column], bool]]] = {
    **dict.fromkeys(_DAYS, lambda column: column.day_share >= HALF),
    **dict.fromkeys(
        _AMOUNTS, lambda column: column.amount_share >= HALF and column.day_share < HALF
    ),
    **dict.fromkeys(_PEOPLE, _may_be_people),
    **dict.fromkeys(_TEXTS, lambda column: column.day_share < HALF and not column.is_times),
    h.DIRECTION: _is_direction,
    h.STATE: _is_state,
    h.EMAIL: lambda column: column.is_emails,
    h.STARTS: lambda column: column.is_times,
    h.ENDS: lambda column: column.is_times,
}


_ALLOWED[h.ID] = _is_id


@attrs.define
class Roles:
    """Role → its column, and the columns that have none."""

    found: dict[str, Column] = attrs.field(factory=dict)

    def get(self, role: str) -> Column | None:
        """Return the column of a role."""
        return self.found.get(role)

    def first(self, *roles: str) -> Column | None:
        """Return the column of the first of these roles that has one."""
        return next((self.found[role] for role in roles if role in self.found), None)

    def has(self, *roles: str) -> bool:
        """Return whether all of these have a column."""
        return all(role in self.found for role in roles)

    def holds(self, column: Column) -> bool:
        """Return whether a column has a role."""
        return any(one.index == column.index for one in self.found.values())


def roles_of(table: Table) -> Roles:
    """Return what the columns of a table are.

    >>> from timebank.interchange.propose.roles import roles_of
    >>> from timebank.interchange.propose.tables import Line, table_of
    >>> rows = [("Data", "Chi dà", "A chi", "Ore"), ("25/3/26", "Ada", "Ugo", "1,5")]
    >>> roles = roles_of(table_of([Line(n, cells) for n, cells in enumerate(rows, 1)]))
    >>> {role: column.heading for role, column in roles.found.items()}
    {'day': 'Data', 'earner': 'Chi dà', 'spender': 'A chi', 'amount': 'Ore'}
    """
    roles = Roles(_by_headings(table.columns))
    _forget_weak_sides(roles)
    _from_whom_to_whom(roles, table.language)
    one = roles.get(h.IN) or roles.get(h.OUT)
    is_alone = one is not None and not roles.has(h.IN, h.OUT)
    if is_alone and roles.first(h.AMOUNT, h.MINUTES) is None:
        roles.found[h.AMOUNT] = roles.found.pop(h.IN if h.IN in roles.found else h.OUT)
    _clocks(roles, table)
    _by_contents(roles, table)
    _order(roles, table)
    return roles


def _forget_weak_sides(roles: Roles) -> None:
    """Forget sides that half a word says, unless the same people stand on both.

    `Offer` and `Request` may be what was offered, and what was asked for.
    """
    sides = [(role, one) for role in (h.EARNER, h.SPENDER) if (one := roles.get(role)) is not None]
    both = [column for _, column in sides]
    if len(both) == 2 and overlap(*both) > LITTLE:  # noqa: PLR2004 - both sides
        return
    for role, column in sides:
        if any(match.is_weak for match in matches(column.heading)):
            del roles.found[role]


def _from_whom_to_whom(roles: Roles, language: str | None) -> None:
    """Take *from* and who received for what they are: the hours may go the other way."""
    spender = roles.get(h.SPENDER)
    is_open = h.FROM in roles.found and h.EARNER not in roles.found and h.TO not in roles.found
    if is_open and language == "es" and h.folded(roles.found[h.FROM].heading) == "da":
        roles.found[h.EARNER] = roles.found.pop(h.FROM)  # in Spanish it is no *from*, but *gives*
        return
    if is_open and spender is not None and h.may_receive_hours(spender.heading):
        roles.found[h.TO] = roles.found.pop(h.SPENDER)


def _order(roles: Roles, table: Table) -> None:
    """Put them in the order of the sheet."""
    roles.found = dict(sorted(roles.found.items(), key=lambda item: item[1].index))


def _by_headings(columns: Iterable[Column]) -> dict[str, Column]:
    """Give each role to the column whose heading says it best, and whose contents allow it."""
    offers = [
        (match.score + (10 if column.filled else 0), -column.index, match.role, column)
        for column in columns
        for match in matches(column.heading)
        if not column.filled or match.role not in _ALLOWED or _ALLOWED[match.role](column)
    ]
    best = {column: score for score, _, _, column in sorted(offers, key=lambda one: one[0])}
    found: dict[str, Column] = {}
    taken: set[int] = set()
    for score, _, role, column in sorted(offers, key=lambda one: one[:2], reverse=True):
        if column.index in taken or role in found:
            continue
        # A heading that says another thing better is not bent to what is still free.
        if score < best[column] - _NEAR:
            continue
        if role == h.JUNK:
            taken.add(column.index)
            continue
        found[role] = column
        taken.add(column.index)
    return found


def _clocks(roles: Roles, table: Table) -> None:
    """Tell times of day, `from` nine `to` ten, from people, and from amounts."""
    times = [column for column in table.columns if column.is_times and not roles.holds(column)]
    for role, word in ((h.STARTS, h.FROM), (h.ENDS, h.TO)):
        for column in times:
            said = {match.role for match in matches(column.heading)}
            if role not in roles.found and said & {role, word}:
                roles.found[role] = column


def _by_contents(roles: Roles, table: Table) -> None:
    """Find the day and the amount by what stands in the columns, where no heading names them."""
    if h.DAY not in roles.found:
        days = [one for one in _free(roles, table) if one.day_share >= MOST and _fills(one, table)]
        if days:
            roles.found[h.DAY] = max(days, key=lambda one: len(one.filled))
    if not roles.has(h.IN, h.OUT) and roles.first(h.AMOUNT, h.MINUTES) is None:
        amounts = [
            one
            for one in _free(roles, table)
            if one.amount_share >= MOST and _fills(one, table) and not one.is_counter
        ]
        if len(amounts) == 1:
            roles.found[h.AMOUNT] = amounts[0]
    if h.DIRECTION not in roles.found:
        for column in _free(roles, table):
            if _is_direction(column) and len(column.values) == 2:  # noqa: PLR2004 - two ways
                roles.found[h.DIRECTION] = column


def _free(roles: Roles, table: Table) -> list[Column]:
    """Return the columns that have no role and whose heading says none that is idle."""
    return [
        column
        for column in table.columns
        if not roles.holds(column)
        and column.filled
        and not any(match.role in _IDLE and match.score >= 100 for match in matches(column.heading))  # noqa: PLR2004 - the whole heading
    ]


def _fills(column: Column, table: Table) -> bool:
    return len(column.filled) >= HALF * len(table.rows)


def rivals_of(role: str, roles: Roles, table: Table) -> list[Column]:
    """Return the columns that say by their headings as well as its own that they have a role.

    One that has the same cells, or little in it, is none.
    """
    chosen = roles.get(role)
    if chosen is None:
        return []
    least = _score(chosen, role) - _NEAR
    return [
        column
        for column in table.columns
        if not roles.holds(column)
        and _fills(column, table)
        and not h.is_stamp(column.heading)
        and column.cells != chosen.cells
        and (found := matches(column.heading))
        and found[0].role == role
        and found[0].score >= least
        and _ALLOWED[role](column)
    ]


def _score(column: Column, role: str) -> int:
    return max((match.score for match in matches(column.heading) if match.role == role), default=0)


def people_in(roles: Roles, table: Table) -> list[Column]:
    """Return the columns without a role that have people in them: their texts are in each other.

    They are in the order of the sheet; the one that shares most comes with the others.
    """
    free = [column for column in _free(roles, table) if _is_people(column) and not _counts(column)]
    free = free[:_MOST_PEOPLE]
    known = [
        column for role in (*_PEOPLE, h.NAME, h.EMAIL) if (column := roles.get(role)) is not None
    ]
    shares = {
        column.index: max(
            (overlap(column, other) for other in (*free, *known) if other.index != column.index),
            default=0.0,
        )
        for column in free
    }
    return [column for column in free if shares[column.index] > LITTLE]


def _counts(column: Column) -> bool:
    """Return whether a column has numbers, and its heading says of what: *hours of Anna*."""
    said = any(match.role in _AMOUNTS for match in matches(column.heading))
    return said and column.amount_share >= MOST


def is_kind_of_service(column: Column) -> bool:
    """Return whether a column's texts are short, so that they may be kinds of service."""
    return all(len(cell) <= _KIND_CHARACTERS and "\n" not in cell for cell in column.filled)
