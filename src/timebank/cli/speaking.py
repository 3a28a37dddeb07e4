"""Speak the language that was asked for: in help, and in what click says of a wrong use.

Help stands in English where its command is defined. The table `help` of another language, and
each table whose name begins with `help_`, has the same texts by their English, a paragraph to a
key: what has no key there stays English, and `tests/cli/test_words.py` counts it.
"""

from __future__ import annotations

import copy
import inspect
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Final, TypeVar

import click

_Command = TypeVar("_Command", bound=click.Command)

#: Tables of help begin so.
HELP: Final = "help"
_PARAGRAPHS: Final = re.compile(r"\n\s*\n")
_GAP: Final = re.compile(r"\\\{(\w+)(?:!r)?\\\}")
#: What click writes behind the help of an option.
_EXTRA: Final = re.compile(r"(  |^)\[([^\[\]]*(?:\[[^\[\]]*\])?[^\[\]]*)\]$")


def language_asked(program: click.Command, args: Sequence[str], environ: Mapping[str, str]) -> str:
    """Return the language that arguments ask for with `--lang`, else the environment's.

    The arguments may be wrong otherwise: nothing but the options before the command is read.

    :raises click.UsageError: a language that has no words.
    """
    context = click.Context(program, resilient_parsing=True, ignore_unknown_options=True)
    found, _, _ = program.make_parser(context).parse_args(list(args))
    return language_named(found.get("lang"), environ)


def language_named(code: str | None, environ: Mapping[str, str]) -> str:
    """Return the code of a language that was named, as `it`, `IT` or `it_IT`.

    Where none was, it is that of the environment.

    :raises click.UsageError: a language that has no words.
    """
    from timebank.reports.words import Words, code_of, language_of, languages

    if not isinstance(code, str):
        return language_of(environ)
    known = code_of(code)
    if known in languages():
        return known
    words = Words("cli", language_of(environ))
    raise click.UsageError(words("unknown_language", code=repr(code), known=", ".join(languages())))


# -- help ------------------------------------------------------------------------------


def in_language(command: _Command, language: str) -> _Command:
    """Return a command with its help, and that of its commands, in a language."""
    from timebank.reports.words import DEFAULT

    return command if language == DEFAULT else _translated(command, _helps(language))


@cache
def _helps(language: str) -> dict[str, str]:
    from timebank.reports.words import table, tables

    named = [name for name in tables(language) if name.partition("_")[0] == HELP]
    return {key: text for name in named for key, text in table(name, language).items()}


def paragraphs(help: str) -> list[str]:
    r"""Return the paragraphs of a help text as the catalogue has them: each on one line.

    >>> from timebank.cli.speaking import paragraphs
    >>> paragraphs("Hold hours.\n\n    What is held\n    is not spent twice.")
    ['Hold hours.', 'What is held is not spent twice.']
    """
    return [" ".join(one.split()) for one in _PARAGRAPHS.split(inspect.cleandoc(help))]


def _translated(command: _Command, helps: Mapping[str, str]) -> _Command:
    def said(text: str | None) -> str | None:
        return text and "\n\n".join(helps.get(one, one) for one in paragraphs(text))

    made = copy.copy(command)
    made.help, made.short_help = said(command.help), said(command.short_help)
    made.epilog = said(command.epilog)
    made.options_metavar = _metavar(command.options_metavar)
    made.params = [_parameter(one, said) for one in command.params]
    made.context_class = Speaking
    if isinstance(made, click.Group):
        made.commands = {name: _translated(one, helps) for name, one in made.commands.items()}
        made.subcommand_metavar = _metavar(made.subcommand_metavar) or ""
    return made


def _parameter(
    parameter: click.Parameter, said: Callable[[str | None], str | None]
) -> click.Parameter:
    made = copy.copy(parameter)
    made.metavar = _metavar(parameter.metavar)
    if isinstance(made, click.Option):
        made.help = said(made.help)
    return made


def _metavar(text: str | None) -> str | None:
    return text and translated(text)


class _Formatter(click.HelpFormatter):
    """Help whose headings and remarks are in the language that is spoken."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        super().write_usage(prog, args, translated("Usage: ") if prefix is None else prefix)

    def write_heading(self, heading: str) -> None:
        super().write_heading(translated(heading))

    def write_dl(self, rows: Iterable[tuple[str, str]], *args: Any, **more: Any) -> None:
        super().write_dl([(first, _remarked(second)) for first, second in rows], *args, **more)


def _remarked(text: str) -> str:
    """Return the help of an option, with what click adds to it, in the language."""

    def remark(found: re.Match[str]) -> str:
        return f"{found[1]}[{'; '.join(map(translated, found[2].split('; ')))}]"

    return translated(_EXTRA.sub(remark, text))


class Speaking(click.Context):
    """The context of a command whose help is in another language than English."""

    formatter_class = _Formatter


# -- what click says -------------------------------------------------------------------


def translated(message: str) -> str:
    """Return a text of click in the language that is spoken; other texts as they are.

    Click has no attributes for most of what it says, and its own catalogue is the machine's, so
    that a text is found by the form that click gives it.

    >>> from timebank.cli.speaking import translated
    >>> from timebank.reports.words import speaking
    >>> with speaking("it"):
    ...     translated("Missing option '--reason'.")
    "Manca l'opzione '--reason'"
    """
    from timebank.reports.words import DEFAULT, language

    return message if language() == DEFAULT else _translated_message(message, language())


def _translated_message(message: str, language: str) -> str:
    from timebank.reports.words import table

    texts = table("click", language)
    if message in texts:
        return str(texts[message])
    for form, key in _forms():
        if found := form.fullmatch(message):
            gaps = {name: translated(text.strip()) for name, text in found.groupdict().items()}
            return str(texts[key]).format(**gaps)
    return message


@cache
def _forms() -> list[tuple[re.Pattern[str], str]]:
    """Return the forms of the texts of click that have gaps, with the keys of the catalogue."""
    from timebank.reports.words import DEFAULT, table

    with_gaps = [key for key in table("click", DEFAULT) if "{" in key]
    return [
        (
            re.compile(_GAP.sub(r"(?P<\1>.+?)", re.escape(key).rstrip(".\\")) + r"\.?", re.DOTALL),
            key,
        )
        for key in with_gaps
    ]
