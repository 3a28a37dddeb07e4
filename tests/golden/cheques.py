"""Booklets of time cheques: issued, entered, voided, corrected, and of accounts that become one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, time
from typing import Any

from timebank import Fee, Granularity, Statute, TimeBank
from timebank.contrib import cheques
from timebank.contrib.cheques import Number


def booklets(bank: TimeBank, go: Callable[..., Any]) -> TimeBank:
    """What a year of cheques leaves in a journal; `go` sets the clock later."""
    office = bank.acting_as("office")
    for id in ("anna", "bruno", "carla", "anna-bis"):
        office.open_account(id)
    office.open_account("common", kind="fund")
    cheques.issue(office, "anna", booklet=17)
    cheques.issue(bank, "anna-bis", cheques=99)
    cheques.issue(bank, "bruno", booklet=999_999_999, cheques=1)
    go(days=3)
    cheques.enter(
        office,
        Number(17, 1),
        earner="bruno",
        hours="1:30",
        occurred_on=date(2026, 3, 4),
        started_at=time(9),
        ended_at=time(10, 30),
        category="care",
        area="family-help",
        resource="car",
        via="carla",
        note="to the clinic",
        tags=["clinic", "car"],
    )
    cheques.enter(bank, Number(999_999_999, 1), earner="anna", hours="0:00:01")
    cheques.void(office, Number(17, 24), code="stolen", reason="with the bag, on the tram")
    cheques.void(bank, Number(18, 99), reason="left at Carla's")
    cheques.void(bank, Number(17, 2), code="spoiled")
    bank.amend(Number(17, 1).id, category="transport", reason="it was the car")
    bank.reverse(Number(17, 1).id, reason="it was half an hour less", hours="0:30", id="back")
    go(days=1)
    bank.adopt(
        Statute(
            version="cheques/1",
            time_zone="Europe/Rome",
            granularity=Granularity(unit="0:15", rounding="up"),
            fee=Fee(share="1/10", fund="common"),
        )
    )
    cheques.enter(office, Number(17, 3), earner="carla", hours="0:50")
    bank.erase("anna", reason="asked for on paper")  # also what was said of her lost cheque
    bank.freeze("anna-bis", reason="written twice")
    cheques.void(bank, Number(18, 1))
    bank.merge("anna-bis", into="anna", reason="written twice")
    cheques.enter(bank, Number(18, 2), earner="bruno", hours=2)
    cheques.void(bank, Number(18, 3))
    return bank
