"""Checks of what the records come to: postings, balances, limits, reversals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from timebank.audit.chain import RESTORE
from timebank.audit.walk import FAR, Check, Finding, Page, Parsed, Walk
from timebank.errors import Corrupt, shown
from timebank.fold import imbalance
from timebank.hours import Hours
from timebank.journal import parse
from timebank.model import AccountRow, PostingRow
from timebank.statute import DEFAULT

_STATUTES: Final = {DEFAULT.version: DEFAULT}
PAGE: Final = 500


class _Books:
    """Folds each record, and compares what it comes to with what is stored."""

    def __init__(self, walk: Walk) -> None:
        self._reader, self._fold = walk.reader, walk.fold

    def page(self, page: Page) -> Iterator[Finding]:
        expected: dict[str, list[PostingRow]] = {}
        for record in page.records:
            body = record.body
            if body is None:
                continue
            kind, effects = body.get("kind"), body["effects"]
            try:
                if kind in {"transfer", "reverse"}:
                    yield from self._sums(record, effects)
                    yield from self._limits(record, body)
                    if kind == "reverse":
                        yield from self._reversal(record, body)
                derived = self._fold.apply(record.row.sequence, str(kind), effects)
            except (Corrupt, KeyError, TypeError, ValueError, AttributeError) as error:
                yield EFFECTS.finding(record.place, "effects that can be executed", error)
                continue
            for row in derived.postings:
                expected.setdefault(row.account, []).append(row)
        for account, rows in expected.items():
            found = self._reader.postings(account, after=rows[0].version - 1, limit=len(rows))
            yield from _differences(account, rows, found)

    def _sums(self, record: Parsed, effects: dict[str, Any]) -> Iterator[Finding]:
        if rest := imbalance(effects):
            yield ZERO_SUM.finding(record.place, "postings that sum to 0 seconds", f"{rest} seconds")

    def _limits(self, record: Parsed, body: dict[str, Any]) -> Iterator[Finding]:
        """Who moved further beyond a limit, by the balances of the fold."""
        effects = body["effects"]
        statute = _STATUTES.get(effects["statute"])
        if statute is None:
            yield LIMITS.finding(record.place, "a known statute", shown(effects["statute"]))
            return
        net: dict[str, int] = {}
        for account, seconds in effects["postings"]:
            net[account] = net.get(account, 0) + seconds
        reversal = body["kind"] == "reverse"
        for account, change in net.items():
            row, (_, before) = self._fold.accounts[account], self._fold.balances[account]
            if row is None or row.status == "closed" or (row.status == "frozen" and not reversal):
                status = "unknown" if row is None else row.status
                yield LIMITS.finding(record.place, f"account {shown(account)} open", status)
            elif not reversal and body["request"].get("limits") != "unchecked":
                floor, ceiling = statute.limits_of(row)
                after = before + change
                if (change < 0 and floor is not None and after < floor) or (
                    change > 0 and ceiling is not None and after > ceiling
                ):
                    yield LIMITS.finding(
                        record.place,
                        f"account {shown(account)} within {_shown(floor)} and {_shown(ceiling)}",
                        f"a balance of {_shown(after)}",
                    )

    def _reversal(self, record: Parsed, body: dict[str, Any]) -> Iterator[Finding]:
        """All reversals of the original, up to this one, against each of its postings."""
        sequence = body["effects"]["reverses"]
        rows = self._reader.records(after=sequence - 1, limit=1)
        original = parse(rows[0].body) if rows and rows[0].sequence == sequence else {}
        named = original.get("request", {}).get("id")
        if (original.get("kind"), named) != ("transfer", body["request"].get("transfer")):
            yield REVERSALS.finding(record.place, "the transfer that it names", f"record {sequence}")
            return
        left = {(id, seconds > 0): abs(seconds) for id, seconds in original["effects"]["postings"]}
        for row in self._reader.referring(sequence):
            if row.sequence <= record.row.sequence:
                for id, seconds in parse(row.body)["effects"]["postings"]:
                    left[id, seconds < 0] = left.get((id, seconds < 0), 0) - abs(seconds)
        for (id, _), seconds in left.items():
            if seconds < 0:
                yield REVERSALS.finding(
                    record.place,
                    f"reversals of {shown(named)} within its postings",
                    f"{_shown(-seconds)} too much for account {shown(id)}",
                )

    def end(self) -> Iterator[Finding]:
        expected = {id: row for id, row in self._fold.accounts.items() if row is not None}
        after: str | None = None
        while page := self._reader.accounts(after=after, limit=PAGE):
            for row in page:
                if row != expected.get(row.account) or not _plain(row):
                    yield DERIVED.finding(
                        f"account {shown(row.account)}", expected.pop(row.account, "no such row"), row
                    )
                expected.pop(row.account, None)
            after = page[-1].account
        for id, row in expected.items():
            yield DERIVED.finding(f"account {shown(id)}", row, "no such row")
        for id, (version, _) in self._fold.balances.items():
            for extra in self._reader.postings(id, after=version, limit=1):
                yield DERIVED.finding(
                    f"account {shown(id)}", f"{version} postings", f"a posting of version {extra.version}"
                )
            for first in self._reader.postings(id, after=-FAR, limit=1):
                if first.version < 1:
                    yield DERIVED.finding(
                        f"account {shown(id)}", "postings from version 1", f"version {first.version}"
                    )


def _differences(
    account: str, expected: list[PostingRow], found: list[PostingRow]
) -> Iterator[Finding]:
    """Where the stored postings of an account are not those of the fold."""
    if expected == found and all(type(row.seconds) is type(row.balance) is int for row in found):
        return
    by_version = {row.version: row for row in found}
    for row in expected:
        other = by_version.get(row.version)
        if other != row:
            yield DERIVED.finding(
                f"posting {row.version} of account {shown(account)}", row, other or "no such row"
            )


def _plain(row: AccountRow) -> bool:
    """Whether the limits have the types that a comparison by value does not see."""
    return all(type(limit) in {int, str, type(None)} for limit in (row.floor, row.ceiling))


def _shown(seconds: int | None) -> str:
    return "no limit" if seconds is None else str(Hours.from_seconds(seconds))


ZERO_SUM: Final = Check(
    "zero-sum",
    "The postings of each record sum to zero.",
    "The record was written by a faulty program, or changed. " + RESTORE,
)
EFFECTS: Final = Check(
    "effects",
    "The effects of each record can be executed on what came before.",
    "The record was written by a faulty or newer program, or changed. " + RESTORE,
)
DERIVED: Final = Check(
    "derived",
    "Accounts and postings are exactly what the records come to.",
    "The journal is the truth: run `timebank rebuild`, then find out who wrote to the tables.",
    _Books,
)
LIMITS: Final = Check(
    "limits",
    "No account moved further beyond a limit when it was recorded, unless unchecked; none that was not open moved.",
    "The record was written by a faulty program, or changed. " + RESTORE,
)
REVERSALS: Final = Check(
    "reversals",
    "A reversal names an earlier transfer, and all of them together stay within it.",
    "The record was written by a faulty program, or changed. " + RESTORE,
)
