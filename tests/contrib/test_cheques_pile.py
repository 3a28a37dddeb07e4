"""A pile of signed cheques: each number counts once, and what a preview says is what is done."""

from __future__ import annotations

import io
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import timebank
from support import examples, sources
from timebank import Hours, InvalidRequest, Roles, TimeBank, WrongType, reports
from timebank.contrib import cheques
from timebank.contrib.cheques import Number, Pile, PileReport
from timebank.contrib.cheques.pile_text import pile_text, write_refused
from timebank.reports.words import speaking

#: Whose booklet each is: the bank of these tests has three, of eight cheques.
BOOKLETS = {17: "anna", 18: "bruno", 19: "carla"}
NAMES = {"anna": "Anna Neri", "bruno": "Bruno Rossi", "carla": "Carla Rossi", "dora": None}


def bank_of(url: str = "memory:", *, floor: int | None = None) -> TimeBank:
    """A bank in which Anna, Bruno and Carla have a booklet each, and Dora has none."""
    made = timebank.open(url, **sources())
    for id, name in NAMES.items():
        made.open_account(id, name=name, floor=floor)
    for number, account in BOOKLETS.items():
        cheques.issue(made, account, booklet=number, cheques=8)
    return made


@pytest.fixture
def bank() -> TimeBank:
    """In memory, without floors."""
    return bank_of()


def line(number: str, earner: str = "dora", hours: str = "1", **more: str) -> dict[str, str]:
    """A line of a form."""
    return {"number": number, "earner": earner, "hours": hours, **more}


def pile(*lines: Mapping[str, object]) -> Pile:
    """A pile of lines of a form."""
    return cheques.pile_of(lines)


def outcomes(report: PileReport) -> list[str]:
    """What becomes of each line."""
    return [one.outcome for one in report.lines]


def reasons(report: PileReport) -> list[str]:
    """Why lines are refused."""
    return [str(one.reason) for one in report.refused]


def posted(bank: TimeBank) -> dict[str, str]:
    """The balance of each account."""
    return {id: str(bank.balance(id).posted) for id in NAMES}


# -- what a pile is ------------------------------------------------------------------------

_SHEET = """\
Cassetto di marzo;;;;;;;
;;;;;;;
Numero;A favore di;Ore;Giorno;dalle;alle;Attività;Note
17-01-39;anna neri;1,5;2/3/26;9.30;11;spesa;al mercato
18 02 27;DORA;90 min;3/3/26;;;;
;Totale;3;;;;;
"""


def test_a_sheet_is_read_as_a_treasurer_keeps_it(bank: TimeBank) -> None:
    """Titles above, empty rows and a total are no cheques; names are found by people's spelling."""
    read = cheques.read_pile(_SHEET.replace("anna neri", "bruno  ROSSI").encode("cp1252"))
    report = cheques.book(bank, read)
    assert ["booked", "refused"] == outcomes(cheques.preview(bank, read)) == outcomes(report)
    assert ["A favore di: 'DORA' is neither the id nor the name of an account"] == reasons(report)
    read = cheques.read_pile(_SHEET.replace("anna neri", "bruno").replace("DORA", "dora").encode())
    assert [(4, "booked"), (5, "booked")] == [
        (one.line, one.outcome) for one in cheques.book(bank, read).lines
    ]
    made = bank.transfer_by_id("cheque:17-01-39")
    assert ("bruno", "anna", Hours("1:30")) == (*made.earners, *made.spenders, made.hours)
    assert (date(2026, 3, 2), time(9, 30), time(11)) == (
        made.occurred_on,
        made.started_at,
        made.ended_at,
    )
    assert ("spesa", "al mercato", "exchange") == (made.category, made.note, made.kind)


