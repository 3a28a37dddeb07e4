"""The audit, on journals that no bank would write: forged record by record."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import timebank
from support import BEGINNING, doors, fill, url_of
from timebank import AUDIT_CHECKS, AuditReport, Corrupt, TimebankError
from timebank.audit import audit, texts
from timebank.audit.report import MOST_FINDINGS
from timebank.fold import Fold
from timebank.journal import canonical, commitment, digest, genesis, parse
from timebank.model import Head, PostingRow, RecordRow, TextRow
from timebank.storage import open_store
from timebank.storage.protocol import Batch, Reader

JSON = dict[str, Any]
DAY = "2026-03-02"
CLEAN: set[str] = set()


@attrs.define
class Forgery:
    """A journal as a list of objects, and the texts beside it; `audited` hashes and folds it."""

    records: list[JSON]
    texts: list[TextRow]

    def add(self, kind: str, request: JSON, effects: JSON, **fields: Any) -> JSON:
        """Append a record, a minute after the one before."""
        last = self.records[-1]
        record = {
            "effects": effects,
            "format": "timebank/1",
            "journal": last["journal"],
            "kind": kind,
            "recorded_at": last["recorded_at"] + 60_000_000,
            "request": request,
            "sequence": len(self.records) + 1,
            **fields,
        }
        self.records.append(record)
        return record

    def transfer(self, earner: str, spender: str, seconds: int, **request: Any) -> JSON:
        """Append a transfer."""
        asked = {
            "id": f"forged-{len(self.records)}",
            "kind": "exchange",
            "earners": [[earner, seconds]],
            "spenders": [[spender, seconds]],
            **request,
        }
        postings = [[earner, seconds], [spender, -seconds]]
        effects = {"occurred_on": DAY, "postings": postings, "statute": "default/1"}
        return self.add("transfer", asked, effects)

    def reversal(self, original: int, postings: list[list[Any]], **request: Any) -> JSON:
        """Append a reversal."""
        sequence = len(self.records) + 1
        self.texts.append(TextRow(sequence, "reason", bytes(16), "why"))
        asked = {
            "id": f"undo-{sequence}",
            "transfer": self.records[original - 1]["request"].get("id", "-"),
            "reason": commitment(bytes(16), "why"),
            **request,
        }
        effects = {
            "occurred_on": DAY,
            "postings": postings,
            "reverses": original,
            "statute": "default/1",
        }
        return self.add("reverse", asked, effects)

    def erase(self, *erased: str) -> JSON:
        """Append an erasure, as a later version makes it."""
        return self.add("erase", {}, {"erased": sorted(erased)})

    def batch(self) -> Batch:
        """The rows of a store."""
        batch, fold = Batch(texts=sorted(self.texts)), Fold()
        before = genesis(self.records[0]["journal"])
        for sequence, record in enumerate(self.records, start=1):
            body = canonical(record)
            before = digest(before, body)
            request, effects = record["request"], record["effects"]
            id, refers_to = request.get("id"), effects.get("reverses")
            batch.records.append(RecordRow(sequence, before, body, id, refers_to))
            try:
                derived = fold.apply(sequence, record["kind"], effects)
            except Corrupt:
                continue
            if derived.account is not None:
                batch.accounts[derived.account.account] = derived.account
            batch.postings += derived.postings
        return batch

    def audited(self) -> AuditReport:
        """What the audit says of it."""
        return audit_of(self.batch(), journal=self.records[0]["journal"])


def audit_of(batch: Batch, *, journal: str = "id-1") -> AuditReport:
    """The audit of rows in a store of their own."""
    store = open_store("memory:", create=True)
    store.make_bank("main", journal=journal)
    with store.writer("main") as writer:
        writer.append(batch)
    with store.reader("main") as reader:
        return audit(reader)


def found(report: AuditReport) -> set[str]:
    """The names of the checks that found something."""
    return {finding.check for finding in report.findings}


@pytest.fixture
def forgery() -> Forgery:
    """Three members with transfers 4 (m1 earns an hour of m2), its part reversal, and names."""
    bank = timebank.open("memory:", **doors())
    bank.open_account("m1", name="Maria")
    bank.open_account("m2", ceiling="30", floor="-10")
    bank.open_account("m3")
    bank.transfer(earner="m1", spender="m2", hours=1, id="first", note="bread")
    bank.reverse("first", hours="0:20", reason="twenty minutes less", id="undo")
    with bank.store.reader("main") as reader:
        records = [json.loads(row.body) for row in reader.records(after=0, limit=100)]
        return Forgery(records, reader.texts(after=0, through=100))


def test_a_bank_audits_clean(bank: timebank.TimeBank) -> None:
    """Every kind of record, on each store, and what was counted."""
    fill(bank)
    report = bank.audit()
    assert report.findings == ()
    assert (report.head, report.records) == (bank.head(), bank.head().sequence)
    assert report.accounts == len(list(bank.accounts()))
    assert report.checks == tuple(check.name for check in AUDIT_CHECKS)


def test_an_empty_bank_audits_clean(bank: timebank.TimeBank) -> None:
    """Nothing is wrong where nothing is."""
    report = bank.audit()
    assert (report.ok, report.records, report.accounts) == (True, 0, 0)


def test_the_checks_have_names_of_their_own() -> None:
    """A report can be read by a program."""
    names = [check.name for check in AUDIT_CHECKS]
    assert len(names) == len(set(names))


def test_progress_is_told(bank: timebank.TimeBank) -> None:
    """At the end all of the records are done."""
    fill(bank)
    told: list[tuple[int, int]] = []
    bank.audit(progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (bank.head().sequence, bank.head().sequence)


def test_the_forgery_itself_is_clean(forgery: Forgery) -> None:
    """What the tests below change was right before."""
    assert forgery.audited().findings == ()


def nothing(forgery: Forgery) -> None:
    forgery.transfer("m1", "m2", 3600)


def below_floor(forgery: Forgery) -> None:
    forgery.transfer("m1", "m2", 36_000)


def below_floor_unchecked(forgery: Forgery) -> None:
    forgery.transfer("m1", "m2", 36_000, limits="unchecked")


def below_inherited_floor(forgery: Forgery) -> None:
    forgery.transfer("m1", "m3", 72_001)


def at_inherited_floor(forgery: Forgery) -> None:
    forgery.transfer("m1", "m3", 72_000)


def above_ceiling(forgery: Forgery) -> None:
    forgery.transfer("m2", "m3", 72_000)
    forgery.transfer("m2", "m1", 72_000)


def back_from_below(forgery: Forgery) -> None:
    forgery.transfer("m1", "m3", 720_000, limits="unchecked")
    forgery.transfer("m3", "m1", 3600)


def limits_set(forgery: Forgery, status: str) -> None:
    kinds = {"frozen": "freeze", "closed": "close_account"}
    forgery.add(kinds[status], {"account": "m3"}, {"account": "m3", "sets": {"status": status}})


def frozen(forgery: Forgery) -> None:
    limits_set(forgery, "frozen")
    forgery.transfer("m1", "m3", 60)


def closed(forgery: Forgery) -> None:
    limits_set(forgery, "closed")
    forgery.transfer("m1", "m3", 60)


def via_closed(forgery: Forgery) -> None:
    limits_set(forgery, "closed")
    forgery.transfer("m1", "m2", 60, via="m3")


def via_missing(forgery: Forgery) -> None:
    forgery.transfer("m1", "m2", 60, via="m9")


def via_frozen(forgery: Forgery) -> None:
    limits_set(forgery, "frozen")
    forgery.transfer("m1", "m2", 60, via="m3")


def reversed_while_frozen(forgery: Forgery) -> None:
    forgery.transfer("m1", "m3", 60)
    limits_set(forgery, "frozen")
    forgery.reversal(6, [["m1", -60], ["m3", 60]])


def closed_with_a_balance(forgery: Forgery) -> None:
    forgery.transfer("m1", "m3", 60)
    limits_set(forgery, "closed")


def unknown_statute(forgery: Forgery) -> None:
    forgery.transfer("m1", "m2", 60)["effects"]["statute"] = "default/9"


def unbalanced(forgery: Forgery) -> None:
    record = forgery.transfer("m1", "m2", 60)
    record["request"]["earners"] = [["m1", 61]]
    record["effects"]["postings"][0] = ["m1", 61]


def not_as_asked(forgery: Forgery) -> None:
    forgery.transfer("m1", "m2", 60)["request"]["earners"] = [["m3", 60]]


def other_day(forgery: Forgery) -> None:
    forgery.transfer("m1", "m2", 60, occurred_on="2026-03-01")


def unknown_account(forgery: Forgery) -> None:
    forgery.transfer("m1", "m9", 60)


def opened_twice(forgery: Forgery) -> None:
    first = forgery.records[2]
    forgery.add("open_account", first["request"], first["effects"])


def sets_not_as_asked(forgery: Forgery) -> None:
    sets = {"floor": -3600, "ceiling": None}
    forgery.add("set_limits", {"account": "m3", "floor": -60}, {"account": "m3", "sets": sets})


def opened_not_as_asked(forgery: Forgery) -> None:
    forgery.records[2]["request"]["kind"] = "fund"


def another_account(forgery: Forgery) -> None:
    forgery.add("rename", {"account": "m2"}, {"account": "m3", "sets": {"named": False}})


def frozen_not_as_asked(forgery: Forgery) -> None:
    forgery.add("thaw", {"account": "m3"}, {"account": "m3", "sets": {"status": "frozen"}})


def reversed_too_much(forgery: Forgery) -> None:
    forgery.reversal(4, [["m1", -2401], ["m2", 2401]])


def reversed_exactly(forgery: Forgery) -> None:
    forgery.reversal(4, [["m1", -2400], ["m2", 2400]])


def reversed_twice_too_much(forgery: Forgery) -> None:
    reversed_exactly(forgery)
    forgery.reversal(4, [["m1", -1], ["m2", 1]])


def reversed_the_wrong_way(forgery: Forgery) -> None:
    forgery.reversal(4, [["m1", 60], ["m2", -60]])


def reversed_a_reversal(forgery: Forgery) -> None:
    forgery.reversal(5, [["m1", 60], ["m2", -60]])


def reversed_an_account(forgery: Forgery) -> None:
    forgery.reversal(1, [["m1", -60], ["m2", 60]])


def reversed_another(forgery: Forgery) -> None:
    forgery.reversal(4, [["m1", -60], ["m2", 60]], transfer="undo")


def reversed_other_hours(forgery: Forgery) -> None:
    forgery.reversal(4, [["m1", -60], ["m2", 60]], hours=61)


def clock_runs_back(forgery: Forgery) -> None:
    forgery.transfer("m1", "m2", 60)["recorded_at"] -= 120_000_000


def two_days_ahead(forgery: Forgery) -> None:
    forgery.transfer("m1", "m2", 60)["effects"]["occurred_on"] = "2026-03-04"


def one_day_ahead(forgery: Forgery) -> None:
    forgery.transfer("m1", "m2", 60)["effects"]["occurred_on"] = "2026-03-03"


def other_journal(forgery: Forgery) -> None:
    forgery.transfer("m1", "m2", 60)["journal"] = "another"


def other_format(forgery: Forgery) -> None:
    forgery.transfer("m1", "m2", 60)["format"] = "timebank/2"


def other_sequence(forgery: Forgery) -> None:
    forgery.transfer("m1", "m2", 60)["sequence"] = 7


def unknown_field(forgery: Forgery) -> None:
    forgery.transfer("m1", "m2", 60)["surprise"] = 1


def unknown_request(forgery: Forgery) -> None:
    forgery.transfer("m1", "m2", 60, surprise=1)


def unknown_effect(forgery: Forgery) -> None:
    forgery.transfer("m1", "m2", 60)["effects"]["fee"] = 1


def unknown_kind(forgery: Forgery) -> None:
    forgery.add("surprise", {}, {})


def missing_field(forgery: Forgery) -> None:
    del forgery.add("rename", {"account": "m1"}, {"account": "m1", "sets": {}})["recorded_at"]


def missing_request(forgery: Forgery) -> None:
    forgery.add("rename", {}, {"account": "m3", "sets": {"named": False}})


def note_in_the_clear(forgery: Forgery) -> None:
    forgery.transfer("m1", "m2", 60, note="a text")


def true_for_one(forgery: Forgery) -> None:
    forgery.add("rename", {"account": "m3"}, {"account": "m3", "sets": {"named": 0}})


def limits_checked(forgery: Forgery) -> None:
    forgery.transfer("m1", "m2", 60, limits="checked")


def tags_of_numbers(forgery: Forgery) -> None:
    forgery.transfer("m1", "m2", 60, tags=[1])


def source_of_numbers(forgery: Forgery) -> None:
    forgery.transfer("m1", "m2", 60, source=[["page", 1]])


def postings_no_list(forgery: Forgery) -> None:
    forgery.transfer("m1", "m2", 60)["effects"]["postings"] = {}


def sides_no_pairs(forgery: Forgery) -> None:
    forgery.transfer("m1", "m2", 60, earners=[["m1", 60, 1]])


def sides_no_strings(forgery: Forgery) -> None:
    forgery.transfer("m1", "m2", 60, earners=[[1, 60]])


def kind_of_account(forgery: Forgery) -> None:
    forgery.records[2]["request"]["kind"] = "bank"


def many_sided_source(forgery: Forgery) -> None:
    forgery.transfer("m1", "m2", 60, source=[["page", "1"]], tags=["a"], via="m3", area="x")


def text_lost(forgery: Forgery) -> None:
    del forgery.texts[0]


def text_changed(forgery: Forgery) -> None:
    forgery.texts[0] = forgery.texts[0]._replace(text="Marta")


def salt_changed(forgery: Forgery) -> None:
    forgery.texts[0] = forgery.texts[0]._replace(salt=bytes(16))


def salt_too_short(forgery: Forgery) -> None:
    forgery.texts[0] = forgery.texts[0]._replace(salt=b"")


def text_no_unicode(forgery: Forgery) -> None:
    forgery.texts[0] = forgery.texts[0]._replace(text="\ud800")


def text_added(forgery: Forgery) -> None:
    forgery.texts.append(TextRow(2, "name", bytes(16), "Nina"))


def text_erased(forgery: Forgery) -> None:
    del forgery.texts[0]
    forgery.erase(forgery.records[0]["request"]["name"])


def text_erased_but_there(forgery: Forgery) -> None:
    forgery.erase(forgery.records[0]["request"]["name"])


def text_erased_of_another(forgery: Forgery) -> None:
    del forgery.texts[0]
    forgery.erase("0" * 64)


def texts_erased_twice(forgery: Forgery) -> None:
    lost = [forgery.records[n]["request"][f] for n, f in ((0, "name"), (3, "note"), (4, "reason"))]
    forgery.texts.clear()
    forgery.erase(lost[0])
    forgery.transfer("m1", "m2", 60, kind="erase")
    forgery.erase(*lost[1:])
    forgery.erase(lost[0])


FORGERIES: list[tuple[Callable[[Forgery], None], set[str]]] = [
    (nothing, CLEAN),
    (below_floor, {"limits"}),
    (below_floor_unchecked, CLEAN),
    (below_inherited_floor, {"limits"}),
    (at_inherited_floor, CLEAN),
    (above_ceiling, {"limits"}),
    (back_from_below, CLEAN),
    (frozen, {"limits"}),
    (closed, {"limits"}),
    (via_closed, {"limits"}),
    (via_missing, {"limits"}),
    (via_frozen, CLEAN),
    (reversed_while_frozen, CLEAN),
    (closed_with_a_balance, {"limits"}),
    (unknown_statute, {"limits"}),
    (unbalanced, {"zero-sum"}),
    (not_as_asked, {"effects"}),
    (other_day, {"effects"}),
    (unknown_account, {"effects"}),
    (opened_twice, {"effects"}),
    (sets_not_as_asked, {"effects"}),
    (opened_not_as_asked, {"effects"}),
    (another_account, {"effects"}),
    (frozen_not_as_asked, {"effects"}),
    (reversed_too_much, {"reversals"}),
    (reversed_exactly, CLEAN),
    (reversed_twice_too_much, {"reversals"}),
    (reversed_the_wrong_way, {"reversals"}),
    (reversed_a_reversal, {"reversals"}),
    (reversed_an_account, {"reversals"}),
    (reversed_another, {"reversals"}),
    (reversed_other_hours, {"effects"}),
    (clock_runs_back, {"clocks"}),
    (two_days_ahead, {"clocks"}),
    (one_day_ahead, CLEAN),
    (other_journal, {"chain"}),
    (other_format, {"chain"}),
    (other_sequence, {"chain"}),
    (unknown_field, {"canonical"}),
    (unknown_request, {"canonical"}),
    (unknown_effect, {"canonical"}),
    (unknown_kind, {"canonical"}),
    (missing_field, {"canonical"}),
    (missing_request, {"canonical"}),
    (note_in_the_clear, {"canonical"}),
    (true_for_one, {"canonical"}),
    (limits_checked, {"canonical"}),
    (tags_of_numbers, {"canonical"}),
    (source_of_numbers, {"canonical"}),
    (postings_no_list, {"canonical"}),
    (sides_no_pairs, {"canonical"}),
    (sides_no_strings, {"canonical"}),
    (kind_of_account, {"canonical"}),
    (many_sided_source, CLEAN),
    (text_lost, {"texts"}),
    (text_changed, {"texts"}),
    (salt_changed, {"texts"}),
    (salt_too_short, {"texts"}),
    (text_no_unicode, {"texts"}),
    (text_added, {"texts"}),
    (text_erased, CLEAN),
    (text_erased_but_there, {"texts"}),
    (text_erased_of_another, {"texts"}),
    (texts_erased_twice, CLEAN),
]


@pytest.mark.parametrize(
    ("forge", "checks"), FORGERIES, ids=lambda case: getattr(case, "__name__", "")
)
def test_a_forged_record_is_found(
    forgery: Forgery, forge: Callable[[Forgery], None], checks: set[str]
) -> None:
    """The checks that speak are those whose promise is broken.

    A record that cannot be read is not folded: what it would have moved is found missing.
    """
    forge(forgery)
    consequences = {"derived", "effects"} if checks == {"canonical"} else CLEAN
    assert found(forgery.audited()) - consequences == checks


@pytest.mark.parametrize("most", [0, 1, 2])
@pytest.mark.parametrize(
    ("forge", "checks"),
    [case for case in FORGERIES if case[0].__name__.startswith(("text", "nothing"))],
    ids=lambda case: getattr(case, "__name__", ""),
)
def test_what_waits_is_bounded(
    forgery: Forgery,
    forge: Callable[[Forgery], None],
    checks: set[str],
    most: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However few commitments may wait, what is found is the same."""
    forge(forgery)
    monkeypatch.setattr(texts, "MOST_WAITING", most)
    assert found(forgery.audited()) == checks


