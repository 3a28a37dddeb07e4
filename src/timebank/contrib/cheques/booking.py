"""Issue booklets of cheques, enter and void cheques, and ask which are out.

Each is called on a bank, a batch or a preview, in a host's transaction as well. Whose the booklet
is, is looked up before the lock, and judged behind it.
"""

from __future__ import annotations

from datetime import date, time
from typing import Final

from timebank.bank.permitting import Handle
from timebank.bank.session import Session
from timebank.bank.writes import HoursLike
from timebank.errors import (
    BookletNotFound,
    BookletTaken,
    ChequeEntered,
    ChequeVoided,
    IdempotencyMismatch,
    InvalidRequest,
    NotPermitted,
    TimebankError,
)
from timebank.model import Transfer
from timebank.model.cheques import (
    USUAL_CHEQUES,
    Booklet,
    Number,
    VoidedCheque,
    booklet_number,
)
from timebank.permissions import Ask
from timebank.queries import cheques as queries
from timebank.queries.records import account_row, body_of, record_at
from timebank.rules.cheques import EnterCheque, IssueCheques, VoidCheque, checked
from timebank.storage.protocol import Reader

#: Why a cheque is voided, where nothing else is said.
LOST: Final = "lost"


# -- booklets ----------------------------------------------------------------------------


def issue(
    bank: Handle, account: str, *, booklet: int | None = None, cheques: int = USUAL_CHEQUES
) -> Booklet:
    """Give an account a booklet of cheques.

    `booklet` is its number, from 1; left out, it is the one after that which was issued last, and
    where that is taken, the next free one behind it. A call with a number can be repeated: alike,
    it is the same booklet, and nothing is recorded. `cheques` is how many it has, up to 99.

    :raises WrongType: a number that is no `int`.
    :raises InvalidRequest: an id or a number that cannot be.
    :raises NotPermitted: the permissions say no.
    :raises BookletTaken: the number was issued before, otherwise; the error has the next free one.
    :raises AccountNotFound: no such account.
    :raises AccountNotOpen: it is frozen, closed, or was merged into another.

    >>> import timebank
    >>> from timebank.contrib import cheques
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1"), bank.open_account("m2")
    >>> cheques.issue(bank, "m1", booklet=17).cheques, cheques.issue(bank, "m2").number
    (24, 18)
    """
    asked = IssueCheques.of(account, booklet=1 if booklet is None else booklet, cheques=cheques)

    def work(session: Session, actor: str | None) -> Booklet:
        session.flush()
        reader = session.writer
        number = queries.next_number(reader) if booklet is None else booklet
        command = IssueCheques.of(account, booklet=number, cheques=cheques)
        try:
            return session.execute(command, actor)
        except IdempotencyMismatch as refusal:
            raise _taken(reader, number, refusal) from None

    ask = Ask(
        actor=bank._actor,  # noqa: SLF001 - of the same house
        action=asked.action,
        accounts=asked.accounts,
        request=asked.request,
    )
    return bank._execute_all(ask, work)  # noqa: SLF001 - as above


def _taken(reader: Reader, number: int, refusal: IdempotencyMismatch) -> IdempotencyMismatch:
    """Return the error that says whose a booklet is, and which number is free."""
    original = refusal.original
    if not isinstance(original, Booklet):
        return refusal
    return BookletTaken(
        refusal.id,
        original=original,
        booklet=number,
        account=original.account,
        cheques=original.cheques,
        free=queries.next_number(reader),
    )


def next_booklet(bank: Handle) -> int:
    """Return the number that the next booklet gets, where `issue` is given none.

    Who prints it on a form, and issues by it, can send the form twice. It costs the records since
    the last booklet was issued.

    :raises NotPermitted: the permissions say no.

    >>> import timebank
    >>> from timebank.contrib import cheques
    >>> cheques.next_booklet(timebank.open("memory:"))
    1
    """
    bank._may("booklets")  # noqa: SLF001 - of the same house
    with bank._reader() as reader:  # noqa: SLF001 - as above
        return bank._firm(reader, lambda: queries.next_number(reader))  # noqa: SLF001 - as above


