"""What the treasurer sees first; audits, the published head, balances and dues."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse_lazy
from django.utils.timezone import localdate
from django.utils.translation import gettext_lazy as _

from exchange.answers import Booking, said
from exchange.fields import DayField
from exchange.treasury.models import Audit, Sheet
from timebank import Head, Hours, TimeBank, explain
from timebank.errors import Corrupt, TimebankError
from timebank.reports.findings import audit_in_words
from timebank.reports.members import charged_text


class DayForm(forms.Form):
    """One day, today unless told."""

    day = DayField(label=_("Day"), required=False, initial=localdate)


def overview(request: Any) -> HttpResponse:
    """Show how the bank is, and what is to be done; the way to an audit where nothing is well."""
    bank, today = request.bank, localdate()
    shown = {**last_audit(bank), "sheets": Sheet.kept().filter(booked="")}
    try:
        lines = bank.trial_balance().lines
        frozen = {one.account for one in lines if one.status == "frozen"}
        due = [one for one in bank.dues() if one.account not in frozen]
        shown |= {
            "accounts": sum(one.status != "closed" for one in lines),
            "positive": sum((max(one.balance, Hours(0)) for one in lines), Hours(0)),
            "month": bank.impact(since=today.replace(day=1), until=today, at_least=1).exchanges,
            "due": sum((one.hours for one in due), Hours(0)),
            "due_accounts": len({one.account for one in due}),
        }
    except Corrupt as error:
        shown["refusal"] = said(error, request)
    return render(request, "treasury/overview.html", shown)


def last_audit(bank: TimeBank) -> dict[str, Any]:
    """Return the last audit, and how many records were written since."""
    last, head = Audit.objects.last(), bank.head()
    return {"last": last, "since": head.sequence - last.records if last else 0}


def audit(request: Any) -> HttpResponse:
    """Audit at the press of a button, and keep the answer for the first page; show it in words."""
    bank = request.bank
    if request.method != "POST":
        return render(request, "treasury/audit.html", last_audit(bank))
    report = bank.audit()
    Audit.objects.create(records=report.records, causes=len(report.causes))
    found = audit_in_words(report)
    return render(request, "treasury/audit.html", {"found": found})


class HeadForm(forms.Form):
    """A head that was published, to be looked for in the journal."""

    older = forms.CharField(
        label=_("A head that was published"),
        max_length=1_000,
        widget=forms.Textarea({"rows": 4, "class": "code", "spellcheck": "false"}),
        help_text=_("The line that begins with timebank/1, as it was printed."),
    )

    def clean_older(self) -> Head:
        """Return the head; what is none is said in the library's words."""
        try:
            return Head.of(" ".join(self.cleaned_data["older"].split()))
        except TimebankError as error:
            raise forms.ValidationError(explain(error)) from error


def head(request: Any) -> HttpResponse:
    """Show the head to be published; look for an older one in the journal, where one is given."""
    form = HeadForm(request.POST or None)
    shown: dict[str, Any] = {"head": request.bank.head(), "form": form}
    if form.is_valid():
        older = form.cleaned_data["older"]  # perhaps of another bank: the light stays as it is
        found = audit_in_words(request.bank.audit(expect=[older]))
        shown |= {"older": older, "found": found}
    return render(request, "treasury/head.html", shown)


def balances(request: Any) -> HttpResponse:
    """Show all accounts with what they earned and spent, up to a day."""
    form = DayForm(request.GET or None)
    day = form.cleaned_data["day"] if form.is_valid() else None
    head = request.bank.head()
    trial = None if form.errors else request.bank.trial_balance(day, at=head.sequence)
    shown = {"form": form, "trial": trial, "day": day, "head": head}
    return render(request, "treasury/balances.html", shown)


class Dues(Booking):
    """What is due through a day; charged, by its nature nobody is charged twice for one period."""

    form_class = DayForm
    template_name = "treasury/dues.html"
    success_url = reverse_lazy("treasury_dues")

    def get_form_kwargs(self) -> dict[str, Any]:
        """Give the form the day that is shown, or charged."""
        return {**super().get_form_kwargs(), "data": self.request.POST or self.request.GET or None}

    def get_context_data(self, **more: Any) -> dict[str, Any]:
        """Give the template what is due, and its sum; who is frozen waits."""
        context, bank, today = super().get_context_data(**more), self.request.bank, localdate()
        form = context["form"]
        day = (form.cleaned_data["day"] if form.is_valid() else None) or today
        accounts = {one.id: one for one in bank.accounts()}
        due = [
            (one, accounts[one.account], accounts[one.fund])
            for one in bank.dues(through=None if day == today else day)
        ]
        ready = [one.hours for one, account, _fund in due if account.status != "frozen"]
        context |= {"day": day, "due": due, "is_ahead": day > today}
        return {**context, "sum": sum(ready, Hours(0))}

    def book(self, data: dict[str, Any]) -> str:
        """Charge; say how much of how many, in the library's words."""
        report = self.request.bank.run_due(through=data["day"] or localdate())
        return " ".join(charged_text(report))
