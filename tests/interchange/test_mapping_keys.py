"""The keys of a mapping for sheets as people keep them: each does what it says, and no more."""

from __future__ import annotations

import io
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import timebank
from support import sources
from timebank import Hours, InvalidRequest, TimeBank
from timebank.interchange.csv.cells import Amounts
from timebank.interchange.csv.days import Days
from timebank.interchange.csv.explanation import explained
from timebank.interchange.csv.importer import MappingImporter
from timebank.interchange.csv.months import day_in_words
from timebank.interchange.csv.toml import parsed
from timebank.interchange.engine.booking import run
from timebank.interchange.engine.cells import UnclearCell
from timebank.interchange.engine.protocol import ImportedAccount, Passed
from timebank.interchange.engine.report import Quarantined

HEAD = 'name = "sheet"\ntitle = "Our sheet"\n'
BY_ID = '[people]\nby = "id"\n'
SIDES = '[transfers]\nearner = "to"\nspender = "from"\namount = "hours"\nday = "day"\n'
COLUMNS = "to,from,hours,day"


@pytest.fixture
def memory() -> TimeBank:
    """An empty bank in memory."""
    return timebank.open("memory:", **sources())


def importer(toml: str, *rows: str, accounts: str | None = None, **more: Any) -> MappingImporter:
    """An importer of these rows, the first of which names the columns."""
    return MappingImporter(
        parsed((HEAD + toml).encode(), "sheet.toml"),
        io.BytesIO("\n".join([*rows, ""]).encode()),
        accounts=None if accounts is None else io.BytesIO(accounts.encode()),
        open_accounts=more.pop("open_accounts", accounts is None),
        **more,
    )


def items(toml: str, *rows: str) -> list[Any]:
    """What the rows of transfers say."""
    read = importer(toml, *rows).read()
    return [item for _, item in read if not isinstance(item, ImportedAccount)]


def moved(*found: Any) -> list[tuple[str, str, int]]:
    """Who earned, who spent, and how many seconds."""
    return [(one.earner, one.spender, one.seconds) for one in found]


# -- what is passed over --------------------------------------------------------------------


def test_titles_blanks_totals_and_repeated_headings_are_counted(memory: TimeBank) -> None:
    """Each under its own name; the heading is found below titles, whatever its case."""
    report = run(
        memory,
        importer(
            BY_ID + SIDES,
            "Our year,,,",
            ",,,",
            " TO ,From,HOURS,day,,",
            "a,b,1,2026-03-02",
            ",,,",
            "to total,,7,",
            "Total,,1,",
            ",,1,TOTALE",
            "to,from,hours,day",
            " TO ,From,HOURS,day,,",
            "b,a , 2 ,2026-03-03,,",
        ),
    )
    passed = {"blank": 1, "total": 2, "heading": 2}
    assert (2, passed) == (report.transfers_booked, dict(report.passed))
    # It does not begin with a word for a total.
    assert [(6, "from")] == [(row.line, row.column) for row in report.rows]


def test_a_word_for_a_total_beside_people_is_a_row(memory: TimeBank) -> None:
    """Somebody may be called so; a total has neither the other side nor a day."""
    rows = "Total,b,1,2026-03-02", "Totale,,1,2026-03-02", "Totale,b,1,"
    report = run(memory, importer(BY_ID + SIDES, COLUMNS, *rows))
    assert (1, [3, 4]) == (report.transfers_booked, [row.line for row in report.rows])


def test_rows_are_passed_over_by_filters_under_their_names() -> None:
    """By values, by a pattern, by what is left; and a catch-all of states."""
    toml = f"""{BY_ID}{SIDES}
        [[transfers.skip]]
        column = "kind"
        values = ["fee", "gift"]
        [[transfers.skip]]
        column = "note"
        pattern = "^void"
        name = "void"
        [transfers.only]
        column = "group"
        values = ["north"]
        [transfers.state]
        column = "state"
        moves = ["ok"]
        passed = {{ new = "pending" }}
        other = "pass"
    """
    found = items(
        toml,
        "to,from,hours,day,kind,note,group,state",
        "a,b,1,2026-03-02,fee,x,north,ok",
        "a,b,1,2026-03-02,,void: no,north,ok",
        "a,b,1,2026-03-02,,x,south,ok",
        "a,b,1,2026-03-02,,x,north,new",
        "a,b,1,2026-03-02,,x,north,what",
        "a,b,1,2026-03-02,,x,north,ok",
    )
    states = ["skipped", "void", "left out", "pending", "other"]
    assert states == [one.state for one in found if isinstance(one, Passed)]
    assert [("a", "b", 3600)] == moved(*found[5:])


