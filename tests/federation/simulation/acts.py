"""What members and boards do, and what happens to servers: each act may be refused, none fails."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from federation.simulation.worlds import MEMBERS, TERMS
from timebank import (
    AccountNotFound,
    Band,
    Donate,
    Fee,
    Granularity,
    Statute,
    federation,
)
from timebank.model.agreements import account_of

if TYPE_CHECKING:
    from federation.simulation.hosts import Host
    from federation.simulation.schedule import Schedule

Act = Callable[["Schedule"], None]
HOURS: Final = ("0:10", "0:30", 1, "1:15", 2, 3, "7:00:01")
ANSWER_IN: Final = (
    timedelta(minutes=5),
    timedelta(hours=8),
    timedelta(days=3),
    timedelta(days=30),
    timedelta(days=30),
    timedelta(days=4000),
)

# -- exchanges ----------------------------------------------------------------------------


def offer(run: Schedule) -> None:
    """A member of one bank spends for one of another."""
    host, peer = run.pair()
    chance = run.chance
    asked: dict[str, Any] = {
        "spender": chance.choice(MEMBERS),
        "earner": chance.choice((*MEMBERS, *MEMBERS, "fund", "nobody", " ")),
        "hours": chance.choice(HOURS),
        "id": host.new_id(),
        "answer_in": chance.choice(ANSWER_IN),
    }
    if chance.random() < 0.1:
        asked["spender"] = {"m0": "0:20", "g": "0:25"}
        asked["hours"] = None
    if chance.random() < 0.3:
        asked |= {"note": "at the clinic", "category": "care", "tags": ["a", "b"]}
    if chance.random() < 0.2:
        asked["occurred_on"] = (host.now() - timedelta(days=chance.randrange(5))).date()
    run.offers.append((host, peer, asked))
    _make(run, host, peer, asked)


def _make(run: Schedule, host: Host, peer: Host, asked: dict[str, Any]) -> None:
    made = run.attempt(host, lambda bank: federation.make_offer(bank, peer.journal, **asked))
    if made is not None:
        run.count("offers")
        if run.chance.random() < 0.8:
            run.send_offers(host, peer)


def repeat(run: Schedule) -> None:
    """Somebody makes a call again: its answer was lost, or a button was pressed twice."""
    if run.offers:
        host, peer, asked = run.chance.choice(run.offers)
        if "reverses" in asked:
            named = {key: asked[key] for key in ("reason", "hours", "id")}
            run.attempt(
                host, lambda bank: federation.make_reversal(bank, asked["reverses"], **named)
            )
        else:
            _make(run, host, peer, asked)


def reversal(run: Schedule) -> None:
    """The bank of who earned moves hours back, in part or whole, of what was booked there."""
    host, peer = run.pair()
    booked = run.booked(host, peer)
    if not booked:
        return
    asked: dict[str, Any] = {
        "reverses": run.chance.choice(booked),
        "reason": "it was less",
        "hours": run.chance.choice((None, None, "0:10", "0:30", 1)),
        "id": host.new_id(),
    }
    named = {key: asked[key] for key in ("reason", "hours", "id")}
    made = run.attempt(
        host, lambda bank: federation.make_reversal(bank, asked["reverses"], **named)
    )
    run.offers.append((host, peer, asked))
    if made is not None:
        run.count("reversals")
        run.send_offers(host, peer)


def cancel(run: Schedule) -> None:
    """The spender's bank takes an offer back, or asks to."""
    host, peer = run.pair()
    waiting = run.open_offers(host, peer)
    if waiting:
        run.count("cancels")
        id = run.chance.choice(waiting)
        run.send(host, peer, run.wire.cancel(host, id))


def abandon(run: Schedule) -> None:
    """A board gives up an offer that nobody answers."""
    host, peer = run.pair()
    waiting = run.open_offers(host, peer)
    if waiting:
        id = run.chance.choice(waiting)
        if run.attempt(host, lambda bank: federation.abandon(bank, id, reason="no answer")):
            run.count("abandoned")


def send(run: Schedule) -> None:
    """A bank sends what waits for an answer once more."""
    run.send_offers(*run.pair())


