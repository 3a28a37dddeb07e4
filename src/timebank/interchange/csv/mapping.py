"""A mapping says what the columns of any CSV mean, as data: a TOML file of thirty lines.

The classes are the tables of that file, and their fields its keys. `toml` reads a file,
`importer` imports with it, `explanation` says it in words. A column is a name of the first
line or, in a file without one, a number from 1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Mapping as Dict
from datetime import date
from typing import Final

import attrs

from timebank.errors import InvalidRequest, shown
from timebank.interchange.csv.cells import Amounts
from timebank.interchange.csv.days import Days
from timebank.interchange.csv.keys import (
    ACCOUNT,
    COLUMN,
    COLUMNS,
    COUNT,
    DAY,
    LINES,
    MARK,
    NAMES,
    PAIRS,
    PATTERN,
    REGEX,
    STRIPPED,
    TEXT,
    TEXTS,
    WORDS,
    YES,
    Column,
    columns_of,
    named,
    one_of,
    table,
    tables,
)
from timebank.interchange.sheets.encodings import NAMED
from timebank.model import ACCOUNT_KINDS

#: That is found out: the encoding, the delimiter, the form of each amount.
AUTO: Final = "auto"
REFUSE: Final = "refuse"
PASS: Final = "pass"  # noqa: S105  # no password: what a row does
_EITHER: Final = one_of(REFUSE, PASS)
#: Ids that begin with these are made by the library itself.
_OWN_NAMES: Final = frozenset({"due", "opening"})
#: Names become the beginning of ids.
_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,31}", re.ASCII)


@attrs.frozen(kw_only=True)
class Csv:
    """The form of the files, as far as it is not found out.

    `nothing` are texts that stand for an empty cell; `first_lines` are so many lines before the one
    that names the columns; `sheet` is one of a workbook.
    """

    delimiter: str = attrs.field(default=AUTO, metadata=TEXT)
    encoding: str = attrs.field(default=AUTO, metadata=one_of(AUTO, *NAMED))
    header: bool = attrs.field(default=True, metadata=YES)
    nothing: tuple[str, ...] = attrs.field(default=(), metadata=TEXTS)
    quotes: bool = attrs.field(default=True, metadata=YES)
    escape: str | None = attrs.field(default=None, metadata=MARK)
    first_lines: int = attrs.field(default=0, metadata=LINES)
    sheet: str | None = attrs.field(default=None, metadata=TEXT)

    def __attrs_post_init__(self) -> None:
        """Check the delimiter."""
        if self.delimiter != AUTO and (len(self.delimiter) != 1 or self.delimiter in '"\r\n\0'):
            msg = f"delimiter: one character between columns, or auto, not {shown(self.delimiter)}"
            raise InvalidRequest(msg)
        if self.escape is not None and self.escape == self.delimiter:
            msg = f"escape: another character than the delimiter, not {shown(self.escape)}"
            raise InvalidRequest(msg)


@attrs.frozen(kw_only=True)
class People:
    """How the texts are read that say who.

    By `name`: an id if there is such an account, else a name. By `id`: a text is an id. Where a
    `pattern` is given it finds in each text what says who; `same` has other spellings of a name.
    """

    by: str = attrs.field(default="name", metadata=one_of("name", "id"))
    pattern: re.Pattern[str] | None = attrs.field(default=None, metadata=PATTERN)
    same: Dict[str, str] = attrs.field(default=attrs.Factory(dict), metadata=WORDS)


@attrs.frozen(kw_only=True)
class Condition:
    """A column that has one of these values or, where none are given, is not empty."""

    column: Column = attrs.field(metadata=COLUMN)
    values: tuple[str, ...] = attrs.field(default=(), metadata=TEXTS)

    def holds(self, cell: str) -> bool:
        """Return true where a cell meets the condition."""
        return cell in self.values if self.values else cell != ""


@attrs.frozen(kw_only=True)
class States:
    """The column of a row's state: which states move hours, and the names of those that do not."""

    column: Column = attrs.field(metadata=COLUMN)
    moves: tuple[str, ...] = attrs.field(metadata=TEXTS)
    passed: Dict[str, str] = attrs.field(default=attrs.Factory(dict), metadata=NAMES)
    other: str = attrs.field(default=REFUSE, metadata=_EITHER)


