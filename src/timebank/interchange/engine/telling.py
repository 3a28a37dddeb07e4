"""What a report tells of a survey: a thousand of each, in words of the source and of the bank."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from itertools import islice
from typing import Any, Final

from timebank.bank import BankBatch, TimeBank
from timebank.errors import InvalidRequest, NotFound, NotPermitted
from timebank.hours import Hours
from timebank.interchange.engine.booked import Booked
from timebank.interchange.engine.meaning import TEXTS
from timebank.interchange.engine.report import Changed, Elsewhere, Gone, Quarantined
from timebank.interchange.engine.survey import AMEND, MOVE, Said, Survey
from timebank.model import MAX_INTEGER, Transfer
from timebank.reports.told import Told, told

#: Of each kind of thing that a report tells.
MOST_TOLD: Final = 1_000
#: Reasons that are counted apart.
MOST_REASONS: Final = 200
#: Where the rarest reasons are counted.
OTHERS: Final = "..."
#: The gaps of a reason that say the same of every row: forms, bounds and names of the mapping.
_SAME: Final = frozenset(("form", "since", "until", "most", "needs", "encoding", "pattern", "file"))
_QUOTED: Final = re.compile(r"""'(?:[^'\\]|\\.)*'(?:\.\.\.)?|"(?:[^"\\]|\\.)*"(?:\.\.\.)?""")
_NUMBER: Final = re.compile(r"[0-9][0-9,.]*")
#: Words of letters, as names are; one alone is a name if it begins with a capital letter.
_LIKE_A_NAME: Final = re.compile(
    r"[^\W\d_]+(?:['\u2019.-]+[^\W\d_]*)*(?:\s+[^\W\d_]+(?:['\u2019.-]+[^\W\d_]*)*)+|[A-ZÀ-Þ][a-zà-ÿ]{2,}"
)


def looks_like_a_name(id: str) -> bool:
    """Return whether an id looks like the name of somebody, which would stay for ever.

    >>> from timebank.interchange.engine.telling import looks_like_a_name
    >>> [looks_like_a_name(id) for id in ("maria rossi", "Maria", "m1", "QTOG0001", "levies")]
    [True, True, False, False, False]
    """
    return _LIKE_A_NAME.fullmatch(id) is not None


def kind_of_reason(row: Quarantined) -> str:
    """Return the column and the reason of a quarantined row, without what only it says.

    >>> from timebank.interchange.engine.report import Quarantined
    >>> from timebank.interchange.engine.telling import kind_of_reason
    >>> kind_of_reason(Quarantined("t.csv", 2, "hours", "x", "'x' is no hours"))
    'hours: … is no hours'
    """
    return told("of_column", column=row.column, reason=_without_its_own(row.reason))


def _without_its_own(reason: str) -> str:
    """Return a reason, in which what only one row says is left out; it can be said as before."""
    if isinstance(reason, Told):
        return told(reason.key, **{gap: _of_all(gap, one) for gap, one in reason.gaps.items()})
    return _NUMBER.sub("…", _QUOTED.sub("…", reason))


def _of_all(gap: str, value: object) -> object:
    if gap == "reason" and isinstance(value, str):
        return _without_its_own(value)
    return value if gap in _SAME else "…"


def most_frequent(counts: Mapping[str, int]) -> dict[str, int]:
    """Return counts of reasons, the most frequent first."""
    return dict(sorted(counts.items(), key=lambda one: (one[0] == OTHERS, -one[1], one[0])))


def changed_rows(bank: TimeBank, survey: Survey) -> tuple[Changed, ...]:
    """Return the first rows that say something else than what was booked."""
    found = (_changed(bank, survey, said) for said in survey.in_state(AMEND, MOVE))
    return tuple(islice(found, MOST_TOLD))


def _changed(bank: TimeBank, survey: Survey, said: Said) -> Changed:
    is_amended = said.state == AMEND
    id = (said.target or "") if is_amended else survey.booked.standing(said.id)[0]
    was = bank.transfer_by_id(id)
    return Changed(
        file=survey.file_named(said.file),
        line=said.line,
        id=id,
        day=_day(said.day),
        earner=said.earner,
        spender=said.spender,
        hours=_hours(said.seconds),
        remedy="amend" if is_amended else "reverse",
        changes=dict(_changes(was, said, survey)),
    )


def _changes(was: Transfer, said: Said, survey: Survey) -> Iterator[tuple[str, tuple[Any, Any]]]:
    if said.state == MOVE:
        one = survey.booked.of_id(was.id)
        if one is not None:
            yield from _moves(one, said)
    texts = said.fields()
    for field in TEXTS:
        before, now = getattr(was, field), texts[field]
        now = tuple(now) if isinstance(now, list) else now
        if (before or None) != (now or None):
            yield field, (before, now)


def _moves(one: Booked, said: Said) -> Iterator[tuple[str, tuple[Any, Any]]]:
    if one.seconds != said.seconds:
        yield "hours", (_hours(one.seconds), _hours(said.seconds))
    for field, was, now in (
        ("day", one.day, said.day or one.day),
        ("earner", one.earner, said.earner),
        ("spender", one.spender, said.spender),
        ("kind", one.kind, said.kind),
    ):
        if was != now:
            yield field, (was, now)


def gone_rows(bank: TimeBank, survey: Survey) -> tuple[Gone, ...]:
    """Return the first exchanges that were booked and are gone."""
    return tuple(
        Gone(
            id=one.id,
            day=date.fromisoformat(one.day),
            earner=one.earner,
            spender=one.spender,
            hours=_hours(one.remaining),
            note=bank.transfer_by_id(one.id).note,
        )
        for one in islice(survey.gone_rows(), MOST_TOLD)
    )


def rows_elsewhere(survey: Survey) -> tuple[Elsewhere, ...]:
    """Return the first rows that stand in another file too."""
    return tuple(
        Elsewhere(
            file=survey.file_named(said.file),
            line=said.line,
            id=said.target or said.id,
            day=_day(said.day),
            earner=said.earner,
            spender=said.spender,
            hours=_hours(said.seconds),
            booked=survey.booked.of_id(said.target or said.id) is not None,
        )
        for said in islice(survey.standing_elsewhere(), MOST_TOLD)
    )


def names_of(bank: TimeBank | BankBatch, ids: Iterable[str]) -> dict[str, str]:
    """Return the names of accounts, of those that have one which may be seen."""
    found = {}
    for id in dict.fromkeys(ids):
        try:
            name = bank.account(id).name
        except (InvalidRequest, NotFound, NotPermitted):
            continue
        if name is not None:
            found[id] = name
    return found


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def _hours(seconds: int) -> Hours:
    """Return seconds as hours; what no bank has is shown as the most that one can have."""
    return Hours.from_seconds(max(min(seconds, MAX_INTEGER), -MAX_INTEGER))
