"""What a judge must see beside the accounts of a command, by its kind.

Each function looks it up in the session's writer and puts it into the state. Nothing else changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from timebank.errors import Corrupt
from timebank.journal.kinds import MOVES_HOURS, ReverseRequest
from timebank.model import Transfer
from timebank.model.agreements import shared_id
from timebank.queries.accounts import opened_on, posted_on
from timebank.queries.agreements import agreement_of, moved_back
from timebank.queries.cheques import issued_booklet
from timebank.queries.clock import Restarts
from timebank.queries.corrections import (
    days_of_exchange,
    described_now,
    heir,
    note_of,
    was_closed,
)
from timebank.queries.history import has_record, naming
from timebank.queries.holds import expiring
from timebank.queries.members import delegates_of
from timebank.queries.records import (
    body_of,
    name_of,
    record_at,
    resolution_of,
    reversals_of,
)
from timebank.queries.statutes import ever_adopted, of_version
from timebank.queries.views import is_ended, read_account
from timebank.rules import Held, Original, State
from timebank.rules.accounts import ChangeStatus, OpenAccount, Rename
from timebank.rules.amendments import Amend, Described
from timebank.rules.bookings import AcceptReversal
from timebank.rules.cheques import EnterCheque, VoidCheque, number_of
from timebank.rules.clock import RestartClock
from timebank.rules.closing import CloseBooks
from timebank.rules.conclusions import BringIn, SettleOffer, VoidOffer
from timebank.rules.delegates import EndDelegate, NameDelegate
from timebank.rules.dues import MakeDue
from timebank.rules.history import AcceptHistory
from timebank.rules.merging import Merge
from timebank.rules.offers import MakeOffer
from timebank.rules.state import AnyCommand, Command
from timebank.rules.statutes import Adopt
from timebank.statute import Demurrage

if TYPE_CHECKING:
    from timebank.bank.session import Session


def see_opening(session: Session, command: OpenAccount, state: State, now: int) -> None:
    """See the account that is there already."""
    account = session.known.fold.accounts[command.accounts[0]]
    if account is not None:
        session.flush()
        row = record_at(session.writer, account.opened)
        state.earlier = session.earlier(row, read_account(session.writer, account))


def see_name(session: Session, command: Rename, state: State, now: int) -> None:
    """See the name that it has."""
    row = session.known.fold.accounts[command.accounts[0]]
    if row is not None:
        session.flush()
        state.name = name_of(session.writer, row)


def see_delegates(
    session: Session, command: NameDelegate | EndDelegate, state: State, now: int
) -> None:
    """See who acts for the account."""
    row = session.known.fold.accounts[command.account]
    if row is not None:
        session.flush()
        state.delegates = delegates_of(session.writer, row)


def see_version(session: Session, command: Adopt, state: State, now: int) -> None:
    """See the statute that has the version."""
    session.flush()
    state.known = of_version(session.writer, command.statute.version)


def see_basis(session: Session, command: MakeDue, state: State, now: int) -> None:
    """See what a share is taken of."""
    row = session.known.fold.accounts[command.account]
    if isinstance(command.rule, Demurrage) and row is not None:
        session.flush()
        state.basis = posted_on(session.writer, row, command.request["since"])


def see_original(
    session: Session, command: Command[ReverseRequest, Transfer], state: State, now: int
) -> None:
    """See the transfer that is reversed, and what was moved back of it."""
    session.flush()
    row = session.writer.find(command.request["transfer"])
    if row is None or row.kind not in MOVES_HOURS:
        return
    effects = body_of(row)["effects"]
    earlier = tuple(
        body_of(reversal)["effects"] for reversal in reversals_of(session.writer, row.sequence)
    )
    accounts = dict.fromkeys(
        account for one in (effects, *earlier) for account, _ in one["postings"]
    )
    session.load(tuple(accounts))
    known = session.known.fold.accounts
    heirs = {
        id: heir(session.writer, id)
        for id in accounts
        if (one := known[id]) is not None and one.merged_into is not None
    }
    session.load(tuple(heirs.values()))
    state.original = Original(
        sequence=row.sequence,
        kind=row.kind,
        effects=effects,
        reversed=earlier,
        heirs=heirs,
    )


def see_hold(session: Session, command: AnyCommand, state: State, now: int) -> None:
    """See the hold that is resolved."""
    session.flush()
    row = session.writer.find(command.earlier_id or "")
    if row is None or row.kind != "hold":
        return
    record = body_of(row)
    effects, request = record["effects"], record["request"]
    session.load([account for account, _, _ in effects["reserves"]])
    if "via" in request:  # for who was merged since stands who they became
        request = request | {"via": heir(session.writer, request["via"])}
        session.load((request["via"],))
    resolved = None
    if (resolving := resolution_of(session.writer, row.sequence)) is not None:
        resolved = (resolving.kind, body_of(resolving)["request"]["id"])
    statute = of_version(session.writer, effects["statute"])
    if statute is None:
        msg = f"record {row.sequence} names a statute that was never adopted"
        raise Corrupt(msg)
    if statute.fee is not None:
        session.load((statute.fee.fund,))
    ended = resolved is None and is_ended(session.writer, record)
    state.held = Held(row.sequence, request, effects, statute, resolved, ended)


def see_clock(session: Session, command: RestartClock, state: State, now: int) -> None:
    """See the last record, and which holds would be open again at an earlier instant."""
    session.flush()
    state.last_at, state.last_on = session.known.recorded_at, session.known.recorded_on
    state.ends = sorted({row.sequence for row in expiring(session.writer, now=now)})


def see_described(session: Session, command: Amend, state: State, now: int) -> None:
    """See what describes the operation that is amended, and the days of its exchange."""
    session.flush()
    reader = session.writer
    row = reader.find(command.earlier_id)
    if row is None:
        return
    describing = row
    if row.kind == "settle":
        describing = record_at(reader, body_of(row)["effects"]["resolves"])
    found = described_now(reader, describing.sequence, body_of(describing)["request"])
    state.described = Described(
        kind=row.kind,
        sequence=describing.sequence,
        values=found.request,
        noted=found.noted,
        note=note_of(reader, found.noted),
        days=days_of_exchange(reader, describing) if row.kind in _DESCRIBED else (),
        next_sequence=session.known.sequence + 1,
    )


def see_closings(session: Session, command: CloseBooks, state: State, now: int) -> None:
    """See whether there is anything to open."""
    session.flush()
    state.was_closed = was_closed(session.writer)


def see_merge(session: Session, command: Merge, state: State, now: int) -> None:
    """See the funds of every statute that was adopted, and when the account joined that stays."""
    session.flush()
    reader = session.writer
    state.funds = {
        fund: statute.version for statute in ever_adopted(reader) for fund in statute.funds
    }
    row = session.known.fold.accounts[command.request["into"]]
    if row is not None:
        state.joined = row.joined_on or opened_on(reader, row, Restarts.read(reader))


def see_agreement(session: Session, command: Any, state: State, now: int) -> None:
    """See what was agreed with the other bank, and load the fund of a fee."""
    session.load((command.agreed,))
    _see_agreement_of(session, command.agreed, state)
    if session.statute.fee is not None:
        session.load((session.statute.fee.fund,))


def see_reopening(session: Session, command: ChangeStatus, state: State, now: int) -> None:
    """See whether the account was that of an agreement, which ended."""
    _see_agreement_of(session, command.accounts[0], state)


def _see_agreement_of(session: Session, account: str, state: State) -> None:
    row = session.known.fold.accounts[account]
    if row is not None and row.kind == "clearing":
        session.flush()
        state.agreement = agreement_of(session.writer, row)


def see_offer(session: Session, command: MakeOffer, state: State, now: int) -> None:
    """See the agreement, and the exchange that an offer moves back."""
    see_agreement(session, command, state, now)
    named = command.offer.get("reverses")
    if named is None:
        return
    session.flush()
    row = session.writer.find(shared_id(command.offer["to"], named))
    if row is None or row.kind != "transfer":
        return
    effects = body_of(row)["effects"]
    reversed_by = tuple(moved_back(session.writer, row.sequence))
    heirs = {id: heir(session.writer, id) for id, _ in effects["postings"]}
    state.original = Original(
        sequence=row.sequence,
        kind=row.kind,
        effects=effects,
        reversed=reversed_by,
        heirs=heirs,
    )


def see_reversed(session: Session, command: AcceptReversal, state: State, now: int) -> None:
    """See the agreement, and the transfer that the other bank moves back."""
    see_agreement(session, command, state, now)
    see_original(session, command, state, now)


def see_offered(
    session: Session, command: SettleOffer | VoidOffer | BringIn, state: State, now: int
) -> None:
    """See the agreement, and the offer that is answered."""
    see_agreement(session, command, state, now)
    if command.earlier_id is not None:
        see_hold(session, command, state, now)


def see_loss(session: Session, command: AcceptHistory, state: State, now: int) -> None:
    """See whether the head that is named is missing, or which one this process misses."""
    session.flush()
    reader, asked = session.writer, command.request.get("lost")
    if asked is None:
        if session.lost is not None:
            state.lost = (session.lost.sequence, session.lost.digest.hex())
        return
    sequence, digest = asked
    state.is_of_another_bank = command.journal != session.known.journal
    if not has_record(reader, sequence, bytes.fromhex(digest)):
        state.lost = (sequence, digest)
        state.declared = naming(reader, sequence, digest) is not None


def see_booklet(
    session: Session, command: EnterCheque | VoidCheque, state: State, now: int
) -> None:
    """See the booklet that a cheque is of, and load the fund of a fee."""
    session.flush()
    state.booklet = issued_booklet(session.writer, number_of(command).booklet)
    if session.statute.fee is not None:
        session.load((session.statute.fee.fund,))


_DESCRIBED: Final = frozenset({"transfer", "hold", "settle"})
#: Look up what a command must see beside its accounts, by its kind.
LOOK_UPS: Final[Mapping[str, Callable[[Session, Any, State, int], None]]] = {
    "open_account": see_opening,
    "rename": see_name,
    "name_delegate": see_delegates,
    "end_delegate": see_delegates,
    "adopt": see_version,
    "due": see_basis,
    "reverse": see_original,
    "settle": see_hold,
    "void": see_hold,
    "restart_clock": see_clock,
    "amend": see_described,
    "close_books": see_closings,
    "merge": see_merge,
    "history_lost": see_loss,
    "reopen": see_reopening,
    "agree": see_agreement,
    "suspend_agreement": see_agreement,
    "end_agreement": see_agreement,
    "readmit": see_agreement,
    "refuse": see_agreement,
    "offer": see_offer,
    "accept_offer": see_agreement,
    "accept_reversal": see_reversed,
    "settle_offer": see_offered,
    "void_offer": see_offered,
    "bring_in": see_offered,
    "write_off": see_agreement,
    "enter_cheque": see_booklet,
    "void_cheque": see_booklet,
}
