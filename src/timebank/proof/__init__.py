"""Proof that fits on a page: signed heads, receipts, proofs of consistency, witnesses.

It needs the extra `proof` (`pip install 'timebank[proof]'`) for Ed25519. The formats are those of
the transparency logs: RFC 6962 and 9162 for the tree, C2SP *signed-note*, *tlog-checkpoint*,
*tlog-cosignature*, *tlog-witness*, *tlog-proof* and *tlog-policy* for what is signed and sent.
"""

from __future__ import annotations

from timebank.proof.errors import Forked, NotProved

__all__ = ["Forked", "NotProved"]
