"""What is recorded and what is derived, as immutable values.

Two families. *Values* are what a caller gets back: `Account`, `Balance`, `Transfer`,
`Hold`, `Record`, `Head`. *Rows* are what a store keeps: `RecordRow` and `TextRow` are the
truth; `AccountRow`, `PostingRow`, `HoldRow` and `StatuteRow` are derived from it and can
be made again.
"""

from __future__ import annotations

from timebank.model.bounds import (
    ACCOUNT_KINDS,
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
    Status,
)
from timebank.model.instants import (
    EPOCH,
    instant,
    microseconds,
)
from timebank.model.limits import (
    INHERIT,
    Limit,
    StoredLimit,
    stored_limit,
)
from timebank.model.rows import (
    AccountRow,
    Fault,
    HoldRow,
    PostingRow,
    RecordRow,
    StatuteRow,
    TextRow,
)
from timebank.model.values import (
    Account,
    Balance,
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
    "Balance",
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
    "Transfer",
    "instant",
    "microseconds",
    "stored_limit",
]
