"""Offers to and by another bank: what each judge says, in which order, and what it records."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, time, timedelta
from typing import Any

import attrs
import pytest

import timebank
from support import Clock, sources
from timebank import (
    AccountNotEmpty,
    AccountNotFound,
    AccountNotOpen,
    AlreadyResolved,
    Band,
    BooksClosed,
    ExchangeTooLarge,
    Fee,
    Granularity,
    HoldNotFound,
    HoldsOpen,
    Hours,
    IdempotencyMismatch,
    InvalidHours,
    InvalidRequest,
    LargestExchange,
    LimitExceeded,
    NotAgreed,
    OfferUnanswered,
    OverReversed,
    RecordedTooLate,
    RecordWithin,
    Statute,
    TimeBank,
    Transfer,
    TransferNotFound,
    WrongType,
    federation,
)
from timebank.federation import booking
from timebank.federation.one_store import offer_record
from timebank.journal import parse
from timebank.journal.offers import Signed, answer_body, cancel_body, digest_of, offer_body
from timebank.model import instant
from timebank.model.agreements import SeenHead, account_of, shared_id
from timebank.rules.bookings import AcceptOffer, AcceptReversal
from timebank.rules.conclusions import BringIn, SettleOffer, VoidOffer, WriteOff
from timebank.rules.offers import MakeOffer
from timebank.rules.refusals import Refuse
from timebank.rules.state import Command

DAY = timedelta(days=1)


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
    with nothing_written(two.a, two.b), pytest.raises(AccountNotOpen, match="of an agreement"):
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


def test_what_is_booked_is_the_offer_to_the_second(two: Two) -> None:
    """The other bank rounds nothing, whatever its unit; its fee is its own member's."""
    two.b.adopt(
        Statute(
            version="v1",
            granularity=Granularity(unit="1:00", rounding="refuse"),
            fee=Fee(fund="fund", share="1/10", payer="spender"),
        )
    )
    two.a.adopt(Statute(version="v1", fee=Fee(fund="fund", fixed="0:10", payer="earner")))
    made = two.cross(hours="1:40:10")
    assert ("1:40:10", "-1:40:10") == two.mirrors
    assert (Hours("-1:50:10"), Hours("0:10")) == (
        two.a.balance("anna").posted,
        two.a.balance("fund").posted,
    )
    assert (Hours("1:30:09"), Hours("0:10:01")) == (
        two.b.balance("bruno").posted,
        two.b.balance("fund").posted,
    )
    assert made.earned is not None
    assert made.earned.id == shared_id(two.a.head().journal, "x")


def test_the_first_bank_rounds_as_its_statute_says(two: Two) -> None:
    """What it offers is what it reserves."""
    two.a.adopt(Statute(version="v1", granularity=Granularity(unit="0:15", rounding="up")))
    two.cross(hours="1:01")
    assert ("1:15", "-1:15") == two.mirrors


def test_a_gift_is_no_exchange(two: Two) -> None:
    """Neither statute's rules for exchanges are for it."""
    for bank in (two.a, two.b):
        bank.adopt(
            Statute(
                version="v1",
                largest_exchange=LargestExchange(hours=1),
                fee=Fee(fund="fund", fixed="0:10"),
            )
        )
    assert "booked" == two.cross(hours=3, kind="gift").status
    assert ("3:00", "-3:00") == two.mirrors
    assert Hours(0) == two.b.balance("fund").posted


def test_what_the_other_bank_refuses(two: Two) -> None:
    """Each refusal is recorded under the id of the exchange, moves nothing, and frees the hours."""
    two.b.freeze("anna")
    two.b.adopt(
        Statute(
            version="v1",
            largest_exchange=LargestExchange(hours=8),
            record_within=RecordWithin(days=10),
        )
    )
    today = two.clock.now.date()
    two.b.close_books(through=today - 20 * DAY, reason="the meeting")
    two.b.set_limits("bruno", ceiling=5)
    asked: dict[str, dict[str, Any]] = {
        "account_not_found": {"earner": "nobody"},
        "account_not_open": {"earner": "anna"},
        "exchange_too_large": {"hours": 9},
        "recorded_too_late": {"occurred_on": today - 12 * DAY},
        "books_closed": {"occurred_on": today - 30 * DAY},
        "ceiling_exceeded": {"hours": 6},
    }
    for code, more in asked.items():
        made = two.cross(id=code, **more)
        assert ("refused", code) == (made.status, made.code)
        assert made.earned is made.spent is None
    assert ("0:00", "0:00") == two.mirrors
    assert Hours(0) == two.a.balance("anna").held == two.a.balance(two.of_b).incoming
    assert [*asked] == [
        parse(one.bytes)["request"]["code"] for one in two.b.records() if one.kind == "refuse"
    ]


