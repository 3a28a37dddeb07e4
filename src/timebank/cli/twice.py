"""Note an exchange that is just like the one before it: a command that was given twice."""

from __future__ import annotations

import shlex
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from timebank.cli.output import complain

if TYPE_CHECKING:
    from timebank.bank import BankBatch, TimeBank
    from timebank.model import Hold, Transfer

#: Who gives a command twice gives it again soon.
_WITHIN: Final = timedelta(minutes=1)
#: As many records are looked at, for others may write meanwhile.
_RECORDS: Final = 20


def twice_note(bank: TimeBank | BankBatch, made: Transfer | Hold) -> str | None:
    """Return what is to be said of an exchange where one just like it was recorded before it.

    Alike are the sides, the hours, the day and the times. One that was taken back since is none.
    Nothing is refused: two may well be alike.
    """
    from timebank.journal import parse

    if made.repeated:
        return None
    records = list(bank.records(after=max(made.sequence - 1 - _RECORDS, 0)))
    bodies: list[dict[str, Any]] = [
        parse(one.bytes)
        for one in records
        if one.sequence <= made.sequence and made.recorded_at - one.recorded_at <= _WITHIN
    ]
    own = next(one for one in bodies if one["sequence"] == made.sequence)
    gone = {
        one["request"].get("transfer") or one["request"].get("hold")
        for one in bodies
        if one["kind"] in {"reverse", "void"}
    }
    like = [
        one["request"]["id"]
        for one in bodies
        if one["sequence"] < made.sequence
        and _meaning(one) == _meaning(own)
        and one["request"]["id"] not in gone
    ]
    return _said(like[-1], made.id, own["kind"]) if like else None


def _meaning(body: dict[str, Any]) -> tuple[object, ...]:
    request, effects = body["request"], body["effects"]
    day = effects.get("occurred_on", request.get("occurred_on"))
    fields = ("earners", "spenders", "kind", "from", "to")
    return (body["kind"], day, *(request.get(field) for field in fields))


def _said(like: str, made: str, kind: str) -> str:
    from timebank.reports.words import Words

    words = Words("options")
    made = shlex.quote(made)
    if kind == "hold":
        return words("held_just_like", id=like, made=made)
    return words("just_like", id=like, made=made, reason=shlex.quote(words("entered_twice")))


def show_note(note: str | None) -> None:
    """Print a note on standard error, where there is one."""
    if note is not None:
        complain(note)
