"""What a mapping file may say, and what a cell does: exact, or not at all."""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from timebank import InvalidRequest, NotFound
from timebank.interchange.csv.cells import Amounts, label, plain
from timebank.interchange.csv.days import Days
from timebank.interchange.csv.mapping import Mapping
from timebank.interchange.csv.toml import MAX_MAPPING_BYTES, STRUCTURER, mapping_of, parsed
from timebank.interchange.engine.cells import UnclearCell

HEAD = 'name = "sheet"\ntitle = "Our sheet"\n'
SHEET = f"""{HEAD}[transfers]
earner = "to"
spender = "from"
amount = "hours"
day = "day"
"""


# -- cells --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "text", "seconds"),
    [
        ({}, "1.5", 5400),
        ({}, " +2 ", 7200),
        ({}, "-0.25", -900),
        ({}, "-0.01", -36),
        ({"decimal": ","}, "1,25", 4500),
        ({"decimal": ",", "thousands": "."}, "1.234,5", 4_444_200),
        ({"decimal": ",", "thousands": "."}, "1234,5", 4_444_200),
        ({"decimal": ",", "thousands": " "}, "1\u202f234", 4_442_400),
        ({"thousands": "'"}, "1'000'000.5", 3_600_001_800),
        ({"unit": "minutes"}, "90", 5400),
        ({"unit": "minutes"}, "0.5", 30),
        ({"unit": "hundredths"}, "125", 4500),
        ({"unit": "seconds"}, "1", 1),
        ({"unit": 360}, "2.5", 900),
        ({"unit": "h:mm"}, "-0:30", -1800),
        ({"unit": "h:mm"}, "100:05:01", 360_301),
    ],
)
def test_amounts_are_exact(how: dict[str, Any], text: str, seconds: int) -> None:
    """Every unit and mark, with its sign: a minus before a zero is not lost."""
    assert seconds == Amounts(**how).seconds(text)


@pytest.mark.parametrize(
    ("how", "text"),
    [
        ({}, ""),
        ({}, "1,5"),
        ({}, ".5"),
        ({}, "5."),
        ({}, "1e3"),
        ({}, "NaN"),
        ({}, "- 1"),
        ({}, "\u0661"),
        ({}, "1 h"),
        ({}, "0.00001"),
        ({}, "9" * 17),
        ({}, "9" * 5000),
        ({"decimal": ","}, "1.5"),
        ({"decimal": ",", "thousands": "."}, "1.5"),
        ({"decimal": ",", "thousands": "."}, "1.2345"),
        ({"decimal": ",", "thousands": "."}, "12345.678"),
        ({"unit": "seconds"}, "0.5"),
        ({"unit": "h:mm"}, "1:60"),
        ({"unit": "h:mm"}, "1.5"),
        ({"unit": "h:mm"}, "1:5"),
    ],
)
def test_an_amount_of_another_form_is_unclear(how: dict[str, Any], text: str) -> None:
    """What could be two numbers is none."""
    with pytest.raises(UnclearCell):
        Amounts(**how).seconds(text)


@given(
    st.integers(min_value=-(10**9), max_value=10**9),
    st.sampled_from([(".", ""), (",", "."), (".", ","), (",", " "), (".", "'")]),
)
def test_an_amount_that_is_written_is_read(hundredths: int, marks: tuple[str, str]) -> None:
    """Whatever the marks, a number of hundredths of an hour comes back as it was."""
    decimal, thousands = marks
    text = f"{hundredths / 100:,.2f}".replace(",", "T").replace(".", decimal)
    amounts = Amounts(decimal=decimal, thousands=thousands)
    assert hundredths * 36 == amounts.seconds(text.replace("T", thousands))


