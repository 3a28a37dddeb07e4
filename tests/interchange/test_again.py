"""A source is imported again: known by what its rows mean, whatever became of its spelling."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import attrs
import pytest
from click.testing import CliRunner, Result

import timebank
from support import Clock, sources
from timebank import Hours, InvalidRequest, NotFound, TimeBank, reports
from timebank.cli import main
from timebank.interchange.csv.importer import MappingImporter
from timebank.interchange.csv.toml import parsed
from timebank.interchange.engine.booking import CHUNK_ROWS, run
from timebank.interchange.engine.following import CHANGED_REASON, GONE_REASON
from timebank.interchange.engine.protocol import (
    ImportedAccount,
    ImportedReversal,
    ImportedRow,
    ImportedTransfer,
    Importer,
)
from timebank.interchange.engine.report import ImportReport
from timebank.interchange.engine.source_name import Renamed
from timebank.interchange.engine.undoing import UNDO_REASON, undo
from timebank.interchange.komunitin import Komunitin
from timebank.interchange.komunitin.documents import KomunitinDocuments
from timebank.interchange.timeoverflow import TimeOverflow
from timebank.interchange.timeoverflow.dump import TimeOverflowTables
from timebank.reports.imports import import_text, undo_text
from timebank.reports.words import Words, speaking

DAY = date(2026, 1, 2)
MAPPING = b"""
name = "sheet"
title = "Sheet"
csv = { delimiter = ";" }
amounts = { unit = "hours", decimal = "," }
days = { format = ["%d/%m/%Y", "iso"] }
transfers = { earner = "gives", spender = "gets", amount = "hours", day = "day", note = "note" }
"""
HEAD = "day;gives;gets;hours;note\n"
GOOD = "2/1/2026;Maria Rossi;Luca Bianchi;2;garden\n"


@pytest.fixture
def memory() -> TimeBank:
    """An empty bank in memory."""
    return timebank.open("memory:", **sources(Clock()))


class Named(io.BytesIO):
    """Bytes of a file that has a name."""

    def __init__(self, text: str, name: str) -> None:
        super().__init__(text.encode())
        self.name = name


def sheet(bank: TimeBank, *texts: str, **options: Any) -> ImportReport:
    """Import sheets of these rows, called a.csv, b.csv and so on, or by `names`."""
    names = options.pop("names", "abc")
    files = [Named(HEAD + text, f"{name}.csv") for name, text in zip(names, texts, strict=False)]
    return run(bank, MappingImporter(parsed(MAPPING), files, open_accounts=True), **options)


def balances(bank: TimeBank) -> dict[str, str]:
    """What accounts have, by their names, or their ids where they have none."""
    return {
        account.name or account.id: str(bank.balance(account.id).posted)
        for account in bank.accounts()
    }


@attrs.define
class Listed:
    """An importer of rows that are there already."""

    rows: list[ImportedRow]
    name: str = "listed"
    bytes: int = 0
    bytes_read: int = 0

    def read(self) -> Iterator[tuple[str, ImportedRow]]:
        """The rows, of one file."""
        yield from (("list.csv", row) for row in self.rows)


def moved(n: int, **more: Any) -> ImportedTransfer:
    """An exchange of a minute with an id of its own."""
    values: dict[str, Any] = {"earner": "a", "spender": "b", "seconds": 60, "occurred_on": DAY}
    return ImportedTransfer(n, f"listed:{n}", **{**values, **more})


A, B = ImportedAccount(1, "a"), ImportedAccount(2, "b")


# -- every importer --------------------------------------------------------------------------


def timeoverflow(rows: list[dict[str, Any]], way: int) -> Importer:
    """TimeOverflow's two files."""
    users = "1,,Vera,,,,,,,\n2,,Paolo,,,,,,,\n"
    instant = "2026-01-0{day} 11:35:48" if way else "2026-01-0{day}T11:35:48Z"
    lines = "".join(
        f"{row['spender']},member,{row['earner']},member,{'0' * way}{row['seconds']},"
        f"{instant.format(day=row['day'])},{' ' * way}{row['note']},\n"
        for row in rows
    )
    return TimeOverflow(Named(users, "users.csv"), Named(lines, "transfers.csv"))


