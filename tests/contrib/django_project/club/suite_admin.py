"""The pages in the admin: who sees them, what they show, and that they change nothing."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import connection, transaction
from django.test import TestCase, TransactionTestCase, override_settings
from django.utils.html import escape

from timebank import federation
from timebank.contrib.django import bank, ledger
from timebank.proof import SigningKey, origin_of, verify_receipt

EVIL = "<script>alert(1)</script>\u202e"
SAFE = escape(EVIL.rstrip("\u202e"))
ADDRESSES = ("account/", "account/m1/", "hold/", "record/", "record/1/", "audit/")
BASE = "/admin/timebank/"


def user(*codes: str) -> Any:
    """Make somebody who may enter the admin, with some permissions of the app."""
    made = get_user_model().objects.create_user("luca", is_staff=True)
    made.user_permissions.set(Permission.objects.filter(codename__in=codes))
    assert len(codes) == made.user_permissions.count()
    return made


def fill() -> None:
    """Put something of each kind into the ledger."""
    hours = bank(actor="carla")
    hours.open_account("m1", name="Maria R.")
    hours.open_account("f1", kind="group", floor=None)
    hours.open_account("x/<b>", name=EVIL)
    today = date.today()  # noqa: DTZ011 - the statement begins a year before it
    for number in range(3):
        day = today - timedelta(days=1 + 400 * number)
        hours.transfer(
            earner="m1", spender="f1", hours=1, id=f"t{number}", occurred_on=day, note=EVIL
        )
    hours.hold(earner="m1", spender="f1", hours="2:30", id="h1", note="a visit")
    hours.void(hours.hold(earner="m1", spender="f1", hours=1, id="h2").id)


@contextmanager
def with_key(name: str | None = None) -> Iterator[SigningKey]:
    """A file of settings with a key: the bank's, or of another name."""
    key = SigningKey.make(name or origin_of(bank().head().journal))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bank.key"
        key.write(path)
        with override_settings(TIMEBANK={"KEY": path}):
            yield key


