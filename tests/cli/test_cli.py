"""The command line: every command in text and JSON, exit codes, what bad input gets."""

from __future__ import annotations

import json
import shlex
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import timebank
from timebank.cli import main
from timebank.journal import digest, genesis

Run = Callable[..., Result]


def call(*words: str) -> Result:
    """Run `timebank` with these words."""
    return CliRunner().invoke(main, list(words))


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in an empty folder, with no variable set."""
    monkeypatch.chdir(tmp_path)
    for name in ("TIMEBANK_DB", "TIMEBANK_BANK"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def run() -> Run:
    """`timebank --db bank.db` on a bank with two accounts and a visit."""

    def in_bank(*words: str) -> Result:
        return call("--db", "bank.db", *words)

    for words in (
        ("init",),
        ("account", "open", "m1", "--name", "Maria R.", "--joined-on", "2026-01-01"),
        ("account", "open", "f1", "--kind", "group", "--floor=-10"),
        (*VISIT, "--id", "visit", "--on", "2026-03-02", "--note", "clinic"),
    ):
        result = in_bank(*words)
        assert (0, "") == (result.exit_code, result.stderr)
    return in_bank


VISIT = ("transfer", "--earner", "m1", "--spender", "f1", "--hours", "1:30")


def records(path: str = "bank.db", bank: str = "main") -> int:
    """How many records a bank has."""
    with timebank.open(f"sqlite:///{path}", bank=bank, create=False) as opened:
        return opened.head().sequence


def refused(result: Result, code: int, *words: str) -> None:
    """One line on standard error, nothing on standard output, this exit code."""
    assert (code, "") == (result.exit_code, result.stdout), result.output
    assert result.stderr.startswith("timebank: ")
    assert (1, True) == (result.stderr.count("\n"), result.stderr.endswith("\n"))
    for word in words:
        assert word in result.stderr


# -- what is shown ------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "text", "shape"),
    [
        (("init",), "Bank main is ready in bank.db.", {"bank": "main"}),
        (
            ("account", "open", "x", "--floor", "none", "--ceiling", "5"),
            "x (member) is open: floor unlimited, ceiling 5:00",
            {"id": "x", "floor": None, "ceiling": "5:00"},
        ),
        (
            ("account", "show", "f1"),
            """\
f1
Kind:     group
Status:   open
Floor:    -10:00
Ceiling:  unlimited (statute)
Balance:  -1:30""",
            {"id": "f1", "kind": "group", "floor": "-10:00", "ceiling": "inherit"},
        ),
        (
            ("account", "limits", "f1", "--floor", "inherit", "--ceiling", "none"),
            "f1 (group) is open: floor statute, ceiling unlimited",
            {"floor": "inherit", "ceiling": None},
        ),
        (
            ("account", "rename", "m1", "Maria Rossi"),
            "m1 Maria Rossi (member) is open: floor statute, ceiling statute",
            {"name": "Maria Rossi"},
        ),
        (
            ("account", "rename", "m1"),
            "m1 (member) is open: floor statute, ceiling statute",
            {"name": None},
        ),
        (
            ("account", "freeze", "m1", "--reason", "abroad"),
            "m1 Maria R. (member) is frozen: floor statute, ceiling statute",
            {"status": "frozen"},
        ),
        (
            ("account", "thaw", "m1"),
            "m1 Maria R. (member) is open already: floor statute, ceiling statute",
            {"status": "open"},
        ),
        (
            (*VISIT, "--id", "again", "--on", "2026-03-03"),
            "again: 1:30 from f1 to m1 on 2026-03-03 is record 4",
            {"id": "again", "sequence": 4, "hours": "1:30", "earners": {"m1": "1:30"}},
        ),
        (
            (*VISIT, "--id", "try", "--on", "2026-03-03", "--dry-run"),
            "try: 1:30 from f1 to m1 on 2026-03-03 would be record 4",
            {"id": "try", "sequence": 4},
        ),
        (
            ("reverse", "visit", "--hours", "0:30", "--reason", "one hour", "--id", "undo"),
            "undo: 0:30 from m1 to f1 on 2026-03-02 is record 4",
            {"reverses": "visit", "hours": "0:30", "kind": "reversal"},
        ),
        (
            ("balance", "f1"),
            """\
