"""The command line for boards and neighbours: keys, signed heads, witnesses, evidence."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from timebank.cli import main
from timebank.proof import Continuation, Evidence, SignedHead, Witness, keys_of
from timebank.proof.notes import signatures_of


@pytest.fixture(scope="module")
def beginning(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bank of three members with its key, a neighbour who trusts it, and a copy of the bank."""
    made = tmp_path_factory.mktemp("beginning")
    with contextlib.chdir(made), pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIMEBANK_DB", "bank.db")
        well("init")
        grow("m1", "m2", "m3")
        well("backup", "copy.db")
        well("key", "make", "bank.key")
        store("bank.pub", well("key", "show", "bank.key"))
        well("key", "make", "anna/key", "--witness", "anna.example")
        well("witness", "--folder", "anna", "--trust", "bank.pub")
    return made


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, beginning: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with all of this, in which commands run."""
    shutil.copytree(beginning, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIMEBANK_DB", "bank.db")
    return tmp_path


def call(*words: str, given: str | bytes | None = None, lang: str = "en") -> Result:
    """A command, and how it ended."""
    return CliRunner().invoke(main, ["--lang", lang, *words], prog_name="timebank", input=given)


def well(*words: str, given: str | bytes | None = None, lang: str = "en") -> str:
    """What a command that ends well prints."""
    result = call(*words, given=given, lang=lang)
    assert (0, "") == (result.exit_code, result.stderr), result.output
    return result.stdout


def refused(*words: str, code: int, lang: str = "en", printed: str = "") -> str:
    """The one line of a command that says no."""
    result = call(*words, lang=lang)
    assert (code, printed, 1) == (result.exit_code, result.stdout, result.stderr.count("\n")), (
        result.output
    )
    return result.stderr.removeprefix("timebank: ").rstrip("\n")


def grow(*names: str) -> None:
    """Open accounts."""
    for name in names:
        well("account", "open", name)


def store(name: str, text: str) -> str:
    """Keep what a command printed in a file."""
    Path(name).write_text(text, "utf-8", newline="")
    return name


def request(since: str, name: str = "request") -> str:
    """What the bank asks a witness with, in a file."""
    return store(name, well("head", "--sign", "bank.key", "--since", since))


def policy(*, quorum: str = "anna") -> str:
    """What the board asks for, in a file."""
    own = well("key", "show", "anna/key").strip()
    bank = Path("bank.pub").read_text("utf-8").strip()
    return store("policy", f"log {bank}\nwitness anna {own}\nquorum {quorum}\n")


def published() -> str:
    """The head of now, cosigned and published."""
    size = json.loads(well("witness", "--folder", "anna", "--format", "json"))["banks"][0]["size"]
    asked = request(str(size or 0))
    answer = store("answer", well("witness", asked, "--folder", "anna"))
    words = ("--signed", asked, "--policy", policy(), "--cosignatures", answer)
    well("head", "--publish", "published", *words)
    return "published"


@pytest.fixture
def fork(monkeypatch: pytest.MonkeyPatch) -> str:
    """A head is published; then the bank is put back from a copy, and goes on otherwise."""
    grow("m4", "m5")
    place = published()
    monkeypatch.setenv("TIMEBANK_DB", "copy.db")
    grow("x4", "x5", "x6")
    return place


# -- keys ------------------------------------------------------------------------------


def test_a_key_is_made_once_for_its_owner_alone(folder: Path) -> None:
    before = (folder / "bank.key").read_bytes()
    assert stat.S_IMODE((folder / "bank.key").stat().st_mode) == 0o600
    assert "there is a file bank.key already" in refused("key", "make", "bank.key", code=2)
    assert before == (folder / "bank.key").read_bytes()
    assert before.split(b"+")[-1].strip() not in well("key", "show", "bank.key").encode()


def test_a_key_has_the_origin_of_its_bank(folder: Path) -> None:
    journal = json.loads(well("head", "--format", "json"))["journal"]
    [shape] = json.loads(well("key", "show", "bank.key", "--format", "json"))
    assert (f"timebank/{journal}", "ed25519") == (shape["name"], shape["kind"])
    assert [shape["public"]] == [str(key) for key in keys_of(folder / "bank.pub")]
    made = json.loads(well("key", "make", "other.key", "--format", "json"))
    assert (shape["name"], True) == (made["name"], shape["id"] != made["id"])
    [own] = json.loads(well("key", "show", "anna/key", "--format", "json"))
    assert ("anna.example", "cosignature") == (own["name"], own["kind"])


def test_a_witness_s_key_needs_no_bank(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TIMEBANK_DB")
    assert "bruno" in well("key", "make", "bruno/key", "--witness", "bruno")
    told = refused("key", "make", "k", "--witness", "Anna Bini", code=2)
    assert "one word without a plus" in told
    assert "Name the bank's storage" in refused("key", "make", "k", code=2)
    assert not Path("k").exists()


def test_another_key_name_or_origin_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a storage calls the bank is no matter; the journal is, and so is who signs."""
    well("copy", "bank.db", "moved.db", "--to-bank", "elsewhere")
    head = well("--db", "moved.db", "--bank", "elsewhere", "head", "--sign", "bank.key")
    assert head == well("head", "--sign", "bank.key")
    assert "signs for no bank" in refused("head", "--sign", "anna/key", code=2)
    assert "no private key" in refused("head", "--sign", "bank.pub", code=2)
    well("--db", "other.db", "init")
    assert "does not sign for timebank/" in refused(
        "--db", "other.db", "head", "--sign", "bank.key", code=2
    )
    told = refused("--db", "other.db", "head", "--sign", "bank.key", code=2, lang="it")
    assert "non firma per timebank/" in told
    store("head", head)
    well("--db", "other.db", "key", "make", "other.key")
    assert "and the key is that of" in refused(
        "head", "--verify", "head", "--key", "other.key", code=1
    )
    well("key", "make", "second.key")
    assert "is not signed by the key" in refused(
        "head", "--verify", "head", "--key", "second.key", code=1
    )