@attrs.frozen(kw_only=True)
class Filter:
    """A column that has one of these values, or one in which the pattern is found.

    `name` is what the rows that are passed over by it are counted as.
    """

    column: Column = attrs.field(metadata=COLUMN)
    values: tuple[str, ...] = attrs.field(default=(), metadata=TEXTS)
    pattern: re.Pattern[str] | None = attrs.field(default=None, metadata=REGEX)
    name: str | None = attrs.field(default=None, metadata=TEXT)

    def __attrs_post_init__(self) -> None:
        """Check that one of the two is said."""
        if bool(self.values) == (self.pattern is not None):
            msg = "values or a pattern: one of them"
            raise InvalidRequest(msg)

    def holds(self, cell: str) -> bool:
        """Return whether a cell meets the condition."""
        return cell in self.values if self.pattern is None else bool(self.pattern.search(cell))


@attrs.frozen(kw_only=True)
class Direction:
    """The column that tells whether the account of a row earned or spent."""

    column: Column = attrs.field(metadata=COLUMN)
    earned: tuple[str, ...] = attrs.field(metadata=TEXTS)
    spent: tuple[str, ...] = attrs.field(metadata=TEXTS)


@attrs.frozen(kw_only=True)
class Reversal(Condition):
    """A row that takes an earlier one back, wholly or in part, and names it.

    `original` is the column that has the earlier row's id, or where `pattern` finds it;
    `amount` is the sign that the amount of such a row has.
    """

    original: Column = attrs.field(metadata=COLUMN)
    pattern: re.Pattern[str] | None = attrs.field(default=None, metadata=PATTERN)
    reason: Column | None = attrs.field(default=None, metadata=COLUMN)
    amount: str = attrs.field(default="negative", metadata=one_of("negative", "positive"))


@attrs.frozen(kw_only=True)
class Reversed(Condition):
    """A row that was taken back, and has a mark that says so: it is booked, and reversed."""

    day: Column | None = attrs.field(default=None, metadata=COLUMN)
    reason: Column | None = attrs.field(default=None, metadata=COLUMN)


@attrs.frozen(kw_only=True)
class Levy:
    """An amount that a row takes besides from one of its accounts, for the account `to`."""

    amount: Column = attrs.field(metadata=COLUMN)
    payer: Column = attrs.field(metadata=COLUMN)
    to: str = attrs.field(metadata=ACCOUNT)
    category: str | None = attrs.field(default=None, metadata=TEXT)