Balance:       -1:30
Floor:        -10:00
Ceiling:   unlimited
May spend:      8:30
May earn:  unlimited""",
            {"account": "f1", "posted": "-1:30", "spendable": "8:30", "receivable": None},
        ),
        (
            ("balance", "f1", "--on", "2026-03-01"),
            "Balance on 2026-03-01: 0:00",
            {"account": "f1", "on": "2026-03-01", "posted": "0:00"},
        ),
        (
            ("balance",),
            """\
Account  Name      Kind    Balance
-------  --------  ------  -------
f1                 group     -1:30
m1       Maria R.  member     1:30""",
            {
                "balances": [
                    {"account": "f1", "posted": "-1:30"},
                    {"account": "m1", "posted": "1:30"},
                ]
            },
        ),
        (
            ("statement", "m1", "--since", "2026-03-01", "--until", "2026-03-31"),
            """\
Statement of m1 Maria R. (member)
Period: 2026-03-01 to 2026-03-31

Day         With  Description      Given  Received  Balance
----------  ----  ---------------  -----  --------  -------
                  Opening balance                      0:00
2026-03-02  f1    clinic            1:30               1:30
----------  ----  ---------------  -----  --------  -------
                  In this period    1:30      0:00
                  How many             1         0
                  Closing balance                      1:30

The journal stood at record 3. With this line the statement can be proved:
{head}""",
            {"since": "2026-03-01", "opening": "0:00", "earned": "1:30", "closing": "1:30"},
        ),
        (
            ("trial-balance", "--on", "2026-03-02"),
            """\
Trial balance, up to 2026-03-02

