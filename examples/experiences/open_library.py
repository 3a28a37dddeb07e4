"""An open library and a shared courtyard (*biblioteca aperta*, *cortile sociale*): spaces lent.

The library of Via dei Salici is open as long as neighbours keep it open. It pays them in hours,
and gets hours from its cards and from its room. The courtyard does the same with its tables.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import timebank
from timebank import Band, Dues, Granularity, Hours, Statute, TimeBank
from timebank.patterns import shared_class, work_party
from timebank.reports.balances import trial_balance_text
from timebank.reports.statement import statement_text

SALICI = Statute(
    version="salici/1",
    time_zone="Europe/Rome",
    limits={"member": Band(floor=-5), "group": Band(floor=-5), "fund": Band(floor=-3)},
    granularity=Granularity(unit="0:30"),  # half an hour, or nothing
    dues=Dues(hours=1, fund="lib", every="quarter", kinds=["member", "group"], name="card"),
)
HUB: dict[str, Any] = {"area": "territorial hubs"}
SHIFT: dict[str, Any] = {**HUB, "category": "opening shift", "resource": "time"}
SPACE: dict[str, Any] = {**HUB, "category": "room or courtyard", "resource": "space"}
THING: dict[str, Any] = {**HUB, "category": "thing lent", "resource": "space"}
READING: dict[str, Any] = {**HUB, "category": "reading aloud", "resource": "knowledge"}


def main() -> TimeBank:
    """The story; the bank as it stands at the end of it."""
    day, at = partial(date, 2026), partial(datetime, 2026, tzinfo=UTC)
    now = at(4, 1, 16)  # the clock of the bank: it moves when the story says so
    bank = timebank.open("memory:", bank="via-dei-salici", clock=lambda: now)
    bank.open_account("lib", kind="fund", name="Biblioteca aperta")
    bank.open_account("yard", kind="fund", name="Cortile sociale")
    bank.adopt(SALICI)
    for id, name in {"m1": "Ornella Sala", "m2": "Giuseppe Marino", "m3": "Fatima Benali"}.items():
        bank.open_account(id, name=name)
    for id, name in {"f1": "Colombo", "f2": "Perera", "f3": "De Luca"}.items():
        bank.open_account(id, kind="group", name=f"Famiglia {name}")
    bank.run_due()  # one hour a quarter is the library card: six cards

    # April: two Saturdays of three hours. On the second Fatima relieves Ornella.
    now = at(4, 26, 18)
    work_party(bank, workers=["m1", "m2"], each=3, fund="lib", occurred_on=day(4, 11), **SHIFT)
    relay = {"m1": 2, "m3": 1}
    work_party(bank, workers=relay, fund="lib", occurred_on=day(4, 18), **SHIFT)
    # What is lent is counted too: an hour of the room is an hour, a day of a drill is half of one.
    party, drill = {"note": "compleanno", **SPACE}, {"note": "trapano, due giorni", **THING}
    bank.transfer(earner="lib", spender="f1", hours=2, occurred_on=day(4, 25), **party)
    bank.transfer(earner="m2", spender="m3", hours=1, occurred_on=day(4, 25), **drill)

    # May: three families ask for the courtyard on 6 June, the Perera for the room as well.
    now = at(5, 9, 10)
    families, weeks = ["f1", "f2", "f3"], timedelta(weeks=6)
    dinner = timebank.split(6, families)
    bank.hold(earner="yard", spender=dinner, id="dinner", expires_in=weeks, note="cena", **SPACE)
    bank.hold(earner="lib", spender="f2", hours=2, id="room", expires_in=weeks, **SPACE)
    assert [bank.balance("f2").held, bank.balance("f2").spendable] == [Hours(4), Hours(0)]
    bank.void("room", reason="la festa si fa dai nonni")

    # June: it rained from the fourth hour on. Two set up the tables and took them down again.
    now = at(6, 14, 9)
    bank.settle("dinner", hours=4, occurred_on=day(6, 6))
    work_party(bank, workers=["m3", "f3"], each=1, fund="yard", occurred_on=day(6, 6), **SHIFT)
    reader = {"teacher": "m1", "hours": "1:30", "occurred_on": day(6, 13), **READING}
    shared_class(bank, pupils=families, **reader)

    assert str(bank.balance("m1").posted) == "5:30"  # 3 + 2 + 1:30, and 1 for the card
    assert str(bank.balance("m2").posted) == "3:00"  # 3 + 1 - 1
    assert str(bank.balance("m3").posted) == "0:00"  # 1 + 1 - 1 - 1
    assert str(bank.balance("f1").posted) == "-4:50"  # card 1, room 2, dinner 1:20, reading 0:30
    assert str(bank.balance("f2").posted) == "-2:50"  # the room was given back in time
    assert str(bank.balance("f3").posted) == "-1:50"  # it worked an hour for the dinner
    assert str(bank.balance("lib").posted) == "-1:00"  # 6 cards + 2, and 9 hours of shifts
    assert str(bank.balance("yard").posted) == "2:00"  # 4 - 2
    assert bank.audit().ok
    return bank


if __name__ == "__main__":
    salici = main()
    print(*statement_text(salici.statement("lib")), "", sep="\n")
    print(*trial_balance_text(salici.trial_balance()), sep="\n")
