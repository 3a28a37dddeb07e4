"""The audit of what banks of one storage have of each other: records in pairs, and mirrors.

An audit of one journal cannot tell whether the other bank has booked the same. Here both are read:
each offer, what became of it at either bank, and that the two balances mirror each other but for
what is under way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import attrs

from timebank.audit import AuditReport, Check
from timebank.audit.findings import Findings, quantity
from timebank.audit.report import explained
from timebank.bank import TimeBank
from timebank.errors import InvalidRequest
from timebank.journal import parse
from timebank.journal.kinds import RecordBody
from timebank.journal.offers import digest_of, offer_body, offered
from timebank.model.agreements import PEER_PREFIX, account_of, shared_id
from timebank.model.said import Said, said
from timebank.queries.records import last_balance
from timebank.storage.protocol import Reader, Store
from timebank.storage.tree import tree_at

#: What is promised of two banks of one storage.
PAIRS: Final = Check(
    "pairs",
    "What two banks of one storage booked for each other is booked by both or by neither, of the "
    "same offers, and their balances mirror each other but for what is under way.",
    "advice_pairs",
)
_PAGE: Final = 500
#: What a record between two banks has in its bytes.
_MARKS: Final = (
    *(b'"offer":{', b'"answer":{', b'"abandoned":', b'"written_off":'),
    *(b'"kind":"readmit"', b'"kind":"history_lost"'),
)


@attrs.frozen
class _Offer:
    """An offer that a bank made: its record, its digest, and what it moves."""

    id: str
    record: int
    digest: str
    seconds: int


@attrs.frozen
class _Booked:
    """What a bank did with an offer: its record, whether it booked it, and of which offer.

    `made` is the record of the offer, by its bank's journal; `answered` that of the answer, where
    the other bank gave it. `is_released` says that the bank had given its offer up.
    """

    record: int
    accepted: bool
    digest: str
    seconds: int
    made: int
    answered: int = 0
    is_released: bool = False

    def is_as(self, other: _Booked) -> bool:
        """Return whether both banks did the same with the same offer."""
        return (self.accepted, self.digest) == (other.accepted, other.digest)


@attrs.define
class _Side:
    """What one bank has of another one, whether or not it ever agreed with it.

    `size` is the number of records that were read; `grown` how many there were once all was read.
    """

    name: str
    size: int
    balance: int = 0
    grown: int = 0
    is_agreed: bool = False
    #: By shared id: its own offers, how they ended, and what it did with those of the other.
    offers: dict[str, _Offer] = attrs.field(factory=dict)
    ended: dict[str, _Booked] = attrs.field(factory=dict)
    answers: dict[str, _Booked] = attrs.field(factory=dict)
    #: The sequences and seconds of what was written off.
    written_off: list[tuple[int, int]] = attrs.field(factory=list)
    #: The head of the other that was seen last: its size and root, and the record that says so.
    seen: tuple[int, str, int] | None = None

    @property
    def records(self) -> int:
        """How many of its records are with the other bank."""
        offers = len(self.offers) + len(self.ended) + len(self.answers)
        return offers + len(self.written_off)

    def is_later(self, record: int) -> bool:
        """Return whether a record came while the other bank was read, and is not lost."""
        return self.size < record <= self.grown


@attrs.define
class _Bank:
    """A bank as it was read: its name, the number of its records, and its other banks."""

    name: str
    size: int
    sides: dict[str, _Side] = attrs.field(factory=dict)
    #: Whether it declares that it lost records.
    has_lost: bool = False

    def of(self, journal: str, *, grown: int) -> _Side:
        """Return what it has of the bank of a journal; it has grown to so many records."""
        side = self.sides.get(journal) or _Side(self.name, self.size)
        side.grown = grown
        return side


def audit_pairs(*banks: TimeBank) -> AuditReport:
    """Compare what banks have of each other, record by record; what was agreed is looked for.

    A finding says what one of two banks has booked and the other has not, what they booked of
    different offers, and what their balances differ by beyond that. What is under way, and what a
    board wrote off, is a note. `records` are those that were compared.

    :raises InvalidRequest: a bank is named twice.
    :raises StoreError: a storage cannot be read.

    >>> import timebank
    >>> from timebank import federation
    >>> isola = timebank.open("memory:", bank="isola")
    >>> bovisa = timebank.TimeBank(isola.store, bank="bovisa")
    >>> _ = isola.open_account("anna"), bovisa.open_account("bruno")
    >>> terms = {"they_may_owe": 20, "we_may_owe": 20}
    >>> _ = federation.agree(isola, bovisa, **terms), federation.agree(bovisa, isola, **terms)
    >>> _ = federation.transfer(isola, bovisa, spender="anna", earner="bruno", hours=2, id="x1")
    >>> federation.audit_pairs(isola, bovisa).ok
    True
    """
    return _audited([(bank.store, bank.name) for bank in banks])


def audit_pairs_of(store: Store, names: Iterable[str]) -> AuditReport | None:
    """Return the same for the banks of a storage; `None`, where no two of them ever agreed.

    :raises StoreError: the storage cannot be read.

    >>> import timebank
    >>> from timebank.federation.auditing import audit_pairs_of
    >>> audit_pairs_of(timebank.open("memory:").store, ["main"]) is None
    True
    """
    report = _audited([(store, name) for name in names])
    return report if report.accounts else None


def _audited(banks: Sequence[tuple[Store, str]]) -> AuditReport:
    """Return the report on all pairs of banks of which one ever agreed with the other.

    The banks are read one after the other. What came meanwhile is left out, by the numbers of
    records.
    """
    findings = Findings([PAIRS])
    heads = {}
    for store, name in banks:
        with store.reader(name) as reader:
            heads[reader.head().journal] = (store, name)
    if len(heads) < len(banks):
        msg = "a bank is compared with another one, and not with itself"
        raise InvalidRequest(msg).about(key="agreed_with_itself")
    journals = {account_of(journal): journal for journal in heads}
    known = {}
    for journal, (store, name) in heads.items():
        with store.reader(name) as reader:
            known[journal] = _bank(reader, name, journals)
    pairs = {frozenset((one, other)) for one, bank in known.items() for other in bank.sides}
    grown = {}
    for journal in {one for pair in pairs for one in pair}:
        store, name = heads[journal]
        with store.reader(name) as reader:
            grown[journal] = reader.head().sequence
    records = accounts = 0
    for one, other in sorted(sorted(pair, key=lambda one: heads[one][1]) for pair in pairs):
        sides = known[one].of(other, grown=grown[one]), known[other].of(one, grown=grown[other])
        accounts += sum(side.is_agreed for side in sides)
        records += sum(side.records for side in sides)
        _compare(*sides, findings)
        for side, peer in ((sides[0], other), (sides[1], one)):
            store, name = heads[peer]
            with store.reader(name) as reader:
                _compare_heads(side, reader, known[peer], findings)
    report = AuditReport(
        findings.all(), None, records, accounts, checks=(PAIRS.name,), notes=findings.notes()
    )
    return report if report.ok else explained(report, None)


# -- reading -----------------------------------------------------------------------------------


def _bank(reader: Reader, name: str, journals: Mapping[str, str]) -> _Bank:
    """Return what a bank has of other ones, with which it ever agreed; by account, their journals.

    That it reads the accounts of agreements alone, and the journal where there is one, is why
    ten thousand banks that never agreed cost little.
    """
    bank = _Bank(name, reader.head().sequence)
    after = PEER_PREFIX
    while rows := [
        row
        for row in reader.accounts(after=after, limit=_PAGE)
        if row.account.startswith(PEER_PREFIX)
    ]:
        for row in rows:
            if row.account in journals and row.kind == "clearing":
                side = _Side(name, bank.size, last_balance(reader, row.account), is_agreed=True)
                bank.sides[journals[row.account]] = side
        after = rows[-1].account
    if bank.sides:
        accounts = {account_of(journal): side for journal, side in bank.sides.items()}
        for record in _between_banks(reader):
            if record["kind"] == "history_lost":
                bank.has_lost = True
            _take_head(record, bank.sides, accounts)
            _take(record, bank.sides, accounts)
    return bank


def _between_banks(reader: Reader) -> Iterator[RecordBody]:
    """Yield the records that are between banks, in the order of the journal."""
    after = 0
    while rows := reader.records(after=after, limit=_PAGE):
        for row in rows:
            if any(mark in row.body for mark in _MARKS):
                record: RecordBody = parse(row.body)  # type: ignore[assignment]  # of that form
                yield record
        after = rows[-1].sequence


def _take_head(record: RecordBody, sides: dict[str, _Side], accounts: dict[str, _Side]) -> None:
    """Take note of the head of another bank that a record says was seen."""
    request = record["request"]
    head = request.get("head", record["effects"].get("seen"))
    if head is None:
        return
    signed = request.get("answer", request.get("offer"))
    side = accounts.get(request.get("account", ""))
    if record["kind"] == "hold":
        side = sides.get(signed["to"])
    elif signed is not None:
        body = signed["body"]
        side = sides.get(body["to"] if body["from"] == record["journal"] else body["from"])
    if side is not None:
        side.seen = (head[0], head[1], record["sequence"])


def _take(record: RecordBody, sides: dict[str, _Side], accounts: dict[str, _Side]) -> None:
    """Take note of a record between banks."""
    kind, request = record["kind"], record["request"]
    if kind == "hold" and "offer" in request:
        _take_offer(record, sides)
    elif "answer" in request:
        _take_answer(record, request["answer"]["body"], sides)
    elif "offer" in request:
        body = offered(request["offer"])
        if body["from"] in sides:
            accepted = kind != "refuse"
            side = sides[body["from"]]
            side.answers[_id(body)] = _done(record, body, accepted=accepted)
    elif kind == "void":
        _take_abandoned(record, sides)
    elif "written_off" in request:
        for account, seconds in record["effects"]["postings"]:
            if account in accounts:
                accounts[account].written_off.append((record["sequence"], seconds))


def _take_offer(record: RecordBody, sides: dict[str, _Side]) -> None:
    body = offer_body(record)
    if body["to"] in sides:
        made = _Offer(body["id"], record["sequence"], digest_of(body), body["seconds"])
        sides[body["to"]].offers[_id(body)] = made


def _take_answer(record: RecordBody, body: Mapping[str, Any], sides: dict[str, _Side]) -> None:
    """Take note of an answer by which an offer ended, or by which it was brought in."""
    offer = offered(body["offer"])
    done = _done(record, offer, accepted=body["accepted"], answered=body["record"])
    if offer["from"] == record["journal"]:
        if offer["to"] in sides:
            sides[offer["to"]].ended[_id(offer)] = done
    elif offer["from"] in sides:
        sides[offer["from"]].answers[_id(offer)] = done


def _take_abandoned(record: RecordBody, sides: dict[str, _Side]) -> None:
    """Take note of an offer that a board gave up: no answer has come so far."""
    id = shared_id(record["journal"], record["request"]["hold"])
    for side in sides.values():
        offer, ended = side.offers.get(id), side.ended.get(id)
        if offer is not None and (ended is None or not ended.accepted):
            side.ended[id] = _Booked(
                record["sequence"],
                accepted=False,
                digest=offer.digest,
                seconds=offer.seconds,
                made=offer.record,
                is_released=True,
            )


def _done(
    record: RecordBody, offer: Mapping[str, Any], *, accepted: bool, answered: int = 0
) -> _Booked:
    return _Booked(
        record["sequence"],
        accepted,
        digest_of(offer),
        offer["seconds"],
        offer["record"],
        answered,
    )


def _id(offer: Mapping[str, Any]) -> str:
    return shared_id(offer["from"], offer["id"])


# -- comparing ---------------------------------------------------------------------------------


def _compare(one: _Side, other: _Side, findings: Findings) -> None:
    """Compare what two banks have of each other, and what their balances differ by."""
    explained = sum(seconds for side in (one, other) for _, seconds in side.written_off)
    for side in (one, other):
        for sequence, seconds in side.written_off:
            place = said("record_of_bank", sequence=sequence, bank=side.name)
            findings.note(place, said("written_off_between_banks", hours=quantity(seconds)))
    for ours, theirs in ((one, other), (other, one)):
        for id in sorted({*ours.offers, *ours.ended, *theirs.answers}):
            explained += _compare_one(id, ours, theirs, findings)
    difference = one.balance + other.balance
    if difference != explained:
        findings.add(
            PAIRS.name,
            said("balances_of_banks", one=one.name, other=other.name),
            expected=said("balances_that_differ_by", hours=quantity(explained)),
            found=quantity(difference),
        )


def _compare_heads(side: _Side, reader: Reader, peer: _Bank, findings: Findings) -> None:
    """Compare the head of the other bank that was seen last with that bank's journal."""
    if side.seen is None or not side.seen[0]:
        return
    size, root, sequence = side.seen
    if size <= reader.head().sequence and tree_at(reader, size).root().hex() == root:
        return
    place = said("record_of_bank", sequence=sequence, bank=side.name)
    if peer.has_lost:
        findings.note(place, said("seen_head_is_lost", size=size, bank=peer.name))
        return
    expected = said("seen_head_is_there", size=size, bank=peer.name)
    findings.add(PAIRS.name, place, expected=expected, found=said("none"))


