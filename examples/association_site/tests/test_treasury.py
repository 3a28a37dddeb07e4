"""The treasurer's pages: who sees them, and that they say what the bank says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

from django.db import connection, transaction
from django.test import Client
from django.utils.timezone import localdate
from exchange.access import acting
from exchange.people import person_made
from exchange.treasury.models import Audit
from exchange.treasury.papers import EXPORTS

import timebank
from tests.site import SiteTestCase
from timebank import Dues, Hours, Statute, reports
from timebank.contrib.django.test import TimeBankTestCase
from timebank.interchange.jsonl import import_jsonl
from timebank.interchange.rates import read_rates
from timebank.reports.presences_html import presences_html
from timebank.reports.presences_text import presences_csv
from timebank.reports.value_html import value_html
from timebank.storage import open_store

#: The pages of the treasury that only show, and what a button sends where.
PAGES = (
    *("", "audit/", "head/", "balances/", "dues/", "impact/", "papers/"),
    *("import/", "export/"),
)
SHOWN = (
    *PAGES,
    *(f"export/{name}/" for name in EXPORTS),
    *("impact/?since=2026-01-01&page=1", "impact/?csv=1", "balances/?day=2026-01-31"),
)


class TreasuryTestCase(SiteTestCase):
    """The accounts of the site with some exchanges, an auditor, and who has two roles."""

    @classmethod
    def setUpTestData(cls) -> None:
        """Book three exchanges, and adopt a statute with dues."""
        super().setUpTestData()
        cls.people["ada"] = person_made("ada", "Ada", actor="m-8", roles=["auditor"])
        cls.people["dora"] = person_made(
            "dora", "Dora", actor="m-9", roles=["coordinator", "treasurer"]
        )
        with acting("m-3", ["coordinator", "treasurer"]) as bank:
            for n, (earner, hours) in enumerate(
                (("m-1", "1:30"), ("m-2", "2:00"), ("m-1", "0:45"))
            ):
                bank.transfer(
                    earner=earner, spender="m-4", hours=hours, id=f"visit-{n}", note="Prova",
                    occurred_on=localdate() - timedelta(days=n),
                )  # fmt: skip
            bank.adopt(Statute(version="prova/1", dues=Dues(hours=2, fund="fund")))


class WhoTests(TreasuryTestCase):
    """Who reads, who changes: the bank says."""

    def test_a_stranger_is_asked_to_sign_in(self) -> None:
        """At each address, whatever is sent."""
        for page in SHOWN:
            for answer in (Client().get(f"/treasury/{page}"), Client().post(f"/treasury/{page}")):
                self.assertEqual(302, answer.status_code, page)
                self.assertIn("/login/", answer.headers["Location"])

    def test_a_member_is_refused(self) -> None:
        """Each page, and each button, in words; nothing is written."""
        anna, head = self.signed_in("anna"), self.bank.head()
        for page in SHOWN:
            for answer in (anna.get(f"/treasury/{page}"), anna.post(f"/treasury/{page}")):
                self.assertEqual(403, answer.status_code, page)
                self.assertNotIn("Bruno", self.text(answer))
        self.assertEqual(head, self.bank.head())
        self.assertFalse(Audit.objects.exists())

    def test_who_reads_all_sees_all_pages_and_changes_nothing(self) -> None:
        """An auditor and a coordinator; the buttons are refused by the bank."""
        for name in ("ada", "carla"):
            reader, head = self.signed_in(name), self.bank.head()
            for page in SHOWN:
                answer = reader.get(f"/treasury/{page}")
                self.assertEqual(200, answer.status_code, page)
            for page in ("dues/", "import/"):
                answer = reader.post(f"/treasury/{page}", {"day": localdate().isoformat()})
                self.assertEqual(403, answer.status_code, (name, page))
            self.assertEqual(head, self.bank.head())

    def test_the_menu_is_the_treasurers_and_the_auditors(self) -> None:
        """Nobody else is led to a page that is refused."""
        for name, sees in (("teresa", True), ("ada", True), ("anna", False), ("carla", False)):
            page = self.text(self.signed_in(name).get("/"))
            self.assertEqual(sees, "/treasury/" in page, name)

    def test_both_languages_are_whole(self) -> None:
        """No English sentence of this part is on an Italian page."""
        teresa = self.signed_in("teresa", "it")
        for page, said in (("", "I conti tornano?"), ("audit/", "Controlla adesso")):
            self.assertIn(said, self.text(teresa.get(f"/treasury/{page}")))


class BooksTests(TreasuryTestCase):
    """The light, the head, and the balances."""

    def test_the_first_page_has_the_figures_of_the_bank(self) -> None:
        """Accounts, positive balances, hours of the month, dues."""
        page = self.text(self.signed_in("teresa").get("/treasury/"))
        trial = self.bank.trial_balance()
        positive = sum(line.balance.seconds for line in trial.lines if line.balance.seconds > 0)
        self.assertEqual(4 * 3600 + 900, positive)
        month = sum(
            one.hours.seconds
            for one in self.bank.transfers(since=localdate().replace(day=1))
            if one.kind == "exchange"
        )
        self.assertInHTML("<dd>4:15</dd>", page)
        self.assertInHTML(f"<dd>{Hours.from_seconds(month)}</dd>", page)
        self.assertInHTML(f"<dd>{len(trial.lines)}</dd>", page)
        self.assertIn("Dues of 5 accounts are to be charged: 10:00 hours.", page)
        self.assertIn("This bank was not audited yet.", page)

    def test_an_audit_that_is_well_is_told_until_the_next(self) -> None:
        """With the day, the records it went over, and those that came since."""
        teresa = self.signed_in("teresa")
        page = self.text(teresa.post("/treasury/audit/"))
        self.assertIn("All well:", page)
        self.assertIn(
            "All well: the last audit found nothing.", self.text(teresa.get("/treasury/"))
        )
        with acting("m-3", ["coordinator"]) as bank, transaction.atomic():
            bank.rename("m-1", "Anna F.")
        page = self.text(teresa.get("/treasury/"))
        self.assertIn(f"over {self.bank.head().sequence - 1} records", page)
        self.assertIn("1 record was written since.", page)

    def test_a_bank_that_is_not_well_is_told_with_its_cause_and_what_to_do(self) -> None:
        """By word and sign, in the reader's language, the cause before what follows from it."""
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("ALTER TABLE timebank_postings DISABLE TRIGGER USER")
            else:
                cursor.execute("DROP TRIGGER timebank_postings_no_update")
            cursor.execute(
                "UPDATE timebank_postings SET balance = balance + 3600 WHERE account = 'm-1'"
            )
        for language, bad, todo in (
            ("en", "NOT WELL", "What to do:"),
            ("it", "NON", "Che cosa fare:"),
        ):
            teresa = self.signed_in("teresa", language)
            page = self.text(teresa.post("/treasury/audit/"))
            with self.subTest(language):
                self.assertIn(bad, page)
                self.assertIn("✗", page)
                self.assertIn("Anna", page)
                self.assertLess(page.index('class="cause"'), page.index(todo))
                self.assertIn("light bad", self.text(teresa.get("/treasury/")))

    def test_a_journal_that_cannot_be_read_leads_to_an_audit(self) -> None:
        """The first page says so in place of figures; the audit says what is the matter."""
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("ALTER TABLE timebank_records DISABLE TRIGGER USER")
            else:
                cursor.execute("DROP TRIGGER timebank_records_no_update")
            cursor.execute("UPDATE timebank_records SET body = %s WHERE sequence = 9", [b"{}"])
        teresa = self.signed_in("teresa", "it")
        page = self.text(teresa.get("/treasury/"))
        self.assertIn("danneggiati", page)
        self.assertIn('href="/treasury/audit/"', page)
        self.assertIn('class="cause"', self.text(teresa.post("/treasury/audit/")))

    def test_an_older_head_is_looked_for_in_the_journal(self) -> None:
        """One that was published is there; one of a journal that was cut off is not."""
        teresa, line = self.signed_in("teresa"), self.bank.head().with_root()
        with acting("m-3", ["coordinator"]) as bank, transaction.atomic():
            bank.rename("m-1", "Anna F.")
        page = self.text(teresa.post("/treasury/head/", {"older": f"  {line}\n"}))
        self.assertIn("nothing up to it was changed", page)
        digest = line.split()[3]
        for bad in (
            line.replace(digest, "0" * 64),
            line.replace(f" {self.bank.head().sequence - 1} ", " 99 "),
        ):
            page = self.text(teresa.post("/treasury/head/", {"older": bad}))
            self.assertIn("NOT WELL", page)
            self.assertNotIn("nothing up to it was changed", page)
        self.assertFalse(Audit.objects.exists())  # it may have been of another bank

    def test_what_is_no_head_is_said_to_be_none(self) -> None:
        """In a sentence beside the field."""
        teresa = self.signed_in("teresa", "it")
        for bad in ("ciao", "timebank/1 x", "x" * 2_000):
            page = self.text(teresa.post("/treasury/head/", {"older": bad}))
            self.assertIn("errorlist", page, bad)

    def test_the_trial_balance_sums_to_nothing(self) -> None:
        """On any day; each account is the one of the bank."""
        teresa = self.signed_in("teresa")
        day = localdate() - timedelta(days=1)
        for on, query in ((None, ""), (day, f"?day={day}")):
            page = self.text(teresa.get(f"/treasury/balances/{query}"))
            trial = self.bank.trial_balance(on)
            for line in trial.lines:
                self.assertIn(f'<td class="hours">{line.balance}</td></tr>', page)
            self.assertIn(f'{trial.earned}</td><td class="hours">{trial.spent}', page)
            self.assertIn(self.bank.head().with_root(), page)

    def test_a_day_that_is_none_is_a_sentence(self) -> None:
        """In the reader's language, at each page that asks for one."""
        for language, said in (("en", "Enter a valid date."), ("it", "Inserisci una data valida.")):
            teresa = self.signed_in("teresa", language)
            for page in ("balances/?day=", "dues/?day=", "impact/?page=1&since="):
                answer = teresa.get(f"/treasury/{page}31/02/2026")
                self.assertEqual(200, answer.status_code)
                self.assertIn(said, self.text(answer), page)