def test_rows_of_one_person_and_without_an_amount_may_pass() -> None:
    """Where the mapping says so; else they are quarantined."""
    rows = COLUMNS, "a,a,1,2026-03-02", "a,b,,2026-03-02", "a,b,1,2026-03-02"
    found = items(f'{BY_ID}{SIDES}self = "pass"\nempty = "pass"\n', *rows)
    assert ["self", "empty"] == [one.state for one in found[:2]]
    refused = [one for one in items(BY_ID + SIDES, *rows) if isinstance(one, Quarantined)]
    assert ["from", "hours"] == [one.column for one in refused]


# -- who ------------------------------------------------------------------------------------


def test_names_are_people_and_never_ids(memory: TimeBank) -> None:
    """However they are written; the id says nothing, and the name can be erased."""
    rows = "Maria Rossi,Zoë,1,2026-03-02", " MARIA  rossi,zoe,1,2026-03-03"
    report = run(memory, importer(SIDES, COLUMNS, *rows))
    assert (2, 2) == (report.transfers_booked, report.accounts_opened)
    names = {account.id: account.name for account in memory.accounts()}
    assert {"sheet-1": "Maria Rossi", "sheet-2": "Zoë"} == names


def test_a_pattern_finds_who_it_is_and_same_has_other_spellings() -> None:
    """What has not the form of the pattern is quarantined: nobody is guessed."""
    toml = f'{BY_ID}pattern = "\\\\(([0-9]+)\\\\)$"\nsame = {{ "la Mria" = "7" }}\n{SIDES}'
    found = items(toml, COLUMNS, "Anna (12),la Mria,1,2026-03-02", "Anna (12),Bruno,1,2026-03-02")
    assert [("12", "7", 3600)] == moved(found[0])
    assert ("from", True) == (
        found[1].column,
        "pattern" in found[1].reason or "form" in found[1].reason,
    )


ACCOUNTS = '[accounts]\nid = "id"\nname = "name"\nalso = ["mail"]\nbalance = "is"\n'
LIST = "id,name,mail,is\nm1,Maria Rossi,maria@example.org,1\nm2,Luca,luca@example.org,\n"


def test_accounts_are_found_by_id_by_name_and_by_mail(memory: TimeBank) -> None:
    """Who is in no list is quarantined."""
    rows = (
        "m1,Luca,1,2026-03-02",
        "MARIA@example.org,m2,1,2026-03-02",
        "maria rossi,luca@example.org,1,2026-03-02",
        "Carla,m2,1,2026-03-02",
    )
    report = run(memory, importer(SIDES + ACCOUNTS, COLUMNS, *rows, accounts=LIST))
    assert (3, [("to", 5)]) == (
        report.transfers_booked,
        [(row.column, row.line) for row in report.rows],
    )
    assert Hours(3) == memory.balance("m1").posted


def test_a_list_without_ids_gives_ids_that_say_nothing(memory: TimeBank) -> None:
    """One for each name; one that stands twice cannot be told."""
    toml = f'{SIDES}[accounts]\nname = ["first", "last"]\n'
    names = "first,last\nMaria,Rossi\nLuca,Bianchi\nMARIA,ROSSI\n"
    report = run(
        memory, importer(toml, COLUMNS, "Luca Bianchi,maria rossi,1,2026-03-02", accounts=names)
    )
    assert (2, 1, [(4, "first")]) == (
        report.accounts_opened,
        report.transfers_booked,
        [(row.line, row.column) for row in report.rows],
    )


