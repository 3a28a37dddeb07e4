"""The journal: its canonical form, and the fold that derives rows from its records."""

from __future__ import annotations

from timebank.journal.form import (
    FORMAT,
    canonical,
    commitment,
    digest,
    genesis,
    parse,
    recorded_at,
    refers_to,
)

__all__ = [
    "FORMAT",
    "canonical",
    "commitment",
    "digest",
    "genesis",
    "parse",
    "recorded_at",
    "refers_to",
]
