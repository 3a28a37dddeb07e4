"""What is shown: harmless text, widths, tables, statements, JSON shapes."""

from __future__ import annotations

import json
import unicodedata
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

import timebank
from support import fill, sources
from timebank import Hours, TimeBank, reports
from timebank.audit import AuditReport, Finding
from timebank.reports.balances import (
    account_text,
    accounts_text,
    balance_text,
    balances_text,
    trial_balance_in_short,
    trial_balance_text,
)
from timebank.reports.findings import audit_text
from timebank.reports.statement import statement_text
from timebank.reports.text import Column, counted, fit, harmless, pad, table, width


@pytest.fixture
def filled(bank: TimeBank) -> TimeBank:
    """A bank with every kind of record."""
    fill(bank)
    return bank


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("two\nlines\r\n", "two lines"),
        ("\x1b[31mred", "␛[31mred"),
        ("a\x7fb\x85c\x9bd", "a␡b c\ufffdd"),
        ("\u202egnp.exe", "\ufffdgnp.exe"),
        ("a\u2028b", "a b"),
        ("lone \udc80", "lone \ufffd"),
        ("👩\u200d🌾", "👩\u200d🌾"),
        ("perché no", "perché no"),
    ],
)
def test_no_text_steers_a_terminal(text: str, expected: str) -> None:
    """Control characters, marks of direction and lone surrogates are shown harmlessly."""
    assert expected == harmless(text)


@given(st.text(max_size=40))
def test_harmless_text_is_one_line_without_control(text: str) -> None:
    """Whatever the text, what is shown of it has no control character and one line."""
    shown = harmless(text)
    assert not {"Cc", "Cs", "Zl", "Zp"} & {unicodedata.category(c) for c in shown}
    assert len(shown.splitlines()) <= 1


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("", 0),
        ("m1", 2),
        ("è", 1),
        ("e\u0300", 1),
        ("時間", 4),
        ("🧶", 2),
        ("❤\ufe0f", 2),
        ("👍🏽", 2),
        ("👩\u200d👩\u200d👧", 2),
        ("🇮🇹", 2),
    ],
)
def test_width_is_that_of_a_terminal(text: str, columns: int) -> None:
    """Emoji and ideographs take two columns, combining marks none."""
    assert columns == width(text)


@given(st.text(max_size=30), st.integers(min_value=0, max_value=20))
def test_what_is_fitted_fits(text: str, columns: int) -> None:
    """`fit` never takes more columns than there are, and leaves alone what is short enough."""
    text = harmless(text)
    assert width(fit(text, columns)) <= columns
    if width(text) <= columns:
        assert text == fit(text, columns)


def test_pad_fills_to_the_width_on_the_asked_side() -> None:
    """A cell is filled by its width and not by its length."""
    assert ("時間 ", " 時間") == (pad("時間", 5), pad("時間", 5, right=True))


def test_a_table_is_cut_to_the_page_where_columns_may_be_cut() -> None:
    """The widest column that may be cut is; figures never are."""
    columns = [Column("Name", least=10), Column("Note", least=10), Column("Hours", right=True)]
    lines = table(columns, [["n" * 30, "t" * 90, "12345:00"]], page=60)
    assert {60} == {width(line) for line in lines[1:]}
    assert lines[2].endswith("  12345:00")
    assert "n" * 19 in lines[2]


def test_a_table_of_what_cannot_be_cut_is_wider_than_the_page() -> None:
    """Nothing is lost that is not marked as cut."""
    assert ["x" * 20] == table([Column("A")], [["x" * 20]], page=10)[2:]


