"""Carry a journal and its texts into a store, byte for byte, and copy one bank to another.

A page is one commit. What is there already is not carried again, so that a copy goes on
after whatever ended it. Derived rows are not carried: the target's own are made anew, by the
fold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, Final

import attrs

from timebank import checks
from timebank.bank.commit_group import retried, writing
from timebank.bank.erasing import wiped
from timebank.bank.session import add_derived
from timebank.errors import BankNotFound, Conflict, Corrupt, InvalidRequest, OtherVersion, shown
from timebank.journal import OF_NOVEMBER, digest, genesis, is_of_november, parse
from timebank.journal.fold import Fold
from timebank.model import Head, RecordRow, TextRow
from timebank.queries.corrections import closed_through
from timebank.queries.holds import rows_of_hold
from timebank.queries.records import find_record
from timebank.storage.protocol import Batch, Store, Writer, finds_many
from timebank.storage.tree import tiles_filled

#: Called with the records that the target has, and those that the source had at the beginning.
Progress = Callable[[int, int], None]

PAGE: Final = 1_000
#: How often what was recorded meanwhile is fetched, before the copy is called done.
ROUNDS: Final = 10


def make_bank(store: Store, bank: str, journal: str) -> None:
    """Make a bank with this journal, unless it is there."""
    try:
        head_of(store, bank)
    except BankNotFound:
        store.make_bank(bank, journal=journal)


def head_of(store: Store, bank: str) -> Head:
    """Return the head of a bank.

    :raises BankNotFound: it is not there.
    """
    with store.reader(bank) as reader:
        return reader.head()


@attrs.define
class JournalTarget:
    """A bank in a store to which a journal is carried: its head, and the fold's state there."""

    store: Store
    bank: str
    head: Head = attrs.field(init=False)
    #: Whether texts that were there were erased, for what is carried has erased them.
    erased: bool = attrs.field(init=False, default=False)
    #: Whether `head` may no longer be where the bank stands.
    is_stale: bool = attrs.field(init=False, default=True)
    _fold: Fold = attrs.field(init=False, factory=Fold)

    def stand(self, head: Head) -> None:
        """Go on from a head of the bank that was read and found good."""
        self.head, self._fold, self.is_stale = head, Fold(), False

    def append(
        self,
        records: list[RecordRow],
        texts: list[TextRow],
        said: Iterable[Mapping[str, Any]] | None = None,
    ) -> None:
        """Append the next records in one commit; the caller has checked the chain of their digests.

        `said` is what their bytes say, where the caller has read them.

        :raises Conflict: another writer has appended meanwhile: `is_stale` then.
        :raises Corrupt: a record that cannot be executed.
        """
        self.is_stale = True  # until it is committed: the fold runs ahead
        with writing(self.store, self.bank) as writer:
            head = self.append_to(writer, records, texts, said)
        self.head = head
        self.is_stale = False

    def append_to(
        self,
        writer: Writer,
        records: list[RecordRow],
        texts: list[TextRow],
        said: Iterable[Mapping[str, Any]] | None = None,
    ) -> Head:
        """Append the next records in a commit that is the caller's, and return the head then.

        :raises Conflict: the bank does not stand at `head`.
        :raises Corrupt: a record whose id another has, or that cannot be executed.
        """
        if writer.head() != self.head:
            msg = f"another writer came between: bank {shown(self.bank)} stands elsewhere"
            raise Conflict(msg)
        _check_ids(writer, records)
        self._fold.closed_through = closed_through(writer)
        batch = Batch(records=records, texts=texts)
        if said is None:
            said = (parse(record.body) for record in records)
        for record, body in zip(records, said, strict=True):
            self._derive(writer, record, body, batch)
        batch.tiles = tiles_filled(writer, records)
        writer.append(batch)
        self.erased = self.erased or bool(batch.erased)
        last = records[-1]
        return Head(self.head.journal, last.sequence, last.digest)

    def _derive(
        self, writer: Writer, record: RecordRow, body: Mapping[str, Any], batch: Batch
    ) -> None:
        try:
            kind, effects = body["kind"], body["effects"]
            for account in _touched(effects):
                self._load(writer, account)
            if "resolves" in effects and effects["resolves"] not in self._fold.lines:
                for row in rows_of_hold(writer, effects["resolves"]):
                    self._fold.keep(row)
            derived = self._fold.apply(record.sequence, kind, effects)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise _cannot_be_executed(record, error) from error
        except Corrupt as error:
            if error.__cause__ is None:
                raise
            raise _cannot_be_executed(record, error.__cause__) from error
        add_derived(batch, derived)

    def _load(self, writer: Writer, account: str) -> None:
        """Read where an account stands in the target, unless the fold knows it."""
        if account in self._fold.accounts:
            return
        row = writer.account(account)
        last = None if row is None else writer.last_posting(account)
        self._fold.accounts[account] = row
        if row is not None:
            self._fold.balances[account] = (0, 0) if last is None else (last.version, last.balance)


