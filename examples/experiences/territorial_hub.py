"""A neighbourhood's own place (*hub territoriale*), after Spazio Agorà in Quarto Oggiaro, Milan.

Mothers with small children, adolescents, somebody to talk to, Italian lessons. The families who
come are users and creators at once: each of them gives, and each receives.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import partial
from typing import Any

import timebank
from timebank import Band, Statute, TimeBank
from timebank.patterns import circle, school_class, shared_class
from timebank.reports.balances import trial_balance_text
from timebank.reports.statement import statement_text

AGORA = Statute(
    version="agora/1",
    time_zone="Europe/Rome",
    limits={
        "member": [Band(floor=-4), Band(from_month=3, floor=-10)],  # who is new: four hours
        "group": Band(floor=-10),
        "fund": Band(floor=0),  # it pays with what lessons and dinners brought
    },
)
HUB: dict[str, Any] = {"area": "territorial hubs", "via": "hub"}
PLAY: dict[str, Any] = {**HUB, "category": "small children", "resource": "time"}
ITALIAN: dict[str, Any] = {**HUB, "category": "Italian lessons", "resource": "knowledge"}
KITCHEN: dict[str, Any] = {**HUB, "category": "kitchen", "resource": "skill"}
LISTENING: dict[str, Any] = {**HUB, "category": "psychological help", "resource": "knowledge"}
PHONES: dict[str, Any] = {"area": "digital platforms", "category": "phones", "resource": "skill"}
ROOM: dict[str, Any] = {"area": "territorial hubs", "category": "room", "resource": "space"}


def main() -> TimeBank:
    """The story; the bank as it stands at the end of it."""
    day, now = partial(date, 2026), datetime(2026, 4, 30, 17, tzinfo=UTC)  # when it is entered
    bank = timebank.open("memory:", bank="quarto-oggiaro", clock=lambda: now).acting_as("desk")
    bank.adopt(AGORA)
    bank.open_account("hub", kind="organisation", name="Hub di quartiere")
    bank.open_account("common", kind="fund", name="Fondo comune")
    families = {"f1": "Esposito", "f2": "Mansour", "f3": "Quispe", "f4": "Russo"}
    for id, name in families.items():
        bank.open_account(id, kind="group", name=f"Famiglia {name}", joined_on=day(1, 12))
    people = {"m1": "Chiara Fontana", "m2": "Luigi Cattaneo", "t1": "Yasmin M.", "t2": "Kevin R."}
    for id, name in people.items():
        bank.open_account(id, name=name, joined_on=day(1, 12))
    bank.open_account("m3", name="Amina Diallo", joined_on=day(4, 7))  # in Italy since March

    # Three mothers, one room: in turn, each minds the children of all for two hours.
    circle(bank, gave=["f1", "f2", "f3"], each=2, occurred_on=day(4, 8), **PLAY)
    # Italian: each pupil pays the hour, Luigi earns one, and the rest is the fund's.
    lesson = {"teacher": "m2", "pupils": ["f2", "f3", "m3"], "fund": "common", **ITALIAN}
    school_class(bank, hours=1, occurred_on=day(4, 9), **lesson)
    school_class(bank, hours=1, occurred_on=day(4, 16), **lesson)
    # The pupils of Thursday are the teachers of Saturday: couscous by the Mansour family.
    eating = ["f1", "f3", "f4", "m1", "m2"]
    couscous = {"teacher": "f2", "hours": 2, "fund": "common", "note": "cuscus", **KITCHEN}
    school_class(bank, pupils=eating, each="1:00", occurred_on=day(4, 18), **couscous)
    # Adolescents show who is older how a telephone works. The Russo mend their bicycles.
    older = ["f1", "f4", "m1", "m2"]
    circle(bank, gave=["t1", "t2"], each=1, received=older, occurred_on=day(4, 21), **PHONES)
    bicycles = {"hours": "1:30", "category": "repairs", "resource": "skill", **HUB}
    shared_class(bank, teacher="f4", pupils=["t1", "t2"], occurred_on=day(4, 22), **bicycles)
    # Chiara listens. The fund pays for it, so that no record says who came to talk.
    bank.transfer(earner="m1", spender="common", hours=3, occurred_on=day(4, 23), **LISTENING)
    # The Esposito have a birthday in the big room.
    bank.transfer(earner="hub", spender="f1", hours=2, occurred_on=day(4, 26), **ROOM)

    lines = {line.account: line for line in bank.trial_balance().lines}
    for family in families:  # users and creators at once, whatever the balance is
        assert min(lines[family].earned, lines[family].spent) > timebank.Hours(0)
    figures = bank.impact(at_least=1)  # 1, as nobody publishes it; five when left out
    assert (figures.both, figures.receive_only, figures.give_only) == (8, 1, 0)  # Amina is new
    assert str(lines["f1"].balance) == "-3:30"  # 2 - 2 - 1 - 0:30 - 2 for the room
    assert str(lines["f2"].balance) == "0:00"  # 2 - 2 - 1 - 1 + 2
    assert str(lines["f3"].balance) == "-3:00"  # 2 - 2 - 1 - 1 - 1
    assert str(lines["f4"].balance) == "0:00"  # 1:30 - 1 - 0:30
    assert str(lines["common"].balance) == "4:00"  # 2 + 2 + 3 - 3
    assert str(bank.balance("m3").spendable) == "2:00"  # four hours less two
    assert bank.audit().ok
    return bank


if __name__ == "__main__":
    quarter = main()
    print(*statement_text(quarter.statement("f2")), "", sep="\n")
    print(*trial_balance_text(quarter.trial_balance()), sep="\n")
