"""Real-life exchanges: whatever the shares, both sides agree to the second."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from math import ceil
from typing import Any, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

import timebank
from timebank import (
    AccountNotFound,
    AccountNotOpen,
    Hours,
    IdempotencyMismatch,
    InvalidHours,
    InvalidRequest,
    LimitExceeded,
    TimeBank,
    Transfer,
    UnbalancedTransfer,
    WrongType,
    patterns,
)
from timebank.patterns import (
    circle,
    delivery_shift,
    school_class,
    shared_carer,
    shared_class,
    work_party,
)

SECONDS = st.integers(1, 200) | st.integers(1, 10**9)
HOURS = st.builds(Hours.from_seconds, SECONDS)
FUND = st.none() | st.just("fund")
PEOPLE = [f"p{number}" for number in range(6)]
SOME = st.lists(st.sampled_from(PEOPLE), min_size=1, unique=True)
OWN = st.dictionaries(st.sampled_from(PEOPLE), HOURS, min_size=1)


def filled(bank: TimeBank) -> TimeBank:
    """Six people, a teacher and a fund, whom no limit stops."""
    for id in ("anna", *PEOPLE):
        bank.open_account(id, floor=None)
    bank.open_account("fund", kind="fund")
    return bank


def neighbourhood() -> TimeBank:
    """A new one in memory, for each example that Hypothesis finds."""
    return filled(timebank.open("memory:"))


@pytest.fixture
def place(bank: TimeBank) -> TimeBank:
    """The same on each store."""
    return filled(bank)


def shown(side: dict[str, Hours]) -> dict[str, str]:
    """Hours as they are read."""
    return {id: str(hours) for id, hours in side.items()}


def total(side: dict[str, Hours]) -> Hours:
    """What a side sums to."""
    return sum(side.values(), Hours(0))


def agrees(bank: TimeBank, transfer: Transfer) -> None:
    """The one transfer of a bank: equal sides, gross lines, and balances that say the same."""
    assert total(transfer.earners) == total(transfer.spenders) == transfer.hours
    for account in bank.accounts():
        earned = transfer.earners.get(account.id, Hours(0))
        spent = transfer.spenders.get(account.id, Hours(0))
        assert earned - spent == bank.balance(account.id).posted
        lines = [hours for hours in (earned, -spent) if hours]
        assert lines == [line.hours for line in bank.statement(account.id).lines]
    assert Hours(0) == bank.trial_balance().total
    assert bank.audit().ok


def shares_are_fair(
    hours: Hours, weights: dict[str, Fraction], spent: dict[str, Hours], fund: str | None
) -> None:
    """Nobody pays more than the ceiling of his share, and the fund pays what does not divide."""
    whole = sum(weights.values())
    exact = {id: hours.seconds * weight / whole for id, weight in weights.items()}
    paid = {id: spent.get(id, Hours(0)).seconds for id in weights}
    assert weights.keys() | {fund} >= spent.keys()
    for id, share in exact.items():
        assert paid[id] in ({int(share)} if fund else {int(share), ceil(share)})
    rest = hours.seconds - sum(map(int, exact.values()))
    assert rest < len(weights)
    assert (rest if fund else 0) == spent.get("fund", Hours(0)).seconds


# -- properties ----------------------------------------------------------------------


@given(HOURS, st.none() | HOURS, SOME)
def test_a_class_gives_the_fund_the_rest_and_no_more(
    hours: Hours, each: Hours | None, pupils: list[str]
) -> None:
    """Each pupil pays as much, the teacher earns his hours; the fund has the difference."""
    bank = neighbourhood()
    lesson = school_class(bank, teacher="anna", pupils=pupils, hours=hours, each=each, fund="fund")
    agrees(bank, lesson)
    paid = hours if each is None else each
    assert hours == lesson.earners["anna"] == bank.balance("anna").posted
    assert {paid} == {lesson.spenders[pupil] for pupil in pupils}
    assert paid * len(pupils) - hours == bank.balance("fund").posted


@given(HOURS, SOME, FUND)
def test_pupils_share_a_class_equally(hours: Hours, pupils: list[str], fund: str | None) -> None:
    """The teacher earns all that is paid; with a fund all pupils pay the same, rounded down."""
    bank = neighbourhood()
    lesson = shared_class(bank, teacher="anna", pupils=pupils, hours=hours, fund=fund)
    agrees(bank, lesson)
    assert {"anna": hours} == lesson.earners
    shares_are_fair(hours, {id: Fraction(1) for id in pupils}, lesson.spenders, fund)
    paid = [lesson.spenders.get(pupil, Hours(0)) for pupil in pupils]
    assert all(first >= then for first, then in pairwise(paid))


@given(OWN)
def test_the_fund_pays_all_that_a_work_party_earned(workers: dict[str, Hours]) -> None:
    """Each worker earns his own hours, and the fund spends their sum."""
    bank = neighbourhood()
    party = work_party(bank, workers=workers, fund="fund")
    agrees(bank, party)
    assert workers == party.earners
    assert {"fund": total(workers)} == party.spenders


@given(
    OWN,
    st.dictionaries(
        st.sampled_from(PEOPLE),
        st.integers(0, 10**6) | st.decimals(0, 500, places=3) | st.fractions(0, 9),
        min_size=1,
    ).filter(lambda orders: any(orders.values())),
    FUND,
)
def test_a_delivery_is_paid_by_the_weight_of_the_orders(
    workers: dict[str, Hours], orders: dict[str, Any], fund: str | None
) -> None:
    """All that the workers earned is paid, each his share of the weight and not a second more."""
    bank = neighbourhood()
    workers = {**workers, "anna": Hours(1)}  # who orders nothing, so that no one is both sides
    shift = delivery_shift(bank, workers=workers, orders=orders, fund=fund)
    agrees(bank, shift)
    assert workers == shift.earners
    weights = {id: Fraction(weight) for id, weight in orders.items()}
    shares_are_fair(total(workers), weights, shift.spenders, fund)


@given(OWN, st.none() | HOURS)
def test_families_pay_a_carer_by_the_time_they_had(
    families: dict[str, Hours], hours: Hours | None
) -> None:
    """Each pays its own time; or its share of the carer's, in the proportion of the times."""
    bank = neighbourhood()
    visit = shared_carer(bank, carer="anna", families=families, hours=hours)
    agrees(bank, visit)
    assert {"anna": total(families) if hours is None else hours} == visit.earners
    if hours is None:
        assert families == visit.spenders
    else:
        weights = {id: Fraction(time.seconds) for id, time in families.items()}
        shares_are_fair(hours, weights, visit.spenders, None)


