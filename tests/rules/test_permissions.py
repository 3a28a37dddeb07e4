"""Who may do what: asked before anything else, of every call, on every kind of bank."""

from __future__ import annotations

import inspect
import sqlite3
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from contextlib import closing, suppress
from datetime import date, timedelta
from typing import Any

import pytest

import timebank
from support import Clock, sources
from timebank import (
    AccountNotFound,
    Ask,
    Assign,
    Band,
    BankBatch,
    Donate,
    Dues,
    Fee,
    HoldNotFound,
    Hours,
    IdempotencyMismatch,
    InvalidRequest,
    LimitExceeded,
    NotPermitted,
    Rejected,
    Roles,
    Statute,
    TimeBank,
    WriteOff,
    WrongType,
)
from timebank.contrib import cheques
from timebank.contrib.cheques import Number
from timebank.model.members import Disposal
from timebank.permissions import READS
from timebank.proof import Receipt, SigningKey, origin_of, receipt

ROLES = {
    "carla": "coordinator",
    "tom": "treasurer",
    "ada": "auditor",
    "both": ["member", "auditor"],
}


@pytest.fixture
def clock() -> Clock:
    """A clock to move by hand."""
    return Clock()


@pytest.fixture
def bank(clock: Clock) -> TimeBank:
    """Two members, a family, a fund, a transfer and a hold; nobody acts."""
    opened = timebank.open("memory:", permissions=Roles(ROLES), **sources(clock))
    carla = opened.acting_as("carla")
    for id, kind in (("anna", "member"), ("bruno", "member"), ("rossi", "group"), ("fund", "fund")):
        carla.open_account(id, kind=kind)
    carla.transfer(earner="anna", spender="bruno", hours=2, id="visit")
    carla.hold(earner="bruno", spender="rossi", hours=1, id="held")
    cheques.issue(carla, "anna", booklet=17)
    return opened


def nothing_to_restart(bank: Any) -> None:
    """It is for who has a clock that was wrong; whoever may, is told that this one was not."""
    with suppress(InvalidRequest):
        bank.restart_clock(today=date(2026, 3, 2), reason="why")


def nothing_lost(bank: Any) -> None:
    """Whoever may accept a loss is told that there is none."""
    with suppress(InvalidRequest):
        bank.accept_history(reason="why")


#: Every call of a bank that may be asked for, with arguments that would do.
CALLS: dict[str, Callable[[Any], Any]] = {
    "accept_history": nothing_lost,
    "account": lambda b: b.account("anna"),
    "accounts": lambda b: b.accounts(),
    "acts_for": lambda b: b.acts_for("luca"),
    "adopt": lambda b: b.adopt(Statute(version="v1")),
    "amend": lambda b: b.amend("visit", category="care", reason="why"),
    "amend_account": lambda b: b.amend_account("rossi", kind="member", reason="why"),
    "balance": lambda b: b.balance("anna"),
    "close_account": lambda b: b.close_account("rossi"),
    "close_books": lambda b: b.close_books(through=date(2020, 12, 31), reason="why"),
    "closings": lambda b: list(b.closings()),
    "delegates": lambda b: b.delegates("anna"),
    "dues": lambda b: b.dues("anna"),
    "end_delegate": lambda b: b.end_delegate("anna", "luca"),
    "erase": lambda b: b.erase("anna", reason="asked"),
    "events": lambda b: b.events("anna"),
    "freeze": lambda b: b.freeze("anna"),
    "head": lambda b: b.head(),
    "hold": lambda b: b.hold(earner="bruno", spender="anna", hours=1),
    "hold_by_id": lambda b: b.hold_by_id("held"),
    "holds": lambda b: b.holds(),
    "impact": lambda b: b.impact(),
    "inactive": lambda b: b.inactive(since=date(2026, 1, 1)),
    "leave": lambda b: b.leave("anna", disposal=Donate("fund")),
    "name_delegate": lambda b: b.name_delegate("anna", "luca"),
    "open_account": lambda b: b.open_account("new"),
    "merge": lambda b: b.merge("bruno", into="anna", reason="why"),
    "personal_data": lambda b: b.personal_data("anna"),
    "presences": lambda b: b.presences(),
    "records": lambda b: b.records(),
    "rename": lambda b: b.rename("anna", "Anna"),
    "reopen": lambda b: b.reopen("anna"),
    "replay": lambda b: b.replay(Statute(version="v1")),
    "restart_clock": nothing_to_restart,
    "reverse": lambda b: b.reverse("visit", reason="why"),
    "run_due": lambda b: b.run_due(),
    "set_limits": lambda b: b.set_limits("anna", floor=0),
    "settle": lambda b: b.settle("held"),
    "statement": lambda b: b.statement("anna"),
    "statute": lambda b: b.statute(),
    "statutes": lambda b: b.statutes(),
    "thaw": lambda b: b.thaw("anna"),
    "transfer": lambda b: b.transfer(earner="bruno", spender="anna", hours=1),
    "transfer_by_id": lambda b: b.transfer_by_id("visit"),
    "transfers": lambda b: b.transfers(),
    "trial_balance": lambda b: b.trial_balance(),
    "void": lambda b: b.void("held"),
    "welcome": lambda b: b.welcome("anna"),
}
OF_A_BANK_ALONE: dict[str, Callable[[Any], Any]] = {
    "audit": lambda b: b.audit(),
    "rebuild": lambda b: b.rebuild(),
}


