"""Proof that fits on a page: signed heads, receipts, proofs of consistency, witnesses.

It needs the extra `proof` (`pip install 'timebank[proof]'`) for Ed25519. The formats are those of
the transparency logs: RFC 6962 and 9162 for the tree, C2SP *signed-note*, *tlog-checkpoint*,
*tlog-cosignature*, *tlog-witness*, *tlog-proof* and *tlog-policy* for what is signed and sent.

- A bank has a key (`SigningKey`), and gives out its public half (`PublicKey`).
- A member gets a `receipt`; who has the public key checks it with `verify_receipt`.
- An assembly gets a head that is signed (`sign_head`, `SignedHead`).
- A `continuation` proves that a head continues an older one; a `Witness` cosigns what does; with
  `publish` a bank gives out no head that lacks the cosignatures which its `Policy` asks for.
- Where a past was rewritten, `Forked` has the `Evidence`. What does not hold is `NotProved`.

>>> import timebank
>>> from timebank.proof import NotProved, SigningKey, origin_of, receipt, verify_receipt
>>> bank = timebank.open("memory:")
>>> _ = bank.open_account("m1", name="Maria R."), bank.open_account("f1", kind="group")
>>> _ = bank.transfer(earner="m1", spender="f1", hours="1:30", id="visit")
>>> key = SigningKey.make(origin_of(bank.head().journal))  # once; key.write(path) keeps it
>>> text = str(receipt(bank, "visit", key=key))
>>> found = verify_receipt(text, key.public)  # years later, without the bank
>>> found.exchange.hours, found.word.status
(Hours('1:30'), 'stands')
>>> try:
...     verify_receipt(text.replace("index 2", "index 0"), key.public)
... except NotProved as error:
...     print(error)
the record is of another journal, or has another number, than the receipt says
"""

from __future__ import annotations

from timebank.proof.consistency import Continuation, continuation
from timebank.proof.errors import Forked, NotProved
from timebank.proof.evidence import Evidence
from timebank.proof.heads import Checked, Checkpoint, Cosigner, SignedHead, origin_of, sign_head
from timebank.proof.issuing import receipt
from timebank.proof.keys import PublicKey, SigningKey, keys_of
from timebank.proof.notes import Note, Signature
from timebank.proof.policy import Policy
from timebank.proof.publishing import publish
from timebank.proof.receipts import CheckedReceipt, Receipt, Word, verify_receipt
from timebank.proof.witness import OtherSize, Witness

__all__ = [
    "Checked",
    "CheckedReceipt",
    "Checkpoint",
    "Continuation",
    "Cosigner",
    "Evidence",
    "Forked",
    "NotProved",
    "Note",
    "OtherSize",
    "Policy",
    "PublicKey",
    "Receipt",
    "Signature",
    "SignedHead",
    "SigningKey",
    "Witness",
    "Word",
    "continuation",
    "keys_of",
    "origin_of",
    "publish",
    "receipt",
    "sign_head",
    "verify_receipt",
]
