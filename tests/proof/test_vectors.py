"""What others published is read here as by them, and what they refuse is refused."""

from __future__ import annotations

from datetime import UTC, datetime

import attrs
import pytest

from proof import vectors
from timebank.errors import InvalidRequest
from timebank.journal.tree import leaf_hash
from timebank.proof import (
    Checkpoint,
    Note,
    NotProved,
    Policy,
    PublicKey,
    Signature,
    SignedHead,
    SigningKey,
)
from timebank.proof.notes import bytes_of, signatures_of


def test_the_example_of_signed_notes_holds() -> None:
    note, key = Note.of(vectors.EXAMPLE_NOTE), PublicKey.of(vectors.EXAMPLE_KEY)
    assert note.text == "This is an example message.\n"
    assert key.check(note) == note.signatures[0]
    changed = Note.of(vectors.EXAMPLE_NOTE.replace("an example", "no example"))
    with pytest.raises(NotProved, match=r"the signature of .* does not hold"):
        key.check(changed)


@pytest.mark.parametrize("text", [vectors.POEM, vectors.SOFA, vectors.CERTIFICATES])
def test_a_note_is_written_as_it_was_read(text: str) -> None:
    assert str(Note.of(text)) == text == str(Note.of(text.encode()))


def test_a_text_may_have_empty_lines() -> None:
    assert Note.of(vectors.POEM).text.endswith("sole:\n\ned è subito sera.\n")


def test_the_example_of_cosignatures_says_its_time() -> None:
    head = SignedHead.of(vectors.SOFA)
    assert (head.checkpoint.origin, head.checkpoint.size) == (
        "example.com/behind-the-sofa",
        20852163,
    )
    witness = SigningKey.make("witness.example.com/w1", witness=True).public
    then = witness.time_of(head.note.signatures[1])
    assert then == datetime.fromtimestamp(1679315147, UTC)
    with pytest.raises(NotProved, match="is no time bank"):
        _ = head.journal


def test_the_answer_of_a_witness_is_read() -> None:
    names = [one.name for one in signatures_of(vectors.ANSWER)]
    assert names == ["witness.example/w1", "witness.example/w1", "witness.example/w2"]


# -- Go ------------------------------------------------------------------------------------


def test_go_s_key_makes_go_s_note() -> None:
    key = SigningKey.of(vectors.PETER_PRIVATE)
    assert str(key.public) == vectors.PETER
    signed = Note(vectors.TEXT).signed_by(key.sign(vectors.TEXT))
    assert str(signed) == f"{vectors.TEXT}\n{vectors.BY_PETER}"
    wrong = Signature(key.name, key.public.key_id, b"wrong")
    assert Note(vectors.TEXT, (wrong,)).signed_by(key.sign(vectors.TEXT)) == signed


def test_one_two_or_none_of_go_s_signers_is_known() -> None:
    note = Note.of(f"{vectors.TEXT}\n{vectors.BY_PETER}{vectors.BY_ENOCH}")
    peter, enoch = PublicKey.of(vectors.PETER), PublicKey.of(vectors.ENOCH)
    assert (peter.check(note), enoch.check(note)) == note.signatures
    other = SigningKey.make("PeterNeumann").public
    assert other.check(note) is None
    assert attrs.evolve(peter, name="PeterNeuman").check(note) is None


def test_a_signature_that_was_lengthened_is_refused() -> None:
    line = vectors.BY_PETER
    note = Note.of(f"{vectors.TEXT}\n{line[:58]}ABCD{line[58:]}")
    with pytest.raises(NotProved, match="does not hold"):
        PublicKey.of(vectors.PETER).check(note)


def test_every_signature_of_a_known_key_counts() -> None:
    """One after another that holds does not hide behind it, though Go passes it over."""
    line, peter = vectors.BY_PETER, PublicKey.of(vectors.PETER)
    twice = Note.of(f"{vectors.TEXT}\n{line}{line}")
    assert peter.check(twice) == twice.signatures[0]
    with pytest.raises(NotProved, match="does not hold"):
        peter.check(Note.of(f"{vectors.TEXT}\n{line}{line.replace('x08go/Z', 'x08go/Y')}"))


@pytest.mark.parametrize("text", vectors.WRONG_NOTES)
def test_what_go_calls_malformed_is_refused(text: str) -> None:
    for data in (text, text.encode()):
        with pytest.raises(NotProved):
            Note.of(data)