@given(st.lists(st.sampled_from(PEOPLE), min_size=2, unique=True), HOURS)
def test_a_circle_of_equals_changes_no_balance(members: list[str], each: Hours) -> None:
    """Who gives as much as he receives has two lines, and the balance of before."""
    bank = neighbourhood()
    evening = circle(bank, gave=members, each=each)
    agrees(bank, evening)
    assert dict.fromkeys(members, each) == evening.earners == evening.spenders
    assert {Hours(0)} == {bank.balance(member).posted for member in members}


@given(OWN.filter(lambda gave: len(gave) > 1), SOME)
def test_a_circle_shares_equally_what_was_given(
    gave: dict[str, Hours], received: list[str]
) -> None:
    """All that was given is received, in equal shares, whoever gave it."""
    bank = neighbourhood()
    evening = circle(bank, gave=gave, received=received)
    agrees(bank, evening)
    assert gave == evening.earners
    shares_are_fair(total(gave), {id: Fraction(1) for id in received}, evening.spenders, None)


# -- one call of each ----------------------------------------------------------------

CALLS: dict[str, tuple[Callable[..., Transfer], dict[str, Any]]] = {
    "class": (
        school_class,
        {"teacher": "anna", "pupils": ["p1", "p2"], "hours": 1, "fund": "fund"},
    ),
    "shared class": (shared_class, {"teacher": "anna", "pupils": ["p1", "p2"], "hours": "0:45"}),
    "work party": (work_party, {"workers": ["p2", "p3"], "each": "2:30", "fund": "p1"}),
    "delivery": (delivery_shift, {"workers": {"p2": 2}, "orders": {"p1": 3, "p2": 1}}),
    "carer": (shared_carer, {"carer": "anna", "families": {"p1": "50m", "p2": "25m"}}),
    "circle": (circle, {"gave": {"p1": 1, "p2": 3}, "received": ["p1", "p2", "p3"]}),
}
each_pattern = pytest.mark.parametrize(("pattern", "call"), CALLS.values(), ids=CALLS)