def komunitin(rows: list[dict[str, Any]], way: int) -> Importer:
    """Komunitin's two files; its rows have ids."""
    zone = ".000Z" if way else "Z"
    lines = "".join(
        f"{row['id']},committed,{row['seconds'] / 3600:.{2 + way}f},"
        f"2026-01-0{row['day']}T10:00:00{zone},{row['note']}{' ' * way},"
        f"{row['spender']},{row['earner']}\n"
        for row in rows
    )
    head = "id,state,amount,created,description,payer.code,payee.code\n"
    accounts = "id,code,status\n7,1,active\n8,2,active\n"
    return Komunitin(Named(accounts, "accounts.csv"), Named(head + lines, "transfers.csv"))


def documents(rows: list[dict[str, Any]], way: int) -> Importer:
    """Komunitin's documents."""
    accounts = [{"type": "accounts", "id": f"u{n}", "attributes": {"code": f"{n}"}} for n in (1, 2)]
    transfers = [
        {
            "type": "transfers",
            "id": row["id"],
            "attributes": {
                "amount": row["seconds"],
                "meta": {"description": row["note"]} if way else row["note"],
                "state": "committed",
                "created": f"2026-01-0{row['day']}T10:00:00{'.000' * way}Z",
            },
            "relationships": {
                side: {"data": {"type": "accounts", "id": f"u{row[ours]}"}}
                for side, ours in (("payer", "spender"), ("payee", "earner"))
            },
        }
        for row in rows
    ]
    page = {"data": transfers, "included": accounts}
    file = Named(json.dumps(page, indent=way or None), "page.json")
    return KomunitinDocuments(file, scale=0, unit=Hours.from_seconds(1))


def mapping(rows: list[dict[str, Any]], way: int) -> Importer:
    """A sheet with names."""
    names = ("", "Vera", "Paolo")
    lines = "".join(
        f"{row['day']}/1/2026;{names[row['earner']]};{names[row['spender']]};"
        f"{row['seconds'] // 3600}{',00' * way};{row['note']}\n"
        if way
        else f"2026-01-0{row['day']};{names[row['earner']].upper()};{names[row['spender']]};"
        f"{row['seconds'] // 3600};{row['note']}\n"
        for row in rows
    )
    return MappingImporter(parsed(MAPPING), Named(HEAD + lines, "sheet.csv"), open_accounts=True)


@pytest.fixture
def tables(tmp_path: Path) -> Callable[[list[dict[str, Any]], int], Importer]:
    """TimeOverflow's tables, in a folder."""

    def make(rows: list[dict[str, Any]], way: int) -> Importer:
        movements = "".join(
            f"{row['earner']},{row['id']},{row['seconds']}\n"
            f"{row['spender']},{row['id']},-{row['seconds']}\n"
            for row in rows
        )
        transfers = "".join(
            f"{row['id']},2026-01-0{row['day']} 11:35:48{'.5' * way},{row['note']}\n"
            for row in rows
        )
        for table, text in {
            "accounts": "id,accountable_id,accountable_type,balance\n1,7,Member,\n2,8,Member,\n",
            "members": "id,member_uid\n7,1\n8,2\n",
            "transfers": f"id,created_at,reason\n{transfers}",
            "movements": f"account_id,transfer_id,amount\n{movements}",
        }.items():
            (tmp_path / f"{table}.csv").write_text(text)
        header = tmp_path / "accounts.csv"
        header.write_text(
            header.read_text()
            .replace("_type\n", "_type,balance\n")
            .replace("Member\n", "Member,\n")
        )
        return TimeOverflowTables(tmp_path)

    return make


ROWS: list[dict[str, Any]] = [
    {"id": "1", "earner": 1, "spender": 2, "seconds": 3600, "day": 2, "note": "garden"},
    {"id": "2", "earner": 2, "spender": 1, "seconds": 7200, "day": 3, "note": "a lift"},
    {"id": "3", "earner": 1, "spender": 2, "seconds": 3600, "day": 4, "note": ""},
]