def test_a_stated_balance_that_cannot_be_read_loses_nothing_else(memory: TimeBank) -> None:
    """Neither the account nor its exchanges; the cell is told."""
    names = LIST.replace(",1\n", ",0.3333333\n")
    toml = SIDES + ACCOUNTS
    report = run(memory, importer(toml, COLUMNS, "m1,m2,1,2026-03-02", accounts=names))
    assert (2, 1, [(2, "is")]) == (
        report.accounts_opened,
        report.transfers_booked,
        [(row.line, row.column) for row in report.rows],
    )
    rounded = f'{toml}[accounts.amounts]\nround = "second"\n'
    again = run(memory, importer(rounded, COLUMNS, "m1,m2,1,2026-03-02", accounts=names))
    assert 0 == again.quarantined


# -- constants, in and out, a direction ------------------------------------------------------


def test_a_side_and_a_day_may_be_the_same_in_all_rows() -> None:
    """As in a list of what one group received on one day."""
    toml = f"""{BY_ID}[transfers]
        earner = "who"
        spender_is = "kitchen"
        amount = "hours"
        day_is = 2026-03-02
        [[open]]
        id = "kitchen"
        kind = "group"
    """
    [found] = items(toml, "who,hours", "a,1.5")
    assert ([("a", "kitchen", 5400)], date(2026, 3, 2)) == (moved(found), found.occurred_on)
    assert found.opens is not None
    assert "group" == found.opens.kind


def test_a_day_may_be_a_text_in_the_mapping() -> None:
    """Written as TOML writes it, with quotes or without."""
    toml = f'{BY_ID}[transfers]\nearner="a"\nspender="b"\namount="h"\nday_is="2026-03-02"\n'
    [found] = items(toml, "a,b,h", "m1,m2,1")
    assert date(2026, 3, 2) == found.occurred_on


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("a,1,", ("a", "house", 3600)),
        ("a,,1", ("house", "a", 3600)),
        ("a,0,2", ("house", "a", 7200)),
        ("a,1,1", "taken"),
        ("a,,", "given"),
        ("a,-1,", "given"),
        ("a,0,0", "given"),
    ],
)
def test_in_and_out_stand_for_the_sign(row: str, expected: Any) -> None:
    """One of the two is filled; both, none or a minus are quarantined."""
    toml = f"""{BY_ID}[transfers]
        account = "who"
        against = "house"
        in = "given"
        out = "taken"
        day_is = 2026-03-02
    """
    [found] = items(toml, "who,given,taken", row)
    if isinstance(found, Quarantined):
        assert expected == found.column
    else:
        assert [expected] == moved(found)


def test_a_direction_tells_who_earned() -> None:
    """By its words; any other is quarantined, as is a minus beside it."""
    toml = f"""{BY_ID}[transfers]
        account = "who"
        other = "with"
        amount = "hours"
        day_is = 2026-03-02
        [transfers.direction]
        column = "what"
        earned = ["dato"]
        spent = ["ricevuto", "avuto"]
    """
    head = "who,with,hours,what"
    found = items(toml, head, "a,b,1,dato", "a,b,1,avuto", "a,b,1,boh", "a,b,-1,dato")
    assert [("a", "b", 3600), ("b", "a", 3600)] == moved(*found[:2])
    assert ["what", "hours"] == [row.column for row in found[2:]]
    assert (("a", None), ("b", None)) == found[2].moves


def test_texts_may_be_stripped_from_the_ends() -> None:
    """Of every cell, besides blanks; with false not even these."""
    toml = f'{BY_ID}{SIDES}strip = ["#", "h"]\n'
    [found] = items(toml, COLUMNS, "# a,#b,1 h,2026-03-02")
    assert [("a", "b", 3600)] == moved(found)
    [refused] = items(f"{BY_ID}{SIDES}strip = false\n", COLUMNS, " a,b,1,2026-03-02")
    assert "to" == refused.column


