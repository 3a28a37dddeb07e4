"""The tree: as RFC 6962 defines it, with its published proofs, and nothing but the right hashes."""

from __future__ import annotations

import json
import os
from base64 import b64decode
from collections.abc import Iterator, Sequence
from hashlib import sha256
from operator import methodcaller
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timebank.errors import Corrupt, InvalidRequest
from timebank.journal import tree as module
from timebank.journal.tree import (
    EMPTY,
    MOST_HASHES,
    TILE,
    Tree,
    leaf_hash,
    node_hash,
    root_by_inclusion,
    root_of,
    roots_by_consistency,
)

# -- the definitions of RFC 6962, section 2.1, word for word -------------------------------


def mth(entries: Sequence[bytes]) -> bytes:
    """The Merkle Tree Hash, of entries and not of their hashes."""
    if not entries:
        return sha256().digest()
    if len(entries) == 1:
        return sha256(b"\x00" + entries[0]).digest()
    k = split(len(entries))
    return sha256(b"\x01" + mth(entries[:k]) + mth(entries[k:])).digest()


def path(m: int, entries: Sequence[bytes]) -> list[bytes]:
    """The Merkle audit path of entry m."""
    if len(entries) == 1:
        return []
    k = split(len(entries))
    if m < k:
        return [*path(m, entries[:k]), mth(entries[k:])]
    return [*path(m - k, entries[k:]), mth(entries[:k])]


def proof(m: int, entries: Sequence[bytes]) -> list[bytes]:
    """The Merkle consistency proof from the first m entries."""
    return subproof(m, entries, is_whole=True)


def subproof(m: int, entries: Sequence[bytes], *, is_whole: bool) -> list[bytes]:
    """What the proof is made of."""
    if m == len(entries):
        return [] if is_whole else [mth(entries)]
    k = split(len(entries))
    if m <= k:
        return [*subproof(m, entries[:k], is_whole=is_whole), mth(entries[k:])]
    return [*subproof(m - k, entries[k:], is_whole=False), mth(entries[:k])]


def split(n: int) -> int:
    """The largest power of two that is smaller."""
    k = 1
    while 2 * k < n:
        k *= 2
    return k


# -- a tree over entries, and what it is asked ----------------------------------------------


def entries_of(size: int) -> list[bytes]:
    """Some entries, each another."""
    return [b"entry %d" % n for n in range(size)]