@pytest.mark.parametrize("kind", ["mapping", "timeoverflow", "tables", "komunitin", "documents"])
def test_every_importer_knows_its_rows_again(
    memory: TimeBank, kind: str, request: pytest.FixtureRequest
) -> None:
    """Spelt otherwise, in another order; a row changed, one gone; followed, undone, once more."""
    make = request.getfixturevalue("tables") if kind == "tables" else globals()[kind]
    assert run(memory, make(ROWS, 0)).ok
    first, head = balances(memory), memory.head()
    again = run(memory, make(ROWS[::-1], 1))
    assert (True, 0, 3, head) == (
        again.ok,
        again.transfers_booked,
        again.transfers_there,
        memory.head(),
    )
    changed = [ROWS[0], {**ROWS[2], "note": "books"}, {**ROWS[0], "id": "4", "day": 2}]
    asked = run(memory, make(changed, 0))
    assert (("changed", "gone"), 1, 1, 1, head) == (
        asked.questions,
        asked.rows_changed,
        asked.rows_gone,
        asked.waiting,
        memory.head(),
    )
    kept = run(memory, make(changed, 0), keep=True)
    assert (True, 1) == (kept.ok, kept.transfers_booked)
    followed = run(memory, make(changed, 1), follow=True)
    assert (True, 0, 1, 1) == (
        followed.ok,
        followed.transfers_booked,
        followed.taken_back,
        followed.amended,
    )
    assert ["3:00", "-3:00"] == list(balances(memory).values())
    source = make(ROWS, 0).name
    assert 3 == undo(memory, source).taken_back
    assert {"0:00"} == set(balances(memory).values())
    assert run(memory, make(ROWS, 1)).transfers_booked == 3
    assert first == balances(memory)
    assert memory.audit().ok


def test_other_hours_under_a_known_id_are_followed(memory: TimeBank) -> None:
    """Reversed, and booked anew under the id with ~2; a day, and who, as well."""
    run(memory, komunitin(ROWS, 0))
    other = [{**ROWS[0], "seconds": 1800}, {**ROWS[1], "day": 4}, ROWS[2]]
    asked = run(memory, komunitin(other, 0))
    assert [("reverse", {"hours": (Hours(1), Hours("0:30"))})] == [
        (one.remedy, dict(one.changes)) for one in asked.changed[:1]
    ]
    assert (("changed",), 2, 0) == (asked.questions, asked.rows_changed, asked.transfers_booked)
    done = run(memory, komunitin(other, 0), follow=True)
    assert (True, 2, 2) == (done.ok, done.transfers_booked, done.taken_back)
    assert Hours("0:30") == memory.transfer_by_id("komunitin:1~2").hours
    assert "-0:30" == balances(memory)["1"]
    assert run(memory, komunitin(other, 1)).ok
    third = [{**ROWS[0], "seconds": 900}, *other[1:]]
    assert run(memory, komunitin(third, 0), follow=True).ok
    assert Hours("0:15") == memory.transfer_by_id("komunitin:1~3").hours


# -- equal rows ------------------------------------------------------------------------------


def test_equal_rows_count_and_may_change_their_places(memory: TimeBank) -> None:
    """Their notes swapped is nothing that changed."""
    a, b = "2/1/2026;A;B;1;one\n", "2/1/2026;A;B;1;two\n"
    first = sheet(memory, a + b + a)
    assert (3, 2, True) == (first.transfers_booked, first.equal, first.ok)
    assert (True, 3) == ((again := sheet(memory, b + a + a)).ok, again.transfers_there)
    less = sheet(memory, b + a)
    assert (("gone",), "one") == (less.questions, less.gone[0].note)


def test_the_answer_takes_back_one_of_equal_rows_and_it_may_come_again(memory: TimeBank) -> None:
    """Under an id that is free."""
    row = "2/1/2026;A;B;1;\n"
    sheet(memory, row * 3)
    assert (1, True) == ((done := sheet(memory, row * 2, follow=True)).taken_back, done.ok)
    back = sheet(memory, row * 3)
    assert (1, True) == (back.transfers_booked, back.ok)
    assert "3:00" == balances(memory)["A"]
    assert sheet(memory, row * 4).transfers_booked == 1
    assert memory.audit().ok


# -- several files ---------------------------------------------------------------------------


def test_a_row_of_two_files_is_a_question(memory: TimeBank) -> None:
    """In one run: nothing is booked; it is one exchange, or another source's."""
    other = "3/1/2026;Luca Bianchi;Maria Rossi;1;\n"
    asked = sheet(memory, GOOD, GOOD + other)
    assert (("elsewhere",), 0, False, 0) == (
        asked.questions,
        asked.transfers_booked,
        asked.ok,
        memory.head().sequence,
    )
    [one] = asked.elsewhere
    assert ("b.csv", 2, False) == (one.file, one.line, one.booked)
    done = sheet(memory, GOOD, GOOD + other, same_rows=True)
    assert (2, 1, True) == (done.transfers_booked, done.same, done.ok)
    assert sheet(memory, GOOD, GOOD + other).ok  # all is there already
    name = Renamed(MappingImporter(parsed(MAPPING), Named(HEAD + GOOD, "b.csv")), "club")
    assert (1, True) == ((renamed := run(memory, name)).transfers_booked, renamed.ok)
    assert "3:00" == balances(memory)["Maria Rossi"]