def test_many_findings_are_counted(forgery: Forgery) -> None:
    """A hundred of a check are kept, and one says how many more there are."""
    for _ in range(MOST_FINDINGS + 7):
        forgery.transfer("m1", "m2", 60, note=commitment(bytes(16), "lost"))
    report = forgery.audited()
    assert len(report.findings) == MOST_FINDINGS + 1
    assert report.findings[-1].found == "7 more"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"a":1.5}',
        b'{"a":NaN}',
        b'{"a":9007199254740993}',
        b'{"a":"\\ud800"}',
        b"\xff",
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
    ids=lambda body: repr(body[:20]),
)
def test_bytes_that_are_no_record_are_a_finding(forgery: Forgery, body: bytes) -> None:
    """Whatever the bytes are, the audit does not raise."""
    batch = forgery.batch()
    last = batch.records[-1]
    batch.records.append(RecordRow(6, digest(last.digest, body), body, None, None))
    assert found(audit_of(batch)) == {"canonical"}


def test_another_spelling_of_a_record_is_a_finding(forgery: Forgery) -> None:
    """The bytes are the canonical form, and no other form of the same object."""
    batch = forgery.batch()
    before = batch.records[3].digest
    body = batch.records[4].body.replace(b'"effects":', b'"effects": ')
    batch.records[4] = batch.records[4]._replace(body=body, digest=digest(before, body))
    assert found(audit_of(batch)) == {"canonical"}


