"""Agreeing with another bank, suspending that, ending it, and readmitting who lost history."""

from __future__ import annotations

from typing import Any, Final

import attrs

from timebank import checks
from timebank.errors import (
    AccountNotEmpty,
    AccountNotOpen,
    FundInUse,
    InvalidHours,
    InvalidRequest,
    NotAgreed,
    shown,
)
from timebank.journal.kinds import (
    AccountChanges,
    AgreementEffects,
    AgreeRequest,
    OnAccount,
    PeerEffects,
    ReadmitRequest,
)
from timebank.model import AccountRow
from timebank.model.agreements import AGREED, Agreement, SeenHead, account_of
from timebank.rules.state import Asked, Command, Draft, State, hours, reason_of, texts_of

# -- commands ------------------------------------------------------------------------


@attrs.frozen
class _OnAgreement(Command[Asked, Agreement]):
    #: The journal of the other bank.
    peer: str = attrs.field(default="", kw_only=True)

    @property
    def agreed(self) -> str:
        """Return the account of the agreement."""
        return self.accounts[0]


def _account(peer: object) -> tuple[str, str]:
    """Return a journal's id, checked, and the account that an agreement with its bank has."""
    journal = checks.identifier(peer, "peer")
    return journal, account_of(journal)


def _owed(value: object, what: str) -> int | None:
    """Return how much may be owed, in seconds; `None` is unlimited.

    :raises InvalidHours: less than nothing.
    """
    limit = checks.limit(value, what)
    if limit == "inherit" or (isinstance(limit, int) and limit < 0):
        msg = f"{what} must be 0:00 or more, or None, not {shown(value)}"
        raise InvalidHours(msg).about(key="owed_wrong", given=shown(value))
    return limit


@attrs.frozen
class Agree(_OnAgreement[AgreeRequest]):
    """Agree with another bank, or change what was agreed; it ends a suspension."""

    kind = "agree"

    @classmethod
    def of(
        cls,
        peer: object,
        *,
        they_may_owe: object,
        we_may_owe: object,
        key: str | None,
        theirs: tuple[object, object] | None,
        reason: object,
    ) -> Agree:
        """Make it from the arguments of the call; `key` is the other's public key, as a line."""
        journal, account = _account(peer)
        request: AgreeRequest = {
            "account": account,
            "peer": journal,
            "they_may_owe": _owed(they_may_owe, "they_may_owe"),
            "we_may_owe": _owed(we_may_owe, "we_may_owe"),
        }
        if key is not None:
            request["key"] = checks.personal_text(key, "key") or ""
        if theirs is not None:
            request["theirs"] = [_owed(one, "theirs") for one in theirs]
        return cls(request, texts_of(reason=reason), (account,), peer=journal)


@attrs.frozen
class Suspend(_OnAgreement[OnAccount]):
    """Make and take no new offers; what is under way goes on."""

    kind = "suspend_agreement"

    @classmethod
    def of(cls, peer: object, *, reason: object) -> Suspend:
        """Make it from the arguments of the call."""
        journal, account = _account(peer)
        texts = reason_of(reason, "a suspension needs a reason, for the board that reads it")
        return cls({"account": account}, texts, (account,), peer=journal)


@attrs.frozen
class End(_OnAgreement[OnAccount]):
    """End an agreement at zero."""

    kind = "end_agreement"

    @classmethod
    def of(cls, peer: object, *, reason: object) -> End:
        """Make it from the arguments of the call."""
        journal, account = _account(peer)
        texts = reason_of(reason, "the end of an agreement needs a reason")
        return cls({"account": account}, texts, (account,), peer=journal)


@attrs.frozen
class Readmit(_OnAgreement[ReadmitRequest]):
    """Take the other bank's journal as it stands now, which does not continue what was seen."""

    kind = "readmit"

    @classmethod
    def of(cls, peer: object, *, head: SeenHead, reason: object) -> Readmit:
        """Make it from the arguments of the call."""
        journal, account = _account(peer)
        texts = reason_of(reason, "readmitting a bank needs a reason: what both boards looked into")
        request: ReadmitRequest = {"account": account, "head": head.to_json()}
        return cls(request, texts, (account,), peer=journal)


# -- their judges ----------------------------------------------------------------------