def test_a_row_that_came_from_another_file_before_is_a_question(memory: TimeBank) -> None:
    """Unless all of the sheet is there: it was given another name, and nothing else."""
    assert sheet(memory, GOOD).ok
    assert (True, 0) == ((again := sheet(memory, GOOD, names="z")).ok, again.transfers_booked)
    asked = sheet(memory, GOOD + "3/1/2026;Anna;Luca Bianchi;1;\n", names="z")
    assert (("elsewhere",), True, 1) == (
        asked.questions,
        asked.elsewhere[0].booked,
        asked.waiting,
    )
    more = sheet(memory, GOOD + "3/1/2026;Anna;Luca Bianchi;1;\n", names="a")
    assert (1, True) == (more.transfers_booked, more.ok)


def test_the_rows_of_another_file_are_not_gone(memory: TimeBank) -> None:
    """A sheet of lifts, and one of gardens, of the same days."""
    sheet(memory, "1/1/2026;A;B;1;\n9/1/2026;A;B;2;\n", names="a")
    assert sheet(memory, "2/1/2026;A;B;1;\n8/1/2026;A;B;2;\n", names="b").ok
    assert ("gone",) == sheet(memory, "1/1/2026;A;B;1;\n9/1/2026;A;B;3;\n", names="a").questions


def test_the_name_of_a_file_is_not_kept(memory: TimeBank) -> None:
    """Only what tells it from another one."""
    run(
        memory,
        MappingImporter(parsed(MAPPING), Named(HEAD + GOOD, "Maria.csv"), open_accounts=True),
    )
    [transfer] = memory.transfers()
    assert isinstance(transfer.source, dict)
    assert 8 == len(transfer.source["file"])
    assert all(b"Maria.csv" not in record.bytes for record in memory.records())


# -- what is gone, and what cannot be read ------------------------------------------------------


def test_what_lies_outside_of_the_days_of_the_sheet_is_not_gone(memory: TimeBank) -> None:
    """A sheet of this year says nothing of the last one."""
    sheet(memory, "1/12/2025;A;B;1;\n" + GOOD + "1/2/2026;A;B;1;\n")
    assert sheet(memory, GOOD).ok
    assert sheet(memory, "").ok


def test_a_row_that_cannot_be_read_is_not_gone(memory: TimeBank) -> None:
    """It is to be mended first: nothing is taken back for it."""
    edges = "1/1/2026;A;B;1;\n5/1/2026;A;B;1;\n"
    sheet(memory, edges + GOOD)
    bad = edges + GOOD.replace(";2;", ";2 oder 3;")
    report = sheet(memory, bad, follow=True)
    assert (1, 1, 1, 0, ()) == (
        report.quarantined,
        report.rows_gone,
        report.gone_perhaps,
        report.taken_back,
        report.questions,
    )
    assert "2:00" == balances(memory)["Maria Rossi"]


def test_a_row_reversed_by_hand_stays_there(memory: TimeBank) -> None:
    """It is not booked again, and not gone; an undo leaves it."""
    sheet(memory, GOOD)
    [transfer] = memory.transfers()
    memory.reverse(transfer.id, reason="it was not so")
    assert (True, 0) == ((again := sheet(memory, GOOD)).ok, again.transfers_booked)
    assert sheet(memory, GOOD.replace("garden", "books")).ok
    assert (0, 1) == ((done := undo(memory, "sheet")).taken_back, done.left)
    assert sheet(memory, GOOD).transfers_booked == 0


def test_a_row_amended_by_hand_is_as_it_was_booked_or_as_it_says_now(memory: TimeBank) -> None:
    """Either is no change; a third text is."""
    sheet(memory, GOOD)
    [transfer] = memory.transfers()
    memory.amend(transfer.id, note="the garden", category="care", reason="by hand")
    assert sheet(memory, GOOD).ok
    third = sheet(memory, GOOD.replace("garden", "books"))
    assert {"note": ("the garden", "books"), "category": ("care", None)} == third.changed[0].changes
    assert "  a.csv:2: 2026-01-02: Maria Rossi (sheet-1) gave 2:00 to Luca Bianchi (sheet-2)" in (
        import_text(third)
    )


def test_an_erased_note_is_not_brought_back(memory: TimeBank) -> None:
    """The sheet has it still: that is no change."""
    sheet(memory, GOOD)
    [transfer] = memory.transfers()
    memory.erase(record=transfer.id, reason="asked")
    assert sheet(memory, GOOD).ok
    assert sheet(memory, GOOD, follow=True).amended == 0