def test_every_pattern_is_called_here() -> None:
    """The table above has each of the module's functions."""
    assert sorted(patterns.__all__) == sorted(pattern.__name__ for pattern, _ in CALLS.values())


@each_pattern
def test_the_same_call_again_gives_the_same_transfer(
    place: TimeBank, pattern: Callable[..., Transfer], call: dict[str, Any]
) -> None:
    """The id makes a repeated call safe, and tells it from another one."""
    first = pattern(place, **call, id="once")
    head = place.head()
    assert first == pattern(place, **call, id="once")
    with pytest.raises(IdempotencyMismatch):
        pattern(place, **call, id="once", category="another")
    assert head == place.head()


@each_pattern
@pytest.mark.parametrize(
    ("trouble", "error"),
    [
        (lambda bank: bank.freeze("p1", reason="abroad"), AccountNotOpen),
        (lambda bank: bank.set_limits("p1", floor="-0:01", ceiling=None), LimitExceeded),
    ],
    ids=["frozen", "floor"],
)
def test_a_refused_one_moves_nothing(
    place: TimeBank,
    pattern: Callable[..., Transfer],
    call: dict[str, Any],
    trouble: Callable[[TimeBank], object],
    error: type[Exception],
) -> None:
    """One of many who may not pay keeps all others from moving."""
    if pattern is circle:  # p1 receives more than is given by p1
        call = {**call, "gave": {"p1": "0:01", "p2": 3}}
    trouble(place)
    head = place.head()
    with pytest.raises(error):
        pattern(place, **call)
    assert head == place.head()
    assert {Hours(0)} == {place.balance(account.id).posted for account in place.accounts()}


@each_pattern
def test_an_account_that_is_not_there_moves_nothing(
    place: TimeBank, pattern: Callable[..., Transfer], call: dict[str, Any]
) -> None:
    """What `transfer` raises comes through, and nothing is written."""
    head = place.head()
    with pytest.raises(AccountNotFound):
        pattern(place, **call, via="nobody")
    assert head == place.head()


@each_pattern
def test_a_batch_and_a_preview_take_it_too(
    place: TimeBank, pattern: Callable[..., Transfer], call: dict[str, Any]
) -> None:
    """A preview says what would be, and writes nothing; a batch keeps it with all the rest."""
    head = place.head()
    with place.preview() as preview:
        previewed = pattern(preview, **call)
    assert head == place.head()
    with place.batch() as batch:
        kept = pattern(batch, **call, id="kept")
    assert (previewed.earners, previewed.spenders) == (kept.earners, kept.spenders)
    assert kept == place.transfer_by_id("kept")


@each_pattern
def test_every_other_argument_is_handed_on(
    place: TimeBank, pattern: Callable[..., Transfer], call: dict[str, Any]
) -> None:
    """What `transfer` takes beside the sides and the hours, a pattern takes."""
    details: dict[str, Any] = {
        "id": "t1",
        "kind": "exchange",
        "occurred_on": date(2026, 3, 2),
        "category": "care",
        "area": "family-help",
        "resource": "room",
        "via": "p5",
        "note": "in the yard",
        "tags": ("b", "a"),
        "source": "paper",
        "limits": "unchecked",
    }
    made = pattern(place, **call, **details)
    assert {**details, "tags": ("a", "b")} == {name: getattr(made, name) for name in details}


def test_the_details_are_those_of_transfer() -> None:
    """No argument of `transfer` was forgotten, and none was made up."""
    known = set(inspect.signature(TimeBank.transfer).parameters)
    known -= {"self", "by_position", "earner", "spender", "hours"}
    assert known == set(get_type_hints(patterns.Details))


# -- real banks ----------------------------------------------------------------------


