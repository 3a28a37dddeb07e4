"""What every error has: its facts, its message, and the sentence by which it is told."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping


def shown(value: object, *, limit: int = 60) -> str:
    """Return the `repr` of a value, cut to `limit` characters so that it fits into a message."""
    try:
        text = repr(value)
    except Exception as error:  # noqa: BLE001 - an int of too many digits, or another's `repr`
        text = f"<{type(value).__name__}{' too large to show' * isinstance(error, ValueError)}>"
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


class TimebankError(Exception):
    """The base class of every error of this library. Errors and their facts can be pickled.

    Where a class has many errors, `key` names the sentence by which `explain` tells this one, and
    `gaps` are the facts that stand in it.
    """

    key: str = ""
    gaps: Mapping[str, object] = MappingProxyType({})

    def about(self, *, key: str, **gaps: object) -> Self:
        """Set `key` and `gaps`, and return this error."""
        self.key, self.gaps = key, gaps
        return self

    def add_context(self, *, before: str = "", after: str = "") -> None:
        """Put words before and after the message."""
        self.args = (f"{before}{self}{after}",)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the message and the facts, for the constructors take facts and no message."""
        return _unpickle, (type(self), self.args, self.__dict__.copy())


def _unpickle(kind: type[TimebankError], args: Any, facts: dict[str, Any]) -> TimebankError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(facts)
    return error
