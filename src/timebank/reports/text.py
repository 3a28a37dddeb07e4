"""Format text for a terminal: harmless characters, widths, tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, time
from typing import Final
from unicodedata import category, east_asian_width

import attrs

from timebank.model import INHERIT, Account, Flag, Limit
from timebank.model.agreements import PEER_PREFIX
from timebank.reports.words import Words

#: The widest line of a report.
PAGE_COLUMNS: Final = 100
_GAP: Final = "  "
_JOINER: Final = "\u200d"
_EMOJI_STYLE: Final = "\ufe0f"
_SKIN_TONES: Final = range(0x1F3FB, 0x1F400)
_BLANK: Final = frozenset("\t\n\r\v\f\x1c\x1d\x1e\x1f\x85")
_UNKNOWN: Final = "\ufffd"
#: The name of a bank that nobody named: it is no title.
_UNNAMED: Final = "main"


def harmless(text: str) -> str:
    r"""Return the text on one line, without characters that steer a terminal or turn text round.

    Line breaks and tabs become blanks; other control characters become their picture,
    or `\ufffd` where they have none, as do lone surrogates and marks of direction.

    >>> from timebank.reports.text import harmless
    >>> harmless("due\nrighe \x1b[31m")
    'due righe ␛[31m'
    """
    if text.isprintable():
        return text
    return "".join(map(_harmless_character, text)).strip()


def _harmless_character(character: str) -> str:
    if character in _BLANK:
        return " "
    code, kind = ord(character), category(character)
    if kind in {"Zl", "Zp", "Zs"}:
        return " "
    if kind == "Cc":
        if code == 0x7F:  # noqa: PLR2004  # DELETE has its picture apart from the others
            return "\u2421"
        return chr(0x2400 + code) if code < ord(" ") else _UNKNOWN
    if kind in {"Cs", "Cf"} and character not in {_JOINER, "\u200c"}:
        return _UNKNOWN
    return character


def width(text: str) -> int:
    """Return how many columns a terminal gives to the text.

    >>> from timebank.reports.text import width
    >>> width("è"), width("時間"), width("👩‍🌾")
    (1, 4, 2)
    """
    if text.isascii():
        return len(text)
    return sum(columns for _, columns in _measured(text))


def _measured(text: str) -> Iterator[tuple[str, int]]:
    """Yield each character with the columns that it adds to those before it."""
    before, columns_before = "", 0
    for character in text:
        if before == _JOINER or category(character) in {"Mn", "Me", "Cf"}:
            columns = 0
            if character == _EMOJI_STYLE and columns_before == 1:
                columns = 1
        elif ord(character) in _SKIN_TONES and columns_before:
            columns = 0
        else:
            columns = 2 if east_asian_width(character) in "WF" else 1
        yield character, columns
        before = character
        columns_before = columns or columns_before


def fit(text: str, columns: int) -> str:
    """Return the text in at most so many columns; where it is longer, it ends in `…`.

    >>> from timebank.reports.text import fit
    >>> fit("accompanied to the clinic", 12)
    'accompanied…'
    """
    if width(text) <= columns:
        return text
    kept, used = "", 0
    for character, more in _measured(text):
        used += more
        if used > columns - 1:
            break
        kept += character
    return f"{kept.rstrip(_JOINER + ' ')}…" if columns > 0 else ""


def pad(text: str, columns: int, *, right: bool = False) -> str:
    """Return the text filled with blanks to so many columns, on its left if `right`."""
    blanks = " " * (columns - width(text))
    return f"{blanks}{text}" if right else f"{text}{blanks}"


# -- tables -----------------------------------------------------------------------------


@attrs.frozen
class Column:
    """A column: figures stand on its right; one with `least` may be cut down to that width."""

    title: str
    right: bool = False
    least: int | None = None


def column(title: str, *, right: bool = False, least: int | None = None) -> Column:
    """Return a column whose title is a word of the table `columns`, in the language spoken.

    >>> from timebank.reports.text import column
    >>> column("account").title
    'Account'
    """
    return Column(Words("columns")(title), right, least)


#: A row; `None` stands for a rule across the table.
Row = Sequence[str] | None


def table(columns: Sequence[Column], rows: Sequence[Row], *, page: int = PAGE_COLUMNS) -> list[str]:
    """Return the lines of a table, titles first.

    Where it is wider than the page, the widest column that may be cut is, until it fits.

    >>> from timebank.reports.text import Column, table
    >>> for line in table([Column("Account"), Column("Hours", right=True)], [["m1", "1:30"]]):
    ...     print(line)
    Account  Hours
    -------  -----
    m1        1:30
    """
    cells = [None if row is None else [harmless(cell) for cell in row] for row in rows]
    titles = [column.title for column in columns]
    filled = [titles, *(row for row in cells if row is not None)]
    widths = [max(width(row[i]) for row in filled) for i in range(len(columns))]
    _shrink(widths, columns, page - len(_GAP) * (len(columns) - 1))
    rule = ["-" * columns_wide for columns_wide in widths]
    return [_line(rule if row is None else row, columns, widths) for row in [titles, None, *cells]]


def _shrink(widths: list[int], columns: Sequence[Column], available: int) -> None:
    while (excess := sum(widths) - available) > 0:
        room = {
            i: widths[i] - column.least
            for i, column in enumerate(columns)
            if column.least is not None and widths[i] > column.least
        }
        if not room:
            return
        widest = max(room, key=lambda i: (widths[i], i))
        others = [widths[i] for i in room if i != widest and widths[i] < widths[widest]]
        step = widths[widest] - max(others) if others else excess
        widths[widest] -= max(1, min(excess, room[widest], step))


def _line(row: Sequence[str], columns: Sequence[Column], widths: Sequence[int]) -> str:
    cells = [
        pad(fit(cell, wide), wide, right=column.right)
        for cell, column, wide in zip(row, columns, widths, strict=True)
    ]
    return _GAP.join(cells).rstrip()


# -- words and facts -----------------------------------------------------------------


def facts(facts: Mapping[str, str], *, right: bool = False, label: int = 0) -> list[str]:
    """Return a line for each fact, with its label before it; those without text are left out.

    `label` is the least width of a label with its colon, `right` puts the facts at the right.

    >>> from timebank.reports.text import facts
    >>> facts({"Kind": "member", "Joined": "", "Balance": "1:30"})
    ['Kind:    member', 'Balance: 1:30']
    """
    labels = max([label, *(len(one) + 1 for one in facts)])
    wide = max(map(width, facts.values()), default=0) if right else 0
    return [
        f"{one + ':':<{labels}} {fact:>{wide}}" if right else f"{one + ':':<{labels}} {fact}"
        for one, fact in facts.items()
        if fact
    ]


def title_of(title: str | None, banks: Iterable[str]) -> str | None:
    """Return what stands above a paper: the title given, else the names that banks were given.

    >>> from timebank.reports.text import title_of
    >>> title_of(None, ["main", "via-roma"]), title_of("Via Roma", ["via-roma"]), title_of("", ["main"])
    ('via-roma', 'Via Roma', None)
    """  # noqa: E501  # an example is read by line
    return title or ", ".join(name for name in banks if name != _UNNAMED) or None


def counted(number: int, noun: str) -> str:
    """Return a number with its English noun: `1 account`, `2 quantities`, `1,000 accounts`.

    What people read has `Words.counted` in its place, in every language.

    >>> from timebank.reports.text import counted
    >>> counted(1, "quantity"), counted(2, "quantity"), counted(1000, "day")
    ('1 quantity', '2 quantities', '1,000 days')
    """
    if number == 1:
        return f"{number:,} {noun}"
    many = f"{noun[:-1]}ies" if noun.endswith("y") and noun[-2:-1] not in "aeiou" else f"{noun}s"
    return f"{number:,} {many}"


def titled(id: str, name: str | None) -> str:
    """Return an account as people know it: its id, and its name where it has one.

    Of the account of an agreement the other bank's name is enough.

    >>> from timebank.reports.text import titled
    >>> titled("m1", "Maria R."), titled("m2", None), titled("peer:0198ab", "Bovisa")
    ('m1 Maria R.', 'm2', 'Bovisa')
    """
    if name is not None and id.startswith(PEER_PREFIX):
        return harmless(name)
    return harmless(id if name is None else f"{id} {name}")


def status_text(account: Account) -> str:
    """Return the status of an account, or which one it became.

    >>> import attrs
    >>> import timebank
    >>> from timebank.reports.text import status_text
    >>> account = timebank.open("memory:").open_account("m1-again")
    >>> status_text(account), status_text(attrs.evolve(account, merged_into="m1"))
    ('open', 'merged into m1')
    """
    return state_text(account.status, account.merged_into)


def state_text(status: str, merged_into: str | None = None) -> str:
    """Return a status of an account or a hold in words, or which account it became."""
    words = Words("text")
    if merged_into is not None:
        return harmless(words("merged", account=merged_into))
    return words(status) if words.has(status) else status


def kind_text(kind: str) -> str:
    """Return the kind of an account in words."""
    words = Words("text")
    return words(kind) if words.has(kind) else kind


def flag_text(flag: Flag) -> str:
    """Return a rule that was broken, and that the statute only flags, as a sentence.

    >>> from timebank import Flag, Hours
    >>> from timebank.reports.text import flag_text
    >>> flag_text(Flag(rule="largest exchange", limit=Hours(8), needed=Hours(9)))
    'one exchange moves 9:00, more than the 8:00 of the statute'
    """
    facts = attrs.asdict(flag, recurse=False)
    return Words("text")(f"flag_{flag.rule.replace(' ', '_')}", **facts)


def together(texts: Iterable[str]) -> str:
    """Return texts that belong together: `m1 and m2`."""
    one, *others = [*texts] or [""]
    for other in others:
        one = Words("text")("and", one=one, other=other)
    return one


def limit_text(limit: Limit) -> str:
    """Return a limit in words."""
    if limit is INHERIT or limit is None:
        return Words("text")("unlimited" if limit is None else "statute")
    return str(limit)


def times_text(started_at: time | None, ended_at: time | None) -> str:
    """Return the times of a service, those that there are.

    >>> from datetime import time
    >>> from timebank.reports.text import times_text
    >>> times_text(time(9, 30), time(11)), times_text(time(9, 30), None), times_text(None, None)
    ('09:30–11:00', 'from 09:30', '')
    """  # noqa: RUF002  # a span has an en dash
    words = Words("text")
    if started_at is None:
        return "" if ended_at is None else words("ends", time=f"{ended_at:%H:%M}")
    if ended_at is None:
        return words("starts", time=f"{started_at:%H:%M}")
    return f"{started_at:%H:%M}–{ended_at:%H:%M}"  # noqa: RUF001  # as above


def period_text(period: tuple[date, date] | None) -> str:
    """Return a period of the calendar as people say it: `2026`, `2026-03`, `2026-07 to 2026-12`.

    >>> from datetime import date, time
    >>> from timebank.reports.text import period_text
    >>> period_text((date(2026, 1, 1), date(2026, 6, 30)))
    '2026-01 to 2026-06'
    """
    if period is None:
        return Words("text")("once")
    first, last = period
    if (first.month, last.month) == (1, 12):
        return f"{first.year:04}"
    months = f"{first:%Y-%m}"
    if first.month == last.month:
        return months
    return Words("text")("months", first=months, last=f"{last:%Y-%m}")
