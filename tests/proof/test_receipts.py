"""Receipts: what is proved of an exchange, what the bank says of it, and what is refused."""

from __future__ import annotations

import json
import sqlite3
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

import timebank
from proof import strangers
from random_banks import random_bank
from support import Clock, examples, fill, sources
from timebank import (
    Band,
    Corrupt,
    Fee,
    Hold,
    Hours,
    InvalidRequest,
    Statute,
    TimeBank,
    Transfer,
    TransferNotFound,
    WrongType,
)
from timebank.journal import canonical, digest, genesis, parse, refers_to
from timebank.journal.tree import MOST_HASHES, leaf_hash, root_of
from timebank.model import RecordRow
from timebank.proof import (
    Checkpoint,
    Evidence,
    Forked,
    Note,
    NotProved,
    Policy,
    Receipt,
    SignedHead,
    SigningKey,
    origin_of,
    receipt,
    sign_head,
    verify_receipt,
)
from timebank.proof.consistency import continuation
from timebank.proof.notes import base64_of
from timebank.proof.publishing import publish
from timebank.queries.proofs import PROVABLE
from timebank.reports.receipt import receipt_text
from timebank.storage import open_store
from timebank.storage.protocol import Batch
from timebank.storage.tree import tiles_filled, tree_at

SECONDS = 1_700_000_000


@pytest.fixture
def clock() -> Clock:
    """A clock to move by hand."""
    return Clock()


@pytest.fixture
def bank(clock: Clock) -> Iterator[TimeBank]:
    """A small bank with every kind of record."""
    with timebank.open("memory:", **sources(clock)) as bank:
        fill(bank)
        yield bank


@pytest.fixture
def key(bank: TimeBank) -> SigningKey:
    """The key of that bank."""
    return key_of(bank)


def key_of(bank: TimeBank, seed: bytes = bytes(32)) -> SigningKey:
    """The same key of a bank at every run."""
    return SigningKey(origin_of(bank.head().journal), "ed25519", seed)


def head_at(bank: TimeBank, size: int, *keys: SigningKey) -> SignedHead:
    """The head that a bank would have signed at a record."""
    with bank.store.reader(bank.name) as reader:
        root = tree_at(reader, size).root()
    checkpoint = Checkpoint(origin_of(bank.head().journal), size, root)
    note = Note(str(checkpoint))
    return SignedHead(checkpoint, note.signed_by(*(key.sign(note.text) for key in keys)))


def provable(bank: TimeBank) -> list[tuple[int, str, str]]:
    """Each exchange of a bank: its sequence, its kind, its id."""
    return [
        (one.sequence, one.kind, json.loads(one.bytes)["request"]["id"])
        for one in bank.records()
        if one.kind in PROVABLE
    ]


def flips(data: bytes) -> Iterator[bytes]:
    """Yield a file with each of its bits flipped in turn."""
    for place, byte in enumerate(data):
        for bit in range(8):
            yield data[:place] + bytes([byte ^ 1 << bit]) + data[place + 1 :]


def resigned(made: Receipt, text: str, *keys: SigningKey) -> Receipt:
    """A receipt with another word, which the bank itself has signed."""
    return attrs.evolve(made, word=Note(text).signed_by(*(key.sign(text) for key in keys)))


# -- what a receipt proves -------------------------------------------------------------------


def test_a_receipt_of_every_exchange_holds(bank: TimeBank, key: SigningKey) -> None:
    """It is read back as it was written, and proves what the bank itself tells."""
    for sequence, kind, id in provable(bank):
        made = receipt(bank, id, key=key)
        text = str(made)
        assert Receipt.of(text) == made == Receipt.of(text.encode())
        found = verify_receipt(text, key.public)
        assert (sequence, key.public) == (made.sequence, *found.head.signers)
        told = bank.hold_by_id(id) if kind == "hold" else bank.transfer_by_id(id)
        same = ("id", "sequence", "postings", "recorded_at", "actor", "statute", "flags")
        assert [getattr(told, name) for name in same] == [
            getattr(found.exchange, name) for name in same
        ]
        assert found.exchange.occurred_on == told.occurred_on
        if isinstance(told, Hold):
            assert told.status == found.word.status


@given(st.integers(0, 10**6), st.data())
@examples(60)
def test_a_receipt_at_any_head_of_any_bank_holds(seed: int, data: st.DataObject) -> None:
    """What the bank says of it up to there is what the records up to there say, one by one."""
    bank = random_bank(seed)
    key = key_of(bank)
    records = [json.loads(one.bytes) for one in bank.records()]
    exchanges = provable(bank)
    if not exchanges:
        return
    for sequence, _, id in data.draw(st.lists(st.sampled_from(exchanges), max_size=5)):
        size = data.draw(st.integers(sequence, len(records)))
        head = head_at(bank, size, key)
        found = receipt(bank, id, key=key, head=head).checked(key)
        assert canonical(records[sequence - 1]).decode() == found.receipt.record
        told = found.word
        assert status_of(records[:size], records[sequence - 1]) == told.status
        assert moved_back(records[:size], records[sequence - 1]) == [
            one["record"] for one in told.reversals
        ]
        assert amended(records[:size], records[sequence - 1]) == [
            one["record"] for one in told.amendments
        ]
        accounts = accounts_of(records[sequence - 1])
        heirs = {one: heir_of(records[:size], one) for one in accounts}
        assert {one: heir for one, heir in heirs.items() if heir != one} == told.merged
        names = {one: bank.account(one).name for one in {*heirs, *heirs.values()}}
        assert {one: name for one, name in names.items() if name is not None} == told.names
        with bank.store.reader(bank.name) as reader:
            texts = {
                one.field: one.text for one in reader.texts(after=sequence - 1, through=sequence)
            }
        assert texts == {field: text for field, (_, text) in found.receipt.texts.items()}


