"""What a statute would have done to history: as text, and as JSON."""

from __future__ import annotations

from typing import Any, Final

from timebank.queries.replay import OUTCOMES, Replay
from timebank.reports.cells import harmless
from timebank.reports.table import Column, Row, table

_COLUMNS: Final = (
    Column("Account", least=12),
    Column("Would be"),
    Column("Rule"),
    Column("Exchanges", right=True),
    Column("Hours", right=True),
    Column("First", least=8),
    Column("Last", least=8),
)


def replay_text(tried: Replay) -> list[str]:
    """A line for each account, outcome and rule, then what there was in all.

    >>> import timebank
    >>> from timebank import Fee, Statute
    >>> from timebank.reports.replay import replay_text
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1"), bank.open_account("m2")
    >>> _ = bank.transfer(earner="m1", spender="m2", hours=5, id="visit")
    >>> for line in replay_text(bank.replay(Statute(version="v2", fee=Fee(share="5%", fund="f")))):
    ...     print(line)
    Account  Would be  Rule  Exchanges  Hours  First  Last
    -------  --------  ----  ---------  -----  -----  -----
    m2       charged   fee           1   0:15  visit  visit
    <BLANKLINE>
    Under v2, of 1 exchange 1 would be charged otherwise.
    """
    rows: list[Row] = [
        [
            line.account,
            line.outcome,
            line.rule,
            str(line.exchanges),
            str(line.hours),
            line.first,
            line.last,
        ]
        for line in tried.lines
    ]
    lines = [*table(_COLUMNS, rows), ""] if rows else []
    lines.append(harmless(_summary(tried)))
    if tried.exempt:
        lines.append(f"Not judged: {tried.exempt} imports, reversals, settlements and dues.")
    return lines


def _summary(tried: Replay) -> str:
    exchanges = f"{tried.judged} exchange{'' if tried.judged == 1 else 's'}"
    if not tried.differs:
        return f"Under {tried.statute} nothing would have been different, of {exchanges}."
    words = {
        "refused": "would be refused",
        "flagged": "would have a flag",
        "charged": "would be charged otherwise",
        "rounded": "would be rounded otherwise",
    }
    counts = ((getattr(tried, outcome), words[outcome]) for outcome in OUTCOMES)
    told = ", ".join(f"{count} {word}" for count, word in counts if count)
    return f"Under {tried.statute}, of {exchanges} {told}."


def replay_shape(tried: Replay) -> dict[str, Any]:
    """The same, for programs."""
    return {
        "statute": tried.statute,
        "judged": tried.judged,
        "exempt": tried.exempt,
        **{outcome: getattr(tried, outcome) for outcome in OUTCOMES},
        "lines": [
            {
                "account": line.account,
                "outcome": line.outcome,
                "rule": line.rule,
                "exchanges": line.exchanges,
                "hours": str(line.hours),
                "first": line.first,
                "last": line.last,
            }
            for line in tried.lines
        ],
    }
