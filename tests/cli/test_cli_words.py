"""The command line in a language: which one, help, and what is said of a wrong use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

import timebank
from timebank.cli import main
from timebank.cli.speaking import HELP, in_language, paragraphs, translated
from timebank.reports import words

OTHERS = [code for code in words.languages() if code != words.DEFAULT]
#: Paragraphs of help that have no words in another language yet. It only falls.
WITHOUT = {"it": 0}


def call(*args: str, **environ: str | None) -> Result:
    """Run `timebank` with arguments, in a machine that asks for no language."""
    unset: dict[str, str | None] = dict.fromkeys(words.VARIABLES)
    return CliRunner(env={**unset, "TIMEBANK_DB": None, **environ}).invoke(main, list(args))


def commands(
    command: click.Command = main, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield every command with its words."""
    yield path, command
    for name, one in getattr(command, "commands", {}).items():
        yield from commands(one, (*path, name))


def helps() -> set[str]:
    """Return all paragraphs of help there are."""
    found: set[str] = set()
    for _, command in commands():
        texts = [command.help, command.short_help, command.epilog]
        texts += [getattr(one, "help", None) for one in command.params]
        found |= {one for text in texts if text for one in paragraphs(text)}
    return found - {"Show this message and exit.", "Show the version and exit."}


# -- help ------------------------------------------------------------------------------


@pytest.mark.parametrize("code", OTHERS)
def test_help_is_told_in_every_language(code: str) -> None:
    told = {
        key
        for name in words.tables(code)
        if name.partition("_")[0] == HELP
        for key in words.table(name, code)
    }
    assert set() == told - helps(), "words for a help text that there is no more"
    without = sorted(helps() - told)
    assert len(without) <= WITHOUT[code], without


@pytest.mark.parametrize("code", OTHERS)
@pytest.mark.parametrize("path", [path for path, _ in commands()], ids=" ".join)
def test_the_frame_of_help_has_no_english(code: str, path: tuple[str, ...]) -> None:
    told = call("--lang", code, *path, "--help")
    assert (0, "") == (told.exit_code, told.stderr)
    for english in ("Usage:", "Options:", "Commands:", "[required", "[default", "exit."):
        assert english not in told.stdout
    assert told.stdout.startswith(words.table("click", code)["Usage: "])


def test_help_in_english_is_that_of_the_commands() -> None:
    assert in_language(main, "en") is main
    assert "Usage: timebank [OPTIONS] COMMAND" in call("--help").stdout


# -- which language --------------------------------------------------------------------

ENGLISH, ITALIAN = "Missing option '--reason'", "Manca l'opzione '--reason'"


@pytest.mark.parametrize(
    ("args", "environ", "said"),
    [
        ((), {}, ENGLISH),
        (("--lang", "it"), {}, ITALIAN),
        (("--lang=it",), {}, ITALIAN),
        (("--bank", "en", "--lang", "IT"), {"TIMEBANK_LANG": "en"}, ITALIAN),
        (("--lang", "it_IT.UTF-8"), {}, ITALIAN),
        (("--lang", "en"), {"TIMEBANK_LANG": "it"}, ENGLISH),
        (("--lang", "en", "--lang", "it"), {}, ITALIAN),
        (("--bank", "--lang"), {"LANG": "it_IT"}, ITALIAN),
        ((), {"LANG": "de_DE"}, ENGLISH),
    ],
)
def test_a_wrong_use_is_told_in_the_language_asked_for(
    args: tuple[str, ...], environ: dict[str, str], said: str
) -> None:
    told = call(*args, "reverse", "x", **environ)
    assert (2, "") == (told.exit_code, told.stdout)
    assert told.stderr.startswith(f"timebank: {said} (")


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({}, "there are no words in the language 'tlh': there are en, it"),
        ({"LANG": "it"}, "non ci sono parole nella lingua 'tlh': ci sono en, it"),
    ],
)
@pytest.mark.parametrize("standalone", [True, False])
def test_an_unknown_language_is_a_wrong_use(
    environ: dict[str, str], said: str, standalone: bool
) -> None:
    if standalone:
        told = call("--lang", "tlh", "banks", **environ)
        assert (2, "", f"timebank: {said}\n") == (told.exit_code, told.stdout, told.stderr)
        return
    with (
        pytest.MonkeyPatch.context() as patched,
        pytest.raises(click.UsageError) as error,
    ):
        for name in words.VARIABLES:
            patched.delenv(name, raising=False)
        for name, value in environ.items():
            patched.setenv(name, value)
        main(["--lang", "tlh", "banks"], standalone_mode=False)
    assert said == error.value.message