@pytest.mark.parametrize(
    ("changes", "checks"),
    [
        ({"id": "else"}, {"canonical", "ids"}),
        ({"id": None}, {"canonical"}),
        ({"refers_to": 3}, {"canonical"}),
        ({"digest": bytes(32)}, {"chain"}),
    ],
)
def test_columns_repeat_the_body(
    forgery: Forgery, changes: dict[str, Any], checks: set[str]
) -> None:
    """What lies beside the bytes says what they say."""
    batch = forgery.batch()
    batch.records[4] = batch.records[4]._replace(**changes)
    assert found(audit_of(batch)) == checks - {"ids"}


class Altered:
    """A reader that answers some calls in another way."""

    def __init__(self, reader: Reader, **answers: Any) -> None:
        self._reader, self._answers = reader, answers

    def __getattr__(self, name: str) -> Any:
        return self._answers.get(name) or getattr(self._reader, name)


def altered(forgery: Forgery, answers: Callable[[Reader], dict[str, Any]]) -> AuditReport:
    """The audit through a reader that lies."""
    store = open_store("memory:", create=True)
    store.make_bank("main", journal="id-1")
    with store.writer("main") as writer:
        writer.append(forgery.batch())
    with store.reader("main") as reader:
        lying: Any = Altered(reader, **answers(reader))
        return audit(lying)


