"""Opening balances of people who are named as in the sheet of exchanges."""

from __future__ import annotations

from io import BytesIO

import timebank
from timebank.hours import Hours
from timebank.interchange.csv.importer import MappingImporter
from timebank.interchange.csv.toml import parsed
from timebank.interchange.engine.booking import run
from timebank.interchange.engine.opening import NoHistory
from timebank.interchange.engine.report import ImportReport

_MAPPING = b"""
name = "sheet"
title = "Sheet"
amounts = { unit = "auto", decimal = "," }
days = { format = "dmy" }
transfers = { earner = "who", spender = "whom", amount = "hours", day = "day" }
"""
_ROWS = b"day;who;whom;hours\n2/3/2026;Anna Bo;Bruno Ci;1\n"


def _book(bank: timebank.TimeBank, opening: str, *, opens: bool = True) -> ImportReport:
    importer = MappingImporter(parsed(_MAPPING), BytesIO(_ROWS), open_accounts=opens)
    balances = importer.opening(BytesIO(opening.encode()), open_accounts=opens)
    return run(bank, importer, opening=balances)


def test_a_balance_is_that_of_whom_the_sheet_names(bank: timebank.TimeBank) -> None:
    """A name means the account that the exchanges of this name are booked on, and is no id."""
    report = _book(bank, "account;balance\nANNA  BO;5\nCarla Zeta;-2\n")

    names = {account.name: account.id for account in bank.accounts()}
    assert report.ok
    assert () == report.named
    assert {"Anna Bo", "Bruno Ci", "Carla Zeta", None} == names.keys()
    assert Hours(6) == bank.balance(names["Anna Bo"]).posted
    assert Hours(-2) == bank.balance(names["Carla Zeta"]).posted


def test_the_same_balances_are_booked_once(bank: timebank.TimeBank) -> None:
    """A second run finds them under the names, and opens nobody."""
    opening = "account;balance\nAnna Bo;5\nCarla Zeta;-2\n"
    _book(bank, opening)

    again = _book(bank, opening)

    assert (True, 0, 0) == (again.ok, again.transfers_booked, again.accounts_opened)


def test_who_is_not_known_has_no_balance_where_nobody_is_opened(bank: timebank.TimeBank) -> None:
    """The row is told, and the others are booked."""
    for id, name in (("m1", "Anna Bo"), ("m2", "Bruno Ci")):
        bank.open_account(id, name=name)

    report = _book(bank, "account;balance\nAnna Bo;5\nCarla Zeta;-2\nm2;1\n", opens=False)

    assert ["Carla Zeta"] == [row.value for row in report.rows]
    assert (Hours(6), Hours(0)) == (bank.balance("m1").posted, bank.balance("m2").posted)


def test_an_id_beside_a_name_is_the_id(bank: timebank.TimeBank) -> None:
    """So it stands in the table of accounts that we export."""
    rows = "m7;5;Carla Zeta;member\nlevies;1;;group\nopening;-6;;\n"
    report = _book(bank, f"account;balance;name;kind\n{rows}")

    assert report.ok
    assert "group" == bank.account("levies").kind
    assert Hours(-6) == bank.balance("opening").posted
    assert "Carla Zeta" == bank.account("m7").name


def test_a_row_without_a_name_says_nothing_else_of_an_account(bank: timebank.TimeBank) -> None:
    """An account that the sheet has named already keeps its name, and gets its balance."""
    report = _book(bank, "account;balance;name;kind\nsheet-1;5;;\n")

    assert report.ok
    assert ("Anna Bo", Hours(6)) == (bank.account("sheet-1").name, bank.balance("sheet-1").posted)


def test_names_are_no_ids_where_there_are_balances_alone(bank: timebank.TimeBank) -> None:
    """Without a mapping what looks like a name is one, and anything else is an id."""
    bank.open_account("m1", name="Anna Bo")
    opening = b"account;balance\nanna bo;5\nCarla Zeta;-2\nm9;1\n"

    for _ in range(2):
        importer = NoHistory()
        report = run(bank, importer, opening=importer.opening(BytesIO(opening), open_accounts=True))

        assert report.ok
        assert {
            "m1": ("Anna Bo", Hours(5)),
            "opening-1": ("Carla Zeta", Hours(-2)),
            "m9": (None, Hours(1)),
            "opening": (None, Hours(-4)),
        } == {one.id: (one.name, bank.balance(one.id).posted) for one in bank.accounts()}
