"""The JSON of results: a documented shape for each, that `json.dumps` takes, without fractions."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any

import pytest

import timebank
from support import Clock, fill, fill_with_members, fill_with_rules, sources
from timebank import (
    Band,
    Hours,
    LargestExchange,
    RecordWithin,
    Statute,
    TimeBank,
    WriteOff,
    WrongType,
    federation,
    reports,
)
from timebank.audit import BooksReport, audit_banks
from timebank.contrib import cheques
from timebank.interchange.engine.reconcile import Difference, Reconciliation
from timebank.interchange.engine.report import ImportReport, Quarantined
from timebank.queries.impact import Impact
from timebank.queries.views import read_operation
from timebank.reports.valued import Rates

PAGE = Path(__file__).parents[2] / "docs" / "json.md"
#: Names in the annotations of the bank's methods that are no results.
PLAIN = {
    *("AbstractContextManager", "Any", "BankBatch", "Iterator", "None", "TimeBank"),
    *("dict", "int", "list", "str", "tuple"),
}
#: The figures of the impact report that are no hours.
FRACTIONS = {"reciprocity", "velocity", "gini", "first_exchange_days"}
DAY = date(2026, 6, 30)


@pytest.fixture(scope="module")
def results() -> dict[str, list[Any]]:
    """Results of each type, of a bank that has every kind of record."""
    clock = Clock()
    bank = timebank.open("memory:", **sources(clock))
    fill(bank)
    fill_with_rules(bank)
    fill_with_members(bank, clock)
    clock.now += timedelta(days=60)
    bank.name_delegate("m1", "anna")
    with bank.preview() as preview:
        left = preview.leave("m1", disposal=WriteOff("solidarity"))
    dues = [due for account in bank.accounts() for due in bank.dues(account.id, through=DAY)]
    with bank.preview() as preview:
        charged = preview.run_due(through=DAY)
    statements = [bank.statement(account.id) for account in bank.accounts()]
    strict = Statute(
        version="strict",
        limits={"group": Band(floor=-1)},
        largest_exchange=LargestExchange(hours=1),
        record_within=RecordWithin(days=30),
    )
    replay = bank.replay(strict)
    with bank.preview() as preview:
        now, clock.now = clock.now, clock.now - timedelta(hours=1)
        restart = preview.restart_clock(today=clock.now.date(), reason="it was wrong")
        clock.now = now
    with bank.preview() as preview:
        told: Any = {
            "note": "to the clinic",
            "tags": [],
            "started_at": time(9, 30),
            "reason": "told",
        }
        amended = preview.amend("visit-81", **told)
        line = preview.statement("m1", at=preview.head().sequence).lines[0]
        preview.amend_account("m1", joined_on=date(2024, 1, 2), reason="by her card")
        preview.open_account("m1-again")
        preview.merge("m1-again", into="m1", reason="twice")
        corrected = [line, *preview.events("m1"), preview.statement("m1"), preview.account("f1")]
        closing = preview.close_books(through=date(2025, 12, 31), reason="approved")
        gone = timebank.Head(bank.head().journal, 7_000, bytes(32))
        loss = preview.accept_history(head=gone, reason="restored")
        trial = preview.trial_balance(at=preview.head().sequence)
    damaged = timebank.open("memory:").audit(expect=[str(bank.head())])
    made: list[Any] = [
        *bank.accounts(),
        *(bank.balance(account.id) for account in bank.accounts()),
        *bank.transfers(),
        *bank.holds(status=None),
        *bank.records(),
        bank.head(),
        *statements,
        *(line for statement in statements for line in statement.lines),
        *(total for statement in statements for total in statement.totals.values()),
        *(line.takes_back for one in statements for line in one.lines if line.takes_back),
        bank.trial_balance(),
        *bank.trial_balance(DAY).lines,
        restart,
        amended,
        *amended.amendments,
        *corrected,
        closing,
        loss,
        trial,
        *trial.lines,
        bank.audit(),
        damaged,
        *damaged.findings,
        *damaged.causes,
        BooksReport(damaged.findings, accounts=1, transfers=2, movements=3),
        *audit_banks(timebank.open("sqlite://").store),
        *bank.delegates("m1"),
        *bank.events("m1"),
        *dues,
        charged,
        *charged.charges,
        left,
        *bank.inactive(since=DAY),
        *(statute for _, statute in bank.statutes()),
        strict,
        replay,
        *replay.lines,
        bank.presences(),
        *_valued(bank),
        *bank.presences().lines,
        *_counted(bank),
        bank.impact(),
        reports.impact(bank, at_least=1),
        ImportReport(),
        _import_report(),
        *_of_two_banks(),
        *_of_cheques(),
        bank.erase("m1", reason="asked"),
        bank.erase(record="visit-81", reason="asked"),
    ]
    found: dict[str, list[Any]] = {}
    for one in made:
        found.setdefault(type(one).__name__, []).append(one)
    return found


def _counted(bank: TimeBank) -> Iterator[Any]:
    counted = timebank.Counted(categories=["care", "ironing"], funds="f1", tags=["car", "ironing"])
    yield counted
    yield bank.presences(since=date(2026, 1, 1), until=DAY, counted=counted)


def _valued(bank: TimeBank) -> Iterator[Any]:
    yield reports.value(bank.presences(), Rates.of({"ironing": "7,77", "nothing": "1", "*": "9"}))
    yield reports.value(bank.presences(), Rates.of({"ironing": "7,77"}))


def _of_two_banks() -> Iterator[Any]:
    isola = timebank.open("memory:", bank="isola")
    bovisa = TimeBank(isola.store, bank="bovisa")
    isola.open_account("anna")
    bovisa.open_account("bruno")
    terms: Any = {"they_may_owe": 20, "we_may_owe": 10}
    federation.agree(isola, bovisa, name="Bovisa", theirs=(20, None), **terms)
    yield federation.agree(bovisa, isola, **terms)
    for earner in ("bruno", "nobody"):
        made = federation.transfer(isola, bovisa, spender="anna", earner=earner, hours=1, id=earner)
        yield from (one for one in (made, made.offer, made.spent, made.earned) if one is not None)
    yield federation.agreement(isola, bovisa)
    yield federation.suspend(isola, bovisa, reason="they move")
    yield from isola.statement("anna").lines
    with bovisa.store.reader(bovisa.name) as reader:
        row = reader.records(after=reader.head().sequence - 1, limit=1)[0]
        yield read_operation(reader, row, now=0)


def _of_cheques() -> Iterator[Any]:
    bank = timebank.open("memory:")
    bank.open_account("anna")
    bank.open_account("bruno")
    booklet = cheques.issue(bank, "anna", booklet=17)
    yield booklet
    yield cheques.void(bank, "17-03-33", code="stolen", reason="on the tram")
    pile = cheques.pile_of(
        {"number": str(one), "earner": "bruno", "hours": "1"}
        for one in [*booklet.numbers[:3], booklet.numbers[0]]
    )
    yield cheques.preview(bank, pile)
    yield cheques.book(bank, pile, leave_out=True)
    yield from cheques.booklets(bank)


def _import_report() -> ImportReport:
    row = Quarantined("users.csv", 3, "balance", "1,5", "no hours", ("x",), (("m1", None),))
    one, two = Hours(1), Hours(2)
    differences = (Difference("m1", two, one, one), Difference("m2", two, None, one, 1))
    return ImportReport(
        quarantined=1,
        rows=(row,),
        passed={"rejected": 2},
        frozen=(("m1", one),),
        reconciliation=Reconciliation(compared=4, differences=differences, unplaced=1),
    )


def documented() -> dict[str, list[str]]:
    """The keys of each shape, in the order of the page."""
    sections = re.split(r"^### (\w+)\n", PAGE.read_text("utf-8"), flags=re.MULTILINE)[1:]
    return {
        name: re.findall(r"^\| `(\w+)` \|", text, flags=re.MULTILINE)
        for name, text in zip(sections[::2], sections[1::2], strict=True)
    }


def returned() -> set[str]:
    """The names of the types that the bank's public methods return."""
    methods = inspect.getmembers(TimeBank, inspect.isfunction)
    names = {
        name
        for method, function in methods
        if not method.startswith("_")
        for name in re.findall(r"\w+", str(inspect.signature(function).return_annotation))
    }
    return names - PLAIN


