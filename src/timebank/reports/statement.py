"""Show a statement as text."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from textwrap import wrap
from typing import Final

from timebank.queries.statements import Statement, StatementLine
from timebank.reports.holds import held_text
from timebank.reports.marks import amended_words
from timebank.reports.text import (
    Column,
    Row,
    period_text,
    status_text,
    table,
    times_text,
    titled,
)
from timebank.reports.words import Words

_DAY: Final = Column("Day")
_FIGURES: Final = (
    Column("Earned", right=True),
    Column("Spent", right=True),
    Column("Balance", right=True),
)
_MOST_NAMED: Final = 3
_WORDS: Final = Words("statement", "en")
#: Under a line that was amended stands what it said, in lines of so many columns.
_MARK_COLUMNS: Final = 30
_INDENT: Final = "  "


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
    extra = _extra_columns(statement)
    blank = [""] * len(extra)
    rows: list[Row] = [["", *blank, "Opening balance", "", "", "", str(statement.opening)]]
    least = 20
    for line in statement.lines:
        rows.append(_row(statement, line, extra))
        for part in wrap(amended_words(line, _WORDS), _MARK_COLUMNS):
            rows.append(["", *blank, "", f"{_INDENT}{part}", "", "", ""])
            least = _MARK_COLUMNS + len(_INDENT)
    rows += [
        None,
        ["", *blank, "Total", "", str(statement.earned), str(statement.spent), ""],
        ["", *blank, "Closing balance", "", "", "", str(statement.closing)],
    ]
    with_ = Column("With", least=len("Opening balance") if extra else 20)
    columns = [_DAY, *extra.values(), with_, Column("Description", least=least), *_FIGURES]
    return [*_head(statement), "", *table(columns, rows), *_held(statement)]


def _extra_columns(statement: Statement) -> dict[str, Column]:
    """Return the columns that few statements need: of times of day, and of merged accounts."""
    found = {}
    if any(line.started_at or line.ended_at for line in statement.lines):
        found["time"] = Column("Time")
    if any(line.account for line in statement.lines):
        found["account"] = Column("Account", least=8)
    return found


def _head(statement: Statement) -> list[str]:
    account = statement.account
    kind = account.kind if account.status == "open" else f"{account.kind}, {status_text(account)}"
    lines = [f"Statement of {titled(account.id, account.name)} ({kind})"]
    if statement.merged:
        merged = ", ".join(titled(id, statement.names.get(id)) for id in statement.merged)
        lines.append(f"With the history of {merged}")
    lines.append(f"Period: {_period(statement.since, statement.until)}")
    return [*lines, *known_text(statement.closed_through, statement.at)]


def known_text(closed_through: date | None, at: int | None) -> list[str]:
    """Return through which day the books of a paper are closed, and at which record it was known.

    >>> from datetime import date
    >>> from timebank.reports.statement import known_text
    >>> known_text(date(2026, 12, 31), 81)
    ['Books closed through 2026-12-31', 'As known at record 81']
    """
    lines = [] if closed_through is None else [f"Books closed through {closed_through}"]
    return lines if at is None else [*lines, f"As known at record {at}"]


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


def _row(statement: Statement, line: StatementLine, extra: Mapping[str, Column]) -> list[str]:
    more = {"time": times_text(line.started_at, line.ended_at), "account": line.account or ""}
    return [
        line.occurred_on.isoformat(),
        *(more[name] for name in extra),
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
    text = line.reason if line.reverses or line.kind == "merge" else line.note
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
