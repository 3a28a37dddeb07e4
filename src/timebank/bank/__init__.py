"""A bank in a store: calls that change it, calls that read it, batches, copies, hosts."""

from __future__ import annotations

from timebank.bank.bank import Progress, TimeBank, open_bank
from timebank.bank.batch import BankBatch

__all__ = ["BankBatch", "Progress", "TimeBank", "open_bank"]
