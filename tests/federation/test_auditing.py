"""What banks of one storage have of each other: by records in pairs, and by balances."""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import attrs
import pytest
from click.testing import CliRunner, Result

import timebank
from audit.corrected import lost as declared
from audit.crossed import ACCOUNT, OURS, THEIRS, Change, answer, both, offer, until
from audit.forgeries import JSON, Forgery
from federation.simulation.schedule import Schedule
from timebank import Hours, InvalidRequest, TimeBank, federation
from timebank.audit import AuditReport
from timebank.cli import main
from timebank.federation import auditing, booking
from timebank.federation.auditing import audit_pairs_of
from timebank.federation.one_store import offer_record
from timebank.journal.offers import answer_body, offer_body
from timebank.model.agreements import shared_id
from timebank.storage import open_store
from timebank.storage.protocol import Reader

#: The id under which both banks book the first offer.
SETTLED = shared_id(OURS, "x1")


# -- two banks of one store --------------------------------------------------------------------


@pytest.fixture
def banks() -> tuple[TimeBank, TimeBank]:
    """Two banks of one storage that agreed."""
    isola = timebank.open("memory:", bank="isola")
    bovisa = timebank.TimeBank(isola.store, bank="bovisa")
    for bank, other in ((isola, bovisa), (bovisa, isola)):
        bank.open_account("m1"), bank.open_account("m2")
        federation.agree(bank, other, they_may_owe=20, we_may_owe=20)
    return isola, bovisa


def booked(bank: TimeBank, other: TimeBank, id: str) -> Any:
    """The other bank books an offer; its answer is under way."""
    with bank.store.reader(bank.name) as reader:
        body = offer_body(offer_record(reader, id))
    return booking.book(other, {"body": body})


def told(report: AuditReport) -> list[tuple[str, str, str]]:
    """The findings, in words."""
    return [(one.place, one.expected, one.found) for one in report.findings]


def test_banks_that_never_agreed_are_not_compared() -> None:
    """There is nothing to say of them, and one that agreed alone has an account."""
    isola = timebank.open("memory:", bank="isola")
    bovisa = timebank.TimeBank(isola.store, bank="bovisa")
    assert audit_pairs_of(isola.store, ["isola", "bovisa"]) is None
    federation.agree(isola, bovisa, they_may_owe=20, we_may_owe=20)
    federation.agree(isola, "elsewhere", they_may_owe=20, we_may_owe=20)
    report = federation.audit_pairs(isola, bovisa)
    assert (True, 1, 0, ("pairs",)) == (report.ok, report.accounts, report.records, report.checks)


def test_a_bank_is_not_compared_with_itself(banks: tuple[TimeBank, TimeBank]) -> None:
    """It is named once."""
    with pytest.raises(InvalidRequest, match="and not with itself"):
        federation.audit_pairs(banks[0], banks[0])


def test_what_is_booked_by_both_or_by_neither_is_well(banks: tuple[TimeBank, TimeBank]) -> None:
    """Also what was refused, moved back or given up; in whatever order they are named."""
    isola, bovisa = banks
    done = federation.transfer(isola, bovisa, spender="m1", earner="m2", hours=2, id="x1")
    assert done.earned is not None
    federation.transfer(isola, bovisa, spender="m1", earner="nobody", hours=2, id="x2")
    federation.transfer(bovisa, isola, spender="m1", earner="m1", hours=1, id="x1")
    federation.reverse(bovisa, isola, done.earned.id, hours=1, reason="less", id="r1")
    federation.make_offer(isola, bovisa, spender="m1", earner="m2", hours=2, id="x3")
    federation.abandon(isola, "x3", reason="nobody answers")
    federation.make_offer(isola, bovisa, spender="m1", earner="m2", hours=2, id="x4")
    for report in (federation.audit_pairs(*banks), federation.audit_pairs(*reversed(banks))):
        assert ((), (), 2) == (report.findings, report.notes, report.accounts)


