"""Households that live together (*co-abitazione*): chores, monthly dues, one leaves with a debt."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any

import timebank
from timebank import Band, Dues, Roles, Statute, TimeBank, WriteOff
from timebank.patterns import circle, shared_carer, work_party
from timebank.reports.balances import trial_balance_text
from timebank.reports.statement import statement_text

TIGLI = Statute(
    version="tigli/1",
    time_zone="Europe/Rome",
    limits={"group": Band(floor=-16)},
    dues=Dues(hours=3, every="month", fund="house", kinds=("group",)),
)
CHORES: dict[str, Any] = {"area": "co-housing", "category": "chores", "resource": "time"}
MEALS: dict[str, Any] = {"area": "co-housing", "category": "meals", "resource": "skill"}
ROOM: dict[str, Any] = {"area": "co-housing", "category": "guest room", "resource": "space"}
CARE: dict[str, Any] = {"area": "family help", "category": "child care", "resource": "time"}
#: Who lives where, and so acts for which household.
HOUSEHOLDS = {"p1": ["f1"], "p2": ["f2"], "p3": ["f3"], "p4": ["f4"]}


def main() -> TimeBank:
    """A house of four households from March to June."""
    days = [date(2026, 3, 1)]  # the last of them is today

    def now() -> datetime:
        return datetime.combine(days[-1], time(12), UTC)

    bank = timebank.open("memory:", bank="casa-dei-tigli", clock=now)
    bank.open_account("house", kind="fund", name="Cassa della casa")
    bank.adopt(TIGLI)
    names = ["Famiglia Bianchi", "Famiglia Ferri", "Famiglia Okafor", "Nadia Russo"]
    for id, name in zip(["f1", "f2", "f3", "f4"], names, strict=True):
        bank.open_account(id, kind="group", name=name)

    def chores(month: int, workers: dict[str, Any]) -> None:
        days.append(date(2026, month, 28))
        bank.run_due()  # the dues of the month, of its first day
        work_party(bank, workers=workers, fund="house", note="faccende del mese", **CHORES)

    chores(3, {"f1": 3, "f2": "1:30", "f3": 3, "f4": 3})
    days.append(date(2026, 4, 11))
    shared_carer(bank, carer="f3", families={"f1": 2, "f2": 2}, note="bambini al parco", **CARE)
    table = ["f1", "f2", "f3", "f4"]  # two cooked for two hours, four ate
    circle(bank, gave={"f1": 2, "f4": 2}, received=table, note="cena del sabato", **MEALS)
    chores(4, {"f1": 3, "f3": 4, "f4": 3})

    # Davide Ferri books the guest room for his mother: he may spend the hours of his household.
    allowed = Roles(accounts=lambda actor: HOUSEHOLDS.get(actor, []))
    door = TimeBank(bank.store, bank="casa-dei-tigli", clock=now, permissions=allowed)
    davide = door.acting_as("p2")
    davide.hold(id="room-1", earner="house", spender="f2", hours=4, note="stanza ospiti", **ROOM)
    days.append(date(2026, 5, 3))
    bank.settle("room-1", hours=3)  # she left a day early
    davide.hold(id="room-2", earner="house", spender="f2", hours=2, note="stanza ospiti", **ROOM)
    chores(5, {"f1": 4, "f3": 3, "f4": 5})

    # In June the Ferri move to Lecco. They clear the cellar, and Nadia gives them two hours.
    days.append(date(2026, 6, 20))
    work_party(bank, workers={"f2": "2:30"}, fund="house", note="cantina sgombrata", **CHORES)
    bank.transfer(spender="f4", earner="f2", hours=2, kind="donation", note="buona fortuna")
    with bank.preview() as assembly:  # what the others are asked to agree to
        asked = assembly.leave("f2", disposal=WriteOff("house"))
    assert asked.disposal is not None
    assert str(asked.disposal.hours) == "12:00"
    left = bank.leave("f2", disposal=WriteOff("house"), reason="trasloco a Lecco")
    assert [str(charge.hours) for charge in left.charges] == ["3:00"]  # June, not charged yet
    assert [hold.id for hold in left.voided] == ["room-2"]
    bank.run_due()  # June of the other three

    assert bank.account("f2").status == "closed"
    assert str(bank.balance("f1").posted) == "-3:00"  # -12 of dues, +10 -2 +2 -1
    assert str(bank.balance("f2").posted) == "0:00"  # -12 +1:30 -2 -1 -3 +2:30 +2 is -12:00
    assert str(bank.balance("f3").posted) == "1:00"  # -12 +10 +4 -1
    assert str(bank.balance("f4").posted) == "-2:00"  # -12 +11 +2 -1 -2
    assert str(bank.balance("house").posted) == "4:00"  # +48 of dues, -35 +3, -12 of the Ferri
    assert bank.audit().ok
    return bank


if __name__ == "__main__":
    house = main()
    print(*statement_text(house.statement("f2")), "", sep="\n")
    print(*trial_balance_text(house.trial_balance()), sep="\n")
