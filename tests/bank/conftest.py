"""Run a test of an asynchronous host where what it awaits is waited for, as in `run_sync`."""

from __future__ import annotations

import pytest
from _pytest.runner import runtestprotocol


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Let the event loop of its host run beneath a test of one, and beneath its fixtures."""
    params = getattr(getattr(item, "callspec", None), "params", {})
    if not any(getattr(param, "is_async", False) is True for param in params.values()):
        return None
    from bank.hosts import within

    where = item.ihook
    where.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    within(lambda: runtestprotocol(item, nextitem=nextitem))
    where.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True
