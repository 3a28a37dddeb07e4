"""Define a statute and its rules as immutable values, checked when they are made.

>>> from timebank import Band, Statute
>>> statute = Statute(
...     version="via-roma/1",
...     limits={"member": [Band(floor=-10, ceiling=25), Band(from_month=12, floor=-25)]},
... )
>>> [(band.from_month, band.floor, band.ceiling) for band in statute.limits["member"]]
[(0, Hours('-10:00'), Hours('25:00')), (12, Hours('-25:00'), None)]
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from functools import cached_property, lru_cache
from typing import Any, Final, Literal, NamedTuple

import attrs

from timebank.errors import InvalidStatute, shown
from timebank.hours import Hours
from timebank.model import ACCOUNT_KINDS, AccountRow, StoredLimit, instant
from timebank.model.ids import identifier
from timebank.statute import fields
from timebank.statute.days import months_between, zone
from timebank.statute.membership import Demurrage, DueRule, Dues, Welcome, dues

#: The prefix of the versions that are the library's own.
RESERVED: Final = "default/"
MAX_BANDS: Final = 24
MAX_MONTHS: Final = 1_200
MAX_DAYS: Final = 36_500

Beyond = Literal["refuse", "flag"]
Rounding = Literal["refuse", "up", "nearest"]
Payer = Literal["spender", "earner"]


# -- the rules -----------------------------------------------------------------


@attrs.frozen(kw_only=True)
class Band:
    """The limits of a kind of account, from `from_month` whole months of membership on.

    `None` is unlimited. A transfer that moves an account beyond a limit is refused, or with
    `beyond="flag"` recorded with a flag, which the audit lists. Two bands may be of the same
    month: a soft one that flags, within a hard one that refuses.

    :raises InvalidHours: limits that are not hours.
    :raises InvalidStatute: another field that is not valid, or a floor above the ceiling.

    >>> from timebank import Band
    >>> Band(floor="-10", ceiling="20").floor
    Hours('-10:00')
    """

    floor: Hours | None = attrs.field(default=None, converter=fields.hours)
    ceiling: Hours | None = attrs.field(default=None, converter=fields.hours)
    from_month: int = attrs.field(default=0, validator=fields.whole(0, MAX_MONTHS))
    beyond: Beyond = attrs.field(default="refuse", validator=fields.one_of("refuse", "flag"))

    def __attrs_post_init__(self) -> None:
        """Check that the floor is not above the ceiling."""
        if self.floor is not None and self.ceiling is not None and self.floor > self.ceiling:
            msg = f"the floor {self.floor} is above the ceiling {self.ceiling}"
            raise InvalidStatute(msg).about(
                key="limits_turned", floor=self.floor, ceiling=self.ceiling
            )


@attrs.frozen(kw_only=True)
class Granularity:
    """The unit of an exchange, and whether other hours are refused or rounded to it.

    The rule is for the sum of a side, which its accounts then share in the proportion that
    was asked for. `"nearest"` rounds half a unit up.

    :raises InvalidHours: a unit that is not hours.
    :raises InvalidStatute: a unit that is not positive, or another `rounding`.

    >>> from timebank import Granularity
    >>> Granularity(unit="0:15", rounding="up").unit
    Hours('0:15')
    """

    unit: Hours = attrs.field(converter=fields.hours, validator=fields.needed)
    rounding: Rounding = attrs.field(
        default="refuse", validator=fields.one_of("refuse", "up", "nearest")
    )


@attrs.frozen(kw_only=True)
class LargestExchange:
    """The most that one exchange may move. A larger one is refused, or flagged.

    :raises InvalidHours: not hours.
    :raises InvalidStatute: not positive, or another `beyond`.
    """

    hours: Hours = attrs.field(converter=fields.hours, validator=fields.needed)
    beyond: Beyond = attrs.field(default="refuse", validator=fields.one_of("refuse", "flag"))


@attrs.frozen(kw_only=True)
class RecordWithin:
    """The number of days after the day of service within which an exchange must be recorded.

    :raises InvalidStatute: not a whole number of days, or another `beyond`.
    """

    days: int = attrs.field(validator=fields.whole(0, MAX_DAYS))
    beyond: Beyond = attrs.field(default="refuse", validator=fields.one_of("refuse", "flag"))


@attrs.frozen(kw_only=True)
class Fee:
    """The fee that each exchange pays to a fund: a share of it, or a fixed quantity.

    A fee is never more than the exchange. A `share` is rounded to whole units: up if
    `remainder_to` is `"fund"`, down if it is `"payer"`. Several payers share the fee in
    proportion to what each spends or earns. A fund pays nothing to itself.

    :raises InvalidRequest: a fund that is not an id.
    :raises InvalidHours: hours that are not valid.
    :raises InvalidStatute: both `share` and `fixed` or neither, or another field not valid.

    >>> from timebank import Fee
    >>> Fee(share="10%", fund="solidarity", payer="earner").share
    Fraction(1, 10)
    """

    fund: str = attrs.field(validator=fields.identifier)
    share: Any = attrs.field(default=None, converter=fields.share)
    fixed: Hours | None = attrs.field(
        default=None, converter=fields.hours, validator=fields.positive
    )
    payer: Payer = attrs.field(default="spender", validator=fields.one_of("spender", "earner"))
    remainder_to: Literal["fund", "payer"] = attrs.field(
        default="fund", validator=fields.one_of("fund", "payer")
    )
    unit: Hours = attrs.field(
        default=Hours.from_seconds(1), converter=fields.hours, validator=fields.needed
    )

    def __attrs_post_init__(self) -> None:
        """Check that either a share or a fixed quantity is given."""
        if (self.share is None) == (self.fixed is None):
            msg = "a fee has a share of the exchange or a fixed quantity, one of the two"
            raise InvalidStatute(msg).about(key="fee_one_of_two")


def _bands(value: Any) -> dict[str, tuple[Band, ...]]:
    """Return the bands of each kind in the order of their months; a single band is accepted."""
    if not isinstance(value, Mapping):
        msg = f"limits must be a mapping of kinds of account to bands, not {shown(value)}"
        raise InvalidStatute(msg)
    result = {}
    for kind, bands in value.items():
        if kind not in ACCOUNT_KINDS:
            msg = f"limits of {shown(kind)}: a kind is one of {', '.join(ACCOUNT_KINDS)}"
            raise InvalidStatute(msg).about(
                key="not_one_of", given=shown(kind), choices=", ".join(ACCOUNT_KINDS)
            )
        result[kind] = _bands_of_kind(kind, bands if isinstance(bands, list | tuple) else [bands])
    return {kind: result[kind] for kind in ACCOUNT_KINDS if kind in result}


def _bands_of_kind(kind: str, bands: Iterable[Any]) -> tuple[Band, ...]:
    found = list(bands)
    if not 1 <= len(found) <= MAX_BANDS or not all(isinstance(band, Band) for band in found):
        msg = f"limits of {kind}: 1 to {MAX_BANDS} bands, not {shown(bands)}"
        raise InvalidStatute(msg).about(key="bands_too_many", kind=kind, most=MAX_BANDS)
    # Of one month the soft band comes first, so the last that has begun is the hard one.
    found.sort(key=lambda band: (band.from_month, band.beyond))
    months = [band.from_month for band in found]
    if months[0]:
        msg = f"limits of {kind}: bands begin in month 0, not in month {months[0]}"
        raise InvalidStatute(msg).about(key="bands_first_month", kind=kind, month=months[0])
    if len(set(months)) < len(months):
        for month in months:
            _check_month(kind, [band for band in found if band.from_month == month])
    return tuple(found)


def _check_month(kind: str, bands: list[Band]) -> None:
    """Check that bands of one month are one, or a soft one within a hard one.

    :raises InvalidStatute: they are not.
    """
    if len(bands) == 1:
        return
    where = f"limits of {kind}: month {bands[0].from_month} has"
    if [band.beyond for band in bands] != ["flag", "refuse"]:
        words = ", ".join(band.beyond for band in bands)
        msg = (
            f"{where} {len(bands)} bands ({words}): bands begin in different months, or one with "
            "beyond 'flag' lies within one with 'refuse'"
        )
        raise InvalidStatute(msg)
    soft, hard = bands
    if (soft.floor, soft.ceiling) == (hard.floor, hard.ceiling):
        msg = f"{where} the same limits twice: what is beyond them is flagged or refused, not both"
        raise InvalidStatute(msg)
    for name, inner, outer in (
        ("floor", soft.floor, hard.floor),
        ("ceiling", soft.ceiling, hard.ceiling),
    ):
        is_within = outer is None or (
            inner is not None and (inner >= outer if name == "floor" else inner <= outer)
        )
        if not is_within:
            msg = (
                f"{where} a soft {name} {_unlimited(inner)}, beyond the hard one {outer}: a band "
                "that flags lies within the one that refuses, in its floor and in its ceiling"
            )
            raise InvalidStatute(msg)


def _unlimited(limit: Hours | None) -> str:
    return "unlimited" if limit is None else str(limit)


def _time_zone(_: object, __: object, value: object) -> None:
    identifier(value, "time_zone")
    zone(str(value))


class Bound(NamedTuple):
    """How far an account may move to one side, in seconds: to its limit, `None` without one.

    `beyond` says what becomes of what goes beyond; what goes beyond a `soft` one is flagged.
    """

    limit: int | None
    beyond: Beyond
    soft: int | None


class Bounds(NamedTuple):
    """How far an account may move down, and up; `None` where it is as far as it likes."""

    floor: Bound | None
    ceiling: Bound | None


@attrs.frozen(kw_only=True)
class Statute:
    """The rules of a bank. A kind of account that `limits` leaves out is unlimited.

    Every record that was judged by the statute names its `version`. Granularity, the largest
    exchange, the days to record and the fee are for transfers of the kind `exchange`; limits
    are for all. None of them is applied to a transfer with unchecked limits. Welcome credit,
    dues and demurrage are transferred by `TimeBank.run_due`.

    :raises InvalidStatute: a field that is not valid (an `InvalidRequest`, as all of these).
    :raises InvalidRequest: a version that is not an id.

    >>> from timebank import Band, Granularity, Statute
    >>> statute = Statute(
    ...     version="norcal/1",
    ...     time_zone="America/Los_Angeles",
    ...     limits={"member": Band(floor=-10)},
    ...     granularity=Granularity(unit="0:15", rounding="up"),
    ... )
    >>> Statute.from_json(statute.to_json()) == statute
    True
    """

    version: str = attrs.field(validator=fields.identifier)
    time_zone: str = attrs.field(default="UTC", validator=_time_zone)
    limits: Mapping[str, tuple[Band, ...]] = attrs.field(factory=dict, converter=_bands, hash=False)
    granularity: Granularity | None = attrs.field(default=None)
    largest_exchange: LargestExchange | None = attrs.field(default=None)
    record_within: RecordWithin | None = attrs.field(default=None)
    fee: Fee | None = attrs.field(default=None)
    welcome: Welcome | None = attrs.field(default=None)
    dues: tuple[Dues, ...] = attrs.field(default=(), converter=dues)
    demurrage: Demurrage | None = attrs.field(default=None)

    def __attrs_post_init__(self) -> None:
        """Check that every rule is an instance of its class."""
        for name, kind in RULES.items():
            value = getattr(self, name)
            if value is not None and not isinstance(value, kind):
                msg = f"{name} must be {kind.__name__}(…), not {shown(value)}"
                raise InvalidStatute(msg)

    @property
    def id(self) -> str:
        """The version."""
        return self.version

    # -- as text ----------------------------------------------------------------

    @classmethod
    def from_json(cls, text: str | bytes) -> Statute:
        """Return the statute of a JSON text. Unknown keys are refused.

        :raises InvalidStatute: not JSON, an unknown key or an invalid value; it says where.

        >>> from timebank import Statute
        >>> Statute.from_json('{"version": "v1", "limits": {"member": [{"floor": "-10"}]}}').version
        'v1'
        """
        from timebank.statute.codec import from_json

        return from_json(text)

    def to_json(self) -> str:
        """Return the statute as an indented JSON text, with hours as `-10:00`."""
        from timebank.statute.codec import to_json

        return to_json(self)

    # -- what applies -------------------------------------------------------------

    def _band_of_month(self, bands: tuple[Band, ...], joined_on: str | None, today: str) -> Band:
        """Return the last of several bands that has begun for who joined on a day, if on any."""
        found, months = bands[0], 0
        if joined_on is not None:
            months = months_between(date.fromisoformat(joined_on), date.fromisoformat(today))
        for band in bands:
            if band.from_month <= months:
                found = band
        return found

    @property
    def funds(self) -> tuple[str, ...]:
        """The accounts that its rules give hours to or take hours from, by id."""
        rules = [rule for rule in (self.fee, self.welcome, self.demurrage) if rule is not None]
        return tuple(sorted({rule.fund for rule in rules} | {one.fund for one in self.dues}))

    def due_rule(self, name: str) -> DueRule | None:
        """Return the welcome credit, dues or demurrage of this name, or `None`."""
        for rule in (self.welcome, *self.dues, self.demurrage):
            if rule is not None and rule.name == name:
                return rule
        return None

    @cached_property
    def judges_exchanges(self) -> bool:
        """True if it has rules for exchanges beside the limits of accounts."""
        return not (
            self.granularity is None
            and self.fee is None
            and self.largest_exchange is None
            and self.record_within is None
        )

    @cached_property
    def fixed_bounds(self) -> Callable[[str, StoredLimit, StoredLimit], Bounds | None]:
        """Return the bounds of a kind of account, with the limits that an account has of its own.

        `None` where they go by months of membership. It remembers those that it was asked for last.
        """

        def bounds(kind: str, floor: StoredLimit, ceiling: StoredLimit) -> Bounds | None:
            if self.goes_by_months(kind):
                return None
            return self._bounds_of(AccountRow("", kind, "open", None, floor, ceiling, 0, None), "")

        return lru_cache(maxsize=256)(bounds)

    def bounds_of(self, account: AccountRow, today: str) -> Bounds:
        """Return how far an account may move to each side, by `limits_of` and `soft_limits_of`."""
        fixed = self.fixed_bounds(account.kind, account.floor, account.ceiling)
        return self._bounds_of(account, today) if fixed is None else fixed

    def _bounds_of(self, account: AccountRow, today: str) -> Bounds:
        floor, ceiling, beyond = self.limits_of(account, today)
        soft_floor, soft_ceiling = self.soft_limits_of(account, today)
        return Bounds(
            _bound(floor, beyond, soft_floor),
            _bound(ceiling, beyond, soft_ceiling),
        )

    def goes_by_months(self, kind: str) -> bool:
        """Return whether the limits of a kind of account depend on the months of membership."""
        return len(self.limits.get(kind, ())) > 1

    def limits_of(self, account: AccountRow, today: str) -> tuple[int | None, int | None, Beyond]:
        """The floor and ceiling that apply, in seconds: the account's own, or inherited.

        With them, what becomes of a transfer that goes beyond. `today` is the day of
        record, `YYYY-MM-DD`. Who has no day of joining is in month 0. Of a month with two
        bands these are the limits of the hard one.
        """
        floor, ceiling = account.floor, account.ceiling
        bands = self.limits.get(account.kind)
        if bands is None:
            return _own(floor), _own(ceiling), "refuse"
        band = bands[0]
        if len(bands) > 1:
            band = self._band_of_month(bands, account.joined_on, today)
        if floor == "inherit":
            floor = None if band.floor is None else band.floor.seconds
        if ceiling == "inherit":
            ceiling = None if band.ceiling is None else band.ceiling.seconds
        return floor, ceiling, band.beyond

    def soft_limits_of(self, account: AccountRow, today: str) -> tuple[int | None, int | None]:
        """The floor and ceiling within those of `limits_of` beyond which there is a flag.

        `None` where there is none. An account's own limit takes the place of both.
        """
        bands = self.limits.get(account.kind, ())
        if len(bands) <= 1:
            return None, None
        hard = self._band_of_month(bands, account.joined_on, today)
        soft = bands[bands.index(hard) - 1]
        if soft is hard or soft.from_month != hard.from_month:
            return None, None
        floor = None if soft.floor is None or account.floor != "inherit" else soft.floor.seconds
        if soft.ceiling is None or account.ceiling != "inherit":
            return floor, None
        return floor, soft.ceiling.seconds

    def day(self, moment_in_microseconds: int) -> str:
        """Return the day, as `YYYY-MM-DD`, of an instant in the bank's time zone.

        Only who writes needs it: a record says its day, and reading computes none.

        :raises InvalidStatute: the time zone is not known to this machine.
        """
        return _day(self.time_zone, moment_in_microseconds // 1_000_000)


@lru_cache(maxsize=64)
def _day(time_zone: str, second: int) -> str:
    """Return the day of a second. It is cached, for many calls ask for the same second."""
    moment = instant(second * 1_000_000)
    if time_zone != "UTC":
        moment = moment.astimezone(zone(time_zone))
    return moment.date().isoformat()


def _bound(limit: int | None, beyond: Beyond, soft: int | None) -> Bound | None:
    return None if limit is None and soft is None else Bound(limit, beyond, soft)


def _own(limit: StoredLimit) -> int | None:
    return None if limit == "inherit" else limit


#: The class of each rule of a statute.
RULES: Final[dict[str, type]] = {
    "granularity": Granularity,
    "largest_exchange": LargestExchange,
    "record_within": RecordWithin,
    "fee": Fee,
    "welcome": Welcome,
    "demurrage": Demurrage,
}


#: The statute of a new bank: members and groups may owe twenty hours. It never changes.
DEFAULT: Final = Statute(
    version="default/1", limits={"member": Band(floor=-20), "group": Band(floor=-20)}
)
