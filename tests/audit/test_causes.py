"""What was done to a bank is told first, in words, and each finding follows from one cause."""

from __future__ import annotations

import ast
import copy
import pickle
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

import timebank
from audit.findings import GROUPS, Case
from support import Clock, sources
from timebank import AUDIT_CHECKS, AuditReport, TimebankError
from timebank.audit import Finding, unreadable
from timebank.audit.causes import causes_of
from timebank.audit.chain import LOOKED_BACK
from timebank.audit.recovering import recovered
from timebank.cli import main
from timebank.interchange.timeoverflow.books import BOOK_CHECKS
from timebank.journal import canonical, digest, parse
from timebank.model import RecordRow
from timebank.model.said import Said, Who, of_json, said, to_json, who
from timebank.reports.findings import SCREEN_LINES, audit_text, spoken
from timebank.reports.text import PAGE_COLUMNS
from timebank.reports.words import Words, languages, speaking, table

SOURCE = Path(timebank.__file__).parent
#: Each takes a fifth of a second.
FEW = max(settings().max_examples // 8, 5)
#: The record that is tampered with: an exchange of an hour and a half.
TARGET = 9


# -- a bank, and what is done to it ----------------------------------------------------------


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five people with names, an exchange of 1:30 on record 9, and twenty more."""
    path = tmp_path_factory.mktemp("causes") / "bank.db"
    with timebank.open(f"sqlite:///{path}", **sources(Clock())) as bank:
        for id, name in NAMES.items():
            bank.open_account(id, name=name)
        for number in range(24):
            pair = (
                ("m1", "m2") if number == 3 else (f"m{number % 5 + 1}", f"m{(number + 2) % 5 + 1}")
            )
            hours = "1:30" if number == 3 else "0:45"
            bank.transfer(earner=pair[0], spender=pair[1], hours=hours, id=f"t{number}", note="n")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


NAMES = {"m1": "Maria Rossi", "m2": "Anna Bianchi", "m3": "Luca", "m4": "Carla", "m5": "Paolo"}


@contextmanager
def forging(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection on which nothing is refused; the triggers are put back at the end."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        sql = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
        triggers = connection.execute(sql).fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        yield connection
        for _, statement in triggers:
            connection.execute(statement)


def body(connection: sqlite3.Connection, change: Callable[[bytes], bytes]) -> None:
    """Another text of the record, under its digest."""
    sql = "SELECT body FROM timebank_records WHERE sequence = ?"
    ((before,),) = connection.execute(sql, (TARGET,)).fetchall()
    after = change(before)
    assert before != after
    sql = "UPDATE timebank_records SET body = ? WHERE sequence = ?"
    connection.execute(sql, (after, TARGET))


def hours(connection: sqlite3.Connection) -> None:
    body(connection, lambda text: text.replace(b"5400]", b"108000]"))


def hours_and_rows(connection: sqlite3.Connection) -> None:
    hours(connection)
    rows(connection)


def rows(connection: sqlite3.Connection) -> None:
    """Thirty hours in the rows of both, and in each balance behind them."""
    for account, sign in (("m1", 1), ("m2", -1)):
        more = sign * (108_000 - 5_400)
        sql = (
            "UPDATE timebank_postings SET seconds = seconds + ? WHERE sequence = ? AND account = ?"
        )
        connection.execute(sql, (more, TARGET, account))
        sql = (
            "UPDATE timebank_postings SET balance = balance + ? WHERE sequence >= ? AND account = ?"
        )
        connection.execute(sql, (more, TARGET, account))


def day(connection: sqlite3.Connection) -> None:
    body(connection, lambda text: re.sub(rb'"occurred_on":"\d{4}', b'"occurred_on":"2019', text))


def earner(connection: sqlite3.Connection) -> None:
    body(connection, lambda text: text.replace(b'"m1"', b'"m4"'))


def one_byte(connection: sqlite3.Connection) -> None:
    body(connection, lambda text: text.replace(b'"t3"', b'"t8"'))


def rubbish(connection: sqlite3.Connection) -> None:
    body(connection, lambda _: b"{rubbish")


def with_its_digest(connection: sqlite3.Connection) -> None:
    hours(connection)
    sql = "SELECT digest, body FROM timebank_records WHERE sequence IN (?, ?) ORDER BY sequence"
    (before, _), (_, text) = connection.execute(sql, (TARGET - 1, TARGET)).fetchall()
    sql = "UPDATE timebank_records SET digest = ? WHERE sequence = ?"
    connection.execute(sql, (digest(before, text), TARGET))


def seal(connection: sqlite3.Connection) -> None:
    sql = "UPDATE timebank_records SET digest = ? WHERE sequence = ?"
    connection.execute(sql, (bytes(32), TARGET))


def gone(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM timebank_records WHERE sequence = ?", (TARGET,))


def gone_with_rows(connection: sqlite3.Connection) -> None:
    for name in ("texts", "postings", "records"):
        connection.execute(f"DELETE FROM timebank_{name} WHERE sequence = ?", (TARGET,))


def opening_gone(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM timebank_records WHERE sequence = 2")


def end_gone(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM timebank_records WHERE sequence > 27")


def swapped(connection: sqlite3.Connection) -> None:
    for before, after in ((TARGET, -1), (TARGET + 5, TARGET), (-1, TARGET + 5)):
        sql = "UPDATE timebank_records SET sequence = ? WHERE sequence = ?"
        connection.execute(sql, (after, before))


def balance(connection: sqlite3.Connection) -> None:
    which = "account = 'm1' AND version = 2"
    connection.execute(f"UPDATE timebank_postings SET balance = balance + 36000 WHERE {which}")


def floor(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE timebank_accounts SET floor = -360000 WHERE account = 'm1'")


def name(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE timebank_texts SET text = 'Mario' WHERE sequence = 1")


def notes(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM timebank_texts WHERE field = 'note'")


def column(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE timebank_records SET kind = 'hold' WHERE sequence = ?", (TARGET,))


MARIA, ANNA = "Maria Rossi (m1)", "Anna Bianchi (m2)"
EXCHANGE = f"the exchange of 2 March 2026, 1:30 earned by {MARIA} and spent by {ANNA}"
DISAGREES = "What is stored beside the journal does not agree with it, on"
CUT = (
    "Records are missing at the end of the journal: it ends with record {}, "
    "and balances know of record {}."
)
AGREE = (
    "The stored rows agree among themselves: perhaps it is the journal that was rewritten, "
    "with all its seals."
)
AROUND = (
    f"The balances before and after it still tell what moved: 1:30 credited to {MARIA} "
    f"and charged to {ANNA}."
)
CERTAIN = "This is certain: the seal of the record fits only what it said at first."
CHANGED = f"Record 9 was changed: {EXCHANGE}."
BESIDE = f"The balances beside it still tell what record 9 was: {EXCHANGE}."
DAMAGES: dict[Callable[[sqlite3.Connection], None], list[str]] = {
    hours: [CHANGED, "Hours: it said 1:30, it says 30:00.", CERTAIN],
    hours_and_rows: [CHANGED, "Hours: it said 1:30, it says 30:00.", CERTAIN],
    day: [CHANGED, "Day: it said 2 March 2026, it says 2 March 2019.", CERTAIN],
    earner: [CHANGED, "Who earned: it said Maria Rossi (m1), it says Carla (m4).", CERTAIN],
    one_byte: [CHANGED, "request.id: it said 't3', it says 't8'.", CERTAIN],
    rubbish: [
        "Record 9 was changed: a record that cannot be read.",
        "As it is now it cannot be read.",
        BESIDE,
    ],
    with_its_digest: [
        CHANGED,
        "Hours: it said 1:30, it says 30:00.",
        "The balances beside it say so; its seal does not prove it.",
    ],
    seal: [
        f"The seal of record 9 was changed: {EXCHANGE}.",
        "What the record says is what it always said.",
    ],
    gone: ["Record 9 is gone from the journal.", BESIDE],
    gone_with_rows: [
        "Record 9 is gone from the journal.",
        AROUND,
    ],
    opening_gone: [
        "Record 2 is gone from the journal.",
        # The name was given in the record that is gone: nothing proves it.
        "The list of accounts still tells what was opened there: m2.",
    ],
    end_gone: [
        CUT.format(27, 29),
    ],
    swapped: ["Records 9 and 14 have changed places."],
    balance: [
        f"{DISAGREES} the account {MARIA}.",
    ],
    rows: [
        f"{DISAGREES} 2 accounts: {MARIA} and {ANNA}.",
        AGREE,
    ],
    floor: ["Account Maria Rossi (m1), floor: -100:00; it should be: as the statute says."],
    name: [
        "A personal text was deleted or changed.",
        "The name is not what was written at first: the opening of the account m1 on 2 March 2026.",
    ],
    notes: ["24 personal texts were deleted or changed.", "And 21 more."],
    column: [
        f"What stands beside record 9 was changed: {EXCHANGE}.",
        "column kind: it said 'transfer', it says 'hold'.",
    ],
}
#: What was done to the journal itself: nothing is to be made anew from it.
IN_THE_JOURNAL = {
    *(hours, hours_and_rows, day, earner, one_byte, rubbish, with_its_digest, seal),
    *(gone, gone_with_rows, opening_gone, end_gone, swapped),
}


def audited(path: Path) -> AuditReport:
    """The report on a file, also where it cannot be opened."""
    try:
        with timebank.open(f"sqlite:///{path}", create=False, read_only=True) as bank:
            return bank.audit()
    except TimebankError as error:
        return unreadable(error)


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_the_cause_comes_first(
    original: Path, tmp_path: Path, damage: Callable[[sqlite3.Connection], None]
) -> None:
    """One cause, which says who, which exchange, what it said and says; the findings follow."""
    path = Path(shutil.copy(original, tmp_path / "bank.db"))
    with forging(path) as connection:
        damage(connection)
    report = audited(path)
    (cause,) = report.causes
    words = Words("findings", "en")
    told = [spoken(one, words, report.names) for one in (cause.what, *cause.details)]
    assert set(DAMAGES[damage]) <= set(told), told
    assert tuple(range(1, len(report.findings) + 1)) == cause.findings
    advice = "do not run `timebank rebuild`" in cause.advice
    assert (damage in IN_THE_JOURNAL) == advice
    assert ("Do not run `timebank rebuild` yet" in cause.advice) == (damage is rows)
    for language in languages():
        with speaking(language):
            lines = audit_text(report)
        assert len(lines) <= SCREEN_LINES
        digests = [line for line in lines if re.search("[0-9a-f]{64}", line)]
        assert lines[-1:] == digests  # the head alone


COPIED = f"The copy has record 9, and it goes with the seals around it: {EXCHANGE}."
PROVEN = "This is certain: the copy has the record, and it goes with the seals around it."
LATE = (
    "The copy has record 28, and it goes with the seals around it: the exchange of 2 March 2026, "
    "0:45 earned by Luca (m3) and spent by Paolo (m5)."
)
BY_A_COPY: dict[Callable[[sqlite3.Connection], None], str] = {
    gone: COPIED,
    gone_with_rows: COPIED,
    rubbish: PROVEN,
    with_its_digest: PROVEN,
    end_gone: LATE,
}


@pytest.mark.parametrize("damage", BY_A_COPY, ids=lambda damage: damage.__name__)
def test_a_copy_tells_what_a_record_said(
    original: Path, tmp_path: Path, damage: Callable[[sqlite3.Connection], None]
) -> None:
    """Where it goes with the records around; one that does not tells nothing."""
    path = Path(shutil.copy(original, tmp_path / "bank.db"))
    other = tmp_path / "other.db"
    with timebank.open(f"sqlite:///{other}", **sources(Clock())) as bank:
        for number in range(30):
            bank.open_account(f"m{number}")
    with forging(path) as connection:
        damage(connection)
    for copied, is_told in ((original, True), (other, False)):
        result = CliRunner().invoke(main, ["--db", str(path), "audit", "--copy", str(copied)])
        assert 1 == result.exit_code
        assert (BY_A_COPY[damage] in " ".join(result.stdout.split())) == is_told, result.stdout
        assert "1 cause, " in result.stdout
    result = CliRunner().invoke(main, ["--db", str(path), "audit", "--copy", "nowhere.db"])
    assert (2, "") == (result.exit_code, result.stdout)


def test_a_journal_without_its_end_is_not_made_anew(original: Path, tmp_path: Path) -> None:
    """Not even where only its end is gone: the rows still tell what it was."""
    path = Path(shutil.copy(original, tmp_path / "bank.db"))
    with forging(path) as connection:
        end_gone(connection)
    with timebank.open(f"sqlite:///{path}") as bank:
        with pytest.raises(TimebankError, match="expected the last record is"):
            bank.rebuild()
        bank.rebuild(force=True)
        assert () == tuple(one for one in bank.audit().findings if one.check == "derived")


# -- every finding that there can be ----------------------------------------------------------


def cases() -> list[Any]:
    return [
        pytest.param(case, id=f"{group}: {case[0]}")
        for group, made in GROUPS.items()
        for case in made()
        if group in {"forgeries", "readers", "spoiled", "rows", "published", "shapes"}
    ]


@pytest.mark.parametrize("case", cases())
def test_each_finding_follows_from_one_cause(case: Case) -> None:
    """Whatever is found: it is told in both languages, on a screen, and nothing is left out."""
    report = case[1]()
    if report.ok:
        return
    told = causes_of(None, report.findings, report.head)
    for causes in (report.causes, told.causes):
        found = [number for cause in causes for number in cause.findings]
        if causes or causes is told.causes:
            assert list(range(1, len(report.findings) + 1)) == sorted(found)
    for language in languages():
        with speaking(language):
            short, whole = audit_text(report), audit_text(report, everything=True)
        assert len(short) <= SCREEN_LINES
        assert all(len(line) <= PAGE_COLUMNS for line in short if not line.startswith("Head"))
        assert len(whole) > len(report.findings)


def test_free_text_is_told_as_it_is() -> None:
    """Of a check, or a store, that knows nothing of the catalogue."""
    finding = Finding("mine", "somewhere", "this {n}", "that", "Ask {me}.")
    report = AuditReport((finding,), head=None, records=1, accounts=0)
    with speaking("it"):
        lines = audit_text(report, everything=True)
    assert "1. mine, somewhere" in lines
    assert "   consiglio: Ask {me}." in lines


# -- what a record said -----------------------------------------------------------------------

BODY = canonical(
    {
        "actor": "t",
        "effects": {
            "occurred_on": "2026-03-02",
            "postings": [["m1", 5400], ["m2", -5400]],
            "statute": "default/1",
        },
        "format": 1,
        "journal": "j",
        "kind": "transfer",
        "recorded_at": 1_772_000_000_000_000,
        "recorded_on": "2026-03-02",
        "request": {
            "earners": [["m1", 5400]],
            "id": "t1",
            "kind": "exchange",
            "spenders": [["m2", 5400]],
        },
        "sequence": 2,
    }
)


def row(text: bytes) -> RecordRow:
    """The record under the digest of what it said at first."""
    return RecordRow(2, digest(bytes(32), BODY), text, "transfer", "t1", None)


@settings(max_examples=FEW)
@given(
    at=st.integers(0, len(BODY) - 1),
    put=st.binary(max_size=1),
    keeps=st.booleans(),
)
def test_one_byte_is_found(at: int, put: bytes, keeps: bool) -> None:
    """Changed, taken away or put in, wherever it is."""
    text = BODY[:at] + put + BODY[at + (not keeps) :]
    if text != BODY:
        assert parse(BODY) == recovered(bytes(32), row(text), (), ())


@given(seconds=st.integers(1, 2**40))
def test_hours_are_found(seconds: int) -> None:
    """Whatever was put in the place of an hour and a half, in all places."""
    text = BODY.replace(b"5400]", b"%d]" % seconds)
    assert parse(BODY) == recovered(bytes(32), row(text), (), ())


@given(other=st.sampled_from(["m3", "è", 'a"b', "z" * 128]))
def test_accounts_are_found(other: str) -> None:
    """Where the one that it was is known."""
    text = BODY.replace(b'"m1"', canonical({"": other})[4:-1])
    assert parse(BODY) == recovered(bytes(32), row(text), (), ("m1", "m2"))


def test_what_nothing_tells_is_not_guessed() -> None:
    """Another text altogether is not told for sure."""
    assert recovered(bytes(32), row(b'{"a":1}'), (), ("m1",)) is None


# -- texts that know what they say --------------------------------------------------------------


def test_a_text_is_a_string_in_english() -> None:
    """It can be compared, copied, sent to another process and put into JSON."""
    text = said("record_account", sequence=7, account=who("m1"))
    assert "record 7, account 'm1'" == text
    for other in (copy.deepcopy(text), pickle.loads(pickle.dumps(text)), of_json(to_json(text))):  # noqa: S301  # our own bytes
        assert (text, text.key, text.gaps) == (other, other.key, other.gaps)
        assert isinstance(other.gaps["account"], Who)
        assert "m1" == other.gaps["account"].id
    assert "registrazione 7, conto m1" == spoken(text, Words("findings", "it"))


def keys_said() -> Iterator[tuple[str, str, set[str]]]:
    """Each key that is written down where something is said, with its file and its gaps."""
    for path in SOURCE.rglob("*.py"):
        text = path.read_text("utf-8")
        if "from timebank.model.said import" not in text:
            continue  # what others call `said`
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "said":
                key = node.args[0] if node.args else None
                if isinstance(key, ast.Constant):
                    given = {word.arg or "" for word in node.keywords}
                    yield path.name, str(key.value), given


def test_what_is_said_is_in_the_catalogue() -> None:
    """Each key, with a value for each of its gaps and for no other."""
    words = table("findings", "en")
    for file, key, named in keys_said():
        if key == "elsewhere":
            continue
        texts = words[key]
        forms = [texts] if isinstance(texts, str) else texts.values()
        gaps = {gap for text in forms for gap in re.findall(r"\{(\w+)\}", text)}
        if "" not in named:
            assert gaps <= named <= gaps | {"n", "name"}, (file, key)


def test_nothing_in_the_catalogue_is_left_over() -> None:
    """Each key is written down somewhere in the library, or made of a part that is."""
    source = "\n".join(path.read_text("utf-8") for path in SOURCE.rglob("*.py"))
    made = (
        "about_",
        "check_",
        "field_",
        "month_",
        "count_",
        "text_",
        "table_of_",
        "status_",
        "label_",
        "row_of_",
    )
    left = [
        key
        for key in table("findings", "en")
        if not key.startswith(made) and not re.search(rf"""["']{re.escape(key)}["']""", source)
    ]
    assert [] == left


@pytest.mark.parametrize("check", [*AUDIT_CHECKS, *BOOK_CHECKS], ids=lambda check: check.name)
def test_advice_is_in_the_catalogue(check: timebank.audit.Check) -> None:
    """So that it is given in each language; and each check has a name there."""
    assert isinstance(check.advice, Said)
    if check in AUDIT_CHECKS:
        assert f"check_{check.name}" in table("findings", "en")


def test_an_audit_that_finds_nothing_reads_no_catalogue() -> None:
    """And nothing of what tells causes."""
    program = (
        "import sys, timebank\n"
        "from timebank.model import said\n"
        "bank = timebank.open('memory:')\n"
        "bank.open_account('m1'), bank.open_account('m2')\n"
        "bank.transfer(earner='m1', spender='m2', hours=1)\n"
        "assert bank.audit().ok and bank.audit(quick=True).ok\n"
        "print(said._english.cache_info().currsize, 'timebank.audit.causes' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "0 False\n" == done.stdout


# -- since a checkpoint -------------------------------------------------------------------------


def changed_day(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE timebank_postings SET day = '2019-01-01' WHERE sequence = 12")


def guard(connection: sqlite3.Connection) -> None:
    """Taken away for good."""


@pytest.mark.parametrize("damage", [hours, one_byte, gone, changed_day, guard])
def test_since_a_checkpoint_the_last_records_are_looked_at(
    original: Path, tmp_path: Path, damage: Callable[[sqlite3.Connection], None]
) -> None:
    """Their digests, their rows, and the guards of the tables; what was left out is said."""
    path = Path(shutil.copy(original, tmp_path / "bank.db"))
    known = audited(path).checkpoint
    assert known is not None
    with forging(path) as connection:
        damage(connection)
    if damage is guard:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("DROP TRIGGER timebank_records_no_update")
    with timebank.open(f"sqlite:///{path}", create=False, read_only=True) as bank:
        report = bank.audit(since=known)
    assert not report.ok
    assert ("schema" in {one.check for one in report.findings}) == (damage is guard)
    assert "Not looked at: the personal texts of records 1 to 29, and the file" in "\n".join(
        audit_text(report)
    )


def gone_first(connection: sqlite3.Connection) -> None:
    """The record before those that are looked at once more."""
    connection.execute("DELETE FROM timebank_records WHERE sequence = 19")


def gone_before(connection: sqlite3.Connection) -> None:
    """An older one, of which an audit since a checkpoint knows nothing."""
    connection.execute("DELETE FROM timebank_records WHERE sequence = 18")


@pytest.mark.parametrize(("damage", "found"), [(gone_first, ["sequence"]), (gone_before, [])])
def test_so_many_records_are_looked_at_and_no_more(
    original: Path,
    tmp_path: Path,
    damage: Callable[[sqlite3.Connection], None],
    found: list[str],
) -> None:
    """The ten last ones here, and the one before them for its digest."""
    path = Path(shutil.copy(original, tmp_path / "bank.db"))
    known = audited(path).checkpoint
    with forging(path) as connection:
        damage(connection)
    with (
        patch("timebank.audit.chain.LOOKED_BACK", 10),
        timebank.open(f"sqlite:///{path}", create=False, read_only=True) as bank,
    ):
        report = bank.audit(since=known)
    assert found == [one.check for one in report.findings]


def test_what_an_audit_since_a_checkpoint_left_out_is_said() -> None:
    """Up to which record, and what of all of them."""
    report = AuditReport((), head=None, records=1, accounts=1, since=LOOKED_BACK + 7)
    assert 7 == report.unread_through
    with speaking("it"):
        assert "Non guardati: le registrazioni da 1 a 7 con i loro saldi" in audit_text(report)[1]
