"""Merging a duplicate: one of two accounts of a member becomes the other."""

from __future__ import annotations

import attrs

from timebank import checks
from timebank.errors import AccountNotOpen, FundInUse, HoldsOpen, InvalidRequest, shown
from timebank.journal.kinds import Lines, MergeEffects, MergeRequest
from timebank.model import Account, AccountRow
from timebank.rules.limits import check_moves
from timebank.rules.state import Command, Draft, State, hours, reason_of


@attrs.frozen
class Merge(Command[MergeRequest, Account]):
    """Let an account become another one; the caller gets the one that stays."""

    kind = "merge"

    @classmethod
    def of(cls, account: object, *, into: object, reason: object) -> Merge:
        """Make it from the arguments of the call.

        :raises InvalidRequest: an id that cannot be, twice the same one, or no reason.
        """
        request: MergeRequest = {
            "account": checks.identifier(account, "account id"),
            "into": checks.identifier(into, "into"),
        }
        if request["account"] == request["into"]:
            msg = f"{shown(account)} is merged into another account, not into itself"
            raise InvalidRequest(msg).about(key="merged_into_itself", account=request["account"])
        texts = reason_of(reason, "a merge needs a reason, for whoever reads it later")
        return cls(request, texts, (request["into"], request["account"]))


def merge(state: State, command: Merge, now: int) -> Draft | None:
    """Move a balance, and close the account for good; nothing, where it was merged so already.

    :raises AccountNotFound: one of them is missing.
    :raises AccountNotOpen: the one was merged into another; or the other is not open.
    :raises InvalidRequest: they are of two kinds, or of one that is never merged.
    :raises FundInUse: one of them is a fund of a statute that is or was in force.
    :raises HoldsOpen: open holds reserve hours on it.
    :raises InvalidHours: a balance too large to be stored.
    """
    into, account = (state.account(id) for id in command.accounts)
    if account.merged_into == into.account:
        return None
    for row in (account, into):
        if row.merged_into is not None:
            doing = "be merged again" if row is account else "take over another account"
            raise AccountNotOpen(
                row.account, status=row.status, doing=doing, merged_into=row.merged_into
            )
    if into.status != "open":
        raise AccountNotOpen(into.account, status=into.status, doing="take over another account")
    _check_kinds(state, account, into)
    held, incoming = state.reserved(account.account, now)
    if held or incoming:
        raise HoldsOpen(account.account, held=hours(held), incoming=hours(incoming))
    balance = state.balances[account.account][1]
    changes = {into.account: balance, account.account: -balance}
    lines: Lines = sorted(map(list, changes.items()), key=lambda line: -line[1]) if balance else []
    rows = {row.account: row for row in (account, into)}
    flags = check_moves(state, rows, changes, now=now, beyond="flag")
    effects: MergeEffects = {
        "account": account.account,
        "into": into.account,
        "of": into.opened,
        "occurred_on": state.today,
        "postings": lines,
        "statute": state.statute.version,
    }
    joined = account.joined_on
    if joined is not None and joined < state.joined:
        effects["joined_on"] = joined
    if flags:
        effects["flags"] = flags
    return Draft(effects, refers_to=into.opened)


def _check_kinds(state: State, account: AccountRow, into: AccountRow) -> None:
    if account.kind != into.kind:
        msg = (
            f"{shown(account.account)} is of the kind {account.kind}, {shown(into.account)} of "
            f"{into.kind}: an account is merged into one of its own kind"
        )
        raise InvalidRequest(msg).about(
            key="merged_kinds",
            account=account.account,
            into=into.account,
            kind=account.kind,
            other=into.kind,
        )
    if account.kind == "clearing":
        msg = f"{shown(account.account)} is a clearing account, which is never merged"
        raise InvalidRequest(msg).about(key="merged_clearing", account=account.account)
    for row in (account, into):
        if row.account in state.funds:
            remedy = "it stays one, for what fell due by that statute goes there"
            raise FundInUse(row.account, statute=state.funds[row.account], remedy=remedy)
