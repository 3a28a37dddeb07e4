"""A sheet is sent, asked about, looked at, booked once, and taken back."""

from __future__ import annotations

import re
import uuid
from pathlib import Path
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client
from exchange.access import acting
from exchange.treasury.models import Sheet

from tests.test_treasury import TreasuryTestCase

HEADING = "Data;Chi ha dato;Chi ha ricevuto;Ore;Note\n"
MARCH = "2/3/26;Anna;Bruno;1,5;spesa\n14/3/26;Bruno;Rosa;2h;freni\n"
#: Somebody unknown, a day that is none, and hours that are none.
BAD = "16/3/26;Nessuno Mai;Anna;1;\n31/2/26;Anna;Rosa;1;\n17/3/26;Anna;Rosa;tre;\n"


class ImportTestCase(TreasuryTestCase):
    """Teresa, who sends sheets; Dora, who may open accounts and reverse besides."""

    def send(self, who: Client, text: str | bytes, name: str = "scambi.csv", **more: Any) -> Any:
        """Send a sheet."""
        data = text.encode() if isinstance(text, str) else text
        sent = {"operation": str(uuid.uuid4()), "file": SimpleUploadedFile(name, data), **more}
        return who.post("/treasury/import/", sent)

    def looked_at(
        self, who: Client, text: str | bytes, name: str = "scambi.csv"
    ) -> tuple[str, str]:
        """Send a sheet; return the address of its page, and the page."""
        sent = self.send(who, text, name)
        self.assertEqual(302, sent.status_code, self.text(sent))
        address = str(sent.headers["Location"])
        return address, self.text(who.get(address))

    def seen(self, page: str) -> dict[str, str]:
        """Return what the form that books sends."""
        found = re.search(r'name="seen" value="(\w+)"', page)
        assert found is not None, page
        return {"seen": found[1]}

    def book(self, who: Client, text: str, name: str = "scambi.csv") -> str:
        """Send a sheet and book it; return what is said then."""
        address, page = self.looked_at(who, text, name)
        return self.text(who.post(f"{address}book/", self.seen(page), follow=True))

    def count(self) -> int:
        """Return how many transfers the bank has."""
        return len(list(self.bank.transfers()))


