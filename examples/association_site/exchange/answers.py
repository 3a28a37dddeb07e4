"""How the site answers: forms that book once, buttons, and what the bank does not let one see."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import OperationalError, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect, render
from django.views.generic import FormView

from exchange.people import names_for
from timebank import explain
from timebank.contrib.django.views import BookingMixin
from timebank.errors import NotFound, NotPermitted, Retryable, TimebankError
from timebank.reports import KnownNames


class Booking(BookingMixin, FormView):
    """A page with a form that changes the bank, in one transaction, or shows why not."""

    template_name = "exchange/form.html"
    title: Any = ""
    button: Any = ""
    success_url = "/"

    def get_context_data(self, **more: Any) -> dict[str, Any]:
        """Give the template the title and the name of the button."""
        return super().get_context_data(**{"title": self.title, "button": self.button, **more})

    def names(self) -> KnownNames:
        """Return what accounts are called in a refusal."""
        return names_for(self.request.bank)


def said(error: TimebankError, request: Any) -> str:
    """Return a refusal in the words and the language of who reads it."""
    return explain(error, names=names_for(request.bank))


def pressed(request: Any, work: Callable[[], Any], done: Any, to: str, *of: str) -> HttpResponse:
    """Do what a button says, in one transaction, and go to a page; or show why it is not done."""
    try:
        with transaction.atomic():
            work()
    except (NotPermitted, Retryable):
        raise
    except ValidationError as refusal:
        return render(request, "exchange/refused.html", {"said": " ".join(refusal.messages)})
    except TimebankError as error:
        return render(request, "exchange/refused.html", {"said": said(error, request)})
    messages.success(request, done)
    return redirect(to, *of)


class Answers:
    """Answer what a bank refuses to show as a page that is not there, or not for this person.

    The Content-Security-Policy lets a page of this site load nothing but its own style.
    """

    POLICY = (
        "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer a request; the address of a button alone, as after a sign-in, is no page."""
        answer = self.get_response(request)
        if answer.status_code == HttpResponseNotAllowed.status_code:
            answer.content = render(request, "404.html").content
        answer.setdefault("Content-Security-Policy", self.POLICY)
        answer.setdefault("Cache-Control", "private, no-store")
        return answer

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Show an error of the bank that no form has shown; a database that is busy, too."""
        if not isinstance(error, TimebankError | OperationalError):
            return None
        kinds = {NotPermitted: 403, NotFound: 404, Retryable: 503, OperationalError: 503}
        status = next((code for kind, code in kinds.items() if isinstance(error, kind)), 400)
        words = {"again": True} if status == 503 else {"said": said(error, request)}
        return render(request, "exchange/refused.html", words, status=status)
