"""Banks that were put back as they were: found out by their heads, refused, and let in again."""

from __future__ import annotations

from typing import Any

import pytest

import timebank
from federation.forging import put, sealed_anew
from federation.sides import Side, exchange, two_sides
from timebank import (
    AccountNotFound,
    HistoryLost,
    InvalidRequest,
    NotAgreed,
    NotPermitted,
    OfferUnanswered,
    Roles,
    TimeBank,
    federation,
)
from timebank.federation import Message, MessageRefused, OfferForgotten, envelopes
from timebank.federation.forms import MOST_PROOFS
from timebank.model.agreements import shared_id
from timebank.proof import Evidence, Forked, NotProved, sign_head


def pairs() -> tuple[Side, Side]:
    """Two banks that have exchanged in both directions, so that each has seen the other."""
    one, other = two_sides()
    for _ in range(2):
        exchange(one, other)
        exchange(other, one)
    return one, other


def declare(side: Side, refusal: pytest.ExceptionInfo[HistoryLost]) -> None:
    """Let a board declare the loss that a message told of."""
    side.bank.accept_history(head=refusal.value.head, reason="the disk failed")


def is_well(*sides: Side) -> bool:
    """Whether the audits of banks find nothing, and their accounts mirror each other."""
    return all(side.bank.audit().ok for side in sides)


def mirrors(one: Side, other: Side) -> bool:
    """Whether each owes what the other is owed."""
    return (
        one.bank.balance(f"peer:{other.journal}").posted
        == -other.bank.balance(f"peer:{one.journal}").posted
    )


# -- who has lost records answers nothing ----------------------


def test_who_has_lost_records_answers_nothing_until_that_is_declared() -> None:
    """A bank whose journal lacks what another saw of it books nothing, and says what is gone."""
    one, other = pairs()
    before = other.backup()
    exchange(one, other)
    other.restore(before)
    head = other.bank.head()
    sent = one.offers(other)
    with pytest.raises(HistoryLost) as refusal:
        other.answers(sent)
    assert head == other.bank.head()
    assert refusal.value.head.sequence > head.sequence
    with pytest.raises(HistoryLost):
        federation.read(other.bank, sent)
    declare(other, refusal)
    answered = other.answers(sent)
    assert is_well(other)
    with pytest.raises(MessageRefused, match="does not prove"):  # until its own board looks
        one.concludes(answered)
    federation.readmit(one.bank, other.journal, head=answered, reason="both looked")
    assert "booked" == one.concludes(answered).status


def test_a_loss_that_is_older_excuses_no_newer_one() -> None:
    """What was declared of one head is not declared of a later one."""
    one, other = pairs()
    before = other.backup()
    exchange(one, other)
    other.restore(before)
    with pytest.raises(HistoryLost) as refusal:
        other.answers(one.offers(other, id="x1"))
    declare(other, refusal)
    federation.readmit(one.bank, other.journal, head=_head(other), reason="both looked")
    for _ in range(3):
        exchange(one, other)
    later = other.backup()
    for _ in range(3):
        exchange(one, other)
    other.restore(later)
    with pytest.raises(HistoryLost):
        other.answers(one.offers(other, id="x2"))


def test_who_forgot_what_it_had_seen_answers_nothing() -> None:
    """A proof from a head that this bank has no more is a loss of its own."""
    one, other = pairs()
    before = other.backup()
    sent = one.offers(other, id="x1")
    answered = other.answers(sent)
    other.restore(before)
    one.concludes(answered)  # by which it knows what the other had seen
    later = sealed_anew(Message.of(one.offers(other, id="x2")), one.key, drop_seen)
    with pytest.raises(HistoryLost) as refusal:
        other.answers(later)
    declare(other, refusal)
    assert Message.of(other.answers(later)).body["accepted"]
    assert is_well(other)


def drop_seen(envelope: dict[str, Any]) -> None:
    """Take away what the sender saw of the receiver."""
    envelope.pop("seen", None)


