"""The same work on small banks and on large ones: where a curve bends, it is seen here.

Each bank is made once, and asked and told everything. `python -m benchmarks.growth` prints three
tables, `--write FILE` puts them into a page, and `--quick` tries it with small numbers. A bank has
a clock of its own: its transfers are of ten years, a few of them late, and books are closed twice a
year. Nothing is asserted: `tests/house/test_flat.py` counts the same work.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import attrs

import timebank
from benchmarks.loads import Load, pairs, timed
from benchmarks.table import grid, page_of, shown_time, write
from timebank import Hours, TimeBank, federation
from timebank.bank import BankBatch
from timebank.proof import SigningKey, origin_of, receipt, sign_head, verify_receipt

MARKERS: Final = ("<!-- growth -->", "<!-- end of growth -->")
BEGINNING: Final = datetime(2016, 12, 1, 9, tzinfo=UTC)
#: As many transfers a day as make a million in ten years.
A_DAY: Final = 274
#: One of so many is recorded so many days late.
LATE: Final = (20, 10)
#: Books are closed after each batch, through so many days before.
CLOSED: Final = 60
Transfer = tuple[str, str, int, str, str]
#: Records behind a checkpoint that an audit goes on from.
BEHIND: Final = 1_000
#: Transfers of one batch.
CHUNK: Final = 50_000
#: Calls that are timed where one takes little, where it takes long, and where it reads everything.
MANY: Final = 40
FEW: Final = 5
ONCE: Final = 1


class Grown:
    """A bank that has a clock, a neighbour in the same storage, and grows."""

    def __init__(
        self, url: str, *, accounts: int = 300, a_day: int = A_DAY, chunk: int = CHUNK
    ) -> None:
        self.now, self.size, self._number = BEGINNING, 0, 0
        self._a_day, self._chunk = a_day, chunk
        self.bank = timebank.open(url, clock=self)
        self.names = [f"m{number}" for number in range(accounts)]
        with self.bank.batch() as batch:
            for name in self.names:
                batch.open_account(name, kind="group", floor=None)
        #: Who exchanges more, and whose account is asked for: what one is told is not read.
        self.told, self.asked = (self.names[0], self.names[1]), self.names[2]
        self.peer = TimeBank(self.bank.store, bank="peer", clock=self)
        self.peer.open_account("there", kind="group", floor=None)
        self.keys = [
            SigningKey.make(origin_of(bank.head().journal)) for bank in (self.bank, self.peer)
        ]
        self._agree(self.bank, self.peer, self.keys[1])
        self._agree(self.peer, self.bank, self.keys[0])

    def _agree(self, bank: TimeBank, other: TimeBank, key: SigningKey) -> None:
        terms: dict[str, Any] = {"they_may_owe": None, "we_may_owe": None}
        federation.agree(bank, other.head().journal, key=key.public, **terms)

    def __call__(self) -> datetime:
        """Tell the time."""
        return self.now

    def new_id(self) -> str:
        """Return an id that was not used."""
        self._number += 1
        return f"x{self._number}"

    # -- growing --------------------------------------------------------------------------

    def grow(self, size: int) -> float:
        """Grow to so many transfers, in batches; return the seconds that one took."""
        seconds, before = 0.0, self.size
        while self.size < size:
            number = min(self._chunk, size - self.size)
            load = pairs(number, self.size, self.names)
            seconds += timed(partial(self._in_batch, load))
            self.bank.close_books(through=self._day(-CLOSED), reason="approved")
        return seconds / max(1, size - before)

    def _in_batch(self, load: Load) -> None:
        with self.bank.batch() as batch:
            for one in load:
                self.size += 1
                if not self.size % self._a_day:
                    self.now += timedelta(days=1)
                self._post(batch, one, days=0 if self.size % LATE[0] else -LATE[1])

    def _post(self, bank: TimeBank | BankBatch, one: Transfer, *, days: int = 0) -> None:
        earner, spender, seconds, id, _ = one
        day, hours = self._day(days), Hours.from_seconds(seconds)
        bank.transfer(earner=earner, spender=spender, hours=hours, id=id, occurred_on=day)

    def _day(self, days: int = 0) -> date:
        return self.now.date() + timedelta(days=days)

    # -- what is asked and told -----------------------------------------------------------

    def post(self) -> str:
        """Post one more transfer; return its id."""
        id = self.new_id()
        self._post(self.bank, (*self.told, 900, id, ""))
        return id

    def reverse(self, id: str) -> None:
        """Take a transfer back."""
        self.bank.reverse(id, reason="entered twice", id=self.new_id())

    def hold(self) -> None:
        """Propose a transfer, and settle it."""
        earner, spender = self.told
        made = self.bank.hold(earner=earner, spender=spender, hours="0:15", id=self.new_id())
        self.bank.settle(made.id, id=self.new_id())

    def halfway(self) -> object:
        """Return the balance at the end of a day in the middle."""
        day = BEGINNING + (self.now - BEGINNING) / 2
        return self.bank.balance(self.asked, on=day.date())

    def last_month(self) -> timebank.Statement:
        """Return the last month of a statement."""
        return self.bank.statement(self.asked, since=self._day(-30))

    def lines(self) -> int:
        """Return how many lines these have."""
        return len(self.last_month().lines)

    def count(self) -> int:
        """Return how many transfers there are, but for what was posted to time it."""
        return self.size

    def reopen(self) -> None:
        """Open the bank once more."""
        timebank.open(self.bank.store.url, clock=self).close()

    def close_books(self) -> None:
        """Close the books of one day more."""
        through = self.bank.statement(self.asked, since=self._day()).closed_through
        day = self._day(-CLOSED) if through is None else through + timedelta(days=1)
        self.bank.close_books(through=day, reason="approved")

    def duplicate(self) -> tuple[str, str]:
        """Make two accounts that are one, each with a transfer."""
        pair = (self.new_id(), self.new_id())
        for account in pair:
            self.bank.open_account(account, kind="group", floor=None)
            self._post(self.bank, (account, self.told[0], 900, self.new_id(), ""))
        return pair

    def merge(self, pair: tuple[str, str]) -> None:
        """Make one account of two."""
        self.bank.merge(pair[0], into=pair[1], reason="registered twice")

    def exchange(self) -> None:
        """Exchange hours with the neighbour, by messages."""
        ours, theirs = self.keys
        sent = federation.offer(
            self.bank,
            self.peer,
            key=ours,
            spender=self.told[0],
            earner="there",
            hours="0:15",
            id=self.new_id(),
        )
        answered = federation.answer(self.peer, sent, key=theirs)
        if federation.conclude(self.bank, answered, keys=[ours]).status != "booked":
            msg = "the neighbour has not booked"
            raise RuntimeError(msg)

    def prove(self, id: str) -> str:
        """Make a receipt, as text."""
        return str(receipt(self.bank, id, key=self.keys[0]))

    def check(self, text: str) -> None:
        """Check a receipt."""
        verify_receipt(text, self.keys[0].public)

    def sign(self) -> None:
        """Sign the head."""
        sign_head(self.bank, self.keys[0])

    def audit_since(self, checkpoint: Any) -> None:
        """Audit what came since a checkpoint."""
        if not self.bank.audit(since=checkpoint).ok:
            msg = "the audit has findings"
            raise RuntimeError(msg)

    def behind(self) -> Any:
        """Make a checkpoint, then as many records as are audited since."""
        checkpoint = self.bank.audit().checkpoint
        self.grow(self.size + BEHIND)
        return checkpoint


# -- work --------------------------------------------------------------------------------


@attrs.frozen
class Work:
    """Something that is timed: `act` is called with what `prepare` gives, which is not timed.

    `rounds` are the calls. What one takes is divided by `number`, where there is one.
    """

    name: str
    act: Callable[..., object]
    prepare: Callable[[Grown], Any] | None = None
    rounds: int = MANY
    number: Callable[[Grown], int] | None = None

    def cost(
        self, grown: Grown, rounds: int, cost_of: Callable[[Callable[[], object]], float] = timed
    ) -> float:
        """Return the median of what so many rounds cost: seconds, unless it is counted."""
        costs = []
        for _ in range(min(rounds, self.rounds)):
            given = () if self.prepare is None else (self.prepare(grown),)
            costs.append(cost_of(partial(self.act, grown, *given)))
        number = 1 if self.number is None else self.number(grown)
        return statistics.median(costs) / max(1, number)


#: What should cost the same however much there is.
WORKS: Final = (
    Work("one more transfer", Grown.post),
    Work("a reversal", Grown.reverse, Grown.post),
    Work("a hold, and its settlement", Grown.hold),
    Work("current balance", lambda grown: grown.bank.balance(grown.asked)),
    Work("balance on a day halfway", Grown.halfway),
    Work("last month of a statement, a line", Grown.last_month, number=Grown.lines),
    Work("a receipt", Grown.prove, Grown.post, 20),
    Work("checking a receipt", Grown.check, lambda grown: grown.prove(grown.post()), 20),
    Work("a signed head", Grown.sign),
    Work("closing books", Grown.close_books, None, FEW),
    Work("a merge of two accounts", Grown.merge, Grown.duplicate, FEW),
    Work("an exchange with another bank, by messages", Grown.exchange, None, 20),
    Work("a due run where nothing is due", lambda grown: grown.bank.run_due(), None, FEW),
)
#: What is for a bank in a file.
IN_FILE: Final = (Work("opening the bank", Grown.reopen),)
#: What reads the whole journal, or goes with the accounts.
WHOLE: Final = (
    Work(f"audit since a checkpoint of {BEHIND:,} records", Grown.audit_since, Grown.behind, ONCE),
    Work("impact report, a transfer", lambda grown: grown.bank.impact(), None, ONCE, Grown.count),
    Work(
        "presences of a day, a transfer",
        lambda grown: grown.bank.presences(since=grown.now.date()),
        None,
        ONCE,
        Grown.count,
    ),
)


class Table:
    """A table of times: a row for each work, a column for each size."""

    def __init__(self, title: str, sizes: Iterable[int], quick: bool) -> None:
        self.title, self.sizes = title, tuple(sizes)
        self._rows: dict[str, dict[int, float]] = {}
        self._rounds = FEW if quick else MANY

    def put(self, name: str, size: int, seconds: float) -> None:
        """Put a time into its cell."""
        self._rows.setdefault(name, {})[size] = seconds

    def measure(self, size: int, grown: Grown, works: Iterable[Work], *, also: str = "") -> None:
        """Time some works on a bank of a size."""
        for work in works:
            self.put(work.name + also, size, work.cost(grown, self._rounds))

    def __str__(self) -> str:
        head = [self.title, *(f"{size:,}" for size in self.sizes)]
        return grid(head, [[name, *self._cells(row)] for name, row in self._rows.items()])

    def _cells(self, row: dict[int, float]) -> Iterator[str]:
        first = next(iter(row.values()))
        for size in self.sizes:
            seconds = row.get(size)
            if seconds is None:
                yield "-"
            elif size == self.sizes[0]:
                yield shown_time(seconds)
            else:
                yield f"{shown_time(seconds)} ({seconds / first:.1f} x)"


def transfers(folder: Path, *, quick: bool) -> Table:
    """With 1,000 to 1,000,000 transfers in a file; with 100,000 at most in memory."""
    sizes = (300, 1_000) if quick else (1_000, 10_000, 100_000, 1_000_000)
    table = Table("transfers in the bank", sizes, quick)
    with grown_bank(f"sqlite:///{folder / 'transfers.db'}") as grown:
        for size in sizes:
            table.put("a transfer in a batch", size, grown.grow(max(size, grown.size + 1)))
            table.measure(size, grown, (*WORKS, *IN_FILE, *WHOLE))
            _told(f"{size:,} transfers")
    with grown_bank("memory:") as grown:
        for size in sizes[:3]:
            grown.grow(size)
            table.measure(size, grown, _in_memory(), also=", in memory")
    return table


def accounts(folder: Path, *, quick: bool) -> Table:
    """With 10 to 100,000 accounts, and 1,000 transfers between them."""
    sizes = (10, 100) if quick else (10, 1_000, 100_000)
    table = Table("accounts of the bank", sizes, quick)
    for size in sizes:
        with grown_bank(f"sqlite:///{folder / f'accounts-{size}.db'}", accounts=size) as grown:
            grown.grow(1_000)
            table.measure(size, grown, (*WORKS, *IN_FILE))
            seconds = timed(partial(due_run, grown)) / size
            table.put("a due run, an account that owes", size, seconds)
            _told(f"{size:,} accounts")
    return table


def banks(folder: Path, *, quick: bool) -> Table:
    """With 1 to 10,000 banks in a file, or in memory, of which one is asked."""
    sizes = (1, 20) if quick else (1, 100, 10_000)
    table = Table("banks in the storage", sizes, quick)
    for size in sizes:
        for url, works, also in (
            (f"sqlite:///{folder / f'banks-{size}.db'}", (*WORKS, *IN_FILE), ""),
            ("memory:", _in_memory(), ", in memory"),
        ):
            with grown_bank(url) as grown:
                for number in range(size - 1):
                    grown.bank.store.make_bank(f"bank-{number}", journal=f"journal-{number}")
                grown.grow(1_000)
                table.measure(size, grown, works, also=also)
        _told(f"{size:,} banks")
    return table


@contextmanager
def grown_bank(url: str, **given: Any) -> Iterator[Grown]:
    """Give a bank, and close it."""
    grown = Grown(url, **given)
    try:
        yield grown
    finally:
        grown.bank.close()


def _in_memory() -> tuple[Work, ...]:
    """Return the work that is timed in memory as well."""
    names = {"one more transfer", "balance on a day halfway"}
    return tuple(work for work in WORKS if work.name in names or "another bank" in work.name)


def due_run(grown: Grown) -> None:
    """Charge every account once."""
    bank = grown.bank
    bank.open_account("fund", kind="fund")
    due = timebank.Dues(hours="0:15", every="once", fund="fund", kinds=["group"], from_month=1)
    bank.adopt(timebank.Statute(version="dues", dues=[due]))
    grown.now += timedelta(days=1)
    bank.run_due()


def _told(what: str) -> None:
    sys.stderr.write(f"{what}: {time.monotonic() - _BEGUN:.0f} s so far\n")


_BEGUN: Final = time.monotonic()
#: Axis → its table.
AXES: Final[dict[str, Callable[..., Table]]] = {
    "transfers": transfers,
    "accounts": accounts,
    "banks": banks,
}


def main() -> None:
    """Measure, print, and write the page if asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("--write", type=Path, help="a page between whose markers the tables go")
    parser.add_argument("--only", choices=AXES, help="one table, which is printed alone")
    parser.add_argument("--quick", action="store_true", help="small numbers, to try it")
    asked = parser.parse_args()
    begin, tables = time.monotonic(), []
    for name in AXES if asked.only is None else (asked.only,):
        with tempfile.TemporaryDirectory() as folder:
            tables.append(str(AXES[name](Path(folder), quick=asked.quick)))
    text = page_of("\n\n".join(tables), time.monotonic() - begin, quick=asked.quick)
    sys.stdout.write(f"{text}\n")
    if asked.write and asked.only is None:
        write(asked.write, f"\n{text}\n", MARKERS)


if __name__ == "__main__":
    main()
