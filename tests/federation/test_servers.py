"""Two servers: each step is done once however often it is asked for, and nothing is done else."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from copy import deepcopy
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

import timebank
from federation.forging import put, signed_anew
from federation.sides import Side, a_side, agree, exchange, two_sides
from timebank import (
    AlreadyResolved,
    HoldNotFound,
    InvalidRequest,
    NotAgreed,
    NotFound,
    NotPermitted,
    Roles,
    TimeBank,
    TransferNotFound,
    WrongType,
    federation,
)
from timebank.federation import Message, MessageRefused, OtherOffer
from timebank.model.agreements import shared_id
from timebank.proof import NotProved, SigningKey, origin_of


def body_of(data: bytes) -> dict[str, Any]:
    """What a message says."""
    return Message.of(data).body


def is_well(*sides: Side) -> bool:
    """Whether the audits of banks find nothing."""
    return all(side.bank.audit().ok for side in sides)


# -- what is accepted and what is refused ----------------------


def test_hours_cross_in_three_messages() -> None:
    """What is offered, answered and concluded is booked on both sides, to the second."""
    one, other = two_sides()
    sent = one.offers(other, id="x1", hours="1:30")
    assert "0:00" == one.owed(other) == other.owed(one)
    answered = other.answers(sent)
    assert ("0:00", "-1:30") == (one.owed(other), other.owed(one))
    assert "booked" == one.concludes(answered).status
    assert ("1:30", "-1:30") == (one.owed(other), other.owed(one))
    assert is_well(one, other)


def test_each_step_again_is_the_same_message() -> None:
    """Each message has the same body for ever, and each step that is repeated appends nothing."""
    one, other = two_sides()
    sent = one.offers(other, id="x1")
    answered = other.answers(sent)
    crossing = one.concludes(answered)
    heads = one.bank.head(), other.bank.head()
    for _ in range(3):
        again = one.offers(other, id="x1")
        assert Message.of(sent).signed == Message.of(again).signed
        assert Message.of(answered).signed == Message.of(other.answers(again)).signed
        assert crossing == one.concludes(answered)
        late = federation.cancel
        with pytest.raises(AlreadyResolved):
            late(one.bank, "x1", key=one.key)
    assert heads == (one.bank.head(), other.bank.head())


def test_what_the_other_bank_refuses_is_free_again() -> None:
    """A refusal says why, releases the hours, and is for ever."""
    one, other = two_sides()
    sent = one.offers(other, id="x1", earner="nobody")
    answered = other.answers(sent)
    assert "account_not_found" == body_of(answered)["code"]
    other.bank.open_account("nobody")
    assert body_of(answered) == body_of(other.answers(sent))
    crossing = one.concludes(answered)
    assert ("refused", "account_not_found") == (crossing.status, crossing.code)
    assert 0 == one.bank.balance("m1").held.seconds
    assert ("0:00", "0:00") == (one.owed(other), other.owed(one))
    assert is_well(one, other)


def test_a_board_may_name_who_earns() -> None:
    """An address is what the other bank gives out: whom it means there is said with the answer."""
    one, other = two_sides()
    other.bank.open_account("m2")
    sent = one.offers(other, earner="card-81")
    assert body_of(other.answers(sent, earner="m2"))["accepted"]
    assert "1:00" == str(other.bank.balance("m2").posted)
    assert is_well(other)


def test_after_its_time_an_offer_is_refused() -> None:
    """The clock of the bank that answers decides, whatever the other's says."""
    one, other = two_sides()
    sent = one.offers(other, answer_in=timedelta(hours=1))
    other.now += timedelta(hours=2)
    answered = other.answers(sent)
    assert "answered_too_late" == body_of(answered)["code"]
    assert "refused" == one.concludes(answered).status


def test_a_note_goes_along_only_where_it_is_given() -> None:
    """Without it the other bank has its commitment, and no word of it."""
    one, other = two_sides()
    said = "to the clinic"
    bare = one.offers(other, id="x1", note=said)
    assert said.encode() not in bare
    full = one.offers(other, id="x1", note=said, with_note=True)
    assert body_of(bare) == body_of(full)
    one.concludes(other.answers(full))
    booked = other.bank.transfer_by_id(shared_id(one.journal, "x1"))
    assert said == booked.note
    one.concludes(other.answers(one.offers(other, id="x2", note=said)))
    assert other.bank.transfer_by_id(shared_id(one.journal, "x2")).note is None


