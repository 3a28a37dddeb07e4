"""One owner, one life: a batch is its thread's, and ends with its block, whoever keeps a handle."""

from __future__ import annotations

import asyncio
import gc
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import timebank
from bank.places import ALL, OWN, fill, in_a_thread, opened, told, url_at
from servers import ON_SERVERS
from support import BEGINNING, Clock
from timebank import BankBatch, Donate, Hours, InvalidRequest, LimitExceeded, Statute, TimeBank

Call = Callable[[Any], Any]

#: Each call that changes a bank, so that it would change the one of `places.fill`.
WRITES: dict[str, Call] = {
    "open_account": lambda bank: bank.open_account("new"),
    "set_limits": lambda bank: bank.set_limits("f1", floor=None),
    "rename": lambda bank: bank.rename("m1", "Maria Rossi"),
    "freeze": lambda bank: bank.freeze("m1"),
    "thaw": lambda bank: bank.thaw("frozen"),
    "close_account": lambda bank: bank.close_account("empty"),
    "reopen": lambda bank: bank.reopen("closed"),
    "transfer": lambda bank: bank.transfer(earner="m1", spender="f1", hours=1, id="t1"),
    "reverse": lambda bank: bank.reverse("t0", reason="entered twice", id="r1"),
    "hold": lambda bank: bank.hold(earner="m1", spender="f1", hours=1, id="h1"),
    "settle": lambda bank: bank.settle("h0", id="s1"),
    "void": lambda bank: bank.void("h0", id="v1"),
    "adopt": lambda bank: bank.adopt(Statute(version="via-roma/2")),
    "welcome": lambda bank: bank.welcome("m1"),
    "run_due": lambda bank: bank.run_due(),
    "leave": lambda bank: bank.leave("m1", disposal=Donate("pot")),
    "name_delegate": lambda bank: bank.name_delegate("m1", "carla"),
    "end_delegate": lambda bank: bank.end_delegate("m1", "luca"),
    "erase": lambda bank: bank.erase("m1", reason="asked for"),
    "amend": lambda bank: bank.amend("t0", category="care", reason="a slip"),
    "amend_account": lambda bank: bank.amend_account("f1", kind="member", reason="a slip"),
    "accept_history": lambda bank: bank.accept_history(
        head=timebank.Head(bank.head().journal, 7, bytes(32)), reason="restored"
    ),
    "close_books": lambda bank: bank.close_books(through=date(2025, 12, 31), reason="approved"),
    "merge": lambda bank: bank.merge("empty", into="m1", reason="twice the same"),
}
#: Each call that reads and is done when it returns.
READS: dict[str, Call] = {
    "head": lambda bank: bank.head(),
    "account": lambda bank: bank.account("m1"),
    "balance": lambda bank: bank.balance("m1"),
    "statement": lambda bank: bank.statement("m1"),
    "trial_balance": lambda bank: bank.trial_balance(),
    "transfer_by_id": lambda bank: bank.transfer_by_id("t0"),
    "hold_by_id": lambda bank: bank.hold_by_id("h0"),
    "statute": lambda bank: bank.statute(),
    "statutes": lambda bank: list(bank.statutes()),
    "closings": lambda bank: list(bank.closings()),
    "replay": lambda bank: bank.replay(Statute(version="via-roma/9")),
    "delegates": lambda bank: bank.delegates("m1"),
    "acts_for": lambda bank: bank.acts_for("luca"),
    "dues": lambda bank: bank.dues("m1"),
    "personal_data": lambda bank: bank.personal_data("m1"),
    "impact": lambda bank: bank.impact(),
    "presences": lambda bank: bank.presences(),
}
#: Each call that reads while it is iterated over.
LAZY: dict[str, Call] = {
    "records": lambda bank: bank.records(),
    "accounts": lambda bank: bank.accounts(),
    "transfers": lambda bank: bank.transfers(),
    "holds": lambda bank: bank.holds(),
    "events": lambda bank: bank.events("m1"),
    "inactive": lambda bank: bank.inactive(since=BEGINNING.date()),
}


def _read(call: Call) -> Call:
    return lambda bank: list(call(bank))


CALLS: dict[str, Call] = {
    **WRITES,
    **READS,
    **{name: _read(call) for name, call in LAZY.items()},
    "acting_as": lambda bank: bank.acting_as("carla"),
    "restart_clock": lambda bank: bank.restart_clock(today=BEGINNING.date(), reason="it was wrong"),
}


