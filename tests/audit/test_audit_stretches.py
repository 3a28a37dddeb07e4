"""An audit in stretches reports what one pass reports."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from itertools import pairwise
from typing import Any

import attrs
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

import timebank
from audit import lifetimes
from audit.forgeries import FORGERIES, Forgery, small
from audit.test_audit_checkpoint import LIFE, STEPS
from support import Clock, fill, fill_with_members, fill_with_rules, sources
from timebank import TimeBank, TimebankError
from timebank.audit import AuditReport, Checkpoint, audit
from timebank.audit.audit_pass import AuditPass
from timebank.audit.stretches import StretchResult
from timebank.model import Head
from timebank.storage import open_store
from timebank.storage.protocol import Reader


@attrs.define
class Here:
    """Stretches that end after these records, audited one after the other in this process.

    The last of them is for the audit that asks.
    """

    cuts: Sequence[int]
    found: list[StretchResult | None] = attrs.field(factory=list)
    ended: int = 0

    @property
    def taken(self) -> bool:
        """Whether what was found was taken: else they are ended before the audit begins again."""
        return None not in self.found and self.ended == 1

    def begin(self, reader: Reader, head: Head, since: Checkpoint | None) -> int:
        """Audit all but the last."""
        start = 0 if since is None else since.head.sequence
        ends = [start, *sorted({cut for cut in self.cuts if start < cut < head.sequence})]
        # As a process has it.
        known = None if since is None else Checkpoint.from_bytes(since.to_bytes())
        for after, end in pairwise(ends):
            self.found.append(None)
            with suppress(TimebankError, LookupError, TypeError, ValueError, AttributeError):
                found = AuditPass(reader, None, since=known).audit_stretch(after, end)
                self.found[-1] = None if found is None else StretchResult.of_line(found.to_line())
        return ends[-1] if self.found else 0

    def done(self) -> int:
        """All of their records."""
        return sum(one.records for one in self.found if one is not None)

    def end(self, tell: Callable[[], None]) -> Sequence[StretchResult] | None:
        """All that was found, if all are well."""
        found = [one for one in self.found if one is not None]
        return found if len(found) == len(self.found) else None

    def stop(self) -> None:
        """Nothing is under way."""
        self.ended += 1


def assumed(reader: Reader, through: int) -> Checkpoint:
    """What a stretch behind a record begins from."""
    audit = AuditPass(reader, None)
    audit._start()
    audit._assume_through(through)
    context, state = audit._context, audit.state()
    assert context.head is not None
    return Checkpoint(Head(context.head.journal, context.last, context.digest), lambda: state)


def same(report: AuditReport, other: AuditReport) -> None:
    """All of a report, and what a later audit may go on from."""
    assert report == other
    assert (report.checkpoint is None) == (other.checkpoint is None)
    if report.checkpoint is not None and other.checkpoint is not None:
        assert known(report.checkpoint) == known(other.checkpoint)


def known(checkpoint: Checkpoint) -> dict[str, Any]:
    """What a checkpoint knows, but for what is kept so that less is read again."""
    state = Checkpoint.from_bytes(checkpoint.to_bytes()).state()
    for account in state["effects"]["accounts"].values():
        account.pop("months", None)
    return {name: value for name, value in state.items() if name != "reversals"}


def everything() -> TimeBank:
    """Every kind of record: holds over months, dues, leaving, and an erasure of early texts."""
    clock = Clock()
    bank = timebank.open("memory:", **sources(clock))
    fill(bank)
    fill_with_rules(bank)
    fill_with_members(bank, clock)
    bank.erase("m1", reason="she asked")
    bank.transfer(earner="m2", spender="f1", hours=1, id="last", note="after it")
    return bank


def test_wherever_it_is_cut_the_report_is_the_same() -> None:
    """A bank with everything: at each single record, and at all of them."""
    bank = everything()
    number = bank.head().sequence
    with bank.store.reader("main") as reader:
        whole = audit(reader)
        assert whole.ok
        for cuts in [*([cut] for cut in range(number + 1)), range(number), range(0, number, 7)]:
            here = Here(cuts)
            same(whole, audit(reader, workers=here))
            assert here.taken


@given(
    st.lists(
        st.tuples(
            st.sampled_from(sorted(STEPS)),
            st.sampled_from(["a", "b", "fund"]),
            st.sampled_from(["a", "b", "c"]),
            st.integers(1, 4),
        ),
        max_size=20,
    ),
    st.sets(st.integers(1, 40), max_size=4),
    st.integers(0, 40),
)
def test_any_history_is_proved_in_stretches(
    steps: list[tuple[str, str, str, int]], cuts: set[int], kept: int
) -> None:
    """From its beginning, and from a checkpoint."""
    clock = Clock()
    bank = timebank.open("memory:", **sources(clock))
    for id in ("a", "b", "c", "fund"):
        bank.open_account(id, kind="fund" if id == "fund" else "member", name=id)
    bank.adopt(LIFE)
    checkpoint = bank.audit().checkpoint
    for count, (step, one, other, number) in enumerate(steps):
        clock.now += timedelta(days=number * 5)
        with suppress(TimebankError):
            STEPS[step](bank, one, other, number)
        if count == kept:
            checkpoint = bank.audit().checkpoint
    event(f"{len(cuts)} cuts")
    with bank.store.reader("main") as reader:
        for since in (None, checkpoint):
            here = Here(sorted(cuts))
            same(audit(reader, since=since), audit(reader, since=since, workers=here))
            assert here.taken


@pytest.mark.parametrize(
    ("forge", "checks"), FORGERIES, ids=lambda case: getattr(case, "__name__", "")
)
def test_a_forgery_is_told_in_the_same_words(
    forge: Callable[[Forgery], None], checks: set[str]
) -> None:
    """Wherever the journal is cut."""
    forgery = small()
    forge(forgery)
    batch = forgery.batch()
    store = open_store("memory:", create=True)
    store.make_bank("main", journal=forgery.records[0]["journal"])
    with store.writer("main") as writer:
        writer.append(batch)
    with store.reader("main") as reader:
        whole = audit(reader)
        for cut in range(1, len(batch.records)):
            assert whole == audit(reader, workers=Here([cut]))


def _reversed_too_often() -> Forgery:
    """Half an hour is moved back of which the other half is left, and is moved back twice."""
    forgery = small()
    for hours in (600, 1800, 1800):
        forgery.reversal(4, [["m1", -hours], ["m2", hours]], hours=hours)
        forgery.transfer("m1", "m3", 60)
    return forgery


def _demurrage_of_more() -> Forgery:
    """The dues of a month are left out of what a share is taken of."""
    forgery = lifetimes.lifetimes(attrs.evolve(lifetimes.RULES, limits={}))
    made = next(one for one in forgery.records if one["request"].get("id") == lifetimes.LAST)
    made["effects"]["basis"] += 3600
    share = (made["effects"]["basis"] - 3600) // 7
    made["effects"]["postings"] = [["pot", share], ["m1", -share]]
    return forgery


@pytest.mark.parametrize(
    ("forged", "kept", "cut"), [(_reversed_too_often, 6, 9), (_demurrage_of_more, 43, 46)]
)
def test_what_a_checkpoint_remembers_of_earlier_postings_is_read_anew_behind_a_cut(
    forged: Callable[[], Forgery], kept: int, cut: int
) -> None:
    """What is left to reverse, and sums by month: postings before the cut are not gone through."""
    forgery = forged()
    stores = []
    for end in (kept, len(forgery.records)):
        part = Forgery(forgery.records[:end], [row for row in forgery.texts if row[0] <= end])
        store = open_store("memory:", create=True)
        store.make_bank("main", journal=forgery.records[0]["journal"])
        with store.writer("main") as writer:
            writer.append(part.batch())
        stores.append(store)
    with stores[0].reader("main") as reader:
        since = audit(reader).checkpoint
    with stores[1].reader("main") as reader:
        whole = audit(reader, since=since)
        assert not whole.ok
        assert whole == audit(reader, since=since, workers=Here([cut]))


def test_notes_beyond_the_first_hundred_are_counted() -> None:
    """Flags of each stretch, in order, as one pass keeps them."""
    bank = timebank.open("memory:", **sources())
    bank.adopt(
        timebank.Statute(version="v", limits={"member": timebank.Band(floor=0, beyond="flag")})
    )
    for id in ("m1", "m2"):
        bank.open_account(id)
    for number in range(130):
        bank.transfer(earner="m1", spender="m2", hours=1, id=f"t{number}")
    with bank.store.reader("main") as reader:
        whole, here = audit(reader), Here([20, 125])
        assert "30 more" == whole.notes[-1].text
        same(whole, audit(reader, workers=here))
        assert here.taken


def test_an_assumption_that_is_not_what_the_stretch_before_ends_with_has_another_fingerprint() -> (
    None
):
    """A balance, a status, a hold, closed books, an instant, a digest: each is in it."""
    bank = everything()
    with bank.store.reader("main") as reader:
        known = assumed(reader, 30)
        right = fingerprint(reader, known)
        for path, value in (
            (["effects", "accounts", "m1", "balance"], [1, 1]),
            (["effects", "accounts", "f1", "row", 2], "frozen"),
            (["effects", "accounts", "m1", "history", "changes"], []),
            (["effects", "accounts", "f1", "holds"], []),
            (["effects", "accounts", "f1", "row", 8], "m1"),
            (["effects", "accounts", "f1", "history", "merged"], ["m1"]),
            (["effects", "closed_through"], "2026-03-01"),
            (["clocks", "last"], 0),
            (["statutes", "adopted"], [["2026-03-02", "default/1"]]),
            (["derived", "statutes"], []),
            (["statutes", "adopted", 0, 0], "2026-01-01"),
            (["tree", "peaks"], ["00" * 32] * 4),
        ):
            claim = Checkpoint.from_bytes(known.to_bytes())
            place: Any = claim.state()
            for step in path[:-1]:
                place = place[step]
            before = copy.deepcopy(place)
            place[path[-1]] = value
            assert before != place
            assert right != fingerprint(reader, claim), path
        head = attrs.evolve(known.head, sequence=29)
        assert right != fingerprint(reader, Checkpoint(head, known.state))
        digest = attrs.evolve(known.head, digest=bytes(32))
        assert right != fingerprint(reader, Checkpoint(digest, known.state))


def fingerprint(reader: Reader, known: Checkpoint) -> str:
    """The fingerprint of what a checkpoint knows."""
    audit = AuditPass(reader, None)
    audit._restore(known)
    audit._context.last, audit._context.digest = known.head.sequence, known.head.digest
    return audit._fingerprint()


@given(st.integers(1, 60), st.data())
def test_stretches_are_taken_only_where_each_begins_as_the_one_before_ended(
    number: int, data: Any
) -> None:
    """Any of the fingerprints, at either side of a cut, is another."""
    bank = everything()
    with bank.store.reader("main") as reader:
        whole, here = audit(reader), Here([20, 40])
        here.begin(reader, reader.head(), None)
        place = data.draw(st.sampled_from([(0, "ends"), (1, "begins"), (1, "ends")]))
        at, name = place
        changed = attrs.evolve(here.found[at], **{name: f"{number:064x}"})
        lying = Lying(here.cuts, instead={at: changed})
        same(whole, audit(reader, workers=lying))
        assert not lying.taken


@attrs.define
class Lying(Here):
    """As the others, but for a few results."""

    instead: dict[int, StretchResult] = attrs.field(factory=dict, kw_only=True)

    def end(self, tell: Callable[[], None]) -> Sequence[StretchResult] | None:
        """All that was found, with the others among them."""
        found = super().end(tell)
        return found and [self.instead.get(place, one) for place, one in enumerate(found)]
