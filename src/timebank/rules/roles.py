"""Check that an account may play each of its roles: its status is looked at once for each.

An account may have several roles in one record, as who earns and who arranged it. Each is judged
for itself, so that a role that is open to a frozen account opens no other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from timebank.checks import Side
from timebank.errors import AccountNotOpen
from timebank.journal.kinds import Lines
from timebank.model import AccountRow

EARNER: Final = "earner"
SPENDER: Final = "spender"
VIA: Final = "via"
FEE_FUND: Final = "fund of the fee"

#: A role, and the account that plays it.
Role = tuple[str, str]


def fund_of(rule: str) -> str:
    """Return the role of the fund of welcome credit, of dues or of demurrage.

    >>> from timebank.rules.roles import fund_of
    >>> fund_of("welcome")
    'fund of welcome'
    """
    return f"fund of {rule}"


def roles_of(earned: Side, spent: Side, *, fund: str | None, via: str | None) -> Iterable[Role]:
    """Yield who plays which role in an exchange, in the order of the errors."""
    for id, _ in earned:
        yield EARNER, id
    for id, _ in spent:
        yield SPENDER, id
    if fund is not None:
        yield FEE_FUND, fund
    if via is not None:
        yield VIA, via


def roles_of_lines(lines: Lines, fee: Lines) -> Iterable[Role]:
    """Yield who played which role in what was posted: its lines, and those of its fee."""
    for role, sign in ((EARNER, 1), (SPENDER, -1)):
        for id, seconds in lines:
            if seconds * sign > 0:
                yield role, id
    for id, seconds in fee:
        if seconds > 0:
            yield FEE_FUND, id


def check_roles(
    rows: Mapping[str, AccountRow],
    roles: Iterable[Role],
    *,
    frozen: Iterable[str] = (VIA,),
    of: str = "",
    remedy: str | None = None,
    besides: str | None = None,
) -> None:
    """Check that each account is open, or frozen in one of the roles that a frozen one may play.

    `of` says of what it is the earner, or the fund, where it is no exchange; `besides` is the
    account of an agreement, in an exchange with that bank.

    :raises AccountNotOpen: the first that may not play its role.
    """
    for role, id in roles:
        status = rows[id].status
        if status == "open" or (status == "frozen" and role in frozen):
            continue
        if id == besides and role != VIA:
            continue
        named = "the intermediary (via)" if role == VIA else f"the {role}"
        doing = f"take part as {named}{of}"
        raise AccountNotOpen(
            id,
            status=status,
            doing=doing,
            role=role,
            remedy=remedy,
            merged_into=rows[id].merged_into,
        )
