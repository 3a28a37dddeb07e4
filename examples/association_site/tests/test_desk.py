"""The desk: records for others, accounts, leaving, corrections, a calendar."""

from __future__ import annotations

import re
import uuid
from datetime import date, timedelta
from typing import Any

from django.test import Client
from django.utils import timezone
from exchange.access import acting
from exchange.models import Correction, Person, Proposal

from tests.site import SiteTestCase
from timebank.contrib import cheques

TODAY = timezone.localdate()


class DeskTestCase(SiteTestCase):
    """Carla coordinates; the exchanges are those of a test."""

    def setUp(self) -> None:
        """Sign in as the coordinator."""
        self.carla = self.signed_in("carla")

    def slip(self, **given: Any) -> dict[str, Any]:
        """Return a slip of paper, filled in."""
        slip = {
            "operation": str(uuid.uuid4()),
            "earner": "m-1",
            "spender": "m-5",
            "hours": "1,5",
            "day": "2026-03-02",
            "planned": "no",
        }
        return {**slip, **given}

    def refusal(self, answer: Any) -> str:
        """Return the errors of a form that was shown again."""
        self.assertEqual(200, answer.status_code)
        return str(answer.context["form"].errors)


class WhoMayTests(DeskTestCase):
    """The bank says who works at the desk."""

    def test_each_page_is_the_coordinators(self) -> None:
        """A member and the treasurer are refused, whatever they send; a stranger signs in."""
        row = Correction.objects.create(transfer="t", account="m-1", asked_by="m-1", text="x")
        pages = [
            "", "record/", "accounts/", "accounts/open/", "accounts/m-1/", "accounts/m-1/state/",
            "accounts/m-1/login/", "accounts/m-1/delegate/", "accounts/m-1/delegate/end/",
            "accounts/m-1/leave/", "corrections/", f"corrections/{row.pk}/", "calendar/",
            "calendar/2026/3/", "holds/h/", "cheques/", "cheques/enter/", "cheques/issue/",
            "cheques/17/", "cheques/17/print/",
        ]  # fmt: skip
        for page in pages:
            for who in ("anna", "bruno", "teresa"):
                client = self.signed_in(who)
                for answer in (client.get(f"/desk/{page}"), client.post(f"/desk/{page}")):
                    self.assertEqual((page, 403), (page, answer.status_code))
            for answer in (Client().get(f"/desk/{page}"), Client().post(f"/desk/{page}")):
                self.assertRedirects(answer, f"/login/?next=/desk/{page}")

    def test_what_is_not_there_is_said_so(self) -> None:
        """An account, a correction, a hold: no page; what can be none is refused."""
        for page in (
            "accounts/m-9/", "accounts/m-9/leave/", "holds/h/", f"corrections/{uuid.uuid4()}/",
            "cheques/17/", "cheques/17/print/",
        ):  # fmt: skip
            self.assertEqual((page, 404), (page, self.carla.get(f"/desk/{page}").status_code))
        for page in ("accounts/%00/", "calendar/2026/13/", "calendar/1/1/", "calendar/99999/1/"):
            self.assertEqual((page, 400), (page, self.carla.get(f"/desk/{page}").status_code))