def _workbook(rows: Iterable[Iterable[Any]]) -> bytes:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(list(row))
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def test_a_workbook_is_read_with_what_its_program_made_of_the_cells(bank: TimeBank) -> None:
    """Of numbers days, of digits a number, of hours a time, of days days."""
    rows = [
        ("Numero", "A favore di", "Ore", "Giorno", "dalle"),
        (datetime(1939, 1, 17), "dora", 1.5, datetime(2026, 3, 2), time(9, 30)),  # noqa: DTZ001  # as a cell is
        (180227, "dora", time(1, 30), datetime(2026, 3, 3), None),  # noqa: DTZ001  # as above
        ("19-03-15", "dora", timedelta(hours=2), "4/3/2026", "ore 9"),
    ]
    report = cheques.book(bank, cheques.read_pile(_workbook(rows)))
    assert [
        ("17-01-39", "1:30", "2026-03-02"),
        ("18-02-27", "1:30", "2026-03-03"),
        ("19-03-15", "2:00", "2026-03-04"),
    ] == [(one.number, str(one.hours), str(one.day)) for one in report.lines]


@pytest.mark.parametrize("text", ["17-01-39,dora,1,2026-03-02\n", "17-01-39;dora;1;2026-03-02\n"])
def test_a_pile_without_headings_has_its_columns_in_order(bank: TimeBank, text: str) -> None:
    """Number, earner, hours, day."""
    report = cheques.preview(bank, cheques.read_pile(text.encode()))
    assert [("17-01-39", "dora", "booked")] == [
        (one.number, one.earner, one.outcome) for one in report.lines
    ]


def test_where_the_order_is_another_one_and_nothing_says_it_the_order_is_told(
    bank: TimeBank,
) -> None:
    """Beside what is wrong with the cells: of a day in the first column no number was made."""
    for text, is_told in (("2026-03-02;17-01-39;dora;1", True), ("17-01-39;dora;1", False)):
        report = cheques.preview(bank, cheques.read_pile(text.encode()))
        assert not report.has_headings
        told = "\n".join(pile_text(report))
        assert is_told == ("no headings, so its columns are read in this order: number" in told)
    assert cheques.preview(bank, pile(line("17-01-99"))).has_headings


def test_a_row_that_cannot_be_read_is_a_line_that_is_refused(bank: TimeBank) -> None:
    """What is not text is told on its line, and nothing of the others is lost."""
    raw = (
        b'Numero;A chi;Ore\n17-01-39;dora;1\n17-02-36;do\0ra;1\n18-01-30;"dora;2\n19-01-21;dora;3\n'
    )
    report = cheques.preview(bank, cheques.read_pile(raw))
    assert "booked" == report.lines[0].outcome
    assert {2, 3, 4} <= {one.line for one in report.lines}
    assert report.refused
    assert "17-02-36" in refused_file(report, cheques.read_pile(raw))


@pytest.mark.parametrize(
    "text",
    [
        "number|earner|hours\n17-01-39|Rossi, Bruno|1,5\n",
        "Numero;A chi;Ore\n17-01-39;Rossi, Bruno;1,5\n18-01-30;Neri, Anna;1,5\n",
        "Numero\tA chi\tOre\n17-01-39\tRossi, Bruno; di Dora\t1,5\n",
    ],
)
def test_what_stands_between_cells_is_seen_by_the_headings(text: str) -> None:
    """Whatever commas there are in names and hours."""
    read = cheques.read_pile(text.encode())
    assert ("17-01-39", "1,5") == (read.lines[0].values["number"], read.lines[0].values["hours"])
    assert read.lines[0].values["earner"].startswith("Rossi, Bruno")


@given(
    st.lists(
        st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), max_size=9),
        max_size=5,
    ),
    st.sampled_from(["", "Numero;A chi;Ore;Giorno\n", "number,to,hours\n"]),
    st.sampled_from([";", ",", "\t"]),
)
def test_any_text_is_read_line_by_line_or_refused_as_a_whole(
    rows: list[list[str]], titles: str, between: str
) -> None:
    """And a preview of it ends well, whatever it says."""
    text = titles + "\n".join(between.join(row) for row in rows)
    bank = timebank.open("memory:")
    try:
        read = cheques.read_pile(text.encode())
    except InvalidRequest:
        return
    report = cheques.preview(bank, read)
    assert len(read.lines) == len(report.lines) == report.count("refused")
    again = cheques.read_pile(refused_file(report, read).encode())
    assert len(again.lines) >= len(report.lines) or not titles


