"""What members see and do: their hours, proposals, answers, corrections, who acts for them."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any
from unittest import mock

from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from exchange.models import Correction, Proposal
from exchange.people import person_made, welcome_path

from tests.site import SiteTestCase


class MembersTestCase(SiteTestCase):
    """With forms filled in."""

    def form(self, **given: Any) -> dict[str, str]:
        """Return a form by which Anna gave Bruno an hour and a half today, and what differs."""
        values = {
            "operation": uuid.uuid4(),
            "mine": "m-1",
            "side": "gave",
            "other": "m-2",
            "hours": "1:30",
            "day": timezone.localdate(),
        }
        return {name: str(value) for name, value in {**values, **given}.items()}

    def proposed(self, **given: Any) -> Proposal:
        """Return the row of what Anna proposed to Bruno."""
        form = self.form(**given)
        self.assertRedirects(self.signed_in("anna").post("/propose/", form), "/")
        row: Proposal = Proposal.objects.get(id=form["operation"])
        return row

    def held(self, **given: Any) -> str:
        """Return the id of the hold by which Anna wants to receive from Bruno."""
        form = self.form(side="received", **given)
        self.assertRedirects(self.signed_in("anna").post("/propose/", form), "/")
        return form["operation"]


class ProposeTests(MembersTestCase):
    """To propose an exchange."""

    def test_who_earns_reserves_nothing(self) -> None:
        """It is a row; no hours are held, and none are moved."""
        row = self.proposed(started_at="15:00", ended_at="16:30", category="spesa", note="mercato")
        self.assertEqual(
            ("m-1", "m-2", 5400, "m-1"), (row.earner, row.spender, row.seconds, row.asked_by)
        )
        self.assertEqual(("spesa", "mercato", "open"), (row.category, row.note, row.state))
        self.assertEqual("0:00", str(self.bank.balance("m-2").held))

    def test_who_spends_reserves(self) -> None:
        """It is a hold, with the form's id."""
        id = self.held(category="spesa")
        self.assertFalse(Proposal.objects.exists())
        hold = self.bank.hold_by_id(id)
        self.assertEqual(("1:30", "spesa", "m-1"), (str(hold.hours), hold.category, hold.actor))
        self.assertEqual("1:30", str(self.bank.balance("m-1").held))

    def test_sent_twice_it_is_one(self) -> None:
        """One row, or one hold; the second answer is as the first."""
        anna = self.signed_in("anna")
        for form in (self.form(), self.form(side="received")):
            for _ in range(2):
                self.assertRedirects(anna.post("/propose/", form), "/")
        self.assertEqual(1, Proposal.objects.count())
        self.assertEqual(1, len(list(self.bank.holds())))

    def test_sent_again_with_other_values_it_is_asked(self) -> None:
        """After a step back in the browser nothing is overwritten, nor silently left out."""
        anna = self.signed_in("anna")
        for side in ("gave", "received"):
            form = self.form(side=side)
            anna.post("/propose/", form)
            again = anna.post("/propose/", {**form, "hours": "2"})
            self.assertContains(again, "You sent this form already")
            fresh = str(again.context["form"]["operation"].value())
            self.assertNotEqual(form["operation"], fresh)
            self.assertRedirects(
                anna.post("/propose/", {**form, "hours": "2", "operation": fresh}), "/"
            )
        self.assertEqual([5400, 7200], [row.seconds for row in Proposal.objects.all()])
        self.assertEqual(["1:30", "2:00"], [str(hold.hours) for hold in self.bank.holds()])

    def test_hours_are_read_as_people_write_them(self) -> None:
        """With a comma, a colon, or a unit."""
        for text in ("1,5", "1.5", "1:30", "1h30", "90 min", "1 ora e 30 minuti", "1½"):
            with self.subTest(text):
                self.assertEqual(5400, self.proposed(hours=text).seconds)

    def test_what_cannot_be_is_said_beside_its_field(self) -> None:
        """In the language of the reader, and what was typed stays."""
        today = timezone.localdate()
        cases: list[tuple[str, dict[str, Any], str, str]] = [
            ("hours", {"hours": "0"}, "more than 0:00", "più di 0:00"),
            ("hours", {"hours": "-1"}, "more than 0:00", "più di 0:00"),
            ("hours", {"hours": "25:00"}, "at most 24:00", "al massimo 24:00"),
            ("hours", {"hours": "abc"}, "abc", "Queste non sono ore: 'abc'"),
            ("hours", {"hours": ""}, "required", "obbligatorio"),
            ("hours", {"hours": "9", "side": "received"}, "9:00", "non può spendere 9:00"),
            ("day", {"day": today + timedelta(days=31)}, "30 days", "30 giorni"),
            ("day", {"day": "2999-01-01"}, "30 days", "30 giorni"),
            ("day", {"day": today - timedelta(days=400)}, "last year", "ultimo anno"),
            ("day", {"day": "yesterday"}, "valid date", "data valida"),
            ("started_at", {"started_at": "25:00"}, "valid time", "ora valida"),
            ("other", {"other": ""}, "Choose a name", "Scegli un nome"),
            ("number", {"other": "", "number": "m-9"}, "m-9", "non c'è un conto m-9"),
            ("other", {"number": "m-3"}, "one of the two", "uno dei due"),
            ("side", {"side": ""}, "required", "obbligatorio"),
            ("__all__", {"other": "", "number": "m-1"}, "Anna", "Anna non può dare e ricevere"),
        ]  # fmt: skip
        self.bank.set_limits("m-1", floor="-5")
        for field, given, *sentences in cases:
            for language, sentence in zip(("en", "it"), sentences, strict=True):
                with self.subTest(field=field, given=given, language=language):
                    form = self.form(note="typed", **given)
                    answer = self.signed_in("anna", language).post("/propose/", form)
                    self.assertEqual(200, answer.status_code)
                    said = " ".join(answer.context["form"].errors.get(field, []))
                    self.assertIn(sentence, said)
                    self.assertContains(answer, 'value="typed"')
        self.assertFalse(Proposal.objects.exists() or list(self.bank.holds()))

    def test_a_frozen_account_neither_gives_nor_receives(self) -> None:
        """Said with a name, for one's own account and another's."""
        self.bank.freeze("m-2", reason="abroad")
        for side in ("gave", "received"):
            answer = self.signed_in("anna", "it").post("/propose/", self.form(side=side))
            self.assertContains(answer, "Il conto di Bruno non è attivo")
        own = self.signed_in("bruno").post("/propose/", self.form(mine="m-2", other="m-1"))
        self.assertEqual(200, own.status_code)
        self.assertContains(self.signed_in("bruno").get("/"), "This account is suspended")

    def test_nobody_proposes_for_an_account_that_is_not_theirs(self) -> None:
        """It is no choice of the form."""
        answer = self.signed_in("anna").post("/propose/", self.form(mine="m-2", other="m-1"))
        self.assertIn("mine", answer.context["form"].errors)

    def test_a_delegate_proposes_and_the_journal_names_them(self) -> None:
        """Bruno for Rosa, who is in no directory."""
        form = self.form(mine="m-5", side="received", other="m-1")
        self.assertRedirects(self.signed_in("bruno").post("/propose/", form), "/")
        hold = self.bank.hold_by_id(form["operation"])
        self.assertEqual(({"m-5"}, "m-2"), (set(hold.spenders), hold.actor))
        self.assertContains(self.signed_in("anna").get("/"), "entered by Bruno")

    def test_between_accounts_of_ones_own_it_is_counted_at_once(self) -> None:
        """Nobody else could answer: the journal says who acted."""
        form = self.form(mine="m-2", side="gave", other="m-5")
        bruno = self.signed_in("bruno")
        for _ in range(2):
            self.assertRedirects(bruno.post("/propose/", form), "/")
        self.assertEqual(("1:30", "-1:30"), (self.posted("m-2"), self.posted("m-5")))
        self.assertEqual("m-2", self.bank.transfer_by_id(form["operation"]).actor)

    def test_the_directory_leads_to_the_form(self) -> None:
        """With who was chosen."""
        answer = self.signed_in("anna").get("/propose/?other=m-2")
        self.assertContains(answer, '<option value="m-2" selected>Bruno</option>')
        answer = self.signed_in("bruno").get("/propose/?mine=m-5")
        self.assertContains(answer, '<option value="m-5" selected>Rosa</option>')

    def test_who_has_no_account_is_told(self) -> None:
        """And sees no form."""
        self.people["dario"] = person_made("dario", "Dario")
        for path in ("/", "/propose/"):
            self.assertContains(self.signed_in("dario").get(path), "You have no account of hours")


