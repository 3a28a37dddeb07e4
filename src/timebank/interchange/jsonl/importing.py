"""Make a bank of an export of JSON Lines: the same journal, byte for byte, and its texts.

The file is read twice: it is proved from end to end before anything is written. A bank that has the
beginning already gets the records that are missing, so that an import which was broken off goes on,
and an old copy is brought up to date, with erasures too. Each thousand of them is a commit, or,
`atomic`, all of them are one. What stops it says what is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import IO, Any

import attrs

from timebank import checks
from timebank.bank.carrying import JournalTarget, Progress, head_of, make_bank
from timebank.bank.commit_group import writing
from timebank.bank.erasing import wiped
from timebank.errors import (
    BankNotFound,
    InvalidRequest,
    OutcomeUnknown,
    TimebankError,
    shown,
)
from timebank.interchange.jsonl.lines import PAGE, Export, ReadLine, importing_nothing
from timebank.model import Head, RecordRow, TextRow
from timebank.storage.protocol import Store, Writer, makes_bank


def import_jsonl(
    store: Store,
    file: IO[bytes],
    *,
    bank: str = "main",
    name: str = "export",
    expect: Head | None = None,
    atomic: bool = False,
    progress: Progress | None = None,
) -> Head:
    """Make a bank of an export, or go on with one, and return its head. An audit checks the rest.

    `file` is read twice, so that it must be seekable; `name` is what messages
    call it. `expect` is a head that was published: without one, the file is only as good as
    whoever gave it. With `atomic` all of it is one commit. `progress` is called with the records
    that are there, and how many will be.

    :raises InvalidRequest: what is no export, is cut off, does not prove itself or was saved by
        another program; one without texts, or without the head that is expected; a bank's name that
        is no id; a bank that is there and has another journal, or has gone its own way. Nothing
        is written then.
    :raises Corrupt: a record that cannot be executed. The message says which records are kept.
    :raises Retryable: another writer holds the bank; the next import goes on.

    >>> from io import BytesIO
    >>> import timebank
    >>> from timebank.interchange.jsonl import export_jsonl
    >>> from timebank.interchange.jsonl.importing import import_jsonl
    >>> from timebank.storage import open_store
    >>> bank = timebank.open("memory:")
    >>> _ = bank.open_account("m1", name="Maria R.")
    >>> file = BytesIO(b"".join(export_jsonl(bank)))
    >>> import_jsonl(open_store("sqlite://", create=True), file) == bank.head()
    True
    """
    with importing_nothing():
        export = Export.of(name, file)
        export.prove(expect)
    return carry_export(store, export, bank=bank, atomic=atomic, progress=progress)


def carry_export(
    store: Store,
    export: Export,
    *,
    bank: str = "main",
    atomic: bool = False,
    progress: Progress | None = None,
) -> Head:
    """Import an export that was proved already: see `import_jsonl`."""
    with importing_nothing():
        there = _head_of(store, checks.identifier(bank, "bank"), export)
        lines = export.read()
        for record, _, _ in islice(lines, there.head.sequence):
            if record.sequence == there.head.sequence and export.head_at(record) != there.head:
                msg = f"{_where(store, bank)} has gone its own way: not what {export.name} has"
                raise InvalidRequest(msg)
    carrying = _Carrying(export, JournalTarget(store, bank), there, progress)
    with carrying.telling_what_is_kept():
        if atomic:
            carrying.whole(lines)
        else:
            carrying.by_pages(lines)
    return carrying.target.head


@attrs.frozen
class _There:
    """Where a bank stands before the import, or where it would begin."""

    head: Head
    is_made: bool


@attrs.define
class _Carrying:
    """An import on its way."""

    export: Export
    target: JournalTarget
    there: _There
    progress: Progress | None

    def by_pages(self, lines: Iterator[ReadLine]) -> None:
        """Carry all records, a page a commit."""
        target = self.target
        make_bank(target.store, target.bank, self.export.head.journal)
        target.stand(self.there.head)
        while page := list(islice(lines, PAGE)):
            target.append(*_by_column(page))
            self._tell(target.head)

    def whole(self, lines: Iterator[ReadLine]) -> None:
        """Carry all records in one commit, with the bank, where the store can make it in one."""
        target, journal = self.target, self.export.head.journal
        with writing(target.store, target.bank) as writer:
            is_one = makes_bank(writer)
            if makes_bank(writer):
                writer.add_bank(journal)
                self._carry_in(writer, lines)
        if not is_one:
            make_bank(target.store, target.bank, journal)
            with writing(target.store, target.bank) as writer:
                self._carry_in(writer, lines)
        target.is_stale = False

    def _carry_in(self, writer: Writer, lines: Iterator[ReadLine]) -> None:
        target = self.target
        target.stand(self.there.head)
        while page := list(islice(lines, PAGE)):
            target.head = target.append_to(writer, *_by_column(page))
            self._tell(target.head)

    def _tell(self, head: Head) -> None:
        if self.progress is not None:
            self.progress(head.sequence, self.export.head.sequence)

    # -- what is kept ---------------------------------------------------------

    @contextmanager
    def telling_what_is_kept(self) -> Iterator[None]:
        """Destroy what was erased, and where it is stopped say what is kept.

        It is in the message of an error of ours, and in a note of any other.
        """
        try:
            yield
        except TimebankError as error:
            error.add_context(after=f"; {self._kept(error)}")
            raise
        except BaseException as error:
            error.add_note(self._kept(error))
            raise
        finally:
            if self.target.erased:
                wiped(self.target.store)

    def _kept(self, error: BaseException) -> str:
        where, before = _where(self.target.store, self.target.bank), self.there.head.sequence
        try:
            now = head_of(self.target.store, self.target.bank).sequence
        except BankNotFound:
            return "nothing of the import is kept"
        except TimebankError:
            now = -1  # it is not known
        if now < 0 or isinstance(error, OutcomeUnknown):
            return f"what {where} has now is to be looked at: the same import goes on from there"
        if now == before:
            if before or self.there.is_made:
                return f"nothing of the import is kept: {where} has {before} records, as before"
            return f"nothing of the import is kept but {where}, which is empty"
        return (
            f"records {before + 1} to {now} are kept in {where}: the same import goes on from "
            "there, once it can"
        )


def _by_column(
    page: list[ReadLine],
) -> tuple[list[RecordRow], list[TextRow], list[dict[str, Any]]]:
    """Return the records of a page, its texts, and what the bytes of the records say."""
    texts = [text for _, some, _ in page for text in some]
    return [row for row, _, _ in page], texts, [said for _, _, said in page]


def _head_of(store: Store, bank: str, export: Export) -> _There:
    """Return the head of a bank, or the one with which it would begin.

    :raises InvalidRequest: it has another journal, or a longer one.
    """
    try:
        head = head_of(store, bank)
    except BankNotFound:
        return _There(export.empty, is_made=False)
    if head.journal != export.head.journal:
        msg = (
            f"{_where(store, bank)} has the journal {shown(head.journal)}, {export.name} has "
            f"{shown(export.head.journal)}: import it into another bank, or another place"
        )
        raise InvalidRequest(msg)
    if head.sequence > export.head.sequence:
        msg = (
            f"{_where(store, bank)} has {head.sequence} records, {export.name} has "
            f"{export.head.sequence}: it is older than the bank"
        )
        raise InvalidRequest(msg)
    return _There(head, is_made=True)


def _where(store: Store, bank: str) -> str:
    return f"bank {shown(bank)} in {store.url}"