def test_a_column_that_is_missing_is_told() -> None:
    """With those that there are."""
    with pytest.raises(InvalidRequest, match="has no column of hours; it has 'Numero'") as error:
        cheques.read_pile(b"Numero;A chi;Giorno\n17-01-39;dora;2/3/26\n")
    with speaking("it"):
        told = timebank.explain(error.value)
    assert told.startswith("file non ha una colonna che dica: ")


@pytest.mark.parametrize("lines", [[{"nummer": "1"}], [{"number": 17}], ["17-01-39"]])
def test_a_line_of_a_form_has_known_columns_and_texts(lines: Any) -> None:
    """A slip of a program is told to it."""
    with pytest.raises((InvalidRequest, WrongType)):
        cheques.pile_of(lines)


def test_empty_lines_of_a_form_are_left_out() -> None:
    """A form has more lines than there are cheques; the others keep their places."""
    made = cheques.pile_of([line("17-01-39"), line("", "", " "), {}, line("18-01-30")])
    assert [1, 4] == [one.line for one in made.lines]


def test_a_pile_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is no drawer of paper is not booked in one commit."""
    monkeypatch.setattr("timebank.contrib.cheques.piles.MAX_LINES", 3)
    assert 3 == len(cheques.read_pile(b"17-01-39,dora,1\n" * 3).lines)
    with pytest.raises(InvalidRequest, match="has more than 3 lines: enter them as several"):
        cheques.read_pile(b"17-01-39,dora,1\n" * 5)
    with pytest.raises(InvalidRequest, match="form has more than 3 lines"):
        pile(*[{}] * 4)


def test_what_is_not_read_of_a_sheet_is_told(bank: TimeBank) -> None:
    """A signature, what nobody called anything; but not a column without a word in it."""
    read = cheques.read_pile(b"number;to;hours;signed;from;to;empty\n17-01-39;dora;1;yes;9;11;;x\n")
    assert ("signed", "8") == read.unread
    assert "Columns that are not read: signed, 8." in pile_text(cheques.preview(bank, read))
    cheques.book(bank, read)
    made = bank.transfer_by_id("cheque:17-01-39")
    assert (("dora",), time(9), time(11)) == (tuple(made.earners), made.started_at, made.ended_at)


@pytest.mark.parametrize("titles", ["number,to,hours", "number,to,hours,", "number,to,hours,,day"])
def test_a_decimal_comma_that_parts_a_line_books_no_other_hours(
    bank: TimeBank, titles: str
) -> None:
    """Of 1,5 without marks around it the half hour would stand in the next column: it is asked."""
    read = cheques.read_pile(f'{titles}\n17-01-39,dora,1,5\n17-02-36,dora,"1,5"\n'.encode())
    report = cheques.preview(bank, read)
    assert ["refused", "booked"] == outcomes(report)
    (reason,) = reasons(report)
    assert reason.startswith("4: '5' stands below no heading")
    again = cheques.preview(bank, cheques.read_pile(refused_file(report, read).encode()))
    assert ["refused"] == outcomes(again)


# -- what becomes of it --------------------------------------------------------------------


def test_a_preview_writes_nothing_and_says_what_booking_does(bank: TimeBank) -> None:
    """Number, day, who spends, who earns, hours, and what will happen."""
    before = bank.head()
    made = pile(line("17-01-39", "Carla Rossi", "1:30", day="2026-03-02"))
    (seen,) = cheques.preview(bank, made).lines
    assert before == bank.head()
    assert ("17-01-39", date(2026, 3, 2), "anna", "carla", Hours("1:30"), "booked") == (
        seen.number,
        seen.day,
        seen.spender,
        seen.earner,
        seen.hours,
        seen.outcome,
    )
    assert (seen,) == cheques.book(bank, made).lines
    assert {"anna": "-1:30", "bruno": "0:00", "carla": "1:30", "dora": "0:00"} == posted(bank)


def test_a_pile_that_is_entered_again_books_nothing(bank: TimeBank) -> None:
    """And says when each was entered."""
    made = pile(line("17-01-39"), line("18-01-30"))
    assert ["booked"] * 2 == outcomes(cheques.book(bank, made))
    before = bank.head()
    for report in (cheques.book(bank, made), cheques.preview(bank, made)):
        assert ["there"] * 2 == outcomes(report)
        assert {date(2026, 3, 2)} == {one.entered_on for one in report.lines}
        assert (True, Hours(0)) == (report.ok, report.hours)
    assert before == bank.head()
    text = "\n".join(pile_text(cheques.book(bank, made), booking=True))
    assert "entered already on 2026-03-02" in text
    assert text.endswith("There was nothing to book.")


def test_a_cheque_that_was_described_otherwise_was_entered_all_the_same(bank: TimeBank) -> None:
    """Two desks enter it, and one of them types what for: the first one stays, and that is told."""
    cheques.enter(bank, "17-01-39", earner="dora", hours=1, occurred_on=date(2026, 3, 1))
    cheques.enter(bank, "18-01-30", earner="dora", hours=1, occurred_on=date(2026, 3, 1))
    report = cheques.book(
        bank,
        pile(
            line("17-01-39", activity="shopping", day="2026-03-01"),
            line("18-01-30", note="in the rain"),
            line("19-01-21", activity="shopping"),
        ),
    )
    assert ["there", "there", "booked"] == outcomes(report)
    assert [True, True, False] == [one.differs for one in report.lines]
    text = "\n".join(pile_text(report))
    assert 2 == text.count("entered already on 2026-03-02, described otherwise")
    for other in ({"day": "2026-03-02"}, {"hours": "2"}, {"earner": "carla"}):
        assert ["refused"] == outcomes(cheques.preview(bank, pile({**line("17-01-39"), **other})))


def test_a_cheque_that_was_reversed_since_is_told_to_be(bank: TimeBank) -> None:
    """It moves nothing any more, and is entered no more: who enters it must not believe that."""
    given = [line("17-01-39", "bruno", "1"), line("18-01-30", "dora", "1")]
    cheques.book(bank, pile(*given))
    bank.reverse("cheque:17-01-39", hours="0:15", reason="it was less")
    assert [False, False] == [one.is_reversed for one in cheques.preview(bank, pile(*given)).lines]
    bank.reverse("cheque:17-01-39", reason="it was not")
    for again in (given[0], given[0] | {"note": "tea"}):
        report = cheques.book(bank, pile(again, given[1]))
        assert [("there", True), ("there", False)] == [
            (one.outcome, one.is_reversed) for one in report.lines
        ]
        assert "entered already on 2026-03-02, and reversed since" in "\n".join(pile_text(report))
    other = cheques.preview(bank, pile(line("17-01-39", "dora", "1")))
    assert "reversed since" in reasons(other)[0]
    with speaking("it"):
        assert "e poi è stato stornato" in "\n".join(pile_text(other))
    with pytest.raises(cheques.ChequeEntered, match="nothing to void") as refused:
        cheques.void(bank, "17-01-39")
    assert refused.value.is_reversed
    assert "nothing to void" in timebank.explain(refused.value)


def test_who_earned_may_have_been_merged_since(bank: TimeBank) -> None:
    """The same pile names them by what they became: it is there, and no other cheque."""
    cheques.book(bank, pile(line("17-01-39", "dora", "1")))
    bank.merge("dora", into="bruno", reason="twice")
    for earner in ("dora", "bruno"):
        assert ["there"] == outcomes(cheques.book(bank, pile(line("17-01-39", earner, "1"))))
    report = cheques.preview(bank, pile(line("17-01-39", "clio", "1")))
    assert ["refused"] == outcomes(report)


def test_where_a_line_is_refused_nothing_is_booked(bank: TimeBank) -> None:
    """Neither before it nor behind it; left out, the others are."""
    made = pile(line("17-01-39"), line("17-02-37"), line("18-01-30"))
    before = bank.head()
    report = cheques.book(bank, made)
    assert (False, False, ["booked", "refused", "booked"]) == (
        report.done,
        report.ok,
        outcomes(report),
    )
    assert before == bank.head()
    report = cheques.book(bank, made, leave_out=True)
    assert (True, False) == (report.done, report.ok)
    assert "2:00" == posted(bank)["dora"]
    assert bank.audit().ok


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (line("17-01-38"), "its check digits do not belong to it"),
        (line("99-01-{}"), "99-01-{}"),
        (line("20-01-12"), "booklet 20 of cheques was never issued"),
        (line("17-09-15"), "booklet 17 has cheques 1 to 8 only"),
        (line("17-01-39", "Anna"), "earner: 'Anna' is neither the id nor the name of an account"),
        (line("17-01-39", "Anna Nera"), "near it: 'Anna Neri' (anna)"),
        (line("17-01-39", "anna"), "cannot earn by it"),
        (line("17-01-39", ""), "earner: is empty"),
        (line("17-01-39", hours="1,30"), "hours: '1,30' can be 1:30 or 1,30 hours"),
        (line("17-01-39", hours="0"), "hours"),
        (line("17-01-39", day="31/2/2026"), "day: '31/2/2026' is no day"),
        (line("17-01-39", **{"from": "mattina"}), "from: 'mattina' is no time of day like 9:30"),
        (line("17-01-39", category="x" * 201), "category"),
    ],
)
def test_each_slip_is_told(bank: TimeBank, bad: dict[str, str], why: str) -> None:
    """On its line, by the name of its column, and nothing else is blamed."""
    report = cheques.preview(bank, pile(line("18-01-30"), bad))
    assert ["booked", "refused"] == outcomes(report)
    assert why in reasons(report)[0]
    assert report.lines == cheques.book(bank, pile(line("18-01-30"), bad)).lines


def test_a_void_cheque_is_refused(bank: TimeBank) -> None:
    """And so is one that was entered otherwise."""
    cheques.void(bank, "17-01-39", code="stolen")
    cheques.enter(bank, "18-01-30", earner="anna", hours=2)
    report = cheques.preview(bank, pile(line("17-01-39"), line("18-01-30")))
    assert "was voided on 2026-03-02 (stolen)" in reasons(report)[0]
    assert "was entered before, on 2026-03-02, 2:00 for 'anna'" in reasons(report)[1]
    assert ["anna", "bruno"] == [one.spender for one in report.lines]


def test_a_number_that_stands_twice_counts_once_or_not_at_all(bank: TimeBank) -> None:
    """Alike, the first counts; with other values nobody knows which line is right."""
    made = pile(
        line("17-01-39"),
        line("17 01 39", hours="1:00"),
        line("18-01-30", "anna"),
        line("180130", "carla"),
        line("19-01-21"),
        line("19-01-21", hours="?"),
    )
    report = cheques.book(bank, made, leave_out=True)
    assert ["booked", "same", *["refused"] * 4] == outcomes(report)
    assert 1 == report.lines[1].of_line
    text = "\n".join(pile_text(report, booking=True))
    assert "same as line 1" in text
    assert "1 line says the same as an earlier one, and counts once." in text
    assert "stands on line 4 too, with other values: each number counts once" == reasons(report)[0]
    assert "1:00" == posted(bank)["dora"]


def test_lines_that_a_limit_refuses_are_tried_behind_the_others() -> None:
    """The papers of a drawer are in no order: who earns by one of them may spend by another."""
    bank = bank_of(floor=0)
    with bank.batch() as batch:
        batch.set_limits("carla", floor=-10)
    made = pile(
        line("17-01-39", "dora", "2"), line("18-01-30", "anna", "2"), line("19-01-21", "bruno", "2")
    )
    assert (
        ["booked"] * 3
        == outcomes(cheques.preview(bank, made))
        == outcomes(cheques.book(bank, made))
    )
    assert {"anna": "0:00", "bruno": "0:00", "carla": "-2:00", "dora": "2:00"} == posted(bank)
    again = cheques.preview(
        bank, pile(line("17-02-36", "dora", "2"), line("18-02-27", "anna", "3"))
    )
    assert ["refused"] * 2 == outcomes(again)


def test_a_line_that_waits_for_another_is_tried_again_behind_that_and_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A drawer that lies the wrong way round takes no longer: each line is tried twice at most."""
    bank, size, tried = timebank.open("memory:"), 30, list[str]()
    for place in range(size + 1):
        bank.open_account(f"m{place}", floor=0 if place else None)
        cheques.issue(bank, f"m{place}", booklet=place + 1)

    def counted(handle: TimeBank, number: str, **asked: Any) -> Any:
        tried.append(number)
        return cheques.enter(handle, number, **asked)

    monkeypatch.setattr("timebank.contrib.cheques.pile_booking.enter", counted)
    made = pile(
        *(line(str(Number(place + 1, 1)), f"m{place + 1}") for place in reversed(range(size)))
    )
    assert ["booked"] * size == outcomes(cheques.preview(bank, made))
    assert 2 * size - 1 == len(tried)


