"""A rebuild makes rows of a journal that holds, and of no other; no finding advises more."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import timebank
from audit import forgeries
from servers import ON_SERVERS, drop_database, new_database
from support import fill, sources
from timebank import Conflict, Corrupt, StoreBusy, StoreError, TimeBank, TimebankError
from timebank.audit import audit, quick_audit
from timebank.audit.findings import ALL_FIRST, JOURNAL_FIRST
from timebank.cli import main
from timebank.journal import canonical, digest, genesis, parse
from timebank.model import PostingRow, RecordRow
from timebank.model.said import told
from timebank.storage import Store, open_store
from timebank.storage.protocol import Batch, Reader
from timebank.storage.sqlite.transactions import SqliteWriter


@pytest.fixture(params=["memory:", "sqlite://", "file", *ON_SERVERS])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store of each kind."""
    kind = str(request.param)
    server = kind if kind in ("postgresql", "mariadb") else None
    url = f"sqlite:///{tmp_path / 'bank.db'}" if kind == "file" else kind
    url = new_database(server) if server else url
    with closing(open_store(url, create=True)) as found:
        yield found
    if server:
        drop_database(url)


def rows() -> tuple[str, Batch]:
    """The journal of a small bank, and all of its rows."""
    forgery = forgeries.small()
    return forgery.records[0]["journal"], forgery.batch()


def put(store: Store, journal: str, batch: Batch) -> TimeBank:
    """Keep rows as they are, which no bank would."""
    store.make_bank("main", journal=journal)
    with store.writer("main") as writer:
        writer.append(batch)
    return TimeBank(store, create=False)


def balances(bank: TimeBank) -> list[tuple[str, str]]:
    """Where each account stands."""
    return [(account.id, str(bank.balance(account.id).posted)) for account in bank.accounts()]


def rewritten(row: RecordRow, old: bytes, new: bytes) -> RecordRow:
    """A record that says something else."""
    assert old in row.body
    return row._replace(body=row.body.replace(old, new))


def chained(journal: str, records: list[RecordRow]) -> list[RecordRow]:
    """The records with the digests that follow from them."""
    before, found = genesis(journal), []
    for record in records:
        before = digest(before, record.body)
        found.append(record._replace(digest=before))
    return found


def changed_record(journal: str, batch: Batch) -> None:
    batch.records[3] = rewritten(batch.records[3], b"3600", b"7200")


def changed_digest(journal: str, batch: Batch) -> None:
    batch.records[3] = batch.records[3]._replace(digest=bytes(32))


def other_bytes(journal: str, batch: Batch) -> None:
    batch.records[3] = rewritten(batch.records[3], b'{"effects"', b'{ "effects"')
    batch.records[:] = chained(journal, batch.records)


def unknown_field(journal: str, batch: Batch) -> None:
    content = parse(batch.records[3].body) | {"more": 1}
    batch.records[3] = batch.records[3]._replace(body=canonical(content))
    batch.records[:] = chained(journal, batch.records)


def other_column(journal: str, batch: Batch) -> None:
    batch.records[3] = batch.records[3]._replace(id="another")


