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
    from timebank.bank.joining import join, migrate_store
    from timebank.errors import (
        AccountNotEmpty,
        AccountNotFound,
        AccountNotOpen,
        AlreadyResolved,
        AnsweredTooLate,
        BankNotFound,
        BooksClosed,
        ClockBehind,
        Conflict,
        Corrupt,
        DuesNotCharged,
        ExchangeTooLarge,
        FundInUse,
        GranularityRefused,
        HistoryLost,
        HoldNotFound,
        HoldsOpen,
        IdempotencyMismatch,
        InvalidHours,
        InvalidRequest,
        InvalidStatute,
        LimitExceeded,
        NotAgreed,
        NotFound,
        NothingDue,
        NotPermitted,
        OfferUnanswered,
        OtherVersion,
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
        Unavailable,
        UnbalancedTransfer,
        WrongType,
    )
    from timebank.hours import Hours, split
    from timebank.model import (
        INHERIT,
        Account,
        Amendment,
        Balance,
        ClockRestart,
        Closing,
        DeclaredLoss,
        Erasure,
        Flag,
        Head,
        Hold,
        Posting,
        Record,
        Transfer,
    )
    from timebank.model.members import (
        Assign,
        Charge,
        Delegate,
        Donate,
        Due,
        DueReport,
        Event,
        Inactive,
        Leaving,
        WriteOff,
    )
    from timebank.permissions import Ask, Roles
    from timebank.queries.presences import Counted, Presence, Presences
    from timebank.queries.replay import Replay, ReplayLine
    from timebank.queries.statements import Statement, StatementLine, TrialBalance, TrialLine
    from timebank.reports.explaining import explain
    from timebank.statute import (
        Band,
        Demurrage,
        Dues,
        Fee,
        Granularity,
        LargestExchange,
        RecordWithin,
        Statute,
        Welcome,
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
    "Amendment",
    "AnsweredTooLate",
    "Ask",
    "Assign",
    "AuditReport",
    "Balance",
    "Band",
    "BankBatch",
    "BankNotFound",
    "BooksClosed",
    "Charge",
    "ClockBehind",
    "ClockRestart",
    "Closing",
    "Conflict",
    "Corrupt",
    "Counted",
    "DeclaredLoss",
    "Delegate",
    "Demurrage",
    "Donate",
    "Due",
    "DueReport",
    "Dues",
    "DuesNotCharged",
    "Erasure",
    "Event",
    "ExchangeTooLarge",
    "Fee",
    "Finding",
    "Flag",
    "FundInUse",
    "Granularity",
    "GranularityRefused",
    "Head",
    "HistoryLost",
    "Hold",
    "HoldNotFound",
    "HoldsOpen",
    "Hours",
    "IdempotencyMismatch",
    "Inactive",
    "InvalidHours",
    "InvalidRequest",
    "InvalidStatute",
    "LargestExchange",
    "Leaving",
    "LimitExceeded",
    "NotAgreed",
    "NotFound",
    "NotPermitted",
    "NothingDue",
    "OfferUnanswered",
    "OtherVersion",
    "OutcomeUnknown",
    "OverReversed",
    "Posting",
    "Presence",
    "Presences",
    "Record",
    "RecordWithin",
    "RecordedTooLate",
    "Rejected",
    "Replay",
    "ReplayLine",
    "Retryable",
    "Roles",
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
    "Unavailable",
    "UnbalancedTransfer",
    "Welcome",
    "WriteOff",
    "WrongType",
    "explain",
    "join",
    "migrate_store",
    "open",
    "split",
]

#: The module that defines each public name. It is imported when the name is first used.
_MODULES = {
    "timebank.audit": {"AUDIT_CHECKS", "AuditReport", "Finding"},
    "timebank.bank": {"BankBatch", "TimeBank", "open"},
    "timebank.bank.joining": {"join", "migrate_store"},
    "timebank.hours": {"Hours", "split"},
    "timebank.model.members": {
        "Assign",
        "Charge",
        "Delegate",
        "Donate",
        "Due",
        "DueReport",
        "Event",
        "Inactive",
        "Leaving",
        "WriteOff",
    },
    "timebank.permissions": {"Ask", "Roles"},
    "timebank.queries.presences": {"Counted", "Presence", "Presences"},
    "timebank.queries.replay": {"Replay", "ReplayLine"},
    "timebank.model": {
        "INHERIT",
        "Account",
        "Amendment",
        "Balance",
        "ClockRestart",
        "Closing",
        "DeclaredLoss",
        "Erasure",
        "Flag",
        "Head",
        "Hold",
        "Posting",
        "Record",
        "Transfer",
    },
    "timebank.reports.explaining": {"explain"},
    "timebank.queries.statements": {"Statement", "StatementLine", "TrialBalance", "TrialLine"},
    "timebank.statute": {
        "Band",
        "Demurrage",
        "Dues",
        "Fee",
        "Granularity",
        "LargestExchange",
        "RecordWithin",
        "Statute",
        "Welcome",
    },
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        msg = f"module 'timebank' has no attribute {name!r}"
        raise AttributeError(msg)
    module = next(
        (module for module, names in _MODULES.items() if name in names), "timebank.errors"
    )
    value = getattr(import_module(module), "open_bank" if name == "open" else name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