def test_an_erased_note_goes_along_no_more() -> None:
    """What was erased between two sendings is in no message, and the body is as it was."""
    one, other = two_sides()
    full = one.offers(other, id="x1", note="to the clinic", with_note=True)
    sequence = body_of(full)["record"]
    one.bank.erase(record=sequence, reason="asked for")
    again = federation.message(one.bank, "x1", key=one.key, with_note=True)
    assert "texts" not in Message.of(again).envelope
    assert body_of(full) == body_of(again)


# -- taken back ------------------------------------------------------------------------------


def test_a_cancel_is_a_refusal_for_ever() -> None:
    """What is taken back before it came is refused, also when it comes later."""
    one, other = two_sides()
    sent = one.offers(other, id="x1")
    answered = other.answers(federation.cancel(one.bank, "x1", key=one.key))
    assert "cancelled" == body_of(answered)["code"]
    assert body_of(answered) == body_of(other.answers(sent))
    assert "refused" == one.concludes(answered).status
    assert is_well(one, other)


def test_a_cancel_that_comes_late_is_answered_with_what_was_booked() -> None:
    """The answer to it is the acceptance, and nothing is undone."""
    one, other = two_sides()
    sent = one.offers(other, id="x1")
    accepted = other.answers(sent)
    answered = other.answers(federation.cancel(one.bank, "x1", key=one.key))
    assert body_of(accepted) == body_of(answered)
    assert "booked" == one.concludes(answered).status
    with pytest.raises(AlreadyResolved):
        federation.cancel(one.bank, "x1", key=one.key)


def test_only_an_offer_is_taken_back() -> None:
    """A hold between members of one bank is no offer."""
    one, _ = two_sides()
    one.bank.open_account("m2")
    one.bank.hold(earner="m2", spender="m1", hours=1, id="h1")
    for id in ("h1", "nothing"):
        with pytest.raises(HoldNotFound):
            federation.cancel(one.bank, id, key=one.key)


def test_an_abandoned_offer_is_booked_when_its_answer_comes() -> None:
    """Of what a board gave up, the acceptance counts: it is booked with a flag."""
    one, other = two_sides()
    sent = one.offers(other, id="x1")
    answered = other.answers(sent)
    federation.abandon(one.bank, "x1", reason="nobody answers")
    one.bank.freeze("m1")
    assert "booked" == one.concludes(answered).status
    assert ("1:00", "-1:00") == (one.owed(other), other.owed(one))
    assert is_well(one, other)


# -- reversals and requests ----------------------


def test_hours_go_back_by_an_offer() -> None:
    """A reversal is an offer of the other bank, and never more than the exchange."""
    one, other = two_sides()
    shared = shared_id(one.journal, exchange(one, other, hours=2))
    back = federation.reversal(other.bank, shared, key=other.key, reason="half", hours=1)
    assert "booked" == other.concludes(one.answers(back)).status
    assert ("1:00", "-1:00") == (one.owed(other), other.owed(one))
    back = federation.reversal(other.bank, shared, key=other.key, reason="all of it")
    assert 3600 == body_of(back)["seconds"]
    other.concludes(one.answers(back))
    assert ("0:00", "0:00") == (one.owed(other), other.owed(one))
    assert is_well(one, other)


@pytest.mark.parametrize("with_note", [False, True])
def test_a_request_is_granted_once(with_note: bool) -> None:
    """A claim binds nobody; who grants it makes an offer as it asks, and only one."""
    one, other = two_sides()
    given: dict[str, Any] = {"category": "visits", "occurred_on": date(2026, 3, 1), "tags": ("a",)}
    note = "to the clinic" if with_note else None
    asked = federation.request(
        other.bank,
        one.journal,
        key=other.key,
        hours="0:45",
        earner="m1",
        spender="m1",
        note=note,
        **given,
    )
    before = other.bank.head()
    offers = {federation.grant(one.bank, asked, key=one.key) for _ in range(2)}
    (sent,) = offers
    assert before == other.bank.head()
    assert {"seconds": 2700, "category": "visits", "tags": ["a"]}.items() <= body_of(sent).items()
    one.concludes(other.answers(sent))
    assert "-0:45" == other.owed(one)
    assert is_well(one, other)


def test_a_request_may_leave_to_the_other_bank_who_spends() -> None:
    """Where it names nobody, who grants it says so."""
    one, other = two_sides()
    asked = federation.request(other.bank, one.journal, key=other.key, hours=1, earner="m1")
    with pytest.raises(InvalidRequest, match="who spends"):
        federation.grant(one.bank, asked, key=one.key)
    assert body_of(federation.grant(one.bank, asked, key=one.key, spender="m1"))["seconds"] == 3600


