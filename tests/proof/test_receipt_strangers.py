"""Receipts verified without our code, in Python and in JavaScript: as strictly as by our own."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import timebank
from proof.strangers import (
    KEY,
    NOTE,
    ORIGIN,
    PAGE,
    SALT,
    SOURCE,
    WITNESS,
    Made,
    Told,
    flipped,
    page_says,
    python_says,
    record,
    run_python,
    word,
    written,
)
from support import by_day, sources
from timebank import Fee, Statute
from timebank.journal import commitment
from timebank.proof import NotProved, Signature, SigningKey, origin_of, sign_head
from timebank.proof.issuing import receipt
from timebank.proof.receipts import verify_receipt

SECOND_KEY = SigningKey.make(ORIGIN)
OTHER_BANK = SigningKey.make("timebank/other")


def ours(text: bytes, *keys: SigningKey) -> bool:
    """Whether our own verifier takes it."""
    banks = [key.public for key in keys if not key.public.is_witness]
    witnesses = [key.public for key in keys if key.public.is_witness]
    try:
        verify_receipt(text, *banks, witnesses=witnesses)
    except NotProved:
        return False
    return True


def changed(value: dict[str, Any], **more: Any) -> str:
    """A record or a word with other fields, written in canonical form."""
    return written({**value, **more})


def request(**more: Any) -> str:
    """A record of which the request has other fields."""
    return changed(record(), request={**record()["request"], **more})


def replaced(old: str, new: str) -> Callable[[str], str]:
    """A change of a text, which has what is replaced."""

    def change(text: str) -> str:
        assert old in text, (old, text)
        return text.replace(old, new, 1)

    return change


def of_extra(**more: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """A change of the parts of `extra`."""
    return lambda parts: {**parts, **more}


def spelled(old: str, new: str, value: Any) -> str:
    """JSON that says the same, or nothing, and is spelled in another way."""
    return replaced(old, new)(written(value))


#: A signature of a key that nobody has.
NOBODY = "— nobody AAAAAAAA\n"


def as_witness(value: bytes) -> str:
    """A line of a signature with the name and the number of the witness."""
    return f"{Signature(WITNESS.name, WITNESS.public.key_id, value)}\n"


def moved(postings: list[Any], **more: Any) -> str:
    """A record that has moved other hours."""
    return changed(record(), effects={**record()["effects"], "postings": postings, **more})


#: Receipts that hold, though they are not as usual.
HOLDING: dict[str, Made] = {
    "a usual one": Made(),
    "the first record": Made(before=0, record=changed(record(), sequence=1)),
    "the only record": Made(before=0, after=0, record=changed(record(), sequence=1)),
    "the last record": Made(after=0),
    "of two keys": Made(keys=(KEY, SECOND_KEY)),
    "cosigned": Made(witnesses=(WITNESS,)),
    "without its texts": Made(texts={}),
    "an id with an accent": Made(
        word=changed(word(), names={"ß": "è", "\U0001d4b3": "x", "\uffff": "y"})
    ),
    "the largest number": Made(record=changed(record(), recorded_at=2**53)),
    "an account on both sides": Made(
        record=moved([["m1", 60], ["m2", 60], ["m1", -60], ["f1", -60]])
    ),
    "a fee": Made(
        record=moved(
            [["m1", 60], ["f1", -60], ["fund", 6], ["f1", -6]], fee=[["fund", 6], ["f1", -6]]
        )
    ),
    "a hundred signatures": Made(whole=lambda text: text + NOBODY * 99),
    "a signature of nobody under the word": Made(signed_word=lambda text: text + NOBODY),
    "a cosignature under the word": Made(
        witnesses=(WITNESS,), signed_word=lambda text: text + as_witness(bytes(72))
    ),
}

#: Receipts that are signed and prove nothing.
FORGED: dict[str, Made] = {
    # of the whole
    "a byte order mark": Made(whole=lambda text: f"\ufeff{text}"),
    "a line before": Made(whole=lambda text: f"\n{text}"),
    "a line behind": Made(whole=lambda text: f"{text}\n"),
    "words behind": Made(whole=lambda text: f"{text}as agreed\n"),
    "no end of the last line": Made(whole=lambda text: text[:-1]),
    "lines as on Windows": Made(whole=lambda text: text.replace("\n", "\r\n")),
    "another format": Made(whole=replaced("@v1", "@v2")),
    "no extra": Made(whole=lambda text: re.sub("extra .*\n", "", text)),
    "an index with a zero": Made(whole=replaced("index 2", "index 02")),
    "an index with a sign": Made(whole=replaced("index 2", "index +2")),
    "an index with a space": Made(whole=replaced("index 2", "index 2 ")),
    "an index in other digits": Made(whole=replaced("index 2", "index \u0662")),
    "an index beyond the tree": Made(whole=replaced("index 2", "index 12")),
    "an index below nothing": Made(whole=replaced("index 2", "index -1")),
    "a hash left out": Made(whole=lambda text: re.sub("(index 2\n).*\n", r"\1", text)),
    "a hash twice": Made(whole=lambda text: re.sub("(index 2\n)(.*\n)", r"\1\2\2", text)),
    "a hash more in a tree of one": Made(
        before=0,
        after=0,
        record=changed(record(), sequence=1),
        whole=replaced("index 0\n", f"index 0\n{'A' * 43}=\n"),
    ),
    "two hashes in one line": Made(whole=lambda text: re.sub("(index 2\n.*)\n", r"\1 ", text)),
    "base64 spelled otherwise": Made(
        after=0, whole=lambda text: re.sub(r"(index 2\n.{42})(.)=", other_end, text)
    ),
    # of the head
    "a head of another bank": Made(
        head_text=replaced(ORIGIN, "timebank/other"), keys=(OTHER_BANK,), word_keys=(KEY,)
    ),
    "a head with one more line": Made(head_text=lambda text: f"{text}more\n"),
    "a size with a zero": Made(head_text=replaced("\n5\n", "\n05\n")),
    "another size": Made(head_text=replaced("\n5\n", "\n6\n")),
    "another root": Made(head_text=lambda text: re.sub("\n.{4}(.*)\n$", r"\nAAAA\1\n", text)),
    "a head without a line": Made(whole=lambda text: re.sub("\n5\n", "\n", text)),
    "a head of a stranger": Made(keys=(OTHER_BANK,), word_keys=(KEY,)),
    "a signature without a dash": Made(whole=lambda text: text.replace("\n— ", "\n- ")),
    "a signature with two spaces": Made(whole=lambda text: text.replace("\n— ", "\n—  ")),
    "no signature": Made(whole=lambda text: text[: text.rindex("—")]),
    "an empty line among signatures": Made(
        keys=(KEY, SECOND_KEY), whole=lambda text: re.sub("(\n— .*\n)(?=—)", r"\1\n", text)
    ),
    "a signature that is none": Made(whole=lambda text: f"{text}— nobody AAAAAA==\n"),
    "a signature of half a number": Made(whole=lambda text: f"{text}— nobody AAAA\n"),
    "a name that cannot be seen": Made(whole=lambda text: f"{text}— no\x01body AAAAAAAA\n"),
    "a signature more than a hundred": Made(whole=lambda text: text + NOBODY * 100),
    "more than a hundred under the word": Made(signed_word=lambda text: text + NOBODY * 100),
    "one of two signatures is bad": Made(
        keys=(KEY, SECOND_KEY), whole=lambda text: f"{text[:-10]}AAAA{text[-6:]}"
    ),
    # of extra
    "extra that is a list": Made(parts=lambda parts: written(parts).join("[]")),
    "extra with spaces": Made(extra_text=replaced(":", ": ")),
    "extra with a newline behind": Made(extra_text=lambda text: f"{text}\n"),
    "extra with a field more": Made(parts=of_extra(more=1)),
    "extra with a field twice": Made(extra_text=replaced("{", '{"format":"timebank-receipt/1",')),
    "extra without a field": Made(
        parts=lambda parts: {name: one for name, one in parts.items() if name != "texts"}
    ),
    "extra of another version": Made(parts=of_extra(format="timebank-receipt/2")),
    "extra escaped without need": Made(extra_text=replaced("visit", "\\u0076isit")),
    **{
        f"half a character in the {part}": Made(
            parts=of_extra(**{part: value}), extra_text=replaced("HALF", "\\ud800")
        )
        for part, value in {"record": "HALF", "word": "HALF", "texts": {"note": "HALF"}}.items()
    },
    "texts in a list": Made(parts=of_extra(texts=[])),
    "a word that is none": Made(parts=of_extra(word=None)),
    "a record that is an object": Made(parts=of_extra(record=record())),
    # of the record
    "another record": Made(parts=lambda parts: {**parts, "record": request(id="other")}),
    "a record of another bank": Made(record=changed(record(), journal="8a1f")),
    "a record of another number": Made(record=changed(record(), sequence=4)),
    "a record with spaces": Made(record=written(record()).replace(":", ": ")),
    "a record with keys out of order": Made(
        record=spelled('"kind":"transfer",', "", record())[:-1] + ',"kind":"transfer"}'
    ),
    "a record with a fraction": Made(record=spelled("-5400", "-5400.0", record())),
    "a record with a half": Made(record=spelled("-5400", "-0.5", record())),
    "a record with an exponent": Made(record=spelled("-5400", "-54e2", record())),
    "a record with minus nothing": Made(record=spelled("-5400", "-0", record())),
    "a record with NaN": Made(record=spelled("-5400", "NaN", record())),
    "a record with half a character": Made(record=spelled('"visit"', r'"\ud800"', record())),
    "a record with a key twice": Made(record=spelled("{", '{"a":1,"a":1,', {"b": 1})),
    "a record that is a list": Made(record="[]"),
    "a record that is very deep": Made(record="[" * 100_000),
    # of the texts
    "another text": Made(texts={"note": [SALT.hex(), "to the clinic"]}),
    "another salt": Made(texts={"note": [bytes(16).hex(), NOTE]}),
    "a salt in capitals": Made(texts={"note": [SALT.hex().upper(), NOTE]}),
    "a salt with spaces": Made(texts={"note": [SALT.hex(" "), NOTE]}),
    "a salt of other bytes": Made(
        record=request(note=commitment(SALT + b"to", " the clinic")),
        texts={"note": [(SALT + b"to").hex(), " the clinic"]},
    ),
    "a text without a salt": Made(texts={"note": [NOTE]}),
    "a text that is a number": Made(texts={"note": [SALT.hex(), 1]}),
    "a text that the record lacks": Made(texts={"reason": [SALT.hex(), NOTE]}),
    # of the word
    "a word on another record": Made(word_text=replaced("record 3", "record 2")),
    "a word up to another head": Made(word_text=replaced("head 5", "head 6")),
    "a word of another bank": Made(word_text=replaced(ORIGIN, "timebank/8a1f")),
    "a word with another root": Made(word_text=lambda text: re.sub("5 .{4}", "5 AAAA", text)),
    "a word with one more line": Made(word_text=lambda text: f"{text}more\n"),
    "a word without a line": Made(word_text=lambda text: "\n".join(text.split("\n")[:2]) + "\n"),
    "a word with spaces": Made(word=written(word()).replace(":", ": ")),
    "a word that is a list": Made(word="[]"),
    "a word that was changed": Made(signed_word=replaced("stands", "stands ")),
    "a word of a stranger": Made(word_keys=(OTHER_BANK,)),
    "a word of one of two keys": Made(keys=(KEY, SECOND_KEY), word_keys=(KEY,)),
    "a word of two keys on a head of one": Made(keys=(KEY,), word_keys=(KEY, SECOND_KEY)),
    "a word with a newline behind": Made(signed_word=lambda text: f"{text}\n"),
    # of the witness
    "a cosignature at another time": Made(
        witnesses=(WITNESS,), whole=lambda text: re.sub(r"w1 (.{8})", r"w1 \1AAAA", text)
    ),
    "a bad cosignature": Made(
        witnesses=(WITNESS,), whole=lambda text: f"{text[:-10]}AAAA{text[-6:]}"
    ),
}

#: What the short one in Python does not look at: it shows record and word as they are.
UNLIKE: dict[str, Made] = {
    "a word without a field": Made(word=written({"status": "stands"})),
    "a word of another status": Made(word=changed(word(), status="stood")),
    "names that are numbers": Made(word=changed(word(), names={"m1": 1})),
    "reversals that are words": Made(word=changed(word(), reversals=["none"])),
    "a reversal on no day": Made(
        word=changed(
            word(),
            reversals=[{"hours": 60, "id": "x", "record": 4, "recorded_on": "2026-02-31"}],
        )
    ),
    "an amendment that sets what it cannot": Made(
        word=changed(
            word(), amendments=[{"record": 4, "recorded_on": "2026-03-02", "sets": {"tags": 1}}]
        )
    ),
    "a record of another format": Made(record=changed(record(), format="timebank/2")),
    "a record with a large number": Made(record=spelled("-5400", str(-(2**53) - 1), record())),
    "a record that is of no exchange": Made(
        record=changed(
            record(),
            kind="freeze",
            request={"account": "m1"},
            effects={"account": "m1", "sets": {}},
        ),
        texts={},
    ),
    "a record with a field more": Made(record=request(more=1)),
    "a record of no day": Made(record=changed(record(), recorded_on="2026-02-31")),
    **{
        f"a flag of no day, {day}": Made(
            record=moved([["m1", 60], ["f1", -60]], flags=[{"rule": "days", "occurred_on": day}])
        )
        for day in ("x", "20260302", "2026-02-31")
    },
    "hours from nobody": Made(record=moved([["m1", 60]])),
    "more hours than were given": Made(record=moved([["m1", 60], ["f1", -50]])),
    "hours that are none": Made(record=moved([["m1", 0], ["f1", 0]])),
    "a fee that is not the last": Made(
        record=moved([["m1", 60], ["f1", -60]], fee=[["fund", 6], ["f1", -6]])
    ),
    "a text of a field that is none": Made(
        record=request(category=commitment(SALT, NOTE)), texts={"category": [SALT.hex(), NOTE]}
    ),
}
KNOWN = (KEY, SECOND_KEY, OTHER_BANK)
ALL = (*KNOWN, WITNESS)


def other_end(found: re.Match[str]) -> str:
    """The same bytes of a hash in base64, spelled with bits that say nothing."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return f"{found[1]}{letters[letters.index(found[2]) ^ 1]}="


