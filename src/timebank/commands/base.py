"""What every command has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import attrs

from timebank import checks

#: Gives an id that was never given before.
NewId = Callable[[], str]


@attrs.frozen
class Command:
    """What every command has. `id` is the operation's, `None` for those on accounts."""

    kind: ClassVar[str]
    request: dict[str, Any]
    texts: dict[str, str]
    accounts: tuple[str, ...]
    id: str | None = None


def texts_of(**values: object) -> dict[str, str]:
    """The personal texts that were given, checked."""
    found = {field: checks.personal_text(value, field) for field, value in values.items()}
    return {field: text for field, text in found.items() if text is not None}


def actor(value: object) -> str | None:
    """Who entered it, as an id.

    :raises InvalidRequest: not an id.
    """
    return None if value is None else checks.identifier(value, "actor")
