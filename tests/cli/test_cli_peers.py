"""The command line for two boards: agreements, exchanges in one storage, messages, what they read.

Isola and Bovisa are each in a file of its own, with a key; and both are in a third file, which they
share. Names are no English words, so that what is told in Italian can be looked through.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import timebank
from cli.test_cli_walk_words import commands, english
from timebank import TimeBank, federation
from timebank.cli import main
from timebank.proof import SigningKey, origin_of

NAMES = {"isola": ("anna", "Anna Verdi"), "bovisa": ("bruno", "Bruno Neri")}


@pytest.fixture(scope="module")
def beginning(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two banks that have not agreed yet: each in its file, with its key, and both in one."""
    made = tmp_path_factory.mktemp("beginning")
    for name, (id, person) in NAMES.items():
        with timebank.open(made / f"{name}.db") as bank:
            bank.open_account(id, name=person)
            bank.open_account("fondo", kind="fund")
            SigningKey.make(origin_of(bank.head().journal)).write(made / f"{name}.key")
        with timebank.open(made / "both.db", bank=name) as bank:
            bank.open_account(id, name=person)
            bank.open_account("fondo", kind="fund")
    return made


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, beginning: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with all of this, in which commands run."""
    shutil.copytree(beginning, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(bank: str, *words: str, db: str = "", lang: str = "en") -> Result:
    """A command of one of the two, and how it ended."""
    where = ["--db", db, "--bank", bank] if db else ["--db", f"{bank}.db"]
    return CliRunner().invoke(main, ["--lang", lang, *where, *words], prog_name="timebank")


def well(bank: str, *words: str, db: str = "") -> str:
    """What a command that ends well prints."""
    result = call(bank, *words, db=db)
    assert (0, "") == (result.exit_code, result.stderr), result.output
    return result.stdout


def both(bank: str, *words: str) -> str:
    """What a command prints that ends well, where both are in one storage."""
    return well(bank, *words, db="both.db")


def agree() -> None:
    """Both boards hand their cards over, and agree."""
    for own, limits in (("isola", ("20", "20")), ("bovisa", ("30", "10"))):
        args = ["--they-may-owe", limits[0], "--we-may-owe", limits[1]]
        card = well(own, "peers", "card", "--key", f"{own}.key", "--name", own.title(), *args)
        Path(f"{own}.card").write_text(card, "utf-8")
    well("isola", "peers", "agree", "bovisa.card", "--they-may-owe", "20", "--we-may-owe", "20")
    well("bovisa", "peers", "agree", "isola.card", "--they-may-owe", "30", "--we-may-owe", "10")


def agree_in_one() -> None:
    """Both agree, in one storage."""
    both("isola", "peers", "agree", "bovisa", "--they-may-owe", "20", "--we-may-owe", "none")
    both("bovisa", "peers", "agree", "isola", "--they-may-owe", "15", "--we-may-owe", "10")


def offer(id: str, *more: str, earner: str = "bruno", hours: str = "2") -> str:
    """Offer hours of Anna to Bovisa, and return the file of the message."""
    sides = ["--spender", "anna", "--earner", earner, "--hours", hours]
    args = ["--id", id, "--key", "isola.key", "--out", f"{id}.msg"]
    well("isola", "peers", "offer", "Bovisa", *sides, *args, *more)
    return f"{id}.msg"


def answered(file: str) -> str:
    """Let Bovisa answer, and return the file of the answer."""
    well("bovisa", "peers", "answer", file, "--key", "bovisa.key", "--out", f"{file}.ans")
    return f"{file}.ans"


# -- agreements --------------------------------------------------------------------------


def test_both_limits_of_both_are_shown_and_the_smaller_holds() -> None:
    """By cards between two files as within one storage, and to both boards alike."""
    agree()
    agree_in_one()
    for one in (well("isola", "peers", "show", "bovisa"), both("isola", "peers", "show", "bovisa")):
        assert re.search(r"They may owe +20:00 +10:00 +10:00 +0:00\n", one)
    assert re.search(
        r"We may owe +20:00 +30:00 +20:00 +0:00\n", well("isola", "peers", "show", "Bovisa")
    )
    assert re.search(
        r"We may owe +no limit +15:00 +15:00 ", both("isola", "peers", "show", "bovisa")
    )
    shape = json.loads(both("bovisa", "peers", "show", "isola", "--format", "json"))
    assert {"they_may_owe": "15:00", "we_may_owe": "10:00"} == shape["limits"]
    assert {"they_may_owe": None, "we_may_owe": "20:00"} == shape["theirs"]


def test_an_agreement_is_suspended_and_goes_on_with_its_limits() -> None:
    agree_in_one()
    assert "is suspended" in both("isola", "peers", "suspend", "bovisa", "--reason", "x")
    shut = call("isola", "peers", "transfer", "bovisa", *SIDES, db="both.db")
    assert (1, "") == (shut.exit_code, shut.stdout)
    assert "the agreement with it is suspended" in shut.stderr
    assert "in force" in both("isola", "peers", "agree", "bovisa")
    shape = json.loads(both("isola", "peers", "list", "--format", "json"))[0]
    assert {"they_may_owe": "20:00", "we_may_owe": None} == shape["ours"]
    both("isola", "peers", "end", "bovisa", "--reason", "x")
    assert "ended" in both("isola", "peers", "list")


@pytest.mark.parametrize("spoilt", ["journal", "name", "key", "you-may-owe-us", "we-may-owe-you"])
def test_a_card_with_another_line_is_refused(spoilt: str) -> None:
    """Or says something else: a line that is missing, twice, or unknown is told of."""
    agree()
    lines = Path("isola.card").read_text("utf-8").splitlines()
    (line,) = [one for one in lines if one.startswith(spoilt)]
    for number, kept in enumerate(([*lines, line], [*lines, f"x{line}"], lines[1:])):
        Path(f"{number}.card").write_text("\n".join(kept), "utf-8")
        result = call("bovisa", "peers", "agree", f"{number}.card", lang="it")
        assert 2 == result.exit_code
        assert "scheda" in result.stderr
    key = next(one for one in lines if one.startswith("key"))
    other = next(
        one for one in Path("bovisa.card").read_text("utf-8").splitlines() if one.startswith("key")
    )
    Path("mixed.card").write_text("\n".join(lines).replace(key, other), "utf-8")
    assert "another" in call("bovisa", "peers", "agree", "mixed.card").stderr or "is of" in (
        call("bovisa", "peers", "agree", "mixed.card").stderr
    )


def test_a_card_may_have_gone_through_a_mail() -> None:
    """With empty lines, blanks at the ends, and the ends of lines of another system."""
    agree()
    text = Path("isola.card").read_text("utf-8")
    Path("mail.card").write_bytes(b"\xef\xbb\xbf\r\n" + text.replace("\n", " \r\n\r\n").encode())
    assert "in force" in well("bovisa", "peers", "agree", "mail.card")


# -- one storage -------------------------------------------------------------------------

SIDES = ["--spender", "anna", "--earner", "bruno", "--hours", "2"]


def test_an_exchange_is_booked_in_both_banks_or_refused_with_why() -> None:
    agree_in_one()
    told = both("isola", "peers", "transfer", "bovisa", *SIDES, "--id", "x1")
    assert (
        "x1: 2:00 from anna to bruno (bovisa) is booked in both banks: record 6 here, 5 there\n"
        == told
    )
    assert told == both("isola", "peers", "transfer", "bovisa", *SIDES, "--id", "x1")
    both("bovisa", "account", "limits", "bruno", "--ceiling", "3")
    shut = call("isola", "peers", "transfer", "bovisa", *SIDES, "--id", "x2", db="both.db")
    assert (1, "") == (shut.exit_code, shut.stderr)
    assert (
        "refused by bovisa: the account may not earn so much. The hours are free again"
        in shut.stdout
    )
    assert "bruno (bovisa)" in both("isola", "statement", "anna")
    assert "peer:" not in both("isola", "statement", "anna")
    assert "2026" not in both("isola", "peers", "resume")


def test_who_is_meant_in_the_other_bank_is_found_or_told() -> None:
    """By name, too; and what the other board has not done yet is said."""
    both("isola", "peers", "agree", "bovisa", "--they-may-owe", "1", "--we-may-owe", "9")
    alone = call("isola", "peers", "transfer", "bovisa", *SIDES, db="both.db")
    assert "has not agreed with this bank yet" in alone.stderr
    both("bovisa", "peers", "agree", "isola", "--they-may-owe", "9", "--we-may-owe", "1")
    named = ["--spender", "anna verdi", "--earner", "BRUNO NERI", "--hours", "1"]
    assert "to bruno (bovisa)" in both("isola", "peers", "transfer", "bovisa", *named)
    slip = call(
        "isola", "peers", "transfer", "bovisa", *SIDES[:3], "brun", *SIDES[4:], db="both.db"
    )
    assert "bovisa has no account 'brun'; perhaps bruno Bruno Neri" in slip.stderr
    slip = call("isola", "peers", "show", "bovsa", db="both.db")
    assert "'bovsa' is no bank of this storage" in slip.stderr
    assert "there is bovisa" in slip.stderr


def test_what_a_stop_left_is_finished() -> None:
    agree_in_one()
    with timebank.open("both.db", bank="isola") as isola:
        bovisa = TimeBank(isola.store, bank="bovisa", create=False)
        federation.make_offer(isola, bovisa, spender="anna", earner="bruno", hours=1, id="x1")
    assert "1 offer waits for an answer, 1:00 in all:\n  x1: 1:00 of anna for bruno (bovisa)" in (
        both("isola", "peers", "show", "bovisa")
    )
    assert "x1: 1:00 from anna to bruno (bovisa) is booked in both" in both(
        "isola", "peers", "resume"
    )
    assert "Nothing was left" in both("isola", "peers", "resume")


def test_a_reversal_is_of_the_bank_of_who_had_earned() -> None:
    """It is found by the other's offer too, and both statements call it what it is."""
    agree_in_one()
    both("isola", "peers", "transfer", "bovisa", *SIDES, "--id", "x1", "--note", "stiro")
    there = call("isola", "peers", "reverse", "x1", "--reason", "sole", db="both.db")
    assert "was earned in the other bank" in there.stderr
    told = both("bovisa", "peers", "reverse", "x1", "--reason", "sole", "--hours", "0:30")
    assert "0:30 from bruno to isola is booked in both banks" in told
    for bank, who in (("isola", "anna"), ("bovisa", "bruno")):
        shape = json.loads(both(bank, "statement", who, "--format", "json"))
        made, back = shape["lines"]
        assert ("taken_back", "reversal", "sole") == tuple(
            back[k] for k in ("counts_as", "kind", "reason")
        )
        assert made["sequence"] == back["takes_back"]["sequence"]
        assert (made["occurred_on"], False) == (made["taken_back_on"], made["taken_back_whole"])
        assert 1 == shape["totals"]["taken_back"]["number"]
    assert (
        1
        == call(
            "bovisa", "peers", "reverse", "x1", "--reason", "y", "--hours", "9", db="both.db"
        ).exit_code
    )


