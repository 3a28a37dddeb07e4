"""The rules of the format's page on what is between two banks, with journals that break them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from audit.corrected import merged
from audit.crossed import (
    ACCOUNT,
    OURS,
    ROOT,
    THEIRS,
    again,
    answer,
    asked,
    at,
    earning,
    effects,
    message,
    offer,
    spending,
    suspended,
    until,
    until_kind,
    without,
)
from audit.forgeries import DAY, JSON, Forgery
from audit.format_rule import Change, FormatRule, of
from timebank import AuditReport
from timebank.audit.crossings import offer_made_by
from timebank.journal import commitment
from timebank.model import TextRow
from timebank.model.agreements import shared_id


def spends(*changes: Change) -> Callable[[], AuditReport]:
    """The audit of the bank that makes the offers, changed."""
    return of(spending, *changes)


def earns(*changes: Change) -> Callable[[], AuditReport]:
    """The audit of the bank that books them, changed."""
    return of(earning, *changes)


# -- which record ------------------------------------------------------------------------------

#: At the bank that spends: ids of what ends an offer, or brings it in.
SETTLED: Final = shared_id(OURS, "x1")
REFUSED: Final = shared_id(OURS, "x2", "void")
CANCELLED: Final = shared_id(OURS, "x3", "void")
BACK: Final = shared_id(THEIRS, "r1")
ABANDONED: Final = shared_id(OURS, "x4", "void")
LATE: Final = shared_id(OURS, "x4")
GONE: Final = shared_id(OURS, "gone")
#: At the bank that earns: what it books, refuses, and moves back.
BOOKED: Final = shared_id(THEIRS, "x1")
NOBODY: Final = shared_id(THEIRS, "x2")
TAKEN_BACK: Final = shared_id(THEIRS, "x3")
RETURNED: Final = shared_id(OURS, "r1")
LOST: Final = shared_id(THEIRS, "gone")
FRESH: Final = shared_id(THEIRS, "x9")

HOUR: Final = 3600


def _both(*changes: Callable[[JSON], object]) -> Callable[[JSON], object]:
    """Several changes of one record."""

    def change(made: JSON) -> None:
        for one in changes:
            one(made)

    return change


def moved(seconds: int, *ids: str) -> Callable[[JSON], object]:
    """Two accounts move so much, without a fee."""
    earner, spender = ids
    lines = [[earner, seconds], [spender, -seconds]]
    sides = {"earners": [[earner, seconds]], "spenders": [[spender, seconds]]}

    def change(made: JSON) -> None:
        made["request"].update(sides)
        made["effects"].pop("fee", None)
        if made["kind"] == "hold":
            reserves = sorted([[earner, 0, seconds], [spender, seconds, 0]])
            made["effects"].update(lines=lines, reserves=reserves)
        else:
            made["effects"].update(postings=lines)

    return change


def _opened(account: str, kind: str = "clearing") -> Change:
    """An account is opened."""

    def change(forgery: Forgery) -> None:
        sets: JSON = {"kind": kind, "status": "open", "joined_on": None, "named": False}
        sets |= {"floor": "inherit", "ceiling": "inherit"}
        opened = {"account": account, "kind": kind}
        forgery.add("open_account", opened, {"account": account, "sets": sets})

    return change


def _agrees(peer: str, account: str, **more: Any) -> Change:
    """An agreement on an account that was opened."""

    def change(forgery: Forgery) -> None:
        opened = next(one for one in forgery.records if one["request"].get("account") == account)
        request = {"account": account, "peer": peer, "they_may_owe": 60, "we_may_owe": None, **more}
        agreed = {"status": "agreed", "floor": -60, "ceiling": None}
        told = {"account": account, "of": opened["sequence"], "sets": agreed}
        forgery.add("agree", request, told)

    return change


def _agreed_with(peer: str, account: str, **more: Any) -> Change:
    """An account, and an agreement on it."""
    kind = more.pop("kind", "clearing")

    def change(forgery: Forgery) -> None:
        _opened(account, kind)(forgery)
        _agrees(peer, account, **more)(forgery)

    return change


def _ends(kind: str, account: str = ACCOUNT, **sets: Any) -> Change:
    """A record on an agreement that has a reason."""

    def change(forgery: Forgery) -> None:
        opened = next(one for one in forgery.records if one["request"].get("account") == account)
        request: JSON = {"account": account, "reason": commitment(bytes(16), "why")}
        if kind == "readmit":
            request |= {"head": [1, ROOT]}
        told: JSON = {"account": account, "of": opened["sequence"]}
        made = forgery.add(kind, request, told | ({"sets": sets} if sets else {}))
        forgery.texts.append(TextRow(made["sequence"], "reason", bytes(16), "why"))

    return change


#: What the end of an agreement sets.
_CLOSED: Final = {"status": "closed", "floor": "inherit", "ceiling": "inherit"}


def _adopts(fund: str) -> Change:
    """A statute whose fee goes to a fund."""
    statute = {"version": "x/2", "fee": {"fund": fund, "share": "1/10"}}
    return lambda forgery: forgery.add("adopt", {"statute": statute}, {"adopts": "x/2"})


def _of_kind(kind: str, account: str, **sets: Any) -> Change:
    """Another record on an account."""

    def change(forgery: Forgery) -> None:
        forgery.add(kind, {"account": account}, {"account": account, "sets": sets})

    return change


def _moves(earner: str, spender: str, **more: Any) -> Change:
    """A minute moves by hand."""
    return lambda forgery: forgery.transfer(earner, spender, 60, kind="gift", **more)[
        "effects"
    ].update(statute="x/1")


def _held(earner: str, spender: str) -> Change:
    """A minute is held by hand."""

    def change(forgery: Forgery) -> None:
        request: JSON = {"id": f"held-{len(forgery.records)}", "kind": "gift"}
        request |= {"earners": [[earner, 60]], "spenders": [[spender, 60]]}
        lines = [[earner, 60], [spender, -60]]
        reserves = sorted([[earner, 0, 60], [spender, 60, 0]])
        made = {"lines": lines, "reserves": reserves, "statute": "x/1"}
        forgery.add("hold", request, made)

    return change


def _back(id: str, *postings: list[Any]) -> Change:
    """A part of an exchange is moved back by hand."""

    def change(forgery: Forgery) -> None:
        original = next(one for one in forgery.records if one["request"].get("id") == id)
        made = forgery.reversal(original["sequence"], [*postings], hours=60)
        made["effects"] |= {"statute": "x/1", "fee": [*postings[2:]]}

    return change


def _fee_of(payer: str) -> Callable[[JSON], object]:
    """Somebody else pays the fee."""

    def change(made: JSON) -> None:
        effects = made["effects"]
        lines = effects["postings" if "postings" in effects else "lines"]
        old, fee = effects["fee"][-1], effects["fee"]
        for reserve in effects.get("reserves", ()):
            reserve[1] += {old[0]: old[1], payer: -old[1]}.get(reserve[0], 0)
        lines[-1] = fee[-1] = [payer, old[1]]

    return change


def _rounded(made: JSON) -> None:
    """The seconds are rounded to the unit of the bank that books."""
    seconds = 9000
    made["effects"].update(
        postings=[["m1", seconds], [ACCOUNT, -seconds], ["pot", 900], ["m1", -900]],
        fee=[["pot", 900], ["m1", -900]],
    )


def _with_flag(rule: str, **more: Any) -> Callable[[JSON], object]:
    """It has a flag, and no other."""
    return effects(flags=[{"rule": rule, **more}])


def _no_flag(made: JSON) -> None:
    made["effects"].pop("flags", None)


def frozen(account: str) -> Change:
    return _of_kind("freeze", account, status="frozen")


_UNSIGNED: Final = lambda made: made["request"]["offer"].update(signature=None)  # noqa: E731  # a change


def _answered_never(made: JSON) -> None:
    """It is to be answered beyond all instants."""
    made["effects"]["answer_by"] = 2**53
    made["request"]["offer"]["answer_in"] = 2**53 - made["recorded_at"]


def _answered_at_once(made: JSON) -> None:
    """It is to be answered before it is made."""
    made["request"]["offer"]["answer_in"] = 0
    made["effects"]["answer_by"] = made["recorded_at"]


def _expiring(made: JSON) -> None:
    """It expires by itself."""
    made["request"]["expires_in"] = 60
    made["effects"]["expires_at"] = made["recorded_at"] + 60


def _without_effect(name: str) -> Callable[[JSON], object]:
    """The effects do without a field."""
    return lambda made: made["effects"].pop(name)


def _answered_later(made: JSON) -> None:
    """It is to be answered later than was asked."""
    made["effects"]["answer_by"] += 1


def _earned_by_two(made: JSON) -> None:
    """Of an offer somebody here earns a part."""
    made["request"]["earners"] = [["m2", 60], [ACCOUNT, 840]]
    lines = [["m2", 60], [ACCOUNT, 840], ["m1", -900], *made["effects"]["fee"]]
    reserves = [["m1", 990, 0], ["m2", 0, 60], [ACCOUNT, 0, 840], ["pot", 0, 90]]
    made["effects"].update(lines=lines, reserves=reserves)


def _on_both_sides(made: JSON) -> None:
    """Of an offer the other bank spends a part itself."""
    made["request"]["spenders"] = [["m1", 840], [ACCOUNT, 60]]
    fee = [["pot", 90], ["m1", -84], [ACCOUNT, -6]]
    lines = [[ACCOUNT, 900], ["m1", -840], [ACCOUNT, -60], *fee]
    reserves = [["m1", 924, 0], [ACCOUNT, 66, 900], ["pot", 0, 90]]
    made["effects"].update(lines=lines, reserves=reserves, fee=fee)


def _with_fee(made: JSON) -> None:
    """The fund has a minute of it."""
    effects = made["effects"]
    fee = [["pot", 60], [effects["postings" if "postings" in effects else "lines"][-1][0], -60]]
    effects["fee"] = fee
    if "lines" in effects:
        effects["lines"] += fee
        for reserve in effects["reserves"]:
            reserve[1] += 60 if reserve[0] == fee[1][0] else 0
        effects["reserves"] = sorted([*effects["reserves"], ["pot", 0, 60]])
    else:
        effects["postings"] += fee


def _no_fee(made: JSON) -> None:
    """Nobody pays a fee."""
    fee = made["effects"].pop("fee")
    del made["effects"]["postings"][-len(fee) :]


def _spent_by(account: str) -> Callable[[JSON], object]:
    """Somebody else spends than the other bank."""

    def change(made: JSON) -> None:
        made["request"]["spenders"] = [[account, 8100]]
        made["effects"]["postings"][1] = [account, -8100]

    return change


def _earned_by(*accounts: str) -> Callable[[JSON], object]:
    """Two earn, and share the fee, if any."""

    def change(made: JSON) -> None:
        half = made["request"]["spenders"][0][1] // 2
        made["request"]["earners"] = [[one, half] for one in accounts]
        lines = [*made["request"]["earners"], [ACCOUNT, -2 * half]]
        if "fee" in made["effects"]:
            paid = made["effects"]["fee"][0][1]
            made["effects"]["fee"] = [["pot", paid], *([one, -paid // 2] for one in accounts)]
        made["effects"]["postings"] = lines + made["effects"].get("fee", [])

    return change


def _from_a_stranger(made: JSON) -> None:
    """The offer is of a bank with which nothing was ever agreed."""
    made["request"]["offer"]["body"]["from"] = "stranger"
    made["request"]["id"] = shared_id("stranger", "x2")


def _answers_no_offer(made: JSON) -> None:
    """A hold of nobody's is voided by an answer."""
    made["request"]["answer"] = _an_answer(accepted=False)


