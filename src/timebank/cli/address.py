"""Open the bank that `--db`, `--bank` and `--actor` name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import attrs
import click

from timebank.cli.program import said, usage

if TYPE_CHECKING:
    from timebank.bank import BankBatch, TimeBank
    from timebank.storage import Store


@attrs.frozen
class BankAddress:
    """The address of a bank; nothing is opened before a command asks."""

    db: str | None = attrs.field(repr=lambda db: repr(db and without_password(db)))
    bank: str
    actor: str | None = None

    def open(self, *, create: bool = False, read_only: bool = False) -> TimeBank:
        """Open the bank; where it is missing, make it only if `create`."""
        import timebank
        from timebank.cli.banks import naming_banks

        with naming_banks(self.open_store):
            bank = timebank.open(self.url, bank=self.bank, create=create, read_only=read_only)
        try:
            return bank.acting_as(self.actor)
        except BaseException:
            bank.close()
            raise

    def open_for_preview(self) -> TimeBank:
        """Open the bank if it is there, and an empty one in memory if not: nothing is made."""
        import timebank

        try:
            return self.open(read_only=True)
        except timebank.NotFound:
            return timebank.open("memory:", bank=self.bank).acting_as(self.actor)

    def open_store(self) -> Store:
        """Open the storage, to read it."""
        from timebank.storage import open_store

        return open_store(self.url, create=False, read_only=True)

    @contextmanager
    def open_to_write(self, *, dry_run: bool) -> Iterator[TimeBank | BankBatch]:
        """Open the bank or, for a dry run, a preview of it that writes nothing."""
        with self.open(read_only=dry_run) as bank:
            if dry_run:
                with bank.preview() as preview:
                    yield preview
            else:
                yield bank

    @property
    def url(self) -> str:
        """Return the URL of the storage."""
        if not self.db:
            usage(said("no_storage"))
        return url_of(self.db)


def without_password(url: str) -> str:
    """Return a URL as a message may show it.

    >>> from timebank.cli.address import without_password
    >>> without_password("postgresql://maria:hush@localhost/bank")
    'postgresql://maria:***@localhost/bank'
    """
    from timebank.storage import address

    return address.without_password(url)


def url_of(db: str) -> str:
    """Return a URL as it is, and a path as the URL of a SQLite file.

    >>> from timebank.cli.address import url_of
    >>> url_of("memory:"), url_of("street fair.db")
    ('memory:', 'sqlite:///street%20fair.db')
    """
    from timebank.storage import address

    return address.url_of(db)


pass_address = click.make_pass_decorator(BankAddress)
