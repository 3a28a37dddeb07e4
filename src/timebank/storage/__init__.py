"""Where banks are kept: the protocol of a store, and the registry of URL schemes.

`memory` and `sqlite` are built in. An installed package offers others in the
entry-point group `timebank.stores`: the name is the scheme, the value a callable
`(url, *, create) -> Store`. A store is loaded when its scheme is first asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from timebank.errors import InvalidRequest, StoreError, WrongType, shown
from timebank.storage.protocol import Batch, Reader, Store, Writer

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["Batch", "Reader", "Store", "Writer", "open_store"]

ENTRY_POINTS: Final = "timebank.stores"
BUILT_IN: Final = ("memory", "sqlite")
#: Schemes of the design that a later version brings.
LATER: Final = ("mariadb", "postgresql")


def open_store(url: str, *, create: bool, read_only: bool = False) -> Store:
    """The store of a URL: `memory:`, `sqlite:///path`, `sqlite://`, or an installed one.

    Without `create` nothing is made where it is missing; with `read_only` the store
    can change nothing either (a store from an entry point gets `create=False` then).

    :raises InvalidRequest: a URL that cannot be, an unknown scheme, or one claimed twice.
    :raises NotFound: no such file, and `create` is false.
    :raises StoreError: the storage cannot be opened.

    >>> from timebank.storage import open_store
    >>> open_store("memory:", create=True).banks()
    []
    """
    if type(url) is not str:
        msg = f"the URL of a store is a str, not {shown(url)}"
        raise WrongType(msg)
    if ":" not in url:
        msg = f"a store is named by a URL like memory: or sqlite:///bank.db, not {shown(url)}"
        raise InvalidRequest(msg)
    scheme = url.partition(":")[0]
    create = create and not read_only
    if scheme == "memory":
        from timebank.storage.memory import open_memory

        return open_memory(url)
    if scheme == "sqlite":
        from timebank.storage.sqlite import open_sqlite

        return open_sqlite(url, create=create, read_only=read_only)
    if scheme.partition("+")[0] in LATER:
        from timebank.storage.sql_store import open_sql

        return open_sql(url, create=create, read_only=read_only)
    return _installed(scheme)(url, create=create)


def _installed(scheme: str) -> Callable[..., Store]:
    """The loader that an installed package registers, for `name` or `name+driver`."""
    from importlib.metadata import entry_points

    points = entry_points(group=ENTRY_POINTS)
    base = scheme.partition("+")[0]
    for name in (scheme, base):
        # The same package found twice on the path claims nothing twice.
        claims = {point.value: point for point in points if point.name == name}
        if len(claims) > 1:
            msg = f"the scheme {shown(name)} is claimed twice: by {' and by '.join(sorted(claims))}"
            raise InvalidRequest(msg)
        if claims:
            return _loaded(*claims.values())
    known = ", ".join(sorted({*BUILT_IN, *(point.name for point in points)}))
    later = " (it comes with a later version)" if base in LATER else ""
    msg = f"no store for the scheme {shown(scheme)}{later}; known are {known}"
    raise InvalidRequest(msg)


def _loaded(point: EntryPoint) -> Callable[..., Store]:
    try:
        loader: Callable[..., Store] = point.load()
    except (ImportError, AttributeError) as error:
        msg = f"the store {shown(point.name)}, at {point.value}, cannot be loaded: {error}"
        raise StoreError(msg) from error
    return loader
