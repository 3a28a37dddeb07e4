"""The audit on holds, statutes, units, fees and flags: forged journals, one lie in each."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import timebank
from audit.forgeries import JSON, Forgery, audit_of, found
from support import BEGINNING, fill, fill_with_rules, sources
from timebank import AuditReport
from timebank.model import HoldRow, RecordRow, StatuteRow
from timebank.storage.protocol import Batch, Reader


def forged() -> Forgery:
    """The neighbourhood with its rules; the records are found by the ids of their operations."""
    bank = timebank.open("memory:", **sources())
    fill(bank)
    fill_with_rules(bank)
    with bank.store.reader("main") as reader:
        records = [json.loads(row.body) for row in reader.records(after=0, limit=100)]
        return Forgery(records, reader.texts(after=0, through=100))


@pytest.fixture(scope="module")
def sound() -> Forgery:
    """A journal in which nothing is wrong."""
    return forged()


@pytest.fixture
def forgery(sound: Forgery) -> Forgery:
    """A copy to lie in."""
    return copy.deepcopy(sound)


def named(forgery: Forgery, id: str) -> JSON:
    """The record of an operation."""
    return next(record for record in forgery.records if record["request"].get("id") == id)


def effects(forgery: Forgery, id: str) -> JSON:
    """What the record of an operation comes to."""
    made: JSON = named(forgery, id)["effects"]
    return made


def adoption(forgery: Forgery) -> JSON:
    """The record that adopted the statute."""
    return next(record for record in forgery.records if record["kind"] == "adopt")


def test_the_sound_journal_is_clean(sound: Forgery) -> None:
    """And its flags are notes."""
    report = sound.audited()
    assert () == report.findings
    assert ["account 'm2' moves 2:45, though its floor -1:00 left 1:00"] == [
        note.text for note in report.notes
    ]


# -- one lie each ------------------------------------------------------------------------------


def less_fee(forgery: Forgery) -> None:
    made = effects(forgery, "flagged")
    assert [["solidarity", 900], ["m2", -900]] == made["fee"]
    made["fee"] = [["solidarity", 840], ["m2", -840]]
    made["postings"][-2:] = made["fee"]


def no_fee(forgery: Forgery) -> None:
    made = effects(forgery, "flagged")
    del made["postings"][-2:], made["fee"]


def fee_to_another(forgery: Forgery) -> None:
    made = effects(forgery, "flagged")
    made["fee"][0][0] = made["postings"][-2][0] = "f2"


def fee_not_in_the_postings(forgery: Forgery) -> None:
    effects(forgery, "flagged")["fee"] = [["solidarity", 60], ["m2", -60]]


def fee_where_there_is_none(forgery: Forgery) -> None:
    made = effects(forgery, "visit-81")
    made["fee"] = [["solidarity", 60], ["f1", -60]]
    made["postings"] += made["fee"]


def unfair_fee(forgery: Forgery) -> None:
    made = effects(forgery, "held")
    fund, one, two = made["fee"]
    assert one[1] == two[1] == -450
    made["fee"] = [fund, ["f1", -900]]
    made["lines"] = [*made["lines"][:-3], *made["fee"]]
    made["reserves"] = [
        ["f1", 4500 + 900, 0],
        ["f2", 4500, 0],
        ["m1", 0, 9000],
        ["solidarity", 0, 900],
    ]


def not_rounded(forgery: Forgery) -> None:
    made = effects(forgery, "flagged")
    made["postings"][0][1], made["postings"][1][1] = 8400, -8400


def rounded_down(forgery: Forgery) -> None:
    made = effects(forgery, "flagged")
    made["postings"][0][1], made["postings"][1][1] = 8100, -8100


def another_earner(forgery: Forgery) -> None:
    effects(forgery, "flagged")["postings"][0][0] = "f2"


def another_share(forgery: Forgery) -> None:
    made = effects(forgery, "held")
    made["lines"][1][1], made["lines"][2][1] = -4499, -4501
    made["reserves"][0][1], made["reserves"][1][1] = 4499 + 450, 4501 + 450


def reserves_less(forgery: Forgery) -> None:
    effects(forgery, "held")["reserves"][0][1] -= 1


def settled_otherwise(forgery: Forgery) -> None:
    named(forgery, "settlement")["request"]["hours"] = 4501


def settled_other_shares(forgery: Forgery) -> None:
    made = effects(forgery, "settlement")
    made["postings"][1][1] += 2
    made["postings"][2][1] -= 2


def settled_without_fee(forgery: Forgery) -> None:
    made = effects(forgery, "settlement")
    del made["postings"][-len(made.pop("fee")) :]


def settled_on_another_day(forgery: Forgery) -> None:
    named(forgery, "settlement")["request"]["occurred_on"] = "2026-03-01"


def settled_twice(forgery: Forgery) -> None:
    again = copy.deepcopy(named(forgery, "settlement"))
    again["request"]["id"] = "again"
    forgery.add("settle", again["request"], again["effects"])


def voided_after_it_was_settled(forgery: Forgery) -> None:
    hold = effects(forgery, "settlement")["resolves"]
    forgery.add("void", {"id": "late", "hold": "settled"}, {"resolves": hold})


def voided_after_its_end(forgery: Forgery) -> None:
    held = named(forgery, "held")
    held["effects"]["expires_at"] = held["recorded_at"] + 60
    held["request"]["expires_in"] = 60
    forgery.add("void", {"id": "late", "hold": "held"}, {"resolves": held["sequence"]})


def voids_another(forgery: Forgery) -> None:
    named(forgery, "voiding")["request"]["hold"] = "held"


def voids_a_transfer(forgery: Forgery) -> None:
    made = named(forgery, "flagged")
    forgery.add("void", {"id": "late", "hold": "flagged"}, {"resolves": made["sequence"]})


def held_beyond_a_limit(forgery: Forgery) -> None:
    """The family may owe thirty hours, and somebody holds ten times as much."""
    seconds = 300 * 3600
    fee = [["solidarity", seconds // 10], ["f1", -seconds // 10]]
    request: JSON = {"id": "much", "kind": "exchange"}
    request |= {"earners": [["solidarity", seconds]], "spenders": [["f1", seconds]]}
    made: JSON = {"fee": fee, "statute": "via-roma/1"}
    made["lines"] = [["solidarity", seconds], ["f1", -seconds], *fee]
    made["reserves"] = [["f1", seconds * 11 // 10, 0], ["solidarity", 0, seconds * 11 // 10]]
    forgery.add("hold", request, made)


def spends_what_is_held(forgery: Forgery) -> None:
    """f2 stays above its floor, but for what is held of it."""
    lines = [line for record in forgery.records for line in record["effects"].get("postings", ())]
    room = 30 * 3600 + sum(seconds for id, seconds in lines if id == "f2")
    assert room > 60
    request: JSON = {"id": "more", "kind": "dues"}
    request |= {"earners": [["solidarity", room - 60]], "spenders": [["f2", room - 60]]}
    made: JSON = {"occurred_on": "2026-03-02", "statute": "via-roma/1"}
    made["postings"] = [["solidarity", room - 60], ["f2", 60 - room]]
    forgery.add("transfer", request, made)


def flag_taken_away(forgery: Forgery) -> None:
    del effects(forgery, "flagged")["flags"]


def flag_for_nothing(forgery: Forgery) -> None:
    flag = copy.deepcopy(effects(forgery, "flagged")["flags"][0])
    effects(forgery, "visit-81")["flags"] = [flag | {"account": "f1"}]


def flag_of_size_for_nothing(forgery: Forgery) -> None:
    flag = {"rule": "largest exchange", "limit": 60, "needed": 9900}
    effects(forgery, "flagged")["flags"].append(flag)


def names_another_statute(forgery: Forgery) -> None:
    effects(forgery, "flagged")["statute"] = "default/1"


def adopts_what_it_does_not_say(forgery: Forgery) -> None:
    adoption(forgery)["effects"]["adopts"] = "via-roma/2"
    for record in forgery.records[adoption(forgery)["sequence"] :]:
        if "statute" in record["effects"]:
            record["effects"]["statute"] = "via-roma/1"


def same_version_other_rules(forgery: Forgery) -> None:
    request = copy.deepcopy(adoption(forgery)["request"])
    request["statute"]["limits"]["member"][0]["floor"] = -7200
    forgery.add("adopt", request, {"adopts": "via-roma/1"})


def another_default(forgery: Forgery) -> None:
    forgery.add("adopt", {"statute": {"version": "default/1"}}, {"adopts": "default/1"})


def a_default_of_its_own(forgery: Forgery) -> None:
    forgery.add("adopt", {"statute": {"version": "default/7"}}, {"adopts": "default/7"})


def no_statute(forgery: Forgery) -> None:
    forgery.add("adopt", {"statute": {"version": "x", "flor": 1}}, {"adopts": "x"})


def reserves_no_triples(forgery: Forgery) -> None:
    effects(forgery, "held")["reserves"][0] = ["f1", 1]


def flags_no_objects(forgery: Forgery) -> None:
    effects(forgery, "flagged")["flags"] = ["floor"]


def unknown_fact_of_a_flag(forgery: Forgery) -> None:
    effects(forgery, "flagged")["flags"][0]["colour"] = "red"


def reserves_of_nobody(forgery: Forgery) -> None:
    made = copy.deepcopy(named(forgery, "held"))
    made["request"] |= {"id": "odd", "limits": "unchecked", "kind": "dues"}
    del made["request"]["note"]
    made["effects"]["reserves"] = []
    forgery.add("hold", made["request"], made["effects"])


Lie = Callable[[Forgery], None]
LIES: list[tuple[Lie, set[str]]] = [
    (less_fee, {"effects"}),
    (no_fee, {"effects"}),
    (fee_to_another, {"effects"}),
    (fee_not_in_the_postings, {"effects"}),
    (fee_where_there_is_none, {"effects"}),
    (unfair_fee, {"effects"}),
    (not_rounded, {"effects"}),
    (rounded_down, {"effects"}),
    (another_earner, {"effects"}),
    (another_share, {"effects"}),
    (reserves_less, {"effects"}),
    (settled_otherwise, {"effects"}),
    (settled_other_shares, {"effects"}),
    (settled_without_fee, {"effects"}),
    (settled_on_another_day, {"effects"}),
    (settled_twice, {"holds"}),
    (voided_after_it_was_settled, {"holds"}),
    (voided_after_its_end, {"holds"}),
    (voids_another, {"holds"}),
    (voids_a_transfer, {"holds"}),
    (held_beyond_a_limit, {"limits"}),
    (spends_what_is_held, {"limits"}),
    (flag_taken_away, {"limits"}),
    (flag_for_nothing, {"limits"}),
    (flag_of_size_for_nothing, {"effects"}),
    (names_another_statute, {"statutes"}),
    (adopts_what_it_does_not_say, {"statutes"}),
    (same_version_other_rules, {"statutes"}),
    (another_default, {"statutes"}),
    (a_default_of_its_own, {"statutes"}),
    (no_statute, {"statutes"}),
    (reserves_no_triples, {"canonical"}),
    (flags_no_objects, {"canonical"}),
    (unknown_fact_of_a_flag, {"canonical"}),
    (reserves_of_nobody, {"effects"}),
]
#: What is told besides, for one lie leads to another.
BESIDES = {"effects", "reversals", "limits"}


@pytest.mark.parametrize(("lie", "checks"), LIES, ids=lambda case: getattr(case, "__name__", ""))
def test_a_lie_is_found(forgery: Forgery, lie: Lie, checks: set[str]) -> None:
    """By the check whose promise it breaks; no other check speaks, but for consequences."""
    lie(forgery)
    told = found(forgery.audited())
    assert checks <= told
    assert told - checks <= BESIDES | ({"derived"} if checks == {"canonical"} else set())


@pytest.mark.parametrize(
    "change",
    [
        lambda batch: batch.holds.pop(),
        lambda batch: batch.holds.append(HoldRow("m2", 9, 3, 1, 0)),
        lambda batch: batch.holds.append(batch.holds.pop()._replace(held=7)),
        lambda batch: batch.holds.append(batch.holds.pop()._replace(expires_at=1)),
        lambda batch: batch.statutes.pop(),
        lambda batch: batch.statutes.append(StatuteRow(2, "mine")),
        lambda batch: batch.statutes.append(batch.statutes.pop()._replace(version="other")),
    ],
)
def test_derived_rows_that_lie_are_found(sound: Forgery, change: Callable[[Batch], Any]) -> None:
    """Missing, added, changed: a rebuild mends each."""
    batch = sound.batch()
    assert 4 == len(batch.holds)
    assert 1 == len(batch.statutes)
    change(batch)
    assert {"derived"} == found(audit_of(batch))


@given(st.data())
def test_whatever_a_record_says_is_audited(data: st.DataObject) -> None:
    """A value anywhere in a record replaced by another: a report, and never an error."""
    forgery = copy.deepcopy(_SOUND)
    sequence = data.draw(st.integers(17, len(forgery.records))) - 1
    record = forgery.records[sequence]
    path = data.draw(st.sampled_from(list(_paths(record))))
    place: Any = record
    for step in path[:-1]:
        place = place[step]
    other: st.SearchStrategy[Any] = st.sampled_from(
        [None, 0, -1, 2**53, "", "m1", "via-roma/1", [], {}, [["m1", 1]], True]
    )
    place[path[-1]] = data.draw(other)
    report = audit_of(_rows(forgery))
    assert isinstance(report, AuditReport)


_SOUND = forged()


def _paths(value: Any, so_far: tuple[Any, ...] = ()) -> Any:
    """The ways to every value in a record."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for step, inner in items:
        yield (*so_far, step)
        if isinstance(inner, dict | list):
            yield from _paths(inner, (*so_far, step))


