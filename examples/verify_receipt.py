"""Verify a receipt without the bank's code: verify_receipt.py RECEIPT BANK_KEY [WITNESS_KEY ...].

Print what is proved, or why it is refused and exit with 1. A key is what `timebank key show` says.
"""

import json
import re
import sys
from base64 import b64decode, b64encode
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def check(ok: object, why: str) -> None:
    """Stop at what is not so."""
    if not ok:
        raise ValueError(why)


def unpack(text: str) -> bytes:
    """Read base64 that is written as it must be."""
    check(b64encode(raw := b64decode(text, validate=True)).decode() == text, "no plain base64")
    return raw


def parse(text: str) -> Any:
    """Read JSON in the canonical form, with whole numbers only."""
    value = json.loads(text, parse_float=int, parse_constant=int)
    again = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    check(again == text, "JSON in another form")
    return value


def opened(note: str, vkeys: list[str]) -> tuple[str, set[str], list[str]]:
    """Return the text of a signed note, which keys of its origin signed it, and who cosigned it."""
    text, _, lines = note.rpartition("\n\n")
    text, signers, cosigners = text + "\n", set(), []
    check(re.fullmatch(r"(— [^\s+\0-\x1f]+ \S{6}[^\s=]\S+\n){1,100}", lines), "no signed note")
    for name, value in (line.split(" ")[1:] for line in lines[:-1].split("\n")):
        id, signature = (raw := unpack(value))[:4], raw[4:]
        start = f"{name}+{id.hex()}+"  # of a key that is known; what others sign is not looked at
        for key in (unpack(one[len(start) :]) for one in vkeys if one.startswith(start)):
            public = Ed25519PublicKey.from_public_bytes(key[1:])
            if key[0] == 1 and text.startswith(f"{name}\n"):
                public.verify(signature, text.encode())
                signers.add(start[:-1])
            elif key[0] == 4 and "\nword on " not in text:  # witnesses sign heads alone
                at = int.from_bytes(signature[:8])
                public.verify(signature[8:], f"cosignature/v1\ntime {at}\n{text}".encode())
                cosigners.append(f"{name} on {datetime.fromtimestamp(at, UTC)}")
    return text, signers, cosigners


def root(leaf: bytes, index: int, size: int, proof: list[bytes]) -> bytes:
    """Return the root to which a proof of inclusion leads: RFC 6962, section 2.1.1."""
    check(0 <= index < size and (size > 1) == bool(proof), "a proof of another length")
    if size == 1:
        return leaf
    left = 1 << (size - 1).bit_length() - 1
    if index < left:
        return sha256(b"\1" + root(leaf, index, left, proof[:-1]) + proof[-1]).digest()
    return sha256(b"\1" + proof[-1] + root(leaf, index - left, size - left, proof[:-1])).digest()


def verify(receipt: str, vkeys: list[str]) -> list[str]:
    """Return in lines what a receipt proves."""
    form = r"\Ac2sp\.org/tlog-proof@v1\nextra (.*)\nindex (.*)\n((?:.+\n){0,63})\n((?:.*\n)*)\Z"
    check(found := re.findall(form, receipt), "no receipt: that is a file .tlog-proof")
    [(extra, index, proof, head)] = found
    said = parse(unpack(extra).decode())
    kind, own, texts, word = (said.pop(key) for key in ("format", "record", "texts", "word"))
    check(kind == "timebank-receipt/1" and not said, "a receipt of another form")
    record, leaf = parse(own), sha256(b"\0" + own.encode()).digest()
    origin, number = f"timebank/{record['journal']}", record["sequence"]
    text, signers, cosigners = opened(head, vkeys)
    path = [unpack(line) for line in proof.split("\n")[:-1]]
    top = b64encode(root(leaf, int(index), size := int(text.split("\n")[1]), path)).decode()
    check(index == f"{number - 1}" and text == f"{origin}\n{size}\n{top}\n", "not in this head")
    told, worded, _ = opened(word, vkeys)
    about = f"{origin}\nword on record {number} up to head {size} {top}\n"
    check(signers and worded == signers and told.startswith(about), "not signed by this bank")
    check("names" in parse(told[len(about) : -1]), "a word of another form")
    for name, (salt, shown) in texts.items():
        seal = sha256((raw := bytes.fromhex(salt)) + shown.encode()).hexdigest()
        check(record["request"][name] == seal and salt == raw[:16].hex(), "a text that was changed")
    shown = [f"{name}: {text}" for name, (_, text) in texts.items()]
    return [own, *shown, told[len(about) : -1], *sorted(signers), *cosigners]


if __name__ == "__main__":
    try:
        file, *keys = sys.argv[1:] or sys.exit(__doc__)
        print(*verify(Path(file).read_bytes().decode(), keys), sep="\n")
    except Exception as error:  # noqa: BLE001 # what cannot be read in any way is refused, too
        sys.exit(f"REFUSED: {str(error) or 'a signature that does not fit'}")