def test_zanica(place: TimeBank) -> None:
    """Each of five pupils pays one hour, the teacher earns one, four go to the common fund."""
    lesson = school_class(place, teacher="anna", pupils=PEOPLE[:5], hours=1, fund="fund")
    assert {"anna": "1:00", "fund": "4:00"} == shown(lesson.earners)
    assert dict.fromkeys(PEOPLE[:5], "1:00") == shown(lesson.spenders)


def test_timebankireland(place: TimeBank) -> None:
    """The same rule: one hour from each pupil, one for the teacher, the rest for the fund.

    A pupil alone pays for an ordinary lesson, and nothing is left for the fund.
    """
    lesson = school_class(
        place, teacher="anna", pupils=PEOPLE[:3], hours="1:00", each="1:00", fund="fund"
    )
    assert {"anna": "1:00", "fund": "2:00"} == shown(lesson.earners)
    alone = school_class(place, teacher="anna", pupils=["p0"], hours=1, fund="fund")
    assert ({"anna": "1:00"}, {"p0": "1:00"}) == (shown(alone.earners), shown(alone.spenders))
    assert Hours(2) == place.balance("fund").posted


def test_community_weaver(place: TimeBank) -> None:
    """An hour among seven is 8:34 minutes each; the two seconds left over go to the fund."""
    place.open_account("p6", floor=None)
    pupils = [*PEOPLE, "p6"]
    lesson = shared_class(place, teacher="anna", pupils=pupils, hours=1, fund="fund")
    assert {"anna": "1:00"} == shown(lesson.earners)
    assert {**dict.fromkeys(pupils, "0:08:34"), "fund": "0:00:02"} == shown(lesson.spenders)


# -- examples ------------------------------------------------------------------------


def test_a_fund_makes_up_what_pupils_do_not_pay(place: TimeBank) -> None:
    """A class that the fund supports: three pupils pay half an hour each of the two."""
    lesson = school_class(
        place, teacher="anna", pupils=PEOPLE[:3], hours=2, each="0:30", fund="fund"
    )
    assert {"p0": "0:30", "p1": "0:30", "p2": "0:30", "fund": "0:30"} == shown(lesson.spenders)


def test_pupils_who_pay_exactly_need_no_fund(place: TimeBank) -> None:
    """Four half hours are the teacher's two hours."""
    lesson = school_class(place, teacher="anna", pupils=PEOPLE[:4], hours=2, each="0:30")
    assert {"anna": "2:00"} == shown(lesson.earners)


def test_who_worked_and_ordered_has_both_lines(place: TimeBank) -> None:
    """Two worked an hour and a half each; 12.5, 7.5 and 10 kilograms were ordered."""
    shift = delivery_shift(
        place,
        workers=["p1", "p2"],
        each="1:30",
        orders={"p1": Decimal("12.5"), "p3": Decimal("7.5"), "p4": 10, "p5": 0},
    )
    assert {"p1": "1:30", "p2": "1:30"} == shown(shift.earners)
    assert {"p1": "1:15", "p3": "0:45", "p4": "1:00"} == shown(shift.spenders)
    assert ["1:30", "-1:15"] == [str(line.hours) for line in place.statement("p1").lines]


@pytest.mark.parametrize("fund", [None, "fund"])
def test_weights_that_divide_leave_the_fund_out(place: TimeBank, fund: str | None) -> None:
    """An hour by 2, 5 and 2 kilograms is 400 seconds a kilogram, with nothing left over."""
    shift = delivery_shift(
        place, workers={"anna": 1}, orders={"p1": 2, "p2": 5, "p3": 2}, fund=fund
    )
    assert {"p1": "0:13:20", "p2": "0:33:20", "p3": "0:13:20"} == shown(shift.spenders)


def test_the_order_of_the_families_decides_ties(place: TimeBank) -> None:
    """Ten seconds among three who had as much: the first pays the second that is left over."""
    times = {"p2": "20m", "p1": "20m", "p3": "20m"}
    visit = shared_carer(place, carer="anna", families=times, hours="10s")
    assert {"p2": "0:00:04", "p1": "0:00:03", "p3": "0:00:03"} == shown(visit.spenders)