def _rows(forgery: Forgery) -> Batch:
    """The rows of the sound journal, with the records of the forged one."""
    batch = _SOUND.batch()
    try:
        lied = forgery.batch()
    except (ValueError, TypeError, KeyError, AttributeError):
        return batch
    batch.records = [
        RecordRow(row.sequence, row.digest, row.body, row.kind, old.id, old.refers_to)
        for row, old in zip(lied.records, batch.records, strict=True)
    ]
    return batch


def test_the_notes_are_counted_where_there_are_many() -> None:
    """A hundred are kept, and the last says how many more there are."""
    bank = timebank.open("memory:", **sources())
    bank.adopt(
        timebank.Statute(version="v1", limits={"member": timebank.Band(floor=0, beyond="flag")})
    )
    bank.open_account("a")
    bank.open_account("b")
    with bank.batch() as batch:
        for _ in range(103):
            batch.transfer(earner="a", spender="b", hours=1)
    report = bank.audit()
    assert report.ok
    assert (101, "3 more") == (len(report.notes), report.notes[-1].text)


def test_a_statute_in_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many adoptions and many holds are compared page by page."""
    bank = timebank.open("memory:", **sources())
    bank.open_account("a", floor=None)
    bank.open_account("b", floor=None)
    with bank.batch() as batch:
        for number in range(60):
            batch.adopt(timebank.Statute(version=f"v{number}"))
            batch.hold(earner="a", spender="b", hours="1s")
    monkeypatch.setattr("timebank.audit.derived.PAGE", 7)
    monkeypatch.setattr("timebank.queries.records.PAGE", 7)
    assert bank.audit().ok
    assert "v3" == bank.statute("v3").version
    assert 60 == len(list(bank.statutes()))
    assert 60 == len(list(bank.holds(account="a")))
    assert timebank.Hours("1m") == bank.balance("b").held


class _Broken:
    """A reader whose derived rows cannot be read."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def __getattr__(self, name: str) -> Any:
        if name in {"holds", "statutes"}:
            return self._fail
        return getattr(self._reader, name)

    def _fail(self, **named: Any) -> Any:
        msg = "a row cannot be"
        raise timebank.Corrupt(msg)