class AdminTests(TestCase):
    """What a page shows."""

    @classmethod
    def setUpTestData(cls) -> None:
        """Fill the ledger, and make who sees all of it."""
        fill()
        cls.anna = get_user_model().objects.create_superuser("anna")

    def setUp(self) -> None:
        """Sign in."""
        self.client.force_login(self.anna)

    def page(self, address: str, code: int = 200, language: str = "en") -> str:
        """The text of a page."""
        answer = self.client.get(BASE + address, headers={"accept-language": language})
        assert code == answer.status_code, (address, answer.status_code)
        text: str = answer.content.decode()
        return text

    def test_the_index_leads_to_each(self) -> None:
        """Under the app's name, in both languages."""
        text = self.client.get("/admin/").content.decode()
        assert "Time bank" in text
        for name in ("account", "hold", "record", "audit"):
            assert f'href="{BASE}{name}/"' in text
            assert f"{BASE}{name}/add/" not in text
        italian = self.client.get("/admin/", headers={"accept-language": "it"}).content.decode()
        assert "Banca del tempo" in italian
        assert "Ore impegnate" in italian

    def test_the_accounts_with_their_balances(self) -> None:
        """Search by id and name, a kind, a status."""
        text = self.page("account/")
        assert "3:00" in text
        assert "-3:00" in text
        assert "Maria R." in text
        assert "3 accounts" in text
        for query in (
            "?q=MARIA",
            "?q=m1",
            "?kind=member&q=m",
            "?status=open&q=Maria+R",
            "?q=m1&p=9",
        ):
            found = self.page(f"account/{query}")
            assert "1 account\n" in found, query
            assert "Maria R." in found
        assert "No account is found" in self.page("account/?q=nobody")
        assert "3 accounts" in self.page("account/?kind=nonsense&status=%00&p=x")

    def test_the_accounts_in_pages(self) -> None:
        """Fifty each."""
        for number in range(60):
            bank().open_account(f"a{number:02}")
        first = self.page("account/")
        assert "page 1 of 2" in first
        assert ">a49<" in first
        assert ">a50<" not in first
        second = self.page("account/?q=&kind=&status=&p=2")
        assert ">a50<" in second
        assert "previous" in second

    def test_a_statement(self) -> None:
        """Of the last year, of all days, of some days, with balances that run."""
        text = self.page("account/m1/")
        assert "Statement of m1 Maria R." in text
        assert "2:00" in text  # the opening balance
        assert 1 == text.count("f1</td>")
        assert 3 == self.page("account/m1/?since=").count("f1</td>")
        assert 0 == self.page("account/m1/?since=2001-01-01&until=2001-12-31").count("f1</td>")
        assert "2:30" in text  # what is held

    def test_a_day_that_is_none_is_told(self) -> None:
        """And left out."""
        assert "is no day" in self.page("account/m1/?since=2026-13-45")
        assert "is no day" in self.page("account/m1/?until=yesterday")
        assert escape("<b>") in self.page("account/m1/?until=<b>")
        assert "after the last" in self.page("account/m1/?since=2026-02-01&until=2026-01-01")
        assert "non è un giorno" in self.page("account/m1/?since=x", language="it")

    def test_what_is_not_there_is_not_found(self) -> None:
        """Ids of accounts and records."""
        for address in ("account/nobody/", "account/_0A/", "record/99/", "record/0/", "hold/h1/"):
            self.page(address, 404)

    def test_text_is_escaped(self) -> None:
        """An id, a name, a note that would be a script."""
        for address in (
            "account/",
            "account/x_2F_3Cb_3E/",
            "account/m1/",
            "record/3/",
            "record/4/",
        ):
            text = self.page(address)
            assert EVIL not in text, address
            assert "<b>" not in text, address
            assert "\u202e" not in text, address  # it would turn the line round
        assert SAFE in self.page("account/x_2F_3Cb_3E/")
        assert SAFE in self.page("account/?q=" + EVIL)

    def test_the_holds(self) -> None:
        """The open ones; those of another status; all."""
        assert "a visit" in self.page("hold/")
        assert ">h2<" not in self.page("hold/")
        assert ">h2<" in self.page("hold/?status=voided")
        assert "no such hold" in self.page("hold/?status=expired")
        both = self.page("hold/?status=")
        assert ">h1<" in both
        assert ">h2<" in both
        assert "no such hold" in self.page("hold/?status=open&after=999")

    def test_an_offer_names_the_other_bank_and_the_address_there(self) -> None:
        """Among the holds and in the record; the account of the bank has a status of its own."""
        federation.agree(bank(), "j2", name="Bovisa", they_may_owe=9, we_may_owe=9)
        federation.make_offer(bank(), "j2", spender="m1", earner="bruno", hours=1, id="x1")
        holds = self.page("hold/")
        assert "bruno (Bovisa)" in holds
        assert "answer by" in holds
        assert "risposta entro il" in self.page("hold/", language="it")
        found = self.page("account/?status=agreed")
        assert "1 account\n" in found
        assert "Bovisa" in found
        assert "in accordo" in self.page("account/?status=agreed", language="it")
        offered = self.page("record/12/", language="it")
        assert "Risposta entro" in offered
        assert "alla banca: j2" in offered
        assert "indirizzo di chi dà" in offered

    def test_holds_in_pages(self) -> None:
        """Fifty each, and the next one goes on where it ended."""
        for number in range(60):
            bank().hold(earner="m1", spender="f1", hours="0:01", id=f"p{number:02}")
        first = self.page("hold/")
        assert ">p48<" in first
        assert ">p49<" not in first
        (after,) = {part.partition('"')[0] for part in first.split("after=")[1:]}
        second = self.page(f"hold/?status=open&after={after}")
        assert ">p49<" in second
        assert ">p48<" not in second

    def test_the_journal(self) -> None:
        """Newest first, in pages, with words for its kinds."""
        text = self.page("record/")
        assert text.index(">9</a>") < text.index(">1</a>")
        assert "open account" in text
        assert "9 records" in text
        for number in range(60):
            bank().open_account(f"a{number:02}")
        first = self.page("record/")
        assert ">69</a>" in first
        assert ">19</a>" not in first
        second = self.page("record/?before=20")
        assert ">19</a>" in second
        assert "newer" in second
        assert "impegno annullato" in self.page("record/?before=20", language="it")

    def test_a_record_in_words(self) -> None:
        """What was asked for, what came of it, its text and its digest."""
        record = next(bank().records(after=3))
        text = self.page("record/4/")
        assert record.digest.hex() in text
        assert "m1 +1:00, f1 -1:00" in text
        assert "carla" in text
        assert SAFE in text
        assert "m1 +2:30" in self.page("record/7/")
        italian = self.page("record/4/", language="it")
        assert "Impronta della nota" in italian

    def test_a_receipt_of_a_record(self) -> None:
        """To print, in the reader's language, and as a file; of what moves hours or holds them."""
        with with_key() as key:
            for sequence, id in ((4, "t0"), (7, "h1")):
                link = f"{BASE}record/{sequence}/receipt/"
                assert f'href="{link}"' in self.page(f"record/{sequence}/")
                printed = self.page(f"record/{sequence}/receipt/")
                assert "Maria R." in printed
                assert EVIL not in printed
                assert id == verify_receipt(printed, key).exchange.id
            answer = self.client.get(f"{BASE}record/4/receipt/?as=file")
            assert "attachment; filename=record-4.tlog-proof" == answer["Content-Disposition"]
            assert "text/plain; charset=utf-8" == answer["Content-Type"]
            assert "t0" == verify_receipt(answer.content, key).exchange.id
            assert "Ricevuta di uno scambio" in self.page("record/4/receipt/", language="it")
            assert "Ricevuta da stampare" in self.page("record/4/", language="it")
            assert 405 == self.client.post(f"{BASE}record/4/receipt/").status_code
            # An account is opened by a record that has no receipt; a record 99 there is not.
            assert "Receipt" not in self.page("record/1/")
            self.page("record/1/receipt/", 404)
            self.page("record/99/receipt/", 404)
        assert 9 == bank().head().sequence

    def test_without_a_key_there_is_no_receipt(self) -> None:
        """Nor with a file that is not there, or has another bank's key: then it is said why."""
        assert "Receipt" not in self.page("record/4/")
        self.page("record/4/receipt/", 404)
        with override_settings(TIMEBANK={"KEY": "/nowhere/bank.key"}):
            assert "cannot be read" in self.page("record/4/receipt/", 500)
        with with_key("timebank/other"):
            assert "timebank/other" in self.page("record/4/receipt/", 500)

    def test_a_quick_audit(self) -> None:
        """When the button is pressed, in words."""
        text = self.page("audit/")
        assert "All well" not in text
        assert str(bank().head()) in text
        done = self.client.post(BASE + "audit/")
        assert "All well: 9 records and 3 accounts agree." in done.content.decode()
        done = self.client.post(BASE + "audit/", headers={"accept-language": "it"})
        assert "Tutto a posto: 9 righe e 3 conti concordano." in done.content.decode()

    def test_nothing_can_be_changed(self) -> None:
        """No method but those that look answers; there is no page to add, change or delete."""
        for address in ADDRESSES:
            for method in ("post", "put", "patch", "delete"):
                if (address, method) != ("audit/", "post"):
                    answer = getattr(self.client, method)(BASE + address)
                    assert 405 == answer.status_code, (address, method)
        for name in ("account", "hold", "record", "audit"):
            for end in ("add/", "1/change/", "1/delete/", "1/history/"):
                for method in (self.client.get, self.client.post):
                    assert method(f"{BASE}{name}/{end}").status_code in {404, 405}, (name, end)
        assert 9 == bank().head().sequence


