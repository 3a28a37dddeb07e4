"""The importer for Komunitin and IntegralCES: CSV and JSON:API, states, units, balances."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

import timebank
from support import sources
from timebank import Hours, InvalidRequest, TimeBank
from timebank.cli import main
from timebank.interchange.engine.booking import run
from timebank.interchange.engine.quarantine import Mended, QuarantineFile
from timebank.interchange.engine.report import ImportReport
from timebank.interchange.komunitin import Komunitin
from timebank.interchange.komunitin.documents import MAX_DOCUMENT_BYTES, KomunitinDocuments

SAMPLE = Path(__file__).parents[1] / "data" / "komunitin"
FILES = SAMPLE / "accounts.csv", SAMPLE / "transfers.csv"
INSTANT = "2018-01-17T11:35:48.000Z"
ACCOUNTS = "id,created,code,status,balance\nu1,2018-01-08 00:00:00,T01,active,\nu2,,T02,,\n"
HEADER = "id,state,amount,created,description,payer.id,payer.code,payee.id,payee.code\n"
GOOD = f"a1,committed,0.75,{INSTANT},garden,u2,T02,u1,T01\n"


@pytest.fixture
def memory() -> TimeBank:
    """An empty bank in memory."""
    return timebank.open("memory:", **sources())


def imported(
    bank: TimeBank, transfers: str, accounts: str = ACCOUNTS, **options: Any
) -> ImportReport:
    """Import these texts as CSV."""
    files = (io.BytesIO(text.encode()) for text in (accounts, HEADER + transfers))
    return run(bank, Komunitin(*files, **options))


def places(report: ImportReport) -> list[tuple[int, str]]:
    """Where the quarantined rows are."""
    return [(row.line, row.column) for row in report.rows]


# -- the sample ---------------------------------------------------------------


def test_the_sample_comes_in_whole_and_once(bank: TimeBank) -> None:
    """Only what is committed is booked, the rest is counted, and every balance agrees."""
    report = run(bank, Komunitin(*FILES))
    assert (292, 4_302, Hours("10458:52:48"), 0, True) == (
        report.accounts_opened,
        report.transfers_booked,
        report.moved,
        report.quarantined,
        report.ok,
    )
    assert {"pending": 81, "rejected": 81, "deleted": 54, "failed": 40} == report.passed
    assert report.reconciliation is not None
    assert (292, ()) == (report.reconciliation.compared, report.reconciliation.differences)
    head = bank.head()
    second = run(bank, Komunitin(*FILES))
    assert (head, 0, 4_302) == (bank.head(), second.transfers_booked, second.transfers_there)


def test_rows_become_accounts_and_transfers(memory: TimeBank) -> None:
    """Ids are the codes, transfers keep Komunitin's own; payers spend, and days stay."""
    report = imported(memory, GOOD)
    assert (True, date(2018, 1, 8), None) == (
        report.ok,
        memory.account("T01").joined_on,
        memory.account("T02").joined_on,
    )
    [transfer] = memory.transfers()
    assert ("komunitin:a1", {"T01": Hours("0:45")}, {"T02": Hours("0:45")}, "garden") == (
        transfer.id,
        transfer.earners,
        transfer.spenders,
        transfer.note,
    )
    assert date(2018, 1, 17) == transfer.occurred_on
    assert {"system": "komunitin", "created_at": INSTANT} == transfer.source


def test_a_side_without_a_code_is_found_by_its_id(memory: TimeBank) -> None:
    """As the accounts give it; one that they do not give is nobody's."""
    report = imported(
        memory, GOOD.replace("u2,T02", "u2,") + GOOD.replace("a1", "a2").replace("u2,T02", "u9,")
    )
    assert ([(3, "payer.code")], 1) == (places(report), report.transfers_booked)


def test_the_unit_of_the_currency_may_be_another(memory: TimeBank) -> None:
    """Where ten units are an hour, one is six minutes."""
    imported(memory, GOOD, unit=Hours("0:06"))
    assert Hours("0:04:30") == memory.balance("T01").posted


