"""The books of another system: all that is wrong in them, and nothing that is not so."""

from __future__ import annotations

import csv
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import timebank
from timebank import Hours, InvalidHours, InvalidRequest, NotFound, WrongType
from timebank.audit import BooksReport, compare_balances
from timebank.cli import main
from timebank.interchange.timeoverflow.books import BOOK_CHECKS, audit_timeoverflow

DUMP = Path(__file__).parents[1] / "data" / "timeoverflow-dump"
COLUMNS = {
    "accounts": "id,accountable_id,accountable_type,balance,organization_id",
    "transfers": "id,post_id,reason,operator_id,created_at",
    "movements": "id,account_id,transfer_id,amount",
    "members": "id,user_id,organization_id,member_uid",
}
NOON = "2026-03-02 12:00:00"


def written(folder: Path, **tables: list[str]) -> Path:
    """A folder of tables, of two accounts where nothing else is said."""
    rows: dict[str, list[str]] = {
        "accounts": ["1,11,Member,0,1", "2,12,Member,0,1"],
        "transfers": [],
        "movements": [],
        **tables,
    }
    folder.mkdir(exist_ok=True)
    for name, lines in rows.items():
        text = "\n".join([COLUMNS[name], *lines]) + "\n"
        (folder / f"{name}.csv").write_text(text, "utf-8")
    return folder


def exchange(id: int, seconds: int, *, at: str = NOON, reason: str = "") -> dict[str, list[str]]:
    """A transfer from account 1 to account 2, and its movements."""
    return {
        "transfers": [f"{id},,{reason},,{at}"],
        "movements": [f"{2 * id},1,{id},{-seconds}", f"{2 * id + 1},2,{id},{seconds}"],
    }


def books(folder: Path, *exchanges: dict[str, list[str]], sum: int) -> BooksReport:
    """The audit of some exchanges, with cached balances of their sum."""
    tables = {
        name: [line for one in exchanges for line in one[name]]
        for name in ("transfers", "movements")
    }
    accounts = [f"1,11,Member,{-sum},1", f"2,12,Member,{sum},1"]
    return audit_timeoverflow(written(folder, accounts=accounts, **tables))


def told(report: BooksReport) -> list[tuple[str, str]]:
    """Which checks found something, and where."""
    return [(finding.check, finding.place) for finding in report.findings]


# -- the sample ----------------------------------------------------------------------------


#: A fault as the sample calls it → the check that finds it.
NAMES = {
    "transfer does not sum to zero": "zero-sum",
    "transfer without movements": "no-movements",
    "transfer of zero": "zero-amount",
    "transfer under a minute": "sub-minute",
}


def planted() -> Iterator[tuple[str, str]]:
    """The faults that the sample says it has, and what follows from them."""
    for fault in json.loads((DUMP / "faults.json").read_text("utf-8")):
        if "transfer" in fault:
            yield NAMES[fault["fault"]], f"transfer {fault['transfer']}"
        elif "transfers" in fault:
            yield "duplicate", f"transfers {', '.join(map(str, fault['transfers']))}"
        if "account" in fault:  # its movement is missing
            yield "cached-balance", f"account {fault['account']}"
        for account in fault.get("accounts", ()):
            yield "cached-balance", f"account {account}"


def test_all_that_was_planted_and_nothing_else() -> None:
    """Each once."""
    report = audit_timeoverflow(DUMP)
    assert sorted(planted()) == sorted(told(report))
    assert (292, 4559, 9115) == (report.accounts, report.transfers, report.movements)


def test_the_same_books_mended_are_well(tmp_path: Path) -> None:
    """What was found, put right by hand."""
    folder = Path(shutil.copytree(DUMP, tmp_path / "dump"))
    bad = {"1616", "4559", "4560", "4561", "4562"}
    keep(folder / "transfers.csv", lambda row: row["id"] not in bad)
    keep(folder / "movements.csv", lambda row: row["transfer_id"] not in bad)
    sums: dict[str, int] = {}
    for row in read(folder / "movements.csv"):
        sums[row["account_id"]] = sums.get(row["account_id"], 0) + int(row["amount"])
    accounts = read(folder / "accounts.csv")
    for row in accounts:
        row["balance"] = str(sums.get(row["id"], 0))
    write(folder / "accounts.csv", accounts)
    assert () == audit_timeoverflow(folder).findings


def read(path: Path) -> list[dict[str, str]]:
    """The rows of a table."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write(path: Path, rows: list[dict[str, str]]) -> None:
    """The rows of a table, in its place."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def keep(path: Path, wanted: Callable[[dict[str, str]], bool]) -> None:
    """Leave the rows that are wanted."""
    write(path, [row for row in read(path) if wanted(row)])


