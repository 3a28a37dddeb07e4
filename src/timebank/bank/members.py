"""Calls that are several commands: a welcome, a run of dues, leaving.

Each works in a session that its caller commits, or throws away with all that was done.
"""

from __future__ import annotations

from datetime import date
from typing import Final

import attrs

from timebank.bank.session import Session
from timebank.errors import (
    AccountNotEmpty,
    AccountNotOpen,
    DuesNotCharged,
    InvalidRequest,
    NothingDue,
    shown,
)
from timebank.hours import Hours
from timebank.model import AccountRow, Closing, RecordRow, Transfer
from timebank.model.members import Assign, Charge, Donate, DueReport, Leaving, WriteOff
from timebank.queries.accounts import posted_on
from timebank.queries.corrections import family
from timebank.queries.dues import History, Planned, due_of, plan
from timebank.queries.holds import unexpired
from timebank.queries.members import delegates_of
from timebank.queries.records import (
    account_row,
    body_of,
    hours_left,
    last_balance,
    name_of,
    record_at,
)
from timebank.queries.statutes import of_version
from timebank.queries.views import read_account, read_transfer
from timebank.rules import accounts, delegates, holds, state, transfers
from timebank.rules.accounts import KEEP
from timebank.rules.closing import CloseBooks
from timebank.rules.dues import MakeDue, due_id
from timebank.statute import WELCOME, Demurrage, Welcome
from timebank.storage.protocol import Reader

#: How many days after the last record dues are charged without saying through which day.
MOST_DAYS_UNSAID: Final = 92
_GIVEN_BACK: Final = "given back on leaving"
_LEFT: Final = "its account is closed"


def _row(session: Session, account: str, *, doing: str | None = None) -> AccountRow:
    """Return the row of an account; with `doing`, of one that does so itself.

    :raises AccountNotFound: no such account.
    :raises AccountNotOpen: it was merged into another, which stands for it.
    """
    session.flush()
    row = account_row(session.writer, account)
    if doing is not None and row.merged_into is not None:
        raise AccountNotOpen(account, status=row.status, doing=doing, merged_into=row.merged_into)
    return row


# -- joining -------------------------------------------------------------------------


def welcome(session: Session, account: str, actor: str | None) -> Transfer:
    """Give an account its welcome credit, unless it has one that was not taken back."""
    row = _row(session, account, doing="have welcome credit")
    welcomes = _welcomes(session.writer, account)
    kept = [one for one in welcomes if hours_left(session.writer, one)]
    if kept:
        return attrs.evolve(read_transfer(session.writer, kept[-1]), repeated=True)
    rule = session.statute.welcome
    if rule is None or row.kind not in rule.kinds or account == rule.fund:
        raise NothingDue(account, of=row.kind, statute=session.statute.version)
    which = str(len(welcomes) + 1)
    due = MakeDue.of(account, rule=rule, by=session.statute, since=session.today(), which=which)
    given = session.execute(due, actor)
    if given is None:
        raise NothingDue(account, of=row.kind, statute=session.statute.version)
    return given


def _welcomes(reader: Reader, account: str) -> list[RecordRow]:
    """The records of the welcome credits of an account and of those merged into it, in order.

    Each has the number that followed those before it, of all the accounts that were one by then.
    """
    accounts = family(reader, account_row(reader, account))
    found: dict[int, RecordRow] = {}
    looked_at = 0
    while looked_at <= len(found):
        looked_at += 1
        for one in accounts:
            if (row := reader.find(due_id(WELCOME, str(looked_at), one))) is not None:
                found[row.sequence] = row
    return [found[sequence] for sequence in sorted(found)]


# -- dues ----------------------------------------------------------------------------