# -- signed heads ----------------------------------------------------------------------


def test_a_head_is_signed_by_several_keys(folder: Path) -> None:
    well("key", "make", "second.key")
    text = well("head", "--sign", "bank.key", "--sign", "second.key")
    head = SignedHead.of(text)
    keys = keys_of(folder / "bank.pub", folder / "second.key")
    assert keys == head.checked(keys).signers
    store("head", text)
    told = well("head", "--verify", "head", "--key", "bank.pub")
    assert "Head of 3 records of timebank/" in told
    assert "Not checked, for lack of a key: the signature of timebank/" in told
    both = well("head", "--verify", "head", "--key", "bank.pub", "--key", "second.key", lang="it")
    assert both.count("Firmata da timebank/") == 2
    shape = json.loads(well("head", "--sign", "bank.key", "--format", "json"))
    assert (3, head.checkpoint.root.hex()) == (shape["size"], shape["root"])
    assert str(SignedHead.of(shape["text"])) == shape["text"]
    line = well("head").split()
    assert (line[2], line[4]) == ("3", shape["root"])


def test_a_head_is_proved_to_continue_another() -> None:
    first = store("first", well("head", "--sign", "bank.key"))
    grow("m4", "m5")
    asked = request(first)
    assert asked == request("3", "request")
    assert (3, 5) == (
        Continuation.of(Path(asked).read_text("utf-8")).old,
        json.loads(well("head", "--sign", "bank.key", "--since", "3", "--format", "json"))["size"],
    )
    told = well("head", "--verify", asked, "--since", first, "--key", "bank.pub")
    assert "It continues the signed head of 3 records.\n" in told
    assert "Continua la testa firmata di 3 registrazioni.\n" in well(
        "head", "--verify", asked, "--since", first, "--key", "bank.pub", lang="it"
    )
    assert "It has a proof from 3 records on" in well(
        "head", "--verify", asked, "--key", "bank.pub"
    )
    found = well("head", "--since", first, "--key", "bank.pub")
    assert [well("head"), "It continues the signed head of 3 records.\n"] == found.splitlines(True)
    second = store("second", well("head", "--sign", "bank.key"))
    assert well("head", "--since", first, "--signed", second, "--key", "bank.pub") == Path(
        asked
    ).read_text("utf-8")
    told = refused("head", "--verify", second, "--since", first, "--key", "bank.pub", code=1)
    assert "the proof begins at 5 records, and the older head has 3" in told


