"""Who is who: people who sign in, and the accounts of those who do not."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import Group, User
from django.contrib.auth.tokens import default_token_generator
from django.db.models import Q
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from exchange.models import Person, new_actor
from timebank.reports import KnownNames


def person_made(
    username: str, name: str, *, actor: str | None = None, roles: Iterable[str] = (), **more: Any
) -> Person:
    """Return a new person who may sign in; without a password, by the link of `welcome_path`."""
    user = User.objects.create_user(username, password=more.pop("password", None))
    user.groups.set(Group.objects.get_or_create(name=role)[0] for role in roles)
    return Person.objects.create(user=user, actor=actor or new_actor(), name=name, **more)


def welcome_path(user: User) -> str:
    """Return the path of the page on which somebody chooses a first password, once."""
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    return reverse("welcome", args=[uid, default_token_generator.make_token(user)])


def directory(*, but: Iterable[str] = ()) -> dict[str, str]:
    """Return the names of who wants to be found, by the ids of their accounts, in order."""
    listed = Person.objects.filter(listed=True).exclude(actor__in=but).order_by("name")
    return dict(listed.values_list("actor", "name"))


def names_for(bank: Any, *, told: Iterable[Any] = ()) -> KnownNames:
    """Return what accounts are called for who acts on a bank: in the directory, or by the bank.

    `told` are people who made themselves known: who proposes something says who they are. The
    number of an account stands for a name that is not for this reader.
    """
    known = Person.objects.filter(Q(listed=True) | Q(actor__in=set(told)))
    return KnownNames(bank, dict(known.values_list("actor", "name")))
