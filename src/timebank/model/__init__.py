"""Define the immutable values that callers get and the rows that stores keep.

A caller gets `Account`, `Balance`, `Transfer`, `Hold`, `Record`, `Head` and others. A store
keeps rows: `RecordRow` and `TextRow` are the journal and its texts; `AccountRow`,
`PostingRow`, `HoldRow`, `StatuteRow` and `TileRow` are derived from the journal, and can be
derived again.
"""

from __future__ import annotations

from timebank.model.across import Across
from timebank.model.corrections import AMENDABLE, Amendment, Closing
from timebank.model.rows import (
    AccountRow,
    Fault,
    HoldRow,
    PostingRow,
    RecordRow,
    StatuteRow,
    TextRow,
    TileRow,
)
from timebank.model.scalars import (
    ACCOUNT_KINDS,
    EPOCH,
    INHERIT,
    MAX_ID_CHARACTERS,
    MAX_INTEGER,
    MAX_LABEL_CHARACTERS,
    MAX_PARTIES,
    MAX_SOURCE_FIELDS,
    MAX_TAGS,
    MAX_TEXT_CHARACTERS,
    NEVER,
    SALT_BYTES,
    TEXT_FIELDS,
    AccountKind,
    Limit,
    Status,
    StoredLimit,
    instant,
    microseconds,
    stored_limit,
)
from timebank.model.values import (
    Account,
    Balance,
    ClockRestart,
    DeclaredLoss,
    Erasure,
    Flag,
    Head,
    Hold,
    Posting,
    Record,
    Transfer,
)

__all__ = [
    "ACCOUNT_KINDS",
    "AMENDABLE",
    "EPOCH",
    "INHERIT",
    "MAX_ID_CHARACTERS",
    "MAX_INTEGER",
    "MAX_LABEL_CHARACTERS",
    "MAX_PARTIES",
    "MAX_SOURCE_FIELDS",
    "MAX_TAGS",
    "MAX_TEXT_CHARACTERS",
    "NEVER",
    "SALT_BYTES",
    "TEXT_FIELDS",
    "Account",
    "AccountKind",
    "AccountRow",
    "Across",
    "Amendment",
    "Balance",
    "ClockRestart",
    "Closing",
    "DeclaredLoss",
    "Erasure",
    "Fault",
    "Flag",
    "Head",
    "Hold",
    "HoldRow",
    "Limit",
    "Posting",
    "PostingRow",
    "Record",
    "RecordRow",
    "Status",
    "StatuteRow",
    "StoredLimit",
    "TextRow",
    "TileRow",
    "Transfer",
    "instant",
    "microseconds",
    "stored_limit",
]