class ProposalTests(MembersTestCase):
    """To answer what an earner proposed."""

    def test_the_spender_confirms_once(self) -> None:
        """The exchange has the row's id; two buttons pressed at once book one."""
        row = self.proposed(started_at="15:00", ended_at="16:30", category="spesa", note="mercato")
        bruno = self.signed_in("bruno")
        self.assertContains(bruno.get("/"), f"/proposals/{row.id}/confirm/")
        for _ in range(2):
            answer = bruno.post(f"/proposals/{row.id}/confirm/", follow=True)
            self.assertContains(answer, "Confirmed: the hours are counted.")
        self.assertEqual(("1:30", "-1:30"), (self.posted("m-1"), self.posted("m-2")))
        booked = self.bank.transfer_by_id(str(row.id))
        self.assertEqual(("spesa", "mercato", "m-2"), (booked.category, booked.note, booked.actor))
        self.assertEqual("family help", booked.area)
        self.assertEqual("16:30", f"{booked.ended_at:%H:%M}")
        row.refresh_from_db()
        self.assertEqual("confirmed", row.state)

    def test_the_first_answer_counts(self) -> None:
        """Whoever comes later is told, and nothing changes."""
        answers = {
            "confirm": ("bruno", "confirmed"),
            "decline": ("bruno", "declined"),
            "withdraw": ("anna", "withdrawn"),
        }
        for first, (who, state) in answers.items():
            row = self.proposed()
            self.assertRedirects(self.signed_in(who).post(f"/proposals/{row.id}/{first}/"), "/")
            for later, (other, _) in answers.items():
                if later != first:
                    with self.subTest(first=first, later=later):
                        answer = self.signed_in(other).post(f"/proposals/{row.id}/{later}/")
                        self.assertContains(answer, f"It was answered already: {state}")
                        row.refresh_from_db()
                        self.assertEqual(state, row.state)
        self.assertEqual("1:30", self.posted("m-1"))

    def test_nobody_else_answers(self) -> None:
        """Not the earner, not a third, not who reads all; a coordinator may record it."""
        row = self.proposed()
        for who in ("anna", "teresa"):
            for verb in ("confirm", "decline"):
                with self.subTest(who=who, verb=verb):
                    answer = self.signed_in(who).post(f"/proposals/{row.id}/{verb}/")
                    self.assertEqual(403, answer.status_code)
        for who in ("bruno", "teresa", "carla"):
            answer = self.signed_in(who).post(f"/proposals/{row.id}/withdraw/")
            self.assertEqual(403, answer.status_code)
        row.refresh_from_db()
        self.assertEqual(("open", "0:00"), (row.state, self.posted("m-1")))
        self.assertRedirects(
            Client().post(f"/proposals/{row.id}/confirm/"),
            f"/login/?next=/proposals/{row.id}/confirm/",
        )
        self.assertEqual(
            404, self.signed_in("anna").post(f"/proposals/{uuid.uuid4()}/decline/").status_code
        )
        self.assertRedirects(self.signed_in("carla").post(f"/proposals/{row.id}/confirm/"), "/")
        self.assertEqual("m-3", self.bank.transfer_by_id(str(row.id)).actor)

    def test_what_would_now_be_refused_stays_open(self) -> None:
        """The page says why, in the reader's language."""
        row = self.proposed(hours="8")
        self.bank.set_limits("m-2", floor="-5")
        answer = self.signed_in("bruno", "it").post(f"/proposals/{row.id}/confirm/")
        self.assertContains(answer, "Bruno non può spendere 8:00")
        self.assertContains(self.signed_in("bruno", "it").get("/"), "Conferma</button>")
        row.refresh_from_db()
        self.assertEqual("open", row.state)
        self.bank.set_limits("m-2", floor="-10")
        self.assertRedirects(self.signed_in("bruno").post(f"/proposals/{row.id}/confirm/"), "/")

    def test_what_is_planned_is_confirmed_when_it_was_done(self) -> None:
        """A hurried yes today books nothing of next week, of a proposal or a hold."""
        day = timezone.localdate() + timedelta(days=7)
        row, id = self.proposed(day=day), self.held(day=day)
        bruno = self.signed_in("bruno")
        page = bruno.get("/")
        self.assertContains(page, "Confirm it when it was done.", count=2)
        for path in (f"/proposals/{row.id}/confirm/", f"/holds/{id}/confirm/"):
            self.assertNotContains(page, path)
            self.assertContains(bruno.post(path), "It is planned for")
        self.assertEqual("0:00", self.posted("m-1"))
        self.assertEqual("open", self.bank.hold_by_id(id).status)

    def test_a_link_answers_nothing(self) -> None:
        """Only a button does; its address alone, as after signing in again, leads back."""
        row, id = self.proposed(), self.held()
        for path in (f"/proposals/{row.id}/confirm/", f"/holds/{id}/decline/"):
            page = self.signed_in("bruno").get(path)
            self.assertContains(page, "To the first page", status_code=405)
        row.refresh_from_db()
        self.assertEqual(("open", "open"), (row.state, self.bank.hold_by_id(id).status))