def test_statement_shows_both_sides_reversals_and_kinds() -> None:
    """Opening, others, description, earned and spent apart, the running balance."""
    bank = timebank.open("memory:", **sources())
    fill(bank)
    day = date(2026, 3, 2)
    bank.transfer(
        earner="m1", spender="f1", hours=1, kind="donation", category="care", occurred_on=day
    )
    bank.transfer(earner={"f1": 1, "f2": 1, "solidarity": 1, "m1": 1}, spender="f1", hours=4)
    expected = """\
Statement of f1 Famiglia Rossi (group)
Period: from 2026-03-02 on

Day         With               Description              Given  Received  Taken back  Other   Balance
----------  -----------------  -----------------------  -----  --------  ----------  -----  --------
                               Opening balance                                                  0:00
2026-03-02  m1 Maria R.        accompanied to the cli…             1:30                        -1:30
                                 taken back on
                                 2026-03-02
2026-03-02  m1 Maria R.                                            4:00                        -5:30
                                 taken back in part on
                                 2026-03-02
2026-03-02  m1 Maria R.        reversal: entered twic…                        +1:30            -4:00
                                 takes back the
                                 exchange of
                                 2026-03-02:
                                 “accompanied to the
                                 clinic”
2026-03-02  m1 Maria R.        reversal: it was less                       +0:00:30         -3:59:30
                                 takes back part of
                                 the exchange of
                                 2026-03-02
2026-03-02  m1 Maria R.        donation (care)                                       -1:00  -4:59:30
2026-03-02  f1 Famiglia Rossi                            1:00                               -3:59:30
2026-03-02  3 accounts: f2,…                                       4:00                     -7:59:30
----------  -----------------  -----------------------  -----  --------  ----------  -----  --------
                               In this period            1:00      9:30    +1:30:30  -1:00
                               How many                     1         3           2      1
                               Closing balance                                              -7:59:30
"""
    assert expected.splitlines() == statement_text(bank.statement("f1", since=day))


def test_periods_of_a_statement_are_said(filled: TimeBank) -> None:
    """Each of the four forms of a period has its words."""
    first, last = date(2026, 1, 1), date(2026, 12, 31)
    periods = [
        statement_text(filled.statement("m1", since=since, until=until))[1]
        for since in (None, first)
        for until in (None, last)
    ]
    assert [
        "Period: from the beginning",
        "Period: from the beginning to 2026-12-31",
        "Period: from 2026-01-01 on",
        "Period: 2026-01-01 to 2026-12-31",
    ] == periods


def test_statement_of_a_closed_account_says_so(filled: TimeBank) -> None:
    """The status stands in the title where it is not open."""
    assert "Statement of old (member, closed)" == statement_text(filled.statement("old"))[0]


def test_long_and_hostile_texts_stay_within_the_page(bank: TimeBank) -> None:
    """Names and notes of any length and alphabet leave every line within 100 columns."""
    bank.open_account("m" * 128, name="時間\n銀行" * 500)
    bank.open_account("f1", floor=None)
    for note in ("🧶" * 5_000, "\x1b[2J" * 100, "a\nb\n" * 100):
        bank.transfer(earner="m" * 128, spender="f1", hours="1000000:00", note=note)
    for account in ("m" * 128, "f1"):
        lines = statement_text(bank.statement(account))[2:]
        assert max(map(width, lines)) <= 100
        assert not any("\x1b" in line for line in lines)
    trial = bank.trial_balance()
    for lines in (trial_balance_text(trial), balances_text(trial), trial_balance_in_short(trial)):
        assert max(map(width, lines)) <= 100


def test_trial_balance_sums_to_zero_in_text(filled: TimeBank) -> None:
    """The last line counts the accounts and ends in 0:00."""
    last = trial_balance_text(filled.trial_balance())[-1].split()
    assert (["5", "accounts"], "0:00") == (last[:2], last[-1])
    title = trial_balance_text(filled.trial_balance(date(2026, 3, 2)))[0]
    assert "Trial balance, up to 2026-03-02" == title


