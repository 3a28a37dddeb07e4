"""What the pages of the desk share: who may open them, and their forms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import wraps
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from exchange.answers import Booking, Once, said
from exchange.models import Proposal
from timebank import Hours
from timebank.errors import NotFound, NotPermitted, TimebankError


def at_desk(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Refuse a page of the desk to whom the bank does not let work there.

    Who audits reads all, too; so the bank is asked for what only a coordinator does. On a preview
    nothing comes of it.
    """

    @wraps(view)
    def asked(request: Any, *given: Any, **named: Any) -> HttpResponse:
        if "\0" in request.path:  # no id has one, and a database may not even look for it
            raise Http404
        with suppress(NotFound), request.bank.preview() as would:
            would.thaw("nobody")
        return view(request, *given, **named)

    return asked


def language() -> str:
    """Return the code of the language of who reads."""
    return (get_language() or "it")[:2]


def names_of(bank: Any) -> dict[str, str]:
    """Return what all accounts are called, by their ids."""
    return {one.id: one.name or one.id for one in bank.accounts()}


def accounts(bank: Any, *kinds: str) -> list[tuple[str, Any]]:
    """Return the accounts that are not closed, of some kinds or all, to choose from by name."""
    found = [
        (one.id, f"{one.name} ({one.id})" if one.name else one.id)  # two may have one name
        for one in bank.accounts()
        if one.status != "closed" and (not kinds or one.kind in kinds)
    ]
    return [("", _("Choose")), *sorted(found, key=lambda one: one[1].casefold())]


def shown(one: Any, names: Mapping[str, str]) -> dict[str, Any]:
    """Return an exchange, a hold or a proposal, with its hours and the names of both sides."""
    if isinstance(one, Proposal):
        earners, spenders, hours = [one.earner], [one.spender], Hours.from_seconds(one.seconds)
    else:
        earners, spenders, hours = one.earners, one.spenders, one.hours
    earner, spender = (", ".join(names.get(id, id) for id in side) for side in (earners, spenders))
    return {"it": one, "earner": earner, "spender": spender, "hours": hours}


class DeskForm(Once):
    """A form of the desk, which knows the bank, and which account it is about, if one."""

    def __init__(self, *given: Any, bank: Any, account: str | None = None, **named: Any) -> None:
        super().__init__(*given, **named)
        self.bank, self.account = bank, account


class AtDesk(Booking):
    """A page of the desk with a form that changes the bank."""

    template_name = "desk/form.html"
    button = _("Save")

    def get_form_kwargs(self) -> dict[str, Any]:
        """Give the form the bank on which the coordinator acts."""
        about = {"bank": self.request.bank, "account": self.kwargs.get("id")}
        return {**super().get_form_kwargs(), **about}


def tried(request: Any, work: Callable[[], Any], done: str) -> None:
    """Do what a button says, in one transaction; say that it is done, or why it is not."""
    try:
        with transaction.atomic():
            work()
    except NotPermitted:
        raise
    except TimebankError as error:
        messages.error(request, said(error, request))
    else:
        messages.success(request, done)
