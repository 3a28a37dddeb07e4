"""Export a bank as plain text for hledger, Ledger and Beancount."""

from __future__ import annotations

from timebank.interchange.plaintext.beancount import export_beancount
from timebank.interchange.plaintext.hledger import export_hledger, export_ledger

__all__ = ["export_beancount", "export_hledger", "export_ledger"]