@attrs.frozen(kw_only=True)
class Transfers:
    """The columns of the file of transfers.

    Who earned and who spent stand in `earner` and `spender`, or are one account for all rows,
    `earner_is` and `spender_is`; or there are an `account` and its partner (the column `other`, or
    one account for all rows, `against`), with what tells who earned: the sign of the amount, the
    columns `in` and `out` in its place, or a `direction`.
    """

    amount: Column | None = attrs.field(default=None, metadata=COLUMN)
    day: Column | None = attrs.field(default=None, metadata=COLUMN)
    id: Column | None = attrs.field(default=None, metadata=COLUMN)
    earner: Column | None = attrs.field(default=None, metadata=COLUMN)
    spender: Column | None = attrs.field(default=None, metadata=COLUMN)
    earner_is: str | None = attrs.field(default=None, metadata=ACCOUNT)
    spender_is: str | None = attrs.field(default=None, metadata=ACCOUNT)
    day_is: date | None = attrs.field(default=None, metadata=DAY)
    account: Column | None = attrs.field(default=None, metadata=COLUMN)
    other: Column | None = attrs.field(default=None, metadata=COLUMN)
    against: str | None = attrs.field(default=None, metadata=ACCOUNT)
    positive: str = attrs.field(default="earned", metadata=one_of("earned", "spent"))
    incoming: Column | None = attrs.field(default=None, metadata=named("in", COLUMN))
    outgoing: Column | None = attrs.field(default=None, metadata=named("out", COLUMN))
    direction: Direction | None = attrs.field(default=None, metadata=table(Direction))
    created: Column | None = attrs.field(default=None, metadata=COLUMN)
    note: Column | None = attrs.field(default=None, metadata=COLUMN)
    category: Column | None = attrs.field(default=None, metadata=COLUMN)
    area: Column | None = attrs.field(default=None, metadata=COLUMN)
    tags: Column | None = attrs.field(default=None, metadata=COLUMN)
    separator: str = attrs.field(default=",", metadata=TEXT)
    strip: tuple[str, ...] | None = attrs.field(default=(), metadata=STRIPPED)
    keep: tuple[Column, ...] = attrs.field(default=(), metadata=COLUMNS)
    html: tuple[Column, ...] = attrs.field(default=(), metadata=COLUMNS)
    optional: tuple[Column, ...] = attrs.field(default=(), metadata=COLUMNS)
    equal: tuple[tuple[Column, ...], ...] = attrs.field(default=(), metadata=PAIRS)
    negative: str = attrs.field(default=REFUSE, metadata=one_of(REFUSE, "swap"))
    zero: str = attrs.field(default=REFUSE, metadata=_EITHER)
    empty: str = attrs.field(default=REFUSE, metadata=_EITHER)
    with_oneself: str = attrs.field(default=REFUSE, metadata=named("self", _EITHER))
    columns: int | None = attrs.field(default=None, metadata=COUNT)
    state: States | None = attrs.field(default=None, metadata=table(States))
    skip: tuple[Filter, ...] = attrs.field(default=(), metadata=tables(Filter))
    only: Filter | None = attrs.field(default=None, metadata=table(Filter))
    reversal: Reversal | None = attrs.field(default=None, metadata=table(Reversal))
    reversed: Reversed | None = attrs.field(default=None, metadata=table(Reversed))
    levies: tuple[Levy, ...] = attrs.field(default=(), metadata=tables(Levy))

    def __attrs_post_init__(self) -> None:
        """Check that amount, day and both sides are said, each in one way."""
        self._check_amount()
        if (self.day is None) == (self.day_is is None):
            msg = "the key 'day' is missing, or day_is" if self.day is None else "day or day_is"
            raise InvalidRequest(msg)
        if self.account is None and self.other is None and self.against is None:
            self._check_sides()
        else:
            self._check_account()
        if self.reversal is not None and self.id is None:
            msg = "reversal needs the key id: the row that it takes back is found by it"
            raise InvalidRequest(msg)

    def _check_amount(self) -> None:
        by_columns = (self.incoming, self.outgoing)
        if by_columns == (None, None):
            if self.amount is None:
                msg = "the key 'amount' is missing, or in and out"
                raise InvalidRequest(msg)
        elif self.amount is not None or None in by_columns or self.account is None:
            msg = "in and out go together, with account, and take the place of amount"
            raise InvalidRequest(msg)
        elif self.reversed is not None or self.reversal is not None:
            msg = "in and out cannot stand with reversal or reversed"
            raise InvalidRequest(msg)

    def _check_sides(self) -> None:
        if self.earner is None and self.earner_is is None and self.spender is None:
            msg = "the keys earner and spender are missing, or account with its partner"
            raise InvalidRequest(msg)
        for side, one, fixed in (
            ("earner", self.earner, self.earner_is),
            ("spender", self.spender, self.spender_is),
        ):
            if (one is None) == (fixed is None):
                msg = f"{side} (a column) or {side}_is (an account): one of them"
                raise InvalidRequest(msg)
        if self.earner is None and self.spender is None:
            msg = "earner_is and spender_is cannot both be said: nobody would be in the file"
            raise InvalidRequest(msg)
        if self.direction is not None:
            msg = "direction needs account with its partner"
            raise InvalidRequest(msg)

    def _check_account(self) -> None:
        by_side = (self.earner, self.spender, self.earner_is, self.spender_is)
        if any(one is not None for one in by_side):
            msg = "earner and spender, or account and its partner: not both"
            raise InvalidRequest(msg)
        if self.account is None or (self.other is None) == (self.against is None):
            msg = "account needs its partner: one of other (a column) and against (an account)"
            raise InvalidRequest(msg)
        if self.reversal is not None or self.negative == "swap":
            msg = "where the sign tells who earned, negative and reversal cannot be said"
            raise InvalidRequest(msg)
        told = (self.direction is not None, self.incoming is not None, self.positive != "earned")
        if sum(told) > 1:
            msg = "one of positive, direction, and in with out tells who earned"
            raise InvalidRequest(msg)


@attrs.frozen(kw_only=True)
class Accounts:
    """The columns of the file of accounts. Parts of a name are joined by blanks.

    Without an `id` accounts are told by their names, and get ids that say nothing. A person may be
    named by what stands in the columns `also` as well. `amounts` is the form of `balance`, where it
    is another than that of the mapping.
    """

    id: Column | None = attrs.field(default=None, metadata=COLUMN)
    name: tuple[Column, ...] = attrs.field(default=(), metadata=COLUMNS)
    joined: Column | None = attrs.field(default=None, metadata=COLUMN)
    balance: Column | None = attrs.field(default=None, metadata=COLUMN)
    kind: Column | None = attrs.field(default=None, metadata=COLUMN)
    kinds: Dict[str, str] = attrs.field(default=attrs.Factory(dict), metadata=NAMES)
    html: tuple[Column, ...] = attrs.field(default=(), metadata=COLUMNS)
    optional: tuple[Column, ...] = attrs.field(default=(), metadata=COLUMNS)
    columns: int | None = attrs.field(default=None, metadata=COUNT)
    closed: Condition | None = attrs.field(default=None, metadata=table(Condition))
    also: tuple[Column, ...] = attrs.field(default=(), metadata=COLUMNS)
    amounts: Amounts | None = attrs.field(default=None, metadata=table(Amounts))

    def __attrs_post_init__(self) -> None:
        """Check that an account can be told, and the kinds of account."""
        if self.id is None and not self.name:
            msg = "the key 'id' is missing, or name"
            raise InvalidRequest(msg)
        if (self.kind is None) != (not self.kinds):
            msg = "kind (a column) and kinds (its values) go together"
            raise InvalidRequest(msg)
        for value, kind in self.kinds.items():
            if kind not in ACCOUNT_KINDS:
                known = ", ".join(ACCOUNT_KINDS)
                msg = f"kinds: {shown(value)} is one of {known}, not {shown(kind)}"
                raise InvalidRequest(msg)


