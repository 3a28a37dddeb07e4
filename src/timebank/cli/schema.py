"""Print what makes the tables of a store: `timebank schema`."""

from __future__ import annotations

import click

from timebank.cli.options import Number, formatted
from timebank.cli.output import show_as
from timebank.cli.program import said, usage

SERVERS = ("postgresql", "mariadb")


@click.command(
    help="""Print the statements that make the tables of a store on a server.

    An administrator runs them with psql or mariadb, and may so own the tables and the guards.
    The store then opens without more.
    """
)
@click.option("--for", "server", type=click.Choice(SERVERS), required=True, help="Which server.")
@click.option(
    "--partitions",
    metavar="N",
    type=Number(1, 1024),
    help="Of so many partitions, by the hash of the bank: PostgreSQL alone.",
)
@formatted
def schema(*, server: str, partitions: int | None, format: str) -> None:
    """Print the statements."""
    from timebank.storage.registry import needing
    from timebank.storage.server.script import script, script_text

    if partitions and server != "postgresql":
        usage(said("partitions_of_postgresql"))
    count = partitions or 0
    statements = needing(server, lambda: script(server, partitions=count))
    show_as(
        format,
        lambda: {"server": server, "statements": statements},
        lambda: script_text(server, partitions=count).splitlines(),
    )
