"""Signed heads: how far a journal goes and what it says until there, under a bank's signature.

A signed head is a C2SP *tlog-checkpoint*: a note of three lines, the origin, the number of records
and the root of their tree. The origin is `timebank/` and the journal's id, which a bank keeps
wherever it moves; what a storage calls the bank is not in it.

>>> import timebank
>>> from timebank.proof.heads import origin_of, sign_head
>>> from timebank.proof.keys import SigningKey
>>> bank = timebank.open("memory:")
>>> key = SigningKey.make(origin_of(bank.head().journal))
>>> signed = sign_head(bank, key)
>>> signed.checkpoint.size, signed.checked([key.public]).signers == (key.public,)
(0, True)
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Final

import attrs

from timebank.bank import TimeBank
from timebank.errors import InvalidRequest, WrongType, shown
from timebank.journal.tree import EMPTY
from timebank.proof.errors import NotProved
from timebank.proof.files import named, plain, read_short
from timebank.proof.keys import (
    COSIGNATURE,
    ED25519,
    PublicKey,
    SigningKey,
    check_kind,
    signing_keys_of,
)
from timebank.proof.notes import HASH_BYTES, Note, Signature, base64_of, bytes_of, is_key_name

if TYPE_CHECKING:
    from timebank.proof.policy import Policy

#: What the origin of a bank's heads begins with; the journal's id follows.
ORIGIN: Final = "timebank/"
#: A tree has no more leaves.
MOST_RECORDS: Final = 2**63 - 1

_SIZE: Final = re.compile("0|[1-9][0-9]{0,18}")
_LINES: Final = 3


def origin_of(journal: str) -> str:
    """Return the origin of a journal's signed heads, which is the name of the bank's key, too.

    :raises InvalidRequest: the journal's id has a space, a plus or a control character.

    >>> from timebank.proof.heads import origin_of
    >>> origin_of("8a1e")
    'timebank/8a1e'
    """
    origin = f"{ORIGIN}{journal}"
    if not (journal and is_key_name(origin)):
        msg = f"a journal of this id cannot sign, for a key has no such name: {shown(journal)}"
        raise InvalidRequest(msg).about(key="journal_cannot_sign", journal=shown(journal))
    return origin


@attrs.frozen
class Checkpoint:
    r"""What a signed head says: the origin, the number of records, the root of their tree.

    `str()` is the text that is signed: three lines.

    >>> from timebank.proof.heads import Checkpoint
    >>> str(Checkpoint(origin="timebank/8a1e", size=1, root=bytes(32)))
    'timebank/8a1e\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n'
    """

    origin: str
    size: int
    root: bytes

    @classmethod
    def of(cls, text: str) -> Checkpoint:
        """Return the checkpoint that a text says; further lines are refused.

        :raises NotProved: it says none.
        """
        origin, size, root, *end = text.split("\n") if text.count("\n") == _LINES else [""] * 3
        data = bytes_of(root)
        if (
            end != [""]
            or not origin
            or not (_SIZE.fullmatch(size) and int(size) <= MOST_RECORDS)
            or data is None
            or len(data) != HASH_BYTES
        ):
            msg = "a head that is signed has three lines: its origin, its size and its root"
            raise NotProved(msg).about(key="checkpoint_unlike")
        if size == "0" and data != EMPTY:
            msg = "a head of no records has another root than an empty tree"
            raise NotProved(msg).about(key="root_of_nothing")
        return cls(origin, int(size), data)

    def __str__(self) -> str:
        return f"{self.origin}\n{self.size}\n{base64_of(self.root)}\n"


@attrs.frozen
class Cosigner:
    """A witness who cosigned a head, and when, by its own clock."""

    key: PublicKey
    at: datetime


@attrs.frozen
class Checked:
    """Whose signatures of a head hold: the bank's keys, and the witnesses with their times.

    `unchecked` are the names in the signatures that were not checked, for their keys were not
    given: they prove nothing.
    """

    signers: tuple[PublicKey, ...]
    cosigners: tuple[Cosigner, ...] = ()
    unchecked: tuple[str, ...] = ()


@attrs.frozen
class SignedHead:
    """A head with its signatures: the bank's, and those of witnesses. `str()` is its file."""

    checkpoint: Checkpoint
    note: Note

    @classmethod
    def of(cls, data: str | bytes) -> SignedHead:
        """Return the signed head of a file; its signatures are not checked by that.

        :raises NotProved: it is none.
        """
        note = Note.of(data)
        return cls(Checkpoint.of(note.text), note)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> SignedHead:
        """Return the signed head of a file at a path; its signatures are not checked by that.

        :raises InvalidRequest: it is longer than any.
        :raises NotProved: it is none; the error names the file.
        :raises OSError: it cannot be read.
        """
        with named(path):
            return cls.of(plain(read_short(path)))

    @property
    def journal(self) -> str:
        """The id of the journal.

        :raises NotProved: the head is of no journal of a time bank.
        """
        journal = self.checkpoint.origin.removeprefix(ORIGIN)
        if f"{ORIGIN}{journal}" != self.checkpoint.origin or not journal:
            origin = shown(self.checkpoint.origin)
            msg = f"this is the head of {origin}, which is no time bank"
            raise NotProved(msg).about(key="origin_other", origin=origin)
        return journal

    def cosigned(self, *signatures: Signature) -> SignedHead:
        """Return the head with more signatures, as witnesses answer them. They are not checked."""
        return attrs.evolve(self, note=self.note.signed_by(*signatures))

    def checked(
        self,
        keys: Iterable[PublicKey],
        witnesses: Iterable[PublicKey] = (),
        policy: Policy | None = None,
    ) -> Checked:
        """Return whose signatures hold.

        The head has to be signed by one of `keys` (where there are none, by one of the policy's
        `logs`) whose name is the head's origin. With a `policy`, those who cosigned have to be as
        many as it asks for; without one, each of `witnesses` has to have cosigned. All signatures
        of these keys are checked, those of other keys are not.

        :raises InvalidRequest: a key is not of the kind that is asked for, or none was given.
        :raises NotProved: the head is not signed, or not cosigned, as it has to be.
        :raises StoreError: the package `cryptography` is missing.
        """
        logs = tuple(keys) or (() if policy is None else policy.logs)
        asked = tuple(witnesses)
        neighbours = (*asked, *(() if policy is None else policy.witnesses.values()))
        _check_kinds(logs, neighbours)
        signers = tuple(self._signers(logs))
        cosigners = tuple(self._cosigners(dict.fromkeys(neighbours)))
        found = [one.key for one in cosigners]
        if policy is None:
            missing = [one for one in asked if one not in found]
            if missing:
                msg = f"the head is not cosigned by {missing[0].name}"
                raise NotProved(msg).about(key="not_cosigned", name=missing[0].name)
        elif not policy.met(found):
            msg = "the head is not cosigned by as many witnesses as the policy asks for"
            raise NotProved(msg).about(key="quorum_missing", quorum=policy.quorum)
        own = (one for one in logs if one.name == self.checkpoint.origin)
        known = {(one.name, one.key_id) for one in (*own, *neighbours)}
        unchecked = (one.name for one in self.note.signatures if one.key not in known)
        return Checked(signers, cosigners, tuple(dict.fromkeys(unchecked)))

    def _signers(self, logs: tuple[PublicKey, ...]) -> Iterator[PublicKey]:
        """Yield the keys of the head's origin that signed it."""
        origin = self.checkpoint.origin
        own = [one for one in dict.fromkeys(logs) if one.name == origin]
        if not own:
            name = logs[0].name
            msg = f"the head is of {origin}, and the key is that of {name}"
            raise NotProved(msg).about(key="head_of_other", origin=origin, name=name)
        found = [one for one in own if one.check(self.note)]
        if not found:
            msg = f"the head of {origin} is not signed by the key {own[0].key_id.hex()}"
            raise NotProved(msg).about(key="not_signed", origin=origin, id=own[0].key_id.hex())
        yield from found

    def _cosigners(self, neighbours: Iterable[PublicKey]) -> Iterator[Cosigner]:
        for key in neighbours:
            signature = key.check(self.note)
            if signature is not None:
                yield Cosigner(key, key.time_of(signature))

    def __str__(self) -> str:
        return str(self.note)


