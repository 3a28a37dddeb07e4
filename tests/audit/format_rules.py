"""Every rule of the format's page, with a journal that breaks it, and no other as far as possible.

`python -m audit.format_rules`, in `tests`, writes `docs/format-rules.md` anew.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import attrs

import timebank
from audit import (
    cheque_rules,
    crossed,
    crossed_rules,
    forgeries,
    lifetimes,
    oddities,
    test_audit,
    test_audit_rules,
)
from audit.corrected import (
    amended,
    amended_account,
    before,
    closed,
    lost,
    lost_and_there,
    merged,
    on_day,
    planned,
    settled,
    undone,
)
from audit.forgeries import DAY, JSON, Forgery, small
from audit.format_rule import Change, FormatRule, honest, of, report_of
from support import Clock, sources
from timebank import AuditReport, Head
from timebank.audit import audit
from timebank.journal import commitment, digest, genesis
from timebank.model import RecordRow, TextRow
from timebank.storage import open_store
from timebank.storage.protocol import Batch, Reader, Store

PATH: Final = Path(__file__).parents[2] / "docs" / "format-rules.md"
HOUR: Final = 3600
YESTERDAY: Final = "2026-03-01"


# -- the journals that are forged ------------------------------------------------------------


def here(*changes: Change) -> Callable[[], AuditReport]:
    """The same of the small journal."""
    return of(small, *changes)


def street(*changes: Change) -> Callable[[], AuditReport]:
    """The same of the neighbourhood with units of a quarter, fees, holds and flags."""
    return of(test_audit_rules.forged, *changes)


def strict(*changes: Change) -> Callable[[], AuditReport]:
    """The same of a bank with a unit, a size and days that refuse."""
    return of(test_audit_rules.strictly, *changes)


def lives(*changes: Change) -> Callable[[], AuditReport]:
    """The same of a bank with welcomes, dues, demurrage and delegates."""
    return of(unlimited, *changes)


def unlimited() -> Forgery:
    """That bank, where nobody has a limit to pass: another quantity has no other flag."""
    return lifetimes.lifetimes(attrs.evolve(lifetimes.RULES, limits={}))


def restarts(*changes: Change) -> Callable[[], AuditReport]:
    """The same of a bank whose clock was restarted by the last record."""
    return of(restarted, *changes)


def restarted() -> Forgery:
    """A hold was made by a clock a year ahead; then the clock was put right, and restarted."""
    clock = Clock()
    bank = timebank.open("memory:", **sources(clock))
    for id in ("m1", "m2"):
        bank.open_account(id)
    clock.now += timedelta(days=365)
    bank.hold(earner="m1", spender="m2", hours=1, id="held", expires_in=timedelta(days=9))
    clock.now -= timedelta(days=365)
    bank.restart_clock(today=clock.now.date(), reason="the battery was dead")
    with bank.store.reader("main") as reader:
        records = [json.loads(row.body) for row in reader.records(after=0, limit=100)]
        return Forgery(records, reader.texts(after=0, through=100))


BASES: Final = (
    small,
    test_audit_rules.forged,
    test_audit_rules.strictly,
    lifetimes.lifetimes,
    unlimited,
    restarted,
    crossed.spending,
    crossed.earning,
    cheque_rules.booklets,
)


# -- changes -----------------------------------------------------------------------------------


def transfer(**request: Any) -> Change:
    """A minute from m2 to m1, asked in another way."""
    return lambda forgery: forgery.transfer("m1", "m2", 60, **request)


def record(kind: str, request: JSON, effects: JSON, **fields: Any) -> Change:
    """One more record."""
    return lambda forgery: forgery.add(
        kind, copy.deepcopy(request), copy.deepcopy(effects), **fields
    )


def with_field(name: str, value: Any) -> Change:
    """A transfer with another field of the record."""
    return lambda forgery: forgery.transfer("m1", "m2", 60).update({name: value})


def with_effect(**effects: Any) -> Change:
    """A transfer with other effects."""
    return lambda forgery: forgery.transfer("m1", "m2", 60)["effects"].update(effects)


def sides(earners: Any, spenders: Any, **request: Any) -> Change:
    """A transfer between such sides, as asked."""

    def change(forgery: Forgery) -> None:
        made = forgery.transfer("m1", "m2", 60, earners=earners, spenders=spenders, **request)
        made["effects"]["postings"] = earners + [[id, -seconds] for id, seconds in spenders]

    return change


def opened(account: str, **request: Any) -> Change:
    """An account more, as asked."""
    asked: JSON = {"account": account, "kind": "member", **request}
    sets: JSON = {"status": "open", "joined_on": None, "floor": "inherit", "ceiling": "inherit"}
    sets |= {name: value for name, value in asked.items() if name != "account"}
    sets["named"] = "name" in asked
    return record("open_account", asked, {"account": account, "sets": sets})


def status(kind: str, account: str, status: str) -> Change:
    """A change of status."""
    request = {"account": account}
    return record(kind, request, request | {"sets": {"status": status}})


def adopts(statute: JSON, adopts: str = "x/1") -> Change:
    """An adoption."""
    return record("adopt", {"statute": {"version": "x/1"} | statute}, {"adopts": adopts})


def by(statute: str) -> Change:
    """The last record was judged by a statute."""
    return lambda forgery: forgery.records[-1]["effects"].update(statute=statute)


def named(id: str, change: Callable[[JSON], object]) -> Change:
    """The record of an operation, changed."""
    return lambda forgery: change(
        next(one for one in forgery.records if one["request"].get("id") == id)
    )


def last(change: Callable[[JSON], object]) -> Change:
    """The last record, changed."""
    return lambda forgery: change(forgery.records[-1])


def held(seconds: int = 60, **fields: Any) -> Change:
    """A hold of m2's hours for m1, with other fields of its request or effects."""

    def change(forgery: Forgery) -> None:
        request: JSON = {"id": f"held-{len(forgery.records)}", "kind": "exchange"}
        request |= {"earners": [["m1", seconds]], "spenders": [["m2", seconds]]}
        made: JSON = {"lines": [["m1", seconds], ["m2", -seconds]], "statute": "default/1"}
        made["reserves"] = [["m1", 0, seconds], ["m2", seconds, 0]]
        hold = forgery.add("hold", request, made)
        for name, value in fields.items():
            if name == "ends_in":
                made["expires_at"] = hold["recorded_at"] + value
            else:
                request[name] = value

    return change


def reversal(*postings: list[Any], **request: Any) -> Change:
    """A part of the first transfer is moved back."""
    return lambda forgery: forgery.reversal(4, [*postings], **request)


def another_fee(*fee: list[Any]) -> Callable[[JSON], None]:
    """Postings, or lines with what they reserve, that end in another fee."""

    def change(made: JSON) -> None:
        effects = made["effects"]
        lines = effects["postings" if "postings" in effects else "lines"]
        lines[-len(effects["fee"]) :] = fee
        for id, seconds in effects["fee"]:
            for reserve in effects.get("reserves", ()):
                if reserve[0] == id:
                    reserve[1 if seconds < 0 else 2] -= abs(seconds)
        for id, seconds in fee:
            for reserve in effects.get("reserves", ()):
                if reserve[0] == id:
                    reserve[1 if seconds < 0 else 2] += abs(seconds)
        effects["fee"] = [*fee]

    return change


def _another_payer(made: JSON) -> None:
    """The postings are of another payer than the fee says."""
    lines = made["effects"]["postings"]
    assert lines[-1][0] != lines[-2][0]
    lines[-1] = [lines[-2][0], lines[-1][1]]


