"""Who is who: people who sign in, and the accounts of those who do not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from django.contrib.auth.models import Group, User
from django.contrib.auth.tokens import default_token_generator
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from exchange.models import Person, new_actor
from timebank.errors import TimebankError


def person_made(
    username: str,
    name: str,
    *,
    actor: str | None = None,
    roles: Iterable[str] = (),
    listed: bool = False,
    password: str | None = None,
) -> Person:
    """Return a new person who may sign in; without a password, by the link of `welcome_path`."""
    user = User.objects.create_user(username, password=password)
    user.groups.set(Group.objects.get_or_create(name=role)[0] for role in roles)
    return Person.objects.create(user=user, actor=actor or new_actor(), name=name, listed=listed)


def welcome_path(user: User) -> str:
    """Return the path of the page on which somebody chooses a first password, once."""
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    return reverse("welcome", args=[uid, default_token_generator.make_token(user)])


def directory(*, but: Iterable[str] = ()) -> dict[str, str]:
    """Return the names of who wants to be found, by the ids of their accounts, in order."""
    listed = Person.objects.filter(listed=True).exclude(actor__in=but).order_by("name")
    return dict(listed.values_list("actor", "name"))


class Names(Mapping[str, str]):
    """What accounts are called for somebody: in the directory, or by what their bank tells them.

    `told` are people who made themselves known: who proposes something says who they are. The
    number of an account stands for a name that is not for this reader.
    """

    def __init__(self, bank: Any, *, told: Iterable[str] = ()) -> None:
        known = Person.objects.filter(actor__in=list(told)).values_list("actor", "name")
        self._bank, self._names = bank, {**directory(), **dict(known)}

    def add(self, names: Mapping[str, str]) -> None:
        """Add names that the bank told, as in a statement."""
        self._names.update(names)

    def __getitem__(self, id: str) -> str:
        if id not in self._names:
            name = None
            with suppress(TimebankError):
                name = self._bank.account(id).name
            self._names[id] = name or id
        return self._names[id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)