@pytest.mark.parametrize(("after", "kind"), [(0, "transfer"), (1, "refuse")])
def test_an_answer_that_comes_too_late_is_a_refusal(two: Two, after: int, kind: str) -> None:
    """By the clock of the bank that answers, to the microsecond."""
    two.offer(answer_in="1h")
    by = instant(effects(two.a)["answer_by"])
    two.clock.now = by + timedelta(minutes=-1, microseconds=after)  # it moves when it is read
    record: dict[str, Any] = dict(booking.book(two.b, two.body()))
    assert (kind, by) == (record["kind"], instant(record["recorded_at"] - after))
    assert record["request"].get("code") in {None, "answered_too_late"}


def test_a_suspension_hinders_what_is_new(two: Two) -> None:
    """On either side; an answer that was given is concluded all the same."""
    two.offer("before")
    two.offer("asked")
    answer = two.answer(two.body("before"))
    federation.suspend(two.a, two.b, reason="so")
    federation.suspend(two.b, two.a, reason="so")
    with nothing_written(two.a), pytest.raises(NotAgreed) as caught:
        two.offer("after")
    assert "suspended" == caught.value.status
    assert "not_agreed" == two.code("asked")
    assert "settle" == booking.conclude(two.a, answer)["kind"]
    assert ("2:00", "-2:00") == two.mirrors


def test_who_never_agreed_answers_nothing(two: Two) -> None:
    """Neither by booking nor by refusing: no record is made for a stranger."""
    other = TimeBank(two.a.store, bank="c", clock=two.clock)
    with nothing_written(two.a, other):
        with pytest.raises(NotAgreed) as caught:
            federation.transfer(two.a, other, spender="anna", earner="x", hours=1)
        assert "none" == caught.value.status
    federation.agree(two.a, other, they_may_owe=9, we_may_owe=9)
    federation.make_offer(two.a, other, spender="anna", earner="x", hours=1, id="stray")
    with nothing_written(other):
        with pytest.raises(NotAgreed):
            booking.book(other, two.body("stray"))
        with pytest.raises(NotAgreed):
            booking.book(other, two.taken_back("stray"))


def test_asking_again_is_answered_alike(two: Two) -> None:
    """The same record, the same body, whatever happened since: accounts closed, terms changed."""
    two.offer("booked")
    two.offer("refused", earner="nobody")
    answers = [two.answer(two.body(id)) for id in ("booked", "refused")]
    federation.agree(two.b, two.a, they_may_owe=1, we_may_owe=1)
    two.b.freeze("bruno")
    two.b.open_account("nobody")
    two.clock.now += timedelta(days=900)
    with nothing_written(two.b):
        again = [two.answer(two.body(id)) for id in ("booked", "refused")]
    assert [digest_of(one["body"]) for one in answers] == [digest_of(one["body"]) for one in again]
    assert answers == again


def test_the_same_id_with_another_content_is_no_offer(two: Two) -> None:
    """It is evidence, and not answered: of what was booked, and of what was refused."""
    for id, earner in (("booked", "bruno"), ("refused", "nobody")):
        two.offer(id, earner=earner)
        signed = two.body(id)
        answer = two.answer(signed)
        other = {"body": {**signed["body"], "seconds": 60}}
        with nothing_written(two.a, two.b):
            with pytest.raises(booking.OtherOffer) as caught:
                booking.book(two.b, other)
            assert id == caught.value.id
            false = {"body": {**answer["body"], "offer": other}}
            with pytest.raises(booking.OtherOffer):
                booking.conclude(two.a, false)


def test_what_is_taken_back_is_never_booked(two: Two) -> None:
    """Where it comes before the offer, the id is used up; where it comes behind, the booking is."""
    two.offer("first")
    two.offer("second")
    assert "cancelled" == two.answer(two.taken_back("first"))["body"]["code"]
    assert "refuse" == booking.book(two.b, two.body("first"))["kind"]
    booked = two.answer(two.body("second"))
    assert booked == two.answer(two.taken_back("second"))
    assert booked["body"]["accepted"]


# -- what ends an offer ----------------------------------------------------------------