def _another_end(made: JSON) -> None:
    """The fee is told in another order than that of the postings."""
    made["effects"]["fee"] = made["effects"]["fee"][::-1]


def erased(*places: tuple[int, str], **request: Any) -> Change:
    """Texts are erased, and gone."""

    def change(forgery: Forgery) -> None:
        gone = set(places)
        forgery.texts[:] = [row for row in forgery.texts if (row.sequence, row.field) not in gone]
        forgery.erase(*places)["request"].update(request)

    return change


def with_note(text: str) -> Change:
    """A transfer with a note."""

    def change(forgery: Forgery) -> None:
        forgery.transfer("m1", "m2", 60, note=commitment(bytes(16), text))
        forgery.texts.append(TextRow(len(forgery.records), "note", bytes(16), text))

    return change


def recorded(day: str) -> Change:
    """A transfer that was recorded on another day."""
    return lambda forgery: forgery.transfer("m1", "m2", 60, occurred_on=DAY).update(recorded_on=day)


def a_day_that_does_not_go_on(forgery: Forgery) -> None:
    """The day of the record before, three days later."""
    made = forgery.transfer("m1", "m2", 60, occurred_on=DAY)
    made["recorded_at"] += 3 * 86_400_000_000


def kept_by_a_restart(restart: JSON) -> None:
    """The day of the clock that was ahead."""
    restart["recorded_on"] = restart["request"]["today"] = "2027-03-02"


def a_restart_for_nothing(forgery: Forgery) -> None:
    """Nothing lies ahead."""
    request = {"reason": commitment(bytes(16), "why"), "today": DAY}
    made = forgery.add("restart_clock", request, {"statute": "default/1"})
    forgery.texts.append(TextRow(made["sequence"], "reason", bytes(16), "why"))


# -- journals that are forged byte by byte -------------------------------------------------------


def respelt(old: bytes, new: bytes, *, readable: bool = True) -> Callable[[], AuditReport]:
    """The last record in other bytes, with the digest of those."""

    def report() -> AuditReport:
        forgery = copy.deepcopy(honest(small))
        if readable:
            forgery.transfer("m1", "m2", 60, category="a/b")
        rows = forgery.batch()
        if not readable:
            forgery.transfer("m1", "m2", 60, category="a/b")
            rows.records.append(forgery.batch().records[-1])
        row = rows.records[-1]
        body = row.body.replace(old, new, 1)
        assert body != row.body
        before = rows.records[-2].digest
        rows.records[-1] = row._replace(body=body, digest=digest(before, body))
        return report_of(rows)

    return report


def another_digest() -> AuditReport:
    """A record whose digest is another: the chain is not made anew."""
    batch = copy.deepcopy(honest(small)).batch()
    batch.records[-1] = batch.records[-1]._replace(digest=bytes(32))
    return report_of(batch)


def an_id_twice() -> AuditReport:
    """Two records of one id: no store takes them, so that the rows are read from elsewhere."""
    forgery = copy.deepcopy(honest(small))
    forgery.transfer("m1", "m2", 60, id="first")
    batch = forgery.batch()
    batch.records[-1] = batch.records[-1]._replace(id="second")

    def answers(reader: Reader) -> dict[str, Any]:
        def records(*, after: int, limit: int) -> list[RecordRow]:
            rows = reader.records(after=after, limit=limit)
            return [row._replace(id="first") if row.id == "second" else row for row in rows]

        return {"records": records}

    return altered_rows(batch, answers)


def altered_rows(batch: Batch, answers: Callable[[Reader], dict[str, Any]]) -> AuditReport:
    """The audit of rows through a reader that answers some calls in another way."""
    with stored(batch).reader("main") as reader:
        lying: Any = test_audit.Altered(reader, **answers(reader))
        return audit(lying)


def stored(batch: Batch) -> Store:
    """Rows in a store of their own."""
    store = open_store("memory:", create=True)
    store.make_bank("main", journal="id-1")
    with store.writer("main") as writer:
        writer.append(batch)
    return store


def another_head() -> AuditReport:
    """A head was published that the journal does not have."""
    batch = copy.deepcopy(honest(small)).batch()
    with stored(batch).reader("main") as reader:
        return audit(reader, expect=[Head("id-1", 3, genesis("id-1"))])


def another_root() -> AuditReport:
    """A head was published whose root is not that of the records."""
    batch = copy.deepcopy(honest(small)).batch()
    with stored(batch).reader("main") as reader:
        head = Head("id-1", 3, batch.records[2].digest, find_root=bytes(32))
        return audit(reader, expect=[head])


# -- the rules -----------------------------------------------------------------------------------

_LAST: Final = lifetimes.LAST
_LIES: Final = lifetimes.LIFE_LIES


def _welcomed_again(forgery: Forgery) -> None:
    """The third one of m3, and of who m3 was besides, on the last day."""
    day = forgery.records[-1]["recorded_on"]
    lifetimes.again(forgery, "due:welcome:1:m3", id="due:welcome:3:m3", since=day)
    forgery.records[-1]["effects"]["occurred_on"] = day


#: The later of two welcomes of a member who was there twice is taken back.
_WELCOMED_AS_TWO: Final = (
    undone("due:welcome:1:m4", "2026-04-05"),
    by("life/1"),
    merged("m4", "m3"),
    by("life/1"),
)
_FLAG: Final = {"rule": "floor", "account": "m2", "limit": -36000, "available": 0, "needed": 60}
_FIVE: Final = [["m1", 1], ["m3", 1], ["m4", 1], ["m5", 1]]
_SMALL_UNITS: Final = (
    opened("m4"),
    opened("m5"),
    adopts({"granularity": {"rounding": "nearest", "unit": 3}}),
)
_TWO_FLAGS: Final = [
    {"rule": "floor", "account": "m3", "limit": -60, "available": 60, "needed": 61},
    {"rule": "largest exchange", "limit": 60, "needed": 61},
]
_CROWD: Final = (
    *(opened(f"c{number:04}") for number in range(1001)),
    sides([[f"c{number:04}", 1] for number in range(1001)], [["m2", 1001]]),
)
_A_SHARE: Final = [["f1", 1], ["f2", 1], ["m2", 5]]


def _shared(*seconds: int) -> Change:
    """Seven seconds of three earners, rounded to a quarter, and shared so."""

    def change(forgery: Forgery) -> None:
        made = forgery.transfer("f1", "m1", 7, earners=_A_SHARE, spenders=[["m1", 7]])
        lines = [[id, share] for (id, _), share in zip(_A_SHARE, seconds, strict=True)]
        fee = [["solidarity", 120], ["m1", -120]]
        made["effects"] |= {"postings": [*lines, ["m1", -900], *fee], "fee": fee}
        made["effects"]["statute"] = "via-roma/1"

    return change


def _flags_last(change: Callable[[list[JSON]], object]) -> Change:
    """The flags of the last record that has some, changed."""

    def changed(forgery: Forgery) -> None:
        made = next(one for one in reversed(forgery.records) if "flags" in one["effects"])
        change(made["effects"]["flags"])
        if not made["effects"]["flags"]:
            del made["effects"]["flags"]

    return changed


_BOTH: Final = (
    lambda forgery: forgery.transfer("m1", "m2", 90, id="both", earners=[["m1", 60], ["m3", 30]])[
        "effects"
    ].update(postings=[["m1", 60], ["m3", 30], ["m2", -90]]),
)


