"""What is to be done and planned, what is recorded for others, and what they ask to put right."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Final

from django import forms
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse, reverse_lazy
from django.utils import timezone
from django.utils.translation import gettext as say
from django.utils.translation import gettext_lazy as _

from exchange.answers import Booking
from exchange.desk.shared import AccountField, names_of, page
from exchange.fields import ActivityField, DayField, TimeField, labels
from exchange.members.proposals import answer_hold
from exchange.models import Correction, Proposal
from timebank.contrib.django.forms import HoursField, OnceForm
from timebank.errors import BooksClosed, LimitExceeded
from timebank.reports.holds import weeks_of

#: What waits longer is shown among what is to be done; what expires sooner, too.
SOON: Final = timedelta(days=7)
#: So long after the day of service a reservation lasts: for who forgets to say that it was.
LASTS: Final = timedelta(days=30)
State: Final = Correction.State


def overview(request: Any) -> HttpResponse:
    """Show what is to be done."""
    now, today = timezone.now(), timezone.localdate()
    waiting = Proposal.objects.filter(state=Proposal.State.OPEN, asked_at__lt=now - SOON)
    asked = Correction.objects.filter(state=State.OPEN).count()
    due = [
        one
        for one in request.bank.holds()
        if (one.expires_at and one.expires_at < now + SOON) or (one.occurred_on or today) < today
    ]
    return page(request, "overview", corrections=asked, proposals=waiting, holds=due)


def month(request: Any, year: int | None = None, month: int | None = None) -> HttpResponse:
    """Show the hours that are reserved, on their days of service; what was given up is left out."""
    today = timezone.localdate()
    year, month = year or today.year, month or today.month
    kept = [one for one in request.bank.holds(status=None) if one.status != "voided"]
    weeks, first = weeks_of(kept, year, month), date(year, month, 1)
    months = {"first": first, "before": first - timedelta(1), "after": first + timedelta(31)}
    someday = [one for one in kept if one.occurred_on is None and one.status == "open"]
    return page(request, "calendar", weeks=weeks, someday=someday, today=today, **months)


def hold(request: Any, id: str) -> HttpResponse:
    """Show what is reserved; book it for who cannot, or set the hours free, by a button."""
    if request.POST.get("answer") in {"confirm", "decline"}:
        return answer_hold(request, id, request.POST["answer"], to="desk_calendar")
    return page(request, "hold", one=request.bank.hold_by_id(id))


class Slip(OnceForm):
    """What stands on a slip of paper, and is said on the telephone."""

    earner = AccountField(label=_("Who helped (earns the hours)"))
    spender = AccountField(label=_("Who was helped (spends the hours)"))
    hours = HoursField(label=_("Hours"))
    day = DayField(label=_("Day"))
    started_at = TimeField(label=_("From (time)"))
    ended_at = TimeField(label=_("To (time)"))
    category = ActivityField()
    note = forms.CharField(label=_("Note"), required=False)
    slip = forms.CharField(
        label=_("Number of the paper slip"), max_length=60, required=False,
        help_text=_("Each number counts once. For cheques there is a page of their own."),
    )  # fmt: skip
    planned = forms.ChoiceField(
        label=_("Has it taken place?"), widget=forms.RadioSelect, initial="no",
        choices=[("no", _("Yes: book it")), ("yes", _("Not yet: reserve the hours"))],
    )  # fmt: skip


class Record(Booking):
    """A form for one slip after the other: the next one begins with the day of the last."""

    template_name = "desk/form.html"
    form_class = Slip
    title = _("Record an exchange")
    button = _("Record")
    beside = {LimitExceeded: "hours", BooksClosed: "day"}  # noqa: RUF012 - as the base has it

    def get_initial(self) -> dict[str, Any]:
        """Begin with the day that the address says, or today."""
        return {"day": self.request.GET.get("day", timezone.localdate())}

    def book(self, data: dict[str, Any]) -> str:
        """Book it, or reserve the hours. A paper slip counts once, at whichever desk."""
        bank, day = self.request.bank, data["day"]
        same = ("earner", "spender", "hours", "started_at", "ended_at")
        terms = {name: data[name] for name in same} | labels(data["category"])
        terms |= {"occurred_on": day, "note": data["note"] or None}
        id = f"slip-{data['slip']}" if data["slip"] else str(data["operation"])
        if data["planned"] == "yes":
            ahead = max(day - timezone.localdate(), timedelta(0))
            done = bank.hold(id=id, expires_in=ahead + LASTS, **terms)
            said = say("Reserved: %(hours)s, %(earner)s for %(spender)s.")
        else:
            done = bank.transfer(id=id, **terms)
            said = say("Booked: %(hours)s, %(earner)s for %(spender)s.")
        if done.repeated:
            said = say("It had been recorded already: %(hours)s, %(earner)s for %(spender)s.")
        self.success_url, names = f"{reverse('desk_record')}?day={day}", names_of(bank)
        sides = {side: names[data[side]] for side in ("earner", "spender")}
        return said % {"hours": done.hours, **sides}


def corrections(request: Any) -> HttpResponse:
    """Show what members ask to put right: what waits, and the last ones that were answered."""
    rows = Correction.objects
    answered = rows.exclude(state=State.OPEN).order_by("-asked_at")[:20]
    return page(request, "corrections", open=rows.filter(state=State.OPEN), answered=answered)


class Answer(OnceForm):
    """What becomes of it, and what the member reads."""

    how = forms.ChoiceField(label=_("What do you do?"), widget=forms.RadioSelect, choices=[
        ("reverse", _("Take the hours back, all or some")),
        ("amend", _("Put right what it was for: the activity, the note")),
        ("leave", _("Leave it as it is")),
    ])  # fmt: skip
    hours = HoursField(
        label=_("Hours to take back"), required=False, help_text=_("Empty: all that are left of it")
    )
    category = forms.CharField(label=_("Activity"), max_length=200, required=False)
    note = forms.CharField(label=_("Note"), required=False)
    answer = forms.CharField(
        label=_("Your answer"), widget=forms.Textarea({"rows": 3}),
        help_text=_("The member reads it; it stands beside the correction as its reason."),
    )  # fmt: skip


class Correct(Booking):
    """Answer what was asked: the row and what is booked are one commit."""

    form_class = Answer
    template_name = "desk/correction.html"
    title = _("A correction")
    button = _("Answer")
    success_url = reverse_lazy("desk_corrections")

    def setup(self, request: Any, *given: Any, **named: Any) -> None:
        """Find what was asked, and of which exchange."""
        super().setup(request, *given, **named)
        self.row = get_object_or_404(Correction, pk=named["pk"])
        self.made = request.bank.transfer_by_id(self.row.transfer)

    def get_initial(self) -> dict[str, Any]:
        """Begin with what the exchange says now."""
        return {"category": self.made.category, "note": self.made.note}

    def get_context_data(self, **more: Any) -> dict[str, Any]:
        """Show what was asked, and the exchange."""
        closed, names = self.row.state != State.OPEN, names_of(self.request.bank)
        shown = {"row": self.row, "made": self.made, "closed": closed, "names": names}
        return super().get_context_data(**shown, **more)

    def book(self, data: dict[str, Any]) -> str:
        """Answer it once: the second of two sees that it was answered."""
        bank, reason = self.request.bank, data["answer"]
        row = Correction.objects.select_for_update().get(pk=self.row.pk)
        if row.state != State.OPEN:
            return say("It had been answered already: %s") % row.get_state_display()
        if data["how"] == "reverse":
            bank.reverse(row.transfer, reason=reason, hours=data["hours"], id=str(row.pk))
        elif data["how"] == "amend":
            words = {name: data[name] or None for name in ("category", "note")}
            bank.amend(row.transfer, reason=reason, **words)
        row.answer, row.state = reason, State.DECLINED if data["how"] == "leave" else State.DONE
        row.save()
        return say("Answered: %s") % row.get_state_display()