def test_an_acceptance_is_booked_whatever_came_between(two: Two) -> None:
    """Frozen accounts, lower limits, closed books, a suspension: nothing hinders."""
    two.a.adopt(Statute(version="v1", fee=Fee(fund="fund", fixed="0:10")))
    two.offer()
    answer = two.answer(two.body())
    two.clock.now += 40 * DAY
    two.a.freeze("anna")
    two.a.freeze("fund")
    two.a.set_limits("anna", floor=0)
    two.a.adopt(Statute(version="v2", limits={"member": Band(floor=0)}, time_zone="Europe/Rome"))
    federation.agree(two.a, two.b, they_may_owe=0, we_may_owe=0)
    federation.suspend(two.a, two.b, reason="so")
    two.a.close_books(through=two.clock.now.date() - DAY, reason="the meeting")
    booking.conclude(two.a, answer)
    assert ("2:00", "-2:00") == two.mirrors
    assert (Hours("-2:10"), Hours("0:10")) == (
        two.a.balance("anna").posted,
        two.a.balance("fund").posted,
    )
    settled = two.a.transfer_by_id(shared_id(two.a.head().journal, "o"))
    assert settled.occurred_on == two.clock.now.date(), "its own day is closed"


def test_what_was_concluded_is_not_concluded_again(two: Two) -> None:
    """Neither an acceptance nor a refusal; both give the record that is there."""
    for id, earner in (("booked", "bruno"), ("refused", "nobody")):
        two.offer(id, earner=earner)
        answer = two.answer(two.body(id))
        first = booking.conclude(two.a, answer)
        with nothing_written(two.a):
            assert first == booking.conclude(two.a, answer)


def test_of_two_answers_the_acceptance_counts(two: Two) -> None:
    """A refusal that comes after it does nothing; an acceptance after a refusal is booked."""
    two.offer()
    accepted = two.answer(two.body())
    refused: dict[str, Any] = dict(accepted["body"]) | {"accepted": False, "code": "cancelled"}
    del refused["occurred_on"]
    booking.conclude(two.a, {"body": refused})
    assert "voided" == two.a.hold_by_id("o").status
    booking.conclude(two.a, accepted)
    assert ("2:00", "-2:00") == two.mirrors
    late = two.a.transfer_by_id(shared_id(two.a.head().journal, "o"))
    assert ["late answer"] == [flag.rule for flag in late.flags]
    with nothing_written(two.a):
        booking.conclude(two.a, {"body": refused})


def test_an_offer_that_is_abandoned(two: Two) -> None:
    """By a board, with a reason, flagged; an acceptance that comes later is booked all the same."""
    two.offer()
    accepted = two.answer(two.body())
    with pytest.raises(InvalidRequest, match="needs a reason"):
        federation.abandon(two.a, "o", reason="")
    with pytest.raises(HoldNotFound):
        federation.abandon(two.a, "nothing", reason="so")
    two.a.hold(earner="bruno", spender="anna", hours=1, id="plain")
    with pytest.raises(HoldNotFound):
        federation.abandon(two.a, "plain", reason="so")
    given_up = federation.abandon(two.a, "o", reason="no answer")
    assert ("voided", "no answer") == (given_up.status, given_up.reason)
    assert [{"rule": "abandoned"}] == effects(two.a)["flags"]
    with nothing_written(two.a):
        federation.abandon(two.a, "o", reason="no answer")
    with nothing_written(two.a), pytest.raises(IdempotencyMismatch):
        federation.abandon(two.a, "o", reason="another")
    two.a.set_limits("anna", floor=0)
    two.a.freeze("anna")
    booking.conclude(two.a, accepted)
    assert ("2:00", "-2:00") == two.mirrors
    with nothing_written(two.a), pytest.raises(IdempotencyMismatch):
        federation.abandon(two.a, "o", reason="too late")


def test_what_was_booked_is_not_abandoned(two: Two) -> None:
    """It has ended already."""
    assert "x" == two.cross().id
    with nothing_written(two.a), pytest.raises(AlreadyResolved) as caught:
        federation.abandon(two.a, "x", reason="so")
    assert "settled" == caught.value.status


def test_a_late_acceptance_waits_for_an_account_that_is_closed(two: Two) -> None:
    """It is to be opened again; of who was merged it is the account that is left."""
    two.offer()
    accepted = two.answer(two.body())
    federation.abandon(two.a, "o", reason="so")
    two.a.close_account("anna")
    with nothing_written(two.a), pytest.raises(AccountNotOpen):
        booking.conclude(two.a, accepted)
    two.a.reopen("anna")
    two.a.merge("anna", into="bruno", reason="twice")
    booking.conclude(two.a, accepted)
    assert Hours(-2) == two.a.balance("bruno").posted


