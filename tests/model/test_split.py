"""What is shared is shared to the last second, by whatever weights."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from timebank.errors import InvalidHours, InvalidRequest, WrongHoursType, WrongType
from timebank.hours import MAX_SECONDS, MAX_WEIGHT_BITS, Hours, apportion, split


def is_short(weight: Fraction) -> bool:
    """Whether a weight has no more bits than one may have."""
    return max(weight.as_integer_ratio()).bit_length() <= MAX_WEIGHT_BITS


SECONDS = st.integers(-MAX_SECONDS, MAX_SECONDS) | st.integers(-10_000, 10_000)
WEIGHTS = (
    st.integers(0, 10)
    | st.integers(0, 2**MAX_WEIGHT_BITS - 1)
    | st.decimals(0, 10**30, allow_nan=False).filter(lambda weight: is_short(Fraction(weight)))
    | st.fractions(0, max_denominator=10**20)
    | st.timedeltas(timedelta(0))
    | st.builds(Hours.from_seconds, st.integers(0, MAX_SECONDS))
)


def in_hours(weight: Any) -> Fraction:
    """A weight as an exact number, by another road than that of `split`."""
    if isinstance(weight, Hours):
        return Fraction(weight.seconds, 3600)
    if isinstance(weight, timedelta):
        return Fraction(weight // timedelta(microseconds=1), 3_600_000_000)
    return Fraction(weight)


@st.composite
def weighed(draw: st.DrawFn) -> dict[str, Any]:
    """Ids with a weight each, of which one is more than zero."""
    weights = draw(st.lists(WEIGHTS, min_size=1, max_size=8).filter(any))
    return {f"a{index}": weight for index, weight in enumerate(weights)}


# -- apportion -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("total", "weights", "shares"),
    [
        (10, [1, 1, 1], [4, 3, 3]),
        (11, [1, 1, 1], [4, 4, 3]),
        (2, [1, 1, 1], [1, 1, 0]),
        (0, [1, 2], [0, 0]),
        (5, [0, 1, 0], [0, 5, 0]),
        (7, [1, 2, 4], [1, 2, 4]),
        (1, [1, 2, 4], [0, 0, 1]),
        (100, [333, 333, 334], [33, 33, 34]),
        (3, [5], [3]),
    ],
)
def test_the_largest_remainder_is_served_first(
    total: int, weights: list[int], shares: list[int]
) -> None:
    """What does not divide goes to the largest remainders; among equals, to the first."""
    assert shares == apportion(total, weights)


@given(
    st.integers(0, 10**18),
    st.lists(st.integers(0, 10**18), min_size=1, max_size=10).filter(any),
)
def test_shares_add_up_within_one_of_exact(total: int, weights: list[int]) -> None:
    """The sum is the total, and each share is its exact one rounded down or up."""
    shares, whole = apportion(total, weights), sum(weights)
    assert total == sum(shares)
    for share, weight in zip(shares, weights, strict=True):
        assert 0 <= share
        assert abs(share - Fraction(total * weight, whole)) < 1


@given(st.lists(st.integers(0, 50), min_size=1, max_size=10).filter(any), st.data())
def test_no_share_exceeds_its_weight(weights: list[int], data: st.DataObject) -> None:
    """Of what is there nobody gets more than is theirs, step after step to nothing."""
    while any(weights):
        shares = apportion(data.draw(st.integers(1, sum(weights))), weights)
        weights = [weight - share for weight, share in zip(weights, shares, strict=True)]
        assert min(weights) >= 0


@pytest.mark.parametrize(
    ("total", "weights"), [(-1, [1]), (1, []), (1, [0, 0]), (1, [2, -1]), (0, [0]), (1, [-1])]
)
def test_what_cannot_be_apportioned_is_refused(total: int, weights: list[int]) -> None:
    """No negative total or weight, and somebody to get it."""
    with pytest.raises(InvalidRequest, match="cannot apportion"):
        apportion(total, weights)


# -- split ---------------------------------------------------------------------------

HALVES = {"a": "0:30", "b": "0:30"}
THIRDS = {"a": "0:20", "b": "0:40"}
QUARTERS = {"a": "0:15", "b": "0:45"}


@pytest.mark.parametrize(
    ("hours", "among", "options", "shares"),
    [
        ("8", ["f1", "f2"], {}, {"f1": "4:00", "f2": "4:00"}),
        ("1:00", ["a"], {}, {"a": "1:00"}),
        ("0:00:10", ["a", "b", "c"], {}, {"a": "0:00:04", "b": "0:00:03", "c": "0:00:03"}),
        ("0:00:10", ["c", "b", "a"], {}, {"c": "0:00:04", "b": "0:00:03", "a": "0:00:03"}),
        ("-0:00:10", ["a", "b", "c"], {}, {"a": "-0:00:04", "b": "-0:00:03", "c": "-0:00:03"}),
        ("0:00:01", ["a", "b"], {}, {"a": "0:00:01"}),
        ("0", ["a", "b"], {}, {}),
        ("1:00", ["a", "b"], {"weights": [1, 2]}, THIRDS),
        ("1:00", ["a", "b"], {"weights": (0, 2)}, {"b": "1:00"}),
        ("1:00", ["a", "b"], {"weights": {"b": 3, "a": 1}}, QUARTERS),
        ("1:00", ["a", "b"], {"weights": [Decimal("0.25"), Decimal("0.75")]}, QUARTERS),
        ("1:00", ["a", "b"], {"weights": [Decimal("0.00001"), Decimal("1E-5")]}, HALVES),
        ("1:00", ["a", "b"], {"weights": [Decimal(3), Decimal("0.00")]}, {"a": "1:00"}),
        ("1:00", ["a", "b"], {"weights": [Fraction(1, 3), Fraction(2, 3)]}, THIRDS),
        ("1:00", ["a", "b"], {"weights": [Hours("0:30"), Hours("1:30")]}, QUARTERS),
        ("1:00", ["a", "b"], {"weights": [timedelta(microseconds=1)] * 2}, HALVES),
        ("1:00", ["a", "b", "c", "d"], {"weights": [1, Hours(1), timedelta(hours=1), Decimal(1)]},
         {"a": "0:15", "b": "0:15", "c": "0:15", "d": "0:15"}),
        ("0:00:10", ["a", "b", "c"], {"remainder_to": "fund"},
         {"a": "0:00:03", "b": "0:00:03", "c": "0:00:03", "fund": "0:00:01"}),
        ("0:00:10", ["a", "b", "c"], {"remainder_to": "b"},
         {"a": "0:00:03", "b": "0:00:04", "c": "0:00:03"}),
        ("-0:00:10", ["a", "b", "c"], {"remainder_to": "fund"},
         {"a": "-0:00:03", "b": "-0:00:03", "c": "-0:00:03", "fund": "-0:00:01"}),
        ("0:00:09", ["a", "b", "c"], {"remainder_to": "fund"},
         {"a": "0:00:03", "b": "0:00:03", "c": "0:00:03"}),
        ("0:00:01", ["a", "b"], {"remainder_to": "fund"}, {"fund": "0:00:01"}),
        (timedelta(hours=1), lambda: iter(["a", "b"]), {}, HALVES),  # fresh for each run
        (Fraction(1, 2), {"a": None, "b": None}.keys(), {}, {"a": "0:15", "b": "0:15"}),
    ],
)  # fmt: skip
def test_hours_are_split(
    hours: Any, among: Any, options: dict[str, Any], shares: dict[str, str]
) -> None:
    """Shares come in the order of the ids, the fund last, and none of them is zero."""
    given = split(hours, among() if callable(among) else among, **options)
    assert list(shares.items()) == [(id, str(share)) for id, share in given.items()]


@given(SECONDS, weighed(), st.none() | st.sampled_from(["a0", "fund"]))
@example(1, {"a0": 0, "a1": Decimal("1E-30")}, None)
def test_a_split_conserves_every_second(
    seconds: int, weights: dict[str, Any], remainder_to: str | None
) -> None:
    """Whatever the weights, the shares add up to what was shared, and none is zero."""
    hours = Hours.from_seconds(seconds)
    shares = split(hours, weights, weights=weights, remainder_to=remainder_to)
    assert hours == sum(shares.values(), Hours(0))
    assert all(shares.values())
    assert {seconds < 0} >= {share.seconds < 0 for share in shares.values()}


@given(SECONDS, weighed())
def test_each_share_is_within_a_second_of_exact(seconds: int, weights: dict[str, Any]) -> None:
    """Nobody is a whole second off, by the fractions of another road."""
    shares = split(Hours.from_seconds(seconds), weights, weights=list(weights.values()))
    whole = sum(map(in_hours, weights.values()))
    for id, weight in weights.items():
        exact = seconds * in_hours(weight) / whole
        assert abs(shares.get(id, Hours(0)).seconds - exact) < 1


@given(SECONDS, weighed())
def test_a_remainder_leaves_the_floor_to_everybody(seconds: int, weights: dict[str, Any]) -> None:
    """With `remainder_to`, each share is its exact one rounded towards zero."""
    shares = split(Hours.from_seconds(seconds), weights, weights=weights, remainder_to="fund")
    whole = sum(map(in_hours, weights.values()))
    for id, weight in weights.items():
        assert int(seconds * in_hours(weight) / whole) == shares.get(id, Hours(0)).seconds
    assert abs(shares.get("fund", Hours(0)).seconds) < len(weights)


@given(SECONDS, weighed())
def test_a_split_of_negative_hours_is_the_opposite(seconds: int, weights: dict[str, Any]) -> None:
    """Taking back is shared just as giving was."""
    hours = Hours.from_seconds(seconds)
    given = split(hours, weights, weights=weights)
    assert {id: -share for id, share in given.items()} == split(-hours, weights, weights=weights)


# -- what is refused -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("among", "error"),
    [
        ("f1", InvalidRequest),
        ("", InvalidRequest),
        ([], InvalidRequest),
        (["a", "b", "a"], InvalidRequest),
        (None, WrongType),
        (3, WrongType),
        ({"a", "b"}, WrongType),
        (frozenset("ab"), WrongType),
        (["a", 3], WrongType),
        ([["a"]], WrongType),
        (b"ab", WrongType),
    ],
    ids=lambda value: type(value).__name__,  # the same in every process
)
def test_ids_that_nobody_can_share_are_refused(among: Any, error: type[Exception]) -> None:
    """Ids are distinct texts in an order: one text is no collection of ids, a set has no order."""
    with pytest.raises(error):
        split("1:00", among)


@pytest.mark.parametrize(
    "weights",
    [
        *([1], [1, 2, 3], {"a": 1}, {"a": 1, "b": 1, "c": 1}, {"a": 1, "c": 1}, {}, []),
        *([0, 0], [Decimal(0), Hours(0)], {"a": 0, "b": timedelta(0)}),
        *([1, -1], [Decimal("-0.5"), 1], [Fraction(-1, 2), 1], [Hours("-1"), 1]),
        *([timedelta(-1), 1], [-(10**400), 1]),
        *([Decimal("NaN"), 1], [Decimal("Infinity"), 1], [Decimal("sNaN"), 1]),
        *([Decimal("1E+999999999"), 1], [Decimal("1E-999999999"), 1], [1, 2**256], [10**5000, 1]),
        *([Fraction(1, 2**256), 1], [Decimal("1E-200"), 1], [Decimal("1." + "1" * 300), 1]),
        *([Decimal("1" + "0" * 150 + "." + "1" * 250), 1],),
    ],
    ids=lambda weights: ascii(str(type(weights))),
)
def test_weights_that_do_not_fit_are_refused(weights: Any) -> None:
    """One finite weight of a sane size each, none negative, not all of them zero."""
    with pytest.raises(InvalidRequest) as caught:
        split("1:00", ["a", "b"], weights=weights)
    assert not isinstance(caught.value, (WrongType, InvalidHours))
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    "weights",
    [
        *([1, 1.0], [True, 1], [None, 1], ["1", 1], {"a": 1, "b": 0.5}, "ab", 3, 1.5),
        *({1, 2}, iter([1, 2]), [float("nan"), 1]),
    ],
    ids=lambda value: type(value).__name__,  # the same in every process
)
def test_weights_of_other_types_are_refused(weights: Any) -> None:
    """A weight that is not exact, or weights without an order, would have to be guessed at."""
    with pytest.raises(WrongType):
        split("1:00", ["a", "b"], weights=weights)


def test_a_weight_may_be_as_large_as_its_bound() -> None:
    """256 bits are accepted, on both sides of a fraction."""
    most = 2**MAX_WEIGHT_BITS - 1
    shares = split("1:00", ["a", "b", "c"], weights=[most, Fraction(most), Fraction(1, most)])
    assert {"a": Hours("0:30"), "b": Hours("0:30")} == shares


@pytest.mark.parametrize("remainder_to", [3, True, ["fund"], b"fund"], ids=repr)
def test_the_remainder_goes_to_an_id(remainder_to: Any) -> None:
    """What is no text is no account."""
    with pytest.raises(WrongType):
        split("1:00", ["a", "b"], remainder_to=remainder_to)


def test_hours_are_judged_first() -> None:
    """Hours that are none are refused before anything else is looked at."""
    with pytest.raises(WrongHoursType):
        split(1.5, [])  # type: ignore[arg-type]  # what a float gets is the claim
    with pytest.raises(InvalidHours):
        split("1:75", "a", weights=[1.5])
    with pytest.raises(WrongType):
        split("1:00", [1], weights=[-1])  # type: ignore[list-item]  # ids come before weights


# -- what is said ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("among", "options", "message"),
    [
        ("f1", {}, "split among a collection of ids, not the str 'f1'"),
        ({"a"}, {}, "split among ids in an order, not a set: {'a'}"),
        ([], {}, "split among at least one id, each once, not []"),
        (["a", "a"], {}, "split among at least one id, each once, not ['a', 'a']"),
        (["a", 3], {}, "an account id is a str, not a int: 3"),
        (["a"], {"remainder_to": 7}, "an account id is a str, not a int: 7"),
        (["a", "b"], {"weights": {"a": 1}}, "weights must name exactly ['a', 'b'], not ['a']"),
        (["a", "b"], {"weights": 3}, "weights are a mapping or a sequence, not a int"),
        (["a", "b"], {"weights": [1]}, "2 ids need as many weights, not 1"),
        (["a", "b"], {"weights": [0, 0]}, "one weight must be more than zero: [0, 0]"),
        (
            ["a", "b"],
            {"weights": [1, "x"]},
            "a weight is an int, Decimal, Fraction, Hours or timedelta, not 'x'",
        ),
        (["a", "b"], {"weights": [1, -1]}, "a weight is not negative: -1"),
        (
            ["a", "b"],
            {"weights": [1, Decimal("Infinity")]},
            "a weight is a finite number of at most 256 bits: Decimal('Infinity')",
        ),
        (
            ["a", "b"],
            {"weights": [1, Decimal("1e-300")]},
            "a weight is a finite number of at most 256 bits: Decimal('1E-300')",
        ),
    ],
)
def test_an_error_says_what_was_given(among: Any, options: dict[str, Any], message: str) -> None:
    """In one sentence, with the value."""
    with pytest.raises((InvalidRequest, WrongType)) as caught:
        split("1:00", among, **options)
    assert message == str(caught.value)


def test_what_cannot_be_apportioned_is_shown() -> None:
    """The total and the weights."""
    with pytest.raises(InvalidRequest) as caught:
        apportion(-1, [1, 2])
    assert "cannot apportion -1 by [1, 2]" == str(caught.value)


@pytest.mark.parametrize(
    ("weight", "fits"),
    [
        (2**MAX_WEIGHT_BITS - 1, True),
        (2**MAX_WEIGHT_BITS, False),
        (Decimal("1e77"), True),
        (Decimal("1e78"), False),
        (Decimal("1e300"), False),
        (Decimal("1e-77"), True),
        (Decimal("1e-78"), False),
        (Decimal("0." + "1" * 70), True),
        (Decimal("0." + "1" * 90), False),
    ],
)
def test_how_large_and_how_fine_a_weight_may_be(weight: Any, *, fits: bool) -> None:
    """So many bits, of the number or of what it is divided by."""
    if fits:
        assert Hours(1) == sum(split("1:00", ["a", "b"], weights=[weight, 1]).values(), Hours(0))
    else:
        with pytest.raises(InvalidRequest, match="at most 256 bits"):
            split("1:00", ["a", "b"], weights=[weight, 1])


def test_a_decimal_weight_has_its_size() -> None:
    """Ten is ten, however it is written."""
    for ten in (Decimal(10), Decimal("1e1"), Decimal("10.00"), Decimal("0.1e2")):
        assert {"a": Hours("0:50"), "b": Hours("0:05")} == split(
            "0:55", ["a", "b"], weights=[ten, 1]
        )
    for tenth in (Decimal("0.1"), Decimal("1e-1"), Decimal("0.10")):
        assert {"a": Hours("0:05"), "b": Hours("0:50")} == split(
            "0:55", ["a", "b"], weights=[tenth, 1]
        )