def broken(*args: Any, **kwargs: Any) -> Any:
    msg = "unreadable"
    raise Corrupt(msg)


def unreadable_at(reader: Reader, bad: int) -> Any:
    def records(*, after: int, limit: int) -> list[RecordRow]:
        rows = reader.records(after=after, limit=limit)
        if any(row.sequence == bad for row in rows):
            broken()
        return rows

    return records


def without(reader: Reader, missing: int) -> Any:
    def records(*, after: int, limit: int) -> list[RecordRow]:
        rows = reader.records(after=max(after, 0), limit=limit + 1)
        return [row for row in rows if row.sequence != missing][:limit]

    return records


def lie_about_head(reader: Reader) -> dict[str, Any]:
    return {"head": lambda: Head("id-1", 9, bytes(32))}


def lie_about_ids(reader: Reader) -> dict[str, Any]:
    return {"find": lambda _: reader.records(after=0, limit=1)[0]}


def hide_a_record(reader: Reader) -> dict[str, Any]:
    return {"records": without(reader, 3)}


def hide_ids(reader: Reader) -> dict[str, Any]:
    return {"find": lambda _: None}


def numbered_below_one(reader: Reader) -> dict[str, Any]:
    def records(*, after: int, limit: int) -> list[RecordRow]:
        rows = reader.records(after=max(after, 0), limit=limit)
        return [rows[0]._replace(sequence=0), *rows] if after < 0 else rows

    return {"records": records}


