"""Permissions fail closed: only `True` allows, and what is told is no more than may be read."""

from __future__ import annotations

import functools
import gc
import sqlite3
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from datetime import date, timedelta
from functools import partial
from typing import Any
from unittest.mock import AsyncMock

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import timebank
from rules.test_permissions import CALLS, OF_A_BANK_ALONE
from support import Clock, sources
from timebank import (
    AccountNotOpen,
    Ask,
    Band,
    ExchangeTooLarge,
    Fee,
    Granularity,
    Hours,
    IdempotencyMismatch,
    InvalidRequest,
    LargestExchange,
    LimitExceeded,
    NotPermitted,
    Roles,
    Statute,
    TimeBank,
    TimebankError,
    Welcome,
    WriteOff,
    WrongType,
)

OFFICES = {"carla": "coordinator", "tom": "treasurer"}


async def allow(*_: object) -> bool:
    """What allowed everything once: a coroutine is true."""
    return True


async def allow_often(*_: object) -> AsyncIterator[bool]:
    """The same of what yields."""
    yield True


def allow_in_turn(*_: object) -> Iterator[bool]:
    """And of what yields at once."""
    yield True


class Truthy:
    """As a bool of another library: true, and equal to `True`, but not `True`."""

    def __bool__(self) -> bool:
        return True

    def __eq__(self, other: object) -> bool:
        return other is True

    def __hash__(self) -> int:
        return hash(True)


class Later:
    """An object whose call, and whose method, is a coroutine function."""

    async def __call__(self, *_: object) -> bool:
        """Allow, later."""
        return True

    async def method(self, *_: object) -> bool:
        """Allow, later."""
        return True


class Wrapped:
    """An object whose call is a decorated coroutine function."""

    @functools.wraps(allow)
    def __call__(self, *_: object) -> object:
        """Allow, later."""
        return allow()


class Partly:
    """An object whose call is a partial method."""

    __call__ = functools.partialmethod(allow)


@functools.wraps(allow)
def decorated(*_: object) -> object:
    """A plain function that wraps one that is not."""
    return allow()


ASYNC: list[Any] = [
    allow,
    allow_often,
    allow_in_turn,
    decorated,
    partial(allow),
    partial(partial(decorated)),
    partial(Later()),
    Later(),
    Later().method,
    Wrapped(),
    Partly(),
    AsyncMock(),
    functools.lru_cache(allow),
]
NO_CALLABLES: list[Any] = [True, 1, "carla", {"carla": "coordinator"}, object()]

#: What a callable may answer that is no permission.
NO_ANSWERS: list[Callable[[], Any]] = [
    lambda: None,
    lambda: False,
    lambda: 1,
    lambda: 1.0,
    lambda: "yes",
    lambda: [True],
    Truthy,
    object,
    allow,
    allow_in_turn,
]


@pytest.fixture
def bank() -> TimeBank:
    """Two members, and a hold from one for the other; nobody is asked."""
    opened = timebank.open("memory:", **sources(Clock()))
    opened.open_account("anna")
    opened.open_account("bruno")
    opened.hold(earner="bruno", spender="anna", hours=1, id="h1")
    return opened


# -- only True allows ----------------------------------------------------------------------


@pytest.mark.parametrize("answer", NO_ANSWERS)
def test_only_true_allows(bank: TimeBank, answer: Callable[[], Any]) -> None:
    """On a bank, a batch, a preview and of a read: anything else is a no, and nothing is left."""
    closed = TimeBank(bank.store, permissions=lambda _: answer()).acting_as("anna")
    before = bank.head()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for refused in (
            lambda: closed.transfer(earner="bruno", spender="anna", hours=1),
            lambda: closed.settle("h1"),
            lambda: closed.balance("anna"),
            lambda: closed.hold_by_id("h1"),
            closed.run_due,
            closed.audit,
            closed.rebuild,
        ):
            with pytest.raises(NotPermitted):
                refused()
        with closed.batch() as batch, pytest.raises(NotPermitted):
            batch.transfer(earner="bruno", spender="anna", hours=1)
        with closed.preview() as preview, pytest.raises(NotPermitted):
            preview.transfer(earner="bruno", spender="anna", hours=1)
        with closing(sqlite3.connect(":memory:")) as host:
            host.execute("BEGIN")
            joined = timebank.join(host, permissions=lambda _: answer())
            with pytest.raises(NotPermitted):
                joined.open_account("anna")
        gc.collect()  # a coroutine that nobody awaited would tell of itself now
    assert before == bank.head()


