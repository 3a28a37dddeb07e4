"""Programs that nobody here wrote accept what is exported, and their balances are ours."""

from __future__ import annotations

import gc
import json
import sqlite3
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import timebank
from interchange import programs
from support import BEGINNING, Clock, examples, fill, fill_with_members, fill_with_rules, sources
from timebank import Ask, Corrupt, Hours, InvalidRequest, NotPermitted, TimeBank
from timebank.cli import main
from timebank.interchange.plaintext import beancount, export, hledger
from timebank.interchange.plaintext.beancount import Beancount, export_beancount
from timebank.interchange.plaintext.dialect import Dialect, Entry, Opening
from timebank.interchange.plaintext.escaping import ascii_only, title, visible
from timebank.interchange.plaintext.hledger import Hledger, Ledger, export_hledger, export_ledger

Export = Callable[..., Iterator[str]]
FORMATS: dict[str, tuple[Export, Dialect, Callable[[Path], dict[str, str]]]] = {
    "hledger": (export_hledger, Hledger(), programs.hledger),
    "ledger": (export_ledger, Ledger(), programs.ledger),
    "beancount": (export_beancount, Beancount(), programs.beancount),
}


@pytest.fixture(params=FORMATS, scope="module")
def name(request: pytest.FixtureRequest) -> str:
    """Each format."""
    return str(request.param)


@pytest.fixture
def bank() -> TimeBank:
    """A neighbourhood with every kind of record."""
    clock = Clock()
    bank = timebank.open("memory:", **sources(clock))
    fill(bank)
    fill_with_rules(bank)
    fill_with_members(bank, clock)
    return bank


def small(url: str = "memory:", **how: Any) -> TimeBank:
    """Two members who may owe what they like."""
    bank = timebank.open(url, **how)
    for id in ("m1", "m2"):
        bank.open_account(id, floor=None)
    return bank


def agrees(bank: TimeBank, name: str, folder: Path, **how: Any) -> dict[str, str]:
    """The program accepts it, and has our balance of every account; all of its balances."""
    export, dialect, ask = FORMATS[name]
    path = folder / f"bank.{name}"
    path.write_text("\n".join(export(bank, **how)) + "\n", "utf-8")
    found = ask(path)
    divisor, commodity = (3600, " H") if how.get("unit") == "hours" else (1, " SEC")
    for account in bank.accounts():
        there = found.get(dialect.account(account.kind, account.id), "0").removesuffix(commodity)
        expected = bank.balance(account.id).posted.seconds / divisor
        assert (account.id, expected) == (account.id, float(there or 0))
    return found


def test_every_kind_of_record(bank: TimeBank, name: str, tmp_path: Path) -> None:
    """Balances to the second, and what is held apart from them."""
    found = agrees(bank, name, tmp_path)
    dialect = FORMATS[name][1]
    held = found[dialect.account("group", "f1", held=True)].removesuffix(" SEC")
    assert -bank.balance("f1").held.seconds == int(held)
    text = (tmp_path / f"bank.{name}").read_text("utf-8")
    assert "Maria R." in text
    assert f"; Head: {bank.head()}" in text.splitlines()


def test_without_texts(bank: TimeBank, name: str, tmp_path: Path) -> None:
    """Names, notes and reasons are withheld; balances are the same."""
    agrees(bank, name, tmp_path, texts=False)
    text = (tmp_path / f"bank.{name}").read_text("utf-8")
    words = ("Maria", "Bianchi", "accompanied", "entered twice", "the plan", "given back")
    assert [] == [word for word in words if word in text]


def test_an_empty_bank(name: str, tmp_path: Path) -> None:
    """Nothing is well, too; so are accounts without an exchange."""
    assert {} == agrees(timebank.open("memory:"), name, tmp_path)
    agrees(small(), name, tmp_path)


def test_what_came_before_its_account(name: str, tmp_path: Path) -> None:
    """Days of service long before an account was opened, and one opened when all was over."""
    bank = small()
    past = date(1971, 5, 1)
    bank.hold(earner="m1", spender="m2", hours=1, occurred_on=past, expires_in=timedelta(days=1))
    early = past - timedelta(days=9)
    bank.hold(earner="m1", spender="m2", hours=1, occurred_on=early, expires_in=timedelta(days=2))
    bank.transfer(earner="m2", spender="m1", hours=1, occurred_on=past)
    bank.open_account("late", kind="fund")
    agrees(bank, name, tmp_path)


