"""Views: a form that books once, and shows a refusal in words."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, ClassVar

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpResponse
from django.utils.translation import pgettext
from django.views.generic.edit import FormMixin

from timebank.bank import TimeBank
from timebank.contrib.django import conf, words
from timebank.errors import IdempotencyMismatch, NotPermitted, TimebankError
from timebank.reports.explaining import explain


class BookingMixin(FormMixin):
    """What a view adds to Django's `FormView`, so that its form books once, or shows why not.

    `book` is called within one `transaction.atomic()` of the ledger's database: rows that it
    writes and hours that it books are one commit. What the bank refuses is said in the words and
    the language of `timebank.explain`, above the form, which keeps what was written; so is a
    `ValidationError` of `book`. `NotPermitted` is left to the site, as is every other exception.

    Its form is an `OnceForm`, whose `operation` is the id of what is booked. Sent twice it is
    booked once. Sent again and filled in otherwise, as after a step back in the browser, it is
    asked about, and gets a new id: sent once more it is another.
    """

    #: Errors that are said beside a field: class → name of the field. The first that fits counts.
    beside: ClassVar[Mapping[type[TimebankError], str]] = {}

    def book(self, data: dict[str, Any]) -> str | None:
        """Do what a form says, which is cleaned; return a sentence that says so, if there is one.

        :raises ValidationError: the site refuses it, where the bank has no say.
        :raises TimebankError: the bank does.
        """
        raise NotImplementedError

    def names(self) -> TimeBank | Mapping[str, str] | None:
        """Return what names accounts have in a refusal, as `timebank.explain` takes it."""
        return None

    def form_valid(self, form: Any) -> HttpResponse:
        """Book; go to where the view leads, or show the form again with why not."""
        operation = str(form.cleaned_data.get("operation"))
        try:
            with transaction.atomic(using=conf.config().database):
                said = self.book(form.cleaned_data)
        except NotPermitted:
            raise
        except ValidationError as refusal:
            form.add_error(None, refusal)
        except TimebankError as error:
            if isinstance(error, IdempotencyMismatch) and error.id == operation:
                self._ask_again(form)
            else:
                fields = [field for kind, field in self.beside.items() if isinstance(error, kind)]
                sentence = explain(error, lang=words.language(), names=self.names())
                form.add_error(fields[0] if fields else None, sentence)
        else:
            if said:
                messages.success(self.request, said)
            return super().form_valid(form)
        return self.form_invalid(form)

    def _ask_again(self, form: Any) -> None:
        form.data = form.data.copy()
        form.data[form.add_prefix("operation")] = str(uuid.uuid4())
        sentence = pgettext(
            "timebank",
            "You sent this form already, filled in otherwise. Send it again to add this too.",
        )
        form.add_error(None, sentence)
