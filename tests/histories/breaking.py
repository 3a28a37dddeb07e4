"""Ways to break a good history, each with the anomaly that it must be found as.

A way is given the lines and a `Random`, changes them in place, and returns whether it could: it
needs a call of its kind in the history.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Any, NamedTuple

Lines = list[dict[str, Any]]
Way = Callable[["Broken"], bool]


class Told(NamedTuple):
    """The lines of one call."""

    invoke: dict[str, Any]
    end: dict[str, Any]
    pages: Lines

    @property
    def id(self) -> str | None:
        """The id that it asked for."""
        id: str | None = self.invoke["ask"].get("id")
        return id

    @property
    def result(self) -> Any:
        """What it was told."""
        return self.end["result"]


class Broken:
    """The lines of a good history, to be broken."""

    def __init__(self, lines: Lines, chance: Random) -> None:
        self.lines = lines
        self.chance = chance
        self.calls = list(self._calls())
        (self.last,) = [call for call in self.calls if call.invoke["do"] == "journal"]
        self.journal: Lines = [record for page in self.last.pages for record in page["records"]]
        self.begin = next(line for line in lines if line["what"] == "begin")
        self.end_at = max(line["at"] for line in lines)

    def _calls(self) -> Iterator[Told]:
        open_: dict[int, Told] = {}
        for line in self.lines:
            if line["what"] == "start":
                open_ = {}
            elif line["what"] == "invoke":
                open_[line["call"]] = Told(line, {}, [])
            elif line["what"] == "page":
                open_[line["call"]].pages.append(line)
            elif line.get("call") in open_:
                yield open_.pop(line["call"])._replace(end=line)

    def of(self, *do: str, outcome: str = "ok") -> list[Told]:
        """The calls of some kinds, in an order of chance."""
        found = [
            call
            for call in self.calls
            if call.invoke["do"] in do
            and call.end["what"] == outcome
            and not call.invoke.get("replica")
        ]
        self.chance.shuffle(found)
        return found

    def alone(self, *do: str) -> list[Told]:
        """The calls that were told well, the only ones with their id."""
        return [
            call
            for call in self.of(*do)
            if not call.result["repeated"]
            and sum(line["what"] == "invoke" and uses(line, call.id) for line in self.lines) == 1
        ]

    def record(self, id: str | None) -> dict[str, Any]:
        """The record of an id."""
        return next(record for record in self.journal if record["id"] == id)

    def head(self, sequence: int) -> list[Any]:
        """The head of a sequence."""
        return [sequence, self.journal[sequence - 1]["digest"]]

    def store(self) -> None:
        """Put the journal, as it is now, in the place of what was read in the end."""
        last = self.journal[-1]
        self.last.pages[0]["records"] = self.journal
        for page in self.last.pages[1:]:
            page["records"] = []
        self.last.result["head"] = [last["sequence"], last["digest"]]

    def add(self, what: str, ask: dict[str, Any], *, do: str = "transfer", **facts: Any) -> None:
        """Add a call of a process of its own, at the end of all others but the last reading."""
        at = self.last.invoke["at"] - 5
        self.lines += [
            {"what": "start", "at": at, "process": f"added-{len(self.lines)}"},
            {"what": "invoke", "at": at + 1, "call": 1, "bank": "main", "do": do, "ask": ask},
            {"what": what, "at": at + 2, "call": 1, **facts},
        ]


def uses(line: dict[str, Any], id: str | None) -> bool:
    """Whether a call asks for an id."""
    ask = line["ask"]
    return id in (ask.get("id"), *(part["ask"]["id"] for part in ask.get("calls", ())))


def first(found: list[Told], act: Callable[[Told], object]) -> bool:
    """Do it to the first of some calls, if there is one."""
    for call in found[:1]:
        act(call)
    return bool(found)


# -- ids -----------------------------------------------------------------------------------


def the_tail_is_lost(broken: Broken) -> bool:
    last = broken.journal[-1]
    if not any(call.result.get("id") == last["id"] for call in broken.of("transfer", "hold")):
        return False
    del broken.journal[-1]
    broken.store()
    return True


def a_record_is_missing(broken: Broken) -> bool:
    del broken.journal[-2]
    broken.store()
    return True


def an_id_is_recorded_twice(broken: Broken) -> bool:
    again = dict(broken.record(broken.of("transfer")[0].id))
    broken.journal.append(again | {"sequence": len(broken.journal) + 1, "digest": "00" * 32})
    broken.store()
    return True


def another_id_is_recorded(broken: Broken) -> bool:
    return first(broken.of("transfer"), lambda call: broken.record(call.id).update(id="foreign"))


def one_caller_is_told_another_sequence(broken: Broken) -> bool:
    return first(
        broken.of("transfer", "hold", "settle", "reverse"),
        lambda call: call.result.update(sequence=call.result["sequence"] + 1),
    )


def two_callers_are_told_that_each_made_it(broken: Broken) -> bool:
    again = [call for call in broken.of("transfer", "hold", "void") if call.result["repeated"]]
    firsts = {call.id for call in broken.of("transfer", "hold", "void")} - {None}
    made = {
        call.id for call in broken.of("transfer", "hold", "void") if not call.result["repeated"]
    }
    return first(
        [call for call in again if call.id in made & firsts],
        lambda call: call.result.update(repeated=False),
    )


def other_hours_are_told(broken: Broken) -> bool:
    def act(call: Told) -> None:
        call.result["postings"] = {who: 2 * s for who, s in call.result["postings"].items()}

    return first(broken.of("transfer", "hold", "settle", "reverse"), act)


def other_hours_are_recorded(broken: Broken) -> bool:
    def act(call: Told) -> None:
        record = broken.record(call.id)
        record["postings"] = [[who, 2 * s] for who, s in record["postings"]]

    return first(broken.of("transfer"), act)


def other_hours_are_found(broken: Broken) -> bool:
    def act(call: Told) -> None:
        found = call.result["found"]
        found["postings"] = {who: 2 * s for who, s in found["postings"].items()}

    return first([call for call in broken.of("find") if call.result["found"]], act)


def another_sequence_is_found(broken: Broken) -> bool:
    return first(
        [call for call in broken.of("find", "find_hold") if call.result["found"]],
        lambda call: call.result["found"].update(sequence=call.result["found"]["sequence"] - 1),
    )


def a_void_is_told_of_another(broken: Broken) -> bool:
    return first(broken.of("void"), lambda call: call.result.update(resolved_by="foreign"))


def a_mismatch_of_the_same(broken: Broken) -> bool:
    def act(call: Told) -> None:
        broken.add("refused", call.invoke["ask"], error="IdempotencyMismatch", says="")

    return first(broken.alone("transfer"), act)


def done_is_told_as_failed(broken: Broken) -> bool:
    def act(call: Told) -> None:
        call.end.update(what="fail", error="Unavailable", says="nothing was sent")

    return first(broken.alone("transfer", "hold", "settle"), act)


def done_is_told_as_refused(broken: Broken) -> bool:
    def act(call: Told) -> None:
        call.end.update(what="refused", error="LimitExceeded", says="", judged=True)

    return first(broken.alone("transfer", "hold", "settle"), act)


def a_repeat_is_refused(broken: Broken) -> bool:
    """Its first call was done, or its outcome was unknown."""

    def act(call: Told) -> None:
        ask = call.invoke["ask"]
        broken.add("refused", ask, error="LimitExceeded", says="", judged=True)

    return first(broken.alone("transfer"), act)


def done_before_by_nobody(broken: Broken) -> bool:
    return first(
        broken.alone("transfer", "hold", "settle"), lambda call: call.result.update(repeated=True)
    )


def an_error_of_the_driver_comes_out(broken: Broken) -> bool:
    return first(
        broken.of("head", "transfer"), lambda call: call.end.update(what="broken", error="KeyError")
    )


# -- order ---------------------------------------------------------------------------------


def a_head_is_old(broken: Broken) -> bool:
    for call in broken.of("head"):
        for write in broken.of("transfer", "hold"):
            if write.end["at"] < call.invoke["at"]:
                call.result["head"] = broken.head(write.result["sequence"] - 1)
                return True
    return False


def a_transfer_is_not_found(broken: Broken) -> bool:
    for call in broken.of("find"):
        for write in broken.of("transfer"):
            if write.end["at"] < call.invoke["at"] and write.id == call.id:
                call.result["found"] = None
                return True
    return False


def a_hold_is_still_open(broken: Broken) -> bool:
    for call in broken.of("find_hold"):
        for write in broken.of("settle", "void"):
            later = write.end["at"] < call.invoke["at"]
            if later and write.invoke["ask"]["hold"] == call.id:
                call.result["found"] |= {"status": "open", "resolved_by": None}
                return True
    return False


def a_later_call_has_the_lower_sequence(broken: Broken) -> bool:
    for call in broken.alone("transfer", "hold"):
        if call.result["sequence"] < len(broken.journal) - 5:
            at = broken.last.invoke["at"]
            call.invoke["at"], call.end["at"] = at - 3, at - 2
            return True
    return False


def a_read_knows_the_future(broken: Broken) -> bool:
    for call in broken.of("head"):
        for write in broken.alone("transfer"):
            if write.invoke["at"] > call.end["at"]:
                call.result["head"] = broken.head(write.result["sequence"])
                return True
    return False


def a_refusal_goes_by_another_balance(broken: Broken) -> bool:
    return first(
        [
            call
            for call in broken.of("transfer", "hold", outcome="refused")
            if call.end.get("rule") == "floor"
        ],
        lambda call: call.end.update(available=call.end["available"] + 90_000),
    )


def a_part_of_a_batch_is_seen(broken: Broken) -> bool:
    batches, heads = broken.of("batch"), broken.of("head")
    if not batches or not heads:
        return False
    heads[0].result["head"] = broken.head(batches[0].result["results"][0]["sequence"])
    return True


def a_part_of_a_batch_is_recorded(broken: Broken) -> bool:
    def act(call: Told) -> None:
        broken.record(call.result["results"][1]["id"])["id"] = "foreign"

    return first(broken.of("batch"), act)


# -- branches ------------------------------------------------------------------------------


def two_see_different_records(broken: Broken) -> bool:
    """One reads another record in the place of one that was told to somebody before."""
    for call in broken.of("read"):
        for write in broken.of("transfer"):
            for page in call.pages:
                for entry in page["records"]:
                    if entry[2] == write.id and write.end["at"] < call.invoke["at"]:
                        entry[1] = "00" * 32
                        return True
    return False


def a_head_is_of_another_branch(broken: Broken) -> bool:
    heads = [call for call in broken.of("head") if call.result["head"][0]]
    return first(heads, lambda call: call.result["head"].__setitem__(1, "00" * 32))


def a_head_is_beyond_the_end(broken: Broken) -> bool:
    beyond = [len(broken.journal) + 1, "00" * 32]
    return first(broken.of("head"), lambda call: call.result.update(head=beyond))


def the_head_is_not_of_the_records(broken: Broken) -> bool:
    reads = [call for call in broken.of("read") if call.result["head"][0] > 6]
    return first(
        reads,
        lambda call: call.result.update(head=broken.head(call.result["head"][0] - 1)),
    )


def a_loss_that_was_none(broken: Broken) -> bool:
    head = broken.head(len(broken.journal) - 1)
    broken.add("fail", {"id": "y1"}, error="HistoryLost", says="", lost=head, found=head)
    return True


# -- sums ----------------------------------------------------------------------------------


def a_balance_is_too_high(broken: Broken) -> bool:
    def act(call: Told) -> None:
        call.result["balances"]["m1"] += 60

    return first(broken.of("read"), act)


def an_update_is_lost(broken: Broken) -> bool:
    """Two accounts have not heard of a transfer: the total is right."""

    def act(call: Told) -> None:
        call.result["balances"]["m1"] += 60
        call.result["balances"]["m2"] -= 60

    return first(broken.of("read"), act)


def a_hold_keeps_too_much(broken: Broken) -> bool:
    def act(call: Told) -> None:
        call.result["reserved"].setdefault("m1", [0, 0])[0] += 60

    return first(broken.of("read"), act)


def an_hour_is_spent_twice(broken: Broken) -> bool:
    """Somebody spends what is not there: the floor lies higher than where it was judged."""
    for call in broken.of("transfer"):
        for who, seconds in call.result["postings"].items():
            if seconds < 0:
                broken.begin["floors"][who] = 10**6
                return True
    return False


# -- holds ---------------------------------------------------------------------------------


def a_hold_is_settled_and_voided(broken: Broken) -> bool:
    def act(call: Told) -> None:
        hold = call.invoke["ask"]["hold"]
        made = broken.record(call.id)
        sequence = len(broken.journal) + 1
        ask = {"id": "y1", "hold": hold}
        result = {"hold": hold, "status": "voided", "resolved_by": "y1", "repeated": False}
        broken.add("ok", ask, do="void", result=result)
        broken.journal.append(
            {
                "sequence": sequence,
                "digest": "00" * 32,
                "kind": "void",
                "id": "y1",
                "recorded_at": broken.journal[-1]["recorded_at"],
                "resolves": made["resolves"],
            }
        )
        broken.store()

    return first(broken.of("settle"), act)


def a_hold_is_settled_after_its_end(broken: Broken) -> bool:
    def act(call: Told) -> None:
        made = broken.record(call.id)
        broken.journal[made["resolves"] - 1]["expires_at"] = made["recorded_at"] - 1

    return first(broken.of("settle", "void"), act)


def a_hold_is_read_as_resolved_by_another(broken: Broken) -> bool:
    def act(call: Told) -> None:
        call.result["found"] |= {"status": "voided", "resolved_by": "foreign"}

    return first(
        [
            call
            for call in broken.of("find_hold")
            if call.result["found"] and call.result["found"]["status"] == "settled"
        ],
        act,
    )


def a_hold_had_expired_and_is_settled(broken: Broken) -> bool:
    for call in broken.of("find_hold"):
        for write in broken.alone("settle", "void"):
            later = call.end["at"] < write.invoke["at"]
            if later and write.invoke["ask"]["hold"] == call.id:
                call.result["found"]["status"] = "expired"
                return True
    return False


#: Each way, and what it must be found as, one of these at least.
WAYS: dict[Way, tuple[str, ...]] = {
    the_tail_is_lost: ("lost",),
    a_record_is_missing: ("torn_read",),
    an_id_is_recorded_twice: ("doubled",),
    another_id_is_recorded: ("unasked",),
    one_caller_is_told_another_sequence: ("two_results",),
    two_callers_are_told_that_each_made_it: ("two_results",),
    other_hours_are_told: ("wrong_result",),
    other_hours_are_recorded: ("wrong_result",),
    other_hours_are_found: ("two_results",),
    another_sequence_is_found: ("two_results",),
    a_void_is_told_of_another: ("wrong_result",),
    a_mismatch_of_the_same: ("wrong_result",),
    done_is_told_as_failed: ("failed_but_written",),
    done_is_told_as_refused: ("failed_but_written",),
    a_repeat_is_refused: ("failed_but_written",),
    done_before_by_nobody: ("repeated_without_first",),
    an_error_of_the_driver_comes_out: ("broken",),
    a_head_is_old: ("stale_read",),
    a_transfer_is_not_found: ("stale_read",),
    a_hold_is_still_open: ("stale_read",),
    a_later_call_has_the_lower_sequence: ("order",),
    a_read_knows_the_future: ("order",),
    a_refusal_goes_by_another_balance: ("stale_refusal",),
    a_part_of_a_batch_is_seen: ("half_batch",),
    a_part_of_a_batch_is_recorded: ("half_batch",),
    two_see_different_records: ("fork",),
    a_head_is_of_another_branch: ("fork", "lost"),
    a_head_is_beyond_the_end: ("lost",),
    the_head_is_not_of_the_records: ("torn_read",),
    a_loss_that_was_none: ("false_alarm",),
    a_balance_is_too_high: ("wrong_total",),
    an_update_is_lost: ("wrong_balance",),
    a_hold_keeps_too_much: ("wrong_balance",),
    an_hour_is_spent_twice: ("double_spent",),
    a_hold_is_settled_and_voided: ("resolved_twice",),
    a_hold_is_settled_after_its_end: ("resolved_twice",),
    a_hold_is_read_as_resolved_by_another: ("resolved_twice",),
    a_hold_had_expired_and_is_settled: ("resolved_twice",),
}


class Place(NamedTuple):
    """A value in the answer of a call: where, and in what."""

    path: tuple[str, ...]
    line: dict[str, Any]
    holder: Any
    key: Any

    def change(self) -> None:
        """Make it another."""
        value = self.holder[self.key]
        if isinstance(value, bool):
            self.holder[self.key] = not value
        elif isinstance(value, int):
            self.holder[self.key] = value + 1
        else:
            self.holder[self.key] = f"{value}x"


def told_values(lines: Lines) -> Iterator[Place]:
    """The values in the answers of calls that ended well, but for those of a replica."""
    calls: dict[int, dict[str, Any]] = {}
    for line in lines:
        if line["what"] == "start":
            calls = {}
        elif line["what"] == "invoke":
            calls[line["call"]] = line
        elif line["what"] in ("ok", "page"):
            invoke = calls[line["call"]]
            name = "result" if line["what"] == "ok" else "records"
            if not invoke.get("replica"):
                yield from _values((invoke["do"],), line, line[name])


def _values(path: tuple[str, ...], line: dict[str, Any], holder: Any) -> Iterator[Place]:
    items = holder.items() if isinstance(holder, dict) else enumerate(holder)
    for key, value in items:
        named = (*path, key) if isinstance(key, str) else path
        if isinstance(value, dict | list):
            yield from _values(named, line, value)
        elif value is not None:
            yield Place(named, line, holder, key)
