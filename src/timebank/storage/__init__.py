"""Keep banks: the protocol of a store, and the stores that there are."""

from __future__ import annotations

from timebank.storage.protocol import Batch, Reader, Store, Writer
from timebank.storage.registry import migrate_store, open_store

__all__ = ["Batch", "Reader", "Store", "Writer", "migrate_store", "open_store"]
