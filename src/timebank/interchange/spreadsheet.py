"""Write tables for spreadsheets, as CSV: transfers, balances, a statement.

Seconds are exact, so that sums are; hours are beside them with four decimals, for people. Of a
text that people wrote a spreadsheet makes nothing else, and no mark in it steers a terminal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from functools import partial
from typing import Any, Final

import attrs

from timebank.bank import TimeBank
from timebank.hours import Hours
from timebank.interchange.merges import POSTS_HOURS, read_movement
from timebank.model import Amendment, Transfer
from timebank.queries.records import PAGE
from timebank.queries.statements import Statement, TrialBalance
from timebank.reports.csv_lines import Trusted, cell_of, csv_line
from timebank.reports.statement import across_of_line
from timebank.storage.protocol import Reader

#: The byte order mark, by which spreadsheets know that a file is UTF-8.
MARK: Final = "\ufeff"
_HOUR: Final = Decimal(3600)
_FOUR: Final = Decimal("0.0001")
#: A number of hours with four decimals is a multiple of so many seconds.
_NINE: Final = 9

TRANSFERS: Final = (
    *("sequence", "id", "kind", "occurred_on", "from", "to", "recorded_at_utc"),
    *("account", "seconds", "hours", "is_fee"),
    *("category", "area", "resource", "via", "tags", "note", "reason"),
    *("reverses", "hold", "period_first", "period_last", "statute", "flags", "amended"),
    *("actor", "source"),
)
BALANCES: Final = (
    *("account", "name", "kind", "status", "merged_into"),
    *("earned_seconds", "spent_seconds", "balance_seconds", "balance_hours"),
)
STATEMENT: Final = (
    *("occurred_on", "from", "to", "sequence", "id", "kind", "account", "with", "text"),
    *("category", "area", "amended", "seconds", "hours", "balance_seconds", "balance_hours"),
)


@attrs.define
class Sheet:
    """A table, row by row. With `decimal_comma` semicolons stand between columns.

    `rounded` counts the hours that four decimals could not hold, as far as it was read.

    >>> import timebank
    >>> from timebank.interchange.spreadsheet import balances_sheet
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1"), bank.open_account("f1", kind="group")
    >>> _ = bank.transfer(earner="m1", spender="f1", hours="1:30")
    >>> for line in balances_sheet(bank.trial_balance(), decimal_comma=True):
    ...     print(line)
    account;name;kind;status;merged_into;earned_seconds;spent_seconds;balance_seconds;balance_hours
    f1;;group;open;;0;5400;-5400;-1,5
    m1;;member;open;;5400;0;5400;1,5
    """

    titles: Sequence[str]
    rows: Callable[[Sheet], Iterable[Sequence[Any]]]
    decimal_comma: bool = False
    rounded: int = 0

    def __iter__(self) -> Iterator[str]:
        """Yield the rows without their line ends; a text of several lines is within one of them."""
        self.rounded = 0
        yield self._line(self.titles)
        for row in self.rows(self):
            yield self._line([_cell(value) for value in row])

    def file(self) -> Iterator[str]:
        """Yield the text of a file that spreadsheets open: the mark, and rows with line ends.

        >>> import timebank
        >>> from timebank.interchange.spreadsheet import balances_sheet
        >>> sheet = balances_sheet(timebank.open("memory:").trial_balance())
        >>> mark, titles = sheet.file()
        >>> len(mark), titles.partition(",")[0]
        (1, 'account')
        """
        yield MARK
        yield from (f"{line}\r\n" for line in self)

    def _line(self, cells: Sequence[str]) -> str:
        return csv_line(cells, delimiter=";" if self.decimal_comma else ",", as_text=True)

    def hours(self, hours: Hours) -> Trusted:
        """Return a quantity as a decimal number of hours, rounded half to even where it must be."""
        self.rounded += hours.seconds % _NINE != 0
        number = (Decimal(hours.seconds) / _HOUR).quantize(_FOUR)
        text = f"{number:f}".rstrip("0").rstrip(".")
        return Trusted(text.replace(".", ",") if self.decimal_comma else text)


def transfers_sheet(
    bank: TimeBank,
    *,
    since: date | None = None,
    until: date | None = None,
    texts: bool = True,
    decimal_comma: bool = False,
) -> Sheet:
    """Return a table with a row for each posting: what an account earned, or spent (negative).

    The rows of a transfer follow each other, and their seconds sum to zero. What a merge moved is
    among them, without an id. `amended` has the numbers of the records that amended one. `since`
    and `until` are days of service, both included. Without `texts` notes and reasons are empty.

    :raises NotPermitted: not all transfers may be read.
    """
    bank.transfers()  # refused now, if it is; nothing is read yet

    def rows(sheet: Sheet) -> Iterator[Sequence[Any]]:
        page = partial(_page, since or date.min, until or date.max)
        for transfer in bank._pages(page, 0):  # noqa: SLF001 - of the same house
            yield from _postings(sheet, transfer, texts=texts)

    return Sheet(TRANSFERS, rows, decimal_comma)


def _page(
    since: date, until: date, reader: Reader, after: int
) -> tuple[list[Transfer], int | None]:
    """Return the movements of days within the bounds among the next records."""
    rows = reader.records(after=after, limit=PAGE)
    found = [read_movement(reader, row) for row in rows if row.kind in POSTS_HOURS]
    within = [made for made in found if since <= made.occurred_on <= until]
    return within, rows[-1].sequence if rows else None


def _postings(sheet: Sheet, transfer: Transfer, *, texts: bool) -> Iterator[Sequence[Any]]:
    first, last = transfer.period or (None, None)
    source = transfer.source
    for posting in transfer.postings:
        yield (
            *(transfer.sequence, transfer.id, transfer.kind),
            *(transfer.occurred_on, transfer.started_at, transfer.ended_at, transfer.recorded_at),
            *(posting.account, posting.hours.seconds, sheet.hours(posting.hours)),
            "yes" if posting.fee else "",
            *(transfer.category, transfer.area, transfer.resource, transfer.via),
            ", ".join(transfer.tags),
            *((transfer.note, transfer.reason) if texts else (None, None)),
            *(transfer.reverses, transfer.hold, first, last, transfer.statute),
            "; ".join(map(str, transfer.flags)),
            _amended(transfer.amendments),
            transfer.actor,
            source
            if source is None or isinstance(source, str)
            else "; ".join(f"{name}: {text}" for name, text in source.items()),
        )


def _amended(amendments: Iterable[Amendment]) -> str:
    """Return the numbers of the records that amended something."""
    return ", ".join(str(one.sequence) for one in amendments)


def balances_sheet(
    trial: TrialBalance, *, texts: bool = True, decimal_comma: bool = False
) -> Sheet:
    """Return a table with a row for each account. Without `texts` names are empty."""

    def rows(sheet: Sheet) -> Iterator[Sequence[Any]]:
        for line in trial.lines:
            yield (
                *(line.account, line.name if texts else None, line.kind, line.status),
                line.merged_into,
                *(line.earned.seconds, line.spent.seconds),
                *(line.balance.seconds, sheet.hours(line.balance)),
            )

    return Sheet(BALANCES, rows, decimal_comma)


def statement_sheet(
    statement: Statement, *, texts: bool = True, decimal_comma: bool = False
) -> Sheet:
    """Return a table with a row for each line, after one for the opening balance.

    Without `texts` notes and reasons are empty.
    """

    def rows(sheet: Sheet) -> Iterator[Sequence[Any]]:
        opening = statement.opening
        yield (
            *(statement.since, None, None, None, None, "opening balance"),
            *(None, None, None, None, None, None, None, None, opening.seconds),
            sheet.hours(opening),
        )
        for line in statement.lines:
            text = (line.reason if line.note is None else line.note) if texts else None
            across = across_of_line(statement, line.across) if texts else ""
            yield (
                *(line.occurred_on, line.started_at, line.ended_at, line.sequence, line.id),
                *("fee" if line.fee else line.kind, line.account),
                *(across or ", ".join(line.others), text),
                *(line.category, line.area, _amended(line.amendments)),
                *(line.hours.seconds, sheet.hours(line.hours)),
                *(line.balance.seconds, sheet.hours(line.balance)),
            )

    return Sheet(STATEMENT, rows, decimal_comma)


def _cell(value: Any) -> str:
    """Return a value as the text of a cell; what people wrote is guarded when it is written."""
    if value is None:
        return ""
    if isinstance(value, Trusted):
        return value
    if isinstance(value, int):
        return Trusted(value)
    if isinstance(value, datetime):
        return Trusted(f"{value:%Y-%m-%d %H:%M:%S}")
    if isinstance(value, time):
        return Trusted(f"{value:%H:%M}")
    return Trusted(value.isoformat()) if isinstance(value, date) else cell_of(value)
