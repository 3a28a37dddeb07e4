"""What was erased, and what may remain of it."""

from __future__ import annotations

from typing import Any

from timebank.model import Erasure
from timebank.reports.balances import counted
from timebank.reports.cells import harmless


def erasure_text(done: Erasure, *, dry_run: bool = False) -> list[str]:
    """What went, whose it was, and where it may still be read.

    >>> from timebank import Erasure
    >>> from timebank.reports.privacy import erasure_text
    >>> erasure_text(Erasure("m1", None, 2, (9,), ()))
    ['2 texts of account m1 are erased, says record 9.']
    """
    of = f"account {done.account}" if done.account is not None else f"record {done.record}"
    if not done.texts:
        lines = [f"Nothing of {of} is left to erase."]
    elif dry_run:
        are = "is" if done.texts == 1 else "are"
        lines = [f"{counted(done.texts, 'text')} of {of} {are} there to be erased."]
    else:
        says = f"record {done.records[0]}"
        if len(done.records) > 1:
            says = f"records {done.records[0]} to {done.records[-1]}"
        is_said = "say" if len(done.records) > 1 else "says"
        are = "is" if done.texts == 1 else "are"
        lines = [f"{counted(done.texts, 'text')} of {of} {are} erased, {is_said} {says}."]
    if dry_run:
        lines.append("This was a dry run: nothing is destroyed.")
    else:
        lines += [f"It may still be read: {remains}." for remains in done.remains]
    return [harmless(line) for line in lines]


def erasure_shape(done: Erasure) -> dict[str, Any]:
    """As data."""
    return {
        "account": done.account,
        "record": done.record,
        "texts": done.texts,
        "records": list(done.records),
        "remains": list(done.remains),
    }
