"""Where banks are kept: stores by the scheme of their URL, each loaded on first use.

An installed package adds a scheme by an entry point in the group `timebank.stores`,
whose value is a callable `(url, *, create, read_only) -> Store`.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Final, Protocol

from timebank.errors import InvalidRequest, WrongType, shown
from timebank.storage.protocol import Batch, Reader, Store, Writer

__all__ = ["Batch", "Reader", "Store", "Writer", "open_store"]

#: Scheme → module of ours and its callable.
_BUILT_IN: Final = {
    "memory": ("timebank.storage.memory", "open_memory"),
    "sqlite": ("timebank.storage.sqlite", "open_sqlite"),
}


class Opener(Protocol):
    """What a scheme stands for."""

    def __call__(self, url: str, *, create: bool, read_only: bool) -> Store:
        """Open the store at a URL."""


def open_store(url: str, *, create: bool = True, read_only: bool = False) -> Store:
    """Open the store that a URL names.

    :raises InvalidRequest: not a URL, a scheme that nothing registers, or that two packages do.
    :raises NotFound: there is no such file, and `create` is false.
    :raises StoreError: what is there is no store.
    """
    if not isinstance(url, str):
        msg = f"a URL is a str, not {shown(url)}"
        raise WrongType(msg)
    scheme, colon, _ = url.partition(":")
    if not colon:
        msg = f"not a URL of a store: {shown(url)}; write memory: or sqlite:///path"
        raise InvalidRequest(msg)
    return _opener(scheme)(url, create=create, read_only=read_only)


def _opener(scheme: str) -> Callable[..., Store]:
    if scheme in _BUILT_IN:
        module, name = _BUILT_IN[scheme]
        opener: Opener = getattr(import_module(module), name)
        return opener
    from importlib.metadata import entry_points

    found = list(entry_points(group="timebank.stores"))
    claims = [point for point in found if point.name == scheme]
    if len(claims) == 1:
        loaded: Opener = claims[0].load()
        return loaded
    if claims:
        msg = f"the scheme {shown(scheme)} is claimed by {', '.join(p.value for p in claims)}"
        raise InvalidRequest(msg)
    known = ", ".join(sorted({*_BUILT_IN, *(point.name for point in found)}))
    msg = f"no store for the scheme {shown(scheme)}; known are {known}"
    raise InvalidRequest(msg)
