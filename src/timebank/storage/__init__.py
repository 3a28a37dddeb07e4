"""Where banks are kept: the protocol of a store, and the registry of URL schemes.

`memory`, `sqlite`, `postgresql` and `mariadb` are built in; the last two need an extra.
An installed package offers others in the entry-point group `timebank.stores`: the name
is the scheme, the value a callable `(url, *, create, read_only) -> Store`. A store is
loaded when its scheme is first asked for. Messages name the scheme of a URL and show no
more of it, for there may be a password.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import attrs

from timebank.errors import InvalidRequest, StoreError, WrongType, shown
from timebank.storage.protocol import Batch, Reader, Store, Writer

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["Batch", "Reader", "Store", "Writer", "open_store"]

ENTRY_POINTS: Final = "timebank.stores"
SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")

#: What opens a store: `(url, *, create, read_only)`.
Opener = Callable[..., Store]


@attrs.frozen
class BuiltIn:
    """A store of our own: `opener` is `module:function`; what needs an extra has a driver."""

    opener: str
    driver: str | None = None
    extra: str | None = None


_SQL: Final = "timebank.storage.sql_store:open_sql"
BUILT_IN: Final = {
    "memory": BuiltIn("timebank.storage:_open_memory"),
    "sqlite": BuiltIn("timebank.storage.sqlite:open_sqlite"),
    "postgresql": BuiltIn(_SQL, driver="psycopg", extra="postgres"),
    "mariadb": BuiltIn(_SQL, driver="pymysql", extra="mariadb"),
}


def open_store(url: str, *, create: bool, read_only: bool = False) -> Store:
    """The store of a URL: `memory:`, `sqlite:///path`, a server's, or an installed package's.

    Without `create` nothing is made where it is missing; with `read_only` nothing can be
    made or changed at all.

    :raises InvalidRequest: a URL that cannot be, an unknown scheme, or one claimed twice.
    :raises NotFound: no such file, or no tables in the database, and `create` is false.
    :raises StoreError: a package is missing, or the storage cannot be opened.

    >>> from timebank.storage import open_store
    >>> open_store("memory:", create=True).banks()
    []
    """
    if type(url) is not str:
        msg = f"the URL of a store is a str, not a {type(url).__name__}"
        raise WrongType(msg)
    scheme, colon, rest = url.partition(":")
    if not colon or not SCHEME.fullmatch(scheme):
        msg = "a store is named by a URL like memory: or sqlite:///bank.db"
        raise InvalidRequest(msg if "@" in url else f"{msg}, not {shown(url)}")
    _refuse_a_user(scheme, rest)
    create = create and not read_only
    name = scheme.partition("+")[0]
    if name not in BUILT_IN:
        return _installed(scheme, url, create=create, read_only=read_only)
    store = BUILT_IN[name]
    spelled = name if store.driver is None else f"{name}+{store.driver}"
    if scheme not in (name, spelled):
        msg = f"there is no {shown(scheme)} here: such a URL begins with {spelled}:"
        raise InvalidRequest(msg)
    _check_unclaimed(name, spelled)
    return _built_in(store, f"{spelled}:{rest}", create=create, read_only=read_only)


def _refuse_a_user(scheme: str, rest: str) -> None:
    """Nobody logs in to these two, and what refuses such a URL would show its password."""
    if "@" in rest and (scheme == "memory" or (scheme == "sqlite" and rest[:3] != "///")):
        msg = f"{scheme}: has no host, so its URL has no user and no password"
        raise InvalidRequest(msg)


# -- our own -----------------------------------------------------------------------


def _open_memory(url: str, *, create: bool, read_only: bool) -> Store:
    from timebank.storage.memory import open_memory

    return open_memory(url)


def _built_in(store: BuiltIn, url: str, *, create: bool, read_only: bool) -> Store:
    from importlib import import_module

    module, _, function = store.opener.partition(":")
    try:
        opener: Opener = getattr(import_module(module), function)
        return opener(url, create=create, read_only=read_only)
    except ImportError as error:
        if store.extra is None:
            raise
        scheme, why = url.partition(":")[0], str(error).partition("\n")[0]
        msg = f"{scheme}: needs an extra: pip install 'timebank[{store.extra}]' ({why})"
        raise StoreError(msg) from error


@lru_cache(maxsize=1)
def _points_at_start(
    read: Callable[..., Iterable[EntryPoint]], path: tuple[str, ...]
) -> tuple[EntryPoint, ...]:
    """The entry points, read once for as long as `path` stays: banks in memory open often."""
    return tuple(read(group=ENTRY_POINTS))


def _check_unclaimed(*names: str) -> None:
    """Refuse a name of ours that a package claims: it would be opened by one of two programs."""
    from importlib import metadata

    points = _points_at_start(metadata.entry_points, tuple(sys.path))
    for name in names:
        claims = [point for point in points if point.name == name]
        if claims:
            msg = f"the scheme {shown(name)} is claimed twice: by timebank{_claimants(claims)}"
            raise InvalidRequest(msg)


# -- those of other packages ---------------------------------------------------------


def _installed(scheme: str, url: str, *, create: bool, read_only: bool) -> Store:
    """The store of an installed package, for `name` or `name+driver`."""
    from importlib import metadata

    points = tuple(metadata.entry_points(group=ENTRY_POINTS))
    for name in (scheme, scheme.partition("+")[0]):
        # The same claim found twice on the path is one.
        claims = {_claimant(point): point for point in points if point.name == name}
        if len(claims) > 1:
            told = _claimants(claims.values()).removeprefix(" and ")
            msg = f"the scheme {shown(name)} is claimed twice: {told}"
            raise InvalidRequest(msg)
        for point in claims.values():
            return _opened_by(point, url, create=create, read_only=read_only)
    known = ", ".join(sorted({*BUILT_IN, *(point.name for point in points)}))
    msg = f"no store for the scheme {shown(scheme)}; known are {known}"
    raise InvalidRequest(msg)


def _claimant(point: EntryPoint) -> str:
    """Where a claim comes from; one that is made by hand has no distribution."""
    return point.value if point.dist is None else f"{point.value} of {point.dist.name}"


def _claimants(claims: Iterable[EntryPoint]) -> str:
    return "".join(f" and by {told}" for told in sorted({_claimant(point) for point in claims}))


def _opened_by(point: EntryPoint, url: str, *, create: bool, read_only: bool) -> Store:
    """The store that an entry point opens; what it needs may be missing at either step."""
    try:
        opener: Any = point.load()
    except Exception as error:  # whatever a module of another's does while it is imported
        raise _unloadable(point, error) from error
    if not callable(opener):
        msg = f"the store {shown(point.name)}, at {_claimant(point)}, cannot be called"
        raise StoreError(msg)
    try:
        store: Store = opener(url, create=create, read_only=read_only)
    except ImportError as error:
        raise _unloadable(point, error) from error
    return store


def _unloadable(point: EntryPoint, error: Exception) -> StoreError:
    return StoreError(
        f"the store {shown(point.name)}, at {_claimant(point)}, cannot be loaded: {error}"
    )
