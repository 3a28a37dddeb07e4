"""What a bank, or a copy of it, still stores of some records: the records, and rows beside them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Final, NamedTuple

from timebank.journal import genesis
from timebank.model import Head, PostingRow, RecordRow
from timebank.storage.protocol import Reader

PAGE: Final = 500
#: Accounts whose postings are looked through for those of a record.
_MOST_ACCOUNTS: Final = 50


class Between(NamedTuple):
    """What moved on an account between two of its rows, where the one between them is gone."""

    account: str
    seconds: int


class Stored:
    """Reads a snapshot that may be damaged: what is asked may raise whatever its store raises."""

    def __init__(self, reader: Reader, head: Head | None) -> None:
        self._reader, self._head = reader, head
        self._accounts: list[str] | None = None

    @property
    def last(self) -> int:
        """Return the sequence of the head; 0 where there is none."""
        return 0 if self._head is None else self._head.sequence

    def record(self, sequence: object) -> RecordRow | None:
        """Return a record."""
        if not isinstance(sequence, int):
            return None
        rows = self._reader.records(after=sequence - 1, limit=1)
        return rows[0] if rows and rows[0].sequence == sequence else None

    def records(self, first: int, last: int) -> Iterator[RecordRow]:
        """Yield the records from one to another, as far as they are there."""
        after = first - 1
        while rows := self._reader.records(after=after, limit=PAGE):
            for row in rows:
                if type(row.sequence) is not int or not after < row.sequence <= last:
                    return
                after = row.sequence
                yield row

    def digest_before(self, sequence: int) -> bytes | None:
        """Return the digest beside the record before one."""
        if sequence == 1:
            return None if self._head is None else genesis(self._head.journal)
        row = self.record(sequence - 1)
        return None if row is None else row.digest

    def accounts(self) -> list[str]:
        """Return the ids of all accounts."""
        if self._accounts is None:
            found: list[str] = []
            page = self._reader.accounts(after=None, limit=PAGE)
            while page and (not found or page[-1].account > found[-1]):
                found += [row.account for row in page]
                page = self._reader.accounts(after=page[-1].account, limit=PAGE)
            self._accounts = found
        return self._accounts

    def opened_by(self, sequences: Collection[int]) -> list[str]:
        """Return the accounts that some records opened, by the rows of accounts."""
        rows = [self._reader.account(account) for account in self.accounts()]
        return [row.account for row in rows if row is not None and row.opened in sequences]

    def postings(self, account: str) -> Iterator[PostingRow]:
        """Yield the postings of an account, as far as their versions grow."""
        after = 0
        while rows := self._reader.postings(account, after=after, limit=PAGE):
            for row in rows:
                if type(row.version) is not int or row.version <= after:
                    return
                after = row.version
                yield row

    def postings_of(self, sequences: Collection[int], accounts: Iterable[str]) -> list[PostingRow]:
        """Return the postings of some records, on some accounts."""
        found: list[PostingRow] = []
        last = max(sequences)
        for account in list(dict.fromkeys(accounts))[:_MOST_ACCOUNTS]:
            for row in self.postings(account):
                if row.sequence in sequences:
                    found.append(row)
                if row.sequence > last:
                    break
        return found

    def between(self, first: int, last: int, accounts: Iterable[str]) -> list[Between]:
        """Return what moved in records that are gone with their rows, by the rows around them."""
        found = []
        for account in list(accounts)[:_MOST_ACCOUNTS]:
            version = balance = sequence = 0
            for row in self.postings(account):
                if sequence < first and last < row.sequence and row.version == version + 2:
                    found.append(Between(account, row.balance - row.seconds - balance))
                version, balance, sequence = row.version, row.balance, row.sequence
        return found

    def adds_up(self, account: str) -> bool:
        """Return whether the balance of each posting is the sum of what moved so far."""
        balance = version = 0
        for row in self.postings(account):
            balance, version = balance + row.seconds, version + 1
            if (row.balance, row.version) != (balance, version):
                return False
        return True