def test_what_may_still_be_moved_is_told_as_it_is_behind_all_others() -> None:
    """Of a line that was refused first, and whose account spent by another since."""
    bank = bank_of(floor=-3)
    made = pile(line("17-01-39", "dora", "4"), line("17-02-36", "dora", "2"))
    (reason,) = reasons(cheques.preview(bank, made))
    assert "1:00 may still move" in reason


def test_what_the_statute_flags_is_told() -> None:
    """It is booked all the same."""
    bank = bank_of()
    largest = timebank.LargestExchange(hours=1, beyond="flag")
    bank.adopt(timebank.Statute(version="v/1", largest_exchange=largest))
    report = cheques.preview(bank, pile(line("17-01-39", hours="3")))
    assert ["booked"] == outcomes(report)
    assert "line 1: one exchange moves 3:00, more than the 1:00 of the statute" in pile_text(report)


def test_permissions_are_those_of_who_acts(bank: TimeBank) -> None:
    """A member enters nothing, and is told nothing; a coordinator does."""
    ruled = TimeBank(bank.store, bank=bank.name, permissions=Roles({"carla": "coordinator"}))
    made = pile(line("17-01-39"), line("19-01-21", "Dora Verdi"))
    member = cheques.book(ruled.acting_as("bruno"), made, leave_out=True)
    assert ["refused"] * 2 == outcomes(member)
    assert [None, None] == [one.spender for one in member.lines]
    assert {} == dict(member.names)
    assert ["booked", "refused"] == outcomes(cheques.preview(ruled.acting_as("carla"), made))
    cheques.book(ruled.acting_as("carla"), made, leave_out=True)
    assert "carla" == bank.transfer_by_id("cheque:17-01-39").actor


