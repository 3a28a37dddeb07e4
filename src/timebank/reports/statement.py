"""Show a statement as text."""

from __future__ import annotations

from datetime import date
from typing import Final

from timebank.queries.statements import Statement, StatementLine
from timebank.reports.holds import held_text
from timebank.reports.text import Column, Row, period_text, status_text, table, titled

_COLUMNS: Final = (
    Column("Day"),
    Column("With", least=20),
    Column("Description", least=20),
    Column("Earned", right=True),
    Column("Spent", right=True),
    Column("Balance", right=True),
)
_MOST_NAMED: Final = 3


def statement_text(statement: Statement) -> list[str]:
    """Return the lines of a statement: whose it is, the period, each exchange, the totals.

    >>> import timebank
    >>> from datetime import date
    >>> from timebank.reports.statement import statement_text
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1", name="Maria R."), bank.open_account("f1", kind="group")
    >>> day = date(2026, 3, 2)
    >>> _ = bank.transfer(earner="m1", spender="f1", hours="1:30", note="clinic", occurred_on=day)
    >>> for line in statement_text(bank.statement("m1")):
    ...     print(line)
    Statement of m1 Maria R. (member)
    Period: all days
    <BLANKLINE>
    Day         With             Description  Earned  Spent  Balance
    ----------  ---------------  -----------  ------  -----  -------
                Opening balance                                 0:00
    2026-03-02  f1               clinic         1:30            1:30
    ----------  ---------------  -----------  ------  -----  -------
                Total                           1:30   0:00
                Closing balance                                 1:30
    """
    rows: list[Row] = [["", "Opening balance", "", "", "", str(statement.opening)]]
    rows += [_row(statement, line) for line in statement.lines]
    rows += [
        None,
        ["", "Total", "", str(statement.earned), str(statement.spent), ""],
        ["", "Closing balance", "", "", "", str(statement.closing)],
    ]
    account = statement.account
    kind = account.kind if account.status == "open" else f"{account.kind}, {status_text(account)}"
    return [
        f"Statement of {titled(account.id, account.name)} ({kind})",
        f"Period: {_period(statement.since, statement.until)}",
        "",
        *table(_COLUMNS, rows),
        *_held(statement),
    ]


def _held(statement: Statement) -> list[str]:
    """Return the hours that open holds reserve now, whatever the period."""
    if not statement.holds:
        return []
    sums = f"Held now: {statement.held} to spend, {statement.incoming} to earn"
    return ["", sums, *held_text(statement.holds, statement.account.id)]


def _period(since: date | None, until: date | None) -> str:
    if since is None and until is None:
        return "all days"
    if since is None:
        return f"up to {until}"
    return f"from {since}" if until is None else f"{since} to {until}"


def _row(statement: Statement, line: StatementLine) -> list[str]:
    return [
        line.occurred_on.isoformat(),
        _others(statement, line.others),
        described(line),
        "" if line.earned is None else str(line.earned),
        "" if line.spent is None else str(line.spent),
        str(line.balance),
    ]


def _others(statement: Statement, others: tuple[str, ...]) -> str:
    if len(others) == 1:
        return titled(others[0], statement.names.get(others[0]))
    named = ", ".join(others[:_MOST_NAMED])
    return f"{len(others)} accounts: {named}{', …' if len(others) > _MOST_NAMED else ''}"


def described(line: StatementLine) -> str:
    """Return what a line was for: its kind where it is special, its text, category and area."""
    text = line.reason if line.reverses else line.note
    words = text or ""
    kind = line.kind
    if line.fee:
        kind = "fee moved back" if line.reverses else "fee"
    if line.period is not None:
        kind = f"{kind} {period_text(line.period)}"
    if kind != "exchange":
        words = f"{kind}: {words}" if words else kind
    labels = ", ".join(label for label in (line.category, line.area) if label is not None)
    if not labels:
        return words
    return f"{words} ({labels})" if words else labels
