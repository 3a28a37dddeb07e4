"""Void many cheques in one commit: by their numbers, by a range of a booklet, or a whole one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

import attrs

from timebank.bank import TimeBank
from timebank.bank.permitting import Handle
from timebank.contrib.cheques.booking import void
from timebank.contrib.cheques.looking import booklet
from timebank.errors import InvalidRequest, shown
from timebank.model.cheques import MAX_CHEQUES, Number, VoidedCheque

_RANGE: Final = ".."
#: A cheque of a range, which may be without its check digits.
_WITHOUT_CHECK: Final = re.compile(r"([1-9][0-9]{0,8})[- ]([0-9]{1,2})", re.ASCII)


@attrs.frozen
class Wanted:
    """Cheques of one booklet, from one to another; alone, where it is one that was named itself."""

    booklet: int
    first: int
    last: int
    is_range: bool = True

    @classmethod
    def of(cls, text: str) -> Wanted:
        """Return what a text names: a number, or a range of a booklet.

        :raises InvalidRequest: neither, or a range that is of two booklets or goes backwards.

        >>> from timebank.contrib.cheques import Wanted
        >>> Wanted.of("17-05..17-24"), Wanted.of("17-03-33").is_range
        (Wanted(booklet=17, first=5, last=24, is_range=True), False)
        """
        if _RANGE not in text:
            number = Number.parse(text)
            return cls(number.booklet, number.cheque, number.cheque, is_range=False)
        first, last = map(_end, text.split(_RANGE, 1))
        if first is None or last is None or first[0] != last[0] or first[1] > last[1]:
            msg = f"{shown(text)} is no range of cheques of one booklet: it is like 17-05..17-24"
            raise InvalidRequest(msg).about(key="cheque_range", text=shown(text))
        return cls(first[0], first[1], last[1])

    @classmethod
    def of_booklet(cls, number: int) -> Wanted:
        """Return all cheques of a booklet."""
        return cls(number, 1, MAX_CHEQUES)


def _end(text: str) -> tuple[int, int] | None:
    """Return booklet and cheque of an end of a range."""
    said = text.strip()
    if (found := _WITHOUT_CHECK.fullmatch(said)) is not None:
        return int(found[1]), int(found[2])
    number = Number.parse(said)
    return number.booklet, number.cheque


def void_all(
    bank: TimeBank, wanted: Iterable[Wanted], *, code: str, reason: str | None = None
) -> tuple[tuple[VoidedCheque, ...], tuple[Number, ...]]:
    """Void cheques in one commit; return those that are void now, and those that stay as they are.

    Of a range those are voided that are out, and the others stay; a cheque that is named by itself
    and was entered is refused, and none is voided.

    :raises ChequeEntered: one that was named was entered; the exchange is to be reversed.
    :raises ChequeVoided: one that was named was voided otherwise.
    :raises BookletNotFound: a booklet was never issued.
    :raises ChequeNotFound: a booklet has fewer cheques.
    :raises NotPermitted: the permissions say no.

    >>> import timebank
    >>> from timebank.contrib import cheques
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1"), cheques.issue(bank, "m1", booklet=17)
    >>> voided, passed = cheques.void_all(bank, [cheques.Wanted.of("17-05..17-24")], code="lost")
    >>> len(voided), passed, len(cheques.booklet(bank, 17).out)
    (20, (), 4)
    """
    with bank.batch() as batch:
        voided: dict[Number, VoidedCheque] = {}
        passed: dict[Number, None] = {}
        for one in wanted:
            for number in _numbers(batch, one, passed):
                if number not in voided:
                    voided[number] = void(batch, number, code=code, reason=reason)
    return tuple(voided.values()), tuple(one for one in passed if one not in voided)


def _numbers(bank: Handle, wanted: Wanted, passed: dict[Number, None]) -> Iterator[Number]:
    """Yield the cheques to be voided; note in `passed` those of a range that are not out."""
    if not wanted.is_range:
        yield Number(wanted.booklet, wanted.first)
        return
    found = booklet(bank, wanted.booklet)
    out = {*found.out}
    for number in found.numbers[wanted.first - 1 : wanted.last]:
        if number in out:
            yield number
        else:
            passed[number] = None
