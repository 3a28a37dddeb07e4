"""Neighbours drive neighbours (*mobilità*): one car, three passengers, and a seat that stays empty.

Val Serena, March 2026. The bus comes twice a day. An association answers the telephone.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import timebank
from timebank import AlreadyResolved, Band, Fee, Roles, Statute, TimeBank
from timebank.reports.balances import trial_balance_text
from timebank.reports.statement import statement_text

VAL_SERENA = Statute(
    version="val-serena/1",
    time_zone="Europe/Rome",
    # Who is ill gives back little: below six hours it is said, and the ride is not refused.
    limits={"member": Band(floor=-6, beyond="flag"), "fund": Band(floor=0)},
    fee=Fee(share="10%", payer="spender", fund="seats", unit="0:01"),  # for the empty seats
)
RIDE: dict[str, Any] = {"area": "mobility", "category": "ride", "resource": "time", "via": "a1"}
LESSON: dict[str, Any] = {"area": "family help", "category": "homework", "resource": "knowledge"}


def main() -> TimeBank:
    """The story; the bank as it stands at the end of it, as its office sees it."""
    day, at = partial(date, 2026), partial(datetime, 2026, tzinfo=UTC)
    now = at(3, 2, 18)  # the clock of the bank: it moves when the story says so
    roles = Roles({"desk": ["coordinator", "treasurer"]})
    bank = timebank.open("memory:", bank="val-serena", clock=lambda: now, permissions=roles)
    desk = bank.acting_as("desk")
    desk.open_account("seats", kind="fund", name="Fondo posti vuoti")
    desk.open_account("a1", kind="organisation", name="Associazione Val Serena in viaggio")
    drivers = ["Renzo Valsecchi", "Nadia Haddad"]
    passengers = ["Elsa Bonetti", "Ines Carrara", "Mario Locatelli"]
    for number, name in enumerate(drivers + passengers, start=1):
        desk.open_account(f"m{number}", name=name)
    desk.adopt(VAL_SERENA)

    # Monday. Nadia takes Elsa to town, and waits; what for is nobody's business. Renzo takes three:
    # two hours with the way back, which they share by the kilometres of each.
    waiting, town = {"note": "andata, attesa e ritorno", **RIDE}, {"note": "in paese", **RIDE}
    desk.transfer(earner="m2", spender="m3", hours=3, **waiting)
    by_km = timebank.split(2, ["m3", "m4", "m5"], weights={"m3": 24, "m4": 12, "m5": 12})
    assert str(desk.transfer(earner="m1", spender=by_km, **town).fee) == "0:12"

    # Thursday's market: a hold for each seat, so that each can be settled, or not. Ines does not
    # use a telephone: her niece (d1, who has no account) books for her.
    desk.name_delegate("m4", "d1", until=day(12, 31))
    market = {"earner": "m1", "hours": "0:30", "expires_in": timedelta(days=4), **RIDE}
    desk.hold(spender="m3", id="seat-1", note="mercato", **market)
    bank.acting_as("d1").hold(spender="m4", id="seat-2", note="mercato", **market)
    desk.hold(spender="m5", id="seat-3", note="mercato", **market)
    assert str(desk.balance("m5").held) == "0:33"  # with its fee

    # Renzo enters what he did. Ines came home with her niece; Mario was not at his door.
    now = at(3, 5, 18)
    driver = bank.acting_as("m1")
    driver.settle("seat-1", occurred_on=day(3, 5))
    driver.settle("seat-2", hours="0:20", occurred_on=day(3, 5))
    now = at(3, 7, 9)  # four days after the booking the hold is gone, by itself
    assert desk.hold_by_id("seat-3").status == "expired"
    assert str(desk.balance("m5").held) == "0:00"
    try:
        driver.settle("seat-3", occurred_on=day(3, 5))
    except AlreadyResolved as refusal:
        assert refusal.status == "expired"
    # Renzo drove all the same. Those who came do not pay for who did not: the fund does.
    empty = {"note": "posto vuoto", **RIDE}
    desk.transfer(earner="m1", spender="seats", hours="0:30", occurred_on=day(3, 5), **empty)
    # And Elsa was a teacher: Nadia's daughter has mathematics with her.
    desk.transfer(earner="m3", spender="m2", hours="1:30", occurred_on=day(3, 6), **LESSON)

    assert str(desk.balance("m1").posted) == "3:20"  # 2 + 0:30 + 0:20 + 0:30 for the empty seat
    assert str(desk.balance("m2").posted) == "1:21"  # 3 - 1:30 - 0:09
    assert str(desk.balance("m3").posted) == "-3:27"  # 1:30 - 3:18 - 1:06 - 0:33
    assert str(desk.balance("m4").posted) == "-0:55"  # 0:33 + 0:22
    assert str(desk.balance("m5").posted) == "-0:33"  # Monday's ride only
    assert str(desk.balance("seats").posted) == "0:14"  # 0:18 + 0:12 + 0:03 + 0:02 + 0:09 - 0:30
    assert desk.audit().ok
    return desk


if __name__ == "__main__":
    office = main()
    print(*statement_text(office.statement("m1")), "", sep="\n")
    print(*trial_balance_text(office.trial_balance()), sep="\n")