def _check_kinds(logs: tuple[PublicKey, ...], neighbours: Iterable[PublicKey]) -> None:
    """Check that heads are signed by keys of banks, and cosigned by those of witnesses."""
    if not logs:
        msg = "a public key of the bank is missing: without one nothing is checked"
        raise InvalidRequest(msg).about(key="key_needed_public")
    for key in logs:
        check_kind(key, ED25519)
    for key in neighbours:
        check_kind(key, COSIGNATURE)


def sign_head(bank: TimeBank, *keys: str | os.PathLike[str] | SigningKey) -> SignedHead:
    """Return the head of a bank as it is now, signed by keys, or by those of files.

    Of a batch or a preview none is signed. In a transaction of a host's own, sign before anything
    is written there: a head of what is rolled back is of a past that the bank will not have.

    :raises InvalidRequest: no key is given, one is not the bank's, or its journal cannot sign.
    :raises NotPermitted: who acts may not read the head.
    :raises OSError: a file cannot be read.
    :raises StoreError: the package `cryptography` is missing; or as reading the bank does.
    :raises WrongType: a batch or a preview in place of a bank.
    """
    check_kept(bank)
    head = bank.head()
    origin = origin_of(head.journal)
    signing = own_keys(origin, *keys)
    checkpoint = Checkpoint(origin, head.sequence, head.root)
    return SignedHead(checkpoint, signed_by(str(checkpoint), signing))


def check_kept(bank: object) -> None:
    """Check that it is a bank of which something is to be signed, and no batch or preview of one.

    What these have may still be dropped: a bank that signed it would have signed two pasts.

    :raises WrongType: it is no bank.
    """
    if not isinstance(bank, TimeBank):
        msg = f"what is signed is what a bank has recorded and kept, not a {type(bank).__name__}"
        raise WrongType(msg).about(key="signed_of_bank")


def own_keys(origin: str, *keys: str | os.PathLike[str] | SigningKey) -> tuple[SigningKey, ...]:
    """Return keys that sign for an origin, given as such or by the paths of their files.

    :raises InvalidRequest: no key is given, one is of another origin, or a witness's.
    :raises OSError: a file cannot be read.
    :raises StoreError: the package `cryptography` is missing.
    """
    found = signing_keys_of(*keys)
    for key in found:
        check_kind(key, ED25519)
        if key.name != origin:
            msg = f"the key of {key.name} does not sign for {origin}"
            raise InvalidRequest(msg).about(key="key_of_other", name=key.name, origin=origin)
    return found


def signed_by(text: str, keys: Iterable[SigningKey]) -> Note:
    """Return a note of a text, signed by each of some keys."""
    return Note(text).signed_by(*(key.sign(text) for key in keys))
