"""What the audit says of each forgery, word for word.

`python -m audit.findings`, in `tests`, writes it down anew.

`data/findings.txt` is read by people before it is kept: each line is a check, a place, what was
expected there and what was found.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from itertools import dropwhile
from pathlib import Path
from typing import Any
from unittest.mock import patch

import attrs

from audit import test_audit, test_audit_members, test_audit_rules
from audit.forgeries import DAY, FORGERIES, Forgery, audit_of, small
from audit.format_rules import RULES
from audit.lifetimes import LIFE_LIES, lifetimes
from audit.oddities import ODDITIES, SETTLED, Odd
from timebank import AuditReport, Head
from timebank.audit import Checkpoint, audit, quick_audit
from timebank.journal import genesis
from timebank.model import MAX_INTEGER, Fault, HoldRow, PostingRow, StatuteRow, TileRow
from timebank.storage import open_store
from timebank.storage.protocol import Batch, Reader

PATH = Path(__file__).parents[1] / "data" / "findings.txt"
Case = tuple[str, Callable[[], AuditReport]]


def lies(
    journal: Callable[[], Forgery], cases: list[tuple[Callable[[Forgery], None], set[str]]]
) -> Iterator[Case]:
    """One lie each in such a journal."""
    sound = journal()
    for lie, _ in cases:

        def audited(lie: Callable[[Forgery], None] = lie) -> AuditReport:
            forgery = copy.deepcopy(sound)
            lie(forgery)
            return forgery.audited()

        yield lie.__name__, audited


def readers() -> Iterator[Case]:
    """The small journal, through readers that lie."""
    lying = [
        test_audit.lie_about_head,
        test_audit.lie_about_ids,
        test_audit.hide_ids,
        test_audit.hide_a_record,
        test_audit.numbered_below_one,
        test_audit.a_version_of_zero,
        test_audit.a_posting_too_many,
        test_audit.a_nameless_account,
        test_audit.a_journal_of_bytes,
    ]
    for answers in lying:
        yield answers.__name__, lambda answers=answers: test_audit.altered(small(), answers)  # type: ignore[misc]  # a default binds it
    for version in (1.5, 1):
        yield f"a row of version {version}", _between(version)
    for method in ("faults", "head", "records", "find", "referring", "texts", "account"):
        yield f"no {method}", _without(method)
    for method in ("accounts", "postings", "totals", "holds", "statutes", "tiles"):
        yield f"no {method}", _without(method)


def _between(version: Any) -> Callable[[], AuditReport]:
    """A store that has one more row of m1 behind its first, of such a version."""

    def answers(reader: Reader) -> dict[str, Any]:
        def postings(account: str, *, after: int, limit: int) -> list[PostingRow]:
            rows = list(reader.postings(account, after=after, limit=limit))
            if account == "m1" and rows:
                rows.insert(1, rows[0]._replace(version=version, seconds=7))
            return rows[:limit]

        return {"postings": postings}

    return lambda: test_audit.altered(small(), answers)


def _without(method: str) -> Callable[[], AuditReport]:
    return lambda: test_audit.altered(small(), lambda _: {method: test_audit.broken})


def three(batch: Batch, checkpoint: Checkpoint, **answers: Any) -> AuditReport:
    """What three audits say of rows in a store of their own: in full, at a quick look, since."""
    store = open_store("memory:", create=True)
    store.make_bank("main", journal="id-1")
    with store.writer("main") as writer:
        writer.append(batch)
    with store.reader("main") as reader:
        lying: Any = test_audit.Altered(reader, **answers)
        reports = [audit(lying), quick_audit(lying), audit(lying, since=checkpoint)]
    findings = [
        attrs.evolve(finding, check=f"{name}: {finding.check}")
        for name, report in zip(("full", "quick", "since"), reports, strict=True)
        for finding in report.findings
    ]
    return attrs.evolve(reports[0], findings=tuple(findings), notes=(), causes=())


Change = Callable[[Batch], object]


def posting(place: int, **values: Any) -> Change:
    """One posting with other values."""

    def change(batch: Batch) -> None:
        batch.postings[place] = batch.postings[place]._replace(**values)

    return change


def account(id: str, **values: Any) -> Change:
    """One account with other values."""

    def change(batch: Batch) -> None:
        batch.accounts[id] = batch.accounts[id]._replace(**values)

    return change


#: Postings are those of m1, m2, and the same of the reversal; m3 has none.
SPOILED: dict[str, Change] = {
    "nothing": lambda _: None,
    "another quantity": posting(0, seconds=3601),
    "another quantity at the end": posting(3, seconds=1201),
    "another balance": posting(0, balance=3601),
    "another balance at the end": posting(2, balance=0),
    "another day": posting(1, day="2026-03-01"),
    "another record": posting(1, sequence=3),
    "another account": posting(3, account="m3", version=1),
    "another version": posting(3, version=3),
    "a version of zero": posting(0, version=0),
    "one posting less": lambda batch: batch.postings.pop(),
    "the first posting less": lambda batch: batch.postings.pop(0),
    "one posting more": lambda batch: batch.postings.append(
        PostingRow("m3", 1, 5, 60, 60, "2026-03-02")
    ),
    "two postings more": lambda batch: batch.postings.extend(
        [PostingRow("m1", 3, 5, 1, 2401, DAY), PostingRow("m1", 4, 5, -1, 2400, DAY)]
    ),
    "another status": account("m3", status="closed"),
    "another kind": account("m3", kind="group"),
    "another floor": account("m2", floor=-3600),
    "a ceiling of another type": account("m2", ceiling=108_000.0),
    "another name": account("m1", named=None),
    "opened by another": account("m1", opened=2),
    "joined on a day": account("m1", joined_on="2026-03-02"),
    "one account less": lambda batch: batch.accounts.pop("m3"),
    "one account more": lambda batch: batch.accounts.update(
        {"m4": batch.accounts["m3"]._replace(account="m4")}
    ),
    "a hold that nobody made": lambda batch: batch.holds.append(HoldRow("m2", 9, 3, 1, 0)),
    "a statute that nobody adopted": lambda batch: batch.statutes.append(StatuteRow(2, "mine")),
    "another digest": lambda batch: _record(batch, 2, digest=bytes(32)),
    "another last digest": lambda batch: _record(batch, 4, digest=bytes(32)),
    "another body": lambda batch: _record(batch, 2, body=batch.records[2].body + b" "),
    "another last body": lambda batch: _record(batch, 4, body=batch.records[4].body + b" "),
    "another kind beside it": lambda batch: _record(batch, 3, kind="hold"),
    "another id beside it": lambda batch: _record(batch, 3, id="else"),
    "no id beside it": lambda batch: _record(batch, 3, id=None),
    "another reference beside it": lambda batch: _record(batch, 4, refers_to=3),
    "a body that is no JSON": lambda batch: _record(batch, 4, body=b"{"),
    "one record less": lambda batch: batch.records.pop(),
    "three records less": lambda batch: batch.records.__delitem__(slice(2, 5)),
    "no record at all": lambda batch: batch.records.clear(),
}


def _record(batch: Batch, place: int, **values: Any) -> None:
    batch.records[place] = batch.records[place]._replace(**values)


def spoiled() -> Iterator[Case]:
    """The small journal with other rows beside it."""
    checkpoint = small().audited().checkpoint
    assert checkpoint is not None
    for name, change in SPOILED.items():

        def audited(change: Change = change) -> AuditReport:
            batch = small().batch()
            change(batch)
            return three(batch, checkpoint)

        yield name, audited
    fault = Fault("derived", "somewhere", "this", "that")
    yield "a store with sums", lambda: three(small().batch(), checkpoint, sums=lambda: [fault])
    for method in ("head", "records", "accounts", "account", "postings", "last_posting", "texts"):
        broken = {method: test_audit.broken}
        yield f"no {method}", lambda broken=broken: three(small().batch(), checkpoint, **broken)  # type: ignore[misc]  # a default binds it
    for method, error in (("accounts", ValueError()), ("head", TypeError("odd"))):
        raised = {method: _raising(error)}
        yield f"{error!r}", lambda raised=raised: three(small().batch(), checkpoint, **raised)  # type: ignore[misc]  # as above
    head = Head("id-1", 4, bytes(32))
    yield "a head behind", lambda: three(small().batch(), checkpoint, head=lambda: head)


def _raising(error: Exception) -> Callable[..., Any]:
    def fail(*args: Any, **named: Any) -> Any:
        raise error

    return fail


def published() -> Iterator[Case]:
    """Heads that are in the journal, and heads that are not."""
    records = small().batch().records
    right = Head("id-1", 4, records[3].digest)
    heads = {
        "the third": Head("id-1", 3, records[2].digest),
        "the empty journal's": Head("id-1", 0, genesis("id-1")),
        "another empty journal's": Head("id-1", 0, genesis("id-2")),
        "another journal's": attrs.evolve(right, journal="id-2"),
        "another digest's": attrs.evolve(right, digest=bytes(32)),
        "of what is to come": attrs.evolve(right, sequence=6),
        "another root's": attrs.evolve(right, find_root=bytes(32)),
        "signed, of another root": attrs.evolve(right, digest=b"", find_root=bytes(32)),
    }
    with small_reader() as reader:
        for name, head in heads.items():
            for way, how in (("full", audit), ("quick", quick_audit)):
                report = how(reader, expect=[right, head])
                yield f"{name}, {way}", lambda report=report: report  # type: ignore[misc]  # as above


@contextmanager
def small_reader() -> Iterator[Reader]:
    """The small journal in a store of its own."""
    store = open_store("memory:", create=True)
    store.make_bank("main", journal="id-1")
    with store.writer("main") as writer:
        writer.append(small().batch())
    with store.reader("main") as reader:
        yield reader


ROWS: dict[str, Change] = {
    "a hold less": lambda batch: batch.holds.pop(),
    "a hold more": lambda batch: batch.holds.append(HoldRow("m2", 9, 3, 1, 0)),
    "a hold of other hours": lambda batch: batch.holds.append(batch.holds.pop()._replace(held=7)),
    "a statute less": lambda batch: batch.statutes.pop(),
    "a statute of the last number": lambda batch: batch.statutes.append(
        StatuteRow(MAX_INTEGER, "mine")
    ),
    "another statute": lambda batch: batch.statutes.append(
        batch.statutes.pop()._replace(version="other")
    ),
    "a tile too many": lambda batch: batch.tiles.append(TileRow(0, 0, bytes(32))),
}


def rows() -> Iterator[Case]:
    """The neighbourhood's holds and statutes, with other rows of them."""
    for name, change in ROWS.items():

        def audited(change: Change = change) -> AuditReport:
            batch = test_audit_rules.forged().batch()
            change(batch)
            return attrs.evolve(audit_of(batch), notes=())

        yield name, audited


