"""Exchanges between banks of one store: the same three steps, within one call.

Each step is a commit of one bank, and no transaction holds the locks of two. What a stop leaves is
finished by `resume`, or by the same call again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from itertools import permutations
from typing import Any

from timebank.bank import TimeBank
from timebank.bank.joining import JoinedBank
from timebank.bank.writes import HoursLike
from timebank.errors import HoldNotFound, NotAgreed, WrongType, shown
from timebank.federation.agreements import journal_of
from timebank.federation.booking import (
    ANSWER_IN,
    book,
    conclude,
    known,
    make_offer,
    make_reversal,
)
from timebank.journal.kinds import RecordBody
from timebank.journal.offers import answer_body, offer_body, offered
from timebank.model.agreements import Crossing, account_of, shared_id
from timebank.permissions import Ask
from timebank.queries.agreements import agreement_with, agreements, offers_under_way
from timebank.queries.records import (
    PAGE,
    body_of,
    last_balance,
    record_at,
    resolution_of,
    texts_of,
)
from timebank.queries.views import hold_of, read_transfer
from timebank.storage.protocol import Reader


def transfer(
    spender_bank: TimeBank,
    earner_bank: TimeBank,
    *,
    spender: Any,
    earner: str,
    hours: HoursLike,
    id: str | None = None,
    answer_in: timedelta | str = ANSWER_IN,
    note: str | None = None,
    **described: Any,
) -> Crossing:
    """Move hours from a member of one bank to a member of another, in the same store.

    The steps are those between two servers, in three commits. What the spender's bank refuses is
    raised, and nothing was written; what the earner's bank refuses is a `Crossing` that is
    `refused`, with the `code` of the error, and the hours are free again. The same call with the
    same `id` finishes what a stop left, and repeats nothing.

    :raises WrongType: one of the two is no bank of its own transactions.
    :raises InvalidRequest: a value that cannot be.
    :raises IdempotencyMismatch: the id was used for another request.
    :raises NotPermitted: the permissions of one of the two say no.
    :raises NotAgreed: one of them has not agreed with the other, or suspended that, or ended it.
    :raises Rejected: as `hold` of the spender's bank.
    """
    _check_banks(spender_bank, earner_bank)
    _check_answers(earner_bank, journal_of(spender_bank))
    hold = make_offer(
        spender_bank,
        earner_bank,
        spender=spender,
        earner=earner,
        hours=hours,
        id=id,
        answer_in=answer_in,
        note=note,
        **described,
    )
    return carry(spender_bank, earner_bank, hold.id)


def reverse(
    bank: TimeBank,
    other: TimeBank,
    transfer: str,
    *,
    reason: str,
    hours: HoursLike = None,
    id: str | None = None,
) -> Crossing:
    """Move hours of an exchange back: `bank` is that of who had earned, `transfer` its id there.

    :raises WrongType: one of the two is no bank of its own transactions.
    :raises InvalidRequest: no reason, or hours that cannot be.
    :raises TransferNotFound: nothing was booked for the other bank under this id.
    :raises OverReversed: more than is left.
    :raises NotAgreed: the agreement is ended.

    >>> import timebank
    >>> from timebank import federation
    >>> isola = timebank.open("memory:", bank="isola")
    >>> bovisa = timebank.TimeBank(isola.store, bank="bovisa")
    >>> _ = isola.open_account("anna"), bovisa.open_account("bruno")
    >>> _ = federation.agree(isola, bovisa, they_may_owe=20, we_may_owe=20)
    >>> _ = federation.agree(bovisa, isola, they_may_owe=20, we_may_owe=20)
    >>> made = federation.transfer(isola, bovisa, spender="anna", earner="bruno", hours=2)
    >>> back = federation.reverse(bovisa, isola, made.earned.id, hours=1, reason="one was enough")
    >>> back.status, isola.balance("anna").posted
    ('booked', Hours('-1:00'))
    """
    _check_banks(bank, other)
    hold = make_reversal(bank, transfer, reason=reason, hours=hours, id=id)
    return carry(bank, other, hold.id)


def resume(*banks: TimeBank) -> tuple[Crossing, ...]:
    """Finish what a stop left between banks of one store; return what was finished.

    What the other bank had booked of an offer that was abandoned is booked, too, with a flag. Where
    a bank never agreed, offers to it stay open. The note of an offer goes along, as by `transfer`.

    :raises WrongType: one of them is no bank of its own transactions.

    >>> import timebank
    >>> from timebank import federation
    >>> federation.resume(timebank.open("memory:"))
    ()
    """
    _check_banks(*banks)
    by_journal = {journal_of(bank): bank for bank in banks}
    found: list[Crossing] = []
    for bank in banks:
        for id, to in list(_under_way(bank)):
            if to in by_journal:
                with suppress(NotAgreed):  # a bank that never agreed answers nothing
                    found.append(carry(bank, by_journal[to], id))
    for bank, other in permutations(banks, 2):
        found += [carry(bank, other, id) for id in list(_given_up(bank, other))]
    return tuple(found)


def _under_way(bank: TimeBank) -> Iterator[tuple[str, str]]:
    with bank.store.reader(bank.name) as reader:
        for agreement in agreements(reader):
            for record in offers_under_way(reader, agreement.account):
                yield record["request"]["id"], agreement.peer


def _given_up(bank: TimeBank, other: TimeBank) -> Iterator[str]:
    """Yield the ids of offers that a board has abandoned, and that the other bank has booked.

    They are looked for where the two banks' balances do not mirror each other.
    """
    own, peer = journal_of(bank), journal_of(other)
    with bank.store.reader(bank.name) as reader:
        balance = last_balance(reader, account_of(peer))
    with other.store.reader(other.name) as reader:
        if balance + last_balance(reader, account_of(own)) == 0:
            return
        booked = list(_booked_for(reader, own))
    with bank.store.reader(bank.name) as reader:
        for id in booked:
            if reader.find(shared_id(own, id)) is None and reader.find(id) is not None:
                yield id


def _booked_for(reader: Reader, peer: str) -> Iterator[str]:
    """Yield the ids of the offers of another bank that were booked here."""
    after = 0
    while page := reader.postings(account_of(peer), after=after, limit=PAGE):
        for posting in page:
            signed = body_of(record_at(reader, posting.sequence))["request"].get("offer")
            if signed is not None and offered(signed)["from"] == peer:
                yield offered(signed)["id"]
        after = page[-1].version


def _check_banks(*banks: object) -> None:
    for bank in banks:
        # Of a host's transaction nothing is sure until it is committed: what the other bank has
        # booked by then would stay, where the host rolls back.
        if not isinstance(bank, TimeBank) or isinstance(bank, JoinedBank):
            msg = f"a bank with transactions of its own is needed here, not {shown(bank)}"
            raise WrongType(msg).about(key="bank_of_own", given=shown(bank))


def _check_answers(bank: TimeBank, peer: str) -> None:
    """Check that a bank would answer another, before anything is offered to it.

    :raises NotPermitted: who acts there may not answer.
    :raises NotAgreed: it has not agreed with the other.
    """
    bank._ask(Ask(actor=bank._actor, action="answer"), bank._sources.now)  # noqa: SLF001 - of the same house
    with bank.store.reader(bank.name) as reader:
        if agreement_with(reader, peer) is None:
            raise NotAgreed(peer, status="none")


def carry(bank: TimeBank, other: TimeBank, id: str) -> Crossing:
    """Carry an offer to the other bank, and its answer back; what was done is not repeated.

    An offer that a board has abandoned is not carried any more; but what the other bank had booked
    of it before is booked here, too.
    """
    with bank.store.reader(bank.name) as reader:
        record = offer_record(reader, id)
        ended = resolution_of(reader, record["sequence"])
        note = texts_of(reader, record["sequence"]).get("note")
    offer = {"body": offer_body(record)}
    booked = None
    if ended is None:
        booked = book(other, offer, note=note)
    elif "abandoned" in body_of(ended)["request"]:
        with other.store.reader(other.name) as reader:
            booked = known(reader, shared_id(record["journal"], id), offer)
    if booked is not None:
        request = booked["request"]
        said = request["answer"]["body"] if "answer" in request else answer_body(booked)
        conclude(bank, {"body": said})
    return crossing(bank, other, id)


def offer_record(reader: Reader, id: str) -> RecordBody:
    """Return the record of an offer.

    :raises HoldNotFound: there is none.
    """
    row = reader.find(id)
    record = None if row is None or row.kind != "hold" else body_of(row)
    if record is None or "offer" not in record["request"]:
        raise HoldNotFound(id)
    return record


def crossing(bank: TimeBank, other: TimeBank | None, id: str) -> Crossing:
    """Return how far an offer has come; what was booked in the other bank, where that is given."""
    now = bank._sources.now()  # noqa: SLF001 - of the same house
    with bank.store.reader(bank.name) as reader:
        record = offer_record(reader, id)
        shared = shared_id(record["journal"], id)
        row, ended = reader.find(shared), resolution_of(reader, record["sequence"])
        spent = None if row is None else bank._seen(read_transfer(reader, row), reader, lambda: now)  # noqa: SLF001 - as above
        hold = bank._seen(hold_of(reader, id, now=now), reader, lambda: now)  # noqa: SLF001 - as above
    status, code = ("booked", None) if spent is not None else ("under way", None)
    if spent is None and ended is not None:
        request = body_of(ended)["request"]
        status = "refused"
        code = request["answer"]["body"]["code"] if "answer" in request else "abandoned"
    earned = None
    if other is not None:
        with other.store.reader(other.name) as reader:
            row = reader.find(shared)
            if row is not None and row.kind != "refuse":
                earned = other._seen(read_transfer(reader, row), reader, lambda: now)  # noqa: SLF001 - as above
    return Crossing(offer=hold, status=status, code=code, earned=earned, spent=spent)
