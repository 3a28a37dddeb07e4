"""The three doors by which time, ids and salts come in, and by no other way.

Two stores given the same doors and the same calls have the same head.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from secrets import token_bytes

import attrs

from timebank.errors import InvalidRequest, shown
from timebank.model import SALT_BYTES, microseconds


def utc_now() -> datetime:
    """The instant, aware, in UTC."""
    return datetime.now(UTC)


def new_id() -> str:
    """A random id that sorts by the time it was made: 12 hex digits of milliseconds, 20 random.

    Ids made one after the other lie beside each other in the storage's index.
    """
    return f"{time.time_ns() // 1_000_000:012x}{token_bytes(10).hex()}"


def new_salt() -> bytes:
    """Sixteen random bytes."""
    return token_bytes(SALT_BYTES)


@attrs.frozen
class Doors:
    """The callables, and what they give, checked."""

    clock: Callable[[], datetime] = utc_now
    id: Callable[[], str] = new_id
    salt: Callable[[], bytes] = new_salt

    def now(self) -> int:
        """Microseconds since 1970.

        :raises InvalidRequest: the clock gave no aware datetime.
        """
        if self.clock is utc_now:
            return time.time_ns() // 1000
        return microseconds(self.clock())

    def checked_salt(self) -> bytes:
        """A salt.

        :raises InvalidRequest: the door gave no 16 bytes.
        """
        salt = self.salt()
        if type(salt) is not bytes or len(salt) != SALT_BYTES:
            msg = f"a salt is {SALT_BYTES} bytes, not {shown(salt)}"
            raise InvalidRequest(msg)
        return salt