def _an_answer(*, accepted: bool) -> JSON:
    offer = {
        "format": "timebank-peers/1",
        "kind": "offer",
        "from": OURS,
        "to": THEIRS,
        "id": "held",
        "record": 20,
        "seconds": 3600,
        "exchange": "exchange",
        "occurred_on": DAY,
        "answer_by": 2**52,
        "terms": [72000, 72000],
        "earner": "m1",
    }
    body = {
        "format": "timebank-peers/1",
        "kind": "answer",
        "from": THEIRS,
        "to": OURS,
        "record": 9,
        "offer": {"body": offer},
        "accepted": accepted,
        "terms": [1, 1],
        **({"occurred_on": DAY} if accepted else {"code": "frozen"}),
    }
    return {"body": body}


def _answered_as_well(made: JSON) -> None:
    """What is booked is brought in as well."""
    made["request"]["answer"] = _an_answer(accepted=True)


def _reasoned(forgery: Forgery) -> None:
    """The last record has a reason."""
    made = forgery.records[-1]
    made["request"]["reason"] = commitment(bytes(16), "why")
    forgery.texts.append(TextRow(made["sequence"], "reason", bytes(16), "why"))


def _in_units(made: JSON) -> None:
    """What moves back is rounded to the unit of the statute."""
    made["effects"]["lines"] = [[ACCOUNT, 1800], ["m1", -1800]]
    made["effects"]["reserves"] = [["m1", 1800, 0], [ACCOUNT, 0, 1800]]