def keys_for(made: Made) -> tuple[SigningKey, ...]:
    """The keys that are asked about: our verifier wants each witness that is named."""
    return ALL if made.witnesses else KNOWN


def says(verifier: Callable[..., list[Told]], table: dict[str, Made]) -> dict[str, Told]:
    """What a verifier says of each of a table."""
    texts = [one.text().encode() for one in table.values()]
    told = verifier(texts, *(key.public for key in ALL))
    return dict(zip(table, told, strict=True))


VERIFIERS = pytest.mark.parametrize("verifier", [python_says, page_says])


@VERIFIERS
def test_what_holds_is_taken(verifier: Callable[..., list[Told]]) -> None:
    """By our own verifier too."""
    told = says(verifier, HOLDING)
    assert [] == [name for name, one in told.items() if one is None]
    for name, made in HOLDING.items():
        one = told[name] or []
        assert made.record == one[0], name
        assert f"{ORIGIN}+{KEY.public.key_id.hex()}" in one, name
        assert bool(made.texts) == any(NOTE in line for line in one), name
        assert ours(made.text().encode(), *keys_for(made)), name
    assert any(WITNESS.public.name in line for line in told["cosigned"] or [])


@VERIFIERS
def test_what_is_forged_is_refused(verifier: Callable[..., list[Told]]) -> None:
    """By our own verifier too."""
    assert {} == {name: one for name, one in says(verifier, FORGED).items() if one is not None}
    taken = [name for name, made in FORGED.items() if ours(made.text().encode(), *keys_for(made))]
    assert [] == taken


