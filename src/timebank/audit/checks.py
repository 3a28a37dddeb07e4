"""The list of checks: every invariant of a bank has its name here."""

from __future__ import annotations

from typing import Final

from timebank.audit.books import DERIVED, EFFECTS, LIMITS, REVERSALS, ZERO_SUM
from timebank.audit.chain import CHAIN, CLOCKS, FORM, IDS, RESTORE, SEQUENCE
from timebank.audit.texts import TEXTS
from timebank.audit.walk import Check

AUDIT_CHECKS: Final = (
    Check(
        "file",
        "The storage can be read and is intact.",
        "The file is damaged: copy it away, then restore it from a backup. " + RESTORE,
    ),
    Check(
        "schema",
        "Tables, indexes and triggers are as this version made them.",
        "Somebody changed the schema: restore the file, or make the object again as expected.",
    ),
    Check(
        "orphans",
        "Every row belongs to a bank of the file.",
        "Rows were written past the library, or a bank was removed. " + RESTORE,
    ),
    Check(
        "references",
        "Every row refers to rows that exist.",
        "Rows were written or removed past the library. Run `timebank rebuild`; if it stays: " + RESTORE,
    ),
    SEQUENCE,
    CHAIN,
    FORM,
    IDS,
    CLOCKS,
    ZERO_SUM,
    LIMITS,
    REVERSALS,
    EFFECTS,
    DERIVED,
    TEXTS,
)
