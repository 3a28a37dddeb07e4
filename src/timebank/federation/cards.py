"""A bank's card: a short text that a board hands to another board, before the two agree.

It says whose it is and how many hours its board has in mind. Nobody signs it: the boards compare
the number of the key by telephone, as a person who knows both of them would.

>>> from timebank.federation.cards import Card
>>> card = Card(journal="8a1e", name="Isola", key=None, you_may_owe=72000, we_may_owe=None)
>>> print(card, end="")
timebank-card/1
journal 8a1e
name Isola
you-may-owe-us 20:00
we-may-owe-you none
>>> Card.of(str(card)) == card
True
"""

from __future__ import annotations

from typing import Final

import attrs

from timebank import checks
from timebank.errors import InvalidRequest, shown
from timebank.hours import Hours
from timebank.proof.heads import origin_of
from timebank.proof.keys import PublicKey

FORMAT: Final = "timebank-card/1"
#: A limit that a card does not say.
_NONE: Final = "none"
_YOU: Final = "you-may-owe-us"
_WE: Final = "we-may-owe-you"
_FIELDS: Final = ("journal", "name", "key", _YOU, _WE)


@attrs.frozen(kw_only=True)
class Card:
    """What a bank says of itself to another one.

    `you_may_owe` and `we_may_owe` are seconds, as the board has them in mind: how much the other
    bank may owe this one, and how much this one will owe it; `None` is unlimited.
    """

    journal: str
    name: str | None = None
    key: str | None = None
    you_may_owe: int | None = None
    we_may_owe: int | None = None

    @classmethod
    def of(cls, text: str) -> Card:
        """Read a card; blanks at the ends of lines, and empty lines, are those of a mail.

        :raises InvalidRequest: it is none, or its key is another bank's.
        """
        lines = [line.strip() for line in text.lstrip("\ufeff").splitlines() if line.strip()]
        if not lines or lines[0] != FORMAT:
            msg = f"this is no card of a bank: it begins with the line {FORMAT}"
            raise InvalidRequest(msg).about(key="card_unlike", format=FORMAT)
        said: dict[str, str] = {}
        for line in lines[1:]:
            field, _, value = line.partition(" ")
            if field not in _FIELDS or field in said or not value:
                msg = f"this is no line of a card: {shown(line)}"
                raise InvalidRequest(msg).about(key="card_line", line=shown(line))
            said[field] = value.strip()
        return cls._read(said)

    @classmethod
    def _read(cls, said: dict[str, str]) -> Card:
        for field in ("journal", _YOU, _WE):
            if field not in said:
                msg = f"this card has no line {field}"
                raise InvalidRequest(msg).about(key="card_missing", field=field)
        journal = checks.identifier(said["journal"], "journal")
        key = said.get("key")
        return cls(
            journal=journal,
            name=checks.personal_text(said.get("name"), "name"),
            key=None if key is None else str(key_of_bank(key, journal)),
            you_may_owe=_limit(said[_YOU]),
            we_may_owe=_limit(said[_WE]),
        )

    def __str__(self) -> str:
        said = {"journal": self.journal, "name": self.name, "key": self.key}
        lines = [f"{field} {value}" for field, value in said.items() if value is not None]
        lines += [f"{_YOU} {_text(self.you_may_owe)}", f"{_WE} {_text(self.we_may_owe)}"]
        return "\n".join([FORMAT, *lines, ""])

    @property
    def terms(self) -> tuple[Hours | None, Hours | None]:
        """How much the reader's bank may owe, and how much the card's: as `agree` takes them."""
        you, we = (
            None if one is None else Hours.from_seconds(one)
            for one in (self.you_may_owe, self.we_may_owe)
        )
        return you, we


def key_of_bank(line: str, journal: str) -> PublicKey:
    """Return a public key, which must be that of the bank of a journal.

    :raises InvalidRequest: it is none, or another bank's.

    >>> from timebank.federation.cards import key_of_bank
    >>> from timebank.proof import SigningKey, origin_of
    >>> key = SigningKey.make(origin_of("8a1e")).public
    >>> key_of_bank(str(key), "8a1e") == key
    True
    """
    key = PublicKey.of(line)
    if key.name != origin_of(journal):
        msg = f"the key is of {shown(key.name)}, and the bank is {shown(journal)}"
        raise InvalidRequest(msg).about(key="card_key", name=key.name, bank=journal)
    return key


def _limit(text: str) -> int | None:
    return None if text == _NONE else Hours(text).seconds


def _text(limit: int | None) -> str:
    return _NONE if limit is None else str(Hours.from_seconds(limit))
