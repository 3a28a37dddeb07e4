"""A bank through several months of joining, dues and leaving, and lies about each of them."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import timebank
from audit.forgeries import JSON, Forgery
from support import Clock, sources
from timebank import Band, Demurrage, Dues, Statute, Welcome

#: What is due of members and groups, with a fund that has a ceiling, and passes it.
RULES = Statute(
    version="life/1",
    limits={
        "member": Band(floor=-3, beyond="flag"),
        "fund": Band(ceiling=4, beyond="flag"),
    },
    welcome=Welcome(hours=2, fund="pot", kinds=["member", "group"]),
    dues=[
        Dues(hours=1, fund="pot", every="month", first_period="days", kinds=["member", "group"]),
        Dues(name="card", hours="0:10", fund="pot", every="once"),
        Dues(name="club", hours=3, fund="pot", every="half-year", first_period="months"),
        Dues(name="hall", hours=2, fund="pot", every="quarter", from_month=1),
        Dues(name="bond", hours=5, fund="pot", every="year", first_period="free"),
    ],
    demurrage=Demurrage(share="1/7", above=1, fund="pot", every="month", unit="0:00:01"),
)


def lifetimes(rules: Statute = RULES) -> Forgery:
    """Four months: m1 and g live all of them; m2 is frozen, and thawed; m3 comes on a last day.

    m4 was a member for some days before anybody wrote it down.
    """
    clock = Clock()
    bank = timebank.open("memory:", **sources(clock))
    bank.open_account("pot", kind="fund")
    bank.open_account("rich", kind="organisation")
    bank.open_account("m1", joined_on=date(2026, 2, 10))
    clock.now += timedelta(days=1)
    bank.adopt(rules)
    bank.open_account("g", kind="group")
    bank.open_account("m2")
    bank.open_account("m3", joined_on=date(2026, 3, 31))
    bank.transfer(earner="m1", spender="rich", hours="20:20", id="work")
    bank.transfer(earner="g", spender="rich", hours=9, id="more")
    bank.reverse("due:welcome:1:m2", reason="r", hours="0:30", id="part")
    bank.reverse("due:welcome:1:m2", reason="r", id="rest")
    bank.welcome("m2")
    bank.name_delegate("m1", "luca", until=date(2026, 3, 3))
    bank.name_delegate("m1", "anna")
    for days in (20, 20, 20, 20, 20, 19):
        clock.now += timedelta(days=days)
        if clock.now.month == 4:
            bank.open_account("m4", joined_on=date(2026, 4, 5))
        if clock.now.month in {4, 5}:
            getattr(bank, "freeze" if bank.account("m2").status == "open" else "thaw")("m2")
        bank.run_due()
    bank.end_delegate("m1", "anna")
    with bank.store.reader("main") as reader:
        records = [json.loads(row.body) for row in reader.records(after=0, limit=500)]
        return Forgery(records, reader.texts(after=0, through=500))


def named(forgery: Forgery, id: str) -> JSON:
    """The record of an operation."""
    return next(record for record in forgery.records if record["request"].get("id") == id)


def again(forgery: Forgery, of: str, /, **request: Any) -> None:
    """The same is charged once more, at the end of the journal."""
    record = copy.deepcopy(named(forgery, of))
    forgery.add("due", record["request"] | request, record["effects"])


def charged(of: str, /, **request: Any) -> Callable[[Forgery], None]:
    """It was charged by another request."""
    return lambda forgery: named(forgery, of)["request"].update(request)


def moved(id: str, seconds: int) -> Callable[[Forgery], None]:
    """Another quantity was moved."""

    def lie(forgery: Forgery) -> None:
        for posting in named(forgery, id)["effects"]["postings"]:
            posting[1] = seconds if posting[1] > 0 else -seconds

    return lie


def on_day(id: str, day: str) -> Callable[[Forgery], None]:
    """It fell due on another day."""

    def lie(forgery: Forgery) -> None:
        record = named(forgery, id)
        record["request"]["since"] = record["effects"]["occurred_on"] = day

    return lie


def status(kind: str, id: str, before: str) -> Callable[[Forgery], None]:
    """An account was frozen or thawed just before something was charged."""

    def lie(forgery: Forgery) -> None:
        place = forgery.records.index(named(forgery, before))
        word = {"freeze": "frozen", "thaw": "open"}[kind]
        record = copy.deepcopy(forgery.records[place - 1])
        record.update(
            kind=kind,
            request={"account": id},
            effects={"account": id, "sets": {"status": word}},
            sequence=place + 1,
        )
        forgery.records.insert(place, record)
        for number, other in enumerate(forgery.records, start=1):
            other["sequence"] = number

    return lie


def delegate(kind: str, **effects: Any) -> Callable[[Forgery], None]:
    """Somebody is named, or ended, at the end."""
    request = {name: value for name, value in effects.items() if name != "of" and value is not None}

    def lie(forgery: Forgery) -> None:
        forgery.add(kind, request, dict(effects))

    return lie


LAST = "due:demurrage:2026-05:m1"
LIFE_LIES: dict[str, Callable[[Forgery], None]] = {
    "nothing": lambda _: None,
    "demurrage twice": lambda forgery: again(forgery, LAST, id="again"),
    "demurrage of an earlier month": lambda forgery: again(
        forgery, "due:demurrage:2026-04:m1", id="again"
    ),
    "demurrage of a month that goes on": lambda forgery: again(
        forgery,
        LAST,
        id="due:demurrage:2026-06:m1",
        period=["2026-06-01", "2026-06-30"],
        since="2026-06-30",
    ),
    "demurrage of one second more": moved(LAST, 1),
    "demurrage of nothing": moved(LAST, 0),
    "demurrage of nobody": charged(LAST, account="m9", id="due:demurrage:2026-05:m9"),
    "demurrage of who was frozen": status("freeze", "m1", before="due:hall:2026-Q2:m3"),
    "dues on the last day": on_day("due:dues:2026-04:m1", "2026-04-30"),
    "dues a day later": on_day("due:dues:2026-04:m1", "2026-04-02"),
    "dues of who came on the last day, a day before": on_day("due:dues:2026-03:m3", "2026-03-30"),
    "dues of one second more": moved("due:dues:2026-03:m3", 121),
    "dues twice": lambda forgery: again(forgery, "due:dues:2026-04:m1", id="again"),
    "a card twice": lambda forgery: again(forgery, "due:card:2026-03-03:m2", id="again"),
    "a card of a group": charged("due:card:2026-03-03:m2", account="g", id="due:card:2026-03-03:g"),
    "a card of the fund": charged(
        "due:card:2026-03-03:m2", account="pot", id="due:card:2026-03-03:pot"
    ),
    "a club by days": moved("due:club:2026-H1:m1", 3600),
    "a club of another name": charged("due:club:2026-H1:m1", id="due:club:2026-H2:m1"),
    "a club of a quarter": charged(
        "due:club:2026-H1:m1", period=["2026-01-01", "2026-03-31"], id="due:club:2026-Q1:m1"
    ),
    "a club of a half-year that begins in spring": charged(
        "due:club:2026-H1:m1", period=["2026-03-01", "2026-08-31"], id="due:club:2026-H1:m1"
    ),
    "a hall in the first month": on_day("due:hall:2026-Q1:m1", "2026-03-02"),
    "a welcome on the day of joining": on_day("due:welcome:1:g", "2026-02-10"),
    "a welcome on another day": on_day("due:welcome:1:g", "2026-02-11"),
    "a welcome on another day after joining": on_day("due:welcome:1:m4", "2026-04-06"),
    "dues on the day before joining": on_day("due:dues:2026-04:m4", "2026-04-04"),
    "dues of the fund": charged("due:dues:2026-04:g", account="pot", id="due:dues:2026-04:pot"),
    "a second welcome on another day": on_day("due:welcome:2:m2", "2026-02-11"),
    "a second welcome while some is left": lambda forgery: _less(forgery, "rest"),
    "a second welcome of another number": charged("due:welcome:2:m2", id="due:welcome:3:m2"),
    "a delegate of nobody": delegate("name_delegate", account="m9", delegate="x", of=3, until=None),
    "a delegate for one day that is over": delegate(
        "name_delegate", account="m1", delegate="x", of=3, until="2026-06-01"
    ),
    "a delegate who was ended is named again": delegate(
        "name_delegate", account="m1", delegate="anna", of=3, until=None
    ),
    "a delegate named twice": delegate(
        "name_delegate", account="m1", delegate="luca", of=3, until="2026-03-03"
    ),
    "a delegate ended twice": delegate("end_delegate", account="m1", delegate="anna", of=3),
}


def _less(forgery: Forgery, id: str) -> None:
    for posting in named(forgery, id)["effects"]["postings"]:
        posting[1] -= 1 if posting[1] > 0 else -1
