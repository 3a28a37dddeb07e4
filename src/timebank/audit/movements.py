"""Transfers, holds and settlements: whether their lines are what was asked of the statute."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from timebank.audit import exchanges
from timebank.audit.exchanges import Difference, Lines
from timebank.audit.report import Findings, quantity
from timebank.audit.statutes import Statutes
from timebank.errors import shown
from timebank.journal import parse
from timebank.journal.fold import Fold
from timebank.statute import Statute
from timebank.storage.protocol import Reader


class Movements:
    """Checks each record that moves or reserves hours, before the fold executes it."""

    def __init__(self, reader: Reader, fold: Fold, statutes: Statutes, findings: Findings) -> None:
        self._reader, self._fold = reader, fold
        self._statutes, self._findings = statutes, findings

    def record(self, sequence: int, record: dict[str, Any]) -> str | None:
        """Check one record; the intermediary of what it moves, if it has one."""
        kind = record["kind"]
        if kind in {"transfer", "hold"}:
            self._tell("effects", sequence, self._asked(record))
            return _via(record)
        if kind in {"settle", "void"}:
            held = self._held(sequence, record)
            if held is not None and kind == "settle":
                self._tell("effects", sequence, self._settled(record, held))
                return _via(held)
        return None

    def _tell(self, check: str, sequence: int, found: Iterator[Difference]) -> None:
        for expected, there in found:
            self._findings.add(check, f"record {sequence}", expected=expected, found=there)

    # -- transfers and holds ------------------------------------------------------

    def _asked(self, record: dict[str, Any]) -> Iterator[Difference]:
        request, effects = record["request"], record["effects"]
        statute = self._statutes.current
        lines: Lines = effects["postings" if record["kind"] == "transfer" else "lines"]
        fee: Lines = effects.get("fee", [])
        if lines[len(lines) - len(fee) :] != fee:
            yield "a fee that is the end of the lines", shown(fee)
            return
        own = exchanges.exchanged(lines, fee)
        judged = exchanges.is_judged(statute, request)
        if not judged and not fee and record["kind"] == "transfer":
            yield from _as_asked(request, own)  # most records: nothing is made of what was asked
            if "flags" in effects:
                yield from _flags(statute, record, judged=False, total=None, day=None)
            return
        asked = sum(seconds for _, seconds in request["earners"])
        total = exchanges.in_units(statute, asked) if judged else asked
        if total is None:
            yield "whole units of the statute", quantity(asked)
            return
        if total == asked:
            yield from _as_asked(request, own)
        for sign, what in ((1, "earners"), (-1, "spenders")):
            found = exchanges.one_side(own, sign)
            yield from exchanges.sides(request[what], found, total=total, what=what)
        if judged:
            yield from exchanges.fees(statute, own, fee)
        elif fee:
            yield "no fee", shown(fee)
        day = effects.get("occurred_on", request.get("occurred_on"))
        yield from _flags(statute, record, judged=judged, total=total, day=day)
        if record["kind"] == "hold":
            yield from _reserves(statute, own, effects)

    # -- settlements and voids ----------------------------------------------------

    def _held(self, sequence: int, record: dict[str, Any]) -> dict[str, Any] | None:
        """The record of the hold, open and unexpired; else a finding."""
        hold = record["effects"]["resolves"]
        rows = self._reader.records(after=hold - 1, limit=1) if 0 < hold < sequence else []
        found = parse(rows[0].body) if rows and rows[0].sequence == hold else {}
        wrong = ""
        if found.get("kind") != "hold" or found["request"]["id"] != record["request"]["hold"]:
            wrong = f"record {hold} is no such hold"
        elif hold not in self._fold.lines:
            wrong = f"the hold of record {hold} was resolved before"
        elif record["recorded_at"] >= found["effects"].get("expires_at", record["recorded_at"] + 1):
            wrong = f"the hold of record {hold} had expired"
        if wrong:
            expected = f"an open hold {shown(record['request']['hold'])}"
            self._findings.add("holds", f"record {sequence}", expected=expected, found=wrong)
            return None
        return found

    def _settled(self, record: dict[str, Any], held: dict[str, Any]) -> Iterator[Difference]:
        request, effects = record["request"], record["effects"]
        statute = self._statutes.of(held["effects"]["statute"])
        if statute is None:
            return  # a finding where it was held
        fee: Lines = effects.get("fee", [])
        own = exchanges.exchanged(effects["postings"], fee)
        reserved = exchanges.exchanged(held["effects"]["lines"], held["effects"].get("fee", []))
        whole = sum(seconds for _, seconds in reserved if seconds > 0)
        asked = request.get("hours", whole)
        judged = exchanges.is_judged(statute, held["request"])
        total = exchanges.in_units(statute, asked) if judged and asked != whole else asked
        if total is None:
            yield "whole units of the statute of its hold", quantity(asked)
            return
        for sign, what in ((1, "earners"), (-1, "spenders")):
            lines = [[id, abs(seconds)] for id, seconds in reserved if seconds * sign > 0]
            found = exchanges.one_side(own, sign)
            yield from exchanges.sides(lines, found, total=total, what=what)
        if judged:
            most = None
            if total <= whole and statute.fee is not None and statute.fee.payer == "spender":
                most = exchanges.one_side(held["effects"].get("fee", []), -1)
            yield from exchanges.fees(statute, own, fee, most=most)
        elif fee:
            yield "no fee", shown(fee)
        day = request.get("occurred_on", held["request"].get("occurred_on"))
        if day is not None and effects["occurred_on"] != day:
            yield f"occurred_on {shown(day)}", shown(effects["occurred_on"])
        larger = total if total > whole and held["request"]["kind"] == "exchange" else None
        given = request.get("occurred_on") if judged else None
        now = record["recorded_at"]
        late = exchanges.flags(statute, total=None, day=given, now=now)
        large = exchanges.flags(self._statutes.current, total=larger, day=None, now=now)
        yield from _compared(record, None if late is None or large is None else late + large)


def _as_asked(request: dict[str, Any], own: Lines) -> Iterator[Difference]:
    """Where the lines are not those that were asked for, one by one."""
    expected = request["earners"] + [[id, -seconds] for id, seconds in request["spenders"]]
    if own != expected:
        yield f"postings {shown(expected)}", shown(own)


def _via(record: dict[str, Any]) -> str | None:
    via: str | None = record["request"].get("via")
    return via


def _flags(
    statute: Statute,
    record: dict[str, Any],
    *,
    judged: bool,
    total: int | None,
    day: str | None,
) -> Iterator[Difference]:
    """Where the flags of size and day are not those of the statute."""
    now = record["recorded_at"]
    expected = exchanges.flags(statute, total=total, day=day, now=now) if judged else []
    yield from _compared(record, expected)


def _compared(
    record: dict[str, Any], expected: list[dict[str, Any]] | None
) -> Iterator[Difference]:
    """Where a record has other flags of size and day than these; `None` is a refusal."""
    flags = record["effects"].get("flags", ())
    found = [flag for flag in flags if flag["rule"] not in {"floor", "ceiling"}]
    if expected is None:
        yield "an exchange within the size and the days of the statute", "one beyond"
    elif found != expected:
        yield f"flags {shown(expected)}", shown(found)


def _reserves(statute: Statute, own: Lines, effects: dict[str, Any]) -> Iterator[Difference]:
    """Where a hold does not reserve what settling all of it would post."""
    held, incoming = exchanges.one_side(own, -1), exchanges.one_side(own, 1)
    fee = effects.get("fee", [])
    for id, seconds in exchanges.one_side(fee, 1).items():
        incoming[id] = incoming.get(id, 0) + seconds
    if statute.fee is not None and statute.fee.payer == "spender":
        for id, seconds in exchanges.one_side(fee, -1).items():
            held[id] = held.get(id, 0) + seconds
    accounts = sorted(held.keys() | incoming.keys())
    expected = [[id, held.get(id, 0), incoming.get(id, 0)] for id in accounts]
    if effects["reserves"] != expected:
        yield f"reserves {shown(expected)}", shown(effects["reserves"])
