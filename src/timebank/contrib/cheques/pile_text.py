"""Show what becomes of a pile as a table for people, and what was refused as CSV.

The CSV of what is refused is a pile again: its lines as they stood, and the reason behind each. It
is mended there, and entered as any other.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TextIO

from timebank.contrib.cheques import pile_columns as c
from timebank.contrib.cheques.pile_report import (
    BOOKED,
    REFUSED,
    SAME,
    THERE,
    LineReport,
    PileReport,
)
from timebank.contrib.cheques.piles import Pile
from timebank.reports.csv_lines import csv_line, unguarded
from timebank.reports.text import Column, flag_text, harmless, table, titled
from timebank.reports.told import in_words
from timebank.reports.words import Words

#: By which spreadsheets know UTF-8.
_MARK: Final = "\ufeff"


def pile_text(report: PileReport, *, booking: bool = False, left_out: str = "") -> list[str]:
    """Return a line for each cheque of a pile, what becomes of it, and the totals.

    `booking` says that it was to be booked, and not to be shown alone; `left_out` is the file to
    which refused lines were written.

    >>> from timebank.contrib.cheques.pile_report import LineReport, PileReport
    >>> from timebank.contrib.cheques.pile_text import pile_text
    >>> line = LineReport(line=2, number="17-03-33", outcome="refused", reason="is wrong")
    >>> for text in pile_text(PileReport(name="march.csv", lines=(line,), done=False)):
    ...     print(text)
    Line  Number    Day  Spends  Earns  Hours  What happens
    ----  --------  ---  ------  -----  -----  ------------
       2  17-03-33                             refused (1)
    <BLANKLINE>
    (1) line 2: is wrong
    <BLANKLINE>
    1 line: 0 to book, 0 entered already, 1 refused. Hours to book: 0:00.
    This was a preview: nothing is written. With --book it is booked.
    """
    words = Words("cheques")
    lines = _table(report, words) if report.lines else []
    reasons = [
        words("reason", n=n, line=words.number(one.line), reason=reason_text(one, report))
        for n, one in enumerate(report.refused, 1)
    ]
    flags = [
        words("flag", line=words.number(one.line), flag=flag_text(flag))
        for one in report.lines
        for flag in one.flags
    ]
    return [
        *lines,
        *([""] if lines else []),
        *(map(harmless, [*reasons, ""]) if reasons else []),
        *(map(harmless, [*flags, ""]) if flags else []),
        *([harmless(words("unread", columns=", ".join(report.unread)))] if report.unread else []),
        *(
            []
            if report.ok or report.has_headings
            else [words("no_headings", columns=_order(words))]
        ),
        *_totals(report, words, booking=booking, left_out=left_out),
    ]


def _order(words: Words) -> str:
    return ", ".join(words(f"column_{one}") for one in c.COLUMNS)


def _table(report: PileReport, words: Words) -> list[str]:
    columns = [
        Column(words("line"), right=True),
        Column(words("number")),
        Column(words("day")),
        Column(words("spender"), least=8),
        Column(words("earner"), least=8),
        Column(words("hours"), right=True),
        Column(words("what")),
    ]
    refused = iter(range(1, len(report.lines) + 1))
    return table(
        columns,
        [
            [
                str(one.line),
                one.number,
                "" if one.day is None else one.day.isoformat(),
                _who(one.spender, report),
                _who(one.earner, report),
                "" if one.hours is None else str(one.hours),
                outcome_text(one, report, next(refused) if one.outcome == REFUSED else 0),
            ]
            for one in report.lines
        ],
    )


def _who(account: str | None, report: PileReport) -> str:
    return "" if account is None else titled(account, report.names.get(account))


def outcome_text(line: LineReport, report: PileReport, n: int = 0) -> str:
    """Return what becomes of a line in words; `n` is the number of its reason, if it is refused.

    >>> from timebank.contrib.cheques import LineReport, PileReport, outcome_text
    >>> line = LineReport(line=2, number="17-03-33", outcome="booked")
    >>> outcome_text(line, PileReport(name="form", lines=(line,), done=False))
    'to book'
    """
    words = Words("cheques")
    match line.outcome:
        case "booked":
            return words("booked" if report.done else "to_book")
        case "there":
            more = "_reversed" if line.is_reversed else "_otherwise" if line.differs else ""
            return words(f"there{more}", day=line.entered_on)
        case "same":
            return words("same", line=line.of_line)
        case _:
            return words("refused", n=n) if n else words("refused_plain")


def reason_text(line: LineReport, report: PileReport) -> str:
    """Return why a line is refused, in the language that is spoken; nothing where it is not.

    >>> from timebank.contrib.cheques import LineReport, PileReport, reason_text
    >>> line = LineReport(line=2, number="17-03-33", outcome="refused", reason="is wrong")
    >>> reason_text(line, PileReport(name="form", lines=(line,), done=False))
    'is wrong'
    """
    return in_words(line.reason or "", names=report.names)


def _totals(report: PileReport, words: Words, *, booking: bool, left_out: str) -> Iterator[str]:
    counts = {
        "booked": words.number(report.count(BOOKED)),
        "there": words.number(report.count(THERE)),
        "refused": words.number(report.count(REFUSED)),
        "hours": report.hours,
    }
    key = "totals" if report.done else "totals_to_book"
    yield words.counted(key, len(report.lines), **counts)
    if same := report.count(SAME):
        yield words.counted("same_lines", same)
    if not booking:
        yield words("preview")
    elif not report.done:
        yield words("nothing_booked")
    elif not report.count(BOOKED):
        yield words("nothing_new")
    if left_out and report.refused:
        yield harmless(words("left_out", file=left_out))


# -- what is refused ---------------------------------------------------------------------


def write_refused(report: PileReport, pile: Pile, file: TextIO) -> None:
    r"""Write the refused lines of a pile to an open file: as they stood, and why.

    >>> import io
    >>> from timebank.contrib.cheques.pile_report import LineReport, PileReport
    >>> from timebank.contrib.cheques.pile_text import write_refused
    >>> from timebank.contrib.cheques.piles import read_pile
    >>> pile = read_pile(b"number;earner;hours\n17-03-33;m9;2\n")
    >>> bad = LineReport(
    ...     line=2, number="17-03-33", outcome="refused", reason="is wrong",
    ...     cells=("17-03-33", "m9", "2"),
    ... )
    >>> file = io.StringIO()
    >>> write_refused(PileReport(name="march.csv", lines=(bad,), done=True), pile, file)
    >>> print(file.getvalue().lstrip("\ufeff").replace("\r", ""), end="")
    number;earner;hours;reason
    17-03-33;m9;2;is wrong
    """
    words = Words("cheques")
    wide = max([len(c.NEEDED), *(len(one.cells) for one in report.refused)])
    titles = list(pile.titles) or [words(f"column_{one}") for one in c.ALL[:wide]]
    # A pile that was left out before has its reasons already: new ones stand in their place.
    before = [place for place, title in enumerate(titles) if c.is_reason(title)]
    wide = max(wide, len(titles))
    rows = [(titles, words("column_reason"))]
    # A mark against formulas that is there already is not marked once more.
    rows += [(list(map(unguarded, one.cells)), reason_text(one, report)) for one in report.refused]
    file.write(_MARK)
    for cells, reason in rows:
        padded = [*cells, *[""] * (wide - len(cells))]
        kept = [cell for place, cell in enumerate(padded) if place not in before]
        file.write(f"{csv_line([*kept, reason], delimiter=pile.delimiter)}\r\n")
