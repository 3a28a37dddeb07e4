"""Check that what was reversed lies within its original."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from timebank.audit.base import AuditCheck, AuditContext, AuditedRecord, State
from timebank.audit.findings import ASK, Check, quantity
from timebank.errors import shown
from timebank.journal import parse

#: Originals whose remainder is remembered; of the others the earlier reversals are read again.
_REMEMBERED: Final = 64

#: What is left of each line of an original, by account and by whether it earned.
_Lines = dict[tuple[str, bool], int]


class Reversals(AuditCheck):
    """Takes what was moved back from each line of an original, in the order of the journal."""

    key: ClassVar = "reversals"
    promises: ClassVar = (
        Check("reversals", "What was reversed lies within its original, an earlier transfer.", ASK),
    )
    kinds: ClassVar = frozenset({"reverse"})

    def __init__(self, context: AuditContext) -> None:
        super().__init__(context)
        self._remaining: dict[int, tuple[str | None, _Lines]] = {}

    def record(self, record: AuditedRecord) -> None:
        """Check one reversal that was executed."""
        if record.derived is None:
            return
        request, effects = record.request, record.effects
        original, place = effects["reverses"], f"record {record.sequence}"
        if original in self._remaining:
            id, remaining = self._remaining.pop(original)
        else:
            id, remaining = self._read(original, record.sequence)
        if id is None or id != request["transfer"]:
            self.tell(
                "reversals",
                place,
                expected=f"it reverses the earlier transfer {shown(request['transfer'])}",
                found=f"record {original} is {'no transfer' if id is None else shown(id)}",
            )
            return
        for account, seconds in effects["postings"]:
            left = remaining.get((account, seconds < 0), 0)
            if abs(seconds) > left:
                self.tell(
                    "reversals",
                    f"{place}, account {shown(account)}",
                    expected=f"at most {quantity(left)}, what is left of record {original}",
                    found=quantity(abs(seconds)),
                )
            remaining[account, seconds < 0] = left - abs(seconds)
        self._remaining[original] = (id, remaining)
        if len(self._remaining) > _REMEMBERED:
            del self._remaining[next(iter(self._remaining))]

    def _read(self, original: int, sequence: int) -> tuple[str | None, _Lines]:
        """Return the original's id and lines, less earlier reversals; no id where it is none."""
        reader = self.context.reader
        rows = reader.records(after=original - 1, limit=1) if 0 < original < sequence else []
        remaining: _Lines = {}
        if not rows or rows[0].sequence != original:
            return None, remaining
        record = parse(rows[0].body)
        if record.get("kind") not in {"transfer", "settle", "due"}:
            return None, remaining
        _move(remaining, record["effects"], sign=1)
        for row in reader.referring(original):
            if row.sequence < sequence:
                _move(remaining, parse(row.body)["effects"], sign=-1)
        id: str = record["request"]["id"]
        return id, remaining

    def state(self) -> State:
        """Return what is left of the transfers that were last reversed."""
        return {
            "remaining": [
                [original, id, [[*line, seconds] for line, seconds in lines.items()]]
                for original, (id, lines) in self._remaining.items()
            ]
        }

    def restore(self, state: State) -> None:
        """Restore what was left."""
        for original, id, lines in state["remaining"]:
            left = {(account, earned): seconds for account, earned, seconds in lines}
            self._remaining[original] = (id, left)

    @classmethod
    def comparable(cls, state: State) -> State:  # noqa: ARG003  # whatever it is
        """Return nothing: what is left is kept so that less is read, and follows from the rest."""
        return {}


def _move(lines: _Lines, effects: dict[str, Any], *, sign: int) -> None:
    """Add the postings to their lines, or take those of a reversal away from the opposite ones."""
    for account, seconds in effects["postings"]:
        line = (account, seconds * sign > 0)
        lines[line] = lines.get(line, 0) + sign * abs(seconds)
