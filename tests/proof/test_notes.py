"""Notes, heads and keys are read strictly: what is read is written again as it was."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proof.notes import KEYS, NAMES, TEXTS, mutated
from support import examples
from timebank.errors import InvalidRequest
from timebank.journal.tree import EMPTY, MOST_HASHES
from timebank.proof import Checkpoint, Note, NotProved, PublicKey, Signature, SignedHead, SigningKey
from timebank.proof.heads import MOST_RECORDS
from timebank.proof.notes import (
    MOST_SIGNATURES,
    base64_of,
    bytes_of,
    hashes_of,
    is_key_name,
    signatures_of,
    text_of,
)

SIGNATURES = st.builds(
    Signature, NAMES, st.binary(min_size=4, max_size=4), st.binary(min_size=1, max_size=80)
)
CHECKPOINTS = st.builds(
    Checkpoint,
    NAMES,
    st.integers(1, MOST_RECORDS),
    st.binary(min_size=32, max_size=32),
)


@given(TEXTS, st.lists(SIGNATURES, min_size=1, max_size=5))
def test_a_note_is_read_as_it_was_written(text: str, signatures: list[Signature]) -> None:
    note = Note(text, tuple(signatures))
    assert Note.of(str(note)) == note == Note.of(str(note).encode())
    assert signatures_of("".join(f"{one}\n" for one in signatures)) == note.signatures


@given(mutated() | st.binary(max_size=60).map(lambda data: (data, [])))
@examples(400)
def test_any_bytes_are_a_note_as_it_is_written_or_none(
    changed: tuple[bytes, list[PublicKey]],
) -> None:
    data, _ = changed
    try:
        note = Note.of(data)
    except NotProved:
        return
    assert str(note).encode() == data
    assert note.text.endswith("\n")


@given(st.text(max_size=80))
def test_any_text_is_a_note_as_it_is_written_or_none(text: str) -> None:
    with suppress(NotProved):
        assert str(Note.of(text)) == text


@given(CHECKPOINTS)
def test_a_checkpoint_is_read_as_it_was_written(checkpoint: Checkpoint) -> None:
    assert Checkpoint.of(str(checkpoint)) == checkpoint


def test_a_checkpoint_of_nothing_has_the_root_of_nothing() -> None:
    nothing = Checkpoint("timebank/8a1e", 0, EMPTY)
    assert Checkpoint.of(str(nothing)) == nothing
    with pytest.raises(NotProved, match="another root than an empty tree"):
        Checkpoint.of(str(Checkpoint("timebank/8a1e", 0, bytes(32))))


@given(CHECKPOINTS, st.data())
def test_a_checkpoint_that_was_changed_is_another_or_none(
    checkpoint: Checkpoint, data: st.DataObject
) -> None:
    text = str(checkpoint)
    place = data.draw(st.integers(0, len(text)))
    other = data.draw(st.sampled_from(["", "\n", " ", "0", "=", "+", "A"]))
    changed = text[:place] + other + text[place + data.draw(st.integers(0, 2)) :]
    try:
        read = Checkpoint.of(changed)
    except NotProved:
        return
    assert str(read) == changed
    assert (read == checkpoint) == (changed == text)


@given(st.binary(max_size=40))
def test_base64_has_one_text_for_bytes(data: bytes) -> None:
    assert bytes_of(base64_of(data)) == data


@given(st.text("AZaz09+/=\n ", max_size=12) | st.text(max_size=6))
@examples(300)
def test_a_text_in_base64_is_the_one_of_its_bytes_or_none(text: str) -> None:
    data = bytes_of(text)
    assert data is None or base64_of(data) == text


@given(KEYS)
def test_a_public_key_is_read_as_it_was_written(key: SigningKey) -> None:
    for kind in ("ed25519", "cosignature"):
        public = PublicKey(key.name, kind, key.public.raw)
        assert PublicKey.of(str(public)) == public
        assert public.is_witness == (kind == "cosignature")


@given(TEXTS, KEYS, st.integers(1, 10**11))
def test_a_witness_signs_with_a_time(text: str, key: SigningKey, seconds: int) -> None:
    witness = SigningKey(key.name, "cosignature", key.seed)
    signature = witness.cosign(text, seconds)
    note = Note(text).signed_by(signature)
    assert witness.public.check(note) == signature
    assert witness.public.time_of(signature).timestamp() == seconds
    assert key.public.check(note) is None  # the same key, but of another kind


@given(TEXTS, KEYS)
def test_a_key_of_one_kind_does_not_sign_as_the_other(text: str, key: SigningKey) -> None:
    """What a bank signs is no cosignature, nor the other way round, even with one seed."""
    witness = SigningKey(key.name, "cosignature", key.seed)
    assert key.public.key_id != witness.public.key_id
    value = witness.cosign(text, 1).value
    with pytest.raises(NotProved):
        key.public.check(Note(text, (Signature(key.name, key.public.key_id, value),)))
    with pytest.raises(NotProved):
        key.public.check(Note(text, (Signature(key.name, key.public.key_id, value[8:]),)))
    value = bytes(7) + b"\1" + key.sign(text).value
    with pytest.raises(NotProved):
        witness.public.check(Note(text, (Signature(key.name, witness.public.key_id, value),)))
    with pytest.raises(InvalidRequest, match="signs for no bank"):
        witness.sign(text)
    with pytest.raises(InvalidRequest, match="does not cosign"):
        key.cosign(text, 1)
    with pytest.raises(InvalidRequest, match="does not cosign"):
        key.public.time_of(key.sign(text))


@pytest.mark.parametrize("seconds", [0, -1, True, 1.5, 2**62, 253_402_300_800])
def test_some_seconds_cannot_be_signed(seconds: int) -> None:
    witness = SigningKey.make("w", witness=True)
    with pytest.raises(InvalidRequest, match="a witness signs at a second"):
        witness.cosign("It snows.\n", seconds)


def test_the_last_second_of_the_year_9999_can_be_signed() -> None:
    witness = SigningKey.make("w", witness=True)
    signature = witness.cosign("It snows.\n", 253_402_300_799)
    assert witness.public.time_of(signature).isoformat() == "9999-12-31T23:59:59+00:00"


@pytest.mark.parametrize("time", [0, 253_402_300_800, 2**63, 2**64 - 1])
def test_a_cosignature_of_another_time_is_refused(time: int) -> None:
    """Even one that was signed so: it would be read as none of this world's instants."""
    witness = SigningKey.make("w", witness=True)
    text = f"cosignature/v1\ntime {time}\nIt snows.\n"
    signed = SigningKey("w", "ed25519", witness.seed).sign(text)
    value = time.to_bytes(8, "big") + signed.value
    signature = Signature("w", witness.public.key_id, value)
    with pytest.raises(NotProved, match="does not hold"):
        witness.public.check(Note("It snows.\n", (signature,)))
    with pytest.raises(NotProved, match="says no time"):
        witness.public.time_of(signature)