def test_files_of_other_systems_are_read() -> None:
    """With a mark of the encoding, ends of lines of Windows, or from standard input."""
    text = well("head", "--sign", "bank.key")
    Path("head").write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert well("head", "--verify", "head", "--key", "bank.pub") == well(
        "head", "--verify", "-", "--key", "bank.pub", given=text
    )


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("--verify", "head"), 2, "--verify needs --key, the public key of the bank"),
        (("--verify", "none", "--key", "bank.pub"), 2, "none: No such file or directory"),
        (("--verify", "bank.key", "--key", "bank.pub"), 1, "bank.key: this is no signed text"),
        (("--verify", "head", "--key", "anna/key"), 2, "is a witness's: it signs for no bank"),
        (("--verify", "head", "--key", "bank.pub", "--sign", "bank.key"), 2, "--sign does not go"),
        (
            ("--verify", "head", "--key", "bank.pub", "--since", "3"),
            2,
            "is the file of a signed head",
        ),
        (("--sign", "bank.key", "--since", "none"), 2, "There is no file none: --since is that of"),
        (
            ("--sign", "bank.key", "--since", "9"),
            2,
            "there are 3 records, and none is a proof from 9",
        ),
        (("--sign", "bank.key", "--policy", "x"), 2, "--policy does not go with --sign"),
        (("--sign", "bank.key", "--signed", "head", "--since", "1"), 2, "give keys, or a head"),
        (("--since", "3"), 2, "Without --sign or --signed, --since is the file of a signed head"),
        (("--since", "head"), 2, "--since needs --key"),
        (("--since", "head", "--key", "bank.pub", "--policy", "x"), 2, "--policy does not go with"),
        (("--signed", "head"), 2, "--signed goes with --since, or with --publish"),
        (("--key", "bank.pub"), 2, "--key is of use with --since, --verify"),
        (("--cosignatures", "x"), 2, "--cosignatures is of use with --publish"),
        (("--publish", "x"), 2, "--publish needs --signed"),
        (("--publish", "x", "--signed", "head"), 2, "--publish needs --signed"),
    ],
)
def test_a_slip_is_told_in_one_line(words: tuple[str, ...], code: int, told: str) -> None:
    store("head", well("head", "--sign", "bank.key"))
    assert told in refused("head", *words, code=code)
    italian = refused("head", *words, code=code, lang="it")
    assert told not in italian or told.startswith("none: ")


# -- witnesses -------------------------------------------------------------------------


def test_a_neighbour_cosigns_and_the_bank_publishes() -> None:
    place = published()
    told = well("head", "--verify", place, "--policy", policy())
    assert re.search(
        r"^Cosigned by anna\.example, key [0-9a-f]{8}, on .+ UTC\.$", told, re.MULTILINE
    )
    assert "It is cosigned as the policy asks.\n" in told
    own = well("key", "show", "anna/key").strip()
    assert "Cosigned by" in well("head", "--verify", place, "--key", "bank.pub", "--witness", own)
    grow("m4")
    asked = request(place)
    told = refused("head", "--publish", place, "--signed", asked, "--policy", policy(), code=1)
    assert "not cosigned by as many witnesses as the policy asks for" in told
    answer = store("answer", well("witness", asked, "--folder", "anna"))
    words = ("head", "--publish", place, "--signed", asked, "--policy", "policy", "--cosignatures")
    assert "It is published in published.\n" in well(*words, answer)
    shape = json.loads(well(*words, answer, "--format", "json"))
    assert (4, 1, []) == (shape["size"], len(shape["cosigners"]), shape["unchecked"])
    assert "not cosigned by anna.example" in refused(
        "head", "--verify", asked, "--key", "bank.pub", "--witness", own, code=1
    )


def test_a_witness_tells_from_where_it_is_to_be_asked() -> None:
    """Its whole output is that number: the bank makes its request anew."""
    first = request("0")
    well("witness", first, "--folder", "anna")
    grow("m4")
    told = refused("witness", request("1"), "--folder", "anna", code=1, printed="3\n")
    assert "the witness saw 3 last: make it again with --since 3" in told
    told = refused("witness", first, "--folder", "anna", code=1, printed="3\n", lang="it")
    assert "La si faccia di nuovo con --since 3" in told
    answer = well("witness", request("3"), "--folder", "anna")
    assert [one.name for one in signatures_of(answer)] == ["anna.example"]
    given = Path(request("4")).read_text("utf-8")
    again = json.loads(well("witness", "-", "--folder", "anna", "--format", "json", given=given))
    assert (4, True) == (again["size"], again["cosignature"].startswith("— anna.example "))