def test_what_is_asked_to_redact_is_asked_in_the_same_way(bank: TimeBank) -> None:
    """An answer that is merely true shows no figures."""

    def permissions(ask: Ask) -> Any:
        return True if ask.action == "transfer" else 1

    bank.set_limits("bruno", ceiling=0)
    anna = TimeBank(bank.store, permissions=permissions).acting_as("anna")
    with pytest.raises(LimitExceeded) as caught:
        anna.transfer(earner="bruno", spender="anna", hours=2)
    assert (None, None) == (caught.value.available, caught.value.limit)


@pytest.mark.parametrize("given", [*ASYNC, *NO_CALLABLES, Roles])
def test_what_never_allows_is_refused_when_it_is_given(bank: TimeBank, given: Any) -> None:
    """Wherever a bank is made, and with a sentence."""
    with warnings.catch_warnings(), closing(sqlite3.connect(":memory:")) as host:
        warnings.simplefilter("error")
        made: list[Callable[[], object]] = [
            lambda: timebank.open("memory:", permissions=given),
            lambda: TimeBank(bank.store, permissions=given),
            lambda: timebank.join(host, permissions=given),
        ]
        for make in made:
            with pytest.raises(WrongType, match=r"^permissions are"):
                make()


@pytest.mark.parametrize("door", ["clock", "new_id", "new_salt"])
@pytest.mark.parametrize("given", [*ASYNC, *NO_CALLABLES])
def test_the_doors_take_no_coroutine_function(door: str, given: Any) -> None:
    """Nor anything but a callable: they are refused when they are given, and not later."""
    with warnings.catch_warnings(), closing(sqlite3.connect(":memory:")) as host:
        warnings.simplefilter("error")
        for made in (timebank.open, lambda _, **doors: timebank.join(host, **doors)):
            with pytest.raises(WrongType, match=f"^{door} is a callable"):
                made("memory:", **{door: given})


@pytest.mark.parametrize("given", [*ASYNC, *NO_CALLABLES])
def test_accounts_of_roles_are_found_at_once(given: Any) -> None:
    """They decide who may do what, so that they are looked at when they are given."""
    with pytest.raises(WrongType, match=r"^accounts is a callable that is given an actor"):
        Roles(accounts=given)


@pytest.mark.parametrize(
    "answer", [lambda: None, lambda: 3, lambda: [1], lambda: ["a", None], lambda: [["a"]], allow]
)
def test_what_accounts_gives_are_ids(bank: TimeBank, answer: Callable[[], Any]) -> None:
    """Anything else is an error of the host, and nothing is done."""
    roles = Roles(accounts=lambda _: answer())
    anna = TimeBank(bank.store, permissions=roles).acting_as("anna")
    before = bank.head()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(WrongType, match="accounts returns the ids"):
            anna.transfer(earner="bruno", spender="anna", hours=1)
        gc.collect()
    assert before == bank.head()


def test_plain_callables_are_taken(bank: TimeBank) -> None:
    """Functions, methods, partials, objects, and what makes attributes up."""

    class MadeUp:
        def __getattr__(self, name: str) -> Any:
            return self

        def __call__(self, ask: Ask) -> bool:
            return True

    for permissions in (
        lambda _: True,
        MadeUp(),
        partial(lambda so, _: so, True),
        Roles({}, accounts={"anna": ["anna"]}.__getitem__),
    ):
        anna = TimeBank(bank.store, permissions=permissions).acting_as("anna")
        assert "anna" == anna.balance("anna").account


# -- a callable that fails -----------------------------------------------------------------


class Down(Exception):
    """The directory of the host does not answer."""


def fails_at(*actions: str) -> Callable[[Ask], bool]:
    """Permissions that allow everything, but fail when they are asked for some."""

    def permissions(ask: Ask) -> bool:
        if ask.action in actions:
            raise Down
        return ask.action not in {"balance", "trial_balance"}

    return permissions


