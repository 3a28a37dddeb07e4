"""Define the rules for joining and membership: welcome credit, dues, demurrage.

>>> from timebank import Demurrage, Dues, Statute, Welcome
>>> statute = Statute(
...     version="via-roma/1",
...     welcome=Welcome(hours=2, fund="common", due_back=True),
...     dues=[Dues(hours=4, fund="common", first_period="months", from_month=2)],
...     demurrage=Demurrage(share="10%", above=20, fund="common"),
... )
>>> statute.funds
('common',)
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final, Literal

import attrs

from timebank.errors import InvalidStatute, shown
from timebank.hours import Hours
from timebank.model import ACCOUNT_KINDS
from timebank.statute import fields
from timebank.statute.periods import MONTHS, Every

MAX_DUES: Final = 12
#: The names of the rules, beside dues, that move hours without a call for each transfer.
WELCOME: Final = "welcome"
DEMURRAGE: Final = "demurrage"
_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9 -]{0,30}[a-z0-9])?", re.ASCII)

FirstPeriod = Literal["whole", "months", "days", "free"]


def _kinds(value: Any) -> tuple[str, ...]:
    """Return kinds of account, each once, in the order of `ACCOUNT_KINDS`."""
    given = [value] if isinstance(value, str) else value
    if not isinstance(given, Iterable) or not (found := list(given)):
        msg = f"kinds must be kinds of account, not {shown(value)}"
        raise InvalidStatute(msg)
    for kind in found:
        if kind not in ACCOUNT_KINDS:
            msg = f"kinds: {shown(kind)} is none of {', '.join(ACCOUNT_KINDS)}"
            raise InvalidStatute(msg).about(
                key="not_one_of", given=shown(kind), choices=", ".join(ACCOUNT_KINDS)
            )
    return tuple(kind for kind in ACCOUNT_KINDS if kind in found)


def _name(_: object, __: object, value: object) -> None:
    if type(value) is not str or not _NAME.fullmatch(value):
        msg = f"name must be up to 32 of a-z, 0-9, hyphen and blank, not {shown(value)}"
        raise InvalidStatute(msg).about(key="dues_name", given=shown(value))
    if value in {WELCOME, DEMURRAGE}:
        msg = f"name {shown(value)} is that of another rule"
        raise InvalidStatute(msg).about(key="dues_name_taken", given=shown(value))


def _rounded(default: str) -> Any:
    return attrs.field(default=default, validator=fields.one_of("fund", "payer"))


@attrs.frozen(kw_only=True)
class Welcome:
    """Hours that a fund gives to a new member.

    With `given="on joining"` they are transferred when the account is opened; with
    `"when asked"` by a call of `TimeBank.welcome`, as after an orientation. With `due_back`
    a member who leaves gives them back.

    :raises InvalidHours: hours that are not valid.
    :raises InvalidRequest: a fund that is not an id.
    :raises InvalidStatute: another field that is not valid.

    >>> from timebank import Welcome
    >>> Welcome(hours=2, fund="common").due_back
    False
    """

    hours: Hours = attrs.field(converter=fields.hours, validator=fields.needed)
    fund: str = attrs.field(validator=fields.identifier)
    due_back: bool = attrs.field(default=False, validator=fields.yes_or_no)
    given: Literal["on joining", "when asked"] = attrs.field(
        default="on joining", validator=fields.one_of("on joining", "when asked")
    )
    kinds: tuple[str, ...] = attrs.field(default=("member",), converter=_kinds)

    @property
    def name(self) -> str:
        """The name of the rule in records."""
        return WELCOME


@attrs.frozen(kw_only=True)
class Dues:
    """Hours that each member gives to a fund: once, or in each period of the calendar.

    Dues fall due on the first day of a period. For a member who joins later, or to whom the
    rule applies only later, they fall due on the first day that they cover. The first
    `from_month` whole months of membership are free. For a first period that is not whole,
    `first_period` says what is due: all (`"whole"`), a share by months, the month of joining
    included (`"months"`), a share by days (`"days"`), or nothing (`"free"`). A share is
    rounded to whole units: up if `remainder_to` is `"fund"`, down if it is `"payer"`. If a
    statute has several dues, each has a name of its own.

    :raises InvalidHours: hours that are not valid.
    :raises InvalidRequest: a fund that is not an id.
    :raises InvalidStatute: another field that is not valid.

    >>> from timebank import Dues
    >>> Dues(hours=1, fund="common", every="once", name="joining").hours
    Hours('1:00')
    """

    hours: Hours = attrs.field(converter=fields.hours, validator=fields.needed)
    fund: str = attrs.field(validator=fields.identifier)
    every: Every = attrs.field(default="year", validator=fields.one_of("once", *MONTHS))
    name: str = attrs.field(default="dues", validator=_name)
    kinds: tuple[str, ...] = attrs.field(default=("member",), converter=_kinds)
    from_month: int = attrs.field(default=0, validator=fields.whole(0, 1_200))
    first_period: FirstPeriod = attrs.field(
        default="whole", validator=fields.one_of("whole", "months", "days", "free")
    )
    unit: Hours = attrs.field(
        default=Hours.from_seconds(1), converter=fields.hours, validator=fields.needed
    )
    remainder_to: Literal["fund", "payer"] = _rounded("fund")


@attrs.frozen(kw_only=True)
class Demurrage:
    """A share of the balance above a bound, which goes to a fund in each period.

    It is computed from the balance at the end of the period's last day of service. A period
    that began before the rule was in force is free. The share is rounded to whole units: down
    if `remainder_to` is `"payer"`, up if it is `"fund"`.

    :raises InvalidHours: hours that are not valid.
    :raises InvalidRequest: a fund that is not an id.
    :raises InvalidStatute: another field that is not valid.

    >>> from timebank import Demurrage
    >>> Demurrage(share="10%", above=20, fund="common").every
    'half-year'
    """

    share: Any = attrs.field(converter=fields.share, validator=fields.given)
    above: Hours = attrs.field(converter=fields.hours, validator=fields.not_negative)
    fund: str = attrs.field(validator=fields.identifier)
    every: Literal["month", "quarter", "half-year", "year"] = attrs.field(
        default="half-year", validator=fields.one_of(*MONTHS)
    )
    kinds: tuple[str, ...] = attrs.field(default=("member",), converter=_kinds)
    unit: Hours = attrs.field(
        default=Hours.from_seconds(1), converter=fields.hours, validator=fields.needed
    )
    remainder_to: Literal["fund", "payer"] = _rounded("payer")

    @property
    def name(self) -> str:
        """The name of the rule in records."""
        return DEMURRAGE


#: A rule by which hours move between an account and a fund.
DueRule = Welcome | Dues | Demurrage


def dues(value: Any) -> tuple[Dues, ...]:
    """Return dues as a tuple in the order of their names; a single `Dues` is accepted."""
    given = [value] if isinstance(value, Dues) else value
    if not isinstance(given, list | tuple) or not all(isinstance(one, Dues) for one in given):
        msg = f"dues must be Dues(…), or a list of them, not {shown(value)}"
        raise InvalidStatute(msg)
    names = [one.name for one in given]
    if len(names) > MAX_DUES or len(set(names)) < len(names):
        msg = f"dues: at most {MAX_DUES}, each with a name of its own, not {shown(names)}"
        raise InvalidStatute(msg).about(key="dues_too_many", most=MAX_DUES)
    return tuple(sorted(given, key=lambda one: one.name))