def test_a_late_acceptance_waits_for_an_agreement(two: Two) -> None:
    """Where the two had ended it, they agree anew."""
    two.offer()
    accepted = two.answer(two.body())
    federation.abandon(two.a, "o", reason="so")
    federation.end(two.a, two.b, reason="so")
    with nothing_written(two.a), pytest.raises(NotAgreed) as caught:
        booking.conclude(two.a, accepted)
    assert "ended" == caught.value.status
    federation.agree(two.a, two.b, they_may_owe=20, we_may_owe=20)
    booking.conclude(two.a, accepted)
    assert ("2:00", "-2:00") == two.mirrors


def test_an_answer_to_what_is_not_there(two: Two) -> None:
    """No offer of that id, or a hold that was offered to nobody."""
    two.offer()
    answer = two.answer(two.body())
    two.a.hold(earner="bruno", spender="anna", hours=2, id="plain")
    for id in ("nothing", "plain"):
        offer = {**two.body()["body"], "id": id}
        signed = {"body": {**answer["body"], "offer": {"body": offer}}}
        with nothing_written(two.a):
            with pytest.raises(booking.OfferForgotten):
                booking.conclude(two.a, signed)
            commands: list[Command[Any, Any]] = [SettleOffer.by(signed), VoidOffer.by(signed)]
            for command in commands:
                with pytest.raises(HoldNotFound):
                    two.a._execute(command)


def test_nothing_is_brought_in_that_waits_for_its_answer(two: Two) -> None:
    """An offer that is there is concluded; it would be booked beside its own hours."""
    two.offer()
    answer = two.answer(two.body())
    with nothing_written(two.a), pytest.raises(OfferUnanswered):
        two.a._execute(BringIn.spent(answer, spender="anna"))
    with pytest.raises(InvalidRequest, match="cannot give and take"):
        BringIn.spent(answer, spender={"anna": 1, two.of_b: 1})
    with pytest.raises(InvalidRequest, match="cannot give and take"):
        BringIn.earned(answer, earner=two.of_a)


def test_an_offer_is_ended_by_nothing_else(two: Two) -> None:
    """Not by hand, not by leaving, merging, closing, ending, or a clock that is set back."""
    two.offer()
    calls: dict[type[Exception], list[Callable[[], object]]] = {
        OfferUnanswered: [
            lambda: two.a.settle("o"),
            lambda: two.a.settle("o", hours=1),
            lambda: two.a.void("o"),
            lambda: two.a.leave("anna", disposal=timebank.WriteOff("fund")),
        ],
        HoldsOpen: [lambda: two.a.merge("anna", into="bruno", reason="twice")],
        AccountNotEmpty: [
            lambda: two.a.close_account("anna"),
            lambda: federation.end(two.a, two.b, reason="so"),
        ],
    }
    for kind, those in calls.items():
        for call in those:
            with nothing_written(two.a), pytest.raises(kind):
                call()
    with two.a.batch() as batch, pytest.raises(OfferUnanswered):
        batch.void("o")
    two.clock.now += timedelta(days=400)
    two.a.transfer(earner="bruno", spender="fund", hours=1)
    two.clock.now -= timedelta(days=400)
    two.a.restart_clock(today=two.clock.now.date(), reason="it ran ahead")
    assert "open" == two.a.hold_by_id("o").status
    booking.conclude(two.a, two.answer(two.body()))
    assert ("2:00", "-2:00") == two.mirrors


# -- moving back -----------------------------------------------------------------------


def moved_back(two: Two, of: federation.Crossing, **more: Any) -> federation.Crossing:
    """The second bank gives back of what it had booked."""
    assert of.earned is not None
    return federation.reverse(two.b, two.a, of.earned.id, **({"reason": "so"} | more))