# -- amounts --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *(("1,5", 5400), ("2", 7200), ("0:45", 2700), ("2h", 7200), ("1h 30m", 5400)),
        *(("1,5h", 5400), ("90 min", 5400), ("½", 1800), ("1½", 5400), ("PT1H30M", 5400)),
        *(("1 ora e 30 minuti", 5400), ("0:45:00", 2700), ("-0:30", -1800), ("\u22121,5", -5400)),
        *(
            ("1.5", 5400),
            ("1.5h", 5400),
            ("1,50", 5400),
            ("1,25", 4500),
            ("0,75", 2700),
            ("12,5", 45_000),
        ),
    ],
)
def test_a_column_may_have_hours_of_all_forms(text: str, seconds: int) -> None:
    """All that `Hours` reads, with the decimal mark of the mapping."""
    assert seconds == Amounts(unit="auto", decimal=",").seconds(text)


@pytest.mark.parametrize(
    "text",
    [
        "1,30",
        "1,15",
        "0,45",
        "1,3",
        "1.500",
        "1.30",
        "1.500h",
        "1:75",
        "1,5,5",
        "x",
        "",
        "1'30",
        "9" * 4_400,
    ],
)
def test_what_may_be_two_amounts_is_asked_about(text: str) -> None:
    """Half past one or a third of an hour: nobody knows."""
    with pytest.raises(UnclearCell) as caught:
        Amounts(unit="auto", decimal=",").seconds(text)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("figures", "text", "seconds"),
    [
        *(("minutes", "1,30", 5400), ("minutes", "1,3", 5400), ("minutes", "1,05", 3900)),
        *(("hundredths", "1,30", 4680), ("hundredths", "1,3", 4680), ("hundredths", "1,5", 5400)),
        *(("minutes", "1,5", None), ("minutes", "1,75", None), ("minutes", "2", 7200)),
    ],
)
def test_two_figures_are_what_the_mapping_says(
    figures: str, text: str, seconds: int | None
) -> None:
    """Minutes, or hundredths of an hour."""
    amounts = Amounts(unit="auto", decimal=",", two_figures=figures)
    if seconds is None:
        with pytest.raises(UnclearCell):
            amounts.seconds(text)
    else:
        assert seconds == amounts.seconds(text)


@pytest.mark.parametrize(
    ("text", "seconds"), [("1,5", 5400), ("1.5", 5400), ("1.30", 5400), ("1,3", 5400)]
)
def test_one_figure_is_tenths_where_the_mapping_says(text: str, seconds: int) -> None:
    """Beside minutes with two figures, in a sheet that keeps zeros at the end."""
    amounts = Amounts(unit="auto", decimal=",", two_figures="minutes", one_figure="tenths")
    assert amounts.seconds(text) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1,5", 5400), ("1,25", 4500), ("1,30", 4680), ("1.30", 5400), ("1.05", 3900), ("1.5", None)],
)
def test_figures_are_minutes_after_one_mark_alone(text: str, seconds: int | None) -> None:
    """Beside decimals with the other mark, which stay what they are."""
    amounts = Amounts(unit="auto", decimal=",", two_figures="minutes", minutes_after=".")
    if seconds is None:
        with pytest.raises(UnclearCell):
            amounts.seconds(text)
    else:
        assert amounts.seconds(text) == seconds


@given(st.integers(min_value=0, max_value=10**9), st.integers(min_value=1, max_value=18))
def test_what_is_rounded_is_the_nearest_second(number: int, places: int) -> None:
    """Half a second away from zero, the same with a minus; what is whole is not rounded."""
    amounts = Amounts(round="second")
    text = f"{number // 10**places}.{number % 10**places:0{places}}"
    seconds, is_rounded = amounts.read(text)
    exact = number * 3600
    assert 2 * abs(seconds * 10**places - exact) <= 10**places
    assert is_rounded == (exact % 10**places != 0)
    assert -seconds == amounts.seconds(f"-{text}")


def test_rounded_amounts_are_counted(memory: TimeBank) -> None:
    """They are booked, and the importer says how many there were."""
    toml = f'{BY_ID}{SIDES}[amounts]\nround = "second"\n'
    found = importer(toml, COLUMNS, "a,b,0.333,2026-03-02", "a,b,1,2026-03-03")
    report = run(memory, found)
    assert (2, 1, 1, 0) == (
        report.transfers_booked,
        found.rounded,
        report.rounded,
        report.quarantined,
    )