def booklets(bank: Handle, account: str | None = None) -> tuple[Booklet, ...]:
    """Return the booklets of an account, and of those that were merged into it; or all of them.

    They come as they were issued, by number where all are asked for. Those of an account cost what
    that account has; all of them cost a question for each account, and one for each booklet.

    :raises InvalidRequest: an id that cannot be.
    :raises NotPermitted: the permissions say no.
    :raises AccountNotFound: no such account.

    >>> import timebank
    >>> from timebank.contrib import cheques
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1"), cheques.issue(bank, "m1"), cheques.issue(bank, "m1")
    >>> [booklet.number for booklet in cheques.booklets(bank, "m1")]
    [1, 2]
    """
    bank._may("booklets", account)  # noqa: SLF001 - of the same house

    def found() -> tuple[Booklet, ...]:
        if account is None:
            return tuple(sorted(queries.all_booklets(reader), key=lambda one: one.number))
        return tuple(queries.booklets_of(reader, account_row(reader, account)))

    with bank._reader() as reader:  # noqa: SLF001 - as above
        return bank._firm(reader, found)  # noqa: SLF001 - as above


def booklet(bank: Handle, number: int) -> Booklet:
    """Return the booklet with a number, and what became of its cheques.

    :raises WrongType: a number that is no `int`.
    :raises InvalidRequest: one that cannot be.
    :raises NotPermitted: the permissions say no.
    :raises BookletNotFound: none was issued with this number.

    >>> import timebank
    >>> from timebank.contrib import cheques
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1"), cheques.issue(bank, "m1", booklet=17, cheques=8)
    >>> [str(number) for number in cheques.booklet(bank, 17).out[:2]]
    ['17-01-39', '17-02-36']
    """
    booklet_number(number)
    with bank._reader() as reader:  # noqa: SLF001 - of the same house
        found = bank._firm(reader, lambda: queries.booklet_with(reader, number))  # noqa: SLF001 - as above
    try:
        bank._may("booklets", None if found is None else found.account)  # noqa: SLF001 - as above
    except NotPermitted as refusal:  # which does not tell whose it is
        raise NotPermitted(refusal.actor, action=refusal.action) from None
    if found is None:
        raise BookletNotFound(number)
    return found


# -- cheques -----------------------------------------------------------------------------


def enter(
    bank: Handle,
    number: str | Number,
    *,
    earner: str,
    hours: HoursLike,
    occurred_on: date | None = None,
    started_at: time | None = None,
    ended_at: time | None = None,
    category: str | None = None,
    area: str | None = None,
    resource: str | None = None,
    via: str | None = None,
    note: str | None = None,
    tags: tuple[str, ...] | list[str] = (),
) -> Transfer:
    """Enter a cheque: book its hours, from whose the booklet is to the earner.

    `number` is as it was typed or scanned. It is an exchange, for which all rules of one hold, and
    which is described, corrected and reversed as one. Entered again alike, it is the same one, and
    nothing is recorded: a cheque counts once. One that was reversed is not entered again.

    :raises WrongType: values of other types.
    :raises ChequeMistyped: what was typed is the number of no cheque.
    :raises InvalidRequest: a value that cannot be, or whose the booklet is as the earner.
    :raises NotPermitted: the permissions say no.
    :raises BookletNotFound: the booklet was never issued.
    :raises ChequeEntered: it was entered before, with other values.
    :raises ChequeVoided: it was voided.
    :raises ChequeNotFound: the booklet has fewer cheques.
    :raises Rejected: as a transfer.

    >>> import timebank
    >>> from timebank.contrib import cheques
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("anna"), bank.open_account("bruno")
    >>> _ = cheques.issue(bank, "anna", booklet=17)
    >>> made = cheques.enter(bank, "17-03-33", earner="bruno", hours=2, category="care")
    >>> made.id, made.spenders
    ('cheque:17-03-33', {'anna': Hours('2:00')})
    >>> cheques.enter(bank, "170333", earner="bruno", hours=2, category="care").repeated
    True
    """
    cheque = Number.parse(number)
    described = {
        "hours": hours,
        "occurred_on": occurred_on,
        "started_at": started_at,
        "ended_at": ended_at,
        "category": category,
        "area": area,
        "resource": resource,
        "via": via,
        "note": note,
        "tags": tags,
    }
    EnterCheque.by_number(cheque, earner=earner, spender=cheque.id, **described)  # or refuses
    spender = None
    while True:
        found = _spender(bank, cheque, earner)
        try:
            command = EnterCheque.by_number(cheque, earner=earner, spender=found, **described)
            return bank._execute(command)  # noqa: SLF001 - of the same house
        except NotPermitted as refusal:  # which does not tell whose it is
            raise NotPermitted(refusal.actor, action=refusal.action, accounts=(earner,)) from None
        except IdempotencyMismatch as refusal:
            raise _used(bank, cheque, refusal, doing="enter") from None
        except InvalidRequest as refusal:
            # Another account has become whose it was since it was looked up, once or more.
            if refusal.key != "cheque_of_another" or found == spender:
                raise
            spender = found