def flagging(bank: TimeBank) -> None:
    """Let a limit of the members be flagged only."""
    bank.adopt(Statute(version="v1", limits={"member": Band(floor=-20, ceiling=1, beyond="flag")}))


@pytest.mark.parametrize("error", [Down, WrongType])
def test_a_permission_that_fails_after_the_judgement_keeps_nothing(
    bank: TimeBank, error: type[Exception]
) -> None:
    """It is asked once more for a flag; what it raises passes, and nothing was done."""

    def permissions(ask: Ask) -> bool:
        if ask.action == "balance":
            raise error
        return True

    flagging(bank)
    anna = TimeBank(bank.store, permissions=permissions).acting_as("anna")
    before = bank.head()
    with pytest.raises(error):
        anna.transfer(earner="bruno", spender="anna", hours=3)
    with pytest.raises(timebank.StoreError), anna.batch() as batch:
        with pytest.raises(error):
            batch.transfer(earner="bruno", spender="anna", hours=3)
        with pytest.raises(TimebankError):
            batch.transfer(earner="bruno", spender="anna", hours=1)
    with anna.preview() as preview:
        with pytest.raises(error):
            preview.transfer(earner="bruno", spender="anna", hours=3)
        with pytest.raises(TimebankError):
            preview.head()
    assert before == bank.head()
    assert bank.audit().ok


def test_a_permission_that_fails_while_redacting_shows_nothing(bank: TimeBank) -> None:
    """What is raised has no refusal in its context: that has the figures."""
    bank.set_limits("bruno", ceiling=1)
    anna = TimeBank(bank.store, permissions=fails_at("balance")).acting_as("anna")
    with pytest.raises(Down) as caught:
        anna.transfer(earner="bruno", spender="anna", hours=3)
    assert (None, None) == (caught.value.__context__, caught.value.__cause__)


def test_a_clock_that_is_behind_is_told_when_it_is_permitted() -> None:
    """When the last record was made is not for a stranger, who is refused before."""
    clock = Clock()
    bank = timebank.open("memory:", permissions=Roles(OFFICES), **sources(clock))
    bank.acting_as("carla").open_account("anna")
    clock.now -= timedelta(days=1)
    for actor in (None, "mallory"):
        with pytest.raises(NotPermitted):
            bank.acting_as(actor).transfer(earner="anna", spender="bruno", hours=1)
        with pytest.raises(NotPermitted):
            bank.acting_as(actor).run_due()
        with bank.acting_as(actor).preview() as preview:
            for call in (partial(preview.freeze, "anna"), preview.run_due):
                with pytest.raises(NotPermitted):
                    call()
    with pytest.raises(timebank.ClockBehind):
        bank.acting_as("carla").freeze("anna")


# -- flags ---------------------------------------------------------------------------------


def flagged(**rules: Any) -> TimeBank:
    """A bank where a ceiling of eight hours is flagged, and bruno has more than seven."""
    bank = timebank.open("memory:", permissions=Roles(OFFICES), **sources(Clock()))
    carla, tom = bank.acting_as("carla"), bank.acting_as("tom")
    carla.open_account("fund", kind="fund")
    for id in ("anna", "bruno", "dora"):
        carla.open_account(id)
    band = Band(floor=-20, ceiling=8, beyond="flag")
    tom.adopt(Statute(version="v1", limits={"member": band}, **rules))
    carla.transfer(earner="bruno", spender="dora", hours="7:13:37", id="secret")
    return bank


