"""What people write of a cheque is read exactly, or not: numbers, hours, days, times, headings."""

from __future__ import annotations

from datetime import date, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timebank import Hours
from timebank.contrib.cheques import pile_columns as c
from timebank.contrib.cheques.pile_cells import day_of, days_of, hours_of, number_of, time_of
from timebank.interchange.engine.cells import CellFault
from timebank.interchange.propose.tables import Line
from timebank.model.cheques import MAX_BOOKLET, MAX_CHEQUES, Number
from timebank.reports.told import in_words
from timebank.reports.words import speaking

#: Those of booklets whose number is a year may be a day as well, and are refused then.
booklets = st.integers(1, MAX_BOOKLET).filter(lambda one: not 1930 <= one <= 2029)
numbers = st.builds(Number, booklets, st.integers(1, MAX_CHEQUES))


@given(numbers, st.sampled_from(["-", " ", ".", "", " - ", "/"]), st.sampled_from(["", "cheque:"]))
def test_a_number_is_read_however_it_is_typed(number: Number, between: str, before: str) -> None:
    """With any sign between its parts, or none; and as a phone reads it, with an address."""
    parts = str(number).split("-")
    assert number == number_of(before + between.join(parts), "number")
    for address in ("https://bdt.example/c/{}", "http://b.it/?n={}", "https://b.it/#{}/"):
        assert number == number_of(address.format(number), "number")


@given(numbers, st.sampled_from(["", ".", ",", "'"]), st.sampled_from(["", ".0", ",00", ",0"]))
def test_a_number_that_a_spreadsheet_took_for_an_amount_is_found_again(
    number: Number, between: str, decimals: str
) -> None:
    """With marks between its thousands, and decimals that are none."""
    digits = str(number).replace("-", "")
    written = f"{int(digits):,}".replace(",", between) + decimals
    assert number == number_of(written, "number")


@given(st.integers(1, 31), st.integers(1, 12), st.booleans())
def test_a_number_of_which_a_spreadsheet_made_a_day_is_found_again(
    booklet: int, cheque: int, is_iso: bool
) -> None:
    """By its check digits, whichever order the day's parts have; in doubt it is refused."""
    number = Number(booklet, cheque)
    year = f"19{number.check}" if int(number.check) >= 30 else f"20{number.check}"
    day = f"{booklet:02}/{cheque:02}/{year}"
    if is_iso:  # as a cell of a workbook is read
        day = f"{year}-{cheque:02}-{booklet:02}"
    try:
        found: Number | None = number_of(day, "number")
    except CellFault:
        found = None
    assert found in {number, None}


@pytest.mark.parametrize(
    "text",
    ["17-03-34", "71-03-33", "17-03", "Maria", "2026-03-02", "12/13/2026", "17-03-33 x", "0"],
)
def test_what_is_no_number_is_refused(text: str) -> None:
    """One digit that is wrong, two that are swapped, a day, a name."""
    with pytest.raises(CellFault) as fault:
        number_of(text, "Numero")
    assert "Numero" == fault.value.column


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        *(("2", "2:00"), ("1,5", "1:30"), ("1.5", "1:30"), ("1:30", "1:30"), ("0,75", "0:45")),
        *(("1:30:00", "1:30"), ("90 min", "1:30"), ("1h30", "1:30"), ("1 ora e 30 minuti", "1:30")),
        *(("1½", "1:30"), (" 2 ore ", "2:00"), ("1,50", "1:30")),
    ],
)
def test_hours_are_read_as_people_write_them(text: str, hours: str) -> None:
    """In each usual way."""
    assert Hours(hours) == hours_of(text, "Ore")


@pytest.mark.parametrize("text", ["1,30", "1.15", "2,45", "x", "1.500", "2 e qualcosa", "?"])
def test_hours_that_can_be_two_things_are_asked(text: str) -> None:
    """Whether 1,30 is half past one nobody knows; and what is no number is none."""
    with pytest.raises(CellFault) as fault:
        hours_of(text, "Ore")
    assert "two_figures" not in in_words(fault.value.reason, "it")


