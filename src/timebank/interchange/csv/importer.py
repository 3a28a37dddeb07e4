"""Import any CSV as a mapping says.

Accounts are read first, then transfers, then reversals. If there are reversals the file is read
once more for them, so that they may stand before their originals. Memory holds the ids and the
stated balances of the accounts.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from collections.abc import Mapping as Dict
from pathlib import Path
from stat import S_ISREG

import attrs

from timebank.errors import InvalidRequest
from timebank.interchange.csv.mapping import Mapping
from timebank.interchange.csv.rows import Heading, account_of, balance_of
from timebank.interchange.csv.transfers import Found, TransferReader
from timebank.interchange.engine.csv_rows import Row
from timebank.interchange.engine.files import Source, named
from timebank.interchange.engine.protocol import ImportedAccount, ImportedReversal, ImportedTransfer
from timebank.interchange.engine.quarantine import Mended
from timebank.interchange.engine.report import Quarantined
from timebank.interchange.sheets.reading import Sheet

Item = ImportedAccount | Found


class SourceFile:
    """A file that may be read several times.

    :raises InvalidRequest: it can be read only once, or is no sheet.
    :raises OSError: there is no file of this path.
    """

    def __init__(self, source: Source, mapping: Mapping, mended: Mended | None = None) -> None:
        """Look for the file, so that a wrong name is found before anything is booked."""
        if isinstance(source, str | os.PathLike):
            is_kept = S_ISREG(Path(source).stat().st_mode)
        else:
            is_kept = source.seekable()
        self.name = named(source)
        if not is_kept:
            msg = f"{self.name} is read more than once, as a pipe cannot be: save it as a file"
            raise InvalidRequest(msg)
        csv = mapping.csv
        self.sheet = Sheet(
            source,
            encoding=csv.encoding,
            delimiter=csv.delimiter,
            decimal=mapping.amounts.decimal,
            mended=mended,
        )
        #: The bytes of it, once.
        self.size = self.sheet.size
        #: How far all readings came.
        self.bytes_read = 0

    def rows(self) -> Iterator[Row | Quarantined]:
        """Yield the rows from the first on, mended ones in place of the originals."""
        before = self.bytes_read
        for row in self.sheet.rows():
            self.bytes_read = before + self.sheet.bytes_read
            yield row
        self.bytes_read = before + self.size


class MappingImporter:
    r"""Reads CSV files as a mapping says: an importer, to be run by `booking.run`.

    `transfers` is a file or several, `None` for a source that has no history. `accounts` says
    which accounts there are; where nothing does, `open_accounts` opens those that good rows of
    transfers name, as members. `balances` has what the source states, to compare with; `mended`
    the rows of an earlier quarantine.

    :raises InvalidRequest: a file that the mapping says nothing of, or that can be read only once.
    :raises OSError: a file cannot be read.

    >>> from io import BytesIO
    >>> import timebank
    >>> from timebank.interchange.engine.booking import run
    >>> from timebank.interchange.csv.importer import MappingImporter
    >>> from timebank.interchange.csv.toml import parsed
    >>> mapping = parsed(b'''
    ... name = "sheet"
    ... title = "Our sheet"
    ... amounts = { unit = "hours", decimal = "," }
    ... days = { format = "%d/%m/%Y" }
    ... transfers = { earner = "Chi da", spender = "Chi riceve", amount = "Ore", day = "Data" }
    ... ''')
    >>> sheet = BytesIO(b'Data,Chi da,Chi riceve,Ore\n2/3/2026,m1,f1,"1,5"\n')
    >>> bank = timebank.open("memory:")
    >>> report = run(bank, MappingImporter(mapping, sheet, open_accounts=True))
    >>> report.transfers_booked, bank.balance("m1").posted
    (1, Hours('1:30'))
    """

    def __init__(
        self,
        mapping: Mapping,
        transfers: Source | Sequence[Source] | None,
        *,
        accounts: Source | None = None,
        balances: Source | None = None,
        open_accounts: bool = False,
        mended: Mended | None = None,
    ) -> None:
        for where, source in (("accounts", accounts), ("balances", balances)):
            if source is not None and getattr(mapping, where) is None:
                msg = f"the mapping {mapping.name} says nothing of a file of {where}"
                raise InvalidRequest(msg)
        self.mapping = mapping
        self.name = mapping.name
        self._transfers = tuple(
            SourceFile(source, mapping, mended) for source in _several(transfers)
        )
        self._accounts, self._balances = (
            None if source is None else SourceFile(source, mapping, mended)
            for source in (accounts, balances)
        )
        if mended is not None:
            mended.fit(file.name for _, file in self._files())
        self._opens = open_accounts
        #: Those of the mapping's own accounts that the balances list.
        self._listed: set[str] = set()
        # Found before anything is booked: a file without the columns that it needs.
        self._headings = [(file, self._heading(file, where)) for where, file in self._files()]

    @property
    def files_of_transfers(self) -> int:
        """The number of files that have transfers: a row may stand in two of them."""
        return len(self._transfers)

    @property
    def headers(self) -> Dict[str, tuple[str, ...]]:
        """File → the names of its columns."""
        return {heading.file: heading.names for _, heading in self._headings}

    @property
    def bytes(self) -> int:
        """The bytes to be read: the transfers as often as they may be read."""
        may_reverse = self.mapping.transfers.reversal or self.mapping.transfers.reversed
        times = 1 + bool(may_reverse) + self._opens
        again = (times - 1) * sum(file.size for file in self._transfers)
        return sum(file.size for _, file in self._files()) + again

    @property
    def bytes_read(self) -> int:
        """The bytes that are read so far."""
        return sum(file.bytes_read for _, file in self._files())

    def read(self) -> Iterator[tuple[str, Item]]:
        """Yield what each row says, with the file that it is in; accounts first.

        :raises InvalidRequest: a file has not the columns that the mapping names.
        :raises OSError: a file cannot be read.
        """
        for _, file in self._files():
            file.bytes_read = 0
        yield from self._all_accounts()
        has_reversals = False
        for name, item in self._moves():
            if isinstance(item, ImportedReversal):
                has_reversals = True
            else:
                yield name, item
        if has_reversals:
            yield from (
                (name, item) for name, item in self._moves() if type(item) is ImportedReversal
            )

    # -- accounts ---------------------------------------------------------------------

    def _all_accounts(self) -> Iterator[tuple[str, Item]]:
        """Yield the accounts of the mapping, of the accounts' file, the balances, the transfers."""
        stated: dict[str, ImportedAccount] = {}
        yield from self._stated(stated)
        known = set()
        for one in self.mapping.open:
            known.add(one.id)
            if self._balances is not None and (row := stated.get(one.id)) is not None:
                self._listed.add(one.id)
                yield self._balances.name, attrs.evolve(row, kind=one.kind, name=one.name)
        for name, item in self._of_file():
            if isinstance(item, ImportedAccount):
                known.add(item.id)
                item = _with_balance(item, stated)  # noqa: PLW2901 - the same row, and more
            yield name, item
        yield from self._left_over(stated, known)
        if self._opens:
            yield from self._named_by_transfers(known)

    def _stated(self, stated: dict[str, ImportedAccount]) -> Iterator[tuple[str, Item]]:
        """Collect the balances that the source states in `stated`; yield what is no balance."""
        part, file = self.mapping.balances, self._balances
        if part is None or file is None:
            return
        for heading, row in self._headed(file):
            found: ImportedAccount | Quarantined = (
                balance_of(self.mapping, part, heading, row) if isinstance(row, Row) else row
            )
            if isinstance(found, Quarantined):
                yield file.name, found
            elif stated.setdefault(found.id, found) is not found:
                text = f"{found.id!r} has a balance on line {stated[found.id].line} already"
                column = str(part.account)
                yield file.name, Quarantined(file.name, found.line, column, found.id, text)

    def _of_file(self) -> Iterator[tuple[str, ImportedAccount | Quarantined]]:
        part, file = self.mapping.accounts, self._accounts
        if part is None or file is None:
            return
        for heading, row in self._headed(file):
            if isinstance(row, Row):
                yield file.name, account_of(self.mapping, part, heading, row)
            else:
                yield file.name, row

    def _left_over(
        self, stated: dict[str, ImportedAccount], known: set[str]
    ) -> Iterator[tuple[str, Item]]:
        """Yield accounts that have a balance and nothing else, unless a file says which exist."""
        part, file = self.mapping.balances, self._balances
        if part is None or file is None:
            return
        for id, row in stated.items():
            if id in known:
                continue
            if self._accounts is None:
                known.add(id)
                yield file.name, row
            else:
                text = f"{id!r} is not among the accounts of {self._accounts.name}"
                yield file.name, Quarantined(file.name, row.line, str(part.account), id, text)

    def _named_by_transfers(self, known: set[str]) -> Iterator[tuple[str, Item]]:
        for name, item in self._moves():
            if isinstance(item, ImportedTransfer):
                for id in (item.earner, item.spender):
                    if id not in known:
                        known.add(id)
                        yield name, ImportedAccount(line=item.line, id=id)

    # -- transfers --------------------------------------------------------------------

    def _moves(self) -> Iterator[tuple[str, Found]]:
        """Yield what the rows of each file of transfers say, from the first on."""
        for file in self._transfers:
            reader = None
            for heading, row in self._headed(file):
                if reader is None:  # equal rows are counted in each file by itself
                    reader = TransferReader(self.mapping, heading, known=self._listed)
                if isinstance(row, Row):
                    yield from ((heading.file, item) for item in reader.read(row))
                else:
                    yield heading.file, row

    # -- files ------------------------------------------------------------------------

    def _files(self) -> Iterator[tuple[str, SourceFile]]:
        """Yield the files that there are, by the tables of the mapping that say their columns."""
        yield from (("transfers", file) for file in self._transfers)
        if self._accounts is not None:
            yield "accounts", self._accounts
        if self._balances is not None:
            yield "balances", self._balances

    def _heading(self, file: SourceFile, where: str) -> Heading:
        before = file.bytes_read
        first = next(file.rows(), None) if self.mapping.csv.header else None
        file.bytes_read = before
        if isinstance(first, Quarantined):
            msg = f"{file.name} has no first line that can be read: {first.reason}"
            raise InvalidRequest(msg)
        return Heading.of(file.name, getattr(self.mapping, where), where, self.mapping, first)

    def _headed(self, file: SourceFile) -> Iterator[tuple[Heading, Row | Quarantined]]:
        """Yield each row with the heading of its file."""
        heading = next(heading for one, heading in self._headings if one is file)
        rows = file.rows()
        if self.mapping.csv.header:
            next(rows, None)
        for row in rows:
            yield heading, row


def _with_balance(row: ImportedAccount, stated: dict[str, ImportedAccount]) -> ImportedAccount:
    """Return the row with the balance that the file of balances states, if it does."""
    found = stated.get(row.id)
    return row if found is None else attrs.evolve(row, stated=found.stated)


def _several(transfers: Source | Sequence[Source] | None) -> tuple[Source, ...]:
    """Return the files of transfers: one or several were given, or none."""
    if transfers is None:
        return ()
    is_several = isinstance(transfers, Sequence) and not isinstance(transfers, str)
    return tuple(transfers) if is_several else (transfers,)  # type: ignore[arg-type,return-value]  # a file is no sequence
