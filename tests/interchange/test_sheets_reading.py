"""Sheets as they are: whatever the dialect, the same rows; whatever the file, rows or one line."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from timebank import InvalidRequest
from timebank.interchange.engine.csv_rows import Row
from timebank.interchange.engine.report import Quarantined
from timebank.interchange.sheets import workbooks
from timebank.interchange.sheets.dialects import delimiters
from timebank.interchange.sheets.encodings import encoding_of
from timebank.interchange.sheets.headings import find_titles, is_total
from timebank.interchange.sheets.reading import Sheet
from timebank.interchange.sheets.workbooks import text_of

TITLES = ("Data", "Chi ha dato", "Chi ha ricevuto", "Ore", "Attività")
WORDS = ("spesa e farmacia", "perché no", "un caffè, due", "l'orto; poi", 'la "casa"', "", "30 m²")
#: Letters that each encoding has.
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252")


def rows_of(data: bytes, **options: Any) -> list[tuple[str, ...]]:
    """The cells of the rows of a sheet."""
    found = Sheet(io.BytesIO(data), **options).rows()
    return [row.columns for row in found if isinstance(row, Row)]


def rows_or_line(data: bytes) -> list[Row | Quarantined]:
    """The rows of a sheet; none, where one line refuses it."""
    said = ""
    try:
        return list(Sheet(io.BytesIO(data)).rows())
    except InvalidRequest as error:
        said = str(error)
    assert len(said.splitlines()) == 1
    return []


# -- dialects -----------------------------------------------------------------------------

_ROW = st.tuples(
    st.sampled_from(["2/3/2026", "02/03/2026", "4.3.26"]),
    st.sampled_from(["Maria Rossi", "Zoë", "Nicolò D'Angelo"]),
    st.sampled_from(["Luca", "Anna Bianchi", "Famiglia Città"]),
    st.sampled_from(["1,5", "2", "0:45", "2h"]),
    st.sampled_from(WORDS),
)


@given(
    table=st.lists(_ROW, min_size=2, max_size=8),
    encoding=st.sampled_from(ENCODINGS),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    end=st.sampled_from(["\r\n", "\n", "\r"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    names_separator=st.booleans(),
    titles_before=st.integers(min_value=0, max_value=3),
    blanks=st.lists(st.integers(min_value=0, max_value=8), max_size=3),
)
@example(
    table=[("2/3/2026", "Zoë", "Luca", "1,5", "un caffè, due")] * 2,
    encoding="cp1252",
    delimiter=";",
    end="\r",
    quoting=csv.QUOTE_MINIMAL,
    names_separator=True,
    titles_before=2,
    blanks=[1],
)
def test_a_table_is_the_same_rows_in_each_dialect(  # noqa: PLR0917 - Hypothesis gives them by name
    table: list[tuple[str, ...]],
    encoding: str,
    delimiter: str,
    end: str,
    quoting: int,
    names_separator: bool,
    titles_before: int,
    blanks: list[int],
) -> None:
    """Encoding, delimiter, line end, mark, quotes, `sep=`, title lines and blank rows."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=quoting)  # type: ignore[arg-type]  # one of csv's
    if names_separator:
        text.write(f"sep={delimiter}{end}")
    for n in range(titles_before):
        writer.writerow([f"Il nostro anno {n}", *[""] * (len(TITLES) - 1)])
    rows = [TITLES, *table]
    for place in sorted(blanks, reverse=True):
        rows.insert(1 + place, ("",) * len(TITLES))
    writer.writerows(rows)
    sheet = Sheet(io.BytesIO(text.getvalue().encode(encoding)))
    heading = find_titles(sheet.rows(), TITLES)
    assert heading is not None
    below = (row for row in sheet.rows() if row.line > heading.line)
    found = [row.columns for row in below if isinstance(row, Row) and any(row.columns)]
    assert [tuple(row) for row in table] == found


@given(st.binary(max_size=400))
@example(b"sep=")
@example(b'sep=;\n"')
@example(b"\xff\xfe")
@example(b"\x00" * 9)
@example(b"PK\x03\x04")
@example(b"\xff\xfe\x00\xd8a\x00")
def test_no_bytes_end_the_reading(data: bytes) -> None:
    """Rows, rows that cannot be read, or one line that refuses the file."""
    found = rows_or_line(data)
    assert all(isinstance(row, Row | Quarantined) for row in found)
    lines = [row.line for row in found]
    assert sorted(set(lines)) == lines


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (b"", "utf-8"),
        ("perché così".encode(), "utf-8"),
        ("perché".encode("utf-8-sig"), "utf-8"),
        ("perché".encode("utf-16"), "utf-16-le"),
        ("città e perché".encode("utf-16-be"), "utf-16-be"),
        ("perché così più".encode("cp1252"), "cp1252"),
        ("\u20ac 10 \u2013 l\u2019orto".encode("cp1252"), "cp1252"),
        ("perché così è già più là".encode("mac-roman"), "mac-roman"),
        ("perché così è già più là".encode("cp850"), "cp850"),
        ("straße für Köln".encode("cp1252"), "cp1252"),
        # One bad byte among good ones is a bad byte.
        ("perché così ".encode() + b"\xe8", "utf-8"),
    ],
)
def test_an_encoding_is_found_by_the_bytes(data: bytes, encoding: str) -> None:
    """By the mark before them, by being UTF-8, or by the letters that they would be."""
    assert encoding == encoding_of(io.BytesIO(data)).name


