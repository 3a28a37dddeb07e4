"""Journals that no bank would write, forged record by record, and what the audit says of each."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import attrs

import timebank
from support import sources
from timebank import AuditReport, Corrupt
from timebank.audit import audit
from timebank.audit.record_fields import field_differences
from timebank.bank.session import add_derived
from timebank.journal import canonical, commitment, digest, genesis, refers_to
from timebank.journal.fold import Fold
from timebank.journal.tree import TILE, leaf_hash, root_of
from timebank.model import RecordRow, TextRow, TileRow
from timebank.storage import open_store
from timebank.storage.protocol import Batch

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
            "recorded_on": last["recorded_on"],
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

    def erase(self, *places: tuple[int, str], **effects: Any) -> JSON:
        """Append an erasure of texts, by record and field."""
        sequence = len(self.records) + 1
        self.texts.append(TextRow(sequence, "reason", bytes(16), "why"))
        erased = {self.records[record - 1]["request"].get(field, "0") for record, field in places}
        told = {"erased": sorted(erased), "texts": sorted(map(list, places)), **effects}
        asked = {"account": "m1", "reason": commitment(bytes(16), "why")}
        return self.add("erase", asked, told)

    def batch(self, *, readable_only: bool = False) -> Batch:
        """The rows of a store; `readable_only` leaves out those of records that cannot be read."""
        batch, fold = Batch(texts=sorted(self.texts)), Fold()
        before = genesis(self.records[0]["journal"])
        for sequence, record in enumerate(self.records, start=1):
            body = canonical(record)
            before = digest(before, body)
            request, effects = record["request"], record["effects"]
            id = request.get("id")
            kind = record.get("kind")
            kind = kind if type(kind) is str else ""
            id = id if type(id) is str else None  # a column of no other type can be stored
            of = refers_to(effects)
            of = of if type(of) is int else None
            batch.records.append(RecordRow(sequence, before, body, kind, id, of))
            if readable_only and [*field_differences(record)]:
                continue
            try:
                derived = fold.apply(sequence, record["kind"], effects)
            except Corrupt:
                continue
            add_derived(batch, derived)
        batch.erased.clear()  # what is kept is what is forged
        leaves = [leaf_hash(row.body) for row in batch.records]
        for tile in range(len(leaves) // TILE):
            found = root_of(leaves[tile * TILE : (tile + 1) * TILE])
            batch.tiles.append(TileRow(0, tile, found))
        return batch

    def audited(self) -> AuditReport:
        """What the audit says of it."""
        return audit_of(self.batch(), journal=self.records[0]["journal"])


def small() -> Forgery:
    """Three members with transfers 4 (m1 earns an hour of m2), its part reversal, and names."""
    bank = timebank.open("memory:", **sources())
    bank.open_account("m1", name="Maria")
    bank.open_account("m2", ceiling="30", floor="-10")
    bank.open_account("m3")
    bank.transfer(earner="m1", spender="m2", hours=1, id="first", note="bread")
    bank.reverse("first", hours="0:20", reason="twenty minutes less", id="undo")
    with bank.store.reader("main") as reader:
        records = [json.loads(row.body) for row in reader.records(after=0, limit=100)]
        return Forgery(records, reader.texts(after=0, through=100))


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
    forgery.transfer("m1", "m2", 60, occurred_on="2026-03-04")["effects"]["occurred_on"] = (
        "2026-03-04"
    )


def one_day_ahead(forgery: Forgery) -> None:
    forgery.transfer("m1", "m2", 60, occurred_on="2026-03-03")["effects"]["occurred_on"] = (
        "2026-03-03"
    )


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
    forgery.erase((1, "name"))


def text_erased_but_there(forgery: Forgery) -> None:
    forgery.erase((1, "name"))


def text_erased_and_put_back(forgery: Forgery) -> None:
    forgery.transfer("m1", "m2", 60)
    forgery.erase((1, "name"))
    forgery.transfer("m1", "m2", 60)


def text_erased_with_another_commitment(forgery: Forgery) -> None:
    del forgery.texts[0]
    forgery.erase((1, "name"), erased=["0" * 64])


def text_erased_that_never_was(forgery: Forgery) -> None:
    forgery.erase((1, "note"), erased=["0" * 64])


def text_erased_of_a_later_record(forgery: Forgery) -> None:
    forgery.erase((1, "name"), texts=[[99, "note"]], erased=["0" * 64])


def erasure_of_no_field(forgery: Forgery) -> None:
    del forgery.texts[0]
    forgery.erase((1, "name"), texts=[[1, "body"]])


def erasure_out_of_order(forgery: Forgery) -> None:
    lost = [forgery.records[n]["request"][f] for n, f in ((0, "name"), (3, "note"))]
    del forgery.texts[0]
    forgery.texts[:] = [row for row in forgery.texts if (row.sequence, row.field) != (4, "note")]
    forgery.erase((1, "name"), (4, "note"), erased=sorted(lost, reverse=True))


def erasure_of_nobody(forgery: Forgery) -> None:
    del forgery.texts[0]
    del forgery.erase((1, "name"))["request"]["account"]


def erasure_of_another_record(forgery: Forgery) -> None:
    del forgery.texts[0]
    erasure = forgery.erase((1, "name"))
    del erasure["request"]["account"]
    erasure["request"]["record"] = 2


def texts_erased_twice(forgery: Forgery) -> None:
    forgery.texts.clear()
    forgery.erase((1, "name"))
    forgery.transfer("m1", "m2", 60, kind="erase")
    forgery.erase((4, "note"), (5, "reason"))
    forgery.erase((1, "name"))


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
    (unknown_statute, {"statutes"}),
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
    (text_erased_and_put_back, {"texts"}),
    (text_erased_with_another_commitment, {"effects"}),
    (text_erased_that_never_was, {"effects"}),
    (text_erased_of_a_later_record, {"effects"}),
    (erasure_of_no_field, {"canonical", "texts"}),
    (erasure_out_of_order, {"canonical"}),
    (erasure_of_nobody, {"effects"}),
    (erasure_of_another_record, {"effects"}),
    (texts_erased_twice, CLEAN),
]