def test_what_will_never_be_paid_is_written_off() -> None:
    agree_in_one()
    both("isola", "peers", "transfer", "bovisa", *SIDES)
    args = ["--account", "fondo", "--hours=-2", "--reason", "x"]
    told = both("isola", "peers", "write-off", "bovisa", *args)
    assert "2:00 of what is owed to bovisa is written off, to fondo" in told
    assert "note: written off" in told
    both("isola", "peers", "end", "bovisa", "--reason", "x")


# -- two servers -------------------------------------------------------------------------


def test_an_offer_its_answer_and_its_end() -> None:
    """Files come and go; each command may be given again, and says the same."""
    agree()
    file = offer("x1", "--note", "stiro", "--with-note")
    assert "Offer x1 of Isola: 2:00\n  earns: bruno\n" in well("bovisa", "peers", "read", file)
    assert "note: stiro" in well("bovisa", "peers", "read", file)
    answer = answered(file)
    first = Path(answer).read_bytes()
    assert first == Path(answered(file)).read_bytes()
    for _ in range(2):
        told = well("isola", "peers", "conclude", answer, "--key", "isola.key")
        assert "x1: 2:00 from anna to bruno (Bovisa) is booked, as record" in told
    assert "stiro" in well("bovisa", "statement", "bruno")
    assert "Isola" in well("bovisa", "statement", "bruno")