def receipt_of(bank: TimeBank, id: str) -> Receipt:
    """The receipt of an exchange, by a key that its bank may sign with."""
    pytest.importorskip("cryptography", reason="no receipt is signed without it")
    with bank.store.reader(bank.name) as reader:
        origin = origin_of(reader.head().journal)
    return receipt(bank, id, key=SigningKey.make(origin))


#: Calls that are given a bank, and are asked for as one of its own.
GIVEN_A_BANK: dict[str, Callable[[Any], Any]] = {
    "receipt": lambda b: receipt_of(b, "visit"),
    "booklets": lambda b: cheques.booklets(b, "anna"),
    "issue_cheques": lambda b: cheques.issue(b, "bruno"),
    "enter_cheque": lambda b: cheques.enter(b, Number(17, 1), earner="bruno", hours=1),
    "void_cheque": lambda b: cheques.void(b, Number(17, 2)),
}
ALONE = OF_A_BANK_ALONE | GIVEN_A_BANK
#: What asks for nothing itself: each call in it, or on what it gives, does.
UNASKED = {"acting_as", "batch", "close", "end", "preview"}


def public(kind: type) -> set[str]:
    """The names of the methods that anybody may call."""
    return {name for name, _ in inspect.getmembers(kind, callable) if not name.startswith("_")}


def test_every_call_is_asked_for() -> None:
    """No method was forgotten: each is in the table above, and is tried below."""
    assert CALLS.keys() | OF_A_BANK_ALONE.keys() | UNASKED - {"end"} == public(TimeBank)
    assert CALLS.keys() | UNASKED - {"batch", "close", "preview"} == public(BankBatch)
    assert READS < CALLS.keys() | ALONE.keys()


@pytest.mark.parametrize("name", [*CALLS, *ALONE])
def test_a_callable_that_says_no(bank: TimeBank, name: str) -> None:
    """It is asked once, with the name of the call and who asks; nothing is read or written."""
    asked: list[Ask] = []
    says_nothing: Any = asked.append
    closed = TimeBank(bank.store, permissions=says_nothing).acting_as("carla")
    before = bank.acting_as("ada").head()
    with pytest.raises(NotPermitted, match="actor 'carla' may not do this") as caught:
        (CALLS | ALONE)[name](closed)
    assert [("carla", name)] == [(ask.actor, ask.action) for ask in asked]
    assert (name, "carla", "not_permitted") == (
        caught.value.action,
        caught.value.actor,
        caught.value.code,
    )
    assert (name in READS) == asked[0].reads
    if name in CALLS:
        with closed.preview() as preview, pytest.raises(NotPermitted):
            CALLS[name](preview)
        with closed.batch() as batch, pytest.raises(NotPermitted):
            CALLS[name](batch.acting_as("carla"))
    assert before == bank.acting_as("ada").head()