def _head(side: Side) -> str:
    return str(sign_head(side.bank, side.key))


# -- who has rewritten records is refused, with evidence ----------------------


def test_a_journal_that_does_not_continue_is_refused_with_evidence() -> None:
    """The evidence is of two heads that the other bank signed, and anybody can check it."""
    one, other = pairs()
    before = one.backup()
    sent = one.offers(other, id="x1")
    other.answers(sent)
    one.restore(before)
    one.bank.open_account("m2")
    size = Message.of(sent).head.checkpoint.size
    while one.bank.head().sequence < size:
        one.bank.open_account(f"n{one.bank.head().sequence}")
    head = other.bank.head()
    place = federation.position(one.bank, other.journal, key=one.key)
    with pytest.raises(Forked) as refusal:
        federation.reconcile(other.bank, place)
    assert head == other.bank.head()
    assert refusal.value.evidence is not None
    evidence = Evidence.of(refusal.value.evidence)
    signed, claimed = evidence.checked([one.key.public])
    assert signed.signers == (one.key.public,)
    assert claimed is not None
    with pytest.raises(NotProved):
        evidence.checked([other.key.public])


def test_a_longer_journal_proves_that_it_continues() -> None:
    """A proof that leads from another head than was seen is evidence, too."""
    one, other = pairs()
    before = one.backup()
    other.answers(one.offers(other, id="x1"))
    seen = federation.agreement(other.bank, one.journal).seen
    assert seen is not None
    one.restore(before)
    while one.bank.head().sequence < seen.size - 1:
        one.bank.open_account(f"n{one.bank.head().sequence}")
    one.offers(other, id="x2")  # in the place of the one that was seen
    forked = sealed_anew(Message.of(one.offers(other, id="x3")), one.key, drop_seen)
    assert seen.size in Message.of(forked).proofs
    with pytest.raises(Forked) as refusal:
        federation.read(other.bank, forked)
    assert refusal.value.evidence is not None
    Evidence.of(refusal.value.evidence).checked([one.key.public])


def test_a_journal_that_proves_nothing_is_refused() -> None:
    """Where what was seen is gone, nothing leads from it: it is refused until a board readmits."""
    one, other = pairs()
    before = one.backup()
    other.concludes(one.answers(other.offers(one, id="y9")))
    one.restore(before)
    for number in range(5):
        one.bank.open_account(f"n{number}")
    sent = sealed_anew(Message.of(one.offers(other, id="x2")), one.key, drop_seen)
    head = other.bank.head()
    with pytest.raises(MessageRefused, match="does not prove"):
        other.answers(sent)
    assert head == other.bank.head()
    federation.readmit(other.bank, one.journal, head=sent, reason="both looked")
    assert Message.of(other.answers(sent)).body["accepted"]


@pytest.mark.parametrize("turn", range(3))
def test_a_proof_that_leads_nowhere_is_refused(turn: int) -> None:
    """Hashes that are missing, changed or added prove nothing, and accuse nobody."""
    one, other = pairs()
    message = Message.of(one.offers(other))
    seen = federation.agreement(other.bank, one.journal).seen
    assert seen is not None
    proofs = message.envelope["proofs"]
    place = [size for size, _ in proofs].index(seen.size)
    hashes = proofs[place][1]
    other_hash = "A" * 43 + "="
    changed = [hashes[:-1], [*hashes[:-1], other_hash], [*hashes, other_hash]][turn]
    with pytest.raises(NotProved) as refusal:
        other.answers(sealed_anew(message, one.key, put(("proofs", place, 1), changed)))
    assert not isinstance(refusal.value, Forked)


def test_an_offer_that_was_given_up_hinders_no_other() -> None:
    """Who abandoned what the other bank has booked proves it no more, and is believed."""
    one, other = pairs()
    answered = other.answers(one.offers(other, id="x1"))
    seen = federation.agreement(other.bank, one.journal).seen
    federation.abandon(one.bank, "x1", reason="nobody answers")
    one.concludes(other.answers(one.offers(other, id="x2")))
    assert seen == federation.agreement(other.bank, one.journal).seen
    one.concludes(answered)
    one.concludes(other.answers(one.offers(other, id="x3")))
    assert seen != federation.agreement(other.bank, one.journal).seen
    assert mirrors(one, other)
    assert is_well(one, other)