# -- each check ----------------------------------------------------------------------------


def test_empty_books_are_well(tmp_path: Path) -> None:
    """Nothing was exchanged yet."""
    assert BooksReport((), 2, 0, 0) == audit_timeoverflow(written(tmp_path))


@pytest.mark.parametrize(
    ("seconds", "found"),
    [
        (0, [("zero-amount", "transfer 7")]),
        (1, [("sub-minute", "transfer 7")]),
        (59, [("sub-minute", "transfer 7")]),
        (60, []),
        (90, []),
        (-59, [("sub-minute", "transfer 7")]),
    ],
)
def test_too_little(tmp_path: Path, seconds: int, found: list[tuple[str, str]]) -> None:
    """Of zero, of less than a minute; a minute and a half is well."""
    assert found == told(books(tmp_path, exchange(7, seconds), sum=seconds))


@pytest.mark.parametrize(
    ("balance", "expected", "found"),
    [("3600", "0:30", "1:00"), ("", "0:30", "no balance"), ("-1800", "0:30", "-0:30")],
)
def test_a_cached_balance_that_differs(
    tmp_path: Path, balance: str, expected: str, found: str
) -> None:
    """Expected is what the movements sum to."""
    accounts = ["1,11,Member,-1800,1", f"2,12,Member,{balance},1"]
    (finding,) = audit_timeoverflow(
        written(tmp_path, accounts=accounts, **exchange(1, 1800))
    ).findings
    assert ("cached-balance", "account 2", expected, found) == (
        finding.check,
        finding.place,
        finding.expected,
        finding.found,
    )
    assert finding.advice


def test_no_balance_of_who_never_moved_is_well(tmp_path: Path) -> None:
    """The database has nothing there until the first exchange."""
    assert audit_timeoverflow(written(tmp_path, accounts=["1,11,Member,,1"])).ok


def test_movements_that_are_missing(tmp_path: Path) -> None:
    """None at all, one of two, or three that do not sum to zero."""
    transfers = [f"{id},,help,,{NOON}" for id in (1, 2, 3)]
    movements = ["1,1,2,-600", "2,1,3,-600", "3,2,3,300", "4,2,3,200"]
    accounts = ["1,11,Member,-1200,1", "2,12,Member,500,1"]
    report = audit_timeoverflow(
        written(tmp_path, accounts=accounts, transfers=transfers, movements=movements)
    )
    assert [
        ("zero-sum", "transfer 2"),
        ("zero-sum", "transfer 3"),
        ("no-movements", "transfer 1"),
    ] == told(report)
    assert "only -0:10 of account 1" == report.findings[0].found
    assert "3 that sum to -0:01:40" == report.findings[1].found


DUPLICATES: list[tuple[list[tuple[int, int, str, str]], list[str]]] = [
    # id, seconds, entered at, reason
    ([(1, 900, "12:00:00", "a"), (2, 900, "12:10:00", "a")], ["transfers 1, 2"]),
    ([(1, 900, "12:00:00", "a"), (2, 900, "12:10:01", "a")], []),
    ([(2, 900, "12:00:00", "a"), (1, 900, "12:00:00", "a")], ["transfers 1, 2"]),
    ([(1, 900, "12:00:00", "a"), (2, 900, "12:01:00", "b")], []),
    ([(1, 900, "12:00:00", "a"), (2, 901, "12:01:00", "a")], []),
    ([(1, 900, "12:00:00", "a"), (2, -900, "12:01:00", "a")], []),
    ([(1, 900, "12:00:00", ""), (2, 900, "12:01:00", "")], ["transfers 1, 2"]),
    (
        [(n, 900, f"12:{9 * n:02}:00", "a") for n in (1, 2, 3)],
        ["transfers 1, 2, 3"],
    ),
    (
        [(1, 900, "09:00:00", "a"), (2, 900, "09:01:00", "a"), (3, 900, "12:00:00", "a")],
        ["transfers 1, 2"],
    ),
    (
        [(n, 900, f"{9 + n // 2}:{n % 2:02}:00", "a") for n in (2, 3, 4, 5)],
        ["transfers 2, 3", "transfers 4, 5"],
    ),
    ([(1, 900, "12:00:00.900", "a"), (2, 900, "12:10:00.800", "a")], ["transfers 1, 2"]),
    ([(1, 900, "12:00:00+02:00", "a"), (2, 900, "10:05:00Z", "a")], ["transfers 1, 2"]),
    ([(1, 900, "12:00:00 UTC", "a"), (2, 900, "12:05:00", "a")], ["transfers 1, 2"]),
]