# -- people ------------------------------------------------------------------------------------


def test_after_an_erasure_no_byte_of_a_name_is_left(tmp_path: Path) -> None:
    """Nor in a file beside it; the sheet imported again is a question, and books nothing."""
    path = tmp_path / "bank.db"
    with timebank.open(f"sqlite:///{path}") as bank:
        assert sheet(bank, GOOD.replace("garden", "")).ok
        bank.erase("sheet-1", reason="asked for it")
        head = bank.head()
        asked = sheet(bank, GOOD.replace("garden", ""))
        assert (("gone",), head) == (asked.questions, bank.head())
    for file in tmp_path.iterdir():
        for byte in (b"Maria", b"maria", b"ROSSI", b"Rossi"):
            assert byte not in file.read_bytes()


def test_near_names_are_told_and_not_joined(memory: TimeBank) -> None:
    """The treasurer sees them, in her language."""
    report = sheet(memory, GOOD + "3/1/2026;Mria Rossi;Luca Bianchi;1;\n")
    assert [("Maria Rossi", "Mria Rossi")] == [(one.name, one.other_name) for one in report.near]
    assert 3 == len([*memory.accounts()])
    with speaking("it"):
        text = import_text(report)
    assert "  Maria Rossi (sheet-1) e Mria Rossi (sheet-3)" in text


def test_ids_that_look_like_names_are_told(memory: TimeBank) -> None:
    """Where the mapping says that texts are ids."""
    mapping = parsed(MAPPING + b'people = { by = "id" }\n')
    rows = GOOD + "3/1/2026;m1;Luca Bianchi;1;\n"
    report = run(memory, MappingImporter(mapping, Named(HEAD + rows, "a.csv"), open_accounts=True))
    assert ("Maria Rossi", "Luca Bianchi") == report.named
    assert any("An id stays for ever" in line for line in import_text(report))


def test_another_import_that_opens_the_same_ids_does_not_mix_people(memory: TimeBank) -> None:
    """Two that begin at once: the second one has to begin again."""
    late = MappingImporter(
        parsed(MAPPING), Named(HEAD + GOOD.replace("Maria", "Mario"), "b.csv"), open_accounts=True
    )
    read = late.read

    def meanwhile() -> Iterator[Any]:
        rows = list(read())
        sheet(memory, GOOD)
        yield from rows

    late.read = meanwhile  # type: ignore[method-assign]  # what another process does
    with pytest.raises(timebank.Conflict):
        run(memory, late)
    late.read = read  # type: ignore[method-assign]  # as above
    assert run(memory, late).ok
    assert {"Maria Rossi": "2:00", "Mario Rossi": "2:00", "Luca Bianchi": "-4:00"} == balances(
        memory
    )


# -- what stands in the way ------------------------------------------------------------------


def test_what_cannot_be_followed_is_not_followed_by_half(memory: TimeBank) -> None:
    """An account was closed since: nothing at all is done, and it is told why."""
    run(memory, Listed([A, B, ImportedAccount(3, "c"), moved(4), moved(5, earner="c"), moved(6)]))
    memory.transfer(earner="b", spender="c", hours="0:01")
    memory.close_account("c")
    head = memory.head()
    ways: list[dict[str, Any]] = [{}, {"strict": True}, {"dry_run": True}]
    for options in ways:
        report = run(memory, Listed([A, B, moved(6), moved(7)]), follow=True, **options)
        assert (head, 1, 0, False) == (
            memory.head(),
            len(report.not_followed),
            report.transfers_booked,
            report.ok,
        )
    assert "listed:5" == report.not_followed[0][0]
    assert any("listed:5" in line for line in import_text(report))


def test_closed_books_let_reversals_be_of_today_and_refuse_amendments(memory: TimeBank) -> None:
    """A text that changed in closed books is told, and nothing is half done."""
    sheet(memory, GOOD + "3/1/2026;A;B;1;\n4/1/2026;A;B;1;\n")
    memory.close_books(through=date(2026, 1, 31), reason="approved")
    head = memory.head()
    changed = GOOD.replace("garden", "books") + "4/1/2026;A;B;1;\n"
    refused = sheet(memory, changed, follow=True)
    assert (head, 1, False) == (memory.head(), len(refused.not_followed), refused.ok)
    done = sheet(memory, GOOD + "4/1/2026;A;B;1;\n", follow=True)
    assert (True, 1) == (done.ok, done.taken_back)
    assert "1:00" == balances(memory)["A"]


