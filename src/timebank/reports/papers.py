"""What both yearly papers say besides their figures: what is counted, and what is not claimed.

The register of presences and the value of the hours have the same foot: the choice of the
association in words, with what it leaves out; what the paper does not claim; the head of the
journal that it was made from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date, time
from typing import Final

import attrs

from timebank.hours import Hours
from timebank.queries.presences import EXCHANGE, Presence, Presences
from timebank.reports.impact_text import day_words
from timebank.reports.text import harmless
from timebank.reports.words import Words

#: Stands where a presence does not say when it began, or when it ended.
UNTIMED: Final = "*"
#: What the register does not claim, and what the value does not.
_OF_REGISTER: Final = ("not_law", "not_register", "not_signed", "not_done")
_OF_VALUE: Final = ("not_law", "not_income", "not_rates", "not_signed", "not_done")
#: The sorts of a choice, as `Counted` and the words have them.
_SORTS: Final = ("kinds", "categories", "funds", "tags")

Day = Callable[[date], str]


@attrs.frozen
class Note:
    """A paragraph, or a heading above some; `is_code` is a line to be copied as it stands.

    What `stays` is on the page of what follows it.
    """

    text: str
    is_heading: bool = False
    is_code: bool = False
    stays: bool = attrs.field(default=attrs.Factory(lambda self: self.is_heading, takes_self=True))


def words_of(language: str | None) -> Words:
    """Return the words of the papers in a language."""
    return Words("papers", language)


def long_day(words: Words) -> Day:
    """Return what writes a day in words."""
    return lambda day: day_words(day, words)


def facts(found: Presences, words: Words, made_on: date | None) -> list[tuple[str, str]]:
    """Return what stands at the top of a paper, each with its label."""
    day = long_day(words)
    present = [line.account for line in found.lines if line.takes_back is None]
    given = [
        (words("period"), words.period(found.since, found.until, day=day)),
        (
            words("present"),
            words(
                "by_people",
                presences=words.counted("presences", len(present)),
                people=words.counted("people", len({*present})),
            ),
        ),
        (words("total_hours"), str(found.hours)),
    ]
    if found.closed_through is not None:
        through = words("closed_through", day=day(found.closed_through))
        given.append((words("books"), through))
    if made_on is not None:
        given.append((words("made"), day(made_on)))
    return given


def notes(found: Presences, words: Words, *, of_value: Iterable[str] | None = None) -> list[Note]:
    """Return the foot of a paper; `of_value` is what is said of the value, on that paper."""
    said = [Note(words("what_is_counted"), is_heading=True)]
    said += map(Note, _counted(found, words, has_lines=of_value is None))
    said += map(Note, of_value or ())
    said.append(Note(words("not_claimed"), is_heading=True))
    # All on one page: without its heading a sentence would claim what it does not.
    *some, last = _OF_REGISTER if of_value is None else _OF_VALUE
    said += [*(Note(words(key), stays=True) for key in some), Note(words(last))]
    said.append(Note(words("how_made"), is_heading=True))
    said.append(Note(words("head", sequence=words.number(found.head.sequence)), stays=True))
    said.append(Note(str(found.head), is_code=True, stays=True))
    said.append(Note(words("check"), stays=True))
    return said


# -- what is counted -------------------------------------------------------------------


def _counted(found: Presences, words: Words, *, has_lines: bool) -> Iterator[str]:
    """Yield what is said of the choice and of what is not among the presences.

    `has_lines` tells that these stand on the paper, with their marks.
    """
    yield choice_words(found, words)
    left = found.left_out
    if left.exchanges or left.hours:
        exchanges = words.counted("exchanges", left.exchanges)
        yield words("left_out", exchanges=exchanges, hours=left.hours)
    elif not found.counted.is_all:
        yield words("left_none")
    for sort in _SORTS:
        if found.unmet[sort] and not (sort == "kinds" and found.counted.is_all):
            yield words("unmet", which=_one_of(sort, found.unmet[sort], found, words))
    if found.of_others.hours:
        yield words("of_others", hours=found.of_others.hours)
    if found.from_banks.hours:
        yield words("from_banks", hours=found.from_banks.hours)
    yield words("hours_are")
    if any(line.takes_back is not None for line in found.lines):
        yield words("hours_closed")
    if found.untimed and has_lines:
        yield words.counted("untimed", found.untimed, mark=UNTIMED)
    if has_lines:
        yield words("names_today")


def choice_words(found: Presences, words: Words) -> str:
    """Return in a sentence which exchanges are counted.

    >>> import timebank
    >>> from timebank.reports.papers import choice_words, words_of
    >>> bank = timebank.open("memory:")
    >>> found = bank.presences(counted=timebank.Counted(categories=["care", "cook"], tags="roma"))
    >>> choice_words(found, words_of("en"))
    'By its own choice the association counts, of the exchanges from the beginning, those \
of the category “care” or “cook”, and with the tag “roma”.'
    """
    period = words.period(found.since, found.until, day=long_day(words))
    counted = found.counted
    which = [
        _one_of(sort, getattr(counted, sort), found, words)
        for sort in _SORTS
        if getattr(counted, sort) and (sort != "kinds" or counted.kinds != (EXCHANGE,))
    ]
    if not which:
        return words("counts_all", since_until=period)
    return words("counts", since_until=period, which=_listed(which, "and", words))


def _one_of(sort: str, asked: Iterable[str], found: Presences, words: Words) -> str:
    if sort == "funds":
        named = [harmless(found.name(one)) for one in asked]
    elif sort == "kinds":
        named = [words("quoted", text=harmless(words.kind(one))) for one in asked]
    else:
        named = [words("quoted", text=harmless(one)) for one in asked]
    return words(f"by_{sort}", words=_listed(named, "or", words))


def _listed(texts: list[str], word: str, words: Words) -> str:
    *some, last = texts
    return words(word, some=", ".join(some), last=last) if some else last


# -- one presence ----------------------------------------------------------------------


def times(line: Presence) -> tuple[str, str]:
    """Return when a presence began and ended; a mark where it does not say that."""
    if line.takes_back is not None:
        return "", ""
    return _time(line.started_at), _time(line.ended_at)


def _time(at: time | None) -> str:
    return UNTIMED if at is None else f"{at:%H:%M}"


def for_whom(line: Presence, found: Presences) -> str:
    """Return for whom it was done: all names.

    >>> import timebank
    >>> from timebank.reports.papers import for_whom
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1"), bank.open_account("f1", name="Famiglia Rossi")
    >>> _ = bank.transfer(earner="m1", spender="f1", hours=1)
    >>> found = bank.presences()
    >>> for_whom(found.lines[0], found)
    'Famiglia Rossi'
    """
    return ", ".join(harmless(found.name(id)) for id in line.spenders)


def activity(
    line: Presence, words: Words, *, with_notes: bool = False, none: str | None = None
) -> str:
    """Return what a presence was for: its category, else its area; the note, where asked for.

    Where nothing is said of it, it is `none`, or words for that.
    """
    label = line.category or (None if line.area is None else words.of(line.area))
    said = [] if label is None else [harmless(label)]
    if line.takes_back is not None:
        said.insert(0, words("takes_back"))
    if with_notes and line.note:
        said.append(harmless(line.note))
    return ", ".join(said) or (words("no_category") if none is None else none)


# -- figures ---------------------------------------------------------------------------


def money(cents: int, words: Words) -> str:
    """Return an amount in the marks of a language, without its currency.

    >>> from timebank.reports.papers import money, words_of
    >>> money(123450, words_of("it")), money(-5, words_of("en"))
    ('1.234,50', '-0.05')
    """
    whole, part = divmod(abs(cents), 100)
    sign = "-" if cents < 0 else ""
    return f"{sign}{words.number(whole)}{words('decimal_point')}{part:02}"


def hours_of(seconds: int) -> str:
    """Return seconds as hours."""
    return str(Hours.from_seconds(seconds))
