"""What is to be done, and the hours that are reserved as a calendar."""

from __future__ import annotations

from calendar import Calendar
from datetime import date, timedelta
from typing import Any, Final

from django import forms
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as say
from django.utils.translation import gettext_lazy as _

from exchange.desk.shared import AtDesk, DeskForm, names_of, shown
from exchange.fields import DayField, HoursField
from exchange.models import Correction, Proposal
from timebank import Hours
from timebank.reports.holds import calendar as planned

#: What waits longer is shown among what is to be done; what expires sooner, too.
SOON: Final = timedelta(days=7)


def overview(request: Any) -> HttpResponse:
    """Show what is to be done."""
    bank, now = request.bank, timezone.now()
    names = names_of(bank)
    waiting = Proposal.objects.filter(state=Proposal.State.OPEN, proposed_at__lt=now - SOON)
    owing = [line.account for line in bank.trial_balance().lines if line.balance < Hours(0)]
    balances = map(bank.balance, owing)
    found = {
        "corrections": Correction.objects.filter(state=Correction.State.OPEN).count(),
        "proposals": [shown(one, names) for one in waiting],
        "holds": [
            shown(one, names)
            for one in bank.holds()
            if (one.expires_at is not None and one.expires_at < now + SOON)
            or (one.occurred_on or date.max) < timezone.localdate()
        ],
        "below": [
            (one, names[one.id])
            for one in balances
            if one.floor is not None and one.posted < one.floor
        ],
    }
    return render(request, "desk/overview.html", found)


def month(request: Any, year: int | None = None, month: int | None = None) -> HttpResponse:
    """Show the hours that are reserved, on their days of service; what was given up is left out."""
    today, names = timezone.localdate(), names_of(request.bank)
    try:
        first = date(year or today.year, month or today.month, 1)
        weeks = Calendar().monthdatescalendar(first.year, first.month)
        before, after = first - timedelta(days=1), first + timedelta(days=31)
    except (ValueError, OverflowError) as error:
        raise Http404 from error
    days: dict[date | None, list[dict[str, Any]]] = {}
    for hold in planned(hold for hold in request.bank.holds(status=None)):
        if hold.status != "voided":
            days.setdefault(hold.occurred_on, []).append(shown(hold, names))
    found = {
        "first": first,
        "before": before,
        "after": after,
        "today": today,
        "weeks": [
            [(day, days.get(day, []), day.month == first.month) for day in week] for week in weeks
        ],
        "any": any(day and (day.year, day.month) == (first.year, first.month) for day in days),
        "someday": [one for one in days.get(None, []) if one["it"].status == "open"],
    }
    return render(request, "desk/calendar.html", found)


class Outcome(DeskForm):
    """What became of an exchange for which hours are reserved."""

    how = forms.ChoiceField(
        label=_("Has it taken place?"), widget=forms.RadioSelect, initial="settle",
        choices=[("settle", _("Yes: book it")), ("void", _("No: set the hours free"))],
    )  # fmt: skip
    hours = HoursField(
        label=_("Hours that it took"), required=False, help_text=_("Empty: as reserved")
    )
    day = DayField(label=_("Day"), required=False, help_text=_("Empty: as planned"))
    reason = forms.CharField(label=_("Why not"), required=False)


class Conclude(AtDesk):
    """Book an exchange for which hours are reserved, for who cannot; or set the hours free."""

    form_class = Outcome
    template_name = "desk/hold.html"
    title = _("Reserved hours")

    def get_context_data(self, **more: Any) -> dict[str, Any]:
        """Show what is reserved."""
        bank = self.request.bank
        hold = shown(bank.hold_by_id(self.kwargs["id"]), names_of(bank))
        return super().get_context_data(hold=hold, **more)

    def get_success_url(self) -> str:
        """Return to the calendar."""
        return reverse("desk_calendar")

    def book(self, data: dict[str, Any]) -> str:
        """Conclude it; the id of the form makes it safe to send twice."""
        bank, id, operation = self.request.bank, self.kwargs["id"], str(data["operation"])
        if data["how"] == "void":
            bank.void(id, reason=data["reason"] or None, id=operation)
            return say("The hours are free again.")
        done = bank.settle(id, hours=data["hours"], occurred_on=data["day"], id=operation)
        return say("Booked: %s") % done.hours