class PreviewTests(ImportTestCase):
    """What is shown before anything is booked."""

    def test_nothing_is_booked_by_looking(self) -> None:
        """The page has the first rows, and what booking comes to."""
        head = self.bank.head()
        _address, page = self.looked_at(self.signed_in("teresa"), HEADING + MARCH)
        for said in ("2 exchanges among 3 people", "14 Mar 2026", "freni", "<dd>3:30</dd>"):
            self.assertIn(said, page)
        self.assertEqual(head, self.bank.head())

    def test_what_was_looked_at_is_booked(self) -> None:
        """The same exchanges, hours and new accounts; then the sheet is not kept."""
        dora, before = self.signed_in("dora"), self.count()
        said = self.book(dora, f"{HEADING}{MARCH}16/3/26;Nuova Persona;Anna;1;\n")
        self.assertIn("It is booked. Exchanges: 3, hours: 4:30.", said)
        self.assertEqual(before + 3, self.count())
        self.assertEqual("Nuova Persona", self.bank.account("scambi-1").name)
        self.assertEqual("1:00", self.posted("scambi-1"))
        self.assertEqual(b"", bytes(Sheet.objects.get().data))

    def test_rows_that_cannot_be_taken_are_told_and_can_be_downloaded(self) -> None:
        """With line, column, value and reason, in the reader's language; the others are booked."""
        for language in ("en", "it"):
            teresa = self.signed_in("teresa", language)
            address, page = self.looked_at(teresa, HEADING + MARCH + BAD)
            for cells in (
                ("4", "Chi ha dato", "Nessuno Mai"),
                ("5", "Data", "31/2/26"),
                ("6", "Ore", "tre"),
            ):
                line, column, value = cells
                row = f'<td>{line}</td><td>{column}</td><td class="wide">{value}</td>'
                self.assertIn(row, page)
            answer = teresa.get(f"{address}quarantine/")
            lines = answer.content.decode("utf-8-sig").splitlines()
            with self.subTest(language):
                self.assertEqual(5, len(lines))
                self.assertTrue(lines[2].startswith("scambi.csv;4;Chi ha dato;Nessuno Mai;"), lines)
                self.assertNotIn("/tmp", lines[2])  # noqa: S108 - where it lay
        teresa.post(f"{address}book/", self.seen(page))
        self.assertEqual("2:30", self.posted("m-2"))  # of 2:00, less 1:30, and 2:00 more
        left = Sheet.objects.get(id=address.split("/")[3])
        self.assertTrue(left.data)
        self.assertIn("sono da rivedere", self.text(teresa.get("/treasury/import/")))

    def test_who_may_not_open_accounts_is_told_so(self) -> None:
        """A treasurer who is no coordinator: the rows wait, and the page says for whom."""
        row = f"{HEADING}16/3/26;Nuova Persona;Anna;1;\n"
        _address, page = self.looked_at(self.signed_in("teresa"), row)
        self.assertIn("You may not open accounts", page)
        _address, page = self.looked_at(self.signed_in("dora"), row)
        self.assertNotIn("You may not open accounts", page)
        self.assertIn("<dt>New accounts</dt><dd>1</dd>", page)

    def test_rows_that_could_not_be_taken_are_booked_when_they_can(self) -> None:
        """The desk has opened the account meanwhile: the sheet that is kept is booked once more."""
        teresa, before = self.signed_in("teresa"), self.count()
        row = "16/3/26;Nuova Persona;Anna;1;\n"
        address, page = self.looked_at(teresa, HEADING + MARCH + row)
        teresa.post(f"{address}book/", self.seen(page))
        self.assertIn("There is nothing new in it", self.text(teresa.get(address)))
        with acting("m-3", ["coordinator"]) as bank, transaction.atomic():
            bank.open_account("m-20", name="Nuova Persona")
        teresa.post(f"{address}book/", self.seen(self.text(teresa.get(address))))
        self.assertEqual(before + 3, self.count())
        self.assertEqual("1:00", self.posted("m-20"))
        self.assertEqual(404, teresa.get(address).status_code)  # and all of it is booked now

    def test_a_workbook_is_read_too(self) -> None:
        """As spreadsheets save it."""
        found = sorted(Path(__file__).parents[3].glob("tests/interchange/sheets/files/*.xlsx"))
        sent = self.send(self.signed_in("dora"), found[0].read_bytes(), found[0].name)
        self.assertEqual(302, sent.status_code)


class OnceTests(ImportTestCase):
    """A sheet counts once."""

    def test_a_form_that_is_sent_twice(self) -> None:
        """Is one sheet; the button pressed twice books once."""
        teresa, operation = self.signed_in("teresa"), str(uuid.uuid4())
        for _again in range(2):
            sent = self.send(teresa, HEADING + MARCH, operation=operation)
        self.assertEqual(1, Sheet.objects.count())
        address = sent.headers["Location"]
        form, before = self.seen(self.text(teresa.get(address))), self.count()
        for _again in range(2):
            answer = teresa.post(f"{address}book/", form, follow=True)
        self.assertEqual(before + 2, self.count())
        self.assertIn("Nothing was booked twice", self.text(answer))

    def test_the_same_sheet_again_books_nothing(self) -> None:
        """However its rows are written by then; what is new in it is booked."""
        teresa = self.signed_in("teresa")
        self.book(teresa, HEADING + MARCH)
        again = "02/03/2026;ANNA;Bruno;1:30;spesa\n14/03/2026;Bruno;Rosa;2,00;freni\n"
        _address, page = self.looked_at(teresa, HEADING + again, "Scambi (2).csv")
        self.assertIn("There is nothing new in it", page)
        before = self.count()
        said = self.book(teresa, f"{HEADING}{again}20/3/26;Anna;Rosa;1;altro\n")
        self.assertIn("It is booked. Exchanges: 1, hours: 1:00.", said)
        self.assertEqual(before + 1, self.count())

    def test_what_has_come_to_something_else_is_looked_at_again(self) -> None:
        """Another sheet with the same rows was booked meanwhile; or a name means somebody else."""
        teresa = self.signed_in("teresa")
        address, page = self.looked_at(teresa, HEADING + MARCH)
        form = self.seen(page)
        self.book(teresa, HEADING + MARCH)
        before = self.count()
        said = self.text(teresa.post(f"{address}book/", form, follow=True))
        self.assertIn("look again", said)
        self.assertEqual(before, self.count())
        address, page = self.looked_at(teresa, f"{HEADING}20/3/26;Anna;Rosa;1;\n")
        with acting("m-3", ["coordinator"]) as bank, transaction.atomic():
            bank.rename("m-1", "Anna Prima")
            bank.rename("m-2", "Anna")
        said = self.text(teresa.post(f"{address}book/", self.seen(page), follow=True))
        self.assertIn("look again", said)
        self.assertEqual(before, self.count())
        self.assertEqual(302, teresa.post(f"{address}book/", {}).status_code)
        self.assertEqual(before, self.count())