def _both_undone(*postings: list[Any], **request: Any) -> Change:
    """Of what m1 and m3 earned, some is moved back."""
    return lambda forgery: forgery.reversal(6, [*postings], **request)


def _undone_on_its_day(forgery: Forgery) -> None:
    """A day is asked for that is in closed books."""
    undone("x", YESTERDAY, occurred_on=YESTERDAY)(forgery)


def _is_last(record: JSON) -> bool:
    return bool(record["request"].get("id") == _LAST)


def _three_weeks_later(made: JSON) -> None:
    """It was recorded on the day of the last charges."""
    made["recorded_at"] += 20 * 86_400_000_000 - HOUR * 1_000_000
    made["recorded_on"] = "2026-06-11"


def _is_restart(record: JSON) -> bool:
    return bool(record["kind"] == "restart_clock")


def _moves_books(day: str) -> Callable[[JSON], None]:
    """The restart says that books are closed through a day."""
    return lambda made: made["effects"].update(through=day)


def _of_record(sequence: int) -> Callable[[JSON], None]:
    """The erasure is of the texts of a record."""

    def change(made: JSON) -> None:
        del made["request"]["account"]
        made["request"]["record"] = sequence

    return change


def _with_effect(**effects: Any) -> Callable[[JSON], None]:
    """Other effects."""
    return lambda made: made["effects"].update(effects)


def _sets(**values: Any) -> Callable[[JSON], None]:
    """Something else is set."""
    return lambda made: made["effects"]["sets"].update(values)


def _was(**values: Any) -> Callable[[JSON], None]:
    """It was something else before."""
    return lambda made: made["effects"]["was"].update(values)


def _takes(*names: str) -> Callable[[JSON], None]:
    """Other fields are taken away, as was asked."""
    return lambda made: made["request"].update(takes_away=[*names])


def _amends_settlement(forgery: Forgery) -> None:
    """It is the settlement, and not its hold, that is amended."""
    settlement, made = forgery.records[-2:]
    made["effects"]["amends"] = settlement["sequence"]


def _noted(forgery: Forgery) -> None:
    """A transfer with a note, an area and a category."""
    note = commitment(bytes(16), "bread")
    made = forgery.transfer("m1", "m2", 60, id="x", note=note, area="north", category="care")
    forgery.texts.append(TextRow(made["sequence"], "note", bytes(16), "bread"))


_joined: Final = opened("m4", joined_on=DAY)
_POT: Final = (
    opened("pot", kind="organisation"),
    adopts({"fee": {"fund": "pot", "share": "1/10"}}),
)
_ABOVE: Final = {"rule": "ceiling", "account": "m4", "limit": 60, "available": 60, "needed": 2400}

