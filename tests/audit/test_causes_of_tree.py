"""What was done to the tree of a community's bank, or to records under it, as people read it."""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

import timebank
from audit.test_causes import audited, forging
from timebank import AuditReport, Head
from timebank.audit import audit
from timebank.audit.report import explained
from timebank.journal import canonical, digest, genesis, parse
from timebank.reports.findings import SCREEN_LINES, audit_text
from timebank.reports.words import languages, speaking
from timebank.testing import simulate

Damage = Callable[[sqlite3.Connection], object]
#: The advice that begins so.
REBUILD = "No balance depends on it. Run `timebank rebuild`"
HEAD_FIRST = "Look up a head that you published"
WHICH = "Do not run `timebank rebuild` yet"
RESTORE = "Change nothing in this file, do not run `timebank rebuild`"


@pytest.fixture(scope="module")
def community(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty members and more than two tiles of records."""
    path = tmp_path_factory.mktemp("tree") / "bank.db"
    with timebank.open(f"sqlite:///{path}") as bank:
        one, *_ = simulate(bank, members=30, exchanges=500, seed=3).members
        bank.rename(one, "Maria Rossi")
        assert 512 < bank.head().sequence < 768
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


# -- what is done to the tiles -----------------------------------------------------------------


def changed(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE timebank_tiles SET hash = zeroblob(32) WHERE tile = 0")


def damaged(connection: sqlite3.Connection) -> None:
    ((before,),) = connection.execute("SELECT hash FROM timebank_tiles WHERE tile = 1").fetchall()
    after = bytes([before[0] ^ 255, before[1] ^ 1]) + before[2:]
    connection.execute("UPDATE timebank_tiles SET hash = ? WHERE tile = 1", (after,))


def of_another_type(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE timebank_tiles SET hash = 'x' WHERE tile = 1")


def missing(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM timebank_tiles WHERE tile = 1")


def too_many(connection: sqlite3.Connection) -> None:
    put = "INSERT INTO timebank_tiles SELECT bank, 0, 2, zeroblob(32) FROM timebank_banks"
    connection.execute(put)


def twice(connection: sqlite3.Connection) -> None:
    put = "INSERT INTO timebank_tiles SELECT bank, 1, 0, hash FROM timebank_tiles WHERE tile = 1"
    connection.execute(put)


def wrong_level(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE timebank_tiles SET level = 3 WHERE tile = 1")


def no_level(connection: sqlite3.Connection) -> None:
    put = "INSERT INTO timebank_tiles SELECT bank, 'x', 0, hash FROM timebank_tiles WHERE tile = 1"
    connection.execute(put)


def below_zero(connection: sqlite3.Connection) -> None:
    put = "INSERT INTO timebank_tiles SELECT bank, 0, -1, hash FROM timebank_tiles WHERE tile = 1"
    connection.execute(put)


def swapped(connection: sqlite3.Connection) -> None:
    for new, old in ((9, 0), (0, 1), (1, 9)):
        connection.execute("UPDATE timebank_tiles SET tile = ? WHERE tile = ?", (new, old))


DAMAGES: dict[Damage, tuple[str, list[str]]] = {
    changed: (
        WHICH,
        [
            "1. The common seal of records 1 to 256 is of other records than stand there.",
            "Either somebody changed this seal, or records among these were rewritten",
        ],
    ),
    damaged: (
        REBUILD,
        [
            "1. A common seal of records, which is stored beside the journal, does not agree with",
            "In the common seal of records 257 to 512 2 bytes of 32 differ.",
            "It is these seals that were changed or moved, and not the records.",
        ],
    ),
    of_another_type: (HEAD_FIRST, ["The common seal of records 257 to 512 cannot be read."]),
    missing: (HEAD_FIRST, ["The common seal of records 257 to 512 is missing."]),
    too_many: (
        WHICH,
        [
            r"1. There is a common seal of records 513 to 768, and the journal ends with record",
            "Either records are missing at the end of the journal, or somebody put this seal there",
        ],
    ),
    twice: (
        REBUILD,
        [
            "The common seal of records 257 to 512 stands a second time",
            "as that of records 1 to 65536",
        ],
    ),
    wrong_level: (
        REBUILD,
        [
            "1. 2 common seals of records, which are stored beside the journal, do not agree",
            "The common seal of records 257 to 512 stands in another place",
            "as that of records 4294967297 to 8589934592.",
        ],
    ),
    no_level: (
        HEAD_FIRST,
        [r"timebank_tiles: expected tiles of levels 0 to 6; found \('main', 'x'"],
    ),
    below_zero: (REBUILD, ["The common seal of records 257 to 512 stands a second time"]),
    swapped: (
        REBUILD,
        ["seals of records 1 to 256 and of records 257 to 512 have changed places."],
    ),
}


def on_a_screen(report: AuditReport, expected: list[str]) -> None:
    """One cause in both languages; in English it says all this."""
    assert len(report.causes) == 1
    assert [*range(1, len(report.findings) + 1)] == list(report.causes[0].findings)
    for language in languages():
        with speaking(language):
            lines = audit_text(report)
        text = re.sub(r"\s+", " ", " ".join(lines))
        assert len(lines) <= SCREEN_LINES
        assert not re.search(r"None|\{|[0-9a-f]{64}(?!$)", text), text
        if language == "en":
            assert not [one for one in expected if re.search(one, text) is None], text


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_one_cause_says_what_was_done_and_the_remedy_helps(
    community: Path, tmp_path: Path, damage: Damage
) -> None:
    """Where the records are well a rebuild makes all of it as it was."""
    advice, expected = DAMAGES[damage]
    path = Path(shutil.copy(community, tmp_path / "bank.db"))
    with forging(path) as connection:
        damage(connection)
    report = audited(path)
    assert {"tree"} == {one.check for one in report.findings}
    on_a_screen(report, expected)
    assert report.causes[0].advice.startswith(advice)
    with timebank.open(f"sqlite:///{path}", create=False) as bank:
        bank.rebuild()
        assert bank.audit().ok
    tiles = "SELECT bank, level, tile, hash FROM timebank_tiles ORDER BY level, tile"
    found = []
    for file in (community, path):
        with closing(sqlite3.connect(file)) as connection:
            found.append(connection.execute(tiles).fetchall())
    assert found[0] == found[1]
    assert 2 == len(found[0])


# -- what is done to the records under it ------------------------------------------------------


def rewrite(connection: sqlite3.Connection) -> None:
    """The category of record 300 is another, with all digests, but not the tree."""
    rows = connection.execute("SELECT sequence, body FROM timebank_records ORDER BY sequence")
    ((journal,),) = connection.execute("SELECT journal FROM timebank_banks").fetchall()
    last = genesis(journal)
    for sequence, before in rows.fetchall():
        content = parse(before)
        if sequence == 300:
            content["request"]["category"] = "forged"
        body = canonical(content)
        last = digest(last, body)
        sql = "UPDATE timebank_records SET body = ?, digest = ? WHERE sequence = ?"
        connection.execute(sql, (body, last, sequence))


def test_of_a_journal_that_was_rewritten_the_tree_tells_where(
    community: Path, tmp_path: Path
) -> None:
    """Between which records; with a head that was published, or a copy, it is certain."""
    path = Path(shutil.copy(community, tmp_path / "bank.db"))
    with forging(path) as connection:
        rewrite(connection)
    of_others = "common seal of records 257 to 512 is of other records than stand there"
    with (
        timebank.open(f"sqlite:///{path}", create=False, read_only=True) as bank,
        timebank.open(f"sqlite:///{community}", create=False, read_only=True) as copy,
    ):
        report = bank.audit()
        on_a_screen(report, [of_others])
        assert report.causes[0].advice.startswith(WHICH)
        with bank.store.reader("main") as reader, copy.store.reader("main") as kept:
            report = explained(audit(reader), reader, kept)
        on_a_screen(
            report,
            [
                of_others,
                "Record 300 was rewritten, and was first the exchange of",
                "request.category: it said '[a-z]+', it says 'forged'.",
                "This is certain: the copy has the records of which it is the seal.",
            ],
        )
        assert report.causes[0].advice.startswith(RESTORE)
        report = bank.audit(expect=[str(copy.head())])
        on_a_screen(report, ["The journal was rewritten", of_others + ": what was rewritten is"])
        assert {"published", "tree"} == {one.check for one in report.findings}


def test_of_a_journal_that_was_cut_off_the_tree_has_more(community: Path, tmp_path: Path) -> None:
    """A copy has the records of which there is a seal; so has who published a head."""
    path = Path(shutil.copy(community, tmp_path / "bank.db"))
    with forging(path) as connection:
        for table in ("texts", "postings", "records"):
            connection.execute(f"DELETE FROM timebank_{table} WHERE sequence > 500")
    with (
        timebank.open(f"sqlite:///{path}", create=False) as bank,
        timebank.open(f"sqlite:///{community}", create=False, read_only=True) as copy,
    ):
        bank.rebuild()
        with forging(path) as connection:
            connection.execute("ATTACH ? AS other", (str(community),))
            put = "INSERT INTO timebank_tiles SELECT * FROM other.timebank_tiles WHERE tile = 1"
            connection.execute(put)
            connection.execute("DETACH other")
        report = bank.audit()
        beyond = (
            "There is a common seal of records 257 to 512, and the journal ends with record 500"
        )
        on_a_screen(report, [beyond])
        assert report.causes[0].advice.startswith(WHICH)
        with bank.store.reader("main") as reader, copy.store.reader("main") as kept:
            report = explained(audit(reader), reader, kept)
        on_a_screen(report, [beyond, "this is certain: the copy has those of which it is the seal"])
        assert report.causes[0].advice.startswith(RESTORE)
        on_a_screen(bank.audit(expect=[str(copy.head())]), ["Records are missing at the end"])


def test_of_a_line_with_another_root_it_is_the_line_that_is_doubted(community: Path) -> None:
    """Its digest is right; of a head without one the past is another."""
    with timebank.open(f"sqlite:///{community}", create=False, read_only=True) as bank:
        head = bank.head()
        wrong = f"{head} {bytes(32).hex()}"
        for quick in (False, True):
            report = bank.audit(expect=[wrong], quick=quick)
            on_a_screen(report, ["The root that was published with the head of", "copied wrongly"])
            assert report.causes[0].advice.startswith("Compare the line with the place where")
        signed = Head(head.journal, head.sequence, b"", find_root=bytes(32))
        on_a_screen(bank.audit(expect=[signed]), ["The journal was rewritten"])


def test_of_a_record_that_was_changed_the_tree_says_nothing_more(
    community: Path, tmp_path: Path
) -> None:
    """What is found on its tile follows from the change, and nothing is to be rebuilt."""
    day = 'replace(CAST(body AS TEXT), \'"occurred_on":"20\', \'"occurred_on":"19\')'
    change = f"UPDATE timebank_records SET body = CAST({day} AS BLOB)"
    for sql, expected, has_tile in (
        (f"{change} WHERE sequence = 300", "Record 300 was changed", True),
        ("DELETE FROM timebank_records WHERE sequence = 300", "Record 300 is gone", False),
        ("DELETE FROM timebank_records WHERE sequence > 500", "Records are missing at the", True),
    ):
        path = Path(shutil.copy(community, tmp_path / "bank.db"))
        with forging(path) as connection:
            connection.execute(sql)
        report = audited(path)
        cause = report.causes[0]
        assert cause.what.startswith(expected)
        assert cause.advice.startswith(RESTORE)
        tiles = {n for n, one in enumerate(report.findings, start=1) if one.check == "tree"}
        assert has_tile == bool(tiles)
        assert tiles <= {*cause.findings}
