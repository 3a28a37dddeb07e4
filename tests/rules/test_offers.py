"""Offers to and by another bank: what each judge says, in which order, and what it records."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import attrs
import pytest

import timebank
from support import Clock, sources
from timebank import (
    AccountNotFound,
    AccountNotOpen,
    BooksClosed,
    ExchangeTooLarge,
    Fee,
    Granularity,
    Hours,
    InvalidHours,
    InvalidRequest,
    LargestExchange,
    LimitExceeded,
    NotAgreed,
    RecordedTooLate,
    RecordWithin,
    Statute,
    TimeBank,
    WrongType,
    federation,
)
from timebank.federation import booking
from timebank.federation.one_store import offer_record
from timebank.journal import parse
from timebank.journal.offers import Signed, answer_body, cancel_body, offer_body
from timebank.model.agreements import SeenHead, account_of

DAY = timedelta(days=1)
HEAD = SeenHead(size=9, root="ab" * 32, signature="")


@attrs.frozen
class Two:
    """Two banks of one store, which have agreed: `a` spends, `b` earns, unless it is said."""

    a: TimeBank
    b: TimeBank
    clock: Clock

    @property
    def of_b(self) -> str:
        """The account that the first bank has for the second."""
        return account_of(self.b.head().journal)

    @property
    def of_a(self) -> str:
        """The account that the second bank has for the first."""
        return account_of(self.a.head().journal)

    def offer(self, id: str = "o", hours: Any = 2, **more: Any) -> str:
        """Offer hours of anna to bruno; its id."""
        asked = {"spender": "anna", "earner": "bruno", "hours": hours, "id": id} | more
        return federation.make_offer(self.a, self.b, **asked).id

    def cross(self, id: str = "x", hours: Any = 2, **more: Any) -> federation.Crossing:
        """Have hours go from anna to bruno."""
        asked = {"spender": "anna", "earner": "bruno", "hours": hours, "id": id} | more
        return federation.transfer(self.a, self.b, **asked)

    def body(self, id: str = "o", bank: TimeBank | None = None) -> Signed:
        """An offer, as it goes to the other bank."""
        bank = bank or self.a
        with bank.store.reader(bank.name) as reader:
            return {"body": offer_body(offer_record(reader, id))}

    def taken_back(self, id: str = "o") -> Signed:
        """What takes an offer back."""
        with self.a.store.reader("a") as reader:
            return {"body": cancel_body(offer_record(reader, id))}

    def answer(self, signed: Signed, **more: Any) -> Signed:
        """What the second bank answers."""
        return {"body": answer_body(booking.book(self.b, signed, **more))}

    def code(self, id: str = "o", **more: Any) -> str:
        """The word by which the second bank refuses an offer."""
        record: dict[str, Any] = dict(booking.book(self.b, self.body(id), **more))
        assert record["kind"] == "refuse"
        return str(record["request"]["code"])

    @property
    def mirrors(self) -> tuple[str, str]:
        """What each bank says of the other."""
        return str(self.a.balance(self.of_b).posted), str(self.b.balance(self.of_a).posted)


@pytest.fixture
def two() -> Iterator[Two]:
    """Each may owe the other 20 hours; members, a fund; both journals are well at the end."""
    clock = Clock()
    given = sources(clock)
    a = timebank.open("memory:", bank="a", **given)
    b = TimeBank(a.store, bank="b", **given)
    for bank in (a, b):
        for id in ("anna", "bruno"):
            bank.open_account(id)
        bank.open_account("fund", kind="fund")
    federation.agree(a, b, name="B", they_may_owe=20, we_may_owe=20)
    federation.agree(b, a, name="A", they_may_owe=20, we_may_owe=20)
    found = Two(a, b, clock)
    yield found
    for bank in (a, b):
        assert bank.audit().findings == ()
        heads = bank.head()
        bank.rebuild()
        assert bank.audit().ok
        assert heads == bank.head()


@contextmanager
def nothing_written(*banks: TimeBank) -> Iterator[None]:
    """A refusal leaves the journals as they were."""
    before = [bank.head() for bank in banks]
    yield
    assert before == [bank.head() for bank in banks]


def effects(bank: TimeBank, number: int = -1) -> dict[str, Any]:
    """The effects of a record, the last one if none is said."""
    return dict(parse([*bank.records()][number].bytes)["effects"])


# -- offering --------------------------------------------------------------------------


def test_an_offer_is_a_hold_that_has_no_end(two: Two) -> None:
    """It reserves the hours, and waits for its answer until that comes, in whatever year."""
    two.offer()
    hold = two.a.hold_by_id("o")
    assert ("open", None) == (hold.status, hold.expires_at)
    assert Hours(2) == two.a.balance("anna").held == two.a.balance(two.of_b).incoming
    two.clock.now += timedelta(days=4000)
    assert "open" == two.a.hold_by_id("o").status
    assert Hours(2) == two.a.balance("anna").held


def test_what_an_offer_records(two: Two) -> None:
    """Its lines, by when it is to be answered, what each bank may owe."""
    two.offer(answer_in="7d")
    found = effects(two.a)
    assert {"lines", "reserves", "statute", "answer_by", "terms"} == found.keys()
    assert [72000, 72000] == found["terms"]
    record = [*two.a.records()][-1]
    assert 7 * 24 * 3600 * 10**6 == found["answer_by"] - parse(record.bytes)["recorded_at"]


REFUSED_OFFERS: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"hours": 0}, InvalidHours, "more than 0:00"),
    ({"hours": None}, InvalidRequest, "hours are missing"),
    ({"answer_in": "never"}, InvalidRequest, "answer_in"),
    ({"answer_in": timedelta(0)}, InvalidRequest, "more than zero"),
    ({"earner": "a\nb"}, InvalidRequest, "earner"),
    ({"earner": None}, WrongType, "earner"),
    ({"id": "peer:mine"}, InvalidRequest, "are the library's own"),
    ({"kind": "reversal"}, InvalidRequest, "reversal"),
    ({"spender": "nobody"}, AccountNotFound, "nobody"),
    ({"via": "nobody"}, AccountNotFound, "nobody"),
    ({"occurred_on": date(2030, 1, 1)}, InvalidRequest, "in the future"),
    ({"answer_in": timedelta(days=300 * 365)}, InvalidRequest, "285 years"),
    ({"answer_in": timedelta(days=280 * 365)}, InvalidRequest, "2255"),
    ({"hours": 21}, LimitExceeded, "account 'anna' cannot spend 21:00"),
]


@pytest.mark.parametrize(("asked", "error", "told"), REFUSED_OFFERS)
def test_what_is_no_offer(
    two: Two, asked: dict[str, Any], error: type[Exception], told: str
) -> None:
    """It is refused where it is made, and nothing is written on either side."""
    with nothing_written(two.a, two.b), pytest.raises(error, match=told):
        two.cross(**asked)


@pytest.mark.parametrize("name", ["expires_in", "limits", "source"])
def test_an_offer_has_none_of_these(two: Two, name: str) -> None:
    """No end of its own, no unchecked limits, no import."""
    with nothing_written(two.a, two.b), pytest.raises(TypeError, match=name):
        two.offer(**{name: "unchecked"})


def test_the_agreement_is_on_one_side_alone(two: Two) -> None:
    """Who would spend for both, or earn for both, would have one bank book what the other lacks."""
    with nothing_written(two.a, two.b):
        with pytest.raises(InvalidRequest, match="cannot give and take"):
            two.offer(hours=None, spender={"anna": 1, two.of_b: 1})
        with pytest.raises(InvalidRequest, match="sole earner and the sole spender"):
            two.offer(spender=two.of_b)
        with pytest.raises(AccountNotOpen, match="intermediary"):
            two.offer(via=two.of_b)
    assert "invalid_request" == two.cross(earner=two.of_a).code
    assert ("0:00", "0:00") == two.mirrors


def test_the_account_of_a_third_bank_takes_no_part(two: Two) -> None:
    """An offer is between two: what another one owes is not given on."""
    for bank in (two.a, two.b):
        federation.agree(bank, "third", they_may_owe=9, we_may_owe=9)
    with nothing_written(two.a, two.b), pytest.raises(AccountNotOpen, match="is agreed"):
        two.offer(spender=account_of("third"))
    assert "account_not_open" == two.cross(earner=account_of("third")).code
    assert ("0:00", "0:00") == two.mirrors


def test_many_may_spend_at_once(two: Two) -> None:
    """A family offers its hours together; one earner, one sum."""
    made = two.cross(hours=None, spender={"anna": "1:30", "bruno": "0:30"})
    assert ("booked", ("2:00", "-2:00")) == (made.status, two.mirrors)
    assert Hours("-1:30") == two.a.balance("anna").posted


def test_each_limit_of_both_banks_holds(two: Two) -> None:
    """The smaller one in each direction: where it is exceeded, nothing is owed on either side."""
    federation.agree(two.a, two.b, they_may_owe=20, we_may_owe=3)
    with nothing_written(two.a, two.b), pytest.raises(LimitExceeded) as caught:
        two.cross(hours=4)
    assert (two.of_b, Hours(3)) == (caught.value.account, caught.value.available)
    federation.agree(two.a, two.b, they_may_owe=20, we_may_owe=20)
    federation.agree(two.b, two.a, they_may_owe=3, we_may_owe=20)
    assert "floor_exceeded" == two.cross(hours=4).code
    assert "booked" == two.cross(id="y", hours=3).status
    assert "floor_exceeded" == two.cross(id="z", hours="0:00:01").code
    assert ("3:00", "-3:00") == two.mirrors
    assert Hours(0) == two.a.balance("anna").held


def test_offers_reserve_what_may_be_owed(two: Two) -> None:
    """Two offers at once come to no more than one bank may owe."""
    two.offer(hours=15)
    with pytest.raises(LimitExceeded) as caught:
        two.offer(id="p", hours=6, spender="bruno")
    assert (two.of_b, Hours(5)) == (caught.value.account, caught.value.available)


def test_an_order_of_errors(two: Two) -> None:
    """Whatever else is wrong: no agreement, the day, who is missing, who is not open, the rules."""
    two.a.open_account("pot", kind="fund")
    rules = Statute(
        version="v1",
        granularity=Granularity(unit="1:00", rounding="refuse"),
        largest_exchange=LargestExchange(hours=4),
        record_within=RecordWithin(days=10),
        fee=Fee(fund="pot", fixed="0:10"),
    )
    two.a.adopt(rules)
    two.a.close_books(through=two.clock.now.date() - 20 * DAY, reason="the meeting")
    two.a.freeze("anna")
    two.a.freeze("pot")
    federation.suspend(two.a, two.b, reason="so")
    closed = two.clock.now.date() - 30 * DAY
    wrong: dict[str, Any] = {"hours": "4:30", "spender": "nobody", "occurred_on": closed}

    def next_error(kind: type[Exception]) -> None:
        with nothing_written(two.a, two.b), pytest.raises(kind):
            two.offer(**wrong)

    next_error(NotAgreed)
    federation.agree(two.a, two.b, they_may_owe=20, we_may_owe=3)
    next_error(BooksClosed)
    wrong["occurred_on"] = two.clock.now.date() - 15 * DAY
    next_error(AccountNotFound)
    wrong["spender"] = "anna"
    next_error(AccountNotOpen)
    two.a.thaw("anna")
    next_error(AccountNotOpen)
    two.a.thaw("pot")
    next_error(RecordedTooLate)
    wrong["occurred_on"] = None
    next_error(timebank.GranularityRefused)
    wrong["hours"] = 5
    next_error(ExchangeTooLarge)
    wrong["hours"] = 4
    next_error(LimitExceeded)
    wrong["hours"] = 3
    two.offer(**wrong)


# -- booking ---------------------------------------------------------------------------
