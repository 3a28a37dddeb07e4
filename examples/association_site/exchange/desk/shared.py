"""What the pages of the desk share: who may open them, names, and a field for accounts."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _

from exchange.access import accounts
from timebank.errors import NotFound


def at_desk(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Refuse a page of the desk to whom the bank does not let work there.

    Who audits reads all, too; so the bank is asked for what only a coordinator does. On a preview
    nothing comes of it.
    """

    @wraps(view)
    def asked(request: Any, *given: Any, **named: Any) -> HttpResponse:
        with suppress(NotFound), request.bank.preview() as would:
            would.thaw("nobody")
        return view(request, *given, **named)

    return asked


def names_of(bank: Any) -> dict[str, str]:
    """Return what all accounts are called, by their ids."""
    return {one.id: one.name or one.id for one in bank.accounts()}


def page(request: Any, name: str, **shown: Any) -> HttpResponse:
    """Show a page of the desk, with the names of all accounts."""
    return render(request, f"desk/{name}.html", {**shown, "names": names_of(request.bank)})


class AccountField(forms.ChoiceField):
    """One of the accounts that are not closed, of a kind or all; two may have one name."""

    def __init__(self, kind: str = "", **given: Any) -> None:
        self.kind = kind
        super().__init__(choices=self.offered, **given)

    def offered(self) -> list[tuple[str, Any]]:
        """Return the accounts by their names, with their numbers."""
        found = [
            (one.id, f"{one.name} ({one.id})" if one.name else one.id)
            for one in accounts()
            if one.status != "closed" and self.kind in {"", one.kind}
        ]
        return [("", _("Choose")), *sorted(found, key=lambda one: one[1].casefold())]
