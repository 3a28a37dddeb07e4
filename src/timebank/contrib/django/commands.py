"""The command line of the library, on the ledger in Django's database."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, NoReturn, Self

import attrs
import click
from django.core.management.base import BaseCommand, CommandError
from django.db import connections, transaction
from django.utils.translation import get_language

from timebank.bank.joining import JoinedBank
from timebank.bank.session import new_id
from timebank.cli import main
from timebank.cli.address import BankAddress, pass_address
from timebank.cli.banks import naming_banks
from timebank.cli.output import show
from timebank.cli.program import (
    INTERRUPTED,
    REFUSED,
    WELL,
    WRONG,
    Interrupted,
    Program,
    message_of,
    said,
    usage,
)
from timebank.cli.speaking import in_language
from timebank.contrib.django import conf
from timebank.contrib.django.joining import joined
from timebank.errors import Rejected, TimebankError
from timebank.reports.text import harmless
from timebank.reports.words import DEFAULT, VARIABLES, language, language_of, speaking
from timebank.storage.joined.store import UNCOMMITTED

if TYPE_CHECKING:
    from timebank.bank import TimeBank
    from timebank.storage import Store

#: What is typed to run a command: the errors and the help say so.
_NAME: Final = "manage.py timebank"
#: The commands that are about whole stores, and what does the same for a ledger in Django.
_ELSEWHERE: Final = {
    "migrate": "`manage.py migrate` brings the tables to this version",
    "copy": "give `timebank copy` the URL of the database",
    "backup": "back the whole database up, with the rows of your models",
    "demo": "it makes a file of its own: run `timebank demo`",
}


class CommandBank(JoinedBank):
    """A bank of a command that writes: what is done within its block is one transaction."""

    _atomic: Any

    @classmethod
    def of(cls, bank: TimeBank, alias: str) -> CommandBank:
        """Return a joined bank as one whose block is a transaction."""
        made = object.__new__(cls)
        made.__dict__.update(bank.__dict__)
        made._atomic = transaction.atomic(using=alias)
        return made

    def __enter__(self) -> Self:
        self._atomic.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._atomic.__exit__(kind, error, traceback)

    def _wiped(self) -> tuple[str, ...]:
        remains = super()._wiped()
        if connections[self._atomic.using].savepoint_ids:
            return remains  # a transaction around this one has the last word
        return tuple(one for one in remains if one != UNCOMMITTED)


@attrs.frozen
class DjangoAddress(BankAddress):
    """The address of a bank in a database of Django's: `db` is its alias, in words."""

    alias: str = "default"

    def open(self, *, create: bool = False, read_only: bool = False) -> TimeBank:
        """Join the bank; what only reads needs no transaction, each call has a snapshot.

        :raises BankNotFound: it is missing, and `create` is false: none is made by what follows.
        """
        found = joined(self.bank, alias=self.alias, create=create).acting_as(self.actor)
        if not create:
            with naming_banks(self.open_store):
                found.head()
        return found if read_only else CommandBank.of(found, self.alias)

    def open_store(self) -> Store:
        """Return the banks of the database."""
        return joined(self.bank, alias=self.alias, create=False).store

    @property
    def url(self) -> str:
        """Refuse the commands that open a store by its URL.

        :raises UsageError: always.
        """
        usage(
            "This command opens a store by its URL: give `timebank --db` that of the database, "
            f"which is {self.db}"
        )


@click.command(help="Make the bank where it is missing; `migrate` has made the tables.")
@pass_address
def init(address: BankAddress) -> None:
    """Make the bank."""
    with address.open(create=True) as bank:
        bank.store.make_bank(bank.name, journal=new_id())
        head = bank.head()
    show([said("ready", bank=harmless(bank.name), where=address.db), str(head)])


def _refused(name: str, why: str) -> click.Command:
    def refuse() -> NoReturn:
        usage(f"This is for stores of their own, not for a ledger in Django's database: {why}")

    help = f"Not here: {why}."
    settings = {"ignore_unknown_options": True, "allow_extra_args": True}
    return click.Command(name, callback=refuse, help=help, context_settings=settings)


def program() -> Program:
    """Return the command line without what is of stores."""
    assert isinstance(main, Program)  # noqa: S101 - a type checker asks
    commands = dict(main.commands)
    commands |= {name: _refused(name, why) for name, why in _ELSEWHERE.items()}
    commands["init"] = init
    return Program(
        _NAME, commands=commands, help=main.help, context_settings=dict(main.context_settings)
    )


class LedgerCommand(BaseCommand):
    """A command of `manage.py` that is one of the library's."""

    def add_arguments(self, parser: Any) -> None:
        """Add which bank, and who acts."""
        parser.add_argument("--bank", metavar="ID", help="Which bank; that of the settings if not.")
        parser.add_argument("--actor", metavar="ID", help="Who enters it; named in every record.")
        parser.add_argument(
            "--database", metavar="ALIAS", help="Which of DATABASES; that of the settings if not."
        )

    def run(self, arguments: list[str], options: dict[str, Any], *, failed: str) -> None:
        """Run a command of the library on the bank that the options name.

        `failed` is the key of the message where it ends with an exit code and says why itself.

        :raises CommandError: it is refused, with the exit code that `timebank` has for it.
        """
        config = conf.config()
        alias = options["database"] or config.database
        bank = options["bank"] or config.bank
        address = DjangoAddress(f"DATABASES[{alias!r}]", bank, options["actor"], alias)
        with speaking(_language()):
            code = self._code_of(lambda: _called(arguments, address))
            if code != WELL:
                raise CommandError(said(failed, command=arguments[0]), returncode=code)

    def _code_of(self, call: Callable[[], object]) -> int:
        # The library prints to Python's own streams.
        out, err = self.stdout._out, self.stderr._out  # noqa: SLF001 - Django adds line breaks to what goes through the wrapper
        try:
            with redirect_stdout(out), redirect_stderr(err):
                result = call()
        except (Interrupted, click.Abort, KeyboardInterrupt) as error:
            raise CommandError(said("interrupted"), returncode=INTERRUPTED) from error
        except (click.ClickException, TimebankError, OSError) as error:
            code = REFUSED if isinstance(error, Rejected) else WRONG
            raise CommandError(message_of(error, _NAME), returncode=code) from error
        return result if type(result) is int else WELL


def _called(arguments: list[str], address: DjangoAddress) -> object:
    spoken = in_language(program(), language())
    return spoken.main(arguments, _NAME, standalone_mode=False, obj=address)


def _language() -> str:
    """Return the language of `TIMEBANK_LANG`, else the site's, where there are words of it."""
    named = os.environ.get(VARIABLES[0]) or get_language() or DEFAULT
    return language_of({VARIABLES[0]: named})