def test_days_are_read_in_the_order_of_the_language() -> None:
    """In Italian the day is first, whatever a slip in another line looks like."""
    cells = ("4/3/26", "4/13/26")
    assert date(2026, 3, 4) == day_of(cells[0], days_of(cells, "it"), "Giorno")
    with pytest.raises(CellFault):
        day_of(cells[1], days_of(cells, "it"), "Giorno")
    with speaking("it"):
        assert date(2026, 3, 4) == day_of(cells[0], days_of(cells, "en"), "day")


def test_days_in_english_are_told_by_each_other_or_asked() -> None:
    """4/3/26 is in March or in April: another day of the pile tells, or nobody does."""
    assert date(2026, 3, 4) == day_of("4/3/26", days_of(("4/3/26", "25/3/26"), "en"), "day")
    assert date(2026, 4, 3) == day_of("4/3/26", days_of(("4/3/26", "3/25/26"), "en"), "day")
    with pytest.raises(CellFault, match="may be 2026-03-04 or 2026-04-03"):
        day_of("4/3/26", days_of(("4/3/26",), "en"), "day")
    assert date(2026, 3, 4) == day_of("2026-03-04", days_of(("2026-03-04",), "en"), "day")
    assert day_of(" ", days_of((), None), "day") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(("9", time(9)), ("9:30", time(9, 30)), ("9.30", time(9, 30)), ("ore 9,30", time(9, 30))),
        *(("09:30:00", time(9, 30)), ("23h59", time(23, 59)), ("", None), ("  ", None)),
    ],
)
def test_times_are_read_as_people_write_them(text: str, expected: time | None) -> None:
    """On the clock of the wall."""
    assert expected == time_of(text, "dalle")


@pytest.mark.parametrize("text", ["24", "9:60", "9.3", "mattina", "-1", "9:30:15"])
def test_what_is_no_time_is_refused(text: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(CellFault, match=r"is no time of day like 9:30"):
        time_of(text, "dalle")


@pytest.mark.parametrize(
    ("headings", "expected"),
    [
        (
            ("Numero", "A favore di", "Ore", "Giorno", "dalle", "alle", "Attività", "Note"),
            c.COLUMNS,
        ),
        (("number", "earner", "hours", "day", "from", "to", "activity", "note"), c.COLUMNS),
        (("N° assegno", "A chi", "ORE", "Data"), c.COLUMNS[:4]),
        (("Cheque no.", "To", "Hours", "Date"), c.COLUMNS[:4]),
        (("Data", "Chi ha dato", "Ore", "N."), ("day", "earner", "hours", "number")),
        (("Assegno", "Socio", "Tempo", "Categoria"), ("number", "earner", "hours", "category")),
        (("numero", "chi spende", "chi guadagna", "ore"), ("number", None, "earner", "hours")),
        (("Firma", "Numero", "Nome e cognome", "Ore"), (None, "number", "earner", "hours")),
        (("number", "earner", "hours", "reason"), ("number", "earner", "hours", None)),
    ],
)
def test_columns_are_known_by_their_headings(
    headings: tuple[str, ...], expected: tuple[str | None, ...]
) -> None:
    """In both languages, in any order; who spends, and the signature, are not read."""
    cells = {"earner": "Maria R.", "from": "9:30", "to": "10:30"}
    row = Line(2, tuple(cells.get(one or "", "x") for one in expected))
    place, columns = c.columns_of([Line(1, headings), row], "march.csv")
    assert 0 == place
    assert {one: at for at, one in enumerate(expected) if one is not None} == columns


def test_without_headings_columns_stand_in_their_order() -> None:
    """A first line that is a cheque is one."""
    place, columns = c.columns_of([Line(1, ("17-03-33", "Maria Rossi", "1,5", "2/3/26"))], "x")
    assert (None, {one: at for at, one in enumerate(c.COLUMNS)}) == (place, columns)