def accounts_of(record: dict[str, Any]) -> set[str]:
    """Every id of an account in a record, found in another way than the library's."""
    effects, request = record["effects"], record["request"]
    lines = effects.get("postings") or effects.get("lines") or []
    found = {account for account, _ in lines}
    found |= {account for account, *_ in effects.get("reserves", [])}
    found |= {flag["account"] for flag in effects.get("flags", []) if "account" in flag}
    found |= {account for side in ("earners", "spenders") for account, _ in request.get(side, [])}
    return found | {request[one] for one in ("via", "account") if one in request}


def heir_of(records: list[dict[str, Any]], account: str) -> str:
    """What an account has become by merges, one after the other."""
    for record in records:
        if record["kind"] == "merge" and record["effects"]["account"] == account:
            account = record["effects"]["into"]
    return account


def resolved_by(records: list[dict[str, Any]], record: dict[str, Any]) -> dict[str, Any] | None:
    """What settled or voided a hold."""
    found = (one for one in records if one["effects"].get("resolves") == record["sequence"])
    return next(found, None)


def moved_back(records: list[dict[str, Any]], record: dict[str, Any]) -> list[int]:
    """The records that moved hours of an exchange back."""
    if record["kind"] == "hold":
        resolved = resolved_by(records, record)
        if resolved is None or resolved["kind"] == "void":
            return []
        record = resolved
    reverses = record["sequence"]
    return [one["sequence"] for one in records if one["effects"].get("reverses") == reverses]


def amended(records: list[dict[str, Any]], record: dict[str, Any]) -> list[int]:
    """The records that amended what an exchange was for."""
    amends = record["effects"]["resolves"] if record["kind"] == "settle" else record["sequence"]
    return [one["sequence"] for one in records if one["effects"].get("amends") == amends]


def status_of(records: list[dict[str, Any]], record: dict[str, Any]) -> str:
    """What came of an exchange."""
    if record["kind"] == "hold":
        resolved = resolved_by(records, record)
        if resolved is not None:
            return "settled" if resolved["kind"] == "settle" else "voided"
        until = record["effects"].get("expires_at")
        if until is None:
            return "open"
        later = records[record["sequence"] :]
        is_ended = any(one["kind"] == "restart_clock" for one in later)
        return "expired" if is_ended or until <= records[-1]["recorded_at"] else "open"
    numbers = moved_back(records, record)
    totals = [
        sum(max(seconds, 0) for _, seconds in one["effects"]["postings"])
        for one in (record, *(records[number - 1] for number in numbers))
    ]
    whole, back = totals[0], sum(totals[1:])
    return "stands" if not back else "reversed" if back == whole else "reversed in part"


def test_what_was_erased_is_gone_from_later_receipts(bank: TimeBank, key: SigningKey) -> None:
    """Those that were made before verify as ever, and still have it."""
    bank.transfer(earner="m1", spender="f1", hours=1, id="talk", note="of her illness")
    old = str(receipt(bank, "talk", key=key))
    bank.erase(record="talk", reason="asked")
    new = str(receipt(bank, "talk", key=key))
    assert "of her illness" == verify_receipt(old, key.public).exchange.note
    assert verify_receipt(new, key.public).exchange.note is None
    assert "Maria R." == verify_receipt(new, key.public).word.names["m1"]
    bank.erase("m1", reason="asked")
    assert "m1" not in receipt(bank, "talk", key=key).checked(key).word.names
    assert "Maria R." == verify_receipt(new, key.public).word.names["m1"]


def test_without_texts_no_name_and_no_note_is_shown(bank: TimeBank, key: SigningKey) -> None:
    bank.transfer(earner="m1", spender="f1", hours=1, id="talk", note="of her illness")
    bank.amend("talk", note="of her garden", reason="a slip")
    shown, bare = (receipt(bank, "talk", key=key, texts=texts) for texts in (True, False))
    assert {"note": "of her illness"} == {field: text for field, (_, text) in shown.texts.items()}
    assert ["of her garden"] == [one["note"] for one in shown.checked(key).word.amendments]
    found = bare.checked(key)
    assert ({}, {}, None) == (bare.texts, found.word.names, found.exchange.note)
    assert [{"record", "recorded_on", "sets"}] == [set(one) for one in found.word.amendments]


def test_a_reversal_is_told_by_the_receipt_of_its_original(bank: TimeBank, key: SigningKey) -> None:
    """In part, then whole; the reversal has a receipt of its own, which says why."""
    bank.transfer(earner="m1", spender="f1", hours=2, id="long")
    before = str(receipt(bank, "long", key=key))
    part = bank.reverse("long", hours="0:30", reason="it was less", id="less")
    found = receipt(bank, "long", key=key).checked(key)
    assert "reversed in part" == found.word.status
    assert [(1800, "less", part.sequence)] == [
        (one["hours"], one["id"], one["record"]) for one in found.word.reversals
    ]
    bank.reverse("long", reason="it was not at all", id="rest")
    found = receipt(bank, "long", key=key).checked(key)
    assert ("reversed", 2) == (found.word.status, len(found.word.reversals))
    assert "stands" == verify_receipt(before, key.public).word.status
    made = receipt(bank, "less", key=key).checked(key).exchange
    assert isinstance(made, Transfer)
    assert ("long", "it was less", Hours("0:30")) == (made.reverses, made.reason, made.hours)


