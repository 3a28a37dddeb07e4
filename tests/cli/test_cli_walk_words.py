"""Every command in Italian on a bank that has something of everything: no word is English."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

import timebank
from support import made_once
from timebank import (
    Band,
    Demurrage,
    Dues,
    Fee,
    Granularity,
    LargestExchange,
    RecordWithin,
    Statute,
    Welcome,
)
from timebank.cli import main
from timebank.contrib import cheques
from timebank.proof import SigningKey, origin_of, receipt
from timebank.reports import words

#: Who plays in it has names and texts that are no English words.
STATUTE = Statute(
    version="verona/2",
    limits={
        "member": [
            Band(floor=-20, ceiling=40),
            Band(floor=-10, ceiling=30, beyond="flag"),
            Band(from_month=12, floor=-25),
        ]
    },
    granularity=Granularity(unit="0:15", rounding="up"),
    largest_exchange=LargestExchange(hours=12, beyond="flag"),
    record_within=RecordWithin(days=400, beyond="flag"),
    fee=Fee(share="5%", fund="fondo", payer="spender"),
    welcome=Welcome(hours=2, fund="fondo", due_back=True, given="when asked"),
    dues=[Dues(hours=2, fund="fondo", name="quota", every="year", from_month=1)],
    demurrage=Demurrage(share="1%", above=5, fund="fondo", every="quarter"),
)


def rich(path: Path) -> None:
    """Make a bank that has something of everything."""
    moment = [datetime(2026, 1, 5, 9, tzinfo=UTC)]
    with timebank.open(f"sqlite:///{path}", clock=lambda: moment[0]) as bank:
        bank.open_account("fondo", kind="fund", name="Fondo comune")
        for id, name in (("m1", "Maria Rossi"), ("m2", "Luca Bianchi"), ("m3", "Nadia Verdi")):
            bank.open_account(id, name=name, joined_on=date(2025, 1, 1), floor=-30)
        bank.open_account("m4", name="Maria Rossi bis")
        bank.open_account("scuola", kind="organisation", ceiling=99)
        bank.adopt(STATUTE)
        bank.welcome("m3")
        bank.transfer(
            earner="m1",
            spender="m2",
            hours=14,
            id="visita",
            category="cura",
            note="in ospedale",
            occurred_on=date(2026, 1, 3),
            started_at=time(9, 30),
            ended_at=time(11),
            via="m3",
        )
        bank.transfer(earner="m4", spender="m2", hours=1, id="spesa", occurred_on=date(2026, 1, 4))
        bank.transfer(earner="m1", spender="m2", hours=1, id="doppio")
        bank.reverse("doppio", reason="scritto due volte", id="storno")
        bank.amend("visita", category="salute", note="a casa", ended_at=None, reason="svista")
        bank.hold(
            earner="m2",
            spender="m1",
            hours=2,
            id="promessa",
            occurred_on=date(2026, 1, 20),
            expires_in=timedelta(days=7000),
            note="orto",
            started_at=time(15),
        )
        bank.hold(earner="m2", spender="m1", hours=1, id="altra")
        bank.void("altra", reason="piove")
        bank.hold(earner="m2", spender="m1", hours=1, id="terza")
        bank.settle("terza", hours="0:45")
        bank.name_delegate("m1", "m2", until=date(2036, 1, 1))
        bank.freeze("scuola", reason="vacanze")
        moment[0] = datetime(2026, 2, 1, 9, tzinfo=UTC)
        bank.run_due()
        bank.close_books(through=date(2025, 12, 31), reason="approvato")
        bank.amend_account("m3", joined_on=date(2025, 6, 1), reason="svista")
        bank.rename("m3", "Nadia Neri")
        bank.erase("m3", reason="chiesto")
        cheques.issue(bank, "m1", booklet=17)
        cheques.enter(bank, "17-01-39", earner="m2", hours=1, started_at=time(9), note="orto")
        cheques.void(bank, "17-03-33", code="stolen", reason="sul tram")


#: Commands, by their words, with arguments that make each of them say much.
SAID: dict[str, list[str]] = {
    "account list": [],
    "account show": ["m1"],
    "account open": ["m9", "--name", "Anna Neri", "--kind", "group"],
    "account limits": ["m1", "--floor=-5"],
    "account rename": ["m1", "Mia"],
    "account freeze": ["m1"],
    "account thaw": ["scuola"],
    "account reopen": ["m1"],
    "audit": [],
    "report impact": [],
    "report presences": ["--category", "lezione", "--tag", "nulla"],
    "report value": ["--rates", "r.csv"],
    "account history": ["m3"],
    "account amend": ["m1", "--joined-on", "2025-02-01", "--reason", "svista", "--dry-run"],
    "account merge": ["m4", "--into", "m1", "--reason", "doppione", "--dry-run"],
    "amend": ["visita", "--category", "cura", "--no-note", "--reason", "svista", "--dry-run"],
    "balance": ["m1"],
    "banks": [],
    "close-books": [],
    "cheques enter": ["p.csv", "--book"],
    "cheques issue": ["m2", "--cheques", "8"],
    "cheques list": [],
    "cheques show": ["17-01-39"],
    "cheques void": ["17-02..17-04"],
    "copy": ["b.db", "c.db"],
    "delegate list": ["m1"],
    "delegate name": ["m1", "m3"],
    "delegate end": ["m1", "m3"],
    "dues": ["m1", "--through", "2027-05-01"],
    "erase": ["m2", "--reason", "chiesto", "--dry-run"],
    "head": [],
    "hold": ["--earner", "m2", "--spender", "m1", "--hours", "0:20", "--expires-in", "7d"],
    "holds": ["--status", "all"],
    "inactive": ["--since", "2026-06-01"],
    "init": [],
    "journal": ["--format", "text"],
    "leave": ["m4", "--write-off-on", "fondo", "--dry-run"],
    "migrate": ["b.db", "--rebuild"],
    "backup": ["d.db"],
    "rebuild": [],
    "reverse": ["spesa", "--reason", "svista"],
    "run-due": ["--through", "2026-11-01", "--dry-run"],
    "settle": ["promessa", "--hours", "1", "--dry-run"],
    "statement": ["m1"],
    "statute show": [],
    "statute check": ["s.json"],
    "statute replay": ["s.json"],
    "statute adopt": ["s.json"],
    "transfer": ["--earner", "m1", "--spender", "m2", "--hours", "12:10", "--via", "m3"],
    "trial-balance": [],
    "verify-receipt": ["visita.tlog-proof", "--key", "b.key"],
    "void": ["promessa"],
    "welcome": ["m1"],
}
#: Refusals and wrong use.
REFUSED: dict[str, list[str]] = {
    "account merge": ["m4", "--into", "fondo", "--reason", "x", "--yes"],
    "account close": ["m1"],
    "account limits": ["m1"],
    "account open": ["m1", "--floor=-7"],
    "audit": ["--all", "--since", "nulla.json"],
    "export csv balances": ["--lang"],
    "report impact": ["--since", "2026-13-01"],
    "report presences": ["--year", "2026", "--since", "2026-01-01"],
    "report value": ["--rates", "p.csv"],
    "account amend": ["m1", "--reason", "svista"],
    "amend": ["nulla", "--reason", "svista", "--category", "x"],
    "close-books": ["--through", "2099-01-01", "--reason", "x"],
    "cheques enter": ["p.csv", "--leave-out", "x.csv"],
    "cheques issue": ["m2", "--booklet", "17"],
    "cheques print": ["99"],
    "cheques show": ["17-01-93"],
    "cheques void": ["17-01-39"],
    "copy": ["b.db", "c.db", "--all", "--to-bank", "x"],
    "backup": ["postgresql://x/y"],
    "delegate list": [],
    "delegate name": ["m1", "m1"],
    "dues": ["nulla"],
    "erase": ["--reason", "x"],
    "hold": ["--earner", "m2", "--spender", "m1", "--hours", "900"],
    "key make": ["b.key"],
    "key show": ["nulla"],
    "leave": ["m1", "--assign-to", "m2"],
    "receipt": ["nulla", "--key", "b.key"],
    "reverse": ["storno", "--reason", "x"],
    "schema": ["--for", "mariadb", "--partitions", "4"],
    "settle": ["altra"],
    "void": ["terza"],
    "statute check": ["nulla.json"],
    "transfer": ["--earner", "scuola", "--spender", "m2", "--hours", "1"],
    "clock restart": ["--reason", "x", "--today", "2001-01-01"],
    "history accept": ["--reason", "x", "--head", "nulla"],
    "welcome": ["fondo"],
    "witness": ["--folder", "nulla"],
}
#: What is the bank's own: its names, texts and words of programs, that examples use as well.
OWN = set(
    re.findall(r"[a-z]{3,}", "main maria rossi luca bianchi visita utc verona nadia postgresql")
)
#: Commands whose words are JSON alone, or those of programs, or of files that they read; those on
#: other banks are walked in `test_cli_peers`.
ELSEWHERE = re.compile(
    r"(audit-host|demo|export|import|peers|personal-data|schema|statute schema)\b"
)


def commands(command: click.Command = main, path: str = "") -> Iterator[str]:
    """Yield the words of every command that is no group."""
    for name, one in getattr(command, "commands", {}).items():
        if isinstance(one, click.Group):
            yield from commands(one, f"{path}{name} ")
        else:
            yield f"{path}{name}"


def test_every_command_is_walked() -> None:
    left = {name for name in commands() if not ELSEWHERE.match(name)}
    assert set() == left - SAID.keys() - REFUSED.keys()


def _texts(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value.values())


def _vocabulary(code: str) -> set[str]:
    tables = [name for name in words.tables(code) if name != "articles"]
    texts = [
        text
        for name in tables
        for value in words.table(name, code).values()
        for text in _texts(value)
    ]
    bare = re.sub(r"\{[^}]*\}|--[\w-]+|TIMEBANK_\w+", " ", " ".join(texts)).lower()
    return set(re.findall(r"[^\W\d_]{3,}", bare))


def _written() -> set[str]:
    """Return the words of sentences that stand in the source, where the catalogue has none."""
    found: set[str] = set()
    for package in ("cli", "reports", "model", "bank", "rules"):
        for path in (Path(timebank.__file__).parent / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    text = node.value if " " in node.value.strip() else ""
                    found |= set(re.findall(r"[^\W\d_]{3,}", text.lower()))
    return found


ENGLISH = (_vocabulary("en") | _written()) - _vocabulary("it") - OWN


def _fill() -> None:
    """Make the bank, a receipt of it, and the files that commands are given."""
    rich(Path("b.db"))
    with timebank.open(Path("b.db")) as bank:
        key = SigningKey.make(origin_of(bank.head().journal))
        key.write(Path("b.key"))
        Path("visita.tlog-proof").write_text(str(receipt(bank, "visita", key=key)), "utf-8")
    Path("s.json").write_text(
        json.dumps({**json.loads(STATUTE.to_json()), "version": "verona/3"}), "utf-8"
    )
    Path("r.csv").write_text("categoria;tariffa\nlezione;12,5\n", "utf-8")
    Path("p.csv").write_text("17-01-39;m2;1;;9\n17-02-36;m2;2\n", "utf-8")


@pytest.fixture
def called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Return what a command says in Italian, both streams, and the exit code."""
    monkeypatch.chdir(tmp_path)
    made_once(_fill)

    def call(name: str, args: list[str], code: int) -> str:
        made = CliRunner().invoke(main, ["--db", "b.db", "--lang", "it", *name.split(), *args])
        assert made.exception is None or isinstance(made.exception, SystemExit), made.exception
        assert (made.exit_code == 0) == (code == 0), made.output
        return made.output

    return call


