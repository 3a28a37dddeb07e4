"""Opening accounts, and changing their limits, names and status."""

from __future__ import annotations

from typing import Final, Self

import attrs

from timebank import checks
from timebank.errors import (
    AccountNotEmpty,
    AccountNotOpen,
    FundInUse,
    InvalidRequest,
    NotAgreed,
    shown,
)
from timebank.journal.kinds import (
    AccountChanges,
    AccountEffects,
    AmendAccountEffects,
    AmendAccountRequest,
    OnAccount,
    OpenAccountRequest,
    SetLimitsRequest,
)
from timebank.model import ACCOUNT_KINDS, Account, AccountRow
from timebank.model.agreements import AGREED, PEER_PREFIX
from timebank.rules.state import Command, Draft, State, hours, reason_of, texts_of
from timebank.statute import days_later

#: Stands for "leave this limit as it is" in `set_limits`.
KEEP: Final = object()
#: The kinds of account that may become one another: those of people.
OWN_KINDS: Final = ("member", "group", "organisation")


# -- commands ------------------------------------------------------------------------


@attrs.frozen
class OpenAccount(Command[OpenAccountRequest, Account]):
    """Open an account; repeated alike, it is the same account."""

    kind = "open_account"
    welcome: bool = attrs.field(default=True, kw_only=True)

    @classmethod
    def of(
        cls,
        id: object,
        *,
        kind: object,
        name: object,
        joined_on: object,
        floor: object,
        ceiling: object,
        welcome: object = True,
    ) -> OpenAccount:
        """Make it from the arguments of the call; `welcome` is no part of what is recorded."""
        account = checks.identifier(id, "account id")
        request: OpenAccountRequest = {
            "account": account,
            "kind": checks.one_of(kind, ACCOUNT_KINDS, "kind"),
        }
        if account.startswith(PEER_PREFIX) and kind != "clearing":
            msg = f"accounts that begin with {PEER_PREFIX} are clearing accounts of other banks"
            raise InvalidRequest(msg).about(key="id_reserved", prefix=PEER_PREFIX, id=account)
        if (joined := checks.day(joined_on, "joined_on")) is not None:
            request["joined_on"] = joined
        if (limit := checks.limit(floor, "floor")) != "inherit":
            request["floor"] = limit
        if (limit := checks.limit(ceiling, "ceiling")) != "inherit":
            request["ceiling"] = limit
        given = checks.boolean(welcome, "welcome")
        return cls(request, texts_of(name=name), (account,), welcome=given)


@attrs.frozen
class SetLimits(Command[SetLimitsRequest, Account]):
    """Change the floor, the ceiling or both."""

    kind = "set_limits"

    @classmethod
    def of(cls, id: object, *, floor: object, ceiling: object) -> SetLimits:
        """Make it from the arguments of the call."""
        account = checks.identifier(id, "account id")
        request: SetLimitsRequest = {"account": account}
        if floor is not KEEP:
            request["floor"] = checks.limit(floor, "floor")
        if ceiling is not KEEP:
            request["ceiling"] = checks.limit(ceiling, "ceiling")
        if len(request) == 1:
            msg = "set_limits needs a floor, a ceiling or both"
            raise InvalidRequest(msg).about(key="limits_missing")
        return cls(request=request, texts={}, accounts=(account,))


@attrs.frozen
class Rename(Command[OnAccount, Account]):
    """Give an account another name, or none."""

    kind = "rename"

    @classmethod
    def of(cls, id: object, *, name: object) -> Rename:
        """Make it from the arguments of the call."""
        account = checks.identifier(id, "account id")
        return cls(request={"account": account}, texts=texts_of(name=name), accounts=(account,))


@attrs.frozen
class ChangeStatus(Command[OnAccount, Account]):
    """Freeze, thaw, close or reopen an account."""

    @classmethod
    def of(cls, id: object, *, reason: object) -> Self:
        """Make it from the arguments of the call."""
        account = checks.identifier(id, "account id")
        return cls(request={"account": account}, texts=texts_of(reason=reason), accounts=(account,))


@attrs.frozen
class Freeze(ChangeStatus):
    """From open to frozen."""

    kind = "freeze"


@attrs.frozen
class Thaw(ChangeStatus):
    """From frozen to open."""

    kind = "thaw"


@attrs.frozen
class CloseAccount(ChangeStatus):
    """From open or frozen to closed, at zero."""

    kind = "close_account"


@attrs.frozen
class Reopen(ChangeStatus):
    """From closed to open."""

    kind = "reopen"


@attrs.frozen
class AmendAccount(Command[AmendAccountRequest, Account]):
    """Put right the day of joining, the kind, or both."""

    kind = "amend_account"

    @classmethod
    def of(cls, id: object, *, reason: object, joined_on: object, kind: object) -> AmendAccount:
        """Make it from the arguments of the call; what is `KEEP` stays as it is.

        :raises InvalidRequest: a value that cannot be, no reason, or nothing to amend.
        """
        account = checks.identifier(id, "account id")
        request: AmendAccountRequest = {"account": account}
        if joined_on is not KEEP:
            day = checks.day(joined_on, "joined_on")
            if day is None:
                request["takes_away"] = ["joined_on"]
            else:
                request["joined_on"] = day
        if kind is not KEEP:
            request["kind"] = checks.one_of(kind, OWN_KINDS, "kind")
        if len(request) == 1:
            msg = "nothing to amend: name joined_on, kind or both"
            raise InvalidRequest(msg).about(key="nothing_to_amend")
        texts = reason_of(reason, "an amendment needs a reason, for whoever reads it later")
        return cls(request, texts, (account,))


# -- their judges ----------------------------------------------------------------------

