"""Write a bank for Beancount."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, Final

from timebank.bank import TimeBank
from timebank.interchange.plaintext.dialect import TITLE, Entry, Opening
from timebank.interchange.plaintext.escaping import component, value, visible
from timebank.interchange.plaintext.export import export

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9]", re.ASCII)
#: What a tag may be.
_TAG: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./-]*", re.ASCII)


def escaped(id: str) -> str:
    """Return an id as one component of an account's name: ASCII, another one for each id.

    It begins with a capital or a digit: a small letter becomes one, and `X-` stands before what
    is no letter or digit.

    >>> from timebank.interchange.plaintext.beancount import escaped
    >>> escaped("m1"), escaped("M1"), escaped("via verdi"), escaped("(7)")
    ('M1', 'M1-u1', 'Via-20-verdi', 'X--28-7-29-')
    """
    name = component(id, unsafe=_UNSAFE, mark="-")
    return f"X-{name}" if name.startswith("-") else name[0].upper() + name[1:]


class Beancount:
    """`bean-check`: accounts are opened before their first posting, and closed after their last."""

    first_day = date.min

    def account(self, kind: str, id: str, *, held: bool = False) -> str:
        """Return the name of an account; of its holds, one that is not among the assets."""
        return f"{'Equity:Holds' if held else 'Assets'}:{kind.capitalize()}:{escaped(id)}"

    def comment(self, text: str) -> str:
        """Return a comment on one line."""
        return f"; {visible(text)}"

    def head(self, commodity: str, first: date) -> Iterator[str]:
        """Yield the lines above the accounts."""
        yield self.comment(TITLE)
        yield f'option "operating_currency" "{commodity}"'
        yield f"{first.isoformat()} commodity {commodity}"

    def opening(self, opening: Opening, commodity: str) -> Iterator[str]:
        """Yield the declaration of an account."""
        yield f"{opening.since.isoformat()} open {opening.name} {commodity}"
        yield from (f"  {name}: {_text(content)}" for name, content in opening.tags.items())
        if opening.held is not None:
            yield f"{opening.since.isoformat()} open {opening.held} {commodity}"

    def entry(self, entry: Entry) -> Iterator[str]:
        """Yield a transaction. A reversal is linked to its original, and tags are tags."""
        marks = [f"^r{entry.sequence}"]
        if entry.original is not None:
            marks.append(f"^r{entry.original}")
        marks += [f"#{tag}" for tag in entry.tags.get("tags", ()) if _TAG.fullmatch(tag)]
        flag = "!" if entry.held else "*"
        yield ""
        yield f'{entry.day.isoformat()} {flag} "{entry.title}" {" ".join(marks)}'
        yield from (f"  {name}: {_text(content)}" for name, content in entry.tags.items())
        yield from (f"  {account}  {quantity}" for account, quantity in entry.lines)

    def balances(
        self, day: date, balances: Iterator[tuple[Opening, str]], commodity: str
    ) -> Iterator[str]:
        """Yield the balances, at the beginning of the day after; then what is closed."""
        yield ""
        end = day + timedelta(days=1)
        closed = []
        for opening, quantity in balances:
            yield f"{end.isoformat()} balance {opening.name}  {quantity}"
            if opening.tags.get("status") == "closed":
                closed.append(opening.name)
        yield from (f"{(end + timedelta(days=1)).isoformat()} close {name}" for name in closed)


def _text(content: Any) -> str:
    """Return a value in quotation marks, on one line: another one for each value.

    A text in which something is written as a code is JSON: so it is not the text that has the code.
    """
    kept = "\n\t"
    if type(content) is tuple:
        content = " ".join(map(value, content))
    elif type(content) is not str:
        content = value(content)
    elif "\\" in content or content.startswith("{") or content != visible(content, keep=kept):
        content = visible(json.dumps(content, ensure_ascii=False))
    for raw, written in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\t", "\\t")):
        content = content.replace(raw, written)
    return f'"{content}"'


def export_beancount(bank: TimeBank, *, unit: str = "seconds", texts: bool = True) -> Iterator[str]:
    """Return the lines of a bank for `bean-check FILE`, lazily, of one snapshot.

    :raises InvalidRequest: another unit than `seconds` or `hours`; at the first line, hours that
        do not divide.
    :raises NotPermitted: not all of the bank may be read.

    >>> import timebank
    >>> from timebank.interchange.plaintext import export_beancount
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1"), bank.open_account("f1", kind="group")
    >>> _ = bank.transfer(earner="m1", spender="f1", hours="1:30")
    >>> [line for line in export_beancount(bank) if line.startswith("  Assets")]
    ['  Assets:Member:M1  5400 SEC', '  Assets:Group:F1  -5400 SEC']
    """
    return export(bank, Beancount(), unit=unit, texts=texts)
