"""What members ask to put right: answered by taking back, by other words, or by leaving it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse_lazy
from django.utils.translation import gettext as say
from django.utils.translation import gettext_lazy as _

from exchange.answers import Booking
from exchange.desk.shared import names_of, page
from exchange.models import Correction
from timebank.contrib.django.forms import HoursField, OnceForm

State = Correction.State


def asked(request: Any) -> HttpResponse:
    """Show what was asked: what waits, and the last ones that were answered."""
    rows = Correction.objects
    answered = rows.exclude(state=State.OPEN).order_by("-asked_at")[:20]
    return page(request, "corrections", open=rows.filter(state=State.OPEN), answered=answered)


class Answer(OnceForm):
    """What becomes of it, and what the member reads."""

    how = forms.ChoiceField(
        label=_("What do you do?"), widget=forms.RadioSelect,
        choices=[
            ("reverse", _("Take the hours back, all or some")),
            ("amend", _("Put right what it was for: the activity, the note")),
            ("leave", _("Leave it as it is")),
        ],
    )  # fmt: skip
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