def test_whom_a_witness_trusts_and_what_it_saw_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIMEBANK_WITNESS", "anna")
    assert "no head was cosigned yet" in well("witness")
    well("witness", request("0"))
    assert "a head of 3 records was seen last" in well("witness")
    assert "l'ultima testa vista è di 3 registrazioni" in well("witness", lang="it")
    well("key", "make", "second.key")
    told = well("witness", "--trust", well("key", "show", "second.key").strip())
    assert "Trusted from now on: timebank/" in told
    assert "Of this bank the key" in told
    assert "--trust stands alone" in refused("witness", "request", "--trust", "bank.pub", code=2)
    assert "signs for no bank" in refused("witness", "--trust", "anna/key", code=2)
    [shape] = json.loads(well("witness", "--trust", "bank.pub", "--format", "json"))
    assert shape["public"] == Path("bank.pub").read_text("utf-8").strip()


def test_slips_at_a_witness_are_told() -> None:
    asked = request("0")
    assert "Missing option '--folder'" in refused("witness", asked, code=2)
    assert "there is no key of a witness in" in refused("witness", asked, "--folder", "x", code=2)
    assert "old N" in refused("witness", "bank.pub", "--folder", "anna", code=1)
    alone = store("alone", well("head", "--sign", "bank.key"))
    told = refused("witness", alone, "--folder", "anna", code=1)
    assert told.startswith("alone: this is a head without its proof: head --since OLD prints ")
    for file in Path("anna/banks").iterdir():
        file.unlink()
    told = refused("witness", asked, "--folder", "anna", code=1)
    assert "the witness trusts no key of timebank/" in told
    assert "la si prenda con l'opzione --trust" in refused(
        "witness", asked, "--folder", "anna", code=1, lang="it"
    )


# -- a past that was rewritten ---------------------------------------------------------


def test_a_bank_whose_past_was_rewritten_signs_no_head_that_denies_it(fork: str) -> None:
    told = refused("head", "--sign", "bank.key", "--since", fork, code=1)
    assert told == (
        "the past was rewritten: a head of 5 records was signed, and the journal of 6 records "
        f"does not continue it; the evidence is in {fork}.evidence"
    )
    evidence = Evidence.of(Path(f"{fork}.evidence").read_text("utf-8"))
    assert not evidence.is_signed
    told = refused("head", "--since", fork, "--key", "bank.pub", code=1, lang="it")
    assert told.startswith("Il passato è stato riscritto: è stata firmata una testa di 5 ")
    assert told.endswith(f"; la prova è in {fork}.evidence")
    assert [f"{fork}.evidence"] == [one.name for one in Path().glob("*.evidence*")]
    told = well("head", "--verify", f"{fork}.evidence", "--key", "bank.pub")
    assert "Nobody signed that one" in told
    newest = store("newest", well("head", "--sign", "bank.key"))
    told = refused(
        "head", "--since", fork, "--signed", newest, "--key", "bank.pub", "--evidence", "e", code=1
    )
    assert told.endswith("the evidence is in e")
    for lang, said in (
        ("en", "The evidence holds: timebank/"),
        ("it", "La prova regge: timebank/"),
    ):
        assert said in well("head", "--verify", "e", "--key", "bank.pub", lang=lang)
    shape = json.loads(well("head", "--verify", "e", "--policy", policy(), "--format", "json"))
    assert ("rewritten", 5, 6, True) == (
        shape["evidence"], shape["seen"]["size"], shape["other"]["size"], shape["other"]["signed"]
    )  # fmt: skip
    well("key", "make", "second.key")
    assert "is not signed by" in refused("head", "--verify", "e", "--key", "second.key", code=1)


def test_a_witness_refuses_another_past_and_keeps_the_evidence(fork: str) -> None:
    told = refused("witness", request("5"), "--folder", "anna", code=1)
    assert told.startswith("the past was rewritten: a head of 5 records was signed")
    [place] = Path("anna").glob("seen/*/evidence/*")
    assert told.endswith(f"; the evidence is in {place}")
    assert "The evidence holds" in well("head", "--verify", str(place), "--key", "bank.pub")
    for lang in ("en", "it"):
        assert str(place) in well("witness", "--folder", "anna", lang=lang)
    assert (
        SignedHead.read(fork).checkpoint
        == Witness("anna").heads(Evidence.of(place.read_bytes()).claim.origin)[-1].checkpoint
    )


