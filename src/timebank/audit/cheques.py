"""Check time cheques: that each is of a booklet, has a right number, and is spent by whose it is.

Numbers are read, and their check digits worked out, here once more, from `docs/journal-format.md`.
That each cheque counts once follows from its id, which is there once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, ClassVar, Final, NamedTuple

from timebank.audit.base import AuditCheck, AuditedRecord, Difference
from timebank.audit.corrections import heir
from timebank.audit.findings import ASK, Check
from timebank.audit.plain_runs import PlainRun
from timebank.errors import shown
from timebank.journal import parse
from timebank.model.said import said, who

#: What ids of booklets and of cheques begin with.
PREFIX: Final = "cheque:"
#: The most cheques of a booklet.
MOST_CHEQUES: Final = 99
_BOOKLET: Final = re.compile("cheque:([1-9][0-9]{0,8})")
_CHEQUE: Final = re.compile("cheque:([1-9][0-9]{0,8})-([0-9]{2})-([0-9]{2})")
#: Whole numbers of booklet, cheque and check digits leave 1 of it.
_MODULUS: Final = 97
#: What a transfer that enters a cheque has not.
_NOT_OF_A_CHEQUE: Final = ("answer", "limits", "offer", "source", "written_off")


class ChequeId(NamedTuple):
    """The id of a cheque: the number of its booklet, and its own in it."""

    booklet: int
    cheque: int


class Issued(NamedTuple):
    """A booklet as its record says: its sequence, whose it was, and how many cheques it has."""

    sequence: int
    account: str
    cheques: int


def booklet_of(id: str) -> int | None:
    """Return the number of the booklet whose id this is, `None` where it is of none.

    >>> from timebank.audit.cheques import booklet_of
    >>> booklet_of("cheque:17"), booklet_of("cheque:017")
    (17, None)
    """
    found = _BOOKLET.fullmatch(id)
    return None if found is None else int(found[1])


def cheque_of(id: str) -> ChequeId | None:
    """Return the cheque whose id this is, `None` where it is of none, or its check is wrong.

    >>> from timebank.audit.cheques import cheque_of
    >>> cheque_of("cheque:17-03-33"), cheque_of("cheque:17-03-34")
    (ChequeId(booklet=17, cheque=3), None)
    """
    found = _CHEQUE.fullmatch(id)
    if found is None:
        return None
    booklet, cheque, check = found.groups()
    rest = 0
    for digit in booklet + cheque + check:
        rest = (rest * 10 + int(digit)) % _MODULUS
    # 00, 01 and 99 leave what 97, 98 and 02 leave; the check is one of 02 to 98.
    is_right = rest == 1 and int(cheque) > 0 and 1 < int(check) < _MODULUS + 2
    return ChequeId(int(booklet), int(cheque)) if is_right else None


def id_differences(kind: str, id: str) -> Iterator[Difference]:
    """Yield where a record on cheques has another id than such a record has."""
    if kind == "issue_cheques":
        if booklet_of(id) is None:
            yield said("request_id_of_a_booklet"), shown(id)
    elif cheque_of(id) is None:
        yield said("request_id_of_a_cheque"), shown(id)


class Cheques(AuditCheck):
    """Looks at each booklet, and at each cheque beside the record that issued its booklet."""

    key: ClassVar = "cheques"
    promises: ClassVar = (
        Check(
            "cheques",
            "Each cheque is of a booklet that was issued before, and is voided, or entered as an "
            "exchange that is spent by whose the booklet is.",
            ASK,
        ),
    )
    kinds: ClassVar = frozenset({"issue_cheques", "transfer", "void_cheque"})

    def record(self, record: AuditedRecord) -> None:
        """Check one record that was executed."""
        id = record.request["id"]
        if not id.startswith(PREFIX) or record.derived is None:
            return
        if record.kind == "issue_cheques":
            found = self._issue(record)
        else:
            cheque = cheque_of(id)
            if cheque is None:
                return  # a finding of its own
            found = self._cheque(record, cheque)
        for expected, other in found:
            place = said("record", sequence=record.sequence)
            self.tell("cheques", place, expected=expected, found=other)

    def is_sure(self, run: PlainRun) -> bool:
        """Return whether no record of a run enters a cheque."""
        return PREFIX not in "\n".join(run.said.id)

    def _issue(self, record: AuditedRecord) -> Iterator[Difference]:
        """Yield where a booklet is given to another account than was asked, or to none."""
        account = record.request["account"]
        if record.effects["account"] != account:
            yield said("account", account=who(account)), shown(record.effects["account"])
        row = self.context.fold.accounts.get(account)
        if row is None or row.status != "open":
            status = said("missing") if row is None else said("it_was", status=row.status)
            yield said("an_account_that_is", allowed="open"), status

    def _cheque(self, record: AuditedRecord, cheque: ChequeId) -> Iterator[Difference]:
        """Yield where a cheque is of no booklet, or entered as it may not be."""
        booklet = self._booklet(cheque.booklet, before=record.sequence)
        if booklet is None:
            yield said("a_booklet_issued_before", booklet=cheque.booklet), said("missing")
            return
        if cheque.cheque > booklet.cheques:
            yield said("cheque_up_to", cheques=booklet.cheques), shown(cheque.cheque)
        if record.kind == "void_cheque":
            if record.effects["of"] != booklet.sequence:
                expected = said("record", sequence=booklet.sequence)
                yield expected, said("record", sequence=record.effects["of"])
            return
        yield from self._entered(record.request, booklet)

    def _entered(self, request: dict[str, Any], booklet: Issued) -> Iterator[Difference]:
        """Yield what of a transfer is not as a cheque is entered."""
        if request["kind"] != "exchange":
            yield "request.kind exchange", shown(request["kind"])
        for field in _NOT_OF_A_CHEQUE:
            if field in request:
                yield said("no_such_field"), f"request.{field}"
        if len(request["earners"]) != 1:
            yield said("request_of_one_account", what="earners"), shown(request["earners"])
        spender = heir(self.context.fold, booklet.account)
        if [id for id, _ in request["spenders"]] != [spender]:
            expected = said("spent_by_whose_booklet_it_is", account=who(spender))
            yield expected, shown(request["spenders"])

    def _booklet(self, number: int, *, before: int) -> Issued | None:
        """Return a booklet that was issued before a record, as its record says."""
        row = self.context.reader.find(f"{PREFIX}{number}")
        if row is None or row.kind != "issue_cheques" or row.sequence >= before:
            return None
        request = parse(row.body)["request"]
        return Issued(row.sequence, request["account"], request["cheques"])