@pytest.fixture(params=ALL)
def bank(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TimeBank]:
    """A bank in each place, with something of each kind in it, audited at the end."""
    with opened(request.param, tmp_path, clock=Clock()) as made:
        fill(made)
        yield made
        assert () == made.audit().findings


@pytest.fixture(params=OWN)
def own(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TimeBank]:
    """The same, of stores that are no host's: there the writer's lock is the bank's to give."""
    with opened(request.param, tmp_path, clock=Clock()) as made:
        fill(made)
        yield made
        assert () == made.audit().findings


def pay(bank: Any, id: str, hours: str = "0:10") -> Any:
    """A transfer that passes."""
    return bank.transfer(earner="m1", spender="f1", hours=hours, id=id)


def state(bank: TimeBank) -> Any:
    """All that a call might have changed: the journal, and each account's figures."""
    found = list(bank.accounts())
    return bank.head(), found, [bank.balance(one.id) for one in found], list(bank.holds())


def handles(batch: BankBatch) -> dict[str, BankBatch]:
    """A batch, a handle of it, and a handle of the handle."""
    other = batch.acting_as("carla")
    return {"batch": batch, "handle": other, "handle of a handle": other.acting_as("bruno")}


def not_refused(called: dict[str, BankBatch], saying: str) -> dict[str, str]:
    """What each call came to on each handle, where that was no `InvalidRequest` that says why."""
    found = {}
    for which, handle in called.items():
        for name, call in CALLS.items():
            outcome = told(partial(call, handle))
            if not outcome.startswith("InvalidRequest: ") or saying not in outcome:
                found[f"{name} of the {which}"] = outcome
    return found


def still_right(bank: TimeBank) -> None:
    """What the bank knows is what is recorded: its next calls are judged by that."""
    head = bank.head()
    with pytest.raises(LimitExceeded):
        pay(bank, "too-much", hours="50")
    assert head == bank.head()
    assert head.sequence + 1 == pay(bank, "next").sequence
    assert Hours("-2") == bank.balance("f1").floor


# -- the table -----------------------------------------------------------------------------


def test_the_tables_have_each_call_of_a_batch() -> None:
    """A call that a bank and its batch both have is one that must be refused."""
    public = {name for name in vars_of(BankBatch) & vars_of(TimeBank) if not name.startswith("_")}
    assert public == set(CALLS)


def vars_of(kind: type) -> set[str]:
    """The names of what can be called on objects of a class."""
    return {name for name in dir(kind) if callable(getattr(kind, name))}


def test_each_call_of_the_tables_is_done_within_the_block(tmp_path: Path) -> None:
    """None of them is refused for another reason; those that write each append something."""
    with opened("memory", tmp_path, clock=Clock()) as bank:
        fill(bank)
        before = bank.head()
        for name, call in CALLS.items():
            with bank.preview() as preview:
                if name == "restart_clock":
                    with pytest.raises(InvalidRequest, match="nothing to restart"):
                        call(preview)
                    continue
                call(preview)
                assert (preview.head() != before) == (name in WRITES.keys() - {"run_due"}), name
        assert before == bank.head()


# -- after the block -----------------------------------------------------------------------


@pytest.mark.parametrize("opens", ["batch", "preview"])
def test_no_handle_outlives_the_block(bank: TimeBank, opens: str) -> None:
    """Each call on each handle says that it has ended, and changes nothing anywhere."""
    with getattr(bank, opens)() as batch:
        kept = handles(batch)
        pay(batch, "t1")
    before = state(bank)
    assert {} == not_refused(kept, "ended")
    assert before == state(bank)
    still_right(bank)


@pytest.mark.parametrize("opens", ["batch", "preview"])
def test_no_handle_outlives_a_block_that_failed(bank: TimeBank, opens: str) -> None:
    """The same after an exception: what was called in the block is not there either."""
    before = state(bank)
    kept: dict[str, BankBatch] = {}

    def fail() -> None:
        with getattr(bank, opens)() as batch:
            kept.update(handles(batch))
            pay(batch, "t1")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert {} == not_refused(kept, "ended")
    assert before == state(bank)
    still_right(bank)


@pytest.mark.parametrize("begun", [False, True], ids=["unread", "half-read"])
@pytest.mark.parametrize("opens", ["batch", "preview"])
def test_what_reads_lazily_ends_with_the_block(bank: TimeBank, opens: str, begun: bool) -> None:
    """An iterator of a batch gives nothing after its end, also where it had begun before."""
    with getattr(bank, opens)() as batch:
        iterators = {name: iter(call(batch)) for name, call in LAZY.items()}
        if begun:
            pay(batch, "t1")
            iterators = {name: one for name, one in iterators.items() if name in SEVERAL}
            for one in iterators.values():
                next(one)
    found = {name: told(partial(next, one)) for name, one in iterators.items()}
    assert set(found) == {n for n, one in found.items() if one.startswith("InvalidRequest: ")}, (
        found
    )
    still_right(bank)