def test_accounts_end_as_their_status_says(memory: TimeBank) -> None:
    """Deleted ones are closed, disabled and suspended ones frozen; each keeps its history."""
    lines = [f"u{n},,T0{n},{status}," for n, status in enumerate(STATUSES, start=1)]
    accounts = "\n".join(["id,created,code,status,balance", *lines, ""])
    report = imported(memory, GOOD, accounts)
    assert ([(5, "status")], 1) == (places(report), report.transfers_booked)
    assert ["frozen", "frozen", "closed"] == [memory.account(f"T0{n}").status for n in (1, 2, 3)]
    assert ((("T01", Hours("0:45")),), 1) == (report.frozen, report.accounts_closed)


STATUSES = "deleted", "disabled", "deleted", "asleep"


@pytest.mark.parametrize(
    ("row", "column"),
    [
        (GOOD.replace("0.75", "0.00025"), "amount"),
        (GOOD.replace("0.75", "-0.75"), "amount"),
        (GOOD.replace("0.75", "0.00"), "amount"),
        (GOOD.replace("0.75", '"0,75"'), "amount"),
        (GOOD.replace("0.75", "1e3"), "amount"),
        (GOOD.replace("0.75", "٣"), "amount"),
        (GOOD.replace("0.75", "9" * 15), "amount"),
        (GOOD.replace("0.75", "9" * 400), "amount"),
        (GOOD.replace("0.75", ""), "amount"),
        (GOOD.replace("committed", "done"), "state"),
        (GOOD.replace("committed", ""), "state"),
        (GOOD.replace("a1", ""), "id"),
        (GOOD.replace("a1", " a1 "), "id"),
        (GOOD.replace("a1", "x" * 128), "id"),
        (GOOD.replace("T02", "T01"), "payee.code"),
        (GOOD.replace("T02", "T09"), "payer.code"),
        (GOOD.replace("T01", " "), "payee.code"),
        (GOOD.replace(INSTANT, "17/01/2018"), "created"),
        (GOOD.replace(INSTANT, "2018-02-30T11:35:48Z"), "created"),
        (GOOD.replace(INSTANT, "2018-02-20T25:35:48Z"), "created"),
        (GOOD.replace("garden", "\0"), "description"),
        (GOOD.replace("garden", "x" * 10_001), "description"),
        ("a1,committed\n", "row"),
        ('a1,committed,"0.75"x\n', "row"),
    ],
)
def test_a_bad_row_is_quarantined_with_its_place(memory: TimeBank, row: str, column: str) -> None:
    """It is named by line and column; the rows around it are booked."""
    report = imported(memory, GOOD.replace("a1", "a0") + row + GOOD.replace("a1", "a2"))
    assert ([(3, column)], 2) == (places(report), report.transfers_booked)


@pytest.mark.parametrize(
    ("account", "column"),
    [
        ("u3,,,active,", "code"),
        ("u3,, T03,active,", "code"),
        ("u3,soon,T03,active,", "created"),
        ("u3,,T03,active,1.00001", "balance"),
        ('u3,,T03,active,"1,5"', "balance"),
    ],
)
def test_a_bad_account_is_quarantined(memory: TimeBank, account: str, column: str) -> None:
    """It gets no account; the others do."""
    report = imported(memory, GOOD, f"{ACCOUNTS}{account}\n")
    assert ([(4, column)], 2) == (places(report), report.accounts_opened)


def test_a_pending_row_is_passed_over_whatever_it_has(memory: TimeBank) -> None:
    """Nobody is asked to mend what moves nothing."""
    report = imported(memory, "a1,pending,x,,,,,,\n")
    assert ({"pending": 1}, True) == (report.passed, report.ok)
    resource = {"type": "transfers", "attributes": {"state": "pending", "amount": "x"}}
    report = documents(memory, page(resource), scale=2)
    assert ({"pending": 1}, True) == (report.passed, report.ok)


def test_a_difference_is_explained_by_the_rows_in_quarantine(memory: TimeBank) -> None:
    """Of both sides, exactly."""
    accounts = ACCOUNTS.replace("active,", "active,0.75").replace("T02,,", "T02,,-1.75")
    report = imported(memory, GOOD.replace(INSTANT, "some day"), accounts)
    assert report.reconciliation is not None
    explained = [(one.account, one.explained) for one in report.reconciliation.differences]
    assert [("T01", True), ("T02", False)] == explained


