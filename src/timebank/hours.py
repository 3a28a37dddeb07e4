"""Provide `Hours`, an exact quantity of time credit, and `split`, which shares one without loss.

A quantity is a signed whole number of seconds. The data of existing systems is in seconds
or in hundredths of an hour (36 s), and both can be represented without loss. A value that
is not a whole number of seconds is refused; it is never truncated or rounded.

>>> from timebank import Hours, split
>>> Hours("1:30") + Hours("0,25")
Hours('1:45')
>>> split("1:00", ["f1", "f2", "f3"], weights=[1, 1, 2])
{'f1': Hours('0:15'), 'f2': Hours('0:15'), 'f3': Hours('0:30')}
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import total_ordering
from math import lcm
from typing import TYPE_CHECKING, Any, Final, final

from timebank.errors import InvalidHours, InvalidRequest, WrongHoursType, WrongType, shown

if TYPE_CHECKING:
    from datetime import timedelta
    from decimal import Decimal
    from fractions import Fraction

MAX_SECONDS: Final = 2**53
MAX_CHARACTERS: Final = 64
#: The most that the numerator and the denominator of a weight may need.
MAX_WEIGHT_BITS: Final = 256
_HOUR: Final = 3600

#: The commonest way to write hours, `1:30`.
_SHORT_CLOCK: Final = re.compile(r"([0-9]{1,9}):([0-5][0-9])").fullmatch
_CLOCK: Final = re.compile(r"([0-9]+):([0-5][0-9])(?::([0-5][0-9]))?")
_DECIMAL: Final = re.compile(r"([0-9]+)(?:[.,]([0-9]+))?")
_BLANK: Final = "[ \u00a0\u202f]"
_OF_HOURS: Final = "(?:h|hrs?|hours?|ora|ore)"
_OF_MINUTES: Final = "(?:m|mins?|minutes?|minuto|minuti)"
_OF_SECONDS: Final = "(?:s|secs?|seconds?|secondo|secondi)"
_AND: Final = f"(?:{_BLANK}*|{_BLANK}+(?:and|e){_BLANK}+)"
#: Hours, minutes and seconds with their units or words: `1h30`, `1h 30m`, `1 ora e 30 minuti`.
_UNITS: Final = re.compile(
    rf"([0-9]+)h([0-5][0-9])"
    rf"|([0-9]+){_BLANK}*{_OF_HOURS}(?:{_AND}([0-5]?[0-9]){_BLANK}*{_OF_MINUTES}"
    rf"(?:{_AND}([0-5]?[0-9]){_BLANK}*{_OF_SECONDS})?)?"
    rf"|([0-9]+){_BLANK}*{_OF_MINUTES}(?:{_AND}([0-5]?[0-9]){_BLANK}*{_OF_SECONDS})?"
    rf"|([0-9]+){_BLANK}*{_OF_SECONDS}",
    re.IGNORECASE | re.ASCII,  # without ASCII the long s of old prints would be an s
)
#: Fractions that have a character of their own, in sixtieths.
_SIXTIETHS: Final = dict(
    zip("\u00bd\u2153\u2154\u00bc\u00be\u2159\u215a", (30, 20, 40, 15, 45, 10, 50), strict=True)
)
#: One number with a fraction, and perhaps its unit: `1.5h`, `1\u00bd`, `\u00bd hour`.
_PARTS: Final = re.compile(
    rf"(?:([0-9]+)[.,]([0-9]+)|([0-9]*){_BLANK}*([{''.join(_SIXTIETHS)}]))"
    rf"{_BLANK}*(?:({_OF_HOURS})|({_OF_MINUTES}))?",
    re.IGNORECASE | re.ASCII,
)
_ISO: Final = re.compile(
    r"PT(?=[0-9])(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+)S)?", re.IGNORECASE | re.ASCII
)


@final
@total_ordering
class Hours:
    """An immutable quantity of hours, exact to the second.

    It is made from an `int` (hours), `Decimal`, `Fraction`, `timedelta`, another `Hours`, or
    a `str` as `"2"`, `"1:30"`, `"-0:30"`, `"1:30:15"`, `"1.25"`, `"1,25"`, `"1h30"`, `"1h 30m"`,
    `"1.5h"`, `"2 h"`, `"90m"`, `"90 min"`, `"45s"`, `"½"`, `"1½"`, `"PT1H30M"`, or in words of
    English and Italian: `"2 hours"`, `"1 ora e 30 minuti"`. It has at most 64 characters. Minutes
    and seconds after a colon, or after hours, are 0 to 59.

    :raises WrongHoursType: a float, a bool or another type that is not exact.
    :raises InvalidHours: not a quantity, not whole seconds, or beyond ±2**53 seconds.

    >>> from timebank import Hours
    >>> Hours("1,25"), Hours("90m"), Hours(2).seconds
    (Hours('1:15'), Hours('1:30'), 7200)
    """

    __slots__ = ("seconds",)
    seconds: int

    def __new__(cls, value: int | str | Decimal | Fraction | timedelta | Hours) -> Hours:
        """Make a quantity from any of the accepted types."""
        if type(value) is Hours:
            return value
        return cls.from_seconds(_unbounded(value))

    @classmethod
    def from_seconds(cls, seconds: int) -> Hours:
        """Return a quantity of whole seconds.

        :raises WrongHoursType: not an int.
        :raises InvalidHours: beyond ±2**53.

        >>> from timebank import Hours
        >>> Hours.from_seconds(90)
        Hours('0:01:30')
        """
        if type(seconds) is not int:
            msg = f"seconds must be an int, not {type(seconds).__name__}: {shown(seconds)}"
            raise WrongHoursType(msg).about(key="hours_wrong_type", type=type(seconds).__name__)
        if abs(seconds) > MAX_SECONDS:
            msg = f"{shown(seconds)} seconds are beyond ±2**53"
            raise InvalidHours(msg).about(key="hours_too_large", text=shown(seconds // 3600))
        self = object.__new__(cls)
        _set_seconds(self, seconds)
        return self

    def __setattr__(self, name: str, value: object) -> None:
        """Raise `AttributeError`, for a quantity never changes."""
        msg = "Hours are immutable"
        raise AttributeError(msg)

    def __delattr__(self, name: str) -> None:
        """Raise `AttributeError`, for a quantity never changes."""
        msg = "Hours are immutable"
        raise AttributeError(msg)

    def __reduce__(self) -> tuple[Any, tuple[int]]:
        """Pickle the seconds."""
        return Hours.from_seconds, (self.seconds,)

    # -- text -----------------------------------------------------------------

    def __str__(self) -> str:
        """Return the quantity as `1:30`, `-0:30`, or `0:00:30` where there are seconds."""
        hours, minutes, seconds, sign = self._parts()
        tail = f":{seconds:02}" if seconds else ""
        return f"{sign}{hours}:{minutes:02}{tail}"

    def __repr__(self) -> str:
        return f"Hours('{self}')"

    def __format__(self, spec: str) -> str:
        """Format the quantity: `hm` gives `1h30`, and any other spec is that of `str`.

        >>> from timebank import Hours
        >>> f"{Hours('1:30'):hm}", f"{Hours('1:30'):>6}"
        ('1h30', '  1:30')
        """
        if spec != "hm":
            return format(str(self), spec)
        hours, minutes, seconds, sign = self._parts()
        tail = f"m{seconds:02}s" if seconds else ""
        return f"{sign}{hours}h{minutes:02}{tail}"

    def _parts(self) -> tuple[int, int, int, str]:
        minutes, seconds = divmod(abs(self.seconds), 60)
        return *divmod(minutes, 60), seconds, "-" if self.seconds < 0 else ""

    def as_decimal(self) -> Decimal:
        """Return the hours as a `Decimal` of up to 28 digits.

        It is not always exact: twenty minutes are a third of an hour, 0.333… . Compute with
        `seconds`. The caller's decimal context is neither read nor changed.

        >>> from timebank import Hours
        >>> Hours("1:15").as_decimal()
        Decimal('1.25')
        """
        from decimal import ROUND_HALF_EVEN, Context, Decimal

        context = Context(prec=28, rounding=ROUND_HALF_EVEN, traps=[])
        return context.divide(Decimal(self.seconds), Decimal(_HOUR))

    def as_timedelta(self) -> timedelta:
        """Return the quantity as a `timedelta`.

        :raises InvalidHours: more than the 999,999,999 days that a `timedelta` holds.

        >>> from timebank import Hours
        >>> Hours("1:30").as_timedelta()
        datetime.timedelta(seconds=5400)
        """
        from datetime import timedelta

        try:
            return timedelta(seconds=self.seconds)
        except OverflowError as error:
            msg = f"{self} is more than a timedelta holds"
            raise InvalidHours(msg) from error

    # -- comparison -----------------------------------------------------------

    def __eq__(self, other: object) -> bool:
        return self.seconds == other.seconds if type(other) is Hours else NotImplemented

    def __lt__(self, other: Hours) -> bool:
        if type(other) is not Hours:
            return NotImplemented
        return self.seconds < other.seconds

    def __hash__(self) -> int:
        return hash(self.seconds)

    def __bool__(self) -> bool:
        return self.seconds != 0

    # -- arithmetic -----------------------------------------------------------

    def __add__(self, other: Hours) -> Hours:
        if type(other) is not Hours:
            return NotImplemented
        return Hours.from_seconds(self.seconds + other.seconds)

    def __sub__(self, other: Hours) -> Hours:
        if type(other) is not Hours:
            return NotImplemented
        return Hours.from_seconds(self.seconds - other.seconds)

    def __neg__(self) -> Hours:
        return Hours.from_seconds(-self.seconds)

    def __pos__(self) -> Hours:
        return self

    def __abs__(self) -> Hours:
        return Hours.from_seconds(abs(self.seconds))

    def __mul__(self, factor: int) -> Hours:
        if type(factor) is not int:
            return NotImplemented
        return Hours.from_seconds(self.seconds * factor)

    __rmul__ = __mul__

    def __floordiv__(self, divisor: int) -> Hours:
        if type(divisor) is not int:
            return NotImplemented
        return Hours.from_seconds(self.seconds // divisor)

    def __mod__(self, divisor: int) -> Hours:
        if type(divisor) is not int:
            return NotImplemented
        return Hours.from_seconds(self.seconds % divisor)

    def __divmod__(self, divisor: int) -> tuple[Hours, Hours]:
        if type(divisor) is not int:
            return NotImplemented
        return self // divisor, self % divisor


#: The slot's own setter, which `__setattr__` does not see.
_set_seconds: Final = Hours.__dict__["seconds"].__set__


# -- from other types ----------------------------------------------------------


def seconds_of(value: object) -> int:
    """Return the seconds of anything that `Hours` takes, without making one.

    :raises InvalidHours: as `Hours`.

    >>> from timebank.hours import seconds_of
    >>> seconds_of("1:30")
    5400
    """
    if type(value) is Hours:
        return value.seconds
    seconds = _from_text(value) if type(value) is str else _unbounded(value)
    if not -MAX_SECONDS <= seconds <= MAX_SECONDS:
        return Hours.from_seconds(seconds).seconds  # refuses it
    return seconds


def _unbounded(value: object) -> int:
    if isinstance(value, str):
        return _from_text(value)
    if type(value) is int:
        return value * _HOUR
    numerator, denominator = _ratio_in_hours(value)
    seconds, rest = divmod(numerator * _HOUR, denominator)
    if rest:
        raise _not_whole(value)
    return seconds


def _class_if_loaded(module: str, name: str) -> Any:
    """Return a class of a module, or `()` if the module is not loaded.

    Nothing can be an instance of a class whose module is not loaded, so the module need not be
    imported to find out.
    """
    return getattr(sys.modules.get(module), name, ())


def _microseconds(value: object) -> int | None:
    """Return the microseconds of a `timedelta`, or `None` for anything else.

    A subclass counts as something else: some subclasses also hold nanoseconds or months,
    which would be lost.
    """
    if type(value) is not _class_if_loaded("datetime", "timedelta"):
        return None
    span: timedelta = value  # type: ignore[assignment]  # checked above
    return (span.days * 86_400 + span.seconds) * 1_000_000 + span.microseconds


def _ratio_in_hours(value: object) -> tuple[int, int]:
    """Return the numerator and denominator of a number of hours."""
    if isinstance(value, _class_if_loaded("fractions", "Fraction")):
        return value.numerator, value.denominator
    if isinstance(value, _class_if_loaded("decimal", "Decimal")):
        return _decimal_in_hours(value)
    if (microseconds := _microseconds(value)) is not None:
        return microseconds, _HOUR * 1_000_000
    msg = (
        f"hours cannot be a {type(value).__name__}: {shown(value)}; give a str as '1:30', "
        "an int, Decimal, Fraction or timedelta"
    )
    raise WrongHoursType(msg).about(key="hours_wrong_type", type=type(value).__name__)


def _decimal_in_hours(value: Any) -> tuple[int, int]:
    """Return a `Decimal` as a ratio, and refuse a huge one before its exponent is expanded."""
    if not value.is_finite():
        msg = f"not a quantity of hours: {shown(value)}"
        raise InvalidHours(msg).about(key="hours_unreadable", text=shown(value))
    if value.adjusted() > 16 and value:  # noqa: PLR2004  # 10**16 hours are beyond the range
        msg = f"beyond ±2**53 seconds: {shown(value)}"
        raise InvalidHours(msg).about(key="hours_too_large", text=shown(value))
    sign, number, exponent = _without_zeros(value)
    if exponent < -4:  # noqa: PLR2004  # 3600 has the factor 2**4: no fifth decimal is whole
        raise _not_whole(value)
    return sign * int(number) * 10 ** max(exponent, 0), 10 ** max(-exponent, 0)


def _without_zeros(value: Any) -> tuple[int, str, int]:
    """Return sign, digits and exponent of a finite `Decimal`, without trailing zeros."""
    negative, digits, exponent = value.as_tuple()
    number = "".join(map(str, digits))
    bare = number.rstrip("0")
    if not bare:
        return 1, "0", 0
    return -1 if negative else 1, bare, exponent + len(number) - len(bare)


def _from_text(text: str) -> int:
    if len(text) > MAX_CHARACTERS:
        msg = f"hours are written in at most {MAX_CHARACTERS} characters, not {len(text)}"
        raise InvalidHours(msg).about(key="hours_unreadable", text=shown(text))
    if (found := _SHORT_CLOCK(text)) is not None:
        return int(found[1]) * _HOUR + int(found[2]) * 60
    bare = text.strip()
    negative = bare.startswith("-")
    bare = bare[1:] if bare[:1] in {"-", "+"} else bare
    if found := _CLOCK.fullmatch(bare) or _ISO.fullmatch(bare):
        seconds = _total(*found.groups())
    elif found := _UNITS.fullmatch(bare):
        short, its_minutes, hours, minutes, rest, only_minutes, its_rest, only_rest = found.groups()
        seconds = _total(
            short or hours, its_minutes or minutes or only_minutes, rest or its_rest or only_rest
        )
    elif found := _DECIMAL.fullmatch(bare):
        seconds = _of_decimal(text, found[1], found[2] or "", _HOUR)
    elif found := _PARTS.fullmatch(bare):
        whole, decimals, before, fraction, _, minutes = found.groups()
        unit = 60 if minutes else _HOUR
        if fraction is None:
            seconds = _of_decimal(text, whole, decimals, unit)
        else:
            seconds = int(before or 0) * unit + _SIXTIETHS[fraction] * unit // 60
    else:
        msg = f"not a quantity of hours: {shown(text)}; write 1:30, 1.5, 1h30 or 90m"
        raise InvalidHours(msg).about(key="hours_unreadable", text=shown(text))
    return -seconds if negative else seconds


def _of_decimal(text: str, whole: str, decimals: str, unit: int) -> int:
    """Return the seconds of a number with decimals, of units of so many seconds."""
    scale: int = 10 ** len(decimals)
    seconds, over = divmod(int(whole + decimals) * unit, scale)
    if over:
        raise _not_whole(text)
    return seconds


def _total(hours: str | None, minutes: str | None, seconds: str | None) -> int:
    return int(hours or 0) * _HOUR + int(minutes or 0) * 60 + int(seconds or 0)


def _not_whole(value: object) -> InvalidHours:
    error = InvalidHours(f"not a whole number of seconds: {shown(value)}")
    return error.about(key="hours_not_whole", text=shown(value))


# -- sharing -------------------------------------------------------------------


def apportion(total: int, weights: Sequence[int]) -> list[int]:
    """Share a whole number by largest remainder; the sum of the shares is exactly `total`.

    Of equal remainders the earlier one comes first. No share is more than its weight if
    `total` is not more than the sum of the weights.

    :raises InvalidRequest: `total` or a weight is negative, or no weight is more than zero.

    >>> from timebank.hours import apportion
    >>> apportion(10, [1, 1, 1])
    [4, 3, 3]
    """
    whole = sum(weights)
    if total < 0 or whole <= 0 or min(weights) < 0:
        msg = f"cannot apportion {shown(total)} by {shown(weights)}"
        raise InvalidRequest(msg)
    shares = [total * weight // whole for weight in weights]
    rests = sorted(range(len(weights)), key=lambda i: -(total * weights[i] % whole))
    for index in rests[: total - sum(shares)]:
        shares[index] += 1
    return shares


def split(
    hours: int | str | Decimal | Fraction | timedelta | Hours,
    among: Iterable[str],
    *,
    weights: Mapping[str, Any] | Sequence[Any] | None = None,
    remainder_to: str | None = None,
) -> dict[str, Hours]:
    """Share a quantity without losing a second, and return `{id: Hours}`.

    Shares of zero are left out. Seconds that do not divide go by largest remainder; of equal
    remainders, by the order of `among`, which therefore cannot be a set. `weights` are `int`,
    `Decimal`, `Fraction`, `Hours` or `timedelta`, in the order of `among` or by id; they are
    equal when left out. With `remainder_to` every share is rounded down to whole seconds, and
    the rest goes to that account, which may be one of `among`. Negative hours are shared in
    the same way.

    :raises InvalidHours: `hours` is not a quantity (`WrongHoursType` if because of its type).
    :raises WrongType: ids or weights of another type.
    :raises InvalidRequest: no ids, an id twice, or weights that do not name exactly the ids,
        are negative, all zero, or need more than 256 bits.

    >>> from timebank import split
    >>> split("1:00", ["a", "b", "c"], weights=[1, 1, 5], remainder_to="fund")["fund"]
    Hours('0:00:01')
    """
    quantity = Hours(hours)
    ids = _distinct(among)
    shares_of = _weights(ids, weights)
    if remainder_to is not None and not isinstance(remainder_to, str):
        raise _invalid_id(remainder_to)
    total = abs(quantity.seconds)
    if remainder_to is None:
        shares = dict(zip(ids, apportion(total, shares_of), strict=True))
    else:
        whole = sum(shares_of)
        shares = {id: total * w // whole for id, w in zip(ids, shares_of, strict=True)}
        rest = total - sum(shares.values())
        shares[remainder_to] = shares.get(remainder_to, 0) + rest
    sign = -1 if quantity.seconds < 0 else 1
    return {id: Hours.from_seconds(sign * share) for id, share in shares.items() if share}


def _distinct(among: Any) -> list[str]:
    if isinstance(among, str):
        msg = f"split among a collection of ids, not the str {shown(among)}"
        raise InvalidRequest(msg)
    if isinstance(among, (set, frozenset)) or not isinstance(among, Iterable):
        msg = f"split among ids in an order, not a {type(among).__name__}: {shown(among)}"
        raise WrongType(msg)
    ids = list(among)
    for id in ids:
        if not isinstance(id, str):
            raise _invalid_id(id)
    if not ids or len(set(ids)) != len(ids):
        msg = f"split among at least one id, each once, not {shown(ids)}"
        raise InvalidRequest(msg)
    return ids


def _invalid_id(value: object) -> WrongType:
    return WrongType(f"an account id is a str, not a {type(value).__name__}: {shown(value)}")


def _weights(ids: list[str], weights: Any) -> list[int]:
    """Return whole weights in the order of the ids, in the same proportions."""
    if weights is None:
        return [1] * len(ids)
    if isinstance(weights, Mapping):
        if weights.keys() != set(ids):
            msg = f"weights must name exactly {shown(ids)}, not {shown(list(weights))}"
            raise InvalidRequest(msg)
        weights = [weights[id] for id in ids]
    if not isinstance(weights, Sequence):
        msg = f"weights are a mapping or a sequence, not a {type(weights).__name__}"
        raise WrongType(msg)
    if len(weights) != len(ids):
        msg = f"{len(ids)} ids need as many weights, not {len(weights)}"
        raise InvalidRequest(msg)
    ratios = [_weight(weight) for weight in weights]
    if not any(numerator for numerator, _ in ratios):
        msg = f"one weight must be more than zero: {shown(weights)}"
        raise InvalidRequest(msg)
    common = lcm(*(denominator for _, denominator in ratios))
    return [numerator * (common // denominator) for numerator, denominator in ratios]


def _weight(weight: object) -> tuple[int, int]:
    """Return the numerator and denominator of a weight; `Hours` and `timedelta` are in hours."""
    if type(weight) is int:
        ratio = weight, 1
    elif type(weight) is Hours:
        ratio = weight.seconds, _HOUR
    elif isinstance(weight, _class_if_loaded("fractions", "Fraction")):
        ratio = weight.numerator, weight.denominator
    elif isinstance(weight, _class_if_loaded("decimal", "Decimal")):
        ratio = _weight_of_decimal(weight)
    elif (microseconds := _microseconds(weight)) is not None:
        ratio = microseconds, _HOUR * 1_000_000
    else:
        msg = f"a weight is an int, Decimal, Fraction, Hours or timedelta, not {shown(weight)}"
        raise WrongType(msg)
    if ratio[0] < 0:
        msg = f"a weight is not negative: {shown(weight)}"
        raise InvalidRequest(msg)
    if max(ratio).bit_length() > MAX_WEIGHT_BITS:
        raise _invalid_weight(weight)
    return ratio


def _weight_of_decimal(weight: Any) -> tuple[int, int]:
    if not weight.is_finite() or abs(weight.adjusted()) > MAX_WEIGHT_BITS:
        raise _invalid_weight(weight)
    sign, number, exponent = _without_zeros(weight)
    if len(number) > MAX_WEIGHT_BITS or exponent < -MAX_WEIGHT_BITS:
        raise _invalid_weight(weight)
    return sign * int(number) * 10 ** max(exponent, 0), 10 ** max(-exponent, 0)


def _invalid_weight(weight: object) -> InvalidRequest:
    return InvalidRequest(
        f"a weight is a finite number of at most {MAX_WEIGHT_BITS} bits: {shown(weight)}"
    )
