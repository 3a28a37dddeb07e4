"""What members fill in."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any, Final

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from exchange.answers import Once
from exchange.fields import ActivityField, DayField, HoursField, TimeField
from exchange.people import Names, directory
from timebank import Hours

#: How far ahead an exchange may be planned, and how long ago it may have been.
AHEAD: Final = timedelta(days=30)
AGO: Final = timedelta(days=366)


class ProposeForm(Once):
    """An exchange between an account that one acts for, and another."""

    mine = forms.ChoiceField(label=_("Account"), help_text=_("Yours, or of whom you act for."))
    side = forms.ChoiceField(
        label=_("Who helped?"),
        widget=forms.RadioSelect,
        choices=[
            ("gave", _("I gave my time: the hours come to me")),
            ("received", _("I received help: the hours go from me")),
        ],
    )
    other = forms.ChoiceField(label=_("With whom"), required=False)
    number = forms.CharField(
        label=_("Or the number of a member"),
        max_length=128,
        required=False,
        help_text=_("For who is not in the directory."),
    )
    day = DayField(label=_("Day"))
    started_at = TimeField(label=_("From (time)"), required=False)
    ended_at = TimeField(label=_("To (time)"), required=False)
    hours = HoursField(
        required=False,
        help_text=_("For example 1:30, 1,5, 2h or 45 min. Left empty: the time from … to …"),
    )
    category = ActivityField()
    note = forms.CharField(label=_("Note"), max_length=1000, required=False)

    def __init__(self, *given: Any, names: Names, own: list[str], **more: Any) -> None:
        super().__init__(*given, **more)
        mine, other = self.fields["mine"], self.fields["other"]
        mine.choices = [(id, names[id]) for id in own]
        if len(own) == 1:
            mine.initial, mine.widget = own[0], forms.HiddenInput()
        else:
            self.fields["side"].choices = [
                ("gave", _("Who has this account gave time: the hours come in")),
                ("received", _("Who has this account received help: the hours go out")),
            ]
        acted_for = {id: names[id] for id in own} if len(own) > 1 else {}
        found = {**acted_for, **directory(but=own)}
        other.choices = [("", _("Choose a name")), *found.items()]

    def clean_day(self) -> date:
        """Return the day, which is of about now."""
        day: date = self.cleaned_data["day"]
        today = timezone.localdate()
        if day > today + AHEAD:
            raise forms.ValidationError(_("At most 30 days ahead."))
        if day < today - AGO:
            raise forms.ValidationError(_("More than a year ago: ask at the desk."))
        return day

    def clean(self) -> dict[str, Any]:
        """Return the values, with one account as `other`, and hours."""
        data = super().clean() or {}
        other, number = data.get("other"), data.get("number")
        if not other and not number and "number" in data:
            self.add_error("other", _("Choose a name, or write the number of a member."))
        elif other and number and other != number:
            self.add_error("number", _("Choose a name or write a number: one of the two."))
        data["other"] = other or number
        start, end = data.get("started_at"), data.get("ended_at")
        if "hours" in data and data["hours"] is None:
            if start is None or end is None or start == end:
                self.add_error("hours", _("Write the hours, or from when to when."))
            else:  # an end that is earlier is of the next day
                day = date.min  # whichever
                span = datetime.combine(day, end) - datetime.combine(day, start)
                data["hours"] = Hours(span % timedelta(days=1))
        return data


class CorrectForm(Once):
    """What is to be put right."""

    text = forms.CharField(
        label=_("What is wrong, and how was it?"), max_length=2000, widget=forms.Textarea
    )


class PeriodForm(forms.Form):
    """The days of a statement, both included; either may be left out."""

    since = DayField(label=_("From the day"), required=False)
    until = DayField(label=_("To the day"), required=False)

    def clean(self) -> dict[str, Any]:
        """Return the days, in order."""
        data = super().clean() or {}
        since, until = data.get("since"), data.get("until")
        if since and until and since > until:
            self.add_error("until", _("This day is before the first one."))
        return data


class DelegateForm(forms.Form):
    """Who may act for an account, until a day. Named twice alike, it is one record."""

    delegate = forms.ChoiceField(label=_("Who may act for you"))
    until = DayField(label=_("Until the day"))

    def __init__(self, *given: Any, but: str, **more: Any) -> None:
        super().__init__(*given, **more)
        found = directory(but=[but]).items()
        self.fields["delegate"].choices = [("", _("Choose a name")), *found]