Account     Name      Kind    Status  Earned  Spent  Balance
----------  --------  ------  ------  ------  -----  -------
f1                    group   open      0:00   1:30    -1:30
m1          Maria R.  member  open      1:30   0:00     1:30
----------  --------  ------  ------  ------  -----  -------
2 accounts                              1:30   1:30     0:00""",
            {"on": "2026-03-02", "earned": "1:30", "spent": "1:30", "total": "0:00"},
        ),
        (
            ("rebuild",),
            "Accounts and postings are made anew from 3 records.",
            {"records": 3},
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_commands_show_text_and_json(
    run: Run, words: tuple[str, ...], text: str, shape: dict[str, Any], tmp_path: Path
) -> None:
    """Each command in both formats, on the same bank."""
    backup = (tmp_path / "bank.db").read_bytes()
    text = (
        text.replace("{head}", run("head").stdout.rpartition(" ")[0]) if "{head}" in text else text
    )
    plain = run(*words)
    assert (0, "", f"{text}\n") == (plain.exit_code, plain.stderr, plain.stdout)
    (tmp_path / "bank.db").write_bytes(backup)
    made = run(*words, "--format", "json")
    found = json.loads(made.stdout)
    assert (0, shape) == (made.exit_code, {name: found[name] for name in shape})


def test_close_and_reopen(run: Run) -> None:
    """An account is closed at zero and may be opened again."""
    run("account", "open", "old")
    assert "old (member) is closed" in run("account", "close", "old").stdout
    assert '"open"' in run("account", "reopen", "old", "--format", "json").stdout


def test_accounts_are_listed(run: Run) -> None:
    """One line an account; JSON is a list."""
    lines = run("account", "list").stdout.splitlines()
    assert ["Account", "f1", "m1"] == [line.split()[0] for line in (lines[0], *lines[2:])]
    shapes = json.loads(run("account", "list", "--format", "json").stdout)
    assert [("f1", None), ("m1", "2026-01-01")] == [(s["id"], s["joined_on"]) for s in shapes]


def test_journal_is_json_lines_of_the_hashed_bytes(run: Run) -> None:
    """What stands behind `record` are the bytes that the digest covers."""
    lines = run("journal").stdout_bytes.splitlines()
    head = json.loads(run("head", "--format", "json").stdout)
    last = genesis(head["journal"])
    for number, line in enumerate(lines, start=1):
        found = json.loads(line)
        body = line.partition(b'"record":')[2].removesuffix(b"}")
        last = digest(last, body)
        assert (number, last.hex()) == (found["sequence"], found["digest"])
        assert ["sequence", "digest", "record"] == list(found)
    assert (3, head["digest"]) == (len(lines), last.hex())
    assert lines[2:] == run("journal", "--after", "2").stdout_bytes.splitlines()
    assert b"" == run("journal", "--after", "99").stdout_bytes


def test_journal_as_text(run: Run) -> None:
    """A line a record: sequence, instant, digest, kind, what it is about, actor."""
    call("--db", "bank.db", "--actor", "coordinator", "account", "freeze", "m1")
    lines = run("journal", "--format", "text").stdout.splitlines()
    assert lines[-2].endswith("  transfer visit")
    assert lines[-1].endswith("  freeze m1 by coordinator")
    assert ["1", "2", "3", "4"] == [line.split()[0] for line in lines]


def test_who_is_frozen_may_move_nothing(run: Run) -> None:
    """Whatever the limits would leave."""
    before = run("balance", "m1").stdout.splitlines()
    run("account", "freeze", "m1")
    lines = run("balance", "m1").stdout.splitlines()
    assert [line.split() for line in before[:3]] == [line.split() for line in lines[1:4]]
    assert [["Status:", "frozen"], ["May", "spend:", "nothing"], ["May", "earn:", "nothing"]] == [
        line.split() for line in (lines[0], *lines[-2:])
    ]


def test_head_is_the_line_to_publish(run: Run) -> None:
    """`head` prints the head with its root, and nothing else."""
    with timebank.open("sqlite:///bank.db") as bank:
        assert f"{bank.head()} {bank.head().root.hex()}\n" == run("head").stdout


def test_many_sides(run: Run) -> None:
    """Accounts with their hours on one side or both; the last `=` divides id and hours."""
    run("account", "open", "a=b")
    result = run(
        *("transfer", "--earner", "m1=1:00", "--earner", "a=b=0:30", "--spender", "f1"),
        *("--tag", "x", "--tag", "y", "--category", "care", "--area", "family", "--via", "m1"),
        *("--resource", "car", "--kind", "gift", "--format", "json"),
    )
    shape = json.loads(result.stdout)
    assert ({"a=b": "0:30", "m1": "1:00"}, {"f1": "1:30"}) == (shape["earners"], shape["spenders"])
    assert (["x", "y"], "care", "family") == (shape["tags"], shape["category"], shape["area"])
    assert ("m1", "car", "gift") == (shape["via"], shape["resource"], shape["kind"])


def test_a_repeated_id_appends_nothing(run: Run) -> None:
    """The same command twice is one record; another request with the id is wrong use."""
    words = (*VISIT, "--id", "again", "--on", "2026-03-03")
    first, again = run(*words).stdout, run(*words).stdout
    assert first.replace("is record 4", "was recorded already, as record 4") == again != first
    assert 4 == records()
    refused(run(*words, "--note", "other"), 2, "'again'")


def test_a_repeated_command_says_so(run: Run) -> None:
    """Whatever takes an id: in words, and in JSON; a dry run too."""
    hold = ("hold", *VISIT[1:], "--id")
    for number, words in enumerate(
        (
            (*hold, "h1"),
            ("settle", "h1", "--id", "s1"),
            (*hold, "h2"),
            ("void", "h2", "--id", "v1"),
            ("reverse", "visit", "--reason", "twice", "--id", "r1"),
        ),
        start=4,
    ):
        assert "already" not in run(*words).stdout
        assert number == records()
        assert "recorded already" in run(*words).stdout
        assert json.loads(run(*words, "--format", "json").stdout)["repeated"] is True
        assert number == records()
    assert (
        "was recorded already, as record 5" in run("settle", "h1", "--id", "s1", "--dry-run").stdout
    )


# -- where the bank is --------------------------------------------------------


def test_variables_name_the_bank(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """`TIMEBANK_DB` and `TIMEBANK_BANK` serve where the options are not given."""
    monkeypatch.setenv("TIMEBANK_DB", "sqlite:///bank.db")
    assert 0 == call("balance", "m1").exit_code
    monkeypatch.setenv("TIMEBANK_BANK", "other")
    refused(call("balance", "m1"), 2, "'other'")
    assert 0 == call("init").exit_code
    assert (3, 0) == (records(), records(bank="other"))


@pytest.mark.parametrize("db", ["sqlite:///new%20street.db", "new street.db", "./new street.db"])
def test_db_is_a_url_or_a_path(db: str) -> None:
    """A plain path is the URL of its file, whatever characters it has."""
    assert 0 == call("--db", db, "init").exit_code
    assert Path("new street.db").is_file()


@pytest.mark.parametrize("name", ["100%.db", "a?b#c.db", "caffè.db", "%41.db"])
def test_paths_are_taken_as_they_are(name: str) -> None:
    """What means something in a URL means nothing in a path."""
    assert 0 == call("--db", name, "init").exit_code
    assert [name] == [path.name for path in Path().iterdir()]


LEAVES = [
    ("account", "open", "a"),
    ("account", "list"),
    ("account", "show", "a"),
    ("account", "limits", "a", "--floor", "none"),
    ("account", "rename", "a", "b"),
    ("account", "freeze", "a"),
    ("account", "thaw", "a"),
    ("account", "close", "a"),
    ("account", "reopen", "a"),
    ("transfer", "--earner", "a", "--spender", "b", "--hours", "1"),
    ("transfer", "--earner", "a", "--spender", "b", "--hours", "1", "--dry-run"),
    ("reverse", "a", "--reason", "r"),
    ("balance",),
    ("balance", "a"),
    ("statement", "a"),
    ("trial-balance",),
    ("journal",),
    ("head",),
    ("audit",),
    ("rebuild",),
]


@pytest.mark.parametrize("words", LEAVES, ids=" ".join)
def test_a_missing_bank_is_not_made(words: tuple[str, ...]) -> None:
    """Without file: exit 2 and no file. Without bank: exit 2 and the same bytes."""
    refused(call("--db", "none.db", *words), 2, "none.db")
    assert [] == list(Path().iterdir())
    call("--db", "bank.db", "init")
    before = Path("bank.db").read_bytes()
    refused(call("--db", "bank.db", "--bank", "other", *words), 2, "'other'")
    assert before == Path("bank.db").read_bytes()


@pytest.mark.parametrize("words", [*LEAVES, ("init",)], ids=" ".join)
def test_db_is_asked_for(words: tuple[str, ...]) -> None:
    """A command that uses a bank says how to name its storage."""
    refused(call(*words), 2, "--db URL", "TIMEBANK_DB")
    refused(call("--db", "", *words), 2, "--db URL")


@pytest.mark.parametrize("words", [(), *LEAVES, ("init",), ("demo",), ("import", "timeoverflow")])
def test_help_needs_no_bank(words: tuple[str, ...]) -> None:
    """`--help` works everywhere, on standard output."""
    path = [word for word in words if not word.startswith("-")]
    names = path[:2] if path[:1] in (["account"], ["import"]) else path[:1]
    result = call(*names, "--help")
    assert (0, "") == (result.exit_code, result.stderr)
    assert result.stdout.startswith("Usage: timebank")


def test_version() -> None:
    """The version is that of the package."""
    assert f"timebank {timebank.__version__}\n" == call("--version").stdout


# -- what bad input gets ------------------------------------------------------

TO = ("transfer", "--earner", "m1", "--spender", "f1", "--hours")


@pytest.mark.parametrize(
    ("words", "code", "part"),
    [
        ((), 2, "--help"),
        (("account",), 2, "timebank account --help"),
        (("bogus",), 2, "'bogus'"),
        (("balance", "m1", "more"), 2, "more"),
        (("balance", "--bogus"), 2, "--bogus"),
        (("balance", "--format", "yaml"), 2, "yaml"),
        (("balance", "m9"), 2, "'m9'"),
        (("statement", "m9"), 2, "'m9'"),
        (("statement", "m1", "--since", "2026-02-30"), 2, "2026-02-30"),
        (("statement", "m1", "--since", "20260301"), 2, "20260301"),
        (("statement", "m1", "--since", "2026-03-02T10:00"), 2, "T10:00"),
        (("statement", "m1", "--since", "2026-03-02", "--until", "2026-03-01"), 2, "after"),
        (("journal", "--after", "-1"), 2, "-1"),
        (("journal", "--after", "9" * 400), 2, "after"),
        ((*TO, "0"), 2, "0:00"),
        ((*TO, "-1"), 2, "-1:00"),
        ((*TO, "NaN"), 2, "NaN"),
        ((*TO, "1:75"), 2, "1:75"),
        ((*TO, "9" * 400), 2, "hours"),
        ((*TO, "0.0001"), 2, "0.0001"),
        (TO[:-1], 2, "hours"),
        (("transfer", "--earner", "m1", "--hours", "1"), 2, "--spender"),
        (("transfer", "--earner", "m1", "--spender", "m1", "--hours", "1"), 2, "account m1 "),
        (("transfer", "--earner", "m1=1", "--spender", "f1=2"), 2, "1:00"),
        (("transfer", "--earner", "m1", "--earner", "f1", "--spender", "f1=2"), 2, "m1=1:00"),
        (("transfer", "--earner", "m1=1", "--earner", "m1=1", "--spender", "f1"), 2, "twice"),
        (("transfer", "--earner", "=1", "--spender", "f1"), 2, "characters"),
        (("transfer", "--earner", "m1=", "--spender", "f1"), 2, "''"),
        (("transfer", "--earner", "m9", "--spender", "f1", "--hours", "1"), 2, "'m9'"),
        ((*TO, "1", "--on", "9999-01-01"), 2, "future"),
        ((*TO, "1", "--id", " x"), 2, "blank"),
        ((*TO, "1", "--id", "x" * 10_000), 2, "10000"),
        ((*TO, "1", "--note", "lone \udc80"), 2, "surrogate"),
        ((*TO, "20"), 1, "8:30"),
        (("reverse", "nothing", "--reason", "r"), 2, "'nothing'"),
        (("reverse", "visit", "--reason", ""), 2, "reason"),
        (("reverse", "visit", "--reason", "r", "--hours", "2"), 1, "1:30"),
        (("account", "open", "m1"), 2, "'m1'"),
        (("account", "open", "x\x1b"), 2, "x\\x1b"),
        (("account", "open", "x", "--kind", "robot"), 2, "robot"),
        (("account", "open", "x", "--floor", "ten"), 2, "ten"),
        (("account", "open", "x", "--floor", "5", "--ceiling", "1"), 2, "floor"),
        (("account", "close", "m1"), 1, "1:30"),
        (("account", "thaw", "m9"), 2, "'m9'"),
        (("account", "limits", "m1"), 2, "--floor"),
        (("import", "timeoverflow", "--users", "none.csv", "--transfers", "n"), 2, "none.csv"),
        (("import", "timeoverflow", "--users", ".", "--transfers", "."), 2, "irectory"),
        (("import", "timeoverflow", "--users", "a\0b", "--transfers", "n"), 2, "can name no"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(
    run: Run, words: tuple[str, ...], code: int, part: str
) -> None:
    """Exit 1 where a rule says no, 2 for wrong use; the journal is as it was."""
    refused(run(*words), code, part)
    assert 3 == records()


@pytest.mark.parametrize(
    ("db", "part"),
    [
        ("oracle://x", "oracle"),
        ("sqlite:///", "sqlite:///"),
        ("sqlite:///x.db?mode=off", "synchronous"),
        ("missing/x.db", "folder"),
        (".", "not a file"),
        ("\ud800", "can name no file"),
        ("a\0b", "names no file"),
    ],
)
def test_a_place_that_cannot_be_is_refused(db: str, part: str) -> None:
    """`init` says what is wrong with it."""
    refused(call("--db", db, "init"), 2, part)


def test_a_file_that_is_no_database_stays_as_it_is() -> None:
    """Exit 2 for every command but the audit, whose finding it is."""
    Path("bank.db").write_text("Dear diary\n" * 100, "utf-8")
    for words in (("init",), ("balance",), VISIT, ("demo", "bank.db")):
        refused(call("--db", "bank.db", *words), 2, "not a SQLite database")
    found = call("--db", "bank.db", "audit", "--format", "json")
    report = json.loads(found.stdout)
    assert (1, False, "file", None) == (
        found.exit_code,
        report["ok"],
        report["findings"][0]["check"],
        report["head"],
    )
    assert Path("bank.db").read_text("utf-8").startswith("Dear diary\n")


def test_an_actor_that_is_no_id_is_refused(run: Run) -> None:
    """The actor is checked before anything is entered."""
    refused(call("--db", "bank.db", "--actor", " x", *VISIT), 2, "actor")
    assert 3 == records()


def test_the_keyboard_ends_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line, and the exit code that shells use."""

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(timebank, "open", interrupted)
    refused(call("--db", "bank.db", "head"), 130, "interrupted")


