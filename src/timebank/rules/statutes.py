"""Adopting a statute."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from timebank.errors import (
    AccountNotFound,
    AccountNotOpen,
    IdempotencyMismatch,
    InvalidStatute,
    WrongType,
    shown,
)
from timebank.journal.kinds import AdoptEffects, AdoptRequest
from timebank.model import AccountRow
from timebank.model.agreements import AGREED
from timebank.rules.roles import FEE_FUND, fund_of
from timebank.rules.state import Command, Draft, State
from timebank.statute import RESERVED, Statute
from timebank.statute.codec import as_record, from_record


@attrs.frozen
class Adopt(Command[AdoptRequest, Statute]):
    """Put a statute in force."""

    kind = "adopt"
    statute: Statute = attrs.field(kw_only=True)

    @classmethod
    def of(cls, statute: object) -> Adopt:
        """Make it from the argument of the call."""
        if not isinstance(statute, Statute):
            msg = f"adopt takes a Statute (of a file: Statute.from_json), not {shown(statute)}"
            raise WrongType(msg)
        record = as_record(statute)
        if from_record(record) != statute:  # it could not be undone: so look before
            msg = f"statute {shown(statute.version)} would not be read back as it is written"
            raise InvalidStatute(msg)
        return cls(AdoptRequest(statute=record), {}, statute.funds, statute=statute)


def adopt(state: State, command: Adopt, now: int) -> Draft | None:
    """Put a statute in force from this record on; nothing, where it is in force already.

    An earlier one may be adopted again. A version means the same rules for ever.

    :raises InvalidStatute: a version of the library's own that is not.
    :raises IdempotencyMismatch: the version was adopted before, with other rules.
    :raises AccountNotFound: a fund that its rules name is no account.
    :raises InvalidStatute: a fund that its rules name is somebody's own account.
    :raises AccountNotOpen: a fund that its rules name is closed, or that of an agreement with
        another bank.
    """
    statute = command.statute
    if statute == state.statute:
        return None
    known = state.known
    if known is None and statute.version.startswith(RESERVED):
        msg = f"versions that begin with {RESERVED} are the library's own: {shown(statute.version)}"
        raise InvalidStatute(msg).about(key="statute_reserved", version=statute.version)
    if known is not None and known != statute:
        differs = _difference(known, statute)
        msg = (
            f"version {shown(statute.version)} was adopted before with other rules ({differs}): "
            "a version means the same for ever, so give these rules another one"
        )
        raise IdempotencyMismatch(statute.version, original=known, differs=differs, message=msg)
    for fund in _funds(state, statute):
        if fund.status in {"closed", AGREED}:
            role = _role(statute, fund.account)
            raise AccountNotOpen(
                fund.account,
                status=fund.status,
                doing=f"be the {role}",
                role=role,
                merged_into=fund.merged_into,
            )
    return Draft(AdoptEffects(adopts=statute.version))


def _funds(state: State, statute: Statute) -> Iterator[AccountRow]:
    for id in statute.funds:
        try:
            row = state.account(id)
        except AccountNotFound as missing:
            missing.add_context(after=", though the statute names it: open it first, as a fund")
            raise
        if row.kind in {"member", "group"}:
            msg = f"{shown(id)} is a {row.kind}, and no fund: open one with kind 'fund'"
            raise InvalidStatute(msg)
        yield row


def _role(statute: Statute, fund: str) -> str:
    """Return of which of its rules an account is the fund; of several, of the first."""
    if statute.fee is not None and statute.fee.fund == fund:
        return FEE_FUND
    rules = (statute.welcome, *statute.dues, statute.demurrage)
    return fund_of(next(rule.name for rule in rules if rule is not None and rule.fund == fund))


def _difference(known: Statute, statute: Statute) -> str:
    before, after = as_record(known), as_record(statute)
    names = sorted(
        name for name in before.keys() | after.keys() if before.get(name) != after.get(name)
    )
    return f"it differs in {', '.join(names)}"