@pytest.mark.parametrize("dry_run", [False, True])
def test_closed_books_let_no_half_of_a_correction_stand(memory: TimeBank, *, dry_run: bool) -> None:
    """Hours that changed in closed books: what is gone stays, for its new row would be refused."""
    sheet(memory, GOOD + "3/1/2026;A;B;1;\n")
    memory.close_books(through=date(2026, 1, 31), reason="approved")
    before = balances(memory), memory.head()
    refused = sheet(memory, GOOD + "3/1/2026;A;B;1,5;\n", follow=True, dry_run=dry_run)
    assert before == (balances(memory), memory.head())
    ((place, reason),) = refused.not_followed
    assert place.endswith(":3")
    assert "closed" in reason
    assert (False, 0) == (refused.ok, refused.transfers_booked)
    assert any("2026-01-31" in line for line in import_text(refused))


def test_merged_and_frozen_accounts_are_no_reason_for_a_question(memory: TimeBank) -> None:
    """Rows of a duplicate are known on what it became; what is frozen may be taken back."""
    sheet(memory, GOOD + "3/1/2026;Mria Rossi;Luca Bianchi;1;\n")
    memory.merge("sheet-3", into="sheet-1", reason="misspelt")
    memory.freeze("sheet-2")
    assert sheet(memory, GOOD + "3/1/2026;Mria Rossi;Luca Bianchi;1;\n").ok
    mended = sheet(memory, GOOD + "3/1/2026;Maria Rossi;Luca Bianchi;1;\n")
    assert (True, 2) == (mended.ok, mended.transfers_there)
    assert 2 == undo(memory, "sheet").taken_back
    assert {"Maria Rossi": "0:00", "Mria Rossi": "0:00", "Luca Bianchi": "0:00"} == balances(memory)


def test_an_import_that_was_broken_off_goes_on_without_a_question(memory: TimeBank) -> None:
    """In the middle of the rows, and in the middle of what an answer began."""
    rows: list[ImportedRow] = [
        A,
        B,
        *(moved(n, occurred_on=DAY) for n in range(3, CHUNK_ROWS + 90)),
    ]

    class Broken(Listed):
        def read(self) -> Iterator[tuple[str, ImportedRow]]:
            yield from super().read()
            raise EOFError

    with pytest.raises(EOFError):
        run(memory, Broken(rows))
    assert CHUNK_ROWS == memory.head().sequence
    report = run(memory, Listed(rows[:2] + rows[:1:-1]))
    assert (True, 89) == (report.ok, report.transfers_booked)


def test_who_may_not_read_what_was_booked_has_the_ids_to_go_by() -> None:
    """A second run books nothing, though nothing can be compared."""
    allowed = {"open_account", "transfer", "account", "accounts", "balance", "head"}
    bank = timebank.open("memory:", permissions=lambda ask: ask.action in allowed)
    for _ in range(2):
        report = sheet(bank.acting_as("x"), GOOD)
        assert report.ok
    assert (0, 1) == (report.transfers_booked, report.transfers_there)


def test_two_answers_are_none(memory: TimeBank) -> None:
    with pytest.raises(InvalidRequest, match="not both"):
        run(memory, Listed([]), follow=True, keep=True)


# -- too many hours --------------------------------------------------------------------------


def test_totals_that_no_bank_holds_are_quarantined(memory: TimeBank) -> None:
    """Of an account, and of all rows together; the report is made all the same."""
    most = 2**53 - 1
    rows = [
        moved(3, seconds=most),
        moved(4, seconds=most),
        moved(5, earner="b", spender="a", seconds=most),
        moved(6),
    ]
    report = run(memory, Listed([A, B, *rows]))
    assert (1, 3) == (report.transfers_booked, report.quarantined)
    stated = [attrs.evolve(A, stated=-(2**53)), attrs.evolve(B, stated=2**53)]
    report = run(memory, Listed([*stated, *rows]))
    assert report.reconciliation is not None
    assert 2 == len(report.reconciliation.differences)
    assert import_text(report)
    assert reports.json.of(report)


# -- undo ------------------------------------------------------------------------------------