def test_a_frozen_account_is_refused(run: Run) -> None:
    """A rule of the bank said no: exit 1."""
    run("account", "freeze", "m1")
    refused(run(*VISIT), 1, "frozen")


# -- the audit ----------------------------------------------------------------


def test_a_clean_audit(run: Run) -> None:
    """Exit 0; the verdict first, then the head."""
    result = run("audit")
    lines = result.stdout.splitlines()
    head = run("head").stdout.rpartition(" ")[0]
    assert (0, "", 2) == (result.exit_code, result.stderr, len(lines))
    assert lines[0].startswith("All well: 3 records and 2 accounts agree in ")
    assert f"Head: {head}" == lines[1]
    report = json.loads(run("audit", "--format", "json").stdout)
    assert (True, [], head, 3, 2) == (
        report["ok"],
        report["findings"],
        report["head"],
        report["records"],
        report["accounts"],
    )


def test_an_audit_with_findings(run: Run) -> None:
    """Exit 1; a cause says what was done and what to do; `--verbose` has each finding."""
    with closing(sqlite3.connect("bank.db", isolation_level=None)) as tool:
        for (trigger,) in tool.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall():
            tool.execute(f"DROP TRIGGER {trigger}")
        tool.execute("UPDATE timebank_postings SET seconds = 108000 WHERE account = 'm1'")
    result = run("audit")
    assert (1, "") == (result.exit_code, result.stderr)
    assert result.stdout.startswith("NOT WELL: ")
    assert len(result.stdout.splitlines()) <= 24
    for part in ("1. What is stored beside the journal", "What to do: ", "timebank rebuild"):
        assert part in result.stdout
    italian = run("--lang", "it", "audit")
    assert (1, "NON A POSTO: ") == (italian.exit_code, italian.stdout[:13])
    assert "Che cosa fare: " in italian.stdout
    everything = run("audit", "--verbose").stdout
    assert everything == run("audit", "--verbose").stdout
    for part in ("derived, ", "expected: ", "found: ", "advice: ", "timebank rebuild"):
        assert part in everything
    shape = json.loads(run("audit", "--format", "json").stdout)
    assert {"check", "place", "expected", "found", "advice"} == set(shape["findings"][0])


