"""Records that correct others, forged beside those of another journal."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from audit.forgeries import DAY, JSON, Forgery
from timebank.journal import commitment
from timebank.model import TextRow

Change = Callable[[Forgery], object]
#: The words of an exchange that may be amended.
WORDS = ("area", "category", "from", "note", "resource", "tags", "to")


def _reasoned(forgery: Forgery, kind: str, request: JSON, effects: JSON) -> JSON:
    """A record with a reason, beside which its text lies."""
    made = forgery.add(kind, request | {"reason": commitment(bytes(16), "why")}, effects)
    forgery.texts.append(TextRow(made["sequence"], "reason", bytes(16), "why"))
    return made


def amended(operation: str = "first", *, takes: Iterable[str] = (), **given: Any) -> Change:
    """What an exchange was for is put right, as a bank would write it.

    `given` are words of a request, `note` in the clear.
    """

    def change(forgery: Forgery) -> None:
        named = {one["request"].get("id"): one for one in forgery.records}
        of = named[operation]["effects"].get("resolves", named[operation]["sequence"])
        original, sequence = forgery.records[of - 1], len(forgery.records) + 1
        known = {name: original["request"].get(name) for name in WORDS}
        known["note"] = of if "note" in original["request"] else None
        for one in forgery.records:
            if one["effects"].get("amends") == of:
                known |= one["effects"]["sets"]
        request, sets = {"operation": operation} | given, {**given} | dict.fromkeys(takes)
        if takes:
            request["takes_away"] = [*takes]
        if "note" in given:
            forgery.texts.append(TextRow(sequence, "note", bytes(16), given["note"]))
            request["note"], sets["note"] = commitment(bytes(16), given["note"]), sequence
        was = {name: known[name] for name in sets}
        _reasoned(forgery, "amend", request, {"amends": of, "sets": sets, "was": was})

    return change


def amended_account(account: str, *, takes: Iterable[str] = (), **given: Any) -> Change:
    """The kind or the day of joining of an account is put right, as a bank would write it."""

    def change(forgery: Forgery) -> None:
        sets, was = given | dict.fromkeys(takes), dict[str, Any]()
        for one in forgery.records:
            if one["effects"].get("account") == account:
                was |= one["effects"].get("sets", {})
        request = {"account": account} | given | ({"takes_away": [*takes]} if takes else {})
        found = {name: was.get(name) for name in sets}
        effects = {"account": account, "sets": sets, "was": found}
        _reasoned(forgery, "amend_account", request, effects)

    return change


def closed(through: str | None) -> Change:
    """Books are closed through a day, or opened again."""
    request = {} if through is None else {"through": through}
    effects = {"statute": "default/1", "through": through}
    return lambda forgery: _reasoned(forgery, "close_books", {**request}, {**effects})


def merged(account: str, into: str, **effects: Any) -> Change:
    """An account is merged into another, as a bank would write it where no limit is in the way."""

    def change(forgery: Forgery) -> None:
        balance, opened = 0, 0
        for one in forgery.records:
            for id, seconds in one["effects"].get("postings", ()):
                balance += seconds if id == account else 0
            if one["kind"] == "open_account" and one["effects"]["account"] == into:
                opened = one["sequence"]
        postings = [[into, balance], [account, -balance]] if balance else []
        made: JSON = {"account": account, "into": into, "of": opened, "statute": "default/1"}
        made["occurred_on"] = forgery.records[-1]["recorded_on"]
        made["postings"] = postings if balance > 0 else postings[::-1]
        _reasoned(forgery, "merge", {"account": account, "into": into}, made | effects)

    return change


def lost(sequence: int, digest: str, **request: Any) -> Change:
    """The loss of a head is declared."""
    return lambda forgery: _reasoned(
        forgery, "history_lost", {**request}, {"lost": [sequence, digest]}
    )


def lost_and_there(forgery: Forgery) -> None:
    """The head that is declared as lost is that of the first record."""
    lost(1, forgery.batch().records[0].digest.hex())(forgery)


def planned(day: str, **more: Any) -> Change:
    """A minute of m2's is held for m1, and planned for a day."""

    def change(forgery: Forgery) -> None:
        request: JSON = {"id": "held", "kind": "exchange", "occurred_on": day} | more
        request |= {"earners": [["m1", 60]], "spenders": [["m2", 60]]}
        made: JSON = {"lines": [["m1", 60], ["m2", -60]], "statute": "default/1"}
        forgery.add("hold", request, made | {"reserves": [["m1", 0, 60], ["m2", 60, 0]]})

    return change


def settled(day: str, **request: Any) -> Change:
    """That hold is settled, of a day."""

    def change(forgery: Forgery) -> None:
        hold = next(one for one in forgery.records if one["request"].get("id") == "held")
        made: JSON = {"occurred_on": day, "statute": "default/1", "resolves": hold["sequence"]}
        made["postings"] = [["m1", 60], ["m2", -60]]
        forgery.add("settle", {"id": "settled", "hold": "held"} | request, made)

    return change


def on_day(day: str, **request: Any) -> Change:
    """A minute of m2's for m1, of another day."""

    def change(forgery: Forgery) -> None:
        forgery.transfer("m1", "m2", 60, occurred_on=day, **request)["effects"]["occurred_on"] = day

    return change


def undone(id: str, day: str = DAY, **request: Any) -> Change:
    """A transfer between two is moved back, all of it, without a day that was asked."""

    def change(forgery: Forgery) -> None:
        original = next(one for one in forgery.records if one["request"].get("id") == id)
        back = [[account, -seconds] for account, seconds in original["effects"]["postings"]]
        forgery.reversal(original["sequence"], back, **request)["effects"]["occurred_on"] = day

    return change


def before(which: Callable[[JSON], bool], *changes: Change) -> Change:
    """Changes made before the first record of which something is true; those behind it move."""

    def change(forgery: Forgery) -> None:
        place = next(n for n, record in enumerate(forgery.records) if which(record))
        rest, forgery.records[place:] = forgery.records[place:], []
        later = [row for row in forgery.texts if row.sequence > place]
        forgery.texts[:] = [row for row in forgery.texts if row.sequence <= place]
        for one in changes:
            one(forgery)
        more = len(forgery.records) - place
        forgery.texts += [row._replace(sequence=row.sequence + more) for row in later]
        for record in rest:
            record["sequence"] += more
            for name in ("reverses", "resolves", "of", "amends"):
                if record["effects"].get(name, 0) > place:
                    record["effects"][name] += more
        forgery.records += rest

    return change
