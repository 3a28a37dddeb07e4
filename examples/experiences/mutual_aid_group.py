"""A group of mutual aid (*gruppo di mutuo aiuto*): a circle in which all give and all receive.

Six people who care for a relative with dementia meet on Thursdays. Who tells gives, and who listens
gives too; nobody is helped without helping. So each evening is one exchange with everybody on
both sides: no balance changes, and the hours are there to be counted.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import partial
from typing import Any

import timebank
from timebank import Band, Hours, Statute, TimeBank
from timebank.patterns import circle
from timebank.reports.balances import trial_balance_text
from timebank.reports.statement import statement_text

#: Little can be owed here: what is given is received on the same evening.
THURSDAY = Statute(
    version="thursday/1", time_zone="Europe/Rome", limits={"member": Band(floor=-6, ceiling=6)}
)
AREA: dict[str, Any] = {"area": "family help", "resource": "knowledge"}
EVENING: dict[str, Any] = {**AREA, "category": "mutual aid"}


def main() -> TimeBank:
    """A month of Thursdays; the bank as it stands at the end of it."""
    day = partial(date, 2026, 3)
    now = datetime(2026, 3, 31, 20, 0, tzinfo=UTC)
    bank = timebank.open("memory:", bank="thursday", clock=lambda: now)
    bank.adopt(THURSDAY)
    people = {
        "m1": "Graziella N.",
        "m2": "Sergio P.",
        "m3": "Ivana T.",
        "m4": "Mohamed A.",
        "m5": "Rosa L.",
        "m6": "Piero D.",
    }
    for id, name in people.items():
        bank.open_account(id, name=name, joined_on=day(1))

    # Two hours together: each gives two, each receives two. It is one transfer, with twelve lines.
    everybody = list(people)
    first = circle(bank, gave=everybody, each=2, id="evening-1", occurred_on=day(5), **EVENING)
    assert (str(first.hours), len(first.postings)) == ("12:00", 12)
    circle(bank, gave=everybody, each=2, id="evening-2", occurred_on=day(12), **EVENING)
    # On the third Thursday Piero is at the hospital, and the five others meet without him.
    five = everybody[:5]
    circle(bank, gave=five, each=2, id="evening-3", occurred_on=day(19), **EVENING)
    # A circle need not be even: Ivana, who is a nurse, spoke for an hour and a half of it, and
    # the others listened to her; then all of them talked for half an hour each.
    told = timebank.split("1:30", ["m1", "m2", "m4", "m5", "m6"])
    bank.transfer(earner="m3", spender=told, id="ivana", occurred_on=day(26), **EVENING)
    circle(bank, gave=everybody, each="0:30", id="evening-4", occurred_on=day(26), **EVENING)
    # Between Thursdays they help one to one: Rosa sits with Ivana's mother.
    sitting: dict[str, Any] = {**AREA, "category": "company", "resource": "time"}
    bank.transfer(earner="m5", spender="m3", hours="1:30", occurred_on=day(28), **sitting)
    # The third evening was entered with two hours, and lasted an hour and a half.
    back = bank.reverse("evening-3", hours="2:30", reason="finita alle nove e mezza")
    assert str(back.hours) == "2:30"  # half an hour of each of five

    balances = {id: str(bank.balance(id).posted) for id in people}
    assert balances["m1"] == "-0:18"  # a fifth of 1:30; the evenings are even
    assert balances["m3"] == "0:00"  # +1:30 for telling, -1:30 for the company
    assert balances["m5"] == "1:12"  # -0:18 +1:30
    assert balances["m6"] == "-0:18"  # he was not there on the third Thursday: nothing moved
    lines = {line.account: line for line in bank.trial_balance().lines}
    assert str(lines["m1"].earned) == "7:00"  # 2 + 2 + 2 + 0:30, and the half hour moved back
    figures = bank.impact(at_least=1)  # which stands on both sides, and is not counted here:
    assert figures.exchanges.hours == Hours("37:30")  # 12 + 12 + 7:30 + 1:30 + 3 + 1:30
    assert (figures.both, figures.give_only, figures.receive_only) == (6, 0, 0)
    assert bank.audit().ok
    return bank


if __name__ == "__main__":
    group = main()
    print(*statement_text(group.statement("m3")), "", sep="\n")
    print(*trial_balance_text(group.trial_balance()), sep="\n")