def test_a_hold_and_its_settlement_are_told(bank: TimeBank, key: SigningKey, clock: Clock) -> None:
    """Open, settled, amended by the hold that describes both, taken back; voided; expired."""
    bank.hold(earner="m1", spender="f1", hours=2, id="plan", note="the garden", category="care")

    def status(id: str) -> str:
        return receipt(bank, id, key=key).checked(key).word.status

    assert "open" == status("plan")
    bank.settle("plan", hours="1:30", id="done")
    bank.amend("done", category="garden", reason="a slip")
    bank.reverse("done", hours="0:30", reason="it was less")
    held, done = (receipt(bank, id, key=key).checked(key) for id in ("plan", "done"))
    assert ("settled", "reversed in part") == (held.word.status, done.word.status)
    assert held.word.reversals == done.word.reversals
    assert held.word.amendments == done.word.amendments
    assert ["garden"] == [one["sets"]["category"] for one in done.word.amendments]
    assert ("the garden", None) == (held.exchange.note, done.exchange.note)
    assert isinstance(done.exchange, Transfer)
    assert ("plan", Hours("1:30")) == (done.exchange.hold, done.exchange.hours)
    bank.hold(earner="m1", spender="f1", hours=1, id="rain")
    bank.void("rain", reason="rain")
    assert "voided" == status("rain")
    bank.hold(earner="m1", spender="f1", hours=1, id="short", expires_in=timedelta(hours=1))
    assert "open" == status("short")
    clock.now += timedelta(hours=2)
    assert "open" == status("short"), "up to the last record, which came before"
    bank.open_account("later")
    assert "expired" == status("short")


def test_nothing_that_came_behind_the_head_is_told(
    bank: TimeBank, key: SigningKey, clock: Clock
) -> None:
    """An amendment, a reversal, a settlement, a restart of the clock: each by the next head."""
    until = timedelta(days=9)
    bank.transfer(earner="m1", spender="f1", hours=1, id="a")
    for id in ("planned", "to-come"):
        bank.hold(earner="m1", spender="f1", hours=1, id=id, expires_in=until)

    def words(id: str) -> list[tuple[str, int, int]]:
        size = bank.head().sequence
        heads = (head_at(bank, one, key) for one in (size - 1, size))
        told = (receipt(bank, id, key=key, head=head).checked(key).word for head in heads)
        return [(one.status, len(one.amendments), len(one.reversals)) for one in told]

    bank.amend("a", category="care", reason="a slip")
    assert [("stands", 0, 0), ("stands", 1, 0)] == words("a")
    bank.reverse("a", reason="no")
    assert [("stands", 1, 0), ("reversed", 1, 1)] == words("a")
    bank.settle("planned", id="done")
    assert [("open", 0, 0), ("settled", 0, 0)] == words("planned")
    bank.reverse("done", reason="no")
    assert [("settled", 0, 0), ("settled", 0, 1)] == words("planned")
    clock.now += timedelta(days=3)
    bank.open_account("ahead")
    clock.now -= timedelta(days=2)
    bank.restart_clock(today=clock.now.date(), reason="it ran ahead")
    assert [("open", 0, 0), ("expired", 0, 0)] == words("to-come")


def test_a_hold_has_expired_at_its_very_instant(bank: TimeBank, key: SigningKey) -> None:
    """As the bank has it: the hour is over where the last record is an hour later."""
    hour = timedelta(hours=1)
    now = bank.hold(earner="m1", spender="f1", hours=1, id="a").recorded_at
    still = TimeBank(bank.store, clock=lambda: now)
    held = still.hold(earner="m1", spender="f1", hours=1, id="b", expires_in=hour)
    assert now + hour == held.expires_at
    assert "open" == receipt(bank, "b", key=key).checked(key).word.status
    TimeBank(bank.store, clock=lambda: now + hour).open_account("new")
    assert "expired" == receipt(bank, "b", key=key).checked(key).word.status


def test_who_became_whom_is_told(bank: TimeBank, key: SigningKey) -> None:
    """Also by way of others, and only what had happened by the head."""
    for id in ("a", "b", "c"):
        bank.open_account(id, name=f"the name of {id}")
    bank.transfer(earner="a", spender="m1", hours=1, id="visit")
    bank.merge("a", into="b", reason="twice")
    size = bank.head().sequence
    bank.merge("b", into="c", reason="twice")
    found = receipt(bank, "visit", key=key).checked(key).word
    assert {"a": "c"} == found.merged
    assert {"a", "c", "m1"} == found.names.keys()
    early = receipt(bank, "visit", key=key, head=head_at(bank, size, key)).checked(key).word
    assert {"a": "b"} == early.merged
    assert (
        {}
        == receipt(bank, "visit", key=key, head=head_at(bank, size - 1, key))
        .checked(key)
        .word.merged
    )


def test_accounts_that_became_one_another_give_no_receipt(bank: TimeBank, key: SigningKey) -> None:
    """Rows that are damaged like that are told, and not followed for ever."""
    for id in ("a", "b"):
        bank.open_account(id)
    bank.transfer(earner="a", spender="m1", hours=1, id="visit")
    bank.merge("a", into="b", reason="twice")
    with bank.store.writer("main") as writer:
        row = writer.account("b")
        assert row is not None
        writer.append(Batch(accounts={"b": row._replace(merged_into="a")}))
    with pytest.raises(Corrupt, match="became one another"):
        receipt(bank, "visit", key=key)


