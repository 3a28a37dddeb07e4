"""Time cheques: what each judge says, in which order, and what it records."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import timebank
from support import sources
from timebank import (
    AccountNotFound,
    AccountNotOpen,
    Band,
    BooksClosed,
    Fee,
    Granularity,
    Hours,
    IdempotencyMismatch,
    InvalidRequest,
    LimitExceeded,
    NotFound,
    NotPermitted,
    Rejected,
    Roles,
    Statute,
    TimeBank,
    WrongType,
)
from timebank.contrib import cheques
from timebank.contrib.cheques import (
    BookletNotFound,
    BookletTaken,
    ChequeEntered,
    ChequeMistyped,
    ChequeNotFound,
    ChequeVoided,
    Number,
)
from timebank.journal import parse
from timebank.rules.cheques import EnterCheque
from timebank.testing.steps import SteppingStore

#: Of types that are not accepted.
ANY: list[Any] = ["17", 2.0]
URLS = [
    "memory:",
    pytest.param("sqlite:///{}/bank.db", id="sqlite"),
]


@pytest.fixture(params=URLS)
def bank(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """A bank in which Anna has booklet 17, of 24 cheques."""
    made = timebank.open(request.param.format(tmp_path), **sources())
    for id in ("anna", "bruno", "carla"):
        made.open_account(id)
    cheques.issue(made, "anna", booklet=17)
    with made:
        yield made


def last(bank: TimeBank) -> Any:
    """What the last record of a bank says."""
    return parse(list(bank.records())[-1].bytes)


def number(cheque: int) -> str:
    """The number of a cheque of booklet 17, as it is printed."""
    return str(Number(17, cheque))


# -- booklets ----------------------------------------------------------------------------


def test_a_booklet_is_recorded_by_its_number_whose_it_is_and_how_many_cheques(
    bank: TimeBank,
) -> None:
    """Its id is its number, and its effects refer to the record that opened the account."""
    booklet = cheques.issue(bank, "bruno", booklet=21, cheques=8)
    record = last(bank)
    assert {"id": "cheque:21", "account": "bruno", "cheques": 8} == record["request"]
    assert {"account": "bruno", "of": 2} == record["effects"]
    assert (21, "bruno", 8) == (booklet.number, booklet.account, booklet.cheques)
    assert tuple(Number(21, n) for n in range(1, 9)) == booklet.numbers == booklet.out
    assert ((), (), False) == (booklet.entered, booklet.voided, booklet.repeated)


def test_a_booklet_that_is_issued_again_alike_is_the_same_one(bank: TimeBank) -> None:
    """Nothing is recorded, and what became of its cheques is told."""
    cheques.enter(bank, number(1), earner="bruno", hours=1)
    before = bank.head()
    again = cheques.issue(bank, "anna", booklet=17)
    assert (True, (Number(17, 1),)) == (again.repeated, again.entered)
    assert before == bank.head()


@pytest.mark.parametrize(("account", "count"), [("bruno", 24), ("anna", 8)])
def test_the_number_of_a_booklet_is_given_out_once(
    bank: TimeBank, account: str, count: int
) -> None:
    """Who asks for it otherwise is told whose it is, and which number is free."""
    cheques.issue(bank, "bruno", booklet=18)
    cheques.issue(bank, "bruno", booklet=16)
    with pytest.raises(BookletTaken) as refused:
        cheques.issue(bank, account, booklet=17, cheques=count)
    error = refused.value
    assert (17, "anna", 24, 19) == (error.booklet, error.account, error.cheques, error.free)


def test_a_booklet_without_a_number_gets_the_one_after_the_last(bank: TimeBank) -> None:
    """It is that which is free behind the last one that was issued, wherever numbers began."""
    assert 18 == cheques.next_booklet(bank)
    cheques.issue(bank, "anna", booklet=101)
    cheques.issue(bank, "anna", booklet=103)
    cheques.issue(bank, "anna", booklet=102)
    assert [104, 105] == [cheques.issue(bank, "bruno").number for _ in range(2)]
    assert 1 == cheques.next_booklet(timebank.open("memory:"))


def test_a_free_number_is_found_behind_many_that_are_taken(bank: TimeBank) -> None:
    """More than are asked for at a time."""
    with bank.batch() as batch:
        for one in range(200, 420):
            cheques.issue(batch, "anna", booklet=one)
        cheques.issue(batch, "anna", booklet=199)
    assert 420 == cheques.next_booklet(bank)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda bank: cheques.issue(bank, "anna", booklet=0), InvalidRequest),
        (lambda bank: cheques.issue(bank, "anna", booklet=10**9), InvalidRequest),
        (lambda bank: cheques.issue(bank, "anna", booklet=True), WrongType),
        (lambda bank: cheques.issue(bank, "anna", booklet=ANY[0]), WrongType),
        (lambda bank: cheques.issue(bank, "anna", cheques=0), InvalidRequest),
        (lambda bank: cheques.issue(bank, "anna", cheques=100), InvalidRequest),
        (lambda bank: cheques.issue(bank, "anna", cheques=ANY[1]), WrongType),
        (lambda bank: cheques.issue(bank, "nobody"), AccountNotFound),
        (lambda bank: cheques.booklet(bank, 18), BookletNotFound),
        (lambda bank: cheques.booklet(bank, 0), InvalidRequest),
        (lambda bank: cheques.booklets(bank, "nobody"), AccountNotFound),
    ],
)
def test_a_booklet_that_cannot_be_is_refused(
    bank: TimeBank, call: Callable[[TimeBank], object], error: type[Exception]
) -> None:
    """Nothing is recorded."""
    before = bank.head()
    with pytest.raises(error):
        call(bank)
    assert before == bank.head()


@pytest.mark.parametrize("status", ["freeze", "close_account"])
def test_an_account_that_is_not_open_is_given_no_booklet(bank: TimeBank, status: str) -> None:
    """Frozen or closed."""
    getattr(bank, status)("bruno", reason="away")
    with pytest.raises(AccountNotOpen):
        cheques.issue(bank, "bruno")


def test_booklets_are_listed_by_account_and_all_together(bank: TimeBank) -> None:
    """Those of an account as they were issued, all of them by number."""
    cheques.issue(bank, "bruno", booklet=9)
    cheques.issue(bank, "anna", booklet=3)
    assert [17, 3] == [one.number for one in cheques.booklets(bank, "anna")]
    assert [3, 9, 17] == [one.number for one in cheques.booklets(bank)]
    assert () == cheques.booklets(bank, "carla")
    assert cheques.booklet(bank, 9) == cheques.booklets(bank, "bruno")[0]


# -- a cheque that is entered --------------------------------------------------------------


def test_a_cheque_that_is_entered_is_an_exchange_under_its_number(bank: TimeBank) -> None:
    """From whose the booklet is to who earned, with all that describes an exchange."""
    made = cheques.enter(
        bank,
        "cheque: 17 03 33",
        earner="bruno",
        hours="1:30",
        occurred_on=date(2026, 3, 1),
        started_at=time(9),
        ended_at=time(10, 30),
        category="care",
        area="family-help",
        resource="car",
        via="carla",
        note="to the clinic",
        tags=["clinic"],
    )
    assert made == bank.transfer_by_id("cheque:17-03-33")
    assert ("exchange", {"bruno": Hours("1:30")}, {"anna": Hours("1:30")}) == (
        made.kind,
        dict(made.earners),
        dict(made.spenders),
    )
    assert ("care", "family-help", "car", "carla", "to the clinic", ("clinic",)) == (
        made.category,
        made.area,
        made.resource,
        made.via,
        made.note,
        made.tags,
    )
    booklet = cheques.booklet(bank, 17)
    assert ((Number(17, 3),), 23) == (booklet.entered, len(booklet.out))


def test_a_cheque_that_is_entered_again_alike_is_the_same_exchange(bank: TimeBank) -> None:
    """However its number is typed; nothing is recorded."""
    made = cheques.enter(bank, "17-03-33", earner="bruno", hours=1, note="tea")
    before = bank.head()
    again = cheques.enter(bank, "170333", earner="bruno", hours=1, note="tea")
    assert (made, True, before) == (again, again.repeated, bank.head())


@pytest.mark.parametrize(
    "other", [{"hours": 2}, {"earner": "carla"}, {"note": "coffee"}, {"category": "care"}]
)
def test_a_cheque_counts_once(bank: TimeBank, other: dict[str, Any]) -> None:
    """Entered with other values, it is refused: the error says when it was, to whom, how much."""
    cheques.enter(bank, "17-03-33", earner="bruno", hours=1, occurred_on=date(2026, 3, 1))
    said: dict[str, Any] = {"earner": "bruno", "hours": 1, "occurred_on": date(2026, 3, 1)} | other
    with pytest.raises(ChequeEntered) as refused:
        cheques.enter(bank, "17-03-33", **said)
    error = refused.value
    assert ("17-03-33", "bruno", Hours(1)) == (error.number, error.earner, error.hours)
    assert (date(2026, 3, 2), date(2026, 3, 1)) == (error.entered_on, error.occurred_on)
    assert isinstance(error, IdempotencyMismatch)


def test_who_has_the_booklet_does_not_earn_by_it(bank: TimeBank) -> None:
    """As nobody gives to oneself."""
    with pytest.raises(InvalidRequest) as refused:
        cheques.enter(bank, "17-03-33", earner="anna", hours=1)
    assert "cheque_own" == refused.value.key


@pytest.mark.parametrize(
    ("typed", "error"),
    [
        ("17-03-34", ChequeMistyped),
        ("17-30-33", ChequeMistyped),
        ("seventeen", ChequeMistyped),
        (str(Number(18, 1)), BookletNotFound),
        (str(Number(17, 25)), ChequeNotFound),
        (170333, WrongType),
    ],
)
@pytest.mark.parametrize("call", [cheques.void, cheques.enter])
def test_a_number_of_no_cheque_is_refused(
    bank: TimeBank, typed: Any, error: type[Exception], call: Any
) -> None:
    """Mistyped, of a booklet that was never issued, or beyond its last cheque."""
    more = {"earner": "bruno", "hours": 1} if call is cheques.enter else {}
    with pytest.raises(error):
        call(bank, typed, **more)
    assert (4, Hours(0)) == (bank.head().sequence, bank.balance("bruno").posted)


def test_what_is_refused_of_an_exchange_is_refused_of_a_cheque(bank: TimeBank) -> None:
    """Its limits, its day, its accounts."""
    bank.set_limits("anna", floor=-2)
    with pytest.raises(LimitExceeded) as refused:
        cheques.enter(bank, number(1), earner="bruno", hours=3)
    assert Hours(2) == refused.value.passes
    with pytest.raises(AccountNotFound):
        cheques.enter(bank, number(1), earner="brun", hours=1)
    with pytest.raises(InvalidRequest):
        cheques.enter(bank, number(1), earner="bruno", hours=1, occurred_on=date(2027, 1, 1))
    bank.close_books(through=date(2026, 2, 1), reason="the year is over")
    with pytest.raises(BooksClosed):
        cheques.enter(bank, number(1), earner="bruno", hours=1, occurred_on=date(2026, 1, 9))


@pytest.mark.parametrize("status", ["freeze", "close_account"])
def test_a_cheque_of_an_account_that_is_not_open_is_refused(bank: TimeBank, status: str) -> None:
    """As an exchange is that it would spend; it may be voided all the same."""
    getattr(bank, status)("anna", reason="away")
    with pytest.raises(AccountNotOpen) as refused:
        cheques.enter(bank, number(1), earner="bruno", hours=1)
    assert ("anna", "spender") == (refused.value.account, refused.value.role)
    assert "lost" == cheques.void(bank, number(1)).code


def test_a_fee_is_taken_of_a_cheque_as_of_an_exchange(bank: TimeBank) -> None:
    """And its hours are rounded as those of one."""
    bank.open_account("common", kind="fund")
    bank.adopt(
        Statute(
            version="with-fee/1",
            limits={"member": Band(floor=-20)},
            granularity=Granularity(unit="0:15", rounding="up"),
            fee=Fee(share="1/10", fund="common", unit="0:01"),
        )
    )
    made = cheques.enter(bank, number(1), earner="bruno", hours="1:50")
    assert Hours(2) == made.hours
    assert Hours("0:12") == bank.balance("common").posted
    assert [True] == [p.hours > Hours(0) for p in made.postings if p.account == "common"]


def test_a_desk_that_knows_nothing_yet_takes_the_fee(tmp_path: Path) -> None:
    """What is not named by the cheque is looked up: its booklet, and the fund of the fee."""
    url = f"sqlite:///{tmp_path / 'bank.db'}"
    with timebank.open(url) as bank:
        bank.open_account("common", kind="fund")
        for id in ("anna", "bruno"):
            bank.open_account(id)
        bank.adopt(Statute(version="with-fee/1", fee=Fee(fixed="0:10", fund="common")))
        cheques.issue(bank, "anna", booklet=17)
    with timebank.open(url) as bank:
        cheques.enter(bank, number(1), earner="bruno", hours=1)
        assert Hours("-1:10") == bank.balance("anna").posted


def test_a_cheque_that_was_reversed_is_not_entered_again(bank: TimeBank) -> None:
    """Its number is used: it is reversed and amended as an exchange is."""
    made = cheques.enter(bank, number(1), earner="bruno", hours=1)
    bank.reverse(made.id, reason="never given")
    bank.amend(made.id, category="care", reason="left out")
    with pytest.raises(ChequeEntered):
        cheques.enter(bank, number(1), earner="bruno", hours=2)
    with pytest.raises(ChequeEntered) as refused:
        cheques.void(bank, number(1))
    assert "void" == refused.value.doing
    assert Hours(0) == bank.balance("anna").posted


def test_no_other_call_takes_the_number_of_a_cheque(bank: TimeBank) -> None:
    """A transfer or hold of such an id is refused."""
    for call in (bank.transfer, bank.hold):
        with pytest.raises(InvalidRequest):
            call(earner="bruno", spender="anna", hours=1, id=Number(17, 1).id)
    with pytest.raises(InvalidRequest):
        bank.reverse("t1", reason="why", id=Number(17, 1).id)


def test_booklets_and_voided_cheques_are_no_exchanges(bank: TimeBank) -> None:
    """Whoever asks for one by its id is told that there is none."""
    cheques.void(bank, number(1))
    for id in ("cheque:17", Number(17, 1).id):
        for call in (bank.transfer_by_id, bank.hold_by_id, bank.settle, bank.void):
            with pytest.raises(NotFound):
                call(id)
        with pytest.raises(NotFound):
            bank.reverse(id, reason="why")
    assert [] == list(bank.transfers())


def test_the_judge_itself_lets_nobody_else_spend_by_a_cheque(bank: TimeBank) -> None:
    """Whatever was looked up before the lock."""
    command = EnterCheque.by_number(Number(17, 1), earner="bruno", spender="carla", hours=1)
    with pytest.raises(InvalidRequest) as refused:
        bank._execute(command)
    assert "cheque_of_another" == refused.value.key


# -- a cheque that is voided ---------------------------------------------------------------


def test_a_voided_cheque_is_entered_no_more(bank: TimeBank) -> None:
    """The error says when it was voided, and why; voided alike, nothing is recorded."""
    void = cheques.void(bank, number(5), code="stolen", reason="on the tram")
    assert {"of": 4} == last(bank)["effects"]
    before = bank.head()
    assert cheques.void(bank, number(5), code="stolen", reason="on the tram").repeated
    for call in (
        lambda: cheques.enter(bank, number(5), earner="bruno", hours=1),
        lambda: cheques.void(bank, number(5), code="lost"),
    ):
        with pytest.raises(ChequeVoided) as refused:
            call()
        assert (date(2026, 3, 2), "stolen") == (refused.value.voided_on, refused.value.why)
    assert isinstance(refused.value, Rejected)
    assert before == bank.head()
    booklet = cheques.booklet(bank, 17)
    assert ((void,), (Number(17, 5),), 23) == (booklet.voids, booklet.voided, len(booklet.out))
    assert "on the tram" == booklet.voids[0].reason
    assert ("cheque:17", "cheque:17-05-27") == (booklet.id, void.id)


# -- accounts that become one --------------------------------------------------------------


def test_cheques_of_an_account_that_was_merged_are_spent_by_what_it_became(bank: TimeBank) -> None:
    """The booklet is then that account's; what was entered before is entered alike as it was."""
    made = cheques.enter(bank, number(1), earner="bruno", hours=1)
    bank.merge("anna", into="carla", reason="twice")
    assert made.id == cheques.enter(bank, number(1), earner="bruno", hours=1).id
    assert "carla" == next(iter(cheques.enter(bank, number(2), earner="bruno", hours=1).spenders))
    assert "carla" == cheques.booklet(bank, 17).account
    assert [17] == [one.number for one in cheques.booklets(bank, "carla")]
    assert cheques.issue(bank, "anna", booklet=17).repeated
    with pytest.raises(AccountNotOpen):
        cheques.issue(bank, "anna", booklet=18)
    with pytest.raises(InvalidRequest):
        cheques.enter(bank, number(3), earner="carla", hours=1)