def test_a_flag_of_another_is_in_nothing_that_is_returned() -> None:
    """Neither of a write, nor of a read, nor of a preview, a batch, a refusal or the JSON."""
    bank = flagged()
    anna, carla = bank.acting_as("anna"), bank.acting_as("carla")
    made: list[Any] = [
        anna.transfer(earner="bruno", spender="anna", hours=2, id="t"),
        anna.transfer(earner="bruno", spender="anna", hours=2, id="t"),
        anna.hold(earner="bruno", spender="anna", hours=2, id="h"),
        anna.hold(earner="bruno", spender="anna", hours=1, id="g"),
        anna.settle("h", hours=3, id="s"),
        anna.void("g", id="v"),
        anna.transfer_by_id("t"),
        anna.hold_by_id("h"),
        *anna.transfers(account="anna"),
        *anna.holds(account="anna", status=None),
    ]
    anna.hold(earner="bruno", spender="anna", hours=1, id="open")
    made += anna.holds(account="anna")
    made += anna.statement("anna").holds
    with anna.preview() as preview:
        made.append(preview.transfer(earner="bruno", spender="anna", hours=2))
        made += preview.transfers(account="anna")
    with anna.batch() as batch:
        made.append(batch.transfer(earner="bruno", spender="anna", hours=2))
        made += batch.transfers(account="anna")
    with pytest.raises(IdempotencyMismatch) as caught:
        anna.transfer(earner="bruno", spender="anna", hours=1, id="t")
    made.append(caught.value.original)
    assert {()} == {one.flags for one in made}
    assert "bruno' moves" not in repr(anna.personal_data("anna"))
    assert "'bruno' moves" in repr(bank.acting_as("bruno").personal_data("bruno"))
    assert carla.transfer_by_id("t").flags[0].account == "bruno"
    assert bank.acting_as("bruno").transfer_by_id("t").flags == carla.transfer_by_id("t").flags
    assert carla.audit().ok


def test_ones_own_flags_and_those_of_the_exchange_stay() -> None:
    """A floor of one's own, and a rule on the exchange itself, tell of nobody else."""
    large = LargestExchange(hours=4, beyond="flag")
    bank = flagged(largest_exchange=large)
    made = bank.acting_as("anna").transfer(earner="bruno", spender="anna", hours=25)
    assert ["largest exchange", "floor"] == [flag.rule for flag in made.flags]
    assert ["largest exchange", "floor", "ceiling"] == [
        flag.rule for flag in bank.acting_as("carla").transfer_by_id(made.id).flags
    ]


def test_calls_of_several_steps_tell_no_more() -> None:
    """A host may permit them to members: a welcome, dues, leaving, and what is due."""

    def permissions(ask: Ask) -> bool:
        return ask.action not in {"balance", "trial_balance"}

    bank = timebank.open("memory:", **sources(Clock()))
    for id in ("anna", "bruno"):
        bank.open_account(id)
    bank.open_account("fund", kind="fund", ceiling=1)
    dues = timebank.Dues(hours=2, fund="fund")
    bank.adopt(Statute(version="v1", dues=dues, limits={"fund": Band(ceiling=1)}))
    asked = TimeBank(bank.store, permissions=permissions, **sources(Clock())).acting_as("anna")
    with asked.preview() as preview:
        assert {()} == {charge.transfer.flags for charge in preview.run_due().charges}
        assert not any(charge.over_limit for charge in preview.run_due().charges)
    with asked.preview() as preview:
        left = preview.leave("anna", disposal=WriteOff("fund"))
        assert {()} == {charge.transfer.flags for charge in left.charges}
    with bank.preview() as preview:
        assert all(charge.over_limit for charge in preview.run_due().charges)


# -- refusals ------------------------------------------------------------------------------


def caught_of(call: Callable[[], object]) -> TimebankError:
    """The refusal of a call, and that nothing else is chained to it."""
    with pytest.raises(TimebankError) as caught:
        call()
    assert (None, None) == (caught.value.__context__, caught.value.__cause__)
    return caught.value


