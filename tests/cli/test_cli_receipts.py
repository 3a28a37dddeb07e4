"""`timebank receipt` and `timebank verify-receipt`: what they print, in which language."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import timebank
from timebank.cli import main
from timebank.proof import Receipt, SigningKey, origin_of, sign_head

SIGNED = 1_700_000_000


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a bank, its key, its public key, a neighbour's key, and a receipt."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIMEBANK_DB", "bank.db")
    with timebank.open("bank.db") as bank:
        bank.open_account("m1", name="Maria Rossi")
        bank.open_account("f1", name="Famiglia Bianchi", kind="group")
        bank.transfer(earner="m1", spender="f1", hours="1:30", id="visit", note="alla visita")
        key = SigningKey.make(origin_of(bank.head().journal))
        key.write("bank.key")
        Path("bank.pub").write_text(f"{key.public}\n", encoding="utf-8")
        witness = SigningKey.make("vicini", witness=True)
        Path("vicini.pub").write_text(f"{witness.public}\n", encoding="utf-8")
        head = sign_head(bank, key)
        head = head.cosigned(witness.cosign(head.note.text, SIGNED))
        Path("head").write_text(str(head), encoding="utf-8")
    Path("visit.tlog-proof").write_text(well("receipt", "visit", "--key", "bank.key"), "utf-8")
    return tmp_path


def call(*words: str) -> Result:
    """A command, and how it ended."""
    return CliRunner().invoke(main, words, prog_name="timebank")


def well(*words: str) -> str:
    """What a command that ends well prints."""
    result = call(*words)
    assert (0, "") == (result.exit_code, result.stderr)
    return result.stdout


def refused(code: int, message: str, *words: str) -> None:
    """A command that is refused says why on one line, and prints nothing."""
    result = call(*words)
    assert (code, f"timebank: {message}\n", "") == (
        result.exit_code,
        result.stderr,
        result.stdout,
    )


def test_a_receipt_is_read_by_who_has_the_key_alone(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a bank; the sentence of what was taken back comes with the next receipt."""
    monkeypatch.delenv("TIMEBANK_DB")
    told = well("verify-receipt", "visit.tlog-proof", "--key", "bank.pub")
    for part in ("The receipt holds.", "Maria Rossi (m1)", "1:30", "alla visita", "It stands"):
        assert part in told
    for key in ("bank.key", Path("bank.pub").read_text("utf-8").strip()):
        assert told == well("verify-receipt", "visit.tlog-proof", "--key", key)
    monkeypatch.setenv("TIMEBANK_DB", "bank.db")
    well("reverse", "visit", "--reason", "no", "--id", "back")
    Path("later").write_text(well("receipt", "visit", "--key", "bank.key"), "utf-8")
    told = well("--lang", "it", "verify-receipt", "later", "--key", "bank.pub")
    for part in ("La ricevuta è valida.", "Ha dato:", "È stato stornato per intero."):
        assert part in told
    Path("back").write_text(well("receipt", "back", "--key", "bank.key"), "utf-8")
    told = well("--lang", "it", "verify-receipt", "back", "--key", "bank.pub")
    assert "  È valido.\n" in told, "of what took back it is not said that nothing was taken back"


def test_a_receipt_as_a_page_is_checked_too(folder: Path) -> None:
    """In both languages, with the name of the association; also where a machine wrote CRLF."""
    for language, title in (("en", "Receipt of an exchange"), ("it", "Ricevuta di uno scambio")):
        page = well(
            *("receipt", "visit", "--key", "bank.key", "--html", "--lang", language),
            *("--title", "Banca di via Roma"),
        )
        assert title in page
        assert "Banca di via Roma" in page
        for text in (page, page.replace("\n", "\r\n")):
            Path("page.html").write_bytes(text.encode())
            told = well("verify-receipt", "page.html", "--key", "bank.pub")
            assert told == well("verify-receipt", "visit.tlog-proof", "--key", "bank.pub")


def test_a_pdf_of_the_page_is_told_to_be_paper(folder: Path) -> None:
    """Whoever printed the page into a file is told which file to ask for."""
    Path("page.pdf").write_bytes(b"%PDF-1.4\n\xd3\xeb\xe9\xe1")
    words = ("verify-receipt", "page.pdf", "--key", "bank.pub")
    refused(
        1,
        "this is no receipt: a PDF is like paper: what is checked is the file, or the page as HTML",
        *words,
    )
    assert "si controlla il file della ricevuta" in call("--lang", "it", *words).stderr


def test_a_receipt_says_no_names_where_none_are_wanted(folder: Path) -> None:
    page = well("receipt", "visit", "--key", "bank.key", "--no-texts")
    Path("bare").write_text(page, "utf-8")
    told = well("verify-receipt", "bare", "--key", "bank.pub")
    assert "Maria" not in told
    assert "alla visita" not in told
    assert "What for: a text that is not shown on this receipt" in told


