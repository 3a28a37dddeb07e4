"""Show the records of a journal as text, a line each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from timebank.hours import Hours
from timebank.journal import parse
from timebank.model import Amendment, Record
from timebank.model.across import across_of
from timebank.reports.corrections import changes_text
from timebank.reports.peers import why_text
from timebank.reports.text import harmless
from timebank.reports.words import Words


def operation_of(record: Record) -> str | None:
    """Return the id of the exchange that a record amends, `None` for every other record."""
    operation = _part(parse(record.bytes), "request").get("operation")
    return operation if record.kind == "amend" and isinstance(operation, str) else None


def record_text(
    record: Record,
    amendments: Iterable[Amendment] = (),
    *,
    banks: Mapping[str, str] | None = None,
) -> str:
    """Return a record as a line: its kind, what it is about, by whom, what it came to.

    `amendments` are those of the exchange that it amends; `banks` what other banks are called, by
    their journals. A record that is not well is a line too.

    >>> import timebank
    >>> from timebank.reports.journal import record_text
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1"), bank.open_account("m1-again")
    >>> _ = bank.merge("m1-again", into="m1", reason="she registered twice")
    >>> [record_text(record)[53:] for record in bank.records()]
    ['open_account m1', 'open_account m1-again', 'merge m1-again into m1: 0:00 moved']
    """
    body = parse(record.bytes)
    request = _part(body, "request")
    about = request.get("id", request.get("account", request.get("operation", "")))
    words = Words("journal")
    kind = f"kind_{record.kind}"
    parts = [words(kind) if words.has(kind) else record.kind, str(about)]
    if record.kind == "merge":
        parts.append(words("into", account=request.get("into")))
    if record.actor is not None:
        parts.append(words("by", actor=record.actor))
    came_to = _came_to(record, body, amendments, banks or {})
    end = f": {came_to}" if came_to else ""
    recorded_at = f"{record.recorded_at:%Y-%m-%d %H:%M:%S} UTC"
    description = harmless(f"{' '.join(filter(None, parts))}{end}")
    return f"{record.sequence:>8}  {recorded_at}  {record.digest.hex()[:16]}  {description}"


def _part(body: dict[str, Any], name: str) -> dict[str, Any]:
    part = body.get(name)
    return part if isinstance(part, dict) else {}


def _why(amendment: Amendment, words: Words) -> list[str]:
    """Return the reason of an amendment as a phrase; none, where it was erased."""
    return [] if amendment.reason is None else [words("reason", text=amendment.reason)]


def _merged(effects: dict[str, Any], words: Words) -> str:
    """Return what a merge moved, and the day of joining that it brought."""
    moved = Hours.from_seconds(sum(max(seconds, 0) for _, seconds in effects["postings"]))
    joined = words("joined", day=effects["joined_on"]) if "joined_on" in effects else ""
    return f"{words('moved', hours=moved)}{joined}"


def _books(effects: dict[str, Any], words: Words) -> str:
    """Return what became of the books, where something did."""
    if "through" not in effects:
        return ""
    through = effects["through"]
    return words("books_open") if through is None else words("books_closed", day=through)


def _lost(effects: dict[str, Any], words: Words) -> str:
    """Return which record was lost."""
    sequence, _ = effects["lost"]
    return words("lost", sequence=sequence)


_CAME_TO: Final[Mapping[str, Callable[[dict[str, Any], Words], str]]] = {
    "close_books": _books,
    "history_lost": _lost,
    "merge": _merged,
    "restart_clock": _books,
}


def _came_to(
    record: Record,
    body: dict[str, Any],
    amendments: Iterable[Amendment],
    banks: Mapping[str, str],
) -> str:
    """Return what a record came to, in words; nothing for most of them."""
    words, effects = Words("journal"), _part(body, "effects")
    try:
        match record.kind:
            case "amend":
                return "; ".join(
                    phrase
                    for one in amendments
                    if one.sequence == record.sequence
                    for phrase in (*changes_text(one.changes), *_why(one, words))
                )
            case "amend_account":
                was, sets = effects["was"], effects["sets"]
                return "; ".join(changes_text({field: (was[field], sets[field]) for field in sets}))
            case "agree" | "issue_cheques" | "readmit" | "void_cheque":
                return _asked(body, banks, words)
            case kind if kind in _CAME_TO:
                return _CAME_TO[kind](effects, words)
        return _across(body, banks, words)
    except (KeyError, TypeError, ValueError):
        return words("unreadable")


def _asked(body: dict[str, Any], banks: Mapping[str, str], words: Words) -> str:
    """Return what was asked, where that is what it came to."""
    request = body["request"]
    if body["kind"] == "void_cheque":
        key = f"why_{request['code']}"
        return words(key) if words.has(key) else str(request["code"])
    if body["kind"] == "issue_cheques":
        return words("issued", cheques=request["cheques"], account=request["account"])
    return _agreed(body, banks, words)


def _agreed(body: dict[str, Any], banks: Mapping[str, str], words: Words) -> str:
    """Return what was agreed with another bank, or at which of its records it was readmitted."""
    request = body["request"]
    if "head" in request:
        return words("readmitted", size=words.number(request["head"][0]))
    they, we = (
        words("unlimited") if limit is None else Hours.from_seconds(limit)
        for limit in (request["they_may_owe"], request["we_may_owe"])
    )
    peer = request["peer"]
    return words("terms", bank=banks.get(peer, peer), they=they, we=we)


def _across(body: dict[str, Any], banks: Mapping[str, str], words: Words) -> str:
    """Return what an exchange with another bank came to; nothing for every other record."""
    request = body["request"]
    if "abandoned" in request:
        return words("given_up")
    if body["kind"] in {"refuse", "void"}:
        refused = request["answer"]["body"] if "answer" in request else request
        return why_text(refused["code"]) if "code" in refused else ""
    across = across_of(body)
    if across is None:
        return ""
    bank = banks.get(across.bank, across.bank)
    if body["kind"] != "hold":
        return words("for_bank", bank=bank, offer=across.offer)
    if across.address is None:
        return words("offered_back", bank=bank)
    return words("offered", bank=bank, address=across.address)