def test_what_would_pass_is_told_to_who_reads_all_balances() -> None:
    """It is found by trying, so that it told in one call what another may still earn."""
    bank = timebank.open("memory:", permissions=Roles(OFFICES), **sources(Clock()))
    carla, anna = bank.acting_as("carla"), bank.acting_as("anna")
    for id in ("anna", "bruno"):
        carla.open_account(id)
    bank.acting_as("tom").set_limits("bruno", ceiling=3)
    own = caught_of(lambda: anna.transfer(earner="bruno", spender="anna", hours=21))
    assert isinstance(own, LimitExceeded)
    assert (Hours(20), Hours(1), None, "") == (
        own.available,
        own.shortfall,
        own.passes,
        own.remedy,
    )
    assert str(own).endswith("its floor is -20:00, so 20:00 may still move")
    told = caught_of(lambda: carla.transfer(earner="bruno", spender="anna", hours=21))
    assert isinstance(told, LimitExceeded)
    assert told.passes == Hours(3)
    rules: dict[str, Any] = {
        "largest_exchange": LargestExchange(hours=8),
        "granularity": Granularity(unit=Hours("0:15"), rounding="refuse"),
    }
    bank.acting_as("tom").adopt(Statute(version="v1", **rules))
    for hours in ("9", "2:50"):
        refusal = caught_of(partial(anna.transfer, earner="bruno", spender="anna", hours=hours))
        assert (None, "") == (getattr(refusal, "passes", 0), getattr(refusal, "remedy", 0))
    bank.acting_as("tom").set_limits("bruno", ceiling=None)
    refusal = caught_of(lambda: carla.transfer(earner="bruno", spender="anna", hours=9))
    assert isinstance(refusal, ExchangeTooLarge)
    assert refusal.passes == Hours(8)


def test_what_became_of_another_is_not_told() -> None:
    """That it takes no part is; frozen, closed or merged, and into which, is not."""
    bank = timebank.open("memory:", permissions=Roles(OFFICES), **sources(Clock()))
    carla, anna = bank.acting_as("carla"), bank.acting_as("anna")
    for id in ("anna", "a-1", "a-2", "a-3", "heir"):
        carla.open_account(id)
    carla.freeze("a-1", reason="why")
    carla.close_account("a-2")
    bank.acting_as("tom").merge("a-3", into="heir", reason="twice")
    told = set()
    for id in ("a-1", "a-2", "a-3"):
        for call in (anna.transfer, anna.hold):
            refusal = caught_of(partial(call, earner=id, spender="anna", hours=1))
            told.add(f"{refusal} {vars(refusal)}".replace(id, "…"))
    facts = {"account": "…", "status": "not open", "role": "earner", "merged_into": None}
    assert {f"account '…' is not open: it cannot take part as the earner {facts}"} == told
    refusal = caught_of(lambda: carla.transfer(earner="a-3", spender="anna", hours=1))
    assert isinstance(refusal, AccountNotOpen)
    assert "heir" == refusal.merged_into


#: Calls that a host may permit to who may read nothing: what each tells, with a secret of 7:13:37.
WITHOUT_READING: dict[str, Callable[[Any], Any]] = {
    "close_account": lambda b: b.close_account("bruno"),
    "merge": lambda b: b.merge("bruno", into="dora", reason="why"),
    "welcome": lambda b: b.welcome("bruno"),
    "reverse": lambda b: b.reverse("secret", reason="why", hours=9),
    "reverse_again": lambda b: b.reverse("gone", reason="why"),
    "settle": lambda b: b.settle("settled"),
    "void": lambda b: b.void("settled"),
    "close_books": lambda b: b.close_books(through=date(2026, 3, 31), reason="why"),
    "leave": lambda b: b.leave("bruno"),
    "freeze": lambda b: b.freeze("closed"),
    "open_account": lambda b: b.open_account("bruno", kind="group"),
    "adopt": lambda b: b.adopt(Statute(version="v1", granularity=None)),
    "transfer": lambda b: b.transfer(earner="dora", spender="bruno", hours=999),
    "hold": lambda b: b.hold(earner="dora", spender="bruno", hours=999),
}


