"""Write a bank for hledger and Ledger, whose formats are close to each other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Final

from timebank.bank import TimeBank
from timebank.interchange.plaintext.dialect import TAGS, TITLE, Entry, Opening
from timebank.interchange.plaintext.escaping import (
    ascii_only,
    component,
    fitted,
    value,
    visible,
)
from timebank.interchange.plaintext.export import export

#: Of a line with its line feed: Ledger refuses a file with a longer one.
MOST_BYTES: Final = 4_096
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9.-]", re.ASCII)


def escaped(id: str) -> str:
    """Return an id as one component of an account's name: ASCII, another one for each id.

    >>> from timebank.interchange.plaintext.hledger import escaped
    >>> escaped("m1"), escaped("via verdi:7"), escaped("M1")
    ('m1', 'via_20_verdi_3a_7', 'M1_u1')
    """
    return component(id, unsafe=_UNSAFE, mark="_")


class Ledger:
    """`ledger --strict --pedantic`: accounts, the commodity and tags are declared.

    A tag that would make a line too long is cut, and says so.
    """

    #: It knows no day before.
    first_day = date(1400, 1, 1)

    def account(self, kind: str, id: str, *, held: bool = False) -> str:
        """Return the name of an account; of its holds, one that is not among the assets."""
        return f"{'holds' if held else 'assets'}:{kind}:{escaped(id)}"

    def comment(self, text: str) -> str:
        """Return a comment on one line."""
        return f"; {visible(text)}"

    def head(self, commodity: str, first: date) -> Iterator[str]:
        """Yield the lines above the accounts."""
        yield self.comment(TITLE)
        yield f"commodity {commodity}"
        yield from (f"tag {name}" for name in TAGS)

    def opening(self, opening: Opening, commodity: str) -> Iterator[str]:
        """Yield the declaration of an account."""
        yield f"account {opening.name}"
        yield from self._tags(opening.tags)
        if opening.held is not None:
            yield f"account {opening.held}"

    def entry(self, entry: Entry) -> Iterator[str]:
        """Yield a transaction."""
        yield ""
        flag = "!" if entry.held else "*"
        yield f"{entry.day.isoformat()} {flag} ({entry.sequence}) {entry.title}"
        yield from self._tags(entry.tags)
        yield from (f"    {account}  {quantity}" for account, quantity in entry.lines)

    def _tags(self, tags: Mapping[str, Any]) -> Iterator[str]:
        """Yield a line for each tag."""
        for name, content in tags.items():
            start = f"    ; {name}: "
            yield start + self.fitted(content, MOST_BYTES - len(start) - 1)

    def fitted(self, content: Any, most_bytes: int) -> str:
        """Return the value of a tag, within so many bytes."""
        return fitted(content, self.text, most_bytes)

    def balances(
        self, day: date, balances: Iterator[tuple[Opening, str]], commodity: str
    ) -> Iterator[str]:
        """Yield the balances: postings of nothing, each with what it must come to."""
        found = [(opening.name, quantity) for opening, quantity in balances]
        if found:
            yield ""
            yield f"{day.isoformat()} * balances"
            yield from (f"    {name}  0 {commodity} = {quantity}" for name, quantity in found)

    def text(self, content: Any) -> str:
        """Return the value of a tag."""
        return value(content) if type(content) is not tuple else " ".join(map(value, content))


class Hledger(Ledger):
    """`hledger check -s`. All is ASCII, for in a locale that is not UTF-8 it reads nothing else."""

    first_day = date.min

    def comment(self, text: str) -> str:
        """Return a comment on one line."""
        return ascii_only(super().comment(text))

    def head(self, commodity: str, first: date) -> Iterator[str]:
        """Yield the lines above the accounts."""
        yield self.comment(TITLE)
        yield f"commodity 1000.{'0000' if commodity == 'H' else ''} {commodity}"

    def opening(self, opening: Opening, commodity: str) -> Iterator[str]:
        """Yield the declaration of an account."""
        tags = ", ".join(f"{name}: {self.text(content)}" for name, content in opening.tags.items())
        yield f"account {opening.name}  ; {tags}"
        if opening.held is not None:
            yield f"account {opening.held}"

    def fitted(self, content: Any, most_bytes: int) -> str:
        """Return the value of a tag, however long it is."""
        return self.text(content)

    def text(self, content: Any) -> str:
        """Return the value of a tag, without commas: hledger ends it at one."""
        return ascii_only(super().text(content)).replace(",", "\\u002c")


def export_hledger(bank: TimeBank, *, unit: str = "seconds", texts: bool = True) -> Iterator[str]:
    """Return the lines of a bank for `hledger -f FILE check -s`, lazily, of one snapshot.

    :raises InvalidRequest: another unit than `seconds` or `hours`; at the first line, hours that
        do not divide.
    :raises NotPermitted: not all of the bank may be read.

    >>> import timebank
    >>> from timebank.interchange.plaintext import export_hledger
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1"), bank.open_account("f1", kind="group")
    >>> _ = bank.transfer(earner="m1", spender="f1", hours="1:30")
    >>> [line for line in export_hledger(bank) if line.startswith("    assets")][:2]
    ['    assets:member:m1  5400 SEC', '    assets:group:f1  -5400 SEC']
    """
    return export(bank, Hledger(), unit=unit, texts=texts)


def export_ledger(bank: TimeBank, *, unit: str = "seconds", texts: bool = True) -> Iterator[str]:
    """Return the lines of a bank for `ledger --strict --pedantic -f FILE`, lazily, of one snapshot.

    :raises InvalidRequest: another unit than `seconds` or `hours`; at the first line, hours that
        do not divide.
    :raises NotPermitted: not all of the bank may be read.

    >>> import timebank
    >>> from timebank.interchange.plaintext import export_ledger
    >>> "commodity SEC" in list(export_ledger(timebank.open("memory:")))
    True
    """
    return export(bank, Ledger(), unit=unit, texts=texts)