def values(shape: object, key: str = "") -> Iterator[tuple[str, object]]:
    """Each single value in a shape, with the key under which it or its list stands."""
    if isinstance(shape, dict):
        assert all(type(name) is str for name in shape)
        for name, value in shape.items():
            yield from values(value, name)
    elif isinstance(shape, list):
        for value in shape:
            yield from values(value, key)
    else:
        yield key, shape


def test_every_result_of_a_bank_is_on_the_page() -> None:
    """What a public method returns has a section, and a class of that name."""
    assert {"Account", "Due", "Impact", "Replay"} < returned()
    assert set() == returned() - set(documented())
    assert set() == {
        name for name in returned() if not hasattr(timebank, name) and name != Impact.__name__
    }


@pytest.mark.parametrize("name", documented())
def test_a_shape_has_the_keys_of_the_page(name: str, results: dict[str, list[Any]]) -> None:
    """All of them and no others; a statute leaves out what it says nothing about."""
    expected = documented()[name]
    shapes = [reports.json.of(one) for one in results[name]]
    for shape in shapes:
        if name == "Statute":
            assert [key for key in expected if key in shape] == list(shape)
        else:
            assert expected == list(shape)
    assert set(expected) == {key for shape in shapes for key in shape}


@pytest.mark.parametrize("name", documented())
def test_a_shape_is_plain(name: str, results: dict[str, list[Any]]) -> None:
    """JSON gives it back, and no value is a fraction but those that are no hours."""
    for one in results[name]:
        shape = reports.json.of(one)
        assert shape == json.loads(json.dumps(shape))
        for key, value in values(shape):
            plain = {str, int, bool, type(None)} | ({float} if key in FRACTIONS else set())
            assert type(value) in plain, key