@pytest.mark.parametrize("place", [0, 1])
def test_both_first_lines_are_read_before_anything_is_booked(memory: TimeBank, place: int) -> None:
    """A file that is another one books nothing."""
    texts = [ACCOUNTS, HEADER + GOOD]
    texts[place] = "a,b\n1,2\n"
    with pytest.raises(InvalidRequest, match="in its first line; it has 'a', 'b'"):
        run(memory, Komunitin(*(io.BytesIO(text.encode()) for text in texts)))
    assert 0 == memory.head().sequence


# -- documents ----------------------------------------------------------------

CURRENCY = {"type": "currencies", "id": "c", "attributes": {"code": "H", "scale": 2}}


def account(id: str, code: str, **more: Any) -> dict[str, Any]:
    """An account as JSON:API has it."""
    return {"type": "accounts", "id": id, "attributes": {"code": code, **more}}


def transfer(**more: Any) -> dict[str, Any]:
    """A transfer as JSON:API has it."""
    sides = {
        side: {"data": {"type": "accounts", "id": more.pop(side, id)}}
        for side, id in (("payer", "u2"), ("payee", "u1"))
    }
    attributes = {
        "amount": 75,
        "meta": {"description": "garden"},
        "state": "committed",
        "created": INSTANT,
        "updated": INSTANT,
    }
    id = more.pop("id", "a1")
    return {
        "type": "transfers",
        "id": id,
        "attributes": {**attributes, **more},
        "relationships": sides,
    }


BOTH = [account("u1", "T01"), account("u2", "T02")]


def documents(bank: TimeBank, *pages: object, **options: Any) -> ImportReport:
    """Import these documents."""
    raw = (page if isinstance(page, bytes) else json.dumps(page).encode() for page in pages)
    return run(bank, KomunitinDocuments(*map(io.BytesIO, raw), **options))


def page(*data: object, included: Sequence[object] = ()) -> dict[str, Any]:
    """A document."""
    return {"data": list(data), "included": list(included)}


def test_documents_book_what_the_files_book(bank: TimeBank) -> None:
    """In whatever order they come: accounts may stand behind the transfers, or in another page."""
    report = documents(bank, page(transfer()), page(*BOTH, included=[CURRENCY]))
    assert (2, 1, True) == (report.accounts_opened, report.transfers_booked, report.ok)
    other = timebank.open("memory:")
    imported(other, GOOD, ACCOUNTS.replace("2018-01-08 00:00:00", ""))
    [ours], [theirs] = list(bank.transfers()), list(other.transfers())
    assert (theirs.id, theirs.earners, theirs.source, theirs.note) == (
        ours.id,
        ours.earners,
        ours.source,
        ours.note,
    )
    again = imported(bank, GOOD, ACCOUNTS.replace("2018-01-08 00:00:00", ""))
    assert (0, 1) == (again.transfers_booked, again.transfers_there)


def test_states_balances_and_statuses_of_documents(memory: TimeBank) -> None:
    """Balances are divided as amounts are; limits of whatever meaning are not asked."""
    accounts = [
        account("u1", "T01", balance=75, creditLimit=-1, created=INSTANT),
        account("u2", "T02", balance=-76, creditLimit=False, status="suspended"),
    ]
    pending = transfer(id="a2", state="pending")
    report = documents(memory, page(transfer(), pending, included=[*accounts, CURRENCY]))
    assert ({"pending": 1}, 1) == (report.passed, report.transfers_booked)
    assert report.reconciliation is not None
    [difference] = report.reconciliation.unexplained
    assert ("T02", Hours("-0:45:36")) == (difference.account, difference.stated)
    assert "frozen" == memory.account("T02").status


@pytest.mark.parametrize(
    ("meta", "note"),
    [
        ("plain", "plain"),
        ({"description": "in an object"}, "in an object"),
        (None, None),
        ({}, None),
    ],
)
def test_both_forms_of_a_description_are_read(
    memory: TimeBank, meta: object, note: str | None
) -> None:
    """An object in newer versions, text in older ones."""
    documents(memory, page(transfer(meta=meta), *BOTH), scale=2)
    assert [note] == [one.note for one in memory.transfers()]


def test_a_single_resource_is_a_document_too(memory: TimeBank) -> None:
    """`data` is one resource, and what it relates to is included."""
    report = documents(memory, {"data": transfer(), "included": [*BOTH, CURRENCY]})
    assert 1 == report.transfers_booked