def few_at_a_time() -> Iterator[Case]:
    """Forged journals, read two records at a time, of which few texts may wait."""
    for forge, _ in FORGERIES:

        def audited(forge: Callable[[Forgery], None] = forge) -> AuditReport:
            forgery = small()
            forge(forgery)
            with ExitStack() as stack:
                for name in ("audit_pass.PAGE", "texts.PAGE", "derived.PAGE"):
                    stack.enter_context(patch(f"timebank.audit.{name}", 2))
                stack.enter_context(patch("timebank.audit.texts.MOST_WAITING", 0))
                return forgery.audited()

        if forge.__name__.startswith(("text", "erasure", "nothing", "unknown")):
            yield forge.__name__, audited


def odd(journal: Callable[[], Forgery], oddities: Mapping[str, Odd]) -> Iterator[Case]:
    """Such a journal with one oddity in each."""
    sound = journal()
    for name, change in oddities.items():

        def audited(change: Odd = change) -> AuditReport:
            forgery = copy.deepcopy(sound)
            change(forgery)
            return attrs.evolve(forgery.audited(), notes=())

        yield name, audited


def corrections() -> Iterator[Case]:
    """The forgeries of each rule on corrections."""
    later = dropwhile(lambda rule: rule.words != "which record is amended", RULES)
    for rule in later:
        for place, forged in enumerate((rule.forged, *rule.more), start=1):
            yield f"{rule.words}, {place}", forged


