"""The shapes that every subject shares: the command, the state that a judge may see, the draft.

A call becomes a `Command`: what was asked, checked and normalised, with no state. `request`
is what the record keeps and what a repeated call is compared with; personal text stands
apart in `texts`, for a record has only its commitment. `accounts` are those that the judge has
to see. A judge is a pure function `(state, command, now) -> Draft`, or a refusal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, TypeVar

import attrs

from timebank import checks
from timebank.errors import (
    AccountNotFound,
    AccountNotOpen,
    BooksClosed,
    IdempotencyMismatch,
    InvalidHours,
    InvalidRequest,
    shown,
)
from timebank.hours import Hours
from timebank.journal import commitment
from timebank.journal.kinds import Effects, HoldEffects, MoveEffects
from timebank.model import MAX_INTEGER, TEXT_FIELDS, AccountRow, HoldRow
from timebank.statute import Statute, days_later

if TYPE_CHECKING:
    from timebank.model.agreements import Agreement
    from timebank.model.cheques import Issued
    from timebank.rules.amendments import Described

#: Gives an id that was never given before.
NewId = Callable[[], str]
#: The request of a command, and what its caller gets.
Asked = TypeVar("Asked", bound=Mapping[str, object])
Result = TypeVar("Result")


@attrs.define
class Command(Generic[Asked, Result]):
    """A call as a value. `id` is that of the operation, `None` for commands on accounts.

    `earlier_id` is that of the transfer or hold that it settles, voids or reverses. Nobody changes
    one; those that are made for every transfer are not frozen, for that would cost twice as much.
    """

    kind: ClassVar[str]
    #: The name of its judge, where that is not the one of the kind of record.
    judged_as: ClassVar[str]
    request: Asked
    texts: dict[str, str]
    accounts: tuple[str, ...]
    id: str | None = None

    @classmethod
    def __init_subclass__(cls) -> None:
        """Have it judged by the judge of its kind, unless it names another."""
        super().__init_subclass__()
        named = cls.__dict__
        if "kind" in named and "judged_as" not in named:
            cls.judged_as = cls.kind

    @property
    def action(self) -> str:
        """Return the name of the call, by which it is asked for."""
        return self.kind

    @property
    def earlier_id(self) -> str | None:
        """Return the id of the earlier operation that this one settles, voids or reverses."""
        return None


#: A command of any kind.
AnyCommand = Command[Any, Any]


def texts_of(**values: object) -> dict[str, str]:
    """Return the personal texts that were given, checked."""
    found = {field: checks.personal_text(value, field) for field, value in values.items()}
    return {field: text for field, text in found.items() if text is not None}


def reason_of(reason: object, what: str) -> dict[str, str]:
    """Return the personal text of a reason that must be given, checked.

    :raises InvalidRequest: none was given; `what` says for what, and why.
    """
    texts = texts_of(reason=reason)
    if not texts:
        raise InvalidRequest(what).about(key="reason_missing")
    return texts


def actor(value: object) -> str | None:
    """Return the id of who entered a record, checked.

    :raises InvalidRequest: not an id.
    """
    return None if value is None else checks.identifier(value, "actor")


@attrs.frozen
class Earlier:
    """The record that the command's id, or its account, already names.

    `texts` are the salt and text of each field that is still there; `result` is what
    the caller got, for the error's `original`.
    """

    kind: str
    request: Mapping[str, Any]
    texts: Mapping[str, tuple[bytes, str]]
    result: object


@attrs.frozen
class Original:
    """The transfer that a reversal names: its sequence, effects, and what was moved back.

    `heirs` are the accounts that those which were merged since became.
    """

    sequence: int
    kind: str
    effects: MoveEffects
    reversed: tuple[MoveEffects, ...]
    heirs: Mapping[str, str] = attrs.field(factory=dict)


@attrs.frozen
class Held:
    """The hold that a settlement or a void names.

    `statute` judged it. `resolved` is the kind and the id of what resolved it; `ended` says that
    a restart of the clock ended it.
    """

    sequence: int
    request: Mapping[str, Any]
    effects: HoldEffects
    statute: Statute
    resolved: tuple[str, str] | None = None
    ended: bool = False


#: What a judge knows where nothing was looked up, the same for all: making one costs more.
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


class State:
    """All that a judge may know. `balances` are `(version, posted seconds)` by account.

    `today` is the day of the record, `YYYY-MM-DD`, in the bank's time zone.
    `holds` are the rows of open holds, by account and by the hold's sequence, the
    expired ones with them or not. `name` is the current name of the account that a
    command renames; `known` the statute that was adopted under a command's version;
    `delegates` those of an account, with the last day of each; `basis` the seconds that
    a share is taken of. `last_at` and `last_on` are the instant and day of the last record, and
    `ends` the holds that would be open again if the clock went back to now. `closed_through` is the
    last day of closed books, and `was_closed` says that some were closed once; `described` is
    the operation that is amended. `funds` are those that any statute has named so far, each
    with the version of one; `joined` is the day on which the account joined that another is merged
    into: that of its opening, where none was given. `lost` are the sequence and digest of a head
    that the journal should have and has not, and `declared` says that a record names it;
    `is_of_another_bank`, that the head which a command names is of another journal. `agreement` is
    what was agreed with the other bank that a command is about, `booklet` the one of its cheque.

    What is below is as the class has it until it is looked up: most commands need none of it.
    """

    earlier: Earlier | None = None
    original: Original | None = None
    held: Held | None = None
    name: str | None = None
    delegates: Mapping[str, str | None] = _NOTHING
    basis: int = 0
    known: Statute | None = None
    last_at: int = 0
    last_on: str = ""
    ends: Sequence[int] = ()
    was_closed: bool = False
    described: Described | None = None
    funds: Mapping[str, str] = _NOTHING
    joined: str = ""
    lost: tuple[int, str] | None = None
    declared: bool = False
    is_of_another_bank: bool = False
    agreement: Agreement | None = None
    booklet: Issued | None = None

    def __init__(
        self,
        statute: Statute,
        accounts: Mapping[str, AccountRow | None],
        balances: Mapping[str, tuple[int, int]],
        holds: Mapping[str, Mapping[int, HoldRow]] = _NOTHING,
        *,
        today: str,
        closed_through: str | None = None,
    ) -> None:
        self.statute = statute
        self.accounts = accounts
        self.balances = balances
        self.holds = holds
        self.today = today
        self.closed_through = closed_through

    def account(self, id: str) -> AccountRow:
        """Return the row of an account.

        :raises AccountNotFound: there is none.
        """
        row = self.accounts[id]
        if row is None:
            raise AccountNotFound(id)
        return row

    def account_itself(self, id: str, *, doing: str) -> AccountRow:
        """Return the row of an account that a call is about, in whatever status it is.

        :raises AccountNotFound: there is none.
        :raises AccountNotOpen: it was merged into another, which stands for it.
        """
        row = self.account(id)
        if row.merged_into is not None:
            raise AccountNotOpen(id, status=row.status, doing=doing, merged_into=row.merged_into)
        return row

    def reserved(self, id: str, now: int) -> tuple[int, int]:
        """Return the seconds of an account that open holds keep: to be spent, and to be earned."""
        rows = self.holds.get(id)
        if not rows:
            return 0, 0
        open_rows = [row for row in rows.values() if row.expires_at > now]
        return sum(row.held for row in open_rows), sum(row.incoming for row in open_rows)


@attrs.define
class Draft:
    """The effects of a record that is not in the journal yet, and the record they go back to."""

    effects: Effects
    refers_to: int | None = None


def day_of_service(state: State, day: str | None) -> str:
    """Return the day that was given, or today's in the bank's time zone.

    :raises InvalidRequest: a day that is more than one ahead.
    :raises BooksClosed: a day of closed books.
    """
    if day is None:
        return state.today
    if day > state.today and day > (latest := days_later(state.today, 1)):
        msg = f"occurred_on {day} is in the future: the latest day accepted is {latest}"
        raise InvalidRequest(msg).about(key="day_in_future", day=day, latest=latest)
    if state.closed_through is not None:
        check_open(state, day)
    return day


def check_open(state: State, day: str, *, doing: str = "recorded") -> None:
    """Check that a day does not lie in closed books.

    :raises BooksClosed: it does.
    """
    through = state.closed_through
    if through is not None and day <= through:
        raise BooksClosed(
            through=date.fromisoformat(through), occurred_on=date.fromisoformat(day), doing=doing
        )


def open_day(state: State, day: str) -> str:
    """Return a day that nobody asked for, or today's where its books are closed."""
    through = state.closed_through
    return day if through is None or day > through else state.today


