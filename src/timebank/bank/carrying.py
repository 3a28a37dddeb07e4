"""A bank that is carried into a store: its records and texts, a page a commit, byte for byte.

Derived rows are not carried: the store's own are made anew, by the fold.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs

from timebank.bank.gather import gather
from timebank.errors import BankNotFound, Conflict, Corrupt, shown
from timebank.journal import parse
from timebank.journal.fold import Fold
from timebank.model import Head, RecordRow, TextRow
from timebank.queries.records import rows_of_hold
from timebank.storage.protocol import Batch, Store, Writer


def make_bank(store: Store, bank: str, journal: str) -> None:
    """Make a bank with this journal, unless it is there."""
    try:
        head_of(store, bank)
    except BankNotFound:
        store.make_bank(bank, journal=journal)


def head_of(store: Store, bank: str) -> Head:
    """Where a bank stands.

    :raises BankNotFound: it is not there.
    """
    with store.reader(bank) as reader:
        return reader.head()


@attrs.define
class Carried:
    """Where the bank stands in the store, and the fold's state there."""

    store: Store
    bank: str
    head: Head = attrs.field(init=False)
    #: Whether texts that were there were erased, for what is carried has erased them.
    erased: bool = attrs.field(init=False, default=False)
    #: Whether `head` may no longer be where the bank stands.
    is_stale: bool = attrs.field(init=False, default=True)
    _fold: Fold = attrs.field(init=False, factory=Fold)

    def stand(self, head: Head) -> None:
        """Go on from where the bank stands, as was read and found good."""
        self.head, self._fold, self.is_stale = head, Fold(), False

    def append(self, records: list[RecordRow], texts: list[TextRow]) -> None:
        """The next records, in one commit; the chain of their digests is the caller's to check.

        :raises Conflict: another writer has appended meanwhile: `is_stale` then.
        :raises Corrupt: a record that cannot be executed.
        """
        self.is_stale = True  # until it is committed: the fold runs ahead
        with self.store.writer(self.bank) as writer:
            if writer.head() != self.head:
                msg = f"another writer came between: bank {shown(self.bank)} stands elsewhere"
                raise Conflict(msg)
            batch = Batch(records=records, texts=texts)
            for record in records:
                self._derive(writer, record, batch)
            writer.append(batch)
        self.erased = self.erased or bool(batch.erased)
        last = records[-1]
        self.head = Head(self.head.journal, last.sequence, last.digest)
        self.is_stale = False

    def _derive(self, writer: Writer, record: RecordRow, batch: Batch) -> None:
        body = parse(record.body)
        try:
            kind, effects = body["kind"], body["effects"]
            for account in _touched(effects):
                self._load(writer, account)
            if "resolves" in effects and effects["resolves"] not in self._fold.lines:
                for row in rows_of_hold(writer, effects["resolves"]):
                    self._fold.keep(row)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            msg = f"record {record.sequence} cannot be executed: {error!r}"
            raise Corrupt(msg) from error
        derived = self._fold.apply(record.sequence, kind, effects)
        gather(batch, derived)

    def _load(self, writer: Writer, account: str) -> None:
        """Where an account stands in the target, unless the fold knows it."""
        if account in self._fold.accounts:
            return
        row = writer.account(account)
        last = None if row is None else writer.last_posting(account)
        self._fold.accounts[account] = row
        if row is not None:
            self._fold.balances[account] = (0, 0) if last is None else (last.version, last.balance)


def _touched(effects: dict[str, Any]) -> Iterator[str]:
    """The accounts that a record's effects change."""
    if "account" in effects:
        yield effects["account"]
    for account, _ in effects.get("postings", ()):
        yield account
    for account, _, _ in effects.get("reserves", ()):
        yield account