def test_a_refusal_frees_the_hours_and_says_why() -> None:
    agree()
    answer = answered(offer("x1", earner="nessuno"))
    result = call("isola", "peers", "conclude", answer)
    assert (1, "") == (result.exit_code, result.stderr)
    assert (
        "refused by Bovisa: there is no account of that address. The hours are free"
        in result.stdout
    )


def test_an_offer_that_is_taken_back_is_answered_too() -> None:
    agree()
    file = offer("x1")
    well("isola", "peers", "cancel", "x1", "--key", "isola.key", "--out", "c.msg")
    answer = answered("c.msg")
    assert "is refused: it was taken back" in well(
        "bovisa", "peers", "answer", file, "--key", "bovisa.key", "--out", "z"
    )
    assert "it was taken back" in call("isola", "peers", "conclude", answer).stdout


def test_a_request_is_for_the_board() -> None:
    agree()
    args = ["--earner", "bruno", "--spender", "anna", "--hours", "0:30", "--key", "bovisa.key"]
    well("bovisa", "peers", "request", "Isola", *args, "--out", "q.msg")
    result = call("isola", "peers", "receive", "q.msg", "--key", "isola.key")
    assert 1 == result.exit_code
    assert "board" in result.stderr
    well("isola", "peers", "grant", "q.msg", "--key", "isola.key", "--out", "g.msg")
    assert "Offer request-" in well("bovisa", "peers", "read", "g.msg")


