"""Opening an account: one record, or two where welcome credit comes with it."""

from __future__ import annotations

from collections import ChainMap
from datetime import date
from typing import TYPE_CHECKING, TypeGuard

import attrs

from timebank.errors import AccountNotFound
from timebank.journal.fold import Derived, Fold
from timebank.queries.statutes import adopted_on
from timebank.rules import Draft, State, decide
from timebank.rules.accounts import OpenAccount
from timebank.rules.dues import MakeDue
from timebank.rules.roles import check_roles, fund_of
from timebank.statute import Welcome

if TYPE_CHECKING:
    from timebank.bank.session import Session, Step


def opening_steps(  # noqa: PLR0917  # those of the call
    session: Session, command: OpenAccount, draft: Draft, actor: str | None, before: State, now: int
) -> tuple[Step, ...]:
    """Return the records of an opening: the account, and its welcome where there is one.

    The second is judged on what the first will come to, and nothing is kept before.
    """
    known, today = session.known, before.today
    welcome = _welcome_command(session, command, today) if command.welcome else None
    first = session.step(command, draft, actor, today, now)
    if welcome is None:
        return (first,)
    fold = _after(known.fold, first.derived)
    state = State(
        known.statute,
        fold.accounts,
        fold.balances,
        fold.holds,
        today=today,
        closed_through=fold.closed_through,
    )
    if welcome.id is not None:
        state.earlier = session.earlier_operation(welcome.id, now)
    second = decide(state, welcome, now)
    if second is None:
        return (first,)
    then = attrs.evolve(known, sequence=first.row.sequence, digest=first.row.digest, fold=fold)
    return (first, session.step(welcome, second, actor, today, now, known=then))


def _welcome_command(session: Session, command: OpenAccount, today: str) -> MakeDue | None:
    """Return the command by which the statute of the day of joining gives its credit.

    :raises AccountNotFound: there is no such fund.
    :raises AccountNotOpen: the fund is not open: there is then no account either.
    """
    joined = min(command.request.get("joined_on", today), today)
    by = session.statute
    if joined != today:
        session.flush()
        by = adopted_on(session.writer, joined)
    rule, account = by.welcome, command.accounts[0]
    if not _gives_on_joining(rule, command.request["kind"]) or rule.fund == account:
        return None
    session.load((rule.fund,))
    fund = session.known.fold.accounts[rule.fund]
    if fund is None:
        raise AccountNotFound(rule.fund)
    check_roles({rule.fund: fund}, [(fund_of(rule.name), rule.fund)])
    day = date.fromisoformat(joined)
    return MakeDue.of(account, rule=rule, by=by, since=day, which="1")


def _gives_on_joining(rule: Welcome | None, kind: str) -> TypeGuard[Welcome]:
    """Return true where a rule gives its credit to such an account when it is opened."""
    return rule is not None and rule.given == "on joining" and kind in rule.kinds


def _after(fold: Fold, derived: Derived) -> Fold:
    """Return where the accounts stand after the rows of one more record; `fold` stays as it is."""
    over = Fold(
        ChainMap({}, fold.accounts),
        ChainMap({}, fold.balances),
        ChainMap({}, fold.holds),
        ChainMap({}, fold.lines),
        fold.closed_through,
    )
    over.take(derived)
    return over