def test_a_total_beyond_what_is_kept_is_quarantined(memory: TimeBank) -> None:
    """Row by row, and not met at the end; what others say is booked."""
    most = 2**53
    toml = f'{BY_ID}{SIDES}[amounts]\nunit = "seconds"\n'
    rows = f"a,b,{most - 1},2026-03-02", "a,b,2,2026-03-02", "b,a,1,2026-03-02", "a,b,1,2026-03-02"
    report = run(memory, importer(toml, COLUMNS, *rows))
    assert (2, [3, 5]) == (report.transfers_booked, [row.line for row in report.rows])
    assert memory.audit().ok


# -- days -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "order", "expected"),
    [
        *(
            (text, "dmy", date(2026, 3, 2))
            for text in ("2/3/2026", "02-03-26", "2.3.2026", "2 3 26")
        ),
        *((text, "dmy", date(2026, 3, 2)) for text in ("2 marzo 2026", "2-Mar-26", "2 mars 2026")),
        *((text, "dmy", date(2026, 3, 2)) for text in ("lunedì 2 marzo 2026", "Mo 2. März 2026")),
        *((text, "dmy", date(2026, 3, 2)) for text in ("2 de marzo de 2026", "2/3/2026 ore 10:15")),
        ("1\u00b0 dicembre 2026", "dmy", date(2026, 12, 1)),
        ("mar 3 mar 2026", "dmy", date(2026, 3, 3)),
        ("March 2nd, 2026", "mdy", date(2026, 3, 2)),
        ("3/2/2026 10:15 AM", "mdy", date(2026, 3, 2)),
        ("2026/3/2", "ymd", date(2026, 3, 2)),
        ("26.3.2", "ymd", date(2026, 3, 2)),
        *((text, "dmy", None) for text in ("2/3", "mag 2026", "2026", "soon", "1:2:2026", "")),
        *((text, "dmy", None) for text in ("2/3/2026 or later", "2/xyz/2026", "1/2/3/2026")),
    ],
)
def test_a_day_in_a_known_order(text: str, order: str, expected: date | None) -> None:
    """Any signs, two figures of a year, months of five languages, a time after it."""
    assert expected == day_in_words(text, order)


@given(st.dates(min_value=date(1970, 1, 1), max_value=date(2068, 12, 31)), st.data())
def test_each_day_is_read_in_each_order(day: date, data: Any) -> None:
    """With each sign, with leading zeros or without, with two figures or four."""
    order = data.draw(st.sampled_from(["dmy", "mdy", "ymd"]))
    sign = data.draw(st.sampled_from(["/", ".", "-", " "]))
    width = data.draw(st.sampled_from([1, 2]))
    parts = {"d": f"{day.day:0{width}}", "m": f"{day.month:0{width}}", "y": str(day.year)}
    if data.draw(st.booleans()):
        parts["y"] = parts["y"][2:]
    text = sign.join(parts[one] for one in order)
    time = data.draw(st.sampled_from(["", " 10:15", " 9:05:59", "T10:15:00Z"]))
    assert day == Days(format=order).day(text + time)


@given(st.text(max_size=120))
def test_no_text_upsets_the_reader_of_days(text: str) -> None:
    """It is a day, or unclear."""
    try:
        found = Days(format=("dmy", "epoch_ms", "%d/%m/%Y")).day(text)
    except UnclearCell:
        return
    assert isinstance(found, date)


@pytest.mark.parametrize(
    ("how", "text"),
    [
        ({"format": "%d/%m/%Y"}, "2/3/0026"),
        ({"format": "dmy"}, "2/3/1926"),
        ({}, "1926-03-02"),
        ({}, "2126-03-02"),
        ({"since": date(2020, 1, 1)}, "2019-12-31"),
        ({"until": date(2020, 1, 1)}, "2020-01-02"),
    ],
)
def test_a_year_that_cannot_be_is_asked_about(how: dict[str, Any], text: str) -> None:
    """Before the first and after the last day of the band."""
    with pytest.raises(UnclearCell, match="is the year right"):
        Days(**how).day(text)