def test_what_is_moved_back_passes_every_limit(two: Two) -> None:
    """Floors, ceilings, frozen accounts, a suspension; never more than is left, on either side."""
    two.a.adopt(Statute(version="v1", fee=Fee(fund="fund", share="1/2")))
    made = two.cross()
    for bank, id in ((two.a, "anna"), (two.b, "bruno")):
        bank.set_limits(id, floor=0, ceiling=0)
        bank.freeze(id)
    for one, other in ((two.a, two.b), (two.b, two.a)):
        federation.agree(one, other, they_may_owe=0, we_may_owe=0)
        federation.suspend(one, other, reason="so")
    assert "booked" == moved_back(two, made, hours="0:30", id="r1").status
    assert ("1:30", "-1:30") == two.mirrors
    assert (Hours("-2:15"), Hours("0:45")) == (
        two.a.balance("anna").posted,
        two.a.balance("fund").posted,
    ), "the fee goes back in proportion"
    assert made.earned is not None
    with nothing_written(two.a, two.b), pytest.raises(OverReversed) as caught:
        moved_back(two, made, hours="1:30:01")
    assert (Hours("1:30"), Hours("1:30:01")) == (caught.value.headroom, caught.value.needed)
    assert "booked" == moved_back(two, made, id="r2").status
    assert ("0:00", "0:00") == two.mirrors
    assert Hours(0) == two.a.balance("anna").posted == two.b.balance("bruno").posted
    with nothing_written(two.a, two.b), pytest.raises(OverReversed):
        moved_back(two, made)
    with nothing_written(two.a, two.b):
        assert moved_back(two, made, id="r2").status == "booked", "the same call does nothing"


def test_what_is_under_way_back_is_not_offered_twice(two: Two) -> None:
    """Offers that wait count; those that were refused or given up do not."""
    made = two.cross()
    assert made.earned is not None
    back = federation.make_reversal(two.b, made.earned.id, reason="so", hours="1:30", id="r1")
    assert Hours("1:30") == two.b.balance("bruno").held
    with pytest.raises(OverReversed):
        federation.make_reversal(two.b, made.earned.id, reason="so", hours=1)
    federation.abandon(two.b, back.id, reason="so")
    federation.make_reversal(two.b, made.earned.id, reason="so", id="r2")
    assert Hours(2) == two.b.balance("bruno").held
    assert 2 == len(federation.resume(two.a, two.b)) + 1
    assert ("0:00", "0:00") == two.mirrors


def test_of_who_gives_back_first_the_other_bank_says_no(two: Two) -> None:
    """An acceptance that came late moved hours that the first bank had thought free again."""
    made = two.cross()
    assert made.earned is not None
    federation.make_reversal(two.b, made.earned.id, reason="so", hours=2, id="r1")
    accepted = {"body": answer_body(booking.book(two.a, two.body("r1", two.b)))}
    federation.abandon(two.b, "r1", reason="so")
    again = moved_back(two, made, hours=1, id="r2")
    assert ("refused", "over_reversed") == (again.status, again.code)
    booking.conclude(two.b, accepted)
    assert ("0:00", "0:00") == two.mirrors


def test_what_cannot_be_moved_back(two: Two) -> None:
    """No reason, no hours, nothing of this bank's, what it spent itself; nobody else's hours."""
    made = two.cross()
    assert made.earned is not None
    assert made.spent is not None
    two.b.transfer(earner="anna", spender="bruno", hours=1, id="own")
    refused: list[tuple[type[Exception], Callable[[], object]]] = [
        (InvalidRequest, lambda: moved_back(two, made, reason="")),
        (InvalidHours, lambda: moved_back(two, made, hours=0)),
        (InvalidRequest, lambda: moved_back(two, made, id="peer:x")),
        (TransferNotFound, lambda: federation.make_reversal(two.b, "own", reason="so")),
        (TransferNotFound, lambda: federation.make_reversal(two.b, "nothing", reason="so")),
        (TransferNotFound, lambda: federation.make_reversal(two.a, made.spent.id, reason="so")),  # type: ignore[union-attr]  # it is there
        (AccountNotOpen, lambda: two.a.reverse(made.spent.id, reason="by hand")),  # type: ignore[union-attr]  # as above
        (AccountNotOpen, lambda: two.b.reverse(made.earned.id, reason="by hand")),  # type: ignore[union-attr]  # as above
    ]
    for kind, call in refused:
        with nothing_written(two.a, two.b), pytest.raises(kind):
            call()
    account_of_a = {"peer": two.a.head().journal, "answer_in": "1d", "id": "r", "hours": 1}
    for named, spender in (("x", "anna"), ("nothing", "bruno")):
        command = MakeOffer.to(**account_of_a, reverses=named, spender=spender)
        with nothing_written(two.b), pytest.raises(TransferNotFound):
            two.b._execute(command)


