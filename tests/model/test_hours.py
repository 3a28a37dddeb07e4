"""Hours are exact, come back as they were shown, and are never truncated or rounded."""

from __future__ import annotations

import copy
import operator
import pickle
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from decimal import Context, Decimal, Inexact, localcontext
from enum import IntEnum
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from timebank.errors import InvalidHours, InvalidRequest, WrongHoursType, WrongType
from timebank.hours import MAX_CHARACTERS, MAX_SECONDS, Hours

SECONDS = st.integers(-MAX_SECONDS, MAX_SECONDS) | st.integers(-200_000, 200_000)
HOURS = st.builds(Hours.from_seconds, SECONDS)
FACTORS = st.integers(-1000, 1000)


class Span(timedelta):
    """A span that may know more than a `timedelta` shows."""


class Small(IntEnum):
    """A number that is more than a number."""

    ONE = 1


# -- what is read ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2", 7200),
        ("0", 0),
        ("007", 25_200),
        ("1:30", 5400),
        ("0:00", 0),
        ("01:05", 3900),
        ("120:00", 432_000),
        ("1:30:15", 5415),
        ("0:00:59", 59),
        ("-0:30", -1800),
        ("+0:30", 1800),
        ("-0:00:01", -1),
        ("-0", 0),
        ("1.25", 4500),
        ("1,25", 4500),
        ("-1,5", -5400),
        ("0.01", 36),
        ("0.0025", 9),
        ("0.5", 1800),
        ("1.50000000", 5400),
        ("1h", 3600),
        ("1h30", 5400),
        ("1h30m", 5400),
        ("1h05", 3900),
        ("1h5m", 3900),
        ("1h30m15s", 5415),
        ("1h0m5s", 3605),
        ("1h 30m", 5400),
        ("1 h 30 m 15 s", 5415),
        ("1h 30min", 5400),
        ("1.5h", 5400),
        ("1,5 ore", 5400),
        ("0.25 hours", 900),
        ("1.5 min", 90),
        ("2 h", 7200),
        ("2\u00a0ORE", 7200),
        ("2 hours", 7200),
        ("1 hr 5 mins", 3900),
        ("1 ora", 3600),
        ("1 ora e 30 minuti", 5400),
        ("1 ora 30 minuti", 5400),
        ("1 hour and 30 minutes", 5400),
        ("2 ore e 1 minuto e 15 secondi", 7275),
        ("90 min", 5400),
        ("90 m", 5400),
        ("90 minuti", 5400),
        ("45 sec", 45),
        ("\u00bd", 1800),
        ("1\u00bd", 5400),
        ("-1 \u00bd", -5400),
        ("\u00bc h", 900),
        ("2\u00be ore", 9900),
        ("\u2153", 1200),
        ("\u00bd min", 30),
        ("1H30M15S", 5415),
        ("0h00m30s", 30),
        ("90m", 5400),
        ("90M", 5400),
        ("90m15s", 5415),
        ("45s", 45),
        ("5400s", 5400),
        ("-90m", -5400),
        ("PT1H30M", 5400),
        ("PT1H30M15S", 5415),
        ("PT1H", 3600),
        ("PT90M", 5400),
        ("PT1H15S", 3615),
        ("PT90M75S", 5475),
        ("PT5400S", 5400),
        ("pt1h30m", 5400),
        ("-PT30M", -1800),
        (" 1:30 ", 5400),
        ("\t-2\n", -7200),
        (f"{MAX_SECONDS}s", MAX_SECONDS),
        (f"-{MAX_SECONDS}s", -MAX_SECONDS),
        ("2501999792983:36:32", MAX_SECONDS),
        ("0" * 63 + "2", 7200),
    ],
)
def test_each_form_of_text_is_read(text: str, seconds: int) -> None:
    """Every written form means what it says, to the second."""
    assert seconds == Hours(text).seconds


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (2, 7200),
        (-3, -10_800),
        (0, 0),
        (MAX_SECONDS // 3600, MAX_SECONDS // 3600 * 3600),
        (Decimal("1.25"), 4500),
        (Decimal("-0.01"), -36),
        (Decimal("0.0025"), 9),
        (Decimal("1.5000000000000000000000000000000"), 5400),
        (Decimal("1E+3"), 3_600_000),
        (Decimal("0E+999999"), 0),
        (Decimal("-0E-999999"), 0),
        (Decimal("1." + "0" * 400), 3600),
        (Fraction(1, 3), 1200),
        (Fraction(-1, 3600), -1),
        (timedelta(hours=1, minutes=30), 5400),
        (timedelta(seconds=-1), -1),
        (timedelta.max.days * timedelta(days=1), 86_399_999_913_600),
        (Hours("1:30"), 5400),
    ],
)
def test_each_type_is_read(value: Any, seconds: int) -> None:
    """Every exact type means hours, to the second."""
    assert seconds == Hours(value).seconds


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "-", "+", ":", ".", ",", "h", "m", "s", "PT", "-PT", "P1H", "T1H", "PT1", "1PT"),
        *("1:75", "1:60", "1:5", "1:005", ":30", "1:", "1:30:60", "1:30:5", "1:2:3:4", "1:30:"),
        *("1:-30", "1 :30", "1: 30", "- 1", "--1", "+-1", "-+1", "1-", "1:30-"),
        *(
            "1.5h 30m",
            "1,5h30",
            "1.5:30",
            "1:30.5",
            "1e3",
            "1E3",
            "1.",
            ".5",
            ",5",
            "1.2.3",
            "1,234.5",
        ),
        *("1h60", "1h60m", "1h5", "1h75m", "1h30m60s", "90m60s", "1h30s", "1h30m15", "90m15"),
        *(
            "30m1h",
            "1s1m",
            "1h30:15",
            "m30",
            "90 m 5",
            "1 h 30",
            "PT30M1H",
            "PT1.5H",
            "PT-1H",
            "PT 1H",
        ),
        *(
            "nan",
            "NaN",
            "inf",
            "Infinity",
            "-Infinity",
            "None",
            "True",
            "0x10",
            "1_000",
            "1'30",
            "1/2",
        ),
        *(
            "\uff11:30",
            "१",
            "²",
            "½½",
            "45\u017f",
            "1\uff1a30",
            "\u22121:30",
            "1:30\x00",
            "\x00",
            "\ud800",
            "1\n:30",
        ),
        *("1:30 h", "two", "1:30;", "1 2", "'1:30'"),
    ],
)
def test_other_text_is_refused(text: str) -> None:
    """What could be read in two ways, or in none, is refused: it is never guessed at."""
    with pytest.raises(InvalidHours):
        Hours(text)