class DuesTests(TreasuryTestCase):
    """What is due, and who is charged."""

    def test_what_was_shown_is_charged_once(self) -> None:
        """However often the button is pressed."""
        teresa = self.signed_in("teresa")
        page = self.text(teresa.get("/treasury/dues/"))
        due = self.bank.dues()
        self.assertEqual(5, len(due))
        self.assertEqual(5, page.count('<td class="hours">2:00</td>'))
        for _again in range(2):
            sent = {"day": localdate().isoformat()}
            answer = teresa.post("/treasury/dues/", sent, follow=True)
            self.assertEqual(200, answer.status_code)
        self.assertEqual("10:00", self.posted("fund"))
        self.assertEqual((), self.bank.dues())
        self.assertIn("Nothing is due", self.text(answer))

    def test_a_day_to_come_is_shown_and_not_charged(self) -> None:
        """The bank refuses it, and the page has no button."""
        teresa, day = self.signed_in("teresa"), localdate() + timedelta(days=400)
        page = self.text(teresa.get(f"/treasury/dues/?day={day}"))
        self.assertIn("yet to come", page)
        self.assertNotIn("Charge these dues", page)
        answer = teresa.post("/treasury/dues/", {"day": day.isoformat()})
        self.assertIn("errorlist", self.text(answer))
        self.assertEqual("0:00", self.posted("fund"))