# -- import and demo ----------------------------------------------------------

ROW = "1,member,2,member,60,2018-01-17 11:35:48,garden,\n"


@pytest.fixture
def files() -> tuple[str, ...]:
    """Two users, two good rows and one that is not; and the command that imports them."""
    Path("users.csv").write_text("1,,Vera,,,,,,,\n2,,Paolo,,,,,,,\n", "utf-8")
    bad = ROW.replace("60", "x\x1b")
    Path("transfers.csv").write_text(ROW + bad + ROW, "utf-8")
    return ("import", "timeoverflow", "--users", "users.csv", "--transfers", "transfers.csv")


def test_import_reports_quarantined_rows(files: tuple[str, ...]) -> None:
    """Exit 1, the good rows are booked, the bad one has file, line, column and reason."""
    result = call("--db", "new.db", *files)
    assert (1, 4) == (result.exit_code, records("new.db"))
    expected = """\
Accounts:  2 opened, 0 there already
Transfers: 2 booked, 0 there already
           1 row says the same as another one of its file; it counts
Moved:     0:02 hours

1 row could not be taken:
  transfers.csv:2: amount_seconds: 'x\\x1b' is not a positive whole number of seconds
"""
    assert expected == result.stdout
    again = call("--db", "new.db", *files, "--format", "json", "--quarantine", "bad.csv")
    shape = json.loads(again.stdout)
    assert (1, 4) == (again.exit_code, records("new.db"))
    assert (0, 2, 1, "0:00") == (
        shape["transfers_booked"],
        shape["transfers_there"],
        shape["quarantined"],
        shape["moved"],
    )
    row = shape["rows"][0]
    assert ("transfers.csv", 2, "amount_seconds") == (row["file"], row["line"], row["column"])
    header, line = Path("bad.csv").read_text("utf-8-sig").splitlines()
    assert "file,line,column,value,reason,dismiss" == header
    assert line.startswith("transfers.csv,2,amount_seconds,")