@pytest.mark.parametrize("text", ["", "It snows.", "It\rsnows.\n", "\t\n", "\udc00\n"])
def test_some_texts_cannot_be_signed(text: str) -> None:
    with pytest.raises(InvalidRequest, match="what is signed are lines"):
        SigningKey.make("timebank/8a1e").sign(text)
    with pytest.raises(InvalidRequest, match="what is signed are lines"):
        SigningKey.make("w", witness=True).cosign(text, 1)


@pytest.mark.parametrize("name", ["", "Banca del tempo", "a+b", "a\nb", "a\u3000b", "\ud800"])
def test_some_names_no_key_has(name: str) -> None:
    assert not is_key_name(name)
    with pytest.raises(InvalidRequest, match="the name of a key is one word"):
        SigningKey.make(name)


def test_a_note_has_so_many_signatures_and_no_more() -> None:
    line = f"{Signature('w', bytes(4), b'1')}\n"
    assert len(signatures_of(line * MOST_SIGNATURES)) == MOST_SIGNATURES
    with pytest.raises(NotProved, match="at most 100 signatures"):
        signatures_of(line * (MOST_SIGNATURES + 1))


@pytest.mark.parametrize("data", ["", "\n", "— w AAAAAHNpZ25lZA==", "— w AAAAAHNpZ25lZA==\n\n"])
def test_lines_of_signatures_end_with_newlines_and_are_no_others(data: str) -> None:
    with pytest.raises(NotProved):
        signatures_of(data)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "— ",
        "— w",
        "— w ",
        "— w AAAA",  # less than the number of a key
        "— w AAAAAA==",  # the number of a key, and no signature
        "— w AAAAAHNpZ25lZB==",  # another text of the same bytes
        "— w AAAAAHNpZ25lZA== ",
        "—  w AAAAAHNpZ25lZA==",
        "w AAAAAHNpZ25lZA==",
        "- w AAAAAHNpZ25lZA==",
        "–  w AAAAAHNpZ25lZA==",  # noqa: RUF001 - another dash
        "— a+b AAAAAHNpZ25lZA==",
    ],
)
def test_other_lines_are_no_signatures(line: str) -> None:
    with pytest.raises(NotProved, match="no line of a signature"):
        Signature.of(line)


@given(st.lists(st.binary(min_size=30, max_size=34), max_size=3))
def test_hashes_have_their_length(found: list[bytes]) -> None:
    are_hashes = all(len(one) == 32 for one in found)
    assert hashes_of(list(map(base64_of, found))) == (tuple(found) if are_hashes else None)


def test_no_proof_has_more_hashes_than_a_tree_has_levels() -> None:
    line = base64_of(bytes(32))
    assert hashes_of([line] * MOST_HASHES) == (bytes(32),) * MOST_HASHES
    assert hashes_of([line] * (MOST_HASHES + 1)) is None


def test_a_character_that_is_not_seen_is_told() -> None:
    with pytest.raises(NotProved, match=r"'\\x07'"):
        text_of("It\asnows.\n")


def test_lines_that_a_mail_has_changed_are_told() -> None:
    text = str(Note("It snows.\n", (Signature("w", bytes(4), b"1"),)))
    with pytest.raises(NotProved, match="its lines end otherwise"):
        Note.of(text.replace("\n", "\r\n"))


def test_signatures_can_be_taken_off_again() -> None:
    note = Note("It snows.\n", (Signature("v", bytes(4), b"1"), Signature("w", bytes(4), b"2")))
    assert note.without([("v", bytes(4))]).signatures == note.signatures[1:]
    assert note.without([("v", b"1111")]) == note


@given(CHECKPOINTS, st.lists(SIGNATURES, min_size=1, max_size=3))
def test_a_signed_head_is_read_as_it_was_written(
    checkpoint: Checkpoint, signatures: list[Signature]
) -> None:
    head = SignedHead(checkpoint, Note(str(checkpoint), tuple(signatures)))
    assert SignedHead.of(str(head)) == head
