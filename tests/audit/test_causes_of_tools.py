"""What somebody does to a bank of a community with another program, as a treasurer reads it."""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

import timebank
from audit.test_causes import audited, forging
from timebank.journal import canonical, digest, parse
from timebank.reports.findings import SCREEN_LINES, audit_text
from timebank.reports.words import languages, speaking
from timebank.testing import simulate

Damage = Callable[[sqlite3.Connection], object]


@pytest.fixture(scope="module")
def community(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty members, two hundred exchanges, a hold, a statute, and a last exchange of 0:45."""
    path = tmp_path_factory.mktemp("community") / "bank.db"
    with timebank.open(f"sqlite:///{path}") as bank:
        one, other, *_ = simulate(bank, members=30, exchanges=200, seed=3).members
        bank.rename(one, "Maria Rossi")
        bank.rename(other, "Luca Bianchi")
        bank.hold(earner=one, spender=other, hours=2, id="hold", expires_in=timedelta(days=9000))
        bank.adopt(timebank.Statute(version="ours/1"))
        bank.transfer(earner=one, spender=other, hours="0:45", id="last", note="in the garden")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


def put_at_the_end(connection: sqlite3.Connection) -> None:
    """Another exchange, with a digest that is right, and no rows."""
    sql = "SELECT * FROM timebank_records ORDER BY sequence DESC LIMIT 1"
    (row,) = connection.execute(sql).fetchall()
    bank, sequence, before, text, kind, _, refers = row
    content = parse(text)
    content["sequence"] = sequence + 1
    content["request"]["id"] = "another"
    body = canonical(content)
    new = (bank, sequence + 1, digest(before, body), body, kind, "another", refers)
    connection.execute(f"INSERT INTO timebank_records VALUES ({', '.join('?' * 7)})", new)


def last_seal(connection: sqlite3.Connection) -> None:
    last = "(SELECT max(sequence) FROM timebank_records)"
    connection.execute(
        f"UPDATE timebank_records SET digest = ? WHERE sequence = {last}", (bytes(32),)
    )


def journal(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE timebank_banks SET journal = ?", ("0" * 32,))


def swapped_names(connection: sqlite3.Connection) -> None:
    connection.execute(
        "UPDATE timebank_texts SET text = CASE text WHEN 'Maria Rossi' THEN 'Luca Bianchi' "
        "ELSE 'Maria Rossi' END WHERE text IN ('Maria Rossi', 'Luca Bianchi')"
    )


def account(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM timebank_accounts WHERE account = 'm0000'")


def hold(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE timebank_holds SET held = held * 2 WHERE held > 0")


def holds(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM timebank_holds")


def statute(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE timebank_statutes SET version = 'theirs/1' WHERE version = 'ours/1'")


def middle(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM timebank_records WHERE sequence BETWEEN 100 AND 104")


DAMAGES: dict[Damage, list[str]] = {
    put_at_the_end: [
        r"1. No balance knows of record \d+, the last of the journal.",
        "The seals fit: either somebody made the journal longer",
        "What to do: Do not run `timebank rebuild` yet",
    ],
    last_seal: [
        "Hours, people and day are those that the balances beside it tell.",
        "do not run `timebank rebuild`",
    ],
    journal: [
        "NOT WELL: 1 cause,",
        "1. The id of the journal, from which every seal begins, was changed in the file.",
        "do not run `timebank rebuild`",
    ],
    swapped_names: [
        r"The name of the account m0000 [^;]*; it was 'Maria Rossi', and this is certain.",
        r"The name of the account m0001 [^;]*; it was 'Luca Bianchi', and this is certain.",
    ],
    account: ["The account m0000 is no more in the list of accounts."],
    hold: [
        r"should say 2:00 to be spent .* for Luca Bianchi \(m0001\), until .*, it says 4:00 to be",
    ],
    holds: ["it says no such row"],
    statute: ["it should say statute 'ours/1', no books closed, it says statute 'theirs/1'"],
    middle: [
        "5 records are gone from the journal: 100 to 104.",
        r"record 100 was: the exchange of [^,]*, [1-9]\S* earned by m\d+ and spent by m\d+.",
    ],
}


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_one_cause_on_a_screen_without_rows_of_a_database(
    community: Path, tmp_path: Path, damage: Damage
) -> None:
    path = Path(shutil.copy(community, tmp_path / "bank.db"))
    with forging(path) as connection:
        damage(connection)
    report = audited(path)
    assert len(report.causes) == 1
    for language in languages():
        with speaking(language):
            lines = audit_text(report)
        text = re.sub(r"\s+", " ", " ".join(lines))
        assert len(lines) <= SCREEN_LINES
        assert not re.search(r"\('|None|\d{13}", re.sub("[0-9a-f]{32,}", "", text)), text
        if language == "en":
            text = text.replace("The name stands in the place of another: the name", "The name")
            missing = [one for one in DAMAGES[damage] if re.search(one, text) is None]
            assert not missing, text


def test_what_was_put_at_the_end_is_told_by_an_audit_since_a_checkpoint(
    community: Path, tmp_path: Path
) -> None:
    path = Path(shutil.copy(community, tmp_path / "bank.db"))
    with timebank.open(f"sqlite:///{path}", create=False, read_only=True) as bank:
        checkpoint = bank.audit().checkpoint
    with forging(path) as connection:
        put_at_the_end(connection)
    with timebank.open(f"sqlite:///{path}", create=False, read_only=True) as bank:
        (cause,) = bank.audit(since=checkpoint).causes
    assert cause.what.startswith("No balance knows of record")
    assert "Do not run `timebank rebuild` yet" in cause.advice
