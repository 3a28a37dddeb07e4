"""A form that books once, the field for hours, and the language of who reads."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.test import Client, override_settings
from django.urls import path
from django.utils import translation
from django.views.generic import FormView

from club.models import Booking
from timebank.contrib.django import bank
from timebank.contrib.django.forms import HoursField, OnceForm
from timebank.contrib.django.test import TimeBankTestCase
from timebank.contrib.django.views import BookingMixin
from timebank.errors import LimitExceeded, NotPermitted
from timebank.reports.words import language


class Give(OnceForm):
    """How many hours m1 gives to f1."""

    hours = HoursField()


class Giving(BookingMixin, FormView):
    """Book them, and a row; what it shows is its form."""

    form_class = Give
    success_url = "/done/"
    beside = {LimitExceeded: "hours"}  # noqa: RUF012 - as the base has it

    def names(self) -> dict[str, str]:
        """What m1 is called."""
        return {"f1": "Famiglia Rossi"}

    def book(self, data: dict[str, Any]) -> str:
        """Write the row first."""
        Booking.objects.create(operation=uuid.uuid4(), carer="m1", family="f1")
        if data["hours"].seconds == 60:
            msg = "a minute is no visit"
            raise ValidationError(msg)
        if data["hours"].seconds == 120:
            raise NotPermitted(None, action="transfer", accounts=("f1",))
        bank().transfer(earner="m1", spender="f1", hours=data["hours"], id=str(data["operation"]))
        return "It is booked."

    def render_to_response(self, context: dict[str, Any]) -> HttpResponse:
        """Show the form alone."""
        return HttpResponse(f"{context['form']}{language()}")


urlpatterns = [path("give/", Giving.as_view())]
MIDDLEWARE = [*settings.MIDDLEWARE, "timebank.contrib.django.middleware.ReadersLanguage"]


@override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=MIDDLEWARE)
class BookingTests(TimeBankTestCase):
    """The view with a form."""

    def setUp(self) -> None:
        """Two accounts, one of which may spend two hours."""
        self.bank.open_account("m1")
        self.bank.open_account("f1", floor=-2)
        self.form = {"operation": str(uuid.uuid4()), "hours": "1,5"}

    def sent(self, language: str = "en", **more: str) -> Any:
        """Send the form."""
        client = Client(headers={"accept-language": language})
        return client.post("/give/", {**self.form, **more})

    def posted(self) -> str:
        """Return what was given."""
        return str(self.bank.balance("m1").posted)

    def test_sent_twice_it_is_booked_once(self) -> None:
        """Both answers lead on."""
        for _ in range(2):
            assert "/done/" == self.sent().url
        assert "1:30" == self.posted()

    def test_sent_again_with_other_values_it_is_asked(self) -> None:
        """With a new id: sent once more it is another."""
        self.sent()
        again = self.sent(hours="0:15")
        self.assertContains(again, "You sent this form already")
        self.assertNotContains(again, self.form["operation"])
        self.assertContains(self.sent("it", hours="0:15"), "Hai già inviato questo modulo")
        assert "1:30" == self.posted()

    def test_a_refusal_is_said_in_words_and_undoes_the_row(self) -> None:
        """Of the bank beside its field, of the site above the form; in the reader's language."""
        self.assertContains(self.sent("it", hours="3"), "Famiglia Rossi non può spendere 3:00")
        page = self.sent(hours="3").content.decode()
        assert "aria-invalid" in page
        self.assertContains(self.sent(hours="0:01"), "a minute is no visit")
        assert (0, "0:00") == (Booking.objects.count(), self.posted())

    def test_who_may_not_is_for_the_site_to_answer(self) -> None:
        """It is no fault of what was written."""
        with self.assertRaises(NotPermitted):
            self.sent(hours="0:02")

    def test_the_library_speaks_the_language_of_the_reader(self) -> None:
        """Of a language that it has not, English."""
        for asked, spoken in (("it", "it"), ("it-ch", "it"), ("en", "en"), ("fr", "en")):
            client = Client(headers={"accept-language": asked})
            assert client.get("/give/").content.decode().endswith(spoken)
        assert "en" == language()


class HoursFieldTests(TimeBankTestCase):
    """The field."""

    def test_hours_are_read_as_people_write_them(self) -> None:
        """None, where they may be left out."""
        for text in ("1,5", "1.5", "1:30", "1h30", "90 min"):
            assert "1:30" == str(HoursField().clean(text))
        assert HoursField(required=False).clean(" ") is None

    def test_what_is_no_hours_is_refused(self) -> None:
        """In words."""
        for text, words in (
            ("x", "'x'"),
            ("0", "più di 0:00, e al massimo 24:00"),
            ("24:01", "al massimo 24:00"),
            ("", "obbligatorio"),
        ):
            with translation.override("it"), self.assertRaisesRegex(ValidationError, words):
                HoursField().clean(text)
        with self.assertRaisesRegex(ValidationError, "at most 2:00"):
            HoursField(at_most=2).clean("2:15")
