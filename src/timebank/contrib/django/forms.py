"""Forms: one that carries the id of what it books, and a field for hours as people write them."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.utils.translation import pgettext, pgettext_lazy

from timebank.contrib.django import words
from timebank.errors import InvalidHours
from timebank.hours import Hours
from timebank.reports.explaining import explain


class OnceForm(forms.Form):
    """A form that carries the id of what it books: sent twice, it is booked once.

    `operation` is a hidden UUID, made when the form is shown. A view gives it to the bank, as
    `id=str(form.cleaned_data["operation"])`: see `BookingMixin`.
    """

    operation = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)


class HoursField(forms.CharField):
    """Hours as people write them, `1,5`, `1:30`, `2h` or `45 min`: some, and at most a day's.

    Cleaned they are `Hours`, or `None` where they may be left out and were. `at_most` is another
    maximum. What is no hours is refused in the words and the language of `timebank.explain`.
    """

    def __init__(self, *, at_most: Hours | str | int = 24, **given: Any) -> None:
        example = pgettext_lazy("timebank", "For example 1:30, 1,5, 2h or 45 min.")
        super().__init__(**{"max_length": 64, "help_text": example, **given})
        self.at_most = Hours(at_most)

    def clean(self, value: Any) -> Hours | None:
        """Return the hours.

        :raises ValidationError: these are none, or too many.
        """
        text = super().clean(value)
        if not text:
            return None
        try:
            hours = Hours(text)
        except InvalidHours as error:
            raise forms.ValidationError(explain(error, lang=words.language())) from error
        if not Hours(0) < hours <= self.at_most:
            said = pgettext("timebank", "Hours are more than 0:00, and at most %(hours)s.")
            raise forms.ValidationError(said % {"hours": self.at_most})
        return hours
