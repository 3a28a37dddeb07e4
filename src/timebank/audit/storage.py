"""Check that the storage can be read, and report what it finds wrong in itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import ClassVar

from timebank.audit.base import AuditCheck, AuditContext
from timebank.audit.findings import RESTORE, Check
from timebank.model import Fault
from timebank.model.said import said
from timebank.storage.protocol import finds_own, sees_schema, tells_unseen


class Storage(AuditCheck):
    """Asks the storage about itself, so a checkpoint leaves it out.

    Where other banks share the storage, and it can tell apart what is of this one, it is asked for
    that: an audit of one bank costs the same whatever the others have.
    """

    key: ClassVar = "storage"
    promises: ClassVar = (
        Check("file", "The storage can be read and is intact.", RESTORE),
        Check(
            "schema",
            "Tables, indexes and triggers are as this version makes them.",
            "advice_schema",
            about="storage",
        ),
        Check("orphans", "Every row belongs to a bank of the storage.", RESTORE, about="storage"),
        Check("references", "Every row that refers to another finds it.", RESTORE, about="storage"),
    )

    def __init__(self, context: AuditContext) -> None:
        super().__init__(context)
        context.tell_unreadable = self.tell_unreadable

    def tell_unreadable(self, place: str, error: Exception) -> None:
        """Tell that something cannot be read, whichever check needed it."""
        self.tell("file", place, expected=said("can_be_read"), found=str(error) or repr(error))

    def start(self) -> None:
        """Ask the storage; it names each fault by a check of its choice."""
        if self.context.is_storage_known:
            return
        if self.context.since is not None:
            self._schema()
        else:
            self.ask(self._faults)
        self._tell_unseen()

    def _tell_unseen(self) -> None:
        """Note what the storage does not show to whoever audits, so that it was not looked at."""
        reader = self.context.reader
        if tells_unseen(reader):
            with self.reading("storage"):
                for what in reader.schema_unseen():
                    self.context.findings.note(what, said("not_shown"))

    def ask(self, question: Callable[[Callable[[], None]], Iterable[Fault]]) -> None:
        """Tell what a question about faults is answered; it is given what tells the progress."""
        with self.reading("storage"):
            for check, place, expected, found in question(self.context.tell_progress):
                self.context.findings.add(check, place, expected=expected, found=found)

    def _faults(self, progress: Callable[[], None]) -> Iterable[Fault]:
        reader = self.context.reader
        if finds_own(reader) and reader.is_shared():
            self.context.is_storage_apart = True
            return reader.own_faults(progress)
        return reader.faults(progress)

    def _schema(self) -> None:
        """Look at tables and guards alone, where the storage can."""
        reader = self.context.reader
        if sees_schema(reader):
            self.ask(lambda _: reader.schema_faults())

    def names_checked(self) -> Iterator[str]:
        """Yield the names; of an audit since a checkpoint that of the schema, where it is seen.

        Where the storage was asked already, all that is left of it is whether rows can be read.
        """
        if self.context.is_storage_known:
            return iter(("file",))
        if self.context.since is None:
            return super().names_checked()
        return iter(("schema",) if sees_schema(self.context.reader) else ())

    def names_apart(self) -> tuple[str, ...]:
        """Return the names of what was looked at for this bank alone, and not for the storage."""
        return ("file", "orphans", "references") if self.context.is_storage_apart else ()