def test_what_is_under_way_is_a_note(banks: tuple[TimeBank, TimeBank]) -> None:
    """An answer that has not come: of what was booked, and of what was refused."""
    isola, bovisa = banks
    for id, earner in (("x1", "m2"), ("x2", "nobody")):
        federation.make_offer(isola, bovisa, spender="m1", earner=earner, hours=2, id=id)
        booked(isola, bovisa, id)
    report = federation.audit_pairs(isola, bovisa)
    assert () == report.findings
    assert {
        ("offer x1 of bank isola to bank bovisa", "booked"),
        ("offer x2 of bank isola to bank bovisa", "refused"),
    } == {(note.place, note.text.partition(" ")[0]) for note in report.notes}
    federation.resume(isola, bovisa)
    assert () == federation.audit_pairs(isola, bovisa).notes


def test_what_was_given_up_and_booked_all_the_same(banks: tuple[TimeBank, TimeBank]) -> None:
    """It is a finding, until the answer comes."""
    isola, bovisa = banks
    federation.make_offer(isola, bovisa, spender="m1", earner="m2", hours=2, id="x1")
    record = booked(isola, bovisa, "x1")
    federation.abandon(isola, "x1", reason="nobody answers")
    report = federation.audit_pairs(isola, bovisa)
    assert [
        (
            "offer x1 of bank isola to bank bovisa",
            "the exchange booked in bank isola too",
            "given up, by record 6 of bank isola",
        )
    ] == told(report)
    assert report.causes
    assert report.findings[0].advice.startswith("Let what is under way arrive")
    booking.conclude(isola, {"body": answer_body(record)})
    assert federation.audit_pairs(isola, bovisa).ok


def test_what_was_written_off_is_a_note(banks: tuple[TimeBank, TimeBank]) -> None:
    """The balances differ by it, and the other bank's books do not say so."""
    isola, bovisa = banks
    federation.transfer(isola, bovisa, spender="m1", earner="m2", hours=2, id="x1")
    federation.write_off(bovisa, isola, account="m1", hours=2, reason="they closed")
    report = federation.audit_pairs(isola, bovisa)
    assert () == report.findings
    assert ["record 6 of bank bovisa"] == [note.place for note in report.notes]
    assert Hours(2) == federation.reconcile(isola, bovisa).difference


# -- journals that are changed -------------------------------------------------------------------


def pair(*changes: Change, theirs: tuple[Change, ...] = ()) -> AuditReport:
    """The report on the two banks with all that can be between them, each changed."""
    journals = {OURS: changes, THEIRS: theirs}
    forged = []
    for (journal, changed), forgery in zip(journals.items(), copy.deepcopy(_both()), strict=True):
        for change in changed:
            change(forgery)
        store = open_store("memory:", create=True)
        store.make_bank(journal, journal=journal)
        with store.writer(journal) as writer:
            writer.append(forgery.batch())
        forged.append(TimeBank(store, bank=journal))
    return federation.audit_pairs(*forged)


@cache
def _both() -> tuple[Forgery, Forgery]:
    return both()


def until_here(id: str) -> Change:
    """The journal ends before the record of an operation: an old backup of it."""

    def change(forgery: Forgery) -> None:
        until(id)(forgery)
        last = forgery.records.pop()
        forgery.texts[:] = [row for row in forgery.texts if row.sequence < last["sequence"]]

    return change


def test_all_that_can_be_between_two_banks_is_well() -> None:
    """Each has what the other has; both wrote something off, and one answer is under way."""
    report = pair()
    assert () == report.findings
    assert {"off", "under way"} == {
        "under way" if "under way" in note.text else "off" for note in report.notes
    }


#: The head that was seen is none of a journal that was changed.
REWRITTEN = ("record 11 of bank id-1", "a head of record 10 that bank their-1 has", "none")


def test_what_one_bank_has_lost_is_found() -> None:
    """A backup of the bank that booked, of that which offered, and of the one that was refused."""
    x1 = "offer x1 of bank id-1 to bank their-1"
    report = pair(until(SETTLED), theirs=(until_here(SETTLED),))
    lacking = ("an answer in bank their-1", "none: that bank has not answered it")
    assert [(x1, *lacking), REWRITTEN] == told(report)
    lost = pair(until_here("x1"), theirs=(until(SETTLED),))
    assert [
        (
            f"offer {SETTLED} of bank id-1 to bank their-1",
            "an offer in bank id-1",
            "none: that bank has no such offer",
        )
    ] == told(lost)


