"""Limits, reversals and clocks, worked out once more from what the fold derived."""

from __future__ import annotations

from typing import Any, Final

from timebank.audit.report import Findings, quantity
from timebank.errors import shown
from timebank.fold import Derived, Fold
from timebank.journal import parse
from timebank.model import AccountRow, PostingRow, instant
from timebank.statute import DAY_IN_MICROSECONDS, DEFAULT, Statute
from timebank.storage.protocol import Reader

#: The statutes that a record may name.
_STATUTES: Final = {DEFAULT.version: DEFAULT}
#: Originals whose remainder is remembered; of the others the earlier reversals are read again.
_REMEMBERED: Final = 64


class Limits:
    """Who may take part, and how far each may move, when a record was made."""

    def __init__(self, fold: Fold, findings: Findings) -> None:
        self._fold, self._findings = fold, findings
        self._limits: dict[str, tuple[AccountRow, Statute, int | None, int | None]] = {}

    def record(self, sequence: int, record: dict[str, Any], derived: Derived) -> None:
        """Check one record that the fold has executed."""
        kind, effects = record["kind"], record["effects"]
        if kind in {"transfer", "reverse"}:
            statute = _STATUTES.get(effects["statute"])
            if statute is None:
                self._findings.add(
                    "limits",
                    f"record {sequence}",
                    expected=f"a statute: {', '.join(_STATUTES)}",
                    found=shown(effects["statute"]),
                )
                return
            self._open(sequence, kind, record["request"].get("via"), derived.postings)
            if kind == "transfer" and "limits" not in record["request"]:
                self._within(sequence, statute, derived.postings)
        elif derived.account is not None and derived.account.status == "closed":
            _, balance = self._fold.balances[derived.account.account]
            if balance:
                self._findings.add(
                    "limits",
                    f"record {sequence}, account {shown(derived.account.account)}",
                    expected="a balance of 0:00 where it is closed",
                    found=quantity(balance),
                )

    def _open(self, sequence: int, kind: str, via: str | None, postings: list[PostingRow]) -> None:
        accounts = self._fold.accounts
        for posting in postings:
            row = accounts[posting.account]
            status = "missing" if row is None else row.status
            if status != "open" and (kind == "transfer" or status != "frozen"):
                self._refused(sequence, posting.account, status)
        if via is not None:
            row = accounts.get(via)
            if row is None or row.status == "closed":
                self._refused(sequence, via, "missing" if row is None else row.status)

    def _refused(self, sequence: int, account: str, status: str) -> None:
        self._findings.add(
            "limits",
            f"record {sequence}, account {shown(account)}",
            expected="an open account",
            found=f"it was {status}",
        )

    def _within(self, sequence: int, statute: Statute, postings: list[PostingRow]) -> None:
        changes: dict[str, int] = {}
        balances: dict[str, int] = {}
        for posting in postings:
            id = posting.account
            changes[id] = changes.get(id, 0) + posting.seconds
            balances[id] = posting.balance
        for id, change in changes.items():
            floor, ceiling = self._of(id, statute)
            balance = balances[id]
            if change < 0 and floor is not None and balance < floor:
                expected = f"a balance of {quantity(floor)} or more"
            elif change > 0 and ceiling is not None and balance > ceiling:
                expected = f"a balance of {quantity(ceiling)} or less"
            else:
                continue
            self._findings.add(
                "limits",
                f"record {sequence}, account {shown(id)}",
                expected=expected,
                found=quantity(balance),
            )

    def _of(self, id: str, statute: Statute) -> tuple[int | None, int | None]:
        row = self._fold.accounts[id]
        if row is None:
            return None, None
        known = self._limits.get(id)
        if known is None or known[0] is not row or known[1] is not statute:
            known = self._limits[id] = (row, statute, *statute.limits_of(row))
        return known[2], known[3]


#: What is left of each line of an original, by account and by whether it earned.
_Lines = dict[tuple[str, bool], int]


class Reversals:
    """What was moved back of each line of an original, in order of the journal."""

    def __init__(self, reader: Reader, findings: Findings) -> None:
        self._reader, self._findings = reader, findings
        self._remaining: dict[int, tuple[str | None, _Lines]] = {}

    def record(self, sequence: int, request: dict[str, Any], effects: dict[str, Any]) -> None:
        """Check one reversal."""
        original, place = effects["reverses"], f"record {sequence}"
        if original in self._remaining:
            id, remaining = self._remaining.pop(original)
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
        self._remaining[original] = (id, remaining)
        if len(self._remaining) > _REMEMBERED:
            del self._remaining[next(iter(self._remaining))]

    def _read(self, original: int, sequence: int) -> tuple[str | None, _Lines]:
        """The original's id and lines, less the earlier reversals; no id where it is none."""
        rows = self._reader.records(after=original - 1, limit=1) if 0 < original < sequence else []
        remaining: _Lines = {}
        if not rows or rows[0].sequence != original:
            return None, remaining
        record = parse(rows[0].body)
        if record.get("kind") != "transfer":
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


class Clocks:
    """Instants of record never run backwards; days of service are at most a day ahead."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._last: int | None = None
        self._day_number: int | None = None
        self._day = ""

    def record(self, sequence: int, record: dict[str, Any]) -> None:
        """Check one record."""
        now = record["recorded_at"]
        if self._last is not None and now < self._last:
            self._findings.add(
                "clocks",
                f"record {sequence}",
                expected=f"recorded_at {instant(self._last).isoformat()} or later",
                found=instant(now).isoformat(),
            )
        self._last = now
        day = record["effects"].get("occurred_on")
        if day is None:
            return
        # In every time zone it is this day, in UTC, or will be within a day: the usual case.
        if now // DAY_IN_MICROSECONDS != self._day_number:
            self._day_number = now // DAY_IN_MICROSECONDS
            self._day = instant(now).date().isoformat()
        if day > self._day:
            statute = _STATUTES.get(record["effects"]["statute"], DEFAULT)
            latest = statute.day(now + DAY_IN_MICROSECONDS)
            if day > latest:
                self._findings.add(
                    "clocks",
                    f"record {sequence}",
                    expected=f"occurred_on {latest} or earlier",
                    found=shown(day),
                )
