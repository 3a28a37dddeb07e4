"""An urban garden (*orto urbano*): work parties, plots that cost hours, and a dry August."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any

import attrs

import timebank
from timebank import Band, Dues, Statute, TimeBank
from timebank.patterns import work_party
from timebank.reports.balances import trial_balance_text
from timebank.reports.statement import statement_text

ORTO = Statute(
    version="orto/1",
    time_zone="Europe/Rome",
    # The fund may owe too: the digging of March is paid before the dues of the year are in.
    limits={"member": Band(floor=-4), "group": Band(floor=-8), "fund": Band(floor=-20)},
    dues=(
        Dues(name="small-plot", hours=1, every="month", fund="garden", kinds=("member",)),
        Dues(name="large-plot", hours=2, every="month", fund="garden", kinds=("group",)),
    ),
)
#: What the assembly decides in July: the same rules, and no dues.
DROUGHT = attrs.evolve(ORTO, version="orto/siccita-2026", dues=())
WORK: dict[str, Any] = {"area": "territorial hubs", "category": "garden", "resource": "time"}


def main() -> TimeBank:
    """A garden from March to September."""
    days = [date(2026, 3, 1)]  # the last of them is today

    def now() -> datetime:
        return datetime.combine(days[-1], time(12), UTC)

    bank = timebank.open("memory:", bank="orto-del-pioppo", clock=now)
    bank.open_account("garden", kind="fund", name="Cassa dell'orto")
    bank.adopt(ORTO)
    for id, name in [("m1", "Rosa Esposito"), ("m2", "Kofi Mensah"), ("m3", "Piero Lodi")]:
        bank.open_account(id, name=name)
    for id, name in [("f1", "Famiglia Fumagalli"), ("f2", "Famiglia Chen")]:
        bank.open_account(id, kind="group", name=name)

    def party(month: int, day: int, note: str, workers: dict[str, Any]) -> None:
        days.append(date(2026, month, day))
        bank.run_due()  # the dues of the months until then
        work_party(bank, workers=workers, fund="garden", note=note, **WORK)

    party(3, 15, "vangatura", {"m1": 3, "m2": 3, "f1": 4, "f2": 4})
    party(4, 19, "compostiere", {"m1": 2, "m3": "1:30", "f1": 3})
    party(6, 14, "potature", {"m2": 2, "f1": 2, "f2": 2})
    # No rain since June: from August on a plot costs nothing. Who waters the trees is planned.
    days.append(date(2026, 7, 30))
    bank.run_due()
    bank.adopt(DROUGHT)
    days.append(date(2026, 8, 1))
    assert bank.run_due().charges == ()
    for id, worker, hours in [("w1", "m1", 2), ("w2", "f2", 3), ("w3", "m2", 2)]:
        bank.hold(id=id, earner=worker, spender="garden", hours=hours, note="irrigazione", **WORK)
    days.append(date(2026, 8, 15))
    bank.settle("w1", hours="1:30", occurred_on=date(2026, 8, 8))
    bank.settle("w2")
    days.append(date(2026, 8, 31))
    bank.void("w3", reason="piove")

    # The old statute comes back tomorrow: dues in force on any day of August are due for August.
    with bank.preview() as too_early:
        too_early.adopt(ORTO)
        assert len(too_early.run_due().charges) == 5
    days.append(date(2026, 9, 1))
    bank.adopt(ORTO)
    charges = bank.run_due().charges
    assert [charge.account for charge in charges if charge.transfer.flags] == ["m3"]

    assert str(bank.balance("m1").posted) == "0:30"  # +3 +2 +1:30, six months of 1:00
    assert str(bank.balance("m2").posted) == "-1:00"  # +3 +2 -6
    assert str(bank.balance("m3").posted) == "-4:30"  # +1:30 -6: beyond -4:00, by dues
    for family in ("f1", "f2"):  # +4 +3 +2 and +4 +2 +3, six months of 2:00
        assert str(bank.balance(family).posted) == "-3:00"
    assert str(bank.balance("garden").posted) == "11:00"  # 42 of dues, 31 of work
    assert bank.audit().ok
    return bank


if __name__ == "__main__":
    garden = main()
    print(*statement_text(garden.statement("m1")), "", sep="\n")
    print(*trial_balance_text(garden.trial_balance()), sep="\n")
