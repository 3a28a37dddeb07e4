"""What is said of a call that was left half way: nothing of it is kept."""

from __future__ import annotations

from typing import Final

from timebank.errors import InvalidRequest, StoreError, TimebankError

#: Why a session takes no call while one is under way, or after one that was interrupted.
UNDER_WAY: Final = InterruptedError("a call was interrupted, or is under way")


def cannot_go_on(why: BaseException) -> TimebankError:
    """Return the error for a call on what was left half way."""
    if why is UNDER_WAY:
        msg = "a call is under way here, or was interrupted: no other can be made"
        return InvalidRequest(msg)
    error = StoreError("a call failed before: what it was part of can only be left")
    error.__cause__ = why
    return error


def nothing_written(why: BaseException) -> StoreError:
    """Return the error for a clean end of what was left half way."""
    error = StoreError("a call failed or was interrupted, so nothing was written")
    error.__cause__ = why
    return error