def _spent_by_both(made: JSON) -> None:
    """The other bank spends a part itself."""
    made["request"]["spenders"] = [["m2", 8000], [ACCOUNT, 100]]
    made["effects"]["postings"] = [[ACCOUNT, 8100], ["m2", -8000], [ACCOUNT, -100]]


def _turned(made: JSON) -> None:
    """Who earns spends, and the other way round."""
    request, effects = made["request"], made["effects"]
    request["earners"], request["spenders"] = request["spenders"], request["earners"]
    (earner, seconds), (spender, _) = effects["postings"][::-1]
    effects["postings"] = [[earner, -seconds], [spender, seconds]]


def _between_strangers(made: JSON) -> None:
    """The answer and its offer are of two other banks."""
    body = made["request"]["answer"]["body"]
    body["from"] = body["offer"]["body"]["to"] = "stranger"


def _brought_in_from(peer: str) -> Callable[[JSON], object]:
    """It is from a bank with which the agreement ended."""

    def change(made: JSON) -> None:
        body = made["request"]["answer"]["body"]
        body["to"] = body["offer"]["body"]["from"] = peer
        made["request"]["id"] = shared_id(peer, "gone")

    return change


def _later(day: str) -> Callable[[JSON], object]:
    """The service was of a later day, and is booked of that."""

    def change(made: JSON) -> None:
        _offered_on(made, day)
        made["effects"]["occurred_on"] = day

    return change


