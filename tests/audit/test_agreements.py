"""What is between two banks: an audit says the same from anywhere, and nothing of what is right."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import timedelta

import pytest

from audit import crossed_rules
from audit.corrected import closed
from audit.crossed import (
    ACCOUNT,
    OURS,
    THEIRS,
    Change,
    again,
    asked,
    at,
    earning,
    effects,
    message,
    spending,
    suspended,
    until,
)
from audit.crossed_rules import (
    BOOKED,
    HOUR,
    LATE,
    LOST,
    frozen,
    moved,
)
from audit.forgeries import JSON, Forgery
from audit.format_rule import FormatRule, honest, report_of
from audit.test_audit_stretches import Here, same
from timebank.audit import audit
from timebank.audit.crossings import account_with, id_shared, offer_made_by
from timebank.journal.offers import offer_body
from timebank.model.agreements import account_of, shared_id
from timebank.storage import open_store
from timebank.storage.protocol import Store


def stored(forgery: Forgery) -> Store:
    """A journal in a store of its own."""
    store = open_store("memory:", create=True)
    store.make_bank("main", journal=OURS)
    with store.writer("main") as writer:
        writer.append(forgery.batch(readable_only=True))
    return store


@pytest.mark.parametrize("made", [spending, earning])
def test_wherever_the_audit_begins_it_says_the_same(made: Callable[[], Forgery]) -> None:
    """In stretches that end at any record, and from a checkpoint at any record."""
    forgery = honest(made)
    with stored(forgery).reader("main") as reader:
        whole = audit(reader)
        assert whole.ok
        number = len(forgery.records)
        for cuts in [*([cut] for cut in range(number)), range(number), range(0, number, 5)]:
            here = Here(cuts)
            same(whole, audit(reader, workers=here))
            assert here.taken
    for end in range(1, number):
        part = Forgery(forgery.records[:end], [row for row in forgery.texts if row[0] <= end])
        with stored(part).reader("main") as reader:
            since = audit(reader).checkpoint
        with stored(forgery).reader("main") as reader:
            gone_on = audit(reader, since=since)
            assert (True, whole.checkpoint and whole.checkpoint.to_bytes()) == (
                gone_on.ok,
                gone_on.checkpoint and gone_on.checkpoint.to_bytes(),
            )


@pytest.mark.parametrize("rule", crossed_rules.RULES, ids=lambda rule: rule.number)
def test_a_forgery_is_told_in_the_same_words_by_stretches(
    rule: FormatRule, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever the journal is cut."""
    kept: list[Forgery] = []
    monkeypatch.setattr(Forgery, "batch", _keeping(kept))
    rule.forged()
    monkeypatch.undo()
    with stored(kept[0]).reader("main") as reader:
        whole = audit(reader)
        assert not whole.ok
        number = len(kept[0].records)
        for cut in (6, number // 2, number - 1):
            assert whole == audit(reader, workers=Here([cut]))


def _keeping(kept: list[Forgery]) -> Callable[..., object]:
    batch = Forgery.batch

    def keep(forgery: Forgery, **how: bool) -> object:
        kept.append(copy.deepcopy(forgery))
        return batch(forgery, **how)

    return keep


# -- what is just right ------------------------------------------------------------------------


def _closed_until_then(day: str) -> Change:
    """Books are closed through a day; of the statute that is in force."""

    def change(forgery: Forgery) -> None:
        closed(day)(forgery)
        forgery.records[-1]["effects"]["statute"] = "x/1"

    return change


def _settled_again(**more: object) -> Change:
    """The offer x9 is settled, as its answer says."""

    def change(forgery: Forgery) -> None:
        held = next(one for one in forgery.records if one["request"].get("id") == "x9")
        body: JSON = {
            "format": "timebank-peers/1",
            "kind": "answer",
            "from": THEIRS,
            "to": OURS,
            "record": 99,
            "offer": {"body": offer_made_by(held)},
            "accepted": True,
            "terms": [None, 0],
            "occurred_on": "2026-03-01",
        }
        request = {"id": shared_id(OURS, "x9"), "hold": "x9", "answer": {"body": body}}
        told = {
            "occurred_on": "2026-03-01",
            "postings": held["effects"]["lines"],
            "fee": held["effects"]["fee"],
            "resolves": held["sequence"],
            "statute": "x/1",
            **more,
        }
        forgery.add("settle", request, told)

    return change


def _refused_before(forgery: Forgery) -> None:
    """The offer that is brought in was refused, after its acceptance was forgotten."""
    lost = forgery.records.pop()
    request, made = lost["request"], lost["effects"]
    refusal = {"id": shared_id(THEIRS, "gone"), "code": "answered_too_late"}
    signed = request["answer"]["body"]["offer"]
    forgery.add("refuse", refusal | {"offer": signed}, {"terms": made["terms"]})
    forgery.add("transfer", request, made)


def _frozen_before(forgery: Forgery) -> None:
    """One of those who spend was frozen while the offer was under way."""
    late = forgery.records.pop()
    frozen("m2")(forgery)
    forgery.add("transfer", late["request"], late["effects"])


HONEST: dict[str, tuple[Callable[[], Forgery], tuple[Change, ...]]] = {
    "booked at the last instant": (earning, (until(BOOKED, at(timedelta(0))),)),
    "all that is left is moved back": (earning, (until("r1", moved(8100, ACCOUNT, "m1")),)),
    "what was given up is left again": (
        earning,
        (again("r1", "r4", moved(8100 - 600 - 900, ACCOUNT, "m1")),),
    ),
    "all that is owed is written off": (earning, (until("off", moved(5 * HOUR, ACCOUNT, "m2")),)),
    "a reversal under a suspension": (earning, (suspended, again("r3", "r4"))),
    "a frozen account gives hours back": (earning, (frozen("m1"), again("r3", "r4"))),
    "a frozen account is settled": (spending, (frozen("m1"), _settled_again())),
    "settled under a suspension": (spending, (suspended, _settled_again())),
    "the day of the answer is closed": (
        spending,
        (_closed_until_then("2026-03-01"), _settled_again(occurred_on="2026-03-02")),
    ),
    "brought in for a frozen account": (spending, (until(LATE), _frozen_before)),
    "brought in under the id of a refusal": (
        earning,
        (until(LOST, asked(id=shared_id(THEIRS, "gone", "again"))), _refused_before),
    ),
    "signed": (
        earning,
        (until(BOOKED, lambda made: made["request"]["offer"].update(signature="line")),),
    ),
    "an offer whose bank saw something": (
        earning,
        (until(BOOKED, message(seen=[0, "00" * 32])),),
    ),
    "the head is told with its signature": (
        earning,
        (until(BOOKED, effects(seen=[7, "ab" * 32, "line"])),),
    ),
}


@pytest.mark.parametrize("name", HONEST)
def test_what_is_just_right_is_well(name: str) -> None:
    """At the edge of each rule there is no finding."""
    made, changes = HONEST[name]
    forgery = copy.deepcopy(honest(made))
    for change in changes:
        change(forgery)
    assert () == report_of(forgery.batch()).findings


# -- ids and offers, which are stated twice ------------------------------------------------------


@pytest.mark.parametrize("journal", ["j", "j" * 100, "j" * 101, "ä" * 101])
@pytest.mark.parametrize("word", ["", "void", "again"])
def test_ids_are_those_that_the_library_gives(journal: str, word: str) -> None:
    """The audit works them out by itself."""
    assert account_of(journal) == account_with(journal)
    assert shared_id(journal, "visit-81", word) == id_shared(journal, "visit-81", word or None)


@pytest.mark.parametrize("made", [spending, earning])
def test_offers_are_those_that_the_library_makes(made: Callable[[], Forgery]) -> None:
    """Of each hold that is one."""
    offers = [one for one in honest(made).records if "answer_by" in one["effects"]]
    assert len(offers) > 2
    for record in offers:
        assert offer_body(record) == offer_made_by(record)