def english(told: str, args: list[str]) -> set[str]:
    """Return the English words in what was told, but for what was given or is a program's."""
    for one in args:
        told = told.replace(one, " ")
    told = re.sub(r"--[\w-]+|timebank [\w -]+(--help)?|[0-9a-f]{8,}|due:\S+|\S+://\S+", " ", told)
    return set(re.findall(r"[^\W\d_]{3,}", told.lower())) & ENGLISH


@pytest.mark.parametrize("name", SAID)
def test_no_english_is_said_by_a_command(name: str, called: Callable[..., str]) -> None:
    told = called(name, SAID[name], 0)
    assert set() == english(told, SAID[name]), told


@pytest.mark.parametrize("name", REFUSED)
def test_no_english_is_said_by_a_refusal(name: str, called: Callable[..., str]) -> None:
    told = called(name, REFUSED[name], 1)
    assert told.startswith("timebank: ")
    assert set() == english(told, REFUSED[name]), told


def test_a_language_changes_words_and_no_figure(called: Callable[..., str]) -> None:
    """What is told in two languages differs in its words alone."""
    assert callable(called)
    for name in (
        "balance m1",
        "balance m2",
        "account show m1",
        "trial-balance",
        "holds",
        "dues m1",
    ):
        args = ["--db", "b.db", *name.split()]
        told = [
            CliRunner().invoke(main, ["--lang", code, *args]).output for code in words.languages()
        ]
        figures = [re.findall(r"-?\d[\d:-]*", text) for text in told]
        assert figures[0] == figures[1], told
        assert len(told[0].splitlines()) == len(told[1].splitlines()), told


def test_json_is_the_same_in_every_language(called: Callable[..., str], tmp_path: Path) -> None:
    for name in ("holds", "account list", "trial-balance", "balance m1", "statute show", "dues m1"):
        args = ["--db", "b.db", *name.split(), "--format", "json"]
        told = {
            code: CliRunner().invoke(main, ["--lang", code, *args]).output
            for code in words.languages()
        }
        assert len(set(told.values())) == 1, name
    assert (tmp_path / "b.db").is_file()
    assert callable(called)