def test_rows_that_cannot_be_read_are_a_finding() -> None:
    """And the rest is audited all the same."""
    bank = timebank.open("memory:", **sources())
    bank.open_account("a")
    with bank.store.reader("main") as reader:
        broken: Any = _Broken(reader)
        report = timebank.audit.audit(broken)
    assert [("derived", "open holds"), ("derived", "statutes")] == [
        (finding.check, finding.place) for finding in report.findings
    ]


# -- size, day and whole units -------------------------------------------------------------------


def strictly() -> Forgery:
    """A bank of whole quarters, two hours at most, within three days; and a hold settled in it."""
    bank = timebank.open("memory:", **sources())
    for id in ("m1", "m2"):
        bank.open_account(id)
    bank.adopt(
        timebank.Statute(
            version="strict",
            granularity=timebank.Granularity(unit="0:15"),
            largest_exchange=timebank.LargestExchange(hours=2),
            record_within=timebank.RecordWithin(days=3),
        )
    )
    bank.transfer(earner="m1", spender="m2", hours=2, id="flagged")
    bank.hold(earner="m1", spender="m2", hours=1, id="held")
    bank.settle("held", hours="0:45", id="settlement", occurred_on=BEGINNING.date())
    bank.transfer(earner="m1", spender="m2", hours="0:01", kind="gift", id="gift")
    with bank.store.reader("main") as reader:
        records = [json.loads(row.body) for row in reader.records(after=0, limit=100)]
        return Forgery(records, [])