def test_a_request_for_a_reversal_is_granted_by_who_had_earned() -> None:
    """The bank of who spent asks, the other moves back."""
    one, other = two_sides()
    shared = shared_id(one.journal, exchange(one, other))
    asked = federation.request(
        one.bank, other.journal, key=one.key, hours=1, reverses=shared, note="entered twice"
    )
    back = federation.grant(other.bank, asked, key=other.key)
    other.concludes(one.answers(back))
    assert ("0:00", "0:00") == (one.owed(other), other.owed(one))
    bare = federation.request(one.bank, other.journal, key=one.key, hours=1, reverses=shared)
    with pytest.raises(InvalidRequest, match="reason"):
        federation.grant(other.bank, bare, key=other.key)


@pytest.mark.parametrize("wrong", [{}, {"earner": "m1", "reverses": "x"}])
def test_a_request_is_for_one_thing(wrong: dict[str, str]) -> None:
    """Neither an earner nor what moves back, or both: there is no such request."""
    one, other = two_sides()
    with pytest.raises(InvalidRequest, match="one of the two"):
        federation.request(one.bank, other.journal, key=one.key, hours=1, **wrong)


# -- what is refused ----------------------


def test_another_offer_of_the_same_id_is_evidence() -> None:
    """A bank that signs two offers of one id gets no answer, and both prove it."""
    one, other = two_sides()
    first = one.offers(other, id="x1")
    other.answers(first)
    twice = put(("message", "body", "seconds"), 7200)
    second = signed_anew(Message.of(first), one.key, twice)
    head = other.bank.head()
    with pytest.raises(OtherOffer) as refusal:
        other.answers(second)
    assert head == other.bank.head()
    assert refusal.value.evidence is not None
    evidence = federation.OfferEvidence.of(refusal.value.evidence)
    evidence.checked([one.key.public])
    assert refusal.value.evidence == str(evidence)
    with pytest.raises(NotProved):
        evidence.checked([other.key.public])
    alike = federation.OfferEvidence(evidence.first, evidence.first)
    with pytest.raises(NotProved):
        alike.checked([one.key.public])


@pytest.mark.parametrize("text", ["", "{}", "[]", "x", '{"format":"x","offers":[1,2]}'])
def test_evidence_is_read_strictly(text: str) -> None:
    """What has not two signed offers is no evidence."""
    with pytest.raises(MessageRefused):
        federation.OfferEvidence.of(text)


def test_evidence_is_of_offers() -> None:
    """Two answers, however signed, are no evidence of two offers."""
    from timebank.federation.evidence import two_offers

    one, other = two_sides()
    signed = Message.of(other.answers(one.offers(other))).signed
    with pytest.raises(MessageRefused):
        federation.OfferEvidence.of(two_offers(signed, signed) or "")


def test_an_answer_to_what_was_not_offered_is_refused() -> None:
    """An answer with an offer that is not this bank's own settles nothing."""
    one, other = two_sides()
    sent = one.offers(other, id="x1")
    answered = Message.of(other.answers(sent))
    forged = deepcopy(answered.body["offer"])
    forged["body"]["seconds"] = 7200
    made = signed_anew(answered, other.key, put(("message", "body", "offer"), forged))
    with pytest.raises((OtherOffer, NotProved)):
        one.concludes(made)
    with pytest.raises(OtherOffer) as refusal:
        federation.conclude(one.bank, made)  # where no key is given, the journal knows
    assert refusal.value.evidence is None
    assert 3600 == one.bank.balance("m1").held.seconds


@pytest.mark.parametrize("step", ["answer", "conclude", "grant", "bring_in"])
def test_each_step_takes_its_own_messages(step: str) -> None:
    """A message of another kind is refused by its name."""
    one, other = two_sides()
    sent = one.offers(other)
    answered = other.answers(sent)
    asked = federation.request(other.bank, one.journal, key=other.key, hours=1, earner="m1")
    wrong = {"answer": answered, "conclude": asked, "grant": answered, "bring_in": asked}
    given = {"keys": [one.key]} if step in {"conclude", "bring_in"} else {"key": one.key}
    with pytest.raises(MessageRefused, match="of another kind"):
        getattr(federation, step)(one.bank, wrong[step], **given)


def test_a_stranger_is_answered_nothing() -> None:
    """Without an agreement nothing is read; with an ended one nothing is booked."""
    one, other = two_sides()
    stranger = a_side("stranger", 5)
    agree(stranger, one)
    with pytest.raises(NotAgreed):
        one.answers(stranger.offers(one))
    agree(one, stranger)
    sent = stranger.offers(one)
    federation.end(one.bank, stranger.journal, reason="they closed")
    answered = one.answers(sent)
    assert "not_agreed" == body_of(answered)["code"]
    assert "refused" == stranger.concludes(answered).status
    del other