def a_version_of_zero(reader: Reader) -> dict[str, Any]:
    return {"totals": lambda _: (0, 7)}


def a_posting_too_many(reader: Reader) -> dict[str, Any]:
    def postings(account: str, *, after: int, limit: int) -> list[PostingRow]:
        rows = reader.postings(account, after=after, limit=limit)
        return rows or [PostingRow(account, after + 1, 5, 1, 1, DAY)]

    return {"postings": postings}


def a_nameless_account(reader: Reader) -> dict[str, Any]:
    def account(id: str) -> Any:
        row = reader.account(id or "m1")
        return None if row is None or id else row._replace(account="")

    return {"account": account}


def a_journal_of_bytes(reader: Reader) -> dict[str, Any]:
    return {"head": lambda: Head(b"id-1", 5, bytes(32))}  # type: ignore[arg-type]  # it lies


@pytest.mark.parametrize(
    ("answers", "checks"),
    [
        (lie_about_head, {"head"}),
        (lie_about_ids, {"ids"}),
        (hide_ids, {"ids"}),
        (hide_a_record, {"sequence", "derived"}),
        (numbered_below_one, {"sequence"}),
        (a_version_of_zero, {"derived"}),
        (a_posting_too_many, {"derived"}),
        (a_nameless_account, {"derived"}),
        (a_journal_of_bytes, {"head"}),
    ],
)
def test_a_store_that_lies_is_found(
    forgery: Forgery, answers: Callable[[Reader], dict[str, Any]], checks: set[str]
) -> None:
    """Each way to ask a store gives the same truth."""
    assert checks <= found(altered(forgery, answers)) <= checks | {"derived"}


