"""A witness: a folder of files that cosigns heads of banks, each continuing what it has seen.

It answers as C2SP *tlog-witness* says of `add-checkpoint`, from a request in a file. In its folder:

- `key`: the witness's own key, made by `timebank key make FOLDER/key --witness NAME`;
- `banks/`: the public keys of the banks that it trusts, in files, one key a line; and hidden
  files that say of which banks heads were cosigned;
- `seen/HASH/checkpoint`: the last head that it cosigned of a bank, with both signatures, where
  HASH is the SHA-256 of the head's origin, in hexadecimal;
- `seen/HASH/heads/`: every head that it cosigned, by its number of records;
- `seen/HASH/evidence/`: what excludes one of these;
- `seen/HASH/refused/`: heads that the bank signed, and did not prove to continue these;
- `lock`: held by the one process that uses the folder.

What it says of a head is in `checkpoint` before it is said to anybody. So it never cosigns two
pasts of a bank, whenever it is killed: unless its folder is put back as it was before. A copy of
the folder is for reading, and is never to be put in its place.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Final

import attrs

from timebank.errors import Corrupt, InvalidRequest
from timebank.proof.consistency import Continuation
from timebank.proof.errors import Forked, NotProved
from timebank.proof.evidence import Evidence
from timebank.proof.files import named, read_short
from timebank.proof.folders import alone_in, keep_new, make_folder, sync_folder, write_whole
from timebank.proof.heads import SignedHead
from timebank.proof.keys import COSIGNATURE, ED25519, PublicKey, SigningKey, check_kind, keys_of
from timebank.proof.notes import Signature

KEY: Final = "key"
BANKS: Final = "banks"
SEEN: Final = "seen"
HEADS: Final = "heads"
EVIDENCE: Final = "evidence"
REFUSED: Final = "refused"
#: Names of heads have so many digits, so that they are in order.
_DIGITS: Final = 19
_NAME: Final = re.compile(f"[0-9]{{{_DIGITS}}}")
_HIDDEN: Final = "."


class OtherSize(NotProved):
    """A request begins at another head than the witness saw last, which has `size` records.

    The bank makes its request anew, from there.
    """

    def __init__(self, message: str, *, size: int) -> None:
        super().__init__(message)
        self.size = size


def _now() -> int:
    return int(time.time())


@attrs.frozen
class Witness:
    """The witness of a folder. `clock` gives the second since 1970 in which it cosigns.

    >>> import tempfile
    >>> from pathlib import Path
    >>> import timebank
    >>> from timebank.proof.consistency import continuation
    >>> from timebank.proof.heads import origin_of
    >>> from timebank.proof.keys import SigningKey
    >>> from timebank.proof.witness import Witness
    >>> bank = timebank.open("memory:")
    >>> key = SigningKey.make(origin_of(bank.head().journal))
    >>> folder = tempfile.TemporaryDirectory()
    >>> SigningKey.make("anna", witness=True).write(Path(folder.name, "key"))
    >>> witness = Witness(folder.name)
    >>> _ = witness.trust(key.public)
    >>> answer = witness.add(continuation(bank, 0, key))
    >>> answer.name, witness.seen(key.name).checkpoint.size
    ('anna', 0)
    >>> folder.cleanup()
    """

    folder: Path = attrs.field(converter=Path)
    clock: Callable[[], int] = attrs.field(default=_now, kw_only=True)

    # -- whom it trusts ----------------------------------------------------------------------

    def trust(self, key: PublicKey) -> Path:
        """Trust the key of a bank from now on; return the file in which it is kept.

        Whether it is the bank's is for its board to say: face to face, or by the number of the key.

        :raises InvalidRequest: it is a key of a witness.
        :raises OSError: it cannot be written.
        :raises StoreBusy: another process uses the folder for too long.
        """
        check_kind(key, ED25519)
        make_folder(self.folder / BANKS)
        with alone_in(self.folder / "lock"):
            name = f"{_hash(key.name)[:16]}-{key.key_id.hex()}"
            return keep_new(self.folder / BANKS / name, f"{key}\n")

    def banks(self) -> tuple[PublicKey, ...]:
        """Return the keys that are trusted, in the order of their files' names.

        :raises InvalidRequest: a file there is none of public keys of banks.
        :raises OSError: one cannot be read.
        """
        place = self.folder / BANKS
        files = sorted(place.iterdir()) if place.is_dir() else []
        found = keys_of(*(one for one in files if not one.name.startswith(_HIDDEN)))
        for key in found:
            check_kind(key, ED25519)
        return found

    def key(self) -> SigningKey:
        """Return the witness's own key.

        :raises InvalidRequest: there is none, or it is of no witness.
        :raises OSError: it cannot be read.
        :raises StoreError: the package `cryptography` is missing.
        """
        place = self.folder / KEY
        if not place.exists():
            msg = f"there is no key of a witness in {place}: timebank key make --witness makes one"
            raise InvalidRequest(msg).about(key="witness_keyless", file=str(place))
        key = SigningKey.read(place)
        with named(place):
            check_kind(key, COSIGNATURE)
        return key

    # -- what it saw -------------------------------------------------------------------------

    def seen(self, origin: str) -> SignedHead | None:
        """Return the last head that it cosigned of a bank; `None` where it cosigned none.

        :raises Corrupt: what it keeps is not as it wrote it.
        :raises OSError: it cannot be read.
        """
        last, files = self._place(origin) / "checkpoint", self._head_files(origin)
        if not last.exists():
            if files or self._mark(origin).exists():
                msg = f"the file {last} is missing, by which the witness knows what it cosigned"
                raise Corrupt(msg).about(key="witness_forgot", file=str(last))
            return None
        head = self._kept(last, origin)
        if files and (size := int(files[-1].name)) > head.checkpoint.size:
            self._kept(files[-1], origin, size)
            msg = f"{last} is older than {files[-1]}, which the witness cosigned after it"
            raise Corrupt(msg).about(key="witness_older", file=str(last), newer=str(files[-1]))
        return head

    def heads(self, origin: str) -> list[SignedHead]:
        """Return every head that it cosigned of a bank, the shortest first.

        :raises Corrupt: what it keeps is not as it wrote it.
        :raises OSError: it cannot be read.
        """
        return [self._kept(one, origin, int(one.name)) for one in self._head_files(origin)]

    def evidence(self, origin: str) -> list[Path]:
        """Return the files of the evidence that it has against a bank."""
        return self._files(origin, EVIDENCE)

    def evidence_file(self, origin: str, text: str) -> Path | None:
        """Return the file that has this evidence; `None`: it could not be kept.

        :raises OSError: a file of evidence cannot be read.
        """
        data = text.encode()
        return next((one for one in self.evidence(origin) if one.read_bytes() == data), None)

    def _place(self, origin: str) -> Path:
        return self.folder / SEEN / _hash(origin)

    def _mark(self, origin: str) -> Path:
        """Return the file that is there once a head of a bank was cosigned.

        It is not beside the heads: where a folder was copied in part, or they were taken away,
        the witness knows that there were some.
        """
        return self.folder / BANKS / f".{_hash(origin)}"

    def _files(self, origin: str, kind: str) -> list[Path]:
        place = self._place(origin) / kind
        files = sorted(place.iterdir()) if place.is_dir() else []
        return [one for one in files if one.is_file() and not one.name.startswith(_HIDDEN)]

    def _head_files(self, origin: str) -> list[Path]:
        return [one for one in self._files(origin, HEADS) if _NAME.fullmatch(one.name)]

    def _head_file(self, origin: str, size: int) -> Path:
        return self._place(origin) / HEADS / str(size).zfill(_DIGITS)

    def _kept(self, place: Path, origin: str, size: int | None = None) -> SignedHead:
        """Return a head that the witness keeps; its `size`, where the file is named by it.

        :raises Corrupt: it is none, of another bank or size, or not under the witness's own
            signature.
        """
        try:
            head = SignedHead.of(read_short(place))
            is_ours = self.key().public.check(head.note) is not None
        except NotProved as error:
            msg = f"{place} is not as the witness wrote it: {error}"
            raise Corrupt(msg).about(key="witness_changed", file=str(place)) from error
        if head.checkpoint.origin != origin or not is_ours:
            msg = f"{place} is not as the witness wrote it: a key has a folder of its own"
            raise Corrupt(msg).about(key="witness_changed", file=str(place))
        if size not in {None, head.checkpoint.size}:
            msg = f"{place} is not as the witness wrote it: that was the head of {size} records"
            raise Corrupt(msg).about(key="witness_changed", file=str(place))
        return head

    # -- what it answers ---------------------------------------------------------------------

    def add(self, request: Continuation) -> Signature:
        """Cosign the head of a request, where it continues what was seen; return the cosignature.

        When it returns, the head is on the disk as the one that was seen last.

        :raises InvalidRequest: there is no key, or one that is no witness's.
        :raises NotProved: the head is of a bank that is not trusted, is not signed by a key of it,
            or the proof does not hold. Nothing is changed.
        :raises OtherSize: the request begins elsewhere than at the head that was seen last.
        :raises Forked: the head excludes one that was cosigned. The evidence, which is in the
            error, is kept in the folder, unless that fails.
        :raises Corrupt: what the witness keeps is not as it wrote it.
        :raises OSError: it cannot be read or written; nothing was cosigned.
        :raises StoreBusy: another process uses the folder for too long.
        :raises StoreError: the package `cryptography` is missing.
        """
        key = self.key()
        with alone_in(self.folder / "lock"):
            head = self._signed(request.head)
            origin = head.checkpoint.origin
            seen = self.seen(origin)
            if seen is not None:
                self._keep(seen)  # a process may have been killed before it was among the heads
            try:
                self._check(attrs.evolve(request, head=head), seen)
            except NotProved as error:
                with suppress(OSError):  # a full disk hides no fork: the error has the evidence
                    self._keep_refused(head, error)
                raise
            signature = key.cosign(head.note.text, self.clock())
            cosigned = head.cosigned(signature)
            self._make_place(origin)
            write_whole(self._place(origin) / "checkpoint", str(cosigned))
            self._keep(cosigned)
        return signature

    def _make_place(self, origin: str) -> None:
        """Make the folder of a bank; that it is there has reached the disk, whoever made it."""
        place = self._place(origin)
        place.mkdir(parents=True, exist_ok=True)
        # Each time, for who made it may have been killed before that.
        sync_folder(place.parent)
        sync_folder(self.folder)

    def _signed(self, head: SignedHead) -> SignedHead:
        """Return the head with the signatures that hold, and no other."""
        origin = head.checkpoint.origin
        keys = [one for one in self.banks() if one.name == origin]
        if not keys:
            msg = f"the witness trusts no key of {origin}"
            raise NotProved(msg).about(key="witness_unknown", origin=origin)
        head.checked(keys)
        found = [one.check(head.note) for one in keys]
        held = tuple(one for one in found if one is not None)
        return attrs.evolve(head, note=attrs.evolve(head.note, signatures=held))

    def _check(self, request: Continuation, seen: SignedHead | None) -> None:
        """Check that a head continues what was seen."""
        new, size = request.head.checkpoint, 0 if seen is None else seen.checkpoint.size
        one = self._head_of_size(new.origin, new.size)
        if one is not None and one.checkpoint.root != new.root:
            raise Evidence(one, request.head, new.root).forked()
        if request.old > new.size:
            msg = f"the proof begins at {request.old} records, and the head has {new.size}"
            raise NotProved(msg).about(key="proof_of_other", old=request.old, size=new.size)
        if request.old != size:
            msg = (
                f"the request is from {request.old} records on, and the witness saw {size} last: "
                f"make it again with --since {size}"
            )
            error = OtherSize(msg, size=size)
            raise error.about(key="witness_saw", old=request.old, size=size)
        if seen is not None:
            request.check_from(seen)
        elif request.hashes:
            msg = "an empty head is continued by any, and a head by itself: such a proof is empty"
            raise NotProved(msg).about(key="proof_of_nothing")

    def _head_of_size(self, origin: str, size: int) -> SignedHead | None:
        """Return the head of so many records that was cosigned, if there is one."""
        file = self._head_file(origin, size)
        return self._kept(file, origin, size) if file.exists() else None

    def _keep(self, head: SignedHead) -> None:
        """Keep a head that was cosigned among the others.

        :raises Corrupt: another one of its size is there.
        """
        said = head.checkpoint
        file = self._head_file(said.origin, said.size)
        make_folder(file.parent)
        one = self._head_of_size(said.origin, said.size)
        if one is not None and one.checkpoint != said:
            msg = f"{file} is not the head of {said.size} records that the witness saw last"
            raise Corrupt(msg).about(key="witness_changed", file=str(file))
        if one != head:
            write_whole(file, str(head))
        if not (mark := self._mark(said.origin)).exists():
            write_whole(mark, f"{said.origin}\n")

    def _keep_refused(self, head: SignedHead, error: NotProved) -> None:
        """Keep the evidence that an error has; where a proof leads elsewhere, the head alone."""
        found, place = None, self._place(head.checkpoint.origin)
        if isinstance(error, Forked):
            found, place = error.evidence, place / EVIDENCE
        elif error.key == "proof_elsewhere":
            found, place = str(head), place / REFUSED
        if found is not None:
            make_folder(place)
            keep_new(place / sha256(found.encode()).hexdigest()[:16], found)


def _hash(origin: str) -> str:
    return sha256(origin.encode()).hexdigest()
