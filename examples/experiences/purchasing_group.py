"""The delivery shift of a purchasing group (*gruppo di acquisto solidale*), shared by weight."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import timebank
from timebank import Band, Statute, TimeBank
from timebank.patterns import delivery_shift
from timebank.reports.balances import trial_balance_text
from timebank.reports.statement import statement_text

GAS = Statute(
    version="gas/1",
    time_zone="Europe/Rome",
    # Who orders much and never comes to a shift is noticed, not turned away.
    limits={"group": Band(floor="-1:30", beyond="flag")},
)
SHIFT: dict[str, Any] = {"area": "territorial hubs", "category": "delivery", "via": "gas"}
DRIVE: dict[str, Any] = {"area": "mobility", "category": "transport", "via": "gas"}


def main() -> TimeBank:
    """Three deliveries of one month."""
    days = [date(2026, 3, 1)]  # the last of them is today

    def now() -> datetime:
        return datetime.combine(days[-1], time(12), UTC)

    bank = timebank.open("memory:", bank="gas-del-naviglio", clock=now)
    bank.adopt(GAS)
    bank.open_account("fund", kind="fund", name="Cassa comune del GAS")
    bank.open_account("gas", kind="organisation", name="GAS del Naviglio")
    names = ["Famiglia Riva", "Famiglia Sala", "Famiglia Diop", "Famiglia Greco", "Famiglia Villa"]
    for id, name in zip(["f1", "f2", "f3", "f4", "f5"], names, strict=True):
        bank.open_account(id, kind="group", name=name)

    # Tuesday: 30 kg are ordered. Riva and Diop will hand them out on Saturday, in three hours.
    days.append(date(2026, 3, 3))
    kilos = {"f1": 12, "f2": 8, "f3": 6, "f4": 4}
    shares = timebank.split("3:00", kilos, weights=kilos)  # six minutes for each kilogram
    two = {"f1": "1:30", "f3": "1:30"}
    bank.hold(id="shift-1", earner=two, spender=shares, note="consegna del 7 marzo", **SHIFT)
    assert str(bank.balance("f1").held) == "1:12"

    # Saturday: two hours and a half were enough, five minutes for each kilogram.
    days.append(date(2026, 3, 7))
    done = bank.settle("shift-1", hours="2:30")
    assert [str(hours) for hours in done.spenders.values()] == ["1:00", "0:40", "0:30", "0:20"]

    # Diop fetches the next 25 kg at the farm. Greco ordered 5 kg, and somebody types 15.
    days.append(date(2026, 3, 21))
    orders: dict[str, Any] = {"f1": Decimal("7.5"), "f2": 10, "f3": Decimal("2.5"), "f4": 5}
    delivery_shift(bank, workers={"f3": "2:05"}, orders=orders, note="viaggio in cascina", **DRIVE)
    two, note = {"f2": "2:00", "f5": "0:30"}, "consegna del 21 marzo"
    wrong = delivery_shift(bank, workers=two, orders={**orders, "f4": 15}, note=note, **SHIFT)
    assert [flag.account for flag in wrong.flags] == ["f4"]  # which made somebody look
    bank.reverse(wrong.id, reason="5 kg, non 15")
    delivery_shift(bank, workers=two, orders=orders, note=note, **SHIFT)

    # Seven crates of oranges, one hour. It does not divide by seven: the fund pays two seconds.
    days.append(date(2026, 3, 28))
    crates = {"f1": 3, "f2": 2, "f4": 2}
    note = "arance"
    last = delivery_shift(bank, workers={"f4": 1}, orders=crates, fund="fund", note=note, **SHIFT)
    # Villa ordered nothing this month, and leaves its half hour to the fund.
    bank.transfer(spender="f5", earner="fund", hours="0:30", kind="donation")

    assert str(bank.balance("f1").posted) == "-1:33:12"  # +1:15 -1:00 -0:37:30 -0:45 -0:25:42
    assert [flag.account for flag in last.flags] == ["f1"]
    assert str(bank.balance("f2").posted) == "-0:47:08"  # -0:40 -0:50 +2:00 -1:00 -0:17:08
    assert str(bank.balance("f3").posted) == "2:22:30"  # +1:15 -0:30 +2:05 -0:12:30 -0:15
    assert str(bank.balance("f4").posted) == "-0:32:08"  # -0:20 -0:25 -0:30 +1:00 -0:17:08
    assert str(bank.balance("f5").posted) == "0:00"  # +0:30 -0:30
    assert str(bank.balance("fund").posted) == "0:29:58"  # -0:00:02 +0:30
    assert bank.audit().ok
    return bank


if __name__ == "__main__":
    group = main()
    print(*statement_text(group.statement("f4")), "", sep="\n")
    print(*trial_balance_text(group.trial_balance()), sep="\n")