@pytest.mark.parametrize(
    "text",
    [
        *("1 ora e mezza", "un'ora", "mezz'ora", "1 ora e 75 minuti", "1 ora e", "e 30 minuti"),
        *("1orae30", "1 h and 30 min 5", "2 giorni", "2 heures", "1.5h 30m", "1,5 ore e 10 minuti"),
        *("\u00bd\u00bd", "\u00bd1", "1.5\u00bd", "1/2", "\u215b", "0.0001h", "\u00bd s", "1.5s"),
        *("1:30 h", "1:30 ore", "9" * 65 + "h", "9" * 4_400, "9" * 4_400 + " min"),
    ],
)
def test_words_that_are_not_exact_are_refused(text: str) -> None:
    """Numbers in words, two fractions, units out of order, and cells of any length."""
    with pytest.raises(InvalidHours) as caught:
        Hours(text)
    assert len(str(caught.value)) < 200


@given(
    st.integers(min_value=0, max_value=10**6),
    st.integers(min_value=0, max_value=59),
    st.sampled_from(["h", " h", " ora", " ore", " hour", " HOURS", "\u00a0hrs"]),
    st.sampled_from(["", " ", " e ", " and "]),
    st.sampled_from(["m", " min", " minuti", " minutes", " minuto"]),
)
def test_hours_in_words_are_those_of_the_clock(
    hours: int, minutes: int, of_hours: str, between: str, of_minutes: str
) -> None:
    """Whatever the unit is called, in either language."""
    text = f"{hours}{of_hours}{between}{minutes}{of_minutes}"
    assert Hours(f"{hours}:{minutes:02}") == Hours(text)