class FrozenTests(TimeBankTestCase):
    """Dues of an account that is frozen, in a bank of last year's."""

    def test_who_is_frozen_waits(self) -> None:
        """And is said to; the others are charged."""
        year_ago = datetime.now(UTC) - timedelta(days=366)
        past = timebank.join(connection, bank="main", clock=lambda: year_ago)
        for id, kind in (("m-1", "member"), ("m-2", "member"), ("fund", "fund")):
            past.open_account(id, kind=kind, name=id.upper())
        past.adopt(Statute(version="prova/1", dues=Dues(hours=2, fund="fund")))
        with acting("m-3", ["coordinator"]) as bank:
            bank.freeze("m-1")
        teresa = Client(headers={"accept-language": "en"})
        teresa.force_login(person_made("teresa", "Teresa", roles=["treasurer"]).user)
        due = self.bank.dues()
        ready = sum(one.hours.seconds for one in due if one.account == "m-2")
        page = self.text(teresa.get("/treasury/dues/"))
        self.assertIn("M-1 <small>(frozen: it waits)</small>", page)
        self.assertIn(
            f'<td class="wide" colspan="3"></td><td class="hours">{Hours.from_seconds(ready)}', page
        )
        self.assertIn("Dues of 1 account are", self.text(teresa.get("/treasury/")))
        teresa.post("/treasury/dues/", {"day": localdate().isoformat()})
        self.assertEqual({"m-1"}, {one.account for one in self.bank.dues()})
        page = self.text(teresa.get("/treasury/dues/"))
        self.assertNotIn("Charge these dues", page)

    def text(self, answer: Any) -> str:
        """Return the text of a page."""
        return str(answer.content.decode())


