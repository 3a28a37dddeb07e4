"""Show holds as text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from timebank.model import Hold
from timebank.reports.text import Column, Row, harmless, table

_COLUMNS: Final = (
    Column("Hold", least=12),
    Column("Status"),
    Column("Hours", right=True),
    Column("Spends", least=12),
    Column("Earns", least=12),
    Column("Until"),
    Column("For", least=12),
)


def holds_text(holds: Iterable[Hold]) -> list[str]:
    """Return a line for each hold, in the order of the journal.

    >>> import timebank
    >>> from timebank.reports.holds import holds_text
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1"), bank.open_account("f1", kind="group")
    >>> _ = bank.hold(earner="m1", spender="f1", hours=2, id="h1", note="Monday's visit")
    >>> for line in holds_text(bank.holds()):
    ...     print(line)
    Hold  Status  Hours  Spends  Earns  Until    For
    ----  ------  -----  ------  -----  -------  --------------
    h1    open     2:00  f1      m1     no date  Monday's visit
    """
    rows: list[Row] = [
        [
            hold.id,
            hold.status,
            str(hold.hours),
            ", ".join(hold.spenders),
            ", ".join(hold.earners),
            until_text(hold),
            hold.note or hold.category or "",
        ]
        for hold in holds
    ]
    return table(_COLUMNS, rows) if rows else ["No holds."]


def until_text(hold: Hold) -> str:
    """Return when a hold expires, in UTC to the minute."""
    if hold.expires_at is None:
        return "no date"
    return f"{hold.expires_at:%Y-%m-%d %H:%M} UTC"


def held_text(holds: Iterable[Hold], account: str) -> list[str]:
    """Return a line for each open hold of an account, as a statement ends with them."""
    lines = []
    for hold in holds:
        fees = [p.hours for p in hold.postings if p.fee and p.account == account]
        parts = [
            f"{quantity} {word}"
            for quantity, word in (
                (hold.spenders.get(account), "to spend"),
                (hold.earners.get(account), "to earn"),
                (abs(fees[0]) if fees else None, "fee"),
            )
            if quantity is not None
        ]
        note = f" ({hold.note})" if hold.note else ""
        lines.append(harmless(f"  {hold.id}: {', '.join(parts)}, until {until_text(hold)}{note}"))
    return lines
