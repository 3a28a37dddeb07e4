"""The rules: `(state, command) → draft of a record`, or a refusal. Pure.

A judge reads no clock, makes no id or salt and does no I/O: all it knows is in its
arguments, so the same call gives the same answer on every store. It returns `None`
where nothing is to be appended: the call repeats an earlier one, or asks for what
is so already.

Errors come in this order, whatever else is wrong with the call:

1. `InvalidRequest` and its kin, for what is wrong in any state of the bank;
2. `IdempotencyMismatch`, the id was used before for another request;
3. `NotAgreed` and `AnsweredTooLate`, of what is between two banks; `BookletNotFound` and
   `ChequeNotFound`, of a cheque; `TransferNotFound` or `HoldNotFound`, then `InvalidRequest` for
   the reversal of a reversal or the amendment of what nobody described, `AlreadyResolved` for a
   hold that is settled, voided or expired, `OfferUnanswered` for one that waits for another bank;
4. `InvalidRequest` for a day of service more than a day ahead, `BooksClosed` for one of closed
   books, `InvalidRequest` for a hold whose end cannot be recorded;
5. `AccountNotFound`: earners, then spenders, each by id, then `via` and the fund of
   the fee;
6. `OverReversed`;
7. `AccountNotOpen`, for each role by itself: earners, then spenders, each by id, then the
   fund of the fee and `via`; of a merge the duplicate, then the account that stays, then
   `InvalidRequest` for two kinds, `FundInUse`, `HoldsOpen`; of an agreement `InvalidRequest` for
   another kind and `FundInUse` before it;
8. of an exchange `RecordedTooLate`, `GranularityRefused`, `ExchangeTooLarge`;
9. `InvalidHours` for a balance too large to be stored;
10. `LimitExceeded`: floors of spenders by id, then ceilings of earners by id;
    `AccountNotEmpty`.

Of a settlement 8 comes before 7, for its hours say whether it goes beyond its hold.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

from timebank.journal.kinds import KINDS, Kind
from timebank.rules import bookings, cheques, conclusions, offers
from timebank.rules.state import JUDGES, AnyCommand, Draft, Earlier, Held, Original, State, decide

__all__ = ["COMMANDS", "JUDGES", "Draft", "Earlier", "Held", "Original", "State", "decide"]


def _beside(kind: Kind, name: str) -> Any:
    """Return what has a name in the module of a kind's command."""
    return getattr(import_module(f"timebank.rules.{kind.command.partition('.')[0]}"), name)


#: The command of each kind of record.
COMMANDS: Final[dict[str, type[AnyCommand]]] = {
    kind.name: _beside(kind, kind.command.partition(".")[2]) for kind in KINDS.values()
}
JUDGES.update({kind.name: _beside(kind, kind.judge) for kind in KINDS.values()})
#: What another bank takes part in is recorded as a hold or a transfer is, and judged by itself.
JUDGES.update(
    offer=offers.offer,
    accept_offer=bookings.accept,
    accept_reversal=bookings.accept_reversal,
    settle_offer=conclusions.settle,
    void_offer=conclusions.void,
    bring_in=conclusions.bring_in,
    write_off=conclusions.write_off,
)
#: A cheque that is entered is recorded as the transfer that it is.
JUDGES.update(enter_cheque=cheques.enter)
