"""The packages `aics-tlog` and `aics-witness`, written elsewhere after the same specifications.

They need Python 3.12 or newer, and are asked of cosignatures too, which Go's package does not know.
"""

from __future__ import annotations

import importlib.util
import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

import timebank
from proof import vectors
from proof.changed import changed_proofs, tree_of
from proof.notes import KEYS, NAMES, mutated
from support import examples, fill, sources
from timebank import TimeBank
from timebank.journal.tree import leaf_hash, root_by_inclusion, roots_by_consistency
from timebank.proof import (
    Checkpoint,
    Continuation,
    Note,
    NotProved,
    Policy,
    PublicKey,
    Signature,
    SignedHead,
    SigningKey,
    Witness,
    continuation,
    origin_of,
    sign_head,
)
from timebank.proof.notes import signatures_of

if importlib.util.find_spec("aics_witness") is None:
    missing = "aics-witness is not installed: pip install aics-witness, on Python 3.12 or newer"
    assert os.environ.get("TIMEBANK_TLOG") != "required", missing
    pytest.skip(missing, allow_module_level=True)

#: It has types for itself, but is not there for a check of ours.
peer: Any = importlib.import_module("aics_tlog")
its_witness: Any = importlib.import_module("aics_witness")
its_requests: Any = importlib.import_module("aics_witness.protocol")

RECORDS = st.lists(st.binary(max_size=5), min_size=1, max_size=40)


def private(key: SigningKey) -> Ed25519PrivateKey:
    """A key of ours as the peer takes it."""
    return Ed25519PrivateKey.from_private_bytes(key.seed)


@pytest.mark.parametrize("quorum", [0, 1, 2, 3])
def test_the_peer_accepts_a_head_with_its_cosignatures(quorum: int) -> None:
    with timebank.open("memory:", **sources()) as bank:
        fill(bank)
        key = SigningKey.make(origin_of(bank.head().journal))
        witnesses = [SigningKey.make(f"w{n}", witness=True) for n in range(3)]
        signed = sign_head(bank, key)
        cosigned = (one.cosign(signed.note.text, 1_700_000_000) for one in witnesses[:2])
        signed = signed.cosigned(*cosigned)
        found = peer.verify_checkpoint(
            peer.parse_note(str(signed)),
            peer.parse_vkey(str(key.public)),
            [peer.parse_vkey(str(one.public)) for one in witnesses],
            quorum,
            expected_origin=key.name,
        )
        assert (found.log_ok, found.cosignature_count) == (True, 2)
        assert (found.size, found.root) == (bank.head().sequence, bank.head().root)
        assert found.timestamps == {"w0": 1_700_000_000, "w1": 1_700_000_000}
        lines = "".join(f"witness {one.name} {one.public}\n" for one in witnesses)
        group = f"group all {max(quorum, 1)} w0 w1 w2\nquorum {'all' if quorum else 'none'}\n"
        try:
            ours = signed.checked([key.public], policy=Policy.of(lines + group))
        except NotProved:
            assert not found.ok
        else:
            assert found.ok
            assert [one.key.name for one in ours.cosigners] == ["w0", "w1"]


@given(KEYS, NAMES, st.integers(1, 2**60), st.binary(min_size=32, max_size=32))
def test_we_accept_what_the_peer_signs(key: SigningKey, name: str, size: int, root: bytes) -> None:
    note = peer.sign_checkpoint(peer.Checkpoint(key.name, size, root), private(key), key.name)
    witness = SigningKey(name, "cosignature", bytes(32))
    _, line = peer.sign_cosignature(private(witness), name, 1_700_000_000, key.name, size, root)
    assert str(peer.format_vkey(peer.vkey_from_ed25519(key.name, private(key).public_key()))) == (
        str(key.public)
    )
    head = SignedHead.of(note.serialise()).cosigned(
        Signature(line.name, line.key_id, line.signature)
    )
    found = head.checked([key.public], [witness.public])
    assert (head.checkpoint.size, head.checkpoint.root) == (size, root)
    assert [one.at.timestamp() for one in found.cosigners] == [1_700_000_000]
    assert witness.cosign(head.note.text, 1_700_000_000).value == line.signature


@given(mutated())
@examples(400)
def test_what_we_accept_the_peer_accepts_too(changed: tuple[bytes, list[PublicKey]]) -> None:
    data, keys = changed
    try:
        note = Note.of(data)
        signers = [one for one in keys if one.check(note)]
    except NotProved:
        return
    its = peer.parse_note(data)
    assert (its.text, its.serialise()) == (note.text, str(note))
    if len({one.key for one in note.signatures}) == len(note.signatures):
        assert peer.verify_note(its, [peer.parse_vkey(str(one)) for one in keys]) == bool(signers)


def test_the_peer_reads_the_published_vectors_as_we_do() -> None:
    witnesses = [peer.parse_vkey(one) for one in vectors.WITNESSES]
    log = peer.parse_vkey(vectors.CERTIFICATES_KEY)
    found = peer.verify_checkpoint(peer.parse_note(vectors.CERTIFICATES), log, witnesses, 3)
    assert found.ok
    assert set(found.timestamps.values()) == {vectors.WITNESSED_AT}


@given(st.data(), RECORDS)
def test_the_peer_and_we_prove_the_same(data: st.DataObject, records: list[bytes]) -> None:
    its = peer.MerkleTree(records)
    size = data.draw(st.integers(1, len(records)))
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    tree = tree_of(records, size)
    assert its.root(size) == tree.root()
    assert its.inclusion_proof(index, size) == tree.inclusion(index)
    assert its.consistency_proof(old, size) == tree.consistency(old)