def test_import_strict_and_dry(files: tuple[str, ...]) -> None:
    """A dry run makes not even a file; a strict one books nothing while a row is bad."""
    dry = call("--db", "new.db", *files, "--dry-run")
    assert (1, False) == (dry.exit_code, Path("new.db").exists())
    assert "This was a dry run: nothing is written." in dry.stdout
    strict = call("--db", "new.db", *files, "--strict")
    assert (1, 0) == (strict.exit_code, records("new.db"))
    assert strict.stdout.startswith("Nothing is booked, for not all rows are good.\n")
    Path("transfers.csv").write_text(ROW, "utf-8")
    good = call("--db", "new.db", *files, "--strict")
    assert (0, 3) == (good.exit_code, records("new.db"))
    again = call("--db", "new.db", *files, "--dry-run", "--format", "json")
    shape = json.loads(again.stdout)
    assert (0, 1, 2) == (again.exit_code, shape["transfers_there"], shape["accounts_there"])


def test_import_of_many_bad_rows_is_cut(files: tuple[str, ...]) -> None:
    """The text shows twenty, says how many more there are, and counts them by reason."""
    Path("transfers.csv").write_text("bad\n" * 1_200 + ROW.replace("60", "x") * 30, "utf-8")
    lines = call("--db", "new.db", *files, "--quarantine", "bad.csv").stdout.splitlines()
    assert 20 == sum(line.startswith("  transfers.csv:") for line in lines)
    assert [
        "  and 1,210 more: --quarantine FILE writes all of them",
        "By reason:",
        "    1,200  row: … is how it begins: it has … columns, not …",
        "       30  amount_seconds: … is not a positive whole number of seconds",
    ] == lines[-4:]
    assert 1_231 == len(Path("bad.csv").read_text("utf-8").splitlines())


