"""Two banks with all that can be between them, and the journal of either to be forged."""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Callable
from datetime import time, timedelta
from typing import Any

import attrs

import timebank
from audit.forgeries import JSON, Forgery
from support import Clock, sources
from timebank import Fee, Granularity, Statute, TimeBank, federation
from timebank.federation import booking
from timebank.journal import commitment
from timebank.journal.offers import MESSAGES, answer_body, cancel_body, digest_of, offer_body
from timebank.model import TextRow
from timebank.model.agreements import SeenHead, shared_id
from timebank.queries.records import body_of
from timebank.rules.agreements import Readmit
from timebank.rules.conclusions import BringIn

Change = Callable[[Forgery], object]
#: The journal that is forged, and the other bank's.
OURS, THEIRS = "id-1", "their-1"
ACCOUNT = f"peer:{THEIRS}"
ROOT = "ab" * 32


def spending() -> Forgery:
    """The journal of the bank whose members spend, and which makes the offers."""
    return _forgery(_crossed(ours="spends")[0])


def earning() -> Forgery:
    """The journal of the bank whose members earn, and which books the offers."""
    return _forgery(_crossed(ours="earns")[1])


def both() -> tuple[Forgery, Forgery]:
    """The journals of the two, whose members spend here and earn there."""
    spends, earns = _crossed(ours="spends")
    return _forgery(spends), _forgery(earns)


def _crossed(*, ours: str) -> tuple[TimeBank, TimeBank]:
    """Two banks, of which one has the journal that is forged: the one that spends, or earns."""
    clock = Clock()
    banks = [_bank(clock, journal=OURS if ours == role else THEIRS) for role in ("spends", "earns")]
    a, b = banks
    _adopt(a, "earner", "0:15")
    _adopt(b, "spender", "0:30")
    for bank, other in ((a, b), (b, a)):
        federation.agree(bank, other, name="the neighbours", they_may_owe=20, we_may_owe=20)
        federation.agree(bank, "left", they_may_owe=1, we_may_owe=None, theirs=(None, 2))
        federation.end(bank, "left", reason="moved away")
    _exchanges(a, b, clock)
    _board(a, b)
    return a, b


def _bank(clock: Clock, *, journal: str) -> TimeBank:
    ids = itertools.count(1)
    given = sources(clock) | {"new_id": lambda: f"{journal.partition('-')[0]}-{next(ids)}"}
    bank = timebank.open("memory:", **given)
    for id in ("m1", "m2"):
        bank.open_account(id)
    bank.open_account("pot", kind="fund")
    return bank


def _adopt(bank: TimeBank, payer: Any, unit: str) -> None:
    fee = Fee(fund="pot", share="1/10", payer=payer)
    granularity = Granularity(unit=unit, rounding="up")
    bank.adopt(Statute(version="x/1", fee=fee, granularity=granularity))


def _exchanges(a: TimeBank, b: TimeBank, clock: Clock) -> None:
    """What goes from one bank to the other, and back."""
    described: JSON = {
        "category": "care",
        "area": "north",
        "resource": "car",
        "tags": ["b", "a"],
        "started_at": time(9),
        "ended_at": time(10, 30),
        "note": "bread",
    }
    day = clock.now.date()
    federation.make_offer(a, b, spender="m1", earner="m1", hours="2:07", id="x1", **described)
    _answered(a, b, "x1")
    federation.make_offer(a, b, spender="m1", earner="nobody", hours=1, id="x2", occurred_on=day)
    _answered(a, b, "x2")
    federation.make_offer(a, b, spender="m2", earner="m1", hours=1, id="x3")
    cancel = {"body": cancel_body(_record(a, "x3"))}
    booking.conclude(a, {"body": answer_body(booking.book(b, cancel))})
    for id, hours in (("r1", "0:10"), ("r2", "0:05"), ("r3", "0:15")):
        booked = shared_id(a.head().journal, "x1")
        federation.make_reversal(b, booked, reason="less", hours=hours, id=id)
    _answered(b, a, "r1")
    federation.abandon(b, "r2", reason="nobody answers")
    federation.make_offer(a, b, spender={"m1": 1, "m2": 1}, earner="m2", hours=None, id="x4")
    federation.abandon(a, "x4", reason="nobody answers")
    _answered(a, b, "x4")
    b.hold(earner="m1", spender="m2", hours=1, id="held")
    a.hold(earner="m1", spender="m2", hours=1, id="held")
    a.void("held")


def _answered(a: TimeBank, b: TimeBank, id: str) -> None:
    """An offer comes, and its answer."""
    record = booking.book(b, {"body": offer_body(_record(a, id)), "signature": "theirs"})
    seen = _seen(b)
    booking.conclude(a, {"body": answer_body(record), "signature": "ours"}, look=lambda _: seen)


