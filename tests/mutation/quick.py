"""A plugin of pytest for these runs: what is quick comes first, and properties try few examples.

A change that any test notices is done with at once, so order decides how long a run takes.
Tests are called by their names, and one whose name cannot be typed would fail for any change: so
such a name is made plain, and where that cannot be, the test is left out.
"""

from __future__ import annotations

import re
from typing import Final

import pytest
from hypothesis import HealthCheck, settings

_ODD: Final = re.compile(r"[^\w.]", re.ASCII)
_TYPED: Final = re.compile(r"[\w .,:;<>()=+-]+(\[[\w .,:;<>()=+-]*\])?", re.ASCII)

settings.register_profile(
    "mutation",
    deadline=None,
    derandomize=True,
    max_examples=15,
    suppress_health_check=list(HealthCheck),
)


def pytest_make_parametrize_id(val: object) -> str | None:
    """A plain word for a text; other values are named as ever."""
    return _ODD.sub("_", repr(val))[:40] if isinstance(val, str | bytes) else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests that compare word for word, then those of single cases, then properties."""
    odd = [item for item in items if not _TYPED.fullmatch(item.name)]
    if odd:
        config.hook.pytest_deselected(items=odd)
        items[:] = [item for item in items if item not in odd]
    items.sort(key=lambda item: (_is_property(item), "_exact" not in item.path.name))


def _is_property(item: pytest.Item) -> bool:
    return hasattr(getattr(item, "function", None), "hypothesis")
