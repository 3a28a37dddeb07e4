"""What is refused of what another bank sent, as errors."""

from __future__ import annotations

from timebank.proof.errors import NotProved


class MessageRefused(NotProved):
    """A message is not read, or does not hold: the error says why. Nothing was written."""