def test_import_with_a_missing_file_makes_nothing() -> None:
    """A wrong name makes no bank."""
    words = ("import", "timeoverflow", "--users", "u.csv", "--transfers", "t.csv")
    refused(call("--db", "new.db", *words), 2, "u.csv")
    assert not Path("new.db").exists()


def shown_by_demo(text: str) -> list[list[str]]:
    """The commands that the demo shows, without the name of the program."""
    lines = [line for line in text.splitlines() if " --db timebank-demo.db " in line]
    return [shlex.split(line)[1:] for line in lines]


def test_demo_shows_the_whole() -> None:
    """A statement, the trial balance in short, the verdict with the head, what to try next."""
    result = call("demo")
    assert (0, "") == (result.exit_code, result.stderr)
    text = " ".join(result.stdout.split())
    for part in (
        "Its people are invented.",
        "Transfers: 4,558 booked, 0 there already",
        "Statement of 189 Carla Rizzo Ferrara (member)",
        "all 292 11067:56 11067:56 0:00",
        "17 accounts stand below their floor of -20:00: where they come from there was none",
        "All well: 4,850 records and 292 accounts agree",
        "Head: timebank/1 ",
        "The head is the number of the last record and a digest of all records.",
        "Record an exchange: who gave the service earns the hours, and who received it spends them",
        "seconds.",
    ):
        assert part in text
    assert max(map(len, result.stdout.splitlines())) < 200


