"""`timebank transfer` and `timebank reverse`."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import click

from timebank.cli.options import DAY, formatted
from timebank.cli.output import show_as
from timebank.cli.place import Place, pass_place
from timebank.cli.program import usage

if TYPE_CHECKING:
    from timebank.model import Transfer


@click.command(
    help="""Move hours from who spends to who earns.

    Who gave the service earns. Where one side has many, each is named with the hours:
    --earner m1=1:00 --earner m2=0:30.
    """
)
@click.option("--earner", "earners", metavar="ID[=HOURS]", required=True, multiple=True)
@click.option("--spender", "spenders", metavar="ID[=HOURS]", required=True, multiple=True)
@click.option("--hours", metavar="HOURS", help="1:30, 1.5, 1h30 or 90m.")
@click.option("--id", "id", metavar="ID", help="Makes repeating the command safe.")
@click.option("--on", "occurred_on", type=DAY, help="The day of the service; today if left out.")
@click.option("--kind", default="exchange", show_default=True, help="What sort of movement.")
@click.option("--category", help="What sort of service.")
@click.option("--area", help="The area of welfare.")
@click.option("--resource", help="What was used: a room, a car.")
@click.option("--via", metavar="ID", help="The account of who arranged it.")
@click.option("--note", help="Personal text: what for.")
@click.option("--tag", "tags", multiple=True, help="May be given several times.")
@click.option("--dry-run", is_flag=True, help="Decide, and write nothing.")
@formatted
@pass_place
def transfer(
    place: Place,
    /,
    *,
    earners: tuple[str, ...],
    spenders: tuple[str, ...],
    dry_run: bool,
    format: str,
    **arguments: Any,
) -> None:
    """Record an exchange."""
    arguments["earner"] = _side("--earner", earners)
    arguments["spender"] = _side("--spender", spenders)
    with place.open(read_only=dry_run) as bank:
        if dry_run:
            with bank.preview() as preview:
                made = preview.transfer(**arguments)
        else:
            made = bank.transfer(**arguments)
    _show(made, format, verb="would be" if dry_run else "is")


@click.command(help="Take a transfer back. All that is left of it is moved back, or --hours of it.")
@click.argument("transfer_id", metavar="TRANSFER")
@click.option("--reason", required=True, help="Personal text: why.")
@click.option("--hours", metavar="HOURS", help="A part of it.")
@click.option("--on", "occurred_on", type=DAY, help="The original's day if left out.")
@click.option("--id", "id", metavar="ID", help="Makes repeating the command safe.")
@formatted
@pass_place
def reverse(
    place: Place,
    /,
    *,
    transfer_id: str,
    reason: str,
    hours: str | None,
    occurred_on: date | None,
    id: str | None,
    format: str,
) -> None:
    """Take a mistake back."""
    with place.open() as bank:
        made = bank.reverse(transfer_id, reason=reason, hours=hours, occurred_on=occurred_on, id=id)
    _show(made, format, verb="is")


def _side(option: str, items: tuple[str, ...]) -> str | dict[str, str]:
    """One account alone, or accounts with their hours. The last `=` divides the two."""
    if len(items) == 1 and "=" not in items[0]:
        return items[0]
    side: dict[str, str] = {}
    for item in items:
        id, divider, hours = item.rpartition("=")
        if not divider:
            usage(f"{option} {item!r} needs its hours, as in {option} {item}=1:00")
        if id in side:
            usage(f"{option} names {id!r} twice")
        side[id] = hours
    return side


def _show(made: Transfer, format: str, *, verb: str) -> None:
    from timebank.reports.cells import harmless
    from timebank.reports.shapes import transfer_shape

    earners, spenders = " and ".join(made.earners), " and ".join(made.spenders)
    what = f"{made.hours} from {spenders} to {earners} on {made.occurred_on}"
    line = harmless(f"{made.id}: {what} {verb} record {made.sequence}")
    show_as(format, lambda: transfer_shape(made), lambda: [line])
