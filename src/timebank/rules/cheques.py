"""Time cheques: issuing a booklet of them, entering one, voiding one.

A cheque that is entered is recorded as the transfer that it is, under an id that follows from its
number: it counts once, whoever enters it, and wherever. A voided one uses up its id.
"""

from __future__ import annotations

from typing import Any

import attrs

from timebank import checks
from timebank.errors import (
    AccountNotOpen,
    BookletNotFound,
    ChequeNotFound,
    InvalidRequest,
    shown,
)
from timebank.journal.kinds import (
    ExchangeRequest,
    IssueChequesEffects,
    IssueChequesRequest,
    VoidChequeEffects,
    VoidChequeRequest,
)
from timebank.model import Transfer
from timebank.model.cheques import (
    Booklet,
    Issued,
    Number,
    VoidedCheque,
    booklet_id,
    booklet_number,
    cheques_of_booklet,
)
from timebank.rules.state import Command, Draft, State, texts_of
from timebank.rules.transfers import Exchange, transfer

# -- commands ------------------------------------------------------------------------


@attrs.frozen
class IssueCheques(Command[IssueChequesRequest, Booklet]):
    """Give an account a booklet of cheques."""

    kind = "issue_cheques"

    @classmethod
    def of(cls, account: object, *, booklet: object, cheques: object) -> IssueCheques:
        """Make it from the arguments of the call."""
        request: IssueChequesRequest = {
            "id": booklet_id(booklet_number(booklet)),
            "account": checks.identifier(account, "account id"),
            "cheques": cheques_of_booklet(cheques),
        }
        return cls(request, {}, (request["account"],), request["id"])


@attrs.frozen
class EnterCheque(Exchange[Transfer]):
    """Book the exchange that a cheque says, under the id of its number."""

    kind = "transfer"
    judged_as = "enter_cheque"

    @property
    def action(self) -> str:
        """Return the name of the call."""
        return "enter_cheque"

    @classmethod
    def by_number(
        cls, number: Number, *, earner: object, spender: str, **described: Any
    ) -> EnterCheque:
        """Make it from a number, who earned, and whose the booklet is.

        :raises InvalidRequest: more than one earner, or whose the booklet is; as a transfer.
        """
        earner = checks.identifier(earner, "earner")
        if earner == spender:
            msg = f"cheque {number} is of the booklet of {shown(spender)}, who cannot earn by it"
            raise InvalidRequest(msg).about(key="cheque_own", number=str(number), account=spender)
        made = cls.of(id="-", earner=earner, spender=spender, **described)
        request: ExchangeRequest = {**made.request, "id": number.id}
        return attrs.evolve(made, request=request, id=number.id)


@attrs.frozen
class VoidCheque(Command[VoidChequeRequest, VoidedCheque]):
    """Use up the number of a cheque that is lost or stolen."""

    kind = "void_cheque"

    @classmethod
    def of(cls, number: Number, *, code: object, reason: object) -> VoidCheque:
        """Make it from the arguments of the call."""
        request: VoidChequeRequest = {"id": number.id, "code": checks.label(code, "code")}
        return cls(request, texts_of(reason=reason), (), number.id)


# -- judges --------------------------------------------------------------------------


def issue(state: State, command: IssueCheques, now: int) -> Draft:
    """Give an account a booklet.

    :raises AccountNotFound: no such account.
    :raises AccountNotOpen: it is frozen, closed, or was merged into another.
    """
    doing = "be given cheques"
    row = state.account_itself(command.accounts[0], doing=doing)
    if row.status != "open":
        raise AccountNotOpen(row.account, status=row.status, doing=doing)
    effects: IssueChequesEffects = {"account": row.account, "of": row.opened}
    return Draft(effects, refers_to=row.opened)


def enter(state: State, command: EnterCheque, now: int) -> Draft:
    """Judge the exchange that a cheque says; all rules of an exchange hold.

    :raises BookletNotFound: its booklet was never issued.
    :raises ChequeNotFound: its booklet has fewer cheques.
    :raises InvalidRequest: who spends is not whose booklet it is.
    :raises Rejected: as a transfer.
    """
    booklet = issued(state, command)
    spender = command.spenders[0][0]
    if spender != booklet.account:
        msg = f"{command.id} is of the booklet of {shown(booklet.account)}, not {shown(spender)}"
        raise InvalidRequest(msg).about(
            key="cheque_of_another", number=str(command.id), account=booklet.account
        )
    return transfer(state, command, now)


def void(state: State, command: VoidCheque, now: int) -> Draft:
    """Use up the number.

    :raises BookletNotFound: its booklet was never issued.
    :raises ChequeNotFound: its booklet has fewer cheques.
    """
    effects: VoidChequeEffects = {"of": issued(state, command).sequence}
    return Draft(effects, refers_to=effects["of"])


def issued(state: State, command: EnterCheque | VoidCheque) -> Issued:
    """Return the booklet of a command's cheque.

    :raises BookletNotFound: it was never issued.
    :raises ChequeNotFound: it has fewer cheques.
    """
    number = number_of(command)
    return checked(number, state.booklet)


def number_of(command: EnterCheque | VoidCheque) -> Number:
    """Return the number of the cheque that a command is on."""
    return Number.parse(command.id or "")


def checked(number: Number, booklet: Issued | None) -> Issued:
    """Return the booklet that was found for a number.

    :raises BookletNotFound: none was found.
    :raises ChequeNotFound: it has fewer cheques.
    """
    if booklet is None:
        raise BookletNotFound(number.booklet)
    if number.cheque > booklet.cheques:
        raise ChequeNotFound(str(number), booklet=number.booklet, cheques=booklet.cheques)
    return booklet