def test_a_year_that_was_mistyped(name: str, tmp_path: Path) -> None:
    """A day that the program does not know becomes its first one, and the true one is a tag."""
    bank = small()
    bank.transfer(earner="m1", spender="m2", hours=1, occurred_on=date(206, 3, 2))
    bank.hold(earner="m1", spender="m2", hours=1, occurred_on=date(26, 3, 2))
    agrees(bank, name, tmp_path)
    assert "0206-03-02" in (tmp_path / f"bank.{name}").read_text("utf-8")


def test_an_account_that_was_closed(name: str, tmp_path: Path) -> None:
    """It is closed behind its last posting, however late that one's day is."""
    bank = small(clock=Clock())
    bank.open_account("gone")
    for earner, spender in (("gone", "m2"), ("m2", "gone")):
        tomorrow = BEGINNING.date() + timedelta(days=1)
        bank.transfer(earner=earner, spender=spender, hours=1, occurred_on=tomorrow)
    bank.close_account("gone")
    agrees(bank, name, tmp_path)
    text = (tmp_path / f"bank.{name}").read_text("utf-8")
    expected = {
        "hledger": "account assets:member:gone  ; id: gone, status: closed",
        "ledger": "    ; status: closed",
        "beancount": "2026-03-05 close Assets:Member:Gone",
    }
    assert expected[name] in text.splitlines()


def test_a_hold_that_has_expired(name: str, tmp_path: Path) -> None:
    """It is gone from that instant on, though nothing more was recorded."""
    clock = Clock()
    bank = small(**sources(clock))
    bank.hold(earner="m1", spender="m2", hours=1, expires_in=timedelta(days=3))
    dialect = FORMATS[name][1]
    held = dialect.account("member", "m1", held=True)
    assert "3600 SEC" == agrees(bank, name, tmp_path)[held]
    clock.now += timedelta(days=3)
    assert held not in agrees(bank, name, tmp_path)


def test_hours_with_four_decimals(name: str, tmp_path: Path) -> None:
    """Of what divides; the first that does not is refused before a line is written."""
    bank = small()
    bank.transfer(earner="m1", spender="m2", hours="1:30:45")
    bank.transfer(earner="m1", spender="m2", hours="9s")
    agrees(bank, name, tmp_path, unit="hours")
    bank.hold(earner="m1", spender="m2", hours="10s", id="h1")
    with pytest.raises(InvalidRequest, match="hold 'h1': 10 seconds are no hours"):
        next(FORMATS[name][0](bank, unit="hours"))
    bank.open_account("a")
    bank.transfer(earner="m2", spender="m1", hours="1s")
    bank.transfer(earner="a", spender="m1", hours="2s")
    with pytest.raises(InvalidRequest, match="record 7, account 'm1': -1 seconds"):
        next(FORMATS[name][0](bank, unit="hours"))
    with pytest.raises(InvalidRequest, match="unit is"):
        FORMATS[name][0](bank, unit="days")


HOSTILE = [
    *(
        "a b",
        "a  b",
        "a;b",
        "a:b",
        "(a)",
        "[a]",
        "*a",
        "!a",
        "a=b",
        "@a",
        "1a",
        "-a",
        "-",
        ".",
        "_",
    ),
    *("A", "a", "Ä", "ä", "é", "日本", "🙂", "a-b", "a_b", "a_20_b", "Z-a", "X-a", "x-a", "Z", "z"),
    *("2026-01-01", "~", "a'b", 'a"b', "a\\b", "a%b", "a,b", "assets", "account", "end", "0", "00"),
    *("u1", "a-u1", "a_u1", "X--a", "$", "€", "a/b", "#a", "|", "a|b", "ß", "ss", "ﬀ", "ff"),
    *(
        "\u0915\u094d\u200d\u0937",
        "a\u00a0b",
        "x" * 128,
        "X" * 128,
        "🙂" * 128,
        "-" * 128,
    ),
]


def test_names_that_no_format_can_hold(name: str, tmp_path: Path) -> None:
    """Each is an account of its own, in words that the program gives back."""
    bank = timebank.open("memory:")
    bank.open_account("fund", kind="fund")
    for number, id in enumerate(HOSTILE, 1):
        bank.open_account(id, name=f"; {id} [2026] = (x), status: closed")
        bank.transfer(earner=id, spender="fund", hours=Hours.from_seconds(number))
    found = agrees(bank, name, tmp_path)
    assert len(HOSTILE) + 1 == len(found)
    assert len(HOSTILE) + 1 == len({account.casefold() for account in found})


