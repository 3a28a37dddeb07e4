"""Banks in memory, and the overlay that keeps a preview apart from what it looks at."""

from __future__ import annotations

from timebank.storage.memory.store import MemoryStore, open_memory

__all__ = ["MemoryStore", "open_memory"]
