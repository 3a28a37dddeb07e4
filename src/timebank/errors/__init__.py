"""Define every error that the library raises, as one tree of classes.

Catch `TimebankError` to catch all of them. Catch `Rejected` for what a rule refuses, and
`Retryable` for what may succeed when it is tried again. Facts are attributes of the error
and are shown in its message.

>>> from timebank import AccountNotFound
>>> error = AccountNotFound("m9")
>>> error.account, str(error)
('m9', "no account 'm9' in this bank")
"""

from __future__ import annotations

from timebank.errors.base import (
    TimebankError,
    shown,
)
from timebank.errors.calls import (
    AccountNotFound,
    BankNotFound,
    HoldNotFound,
    IdempotencyMismatch,
    InvalidHours,
    InvalidRequest,
    InvalidStatute,
    NotFound,
    StatuteNotFound,
    TransferNotFound,
    UnbalancedTransfer,
    WrongHoursType,
    WrongType,
)
from timebank.errors.cheques import (
    BookletNotFound,
    BookletTaken,
    ChequeEntered,
    ChequeMistyped,
    ChequeNotFound,
    ChequeVoided,
)
from timebank.errors.failures import (
    FAILURES,
    ClockBehind,
    Conflict,
    Corrupt,
    HistoryLost,
    OtherVersion,
    OutcomeUnknown,
    Retryable,
    StoreBusy,
    StoreError,
    Unavailable,
    is_refusal,
)
from timebank.errors.rejected import (
    AccountNotEmpty,
    AccountNotOpen,
    AlreadyResolved,
    AnsweredTooLate,
    BooksClosed,
    DuesNotCharged,
    ExchangeTooLarge,
    FundInUse,
    GranularityRefused,
    HoldsOpen,
    LimitExceeded,
    NotAgreed,
    NothingDue,
    NotPermitted,
    OfferUnanswered,
    OverReversed,
    RecordedTooLate,
    Rejected,
)

__all__ = [
    "FAILURES",
    "AccountNotEmpty",
    "AccountNotFound",
    "AccountNotOpen",
    "AlreadyResolved",
    "AnsweredTooLate",
    "BankNotFound",
    "BookletNotFound",
    "BookletTaken",
    "BooksClosed",
    "ChequeEntered",
    "ChequeMistyped",
    "ChequeNotFound",
    "ChequeVoided",
    "ClockBehind",
    "Conflict",
    "Corrupt",
    "DuesNotCharged",
    "ExchangeTooLarge",
    "FundInUse",
    "GranularityRefused",
    "HistoryLost",
    "HoldNotFound",
    "HoldsOpen",
    "IdempotencyMismatch",
    "InvalidHours",
    "InvalidRequest",
    "InvalidStatute",
    "LimitExceeded",
    "NotAgreed",
    "NotFound",
    "NotPermitted",
    "NothingDue",
    "OfferUnanswered",
    "OtherVersion",
    "OutcomeUnknown",
    "OverReversed",
    "RecordedTooLate",
    "Rejected",
    "Retryable",
    "StatuteNotFound",
    "StoreBusy",
    "StoreError",
    "TimebankError",
    "TransferNotFound",
    "Unavailable",
    "UnbalancedTransfer",
    "WrongHoursType",
    "WrongType",
    "is_refusal",
    "shown",
]

#: Where each is to be imported from, in tracebacks and pickles too.
for _name in __all__:
    if _name != "FAILURES":
        globals()[_name].__module__ = __name__