def test_in_a_hosts_transaction_a_refused_pile_leaves_what_the_host_wrote(tmp_path: Path) -> None:
    """It is one savepoint; the host commits, and may roll back."""
    path = tmp_path / "host.db"
    bank_of(f"sqlite:///{path}").close()
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE desk (id INTEGER PRIMARY KEY)")
    connection.commit()
    bank = timebank.join(connection)
    connection.execute("BEGIN")
    connection.execute("INSERT INTO desk VALUES (1)")
    assert not cheques.book(bank, pile(line("17-01-39"), line("17-01-38"))).done
    assert cheques.book(bank, pile(line("18-01-30"))).done
    connection.execute("COMMIT")
    connection.execute("BEGIN")
    assert cheques.book(bank, pile(line("19-01-21"))).done
    connection.execute("ROLLBACK")
    assert [(1,)] == connection.execute("SELECT id FROM desk").fetchall()
    assert {"anna": "0:00", "bruno": "-1:00", "carla": "0:00", "dora": "1:00"} == posted(bank)
    connection.close()


def test_eight_desks_at_the_same_moment_book_each_number_once(tmp_path: Path) -> None:
    """Each desk has the pile in another order, and is told `booked` or `there` of every line."""
    url = f"sqlite:///{tmp_path / 'bank.db'}"
    bank_of(url).close()
    with timebank.open(url) as bank:
        numbers = [str(one) for book in BOOKLETS for one in cheques.booklet(bank, book).numbers]

    def desk(place: int) -> list[tuple[str, str]]:
        lines = [line(one) for one in (*numbers[place:], *numbers[:place])]
        with timebank.open(url) as bank:
            return [(one.number, one.outcome) for one in cheques.book(bank, pile(*lines)).lines]

    with ThreadPoolExecutor(8) as pool:
        told = Counter(one for desk in pool.map(desk, range(8)) for one in desk)
    assert {(one, "booked"): 1 for one in numbers} | {(one, "there"): 7 for one in numbers} == told
    with timebank.open(url) as bank:
        assert "24:00" == posted(bank)["dora"]
        assert bank.audit().ok


