"""What members fill in."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Final

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from exchange.fields import ActivityField, DayField, TimeField
from exchange.people import directory
from timebank.contrib.django.forms import HoursField, OnceForm
from timebank.reports import KnownNames

#: How long ago an exchange may have been, and how far ahead it may be planned.
AGO: Final = timedelta(days=366)
AHEAD: Final = timedelta(days=30)


class ProposeForm(OnceForm):
    """An exchange between an account that one acts for, and another."""

    mine = forms.ChoiceField(label=_("Account"), help_text=_("Yours, or of whom you act for."))
    side = forms.ChoiceField(
        label=_("Who helped?"),
        widget=forms.RadioSelect,
        choices=[
            ("gave", _("I gave my time, or whom I act for: the hours come in")),
            ("received", _("I received help, or whom I act for: the hours go out")),
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
    started_at = TimeField(label=_("From (time)"))
    ended_at = TimeField(label=_("To (time)"))
    hours = HoursField(label=_("Hours"))
    category = ActivityField()
    note = forms.CharField(label=_("Note"), max_length=1000, required=False)

    def __init__(self, *given: Any, names: KnownNames, own: list[str], **more: Any) -> None:
        super().__init__(*given, **more)
        mine = self.fields["mine"]
        mine.choices = [(id, names[id]) for id in own]
        if len(own) == 1:
            mine.initial, mine.widget = own[0], forms.HiddenInput()
        found = {**({id: names[id] for id in own} if len(own) > 1 else {}), **directory(but=own)}
        self.fields["other"].choices = [("", _("Choose a name")), *found.items()]

    def clean_day(self) -> date:
        """Return the day, which is of about now."""
        day: date = self.cleaned_data["day"]
        today = timezone.localdate()
        if not today - AGO <= day <= today + AHEAD:
            raise forms.ValidationError(_("Of the last year, or at most 30 days ahead."))
        return day

    def clean(self) -> dict[str, Any]:
        """Return the values, with one account as `other`."""
        data: dict[str, Any] = super().clean()
        chosen = [one for one in (data.get("other"), data.get("number")) if one]
        if len(chosen) != 1:
            said = _("Choose a name, or write the number of a member: one of the two.")
            self.add_error("other", said)
        return {**data, "other": chosen[0] if chosen else ""}


class CorrectForm(OnceForm):
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
        data: dict[str, Any] = super().clean()
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
