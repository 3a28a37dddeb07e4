"""Whether banks in files wait for the disk, which most tests need not.

What a machine writes that stays up is read by all its processes, and is there when one of them is
killed, whether or not the disk has it. So the banks of a test differ from those of a host by one
pragma, and only within the process of the tests: the programs that they start wait.
"""

from __future__ import annotations

import sqlite3

from timebank.storage.sqlite import connections

_waits = True
_set = connections._set


def wait(waits: bool) -> None:
    """Say whether what is opened from now on waits."""
    global _waits  # noqa: PLW0603 - there is one test at a time
    _waits = waits


def _set_for_tests(connection: sqlite3.Connection, pragma: str) -> None:
    is_other = not pragma.startswith("synchronous")
    _set(connection, pragma if _waits or is_other else "synchronous = OFF")


connections._set = _set_for_tests
