"""Import any sheet as a mapping says.

Accounts that a file lists are read first, then transfers, then reversals. An account that transfers
alone name is given just before the first of them. Of the rows of a commit accounts are booked
first, so that in the journal of a longer sheet some stand among the transfers. If there
are reversals the file is read once more for them, so that they may stand before their originals.
Memory holds the ids, the names and the stated balances of the accounts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Mapping as Dict
from datetime import date

import attrs

from timebank.errors import InvalidRequest
from timebank.interchange.csv.accounts import AccountReader, BalanceReader
from timebank.interchange.csv.mapping import Mapping
from timebank.interchange.csv.source import SourceFile, sources_of
from timebank.interchange.csv.transfers import Found, Totals, TransferReader
from timebank.interchange.csv.who import Who
from timebank.interchange.engine.csv_rows import Row
from timebank.interchange.engine.files import Source
from timebank.interchange.engine.opening import ACCOUNT, OpeningReader
from timebank.interchange.engine.people import People
from timebank.interchange.engine.protocol import (
    ImportedAccount,
    ImportedReversal,
    ImportedRow,
    ImportedTransfer,
)
from timebank.interchange.engine.quarantine import Mended
from timebank.interchange.engine.report import Quarantined
from timebank.reports.told import told

Item = ImportedAccount | Found


class MappingImporter:
    r"""Reads sheets as a mapping says: an importer, to be run by `booking.run`.

    A file is CSV, `.xlsx` or `.ods`. `transfers` is a file or several, `None` for a source
    that has no history. `accounts` says which accounts there are; where nothing does,
    `open_accounts` opens those that good rows of transfers name, as members. `balances` has what
    the source states, to compare with; `mended` the rows of an earlier quarantine.

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
    ... people = { by = "id" }
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
        if mapping.questions:
            msg = (
                f"the mapping {mapping.name} has open questions: {' '.join(mapping.questions)} "
                "Answer each in it, and take the line 'questions' out"
            )
            asked = " ".join(mapping.questions)
            raise InvalidRequest(msg).about(
                key="mapping_questions", name=mapping.name, questions=asked
            )
        files = (("transfers", transfers), ("accounts", accounts), ("balances", balances))
        for where, source in files:
            if source is not None and getattr(mapping, where) is None:
                msg = f"the mapping {mapping.name} says nothing of a file of {where}"
                raise InvalidRequest(msg)
        self.mapping = mapping
        self.name = mapping.name
        #: The accounts of the bank, which `run` sets; else those of the files alone.
        self.people: People | None = None
        #: Whether accounts are opened that no list has.
        self.opens_accounts = open_accounts
        #: Amounts that were rounded to a second in the last reading, as the mapping says.
        self.rounded = 0
        # Found before anything is booked: a file without the columns that it needs.
        self._transfers = sources_of(mapping, "transfers", _several(transfers), mended)
        self._accounts, self._balances = (
            SourceFile.of(mapping, where, source, mended)
            for where, source in (("accounts", accounts), ("balances", balances))
        )
        if mended is not None:
            mended.fit(file.name for file in self._files())
        #: Those of the mapping's own accounts that the balances list.
        self._listed: set[str] = set()

    @property
    def files_of_transfers(self) -> int:
        """The number of files that have transfers: a row may stand in two of them."""
        return len(self._transfers)

    @property
    def headers(self) -> Dict[str, tuple[str, ...]]:
        """File → the names of its columns."""
        return {file.name: file.heading.names for file in self._files()}

    @property
    def dialect(self) -> str:
        """What stands between columns where rows of the files are written: as in the first."""
        return next((file.delimiter for file in self._files()), ",")

    @property
    def bytes(self) -> int:
        """The bytes to be read: the transfers as often as they may be read."""
        part = self.mapping.transfers
        may_reverse = part is not None and (part.reversal or part.reversed)
        again = sum(file.size for file in self._transfers) if may_reverse else 0
        return sum(file.size for file in self._files()) + again

    @property
    def bytes_read(self) -> int:
        """The bytes that are read so far."""
        return sum(file.bytes_read for file in self._files())

    def read(self) -> Iterator[tuple[str, Item]]:
        """Yield what each row says, with the file that it is in; accounts that are listed first.

        :raises InvalidRequest: a file has not the columns that the mapping names.
        :raises OSError: a file cannot be read.
        """
        for file in self._files():
            file.bytes_read = 0
        people = self.people
        if people is None:
            people = People(self.name, opens=self.opens_accounts)
        who = Who(self.mapping, people)
        known: set[str] = set()
        yield from self._all_accounts(who, known)
        has_reversals, opens = False, self.opens_accounts
        totals = Totals()
        for name, item in self._moves(who, totals):
            if isinstance(item, ImportedReversal):
                has_reversals = True
                continue
            if opens and isinstance(item, ImportedTransfer):
                for id in (item.earner, item.spender):
                    if id not in known:
                        known.add(id)
                        yield name, ImportedAccount(item.line, id, name=who.name_of(id))
            yield name, item
        self.rounded = totals.rounded
        if has_reversals:
            yield from (
                (name, item)
                for name, item in self._moves(who, Totals())
                if type(item) is ImportedReversal
            )

    def opening(
        self,
        source: Source,
        *,
        account: str = ACCOUNT,
        day: date | None = None,
        open_accounts: bool = False,
        mended: Mended | None = None,
    ) -> Iterator[tuple[str, ImportedRow]]:
        """Yield the rows of a file of opening balances, as the mapping's table `opening` says.

        Without one they are read as `opening_balances` does. What an account is called is looked
        up as in the other files.

        :raises InvalidRequest: the file has no such columns.
        :raises OSError: it cannot be read.
        """
        part, mapping = self.mapping.opening, self.mapping
        reader = OpeningReader(account=account, day=day, open_accounts=open_accounts)
        people = self.people or People(self.name, opens=open_accounts)
        who = Who(mapping, people)
        if part is None:
            if who.by_name:
                find = who.opened if open_accounts else who.known
                reader = attrs.evolve(reader, find=find, names=people.opened)
            yield from reader.read(source, mended=mended)
            return
        file = SourceFile(mapping, "opening", source, mended)
        balances = BalanceReader(mapping, part, file.heading, who, opens=open_accounts)
        for row in file.rows():
            for found in balances.read(row) if isinstance(row, Row) else (row,):
                if not isinstance(found, ImportedAccount):
                    yield file.name, found
                elif found.stated is not None:
                    yield from ((file.name, item) for item in reader.items(found))

    # -- accounts ---------------------------------------------------------------------

    def _all_accounts(self, who: Who, known: set[str]) -> Iterator[tuple[str, Item]]:
        """Yield the accounts of the mapping, of the accounts' file and of the balances."""
        stated: dict[str, ImportedAccount] = {}
        if who.by_name:
            self._note_people(who)
        yield from self._stated(who, stated)
        for one in self.mapping.open:
            known.add(one.id)
            if self._balances is not None and (row := stated.get(one.id)) is not None:
                self._listed.add(one.id)
                yield self._balances.name, attrs.evolve(row, kind=one.kind, name=one.name)
        for name, item in self._of_file(who):
            if isinstance(item, ImportedAccount):
                known.add(item.id)
                item = _with_balance(item, stated)  # noqa: PLW2901 - the same row, and more
            yield name, item
        yield from self._left_over(stated, known)

    def _note_people(self, who: Who) -> None:
        """Take note of all names before the first is looked up, of the mapping's accounts too."""
        for one in self.mapping.open:
            who.note(one.id, one.name or "")
        for _ in self._of_file(who, again=True):
            pass  # the reader notes them

    def _stated(self, who: Who, stated: dict[str, ImportedAccount]) -> Iterator[tuple[str, Item]]:
        """Collect the balances that the source states in `stated`; yield what is no balance."""
        part, file = self.mapping.balances, self._balances
        if part is None or file is None:
            return
        opens = self._accounts is None
        reader = BalanceReader(self.mapping, part, file.heading, who, opens=opens)
        for row in file.rows():
            for found in reader.read(row) if isinstance(row, Row) else (row,):
                if not isinstance(found, ImportedAccount):
                    yield file.name, found
                elif stated.setdefault(found.id, found) is not found:
                    text = told("cell", value=repr(found.id), reason=_twice(stated[found.id]))
                    column = str(part.account)
                    yield file.name, Quarantined(file.name, found.line, column, found.id, text)

    def _of_file(self, who: Who, *, again: bool = False) -> Iterator[tuple[str, Item]]:
        """Yield what the file of accounts says; read `again`, its bytes are not counted."""
        part, file = self.mapping.accounts, self._accounts
        if part is None or file is None:
            return
        reader = AccountReader(self.mapping, part, file.heading, who)
        for row in file.rows(counted=not again):
            for found in reader.read(row) if isinstance(row, Row) else (row,):
                yield file.name, found

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
                reason = told("not_among", file=self._accounts.name)
                text = told("cell", value=repr(id), reason=reason)
                yield file.name, Quarantined(file.name, row.line, str(part.account), id, text)

    # -- transfers --------------------------------------------------------------------

    def _moves(self, who: Who, totals: Totals) -> Iterator[tuple[str, Found]]:
        """Yield what the rows of each file of transfers say, from the first on."""
        for file in self._transfers:
            # Equal rows are counted in each file by itself.
            reader = TransferReader(
                self.mapping, file.heading, who, known=self._listed, totals=totals
            )
            for row in file.rows():
                if isinstance(row, Row):
                    for item in reader.read(row):
                        yield file.name, item
                else:
                    yield file.name, row

    # -- files ------------------------------------------------------------------------

    def _files(self) -> Iterator[SourceFile]:
        """Yield the files that there are."""
        yield from self._transfers
        yield from (file for file in (self._accounts, self._balances) if file is not None)


def _twice(row: ImportedAccount) -> str:
    return told("balance_twice", line=row.line)


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
