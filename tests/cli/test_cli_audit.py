"""The command line for auditors, and for what is personal: what it prints, its exit codes."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, fromstring

import pytest
from click.testing import CliRunner, Result

from support import made_once
from timebank import TimeBank
from timebank.audit import audit_pass, processes
from timebank.audit.stretches import lead_on
from timebank.cli import main


def _fill() -> None:
    """Make the bank."""
    well("init")
    well("account", "open", "m1", "--name", "Maria R.")
    well("account", "open", "m2")
    well("transfer", "--earner", "m1", "--spender", "m2", "--hours", "1", "--id", "t1")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with a bank of two members and an exchange."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIMEBANK_DB", "bank.db")
    made_once(_fill)
    return tmp_path


def call(*words: str) -> Result:
    """A command, and how it ended."""
    return CliRunner().invoke(main, words, prog_name="timebank")


def well(*words: str) -> str:
    """What a command that ends well prints."""
    result = call(*words)
    assert (0, "") == (result.exit_code, result.stderr), result.output
    return result.stdout


def refused(*words: str) -> str:
    """The one line of a command that was asked wrongly."""
    result = call(*words)
    assert (2, "", 1) == (result.exit_code, result.stdout, result.stderr.count("\n"))
    return result.stderr


def spoil() -> None:
    """Change a balance by hand."""
    with closing(sqlite3.connect("bank.db", isolation_level=None)) as connection:
        connection.execute("DROP TRIGGER timebank_postings_no_update")
        connection.execute("UPDATE timebank_postings SET balance = 7 WHERE account = 'm1'")


def test_it_goes_on_from_a_file(folder: Path) -> None:
    """One file may be read and written by the same command."""
    well("audit", "--save", "kept")
    before = (folder / "kept").read_bytes()
    well("transfer", "--earner", "m1", "--spender", "m2", "--hours", "1", "--id", "t2")
    said = well("audit", "--since", "kept", "--save", "kept")
    assert said.startswith("All well: 1 record since record 3 and 2 accounts agree in 19 checks.\n")
    assert before != (folder / "kept").read_bytes()
    found = json.loads(well("audit", "--since", "kept", "--format", "json"))
    assert (True, 0, 4) == (found["ok"], found["records"], found["since"])


def test_nothing_is_saved_where_there_are_findings(folder: Path) -> None:
    """The checkpoint that was there stays."""
    well("audit", "--save", "kept")
    before = (folder / "kept").read_bytes()
    spoil()
    assert 1 == call("audit", "--save", "kept").exit_code
    assert 1 == call("audit", "--save", "other").exit_code
    assert (before, False) == ((folder / "kept").read_bytes(), (folder / "other").exists())


def test_what_is_no_checkpoint(folder: Path) -> None:
    """One line, exit code 2."""
    assert "No such file" in refused("audit", "--since", "nothing")
    (folder / "kept").write_text("{}")
    assert "no checkpoint" in refused("audit", "--since", "kept")
    assert "no checkpoint" in refused("audit", "--quick", "--since", "kept")
    assert "no checkpoint" in refused("audit", "--quick", "--save", "kept")
    (folder / "kept").write_bytes(b"\xff\x00")
    assert "no checkpoint" in refused("audit", "--since", "kept")
    (folder / "kept").write_text('{"format":"timebank-checkpoint/4"}')
    assert "of another version" in refused("audit", "--since", "kept")


def test_a_bank_is_not_overwritten(folder: Path) -> None:
    """Where the file of a checkpoint should be named, and another is: told before the work."""
    before = (folder / "bank.db").read_bytes()
    assert "'bank.db' is no checkpoint, and is not over" in refused("audit", "--save", "bank.db")
    assert "that is no file" in refused("audit", "--save", ".")
    assert "that is no file" in refused("audit", "--save", "")
    assert "there is no such folder" in refused("audit", "--save", "nowhere/kept")
    assert before == (folder / "bank.db").read_bytes()


def test_a_quick_audit() -> None:
    """Balances and sums, and nothing of what records say."""
    said = "All well: at a quick look 3 records and 2 accounts agree in 7 checks."
    assert said in well("audit", "--quick")
    spoil()
    result = call("audit", "--quick", "--format", "json")
    (finding,) = json.loads(result.stdout)["findings"]
    assert (1, "derived", "balance 1:00", "balance 0:00:07") == (
        result.exit_code,
        finding["check"],
        finding["expected"],
        finding["found"],
    )


def test_published_heads(folder: Path) -> None:
    """Given as they are, several times, or in a file."""
    head = well("head")
    well("transfer", "--earner", "m1", "--spender", "m2", "--hours", "1", "--id", "t2")
    (folder / "heads").write_text(f"{head}\n{well('head')}", "utf-8")
    for mode in ([], ["--quick"]):
        well("audit", *mode, "--expect-head", head)
        well("audit", *mode, "--expect-head", head.strip(), "--expect-head", "@heads")
        other = head.replace(" 3 ", " 2 ")
        result = call("audit", *mode, "--expect-head", head, "--expect-head", other)
        assert 1 == result.exit_code
        assert "The journal was rewritten: record 2" in result.stdout
    assert "a head is a line like" in refused("audit", "--expect-head", "3")
    assert "No such file" in refused("audit", "--expect-head", "@nothing")
    for content in (b"", b"\n \n", b"\xff\xfe"):
        (folder / "heads").write_bytes(content)
        assert "There is no head in heads" in refused("audit", "--expect-head", "@heads")
    (folder / "heads").write_text(head.replace("\n", "\r\n"), "utf-8-sig", newline="")
    well("audit", "--expect-head", "@heads")


def cases(text: str) -> dict[str, list[Element]]:
    """The cases of a suite by name, with their failures."""
    suite = fromstring(text)  # noqa: S314 - our own
    found = {case.attrib["name"]: case.findall("failure") for case in suite.findall("testcase")}
    assert suite.attrib["tests"] == str(len(found))
    assert suite.attrib["failures"] == str(sum(1 for failures in found.values() if failures))
    return found


def test_junit() -> None:
    """A case for each check; a failure for each finding, with what to do."""
    assert set() == {
        name for name, failed in cases(well("audit", "--format", "junit")).items() if failed
    }
    spoil()
    result = call("audit", "--format", "junit")
    failed = {name: found for name, found in cases(result.stdout).items() if found}
    assert {"schema", "derived"} == failed.keys()
    assert "timebank rebuild" in str(failed["derived"][0].text)


def test_junit_of_what_no_xml_can_hold() -> None:
    """Whatever somebody wrote into a file, the report is XML."""
    with closing(sqlite3.connect("bank.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute("DROP TRIGGER timebank_postings_no_update")
        connection.execute("UPDATE timebank_postings SET day = char(1) || '<&]]>' || char(65535)")
    failed = cases(call("audit", "--format", "junit").stdout)
    assert failed["derived"]


def test_a_file_that_is_none(folder: Path) -> None:
    """A finding, in every form."""
    (folder / "broken.db").write_bytes(b"no database" * 99)
    for form in ("text", "json", "junit"):
        result = call("--db", "broken.db", "audit", "--format", form, "--save", "kept")
        assert (1, "") == (result.exit_code, result.stderr)
    assert 1 == call("--db", "broken.db", "audit", "--quick").exit_code
    assert not (folder / "kept").exists()


# -- what is personal ------------------------------------------------------------------------


def test_personal_data() -> None:
    """One JSON document."""
    found = json.loads(well("personal-data", "m1"))
    assert ("Maria R.", ["t1"]) == (
        found["account"]["name"],
        [one["id"] for one in found["exchanges"]],
    )
    assert "no account" in refused("personal-data", "nobody")


def test_erase() -> None:
    """Shown, done, done already; of a record by its number or id; text and JSON."""
    said = well("erase", "m1", "--reason", "asked", "--dry-run")
    assert said == (
        "1 text of account m1 is there to be erased.\nThis was a dry run: nothing is destroyed.\n"
    )
    assert "1 text of account m1 is erased, says record 4.\n" == well(
        "erase", "m1", "--reason", "a"
    )
    assert "Nothing of account m1 is left to erase.\n" == well("erase", "m1", "--reason", "asked")
    assert "1 text of record 4 is erased, says record 5.\n" == well(
        "erase", "--record", "4", "--reason", "asked"
    )
    assert "Nothing of record 3 is left to erase.\n" == well(
        "erase", "--record", "t1", "--reason", "a"
    )
    found = json.loads(well("erase", "m2", "--reason", "asked", "--format", "json"))
    assert {"account": "m2", "record": None, "texts": 0, "records": [], "remains": []} == found


def test_erase_asked_wrongly() -> None:
    """One line each, and nothing is destroyed."""
    refused("erase", "m1")
    refused("erase", "--reason", "asked")
    refused("erase", "m1", "--record", "1", "--reason", "asked")
    refused("erase", "nobody", "--reason", "asked")
    refused("erase", "--record", "99", "--reason", "asked")
    refused("erase", "--record", "-1", "--reason", "asked")
    assert "Maria R." in well("account", "show", "m1")


def test_erase_of_many_says_where() -> None:
    """From which record to which."""
    from timebank import Erasure
    from timebank.reports.members import erasure_text

    done = Erasure("m1", None, 1500, (7, 8), ("somebody is reading",))
    assert erasure_text(done) == [
        "1,500 texts of account m1 are erased, say records 7 to 8.",
        "It may still be read: somebody is reading.",
    ]


def test_an_audit_by_processes_says_what_one_pass_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the same words, where all is well and where it is not."""
    taken: list[bool] = []

    def taking(*args: Any) -> bool:
        taken.append(lead_on(*args))
        return taken[-1]

    monkeypatch.setattr(audit_pass, "lead_on", taking)
    monkeypatch.setattr(processes, "START", 1)
    monkeypatch.setattr(processes, "EACH_ACCOUNT", 0)
    assert well("audit", "--processes", "1") == well("audit", "--processes", "3")
    assert [True] == taken
    spoil()
    results = [call("audit", "--processes", number) for number in ("1", "3")]
    assert (1, 1) == (results[0].exit_code, results[1].exit_code)
    assert results[0].stdout == results[1].stdout
    assert [True] == taken


