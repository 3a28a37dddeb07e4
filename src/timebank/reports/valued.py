"""Work out what hours of presence are worth by a table of hourly rates: exact, to the cent.

A value is figurative: nobody is paid it. Amounts are whole hundredths of a currency. Each line is
rounded half up, the total is the exact sum rounded once, and where the lines come to something
else a line of its own says the difference.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

import attrs

from timebank.errors import InvalidRequest, shown
from timebank.hours import Hours
from timebank.model.alike import folded_name
from timebank.queries.presences import Presence, Presences

#: The highest rate of an hour: a larger one is a slip.
MOST_CENTS_AN_HOUR: Final = 100_000_00
#: What stands for all categories that have no rate of their own.
ALL_OTHERS: Final = "*"
_HOUR: Final = 3_600
_CENTS: Final = 100
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
#: Signs and words that people write beside an amount of money, an hour among them.
_BESIDE: Final = re.compile(
    r"^(?:[€$£]|euro|[A-Z]{3})?(.*?)"
    r"(?:[€$£]|euro|[A-Z]{3})?(?:/(?:h|ora|hour|hr)\.?)?$",
    re.IGNORECASE,
)
_PLAIN: Final = re.compile(r"([0-9]{1,12})(?:[.,]([0-9]{1,2}))?", re.ASCII)
_GROUPED: Final = re.compile(
    r"([0-9]{1,3}(?:([.,'\u2019])[0-9]{3})(?:\2[0-9]{3})*)(?:(?!\2)[.,]([0-9]{1,2}))", re.ASCII
)
_GROUPS: Final = re.compile(r"[0-9]{1,3}([.,'\u2019])[0-9]{3}(?:\1[0-9]{3})+", re.ASCII)
_FINER: Final = re.compile(r"[0-9]+[.,][0-9]{3,}", re.ASCII)
_MINUS: Final = ("-", "\u2212", "\u2013")


def cents_of(text: str) -> int:
    """Return an amount of money in cents, as people write it, in Italian or English.

    :raises InvalidRequest: it is none, is below zero, has more than two decimals, or is too large.

    >>> from timebank.reports.valued import cents_of
    >>> cents_of("€ 12,50"), cents_of("12.5"), cents_of("1.234,00 €/h"), cents_of("12")
    (1250, 1250, 123400, 1200)
    """
    bare = "".join(text.split())
    bare = found[1] if (found := _BESIDE.fullmatch(bare)) else bare
    if bare.startswith(_MINUS) and bare[1:2].isdigit():
        msg = f"a rate is not below zero: {shown(text)}"
        raise InvalidRequest(msg).about(key="rate_negative", given=text)
    if plain := _PLAIN.fullmatch(bare):
        whole, part = plain[1], plain[2]
    elif grouped := _GROUPED.fullmatch(bare):
        whole, part = grouped[1], grouped[3]
    elif _GROUPS.fullmatch(bare):
        whole, part = bare, None
    elif _FINER.fullmatch(bare):
        msg = f"a rate has at most two decimals: {shown(text)}"
        raise InvalidRequest(msg).about(key="rate_decimals", given=text)
    else:
        msg = f"a rate is an amount like 12.50 or 12,50, not {shown(text)}"
        raise InvalidRequest(msg).about(key="rate_unclear", given=shown(text))
    cents = int(re.sub("[^0-9]", "", whole)) * _CENTS + int((part or "").ljust(2, "0"))
    if cents > MOST_CENTS_AN_HOUR:
        msg = f"a rate is at most {amount(MOST_CENTS_AN_HOUR)} an hour, not {text.strip()}"
        raise InvalidRequest(msg).about(
            key="rate_too_large", given=text.strip(), most=amount(MOST_CENTS_AN_HOUR)
        )
    return cents


def amount(cents: int) -> str:
    """Return cents as a plain decimal number.

    >>> from timebank.reports.valued import amount
    >>> amount(1250), amount(-5)
    ('12.50', '-0.05')
    """
    whole, part = divmod(abs(cents), _CENTS)
    return f"{'-' if cents < 0 else ''}{whole}.{part:02}"


@attrs.frozen
class Rates:
    """What an hour is worth in cents, by category; `other_cents` is that of all other categories.

    Categories are compared as names are, without regard to case and accents. `Rates.of` takes
    amounts as people write them; `timebank.interchange.rates.read_rates` reads a sheet.

    :raises InvalidRequest: a rate below zero or too large, or two of one category.
    """

    cents: Mapping[str, int]
    other_cents: int | None = None

    def __attrs_post_init__(self) -> None:
        """Check what was given."""
        for rate in (
            *self.cents.values(),
            *([] if self.other_cents is None else [self.other_cents]),
        ):
            if type(rate) is not int or not 0 <= rate <= MOST_CENTS_AN_HOUR:
                msg = f"a rate is from 0 to {MOST_CENTS_AN_HOUR:,} whole cents, not {shown(rate)}"
                raise InvalidRequest(msg).about(
                    key="rate_cents", given=shown(rate), most=MOST_CENTS_AN_HOUR
                )
        folded = [folded_name(category) for category in self.cents]
        if len({*folded}) < len(folded):
            twice = next(
                one for one, key in zip(self.cents, folded, strict=True) if folded.count(key) > 1
            )
            msg = f"there are two rates of the category {shown(twice)}"
            raise InvalidRequest(msg).about(key="rate_twice", category=twice)

    @classmethod
    def of(cls, rates: Mapping[str, str]) -> Rates:
        """Return rates from amounts as people write them; `*` is for all other categories.

        :raises InvalidRequest: as `cents_of`, or two rates of one category.

        >>> from timebank.reports.valued import Rates
        >>> Rates.of({"care": "12,50", "*": "10"})
        Rates(cents={'care': 1250}, other_cents=1000)
        """
        cents = {category: cents_of(rate) for category, rate in rates.items()}
        other = cents.pop(ALL_OTHERS, None)
        return cls(cents, other)

    def by_folded(self) -> dict[str, tuple[str, int]]:
        """Return the categories as they are written, and their rates, by what is compared."""
        return {folded_name(name): (name, cents) for name, cents in self.cents.items()}


@attrs.frozen(kw_only=True)
class ValueLine:
    """The hours of a category, their rate and their value, in cents. `category` may be empty.

    `by_other` tells that the rate is that of all other categories.
    """

    category: str
    hours: Hours
    rate_cents: int
    value_cents: int
    by_other: bool


@attrs.frozen(kw_only=True)
class Unvalued:
    """The hours of a category that has no rate. `category` may be empty."""

    category: str
    hours: Hours


@attrs.frozen(kw_only=True)
class Value:
    """What the hours of some presences are worth, by category.

    `without` are the categories that have no rate: their hours are in no sum. `rounding_cents` is
    what the exact total differs by from the lines, and `unused` are categories with a rate that no
    presence has.
    """

    presences: Presences
    currency: str
    lines: tuple[ValueLine, ...]
    without: tuple[Unvalued, ...]
    rounding_cents: int
    total_cents: int
    unused: tuple[str, ...]

    @property
    def hours(self) -> Hours:
        """The hours that have a value."""
        return Hours.from_seconds(sum(line.hours.seconds for line in self.lines))

    @property
    def hours_without(self) -> Hours:
        """The hours that have none, for there is no rate of their category."""
        return Hours.from_seconds(sum(line.hours.seconds for line in self.without))


def valued(presences: Presences, rates: Rates, currency: str = "EUR") -> Value:
    """Return what the hours of presences are worth: see `timebank.reports.value`."""
    code = currency.upper()
    if not _CURRENCY.fullmatch(code):
        msg = f"a currency is three letters, as EUR, not {shown(currency)}"
        raise InvalidRequest(msg).about(key="currency_unknown", given=shown(currency))
    known = rates.by_folded()
    lines, without, product = [], [], 0
    sums = _by_category(presences.lines)
    for key, (category, seconds) in sums.items():
        rate = known[key][1] if key in known else rates.other_cents
        hours = Hours.from_seconds(seconds)
        if rate is None:
            without.append(Unvalued(category=category, hours=hours))
            continue
        product += seconds * rate
        lines.append(
            ValueLine(
                category=category,
                hours=hours,
                rate_cents=rate,
                value_cents=rounded(seconds * rate),
                by_other=key not in known,
            )
        )
    total = rounded(product)
    return Value(
        presences=presences,
        currency=code,
        lines=tuple(lines),
        without=tuple(without),
        rounding_cents=total - sum(line.value_cents for line in lines),
        total_cents=total,
        unused=tuple(name for key, (name, _) in known.items() if key not in sums),
    )


def rounded(second_cents: int) -> int:
    """Return seconds times cents an hour, as cents: half up, and half down below zero.

    >>> from timebank.reports.valued import rounded
    >>> rounded(1_800 * 1_251), rounded(-1_800 * 1_251)
    (626, -626)
    """
    cents = (2 * abs(second_cents) + _HOUR) // (2 * _HOUR)
    return cents if second_cents >= 0 else -cents


def _by_category(lines: Iterable[Presence]) -> dict[str, tuple[str, int]]:
    """Return the seconds of each category by name, with how it is written first; none comes last.

    Categories that differ by case or accents alone are one.
    """
    sums: dict[str, tuple[str, int]] = {}
    for line in lines:
        category = line.category or ""
        key = folded_name(category)
        name, seconds = sums.get(key, (category, 0))
        sums[key] = (name, seconds + line.hours.seconds)
    return dict(sorted(sums.items(), key=lambda one: (one[0] == "", one[0])))
