"""Drive a store and the memory store by the same calls, and compare them after each."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Callable
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from timebank import federation
from timebank.bank import TimeBank
from timebank.errors import TimebankError
from timebank.federation import Agreement as Agreed
from timebank.model.cheques import Booklet, Number
from timebank.model.members import Disposal, Donate, WriteOff
from timebank.queries.cheques import all_booklets, issued_booklet
from timebank.rules.cheques import EnterCheque, IssueCheques, VoidCheque
from timebank.statute import DEFAULT, Band, Dues, Fee, Granularity, Statute, Welcome
from timebank.storage import open_store
from timebank.testing.fixtures import StoreUnderTest, sources

ids = st.sampled_from(["a", "A", "b", "fund", "ä"])
operations = st.sampled_from([f"t{n}" for n in range(9)])
seconds = st.sampled_from([1, 3600, 71999, 72000, 72001])
#: Rules that bite: limits of an hour, a fee with a unit of its own.
STATUTES = (
    DEFAULT,
    Statute(version="tight", limits={"member": Band(floor=-1, ceiling=1, beyond="flag")}),
    Statute(
        version="soft",
        limits={"member": [Band(floor=-1, ceiling=1, beyond="flag"), Band(floor=-2, ceiling=3)]},
    ),
    Statute(
        version="fee",
        limits={"member": Band(floor=-2)},
        granularity=Granularity(unit="7s", rounding="up"),
        fee=Fee(share="1/10", fund="fund"),
    ),
    Statute(
        version="life",
        limits={"member": Band(floor=-1)},
        welcome=Welcome(hours=2, fund="fund", due_back=True),
        dues=Dues(hours="0:40", fund="fund", every="month", first_period="days"),
    ),
)
texts = st.sampled_from([None, "", "Maria", "a\0b", "\U0001f600'"])

SETTINGS = settings(
    stateful_step_count=15,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


class Agreement(StoreUnderTest, part=True):
    """The same calls make the same journal, to the byte."""

    def test_it_agrees_with_the_memory_store(self) -> None:
        """Random histories: results, errors, heads and balances are those of memory."""
        made: Any = lambda: _TwoBanks(self)  # noqa: E731 - Hypothesis takes whatever makes one
        run_state_machine_as_test(
            made, settings=settings(SETTINGS, max_examples=self.random_histories)
        )


class _TwoBanks(RuleBasedStateMachine):
    """Two banks with the same sources of time and ids: one in the store, one in memory."""

    def __init__(self, place: StoreUnderTest) -> None:
        super().__init__()
        self.place = place
        self.folder = Path(tempfile.mkdtemp())
        self.url = place.new_url(self.folder)
        self.sources = [sources(), sources()]
        self.banks = [
            TimeBank(place.open(self.url), **self.sources[0]),
            TimeBank(open_store("memory:", create=True), **self.sources[1]),
        ]
        self.both(self._agree)

    def teardown(self) -> None:
        """Check that the audit finds nothing, and remove what was made."""
        try:
            neighbours = [self._next_door(bank) for bank in self.banks]
            assert [(), ()] == [bank.audit().findings for bank in self.banks]
            assert [(), ()] == [bank.audit().findings for bank in neighbours]
        finally:
            for bank in self.banks:
                bank.close()
            shutil.rmtree(self.folder, ignore_errors=True)

    def both(self, call: Callable[[TimeBank], Any]) -> None:
        """Make the same call on both and compare the results, or the errors."""
        told = []
        for bank in self.banks:
            try:
                told.append(repr(call(bank)))
            except TimebankError as error:
                told.append(f"{type(error).__name__}: {error}")
        assert told[1] == told[0]

    @rule(id=ids, name=texts, floor=st.sampled_from(["inherit", None, -1]))
    def open(self, id: str, name: str | None, floor: Any) -> None:
        """Open an account, again or otherwise."""
        own = {} if floor == "inherit" else {"floor": floor}
        kind = "fund" if id == "fund" else "member"
        self.both(lambda bank: bank.open_account(id, kind=kind, name=name, **own))

    @rule(earner=ids, spender=ids, amount=seconds, id=operations, note=texts)
    def transfer(self, earner: str, spender: str, amount: int, id: str, note: str | None) -> None:
        """Transfer between two."""
        self.both(
            lambda bank: bank.transfer(
                earner=earner, spender=spender, hours=f"{amount}s", id=id, note=note
            )
        )

    @rule(up=st.sets(ids, min_size=1), down=st.sets(ids, min_size=1), id=operations)
    def circle(self, up: set[str], down: set[str], id: str) -> None:
        """Transfer between many, shared alike."""
        total = len(up) * len(down)
        self.both(
            lambda bank: bank.transfer(
                earner={one: f"{total // len(up)}m" for one in sorted(up)},
                spender={one: f"{total // len(down)}m" for one in sorted(down)},
                id=id,
            )
        )

    @rule(original=operations, id=operations, reason=texts)
    def reverse(self, original: str, id: str, reason: str | None) -> None:
        """Reverse a transfer wholly."""
        self.both(lambda bank: bank.reverse(original, reason=reason or "why", id=f"r{id}"))

    @rule(earner=ids, spender=ids, amount=seconds, id=operations, minutes=st.integers(1, 20))
    def hold(self, earner: str, spender: str, amount: int, id: str, minutes: int) -> None:
        """Hold for some minutes of a clock that moves by one at each reading."""
        self.both(
            lambda bank: bank.hold(
                earner=earner,
                spender=spender,
                hours=f"{amount}s",
                id=f"h{id}",
                expires_in=timedelta(minutes=minutes),
            )
        )

    @rule(id=operations, amount=st.none() | seconds)
    def settle(self, id: str, amount: int | None) -> None:
        """Settle a hold wholly, in part or for more."""
        hours = None if amount is None else f"{amount}s"
        self.both(lambda bank: bank.settle(f"h{id}", hours=hours, id=f"s{id}"))

    @rule(id=operations)
    def void(self, id: str) -> None:
        """Void a hold."""
        self.both(lambda bank: bank.void(f"h{id}", id=f"v{id}"))

    @rule(
        id=operations,
        of=st.sampled_from(["", "h", "s", "x"]),
        note=texts,
        category=st.sampled_from([None, "care", "shopping"]),
        hour=st.sampled_from([None, 9, 23]),
    )
    def amend(
        self, id: str, of: str, note: str | None, category: str | None, hour: int | None
    ) -> None:
        """Put right what a transfer, a hold or a settlement was for."""
        begins = None if hour is None else time(hour, 30)
        self.both(
            lambda bank: bank.amend(
                f"{of}{id}", note=note, category=category, started_at=begins, reason="a slip"
            )
        )

    @rule(
        id=ids, kind=st.sampled_from(["member", "group"]), day=st.sampled_from([None, 1, 28, 400])
    )
    def amend_account(self, id: str, kind: str, day: int | None) -> None:
        """Put right the kind and the day of joining."""
        joined = None if day is None else date(2026, 1, 1) + timedelta(days=day)
        self.both(lambda bank: bank.amend_account(id, kind=kind, joined_on=joined, reason="a slip"))

    @rule(days=st.none() | st.integers(-1, 3))
    def close_books(self, days: int | None) -> None:
        """Close the books through some day, or open them."""
        today = self.sources[0]["clock"].now.date()
        through = None if days is None else today - timedelta(days=days)
        self.both(lambda bank: bank.close_books(through=through, reason="approved"))

    @rule(id=ids, into=ids)
    def merge(self, id: str, into: str) -> None:
        """Let an account become another."""
        self.both(lambda bank: bank.merge(id, into=into, reason="twice"))

    @rule(statute=st.sampled_from(STATUTES))
    def adopt(self, statute: Statute) -> None:
        """Adopt another statute, or the same again."""
        self.both(lambda bank: bank.adopt(statute))

    @rule(id=ids, call=st.sampled_from(["freeze", "thaw", "close_account", "reopen"]))
    def change(self, id: str, call: str) -> None:
        """Change the status of an account."""
        self.both(lambda bank: getattr(bank, call)(id))

    @rule(minutes=st.integers(1, 300))
    def restart(self, minutes: int) -> None:
        """Put the clocks back, and restart them where they are behind."""
        for given in self.sources:
            given["clock"].now -= timedelta(minutes=minutes)
        today = self.sources[0]["clock"].now.date()
        self.both(lambda bank: bank.freeze("nobody"))
        self.both(lambda bank: bank.restart_clock(today=today, reason="it was wrong"))

    @rule()
    def run_due(self) -> None:
        """Record all that is due."""
        self.both(lambda bank: bank.run_due())

    @rule(id=ids, reason=texts)
    def leave(self, id: str, reason: str | None) -> None:
        """Let a member leave: several records in one commit."""
        disposal: list[Disposal] = [] if id == "fund" else [Donate("fund"), WriteOff("fund")]
        self.both(lambda bank: bank.leave(id, disposal=disposal, reason=reason))

    def _next_door(self, bank: TimeBank) -> TimeBank:
        """Return the other bank in the same store."""
        return TimeBank(bank.store, bank="next door", **self.sources[self.banks.index(bank)])

    def _agree(self, bank: TimeBank) -> list[Agreed]:
        other = self._next_door(bank)
        other.open_account("a")
        return [
            federation.agree(one, peer, they_may_owe=20, we_may_owe=20)
            for one, peer in ((bank, other), (other, bank))
        ]

    @rule(
        id=operations,
        spender=ids,
        earner=ids,
        amount=seconds,
        turned=st.booleans(),
        is_carried=st.booleans(),
    )
    def cross(
        self, id: str, spender: str, earner: str, amount: int, *, turned: bool, is_carried: bool
    ) -> None:
        """Exchange with the bank next door, or offer it and wait."""

        def work(bank: TimeBank) -> object:
            one, other = self._turned(bank, turned=turned)
            call = federation.transfer if is_carried else federation.make_offer
            return call(one, other, spender=spender, earner=earner, hours=f"{amount}s", id=f"o{id}")

        self.both(work)

    def _turned(self, bank: TimeBank, *, turned: bool) -> tuple[TimeBank, TimeBank]:
        other = self._next_door(bank)
        return (other, bank) if turned else (bank, other)

    @rule(
        call=st.sampled_from(["resume", "suspend", "end", "abandon", "agree"]),
        id=operations,
        turned=st.booleans(),
    )
    def between(self, call: str, id: str, *, turned: bool) -> None:
        """Finish what is under way, or have a board decide."""

        def work(bank: TimeBank) -> object:
            one, other = self._turned(bank, turned=turned)
            match call:
                case "resume":
                    return federation.resume(one, other)
                case "suspend":
                    return federation.suspend(one, other, reason="so")
                case "end":
                    return federation.end(one, other, reason="so")
                case "abandon":
                    return federation.abandon(one, f"o{id}", reason="so")
            return self._agree(bank)

        self.both(work)

    @rule(id=ids, call=st.sampled_from(["name_delegate", "end_delegate"]))
    def delegate(self, id: str, call: str) -> None:
        """Name or end a delegate of an account."""
        self.both(lambda bank: getattr(bank, call)(id, "ü"))

    @rule(id=ids, booklet=st.integers(1, 3), cheques=st.sampled_from([1, 8]))
    def issue_cheques(self, id: str, booklet: int, cheques: int) -> None:
        """Give an account a booklet of cheques, or the number of one that another has."""
        command = IssueCheques.of(id, booklet=booklet, cheques=cheques)
        self.both(lambda bank: bank._execute(command))  # noqa: SLF001 - of the same house

    @rule(booklet=st.integers(1, 3), cheque=st.integers(1, 9), earner=ids, amount=seconds)
    def enter_cheque(self, booklet: int, cheque: int, earner: str, amount: int) -> None:
        """Enter a cheque, which whose the booklet is spends."""
        number = Number(booklet, cheque)

        def work(bank: TimeBank) -> object:
            with bank._reader() as reader:  # noqa: SLF001 - as above
                found = issued_booklet(reader, booklet)
            spender = "nobody" if found is None else found.account
            hours = f"{amount}s"
            command = EnterCheque.by_number(number, earner=earner, spender=spender, hours=hours)
            return bank._execute(command)  # noqa: SLF001 - as above

        self.both(work)

    @rule(booklet=st.integers(1, 3), cheque=st.integers(1, 9), reason=texts)
    def void_cheque(self, booklet: int, cheque: int, reason: str | None) -> None:
        """Void a cheque."""

        def work(bank: TimeBank) -> object:
            command = VoidCheque.of(Number(booklet, cheque), code="lost", reason=reason)
            return bank._execute(command)  # noqa: SLF001 - as above

        self.both(work)

    @rule(count=st.sampled_from([1, 100, 254, 520]))
    def grow(self, count: int) -> None:
        """Append many records in one batch: tiles of the tree are filled."""

        def work(bank: TimeBank) -> None:
            with bank.batch() as batch:
                batch.open_account("often", kind="fund")
                for n in range(count):
                    (batch.freeze if n % 2 else batch.thaw)("often")

        self.both(work)

    @rule(id=ids, name=texts)
    def rename(self, id: str, name: str | None) -> None:
        """Rename an account."""
        self.both(lambda bank: bank.rename(id, name))

    @rule(first=operations, fails=st.booleans())
    def batch(self, first: str, fails: bool) -> None:
        """Make several calls in a batch, all or none."""

        def work(bank: TimeBank) -> None:
            with bank.batch() as batch:
                for id in (f"x{first}", f"y{first}"):
                    with contextlib.suppress(TimebankError):
                        batch.transfer(earner="a", spender="fund", hours="1m", id=id)
                    with contextlib.suppress(TimebankError):
                        batch.transfer(earner="fund", spender="nobody", hours=1)
                if fails:
                    batch.freeze("nobody")

        self.both(work)

    @rule(id=ids)
    def rebuild(self, id: str) -> None:
        """Make derived rows anew, after an erasure; what may remain of texts differs by store."""

        def work(bank: TimeBank) -> tuple[int, tuple[int, ...]]:
            done = bank.erase(id, reason="asked")
            return done.texts, done.records

        self.both(work)
        self.both(TimeBank.rebuild)

    @rule()
    def reopen(self) -> None:
        """Open the place by another store of the same process."""
        if self.place.shared:
            self.banks[0].close()
            self.banks[0] = TimeBank(self.place.open(self.url), **self.sources[0])

    def _booklets(self, bank: TimeBank) -> list[Booklet]:
        """Return all booklets of cheques, with what became of each cheque."""
        with bank._reader() as reader:  # noqa: SLF001 - of the same house
            return sorted(all_booklets(reader), key=lambda one: one.number)

    @invariant()
    def same(self) -> None:
        """Check that heads, balances and lists agree."""
        one, other = (
            (
                bank.head().with_root(),
                [bank.balance(account.id) for account in bank.accounts()],
                [(one.id, one.note) for one in bank.transfers(newest_first=True)],
                [account.name for account in bank.accounts()],
                [line.balance for line in bank.trial_balance().lines],
                list(bank.holds()),
                bank.statute(),
                [bank.delegates(account.id) for account in bank.accounts()],
                list(bank.accounts()),
                list(bank.closings()),
                self._booklets(bank),
            )
            for bank in self.banks
        )
        assert other == one
