"""The dialect of `beancount`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date
from typing import Final

from timebank.bank import TimeBank
from timebank.interchange.plaintext import TITLE, Entry, Opening, export, next_day

_ESCAPED: Final = re.compile(r"[^A-Za-z0-9]", re.ASCII)
#: What a component may begin with.
_FIRST: Final = re.compile(r"[A-Z0-9]", re.ASCII)


def escaped(id: str) -> str:
    """An id as one component of an account's name: ASCII, another one for each id.

    What is no letter or digit is its code point between hyphens, and what begins with neither a
    capital nor a digit has `Z-` before it: then the number of hyphens is odd, and else even.

    >>> from timebank.interchange.beancount import escaped
    >>> escaped("m1"), escaped("M1"), escaped("Via Roma")
    ('Z-m1', 'M1', 'Via-20-Roma')
    """
    name = _ESCAPED.sub(lambda found: f"-{ord(found[0]):x}-", id)
    return name if _FIRST.match(name) else f"Z-{name}"


class Beancount:
    """`bean-check`: accounts are opened before their first posting, and closed after their last."""

    def account(self, kind: str, id: str, *, held: bool = False) -> str:
        """As `Dialect.account`; what is held is apart, and is nobody's asset yet."""
        return f"{'Equity:Holds' if held else 'Assets'}:{kind.capitalize()}:{escaped(id)}"

    def head(self, commodity: str, first: date) -> Iterator[str]:
        """As `Dialect.head`."""
        yield f"; {TITLE}"
        yield f'option "operating_currency" "{commodity}"'
        yield f"{first.isoformat()} commodity {commodity}"

    def opening(self, opening: Opening, commodity: str) -> Iterator[str]:
        """As `Dialect.opening`; the account of its holds too."""
        held = self.account(opening.kind, opening.id, held=True)
        for name in (opening.name, held):
            yield f"{opening.since.isoformat()} open {name} {commodity}"
            yield f"  id: {_text(opening.id)}"
            if opening.text is not None and name == opening.name:
                yield f"  name: {_text(opening.text)}"

    def entry(self, entry: Entry) -> Iterator[str]:
        """As `Dialect.entry`: a reversal is linked to its original."""
        links = f" ^r{entry.sequence}"
        if entry.original is not None:
            links += f" ^r{entry.original}"
        flag = "!" if entry.held else "*"
        yield ""
        yield f'{entry.day.isoformat()} {flag} "{entry.title}"{links}'
        yield from (f"  {name}: {_text(value)}" for name, value in entry.tags.items())
        yield from (f"  {account}  {quantity}" for account, quantity in entry.lines)

    def balances(
        self, day: date, balances: Iterator[tuple[Opening, str]], commodity: str
    ) -> Iterator[str]:
        """As `Dialect.balances`: at the beginning of the day after; then what is closed."""
        yield ""
        end = next_day(day)
        closed = []
        for opening, quantity in balances:
            yield f"{end.isoformat()} balance {opening.name}  {quantity}"
            if opening.status == "closed":
                closed.append(opening.name)
        yield from (f"{next_day(end).isoformat()} close {name}" for name in closed)


def _text(value: str) -> str:
    """A text in quotation marks, on one line, as JSON has it."""
    return json.dumps(value, ensure_ascii=False)


def export_beancount(bank: TimeBank, *, unit: str = "seconds", texts: bool = True) -> Iterator[str]:
    """The lines of a bank for `bean-check FILE`, lazily, of one snapshot.

    :raises InvalidRequest: another unit than `seconds` or `hours`, or hours that do not divide.

    >>> import timebank
    >>> from timebank.interchange.beancount import export_beancount
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1"), bank.open_account("f1", kind="group")
    >>> _ = bank.transfer(earner="m1", spender="f1", hours="1:30")
    >>> [line for line in export_beancount(bank) if line.startswith("  Assets")]
    ['  Assets:Member:Z-m1  5400 SEC', '  Assets:Group:Z-f1  -5400 SEC']
    """
    return export(bank, Beancount(), unit=unit, texts=texts)
