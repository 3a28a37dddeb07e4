"""Banks that a seeded walk over the calls makes: the same at every run, no two alike."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Any, Final
from zoneinfo import ZoneInfo

import timebank
from timebank import (
    Assign,
    Band,
    Demurrage,
    Donate,
    Dues,
    Fee,
    Granularity,
    LargestExchange,
    RecordWithin,
    Statute,
    TimeBank,
    TimebankError,
    Welcome,
    WriteOff,
    federation,
    split,
)
from timebank.contrib import cheques
from timebank.federation.booking import book, conclude
from timebank.federation.one_store import carry, offer_record
from timebank.journal.offers import answer_body, cancel_body, offer_body

BEGINNING: Final = datetime(2026, 1, 20, 9, tzinfo=UTC)
ZONES: Final = ("UTC", "Europe/Rome", "America/Los_Angeles", "Pacific/Kiritimati")
KINDS: Final = ("member", "member", "member", "group", "organisation", "clearing")


class Walk:
    """A bank, its clock, and what is known of it to choose from."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.now = BEGINNING
        self.numbers, salts = itertools.count(1), itertools.count(1)
        self.sources: dict[str, Any] = {
            "clock": lambda: self.now,
            "new_id": lambda: f"id-{next(self.numbers)}",
            "new_salt": lambda: next(salts).to_bytes(16, "big"),
        }
        self.bank: TimeBank = timebank.open("memory:", **self.sources)
        self.accounts = ["pot", "fund"]
        for id in self.accounts:
            self.bank.open_account(id, kind="fund")
        #: The bank next door, in the same store, and the offers between the two.
        self.peer = TimeBank(self.bank.store, bank="peer", **self.sources)
        for id in ("p1", "p2"):
            self.peer.open_account(id)
        self.offers: list[tuple[TimeBank, TimeBank, str]] = []
        #: By how much the clock is wrong.
        self.ahead: timedelta | None = None
        self.transfers: list[str] = []
        self.holds: list[str] = []
        self.booklets: list[cheques.Booklet] = []

    def walk(self, steps: int) -> TimeBank:
        """Take so many steps; what is refused leaves the bank as it was."""
        for _ in range(4):
            self.open_account()
        for _ in range(steps):
            self.step()
        return self.bank

    def step(self) -> None:
        """Take one step."""
        self.now += timedelta(microseconds=self.chance.choice((0, 1, 10**9, 10**11)))
        step = self.chance.choices(STEPS, [weight for _, weight in STEPS])[0][0]
        with suppress(TimebankError):
            if step not in ON_CHEQUES or self.booklets:
                step(self)

    # -- what is chosen -------------------------------------------------------------------

    def id(self) -> str:
        """A new id."""
        return self.chance.choice('aZ"\u00e9\uff61\U0001f331') + str(next(self.numbers))

    def account(self) -> str:
        """An account, seldom a fund."""
        return self.chance.choice(self.accounts[self.chance.choice((0, 2, 2, 2)) :])

    def day(self) -> date | None:
        """A day of service, or none."""
        days = self.chance.choice((None, None, -1, 0, 1, 3, 12, 45))
        return None if days is None else self.now.date() - timedelta(days=days)

    def hours(self) -> str:
        """So many hours, minutes and seconds."""
        choice = self.chance.choice
        return (
            f"{choice((0, 0, 1, 2, 5, 12))}:{choice((0, 10, 15, 30, 59)):02}:{choice((0, 0, 7)):02}"
        )

    def exchange(self) -> dict[str, Any]:
        """The arguments of a transfer or hold."""
        first, second, third = (self.account() for _ in range(3))
        side = split(self.hours(), sorted({second, third}), weights=None)
        sides = [first, side]
        self.chance.shuffle(sides)
        exchange: dict[str, Any] = {"earner": sides[0], "spender": sides[1]}
        exchange["occurred_on"] = self.day()
        if self.chance.random() < 0.2:
            exchange["via"] = self.account()
        if self.chance.random() < 0.2:
            exchange["kind"] = "gift"
        if self.chance.random() < 0.1:
            exchange["limits"] = "unchecked"
        if self.chance.random() < 0.2:
            exchange |= {
                "note": 'a "note"\n',
                "tags": ["\uff61", "\U0001f331", "a"],
                "category": "care",
            }
        if self.chance.random() < 0.2:
            exchange["started_at"] = self.time()
        if self.chance.random() < 0.2:
            exchange["ended_at"] = self.time()
        return exchange

    def time(self) -> time:
        """A time of day."""
        return self.chance.choice((time(0), time(9, 5), time(23, 59)))

    # -- what is done ---------------------------------------------------------------------

    def open_account(self) -> None:
        """Open one more account."""
        chance, id = self.chance, self.id()
        self.bank.open_account(
            id,
            kind=chance.choice(KINDS),
            name=chance.choice((None, "Maria\u2028")),
            joined_on=chance.choice((None, self.day(), date(2024, 2, 29))),
            floor=chance.choice((timebank.INHERIT, timebank.INHERIT, None, "-3")),
            ceiling=chance.choice((timebank.INHERIT, timebank.INHERIT, None, 4)),
            welcome=chance.random() < 0.8,
        )
        self.accounts.append(id)

    def set_limits(self) -> None:
        """Change a limit."""
        limit = self.chance.choice((timebank.INHERIT, None, "-1:30", 0))
        self.bank.set_limits(self.account(), **{self.chance.choice(("floor", "ceiling")): limit})

    def rename(self) -> None:
        """Give another name, or none."""
        self.bank.rename(self.account(), self.chance.choice((None, "Anna", "Luca")))

    def status(self) -> None:
        """Freeze, thaw, close or reopen."""
        names = ("freeze", "thaw", "thaw", "close_account", "reopen")
        change = getattr(self.bank, self.chance.choice(names))
        change(self.account(), reason=self.chance.choice((None, "so")))

    def transfer(self) -> None:
        """Exchange."""
        actor = self.chance.choice((None, "coordinator"))
        made = self.bank.acting_as(actor).transfer(id=self.id(), **self.exchange())
        self.transfers.append(made.id)

    def reverse(self) -> None:
        """Move back all that is left, or some of it."""
        some = self.chance.choice((None, "0:10", "0:00:07", "1:00"))
        of = self.chance.choice(self.transfers or ["nothing"])
        self.bank.reverse(of, reason="so", hours=some, occurred_on=self.day(), id=self.id())

    def hold(self) -> None:
        """Propose."""
        end = self.chance.choice((None, timedelta(hours=30), timedelta(days=200)))
        asked = self.exchange()
        if self.chance.random() < 0.3:
            ahead = self.chance.choice((2, 20, 70, 300))
            asked["occurred_on"] = self.now.date() + timedelta(days=ahead)
        made = self.bank.hold(id=self.id(), expires_in=end, **asked)
        self.holds.append(made.id)

    def settle(self) -> None:
        """Settle all, less or more."""
        hours = self.chance.choice((None, None, self.hours()))
        of = self.chance.choice(self.holds or ["nothing"])
        made = self.bank.settle(of, hours=hours, occurred_on=self.day(), id=self.id())
        self.transfers.append(made.id)

    def void(self) -> None:
        """Release."""
        of = self.chance.choice(self.holds or ["nothing"])
        self.bank.void(of, reason=self.chance.choice((None, "rain")), id=self.id())

    def adopt(self) -> None:
        """Put other rules in force."""
        self.bank.adopt(self.statute())

    def delegate(self) -> None:
        """Name or end a delegate."""
        account, delegate = self.account(), self.chance.choice(("luca", "anna"))
        if self.chance.random() < 0.3:
            self.bank.end_delegate(account, delegate)
        else:
            self.bank.name_delegate(account, delegate, until=self.day())

    def erase(self) -> None:
        """Erase the texts of an account, or of a record."""
        if self.chance.random() < 0.5:
            self.bank.erase(self.account(), reason="asked")
        else:
            record = self.chance.randrange(1, self.bank.head().sequence + 1)
            self.bank.erase(record=record, reason="asked")

    def run_due(self) -> None:
        """Let some time go by, and charge what is due."""
        self.now += timedelta(days=self.chance.choice((1, 13, 31, 80)))
        charges = self.bank.run_due().charges
        self.transfers += [charge.transfer.id for charge in charges]

    def welcome(self) -> None:
        """Give a welcome that was taken back once more."""
        self.transfers.append(self.bank.welcome(self.account()).id)

    def lose_time(self) -> None:
        """Let the clock run months ahead, until it is set right."""
        if self.ahead is None:
            self.ahead = timedelta(days=self.chance.choice((2, 40, 400)))
            self.now += self.ahead

    def restart_clock(self) -> None:
        """Set the clock right, and tell the bank, where a record lies ahead of it."""
        if self.ahead is not None:
            self.now -= self.ahead
            self.ahead = None
        zone = ZoneInfo(self.bank.statute().time_zone)
        with suppress(TimebankError):
            self.peer.restart_clock(today=self.now.date(), reason="it ran ahead")
        self.bank.restart_clock(today=self.now.astimezone(zone).date(), reason="it ran ahead")

    def amend(self) -> None:
        """Say something else of an exchange; what is told again is not recorded again."""
        choice = self.chance.choice
        of = choice((self.transfers + self.holds)[-12:] or ["nothing"])
        fields: dict[str, Any] = {
            "category": (None, "care", "\U0001f331"),
            "area": (None, "north"),
            "resource": (None, "car"),
            "tags": ((), ("a",), ("b", "a")),
            "started_at": (None, self.time()),
            "ended_at": (None, self.time()),
            "note": (None, "a note", "another"),
        }
        names = self.chance.sample(sorted(fields), choice((1, 1, 2, 4)))
        self.bank.amend(of, reason="so", **{name: choice(fields[name]) for name in names})

    def amend_account(self) -> None:
        """Mend a day of joining, a kind, or both."""
        choice = self.chance.choice
        days = (None, self.day(), date(2024, 2, 29), self.now.date() + timedelta(days=40))
        fields: dict[str, Any] = {
            "joined_on": days,
            "kind": ("member", "member", "group", "organisation"),
        }
        names = self.chance.sample(sorted(fields), choice((1, 1, 2)))
        changes = {name: choice(fields[name]) for name in names}
        self.bank.amend_account(self.account(), reason="so", **changes)

    def close_books(self) -> None:
        """Close the books through some day, a later or an earlier one, or open them again."""
        days = self.chance.choice((1, 1, 15, 60, 200, None))
        through = None if days is None else self.now.date() - timedelta(days=days)
        self.bank.close_books(through=through, reason="the meeting")

    def merge(self) -> None:
        """Merge two accounts of a kind; who is merged is still asked for at times."""
        kinds = {id: self.bank.account(id).kind for id in self.accounts}
        into = self.account()
        alike = [id for id, kind in kinds.items() if kind == kinds[into]]
        account = self.chance.choice(alike)
        self.bank.merge(account, into=into, reason="twice")
        if self.chance.random() < 0.6 and account not in ("pot", "fund"):
            self.accounts.remove(account)

    def leave(self) -> None:
        """Leave for good, or until it is reopened."""
        credit = self.chance.choice((Donate("pot"), Assign(self.account(), consented=True)))
        self.bank.leave(self.account(), disposal=[credit, WriteOff("pot")])

    # -- cheques ----------------------------------------------------------------------------

    def issue(self) -> None:
        """Give out a booklet, of the next number or of one far off."""
        number = self.chance.choice((None, None, self.chance.randrange(1, 999)))
        some = self.chance.choice((1, 2, 24))
        made = cheques.issue(self.bank, self.account(), booklet=number, cheques=some)
        self.booklets.append(made)

    def cheque(self) -> cheques.Number:
        """A cheque of one of the last booklets; seldom one that none of them has."""
        booklet = self.chance.choice(self.booklets[-4:])
        return cheques.Number(booklet.number, self.chance.randrange(1, booklet.cheques + 2))

    def enter(self) -> None:
        """Enter a cheque; at times one that was entered, or voided."""
        asked = self.exchange()
        asked |= {"earner": self.account(), "hours": self.hours()}
        for name in ("spender", "kind", "limits"):
            asked.pop(name, None)
        made = cheques.enter(self.bank, self.cheque(), **asked)
        self.transfers.append(made.id)

    def void_cheque(self) -> None:
        """Void a cheque, at times with more words."""
        code = self.chance.choice(("lost", "stolen", "\U0001f331"))
        reason = self.chance.choice((None, "in the tram"))
        cheques.void(self.bank, self.cheque(), code=code, reason=reason)

    # -- with the bank next door ------------------------------------------------------------

    def agreement(self) -> None:
        """Agree, with other limits at times; seldom suspend it, or end it."""
        choice = self.chance.choice
        one, other = self.chance.sample((self.bank, self.peer), 2)
        change = choice((federation.suspend, federation.end, None, None, None))
        if change is not None:
            change(one, other, reason="so")
            return
        for one, other in ((self.bank, self.peer), (self.peer, self.bank)):
            they, we = (choice((None, 3, 20, 40)) for _ in range(2))
            federation.agree(one, other, they_may_owe=they, we_may_owe=we, name=choice((None, "Q")))
        account = federation.agreement(self.bank, self.peer).account
        if account not in self.accounts:
            self.accounts.append(account)

    def cross(self) -> None:
        """Exchange with a member of the other bank; at times a step of it is left out."""
        choice = self.chance.choice
        spender = choice((self.account(), split(self.hours(), sorted(self.accounts[-2:]))))
        one, other, spender, earner = choice(
            (
                (self.bank, self.peer, spender, choice(("p1", "p2", "p2", "nobody"))),
                (self.peer, self.bank, choice(("p1", "p2")), self.account()),
            )
        )
        hold = federation.make_offer(
            one,
            other,
            spender=spender,
            earner=earner,
            hours=self.hours() if isinstance(spender, str) else None,
            id=self.id(),
            answer_in=choice((timedelta(hours=1), timedelta(days=30))),
            occurred_on=self.day(),
            category=choice((None, "care")),
            note=choice((None, "a note")),
        )
        self.offers.append((one, other, hold.id))
        self.holds.append(hold.id)
        self.carry(choice((0, 1, 2, 2, 2)), *self.offers[-1])

    def carry(self, steps: int, one: TimeBank, other: TimeBank, id: str) -> None:
        """Carry an offer to the other bank, and its answer back, or some of the way."""
        if steps > 1:
            made = carry(one, other, id)
            self.transfers += [each.id for each in (made.spent, made.earned) if each is not None]
        elif steps:
            with one.store.reader(one.name) as reader:
                body = offer_body(offer_record(reader, id))
            book(other, {"body": body})

    def go_on(self) -> None:
        """Finish an offer, take it back, or give it up; of an answer, hear it once more."""
        if not self.offers:
            return
        one, other, id = self.chance.choice(self.offers[-5:])
        acts = (partial(self.carry, 2), self.take_back, self.give_up, self.hear)
        self.chance.choice(acts)(one, other, id)

    def take_back(self, one: TimeBank, other: TimeBank, id: str) -> None:
        """Take an offer back: it is answered by what the other bank has."""
        with one.store.reader(one.name) as reader:
            body = cancel_body(offer_record(reader, id))
        conclude(one, {"body": answer_body(book(other, {"body": body}))})

    def give_up(self, one: TimeBank, other: TimeBank, id: str) -> None:
        """Abandon an offer, whatever the other bank has booked."""
        federation.abandon(one, id, reason="no answer")

    def hear(self, one: TimeBank, other: TimeBank, id: str) -> None:
        """Hear the answer again, also where the offer was given up."""
        with one.store.reader(one.name) as reader:
            body = offer_body(offer_record(reader, id))
        made = conclude(one, {"body": answer_body(book(other, {"body": body}))})
        self.transfers.append(made["request"]["id"])

    def move_back(self) -> None:
        """Move some of an exchange with the other bank back, or all of it."""
        some = self.chance.choice((None, "0:10", "0:00:07", "1:00"))
        one, other = self.chance.sample((self.bank, self.peer), 2)
        of = self.chance.choice(self.transfers[-9:] or ["nothing"])
        hold = federation.make_reversal(one, of, reason="so", hours=some, id=self.id())
        self.offers.append((one, other, hold.id))
        self.carry(self.chance.choice((0, 2, 2)), *self.offers[-1])

    def write_off(self) -> None:
        """Write off what one of the two owes, in this bank alone."""
        owed = -self.bank.balance(federation.agreement(self.bank, self.peer).account).posted
        federation.write_off(
            self.bank, self.peer, account="fund", hours=owed, reason="so", id=self.id()
        )

    # -- rules ----------------------------------------------------------------------------

    def statute(self) -> Statute:
        """Other rules at each call."""
        chance = self.chance
        return Statute(
            version=f"v{next(self.numbers)}",
            time_zone=chance.choice(ZONES),
            limits={kind: self.bands() for kind in ("member", "group") if chance.random() < 0.7},
            granularity=self.maybe(
                lambda: Granularity(
                    unit=chance.choice(("0:15", "0:10", "1:00")),
                    rounding=chance.choice(("refuse", "up", "nearest")),
                )
            ),
            largest_exchange=self.maybe(lambda: LargestExchange(hours=4, beyond=self.beyond())),
            record_within=self.maybe(lambda: RecordWithin(days=10, beyond=self.beyond())),
            fee=self.maybe(self.fee),
            welcome=self.maybe(
                lambda: Welcome(
                    hours=1,
                    fund="pot",
                    due_back=chance.random() < 0.5,
                    given=chance.choice(("on joining", "when asked")),
                    kinds=["member", "group"],
                )
            ),
            dues=[self.dues(name) for name in ("dues", "card", "hall") if chance.random() < 0.5],
            demurrage=self.maybe(
                lambda: Demurrage(
                    share=chance.choice((1, "1/7", "0.1")),
                    above=chance.choice((0, 1)),
                    fund="fund",
                    every=chance.choice(("month", "quarter", "half-year")),
                    unit=self.unit(),
                    remainder_to=self.rest(),
                    kinds=["member", "organisation"],
                )
            ),
        )

    def maybe(self, make: Callable[[], Any]) -> Any:
        """A rule, or none."""
        return make() if self.chance.random() < 0.5 else None

    def beyond(self) -> Any:
        """What becomes of who goes further."""
        return self.chance.choice(("refuse", "flag"))

    def unit(self) -> str:
        """A unit."""
        return self.chance.choice(("0:00:01", "0:07"))

    def rest(self) -> Any:
        """Who has the remainder."""
        return self.chance.choice(("fund", "payer"))

    def bands(self) -> list[Band]:
        """Limits for who is new, and for who is not."""
        first = Band(floor="-4", ceiling=6, beyond=self.beyond())
        later = Band(floor="-9", from_month=self.chance.choice((1, 12)), beyond=self.beyond())
        wider = Band(floor="-5:30", ceiling=self.chance.choice((None, 6)))
        return self.chance.choice(([first], [first, later], [first, wider], [first, wider, later]))

    def fee(self) -> Fee:
        """A share, or a fixed quantity."""
        either: dict[str, Any] = {"fixed": "0:20"}
        if self.chance.random() < 0.7:
            either = {"share": self.chance.choice(("1/10", "1/7", 1)), "unit": self.unit()}
        payer: Any = self.chance.choice(("spender", "earner"))
        return Fee(fund="fund", payer=payer, remainder_to=self.rest(), **either)

    def dues(self, name: str) -> Dues:
        """Dues of a name."""
        chance = self.chance
        every: Any = chance.choice(("once", "month", "quarter", "half-year", "year"))
        first_period: Any = chance.choice(("whole", "months", "days", "free"))
        return Dues(
            name=name,
            hours=chance.choice(("0:20", "1:00:01")),
            fund="pot",
            every=every,
            kinds=["member"] if chance.random() < 0.7 else ["member", "group", "clearing"],
            from_month=chance.choice((0, 0, 1, 5)),
            first_period=first_period,
            unit=self.unit(),
            remainder_to=self.rest(),
        )


