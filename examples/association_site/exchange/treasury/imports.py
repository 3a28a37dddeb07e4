"""Bring in a sheet: send it, answer what it does not say, look at what it comes to, book it.

`timebank.interchange.hosting` does all of it; between the steps a sheet is a row, `Sheet`. What is
booked is what was looked at: where it comes to something else by then, it is shown again.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from exchange.answers import Booking, said
from exchange.treasury.models import Sheet
from exchange.treasury.shared import download
from timebank import explain
from timebank.contrib.django.forms import OnceForm
from timebank.errors import Retryable, TimebankError
from timebank.interchange.hosting import MOST_BYTES, ask_to_import
from timebank.interchange.propose.showing import Question


class UploadForm(OnceForm):
    """A sheet; its row has the id of the form, so that it is sent once."""

    file = forms.FileField(
        label=_("Sheet"),
        help_text=_("A spreadsheet, .xlsx or .ods, or a .csv file, of at most 5 MB."),
        widget=forms.FileInput({"accept": ".csv,.xlsx,.ods"}),
    )

    def clean_file(self) -> Sheet:
        """Return the row of a sheet that can be understood, or asked about."""
        file = self.cleaned_data["file"]
        sheet = Sheet(name=file.name, data=file.read(MOST_BYTES + 1))
        try:
            sheet.read()
        except TimebankError as error:
            raise forms.ValidationError(explain(error)) from error
        return sheet


class Upload(Booking):
    """The sheets that are kept, and a form to send one."""

    form_class = UploadForm
    template_name = "treasury/imports.html"
    title = _("Imports")
    button = _("Look at this sheet")

    def get_context_data(self, **more: Any) -> dict[str, Any]:
        """Give the template the sheets, for who may read all of the bank."""
        self.request.bank.trial_balance()
        return super().get_context_data(sheets=Sheet.kept().defer("data"), **more)

    def post(self, request: Any, *given: Any, **named: Any) -> HttpResponse:
        """Take a sheet from who may import it."""
        ask_to_import(request.bank)
        return super().post(request, *given, **named)

    def book(self, data: dict[str, Any]) -> str:
        """Keep the sheet; nothing is booked."""
        sheet, id = data["file"], data["operation"]
        Sheet.objects.get_or_create(id=id, defaults={"name": sheet.name, "data": sheet.data})
        self.success_url = reverse("treasury_sheet", args=[id])
        return gettext("The sheet is here. Nothing is booked yet.")


class AnswersForm(forms.Form):
    """The questions about a sheet, each under its key."""

    def __init__(self, *given: Any, questions: Iterable[Question], **more: Any) -> None:
        super().__init__(*given, **more)
        for one in questions:
            choices = list(one.choices.items())
            self.fields[str(one.key)] = (
                forms.ChoiceField(label=one.text, choices=choices, widget=forms.RadioSelect)
                if choices
                else forms.CharField(label=one.text, max_length=1_000)
            )


def kept(request: Any, id: UUID) -> Sheet:
    """Return a sheet to who may import it."""
    ask_to_import(request.bank)
    return get_object_or_404(Sheet.kept(), id=id)


def sheet(request: Any, id: UUID) -> HttpResponse:
    """Show what a sheet was understood to say and what it comes to; ask what nobody can see."""
    one = kept(request, id)
    if "forget" in request.POST:
        Sheet.objects.filter(id=id).update(data=b"")
        messages.success(request, gettext("The sheet is not kept any more."))
        return redirect("treasury_imports")
    sent = one.read()
    preview = sent.preview(request.bank)
    form = AnswersForm(request.POST or None, questions=preview.questions)
    if form.is_valid():
        one.answers |= form.cleaned_data
        try:
            one.read()
        except TimebankError as error:
            form.add_error(None, explain(error))
        else:
            one.save(update_fields=["answers"])
            return redirect("treasury_sheet", id)
    shown = {"sheet": one, "sent": sent, "preview": preview, "form": form}
    return render(request, "treasury/sheet.html", shown)


@require_POST
def book(request: Any, id: UUID) -> HttpResponse:
    """Book a sheet as it was looked at, in one transaction: once, however often it is sent."""
    ask_to_import(request.bank)
    seen = request.POST.get("seen", "")
    try:
        with transaction.atomic():
            one = get_object_or_404(Sheet.objects.select_for_update(), id=id)
            if seen and seen == one.booked:
                messages.success(request, gettext("It is booked. Nothing was booked twice."))
                return redirect("treasury_imports")
            sent = one.read()
            report = sent.book(request.bank, seen)
            one.booked, one.source = seen, sent.source
            one.data = one.data if report.quarantined else b""
            one.save()
    except Retryable:
        raise
    except TimebankError as error:
        messages.error(request, said(error, request))
        return redirect("treasury_sheet", id)
    told = gettext("It is booked. Exchanges: %(n)s, hours: %(hours)s.")
    messages.success(request, told % {"n": report.transfers_booked, "hours": report.moved})
    return redirect("treasury_imports")


def quarantine(request: Any, id: UUID) -> HttpResponse:
    """Send the rows that cannot be taken, with the reason of each."""
    one = kept(request, id)
    return download(Path(one.name).stem, "csv", [one.read().quarantine(request.bank)])