def answer_again(run: Schedule) -> None:
    """A bank sends its answers once more."""
    host, peer = run.pair()
    for data in run.wire.answers(host, peer.journal, new=run.chance.random() < 0.7)[-3:]:
        run.send(host, peer, data)


# -- the network -----------------------------------------------------------------------------


def deliver(run: Schedule) -> None:
    """A message comes."""
    message = run.network.take()
    if message is not None:
        run.deliver(message)


def lose(run: Schedule) -> None:
    """A message is lost."""
    run.network.lose()


def replay(run: Schedule) -> None:
    """An old message comes again."""
    run.network.replay()
    deliver(run)


def corrupt(run: Schedule) -> None:
    """A message is changed on its way, or goes to another bank."""
    run.network.corrupt(len(run.hosts))


# -- within a bank ------------------------------------------------------------------------------


def local(run: Schedule) -> None:
    """Members of one bank exchange among themselves."""
    host = run.host()
    earner, spender = run.chance.sample(MEMBERS, 2)
    hours = run.chance.choice(HOURS[:4])
    run.attempt(host, lambda bank: bank.transfer(earner=earner, spender=spender, hours=hours))


def freeze(run: Schedule) -> None:
    """An account is frozen, or thawed."""
    host, id = run.host(), run.chance.choice((*MEMBERS, "fund"))
    if run.chance.random() < 0.5:
        run.attempt(host, lambda bank: bank.freeze(id, reason="away"))
    else:
        run.attempt(host, lambda bank: bank.thaw(id))


def limits(run: Schedule) -> None:
    """A board changes what an account may hold."""
    host, id = run.host(), run.chance.choice(MEMBERS)
    floor, ceiling = run.chance.choice(((0, None), (-1, 1), (None, None), (-20, 0)))
    run.attempt(host, lambda bank: bank.set_limits(id, floor=floor, ceiling=ceiling))


def leave(run: Schedule) -> None:
    """A member leaves, is merged with another, closes the account, or opens it again."""
    host, (id, other) = run.host(), run.chance.sample(MEMBERS, 2)
    match run.chance.randrange(4):
        case 0:
            run.attempt(host, lambda bank: bank.leave(id, disposal=Donate("fund")))
        case 1:
            run.attempt(host, lambda bank: bank.merge(id, into=other, reason="entered twice"))
        case 2:
            run.attempt(host, lambda bank: bank.close_account(id, reason="moved"))
        case _:
            run.attempt(host, lambda bank: bank.reopen(id))


def close_books(run: Schedule) -> None:
    """A board closes the books."""
    host = run.host()
    day = (host.now() - timedelta(days=run.chance.randrange(1, 4))).date()
    run.attempt(host, lambda bank: bank.close_books(through=day, reason="approved"))


def adopt(run: Schedule) -> None:
    """An assembly adopts other rules."""
    host = run.host()
    version = f"own/{host.new_id()}"
    rules: tuple[dict[str, Any], ...] = (
        {"fee": Fee(share="1/3", fund="fund", unit="0:01")},
        {"granularity": Granularity(unit=1, rounding="nearest")},
        {"limits": {"member": Band(floor=-5, ceiling=2)}},
        {},
    )
    statute = Statute(version=version, **run.chance.choice(rules))
    run.attempt(host, lambda bank: bank.adopt(statute))


def erase(run: Schedule) -> None:
    """A member's texts are erased."""
    host, id = run.host(), run.chance.choice(MEMBERS)
    run.attempt(host, lambda bank: bank.erase(id, reason="asked"))


# -- between boards -------------------------------------------------------------------------------


def agree(run: Schedule) -> None:
    """Two boards agree on other limits, or go on."""
    host, peer = run.pair()
    they, we = run.chance.choice(TERMS)
    run.attempt(
        host, lambda bank: federation.agree(bank, peer.journal, they_may_owe=they, we_may_owe=we)
    )


def suspend(run: Schedule) -> None:
    """A board suspends an agreement, or ends it, where it stands at zero."""
    host, peer = run.pair()
    call = run.chance.choice((federation.suspend, federation.suspend, federation.end))
    if run.attempt(host, lambda bank: call(bank, peer.journal, reason="a quarrel")):
        run.count("suspended")


