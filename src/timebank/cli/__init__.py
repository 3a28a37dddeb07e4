"""The command line: `timebank --db URL [--bank ID] COMMAND`, a file per command group.

What a command needs of the library is imported when it runs, so that `--help` is quick.
"""

from __future__ import annotations

import click

from timebank import __version__
from timebank.cli.accounts import account
from timebank.cli.address import BankAddress
from timebank.cli.audit import audit, audit_host
from timebank.cli.banks import banks
from timebank.cli.cheques import cheques, load
from timebank.cli.clock import clock
from timebank.cli.corrections import amend, close_books
from timebank.cli.demo import demo
from timebank.cli.exports import export
from timebank.cli.heads import head
from timebank.cli.history import history
from timebank.cli.holds import hold, holds, settle, void
from timebank.cli.imports import import_
from timebank.cli.journal import init, journal, rebuild
from timebank.cli.keys import key
from timebank.cli.members import delegate, dues, inactive, leave, run_due, welcome
from timebank.cli.papers import presences, value
from timebank.cli.peers import peers
from timebank.cli.privacy import erase, personal_data
from timebank.cli.program import NAME, Program
from timebank.cli.propose import propose
from timebank.cli.receipts import receipt, verify_receipt
from timebank.cli.reports import balance, report, statement, trial_balance
from timebank.cli.schema import schema
from timebank.cli.speaking import language_named
from timebank.cli.statutes import statute
from timebank.cli.stores import backup, copy, migrate
from timebank.cli.transfers import reverse, transfer
from timebank.cli.witness import witness

__all__ = ["main"]


@click.group(
    NAME,
    cls=Program,
    no_args_is_help=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="A double-entry ledger of hours for communities who help each other.",
)
@click.option(
    "--db",
    metavar="URL",
    envvar="TIMEBANK_DB",
    help="Where the bank is kept: sqlite:///bank.db, or the path of the file.",
)
@click.option(
    "--bank",
    metavar="ID",
    envvar="TIMEBANK_BANK",
    default="main",
    show_default=True,
    help="Which bank of the storage.",
)
@click.option("--actor", metavar="ID", help="Who enters it; named in every record.")
@click.option(
    "--lang",
    metavar="CODE",
    help="Of what people read: en, it. Left out, that of TIMEBANK_LANG or of the machine.",
)
@click.version_option(__version__, prog_name=NAME, message="%(prog)s %(version)s")
@click.pass_context
def main(
    context: click.Context, db: str | None, bank: str, actor: str | None, lang: str | None
) -> None:
    """Keep where the bank is, for the commands that use one, and speak the language asked for."""
    import os

    from timebank.reports.words import speaking

    context.with_resource(speaking(language_named(lang, os.environ)))
    context.obj = BankAddress(db, bank, actor)


import_.add_command(propose)
report.add_command(presences)
report.add_command(value)
for _command in (
    init,
    account,
    transfer,
    reverse,
    amend,
    hold,
    settle,
    void,
    holds,
    cheques,
    statute,
    welcome,
    run_due,
    dues,
    leave,
    inactive,
    close_books,
    delegate,
    clock,
    history,
    personal_data,
    erase,
    balance,
    statement,
    trial_balance,
    report,
    journal,
    head,
    receipt,
    verify_receipt,
    key,
    witness,
    peers,
    audit,
    audit_host,
    rebuild,
    import_,
    export,
    demo,
    banks,
    copy,
    backup,
    migrate,
    schema,
):
    main.add_command(_command)
load()
