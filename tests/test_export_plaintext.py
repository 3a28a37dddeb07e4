"""Programs that nobody here wrote accept what is exported, and their balances are ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import programs
import timebank
from support import Clock, doors, fill, fill_with_members, fill_with_rules
from timebank import InvalidRequest, NotPermitted, TimeBank
from timebank.cli import main
from timebank.interchange import beancount, hledger
from timebank.interchange.beancount import Beancount, export_beancount
from timebank.interchange.hledger import Hledger, Ledger, export_hledger, export_ledger
from timebank.interchange.plaintext import Dialect

Export = Callable[..., Iterator[str]]
FORMATS: dict[str, tuple[Export, Dialect, Callable[[Path], dict[str, str]]]] = {
    "hledger": (export_hledger, Hledger(), programs.hledger),
    "ledger": (export_ledger, Ledger(), programs.ledger),
    "beancount": (export_beancount, Beancount(), programs.beancount),
}

pytestmark = pytest.mark.parametrize("name", FORMATS)


@pytest.fixture
def bank() -> TimeBank:
    """A neighbourhood with every kind of record."""
    clock = Clock()
    bank = timebank.open("memory:", **doors(clock))
    fill(bank)
    fill_with_rules(bank)
    fill_with_members(bank, clock)
    return bank


def agrees(bank: TimeBank, name: str, folder: Path, **how: Any) -> dict[str, str]:
    """The program accepts it, and has our balance of every account; all of its balances."""
    export, dialect, ask = FORMATS[name]
    path = folder / f"bank.{name}"
    path.write_text("\n".join(export(bank, **how)) + "\n", "utf-8")
    found = ask(path)
    for account in bank.accounts():
        seconds = bank.balance(account.id).posted.seconds
        there = found.get(dialect.account(account.kind, account.id), "0")
        if how.get("unit") == "hours":
            number = float(there.removesuffix(" H") or 0)
            assert (account.id, seconds / 3600) == (account.id, number)
        else:
            number = float(there.removesuffix(" SEC") or 0)
            assert (account.id, seconds) == (account.id, number)
    return found


def test_every_kind_of_record(bank: TimeBank, name: str, tmp_path: Path) -> None:
    """Balances to the second, and what is held apart from them."""
    found = agrees(bank, name, tmp_path)
    dialect = FORMATS[name][1]
    held = found[dialect.account("group", "f1", held=True)].removesuffix(" SEC")
    assert -bank.balance("f1").held.seconds == int(held)
    assert "Maria R." in (tmp_path / f"bank.{name}").read_text("utf-8")


def test_without_texts(bank: TimeBank, name: str, tmp_path: Path) -> None:
    """Names, notes and reasons are withheld; balances are the same."""
    agrees(bank, name, tmp_path, texts=False)
    text = (tmp_path / f"bank.{name}").read_text("utf-8")
    assert not [
        word for word in ("Maria", "accompanied", "entered twice", "rained") if word in text
    ]


def test_an_empty_bank(name: str, tmp_path: Path) -> None:
    """Nothing is well, too."""
    assert {} == agrees(timebank.open("memory:"), name, tmp_path)


def test_what_came_before_its_account(name: str, tmp_path: Path) -> None:
    """A day of service long before the account was opened, and one after it was closed."""
    bank = timebank.open("memory:")
    for id in ("m1", "m2"):
        bank.open_account(id)
    past = date(1971, 5, 1)
    bank.transfer(earner="m1", spender="m2", hours=1, occurred_on=past)
    bank.hold(earner="m1", spender="m2", hours=1, occurred_on=past - timedelta(days=9))
    bank.transfer(earner="m2", spender="m1", hours=1, occurred_on=past)
    bank.open_account("gone")
    bank.transfer(earner="gone", spender="m2", hours=1)
    bank.transfer(earner="m2", spender="gone", hours=1)
    bank.close_account("gone")
    agrees(bank, name, tmp_path)


def test_hours_with_four_decimals(name: str, tmp_path: Path) -> None:
    """Of what divides; what does not is refused before a line is written."""
    bank = timebank.open("memory:")
    for id in ("m1", "m2"):
        bank.open_account(id)
    bank.transfer(earner="m1", spender="m2", hours="1:30:45")
    bank.transfer(earner="m1", spender="m2", hours="9s")
    agrees(bank, name, tmp_path, unit="hours")
    bank.hold(earner="m1", spender="m2", hours="10s", id="h1")
    with pytest.raises(InvalidRequest, match="hold 'h1': 10 seconds are no hours"):
        FORMATS[name][0](bank, unit="hours")
    bank.transfer(earner="m1", spender="m2", hours="1s")
    with pytest.raises(InvalidRequest, match="record 6, account 'm1': 1 seconds"):
        FORMATS[name][0](bank, unit="hours")
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
        "A",
        "a",
        "Ä",
        "ä",
        "é",
        "日本",
        "🙂",
        "a-b",
        "a_b",
        "a_20_b",
        "Z-a",
        "Z",
        "z",
        "2026-01-01",
    ),
    *("~", "a'b", 'a"b', "a\\b", "a%b", "a,b", "assets", "account", "end", "0", "00", "x" * 128),
    *("\u200b", "\u202ea", "a\u00a0b", "ﬀ", "ff", "ß", "ss", "$", "€", "a/b", "#a", "|", "a|b"),
]


def test_names_that_no_format_can_hold(name: str, tmp_path: Path) -> None:
    """Each is an account of its own."""
    bank = timebank.open("memory:")
    bank.open_account("fund", kind="fund")
    for number, id in enumerate(HOSTILE, 1):
        bank.open_account(id, name=f"; {id} [2026] = (x)")
        bank.transfer(earner=id, spender="fund", hours=timebank.Hours.from_seconds(number))
    found = agrees(bank, name, tmp_path)
    assert len(HOSTILE) + 1 == len({account for account in found if "olds" not in account})


NOTES = [
    *("two\nlines", "a: b", ":a:b:", "[2026-01-01]", "[=2026/1/1]", "; x", "note: x, date:never"),
    *(
        '"',
        "\\",
        "\\n",
        "'",
        "\t",
        "  ",
        "\n2026-01-01 * x\n    a  1 SEC\n",
        "è 🙂 \u2028 \x85 \u202e",
    ),
    *(
        "a:: 1 +",
        "(x)",
        "%(1/0)",
        "{1}",
        "@ 1 EUR",
        "include /etc/passwd",
        "end comment",
        "",
        "~" * 4000,
    ),
]


def test_texts_that_look_like_something_else(name: str, tmp_path: Path) -> None:
    """Notes, reasons, categories, tags and sources that would be directives, tags or dates."""
    bank = timebank.open("memory:")
    bank.open_account("m1", name=NOTES[13])
    bank.open_account("m2")
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


def test_a_circle_and_many_sides(name: str, tmp_path: Path) -> None:
    """Accounts on both sides of one transfer."""
    bank = timebank.open("memory:")
    for id in ("a", "b", "c"):
        bank.open_account(id, kind="group")
    bank.transfer(earner={"a": 2, "b": 2, "c": 1}, spender={"a": 1, "b": 2, "c": 2}, hours=None)
    agrees(bank, name, tmp_path)


def test_a_reversal_names_its_original(bank: TimeBank, name: str) -> None:
    """By its id; in beancount by a link, too."""
    text = "\n".join(FORMATS[name][0](bank))
    assert 1 == text.count("reverses: " + ('"visit-81"' if name == "beancount" else "visit-81"))
    if name == "beancount":
        assert '2026-03-02 * "reversal" ^r7 ^r5' in text


def test_both_clocks_come_through(bank: TimeBank, name: str) -> None:
    """The day of service is the date, the instant of record a tag."""
    text = "\n".join(FORMATS[name][0](bank))
    assert "2026-03-02 * " in text
    assert "recorded_at: " in text
    assert "T09:05:00+00:00" in text


def test_who_may_not_read_all_may_not_export(name: str) -> None:
    """It is the whole journal."""
    bank = timebank.open("memory:", permissions=lambda _: False)
    with pytest.raises(NotPermitted):
        FORMATS[name][0](bank)


ids = st.text(
    st.characters(exclude_categories=("Cc", "Cs")) | st.sampled_from("aZ-_ :;.()[]09"),
    min_size=1,
    max_size=8,
)


@given(ids, ids)
def test_two_ids_are_two_names(name: str, one: str, other: str) -> None:
    """Whatever they are, and however short: no two ids meet in one name."""
    escape = beancount.escaped if name == "beancount" else hledger.escaped
    assert (one == other) == (escape(one) == escape(other))
    assert escape(one).isascii()


def test_the_command(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To standard output; what does not divide is one line, and nothing is printed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIMEBANK_DB", "bank.db")
    with timebank.open("sqlite:///bank.db", **doors()) as bank:
        fill(bank)
    done = CliRunner().invoke(main, ["export", name])
    assert (0, "") == (done.exit_code, done.stderr)
    with timebank.open("sqlite:///bank.db", **doors()) as bank:
        assert list(FORMATS[name][0](bank)) == done.stdout.splitlines()
        bank.transfer(earner="m1", spender="f1", hours="1s")
    done = CliRunner().invoke(main, ["export", name, "--unit", "hours"])
    assert (2, "", 1) == (done.exit_code, done.stdout, done.stderr.count("\n"))
    done = CliRunner().invoke(main, ["export", name, "--without-texts"])
    assert (0, False) == (done.exit_code, "accompanied" in done.stdout)
