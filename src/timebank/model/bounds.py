"""Define the kinds of account and the limits on every size."""

from __future__ import annotations

from typing import Final, Literal

AccountKind = Literal["member", "group", "organisation", "fund", "clearing", "issuance"]
ACCOUNT_KINDS: Final = ("member", "group", "organisation", "fund", "clearing", "issuance")
Status = Literal["open", "frozen", "closed"]

#: The fields of a request that are personal text, of which a record has only commitments.
TEXT_FIELDS: Final = ("name", "note", "reason")

#: Limits on every size. A request beyond one of them is `InvalidRequest`.
MAX_ID_CHARACTERS: Final = 128
MAX_LABEL_CHARACTERS: Final = 200
MAX_TEXT_CHARACTERS: Final = 10_000
MAX_PARTIES: Final = 1_000
MAX_TAGS: Final = 50
MAX_SOURCE_FIELDS: Final = 20
SALT_BYTES: Final = 16

MAX_INTEGER: Final = 2**53
#: The expiry, in microseconds, of a hold that does not expire.
NEVER: Final = MAX_INTEGER
