"""What the treasurer sees first; audits, the head, balances, dues and limits."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse_lazy
from django.utils.timezone import localdate
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from exchange.answers import Booking, said
from exchange.treasury.models import Audit, Sheet
from exchange.treasury.shared import DayForm, explained, language
from timebank import INHERIT, Account, AuditReport, Head, Hours, TimeBank
from timebank.errors import Corrupt, InvalidHours, TimebankError
from timebank.proof import PublicKey, SignedHead, keys_of, sign_head
from timebank.proof.consistency import expected
from timebank.reports.findings import audit_text, cause_words, spoken, verdict
from timebank.reports.members import due_text
from timebank.reports.words import Words, speaking


def overview(request: Any) -> HttpResponse:
    """Show how the bank is, and what is to be done; the way to an audit where nothing is well."""
    shown = {**last_audit(request.bank.head()), "sheets": Sheet.objects.filter(booked_at=None)}
    try:
        shown |= figures(request.bank)
    except Corrupt as error:
        shown["refusal"] = said(error, request)
    return render(request, "treasury/overview.html", shown)


def figures(bank: TimeBank) -> dict[str, Any]:
    """Return what the bank has today, and which dues are to be charged."""
    today, trial = localdate(), bank.trial_balance()
    frozen = {one.account for one in trial.lines if one.status == "frozen"}
    due = [one for one in bank.dues() if one.account not in frozen]
    positive = sum(one.balance.seconds for one in trial.lines if one.balance > Hours(0))
    return {
        "accounts": sum(one.status != "closed" for one in trial.lines),
        "positive": Hours.from_seconds(positive),
        "month": bank.impact(since=today.replace(day=1), until=today, at_least=1).exchanges,
        "due": Hours.from_seconds(sum(one.hours.seconds for one in due)),
        "due_accounts": len({one.account for one in due}),
    }


# -- audits, and the head ------------------------------------------------------------------


def last_audit(head: Head) -> dict[str, Any]:
    """Return the last audit, and how many records were written since."""
    last = Audit.objects.first()
    return {"audit": last, "since": head.sequence - last.records if last else 0}


def audited(request: Any, *expect: Head) -> dict[str, Any]:
    """Audit now, and return what was found, in words; keep the answer for the first page.

    Of a head that is looked for the answer is not kept: it may be of another bank.
    """
    report = request.bank.audit(expect=expect)
    if report.head is not None and not expect:
        Audit.objects.create(
            records=report.records, head=str(report.head), causes=len(report.causes)
        )
    return {"report": report, **in_words(report)}


def in_words(report: AuditReport) -> dict[str, Any]:
    """Return an audit as `timebank audit` says it: what was done, what follows, what to do."""
    with speaking(language()):
        words = Words("findings")
        causes = [
            {
                "said": cause_words(one, report, words),
                "advice": spoken(one.advice, words, report.names),
            }
            for one in report.causes
        ]
        all_of_it = "\n".join(audit_text(report, everything=True))
        return {"verdict": verdict(report), "causes": causes, "text": all_of_it}


def audit(request: Any) -> HttpResponse:
    """Audit at the press of a button; asked again, it answers anew and changes nothing."""
    found = audited(request) if request.method == "POST" else last_audit(request.bank.head())
    return render(request, "treasury/audit.html", found)


class HeadForm(forms.Form):
    """A head that was published, to be looked for in the journal."""

    older = forms.CharField(
        label=_("A head that was published"),
        max_length=5_000,
        widget=forms.Textarea({"rows": 4, "class": "code", "spellcheck": "false"}),
        help_text=_("The line that begins with timebank/1, or a signed head, as it was printed."),
    )

    def clean_older(self) -> Head:
        """Return the head; a signature that is not that of the bank's key is refused."""
        text = self.cleaned_data["older"].replace("\r\n", "\n").strip()
        try:
            if text.startswith("timebank/1 "):
                return Head.of(" ".join(text.split()))
            signed = SignedHead.of(f"{text}\n")
            if (key := public_key()) is not None:
                signed.checked([key])
            return expected(signed)
        except TimebankError as error:
            raise forms.ValidationError(explained(error)) from error


def public_key() -> PublicKey | None:
    """Return the public half of the bank's key, where the site has it."""
    try:
        return keys_of(settings.TIMEBANK["KEY"])[0]
    except (OSError, TimebankError):
        return None


def head(request: Any) -> HttpResponse:
    """Show the head to be published; sign it, or look for an older one, where that is asked."""
    found = request.bank.head()
    form = HeadForm(request.POST if "older" in request.POST else None)
    shown: dict[str, Any] = {"head": found, "line": found.with_root(), "form": form}
    shown["key"] = public_key()
    if form.is_valid():
        older = form.cleaned_data["older"]
        shown |= {"older": older, **audited(request, older)}
    elif request.method == "POST" and "sign" in request.POST and shown["key"]:
        shown |= audited(request)  # what was signed cannot be taken back
        if shown["report"].ok:
            shown["signed"] = sign_head(request.bank, settings.TIMEBANK["KEY"])
    return render(request, "treasury/head.html", shown)