@pytest.mark.parametrize("code", words.languages())
@pytest.mark.parametrize("option", ["--db", "--bank", "--actor", "--lang"])
def test_an_option_of_the_program_behind_a_command_is_told_its_place(
    option: str, code: str
) -> None:
    """Of each command, but those that have one of that name themselves."""
    told = words.table("cli", code)["before_command"]
    for path, command in commands():
        if not path or option in {name for one in command.params for name in one.opts}:
            continue
        result = call("--lang", code, *path, option, "x")
        assert result.exit_code == 2
        assert result.output.startswith(f"timebank: {told.format(option=option, example='')}")
        assert f"timebank {option} " in result.output
        assert f" {' '.join(path)} (" in result.output


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--nope",), "Non c'è un'opzione '--nope' (si veda timebank --help)"),
        (("--lang",), "L'opzione '--lang' vuole un valore"),
        ((), "Manca il comando (si veda timebank --help)"),
        (("jurnal",), "Non c'è un comando 'jurnal'; forse: 'journal' (si veda timebank --help)"),
        (("merge",), "Non c'è un comando 'merge': c'è 'account merge' (si veda timebank --help)"),
        (
            ("account", "opn"),
            "Non c'è un comando 'opn'; forse: 'open', 'reopen' (si veda timebank account --help)",
        ),
        (("void",), "Manca l'argomento 'HOLD' (si veda timebank void --help)"),
        (
            ("holds", "--status", "x"),
            (
                "Il valore di '--status' non va bene: 'x' non è uno di questi: 'open', 'settled', "
                "'voided', 'expired', 'all' (si veda timebank holds --help)"
            ),
        ),
        (
            ("statute", "check", "none.json"),
            (
                "Il valore di 'FILE' non va bene: Il file 'none.json' non c'è "
                "(si veda timebank statute check --help)"
            ),
        ),
        (("holds", "a"), "Un argomento di troppo (a) (si veda timebank holds --help)"),
        (("holds", "a", "b"), "Alcuni argomenti di troppo (a b) (si veda timebank holds --help)"),
        (("transfer", "--dry-run=4"), "L'opzione '--dry-run' non vuole un valore"),
        (
            ("journal", "--after", "x"),
            (
                "Il valore di '--after' non va bene: 'x' non è un numero intero da 0 a "
                "9007199254740992 (si veda timebank journal --help)"
            ),
        ),
        (
            ("journal", "--after", "-1"),
            (
                "Il valore di '--after' non va bene: '-1' non è un numero intero da 0 a "
                "9007199254740992 (si veda timebank journal --help)"
            ),
        ),
    ],
)
def test_what_click_says_is_told_in_italian(args: tuple[str, ...], said: str) -> None:
    told = call(*args, LANG="it_IT.UTF-8")
    assert (2, "", f"timebank: {said}\n") == (told.exit_code, told.stdout, told.stderr)


@given(
    st.text(min_size=1), st.sampled_from(["No such option: {}", "Invalid value for {0}: {0}", "{}"])
)
def test_what_was_given_stands_in_what_is_said(given_text: str, form: str) -> None:
    """Whatever somebody wrote, with gaps or words of click in it, is no form and fails nothing."""
    with words.speaking("it"):
        told = translated(form.format(given_text))
    assert isinstance(told, str)
    if form == "No such option: {}" and not set(given_text) & set("(."):
        assert told == f"Non c'è un'opzione {given_text.strip()}"


def test_both_languages_name_accounts_by_id_and_name(tmp_path: Path) -> None:
    db = str(tmp_path / "bank.db")
    with timebank.open(f"sqlite:///{db}") as bank:
        bank.open_account("m1", name="Maria Rossi", floor=-1)
        bank.open_account("m2")
    line = ["transfer", "--earner", "m2", "--spender", "m1", "--hours", "3"]
    for code in words.languages():
        result = CliRunner().invoke(main, ["--lang", code, "--db", db, *line])
        assert result.exit_code == 1
        assert "m1 Maria Rossi" in result.stderr
        assert "'m1'" not in result.stderr
