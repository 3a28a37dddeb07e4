"""Publishing: a bank's head, with the cosignatures that its board asks for, as one file."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from timebank.errors import InvalidRequest
from timebank.journal.tree import damaged
from timebank.proof.consistency import check_in
from timebank.proof.errors import Forked, NotProved
from timebank.proof.files import named
from timebank.proof.folders import alone_in, write_whole
from timebank.proof.heads import Checked, SignedHead, check_kept
from timebank.proof.notes import Note, Signature
from timebank.proof.policy import Policy
from timebank.storage.protocol import Reader

if TYPE_CHECKING:
    from timebank.bank import TimeBank


def publish(
    bank: TimeBank,
    path: str | os.PathLike[str],
    head: SignedHead,
    cosignatures: Iterable[Signature] = (),
    *,
    policy: Policy,
) -> tuple[SignedHead, Checked]:
    r"""Write a signed head of a bank, with what its witnesses answered, as the one it publishes.

    It is written whole or not at all, and only where the policy is met, the journal has the head,
    and the head continues the one that is in the file. Cosignatures of witnesses that the policy
    does not name are left out. All records are read, for what is published can never be taken back.
    Returned are the head as it is published, and whose signatures hold.

    :raises InvalidRequest: the policy names no key of the bank.
    :raises Corrupt: what is kept of the tree is not that of the records.
    :raises Forked: the journal does not have the head, or not the one that was published before.
    :raises NotPermitted: who acts may not read the head.
    :raises NotProved: the head is of another bank, or not signed or cosigned as the policy asks;
        the file is no signed head, or has a longer one.
    :raises OSError: it cannot be read or written.
    :raises StoreBusy: another process publishes there for too long.
    :raises StoreError: the package `cryptography` is missing; or as reading the bank does.
    :raises WrongType: a batch or a preview in place of a bank.

    >>> import tempfile
    >>> from pathlib import Path
    >>> import timebank
    >>> from timebank.proof.heads import SignedHead, origin_of, sign_head
    >>> from timebank.proof.keys import SigningKey
    >>> from timebank.proof.policy import Policy
    >>> from timebank.proof.publishing import publish
    >>> bank = timebank.open("memory:")
    >>> key = SigningKey.make(origin_of(bank.head().journal))
    >>> anna = SigningKey.make("anna", witness=True)
    >>> policy = Policy.of(f"log {key.public}\nwitness anna {anna.public}\nquorum anna\n")
    >>> head = sign_head(bank, key)
    >>> folder = tempfile.TemporaryDirectory()
    >>> place = Path(folder.name, "head")
    >>> answer = anna.cosign(head.note.text, 1_800_000_000)
    >>> published, checked = publish(bank, place, head, [answer], policy=policy)
    >>> published == SignedHead.read(place), [one.key.name for one in checked.cosigners]
    (True, ['anna'])
    >>> folder.cleanup()
    """
    check_kept(bank)
    bank.head()  # who may not read it may not publish it
    target = Path(os.path.realpath(path))
    full = head.cosigned(*cosignatures)
    with alone_in(target.with_name(f".{target.name}.lock")):
        before = SignedHead.read(target) if target.exists() else None
        if before is not None and before.checkpoint == head.checkpoint:
            full = before.cosigned(*full.note.signatures)  # a newer one takes an older one's place
        full, checked = _known(full, policy)
        new = full.checkpoint
        with bank.store.reader(bank.name) as reader:
            check_in(reader, full)
            check_records(reader, full)
            if before is not None:
                _check_published(reader, before, full, target, policy)
        if before is not None and before.checkpoint.size > new.size:
            size, last = new.size, before.checkpoint.size
            msg = f"a head of {last} records is published, and this one has {size}"
            raise NotProved(msg).about(key="published_longer", size=size, published=last)
        write_whole(target, str(full))
    return full, checked


def _check_published(
    reader: Reader, before: SignedHead, full: SignedHead, place: Path, policy: Policy
) -> None:
    """Check that a journal has the head that was published before.

    :raises Forked: it has not, and the head was signed by the bank.
    :raises NotProved: it has not, for the file was changed: nobody is accused by that.
    """
    try:
        check_in(reader, before, full)
    except Forked:
        with named(place):
            before.checked(policy.logs)
        raise


def check_records(reader: Reader, head: SignedHead) -> None:
    """Read all records: a root that was worked out from damaged hashes is not to leave the house.

    Once others had it, the bank could continue it no more, and would seem to have rewritten its
    past.

    :raises Corrupt: the head is of what is kept of the tree, and not of the records.
    """
    try:
        check_in(reader, head, anew=True)
    except Forked:
        size = head.checkpoint.size
        what = f"the head of {size} records is that of the kept tree, and not that of the records"
        raise damaged(what) from None


def _known(head: SignedHead, policy: Policy) -> tuple[SignedHead, Checked]:
    """Return a head with the signatures that the policy knows, in its order, and whose they are."""
    if not policy.logs:
        msg = "the policy names no key of the bank: it needs a line that begins with log"
        raise InvalidRequest(msg).about(key="policy_no_log")
    checked = head.checked((), policy=policy)
    known = [(one.name, one.key_id) for one in (*policy.logs, *policy.witnesses.values())]
    found = [one for one in head.note.signatures if one.key in known]
    found.sort(key=lambda one: known.index(one.key))
    return SignedHead(head.checkpoint, Note(head.note.text, tuple(found))), checked
