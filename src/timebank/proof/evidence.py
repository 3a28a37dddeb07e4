r"""Evidence that a past was rewritten: a text that whoever has the bank's public key can check.

Two signed heads, and between them what leads from the second back to the first: the root that the
first so many records have in the second one's tree, and the hashes of a proof of consistency
(RFC 6962). Where that root is another than the first head's, no journal has both heads. Where the
other head is shorter it may be the older one, and nothing is proved but who signed what. A person
can read the file: six parts with an empty line between two of them.

1. `timebank-evidence/1`
2. the head that was seen first: origin, number of records, root; and, as the
3. third part, its signatures;
4. `root ROOT` and the hashes, each on a line: the proof; or `fewer`, where the other head has
   fewer records, so that nothing leads back;
5. the other head, and, as the
6. sixth part, its signatures; or `unsigned`, where it is a journal's, and nobody signed it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import attrs

from timebank.journal.tree import roots_by_consistency
from timebank.proof.errors import Forked, NotProved
from timebank.proof.heads import Checked, Checkpoint, SignedHead
from timebank.proof.keys import PublicKey
from timebank.proof.notes import base64_of, hashes_of, text_of

FORMAT: Final = "timebank-evidence/1"
_FEWER: Final = "fewer"
_ROOT: Final = "root "
_UNSIGNED: Final = "unsigned"


@attrs.frozen
class Evidence:
    """A head that was signed, and another that does not continue it. `str()` is the file.

    `other` is a `Checkpoint` where nobody signed it. `root` is that of as many records as the
    first head has, in the other one's tree, and `hashes` prove it; `None`, where the other has
    fewer records.
    """

    seen: SignedHead
    other: SignedHead | Checkpoint
    root: bytes | None = None
    hashes: tuple[bytes, ...] = ()

    @classmethod
    def of(cls, data: str | bytes) -> Evidence:
        """Return the evidence of a file. What it proves is not checked by that: see `checked`.

        :raises NotProved: it is none.
        """
        parts = text_of(data).split("\n\n")
        if len(parts) != 6 or parts[0] != FORMAT or not parts[5].endswith("\n"):  # noqa: PLR2004 - as the module says
            raise _unlike()
        seen = SignedHead.of(f"{parts[1]}\n\n{parts[2]}\n")
        root, hashes = _proof(parts[3])
        other: SignedHead | Checkpoint
        if parts[5] == f"{_UNSIGNED}\n":
            other = Checkpoint.of(f"{parts[4]}\n")
        else:
            other = SignedHead.of(f"{parts[4]}\n\n{parts[5]}")
        return cls(seen, other, root, hashes)

    @property
    def claim(self) -> Checkpoint:
        """What the other head says."""
        return self.other.checkpoint if isinstance(self.other, SignedHead) else self.other

    @property
    def is_signed(self) -> bool:
        """Whether the other head is signed, too."""
        return isinstance(self.other, SignedHead)

    @property
    def is_shorter(self) -> bool:
        """Whether the other head has fewer records: it is older, or records were cut off.

        Two heads alone cannot tell which. Where it is given as the head of now, it is the second.
        """
        return self.root is None

    def checked(self, keys: Iterable[PublicKey]) -> tuple[Checked, Checked | None]:
        """Return who signed the heads, where the evidence holds; `None` where the other has nobody.

        :raises InvalidRequest: no key is given, or one is of a witness.
        :raises NotProved: it does not hold.
        :raises StoreError: the package `cryptography` is missing.
        """
        known = tuple(keys)
        signed = self.seen.checked(known)
        other = self.other.checked(known) if isinstance(self.other, SignedHead) else None
        self._check_holds()
        return signed, other

    def _check_holds(self) -> None:
        """Check that the two heads exclude each other, or that the other has fewer records.

        :raises NotProved: they do not.
        """
        seen, claim = self.seen.checkpoint, self.claim
        if seen.origin != claim.origin:
            msg = "the two heads are of two journals, and exclude nothing"
            raise NotProved(msg).about(key="evidence_of_two")
        if self.root is None:
            holds = claim.size < seen.size and not self.hashes
        elif claim.size == seen.size:
            holds = self.root == claim.root != seen.root and not self.hashes
        else:
            roots = roots_by_consistency(seen.size, claim.size, self.hashes, old_root=self.root)
            holds = roots == (self.root, claim.root) and self.root != seen.root
        if not holds:
            msg = "the evidence does not hold: the two heads do not exclude each other by it"
            raise NotProved(msg).about(key="evidence_holds_not")

    def forked(self) -> Forked:
        """Return the error that says what was found, with this evidence.

        :raises NotProved: it does not hold, so that nobody is accused by it.
        """
        self._check_holds()
        text, size, found = str(self), self.seen.checkpoint.size, self.claim.size
        if self.is_shorter:
            msg = f"records are missing: a head of {size} records was signed, this one has {found}"
            return Forked(msg, evidence=text).about(key="forked_shorter", size=size, found=found)
        msg = (
            f"the past was rewritten: a head of {size} records was signed, and the journal of "
            f"{found} records does not continue it"
        )
        return Forked(msg, evidence=text).about(key="forked_rewritten", size=size, found=found)

    def __str__(self) -> str:
        proof = [_FEWER]
        if self.root is not None:
            proof = [f"{_ROOT}{base64_of(self.root)}", *map(base64_of, self.hashes)]
        other = str(self.other)
        if not self.is_signed:
            other += f"\n{_UNSIGNED}\n"
        lines = "\n".join(proof)
        return f"{FORMAT}\n\n{self.seen}\n{lines}\n\n{other}"


def _proof(part: str) -> tuple[bytes | None, tuple[bytes, ...]]:
    if part == _FEWER:
        return None, ()
    first, *lines = part.split("\n")
    hashes = hashes_of([first.removeprefix(_ROOT), *lines])
    if not first.startswith(_ROOT) or hashes is None:
        raise _unlike()
    return hashes[0], hashes[1:]


def _unlike() -> NotProved:
    return NotProved(f"this is no evidence in the form {FORMAT}").about(key="evidence_unlike")
