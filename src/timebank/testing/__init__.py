"""A kit that proves a store, and a simulated community to try things on.

`StoreConformance` (extra `timebank[testing]`): inherit it, say where a fresh place is and what
the store can do, and run pytest. Everything that two stores share is tested there, ours
among them. `hosts` has the fixtures for programs that use a bank. `simulate` fills a bank with an
invented community; it needs no extra.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from timebank.testing.community import SIZES, Community, simulate
    from timebank.testing.conformance import StoreConformance

__all__ = ["SIZES", "Community", "StoreConformance", "simulate"]

#: Their assertions: pytest shows their values only in modules that it has rewritten.
_PARTS = (
    *("agreement", "crashes", "declared", "erasing", "faults", "histories", "names", "paging"),
    *("processes", "races", "reading", "snapshots", "writing"),
)


def __getattr__(name: str) -> Any:
    if name == "StoreConformance":
        import pytest

        parts = {f"{__name__}.{part}" for part in _PARTS}
        pytest.register_assert_rewrite(*sorted(parts - sys.modules.keys()))
        from timebank.testing import conformance

        return conformance.StoreConformance
    if name in __all__:
        from timebank.testing import community

        return getattr(community, name)
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