# -- what is refused, as a file ------------------------------------------------------------


def refused_file(report: PileReport, made: Pile) -> str:
    """The file of refused lines."""
    file = io.StringIO()
    write_refused(report, made, file)
    return file.getvalue()


@pytest.mark.parametrize("language", ["en", "it"])
@pytest.mark.parametrize(
    "text",
    [
        "Numero;A favore di;Ore;Giorno;Firma\n17-01-39;Bruno;1,30;2/3/26;=1+1\n;Totale;1;;\n",
        '17-01-39,Bruno,"1,30",2026-03-02\n',
        "number\tearner\thours\tnote\textra\n17-01-39\tBruno\t1,30\n",
    ],
)
def test_what_is_refused_is_mended_in_its_file_and_entered(
    bank: TimeBank, text: str, language: str
) -> None:
    """As it stood, with the reason behind; again and again, with one column of reasons."""
    made = cheques.read_pile(text.encode())
    with speaking(language):
        first = refused_file(cheques.preview(bank, made), made)
        again = cheques.read_pile(first.encode())
        second = refused_file(cheques.preview(bank, again), again)
    assert first == second
    mended = first.replace("1,30", "1:30").replace("Bruno", "bruno", 1)
    report = cheques.book(bank, cheques.read_pile(mended.encode()))
    assert ["booked"] == outcomes(report)
    assert bank.transfer_by_id("cheque:17-01-39").note is None