def _compare_one(id: str, ours: _Side, theirs: _Side, findings: Findings) -> int:
    """Compare one offer of a bank with what the other did; return what that adds to both."""
    offer, ended, answer = ours.offers.get(id), ours.ended.get(id), theirs.answers.get(id)
    spent = ended.seconds if ended is not None and ended.accepted else 0
    earned = answer.seconds if answer is not None and answer.accepted else 0
    told = _difference(ours, theirs, offer, ended, answer)
    if told is not None:
        named = id if offer is None else offer.id
        place = said("offer_between_banks", offer=named, one=ours.name, other=theirs.name)
        expected, found = told
        if expected is None:
            findings.note(place, found)
        else:
            findings.add(PAIRS.name, place, expected=expected, found=found)
    return spent - earned


#: What is expected, `None` of a note, and what was found.
_Told = tuple[Said | None, Said]


def _difference(
    ours: _Side,
    theirs: _Side,
    offer: _Offer | None,
    ended: _Booked | None,
    answer: _Booked | None,
) -> _Told | None:
    """Return what is wrong with an offer, or what is to be seen of it."""
    if ended is not None and answer is not None and ended.is_as(answer):
        return None  # whatever the id was used for besides, by a bank that had forgotten it
    if not any(one is not None and one.accepted for one in (ended, answer)):
        return _refused(theirs, ended, answer)
    if len({one.digest for one in (offer, ended, answer) if one is not None}) > 1:
        return said("one_offer_at_both_banks"), said("offers_of_other_content")
    if answer is not None:
        return _booked(ours, theirs, offer, ended, answer)
    assert ended is not None  # noqa: S101  # one of the two was accepted
    if theirs.is_later(ended.answered):
        return None  # it was answered after that journal was read
    return _wanting(theirs, "pair_an_answer"), said("no_such_answer")


