"""`timebank account`: open, list, show, history, limits, rename, freeze, thaw, close, reopen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date
from typing import TYPE_CHECKING, Any, Final

import click

from timebank.cli.address import BankAddress, pass_address
from timebank.cli.finding import account_id, named
from timebank.cli.options import DAY_OF_SERVICE, LIMIT, formatted, old_day_option
from timebank.cli.output import complain, show_as, show_result
from timebank.cli.program import said, usage

if TYPE_CHECKING:
    from timebank.bank import TimeBank
    from timebank.hours import Hours
    from timebank.model import Account

KINDS: Final = ("member", "group", "organisation", "fund", "clearing", "issuance")


@click.group(no_args_is_help=False, help="Open accounts, look at them, change them.")
def account() -> None:
    """The group of the commands of accounts."""


def _show(
    account: Account, format: str, *, posted: Hours | None = None, asked: str | None = None
) -> None:
    """Print an account; where it has the status that was `asked` for already, say so."""
    from timebank.reports.text import kind_text, limit_text, status_text, titled
    from timebank.reports.words import Words

    words = Words("account")
    line = words(
        "is_already" if account.repeated and account.status == asked else "is",
        account=titled(account.id, account.name),
        kind=kind_text(account.kind),
        status=status_text(account),
        floor=limit_text(account.floor),
        ceiling=limit_text(account.ceiling),
        balance=words("balance", hours=posted) if posted else "",
    )
    show_result(format, account, lambda: [line])


@account.command("open", help="Open an account. Repeated alike, nothing is appended.")
@click.argument("id")
@click.option("--kind", type=click.Choice(KINDS), default="member", show_default=True)
@click.option("--name", help="Personal text, which can be changed and forgotten.")
@click.option("--joined-on", type=DAY_OF_SERVICE, help="The day on which the member joined.")
@old_day_option
@click.option("--floor", type=LIMIT, default="inherit", help="The least it may hold.")
@click.option("--ceiling", type=LIMIT, default="inherit", help="The most it may hold.")
@click.option("--no-welcome", is_flag=True, help="Without the welcome credit of the statute.")
@formatted
@pass_address
def open_(
    address: BankAddress,
    /,
    *,
    id: str,
    kind: str,
    name: str | None,
    joined_on: date | None,
    floor: Any,
    ceiling: Any,
    no_welcome: bool,
    format: str,
) -> None:
    """Open an account."""
    with address.open() as bank:
        opened = bank.open_account(
            id,
            kind=kind,
            name=name,
            joined_on=joined_on,
            floor=floor,
            ceiling=ceiling,
            welcome=not no_welcome,
        )
        posted = bank.balance(id).posted
        notes = [] if opened.repeated else list(_notes(bank, opened))
    _show(opened, format, posted=posted, asked="open")
    for note in notes:
        complain(note)


def _notes(bank: TimeBank, opened: Account) -> Iterator[str]:
    """Yield what is to be said of an account that was opened: nothing is refused for it."""
    from timebank.errors import NotPermitted
    from timebank.interchange.engine.telling import looks_like_a_name
    from timebank.reports.words import Words

    words = Words("options")
    if looks_like_a_name(opened.id):
        yield words("id_is_a_name", id=opened.id)
    if opened.name:
        with suppress(NotPermitted):  # who may not see the others is told of none
            others = [one for one in named(bank.accounts(), opened.name) if one.id != opened.id]
            if others:
                yield words("same_name", id=opened.id, other=others[0].id)


@account.command("list", help="All accounts with their own limits.")
@click.option("--name", help="Those that have this in their name, however it is written.")
@formatted
@pass_address
def list_(address: BankAddress, /, *, name: str | None, format: str) -> None:
    """List the accounts."""
    from timebank.reports.balances import accounts_text

    with address.open(read_only=True) as bank:
        accounts = list(bank.accounts())
    if name is not None:
        accounts = named(accounts, name, part=True)
    show_result(format, accounts, lambda: accounts_text(accounts))


@account.command("show", help="One account, with the limits that apply and its balance.")
@click.argument("id")
@formatted
@pass_address
def show_(address: BankAddress, /, *, id: str, format: str) -> None:
    """Show an account."""
    from timebank import reports
    from timebank.reports.balances import account_text

    with address.open(read_only=True) as bank:
        id = account_id(bank, id, part=True)
        shown, balance = bank.account(id), bank.balance(id)
    show_as(
        format,
        lambda: {**reports.json.account(shown), "balance": reports.json.balance(balance)},
        lambda: account_text(shown, balance),
    )


@account.command("history", help="What happened to an account: when, by whom, and why.")
@click.argument("id")
@formatted
@pass_address
def history(address: BankAddress, /, *, id: str, format: str) -> None:
    """Show the history of an account."""
    from timebank.reports.members import events_text

    with address.open(read_only=True) as bank:
        events = list(bank.events(account_id(bank, id, part=True)))
    show_result(format, events, lambda: events_text(events))


@account.command("limits", help="Change an account's floor, ceiling or both.")
@click.argument("id")
@click.option("--floor", type=LIMIT, help="The least it may hold.")
@click.option("--ceiling", type=LIMIT, help="The most it may hold.")
@formatted
@click.pass_context
def limits(context: click.Context, id: str, floor: Any, ceiling: Any, format: str) -> None:
    """Change the limits. An option of `none` is not one that was left out."""
    given = {
        name: value
        for name, value in (("floor", floor), ("ceiling", ceiling))
        if context.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT
    }
    if not given:
        usage(said("limits_missing"))
    with context.obj.open() as bank:
        changed = bank.set_limits(account_id(bank, id), **given)
    _show(changed, format)


@account.command("rename", help="Give an account another name; without NAME, none.")
@click.argument("id")
@click.argument("name", required=False)
@formatted
@pass_address
def rename(address: BankAddress, /, *, id: str, name: str | None, format: str) -> None:
    """Rename an account."""
    with address.open() as bank:
        renamed = bank.rename(account_id(bank, id), name)
    _show(renamed, format)


def _status_command(name: str, method: str, status: str, help: str) -> None:
    """Add one of the four commands that change the status; they differ in nothing else."""

    @account.command(name, help=help)
    @click.argument("id")
    @click.option("--reason", help="Personal text: why.")
    @formatted
    @pass_address
    def change(address: BankAddress, /, *, id: str, reason: str | None, format: str) -> None:
        with address.open() as bank:
            call: Callable[..., Account] = getattr(bank, method)
            changed = call(account_id(bank, id), reason=reason)
        _show(changed, format, asked=status)


_status_command("freeze", "freeze", "frozen", "Let an account neither earn nor spend.")
_status_command("thaw", "thaw", "open", "Open a frozen account again.")
_status_command("close", "close_account", "closed", "Close an account whose balance is 0:00.")
_status_command("reopen", "reopen", "open", "Open a closed account again.")
