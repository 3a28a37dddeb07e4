"""The dialects of `hledger` and `ledger`, which are close to each other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Final

from timebank.bank import TimeBank
from timebank.interchange.plaintext import TAGS, TITLE, Entry, Opening, export

#: What stays as it is in a name; all else is its code point between underscores.
_ESCAPED: Final = re.compile(r"[^A-Za-z0-9.-]", re.ASCII)
_NOT_ASCII: Final = re.compile(r"[^\x00-\x7f]")


def escaped(id: str) -> str:
    """An id as one component of an account's name: ASCII, another one for each id.

    >>> from timebank.interchange.hledger import escaped
    >>> escaped("m1"), escaped("via Roma:7")
    ('m1', 'via_20_Roma_3a_7')
    """
    return _ESCAPED.sub(lambda found: f"_{ord(found[0]):x}_", id)


class Ledger:
    """`ledger --strict --pedantic`: accounts, the commodity and tags are declared."""

    def account(self, kind: str, id: str, *, held: bool = False) -> str:
        """As `Dialect.account`."""
        return f"{'holds' if held else 'assets'}:{kind}:{escaped(id)}"

    def head(self, commodity: str, first: date) -> Iterator[str]:
        """As `Dialect.head`."""
        yield f"; {TITLE}"
        yield f"commodity {commodity}"
        yield from (f"tag {name}" for name in TAGS)

    def opening(self, opening: Opening, commodity: str) -> Iterator[str]:
        """As `Dialect.opening`; the account of its holds too."""
        yield f"account {opening.name}"
        if opening.text is not None:
            yield f"    note {_one_line(opening.text)}"
        yield f"account {self.account(opening.kind, opening.id, held=True)}"

    def entry(self, entry: Entry) -> Iterator[str]:
        """As `Dialect.entry`."""
        yield ""
        flag = "!" if entry.held else "*"
        yield f"{entry.day.isoformat()} {flag} ({entry.sequence}) {entry.title}"
        yield from (f"    ; {name}: {self.text(value)}" for name, value in entry.tags.items())
        yield from (f"    {account}  {quantity}" for account, quantity in entry.lines)

    def balances(
        self, day: date, balances: Iterator[tuple[Opening, str]], commodity: str
    ) -> Iterator[str]:
        """As `Dialect.balances`: postings of nothing, each with what it must come to."""
        yield ""
        found = [(opening.name, quantity) for opening, quantity in balances]
        if found:
            yield f"{day.isoformat()} * balances"
            yield from (f"    {name}  0 {commodity} = {quantity}" for name, quantity in found)

    def text(self, value: str) -> str:
        """A value of a tag."""
        return value


class Hledger(Ledger):
    """`hledger check -s`. All is ASCII, for in a locale that is not UTF-8 it reads nothing else."""

    def head(self, commodity: str, first: date) -> Iterator[str]:
        """As `Dialect.head`."""
        yield f"; {TITLE}"
        yield f"commodity 1000.{'0000' if commodity == 'H' else ''} {commodity}"

    def opening(self, opening: Opening, commodity: str) -> Iterator[str]:
        """As `Dialect.opening`."""
        comment = "" if opening.text is None else f"  ; name: {self.text(_one_line(opening.text))}"
        yield f"account {opening.name}{comment}"
        yield f"account {self.account(opening.kind, opening.id, held=True)}"

    def text(self, value: str) -> str:
        """A value of a tag, in ASCII."""
        return _NOT_ASCII.sub(_code, value)


def _code(found: re.Match[str]) -> str:
    """A character as JSON has it in ASCII."""
    units = found[0].encode("utf-16-be")
    return "".join(f"\\u{units[n]:02x}{units[n + 1]:02x}" for n in range(0, len(units), 2))


def _one_line(text: str) -> str:
    """A name without what ends a line or begins a comment or a date."""
    shown = "".join(c if c.isprintable() and c not in ";[]" else " " for c in text)
    return " ".join(shown.split()) or "-"


def export_hledger(bank: TimeBank, *, unit: str = "seconds", texts: bool = True) -> Iterator[str]:
    """The lines of a bank for `hledger -f FILE check -s`, lazily, of one snapshot.

    :raises InvalidRequest: another unit than `seconds` or `hours`, or hours that do not divide.

    >>> import timebank
    >>> from timebank.interchange.hledger import export_hledger
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1"), bank.open_account("f1", kind="group")
    >>> _ = bank.transfer(earner="m1", spender="f1", hours="1:30")
    >>> [line for line in export_hledger(bank) if line.startswith("    assets")][:2]
    ['    assets:member:m1  5400 SEC', '    assets:group:f1  -5400 SEC']
    """
    return export(bank, Hledger(), unit=unit, texts=texts)


def export_ledger(bank: TimeBank, *, unit: str = "seconds", texts: bool = True) -> Iterator[str]:
    """The lines of a bank for `ledger --strict --pedantic -f FILE`, lazily, of one snapshot.

    :raises InvalidRequest: another unit than `seconds` or `hours`, or hours that do not divide.

    >>> import timebank
    >>> from timebank.interchange.hledger import export_ledger
    >>> "commodity SEC" in list(export_ledger(timebank.open("memory:")))
    True
    """
    return export(bank, Ledger(), unit=unit, texts=texts)