def test_what_the_other_bank_did_not_book_is_not_moved_back_there(two: Two) -> None:
    """An offer back that names an exchange of nobody, or of another bank, is refused."""
    made = two.cross()
    assert made.earned is not None
    federation.make_reversal(two.b, made.earned.id, reason="so", id="r")
    signed = two.body("r", two.b)
    for named in ("nothing", "x"):
        body = {**signed["body"], "id": f"of {named}", "reverses": named}
        record: dict[str, Any] = dict(booking.book(two.a, {"body": body}))
        expected = "refuse" if named == "nothing" else "reverse"
        assert expected == record["kind"]
    late = {**signed["body"], "id": "late", "answer_by": 0}
    record = dict(booking.book(two.a, {"body": late}))
    assert "answered_too_late" == record["request"]["code"]


def test_who_was_merged_gives_back_by_who_they_became(two: Two) -> None:
    """On both sides."""
    made = two.cross()
    two.a.merge("anna", into="bruno", reason="twice")
    two.b.open_account("vera")
    two.b.merge("bruno", into="vera", reason="twice")
    assert "booked" == moved_back(two, made).status
    assert Hours(0) == two.a.balance("bruno").posted == two.b.balance("vera").posted


def test_nothing_goes_back_once_the_agreement_is_ended(two: Two) -> None:
    """Both owe nothing then: what should go back is agreed on first."""
    made = two.cross()
    federation.transfer(two.b, two.a, spender="bruno", earner="anna", hours=2, id="home")
    federation.end(two.b, two.a, reason="so")
    with nothing_written(two.a, two.b), pytest.raises(NotAgreed) as caught:
        moved_back(two, made)
    assert "ended" == caught.value.status


# -- writing off -----------------------------------------------------------------------


def test_what_a_board_writes_off(two: Two) -> None:
    """So much as is owed, in its direction, to an account that is open; the other's books stay."""
    two.cross()

    def off(hours: Any, account: str = "fund", bank: TimeBank = two.b, **more: Any) -> object:
        other = two.a if bank is two.b else two.b
        asked = {"account": account, "hours": hours, "reason": "they closed"} | more
        return federation.write_off(bank, other, **asked)

    refused: list[tuple[type[Exception], Callable[[], object]]] = [
        (InvalidRequest, lambda: off(0)),
        (InvalidRequest, lambda: off(None)),
        (InvalidRequest, lambda: off(1, reason="")),
        (InvalidRequest, lambda: off(1, account=two.of_a)),
        (WrongType, lambda: off(1, account={"fund": 1})),  # type: ignore[arg-type]  # that is the test
        (AccountNotFound, lambda: off(1, account="nobody")),
        (LimitExceeded, lambda: off("2:00:01")),
        (LimitExceeded, lambda: off("-0:01")),
        (NotAgreed, lambda: federation.write_off(
            two.b, "nobody", account="fund", hours=1, reason="so")),
    ]  # fmt: skip
    for kind, call in refused:
        with nothing_written(two.a, two.b), pytest.raises(kind):
            call()
    two.b.freeze("anna")
    with nothing_written(two.b), pytest.raises(AccountNotOpen):
        off(1, account="anna")
    off("0:30", id="w")
    with nothing_written(two.b):
        off("0:30", id="w")
    assert ["written off"] == [flag.rule for flag in two.b.transfer_by_id("w").flags]
    assert ("2:00", "-1:30") == two.mirrors
    off("-2:00", bank=two.a)
    assert ("0:00", "-1:30") == two.mirrors
    federation.end(two.a, two.b, reason="they closed")


# -- in a batch, and in a preview ------------------------------------------------------


def test_offers_in_a_batch_and_in_a_preview(two: Two) -> None:
    """As any other call: all or none, and nothing at all."""
    with nothing_written(two.a), two.a.preview() as preview:
        federation.make_offer(preview, two.b, spender="anna", earner="bruno", hours=1, id="p")
        assert Hours(1) == preview.balance("anna").held
        with pytest.raises(OfferUnanswered):
            preview.void("p")
    with nothing_written(two.a), pytest.raises(ZeroDivisionError), two.a.batch() as batch:
        federation.make_offer(batch, two.b, spender="anna", earner="bruno", hours=1, id="p")
        1 / 0  # noqa: B018  # what a host does wrong
    with two.a.batch() as batch:
        federation.make_offer(batch, two.b, spender="anna", earner="bruno", hours=1, id="p")
        batch.transfer(earner="bruno", spender="anna", hours=1)
        with pytest.raises(NotAgreed):
            federation.make_offer(batch, "nobody", spender="anna", earner="x", hours=1)
    with two.b.batch() as batch:
        booking.book(batch, two.body("p"))
        two_offers: Any = {"body": {**two.body("p")["body"], "id": "q", "earner": "nobody"}}
        assert "refuse" == booking.book(batch, two_offers)["kind"]
    answer = two.answer(two.body("p"))
    with two.a.batch() as batch:
        booking.conclude(batch, answer)
    assert ("1:00", "-1:00") == two.mirrors