@pytest.fixture
def strict() -> Forgery:
    """Such a bank's journal, to lie in."""
    return strictly()


def resized(record: JSON, seconds: int) -> None:
    """Another quantity, asked and moved alike."""
    for side in ("earners", "spenders"):
        record["request"][side][0][1] = seconds
    record["effects"]["postings"] = [["m1", seconds], ["m2", -seconds]]


def too_large(forgery: Forgery) -> None:
    resized(named(forgery, "flagged"), 7200 + 900)


def no_whole_unit(forgery: Forgery) -> None:
    resized(named(forgery, "flagged"), 901)


def too_late(forgery: Forgery) -> None:
    made = named(forgery, "flagged")
    made["request"]["occurred_on"] = made["effects"]["occurred_on"] = "2026-02-20"


def settled_too_late(forgery: Forgery) -> None:
    made = named(forgery, "settlement")
    made["request"]["occurred_on"] = made["effects"]["occurred_on"] = "2026-02-20"


def settled_too_large(forgery: Forgery) -> None:
    made = named(forgery, "settlement")
    made["request"]["hours"] = 9000
    made["effects"]["postings"] = [["m1", 9000], ["m2", -9000]]


def settled_no_whole_unit(forgery: Forgery) -> None:
    made = named(forgery, "settlement")
    made["request"]["hours"] = 901
    made["effects"]["postings"] = [["m1", 901], ["m2", -901]]


