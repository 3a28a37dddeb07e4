"""Read booklets of cheques, and what became of their cheques.

A booklet is found by its number, which is the id of its record, and those of an account by the
records that refer to the account's opening: neither costs more where the journal is longer. Of each
cheque is asked whether its id is used. Those of a whole bank are found account by account.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Final

from timebank.errors import Corrupt, shown
from timebank.journal.kinds import RecordBody
from timebank.model import AccountRow, RecordRow
from timebank.model.cheques import (
    CHEQUE_PREFIX,
    Booklet,
    Issued,
    Number,
    VoidedCheque,
    booklet_id,
)
from timebank.queries.corrections import family, heir
from timebank.queries.records import (
    PAGE,
    account_row,
    all_accounts,
    body_of,
    texts_of,
)
from timebank.storage.protocol import Reader, finds_many

#: So many numbers are asked for at a time where a free one is looked for.
_AT_A_TIME: Final = 100
#: So many of the last records are looked at first for the booklet that was issued last: who gives
#: out many, one after the other, needs no more.
_FIRST_PAGE: Final = 8


def issued_booklet(reader: Reader, number: int) -> Issued | None:
    """Return what a judge must know of a booklet; `None` where none of the number was issued."""
    row = reader.find(booklet_id(number))
    if row is None or row.kind != "issue_cheques":
        return None
    request = body_of(row)["request"]
    return Issued(row.sequence, heir(reader, request["account"]), request["cheques"])


def booklet_with(reader: Reader, number: int) -> Booklet | None:
    """Return the booklet with a number, `None` where none was issued."""
    row = reader.find(booklet_id(number))
    return None if row is None or row.kind != "issue_cheques" else booklet_of(reader, row)


def booklets_of(reader: Reader, row: AccountRow) -> Iterator[Booklet]:
    """Yield the booklets of an account and of what was merged into it, as they were issued."""
    rows = [
        record
        for account in family(reader, row)
        for record in reader.referring(account_row(reader, account).opened)
        if record.kind == "issue_cheques"
    ]
    for record in sorted(rows, key=lambda record: record.sequence):
        yield booklet_of(reader, record)


def all_booklets(reader: Reader) -> Iterator[Booklet]:
    """Yield the booklets of all accounts, in no order: account by account."""
    for row in all_accounts(reader):
        for record in reader.referring(row.opened):
            if record.kind == "issue_cheques":
                yield booklet_of(reader, record)


def booklet_of(reader: Reader, row: RecordRow) -> Booklet:
    """Return a booklet from its record's row; what became of its cheques is looked up."""
    record = body_of(row)
    booklet = new_booklet(record)
    voids = [voided_cheque(reader, one) for one in reader.referring(row.sequence)]
    void = {one.number for one in voids}
    entered = [one for one in _used(reader, booklet.numbers) if one not in void]
    return Booklet(
        number=booklet.number,
        account=heir(reader, booklet.account),
        cheques=booklet.cheques,
        issued_on=booklet.issued_on,
        sequence=booklet.sequence,
        entered=tuple(entered),
        voids=tuple(sorted(voids, key=lambda one: one.number)),
    )


def new_booklet(record: RecordBody) -> Booklet:
    """Return a booklet as it was issued, from the object that its record is.

    :raises Corrupt: its id is that of no booklet.
    """
    request = record["request"]
    number = request["id"].removeprefix(CHEQUE_PREFIX)
    if not (number.isascii() and number.isdecimal()):
        msg = f"record {record['sequence']} issues {shown(request['id'])}, which is no booklet"
        raise Corrupt(msg)
    return Booklet(
        number=int(number),
        account=request["account"],
        cheques=request["cheques"],
        issued_on=date.fromisoformat(record["recorded_on"]),
        sequence=record["sequence"],
    )


def _used(reader: Reader, numbers: Sequence[Number]) -> list[Number]:
    """Return those of some numbers whose ids are used, in order."""
    used = used_ids(reader, [number.id for number in numbers])
    return [number for number in numbers if number.id in used]


def used_ids(reader: Reader, ids: Iterable[str]) -> set[str]:
    """Return those of some ids of operations that are used: in one question, where it can be."""
    if finds_many(reader):
        return {id for id, _ in reader.sequences(list(ids))}
    return {id for id in ids if reader.find(id) is not None}


def voided_cheque(reader: Reader, row: RecordRow) -> VoidedCheque:
    """Return a voided cheque from its record's row; its reason is looked up."""
    return void_view(body_of(row), texts_of(reader, row.sequence))


def void_view(record: RecordBody, texts: Mapping[str, str]) -> VoidedCheque:
    """Return a voided cheque from the object that its record is, and its texts.

    :raises Corrupt: its id is that of no cheque.
    """
    request = record["request"]
    number = Number.of_id(request["id"])
    if number is None:
        msg = f"record {record['sequence']} voids {shown(request['id'])}, which is no cheque"
        raise Corrupt(msg)
    return VoidedCheque(
        number=number,
        code=request["code"],
        reason=texts.get("reason"),
        voided_on=date.fromisoformat(record["recorded_on"]),
        sequence=record["sequence"],
        actor=record.get("actor"),
    )


def next_number(reader: Reader) -> int:
    """Return the number for the next booklet: one after that which was issued last, if it is free.

    Where it is not, it is the next free one behind it; the first is 1. What is read are the records
    since the last booklet was issued, and all of them where none ever was.
    """
    number = _issued_last(reader) + 1
    while True:
        some = range(number, number + _AT_A_TIME)
        used = used_ids(reader, map(booklet_id, some))
        for one in some:
            if booklet_id(one) not in used:
                return one
        number += _AT_A_TIME


def _issued_last(reader: Reader) -> int:
    """Return the number of the booklet that was issued last, 0 where none was."""
    end, some = reader.head().sequence, _FIRST_PAGE
    while end > 0:
        begin = max(end - some, 0)
        for row in reversed(reader.records(after=begin, limit=end - begin)):
            if row.kind == "issue_cheques":
                return new_booklet(body_of(row)).number
        end, some = (
            begin,
            PAGE,
        )  # who gives out many, one after the other, needs the last records only
    return 0
