"""Banks in a SQLite file, or in a private database in memory."""

from __future__ import annotations

from timebank.storage.sqlite.store import SqliteStore, migrate_sqlite, open_sqlite

__all__ = ["SqliteStore", "migrate_sqlite", "open_sqlite"]