def test_an_undo_takes_back_levies_and_what_is_left_of_reversals(memory: TimeBank) -> None:
    """And the source can be imported again as it was."""
    rows: list[ImportedRow] = [
        A,
        B,
        moved(3, seconds=100),
        ImportedReversal(4, "listed:3:part", of="listed:3", reason="less", seconds=40),
        moved(5),
        ImportedReversal(6, "r6", of="listed:5", reason="none of it"),
        moved(7, kind="levy", earner="b", spender="a", seconds=7),
    ]
    run(memory, Listed(rows))
    first = balances(memory)
    preview = undo(memory, "listed", dry_run=True)
    done = undo(memory, "listed")
    assert (2, 1, True) == (done.taken_back, done.left, done.done)
    assert attrs.evolve(preview, done=True) == done
    assert Hours.from_seconds(67) == done.moved
    assert {"0:00"} == set(balances(memory).values())
    assert 0 == undo(memory, "listed").taken_back
    again = run(memory, Listed(rows))
    assert (True, 3) == (again.ok, again.transfers_booked)
    assert first == balances(memory)
    assert run(memory, Listed(rows)).transfers_booked == 0
    assert 2 == undo(memory, "listed").taken_back
    assert memory.audit().ok


def test_an_undo_that_cannot_be_whole_does_nothing(memory: TimeBank) -> None:
    """Hours would be left on an account that is closed."""
    run(memory, Listed([A, B, moved(3)]))
    memory.transfer(earner="b", spender="a", hours="0:01")
    memory.close_account("a")
    head = memory.head()
    report = undo(memory, "listed")
    assert (head, 0, False, ["a"]) == (
        memory.head(),
        report.taken_back,
        report.done,
        [id for id, _ in report.refused],
    )
    assert undo_text(report)[0] == "Nothing of listed is taken back, for this cannot be:"


def test_an_undo_opens_and_closes_what_the_source_had_closed(memory: TimeBank) -> None:
    """Members who left are closed again."""
    closed = attrs.evolve(A, closed=True)
    rows: list[ImportedRow] = [closed, B, moved(3), moved(4, earner="b", spender="a")]
    run(memory, Listed(rows))
    assert "closed" == memory.account("a").status
    assert 2 == undo(memory, "listed").taken_back
    assert "closed" == memory.account("a").status
    assert run(memory, Listed(rows)).transfers_booked == 2
    assert memory.audit().ok


@pytest.mark.parametrize("name", ["ces", "caff\udce8", "\ud800", "c\0", "l'\"%_\u2028"])
def test_an_undo_of_what_never_was(memory: TimeBank, name: str) -> None:
    """Whatever it is called: on a command line a name may be no Unicode."""
    memory.open_account("m9")
    with pytest.raises(NotFound, match="nothing was imported from "):
        undo(memory, name)