def test_what_the_demo_shows_can_be_done() -> None:
    """Each command as it stands there; the first finds its head, the second records an exchange."""
    commands = shown_by_demo(call("demo").stdout)
    assert ["audit", "transfer", "statement", "trial-balance", "report"] == [
        words[2] for words in commands
    ]
    for words in commands:
        assert 0 == call(*words).exit_code, words
    assert 4_851 == records("timebank-demo.db")
    assert "spesa e farmacia" not in call(*commands[2]).stdout
    assert "shopping and the pharmacy" in call(*commands[2]).stdout


def test_the_demo_speaks_italian() -> None:
    """What it says itself, and the commands are the same ones."""
    english, italian = call("demo").stdout, call("--lang", "it", "demo").stdout
    text = " ".join(italian.split())
    for part in (
        "Le persone sono inventate.",
        "17 conti stanno sotto il loro minimo di -20:00",
        "La testa del registro (head) è il numero dell'ultima registrazione",
        "chi ha dato il servizio guadagna le ore, chi l'ha ricevuto le spende.",
        "secondi.",
    ):
        assert part in text
    commands = [
        [word.replace("spesa e farmacia", "shopping and the pharmacy") for word in words]
        for words in shown_by_demo(italian)
    ]
    assert shown_by_demo(english) == commands


@pytest.mark.slow
def test_demo_twice_is_safe_and_keeps_out_of_other_banks(run: Run) -> None:
    """A second run books nothing; a file that somebody uses is left alone."""
    assert 0 == call("demo", "a demo.db").exit_code
    second = call("demo", "a demo.db")
    assert (0, 4_850) == (second.exit_code, records("a demo.db"))
    assert "0 booked, 4,558 there already" in second.stdout
    assert "--db 'a demo.db' audit" in second.stdout
    refused(call("demo", "bank.db"), 2, "another bank")
    call("--db", "two.db", "--bank", "two", "init")
    refused(call("demo", "two.db"), 2, "another bank")
    with timebank.open("sqlite:///two.db", bank="two") as bank:
        assert ["two"] == list(bank.store.banks())
    assert 3 == records()


def test_demo_uses_neither_db_nor_bank(monkeypatch: pytest.MonkeyPatch) -> None:
    """It works on its own file, whatever the variables name."""
    monkeypatch.setenv("TIMEBANK_DB", "oracle://x")
    monkeypatch.setenv("TIMEBANK_BANK", "other")
    assert 0 == call("demo", "x:y.db").exit_code
    assert ["x:y.db"] == [path.name for path in Path().iterdir()]
    assert 4_850 == records("x:y.db")
