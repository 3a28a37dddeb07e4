"""Reversals, worked out once more from the journal."""

from __future__ import annotations

from typing import Any, Final

from timebank.audit.report import Findings, quantity
from timebank.errors import shown
from timebank.journal import parse
from timebank.storage.protocol import Reader

#: Originals whose remainder is remembered; of the others the earlier reversals are read again.
_REMEMBERED: Final = 64

#: What is left of each line of an original, by account and by whether it earned.
_Lines = dict[tuple[str, bool], int]


class Reversals:
    """What was moved back of each line of an original, in order of the journal."""

    def __init__(self, reader: Reader, findings: Findings) -> None:
        self._reader, self._findings = reader, findings
        self.remaining: dict[int, tuple[str | None, _Lines]] = {}

    def record(self, sequence: int, request: dict[str, Any], effects: dict[str, Any]) -> None:
        """Check one reversal."""
        original, place = effects["reverses"], f"record {sequence}"
        if original in self.remaining:
            id, remaining = self.remaining.pop(original)
        else:
            id, remaining = self._read(original, sequence)
        if id is None or id != request["transfer"]:
            self._findings.add(
                "reversals",
                place,
                expected=f"it reverses the earlier transfer {shown(request['transfer'])}",
                found=f"record {original} is {'no transfer' if id is None else shown(id)}",
            )
            return
        for account, seconds in effects["postings"]:
            left = remaining.get((account, seconds < 0), 0)
            if abs(seconds) > left:
                self._findings.add(
                    "reversals",
                    f"{place}, account {shown(account)}",
                    expected=f"at most {quantity(left)}, what is left of record {original}",
                    found=quantity(abs(seconds)),
                )
            remaining[account, seconds < 0] = left - abs(seconds)
        self.remaining[original] = (id, remaining)
        if len(self.remaining) > _REMEMBERED:
            del self.remaining[next(iter(self.remaining))]

    def _read(self, original: int, sequence: int) -> tuple[str | None, _Lines]:
        """The original's id and lines, less the earlier reversals; no id where it is none."""
        rows = self._reader.records(after=original - 1, limit=1) if 0 < original < sequence else []
        remaining: _Lines = {}
        if not rows or rows[0].sequence != original:
            return None, remaining
        record = parse(rows[0].body)
        if record.get("kind") not in {"transfer", "settle", "due"}:
            return None, remaining
        _move(remaining, record["effects"], sign=1)
        for row in self._reader.referring(original):
            if row.sequence < sequence:
                _move(remaining, parse(row.body)["effects"], sign=-1)
        id: str = record["request"]["id"]
        return id, remaining


def _move(lines: _Lines, effects: dict[str, Any], *, sign: int) -> None:
    """Add the postings to their lines, or take those of a reversal away from the opposite ones."""
    for account, seconds in effects["postings"]:
        line = (account, seconds * sign > 0)
        lines[line] = lines.get(line, 0) + sign * abs(seconds)