class HoldTests(MembersTestCase):
    """To answer what a spender proposed."""

    def test_the_earner_confirms_once(self) -> None:
        """The reserved hours are theirs."""
        id = self.held()
        bruno = self.signed_in("bruno")
        self.assertContains(bruno.get("/"), f"/holds/{id}/confirm/")
        for _ in range(2):
            self.assertRedirects(bruno.post(f"/holds/{id}/confirm/"), "/")
        self.assertEqual(("-1:30", "1:30"), (self.posted("m-1"), self.posted("m-2")))

    def test_declined_or_taken_back_twice_it_is_released_once(self) -> None:
        """By the same person or by both at once."""
        id = self.held()
        for who, verb in (("bruno", "decline"), ("anna", "withdraw"), ("bruno", "decline")):
            self.assertRedirects(self.signed_in(who).post(f"/holds/{id}/{verb}/"), "/")
        self.assertEqual("0:00", str(self.bank.balance("m-1").held))

    def test_the_first_answer_counts(self) -> None:
        """Whoever comes later is told."""
        id = self.held()
        self.signed_in("bruno").post(f"/holds/{id}/confirm/")
        answer = self.signed_in("anna").post(f"/holds/{id}/withdraw/")
        self.assertContains(answer, "settled")
        id = self.held()
        self.signed_in("anna").post(f"/holds/{id}/withdraw/")
        answer = self.signed_in("bruno").post(f"/holds/{id}/confirm/")
        self.assertContains(answer, "voided")
        self.assertEqual("1:30", self.posted("m-2"))

    def test_nobody_else_answers(self) -> None:
        """The bank asks for who earns or spends."""
        id = self.held()
        for who in ("teresa",):
            for verb in ("confirm", "decline", "withdraw"):
                answer = self.signed_in(who).post(f"/holds/{id}/{verb}/")
                self.assertEqual(403, answer.status_code)
        missing = self.signed_in("anna").post("/holds/nothing/confirm/")
        self.assertIn(missing.status_code, {403, 404})
        self.assertEqual("open", self.bank.hold_by_id(id).status)

    def test_a_delegate_answers(self) -> None:
        """For who named them, until that ends."""
        form = self.form(side="received", other="", number="m-5")
        self.signed_in("anna").post("/propose/", form)
        path = f"/holds/{form['operation']}/confirm/"
        self.assertContains(self.signed_in("bruno").get("/"), path)
        self.assertRedirects(self.signed_in("bruno").post(path), "/")
        self.assertEqual("1:30", self.posted("m-5"))