def test_a_receipt_up_to_a_head_of_another_past_keeps_the_evidence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    grow("m4", "m5")
    head = published()
    monkeypatch.setenv("TIMEBANK_DB", "copy.db")
    well("transfer", "--earner", "m1", "--spender", "m2", "--hours", "1", "--id", "visit")
    grow("x5")
    told = refused("receipt", "visit", "--key", "bank.key", "--head", head, code=1)
    assert told.startswith("the past was rewritten: a head of 5 records was signed")
    assert told.endswith(f"; the evidence is in {head}.evidence")
    found = well("head", "--verify", f"{head}.evidence", "--key", "bank.pub")
    assert "no journal has both it and the other head" in found


def test_a_journal_that_was_cut_is_told(fork: str, monkeypatch: pytest.MonkeyPatch) -> None:
    well("backup", "three.db")
    monkeypatch.setenv("TIMEBANK_DB", "bank.db")
    grow("m6", "m7")
    longer = published()
    monkeypatch.setenv("TIMEBANK_DB", "copy.db")
    told = refused("head", "--sign", "bank.key", "--since", longer, code=1)
    assert told == (
        "records are missing: a head of 7 records was signed, this one has 6; the evidence is in "
        f"{fork}.evidence"
    )
    for lang, told in (("en", "Nobody signed that one."), ("it", "non l'ha firmata nessuno.")):
        said = call("head", "--verify", f"{fork}.evidence", "--key", "bank.pub", lang=lang)
        assert (1, "") == (said.exit_code, said.stderr), "a shorter head alone proves nothing"
        assert told in said.stdout


def test_what_another_past_signed_is_not_published(fork: str) -> None:
    before = Path(fork).read_bytes()
    asked = request("0")
    own = policy(quorum="none")
    told = refused("head", "--publish", fork, "--signed", asked, "--policy", own, code=1)
    assert "the past was rewritten" in told
    assert before == Path(fork).read_bytes()
    assert Path(f"{fork}.evidence").exists()


def test_evidence_that_cannot_be_written_is_shown(fork: str) -> None:
    words = ("head", "--since", fork, "--key", "bank.pub", "--evidence", "nowhere/e")
    result = call(*words)
    assert (1, "") == (result.exit_code, result.stdout)
    first, *lines, last = result.stderr.splitlines(keepends=True)
    assert "nowhere" in first
    assert Evidence.of("".join(lines)).claim.size == 6
    assert "the past was rewritten" in last


@pytest.mark.parametrize("end", ["", "\n", "\n\n\n", "\r\n\r\n"])
def test_what_was_taken_out_of_a_mail_is_taken(fork: str, end: str) -> None:
    """A head, a request, an answer and evidence: an end of a line may be missing, or too many."""
    assert 1 == call("head", "--sign", "bank.key", "--since", fork, "--evidence", "e").exit_code

    def mailed(text: str) -> str:
        return store("mail", text.rstrip("\n").replace("\n", "\r\n" if "\r" in end else "\n") + end)

    for text in (Path(fork).read_text("utf-8"), Path("e").read_text("utf-8")):
        well("head", "--verify", mailed(text), "--key", "bank.pub")
    Path("new-anna").mkdir()
    shutil.copy("anna/key", "new-anna")
    well("witness", "--folder", "new-anna", "--trust", "bank.pub")
    head = request("0")
    answer = well("witness", mailed(Path(head).read_text("utf-8")), "--folder", "new-anna")
    words = ("--signed", head, "--policy", policy(), "--publish", "new")
    well("head", *words, "--cosignatures", mailed(answer))


def test_a_fork_whose_evidence_cannot_be_kept_shows_it(fork: str) -> None:
    """And says so, whatever lies in the neighbour's folder."""
    [place] = Path("anna").glob("seen/*")
    Path(place, "evidence").write_text("no folder", "utf-8")
    asked = request("5")
    for lang, told in (
        ("en", "the evidence, above, could not be kept in the folder: keep it elsewhere"),
        ("it", "non si è potuta conservare nella cartella"),
    ):
        result = call("witness", asked, "--folder", "anna", lang=lang)
        assert (1, "") == (result.exit_code, result.stdout)
        *lines, last = result.stderr.splitlines(keepends=True)
        Evidence.of("".join(lines)).checked(keys_of("bank.pub"))
        assert told in last