@pytest.mark.parametrize(
    ("how", "text", "day"),
    [
        ({}, "2026-03-02", date(2026, 3, 2)),
        ({}, " 2026-03-02 23:59:59.123 +02:00 ", date(2026, 3, 2)),
        ({}, "2026-03-02T23:59Z", date(2026, 3, 2)),
        ({"format": "epoch"}, "1772406000", date(2026, 3, 1)),
        ({"format": "epoch", "time_zone": "Europe/Rome"}, "1772406000", date(2026, 3, 2)),
        ({"format": "%d/%m/%Y"}, "2/3/2026", date(2026, 3, 2)),
        ({"format": "%d.%m.%y %H:%M"}, "02.03.26 10:15", date(2026, 3, 2)),
        ({"format": "%Y%m%d"}, "20260302", date(2026, 3, 2)),
        ({"format": ("iso", "%d/%m/%Y")}, "02/03/2026", date(2026, 3, 2)),
        ({"format": ("%d/%m/%Y", "%m/%d/%Y")}, "02/02/2026", date(2026, 2, 2)),
        ({"format": ("%d/%m/%Y", "%m/%d/%Y")}, "31/12/2026", date(2026, 12, 31)),
    ],
)
def test_days_are_those_that_are_written(how: dict[str, Any], text: str, day: date) -> None:
    """Of every form; the zone matters to seconds since 1970 alone."""
    assert day == Days(**how).day(text)


@pytest.mark.parametrize(
    ("how", "text"),
    [
        ({}, ""),
        ({}, "0000-00-00"),
        ({}, "2026-02-30"),
        ({}, "2026-03-02 25:00"),
        ({}, "02/03/2026"),
        ({"format": "epoch"}, "2026"),
        ({"format": "epoch"}, "-1772406000"),
        ({"format": "%d/%m/%Y"}, "3/31/2026"),
        ({"format": "%d/%m/%Y"}, "02/03/2026 10:00"),
        ({"format": "%d/%m/%Y"}, "\u0660\u0662/03/2026"),
        ({"format": ("%d/%m/%Y", "%m/%d/%Y")}, "02/03/2026"),
    ],
)
def test_a_day_of_another_form_is_unclear(how: dict[str, Any], text: str) -> None:
    """A day that may be one of two is neither."""
    with pytest.raises(UnclearCell):
        Days(**how).day(text)


@given(st.text())
@example("<![")
@example("<!--")
@example("&#xD800;")
@example("<a" * 1000)
def test_no_text_upsets_what_takes_html_out(text: str) -> None:
    """Any text gives a text, and one without < and & stays as it is."""
    found = plain(text)
    if not {"<", "&"} & set(text):
        assert text.strip() == found


def test_labels_have_single_blanks_and_composed_letters() -> None:
    """Two ways to write a category are one category."""
    assert label("caffe\u0300  e\tte\u0300") == label("caffè e tè")