def _check_ids(writer: Writer, records: list[RecordRow]) -> None:
    """Check that no operation's id is there already: a store would take it for another writer's.

    :raises Corrupt: one is.
    """
    new = {record.id for record in records if record.id is not None}
    there: dict[str, int] = {}
    if finds_many(writer):
        there.update(writer.sequences(list(new)))
    else:
        found = ((id, writer.find(id)) for id in new)
        there.update((id, row.sequence) for id, row in found if row is not None)
    for record in records:
        if (
            record.id is not None
            and there.setdefault(record.id, record.sequence) != record.sequence
        ):
            first = there[record.id]
            msg = f"record {record.sequence} has the id {shown(record.id)} of record {first}"
            raise Corrupt(msg)


#: How messages of Python's own begin that tell of values which are not as they should be.
_PYTHONS: Final = ("not enough values", "too many values", "Invalid isoformat", "invalid literal")


def _cannot_be_executed(record: RecordRow, error: BaseException) -> Corrupt:
    """Return the error of a record that cannot be executed, in words."""
    why = "a part of its effects is not of the type that it should be"
    if isinstance(error, KeyError) and error.args:
        why = f"{shown(error.args[0])} is not there"
    elif isinstance(error, ValueError) and not str(error).startswith(_PYTHONS):
        why = str(error)
    return Corrupt(f"record {record.sequence} cannot be executed: {why}")


def _touched(effects: Mapping[str, Any]) -> Iterator[str]:
    """Yield the accounts that a record's effects change."""
    if "account" in effects:
        yield effects["account"]
    if "into" in effects:
        yield effects["into"]
    for account, _ in effects.get("postings", ()):
        yield account
    for account, _, _ in effects.get("reserves", ()):
        yield account


# -- copying one bank to another -----------------------------------------------------


def copy_bank(
    source: Store,
    target: Store,
    *,
    bank: str = "main",
    to: str | None = None,
    progress: Progress | None = None,
) -> Head:
    """Copy a bank, and audit the copy; return the head of both.

    The target's bank, named `to` or as the source's, is made where it is missing. What it
    has already must be the beginning of the source's journal: it goes on from there. Each
    digest is worked out again on the way. What the source has erased since is erased in the
    target. The source may grow meanwhile: at the end the
    target has what the source had at a moment within this call.

    :raises InvalidRequest: a bank's name that is no id, the same bank of the same store, or
        a target that has another journal or has gone its own way.
    :raises BankNotFound: the source has no such bank.
    :raises Corrupt: the source's journal does not hold, or the audit of the copy has
        findings.

    >>> import timebank
    >>> from timebank.bank.carrying import copy_bank
    >>> from timebank.storage import open_store
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1", name="Maria R.")
    >>> copy_bank(bank.store, open_store("sqlite://", create=True)) == bank.head()
    True
    """
    from timebank.audit import audit

    head = carry_bank(source, target, bank=bank, to=to, progress=progress)
    with target.reader(bank if to is None else to) as reader:
        report = audit(reader)
    if not report.ok:
        first = report.findings[0]
        msg = (
            f"the copy is there, and its audit has findings, {len(report.findings)} in all: "
            f"{first.check}, {first.place}: expected {first.expected}, found {first.found}"
        )
        raise Corrupt(msg)
    return head


def carry_bank(
    source: Store,
    target: Store,
    *,
    bank: str = "main",
    to: str | None = None,
    progress: Progress | None = None,
) -> Head:
    """Copy a bank as `copy_bank` does, without the audit.

    >>> import timebank
    >>> from timebank.bank.carrying import carry_bank
    >>> bank = timebank.open("memory:")
    >>> carry_bank(bank.store, bank.store, to="second") == bank.head()
    True
    """
    name = checks.identifier(bank, "bank")
    to = name if to is None else checks.identifier(to, "bank")
    if source is target and name == to:
        msg = f"bank {shown(name)} cannot be copied to itself"
        raise InvalidRequest(msg)
    end = head_of(source, name)
    make_bank(target, to, end.journal)
    copying = Copying(source, target, name, to, end)
    copying.resume()
    try:
        return _carried(copying, progress)
    finally:
        if copying.copied.erased:
            wiped(target)


def _carried(copying: Copying, progress: Progress | None) -> Head:
    """Carry until nothing was recorded meanwhile, or often enough; where the copy stands."""
    end = copying.seen
    for _ in range(ROUNDS):
        copying.through(end, progress)
        now = head_of(copying.source, copying.bank)
        if now == end:
            break
        end = now
    return copying.check()


