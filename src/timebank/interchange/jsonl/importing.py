"""Make a bank of an export of JSON Lines: the same journal, byte for byte, and its texts.

The file is read twice: it is proved from end to end before anything is written. A bank that has the
beginning already gets the records that are missing, so that an import which was broken off goes on,
and an old copy is brought up to date, with erasures too.
"""

from __future__ import annotations

from itertools import islice
from typing import IO, Final

from timebank import checks
from timebank.bank.carrying import JournalTarget, Progress, head_of, make_bank
from timebank.bank.erasing import wiped
from timebank.errors import BankNotFound, InvalidRequest, shown
from timebank.interchange.jsonl.lines import Export
from timebank.model import Head
from timebank.storage.protocol import Store

PAGE: Final = 1_000


def import_jsonl(
    store: Store,
    file: IO[bytes],
    *,
    bank: str = "main",
    name: str = "export",
    expect: Head | None = None,
    progress: Progress | None = None,
) -> Head:
    """Make a bank of an export, or go on with one, and return its head. An audit checks the rest.

    `file` is read twice, so that it must be seekable; `name` is what messages
    call it. `expect` is a head that was published: without one, the file is only as good as
    whoever gave it. `progress` is called with the records that are there, and how many will be.

    :raises InvalidRequest: what is no export, is cut off or does not prove itself; one without
        texts, or without the head that is expected; a bank's name that is no id; a bank that is
        there and has another journal, or has gone its own way. Nothing is written then.
    :raises Corrupt: a record that cannot be executed; those before it are there.
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
    export = Export.of(name, file)
    export.prove(expect)
    return carry_export(store, export, bank=bank, progress=progress)


def carry_export(
    store: Store, export: Export, *, bank: str = "main", progress: Progress | None = None
) -> Head:
    """Import an export that was proved already: see `import_jsonl`."""
    there = _head_of(store, checks.identifier(bank, "bank"), export)
    lines = export.lines()
    for record, _ in islice(lines, there.sequence):
        if record.sequence == there.sequence and export.head_at(record) != there:
            msg = f"{_where(store, bank)} has gone its own way: it is not what {export.name} has"
            raise InvalidRequest(msg)
    make_bank(store, bank, export.head.journal)
    carried = JournalTarget(store, bank)
    carried.stand(there)
    try:
        while page := list(islice(lines, PAGE)):
            carried.append([record for record, _ in page], [t for _, texts in page for t in texts])
            if progress is not None:
                progress(carried.head.sequence, export.head.sequence)
    finally:
        if carried.erased:
            wiped(store)
    return carried.head


def _head_of(store: Store, bank: str, export: Export) -> Head:
    """Return the head of a bank, or the one with which it would begin.

    :raises InvalidRequest: it has another journal, or a longer one.
    """
    try:
        head = head_of(store, bank)
    except BankNotFound:
        return export.empty
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
    return head


def _where(store: Store, bank: str) -> str:
    return f"bank {shown(bank)} in {store.url}"