class RecordTests(DeskTestCase):
    """An exchange is recorded for those who cannot."""

    def test_a_slip_is_booked_once_by_who_acted(self) -> None:
        """Sent twice it is booked once; the record names the coordinator, and the day is kept."""
        slip = self.slip(category="spesa", started_at="09:00", ended_at="10:30")
        self.assertRedirects(self.carla.post("/desk/record/", slip), "/desk/record/?day=2026-03-02")
        again = self.text(self.carla.post("/desk/record/", slip, follow=True))
        self.assertEqual(("1:30", "-1:30"), (self.posted("m-1"), self.posted("m-5")))
        booked = self.bank.transfer_by_id(slip["operation"])
        self.assertEqual(("m-3", "spesa"), (booked.actor, booked.category))
        self.assertIn("It had been recorded already: 1:30, Anna for Rosa.", again)
        self.assertIn('value="2026-03-02"', again)

    def test_a_paper_slip_counts_once_at_any_desk(self) -> None:
        """The number is the id: entered again it is the same, and never another exchange."""
        self.carla.post("/desk/record/", self.slip(slip="17"))
        self.carla.post("/desk/record/", self.slip(slip="17"))
        self.assertEqual("1:30", self.posted("m-1"))
        again = self.carla.post("/desk/record/", self.slip(slip="17", hours="2"))
        self.assertIn("slip-17", self.refusal(again))
        self.assertEqual("1:30", self.posted("m-1"))

    def test_hours_may_be_reserved_and_concluded(self) -> None:
        """What is planned is a hold; the coordinator books it, or sets the hours free."""
        ahead = TODAY + timedelta(days=3)
        slip = self.slip(planned="yes", day=ahead.isoformat())
        self.carla.post("/desk/record/", slip)
        self.assertEqual("1:30", str(self.bank.balance("m-5").held))
        page = f"/desk/holds/{slip['operation']}/"
        self.assertIn("Anna for Rosa", self.text(self.carla.get(page)))
        early = self.carla.post(page, {"answer": "confirm"})
        self.assertContains(early, "It is planned for")
        self.carla.post(page, {"answer": "nonsense"})
        self.assertEqual("open", self.bank.hold_by_id(slip["operation"]).status)
        for _ in range(2):
            self.assertRedirects(self.carla.post(page, {"answer": "decline"}), "/desk/calendar/")
        self.assertEqual(("0:00", "0:00"), (self.posted("m-1"), str(self.bank.balance("m-5").held)))
        slip = self.slip(planned="yes")
        self.carla.post("/desk/record/", slip)
        page = f"/desk/holds/{slip['operation']}/"
        for _ in range(2):
            self.assertRedirects(self.carla.post(page, {"answer": "confirm"}), "/desk/calendar/")
        self.assertEqual(("1:30", "0:00"), (self.posted("m-1"), str(self.bank.balance("m-5").held)))
        self.assertContains(self.carla.post(page, {"answer": "decline"}), "settled")

    def test_a_refusal_keeps_what_was_typed(self) -> None:
        """It is said in words, with names, above the form."""
        answer = self.carla.post("/desk/record/", self.slip(hours="21", note="Una mail"))
        self.assertIn("Rosa", self.refusal(answer))
        self.assertIn("Una mail", self.text(answer))
        self.assertIn("hours", self.refusal(self.carla.post("/desk/record/", self.slip(hours="x"))))
        self.assertEqual("0:00", self.posted("m-1"))