def run_due(
    session: Session, history: History, through: date | None, actor: str | None
) -> DueReport:
    """Charge all that is due through a day.

    :raises InvalidRequest: a day in the future; or none, long after the last record.
    """
    today = session.today()
    last = today if through is None else through
    if last > today:
        msg = f"through {last} is in the future: today is {today}"
        raise InvalidRequest(msg).about(key="day_in_future", day=last, latest=today)
    if through is None and session.known.recorded_on:
        _check_gap(date.fromisoformat(session.known.recorded_on), today)
    session.flush()
    history.read(session.writer)
    found = plan(history, through=last, today=today)
    suspended = {one.account for one in found if history.accounts[one.account].status == "frozen"}
    ready = [one for one in found if one.account not in suspended]
    return DueReport(last, _all_charged(session, ready, actor), tuple(sorted(suspended)))


def _check_gap(recorded_on: date, today: date) -> None:
    """Check that the clock has not run away since the last record.

    :raises InvalidRequest: it stands so far ahead that dues of years may not be due.
    """
    days = (today - recorded_on).days
    if days > MOST_DAYS_UNSAID:
        msg = (
            f"the last record is of {recorded_on}, and the clock of this machine says {today}, "
            f"{days} days later: if that is right, say through={today}; if not, set the clock"
        )
        raise InvalidRequest(msg).about(key="run_due_gap", day=recorded_on, today=today, days=days)


def _all_charged(session: Session, found: list[Planned], actor: str | None) -> tuple[Charge, ...]:
    """Charge what is due; what comes to nothing is left out."""
    names: dict[str, str | None] = {}
    charges = []
    for one in found:
        due = MakeDue.of(
            one.account,
            rule=one.rule,
            by=one.by,
            since=one.since,
            period=one.period,
            times=one.times,
        )
        made = session.execute(due, actor)
        if made is not None:
            charges.append(_charge(session, one, made, names))
    return tuple(charges)


def _charge(session: Session, one: Planned, made: Transfer, names: dict[str, str | None]) -> Charge:
    reader, basis = session.writer, None
    if isinstance(one.rule, Demurrage):
        session.flush()
        own = account_row(reader, one.account)
        basis = Hours.from_seconds(posted_on(reader, own, one.since.isoformat()))
        if made.occurred_on <= one.since:  # it is among what was spent
            basis += made.hours
    if one.account not in names:
        row = reader.account(one.account)
        names[one.account] = None if row is None else name_of(reader, row)
    return Charge(
        account=one.account,
        rule=one.rule.name,
        hours=made.hours,
        fund=one.rule.fund,
        since=one.since,
        period=one.period,
        transfer=made,
        basis=basis,
        name=names[one.account],
    )


# -- closing the books ---------------------------------------------------------------


def close_books(
    session: Session, history: History, command: CloseBooks, actor: str | None
) -> Closing:
    """Close the books through a day, when nothing that is due up to it is left to charge.

    :raises DuesNotCharged: something is. What waits for a frozen account does not count.
    """
    through, closed = command.request.get("through"), session.known.fold.closed_through
    today = session.today()
    if through is not None and through < today.isoformat() and through > (closed or ""):
        last = date.fromisoformat(through)
        session.flush()
        history.read(session.writer)
        owing = [
            one.account
            for one in plan(history, through=last, today=today)
            if history.accounts[one.account].status != "frozen"
            and due_of(session.writer, one).hours
        ]
        if owing:
            raise DuesNotCharged(through=last, accounts=sorted(set(owing)))
    return session.execute(command, actor)


# -- leaving -------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class Departure:
    """A departure: who leaves, why, and what is to become of a credit or a debt."""

    account: str
    reason: str | None
    credit: Donate | Assign | None
    debt: WriteOff | None
    new_id: state.NewId
    history: History