@pytest.mark.parametrize("name", documented())
def test_a_shape_is_a_function_of_its_own(name: str, results: dict[str, list[Any]]) -> None:
    """The one that the page names makes what `of` makes, and is public."""
    text = PAGE.read_text("utf-8").split(f"\n### {name}\n")[1]
    function = text.strip().partition("`")[2].partition("`")[0].removeprefix("reports.json.")
    assert function in reports.json.__all__
    one = results[name][0]
    assert reports.json.of(one) == getattr(reports.json, function)(one)


def test_the_page_names_every_function() -> None:
    """Nothing public is without a word."""
    page = PAGE.read_text("utf-8")
    assert [] == [name for name in reports.json.__all__ if f"`reports.json.{name}" not in page]


def test_a_statute_reads_back(results: dict[str, list[Any]]) -> None:
    """`Statute.from_json` takes what the shape has."""
    for statute in results["Statute"]:
        assert statute == Statute.from_json(json.dumps(reports.json.statute(statute)))


@pytest.mark.parametrize("value", [None, {}, [], "m1", Hours(1), iter(())])
def test_what_is_no_result_is_refused(value: object) -> None:
    """With what it is, and what is taken."""
    with pytest.raises(WrongType, match="of takes one result of a bank, such as a Balance"):
        reports.json.of(value)


def test_personal_data_has_the_same_shape_of_an_account() -> None:
    """One function makes both."""
    bank = timebank.open("memory:", **sources())
    fill(bank)
    assert reports.json.account(bank.account("m1")) == bank.personal_data("m1")["account"]