BROKEN = {
    "a record": (changed_record, "chain, record 4"),
    "a digest": (changed_digest, "chain, record 4"),
    "other bytes": (other_bytes, "canonical, record 4: expected canonical bytes"),
    "a field": (unknown_field, "canonical, record 4"),
    "a column": (other_column, "canonical, record 4"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_nothing_is_made_of_a_journal_that_does_not_hold(store: Store, how: str) -> None:
    """It is said what fails and what to do; forced, it is done."""
    journal, batch = rows()
    breaks, told = BROKEN[how]
    breaks(journal, batch)
    bank = put(store, journal, batch)
    before = balances(bank)
    with pytest.raises(Corrupt) as caught:
        bank.rebuild()
    message = str(caught.value)
    assert told in message
    for part in ("'main' is not well", "run `timebank audit`", "restore a backup", "--force"):
        assert part in message
    assert before == balances(bank)
    bank.rebuild(force=True)
    changed = [("m1", "1:40"), ("m2", "-1:40"), ("m3", "0:00")]
    assert (changed if how == "a record" else before) == balances(bank)


def test_a_gap_is_refused() -> None:
    """Records that are missing, which no store of ours would take."""
    journal, batch = rows()
    bank = put(open_store("memory:", create=True), journal, batch)
    kept = bank.store.writer("main")
    with kept as writer:
        found = writer.records(after=0, limit=9)

        class Gapped:
            def head(self) -> object:
                return writer.head()

            def records(self, *, after: int, limit: int) -> list[RecordRow]:
                return [row for row in found if row.sequence != 2 and row.sequence > after]

        from timebank.audit.journal_only import journal_findings

        reader: Reader = Gapped()  # type: ignore[assignment]  # it is asked for no more
        assert {"sequence"} == {one.check for one in journal_findings(reader)}


@pytest.mark.parametrize("error", [StoreBusy("busy"), Conflict("other"), StoreError("gone")])
@pytest.mark.parametrize("asked", ["head", "records"])
def test_a_storage_that_fails_says_nothing_of_the_journal(
    monkeypatch: pytest.MonkeyPatch, asked: str, error: TimebankError
) -> None:
    """What may be tried again is told as that, and nobody is sent to a backup."""
    bank = put(open_store("sqlite://", create=True), *rows())
    calls = itertools.count()
    ask = getattr(SqliteWriter, asked)

    def failing(self: SqliteWriter, **how: Any) -> Any:
        if next(calls) % 2:
            raise error
        return ask(self, **how)

    monkeypatch.setattr(SqliteWriter, asked, failing)
    with pytest.raises(type(error), match=str(error)):
        bank.rebuild()


def test_what_is_well_is_made_anew(store: Store) -> None:
    """Whatever the rows were."""
    journal, batch = rows()
    right = batch.postings[0]
    wrong = PostingRow(right.account, right.version, right.sequence, 1, 1, right.day)
    batch.postings[0] = wrong
    bank = put(store, journal, batch)
    (finding,) = (one for one in bank.audit().findings if one.place.startswith("posting 1 of"))
    assert "timebank rebuild" in finding.advice
    bank.rebuild()
    assert () == bank.audit().findings


def test_an_empty_bank_is_made_anew(store: Store) -> None:
    """Of nothing."""
    bank = TimeBank(store)
    bank.rebuild()
    assert bank.audit().ok


# -- what findings advise ------------------------------------------------------------


FORGERIES = {
    name: forge
    for name, forge in vars(forgeries).items()
    if callable(forge)
    and getattr(forge, "__annotations__", {}) == {"forgery": "Forgery", "return": "None"}
}


@pytest.mark.parametrize("name", FORGERIES)
def test_no_finding_advises_a_rebuild_where_the_journal_fails(name: str) -> None:
    """Though the rows that follow from it are those of before the forgery."""
    forgery = forgeries.small()
    before = forgery.batch()
    FORGERIES[name](forgery)
    after = forgery.batch()
    before.records, before.texts = after.records, after.texts
    store = open_store("memory:", create=True)
    store.make_bank("main", journal=forgery.records[0]["journal"])
    with store.writer("main") as writer:
        writer.append(before)
    with store.reader("main") as reader:
        report = audit(reader)
    about_rows = [one for one in report.findings if one.check == "derived"]
    others = {one.check for one in report.findings} - {"derived", "texts"}
    expected = told(JOURNAL_FIRST) if others else told("advice_rebuild")
    assert [] == [one for one in about_rows if not one.advice.startswith(expected)]
    if others:
        assert [] == [one for one in report.findings if "rebuild" in one.advice]


@pytest.mark.parametrize("how", BROKEN)
def test_no_finding_of_a_broken_journal_advises_a_rebuild(how: str) -> None:
    """Of a full audit; and one that leaves records out advises a full one."""
    journal, batch = rows()
    batch.postings[0] = batch.postings[0]._replace(seconds=1)
    whole = put(open_store("memory:", create=True), journal, batch)
    assert "rebuild" in str(whole.audit().findings)
    assert {told(ALL_FIRST)} == {
        one.advice for one in whole.audit(quick=True).findings if one.check == "derived"
    }
    BROKEN[how][0](journal, batch)
    bank = put(open_store("memory:", create=True), journal, batch)
    report = bank.audit()
    assert {"derived"} < {one.check for one in report.findings}
    assert [] == [one for one in report.findings if "rebuild" in one.advice]
    with bank.store.reader("main") as reader:
        assert [] == [one for one in quick_audit(reader).findings if "rebuild" in one.advice]


# -- the command --------------------------------------------------------------------


def test_the_command(tmp_path: Path) -> None:
    """Refused in one line with exit code 2, unless it is forced."""
    path = tmp_path / "bank.db"
    with timebank.open(f"sqlite:///{path}", **sources()) as bank:
        fill(bank)
    with closing(sqlite3.connect(path, isolation_level=None)) as tool:
        tool.execute("DROP TRIGGER timebank_records_no_update")
        tool.execute("UPDATE timebank_records SET digest = zeroblob(32) WHERE sequence = 2")
    done = CliRunner().invoke(main, ["--db", str(path), "rebuild"])
    assert (2, "", 1) == (done.exit_code, done.stdout, len(done.stderr.splitlines()))
    assert "chain, record 2: expected " in done.stderr
    assert "nothing is made anew" in done.stderr
    done = CliRunner().invoke(main, ["--db", str(path), "rebuild", "--force"])
    assert (0, "") == (done.exit_code, done.stderr)
    assert told("advice_journal") in " ".join(
        CliRunner().invoke(main, ["--db", str(path), "audit"]).stdout.split()
    )
