"""Neighbourhoods of two to five banks before anything happens; each is made once, and copied."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from itertools import count
from typing import Any, Final

import attrs

from timebank import Band, Fee, Granularity, Statute, TimeBank, federation
from timebank.proof import SigningKey, origin_of
from timebank.storage.memory import MemoryStore
from timebank.storage.memory.rows import Rows

BEGINNING: Final = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MEMBERS: Final = ("m0", "m1", "m2", "g")
#: What two banks agree on, as hours that they may owe and that may be owed to them.
TERMS: Final[tuple[tuple[Any, Any], ...]] = (
    (None, None),
    (20, 20),
    (3, 3),
    (5, 1),
    (0, 4),
    ("1:30", None),
)
STATUTES: Final[tuple[dict[str, Any], ...]] = (
    {},
    {},
    {"fee": Fee(share="1/10", fund="fund", unit="0:01")},
    {"fee": Fee(share="1/7", fund="fund", unit="0:00:01", payer="spender")},
    {"granularity": Granularity(unit="0:15", rounding="up")},
    {"limits": {"member": Band(floor=-2, ceiling=4, beyond="flag"), "group": Band(floor=None)}},
)
#: How many neighbourhoods of each number of banks there are.
VARIANTS: Final = 12


def key_of(journal: str, number: int) -> SigningKey:
    """Return a key of a bank: its first, its second, and so on."""
    seed = sha256(f"{journal} {number}".encode()).digest()
    return SigningKey(name=origin_of(journal), kind="ed25519", seed=seed)


@cache
def world(banks: int, variant: int, *, keys: bool) -> tuple[Rows, ...]:
    """Return the rows of so many banks that agreed with each other, and know each other's keys."""
    made = [_bank(number, variant) for number in range(banks)]
    for number, (bank, _) in enumerate(made):
        for other, (peer, _) in enumerate(made):
            if other == number or (variant == VARIANTS - 1 and (number, other) == (1, 0)):
                continue  # in the last one the second bank has not agreed with the first
            they, we = TERMS[(variant + 2 * number + 3 * other) % len(TERMS)]
            federation.agree(
                bank,
                peer,
                name=peer.name,
                they_may_owe=they,
                we_may_owe=we,
                key=key_of(peer.head().journal, 1).public if keys else None,
                reason="an assembly",
            )
    return tuple(store._banks[bank.name] for bank, store in made)


def copied(rows: Rows) -> Rows:
    """Return the rows of a bank in containers of their own, where there are no later ones."""
    return attrs.evolve(
        rows,
        records=list(rows.records),
        operations=dict(rows.operations),
        reversals={key: list(own) for key, own in rows.reversals.items()},
        texts={key: list(own) for key, own in rows.texts.items()},
        accounts={key: list(own) for key, own in rows.accounts.items()},
        postings={key: list(own) for key, own in rows.postings.items()},
        days={},
        holds_of=dict(rows.holds_of),
        merging=set(),
    )


def _bank(number: int, variant: int) -> tuple[TimeBank, MemoryStore]:
    ids, salts = count(1), count(1)
    store = MemoryStore()
    bank = TimeBank(
        store,
        bank=f"b{number}",
        clock=lambda: BEGINNING,
        new_id=lambda: f"j{number}-{next(ids)}",
        new_salt=lambda: next(salts).to_bytes(16, "big"),
    )
    bank.open_account("fund", kind="fund")
    for id in MEMBERS:
        kind = "group" if id == "g" else "member"
        bank.open_account(id, kind=kind, name=f"{id} of {number}")
    rules = STATUTES[(variant + number) % len(STATUTES)]
    if rules:
        bank.adopt(Statute(version="own/1", **rules))
    return bank, store
