"""Neighbours of one street (*social street*, *associazione rionale*): favours and a common fund."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import timebank
from timebank import Band, Granularity, LimitExceeded, Statute, TimeBank
from timebank.patterns import work_party
from timebank.reports.balances import trial_balance_text
from timebank.reports.statement import statement_text

GLICINI = Statute(
    version="glicini/1",
    time_zone="Europe/Rome",
    limits={
        "member": Band(floor=-3, ceiling=6),  # small favours: nobody owes much, nobody piles up
        "group": Band(floor=-4, ceiling=6),
        "fund": Band(floor=0),  # the fund gives only what it was given
    },
    granularity=Granularity(unit="0:15", rounding="up"),
)
REPAIRS: dict[str, Any] = {"area": "family help", "category": "repairs", "resource": "skill"}
PARTY: dict[str, Any] = {"area": "territorial hubs", "category": "street party"}


def on(month: int, day: int) -> date:
    """A day of 2026."""
    return date(2026, month, day)


def main() -> TimeBank:
    """One spring in via dei Glicini, where one neighbour only gives."""
    now = datetime(2026, 5, 31, 18, 0, tzinfo=UTC)  # the evening on which all of it is entered
    bank = timebank.open("memory:", bank="via-dei-glicini", clock=lambda: now)
    bank.adopt(GLICINI)
    bank.open_account("common", kind="fund", name="Cassa comune della via")
    bank.open_account("a1", kind="organisation", name="Associazione rionale dei Glicini")
    bank.open_account("f1", kind="group", name="Famiglia Conti", joined_on=on(3, 1))
    people = ["Teresa Galli", "Aldo Brambilla", "Samira El Idrissi", "Paolo Ferrari"]
    for id, name in zip(["m1", "m2", "m3", "m4"], people, strict=True):
        bank.open_account(id, name=name, joined_on=on(3, 1))

    def favour(day: date, gave: str, had: Any, hours: str, note: str, **more: Any) -> None:
        bank.transfer(earner=gave, spender=had, hours=hours, occurred_on=day, note=note, **more)

    # Forty minutes count as three quarters of an hour here. Aldo was an electrician.
    favour(on(3, 7), "m3", "m1", "0:40", "spesa e farmacia", area="family help")
    favour(on(3, 10), "m2", "m1", "1:00", "lampadario della cucina", **REPAIRS)
    favour(on(3, 14), "m2", "f1", "2:00", "tapparella bloccata", **REPAIRS, via="a1")
    three = timebank.split("3:00", ["m3", "m4", "f1"])  # whose bicycles he mended
    favour(on(3, 21), "m2", three, "3:00", "tre biciclette", area="mobility")

    # Aldo has reached his ceiling. He wants nothing back, so he gives four hours to the fund.
    said = ""
    try:
        favour(on(3, 28), "m2", "m4", "1:00", "citofono", **REPAIRS)
    except LimitExceeded as refusal:
        said = str(refusal)
    bank.transfer(spender="m2", earner="common", hours=4, kind="donation", occurred_on=on(3, 28))
    favour(on(3, 28), "m2", "m4", "1:00", "citofono", **REPAIRS)

    # The fund takes Teresa out of her debt; in April she teaches Samira's daughter to sew.
    bank.transfer(spender="common", earner="m1", hours=2, kind="donation", occurred_on=on(4, 1))
    favour(on(4, 18), "m1", "m3", "1:00", "cucito con Nadia", area="family help")

    # The street party: the fund pays who set up the tables, and the association for its room.
    workers = {"m3": "0:30", "f1": "1:30"}
    work_party(bank, workers=workers, fund="common", occurred_on=on(5, 17), via="a1", **PARTY)
    bank.transfer(spender="m2", earner="common", hours=3, kind="donation", occurred_on=on(5, 20))
    favour(on(5, 24), "a1", "common", "2:00", "sala per la festa", **PARTY, resource="space")

    assert "its ceiling is 6:00" in said
    assert str(bank.balance("m1").posted) == "1:15"  # -0:45 -1 +2 +1
    assert str(bank.balance("m2").posted) == "0:00"  # +1 +2 +3 +1, and 4 and 3 given away
    assert str(bank.balance("m3").posted) == "-0:45"  # +0:45 -1 -1 +0:30
    assert str(bank.balance("m4").posted) == "-2:00"  # -1 -1
    assert str(bank.balance("f1").posted) == "-1:30"  # -2 -1 +1:30
    assert str(bank.balance("a1").posted) == "2:00"
    assert str(bank.balance("common").posted) == "1:00"  # +4 -2 -2 +3 -2
    assert bank.impact(at_least=1).give_only == 1  # Aldo
    assert bank.audit().ok
    return bank


if __name__ == "__main__":
    street = main()
    print(*statement_text(street.statement("m2")), "", sep="\n")
    print(*trial_balance_text(street.trial_balance()), sep="\n")