class AccountTests(DeskTestCase):
    """Accounts are opened, suspended, and acted for."""

    def opening(self, **given: Any) -> dict[str, Any]:
        """Return the form of who joins."""
        form = {
            "operation": str(uuid.uuid4()),
            "name": "Ernesto Villa",
            "kind": "member",
            "joined_on": "2026-03-02",
        }
        return {**form, **given}

    def opened(self, form: dict[str, Any]) -> str:
        """Return the id of the account that a form opened."""
        return f"p-{uuid.UUID(form['operation']).hex[:12]}"

    def test_sent_twice_one_account_is_opened(self) -> None:
        """Its id tells nothing of who joined."""
        form = self.opening()
        id = self.opened(form)
        for _ in range(2):
            answer = self.carla.post("/desk/accounts/open/", form)
            self.assertRedirects(answer, f"/desk/accounts/{id}/")
        named = [one.id for one in self.bank.accounts() if one.name == "Ernesto Villa"]
        self.assertEqual([id], named)
        self.assertFalse(Person.objects.filter(actor=id).exists())

    def test_who_signs_in_gets_a_link_that_is_shown_once(self) -> None:
        """By it they choose a password, and see their own account."""
        form = self.opening(username="ernesto")
        id = self.opened(form)
        shown = self.carla.post("/desk/accounts/open/", form, follow=True)
        link = shown.context["link"]
        self.assertIn(link, self.text(shown))
        self.assertNotIn("/welcome/", self.text(self.carla.get(f"/desk/accounts/{id}/")))
        ernesto = Client(headers={"accept-language": "en"})
        choose = ernesto.get(link, follow=True)
        chosen = {"new_password1": "ore-di-quartiere-7", "new_password2": "ore-di-quartiere-7"}
        ernesto.post(choose.redirect_chain[-1][0], chosen)
        self.assertTrue(ernesto.login(username="ernesto", password=chosen["new_password1"]))
        self.assertIn("Ernesto Villa", self.text(ernesto.get("/")))

    def test_a_double_send_with_a_login_makes_one_person(self) -> None:
        """And the second answer shows a link again, for nobody may have seen the first."""
        form = self.opening(username="ernesto")
        self.carla.post("/desk/accounts/open/", form)
        again = self.carla.post("/desk/accounts/open/", form, follow=True)
        self.assertIn("/welcome/", self.text(again))
        self.assertEqual(1, Person.objects.filter(actor=self.opened(form)).count())

    def test_a_name_that_is_taken_is_refused(self) -> None:
        """To sign in with; nothing of it is done, and two members may have one name."""
        for username, words in (("ANNA", "Somebody else signs in"), ("a b", "valid username")):
            form = self.opening(username=username)
            self.assertIn(words, self.refusal(self.carla.post("/desk/accounts/open/", form)))
            self.assertNotIn(self.opened(form), [one.id for one in self.bank.accounts()])
        other = self.opening(name="Anna")
        self.carla.post("/desk/accounts/open/", other)
        self.assertEqual("Anna", self.bank.account(self.opened(other)).name)

    def test_a_form_that_was_sent_otherwise_opens_nothing(self) -> None:
        """After a step back in the browser it is refused, in words."""
        form = self.opening()
        self.carla.post("/desk/accounts/open/", form)
        again = self.carla.post("/desk/accounts/open/", {**form, "name": "Ines Fontana"})
        self.assertIn("Ernesto Villa already", self.refusal(again))
        self.assertEqual("Ernesto Villa", self.bank.account(self.opened(form)).name)

    def test_no_link_is_made_for_who_has_a_role(self) -> None:
        """Who works at the desk does not become the treasurer by a new password."""
        answer = self.carla.post("/desk/accounts/m-4/login/")
        self.assertContains(answer, "no link at the desk")
        again = self.carla.post("/desk/accounts/m-1/login/", follow=True)
        self.assertContains(again, "/welcome/")

    def test_who_has_an_account_may_sign_in_later(self) -> None:
        """Rosa's account had no login; her name is that of the account."""
        for username in ("", "anna", "x" * 151):
            page = self.carla.post("/desk/accounts/m-5/login/", {"username": username})
            self.assertContains(page, 'class="refusal"')
        shown = self.carla.post("/desk/accounts/m-5/login/", {"username": "rosa"}, follow=True)
        self.assertContains(shown, "/welcome/")
        self.assertEqual("Rosa", Person.objects.get(actor="m-5").name)

    def test_an_account_is_suspended_and_let_go_on(self) -> None:
        """With the reason in its history; of one that is closed, that is refused."""
        url = "/desk/accounts/m-1/state/"
        for _ in range(2):
            self.carla.post(url, {"do": "freeze", "reason": "all'estero"})
        self.assertEqual("frozen", self.bank.account("m-1").status)
        page = self.text(self.carla.get("/desk/accounts/m-1/"))
        self.assertIn("frozen by Carla: all&#x27;estero", page)
        self.carla.post(url, {"do": "thaw"})
        self.assertEqual("open", self.bank.account("m-1").status)
        with acting("m-3", ["coordinator"]) as bank:
            bank.leave("m-1")
        refused = self.carla.post(url, {"do": "freeze"}, follow=True)
        self.assertContains(refused, 'class="refusal"')
        self.carla.post(url, {"do": "nonsense"})
        self.assertEqual("closed", self.bank.account("m-1").status)

    def test_somebody_acts_for_who_cannot_until_a_day(self) -> None:
        """One of those who sign in; and it is ended."""
        url, until = "/desk/accounts/m-5/delegate/", (TODAY + timedelta(days=90)).isoformat()
        anna = {"person": "m-1", "until": until}
        for _ in range(2):
            self.assertRedirects(self.carla.post(url, anna), "/desk/accounts/m-5/")
        acting_for = {one.delegate: one.until for one in self.bank.delegates("m-5")}
        self.assertEqual({"m-1", "m-2"}, set(acting_for))
        self.assertEqual(until, str(acting_for["m-1"]))
        self.carla.post("/desk/accounts/m-5/delegate/end/", {"delegate": "m-1"})
        self.assertEqual(1, len(self.bank.delegates("m-5")))
        for wrong in ({}, {"person": "m-9"}, {**anna, "until": "2020-01-01"}):
            self.assertNotEqual("", self.refusal(self.carla.post(url, wrong)))

    def test_the_list_finds_by_name_and_number(self) -> None:
        """It shows balances."""
        self.carla.post("/desk/record/", self.slip())
        page = self.text(self.carla.get("/desk/accounts/?q=ros"))
        self.assertIn("-1:30", page)
        self.assertNotIn("Teresa", page)