@pytest.mark.parametrize(
    ("resource", "column"),
    [
        (transfer(amount="75"), "attributes.amount"),
        (transfer(amount=75.0), "attributes.amount"),
        (transfer(amount=True), "attributes.amount"),
        (transfer(amount=-75), "attributes.amount"),
        (transfer(amount=0), "attributes.amount"),
        (transfer(amount=10**15), "attributes.amount"),
        (transfer(amount=None), "attributes.amount"),
        (transfer(state="done"), "attributes.state"),
        (transfer(created="soon"), "attributes.created"),
        (transfer(meta=7), "attributes.meta"),
        (transfer(meta="\ud800"), "attributes.meta"),
        (transfer(payer="u9"), "relationships.payer"),
        (transfer(payer=None), "relationships.payer"),
        (transfer(payer="u1"), "relationships.payee"),
        (transfer(id=7), "id"),
        (transfer(id=""), "id"),
        ({"type": "transfers", "id": "x"}, "relationships.payer"),
        ({"type": 7}, "type"),
        (7, "type"),
        (account("u3", " x"), "attributes.code"),
        (account("u3", "T03", balance="1"), "attributes.balance"),
        ({"type": "accounts", "id": "u3"}, "attributes.code"),
        ({"type": "accounts"}, "resource"),
    ],
)
def test_a_bad_resource_is_quarantined(memory: TimeBank, resource: Any, column: str) -> None:
    """It is named by its number in the document, and by the member to blame."""
    report = documents(memory, page(*BOTH, resource, transfer(id="good")), scale=2)
    assert ([(3, column)], 1) == (places(report), report.transfers_booked)


def test_resources_of_other_types_are_nothing(memory: TimeBank) -> None:
    """Members, offers and what else a document has."""
    assert 0 == documents(memory, page({"type": "members", "id": "m"}), scale=2).read


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "is not JSON"),
        (b"\xff", "is not JSON"),
        (b'{"data": NaN}', "NaN is no number"),
        (b"[" * 100_000, "is not JSON: it is nested too deeply"),
        (b"[]", "has no data"),
        (b'{"errors": []}', "has no data"),
        (b'{"data": []}', "the documents have no currency"),
        (json.dumps(page({"type": "currencies", "id": "c"})).encode(), "None is no scale"),
    ],
)
def test_a_document_that_is_none_books_nothing(memory: TimeBank, raw: bytes, message: str) -> None:
    """It would be a hole in the history: the import ends before it begins."""
    with pytest.raises(InvalidRequest, match=message):
        documents(memory, page(*BOTH), raw)
    assert 0 == memory.head().sequence


def test_two_scales_are_not_guessed_at(memory: TimeBank) -> None:
    """Unless it is said which."""
    other = {"type": "currencies", "id": "d", "attributes": {"scale": 0}}
    with pytest.raises(InvalidRequest, match="currencies of 2 scales"):
        documents(memory, page(CURRENCY, other))
    assert documents(memory, page(CURRENCY, other, *BOTH), scale=2).ok


def test_a_document_has_a_size(tmp_path: Path, memory: TimeBank) -> None:
    """What is larger comes in pages."""
    path = tmp_path / "large.json"
    with path.open("wb") as file:
        file.truncate(MAX_DOCUMENT_BYTES + 1)
    with pytest.raises(InvalidRequest, match="fetch it in pages"):
        run(memory, KomunitinDocuments(path, scale=2))


def test_a_mended_resource_stands_where_it_stood(memory: TimeBank) -> None:
    """Its one cell in the quarantine is the resource as JSON."""
    bad = page(*BOTH, transfer(amount="75"))
    report = documents(memory, bad, scale=2)
    file = io.StringIO(newline="")
    quarantine = QuarantineFile(file)
    for row in report.rows:
        quarantine.write(row)
    raw = file.getvalue().replace('""amount"":""75""', '""amount"":75')
    mended = Mended("bad.csv", io.BytesIO(raw.encode()))
    again = documents(memory, bad, scale=2, mended=mended)
    assert (1, True) == (again.transfers_booked, again.ok)
    broken = io.BytesIO(raw.replace('{""type""', "{").encode())
    worse = documents(memory, bad, scale=2, mended=Mended("bad.csv", broken))
    assert [(3, "row")] == places(worse)


# -- properties ---------------------------------------------------------------


