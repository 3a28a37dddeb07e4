"""What a host gives to be called: a permission, a clock, what makes ids. It answers at once."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any, Final

from timebank.errors import WrongType, shown

#: Where a method, and what a decorator returns, have the function that they wrap.
_WRAPPED: Final = ("__wrapped__", "__func__")
#: Deeper than anybody wraps; an object that makes up attributes may have no end.
_DEEPEST: Final = 32
_KINDS: Final = (
    inspect.iscoroutinefunction,
    inspect.isgeneratorfunction,
    inspect.isasyncgenfunction,
)


def function(value: object, what: str, *, gives: str) -> Callable[..., Any]:
    """Check that a value is called, and returns its answer there and then; return it.

    `what` begins the sentence of a refusal, and `gives` says what the callable does. A coroutine
    function answers with a coroutine, which nobody awaits, and which is no answer.

    :raises WrongType: no callable, or a coroutine function or a generator, wrapped as it may be.

    >>> from timebank.model.callables import function
    >>> function(len, "a clock is a callable", gives="returns a datetime") is len
    True
    """
    if not callable(value):
        msg = f"{what}, not {shown(value)}"
        raise WrongType(msg)
    if any(is_kind(one) for one in _called(value) for is_kind in _KINDS):
        msg = (
            f"{what} and {gives} at once; an async function or a generator does not, nor does "
            f"what wraps one: {shown(value)}"
        )
        raise WrongType(msg)
    return value


def _called(value: object) -> Iterator[object]:
    """Yield all that is called when a callable is: itself, and what it wraps."""
    for _ in range(_DEEPEST):
        yield value
        yield from _unwrapped(inspect.getattr_static(type(value), "__call__", None))
        if isinstance(value, functools.partial):
            value = value.func
        elif (inner := _inner(value)) is not None:
            value = inner
        else:
            return


def _unwrapped(method: object) -> Iterator[object]:
    """Yield a method of a class, and what its decorators wrap."""
    for _ in range(_DEEPEST):
        if method is None:
            return
        yield method
        method = method.func if isinstance(method, functools.partialmethod) else _inner(method)


def _inner(value: object) -> object:
    """Return what a callable wraps, `None` where it wraps nothing."""
    found = (getattr(value, name, None) for name in _WRAPPED)
    return next((one for one in found if callable(one)), None)