class PermissionTests(TestCase):
    """Who sees what."""

    @classmethod
    def setUpTestData(cls) -> None:
        """Fill the ledger."""
        fill()

    def test_a_stranger_is_sent_to_sign_in(self) -> None:
        """On every page, and so is who is no staff."""
        for address in ADDRESSES:
            assert "/admin/login/" in self.client.get(BASE + address)["location"]
            assert 302 == self.client.post(BASE + address).status_code

    def test_each_page_needs_its_permission(self) -> None:
        """With none there is none; with one there is that one."""
        for name in ("account", "hold", "record", "audit"):
            self.client.force_login(user(f"view_{name}"))
            for address in ADDRESSES:
                expected = 200 if address.startswith(name) else 403
                assert expected == self.client.get(BASE + address).status_code, (name, address)
            get_user_model().objects.get().delete()
        self.client.force_login(user())
        assert 403 == self.client.get(BASE + "account/").status_code
        assert 403 == self.client.post(BASE + "audit/").status_code
        assert "Time bank" not in self.client.get("/admin/").content.decode()

    def test_a_receipt_needs_the_permission_of_records(self) -> None:
        """It says what the record's page says."""
        with with_key():
            for codes, expected in ((("view_record",), 200), (("view_account", "view_hold"), 403)):
                self.client.force_login(user(*codes))
                assert expected == self.client.get(f"{BASE}record/4/receipt/").status_code
                get_user_model().objects.get().delete()

    def test_no_link_leads_to_a_page_that_is_refused(self) -> None:
        """A statement and the holds link to records, where these may be seen."""
        for more in ((), ("view_record",)):
            self.client.force_login(user("view_account", "view_hold", *more))
            for address in ("account/m1/?since=", "hold/?status="):
                links = f'href="{BASE}record/' in self.client.get(BASE + address).content.decode()
                assert links == bool(more), address
            get_user_model().objects.get().delete()