#: What gives more than one item, of the bank of `places.fill`.
SEVERAL = {"records", "accounts", "transfers", "events"}


def test_a_block_within_a_block_does_not_end_the_other(bank: TimeBank) -> None:
    """A preview that ends, in a batch or beside it, leaves the batch as it was."""
    with bank.batch() as batch:
        pay(batch, "t1")
        with suppress(InvalidRequest), bank.preview() as preview:  # one connection has one block
            pay(preview, "t2")
        pay(batch.acting_as("carla"), "t3")
    assert ["t0", "t1", "t3"] == [one.id for one in bank.transfers()]


# -- another thread ------------------------------------------------------------------------


@pytest.mark.parametrize("opens", ["batch", "preview"])
def test_another_thread_is_refused(bank: TimeBank, opens: str) -> None:
    """Each call on each handle says whose the batch is; the owner's calls go on, and are kept."""
    before = state(bank)
    with getattr(bank, opens)() as batch:
        called = handles(batch)
        first = pay(batch, "t1")
        seen = state(batch)
        assert {} == in_a_thread(lambda: not_refused(called, "thread"), seconds=30)
        assert seen == state(batch)
        assert first.sequence + 1 == pay(batch, "t2").sequence
    if opens == "preview":
        assert before == state(bank)
    else:
        assert ["t0", "t1", "t2"] == [one.id for one in bank.transfers()]
    still_right(bank)


@pytest.mark.parametrize("opens", ["batch", "preview"])
def test_what_reads_lazily_stays_on_its_thread(bank: TimeBank, opens: str) -> None:
    """An iterator of a batch gives nothing to another thread, and its owner goes on with it."""
    with getattr(bank, opens)() as batch:
        pay(batch, "t1")
        iterators = {name: iter(call(batch)) for name, call in LAZY.items()}
        found = in_a_thread(lambda: {name: told(partial(next, iterators[name])) for name in LAZY})
        assert set(LAZY) == {n for n, one in found.items() if one.startswith("InvalidRequest: ")}, (
            found
        )
        assert ["t0", "t1"] == [one.id for one in batch.transfers()]


def test_a_thread_pool_on_one_batch(bank: TimeBank) -> None:
    """While the owner works on, eight others call: its calls are kept, theirs are refused."""
    mine = [f"mine-{n}" for n in range(20)]
    with bank.batch() as batch, ThreadPoolExecutor(8) as pool:
        begun = threading.Barrier(9)

        def other(number: int) -> set[str]:
            begun.wait(60)
            return {
                told(partial(pay, batch, f"other-{number}-{n}", "0:01")).partition(":")[0]
                for n in range(25)
            }

        outcomes = [pool.submit(other, number) for number in range(8)]
        begun.wait(60)
        for id in mine:
            pay(batch, id, "0:01")
        assert [{"InvalidRequest"}] * 8 == [one.result(60) for one in outcomes]
    assert ["t0", *mine] == [one.id for one in bank.transfers()]
    still_right(bank)


def test_a_batch_handed_over(own: TimeBank) -> None:
    """Opened in one thread, used and left in another: nothing of it is kept, and no lock either."""
    before = state(own)
    block, batch = in_a_thread(lambda: entered(own.batch()))

    def use() -> tuple[str, str]:
        return told(lambda: pay(batch, "t1")), told(lambda: block.__exit__(None, None, None))

    for outcome in in_a_thread(use):
        assert outcome.startswith("InvalidRequest: "), outcome
        assert "thread" in outcome
    assert before == in_a_thread(lambda: state(own))
    in_a_thread(lambda: still_right(own))


def test_a_batch_handed_over_while_its_owner_lives(own: TimeBank) -> None:
    """The same in a pool, whose threads do not end: who leaves the block gives the lock back."""
    before = state(own)
    block, batch = entered(own.batch())
    pay(batch, "t1")
    assert in_a_thread(lambda: told(lambda: block.__exit__(None, None, None))) != "done"
    assert before == in_a_thread(lambda: state(own))
    assert told(lambda: pay(batch, "t2")).startswith("InvalidRequest: ")
    in_a_thread(lambda: still_right(own))
    assert "next" == own.transfer_by_id("next").id
    pay(own, "t3")


