"""Read what a row of the file of transfers moves. Pure, but that equal rows are counted.

A row is taken whole or not at all: the first column that cannot be understood is to blame.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from datetime import date
from typing import Final, NamedTuple

import attrs

from timebank.errors import shown
from timebank.interchange.csv.accounts import TOTAL, passed_over
from timebank.interchange.csv.keys import Column
from timebank.interchange.csv.mapping import PASS, Levy, Mapping, Reversal, Transfers
from timebank.interchange.csv.rows import (
    ROW,
    Cells,
    Heading,
    amount_in,
    day_in,
    id_in,
    label_in,
    seconds_in,
    text_in,
)
from timebank.interchange.csv.who import Who
from timebank.interchange.engine.cells import CellFault, instant_of
from timebank.interchange.engine.csv_rows import Row, quarantined
from timebank.interchange.engine.protocol import (
    NONE,
    ImportedAccount,
    ImportedReversal,
    ImportedTransfer,
    Passed,
)
from timebank.interchange.engine.report import Quarantined
from timebank.interchange.engine.row_ids import RowIds
from timebank.interchange.sheets.headings import is_total
from timebank.model import MAX_ID_CHARACTERS, MAX_INTEGER, MAX_TAGS
from timebank.reports.told import told

#: The states of rows that move nothing, where the mapping lets them pass.
ZERO: Final = "zero"
EMPTY: Final = "empty"
SELF: Final = "self"
SKIPPED: Final = "skipped"
LEFT_OUT: Final = "left out"
OTHER: Final = "other"
#: The kind of a transfer that a levy becomes.
LEVY: Final = "levy"
#: The reason of a reversal for which the source gives none.
NO_REASON: Final = "reversed in the source"

#: An account and the seconds that it gains; `None` where nobody knows.
Move = tuple[str, int | None]

Found = ImportedTransfer | ImportedReversal | Passed | Quarantined

_MIDNIGHT: Final = (" 00:00", " 00:00:00")


@attrs.define
class Totals:
    """What the rows of all files of one reading come to, as far as it was read."""

    #: Seconds that move, and those of rows that cannot be taken.
    moved: int = 0
    refused: int = 0
    #: Amounts that were rounded to a second.
    rounded: int = 0

    def move(self, seconds: int) -> bool:
        """Add what a row moves, and return whether all of it is still a number that is kept."""
        if self.moved + seconds > MAX_INTEGER:
            return False
        self.moved += seconds
        return True

    def refuse(self, seconds: int) -> bool:
        """Add what a row would have moved, and return whether it is still such a number."""
        self.refused += seconds
        return self.refused <= MAX_INTEGER


class _Amount(NamedTuple):
    """What a row moves: seconds with their sign, the column, and whether the account earned."""

    seconds: int
    column: Column
    earned: bool
    is_rounded: bool


class TransferReader:
    """Reads the rows of the file of transfers, in their order.

    Where rows have no id, one is made from who, how much and which day, and from the row's ordinal
    among equals. The note, which is personal, is not part of it. `known` are accounts that a file
    lists already; `who` finds the accounts that cells mean.
    """

    def __init__(
        self,
        mapping: Mapping,
        heading: Heading,
        who: Who,
        *,
        known: Container[str] = (),
        totals: Totals | None = None,
    ) -> None:
        self._mapping = mapping
        self._part = mapping.exchanges
        self._heading = heading
        self._who = who
        self._totals = Totals() if totals is None else totals
        self._ids = RowIds(mapping.name)
        self._names = _names(mapping)
        part = mapping.exchanges
        #: The columns in which people stand, or a day.
        places = (part.earner, part.spender, part.account, part.other, part.day)
        self._places = tuple(column for column in places if column is not None)
        amounts = (part.amount, part.incoming, part.outgoing)
        self._amount_columns = tuple(column for column in amounts if column is not None)
        #: The accounts that no file lists, as the mapping says them.
        self._opened = {
            one.id: ImportedAccount(line=0, id=one.id, kind=one.kind, name=one.name)
            for one in mapping.open
            if one.id not in known
        }
        self._fixed = {one.id for one in mapping.open}

    def read(self, row: Row) -> tuple[Found, ...]:
        """Return what a row moves: a transfer with its levies, a reversal, nothing, or a fault."""
        if (passed := passed_over(self._heading, row)) is not None:
            return (passed,)
        try:
            cells = self._heading.cells(row)
            passed = self._passed(row, cells)
            return (passed,) if passed is not None else tuple(self._moved(row, cells))
        except CellFault as fault:
            moves = self._would_move(row)
            return (quarantined(self._heading.file, row, fault, moves),)

    # -- rows that move nothing -------------------------------------------------------

    def _passed(self, row: Row, cells: Cells) -> Passed | None:
        part = self._part
        if self._is_total(cells):
            return Passed(row.line, TOTAL)
        for one in part.skip:
            if one.holds(cells[one.column]):
                return Passed(row.line, one.name or SKIPPED)
        if part.only is not None and not part.only.holds(cells[part.only.column]):
            return Passed(row.line, part.only.name or LEFT_OUT)
        states = part.state
        if states is None or (state := cells[states.column]) in states.moves:
            return None
        if (name := states.passed.get(state)) is None:
            if states.other != PASS:
                raise CellFault(state, told("no_state"), column=states.column)
            name = OTHER
        return Passed(line=row.line, state=name)

    def _is_total(self, cells: Cells) -> bool:
        """Return whether a row sums others up: a word for it, and neither people nor a day."""
        said = False
        for column in self._places:
            if cell := cells.raw(column).strip():
                if not is_total(cell):
                    return False
                said = True
        return said or any(is_total(cells.raw(column)) for column in self._heading.index)

    # -- what a row moves -------------------------------------------------------------

    def _moved(self, row: Row, cells: Cells) -> Iterator[Found]:
        part = self._part
        for one, other in part.equal:
            if cells[one] != cells[other]:
                reason = told("differs", other=str(other), value=shown(cells[other]))
                raise CellFault(cells[one], reason, column=one)
        reversal = part.reversal
        if reversal is not None and reversal.holds(cells[reversal.column]):
            found = self._reversal(row, cells, reversal)
            self._add(found.seconds or 0, cells, part.amount or ROW)
            yield found
            return
        if part.empty == PASS and not any(cells[one] for one in self._amount_columns):
            yield Passed(row.line, EMPTY)
            return
        amount = self._amount(cells)
        if amount.seconds == 0 and part.zero == PASS:
            yield Passed(row.line, ZERO)
            return
        if (sides := self._sides(cells, amount)) is None:
            yield Passed(row.line, SELF)
            return
        transfer = self._transfer(row, cells, sides, amount)
        moved = [transfer, *self._levies(cells, transfer)] if part.levies else [transfer]
        # All are read before one is given: a fault in any is a fault of the row.
        taken_back = list(self._taken_back(cells, moved)) if part.reversed else []
        times = 1 + bool(taken_back)
        self._add(times * sum(one.seconds for one in moved), cells, amount.column)
        self._totals.rounded += amount.is_rounded
        yield from moved
        yield from taken_back

    def _add(self, seconds: int, cells: Cells, column: Column) -> None:
        """Add what a row moves to the total of the reading.

        :raises CellFault: the total is more than a number that is kept.
        """
        if not self._totals.move(seconds):
            reason = told("total_too_large", most=f"{MAX_INTEGER:,}")
            raise CellFault(cells.raw(column), reason, column=column)

    # -- amounts ----------------------------------------------------------------------

    def _amount(self, cells: Cells) -> _Amount:
        """Return what a row moves.

        :raises CellFault: it cannot be read.
        """
        part = self._part
        if part.incoming is not None and part.outgoing is not None:
            return self._in_or_out(cells, part.incoming, part.outgoing)
        column = self._amount_columns[0]
        seconds, is_rounded = amount_in(self._mapping.amounts, cells, column)
        if part.account is None:
            return _Amount(seconds, column, seconds > 0, is_rounded)
        if part.direction is None:
            return _Amount(
                seconds, column, (seconds > 0) == (part.positive == "earned"), is_rounded
            )
        said = cells[part.direction.column]
        earned = said in part.direction.earned
        if not earned and said not in part.direction.spent:
            raise CellFault(said, told("no_direction"), column=part.direction.column)
        if seconds < 0:
            raise CellFault(cells[column], told("not_signed"), column=column)
        return _Amount(seconds, column, earned, is_rounded)

    def _in_or_out(self, cells: Cells, incoming: Column, outgoing: Column) -> _Amount:
        """Return the amount of the one of two columns that is filled; zero counts as empty."""
        found = []
        for column, earned in ((incoming, True), (outgoing, False)):
            if cells[column]:
                seconds, is_rounded = amount_in(self._mapping.amounts, cells, column)
                if seconds < 0:
                    raise CellFault(cells[column], told("not_signed"), column=column)
                found.append(_Amount(seconds, column, earned, is_rounded))
        if not found:
            raise CellFault(cells[incoming], told("empty"), column=incoming)
        moving = [one for one in found if one.seconds] or found[:1]
        if len(moving) > 1:
            reason = told("both_ways", other=str(incoming), value=shown(cells[incoming]))
            raise CellFault(cells[outgoing], reason, column=outgoing)
        return moving[0]

    # -- sides ------------------------------------------------------------------------

    def _sides(self, cells: Cells, amount: _Amount) -> tuple[str, str] | None:
        """Return who earned and who spent; `None` where one person did both, and that may pass."""
        part = self._part
        if part.account is None:
            earner = self._side(cells, part.earner, part.earner_is)
            spender = self._side(cells, part.spender, part.spender_is)
        else:
            earner = self._side(cells, part.account, None)
            spender = self._side(cells, part.other, part.against)
        if earner == spender:
            if part.with_oneself == PASS:
                return None
            column = part.spender or part.other or part.account or part.earner or ROW
            raise CellFault(cells.raw(column), told("same_person"), column=column)
        if not amount.seconds:
            raise CellFault(cells[amount.column], told("moves_nothing"), column=amount.column)
        if part.account is None and amount.seconds < 0 and part.negative == "refuse":
            raise CellFault(cells[amount.column], told("negative"), column=amount.column)
        return (earner, spender) if amount.earned else (spender, earner)

    def _side(self, cells: Cells, column: Column | None, fixed: str | None) -> str:
        """Return the account that a cell means, or the one of all rows."""
        if column is not None:
            return self._who.of(cells[column], column)
        if fixed is None or fixed in self._fixed or self._part.against is not None:
            return fixed or ""
        return self._who.fixed(fixed, ROW)

    # -- transfers ------------------------------------------------------------

    def _transfer(
        self, row: Row, cells: Cells, sides: tuple[str, str], amount: _Amount
    ) -> ImportedTransfer:
        part = self._part
        earner, spender = sides
        occurred_on = part.day_is
        if part.day is not None:
            occurred_on = day_in(self._mapping, cells, part.day)
        return ImportedTransfer(
            line=row.line,
            # Counted before the note is read: mending that changes no other row's id.
            id=self._row_id(cells, earner, spender, abs(amount.seconds), occurred_on),
            earner=earner,
            spender=spender,
            seconds=abs(amount.seconds),
            occurred_on=occurred_on,
            created_at=self._created_at(cells, occurred_on),
            note=None if part.note is None else text_in(cells, part.note),
            category=None if part.category is None else label_in(cells, part.category),
            area=None if part.area is None else label_in(cells, part.area),
            tags=() if part.tags is None else self._tags(cells),
            source=self._source(cells) if part.keep else NONE,
            columns=self._names,
            cells=row.columns,
            opens=self._opens(sides) if self._opened else None,
        )

    def _opens(self, sides: tuple[str, str]) -> ImportedAccount | None:
        """Return the account of the mapping's own that a row needs, if it needs one."""
        part = self._part
        fixed = (part.against, part.earner_is, part.spender_is)
        return next((self._opened.get(one) for one in fixed if one in sides and one), None)

    def _created_at(self, cells: Cells, day: date | None) -> str:
        """Return the instant as the source has it; a day alone is written in one way.

        A sheet that was saved again may write the same day otherwise.
        """
        part = self._part
        if part.created is not None and (said := cells[part.created]):
            return said
        if day is None:
            return ""
        said, iso = cells.at(part.day), day.isoformat()
        if said == iso or instant_of(said) is None:
            return iso
        return said[:10] if said[10:] in _MIDNIGHT else said

    def _row_id(
        self, cells: Cells, earner: str, spender: str, seconds: int, day: date | None
    ) -> str:
        """Return the row's own id, or one made of what it means."""
        if self._part.id is not None:
            return self._own_id(id_in(cells, self._part.id), self._part.id)
        return self._ids.of_meaning(earner=earner, spender=spender, seconds=seconds, day=day)

    def _own_id(self, id: str, column: Column) -> str:
        """Return an id of ours, which begins with the mapping's name."""
        id = f"{self._mapping.name}:{id}"
        if len(id) > MAX_ID_CHARACTERS:
            raise CellFault(id, told("long_id", most=MAX_ID_CHARACTERS), column=column)
        return id

    def _tags(self, cells: Cells) -> tuple[str, ...]:
        column = self._part.tags
        if column is None or not (value := cells[column].strip()):
            return ()
        parts = value.split(self._part.separator)
        found = {tag for one in parts if (tag := label_in(cells, column, of=one)) is not None}
        if len(found) > MAX_TAGS:
            raise CellFault(value, told("many_tags", most=MAX_TAGS), column=column)
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
            seconds = seconds_in(self._mapping.amounts, cells, levy.amount)
            payer = self._who.of(cells[levy.payer], levy.payer)
            if seconds < 0:
                raise CellFault(cells[levy.amount], told("negative_levy"), column=levy.amount)
            if payer == levy.to:
                raise CellFault(cells[levy.payer], told("own_levy"), column=levy.payer)
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
                id=self._own_id(f"{id}:reversed", self._part.id or self._part.amount or ROW),
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
        part, column = self._part, self._amount_columns[0]
        seconds = seconds_in(self._mapping.amounts, cells, column)
        if not seconds or (seconds < 0) != (reversal.amount == "negative"):
            reason = told(f"not_of_sign_{reversal.amount}")
            raise CellFault(cells[column], reason, column=column)
        for levy in part.levies:
            if cells[levy.amount] and seconds_in(self._mapping.amounts, cells, levy.amount):
                raise CellFault(cells[levy.amount], told("levy_on_reversal"), column=levy.amount)
        return ImportedReversal(
            line=row.line,
            id=self._own_id(id_in(cells, part.id), part.id or ROW),
            of=self._own_id(self._original(cells, reversal), reversal.original),
            seconds=abs(seconds),
            occurred_on=part.day_is if part.day is None else day_in(self._mapping, cells, part.day),
            reason=text_in(cells, reversal.reason) or NO_REASON,
            source=self._source(cells),
            columns={**self._names, "of": str(reversal.original)},
            cells=row.columns,
        )

    def _original(self, cells: Cells, reversal: Reversal) -> str:
        value = cells[reversal.original]
        if reversal.pattern is not None:
            found = reversal.pattern.search(value)
            said = "" if found is None else found[1] or ""
        else:
            said = value
        if not said:
            raise CellFault(value, told("no_original"), column=reversal.original)
        return said

    # -- whose balance a refused row moves in the source ------------------------------

    def _would_move(self, row: Row) -> tuple[Move, ...]:
        """Return the accounts that a refused row names, with the seconds that each gains or loses.

        They explain a difference between the balance that the source states and what is booked.
        Where the state of the row is not known, or it was taken back, the seconds are `None`.
        """
        try:
            cells = self._heading.cells(row)
        except CellFault:
            return ()
        part = self._part
        gain = self._gain(cells)
        found = [
            self._known(cells, part.account or part.earner, part.earner_is, gain),
            self._known(
                cells, part.other or part.spender, part.against or part.spender_is, gain, -1
            ),
        ]
        for levy in part.levies:
            if cells.raw(levy.amount) not in {"", *self._mapping.csv.nothing}:
                paid = self._seconds(cells, levy.amount)
                found += [self._known(cells, levy.payer, None, paid, -1), (levy.to, paid)]
        moves = [move for move in found if move is not None and move[1] != 0]
        largest = max((abs(seconds) for _, seconds in moves if seconds), default=0)
        is_sure = self._has_moved(cells) and self._totals.refuse(largest)
        return tuple((id, seconds if is_sure else None) for id, seconds in moves)

    def _gain(self, cells: Cells) -> int | None:
        """Return what the first of the two sides gains; `None` where nobody knows."""
        try:
            amount = self._amount(cells)
        except CellFault:
            return None
        if self._part.account is None:
            return amount.seconds
        return abs(amount.seconds) if amount.earned else -abs(amount.seconds)

    def _seconds(self, cells: Cells, column: Column) -> int | None:
        try:
            return seconds_in(self._mapping.amounts, cells, column)
        except CellFault:
            return None

    def _known(
        self,
        cells: Cells,
        column: Column | None,
        fixed: str | None,
        seconds: int | None,
        sign: int = 1,
    ) -> Move | None:
        if seconds is not None:
            seconds *= sign
        if column is None:
            return None if fixed is None else (fixed, seconds)
        try:
            return self._who.known(cells[column], column), seconds
        except CellFault:
            return None

    def _has_moved(self, cells: Cells) -> bool:
        """Return true where the row certainly moved hours in the source."""
        state, taken = self._part.state, self._part.reversed
        try:
            counts = state is None or cells[state.column] in state.moves
            return counts and not (taken and taken.holds(cells[taken.column]))
        except CellFault:
            return False


def _names(mapping: Mapping) -> dict[str, str]:
    """Return our fields, and what the source calls the columns that they come from."""
    part: Transfers = mapping.exchanges
    amount = part.amount or part.incoming
    found = {
        "id": part.id,
        "earner": part.earner or part.account or part.spender,
        "spender": part.spender or part.other or part.account or part.earner,
        "seconds": amount,
        "occurred_on": part.day or amount,
        "created_at": part.created or part.day or amount,
        "note": part.note,
        "category": part.category,
        "area": part.area,
        "tags": part.tags,
    }
    return {field: str(column) for field, column in found.items() if column is not None}
