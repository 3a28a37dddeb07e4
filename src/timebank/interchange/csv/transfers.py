"""Read what a row of the file of transfers moves. Pure, but that equal rows are counted.

A row is taken whole or not at all: the first column that cannot be understood is to blame.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import Final

from timebank.errors import shown
from timebank.interchange.csv.keys import Column
from timebank.interchange.csv.mapping import Levy, Mapping, Reversal, Transfers
from timebank.interchange.csv.rows import (
    ROW,
    Cells,
    Heading,
    day_in,
    id_in,
    label_in,
    seconds_in,
    text_in,
)
from timebank.interchange.engine.cells import CellFault
from timebank.interchange.engine.csv_rows import Row, quarantined
from timebank.interchange.engine.protocol import (
    ImportedAccount,
    ImportedReversal,
    ImportedTransfer,
    Passed,
)
from timebank.interchange.engine.report import Quarantined
from timebank.interchange.engine.row_ids import RowIds
from timebank.model import MAX_ID_CHARACTERS, MAX_TAGS

#: The state of rows that move nothing, where the mapping lets them pass.
ZERO: Final = "zero"
#: The kind of a transfer that a levy becomes.
LEVY: Final = "levy"
#: The reason of a reversal for which the source gives none.
NO_REASON: Final = "reversed in the source"

#: An account and the seconds that it gains; `None` where nobody knows.
Move = tuple[str, int | None]

Found = ImportedTransfer | ImportedReversal | Passed | Quarantined


class TransferReader:
    """Reads the rows of the file of transfers, in their order.

    Where rows have no id, one is made from who, how much and when, and from the row's ordinal
    among equals. The note, which is personal, is not part of it. `known` are accounts that a file
    lists already.
    """

    def __init__(self, mapping: Mapping, heading: Heading, *, known: Container[str] = ()) -> None:
        self._mapping = mapping
        self._part = mapping.transfers
        self._heading = heading
        self._ids = RowIds(mapping.name)
        self._names = _names(mapping)
        #: The accounts that no file lists, as the mapping says them.
        self._opened = {
            one.id: ImportedAccount(line=0, id=one.id, kind=one.kind, name=one.name)
            for one in mapping.open
            if one.id not in known
        }

    def read(self, row: Row) -> tuple[Found, ...]:
        """Return what a row moves: a transfer with its levies, a reversal, nothing, or a fault."""
        try:
            cells = self._heading.cells(row)
            passed = self._passed(row, cells)
            return (passed,) if passed is not None else tuple(self._moved(row, cells))
        except CellFault as fault:
            moves = _would_move(self._mapping, self._heading, row)
            return (quarantined(self._heading.file, row, fault, moves),)

    def _passed(self, row: Row, cells: Cells) -> Passed | None:
        states = self._part.state
        if states is None or (state := cells[states.column]) in states.moves:
            return None
        if (name := states.passed.get(state)) is None:
            raise CellFault(state, "is no state that the mapping knows", column=states.column)
        return Passed(line=row.line, state=name)

    def _moved(self, row: Row, cells: Cells) -> Iterator[Found]:
        part = self._part
        for one, other in part.equal:
            if cells[one] != cells[other]:
                text = f"differs from {other}, which has {shown(cells[other])}"
                raise CellFault(cells[one], text, column=one)
        reversal = part.reversal
        if reversal is not None and reversal.holds(cells[reversal.column]):
            yield self._reversal(row, cells, reversal)
            return
        seconds = seconds_in(self._mapping, cells, part.amount)
        if seconds == 0 and part.zero == "pass":
            yield Passed(line=row.line, state=ZERO)
            return
        transfer = self._transfer(row, cells, seconds)
        moved = [transfer, *self._levies(cells, transfer)]
        # All are read before one is given: a fault in any is a fault of the row.
        taken_back = list(self._taken_back(cells, moved))
        yield from moved
        yield from taken_back

    # -- transfers ------------------------------------------------------------

    def _transfer(self, row: Row, cells: Cells, seconds: int) -> ImportedTransfer:
        part = self._part
        earner, spender = self._sides(cells, seconds)
        occurred_on = day_in(self._mapping, cells, part.day)
        created_at = cells.get(part.created).strip() or cells[part.day].strip()
        return ImportedTransfer(
            line=row.line,
            # Counted before the note is read: mending that changes no other row's id.
            id=self._row_id(cells, earner, spender, seconds, created_at),
            earner=earner,
            spender=spender,
            seconds=abs(seconds),
            occurred_on=occurred_on,
            created_at=created_at,
            note=text_in(cells, part.note),
            category=label_in(cells, part.category),
            area=label_in(cells, part.area),
            tags=self._tags(cells),
            source=self._source(cells),
            columns=self._names,
            cells=row.columns,
            opens=self._opened.get(part.against or ""),
        )

    def _sides(self, cells: Cells, seconds: int) -> tuple[str, str]:
        """Return who earned and who spent."""
        part = self._part
        if part.account is None:
            earner, spender = id_in(cells, part.earner), id_in(cells, part.spender)
        else:
            earner = id_in(cells, part.account)
            spender = part.against or id_in(cells, part.other)
        if earner == spender:
            column = part.spender or part.other or part.account or ROW
            raise CellFault(
                spender, "both earns and spends: nobody exchanges with themselves", column=column
            )
        if not seconds:
            raise CellFault(cells[part.amount], "moves nothing", column=part.amount)
        if part.account is not None:
            is_swapped = (seconds > 0) != (part.positive == "earned")
        elif (is_swapped := seconds < 0) and part.negative == "refuse":
            text = "is negative, and the mapping does not say what that means"
            raise CellFault(cells[part.amount], text, column=part.amount)
        return (spender, earner) if is_swapped else (earner, spender)

    def _row_id(
        self, cells: Cells, earner: str, spender: str, seconds: int, created_at: str
    ) -> str:
        """Return the row's own id, or one made of what it says."""
        if self._part.id is not None:
            return self._own_id(id_in(cells, self._part.id), self._part.id)
        # None of them has a line break, so that these separate them.
        return self._ids.of("\n".join((earner, spender, str(seconds), created_at)).encode())

    def _own_id(self, id: str, column: Column) -> str:
        """Return an id of ours, which begins with the mapping's name."""
        id = f"{self._mapping.name}:{id}"
        if len(id) > MAX_ID_CHARACTERS:
            raise CellFault(
                id, f"is an id of more than {MAX_ID_CHARACTERS} characters", column=column
            )
        return id

    def _tags(self, cells: Cells) -> tuple[str, ...]:
        column = self._part.tags
        if column is None or not (value := cells[column].strip()):
            return ()
        parts = value.split(self._part.separator)
        found = {tag for one in parts if (tag := label_in(cells, column, of=one)) is not None}
        if len(found) > MAX_TAGS:
            raise CellFault(value, f"is more than {MAX_TAGS} tags", column=column)
        return tuple(sorted(found))

    def _source(self, cells: Cells) -> dict[str, str]:
        """Return what is kept of columns for which the ledger has no field."""
        return {
            str(column): found
            for column in self._part.keep
            if (found := label_in(cells, column)) is not None
        }

    # -- what comes with a transfer, or takes one back -------------------------------

    def _levies(self, cells: Cells, transfer: ImportedTransfer) -> Iterator[ImportedTransfer]:
        """Yield what the row takes besides; a levy of nothing is none."""
        for levy in self._part.levies:
            if not cells[levy.amount]:
                continue
            seconds = seconds_in(self._mapping, cells, levy.amount)
            payer = id_in(cells, levy.payer)
            if seconds < 0:
                raise CellFault(
                    cells[levy.amount], "is negative: a levy is paid", column=levy.amount
                )
            if payer == levy.to:
                raise CellFault(payer, "is who gets the levy as well", column=levy.payer)
            if seconds:
                yield self._levy(levy, transfer, payer, seconds)

    def _levy(
        self, levy: Levy, transfer: ImportedTransfer, payer: str, seconds: int
    ) -> ImportedTransfer:
        return ImportedTransfer(
            line=transfer.line,
            id=self._own_id(f"{transfer.id.partition(':')[2]}:{levy.amount}", levy.amount),
            earner=levy.to,
            spender=payer,
            seconds=seconds,
            occurred_on=transfer.occurred_on,
            created_at=transfer.created_at,
            category=levy.category,
            source=transfer.source,
            columns={
                **self._names,
                "earner": str(levy.payer),
                "spender": str(levy.payer),
                "seconds": str(levy.amount),
            },
            cells=transfer.cells,
            kind=LEVY,
            opens=self._opened.get(levy.to),
        )

    def _taken_back(
        self, cells: Cells, moved: list[ImportedTransfer]
    ) -> Iterator[ImportedReversal]:
        """Yield the reversals of a row that has a mark that it was taken back."""
        mark = self._part.reversed
        if mark is None or not mark.holds(cells[mark.column]):
            return
        day = None if mark.day is None else day_in(self._mapping, cells, mark.day)
        reason = text_in(cells, mark.reason) or NO_REASON
        names = {"of": str(mark.column), "occurred_on": str(mark.day or mark.column)}
        for transfer in reversed(moved):
            id = transfer.id.partition(":")[2]
            yield ImportedReversal(
                line=transfer.line,
                id=self._own_id(f"{id}:reversed", self._part.id or self._part.amount),
                of=transfer.id,
                seconds=None,
                occurred_on=day,
                reason=reason,
                source=transfer.source,
                columns={**transfer.columns, **names},
                cells=transfer.cells,
            )

    def _reversal(self, row: Row, cells: Cells, reversal: Reversal) -> ImportedReversal:
        """Return a row that takes an earlier one back."""
        part = self._part
        seconds = seconds_in(self._mapping, cells, part.amount)
        if not seconds or (seconds < 0) != (reversal.amount == "negative"):
            text = f"is not {reversal.amount}, as a reversal's amount is here"
            raise CellFault(cells[part.amount], text, column=part.amount)
        for levy in part.levies:
            if cells[levy.amount] and seconds_in(self._mapping, cells, levy.amount):
                text = "is a levy on a reversal, whose meaning the mapping does not say"
                raise CellFault(cells[levy.amount], text, column=levy.amount)
        return ImportedReversal(
            line=row.line,
            id=self._own_id(id_in(cells, part.id), part.id or ROW),
            of=self._own_id(self._original(cells, reversal), reversal.original),
            seconds=abs(seconds),
            occurred_on=day_in(self._mapping, cells, part.day),
            reason=text_in(cells, reversal.reason) or NO_REASON,
            source=self._source(cells),
            columns={**self._names, "of": str(reversal.original)},
            cells=row.columns,
        )

    def _original(self, cells: Cells, reversal: Reversal) -> str:
        value = cells[reversal.original]
        if reversal.pattern is not None:
            found = reversal.pattern.search(value)
            if found is None or not found[1]:
                raise CellFault(
                    value, "does not name the row that it takes back", column=reversal.original
                )
            value = found[1]
        if not value:
            raise CellFault(
                value, "does not name the row that it takes back", column=reversal.original
            )
        return value