def test_more_than_it_proves_is_taken_for_what_it_is() -> None:
    """Of many offers at once each proves but the last: out of order they are booked alike."""
    one, other = pairs()
    sent = [one.offers(other, id=f"x{number}", hours="0:10") for number in range(24)]
    assert MOST_PROOFS == len(Message.of(sent[-1]).proofs)
    order = [5, 23, 0, 22, 7, *range(24)]
    for number in order:
        one.concludes(other.answers(sent[number]))
    assert mirrors(one, other)
    assert "4:00" == one.owed(other)
    exchange(one, other)
    assert is_well(one, other)


def test_what_it_proves_beside_is_checked() -> None:
    """Where many offers are under way, a proof from an earlier head than the last holds, or not."""
    one, other = pairs()
    sent = [one.offers(other, id=f"x{number}", hours="0:10") for number in range(24)]
    for number in (0, 5):
        other.answers(sent[number])
    last = Message.of(sent[23])
    known = last.since
    assert known is not None
    wrong = put(("proofs", 0, 1), ["A" * 43 + "="])
    exchange_of = sealed_anew(last, one.key, wrong)
    with pytest.raises(NotProved):
        federation.read(other.bank, exchange_of)
    assert last == federation.read(other.bank, last)


def test_an_older_head_is_accepted_as_what_it_is() -> None:
    """A message that was under way for years is taken, and what was seen since stays."""
    one, other = pairs()
    old = one.offers(other, id="x1", answer_in="1000d")
    for _ in range(3):
        exchange(one, other)
    seen = federation.agreement(other.bank, one.journal).seen
    one.concludes(other.answers(old))
    assert seen == federation.agreement(other.bank, one.journal).seen
    assert mirrors(one, other)
    assert is_well(one, other)


# -- boards go on ----------------------


def test_a_bank_is_readmitted_by_its_head() -> None:
    """After both boards looked, the other bank's journal is taken as it is, and hours cross."""
    one, other = pairs()
    before = other.backup()
    exchange(one, other, id="x1")
    other.restore(before)
    with pytest.raises(HistoryLost) as refusal:
        other.answers(one.offers(other, id="x2"))
    declare(other, refusal)
    for wrong in (_head(one), "nothing", b"\xff"):
        with pytest.raises(NotProved):
            federation.readmit(one.bank, other.journal, head=wrong, reason="looked into")
    readmitted = federation.readmit(one.bank, other.journal, head=_head(other), reason="both")
    assert readmitted.seen is not None
    assert readmitted.seen.size == other.bank.head().sequence
    again = federation.readmit(one.bank, other.journal, head=_head(other), reason="looked")
    assert again.repeated
    exchange(one, other, id="x2")
    exchange(other, one, id="y2")
    found = federation.reconcile(one.bank, other.bank)
    assert ["only here"] == [item.status for item in found.items]
    assert "1:00" == str(found.difference)
    assert is_well(one, other)


def test_a_message_is_a_head_too() -> None:
    """Any message of a bank shows its head: a board may readmit it by that."""
    one, other = pairs()
    sent = other.offers(one)
    readmitted = federation.readmit(one.bank, other.journal, head=sent, reason="looked into")
    assert readmitted.seen is not None
    assert Message.of(sent).head.checkpoint.size == readmitted.seen.size
    with pytest.raises(NotAgreed):
        federation.readmit(one.bank, "nobody", head=sent, reason="looked into")
    with pytest.raises(NotProved):
        federation.readmit(other.bank, one.journal, head=sent, reason="looked into")


# -- what was forgotten is brought in ----------------------