def test_an_exchange_of_many_with_all_that_describes_it(bank: TimeBank, key: SigningKey) -> None:
    """Several on each side, a fee, a flag, who arranged it, times, tags."""
    bank.open_account("fund", kind="fund")
    soft = {"member": Band(floor=-1, beyond="flag"), "group": Band(floor=-1, beyond="flag")}
    bank.adopt(Statute(version="v9", limits=soft, fee=Fee(fund="fund", fixed="0:10")))
    for id in ("a", "b", "c", "d"):
        bank.open_account(id, name=id.upper())
    made = bank.acting_as("carla").transfer(
        earner={"a": "1:30", "b": "0:30"},
        spender={"c": 1, "d": 1},
        id="choir",
        via="f1",
        occurred_on=date(2026, 3, 1),
        started_at=time(9, 30),
        tags=["x", "y"],
        resource="car",
    )
    found = receipt(bank, "choir", key=key).checked(key)
    assert made == found.exchange
    assert {"A", "B", "C", "D", "Famiglia Rossi"} == set(found.word.names.values())


# -- what is refused -------------------------------------------------------------------------


def small(texts: str = "at home") -> tuple[str, SigningKey, SigningKey]:
    """A receipt of a small bank, cosigned by a neighbour, and both keys."""
    bank = timebank.open("memory:", clock=Clock(), new_id=lambda: "j1")
    for id in ("m1", "f1"):
        bank.open_account(id, name=id.upper())
    bank.transfer(earner="m1", spender="f1", hours=1, id="t1", note=texts)
    bank.open_account("m2")
    key, witness = key_of(bank), SigningKey("w", "cosignature", bytes(32))
    head = sign_head(bank, key)
    head = head.cosigned(witness.cosign(head.note.text, SECONDS))
    return str(receipt(bank, "t1", key=key, head=head)), key, witness


def test_every_bit_flipped_is_refused() -> None:
    """In every byte of the receipt, signatures of the bank and of the neighbour among them."""
    text, key, witness = small()
    verify_receipt(text, key.public, witnesses=[witness.public])
    public, neighbours = key.public, [witness.public]
    for number, wrong in enumerate(flips(text.encode())):
        with pytest.raises(NotProved):
            verify_receipt(wrong, public, witnesses=neighbours)
            raise AssertionError(number)


def test_a_flipped_bit_of_a_signature_that_is_not_asked_for_is_no_matter() -> None:
    """It is told as not checked, and proves nothing."""
    text, key, witness = small()
    found = verify_receipt(text, key.public)
    assert (("w",), ()) == (found.head.unchecked, found.head.cosigners)
    start = text.rindex(" ") + 12
    wrong = text[:start] + ("A" if text[start] != "A" else "B") + text[start + 1 :]
    assert ("w",) == verify_receipt(wrong, key.public).head.unchecked
    with pytest.raises(NotProved, match="the signature of w does not hold"):
        verify_receipt(wrong, key.public, witnesses=[witness.public])


def test_a_line_left_out_doubled_or_moved_is_refused() -> None:
    """Of the receipt itself; but the order of signatures is no matter, and nor is one twice."""
    text, key, witness = small()
    lines = text.splitlines(keepends=True)
    above = len(lines) - 2
    others = ["".join(lines[:n] + lines[n + 1 :]) for n in range(len(lines))]
    for n, line in enumerate(lines[:above]):
        others.append("".join([*lines[:n], line, *lines[n:]]))
        others += [
            "".join([*lines[:n], *lines[n + 1 : m], line, *lines[m:]])
            for m in range(n + 2, len(lines) + 1)
        ]
    assert len(set(others)) > 2 * len(lines)
    for other in others:
        with pytest.raises(NotProved):
            verify_receipt(other, key.public, witnesses=[witness.public])
    for same in ([*lines, lines[-1]], [*lines[:above], lines[-1], lines[-2]]):
        verify_receipt("".join(same), key.public, witnesses=[witness.public])


def forged(bodies: list[bytes]) -> Iterator[tuple[str, list[bytes]]]:
    """Yield journals with each record changed, left out, doubled, or moved, and which of these."""
    for n, body in enumerate(bodies):
        changed = body.replace(b'"recorded_at":1', b'"recorded_at":2')
        yield "changed", [*bodies[:n], changed, *bodies[n + 1 :]]
        yield "left out", [*bodies[:n], *bodies[n + 1 :]]
        yield "doubled", [*bodies[: n + 1], *bodies[n:]]
        if n:
            yield "moved", [*bodies[: n - 1], body, bodies[n - 1], *bodies[n + 1 :]]


def bank_of(journal: str, bodies: list[bytes]) -> TimeBank:
    """A bank whose administrator has rewritten its records, chain, tree and all."""
    store = open_store("memory:", create=True)
    store.make_bank("main", journal=journal)
    rows, last, ids = [], genesis(journal), set()
    for number, body in enumerate(bodies, 1):
        last, record = digest(last, body), parse(body)
        id = record["request"].get("id")
        row = RecordRow(
            number,
            last,
            body,
            record["kind"],
            None if id in ids else id,
            refers_to(record["effects"]),
        )
        ids.add(id)
        rows.append(row)
    with store.writer("main") as writer:
        writer.append(Batch(records=rows, tiles=tiles_filled(writer, rows)))
    return TimeBank(store)


