"""Read the setting `TIMEBANK`, and say of everything in it that cannot be."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

import attrs
from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from timebank.errors import TimebankError, WrongType, shown
from timebank.model.ids import identifier
from timebank.permissions import Ask, Permissions, checked

_APP: Final = "timebank.contrib.django"

#: The keys of the setting, with what each is where it is left out.
DEFAULTS: Final[Mapping[str, object]] = {
    "BANK": "main",
    "DATABASE": "default",
    "CREATE": True,
    "PERMISSIONS": None,
    "KEY": None,
}


@attrs.frozen
class Problem:
    """One thing that is wrong with the setting: the id of its check, what, and what to do."""

    id: str
    text: str
    hint: str


@attrs.frozen
class Config:
    """The setting as it is used."""

    bank: str
    database: str
    create: bool
    permissions: Permissions | None
    key: str | None


class NamedPermissions:
    """The permissions that a dotted path names, imported when they are first asked.

    A bank may be made while modules are still loaded, which the permissions may need.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._found: Permissions | None = None

    def __repr__(self) -> str:
        return f"<permissions {self.path}>"

    def __call__(self, ask: Ask) -> bool:
        """Ask what the path names.

        :raises ImproperlyConfigured: it cannot be imported.
        :raises WrongType: it cannot be called, or gives a coroutine instead of an answer.
        """
        if self._found is None:
            self._found = permissions_of(self.path)
        return self._found(ask)


def permissions_of(path: str) -> Permissions:
    """Return the permissions that a dotted path names: see `NamedPermissions`."""
    try:
        found: Any = import_string(path)
    except ImportError as error:
        msg = f"TIMEBANK['PERMISSIONS'] names {path!r}, which cannot be imported: {error}"
        raise ImproperlyConfigured(msg) from error
    try:
        permissions = checked(found)
    except WrongType as error:
        msg = f"TIMEBANK['PERMISSIONS'] names {path!r}: {error}"
        raise WrongType(msg) from error
    if permissions is None:
        msg = f"TIMEBANK['PERMISSIONS'] names {path!r}, which is None"
        raise WrongType(msg)
    return permissions


def config() -> Config:
    """Return the setting, read anew: tests override settings.

    :raises ImproperlyConfigured: anything in it is wrong, or the app is not installed.
    """
    if apps.apps_ready and not apps.is_installed(_APP):
        # Its migrations, its checks and its `flush` would be missing, and nothing would tell.
        msg = f"the app {_APP!r} is not in INSTALLED_APPS"
        raise ImproperlyConfigured(msg)
    for problem in problems():
        msg = f"{problem.text} {problem.hint}"
        raise ImproperlyConfigured(msg)
    given = {**DEFAULTS, **getattr(settings, "TIMEBANK", {})}
    path = given["PERMISSIONS"]
    permissions = None if path is None else NamedPermissions(path)
    key = None if given["KEY"] is None else os.fspath(given["KEY"])
    return Config(given["BANK"], given["DATABASE"], given["CREATE"], permissions, key)


def problems() -> Iterator[Problem]:
    """Yield what is wrong with the setting; what a path names is not looked at."""
    given: object = getattr(settings, "TIMEBANK", {})
    if not isinstance(given, Mapping):
        yield Problem(
            "E001",
            f"The setting TIMEBANK is a dict, not {shown(given)}.",
            'As in TIMEBANK = {"BANK": "main"}.',
        )
        return
    for key in given:
        if key not in DEFAULTS:
            near = get_close_matches(str(key).upper(), DEFAULTS, n=1, cutoff=0.6)
            yield Problem(
                "E001",
                f"The setting TIMEBANK has no key {shown(key)}.",
                f"Do you mean {near[0]!r}?" if near else f"Its keys are {', '.join(DEFAULTS)}.",
            )
    whole = {**DEFAULTS, **given}
    yield from _of_values(whole["BANK"], whole["DATABASE"], whole["CREATE"], whole["PERMISSIONS"])
    key = whole["KEY"]
    if key is not None and not (isinstance(key, str | Path) and str(key)):
        yield Problem(
            "E001",
            f"TIMEBANK['KEY'] is {shown(key)}.",
            "It is the path of the file in which the bank's key is, or None.",
        )


def _of_values(
    bank: object, database: object, create: object, permissions: object
) -> Iterator[Problem]:
    try:
        identifier(bank, "bank")
    except TimebankError as error:
        yield Problem("E001", f"TIMEBANK['BANK'] is no name of a bank: {error}.", 'As in "main".')
    if not isinstance(database, str) or database not in settings.DATABASES:
        known = ", ".join(map(repr, settings.DATABASES))
        yield Problem(
            "E002",
            f"TIMEBANK['DATABASE'] is {shown(database)}, which is none of DATABASES.",
            f"It is one of {known}.",
        )
    if type(create) is not bool:
        yield Problem(
            "E001",
            f"TIMEBANK['CREATE'] is {shown(create)}.",
            "It is True or False: whether the first call that writes makes the bank.",
        )
    if permissions is not None and not isinstance(permissions, str):
        yield Problem(
            "E003",
            f"TIMEBANK['PERMISSIONS'] is {shown(permissions)}.",
            'It is a dotted path, as "club.permissions.may", or None.',
        )