def entered(block: AbstractContextManager[BankBatch]) -> tuple[Any, BankBatch]:
    """A block, and what is in it, as a framework holds them that enters it for a program."""
    return block, block.__enter__()


def test_tasks_that_interleave_on_one_thread(own: TimeBank) -> None:
    """What another task calls on the bank, while one awaits in its batch, is refused at once."""

    async def holds(ready: asyncio.Event, goes_on: asyncio.Event) -> None:
        with own.batch() as batch:
            pay(batch, "t1")
            ready.set()
            await goes_on.wait()
            pay(batch, "t2")

    async def run() -> str:
        ready, goes_on = asyncio.Event(), asyncio.Event()
        task = asyncio.create_task(holds(ready, goes_on))
        await ready.wait()
        outcome = told(lambda: pay(own, "t3"))
        goes_on.set()
        await task
        return outcome

    assert asyncio.run(run()).startswith("InvalidRequest: a batch is open on this thread")
    assert ["t0", "t1", "t2"] == [one.id for one in own.transfers()]


def test_a_route_of_fastapi(tmp_path: Path) -> None:
    """As the page has it: each request opens its batch on the thread that it is answered on."""
    fastapi = pytest.importorskip("fastapi", reason="the page's example needs timebank[dev]")
    httpx = pytest.importorskip("httpx")
    page = (Path(__file__).parents[2] / "docs" / "async.md").read_text("utf-8")
    program = page.partition("## FastAPI")[2].partition("```python\n")[2].partition("```")[0]
    names: dict[str, Any] = {}
    exec(compile(program, "async.md", "exec"), names)  # noqa: S102 - our own page

    def signed_in(request: Any) -> None:
        request.state.actor = "f1"

    signed_in.__annotations__["request"] = fastapi.Request
    app = fastapi.FastAPI(dependencies=[fastapi.Depends(signed_in)])
    app.post("/visits/{key}")(names["post_visit"])
    count = 9  # two hours each, to a floor of twenty

    async def ask() -> list[int]:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://bank") as client:
            asked = {"family": "f1", "day": "2026-03-02"}
            keys = [str(uuid.uuid4()) for _ in range(count)]
            posts = (client.post(f"/visits/{key}", params=asked) for key in keys)
            return [answer.status_code for answer in await asyncio.gather(*posts)]

    assert [200] * count == asyncio.run(ask())
    bank = names["carla"]
    assert 2 + 2 * count == len(list(bank.transfers()))
    assert () == bank.audit().findings


# -- who never comes back ------------------------------------------------------------------


def test_a_thread_that_ends_within_its_batch(own: TimeBank) -> None:
    """Others write soon, and nothing of the batch is there; nor can it be left as if it were."""
    before = state(own)

    def work() -> tuple[Any, BankBatch]:
        block, batch = entered(own.batch())
        pay(batch, "t1")
        return block, batch

    block, batch = in_a_thread(work)
    in_a_thread(lambda: still_right(own))
    assert before[0].sequence + 1 == own.head().sequence
    assert told(lambda: pay(batch, "t2")).startswith("InvalidRequest: ")
    assert told(lambda: block.__exit__(None, None, None)).startswith("InvalidRequest: ")
    assert ["t0", "next"] == [one.id for one in own.transfers()]
    pay(own, "t3")


@pytest.mark.parametrize("place", ["file", *ON_SERVERS])
def test_a_thread_that_ended_locks_no_other_process_out(place: str, tmp_path: Path) -> None:
    """Who has opened the place otherwise writes soon too."""
    with url_at(place, tmp_path) as url, timebank.open(url) as first, timebank.open(url) as second:
        fill(first)
        block, batch = in_a_thread(lambda: entered(first.batch()))
        in_a_thread(lambda: still_right(second))
        assert told(lambda: pay(batch, "t1")).startswith("InvalidRequest: ")
        assert told(lambda: block.__exit__(None, None, None)).startswith("InvalidRequest: ")
        pay(first, "t2")
        assert () == first.audit().findings


def test_a_batch_that_is_forgotten(own: TimeBank) -> None:
    """Entered and dropped: its lock is given back, and nothing of it is there."""
    before = state(own)
    block, batch = entered(own.batch())
    pay(batch, "t1")
    del block, batch
    gc.collect()
    assert before == state(own)
    in_a_thread(lambda: still_right(own))
    pay(own, "t2")


def test_a_preview_that_is_forgotten(bank: TimeBank) -> None:
    """Entered and dropped: it stands in nobody's way."""
    block, preview = entered(bank.preview())
    pay(preview, "t1")
    del block, preview
    gc.collect()
    still_right(bank)
