"""Destroying personal texts."""

from __future__ import annotations

from timebank.commands.erasures import Erase
from timebank.decide.state import Draft, State


def erase(state: State, command: Erase, now: int) -> Draft:
    """Say which texts go, and which commitments have none from now on: one at least.

    :raises AccountNotFound: no such account.
    """
    for account in command.accounts:
        state.account(account)
    effects = {
        "erased": sorted({text.commitment for text in command.written}),
        "texts": sorted([text.sequence, text.field] for text in command.written),
    }
    return Draft(effects)