def test_a_form_that_is_refused_makes_a_pile(bank: TimeBank) -> None:
    """With headings in the language that is spoken."""
    made = pile(line("17-01-38", category="spesa", note="due\nborse"))
    with speaking("it"):
        text = refused_file(cheques.preview(bank, made), made)
    assert "numero,a favore di,ore,giorno,dalle,alle,attività,note,categoria,motivo" in text
    (read,) = cheques.read_pile(text.encode()).lines
    assert ("spesa", "due\nborse") == (read.values["category"], read.values["note"])


# -- how it is shown -----------------------------------------------------------------------


def test_the_shape_of_a_report_has_reasons_in_english(bank: TimeBank) -> None:
    """As all JSON; what is not known is null."""
    with speaking("it"):
        shape = reports.json.of(cheques.preview(bank, pile(line("17-01-38"), line("18-01-30"))))
    assert (False, False, 1, 0, 0, 1, "1:00") == tuple(
        shape[key] for key in ("ok", "done", "booked", "there", "same", "refused", "hours")
    )
    assert "check digits" in shape["lines"][0]["reason"]
    assert {"number": "18-01-30", "outcome": "booked", "spender": "bruno"}.items() <= shape[
        "lines"
    ][1].items()


def test_a_refusal_is_told_in_the_language_with_names(bank: TimeBank) -> None:
    """As all that people read."""
    with speaking("it"):
        text = "\n".join(pile_text(cheques.preview(bank, pile(line("17-01-39", "anna")))))
    assert "rifiutato (1)" in text
    assert "libretto di Anna Neri" in text
    assert "Era un'anteprima" in text


# -- any pile ------------------------------------------------------------------------------

with bank_of() as _drawer:
    NUMBERS = [str(one) for book in BOOKLETS for one in cheques.booklet(_drawer, book).numbers]

