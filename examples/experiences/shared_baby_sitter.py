"""A baby-sitter whom families share (*baby-sitter condivisa*): who was there when, to the second.

Giada minds the children of three families in one living room. Children come and go; every
minute is shared by the families whose children are there. What they owe follows from that, and
what does not divide is nobody's gain.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import partial
from typing import Any

import timebank
from timebank import Band, Hours, Statute, TimeBank
from timebank.reports.balances import trial_balance_text
from timebank.reports.statement import statement_text

COURTYARD = Statute(
    version="courtyard/1",
    time_zone="Europe/Rome",
    limits={"group": Band(floor=-25), "member": Band(floor=-5)},
)
FAMILIES = {"f1": "Conti", "f2": "Ferrara", "f3": "Nguyen"}
#: An afternoon: from when to when, and whose children were there.
Afternoon = list[tuple[str, list[str]]]
MONDAY: Afternoon = [("1:00", ["f1", "f2"]), ("1:30", ["f1", "f2", "f3"]), ("0:20", ["f3"])]
WEDNESDAY: Afternoon = [("0:50", ["f2"]), ("2:10", ["f2", "f3"])]
FRIDAY: Afternoon = [("1:00", ["f1", "f2", "f3"]), ("0:10", ["f1", "f3"])]


def shares(afternoon: Afternoon) -> dict[str, Hours]:
    """What each family owes: of each stretch its part, and of the day no second too few."""
    owed: dict[str, Hours] = {}
    for hours, there in afternoon:
        for family, part in timebank.split(hours, there).items():
            owed[family] = owed.get(family, Hours(0)) + part
    return owed


def main() -> TimeBank:
    """A week; the bank as it stands at the end of it."""
    day = partial(date, 2026, 10)
    now = datetime(2026, 10, 9, 19, 0, tzinfo=UTC)
    bank = timebank.open("memory:", bank="courtyard", clock=lambda: now)
    bank.adopt(COURTYARD)
    bank.open_account("b1", name="Giada Moretti", joined_on=day(1))
    for id, name in FAMILIES.items():
        bank.open_account(id, kind="group", name=f"Famiglia {name}", joined_on=day(1))

    # One exchange an afternoon: Giada earns the time, the families spend their parts of it.
    words: dict[str, Any] = {"area": "family help", "category": "babysitting", "resource": "time"}
    for number, afternoon in ((5, MONDAY), (7, WEDNESDAY), (9, FRIDAY)):
        id, owed = f"afternoon-{number}", shares(afternoon)
        bank.transfer(earner="b1", spender=owed, id=id, occurred_on=day(number), **words)
    # Monday: an hour of two (0:30 each), an hour and a half of three (0:30 each), 0:20 of one.
    monday = bank.transfer_by_id("afternoon-5")
    assert {id: str(part) for id, part in monday.spenders.items()} == {
        "f1": "1:00",
        "f2": "1:00",
        "f3": "0:50",
    }
    assert str(monday.hours) == "2:50"  # what Giada was there: 1:00 + 1:30 + 0:20
    # The families give something back: the Nguyen cook for Giada, the Conti mend her bicycle.
    favour: dict[str, Any] = {"area": "family help", "category": "favours"}
    bank.transfer(earner="f3", spender="b1", hours="2:00", occurred_on=day(8), **favour)
    bank.transfer(earner="f1", spender="b1", hours="0:45", occurred_on=day(9), **favour)
    # Giada wrote ten minutes too many on Friday: what is wrong is reversed, and entered anew.
    bank.reverse("afternoon-9", reason="dieci minuti di troppo")
    friday = shares(FRIDAY[:1])
    bank.transfer(earner="b1", spender=friday, id="friday", occurred_on=day(9), **words)

    balances = {id: str(bank.balance(id).posted) for id in ("b1", *FAMILIES)}
    assert balances["f1"] == "-0:35"  # -1:00 -0:20, then +0:45
    assert balances["f2"] == "-3:15"  # -1:00 -0:50 -1:05 -0:20
    assert balances["f3"] == "-0:15"  # -0:50 -1:05 -0:20, then +2:00
    assert balances["b1"] == "4:05"  # 2:50 + 3:00 + 1:00, less 2:00 and 0:45
    # Of a minute that three share each has 20 seconds; of one second one family has it all.
    assert [part.seconds for part in timebank.split("1s", list(FAMILIES)).values()] == [1]
    assert bank.audit().ok
    return bank


if __name__ == "__main__":
    courtyard = main()
    print(*statement_text(courtyard.statement("f3")), "", sep="\n")
    print(*trial_balance_text(courtyard.trial_balance()), sep="\n")
