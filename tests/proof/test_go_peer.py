"""Go's `sumdb/note` and `tlog` accept what is signed and proved here, and the other way round."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

import timebank
from proof.changed import changed_proofs, tree_of
from proof.go_peer import GoPeer, built
from proof.notes import KEYS, NAMES, TEXTS, mutated
from support import examples, fill, sources
from timebank.errors import InvalidRequest
from timebank.journal.tree import (
    TILE,
    leaf_hash,
    root_by_inclusion,
    root_of,
    roots_by_consistency,
)
from timebank.proof import (
    Note,
    NotProved,
    PublicKey,
    Signature,
    SigningKey,
    continuation,
    origin_of,
    receipt,
    sign_head,
)
from timebank.proof.notes import base64_of, is_key_name
from timebank.queries.proofs import PROVABLE
from timebank.storage.tree import tree_at

RECORDS = st.lists(st.binary(max_size=5), min_size=1, max_size=40)


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GoPeer]:
    """The peer, which is asked by all tests of this file."""
    with built(tmp_path_factory.mktemp("go")) as peer:
        yield peer


# -- notes and keys ------------------------------------------------------------------------


def test_go_accepts_a_signed_head(peer: GoPeer) -> None:
    with timebank.open("memory:", **sources()) as bank:
        fill(bank)
        keys = [SigningKey.make(origin_of(bank.head().journal)) for _ in range(2)]
        witness = SigningKey.make("north", witness=True)
        signed = sign_head(bank, *keys)
        signed = signed.cosigned(witness.cosign(signed.note.text, 1_700_000_000))
        found = peer.ask("open", note=str(signed).encode(), keys=[str(one.public) for one in keys])
        origin, size, root, end = found["text"].split("\n")
        assert (origin, int(size), end) == (keys[0].name, bank.head().sequence, "")
        assert root == base64_of(bank.head().root)
        assert found["signers"] == [f"{one.name}+{one.public.key_id.hex()}" for one in keys]
        assert found["others"] == [f"north+{witness.public.key_id.hex()}"]


@given(TEXTS, st.lists(KEYS, min_size=1, max_size=3))
def test_go_accepts_each_note_and_signs_the_same(
    peer: GoPeer, text: str, keys: list[SigningKey]
) -> None:
    """Ed25519 signs one text in one way: its notes are ours, byte by byte."""
    ours = Note(text).signed_by(*(one.sign(text) for one in keys))
    public = sorted({str(one.public) for one in keys})
    found = peer.ask("open", note=str(ours).encode(), keys=public)
    assert (found["text"], len(found["signers"])) == (text, len(public)), found
    its = [peer.ask("sign", text=text, keys=[key_line(one)])["text"] for one in keys]
    assert [Note.of(one).signatures for one in its] == [(one.sign(text),) for one in keys]


def key_line(key: SigningKey) -> str:
    """The line of the file of a key."""
    private = base64_of(b"\x01" + key.seed)
    return f"PRIVATE+KEY+{key.name}+{key.public.key_id.hex()}+{private}"


@given(NAMES)
def test_go_s_keys_are_taken_and_ours_by_go(
    peer: GoPeer, tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    private, public = peer.ask("make", name=name)["keys"]
    folder = tmp_path_factory.mktemp("keys")
    (folder / "go").write_text(private, "utf-8")
    key = SigningKey.read(folder / "go")
    assert (str(key.public), key_line(key)) == (public, private)
    ours = SigningKey.make(name)
    ours.write(folder / "ours")
    line = (folder / "ours").read_text("utf-8").removesuffix("\n")
    assert line == key_line(ours)
    assert peer.accepts("sign", text="It snows.\n", keys=[line])
    assert peer.accepts("key", keys=[str(ours.public)])


@given(st.text(max_size=4) | NAMES)
@examples(300)
def test_go_and_we_name_keys_alike(peer: GoPeer, name: str) -> None:
    """A name with a newline or a tab is no name of a key in a note, though Go has it as one."""
    made = attrs.evolve(SigningKey.make("x").public, name=name)
    try:
        line = str(made)
        line.encode()
    except UnicodeError:
        assert not is_key_name(name)
        return
    if is_key_name(name):
        assert peer.accepts("key", keys=[line])
        assert PublicKey.of(line) == made
        return
    signature = Signature(name, made.key_id, bytes(64))
    assert not peer.accepts("key", keys=[line]) or any(one < " " for one in name)
    with pytest.raises(NotProved):
        Note.of(f"It snows.\n\n{signature}\n")
    with pytest.raises(InvalidRequest):
        PublicKey.of(line)


@given(mutated())
@examples(400)
def test_what_we_accept_go_accepts_too(
    peer: GoPeer, changed: tuple[bytes, list[PublicKey]]
) -> None:
    """Notes that were changed by a few bytes: none is taken here that Go refuses."""
    data, keys = changed
    public = [str(one) for one in keys]
    try:
        note = Note.of(data)
        signers = [one for one in keys if one.check(note)]
    except NotProved:
        return
    assert str(note).encode() == data
    found = peer.ask("open", note=data, keys=public)
    if signers:
        assert found.get("text") == note.text, (data, found)
    else:
        assert "error" in found


# -- trees ---------------------------------------------------------------------------------


@given(st.data(), RECORDS)
def test_go_and_we_prove_the_same(peer: GoPeer, data: st.DataObject, records: list[bytes]) -> None:
    size = data.draw(st.integers(1, len(records)))
    index = data.draw(st.integers(0, size - 1))
    old = data.draw(st.integers(1, size))
    tree = tree_of(records, size)
    asked = {"records": records, "size": size}
    its = peer.ask("prove record", index=index, **asked)
    assert (its["root"], its["proof"]) == (tree.root(), tree.inclusion(index))
    its = peer.ask("prove tree", old=old, **asked)
    assert (its["root"], its["proof"]) == (tree.root(), tree.consistency(old))


@given(st.data(), RECORDS)
@examples(200)
def test_go_and_we_refuse_the_same_proofs(
    peer: GoPeer, data: st.DataObject, records: list[bytes]
) -> None:
    """One hash changed, left out, doubled or moved, another index, size or root."""
    size = data.draw(st.integers(1, len(records)))
    index, tree = data.draw(st.integers(0, size - 1)), tree_of(records, size)
    proof = data.draw(changed_proofs(tree.inclusion(index)))
    at = index + data.draw(st.integers(-1, 1))
    of = size + data.draw(st.integers(-1, 1))
    ours = root_by_inclusion(leaf_hash(records[index]), index=at, size=of, proof=proof)
    asked = {"record": records[index], "proof": proof, "root": tree.root()}
    assert peer.accepts("record", size=of, index=at, **asked) == (ours == tree.root())

    old = data.draw(st.integers(1, size))
    earlier = tree_of(records, old).root()
    proof = data.draw(changed_proofs(tree.consistency(old)))
    was, of = old + data.draw(st.integers(-1, 1)), size + data.draw(st.integers(-1, 1))
    roots = roots_by_consistency(was, of, proof, old_root=earlier)
    asked = {"proof": proof, "root": tree.root(), "old_root": earlier}
    if 0 < was < of:  # else there is nothing to prove, and sizes and roots are compared
        accepted = peer.accepts("tree", size=of, old=was, **asked)
        assert accepted == (roots == (earlier, tree.root()))


def test_go_reads_the_tiles_of_a_bank(peer: GoPeer, tmp_path: Path) -> None:
    """A store's rows are hashes of full tiles as C2SP *tlog-tiles* has them, and so has Go."""
    with timebank.open(f"sqlite:///{tmp_path / 'bank.db'}") as bank:
        with bank.batch() as batch:
            for n in range(2 * TILE + 40):
                batch.open_account(f"m{n}")
        size, root = bank.head().sequence, bank.head().root
        records = [one.bytes for one in bank.records()]
        with bank._reader() as reader:
            rows = reader.tiles(level=0, after=-1, limit=9)
            tree = tree_at(reader, size)
            proof, old = tree.inclusion(TILE + 3), tree.consistency(TILE - 1)
    assert [row.tile for row in rows] == [0, 1]
    its = peer.ask("tile", records=records, old=1, index=0, size=2)
    assert [row.hash for row in rows] == its["proof"]
    asked = {"size": size, "root": root}
    record = records[TILE + 3]
    assert peer.accepts("record", index=TILE + 3, record=record, proof=proof, **asked)
    assert not peer.accepts("record", index=TILE + 2, record=record, proof=proof, **asked)
    earlier = root_of([leaf_hash(one) for one in records[: TILE - 1]])
    assert peer.accepts("tree", old=TILE - 1, old_root=earlier, proof=old, **asked)


