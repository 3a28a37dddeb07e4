"""How the site answers: forms that book once, refusals in words, what may be tried again."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.db import OperationalError, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.generic import FormView

from exchange.people import Names
from timebank import explain
from timebank.errors import (
    IdempotencyMismatch,
    NotFound,
    NotPermitted,
    Retryable,
    TimebankError,
)


class Refused(Exception):
    """What the site itself refuses, where the bank has no say: its text is for who reads it."""


class SentBefore(Exception):
    """A form was sent before, filled in otherwise: its id is in use."""


def said(error: TimebankError, request: Any) -> str:
    """Return a refusal in the words and the language of who reads it."""
    return explain(error, lang=(get_language() or "it")[:2], names=Names(request.bank))


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
        """Answer a request."""
        answer = self.get_response(request)
        answer.setdefault("Content-Security-Policy", self.POLICY)
        answer.setdefault("Cache-Control", "private, no-store")
        return answer

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Show an error of the bank that no form has shown; a database that is busy, too."""
        if isinstance(error, OperationalError):
            return render(request, "exchange/refused.html", {"again": True}, status=503)
        if not isinstance(error, TimebankError):
            return None
        status = 400
        if isinstance(error, NotPermitted):
            status = 403
        elif isinstance(error, NotFound):
            status = 404
        elif isinstance(error, Retryable):
            status = 503
        words = {"said": said(error, request), "again": status == 503}
        return render(request, "exchange/refused.html", words, status=status)


class Once(forms.Form):
    """A form that carries the id of what it books: sent twice, it is booked once."""

    operation = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)


class Booking(FormView):
    """A page with a form that changes the bank, in one transaction, or shows why not."""

    template_name = "exchange/form.html"
    title: Any = ""
    button: Any = ""
    success_url = "/"
    #: The fields beside which errors are said; all others are said above the form.
    beside: ClassVar[dict[type[TimebankError], str]] = {}

    def get_context_data(self, **more: Any) -> dict[str, Any]:
        """Give the template the title and the name of the button."""
        return super().get_context_data(title=self.title, button=self.button, **more)

    def book(self, data: dict[str, Any]) -> str:
        """Do what the form says with `self.request.bank`; return a sentence that says so."""
        raise NotImplementedError

    def form_valid(self, form: Any) -> HttpResponse:
        """Book; what is refused is said above the form, which keeps what was written."""
        operation = str(form.cleaned_data.get("operation"))
        try:
            with transaction.atomic():
                done = self.book(form.cleaned_data)
        except (Http404, NotPermitted):
            raise
        except Refused as refusal:
            form.add_error(None, str(refusal))
        except SentBefore:
            self.sent_before(form)
        except TimebankError as error:
            if isinstance(error, IdempotencyMismatch) and error.id == operation:
                self.sent_before(form)
            else:
                fields = [field for kind, field in self.beside.items() if isinstance(error, kind)]
                form.add_error(fields[0] if fields else None, said(error, self.request))
        else:
            messages.success(self.request, done)
            return HttpResponseRedirect(self.get_success_url())
        return self.form_invalid(form)

    def sent_before(self, form: Any) -> None:
        """Say that a form was sent already, as after a step back; sent again, it is another."""
        form.data = form.data.copy()
        form.data["operation"] = str(uuid.uuid4())
        text = _("You sent this form already, filled in otherwise. Send it again to add this too.")
        form.add_error(None, text)