@pytest.mark.parametrize("name", WITHOUT_READING)
def test_every_refusal_without_what_is_not_to_be_read(name: str) -> None:
    """Whoever may do something and read nothing is told what they said, and no figure."""
    clock = Clock()
    bank = timebank.open("memory:", **sources(clock))
    for id in ("bruno", "dora", "closed"):
        bank.open_account(id, joined_on=date(2025, 1, 1))
    bank.close_account("closed")
    bank.open_account("fund", kind="fund")
    dues = timebank.Dues(hours=1, fund="fund")
    welcome = Welcome(hours=2, fund="fund", kinds=["organisation"])
    limits = {"member": Band(floor=-20)}
    bank.adopt(Statute(version="v1", welcome=welcome, dues=dues, limits=limits))
    bank.transfer(earner="bruno", spender="dora", hours="7:13:37", id="secret")
    bank.transfer(earner="bruno", spender="dora", hours="0:00:17", id="gone")
    bank.reverse("gone", reason="why")
    bank.hold(earner="dora", spender="bruno", hours="0:00:19", id="settled")
    bank.settle("settled", id="by-this")
    bank.hold(earner="dora", spender="bruno", hours="0:00:23", id="open")
    clock.now += timedelta(days=40)

    def permissions(ask: Ask) -> bool:
        return not ask.reads

    asked = TimeBank(bank.store, permissions=permissions, **sources(clock)).acting_as("anna")
    refusal = caught_of(lambda: WITHOUT_READING[name](asked))
    assert not isinstance(refusal, NotPermitted)
    told = f"{refusal} {vars(refusal)}"
    for secret in (
        "7:13",
        ":17",
        ":19",
        ":23",
        "7:14",
        "by-this",
        "member",
        "closed'",
        "'settled'}",
    ):
        assert secret not in told.replace("account 'closed'", "").replace("'account': 'closed'", "")


def test_a_joined_preview_that_is_refused_now_tells_no_figures() -> None:
    """What was called is decided anew where the journal moved; the refusal was whole then."""
    with closing(sqlite3.connect(":memory:")) as host:
        host.execute("CREATE TABLE own (id)")
        host.execute("INSERT INTO own VALUES (1)")
        trusting = timebank.join(host, **sources(Clock()))
        for id in ("anna", "bruno"):
            trusting.open_account(id)
        asked = timebank.join(host, permissions=Roles(), **sources(Clock())).acting_as("anna")
        with asked.preview() as preview, trusting.preview() as open_preview:
            for one in (preview, open_preview):
                one.transfer(earner="bruno", spender="anna", hours=3)
            trusting.set_limits("bruno", ceiling="2:13")
            refusal = caught_of(lambda: preview.balance("anna"))
            assert isinstance(refusal, InvalidRequest)
            assert "2:13" not in str(refusal)
            with pytest.raises(InvalidRequest, match="2:13") as caught:
                open_preview.balance("anna")
            assert isinstance(caught.value.__cause__, LimitExceeded)


# -- two banks that differ in what a member may not read --------------------------------------


@attrs.frozen
class Secret:
    """What anna may not read of bruno."""

    posted: int
    held: int
    floor: int | None
    ceiling: int | None
    name: str
    note: str
    joined_on: date
    pot: int


SECRETS = st.builds(
    Secret,
    posted=st.integers(1, 12 * 3600),
    held=st.integers(1, 6 * 3600),
    floor=st.sampled_from([None, -30, -25]),
    ceiling=st.sampled_from([None, 13, 16, 19]),
    name=st.sampled_from(["Bruno", "B."]),
    note=st.sampled_from(["a", "b"]),
    joined_on=st.dates(date(2020, 1, 1), date(2025, 12, 31)),
    pot=st.integers(1, 3600),
)
RULES: list[dict[str, Any]] = [
    {},
    {"fee": Fee(share="1/10", fund="fund", payer="earner")},
    {"granularity": Granularity(unit=Hours("0:15"), rounding="refuse")},
    {"largest_exchange": LargestExchange(hours=9, beyond="flag")},
]


def bank_of(secret: Secret, beyond: Any, rules: dict[str, Any]) -> TimeBank:
    """A bank of as many records, whatever the secret is."""
    clock = Clock()
    trusting = timebank.open("memory:", **sources(clock))
    trusting.open_account("fund", kind="fund")
    trusting.open_account("anna", name="Anna", joined_on=date(2025, 1, 1))
    trusting.open_account("bruno", name=secret.name, joined_on=secret.joined_on)
    trusting.open_account("dora")
    trusting.set_limits("bruno", floor=secret.floor, ceiling=40)
    hours = Hours.from_seconds
    trusting.transfer(
        earner="bruno", spender="dora", hours=hours(secret.posted), id="x", note=secret.note
    )
    trusting.transfer(earner="fund", spender="dora", hours=hours(secret.pot), id="pot")
    trusting.hold(earner="dora", spender="bruno", hours=hours(secret.held), id="y")
    trusting.hold(earner="bruno", spender="anna", hours=1, id="proposed")
    trusting.hold(earner="anna", spender="bruno", hours=1, id="asked")
    trusting.transfer(earner="bruno", spender="anna", hours=1, id="visit")
    band = Band(floor=-20, ceiling=16, beyond=beyond)
    limits = {"member": band, "fund": Band(ceiling=1, beyond=beyond)}
    trusting.adopt(Statute(version="v1", limits=limits, **rules))
    if secret.ceiling is not None:
        trusting.set_limits("bruno", ceiling=secret.ceiling)
    else:
        trusting.set_limits("bruno", ceiling=41)
    return TimeBank(trusting.store, permissions=Roles(), **sources(clock))