good_lines = st.lists(
    st.tuples(st.sampled_from(NUMBERS), st.sampled_from(["1", "0:30", "2,5", "90 min"])),
    unique_by=lambda one: one[0],
    max_size=12,
)


@st.composite
def desks(draw: st.DrawFn) -> tuple[list[dict[str, str]], list[list[dict[str, str]]]]:
    """A drawer of cheques, and how it is dealt out to desks: in any order, some cheques twice."""
    drawer = [line(number, hours=hours, day="2026-03-01") for number, hours in draw(good_lines)]
    dealt = draw(st.permutations(drawer + draw(st.lists(st.sampled_from(drawer or [{}])))))
    cuts = sorted(draw(st.lists(st.integers(0, len(dealt)), max_size=3)))
    piles = [dealt[a:b] for a, b in zip([0, *cuts], [*cuts, len(dealt)], strict=True)]
    return drawer, piles + draw(st.lists(st.sampled_from(piles), max_size=3))


@given(desks())
def test_however_a_drawer_is_dealt_out_each_number_counts_once(
    dealt: tuple[list[dict[str, str]], list[list[dict[str, str]]]],
) -> None:
    """And in the end the bank is the same as if one desk had entered it once."""
    drawer, piles = dealt
    one, many = bank_of(), bank_of()
    assert cheques.book(one, pile(*drawer)).done
    told: Counter[str] = Counter()
    for some in piles:
        report = cheques.book(many, pile(*some))
        assert report.ok
        told += Counter(each.number for each in report.lines if each.outcome == "booked")
    assert Counter(each["number"] for each in drawer) == told
    assert posted(one) == posted(many)
    assert {t.id: (t.hours, t.postings) for t in one.transfers()} == {
        t.id: (t.hours, t.postings) for t in many.transfers()
    }
    for book in BOOKLETS:
        assert cheques.booklet(one, book).out == cheques.booklet(many, book).out


any_lines = st.lists(
    st.fixed_dictionaries(
        {
            "number": st.sampled_from([*NUMBERS[:10], "17-01-38", "20-01-12", "17-09-15", ""]),
            "earner": st.sampled_from(["dora", "anna", "Bruno Rossi", "rossi", ""]),
            "hours": st.sampled_from(["1", "2", "3", "1,30", "", "40"]),
        },
        optional={"day": st.sampled_from(["2026-03-01", "31/2/26", "1/3/26", ""])},
    ),
    max_size=10,
)


@examples(60)
@given(any_lines, any_lines, st.sampled_from([None, -3, 0]), st.booleans())
def test_what_a_preview_says_is_what_booking_does(
    before: list[dict[str, str]],
    lines: list[dict[str, str]],
    floor: int | None,
    leave_out: bool,
) -> None:
    """Line by line, whatever was entered before, with slips, rivals and limits."""
    bank = bank_of(floor=floor)
    cheques.void(bank, "17-02-36")
    cheques.book(bank, pile(*before), leave_out=True)
    start = bank.head().sequence
    seen = cheques.preview(bank, pile(*lines))
    done = cheques.book(bank, pile(*lines), leave_out=leave_out)
    assert seen.lines == done.lines
    assert done.done == (leave_out or seen.ok)
    booked = seen.count("booked") if done.done else 0
    assert start + booked == bank.head().sequence
    again = cheques.book(bank, pile(*lines), leave_out=True)
    if done.done:
        assert (0, seen.count("same")) == (again.count("booked"), again.count("same"))
    assert bank.audit().ok


def test_what_was_changed_since_it_was_shown_is_not_booked(bank: TimeBank) -> None:
    """Its digest is of the lines: what is typed alike is the same pile."""
    shown, typed = pile(line("17-03-33", hours="1:30")), pile(line("17-03-33 ", hours=" 1:30 "))
    assert shown.digest == typed.digest
    other = pile(line("17-03-33", hours="1:45"))
    assert not cheques.book(bank, other, seen=shown.digest).done
    assert cheques.preview(bank, other) == cheques.book(bank, other, seen="")
    assert cheques.book(bank, typed, seen=shown.digest).done
    assert "1:30" == posted(bank)["dora"]
