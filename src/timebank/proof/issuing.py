"""Issuing: the receipt of an exchange, made and signed by the bank that has it.

What a receipt is, and how it is checked without a bank, is in `receipts`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from os import PathLike

import attrs

from timebank.bank import TimeBank
from timebank.errors import shown
from timebank.journal import canonical
from timebank.proof.consistency import check_in
from timebank.proof.errors import NotProved
from timebank.proof.heads import (
    Checkpoint,
    SignedHead,
    check_kept,
    origin_of,
    own_keys,
    signed_by,
)
from timebank.proof.keys import SigningKey
from timebank.proof.receipts import Receipt, word_begins
from timebank.queries.proofs import provable, word_on
from timebank.queries.records import body_of
from timebank.storage.protocol import Reader
from timebank.storage.tree import tree_at


def receipt(
    bank: TimeBank,
    id: str,
    *,
    key: str | PathLike[str] | SigningKey | Iterable[str | PathLike[str] | SigningKey],
    texts: bool = True,
    head: SignedHead | str | bytes | None = None,
) -> Receipt:
    """Return the receipt of a transfer, a reversal or a hold, by its id.

    `key` is a key of the bank that signs, or the path of its file, or several. `texts` is whether
    names and notes are shown. `head` is a head that the bank signed and published, perhaps with
    the cosignatures of witnesses: the receipt is then up to that one; without it, up to now, by a
    head that is signed for it. In a transaction of a host's own, make it before anything is
    written there: what may still be rolled back is not to be signed.

    With permissions, it is asked for as `receipt`, with every account of the record and those that
    these were merged into, for it shows the whole of it and their names; the balance of each of
    which its flags tell is asked for as well.

    :raises InvalidRequest: an id that cannot be, no key, or a key of another bank.
    :raises NotPermitted: the permissions say no.
    :raises TransferNotFound: there is no such transfer or hold.
    :raises NotProved: the `head` is of another bank, none of the keys signed it, or the record came
        behind it.
    :raises Forked: the bank's past is not the one that `head` signed; it has the evidence.
    :raises Corrupt: what is kept of the tree is damaged.
    :raises OSError: the file of a key cannot be read.
    :raises StoreError: the package `cryptography` is missing; or as reading the bank does.
    :raises WrongType: a batch or a preview in place of a bank.
    """
    check_kept(bank)
    several = [key] if isinstance(key, str | PathLike | SigningKey) else key
    keys = tuple(several)
    given = SignedHead.of(head) if isinstance(head, str | bytes) else head
    bank._may_show("receipt", id)  # noqa: SLF001 - of the same house
    with bank.store.reader(bank.name) as reader:
        return bank._firm(reader, lambda: _made(reader, id, keys, texts=texts, head=given))  # noqa: SLF001 - as above


def _made(
    reader: Reader,
    id: str,
    keys: Sequence[str | PathLike[str] | SigningKey],
    *,
    texts: bool,
    head: SignedHead | None,
) -> Receipt:
    now = reader.head()
    origin = origin_of(now.journal)
    signing = own_keys(origin, *keys)
    if head is not None:
        head = _head_of(signing, head)
    row = provable(reader, id)
    size = now.sequence if head is None else head.checkpoint.size
    if row.sequence > size:
        msg = f"{shown(id)} is record {row.sequence}, which came behind this head of {size} records"
        raise NotProved(msg).about(
            key="receipt_behind_head", id=id, sequence=row.sequence, size=size
        )
    if head is not None:
        check_in(reader, head)
    tree = tree_at(reader, size)
    checkpoint = Checkpoint(origin, size, tree.root())
    if head is None:
        head = SignedHead(checkpoint, signed_by(str(checkpoint), signing))
    said = canonical(word_on(reader, row, size=size, texts=texts)).decode()
    request = body_of(row)["request"]
    kept = reader.texts(after=row.sequence - 1, through=row.sequence) if texts else []
    return Receipt(
        head=head,
        index=row.sequence - 1,
        hashes=tuple(tree.inclusion(row.sequence - 1)),
        record=row.body.decode(),
        texts={one.field: (one.salt, one.text) for one in kept if one.field in request},
        word=signed_by(f"{word_begins(checkpoint, row.sequence)}\n{said}\n", signing),
    )


def _head_of(keys: Iterable[SigningKey], head: SignedHead) -> SignedHead:
    """Return a head without signatures of other keys of the bank.

    :raises NotProved: it is of another bank, or one of the keys did not sign it.
    """
    public = [key.public for key in keys]
    head.checked(public)
    for key in public:
        if key.check(head.note) is None:
            msg = f"the head is not signed by the key {key.key_id.hex()}"
            raise NotProved(msg).about(key="receipt_head_unsigned", id=key.key_id.hex())
    own = {(key.name, key.key_id) for key in public}
    named = head.checkpoint.origin
    others = {one.key for one in head.note.signatures if one.name == named}
    others -= own
    return attrs.evolve(head, note=head.note.without(others)) if others else head