def test_a_note_is_in_utf_8() -> None:
    with pytest.raises(NotProved, match="UTF-8"):
        Note.of(b"\xff" + f"{vectors.TEXT}\n{vectors.BY_PETER}".encode())
    with pytest.raises(NotProved, match="UTF-8"):
        Note.of(f"\udcff{vectors.TEXT}\n{vectors.BY_PETER}")


@pytest.mark.parametrize("vkey", [*vectors.WRONG_KEYS, *vectors.OTHER_KEYS])
def test_keys_that_others_refuse_or_that_are_of_other_kinds_are_refused(vkey: str) -> None:
    with pytest.raises(InvalidRequest):
        PublicKey.of(vkey)


def test_no_part_of_a_key_is_a_key_and_none_that_was_changed() -> None:
    for read, line in ((PublicKey.of, vectors.PETER), (SigningKey.of, vectors.PETER_PRIVATE)):
        read(line)
        parts = {line[n:m] for n in range(len(line)) for m in range(n + 1, len(line) + 1)}
        changed = {
            line[:n] + chr(ord(one) ^ bit) + line[n + 1 :]
            for n, one in enumerate(line)
            for bit in (1, 2, 4, 8, 16, 32, 64)
        }
        for other in (parts | changed) - {line}:
            with pytest.raises(InvalidRequest):
                read(other)


@pytest.mark.parametrize("text", vectors.GO_SUM_HEADS)
def test_heads_of_go_s_database_hold(text: str) -> None:
    head, key = SignedHead.of(text), PublicKey.of(vectors.GO_SUM)
    assert key.check(head.note) == head.note.signatures[0]
    with pytest.raises(NotProved, match=r"the key is that of sum[.]golang"):
        head.checked([key])  # its name is not the origin


# -- what is cosigned on the public network ------------------------------------------------


def test_a_head_that_witnesses_cosigned_holds() -> None:
    head = SignedHead.of(vectors.CERTIFICATES)
    witnesses = [PublicKey.of(one) for one in vectors.WITNESSES]
    found = head.checked([PublicKey.of(vectors.CERTIFICATES_KEY)], witnesses)
    assert [one.key for one in found.cosigners] == witnesses
    assert {one.at for one in found.cosigners} == {
        datetime.fromtimestamp(vectors.WITNESSED_AT, UTC)
    }
    assert found.unchecked == (
        "arche2025h1.staging.ct.transparency.dev",
        "transparency.dev/DEV:witness-little-garden",
    )
    for one in witnesses:
        other = SignedHead.of(vectors.CERTIFICATES.replace("1432088532", "1432088533"))
        with pytest.raises(NotProved, match="does not hold"):
            one.check(other.note)


def test_a_policy_of_the_public_network_is_met() -> None:
    lines = [f"witness w{n} {vkey}" for n, vkey in enumerate(vectors.WITNESSES)]
    text = "\n".join(
        [f"log {vectors.CERTIFICATES_KEY}", *lines, "group all all w0 w1 w2", "quorum all", ""]
    )
    head = SignedHead.of(vectors.CERTIFICATES)
    assert len(head.checked([], policy=Policy.of(text)).cosigners) == 3


@pytest.mark.parametrize(("vkey", "private"), vectors.PAIRS)
def test_both_halves_of_published_keys_belong_together(vkey: str, private: str) -> None:
    assert str(SigningKey.of(private).public) == vkey


def test_the_time_of_a_published_cosignature() -> None:
    data = bytes_of(vectors.COSIGNATURE)
    assert data is not None
    witness = SigningKey.make("w", witness=True).public
    then = witness.time_of(Signature("w", data[:4], data[4:]))
    assert then == datetime.fromtimestamp(vectors.COSIGNED_AT, UTC)


@pytest.mark.parametrize("text", vectors.WRONG_CHECKPOINTS)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(NotProved):
        Checkpoint.of(text)


def test_a_published_checkpoint_is_read_and_written() -> None:
    checkpoint = Checkpoint.of(vectors.CHECKPOINT)
    assert (checkpoint.size, checkpoint.root) == (123456789012, leaf_hash(b"hello world"))
    assert str(checkpoint) == vectors.CHECKPOINT