def test_a_circle_may_say_who_received_what(place: TimeBank) -> None:
    """Two gave, two received, one of them both."""
    evening = circle(place, gave={"p1": 2, "p2": 1}, received={"p2": "0:30", "p3": "2:30"})
    assert {"p1": "2:00", "p2": "1:00"} == shown(evening.earners)
    assert {"p2": "0:30", "p3": "2:30"} == shown(evening.spenders)


def test_a_statement_of_a_circle_names_the_others(place: TimeBank) -> None:
    """Who gave and received is on both sides, and no company to itself, unless it is alone."""
    circle(place, gave={"p1": 2, "p2": 1}, received={"p1": 1, "p2": "0:30", "p3": "1:30"})
    lines = list(place.statement("p1").lines)[-2:]
    assert [("p2", "p3"), ("p2",)] == [line.others for line in lines]
    circle(place, gave={"p1": 2}, received={"p1": 1, "p2": 1})
    lines = list(place.statement("p1").lines)[-2:]
    assert [("p2",), ("p1",)] == [line.others for line in lines]


# -- what is refused -----------------------------------------------------------------

LESSON = {"teacher": "anna", "pupils": ["p1", "p2"], "hours": 1, "fund": "fund"}
PARTY = {"workers": ["p1", "p2"], "each": 1, "fund": "fund"}
SHIFT = {"workers": ["p1"], "each": 1, "orders": {"p2": 3, "p3": 4}}
VISIT = {"carer": "anna", "families": {"p1": 1, "p2": 2}}


