"""`timebank amend`, `account amend`, `account merge` and `close-books`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any, Final

import attrs
import click

from timebank.cli.accounts import account
from timebank.cli.address import BankAddress, pass_address
from timebank.cli.options import (
    DAY,
    DAY_OF_SERVICE,
    TIME,
    dry_run_option,
    formatted,
    old_day_option,
)
from timebank.cli.output import complain, show_result
from timebank.cli.program import REFUSED, WELL, usage

if TYPE_CHECKING:
    from timebank.bank import BankBatch, TimeBank
    from timebank.reports.corrections import MergePlan

_reason = click.option("--reason", required=True, help="Personal text: why.")


def _said(key: str, **values: object) -> str:
    from timebank.reports.words import Words

    return Words("corrections")(key, **values)


# -- what an exchange was for ----------------------------------------------------------


@attrs.frozen
class _Field:
    """Something that a correction may name: an option with its value, another to take it away.

    `name` is that of the library's argument, `option` has no dashes yet.
    """

    name: str
    option: str
    help: str
    more: Mapping[str, Any] = attrs.field(factory=dict)
    taken_by: str = attrs.field()

    @taken_by.default
    def _taken_by(self) -> str:
        return f"no-{self.option}"

    def add_to(self, command: Callable[..., Any]) -> Callable[..., Any]:
        """Add both options to a command."""
        flag, taken = f"--{self.taken_by}", f"no_{self.name}"
        value = click.option(f"--{self.option}", self.name, help=self.help, **self.more)
        return value(click.option(flag, taken, is_flag=True, help="Leave it without.")(command))

    def take(self, options: dict[str, Any]) -> dict[str, Any]:
        """Take both options out, and return the argument; none, where neither was given."""
        value, none = options.pop(self.name), options.pop(f"no_{self.name}")
        is_given = value is not None and value != ()
        if is_given and none:
            usage(_said("one_of_two", option=self.option, other=self.taken_by))
        return {self.name: None if none else value} if is_given or none else {}


_FIELDS: Final = (
    _Field("note", "note", "Personal text: what for."),
    _Field("category", "category", "What sort of service."),
    _Field("area", "area", "The area of welfare."),
    _Field("resource", "resource", "What was used: a room, a car."),
    _Field("tags", "tag", "Each of its tags anew.", {"multiple": True}, "no-tags"),
    _Field("started_at", "from", "When it began, on its day.", {"type": TIME}),
    _Field("ended_at", "to", "When it ended; past midnight, if earlier.", {"type": TIME}),
)
_JOINED: Final = _Field("joined_on", "joined-on", "The day of joining.", {"type": DAY_OF_SERVICE})


def _field_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for field in reversed(_FIELDS):
        command = field.add_to(command)
    return command


@click.command(
    help="""Put right what a transfer or a hold was for. What you do not name stays as it is.

    What it said before is kept in the journal. Hours, accounts and days are not amended:
    reverse the exchange, and enter it anew. Repeated alike, nothing is appended.
    """
)
@click.argument("id")
@_reason
@_field_options
@dry_run_option
@formatted
@pass_address
def amend(
    address: BankAddress,
    /,
    *,
    id: str,
    reason: str,
    dry_run: bool,
    format: str,
    **options: Any,
) -> None:
    """Amend an exchange."""
    from timebank.reports.corrections import amendment_text

    given: dict[str, Any] = {}
    for field in _FIELDS:
        given |= field.take(options)
    if not given:
        named = ", ".join(f"--{field.option}" for field in _FIELDS)
        usage(_said("say_what", options=named))
    with address.open_to_write(dry_run=dry_run) as bank:
        after = bank.head().sequence
        made = bank.amend(id, reason=reason, **given)
    show_result(format, made, lambda: amendment_text(made, after=after, dry_run=dry_run))


# -- accounts --------------------------------------------------------------------------


@account.command(
    "amend",
    help="""Put right the day of joining of an account, or its kind.

    Limits by months, and dues that are still to be charged, go by it from then on; what was
    charged or refused before stays. Repeated alike, nothing is appended.
    """,
)
@click.argument("id")
@_reason
@_JOINED.add_to
@old_day_option
@click.option("--kind", type=click.Choice(["member", "group", "organisation"]))
@dry_run_option
@formatted
@pass_address
def amend_account(
    address: BankAddress,
    /,
    *,
    id: str,
    reason: str,
    kind: str | None,
    dry_run: bool,
    format: str,
    **options: Any,
) -> None:
    """Amend an account."""
    from timebank.cli.finding import account_id
    from timebank.reports.corrections import account_amendment_text

    given = _JOINED.take(options) | ({} if kind is None else {"kind": kind})
    if not given:
        usage(_said("say_what", options="--joined-on, --no-joined-on, --kind"))
    with address.open_to_write(dry_run=dry_run) as bank:
        id = account_id(bank, id)
        was = bank.account(id)
        now = bank.amend_account(id, reason=reason, **given)
    show_result(format, now, lambda: account_amendment_text(was, now, dry_run=dry_run))


@account.command(
    "merge",
    help="""Let a duplicate become the account that stays: balance, history, dues.

    It says first what moves, and asks. Nothing takes a merge back: see it with --dry-run. Where
    nobody can be asked, as in a script, say --yes.
    """,
)
@click.argument("duplicate")
@click.option("--into", metavar="ID", required=True, help="The account that stays.")
@_reason
@click.option("--yes", is_flag=True, help="Do not ask.")
@dry_run_option
@formatted
@pass_address
def merge(
    address: BankAddress,
    /,
    *,
    duplicate: str,
    into: str,
    reason: str,
    yes: bool,
    dry_run: bool,
    format: str,
) -> int:
    """Merge an account into another."""
    from timebank.cli.finding import account_id
    from timebank.reports.corrections import merge_text, merged_text

    with address.open(read_only=dry_run) as bank:
        duplicate, into = account_id(bank, duplicate), account_id(bank, into)
        before = bank.account(duplicate)
        if before.merged_into != into and (dry_run or not yes):
            plan = _plan(bank, duplicate, into, reason)
            if dry_run:
                show_result(format, plan.merged, lambda: merge_text(plan))
                return WELL
            question = _said("merge_question", duplicate=duplicate, into=into)
            if not _agreed(merge_text(plan), question):
                complain(_said("not_merged"))
                return REFUSED
        kept = bank.account(into) if dry_run else bank.merge(duplicate, into=into, reason=reason)
        statement = bank.statement(into)
    show_result(format, kept, lambda: merged_text(before, statement))
    return WELL


def _plan(bank: TimeBank, duplicate: str, into: str, reason: str) -> MergePlan:
    """Try a merge, and return what it comes to.

    :raises Rejected: it is refused, before anybody is asked.
    """
    from timebank.reports.corrections import MergePlan

    with bank.preview() as preview:
        return MergePlan(
            duplicate=preview.statement(duplicate),
            into=preview.statement(into),
            delegates=preview.delegates(duplicate),
            merged=preview.merge(duplicate, into=into, reason=reason),
            balance=preview.balance(into),
        )


def _agreed(told: list[str], question: str) -> bool:
    """Tell what would happen, and return whether somebody at a terminal says yes."""
    if not (sys.stdin is not None and sys.stdin.isatty()):
        usage(_said("merge_unasked"))
    for line in told:
        click.echo(line, err=True)
    # click.confirm takes the English letters alone.
    answer = click.prompt(
        f"{question} {_said('yes_or_no')}", default="", show_default=False, err=True
    )
    return answer.strip().casefold() in _said("yes").split()


# -- closed books ----------------------------------------------------------------------


@click.command(
    "close-books",
    help="""Close the books through a day, so that what was approved stays as it is.

    Nothing of a day up to it is recorded or amended from then on; --open opens them again, for all
    to see. Without options: through which day they are closed, and since when.
    """,
)
@click.option("--through", type=DAY, help="The last day that is closed.")
@click.option("--open", "opens", is_flag=True, help="Open them again.")
@click.option("--reason", help="Personal text: who approved it, and when.")
@dry_run_option
@formatted
@pass_address
def close_books(
    address: BankAddress,
    /,
    *,
    through: date | None,
    opens: bool,
    reason: str | None,
    dry_run: bool,
    format: str,
) -> None:
    """Close books, open them, or list when that was done."""
    from timebank.reports.corrections import closing_text, closings_text

    if through is not None and opens:
        usage(_said("one_of_two", option="through", other="open"))
    if through is None and not opens:
        if reason is not None or dry_run:
            usage(_said("say_through"))
        with address.open(read_only=True) as bank:
            found = list(bank.closings())
        show_result(format, found, lambda: closings_text(found))
        return
    if reason is None:
        usage(_said("say_reason"))
    with address.open_to_write(dry_run=dry_run) as bank:
        after, before = bank.head().sequence, _closed_through(bank)
        made = bank.close_books(through=through, reason=reason)
    show_result(
        format, made, lambda: closing_text(made, before=before, after=after, dry_run=dry_run)
    )


def _closed_through(bank: TimeBank | BankBatch) -> date | None:
    last = next(bank.closings(), None)
    return None if last is None else last.through