def _record(store: Store, bank: str, sequence: int) -> RecordRow:
    with store.reader(bank) as reader:
        row = find_record(reader, sequence)
    if row is None:
        msg = f"record {sequence} of bank {shown(bank)} in {store.url} is missing"
        raise Corrupt(msg)
    return row


@attrs.define
class Copying:
    """One copy on its way."""

    source: Store
    target: Store
    bank: str
    to: str
    #: Where the source stood when it was last looked at.
    seen: Head
    #: Where the target stands.
    copied: JournalTarget = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.copied = JournalTarget(self.target, self.to)

    # -- where to go on -------------------------------------------------------

    def resume(self) -> None:
        """Look where the target stands; it must be a beginning of the source's journal.

        :raises InvalidRequest: it is not.
        """
        head = head_of(self.target, self.to)
        where = f"bank {shown(self.to)} in {self.target.url}"
        if head.journal != self.seen.journal:
            msg = (
                f"{where} has the journal {shown(head.journal)}, not {shown(self.seen.journal)}: "
                "copy to another bank, or to another place"
            )
            raise InvalidRequest(msg)
        if head.sequence > self.seen.sequence:  # both may have grown meanwhile
            self.seen = head_of(self.source, self.bank)
        common = min(head.sequence, self.seen.sequence)
        if not self._agree(common):
            msg = (
                f"{where} has gone its own way: record {self._parting(common)} is not the source's"
            )
            raise InvalidRequest(msg)
        if head.sequence > self.seen.sequence:
            msg = (
                f"{where} has {head.sequence} records, the source {self.seen.sequence}: "
                "it is not the source that would have to be copied"
            )
            raise InvalidRequest(msg)
        self.copied.stand(head)

    def _agree(self, sequence: int) -> bool:
        """Return true where both journals are the same through a record, as its digest says."""
        if not sequence:
            return True
        ours = _record(self.source, self.bank, sequence).digest
        return ours == _record(self.target, self.to, sequence).digest

    def _parting(self, end: int) -> int:
        """The first record that differs, not after `end`, which does; by halves."""
        low, high = 0, end
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._agree(middle) else (low, middle)
        return high

    # -- page by page ---------------------------------------------------------

    def through(self, end: Head, progress: Progress | None) -> None:
        """Carry what is missing through `end`, where the source stands.

        :raises Conflict: another writer of the target was in the way, again and again.
        """
        self.seen = end
        while self.copied.head.sequence < end.sequence:
            retried(partial(self._carry, end.sequence))
            if progress is not None:
                progress(min(self.copied.head.sequence, end.sequence), end.sequence)

    def _carry(self, end: int) -> None:
        if self.copied.is_stale:
            self.resume()
        if self.copied.head.sequence >= end:
            return  # another copy, at the same time, has carried it
        records, texts = self._page(end)
        self.copied.append(records, texts)

    def _page(self, end: int) -> tuple[list[RecordRow], list[TextRow]]:
        """Return the next records and their texts from one snapshot, so that an erasure is whole.

        :raises Corrupt: a record is missing, or its digest is not that of its bytes.
        :raises OtherVersion: it was written before the format was settled.
        """
        after = self.copied.head.sequence
        with self.source.reader(self.bank) as reader:
            records = reader.records(after=after, limit=min(PAGE, end - after))
            texts = reader.texts(after=after, through=after + len(records))
        before = self.copied.head.digest if after else genesis(self.copied.head.journal)
        for sequence, record in enumerate(records, after + 1):
            before = digest(before, record.body)
            if is_of_november(record.body):
                raise OtherVersion(OF_NOVEMBER)
            if record.sequence != sequence:
                msg = f"record {sequence} of the source is missing: an audit says more"
                raise Corrupt(msg)
            if record.digest != before:
                msg = (
                    f"the chain of the source breaks at record {sequence}: its digest is not "
                    "that of the one before and its bytes; an audit says more"
                )
                raise Corrupt(msg)
        if not records:
            msg = f"record {after + 1} of the source is missing: an audit says more"
            raise Corrupt(msg)
        return records, texts

    # -- at the end -----------------------------------------------------------

    def check(self) -> Head:
        """Read the target's head once more; it must be a record of the source, with its digest.

        Another copy that ran at the same time may have carried more.

        :raises Corrupt: it does not.
        """
        found = head_of(self.target, self.to)
        known = self.copied.head
        if found.sequence > known.sequence:
            row = _record(self.source, self.bank, found.sequence)
            known = Head(self.seen.journal, row.sequence, row.digest)
        if found != known:
            msg = f"the copy stands at {found}, its source at {known}"
            raise Corrupt(msg)
        return found
