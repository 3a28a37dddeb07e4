"""Who acts, and what they may: the roles of the library, given by groups of Django's.

Who signs in is a `Person`, whose `actor` is the id that the journal keeps, and the id of their own
account where they have one. Groups named `coordinator`, `treasurer` and `auditor` are roles;
everybody is a member. Nothing else in this site decides who may do what.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

import timebank.contrib.django
from exchange.models import Person
from timebank import Account, Roles, TimeBank
from timebank.errors import AccountNotFound, NotPermitted
from timebank.permissions import Ask

#: The roles of who has signed in, and the bank on which they act, while a request is answered.
_acting: ContextVar[tuple[Roles, TimeBank] | None] = ContextVar("acting", default=None)


def may(ask: Ask) -> bool:
    """Return true where the roles of who has signed in permit a call: `TIMEBANK["PERMISSIONS"]`."""
    return (acts := _acting.get()) is not None and acts[0](ask)


@contextmanager
def acting(actor: str, roles: Iterable[str] = ()) -> Iterator[TimeBank]:
    """Give the bank on which somebody acts, as a member and in their other roles, for a block."""
    bank = timebank.contrib.django.bank(actor=actor)
    before = _acting.set((Roles({actor: ["member", *roles]}), bank))
    try:
        yield bank
    finally:
        _acting.reset(before)


def accounts() -> tuple[Account, ...]:
    """Return all accounts, for who has signed in, where no request is at hand: as in a field."""
    acts = _acting.get()
    return () if acts is None else tuple(acts[1].accounts())


class SignedIn:
    """Give each request `person`, their `roles`, and the `bank` on which they act."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> HttpResponse:
        """Answer a request; what is asked of the bank meanwhile is asked for this person."""
        request.person, request.roles, request.bank = None, frozenset(), None
        if not request.user.is_authenticated:
            return self.get_response(request)
        request.person = Person.of(request.user)
        groups = request.user.groups.values_list("name", flat=True)
        request.roles = frozenset(groups) & {"coordinator", "treasurer", "auditor"}
        with acting(request.person.actor, request.roles) as request.bank:
            return self.get_response(request)


def accounts_of(request: Any) -> list[str]:
    """Return the accounts for which somebody acts: their own, and those that named them."""
    bank, actor = request.bank, request.person.actor
    found = [one.account for one in bank.acts_for(actor)]
    with suppress(AccountNotFound, NotPermitted):  # who works at the desk may have no account
        found.insert(0, bank.account(actor).id)
    return found


#: The pages of the menu: the address's name, its title, and whose they are: roles, or everybody's.
PAGES: Final = (
    ("home", _("My hours"), ""),
    ("propose", _("Propose an exchange"), ""),
    ("people", _("Directory"), ""),
    ("desk", _("Desk"), "coordinator"),
    ("treasury", _("Treasury"), "treasurer auditor"),
)


def for_templates(request: Any) -> dict[str, Any]:
    """Give all templates the association's name, who has signed in, and the menu of their pages."""
    roles: frozenset[str] = getattr(request, "roles", frozenset())
    pages = [
        (reverse(name), title)
        for name, title, whose in PAGES
        if not whose or not roles.isdisjoint(whose.split())
    ]
    person = getattr(request, "person", None)
    return {"association": settings.ASSOCIATION, "person": person, "pages": pages}