MEMBER_OF_BOTH = {
    "account",
    "balance",
    "booklets",
    "closings",
    "delegates",
    "dues",
    "end_delegate",
    "events",
    "hold",
    "name_delegate",
    "personal_data",
    "receipt",
    "statement",
    "statute",
    "statutes",
    "transfer",
    "transfer_by_id",
    "void_cheque",
}
ON_CHEQUES = {"enter_cheque", "issue_cheques", "void_cheque"}
COORDINATES = {
    *("amend", "amend_account"),
    *("close_account", "end_delegate", "freeze", "hold", "leave", "name_delegate", "open_account"),
    *("rename", "reopen", "reverse", "settle", "thaw", "transfer", "void", "welcome"),
}
KEEPS_THE_BOOKS = {
    *("adopt", "erase", "leave", "rebuild", "restart_clock", "run_due", "set_limits"),
    *("accept_history", "amend", "amend_account", "close_books", "merge"),
}
MAY: dict[str | None, AbstractSet[str]] = {
    None: set(),
    "stranger": {"closings", "statute", "statutes"},
    "anna": MEMBER_OF_BOTH,
    "fund": {"closings", "statute", "statutes"},  # an account of the bank is nobody's own
    "ada": set(READS),
    "both": set(READS),
    "tom": READS | KEEPS_THE_BOOKS | ON_CHEQUES,
    "carla": READS | COORDINATES | ON_CHEQUES,
}


@pytest.mark.parametrize("actor", MAY)
@pytest.mark.parametrize("name", [*CALLS, *ALONE])
def test_what_each_role_may_do(bank: TimeBank, actor: str | None, name: str) -> None:
    """The table of the documentation, call by call; a rule may still refuse what is permitted."""
    call = (CALLS | ALONE)[name]
    try:
        call(bank.acting_as(actor))
    except NotPermitted:
        permitted = False
    except Rejected:
        permitted = True
    else:
        permitted = True
    assert (name in MAY[actor]) == permitted


# -- members -----------------------------------------------------------------------------


def refused(call: Callable[[], object]) -> None:
    """It may not be done, and all that is told is what the caller said."""
    with pytest.raises(NotPermitted):
        call()


def test_a_member_spends_their_own_hours_only(bank: TimeBank) -> None:
    """Not as one of many, nor unchecked; a plain user cannot move another's hours."""
    anna = bank.acting_as("anna")
    anna.transfer(earner="bruno", spender="anna", hours=1)
    anna.transfer(earner={"bruno": 1, "rossi": 1}, spender="anna")
    refused(lambda: anna.transfer(earner="anna", spender="bruno", hours=1))
    refused(lambda: anna.transfer(earner="rossi", spender={"anna": 1, "bruno": 1}))
    refused(lambda: anna.transfer(earner="bruno", spender="anna", hours=1, limits="unchecked"))
    refused(lambda: anna.hold(earner="anna", spender="bruno", hours=1))
    refused(lambda: anna.reverse("visit", reason="mine"))
    refused(lambda: anna.leave("anna", disposal=Donate("fund")))
    refused(lambda: anna.welcome("anna"))


def test_what_was_proposed_is_confirmed_by_either_side(bank: TimeBank) -> None:
    """Who proposed may settle for longer; to whom it was proposed may not; others neither."""
    carla, anna, bruno = (bank.acting_as(id) for id in ("carla", "anna", "bruno"))
    for id in ("a", "b", "c", "d"):
        anna.hold(earner="bruno", spender="anna", hours=2, id=id)
    refused(lambda: bank.acting_as("rossi").settle("a"))
    refused(lambda: bank.acting_as("rossi").void("a"))
    refused(lambda: bruno.settle("a", hours=3))
    assert Hours(1) == bruno.settle("a", hours=1).hours
    assert "bruno" == bruno.settle("b").actor
    assert Hours(3) == anna.settle("c", hours=3).hours
    assert "voided" == bruno.void("d", reason="no time").status
    assert ["held"] == [hold.id for hold in carla.holds()]
    assert [] == list(anna.holds(account="anna"))
    refused(lambda: list(anna.holds(account="bruno")))