def test_thousandths_since_1970_are_days_in_a_zone() -> None:
    """As programs of the web write instants."""
    assert date(2026, 3, 2) == Days(format="epoch_ms", time_zone="Europe/Rome").day("1772406000000")
    with pytest.raises(UnclearCell):
        Days(format="epoch_ms").day("1772406000")


def test_an_iso_day_is_taken_besides_each_form() -> None:
    """Spreadsheets write it; the forms of the mapping come first."""
    assert date(2026, 3, 2) == Days(format="%d/%m/%Y").day("2026-03-02 10:15:00")
    assert date(2026, 2, 3) == Days(format="%Y-%d-%m").day("2026-03-02")


# -- files ----------------------------------------------------------------------------------


def test_a_column_that_is_nearly_called_so_is_named() -> None:
    """Without regard to case and accents; and the encoding that would do, where one is wrong."""
    toml = SIDES.replace("hours", "Ore")
    with pytest.raises(InvalidRequest, match=r"no column 'Ore'.*did you mean 'Ora'\?"):
        importer(toml, "to,from,Ora,day")
    wrong = parsed((HEAD + SIDES + '[csv]\nencoding="utf-8"\n').replace('"day"', '"età"').encode())
    with pytest.raises(InvalidRequest, match="may be in the encoding cp1252"):
        MappingImporter(wrong, io.BytesIO("to,from,hours,età\n".encode("cp1252")))


def test_first_lines_are_skipped_whatever_they_say() -> None:
    """Even if they name the columns."""
    rows = COLUMNS, "x,y,9,2026-03-02", COLUMNS, "a,b,1,2026-03-02"
    toml = f"{BY_ID}{SIDES}[csv]\nfirst_lines = 2\n"
    assert [("a", "b", 3600)] == moved(*items(toml, *rows))
    bare = f"{BY_ID}[csv]\nheader = false\nfirst_lines = 1\n[transfers]\n"
    bare += "earner=1\nspender=2\namount=3\nday=4\ncolumns=4\n"
    assert [("a", "b", 3600)] == moved(*items(bare, "title,,,", "a,b,1,2026-03-02"))


def test_each_sheet_of_a_workbook_with_the_columns_is_read(
    tmp_path: Path, memory: TimeBank
) -> None:
    """A sheet for each month; others are no exchanges. One may be named."""
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.title = "Soci"
    book.active.append(["Nome", "Telefono"])
    for number, month in enumerate(["Gennaio", "Febbraio"], 1):
        sheet = book.create_sheet(month)
        sheet.append([month])
        sheet.append(["to", "from", "hours", "day"])
        sheet.append(["a", "b", number, date(2026, number, 2)])
    book.save(tmp_path / "anno.xlsx")
    mapping = parsed((HEAD + BY_ID + SIDES).encode())
    found = MappingImporter(mapping, tmp_path / "anno.xlsx", open_accounts=True)
    report = run(memory, found)
    assert (2, Hours(3), True) == (report.transfers_booked, report.moved, report.ok)
    assert 2 == found.files_of_transfers
    only = parsed((HEAD + BY_ID + SIDES + '[csv]\nsheet = "Febbraio"\n').encode())
    again = run(memory, MappingImporter(only, tmp_path / "anno.xlsx", open_accounts=True))
    assert 1 == again.transfers_there


CELLS = [
    *("9" * 4_400, "\0", "=1+1", "x" * 60_000, "\udcff", "\u202e\x1b[31m", "", " ", '"', "1e999"),
    *("-" * 70, "1:" * 40, "1.000" * 900, "\ud800", "½" * 99, "NaN", "2026-03-02" * 20),
]


