"""Define the immutable values that callers get and the rows that stores keep.

A caller gets `Account`, `Balance`, `Transfer`, `Hold`, `Record`, `Head` and others. A store
keeps rows: `RecordRow` and `TextRow` are the journal and its texts; `AccountRow`,
`PostingRow`, `HoldRow` and `StatuteRow` are derived from the journal and can be derived again.
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
