"""What boards do that no message can: they look into losses, and bring in again what was agreed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from federation.simulation.hosts import Host
from federation.simulation.wires import AnotherPast
from federation.simulation.worlds import MEMBERS, key_of
from timebank import (
    AccountNotOpen,
    HistoryLost,
    federation,
)
from timebank.journal.offers import offered
from timebank.proof import NotProved, SigningKey, sign_head

if TYPE_CHECKING:
    from federation.simulation.schedule import Schedule

#: How often boards compare their books before they should have come together.
ROUNDS: Final = 8


def keys_of(host: Host) -> list[SigningKey]:
    """Return all keys that a bank ever had."""
    return [key_of(host.journal, number + 1) for number in range(host.keys)]


def accept_loss(run: Schedule, host: Host, error: HistoryLost) -> None:
    """Declare what a bank has lost, of which another bank's message tells."""
    run.count("losses declared")
    host.bank.accept_history(head=error.head, reason="a backup was restored")


def readmit(run: Schedule, host: Host, sender: Host) -> None:
    """Take another bank's journal as it stands now, where there is an agreement."""
    mine = run.agreement(host, sender)
    if mine is None or mine.status == "ended":
        return
    run.count("readmitted")
    head = sign_head(sender.bank, sender.key)
    federation.readmit(host.bank, sender.journal, head=str(head), reason="they lost their disk")


def reopen(run: Schedule, host: Host, error: AccountNotOpen) -> None:
    """Open an account again, so that what comes late can be booked on it."""
    run.count("reopened")
    host.bank.reopen(error.account)


def bring_in(run: Schedule, host: Host, data: bytes) -> None:
    """Bring in again what both had agreed on, and one has forgotten: somebody spends or earns."""
    sender = run.sender(data)
    for _ in range(ROUNDS):
        try:
            federation.bring_in(
                host.bank, data, keys=keys_of(host), spender=MEMBERS[0], earner=MEMBERS[0]
            )
        except HistoryLost as error:
            accept_loss(run, host, error)
        except NotProved:
            readmit(run, host, sender)
            return
        except AccountNotOpen as error:
            if error.status != "closed":
                raise
            reopen(run, host, error)
        else:
            run.count("brought in")
            return


def give_up(run: Schedule, host: Host, data: bytes, error: federation.OtherOffer) -> None:
    """Let the bank that made two offers of one id, for it forgot the first, give up the second.

    What was accepted of the first it brings in.
    """
    journal = offered(error.ours)["from"]
    maker = next(one for one in run.hosts if one.journal == journal)
    peer = run.sender(data) if maker is host else host
    if error.id in run.open_offers(maker, peer):
        run.count("given up")
        federation.abandon(maker.bank, error.id, reason="it was made twice")
    if maker is host and federation.Message.of(data).body["accepted"]:
        bring_in(run, host, data)


def decide(run: Schedule) -> None:
    """Agree anew where that was ended, learn keys, and give up what nobody can answer."""
    for host, peer in run.pairs():
        mine = run.agreement(host, peer)
        if mine is not None and mine.status == "ended":
            federation.agree(host.bank, peer.journal, they_may_owe=0, we_may_owe=0)
        if run.wire.is_signed:
            run.tell_key(peer, host)
    for host, peer in run.pairs():
        mine, theirs = run.agreement(host, peer), run.agreement(peer, host)
        if host.restored and mine is not None and theirs is not None:
            readmit(run, peer, host)  # for its board has told the others of the loss
        if theirs is None:
            for id in run.open_offers(host, peer):
                federation.abandon(host.bank, id, reason="they never agreed")


def compare(run: Schedule) -> bool:
    """Let boards compare their books; return whether something had to be brought in."""
    done = False
    for host, peer in run.pairs():
        if run.agreement(host, peer) is None or run.agreement(peer, host) is None:
            continue
        try:
            position = federation.position(peer.bank, host.journal, key=peer.key)
            found = federation.reconcile(host.bank, position)
        except HistoryLost as error:
            accept_loss(run, host, error)
            done = True
            continue
        except NotProved:
            readmit(run, host, peer)
            done = True
            continue
        for one in found.wrong:
            if one.status == "only here":
                run.tell(lambda one=one: f"{one}")  # type: ignore[misc]  # bound now
                bring_in(run, peer, federation.message(host.bank, one.id, key=host.key))
                done = True
    return done


#: What a board looks into before a message is taken.
LOOKED_INTO: Final = (
    HistoryLost,
    AnotherPast,
    federation.OfferForgotten,
    federation.OtherOffer,
    AccountNotOpen,
)


def look_into(run: Schedule, host: Host, data: bytes, error: Exception) -> bool:
    """Do what a message is not taken without; return whether it should be sent once more."""
    match error:
        case HistoryLost():
            accept_loss(run, host, error)
            return True
        case AnotherPast():
            readmit(run, host, run.sender(data))
            return False
        case federation.OfferForgotten() if federation.Message.of(data).body["accepted"]:
            bring_in(run, host, data)
            return False
        case federation.OtherOffer():
            give_up(run, host, data, error)
            return False
        case AccountNotOpen():
            reopen(run, host, error)
            return True
    return False
