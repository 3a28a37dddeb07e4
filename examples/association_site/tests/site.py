"""What the tests share: a bank with a few accounts, and who signs in."""

from __future__ import annotations

from typing import Any

from django.test import Client
from exchange.access import acting
from exchange.models import Person
from exchange.people import person_made

from timebank.contrib.django.test import TimeBankTestCase


class SiteTestCase(TimeBankTestCase):
    """Anna, Bruno, Carla who coordinates, Teresa the treasurer; Rosa, for whom Bruno acts."""

    people: dict[str, Person]

    @classmethod
    def setUpTestData(cls) -> None:
        """Open their accounts, and a fund."""
        cls.people = {
            "anna": person_made("anna", "Anna", actor="m-1", listed=True),
            "bruno": person_made("bruno", "Bruno", actor="m-2", listed=True),
            "carla": person_made("carla", "Carla", actor="m-3", roles=["coordinator"]),
            "teresa": person_made("teresa", "Teresa", actor="m-4", roles=["treasurer"]),
        }
        with acting("m-3", ["coordinator", "treasurer"]) as bank:
            for person in cls.people.values():
                bank.open_account(person.actor, name=person.name)
            bank.open_account("m-5", name="Rosa")
            bank.open_account("fund", kind="fund", name="Fondo")
            bank.name_delegate("m-5", "m-2")

    def signed_in(self, username: str, language: str = "en") -> Client:
        """Return a client that has signed in, and reads a language."""
        client = Client(headers={"accept-language": language})
        client.force_login(self.people[username].user)
        return client

    def posted(self, account: str) -> str:
        """Return the balance of an account."""
        return str(self.bank.balance(account).posted)

    def text(self, answer: Any) -> str:
        """Return the text of a page."""
        return str(answer.content.decode())
