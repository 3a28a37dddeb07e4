"""Messages that were changed, and signed anew or not."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

from timebank.federation import Message
from timebank.federation.messages import sign
from timebank.journal.form import canonical
from timebank.proof import SigningKey

#: What stands in the place of a value, by its type: nothing of it can be where it is put.
INSTEAD: dict[type, tuple[Any, ...]] = {
    str: ("", "\n", " x", "x" * 300, 7, None, ["x"]),
    int: (-(2**60), 1.5, "7", None, True, [7]),
    bool: (0, 1, "true", None),
    list: ("x", {}, [[]], [None], None),
    dict: ("x", [], {}, None, {"x": 1}),
    type(None): ("x", -1),
}


def signed_anew(message: Message, key: SigningKey, change: Callable[[dict[str, Any]], None]) -> str:
    """A message that was changed before it was signed, body and envelope."""
    envelope: dict[str, Any] = deepcopy(dict(message.envelope))
    change(envelope)
    inner = envelope.get("message")
    if isinstance(inner, dict) and isinstance(inner.get("body"), dict):
        inner["signature"] = sign(inner["body"], key)
    return _text({"envelope": envelope, "signature": sign(envelope, key)})


def sealed_anew(message: Message, key: SigningKey, change: Callable[[dict[str, Any]], None]) -> str:
    """A message whose envelope alone was signed once more."""
    envelope: dict[str, Any] = deepcopy(dict(message.envelope))
    change(envelope)
    return _text({"envelope": envelope, "signature": sign(envelope, key)})


def _text(value: dict[str, Any]) -> str:
    try:
        return canonical(value).decode()
    except ValueError:
        return json.dumps(value)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Yield every place of an object, and what stands there."""
    if isinstance(value, dict):
        for name, one in value.items():
            yield (*path, name), one
            yield from places(one, (*path, name))
    if isinstance(value, list):
        for number, one in enumerate(value):
            yield (*path, number), one
            yield from places(one, (*path, number))


def put(path: tuple[Any, ...], value: Any) -> Callable[[dict[str, Any]], None]:
    """Return what puts a value into a place."""

    def change(envelope: dict[str, Any]) -> None:
        _at(envelope, path[:-1])[path[-1]] = deepcopy(value)

    return change


def drop(path: tuple[Any, ...]) -> Callable[[dict[str, Any]], None]:
    """Return what takes a place away."""

    def change(envelope: dict[str, Any]) -> None:
        del _at(envelope, path[:-1])[path[-1]]

    return change


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    for one in path:
        value = value[one]
    return value