def write_off(run: Schedule) -> None:
    """A board writes off what another bank owes, or is owed."""
    host, peer = run.pair()
    hours = run.chance.choice(("0:10", "-0:10"))
    run.attempt(
        host,
        lambda bank: federation.write_off(
            bank, peer.journal, account="fund", hours=hours, reason="they vanished"
        ),
    )


def by_hand(run: Schedule) -> None:
    """Somebody tries to move by hand what the protocol alone moves: nothing of that passes."""
    host, peer = run.pair()
    account, day = account_of(peer.journal), timedelta(days=1)
    waiting = run.open_offers(host, peer) or ["none"]
    booked = run.booked(host, peer) or ["none"]
    id, moved = run.chance.choice(waiting), run.chance.choice(booked)
    tries: tuple[Callable[[Any], object], ...] = (
        lambda bank: bank.void(id, reason="by hand"),
        lambda bank: bank.settle(id),
        lambda bank: bank.settle(id, hours="0:05"),
        lambda bank: bank.transfer(earner=account, spender="m0", hours=1),
        lambda bank: bank.transfer(earner="m0", spender=account, hours=1, limits="unchecked"),
        lambda bank: bank.hold(earner="m0", spender=account, hours=1, expires_in=day),
        lambda bank: bank.reverse(moved, reason="by hand"),
        lambda bank: bank.set_limits(account, floor=None, ceiling=None),
        lambda bank: bank.freeze(account),
        lambda bank: bank.close_account(account),
        lambda bank: bank.merge(account, into="fund", reason="by hand"),
        lambda bank: bank.merge("m1", into=account, reason="by hand"),
    )
    try:
        host.bank.account(account)
    except AccountNotFound:
        return
    if host.bank.account(account).status == "agreed":
        run.refused(host, run.chance.choice(tries))


# -- servers ----------------------------------------------------------------------


def wait(run: Schedule) -> None:
    """Time passes for all."""
    run.pass_time(
        run.chance.choice(
            (timedelta(minutes=3), timedelta(hours=5), timedelta(days=2), timedelta(days=31))
        )
    )


def years(run: Schedule) -> None:
    """Years pass for all."""
    run.pass_time(timedelta(days=run.chance.randrange(300, 4000)))


def clock(run: Schedule) -> None:
    """A server's clock is set, by minutes or by days, forward or back."""
    hours = run.chance.choice((-72, -5, -0.1, 0, 0, 0.2, 30, 100))
    run.host().offset = timedelta(hours=hours)


def change_key(run: Schedule) -> None:
    """A bank gets another key, and tells some boards of it."""
    if not run.wire.is_signed:
        return
    host = run.host()
    host.keys += 1
    for peer in run.hosts:
        if peer is not host and run.chance.random() < 0.7:
            run.tell_key(host, peer)


def back_up(run: Schedule) -> None:
    """A server's journal is backed up."""
    run.host().back_up()


def restore(run: Schedule) -> None:
    """A server goes on from any of its backups."""
    host = run.host()
    if host.backups:
        host.restore(run.chance.choice(host.backups[-4:]))


ORDINARY: Final[dict[Act, float]] = {
    offer: 5,
    deliver: 14,
    repeat: 1,
    reversal: 1.5,
    cancel: 0.7,
    abandon: 0.3,
    send: 1.2,
    answer_again: 0.4,
    local: 0.5,
    by_hand: 0.7,
    wait: 0.6,
}
NETWORK: Final[dict[Act, float]] = {lose: 2.5, replay: 1.5, corrupt: 1}
CLOCKS: Final[dict[Act, float]] = {clock: 1.5, years: 0.15, wait: 1}
BOARDS: Final[dict[Act, float]] = {
    freeze: 0.6,
    limits: 0.5,
    leave: 0.6,
    close_books: 0.4,
    adopt: 0.3,
    erase: 0.2,
    agree: 0.6,
    suspend: 0.5,
    write_off: 0.15,
    change_key: 0.3,
}
RESTORES: Final[dict[Act, float]] = {back_up: 3, restore: 1.5}
