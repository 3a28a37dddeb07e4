"""A mapping says what the columns of any CSV mean, as data: a TOML file of thirty lines.

The classes are the tables of that file, and their fields its keys. `toml` reads a file,
`importer` imports with it, `explanation` says it in words. A column is a name of the first
line or, in a file without one, a number from 1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Mapping as Dict
from typing import Final

import attrs

from timebank.errors import InvalidRequest, shown
from timebank.interchange.csv.cells import Amounts, Days
from timebank.interchange.csv.keys import (
    ACCOUNT,
    COLUMN,
    COLUMNS,
    COUNT,
    NAMES,
    PAIRS,
    PATTERN,
    TEXT,
    TEXTS,
    YES,
    Column,
    columns_of,
    one_of,
    table,
    tables,
)
from timebank.model import ACCOUNT_KINDS

#: Encodings whose lines end as those of ASCII do, by the names that people give them.
ENCODINGS: Final = ("utf-8", "latin-1", "iso-8859-15", "cp1252", "cp1250", "cp850", "mac-roman")
#: Ids that begin with these are made by the library itself.
_OWN_NAMES: Final = frozenset({"due", "opening"})
#: Names become the beginning of ids.
_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,31}", re.ASCII)


@attrs.frozen(kw_only=True)
class Csv:
    """The form of the files. `nothing` are texts that stand for an empty cell."""

    delimiter: str = attrs.field(default=",", metadata=TEXT)
    encoding: str = attrs.field(default="utf-8", metadata=one_of(*ENCODINGS))
    header: bool = attrs.field(default=True, metadata=YES)
    nothing: tuple[str, ...] = attrs.field(default=(), metadata=TEXTS)

    def __attrs_post_init__(self) -> None:
        """Check the delimiter."""
        if len(self.delimiter) != 1 or self.delimiter in '"\r\n\0':
            msg = f"delimiter: one character between columns, not {shown(self.delimiter)}"
            raise InvalidRequest(msg)


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

    Who earned and who spent stand in `earner` and `spender`; or an `account` and its partner
    (the column `other`, or one account for all rows, `against`), with a sign that tells.
    """

    amount: Column = attrs.field(metadata=COLUMN)
    day: Column = attrs.field(metadata=COLUMN)
    id: Column | None = attrs.field(default=None, metadata=COLUMN)
    earner: Column | None = attrs.field(default=None, metadata=COLUMN)
    spender: Column | None = attrs.field(default=None, metadata=COLUMN)
    account: Column | None = attrs.field(default=None, metadata=COLUMN)
    other: Column | None = attrs.field(default=None, metadata=COLUMN)
    against: str | None = attrs.field(default=None, metadata=ACCOUNT)
    positive: str = attrs.field(default="earned", metadata=one_of("earned", "spent"))
    created: Column | None = attrs.field(default=None, metadata=COLUMN)
    note: Column | None = attrs.field(default=None, metadata=COLUMN)
    category: Column | None = attrs.field(default=None, metadata=COLUMN)
    area: Column | None = attrs.field(default=None, metadata=COLUMN)
    tags: Column | None = attrs.field(default=None, metadata=COLUMN)
    separator: str = attrs.field(default=",", metadata=TEXT)
    keep: tuple[Column, ...] = attrs.field(default=(), metadata=COLUMNS)
    html: tuple[Column, ...] = attrs.field(default=(), metadata=COLUMNS)
    optional: tuple[Column, ...] = attrs.field(default=(), metadata=COLUMNS)
    equal: tuple[tuple[Column, ...], ...] = attrs.field(default=(), metadata=PAIRS)
    negative: str = attrs.field(default="refuse", metadata=one_of("refuse", "swap"))
    zero: str = attrs.field(default="refuse", metadata=one_of("refuse", "pass"))
    columns: int | None = attrs.field(default=None, metadata=COUNT)
    state: States | None = attrs.field(default=None, metadata=table(States))
    reversal: Reversal | None = attrs.field(default=None, metadata=table(Reversal))
    reversed: Reversed | None = attrs.field(default=None, metadata=table(Reversed))
    levies: tuple[Levy, ...] = attrs.field(default=(), metadata=tables(Levy))

    def __attrs_post_init__(self) -> None:
        """Check that both sides are said, and in one way."""
        by_side = (self.earner, self.spender)
        by_sign = (self.account, self.other, self.against)
        if any(one is not None for one in by_sign):
            if any(one is not None for one in by_side):
                msg = "earner and spender, or account and its partner: not both"
                raise InvalidRequest(msg)
            if self.account is None or (self.other is None) == (self.against is None):
                msg = "account needs its partner: one of other (a column) and against (an account)"
                raise InvalidRequest(msg)
            if self.reversal is not None or self.negative == "swap":
                msg = "where the sign tells who earned, negative and reversal cannot be said"
                raise InvalidRequest(msg)
        elif None in by_side:
            msg = "the keys earner and spender are missing, or account with its partner"
            raise InvalidRequest(msg)
        if self.reversal is not None and self.id is None:
            msg = "reversal needs the key id: the row that it takes back is found by it"
            raise InvalidRequest(msg)


@attrs.frozen(kw_only=True)
class Accounts:
    """The columns of the file of accounts. Parts of a name are joined by blanks."""

    id: Column = attrs.field(metadata=COLUMN)
    name: tuple[Column, ...] = attrs.field(default=(), metadata=COLUMNS)
    joined: Column | None = attrs.field(default=None, metadata=COLUMN)
    balance: Column | None = attrs.field(default=None, metadata=COLUMN)
    kind: Column | None = attrs.field(default=None, metadata=COLUMN)
    kinds: Dict[str, str] = attrs.field(default=attrs.Factory(dict), metadata=NAMES)
    html: tuple[Column, ...] = attrs.field(default=(), metadata=COLUMNS)
    optional: tuple[Column, ...] = attrs.field(default=(), metadata=COLUMNS)
    columns: int | None = attrs.field(default=None, metadata=COUNT)
    closed: Condition | None = attrs.field(default=None, metadata=table(Condition))

    def __attrs_post_init__(self) -> None:
        """Check the kinds of account."""
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


@attrs.frozen(kw_only=True)
class Opened:
    """An account that no file names, as that of levies."""

    id: str = attrs.field(metadata=ACCOUNT)
    kind: str = attrs.field(default="fund", metadata=one_of(*ACCOUNT_KINDS))
    name: str | None = attrs.field(default=None, metadata=TEXT)


Part = Transfers | Accounts | Balances


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
    open: tuple[Opened, ...] = attrs.field(default=(), metadata=tables(Opened))

    def __attrs_post_init__(self) -> None:
        """Check the name, and that columns are named where there is a header, else numbered."""
        if not _NAME.fullmatch(self.name):
            msg = f"name: small letters, digits, - and _, as ids begin with it, not {self.name!r}"
            raise InvalidRequest(msg)
        if self.name in _OWN_NAMES:
            msg = f"name: ids that begin with {self.name}: are the library's own"
            raise InvalidRequest(msg)
        for where, part in self.parts():
            _check_columns(where, part, header=self.csv.header)

    def parts(self) -> Iterator[tuple[str, Part]]:
        """Yield the tables that say columns of a file, by their keys."""
        for where in ("transfers", "accounts", "balances"):
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
