"""A call that finds what it asks for recorded says so, and appends nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

import timebank
from bank.test_grouping import Crowd, paid
from support import Clock, sources
from timebank import Hours, IdempotencyMismatch, Statute, TimeBank, Transfer, Welcome, reports
from timebank.bank.commit_group import Call
from timebank.errors import (
    Conflict,
    OutcomeUnknown,
    StoreBusy,
    StoreError,
    TimebankError,
    Unavailable,
)
from timebank.storage import open_store

VISIT: dict[str, Any] = {"earner": "m1", "spender": "m2", "hours": 1}

#: Every call that may be repeated alike, on the bank below.
CALLS: dict[str, Callable[[Any], Any]] = {
    "open_account": lambda b: b.open_account("new", name="Maria"),
    "set_limits": lambda b: b.set_limits("m1", floor=-5),
    "rename": lambda b: b.rename("m1", "Anna"),
    "freeze": lambda b: b.freeze("m1", reason="abroad"),
    "thaw": lambda b: b.thaw("cold"),
    "close_account": lambda b: b.close_account("idle"),
    "reopen": lambda b: b.reopen("shut"),
    "amend_account": lambda b: b.amend_account("m1", kind="group", reason="by her card"),
    "merge": lambda b: b.merge("idle", into="m1", reason="twice"),
    "transfer": lambda b: b.transfer(**VISIT, id="t", note="to the clinic"),
    "hold": lambda b: b.hold(**VISIT, id="h", expires_in=timedelta(days=7)),
    "settle": lambda b: b.settle("open", hours="0:30", id="s"),
    "void": lambda b: b.void("open", reason="it rains", id="v"),
    "reverse": lambda b: b.reverse("visit", reason="twice", id="r"),
    "amend": lambda b: b.amend("visit", category="care", reason="a slip"),
    "amend a hold": lambda b: b.amend("open", note="new", reason="a slip"),
    "accept_history": lambda b: b.accept_history(
        head=timebank.Head(b.head().journal, 7, bytes(32)), reason="restored"
    ),
    "close_books": lambda b: b.close_books(through=date(2025, 12, 31), reason="approved"),
    "name_delegate": lambda b: b.name_delegate("m1", "luca"),
    "end_delegate": lambda b: b.end_delegate("m2", "ida"),
    "welcome": lambda b: b.welcome("m1"),
}
#: What says by itself that nothing was done: no charges, no steps, no texts; or is what was given.
OTHERWISE: dict[str, Callable[[Any], Any]] = {
    "adopt": lambda b: b.adopt(Statute(version="v2")),
    "run_due": lambda b: b.run_due(),
    "erase": lambda b: b.erase(record="visit", reason="asked"),
}
#: What cannot be repeated: the second is refused, or has steps of its own.
NEVER = {"restart_clock", "leave"}


def fill(bank: Any) -> None:
    """Accounts in every status, a transfer, an open hold and a statute that welcomes."""
    for id in ("m1", "m2", "cold", "idle", "shut"):
        bank.open_account(id)
    bank.open_account("fund", kind="fund")
    bank.freeze("cold")
    bank.close_account("shut")
    bank.name_delegate("m2", "ida")
    bank.adopt(Statute(version="v1", welcome=Welcome(hours=2, fund="fund", given="when asked")))
    bank.transfer(**VISIT, id="visit", note="to the clinic")
    bank.hold(**VISIT, id="open")


@pytest.fixture(params=["bank", "permissions", "batch", "preview", "joined", "joined batch"])
def handle(request: pytest.FixtureRequest) -> Iterator[Any]:
    """What the calls are made on."""
    if request.param.startswith("joined"):
        with closing(sqlite3.connect(":memory:")) as host:
            host.execute("CREATE TABLE own (id)")
            host.execute("INSERT INTO own VALUES (1)")
            bank: Any = timebank.join(host, **sources(Clock()))
            fill(bank)
            if request.param == "joined":
                yield bank
            else:
                with bank.batch() as batch:
                    yield batch
        return
    permissions = (lambda _: True) if request.param == "permissions" else None
    opened = timebank.open("memory:", permissions=permissions, **sources(Clock()))
    fill(opened)
    if request.param == "batch":
        with opened.batch() as batch:
            yield batch
    elif request.param == "preview":
        with opened.preview() as preview:
            yield preview
    else:
        yield opened


def test_every_call_that_writes_is_here() -> None:
    """None was forgotten."""
    writes = {name for name in vars(timebank.bank.writes.Writes) if not name.startswith("_")}
    assert writes == {name.partition(" ")[0] for name in CALLS} | OTHERWISE.keys() | NEVER


@pytest.mark.parametrize("name", CALLS)
def test_the_second_call_is_repeated(handle: Any, name: str) -> None:
    """It returns an equal result, which says so; the journal is as it was."""
    before = handle.head()
    first = CALLS[name](handle)
    between = handle.head()
    assert (False, True) == (first.repeated, between != before)
    for _ in range(2):
        again = CALLS[name](handle)
        assert (True, first, between) == (again.repeated, again, handle.head())
        assert hash(first) == hash(again) or not isinstance(first, timebank.Account)


@pytest.mark.parametrize("name", OTHERWISE)
def test_what_says_it_otherwise(handle: Any, name: str) -> None:
    """A run of dues has no charges, an erasure no records, and a statute is what was given."""
    OTHERWISE[name](handle)
    between = handle.head()
    again = OTHERWISE[name](handle)
    assert between == handle.head()
    assert () == getattr(again, "charges", ())
    assert () == getattr(again, "records", ())
    assert not hasattr(again, "repeated")


def test_who_has_left_has_left(handle: Any) -> None:
    """The steps are those of the first call; the second has none, and says so."""
    assert not handle.leave("idle").repeated
    assert handle.leave("idle").repeated


def test_what_is_read_is_no_repetition(handle: Any) -> None:
    """Nor is the original of a call that was refused."""
    CALLS["transfer"](handle), CALLS["transfer"](handle)
    assert not handle.transfer_by_id("t").repeated
    assert not handle.hold_by_id("open").repeated
    assert {False} == {one.repeated for one in handle.transfers()}
    assert {False} == {one.repeated for one in handle.accounts()}
    with pytest.raises(IdempotencyMismatch) as caught:
        handle.transfer(**VISIT, id="t")
    original = caught.value.original
    assert isinstance(original, Transfer)
    assert not original.repeated


def test_it_is_not_compared_and_is_in_the_json(handle: Any) -> None:
    """A host that answers a POST tells its client."""
    first, again = CALLS["transfer"](handle), CALLS["transfer"](handle)
    assert (first, hash(first)) == (again, hash(again))
    assert first != attrs.evolve(first, sequence=99)
    assert [False, True] == [reports.json.of(one)["repeated"] for one in (first, again)]
    hold, again = CALLS["hold"](handle), CALLS["hold"](handle)
    assert [False, True] == [reports.json.of(one)["repeated"] for one in (hold, again)]


# -- calls that the bank itself makes again -------------------------------------------------


@pytest.fixture(params=["memory:", "sqlite"])
def crowd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Crowd]:
    """Threads that share a commit, on a clock that goes on."""
    clock = Clock()

    def now() -> Any:
        clock.now += timedelta(seconds=1)
        return clock.now

    url = f"sqlite:///{tmp_path}/a.db" if request.param == "sqlite" else request.param
    made = Crowd(open_store(url, create=True))
    made.bank = TimeBank(made.bank.store, **{**Crowd.sources(), "clock": now})
    for account in ("m1", "m2"):
        made.bank.open_account(account)
    yield made
    made.faults = lambda _: None
    assert made.bank.audit().ok
    made.bank.close()


def failing(at: str, error: BaseException) -> Callable[[str], None]:
    """A fault at a step of the store, once."""
    left = [error]

    def fault(step: str) -> None:
        if step == at and left:
            raise left.pop()

    return fault


@pytest.mark.parametrize("error", [StoreError("it failed"), Conflict("again")])
@pytest.mark.parametrize("at", ["ending writing", "after writing"])
def test_who_booked_it_is_not_told_that_it_was_there(
    crowd: Crowd, at: str, error: BaseException
) -> None:
    """The group fails, before or after it was kept, and each call is done again by itself."""
    crowd.faults = failing(at, error)
    first, second, twice = crowd.together(paid(1), paid(2), paid(2))
    assert [None] * 3 == [one.error for one in (first, second, twice)]
    assert not first.result.repeated
    assert [False, True] == sorted(one.result.repeated for one in (second, twice))
    crowd.faults = lambda _: None
    assert paid(1)(crowd.bank).repeated
    assert Hours("0:02") == crowd.bank.balance("m1").posted


def test_an_interrupt_after_the_commit_takes_nobodys_booking(crowd: Crowd) -> None:
    """The leader is gone when all is kept; who waited finds it, and it is their own."""
    crowd.faults = failing("after writing", KeyboardInterrupt())
    leader, *others = crowd.together(paid(1), paid(2), paid(3))
    assert isinstance(leader.error, KeyboardInterrupt)
    assert [False, False] == [one.result.repeated for one in others]
    crowd.faults = lambda _: None
    assert [True] * 3 == [paid(n)(crowd.bank).repeated for n in (1, 2, 3)]


@pytest.mark.parametrize("second", [None, StoreBusy("held"), StoreError("full")])
def test_an_interrupt_while_others_are_woken_takes_nobodys_booking(
    crowd: Crowd, monkeypatch: pytest.MonkeyPatch, second: TimebankError | None
) -> None:
    """The leader is gone before all have heard; who has not looks, and hears no untruth."""
    wake, left = Call.wake, [KeyboardInterrupt()]

    def interrupted(call: Call) -> None:
        if left:
            if second is not None:
                crowd.faults = failing("before writing", second)
            raise left.pop()
        wake(call)

    monkeypatch.setattr(Call, "wake", interrupted)
    leader, woken, other = crowd.together(paid(1), paid(2), paid(3))
    assert isinstance(leader.error, KeyboardInterrupt)
    assert not woken.result.repeated
    if second is None:
        assert not other.result.repeated
    else:
        assert isinstance(other.error, OutcomeUnknown)
    crowd.faults = lambda _: None
    assert [True] * 3 == [paid(n)(crowd.bank).repeated for n in (1, 2, 3)]


def test_after_an_unknown_outcome_it_tells_how_the_commit_ended(crowd: Crowd) -> None:
    """Kept: the call is a repetition. Not kept: it books."""
    for at, is_kept, number in (("ending writing", False, 1), ("after writing", True, 2)):
        crowd.faults = failing(at, OutcomeUnknown(f"t{number}"))
        with pytest.raises(OutcomeUnknown):
            paid(number)(crowd.bank)
        crowd.faults = lambda _: None
        assert is_kept == paid(number)(crowd.bank).repeated


def interrupted(at: str, second: BaseException) -> Callable[[str], None]:
    """An interrupt at a step of the store, and from then on no writer."""
    first: list[BaseException] = [KeyboardInterrupt()]

    def fault(step: str) -> None:
        if step == at and first:
            raise first.pop()
        if step == "before writing" and not first:
            raise second

    return fault


@pytest.mark.parametrize(
    ("at", "is_kept"), [("before append", None), ("ending writing", False), ("after writing", True)]
)
@pytest.mark.parametrize("second", [StoreBusy("held"), Unavailable("away"), StoreError("full")])
def test_what_was_unknown_stays_so_within_one_call(
    crowd: Crowd, at: str, second: TimebankError, *, is_kept: bool | None
) -> None:
    """The leader is interrupted in the commit, and who waited cannot look what became of it."""
    crowd.faults = interrupted(at, second)
    leader, *others = crowd.together(paid(1), paid(2), paid(3))
    assert isinstance(leader.error, KeyboardInterrupt)
    kind = type(second) if is_kept is None else OutcomeUnknown
    assert [kind, kind] == [type(one.error) for one in others]
    if kind is OutcomeUnknown:
        assert ["t2", "t3"] == [getattr(one.error, "id", None) for one in others]
    crowd.faults = lambda _: None
    assert [bool(is_kept)] * 3 == [paid(n)(crowd.bank).repeated for n in (1, 2, 3)]


def test_a_repeat_whose_commit_is_unknown_says_which(crowd: Crowd) -> None:
    """It appends nothing, so that the store cannot name it; by itself, and in a batch."""
    paid(1)(crowd.bank)
    crowd.faults = failing("ending writing", OutcomeUnknown(None))
    with pytest.raises(OutcomeUnknown) as caught:
        paid(1)(crowd.bank)
    assert ("t1", ("t1",)) == (caught.value.id, caught.value.ids)
    crowd.faults = failing("ending writing", OutcomeUnknown("t2", ids=["t2"]))
    with pytest.raises(OutcomeUnknown) as caught, crowd.bank.batch() as batch:
        paid(2)(batch)
        paid(1)(batch)
    assert ("t2", ("t2", "t1")) == (caught.value.id, caught.value.ids)


# -- in a batch, where the id that follows tells which are free -----------------------------

_IDS: Any = st.lists(st.text("ab\u00e9\ud7ff\U0001d11e", min_size=1, max_size=3), max_size=25)


@given(before=_IDS, within=_IDS, seen=st.sets(st.integers(0, 24), max_size=4))
def test_an_id_is_found_wherever_it_is(
    before: list[str], within: list[str], seen: set[int]
) -> None:
    """In the journal or in the batch, appended or not; and no other is taken for it."""
    with timebank.open("sqlite://") as bank:
        for account in ("m1", "m2"):
            bank.open_account(account, kind="fund")
        for id in before:
            bank.transfer(**VISIT, id=id)
        known = set(before)
        with bank.batch() as batch:
            for number, id in enumerate(within):
                if number in seen:
                    batch.balance("m1")  # what is decided so far is appended
                assert (id in known) == batch.transfer(**VISIT, id=id).repeated
                known.add(id)
        assert len(known) == sum(1 for _ in bank.transfers())


def test_ids_that_follow_each_other_are_looked_for_once(tmp_path: Path) -> None:
    """One look serves for all that come before the id that follows; then for those behind it."""
    asked: list[str] = []
    with timebank.open(f"sqlite:///{tmp_path / 'bank.db'}") as bank:
        for account in ("m1", "m2"):
            bank.open_account(account, kind="fund")
        bank.transfer(**VISIT, id="t50")
        with bank.batch() as batch:
            batch.transfer(**VISIT, id="a")
            batch.balance("m1")
            writer: Any = batch._life.session().writer
            look = writer.following_id

            def following_id(id: str) -> Any:
                asked.append(id)
                return look(id)

            writer.following_id = following_id
            for number in range(10, 90):
                assert (number == 50) == batch.transfer(**VISIT, id=f"t{number}").repeated
    assert ["t10", "t50", "t51"] == asked