@given(st.binary(max_size=300))
def test_arbitrary_bytes_book_nothing(raw: bytes) -> None:
    """As CSV below good first lines, and as a document."""
    bank = timebank.open("memory:")
    report = run(
        bank,
        Komunitin(io.BytesIO(ACCOUNTS.encode() + raw), io.BytesIO(HEADER.encode() + raw)),
    )
    assert (0, True) == (report.transfers_booked, bank.audit().ok)
    with pytest.raises(InvalidRequest):
        documents(bank, raw)


_VALUES = st.sampled_from(
    ["a1", "a2", "T01", "T02", "u1", "committed", "new", "0.5", "-1", INSTANT]
)


@given(st.lists(st.lists(_VALUES | st.text(max_size=3), min_size=9, max_size=9), max_size=6))
def test_every_row_is_booked_passed_or_quarantined(rows: list[list[str]]) -> None:
    """And a second run appends nothing."""
    quoted = (",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows)
    text = "".join(f"{row}\n" for row in quoted).encode("utf-8", "surrogatepass").decode()
    bank = timebank.open("memory:")
    report = imported(bank, text)
    done = report.transfers_booked + report.transfers_there
    assert len(rows) == done + report.quarantined + sum(report.passed.values())
    head = bank.head()
    imported(bank, text)
    assert head == bank.head()


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)


@given(
    st.dictionaries(
        st.sampled_from(["amount", "meta", "state", "created", "payer", "payee", "id"]), json_values
    )
)
def test_arbitrary_json_is_a_transfer_or_quarantined(change: dict[str, Any]) -> None:
    """In the place of any member."""
    bank = timebank.open("memory:")
    report = documents(bank, page(*BOTH, transfer(**change)), scale=2)
    assert 3 == report.read
    assert 1 == report.transfers_booked + report.quarantined + sum(report.passed.values())
    assert bank.audit().ok


# -- the command line ---------------------------------------------------------


def call(*words: str) -> Result:
    """Run `timebank import komunitin` with these words, on memory."""
    return CliRunner().invoke(main, ["--db", "memory:", "import", "komunitin", *words])


def test_the_command_shows_counts_and_the_balances() -> None:
    """Exit code 0 where every balance agrees."""
    result = call("--accounts", str(FILES[0]), "--transfers", str(FILES[1]))
    assert 0 == result.exit_code
    assert "Transfers: 4,302 booked, 0 there already" in result.stdout
    assert "           54 passed over: deleted\n" in result.stdout
    assert "Balances:  all 292 are what the source states" in result.stdout


def test_the_command_takes_documents(tmp_path: Path) -> None:
    """One or more, with the scale if no document has it."""
    path = tmp_path / "page.json"
    path.write_text(json.dumps(page(*BOTH, transfer())), "utf-8")
    result = call("--documents", str(path), "--scale", "2", "--unit", "0:30", "--format", "json")
    assert (0, "0:22:30") == (result.exit_code, json.loads(result.stdout)["moved"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "Give --accounts and --transfers, or --documents"),
        (("--accounts", "a.csv"), "Give --accounts and --transfers, or --documents"),
        (("--accounts", "a.csv", "--transfers", "t.csv"), "a.csv: No such file"),
        (("--documents", "d.json"), "d.json: No such file"),
        (("--documents", "d.json", "--accounts", "a.csv"), "or --documents"),
        (("--documents", "d.json", "--unit", "much"), "much"),
        (("--documents", "d.json", "--unit", "-1"), "--unit"),
    ],
)
def test_wrong_words_are_told_in_one_line(words: tuple[str, ...], message: str) -> None:
    """Exit code 2."""
    result = call(*words)
    assert (2, "", 1) == (result.exit_code, result.stdout, result.stderr.count("\n"))
    assert message in result.stderr


def test_the_quarantine_has_the_names_of_the_columns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever mends a row sees what its cells are."""
    monkeypatch.chdir(tmp_path)
    Path("a.csv").write_text("id,code,status,balance\n7,T01,active,0\n")
    Path("t.csv").write_text("id,state,amount,created,payer.code,payee.code\nx,committed,?,,,\n")
    words = ("--accounts", "a.csv", "--transfers", "t.csv", "--quarantine", "q.csv")
    CliRunner().invoke(main, ["--db", "k.db", "import", "komunitin", *words])
    second = Path("q.csv").read_text().splitlines()[1]
    assert second == "t.csv,1,,,,,check,id,state,amount,created,payer.code,payee.code"