class LeavingTests(DeskTestCase):
    """Who leaves: the steps first, then all of them or none."""

    def form(self, **given: Any) -> dict[str, Any]:
        """Return the form of who leaves."""
        return {"operation": str(uuid.uuid4()), "donate": "fund", "reason": "moved", **given}

    def test_the_steps_are_shown_and_nothing_is_done(self) -> None:
        """Until they are confirmed."""
        self.carla.post("/desk/record/", self.slip())
        shown = self.text(self.carla.post("/desk/accounts/m-1/leave/", self.form()))
        self.assertIn("Donation: 1:30 to Fondo.", shown)
        self.assertEqual(("1:30", "open"), (self.posted("m-1"), self.bank.account("m-1").status))

    def test_all_of_it_is_one_commit(self) -> None:
        """The hours, the account, the login and what was proposed; sent twice, once."""
        self.carla.post("/desk/record/", self.slip())
        Proposal.objects.create(
            earner="m-1", spender="m-2", seconds=3600, occurred_on="2026-03-02", asked_by="m-1"
        )
        anna = self.signed_in("anna")
        form = self.form(confirm="yes")
        for _ in range(2):
            answer = self.carla.post("/desk/accounts/m-1/leave/", form)
            self.assertRedirects(answer, "/desk/accounts/m-1/")
        self.assertEqual(("0:00", "1:30"), (self.posted("m-1"), self.posted("fund")))
        self.assertEqual("closed", self.bank.account("m-1").status)
        self.assertEqual(["withdrawn"], [one.state for one in Proposal.objects.all()])
        self.assertRedirects(anna.get("/"), "/login/?next=/")

    def test_a_debt_does_not_go_away_at_the_desk(self) -> None:
        """Without a write-off it is refused, with one too: nothing of it is done."""
        self.carla.post("/desk/record/", self.slip(earner="m-5", spender="m-1"))
        for form in (self.form(), self.form(confirm="yes")):
            self.assertNotEqual(
                "", self.refusal(self.carla.post("/desk/accounts/m-1/leave/", form))
            )
        for form in (self.form(write_off="fund"), self.form(write_off="fund", confirm="yes")):
            sent = self.carla.post("/desk/accounts/m-1/leave/", form)
            self.assertEqual(403, sent.status_code)
        self.assertEqual("-1:30", self.posted("m-1"))
        self.assertTrue(Person.objects.get(actor="m-1").user.is_active)

    def test_who_is_treasurer_too_writes_it_off(self) -> None:
        """By the bank's word: the page asks nobody else."""
        self.carla.post("/desk/record/", self.slip(earner="m-5", spender="m-1"))
        self.people["carla"].user.groups.add(self.people["teresa"].user.groups.get())
        self.carla.post("/desk/accounts/m-1/leave/", self.form(write_off="fund", confirm="yes"))
        self.assertEqual(("0:00", "-1:30"), (self.posted("m-1"), self.posted("fund")))


class CorrectionTests(DeskTestCase):
    """What members ask is answered once."""

    def setUp(self) -> None:
        """Let Rosa's delegate ask to correct an exchange."""
        super().setUp()
        slip = self.slip(category="altro")
        self.carla.post("/desk/record/", slip)
        self.id = slip["operation"]
        self.row = Correction.objects.create(
            transfer=self.id, account="m-5", asked_by="m-2", text="Era un'ora."
        )
        self.page = f"/desk/corrections/{self.row.pk}/"

    def answer(self, how: str, **given: Any) -> Any:
        """Send an answer."""
        form = {"operation": str(uuid.uuid4()), "how": how, "answer": "Sì", "category": "spesa"}
        return self.carla.post(self.page, {**form, **given})

    def state(self) -> tuple[str, str]:
        """Return what became of it, and the balance."""
        self.row.refresh_from_db()
        return self.row.state, self.posted("m-1")

    def test_some_hours_are_taken_back_once(self) -> None:
        """Whoever answers second sees that it was answered; the row's id is the reversal's."""
        self.assertIn("Anna for Rosa", self.text(self.carla.get(self.page)))
        for _ in range(2):
            self.assertRedirects(self.answer("reverse", hours="0:30"), "/desk/corrections/")
        self.assertEqual(("done", "1:00"), self.state())
        self.assertEqual(self.id, self.bank.transfer_by_id(str(self.row.pk)).reverses)
        self.assertNotIn("<textarea", self.text(self.carla.get(self.page)))

    def test_labels_are_amended(self) -> None:
        """The hours stay."""
        self.answer("amend")
        self.assertEqual(("done", "1:30"), self.state())
        self.assertEqual("spesa", self.bank.transfer_by_id(self.id).category)

    def test_it_stays_as_it_is(self) -> None:
        """With an answer."""
        self.answer("leave")
        self.assertEqual(("declined", "1:30"), self.state())
        self.assertIn("Sì", self.text(self.carla.get("/desk/corrections/")))

    def test_what_is_refused_stays_open(self) -> None:
        """More hours than there are: nothing is answered, what was typed is kept."""
        refused = self.answer("reverse", hours="3")
        self.assertNotEqual("", self.refusal(refused))
        self.assertIn('value="3"', self.text(refused))
        self.assertEqual(("open", "1:30"), self.state())
        self.assertIn("answer", self.refusal(self.answer("reverse", answer="")))


