"""The conformance kit: what proves that a store keeps its promises (extra `timebank[testing]`).

Inherit `StoreConformance`, say where a fresh place is and what the store can do, and run
pytest. Everything that two stores share is tested here, ours among them.
"""

from __future__ import annotations

import pytest

# The parts hold assertions: pytest shows their values only in modules that it has rewritten.
pytest.register_assert_rewrite(
    *(f"{__name__}.{part}" for part in ("agreement", "crashes", "faults", "names", "paging")),
    *(f"{__name__}.{part}" for part in ("races", "reading", "snapshots", "writing")),
)

from timebank.testing.conformance import StoreConformance  # noqa: E402 - after the line above

__all__ = ["StoreConformance"]
