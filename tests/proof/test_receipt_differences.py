"""Three verifiers of receipts on what a lying bank, or a stranger, may put in one: never at odds.

Ours and that of the page take the same receipts; what they take, the short one in Python takes too.
It takes more, for it shows record and word as they are, and looks at no field of theirs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from random import Random
from typing import Any

import attrs
from hypothesis import given
from hypothesis import strategies as st

from proof.strangers import JOURNAL, KEY, ORIGIN, WITNESS, Made, page_says, python_says
from random_banks import random_bank
from support import examples
from timebank.proof import NotProved, Signature, SigningKey, origin_of, receipt, verify_receipt
from timebank.queries.proofs import PROVABLE

#: What is put in the place of something, or beside it.
VALUES: list[Any] = [
    *(None, True, False, 0, 1, -1, 2**53, 2**53 + 1, -(2**53), 1.5, 10**20),
    *("", "x", "m1", "è", "\u2028", "note", "unchecked", "a" * 64, "A" * 64),
    *("2026-02-31", "2026-03-02", "20260302", "09:30", "9:30"),
    *("stands", "reversed", "open", "settled"),
    *([], {}, ["a"], [1], [["a", "b"]], {"a": "b"}, {"rule": "r"}, [{"rule": "r"}]),
    *([["m1", 60], ["f1", -60]], [["m1", 60], ["m1", 60], ["f1", -120]]),
]
FIELDS = [
    *("fee", "flags", "category", "note", "reason", "tags", "from", "to", "limits", "source"),
    *("occurred_on", "actor", "via", "period", "hours", "expires_at", "expires_in", "id", "basis"),
    *("more", "__proto__", "constructor", "toString"),
]
LINES = [
    "— nobody AAAAAAAA",
    "— nobody AAAAAA==",
    "— no+body AAAAAAAA",
    f"— {ORIGIN} AAAAAAAA",
    *map(str, (Signature(one.name, one.public.key_id, bytes(72)) for one in (KEY, WITNESS))),
]
BEHIND = ["", " ", "\x01", "=", "A", "\x85", "\r", "\n"]


@attrs.frozen
class Parts:
    """What a receipt says, before it is written and signed."""

    record: Any
    word: Any
    texts: Any

    def text(self) -> str:
        """A receipt that the bank signs, whatever it says."""
        return Made(record=dumped(self.record), word=dumped(self.word), texts=self.texts).text()


def dumped(value: Any) -> str:
    """JSON as the canonical form writes it, of values that it does not have, too."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def of_a_bank(seed: int) -> list[Parts]:
    """What the receipts of a bank say, as those of the bank whose key is known."""
    bank = random_bank(seed)
    key = SigningKey(origin_of(bank.head().journal), "ed25519", bytes(32))
    found = []
    for one in bank.records():
        if one.kind in PROVABLE:
            record = json.loads(one.bytes)
            made = receipt(bank, record["request"]["id"], key=key)
            word = json.loads(made.word.text.split("\n")[2])
            texts = {field: [salt.hex(), text] for field, (salt, text) in made.texts.items()}
            found.append(Parts({**record, "journal": JOURNAL, "sequence": 3}, word, texts))
    return found


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each place in JSON: what has it, and its key there."""
    if isinstance(value, dict | list):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from places(value[key])


def changed(value: Any, random: Random) -> Any:
    """JSON with one to three of its places left out, filled otherwise, or with more beside them."""
    whole = [deepcopy(value)]
    for _ in range(random.choice([1, 1, 1, 2, 3])):
        has, key = random.choice([*places(whole)])
        other = deepcopy(random.choice(VALUES))
        if random.random() < 1 / 4 and has is not whole:
            del has[key]
        elif isinstance(has[key], dict) and random.random() < 1 / 2:
            has[key][random.choice(FIELDS)] = other
        elif isinstance(has[key], list) and random.random() < 1 / 2:
            has[key].insert(random.randrange(len(has[key]) + 1), other)
        else:
            has[key] = other
    return whole[0]


def retyped(text: str, random: Random) -> str:
    """The text of a receipt with a line or two doubled, left out, or changed; or as it was."""
    lines = text.split("\n")
    for _ in range(random.choice([0, 1, 1, 2])):
        place = random.randrange(len(lines))
        match random.randrange(5):
            case 0:
                lines.insert(place, random.choice(lines))
            case 1 if len(lines) > 1:
                del lines[place]
            case 2:
                lines[place] += random.choice(BEHIND)
            case 3:
                lines[place] = lines[place].swapcase()
            case _:
                lines.insert(len(lines) - 1, random.choice(LINES))
    return "\n".join(lines)


def lying(parts: Parts, random: Random) -> str:
    """A receipt of which the record, the word, the texts, or the lines were changed."""
    what = random.choice([*attrs.asdict(parts), "lines"])
    if what == "lines":
        return retyped(parts.text(), random)
    return attrs.evolve(parts, **{what: changed(getattr(parts, what), random)}).text()


def ours(text: bytes) -> bool:
    """Whether our own verifier takes it; anything but a refusal fails the test."""
    try:
        verify_receipt(text, KEY.public)
    except NotProved:
        return False
    return True


@given(st.integers(0, 10**9))
@examples(4)
def test_three_verifiers_agree(seed: int) -> None:
    """On receipts of banks, true and changed in any place, and signed again."""
    random = Random(seed)  # no secret
    known = [parts for n in range(3) for parts in of_a_bank(seed + n)]
    if not known:
        return
    texts = [random.choice(known).text().encode()]
    texts += [lying(random.choice(known), random).encode() for _ in range(300)]
    told = zip(texts, page_says(texts, KEY.public), python_says(texts, KEY.public), strict=True)
    for text, on_page, in_python in told:
        taken = ours(text)
        assert taken is (on_page is not None), (on_page, text.decode())
        assert in_python is not None or not taken, text.decode()
    assert ours(texts[0])