@given(st.data(), RECORDS)
@examples(300)
def test_the_peer_and_we_refuse_the_same_proofs(data: st.DataObject, records: list[bytes]) -> None:
    size = data.draw(st.integers(1, len(records)))
    index, tree = data.draw(st.integers(0, size - 1)), tree_of(records, size)
    leaf, root = leaf_hash(records[index]), tree.root()
    proof = data.draw(changed_proofs(tree.inclusion(index)))
    at, of = index + data.draw(st.integers(-1, 1)), size + data.draw(st.integers(-1, 1))
    ours = root_by_inclusion(leaf, index=at, size=of, proof=proof)
    assert peer.verify_inclusion(leaf, at, of, proof, root) == (ours == root)

    old = data.draw(st.integers(1, size))
    earlier = tree_of(records, old).root()
    proof = data.draw(changed_proofs(tree.consistency(old)))
    was, of = old + data.draw(st.integers(-1, 1)), size + data.draw(st.integers(-1, 1))
    roots = roots_by_consistency(was, of, proof, old_root=earlier)
    if 0 < was < of:
        assert peer.verify_consistency(was, of, earlier, root, proof) == (roots == (earlier, root))


# -- witnesses -----------------------------------------------------------------------------


def history(bank: TimeBank, key: SigningKey) -> Iterator[SignedHead]:
    """Signed heads of a bank: empty, of one record, and as it grows past a tile."""
    ids = itertools.count()
    yield sign_head(bank, key)
    for count in (1, 3, 0, 200, 1, 100):
        with bank.batch() as batch:
            for _ in range(count):
                batch.open_account(f"m{next(ids)}")
        yield sign_head(bank, key)


def test_another_s_witness_cosigns_what_a_bank_asks(tmp_path: Path) -> None:
    """It is asked by our requests, and its answers are accepted, as of one of our own."""
    with timebank.open("memory:", **sources()) as bank:
        key = SigningKey.make(origin_of(bank.head().journal))
        own = SigningKey.make("north", witness=True)
        log = its_witness.LogConfig.from_strings(key.name, [str(key.public)])
        with its_witness.WitnessStore(tmp_path / "its.db", create=True) as store:
            witness = its_witness.Witness("north", private(own), store, [log])
            assert witness.vkey_text == str(own.public)
            seen = 0
            for head in history(bank, key):
                asked = continuation(bank, seen, head=head)
                answer = signatures_of(witness.add_checkpoint(str(asked).encode()))
                found = head.cosigned(*answer).checked([key.public], [own.public])
                assert [one.key for one in found.cosigners] == [own.public]
                seen = head.checkpoint.size
            last = store.get(key.name).note
            assert SignedHead.of(last).checkpoint == head.checkpoint
            behind = continuation(bank, 1, key)
            with pytest.raises(its_witness.WitnessError) as refused:
                witness.add_checkpoint(str(behind).encode())
            assert (refused.value.status, refused.value.body) == (409, f"{seen}\n".encode())


def test_our_witness_cosigns_what_another_s_log_asks(tmp_path: Path) -> None:
    records = [bytes([n]) for n in range(40)]
    its, key = peer.MerkleTree(records), SigningKey.make("example.com/log")
    SigningKey.make("south", witness=True).write(tmp_path / "key")
    witness = Witness(tmp_path)
    witness.trust(key.public)
    seen = 0
    for size in (0, 1, 2, 3, 7, 8, 8, 33, 40):
        head = peer.Checkpoint(key.name, size, its.root(size))
        note = peer.sign_checkpoint(head, private(key), key.name)
        proof = its.consistency_proof(seen, size) if 0 < seen < size else []
        data = its_requests.format_add_checkpoint_request(seen, proof, note.to_bytes())
        asked = Continuation.of(data)
        assert str(asked).encode() == data
        answer = witness.add(asked)
        lines = its_requests.parse_signature_lines(f"{answer}\n")
        cosigned = peer.Note(text=note.text, signatures=(*note.signatures, *lines))
        found = peer.verify_checkpoint(
            cosigned,
            peer.parse_vkey(str(key.public)),
            [peer.parse_vkey(str(witness.key().public))],
            1,
        )
        assert found.ok
        seen = size


@given(
    st.integers(0, 9),
    st.lists(st.binary(min_size=32, max_size=32), max_size=4),
    st.data(),
)
@examples(300)
def test_requests_are_read_alike(old: int, hashes: list[bytes], data: st.DataObject) -> None:
    """Of a request that was changed: none is taken here that the other refuses."""
    key = SigningKey("timebank/8a1e", "ed25519", bytes(32))
    text = str(Checkpoint(key.name, 12, bytes(32)))
    head = SignedHead.of(str(Note(text).signed_by(key.sign(text))))
    request = bytearray(str(Continuation(old, tuple(hashes), head)).encode())
    place = data.draw(st.integers(0, len(request) - 1))
    other = st.sampled_from([b"", b"\n", b" ", b"0", b"=", b"A", b"\r"])
    request[place : place + data.draw(st.integers(0, 2))] = data.draw(other)
    try:
        ours = Continuation.of(bytes(request))
    except NotProved:
        return
    its = its_requests.parse_add_checkpoint_request(bytes(request))
    assert (its.old_size, its.proof) == (ours.old, ours.hashes)
    assert its.checkpoint == str(ours.head).encode()