def leave(session: Session, departure: Departure, actor: str | None) -> Leaving:
    """Charge what is due, release what is held, give back, bring to zero, close."""
    account, new_id = departure.account, departure.new_id
    row = _row(session, account, doing="leave")
    if row.status == "closed":
        return Leaving(read_account(session.writer, row), repeated=True)
    if row.status == "frozen":
        session.execute(accounts.Thaw.of(account, reason=None), actor)
    session.flush()
    departure.history.read(session.writer)
    today = session.today()
    charges = _all_charged(
        session, plan(departure.history, through=today, today=today, account=account), actor
    )
    voided = []
    reserving = unexpired(session.writer, account, now=session.now())
    for sequence in sorted({hold.sequence for hold in reserving}):
        held = record_at(session.writer, sequence)
        void = holds.VoidHold.of(held.id, reason=_LEFT, id=new_id())
        voided.append(session.execute(void, actor))
    given_back = [
        session.execute(
            transfers.ReverseTransfer.of(
                welcome.id,
                id=new_id(),
                reason=_GIVEN_BACK,
                hours=None,
                occurred_on=session.today(),
            ),
            actor,
        )
        for welcome in _welcomes(session.writer, account)
        if _is_due_back(session.writer, welcome)
    ]
    ended = _ended(session, row, actor)
    steps = [
        f"{Hours.from_seconds(sum(moved))} {what}"
        for moved, what in (
            ([one.hours.seconds for one in charges], "of dues charged"),
            ([given.hours.seconds for given in given_back], "of welcome credit given back"),
        )
        if moved
    ]
    _let_reach_zero(session, account, actor)
    disposal = _disposed(session, departure, actor, after=" and ".join(steps))
    closed = session.execute(accounts.CloseAccount.of(account, reason=departure.reason), actor)
    return Leaving(
        account=closed,
        charges=charges,
        voided=tuple(voided),
        ended=ended,
        given_back=tuple(given_back),
        disposal=disposal,
    )


def _ended(session: Session, row: AccountRow, actor: str | None) -> tuple[str, ...]:
    """Nobody acts for who has left."""
    session.flush()
    named = tuple(delegates_of(session.writer, row))
    for delegate in named:
        session.execute(delegates.EndDelegate.of(row.account, delegate), actor)
    return named


def _let_reach_zero(session: Session, account: str, actor: str | None) -> None:
    """Limits that zero is not within would keep whoever leaves from leaving."""
    row = _row(session, account)
    floor, ceiling, _ = session.statute.limits_of(row, session.today().isoformat())
    if floor is not None and floor > 0:
        session.execute(accounts.SetLimits.of(account, floor=None, ceiling=KEEP), actor)
    if ceiling is not None and ceiling < 0:
        session.execute(accounts.SetLimits.of(account, floor=KEEP, ceiling=None), actor)


def _is_due_back(reader: Reader, row: RecordRow) -> bool:
    """Return true where a welcome credit goes back, by the statute by which it was given."""
    statute = of_version(reader, body_of(row)["request"]["by"])
    rule = None if statute is None else statute.welcome
    return isinstance(rule, Welcome) and rule.due_back and hours_left(reader, row) > 0


def _disposed(
    session: Session, departure: Departure, actor: str | None, *, after: str
) -> Transfer | None:
    """Bring the balance to zero.

    :raises AccountNotEmpty: nothing was said of what is to become of it.
    """
    account, credit, debt = departure.account, departure.credit, departure.debt
    session.flush()
    balance = Hours.from_seconds(last_balance(session.writer, account))
    if not balance:
        return None
    if balance.seconds > 0 and credit is not None:
        if isinstance(credit, Donate):
            _check_fund(session, credit.to)
        kind = "donation" if isinstance(credit, Donate) else "assignment"
        sides = {"earner": credit.to, "spender": account}
    elif balance.seconds < 0 and debt is not None:
        kind, sides = "write-off", {"earner": account, "spender": debt.on}
    else:
        remedy = (
            "donate it to a fund, or assign it to a member who consents"
            if balance.seconds > 0
            else f"first earn {-balance}, or have it written off"
        )
        raise AccountNotEmpty(account, balance=balance, after=after, remedy=remedy)
    transfer = transfers.MakeTransfer.of(
        id=departure.new_id(), hours=abs(balance), kind=kind, **sides
    )
    return session.execute(transfer, actor)


def _check_fund(session: Session, id: str) -> None:
    kind = _row(session, id).kind
    if kind != "fund":
        msg = f"{shown(id)} is a {kind}, not a fund: assign it, with their consent"
        raise InvalidRequest(msg).about(key="not_a_fund", account=id, kind=kind)
