"""Say what a list of members means, or one of balances: the tables `accounts` and `opening`."""

from __future__ import annotations

from timebank.interchange.propose import headings as h
from timebank.interchange.propose.amounts import put_amounts
from timebank.interchange.propose.choices import column_name
from timebank.interchange.propose.contents import HALF, Column
from timebank.interchange.propose.days import put_days
from timebank.interchange.propose.doubts import Doubt
from timebank.interchange.propose.drafts import Draft
from timebank.interchange.propose.headings import matches
from timebank.interchange.propose.roles import Roles
from timebank.interchange.propose.tables import Table


def is_list_of_members(table: Table, roles: Roles) -> bool:
    """Return whether a table lists people and no exchanges: names, and no day with an amount."""
    is_of_exchanges = _has_exchanges(roles)
    return not is_of_exchanges and roles.first(h.NAME, h.ACCOUNT, h.SURNAME, h.EMAIL) is not None


def is_list_of_balances(table: Table, roles: Roles) -> bool:
    """Return whether a table has people and a balance for each, and no exchanges."""
    return (
        is_list_of_members(table, roles)
        and roles.first(h.BALANCE, h.AMOUNT, h.MINUTES, h.IN) is not None
    )


def _has_exchanges(roles: Roles) -> bool:
    has_amount = roles.first(h.AMOUNT, h.MINUTES, h.IN, h.OUT, h.STARTS) is not None
    sides = roles.first(h.EARNER, h.SPENDER, h.FROM, h.OTHER) is not None
    return has_amount and (sides or h.DAY in roles.found)


def put_members(draft: Draft, table: Table, roles: Roles) -> None:
    """Say what the columns of a list of members are."""
    own = _own_number(table, roles)
    if own is not None:
        draft.put("accounts.id", column_name(table, own), "own_number")
    names = [one for role in (h.NAME, h.SURNAME) if (one := roles.get(role))] or [
        one for role in (h.ACCOUNT,) if (one := roles.get(role))
    ]
    if names:
        parts = [column_name(table, one) for one in names]
        draft.put("accounts.name", parts if len(parts) > 1 else parts[0])
    if (email := roles.get(h.EMAIL)) is not None:
        draft.put("accounts.also", [column_name(table, email)], "also")
    if (joined := roles.get(h.JOINED)) is not None:
        draft.put("accounts.joined", column_name(table, joined))
        if draft.says("days.format") is None:
            put_days(draft, joined, table)
    if (balance := roles.get(h.BALANCE)) is not None:
        draft.put("accounts.balance", column_name(table, balance), "stated")
    if own is None and not names:
        draft.ask(Doubt("no_member", key="accounts.name"))


def put_opening(draft: Draft, table: Table, roles: Roles) -> None:
    """Say what the columns of opening balances are."""
    who = roles.first(h.NAME, h.ACCOUNT, h.EMAIL)
    balance = roles.first(h.BALANCE, h.AMOUNT, h.MINUTES, h.IN)
    if who is None or balance is None:
        return
    saying = [
        one
        for one in table.columns
        if one.filled
        and any(m.role == h.BALANCE for m in matches(one.heading))
        and one.cells != balance.cells
        and one.amount_share >= HALF
    ]
    if saying and matches(balance.heading)[:1] and balance is roles.get(h.BALANCE):
        names = [str(column_name(table, one)) for one in (balance, *saying)]
        choices = dict.fromkeys(names, "column")
        values = {"columns": ", ".join(names)}
        draft.ask(Doubt("which_balance", values, "opening.balance", choices))
    draft.put("opening.account", column_name(table, who), "opening")
    draft.put("opening.balance", column_name(table, balance))
    put_amounts(draft, [balance], table.language)


def ids_of(table: Table, roles: Roles) -> frozenset[str]:
    """Return the ids that a list of members has."""
    own = _own_number(table, roles)
    return frozenset(() if own is None else own.cells)


def _own_number(table: Table, roles: Roles) -> Column | None:
    """Return the column of the members' own numbers or codes, if there is one."""
    for column in table.columns:
        is_said = any(match.role == h.ID for match in matches(column.heading))
        if is_said and column.is_unique and not column.is_emails:
            return column
    return None