@pytest.mark.parametrize("lang", ["en", "it"])
def test_a_head_that_nobody_signed_is_told_as_such(lang: str) -> None:
    """The line that was published before, as it stands or in a file."""
    line = well("head").strip()
    said = {"en": "nobody signed: timebank audit", "it": "nessuno ha firmato"}[lang]
    for since in (line, " ".join(line.split(" ")[:4]), store("line", f"{line}\n")):
        for more in (("--key", "bank.pub"), ("--sign", "bank.key")):
            assert said in refused("head", "--since", since, *more, code=2, lang=lang)
    for since in ("", "anna"):
        told = refused("head", "--since", since, "--key", "bank.pub", code=2, lang=lang)
        assert "--since" in told


# -- audits ----------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [(), ("--quick",)])
def test_an_audit_finds_signed_heads(mode: tuple[str, ...]) -> None:
    """A head, a request, a folder of heads, as files or behind an @; beside lines."""
    line = well("head").strip()
    place = published()
    grow("m4")
    published()
    words = ["audit", *mode, "--key", "bank.pub", "--expect-head", line]
    folder = str(next(Path("anna").glob("seen/*/heads")))
    for one in (place, f"@{place}", "request", folder, f"@{folder}/"):
        words += ["--expect-head", one]
        told = well(*words)
        assert "It continues " in told
        assert "was not checked" not in told
    *_, found, unchecked = well("audit", *mode, "--expect-head", place, lang="it").splitlines()
    assert found.startswith("Continua la testa firmata fino alla registrazione ")
    assert unchecked.startswith("Non è stato controllato chi ha firmato")
    assert "is not signed by" in refused(
        "audit", *mode, "--key", _second(), "--expect-head", place, code=1
    )
    assert "--key is of heads that were signed" in refused(
        "audit", "--key", "bank.pub", "--expect-head", line, code=2
    )
    Path("empty").mkdir()
    assert "There is no head in empty" in refused("audit", "--expect-head", "empty", code=2)
    told = refused("audit", "--expect-head", store("bad", "timebank/x\n3\nAAAA\n"), code=1)
    assert told.startswith("bad: ")


def _second() -> str:
    well("key", "make", "second.key")
    return "second.key"


@pytest.mark.parametrize("mode", [(), ("--quick",)])
def test_an_audit_tells_where_the_past_parts_from_what_was_signed(
    monkeypatch: pytest.MonkeyPatch, mode: tuple[str, ...]
) -> None:
    """Between two heads of a neighbour; one evidence is kept beside the folder."""
    for name in ("m4", "m5", "m6"):
        published()
        grow(name)
    published()
    monkeypatch.setenv("TIMEBANK_DB", "copy.db")
    grow("x4", "x5", "x6", "x7")
    [folder] = Path("anna").glob("seen/*/heads")
    result = call("audit", *mode, "--expect-head", str(folder))
    assert 1 == result.exit_code
    assert "The journal was rewritten: record 4, or one before it" in result.stdout
    assert "It continues" not in result.stdout
    parted = "of the heads that were signed the journal has that of 3 records, and not that of 4"
    assert f"timebank: {parted}\ntimebank: No signature was checked" in result.stderr
    assert not Path(f"{folder}.evidence").exists(), "whoever made the head may have made it up"
    result = call("audit", *mode, "--expect-head", str(folder), "--key", "bank.pub")
    assert result.stderr.splitlines() == [
        f"timebank: {parted}",
        f"timebank: the evidence is in {folder}.evidence",
    ]
    assert "The evidence" not in well("head", "--verify", f"{folder}.evidence", "--key", "bank.pub")
    assert "a head of 6 records was seen last" in well("witness", "--folder", "anna")
    result = call(
        "audit",
        *mode,
        "--expect-head",
        "published",
        "--key",
        "bank.pub",
        "--format",
        "json",
        "--evidence",
        "e",
        lang="it",
    )
    assert [("published", False)] == [
        (one["check"], json.loads(result.stdout)["ok"])
        for one in json.loads(result.stdout)["findings"]
    ]
    assert result.stderr == "timebank: la prova è in e\n"


def test_an_audit_of_another_bank_s_file_keeps_no_evidence() -> None:
    place = published()
    well("--db", "other.db", "init")
    result = call("--db", "other.db", "audit", "--expect-head", place)
    assert 1 == result.exit_code
    assert "This is the file of another bank" in result.stdout
    assert not list(Path().glob("*.evidence"))