def test_a_folder_carries_all_of_it() -> None:
    """Three times it is looked at, and the two mirror each other."""
    agree()
    offer("x1")
    told = [
        well(bank, "peers", "folder", "stick", "--key", f"{bank}.key")
        for bank in ("isola", "bovisa", "isola")
    ]
    assert "1 message left for the others." in told[0]
    assert "Offer x1 of Isola: 2:00" in told[1]
    assert "From Bovisa: offer x1 of 2:00 is booked there" in told[2]
    well("bovisa", "peers", "position", "Isola", "--key", "bovisa.key", "--out", "p.msg")
    assert "mirror each other: 2:00 here, -2:00 at Bovisa" in well(
        "isola", "peers", "reconcile", "Bovisa", "p.msg"
    )
    Path("stick/notes.txt").write_text("x", "utf-8")
    assert "0 messages taken in." in well("isola", "peers", "folder", "stick", "--key", "isola.key")


def test_what_nobody_answers_is_given_up_and_booked_if_it_is_answered_after_all() -> None:
    agree()
    file = offer("x1")
    told = well("isola", "peers", "abandon", "x1", "--reason", "silenzio")
    assert "x1: 2:00 of anna for bruno (Bovisa) given up" in told
    well("isola", "peers", "conclude", answered(file))
    shape = json.loads(well("isola", "statement", "anna", "--format", "json"))
    assert "-2:00" == shape["closing"]
    assert "given up" in well("isola", "journal", "--format", "text")


def test_a_message_that_was_changed_is_refused_with_a_sentence() -> None:
    """And a message for another bank, and a file that is none."""
    agree()
    file = Path(offer("x1"))
    Path("forged").write_bytes(file.read_bytes().replace(b'"seconds":7200', b'"seconds":7201'))
    Path("words").write_text("ciao", "utf-8")
    Path("empty").write_text("", "utf-8")
    for name, bank in (
        ("forged", "bovisa"),
        ("x1.msg", "isola"),
        ("words", "bovisa"),
        ("empty", "bovisa"),
    ):
        result = call(bank, "peers", "answer", name, "--key", f"{bank}.key")
        assert (1, "") == (result.exit_code, result.stdout), name
        assert 1 == result.stderr.count("\n")


def test_two_offers_of_one_id_leave_a_file_of_evidence() -> None:
    """A bank restored from a copy offers otherwise under the same id: nobody answers it."""
    agree()
    shutil.copy("isola.db", "copy.db")
    answered(offer("x1"))
    shutil.copy("copy.db", "isola.db")
    result = call("bovisa", "peers", "answer", offer("x1", hours="3"), "--key", "bovisa.key")
    assert (1, "") == (result.exit_code, result.stdout)
    (evidence,) = Path().glob("*.evidence*")
    assert evidence.name in result.stderr


