"""The audit, on journals that no bank would write: forged record by record."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import timebank
from audit.forgeries import CLEAN, DAY, FORGERIES, Forgery, audit_of, found, small
from support import BEGINNING, examples, fill, sources, url_of
from timebank import AUDIT_CHECKS, AuditReport, Corrupt, TimebankError
from timebank.audit import audit, audit_pass, texts, unreadable
from timebank.audit.findings import MOST_FINDINGS
from timebank.audit.plain_runs import StoredColumns
from timebank.journal import commitment, digest, parse
from timebank.model import Head, PostingRow, RecordRow
from timebank.storage import open_store
from timebank.storage.protocol import Reader


@pytest.fixture
def forgery() -> Forgery:
    """A journal to lie in."""
    return small()


def test_a_bank_audits_clean(bank: timebank.TimeBank) -> None:
    """Every kind of record, on each store, and what was counted."""
    fill(bank)
    report = bank.audit()
    assert report.findings == ()
    assert (report.head, report.records) == (bank.head(), bank.head().sequence)
    assert report.accounts == len(list(bank.accounts()))
    names = tuple(check.name for check in AUDIT_CHECKS)
    assert (*report.checks, "published") == names  # nothing published was asked for


def test_long_records_are_read_few_at_a_time(
    bank: timebank.TimeBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of a thousand parties is as long as hundreds of others, and moves as many accounts."""
    fill(bank)
    members = [f"member-{number:03}" for number in range(100)]
    with bank.batch() as batch:
        for id in members:
            batch.open_account(id, kind="fund")
        for number in range(120):
            givers, takers = (dict.fromkeys(members[half::2], "0:01") for half in range(2))
            batch.transfer(earner=givers, spender=takers, id=f"long-{number}")
    read = StoredColumns.read
    sizes: list[int] = []

    def reading(reader: Reader, *, after: int, limit: int) -> StoredColumns | None:
        page = read(reader, after=after, limit=limit)
        sizes.append(0 if page is None else sum(map(len, page.body)))
        return page

    with bank.store.reader(bank.name) as reader:
        longest = max(len(row.body) for row in reader.records(after=0, limit=999))
    monkeypatch.setattr(StoredColumns, "read", reading)
    monkeypatch.setattr(audit_pass, "FIRST_PAGE", 4)
    monkeypatch.setattr(audit_pass, "PAGE_BYTES", 2 * longest)
    assert bank.audit().ok
    # How long they are is known behind the first of them.
    assert 20 < len(sizes)
    assert max(sizes[10:]) <= 3 * longest


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
    batch.records.append(RecordRow(6, digest(last.digest, body), body, "freeze", None, None))
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
        ({"kind": "hold"}, {"canonical"}),
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


class Together(Altered):
    """A reader that answers for many at once, as SQLite's does, by its answers for one."""

    def __init__(self, reader: Reader, **answers: Any) -> None:
        super().__init__(reader, **answers)
        vars(self).update(answers)  # they go before the methods here

    def record_columns(self, *, after: int, limit: int) -> list[tuple[Any, ...]]:
        """Return the columns of records."""
        return [*zip(*self.records(after=after, limit=limit), strict=True)]

    def posting_columns(self, wanted: list[tuple[str, int, int]]) -> list[tuple[Any, ...]]:
        """Return the columns of postings."""
        rows = [
            row
            for id, after, through in wanted
            for row in self.postings(id, after=after, limit=through - after)
        ]
        return [*zip(*rows, strict=True)]

    def sequences_by_id(self, *, after: int, through: int) -> list[int]:
        """Look up each id of some records."""
        rows = self.records(after=after, limit=through - after)
        found = [self.find(row.id) for row in rows if row.id is not None]
        return [row.sequence for row in found if row is not None]

    def totals_by_account(self) -> list[tuple[str, int, int]]:
        """Ask for the totals of each account."""
        rows = self.accounts(after=None, limit=1_000)
        return [(row.account, *self.totals(row.account)) for row in rows]


def altered(
    forgery: Forgery,
    answers: Callable[[Reader], dict[str, Any]],
    kind: type[Altered] = Altered,
) -> AuditReport:
    """The audit through a reader that lies."""
    store = open_store("memory:", create=True)
    store.make_bank("main", journal="id-1")
    with store.writer("main") as writer:
        writer.append(forgery.batch())
    with store.reader("main") as reader:
        lying: Any = kind(reader, **answers(reader))
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


def test_a_store_that_looks_up_many_ids_is_asked_for_each_where_it_is_wrong(
    forgery: Forgery,
) -> None:
    """Where it finds all of them it is asked once; else each is looked up, and told of."""
    ids = [(row.id, row.sequence) for row in forgery.batch().records if row.id is not None]
    right, none, wrong = ids[::-1], list[Any](), [(id, 1) for id, _ in ids]
    assert set() == found(
        altered(forgery, lambda _: {"sequences": lambda _: right, "find": broken})
    )
    for answer in (none, wrong, [*right, ("more", 1)]):
        asked = altered(forgery, lambda _, it=answer: {"sequences": lambda _: it})  # type: ignore[misc]
        assert set() == found(asked)
        denied = altered(
            forgery,
            lambda _, it=answer: {"sequences": lambda _: it, "find": lambda _: None},  # type: ignore[misc]
        )
        assert {"ids"} == found(denied)
    assert set() == found(altered(forgery, lambda _: {"sequences": broken}))
    assert {"file"} == found(altered(forgery, lambda _: {"sequences": broken, "find": broken}))


@pytest.mark.parametrize(
    ("together", "alone", "wrong", "check"),
    [("sequences_by_id", "find", None, "ids"), ("totals_by_account", "totals", (7, 7), "derived")],
)
def test_a_store_that_answers_for_all_is_asked_for_each_where_it_is_wrong(
    forgery: Forgery, together: str, alone: str, wrong: object, check: str
) -> None:
    """Where it is right it is asked once; else each is looked up, and told of."""

    def audited(**answers: Any) -> set[str]:
        return found(altered(forgery, lambda _: {"sequences": broken, **answers}, Together))

    assert set() == audited()
    answers: list[Any] = [broken, lambda **_: [], lambda **_: [("m1", 1, 1)]]
    for answer in answers:
        assert set() == audited(**{together: answer})
        assert {check} == audited(**{together: answer, alone: lambda _: wrong})


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
    report = unreadable(TimebankError("gone"))
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


@examples(60)
@given(st.lists(calls, max_size=25), st.sampled_from(["memory:", "sqlite://"]))
def test_whatever_is_called_audits_clean(todo: list[tuple[Any, ...]], url: str) -> None:
    """What `decide` lets through, the audit finds right: each checks the other."""
    with timebank.open(url, **sources()) as bank:
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
    with timebank.open(url_of("sqlite", tmp_path), **sources()) as bank:
        with bank.batch() as batch:
            batch.open_account("m1", floor=None)
            batch.open_account("m2", floor=None)
            for _ in range(4_400):
                batch.transfer(earner="m1", spender="m2", hours=1, occurred_on=date(2026, 3, 1))
        with bank.store.reader("main") as reader:
            pages: list[int] = []

            def records(*, after: int, limit: int) -> list[RecordRow]:
                rows = reader.records(after=after, limit=limit)
                pages.append(len(rows))
                return rows

            counting: Any = Altered(reader, records=records)
            assert audit(counting).ok
    assert max(pages) <= 4_000


def test_parsed_bodies_are_what_was_forged(forgery: Forgery) -> None:
    """The forgery writes as the library does: the same bytes."""
    assert [parse(row.body) for row in forgery.batch().records] == forgery.records