GROUPS: dict[str, Callable[[], Iterator[Case]]] = {
    "forgeries": lambda: lies(small, FORGERIES),
    "rules": lambda: lies(test_audit_rules.forged, test_audit_rules.LIES),
    "strict": lambda: lies(test_audit_rules.strictly, test_audit_rules.STRICT),
    "members": lambda: lies(test_audit_members.forged, test_audit_members.LIES),
    "readers": readers,
    "spoiled": spoiled,
    "rows": rows,
    "published": published,
    "few at a time": few_at_a_time,
    "lives": lambda: odd(lifetimes, LIFE_LIES),
    "shapes": lambda: odd(small, ODDITIES),
    "settled": lambda: odd(test_audit_rules.forged, SETTLED),
    "corrections": corrections,
}


def told(report: AuditReport) -> list[str]:
    """The findings and the notes of a report, a line each."""
    lines = [f"{f.check} | {f.place} | {f.expected} | {f.found}" for f in report.findings]
    lines += [f"note | {note.place} | {note.text}" for note in report.notes]
    return [line.replace("\n", "\\n").rstrip() for line in lines] or ["nothing"]


def kept() -> dict[str, list[str]]:
    """The file, by the names of its cases."""
    blocks = PATH.read_text("utf-8").split("\n\n")
    return {name: lines for name, *lines in (block.strip().splitlines() for block in blocks)}


if __name__ == "__main__":
    blocks = [
        "\n".join([f"{group}: {name}", *told(audited())])
        for group, cases in GROUPS.items()
        for name, audited in cases()
    ]
    PATH.write_text("\n\n".join(blocks) + "\n", "utf-8")
