"""Fill the club's ledger with what pages can stumble over, and make who looks at it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import django

django.setup()

from django.contrib.auth import get_user_model  # noqa: E402 - Django is set up first
from django.db import transaction  # noqa: E402 - as above

from timebank.contrib.django import bank  # noqa: E402 - as above

TODAY = date.today()  # noqa: DTZ011 - of this machine, as the pages begin a year before it
EVIL = "<script>alert(1)</script> & \u202enote"


def seed() -> None:
    """Write it all."""
    users: Any = get_user_model().objects
    users.create_superuser("anna", password="anna", last_login=None)  # noqa: S106 - it guards nothing
    users.create_user("luca", password="luca", is_staff=True)  # noqa: S106 - as above
    with transaction.atomic(using="default"):
        hours = bank(actor="coordinator")
        hours.open_account("m1", name="Maria R.", ceiling=None)
        hours.open_account("f1", kind="group", name="Famiglia Rossi", floor=None)
        hours.open_account("x/<b>1", name=EVIL)
        hours.open_account("coop", kind="organisation", name="Cooperativa con un nome molto lungo")
        for number in range(2, 60):
            hours.open_account(f"m{number}", floor=None, ceiling=None)
        for number in range(70):
            hours.transfer(
                earner="m1" if number % 3 else "x/<b>1",
                spender="f1" if number % 2 else "m2",
                hours="0:30" if number % 5 else "1:15",
                id=f"t{number}",
                occurred_on=TODAY - timedelta(days=number * 7),
                note=EVIL if number == 3 else "accompagnata in ambulatorio e poi a fare la spesa",
                category="cura" if number % 4 else None,
                limits="unchecked",
            )
        hours.amend("t1", category="spesa", reason="era un'altra cosa")
        hours.reverse("t2", reason="scritto due volte")
        hours.hold(earner="m1", spender="f1", hours=2, id="h1", note="visita", category="cura")
        hours.hold(earner="m3", spender="m4", hours=1, id="h2", occurred_on=TODAY)
        hours.void("h2", reason="non serve")
        hours.freeze("m9")


if __name__ == "__main__":
    seed()
