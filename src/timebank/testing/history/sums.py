"""Check what moves: totals and balances of every snapshot, floors, and what becomes of holds.

The journal is gone through once. At each sequence at which somebody looked, what was seen is
compared with what the records up to there add up to.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections import defaultdict
from typing import Any, Final

import attrs

from timebank.testing.history.evidence import NEVER, SNAPSHOTS, Attempt, Evidence, same_record
from timebank.testing.history.log import Call
from timebank.testing.history.losing import lose
from timebank.testing.history.order import Window

#: After one of these the floors at the beginning are no longer those of the accounts.
_CHANGES_LIMITS: Final = ("set_limits", "adopt", "merge", "due")


@attrs.define(eq=False)
class Standing:
    """Where a bank stands after some records of its journal."""

    balances: dict[str, int] = attrs.field(factory=lambda: defaultdict(int))
    #: What unresolved holds keep, expired ones among them: to be spent, to be earned.
    reserved: dict[str, list[int]] = attrs.field(factory=dict)
    #: What is kept to be spent by holds that have not expired.
    held: dict[str, int] = attrs.field(factory=lambda: defaultdict(int))
    open: dict[int, dict[str, Any]] = attrs.field(factory=dict)
    live: set[int] = attrs.field(factory=set)
    expiring: list[tuple[int, int]] = attrs.field(factory=list)

    def take(self, record: dict[str, Any]) -> None:
        """Go on by one record."""
        while self.expiring and self.expiring[0][0] <= record["recorded_at"]:
            self._end(heapq.heappop(self.expiring)[1])
        for account, seconds in record.get("postings", ()):
            self.balances[account] += seconds
        if "reserves" in record:
            self._reserve(record)
        for sequence in (record.get("resolves"), *record.get("ends", ())):
            hold = self.open.pop(sequence, None) if sequence is not None else None
            if hold is not None:
                self._end(hold["sequence"], hold)
                self._change(hold, -1)

    def _reserve(self, record: dict[str, Any]) -> None:
        sequence = record["sequence"]
        self.open[sequence] = record
        self.live.add(sequence)
        self._change(record, 1)
        for account, held, _ in record["reserves"]:
            self.held[account] += held
        if "expires_at" in record:
            heapq.heappush(self.expiring, (record["expires_at"], sequence))

    def _change(self, hold: dict[str, Any], sign: int) -> None:
        for account, held, incoming in hold["reserves"]:
            both = self.reserved.setdefault(account, [0, 0])
            both[0] += sign * held
            both[1] += sign * incoming

    def _end(self, sequence: int, hold: dict[str, Any] | None = None) -> None:
        """Let go of what a hold keeps, once."""
        if sequence in self.live:
            self.live.remove(sequence)
            for account, held, _ in (hold or self.open[sequence])["reserves"]:
                self.held[account] -= held


def check_sums(found: Evidence) -> None:
    """Go through the journal and compare what was seen."""
    seen: dict[int, list[Call]] = defaultdict(list)
    for call in found.of(*SNAPSHOTS):
        head, balances = call.result["head"], call.result["balances"]
        if found.has_head(head):
            seen[head[0]].append(call)
        if sum(balances.values()):
            says = f"the balances at record {head[0]} add up to {sum(balances.values())} s"
            found.find("wrong_total", says, call)
    standing = Standing()
    refusals = _Refusals(found)
    floors = {} if found.begun is None else found.begun.floors
    for call in seen.get(0, ()):
        _check_seen(found, standing, call)
    for record in found.journal:
        _check_resolved(found, standing, record)
        standing.take(record)
        if record["sequence"] > found.begins_at:
            floors = {} if record["kind"] in _CHANGES_LIMITS else floors
            _check_floors(found, standing, record, floors)
        refusals.take(standing, record)
        for call in seen.get(record["sequence"], ()):
            _check_seen(found, standing, call)
    if floors and not found.may_lose:
        refusals.check(floors)
    _check_holds(found)


def _check_seen(found: Evidence, standing: Standing, call: Call) -> None:
    """Compare the balances of a snapshot with the sums of the records up to it."""
    balances, sequence = call.result["balances"], call.result["head"][0]
    for account in balances.keys() | standing.balances.keys():
        told, sum_ = balances.get(account, 0), standing.balances.get(account, 0)
        if told != sum_:
            says = f"{account} stands at {told} s at record {sequence}, and the journal says {sum_}"
            found.find("wrong_balance", says, call)
            return
    reserved = call.result["reserved"]
    for account in reserved.keys() | standing.reserved.keys():
        told = reserved.get(account, [0, 0])
        kept = standing.reserved.get(account, [0, 0])
        if told != kept:
            says = f"holds keep {told} s of {account} at record {sequence}, and not {kept}"
            found.find("wrong_balance", says, call)
            return


def _check_floors(
    found: Evidence, standing: Standing, record: dict[str, Any], floors: dict[str, int]
) -> None:
    """Check that who spends by a transfer or a hold has it; other kinds are free of limits."""
    if record["kind"] not in ("transfer", "hold"):
        return
    for account, seconds in record.get("postings", record.get("lines", ())):
        left = standing.balances[account] - standing.held[account]
        if seconds < 0 and account in floors and left < floors[account]:
            says = (
                f"record {record['sequence']} leaves {account} {left} s, below its floor of "
                f"{floors[account]}"
            )
            found.find("double_spent", says, *_writers(found, record))


def _check_resolved(found: Evidence, standing: Standing, record: dict[str, Any]) -> None:
    """Check that a hold is resolved once, and not after it had expired."""
    hold = record.get("resolves")
    if hold is None:
        return
    opened = found.record(hold)
    resolved = standing.open.get(hold)
    if resolved is None:
        others = [one for one in found.journal if one.get("resolves") == hold]
        calls = [call for one in others for call in _writers(found, one)]
        says = f"the hold of record {hold} is resolved by " + " and by ".join(
            f"{one['kind']} {one['sequence']}" for one in others
        )
        found.find("resolved_twice", says, *calls)
    elif opened is not None and opened.get("expires_at", NEVER) <= record["recorded_at"]:
        says = f"record {record['sequence']} resolves the hold of record {hold}, which had expired"
        found.find("resolved_twice", says, *_writers(found, record))


def _writers(found: Evidence, record: dict[str, Any]) -> list[Call]:
    """Return the calls that asked for a record."""
    attempts: list[Attempt] = found.attempts.get(record["id"], [])
    return [attempt.call for attempt in attempts if attempt.is_ok or attempt.call.is_uncertain]


# -- what was read of holds -------------------------------------------------------------


def _check_holds(found: Evidence) -> None:
    """Compare what was told of holds with what became of them."""
    resolving = {one["resolves"]: one for one in reversed(found.journal) if "resolves" in one}
    for call in found.of("find_hold"):
        told, record = call.result.get("found"), found.looked_up(call)
        if told is None or found.is_too_late(call):
            continue
        if record is None or (found.may_lose and not same_record(told, record)):
            lose(found, call, told["sequence"], ids=(call.ask["id"],))
        elif not same_record(told, record):
            says = f"{call.ask['id']} was read as another record than {record['sequence']}"
            found.find("two_results", says, call, found.final)
        else:
            _check_hold(found, call, told, resolving.get(record["sequence"]))


def _check_hold(
    found: Evidence, call: Call, told: dict[str, Any], by: dict[str, Any] | None
) -> None:
    """Compare the status of a hold as it was read with the record that resolves it."""
    status, id = told["status"], call.ask["id"]
    known, asked = (NEVER, None), (0, None)
    if by is not None:
        since = found.known[by["sequence"]]
        known, asked = (since.at, since.call), found.asked[by["sequence"]]
    if status == "open" and known[0] < call.began and not call.replica:
        says = f"{id} was read as open, and its end was known before"
        found.find("stale_read", says, known[1], call)
    elif status == "expired" and by is not None and asked[0] > (call.ended or NEVER):
        says = f"{id} was read as expired, and {by['kind']} was asked for later, and done"
        found.find("resolved_twice", says, call, asked[1])
    elif status in ("settled", "voided"):
        kind = "settle" if status == "settled" else "void"
        if by is None:
            lose(found, call, None, ids=(str(told["resolved_by"]),))
        elif (by["kind"], by["id"]) != (kind, told["resolved_by"]):
            if found.may_lose and told["resolved_by"] not in found.by_id:
                lose(found, call, None, ids=(str(told["resolved_by"]),))
                return
            says = f"{id} was read as {status} by {told['resolved_by']}, and it is {by['kind']} "
            found.find("resolved_twice", f"{says}{by['id']} that resolves it", call, found.final)
    elif status not in ("open", "expired"):
        found.find("wrong_result", f"{id} was read as {status}", call)


# -- refusals ---------------------------------------------------------------------------


class _Refusals:
    """What was available to each account after each record, and what refusals said of it."""

    def __init__(self, found: Evidence) -> None:
        self._found = found
        self._calls = [
            call
            for call in found.of("transfer", "hold", outcome="refused")
            if call.answer.get("rule") == "floor" and call.answer.get("account") is not None
        ]
        self._wanted = {call.answer["account"] for call in self._calls}
        #: By account, the sequences at which it changed, and what it had then at least, at most.
        self._at: dict[str, list[int]] = defaultdict(lambda: [0])
        self._had: dict[str, list[tuple[int, int]]] = defaultdict(lambda: [(0, 0)])

    def take(self, standing: Standing, record: dict[str, Any]) -> None:
        """Keep what the accounts of a record have after it."""
        changed = [one[0] for one in record.get("postings", record.get("reserves", ()))]
        resolved = record.get("resolves")
        opened = None if resolved is None else self._found.record(resolved)
        if opened is not None:
            changed += [one[0] for one in opened.get("reserves", ())]
        for account in self._wanted.intersection(changed):
            kept = [
                held
                for hold in standing.open.values()
                if "expires_at" not in hold
                for who, held, _ in hold["reserves"]
                if who == account
            ]
            posted = standing.balances[account]
            reserved = standing.reserved.get(account, [0, 0])[0]
            self._at[account].append(record["sequence"])
            self._had[account].append((posted - reserved, posted - sum(kept)))

    def check(self, floors: dict[str, int]) -> None:
        """Check each refusal against what the account had while the call went on."""
        window = Window(self._found)
        for call in self._calls:
            account = call.answer["account"]
            if account in floors and not self._found.is_too_late(call):
                self._check(call, account, floors[account], *window.of(call))

    def _check(self, call: Call, account: str, floor: int, least: int, most: int) -> None:
        at = self._at[account]
        first, last = bisect_right(at, least) - 1, bisect_right(at, most)
        had = self._had[account][max(first, 0) : last]
        low = max(min(one[0] for one in had) - floor, 0)
        high = max(max(one[1] for one in had) - floor, 0)
        told = call.answer["available"]
        if not low <= told <= high:
            says = (
                f"{account} was said to have {told} s left; between records {least} and {most} it "
                f"had {low} to {high}"
            )
            self._found.find("stale_refusal", says, call)
