"""What is in the site before a test looks at it: run as a program, in the site's environment."""

from __future__ import annotations

import json
import os
import sys
import uuid
from collections.abc import Callable
from typing import Any

#: Of everybody.
PASSWORD = "ore-di-quartiere"  # noqa: S105 - of a site that is gone when the test ends


#: As an association keeps one: it is waiting to be imported.
SHEET = """Data;Chi ha dato;Chi ha ricevuto;Ore;Attività
03/11/2026;Luca Moretti;Amina Diallo;1,5;Spesa
05/11/2026;Paolo Greco;Wei Chen;2;Computer
"""


def community() -> dict[str, str]:
    """The people of the demo, an auditor, and Zeno, who is in no directory; ids that are Anna's."""
    from django.db import transaction
    from exchange import community as demo
    from exchange.access import acting
    from exchange.models import Correction, Person, Proposal
    from exchange.people import person_made, welcome_path
    from exchange.treasury.models import Sheet

    from timebank.contrib import cheques

    demo.settle_in()
    person_made("ugo", "Ugo Neri", roles=["auditor"], password=demo.PASSWORD)
    person_made("zeno", "Zeno Riservato", actor="m-199", password=demo.PASSWORD)
    with transaction.atomic(), acting("m-103", ["coordinator", "treasurer"]) as bank:
        bank.open_account("m-199", name="Zeno Riservato")
        bank.transfer(earner="m-199", spender="m-112", hours="7:43", id="zeno-1")
        cheques.issue(bank, "m-101", booklet=7)
    giulia = Person.objects.get(actor="m-108").user
    correction = Correction.objects.get()
    with acting("m-101") as bank:
        [hold] = [one.id for one in bank.holds(account="m-101")]
    sheet = Sheet.objects.create(id=uuid.uuid4(), name="ore.csv", data=SHEET.encode("utf-8"))
    _, _, uid, token, _ = welcome_path(giulia).split("/")
    return {
        "accounts": "m-101",
        "proposals": str(Proposal.objects.get().id),
        "holds": hold,
        "corrections": str(correction.id),
        "transfers": correction.transfer,
        "import": str(sheet.id),
        "export": "journal",
        "cheques": "7",
        "year": "2026",
        "month": "11",
        "uidb64": uid,
        "token": token,
    }


def routes() -> list[str]:
    """The path of every page, as Django's resolver has it, with its parameters in it."""
    from django.urls import URLPattern, get_resolver

    def below(patterns: Any, before: str) -> list[str]:
        found = []
        for one in patterns:
            path = before + str(one.pattern)
            found += [path] if isinstance(one, URLPattern) else below(one.url_patterns, path)
        return found

    return below(get_resolver().url_patterns, "/")


def beginning() -> dict[str, str]:
    """An association that begins: a fund, a statute, and who works there; their accounts."""
    from django.db import transaction
    from exchange.access import acting
    from exchange.people import person_made

    from timebank import Band, Dues, Statute

    with transaction.atomic(), acting("c-1", ["coordinator", "treasurer"]) as bank:
        bank.open_account("fondo", kind="fund", name="Fondo comune")
        for id, username, name, role in (
            ("c-1", "carla", "Carla Rizzo", "coordinator"),
            ("c-2", "teresa", "Teresa Galli", "treasurer"),
        ):
            person_made(username, name, actor=id, roles=[role], listed=True, password=PASSWORD)
            bank.open_account(id, name=name)
        dues = Dues(hours=2, fund="fondo")
        bank.adopt(Statute(version="story/1", limits={"member": Band(floor="-5")}, dues=dues))
    return {"Carla Rizzo": "c-1", "Teresa Galli": "c-2", "Fondo comune": "fondo"}


def crowd(count: str) -> list[str]:
    """So many members with an account each, a coordinator and a treasurer; who they are."""
    from django.contrib.auth.hashers import make_password
    from django.contrib.auth.models import User
    from django.db import transaction
    from exchange.access import acting
    from exchange.people import person_made

    from timebank import Band, Statute

    names = [f"socio{n:02}" for n in range(int(count))]
    with transaction.atomic():
        for name in names:
            person_made(name, f"Socio {name[5:]}", actor=f"m-{name[5:]}", listed=True)
        person_made("carla", "Carla Rizzo", actor="c-1", roles=["coordinator", "treasurer"])
        with acting("c-1", ["coordinator", "treasurer"]) as bank:
            for name in names:
                bank.open_account(f"m-{name[5:]}", name=f"Socio {name[5:]}")
            bank.adopt(Statute(version="load/1", limits={"member": Band(floor="-20")}))
        User.objects.update(password=make_password(PASSWORD))  # one for all: it takes long to make
    return names


def proposals() -> dict[str, str]:
    """What became of each proposal of the site."""
    from exchange.models import Proposal

    return {str(row.id): row.state for row in Proposal.objects.all()}


def make(username: str, *roles: str) -> None:
    """Somebody who signs in, with roles."""
    from exchange.people import person_made

    person_made(username, username.title(), roles=roles, password=PASSWORD)


def take_roles(username: str) -> None:
    """Take all roles from somebody."""
    from django.contrib.auth.models import User

    User.objects.get(username=username).groups.clear()


SEEDS: dict[str, Callable[..., Any]] = {
    "beginning": beginning,
    "community": community,
    "crowd": crowd,
    "make": make,
    "proposals": proposals,
    "routes": routes,
    "take_roles": take_roles,
}

if __name__ == "__main__":
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "association.settings")
    django.setup()
    sys.stdout.write(json.dumps(SEEDS[sys.argv[1]](*sys.argv[2:])))
