"""Define what two banks agreed on, and what becomes of an offer between them."""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Final

import attrs

from timebank.hours import Hours
from timebank.model.values import Hold, Transfer

#: The status of an account that an agreement has: only what the protocol books moves it.
AGREED: Final = "agreed"
#: The prefix of accounts and operations that are between banks.
PEER_PREFIX: Final = "peer:"
#: Hexadecimal digits of an id that two banks share.
_DIGITS: Final = 40
_LONGEST_JOURNAL: Final = 100

#: How many hours the other bank may owe, and how many may be owed to it; `None` is unlimited.
Terms = tuple[int | None, int | None]


def account_of(journal: str) -> str:
    """Return the id of the account that an agreement with a bank has, by that bank's journal.

    >>> from timebank.model.agreements import account_of
    >>> account_of("0198ab")
    'peer:0198ab'
    """
    if len(journal) > _LONGEST_JOURNAL:
        journal = f"sha256={sha256(journal.encode()).hexdigest()}"
    return PEER_PREFIX + journal


def shared_id(journal: str, id: str, what: str = "") -> str:
    """Return the id under which both banks book an offer: by who offered it, and the offer's id.

    With `what` it is that of another record on the same offer, as its void.

    >>> from timebank.model.agreements import shared_id
    >>> shared_id("j1", "visit-81")
    'peer:a6a0df82aeac96c22ce007810ed8b80dcdbe15c8'
    """
    parts = [journal, id, what] if what else [journal, id]
    return PEER_PREFIX + sha256("\0".join(parts).encode()).hexdigest()[:_DIGITS]


@attrs.frozen(kw_only=True)
class SeenHead:
    """A head of the other bank that was seen: its number of records, and the root over them.

    `signature` is the line by which the other bank signed it, where it came in a message: with
    it this bank can prove to anybody that the other's past was rewritten.
    """

    size: int
    root: str
    signature: str | None = None

    @classmethod
    def of(cls, found: list[Any]) -> SeenHead:
        """Return the head that a record has.

        >>> from timebank.model.agreements import SeenHead
        >>> SeenHead.of([7, "5f"]).to_json()
        [7, '5f']
        """
        return cls(size=found[0], root=found[1], signature=found[2] if found[2:] else None)

    def to_json(self) -> list[Any]:
        """Return it as a record has it: size and root, and the signature, if any."""
        return [self.size, self.root, *([self.signature] if self.signature else [])]


@attrs.frozen(kw_only=True)
class Agreement:
    """What a bank agreed on with another one, as its journal stands.

    `peer` is the other bank's journal, `account` the clearing account for it, `name` what the
    other bank is called. `they_may_owe` is how much the other may owe, `we_may_owe` how much may
    be owed to it; `None` is unlimited. `theirs` is what the other bank says of the same two,
    seen from its side, as it was told last; `None` where nothing was told yet. `key` is the other
    bank's public key, `keys` has those of before too; without one the two share a store. `status`
    is `agreed`, `suspended` or `ended`; `seen` the last head of the other bank that was seen.

    >>> import timebank
    >>> from timebank import federation
    >>> isola, bovisa = timebank.open("memory:"), timebank.open("memory:")
    >>> agreement = federation.agree(
    ...     isola, bovisa, name="Bovisa", they_may_owe=20, we_may_owe=10)
    >>> agreement.status, agreement.may_be_owed_to_us
    ('agreed', Hours('20:00'))
    """

    peer: str
    account: str
    name: str | None
    they_may_owe: Hours | None
    we_may_owe: Hours | None
    theirs: tuple[Hours | None, Hours | None] | None
    key: str | None
    keys: tuple[str, ...]
    status: str
    seen: SeenHead | None
    sequence: int
    repeated: bool = attrs.field(default=False, eq=False)

    @property
    def id(self) -> str:
        """The account that it has."""
        return self.account

    @property
    def terms(self) -> list[int | None]:
        """Both limits of this bank in seconds, as a record has them."""
        return [
            None if one is None else one.seconds for one in (self.they_may_owe, self.we_may_owe)
        ]

    @property
    def may_be_owed_to_us(self) -> Hours | None:
        """How much the other bank may owe: the smaller of what the two let it."""
        theirs = None if self.theirs is None else self.theirs[1]
        return smaller(self.they_may_owe, theirs)

    @property
    def may_be_owed_by_us(self) -> Hours | None:
        """How much may be owed to the other bank: the smaller of what the two let it be."""
        theirs = None if self.theirs is None else self.theirs[0]
        return smaller(self.we_may_owe, theirs)


def smaller(one: Hours | None, other: Hours | None) -> Hours | None:
    """Return the smaller of two limits, of which `None` is none.

    >>> from timebank import Hours
    >>> from timebank.model.agreements import smaller
    >>> smaller(None, Hours(2)), smaller(Hours(1), Hours(2))
    (Hours('2:00'), Hours('1:00'))
    """
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)


@attrs.frozen(kw_only=True)
class Refusal:
    """An id that was used up and moved nothing: an offer that was refused.

    `code` is the word of the error that refused it; `reason` a board's own words, if any.
    """

    id: str
    sequence: int
    code: str
    reason: str | None = None
    repeated: bool = attrs.field(default=False, eq=False)


@attrs.frozen(kw_only=True)
class Crossing:
    """An exchange between two banks, as far as it has come.

    `offer` is the hold of the spender's bank. `status` is `booked`, `refused` or `under way`;
    `code` says why it was refused. `earned` and `spent` are the transfers of the two banks, each
    `None` until it is booked there.
    """

    offer: Hold
    status: str
    code: str | None = None
    earned: Transfer | None = None
    spent: Transfer | None = None

    @property
    def id(self) -> str:
        """The id of the offer."""
        return self.offer.id
