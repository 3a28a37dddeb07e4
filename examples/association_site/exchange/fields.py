"""Fields of forms: days and times as browsers ask for them, and what was done."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _


class DayField(forms.DateField):
    """A day, of which a browser shows a calendar."""

    def __init__(self, **given: Any) -> None:
        widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
        super().__init__(widget=widget, **given)


class TimeField(forms.TimeField):
    """A time of a day, in whole minutes; it may be left out."""

    def __init__(self, **given: Any) -> None:
        widget = forms.TimeInput(format="%H:%M", attrs={"type": "time"})
        formats = ["%H:%M", "%H.%M", "%H"]
        super().__init__(widget=widget, input_formats=formats, required=False, **given)


class ActivityField(forms.ChoiceField):
    """One of the activities that the association counts, so that its figures are of few words."""

    def __init__(self, **given: Any) -> None:
        choices = [("", "—"), *((one, one) for one in settings.ACTIVITIES)]
        super().__init__(label=_("Activity"), required=False, choices=choices, **given)


def labels(activity: str) -> dict[str, Any]:
    """Return the category and the area of an exchange: those of an activity, or none."""
    return {"category": activity or None, "area": settings.ACTIVITIES.get(activity)}
