"""TimeOverflow: its CSV exports, and the tables of its database."""

from __future__ import annotations

from timebank.interchange.timeoverflow.importer import TimeOverflow, import_timeoverflow

__all__ = ["TimeOverflow", "import_timeoverflow"]