def test_what_stands_far_down_counts_as_well() -> None:
    """The first accent of a long sheet may be in its last row."""
    data = b"a;b\n" * 600_000 + "è;ù\n".encode("cp1252")
    assert "cp1252" == Sheet(io.BytesIO(data)).form.encoding


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("Giorno;Ore\n2/3;1,5\n3/3;2,5\n", ";"),
        ("Giorno,Ore\n2/3,1\n", ","),
        ("Giorno\tOre\n2/3\t1,5\n", "\t"),
        ("Giorno|Ore\n2/3|1,5\n", "|"),
        ("Cognome, nome;Ore\nRossi, Maria;1\n", ";"),
        ("Our hours, this year\n\nday,who,hours\n2/3,Ann; Bob,1\n", ","),
        ("alone\nin\none\ncolumn\n", ","),
        ("", ","),
    ],
)
def test_a_delimiter_is_what_divides_the_rows_alike(text: str, delimiter: str) -> None:
    """Not the one that occurs most."""
    assert delimiter == delimiters(text)[0]


def test_quotes_may_be_off_and_a_backslash_may_escape() -> None:
    """For programs that write no quotes around cells."""
    data = b'day;5" pipe;b\\;c\n'
    assert [("day", '5" pipe', "b;c")] == rows_of(data, delimiter=";", quotes=False, escape="\\")


def test_old_macs_may_break_lines_within_cells() -> None:
    """Rows end with a carriage return, and a cell has a line feed."""
    assert [("a", "b"), ("c", "two\nlines")] == rows_of(b'a;b\rc;"two\nlines"\r')


def test_a_pipe_is_read_from_the_beginning_each_time() -> None:
    """What can be read only once is kept."""

    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    sheet = Sheet(Pipe(b"a;b\n1;2\n"))
    assert list(sheet.rows()) == list(sheet.rows())


# -- workbooks ----------------------------------------------------------------------------


def xlsx(path: Path, sheets: dict[str, list[list[Any]]], *, hidden: str = "") -> Path:
    """A workbook of these rows."""
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
        sheet.sheet_state = "hidden" if name == hidden else "visible"
    book.save(path)
    return path


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("", ""),
        (" Maria ", " Maria "),
        (2.0, "2"),
        (1.5, "1,5"),
        (0.1 + 0.2, "0,3"),
        (1e-7, "0,0000001"),
        (1.5e20, "150000000000000000000"),
        (-0.25, "-0,25"),
        (True, "TRUE"),
        (date(2026, 3, 2), "2026-03-02"),
        (datetime(2026, 3, 2), "2026-03-02"),  # noqa: DTZ001 - of a sheet
        (datetime(2026, 3, 2, 10, 15), "2026-03-02 10:15:00"),  # noqa: DTZ001 - of a sheet
        (datetime(2026, 3, 2, 10, 14, 59, 999_600), "2026-03-02 10:15:00"),  # noqa: DTZ001 - as above
        (time(0, 45), "0:45:00"),
        (time(1, 19, 59, 999_520), "1:20:00"),
        (timedelta(hours=30, minutes=20), "30:20:00"),
        (timedelta(minutes=-90), "-1:30:00"),
        ("PT30H20M00S", "30:20:00"),
    ],
)
def test_a_cell_of_a_workbook_is_a_text(value: Any, text: str) -> None:
    """Days as ISO, times as h:mm:ss, numbers with the decimal mark that is asked for."""
    assert text == text_of(value, ",")


