"""Proofs that a signed head continues an older one, and the request by which a witness is asked.

Both are one text: the body of a request `add-checkpoint` in C2SP *tlog-witness*. Its first line
names the number of records of the older head, the hashes of a proof of consistency (RFC 6962)
follow, and, behind an empty line, the signed head.

>>> import timebank
>>> from timebank.proof.consistency import Continuation, continuation
>>> from timebank.proof.heads import origin_of, sign_head
>>> from timebank.proof.keys import SigningKey
>>> bank = timebank.open("memory:")
>>> key = SigningKey.make(origin_of(bank.head().journal))
>>> _ = bank.open_account("m1")
>>> old = sign_head(bank, key)
>>> _ = bank.open_account("m2"), bank.open_account("m3")
>>> asked = continuation(bank, old, key)
>>> Continuation.of(str(asked)).check_from(old)
>>> asked.old, asked.head.checkpoint.size, len(asked.hashes)
(1, 3, 2)
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final, cast

import attrs

from timebank.errors import InvalidRequest
from timebank.journal.tree import damaged, roots_by_consistency
from timebank.model import Head, TileRow
from timebank.proof.errors import Forked, NotProved
from timebank.proof.evidence import Evidence
from timebank.proof.heads import (
    ORIGIN,
    Checkpoint,
    SignedHead,
    check_kept,
    origin_of,
    own_keys,
    signed_by,
)
from timebank.proof.keys import SigningKey
from timebank.proof.notes import base64_of, hashes_of, text_of
from timebank.storage.protocol import Reader
from timebank.storage.tree import tiles_filled, tree_at

if TYPE_CHECKING:
    from timebank.bank import TimeBank

#: So many records are read at once, where all of them are.
_PAGE: Final = 512
_OLD: Final = re.compile("old (0|[1-9][0-9]{0,18})")


@attrs.frozen
class Continuation:
    """A signed head, with the proof that it continues one of `old` records. `str()` is the text."""

    old: int
    hashes: tuple[bytes, ...]
    head: SignedHead

    @classmethod
    def of(cls, data: str | bytes) -> Continuation:
        """Return the request of a file. Neither proof nor signatures are checked by that.

        :raises NotProved: it is none.
        """
        above, _, head = text_of(data).partition("\n\n")
        first, *lines = above.split("\n")
        old, hashes = _OLD.fullmatch(first), hashes_of(lines)
        if first.startswith(ORIGIN) and head:
            msg = "this is a head without its proof: head --since OLD prints the two together"
            raise NotProved(msg).about(key="proof_missing")
        if old is None or hashes is None:
            msg = (
                "no proof: one begins with a line 'old N', and hashes in base64 follow, one a line"
            )
            raise NotProved(msg).about(key="proof_unlike")
        return cls(int(old[1]), hashes, SignedHead.of(head))

    def check_from(self, seen: SignedHead) -> None:
        """Check that the head continues an older one, by the proof. No signature is checked.

        :raises Forked: it excludes the older one.
        :raises NotProved: the proof does not say so, or it is of another journal or size.
        """
        old, new = seen.checkpoint, self.head.checkpoint
        if old.origin != new.origin:
            msg = f"the heads are of two journals, {old.origin} and {new.origin}"
            raise NotProved(msg).about(key="heads_of_two", one=old.origin, other=new.origin)
        if new.size < old.size:
            msg = (
                f"the head has {new.size} records, fewer than the other, which has {old.size}: it "
                "is the older of the two, or records were cut off"
            )
            raise NotProved(msg).about(key="heads_in_order", size=new.size, old=old.size)
        if new.size == old.size and new.root != old.root:
            raise Evidence(seen, self.head, new.root).forked()
        if self.old != old.size:
            msg = f"the proof begins at {self.old} records, and the older head has {old.size}"
            raise NotProved(msg).about(key="proof_of_other", old=self.old, size=old.size)
        if old.size in {0, new.size}:
            self._check_empty()
            return
        roots = roots_by_consistency(old.size, new.size, self.hashes, old_root=old.root)
        if roots is None or roots[1] != new.root:
            msg = (
                f"the proof does not lead from the head of {old.size} records to that of "
                f"{new.size}: it is of other heads, or the past was rewritten (which of the two, "
                "timebank head --since FILE shows at the bank, with the older head)"
            )
            raise NotProved(msg).about(key="proof_elsewhere", old=old.size, size=new.size)
        if roots[0] != old.root:
            raise Evidence(seen, self.head, roots[0], self.hashes).forked()

    def _check_empty(self) -> None:
        if self.hashes:
            msg = "an empty head is continued by any, and a head by itself: such a proof is empty"
            raise NotProved(msg).about(key="proof_of_nothing")

    def __str__(self) -> str:
        lines = "\n".join([f"old {self.old}", *map(base64_of, self.hashes)])
        return f"{lines}\n\n{self.head}"


def continuation(
    bank: TimeBank,
    since: SignedHead | int,
    *keys: str | os.PathLike[str] | SigningKey,
    head: SignedHead | None = None,
) -> Continuation:
    """Return the head of a bank as it is now, signed, and the proof that it continues another.

    `since` is the other, or its number of records. It is compared with the journal before
    anything is signed; its own signatures are for the caller to check. With `head`, a signed
    head of this bank, the proof leads to that one, and nothing is signed.

    :raises InvalidRequest: a key that is not the bank's, or both or neither of keys and `head`;
        or there are fewer records than `since`.
    :raises Forked: the journal does not continue the other head, or `head` is not of it.
    :raises NotPermitted: who acts may not read the head.
    :raises NotProved: a head is of another journal.
    :raises OSError: a file of a key cannot be read.
    :raises StoreError: the package `cryptography` is missing; or as reading the bank does.
    :raises WrongType: a batch or a preview in place of a bank.
    """
    check_kept(bank)
    origin = origin_of(bank.head().journal)
    signing = own_keys(origin, *keys) if keys or head is None else ()
    if signing and head is not None:
        msg = "a head that is signed is not signed again: give keys, or a head"
        raise InvalidRequest(msg).about(key="head_or_keys")
    with bank.store.reader(bank.name) as reader:
        if head is not None:
            check_in(reader, head)
        if isinstance(since, SignedHead):
            check_in(reader, since, head)
        size = reader.head().sequence if head is None else head.checkpoint.size
        old = since.checkpoint.size if isinstance(since, SignedHead) else since
        if not 0 <= old <= size:
            msg = f"there are {size} records, and none is a proof from {old} on"
            raise InvalidRequest(msg).about(key="since_beyond", since=old, size=size)
        tree = tree_at(reader, size)
        if head is None:
            checkpoint = Checkpoint(origin, size, tree.root())
            head = SignedHead(checkpoint, signed_by(str(checkpoint), signing))
        return Continuation(old, tuple(tree.consistency(old)), head)


def check_in(
    reader: Reader, seen: SignedHead, other: SignedHead | None = None, *, anew: bool = False
) -> None:
    """Check that a journal has a signed head. Signatures are not checked.

    The evidence, where it has not, names `other`, a signed head that the journal has, or else
    the journal's head, which nobody signed. With `anew` all records are read, and what the
    storage keeps of their tree is not believed. Nobody is accused by what is kept alone: where
    it denies the head, all records are read too.

    :raises Forked: it has not.
    :raises NotProved: the head is of another journal.
    :raises Corrupt: the tree is damaged.
    """
    try:
        _check_in(reader, seen, other, anew=anew)
    except Forked:
        if anew:
            raise
        # Nobody is accused by a damaged row: what was found has to follow from the records.
        _check_in(reader, seen, other, anew=True)
        size = seen.checkpoint.size
        msg = f"what is kept of the tree denies a head of {size} records that are there"
        raise damaged(msg) from None


def _check_in(reader: Reader, seen: SignedHead, other: SignedHead | None, *, anew: bool) -> None:
    head, size = reader.head(), seen.checkpoint.size
    if seen.journal != head.journal:
        msg = f"the head is of the journal {seen.journal}, and this one is {head.journal}"
        raise NotProved(msg).about(
            key="head_of_other_journal", origin=seen.journal, journal=head.journal
        )
    if other is not None and other.checkpoint.size < size <= head.sequence:
        other = None  # nothing leads back from it
    last = head.sequence if other is None else other.checkpoint.size
    if anew:
        reader = cast("Reader", _Anew(reader, last))
    tree = tree_at(reader, last)
    claim = Checkpoint(seen.checkpoint.origin, last, tree.root()) if other is None else other
    if size > last:
        raise Evidence(seen, claim).forked()
    root = tree.root() if size == last else tree_at(reader, size).root()
    if root != seen.checkpoint.root:
        raise Evidence(seen, claim, root, tuple(tree.consistency(size))).forked()


class _Anew:
    """The records of a reader, and the tiles that follow from them: no row of a tile is read."""

    def __init__(self, reader: Reader, size: int) -> None:
        self.records = reader.records
        self._tiles: dict[int, list[TileRow]] = {}
        last = 0
        while last < size:
            page = reader.records(after=last, limit=min(_PAGE, size - last))
            if not page:
                return  # whoever asks for its tree finds out
            for row in tiles_filled(cast("Reader", self), page):
                self._tiles.setdefault(row.level, []).append(row)
            last = page[-1].sequence

    def tiles(self, *, level: int, after: int, limit: int) -> list[TileRow]:
        """Return tiles as a reader does."""
        return self._tiles.get(level, [])[after + 1 : after + 1 + limit]


def expected(head: SignedHead) -> Head:
    """Return a signed head as an audit takes it: with a root, and without a digest.

    >>> import timebank
    >>> from timebank.proof import SigningKey, origin_of, sign_head
    >>> from timebank.proof.consistency import expected
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1")
    >>> head = sign_head(bank, SigningKey.make(origin_of(bank.head().journal)))
    >>> bank.audit(expect=[expected(head)]).ok
    True
    """
    said = head.checkpoint
    return Head(head.journal, said.size, b"", find_root=said.root)
