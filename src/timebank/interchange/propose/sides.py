"""Say who gave and who received: by two columns, by a sign, by a word, by what came in and out."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Sequence
from typing import Final

import attrs

from timebank.interchange.propose import headings as h
from timebank.interchange.propose.contents import LITTLE, Column, overlap
from timebank.interchange.propose.doubts import Doubt
from timebank.interchange.propose.drafts import Draft
from timebank.interchange.propose.roles import GAVE, RECEIVED, Roles
from timebank.interchange.propose.tables import Table

Name = Callable[[Column], str | int]

#: Roles of a column that has a person in it, without saying on which side, the likeliest first.
_SOMEBODY: Final = (h.FROM, h.TO, h.ACCOUNT, h.OTHER, h.NAME, h.EMAIL)
_EARNER: Final = "transfers.earner"
_SPENDER: Final = "transfers.spender"
#: The pattern of an id in brackets after a name.
NUMBERED: Final = r"\(([^()]+)\)\s*$"


@attrs.frozen
class _Sides:
    draft: Draft
    table: Table
    roles: Roles
    #: Columns that people stand in, by their contents alone.
    people: Sequence[Column]
    name: Name


def put_sides(
    draft: Draft, table: Table, roles: Roles, people: Sequence[Column], name: Name
) -> None:
    """Say on which side each person stands, or ask."""
    sides = _Sides(draft, table, roles, people, name)
    if not any(found(sides) for found in _WAYS):
        draft.ask(Doubt("no_people", key=_EARNER))
    direction, earner = roles.get(h.DIRECTION), draft.says(_EARNER)
    if direction is not None and earner is not None and _says_both(direction):
        values = {"column": direction.heading, "earner": str(earner)}
        draft.ask(Doubt("direction", values, _EARNER, {str(earner): "gave"}))


def _says_both(direction: Column) -> bool:
    """Return whether some rows of a column say *gave*, and others *received*."""
    said = {cell if cell in {"+", "-"} else h.folded(cell) for cell in direction.filled}
    return bool(said & GAVE) and bool(said & RECEIVED)


def _two_columns(sides: _Sides) -> bool:
    """Both are named by their headings."""
    roles = sides.roles
    if not roles.has(h.EARNER, h.SPENDER):
        return False
    _put(sides, roles.found[h.EARNER], roles.found[h.SPENDER], "sides_seen")
    return True


def _one_named(sides: _Sides) -> bool:
    """One is named, so that the other column of people is the other side."""
    roles = sides.roles
    named = roles.first(h.EARNER, h.SPENDER)
    if named is None:
        return False
    # One that no heading names is the other side if the same people stand in it.
    likely = (column for column in sides.people if overlap(named, column) > LITTLE)
    other = roles.first(*_SOMEBODY) or next(likely, None)
    if other is not None and other is roles.get(h.EMAIL) and not _is_of_a_form(named, other):
        other = None
    if other is None:
        key = f"{_SPENDER}_is" if roles.has(h.EARNER) else f"{_EARNER}_is"
        here = _EARNER if roles.has(h.EARNER) else _SPENDER
        sides.draft.put(here, sides.name(named))
        if key in sides.draft.answers:
            sides.draft.put(key, "")
        sides.draft.ask(Doubt("one_side", {"column": named.heading}, key))
        return True
    earner, spender = (named, other) if roles.has(h.EARNER) else (other, named)
    _put(sides, earner, spender, "sides_by_other", column=named.heading)
    if other.heading and not h.matches(other.heading):
        # The same people stand there, but perhaps as those who wrote it down.
        key = _SPENDER if roles.has(h.EARNER) else _EARNER
        values = {"column": named.heading, "other": other.heading}
        sides.draft.ask(Doubt("other_side", values, key, {str(sides.name(other)): "other_side"}))
    return True


def _is_of_a_form(named: Column, email: Column) -> bool:
    """Return whether who fills in a form, by its address, is the side that is not named."""
    asks_writer = h.speaks_of_the_writer(named.heading) or h.asks_whom_the_writer_helped(
        named.heading
    )
    return asks_writer or overlap(named, email) > LITTLE


def _by_direction(sides: _Sides) -> bool:
    """A column says whether the one whose row it is gave or received."""
    roles = sides.roles
    direction = roles.get(h.DIRECTION)
    if direction is None:
        return False
    pair = None if _is_of_one(sides) else _pair(sides)
    if pair is None and not _is_of_one(sides):
        return False
    _put_account(sides, pair, "by_direction", {"column": direction.heading})
    sides.draft.put("transfers.direction.column", sides.name(direction))
    ways = (GAVE, RECEIVED) if not _is_of_one(sides) else (RECEIVED, GAVE)
    for key, words in zip(("earned", "spent"), ways, strict=True):
        said = [
            v for v in dict.fromkeys(direction.filled) if (v if v in "+-" else h.folded(v)) in words
        ]
        if said:
            sides.draft.put(f"transfers.direction.{key}", said)
    return True


def _by_two_amounts(sides: _Sides) -> bool:
    """What came in stands in one column, what went out in another."""
    roles = sides.roles
    if not roles.has(h.IN, h.OUT):
        return False
    came, went = roles.found[h.IN], roles.found[h.OUT]
    if _is_of_one(sides):
        # Of one member: what came in to them went out from the one with whom.
        came, went = went, came
    values = {"earned": came.heading, "spent": went.heading}
    pair = None if _is_of_one(sides) else _pair(sides)
    if not _put_account(sides, pair, "by_two_amounts", values):
        return False
    sides.draft.put("transfers.in", sides.name(came))
    sides.draft.put("transfers.out", sides.name(went))
    return True


def _by_sign(sides: _Sides) -> bool:
    """The sign of the amount says whether the account gave or received."""
    roles = sides.roles
    amount = roles.first(h.AMOUNT, h.MINUTES)
    if amount is None or not amount.negatives or h.ACCOUNT not in roles.found:
        return False
    other = roles.get(h.OTHER)
    pair = None if other is None else (roles.found[h.ACCOUNT], other)
    return _put_account(sides, pair, "by_sign", {"column": amount.heading})


def _put_account(
    sides: _Sides, pair: tuple[Column, Column] | None, code: str, values: dict[str, str]
) -> bool:
    """Say whose row it is, and with whom; where nobody stands there, ask who it is for all."""
    draft = sides.draft
    account = pair[0] if pair else sides.roles.first(h.ACCOUNT, h.NAME, h.EMAIL, h.OTHER)
    if account is None:
        return False
    draft.put("transfers.account", sides.name(account), code, **values)
    if pair is not None:
        draft.put("transfers.other", sides.name(pair[1]))
    elif _is_of_one(sides):
        draft.ask(Doubt("whose_sheet", {"column": account.heading}, "transfers.against"))
        _put_answer(draft, "transfers.against")
    else:
        draft.ask(Doubt("one_side", {"column": account.heading}, "transfers.against"))
        _put_answer(draft, "transfers.against")
    return True


def _put_answer(draft: Draft, key: str) -> None:
    """Put an answer where it belongs, if there is one."""
    if key in draft.answers:
        draft.put(key, "")


def _is_of_one(sides: _Sides) -> bool:
    """Return whether a sheet says with whom, and not who: it is of one member."""
    others = {h.FROM, h.TO, h.ACCOUNT, h.NAME, h.EMAIL, h.EARNER, h.SPENDER}
    return h.OTHER in sides.roles.found and not others & sides.roles.found.keys()


def _by_asking(sides: _Sides) -> bool:
    """There are two columns of people, and nothing says which of them gave."""
    pair = _pair(sides)
    if pair is None:
        return False
    one, other = pair
    said = str(sides.draft.answers.get(_EARNER, "")), str(sides.draft.answers.get(_SPENDER, ""))
    if said[0] == str(sides.name(other)) or said[1] == str(sides.name(one)):
        one, other = other, one
    _put(sides, one, other, "sides_open")
    values = {
        "one": one.heading or str(sides.name(one)),
        "other": other.heading or str(sides.name(other)),
    }
    choices = {str(sides.name(one)): "gave", str(sides.name(other)): "gave"}
    if not any(said):
        sides.draft.ask(Doubt("who_gave", values, _EARNER, choices))
    return True


#: The ways in which a sheet says it, the surest first.
_WAYS: Final = (_two_columns, _by_direction, _one_named, _by_two_amounts, _by_sign, _by_asking)


def _pair(sides: _Sides) -> tuple[Column, Column] | None:
    """Return two columns of people whose sides nothing says: whose row it is, and the other."""
    roles = sides.roles
    for one, other in ((h.ACCOUNT, h.OTHER), (h.FROM, h.TO)):
        if roles.has(one, other):
            return roles.found[one], roles.found[other]
    found = [column for role in _SOMEBODY if (column := roles.get(role)) is not None]
    found += [column for column in sides.people if column not in found]
    # *With whom* is the other one, wherever it stands.
    found.sort(key=lambda column: column is roles.get(h.OTHER))
    if len(found) < 2:  # noqa: PLR2004 - a pair
        return None
    first = found[0]
    # With whom it shares most texts is its partner: the same people are on both sides.
    return first, max(found[1:], key=lambda column: overlap(first, column))


def _put(sides: _Sides, earner: Column, spender: Column, code: str, **values: str) -> None:
    sides.draft.put(_EARNER, sides.name(earner), code, **values)
    sides.draft.put(_SPENDER, sides.name(spender))


def put_pattern(draft: Draft, table: Table, name: Name, ids: Container[str]) -> None:
    """Say that the id stands in brackets after a name, where those are ids of listed members.

    Without such a list a name with its number is a name, which tells two people apart as well.
    """
    keys = ("earner", "spender", "account", "other")
    said = {draft.says(f"transfers.{key}") for key in keys}
    columns = [column for column in table.columns if name(column) in said]
    found = [re.search(NUMBERED, cell) for column in columns for cell in column.filled]
    if found and all(one is not None and one[1] in ids for one in found):
        draft.put("people.pattern", NUMBERED, "pattern", example=columns[0].filled[0])
