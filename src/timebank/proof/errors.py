"""What proof does not hold, as errors."""

from __future__ import annotations

from timebank.errors import TimebankError


class NotProved(TimebankError):
    """A signed head, a receipt or a proof does not hold: the message says why."""


class Forked(NotProved):
    """Two heads of one journal exclude each other: its past was rewritten, or cut.

    `evidence` is a file's text that a third party can check; `None` where there is none.
    """

    def __init__(self, message: str, *, evidence: str | None = None) -> None:
        super().__init__(message)
        self.evidence = evidence