def settled_with_a_fee(forgery: Forgery) -> None:
    made = effects(forgery, "settlement")
    made["fee"] = [["m1", 60], ["m2", -60]]
    made["postings"] += made["fee"]


def fee_under_no_rule(forgery: Forgery) -> None:
    made = effects(forgery, "flagged")
    made["fee"] = [["m1", 60], ["m2", -60]]
    made["postings"] += made["fee"]


def flag_of_a_gift(forgery: Forgery) -> None:
    flag = {"rule": "days to record", "days": 3, "occurred_on": "2026-03-02"}
    effects(forgery, "gift")["flags"] = [flag]


def hold_under_another_statute(forgery: Forgery) -> None:
    effects(forgery, "held")["statute"] = "nobody's"


STRICT: list[tuple[Lie, set[str]]] = [
    (too_large, {"effects"}),
    (no_whole_unit, {"effects"}),
    (too_late, {"effects"}),
    (settled_too_late, {"effects"}),
    (settled_too_large, {"effects"}),
    (settled_no_whole_unit, {"effects"}),
    (settled_with_a_fee, {"effects"}),
    (fee_under_no_rule, {"effects"}),
    (flag_of_a_gift, {"effects"}),
    (hold_under_another_statute, {"statutes"}),
]


def test_the_strict_journal_is_clean(strict: Forgery) -> None:
    """What the tests below change was right before."""
    assert () == strict.audited().findings


@pytest.mark.parametrize(("lie", "checks"), STRICT, ids=lambda case: getattr(case, "__name__", ""))
def test_a_lie_about_size_day_or_unit_is_found(strict: Forgery, lie: Lie, checks: set[str]) -> None:
    """By the check whose promise it breaks, and no other."""
    lie(strict)
    assert checks == found(strict.audited())
