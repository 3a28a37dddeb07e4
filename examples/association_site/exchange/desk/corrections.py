"""What members ask to put right: answered by taking back, by other words, or by leaving it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as say
from django.utils.translation import gettext_lazy as _

from exchange.desk.shared import AtDesk, DeskForm, names_of, shown
from exchange.fields import HoursField, TimeField
from exchange.models import Correction

OPEN = Correction.State.OPEN


def asked(request: Any) -> HttpResponse:
    """Show what was asked: what waits, and the last ones that were answered."""
    rows = Correction.objects.all()
    found = {"open": rows.filter(state=OPEN), "answered": rows.exclude(state=OPEN).reverse()[:20]}
    names = names_of(request.bank)
    lists = {
        state: [(row, names.get(row.account, row.account)) for row in rows]
        for state, rows in found.items()
    }
    return render(request, "desk/corrections.html", lists)


class Answer(DeskForm):
    """What becomes of it, and what the member reads."""

    how = forms.ChoiceField(
        label=_("What do you do?"), widget=forms.RadioSelect,
        choices=[
            ("reverse", _("Take the hours back, all or some")),
            ("amend", _("Put right what it was for: the activity, the note, the times")),
            ("leave", _("Leave it as it is")),
        ],
    )  # fmt: skip
    hours = HoursField(
        label=_("Hours to take back"), required=False, help_text=_("Empty: all that are left of it")
    )
    category = forms.CharField(label=_("Activity"), max_length=200, required=False)
    note = forms.CharField(label=_("Note"), required=False)
    started_at = TimeField(label=_("From (time)"), required=False)
    ended_at = TimeField(label=_("To (time)"), required=False)
    answer = forms.CharField(
        label=_("Your answer"), widget=forms.Textarea({"rows": 3}),
        help_text=_("The member reads it; it stands beside the correction as its reason."),
    )  # fmt: skip


class Correct(AtDesk):
    """Answer what was asked: the row and what is booked are one commit."""

    form_class = Answer
    template_name = "desk/correction.html"
    title = _("A correction")
    button = _("Answer")

    def setup(self, request: Any, *given: Any, **named: Any) -> None:
        """Find what was asked, and of which exchange."""
        super().setup(request, *given, **named)
        self.row = get_object_or_404(Correction, pk=named["pk"])

    def get_initial(self) -> dict[str, Any]:
        """Begin with what the exchange says now."""
        made = self.request.bank.transfer_by_id(self.row.transfer)
        return {
            name: getattr(made, name) for name in ("category", "note", "started_at", "ended_at")
        }

    def get_context_data(self, **more: Any) -> dict[str, Any]:
        """Show what was asked, and the exchange."""
        bank = self.request.bank
        names = names_of(bank)
        return super().get_context_data(
            row=self.row,
            closed=self.row.state != OPEN,
            asked_by=names.get(self.row.account, self.row.account),
            exchange=shown(bank.transfer_by_id(self.row.transfer), names),
            **more,
        )

    def get_success_url(self) -> str:
        """Return to what else was asked."""
        return reverse("desk_corrections")

    def book(self, data: dict[str, Any]) -> str:
        """Answer it once: the second of two sees that it was answered."""
        row = Correction.objects.select_for_update().get(pk=self.row.pk)
        if row.state != OPEN:
            return say("It had been answered already: %s") % row.get_state_display()
        if data["how"] == "reverse":
            self.request.bank.reverse(
                row.transfer, reason=data["answer"], hours=data["hours"], id=str(row.pk)
            )
        elif data["how"] == "amend":
            labels = {name: data[name] or None for name in ("category", "note")}
            times = {name: data[name] for name in ("started_at", "ended_at")}
            self.request.bank.amend(row.transfer, reason=data["answer"], **labels, **times)
        row.answer = data["answer"]
        row.state = Correction.State.DECLINED if data["how"] == "leave" else Correction.State.DONE
        row.save()
        return say("Answered: %s") % row.get_state_display()