#: What is done, and how often.
STEPS: Final[tuple[tuple[Callable[[Walk], None], int], ...]] = (
    (Walk.open_account, 6),
    (Walk.set_limits, 3),
    (Walk.rename, 2),
    (Walk.status, 6),
    (Walk.transfer, 22),
    (Walk.reverse, 9),
    (Walk.hold, 12),
    (Walk.settle, 9),
    (Walk.void, 2),
    (Walk.adopt, 4),
    (Walk.delegate, 3),
    (Walk.erase, 2),
    (Walk.run_due, 6),
    (Walk.welcome, 3),
    (Walk.lose_time, 2),
    (Walk.restart_clock, 5),
    (Walk.leave, 2),
    (Walk.amend, 8),
    (Walk.amend_account, 4),
    (Walk.close_books, 4),
    (Walk.merge, 5),
    (Walk.agreement, 8),
    (Walk.cross, 14),
    (Walk.go_on, 8),
    (Walk.move_back, 3),
    (Walk.write_off, 1),
    (Walk.issue, 3),
    (Walk.enter, 10),
    (Walk.void_cheque, 2),
)


#: What needs a booklet.
ON_CHEQUES: Final = (Walk.enter, Walk.void_cheque)


def random_bank(seed: int, steps: int = 60) -> TimeBank:
    """The bank of a seed."""
    return Walk(seed).walk(steps)