def test_a_number_of_processes_is_one_or_more() -> None:
    """Anything else is wrong use, and is told in words of ours."""
    for number in ("0", "-1", "x"):
        said = f"'--processes': '{number}' is not a whole number of 1 or more"
        assert said in refused("audit", "--processes", number)


def test_the_processors_that_may_be_used_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system cannot tell which may be used, all of them; at least one, at most 8."""
    asked: list[int] = []
    audit = TimeBank.audit

    def noting(self: TimeBank, *args: Any, processes: int, **named: Any) -> Any:
        asked.append(processes)
        return audit(self, *args, processes=processes, **named)

    monkeypatch.setattr(TimeBank, "audit", noting)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {3, 5, 6}, raising=False)
    well("audit")
    monkeypatch.delattr("os.sched_getaffinity")
    monkeypatch.setattr("os.cpu_count", lambda: 5)
    well("audit")
    monkeypatch.setattr("os.cpu_count", lambda: None)
    well("audit")
    monkeypatch.setattr("os.cpu_count", lambda: 64)
    well("audit")
    assert [3, 5, 1, 8] == asked


# -- what there is nothing to audit in ---------------------------------------------------


def test_an_empty_file_is_no_damaged_one() -> None:
    """Nothing was lost that a backup could bring back: exit code 2, and one line."""
    Path("empty.db").touch()
    for words in ((), ("--quick",), ("--format", "json")):
        done = call("--db", "empty.db", "audit", *words)
        assert (2, "", 1) == (done.exit_code, done.stdout, len(done.stderr.splitlines()))
        assert "empty.db is empty: there is no bank in it" in done.stderr
        assert "backup" not in done.stderr


def test_a_file_of_another_version_is_no_damaged_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Older, newer, or of before the first release: it is said what to do, with exit code 2."""
    from timebank.storage.sqlite import schema

    with closing(sqlite3.connect("bank.db", isolation_level=None)) as tool:
        tool.execute("INSERT INTO timebank_migrations VALUES (9, 'timebank', '0009_x', '-')")
    newer = call("--db", "bank.db", "audit")
    with closing(sqlite3.connect("bank.db", isolation_level=None)) as tool:
        tool.execute("DELETE FROM timebank_migrations WHERE name = '0009_x'")
    monkeypatch.setattr(schema, "STEPS", {"0009_x": ("CREATE TABLE x (a)",)})
    older = call("--db", "bank.db", "audit")
    for done, told in ((newer, "upgrade timebank"), (older, 'run "timebank migrate ')):
        assert (2, "", 1) == (done.exit_code, done.stdout, len(done.stderr.splitlines()))
        assert told in done.stderr
        assert "backup" not in done.stderr
