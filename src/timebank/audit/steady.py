"""A reader for an audit: where the storage goes away, the audit ends, and accuses nobody.

What cannot be read is a finding. That a server was lost, or is busy, is none: every check looks for
errors of what is stored, and would take one of these for damage, once for each record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from types import GeneratorType
from typing import Any, cast

from timebank.errors import Retryable
from timebank.storage.protocol import Reader


class _CutOff(Exception):
    """The storage cannot be read now; `error` says why."""

    def __init__(self, error: Retryable) -> None:
        super().__init__(str(error))
        self.error = error


class _Steady:
    """The reader, with an error of its own where it may succeed later."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._reader, name)
        if callable(value):
            value = _ending(value)
            setattr(self, name, value)  # it is looked for once
        return value


def _ending(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def call(*args: Any, **given: Any) -> Any:
        try:
            found = method(*args, **given)
            return list(found) if isinstance(found, GeneratorType) else found
        except Retryable as error:
            raise _CutOff(error) from error

    return call


@contextmanager
def steady(reader: Reader) -> Iterator[Reader]:
    """Return the reader for an audit, which ends where the storage goes away.

    :raises Retryable: the storage was busy, or could not be reached; nothing is said of it then.

    >>> import timebank
    >>> from timebank.audit.steady import steady
    >>> bank = timebank.open("memory:")
    >>> with bank.store.reader("main") as reader, steady(reader) as steadily:
    ...     steadily.head().sequence
    0
    """
    try:
        yield cast("Reader", _Steady(reader))
    except _CutOff as cut:
        raise cut.error from cut.error.__cause__