def test_a_share_of_a_side_does_not_confirm_it(bank: TimeBank) -> None:
    """Of two who would earn, one cannot settle for both."""
    carla = bank.acting_as("carla")
    carla.hold(earner={"anna": 1, "bruno": 1}, spender="rossi", id="two")
    refused(lambda: bank.acting_as("anna").settle("two"))
    assert "two" == bank.acting_as("anna").hold_by_id("two").id
    bank.acting_as("rossi").settle("two")


def test_a_refusal_tells_nothing(bank: TimeBank) -> None:
    """Of what is there and what is not, the same words; a coordinator is told the difference."""
    anna, carla = bank.acting_as("anna"), bank.acting_as("carla")
    pairs: list[tuple[Callable[[str], object], str]] = [
        (anna.balance, "bruno"),
        (anna.statement, "bruno"),
        (anna.delegates, "bruno"),
        (lambda one: list(anna.transfers(account=one)), "bruno"),
        (anna.hold_by_id, "held"),
        (anna.settle, "held"),
        (anna.void, "held"),
        (lambda one: anna.reverse(one, reason="why"), "visit"),
        (lambda one: anna.transfer(earner="anna", spender=one, hours=999), "bruno"),
        (lambda one: receipt_of(anna, one), "held"),
    ]
    for call, there in pairs:
        told = []
        for id in (there, "nobody"):
            with pytest.raises(NotPermitted) as caught:
                call(id)
            told.append(str(caught.value).replace(id, "…"))
            assert {"actor", "action", "accounts"} == vars(caught.value).keys()
            assert set(caught.value.accounts) <= {id, "anna"}
        assert told[0] == told[1]
    with pytest.raises(AccountNotFound):
        carla.balance("nobody")
    with pytest.raises(HoldNotFound):
        carla.settle("nobody")


def test_a_receipt_shows_the_whole_record(clock: Clock) -> None:
    """It is asked for with every account of it; a flag tells of a balance, asked for as well."""
    opened = timebank.open("memory:", permissions=Roles(ROLES), **sources(clock))
    carla, tom = opened.acting_as("carla"), opened.acting_as("tom")
    for id, kind in (("anna", "member"), ("bruno", "member"), ("via", "group"), ("fund", "fund")):
        carla.open_account(id, kind=kind)
    soft = Band(floor=-1, beyond="flag")
    tom.adopt(Statute(version="v1", limits={"member": soft}, fee=Fee(fund="fund", fixed="0:10")))
    carla.transfer(earner="anna", spender="bruno", hours=3, id="flagged", via="via")
    asked: list[Ask] = []

    def all_but_balances(ask: Ask) -> bool:
        asked.append(ask)
        return ask.action != "balance"

    closed = TimeBank(opened.store, permissions=all_but_balances).acting_as("x")
    refused(lambda: receipt_of(closed, "flagged"))
    first, balance = asked
    assert ("anna", "bruno", "fund", "via") == first.accounts
    assert (("anna",), ("bruno",)) == (first.earners, first.spenders)
    assert ("balance", ("bruno",)) == (balance.action, balance.accounts)
    refused(lambda: receipt_of(opened.acting_as("anna"), "flagged"))
    refused(lambda: receipt_of(opened.acting_as("via"), "flagged"))
    assert "flagged" in receipt_of(opened.acting_as("bruno"), "flagged").record
    assert "flagged" in receipt_of(carla, "flagged").record
    carla.open_account("vera")
    tom.merge("anna", into="vera", reason="twice")
    asked.clear()
    refused(lambda: receipt_of(closed, "flagged"))
    assert ("anna", "bruno", "fund", "vera", "via") == asked[0].accounts, "named in the word"
    assert "anna" in str(receipt_of(carla, "flagged").word)