def refused(made: JSON) -> None:
    """What was booked is refused instead, by a bank that wrote its past anew."""
    asked, terms = made["request"], made["effects"]["terms"]
    made["request"] = {"id": asked["id"], "code": "frozen", "offer": asked["offer"]}
    made["effects"], made["kind"] = {"terms": terms}, "refuse"


def test_what_one_booked_and_the_other_refused_is_found() -> None:
    """The balances differ by just that."""
    x1 = "offer x1 of bank id-1 to bank their-1"
    report = pair(until(SETTLED), theirs=(until(SETTLED, refused),))
    expected = "the exchange booked in bank their-1 too"
    refusal = (x1, expected, "refused, by record 10 of bank their-1")
    assert [refusal, REWRITTEN] == told(report)


def test_only_the_banks_that_are_named_are_compared(banks: tuple[TimeBank, TimeBank]) -> None:
    """What is with a third one is left out."""
    isola, bovisa = banks
    third = timebank.TimeBank(isola.store, bank="corvetto")
    third.open_account("m1")
    for bank, other in ((isola, third), (third, isola)):
        federation.agree(bank, other, they_may_owe=20, we_may_owe=20)
    back = federation.transfer(third, isola, spender="m1", earner="m1", hours=2, id="x1").earned
    assert back is not None
    federation.transfer(isola, third, spender="m1", earner="m1", hours=1, id="x2")
    federation.make_offer(isola, third, spender="m1", earner="m1", hours=1, id="x3")
    federation.abandon(isola, "x3", reason="nobody answers")
    federation.write_off(isola, third, account="m2", hours="0:30", reason="lost")
    assert (0, ()) == attrs.astuple(
        federation.audit_pairs(isola, bovisa), filter=attrs.filters.include("records", "notes")
    )
    assert (4, 1) == (
        federation.audit_pairs(*banks, third).accounts,
        len(federation.audit_pairs(*banks, third).notes),
    )


def test_a_refusal_that_is_lost_is_a_note() -> None:
    """Nothing was moved, here or there."""
    report = pair(until(shared_id(OURS, "x2", "void")), theirs=(until_here(shared_id(OURS, "x2")),))
    assert () == report.findings
    later = pair(
        until(shared_id(OURS, "x2", "void"), answer(record=1)),
        theirs=(until_here(shared_id(OURS, "x2")),),
    )
    assert ["refused by record 1 of bank their-1, which has it no more: nothing was moved"] == [
        note.text for note in later.notes if "no more" in note.text
    ]


def test_one_id_with_two_contents_is_found() -> None:
    """The banks booked different offers; the difference of the balances is that of the two."""
    report = pair(until(SETTLED), theirs=(until(SETTLED, offer(seconds=60)),))
    assert [
        (
            "offer x1 of bank id-1 to bank their-1",
            "the same offer at both banks",
            "offers of one id with other contents",
        ),
        (
            "the balances of banks id-1 and their-1",
            "balances that together come to 2:14",
            "0:00",
        ),
        REWRITTEN,
    ] == told(report)


def test_a_head_that_was_lost_as_its_bank_declares_is_a_note() -> None:
    """The other bank knows that it is there no more; it is not taken for a rewritten past."""
    report = pair(
        until(SETTLED), theirs=(until_here(SETTLED), declared(10, "ab" * 32), booked_since)
    )
    assert () == report.findings
    assert [("record 11 of bank id-1", "it saw a head of record 10 of bank their-1")] == [
        (note.place, note.text.partition(",")[0]) for note in report.notes
    ]


def booked_since(forgery: Forgery) -> None:
    """What was lost is booked again."""
    source = next(one for one in _both()[1].records if one["request"].get("id") == SETTLED)
    forgery.add("transfer", copy.deepcopy(source["request"]), copy.deepcopy(source["effects"]))