@pytest.mark.parametrize(
    ("pattern", "call", "error", "message"),
    [
        (school_class, LESSON | {"pupils": []}, InvalidRequest, "pupils is empty"),
        (school_class, LESSON | {"pupils": "p1"}, WrongType, "ids in an order, not a str: 'p1'"),
        (school_class, LESSON | {"pupils": {"p1", "p2"}}, WrongType, "ids in an order"),
        (school_class, LESSON | {"pupils": None}, WrongType, "ids in an order"),
        (school_class, LESSON | {"pupils": ["p1", 3]}, WrongType, "an id in pupils must be a str"),
        (school_class, LESSON | {"pupils": ["p1", ["p2"]]}, WrongType, "must be a str"),
        (school_class, LESSON | {"pupils": ["p1", "p2", "p1"]}, InvalidRequest,
         "'p1' is named twice in pupils"),
        (school_class, LESSON | {"pupils": ["p1", "anna"]}, InvalidRequest,
         "'anna' is the teacher and cannot be named in pupils"),
        (school_class, LESSON | {"pupils": ["p1", "fund"]}, InvalidRequest, "'fund' is the fund"),
        (school_class, LESSON | {"fund": "anna"}, InvalidRequest,
         "'anna' cannot be both the teacher and the fund"),
        (school_class, LESSON | {"teacher": 3}, WrongType, "teacher must be a str"),
        (school_class, LESSON | {"teacher": None}, WrongType, "teacher must be a str"),
        (school_class, LESSON | {"fund": 3}, WrongType, "fund must be a str"),
        (school_class, LESSON | {"hours": 0}, InvalidHours, "hours must be more than 0:00"),
        (school_class, LESSON | {"hours": 1.5}, InvalidHours, "float"),
        (school_class, LESSON | {"each": 0}, InvalidHours, "each must be more than 0:00"),
        (school_class, LESSON | {"fund": None}, InvalidRequest,
         "the pupils pay 2:00 and the teacher earns 1:00: name the fund that gets the other 1:00"),
        (school_class, LESSON | {"fund": None, "each": "0:15"}, InvalidRequest,
         "the pupils pay 0:30 and the teacher earns 1:00: name the fund that pays the other 0:30"),
        (shared_class, LESSON | {"pupils": ["p1", "anna"]}, InvalidRequest, "is the teacher"),
        (shared_class, LESSON | {"pupils": ()}, InvalidRequest, "pupils is empty"),
        (shared_class, LESSON | {"hours": "-1"}, InvalidHours, "hours must be more than 0:00"),
        (work_party, PARTY | {"each": None}, InvalidRequest, "hours are missing: give each="),
        (work_party, PARTY | {"workers": {"p1": 1}}, InvalidRequest, "leave each=1 out"),
        (work_party, PARTY | {"workers": {}, "each": None}, InvalidRequest, "workers is empty"),
        (work_party, PARTY | {"workers": {"p1": 0}, "each": None}, InvalidHours,
         "hours of 'p1' in workers must be more than 0:00"),
        (work_party, PARTY | {"workers": ["p1", "fund"]}, InvalidRequest, "is the fund"),
        (work_party, PARTY | {"fund": None}, WrongType, "fund must be a str"),
        (delivery_shift, SHIFT | {"orders": ["p2"]}, WrongType, "a mapping of ids to weights"),
        (delivery_shift, SHIFT | {"orders": {}}, InvalidRequest, "orders is empty"),
        (delivery_shift, SHIFT | {"orders": {"p2": 0}}, InvalidRequest, "more than zero"),
        (delivery_shift, SHIFT | {"orders": {"p2": 3, "p3": -4}}, InvalidRequest, "not negative"),
        (delivery_shift, SHIFT | {"orders": {"p2": 0.5}}, WrongType, "a weight is"),
        (delivery_shift, SHIFT | {"orders": {"p1": 3}}, InvalidRequest, "sole earner"),
        (delivery_shift, SHIFT | {"fund": "p2"}, InvalidRequest, "'p2' is the fund"),
        (delivery_shift, SHIFT | {"fund": "p1"}, InvalidRequest, "'p1' is the fund"),
        (shared_carer, VISIT | {"carer": None}, WrongType, "carer must be a str"),
        (shared_carer, VISIT | {"families": ["p1"]}, WrongType, "a mapping of ids to hours"),
        (shared_carer, VISIT | {"families": {}}, InvalidRequest, "families is empty"),
        (shared_carer, VISIT | {"families": {"anna": 1}}, InvalidRequest, "is the carer"),
        (shared_carer, VISIT | {"families": {"p1": "0:00"}, "hours": 1}, InvalidHours, "'p1'"),
        (shared_carer, VISIT | {"hours": 0}, InvalidHours, "hours must be more than 0:00"),
        (circle, {"gave": ["p1", "p2"]}, InvalidRequest, "hours are missing"),
        (circle, {"gave": ["p1"], "each": 1}, InvalidRequest, "sole earner"),
        (circle, {"gave": {"p1": 1}, "each": 1}, InvalidRequest, "leave each=1 out"),
        (circle, {"gave": {"p1": 1}, "received": []}, InvalidRequest, "received is empty"),
        (circle, {"gave": {"p1": 1}, "received": "p2"}, WrongType, "ids in an order"),
        (circle, {"gave": {"p1": 2}, "received": {"p2": 1}}, UnbalancedTransfer,
         "earners get 2:00 but spenders give 1:00"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(
    place: TimeBank,
    pattern: Callable[..., Transfer],
    call: dict[str, Any],
    error: type[Exception],
    message: str,
) -> None:
    """The message shows who or what is wrong, and nothing is written."""
    head = place.head()
    with pytest.raises(error) as caught:
        pattern(place, **call)
    assert message in str(caught.value)
    assert isinstance(caught.value, InvalidRequest)
    assert head == place.head()


def test_an_argument_that_transfer_does_not_know_is_refused(place: TimeBank) -> None:
    """A word that is misspelt is no detail."""
    misspelt: dict[str, Any] = {"categroy": "care"}
    with pytest.raises(TypeError, match="categroy"):
        circle(place, gave=["p1", "p2"], each=1, **misspelt)


@pytest.mark.parametrize("pattern", [patterns.school_class, patterns.shared_class])
def test_hours_of_each_pupil_are_not_ignored(pattern: Any) -> None:
    """Where all pay the same, hours beside the ids are a mistake."""
    bank = timebank.open("memory:")
    with pytest.raises(timebank.WrongType, match="ids without hours"):
        pattern(bank, teacher="anna", pupils={"bruno": 1, "carla": 3}, hours=4)