# -- receipts and continuations --------------------------------------------------------------


def test_go_accepts_each_receipt_of_a_bank_and_none_that_was_changed(peer: GoPeer) -> None:
    """Read by a program of ours in Go, checked by Go's notes and trees: the record is in it."""
    with timebank.open("memory:", **sources()) as bank:
        fill(bank)
        key = SigningKey.make(origin_of(bank.head().journal))
        made = [one for one in bank.records() if one.kind in PROVABLE]
        assert len(made) > 3
        for record in made:
            text = str(receipt(bank, json.loads(record.bytes)["request"]["id"], key=key))
            found = peer.ask("receipt", text=text, keys=[str(key.public)])
            assert found.get("record", "").encode() == record.bytes, found
            lines = text.split("\n")
            for n, line in enumerate(lines):
                changed = [*lines[:n], *([f"{line[:-2]}A="] if line else []), *lines[n + 1 :]]
                if changed != lines:
                    asked = {"text": "\n".join(changed), "keys": [str(key.public)]}
                    assert not peer.accepts("receipt", **asked), n


def test_go_accepts_that_each_head_continues_each_older_one(peer: GoPeer) -> None:
    with timebank.open("memory:", **sources()) as bank:
        key = SigningKey.make(origin_of(bank.head().journal))
        heads = []
        for n in range(12):
            bank.open_account(f"m{n}")
            heads.append(sign_head(bank, key))
        for old, new in itertools.combinations(heads, 2):
            asked = continuation(bank, old, head=new)
            was, now = old.checkpoint, new.checkpoint
            given = {"size": now.size, "root": now.root, "proof": list(asked.hashes)}
            assert peer.accepts("open", note=str(asked.head).encode(), keys=[str(key.public)])
            assert peer.accepts("tree", old=was.size, old_root=was.root, **given)
            assert not peer.accepts("tree", old=was.size, old_root=now.root, **given)
