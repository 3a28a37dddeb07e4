"""Show agreements with other banks, and exchanges with them, as text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from timebank.hours import Hours
from timebank.journal.offers import offered
from timebank.model import Hold, Transfer, instant
from timebank.model.agreements import Agreement, Crossing, account_of
from timebank.reports.holds import across_text
from timebank.reports.text import (
    Column,
    Row,
    column,
    facts,
    flag_text,
    harmless,
    table,
    together,
)
from timebank.reports.words import Words

if TYPE_CHECKING:
    from timebank.federation import Message, Reconciliation

# -- names ---------------------------------------------------------------------------


def bank_text(agreement: Agreement) -> str:
    """Return what the other bank is called here: its name, else its journal.

    >>> import timebank
    >>> from timebank import federation
    >>> from timebank.reports.peers import bank_text
    >>> isola, bovisa = timebank.open("memory:"), timebank.open("memory:")
    >>> bank_text(federation.agree(isola, bovisa, name="Bovisa", they_may_owe=1, we_may_owe=1))
    'Bovisa'
    """
    return harmless(agreement.name or agreement.peer)


def why_text(code: str) -> str:
    """Return why an offer was refused in words, by the code of its refusal.

    >>> from timebank.reports.peers import why_text
    >>> why_text("account_not_found"), why_text("sun_too_low")
    ('there is no account of that address', 'sun_too_low')
    """
    words = Words("peers")
    key = f"why_{code}"
    return words(key) if words.has(key) else harmless(words("why_other", code=code))


def moment_text(moment: datetime) -> str:
    """Return an instant in UTC to the minute."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"


# -- agreements ----------------------------------------------------------------------


def agreements_text(found: Iterable[tuple[Agreement, Hours, int]]) -> list[str]:
    """Return a line for each agreement, with what the other bank owes and how many offers wait.

    Hours below zero are owed to it.
    """
    words = Words("peers")
    rows: list[Row] = [
        [
            bank_text(agreement),
            words(f"status_{agreement.status}"),
            _owed(owed),
            _limit(agreement.may_be_owed_to_us, words),
            _owed(-owed),
            _limit(agreement.may_be_owed_by_us, words),
            words.number(waiting),
        ]
        for agreement, owed, waiting in found
    ]
    if not rows:
        return [words("no_agreement")]
    figures = [
        Column(words(title), right=True)
        for title in ("owes", "at_most", "we_owe", "at_most", "waiting")
    ]
    return table([column("bank", least=20), column("status"), *figures], rows)


def _owed(hours: Hours) -> str:
    return str(max(hours, Hours(0)))


def _limit(limit: Hours | None, words: Words) -> str:
    return words("none") if limit is None else str(limit)


def agreement_text(agreement: Agreement, owed: Hours, offers: Iterable[Hold] = ()) -> list[str]:
    """Return an agreement: both limits of both banks, which holds, what is owed and under way.

    >>> import timebank
    >>> from timebank import federation
    >>> from timebank.reports.peers import agreement_text
    >>> isola, bovisa = timebank.open("memory:"), timebank.open("memory:")
    >>> agreed = federation.agree(
    ...     isola, bovisa, name="Bovisa", they_may_owe=20, we_may_owe=20, theirs=(10, None))
    >>> for line in agreement_text(agreed, timebank.Hours(2))[4:]:
    ...     print(line)
                  By us   By them  Holds  Owed now
    ------------  -----  --------  -----  --------
    They may owe  20:00  no limit  20:00      2:00
    We may owe    20:00     10:00  10:00      0:00
    """
    words = Words("peers")
    status = words(f"status_{agreement.status}")
    known = {words("journal"): agreement.peer, words("key"): agreement.key or words("no_key")}
    if agreement.seen is not None:
        known[words("seen")] = words.counted("seen_of", agreement.seen.size)
    titles = [Column(words(title), right=True) for title in ("here", "there", "holds", "now")]
    return [
        words("agreement_with", bank=bank_text(agreement), status=status),
        *map(harmless, facts(known)),
        "",
        *table([Column(""), *titles], _limits(agreement, owed, words)),
        *_offers(offers, agreement, words),
    ]


def _limits(agreement: Agreement, owed: Hours, words: Words) -> list[Row]:
    told = agreement.theirs
    theirs = (words("not_told"),) * 2 if told is None else tuple(_limit(x, words) for x in told)
    return [
        [
            words("they_may_owe"),
            _limit(agreement.they_may_owe, words),
            theirs[1],
            _limit(agreement.may_be_owed_to_us, words),
            _owed(owed),
        ],
        [
            words("we_may_owe"),
            _limit(agreement.we_may_owe, words),
            theirs[0],
            _limit(agreement.may_be_owed_by_us, words),
            _owed(-owed),
        ],
    ]