@pytest.mark.parametrize(
    "value",
    [
        *(
            1.5,
            1.0,
            float("nan"),
            float("inf"),
            True,
            False,
            None,
            b"1:30",
            1j,
            [],
            [1],
            {},
            object,
        ),
        *(object(), Span(hours=1), Small.ONE),
    ],
    ids=lambda value: type(value).__name__,  # the same in every process
)
def test_other_types_are_refused(value: Any) -> None:
    """A float, a bool and whatever else would have to be guessed at is a type error."""
    with pytest.raises(WrongHoursType, match="give a str as '1:30'") as caught:
        Hours(value)
    assert isinstance(caught.value, TypeError)
    assert isinstance(caught.value, InvalidRequest)


@pytest.mark.parametrize(
    "value",
    [
        *("0.001", "0.333", "1.00001", Decimal("0.333"), Decimal("0.0001"), Decimal("0.00001")),
        *(Fraction(1, 7), Fraction(1, 7200), Fraction(1, 10**300), timedelta(microseconds=1)),
        *(timedelta(hours=1, microseconds=-1), Decimal("1E-999999999"), "1." + "3" * 62),
        *(Decimal("1." + "0" * 5000 + "1"), Decimal(1).next_plus()),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_parts_of_a_second_are_refused(value: Any) -> None:
    """What is not whole seconds is refused: never truncated, never rounded."""
    with pytest.raises(InvalidHours, match="not a whole number of seconds"):
        Hours(value)


@pytest.mark.parametrize(
    "value",
    [
        *(f"{MAX_SECONDS + 1}s", f"-{MAX_SECONDS + 1}s", "9" * MAX_CHARACTERS, 2**53, -(2**53)),
        *(10**400, -(10**400), 10**100_000, Fraction(10**400), Fraction(10**5000)),
        *(Decimal(10) ** 20, Decimal("9" * 13), Decimal("1E+999999999"), Decimal("-1E+999999999")),
        *(Decimal("9" * 400), "2501999792983:36:33"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_out_of_range_is_refused(value: Any) -> None:
    """Beyond ±2**53 seconds is refused, at once, and no message has thousands of digits."""
    with pytest.raises(InvalidHours, match="beyond") as caught:
        Hours(value)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("special", ["NaN", "sNaN", "Infinity", "-Infinity", "NaN123"])
def test_no_number_is_no_quantity(special: str) -> None:
    """A `Decimal` that is no number, or no end, is refused."""
    with pytest.raises(InvalidHours, match="not a quantity of hours"):
        Hours(Decimal(special))


@pytest.mark.parametrize("text", ["1" * 65, "1" * 400, " " * 65, "1." + "0" * 10_000_000])
def test_long_text_is_refused_unread(text: str) -> None:
    """Text beyond its limit is refused by its length, and is not shown."""
    with pytest.raises(InvalidHours, match=rf"at most 64 characters, not {len(text)}$"):
        Hours(text)


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**13), max_value=10**13))
@example(Decimal("0.0025"))
@example(Decimal("0.00025"))
@example(Decimal("2501999792983.608888"))
def test_a_decimal_is_read_if_and_only_if_exact(value: Decimal) -> None:
    """A `Decimal` is accepted exactly where it is whole seconds within the range."""
    assert_exact(value, Fraction(value))


@given(st.integers(-(10**7), 10**7), st.integers(0, 9))
def test_text_with_decimals_is_read_if_and_only_if_exact(units: int, places: int) -> None:
    """Decimals in text, after a point or a comma, are accepted exactly where they are seconds."""
    text = f"{Decimal(units).scaleb(-places):f}"
    assert_exact(text, Fraction(units, 10**places))
    assert_exact(text.replace(".", ","), Fraction(units, 10**places))


@given(st.fractions() | st.builds(Fraction, st.integers(), st.sampled_from([1, 7, 60, 3600, 7200])))
def test_a_fraction_is_read_if_and_only_if_exact(value: Fraction) -> None:
    """A `Fraction` is accepted exactly where it is whole seconds within the range."""
    assert_exact(value, value)


@given(st.timedeltas())
@example(timedelta(seconds=-1))
@example(timedelta(microseconds=-1))
def test_a_span_is_read_if_and_only_if_exact(value: timedelta) -> None:
    """A `timedelta` is accepted exactly where it has no part of a second."""
    assert_exact(value, Fraction(value // timedelta(microseconds=1), 3_600_000_000))


def assert_exact(value: Any, hours: Fraction) -> None:
    """Accepted with exactly its seconds where these are whole and in range, else refused."""
    seconds = hours * 3600
    if seconds.denominator == 1 and abs(seconds) <= MAX_SECONDS:
        assert seconds == Hours(value).seconds
    else:
        with pytest.raises(InvalidHours):
            Hours(value)


@given(st.text("0123456789:.,hmsHMSPT+- ", max_size=12) | st.text(max_size=70))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text does anything else than give hours that can be shown again, or `InvalidHours`."""
    try:
        hours = Hours(text)
    except InvalidHours as error:
        assert len(str(error)) < 200  # noqa: PT017  # what is not refused is looked at below
    else:
        assert hours == Hours(str(hours))


# -- from seconds ------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [1.0, True, "1", None, Small.ONE, Decimal(1)], ids=repr)
def test_seconds_are_an_int(seconds: Any) -> None:
    """`from_seconds` takes an int, and nothing that resembles one."""
    with pytest.raises(WrongHoursType, match="seconds must be an int"):
        Hours.from_seconds(seconds)


def test_seconds_have_a_range() -> None:
    """±2**53 are the last seconds; what is beyond is refused, on both sides."""
    assert 2**53 == Hours.from_seconds(2**53).seconds
    assert -(2**53) == Hours.from_seconds(-(2**53)).seconds
    for seconds in (2**53 + 1, -(2**53) - 1, 10**5000):
        with pytest.raises(InvalidHours, match="beyond"):
            Hours.from_seconds(seconds)


# -- what is shown -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "plain", "hm"),
    [
        (0, "0:00", "0h00"),
        (5400, "1:30", "1h30"),
        (-1800, "-0:30", "-0h30"),
        (30, "0:00:30", "0h00m30s"),
        (-1, "-0:00:01", "-0h00m01s"),
        (5415, "1:30:15", "1h30m15s"),
        (3_600_000, "1000:00", "1000h00"),
        (-MAX_SECONDS, "-2501999792983:36:32", "-2501999792983h36m32s"),
    ],
)
def test_hours_are_shown(seconds: int, plain: str, hm: str) -> None:
    """Minutes always, seconds where there are any, the sign even at less than an hour."""
    hours = Hours.from_seconds(seconds)
    assert (plain, f"Hours('{plain}')", hm) == (str(hours), repr(hours), format(hours, "hm"))


def test_other_formats_are_those_of_text() -> None:
    """A width or an alignment is that of the text; what text does not know is an error."""
    hours = Hours("1:30")
    assert "1:30|    1:30|--1:30--" == f"{hours}|{hours:>8}|{hours:-^8}"
    with pytest.raises(ValueError, match="format"):
        format(hours, ".2f")


@given(HOURS)
def test_what_is_shown_is_read_again(hours: Hours) -> None:
    """Parse after format is the identity, in both formats, over the whole range."""
    assert hours == Hours(str(hours))
    assert hours == Hours(format(hours, "hm"))
    assert hours == eval(repr(hours), {"Hours": Hours})  # noqa: S307  # it is our own repr


@given(SECONDS)
def test_every_written_form_means_the_same(seconds: int) -> None:
    """One quantity in any of its forms is one quantity."""
    sign, size = "-" if seconds < 0 else "", abs(seconds)
    h, m, s = size // 3600, size // 60 % 60, size % 60
    forms = [
        *(f"{h}:{m:02}:{s:02}", f"{h}h{m}m{s}s", f"{h}H{m:02}M{s:02}S"),
        *(f"{size // 60}m{s}s", f"{size}s", f"PT{h}H{m}M{s}S", f"PT{size}S"),
    ]
    assert {seconds} == {Hours(sign + form).seconds for form in forms}


# -- other types --------------------------------------------------------------------


@given(st.integers(-(2**53 // 9), 2**53 // 9).map(lambda n: n * 9))
def test_a_decimal_that_ends_is_exact(seconds: int) -> None:
    """Multiples of nine seconds have an end as decimals: they come back as they were."""
    hours = Hours.from_seconds(seconds)
    assert Fraction(seconds, 3600) == Fraction(hours.as_decimal())
    assert hours == Hours(hours.as_decimal())


def test_a_decimal_without_end_has_28_digits() -> None:
    """A third of an hour has no end: it is cut to 28 digits, and is then no quantity."""
    third = Hours("0:20").as_decimal()
    assert Decimal("0." + "3" * 28) == third
    with pytest.raises(InvalidHours):
        Hours(third)


def test_the_callers_decimal_context_has_no_say() -> None:
    """Neither precision nor traps of the caller change what is given or read."""
    with localcontext(Context(prec=1, traps=[Inexact])):
        assert "1.25" == str(Hours("1:15").as_decimal())
        assert "0." + "6" * 27 + "7" == str(Hours("0:40").as_decimal())
        assert Hours("12:15") == Hours(Decimal("12.25"))


@given(st.integers(-86_399_999_913_600, 86_399_999_999_999))
def test_a_span_comes_back(seconds: int) -> None:
    """A `timedelta` is the same length, and the same hours again."""
    hours = Hours.from_seconds(seconds)
    assert timedelta(seconds=seconds) == hours.as_timedelta()
    assert hours == Hours(hours.as_timedelta())


@pytest.mark.parametrize("seconds", [MAX_SECONDS, -MAX_SECONDS, 86_400_000_000_000])
def test_a_span_has_a_smaller_range(seconds: int) -> None:
    """More than a `timedelta` holds is refused by an error of ours."""
    with pytest.raises(InvalidHours, match="more than a timedelta holds"):
        Hours.from_seconds(seconds).as_timedelta()


# -- a value ------------------------------------------------------------------------


def test_hours_never_change() -> None:
    """No attribute can be set, added or deleted."""
    hours = Hours("1:30")
    changes: list[Callable[[], object]] = [
        lambda: setattr(hours, "seconds", 1),
        lambda: setattr(hours, "minutes", 1),
        lambda: delattr(hours, "seconds"),
    ]
    for change in changes:
        with pytest.raises(AttributeError, match="immutable"):
            change()
    assert 5400 == hours.seconds
    assert not hasattr(hours, "__dict__")


@given(HOURS)
def test_hours_can_be_copied(hours: Hours) -> None:
    """A copy, a deep copy and every pickle are equal, with an equal hash."""
    pickled = [pickle.loads(pickle.dumps(hours, n)) for n in range(pickle.HIGHEST_PROTOCOL + 1)]  # noqa: S301  # our own
    for other in (copy.copy(hours), copy.deepcopy([hours])[0], Hours(hours), *pickled):
        assert (hours, hash(hours)) == (other, hash(other))


def test_hours_equal_hours_only() -> None:
    """Hours are equal to no number, and are of use as keys."""
    assert Hours("1:30") == Hours("90m")
    assert Hours(2) != 2
    assert Hours(2) != 7200
    assert Hours(2) != "2:00"
    assert Hours(0) != False  # noqa: E712  # the claim is about False
    assert {Hours("1:30"): 1, Hours(2): 2} == {Hours("90m"): 1, Hours("120m"): 2}


@pytest.mark.parametrize("compare", [operator.lt, operator.le, operator.gt, operator.ge])
@pytest.mark.parametrize("other", [1, 1.0, "1:30", None, timedelta(hours=1)], ids=repr)
def test_hours_compare_with_hours_only(compare: Callable[..., bool], other: Any) -> None:
    """An order between hours and something else would have to be guessed at."""
    with pytest.raises(TypeError):
        compare(Hours(1), other)
    with pytest.raises(TypeError):
        compare(other, Hours(1))


@given(SECONDS, SECONDS)
def test_hours_are_ordered_as_their_seconds(a: int, b: int) -> None:
    """All comparisons, and truth, are those of the seconds."""
    x, y = Hours.from_seconds(a), Hours.from_seconds(b)
    for compare in (operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne):
        assert compare(a, b) == compare(x, y)
    assert bool(a) == bool(x)


# -- arithmetic ---------------------------------------------------------------------


@given(st.integers(-(2**52), 2**52), st.integers(-(2**52), 2**52))
def test_sums_are_those_of_the_seconds(a: int, b: int) -> None:
    """Sum, difference, negative and magnitude are exact."""
    x, y = Hours.from_seconds(a), Hours.from_seconds(b)
    assert (a + b, a - b) == ((x + y).seconds, (x - y).seconds)
    assert (-a, a, abs(a)) == ((-x).seconds, (+x).seconds, abs(x).seconds)


@given(st.integers(-(2**43), 2**43), FACTORS)
def test_products_are_those_of_the_seconds(seconds: int, factor: int) -> None:
    """A whole multiple is exact, whichever side the factor stands on."""
    hours = Hours.from_seconds(seconds)
    assert (seconds * factor,) * 2 == ((hours * factor).seconds, (factor * hours).seconds)


@given(HOURS, FACTORS.filter(bool))
def test_division_loses_nothing(hours: Hours, divisor: int) -> None:
    """The quotient times the divisor, and the rest, are what was divided."""
    quotient, rest = hours // divisor, hours % divisor
    assert hours == Hours.from_seconds(quotient.seconds * divisor + rest.seconds)
    assert divmod(hours.seconds, divisor) == (quotient.seconds, rest.seconds)
    assert (quotient, rest) == divmod(hours, divisor)


@pytest.mark.parametrize(
    "compute", [operator.add, operator.sub, operator.truediv, operator.pow, divmod]
)
@pytest.mark.parametrize("other", [1.0, True, "1:00", None, timedelta(1), Decimal(1)], ids=repr)
def test_arithmetic_with_others_is_refused(compute: Callable[..., Any], other: Any) -> None:
    """Hours go with hours: what a number beside them means would have to be guessed at."""
    with pytest.raises(TypeError):
        compute(Hours(1), other)
    with pytest.raises(TypeError):
        compute(other, Hours(1))


@pytest.mark.parametrize("other", [1.0, True, "1", None, Decimal(1), Hours(1)], ids=repr)
@pytest.mark.parametrize("compute", [operator.mul, operator.floordiv, operator.mod, divmod])
def test_a_factor_is_an_int(compute: Callable[..., Any], other: Any) -> None:
    """Hours are multiplied and divided by whole numbers only, and a bool is none."""
    with pytest.raises(TypeError):
        compute(Hours(1), other)


@pytest.mark.parametrize("compute", [operator.add, operator.sub])
def test_an_int_is_not_added(compute: Callable[..., Any]) -> None:
    """`1` beside hours could be an hour or a second: it is a type error on either side."""
    with pytest.raises(TypeError):
        compute(Hours(1), 1)
    with pytest.raises(TypeError):
        compute(1, Hours(1))


@pytest.mark.parametrize("compute", [operator.floordiv, operator.mod, divmod])
def test_division_by_zero_is_an_error(compute: Callable[..., Any]) -> None:
    """Nothing is shared by nobody."""
    with pytest.raises(ZeroDivisionError):
        compute(Hours(1), 0)


def test_results_out_of_range_are_refused() -> None:
    """No result leaves the range unseen."""
    most, second = Hours.from_seconds(MAX_SECONDS), Hours("1s")
    computations: list[Callable[[], object]] = [
        lambda: most + second,
        lambda: -most - second,
        lambda: most * 2,
        lambda: -2 * most,
        lambda: second * 10**5000,
    ]
    for compute in computations:
        with pytest.raises(InvalidHours, match="beyond"):
            compute()


# -- the cost of it -----------------------------------------------------------------


def test_hours_load_no_other_type_of_number() -> None:
    """Importing is quick: `decimal`, `fractions` and `datetime` are left until they are used."""
    program = (
        "import sys; before = set(sys.modules); from timebank.hours import Hours\n"
        "assert Hours('1:30').seconds == 5400\n"
        "try: Hours(1.5)\n"
        "except TypeError: pass\n"
        "print(sorted({'decimal', 'fractions', 'datetime'} & (set(sys.modules) - before)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "[]\n" == done.stdout


@pytest.mark.parametrize("wrong", [WrongHoursType, InvalidHours])
def test_errors_are_wrong_requests(wrong: type[Exception]) -> None:
    """Who catches `InvalidRequest`, or `ValueError`, catches each refusal of hours."""
    assert issubclass(wrong, InvalidRequest)
    assert issubclass(wrong, ValueError)
    assert (wrong is WrongHoursType) == issubclass(wrong, WrongType)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Hours.from_seconds("7"), "seconds must be an int, not str: '7'"),  # type: ignore[arg-type]
        (lambda: Hours.from_seconds(2**53 + 1), "9007199254740993 seconds are beyond ±2**53"),
        (
            lambda: Hours(b"1"),  # type: ignore[arg-type]
            (
                "hours cannot be a bytes: b'1'; give a str as '1:30', an int, Decimal, Fraction "
                "or timedelta"
            ),
        ),
        (lambda: Hours("x"), "not a quantity of hours: 'x'; write 1:30, 1.5, 1h30 or 90m"),
        (lambda: Hours(Decimal("NaN")), "not a quantity of hours: Decimal('NaN')"),
        (lambda: Hours(Decimal("1e17")), "beyond ±2**53 seconds: Decimal('1E+17')"),
        (lambda: Hours("0.00001"), "not a whole number of seconds: '0.00001'"),
        (
            lambda: Hours(Decimal("0.00001")),
            "not a whole number of seconds: Decimal('0.00001')",
        ),
        (lambda: Hours(Fraction(1, 7)), "not a whole number of seconds: Fraction(1, 7)"),
        (
            lambda: Hours(timedelta(microseconds=1)),
            "not a whole number of seconds: datetime.timedelta(microseconds=1)",
        ),
    ],
)
def test_an_error_says_what_was_given(make: Callable[[], Hours], message: str) -> None:
    """In one sentence, with the value and what may be given instead."""
    with pytest.raises((InvalidHours, TypeError)) as caught:
        make()
    assert message == str(caught.value)


def test_the_least_and_the_most_that_a_decimal_may_be() -> None:
    """Sixteen digits before the point are looked at, and four behind it."""
    assert MAX_SECONDS // 3600 * 3600 == Hours(Decimal(MAX_SECONDS // 3600)).seconds
    assert 0 == Hours(Decimal("0e50")).seconds
    for large in ("1e16", "1e17", "9e999"):
        with pytest.raises(InvalidHours, match="beyond"):
            Hours(Decimal(large))
    assert 9 == Hours(Decimal("0.0025")).seconds
    assert 9 == Hours(Decimal("0.00250")).seconds


def test_equal_quantities_have_one_hash_and_others_mostly_another() -> None:
    """So that a dictionary of a thousand is not a list."""
    assert hash(Hours("1:30")) == hash(Hours.from_seconds(5400))
    assert 900 < len({hash(Hours.from_seconds(n)) for n in range(1000)})


def test_what_is_immutable_says_so() -> None:
    """When it is set, and when it is deleted."""
    hours: Any = Hours(1)
    with pytest.raises(AttributeError) as caught:
        hours.seconds = 2
    assert "Hours are immutable" == str(caught.value)
    with pytest.raises(AttributeError) as caught:
        del hours.seconds
    assert "Hours are immutable" == str(caught.value)
