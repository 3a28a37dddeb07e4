"""How the site answers: forms that book once, refusals in words, what may be tried again."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import get_language
from django.views.generic import FormView

from timebank import explain
from timebank.errors import NotFound, NotPermitted, Retryable, TimebankError


def said(error: TimebankError, request: Any) -> str:
    """Return a refusal in the words and the language of who reads it."""
    return explain(error, lang=(get_language() or "it")[:2], names=request.bank)


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
        """Show an error of the bank that no form has shown."""
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
    title = ""
    button = ""
    success_url = "/"

    def get_context_data(self, **more: Any) -> dict[str, Any]:
        """Give the template the title and the name of the button."""
        return super().get_context_data(title=self.title, button=self.button, **more)

    def book(self, data: dict[str, Any]) -> str:
        """Do what the form says with `self.request.bank`; return a sentence that says so."""
        raise NotImplementedError

    def form_valid(self, form: Any) -> HttpResponse:
        """Book; what is refused is said above the form, which keeps what was written."""
        try:
            with transaction.atomic():
                done = self.book(form.cleaned_data)
        except (Http404, NotPermitted):
            raise
        except TimebankError as error:
            form.add_error(None, said(error, self.request))
            return self.form_invalid(form)
        messages.success(self.request, done)
        return HttpResponseRedirect(self.get_success_url())
