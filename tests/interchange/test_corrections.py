"""Exports and imports of a bank in which accounts were merged and exchanges amended."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time
from io import BytesIO
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

import timebank
from interchange import programs
from support import Clock, sources
from timebank import Hours, TimeBank
from timebank.interchange.engine.booking import run
from timebank.interchange.engine.protocol import ImportedAccount, ImportedRow, ImportedTransfer
from timebank.interchange.engine.report import ImportReport
from timebank.interchange.jsonl import export_jsonl, import_jsonl
from timebank.interchange.plaintext import export_beancount, export_hledger, export_ledger
from timebank.interchange.plaintext.beancount import Beancount
from timebank.interchange.plaintext.dialect import Dialect
from timebank.interchange.plaintext.hledger import Hledger, Ledger
from timebank.interchange.spreadsheet import (
    Sheet,
    balances_sheet,
    statement_sheet,
    transfers_sheet,
)
from timebank.storage import open_store

FORMATS: dict[
    str, tuple[Callable[[TimeBank], Iterator[str]], Dialect, Callable[[Path], dict[str, str]]]
] = {
    "hledger": (export_hledger, Hledger(), programs.hledger),
    "ledger": (export_ledger, Ledger(), programs.ledger),
    "beancount": (export_beancount, Beancount(), programs.beancount),
}
DAY = date(2026, 3, 1)


@pytest.fixture
def bank() -> TimeBank:
    """A chain of duplicates; an amended exchange, an amended hold, a closed month."""
    clock = Clock(datetime(2026, 3, 2, 9, 0, tzinfo=UTC))
    bank = timebank.open("memory:", **sources(clock))
    for id in ("m1", "dup", "twin", "empty", "f1"):
        bank.open_account(id, name=f"Name of {id}")
    bank.transfer(
        earner="dup",
        spender="f1",
        hours=2,
        id="t1",
        occurred_on=DAY,
        started_at=time(23, 30),
        ended_at=time(1, 30),
        category="shoping",
        note="to the clinic",
    )
    bank.transfer(earner="f1", spender="m1", hours="0:30", id="t2", occurred_on=DAY)
    bank.hold(earner="twin", spender="f1", hours=1, id="h1", category="care")
    bank.hold(earner="m1", spender="f1", hours=1, id="h2", occurred_on=date(2026, 4, 1))
    bank.amend("t1", category="shopping", note="to the market", reason="a slip")
    bank.settle("h1", id="t3")
    bank.amend("h1", category=None, started_at=time(9, 5), reason="it was none")
    for account, into in (("dup", "twin"), ("twin", "m1"), ("empty", "m1")):
        bank.merge(account, into=into, reason=f"{account} is {into}")
    bank.reverse("t1", hours="0:30", reason="it was less", id="back")
    bank.close_books(through=date(2026, 2, 28), reason="approved")
    return bank


# -- exports ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", FORMATS)
def test_programs_agree(bank: TimeBank, name: str, tmp_path: Path) -> None:
    """What a merge moved is a transaction: each program has our balance of every account."""
    export, dialect, ask = FORMATS[name]
    path = tmp_path / f"bank.{name}"
    path.write_text("\n".join(export(bank)) + "\n", "utf-8")
    found = ask(path)
    for account in bank.accounts():
        there = found.get(dialect.account(account.kind, account.id), "0").removesuffix(" SEC")
        assert bank.balance(account.id).posted.seconds == int(there or 0)
    text = path.read_text("utf-8")
    assert 2 == text.count("kind: merge") + text.count('kind: "merge"')  # the third moved nothing
    for words in ("23:30", "twin is m1", "shopping", "to the market", "merged_into"):
        assert words in text
    for words in ("shoping", "clinic", "empty is m1"):
        assert words not in text


def read(sheet: Sheet) -> list[dict[str, str]]:
    """The rows, as any program reads CSV."""
    return list(csv.DictReader(io.StringIO("\n".join(sheet)), strict=True))


def test_tables_add_up(bank: TimeBank) -> None:
    """Merges are among the transfers, and times and amendments have columns."""
    rows, sums = read(transfers_sheet(bank)), Counter[str]()
    for row in rows:
        sums[row["account"]] += int(row["seconds"])
    lines = bank.trial_balance().lines
    assert {line.account: line.balance.seconds for line in lines} == {
        line.account: sums[line.account] for line in lines
    }
    first = rows[0]
    assert ("t1", "23:30", "01:30", "shopping", "10") == tuple(
        first[column] for column in ("id", "from", "to", "category", "amended")
    )
    merges = [row for row in rows if row["kind"] == "merge"]
    assert [("", "dup is twin")] * 2 + [("", "twin is m1")] * 2 == [
        (row["id"], row["reason"]) for row in merges
    ]
    within = read(transfers_sheet(bank, until=DAY))
    assert {"t1", "t2", "back"} == {row["id"] for row in within}
    became = {row["account"]: row["merged_into"] for row in read(balances_sheet(_trial(bank)))}
    assert {"dup": "twin", "twin": "m1", "empty": "m1", "m1": "", "f1": ""} == became


def _trial(bank: TimeBank) -> timebank.TrialBalance:
    return bank.trial_balance()


def test_a_statement_as_a_table(bank: TimeBank) -> None:
    """The lines of who was merged say so; the line of the merge itself is on the duplicate."""
    statement = bank.statement("m1")
    rows = read(statement_sheet(statement))[1:]
    assert ["dup", "", "", "twin"] == [row["account"] for row in rows]
    assert ["10", "", "10", "12"] == [row["amended"] for row in rows]
    assert ["23:30", "", "", "09:05"] == [row["from"] for row in rows]
    assert [line.balance.seconds for line in statement.lines] == [
        int(row["balance_seconds"]) for row in rows
    ]
    *_, last = read(statement_sheet(bank.statement("dup")))
    assert ("merge", "", "twin", "dup is twin", "0") == tuple(
        last[column] for column in ("kind", "id", "with", "text", "balance_seconds")
    )


def test_the_journal_makes_the_same_bank(bank: TimeBank) -> None:
    """Byte for byte; what is read of both is the same, and the audit agrees."""
    file = BytesIO(b"".join(export_jsonl(bank)))
    store = open_store("sqlite://", create=True)
    assert bank.head() == import_jsonl(store, file)
    other = TimeBank(store, clock=bank._sources.clock)
    assert list(bank.transfers()) == list(other.transfers())
    assert list(bank.closings()) == list(other.closings())
    for account in bank.accounts():
        assert bank.statement(account.id) == other.statement(account.id)
    assert bank.impact() == other.impact()
    assert other.audit().ok
    store.close()


# -- imports ---------------------------------------------------------------------------


@attrs.define
class Source:
    """A system that has accounts, and exchanges between them, and knows of no merge."""

    rows: list[ImportedRow]
    name: str = "elsewhere"
    bytes: int = 0
    bytes_read: int = 0

    def read(self) -> Iterator[tuple[str, ImportedRow]]:
        """Yield each row."""
        return (("rows", row) for row in self.rows)


def moved(number: int, earner: str, spender: str) -> ImportedTransfer:
    """An hour that moved, with a number of its own."""
    return ImportedTransfer(
        number, f"x{number}", earner=earner, spender=spender, seconds=3600, occurred_on=DAY
    )


def accounts(**stated: int | None) -> list[ImportedRow]:
    """Accounts of the source, with the hours that it states."""
    return [
        ImportedAccount(1, id, stated=None if hours is None else hours * 3600)
        for id, hours in stated.items()
    ]


def counts(report: ImportReport) -> tuple[int, int, int]:
    """Booked, there already, quarantined."""
    return report.transfers_booked, report.transfers_there, report.quarantined


def test_rows_of_a_merged_account(clock: Clock) -> None:
    """They are booked on what it became; those of before and after the merge once."""
    bank = timebank.open("memory:", **sources(clock))
    source = Source([*accounts(m1=None, dup=None, f1=None), moved(1, "dup", "f1")])
    assert (1, 0, 0) == counts(run(bank, source))
    bank.merge("dup", into="m1", reason="twice")
    assert (0, 1, 0) == counts(run(bank, source))
    source.rows += [moved(2, "dup", "f1"), moved(3, "f1", "dup")]
    assert (2, 1, 0) == counts(run(bank, source))
    assert {"m1": Hours(1)} == bank.transfer_by_id("x2").earners
    assert {"m1": Hours(1)} == bank.transfer_by_id("x3").spenders
    assert (0, 3, 0) == counts(run(bank, source))
    bank.open_account("m0")
    bank.merge("m1", into="m0", reason="three times")
    source.rows += [moved(4, "dup", "f1")]
    assert (1, 3, 0) == counts(run(bank, source))
    assert {"m0": Hours(1)} == bank.transfer_by_id("x4").earners
    assert (0, 4, 0) == counts(run(bank, source))
    assert (Hours(2), Hours(0)) == (bank.balance("m0").posted, bank.balance("dup").posted)
    assert bank.audit().ok


def test_rows_that_no_merge_explains(clock: Clock) -> None:
    """Between two that became one, of others under a known id, of who is missing."""
    bank = timebank.open("memory:", **sources(clock))
    source = Source([*accounts(m1=None, dup=None, f1=None, f2=None), moved(1, "dup", "f1")])
    run(bank, source)
    bank.merge("dup", into="m1", reason="twice")
    wrong: list[ImportedRow] = [moved(2, "dup", "m1"), moved(3, "dup", "x")]
    report = run(bank, Source([moved(1, "dup", "f1"), *wrong]))
    assert (0, 1, 2) == counts(report)
    assert ["occurred_on", "spender"] == [row.column for row in report.rows]
    other = run(bank, Source([moved(1, "dup", "f2"), *wrong]))
    assert ((0, 1, 0), ("changed",)) == (counts(other), other.questions)
    assert {"spender": ("f1", "f2")} == other.changed[0].changes


def test_an_account_that_was_closed_in_the_source(clock: Clock) -> None:
    """It was merged here: nothing opens it again, and its rows are booked on what it became."""
    bank = timebank.open("memory:", **sources(clock))
    gone = ImportedAccount(1, "dup", closed=True)
    source = Source([*accounts(m1=None, f1=None), gone, moved(1, "dup", "f1")])
    run(bank, source)
    assert "frozen" == bank.account("dup").status
    bank.merge("dup", into="m1", reason="twice")
    source.rows.append(moved(2, "dup", "f1"))
    assert (1, 1, 0) == counts(run(bank, source))
    assert ("closed", Hours(2)) == (bank.account("dup").status, bank.balance("m1").posted)


def test_ids_that_look_alike_until_they_are_merged(clock: Clock) -> None:
    """Whoever merged the two has seen it."""
    bank = timebank.open("memory:", **sources(clock))
    source = Source(accounts(m1=None, M1=None, f1=None))
    assert (("M1", "m1"),) == run(bank, source).alike
    bank.merge("M1", into="m1", reason="a capital")
    assert () == run(bank, source).alike


def test_balances_of_those_that_became_one(clock: Clock) -> None:
    """They are compared together: the source has two, the bank has one."""
    bank = timebank.open("memory:", **sources(clock))
    rows = [moved(1, "dup", "f1"), moved(2, "m1", "f1")]
    source = Source([*accounts(m1=1, dup=1, f1=-2), *rows])
    first = run(bank, source).reconciliation
    bank.merge("dup", into="m1", reason="twice")
    second = run(bank, source).reconciliation
    assert first is not None
    assert second is not None
    assert ((3, ()), (2, ())) == (
        (first.compared, first.differences),
        (second.compared, second.differences),
    )
    source.rows[0] = ImportedAccount(1, "m1", stated=3 * 3600)
    third = run(bank, source).reconciliation
    assert third is not None
    assert [("m1", Hours(4), Hours(2))] == [
        (one.account, one.stated, one.ours) for one in third.differences
    ]


steps = st.lists(
    st.one_of(
        st.tuples(st.just("row"), st.sampled_from("abcd"), st.sampled_from("abcd")),
        st.tuples(st.just("merge"), st.sampled_from("abcd"), st.sampled_from("abcd")),
        st.tuples(st.just("import"), st.just(""), st.just("")),
    ),
    max_size=15,
)


@given(steps)
def test_nothing_is_booked_twice(taken: list[tuple[str, str, str]]) -> None:
    """Whatever is merged between imports; who is one with the other side is told."""
    bank = timebank.open("memory:", **sources())
    source = Source(accounts(a=None, b=None, c=None, d=None, org=None))
    run(bank, source)
    heirs = {id: id for id in "abcd"}
    number = 0
    for name, one, other in [*taken, ("import", "", "")]:
        if name == "row" and one != other:
            number += 1
            source.rows.append(moved(number, one, other))
        elif name == "merge" and heirs[one] == one and heirs[other] == other and one != other:
            bank.merge(one, into=other, reason="twice")
            heirs = {id: other if heir == one else heir for id, heir in heirs.items()}
        elif name == "import":
            run(bank, source)
            head = bank.head()
            report = run(bank, source)
            assert head == bank.head()
            assert report.transfers_there + report.quarantined == number
            for row in report.rows:
                assert "earner" in row.reason or "spender" in row.reason
    assert bank.audit().ok