def _board(a: TimeBank, b: TimeBank) -> None:
    """What boards do: bringing in, writing off, suspending, readmitting; and offers after that."""
    offer = offer_body(_record(a, "x1")) | {"id": "gone", "occurred_on": "2026-02-28"}
    answer = {
        "format": MESSAGES,
        "kind": "answer",
        "from": b.head().journal,
        "record": 90,
        "to": a.head().journal,
        "offer": {"body": offer},
        "accepted": True,
        "terms": [None, 7200],
        "occurred_on": "2026-02-28",
    }
    assert digest_of(answer)
    a._execute(BringIn.spent({"body": answer}, spender="m2"))
    b._execute(BringIn.earned({"body": answer}, earner="m2"))
    for bank, other in ((a, b), (b, a)):
        owed = -bank.balance(federation.agreement(bank, other).account).posted
        hours = timebank.Hours("0:30") if owed > timebank.Hours(0) else timebank.Hours("-0:30")
        federation.write_off(bank, other, account="m2", hours=hours, reason="lost", id="off")
        federation.suspend(bank, other, reason="moving")
        head = attrs.evolve(_seen(other), signature="line")
        bank._execute(Readmit.of(other.head().journal, head=head, reason="looked into"))
        federation.agree(bank, other, they_may_owe=20, we_may_owe=20)
    federation.make_offer(a, b, spender="m1", earner="m1", hours="0:15", id="x9")
    booking.book(b, {"body": offer_body(_record(a, "x9"))})


def _seen(bank: TimeBank) -> SeenHead:
    """The head of a bank as it stands."""
    head = bank.head()
    return SeenHead(size=head.sequence, root=head.root.hex())


def _record(bank: TimeBank, id: str) -> Any:
    with bank.store.reader("main") as reader:
        row = reader.find(id)
        assert row is not None
        return body_of(row)


def _forgery(bank: TimeBank) -> Forgery:
    with bank.store.reader("main") as reader:
        records = [json.loads(row.body) for row in reader.records(after=0, limit=200)]
        return Forgery(records, reader.texts(after=0, through=200))


# -- changes ---------------------------------------------------------------------------------


def until(id: str, *changes: Callable[[JSON], object]) -> Change:
    """The journal ends with the record of an operation, which is changed."""

    def change(forgery: Forgery) -> None:
        found = next(one for one in forgery.records if one["request"].get("id") == id)
        del forgery.records[found["sequence"] :]
        forgery.texts[:] = [row for row in forgery.texts if row.sequence <= found["sequence"]]
        for one in changes:
            one(found)

    return change


def until_kind(kind: str, *changes: Callable[[JSON], object], account: str = ACCOUNT) -> Change:
    """The journal ends with the last record of a kind that is on an account."""

    def change(forgery: Forgery) -> None:
        found = [
            one
            for one in forgery.records
            if one["kind"] == kind and one["request"].get("account") == account
        ][-1]
        del forgery.records[found["sequence"] :]
        forgery.texts[:] = [row for row in forgery.texts if row.sequence <= found["sequence"]]
        for one in changes:
            one(found)

    return change


def asked(**request: Any) -> Callable[[JSON], object]:
    """The request says something else."""
    return lambda made: made["request"].update(request)


def without(*names: str) -> Callable[[JSON], object]:
    """The request says nothing of it."""

    def change(made: JSON) -> None:
        for name in names:
            del made["request"][name]

    return change


def effects(**values: Any) -> Callable[[JSON], object]:
    """The effects are others."""
    return lambda made: made["effects"].update(values)


def offer(**values: Any) -> Callable[[JSON], object]:
    """The offer in a record says something else; `None` takes a field away."""
    return lambda made: _set(_offer_in(made), values)


def answer(**values: Any) -> Callable[[JSON], object]:
    """The answer in a record says something else; `None` takes a field away."""
    return lambda made: _set(made["request"]["answer"]["body"], values)


def message(**values: Any) -> Callable[[JSON], object]:
    """The body of what was offered, or taken back, says something else."""
    return lambda made: _set(made["request"]["offer"]["body"], values)


def _set(found: JSON, values: JSON) -> None:
    for name, value in values.items():
        if value is None:
            found.pop(name, None)
        else:
            found[name] = value


def _offer_in(made: JSON) -> JSON:
    request = made["request"]
    if made["kind"] == "hold":
        found: JSON = request["offer"]
        return found
    signed = request["offer"] if "offer" in request else request["answer"]["body"]["offer"]
    body: JSON = signed["body"]
    return body["offer"] if body["kind"] == "cancel" else body


def again(id: str, new: str, *changes: Callable[[JSON], object]) -> Change:
    """The record of an operation once more at the end, under another id."""

    def change(forgery: Forgery) -> None:
        found = next(one for one in forgery.records if one["request"].get("id") == id)
        texts = [row for row in forgery.texts if row.sequence == found["sequence"]]
        request, made = copy.deepcopy(found["request"]), copy.deepcopy(found["effects"])
        record = forgery.add(found["kind"], request | {"id": new}, made)
        if "answer_by" in made:
            made["answer_by"] = record["recorded_at"] + request["offer"]["answer_in"]
        forgery.texts += [row._replace(sequence=record["sequence"]) for row in texts]
        for one in changes:
            one(record)

    return change


def suspended(forgery: Forgery) -> None:
    """The agreement is suspended at the end."""
    opened = next(one for one in forgery.records if one["request"].get("account") == ACCOUNT)
    request = {"account": ACCOUNT, "reason": commitment(bytes(16), "why")}
    made = forgery.add("suspend_agreement", request, {"account": ACCOUNT, "of": opened["sequence"]})
    forgery.texts.append(TextRow(made["sequence"], "reason", bytes(16), "why"))


def at(delta: timedelta) -> Callable[[JSON], object]:
    """The offer was to be booked by an instant that lies so far behind its record."""
    later = int(delta.total_seconds() * 1_000_000)
    return lambda made: _offer_in(made).update(answer_by=made["recorded_at"] + later)
