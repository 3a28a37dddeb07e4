"""Record for those who cannot: what has taken place, or hours to reserve."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from django import forms
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as say
from django.utils.translation import gettext_lazy as _

from exchange.desk.shared import AtDesk, DeskForm, accounts
from exchange.fields import DayField, HoursField, TimeField
from timebank.errors import BooksClosed, LimitExceeded

#: So long after the day of service a reservation lasts: for who forgets to say that it was.
LASTS: Final = timedelta(days=30)


class Slip(DeskForm):
    """What stands on a slip of paper, and is said on the telephone."""

    earner = forms.ChoiceField(label=_("Who helped (earns the hours)"))
    spender = forms.ChoiceField(label=_("Who was helped (spends the hours)"))
    hours = HoursField()
    day = DayField(label=_("Day"))
    started_at = TimeField(label=_("From (time)"), required=False)
    ended_at = TimeField(label=_("To (time)"), required=False)
    category = forms.CharField(label=_("Activity"), max_length=200, required=False)
    note = forms.CharField(label=_("Note"), required=False)
    slip = forms.CharField(
        label=_("Number of the paper slip"), max_length=60, required=False,
        help_text=_("Each number counts once. For cheques there is a page of their own."),
    )  # fmt: skip
    arranged = forms.BooleanField(
        label=_("I brought these two together"), required=False, label_suffix=""
    )
    planned = forms.ChoiceField(
        label=_("Has it taken place?"), widget=forms.RadioSelect, initial="no",
        choices=[("no", _("Yes: book it")), ("yes", _("Not yet: reserve the hours"))],
    )  # fmt: skip

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        for side in ("earner", "spender"):
            self.fields[side].choices = accounts(self.bank)


class Record(AtDesk):
    """A form for one slip after the other: the next one begins with the day of the last."""

    form_class = Slip
    title = _("Record an exchange")
    button = _("Record")
    beside = {LimitExceeded: "hours", BooksClosed: "day"}  # noqa: RUF012 - as the base has it

    def get_initial(self) -> dict[str, Any]:
        """Begin with what the address says, and else with today."""
        return {"day": timezone.localdate(), **self.request.GET.dict()}

    def book(self, data: dict[str, Any]) -> str:
        """Book it, or reserve the hours. A paper slip counts once, at whichever desk."""
        self.day = data["day"]
        what = {
            "id": f"slip-{data['slip']}" if data["slip"] else str(data["operation"]),
            "earner": data["earner"],
            "spender": data["spender"],
            "hours": data["hours"],
            "occurred_on": data["day"],
            "started_at": data["started_at"],
            "ended_at": data["ended_at"],
            "category": data["category"] or None,
            "note": data["note"] or None,
            "via": self.request.person.actor if data["arranged"] else None,
        }
        bank = self.request.bank
        if data["planned"] == "yes":
            ahead = max(data["day"] - timezone.localdate(), timedelta(0))
            done = bank.hold(**what, expires_in=ahead + LASTS)
            said = say("Reserved: %(hours)s, %(earner)s for %(spender)s.")
        else:
            done = bank.transfer(**what)
            said = say("Booked: %(hours)s, %(earner)s for %(spender)s.")
        if done.repeated:
            said = say("It had been recorded already: %(hours)s, %(earner)s for %(spender)s.")
        names = {one: bank.account(one).name or one for one in (what["earner"], what["spender"])}
        sides = {side: names[what[side]] for side in ("earner", "spender")}
        return said % {"hours": done.hours, **sides}

    def get_success_url(self) -> str:
        """Return to the form, with the day."""
        return f"{reverse('desk_record')}?day={self.day}"
