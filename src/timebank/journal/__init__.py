"""The journal: its canonical form, and the fold that derives rows from its records."""

from __future__ import annotations

from timebank.journal.form import (
    FORMAT,
    OF_NOVEMBER,
    canonical,
    commitment,
    digest,
    genesis,
    is_of_november,
    parse,
    recorded,
    refers_to,
)

__all__ = [
    "FORMAT",
    "OF_NOVEMBER",
    "canonical",
    "commitment",
    "digest",
    "genesis",
    "is_of_november",
    "parse",
    "recorded",
    "refers_to",
]