def test_a_rewritten_past_gives_no_receipt(bank: TimeBank, key: SigningKey) -> None:
    """Each record changed, left out, doubled or moved: not under the head that was signed.

    Under one that the bank signs for the rewritten past, no record has another number.
    """
    journal, head = bank.head().journal, sign_head(bank, key)
    bodies = [one.bytes for one in bank.records()]
    size, tried = len(bodies), 0
    honest = receipt(bank, provable(bank)[0][2], key=key)
    for what, others in forged(bodies):
        other = bank_of(journal, others)
        if others[:size] != bodies:
            for _, _, id in provable(other):
                with pytest.raises((Forked, NotProved)) as caught:
                    receipt(other, id, key=key, head=head)
                assert isinstance(caught.value, Forked) or "came behind" in str(caught.value)
                tried += 1
        new = head_at(other, len(others), key)
        for place, body in enumerate(others):
            with other.store.reader("main") as reader:
                proof = tuple(tree_at(reader, len(others)).inclusion(place))
            lie = attrs.evolve(honest, record=body.decode(), index=place, hashes=proof, texts={})
            with pytest.raises(NotProved):
                lie.checked(key)
            number = json.loads(body)["sequence"]
            if json.loads(body)["kind"] in PROVABLE and number != place + 1:
                assert what != "changed"
                with pytest.raises(NotProved, match="another number"):
                    attrs.evolve(lie, head=new).checked(key)
                tried += 1
    assert tried > size