# -- what goes along, and what comes back ----------------------------------------------


def test_what_an_exchange_is_for_is_known_on_both_sides(two: Two) -> None:
    """Day, times, category, area, resource, tags: in the offer, so in both books; and the note."""
    described: dict[str, Any] = {
        "occurred_on": two.clock.now.date() - DAY,
        "started_at": time(9, 30),
        "ended_at": time(11, 30),
        "category": "care",
        "area": "north",
        "resource": "car",
        "tags": ["b", "a"],
        "note": "to the clinic",
    }
    made = two.cross(**described)
    for found in (made.spent, made.earned):
        assert found is not None
        expected = described | {"tags": ("a", "b")}
        assert expected == {name: getattr(found, name) for name in described}


def test_what_was_amended_in_one_bank_stays_in_it(two: Two) -> None:
    """The offer was made as it was; each bank says of its own record what it thinks right."""
    two.offer(category="care", note="wrong")
    before = two.body()
    two.a.amend("o", category="garden", note="right", reason="so")
    assert before == two.body()
    booking.conclude(two.a, two.answer(two.body()))
    shared = shared_id(two.a.head().journal, "o")
    two.b.amend(shared, area="south", reason="so")
    assert ("garden", "right", None) == _described(two.a.transfer_by_id(shared))
    assert ("care", None, "south") == _described(two.b.transfer_by_id(shared))


def _described(transfer: Transfer) -> tuple[str | None, str | None, str | None]:
    return transfer.category, transfer.note, transfer.area


def test_a_refusal_is_not_amended_reversed_or_settled(two: Two) -> None:
    """It uses up an id, and moved nothing; the same call gives the same refusal."""
    two.offer(earner="nobody")
    record: Any = booking.book(two.b, two.body())
    id = record["request"]["id"]
    calls: list[tuple[type[Exception], Callable[[], object]]] = [
        (InvalidRequest, lambda: two.b.amend(id, category="care", reason="so")),
        (TransferNotFound, lambda: two.b.reverse(id, reason="so")),
        (TransferNotFound, lambda: two.b.transfer_by_id(id)),
        (HoldNotFound, lambda: two.b.settle(id)),
        (HoldNotFound, lambda: two.b.void(id)),
    ]
    for kind, call in calls:
        with nothing_written(two.b), pytest.raises(kind):
            call()
    with nothing_written(two.b):
        again = two.b._execute(Refuse.of(two.body(), code="account_not_found"))
    assert (id, "account_not_found", True) == (again.id, again.code, again.repeated)
    with pytest.raises(IdempotencyMismatch) as caught:
        two.b._execute(Refuse.of(two.body(), code="another"))
    assert again == caught.value.original


def test_the_head_that_came_along_is_remembered(two: Two) -> None:
    """By whatever moved hours last, and told in what is sent then."""
    heads = [SeenHead(size=n, root=f"{n:02}" * 32) for n in (1, 2, 3, 4)]
    looks: list[booking.Look] = [lambda _, head=head: head for head in heads]  # type: ignore[misc]  # of its own

    def seen(bank: TimeBank, other: TimeBank) -> SeenHead | None:
        return federation.agreement(bank, other).seen

    two.offer("x")
    booked = booking.book(two.b, two.body("x"), look=looks[0])
    booking.conclude(two.a, {"body": answer_body(booked)}, look=looks[1])
    assert heads[:2] == [seen(two.b, two.a), seen(two.a, two.b)]
    two.offer("refused", earner="nobody")
    assert heads[1].to_json()[:2] == two.body("refused")["body"]["seen"][:2]
    refused: Any = booking.book(two.b, two.body("refused"), look=looks[2])
    assert heads[2].to_json() == refused["effects"]["seen"]
    assert heads[0] == seen(two.b, two.a), "a refusal moves nothing"
    booking.conclude(two.a, {"body": answer_body(refused)}, look=looks[3])
    back = federation.make_reversal(two.b, booked["request"]["id"], reason="so", id="r").id
    booking.conclude(
        two.b,
        {"body": answer_body(booking.book(two.a, two.body(back, two.b), look=looks[3]))},
        look=looks[2],
    )
    assert [heads[2], heads[3]] == [seen(two.b, two.a), seen(two.a, two.b)]