def _names(mapping: Mapping) -> dict[str, str]:
    """Return our fields, and what the source calls the columns that they come from."""
    part = mapping.transfers
    found = {
        "id": part.id,
        "earner": part.earner or part.account,
        "spender": part.spender or part.other or part.account,
        "seconds": part.amount,
        "occurred_on": part.day,
        "created_at": part.created or part.day,
        "note": part.note,
        "category": part.category,
        "area": part.area,
        "tags": part.tags,
    }
    return {field: str(column) for field, column in found.items() if column is not None}


# -- whose balance a refused row moves in the source ----------------------------------------


def _would_move(mapping: Mapping, heading: Heading, row: Row) -> tuple[Move, ...]:
    """Return the accounts that a refused row names, with the seconds that each gains or loses.

    They explain a difference between the balance that the source states and what is booked. Where
    the state of the row is not known, or it was taken back, the seconds are `None`.
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
    except CellFault:
        return None
    try:
        return id, sign * seconds_in(mapping, cells, amount)
    except CellFault:
        return id, None


def _has_moved(part: Transfers, cells: Cells) -> bool:
    """Return true where the row certainly moved hours in the source."""
    try:
        counts = part.state is None or cells[part.state.column] in part.state.moves
        return counts and not (part.reversed and part.reversed.holds(cells[part.reversed.column]))
    except CellFault:
        return False