def test_a_receipt_up_to_a_published_head(folder: Path) -> None:
    """Its witnesses are told where their keys are given; else they are not checked."""
    Path("old").write_text(well("receipt", "visit", "--key", "bank.key", "--head", "head"), "utf-8")
    told = well("verify-receipt", "old", "--key", "bank.pub", "--witness", "vicini.pub")
    assert "Cosigned by: vicini, 2023-11-14 22:13 UTC" in told
    told = well("verify-receipt", "old", "--key", "bank.pub")
    assert "Not checked: the signature of vicini: its key was not given" in told
    vkeys = [Path(f"{name}.pub").read_text("utf-8").strip() for name in ("bank", "vicini")]
    lines = f"log {vkeys[0]}\nwitness v {vkeys[1]}\nquorum v\n"
    Path("policy").write_text(lines, encoding="utf-8")
    assert "Cosigned by" in well("verify-receipt", "old", "--policy", "policy")
    refused(
        1,
        "the head is not cosigned by as many witnesses as the policy asks for",
        *("verify-receipt", "visit.tlog-proof", "--policy", "policy"),
    )
    well("transfer", "--earner", "m1", "--spender", "f1", "--hours", "1", "--id", "new")
    refused(
        1,
        "'new' is record 4, which came behind this head of 3 records",
        *("receipt", "new", "--key", "bank.key", "--head", "head"),
    )
    refused(
        1,
        "Lo scambio new è la registrazione 4, e questa testa arriva a 3: se ne prenda una più "
        "recente.",
        *("--lang", "it", "receipt", "new", "--key", "bank.key", "--head", "head"),
    )


def test_a_head_of_another_system_or_in_a_request_is_taken(folder: Path) -> None:
    """As by all other commands that take a signed head."""
    made = well("receipt", "visit", "--key", "bank.key", "--head", "head")
    head = Path("head").read_bytes()
    Path("sent").write_bytes(b"\xef\xbb\xbf" + head.replace(b"\n", b"\r\n"))
    assert made == well("receipt", "visit", "--key", "bank.key", "--head", "sent")
    Path("asked").write_bytes(b"old 0\n\n" + head)
    assert made == well("receipt", "visit", "--key", "bank.key", "--head", "asked")


def test_a_program_reads_what_is_proved(folder: Path) -> None:
    """As JSON: the exchange as everywhere, the bank's word, whose signatures hold."""
    found = json.loads(
        well("verify-receipt", "visit.tlog-proof", "--key", "bank.pub", "--format", "json")
    )
    shown = json.loads(well("transfer", *SAME, "--format", "json"))
    assert {**shown, "repeated": False} == found["exchange"]
    assert ("stands", 3, 3) == (found["word"]["status"], found["record"], found["size"])
    assert [Path("bank.pub").read_text("utf-8").strip()] == found["signers"]
    with timebank.open("bank.db") as bank:
        assert bank.head().root.hex() == found["root"]


SAME = (
    "--earner",
    "m1",
    "--spender",
    "f1",
    "--hours",
    "1:30",
    "--id",
    "visit",
    "--note",
    "alla visita",
)


def test_what_does_not_hold_ends_with_1_and_a_sentence(folder: Path) -> None:
    """In both languages: a changed byte, another key, no receipt, a page without one."""
    text = Path("visit.tlog-proof").read_text("utf-8")
    made = Receipt.of(text)
    Path("changed").write_text(text.replace("index 2", "index 1"), "utf-8")
    refused(
        1,
        "La registrazione nella ricevuta è di un altro registro, o ha un altro numero, da quanto "
        "dice la ricevuta: è stata cambiata.",
        *("--lang", "it", "verify-receipt", "changed", "--key", "bank.pub"),
    )
    other = SigningKey.make(made.head.checkpoint.origin)
    assert 1 == call("verify-receipt", "visit.tlog-proof", "--key", str(other.public)).exit_code
    for name in ("bank.pub", "head"):
        result = call("--lang", "it", "verify-receipt", name, "--key", "bank.pub")
        assert (1, "") == (result.exit_code, result.stdout)
        assert result.stderr.startswith("timebank: Non è una ricevuta:")
    Path("page.html").write_text("<p>A receipt of an exchange</p>", "utf-8")
    refused(
        1,
        "In questa pagina non c'è una ricevuta, o ce n'è più d'una.",
        *("--lang", "it", "verify-receipt", "page.html", "--key", "bank.pub"),
    )
    Path("photo.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    assert 1 == call("verify-receipt", "photo.jpg", "--key", "bank.pub").exit_code


def test_a_wrong_use_ends_with_2(folder: Path) -> None:
    """No key, no file, the public key to sign with, an exchange that is not there."""
    for words in (
        ("verify-receipt", "visit.tlog-proof"),
        ("verify-receipt", "nothing", "--key", "bank.pub"),
        ("verify-receipt", "visit.tlog-proof", "--key", "nothing"),
        ("verify-receipt", ".", "--key", "bank.pub"),
        ("receipt", "visit"),
        ("receipt", "visit", "--key", "bank.pub"),
        ("receipt", "visit", "--key", "nothing"),
        ("receipt", "nothing", "--key", "bank.key"),
        ("receipt", "visit", "--key", "bank.key", "--head", "nothing"),
    ):
        for language in ("en", "it"):
            result = call("--lang", language, *words)
            assert (2, "") == (result.exit_code, result.stdout), words
            assert 1 == result.stderr.count("\n"), result.stderr
