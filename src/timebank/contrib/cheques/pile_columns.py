"""Tell which column of a pile is what, by the words above it in English and Italian.

A pile has one column of people, who earn: who spends is known by the number. So *to* and *socio*
are who earns here, and a column of who spends is not read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final

from timebank.contrib.cheques.pile_cells import time_of
from timebank.errors import InvalidRequest, shown
from timebank.interchange.engine.cells import CellFault
from timebank.interchange.propose import headings as h
from timebank.interchange.propose.tables import MOST_TITLES, Line
from timebank.interchange.sheets.titles import titles_of, what_it_has
from timebank.reports.words import Words, languages

NUMBER: Final = "number"
EARNER: Final = "earner"
HOURS: Final = "hours"
DAY: Final = "day"
FROM: Final = "from"
TO: Final = "to"
ACTIVITY: Final = "activity"
CATEGORY: Final = "category"
NOTE: Final = "note"
#: The columns in the order in which they stand where nothing is written above them.
COLUMNS: Final = (NUMBER, EARNER, HOURS, DAY, FROM, TO, ACTIVITY, NOTE)
#: All columns that a line of a form may have.
ALL: Final = (*COLUMNS, CATEGORY)
NEEDED: Final = (NUMBER, EARNER, HOURS)
#: Columns of a row by which it is known to be the one of the headings.
_LEAST: Final = 2
#: What the columns are called besides; who spends, and why a line was refused, are not read.
_IGNORED: Final = "ignored"
_PHRASES: Final[Mapping[str, str]] = {
    NUMBER: "number, no, nr, n, cheque, cheque no, cheque number, number of cheque, code, numero, "
    "num, assegno, n assegno, numero assegno, numero dell'assegno, codice, assegno tempo, "
    "assegno n, assegno nr, assegno numero, codice assegno, cheque n, cheque nr, n cheque",
    EARNER: "earner, who, person, chi, persona, cognome e nome, who earns, who earned, to whom, "
    "payee, pay to, paid to, name, member, giver, "
    "a chi, a favore di, beneficiario, beneficiaria, chi guadagna, chi ha guadagnato, socio, "
    "socia, nome, nome e cognome, nominativo, chi ha dato, chi offre, dato da, intestato a",
    HOURS: "hours, ore, tempo, durata, time, duration",
    DAY: "day, date, giorno, data",
    FROM: "start, begin, dalle, dalle ore, inizio, ora inizio",
    TO: "end, finish, alle, alle ore, fine, ora fine",
    ACTIVITY: "activity, service, what for, attivita, servizio, per che cosa, prestazione",
    CATEGORY: "category, kind, categoria, tipo",
    NOTE: "note, notes, remarks, nota, annotazioni, osservazioni",
    _IGNORED: "spender, spent by, hours spent by, who spends, account, owner, booklet, signature, "
    "spende, chi spende, spende le ore, conto, intestatario, libretto, firma, firmato da, "
    "chi riceve, chi ha ricevuto, ricevuto da, reason, motivo",
}
#: Headings that are who earns, or a time: what stands below them tells.
_EITHER: Final = {"from": FROM, "da": FROM, "to": TO, "a": TO}
#: What the words of any sheet of exchanges are here, where they are none of the above.
_ROLES: Final = {
    h.EARNER: EARNER,
    h.AMOUNT: HOURS,
    h.DAY: DAY,
    h.STARTS: FROM,
    h.ENDS: TO,
    h.ACTIVITY: ACTIVITY,
    h.CATEGORY: CATEGORY,
    h.NOTE: NOTE,
}


@cache
def _by_phrase() -> Mapping[str, str]:
    return {
        h.folded(phrase): name
        for name, phrases in _PHRASES.items()
        for phrase in phrases.split(",")
    }


def meaning(heading: str, below: tuple[str, ...] = ()) -> str | None:
    """Return the column that a heading is of, `None` where it is none that a pile has.

    >>> from timebank.contrib.cheques.pile_columns import meaning
    >>> [meaning(heading) for heading in ("N° assegno", "A favore di", "Ore", "Chi spende")]
    ['number', 'earner', 'hours', None]
    >>> meaning("a", ("Maria R.",)), meaning("a", ("10:30", "11"))
    ('earner', 'to')
    """
    folded = h.folded(heading)
    if folded in _EITHER:
        if all(map(_is_time, below)):
            return _EITHER[folded]
        return EARNER if _EITHER[folded] == TO else None
    if (found := _by_phrase().get(folded)) is not None:
        return None if found == _IGNORED else found
    first = next(iter(h.matches(heading)), None)
    return None if first is None else _ROLES.get(first.role)


def is_reason(heading: str) -> bool:
    """Return whether a heading is that of why lines were refused, in any language.

    >>> from timebank.contrib.cheques.pile_columns import is_reason
    >>> is_reason("motivo"), is_reason("note")
    (True, False)
    """
    return heading.strip() in {Words("cheques", one)("column_reason") for one in languages()}


def _is_time(cell: str) -> bool:
    try:
        time_of(cell, "")
    except CellFault:
        return False
    return True


def columns_of(rows: Sequence[Line], name: str) -> tuple[int | None, dict[str, int]]:
    """Return the place of the row of headings, if there is one, and column → its place in a row.

    Without headings the columns stand in the order of `COLUMNS`.

    :raises InvalidRequest: there are headings, and a column that is needed is not among them.

    >>> from timebank.contrib.cheques.pile_columns import columns_of
    >>> from timebank.interchange.propose.tables import Line
    >>> rows = [Line(1, ("March",)), Line(2, ("Giorno", "N.", "A chi", "Ore")), Line(3, ("2/3",))]
    >>> columns_of(rows, "march.csv")
    (1, {'day': 0, 'number': 1, 'earner': 2, 'hours': 3})
    """
    best: tuple[int | None, dict[str, int]] = (None, {})
    for place, row in enumerate(rows[:MOST_TITLES]):
        found = _columns_in(row, rows[place + 1 :])
        if len(found) > len(best[1]):
            best = (place, found)
    heading, columns = best
    if heading is None or len(columns) < _LEAST:
        return None, {one: place for place, one in enumerate(COLUMNS)}
    if missing := [one for one in NEEDED if one not in columns]:
        raise _no_column(name, rows[heading].cells, missing)
    return heading, columns


def _columns_in(row: Line, below: Sequence[Line]) -> dict[str, int]:
    """Return column → place of a row, as far as its cells are headings. The first of two counts."""
    found: dict[str, int] = {}
    for place, cell in enumerate(row.cells):
        if cell and not cell[0].isdigit():
            cells = tuple(one.cells[place] for one in below if place < len(one.cells))
            if (column := meaning(cell, cells)) is not None:
                found.setdefault(column, place)
    return found


def _no_column(name: str, cells: Sequence[str], missing: Sequence[str]) -> InvalidRequest:
    words = Words("cheques")
    wanted = ", ".join(words(f"column_{one}") for one in missing)
    has = titles_of(cells)
    msg = f"{name} has no column of {', '.join(missing)}; {what_it_has(has)}"
    return InvalidRequest(msg).about(
        key="pile_column", file=name, wanted=wanted, known=", ".join(map(shown, has))
    )
