"""Whose balance a refused row moves in the source, for the reconciliation. Pure.

A difference between what the source states and what is booked is explained by the rows that
could not be taken, so far as these can be read.
"""

from __future__ import annotations

from timebank.interchange.csv.keys import Column
from timebank.interchange.csv.mapping import Mapping, Transfers
from timebank.interchange.csv.rows import Cells, Fault, Heading, id_in, seconds_in
from timebank.interchange.engine.csv_rows import Row

#: An account and the seconds that it gains; `None` where nobody knows.
Move = tuple[str, int | None]


def would_move(mapping: Mapping, heading: Heading, row: Row) -> tuple[Move, ...]:
    """The accounts that the row names, with the seconds that each gains or, below zero, loses.

    Of a state that is not known, and of what was taken back, it is not known whether it moved any.
    """
    if len(row.columns) != len(heading.names):
        return ()
    part, cells = mapping.transfers, Cells(heading, row)
    sign = -1 if part.account is not None and part.positive == "spent" else 1
    found = [
        _side(mapping, cells, part.account or part.earner, part.amount, sign),
        _side(mapping, cells, part.other or part.spender, part.amount, -sign, id=part.against),
    ]
    for levy in part.levies:
        if cells.raw(levy.amount) not in {"", *mapping.csv.nothing}:
            found += [
                _side(mapping, cells, levy.payer, levy.amount, -1),
                _side(mapping, cells, None, levy.amount, 1, id=levy.to),
            ]
    moves = [move for move in found if move is not None and move[1] != 0]
    is_sure = _has_moved(part, cells)
    return tuple((id, seconds if is_sure else None) for id, seconds in moves)


def _side(
    mapping: Mapping,
    cells: Cells,
    column: Column | None,
    amount: Column,
    sign: int,
    *,
    id: str | None = None,
) -> Move | None:
    try:
        id = id or id_in(cells, column)
    except Fault:
        return None
    try:
        return id, sign * seconds_in(mapping, cells, amount)
    except Fault:
        return id, None


def _has_moved(part: Transfers, cells: Cells) -> bool:
    """Whether the source counts the row, for sure."""
    try:
        counts = part.state is None or cells[part.state.column] in part.state.moves
        return counts and not (part.reversed and part.reversed.holds(cells[part.reversed.column]))
    except Fault:
        return False