def _spender(bank: Handle, cheque: Number, earner: str) -> str:
    """Return who spends by a cheque: who did, where it was entered, or whose its booklet is.

    :raises NotPermitted: it is not there, and who asks may enter none.
    :raises BookletNotFound: its booklet was never issued.
    :raises ChequeNotFound: its booklet has fewer cheques.
    """
    with bank._reader() as reader:  # noqa: SLF001 - of the same house
        row = reader.find(cheque.id)
        if row is not None and row.kind == "transfer":
            spender: str = body_of(row)["request"]["spenders"][0][0]
            return spender
        found = queries.issued_booklet(reader, cheque.booklet)
    if found is None or cheque.cheque > found.cheques:
        ask = Ask(actor=bank._actor, action="enter_cheque", accounts=(earner,), earners=(earner,))  # noqa: SLF001 - as above
        bank._ask(ask, bank._sources.now)  # noqa: SLF001 - as above
    return checked(cheque, found).account


def _used(
    bank: Handle, cheque: Number, refusal: IdempotencyMismatch, *, doing: str
) -> TimebankError:
    """Return the error that says what became of a cheque before."""
    match refusal.original:
        case Transfer() as original:
            with bank._reader() as reader:  # noqa: SLF001 - of the same house
                record = body_of(record_at(reader, original.sequence))
            return ChequeEntered(
                str(cheque),
                original=original,
                entered_on=date.fromisoformat(record["recorded_on"]),
                differs=refusal.differs,
                doing=doing,
            )
        case VoidedCheque() as original:
            return ChequeVoided(str(cheque), voided_on=original.voided_on, why=original.code)
    return refusal


def void(
    bank: Handle, number: str | Number, *, code: str = LOST, reason: str | None = None
) -> VoidedCheque:
    """Void a cheque that is lost or stolen: it is entered no more.

    `code` says why in a word, as "lost", "stolen" or "spoiled"; `reason` says more, and is
    personal. Voided again alike, nothing is recorded. What is voided stays voided.

    :raises WrongType: values of other types.
    :raises ChequeMistyped: what was typed is the number of no cheque.
    :raises InvalidRequest: a value that cannot be.
    :raises NotPermitted: the permissions say no.
    :raises ChequeEntered: it was entered; the exchange is to be reversed instead.
    :raises ChequeVoided: it was voided otherwise.
    :raises BookletNotFound: its booklet was never issued.
    :raises ChequeNotFound: its booklet has fewer cheques.

    >>> import timebank
    >>> from timebank.contrib import cheques
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1"), cheques.issue(bank, "m1", booklet=17)
    >>> cheques.void(bank, "17-03-33", reason="the bag was stolen on the tram").code
    'lost'
    """
    cheque = Number.parse(number)
    command = VoidCheque.of(cheque, code=code, reason=reason)
    with bank._reader() as reader:  # noqa: SLF001 - of the same house
        found = queries.issued_booklet(reader, cheque.booklet)
    ask = Ask(
        actor=bank._actor,  # noqa: SLF001 - of the same house
        action=command.action,
        spenders=() if found is None else (found.account,),
        request=command.request,
    )
    try:
        return bank._execute_all(ask, lambda session, actor: session.execute(command, actor))  # noqa: SLF001 - as above
    except IdempotencyMismatch as refusal:
        raise _used(bank, cheque, refusal, doing="void") from None