class PapersTests(TreasuryTestCase):
    """The impact report, and the exports."""

    def test_the_impact_report_is_a_page_of_its_own(self) -> None:
        """In the reader's language, under the policy that lets no script run; and its figures."""
        teresa = self.signed_in("teresa", "it")
        answer = teresa.get("/treasury/impact/?page=1")
        self.assertIn("Che cosa ci siamo scambiati", self.text(answer))
        self.assertIn("Banca del Tempo di Quarto Oggiaro", self.text(answer))
        self.assertIn("default-src 'none'", answer.headers["Content-Security-Policy"])
        sheet = teresa.get("/treasury/impact/?csv=1").content
        self.assertTrue(sheet.startswith(b"\xef\xbb\xbf"))
        turned = teresa.get("/treasury/impact/?since=2026-03-01&until=2026-02-01&page=1")
        self.assertIn("errorlist", self.text(turned))

    def test_the_register_of_presences_is_the_librarys(self) -> None:
        """Of the days and the funds that were chosen; and the same for a spreadsheet."""
        teresa = self.signed_in("teresa", "it")
        days = {"since": localdate() - timedelta(days=1), "until": localdate()}
        found = self.bank.presences(**days)
        self.assertEqual(2, len(found.lines))
        about = {"title": "Banca del Tempo di Quarto Oggiaro", "made_on": localdate()}
        answer = teresa.post("/treasury/papers/", {**days, "register": "1"})
        self.assertEqual(presences_html(found, "it", **about), self.text(answer))
        none = teresa.post("/treasury/papers/", {**days, "register": "1", "funds": ["fund"]})
        self.assertNotIn("Bruno", self.text(none))
        sheet = teresa.post("/treasury/papers/", {**days, "register_csv": "1"})
        text = sheet.content.decode("utf-8-sig")
        self.assertEqual(presences_csv(found, "it", semicolons=True), text)

    def test_hours_have_a_value_by_rates_that_are_written(self) -> None:
        """The library's paper; to the cent."""
        teresa = self.signed_in("teresa", "it")
        rates = "categoria;tariffa\n*;10,01\n"
        found = self.bank.presences()
        worth = reports.value(found, read_rates(BytesIO(rates.encode())))
        self.assertEqual(4254, worth.total_cents)  # 4.25 hours at 10.01
        about = {"title": "Banca del Tempo di Quarto Oggiaro", "made_on": localdate()}
        answer = teresa.post("/treasury/papers/", {"value": "1", "rates": rates})
        self.assertEqual(value_html(worth, "it", **about), self.text(answer))
        sheet = teresa.post("/treasury/papers/", {"value_csv": "1", "rates": rates})
        self.assertIn("42,54", sheet.content.decode())

    def test_rates_that_cannot_be_are_said(self) -> None:
        """Letters, nothing, too long a table, a day that is none, a kind of dues."""
        for language in ("en", "it"):
            teresa = self.signed_in("teresa", language)
            for sent in (
                {"rates": "categoria;tariffa\nspesa;dieci\n"},
                {"rates": "categoria;tariffa\nspesa;\n*;\n"},
                {"rates": ""},
                {"rates": "*;10\n" * 5_000},
                {"rates": "*;10", "since": "31/02/2026"},
                {"rates": "categoria;tariffa\n*;10\n", "kinds": "dues"},
            ):
                answer = teresa.post("/treasury/papers/", {"value": "1", **sent})
                with self.subTest(str(sent), language=language):
                    self.assertEqual(200, answer.status_code)
                    self.assertIn("errorlist", self.text(answer))

    def test_the_whole_bank_can_be_made_again(self) -> None:
        """Of the export with names: the same head, the same balances."""
        teresa = self.signed_in("teresa")
        whole = teresa.get("/treasury/export/bank/").content
        store = open_store("memory:", create=True)
        self.assertEqual(self.bank.head(), import_jsonl(store, BytesIO(whole), bank="main"))
        self.assertIn(b"Anna", whole)

    def test_the_journal_without_names_has_none(self) -> None:
        """Nor notes."""
        teresa = self.signed_in("teresa")
        bare = teresa.get("/treasury/export/journal/").content
        self.assertNotIn(b"Anna", bare)
        self.assertNotIn(b"Prova", bare)
        self.assertIn(self.bank.head().digest.hex().encode(), bare)

    def test_each_export_is_a_file_with_a_name(self) -> None:
        """The day is in it, and no name of anybody."""
        teresa = self.signed_in("teresa", "it")
        for name, (ending, _lines) in EXPORTS.items():
            answer = teresa.get(f"/treasury/export/{name}/")
            self.assertEqual(
                f'attachment; filename="main-{name}-{localdate()}.{ending}"',
                answer.headers["Content-Disposition"],
            )
            self.assertTrue(answer.content, name)
        self.assertEqual(404, teresa.get("/treasury/export/none/").status_code)
        comma = teresa.get("/treasury/export/balances/").content.decode()
        self.assertIn("m-1;Anna;member;open;;8100;0;8100;2,25", comma)