class Kept:
    """What a store keeps of a tree: its leaves, and the hash of every full tile."""

    def __init__(self, entries: Sequence[bytes], tile: int = TILE) -> None:
        self.rows = [[leaf_hash(entry) for entry in entries]]
        while len(self.rows[-1]) >= tile:
            below = self.rows[-1]
            full = range(0, len(below) // tile * tile, tile)
            self.rows.append([root_of(below[n : n + tile]) for n in full])
        self.tile = tile
        self.read = 0

    def __call__(self, level: int, number: int, width: int) -> list[bytes]:
        """The hashes of a tile, by which no more is read than asked for."""
        self.read += width
        first = number * self.tile
        return self.rows[level][first : first + width] if level < len(self.rows) else []


@pytest.fixture
def four(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiles of four hashes, so that small trees have many levels of them."""
    monkeypatch.setattr(module, "TILE", 4)
    monkeypatch.setattr(module, "_LEVELS", 2)


# -- published vectors ----------------------------------------------------------------------

#: The eight entries of Certificate Transparency's own tests, the hashes of the trees of the first
#: of them, from none on, and of the nodes between.
EIGHT = [
    bytes.fromhex(entry)
    for entry in (
        *("", "00", "10", "2021", "3031", "40414243", "5051525354555657"),
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
#: By index and size: the hashes of the proof.
INCLUDED = {
    (0, 1): (),
    (0, 8): (
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ),
    (5, 8): (
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ),
    (2, 3): ("fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",),
    (1, 5): (
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ),
}
#: By the two sizes: the hashes of the proof.
CONSISTENT = {
    (1, 1): (),
    (1, 8): (
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ),
    (6, 8): (
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ),
    (2, 5): (
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ),
}


def test_the_published_roots() -> None:
    """Of the trees of no entry to eight, by the definition too."""
    for size, root in enumerate(ROOTS):
        entries = EIGHT[:size]
        assert bytes.fromhex(root) == root_of([leaf_hash(one) for one in entries]) == mth(entries)
        assert bytes.fromhex(root) == Tree(size, Kept(entries)).root()
    assert bytes.fromhex(ROOTS[0]) == EMPTY


@pytest.mark.parametrize(("index", "size"), INCLUDED)
def test_the_published_proofs_of_inclusion(index: int, size: int) -> None:
    """Those that are made, and what they lead to."""
    hashes = [bytes.fromhex(one) for one in INCLUDED[index, size]]
    assert hashes == Tree(size, Kept(EIGHT)).inclusion(index)
    leaf = leaf_hash(EIGHT[index])
    found = root_by_inclusion(leaf, index=index, size=size, proof=hashes)
    assert bytes.fromhex(ROOTS[size]) == found


@pytest.mark.parametrize(("old", "size"), CONSISTENT)
def test_the_published_proofs_of_consistency(old: int, size: int) -> None:
    """Those that are made, and what they lead to."""
    hashes = [bytes.fromhex(one) for one in CONSISTENT[old, size]]
    assert hashes == Tree(size, Kept(EIGHT)).consistency(old)
    assert leads_to(old, size, hashes, bytes.fromhex(ROOTS[old]), bytes.fromhex(ROOTS[size]))


def test_the_example_of_the_standard() -> None:
    """RFC 6962, section 2.1.3: a tree of seven, whose nodes have letters."""
    entries = entries_of(7)
    a, b, c, d, e, f, j = (leaf_hash(entry) for entry in entries)
    g, h, i = node_hash(a, b), node_hash(c, d), node_hash(e, f)
    k, l = node_hash(g, h), node_hash(i, j)  # noqa: E741 - as the standard calls it
    tree = Tree(7, Kept(entries))
    assert node_hash(k, l) == tree.root()
    assert [b, h, l] == tree.inclusion(0)
    assert [c, g, l] == tree.inclusion(3)
    assert [f, j, k] == tree.inclusion(4)
    assert [i, k] == tree.inclusion(6)
    assert [c, d, g, l] == tree.consistency(3)
    assert [l] == tree.consistency(4)
    assert [i, j, k] == tree.consistency(6)


def probes() -> list[Path]:
    """The files of right and wrong proofs in a copy of transparency-dev/merkle, if there is one."""
    data = Path(os.environ.get("TIMEBANK_MERKLE", "/nowhere")) / "testdata"
    return [one for kind in ("inclusion", "consistency") for one in (data / kind).rglob("*.json")]


@pytest.mark.skipif(not probes(), reason="TIMEBANK_MERKLE names no copy of transparency-dev/merkle")
def test_probes_of_others() -> None:
    """Each of the 196 files holds, or does not, as its authors say."""
    other = {}
    for file in probes():
        probe = json.loads(file.read_text("utf-8"))
        if holds(probe) is probe["wantErr"]:
            other[file.name] = probe
    assert {} == other


def holds(probe: dict[str, Any]) -> bool:
    """Whether the proof of a file holds."""
    hashes = [b64decode(one) for one in probe["proof"] or ()]
    if "leafHash" in probe:
        leaf, root = b64decode(probe["leafHash"] or ""), b64decode(probe["root"] or "")
        index, size = probe["leafIdx"], probe["treeSize"]
        return root == root_by_inclusion(leaf, index=index, size=size, proof=hashes)
    roots = [b64decode(probe[name] or "") for name in ("root1", "root2")]
    return leads_to(probe["size1"], probe["size2"], hashes, *roots)


def tampered(hashes: list[bytes]) -> Iterator[list[bytes]]:
    """Yield lists of hashes that are not the one that was given."""
    other = sha256(b"of nothing").digest()
    for one in (other, EMPTY, b"", *hashes):
        yield from ([one, *hashes], [*hashes, one])
    for place, one in enumerate(hashes):
        first = bytes([one[0] ^ 1]) + one[1:]
        last = one[:-1] + bytes([one[-1] ^ 0x80])
        for wrong in (other, EMPTY, b"", first, last, one[:31], one + b"\0"):
            yield [*hashes[:place], wrong, *hashes[place + 1 :]]
        yield hashes[:place]
        yield [*hashes[:place], *hashes[place + 1 :]]
        yield [*hashes[:place], one, *hashes[place:]]
        for second in range(place + 1, len(hashes)):
            swapped = list(hashes)
            swapped[place], swapped[second] = swapped[second], one
            yield swapped


@pytest.mark.parametrize(("index", "size"), INCLUDED)
def test_a_proof_of_inclusion_that_was_tampered_with(index: int, size: int) -> None:
    """No other hashes, leaf, root, place, and no size that would need more or fewer hashes."""
    hashes = [bytes.fromhex(one) for one in INCLUDED[index, size]]
    leaf, root = leaf_hash(EIGHT[index]), bytes.fromhex(ROOTS[size])
    for wrong in tampered(hashes):
        assert root != root_by_inclusion(leaf, index=index, size=size, proof=wrong)
    for other in (leaf_hash(b"other"), EMPTY, b"", root if size > 1 else EMPTY):
        assert root != root_by_inclusion(other, index=index, size=size, proof=hashes)
    for place in {index - 1, index + 1, index ^ 2, index + 256, 2**64 - 1, -1} - {index}:
        assert root != root_by_inclusion(leaf, index=place, size=size, proof=hashes)
    for many in {0, size // 2, size * 2, size + 256, 2**63} - {size}:
        assert root != root_by_inclusion(leaf, index=index, size=many, proof=hashes)


@pytest.mark.parametrize(("old", "size"), CONSISTENT)
def test_a_proof_of_consistency_that_was_tampered_with(old: int, size: int) -> None:
    """No other hashes, roots, or old sizes."""
    hashes = [bytes.fromhex(one) for one in CONSISTENT[old, size]]
    before, after = bytes.fromhex(ROOTS[old]), bytes.fromhex(ROOTS[size])
    for wrong in tampered(hashes):
        assert not leads_to(old, size, wrong, before, after)
    for other in (leaf_hash(b"other"), EMPTY, b""):
        assert not leads_to(old, size, hashes, other, after)
        assert not leads_to(old, size, hashes, before, other)
    if old != size:
        assert not leads_to(old, size, hashes, after, before)
    for one in {0, old - 1, old + 1, old ^ 2, size, size + 1} - {old}:
        assert not leads_to(one, size, hashes, before, after)
    for many in {0, old - 1, size // 2, size * 2, 2**63} - {size}:
        assert not leads_to(old, many, hashes, before, after)


def leads_to(old: int, size: int, hashes: list[bytes], old_root: bytes, root: bytes) -> bool:
    """Whether a proof of consistency holds; between equal sizes there is nothing to prove."""
    if old == size > 0:
        return not hashes and old_root == root
    return (old_root, root) == roots_by_consistency(old, size, hashes, old_root=old_root)


# -- against the definitions ---------------------------------------------------------------

sizes = st.integers(1, 600)


@given(st.data(), sizes)
def test_a_tree_is_that_of_the_definitions(data: st.DataObject, size: int) -> None:
    """Roots and proofs, at any size, over a store that has more."""
    entries = entries_of(size + data.draw(st.integers(0, 300)))
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    tree = Tree(size, Kept(entries))
    check(tree, entries[:size], index, old)


@pytest.mark.usefixtures("four")
def test_small_trees_of_many_levels() -> None:
    """Every proof of every tree of up to 22 entries, and of some larger ones, in tiles of four."""
    entries = entries_of(4**3 + 4**2 + 5)
    kept = Kept(entries, 4)
    for size in (*range(1, 23), 63, 64, 65, len(entries)):
        tree = Tree(size, kept)
        for one in range(size):
            check(tree, entries[:size], one, one + 1)


def check(tree: Tree, entries: list[bytes], index: int, old: int) -> None:
    """Check a proof of each kind, by its definition and by what it leads to."""
    size, root, old_root = len(entries), mth(entries), mth(entries[:old])
    assert root == tree.root()
    included, consistent = tree.inclusion(index), tree.consistency(old)
    assert path(index, entries) == included
    assert proof(old, entries) == consistent
    leaf = leaf_hash(entries[index])
    assert root == root_by_inclusion(leaf, index=index, size=size, proof=included)
    assert leads_to(old, size, consistent, old_root, root)
    assert max(len(included), len(consistent)) <= size.bit_length() + 1 <= MOST_HASHES


def test_a_proof_reads_a_few_tiles() -> None:
    """As much at a million leaves as at a thousand: two tiles for each level."""
    read = []
    for size in (1_000, 1_000_000):
        kept = Kept([b""] * TILE**2)  # every tile of a level is the same
        kept.rows = [row[:1] * (size // TILE**n) for n, row in enumerate(kept.rows)]
        tree = Tree(size, kept)
        assert tree.root() == root_by_inclusion(
            leaf_hash(b""), index=size // 3, size=size, proof=tree.inclusion(size // 3)
        )
        read.append(kept.read)
    assert max(read) <= 2 * 3 * TILE


# -- what is no proof ----------------------------------------------------------------------


@given(st.data(), st.integers(1, 70))
def test_no_other_leaf_index_or_proof_leads_to_the_root(data: st.DataObject, size: int) -> None:
    """Each bit of the leaf and of the proof, each hash more, less or elsewhere, each index."""
    entries = entries_of(size)
    index = data.draw(st.integers(0, size - 1))
    leaf, hashes, root = leaf_hash(entries[index]), path(index, entries), mth(entries)

    def found(leaf: bytes, index: int, hashes: list[bytes]) -> bytes | None:
        return root_by_inclusion(leaf, index=index, size=size, proof=hashes)

    assert root == found(leaf, index, hashes)
    for other in range(-1, size + 2):
        assert (other == index) is (root == found(leaf, other, hashes))
    for tampered in other_proofs([leaf, *hashes], data):
        assert root != found(tampered[0], index, tampered[1:])


@given(st.data(), st.integers(2, 70))
def test_no_other_proof_of_consistency_leads_to_both_roots(data: st.DataObject, size: int) -> None:
    """Nor does any from another size."""
    entries = entries_of(size)
    old = data.draw(st.integers(1, size - 1))
    hashes, old_root, root = proof(old, entries), mth(entries[:old]), mth(entries)
    assert leads_to(old, size, hashes, old_root, root)
    for other in range(-1, size + 3):
        if other != old:
            assert not leads_to(other, size, hashes, old_root, root)
    for tampered in other_proofs(hashes, data):
        assert not leads_to(old, size, tampered, old_root, root)
    other_root = sha256(old_root).digest()
    assert not leads_to(old, size, hashes, other_root, root)
    assert not leads_to(old, size, hashes, old_root, sha256(root).digest())


def other_proofs(hashes: list[bytes], data: st.DataObject) -> list[list[bytes]]:
    """Proofs that differ from one in one thing."""
    found = [hashes[:n] + hashes[n + 1 :] for n in range(1, len(hashes))]
    places = range(1, len(hashes) + 1)
    found += [[*hashes[:n], more, *hashes[n:]] for n in places for more in (*hashes, bytes(32))]
    found += [[*hashes, b""], hashes[::-1]]
    bit = data.draw(st.integers(0, 255))
    for n, one in enumerate(hashes):
        changed = (int.from_bytes(one, "big") ^ 1 << bit).to_bytes(32, "big")
        found.append([*hashes[:n], changed, *hashes[n + 1 :]])
    return [one for one in found if one != hashes]


@given(st.integers(-3, 40), st.integers(-3, 40), st.lists(st.binary(max_size=33), max_size=8))
def test_any_bytes_are_taken_as_a_proof_and_refused(
    one: int, other: int, hashes: list[bytes]
) -> None:
    """Nothing is raised, whatever somebody sends."""
    found = root_by_inclusion(b"\0" * 32, index=one, size=other, proof=hashes)
    assert found is None or 0 <= one < other
    roots = roots_by_consistency(one, other, hashes, old_root=b"\0" * 32)
    assert roots is None or 0 < one < other


def test_proofs_that_say_nothing_are_none() -> None:
    """Between equal sizes, from an empty tree, to a smaller one, or without the hashes."""
    leaves = [leaf_hash(entry) for entry in entries_of(3)]
    for old, size in ((0, 3), (3, 3), (4, 3), (-1, 3), (0, 0)):
        assert None is roots_by_consistency(old, size, [], old_root=EMPTY)
        assert None is roots_by_consistency(old, size, leaves, old_root=EMPTY)
    assert None is roots_by_consistency(3, 4, [], old_root=EMPTY)
    assert None is root_by_inclusion(leaves[0], index=0, size=0, proof=[])


def test_a_forked_past_leads_to_two_roots() -> None:
    """The proof of a rewritten past leads to the new root, and to an old one that nobody signed."""
    told, entries = entries_of(5), [*entries_of(4), b"another", b"more", b"still more"]
    roots = roots_by_consistency(5, 7, proof(5, entries), old_root=mth(told))
    assert (mth(entries[:5]), mth(entries)) == roots
    assert mth(told) != mth(entries[:5])


# -- what is asked wrongly, and what is damaged ---------------------------------------------


def test_what_is_not_in_the_tree_is_refused() -> None:
    """With a sentence of its own."""
    tree = Tree(3, Kept(entries_of(3)))
    for index in (-1, 3):
        with pytest.raises(InvalidRequest, match=f"of 3 records has none at index {index}"):
            tree.inclusion(index)
    for old in (-1, 4):
        with pytest.raises(InvalidRequest, match=f"of 3 records continues none of {old}"):
            tree.consistency(old)
    assert [] == tree.consistency(0) == tree.consistency(3)
    empty = Tree(0, Kept([]))
    assert (EMPTY, []) == (empty.root(), empty.consistency(0))
    with pytest.raises(InvalidRequest, match="of 0 records"):
        empty.inclusion(0)


@pytest.mark.usefixtures("four")
@pytest.mark.parametrize("level", [0, 1, 2])
def test_damage_is_seen_by_whoever_uses_it(level: int) -> None:
    """A full tile is compared with its hash above: a wrong or missing hash is never proved."""
    entries = entries_of(4**3 + 4**2 + 3)
    for place in range(len(Kept(entries, 4).rows[level])):
        for damage in ([], [bytes(32)]):
            kept = Kept(entries, 4)
            kept.rows[level][place : place + 1] = damage
            vouched = place < len(kept.rows[level]) // 4 * 4  # by the hash of its full tile
            for ask in (
                Tree.root,
                methodcaller("inclusion", place * 4**level),
                methodcaller("consistency", place * 4**level + 1),
            ):
                sound = _answer(ask, Tree(len(entries), Kept(entries, 4)))
                told = _answer(ask, Tree(len(entries), kept))
                assert told in (sound, Corrupt) or not vouched
                assert not damage or vouched or ask is not Tree.root or told != sound


def _answer(ask: Any, tree: Tree) -> Any:
    """What a tree says, or the class of its error."""
    try:
        return ask(tree)
    except Corrupt:
        return Corrupt