def test_a_workbook_is_rows_with_their_numbers(tmp_path: Path) -> None:
    """Hidden and empty sheets are none; rows that are empty are none."""
    rows: list[list[Any]] = [["Titolo"], [], ["Data", "Ore"], [date(2026, 3, 2), 1.5]]
    path = xlsx(
        tmp_path / "o.xlsx", {"Segreto": [["x"]], "Ore": rows, "Vuoto": []}, hidden="Segreto"
    )
    sheet = Sheet(path)
    assert ("xlsx", "Ore", ()) == (sheet.form.kind, sheet.sheet, sheet.others)
    expected = [Row(1, ("Titolo", "")), Row(3, ("Data", "Ore")), Row(4, ("2026-03-02", "1,5"))]
    assert expected == list(sheet.rows())
    with pytest.raises(InvalidRequest, match=r"no sheet 'Ora' .*did you mean 'Ore'\?"):
        Sheet(path, sheet="Ora")


def packed(*members: tuple[str, bytes]) -> bytes:
    """A packed file."""
    found = io.BytesIO()
    with zipfile.ZipFile(found, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return found.getvalue()


def _refused() -> Iterator[tuple[bytes, str]]:
    book = ("xl/workbook.xml", b"<workbook/>")
    far = b'<row><c r="A1"><v>1</v></c></row><row><c r="XFD1048576"><v>1</v></c></row>'
    many = (
        b'<office:x xmlns:table="t" xmlns:office="o"><table:table>'
        b'<table:table-row table:number-rows-repeated="1000000">'
        b'<table:table-cell office:value-type="float" table:number-columns-repeated="9999"/>'
        b"</table:table-row></table:table></office:x>"
    )
    yield packed(("a.txt", b"x")), "is a packed file and no sheet"
    yield packed(book), "is no .xlsx that can be read"
    yield packed(book, ("xl/big.xml", b"0" * 210_000_000)), "unpacks to 210,0"
    yield (
        packed(book, ("xl/worksheets/sheet1.xml", far)),
        "as far as row 1,048,576 and column 16,384",
    )
    yield packed(("content.xml", many)), "as far as row 1,000,000 and column 9,999"
    yield packed(("content.xml", b"<a")), "is (broken, and )?no .ods that can be read"
    yield packed(book)[:-30], "is broken, and no packed file"
    yield packed(book).replace(b"workbook/", b"workbook!"), "is (broken|no)"
    yield b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "is an old .xls, or has a password"
    yield b"%PDF-1.7", "is a PDF"
    yield b"\x89PNG\r\n\x1a\n", "is a picture"
    yield b"\n<HTML><table>", "is a web page"


@pytest.mark.parametrize(("data", "message"), list(_refused()), ids=lambda one: str(one)[:20])
def test_a_workbook_that_cannot_be_read_is_one_line(data: bytes, message: str) -> None:
    """Broken, a bomb, sparse to the last cell, or something else: told, before memory is taken."""
    pytest.importorskip("python_calamine")
    with pytest.raises(InvalidRequest, match=message) as caught:
        Sheet(io.BytesIO(data))
    assert "\n" not in str(caught.value)


@given(st.binary(min_size=1, max_size=60), st.integers(min_value=0), st.data())
def test_no_damage_of_a_workbook_upsets_the_reader(patch: bytes, place: int, data: Any) -> None:
    """Wherever bytes are changed, it is rows or one line."""
    whole = packed(
        ("content.xml", b'<office:a xmlns:office="o"/>'), ("xl/workbook.xml", b"<workbook/>")
    )
    place %= len(whole)
    assume(patch != whole[place : place + len(patch)])
    broken = whole[:place] + patch + whole[place + len(patch) :]
    rows_or_line(broken)


def test_a_package_that_is_missing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what installs it."""
    path = xlsx(tmp_path / "o.xlsx", {"Ore": [["x"]]})
    monkeypatch.setitem(__import__("sys").modules, "python_calamine", None)
    with pytest.raises(InvalidRequest, match=r"pip install 'timebank\[sheets\]'"):
        Sheet(path)


def test_a_workbook_within_the_bounds_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bound is on the rectangle of the cells that are filled."""
    path = xlsx(tmp_path / "o.xlsx", {"Ore": [["a", "b"], ["c", "d"]]})
    monkeypatch.setattr(workbooks, "MAX_CELLS", 4)
    assert 2 == len(list(Sheet(path).rows()))
    monkeypatch.setattr(workbooks, "MAX_CELLS", 3)
    with pytest.raises(InvalidRequest, match="as far as row 2 and column 2"):
        Sheet(path)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        *((one, True) for one in ("Totale", "TOTALE ORE:", "Tot.", "Total", "Summe", "Subtotale")),
        *((one, True) for one in ("Gesamtsumme", "Total général", "Somma", "Suma")),
        *(
            (one, False)
            for one in ("", "Totti", "Tommaso", "Maria Totale", "Sumail", "Gesamtschule")
        ),
    ],
)
def test_a_word_for_a_total_begins_the_cell(cell: str, expected: bool) -> None:
    """In the languages of the sheets, whole words alone."""
    assert expected == is_total(cell)