def _offered_on(made: JSON, day: str) -> None:
    made["request"]["occurred_on"] = day
    made["request"]["answer"]["body"]["offer"]["body"]["occurred_on"] = day


def _rounded_in(made: JSON) -> None:
    """It is rounded to the unit of the statute."""
    made["effects"]["postings"] = [["m2", 9000], [ACCOUNT, -9000]]


def late_too_soon(forgery: Forgery) -> None:
    """The offer is booked after all, while it waits for its answer."""
    held = forgery.records[-1]
    lines = [line for line in held["effects"]["lines"] if line not in held["effects"]["fee"]]
    offer = offer_made_by(held)
    answer = _an_answer(accepted=True)
    answer["body"]["offer"]["body"] = offer
    request = {
        "id": shared_id(OURS, offer["id"]),
        "answer": answer,
        "occurred_on": offer["occurred_on"],
        **{name: held["request"][name] for name in ("kind", "earners", "spenders")},
    }
    effects = {
        "occurred_on": DAY,
        "postings": lines,
        "statute": "x/1",
        "terms": [72000, 72000],
        "flags": [{"rule": "late answer"}],
    }
    forgery.add("transfer", request, effects)


def _owing_less_than_nothing(made: JSON) -> None:
    """The other bank may owe less than nothing."""
    made["request"]["they_may_owe"] = -1
    made["effects"]["sets"]["floor"] = 1


def _texts_gone(forgery: Forgery) -> None:
    """What is no more asked for has no text either."""
    known = {(one["sequence"], field) for one in forgery.records for field in one["request"]}
    forgery.texts[:] = [row for row in forgery.texts if (row.sequence, row.field) in known]


def _last(change: Callable[[JSON], object]) -> Change:
    """The last record, changed."""
    return lambda forgery: change(forgery.records[-1])