def test_a_key_is_the_banks_own() -> None:
    """No message is signed with the key of another bank, and nothing is recorded for it."""
    one, other = two_sides()
    head = one.bank.head()
    with pytest.raises(InvalidRequest):
        federation.offer(one.bank, other.journal, key=other.key, spender="m1", earner="m1", hours=1)
    assert head == one.bank.head()


def test_messages_are_of_what_is_kept() -> None:
    """What a batch or a preview would record is signed to nobody."""
    one, other = two_sides()
    with one.bank.preview() as tried, pytest.raises(WrongType):
        federation.offer(
            tried,  # type: ignore[arg-type]  # that is what is refused
            other.journal,
            key=one.key,
            spender="m1",
            earner="m1",
            hours=1,
        )


# -- any message, and the outbox ----------------------


def test_a_server_receives_whatever_needs_no_board() -> None:
    """Offers are answered, answers are concluded; what is for a board is refused."""
    one, other = two_sides()
    answered = federation.receive(other.bank, one.offers(other, id="x1"), key=other.key)
    assert answered is not None
    assert federation.receive(one.bank, answered, key=one.key) is None
    assert "1:00" == one.owed(other)
    given = federation.message(one.bank, shared_id(one.journal, "x1"), key=one.key)
    asked = federation.request(one.bank, other.journal, key=one.key, hours=1, earner="m1")
    place = federation.position(one.bank, other.journal, key=one.key)
    for data in (given, asked, place):
        with pytest.raises(MessageRefused, match="for a board"):
            federation.receive(other.bank, data, key=other.key)
    with pytest.raises(MessageRefused, match="given back"):
        other.concludes(given)


def test_the_outbox_has_what_may_not_have_arrived() -> None:
    """Offers without an answer, and answers that the other is not known to have seen."""
    one, other = two_sides()
    assert [] == federation.outbox(one.bank, other.journal, key=one.key)
    one.offers(other, id="x1")
    one.offers(other, id="x2", earner="nobody")
    sent = federation.outbox(one.bank, other.journal, key=one.key)
    assert ["x1", "x2"] == [body_of(data)["id"] for data in sent]
    answered = [other.answers(data) for data in sent]
    waiting = federation.outbox(other.bank, one.journal, key=other.key)
    assert [body_of(data) for data in answered] == [body_of(data) for data in waiting]
    for data in waiting:
        one.concludes(data)
    assert [] == federation.outbox(one.bank, other.journal, key=one.key)
    other.concludes(one.answers(other.offers(one, id="y1")))  # by which one has told what it saw
    other.answers(one.offers(other, id="x3"))
    left = federation.outbox(other.bank, one.journal, key=other.key)
    assert ["x3"] == [body_of(data)["offer"]["body"]["id"] for data in left]
    every = federation.outbox(other.bank, one.journal, key=other.key, since=0)
    assert 3 == len(every)
    with pytest.raises(NotAgreed):
        federation.outbox(one.bank, "nobody", key=one.key)


def test_a_message_is_asked_for_by_its_id() -> None:
    """An offer by its own id, an answer by the one that both share; nothing else has one."""
    one, other = two_sides()
    sent = one.offers(other, id="x1")
    answered = other.answers(sent)
    shared = shared_id(one.journal, "x1")
    assert body_of(sent) == body_of(federation.message(one.bank, "x1", key=one.key))
    assert body_of(answered) == body_of(federation.message(other.bank, shared, key=other.key))
    one.concludes(answered)
    back = Message.of(federation.message(one.bank, shared, key=one.key))
    assert (True, body_of(answered)) == (back.is_returned, back.body)
    one.bank.open_account("m2")
    one.bank.transfer(earner="m2", spender="m1", hours=1, id="own")
    for id in ("own", "nothing", shared_id(one.journal, "x1", "void")):
        with pytest.raises(NotFound):
            federation.message(one.bank, id, key=one.key)


def test_what_crossed_within_one_storage_is_no_message() -> None:
    """Bodies that were never signed are sent to nobody."""
    from timebank.federation import booking
    from timebank.journal.offers import answer_body

    one, other = two_sides()
    body = body_of(one.offers(other, id="x1"))
    booked = booking.book(other.bank, {"body": body})
    booking.conclude(one.bank, {"body": answer_body(booked)})
    shared = shared_id(one.journal, "x1")
    for side in (one, other):
        with pytest.raises(NotFound):
            federation.message(side.bank, shared, key=side.key)
    assert [] == federation.outbox(other.bank, one.journal, key=other.key, since=0)
    exchange(one, other)
    assert is_well(one, other)


