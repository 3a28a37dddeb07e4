"""`timebank cheques`: the group. Its commands are in `timebank.contrib.cheques.commands`.

They use what the command line may not import, and are found by the name of their module.
"""

from __future__ import annotations

from importlib import import_module
from typing import Final

import click

#: The module that adds the commands to the group.
COMMANDS: Final = "timebank.contrib.cheques.commands"


@click.group(
    no_args_is_help=False,
    help="Booklets of time cheques: issue, print, enter, void, and see which are out.",
)
def cheques() -> None:
    """The group of cheques."""


def load() -> None:
    """Add the commands to the group."""
    import_module(COMMANDS)
