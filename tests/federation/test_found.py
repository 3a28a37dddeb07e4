"""What the simulation found, each in as few steps as show it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from federation.simulation import judging
from federation.simulation.boards import keys_of
from federation.simulation.hosts import Host
from federation.simulation.worlds import BEGINNING, copied, world
from timebank import AccountNotOpen, HistoryLost, NotAgreed, federation
from timebank.proof import sign_head


class Pair:
    """Two servers, whose banks agreed and know each other's keys, and the time."""

    def __init__(self) -> None:
        self.time = BEGINNING + timedelta(hours=1)
        self.first, self.second = (
            Host(f"b{number}", copied(rows), now=self.now)
            for number, rows in enumerate(world(2, 0, keys=True))
        )

    def now(self) -> datetime:
        """Return the time."""
        return self.time

    def offer(self, id: str, spender: str = "m0") -> bytes:
        """Let the first bank make an offer."""
        return federation.offer(
            self.first.bank,
            self.second.journal,
            key=self.first.key,
            spender=spender,
            earner="m1",
            hours="0:30",
            id=id,
        )

    def answer(self, sent: bytes) -> bytes:
        """Let the second bank answer."""
        return federation.answer(self.second.bank, sent, key=self.second.key)

    def conclude(self, answered: bytes) -> str:
        """Let the first bank take the answer."""
        return federation.conclude(self.first.bank, answered, keys=keys_of(self.first)).status

    def lose(self, host: Host) -> None:
        """Let a server go on from its backup, and the other board take it as it stands now."""
        host.restore(host.backups[-1])
        self.readmit(host)

    def readmit(self, host: Host) -> None:
        """Let the board of the other bank take a bank as it stands now."""
        peer = self.second if host is self.first else self.first
        head = str(sign_head(host.bank, host.key))
        federation.readmit(peer.bank, host.journal, head=head, reason="a disk was lost")

    def compared(self) -> list[str]:
        """Return what the first bank finds, by the other's position."""
        position = federation.position(self.second.bank, self.first.journal, key=self.second.key)
        return [one.status for one in federation.reconcile(self.first.bank, position).items]

    def come_together(self) -> None:
        """Judge that both have come together, and that both audit well."""
        hosts = [self.first, self.second]
        assert [] == list(judging.wrong_at_last(hosts))
        assert [] == list(judging.findings(hosts))


def test_what_a_restored_bank_has_forgotten_is_not_told_as_later() -> None:
    """Its position is shorter than the journal that it had, and not older than what was booked."""
    pair = Pair()
    pair.second.back_up()
    assert "booked" == pair.conclude(pair.answer(pair.offer("x1")))
    pair.lose(pair.second)
    with pytest.raises(HistoryLost) as lost:
        pair.answer(pair.offer("x2"))
    pair.second.bank.accept_history(head=lost.value.head, reason="the disk")
    assert sorted(pair.compared()) == ["offered", "only here"]


def test_an_acceptance_of_a_lost_journal_is_not_told_as_later() -> None:
    """It comes after the other bank was restored and readmitted: the exchange is forgotten there.

    Given back, it is brought in again.
    """
    pair = Pair()
    pair.second.back_up()
    answered = pair.answer(pair.offer("x1"))
    pair.lose(pair.second)
    assert "booked" == pair.conclude(answered)
    assert pair.compared() == ["only here"]
    (id,) = [one.id for one in pair.first.bank.transfers()]
    given_back = federation.message(pair.first.bank, id, key=pair.first.key)
    with pytest.raises(HistoryLost) as lost:
        federation.bring_in(pair.second.bank, given_back, keys=keys_of(pair.second))
    pair.second.bank.accept_history(head=lost.value.head, reason="the disk")
    federation.bring_in(pair.second.bank, given_back, keys=keys_of(pair.second))
    pair.come_together()


def test_what_was_offered_twice_after_a_loss() -> None:
    """The second offer of one id is never answered; it is given up, and the first brought in."""
    pair = Pair()
    pair.first.back_up()
    answered = pair.answer(pair.offer("x1"))
    pair.lose(pair.first)
    pair.time += timedelta(minutes=5)
    again = pair.offer("x1")
    with pytest.raises(federation.OtherOffer) as other:
        pair.answer(again)
    assert other.value.evidence is not None
    with pytest.raises(HistoryLost) as lost:
        pair.conclude(answered)
    pair.first.bank.accept_history(head=lost.value.head, reason="the disk")
    with pytest.raises(federation.OtherOffer):
        pair.conclude(answered)
    federation.abandon(pair.first.bank, "x1", reason="it was made twice")
    federation.bring_in(pair.first.bank, answered, keys=keys_of(pair.first), spender="m0")
    pair.come_together()


def test_an_acceptance_comes_late_to_who_has_left() -> None:
    """A board gave the offer up, and the account was closed: it is opened again for it."""
    pair = Pair()
    answered = pair.answer(pair.offer("x1", spender="m2"))
    federation.abandon(pair.first.bank, "x1", reason="nobody answers")
    pair.first.bank.close_account("m2", reason="moved")
    with pytest.raises(AccountNotOpen):
        pair.conclude(answered)
    pair.first.bank.reopen("m2")
    assert "booked" == pair.conclude(answered)
    pair.come_together()


def test_the_account_of_an_ended_agreement_is_opened_by_another_agreement_alone() -> None:
    """It would be anybody's else, and nothing could be agreed on any more."""
    pair = Pair()
    agreement = federation.end(pair.first.bank, pair.second.journal, reason="a quarrel")
    with pytest.raises(NotAgreed):
        pair.first.bank.reopen(agreement.account)
    again = federation.agree(pair.first.bank, pair.second.journal, they_may_owe=1, we_may_owe=1)
    assert "agreed" == again.status
