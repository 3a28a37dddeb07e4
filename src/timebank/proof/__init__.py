"""Proof that fits on a page: signed heads, receipts, proofs of consistency, witnesses.

It needs the extra `proof` (`pip install 'timebank[proof]'`) for Ed25519. The formats are those of
the transparency logs: RFC 6962 and 9162 for the tree, C2SP *signed-note*, *tlog-checkpoint*,
*tlog-cosignature*, *tlog-witness*, *tlog-proof* and *tlog-policy* for what is signed and sent.
"""

from __future__ import annotations

from timebank.proof.consistency import Continuation, continuation
from timebank.proof.errors import Forked, NotProved
from timebank.proof.evidence import Evidence
from timebank.proof.heads import Checked, Checkpoint, Cosigner, SignedHead, origin_of, sign_head
from timebank.proof.keys import PublicKey, SigningKey, keys_of
from timebank.proof.notes import Note, Signature
from timebank.proof.policy import Policy
from timebank.proof.publishing import publish
from timebank.proof.receipts import CheckedReceipt, Receipt, Word, receipt, verify_receipt
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