@pytest.mark.parametrize(
    ("bank", "words", "said"),
    [
        ("isola", ["peers", "reverse", "own", "--reason", "x"], "is no exchange with another bank"),
        ("isola", ["peers", "reverse", "nulla", "--reason", "x"], "no transfer 'nulla'"),
        ("isola", ["peers", "agree", "terza", "--they-may-owe", "1"], "is no bank of this storage"),
        ("isola", ["peers", "agree", "x" * 5000, "--they-may-owe", "1"], "is no bank of this"),
        ("isola", ["peers", "agree", "bovisa", "--they-may-owe=-1"], "is neither hours like 20"),
        ("isola", ["peers", "show", "terza"], "there is bovisa"),
        ("bovisa", ["peers", "message", "nulla", "--key", "bovisa.key"], "under 'nulla'"),
    ],
)
def test_a_slip_of_a_hurried_treasurer_is_told(bank: str, words: list[str], said: str) -> None:
    agree_in_one()
    both("isola", "account", "open", "carla")
    both(
        "isola", "transfer", "--earner", "carla", "--spender", "anna", "--hours", "1", "--id", "own"
    )
    with timebank.open("both.db", bank="bovisa") as opened:
        SigningKey.make(origin_of(opened.head().journal)).write("both.key")
    words = [one.replace("bovisa.key", "both.key") for one in words]
    result = call(bank, *words, db="both.db")
    assert result.exit_code in {1, 2}
    assert said in result.stderr


def test_a_key_may_be_given_beside_the_card_or_without_one() -> None:
    """Two files that were handed over: the journal's id, and the key."""
    keys = {}
    for own in NAMES:
        keys[own] = well(own, "key", "show", f"{own}.key").strip()
    journal = keys["bovisa"].split("+")[0].removeprefix("timebank/")
    limits = ["--they-may-owe", "1", "--we-may-owe", "2"]
    without = call("isola", "peers", "agree", journal, *limits)
    assert "is no bank of this storage" in without.stderr
    args = ["--key", keys["bovisa"], "--name", "Bovisa"]
    assert "in force" in well("isola", "peers", "agree", journal, *limits, *args)
    other = call("isola", "peers", "agree", "Bovisa", "--key", keys["isola"])
    assert (
        "it is another bank's"
        in call("isola", "--lang", "en", "peers", "agree", "Bovisa", "--key", keys["isola"]).stderr
        or "and the bank is" in other.stderr
    )


def test_a_message_is_printed_where_no_file_is_named_and_read_from_a_pipe() -> None:
    agree()
    file = offer("x1")
    result = call("bovisa", "peers", "answer", file, "--key", "bovisa.key")
    assert (0, "{") == (result.exit_code, result.stdout[0])
    assert "timebank: To Isola: offer x1 of 2:00 is booked here\n" == result.stderr
    args = ["--lang", "en", "--db", "isola.db", "peers", "conclude", "-"]
    piped = CliRunner().invoke(main, args, prog_name="timebank", input=result.stdout)
    assert "is booked, as record" in piped.stdout
    waits = call("isola", "peers", "outbox", "Bovisa", "--key", "isola.key")
    assert (0, "") == (waits.exit_code, waits.stdout)
    assert "Nothing waits" in waits.stderr


def test_a_request_may_ask_that_an_exchange_be_moved_back() -> None:
    """By the bank of who had earned it, which offers that then."""
    agree()
    well("isola", "peers", "conclude", answered(offer("x1")))
    (line,) = json.loads(well("isola", "statement", "anna", "--format", "json"))["lines"]
    assert line["across"]["offer"] == "x1"
    args = ["--reverses", "x1", "--hours", "1", "--key", "isola.key", "--out", "q.msg"]
    well("isola", "peers", "request", "Bovisa", *args)
    assert "moves back" in well("bovisa", "peers", "read", "q.msg")
    grant = ["--reason", "sole", "--key", "bovisa.key", "--out", "g.msg"]
    well("bovisa", "peers", "grant", "q.msg", *grant)
    well("isola", "peers", "receive", "g.msg", "--key", "isola.key", "--out", "g.ans")
    well("bovisa", "peers", "receive", "g.ans", "--key", "bovisa.key")
    assert "1:00" == json.loads(well("bovisa", "balance", "bruno", "--format", "json"))["posted"]