def check_range(state: State, changes: Mapping[str, int]) -> None:
    """Check that every balance can be stored.

    :raises InvalidHours: beyond ±2**53 seconds.
    """
    balances = state.balances
    for id, change in changes.items():
        if abs(balances[id][1] + change) > MAX_INTEGER:
            raise too_large(id)


def too_large(account: str) -> InvalidHours:
    """Return the error for a balance that cannot be stored."""
    msg = f"account {shown(account)} would hold more than 2**53 seconds"
    return InvalidHours(msg).about(key="hours_too_large", text="2**53")


def hours(seconds: int) -> Hours:
    """Return seconds as hours."""
    return Hours.from_seconds(seconds)


# -- the judges ------------------------------------------------------------------------

#: Judges a command at an instant; `None` where nothing is to be appended.
Judge = Callable[[State, Any, int], Draft | None]
#: The judges, by the name under which a command asks for one, filled by `timebank.rules`.
JUDGES: Final[dict[str, Judge]] = {}


def decide(state: State, command: AnyCommand, now: int) -> Draft | None:
    """Judge a command at the instant `now`, in microseconds since 1970.

    Errors come in the order that the docstring of `timebank.rules` gives.

    >>> from timebank.rules.accounts import OpenAccount
    >>> from timebank.rules import State, decide
    >>> from timebank.model import INHERIT
    >>> from timebank.statute import DEFAULT
    >>> command = OpenAccount.of("m1", kind="member", name=None, joined_on=None,
    ...                          floor=INHERIT, ceiling=INHERIT)
    >>> state = State(DEFAULT, accounts={"m1": None}, balances={}, today="1970-01-01")
    >>> draft = decide(state, command, now=0)
    >>> draft.effects["sets"]["status"]
    'open'
    """
    if state.earlier is not None:
        _must_repeat(state.earlier, command)
        return None
    return JUDGES[command.judged_as](state, command, now)