def lost_by_who_offered() -> tuple[Side, Side, bytes]:
    """The bank that had offered has lost the exchange; the acceptance comes once more."""
    one, other = pairs()
    before = one.backup()
    exchange(one, other, id="x1")
    one.restore(before)
    answered = federation.message(other.bank, shared_id(one.journal, "x1"), key=other.key)
    with pytest.raises(HistoryLost) as refusal:
        one.concludes(answered)
    declare(one, refusal)
    return one, other, answered


def test_who_forgot_its_offer_brings_the_exchange_in() -> None:
    """Its own signature is in the acceptance: a board says who spends, and it is booked."""
    one, other, answered = lost_by_who_offered()
    with pytest.raises(OfferForgotten):
        one.concludes(answered)
    with pytest.raises(OfferForgotten):
        federation.bring_in(one.bank, answered, keys=[one.key])
    with pytest.raises(AccountNotFound):
        federation.bring_in(one.bank, answered, keys=[one.key], spender="nobody")
    with pytest.raises(MessageRefused, match="none of the keys"):
        federation.bring_in(one.bank, answered, keys=[other.key], spender="m1")
    booked = federation.bring_in(one.bank, answered, keys=[one.key.public], spender="m1")
    assert ["forgotten"] == [flag.rule for flag in booked.flags]
    head = one.bank.head()
    assert booked.id == federation.bring_in(one.bank, answered, keys=[one.key], spender="m1").id
    assert head == one.bank.head()
    assert mirrors(one, other)
    federation.readmit(other.bank, one.journal, head=_head(one), reason="both looked")
    assert federation.reconcile(one.bank, other.bank).ok
    exchange(one, other, id="x2")
    assert is_well(one, other)


def test_who_offered_again_under_the_same_id_brings_in_what_was_booked() -> None:
    """The second offer of the id is never answered: the first one's acceptance is booked."""
    one, other, answered = lost_by_who_offered()
    one.offers(other, id="x1", hours=3)
    with pytest.raises(OfferUnanswered):
        federation.bring_in(one.bank, answered, keys=[one.key], spender="m1")
    federation.abandon(one.bank, "x1", reason="it is the offer of before")
    booked = federation.bring_in(one.bank, answered, keys=[one.key], spender="m1")
    assert "1:00" == str(booked.hours)
    assert mirrors(one, other)
    assert is_well(one, other)


def test_an_offer_that_is_there_needs_nobody_to_spend() -> None:
    """What is brought in of an offer that waits, or was given up, is concluded as it is."""
    one, other = pairs()
    for id in ("x1", "x2"):
        answered = other.answers(one.offers(other, id=id))
        if id == "x2":
            federation.abandon(one.bank, id, reason="nobody answers")
        booked = federation.bring_in(one.bank, answered, keys=[one.key])
        assert booked.id == shared_id(one.journal, id)
    assert mirrors(one, other)
    assert is_well(one, other)


@pytest.mark.parametrize("refused_since", [False, True])
def test_who_forgot_its_booking_brings_it_in(refused_since: bool) -> None:
    """Its own acceptance is given back; where it has refused the offer since, under another id."""
    one, other = pairs()
    before = other.backup()
    sent = one.offers(other, id="x1")
    one.concludes(other.answers(sent))
    other.restore(before)
    given = federation.message(one.bank, shared_id(one.journal, "x1"), key=one.key)
    with pytest.raises(HistoryLost) as refusal:
        federation.read(other.bank, given)
    declare(other, refusal)
    if refused_since:
        other.bank.freeze("m1")
        assert not Message.of(other.answers(sent)).body["accepted"]
    with pytest.raises(MessageRefused, match="none of the keys"):
        federation.bring_in(other.bank, given, keys=[one.key])
    booked = federation.bring_in(other.bank, given, keys=[other.key])
    assert ["forgotten"] == [flag.rule for flag in booked.flags]
    assert booked.id == federation.bring_in(other.bank, given, keys=[other.key]).id
    assert Message.of(other.answers(sent)).body == Message.of(given).body
    assert mirrors(one, other)
    federation.readmit(one.bank, other.journal, head=_head(other), reason="both looked")
    found = federation.reconcile(
        one.bank, federation.position(other.bank, one.journal, key=other.key)
    )
    assert found.ok
    assert is_well(one, other)


