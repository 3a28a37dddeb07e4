"""A small community to look at: twelve people of a quarter, and three months of their exchanges."""

from __future__ import annotations

import random
from datetime import date, datetime, time, timedelta
from typing import Final

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from exchange.access import acting
from exchange.fields import labels
from exchange.models import Correction, Proposal
from exchange.people import person_made
from timebank import Band, Dues, Statute, TimeBank

#: Of all people of the demo, which is for looking at it and refuses to be served.
PASSWORD: Final = "ore-di-quartiere"  # noqa: S105 - printed where it is used
#: The name to sign in with, the name, the account, the roles; who has no login is acted for.
PEOPLE: Final = (
    ("anna", "Anna Ferrari", "m-101", ()),
    ("bruno", "Bruno Conti", "m-102", ()),
    ("carla", "Carla Rizzo", "m-103", ("coordinator",)),
    ("teresa", "Teresa Galli", "m-104", ("treasurer",)),
    ("luca", "Luca Moretti", "m-105", ()),
    ("amina", "Amina Diallo", "m-106", ()),
    ("paolo", "Paolo Greco", "m-107", ()),
    ("giulia", "Giulia Serra", "m-108", ()),
    ("wei", "Wei Chen", "m-109", ()),
    ("sofia", "Sofia Marini", "m-110", ()),
    (None, "Rosa Colombo", "m-111", ()),
    (None, "Ernesto Villa", "m-112", ()),
)
FUND: Final = "fondo"
STATUTE: Final = Statute(
    version="quarto-oggiaro/1",
    limits={"member": Band(floor="-10")},
    dues=Dues(hours=2, fund=FUND),
)


@transaction.atomic
def settle_in(today: date | None = None) -> None:
    """Make the people, their accounts, and what they exchanged in the three months before a day."""
    today = today or timezone.localdate()
    for username, name, account, roles in PEOPLE:
        if username is not None:
            person_made(username, name, actor=account, roles=roles, listed=True, password=PASSWORD)
    with acting("m-103", ["coordinator", "treasurer"]) as bank:
        bank.open_account(FUND, kind="fund", name="Fondo comune")
        for _, name, account, _ in PEOPLE:
            bank.open_account(account, name=name, joined_on=today - timedelta(days=200))
        bank.adopt(STATUTE)
        bank.name_delegate("m-111", "m-105")  # Luca acts for Rosa
        _exchange(bank, today)
    _leave_open(today)


def _exchange(bank: TimeBank, today: date) -> None:
    """Book sixty exchanges, the same ones for the same day."""
    choose = random.Random(2026)  # noqa: S311 - habits, not secrets
    accounts = [account for _, _, account, _ in PEOPLE]
    owed = dict.fromkeys(accounts, 0)
    for n in range(60):
        start = datetime.combine(today, time(choose.randint(8, 17))) - timedelta(
            days=90 - n * 3 // 2
        )
        earner, spender = choose.sample(accounts, 2)
        if owed[spender] < -20:  # quarters of an hour: who owes much helps first
            earner, spender = spender, earner
        quarters = choose.randint(2, 12)
        owed[earner] += quarters
        owed[spender] -= quarters
        category = choose.choice(list(settings.ACTIVITIES)[:-1])
        hours = timedelta(minutes=15 * quarters)
        bank.transfer(
            earner=earner, spender=spender, hours=hours, occurred_on=start.date(),
            started_at=start.time(), ended_at=(start + hours).time(),
            via="m-103" if n % 7 == 0 and "m-103" not in (earner, spender) else None,
            id=f"demo-{n + 1}", **labels(category),
        )  # fmt: skip


def _leave_open(today: date) -> None:
    """Leave something to do: a proposal of each kind, and a correction that is asked for."""
    Proposal.objects.create(
        earner="m-102", spender="m-101", seconds=5400, occurred_on=today, started_at=time(15),
        ended_at=time(16, 30), category="computer", note="Una mail che non parte",
        asked_by="m-102",
    )  # fmt: skip
    with acting("m-101") as bank:
        bank.hold(
            earner="m-106", spender="m-101", hours=2, occurred_on=today + timedelta(days=3),
            started_at=time(9), ended_at=time(11), expires_in="60d", **labels("spesa"),
        )  # fmt: skip
        last = [one for one in bank.transfers(account="m-101") if not one.reverses][-1]
    Correction.objects.create(
        transfer=last.id, account="m-101", asked_by="m-101", text="Era mezz'ora di meno."
    )