class OverviewTests(DeskTestCase):
    """What is to be done, and the calendar."""

    def test_the_first_page_says_what_waits(self) -> None:
        """Corrections, reserved hours and proposals, each with where to go."""
        hold = self.slip(planned="yes", spender="m-2")
        self.carla.post("/desk/record/", hold)
        Correction.objects.create(transfer="t", account="m-1", asked_by="m-1", text="x")
        row = Proposal.objects.create(
            earner="m-1", spender="m-2", seconds=3600, occurred_on="2026-03-02", asked_by="m-1"
        )
        page = self.text(self.carla.get("/desk/"))
        self.assertNotIn("<strong>1:00</strong>, Anna for Bruno", page)
        Proposal.objects.filter(pk=row.pk).update(asked_at=row.asked_at - timedelta(days=8))
        page = self.text(self.carla.get("/desk/"))
        for part in (
            "1 waits for your answer", f"/desk/holds/{hold['operation']}/",
            "<strong>1:00</strong>, Anna for Bruno",
        ):  # fmt: skip
            self.assertIn(part, page)

    def test_the_calendar_has_holds_on_their_days(self) -> None:
        """What expired is said in words; what was given up is left out."""
        with acting("m-3", ["coordinator"]) as bank:
            for id, day in (("a", date(2026, 3, 2)), ("b", date(2026, 3, 31)), ("c", None)):
                bank.hold(
                    earner="m-1", spender="m-2", hours=1, id=id, occurred_on=day,
                    category=f"what-{id}",
                )  # fmt: skip
            bank.hold(
                earner="m-1", spender="m-2", hours=1, id="old", occurred_on=date(2026, 3, 3),
                category="what-old", expires_in=timedelta(microseconds=1),
            )  # fmt: skip
            bank.void("b")
        page = self.text(self.carla.get("/desk/calendar/2026/3/"))
        self.assertIn('<th scope="col">Monday</th>', page)
        self.assertIn("Monday 2 March", page)
        self.assertIn("what-old <em>(expired)</em>", " ".join(page.split()))
        self.assertIn("what-c", page)
        self.assertNotIn("what-b", page)
        self.assertNotIn("what-a", self.text(self.carla.get("/desk/calendar/2026/4/")))
        self.assertEqual(200, self.carla.get("/desk/calendar/").status_code)