def test_what_a_restored_bank_has_lost_is_brought_in_again() -> None:
    """As the page tells it: a loss is declared, the bank readmitted, its acceptance given back."""
    agree()
    shutil.copy("bovisa.db", "copy.db")
    well("isola", "peers", "conclude", answered(offer("x1")))
    shutil.copy("copy.db", "bovisa.db")
    file = offer("x2", hours="1")
    lost = call("bovisa", "peers", "answer", file, "--key", "bovisa.key")
    assert (2, "") == (lost.exit_code, lost.stdout)
    (head,) = re.findall("--head '(.*)'", lost.stderr)
    well("bovisa", "account", "open", "carla")
    well("bovisa", "history", "accept", "--reason", "copia", "--head", head)
    well("bovisa", "peers", "position", "Isola", "--key", "bovisa.key", "--out", "p.msg")
    forked = call("isola", "peers", "reconcile", "Bovisa", "p.msg")
    assert 1 == forked.exit_code
    assert "continue" in forked.stderr
    well("isola", "peers", "readmit", "Bovisa", "p.msg", "--reason", "copia")
    found = json.loads(
        call("isola", "peers", "reconcile", "Bovisa", "p.msg", "--format", "json").stdout
    )
    assert {("x1", "only here"), ("x2", "offered")} == {
        (one["offer"], one["status"]) for one in found["items"]
    }
    well("isola", "peers", "message", "x1", "--key", "isola.key", "--out", "back.msg")
    told = well("bovisa", "peers", "bring-in", "back.msg", "--key", "bovisa.key")
    assert "2:00 from Isola to bruno" in told
    assert "note: brought in again" in told
    well("isola", "peers", "conclude", answered(file))
    well("bovisa", "peers", "position", "Isola", "--key", "bovisa.key", "--out", "p.msg")
    assert "mirror each other: 3:00 here, -3:00 at" in well(
        "isola", "peers", "reconcile", "Bovisa", "p.msg"
    )


# -- what people read --------------------------------------------------------------------


def test_what_crosses_banks_is_apart_in_the_impact_report() -> None:
    agree_in_one()
    both("isola", "peers", "transfer", "bovisa", *SIDES, "--id", "x1")
    both("bovisa", "peers", "reverse", "x1", "--reason", "y", "--hours", "0:30")
    none = {"exchanges": 0, "hours": "0:00"}
    some = {"exchanges": 1, "hours": "1:30"}
    for bank, given, received in (("isola", none, some), ("bovisa", some, none)):
        shape = json.loads(both(bank, "report", "impact", "--format", "json"))
        assert (none, given, received) == tuple(
            shape[key] for key in ("exchanges", "given_to_banks", "received_from_banks")
        )
        assert [] == shape["by_month"] == shape["flows"]
        assert 1 == shape["active"]
    assert "Given to other banks" in both("bovisa", "report", "impact")


def test_an_account_of_an_agreement_is_told_of() -> None:
    agree_in_one()
    for words in (
        ["account", "freeze", "bovisa"],
        ["transfer", "--earner", "bovisa", "--spender", "anna", "--hours", "1"],
        ["account", "limits", "bovisa", "--floor", "0"],
    ):
        result = call("isola", *words, db="both.db", lang="it")
        assert 1 == result.exit_code, result.output
        assert "accordo con un'altra banca" in result.stderr