class WithoutTransactionTests(TransactionTestCase):
    """The pages outside of a transaction, before there is a bank, over one that is not well."""

    def setUp(self) -> None:
        """Sign in."""
        self.client.force_login(get_user_model().objects.create_superuser("anna"))

    def test_before_there_is_a_bank(self) -> None:
        """It is said on every page."""
        for address in ADDRESSES:
            text = self.client.get(BASE + address).content.decode()
            assert "There is no bank" in text
            assert "manage.py timebank init" in text
        with override_settings(TIMEBANK={"CREATE": False}):
            text = self.client.get(BASE + "account/").content.decode()
        assert "There is no bank" in text
        assert "first call" not in text

    def test_without_a_transaction(self) -> None:
        """Every page reads as it does in one."""
        with transaction.atomic():
            fill()
        for address in ADDRESSES:
            assert 200 == self.client.get(BASE + address).status_code, address
        assert "All well" in self.client.post(BASE + "audit/").content.decode()

    def test_a_ledger_that_is_not_well(self) -> None:
        """The audit says so; where the tables are of another version, every page does."""
        with transaction.atomic():
            fill()
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("ALTER TABLE timebank_postings DISABLE TRIGGER USER")
            else:
                cursor.execute("DROP TRIGGER timebank_postings_no_update")
            cursor.execute("UPDATE timebank_postings SET balance = balance + 60 WHERE version = 1")
        text = self.client.post(BASE + "audit/").content.decode()
        assert "Not well: " in text
        assert "Advice" in text
        assert "What is stored beside the journal does not agree with it" in text
        italian = self.client.post(BASE + "audit/", headers={"accept-language": "it"})
        assert "Ciò che sta accanto al registro non concorda con esso" in italian.content.decode()
        assert "atteso" not in text
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                cursor.execute("UPDATE timebank_migrations SET name = '0099_later'")
            else:
                cursor.execute("INSERT INTO timebank_migrations (name) VALUES ('0099_later')")
        answer = self.client.get(BASE + "account/")
        assert 500 == answer.status_code
        assert "newer timebank" in answer.content.decode()
        ledger.drop(connection)
        ledger.make(connection)