@pytest.mark.parametrize(("entered", "found"), DUPLICATES)
def test_what_is_entered_twice(
    tmp_path: Path, entered: list[tuple[int, int, str, str]], found: list[str]
) -> None:
    """The same two, amount, direction and reason, each within ten minutes of the one before."""
    exchanges = [
        exchange(id, seconds, at=f"2026-03-02 {at}", reason=reason)
        for id, seconds, at, reason in entered
    ]
    total = sum(seconds for _, seconds, _, _ in entered)
    report = books(tmp_path, *exchanges, sum=total)
    assert [("duplicate", place) for place in found] == told(report)


def test_transfers_without_both_movements_are_no_duplicates(tmp_path: Path) -> None:
    """Nobody knows between whom they were."""
    transfers = [f"{id},,help,,{NOON}" for id in (1, 2, 3, 4)]
    movements = ["1,1,3,-600", "2,1,4,-600"]
    accounts = ["1,11,Member,-1200,1", "2,12,Member,0,1"]
    report = audit_timeoverflow(
        written(tmp_path, accounts=accounts, transfers=transfers, movements=movements)
    )
    assert {"zero-sum", "no-movements"} == {check for check, _ in told(report)}


def test_what_refers_to_nothing(tmp_path: Path) -> None:
    """A finding where the table was dumped, and none where it was not."""
    tables = {
        "accounts": ["1,11,Member,-600,5", "2,99,Member,0,5", "3,7,Organization,0,5"],
        "transfers": [f"1,8,help,9,{NOON}"],
        "movements": ["1,1,1,-600", "2,77,1,600", "3,1,66,0"],
    }
    without = audit_timeoverflow(written(tmp_path / "a", **tables))
    assert [("orphan", "movement 2"), ("orphan", "movement 3")] == told(without)
    beside = audit_timeoverflow(written(tmp_path / "b", **tables, members=["11,1,5,11"]))
    assert [("orphan", f"{what}") for what in ("account 2", "movement 2", "movement 3")] == told(
        beside
    )
    assert "'99' in the table members" == beside.findings[0].expected
    (tmp_path / "b" / "posts.csv").write_text("id,user_id\n4,1\n", "utf-8")
    assert ("orphan", "transfer 1") in told(audit_timeoverflow(tmp_path / "b"))


@pytest.mark.parametrize(
    ("table", "row", "place", "found"),
    [
        ("movements", "1,1,1", "movements.csv, line 2", "3"),
        ("movements", "1,1,1,half", "movements.csv, line 2", "'half'"),
        ("movements", "1,1,1,1.5", "movements.csv, line 2", "'1.5'"),
        ("movements", "1,1,1,", "movements.csv, line 2", "''"),
        ("movements", "1,1,1,٣", "movements.csv, line 2", "'٣'"),
        ("movements", f"1,1,1,{'9' * 40}", "movements.csv, line 2", f"'{'9' * 40}'"),
        ("movements", ",1,1,60", "movements.csv, line 2", "none"),
        ("accounts", '1,"x', "accounts.csv, line 2", "a quotation mark is not closed"),
        ("accounts", "1,11,Member,much,1", "accounts.csv, line 2", "'much'"),
        ("transfers", "1,,a\0b,,", "transfers.csv, line 2", "it has a NUL character"),
        ("transfers", "1,,a,,soon", "transfer 1", "'soon'"),
    ],
)
def test_rows_that_cannot_be_read(
    tmp_path: Path, table: str, row: str, place: str, found: str
) -> None:
    """Each is a finding, and the rest is checked."""
    report = audit_timeoverflow(written(tmp_path, **{table: [row]}))
    (finding,) = [one for one in report.findings if one.check == "row"]
    assert (place, found) == (finding.place, finding.found)


def test_an_id_that_is_there_twice(tmp_path: Path) -> None:
    """The first counts."""
    report = audit_timeoverflow(written(tmp_path, accounts=["1,11,Member,0,1", "1,12,Member,60,1"]))
    assert [("row", "account '1'")] == told(report)


def test_columns_are_found_by_name(tmp_path: Path) -> None:
    """In another order, with more of them, with blanks and a byte order mark."""
    folder = written(tmp_path)
    (folder / "accounts.csv").write_bytes(
        b"\xef\xbb\xbfflagged, balance ,accountable_type,id,accountable_id\nf,60,Member,1,11\n"
    )
    assert [("cached-balance", "account 1")] == told(audit_timeoverflow(folder))


@pytest.mark.parametrize("header", ["", "id,amount\n", "1,1,1,60\n"])
def test_another_table_is_refused(tmp_path: Path, header: str) -> None:
    """Whoever gives the wrong file hears it at once."""
    folder = written(tmp_path)
    (folder / "movements.csv").write_text(header, "utf-8")
    with pytest.raises(InvalidRequest, match=r"movements\.csv: the first line has no column"):
        audit_timeoverflow(folder)