#: Words of the banks' own.
OWN = {"anna", "peer", "bovisa", "bruno", "isola", "verdi", "neri", "lume", "fondo"}
#: What each command is given, behind what went before it; `None`: nothing but a file is told.
WALK: dict[str, list[str]] = {
    "list": [],
    "show": ["Bovisa"],
    "card": ["--they-may-owe", "1", "--we-may-owe", "none"],
    "agree": ["Bovisa", "--they-may-owe", "9"],
    "offer": [
        "Bovisa",
        *SIDES,
        "--id",
        "x8",
        "--key",
        "isola.key",
        "--note",
        "stiro",
        "--with-note",
    ],
    "outbox": ["Bovisa", "--key", "isola.key", "--out", "o.msg"],
    "message": ["x9", "--key", "isola.key"],
    "cancel": ["x9", "--key", "isola.key", "--out", "c.msg"],
    "read": ["q.msg"],
    "grant": ["q.msg", "--key", "isola.key", "--out", "g.msg"],
    "request": [
        "Bovisa",
        "--earner",
        "anna",
        "--hours",
        "1",
        "--key",
        "isola.key",
        "--out",
        "r.msg",
    ],
    "answer": ["b1.msg", "--key", "isola.key", "--out", "b1.ans"],
    "receive": ["b1.msg", "--key", "isola.key", "--out", "b1.ans"],
    "conclude": ["x1.msg.ans"],
    "bring-in": ["x1.msg.ans", "--key", "isola.key", "--spender", "anna"],
    "reverse": ["b1", "--reason", "sole", "--key", "isola.key", "--out", "v.msg"],
    "folder": ["stick", "--key", "isola.key"],
    "position": ["Bovisa", "--key", "isola.key", "--out", "p.msg"],
    "reconcile": ["Bovisa", "pos.msg"],
    "abandon": ["x9", "--reason", "silenzio"],
    "readmit": ["Bovisa", "pos.msg", "--reason", "persa"],
    "write-off": ["Bovisa", "--account", "fondo", "--hours=-1", "--reason", "chiusa"],
    "suspend": ["Bovisa", "--reason", "trasloco"],
}
#: Commands that are refused, or end with 1.
SHUT: dict[str, list[str]] = {
    "transfer": ["Bovisa", *SIDES],
    "end": ["Bovisa", "--reason", "basta"],
    "agree": ["nulla", "--they-may-owe", "9"],
    "conclude": ["x2.msg.ans"],
    "read": ["isola.card"],
    "reverse": ["x1", "--reason", "sole", "--key", "isola.key"],
    "reconcile": ["Bovisa"],
    "write-off": ["Bovisa", "--account", "fondo", "--hours", "0", "--reason", "x"],
}


@pytest.fixture(scope="module")
def walked(beginning: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], None]:
    """What lays the files of two banks that have exchanged everything into the folder."""
    made = tmp_path_factory.mktemp("walked")
    shutil.copytree(beginning, made, dirs_exist_ok=True)
    with contextlib.chdir(made):
        agree()
        well("isola", "peers", "conclude", answered(offer("x1")), "--key", "isola.key")
        answered(offer("x2", earner="nessuno"))
        back = ["--spender", "bruno", "--earner", "anna", "--hours", "1", "--key", "bovisa.key"]
        well("bovisa", "peers", "offer", "Isola", *back, "--id", "b1", "--out", "b1.msg")
        well("isola", "peers", "answer", "b1.msg", "--key", "isola.key", "--out", "b1.ans")
        ask = ["--earner", "bruno", "--spender", "anna", "--hours", "1", "--key", "bovisa.key"]
        well("bovisa", "peers", "request", "Isola", *ask, "--note", "lume", "--out", "q.msg")
        well("bovisa", "peers", "position", "Isola", "--key", "bovisa.key", "--out", "pos.msg")
        offer("x9")
        (made / "b1.msg").rename("old.msg")
        shutil.copy("old.msg", "b1.msg")

    def lay() -> None:
        shutil.copytree(made, Path.cwd(), dirs_exist_ok=True)

    return lay


def test_every_command_on_other_banks_is_walked() -> None:
    named = {name.removeprefix("peers ") for name in commands() if name.startswith("peers ")}
    assert named - {"resume"} == WALK.keys() | SHUT.keys()


@pytest.mark.parametrize("name", WALK)
def test_no_english_is_said_on_other_banks(name: str, walked: Callable[[], None]) -> None:
    walked()
    result = call("isola", "peers", name, *WALK[name], lang="it")
    assert 0 == result.exit_code, result.output
    lines = [one for one in result.output.splitlines() if not one.startswith("{")]
    if name != "card":  # which is a form, in all languages
        told = re.sub(r"timebank/\S+", " ", " ".join(lines))  # a key is letters at random
        assert set() == english(told, WALK[name]) - OWN, result.output


@pytest.mark.parametrize("name", SHUT)
def test_no_english_is_said_by_what_is_refused_on_other_banks(
    name: str, walked: Callable[[], None]
) -> None:
    walked()
    result = call("isola", "peers", name, *SHUT[name], lang="it")
    assert result.exit_code in {1, 2}, result.output
    assert set() == english(result.output, SHUT[name]) - OWN, result.output