def _offers(offers: Iterable[Hold], agreement: Agreement, words: Words) -> list[str]:
    """Return the offers of this bank that wait for an answer, and what they come to."""
    waiting = [hold for hold in offers if hold.across is not None]
    if not waiting:
        return []
    hours = Hours.from_seconds(sum(hold.hours.seconds for hold in waiting))
    lines = ["", words.counted("under_way", len(waiting), hours=hours)]
    return [*lines, *(words("offer_line", **_offered(hold, agreement)) for hold in waiting)]


def _offered(hold: Hold, agreement: Agreement) -> dict[str, Any]:
    """Return what is said of an offer."""
    across = hold.across
    assert across is not None  # noqa: S101 - offers alone are shown so
    return {
        "id": hold.id,
        "hours": hold.hours,
        "spenders": together(hold.spenders),
        "earner": across_text(across, {agreement.account: bank_text(agreement)}),
        "moment": moment_text(across.answer_by),
    }


# -- exchanges -----------------------------------------------------------------------


def crossing_text(crossing: Crossing, agreement: Agreement) -> list[str]:
    """Return how far an exchange with another bank has come.

    >>> from datetime import date
    >>> import timebank
    >>> from timebank import federation
    >>> from timebank.reports.peers import crossing_text
    >>> isola = timebank.open("memory:", bank="isola")
    >>> bovisa = timebank.TimeBank(isola.store, bank="bovisa")
    >>> _ = isola.open_account("anna"), bovisa.open_account("bruno")
    >>> agreed = federation.agree(isola, bovisa, name="Bovisa", they_may_owe=20, we_may_owe=20)
    >>> _ = federation.agree(bovisa, isola, name="Isola", they_may_owe=20, we_may_owe=20)
    >>> for earner in ("bruno", "nobody"):
    ...     made = federation.transfer(
    ...         isola, bovisa, spender="anna", earner=earner, hours=2, id=f"for-{earner}")
    ...     print(*crossing_text(made, agreed))
    for-bruno: 2:00 from anna to bruno (Bovisa) is booked in both banks: record 5 here, 4 there
    for-nobody: 2:00 of anna for nobody (Bovisa) refused by Bovisa: there is no account \
of that address. The hours are free again
    """
    words = Words("peers")
    said = {**_offered(crossing.offer, agreement), "bank": bank_text(agreement)}
    spent, earned = crossing.spent, crossing.earned
    if spent is not None:
        there = {} if earned is None else {"there": earned.sequence}
        key = "booked" if there else "booked_here"
        lines = [words(key, sequence=spent.sequence, **there, **said)]
    elif crossing.status == _REFUSED:
        key = "given_up" if crossing.code == "abandoned" else "refused"
        lines = [words(key, why=why_text(crossing.code or ""), **said)]
    else:
        lines = [words("waits", **said)]
    return [*map(harmless, lines), *_notes(spent or crossing.offer)]


_REFUSED: Final = "refused"


def _notes(made: Transfer | Hold) -> list[str]:
    said: Callable[..., str] = Words("transfers")
    return [harmless(said("note", flag=flag_text(flag))) for flag in made.flags]


def write_off_text(made: Transfer, agreement: Agreement) -> list[str]:
    """Return what was written off, and on which account."""
    words = Words("peers")
    theirs = agreement.account in made.earners
    (account,) = made.spenders if theirs else made.earners
    said = {"hours": made.hours, "account": account, "sequence": made.sequence}
    key = "written_off" if theirs else "written_off_ours"
    return [harmless(words(key, bank=bank_text(agreement), **said)), *_notes(made)]


# -- messages ------------------------------------------------------------------------