def test_an_id_that_somebody_else_used(bank: TimeBank) -> None:
    """It cannot be used again, and what it names is shown to who may read it only."""
    anna, rossi = bank.acting_as("anna"), bank.acting_as("rossi")
    with pytest.raises(IdempotencyMismatch, match="earners was") as caught:
        anna.transfer(earner="bruno", spender="anna", hours=1, id="visit")
    assert "visit" == caught.value.original.id  # type: ignore[attr-defined]
    with pytest.raises(IdempotencyMismatch, match="is not for who asks to see") as caught:
        rossi.transfer(earner="bruno", spender="rossi", hours=1, id="visit")
    assert (None, None, None) == (
        caught.value.original,
        caught.value.__context__,
        caught.value.__cause__,
    )
    assert "2:00" not in str(caught.value)
    with pytest.raises(IdempotencyMismatch) as caught:
        anna.transfer(earner="bruno", spender="anna", hours=1, id="held")
    assert caught.value.original is None
    with pytest.raises(IdempotencyMismatch) as caught:
        bank.acting_as("carla").open_account("anna", kind="group")
    assert caught.value.original is not None


def test_pages_of_transfers_begin_behind_ones_own(bank: TimeBank) -> None:
    """`after` names a transfer, and who may read the list may go on in it."""
    anna = bank.acting_as("anna")
    anna.transfer(earner="bruno", spender="anna", hours=1, id="second")
    bank.acting_as("carla").transfer(earner="bruno", spender="rossi", hours=1, id="other")
    assert ["second"] == [t.id for t in anna.transfers(account="anna", after="visit")]
    refused(lambda: anna.transfers(after="visit"))
    refused(lambda: anna.transfers(account="anna", after="other"))
    refused(lambda: anna.transfers(account="anna", after="nobody"))


def test_what_another_may_still_earn_is_not_told(bank: TimeBank) -> None:
    """A limit of somebody else refuses without its figures; one's own has them."""
    anna, carla = bank.acting_as("anna"), bank.acting_as("carla")
    bank.acting_as("tom").set_limits("bruno", ceiling=1)
    with pytest.raises(
        LimitExceeded, match="account 'bruno' cannot earn 5:00: its ceiling"
    ) as caught:
        anna.transfer(earner="bruno", spender="anna", hours=5)
    figures = [getattr(caught.value, name) for name in ("limit", "available", "reserved", "passes")]
    assert ([None] * 4, Hours(5), "ceiling_exceeded", None) == (
        figures,
        caught.value.needed,
        caught.value.code,
        caught.value.__context__,
    )
    with pytest.raises(LimitExceeded, match=r"its ceiling is 1:00 .* may still move"):
        carla.transfer(earner="bruno", spender="anna", hours=5)
    with pytest.raises(LimitExceeded, match="its floor is -20:00"):
        anna.transfer(earner="rossi", spender="anna", hours=50)


def test_nobody_resigns_as_a_delegate_who_is_none(bank: TimeBank) -> None:
    """What ending gives back is the account: only for who was named."""
    anna = bank.acting_as("anna")
    refused(lambda: anna.end_delegate("bruno", "anna"))
    refused(lambda: anna.end_delegate("nobody", "anna"))


# -- delegates ---------------------------------------------------------------------------


def test_a_delegate_may_the_same_until_the_day(bank: TimeBank, clock: Clock) -> None:
    """The last day included; not name others; end it for themselves."""
    anna, luca = bank.acting_as("anna"), bank.acting_as("luca")
    refused(lambda: luca.name_delegate("anna", "luca"))
    day = clock.now.date()
    named = anna.name_delegate("anna", "luca", until=day + timedelta(days=1))
    assert (named,) == anna.delegates("anna")
    clock.now += timedelta(days=1)
    luca.hold(earner="bruno", spender="anna", hours=1, id="h")
    assert ("luca", Hours(1)) == (luca.settle("h", id="s").actor, luca.balance("anna").posted)
    refused(lambda: luca.name_delegate("anna", "mallory"))
    refused(lambda: luca.transfer(earner="anna", spender="bruno", hours=1))
    refused(lambda: luca.transfer(earner="rossi", spender={"anna": 1, "bruno": 1}))
    clock.now += timedelta(days=1)
    refused(lambda: luca.balance("anna"))
    assert () == anna.delegates("anna")
    anna.name_delegate("anna", "luca")
    luca.end_delegate("anna", "luca")
    refused(lambda: luca.balance("anna"))


