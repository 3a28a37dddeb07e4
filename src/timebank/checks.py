"""Check and normalise the arguments of a call: ids, labels, texts, days, sides.

Each function returns the value as it is recorded. It raises `WrongType` for a type that is
not accepted and `InvalidRequest` for a value that is not valid, and shows the value. The
functions are pure and know nothing of the bank.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, Final, TypeVar

from timebank.errors import InvalidHours, InvalidRequest, UnbalancedTransfer, WrongType, shown
from timebank.hours import Hours, seconds_of
from timebank.journal.kinds import Lines
from timebank.model import (
    INHERIT,
    MAX_ID_CHARACTERS,
    MAX_INTEGER,
    MAX_LABEL_CHARACTERS,
    MAX_PARTIES,
    MAX_SOURCE_FIELDS,
    MAX_TAGS,
    MAX_TEXT_CHARACTERS,
    StoredLimit,
)
from timebank.model.ids import identifier as _identifier
from timebank.model.ids import is_plain

# -- calls by name ---------------------------------------------------------------------

#: Stands for an argument that has to be given, and was not.
LEFT_OUT: Final[Any] = object()
Method = TypeVar("Method", bound=Callable[..., Any])


def by_name(method: Method) -> Method:
    """Let a method that takes all by name be entered without what it needs, so that it says how.

    What it needs is then `LEFT_OUT`, which is for `called_wrongly`; a type checker and a signature
    still ask for it. Nothing is wrapped: a call that is right costs nothing more.
    """
    told = inspect.signature(method)
    code = method.__code__
    names = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    given = method.__kwdefaults__ or {}
    method.__kwdefaults__ = dict.fromkeys(names, LEFT_OUT) | given
    method.__signature__ = told  # type: ignore[attr-defined]  # which `inspect` takes for it
    return method


def called_wrongly(
    method: Callable[..., Any], by_position: tuple[object, ...], **named: object
) -> TypeError:
    """Return the error for a call by position, or without what it needs, as it is to be written.

    >>> from timebank import TimeBank
    >>> from timebank.checks import LEFT_OUT, called_wrongly
    >>> str(called_wrongly(TimeBank.hold, ("m1",), earner=LEFT_OUT, spender=LEFT_OUT, hours=2))
    "hold takes its arguments by name: write hold(earner='m1', spender=…, hours=2)"
    """
    name, left = method.__name__, iter(by_position)
    filled = {
        argument: next(left, LEFT_OUT) if value is None or value is LEFT_OUT else value
        for argument, value in named.items()
    }
    written = [
        f"{key}={'…' if value is LEFT_OUT else shown(value)}" for key, value in filled.items()
    ]
    written += [f"…={shown(value)}" for value in left]
    return TypeError(f"{name} takes its arguments by name: write {name}({', '.join(written)})")


# -- ids and labels --------------------------------------------------------------------


def identifier(value: object, what: str, *, longest: int = MAX_ID_CHARACTERS) -> str:
    """Check that a value is an id, and return it. Most are plain ASCII, which is a quick check.

    No text is refused as too long that an id may have: `longest` is that, or more.

    :raises WrongType: not a str.
    :raises InvalidRequest: see `timebank.model.ids`.
    """
    if type(value) is str and is_plain(value):
        return value
    return _identifier(value, what, longest=longest)


#: The prefix of the ids that the library makes itself, from an account and a period.
RESERVED_PREFIX: Final = "due:"
#: The prefixes of ids of operations that are the library's own.
RESERVED_PREFIXES: Final = (RESERVED_PREFIX, "peer:", "cheque:")


def operation(value: object) -> str:
    """Return the id that a caller chose for an operation.

    :raises WrongType: not a str.
    :raises InvalidRequest: not a valid id, or one with the prefix of the library's own.
    """
    id = value if type(value) is str and is_plain(value) else identifier(value, "id")
    if id.startswith(RESERVED_PREFIXES):
        msg = f"ids that begin with {id.partition(':')[0]}: are the library's own: {shown(id)}"
        raise InvalidRequest(msg).about(key="id_reserved", prefix=id.partition(":")[0] + ":", id=id)
    return id


def label(value: object, what: str) -> str:
    """Return a category, area, resource or tag, checked: as an id, up to 200 characters."""
    return identifier(value, what, longest=MAX_LABEL_CHARACTERS)


def personal_text(value: object, what: str) -> str | None:
    """Return a name, note or reason of up to 10,000 characters; `None` if it is empty."""
    if value is None or value == "":
        return None
    if type(value) is not str:
        msg = f"{what} must be a str, not {type(value).__name__}: {shown(value)}"
        raise WrongType(msg)
    if len(value) > MAX_TEXT_CHARACTERS:
        msg = f"{what} must have at most {MAX_TEXT_CHARACTERS} characters, not {len(value)}"
        raise InvalidRequest(msg).about(
            key="text_too_long", longest=MAX_TEXT_CHARACTERS, length=len(value)
        )
    if "\0" in value or not _is_unicode(value):
        msg = f"{what} must not contain NUL or lone surrogates: {shown(value)}"
        raise InvalidRequest(msg).about(key="text_characters")
    return value


def _is_unicode(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def day(value: object, what: str) -> str | None:
    """Return a day as `YYYY-MM-DD`, or `None`, as `day_given`."""
    return None if value is None else day_given(value, what)


def day_given(value: object, what: str) -> str:
    """Return a day as `YYYY-MM-DD`. A datetime is refused, for its time zone would be a guess.

    :raises WrongType: not a date.
    """
    if type(value) is not date and (not isinstance(value, date) or isinstance(value, datetime)):
        msg = f"{what} must be a datetime.date, not {type(value).__name__}: {shown(value)}"
        raise WrongType(msg)
    return value.isoformat()


def period(since: object, until: object) -> tuple[str | None, str | None]:
    """Return the first and the last day of a period as `YYYY-MM-DD`; either may be left out.

    :raises WrongType: not a date.
    :raises InvalidRequest: `since` after `until`.
    """
    first, last = day(since, "since"), day(until, "until")
    if first is not None and last is not None and first > last:
        msg = f"since {first} is after until {last}"
        raise InvalidRequest(msg).about(key="days_turned", first=first, last=last)
    return first, last


def time_of_day(value: object, what: str) -> str | None:
    """Return a time of day as `HH:MM`; whole minutes by the clock on the wall, without a zone."""
    if value is None:
        return None
    if not isinstance(value, time):
        msg = f"{what} must be a datetime.time, not {type(value).__name__}: {shown(value)}"
        raise WrongType(msg)
    if value.second or value.microsecond or value.tzinfo is not None:
        msg = f"{what} must be whole minutes by the clock on the wall, not {value.isoformat()}"
        raise InvalidRequest(msg).about(key="time_of_day", given=value.isoformat())
    return value.isoformat("minutes")


_SPAN: Final = re.compile(r"([0-9]{1,6})([wdhm])", re.ASCII)
_UNITS: Final = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes"}


def span(text: str) -> timedelta | None:
    """Return the time that a text like `7d`, `12h`, `30m` or `2w` means; `None` for another.

    >>> from timebank.checks import span
    >>> span("7d"), span("a week")
    (datetime.timedelta(days=7), None)
    """
    found = _SPAN.fullmatch(text)
    return None if found is None else timedelta(**{_UNITS[found[2]]: int(found[1])})


def duration(value: object, what: str) -> int:
    """Return a `timedelta` of more than zero, or a text as of `span`, in whole microseconds.

    :raises WrongType: neither.
    :raises InvalidRequest: another text, nothing, or more than can be stored.
    """
    if isinstance(value, str) and (found := span(value)) is not None:
        value = found
    if not isinstance(value, timedelta):
        wrong = InvalidRequest if isinstance(value, str) else WrongType
        msg = (
            f"{what} must be a datetime.timedelta, or a text like '7d', '12h', '30m' or '2w', "
            f"not {type(value).__name__}: {shown(value)}"
        )
        raise wrong(msg)
    microseconds = value // timedelta(microseconds=1)
    if not 0 < microseconds <= MAX_INTEGER:
        msg = f"{what} must be more than zero and less than 285 years, not {value}"
        raise InvalidRequest(msg).about(key="span_wrong", given=value)
    return microseconds


def limit(value: object, what: str) -> StoredLimit:
    """Return a limit as it is recorded: `"inherit"`, `None` (unlimited) or seconds."""
    if value is INHERIT:
        return "inherit"
    if value is None:
        return None
    try:
        return seconds_of(value)
    except InvalidRequest as error:
        error.add_context(before=f"{what}: ")
        raise


def positive(value: object, what: str) -> int:
    """Return hours as seconds, and check that they are more than zero."""
    try:
        seconds = seconds_of(value)
    except InvalidRequest as error:
        error.add_context(before=f"{what}: ")
        raise
    if seconds <= 0:
        msg = f"{what} must be more than 0:00, not {Hours.from_seconds(seconds)}"
        raise InvalidHours(msg).about(key="hours_not_positive", given=Hours.from_seconds(seconds))
    return seconds


#: One side of an exchange: lines by account, with positive seconds.
Side = Lines


def sides(earner: object, spender: object, hours: object) -> tuple[Side, Side]:
    """Return both sides as sorted lists of `[account, seconds]`.

    :raises WrongType: a side is neither an id nor a mapping of ids to hours.
    :raises InvalidRequest: an empty side, no hours, or a sole earner who is the sole spender.
    :raises InvalidHours: hours that are not positive.
    :raises UnbalancedTransfer: the sides differ.
    """
    if type(earner) is str and type(spender) is str:
        if not (is_plain(earner) and is_plain(spender)):  # else they are ids
            identifier(earner, "earner")
            identifier(spender, "spender")
        if hours is None:
            msg = "hours are missing: an earner and a spender need hours"
            raise InvalidRequest(msg).about(key="hours_missing")
        total = hours.seconds if type(hours) is Hours else 0
        if total <= 0:
            total = positive(hours, "hours")
        if earner == spender:
            raise _one_person(earner)
        return [[earner, total]], [[spender, total]]
    total_or_none = None if hours is None else positive(hours, "hours")
    earned, spent = _side_from(earner, "earner"), _side_from(spender, "spender")
    _fill_sole_side(earned, spent, total_or_none)
    if len(earned) == 1 and len(spent) == 1 and earned[0][0] == spent[0][0]:
        raise _one_person(earned[0][0])
    return earned, spent


def _one_person(account: str) -> InvalidRequest:
    msg = f"account {shown(account)} cannot be the sole earner and the sole spender"
    return InvalidRequest(msg).about(key="one_person", account=account)


def _side_from(side: object, what: str) -> Side:
    if isinstance(side, str):
        return [[identifier(side, what), 0]]
    if not isinstance(side, Mapping):
        msg = f"{what} must be an account id or a mapping of ids to hours, not {shown(side)}"
        raise WrongType(msg)
    if not side:
        msg = f"{what} is empty: a transfer needs at least one {what}"
        raise InvalidRequest(msg).about(key="side_empty")
    if len(side) > MAX_PARTIES:
        msg = f"{what} names {len(side)} accounts, more than {MAX_PARTIES}"
        raise InvalidRequest(msg).about(key="side_too_many", most=MAX_PARTIES)
    return sorted(
        [identifier(id, what), positive(hours, f"hours of {shown(id)}")]
        for id, hours in side.items()
    )


def _fill_sole_side(earned: Side, spent: Side, total: int | None) -> None:
    """Fill in the hours of a side that is a single id, and check that all sums are equal."""
    sums = [sum(seconds for _, seconds in side) for side in (earned, spent)]
    if not sums[0]:
        earned[0][1] = sums[0] = sums[1]
    if not sums[1]:
        spent[0][1] = sums[1] = sums[0]
    for one, other in ((sums[0], sums[1]), (sums[0], total), (total, sums[1])):
        if one is not None and other is not None and one != other:
            raise UnbalancedTransfer(
                earned=Hours.from_seconds(one), spent=Hours.from_seconds(other)
            )


def tags(value: object) -> list[str]:
    """Return tags sorted, each once, at most 50."""
    if isinstance(value, str) or not isinstance(value, Iterable):
        msg = f"tags must be a collection of str, not {shown(value)}"
        raise WrongType(msg)
    unique = sorted({identifier(tag, "tag", longest=MAX_LABEL_CHARACTERS) for tag in value})
    if len(unique) > MAX_TAGS:
        msg = f"there are {len(unique)} tags, more than {MAX_TAGS}"
        raise InvalidRequest(msg).about(key="tags_too_many", most=MAX_TAGS)
    return unique


def source(value: object) -> str | list[list[str]]:
    """Return the source of an imported transfer: a label, or a mapping of labels to texts.

    A mapping is recorded as sorted pairs, for the keys of a record must be ASCII.
    """
    if isinstance(value, str):
        return identifier(value, "source", longest=MAX_LABEL_CHARACTERS)
    if not isinstance(value, Mapping):
        msg = f"source must be a str or a mapping of str to str, not {shown(value)}"
        raise WrongType(msg)
    if not 1 <= len(value) <= MAX_SOURCE_FIELDS:
        msg = f"source must have 1 to {MAX_SOURCE_FIELDS} fields, not {len(value)}"
        raise InvalidRequest(msg)
    words = [*value, *value.values()]
    if not _are_plain(words):
        for key, text in value.items():
            identifier(key, "source", longest=MAX_LABEL_CHARACTERS)
            identifier(text, f"source {key!r}", longest=MAX_LABEL_CHARACTERS)
    return sorted(map(list, value.items()))


_PLAIN_LINES: Final = re.compile(r"[!-~](?:[ -~]*[!-~])?(?:\n[!-~](?:[ -~]*[!-~])?)*")


def _are_plain(words: list[Any]) -> bool:
    """Return whether all are labels in plain ASCII, which one look can tell of many."""
    if {*map(type, words)} != {str} or max(map(len, words)) > MAX_LABEL_CHARACTERS:
        return False
    lines = "\n".join(words)
    return lines.count("\n") == len(words) - 1 and _PLAIN_LINES.fullmatch(lines) is not None


def one_of(value: object, choices: tuple[str, ...], what: str) -> str:
    """Check that a value is one of a few words, and return it."""
    if value not in choices:
        msg = f"{what} must be one of {', '.join(choices)}, not {shown(value)}"
        raise InvalidRequest(msg).about(
            key="not_one_of", given=shown(value), choices=", ".join(choices)
        )
    return str(value)


def boolean(value: object, what: str) -> bool:
    """Check that a value is `True` or `False`, and not 1 or 0, and return it."""
    if type(value) is not bool:
        msg = f"{what} must be True or False, not {shown(value)}"
        raise WrongType(msg)
    return value
