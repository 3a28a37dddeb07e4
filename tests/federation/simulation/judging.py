"""What is wrong between banks, by what their journals say: no call of the library judges here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations, permutations
from typing import Any

import attrs

from federation.simulation.hosts import Host
from federation.simulation.reading import Place, accounts, balance, records
from timebank import Hours, NotAgreed, federation
from timebank.federation.auditing import audit_pairs
from timebank.model.agreements import account_of

#: Who offered it, and the offer's id.
Key = tuple[str, str]


@attrs.define
class Exchange:
    """An exchange as the journals of two banks have it."""

    to: str = ""
    is_open: bool = False
    is_refused: bool = False
    #: What was booked where it was offered, and where it was answered.
    spent: list[int] = attrs.field(factory=list)
    earned: list[int] = attrs.field(factory=list)
    #: What was booked and is not what the offer says.
    other: list[int] = attrs.field(factory=list)


def exchanges(hosts: Iterable[Place]) -> dict[Key, Exchange]:
    """Return each exchange between banks, as the journals say it."""
    found: dict[Key, Exchange] = {}
    for host in hosts:
        offers: dict[str, Exchange] = {}
        for record in records(host):
            request = record["request"]
            if record["kind"] == "hold" and "offer" in request:
                one = found.setdefault((host.journal, request["id"]), Exchange())
                offers[request["id"]] = one
                one.is_open, one.to = True, request["offer"]["to"]
            elif record["kind"] in {"settle", "void"} and request["hold"] in offers:
                offers[request["hold"]].is_open = False
            _take_moved(found, host, record)
    return found


def _take_moved(found: dict[Key, Exchange], host: Place, record: dict[str, Any]) -> None:
    """Take note of a record that books an exchange, or refuses one."""
    offer = _offer_of(record["request"])
    if offer is None:
        return
    one = found.setdefault((offer["from"], offer["id"]), Exchange())
    if record["kind"] == "refuse":
        one.is_refused = True
        return
    is_own = offer["from"] == host.journal
    account = account_of(offer["to"] if is_own else offer["from"])
    postings: list[tuple[str, int]] = record["effects"].get("postings", [])
    if postings:
        moved = sum(seconds for id, seconds in postings if id == account)
        one.to = offer["to"]
        (one.spent if is_own else one.earned).append(moved if is_own else -moved)
        if abs(moved) != offer["seconds"]:
            one.other.append(moved)


def _offer_of(request: dict[str, Any]) -> dict[str, Any] | None:
    """Return the offer that a record books or refuses, `None` where it is about none."""
    signed = request.get("offer") or request.get("answer")
    while isinstance(signed, dict) and "body" in signed:
        body = signed["body"]
        if body["kind"] == "offer":
            offer: dict[str, Any] = body
            return offer
        signed = {"body": body["offer"]} if body["kind"] == "cancel" else body["offer"]
    return None


def wrong_now(hosts: Sequence[Place]) -> Iterator[str]:
    """Yield what is wrong at any moment: a difference of two mirrors that is not under way."""
    found = exchanges(hosts)
    under_way: Counter[tuple[str, str]] = Counter()
    for (journal, id), one in found.items():
        named = f"{id} of {journal}"
        for moved, where in ((one.spent, "spent"), (one.earned, "earned")):
            if len(moved) > 1:
                yield f"{named} was {where} {len(moved)} times"
        if one.other:
            yield f"{named} was booked as {one.other} s, which is not what was offered"
        under_way[journal, one.to] += sum(one.spent) - sum(one.earned)
    for first, second in combinations(hosts, 2):
        pair = (first.journal, second.journal)
        way = under_way[pair] + under_way[pair[::-1]]
        off = _written_off(first, second) + _written_off(second, first)
        mirrors = balance(first, account_of(second.journal)) + balance(
            second, account_of(first.journal)
        )
        if mirrors != way + off:
            yield (
                f"the mirrors of {first.name} and {second.name} differ by {mirrors} s, "
                f"and {way} s are under way, {off} s written off"
            )


def wrong_before(hosts: Sequence[Place]) -> Iterator[str]:
    """Yield what is wrong at any moment where nobody has lost anything."""
    yield from wrong_now(hosts)
    for (journal, id), one in exchanges(hosts).items():
        if one.is_refused and one.earned:
            yield f"{id} of {journal} was refused and booked"
        if one.spent and not one.earned:
            yield f"{id} of {journal} was spent and not earned"


def _written_off(host: Place, peer: Place) -> int:
    account = account_of(peer.journal)
    return sum(
        seconds
        for record in records(host)
        if "written_off" in record["request"]
        for id, seconds in record["effects"]["postings"]
        if id == account
    )


def wrong_at_last(hosts: Sequence[Place]) -> Iterator[str]:
    """Yield what is wrong when all have come together again."""
    yield from wrong_now(hosts)
    for (journal, id), one in exchanges(hosts).items():
        named = f"{id} of {journal}"
        if one.spent != one.earned:
            yield f"{named}: {one.spent} s were spent and {one.earned} s earned"
        if one.is_open:
            yield f"{named} is still open"
    for host in hosts:
        total = sum(balance(host, id) for id in accounts(host))
        if total:
            yield f"the accounts of {host.name} come to {total} s"


def findings(hosts: Sequence[Host]) -> Iterator[str]:
    """Yield what the audit of each bank finds."""
    for host in hosts:
        for found in host.bank.audit().findings:
            yield f"{host.name}, {found.check}, {found.place}: {found.expected}, not {found.found}"


def unlisted(hosts: Sequence[Host]) -> Iterator[str]:
    """Yield what `reconcile` does not list of the difference of two mirrors."""
    for first, second in permutations(hosts, 2):
        try:
            found = federation.reconcile(first.bank, second.bank)
        except NotAgreed:
            continue
        listed = [one.here or Hours(0) for one in found.items]
        listed += [one.there or Hours(0) for one in found.items]
        if sum((one.seconds for one in listed), 0) != found.difference.seconds:
            yield f"{first.name} and {second.name}: {found} does not come to its difference"
        if found.balance.seconds != balance(first, account_of(second.journal)):
            yield f"{first.name} and {second.name}: {found} is not of its balance"


def findings_of_pairs(hosts: Sequence[Host]) -> Iterator[str]:
    """Yield what the audit of pairs finds when all have come together, but for write-offs."""
    for found in audit_pairs(*(host.bank for host in hosts)).findings:
        yield f"{found.check}, {found.place}: {found.expected}, not {found.found}"
