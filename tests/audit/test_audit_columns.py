"""Plain transfers judged column by column: the report is that of record by record, in every way.

The one road is switched off by asking for more records in a row than there are; the other is
taken for every record that it can be, and it is counted that it was.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from itertools import takewhile
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

import timebank
from audit.findings import GROUPS
from audit.forgeries import DAY, FORGERIES, Forgery, small
from audit.format_rules import RULES
from audit.test_audit import Altered, Together
from audit.test_tampering import TABLES, changed, rows, tampering
from random_banks import Walk
from support import Clock, examples, sources
from timebank import (
    Band,
    Corrupt,
    Granularity,
    LargestExchange,
    RecordWithin,
    Statute,
    TimebankError,
)
from timebank.audit import AuditReport, audit
from timebank.audit.audit_pass import AuditPass
from timebank.audit.plain_runs import PlainRun
from timebank.journal import commitment
from timebank.model import PostingRow, RecordRow, TextRow
from timebank.storage import open_store
from timebank.storage.protocol import Reader

PASS, RUNS = "timebank.audit.audit_pass", "timebank.audit.plain_runs"


@contextmanager
def roads(least: int, page: int) -> Iterator[list[PlainRun]]:
    """Judge so many plain records in a row at once, of pages of a size; yield the runs taken."""
    taken: list[PlainRun] = []
    take = AuditPass._take

    def counted(self: AuditPass, run: PlainRun) -> bool:
        is_sure = take(self, run)
        if is_sure:
            taken.append(run)
        return is_sure

    with (
        patch(f"{RUNS}.LEAST", least),
        patch(f"{PASS}.PAGE", page),
        patch.object(AuditPass, "_take", counted),
    ):
        yield taken


def both(reader: Reader, page: int = 1_000, **given: Any) -> tuple[AuditReport, int]:
    """The report of either road, which are the same, and how many records went by columns."""
    with roads(10**9, page) as none:
        slowly = audit(reader, now=0, **given)
    with roads(1, page) as taken:
        quickly = audit(reader, now=0, **given)
    assert none == []
    assert slowly == quickly
    assert (slowly.checkpoint is None) == (quickly.checkpoint is None)
    if slowly.checkpoint is not None and quickly.checkpoint is not None:
        assert slowly.checkpoint.to_bytes() == quickly.checkpoint.to_bytes()
    return quickly, sum(map(len, taken))


@examples(25)
@given(st.integers(0, 10**6), st.integers(0, 40), st.sampled_from([1, 2, 7, 1_000]))
def test_any_bank_has_the_same_report(seed: int, steps: int, page: int) -> None:
    """Whatever was done with it, and wherever its pages end."""
    bank = Walk(seed).walk(steps)
    with bank.store.reader(bank.name) as reader:
        report, quick = both(reader, page)
    event(f"by columns: {min(quick, 5)}")
    assert report.ok, report


@pytest.mark.parametrize("group", GROUPS)
def test_each_forgery_is_told_the_same(group: str) -> None:
    """Every journal, storage and reader that lies, of those whose findings are written down."""
    for name, audited in GROUPS[group]():
        with roads(10**9, 1_000):
            slowly = audited()
        with roads(1, 1_000):
            assert slowly == audited(), name


def test_each_rule_of_the_format_is_told_the_same() -> None:
    """Each journal that breaks one; those on corrections are among the findings above."""
    for rule in takewhile(lambda rule: rule.words != "which record is amended", RULES):
        for forged in (rule.forged, *rule.more):
            with roads(10**9, 1_000):
                slowly = forged()
            with roads(1, 1_000):
                assert slowly == forged(), rule.number


# -- what is forged in many plain transfers --------------------------------------------------

accounts = st.sampled_from(["m1", "m2", "m3", "m3", "f", "è 😀", "gone", "new"])
days = st.sampled_from([DAY, "2026-03-01", "2026-03-03", "2026-03-04", "2026-02-30", "1999-12-31"])
texts = st.sampled_from(
    [
        *("care", "è", "a\nb", "a\r\nb", "a b", " a", "due:1", "cheque:17-03-33", "x" * 128),
        *("x" * 129, "e\u0301", "a\u200db", "a\u2028b", "", "\x7f", 'a"b', "\\", "😀"),
        *("exchange", "default/1"),
    ]
)
fields = st.dictionaries(
    st.sampled_from(["area", "category", "resource", "source", "via", "id", "kind", "note"]),
    texts,
    max_size=2,
) | st.dictionaries(
    st.sampled_from(["from", "to", "limits", "occurred_on", "note"]),
    st.sampled_from(["09:00", "24:00", "unchecked", DAY, "2026-03-01", "0f" * 32]),
    max_size=2,
)
of_record = st.dictionaries(
    st.sampled_from(["actor", "format", "journal", "kind", "recorded_on"]), texts | days, max_size=1
) | st.dictionaries(
    st.sampled_from(["sequence", "recorded_at"]), st.integers(-1, 2**53) | st.just(0.5), max_size=1
)
seconds = st.sampled_from([60, 60, 3600, 36_000, 80_000, 2**53 - 1, 10**15, 0, -60])
#: Most of what is drawn is right; what is wrong is one thing here and there.
moved = st.tuples(
    st.sampled_from(["m1", "m2", "m3", "f"]) | accounts,
    st.sampled_from(["m1", "m2", "m3", "f"]) | accounts,
    st.integers(1, 40) | st.integers(1, 40).map(lambda n: n * 60) | seconds,
    st.just({}) | st.just({}) | fields,
    st.just({}) | st.just({}) | st.just({}) | of_record,
)
OTHERS = [forge for forge, _ in FORGERIES]


def many() -> Forgery:
    """The small journal, with two accounts more."""
    forgery = small()
    for id, kind in (("f", "fund"), ("è 😀", "member")):
        sets = {"kind": kind, "status": "open", "joined_on": None, "named": False}
        sets |= {"floor": "inherit", "ceiling": "inherit"}
        forgery.add("open_account", {"account": id, "kind": kind}, {"account": id, "sets": sets})
    return forgery


@pytest.mark.parametrize("restarted", [False, True], ids=["closed ahead", "left closed"])
def test_days_in_closed_books_are_told_the_same(restarted: bool) -> None:
    """Books that are closed later than they can be: each day of service in them is told."""
    forgery = many()
    through = "2026-03-01" if restarted else "2026-03-03"
    effects = {"statute": "default/1"}

    def reason() -> str:
        forgery.texts.append(TextRow(len(forgery.records) + 1, "reason", bytes(16), "why"))
        return commitment(bytes(16), "why")

    asked = {"through": through, "reason": reason()}
    forgery.add("close_books", asked, {"through": through, **effects})
    if restarted:
        asked = {"today": "2026-02-28", "reason": reason()}
        record = forgery.add("restart_clock", asked, effects)
        record["recorded_on"] = "2026-02-28"
        record["recorded_at"] -= 2 * 86_400_000_000
    for _ in range(12):
        made = forgery.transfer("m1", "m2", 60, occurred_on=through)
        made["effects"]["occurred_on"] = through
    store = open_store("memory:", create=True)
    store.make_bank("main", journal="id-1")
    with store.writer("main") as writer:
        writer.append(forgery.batch())
    with store.reader("main") as reader:
        report, _ = both(reader)
    late = [one for one in report.findings if one.check == "clocks" and "closed" in one.expected]
    assert 12 == len(late)


def change_rows(rows: list[Any], change: tuple[str, int, int] | None) -> list[Any]:
    """A value of one row that is another; a row that is gone, or there twice."""
    if change is None or not rows:
        return rows
    field, place, which = change
    place, value = place % len(rows), VALUES[field][which % len(VALUES[field])]
    if field == "gone":
        return rows[:place] + rows[place + 1 :]
    if field == "twice":
        return rows[: place + 1] + rows[place:]
    if field not in rows[place]._fields:
        return rows
    return [*rows[:place], rows[place]._replace(**{field: value}), *rows[place + 1 :]]


#: Values of the types that a store lets through.
NUMBERS, TEXTS = (0, -1, 1, 7, 2**53, 2**70), ("", "x", "t1", "transfer", DAY, "è 😀")
BYTES = (b"", b"x", b"{\n}", b"\xff", bytes(32))
VALUES: dict[str, tuple[object, ...]] = {
    "sequence": (0, 1, 7, 40),
    **dict.fromkeys(["version", "seconds", "balance"], NUMBERS),
    **dict.fromkeys(["kind", "account", "day"], TEXTS),
    **dict.fromkeys(["digest", "body"], BYTES),
    "id": (None, *TEXTS),
    "refers_to": (None, *NUMBERS),
    **dict.fromkeys(["gone", "twice"], (None,)),
}
changes = st.none() | st.tuples(
    st.sampled_from(sorted({*RecordRow._fields, *PostingRow._fields, "gone", "twice"})),
    st.integers(0, 60),
    st.integers(0, 9),
)


@given(
    st.lists(moved, max_size=24),
    st.lists(st.tuples(st.integers(0, 24), st.sampled_from(OTHERS)), max_size=2),
    st.tuples(st.sampled_from([1, 3, 1_000]), st.booleans()),
    changes,
    changes,
)
def test_whatever_is_forged_is_told_the_same(
    transfers: list[tuple[str, str, int, dict[str, Any], dict[str, Any]]],
    others: list[tuple[int, Callable[[Forgery], None]]],
    reading: tuple[int, bool],
    of_records: tuple[str, int, int] | None,
    of_postings: tuple[str, int, int] | None,
) -> None:
    """Fields, days, limits, other records in between, rows that are others or no rows at all.

    The rows are read so many at once, row by row or by columns.
    """
    forgery, (page, by_columns) = many(), reading
    try:
        for number, (earner, spender, amount, request, more) in enumerate(transfers):
            for place, other in others:
                if place == number:
                    with suppress(LookupError):
                        other(forgery)
            forgery.transfer(earner, spender, amount, **request).update(more)
        batch = forgery.batch()
    except (Corrupt, TypeError, ValueError, AttributeError, KeyError):
        return  # what cannot be hashed or folded is no journal
    store = open_store("memory:", create=True)
    store.make_bank("main", journal="id-1")
    try:
        with store.writer("main") as writer:
            writer.append(batch)
    except TimebankError:
        return
    with store.reader("main") as reader:

        def records(*, after: int, limit: int) -> list[RecordRow]:
            every = change_rows(reader.records(after=after, limit=limit + 1), of_records)
            return [row for row in every if row.sequence > after][:limit]

        def postings(account: str, *, after: int, limit: int) -> list[PostingRow]:
            return change_rows(reader.postings(account, after=after, limit=limit), of_postings)

        kind = Together if by_columns else Altered
        lying: Any = kind(reader, records=records, postings=postings)
        report, quick = both(lying, page)
    event(f"by columns: {quick > 0}, well: {report.ok}")


@pytest.mark.parametrize("table", ["timebank_records", "timebank_postings"])
def test_a_value_of_any_type_in_a_file_is_told_the_same(table: str, tmp_path: Path) -> None:
    """In each column of a row amid a run: numbers with a fraction, NULL, bytes for text."""
    original = tmp_path / "bank.db"
    with timebank.open(f"sqlite:///{original}", **sources()) as bank, bank.batch() as batch:
        for id in ("m1", "m2"):
            batch.open_account(id)
        for number in range(20):
            batch.transfer(earner="m1", spender="m2", hours="0:15", id=f"t{number}")
    with closing(sqlite3.connect(original)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    row, key = rows(original, table)[9], TABLES[table]
    where = " AND ".join(f"{name} = :{name}" for name in key)
    for column, value in row.items():
        for other in changed(value):
            copy = Path(shutil.copy(original, tmp_path / "copy.db"))
            with suppress(sqlite3.Error), tampering(copy) as connection:
                sql = f"UPDATE {table} SET {column} = :other WHERE {where}"
                connection.execute(sql, row | {"other": other})
            url = f"sqlite:///{copy}"
            with (
                timebank.open(url, create=False, read_only=True, **sources()) as bank,
                bank.store.reader("main") as reader,
            ):
                both(reader)


# -- banks with rules --------------------------------------------------------------------------


def test_most_of_an_honest_bank_goes_by_columns() -> None:
    """Otherwise nothing would be saved: also under rules, imported, or with words of any script."""
    statute = Statute(
        version="v",
        limits={"member": [Band(floor=-10), Band(floor=-20, from_month=12)]},
        granularity=Granularity(unit="0:15", rounding="up"),
        largest_exchange=LargestExchange(hours=8, beyond="flag"),
        record_within=RecordWithin(days=30, beyond="flag"),
        time_zone="Europe/Rome",
    )
    clock = Clock()
    bank = timebank.open("memory:", **sources(clock))
    for id in ("m1", "m2", "è 😀"):
        bank.open_account(id)
    bank.adopt(statute)
    for number in range(200):
        clock.now += timedelta(minutes=7 * number)
        earner, spender = (("m1", "m2"), ("m2", "è 😀"), ("è 😀", "m1"))[number % 3]
        others = [{}, {"category": "attività"}, {"note": "pane"}, {"limits": "unchecked"}]
        more: dict[str, Any] = others[number % 4]
        bank.transfer(earner=earner, spender=spender, hours="0:15", id=f"n{number}", **more)
    with bank.store.reader("main") as reader:
        report, quick = both(reader)
    assert report.ok
    assert quick >= 190
