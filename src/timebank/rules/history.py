"""Accepting that the storage lost the end of the journal: a record that names what is gone."""

from __future__ import annotations

from typing import Any

import attrs

from timebank.errors import InvalidRequest, WrongType, shown
from timebank.journal.kinds import HistoryLostRequest
from timebank.model import DeclaredLoss, Head
from timebank.rules.state import Command, Draft, State, reason_of


@attrs.frozen
class AcceptHistory(Command[HistoryLostRequest, DeclaredLoss]):
    """Go on, though the journal has no more what a call was told to be done."""

    kind = "history_lost"
    #: The journal of the head that is named.
    journal: str | None = None

    @property
    def action(self) -> str:
        """Return the name of the call: the record is named after what it tells."""
        return "accept_history"

    @classmethod
    def of(cls, *, head: object, reason: object) -> AcceptHistory:
        """Make it from the arguments of the call.

        :raises WrongType: `head` is none.
        :raises InvalidRequest: no reason, or one that cannot be; a head of no record.
        """
        what = "accepting a loss needs a reason: what happened, and what was looked into"
        texts = reason_of(reason, what)
        if head is None:
            return cls({}, texts, ())
        if not isinstance(head, Head):
            msg = f"head is a Head, as Head.of(line) reads it, not {shown(head)}"
            raise WrongType(msg)
        if head.sequence < 1 or not head.digest:
            msg = "the head of an empty journal is never lost"
            raise InvalidRequest(msg).about(key="history_not_lost")
        return cls({"lost": named(head)}, texts, (), journal=head.journal)


def named(head: Any) -> list[Any]:
    """Return a head as a record names it.

    >>> from timebank.model import Head
    >>> from timebank.rules.history import named
    >>> named(Head("j1", 2, bytes(2)))
    [2, '0000']
    """
    return [head.sequence, head.digest.hex()]


def accept(state: State, command: AcceptHistory, now: int) -> Draft | None:
    """Declare the loss; nothing, where it was declared of this very head before.

    :raises InvalidRequest: nothing is missing, or the head is of another bank.
    """
    if state.is_of_another_bank:
        msg = (
            "this head is of another bank, or this bank was made anew since: what was lost then is "
            "no part of this journal"
        )
        raise InvalidRequest(msg).about(key="history_of_another")
    if state.lost is None:
        msg = (
            "nothing is missing: the journal has the head that was told, or none was told to this "
            "program, which then has to be given it (head=, or open with heads=)"
        )
        raise InvalidRequest(msg).about(key="history_not_lost")
    if state.declared:
        return None
    return Draft({"lost": [*state.lost]})
