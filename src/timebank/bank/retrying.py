"""Trying a call again after a conflict: a few times, each a little later than the last.

Databases refuse one of two transactions that cross; nothing was written then, and the
same call on its own will pass. What is joined to a host's transaction is never tried again.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Final, TypeVar

from timebank.errors import Conflict

Result = TypeVar("Result")

RETRIES: Final = 8
#: The longest wait before the first retry; it doubles with each.
FIRST_WAIT_SECONDS: Final = 0.005


def retried(work: Callable[[], Result]) -> Result:
    """The result of `work`, which is done again where a conflict took it back.

    :raises Conflict: every try met one, or it concerns a host's transaction.

    >>> from timebank.bank.retrying import retried
    >>> retried(lambda: 3)
    3
    """
    for retry in range(RETRIES):
        try:
            return work()
        except Conflict as error:
            if error.scope != "call":
                raise
        # By chance, for two that met would else meet again.
        time.sleep(random.random() * FIRST_WAIT_SECONDS * 2**retry)  # noqa: S311 - no secret
    return work()