# -- mapping files --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("name = ", "sheet.toml: no TOML in UTF-8: "),
        ('name = "sheet"\n', "sheet.toml: the key 'title' is missing"),
        (HEAD, "sheet.toml: the key 'transfers' is missing"),
        (f"{HEAD}transfers = 3\n", "sheet.toml: transfers: a table, not 3"),
        (f"{HEAD}trasfers = 3\n", "sheet.toml: the key 'trasfers' is not known; there are name,"),
        (f"{SHEET}earned = 1\n", "sheet.toml: transfers: the key 'earned' is not known"),
        (f'{HEAD}[transfers]\namount="h"\nday="d"\n', "transfers: the keys earner and spender are"),
        (f'{SHEET}account="who"\n', "transfers: earner and spender, or account and its partner"),
        (f"{SHEET}note = 3\n", "sheet.toml: transfers.note: a name of the first line, not 3"),
        (f"{SHEET}note = true\n", "sheet.toml: transfers.note: a number from 1 to 1,000, not True"),
        (f'{SHEET}negative = "swp"\n', "transfers.negative: one of refuse, swap, not 'swp'"),
        (f"{SHEET}columns = 4\n", "transfers.columns: the first line says how many there are"),
        (f'{SHEET}[transfers.reversal]\ncolumn="t"\noriginal="o"\n', "reversal needs the key id"),
        (
            f'{SHEET}id="n"\n[transfers.reversal]\ncolumn="t"\noriginal="o"\npattern="(("\n',
            "sheet.toml: transfers.reversal.pattern: no regular expression: ",
        ),
        (
            f'{SHEET}id="n"\n[transfers.reversal]\ncolumn="t"\noriginal="o"\npattern="#"\n',
            "transfers.reversal.pattern: one group in brackets, which is the id; '#' has 0",
        ),
        (f'{SHEET}[[transfers.levies]]\namount="l"\n', "levies[1]: the key 'payer' is missing"),
        (f'{SHEET}levies = "l"\n', "sheet.toml: transfers.levies: a list of tables, not 'l'"),
        (f'{SHEET}equal = [["a"]]\n', "transfers.equal: a list of pairs of columns, not"),
        (f'{SHEET}[transfers.state]\ncolumn="s"\nmoves=[]\n', "state.moves: a list of texts, not"),
        (f'{SHEET}[amounts]\nunit="days"\n', "amounts: one of hours, minutes, seconds, hundredths"),
        (f'{SHEET}[amounts]\nthousands="."\n', "amounts: '.' cannot be the mark for decimals and"),
        (f"{SHEET}[amounts]\nunit=true\n", "amounts.unit: a text, a whole number or a list"),
        (f'{SHEET}[days]\nformat="%d %B %Y"\n', "days: %B in '%d %B %Y' is not understood here"),
        (
            f'{SHEET}[days]\nformat="%d/%m"\n',
            "days: '%d/%m' names no day: iso, epoch, dmy, or a form",
        ),
        (f'{SHEET}[days]\ntime_zone="Roma"\n', "days: 'Roma' is no time zone like Europe/Rome"),
        (f'{SHEET}[csv]\nencoding="utf-7"\n', "csv.encoding: one of auto, utf-8, utf-16"),
        (f'{SHEET}[csv]\ndelimiter=";;"\n', "csv: delimiter: one character between columns"),
        (f"{SHEET}[csv]\nheader=false\n", "transfers.amount: a number: there is no first line"),
        (f'{SHEET}[accounts]\nid="i"\nkind="k"\n', "accounts: kind (a column) and kinds"),
        (
            f'{SHEET}[accounts]\nid="i"\nkind="k"\nkinds={{a="person"}}\n',
            "accounts: kinds: 'a' is one of member, group",
        ),
        (
            f'{SHEET}[[open]]\nid=" x"\n',
            "open[1].id: an account must not begin or end with a blank",
        ),
        (SHEET.replace('"sheet"', '"Our sheet"'), "name: small letters, digits, - and _"),
        (SHEET.replace('"sheet"', '"opening"'), "ids that begin with opening: are the"),
        (SHEET.replace('"sheet"', '"due"'), "ids that begin with due: are the library's own"),
        ("x" * (MAX_MAPPING_BYTES + 1), "sheet.toml: a mapping has at most 100,000 bytes"),
    ],
)
def test_a_bad_mapping_is_one_line_that_names_file_and_key(toml: str, message: str) -> None:
    """What is wrong, where, and what would be right."""
    with pytest.raises(InvalidRequest) as caught:
        parsed(toml.encode(), "sheet.toml")
    found = str(caught.value)
    assert found.startswith("sheet.toml: ")
    assert message in found
    assert "\n" not in found


@given(st.binary(max_size=200))
def test_no_bytes_upset_the_reader_of_mappings(raw: bytes) -> None:
    """A mapping, or one refusal."""
    with pytest.raises(InvalidRequest):
        parsed(raw)


_VALUES = st.recursive(
    st.booleans() | st.integers() | st.text(max_size=5) | st.just("(#)"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(
    st.sampled_from(["csv", "amounts", "days", "transfers", "accounts", "balances", "open"]),
    st.sampled_from(["unit", "format", "time_zone", "decimal", "header", "id", "kind", "state"]),
    _VALUES,
)
@example("days", "format", 3)
@example("days", "time_zone", 3)
@example("amounts", "decimal", ["."])
def test_no_value_upsets_the_reader_of_mappings(table: str, key: str, value: Any) -> None:
    """Whatever stands at a key, it is a mapping or one refusal, and no other error."""
    transfers: dict[str, Any] = {"earner": "a", "spender": "b", "amount": "c", "day": "d"}
    data: dict[str, Any] = {"name": "sheet", "title": "Sheet", "transfers": transfers}
    for one in ({key: value}, value):
        changed = {**data, table: {**data.get(table, {}), **one} if isinstance(one, dict) else one}
        with suppress(InvalidRequest):
            assert isinstance(STRUCTURER.make(Mapping, changed), Mapping)


def test_a_mapping_is_found_by_its_name_or_as_a_file(tmp_path: Path) -> None:
    """A name alone is one that is shipped; there is no other way to mean a file but its path."""
    path = tmp_path / "ours.toml"
    path.write_text(SHEET)
    assert "sheet" == mapping_of(path).name == mapping_of(str(path)).name
    with pytest.raises(NotFound, match="no mapping 'ours': there are ces, cyclos3"):
        mapping_of("ours")
    with pytest.raises(FileNotFoundError):
        mapping_of("ours.toml")
