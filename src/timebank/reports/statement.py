"""Show a statement as text, in the language that is spoken or in one that is named."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from textwrap import wrap
from typing import Final

from timebank.hours import Hours
from timebank.model import Account, Across, Head
from timebank.model.agreements import account_of
from timebank.queries.statements import COUNTED, Statement, StatementLine
from timebank.reports.holds import across_text, held_text
from timebank.reports.marks import amended_words, signed, taken_back_words, takes_back_words
from timebank.reports.text import Column, Row, harmless, period_text, table, titled
from timebank.reports.words import Words

_MOST_NAMED: Final = 3
#: Under a line stands what it takes back and what was amended, in lines of so many columns: fewer,
#: where many columns stand beside them.
_MARK_COLUMNS: Final = 30
_MARK_COLUMNS_OF_MANY: Final = 21
_INDENT: Final = "  "
#: Exchanges have their columns always.
_ALWAYS: Final = COUNTED[:2]
#: As many columns fit beside the day, the description and the balance.
_MOST_COLUMNS: Final = 4


def statement_text(
    statement: Statement,
    *,
    head: Head | None = None,
    title: str | None = None,
    language: str | None = None,
) -> list[str]:
    """Return the lines of a statement: whose it is, the period, each exchange, the totals.

    `title` is the name of the association, `head` where the journal stood; each has a line of its
    own where it is given.

    :raises InvalidRequest: a language of which there is no catalogue.

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
    Period: from the beginning
    <BLANKLINE>
    Day         With  Description      Given  Received  Balance
    ----------  ----  ---------------  -----  --------  -------
                      Opening balance                      0:00
    2026-03-02  f1    clinic            1:30               1:30
    ----------  ----  ---------------  -----  --------  -------
                      In this period    1:30      0:00
                      How many             1         0
                      Closing balance                      1:30
    """
    words = Words("statement", language)
    counted = shown_columns(statement)
    extra = _extra_columns(statement, words)
    if len(extra) + len(counted) > _MOST_COLUMNS:
        extra = {}  # they stand under the line instead
    is_wide = len(extra) + len(counted) > len(_ALWAYS)
    marks = _MARK_COLUMNS_OF_MANY if is_wide else _MARK_COLUMNS
    blank = [""] * len(counted)
    rows: list[Row] = [_summed(words("opening"), extra, [*blank, str(statement.opening)])]
    for line in statement.lines:
        rows.append(_row(statement, line, extra, counted, words))
        under = (part for said in _under(line, extra, words) for part in wrap(said, marks))
        before, after = [""] * (len(extra) + 2), [*blank, ""]
        rows += [[*before, f"{_INDENT}{part}", *after] for part in under]
    rows += [
        None,
        _summed(words("totals"), extra, [*total_figures(statement, counted), ""]),
        _summed(words("number"), extra, [*numbers(statement, counted, words), ""]),
        _summed(words("closing"), extra, [*blank, str(statement.closing)]),
    ]
    with_ = Column(words("with"), least=12 if is_wide else 20)
    figures = [Column(words(name), right=True) for name in (*counted, "balance")]
    described_ = Column(words("description"), least=marks + len(_INDENT))
    columns = [Column(words("day")), *extra.values(), with_, described_, *figures]
    return [
        *([harmless(title)] if title else []),
        *_heading(statement, words),
        "",
        *table(columns, rows),
        *_held(statement, words),
        *([] if head is None else ["", words("head", sequence=words.number(head.sequence))]),
        *([] if head is None else [str(head)]),
    ]


def shown_columns(statement: Statement) -> tuple[str, ...]:
    """Return which totals have a column: those of exchanges, and others that there are.

    >>> import timebank
    >>> from timebank.reports.statement import shown_columns
    >>> bank = timebank.open("memory:")
    >>> _, _ = bank.open_account("m1"), bank.open_account("f1")
    >>> _ = bank.transfer(earner="m1", spender="f1", hours=1, kind="gift")
    >>> shown_columns(bank.statement("m1"))
    ('given', 'received', 'other')
    """
    totals = statement.totals
    return tuple(name for name in COUNTED if name in _ALWAYS or totals[name].number)


def line_figures(line: StatementLine, counted: tuple[str, ...]) -> list[str]:
    """Return the hours of a line in the column of what it counts as; the others are empty."""
    return [
        _figure(name, line.hours if name != "received" else -line.hours)
        if name == line.counts_as
        else ""
        for name in counted
    ]


def _figure(name: str, hours: Hours) -> str:
    return str(hours) if name in _ALWAYS else signed(hours)


def total_figures(statement: Statement, counted: tuple[str, ...]) -> list[str]:
    """Return the sums of the columns."""
    totals = statement.totals
    return [_figure(name, totals[name].hours) for name in counted]


def numbers(statement: Statement, counted: tuple[str, ...], words: Words) -> list[str]:
    """Return how many lines each column has."""
    return [words.number(statement.totals[name].number) for name in counted]


def _summed(label: str, extra: Mapping[str, Column], figures: list[str]) -> list[str]:
    return ["", *([""] * len(extra)), "", label, *figures]


def _under(line: StatementLine, extra: Mapping[str, Column], words: Words) -> list[str]:
    """Return what stands under a line: what has no column, what it takes back, what was amended."""
    marks = takes_back_words, taken_back_words, amended_words
    said = [mark(line, words) for mark in marks]
    if "account" not in extra and line.account is not None:
        said.insert(0, words("line_of", account=harmless(line.account)))
    if "time" not in extra:
        said.insert(0, words.times(line.started_at, line.ended_at))
    return [one for one in said if one]


def _extra_columns(statement: Statement, words: Words) -> dict[str, Column]:
    """Return the columns that few statements need: of times of day, and of merged accounts."""
    found = {}
    if any(line.started_at or line.ended_at for line in statement.lines):
        found["time"] = Column(words("time"))
    if any(line.account for line in statement.lines):
        found["account"] = Column(words("account"), least=8)
    return found


def _heading(statement: Statement, words: Words) -> list[str]:
    account = statement.account
    kind = kind_words(account, words)
    lines = [harmless(words("title_of", account=titled(account.id, account.name), kind=kind))]
    if statement.merged:
        merged = ", ".join(titled(id, statement.names.get(id)) for id in statement.merged)
        lines.append(harmless(words("history_of", accounts=merged)))
    lines.append(f"{words('period')}: {words.period(statement.since, statement.until)}")
    return [*lines, *known_text(statement.closed_through, statement.at, words)]


def kind_words(account: Account, words: Words) -> str:
    """Return the kind of an account, and its status where it is not open."""
    kind = words(account.kind)
    if account.merged_into is not None:
        return f"{kind}, {words('merged_into', account=account.merged_into)}"
    return kind if account.status == "open" else f"{kind}, {words(account.status)}"


def known_text(
    closed_through: date | None, at: int | None, words: Words | None = None
) -> list[str]:
    """Return through which day the books of a paper are closed, and at which record it was known.

    >>> from datetime import date
    >>> from timebank.reports.statement import known_text
    >>> known_text(date(2026, 12, 31), 81)
    ['Books closed through 2026-12-31', 'As known at record 81']
    """
    words = words or Words("statement")
    lines = [] if closed_through is None else [words("books_closed", day=closed_through)]
    return lines if at is None else [*lines, words("known_at", sequence=words.number(at))]


def _held(statement: Statement, words: Words) -> list[str]:
    """Return the hours that open holds reserve now, whatever the period."""
    if not statement.holds:
        return []
    sums = words("held", held=statement.held, incoming=statement.incoming)
    return ["", sums, *held_text(statement.holds, statement.account.id)]


def _row(
    statement: Statement,
    line: StatementLine,
    extra: Mapping[str, Column],
    counted: tuple[str, ...],
    words: Words,
) -> list[str]:
    more = {"time": words.times(line.started_at, line.ended_at), "account": line.account or ""}
    return [
        line.occurred_on.isoformat(),
        *(more[name] for name in extra),
        across_of_line(statement, line.across) or _others(statement, line.others, words),
        described(line, words),
        *line_figures(line, counted),
        str(line.balance),
    ]


def across_of_line(statement: Statement, across: Across | None) -> str:
    """Return who is on the other side in another bank; nothing, where nobody is."""
    if across is None or statement.account.id == account_of(across.bank):
        return ""
    return across_text(across, statement.names)


def _others(statement: Statement, others: tuple[str, ...], words: Words) -> str:
    if len(others) == 1:
        return titled(others[0], statement.names.get(others[0]))
    named = ", ".join(others[:_MOST_NAMED])
    more = ", …" if len(others) > _MOST_NAMED else ""
    return f"{words('accounts', count=words.number(len(others)))}: {named}{more}"


def described(line: StatementLine, words: Words | None = None) -> str:
    """Return what a line was for: its kind where it is special, its text, category and area."""
    words = words or Words("statement")
    said = said_of(line, words)
    area = None if line.area is None else words.of(line.area)
    labels = ", ".join(label for label in (line.category, area) if label is not None)
    if not labels:
        return said
    return f"{said} ({labels})" if said else labels


def said_of(line: StatementLine, words: Words) -> str:
    """Return what a line says of itself: its kind where it is special, its period and its text."""
    text = line.note or ""
    if line.reverses or line.kind == "merge":
        text = words.reason(line.reason or "")
    if line.reverses:
        kind = words("fee_back" if line.fee else "reversal")
    elif line.fee:
        kind = words("fee")
    else:
        kind = "" if line.kind == "exchange" else words.kind(line.kind)
    if line.period is not None:
        kind = f"{kind} {period_words(line.period, words)}"
    return ": ".join(filter(None, (kind, text)))


def period_words(period: tuple[date, date], words: Words) -> str:
    """Return a period of the calendar in the words of a language."""
    text = period_text(period)
    first, to, last = text.partition(" to ")
    return words("months", first=first, last=last) if to else text
