"""Show signed heads, and evidence against them: who signed, who cosigned, what is proved."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from timebank.proof.evidence import Evidence
from timebank.proof.heads import Checked, SignedHead
from timebank.reports.text import harmless
from timebank.reports.words import Words


def head_text(head: SignedHead, checked: Checked, *, language: str | None = None) -> list[str]:
    """Return the lines that say whose signatures of a head hold.

    :raises InvalidRequest: a language of which there is no catalogue.

    >>> import timebank
    >>> from timebank.proof import SigningKey, sign_head
    >>> from timebank.reports.heads import head_text
    >>> bank = timebank.open("memory:", new_id=lambda: "8a1e")
    >>> _ = bank.open_account("m1")
    >>> key = SigningKey("timebank/8a1e", "ed25519", bytes(32))
    >>> head = sign_head(bank, key)
    >>> head_text(head, head.checked([key.public]))
    ['Head of 1 record of timebank/8a1e.', 'Signed by timebank/8a1e, key 5c920f63.']
    """
    return list(map(harmless, _lines(head, checked, Words("heads", language))))


def _lines(head: SignedHead, checked: Checked, words: Words) -> Iterator[str]:
    said = head.checkpoint
    yield words.counted("head_of", said.size, origin=said.origin)
    for key in checked.signers:
        yield words("signed_by", name=key.name, id=key.key_id.hex())
    for one in checked.cosigners:
        name, id = one.key.name, one.key.key_id.hex()
        yield words("cosigned_by", name=name, id=id, at=f"{one.at:%Y-%m-%d %H:%M}")
    for name in checked.unchecked:
        yield words("unchecked", name=name)


def head_json(head: SignedHead, checked: Checked | None = None) -> dict[str, Any]:
    """Return a head as a dictionary that `json.dumps` takes; with whose signatures hold, if asked.

    Keys are lines of public keys.
    """
    said = head.checkpoint
    shape = {"origin": said.origin, "size": said.size, "root": said.root.hex()}
    if checked is None:
        return shape
    cosigners = [{"key": str(one.key), "at": one.at.isoformat()} for one in checked.cosigners]
    return {
        **shape,
        "signers": list(map(str, checked.signers)),
        "cosigners": cosigners,
        "unchecked": list(checked.unchecked),
    }


def evidence_text(evidence: Evidence, *, language: str | None = None) -> list[str]:
    """Return the lines that say what evidence proves which holds, and what it does not.

    :raises InvalidRequest: a language of which there is no catalogue.
    """
    seen, words = evidence.seen.checkpoint, Words("heads", language)
    gaps = {"origin": seen.origin, "seen": seen.size, "other": evidence.claim.size}
    lines = [words(f"evidence_{_kind(evidence)}", **gaps)]
    if evidence.is_shorter and not evidence.is_signed:
        lines.append(words("evidence_nobody"))
    return list(map(harmless, lines))


def evidence_json(evidence: Evidence) -> dict[str, Any]:
    """Return evidence that holds as a dictionary that `json.dumps` takes."""
    seen, other = evidence.seen.checkpoint, evidence.claim
    return {
        "evidence": _kind(evidence),
        "origin": seen.origin,
        "seen": {"size": seen.size, "root": seen.root.hex()},
        "other": {"size": other.size, "root": other.root.hex(), "signed": evidence.is_signed},
    }


def _kind(evidence: Evidence) -> str:
    if evidence.is_shorter:
        return "shorter"
    return "rewritten" if evidence.is_signed else "unsigned"