NOTES = [
    *("two\nlines", "a: b", ":a:b:", "[2026-01-01]", "[=2026/1/1]", "; x", "note: x, date:never"),
    *('"', "\\", "\\n", "'", "\t", "  ", "\n2026-01-01 * x\n    a  1 SEC\n", "a:: 1 +", "(x)"),
    *("%(1/0)", "{1}", "@ 1 EUR", "include /etc/passwd", "end comment", "#tag ^link", "~" * 4000),
    *("è, 🙂 e 👩\u200d🌾", "\x1b[31m", "a\r\nb", "\u202eb", "\u2028", "\x85", "", "כֵּן, אבל"),
]


def test_texts_that_look_like_something_else(name: str, tmp_path: Path) -> None:
    """Notes, reasons, categories, tags and sources that would be directives, tags or dates."""
    bank = small()
    bank.rename("m1", NOTES[13])
    for number, note in enumerate(NOTES):
        label = "".join(c for c in note if c.isprintable())[:60].strip() or None
        more: dict[str, Any] = {"category": label, "area": label, "resource": label}
        if label is not None:
            more |= {"tags": [label, "two"], "source": {"page": label}}
        id = f"t{number}"
        bank.transfer(earner="m1", spender="m2", hours=1, id=id, note=note, **more)
        bank.reverse(id, reason=note or "-", hours="0:40")
    bank.hold(earner="m1", spender="m2", hours=1, note=NOTES[0], expires_in=timedelta(days=3))
    agrees(bank, name, tmp_path)
    expected = {told(note, name) for note in NOTES if note}
    assert expected == programs.notes(name, tmp_path / f"bank.{name}")


def told(note: str, name: str) -> str:
    """A note as the program should give it back."""
    written = visible(json.dumps(note, ensure_ascii=False))
    if name == "beancount":
        is_plain = note == visible(note, keep="\n\t") and "\\" not in note and note[0] != "{"
        return note if is_plain else written
    written = written.replace("[", "\\u005b")
    return ascii_only(written).replace(",", "\\u002c") if name == "hledger" else written


# -- long lines ----------------------------------------------------------------------


LONG = [
    *(4050, 4078, 4079, 4085, 4090, 10_000),
    *((length, letter) for length in (1000, 1022, 2041, 10_000) for letter in 'è🙂["\\\n'),
    (700, "\u202e"),
]


def test_texts_of_every_length(name: str, tmp_path: Path) -> None:
    """Ledger refuses lines of more than 4,096 bytes: there they are cut, and say so."""
    bank = timebank.open("memory:")
    bank.open_account("m1", name="è" * 10_000, floor=None)
    bank.open_account("🙂" * 128, name="🙂" * 2_000, floor=None)
    for entry in LONG:
        length, letter = entry if isinstance(entry, tuple) else (entry, "x")
        id = f"{length} {ord(letter[0]):x}"
        more: dict[str, Any] = {"category": "ﷺ" * 200, "area": "🙂" * 200, "kind": "㎯" * 64}
        note = letter * length if letter.strip() else f"-{letter * (length - 2)}-"
        bank.transfer(earner="m1", spender="🙂" * 128, hours=1, id=id, note=note, **more)
    sides: dict[str, Any] = {"earner": "m1", "spender": "🙂" * 128, "hours": 1}
    bank.transfer(**sides, tags=[f"t{number:02}" + "x" * 100 for number in range(45)])
    bank.transfer(**sides, source={f"k{number:02}": "v" * 199 for number in range(20)})
    bank.reverse("4050 78", reason="[" * 10_000)
    bank.hold(**sides, note="~" * 9_000, expires_in=timedelta(days=3))
    agrees(bank, name, tmp_path)
    lines = (tmp_path / f"bank.{name}").read_bytes().splitlines(keepends=True)
    cut = [line.decode() for line in lines if b" (cut: " in line]
    if name == "ledger":
        assert [] == [line for line in lines if len(line) > 4_096]
        assert f'    ; name: "{"è" * 2024} (cut: 2024 of 10000 characters)"\n' in cut
        assert 24 == len(cut)
    else:
        assert [] == cut


@st.composite
def long_texts(draw: st.DrawFn, most: int = 10_000) -> str:
    """Texts of few different characters, up to the length that a note may have."""
    unit = draw(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=4))
    return (unit * draw(st.integers(1, most)))[:most]


def labels() -> st.SearchStrategy[str]:
    """Categories, tags and the like."""
    letters = st.characters(exclude_categories=("Cc", "Cf", "Cs", "Zl", "Zp"))
    text = st.text(letters, min_size=1, max_size=3)
    return st.builds(lambda unit, times: (unit * times)[:200].strip(), text, st.integers(1, 200))


