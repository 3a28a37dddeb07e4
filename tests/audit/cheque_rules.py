"""The rules of the format's page on time cheques, with journals that break them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

import timebank
from audit.forgeries import JSON, Forgery
from audit.format_rule import Change, FormatRule, of
from support import sources
from timebank import AuditReport
from timebank.contrib import cheques
from timebank.contrib.cheques import Number

#: The sequence of the record that issues booklet 17, of eight cheques, to m2.
ISSUED: Final = 4


def booklets() -> Forgery:
    """A bank with two booklets; of the first a cheque was entered, and another voided."""
    bank = timebank.open("memory:", **sources())
    for id in ("m1", "m2", "m3"):
        bank.open_account(id)
    cheques.issue(bank, "m2", booklet=17, cheques=8)
    cheques.issue(bank, "m3", booklet=18)
    cheques.enter(bank, Number(17, 1), earner="m1", hours="0:01")
    cheques.void(bank, Number(17, 2), code="stolen", reason="in the tram")
    bank.merge("m3", into="m1", reason="twice")
    cheques.enter(bank, Number(18, 1), earner="m2", hours="0:01")
    with bank.store.reader("main") as reader:
        records = [json.loads(row.body) for row in reader.records(after=0, limit=100)]
        return Forgery(records, reader.texts(after=0, through=100))


def here(*changes: Change) -> Callable[[], AuditReport]:
    """The audit of that bank, changed."""
    return of(booklets, *changes)


def issued(number: str = "19", account: str = "m2", count: int = 24, **effects: Any) -> Change:
    """One more booklet."""

    def change(forgery: Forgery) -> None:
        opened = next(
            record["sequence"]
            for record in forgery.records
            if record["kind"] == "open_account" and record["request"]["account"] == account
        )
        request = {"id": f"cheque:{number}", "account": account, "cheques": count}
        forgery.add("issue_cheques", request, {"account": account, "of": opened} | effects)

    return change


def voided(number: str, of: int = ISSUED) -> Change:
    """One more cheque that is voided."""
    request = {"id": f"cheque:{number}", "code": "lost"}
    return lambda forgery: forgery.add("void_cheque", dict(request), {"of": of})


def entered(number: str, **request: Any) -> Change:
    """One more cheque that is entered: a minute from m2 to m1."""
    return lambda forgery: forgery.transfer("m1", "m2", 60, id=f"cheque:{number}", **request)


def sides(number: str, earners: Any, spenders: Any) -> Change:
    """One more cheque, between others."""

    def change(forgery: Forgery) -> None:
        request = {"id": f"cheque:{number}", "earners": earners, "spenders": spenders}
        made = forgery.transfer("m1", "m2", 60, **request)
        made["effects"]["postings"] = earners + [[id, -seconds] for id, seconds in spenders]

    return change


def frozen(account: str) -> Change:
    """An account is frozen."""
    effects: JSON = {"account": account, "sets": {"status": "frozen"}}
    return lambda forgery: forgery.add("freeze", {"account": account}, effects)


def last(**request: Any) -> Change:
    """The request of the last record, with other fields."""
    return lambda forgery: forgery.records[-1]["request"].update(request)


def _number(cheque: int, booklet: int = 17) -> str:
    return str(Number(booklet, cheque))


#: What is no number of a cheque: of other digits, of none, or with a check that is another.
NO_NUMBERS: Final = (
    "19",
    "17-03-34",
    "17-3-33",
    "017-03-33",
    "17-03-33-1",
    _number(1, 17).replace("-", ""),
    "17-00-39",  # of which the check fits
    "0-01-95",
    "1000000000-01-01",
)

RULES: Final[tuple[FormatRule, ...]] = (
    FormatRule(
        "F193",
        "the id of a booklet",
        "canonical",
        here(issued("019")),
        more=(
            here(issued("0")),
            here(issued("")),
            here(issued("1000000000")),
            here(issued(_number(3))),
            here(issued(), last(id="b19")),
        ),
    ),
    FormatRule(
        "F194",
        "how many cheques a booklet has",
        "canonical",
        here(issued(count=0)),
        more=(here(issued(count=100)), here(issued(count=-1))),
    ),
    FormatRule(
        "F195",
        "who is given a booklet",
        "cheques",
        here(issued(), lambda forgery: forgery.records[-1]["effects"].update(account="m1", of=1)),
        more=(here(frozen("m2"), issued()), here(issued(account="m3"))),
    ),
    FormatRule(
        "F196",
        "the account of a booklet was opened",
        "effects",
        here(issued(of=1)),
        more=(here(issued(of=ISSUED)),),
    ),
    FormatRule(
        "F197",
        "the id of a cheque that is voided",
        "canonical",
        here(voided(NO_NUMBERS[0])),
        more=(
            *(here(voided(number)) for number in NO_NUMBERS[1:]),
            here(voided(_number(3)), last(id="lost-1")),
        ),
    ),
    FormatRule(
        "F198",
        "the booklet of a cheque that is voided",
        "cheques",
        here(voided(_number(3), of=ISSUED + 1)),
        more=(
            here(voided(_number(3), of=1)),
            here(voided(_number(9))),
            here(voided(_number(1, 19))),
            here(voided(_number(1, 19)), issued()),
        ),
    ),
    FormatRule(
        "F199",
        "the number of a cheque that is entered",
        "canonical",
        here(entered(NO_NUMBERS[0])),
        more=tuple(here(entered(number)) for number in NO_NUMBERS[1:]),
    ),
    FormatRule(
        "F200",
        "the booklet of a cheque that is entered",
        "cheques",
        here(entered(_number(9))),
        more=(here(entered(_number(1, 19))), here(entered(_number(1, 19)), issued())),
    ),
    FormatRule(
        "F201",
        "by whom and how a cheque is spent",
        "cheques",
        here(sides(_number(3), [["m2", 60]], [["m1", 60]])),
        more=(
            here(entered(_number(3), kind="gift")),
            here(entered(_number(2, 18))),  # of the account that m3 became
            here(sides(_number(3), [["m1", 60]], [["m1", 30], ["m2", 30]])),
            here(sides(_number(3), [["m1", 30], ["m2", 30]], [["m2", 60]])),
        ),
    ),
    FormatRule(
        "F202",
        "what a cheque has not",
        "cheques",
        here(entered(_number(3), limits="unchecked")),
        more=(
            here(entered(_number(3), source="a list")),
            here(entered(_number(3), source=[["file", "a list"]])),
        ),
    ),
)