class QuestionTests(ImportTestCase):
    """What nobody can see in a sheet is asked in the form."""

    SHEET = "Date,From,To,Hours\n03/04/2026,Anna,Bruno,1.5\n05/04/2026,Bruno,Rosa,2\n"

    def test_questions_are_fields_and_their_answers_are_kept(self) -> None:
        """Nothing can be booked before; an answer settles its question."""
        teresa = self.signed_in("teresa")
        address, page = self.looked_at(teresa, self.SHEET, "fair.csv")
        self.assertNotIn('name="seen"', page)
        self.assertIn('name="days.format" value="dmy"', page)
        self.assertIn('name="transfers.earner" value="From"', page)
        page = self.text(teresa.post(address, {"days.format": "dmy"}))
        self.assertIn("errorlist", page)
        teresa.post(address, {"days.format": "dmy", "transfers.earner": "To"})
        page = self.text(teresa.get(address))
        self.assertIn('<td class="hours">1:30</td><td>Bruno</td><td>Anna</td>', page)
        teresa.post(f"{address}book/", self.seen(page))
        (made,) = [one for one in self.bank.transfers() if str(one.occurred_on) == "2026-04-03"]
        self.assertEqual((["m-2"], ["m-1"]), (list(made.earners), list(made.spenders)))

    def test_what_changed_in_the_sheet_is_asked(self) -> None:
        """It is followed, or what was booked is left: by who may reverse."""
        dora = self.signed_in("dora")
        self.book(dora, HEADING + MARCH)
        other = MARCH.replace("freni", "freni e catena").replace(
            "2/3/26;Anna;Bruno;1,5", "2/3/26;Anna;Bruno;3"
        )
        address, page = self.looked_at(dora, HEADING + other)
        self.assertIn('name="changed" value="follow"', page)
        self.assertNotIn('name="seen"', page)
        self.assertIn("gone from the source", page)
        self.assertIn("note: was freni, is freni e catena", page)
        dora.post(address, {"changed": "follow"})
        page = self.text(dora.get(address))
        dora.post(f"{address}book/", self.seen(page))
        self.assertEqual("5:15", self.posted("m-1"))
        note = next(
            one.note for one in self.bank.transfers() if str(one.occurred_on) == "2026-03-14"
        )
        self.assertEqual("freni e catena", note)

    def test_who_may_not_reverse_does_not_follow(self) -> None:
        """It is said, and what was booked can be left as it is."""
        teresa = self.signed_in("teresa")
        self.book(teresa, HEADING + MARCH)
        address, _page = self.looked_at(teresa, HEADING + MARCH.replace("2h", "3h"))
        before = [self.posted(id) for id in ("m-1", "m-2", "m-5")]
        teresa.post(address, {"changed": "follow"})
        page = self.text(teresa.get(address))
        self.assertIn("Teresa may not do this", page)
        self.assertNotIn('name="seen"', page)
        teresa.post(f"{address}book/", {"seen": ""})
        self.assertEqual(before, [self.posted(id) for id in ("m-1", "m-2", "m-5")])

    def test_two_sheets_of_other_names_are_asked_to_be_one(self) -> None:
        """Where another sheet was imported before."""
        teresa = self.signed_in("teresa")
        self.book(teresa, HEADING + MARCH)
        address, page = self.looked_at(teresa, HEADING + MARCH, "foglio.csv")
        self.assertIn('name="source" value="scambi"', page)
        self.assertNotIn('name="seen"', page)
        teresa.post(address, {"source": "scambi"})
        self.assertIn("There is nothing new in it", self.text(teresa.get(address)))

    def test_a_sheet_under_another_name_may_be_the_same_sheet_with_more_in_it(self) -> None:
        """Whether its rows are those that are there is asked; then they count once."""
        teresa, before = self.signed_in("teresa"), self.count()
        self.book(teresa, HEADING + MARCH)
        more = f"{HEADING}{MARCH}20/3/26;Anna;Rosa;1;altro\n"
        address, page = self.looked_at(teresa, more, "scambi (2).csv")
        self.assertIn('name="files" value="same"', page)
        teresa.post(address, {"files": "same"})
        page = self.text(teresa.get(address))
        teresa.post(f"{address}book/", self.seen(page))
        self.assertEqual(before + 3, self.count())