@given(data=st.data())
@examples(15)
def test_no_line_for_ledger_is_too_long(data: st.DataObject) -> None:
    """Whatever is written in names, notes, reasons, tags, sources and labels."""
    dialect = Ledger()
    tags: dict[str, Any] = {
        "note": data.draw(long_texts()),
        "name": data.draw(long_texts()),
        "id": data.draw(long_texts(128)),
        "flags": data.draw(long_texts(60_000)),
        "tags": tuple(data.draw(st.lists(labels(), max_size=50))),
        "source": data.draw(st.dictionaries(labels(), labels(), max_size=20) | labels()),
        "record": 2**53,
    }
    account = dialect.account("organisation", data.draw(long_texts(128)), held=True)
    kind, category = data.draw(labels()), data.draw(labels())
    day, line = date(2026, 3, 2), (account, f"{-(2**53)} SEC")
    entry = Entry(day, 2**53, title(kind, category), tags, (line,), held=True)
    opening = Opening(account, account, tags["id"], day, tags)
    balances = dialect.balances(day, iter([(opening, line[1])]), "SEC")
    written = [
        *dialect.entry(entry),
        *dialect.opening(opening, "SEC"),
        *balances,
        dialect.comment(f"Bank: {data.draw(long_texts(128))}"),
        *dialect.head("SEC", day),
    ]
    assert [] == [line for line in written if len(f"{line}\n".encode()) > 4_096]


def test_a_circle_and_many_sides(name: str, tmp_path: Path) -> None:
    """Accounts on both sides of one transfer, and a dozen of them."""
    bank = timebank.open("memory:")
    ids = [f"g{number}" for number in range(12)]
    for id in ids:
        bank.open_account(id, kind="group")
    bank.transfer(earner={"g0": 2, "g1": 2, "g2": 1}, spender={"g0": 1, "g1": 2, "g2": 2})
    bank.transfer(earner="g0", spender=timebank.split("5:00:01", ids[1:]))
    agrees(bank, name, tmp_path)


def test_a_reversal_names_its_original(bank: TimeBank, name: str) -> None:
    """By its id; in beancount by a link, too."""
    text = "\n".join(FORMATS[name][0](bank))
    assert 1 == text.count("reverses: " + ('"visit-81"' if name == "beancount" else "visit-81"))
    if name == "beancount":
        assert '2026-03-02 * "reversal" ^r7 ^r5' in text


def test_both_clocks_and_what_it_was_for(bank: TimeBank, name: str) -> None:
    """The day of service is the date, the instant of record a tag, as is all else that is told."""
    lines = list(FORMATS[name][0](bank))
    start = next(n for n, line in enumerate(lines) if line.startswith("2026-03-02 *"))
    found = "\n".join(lines[start : start + 13]).replace('"', "").replace("\\", "")
    for expected in (
        *("exchange care", "id: visit-81", "recorded_at: 2026-03-02T09:05:00+00:00"),
        *("category: care", "area: family-help", "resource: car", "via: solidarity"),
        *("tags: car clinic", "statute: default/1", "note: accompanied to the clinic"),
    ):
        assert expected in found


def only(actions: set[str]) -> Callable[[Ask], bool]:
    """Permissions for some actions."""
    return lambda ask: ask.action in actions


def test_who_may_not_read_all_may_not_export(name: str) -> None:
    """Records without accounts or transfers are not enough: there are texts beside them."""
    for allowed in ({"records"}, {"accounts", "transfers", "holds"}, {"records", "accounts"}):
        bank = timebank.open("memory:", permissions=only(allowed))
        with pytest.raises(NotPermitted):
            FORMATS[name][0](bank)


def test_one_moment_of_the_bank(tmp_path: Path) -> None:
    """What another process writes meanwhile is not in it, in no part of it."""
    url = f"sqlite:///{tmp_path / 'bank.db'}"
    with small(url) as bank, timebank.open(url) as other:
        with bank.batch() as batch:
            for _ in range(600):
                batch.transfer(earner="m1", spender="m2", hours=1)
        lines = export_hledger(bank)
        found = [next(lines)]
        other.transfer(earner="m1", spender="m2", hours=1)
        found += lines
    assert any("2160000 SEC" in line for line in found)
    assert not any("2163600 SEC" in line for line in found)


