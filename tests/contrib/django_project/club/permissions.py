"""Permissions of several kinds, some of which cannot be used."""

from __future__ import annotations

from typing import Any

from timebank import Roles

roles = Roles({"carla": "coordinator"})
not_callable = 7
nothing = None


async def later(ask: Any) -> bool:
    """Answer with a coroutine."""
    return True


class Later:
    """An object whose call gives a coroutine."""

    async def __call__(self, ask: Any) -> bool:
        """Answer with one."""
        return True


later_object = Later()