# -- repetition ---------------------------------------------------------------


def _must_repeat(earlier: Earlier, command: AnyCommand) -> None:
    difference = _difference(earlier, command)
    if difference is not None:
        raise IdempotencyMismatch(
            command.id or command.accounts[0], original=earlier.result, differs=difference
        )


def _difference(earlier: Earlier, command: AnyCommand) -> str | None:
    """Return how the two requests differ, in words; erased text counts as alike."""
    if earlier.kind != command.kind:
        return f"it was a call of {earlier.kind}, now it is one of {command.kind}"
    before = {field: value for field, value in earlier.request.items() if field not in TEXT_FIELDS}
    now = command.request
    for field in sorted(before.keys() | now.keys()):
        if before.get(field) != now.get(field) or (field in before) != (field in now):
            return f"{field} was {_in_words(field, before)}, now it is {_in_words(field, now)}"
    for field in TEXT_FIELDS:
        if (field in earlier.request) != (field in command.texts):
            return f"the {field} was {'given' if field in earlier.request else 'left out'}"
        if field in earlier.texts:
            salt, _ = earlier.texts[field]
            if commitment(salt, command.texts[field]) != earlier.request[field]:
                return f"the {field} was another"
    return None


def _in_words(field: str, request: Mapping[str, Any]) -> str:
    """Return a value of a request in words: hours as hours, what was left out as such."""
    if field not in request:
        return "left out"
    value = request[field]
    if value is None:  # of limits only
        return "unlimited"
    if field == "expires_in":
        return str(timedelta(microseconds=value))
    if field in {"earners", "spenders"}:
        return ", ".join(f"{id} {Hours.from_seconds(seconds)}" for id, seconds in value[:3])
    return (
        str(Hours.from_seconds(value))
        if field in {"hours", "floor", "ceiling"} and type(value) is int
        else shown(value)
    )