class StatementTests(MembersTestCase):
    """The statement."""

    def setUp(self) -> None:
        """Book two exchanges, one of them two years ago."""
        old = timezone.localdate() - timedelta(days=730)
        self.bank.transfer(
            earner="m-1", spender="m-2", hours=2, occurred_on=old, id="old", category="compiti"
        )
        self.bank.transfer(earner="m-2", spender="m-1", hours="0:30", id="new", category="spesa")

    def test_it_is_of_this_year_unless_it_is_said_otherwise(self) -> None:
        """Each exchange with a way to ask for a correction."""
        anna = self.signed_in("anna")
        page = anna.get("/accounts/m-1/statement/")
        self.assertContains(page, "spesa")
        self.assertNotContains(page, "compiti")
        self.assertContains(page, "/transfers/new/correct/")
        self.assertContains(anna.get("/accounts/m-1/statement/?since="), "compiti")
        wrong = anna.get("/accounts/m-1/statement/?since=2026-02-01&until=2026-01-01")
        self.assertContains(wrong, "This day is before the first one.")

    def test_nobody_sees_another(self) -> None:
        """Of somebody, or of an account that is not there: the same answer."""
        anna = self.signed_in("anna")
        for id in ("m-2", "m-5", "fund", "nothing"):
            self.assertEqual(403, anna.get(f"/accounts/{id}/statement/").status_code)
        self.assertEqual(200, self.signed_in("bruno").get("/accounts/m-5/statement/").status_code)