HOURS = st.integers(1, 23 * 4).map(lambda quarters: Hours.from_seconds(quarters * 900))
#: All that anna may try, by its name, with hours to try it with.
TRIES: dict[str, Callable[[Any, Hours], Any]] = {
    "account": lambda b, _: b.account("anna"),
    "acts_for": lambda b, _: b.acts_for("anna"),
    "balance": lambda b, _: b.balance("anna"),
    "balance of bruno": lambda b, _: b.balance("bruno"),
    "closings": lambda b, _: b.closings(),
    "delegates": lambda b, _: b.delegates("anna"),
    "dues": lambda b, _: b.dues("anna"),
    "end_delegate": lambda b, _: b.end_delegate("anna", "luca"),
    "end_delegate of bruno": lambda b, _: b.end_delegate("bruno", "anna"),
    "events": lambda b, _: b.events("anna"),
    "hold": lambda b, h: b.hold(earner="bruno", spender="anna", hours=h),
    "hold by two": lambda b, h: b.hold(earner={"bruno": h, "dora": 1}, spender="anna"),
    "hold under the id of another": lambda b, h: b.hold(
        earner="bruno", spender="anna", hours=h, id="y"
    ),
    "hold_by_id": lambda b, _: b.hold_by_id("proposed"),
    "hold_by_id of bruno": lambda b, _: b.hold_by_id("y"),
    "holds": lambda b, _: b.holds(account="anna", status=None),
    "leave": lambda b, _: b.leave("bruno"),
    "name_delegate": lambda b, _: b.name_delegate("anna", "luca"),
    "personal_data": lambda b, _: b.personal_data("anna"),
    "reverse": lambda b, _: b.reverse("visit", reason="why"),
    "settle": lambda b, _: b.settle("proposed"),
    "settle for other hours": lambda b, h: b.settle("proposed", hours=h),
    "settle what was asked": lambda b, _: b.settle("asked"),
    "settle what was asked for other hours": lambda b, h: b.settle("asked", hours=h),
    "settle of bruno": lambda b, _: b.settle("y"),
    "settle of bruno for other hours": lambda b, h: b.settle("y", hours=h),
    "transfer under the id of another": lambda b, h: b.transfer(
        earner="bruno", spender="anna", hours=h, id="x"
    ),
    "settle under the id of another": lambda b, _: b.settle("proposed", id="x"),
    "settle under the id of another's hold": lambda b, _: b.settle("proposed", id="y"),
    "statement": lambda b, _: b.statement("anna"),
    "statement of bruno": lambda b, _: b.statement("bruno"),
    "statute": lambda b, _: b.statute(),
    "statutes": lambda b, _: b.statutes(),
    "transfer": lambda b, h: b.transfer(earner="bruno", spender="anna", hours=h),
    "transfer by via": lambda b, h: b.transfer(earner="dora", spender="anna", hours=h, via="bruno"),
    "transfer from bruno": lambda b, h: b.transfer(earner="anna", spender="bruno", hours=h),
    "transfer_by_id": lambda b, _: b.transfer_by_id("visit"),
    "transfer_by_id of bruno": lambda b, _: b.transfer_by_id("x"),
    "transfers": lambda b, _: b.transfers(account="anna"),
    "transfers after one of another": lambda b, _: b.transfers(account="anna", after="x"),
    "void": lambda b, _: b.void("proposed"),
    "void of bruno": lambda b, _: b.void("y"),
    "void under the id of another": lambda b, _: b.void("asked", id="x"),
}


