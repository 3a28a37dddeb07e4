"""Import the CSV exports of TimeOverflow and the tables of its database, and audit these."""

from __future__ import annotations

from timebank.interchange.timeoverflow.importer import TimeOverflow, import_timeoverflow

__all__ = ["TimeOverflow", "import_timeoverflow"]
