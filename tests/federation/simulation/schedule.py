"""One schedule: what happens to a neighbourhood of banks, by a seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from itertools import permutations
from random import Random
from typing import Any, Final

from federation.simulation import acts, boards, judging
from federation.simulation.hosts import FATES, Host
from federation.simulation.network import Message, Network
from federation.simulation.reading import records
from federation.simulation.wires import Signed, Unreadable, Wire, sender_of
from federation.simulation.worlds import BEGINNING, VARIANTS, copied, key_of, world
from timebank import (
    AccountNotOpen,
    ClockBehind,
    IdempotencyMismatch,
    InvalidRequest,
    NotAgreed,
    NotFound,
    OutcomeUnknown,
    Rejected,
    Retryable,
    TimeBank,
)
from timebank.federation import agree as agree_with
from timebank.model.agreements import Agreement, account_of
from timebank.queries.agreements import agreement_with, offers_under_way

#: How many banks there are, and how many acts: most schedules are small, for faults are.
SIZES: Final = (
    *((2, 8),) * 8,
    *((2, 14),) * 6,
    *((2, 25),) * 3,
    *((2, 50), (3, 20), (3, 40)),
    *((4, 50), (5, 60)),
)
#: What goes wrong, beside the ordinary.
TROUBLES: Final = ("network", "clocks", "boards", "crashes", "restores")
#: One schedule in so many is audited by the library, for that takes longer than the rest.
AUDITED: Final = 12
#: How often what is under way is looked at between two acts.
LOOKED_AT: Final = 0.05
#: What a call may be refused with by rules, or for a while.
REFUSALS: Final = (
    ClockBehind,
    IdempotencyMismatch,
    InvalidRequest,
    NotFound,
    OutcomeUnknown,
    Rejected,
    Retryable,
)
#: What a bank that is told something may not do now: it is told again.
LATER: Final = (ClockBehind, OutcomeUnknown, Retryable)
ROUNDS: Final = 12


class WrongError(AssertionError):
    """What a schedule came to, with its seed."""


class Schedule:
    """A neighbourhood, and what happens to it."""

    def __init__(
        self,
        seed: int,
        *,
        wire: Wire | None = None,
        troubles: Collection[str] = (),
        size: tuple[int, int] | None = None,
        tell: bool = False,
    ) -> None:
        self.seed, self.chance = seed, Random(seed)
        self.wire: Wire = Signed() if wire is None else wire
        self.time = BEGINNING + timedelta(hours=1)
        self.figures: Counter[str] = Counter()
        self.offers: list[tuple[Host, Host, dict[str, Any]]] = []
        self._tell, self.is_healing = tell, False
        drawn = self.chance.choice(SIZES)
        banks, self.steps = drawn if size is None else size
        rows = world(banks, self.chance.randrange(VARIANTS), keys=self.wire.is_signed)
        self.hosts = [
            Host(f"b{number}", copied(one), now=self.now) for number, one in enumerate(rows)
        ]
        self.network = Network(self.chance)
        self.troubles = [
            one
            for one in TROUBLES
            if (size is None and self.chance.random() < 0.5) or one in troubles
        ]
        if not self.wire.is_signed and "restores" in self.troubles:
            self.troubles.remove("restores")  # who has lost what is seen by heads
        self.weights = dict(acts.ORDINARY)
        for trouble, added in (
            ("network", acts.NETWORK),
            ("clocks", acts.CLOCKS),
            ("boards", acts.BOARDS),
            ("restores", acts.RESTORES),
        ):
            if trouble in self.troubles:
                self.weights |= added

    # -- what acts ask for -----------------------------------------------------------------

    def now(self) -> datetime:
        """Return the time by which clocks go."""
        return self.time

    def pass_time(self, time: timedelta) -> None:
        """Let time pass for all."""
        self.time += time

    def count(self, what: str) -> None:
        """Count it in the figures."""
        self.figures[what] += 1

    def host(self) -> Host:
        """Return any server."""
        return self.chance.choice(self.hosts)

    def pair(self) -> tuple[Host, Host]:
        """Return any server, and another."""
        host, peer = self.chance.sample(self.hosts, 2)
        return host, peer

    def tell(self, text: Callable[[], str]) -> None:
        """Print it, where somebody wants to see the schedule."""
        if self._tell:
            print(f"{self.time:%Y-%m-%d %H:%M} {text()}")  # noqa: T201 - who asked for it reads it

    def booked(self, host: Host, peer: Host) -> list[str]:
        """Return the ids of what a bank has booked for another."""
        account = account_of(peer.journal)
        return [
            record["request"]["id"]
            for record in records(host)
            if record["kind"] == "transfer"
            and "offer" in record["request"]
            and account in dict(record["effects"]["postings"])
        ]

    def open_offers(self, host: Host, peer: Host) -> list[str]:
        """Return the ids of offers that wait for an answer."""
        with host.store.reader(host.name) as reader:
            account = account_of(peer.journal)
            return [one["request"]["id"] for one in offers_under_way(reader, account)]

    def send_offers(self, host: Host, peer: Host) -> None:
        """Send what waits for an answer."""
        for data in self.wire.offers(host, peer.journal):
            self.send(host, peer, data)

    def send(self, host: Host, peer: Host, data: bytes) -> None:
        """Send a message."""
        self.network.send(self.hosts.index(peer), data, key=host.keys)

    def tell_key(self, host: Host, peer: Host) -> None:
        """Let a board agree on the key that another bank has now."""
        mine = self.agreement(peer, host)
        if mine is not None and mine.status != "ended" and mine.key != str(host.key.public):
            they, we = mine.they_may_owe, mine.we_may_owe
            self.attempt(
                peer,
                lambda bank: agree_with(
                    bank, host.journal, they_may_owe=they, we_may_owe=we, key=host.key.public
                ),
            )

    def attempt(self, host: Host, work: Callable[[TimeBank], Any]) -> Any:
        """Let somebody make a call, which may be refused; `None`: nothing was told to be done."""
        with self._trouble(host):
            try:
                done = host.call(work)
            except REFUSALS as error:
                self.tell(partial("{} refuses: {!r}".format, host.name, error))
                return None
        self.tell(lambda: f"{host.name} does: {done!r}"[:300])
        return done

    def refused(self, host: Host, work: Callable[[TimeBank], Any]) -> None:
        """Let somebody make a call that has to be refused.

        :raises WrongError: it was not.
        """
        before = host.memory._banks[host.name].sequence
        try:
            done = work(host.bank)
            self.tell(lambda: f"by hand: {done!r}")
        except REFUSALS:
            self.count("refused by hand")
            if host.memory._banks[host.name].sequence == before:
                return
        msg = f"seed {self.seed}: something was moved by hand at {host.name}"
        raise WrongError(msg)

    def _trouble(self, host: Host) -> Any:
        """Let the server of a call crash in it, now and then."""
        if "crashes" in self.troubles and self.chance.random() < 0.25:
            return host.soon(self.chance.randrange(1, 45), self.chance.choice(FATES))
        return host.soon(0, "")

    # -- the messages -----------------------------------------------------------------------

    def deliver(self, message: Message) -> None:
        """Let a server take a message; what it says goes back.

        Nothing but time, and the storage, may hinder that.
        """
        host = self.hosts[message.to]
        with self._trouble(host):
            try:
                reply = host.call(lambda _: self.wire.receive(host, message.data))
            except Unreadable as error:
                self._check_unreadable(host, message, error)
                return
            except LATER as error:
                self.tell(partial("{} takes it later: {!r}".format, host.name, error))
                return
            except NotAgreed as refusal:
                if refusal.status == "none" or self._is_ended(host):
                    self.count("not agreed")
                    return
                raise
            except boards.LOOKED_INTO as error:
                self._look_into(host, message, error)
                return
        self.tell(lambda: f"{host.name} took {message.data[64:500]!r} and says {reply!r}"[:900])
        if reply is not None:
            journal, data = reply
            peer = next(one for one in self.hosts if one.journal == journal)
            self.send(host, peer, data)

    def _look_into(self, host: Host, message: Message, error: Exception) -> None:
        """Let a board look into what hinders a message, now or later.

        :raises Exception: nothing of what happened explains it.
        """
        self.tell(partial("{} does not take it: {!r}".format, host.name, error))
        is_late = isinstance(error, AccountNotOpen) and error.status == "closed"
        if not is_late and not any(one.restored for one in self.hosts):
            raise error
        self.count(type(error).__name__)
        host.fault.left = 0
        if self.is_healing or self.chance.random() < 0.4:
            with suppress(*(() if self.is_healing else LATER)):
                if boards.look_into(self, host, message.data, error):
                    self.network.waiting.append(message)

    def sender(self, data: bytes) -> Host:
        """Return who sent a message."""
        journal = sender_of(data)
        return next(one for one in self.hosts if one.journal == journal)

    def _check_unreadable(self, host: Host, message: Message, error: Unreadable) -> None:
        """Check that what is not taken is not what was sent, or signed with a key of before.

        :raises WrongError: a message that was not changed is not taken.
        """
        self.count("unreadable")
        self.tell(partial("{} does not take it: {!r}".format, host.name, error))
        if message.key:
            sender = self.sender(message.data)
            mine = self.agreement(host, sender)
            signed_by = str(key_of(sender.journal, message.key).public)
            if mine is None or mine.key == signed_by:
                msg = f"seed {self.seed}: {host.name} does not take a message: {error!r}"
                raise WrongError(msg) from error

    def _is_ended(self, host: Host) -> bool:
        """Return whether a board ended an agreement of a bank."""
        found = [self.agreement(host, one) for one in self.hosts if one is not host]
        return any(one is not None and one.status == "ended" for one in found)

    # -- the whole --------------------------------------------------------------------------------

    def run(self) -> Counter[str]:
        """Run it, heal it, and judge it; return its figures.

        :raises WrongError: something is wrong.
        """
        names, weights = list(self.weights), list(self.weights.values())
        for act in self.chance.choices(names, weights, k=self.steps):
            self.tell(partial("-- {}".format, act.__name__))
            act(self)
            if self.chance.random() < LOOKED_AT:
                self.look()
        self.look()
        if self.seed % AUDITED == 0:
            self.judge(judging.unlisted)
        self.heal()
        if self.chance.random() < 0.2:
            self.replay_all()
        self.judge(judging.wrong_at_last)
        if self.seed % AUDITED == 0:
            self.judge(judging.findings)
            self.judge(judging.unlisted)
            self.judge(judging.findings_of_pairs)
        return self._counted()

    def look(self) -> None:
        """Look for what is wrong at any moment."""
        lost = any(one.restored for one in self.hosts)
        self.judge(judging.wrong_now if lost else judging.wrong_before)

    def judge(self, judges: Callable[[list[Host]], Any]) -> None:
        """Look for what is wrong.

        :raises WrongError: there is something.
        """
        wrong = list(judges(self.hosts))
        if wrong:
            msg = f"seed {self.seed}: " + "; ".join(wrong[:5])
            raise WrongError(msg)

    def heal(self) -> None:
        """Let all servers run and all messages come, until nothing is under way."""
        self.tell(lambda: "-- all is well again")
        self.troubles, self.is_healing = [], True
        self.time += timedelta(days=7)
        for host in self.hosts:
            host.offset = timedelta()
        boards.decide(self)
        self._come_together()

    def _come_together(self) -> None:
        """Let messages come, and boards compare their books, until nothing is left to do."""
        for _ in range(boards.ROUNDS):
            self._exchange_all()
            if not any(one.restored for one in self.hosts) or not boards.compare(self):
                return
        msg = f"seed {self.seed}: boards find no end"
        raise WrongError(msg)

    def _exchange_all(self) -> None:
        for round in range(ROUNDS):
            for host, peer in self.pairs():
                self.send_offers(host, peer)
                if not round and self.is_forgetful():
                    for data in self.wire.answers(host, peer.journal):
                        self.send(host, peer, data)
            if not self.network.waiting:
                return
            self._deliver_all()
        msg = f"seed {self.seed}: there is no end of messages"
        raise WrongError(msg)

    def is_forgetful(self) -> bool:
        """Return whether some bank does not ask any more for an answer that it has not got."""
        return self.figures["abandoned"] > 0 or any(one.restored for one in self.hosts)

    def pairs(self) -> list[tuple[Host, Host]]:
        """Return every bank with every other one."""
        return list(permutations(self.hosts, 2))

    def agreement(self, host: Host, peer: Host) -> Agreement | None:
        """Return what a bank agreed on with another."""
        with host.store.reader(host.name) as reader:
            return agreement_with(reader, peer.journal)

    def _deliver_all(self) -> None:
        waiting, self.network.waiting = self.network.waiting, []
        self.chance.shuffle(waiting)
        for message in waiting:
            self.deliver(message)

    def replay_all(self) -> None:
        """Let all that was ever sent come once more, years later."""
        self.time += timedelta(days=1200)
        self.network.waiting = list(dict.fromkeys(self.network.sent))
        for _ in range(ROUNDS):
            self._deliver_all()
        if self.network.waiting:
            msg = f"seed {self.seed}: there is no end of answers"
            raise WrongError(msg)
        if any(one.restored for one in self.hosts):  # a board may have brought in what came again
            self._come_together()

    def _counted(self) -> Counter[str]:
        self.figures += self.network.figures
        for one in judging.exchanges(self.hosts).values():
            self.figures["exchanges"] += 1
            self.figures["booked" if one.earned else "refused"] += 1
        for host in self.hosts:
            self.figures += host.fault.met
            self.figures["crashes"] += host.crashes
            self.figures["restored"] += host.restored
            self.figures["records"] += host.memory._banks[host.name].sequence
        self.figures["schedules"] += 1
        return self.figures
