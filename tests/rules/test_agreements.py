"""Agreeing with another bank: its account, its limits, suspending, ending; what is by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import timebank
from support import Clock, sources
from timebank import (
    AccountNotEmpty,
    AccountNotFound,
    AccountNotOpen,
    Band,
    Demurrage,
    Donate,
    Dues,
    Fee,
    FundInUse,
    Granularity,
    Hours,
    InvalidHours,
    InvalidRequest,
    NotAgreed,
    Statute,
    TimeBank,
    Welcome,
    WriteOff,
    federation,
)
from timebank.model.agreements import (
    Agreement,
    SeenHead,
    account_of,
    shared_id,
    smaller,
)
from timebank.proof import SigningKey, origin_of
from timebank.rules import State
from timebank.rules.agreements import Agree, Readmit, agree
from timebank.statute import DEFAULT

HEAD = SeenHead(size=9, root="ab" * 32)
OTHER = "elsewhere"
ACCOUNT = account_of(OTHER)


@pytest.fixture
def bank() -> Iterator[TimeBank]:
    """A bank that has agreed on nothing; its journal is well at the end."""
    found = timebank.open("memory:", **sources())
    for id in ("anna", "bruno"):
        found.open_account(id)
    found.open_account("fund", kind="fund")
    yield found
    assert found.audit().findings == ()
    found.rebuild()
    assert found.audit().ok


def agreed(bank: TimeBank, **more: Any) -> Agreement:
    """Agree with the bank elsewhere."""
    asked: dict[str, Any] = {"they_may_owe": 20, "we_may_owe": 10} | more
    return federation.agree(bank, OTHER, **asked)


@contextmanager
def nothing_written(bank: TimeBank) -> Iterator[None]:
    """A refusal, or what is so already, leaves the journal as it was."""
    before = bank.head()
    yield
    assert before == bank.head()


def test_what_was_agreed(bank: TimeBank) -> None:
    """The account is a clearing account, whose floor and ceiling are what each may owe."""
    found = agreed(bank, name="The bank elsewhere")
    account = bank.account(ACCOUNT)
    assert ("clearing", "agreed", Hours(-20), Hours(10)) == (
        account.kind,
        account.status,
        account.floor,
        account.ceiling,
    )
    assert (OTHER, ACCOUNT, "The bank elsewhere", "agreed", None, (), None) == (
        found.peer,
        found.id,
        found.name,
        found.status,
        found.key,
        found.keys,
        found.seen,
    )
    assert found == federation.agreement(bank, OTHER)
    assert (found,) == federation.agreements(bank)


def test_the_smaller_limit_holds_in_each_direction(bank: TimeBank) -> None:
    """As far as the other bank has told what it says of the two."""
    found = agreed(bank)
    assert (Hours(20), Hours(10)) == (found.may_be_owed_to_us, found.may_be_owed_by_us)
    found = agreed(bank, theirs=(5, 7))
    assert (Hours(5), Hours(7)) == found.theirs
    assert (Hours(7), Hours(5)) == (found.may_be_owed_to_us, found.may_be_owed_by_us)
    found = agreed(bank, they_may_owe=None, we_may_owe=None, theirs=(None, None))
    assert found.may_be_owed_to_us is found.may_be_owed_by_us is None
    assert bank.account(ACCOUNT).floor is bank.account(ACCOUNT).ceiling is None


@given(*[st.none() | st.integers(0, 9).map(Hours)] * 2)
def test_which_is_smaller(one: Hours | None, other: Hours | None) -> None:
    """`None` is no limit; else the smaller one, in whichever order."""
    found = smaller(one, other)
    assert found == smaller(other, one)
    assert found in {one, other}
    assert all(limit is None or (found is not None and found <= limit) for limit in (one, other))


def test_agreed_alike_is_agreed_once(bank: TimeBank) -> None:
    """What is so already is not recorded again; each change is."""
    agreed(bank)
    with nothing_written(bank):
        assert agreed(bank).repeated
    asked: dict[str, Any] = {}
    for more in ({"we_may_owe": 11}, {"theirs": (1, 2)}, {"they_may_owe": None}, {"name": "N"}):
        asked |= more
        before = bank.head().sequence
        assert not agreed(bank, **asked).repeated or "name" in more
        assert bank.head().sequence == before + 1
        with nothing_written(bank):
            agreed(bank, **asked)


def test_all_keys_of_the_other_bank_are_remembered(bank: TimeBank) -> None:
    """Messages are signed with the last one; what was signed with those before stays so."""
    pytest.importorskip("cryptography", reason="no key is made without it")
    first, second = (str(SigningKey.make(origin_of(OTHER)).public) for _ in range(2))
    agreed(bank, key=first)
    agreed(bank, key=second)
    with nothing_written(bank):
        agreed(bank)
        agreed(bank, key=second)
    agreed(bank, we_may_owe=11)
    found = federation.agreement(bank, OTHER)
    assert (second, (first, second)) == (found.key, found.keys)


REFUSED: list[tuple[dict[str, Any], type[Exception]]] = [
    ({"they_may_owe": -1}, InvalidHours),
    ({"we_may_owe": "-0:01"}, InvalidHours),
    ({"we_may_owe": timebank.INHERIT}, InvalidHours),
    ({"theirs": (1, -1)}, InvalidHours),
    ({"we_may_owe": "much"}, InvalidRequest),
]


@pytest.mark.parametrize(("more", "error"), REFUSED)
def test_what_cannot_be_agreed_on(
    bank: TimeBank, more: dict[str, Any], error: type[Exception]
) -> None:
    """Less than nothing is owed by nobody, and no account is opened for it."""
    with nothing_written(bank), pytest.raises(error):
        agreed(bank, **more)


def test_a_bank_does_not_agree_with_itself(bank: TimeBank) -> None:
    """By its id or as a bank."""
    for peer in (bank, bank.head().journal):
        with nothing_written(bank), pytest.raises(InvalidRequest, match="is the bank itself"):
            federation.agree(bank, peer, they_may_owe=1, we_may_owe=1)


def test_an_account_that_was_there_before(bank: TimeBank) -> None:
    """It is a clearing account, of no statute, open, and owes nothing; in this order."""
    with pytest.raises(InvalidRequest, match="clearing accounts of other banks"):
        bank.open_account(ACCOUNT)
    bank.open_account(ACCOUNT, kind="clearing", floor=None)
    bank.adopt(Statute(version="v1", fee=Fee(fund=ACCOUNT, fixed="0:01")))
    bank.freeze(ACCOUNT)
    with nothing_written(bank), pytest.raises(FundInUse):
        agreed(bank)
    bank.adopt(DEFAULT)
    with nothing_written(bank), pytest.raises(AccountNotOpen):
        agreed(bank)
    bank.thaw(ACCOUNT)
    bank.hold(earner="anna", spender=ACCOUNT, hours=1, id="h")
    with nothing_written(bank), pytest.raises(AccountNotEmpty):
        agreed(bank)
    bank.settle("h")
    with nothing_written(bank), pytest.raises(AccountNotEmpty):
        agreed(bank)
    bank.transfer(earner=ACCOUNT, spender="anna", hours=1)
    bank.close_account(ACCOUNT)
    assert "agreed" == agreed(bank).status


def test_an_account_of_another_kind_has_no_agreement() -> None:
    """A journal that was made by another program may have one: it is refused by the judge."""
    command = Agree.of(OTHER, they_may_owe=1, we_may_owe=1, key=None, theirs=None, reason=None)
    row = timebank.model.AccountRow(ACCOUNT, "member", "open", None, None, None, 1, None)
    state = State(DEFAULT, {ACCOUNT: row}, {ACCOUNT: (0, 0)}, today="2026-03-02")
    with pytest.raises(InvalidRequest, match="is a member"):
        agree(state, command, 0)
    with pytest.raises(AccountNotFound):
        agree(State(DEFAULT, {ACCOUNT: None}, {}, today="2026-03-02"), command, 0)


def test_suspended_and_agreed_anew(bank: TimeBank) -> None:
    """Each once, with a reason; who never agreed, or has ended it, suspends nothing."""
    with nothing_written(bank), pytest.raises(NotAgreed) as caught:
        federation.suspend(bank, OTHER, reason="so")
    assert (OTHER, "none") == (caught.value.peer, caught.value.status)
    agreed(bank)
    with pytest.raises(InvalidRequest, match="needs a reason"):
        federation.suspend(bank, OTHER, reason="")
    assert "suspended" == federation.suspend(bank, OTHER, reason="so").status
    with nothing_written(bank):
        assert federation.suspend(bank, OTHER, reason="so").repeated
    assert "agreed" == bank.account(ACCOUNT).status, "answers move it yet"
    assert "agreed" == agreed(bank).status
    federation.end(bank, OTHER, reason="so")
    with nothing_written(bank), pytest.raises(NotAgreed) as caught:
        federation.suspend(bank, OTHER, reason="so")
    assert "ended" == caught.value.status


def test_ended_and_agreed_anew(bank: TimeBank) -> None:
    """The account is closed, by an end alone, and opened by another agreement alone."""
    with nothing_written(bank), pytest.raises(NotAgreed):
        federation.end(bank, OTHER, reason="so")
    agreed(bank)
    with pytest.raises(InvalidRequest, match="needs a reason"):
        federation.end(bank, OTHER, reason="")
    assert "ended" == federation.end(bank, OTHER, reason="so").status
    with nothing_written(bank):
        assert federation.end(bank, OTHER, reason="so").repeated
    assert "closed" == bank.account(ACCOUNT).status
    with nothing_written(bank), pytest.raises(NotAgreed):
        bank.reopen(ACCOUNT)
    assert "agreed" == agreed(bank).status
    assert Hours(10) == bank.account(ACCOUNT).ceiling


def test_the_head_that_a_board_takes(bank: TimeBank) -> None:
    """It is what was seen of the other bank from then on; taken twice it is recorded once."""
    with nothing_written(bank), pytest.raises(NotAgreed):
        bank._execute(Readmit.of(OTHER, head=HEAD, reason="so"))
    agreed(bank)
    with pytest.raises(InvalidRequest, match="needs a reason"):
        Readmit.of(OTHER, head=HEAD, reason="")
    found = bank._execute(Readmit.of(OTHER, head=HEAD, reason="so"))
    assert HEAD == found.seen
    with nothing_written(bank):
        bank._execute(Readmit.of(OTHER, head=HEAD, reason="so"))
    agreed(bank, we_may_owe=12)
    assert found.seen == federation.agreement(bank, OTHER).seen


#: What is done to an account by hand, or by a rule; `bruno` has what the call needs.
BY_HAND: dict[str, Callable[[TimeBank], object]] = {
    "freeze": lambda bank: bank.freeze(ACCOUNT),
    "thaw": lambda bank: bank.thaw(ACCOUNT),
    "close": lambda bank: bank.close_account(ACCOUNT),
    "reopen": lambda bank: bank.reopen(ACCOUNT),
    "limits": lambda bank: bank.set_limits(ACCOUNT, floor=None),
    "earn": lambda bank: bank.transfer(earner=ACCOUNT, spender="bruno", hours=1),
    "spend": lambda bank: bank.transfer(earner="bruno", spender=ACCOUNT, hours=1),
    "take part": lambda bank: bank.transfer(
        earner={ACCOUNT: 1, "anna": 1}, spender="bruno", hours=2
    ),
    "unchecked": lambda bank: bank.transfer(
        earner="bruno", spender=ACCOUNT, hours=1, limits="unchecked", source="a sheet"
    ),
    "arrange": lambda bank: bank.transfer(earner="anna", spender="bruno", hours=1, via=ACCOUNT),
    "hold": lambda bank: bank.hold(earner=ACCOUNT, spender="bruno", hours=1),
    "merge into": lambda bank: bank.merge("fund", into=ACCOUNT, reason="so"),
    "leave": lambda bank: bank.leave(ACCOUNT),
    "welcome": lambda bank: bank.welcome(ACCOUNT),
    "donate": lambda bank: bank.leave("bruno", disposal=Donate(ACCOUNT)),
    "debt": lambda bank: bank.leave("anna", disposal=WriteOff(ACCOUNT)),
    "fee": lambda bank: bank.adopt(Statute(version="f", fee=Fee(fund=ACCOUNT, fixed="0:01"))),
    "dues": lambda bank: bank.adopt(Statute(version="d", dues=[Dues(hours=1, fund=ACCOUNT)])),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_nothing_but_the_protocol_moves_it(bank: TimeBank, name: str) -> None:
    """Whatever else asks for it is refused, and nothing is written."""
    bank.adopt(Statute(version="w", welcome=Welcome(hours=1, fund="fund", kinds=["clearing"])))
    bank.transfer(earner="bruno", spender="anna", hours=1)
    agreed(bank)
    with nothing_written(bank), pytest.raises((AccountNotOpen, InvalidRequest)):
        BY_HAND[name](bank)


def test_a_merge_of_it_is_refused(bank: TimeBank) -> None:
    """Two clearing accounts are of one kind, and of two banks."""
    agreed(bank)
    bank.open_account("c2", kind="clearing")
    for one, other in ((ACCOUNT, "c2"), ("c2", ACCOUNT)):
        with nothing_written(bank), pytest.raises((AccountNotOpen, InvalidRequest)):
            bank.merge(one, into=other, reason="so")


def test_dues_of_clearing_accounts_pass_it_by(bank: TimeBank) -> None:
    """Also those of before; and the books can be closed."""
    clock = Clock()
    bank = timebank.open("memory:", **sources(clock))
    bank.open_account("fund", kind="fund")
    bank.open_account("c2", kind="clearing")
    bank.open_account(ACCOUNT, kind="clearing")
    bank.adopt(
        Statute(
            version="v1",
            dues=[Dues(hours=1, fund="fund", kinds=["clearing"], every="month")],
            demurrage=Demurrage(share="1/2", above=0, fund="fund", kinds=["clearing"]),
        )
    )
    clock.now += timedelta(days=40)
    agreed(bank)
    clock.now += timedelta(days=80)
    charges = bank.run_due(through=clock.now.date()).charges
    assert {"c2"} == {one.account for one in charges}
    bank.close_books(through=clock.now.date() - timedelta(days=1), reason="the meeting")
    assert bank.audit().ok


def test_what_is_said_of_it_may_change(bank: TimeBank) -> None:
    """Its name and its day of joining move nothing; who may read it is named as of others."""
    agreed(bank)
    assert "N" == bank.rename(ACCOUNT, "N").name
    assert (
        date(2026, 1, 1)
        == bank.amend_account(ACCOUNT, joined_on=date(2026, 1, 1), reason="so").joined_on
    )
    assert bank.name_delegate(ACCOUNT, "anna").delegate == "anna"
    assert federation.agreement(bank, OTHER).name == "N"
    assert ["anna"] == [one.delegate for one in bank.delegates(ACCOUNT)]


def test_many_agreements_are_apart(bank: TimeBank) -> None:
    """Each has its account; all are listed by it, the ended ones too."""
    for peer in ("c", "a", "b"):
        federation.agree(bank, peer, they_may_owe=1, we_may_owe=1)
    federation.end(bank, "b", reason="so")
    bank.open_account("clearing", kind="clearing")
    assert [("a", "agreed"), ("b", "ended"), ("c", "agreed")] == [
        (one.peer, one.status) for one in federation.agreements(bank)
    ]
    with pytest.raises(NotAgreed):
        federation.agreement(bank, "d")


@given(st.text("abcdefgh", min_size=1, max_size=128), st.text("ab\u00e9", min_size=1, max_size=128))
def test_ids_that_two_banks_share(journal: str, id: str) -> None:
    """They are ids of this library's, as long as all others at most, and each its own."""
    account, shared = account_of(journal), shared_id(journal, id)
    assert len(account) <= 128 >= len(shared)
    assert account == account_of(journal) != account_of(journal + "x")
    assert len({shared, shared_id(journal, id, "void"), shared_id(id, journal, "again")}) == 3


