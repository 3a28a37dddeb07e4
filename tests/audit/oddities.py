"""Records that are not as one of their kind is: a field of another shape, one in each journal."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from audit.forgeries import JSON, Forgery
from timebank.journal import commitment

NOBODYS = commitment(bytes(16), "nobody's")
FLAG = {"rule": "floor", "account": "m2", "limit": -36000, "available": 0, "needed": 60}
DUE = {"id": "d", "account": "m1", "by": "v", "rule": "dues", "since": "2026-03-02"}
ERASURE = {"account": "m1", "reason": commitment(bytes(16), "why")}
Odd = Callable[[Forgery], object]


def transfer(*path: str, to: Any) -> Odd:
    """A transfer in which one value is another."""

    def odd(forgery: Forgery) -> None:
        place: Any = forgery.transfer("m1", "m2", 60)
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = to

    return odd


def record(kind: str, request: JSON, effects: JSON) -> Odd:
    """A record of any kind."""
    return lambda forgery: forgery.add(kind, copy.deepcopy(request), copy.deepcopy(effects))


def due(**request: Any) -> Odd:
    """What is due, by another request."""
    effects = {"occurred_on": "2026-03-02", "postings": [["m2", 1], ["m1", -1]], "statute": "v"}
    return record("due", DUE | request, effects)


def erased(erased: Any, texts: Any, **request: Any) -> Odd:
    """An erasure of other texts."""
    return record("erase", ERASURE | request, {"erased": erased, "texts": texts})


def opened(**sets: Any) -> Odd:
    """An account that is opened as something else."""
    known: JSON = {"kind": "member", "status": "open", "joined_on": None, "named": False}
    known |= {"floor": "inherit", "ceiling": "inherit"}
    request = {"account": "m4", "kind": "member"}
    return record("open_account", request, {"account": "m4", "sets": known | sets})


def held(**effects: Any) -> Odd:
    """A hold with other effects."""
    sides: JSON = {"earners": [["m1", 60]], "spenders": [["m2", 60]]}
    made: JSON = {"lines": [["m1", 60], ["m2", -60]], "statute": "default/1"}
    made["reserves"] = [["m1", 0, 60], ["m2", 60, 0]]
    return record("hold", {"id": "h", "kind": "exchange", **sides}, made | effects)


def closed(*, held: int, incoming: int, expires_in: int = 120_000_000) -> Odd:
    """m3 is closed, a minute after a hold, while it keeps something of it."""

    def odd(forgery: Forgery) -> None:
        sides: JSON = {"earners": [["m1", 60]], "spenders": [["m3", 60]]}
        made: JSON = {"lines": [["m1", 60], ["m3", -60]], "statute": "default/1"}
        made["reserves"] = [["m1", 0, 60], ["m3", held, incoming]]
        asked = {"id": "h", "kind": "exchange", "expires_in": expires_in, **sides}
        hold = forgery.add("hold", asked, made)
        made["expires_at"] = hold["recorded_at"] + expires_in
        request = {"account": "m3"}
        forgery.add("close_account", request, request | {"sets": {"status": "closed"}})

    return odd


def settles(request: JSON, effects: JSON, **asked: Any) -> Odd:
    """A hold of a minute, and how it was settled."""

    def odd(forgery: Forgery) -> None:
        record = forgery.add(*_a_minute(asked))
        made: JSON = {"occurred_on": "2026-03-02", "statute": "default/1"}
        made |= {"postings": [["m1", 60], ["m2", -60]], "resolves": record["sequence"]}
        forgery.add("settle", {"id": "s", "hold": "h"} | request, made | effects)

    return odd


def _a_minute(asked: JSON) -> tuple[str, JSON, JSON]:
    request: JSON = {"id": "h", "kind": "exchange"}
    request |= {"earners": [["m1", 60]], "spenders": [["m2", 60]]}
    made: JSON = {"lines": [["m1", 60], ["m2", -60]], "statute": "default/1"}
    made["reserves"] = [["m1", 0, 60], ["m2", 60, 0]]
    return "hold", request | asked, made


def frozen_and_held(forgery: Forgery) -> None:
    """Somebody who is frozen takes part in a hold."""
    request = {"account": "m2"}
    forgery.add("freeze", request, request | {"sets": {"status": "frozen"}})
    forgery.add(*_a_minute({}))


def reverses(original: int, **asked: Any) -> Odd:
    """A reversal of a record, by its number."""
    request = {"id": "r", "transfer": "first", "reason": NOBODYS, "hours": 1, **asked}
    made: JSON = {"occurred_on": "2026-03-02", "postings": [["m1", -1], ["m2", 1]]}
    return record("reverse", request, made | {"reverses": original, "statute": "default/1"})


ODDITIES: dict[str, Odd] = {
    "a hold as it should be": held(),
    "a kind that is a number": transfer("kind", to=7),
    "a kind that nobody knows": transfer("kind", to="dance"),
    "an actor who is a number": transfer("actor", to=7),
    "an actor": transfer("actor", to="luca"),
    "an instant that is a word": transfer("recorded_at", to="soon"),
    "a sequence that is true": transfer("sequence", to=True),
    "a source that is a word": transfer("request", "source", to="paper"),
    "a source that is pairs": transfer("request", "source", to=[["page", "1"]]),
    "a source that is a number": transfer("request", "source", to=7),
    "a source of triples": transfer("request", "source", to=[["page", "1", "2"]]),
    "a source of words": transfer("request", "source", to=["page"]),
    "tags that are numbers": transfer("request", "tags", to=["a", 7]),
    "tags that are a word": transfer("request", "tags", to="a"),
    "limits of another word": transfer("request", "limits", to="none"),
    "limits that are unchecked": transfer("request", "limits", to="unchecked"),
    "a note of another length": transfer("request", "note", to="0" * 63),
    "a note in capitals": transfer("request", "note", to=NOBODYS.upper()),
    "a note of letters": transfer("request", "note", to="g" * 64),
    "a note that nobody has": transfer("request", "note", to=NOBODYS),
    "a reason of a transfer": transfer("request", "reason", to=NOBODYS),
    "earners that are words": transfer("request", "earners", to=["m1"]),
    "spenders of words": transfer("request", "spenders", to=[["m2", "60"]]),
    "postings of true": transfer("effects", "postings", to=[["m1", True], ["m2", -1]]),
    "postings of numbers": transfer("effects", "postings", to=[[1, 60], ["m2", -60]]),
    "a fee of nothing": transfer("effects", "fee", to=[]),
    "a fee of words": transfer("effects", "fee", to=[["m1", "1"]]),
    "flags of nothing": transfer("effects", "flags", to=[]),
    "flags that are words": transfer("effects", "flags", to=["floor"]),
    "a flag without a rule": transfer("effects", "flags", to=[{"limit": 1}]),
    "a flag of another type": transfer("effects", "flags", to=[FLAG | {"needed": "60"}]),
    "a flag of a colour": transfer("effects", "flags", to=[FLAG | {"colour": "red"}]),
    "a flag that nobody needs": transfer("effects", "flags", to=[FLAG]),
    "lines that are words": held(lines=["m1"]),
    "reserves of pairs": held(reserves=[["m1", 60], ["m2", 60, 0]]),
    "reserves that are words": held(reserves=["m1"]),
    "an end that is a word": held(expires_at="soon"),
    "a basis of a hold": held(basis=7),
    "closed with hours that are held": closed(held=60, incoming=0),
    "closed with hours to come": closed(held=0, incoming=60),
    "closed after a hold has expired": closed(held=60, incoming=60, expires_in=60_000_000),
    "settled as it should be": settles({}, {}),
    "settled with a fee": settles(
        {},
        {
            "fee": [["m3", 1], ["m2", -1]],
            "postings": [["m1", 60], ["m2", -60], ["m3", 1], ["m2", -1]],
        },
    ),
    "settled on the day of its hold": settles(
        {}, {"occurred_on": "2026-03-01"}, occurred_on="2026-03-01"
    ),
    "settled on another day than its hold": settles({}, {}, occurred_on="2026-03-01"),
    "settled on a day of its own": settles(
        {"occurred_on": "2026-03-02"}, {}, occurred_on="2026-03-01"
    ),
    "reversed on the day that was asked": reverses(4, occurred_on="2026-03-02"),
    "reversed on another day than was asked": reverses(4, occurred_on="2026-03-01"),
    "held of who is frozen": frozen_and_held,
    "an account without any effects": record("rename", {"account": "m1"}, {}),
    "a transfer without any effects": record(
        "transfer",
        {"id": "t", "kind": "x", "earners": [["m1", 1]], "spenders": [["m2", 1]]},
        {"occurred_on": "2026-03-02", "statute": "default/1"},
    ),
    "reverses record -1": reverses(-1),
    "reverses record 0": reverses(0),
    "reverses record 1": reverses(1),
    "reverses itself": reverses(6),
    "reverses what is to come": reverses(7),
    "a floor of words": opened(floor="low"),
    "a floor of minutes": opened(floor=-60),
    "a ceiling of nothing": opened(ceiling=None),
    "a kind of number": opened(kind=7),
    "joined on a number": opened(joined_on=7),
    "joined on a day": opened(joined_on="2026-03-02"),
    "named by a number": opened(named=1),
    "a colour": opened(colour="red"),
    "due since no day": due(since="2026-02-30"),
    "due since a word": due(since="soon"),
    "due since another spelling": due(since="20260302"),
    "due for one day": due(period=["2026-03-01"]),
    "due for three days": due(period=["2026-03-01", "2026-03-31", "2026-04-30"]),
    "due for words": due(period=["2026-03-01", "soon"]),
    "due for numbers": due(period=[1, 2]),
    "due for a word": due(period="2026-03"),
    "a delegate until no day": record(
        "name_delegate",
        {"account": "m1", "delegate": "x", "until": "soon"},
        {"account": "m1", "delegate": "x", "until": "soon", "of": 1},
    ),
    "a delegate of nothing": record("end_delegate", {"account": "m1", "delegate": "x"}, {}),
    "nothing erased": erased([], [[1, "name"]]),
    "no texts erased": erased([NOBODYS], []),
    "something else erased": erased(["name"], [[1, "name"]]),
    "numbers erased": erased([7], [[1, "name"]]),
    "texts that are words": erased([NOBODYS], ["name"]),
    "texts the other way round": erased([NOBODYS], [["name", 1]]),
    "texts of another field": erased([NOBODYS], [[1, "body"]]),
    "texts that never were, behind one that is": erased([NOBODYS], [[2, "name"]]),
    "texts of three": erased([NOBODYS], [[1, "name", 2]]),
    "texts out of order": erased([NOBODYS], [[4, "note"], [1, "name"]]),
    "texts of a record and an account": erased([NOBODYS], [[1, "name"]], record=1),
    "texts of another record": record(
        "erase",
        {"record": 2, "reason": ERASURE["reason"]},
        {"erased": [NOBODYS], "texts": [[1, "name"]]},
    ),
    "an erasure of nobody": record(
        "erase", {"reason": ERASURE["reason"]}, {"erased": [NOBODYS], "texts": [[1, "name"]]}
    ),
}

# -- lies about how a hold of the neighbourhood's was settled or voided ----------------------------


def settled(change: Callable[[JSON], object], *, id: str = "settlement") -> Odd:
    """The record of the settlement, or of another operation, changed."""

    def odd(forgery: Forgery) -> None:
        change(next(r for r in forgery.records if r["request"].get("id") == id))

    return odd


def with_fee(*fee: list[Any], id: str = "settlement") -> Odd:
    """Settled with another fee."""

    def change(made: JSON) -> None:
        effects = made["effects"]
        del effects["postings"][-len(effects["fee"]) :]
        effects["fee"] = list(fee)
        effects["postings"] += fee

    return settled(change, id=id)


def with_sides(*sides: list[Any]) -> Odd:
    """Settled between other shares."""

    def change(made: JSON) -> None:
        effects = made["effects"]
        effects["postings"] = [*sides, *effects["fee"]]

    return settled(change)


def ends(after: int) -> Odd:
    """The open hold ended so many microseconds before, and is voided a minute later."""

    def odd(forgery: Forgery) -> None:
        now = forgery.records[-1]["recorded_at"] + 60_000_000
        made = next(r for r in forgery.records if r["request"].get("id") == "held")
        made["effects"]["expires_at"] = now + after
        made["request"]["expires_in"] = now + after - made["recorded_at"]
        forgery.add("void", {"id": "v", "hold": "held"}, {"resolves": made["sequence"]})

    return odd


def resolves(place: int) -> Odd:
    """A void of another record, by its number."""
    return lambda forgery: forgery.add("void", {"id": "v", "hold": "held"}, {"resolves": place})


def by_nobody(forgery: Forgery) -> None:
    """Arranged by somebody who is no account, when it was held and when it was settled."""
    made = next(r for r in forgery.records if r["request"].get("id") == "settled")
    made["request"]["via"] = "m9"


def by_who_left(forgery: Forgery) -> None:
    """Arranged by an account that is closed by then."""
    made = next(r for r in forgery.records if r["request"].get("id") == "settled")
    made["request"]["via"] = "old"


SETTLED: dict[str, Odd] = {
    "nothing": lambda _: None,
    "one payer pays for both": with_fee(["solidarity", 480], ["f1", -480]),
    "a payer pays more than was reserved": with_fee(["solidarity", 480], ["f1", -481], ["f2", 1]),
    "somebody else pays": with_fee(["solidarity", 480], ["m2", -480]),
    "somebody else pays for a transfer": with_fee(["solidarity", 900], ["f2", -900], id="flagged"),
    "somebody else pays a second of it": with_fee(
        ["solidarity", 900], ["m2", -899], ["f2", -1], id="flagged"
    ),
    "another fund": with_fee(["m2", 480], ["f1", -240], ["f2", -240]),
    "less than the fee": with_fee(["solidarity", 420], ["f1", -210], ["f2", -210]),
    "a share that is a second more": with_sides(["m1", 4500], ["f1", -2251], ["f2", -2249]),
    "a share of nothing": with_sides(["m1", 4500], ["f1", -4500]),
    "voided at its end": ends(0),
    "voided before its end": ends(1),
    "asked for less": settled(lambda made: made["request"].update(hours=3600)),
    "asked for all": settled(lambda made: made["request"].pop("hours")),
    "asked for a minute": settled(lambda made: made["request"].update(hours=60)),
    "asked for more than was held": settled(lambda made: made["request"].update(hours=9900)),
    "a flag": settled(
        lambda made: made["effects"].update(
            flags=[{"rule": "days to record", "days": 3, "occurred_on": "2026-03-02"}]
        )
    ),
    "on a day that was not asked": settled(
        lambda made: made["effects"].update(occurred_on="2026-03-01")
    ),
    "on a day that was asked": settled(
        lambda made: made["request"].update(occurred_on=made["effects"]["occurred_on"])
    ),
    "voids record 0": resolves(0),
    "voids record 1": resolves(1),
    "voids itself": resolves(26),
    "voids what is to come": resolves(27),
    "voids what was before": resolves(-1),
    "voids an earlier hold": resolves(18),
    "voids a settlement": resolves(21),
    "by nobody": by_nobody,
    "by who left": by_who_left,
}
