"""What the checker found: anomalies with the calls that show them, what was lost, and counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import attrs

from timebank.errors import shown
from timebank.hours import Hours
from timebank.testing.history.log import Call, Fault, History

#: Each kind of anomaly, and what it means.
KINDS: Final = {
    "broken": "what came out of a call is no error of the library",
    "doubled": "one id is in the journal twice",
    "double_spent": "a floor is broken: an hour was spent twice",
    "failed_but_written": "it was told that nothing was written, and it was",
    "false_alarm": "something was said to be lost, and is in the journal",
    "fork": "two clients saw different records of one sequence, both as the present",
    "half_batch": "a part of a batch is recorded or was seen, or something stands in its midst",
    "lost": "what was told to be done, or was read, is not in the journal",
    "order": "a record precedes one that was known before it was asked for",
    "repeated_without_first": "a call was told that it was done before, which no call had done",
    "resolved_twice": "a hold is resolved more than once, or after it had expired",
    "stale_read": "a read does not know what was known before it began",
    "stale_refusal": "a refusal goes by a balance that was long gone",
    "torn_read": "a snapshot has a gap, or its records do not end at its head",
    "two_results": "one id has different results for different callers",
    "unasked": "the journal has an id that no call asked for",
    "unnamed_loss": "what was told to be done is not in the journal, and nothing named its loss",
    "wrong_balance": "a balance is not the sum of the journal up to its snapshot",
    "wrong_result": "the result is not what was asked for",
    "wrong_total": "the balances of a snapshot do not add up to zero",
}


@attrs.frozen
class Anomaly:
    """Something that a sound bank never does, and the calls that show it."""

    kind: str
    bank: str
    says: str
    calls: tuple[Call, ...] = ()


@attrs.frozen
class Loss:
    """Something that a client was told, and that is not in the journal.

    `head` is the sequence and digest, the second `None` where only a sequence was told; `ids` are
    those of the call. `named_by` is the call or record that said so, `None` where nothing did.
    """

    bank: str
    sequence: int
    digest: str | None
    ids: tuple[str, ...]
    call: Call
    named_by: str | None = None


@attrs.frozen
class Report:
    """The verdict on a history; `str()` is for people.

    `ok` is `None` where a bank was never read in the end (`unread`): then little can be said.
    `counts` has calls by outcome, records, and how unknown outcomes were resolved.
    """

    history: History
    anomalies: tuple[Anomaly, ...]
    losses: tuple[Loss, ...]
    counts: dict[str, int]
    unread: tuple[str, ...] = ()

    @property
    def ok(self) -> bool | None:
        """Whether nothing is wrong."""
        if self.anomalies:
            return False
        return None if self.unread else True

    @property
    def kinds(self) -> dict[str, int]:
        """How many anomalies of each kind were found."""
        return dict(Counter(anomaly.kind for anomaly in self.anomalies))

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self, *, limit: int = 5) -> Iterator[str]:
        """Say the verdict, then each kind with its first anomalies."""
        yield {True: "well", False: "NOT WELL", None: "not known"}[self.ok]
        if self.unread:
            yield f"never read in the end: {', '.join(self.unread)}"
        yield ", ".join(f"{number} {name}" for name, number in self.counts.items())
        for kind, number in sorted(self.kinds.items()):
            yield f"{kind}: {number}, {KINDS[kind]}"
            for anomaly in [one for one in self.anomalies if one.kind == kind][:limit]:
                yield f"  bank {anomaly.bank}: {anomaly.says}"
                yield from self._about(anomaly.calls)
            if number > limit:
                yield f"  and {number - limit} more"
        if self.losses:
            yield f"lost: {len(self.losses)}"
            for loss in self.losses[:limit]:
                named = f"named by {loss.named_by}" if loss.named_by else "named by nobody"
                ids = "".join(f" {id}" for id in loss.ids)
                yield f"  bank {loss.bank}: record {loss.sequence}{ids}, {named}"
                yield from self._about((loss.call,))

    def _about(self, calls: tuple[Call, ...]) -> Iterator[str]:
        """Say some calls by the time at which they began, and the faults among them."""
        lines: list[tuple[int, str]] = [(call.began, self.sentence(call)) for call in calls]
        if calls:
            first = min(call.began for call in calls)
            last = max(call.ended or call.began for call in calls)
            lines += [
                (fault.at, self._fault(fault))
                for fault in self.history.faults
                if first <= fault.at <= last
            ]
        for _, line in sorted(lines):
            yield f"    {line}"

    def _seconds(self, at: int | None) -> str:
        return "…" if at is None else f"{(at - self.history.start) / 1e9:.3f}"

    def _fault(self, fault: Fault) -> str:
        return f"{self._seconds(fault.at)} s: {fault.says}"

    def sentence(self, call: Call) -> str:
        """Say one call: when, by whom, what was asked, what was told."""
        when = f"{self._seconds(call.began)}–{self._seconds(call.ended)} s"
        where = f" at {call.node}" if call.node else ""
        where += " (replica)" if call.replica else ""
        asked = " ".join(_asked(call.do, call.ask))
        return f"{when}: {call.process} #{call.number}{where} {asked} → {_told(call)}"


def _asked(do: str, ask: dict[str, Any]) -> Iterator[str]:
    yield do
    for name, value in ask.items():
        if name == "postings":
            yield "(" + ", ".join(f"{who} {_signed(hours)}" for who, hours in value.items()) + ")"
        elif name == "calls":
            for call in value:
                yield f"[{' '.join(_asked(call['do'], call['ask']))}]"
        elif value is not None:
            yield str(value) if name == "id" else f"{name} {value}"


def _signed(seconds: int) -> str:
    return f"{'+' * (seconds > 0)}{Hours.from_seconds(seconds)}"


def _told(call: Call) -> str:
    if call.outcome == "open":
        return "never ended"
    if call.outcome != "ok":
        return f"{call.outcome}: {call.answer.get('error')}: {call.answer.get('says')}"
    result = call.result
    if "head" in result:
        return f"ok, head {result['head'][0]} {result['head'][1][:8]}"
    if "results" in result:
        return "ok, records " + ", ".join(str(one["sequence"]) for one in result["results"])
    if "sequence" in result:
        return f"ok, record {result['sequence']}{' again' * bool(result.get('repeated'))}"
    return f"ok, {shown(result, limit=100)}"
