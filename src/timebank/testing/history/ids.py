"""Check ids: each acknowledged one is there once, with one result for all, as it was asked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from timebank.testing.history.evidence import NEVER, Attempt, Evidence, same_record
from timebank.testing.history.log import Call
from timebank.testing.history.losing import lose

#: What kinds of record have ids that a log knows of.
_KINDS: Final = ("transfer", "reverse", "hold", "settle", "void")


def check_ids(found: Evidence) -> None:
    """Compare what was asked for and told under each id with the journal."""
    for id, attempts in found.attempts.items():
        _check_told(found, id, attempts)
        if id in found.by_id:
            _check_written(found, id, attempts)
    _check_doubled(found)
    for call in found.of("find"):
        _check_found(found, call)
    for call in found.calls:
        if call.outcome == "broken":
            says = f"{call.answer.get('error')} came out of {call.do}"
            found.find("broken", says, call)


def _check_doubled(found: Evidence) -> None:
    for record in found.journal:
        id, sequence = record["id"], record["sequence"]
        if id is None:
            continue
        attempts = found.attempts.get(id, ())
        first = found.by_id[id]["sequence"]
        if first != sequence:
            says = f"{id} is recorded as {first} and again as {sequence}"
            found.find("doubled", says, *_calls(attempts), found.final)
        elif not attempts and sequence > found.begins_at and record["kind"] in _KINDS:
            says = f"record {sequence} has the id {id}, for which nobody asked"
            found.find("unasked", says, found.final)


def _check_told(found: Evidence, id: str, attempts: list[Attempt]) -> None:
    """Check what was told of one id."""
    record = found.by_id.get(id)
    for attempt in attempts:
        if not attempt.is_ok:
            if attempt.call.answer.get("error") == "IdempotencyMismatch":
                _check_mismatch(found, id, attempts, attempt)
            continue
        _check_asked(found, attempt)
        if found.is_there(attempt) or found.is_too_late(attempt.call):
            continue
        told = found.sequence_told(attempt)
        if record is not None and not found.may_lose:
            says = f"{id} was told to be record {told}, and is another, {record['sequence']}"
            others = [one for one in attempts if one.is_ok and found.is_there(one)]
            found.find("two_results", says, attempt.call, *_calls(others[:1]), found.final)
        else:
            lose(found, attempt.call, told, ids=(id,))
    made = [one for one in attempts if one.is_ok and not one.is_repeated and found.is_there(one)]
    if len(made) > 1:
        says = f"{id} was told to be made by each of {len(made)} calls"
        found.find("two_results", says, *_calls(made))


def _check_mismatch(found: Evidence, id: str, attempts: list[Attempt], refused: Attempt) -> None:
    """Check that a call was told of another request only where there is one."""
    if all(one.ask == refused.ask for one in attempts):
        says = f"{id} was told to be of another request, and all were the same"
        found.find("wrong_result", says, *_calls(attempts))


def _check_asked(found: Evidence, attempt: Attempt) -> None:
    """Check that what was told is what was asked for."""
    assert attempt.result is not None
    for name, asked in (("postings", attempt.ask.get("postings")), ("id", attempt.ask["id"])):
        told = attempt.result.get(name, asked)
        if asked is not None and told != asked:
            says = f"{attempt.ask['id']} was asked for with {name} {asked}, and told {told}"
            found.find("wrong_result", says, attempt.call)
    if attempt.do == "void":
        told = (attempt.result["hold"], attempt.result["status"], attempt.result["resolved_by"])
        if told != (attempt.ask["hold"], "voided", attempt.ask["id"]):
            says = f"the void {attempt.ask['id']} was told {', '.join(map(str, told))}"
            found.find("wrong_result", says, attempt.call)


def _check_written(found: Evidence, id: str, attempts: list[Attempt]) -> None:
    """Check who can have written a record: not those who were told that nothing was written."""
    record = found.by_id[id]
    made = [one for one in attempts if one.may_write and (not one.is_ok or found.is_there(one))]
    if not made:
        repeated = [one for one in attempts if one.is_ok]
        denied = [one for one in attempts if not one.is_ok]
        if denied:
            says = f"record {record['sequence']} is {id}, and all that asked were told no"
            says = says if not repeated else f"{says}, or that it had been done before"
            found.find("failed_but_written", says, *_calls(denied), *_calls(repeated))
        elif record["sequence"] > found.begins_at:
            says = f"{id} was told to be done before, and no call had done it"
            found.find("repeated_without_first", says, *_calls(repeated))
        return
    _check_first(found, id, attempts, made)
    _check_denial(found, id, attempts, made)
    _check_content(found, record, attempts)


def _check_first(found: Evidence, id: str, attempts: list[Attempt], made: list[Attempt]) -> None:
    """Check that whoever was told that it was done before had somebody before."""
    first = min(one.call.began for one in made)
    for one in attempts:
        if one.is_repeated and (one.call.ended or NEVER) < first:
            says = f"{id} was told to be done before, ahead of all that can have done it"
            found.find("repeated_without_first", says, one.call, *_calls(made[:1]))


def _check_denial(found: Evidence, id: str, attempts: list[Attempt], made: list[Attempt]) -> None:
    """Check that no repeat was told no by a rule after the last call that can have written it.

    A rule judges under the lock, after the bank has looked for the id: nothing of it was there.
    """
    last = max(one.call.ended or NEVER for one in made)
    for one in attempts:
        refused = one.call.outcome == "refused" and one.call.answer.get("judged")
        if refused and last < one.call.began:
            says = f"{id} is recorded, and its repeat was refused as if it were not"
            found.find("failed_but_written", says, *_calls(made), one.call)
            return


def _check_content(found: Evidence, record: dict[str, Any], attempts: list[Attempt]) -> None:
    """Check that what is recorded is what was told, and what was asked for."""
    sequence = record["sequence"]
    postings: dict[str, int] = {}
    for account, seconds in record.get("postings", record.get("lines", ())):
        postings[account] = postings.get(account, 0) + seconds
    for one in attempts:
        if one.is_ok and not found.is_there(one):
            continue
        if one.may_write and one.do != record["kind"] and _agree(attempts):
            says = f"record {sequence} is a {record['kind']}, and a {one.do} was asked for"
            found.find("wrong_result", says, one.call, found.final)
            return
        told = (one.result or {}).get(
            "postings", one.ask.get("postings") if one.may_write else None
        )
        if told is not None and told != postings and (one.is_ok or _agree(attempts)):
            says = f"record {sequence} moves {postings}, and {record['id']} is {told}"
            found.find("wrong_result", says, one.call, found.final)
            return


def _agree(attempts: list[Attempt]) -> bool:
    return all(one.ask == attempts[0].ask for one in attempts)


def _check_found(found: Evidence, call: Call) -> None:
    """Check what a reader was told of a transfer."""
    told, record = call.result.get("found"), found.looked_up(call)
    if told is None or found.is_too_late(call):
        return
    if record is None:
        lose(found, call, told["sequence"], ids=(call.ask["id"],))
    elif not same_record(told, record):
        if found.may_lose:
            lose(found, call, told["sequence"], ids=(call.ask["id"],))
            return
        says = f"{call.ask['id']} was read as another record than {record['sequence']}"
        found.find("two_results", says, call, found.final)
    elif not _same(told, record) or told["id"] != call.ask["id"]:
        says = f"{call.ask['id']} was read as {told['id']} with {told['postings']}, which is not "
        found.find("two_results", f"{says}record {record['sequence']}", call, found.final)


def _same(told: dict[str, Any], record: dict[str, Any]) -> bool:
    postings: dict[str, int] = {}
    for account, seconds in record.get("postings", ()):
        postings[account] = postings.get(account, 0) + seconds
    return bool(told.get("postings", postings) == postings)


def _calls(attempts: Iterable[Attempt]) -> list[Call]:
    return [attempt.call for attempt in attempts]