def test_balances_that_no_offer_explains_are_found() -> None:
    """Somebody moved the account by hand, with another program."""

    def moved(forgery: Forgery) -> None:
        forgery.transfer(ACCOUNT, "m2", 60)

    report = pair(until(SETTLED), moved, theirs=(until(SETTLED),))
    assert [
        ("the balances of banks id-1 and their-1", "balances that together come to 0:00", "0:01")
    ] == told(report)


class Growing:
    """A store of which somebody writes on whenever the other bank was read."""

    def __init__(self, bank: TimeBank, steps: list[Callable[[], object]]) -> None:
        self._store, self._steps = bank.store, steps

    @contextmanager
    def reader(self, name: str) -> Iterator[Reader]:
        """Read it, and then let somebody go on."""
        with self._store.reader(name) as reader:
            yield reader
        if self._steps:
            self._steps.pop(0)()


@pytest.mark.parametrize("first", [0, 1])
def test_what_comes_while_they_are_read_is_no_finding(
    banks: tuple[TimeBank, TimeBank], first: int
) -> None:
    """Whichever of the two is read first."""
    isola, bovisa = banks
    counter = itertools.count(1)

    def cross() -> None:
        federation.transfer(
            isola, bovisa, spender="m1", earner="m2", hours=1, id=f"x{next(counter)}"
        )

    growing: Any = Growing(isola, [cross for _ in range(9)])
    named = [(growing, bank.name) for bank in (banks[first], banks[1 - first])]
    report = auditing._audited(named)
    assert ((), 2) == (report.findings, report.accounts)
    assert next(counter) > 3


@pytest.mark.parametrize("first", range(0, 40, 20))
def test_what_has_come_together_again_is_well(first: int) -> None:
    """After messages lost and doubled, crashes, and backups that were put back: a seed each.

    A bank whose backup was put back may not have been told yet, by the last message of all, which
    of its heads the other has seen: that is a finding, and no hour is wrong by it.
    """
    records = 0
    for seed in range(first, first + 20):
        schedule = Schedule(seed, troubles=["restores"])
        schedule.run()
        report = federation.audit_pairs(*(host.bank for host in schedule.hosts))
        assert [] == [line for line in told(report) if not line[1].startswith("a head of")], seed
        records += report.records
    assert records > 20


# -- the command ---------------------------------------------------------------------------------


def run(*words: str) -> Result:
    """A command, and how it ended."""
    return CliRunner().invoke(main, words, prog_name="timebank")


def test_an_audit_of_all_banks_compares_them(tmp_path: Path) -> None:
    """One more report, on what they have of each other: well, and where it is not."""
    db = f"sqlite:///{tmp_path / 'banks.db'}"
    isola = timebank.open(db, bank="isola", create=True)
    bovisa = timebank.TimeBank(isola.store, bank="bovisa")
    for bank, other in ((isola, bovisa), (bovisa, isola)):
        bank.open_account("m1")
        federation.agree(bank, other, they_may_owe=20, we_may_owe=20)
    federation.make_offer(isola, bovisa, spender="m1", earner="m1", hours=2, id="x1")
    booked(isola, bovisa, "x1")
    well = run("--db", db, "audit", "--all", "--format", "json")
    reports = json.loads(well.stdout)
    assert [None, "bovisa", "isola", None] == [one["bank"] for one in reports]
    assert (0, ["pairs"], True) == (well.exit_code, reports[-1]["checks"], reports[-1]["ok"])
    federation.abandon(isola, "x1", reason="nobody answers")
    bad = run("--db", db, "audit", "--all")
    assert bad.exit_code == 1
    assert "Between banks of this storage:" in bad.stdout
    assert "offer x1 of bank isola to bank bovisa" in bad.stdout
    assert (
        'name="timebank audit, exchange between banks"'
        in run("--db", db, "audit", "--all", "--format", "junit").stdout
    )
    quick = json.loads(run("--db", db, "audit", "--all", "--quick", "--format", "json").stdout)
    assert ["bovisa", "isola"] == [one["bank"] for one in quick]
