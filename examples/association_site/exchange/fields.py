"""Fields of forms: hours as people write them, days and times as browsers ask for them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from timebank import Hours, explain
from timebank.errors import InvalidHours


class HoursField(forms.CharField):
    """Hours as people write them, `1,5`, `1:30`, `2h` or `45 min`: more than none, within a day."""

    def __init__(self, **given: Any) -> None:
        given.setdefault("label", _("Hours"))
        given.setdefault("help_text", _("For example 1:30, 1,5, 2h or 45 min."))
        super().__init__(max_length=64, **given)

    def clean(self, value: Any) -> Hours | None:
        """Return the hours; `None`, where they may be left out and were."""
        text = super().clean(value)
        if not text:
            return None
        try:
            hours = Hours(text)
        except InvalidHours as error:
            raise ValidationError(explain(error, lang=(get_language() or "it")[:2])) from error
        if not Hours(0) < hours <= Hours(24):
            raise ValidationError(_("Hours are more than 0:00, and at most the 24:00 of a day."))
        return hours


class DayField(forms.DateField):
    """A day, of which a browser shows a calendar."""

    def __init__(self, **given: Any) -> None:
        widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
        super().__init__(widget=widget, **given)


class TimeField(forms.TimeField):
    """A time of a day, in whole minutes."""

    def __init__(self, **given: Any) -> None:
        widget = forms.TimeInput(format="%H:%M", attrs={"type": "time"})
        super().__init__(widget=widget, input_formats=["%H:%M", "%H.%M", "%H"], **given)


class ActivityField(forms.ChoiceField):
    """One of the activities that the association counts, so that its figures are of few words."""

    def __init__(self, **given: Any) -> None:
        choices = [("", "—"), *((one, one) for one in settings.ACTIVITIES)]
        super().__init__(label=_("Activity"), required=False, choices=choices, **given)


def labels(activity: str) -> dict[str, str | None]:
    """Return the category and the area of an exchange: those of an activity, or none."""
    return {"category": activity or None, "area": settings.ACTIVITIES.get(activity)}