def test_a_reversal_that_was_forgotten_names_who_had_the_hours() -> None:
    """What moved an exchange back has no address: a board says whose hours they are."""
    one, other = pairs()
    shared = shared_id(one.journal, exchange(one, other, id="x1"))
    before = one.backup()
    back = federation.reversal(other.bank, shared, key=other.key, reason="wrong", id="b1")
    other.concludes(one.answers(back))
    one.restore(before)
    given = federation.message(other.bank, shared_id(other.journal, "b1"), key=other.key)
    with pytest.raises(HistoryLost) as refusal:
        federation.read(one.bank, given)
    declare(one, refusal)
    with pytest.raises(InvalidRequest, match="say who"):
        federation.bring_in(one.bank, given, keys=[one.key])
    federation.bring_in(one.bank, given, keys=[one.key], earner="m1")
    assert mirrors(one, other)
    assert is_well(one, other)


def test_a_refusal_brings_nothing_in() -> None:
    """Only what was accepted is brought in."""
    one, other = pairs()
    answered = other.answers(one.offers(other, earner="nobody"))
    with pytest.raises(MessageRefused, match="accepts nothing"):
        federation.bring_in(one.bank, answered, keys=[one.key])


def test_boards_alone_bring_in() -> None:
    """Who keeps the treasury readmits and brings in; a coordinator does not."""
    one, other, answered = lost_by_who_offered()
    roles = Roles({"carla": "coordinator", "tina": "treasurer"})
    clock = one.bank._sources.clock
    closed = TimeBank(one.store, bank=one.name, permissions=roles, clock=clock)
    with pytest.raises(NotPermitted):
        federation.bring_in(closed.acting_as("carla"), answered, keys=[one.key], spender="m1")
    booked = federation.bring_in(closed.acting_as("tina"), answered, keys=[one.key], spender="m1")
    assert "tina" == booked.actor
    del other


# -- two answers ----------------------


def test_of_two_answers_the_acceptance_counts() -> None:
    """A bank that accepted, was put back, and refused: what it had accepted is booked."""
    one, other = pairs()
    before = other.backup()
    sent = one.offers(other, id="x1")
    accepted = other.answers(sent)
    other.restore(before)
    other.bank.freeze("m1")
    refused = other.answers(sent)
    assert not Message.of(refused).body["accepted"]
    assert "refused" == one.concludes(refused).status
    assert "booked" == one.concludes(accepted).status
    assert "booked" == one.concludes(accepted).status
    assert is_well(one)


def test_a_head_without_a_signature_accuses_nobody() -> None:
    """Where no signature of a head was kept, another one of its size is refused all the same."""
    from timebank.rules.agreements import Readmit

    one, other = two_sides()
    sent = other.offers(one)
    seen = federation.SeenHead(size=Message.of(sent).head.checkpoint.size, root="0" * 64)
    one.bank._execute(Readmit.of(other.journal, head=seen, reason="by hand"))
    with pytest.raises(Forked) as refusal:
        federation.read(one.bank, sent)
    assert refusal.value.evidence is None


def test_an_answer_of_a_longer_journal_shows_a_head_of_this_one() -> None:
    """What was brought in was booked by a record that a shorter journal does not have."""
    bank, other = timebank.open("memory:"), timebank.open("memory:")
    agreement = federation.agree(bank, other, they_may_owe=20, we_may_owe=20)
    with bank.store.reader("main") as reader:
        now = reader.head()
        for record, size in ((1, 1), (now.sequence, now.sequence), (now.sequence + 1, 0)):
            body = {"kind": "answer", "from": now.journal, "record": record}
            assert envelopes._size_of(reader, body, agreement) == size