RULES: Final[tuple[FormatRule, ...]] = (
    FormatRule(
        "F160",
        "the fields of a message",
        "canonical",
        earns(until(BOOKED, message(more=1))),
        more=(
            earns(until(BOOKED, message(answer_by=None))),
            earns(until(BOOKED, message(seconds="8100"))),
            earns(until(BOOKED, message(occurred_on="2026-02-30"))),
            earns(until(BOOKED, message(started_at="24:00"))),
            earns(until(BOOKED, message(tags=[1]))),
            earns(until(BOOKED, message(note="bread"))),
            earns(until(BOOKED, message(terms=[1]))),
            earns(until(BOOKED, message(terms=[1, "2"]))),
            earns(until(BOOKED, message(seen=[1, "ab"]))),
            earns(until(BOOKED, message(seen=[1, ROOT, "line"]))),
            earns(until(BOOKED, message(kind="dance"))),
            earns(until(BOOKED, message(kind="request"))),
            earns(until(BOOKED, message(earner=None))),
            earns(until(BOOKED, message(reverses="r1"))),
            earns(until(BOOKED, asked(offer={}))),
            earns(until(BOOKED, asked(offer=[]))),
            earns(until(BOOKED, asked(offer={"body": 1}))),
            earns(until(BOOKED, lambda made: made["request"]["offer"].update(more=1))),
            earns(until(BOOKED, _UNSIGNED)),
            earns(until(TAKEN_BACK, message(id="x3"))),
            earns(until(TAKEN_BACK, offer(more=1))),
            earns(until(TAKEN_BACK, message(offer={"kind": "offer"}))),
            spends(until(SETTLED, answer(accepted=1))),
            spends(until(SETTLED, answer(code="frozen"))),
            spends(until(SETTLED, answer(occurred_on=None))),
            spends(until(SETTLED, answer(offer={}))),
            spends(until(SETTLED, answer(kind="offer"))),
            spends(until(REFUSED, answer(code=None))),
            spends(until(REFUSED, answer(occurred_on=DAY))),
            spends(until(REFUSED, offer(more=1))),
        ),
    ),
    FormatRule(
        "F161",
        "the values of a message",
        "canonical",
        earns(until(BOOKED, message(format="timebank-peers/2"))),
        more=(
            earns(until(NOBODY, message(seconds=0))),
            earns(until(BOOKED, message(record=0))),
            earns(until(BOOKED, message(terms=[-1, None]))),
            earns(until(BOOKED, message(seen=[-1, ROOT]))),
            earns(until(NOBODY, message(tags=["b", "a"]))),
            earns(until(NOBODY, message(tags=[]))),
            earns(until(TAKEN_BACK, offer(format="timebank-peers/2"))),
            spends(until(SETTLED, answer(format="timebank-peers/2"))),
            spends(until(SETTLED, answer(record=0))),
            spends(until(SETTLED, answer(terms=[None, -1]))),
        ),
    ),
    FormatRule(
        "F162",
        "from which bank to which",
        "canonical",
        earns(until(TAKEN_BACK, message(**{"from": "another"}))),
        more=(
            earns(until(TAKEN_BACK, message(to="another"))),
            spends(until(SETTLED, answer(to="another"))),
            spends(until(SETTLED, answer(**{"from": "another"}))),
            spends(until(CANCELLED, answer(**{"from": "another"}))),
        ),
    ),
    FormatRule(
        "F163",
        "the account of an agreement",
        "effects",
        spends(_agreed_with("p9", "peer:p8")),
        more=(
            spends(_agreed_with("p9", "c9")),
            spends(_agreed_with("j" * 101, "peer:" + "j" * 101)),
            spends(_agreed_with(OURS, f"peer:{OURS}")),
            spends(
                until_kind("agree", asked(account="peer:p9", peer="p9"), effects(account="peer:p9"))
            ),
            spends(until_kind("agree", effects(of=1))),
            spends(until_kind("agree", effects(account="peer:left"))),
            spends(until_kind("suspend_agreement", effects(of=1))),
            spends(until_kind("readmit", effects(of=26))),
        ),
    ),
    FormatRule(
        "F164",
        "which account an agreement has",
        "effects",
        spends(_agreed_with("p9", "peer:p9", kind="organisation")),
        more=(
            spends(_agreed_with("p9", "peer:p9", kind="fund")),
            spends(_opened("peer:p9"), _adopts("peer:p9"), _agrees("p9", "peer:p9")),
            spends(
                _opened("peer:p9"),
                _opened("c2"),
                merged("peer:p9", "c2"),
                _last(effects(statute="x/1")),
                _agrees("p9", "peer:p9"),
            ),
        ),
    ),
    FormatRule(
        "F165",
        "in which status accounts are agreed on",
        "effects",
        spends(_opened("peer:p9"), frozen("peer:p9"), _agrees("p9", "peer:p9")),
        more=(
            spends(_opened("peer:p9"), _moves("peer:p9", "m2"), _agrees("p9", "peer:p9")),
            spends(_opened("peer:p9"), _held("peer:p9", "m2"), _agrees("p9", "peer:p9")),
            spends(_ends("suspend_agreement", "m2")),
            spends(_ends("readmit", "m2")),
            spends(_ends("suspend_agreement", "peer:left")),
            spends(_opened("peer:p9"), _ends("end_agreement", "peer:p9", **_CLOSED)),
            spends(_ends("end_agreement", "peer:left", **_CLOSED)),
        ),
    ),
    FormatRule(
        "F166",
        "what an agreement sets",
        "effects",
        spends(_opened("peer:p9"), _agrees("p9", "peer:p9", they_may_owe=61)),
        more=(
            spends(_opened("peer:p9"), _agrees("p9", "peer:p9", we_may_owe=60)),
            spends(_opened("peer:p9"), _agrees("p9", "peer:p9", they_may_owe=None)),
            spends(
                _agreed_with("p9", "peer:p9"),
                _ends("end_agreement", "peer:p9", **_CLOSED | {"floor": None}),
            ),
            spends(
                _agreed_with("p9", "peer:p9"),
                _ends("end_agreement", "peer:p9", **_CLOSED | {"status": "open"}),
            ),
        ),
    ),
    FormatRule(
        "F167",
        "nothing else moves the account of an agreement",
        "agreements",
        spends(_moves(ACCOUNT, "m2")),
        more=(
            spends(_moves("m2", ACCOUNT)),
            spends(_held(ACCOUNT, "m2")),
            spends(_held("m2", ACCOUNT)),
            spends(_back(SETTLED, [ACCOUNT, -60], ["m1", 60], ["pot", -6], ["m1", 6])),
            spends(_of_kind("reopen", "peer:left", status="open"), _moves("peer:left", "m2")),
        ),
    ),
    FormatRule(
        "F168",
        "the fields of an offer",
        "canonical",
        spends(until("x1", offer(more=1))),
        more=(
            spends(until("x1", offer(answer_in="1"))),
            spends(until("x1", offer(to=None))),
            spends(until("x1", offer(earner=None))),
            spends(until("x1", offer(reverses="r1"))),
            spends(until("x1", _answered_at_once)),
            spends(until("x1", _expiring)),
            spends(until("x9", moved(900, ACCOUNT, "m1"), asked(limits="unchecked"))),
            spends(until("x1", asked(source="paper"))),
            spends(until("x1", _answered_never)),
            spends(until("held", effects(terms=[1, 1]))),
            spends(until("held", effects(answer_by=2**50))),
            spends(until("held", effects(seen=[1, ROOT]))),
            spends(until("held", effects(reverses=1))),
            earns(until("r1", _without_effect("answer_by"))),
            earns(until("r1", _without_effect("terms"))),
            earns(until("r1", effects(seen=[-1, ROOT]))),
        ),
    ),
    FormatRule(
        "F169",
        "by which agreement hours are offered",
        "agreements",
        spends(until("x1", _answered_later)),
        more=(
            spends(until("x1", offer(to="another"))),
            spends(suspended, again("x9", "x10")),
            spends(until("x9", _earned_by_two)),
            spends(until("x9", _on_both_sides)),
        ),
    ),
    FormatRule(
        "F170",
        "the fee of an offer",
        "effects",
        spends(until("x9", _fee_of(ACCOUNT))),
        more=(spends(until("x9", moved(900, ACCOUNT, "m1"))),),
    ),
    FormatRule(
        "F171",
        "an offer that reverses has no fee and no flag",
        "effects",
        earns(until("r1", _with_fee)),
        more=(
            earns(until("r1", _with_flag("days to record", days=1, occurred_on=DAY))),
            earns(until("r1", _in_units)),
        ),
    ),
    FormatRule(
        "F172",
        "what an offer reverses",
        "agreements",
        earns(until("r1", effects(reverses=11))),
        more=(
            earns(until("r1", effects(reverses=1))),
            earns(until("r1", effects(reverses=99))),
            earns(until("r1", offer(reverses="x2"))),
            earns(until("r1", moved(600, ACCOUNT, "m2"))),
            earns(until("r1", _without_effect("reverses"))),
            spends(until("x9", effects(reverses=11))),
        ),
    ),
    FormatRule(
        "F173",
        "no more is moved back than was booked",
        "agreements",
        earns(until("r1", moved(8101, ACCOUNT, "m1"))),
        more=(
            earns(until("r3", moved(8100 - 899, ACCOUNT, "m1"))),
            earns(again("r1", "r4", moved(8100 - 1499, ACCOUNT, "m1"))),
        ),
    ),
    FormatRule(
        "F174",
        "the id that two banks share",
        "agreements",
        earns(until(BOOKED, asked(id=shared_id(THEIRS, "x2")))),
        more=(
            earns(until(BOOKED, asked(id="x1"))),
            earns(until(BOOKED, asked(id=shared_id(OURS, "x1")))),
            earns(until(NOBODY, asked(id=BOOKED.upper()))),
            earns(until(TAKEN_BACK, asked(id=shared_id(THEIRS, "x3", "void")))),
            spends(until(BACK, asked(id=shared_id(THEIRS, "r2")))),
        ),
    ),
    FormatRule(
        "F175",
        "which offers are booked",
        "agreements",
        earns(until(BOOKED, message(to="another"))),
        more=(
            earns(until(BOOKED, message(earner=None, reverses="r1"))),
            earns(until(BOOKED, _no_fee, _answered_as_well)),
            earns(until(NOBODY, message(to="another"))),
            spends(until(BACK, message(to="another"))),
            spends(until(BACK, message(earner="m1", reverses=None))),
        ),
    ),
    FormatRule(
        "F176",
        "what is offered is booked, to the second",
        "agreements",
        earns(until(BOOKED, message(seconds=8099))),
        more=(
            earns(until(BOOKED, message(exchange="gift"))),
            earns(until(BOOKED, message(occurred_on="2026-03-01"))),
            earns(until(BOOKED, message(category="cure"))),
            earns(until(BOOKED, message(area=None))),
            earns(until(BOOKED, message(tags=["a"]))),
            earns(until(BOOKED, message(started_at="08:00"))),
            earns(until(FRESH, message(ended_at="11:00"))),
            earns(until(BOOKED, asked(via="m2"))),
            earns(until(BOOKED, asked(source="paper"))),
            earns(until(BOOKED, _spent_by("m2"))),
            earns(until(BOOKED, _earned_by("m1", "m2"))),
        ),
    ),
    FormatRule(
        "F177",
        "what is booked is not rounded, and the fee is the earner's",
        "effects",
        earns(until(BOOKED, _rounded)),
        more=(
            earns(until(BOOKED, _fee_of(ACCOUNT))),
            earns(until(BOOKED, _no_fee)),
        ),
    ),
    FormatRule(
        "F178",
        "when an offer may be booked",
        "agreements",
        earns(until(BOOKED, at(timedelta(microseconds=-1)))),
        more=(
            earns(suspended, again(FRESH, shared_id(THEIRS, "x10"), message(id="x10"))),
            spends(until(BACK, at(timedelta(days=-1)))),
            earns(until(NOBODY, _from_a_stranger)),
        ),
    ),
    FormatRule(
        "F179",
        "what another bank moves back",
        "agreements",
        spends(until(BACK, message(reverses="x2"))),
        more=(
            spends(until(BACK, message(seconds=601))),
            spends(until(BACK, asked(occurred_on=DAY))),
        ),
    ),
    FormatRule(
        "F180",
        "the terms that another bank is told",
        "agreements",
        spends(until("x1", effects(terms=[72000, None]))),
        more=(
            earns(until(BOOKED, effects(terms=[72000, 72001]))),
            earns(until(NOBODY, effects(terms=[None, None]))),
            spends(until(BACK, effects(terms=[0, 0]))),
            spends(until(LATE, effects(terms=[0, 0]))),
            spends(until("off", effects(terms=[0, 0]))),
        ),
    ),
    FormatRule(
        "F181",
        "what ends an offer, and nothing else",
        "agreements",
        spends(until(REFUSED, without("answer"), asked(id="x"))),
        more=(
            spends(until("id-2", _answers_no_offer)),
            spends(until("id-2", asked(abandoned=True), _with_flag("abandoned")), _reasoned),
            spends(until(REFUSED, asked(abandoned=True), _with_flag("abandoned")), _reasoned),
        ),
    ),
    FormatRule(
        "F182",
        "the answer to an offer",
        "agreements",
        spends(until(SETTLED, offer(seconds=8101))),
        more=(
            spends(until(SETTLED, offer(earner="m2"))),
            spends(until(SETTLED, offer(terms=[1, 1]))),
            spends(until(SETTLED, offer(record=9))),
            spends(until(SETTLED, offer(note=None))),
            spends(until(SETTLED, answer(accepted=False, occurred_on=None, code="frozen"))),
            spends(until(REFUSED, answer(accepted=True, occurred_on=DAY, code=None))),
            spends(until(CANCELLED, offer(seconds=1))),
        ),
    ),
    FormatRule(
        "F183",
        "the id of what ends an offer",
        "agreements",
        spends(until(SETTLED, asked(id="x"))),
        more=(
            spends(until(REFUSED, asked(id=shared_id(OURS, "x2")))),
            spends(until(ABANDONED, asked(id=shared_id(OURS, "x4", "again")))),
        ),
    ),
    FormatRule(
        "F184",
        "what is settled by an answer",
        "effects",
        spends(until(SETTLED, asked(hours=8100))),
        more=(
            spends(until(SETTLED, asked(occurred_on=DAY))),
            spends(until(SETTLED, effects(occurred_on="2026-03-01"))),
            spends(until(SETTLED, answer(occurred_on="2026-03-01"))),
            spends(until(SETTLED, _no_fee)),
            spends(until(SETTLED, _with_flag("late answer"))),
        ),
    ),
    FormatRule(
        "F185",
        "the flag of what is abandoned",
        "agreements",
        spends(until(ABANDONED, _no_flag)),
        more=(
            spends(until(ABANDONED, _with_flag("forgotten"))),
            spends(until(REFUSED, _with_flag("abandoned"))),
            spends(until("id-2", _with_flag("abandoned"))),
        ),
    ),
    FormatRule(
        "F186",
        "what is brought in",
        "agreements",
        spends(until(GONE, offer(seconds=8099))),
        more=(
            spends(until(GONE, _spent_by_both)),
            spends(until(GONE, _turned)),
            earns(until(LOST, moved(8099, "m2", ACCOUNT))),
            earns(until(LOST, _earned_by("m1", "m2"))),
            earns(until(LOST, answer(accepted=False, occurred_on=None, code="frozen"))),
            earns(until(LOST, _between_strangers)),
            earns(until(LOST, _brought_in_from("left"))),
        ),
    ),
    FormatRule(
        "F187",
        "the id of what is brought in",
        "agreements",
        spends(until(GONE, asked(id=shared_id(OURS, "gone", "again")))),
        more=(
            spends(until(GONE, asked(id="gone"))),
            earns(until(LOST, asked(id=shared_id(THEIRS, "gone", "void")))),
            earns(until(LOST, asked(id=shared_id(THEIRS, "gone", "again")))),
        ),
    ),
    FormatRule(
        "F188",
        "how what is brought in is described",
        "agreements",
        spends(until(GONE, offer(category="cure"))),
        more=(
            spends(until(GONE, offer(exchange="gift"))),
            earns(until(LOST, offer(tags=None))),
            earns(until(LOST, asked(via="pot"))),
            earns(until(LOST, asked(source="paper"))),
        ),
    ),
    FormatRule(
        "F189",
        "the day of what is brought in, without a fee",
        "effects",
        spends(until(GONE, effects(occurred_on=DAY))),
        more=(
            spends(until(GONE, _with_fee)),
            earns(until(LOST, _later("2026-03-03"))),
            earns(until(LOST, _rounded_in)),
        ),
    ),
    FormatRule(
        "F190",
        "the flag of what is brought in",
        "agreements",
        spends(until(GONE, _with_flag("late answer"))),
        more=(
            spends(until(LATE, _with_flag("forgotten"))),
            spends(until(LATE, _no_flag)),
            earns(until(LOST, _with_flag("late answer"))),
            spends(until("x4"), late_too_soon),
        ),
    ),
    FormatRule(
        "F191",
        "what is written off",
        "agreements",
        spends(until("off", asked(kind="gift"))),
        more=(
            spends(until("off", asked(occurred_on=DAY))),
            spends(until("off", asked(via="pot"))),
            spends(until("off", moved(60, "m1", "m2"))),
            spends(until("off", _turned)),
            spends(until("off", moved(72_001, "m2", ACCOUNT))),
            spends(until("off", _no_flag)),
            spends(until("off", _with_flag("forgotten"))),
        ),
    ),
    FormatRule(
        "F192",
        "flags between two banks stand nowhere else",
        "effects",
        spends(_moves("m1", "m2"), _last(_with_flag("late answer"))),
        more=(
            spends(_moves("m1", "m2"), _last(_with_flag("written off"))),
            spends(until("held", _with_flag("abandoned"))),
            earns(until(BOOKED, _with_flag("forgotten"))),
        ),
    ),
)
#: Number of a rule that is older than exchange between banks → what breaks it there.
ALSO: Final[dict[str, tuple[Callable[[], AuditReport], ...]]] = {
    "F15": (
        earns(until(NOBODY, message(earner="nobody "))),
        earns(until(NOBODY, message(category=""))),
        earns(until(NOBODY, message(tags=["a", "b "]))),
        earns(until(NOBODY, message(exchange="care "))),
        earns(until(NOBODY, asked(code="code "))),
        earns(until(TAKEN_BACK, offer(area=" x"))),
        spends(until(REFUSED, answer(code="x" * 201))),
        spends(until(REFUSED, answer(code=""))),
        spends(until("x1", offer(earner="m1 "))),
        spends(_agreed_with(" p9", "peer: p9")),
    ),
    "F17": (
        spends(until("x9", asked(id=shared_id(OURS, "x9")))),
        spends(until("off", asked(id="peer:off"))),
        spends(until("id-2", asked(id="peer:id-2"))),
    ),
    "F31": (
        spends(until("off", without("note")), _texts_gone),
        spends(until("off", asked(written_off=False))),
        spends(until("off", asked(written_off=1))),
        spends(until(ABANDONED, asked(abandoned=False))),
        spends(until(ABANDONED, without("reason")), _texts_gone),
        spends(_back(SETTLED, [ACCOUNT, -60], ["m1", 60]), _last(without("reason")), _texts_gone),
        spends(_moves("m1", "m2", abandoned=True)),
        spends(until("id-2", asked(written_off=True))),
        spends(until_kind("agree", without("peer"))),
        spends(until_kind("agree", asked(theirs=[1]))),
        spends(until_kind("agree", _owing_less_than_nothing)),
        spends(until_kind("agree", asked(we_may_owe="inherit"))),
        spends(until_kind("readmit", asked(head=[1]))),
        spends(until_kind("readmit", asked(head=[-1, ROOT]))),
        spends(until_kind("suspend_agreement", without("reason")), _texts_gone),
        earns(until(NOBODY, without("code"))),
        earns(until(NOBODY, without("offer"))),
    ),
    "F32": (
        earns(until(BOOKED, _without_effect("terms"))),
        earns(until(NOBODY, _without_effect("terms"))),
        earns(until(NOBODY, effects(statute="x/1"))),
        earns(until(BOOKED, effects(seen=[1]))),
        earns(until(BOOKED, effects(seen=[1, ROOT, 1]))),
        earns(until(BOOKED, effects(answer_by=1))),
        spends(until(SETTLED, effects(seen=[-1, ROOT]))),
        spends(until(SETTLED, effects(terms=[1, 1]))),
        spends(_moves("m1", "m2"), _last(effects(terms=[1, 1]))),
        spends(_moves("m1", "m2"), _last(effects(seen=[1, ROOT]))),
        spends(until("id-2", effects(seen=[1, ROOT]))),
        spends(until_kind("readmit", effects(sets={}))),
        spends(until_kind("agree", effects(sets={"odd": 1}))),
    ),
    "F42": (
        spends(_ends("end_agreement", **_CLOSED)),
        spends(until("x1"), _ends("end_agreement", **_CLOSED)),
    ),
    "F70": (earns(frozen("m1"), again(FRESH, shared_id(THEIRS, "x10"), message(id="x10"))),),
    "F71": (spends(_moves("m1", "m2", via=ACCOUNT)),),
    "F107": (spends(_adopts(ACCOUNT)), spends(_adopts("peer:left"))),
}