class BadInputTests(ImportTestCase):
    """What a hurried treasurer sends is answered in a sentence, and nothing is kept."""

    def test_what_is_no_sheet(self) -> None:
        """A picture, a letter, a PDF, a broken workbook, nothing, too much."""
        picture = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20
        for language in ("en", "it"):
            teresa = self.signed_in("teresa", language)
            for name, data in (
                ("foto.png", picture),
                ("foto.xlsx", picture),
                ("lettera.txt", b"Caro Mario, come stai?\nIo bene.\n"),
                ("scambi.pdf", b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n1 0 obj <<>> endobj"),
                ("scambi.xlsx", b"PK\x03\x04 broken"),
                (
                    "soci.csv",
                    b"Nome;Cognome;Email\nAnna;Rossi;a@example.org\nBruno;Neri;b@example.org\n",
                ),
                ("scambi.csv", b""),
                ("grande.csv", (HEADING + MARCH).encode() + b" " * 6_000_000),
            ):
                answer = self.send(teresa, data, name)
                page = self.text(answer)
                with self.subTest(name, language=language):
                    self.assertEqual(200, answer.status_code)
                    self.assertIn("errorlist", page)
                    self.assertNotIn("/tmp/", page)  # noqa: S108 - where it lay
                    self.assertNotIn("--set", page)
            answer = teresa.post("/treasury/import/", {"operation": str(uuid.uuid4())})
            self.assertIn("errorlist", self.text(answer))
        self.assertFalse(Sheet.objects.exists())

    def test_a_file_of_a_known_system_is_named(self) -> None:
        """It has more than one file, and is imported on the server."""
        row = "payer,payee,quantity,created,state,type,description\n1,2,1,2026-03-02,1,x,y\n"
        page = self.text(self.send(self.signed_in("teresa"), row))
        self.assertIn("it is imported with the program", page)


class WhoTests(ImportTestCase):
    """A sheet is read by who may import it, and by nobody else."""

    def test_nobody_else_sees_or_books_a_sheet(self) -> None:
        """A member, a coordinator, an auditor: each address, whatever is sent."""
        teresa = self.signed_in("teresa")
        address, page = self.looked_at(teresa, HEADING + MARCH)
        before = self.count()
        for name in ("anna", "carla", "ada"):
            other = self.signed_in(name)
            for answer in (
                other.get(address),
                other.post(address, {"forget": "1"}),
                other.post(f"{address}book/", self.seen(page)),
                other.get(f"{address}quarantine/"),
                self.send(other, HEADING + MARCH),
            ):
                self.assertEqual(403, answer.status_code, name)
        self.assertEqual((1, before), (Sheet.objects.count(), self.count()))
        self.assertEqual(302, Client().get(address).status_code)

    def test_a_sheet_is_thrown_away(self) -> None:
        """And is nowhere by then."""
        teresa = self.signed_in("teresa")
        address, _page = self.looked_at(teresa, HEADING + MARCH)
        self.assertEqual(302, teresa.post(address, {"forget": "1"}).status_code)
        self.assertFalse(Sheet.kept().exists())
        self.assertNotIn("scambi.csv", self.text(teresa.get("/treasury/import/")))
        self.assertEqual(404, teresa.get(address).status_code)
