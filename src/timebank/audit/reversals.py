"""Check that what was reversed lies within its original, in proportion to what is left of it.

Shares are not computed here: it is looked at whether they are by largest remainder.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, Final

from timebank.audit.base import AuditCheck, AuditContext, AuditedRecord, Difference, State
from timebank.audit.corrections import heir
from timebank.audit.exchanges import FEE_AT_THE_END, ends_with_fee, without_fee
from timebank.audit.findings import ASK, Check, quantity
from timebank.audit.shares import is_shared
from timebank.errors import shown
from timebank.journal import parse
from timebank.journal.fold import Fold
from timebank.model import RecordRow
from timebank.model.said import said, who

#: Originals whose remainder is remembered; of the others the earlier reversals are read again.
_REMEMBERED: Final = 64

#: What is left of each line, by account and by whether it earned, in the order of the original.
_Lines = dict[tuple[str, bool], int]


class _Original:
    """A transfer that is reversed: its id, its day, and what is left of its lines and its fee."""

    def __init__(self, id: str, day: str, own: _Lines, fee: _Lines) -> None:
        self.id, self.day, self.own, self.fee = id, day, own, fee

    def move(self, effects: dict[str, Any], fold: Fold, *, sign: int) -> None:
        """Add the postings to their lines, or take those of a reversal from the opposite ones.

        For an account that was merged stands the one that it was merged into.
        """
        fee = effects.get("fee", [])
        for lines, moved in ((self.own, without_fee(effects["postings"], fee)), (self.fee, fee)):
            for account, seconds in moved:
                line = (heir(fold, account), seconds * sign > 0)
                lines[line] = lines.get(line, 0) + sign * abs(seconds)

    def to_json(self) -> list[Any]:
        """Return it as a JSON array."""
        parts = ([[*line, left] for line, left in part.items()] for part in (self.own, self.fee))
        return [self.id, self.day, *parts]

    @classmethod
    def of_json(cls, id: str, day: str, own: Iterable[Any], fee: Iterable[Any]) -> _Original:
        """Read it again."""
        parts = ({(account, earned): left for account, earned, left in part} for part in (own, fee))
        return cls(id, day, *parts)


class Reversals(AuditCheck):
    """Takes what was moved back from each line of an original, in the order of the journal."""

    key: ClassVar = "reversals"
    promises: ClassVar = (
        Check(
            "reversals",
            "What was reversed lies within its original, an earlier transfer, in proportion to "
            "what is left of it.",
            ASK,
        ),
    )
    kinds: ClassVar = frozenset({"reverse", "merge"})

    def __init__(self, context: AuditContext) -> None:
        super().__init__(context)
        self._fold = context.fold
        self._remaining: dict[int, _Original] = {}

    def record(self, record: AuditedRecord) -> None:
        """Check one reversal that was executed."""
        if record.derived is None:
            return
        if record.kind == "merge":
            self._remaining.clear()  # the lines are of other accounts from now on
            return
        request, effects = record.request, record.effects
        reverses = effects["reverses"]
        original = self._remaining.pop(reverses, None) or self._read(reverses, record.sequence)
        if original is None or original.id != request["transfer"]:
            transfer = shown(request["transfer"])
            what = said("no_transfer") if original is None else shown(original.id)
            self._tell(
                record,
                said("it_reverses_the_earlier_transfer", transfer=transfer),
                said("record_is", reverses=reverses, what=what),
            )
            return
        if "occurred_on" not in request:
            self._check_day(record, original.day)
        beyond = [*_beyond(original, effects)]
        for account, left, seconds in beyond:
            self.tell(
                "reversals",
                said("record_account", sequence=record.sequence, account=who(account)),
                expected=said(
                    "at_most_what_is_left_of_record", left=quantity(left), reverses=reverses
                ),
                found=quantity(seconds),
            )
        fee = effects.get("fee", [])
        if not ends_with_fee(effects["postings"], fee):
            self._tell(record, said(FEE_AT_THE_END), shown(fee))
        elif not beyond:
            for expected, found in _proportions(original, request, effects):
                self._tell(record, expected, found)
        original.move(effects, self._fold, sign=-1)
        self._remaining[reverses] = original
        if len(self._remaining) > _REMEMBERED:
            del self._remaining[next(iter(self._remaining))]

    def _tell(self, record: AuditedRecord, expected: str, found: str) -> None:
        place = said("record", sequence=record.sequence)
        self.tell("reversals", place, expected=expected, found=found)

    def _check_day(self, record: AuditedRecord, day: str) -> None:
        """Check that the day is that of the original, or today where books are closed."""
        effects, closed = record.effects, self._fold.closed_through
        why, gaps = "as_record", {"sequence": effects["reverses"]}
        if closed is not None and day <= closed:
            day, why, gaps = record.content["recorded_on"], "for_books_are_closed", {"day": closed}
        if effects["occurred_on"] != day:
            self._tell(
                record,
                said("occurred_on_why", day=shown(day), why=said(why, **gaps)),
                shown(effects["occurred_on"]),
            )

    def _read(self, original: int, sequence: int) -> _Original | None:
        """Return what is left of an original after earlier reversals, where it is one."""
        reader = self.context.reader
        rows = reader.records(after=original - 1, limit=1) if 0 < original < sequence else []
        if not rows or rows[0].sequence != original:
            return None
        record = parse(rows[0].body)
        if record.get("kind") not in {"transfer", "settle", "due"}:
            return None
        found = _Original(record["request"]["id"], record["effects"]["occurred_on"], {}, {})
        found.move(record["effects"], self._fold, sign=1)
        for row in reader.referring(original):
            if row.sequence < sequence and row.kind == "reverse":
                found.move(parse(row.body)["effects"], self._fold, sign=-1)
        return found

    def state(self) -> State:
        """Return what is left of the transfers that were last reversed."""
        return {"remaining": [[number, *one.to_json()] for number, one in self._remaining.items()]}

    def restore(self, state: State) -> None:
        """Restore what was left."""
        for number, *known in state["remaining"]:
            self._remaining[number] = _Original.of_json(*known)

    def assume_balances(self, last: RecordRow) -> None:
        """Forget what was left at a checkpoint: reversals since then were passed over."""
        self._remaining.clear()

    def proof(self) -> Iterable[Any]:
        """Yield nothing: what is left is kept so that less is read, and follows from the rest."""
        return ()


def _parts(original: _Original, effects: dict[str, Any]) -> Iterator[tuple[_Lines, list[Any]]]:
    """Yield what is left, and what is moved back, of the lines and of the fee."""
    fee = effects.get("fee", [])
    yield original.own, without_fee(effects["postings"], fee)
    yield original.fee, fee


def _beyond(original: _Original, effects: dict[str, Any]) -> Iterator[tuple[str, int, int]]:
    """Yield accounts of which more is moved back than is left: what is left, and what moves."""
    for lines, moved in _parts(original, effects):
        for account, seconds in moved:
            left = lines.get((account, seconds < 0), 0)
            if abs(seconds) > left:
                yield account, left, abs(seconds)


def _proportions(
    original: _Original, request: dict[str, Any], effects: dict[str, Any]
) -> Iterator[Difference]:
    """Yield where other hours move back than were asked, or not in proportion to what is left."""
    (own, lines), (fee, fee_lines) = _parts(original, effects)
    left, fee_left = _earned(own), _earned(fee)
    moved, fee_moved = (sum(s for _, s in part if s > 0) for part in (lines, fee_lines))
    if "hours" not in request and moved != left:
        yield said("all_that_is_left", left=quantity(left)), quantity(moved)
    if left and fee_moved != fee_left * moved // left:
        yield (
            said("a_fee_of_moved_back", amount=quantity(fee_left * moved // left)),
            quantity(fee_moved),
        )
    for remaining, part, total in ((own, lines, moved), (fee, fee_lines, fee_moved)):
        found = {(account, seconds < 0): abs(seconds) for account, seconds in part}
        order = [line for side in (True, False) for line in remaining if line[1] is side]
        if [(account, seconds < 0) for account, seconds in part] != [
            line for line in order if line in found
        ]:
            yield said("postings_in_the_order_of_the_original"), shown(part)
        for side in (True, False):
            weights = {line: left for line, left in remaining.items() if line[1] is side}
            shares = [found.get(line, 0) for line in weights]
            if sum(shares) == total and not is_shared(total, [*weights.values()], shares):
                yield said("what_is_left_shared_by_largest_remainder"), shown(part)


def _earned(lines: _Lines) -> int:
    return sum(seconds for (_, earned), seconds in lines.items() if earned)