def test_files_that_are_not_there(tmp_path: Path) -> None:
    """No folder, or one of the three tables is missing."""
    with pytest.raises(NotFound, match="no folder"):
        audit_timeoverflow(tmp_path / "none")
    (written(tmp_path) / "transfers.csv").unlink()
    with pytest.raises(NotFound, match=r"no file transfers\.csv"):
        audit_timeoverflow(tmp_path)


def test_many_findings_are_counted(tmp_path: Path) -> None:
    """A hundred of a check, and one that says how many more."""
    transfers = [f"{id},,,,{NOON}" for id in range(1, 131)]
    report = audit_timeoverflow(written(tmp_path, transfers=transfers))
    assert (101, "30 more") == (len(report.findings), report.findings[-1].found)


@given(st.dictionaries(st.sampled_from(["accounts", "transfers", "movements"]), st.binary()))
def test_whatever_the_bytes_are(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]
) -> None:
    """A report, or a clear error."""
    folder = written(tmp_path_factory.mktemp("bytes"))
    for name, content in files.items():
        header = COLUMNS[name].encode() + b"\n"
        (folder / f"{name}.csv").write_bytes(header + content)
    report = audit_timeoverflow(folder)
    assert {finding.check for finding in report.findings} <= {check.name for check in BOOK_CHECKS}


# -- the command ---------------------------------------------------------------------------


def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str
) -> tuple[int, str, str]:
    """Exit code and both outputs of the command line, without any storage named."""
    monkeypatch.setattr(sys, "argv", ["timebank", "audit-host", *words])
    monkeypatch.delenv("TIMEBANK_DB", raising=False)
    with pytest.raises(SystemExit) as ending:
        main()
    out, err = capsys.readouterr()
    code = ending.value.code
    return (code if isinstance(code, int) else 0), out, err


def test_the_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1 with findings; JSON has the shape of an audit."""
    code, out, err = run(monkeypatch, capsys, "timeoverflow", str(DUMP))
    assert (1, "") == (code, err)
    assert out.startswith("NOT WELL: 12 findings in 292 accounts, 4,559 transfers and 9,115 ")
    code, out, err = run(monkeypatch, capsys, "timeoverflow", str(DUMP), "--format", "json")
    found = json.loads(out)
    assert (1, "", False, 12) == (code, err, found["ok"], len(found["findings"]))
    assert {"check", "place", "expected", "found", "advice"} == set(found["findings"][0])


def test_the_command_on_good_books(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 0."""
    folder = str(written(tmp_path))
    said = "All well: 2 accounts, 0 transfers and 0 movements agree.\n"
    assert (0, said, "") == run(monkeypatch, capsys, "timeoverflow", folder)
    code, out, _ = run(monkeypatch, capsys, "timeoverflow", folder, "--format", "json")
    assert (0, True, []) == (code, json.loads(out)["ok"], json.loads(out)["findings"])


@pytest.mark.parametrize(
    "words", [(), ("timeoverflow",), ("timeoverflow", "nowhere"), ("other", ".")]
)
def test_the_command_asked_wrongly(
    words: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One line, and exit code 2."""
    code, out, err = run(monkeypatch, capsys, *words)
    assert (2, "", 1) == (code, out, err.count("\n"))


# -- balances that a host caches -----------------------------------------------------------


def test_balances_that_a_host_keeps() -> None:
    """Each difference once, by account; what agrees is silent."""
    bank = timebank.open("memory:")
    for id in ("m1", "m2", "m3", "m4"):
        bank.open_account(id)
    bank.transfer(earner="m1", spender="m2", hours="1:30")
    assert () == compare_balances(bank, {"m1": "1:30", "m2": Hours("-1:30"), "m3": 0})
    found = compare_balances(bank, {"m1": Hours.from_seconds(5401), "gone": 2, "m4": "0:01"})
    assert [
        ("account gone", "no account", "2:00"),
        ("account m1", "1:30", "1:30:01"),
        ("account m2", "-1:30", "no balance"),
        ("account m4", "0:00", "0:01"),
    ] == [(one.place, one.expected, one.found) for one in found]
    assert {"balances"} == {one.check for one in found}
    assert all(one.advice for one in found)


def test_balances_that_cannot_be() -> None:
    """As everywhere: clear errors."""
    bank = timebank.open("memory:")
    with pytest.raises(WrongType):
        compare_balances(bank, [("m1", 1)])  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        compare_balances(bank, {"m1": 1.5})
    with pytest.raises(InvalidHours):
        compare_balances(bank, {"m1": "1:75"})
