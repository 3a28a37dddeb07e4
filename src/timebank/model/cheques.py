"""Define time cheques: the number of one, the booklet it is of, and a cheque that was voided.

A number is `BOOKLET-CHEQUE-CHECK`, as `17-03-33`: the booklet a whole number from 1, the cheque two
digits from 01, and two check digits by ISO 7064 MOD 97-10 over the digits before them. One digit
that is mistyped, or two neighbours that are swapped, make a number that is none.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Final, Self

import attrs

from timebank.errors import ChequeMistyped, InvalidRequest, WrongType, shown

#: The prefix of the ids of operations that are on cheques: booklets, and the cheques of them.
CHEQUE_PREFIX: Final = "cheque:"
#: The highest number of a booklet: nine digits.
MAX_BOOKLET: Final = 999_999_999
#: So many cheques has a booklet at most: they have two digits.
MAX_CHEQUES: Final = 99
#: So many has a booklet where nothing else is said.
USUAL_CHEQUES: Final = 24

#: What people put between the parts of a number, or between any digits of it.
_SEPARATORS: Final = re.compile(r"[\s.,_/\-\u2010-\u2015\u2212\u00b7]+")
_PREFIX: Final = re.compile(r"^\s*cheque\s*:", re.IGNORECASE)
#: Three parts, of which a cheque and its check may lack the leading zero.
_PARTS: Final = re.compile(r"([1-9][0-9]{0,8})-([0-9]{1,2})-([0-9]{1,2})", re.ASCII)
_DIGITS: Final = re.compile(r"([1-9][0-9]{0,8})([0-9]{2})([0-9]{2})", re.ASCII)
#: Digits of all of a number that was mistyped are more than these, and no more than those.
_LONGEST: Final = 100


def check_digits(booklet: int, cheque: int) -> str:
    """Return the two check digits of a cheque, by ISO 7064 MOD 97-10.

    >>> from timebank.model.cheques import check_digits
    >>> check_digits(17, 3)
    '33'
    """
    return f"{98 - (booklet * 100 + cheque) * 100 % 97:02}"


@attrs.frozen(order=True)
class Number:
    """The number of a cheque: that of its booklet, and its own within it.

    :raises WrongType: one of them is no `int`.
    :raises InvalidRequest: a booklet below 1 or of more than nine digits, a cheque not in 1 to 99.

    >>> from timebank.model.cheques import Number
    >>> str(Number(17, 3)), Number(17, 3).id
    ('17-03-33', 'cheque:17-03-33')
    """

    booklet: int
    cheque: int

    def __attrs_post_init__(self) -> None:
        """Check both."""
        booklet_number(self.booklet)
        cheques_of_booklet(self.cheque, "a cheque's number within its booklet")

    def __str__(self) -> str:
        return f"{self.booklet}-{self.cheque:02}-{self.check}"

    @property
    def check(self) -> str:
        """The two check digits."""
        return check_digits(self.booklet, self.cheque)

    @property
    def id(self) -> str:
        """The id of the operation that enters the cheque, or voids it."""
        return f"{CHEQUE_PREFIX}{self}"

    @classmethod
    def parse(cls, text: str | Number) -> Number:
        """Return the number that was typed or scanned.

        There may be blanks, dots, dashes or strokes between its digits, or nothing, and `cheque:`
        before it. Where three parts are told apart, a zero may be left out before a cheque or its
        check digits.

        :raises WrongType: neither text nor a number.
        :raises ChequeMistyped: no booklet, cheque and check digits, or digits that do not fit.

        >>> from timebank.model.cheques import Number
        >>> Number.parse("17 03 33") == Number.parse("170333") == Number.parse("cheque:17-3-33")
        True
        """
        if isinstance(text, Number):
            return text
        if type(text) is not str:
            msg = f"the number of a cheque is a str, as '17-03-33', not {shown(text)}"
            raise WrongType(msg).about(key="cheque_no_text", given=shown(text))
        typed = text.strip()
        found = _parts(_PREFIX.sub("", typed)) if len(typed) <= _LONGEST else None
        if found is None or not 1 <= found[1] <= MAX_CHEQUES:
            raise ChequeMistyped(typed, reason="form")
        booklet, cheque, check = found
        if check_digits(booklet, cheque) != check:
            raise ChequeMistyped(typed, reason="check")
        return cls(booklet, cheque)

    @classmethod
    def of_id(cls, id: str) -> Self | None:
        """Return the number that the id of an operation is of, `None` where it is of none.

        >>> from timebank.model.cheques import Number
        >>> Number.of_id("cheque:17-03-33"), Number.of_id("cheque:17")
        (Number(booklet=17, cheque=3), None)
        """
        found = _PARTS.fullmatch(id.removeprefix(CHEQUE_PREFIX))
        if found is None or int(found[2]) == 0:
            return None
        number = cls(int(found[1]), int(found[2]))
        return number if number.id == id else None


def _parts(text: str) -> tuple[int, int, str] | None:
    """Return booklet, cheque and check digits of a text, `None` where they are not there."""
    parts = [part for part in _SEPARATORS.split(text) if part]
    three = len(parts) == 3  # noqa: PLR2004 - booklet, cheque and check
    found = _PARTS.fullmatch("-".join(parts)) if three else _DIGITS.fullmatch("".join(parts))
    return None if found is None else (int(found[1]), int(found[2]), f"{found[3]:0>2}")


def booklet_number(value: object) -> int:
    """Return the number of a booklet, checked.

    :raises WrongType: no `int`.
    :raises InvalidRequest: not from 1 to 999999999.

    >>> from timebank.model.cheques import booklet_number
    >>> booklet_number(17)
    17
    """
    if type(value) is not int:
        msg = f"the number of a booklet is an int, not {shown(value)}"
        raise WrongType(msg).about(key="no_whole_number", given=shown(value))
    if not 1 <= value <= MAX_BOOKLET:
        msg = f"the number of a booklet is from 1 to {MAX_BOOKLET}, not {shown(value)}"
        raise InvalidRequest(msg).about(key="booklet_number", given=shown(value), most=MAX_BOOKLET)
    return value


def cheques_of_booklet(value: object, what: str = "the cheques of a booklet") -> int:
    """Return how many cheques a booklet has, checked.

    :raises WrongType: no `int`.
    :raises InvalidRequest: not from 1 to 99.

    >>> from timebank.model.cheques import cheques_of_booklet
    >>> cheques_of_booklet(24)
    24
    """
    if type(value) is not int:
        msg = f"{what}: an int, not {shown(value)}"
        raise WrongType(msg).about(key="no_whole_number", given=shown(value))
    if not 1 <= value <= MAX_CHEQUES:
        msg = f"{what}: from 1 to {MAX_CHEQUES}, not {shown(value)}"
        raise InvalidRequest(msg).about(key="booklet_cheques", given=shown(value), most=MAX_CHEQUES)
    return value


def booklet_id(booklet: int) -> str:
    """Return the id of the operation that issues a booklet.

    >>> from timebank.model.cheques import booklet_id
    >>> booklet_id(17)
    'cheque:17'
    """
    return f"{CHEQUE_PREFIX}{booklet}"


@attrs.frozen
class Issued:
    """What a judge must know of a booklet: its record, the account whose it is, its cheques."""

    sequence: int
    account: str
    cheques: int


@attrs.frozen(kw_only=True)
class VoidedCheque:
    """A cheque that was voided: it is entered no more.

    `code` is the word for why, as "lost"; `reason` more about it, which is personal, `None` where
    none was given or it was erased. `repeated` is true where the call recorded nothing, for it
    was voided so already; it is not compared.
    """

    number: Number
    code: str
    reason: str | None
    voided_on: date
    sequence: int
    actor: str | None = None
    repeated: bool = attrs.field(default=False, eq=False)

    @property
    def id(self) -> str:
        """The id of the operation, which is used up."""
        return self.number.id


@attrs.frozen(kw_only=True)
class Booklet:
    """A booklet of cheques, and what became of them.

    `account` is whose it is: the one that it was issued to, or what that was merged into.
    `entered` are the numbers of the cheques that were entered, and `voids` those that were voided,
    in their order. `repeated` is true where the call that issued it recorded nothing, for it was
    issued so already; it is not compared.
    """

    number: int
    account: str
    cheques: int
    issued_on: date
    sequence: int
    entered: tuple[Number, ...] = ()
    voids: tuple[VoidedCheque, ...] = ()
    repeated: bool = attrs.field(default=False, eq=False)

    @property
    def id(self) -> str:
        """The id of the operation that issued it."""
        return booklet_id(self.number)

    @property
    def numbers(self) -> tuple[Number, ...]:
        """The numbers of all its cheques."""
        return tuple(Number(self.number, cheque) for cheque in range(1, self.cheques + 1))

    @property
    def voided(self) -> tuple[Number, ...]:
        """The numbers of the cheques that were voided."""
        return tuple(void.number for void in self.voids)

    @property
    def out(self) -> tuple[Number, ...]:
        """The numbers of the cheques that are out: neither entered nor voided."""
        used = {*self.entered, *self.voided}
        return tuple(number for number in self.numbers if number not in used)