class Loud(str):
    """A text of an importer's own kind."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"Loud({str(self)!r})"


def test_texts_of_a_kind_of_their_own_are_texts(memory: TimeBank) -> None:
    """An importer may give what is a text and more."""
    run(memory, Listed([A, B, moved(3, note="x y")]))
    report = run(memory, Listed([A, B, moved(3, note=Loud("z  y"))]), follow=True)
    assert [("x y", "z  y")] == [one.changes["note"] for one in report.changed]
    assert memory.audit().ok


# -- the command line ------------------------------------------------------------------------


def call(*words: str) -> Result:
    """Run `timebank` with these words, on bank.db."""
    return CliRunner().invoke(main, ["--db", "bank.db", *words])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with a mapping and a sheet."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.toml").write_bytes(MAPPING)
    (tmp_path / "a.csv").write_text(HEAD + GOOD + "3/1/2026;Luca Bianchi;Maria Rossi;1;\n")
    return tmp_path


IMPORT = ("import", "csv", "--mapping", "m.toml", "--open-accounts", "--transfers", "a.csv")


def test_a_question_and_its_answers_by_command(folder: Path) -> None:
    """Exit code 1 until it is answered; in both languages."""
    assert 0 == call(*IMPORT).exit_code
    (folder / "a.csv").write_text(
        HEAD + "02.01.2026;".replace(".", "/") + "maria rossi;Luca Bianchi;2,00;lawn\n"
        "4/1/2026;Luca Bianchi;Maria Rossi;1;\n1/1/2026;Anna;Luca Bianchi;1;\n"
    )
    asked = call(*IMPORT)
    assert 1 == asked.exit_code
    for line in (
        "Nothing is booked: 2 new rows wait for an answer.",
        "    note: was garden, is lawn",
        "1 exchange was booked and is gone from the source; it would be reversed:",
        "Say --follow to do so, or --keep to leave what was booked as it is.",
    ):
        assert line in asked.stdout
    italian = call("--lang", "it", *IMPORT).stdout
    assert "Con --follow lo si fa; con --keep resta tutto com'è stato registrato." in italian
    assert "--follow and --keep" in call(*IMPORT, "--follow", "--keep").stderr
    dry = call(*IMPORT, "--follow", "--dry-run")
    assert (0, True) == (dry.exit_code, "1 taken back" in dry.stdout)
    shape = json.loads(call(*IMPORT, "--follow", "--format", "json").stdout)
    assert (1, 1, 2) == (shape["taken_back"], shape["amended"], shape["transfers_booked"])
    assert "0 booked, 3 there already" in call(*IMPORT).stdout


def test_an_import_is_undone_by_command(folder: Path) -> None:
    """Once; a source that never was is told in one line."""
    call(*IMPORT)
    assert "2 transfers of sheet would be taken back" in (
        call("import", "undo", "sheet", "--dry-run").stdout
    )
    assert call("import", "undo", "sheet").stdout.startswith("2 transfers of sheet are taken back")
    assert call("import", "undo", "sheet").stdout.startswith("0 transfers of sheet")
    missing = call("import", "undo", "ces")
    assert (2, 1) == (missing.exit_code, missing.stderr.count("\n"))
    assert "Transfers: 2 booked" in call(*IMPORT).stdout


def test_a_source_has_the_name_that_it_is_given(folder: Path) -> None:
    """Ids begin with it; a name that cannot be is told in one line, and makes no bank."""
    wrong = call(*IMPORT, "--source", "Our Sheet")
    assert (2, False) == (wrong.exit_code, (folder / "bank.db").exists())
    assert 0 == call(*IMPORT, "--source", "club").exit_code
    assert "club-1" in call("account", "list").stdout
    assert "2 transfers of club" in call("import", "undo", "club").stdout
    twice = call(*IMPORT, "--transfers", "a.csv")
    assert (2, True) == (twice.exit_code, "names a file twice" in twice.stderr)


def test_what_the_source_says_otherwise_of_an_account_is_told(memory: TimeBank) -> None:
    """It stays as it is here; what the source leaves out is no other thing."""
    account = ImportedAccount(1, "a", name="Maria Rossi", joined_on=DAY)
    run(memory, Listed([account]))
    for other, expected in (
        (attrs.evolve(account, name="MARIA ROSSI"), ()),
        (A, ()),
        (attrs.evolve(account, name="Maria Bianchi"), (("a", "name"),)),
        (attrs.evolve(account, joined_on=date(2026, 1, 1)), (("a", "joined_on"),)),
    ):
        report = run(memory, Listed([other]))
        assert (expected, True, 1) == (report.differ, report.ok, report.accounts_there)
    assert "  Maria Rossi (a): day of joining" in import_text(report)
    memory.erase("a", reason="asked")
    assert () == run(memory, Listed([account])).differ


def test_an_account_stands_for_outsiders(memory: TimeBank) -> None:
    """Of other communities, in both of Komunitin's forms: their codes are kept."""
    rows = [ROWS[0], {**ROWS[1], "earner": 3}, {**ROWS[2], "earner": 4, "spender": 3}]
    assert 2 == run(memory, komunitin(rows, 0)).quarantined
    accounts = "id,code,status\n7,1,active\n8,2,active\n"
    for way in (0, 1):
        made: Any = komunitin(rows, way)
        found = Komunitin(Named(accounts, "accounts.csv"), made._files._sources[1], outsiders="far")
        report = run(memory, found)
        assert [(4, "payee.code")] == [(row.line, row.column) for row in report.rows]
        assert 1 - way == report.transfers_booked
    assert ("clearing", "2:00") == (memory.account("far").kind, balances(memory)["far"])
    source = memory.transfer_by_id("komunitin:2").source
    assert isinstance(source, dict)
    assert "3" == source["outsider"]
    other = timebank.open("memory:")
    pages: Any = documents([{**row, "earner": 1} for row in rows[:1]], 0)
    page = json.loads(pages._documents[0].getvalue())
    page["data"][0]["relationships"]["payer"]["data"]["id"] = "u9"
    file = Named(json.dumps(page), "page.json")
    assert run(other, KomunitinDocuments(file, scale=2, outsiders="far")).ok
    assert "-36:00" == balances(other)["far"]


def test_what_an_import_gives_as_reason_is_told_in_italian() -> None:
    """In statements: the catalogue has all three."""
    for reason in (CHANGED_REASON, GONE_REASON, UNDO_REASON):
        assert Words("statement", "en").reason(reason) == reason
        assert Words("statement", "it").reason(reason) != reason