def test_a_delegate_of_two_spends_for_both(bank: TimeBank) -> None:
    """And an office acts for the accounts that the app gives it."""
    bank.acting_as("anna").name_delegate("anna", "luca")
    bank.acting_as("bruno").name_delegate("bruno", "luca")
    luca = bank.acting_as("luca")
    luca.transfer(earner="rossi", spender={"anna": 1, "bruno": 1})
    offices = Roles({}, accounts=lambda actor: {"luca": ["rossi", "anna"]}.get(actor, []))
    other = TimeBank(bank.store, permissions=offices)
    other.acting_as("luca").transfer(earner="bruno", spender={"anna": 1, "rossi": 1})
    refused(lambda: other.acting_as("anna").balance("anna"))


def test_naming_and_ending_are_records(bank: TimeBank, clock: Clock) -> None:
    """Each names who did it; what is so already is none; the last one counts."""
    anna, carla = bank.acting_as("anna"), bank.acting_as("carla")
    day = clock.now.date() + timedelta(days=30)
    anna.name_delegate("anna", "luca", until=day)
    anna.name_delegate("anna", "luca", until=day)
    carla.name_delegate("anna", "luca")
    anna.end_delegate("anna", "luca")
    anna.end_delegate("anna", "luca")
    found = [(r.kind, r.actor) for r in carla.records() if "delegate" in r.kind]
    assert [
        ("name_delegate", "anna"),
        ("name_delegate", "carla"),
        ("end_delegate", "anna"),
    ] == found
    with pytest.raises(InvalidRequest, match="is over"):
        anna.name_delegate("anna", "luca", until=clock.now.date() - timedelta(days=1))
    with pytest.raises(InvalidRequest, match="needs no delegate"):
        anna.name_delegate("anna", "anna")
    with pytest.raises(AccountNotFound):
        carla.name_delegate("nobody", "luca")
    with pytest.raises(AccountNotFound):
        carla.delegates("nobody")
    with pytest.raises(AccountNotFound):
        carla.end_delegate("nobody", "luca")
    carla.void("held")
    carla.close_account("rossi")
    with pytest.raises(timebank.AccountNotOpen):
        carla.name_delegate("rossi", "luca")
    assert () == carla.audit().findings
    bank.acting_as("tom").rebuild()
    assert () == anna.delegates("anna")


# -- offices -----------------------------------------------------------------------------


def test_a_coordinator_and_a_treasurer(bank: TimeBank) -> None:
    """A write-off and unchecked limits are the treasurer's, the rest the coordinator's."""
    carla, tom = bank.acting_as("carla"), bank.acting_as("tom")
    refused(lambda: carla.leave("bruno", disposal=WriteOff("fund")))
    refused(lambda: carla.transfer(earner="anna", spender="bruno", hours=99, limits="unchecked"))
    refused(lambda: tom.transfer(earner="anna", spender="bruno", hours=1))
    tom.transfer(earner="anna", spender="bruno", hours=99, limits="unchecked")
    carla.void("held")
    tom.leave("bruno", disposal=WriteOff("fund"))
    carla.leave("anna", disposal=Assign("rossi", consented=True))
    tom.adopt(Statute(version="v1", dues=Dues(hours=1, fund="fund", kinds=["group"])))
    assert ["tom"] == [charge.transfer.actor for charge in tom.run_due().charges]


def test_what_is_due_of_all_is_for_who_reads_all(bank: TimeBank) -> None:
    """A member sees what is due of an account of their own, and no more."""
    assert () == bank.acting_as("ada").dues()
    assert () == bank.acting_as("anna").dues("anna")
    with pytest.raises(NotPermitted):
        bank.acting_as("anna").dues()


def test_whose_credit_goes_to_whom_is_the_coordinators(bank: TimeBank) -> None:
    """A treasurer writes off, and takes nobody's hours; who is both may do both at once."""
    tom, both = (
        bank.acting_as("tom"),
        TimeBank(bank.store, permissions=Roles({"both": ["coordinator", "treasurer"]})).acting_as(
            "both"
        ),
    )
    either: list[Disposal] = [Assign("anna", consented=True), WriteOff("fund")]
    refused(lambda: tom.leave("anna", disposal=Assign("rossi", consented=True)))
    refused(lambda: bank.acting_as("carla").leave("bruno", disposal=either))
    with pytest.raises(NotPermitted, match="may not do this: leave with a write-off"):
        bank.acting_as("carla").leave("bruno", disposal=WriteOff("fund"))
    both.leave("bruno", disposal=either)