def test_what_is_unlike_a_receipt_is_refused() -> None:
    """By the page and by our own verifier."""
    assert {} == {name: one for name, one in says(page_says, UNLIKE).items() if one is not None}
    assert [] == [name for name, made in UNLIKE.items() if ours(made.text().encode(), *KNOWN)]


@VERIFIERS
@pytest.mark.parametrize("stride", by_day(7))
def test_every_bit_that_is_flipped(verifier: Callable[..., list[Told]], stride: int) -> None:
    """Not one of all of them is taken."""
    wrong = flipped(Made().text().encode(), stride)
    assert [None] * len(wrong) == verifier(wrong, KEY.public)


@given(
    size=st.integers(1, 70),
    place=st.integers(0, 69),
    names=st.dictionaries(st.text(st.characters(codec="utf-8"), min_size=1), st.text()),
)
def test_any_place_in_any_tree(size: int, place: int, names: dict[str, str]) -> None:
    """Is proved, with names in any script."""
    place %= size
    made = Made(
        before=place,
        after=size - place - 1,
        record=changed(record(), sequence=place + 1),
        word=changed(word(), names={f"m{name}": one for name, one in names.items()}),
    )
    [told] = python_says([made.text().encode()], KEY.public)
    assert told is not None
    assert made.word in told