def outcome(handle: Any, name: str, hours: Hours) -> tuple[str, Any]:
    """What a call tells: its class, and all of its words."""
    try:
        found = TRIES[name](handle, hours)
    except TimebankError as error:
        refusal = error
    else:
        if name == "personal_data":
            found = {**found, "head": "where the journal stands"}
        elif isinstance(found, timebank.Statement):  # who was met by name is named
            found = attrs.evolve(found, names=dict.fromkeys(found.names, "…"))
        elif isinstance(found, Iterator):
            found = list(found)
        return "passes", repr(found)
    assert (None, None) == (refusal.__context__, refusal.__cause__)
    return type(refusal).__name__, (str(refusal), vars(refusal))


@given(
    secrets=st.tuples(SECRETS, SECRETS),
    beyond=st.sampled_from(["flag", "refuse"]),
    rules=st.sampled_from(RULES),
    tries=st.lists(st.tuples(st.sampled_from(sorted(TRIES)), HOURS), min_size=4, max_size=12),
)
@example(  # one is refused by the fund's ceiling, the other by bruno's
    secrets=(
        Secret(1, 1, None, None, "Bruno", "a", date(2020, 1, 1), 1),
        Secret(1, 1, None, 13, "Bruno", "a", date(2020, 1, 1), 1),
    ),
    beyond="refuse",
    rules=RULES[1],
    tries=[("transfer", Hours("12:15"))],
)
def test_two_banks_that_differ_in_what_is_not_to_be_read(
    secrets: tuple[Secret, Secret], beyond: str, rules: dict[str, Any], tries: list[Any]
) -> None:
    """Each call answers alike on both, but for whether, or whose, limit of another refuses it."""
    one, two = (bank_of(secret, beyond, rules).acting_as("anna") for secret in secrets)
    with one.preview() as first, two.preview() as second:
        for name, hours in tries:
            told, also = outcome(first, name, hours), outcome(second, name, hours)
            if told == also:
                continue
            # What a limit of another refuses, the fund's or bruno's, tells nothing but that.
            refusals = [words for kind, words in (told, also) if kind == "LimitExceeded"]
            assert refusals, name
            assert len(refusals) == len({facts["account"] for _, facts in refusals}), name
            for _, facts in refusals:
                assert facts["account"] != "anna"
                assert {None} == {facts.get(f) for f in ("limit", "available", "shortfall")}
            if len(refusals) == 1:
                return  # from here on one bank has a record more


def test_no_call_was_forgotten() -> None:
    """What a member may do is tried above, and what they may not, here."""
    day = date(2024, 1, 1)
    secrets = (
        Secret(7, 9, None, None, "Bruno", "a", day, 5),
        Secret(3600, 900, -25, 13, "B.", "b", day + timedelta(days=100), 1800),
    )
    one, two = (bank_of(secret, "flag", {}).acting_as("anna") for secret in secrets)
    tried = {name.partition(" ")[0] for name in TRIES}
    for name in (CALLS | OF_A_BANK_ALONE).keys() - tried:
        for bank in (one, two):
            refusal = caught_of(partial((CALLS | OF_A_BANK_ALONE)[name], bank))
            assert f"actor 'anna' may not do this: {name}" in str(refusal)


@pytest.mark.parametrize("beyond", ["flag", "refuse"])
@pytest.mark.parametrize("rules", RULES)
def test_every_call_answers_alike_on_two_banks(beyond: str, rules: dict[str, Any]) -> None:
    """Each of the calls once on two such banks whose limits are not reached by it."""
    day = date(2024, 1, 1)
    secrets = (
        Secret(7, 9, None, None, "Bruno", "a", day, 5),
        Secret(3600, 900, -25, 13, "B.", "b", day + timedelta(days=100), 1800),
    )
    one, two = (bank_of(secret, beyond, rules).acting_as("anna") for secret in secrets)
    for name in TRIES:
        with one.preview() as first, two.preview() as second:
            hours = Hours("0:15")
            assert outcome(first, name, hours) == outcome(second, name, hours), name