def test_a_soft_limit_flags_an_offer(two: Two) -> None:
    """As any other hold."""
    two.a.adopt(
        Statute(version="v1", limits={"member": [Band(floor=-1, beyond="flag"), Band(floor=-9)]})
    )
    two.offer()
    assert ["floor"] == [flag.rule for flag in two.a.hold_by_id("o").flags]


def test_what_the_earners_bank_has_forgotten(two: Two) -> None:
    """It books again, unchecked and flagged, what it had accepted; also where it refused since."""
    for id in ("lost", "refused since"):
        two.offer(id)
        with two.b.preview() as preview:  # the answer of a journal that lost its end
            accepted = {"body": answer_body(booking.book(preview, two.body(id)))}
        two.b.freeze("bruno")
        again = id != "lost"
        if again:
            two.answer(two.taken_back(id))
        made = two.b._execute(BringIn.earned(accepted, earner="bruno", again=again))
        assert (["forgotten"], shared_id(two.a.head().journal, id) == made.id) == (
            [flag.rule for flag in made.flags],
            not again,
        )
        assert "settle" == booking.conclude(two.a, accepted)["kind"]
        two.b.thaw("bruno")
    assert ("4:00", "-4:00") == two.mirrors
    found = shared_id(two.a.head().journal, "lost")
    assert "booked" == federation.reverse(two.b, two.a, found, hours=1, reason="so", id="r").status
    assert ("3:00", "-3:00") == two.mirrors
    second = shared_id(two.a.head().journal, "refused since", "again")
    with nothing_written(two.b), pytest.raises(TransferNotFound):
        federation.reverse(two.b, two.a, second, reason="it is exchanged anew instead")


def test_what_the_spenders_bank_has_forgotten(two: Two) -> None:
    """Its offer is in the acceptance; a board says who spends. The id may be used since."""
    for id in ("lost", "used since"):
        with two.a.preview() as preview:
            federation.make_offer(preview, two.b, spender="anna", earner="bruno", hours=2, id=id)
            with preview._reader() as reader:
                signed = {"body": offer_body(offer_record(reader, id))}
        accepted = two.answer(signed)
        if id != "lost":
            two.a.hold(earner="anna", spender="bruno", hours=1, id=id)
        with nothing_written(two.a), pytest.raises(InvalidRequest):
            booking.conclude(two.a, accepted)
        two.a.set_limits("anna", floor=0)
        made = two.a._execute(BringIn.spent(accepted, spender={"anna": "1:30", "bruno": "0:30"}))
        assert ["forgotten"] == [flag.rule for flag in made.flags]
        two.a.set_limits("anna", floor=None)
    assert ("4:00", "-4:00") == two.mirrors


def test_each_call_is_asked_for_by_its_name(two: Two) -> None:
    """What books is an answer, what ends an offer a conclusion; a board's calls have their own."""
    two.offer()
    signed = two.body()
    with two.b.preview() as preview:
        accepted = {"body": answer_body(booking.book(preview, signed))}
    back = {"body": {**signed["body"], "reverses": "x"}}
    refused = {"body": {"offer": signed, "accepted": False}}
    asked: dict[str, Any] = {"spender": "anna", "hours": 1, "id": "n", "answer_in": "1d"}
    off: dict[str, Any] = {"account": "fund", "hours": 1, "id": "n", "reason": "so"}
    named: list[tuple[str, Command[Any, Any]]] = [
        ("offer", MakeOffer.to("p", earner="bruno", **asked)),
        ("reverse", MakeOffer.to("p", reverses="x", **asked)),
        ("write_off", WriteOff.to_account("p", **off)),
        ("answer", AcceptOffer.from_offer(signed, earner="bruno")),
        ("answer", AcceptReversal.from_offer(back, journal="j", reason=None)),
        ("answer", Refuse.of(signed, code="so")),
        ("conclude", SettleOffer.by(accepted)),
        ("conclude", VoidOffer.by(refused)),
        ("abandon", VoidOffer.abandoned("o", journal="j", peer="p", reason="so")),
        ("conclude", BringIn.spent(accepted, spender="anna")),
        ("readmit", BringIn.earned(accepted, earner="bruno")),
    ]
    assert [name for name, _ in named] == [command.action for _, command in named]