@attrs.frozen(kw_only=True)
class Balances:
    """The columns of a file of balances, where they stand apart from the accounts."""

    account: Column = attrs.field(metadata=COLUMN)
    balance: Column = attrs.field(metadata=COLUMN)
    optional: tuple[Column, ...] = attrs.field(default=(), metadata=COLUMNS)
    columns: int | None = attrs.field(default=None, metadata=COUNT)
    amounts: Amounts | None = attrs.field(default=None, metadata=table(Amounts))


@attrs.frozen(kw_only=True)
class Opening(Balances):
    """The columns of a file of opening balances."""


@attrs.frozen(kw_only=True)
class Opened:
    """An account that no file names, as that of levies."""

    id: str = attrs.field(metadata=ACCOUNT)
    kind: str = attrs.field(default="fund", metadata=one_of(*ACCOUNT_KINDS))
    name: str | None = attrs.field(default=None, metadata=TEXT)


Part = Transfers | Accounts | Balances | Opening


@attrs.frozen(kw_only=True)
class Mapping:
    """The meaning of the columns of one system's files. `name` begins the ids of what is booked.

    >>> from timebank.interchange.csv.toml import mapping_of
    >>> mapping = mapping_of("ces")
    >>> mapping.name, mapping.transfers.earner
    ('ces', 'seller')
    """

    name: str = attrs.field(metadata=TEXT)
    title: str = attrs.field(metadata=TEXT)
    transfers: Transfers = attrs.field(metadata=table(Transfers))
    csv: Csv = attrs.field(default=attrs.Factory(Csv), metadata=table(Csv))
    amounts: Amounts = attrs.field(default=attrs.Factory(Amounts), metadata=table(Amounts))
    days: Days = attrs.field(default=attrs.Factory(Days), metadata=table(Days))
    accounts: Accounts | None = attrs.field(default=None, metadata=table(Accounts))
    balances: Balances | None = attrs.field(default=None, metadata=table(Balances))
    opening: Opening | None = attrs.field(default=None, metadata=table(Opening))
    people: People = attrs.field(default=attrs.Factory(People), metadata=table(People))
    open: tuple[Opened, ...] = attrs.field(default=(), metadata=tables(Opened))

    def __attrs_post_init__(self) -> None:
        """Check the name, and that columns are named where there is a header, else numbered."""
        if not _NAME.fullmatch(self.name):
            msg = f"name: small letters, digits, - and _, as ids begin with it, not {self.name!r}"
            raise InvalidRequest(msg)
        if self.name in _OWN_NAMES:
            msg = f"name: ids that begin with {self.name}: are the library's own"
            raise InvalidRequest(msg)
        if self.people.by == "id" and self.accounts is not None and self.accounts.id is None:
            msg = "accounts: the key 'id' is missing, for people.by is \"id\""
            raise InvalidRequest(msg)
        for where, part in self.parts():
            _check_columns(where, part, header=self.csv.header)

    def parts(self) -> Iterator[tuple[str, Part]]:
        """Yield the tables that say columns of a file, by their keys."""
        for where in ("transfers", "accounts", "balances", "opening"):
            part = getattr(self, where)
            if part is not None:
                yield where, part


def _check_columns(where: str, part: Part, *, header: bool) -> None:
    for name, found in columns_of(part, where):
        if isinstance(found, str) != header:
            expected = "a name of the first line" if header else "a number: there is no first line"
            msg = f"{name}: {expected}, not {shown(found)}"
            raise InvalidRequest(msg)
        if isinstance(found, int) and found > (part.columns or 0):
            msg = f"{name}: column {found} of {part.columns or 'how many? say'} {where}.columns"
            raise InvalidRequest(msg)
    if header and part.columns is not None:
        msg = f"{where}.columns: the first line says how many there are"
        raise InvalidRequest(msg)