@pytest.mark.parametrize(
    ("method", "checks"),
    [
        ("faults", {"file"}),
        ("head", {"file"}),
        ("records", {"file"}),
        ("find", {"file"}),
        ("referring", {"file"}),
        ("texts", {"texts"}),
        ("account", {"derived"}),
        ("accounts", {"derived"}),
        ("postings", {"derived"}),
        ("totals", {"derived"}),
    ],
)
def test_what_cannot_be_read_is_found(forgery: Forgery, method: str, checks: set[str]) -> None:
    """The audit never raises, and goes on with what can be read."""
    report = altered(forgery, lambda _: {method: broken})
    assert checks <= found(report)
    assert report.records == (0 if method == "records" else 5)


@pytest.mark.parametrize("bad", [1, 3, 5])
def test_one_record_that_cannot_be_read(forgery: Forgery, bad: int) -> None:
    """The others are read all the same."""
    report = altered(forgery, lambda reader: {"records": unreadable_at(reader, bad)})
    assert f"record {bad}" in {f.place for f in report.findings if f.check == "file"}
    assert report.records == 4


def test_derived_rows_of_a_damaged_page(forgery: Forgery) -> None:
    """Where a page of accounts cannot be read, each account is compared by itself."""

    def one(reader: Reader) -> dict[str, Any]:
        def account(id: str) -> Any:
            return broken() if id == "m2" else reader.account(id)

        return {"accounts": broken, "account": account}

    places = {f.place for f in altered(forgery, one).findings}
    assert places == {"accounts", "account 'm2'"}