# -- receipts of a bank ----------------------------------------------------------------------


def receipts() -> tuple[dict[str, bytes], SigningKey]:
    """A receipt of each kind, and the key of the bank."""
    with timebank.open("memory:", **sources()) as bank:
        for id, name in (("m1", "Maria R."), ("m2", "Luca"), ("f1", "Famiglia Rossi")):
            bank.open_account(id, name=name)
        day = date(2026, 1, 5)
        bank.transfer(earner="m1", spender="f1", hours="1:30", id="visit", note="to the clinic")
        bank.transfer(earner="m1", spender="f1", hours="2:00", id="part", occurred_on=day)
        bank.reverse("part", reason="half of it", hours="1:00", id="back")
        bank.hold(earner="m1", spender="f1", hours="1:00", id="hold", category="care")
        bank.settle("hold", id="settled")
        bank.amend("visit", note="to the hospital", category="health", reason="said so")
        bank.hold(earner="m1", spender="f1", hours="1:00", id="undone")
        bank.settle("undone", id="undone-settled")
        bank.reverse("undone-settled", reason="it was not", id="undone-back")
        bank.transfer(earner={"m1": 1, "m2": 1}, spender={"m1": 1, "f1": 1}, id="both")
        bank.open_account("constructor")
        bank.transfer(earner="constructor", spender="f1", hours=1, id="no-name")
        bank.open_account("fund", kind="fund", name="Fondo")
        bank.adopt(Statute(version="v2", fee=Fee(fund="fund", fixed="0:10")))
        bank.transfer(earner="m1", spender="f1", hours="1:30", id="paid")
        bank.merge("m1", into="m2", reason="twice")
        key = SigningKey.make(origin_of(bank.head().journal))
        signed = sign_head(bank, key)
        head = signed.cosigned(WITNESS.cosign(signed.note.text, 1_772_530_000))
        ids = ("visit", "part", "back", "hold", "settled", "undone", "both", "no-name", "paid")
        made = {id: str(receipt(bank, id, key=key, head=head)).encode() for id in ids}
        made["hidden"] = str(receipt(bank, "visit", key=key, texts=False)).encode()
    return made, key


