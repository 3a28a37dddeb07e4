"""The registry of URL schemes: which store opens a URL.

`memory`, `sqlite`, `postgresql` and `mariadb` are built in; the last two need an extra.
An installed package offers others in the entry-point group `timebank.stores`: the name
is the scheme, the value a callable `(url, *, create, read_only) -> Store`. A store is
loaded when its scheme is first asked for. Messages name the scheme of a URL and show no
more of it, for there may be a password.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

import attrs

from timebank.errors import InvalidRequest, StoreError, shown
from timebank.storage.address import url_of
from timebank.storage.protocol import Store

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

Result = TypeVar("Result")

ENTRY_POINTS: Final = "timebank.stores"
#: Other names of ours, and those that other programs have for much the same.
ALIASES: Final = {"postgres": "postgresql"}
ELSEWHERE: Final = {
    "mysql": "mariadb",
    "maria": "mariadb",
    "pgsql": "postgresql",
    "psql": "postgresql",
    "sqlite3": "sqlite",
    "file": "sqlite",
}

#: What opens a store: `(url, *, create, read_only)`.
Opener = Callable[..., Store]


@attrs.frozen
class BuiltIn:
    """A store of our own: `opener` is `module:function`; what needs an extra has a driver.

    `migrator`, in the same module, brings the tables of a URL to this version.
    """

    opener: str
    migrator: str | None = None
    driver: str | None = None
    extra: str | None = None


_SQL: Final = "timebank.storage.server.store:open_sql"
BUILT_IN: Final = {
    "memory": BuiltIn("timebank.storage.memory:open_memory"),
    "sqlite": BuiltIn("timebank.storage.sqlite:open_sqlite", "migrate_sqlite"),
    "postgresql": BuiltIn(_SQL, "migrate_sql", driver="psycopg", extra="postgres"),
    "mariadb": BuiltIn(_SQL, "migrate_sql", driver="pymysql", extra="mariadb"),
}


def open_store(url: str | os.PathLike[str], *, create: bool, read_only: bool = False) -> Store:
    """Open the store of a URL: `memory:`, `sqlite:///path`, a server's, an installed package's.

    A path is that of a SQLite file, as `timebank.storage.address.url_of` tells. Without
    `create` nothing is made where it is missing; with `read_only` nothing can be made or
    changed at all.

    :raises InvalidRequest: a URL that cannot be, an unknown scheme, or one claimed twice.
    :raises NotFound: no such file, or no tables in the database, and `create` is false.
    :raises StoreError: a package is missing, or the storage cannot be opened.

    >>> from timebank.storage import open_store
    >>> open_store("memory:", create=True).banks()
    []
    """
    url = url_of(url)
    scheme = _scheme_of(url)
    create = create and not read_only
    found = _built_in(scheme, url)
    if found is None:
        return _installed(scheme, url, create=create, read_only=read_only)
    store, spelled = found
    opener: Opener = _loaded(store, store.opener.partition(":")[2])
    return _hinting(store, partial(opener, spelled, create=create, read_only=read_only))


def migrate_store(url: str | os.PathLike[str]) -> list[str]:
    """Bring the tables of a URL, or of a file, to this version and return what was applied.

    :raises InvalidRequest: a URL that cannot be, or a store that has nothing to migrate.
    :raises NotFound: no such file.
    :raises StoreError: no ledger there, one of a newer version, or it cannot be written to.

    >>> from timebank.storage import migrate_store
    >>> migrate_store("sqlite://")
    []
    """
    url = url_of(url)
    scheme = _scheme_of(url)
    found = _built_in(scheme, url)
    if found is None:
        msg = f"stores of the scheme {shown(scheme)} are migrated by the package they are of"
        raise InvalidRequest(msg)
    store, spelled = found
    if store.migrator is None:
        msg = f"a store in {scheme} is new at each open: it has nothing of an older version"
        raise InvalidRequest(msg)
    migrator: Callable[[str], list[str]] = _loaded(store, store.migrator)
    return _hinting(store, partial(migrator, spelled))


def _scheme_of(url: str) -> str:
    scheme, _, rest = url.partition(":")
    _refuse_a_user(scheme, rest)
    return scheme


def _refuse_a_user(scheme: str, rest: str) -> None:
    """Refuse a user in a URL without a host: a later message would show the password."""
    if "@" in rest and (scheme == "memory" or (scheme == "sqlite" and rest[:3] != "///")):
        msg = f"{scheme}: has no host, so its URL has no user and no password"
        raise InvalidRequest(msg)


# -- our own -----------------------------------------------------------------------


def _built_in(scheme: str, url: str) -> tuple[BuiltIn, str] | None:
    """Return the built-in store that a scheme names, and the URL with its driver.

    :raises InvalidRequest: another driver than the one that is supported, or a name of
        ours that a package claims.
    """
    alias, _, driver = scheme.partition("+")
    name = ALIASES.get(alias, alias)
    store = BUILT_IN.get(name)
    if store is None:
        return None
    spelled = _spelled(name)
    if scheme != alias and driver != store.driver:
        msg = f"there is no {shown(scheme)} here: such a URL begins with {spelled}:"
        raise InvalidRequest(msg)
    _check_unclaimed(*{alias: None, name: None, spelled: None})
    return store, spelled + url.removeprefix(scheme)


def _spelled(name: str) -> str:
    """Return the scheme of a store of ours, with its driver."""
    driver = BUILT_IN[name].driver
    return name if driver is None else f"{name}+{driver}"


def _loaded(store: BuiltIn, function: str) -> Any:
    from importlib import import_module

    return getattr(import_module(store.opener.partition(":")[0]), function)


def needing(scheme: str, call: Callable[[], Result]) -> Result:
    """Return the result of a call that needs the packages of a built-in store.

    :raises StoreError: one is missing; the message says which extra to install.

    >>> from timebank.storage.registry import needing
    >>> needing("memory", lambda: 3)
    3
    """
    return _hinting(BUILT_IN[scheme], call)


def _hinting(store: BuiltIn, call: Callable[[], Result]) -> Result:
    """Return the result of a call; where a package is missing, say which extra to install."""
    try:
        return call()
    except ImportError as error:
        if store.extra is None:
            raise
        why = str(error).partition("\n")[0]
        msg = f"{store.driver} needs an extra: pip install 'timebank[{store.extra}]' ({why})"
        raise StoreError(msg).about(
            key="extra_missing", extra=store.extra, driver=store.driver
        ) from error


@lru_cache(maxsize=1)
def _points_at_start(
    read: Callable[..., Iterable[EntryPoint]], path: tuple[str, ...]
) -> tuple[EntryPoint, ...]:
    """Return the entry points, read once while `path` stays the same: stores are opened often."""
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
    """Open the store of an installed package, for `name` or `name+driver`."""
    from importlib import metadata

    points = tuple(metadata.entry_points(group=ENTRY_POINTS))
    for name in (scheme, scheme.partition("+")[0]):
        # The same claim found twice on the path is one.
        claims = {_claimant(point): point for point in points if point.name == name}
        if len(claims) > 1:
            claimants = _claimants(claims.values()).removeprefix(" and ")
            msg = f"the scheme {shown(name)} is claimed twice: {claimants}"
            raise InvalidRequest(msg)
        for point in claims.values():
            return _opened_by(point, url, create=create, read_only=read_only)
    known = ", ".join(sorted({*BUILT_IN, *(point.name for point in points)}))
    msg = f"no store for the scheme {shown(scheme)}; known are {known}{_hint(scheme)}"
    raise InvalidRequest(msg).about(key="scheme_unknown", scheme=shown(scheme), known=known)


def _hint(scheme: str) -> str:
    """Return what was meant by a scheme, where that can be guessed, and how a file is named."""
    from difflib import get_close_matches

    name = scheme.partition("+")[0].lower()
    near = get_close_matches(ELSEWHERE.get(name, name), BUILT_IN, n=1, cutoff=0.7)
    if near:
        slashes = {"memory": "", "sqlite": "///bank.db"}.get(
            near[0], "://user:password@host/database"
        )
        return f"; here that is {_spelled(near[0])}:{slashes.removeprefix(':')}"
    return "; a file with a colon in its name is written ./ and its name"


def _claimant(point: EntryPoint) -> str:
    """Return where a claim comes from; one that is made by hand has no distribution."""
    return point.value if point.dist is None else f"{point.value} of {point.dist.name}"


def _claimants(claims: Iterable[EntryPoint]) -> str:
    return "".join(
        f" and by {claimant}" for claimant in sorted({_claimant(point) for point in claims})
    )


def _opened_by(point: EntryPoint, url: str, *, create: bool, read_only: bool) -> Store:
    """Open the store of an entry point; a package may be missing when it is loaded or called."""
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
