"""Export the whole journal as JSON Lines, and make a bank of such an export."""

from __future__ import annotations

from timebank.interchange.jsonl.export import export_jsonl, line_of
from timebank.interchange.jsonl.importing import import_jsonl

__all__ = ["export_jsonl", "import_jsonl", "line_of"]
