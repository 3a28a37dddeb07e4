"""Holds, fees, units, flags and statutes, with a moving clock: memory and SQLite beside a model.

The model knows no rule. It believes what each call gives back, and then every figure of the bank
must follow from that; what the rules promise is stated as invariants.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

import timebank
from support import examples, sources, url_of
from timebank import (
    AccountNotFound,
    Assign,
    Band,
    ClockBehind,
    ClockRestart,
    Demurrage,
    Donate,
    DueReport,
    Dues,
    Fee,
    Granularity,
    Hold,
    Hours,
    LargestExchange,
    Leaving,
    LimitExceeded,
    Record,
    RecordWithin,
    Statute,
    TimeBank,
    TimebankError,
    Transfer,
    Welcome,
    WriteOff,
)
from timebank.statute import DEFAULT

ACCOUNTS = ["a", "b", "c", "fund"]
accounts = st.sampled_from(ACCOUNTS)
seconds = st.sampled_from([1, 59, 3600, 7199, 7200, 36000]) | st.integers(1, 12 * 3600)
sides = st.dictionaries(accounts, st.integers(1, 4000), min_size=1, max_size=3)
numbers = st.integers(0, 6)

TIGHT = {"member": Band(floor=-1, ceiling=1)}
STATUTES = [
    DEFAULT,
    Statute(version="tight", limits=TIGHT),
    Statute(version="soft", limits={"member": Band(floor=-1, ceiling=1, beyond="flag")}),
    Statute(
        version="soft within hard",
        limits={"member": [Band(floor=-3, ceiling=4), Band(floor=-1, ceiling=1, beyond="flag")]},
    ),
    Statute(
        version="spender",
        limits={"member": Band(floor=-3, ceiling=3)},
        fee=Fee(share="7/100", fund="fund"),
    ),
    Statute(
        version="fixed",
        limits=TIGHT,
        fee=Fee(fixed="0:07:01", fund="fund"),
        granularity=Granularity(unit="0:00:07", rounding="nearest"),
    ),
    Statute(
        version="earner",
        limits={"member": Band(floor=-2, ceiling=2)},
        fee=Fee(share="1/3", fund="fund", payer="earner", remainder_to="payer", unit="5s"),
        granularity=Granularity(unit="0:01", rounding="up"),
        largest_exchange=LargestExchange(hours=6),
        record_within=RecordWithin(days=3),
    ),
    Statute(version="units", granularity=Granularity(unit="0:00:11")),
    Statute(
        version="life",
        limits=TIGHT,
        welcome=Welcome(hours="1:20", fund="fund", due_back=True),
        dues=[
            Dues(hours="0:20", fund="fund", every="month", first_period="days"),
            Dues(hours="0:30", fund="fund", every="once", name="joining"),
        ],
        demurrage=Demurrage(share="1/7", above="0:30", fund="fund", every="month"),
    ),
    Statute(
        version="kept",
        limits={"member": Band(floor=-5, ceiling=1)},
        welcome=Welcome(hours=1, fund="fund", given="when asked"),
        dues=Dues(hours=1, fund="fund", every="quarter", first_period="months", unit="0:07"),
    ),
]


class Clock:
    """A clock that moves only when it is told to, in either direction."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        """The time."""
        return self.now


class Rules(RuleBasedStateMachine):
    """Two stores with the same sources, and what they gave back."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.folder = Path(tempfile.mkdtemp())
        self.banks = [
            timebank.open(url_of(store, self.folder), **sources(self.clock))
            for store in ("memory", "sqlite")
        ]
        self.holds: dict[str, Hold] = {}
        self.transfers: dict[str, Transfer] = {}
        self.asked: set[str] = set()
        self.count = 0

    def teardown(self) -> None:
        """Every history audits clean, before and after a rebuild."""
        try:
            for bank in self.banks:
                assert () == bank.audit().findings
                before = [bank.balance(id) for id in ACCOUNTS]
                bank.rebuild()
                assert before == [bank.balance(id) for id in ACCOUNTS]
                assert () == bank.audit().findings
        finally:
            for bank in self.banks:
                bank.close()
            shutil.rmtree(self.folder, ignore_errors=True)

    @initialize()
    def open(self) -> None:
        """Three members and a fund."""
        for id in ACCOUNTS:
            kind = "fund" if id == "fund" else "member"
            self.both(partial(TimeBank.open_account, id=id, kind=kind))

    def both(self, call: Callable[[Any], Any]) -> Any:
        """On each store first as a preview, then really: the same result, or the same error."""
        told: list[Any] = []
        for bank in self.banks:
            with bank.preview() as preview:
                told.append(_told(call, preview))
            told.append(_told(call, bank))
        assert all(one == told[0] for one in told), told
        return told[0]

    def standing(self) -> dict[str, tuple[int, int]]:
        """How low and how high each account stands, with what is held and incoming."""
        found = {}
        for id in ACCOUNTS:
            b = self.banks[0].balance(id)
            found[id] = ((b.posted - b.held).seconds, (b.posted + b.incoming).seconds)
        return found

    def kept(self, made: Transfer | Hold, before: dict[str, tuple[int, int]]) -> None:
        """Nobody was moved further beyond a limit without a flag; all is zero-sum."""
        assert 0 == sum(posting.hours.seconds for posting in made.postings)
        flagged = {(flag.rule, flag.account) for flag in made.flags}
        for id, (low, high) in self.standing().items():
            balance = self.banks[0].balance(id)
            if low < before[id][0] and balance.floor is not None:
                assert low >= balance.floor.seconds or ("floor", id) in flagged
            if high > before[id][1] and balance.ceiling is not None:
                assert high <= balance.ceiling.seconds or ("ceiling", id) in flagged

    def fresh(self, letter: str) -> str:
        """An id that was not used; two in a hundred repeat the last one."""
        self.count += self.count % 50 != 49
        return f"{letter}{self.count}"

    @rule(statute=st.sampled_from(STATUTES))
    def adopt(self, statute: Statute) -> None:
        """Another statute, or an earlier one again."""
        self.both(lambda bank: bank.adopt(statute))

    def one_of(self, made: dict[str, Any], number: int) -> Any:
        """The last ones most often."""
        return list(made.values())[-1 - number % len(made)] if made else None

    @rule(minutes=st.sampled_from([1, 60, 1440, 10_000]))
    def wait(self, minutes: int) -> None:
        """Time goes on, and holds expire."""
        self.clock.now += timedelta(minutes=minutes)

    @rule(minutes=st.sampled_from([-300, -61, -59, -1, 1, 59, 61, 300]))
    def set_clock(self, minutes: int) -> None:
        """The clock is put back, or forward, as a machine does that was asleep or wrong.

        Where the last record then lies more than ten minutes ahead, nothing is recorded until the
        clock of the bank is restarted; holds that expire some day have expired by it.
        """
        self.clock.now += timedelta(minutes=minutes)
        if self.now - self.clock.now > timedelta(minutes=10):
            head = self.banks[0].head()
            assert ClockBehind is self.both(lambda bank: bank.freeze("a"))[0]
            assert head == self.banks[0].head()
            today = self.clock.now.date()
            made = self.both(lambda bank: bank.restart_clock(today=today, reason="it was wrong"))
            assert isinstance(made, ClockRestart)
            for name in made.ended:
                assert "expired" == self.banks[0].hold_by_id(name).status
                self.holds.pop(name, None)

    @rule(minutes=st.sampled_from([59, 61, 300, 3001]), up=accounts, down=accounts)
    def refuse_ahead(self, minutes: int, up: str, down: str) -> None:
        """A clock stands ahead for calls that are refused, and is put right: no hold is forgotten.

        What may be spent then, and a second more, is asked for in the same batch.
        """
        name = self.fresh("k")
        held = self.both(
            lambda bank: bank.hold(
                earner=up, spender=down, hours=1, id=name, expires_in=timedelta(minutes=9)
            )
        )
        if isinstance(held, Hold) and name not in self.asked:
            self.asked.add(name)
            if held.status == "open":
                self.holds[name] = held
        ahead, before, id = timedelta(minutes=minutes), self.standing(), self.fresh("t")
        spendable = self.banks[0].balance(down).spendable
        hours = Hours.from_seconds(max(0 if spendable is None else spendable.seconds, 0) + 1)

        def call(bank: Any) -> Any:
            opened = bank.batch() if isinstance(bank, TimeBank) else nullcontext(bank)
            with opened as batch:
                self.clock.now += ahead
                for earner, spender in ((up, "nobody"), ("nobody", down)):
                    no = _told(lambda b: b.hold(earner=earner, spender=spender, hours=1), batch)  # noqa: B023
                    assert AccountNotFound is no[0]
                self.clock.now -= ahead
                return _told(
                    lambda b: b.transfer(earner=up, spender=down, hours=hours, id=id), batch
                )

        made = self.both(call)
        if isinstance(made, Transfer) and id not in self.transfers:
            self.kept(made, before)
            self.transfers[id] = made

    @property
    def now(self) -> datetime:
        """The instant of the bank: the clock's, and never before the last record's."""
        return max([self.clock.now, *(one.recorded_at for one in self.last_record())])

    def last_record(self) -> list[Record]:
        """The last record of the first bank, if there is one."""
        return list(self.banks[0].records(after=max(self.banks[0].head().sequence - 1, 0)))

    @rule(up=accounts, down=accounts, amount=seconds)
    def transfer(self, up: str, down: str, amount: int) -> None:
        """Between two."""
        self._transfer(up, down, Hours.from_seconds(amount), self.fresh("t"))

    @rule(up=sides, down=sides)
    def share(self, up: dict[str, int], down: dict[str, int]) -> None:
        """Between many, in odd proportions; who stands on both sides too."""
        total = max(sum(up.values()) * sum(down.values()) // 997, 1000)
        self._transfer(_shared(total, up), _shared(total, down), None, self.fresh("t"))

    def _transfer(self, up: Any, down: Any, amount: Hours | None, id: str) -> None:
        before = self.standing()
        made = self.both(lambda bank: bank.transfer(earner=up, spender=down, hours=amount, id=id))
        if isinstance(made, Transfer) and id not in self.transfers:
            self.kept(made, before)
            self.transfers[id] = made

    @rule(up=sides, down=sides, hours=st.none() | st.integers(1, 50))
    def hold(self, up: dict[str, int], down: dict[str, int], hours: int | None) -> None:
        """Reserve, for some hours or for good."""
        before, id = self.standing(), self.fresh("h")
        total = max(sum(up.values()) * sum(down.values()) // 997, 1000)
        end = None if hours is None else timedelta(hours=hours)
        made = self.both(
            lambda bank: bank.hold(
                earner=_shared(total, up), spender=_shared(total, down), id=id, expires_in=end
            )
        )
        if isinstance(made, Hold) and id not in self.holds:
            assert made.expires_at == (None if end is None else made.recorded_at + end)
            self.kept(made, before)
            self.holds[id] = made

    @precondition(lambda self: self.holds)
    @rule(number=numbers, percent=st.none() | st.integers(1, 250))
    def settle(self, number: int, percent: int | None) -> None:
        """Wholly, in part, or for longer. Within the hold no limit is in the way."""
        held, before = self.one_of(self.holds, number), self.standing()
        hours, id = None, self.fresh("s")
        if held is not None and percent is not None:
            hours = Hours.from_seconds(max(held.hours.seconds * percent // 100, 1))
        name = "nothing" if held is None else held.id
        made = self.both(lambda bank: bank.settle(name, hours=hours, id=id))
        if isinstance(made, Transfer) and id not in self.transfers:
            assert held is not None
            self.kept(made, before)
            self.transfers[id] = made
            del self.holds[held.id]
        elif held is not None and (hours is None or hours <= held.hours):
            assert LimitExceeded is not made[0]

    @precondition(lambda self: self.holds)
    @rule(number=numbers)
    def void(self, number: int) -> None:
        """Release."""
        held = self.one_of(self.holds, number)
        name, id = "nothing" if held is None else held.id, self.fresh("v")
        made = self.both(lambda bank: bank.void(name, id=id))
        if isinstance(made, Hold):
            self.holds.pop(name, None)

    @precondition(lambda self: self.transfers)
    @rule(number=numbers, part=st.none() | seconds)
    def reverse(self, number: int, part: int | None) -> None:
        """Wholly or in part, until nothing is left."""
        original = self.one_of(self.transfers, number)
        hours = None if part is None else Hours.from_seconds(part)
        name, reversal = "nothing" if original is None else original.id, self.fresh("r")
        made = self.both(lambda bank: bank.reverse(name, hours=hours, reason="why", id=reversal))
        if isinstance(made, Transfer):
            self.transfers[reversal] = made

    @rule(id=accounts, call=st.sampled_from(["freeze", "close_account"]))
    def change(self, id: str, call: str) -> None:
        """What is called for an account that is not open; then it is opened again, mostly."""
        before = self.banks[0].account(id).status
        self.both(lambda bank: getattr(bank, call)(id))
        if before != "open":
            self.both(lambda bank: (bank.thaw if before == "frozen" else bank.reopen)(id))

    @rule()
    def run_due(self) -> None:
        """All that is due; a second run charges nothing."""
        report = self.both(lambda bank: bank.run_due())
        if isinstance(report, DueReport):
            for charge in report.charges:
                assert charge.id not in self.transfers
                self.transfers[charge.id] = charge.transfer
            assert () == self.both(lambda bank: bank.run_due()).charges

    @rule(id=accounts)
    def welcome(self, id: str) -> None:
        """The welcome credit, once."""
        made = self.both(lambda bank: bank.welcome(id))
        if isinstance(made, Transfer):
            self.transfers[made.id] = made

    @rule(
        id=accounts,
        to=accounts,
        credit=st.sampled_from([Donate, Assign, None]),
        writes_off=st.booleans(),
    )
    def leave(self, id: str, to: str, credit: Any, writes_off: bool) -> None:
        """From whatever state there is: all of it or nothing, then mostly come back."""
        disposal: list[Any] = [WriteOff("fund")] if writes_off and id != "fund" else []
        if credit is not None and id != to:
            disposal.append(Donate(to) if credit is Donate else Assign(to, consented=True))
        head = self.banks[0].head()
        made: list[Leaving] = []

        def leave(bank: Any) -> Any:
            """What happened, without the ids that were made for it."""
            left = bank.leave(id, disposal=disposal)
            made.append(left)
            moved = [*left.given_back, *filter(None, [left.disposal])]
            told = [one.id for one in (*left.charges, *left.voided)]
            return left.account, told, [one.postings for one in moved]

        self.both(leave)
        if not made:
            assert head == self.banks[0].head()
            return
        left = made[1]  # of the first bank, after its preview
        for hold in left.voided:
            self.holds.pop(hold.id, None)
        for charge in left.charges:
            self.transfers[charge.id] = charge.transfer
        for transfer in (*left.given_back, *filter(None, [left.disposal])):
            self.transfers[transfer.id] = transfer
        balance = self.banks[0].balance(id)
        assert (0, 0, 0, "closed") == (
            balance.posted.seconds,
            balance.held.seconds,
            balance.incoming.seconds,
            left.account.status,
        )
        if self.count % 3:
            self.both(lambda bank: bank.reopen(id))

    @invariant()
    def every_figure_follows(self) -> None:
        """Posted from the transfers; held and incoming from the holds that are open now."""
        posted, held, incoming = (dict.fromkeys(ACCOUNTS, 0) for _ in range(3))
        now = self.now
        for made in self.transfers.values():
            for posting in made.postings:
                posted[posting.account] += posting.hours.seconds
        for hold in self.holds.values():
            if hold.expires_at is not None and hold.expires_at <= now:
                continue
            payer_is_spender = hold.statute != "earner"
            for posting in hold.postings:
                if posting.hours.seconds > 0:
                    incoming[posting.account] += posting.hours.seconds
                elif not posting.fee or payer_is_spender:
                    held[posting.account] -= posting.hours.seconds
        for bank in self.banks:
            for account in bank.accounts():
                id, balance = account.id, bank.balance(account.id)
                assert (posted[id], held[id], incoming[id]) == (
                    balance.posted.seconds,
                    balance.held.seconds,
                    balance.incoming.seconds,
                )
        assert 0 == sum(posted.values())
        assert self.banks[0].head() == self.banks[1].head()


def _shared(total: int, weights: dict[str, int]) -> dict[str, Hours]:
    return timebank.split(Hours.from_seconds(total), list(weights), weights=weights)


def _told(call: Callable[[Any], Any], bank: Any) -> Any:
    """What a call gives; an error as its class and all that it says, to be compared."""
    try:
        return call(bank)
    except TimebankError as error:
        facts = {name: value for name, value in vars(error).items() if name != "original"}
        return type(error), str(error), repr(facts)


Rules.TestCase.settings = examples(60, steps=50)
TestRules = Rules.TestCase