@given(
    st.lists(st.tuples(*[st.sampled_from(CELLS) | st.text(max_size=8)] * 4), max_size=6),
    st.sampled_from(["hours", "minutes", "h:mm", "auto", "seconds"]),
    st.sampled_from(["iso", "dmy", "epoch_ms", "%d/%m/%Y"]),
    st.sampled_from(["id", "name"]),
)
def test_a_cell_can_be_anything(
    rows: list[tuple[str, ...]], unit: str, format: str, by: str
) -> None:
    """The row is quarantined, and the reading goes on: good rows around it are booked."""
    toml = f"""{HEAD}
        people = {{ by = "{by}" }}
        amounts = {{ unit = "{unit}", thousands = " " }}
        days = {{ format = ["{format}", "iso"] }}
        {SIDES}note = "note"
    """
    amount = "1:00" if unit in {"h:mm", "auto"} else "1"
    good = f'"m1","m2","{amount}","2026-03-02"'
    lines = ['"' + '","'.join(cell.replace('"', '""') for cell in row) + '"' for row in rows]
    text = "\n".join(
        [
            "to,from,hours,day,note",
            good + ",first",
            *(f"{one},x" for one in lines),
            good + ",last",
            "",
        ]
    )
    bank = timebank.open("memory:")
    raw = text.encode("utf-8", "surrogatepass")
    report = run(bank, MappingImporter(parsed(toml.encode()), io.BytesIO(raw), open_accounts=True))
    notes = [transfer.note for transfer in bank.transfers()]
    assert ["first", "last"] == [notes[0], notes[-1]]
    assert bank.audit().ok
    assert all(len(str(row)) < 1_000 for row in report.rows)


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ('earner="a"\nspender_is="b"\nspender="c"\namount="h"\nday="d"\n', "spender (a column) or"),
        ('earner_is="a"\nspender_is="b"\namount="h"\nday="d"\n', "nobody would be in the file"),
        ('earner="a"\nspender="b"\namount="h"\n', "the key 'day' is missing, or day_is"),
        ('earner="a"\nspender="b"\namount="h"\nday="d"\nday_is="2026-03-02"\n', "day or day_is"),
        ('earner="a"\nspender="b"\nday="d"\n', "the key 'amount' is missing, or in and out"),
        ('account="a"\nagainst="b"\nin="i"\nday="d"\n', "in and out go together"),
        ('earner="a"\nspender="b"\nin="i"\nout="o"\nday="d"\n', "in and out go together"),
        ('earner="a"\nspender="b"\namount="h"\nday_is="2/3"\n', "day_is: a day like 2026-03-02"),
        (
            'earner="a"\nspender="b"\namount="h"\nday="d"\n[[transfers.skip]]\ncolumn="x"\n',
            "transfers.skip[1]: values or a pattern",
        ),
        (
            'earner="a"\nspender="b"\namount="h"\nday="d"\nself="maybe"\n',
            "transfers.self: one of refuse, pass",
        ),
        (
            'earner="a"\nspender="b"\namount="h"\nday="d"\n[amounts]\ntwo_figures="minutes"\n',
            "two_figures: with the unit auto, minutes or hundredths or asked",
        ),
        (
            'earner="a"\nspender="b"\namount="h"\nday="d"\n[amounts]\none_figure="x"\n',
            "one_figure: with the unit auto, tenths",
        ),
        (
            'earner="a"\nspender="b"\namount="h"\nday="d"\n[amounts]\nminutes_after=":"\n',
            "minutes_after: with the unit auto, . or ,",
        ),
        (
            'earner="a"\nspender="b"\namount="h"\nday="d"\n[days]\nsince=2026-01-02\nuntil=2026-01-01\n',
            "until: a day from 2026-01-02 on",
        ),
        (
            'earner="a"\nspender="b"\namount="h"\nday="d"\n[accounts]\nname="n"\n[people]\nby="id"\n',
            "accounts: the key 'id' is missing",
        ),
        ('earner="a"\nspender="b"\namount="h"\nday="d"\n[csv]\nescape="ab"\n', "one character"),
    ],
)
def test_keys_that_cannot_be_together_are_refused(toml: str, message: str) -> None:
    """In one line, with the key."""
    with pytest.raises(InvalidRequest) as caught:
        parsed(f"{HEAD}[transfers]\n{toml}".encode(), "sheet.toml")
    assert message in str(caught.value)


