"""Destroying personal texts."""

from __future__ import annotations

from typing import NamedTuple

import attrs

from timebank import checks
from timebank.journal.kinds import EraseEffects, EraseRequest
from timebank.rules.state import Command, Draft, State, reason_of


class Written(NamedTuple):
    """A text beside a record: its sequence, its field, and the commitment that the record has."""

    sequence: int
    field: str
    commitment: str


@attrs.frozen
class Erase(Command[EraseRequest, int]):
    """Destroy the texts of an account, or of one record, as far as they are `written`."""

    kind = "erase"
    written: tuple[Written, ...] = ()

    @classmethod
    def of(
        cls,
        *,
        account: str | None,
        record: int | None,
        reason: object,
        written: tuple[Written, ...] = (),
    ) -> Erase:
        """Make it from the arguments of the call, and what was found.

        :raises InvalidRequest: no reason, or one that cannot be.
        """
        texts = reason_of(reason, "an erasure needs a reason, which is kept: name nobody in it")
        request: EraseRequest = {}
        if account is not None:
            request["account"] = checks.identifier(account, "account id")
        if record is not None:
            request["record"] = record
        accounts = () if account is None else (request["account"],)
        return cls(request, texts, accounts, written=written)


def erase(state: State, command: Erase, now: int) -> Draft:
    """Return the texts to destroy, and the commitments left without a text: at least one.

    :raises AccountNotFound: no such account.
    :raises AccountNotOpen: it was merged into another, whose erasure covers it.
    """
    for account in command.accounts:
        state.account_itself(account, doing="have its texts erased by itself")
    effects: EraseEffects = {
        "erased": sorted({text.commitment for text in command.written}),
        "texts": sorted([text.sequence, text.field] for text in command.written),
    }
    return Draft(effects)
