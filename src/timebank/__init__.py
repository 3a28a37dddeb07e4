"""timebank: a double-entry ledger for communities who exchange hours.

>>> import timebank
>>> bank = timebank.open("memory:")
>>> _ = bank.open_account("m1"), bank.open_account("f1", kind="group")
>>> _ = bank.transfer(earner="m1", spender="f1", hours="1:30")
>>> bank.balance("m1").posted
Hours('1:30')
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from timebank.audit import AUDIT_CHECKS, AuditReport, Finding
    from timebank.bank import BankBatch, TimeBank
    from timebank.bank import open_bank as open
    from timebank.bank.joining import join
    from timebank.errors import (
        AccountNotEmpty,
        AccountNotFound,
        AccountNotOpen,
        AlreadyResolved,
        BankNotFound,
        Conflict,
        Corrupt,
        ExchangeTooLarge,
        GranularityRefused,
        HoldNotFound,
        IdempotencyMismatch,
        InvalidHours,
        InvalidRequest,
        InvalidStatute,
        LimitExceeded,
        NotFound,
        OutcomeUnknown,
        OverReversed,
        RecordedTooLate,
        Rejected,
        Retryable,
        StatuteNotFound,
        StoreBusy,
        StoreError,
        TimebankError,
        TransferNotFound,
        UnbalancedTransfer,
        WrongType,
    )
    from timebank.hours import Hours, split
    from timebank.model import (
        INHERIT,
        Account,
        Balance,
        Flag,
        Head,
        Hold,
        Posting,
        Record,
        Transfer,
    )
    from timebank.statements import Statement, StatementLine, TrialBalance, TrialLine
    from timebank.statute import (
        Band,
        Fee,
        Granularity,
        LargestExchange,
        RecordWithin,
        Statute,
    )

__version__ = "0.1.0"

__all__ = [
    "AUDIT_CHECKS",
    "INHERIT",
    "Account",
    "AccountNotEmpty",
    "AccountNotFound",
    "AccountNotOpen",
    "AlreadyResolved",
    "AuditReport",
    "Balance",
    "Band",
    "BankBatch",
    "BankNotFound",
    "Conflict",
    "Corrupt",
    "ExchangeTooLarge",
    "Fee",
    "Finding",
    "Flag",
    "Granularity",
    "GranularityRefused",
    "Head",
    "Hold",
    "HoldNotFound",
    "Hours",
    "IdempotencyMismatch",
    "InvalidHours",
    "InvalidRequest",
    "InvalidStatute",
    "LargestExchange",
    "LimitExceeded",
    "NotFound",
    "OutcomeUnknown",
    "OverReversed",
    "Posting",
    "Record",
    "RecordWithin",
    "RecordedTooLate",
    "Rejected",
    "Retryable",
    "Statement",
    "StatementLine",
    "Statute",
    "StatuteNotFound",
    "StoreBusy",
    "StoreError",
    "TimeBank",
    "TimebankError",
    "Transfer",
    "TransferNotFound",
    "TrialBalance",
    "TrialLine",
    "UnbalancedTransfer",
    "WrongType",
    "join",
    "open",
    "split",
]

#: Where each public name lives; a module is loaded when a name of it is first asked for.
_HOMES = {
    "timebank.audit": {"AUDIT_CHECKS", "AuditReport", "Finding"},
    "timebank.bank": {"BankBatch", "TimeBank", "open"},
    "timebank.bank.joining": {"join"},
    "timebank.hours": {"Hours", "split"},
    "timebank.model": {
        "INHERIT",
        "Account",
        "Balance",
        "Flag",
        "Head",
        "Hold",
        "Posting",
        "Record",
        "Transfer",
    },
    "timebank.statements": {"Statement", "StatementLine", "TrialBalance", "TrialLine"},
    "timebank.statute": {
        "Band",
        "Fee",
        "Granularity",
        "LargestExchange",
        "RecordWithin",
        "Statute",
    },
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        msg = f"module 'timebank' has no attribute {name!r}"
        raise AttributeError(msg)
    home = next((home for home, names in _HOMES.items() if name in names), "timebank.errors")
    value = getattr(import_module(home), "open_bank" if name == "open" else name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
