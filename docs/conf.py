"""How the documentation is built."""

from __future__ import annotations

from typing import ClassVar

import click
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import timebank
from timebank.cli import main

project = "timebank"
author = "the timebank contributors"
project_copyright = "2026, the timebank contributors"
version = release = timebank.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_build"]
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = f"timebank {release}"
html_static_path = ["_static"]
html_css_files = ["outputs.css"]

# Output that begins with # looks like a prompt of root to the lexer of consoles, and its quotes
# like a shell's.
suppress_warnings = ["misc.highlighting_failure"]
# Docstrings mark code with single backticks.
default_role = "code"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_default_options = {"members": True}


class CommandHelp(SphinxDirective):
    """The help of one command, as `timebank` itself prints it."""

    required_arguments: ClassVar[int] = 1
    final_argument_whitespace: ClassVar[bool] = True

    def run(self) -> list[nodes.Node]:
        """A literal block with the text that `--help` prints."""
        command: click.Command = main
        context = click.Context(command, info_name="timebank", terminal_width=88)
        for word in self.arguments[0].split():
            if not isinstance(command, click.Group) or word not in command.commands:
                msg = f"no such command: {self.arguments[0]}"
                raise self.error(msg)
            command = command.commands[word]
            context = click.Context(command, parent=context, info_name=word)
        text = command.get_help(context)
        return [nodes.literal_block(text, text, language="text")]


def setup(app: Sphinx) -> None:
    """Make the directive known."""
    app.add_directive("command", CommandHelp)