EVERYTHING = [
    """
    csv = { encoding = "cp1252", delimiter = ";", first_lines = 2, sheet = "Ore", quotes = false, \
escape = "|", nothing = ["-", "NULL"] }
    people = { by = "id", pattern = "([0-9]+)", same = { a = "b" } }
    amounts = { unit = "auto", decimal = ",", round = "second" }
    days = { format = ["dmy", "epoch_ms"], since = 2020-01-01 }
    accounts = { id = "i", name = "n", also = ["m"], kind = "k", kinds = { x = "group" } }
    opening = { account = "i", balance = "b" }
    balances = { account = "i", balance = "b" }
    [transfers]
    account = "a"
    other = "b"
    amount = "h"
    day = "d"
    strip = ["#"]
    self = "pass"
    empty = "pass"
    note = "n"
    direction = { column = "t", earned = ["x"], spent = ["y"] }
    skip = [{ column = "s", values = ["x"] }, { column = "s", pattern = "^x" }]
    only = { column = "s", values = ["x"] }
    state = { column = "s", moves = ["x"], passed = ["y"], other = "pass" }
    """,
    """
    csv = { header = false, delimiter = "\\t" }
    amounts = { unit = 360 }
    [transfers]
    account = 1
    against = "house"
    in = 2
    out = 3
    day_is = 2026-03-02
    columns = 3
    strip = false
    """,
    """
    amounts = { unit = "h:mm" }
    accounts = { name = "n", closed = { column = "c" } }
    [transfers]
    earner = "a"
    spender_is = "house"
    amount = "h"
    day = "d"
    id = "i"
    reversal = { column = "r", original = "o" }
    reversed = { column = "r" }
    levies = [{ amount = "l", payer = "a", to = "f" }]
    [[open]]
    id = "f"
    """,
]


@pytest.mark.parametrize("toml", EVERYTHING)
def test_everything_that_a_mapping_says_is_explained(toml: str) -> None:
    """In whole sentences of either language, with nothing of the program in them."""
    mapping = parsed((HEAD + toml).encode())
    english, italian = (list(explained(mapping, code)) for code in ("en", "it"))
    assert len(english) == len(italian) > 8
    for line in (*english, *italian):
        assert line.endswith(".")
        assert "None" not in line
        assert "{" not in line
    assert set(english) & set(italian) == set()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"Data,Chi da,Chi riceve,Ora\n", "È forse 'Ora'? Il file ha 'Data', 'Chi da',"),
        (b"", "sheet.csv è vuoto: manca la colonna 'Ore', indicata da transfers.amount"),
        (b"\n\n", "sheet.csv è vuoto: manca la colonna 'Ore', indicata da transfers.amount"),
        ("Data,Chi dà,Chi riceve\n".encode("cp1252"), "Forse il file è nella codifica cp1252."),
        (b"a,b,c\n", "colonna 'Ore', indicata da transfers.amount nella mappatura; ha 'a',"),
    ],
)
def test_a_column_that_is_missing_is_told_in_italian(content: bytes, said: str) -> None:
    """With the name that was meant, the encoding that would do, or that there is nothing."""
    file = io.BytesIO(content)
    file.name = "sheet.csv"
    text = (
        b'name = "s"\ntitle = "S"\ncsv = { encoding = "utf-8" }\ntransfers = { day = "Data", '
        b'earner = "Chi da", spender = "Chi riceve", amount = "Ore" }\n'
    )
    with pytest.raises(InvalidRequest) as refused:
        MappingImporter(parsed(text), file)
    assert said in timebank.explain(refused.value, lang="it")


@pytest.mark.parametrize(
    ("lang", "said"), [("it", "L'unità delle quantità è una"), ("en", "The unit")]
)
def test_an_unknown_unit_is_told(lang: str, said: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        Amounts(unit="ore")
    told = timebank.explain(refused.value, lang=lang)
    assert told.startswith(said)
    assert "'ore'" in told