def test_unreadable_is_a_report() -> None:
    """What cannot even be opened has a report too."""
    report = timebank.audit.unreadable(TimebankError("gone"))  # type: ignore[attr-defined]  # a module
    assert [(f.check, f.found) for f in report.findings] == [("file", "gone")]


hours = st.integers(1, 40).map(lambda quarters: timedelta(minutes=15 * quarters))
ids = st.sampled_from(["a", "b", "c", "é"])
calls = st.one_of(
    st.tuples(st.just("transfer"), ids, ids, hours),
    st.tuples(st.just("reverse"), st.integers(0, 20), hours),
    st.tuples(st.sampled_from(["freeze", "thaw", "close_account", "reopen"]), ids),
    st.tuples(st.just("rename"), ids, st.sampled_from(["Ada", "", "Zoë"])),
    st.tuples(st.just("set_limits"), ids, hours),
)


def call(bank: timebank.TimeBank, name: str, *args: Any) -> None:
    """One call of the strategy above."""
    if name == "transfer":
        bank.transfer(earner=args[0], spender=args[1], hours=args[2], note="x")
    elif name == "reverse":
        bank.reverse(f"id-{args[0]}", hours=args[1], reason="less")
    elif name == "set_limits":
        bank.set_limits(args[0], floor=-timebank.Hours(args[1]))
    else:
        getattr(bank, name)(*args)


@settings(max_examples=60)
@given(st.lists(calls, max_size=25), st.sampled_from(["memory:", "sqlite://"]))
def test_whatever_is_called_audits_clean(todo: list[tuple[Any, ...]], url: str) -> None:
    """What `decide` lets through, the audit finds right: each checks the other."""
    with timebank.open(url, **doors()) as bank:
        for id in ("a", "b", "c", "é"):
            bank.open_account(id, joined_on=BEGINNING.date())
        for name, *args in todo:
            try:
                call(bank, name, *args)
            except TimebankError:
                continue
        assert bank.audit().findings == ()


def test_memory_is_flat(tmp_path: Path) -> None:
    """Reading is by pages: never more than some hundreds of records at once."""
    with timebank.open(url_of("sqlite", tmp_path), **doors()) as bank:
        with bank.batch() as batch:
            batch.open_account("m1", floor=None)
            batch.open_account("m2", floor=None)
            for _ in range(1200):
                batch.transfer(earner="m1", spender="m2", hours=1, occurred_on=date(2026, 3, 1))
        with bank.store.reader("main") as reader:
            pages: list[int] = []

            def records(*, after: int, limit: int) -> list[RecordRow]:
                rows = reader.records(after=after, limit=limit)
                pages.append(len(rows))
                return rows

            counting: Any = Altered(reader, records=records)
            assert audit(counting).ok
    assert max(pages) <= 500


def test_parsed_bodies_are_what_was_forged(forgery: Forgery) -> None:
    """The forgery writes as the library does: the same bytes."""
    assert [parse(row.body) for row in forgery.batch().records] == forgery.records
