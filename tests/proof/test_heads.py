"""Signed heads: signed by a bank's keys, cosigned by witnesses, refused where they are not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import attrs
import pytest

import timebank
from support import fill, sources
from timebank import InvalidRequest, NotPermitted, TimeBank
from timebank.proof import (
    Checkpoint,
    Note,
    NotProved,
    Policy,
    PublicKey,
    Signature,
    SignedHead,
    SigningKey,
    keys_of,
    origin_of,
    sign_head,
)
from timebank.proof.notes import base64_of

NAME = "timebank/8a1e"
SECONDS = 1_700_000_000


@pytest.fixture
def bank() -> Iterator[TimeBank]:
    """A small bank with every kind of record."""
    with timebank.open("memory:", **sources()) as bank:
        fill(bank)
        yield bank


@pytest.fixture
def key(bank: TimeBank) -> SigningKey:
    """The key of that bank."""
    return SigningKey.make(origin_of(bank.head().journal))


def witness(name: str) -> SigningKey:
    """The key of a neighbour."""
    return SigningKey.make(name, witness=True)


def cosigned(head: SignedHead, *witnesses: SigningKey) -> SignedHead:
    """A head as it comes back from neighbours."""
    return head.cosigned(*(one.cosign(head.note.text, SECONDS) for one in witnesses))


def test_a_signed_head_says_what_the_bank_says_of_itself(bank: TimeBank, key: SigningKey) -> None:
    head, signed = bank.head(), sign_head(bank, key)
    assert signed.checkpoint == Checkpoint(f"timebank/{head.journal}", head.sequence, head.root)
    assert signed.journal == head.journal
    assert SignedHead.of(str(signed)) == signed == SignedHead.of(str(signed).encode())
    assert signed.checked([key.public]).signers == (key.public,)


def test_several_keys_sign_one_head(bank: TimeBank, key: SigningKey) -> None:
    """One of those that are given is enough: so a key can be replaced by another."""
    other, third = SigningKey.make(key.name), SigningKey.make(key.name)
    signed = sign_head(bank, key, other)
    assert signed.checked([key.public, other.public]).signers == (key.public, other.public)
    found = signed.checked([third.public, other.public])
    assert (found.signers, found.unchecked) == ((other.public,), (key.name,))


def test_keys_are_read_from_files(bank: TimeBank, key: SigningKey, tmp_path: Path) -> None:
    key.write(tmp_path / "key")
    signed = sign_head(bank, tmp_path / "key")
    (tmp_path / "head").write_text(str(signed))
    read = SignedHead.read(tmp_path / "head")
    assert read.checked(keys_of(str(tmp_path / "key"))).signers == (key.public,)


def test_a_name_and_times_are_told_of_each_witness(bank: TimeBank, key: SigningKey) -> None:
    north, south = witness("north"), witness("south")
    signed = cosigned(sign_head(bank, key), north, south)
    found = signed.checked([key.public], [north.public])
    assert [(one.key, one.at) for one in found.cosigners] == [
        (north.public, datetime.fromtimestamp(SECONDS, UTC))
    ]
    assert found.unchecked == ("south",)


def test_who_may_not_read_the_head_does_not_sign_it(key: SigningKey) -> None:
    bank = timebank.open("memory:", permissions=lambda ask: ask.action != "head")
    with pytest.raises(NotPermitted):
        sign_head(bank, key)


def test_a_key_of_another_bank_checks_nothing(bank: TimeBank, key: SigningKey) -> None:
    """Its signature counts for nothing, and is told as one that was not checked."""
    other = SigningKey.make("timebank/other")
    signed = sign_head(bank, key)
    signed = signed.cosigned(Signature(other.name, other.public.key_id, b"wrong"))
    found = signed.checked([other.public, key.public])
    assert (found.signers, found.unchecked) == ((key.public,), ("timebank/other",))


# -- what is refused -----------------------------------------------------------------------


def forged(change: Callable[[Checkpoint], Checkpoint]) -> Callable[[SignedHead], SignedHead]:
    """What makes another head under the same signatures."""

    def changed(signed: SignedHead) -> SignedHead:
        other = change(signed.checkpoint)
        return SignedHead.of(str(attrs.evolve(signed.note, text=str(other))))

    return changed


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (forged(lambda one: attrs.evolve(one, size=one.size + 1)), "does not hold"),
        (forged(lambda one: attrs.evolve(one, root=bytes(32))), "does not hold"),
        (forged(lambda one: attrs.evolve(one, origin="timebank/other")), "the head is of"),
        (lambda one: SignedHead(one.checkpoint, Note(one.note.text)), "is not signed by the key"),
    ],
)
def test_a_head_that_was_changed_is_refused(
    bank: TimeBank,
    key: SigningKey,
    change: Callable[[SignedHead], SignedHead],
    message: str,
) -> None:
    signed = sign_head(bank, key)
    with pytest.raises(NotProved, match=message):
        change(signed).checked([key.public])


def test_every_bit_of_a_signed_head_counts(bank: TimeBank, key: SigningKey) -> None:
    north = witness("north")
    data = str(cosigned(sign_head(bank, key), north)).encode()
    SignedHead.of(data).checked([key.public], [north.public])
    for n in range(8 * len(data)):
        changed = bytearray(data)
        changed[n // 8] ^= 1 << n % 8
        with pytest.raises(NotProved):
            SignedHead.of(bytes(changed)).checked([key.public], [north.public])


def test_a_key_that_is_not_the_bank_s_is_refused(bank: TimeBank, key: SigningKey) -> None:
    signed, other = sign_head(bank, key), SigningKey.make(key.name)
    with pytest.raises(NotProved, match=f"not signed by the key {other.public.key_id.hex()}"):
        signed.checked([other.public])
    with pytest.raises(NotProved, match="the key is that of timebank/x"):
        signed.checked([SigningKey.make("timebank/x").public])
    with pytest.raises(InvalidRequest, match="does not sign for"):
        sign_head(bank, key, SigningKey.make("timebank/x"))
    with pytest.raises(InvalidRequest, match="is a witness's"):
        sign_head(bank, SigningKey.make(key.name, witness=True))
    with pytest.raises(InvalidRequest, match="a key that signs is missing"):
        sign_head(bank)


def test_keys_are_of_the_kind_that_is_asked_for(bank: TimeBank, key: SigningKey) -> None:
    signed, north = sign_head(bank, key), witness("north")
    with pytest.raises(InvalidRequest, match="without one nothing is checked"):
        signed.checked([])
    with pytest.raises(InvalidRequest, match="signs for no bank"):
        signed.checked([north.public])
    with pytest.raises(InvalidRequest, match="does not cosign"):
        signed.checked([key.public], [key.public])


def test_a_cosignature_of_another_time_or_key_is_refused(bank: TimeBank, key: SigningKey) -> None:
    signed, north = sign_head(bank, key), witness("north")
    signature = north.cosign(signed.note.text, SECONDS)
    later = (SECONDS + 1).to_bytes(8, "big") + signature.value[8:]
    with pytest.raises(NotProved, match="the signature of north does not hold"):
        signed.cosigned(attrs.evolve(signature, value=later)).checked([key.public], [north.public])
    with pytest.raises(NotProved, match="not cosigned by north"):
        cosigned(signed, witness("north")).checked([key.public], [north.public])


@pytest.mark.parametrize("journal", ["", "a b", "a+b", "a\tb", "a\u2003b", "\ud800"])
def test_some_journals_cannot_sign(journal: str) -> None:
    with pytest.raises(InvalidRequest, match="cannot sign"):
        origin_of(journal)


def test_a_head_of_another_kind_of_log_has_no_journal() -> None:
    for origin in ("example.com/log", "timebank/", "timebank"):
        text = str(Checkpoint(origin, 1, bytes(32)))
        with pytest.raises(NotProved, match="no time bank"):
            _ = SignedHead(Checkpoint.of(text), Note(text)).journal


# -- policies ------------------------------------------------------------------------------


def test_a_policy_says_whose_cosignatures_are_needed(bank: TimeBank, key: SigningKey) -> None:
    north, south, east = map(witness, ("north", "south", "east"))
    text = f"log {key.public}\n" + "".join(
        f"witness {one.name} {one.public}\n" for one in (north, south, east)
    )
    policy = Policy.of(f"{text}group two 2 north south east\nquorum two\n")
    signed = sign_head(bank, key)
    for few in ([], [north], [witness("south"), east]):
        with pytest.raises(NotProved, match="as many witnesses as the policy asks for"):
            cosigned(signed, *few).checked([], policy=policy)
    found = cosigned(signed, east, north).checked([], policy=policy)
    assert [one.key for one in found.cosigners] == [north.public, east.public]
    none = Policy.of(f"{text}quorum none\n")
    assert signed.checked([], policy=none).signers == (key.public,)


def test_keys_that_are_given_stand_for_those_of_the_policy(bank: TimeBank, key: SigningKey) -> None:
    other = SigningKey.make(key.name)
    policy = Policy.of(f"log {other.public}\nquorum none\n")
    signed = sign_head(bank, key)
    assert signed.checked([key.public], policy=policy).signers == (key.public,)
    with pytest.raises(NotProved, match="not signed"):
        signed.checked([], policy=policy)


def test_a_public_key_is_a_line() -> None:
    key = SigningKey.make("timebank/8a1e").public
    assert PublicKey.of(f" {key}\n") == key


@pytest.mark.parametrize("lines", range(6))
def test_a_head_has_three_lines(lines: int) -> None:
    text = "".join([f"{NAME}\n", "1\n", f"{base64_of(bytes(32))}\n", "more\n", "more\n"][:lines])
    if lines == 3:
        assert Checkpoint(NAME, 1, bytes(32)) == Checkpoint.of(text)
        return
    with pytest.raises(NotProved, match="has three lines"):
        Checkpoint.of(text)


@pytest.mark.parametrize("text", ["It\asnows.\n", "It snows.", "It snows.\r\n", "\ud800\n", ""])
def test_what_no_note_can_have_is_not_signed(text: str) -> None:
    with pytest.raises(InvalidRequest, match="what is signed are lines"):
        SigningKey.make(NAME).sign(text)
    with pytest.raises(InvalidRequest, match="what is signed are lines"):
        witness("anna").cosign(text, SECONDS)


def test_the_last_second_of_all_can_be_cosigned() -> None:
    last = int(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp())
    anna = witness("anna")
    signature = anna.cosign("It snows.\n", last)
    assert signature == anna.public.check(Note("It snows.\n", (signature,)))
    assert anna.public.time_of(signature).year == 9999