def test_a_bank_that_is_damaged(tmp_path: Path) -> None:
    """Rows or records that are gone are an error of ours, and never a file that looks whole."""
    for table, row, told in (
        ("accounts", "account = 'm1'", "account 'm1' is missing"),
        ("records", "sequence = 1", "record 1 is missing"),
    ):
        path = tmp_path / f"{table}.db"
        with small(f"sqlite:///{path}") as bank:
            bank.transfer(earner="m1", spender="m2", hours=1)
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("DROP TRIGGER timebank_records_no_delete")
            connection.execute(f"DELETE FROM timebank_{table} WHERE {row}")
        with (
            timebank.open(f"sqlite:///{path}", read_only=True) as bank,
            pytest.raises(Corrupt, match=told),
        ):
            list(export_hledger(bank))


def peak_of(lines: Callable[[], Iterable[object]]) -> int:
    """The most memory that going through lines takes, and what else the process does meanwhile."""
    gc.collect()
    tracemalloc.start()
    for _ in lines():
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


@pytest.mark.slow
def test_memory_is_flat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three times the transfers take no more of it: a few pages, which are small here."""
    monkeypatch.setattr(export, "PAGE", 50)
    peaks = []
    with small(f"sqlite:///{tmp_path / 'bank.db'}") as bank:
        for more in (1500, 3000):
            with bank.batch() as batch:
                for _ in range(more):
                    batch.transfer(earner="m1", spender="m2", hours=1, note="to the clinic")
            peaks.append(min(peak_of(lambda: export_hledger(bank)) for _ in range(2)))
    assert peaks[1] < 1.5 * peaks[0]


ids = st.text(
    st.characters(exclude_categories=("Cc", "Cs")) | st.sampled_from("aAxXuUZ-_ :;.()[]0129f"),
    min_size=1,
    max_size=8,
)


@given(ids, ids)
def test_two_ids_are_two_names(name: str, one: str, other: str) -> None:
    """Whatever they are, and whoever takes capitals for small letters: no two ids meet."""
    escape = beancount.escaped if name == "beancount" else hledger.escaped
    assert (one == other) == (escape(one).casefold() == escape(other).casefold())
    assert escape(one).isascii()


codes = st.sampled_from(["\u202e", "\\u202e", "\\", "\n", "\\n", '"', "{", "}", "[", ",", "\u200b"])


@given(st.lists(codes | ids, min_size=1, max_size=4), st.lists(codes | ids, min_size=1, max_size=4))
def test_two_ids_are_two_tags(name: str, one: list[str], other: list[str]) -> None:
    """Those too that differ only by what is written as a code, as by an invisible mark."""
    dialect = FORMATS[name][1]
    written = []
    for id in ("".join(one), "".join(other)):
        tags: dict[str, Any] = {"id": id, "source": id}
        opening = Opening("Assets:Member:M1", None, id, date(2026, 3, 2), tags)
        entry = Entry(opening.since, 1, "exchange", tags, ())
        written.append(([*dialect.opening(opening, "SEC")], [*dialect.entry(entry)]))
    same = "".join(one) == "".join(other)
    assert (same, same) == (written[0][0] == written[1][0], written[0][1] == written[1][1])


@given(st.dictionaries(ids, ids, min_size=1, max_size=2))
def test_a_source_of_fields_is_no_text(name: str, source: dict[str, str]) -> None:
    """A text may be written like the fields, and is another source."""
    dialect = FORMATS[name][1]
    fields, text = (
        [*dialect.entry(Entry(date(2026, 3, 2), 1, "exchange", {"source": one}, ()))]
        for one in (source, json.dumps(source, ensure_ascii=False))
    )
    assert fields != text


def test_the_command(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To standard output; what does not divide is one line, and nothing is printed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIMEBANK_DB", "bank.db")
    clock = Clock()
    with timebank.open("sqlite:///bank.db", **sources(clock)) as bank:
        fill(bank)
    done = CliRunner().invoke(main, ["export", name])
    assert (0, "") == (done.exit_code, done.stderr)
    with timebank.open("sqlite:///bank.db", clock=clock) as bank:
        assert list(FORMATS[name][0](bank)) == done.stdout.splitlines()
        bank.transfer(earner="m1", spender="f1", hours="1s")
    done = CliRunner().invoke(main, ["export", name, "--unit", "hours"])
    assert (2, "", 1) == (done.exit_code, done.stdout, done.stderr.count("\n"))
    done = CliRunner().invoke(main, ["export", name, "--without-texts"])
    assert (0, False) == (done.exit_code, "accompanied" in done.stdout)
