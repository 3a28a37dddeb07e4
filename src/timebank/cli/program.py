"""Run the program: its exit codes, and errors of one line instead of tracebacks."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from timebank.cli.output import complain, finish, prepare
from timebank.cli.speaking import in_language, language_asked, translated

if TYPE_CHECKING:
    from timebank.cli.address import BankAddress
    from timebank.errors import TimebankError

NAME: Final = "timebank"
WELL: Final = 0
#: The audit has findings, a rule said no, a proof does not hold, or rows were quarantined.
REFUSED: Final = 1
#: Wrong use or bad input.
WRONG: Final = 2
#: Which command lists what was not found, or what is in the way, by the error.
_LISTED_BY: Final = {
    "AccountNotFound": "account list",
    "HoldNotFound": "holds --status all",
    "HoldsOpen": "holds",
    "StatuteNotFound": "statute show --history",
    "TransferNotFound": "journal --format text",
}
#: The attribute of an error that names accounts as a command found them.
_NAMES: Final = "_named_as"
#: The attribute of an error with what a command found out besides, in the language.
TOLD: Final = "_told"
#: Ended by the keyboard, as shells count it.
INTERRUPTED: Final = 130


class Interrupted(Exception):
    """Raised where the keyboard ended a command."""


class Program(click.Group):
    """The group of all commands. Whatever happens, it ends with one of the exit codes."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run, and leave by `sys.exit`; with `standalone_mode` false, as click does."""
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        prepare()
        code = self._code_in_language(sys.argv[1:] if args is None else args, complete_var, extra)
        try:
            finish()
        except OSError as error:
            if code != WRONG:  # else it was told already
                complain(_of_system(error))
            code = WRONG
        sys.exit(code)

    def _code_in_language(
        self, args: Sequence[str], complete_var: str | None, extra: dict[str, Any]
    ) -> int:
        """Run in the language asked for, so that a refusal and a wrong use are told in it."""
        import os

        from timebank.reports.words import speaking

        try:
            language = language_asked(self, args, os.environ)
        except click.UsageError as error:
            complain(message_of(error))
            return WRONG
        with speaking(language):
            return in_language(self, language).code_of_run(args, complete_var, extra)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command; for one that is in a group, the error says so."""
        word = args[0]
        if word not in self.commands:
            for name, group in self.commands.items():
                if isinstance(group, click.Group) and word in group.commands:
                    found = repr(f"{name} {word}")
                    raise click.UsageError(said("elsewhere", name=repr(word), found=found), ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. Where the keyboard ends it, click would print an empty line."""
        from timebank.errors import TimebankError

        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise Interrupted from None
        except TimebankError as error:
            if ctx.obj is not None:
                _name_accounts(error, ctx.obj)
            raise

    def code_of_run(
        self, args: Sequence[str], complete_var: str | None, extra: dict[str, Any]
    ) -> int:
        """Run, tell what ended it, and return the exit code."""
        from timebank.errors import TimebankError

        try:
            result = super().main(args, NAME, complete_var, standalone_mode=False, **extra)
        except (Interrupted, click.Abort, KeyboardInterrupt):
            complain(said("interrupted"))
            return INTERRUPTED
        except (click.ClickException, TimebankError, OSError, MemoryError) as error:
            complain(message_of(error))
            return REFUSED if _is_refusal(error) else WRONG
        return result if type(result) is int else WELL


def _is_refusal(error: Exception) -> bool:
    """Return whether a rule said no, or a proof does not hold."""
    from timebank.errors import Rejected

    proof = sys.modules.get("timebank.proof.errors")  # it is there, where such an error is
    return isinstance(error, Rejected) or (proof is not None and isinstance(error, proof.NotProved))


def message_of(error: Exception, program: str = NAME) -> str:
    """Return the line that says what ended a command, and how `program` tells more."""
    if isinstance(error, click.ClickException):
        return _usage(error)
    if isinstance(error, OSError):
        return _of_system(error)
    if isinstance(error, MemoryError):
        return said("no_memory")
    message = _explained(error)
    if (command := _LISTED_BY.get(type(error).__name__)) is not None:
        return said("see", message=message.rstrip("."), command=f"{program} {command}")
    return message


def _explained(error: Exception) -> str:
    """Return the message of an error: its own in English, else its sentence for people.

    Accounts are shown by id and name, where the command could read their names.
    """
    from timebank.errors import TimebankError, shown
    from timebank.model.agreements import PEER_PREFIX
    from timebank.reports.words import DEFAULT, language

    if not isinstance(error, TimebankError):
        return str(error)
    names: dict[str, str] = getattr(error, _NAMES, {})
    if language() == DEFAULT:
        message = str(error)
        for id, name in names.items():
            if name != id:
                message = message.replace(shown(id), name)
                message = message.replace(shown(id.removeprefix(PEER_PREFIX)), name)
        return message
    from timebank.reports.explaining import explain

    sentence = explain(error, names=names)
    told = getattr(error, TOLD, None)
    return sentence if told is None else f"{sentence.rstrip('.')}; {told}"


def _name_accounts(error: TimebankError, address: BankAddress) -> None:
    """Keep with an error the names of the accounts that it names."""
    from timebank.errors import TimebankError
    from timebank.reports.explaining import accounts_of
    from timebank.reports.text import titled

    ids = accounts_of(error)
    if not ids or address.db is None:
        return
    try:
        with address.open(read_only=True) as bank:
            found = [bank.account(id) for id in ids]
    except (TimebankError, OSError):
        return  # it is an id then
    setattr(error, _NAMES, {one.id: titled(one.id, one.name) for one in found})


def _usage(error: click.ClickException) -> str:
    message = _misplaced(error) or translated(error.format_message()).rstrip(".")
    context = error.ctx if isinstance(error, click.UsageError) else None
    if context is None:
        return message
    return said("see", message=message, command=f"{context.command_path} --help")


def _misplaced(error: click.ClickException) -> str | None:
    """Return where an option of the program stands, if one was given behind a command."""
    if not isinstance(error, click.NoSuchOption) or error.ctx is None:
        return None
    root, option = error.ctx.find_root(), error.option_name
    own = (one for one in root.command.params if option in one.opts)
    if error.ctx is root or (found := next(own, None)) is None:
        return None
    given = f"{option} {found.metavar or ''}".rstrip()
    behind = error.ctx.command_path.removeprefix(root.command_path)
    return said("before_command", option=option, example=f"{root.command_path} {given}{behind}")


def _of_system(error: OSError) -> str:
    from errno import errorcode

    from timebank.reports.words import DEFAULT, Words, language

    reason = error.strerror or str(error)
    words, key = Words("cli"), errorcode.get(error.errno or 0, "")
    if language() != DEFAULT and words.has(key):
        reason = words(key)
    return reason if error.filename is None else f"{error.filename}: {reason}"


def said(key: str, **values: object) -> str:
    """Return the words of the command line for a key, in the language that is spoken."""
    from timebank.reports.words import Words

    return Words("cli")(key, **values)


def said_of(key: str, number: int, **values: object) -> str:
    """Return the words of the command line for a number of things."""
    from timebank.reports.words import Words

    return Words("cli").counted(key, number, **values)


def number(number: int) -> str:
    """Return a whole number as the language writes it."""
    from timebank.reports.words import Words

    return Words("cli").number(number)


def usage(message: str) -> NoReturn:
    """End with the message of a wrong use, and where to read more."""
    raise click.UsageError(message, click.get_current_context(silent=True))