def test_a_refusal_is_given_back_to_nobody() -> None:
    """What settles nothing is no message of who offered."""
    one, other = two_sides()
    one.concludes(other.answers(one.offers(other, id="x1", earner="nobody")))
    with pytest.raises(NotFound):
        federation.message(one.bank, shared_id(one.journal, "x1", "void"), key=one.key)


def test_both_banks_know_what_each_has_seen() -> None:
    """Each exchange proves that the head continues the one before, in both directions."""
    one, other = two_sides()
    for turn in range(6):
        exchange(*((one, other) if turn % 2 else (other, one)))
    message = Message.of(one.offers(other))
    seen = federation.agreement(other.bank, one.journal).seen
    assert seen is not None
    assert len(message.proofs[seen.size]) > 0
    assert seen.signature is not None
    other.answers(message.data)
    now = federation.agreement(other.bank, one.journal).seen
    assert now is not None
    assert message.head.checkpoint.size == now.size > seen.size


def test_offers_that_overtake_each_other_are_taken() -> None:
    """Messages that were sent before the last answer came prove less, and are booked alike."""
    one, other = two_sides()
    for _ in range(2):
        exchange(one, other)
    sent = [one.offers(other) for _ in range(4)]
    sizes = []
    for data in (sent[3], sent[0], sent[2], sent[1]):
        one.concludes(other.answers(data))
        seen = federation.agreement(other.bank, one.journal).seen
        sizes.append(seen.size if seen is not None else 0)
    assert sizes == sorted(sizes)
    assert ("6:00", "-6:00") == (one.owed(other), other.owed(one))
    assert is_well(one, other)


def test_permissions_are_asked() -> None:
    """Who may not offer or answer does neither, and reads no message."""
    one, other = two_sides()
    sent = one.offers(other)
    roles = Roles({"carla": "coordinator"})
    clock = other.bank._sources.clock
    closed = TimeBank(other.store, bank=other.name, permissions=roles, clock=clock)
    member = closed.acting_as("m1")
    for refused in (
        lambda: federation.read(member, sent),
        lambda: federation.answer(member, sent, key=other.key),
        lambda: federation.outbox(member, one.journal, key=other.key),
        lambda: federation.position(member, one.journal, key=other.key),
        lambda: federation.reconcile(member, sent),
    ):
        with pytest.raises(NotPermitted):
            refused()
    answered = federation.answer(closed.acting_as("carla"), sent, key=other.key)
    assert body_of(answered)["accepted"]


def test_a_reversal_of_nothing_is_refused() -> None:
    """What was never booked for the other bank is not moved back to it."""
    one, other = two_sides()
    other.bank.open_account("m2")
    other.bank.transfer(earner="m2", spender="m1", hours=1, id="own")
    for id in ("own", "nothing"):
        with pytest.raises(TransferNotFound):
            federation.reversal(other.bank, id, key=other.key, reason="wrong")
    del one


# -- in a host's own transaction -----------------------------------------------------------------


def test_a_joined_bank_exchanges_too(tmp_path: Path) -> None:
    """Steps in a host's transactions commit with them, and what is rolled back was never done."""
    url = f"sqlite:///{tmp_path}/host.db"
    timebank.open(url).close()
    other = a_side("bovisa", 2)
    connection = sqlite3.connect(f"{tmp_path}/host.db", isolation_level=None)
    with closing(connection):
        bank = timebank.join(connection, clock=other.bank._sources.clock)
        journal = bank.head().journal
        key = SigningKey.make(origin_of(journal))
        terms: dict[str, Any] = {"they_may_owe": 20, "we_may_owe": 20}
        federation.agree(other.bank, journal, key=key.public, **terms)
        with transaction(connection):
            bank.open_account("m1")
            federation.agree(bank, other.journal, key=other.key.public, **terms)
        with transaction(connection):
            sent = federation.offer(
                bank, other.journal, key=key, spender="m1", earner="m1", hours=1
            )
        answered = other.answers(sent)
        with suppress(ZeroDivisionError), transaction(connection):
            federation.conclude(bank, answered, keys=[key])
            raise ZeroDivisionError
        assert "0:00" == str(bank.balance("m1").posted)
        with transaction(connection):
            federation.conclude(bank, answered, keys=[key])
        assert "-1:00" == str(bank.balance("m1").posted)
        assert bank.audit().ok


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """A transaction of a host."""
    connection.execute("BEGIN")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
