"""A call becomes a command: what was asked, checked and normalised, with no state.

`request` is what a record keeps and what a repeated call is compared with; personal
text stands apart in `texts`, for a record only has its commitment. `accounts` are
those that `decide` has to see.
"""

from __future__ import annotations

from timebank.commands.accounts import (
    KEEP,
    ChangeStatus,
    CloseAccount,
    Freeze,
    OpenAccount,
    Rename,
    Reopen,
    SetLimits,
    Thaw,
)
from timebank.commands.base import Command, NewId, actor
from timebank.commands.delegates import EndDelegate, NameDelegate
from timebank.commands.dues import MakeDue, due_id
from timebank.commands.erasures import Erase
from timebank.commands.holds import MakeHold, SettleHold, VoidHold
from timebank.commands.statutes import Adopt
from timebank.commands.transfers import Exchange, MakeTransfer, ReverseTransfer

__all__ = [
    "KEEP",
    "Adopt",
    "ChangeStatus",
    "CloseAccount",
    "Command",
    "EndDelegate",
    "Erase",
    "Exchange",
    "Freeze",
    "MakeDue",
    "MakeHold",
    "MakeTransfer",
    "NameDelegate",
    "NewId",
    "OpenAccount",
    "Rename",
    "Reopen",
    "ReverseTransfer",
    "SetLimits",
    "SettleHold",
    "Thaw",
    "VoidHold",
    "actor",
    "due_id",
]