def _refused(theirs: _Side, ended: _Booked | None, answer: _Booked | None) -> _Told | None:
    """Return what is to be seen of an offer by which nobody has booked anything."""
    if ended is None and answer is not None:
        return None, said("refused_and_under_way", sequence=answer.record, bank=theirs.name)
    if answer is None and ended is not None and 0 < ended.answered <= theirs.size:
        return None, said("refusal_forgotten", sequence=ended.answered, bank=theirs.name)
    return None


def _booked(
    ours: _Side, theirs: _Side, offer: _Offer | None, ended: _Booked | None, answer: _Booked
) -> _Told | None:
    """Return what is wrong where both, or the other bank alone, did something, and not alike."""
    by_them = {"sequence": answer.record, "bank": theirs.name}
    if ended is not None:
        if ended.accepted:
            return _wanting(theirs, "pair_a_booking"), said("refused_by_record", **by_them)
        by_us = {"sequence": ended.record, "bank": ours.name}
        key = "given_up_by_record" if ended.is_released else "refused_by_record"
        return _wanting(ours, "pair_a_booking"), said(key, **by_us)
    if offer is not None:
        return None, said("booked_and_under_way", **by_them)
    if ours.is_later(answer.made):
        return None  # it was made after this journal was read
    return _wanting(ours, "pair_an_offer"), said("no_such_offer")


def _wanting(side: _Side, key: str) -> Said:
    return said(key, bank=side.name)