def test_the_accounts_of_journals_with_long_ids(bank: TimeBank) -> None:
    """The id of such an account is a digest of the journal's; all else is as ever."""
    peers = ["j" * 101, "j" * 128]
    for peer in peers:
        federation.agree(bank, peer, they_may_owe=1, we_may_owe=1)
        assert peer == federation.agreement(bank, peer).peer
        federation.make_offer(bank, peer, spender="anna", earner="x", hours="0:30", id=peer[:120])
        with pytest.raises(AccountNotEmpty):
            federation.end(bank, peer, reason="so")
        federation.suspend(bank, peer, reason="so")
    assert 2 == len({one.account for one in federation.agreements(bank)})


# -- properties -------------------------------------------------------------------------


def rules(fee: Any, unit: str | None, payer: Any, floor: int) -> Statute:
    """A statute of some bank."""
    return Statute(
        version="v1",
        fee=None if fee is None else Fee(fund="fund", share=fee, payer=payer),
        granularity=None if unit is None else Granularity(unit=unit, rounding="nearest"),
        limits={"member": Band(floor=floor, beyond="flag")},
    )


STATUTES = st.builds(
    rules,
    st.sampled_from([None, "1/10", "1/7", 1]),
    st.sampled_from([None, "0:15", "1:00"]),
    st.sampled_from(["spender", "earner"]),
    st.sampled_from([-1, -20]),
)


