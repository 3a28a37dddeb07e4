"""Banks of one journal whose pasts differ: a history is the list of accounts that it opened."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import timebank
from support import sources
from timebank import TimeBank
from timebank.proof import SignedHead, SigningKey, origin_of, sign_head

#: The key of the one journal that all these banks have.
KEY = SigningKey(name=origin_of("id-1"), kind="ed25519", seed=bytes(range(32)))
PUBLIC = KEY.public
#: A key of its name that nobody trusts.
STRANGER = SigningKey(name=KEY.name, kind="ed25519", seed=bytes(32))


def history(size: int) -> list[str]:
    """What the honest bank did."""
    return [f"m{n}" for n in range(1, size + 1)]


def rewritten(names: Sequence[str], at: int) -> list[str]:
    """The same history with another record at a place, from 1."""
    return [*names[: at - 1], f"x{at}", *names[at:]]


def forked(names: Sequence[str], after: int) -> list[str]:
    """A history that has the first records, and others from there on."""
    return [*names[:after], *(f"y{n}" for n in range(after + 1, len(names) + 1))]


def bank_of(names: Sequence[str]) -> TimeBank:
    """A bank with a history: records are alike where these are."""
    bank = timebank.open("memory:", **sources())
    for name in names:
        bank.open_account(name)
    return bank


def head_of(names: Sequence[str]) -> SignedHead:
    """The signed head of a history."""
    return _head_of(tuple(names))


@cache
def _head_of(names: tuple[str, ...]) -> SignedHead:
    with bank_of(names) as bank:
        return sign_head(bank, KEY)


def is_perfect(size: int) -> bool:
    """Whether a tree of this size is a perfect one: no proof has its root."""
    return size & (size - 1) == 0