def message_text(
    message: Message, names: Mapping[str, str], *, own: str | None = None
) -> list[str]:
    """Return what a message says, in a line; `own` is the journal of the bank that sent it.

    `names` are those of accounts: of agreements they are what other banks are called.
    """
    words, body = Words("peers"), message.body
    is_own = message.sender == own
    peer = message.receiver if is_own else message.sender
    bank = names.get(account_of(peer)) or peer
    signed = body.get("offer", {}) if body["kind"] == "answer" else message.signed
    about = body if body["kind"] in {"request", "position"} else offered(signed)
    said: dict[str, Any] = {"bank": bank, "id": about.get("id", "")}
    if "seconds" in about:
        said["hours"] = Hours.from_seconds(about["seconds"])
    key = f"{body['kind']}_{'to' if is_own else 'from'}"
    if message.is_returned:
        return [harmless(words("returned_to" if is_own else "returned_from", **said))]
    if body["kind"] == "answer":
        return [harmless(_answered(body, key, said, words))]
    lines = [words(key, **said)]
    if body["kind"] == "cancel":
        return list(map(harmless, lines))
    lines += [f"  {words(f'says_{field}', value=value)}" for field, value in _details(about)]
    note = message.note
    lines += [] if note is None else [f"  {words('says_note', value=note)}"]
    return list(map(harmless, lines))


def _answered(body: Mapping[str, Any], key: str, said: dict[str, Any], words: Words) -> str:
    if body["accepted"]:
        return words(f"{key}_accepted", **said)
    return words(f"{key}_refused", why=why_text(body["code"]), **said)


def _details(about: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what else an offer or a request says, of which people want to know."""
    for field in ("earner", "spender", "reverses", "occurred_on", "category"):
        if field in about:
            yield field, str(about[field])
    if "answer_by" in about:
        yield "answer_by", moment_text(instant(about["answer_by"]))


def message_json(message: Message) -> dict[str, Any]:
    """Return what a message says as a dictionary that `json.dumps` takes."""
    said = message.claimed
    return {
        "kind": message.kind,
        "from": message.sender,
        "to": message.receiver,
        "body": dict(message.body),
        "note": message.note,
        "head": {"size": said.size, "root": said.root},
    }


# -- two banks compared --------------------------------------------------------------


def reconciliation_text(found: Reconciliation, bank: str) -> list[str]:
    """Return what two banks do not have alike: what is under way, and what boards look into.

    >>> import timebank
    >>> from timebank import federation
    >>> from timebank.reports.peers import reconciliation_text
    >>> isola = timebank.open("memory:", bank="isola")
    >>> bovisa = timebank.TimeBank(isola.store, bank="bovisa")
    >>> _ = isola.open_account("anna"), bovisa.open_account("bruno")
    >>> terms = {"they_may_owe": 20, "we_may_owe": 20}
    >>> _ = federation.agree(isola, bovisa, **terms), federation.agree(bovisa, isola, **terms)
    >>> _ = federation.make_offer(isola, bovisa, spender="anna", earner="bruno", hours=2, id="x1")
    >>> for line in reconciliation_text(federation.reconcile(isola, bovisa), "Bovisa"):
    ...     print(line)
    Exchange  Hours  Here  There  What it is
    --------  -----  ----  -----  ------------------------------------------
    x1         2:00               offered, and not answered: it is under way
    <BLANKLINE>
    The two books mirror each other: 0:00 here, 0:00 at Bovisa.
    All of this comes right by itself, once the messages arrive.
    """
    words = Words("peers")
    rows: list[Row] = [
        [
            one.offer or one.id,
            str(one.hours),
            "" if one.here is None else str(one.here),
            "" if one.there is None else str(one.there),
            words(f"compared_{one.status.replace(' ', '_')}"),
        ]
        for one in sorted(found.items, key=lambda one: one.offer or one.id)
    ]
    figures = [Column(words(title), right=True) for title in ("hours", "is_here", "is_there")]
    columns = [Column(words("exchange"), least=12), *figures, Column(words("what"), least=30)]
    key = "differ" if found.difference else "mirrored"
    said = {"here": found.balance, "there": found.theirs, "bank": bank}
    if found.difference:
        said["difference"] = abs(found.difference)
    lines = [*table(columns, rows), ""] if rows else []
    lines.append(harmless(words(key, **said)))
    if found.wrong:
        lines.append(words.counted("wrong", len(found.wrong)))
    elif found.items:
        lines.append(words("by_itself"))
    return lines


def reconciliation_json(found: Reconciliation) -> dict[str, Any]:
    """Return what two banks do not have alike as a dictionary that `json.dumps` takes."""
    return {
        "ok": found.ok,
        "bank": found.peer,
        "balance": str(found.balance),
        "theirs": str(found.theirs),
        "difference": str(found.difference),
        "items": [
            {
                "id": one.id,
                "offer": one.offer,
                "status": one.status,
                "hours": str(one.hours),
                "here": None if one.here is None else str(one.here),
                "there": None if one.there is None else str(one.there),
            }
            for one in found.items
        ],
    }