@given(
    statutes=st.tuples(STATUTES, STATUTES),
    crossings=st.lists(
        st.tuples(st.booleans(), st.integers(1, 20_000), st.integers(1, 20_000) | st.none()),
        max_size=5,
    ),
)
def test_what_two_banks_book_is_alike(
    statutes: tuple[Statute, Statute], crossings: list[tuple[bool, int, int | None]]
) -> None:
    """Whatever their rules, in each direction, there and back, to the second; all sums are zero."""
    given = sources()
    banks = timebank.open("memory:", bank="a", **given), None
    a = banks[0]
    b = TimeBank(a.store, bank="b", **given)
    for bank, statute in zip((a, b), statutes, strict=True):
        bank.open_account("anna", floor=None)
        bank.open_account("bruno", floor=None)
        bank.open_account("fund", kind="fund")
        bank.adopt(statute)
    of_b, of_a = account_of(b.head().journal), account_of(a.head().journal)
    for one, other in ((a, b), (b, a)):
        federation.agree(one, other, they_may_owe=20, we_may_owe=20)
    for turned, seconds, back in crossings:
        one, other = (b, a) if turned else (a, b)
        try:
            made = federation.transfer(
                one, other, spender="anna", earner="bruno", hours=Hours.from_seconds(seconds)
            )
            if back is not None and made.earned is not None:
                some = Hours.from_seconds(back)
                federation.reverse(other, one, made.earned.id, hours=some, reason="so")
        except timebank.Rejected:
            continue
    assert a.balance(of_b).posted == -b.balance(of_a).posted
    for bank in (a, b):
        assert bank.balance("anna").held == Hours(0)
        assert sum(line.balance.seconds for line in bank.trial_balance().lines) == 0
        assert bank.audit().ok
    assert federation.resume(a, b) == ()