def test_trial_balance_in_short_shows_extremes_once() -> None:
    """With few accounts none is left out and none is shown twice; with many, the ends are."""
    bank = timebank.open("memory:")
    for number in range(12):
        bank.open_account(f"a{number:02}")
    for number in range(1, 12):
        bank.transfer(earner=f"a{number:02}", spender="a00", hours=f"0:{number:02}")
    short = trial_balance_in_short(bank.trial_balance(), most=3)
    assert ["a11", "a10", "a09", "…", "a02", "a01", "a00"] == [
        line.split()[0] for line in short[-7:]
    ]
    whole = trial_balance_in_short(bank.trial_balance(), most=8)
    assert [f"a{number:02}" for number in range(11, -1, -1)] == [
        line.split()[0] for line in whole[-12:]
    ]


def test_limits_are_said_in_words(filled: TimeBank) -> None:
    """Unlimited, inherited and own limits are told apart."""
    rows = {line.split()[0]: line for line in accounts_text(filled.accounts())[2:]}
    assert rows["m1"].endswith("unlimited    50:00")
    assert rows["f1"].endswith("-20:00  statute")
    assert [
        "m1 Maria R.",
        "Kind:     member",
        "Status:   open",
        "Joined:   2026-03-02",
        "Floor:    unlimited",
        "Ceiling:  50:00",
        "Balance:  7:59",
    ] == account_text(filled.account("m1"), filled.balance("m1"))
    assert [
        "Balance:        7:59",
        "Floor:     unlimited",
        "Ceiling:       50:00",
        "May spend: unlimited",
        "May earn:      42:01",
    ] == balance_text(filled.balance("m1"))
    assert "Floor:    -20:00 (statute)" in account_text(filled.account("f2"), filled.balance("f2"))


@pytest.mark.parametrize(
    ("number", "expected"), [(0, "0 rows"), (1, "1 row"), (1_000, "1,000 rows")]
)
def test_nouns_follow_their_number(number: int, expected: str) -> None:
    """One is singular, all else plural."""
    assert expected == counted(number, "row")


def test_audit_shows_each_finding_with_advice() -> None:
    """The verdict comes first, then the causes; of everything also each finding."""
    finding = Finding("derived", "posting 1 of 'm1'", "1:30", "30:00\x1b[0m", "Run rebuild. " * 20)
    report = AuditReport((finding,), head=None, records=3, accounts=2)
    lines = audit_text(report)
    assert [
        "NOT WELL: 1 cause, 1 finding.",
        "",
        "1. What is stored beside the journal does not agree with it.",
        "   posting 1 of 'm1': it should say 1:30, it says 30:00␛[0m.",
        "   From this follows 1 finding: balances and other rows 1.",
    ] == lines[:5]
    assert len(lines) <= 24
    everything = audit_text(report, everything=True)
    place = everything.index("1. derived, posting 1 of 'm1'")
    assert ["   expected: 1:30", "   found:    30:00␛[0m"] == everything[place + 1 : place + 3]
    assert max(map(len, [*lines, *everything])) <= 100


def test_shapes_are_json_and_hours_read_back(filled: TimeBank) -> None:
    """Each shape survives JSON, and its hours are those of the object."""
    statement, trial = filled.statement("m1"), filled.trial_balance(date(2026, 12, 31))
    report = filled.audit()
    made = [
        *(reports.json.account(account) for account in filled.accounts()),
        *(reports.json.transfer(transfer) for transfer in filled.transfers()),
        reports.json.balance(filled.balance("f1")),
        reports.json.balances(trial),
        reports.json.statement(statement),
        reports.json.trial_balance(trial),
        reports.json.head(filled.head()),
        reports.json.audit_report(report),
    ]
    assert made == json.loads(json.dumps(made))
    shape = reports.json.statement(statement)
    assert statement.closing == Hours(shape["closing"])
    assert [str(line.balance) for line in statement.lines] == [
        line["balance"] for line in shape["lines"]
    ]
    assert "0:00" == reports.json.trial_balance(trial)["total"]
    assert str(filled.head()) == reports.json.head(filled.head())["line"]
