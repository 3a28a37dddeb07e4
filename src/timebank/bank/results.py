"""What the caller of a command gets that is seldom called: values made of its record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any, Final

import attrs

from timebank.errors import Corrupt, TransferNotFound
from timebank.journal.kinds import RecordBody
from timebank.model import (
    Account,
    ClockRestart,
    Closing,
    DeclaredLoss,
    Head,
    Hold,
    Transfer,
    instant,
)
from timebank.model.agreements import Agreement, Refusal
from timebank.model.cheques import Booklet, VoidedCheque
from timebank.model.members import Delegate
from timebank.queries.agreements import agreement_of
from timebank.queries.cheques import new_booklet, void_view
from timebank.queries.corrections import closings
from timebank.queries.history import naming
from timebank.queries.records import body_of, record_at
from timebank.queries.views import (
    OPERATIONS,
    account_view,
    read_account,
    read_operation,
    refusal_of,
)
from timebank.rules.amendments import Amend
from timebank.rules.clock import RestartClock
from timebank.rules.closing import CloseBooks
from timebank.rules.delegates import NameDelegate
from timebank.rules.history import AcceptHistory
from timebank.rules.refusals import Refuse
from timebank.rules.state import AnyCommand
from timebank.rules.statutes import Adopt
from timebank.statute import Statute

if TYPE_CHECKING:
    from timebank.bank.session import Session


def _account(session: Session, command: AnyCommand, record: RecordBody | None, now: int) -> Account:
    row = session.known.fold.accounts[command.accounts[0]]
    if row is None:
        msg = f"account {command.accounts[0]!r} was decided upon but is missing"
        raise Corrupt(msg)
    last = session.known.sequence if record is None else record["sequence"]
    if row.named == last and "name" in command.texts:
        return account_view(row, command.texts["name"])
    session.flush()
    return read_account(session.writer, row)


def _hold(session: Session, command: AnyCommand, record: RecordBody, now: int) -> Transfer | Hold:
    return OPERATIONS[command.kind](session.writer, record, command.texts, now)


def _operation(session: Session, command: Amend, record: object, now: int) -> Any:
    session.flush()
    row = session.writer.find(command.earlier_id)
    if row is None:
        raise TransferNotFound(command.earlier_id)
    return read_operation(session.writer, row, now=now)


def _closing(session: Session, command: CloseBooks, record: object, now: int) -> Closing:
    session.flush()
    return next(closings(session.writer))


def _statute(session: Session, command: Adopt, record: RecordBody | None, now: int) -> Statute:
    return command.statute


def _delegate(
    session: Session, command: NameDelegate, record: RecordBody | None, now: int
) -> Delegate:
    until = command.request.get("until")
    last = None if until is None else date.fromisoformat(until)
    return Delegate(command.account, command.delegate, last)


def _erasure(session: Session, command: AnyCommand, record: RecordBody, now: int) -> int:
    return record["sequence"]


def _restart(session: Session, command: RestartClock, record: RecordBody, now: int) -> ClockRestart:
    session.flush()
    ends = record["effects"].get("ends", ())
    return ClockRestart(
        sequence=record["sequence"],
        recorded_at=instant(now),
        today=date.fromisoformat(record["recorded_on"]),
        ended=tuple(str(record_at(session.writer, hold).id) for hold in ends),
    )


def _loss(
    session: Session, command: AcceptHistory, record: RecordBody | None, now: int
) -> DeclaredLoss:
    session.flush()
    if record is None:  # it was declared before: of this very head, which was named
        row = naming(session.writer, *command.request["lost"])
        if row is None:
            msg = "the record that declares the loss is missing"
            raise Corrupt(msg)
        record = body_of(row)
    sequence, digest = record["effects"]["lost"]
    return DeclaredLoss(
        sequence=record["sequence"],
        recorded_at=instant(record["recorded_at"]),
        lost=Head(record["journal"], sequence, bytes.fromhex(digest)),
    )


def _agreement(
    session: Session, command: AnyCommand, record: RecordBody | None, now: int
) -> Agreement:
    session.flush()
    row = session.writer.account(command.accounts[0])
    found = None if row is None else agreement_of(session.writer, row)
    if found is None:
        msg = f"the agreement of account {command.accounts[0]!r} is missing"
        raise Corrupt(msg)
    return found


def _refusal(session: Session, command: Refuse, record: RecordBody, now: int) -> Refusal:
    return refusal_of(record, command.texts)


def _booklet(session: Session, command: AnyCommand, record: RecordBody, now: int) -> Booklet:
    return new_booklet(record)


def _voided_cheque(
    session: Session, command: AnyCommand, record: RecordBody, now: int
) -> VoidedCheque:
    return void_view(record, command.texts)


def repeated(result: Any) -> Any:
    """Return a result that says of itself that its call recorded nothing.

    A statute, which is what the caller gave, cannot say so.
    """
    return attrs.evolve(result, repeated=True) if hasattr(result, "repeated") else result


#: Make what the caller of a command gets, by the view of its kind; a transfer is the session's.
RESULTS: Final[Mapping[str, Callable[[Any, Any, Any, int], Any]]] = {
    "account": _account,
    "hold": _hold,
    "statute": _statute,
    "delegate": _delegate,
    "erasure": _erasure,
    "restart": _restart,
    "operation": _operation,
    "closing": _closing,
    "loss": _loss,
    "agreement": _agreement,
    "refusal": _refusal,
    "booklet": _booklet,
    "voided_cheque": _voided_cheque,
}