class ChequeTests(DeskTestCase):
    """Booklets are issued and printed; a pile is entered; what is lost is voided."""

    def setUp(self) -> None:
        """Rosa has booklet 17, of six cheques."""
        super().setUp()
        form = self.slip(account="m-5", booklet="17", cheques="6")
        for _ in range(2):
            answer = self.carla.post("/desk/cheques/issue/", form)
            self.assertRedirects(answer, "/desk/cheques/17/")
        self.numbers = [str(one) for one in cheques.booklet(self.bank, 17).numbers]

    def pile(self, *lines: tuple[str, str, str], **more: Any) -> dict[str, Any]:
        """Return the form, filled in with numbers, who earned, and hours; with empty lines."""
        rows = [*lines, ("", "", "")]
        columns = dict(zip(("number", "earner", "hours"), zip(*rows, strict=True), strict=True))
        rest = {
            "day": ["2026-03-02"] * len(lines) + [""],
            "activity": ["spesa"] * len(lines) + [""],
        }
        return {**columns, **rest, **more}

    def test_a_booklet_is_issued_once_and_printed(self) -> None:
        """The codes open the form for cheques, with the number filled in."""
        self.assertEqual(1, len(cheques.booklets(self.bank)))
        other = self.carla.post(
            "/desk/cheques/issue/", self.slip(account="m-1", booklet="17", cheques="6")
        )
        self.assertIn("17", self.refusal(other))
        self.assertIn('value="18"', self.text(self.carla.get("/desk/cheques/issue/")))
        printed = self.carla.get("/desk/cheques/17/print/", headers={"accept-language": "it"})
        self.assertIn(self.numbers[0], self.text(printed))
        self.assertIn("Rosa", self.text(printed))
        filled = self.text(self.carla.get(f"/desk/cheques/enter/?number={self.numbers[0]}"))
        self.assertIn(f'value="{self.numbers[0]}"', filled)
        self.assertIn("17", self.text(self.carla.get("/desk/cheques/")))

    def test_a_pile_is_previewed_and_booked_in_one_commit(self) -> None:
        """Sent again, each number counts once."""
        form = self.pile((self.numbers[0], "Anna", "1,5"), (self.numbers[1], "m-2", "1:00"))
        shown = self.text(self.carla.post("/desk/cheques/enter/", form))
        self.assertIn("<strong>2:30</strong>", shown)
        self.assertEqual("0:00", self.posted("m-5"))
        [seen] = re.findall('name="seen" value="([0-9a-f]+)"', shown)
        form |= {"do": "book", "seen": seen}
        other = {**form, "hours": ["5", "5", ""]}  # changed since it was shown
        self.assertIn("10:00", self.text(self.carla.post("/desk/cheques/enter/", other)))
        self.assertEqual("0:00", self.posted("m-5"))
        for _ in range(2):
            booked = self.carla.post("/desk/cheques/enter/", form)
            self.assertRedirects(booked, "/desk/cheques/enter/")
        self.assertEqual(("1:30", "-2:30"), (self.posted("m-1"), self.posted("m-5")))
        made = self.bank.transfer_by_id(f"cheque:{self.numbers[0]}")
        self.assertEqual(("m-3", "spesa"), (made.actor, made.category))

    def test_what_is_refused_is_said_by_line_and_kept(self) -> None:
        """Nothing is booked, or the others are; the line stays in the form."""
        form = self.pile((self.numbers[0], "Anna", "1"), (self.numbers[1], "Nessuno", "1"))
        page = self.text(self.carla.post("/desk/cheques/enter/", {**form, "do": "book"}))
        self.assertIn("Nessuno", page)
        self.assertIn("1 line cannot be booked", page)
        self.assertEqual("0:00", self.posted("m-1"))
        page = self.text(self.carla.post("/desk/cheques/enter/", {**form, "do": "others"}))
        self.assertEqual("1:00", self.posted("m-1"))
        self.assertIn('value="Nessuno"', page)
        self.assertNotIn(f'name="number" value="{self.numbers[0]}"', page)

    def test_an_empty_pile_is_no_pile(self) -> None:
        """It is said so, and nothing is booked; nor of a form without its columns."""
        for form in (self.pile(do="book"), {"do": "book"}, {"number": ["17"], "do": "others"}):
            page = self.carla.post("/desk/cheques/enter/", form)
            self.assertContains(page, 'class="refusal"')

    def test_lost_cheques_are_voided(self) -> None:
        """One, or all that are out; then nobody enters them, and sent twice it is done once."""
        self.carla.post("/desk/cheques/enter/", self.pile((self.numbers[0], "m-1", "1"), do="book"))
        one = self.slip(which=self.numbers[1], code="lost", reason="sul tram")
        for _ in range(2):
            self.assertRedirects(self.carla.post("/desk/cheques/17/", one), "/desk/cheques/17/")
        self.assertEqual([self.numbers[1]], list(map(str, cheques.booklet(self.bank, 17).voided)))
        late = self.pile((self.numbers[1], "m-1", "1"), do="book")
        self.assertIn("1 line cannot", self.text(self.carla.post("/desk/cheques/enter/", late)))
        for which in (self.numbers[0], "17-03-34", "nonsense"):
            page = self.carla.post("/desk/cheques/17/", {"which": which, "code": "lost"})
            self.assertContains(page, 'class="refusal"')
        for _ in range(2):
            self.carla.post("/desk/cheques/17/", self.slip(which="all", code="stolen"))
        self.assertEqual((), cheques.booklet(self.bank, 17).out)
        self.assertIn("lost", self.text(self.carla.get("/desk/cheques/17/")))