def agree(state: State, command: Agree, now: int) -> Draft | None:
    """Put an account under an agreement, or change its terms; nothing, where it is so already.

    :raises AccountNotFound: the clearing account was not opened.
    :raises InvalidRequest: it is of another kind.
    :raises FundInUse: it is a fund of the statute in force.
    :raises AccountNotOpen: it is frozen.
    :raises AccountNotEmpty: it has hours that no agreement accounts for.
    """
    row = state.account(command.accounts[0])
    if row.kind != "clearing":
        msg = f"{shown(row.account)} is a {row.kind}: an agreement has a clearing account"
        raise InvalidRequest(msg).about(key="agreed_kind", account=row.account, kind=row.kind)
    if row.account in state.statute.funds:
        raise FundInUse(row.account, statute=state.statute.version)
    if row.status == "frozen":
        raise AccountNotOpen(row.account, status=row.status, doing="be under an agreement")
    if row.status != AGREED:
        _check_empty(state, row, now)
    elif _is_so(state.agreement, command.request):
        return None
    they, we = command.request["they_may_owe"], command.request["we_may_owe"]
    sets: AccountChanges = {
        "status": AGREED,
        "floor": None if they is None else -they,
        "ceiling": we,
    }
    return _sets(row, sets)


def _is_so(agreement: Agreement | None, request: AgreeRequest) -> bool:
    if agreement is None or agreement.status != AGREED:
        return False
    theirs = request.get("theirs")
    told = None if theirs is None else tuple(one if one is None else hours(one) for one in theirs)
    return (
        agreement.terms == [request["they_may_owe"], request["we_may_owe"]]
        and agreement.key == request.get("key", agreement.key)
        and told in (None, agreement.theirs)
    )


def _sets(row: AccountRow, sets: AccountChanges) -> Draft:
    effects: AgreementEffects = {"account": row.account, "of": row.opened, "sets": sets}
    return Draft(effects, refers_to=row.opened)


#: What is to be done before an agreement ends.
_BEFORE_THE_END: Final = (
    "exchange the other way until neither owes anything, or write it off (timebank peers "
    "write-off); offers must be answered"
)


def _check_empty(state: State, row: AccountRow, now: int, *, remedy: str | None = None) -> None:
    posted = state.balances[row.account][1]
    held, incoming = state.reserved(row.account, now)
    if posted or held or incoming:
        raise AccountNotEmpty(
            row.account,
            balance=hours(posted),
            held=hours(held),
            incoming=hours(incoming),
            remedy=remedy,
        )


def agreed(state: State, peer: str) -> Agreement:
    """Return the agreement that a call is about, suspended or not.

    :raises NotAgreed: there is none, or it is ended.
    """
    agreement = state.agreement
    if agreement is None or agreement.status == "ended":
        raise NotAgreed(peer, status="none" if agreement is None else "ended")
    return agreement


def suspend(state: State, command: Suspend, now: int) -> Draft | None:
    """Suspend an agreement; nothing, where it is so already.

    :raises NotAgreed: there is none, or it is ended.
    """
    agreement = agreed(state, command.peer)
    if agreement.status == "suspended":
        return None
    return _peer(state, command)


def readmit(state: State, command: Readmit, now: int) -> Draft | None:
    """Take a head that does not continue what was seen; nothing, where it was seen last.

    :raises NotAgreed: there is no agreement, or it is ended.
    """
    agreement = agreed(state, command.peer)
    if agreement.seen is not None and agreement.seen.to_json() == command.request["head"]:
        return None
    return _peer(state, command)


def _peer(state: State, command: Command[Any, Any]) -> Draft:
    row = state.account(command.accounts[0])
    effects: PeerEffects = {"account": row.account, "of": row.opened}
    return Draft(effects, refers_to=row.opened)


def end(state: State, command: End, now: int) -> Draft | None:
    """End an agreement; nothing, where it is so already.

    :raises NotAgreed: there never was one.
    :raises AccountNotEmpty: one of the two banks owes hours, or offers wait for an answer.
    """
    agreement = state.agreement
    if agreement is not None and agreement.status == "ended":
        return None
    agreed(state, command.peer)
    row = state.account(command.accounts[0])
    _check_empty(state, row, now, remedy=_BEFORE_THE_END)
    return _sets(row, {"status": "closed", "floor": "inherit", "ceiling": "inherit"})