#: How far ahead a member may join.
DAYS_TO_JOIN: Final = 366


def _sets(account: str, sets: AccountChanges) -> Draft:
    return Draft(AccountEffects(account=account, sets=sets))


def open_account(state: State, command: OpenAccount, now: int) -> Draft:
    """Open an account; that it is not open yet was looked at before."""
    request = command.request
    _check_joining(state, request.get("joined_on"))
    floor, ceiling = request.get("floor", "inherit"), request.get("ceiling", "inherit")
    sets: AccountChanges = {
        "kind": request["kind"],
        "status": "open",
        "joined_on": request.get("joined_on"),
        "floor": floor,
        "ceiling": ceiling,
        "named": "name" in command.texts,
    }
    account, joined_on = request["account"], request.get("joined_on")
    row = AccountRow(account, request["kind"], "open", joined_on, floor, ceiling, 0, None)
    _check_order(state, row)
    return _sets(account, sets)


def _check_joining(state: State, day: str | None) -> None:
    latest = days_later(state.today, DAYS_TO_JOIN)
    if day is not None and day > latest:
        msg = f"joined_on {day} is too far ahead: the latest is {latest}"
        raise InvalidRequest(msg).about(key="day_in_future", day=day, latest=latest)


def amend(state: State, command: AmendAccount, now: int) -> Draft | None:
    """Say what is and what was; nothing, where it is so already.

    :raises InvalidRequest: a day too far ahead, or a fund, which is nobody's own.
    :raises AccountNotFound: no such account.
    :raises AccountNotOpen: it was merged into another.
    :raises FundInUse: a fund of the statute in force would become somebody's own.
    """
    request = command.request
    _check_joining(state, request.get("joined_on"))
    row = state.account_itself(command.accounts[0], doing="be amended")
    sets: AccountChanges = {}
    was: AccountChanges = {}
    if "joined_on" in request or "takes_away" in request:
        sets["joined_on"], was["joined_on"] = request.get("joined_on"), row.joined_on
    if "kind" in request:
        sets["kind"], was["kind"] = request["kind"], row.kind
    if sets == was:
        return None
    if sets.get("kind", row.kind) != row.kind:
        if row.kind not in OWN_KINDS:
            msg = f"{shown(row.account)} is a {row.kind}: that kind is never another"
            raise InvalidRequest(msg).about(key="kind_kept", account=row.account, kind=row.kind)
        if sets["kind"] in {"member", "group"} and row.account in state.statute.funds:
            raise FundInUse(row.account, statute=state.statute.version)
    effects: AmendAccountEffects = {"account": row.account, "sets": sets, "was": was}
    return Draft(effects)


def set_limits(state: State, command: SetLimits, now: int) -> Draft | None:
    """Change the limits of an account that is not closed, nor another bank's.

    :raises AccountNotFound: no such account.
    :raises AccountNotOpen: it is closed, or has an agreement, which sets them.
    """
    doing = "have its limits set"
    row = state.account_itself(command.accounts[0], doing=doing)
    if row.status in {"closed", AGREED}:
        raise AccountNotOpen(row.account, status=row.status, doing=doing)
    floor = command.request.get("floor", row.floor)
    ceiling = command.request.get("ceiling", row.ceiling)
    if (floor, ceiling) == (row.floor, row.ceiling):
        return None
    _check_order(state, row._replace(floor=floor, ceiling=ceiling))
    return _sets(row.account, {"floor": floor, "ceiling": ceiling})


def _check_order(state: State, row: AccountRow) -> None:
    floor, ceiling, _ = state.statute.limits_of(row, state.today)
    if floor is not None and ceiling is not None and floor > ceiling:
        msg = f"the floor {hours(floor)} is above the ceiling {hours(ceiling)}"
        raise InvalidRequest(msg).about(
            key="limits_turned", floor=hours(floor), ceiling=hours(ceiling)
        )


def rename(state: State, command: Rename, now: int) -> Draft | None:
    """Give another name, or none; nothing, where it is so already."""
    row = state.account_itself(command.accounts[0], doing="be renamed")
    name = command.texts.get("name")
    if name == state.name and (name is None) == (row.named is None):
        return None
    return _sets(row.account, {"named": name is not None})


#: Command → (statuses it leaves, status it leads to, words for a refusal).
_STATUS_CHANGES: Final = {
    "freeze": (("open",), "frozen", "be frozen"),
    "thaw": (("frozen",), "open", "be thawed"),
    "close_account": (("open", "frozen"), "closed", "be closed"),
    "reopen": (("closed",), "open", "be reopened"),
}


def change_status(state: State, command: ChangeStatus, now: int) -> Draft | None:
    """Freeze, thaw, close or reopen; nothing, where it is so already.

    The account of an agreement that ended is opened by another agreement alone.
    """
    leaves, status, doing = _STATUS_CHANGES[command.kind]
    row = state.account_itself(command.accounts[0], doing=doing)
    if row.status == status:
        return None
    if row.status not in leaves:
        raise AccountNotOpen(row.account, status=row.status, doing=doing)
    if state.agreement is not None:  # only another agreement opens its account again
        raise NotAgreed(state.agreement.peer, status="ended")
    if status == "closed":
        if row.account in state.statute.funds:
            raise FundInUse(row.account, statute=state.statute.version)
        _check_empty(state, row, now)
    return _sets(row.account, {"status": status})


def _check_empty(state: State, row: AccountRow, now: int) -> None:
    posted = state.balances[row.account][1]
    held, incoming = state.reserved(row.account, now)
    if posted or held or incoming:
        raise AccountNotEmpty(
            row.account, balance=hours(posted), held=hours(held), incoming=hours(incoming)
        )