def test_limits_of_its_own_are_the_treasurers(bank: TimeBank) -> None:
    """A coordinator opens accounts as the statute has them."""
    refused(lambda: bank.acting_as("carla").open_account("new", floor=None))
    bank.acting_as("tom").open_account("new", floor=None)
    refused(lambda: bank.acting_as("tom").open_account("other"))


def test_for_whom_somebody_acts(bank: TimeBank) -> None:
    """Their own list is for them, and for who reads all."""
    for id in ("anna", "bruno"):
        bank.acting_as(id).name_delegate(id, "luca")
    bank.acting_as("carla").name_delegate("rossi", "ida")
    luca = bank.acting_as("luca")
    assert ["anna", "bruno"] == [one.account for one in luca.acts_for("luca")]
    assert ["rossi"] == [one.account for one in bank.acting_as("ada").acts_for("ida")]
    refused(lambda: luca.acts_for("ida"))
    assert () == bank.acting_as("x").acts_for("x")


def test_roles_that_cannot_be() -> None:
    """They are refused when they are made."""
    with pytest.raises(InvalidRequest, match="a role is one of member, coordinator"):
        Roles({"anna": "boss"})
    with pytest.raises(WrongType, match="a mapping of actors to roles"):
        Roles(["anna"])  # type: ignore[arg-type]
    with pytest.raises(WrongType, match="permissions are a callable that is given an Ask"):
        timebank.open("memory:", permissions="x")  # type: ignore[arg-type]
    one = Roles(accounts=lambda actor: actor)
    assert not one(Ask(actor="anna", action="balance", accounts=("a",)))
    assert one(Ask(actor="anna", action="balance", accounts=("anna",)))
    assert "<Roles of 1 actors>" == repr(Roles({"anna": ["treasurer", "auditor"]}))
    assert not Roles()(Ask(actor=None, action="statute"))
    assert not Roles()(Ask(actor="x", action="balance", accounts=("x",)))


def test_who_has_no_role_at_all_is_no_member(bank: TimeBank) -> None:
    """An empty set of roles takes membership away; a delegate is one all the same."""
    bank.acting_as("anna").name_delegate("anna", "bruno")
    other = TimeBank(bank.store, permissions=Roles({"bruno": []})).acting_as("bruno")
    refused(lambda: other.balance("bruno"))
    assert Hours(2) == other.balance("anna").posted


def test_joined_to_a_hosts_transaction(clock: Clock) -> None:
    """The same questions; without permissions the library trusts its caller."""
    with closing(sqlite3.connect(":memory:")) as host:
        host.execute("CREATE TABLE own (id)")
        host.execute("INSERT INTO own VALUES (1)")
        trusting = timebank.join(host, **sources(clock))
        for id in ("anna", "bruno"):
            trusting.open_account(id)
        bank = timebank.join(host, permissions=Roles(), **sources(clock)).acting_as("anna")
        bank.transfer(earner="bruno", spender="anna", hours=1)
        refused(lambda: bank.transfer(earner="anna", spender="bruno", hours=1))
        refused(bank.run_due)
        trusting.run_due()
        trusting.transfer(earner="anna", spender="bruno", hours=1)


def test_the_bank_of_a_batch_asks_too(bank: TimeBank) -> None:
    """Each call in a batch is asked for; what was done before a caught refusal is kept."""
    with bank.acting_as("anna").batch() as batch:
        batch.transfer(earner="bruno", spender="anna", hours=1, id="t1")
        refused(lambda: batch.transfer(earner="anna", spender="bruno", hours=1))
        refused(lambda: batch.balance("bruno"))
        batch.acting_as("carla").freeze("bruno", reason="the app says who acts")
    assert Hours(1) == bank.acting_as("anna").balance("anna").posted
