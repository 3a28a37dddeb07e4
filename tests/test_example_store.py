"""The store of `docs/writing-a-store.md`: through the kit, and what is its own."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

from timebank.storage.protocol import Store
from timebank.testing import StoreConformance

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "examples" / "jsonl_store.py"
store_module: dict[str, Any] = runpy.run_path(str(EXAMPLE))


class TestJsonl(StoreConformance):
    """A folder of JSON Lines keeps every promise but the guards, which files do not have."""

    shared = True
    snapshots = True
    guards = False

    def new_url(self, folder: Path) -> str:
        """As `StorePlace.new_url`."""
        return f"jsonl:{folder / 'books'}"

    def open(self, url: str) -> Store:
        """As `StorePlace.open`."""
        opened: Store = store_module["open_jsonl"](url, create=True, read_only=False)
        return opened
