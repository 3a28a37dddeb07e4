"""A plugin of pytest for these runs: what is quick comes first, and properties try few examples.

A change that any test notices is done with at once, so order decides how long a run takes.
Tests are called by their names. pytest does not find one with a backslash in it, so it would seem
to fail after any change: such tests are left out.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "mutation",
    deadline=None,
    derandomize=True,
    max_examples=15,
    suppress_health_check=list(HealthCheck),
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests that compare word for word, then those of single cases, then properties."""
    odd = [item for item in items if "\\" in item.name]
    if odd:
        config.hook.pytest_deselected(items=odd)
        items[:] = [item for item in items if item not in odd]
    items.sort(key=lambda item: (_is_property(item), "_exact" not in item.path.name))


def _is_property(item: pytest.Item) -> bool:
    return hasattr(getattr(item, "function", None), "hypothesis")