class CorrectionTests(MembersTestCase):
    """To ask for a correction."""

    def test_it_is_asked_once(self) -> None:
        """A row for the coordinator, whose answer the member reads."""
        self.bank.transfer(earner="m-1", spender="m-2", hours=2, id="t1")
        bruno = self.signed_in("bruno")
        self.assertContains(bruno.get("/transfers/t1/correct/"), "Anna")
        form = {"operation": str(uuid.uuid4()), "text": "It was one hour."}
        for _ in range(2):
            self.assertRedirects(bruno.post("/transfers/t1/correct/", form), "/corrections/")
        row = Correction.objects.get()
        self.assertEqual(("t1", "m-2", "m-2"), (row.transfer, row.account, row.asked_by))
        row.state, row.answer = Correction.State.DONE, "You were right."
        row.save()
        page = bruno.get("/corrections/")
        self.assertContains(page, "You were right.")
        self.assertContains(page, "Corrected")
        self.assertNotContains(self.signed_in("anna").get("/corrections/"), "one hour")

    def test_only_of_an_exchange_that_one_may_see(self) -> None:
        """Of others' there is nothing to know."""
        self.bank.transfer(earner="m-3", spender="m-2", hours=2, id="t1")
        form = {"operation": str(uuid.uuid4()), "text": "It was one hour."}
        for id in ("t1", "nothing"):
            path = f"/transfers/{id}/correct/"
            self.assertEqual(403, self.signed_in("anna").get(path).status_code)
            self.assertEqual(403, self.signed_in("anna").post(path, form).status_code)
        self.assertFalse(Correction.objects.exists())


