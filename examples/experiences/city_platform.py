"""A platform for a whole city (*piattaforma territoriale*): forty banks in one store, one total.

Each neighbourhood of Milan has its bank, with its own members, rules and journal. The city keeps
them in one place, and can say what all of it comes to without naming anybody.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import partial
from typing import Any

import timebank
from timebank import Band, Granularity, Statute, TimeBank
from timebank.patterns import circle
from timebank.reports import impact
from timebank.reports.balances import trial_balance_text
from timebank.reports.impact_text import impact_text
from timebank.reports.statement import statement_text

NAMES = """
affori baggio barona bicocca bovisa brera bruzzano calvairate chiaravalle citta-studi comasina
corvetto crescenzago dergano figino forlanini gallaratese garibaldi ghisolfa giambellino gorla
gratosoglio greco isola lambrate loreto lorenteggio maggiolina morsenchio muggiano niguarda nolo
ortica portello precotto quarto-oggiaro quinto-romano rogoredo san-siro stadera
""".split()  # noqa: SIM905 - forty lines of one word each would hide the story
#: What each bank is known for, in turn: eight banks for each.
KNOWN_FOR = [
    ("family help", "doposcuola", "knowledge"),  # area, note, resource
    ("territorial hubs", "apertura dello spazio", "space"),
    ("co-housing", "imbiancatura delle scale", "skill"),
    ("digital platforms", "identità digitale", "knowledge"),
    ("mobility", "passaggio in ospedale", "time"),
]
FIRST = ["Anna", "Bruno", "Chiara", "Dario", "Elena"]
LAST = ["Riva", "Colombo", "El Sayed", "Fumagalli", "Perera", "Greco", "Pozzi", "Sanna"]
#: What the city asks of every bank. Each may adopt rules of its own afterwards.
ROME, LIMITS = "Europe/Rome", {"member": Band(floor=-10), "group": Band(floor=-20)}
CITY = Statute(version="city/1", time_zone=ROME, limits=LIMITS)


def neighbourhood(bank: TimeBank, number: int) -> None:
    """A month of one bank: its people, and two or three exchanges."""
    day = partial(date, 2026, 5)
    bank.adopt(CITY)
    bank.open_account("desk", kind="organisation", name=f"Sportello {bank.name}")
    first, last = number % 5, number % 8  # which no two of forty numbers have alike
    bank.open_account("m1", name=f"{FIRST[first]} {LAST[last]}", joined_on=day(2))
    bank.open_account("m2", name=f"{FIRST[first - 1]} {LAST[last - 3]}", joined_on=day(2))
    bank.open_account("f1", kind="group", name=f"Famiglia {LAST[last - 5]}", joined_on=day(2))
    # Everywhere: an hour at the computer, which the desk of the neighbourhood arranged.
    computer: dict[str, Any] = {
        "area": "digital platforms",
        "category": "computer",
        "resource": "skill",
    }
    bank.transfer(earner="m2", spender="f1", hours=1, occurred_on=day(5), via="desk", **computer)
    # And an hour and a half of what this one is known for.
    words: dict[str, Any] = dict(
        zip(("area", "note", "resource"), KNOWN_FOR[number % 5], strict=True)
    )
    bank.transfer(earner="f1", spender="m1", hours="1:30", occurred_on=day(16), **words)
    if number % 4 == 0:  # in ten courtyards all cook and all eat: half an hour each
        cook: dict[str, Any] = {"each": "0:30", "area": "co-housing", "note": "cena di cortile"}
        circle(bank, gave=["f1", "m1", "m2"], occurred_on=day(30), **cook)


def main() -> list[TimeBank]:
    """The forty banks as they stand at the end of May."""
    now = datetime(2026, 5, 31, 18, tzinfo=UTC)
    store = timebank.open("memory:", bank=NAMES[0]).store
    banks = [TimeBank(store, bank=name, clock=lambda: now) for name in NAMES]
    for number, bank in enumerate(banks, start=1):
        neighbourhood(bank, number)
    # One of them counts in quarters of an hour from now on: the others are not asked.
    oggiaro, unit = banks[NAMES.index("quarto-oggiaro")], Granularity(unit="0:15")
    oggiaro.adopt(Statute(version="oggiaro/1", time_zone=ROME, limits=LIMITS, granularity=unit))

    for bank in banks:  # each is whole by itself
        balances = [str(bank.balance(id).posted) for id in ("m1", "m2", "f1", "desk")]
        assert balances == ["-1:30", "1:00", "0:30", "0:00"]  # cooking together changes nothing
        assert bank.audit().ok
    # The total over all: 40 x 1:00 + 40 x 1:30 + 10 x 1:30 = 40 + 60 + 15.
    city = impact(banks, since=date(2026, 5, 1), until=date(2026, 5, 31))
    assert (city.banks, city.exchanges.exchanges, str(city.exchanges.hours)) == (40, 90, "115:00")
    by_area = {group.key: str(group.hours) for group in city.by_area}
    assert by_area["digital platforms"] == "52:00"  # 40 x 1:00 + 8 x 1:30
    assert by_area["co-housing"] == "27:00"  # 8 x 1:30 + 10 x 1:30
    assert by_area["family help"] == by_area["territorial hubs"] == by_area["mobility"] == "12:00"
    return banks


if __name__ == "__main__":
    platform = main()
    print(*statement_text(platform[35].statement("f1")), "", sep="\n")
    print(*trial_balance_text(platform[35].trial_balance()), "", sep="\n")
    print(*impact_text(impact(platform)), sep="\n")
