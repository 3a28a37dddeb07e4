"""Say what a line of a statement is besides: taken back, what it takes back, what was amended."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, time
from typing import Any, Final

from timebank.hours import Hours
from timebank.model import AMENDABLE
from timebank.queries.statements import StatementLine
from timebank.reports.text import fit, harmless
from timebank.reports.words import Words

#: Columns of the note of what is taken back: it stands whole on its own line.
_MOST_OF_A_NOTE: Final = 60
#: What a reversal says of its original: the rest is not on its line.
_OF_ORIGINAL: Final = frozenset({"category", "area"})


def signed(hours: Hours) -> str:
    """Return hours with the sign by which they move a balance.

    >>> from timebank import Hours
    >>> from timebank.reports.marks import signed
    >>> signed(Hours("1:30")), signed(Hours("-1:30")), signed(Hours(0))
    ('+1:30', '-1:30', '0:00')
    """
    return f"+{hours}" if hours.seconds > 0 else str(hours)


def takes_back_words(
    line: StatementLine, words: Words, *, day: Callable[[date], str] = date.isoformat
) -> str:
    """Return what a reversal takes back, whole or a part of it; nothing for any other line.

    `day` writes a day.

    >>> from datetime import date
    >>> import timebank
    >>> from timebank.reports.marks import takes_back_words
    >>> from timebank.reports.words import Words
    >>> bank = timebank.open("memory:")
    >>> _, _ = bank.open_account("m1"), bank.open_account("f1")
    >>> on = date(2026, 3, 2)
    >>> _ = bank.transfer(earner="m1", spender="f1", hours=1, id="t1", note="ironing", occurred_on=on)
    >>> _ = bank.reverse("t1", hours="0:30", reason="it was less")
    >>> takes_back_words(bank.statement("m1").lines[1], Words("statement", "en"))
    'takes back part of the exchange of 2026-03-02: “ironing”'
    """  # noqa: E501  # an example is read by line
    taken = line.takes_back
    if taken is None:
        return ""
    key = "takes_back" if taken.hours in {-line.hours, Hours(0)} else "takes_part"
    if taken.kind == "exchange":
        said = words(key, day=day(taken.occurred_on))
    else:
        said = words(f"{key}_other", day=day(taken.occurred_on), kind=words.kind(taken.kind))
    note = fit(harmless(taken.note or ""), _MOST_OF_A_NOTE)
    return harmless(f"{said}: {words('quoted', text=note)}" if note else said)


def taken_back_words(
    line: StatementLine, words: Words, *, day: Callable[[date], str] = date.isoformat
) -> str:
    """Return when a line was taken back, whole or in part; nothing, where it stands as it was.

    `day` writes a day.

    >>> from datetime import date
    >>> import timebank
    >>> from timebank.reports.marks import taken_back_words
    >>> from timebank.reports.words import Words
    >>> bank = timebank.open("memory:")
    >>> _, _ = bank.open_account("m1"), bank.open_account("f1")
    >>> on = date(2026, 3, 2)
    >>> _ = bank.transfer(earner="m1", spender="f1", hours=1, id="t1", occurred_on=on)
    >>> _ = bank.reverse("t1", reason="entered twice", occurred_on=on)
    >>> taken_back_words(bank.statement("m1").lines[0], Words("statement", "en"))
    'taken back on 2026-03-02'
    """
    if line.taken_back_on is None:
        return ""
    key = "was_taken_back" if line.taken_back_whole else "was_taken_part"
    return words(key, day=day(line.taken_back_on))


def amended_words(
    line: StatementLine, words: Words, *, day: Callable[[date], str] = date.isoformat
) -> str:
    """Return that a line was amended, when last, and what it said first; nothing, if it was not.

    Of a note it is told only that it was another. `day` writes a day.

    >>> from datetime import UTC, datetime
    >>> import timebank
    >>> from timebank.reports.marks import amended_words
    >>> from timebank.reports.words import Words
    >>> bank = timebank.open("memory:", clock=lambda: datetime(2026, 3, 2, tzinfo=UTC))
    >>> _ = bank.open_account("m1"), bank.open_account("f1")
    >>> _ = bank.transfer(earner="m1", spender="f1", hours=1, id="t1", category="shoping")
    >>> _ = bank.amend("t1", category="shopping", note="for two", reason="a slip")
    >>> (line,) = bank.statement("m1").lines
    >>> amended_words(line, Words("statement", "en"))
    'amended 2026-03-02: category was shoping; note changed'
    """
    first: dict[str, Any] = {}
    last: dict[str, Any] = {}
    amended_on = None
    for amendment in line.amendments:
        for field, (was, now) in amendment.changes.items():
            if not line.reverses or field in _OF_ORIGINAL:
                first.setdefault(field, was)
                last[field] = now
                amended_on = amendment.recorded_at.date()
    if amended_on is None:
        return ""
    changes = [
        _was(field, first[field], words)
        for field in AMENDABLE.values()
        if field in first and (field == "note" or first[field] != last[field])
    ]
    if not changes:
        return words("amended", day=day(amended_on))
    return harmless(words("amended_so", day=day(amended_on), changes="; ".join(changes)))


def _was(field: str, was: Any, words: Words) -> str:
    if field == "note":
        return words("note_was")
    if was in (None, ()):
        return words(f"no_{field}")
    if isinstance(was, tuple):
        was = ", ".join(map(str, was))
    elif isinstance(was, time):
        was = f"{was:%H:%M}"
    elif field in {"area", "resource"}:
        was = words.of(was)
    return words(f"{field}_was", value=was)