# -- balances and dues ---------------------------------------------------------------------


def balances(request: Any) -> HttpResponse:
    """Show all accounts with what they earned and spent, up to a day."""
    form = DayForm(request.GET or None)
    day = form.cleaned_data["day"] if form.is_valid() else None
    head = request.bank.head()
    trial = None if form.errors else request.bank.trial_balance(day, at=head.sequence)
    shown = {"form": form, "trial": trial, "day": day, "head": head.with_root()}
    return render(request, "treasury/balances.html", shown)


def dues(request: Any) -> HttpResponse:
    """Show what is due through a day."""
    today = localdate()
    form = DayForm(request.GET or None, initial={"day": today})
    day = (form.cleaned_data["day"] if form.is_valid() else None) or today
    accounts = {one.id: one for one in request.bank.accounts()}
    found = request.bank.dues(through=None if day == today else day)
    due = [(one, accounts[one.account], accounts[one.fund]) for one in found]
    ready = [one.hours.seconds for one, account, _fund in due if account.status != "frozen"]
    shown = {"form": form, "day": day, "due": due, "is_ahead": day > today}
    shown["sum"] = Hours.from_seconds(sum(ready))
    return render(request, "treasury/dues.html", shown)


class Charge(Booking):
    """Charge what is due through a day. By its nature nobody is charged twice for one period."""

    form_class = DayForm
    http_method_names = ("post",)
    template_name = "treasury/form.html"
    title = _("Dues")
    button = _("Charge the dues")
    success_url = reverse_lazy("treasury_dues")

    def book(self, data: dict[str, Any]) -> str:
        """Charge; say how much of how many, in the library's words."""
        report = self.request.bank.run_due(through=data["day"] or localdate())
        with speaking(language()):
            lines = due_text(report)
        return " ".join(lines[lines.index("") + 1 :] if "" in lines else lines)


# -- limits of an account's own ------------------------------------------------------------


class LimitField(forms.CharField):
    """A limit: hours, `-` for none, or nothing for that of the statute."""

    def clean(self, value: Any) -> Any:
        """Return what the bank takes for a limit; what it cannot read is said in its words."""
        text = (super().clean(value) or "").strip()
        if text in {"", "-", "\N{EN DASH}"}:
            return None if text else INHERIT
        try:
            return Hours(text)
        except InvalidHours as error:
            raise forms.ValidationError(explained(error)) from error


class LimitsForm(forms.Form):
    """Limits of an account's own. Set twice alike, they are the same."""

    account = forms.ChoiceField(label=_("Account"))
    floor = LimitField(
        label=_("Floor: how far below zero it may go"),
        required=False,
        help_text=_("Hours, as -15. Empty: what the statute says. A dash: no limit."),
    )
    ceiling = LimitField(
        label=_("Ceiling: how much it may have"),
        required=False,
        help_text=_("Hours, as 40. Empty: what the statute says. A dash: no limit."),
    )

    def __init__(self, *given: Any, accounts: Iterable[Account], **more: Any) -> None:
        super().__init__(*given, **more)
        shown = [(one.id, one.name or one.id) for one in accounts if one.status != "closed"]
        choices = [("", _("Choose a name")), *sorted(shown, key=lambda one: one[1].casefold())]
        self.fields["account"].choices = choices


class Limits(Booking):
    """Accounts with limits of their own, and a form that sets them."""

    form_class = LimitsForm
    template_name = "treasury/limits.html"
    title = _("Limits")
    button = _("Set these limits")
    success_url = reverse_lazy("treasury_limits")

    def get_form_kwargs(self) -> dict[str, Any]:
        """Give the form the accounts, which not everybody may list."""
        return {**super().get_form_kwargs(), "accounts": self.request.bank.accounts()}

    def get_context_data(self, **more: Any) -> dict[str, Any]:
        """Give the template the accounts that have limits of their own."""
        special = {INHERIT: _("as the statute says"), None: _("none")}
        own = [
            (one, [special.get(limit, limit) for limit in (one.floor, one.ceiling)])
            for one in self.request.bank.accounts()
            if (one.floor, one.ceiling) != (INHERIT, INHERIT)
        ]
        return super().get_context_data(own=own, **more)

    def book(self, data: dict[str, Any]) -> str:
        """Set them."""
        found = self.request.bank.set_limits(
            data["account"], floor=data["floor"], ceiling=data["ceiling"]
        )
        return gettext("The limits of %(name)s are set.") % {"name": found.name or found.id}