def test_a_word_on_another_record_or_head_is_refused(bank: TimeBank, key: SigningKey) -> None:
    """Though the bank has signed it: each receipt has its own."""
    bank.transfer(earner="m1", spender="f1", hours=1, id="a")
    bank.transfer(earner="m1", spender="f1", hours=1, id="b")
    one, other = (receipt(bank, id, key=key) for id in ("a", "b"))
    bank.reverse("a", reason="no")
    later = receipt(bank, "a", key=key)
    for word in (other.word, later.word):
        with pytest.raises(NotProved, match="on another record, or up to another head"):
            attrs.evolve(one, word=word).checked(key)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda said: said | {"more": 1},
        lambda said: {name: one for name, one in said.items() if name != "names"},
        lambda said: said | {"status": "settled"},
        lambda said: said | {"status": None},
        lambda said: said | {"status": ["stands"]},
        lambda said: said | {"names": {"m1": 7}},
        lambda said: said | {"names": []},
        lambda said: said | {"merged": None},
        lambda said: said | {"reversals": {}},
        lambda said: said | {"reversals": [{}]},
        lambda said: (
            said | {"reversals": [{"hours": "1", "id": "", "record": 1, "recorded_on": ""}]}
        ),
        lambda said: said | {"amendments": [{"record": 1, "recorded_on": "", "sets": []}]},
        lambda said: said | {"amendments": [[]]},
    ],
)
def test_a_word_of_another_form_is_refused(
    bank: TimeBank, key: SigningKey, wrong: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    """Though the bank signed it: a program that shows it need not be afraid of it."""
    made = receipt(bank, provable(bank)[0][2], key=key)
    first, second, said, _ = made.word.text.split("\n")
    text = f"{first}\n{second}\n{canonical(wrong(json.loads(said))).decode()}\n"
    with pytest.raises(NotProved, match="not as banks write it"):
        resigned(made, text, key).checked(key)
    loose = f"{first}\n{second}\n{json.dumps(json.loads(said))}\n"
    with pytest.raises(NotProved, match="not as banks write it"):
        resigned(made, loose, key).checked(key)


def repacked(text: str, change: Callable[[dict[str, Any]], Any], *, loose: bool = False) -> str:
    """A receipt with another object in its line of `extra`."""
    first, extra, *rest = text.split("\n")
    found = change(json.loads(b64decode(extra.removeprefix("extra "))))
    data = json.dumps(found).encode() if loose else canonical(found)
    return "\n".join([first, f"extra {base64_of(data)}", *rest])


@pytest.mark.parametrize(
    "change",
    [
        lambda extra: extra | {"more": ""},
        lambda extra: extra | {"format": "timebank-receipt/2"},
        lambda extra: {name: one for name, one in extra.items() if name != "texts"},
        lambda extra: extra | {"texts": []},
        lambda extra: extra | {"texts": {"note": "at home"}},
        lambda extra: extra | {"texts": {"note": [extra["texts"]["note"][0].upper(), "at home"]}},
        lambda extra: extra | {"texts": {"note": [extra["texts"]["note"][0], "away"]}},
        lambda extra: extra | {"texts": {"note": ["00" * 16, "at home"]}},
        lambda extra: extra | {"texts": {"note": ["xy" * 16, "at home"]}},
        lambda extra: extra | {"texts": {"note": [*extra["texts"]["note"], ""]}},
        lambda extra: extra | {"texts": {"reason": extra["texts"]["note"]}},
        lambda extra: extra | {"texts": {"id": extra["texts"]["note"]}},
        lambda extra: extra | {"record": json.loads(extra["record"])},
        lambda extra: extra | {"record": extra["record"] + " "},
        lambda extra: extra | {"record": extra["record"].replace('"sequence":3', '"sequence":4')},
        lambda extra: extra | {"record": "[]"},
        lambda extra: extra | {"record": ""},
        lambda extra: extra | {"word": None},
        lambda extra: extra | {"word": extra["word"] + "\n"},
        lambda extra: extra | {"word": extra["word"].replace("stands", "reversed")},
    ],
)
def test_what_nobody_signed_is_not_believed(change: Callable[[dict[str, Any]], Any]) -> None:
    """The line of `extra` is anybody's to write: what it says is hashed, signed, or refused."""
    text, key, _ = small()
    with pytest.raises(NotProved):
        verify_receipt(repacked(text, change), key.public)


@pytest.mark.parametrize("what", ["record", "texts", "word", "more"])
@pytest.mark.parametrize(
    "said",
    [
        '"\\ud800"',
        '{"note":["' + 32 * "0" + '","\\udfff"]}',
        *(f"{'[' * levels}{']' * levels}" for levels in (20, 400, 980, 1000, 3000, 100_000)),
        *(json.dumps(f"{{{'[' * levels}{']' * levels}}}") for levels in (400, 980, 3000)),
        *(json.dumps(f'{{"a":{"[" * levels}{"]" * levels}}}') for levels in (400, 980, 3000)),
    ],
)
def test_what_no_json_in_canonical_form_has_is_refused(what: str, said: str) -> None:
    """Half a character, or more levels than a program can follow: refused, and nothing breaks."""
    text, key, _ = small()
    first, extra, *rest = text.split("\n")
    found = json.loads(b64decode(extra.removeprefix("extra "))) | {what: "HERE"}
    data = canonical(found).decode().replace('"HERE"', said).encode()
    with pytest.raises(NotProved):
        verify_receipt("\n".join([first, f"extra {base64_of(data)}", *rest]), key.public)


@pytest.mark.parametrize(
    ("effects", "word"),
    [
        ({"postings": []}, {}),
        ({"postings": [["m1", 0], ["f1", 0]]}, {}),
        ({"postings": [["m1", 60], ["f1", -50]]}, {}),
        ({"fee": [["fund", 60], ["f1", -60]]}, {}),
        (
            {
                "postings": [["m1", 60], ["f1", -60], ["fund", 6], ["f1", -5]],
                "fee": [["fund", 6], ["f1", -5]],
            },
            {},
        ),
        ({}, {"reversals": [{"hours": 1, "id": "x", "record": 9, "recorded_on": "2026-02-31"}]}),
        *(
            ({}, {"amendments": [{"record": 9, "recorded_on": on, "sets": sets}]})
            for on, sets in (
                ("soon", {}),
                ("2026-03-02", {"tags": {"a": 1}}),
                ("2026-03-02", {"tags": [1]}),
                ("2026-03-02", {"note": "words"}),
                ("2026-03-02", {"note": True}),
                ("2026-03-02", {"category": 1}),
                ("2026-03-02", {"category": [[]]}),
                ("2026-03-02", {"hours": None}),
            )
        ),
    ],
)
def test_what_no_bank_writes_is_refused_though_one_signed_it(
    effects: dict[str, Any], word: dict[str, Any]
) -> None:
    """Hours from nobody, a fee that is not the last of the lines, days and fields that are none."""
    key = SigningKey("timebank/8a1e", "ed25519", bytes(32))
    record = strangers.record() | {"sequence": 1}
    assert strangers.written(record) == lying(record, key).checked(key).receipt.record
    record["effects"] = record["effects"] | effects
    made = lying(record, key)
    first, second, said, _ = made.word.text.split("\n")
    text = f"{first}\n{second}\n{canonical(json.loads(said) | word).decode()}\n"
    with pytest.raises(NotProved):
        resigned(made, text, key).checked(key)


def test_a_page_that_never_ends_is_read_once() -> None:
    """Many beginnings of a receipt without an end: the time grows as the page does."""
    for text in ('<pre id="receipt"' * 400_000, '<pre id="receipt">' * 400_000):
        with pytest.raises(NotProved, match="no receipt in it"):
            Receipt.in_page(text)


def test_there_is_one_text_of_a_receipt() -> None:
    """Other white space, other ends of lines, what stands before or behind it: all refused."""
    text, key, _ = small()
    lines = text.split("\n")
    for other in (
        repacked(text, lambda extra: extra, loose=True),
        text.replace("\n", "\r\n"),
        f"{text}\n",
        f"\n{text}",
        text[:-1],
        f"\ufeff{text}",
        text.replace("index 2", "index 02"),
        text.replace("index 2", "index +2"),
        text.replace("index 2", "index ٢"),
        text.replace("index 2", f"index 2\n{base64_of(bytes(32))}"),
        text.replace("index 2", "index 2" + f"\n{base64_of(bytes(32))}" * (MOST_HASHES + 1)),
        text.replace(lines[3], lines[3][:-4]),
        text.replace(lines[3], f"{lines[3]} "),
        text.replace("tlog-proof@v1", "tlog-proof@v2"),
        text.replace("extra ", "extra  "),
        "",
        "c2sp.org/tlog-proof@v1\n",
        "c2sp.org/tlog-proof@v1\nextra \nindex 0\n\n",
    ):
        with pytest.raises(NotProved):
            verify_receipt(other, key.public)
        with pytest.raises(NotProved):
            verify_receipt(other.encode(), key.public)


def test_what_was_copied_without_care_is_told() -> None:
    """The end of the last line, or an empty one behind it: the error says what to look at."""
    text, key, _ = small()
    for other in (text[:-1], f"{text}\n", f"{text}\nRegards,\n\n"):
        with pytest.raises(NotProved, match="its end was cut off, or something stands behind it"):
            verify_receipt(other, key.public)


@given(st.data())
def test_nothing_makes_a_receipt_fail_otherwise(data: st.DataObject) -> None:
    """Whatever is in the file, it is no receipt, and the error says so."""
    text, key, _ = small()
    raw = text.encode()
    start = data.draw(st.integers(0, len(raw)))
    end = data.draw(st.integers(start, min(len(raw), start + 40)))
    part = data.draw(st.binary(max_size=12) | st.text(max_size=6).map(lambda t: t.encode()))
    other = raw[:start] + part + raw[end:]
    if other != raw:
        with pytest.raises(NotProved):
            verify_receipt(other, key.public, witnesses=[])


def test_a_record_that_is_no_exchange_has_no_receipt(bank: TimeBank, key: SigningKey) -> None:
    """An id of nothing, of an account, of a void; and a record that a forger put in a receipt."""
    bank.hold(earner="m1", spender="f1", hours=1, id="rain")
    void = bank.void("rain", reason="rain").resolved_by
    for id in ("nothing", "m1", void):
        with pytest.raises(TransferNotFound):
            receipt(bank, str(id), key=key)
    with pytest.raises(InvalidRequest):
        receipt(bank, "", key=key)
    with bank.store.reader("main") as reader:
        row = reader.records(after=0, limit=1)[0]
        made = receipt(bank, "rain", key=key)
        hashes = tuple(tree_at(reader, made.head.checkpoint.size).inclusion(0))
    lie = attrs.evolve(made, record=row.body.decode(), index=0, hashes=hashes, texts={})
    with pytest.raises(NotProved, match="not that of an exchange"):
        lie.checked(key)


@given(st.data())
@examples(200)
def test_a_record_that_no_bank_writes_is_refused_in_words(data: st.DataObject) -> None:
    """A bank may sign what it will: nothing is shown of a record that cannot be read."""
    record: dict[str, Any] = {
        "actor": "carla",
        "effects": {
            "occurred_on": "2026-03-02",
            "postings": [["m1", 60], ["f1", -60]],
            "statute": "default/1",
        },
        "format": "timebank/1",
        "journal": "j1",
        "kind": "transfer",
        "recorded_at": 1,
        "recorded_on": "2026-03-02",
        "request": {
            "id": "t1",
            "kind": "exchange",
            "earners": [["m1", 60]],
            "spenders": [["f1", 60]],
            "tags": ["a"],
            "from": "09:30",
        },
        "sequence": 1,
    }
    key = SigningKey("timebank/j1", "ed25519", bytes(32))
    assert "t1" == lying(record, key).checked(key).exchange.id
    place = data.draw(st.sampled_from([record, record["effects"], record["request"]]))
    field = data.draw(st.sampled_from(sorted(place)))
    other = data.draw(
        st.none()
        | st.integers(-9, 9)
        | st.text("x-1", max_size=3)
        | st.lists(st.none(), max_size=2)
    )
    if data.draw(st.booleans()):
        del place[field]
    else:
        place[field] = other
    try:
        found = lying(record, key).checked(key)
    except NotProved:
        return
    assert receipt_text(found)


def lying(record: dict[str, Any], key: SigningKey) -> Receipt:
    """The receipt of a record that no bank would write, as the first of a journal."""
    root = root_of([leaf_hash(canonical(record))])
    checkpoint = Checkpoint(key.name, 1, root)
    head = SignedHead(checkpoint, Note(str(checkpoint)).signed_by(key.sign(str(checkpoint))))
    about = f"word on record 1 up to head 1 {base64_of(head.checkpoint.root)}"
    said = '{"amendments":[],"merged":{},"names":{},"reversals":[],"status":"stands"}'
    word = Note(text := f"{head.checkpoint.origin}\n{about}\n{said}\n").signed_by(key.sign(text))
    return Receipt(
        head=head, index=0, hashes=(), record=canonical(record).decode(), texts={}, word=word
    )


# -- keys ------------------------------------------------------------------------------------


def test_the_key_has_to_be_the_banks(bank: TimeBank, key: SigningKey, tmp_path: Path) -> None:
    """That which signs, and that which checks; paths do as well as keys."""
    _, _, id = provable(bank)[0]
    other = SigningKey.make("timebank/other")
    with pytest.raises(InvalidRequest, match="does not sign for"):
        receipt(bank, id, key=other)
    with pytest.raises(InvalidRequest, match="witness"):
        receipt(bank, id, key=SigningKey.make(key.name, witness=True))
    with pytest.raises(InvalidRequest):
        receipt(bank, id, key=[])
    key.write(tmp_path / "bank.key")
    made = receipt(bank, id, key=tmp_path / "bank.key")
    assert made == receipt(bank, id, key=key) == receipt(bank, id, key=[str(tmp_path / "bank.key")])
    (tmp_path / "bank.pub").write_text(f"{other.public}\n{key.public}\n", encoding="utf-8")
    for good in (key, key.public, str(key.public), tmp_path / "bank.pub", tmp_path / "bank.key"):
        assert key.public in verify_receipt(made, good).head.signers
    same_name = SigningKey.make(key.name)
    for bad in (other, same_name):
        with pytest.raises(NotProved):
            verify_receipt(made, bad)
    with pytest.raises(InvalidRequest):
        verify_receipt(made)


def test_several_keys_sign_head_and_word_alike(bank: TimeBank, key: SigningKey) -> None:
    """A receipt holds by either; who has both keys sees where one signed the head alone."""
    _, _, id = provable(bank)[0]
    second = key_of(bank, bytes([1] * 32))
    made = receipt(bank, id, key=[key, second])
    for keys in ((key,), (second,), (key, second)):
        assert {one.public for one in keys} == set(made.checked(*keys).head.signers)
    lone = attrs.evolve(made, word=made.word.without([(second.name, second.public.key_id)]))
    assert (key.public,) == lone.checked(key).head.signers
    for keys in ((second,), (key, second)):
        with pytest.raises(NotProved, match="not signed by the keys"):
            lone.checked(*keys)


def test_a_receipt_up_to_a_head_that_was_published(bank: TimeBank, key: SigningKey) -> None:
    """It has the cosignatures of that head, and says nothing of what came later."""
    bank.transfer(earner="m1", spender="f1", hours=1, id="a")
    witnesses = [SigningKey.make(name, witness=True) for name in ("north", "south")]
    head = sign_head(bank, key)
    head = head.cosigned(*(one.cosign(head.note.text, SECONDS) for one in witnesses))
    bank.reverse("a", reason="no")
    for form in (head, str(head), str(head).encode()):
        found = receipt(bank, "a", key=key, head=form).checked(
            key, witnesses=[one.public for one in witnesses]
        )
        assert ("stands", head) == (found.word.status, found.receipt.head)
        assert ["north", "south"] == [one.key.name for one in found.head.cosigners]
    text = f"log {key.public}\nwitness n {witnesses[0].public}\nquorum n\n"
    made = receipt(bank, "a", key=key, head=head)
    assert (key.public,) == made.checked(policy=Policy.of(text)).head.signers
    absent = SigningKey.make("east", witness=True).public
    with pytest.raises(NotProved, match="not cosigned by east"):
        made.checked(key, witnesses=[absent])
    text = f"log {key.public}\nwitness e {absent}\nquorum e\n"
    with pytest.raises(NotProved, match="as many witnesses"):
        made.checked(policy=Policy.of(text))


def test_a_head_that_does_not_fit_makes_no_receipt(bank: TimeBank, key: SigningKey) -> None:
    """Of before the exchange, of another bank, of another key, or of another past."""
    before = sign_head(bank, key)
    bank.transfer(earner="m1", spender="f1", hours=1, id="a")
    with pytest.raises(NotProved, match=rf"'a' is record {bank.head().sequence}, which came"):
        receipt(bank, "a", key=key, head=before)
    with timebank.open("memory:") as other, pytest.raises(NotProved, match="the head is of"):
        receipt(bank, "a", key=key, head=sign_head(other, key_of(other)))
    second = key_of(bank, bytes([1] * 32))
    with pytest.raises(NotProved, match="is not signed by the key"):
        receipt(bank, "a", key=second, head=sign_head(bank, key))
    with pytest.raises(NotProved, match="is not signed by the key"):
        receipt(bank, "a", key=[key, second], head=sign_head(bank, key))
    size = bank.head().sequence
    for wrong in (
        Checkpoint(before.checkpoint.origin, size + 1, bytes(32)),
        Checkpoint(before.checkpoint.origin, size, bytes(32)),
    ):
        text = str(wrong)
        lie = SignedHead(wrong, Note(text).signed_by(key.sign(text)))
        with pytest.raises(Forked) as error:
            receipt(bank, "a", key=key, head=lie)
        evidence = Evidence.of(error.value.evidence or "")
        assert evidence.seen == lie
        evidence.checked([key.public])


def test_a_head_that_two_keys_signed_serves_one_of_them(bank: TimeBank, key: SigningKey) -> None:
    """The other's signature is left out, for the word has none of it."""
    second = key_of(bank, bytes([1] * 32))
    bank.transfer(earner="m1", spender="f1", hours=1, id="a")
    witness = SigningKey.make("w", witness=True)
    head = sign_head(bank, key, second)
    head = head.cosigned(witness.cosign(head.note.text, SECONDS))
    made = receipt(bank, "a", key=second, head=head)
    assert (second.public,) == made.checked(key, second, witnesses=[witness]).head.signers


@pytest.mark.parametrize("handle", ["batch", "preview"])
def test_what_is_not_kept_is_not_signed(
    bank: TimeBank, key: SigningKey, tmp_path: Path, handle: str
) -> None:
    """A batch may still be dropped, and a preview always is: who signed them had two pasts."""
    bank.transfer(earner="m1", spender="f1", hours=1, id="a")
    head = sign_head(bank, key)
    policy = Policy.of(f"log {key.public}\nquorum none\n")
    with getattr(bank, handle)() as unfinished:
        unfinished.open_account("only-tried")
        for signs in (
            lambda: receipt(unfinished, "a", key=key),
            lambda: sign_head(unfinished, key),
            lambda: continuation(unfinished, head, key),
            lambda: publish(unfinished, tmp_path / "head", head, policy=policy),
        ):
            with pytest.raises(WrongType, match="what a bank has recorded and kept"):
                signs()
    assert [] == [*tmp_path.iterdir()]


def test_a_host_has_receipts_in_its_own_transaction(tmp_path: Path) -> None:
    """A bank that lives in another program's database."""
    with closing(sqlite3.connect(tmp_path / "host.db", isolation_level=None)) as connection:
        bank = timebank.join(connection)
        connection.execute("BEGIN")
        fill(bank)
        connection.execute("COMMIT")
        key = key_of(bank)
        for _, _, id in provable(bank):
            assert id == receipt(bank, id, key=key).checked(key).exchange.id


@pytest.mark.parametrize("store", ["memory", "sqlite"])
def test_a_receipt_is_the_same_on_every_store(store: str, tmp_path: Path) -> None:
    """It follows from the records, the texts and the key alone."""
    url = {"memory": "memory:", "sqlite": f"sqlite:///{tmp_path / 'bank.db'}"}[store]
    with timebank.open(url, **sources()) as bank, timebank.open("memory:", **sources()) as other:
        for one in (bank, other):
            fill(one)
        for _, _, id in provable(bank):
            assert str(receipt(bank, id, key=key_of(bank))) == str(
                receipt(other, id, key=key_of(other))
            )
