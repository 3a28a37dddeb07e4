"""A carer shared by a building (*badante di condominio*): five families, one cooperative, a plan.

Nadia looks after five families of one staircase. The accredited cooperative plans her week, and
records it; the municipality's social service pays a third from its welfare fund; Signor Aldo, who
is not self-sufficient, has a daughter who acts for him.
"""

from __future__ import annotations

import contextlib
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import timebank
from timebank import Band, Hours, NotPermitted, Roles, Statute, TimeBank
from timebank.reports.balances import trial_balance_text
from timebank.reports.statement import statement_text

LIMITS = {"group": Band(floor=-15), "fund": Band(floor=-40)}
STAIRCASE = Statute(version="staircase/1", time_zone="Europe/Rome", limits=LIMITS)
#: The cooperative plans and records; the social service keeps the rules.
ROLES = Roles({"coop": "coordinator", "social": "treasurer"})
FAMILIES = {"f1": "Aldo B.", "f2": "Riva", "f3": "Sala", "f4": "Haddad", "f5": "Locatelli"}
CARE: dict[str, Any] = {"area": "family help", "category": "care", "resource": "time"}
#: The minutes that each family asked for, day by day.
PLAN = {
    2: {"f1": 90, "f2": 30, "f3": 60},
    4: {"f1": 90, "f4": 45, "f5": 45},
    6: {"f1": 60, "f2": 60, "f3": 60, "f4": 30, "f5": 30},
}


def paid_by(minutes: dict[str, int]) -> dict[str, Hours]:
    """Each family pays for its minutes; the welfare fund takes a third of the whole."""
    whole = Hours.from_seconds(60 * sum(minutes.values()))
    third = timebank.split(whole, ["welfare", "families"], weights=[1, 2])
    return {
        "welfare": third["welfare"],
        **timebank.split(third["families"], list(minutes), weights=minutes),
    }


def main() -> TimeBank:
    """A week; the bank, as the cooperative sees it, at the end of it."""
    day = partial(date, 2026, 11)
    moments = {"now": datetime(2026, 11, 1, 18, 0, tzinfo=UTC)}  # Sunday: the plan is made
    bank = timebank.open("memory:", permissions=ROLES, clock=lambda: moments["now"])
    coop, social = bank.acting_as("coop"), bank.acting_as("social")
    social.adopt(STAIRCASE)
    coop.open_account("coop", kind="organisation", name="Cooperativa Scala C")
    coop.open_account("carer", name="Nadia O.")
    coop.open_account("welfare", kind="fund", name="Fondo sociale del Comune")
    for id, name in FAMILIES.items():
        coop.open_account(id, kind="group", name=f"Famiglia {name}", joined_on=day(1))
    # Signor Aldo cannot do it himself: his daughter acts for him until the end of the year.
    coop.name_delegate("f1", "daughter", until=date(2026, 12, 31))
    # The week is held, not spent: nobody can give these hours away in between.
    for number, minutes in PLAN.items():
        plan = {"id": f"plan-{number}", "via": "coop", "expires_in": timedelta(days=14), **CARE}
        coop.hold(earner="carer", spender=paid_by(minutes), **plan)
    assert str(coop.balance("f1").held) == "2:40"  # two thirds of 1:30 + 1:30 + 1:00
    assert str(coop.balance("carer").incoming) == "10:00"  # 3:00 + 3:00 + 4:00
    # Saturday: each visit is settled by what was really done.
    moments["now"] = datetime(2026, 11, 7, 12, 0, tzinfo=UTC)
    coop.settle("plan-2", occurred_on=day(2))
    short = coop.settle("plan-4", hours="2:30", occurred_on=day(4))  # half an hour less than held
    coop.void("plan-6", reason="Nadia era malata")
    assert str(short.spenders["f4"]) == "0:25"  # two thirds of 0:45, and of that 2:30 in 3:00
    # The daughter asks for an hour more on her father's account, and sees no one else's.
    daughter = bank.acting_as("daughter")
    daughter.transfer(earner="carer", spender="f1", hours=1, occurred_on=day(7), **CARE)
    with contextlib.suppress(NotPermitted):
        raise AssertionError(daughter.balance("f2"))  # refused before it is read

    balances = {id: str(coop.balance(id).posted) for id in ("carer", "welfare", *FAMILIES)}
    assert balances["carer"] == "6:30"  # 3:00 + 2:30 + 1:00
    assert balances["welfare"] == "-1:50"  # a third of 3:00 and of 2:30
    assert balances["f1"] == "-2:50"  # 1:00 + 0:50 by the plan, and the hour for the daughter
    assert [balances[id] for id in ("f2", "f3", "f4", "f5")] == ["-0:20", "-0:40", "-0:25", "-0:25"]
    assert str(coop.impact(at_least=1).arranged.hours) == "5:30"  # all but the extra hour
    assert coop.audit().ok
    return coop


if __name__ == "__main__":
    staircase = main()
    print(*statement_text(staircase.statement("f1")), "", sep="\n")
    print(*trial_balance_text(staircase.trial_balance()), sep="\n")