def test_an_account_that_is_merged_while_its_cheque_is_entered(
    bank: TimeBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whose the booklet is, is looked up once more."""
    found = cheques.booking._spender
    answers = iter(["anna"])

    def merged(*given: Any) -> str:
        was = next(answers, None)
        if was is None:
            return found(*given)
        bank.merge("anna", into="carla", reason="twice")
        return was

    monkeypatch.setattr(cheques.booking, "_spender", merged)
    made = cheques.enter(bank, number(1), earner="bruno", hours=1)
    assert ["carla"] == list(made.spenders)


# -- where it is called --------------------------------------------------------------------


def test_a_pile_is_previewed_and_entered_in_one_commit(bank: TimeBank) -> None:
    """On a preview nothing is kept, in a batch all of it."""
    before = bank.head()
    with bank.preview() as preview:
        for one in (1, 2):
            cheques.enter(preview, number(one), earner="bruno", hours=one)
        cheques.void(preview, number(3))
        assert 21 == len(cheques.booklet(preview, 17).out)
        with pytest.raises(ChequeVoided):
            cheques.enter(preview, number(3), earner="bruno", hours=1)
        assert 18 == cheques.issue(preview, "bruno").number
    assert before == bank.head()
    with bank.batch() as batch:
        for one in (1, 2):
            cheques.enter(batch, number(one), earner="bruno", hours=one)
        with pytest.raises(ChequeEntered):
            cheques.enter(batch, number(1), earner="bruno", hours=9)
    assert Hours(3) == bank.balance("bruno").posted


def test_a_longer_journal_costs_nothing_more() -> None:
    """Of a booklet, of those of an account, of a cheque: the same questions are asked."""
    store = timebank.open("memory:").store
    asked: list[str] = []
    bank = TimeBank(SteppingStore(store, asked.append), **sources())
    for id in ("anna", "bruno"):
        bank.open_account(id)
    cheques.issue(bank, "anna", booklet=17)
    cheques.issue(bank, "bruno", booklet=18)
    told = []
    for first, count in ((1, 10), (3, 100)):
        with bank.batch() as batch:
            for turn in range(count):
                batch.rename("bruno", f"Bruno {turn}")
        calls: list[Callable[[], object]] = [
            lambda: cheques.booklets(bank, "bruno"),
            lambda: cheques.booklet(bank, 18),
            partial(cheques.enter, bank, Number(17, first), earner="bruno", hours=1),
            partial(cheques.void, bank, Number(17, first + 1)),
        ]
        for call in calls:
            asked.clear()
            call()
            told.append(list(asked))
    assert told[:4] == told[4:]


# -- permissions ---------------------------------------------------------------------------


@pytest.fixture
def handles() -> dict[str, TimeBank]:
    """A bank with roles, as each of those who act in it sees it; Anna has booklet 17."""
    roles = Roles({"carla": "coordinator", "tina": "treasurer", "aldo": "auditor"})
    bank = timebank.open("memory:", permissions=roles, **sources())
    handles = {
        one: bank.acting_as(one) for one in ("anna", "bruno", "carla", "tina", "aldo", "luca")
    }
    for id in ("anna", "bruno"):
        handles["carla"].open_account(id)
    handles["anna"].name_delegate("anna", "luca")
    cheques.issue(handles["carla"], "anna", booklet=17)
    return handles


@pytest.mark.parametrize("who", ["carla", "tina"])
def test_a_coordinator_and_a_treasurer_issue_enter_and_void(
    handles: dict[str, TimeBank], who: str
) -> None:
    """And see all booklets."""
    bank = handles[who]
    assert 18 == cheques.issue(bank, "bruno").number
    assert cheques.enter(bank, number(1), earner="bruno", hours=1).actor == who
    assert cheques.void(bank, number(2)).actor == who
    assert 2 == len(cheques.booklets(bank))
    with pytest.raises(ChequeVoided):
        cheques.enter(bank, number(2), earner="bruno", hours=1)
    with pytest.raises(ChequeEntered):
        cheques.void(bank, number(1))


@pytest.mark.parametrize("who", ["anna", "luca"])
def test_whose_the_booklet_is_may_void_and_see_it_and_so_may_a_delegate(
    handles: dict[str, TimeBank], who: str
) -> None:
    """They enter and issue nothing, and see nobody else's."""
    bank = handles[who]
    cheques.enter(handles["carla"], number(1), earner="bruno", hours=1)
    assert "lost" == cheques.void(bank, number(2), reason="at the market").code
    assert 22 == len(cheques.booklet(bank, 17).out)
    assert [17] == [one.number for one in cheques.booklets(bank, "anna")]
    with pytest.raises(ChequeEntered):
        cheques.void(bank, number(1))
    with pytest.raises(ChequeVoided):
        cheques.void(bank, number(2), code="stolen")
    for call in (
        lambda: cheques.enter(bank, number(3), earner="bruno", hours=1),
        lambda: cheques.issue(bank, "anna"),
        lambda: cheques.booklets(bank),
        lambda: cheques.booklets(bank, "bruno"),
        lambda: cheques.next_booklet(bank),
    ):
        with pytest.raises(NotPermitted):
            call()


@pytest.mark.parametrize("who", ["bruno", "aldo", "nobody"])
def test_others_void_nothing_and_are_not_told_whose_a_booklet_is(
    handles: dict[str, TimeBank], who: str
) -> None:
    """Nor whether there is one: each refusal is the same."""
    bank = handles["carla"].acting_as(who)
    for call in (
        lambda n: cheques.void(bank, n),
        lambda n: cheques.enter(bank, n, earner="bruno", hours=1),
    ):
        told = []
        for typed in (number(1), number(30), str(Number(99, 1))):
            with pytest.raises(NotPermitted) as refused:
                call(typed)
            told.append((refused.value.accounts, str(refused.value)))
        assert "anna" not in str(told)
        assert 1 == len(set(told))


def test_who_may_not_see_a_booklet_is_not_told_whose_it_is(handles: dict[str, TimeBank]) -> None:
    """Neither of one that there is nor of one that there is not."""
    for one in (17, 99):
        with pytest.raises(NotPermitted) as refused:
            cheques.booklet(handles["bruno"], one)
        assert () == refused.value.accounts
    assert 17 == cheques.booklet(handles["aldo"], 17).number
    with pytest.raises(BookletNotFound):
        cheques.booklet(handles["aldo"], 99)


# -- numbers -------------------------------------------------------------------------------

NUMBERS = st.builds(Number, st.integers(1, 999_999_999), st.integers(1, 99))


@given(NUMBERS, st.sampled_from(["", "-", " ", ".", "/", " - ", "\u2013", "\u00a0"]))
def test_a_number_is_read_as_it_is_written(number: Number, between: str) -> None:
    """With blanks, dots, dashes or nothing between its parts, and with `cheque:` before it."""
    typed = str(number).replace("-", between)
    assert number == Number.parse(typed) == Number.parse(f" cheque:{typed} ")
    assert number == Number.parse(f"Cheque: {typed}") == Number.parse(number)
    assert number == Number.of_id(number.id)
    by_digit = between.join(str(number).replace("-", ""))
    assert number == Number.parse(by_digit)


@given(NUMBERS)
def test_a_zero_may_be_left_out_where_the_parts_are_told_apart(number: Number) -> None:
    """As who types a number by heart does."""
    parts = str(number).split("-")
    typed = f"{parts[0]}-{int(parts[1])}-{int(parts[2])}"
    assert number == Number.parse(typed)


@given(NUMBERS, st.data())
def test_a_mistyped_digit_is_found(number: Number, data: st.DataObject) -> None:
    """Any one digit that is another."""
    digits = str(number).replace("-", "")
    place = data.draw(st.integers(0, len(digits) - 1))
    other = data.draw(st.sampled_from(sorted(set("0123456789") - {digits[place]})))
    with pytest.raises(ChequeMistyped):
        Number.parse(f"{digits[:place]}{other}{digits[place + 1 :]}")


@given(NUMBERS, st.data())
def test_two_neighbours_that_are_swapped_are_found(number: Number, data: st.DataObject) -> None:
    """Wherever they are, unless they are alike."""
    digits = str(number).replace("-", "")
    place = data.draw(st.integers(0, len(digits) - 2))
    swapped = digits[:place] + digits[place + 1] + digits[place] + digits[place + 2 :]
    if swapped != digits:
        with pytest.raises(ChequeMistyped):
            Number.parse(swapped)


@given(st.text(max_size=20))
def test_any_text_is_a_number_or_is_said_to_be_none(text: str) -> None:
    """And never another error."""
    try:
        number = Number.parse(text)
    except ChequeMistyped:
        return
    assert number == Number.parse(str(number))


@pytest.mark.parametrize("typed", ["", "1" * 5000, "0017-03-33", "17-00-39", "17-03", "1-7-0-3"])
def test_what_is_no_number_is_said_to_be_none(typed: str) -> None:
    """Too short, too long, with a zero before it, or with no cheque."""
    with pytest.raises(ChequeMistyped) as refused:
        Number.parse(typed)
    assert "form" == refused.value.reason


@pytest.mark.parametrize("id", ["cheque:17", "cheque:17-03-34", "cheque:17-3-33", "visit-81"])
def test_other_ids_are_of_no_cheque(id: str) -> None:
    """Of a booklet, of a number that cannot be, of another operation."""
    assert Number.of_id(id) is None


def test_numbers_are_not_made_of_what_cannot_be() -> None:
    """A booklet from 1, a cheque from 1 to 99."""
    for booklet, cheque in ((0, 1), (10**9, 1), (1, 0), (1, 100)):
        with pytest.raises(InvalidRequest):
            Number(booklet, cheque)
    with pytest.raises(WrongType):
        Number("17", 3)  # type: ignore[arg-type]  # on purpose
    assert issubclass(BookletNotFound, NotFound)
