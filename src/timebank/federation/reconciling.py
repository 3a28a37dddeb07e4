"""Comparing what two banks have of each other: which exchanges only one has, and what is under way.

The balance of each on the account of the agreement mirrors the other's, but for what is under way:
an offer that the other bank has booked and whose answer has not come. Each bank sends its
*position*, or both are at hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import attrs

from timebank.bank import TimeBank
from timebank.federation.agreements import Peer, journal_of
from timebank.federation.envelopes import Key, key_of, sealed
from timebank.federation.forms import MOST_ENTRIES, MessageRefused
from timebank.federation.messages import signed_with
from timebank.federation.servers import agreement_of_peer, opened_by
from timebank.hours import Hours
from timebank.journal.kinds import RecordBody
from timebank.journal.offers import MESSAGES, offer_body, offered
from timebank.model import MAX_INTEGER
from timebank.model.agreements import PEER_PREFIX, Agreement, account_of, shared_id
from timebank.proof.heads import check_kept
from timebank.queries.agreements import offers_under_way
from timebank.queries.records import PAGE, body_of, last_balance, record_at
from timebank.storage.protocol import Reader

#: What is under way, and comes right by itself once messages arrive.
UNDER_WAY: Final = frozenset({"offered", "booked here", "booked there", "later"})


@attrs.frozen(kw_only=True)
class Compared:
    """An exchange that two banks do not have alike, or that is under way.

    `id` is that under which both book it; `offer` the id of the offer, where it is known.
    `here` and `there` is what each has posted on its account for the other, `None` where nothing.
    `hours` is what the exchange moves. `status` is one of these:

    - `offered`: it is offered, and booked nowhere;
    - `booked here`, `booked there`: it was accepted, and the answer is under way;
    - `later`: the other bank booked it after it had made its position;
    - `only here`, `only there`: the other bank has forgotten it, or has given it up;
    - `differs`: the two have booked different hours;
    - `written off`: a board wrote hours off, or something else that is not of two banks.
    """

    id: str
    status: str
    hours: Hours
    offer: str | None = None
    here: Hours | None = None
    there: Hours | None = None


@attrs.frozen(kw_only=True)
class Reconciliation:
    """What two banks have of each other, compared.

    `balance` is this bank's on the account of the agreement, `theirs` the other's; `difference`
    is their sum, which is 0:00 where they mirror each other. `items` explain it to the second.
    """

    peer: str
    balance: Hours
    theirs: Hours
    items: tuple[Compared, ...]

    @property
    def difference(self) -> Hours:
        """What the two balances do not mirror."""
        return self.balance + self.theirs

    @property
    def under_way(self) -> tuple[Compared, ...]:
        """What comes right by itself, once messages arrive."""
        return tuple(one for one in self.items if one.status in UNDER_WAY)

    @property
    def wrong(self) -> tuple[Compared, ...]:
        """What comes not right by itself: boards look into it."""
        return tuple(one for one in self.items if one.status not in UNDER_WAY)

    @property
    def ok(self) -> bool:
        """Whether nothing but what is under way stands between the two."""
        return not self.wrong


@attrs.define(kw_only=True)
class _Position:
    """What one bank has: seconds by the id of an exchange, and its offers without an answer."""

    balance: int
    booked: dict[str, int] = attrs.field(factory=dict)
    open: dict[str, int] = attrs.field(factory=dict)
    #: What only the bank's own journal says: ids of offers, and the other's records that answer,
    #: as far as its journal is known to have them: it may have lost those that were seen before.
    offers: dict[str, str] = attrs.field(factory=dict)
    answered_by: dict[str, int] = attrs.field(factory=dict)


def _position_of(reader: Reader, agreement: Agreement) -> _Position:
    account = agreement.account
    found = _Position(balance=last_balance(reader, account))
    # Without a head, as in one store, nothing of the other bank's journal can have been lost.
    end = MAX_INTEGER if agreement.seen is None else agreement.seen.size
    for record, seconds in _posted(reader, account):
        id, body = _exchange(record)
        found.booked[id] = found.booked.get(id, 0) + seconds
        if body is None:
            continue
        found.offers[id] = body["id"]
        answer = record["request"].get("answer", {}).get("body", {})
        if answer.get("from") == agreement.peer and answer["record"] <= end:
            found.answered_by[id] = answer["record"]
    for record in offers_under_way(reader, account):
        body = offer_body(record)
        id = shared_id(body["from"], body["id"])
        found.open[id] = body["seconds"]
        found.offers[id] = body["id"]
    return found


def _posted(reader: Reader, account: str) -> Iterator[tuple[RecordBody, int]]:
    """Yield the records on an account, and what each has posted on it."""
    after = 0
    while page := reader.postings(account, after=after, limit=PAGE):
        for posting in page:
            yield body_of(record_at(reader, posting.sequence)), posting.seconds
        after = page[-1].version


def _exchange(record: RecordBody) -> tuple[str, Mapping[str, Any] | None]:
    """Return the id that both banks know an exchange by, and its offer; of a write-off its own."""
    request = record["request"]
    if "offer" in request:
        signed = request["offer"]
    elif "answer" in request:
        signed = request["answer"]["body"]["offer"]
    else:
        return request["id"], None
    body = offered(signed)
    return shared_id(body["from"], body["id"]), body


# -- sending it --------------------------------------------------------------------------------


def position(bank: TimeBank, peer: Peer, *, key: Key) -> bytes:
    """Return what this bank has of its exchanges with another, signed: messages, one a line.

    :raises NotAgreed: there never was an agreement.
    :raises InvalidRequest: a key that is not the bank's.
    :raises NotPermitted: the permissions say no.
    :raises StoreError: the package `cryptography` is missing.
    """
    check_kept(bank)
    own, journal = journal_of(bank), journal_of(peer)
    bank._may("account", account_of(journal))  # noqa: SLF001 - of the same house
    signing = key_of(own, key)
    with bank.store.reader(bank.name) as reader:
        found = _position_of(reader, agreement_of_peer(reader, journal))
        size = reader.head().sequence
        booked, waiting = sorted(found.booked.items()), sorted(found.open.items())
        pages = max(1, -(-len(booked) // MOST_ENTRIES), -(-len(waiting) // MOST_ENTRIES))
        lines = []
        for page in range(pages):
            part = slice(page * MOST_ENTRIES, (page + 1) * MOST_ENTRIES)
            body = {
                "format": MESSAGES,
                "kind": "position",
                "from": own,
                "to": journal,
                "record": size,
                "page": page + 1,
                "pages": pages,
                "balance": found.balance,
                "booked": [list(one) for one in booked[part]],
                "open": [list(one) for one in waiting[part]],
            }
            lines.append(sealed(reader, signed_with(body, signing), signing, peer=journal))
    return b"\n".join(lines) + b"\n"


# -- comparing ---------------------------------------------------------------------------------


def reconcile(own: TimeBank, theirs: TimeBank | bytes | str) -> Reconciliation:
    """Compare what two banks have of each other; the difference of their mirrors is the list.

    `theirs` is the other bank, or the position that it sent. Nothing is recorded.

    :raises MessageRefused: as `read`; or the position is not whole.
    :raises NotAgreed: there never was an agreement.
    :raises NotPermitted: the permissions say no.
    :raises TimebankError: as `read`.

    >>> import timebank
    >>> from timebank import federation
    >>> isola = timebank.open("memory:", bank="isola")
    >>> bovisa = timebank.TimeBank(isola.store, bank="bovisa")
    >>> _ = isola.open_account("anna"), bovisa.open_account("bruno")
    >>> terms = {"they_may_owe": 20, "we_may_owe": 20}
    >>> _ = federation.agree(isola, bovisa, **terms), federation.agree(bovisa, isola, **terms)
    >>> _ = federation.make_offer(isola, bovisa, spender="anna", earner="bruno", hours=2, id="x1")
    >>> found = federation.reconcile(isola, bovisa)
    >>> [(one.offer, one.status, one.hours) for one in found.items], found.ok, found.difference
    ([('x1', 'offered', Hours('2:00'))], True, Hours('0:00'))
    """
    check_kept(own)
    if isinstance(theirs, TimeBank):
        peer = journal_of(theirs)
        with theirs.store.reader(theirs.name) as reader:
            size = reader.head().sequence
            other = _position_of(reader, agreement_of_peer(reader, journal_of(own)))
    else:
        peer, size, other = _read(own, theirs)
    own._may("account", account_of(peer))  # noqa: SLF001 - of the same house
    with own.store.reader(own.name) as reader:
        ours = _position_of(reader, agreement_of_peer(reader, peer))
    items = tuple(_compared(ours, other, size))
    return Reconciliation(
        peer=peer,
        balance=Hours.from_seconds(ours.balance),
        theirs=Hours.from_seconds(other.balance),
        items=items,
    )


def _read(own: TimeBank, data: bytes | str) -> tuple[str, int, _Position]:
    """Return whose position it is, how long its journal was then, and the position.

    :raises MessageRefused: it is not whole, or as `read`.
    """
    text = data.encode() if isinstance(data, str) else data
    messages = [opened_by(own, line, "position")[0] for line in text.splitlines() if line]
    bodies = [one.body for one in messages]
    same = [{body[field] for body in bodies} for field in ("from", "record", "pages", "balance")]
    is_whole = all(len(one) == 1 for one in same)
    if not is_whole or sorted(body["page"] for body in bodies) != [*range(1, same[2].pop() + 1)]:
        msg = "the position is not whole: all lines of one file belong together"
        raise MessageRefused(msg).about(key="position_torn")
    found = _Position(balance=bodies[0]["balance"])
    for body in bodies:
        found.booked.update(map(_pair, body["booked"]))
        found.open.update(map(_pair, body["open"]))
    if sum(found.booked.values()) != found.balance:
        msg = "the position does not come to its balance: ask the other bank for it again"
        raise MessageRefused(msg).about(key="position_unbalanced")
    return messages[0].sender, bodies[0]["record"], found


def _pair(row: list[Any]) -> tuple[str, int]:
    return row[0], row[1]


def _compared(ours: _Position, theirs: _Position, size: int) -> Iterable[Compared]:
    """Yield what the two do not have alike, by the id of an exchange."""
    ids = sorted({*ours.booked, *theirs.booked, *ours.open, *theirs.open})
    for id in ids:
        here, there = ours.booked.get(id), theirs.booked.get(id)
        status = _status(ours, theirs, id, size)
        if status is not None:
            seconds = ours.open.get(id) or theirs.open.get(id) or abs(here or there or 0)
            yield Compared(
                id=id,
                status=status,
                hours=Hours.from_seconds(seconds),
                offer=ours.offers.get(id, theirs.offers.get(id)),
                here=_hours(here),
                there=_hours(there),
            )


def _status(ours: _Position, theirs: _Position, id: str, size: int) -> str | None:
    """Return how two banks have an exchange; `None`, where they have it alike."""
    here, there = ours.booked.get(id), theirs.booked.get(id)
    found: str | None
    if here is not None and there is not None:
        found = None if here + there == 0 else "differs"
    elif here is None and there is None:
        found = "offered"
    elif not id.startswith(PEER_PREFIX):
        found = "written off"
    elif here is None:
        found = "booked there" if id in ours.open else "only there"
    elif id in theirs.open:
        found = "booked here"
    else:
        found = "later" if ours.answered_by.get(id, 0) > size else "only here"
    return found


def _hours(seconds: int | None) -> Hours | None:
    return None if seconds is None else Hours.from_seconds(seconds)