class PeopleTests(MembersTestCase):
    """The directory, and what one may choose."""

    def test_the_directory_has_who_wants_to_be_found(self) -> None:
        """Names, and no hours."""
        page = self.signed_in("anna").get("/people/")
        self.assertContains(page, "Bruno")
        self.assertContains(page, "/propose/?other=m-2")
        self.assertNotContains(page, "Carla")
        self.assertNotContains(page, "m-3")

    def test_one_may_leave_the_directory(self) -> None:
        """And come back."""
        anna = self.signed_in("anna")
        for values, listed in (({}, False), ({}, False), ({"listed": "1"}, True)):
            self.assertRedirects(anna.post("/profile/listed/", values), "/profile/")
            self.people["anna"].refresh_from_db()
            self.assertEqual(listed, self.people["anna"].listed)

    def test_one_names_who_acts_and_ends_it(self) -> None:
        """Out of the directory, until a day; a day that is over is refused."""
        anna, until = self.signed_in("anna", "it"), timezone.localdate() + timedelta(days=9)
        for _ in range(2):
            form = {"delegate": "m-2", "until": str(until)}
            self.assertRedirects(anna.post("/profile/delegate/", form), "/profile/")
        self.assertEqual(
            [("m-2", until)], [(one.id, one.until) for one in self.bank.delegates("m-1")]
        )
        self.assertContains(anna.get("/profile/"), "Bruno")
        self.assertContains(self.signed_in("bruno").get("/"), "Anna")
        self.assertContains(
            anna.post("/profile/delegate/", {"delegate": "m-2", "until": "2020-01-01"}),
            "è già passato",
        )
        self.assertEqual(
            200,
            anna.post("/profile/delegate/", {"delegate": "m-3", "until": str(until)}).status_code,
        )
        for _ in range(2):
            ended = anna.post("/profile/delegate/end/", {"account": "m-1", "delegate": "m-2"})
            self.assertRedirects(ended, "/profile/")
        self.assertEqual((), self.bank.delegates("m-1"))

    def test_a_delegate_may_stop_and_nobody_else_ends_it(self) -> None:
        """Anna has no say in who acts for Rosa."""
        form = {"account": "m-5", "delegate": "m-2"}
        self.assertEqual(
            403, self.signed_in("anna").post("/profile/delegate/end/", form).status_code
        )
        self.assertRedirects(
            self.signed_in("bruno").post("/profile/delegate/end/", form), "/profile/"
        )
        self.assertEqual((), self.bank.delegates("m-5"))

    def test_one_chooses_the_language(self) -> None:
        """It stays for the next page, whatever the browser asks for."""
        anna = self.signed_in("anna", "it")
        self.assertContains(anna.get("/profile/"), "Lingua:")
        chosen = anna.post("/language/", {"language": "en", "next": "/profile/"})
        self.assertRedirects(chosen, "/profile/")
        self.assertContains(anna.get("/"), "My hours")

    def test_the_password_is_changed(self) -> None:
        """And the old one no longer opens the door."""
        user = self.people["anna"].user
        user.set_password("old-and-long")
        user.save()
        anna = self.signed_in("anna", "it")
        form = {
            "old_password": "old-and-long",
            "new_password1": "neve-di-marzo-26",
            "new_password2": "neve-di-marzo-26",
        }
        self.assertContains(anna.post("/password/", form, follow=True), "La password è cambiata.")
        for password, opens in (("old-and-long", False), ("neve-di-marzo-26", True)):
            self.assertEqual(opens, Client().login(username="anna", password=password))

    def test_who_is_invited_chooses_a_password_once(self) -> None:
        """By a link; the second time it is said that it was used."""
        person = person_made("dario", "Dario", actor="m-9")
        client = Client(headers={"accept-language": "it"})
        page = client.get(welcome_path(person.user), follow=True)
        self.assertContains(page, "Scegli una password")
        form = {"new_password1": "neve-di-marzo-26", "new_password2": "neve-di-marzo-26"}
        self.assertRedirects(client.post(page.request["PATH_INFO"], form), "/login/")
        self.assertContains(client.get(page.request["PATH_INFO"]), "è già stato usato")
        signed_in = {"username": "dario", "password": form["new_password1"]}
        self.assertRedirects(client.post("/login/", signed_in), "/")
        self.assertContains(Client(headers={"accept-language": "it"}).get("/login/"), "Nome utente")

    def test_who_is_not_in_the_directory_is_named_by_themselves_alone(self) -> None:
        """A number that was typed tells no name; who proposes says who they are."""
        anna, carla = self.signed_in("anna"), self.signed_in("carla")
        for side in ("gave", "received"):
            form = self.form(other="", number="m-3", side=side)
            page = anna.post("/propose/", form, follow=True)
            self.assertContains(page, "m-3")
            self.assertNotContains(page, "Carla")
            self.assertContains(carla.get("/"), "Anna")
            carla.post("/propose/", self.form(mine="m-3", other="m-1", side=side))
            page = anna.get("/")
            self.assertContains(page, "Carla")
            for one in self.bank.holds():
                self.bank.void(one.id)
            Proposal.objects.update(state=Proposal.State.DECLINED)


class RefusalTests(MembersTestCase):
    """Pages that are shown where nothing else can be."""

    def test_they_are_in_the_language_of_the_reader(self) -> None:
        """A page that is not there, a form of an old session, a database that is busy."""
        anna = self.signed_in("anna", "it")
        self.assertContains(anna.get("/nothing/"), "Questa pagina non c", status_code=404)
        strict = Client(enforce_csrf_checks=True, headers={"accept-language": "it"})
        strict.force_login(self.people["anna"].user)
        answer = strict.post("/propose/", self.form())
        self.assertContains(answer, "rimasta aperta troppo a lungo", status_code=403)
        with mock.patch("exchange.members.views.accounts_of", side_effect=OperationalError):
            self.assertContains(anna.get("/"), "conta una volta sola", status_code=503)