_ONE_BANK: Final[tuple[FormatRule, ...]] = (
    FormatRule("F1", "the fields of a record", "canonical", here(with_field("more", 1))),
    FormatRule("F2", "the format's name", "chain", here(with_field("format", "timebank/2"))),
    FormatRule("F3", "the journal's id", "chain", here(with_field("journal", "another"))),
    FormatRule("F4", "numbers without a gap", "chain", here(with_field("sequence", 7))),
    FormatRule("F5", "a known kind", "canonical", here(record("dance", {}, {}))),
    FormatRule(
        "F6",
        "the actor is an id",
        "canonical",
        here(with_field("actor", "")),
        more=(
            here(with_field("actor", "a" * 129)),
            here(with_field("actor", 7)),
        ),
    ),
    FormatRule("F7", "what has no value is left out", "canonical", here(transfer(area=None))),
    FormatRule("F8", "days are days", "canonical", here(transfer(occurred_on="2026-02-30"))),
    FormatRule(
        "F9",
        "times of day",
        "canonical",
        here(transfer(**{"from": "24:00"})),
        more=(
            here(transfer(to="9:00")),
            here(transfer(to="09:60")),
            here(transfer(**{"from": "09:00", "to": "09:00:00"})),
            here(amended(to="0900")),
        ),
    ),
    FormatRule(
        "F10",
        "ids of 1 to 128 characters",
        "canonical",
        here(transfer(id="x" * 129)),
        more=(
            here(transfer(id="")),
            here(opened("x" * 129)),
            here(opened("m" * 129), transfer(via="m" * 129)),
            here(
                record(
                    "name_delegate",
                    {"account": "m1", "delegate": ""},
                    {"account": "m1", "delegate": "", "of": 1, "until": None},
                )
            ),
        ),
    ),
    FormatRule(
        "F11",
        "ids in normal form",
        "canonical",
        here(with_field("actor", "e\u0301")),
        more=(
            here(opened("e\u0301")),
            here(transfer(id="e\u0301")),
        ),
    ),
    FormatRule(
        "F12",
        "what cannot be seen is in no id",
        "canonical",
        here(with_field("actor", "a\u200bb")),
        more=(
            here(transfer(id="a\nb")),
            here(opened("a\x7f")),
            here(transfer(category="a\u2028b")),
        ),
    ),
    FormatRule(
        "F13",
        "ids without a blank at an end",
        "canonical",
        here(with_field("actor", " a")),
        more=(
            here(transfer(id="a ")),
            here(opened("\u00a0m4")),
        ),
    ),
    FormatRule(
        "F14", "joiners within their scripts", "canonical", here(with_field("actor", "a\u200db"))
    ),
    FormatRule(
        "F15",
        "which fields are ids and labels",
        "canonical",
        here(transfer(category="")),
        more=(
            here(transfer(resource="a ")),
            here(opened("m3 ")),
            here(amended(resource=" a")),
            here(amended(tags=["a "])),
            here(transfer(id="a "), amended("a ", area="north")),
            here(opened("m4 "), merged("m3", "m4 ")),
        ),
    ),
    FormatRule("F16", "an id names one record", "ids", an_id_twice),
    FormatRule(
        "F17",
        "ids of dues",
        "canonical",
        here(transfer(id="due:dues:2026:m1")),
        more=(
            here(held(id="due:welcome:1:m1")),
            here(transfer(id="peer:1")),
            here(transfer(id="cheque:1")),
        ),
    ),
    FormatRule("F18", "the canonical form", "canonical", respelt(b',"id":', b', "id":')),
    FormatRule("F19", "whole numbers", "canonical", respelt(b"60]", b"60.0]", readable=False)),
    FormatRule("F20", "what is escaped", "canonical", respelt(b"a/b", b"a\\/b")),
    FormatRule("F21", "the chain of digests", "chain", another_digest),
    FormatRule("F22", "published heads", "published", another_head, more=(another_root,)),
    FormatRule("F23", "personal text as a commitment", "canonical", here(transfer(note="a text"))),
    FormatRule("F24", "each text matches", "texts", here(forgeries.text_changed)),
    FormatRule(
        "F25",
        "1 to 10,000 characters of text",
        "texts",
        here(with_note("x" * 10_001)),
        more=(
            here(with_note("")),
            here(with_note("a\0b")),
        ),
    ),
    FormatRule("F26", "instants never run backwards", "clocks", here(forgeries.clock_runs_back)),
    FormatRule("F27", "days of record never run backwards", "clocks", here(recorded("2026-03-01"))),
    FormatRule(
        "F28",
        "the day of record beside that in UTC",
        "clocks",
        here(recorded("2026-03-04")),
        more=(here(a_day_that_does_not_go_on), restarts(last(kept_by_a_restart))),
    ),
    FormatRule(
        "F29",
        "no service later than tomorrow",
        "clocks",
        here(
            transfer(occurred_on="2026-03-04"),
            last(lambda made: made["effects"].update(occurred_on="2026-03-04")),
        ),
    ),
    FormatRule(
        "F30",
        "nothing in closed books",
        "clocks",
        here(closed(YESTERDAY), on_day(YESTERDAY)),
        more=(
            here(closed(YESTERDAY), on_day("2025-03-02")),
            here(closed(YESTERDAY), planned(YESTERDAY)),
            here(planned(YESTERDAY), closed(YESTERDAY), settled(YESTERDAY, occurred_on=YESTERDAY)),
            here(on_day(YESTERDAY, id="x"), closed(YESTERDAY), _undone_on_its_day),
            here(closed("2026-02-28"), closed(YESTERDAY), on_day(YESTERDAY)),
        ),
    ),
    FormatRule(
        "F31",
        "the fields of a request",
        "canonical",
        here(transfer(more=1)),
        more=(
            here(transfer(reason="0" * 64)),
            here(transfer(salt="0" * 32)),
            here(
                record(
                    "rename",
                    {"account": "m3", "note": "0" * 64},
                    {"account": "m3", "sets": {"named": False}},
                )
            ),
            here(record("rename", {}, {"account": "m3", "sets": {"named": False}})),
            here(amended(area="x"), last(lambda made: made["request"].update(hours=1))),
            here(amended_account("m1", joined_on=YESTERDAY, floor=0)),
            here(closed(YESTERDAY), last(lambda made: made["request"].update(since=DAY))),
            here(merged("m3", "m1"), last(lambda made: made["request"].update(id="m"))),
        ),
    ),
    FormatRule(
        "F32",
        "the fields of the effects",
        "canonical",
        here(with_effect(more=1)),
        more=(
            here(with_effect(fee=[])),
            here(with_effect(flags=[])),
            here(with_effect(basis=1)),
            here(with_effect(occurred_on=7)),
            here(amended(area="x"), last(lambda made: made["effects"].update(sets=None))),
            here(amended(area="x"), last(lambda made: made["effects"]["was"].update(kind="x"))),
            here(amended(area="x"), last(lambda made: made["effects"]["was"].update(note="x"))),
            here(amended(tags=["x"]), last(lambda made: made["effects"]["sets"].update(tags=[7]))),
            here(merged("m3", "m1"), last(lambda made: made["effects"].update(fee=[]))),
            here(closed(YESTERDAY), last(lambda made: made["effects"].pop("through"))),
            here(
                amended_account("m1", joined_on=YESTERDAY),
                last(lambda made: made["effects"]["sets"].update(floor=0)),
            ),
        ),
    ),
    FormatRule(
        "F33",
        "an account is set as asked",
        "effects",
        here(
            record(
                "set_limits",
                {"account": "m3", "floor": -60},
                {"account": "m3", "sets": {"floor": -HOUR, "ceiling": "inherit"}},
            )
        ),
        more=(
            here(opened("m4"), last(lambda made: made["effects"]["sets"].update(floor=-HOUR))),
            here(opened("m4"), last(lambda made: made["effects"]["sets"].update(named=True))),
        ),
    ),
    FormatRule(
        "F34",
        "a limit that was not asked stays",
        "effects",
        here(
            record(
                "set_limits",
                {"account": "m2", "floor": -60},
                {"account": "m2", "sets": {"floor": -60, "ceiling": 30 * HOUR + 1}},
            )
        ),
    ),
    FormatRule(
        "F35",
        "inherited limits are left out",
        "canonical",
        here(opened("m4", floor="inherit")),
        more=(here(opened("m4", ceiling="inherit")),),
    ),
    FormatRule(
        "F36",
        "a floor, a ceiling or both",
        "canonical",
        here(
            record(
                "set_limits",
                {"account": "m3"},
                {"account": "m3", "sets": {"floor": "inherit", "ceiling": "inherit"}},
            )
        ),
    ),
    FormatRule("F37", "kinds of account", "canonical", here(opened("m4", kind="bank"))),
    FormatRule("F38", "an account is opened once", "effects", here(opened("m3"))),
    FormatRule(
        "F39",
        "from which status to which",
        "effects",
        here(status("thaw", "m3", "open")),
        more=(
            here(status("freeze", "m3", "frozen"), status("freeze", "m3", "frozen")),
            here(status("reopen", "m3", "open")),
            here(
                status("close_account", "m3", "closed"),
                record(
                    "set_limits",
                    {"account": "m3", "floor": -60},
                    {"account": "m3", "sets": {"floor": -60, "ceiling": "inherit"}},
                ),
            ),
            here(
                merged("m3", "m1"),
                record("rename", {"account": "m3"}, {"account": "m3", "sets": {"named": False}}),
            ),
            here(merged("m3", "m1"), status("reopen", "m3", "open")),
        ),
    ),
    FormatRule(
        "F40", "joining at most a year ahead", "clocks", here(opened("m4", joined_on="2027-03-04"))
    ),
    FormatRule(
        "F41", "no floor above the ceiling", "limits", here(opened("m4", floor=60, ceiling=59))
    ),
    FormatRule("F42", "closed at zero", "limits", here(forgeries.closed_with_a_balance)),
    FormatRule(
        "F43",
        "a fund in use is not closed",
        "effects",
        here(
            opened("pot", kind="fund"),
            adopts({"fee": {"fund": "pot", "share": "1/10"}}),
            status("close_account", "pot", "closed"),
        ),
    ),
    FormatRule(
        "F44",
        "sides sorted, an account once",
        "canonical",
        here(sides([["m3", 30], ["m1", 30]], [["m2", 60]])),
        more=(
            here(sides([["m1", 30], ["m1", 30]], [["m2", 60]])),
            here(sides([["m1", 60]], [["m3", 30], ["m2", 30]])),
        ),
    ),
    FormatRule(
        "F45", "1 to 1,000 accounts a side", "canonical", here(sides([], [])), more=(here(*_CROWD),)
    ),
    FormatRule(
        "F46", "seconds of more than zero", "canonical", here(sides([["m1", -60]], [["m2", -60]]))
    ),
    FormatRule(
        "F47",
        "both sides alike",
        "canonical",
        street(named("flagged", lambda made: made["request"].update(spenders=[["m2", 8401]]))),
    ),
    FormatRule(
        "F48", "two accounts at least", "canonical", here(sides([["m1", 60]], [["m1", 60]]))
    ),
    FormatRule("F49", "no transfer is a reversal", "canonical", here(transfer(kind="reversal"))),
    FormatRule(
        "F50",
        "labels",
        "canonical",
        here(transfer(category="care ")),
        more=(
            here(transfer(area="x" * 201)),
            here(transfer(tags=[""])),
            here(transfer(source=[["page", "x" * 201]])),
            here(transfer(source=" ")),
            here(transfer(kind="x" * 129)),
        ),
    ),
    FormatRule(
        "F51",
        "tags sorted, each once",
        "canonical",
        here(transfer(tags=["b", "a", "a"])),
        more=(
            here(transfer(tags=["a", "a"])),
            here(transfer(tags=[])),
            here(transfer(tags=[f"{n:02}" for n in range(51)])),
        ),
    ),
    FormatRule(
        "F52",
        "sources sorted, each name once",
        "canonical",
        here(transfer(source=[["page", "1"], ["page", "2"]])),
        more=(
            here(transfer(source=[["b", "1"], ["a", "1"]])),
            here(transfer(source=[])),
            here(transfer(source=[[f"{n:02}", "1"] for n in range(21)])),
        ),
    ),
    FormatRule("F53", "the word `unchecked`", "canonical", here(transfer(limits="checked"))),
    FormatRule(
        "F54", "the day of a transfer", "effects", here(with_effect(occurred_on="2026-03-01"))
    ),
    FormatRule("F55", "postings sum to zero", "zero-sum", here(forgeries.unbalanced)),
    FormatRule(
        "F56", "postings of accounts that are there", "effects", here(forgeries.unknown_account)
    ),
    FormatRule(
        "F57",
        "the statute in force is named",
        "statutes",
        here(with_effect(statute="default/9")),
        more=(here(merged("m3", "m1"), by("default/9")), here(closed(YESTERDAY), by("default/9"))),
    ),
    FormatRule(
        "F58",
        "postings as asked, in their order",
        "effects",
        here(forgeries.not_as_asked),
        more=(
            here(
                sides([["m1", 30], ["m3", 30]], [["m2", 60]]),
                last(lambda made: made["effects"]["postings"].sort(key=lambda line: line[1])),
            ),
            street(
                named(
                    "held",
                    lambda made: made["effects"]["lines"].__setitem__(
                        slice(1, 3), made["effects"]["lines"][2:0:-1]
                    ),
                )
            ),
        ),
    ),
    FormatRule("F59", "whole units", "effects", strict(test_audit_rules.no_whole_unit)),
    FormatRule("F60", "shares by largest remainder", "effects", street(_shared(128, 129, 643))),
    FormatRule(
        "F61",
        "who has no share is open too",
        "effects",
        here(
            *_SMALL_UNITS,
            status("freeze", "m5", "frozen"),
            transfer(earners=_FIVE, spenders=[["m2", 4]]),
            last(
                lambda made: made["effects"].update(
                    postings=[["m1", 1], ["m3", 1], ["m4", 1], ["m2", -3]]
                )
            ),
            by("x/1"),
        ),
    ),
    FormatRule(
        "F62",
        "how much the fee is",
        "effects",
        street(named("held", another_fee(["solidarity", 840], ["f1", -420], ["f2", -420]))),
    ),
    FormatRule(
        "F63",
        "who pays the fee",
        "effects",
        street(named("held", another_fee(["solidarity", 900], ["f1", -449], ["f2", -451]))),
    ),
    FormatRule("F64", "the largest exchange", "effects", strict(test_audit_rules.too_large)),
    FormatRule("F65", "days to record", "effects", strict(test_audit_rules.too_late)),
    FormatRule("F66", "floors", "limits", here(forgeries.below_floor)),
    FormatRule("F67", "ceilings", "limits", here(forgeries.above_ceiling)),
    FormatRule(
        "F68",
        "a soft limit within a hard one",
        "limits",
        here(
            opened("m4"),
            adopts({"limits": {"member": [{"beyond": "flag", "floor": -60}, {"floor": -HOUR}]}}),
            lambda forgery: forgery.transfer("m1", "m4", 61),
            by("x/1"),
        ),
    ),
    FormatRule(
        "F69",
        "months of membership",
        "limits",
        here(
            opened("m4", joined_on="2026-02-03"),
            adopts({"limits": {"member": [{"floor": -60}, {"floor": -HOUR, "from_month": 1}]}}),
            lambda forgery: forgery.transfer("m1", "m4", 61),
            by("x/1"),
        ),
    ),
    FormatRule(
        "F70",
        "only open accounts take part",
        "limits",
        here(forgeries.frozen),
        more=(
            here(forgeries.closed),
            here(merged("m3", "m1"), lambda forgery: forgery.transfer("m3", "m2", 60)),
        ),
    ),
    FormatRule(
        "F71",
        "who arranges is not closed",
        "limits",
        here(forgeries.via_closed),
        more=(
            here(
                opened("m4"),
                planned(DAY, via="m3"),
                merged("m3", "m4"),
                status("close_account", "m4", "closed"),
                settled(DAY),
            ),
        ),
    ),
    FormatRule(
        "F72", "the fields of flags", "canonical", street(test_audit_rules.unknown_fact_of_a_flag)
    ),
    FormatRule("F73", "flags of limits", "limits", here(with_effect(flags=[_FLAG]))),
    FormatRule(
        "F74",
        "flags of size and days",
        "effects",
        strict(test_audit_rules.flag_of_a_gift),
        more=(here(merged("m1", "m3", flags=[_TWO_FLAGS[1]])),),
    ),
    FormatRule(
        "F75",
        "the order of flags",
        "effects",
        here(
            adopts(
                {
                    "largest_exchange": {"beyond": "flag", "hours": 60},
                    "limits": {"member": [{"beyond": "flag", "floor": -60}]},
                }
            ),
            lambda forgery: forgery.transfer("m1", "m3", 61),
            by("x/1"),
            last(lambda made: made["effects"].update(flags=_TWO_FLAGS)),
        ),
    ),
    FormatRule(
        "F76",
        "no flag where nothing is checked",
        "effects",
        here(
            transfer(limits="unchecked"), last(lambda made: made["effects"].update(flags=[_FLAG]))
        ),
    ),
    FormatRule("F77", "what may be reversed", "reversals", here(forgeries.reversed_a_reversal)),
    FormatRule(
        "F78",
        "the day of a reversal",
        "reversals",
        here(
            reversal(["m1", -2400], ["m2", 2400]),
            last(lambda made: made["effects"].update(occurred_on="2026-03-01")),
        ),
        more=(
            here(on_day(YESTERDAY, id="x"), undone("x", DAY)),
            here(on_day(YESTERDAY, id="x"), closed(YESTERDAY), undone("x", "2026-03-03")),
            here(
                on_day(YESTERDAY, id="x"), closed(YESTERDAY), closed("2026-02-28"), undone("x", DAY)
            ),
        ),
    ),
    FormatRule(
        "F79",
        "no more than the original",
        "reversals",
        here(reversal(["m1", -2401], ["m2", 2401])),
        more=(
            here(*_BOTH, _both_undone(["m1", -90], ["m2", 91], ["m3", -1])),
            here(*_BOTH, merged("m3", "m1"), _both_undone(["m1", -91], ["m2", 91])),
            here(
                *_BOTH,
                _both_undone(["m1", -40], ["m3", -20], ["m2", 60], hours=60),
                merged("m3", "m1"),
                _both_undone(["m1", -31], ["m2", 31]),
            ),
        ),
    ),
    FormatRule(
        "F80", "the hours of a reversal", "reversals", here(reversal(["m1", -60], ["m2", 60]))
    ),
    FormatRule(
        "F81",
        "the fee that moves back",
        "reversals",
        street(named("undo-settlement", another_fee(["solidarity", -180], ["f1", 90], ["f2", 90]))),
    ),
    FormatRule(
        "F82",
        "what moves back is shared",
        "reversals",
        street(
            named(
                "undo-settlement",
                lambda made: made["effects"]["postings"].__setitem__(
                    slice(1, 3), [["f1", 901], ["f2", 899]]
                ),
            )
        ),
    ),
    FormatRule(
        "F83",
        "the order of what moves back",
        "reversals",
        here(reversal(["m2", 60], ["m1", -60], hours=60)),
        more=(
            here(*_BOTH, merged("m3", "m1"), _both_undone(["m1", -60], ["m1", -30], ["m2", 90])),
            street(named("undo-settlement", _another_payer)),
            street(named("undo-settlement", _another_end)),
        ),
    ),
    FormatRule("F84", "the lines of a hold", "effects", street(test_audit_rules.another_share)),
    FormatRule("F85", "what a hold reserves", "effects", street(test_audit_rules.reserves_less)),
    FormatRule(
        "F86",
        "how much holds may reserve",
        "effects",
        here(held(2**53 - 1, limits="unchecked"), held(2, limits="unchecked")),
    ),
    FormatRule("F87", "when a hold expires", "effects", here(held(expires_in=60, ends_in=61))),
    FormatRule("F88", "a hold lasts some time", "canonical", here(held(expires_in=0, ends_in=0))),
    FormatRule("F89", "limits of what is held", "limits", here(held(10 * HOUR))),
    FormatRule(
        "F90",
        "a hold is resolved once, while open",
        "holds",
        street(test_audit_rules.voided_after_its_end),
    ),
    FormatRule(
        "F91",
        "the day of a settlement",
        "effects",
        street(test_audit_rules.settled_on_another_day),
        more=(
            here(planned("2026-03-03"), settled("2026-03-03")),
            here(planned(YESTERDAY), settled(DAY)),
            here(planned(YESTERDAY), closed(YESTERDAY), settled("2026-03-03")),
            here(planned(YESTERDAY), settled(YESTERDAY, occurred_on=DAY)),
        ),
    ),
    FormatRule(
        "F92",
        "the hours of a settlement",
        "effects",
        strict(test_audit_rules.settled_no_whole_unit),
    ),
    FormatRule(
        "F93",
        "the fee of a settlement",
        "effects",
        street(oddities.with_fee(["solidarity", 480], ["f1", -239], ["f2", -241])),
        more=(street(named("settlement", _another_payer)),),
    ),
    FormatRule("F94", "more than was held", "effects", strict(test_audit_rules.settled_too_large)),
    FormatRule("F95", "the fields of a statute", "statutes", here(adopts({"flor": 1}))),
    FormatRule(
        "F96",
        "no default is spelled out",
        "statutes",
        here(adopts({"time_zone": "UTC"})),
        more=(
            here(adopts({"limits": {"member": [{"beyond": "refuse", "floor": -60}]}})),
            here(adopts({"limits": {"member": [{"floor": -60, "from_month": 0}]}})),
            here(adopts({"limits": {"member": [{"ceiling": None, "floor": -60}]}})),
            here(adopts({"fee": None})),
            here(adopts({"dues": []})),
        ),
    ),
    FormatRule(
        "F97",
        "the order of bands, dues, kinds",
        "statutes",
        here(adopts({"limits": {"member": [{"floor": -60, "from_month": 1}, {"floor": -30}]}})),
    ),
    FormatRule(
        "F98",
        "shares of a fee or demurrage",
        "statutes",
        here(opened("pot", kind="fund"), adopts({"fee": {"fund": "pot", "share": "2/20"}})),
    ),
    FormatRule(
        "F99",
        "bands of limits",
        "statutes",
        here(
            adopts(
                {
                    "limits": {
                        "member": [
                            {"from_month": month} if month else {"floor": -1} for month in range(25)
                        ]
                    }
                }
            )
        ),
    ),
    FormatRule(
        "F100",
        "two bands of one month",
        "statutes",
        here(adopts({"limits": {"member": [{"floor": -60}, {"beyond": "flag", "floor": -HOUR}]}})),
        more=(
            here(
                adopts({"limits": {"member": [{"beyond": "flag", "floor": -HOUR}, {"floor": -60}]}})
            ),
        ),
    ),
    FormatRule(
        "F101", "hours of a statute", "statutes", here(adopts({"granularity": {"unit": 0}}))
    ),
    FormatRule(
        "F102", "days of a statute", "statutes", here(adopts({"record_within": {"days": 36_501}}))
    ),
    FormatRule(
        "F103",
        "names of dues",
        "statutes",
        here(
            opened("pot", kind="fund"),
            adopts({"dues": [{"fund": "pot", "hours": 60, "name": "welcome"}]}),
        ),
    ),
    FormatRule("F104", "the version that is adopted", "statutes", here(adopts({}, adopts="x/2"))),
    FormatRule(
        "F105",
        "a version means the same",
        "statutes",
        here(adopts({}), adopts({"record_within": {"days": 1}})),
    ),
    FormatRule(
        "F106",
        "the library's own versions",
        "statutes",
        here(adopts({"version": "default/7"}, adopts="default/7")),
    ),
    FormatRule(
        "F107",
        "funds of a statute",
        "statutes",
        here(adopts({"fee": {"fund": "m1", "share": "1/10"}})),
    ),
    FormatRule("F108", "ids of what is due", "effects", lives(_LIES["a club of another name"])),
    FormatRule(
        "F109",
        "the statute that makes it due",
        "effects",
        lives(lifetimes.charged(_LAST, by="default/1")),
    ),
    FormatRule("F110", "whose it is due of", "effects", lives(_LIES["a card of a group"])),
    FormatRule(
        "F111",
        "the day of what is due",
        "effects",
        lives(named(_LAST, lambda made: made["effects"].update(occurred_on="2026-05-30"))),
        more=(
            lives(
                before(_is_last, closed("2026-05-31"), by("life/1"), last(_three_weeks_later)),
                named(_LAST, lambda made: made["effects"].update(occurred_on="2026-06-10")),
            ),
            lives(named(_LAST, lambda made: made["effects"].update(occurred_on="2026-06-11"))),
        ),
    ),
    FormatRule(
        "F112",
        "periods of the calendar",
        "effects",
        lives(_LIES["a club of a half-year that begins in spring"]),
    ),
    FormatRule(
        "F113",
        "who gives to whom",
        "effects",
        lives(named(_LAST, lambda made: made["effects"]["postings"].reverse())),
    ),
    FormatRule(
        "F114",
        "welcome credit",
        "effects",
        lives(_LIES["a welcome on another day"]),
        more=(lives(*_WELCOMED_AS_TWO, _welcomed_again),),
    ),
    FormatRule("F115", "when dues fall due", "effects", lives(_LIES["dues a day later"])),
    FormatRule("F116", "no period is charged twice", "effects", lives(_LIES["dues twice"])),
    FormatRule(
        "F117",
        "what is due once",
        "effects",
        lives(lambda forgery: lifetimes.again(forgery, "due:card:2026-03-31:m3", id="due:again")),
    ),
    FormatRule("F118", "how much dues are", "effects", lives(_LIES["dues of one second more"])),
    FormatRule(
        "F119",
        "when demurrage falls due",
        "effects",
        lives(_LIES["demurrage of a month that goes on"]),
    ),
    FormatRule(
        "F120",
        "what demurrage is taken of",
        "effects",
        lives(
            named(_LAST, lambda made: made["effects"].update(basis=made["effects"]["basis"] + 1))
        ),
    ),
    FormatRule(
        "F121", "how much demurrage is", "effects", lives(_LIES["demurrage of one second more"])
    ),
    FormatRule(
        "F122",
        "flags of what is due",
        "limits",
        of(lifetimes.lifetimes, _flags_last(lambda flags: flags.clear())),
    ),
    FormatRule(
        "F123",
        "delegates as asked",
        "effects",
        here(
            record(
                "name_delegate",
                {"account": "m1", "delegate": "x"},
                {"account": "m1", "delegate": "y", "of": 1, "until": None},
            )
        ),
    ),
    FormatRule(
        "F124",
        "delegates until a day",
        "effects",
        here(
            record(
                "name_delegate",
                {"account": "m1", "delegate": "x", "until": "2026-03-01"},
                {"account": "m1", "delegate": "x", "of": 1, "until": "2026-03-01"},
            )
        ),
    ),
    FormatRule(
        "F125",
        "somebody else's delegate",
        "effects",
        here(
            record(
                "name_delegate",
                {"account": "m1", "delegate": "m1"},
                {"account": "m1", "delegate": "m1", "of": 1, "until": None},
            )
        ),
    ),
    FormatRule(
        "F126", "a delegate is named once", "effects", lives(_LIES["a delegate named twice"])
    ),
    FormatRule(
        "F127",
        "an account's texts, or a record's",
        "effects",
        here(erased((1, "name"), record=1)),
        more=(
            here(forgeries.erasure_of_nobody),
            here(forgeries.erasure_of_another_record),
            here(
                transfer(id="x"),
                amended("x", area="north"),
                erased((4, "note"), (7, "reason")),
                last(_of_record(4)),
            ),
        ),
    ),
    FormatRule(
        "F128",
        "an account that was opened, and not merged",
        "effects",
        here(erased((1, "name"), account="m9")),
        more=(here(merged("m3", "m1"), erased((1, "name"), account="m3")),),
    ),
    FormatRule(
        "F129",
        "erased texts sorted, each once",
        "canonical",
        here(erased((1, "name"), (1, "name"))),
        more=(here(forgeries.erasure_out_of_order),),
    ),
    FormatRule(
        "F130",
        "which texts are erased",
        "effects",
        here(forgeries.text_erased_with_another_commitment),
    ),
    FormatRule(
        "F131",
        "the day of a restart",
        "clocks",
        restarts(last(lambda made: made["request"].update(today="2026-03-01"))),
    ),
    FormatRule("F132", "what a restart is for", "clocks", here(a_restart_for_nothing)),
    FormatRule(
        "F133",
        "the statute of a restart",
        "statutes",
        restarts(last(lambda made: made["effects"].update(statute="default/9"))),
    ),
    FormatRule(
        "F134",
        "the holds that a restart ends",
        "effects",
        restarts(last(lambda made: made["effects"].pop("ends"))),
    ),
    FormatRule(
        "F135",
        "books that a restart opens",
        "effects",
        restarts(before(_is_restart, closed("2027-01-01"))),
        more=(
            restarts(before(_is_restart, closed(DAY))),
            restarts(before(_is_restart, closed("2027-01-01")), last(_moves_books("2026-02-28"))),
            restarts(before(_is_restart, closed(YESTERDAY)), last(_moves_books(YESTERDAY))),
            restarts(last(_moves_books(YESTERDAY))),
        ),
    ),
    FormatRule(
        "F136",
        "which record is amended",
        "effects",
        here(amended(area="x"), last(_with_effect(amends=1))),
        more=(
            here(transfer(id="x"), amended("x", area="x"), last(_with_effect(amends=4))),
            here(amended(area="x"), last(lambda made: made["request"].update(operation="more"))),
            here(amended("undo", area="x")),
            here(transfer(id="x"), amended(area="x"), last(_with_effect(amends=6))),
            here(amended(area="x"), last(_with_effect(amends=6))),
            here(planned(DAY), settled(DAY), amended("settled", area="x"), _amends_settlement),
            lives(amended("due:card:2026-03-03:m2", area="x")),
        ),
    ),
    FormatRule(
        "F137",
        "which fields are amended",
        "canonical",
        here(amended()),
        more=(
            here(amended(), last(lambda made: made["request"].update(takes_away=[]))),
            here(_noted, amended("x", area="x", takes=["note", "area"])),
            here(_noted, amended("x", takes=["note", "category"])),
            here(_noted, amended("x", takes=["note", "note"])),
            here(_noted, amended("x", takes=["note"]), last(_takes("hours", "note"))),
        ),
    ),
    FormatRule(
        "F138",
        "what an exchange may become",
        "canonical",
        here(amended(category="")),
        more=(
            here(amended(area="x" * 201)),
            here(amended(tags=["b", "a"])),
            here(amended(tags=[])),
            here(amended(tags=[f"{n:02}" for n in range(51)])),
            here(amended(tags=["a "])),
            here(amended(**{"from": "24:00"})),
            here(amended(to="soon")),
        ),
    ),
    FormatRule(
        "F139",
        "an exchange becomes what was asked",
        "effects",
        here(amended(area="x"), last(_sets(area="y"))),
        more=(
            here(amended(area="x", to="09:00"), last(_sets(area=None))),
            here(amended(area="x"), last(_sets(area="x", to="09:00"))),
            here(amended(note="another"), last(_sets(note=4))),
            here(amended(takes=["note"]), last(_sets(note=6))),
            here(amended(tags=["a"]), last(_sets(tags=["b"]))),
        ),
    ),
    FormatRule(
        "F140",
        "what an exchange was before",
        "effects",
        here(amended(area="x"), last(_was(area="z"))),
        more=(
            here(amended(area="x"), amended(area="y"), last(_was(area=None))),
            here(
                amended(area="x"), amended(takes=["area"]), amended(area="y"), last(_was(area="x"))
            ),
            here(amended(note="another"), last(_was(note=None))),
            here(amended(note="another"), amended(takes=["note"]), last(_was(note=4))),
            here(
                planned(DAY),
                amended("held", area="x"),
                settled(DAY),
                amended("settled", area="y"),
                last(_was(area=None)),
            ),
        ),
    ),
    FormatRule(
        "F141",
        "something of an exchange is amended",
        "effects",
        here(transfer(id="x", area="x"), amended("x", area="x")),
        more=(
            here(amended(takes=["area", "to"])),
            here(amended(tags=["a"]), amended(tags=["a"])),
        ),
    ),
    FormatRule(
        "F142",
        "no exchange of closed books is amended",
        "effects",
        here(on_day(YESTERDAY, id="x"), closed(YESTERDAY), amended("x", area="x")),
        more=(
            here(
                planned(YESTERDAY),
                settled(YESTERDAY),
                closed(YESTERDAY),
                amended("held", to="09:00"),
            ),
            here(
                planned(YESTERDAY),
                settled(YESTERDAY),
                closed(YESTERDAY),
                amended("settled", area="x"),
            ),
            here(
                transfer(id="x"),
                undone("x", YESTERDAY, occurred_on=YESTERDAY),
                closed(YESTERDAY),
                amended("x", area="x"),
            ),
            here(
                planned(DAY),
                settled(DAY),
                undone("settled", YESTERDAY, occurred_on=YESTERDAY),
                closed(YESTERDAY),
                amended("held", area="x"),
            ),
        ),
    ),
    FormatRule(
        "F143",
        "which fields of an account are amended",
        "canonical",
        here(amended_account("m3")),
        more=(
            here(_joined, amended_account("m4", takes=["joined_on", "joined_on"])),
            here(_joined, amended_account("m4", takes=["joined_on"], joined_on=DAY)),
            here(_joined, amended_account("m4", takes=["joined_on"]), last(_takes("kind"))),
            here(amended_account("m3", kind="bank")),
        ),
    ),
    FormatRule(
        "F144",
        "an account becomes what was asked",
        "effects",
        here(amended_account("m3", joined_on=DAY), last(_sets(joined_on=YESTERDAY))),
        more=(
            here(amended_account("m3", joined_on=DAY), last(_sets(joined_on=DAY, kind="group"))),
            here(amended_account("m3", joined_on=DAY), last(_was(joined_on=YESTERDAY))),
            here(
                amended_account("m3", joined_on=DAY),
                amended_account("m3", joined_on=YESTERDAY),
                last(_was(joined_on=None)),
            ),
            here(amended_account("m3", kind="member")),
            here(amended_account("m3", takes=["joined_on"])),
            here(_joined, amended_account("m4", joined_on=DAY, kind="member")),
            here(
                amended_account("m3", kind="group"),
                last(lambda made: made["effects"].update(account="m2")),
            ),
        ),
    ),
    FormatRule(
        "F145",
        "kinds that an account may become",
        "effects",
        here(amended_account("m3", kind="fund")),
        more=(
            here(opened("pot", kind="fund"), amended_account("pot", kind="group")),
            here(opened("pot", kind="clearing"), amended_account("pot", kind="issuance")),
        ),
    ),
    FormatRule(
        "F146",
        "a fund in use is nobody's own",
        "effects",
        here(*_POT, amended_account("pot", kind="group")),
        more=(here(*_POT, amended_account("pot", kind="member")),),
    ),
    FormatRule(
        "F147",
        "which accounts are amended, and until when",
        "effects",
        here(amended_account("m9", joined_on=DAY)),
        more=(
            here(merged("m3", "m1"), amended_account("m3", joined_on=DAY)),
            here(amended_account("m3", joined_on="2027-03-04")),
        ),
    ),
    FormatRule(
        "F148",
        "books are closed as asked",
        "effects",
        here(closed(YESTERDAY), last(_with_effect(through="2026-02-28"))),
        more=(
            here(closed(YESTERDAY), closed(YESTERDAY)),
            here(closed(None)),
            here(closed(YESTERDAY), closed(None), last(_with_effect(through="2026-02-28"))),
        ),
    ),
    FormatRule(
        "F149",
        "only a day that is over is closed",
        "effects",
        here(closed(DAY)),
        more=(here(closed("2027-01-01")),),
    ),
    FormatRule(
        "F150",
        "who is merged into whom",
        "effects",
        here(merged("m3", "m1"), last(lambda made: made["request"].update(into="m2"))),
        more=(
            here(merged("m3", "m1"), last(lambda made: made["request"].update(account="m2"))),
            here(merged("m3", "m3")),
            here(merged("m3", "m9")),
            here(merged("m9", "m3")),
            here(merged("m3", "m1", of=2)),
            here(merged("m3", "m1", of=4)),
        ),
    ),
    FormatRule(
        "F151",
        "kinds that are merged",
        "effects",
        here(opened("g", kind="group"), merged("m3", "g")),
        more=(
            here(opened("c", kind="clearing"), opened("d", kind="clearing"), merged("c", "d")),
            here(*_POT, opened("g", kind="organisation"), merged("pot", "g"), by("x/1")),
            here(*_POT, opened("g", kind="organisation"), merged("g", "pot"), by("x/1")),
            here(
                *_POT,
                opened("g", kind="organisation"),
                adopts({"version": "x/2"}, adopts="x/2"),
                merged("pot", "g"),
                by("x/2"),
            ),
        ),
    ),
    FormatRule(
        "F152",
        "in which status accounts are merged",
        "effects",
        here(status("freeze", "m1", "frozen"), merged("m3", "m1")),
        more=(
            here(status("close_account", "m3", "closed"), merged("m1", "m3")),
            here(opened("m4"), merged("m3", "m1"), merged("m4", "m3")),
            here(opened("m4"), merged("m3", "m1"), merged("m3", "m4")),
            here(opened("m4"), merged("m3", "m4"), merged("m4", "m3")),
        ),
    ),
    FormatRule(
        "F153",
        "nothing is held of who is merged",
        "limits",
        here(held(), merged("m1", "m3")),
        more=(here(held(), merged("m2", "m3")),),
    ),
    FormatRule(
        "F154",
        "the day of a merge",
        "effects",
        here(merged("m1", "m3", occurred_on=YESTERDAY)),
        more=(here(merged("m1", "m3", occurred_on="2026-03-03")),),
    ),
    FormatRule(
        "F155",
        "what a merge moves",
        "effects",
        here(merged("m1", "m3"), last(lambda made: made["effects"]["postings"].reverse())),
        more=(
            here(merged("m2", "m3"), last(lambda made: made["effects"]["postings"].reverse())),
            here(merged("m1", "m3", postings=[["m2", 2400], ["m1", -2400]])),
            here(merged("m1", "m3", postings=[["m3", 1200], ["m3", 1200], ["m1", -2400]])),
        ),
    ),
    FormatRule(
        "F156",
        "the day of joining after a merge",
        "effects",
        here(opened("m4", joined_on=YESTERDAY), merged("m4", "m1")),
        more=(
            here(opened("m4", joined_on=YESTERDAY), merged("m1", "m4", joined_on=YESTERDAY)),
            here(merged("m3", "m1", joined_on=DAY)),
            here(opened("m4", joined_on="2026-03-03"), merged("m4", "m1", joined_on="2026-03-03")),
            here(
                opened("m4", joined_on=YESTERDAY),
                opened("m5", joined_on=DAY),
                merged("m4", "m5"),
            ),
            here(
                opened("m4", joined_on=YESTERDAY),
                opened("m5", joined_on=DAY),
                merged("m5", "m4", joined_on=DAY),
            ),
        ),
    ),
    FormatRule(
        "F157",
        "flags of a merge",
        "limits",
        here(opened("m4", ceiling=60), merged("m1", "m4")),
        more=(
            here(opened("m4", floor=-60), merged("m2", "m4")),
            here(merged("m1", "m3", flags=[_FLAG])),
            here(
                opened("m4", ceiling=60),
                merged("m1", "m4", flags=[_ABOVE | {"available": 0}]),
            ),
        ),
    ),
    FormatRule(
        "F158",
        "which head was lost",
        "canonical",
        here(lost(0, "ab" * 32)),
        more=(
            here(lost(7, "AB" * 32)),
            here(lost(7, "ab")),
            here(lost(7, "ab" * 32, lost=[7])),
        ),
    ),
    FormatRule(
        "F159",
        "what is there was not lost",
        "effects",
        here(lost_and_there),
        more=(here(lost(7, "ab" * 32, lost=[8, "ab" * 32])),),
    ),
)
#: In the order of the page. What is between two banks is another way to break some of the first.
RULES: Final[tuple[FormatRule, ...]] = (
    *(
        attrs.evolve(rule, more=(*rule.more, *crossed_rules.ALSO.get(rule.number, ())))
        for rule in _ONE_BANK
    ),
    *crossed_rules.RULES,
    *cheque_rules.RULES,
)


def page() -> str:
    """The page with the table."""
    head = """# The rules of the format, and what finds a breach

Each rule of the [journal's format](journal-format.md) with the check of the [audit](auditing.md)
that tells where a record breaks it. A test forges a journal for each, whose digests and derived
rows are made anew, and looks; the table is made from that test.

| rule | what it is about | check |
| --- | --- | --- |
"""
    rows = [
        f"| {rule.number} | {rule.words} | {', '.join(f'`{one}`' for one in sorted(rule.checks))} |"
        for rule in RULES
    ]
    return head + "\n".join(rows) + "\n"


if __name__ == "__main__":
    PATH.write_text(page(), "utf-8")