@VERIFIERS
def test_receipts_of_a_bank_hold(verifier: Callable[..., list[Told]]) -> None:
    """Of each kind; and say the record, the texts and the word that ours says."""
    made, key = receipts()
    told = verifier([*made.values()], key.public, WITNESS.public)
    for name, text, one in zip(made, made.values(), told, strict=True):
        assert one is not None, name
        found = verify_receipt(text, key.public)
        assert found.record == json.loads(one[0])
        assert found.word.status in "".join(one), name
        seen = [line for line in one if line.startswith(WITNESS.public.name)]
        assert (name != "hidden") == bool(seen)
        assert (name == "visit") == ("to the clinic" in "".join(one))


def test_the_program_in_python_says_it(tmp_path: Path) -> None:
    """And ends with 1 where a receipt is refused."""
    file = tmp_path / "visit.tlog-proof"
    file.write_text(Made(witnesses=(WITNESS,)).text(), "utf-8")
    done = run_python(file, KEY.public, WITNESS.public)
    assert (0, "") == (done.returncode, done.stderr)
    assert [written(record()), f"note: {NOTE}", written(word())] == done.stdout.split("\n")[:3]
    for keys in ((), (WITNESS.public,), (OTHER_BANK.public,), ("nonsense",)):
        done = run_python(file, *keys)
        assert (1, "", True) == (done.returncode, done.stdout, done.stderr.startswith("REFUSED: "))
    file.write_text(file.read_text("utf-8").replace("5\n", "6\n"), "utf-8")
    assert "REFUSED: a signature" in run_python(file, KEY.public).stderr
    assert "REFUSED: " in run_python(tmp_path / "gone", KEY.public).stderr


def test_the_verifier_in_python_is_short_and_knows_none_of_our_code() -> None:
    """Under a hundred lines."""
    source = SOURCE.read_text("utf-8")
    assert len(source.splitlines()) < 100
    imported = re.findall(r"^(?:from|import) (\w+)", source, re.MULTILINE)
    known = {"base64", "cryptography", "datetime", "hashlib", "json", "pathlib", "re", "sys"}
    assert {*imported} == known | {"typing"}


def test_the_page_is_one_file() -> None:
    """It asks for nothing, and its own policy forbids it to."""
    page = PAGE.read_text("utf-8")
    assert "default-src 'none'" in page
    assert not re.search(r"\b(?:src|href)=|@import|url\(|fetch\(|XMLHttp|import\(", page)
    assert ["http://www.w3.org/2000/svg"] == re.findall(r"https?://[^\"' ]+", page)
