"""Say a proposal in words: what it understood, what it did not, and what it asks."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from textwrap import wrap
from typing import Any, Final

import attrs

from timebank.hours import Hours
from timebank.interchange.csv.explanation import explained
from timebank.interchange.csv.toml import parsed
from timebank.interchange.propose.doubts import Doubt
from timebank.interchange.propose.formats import Recognised
from timebank.interchange.propose.proposal import Proposal, Trial
from timebank.interchange.propose.writing import WIDTH, question
from timebank.reports.explaining import explain
from timebank.reports.text import harmless
from timebank.reports.told import in_words, state_in_words
from timebank.reports.words import Words

#: Where a mapping is written, unless a file is named.
MAPPING: Final = "mapping.toml"
#: Rows that cannot be taken, of which the reasons are shown.
MOST_REFUSED: Final = 5
#: Columns of a line; two less, for it may be a comment of a mapping that is printed.
_WIDTH: Final = WIDTH - 2
#: Characters of a note that are shown.
_NOTE_CHARACTERS: Final = 40


def proposal_text(
    found: Proposal, mapping: str, *, imports: bool = False, language: str | None = None
) -> Iterator[str]:
    """Yield what is to be said of a proposal, a line each. `mapping` is where it is written.

    Where it `imports` at once, how to do so is not said.

    :raises InvalidRequest: a language that has no folder of words.
    """
    words = Words("propose", language)
    if found.known is not None:
        yield from _known(found.known, words)
        return
    if found.trial is not None:
        yield from _trial(found.trial, words)
    yield from (line for told in _besides(found, words) for line in wrap(told, _WIDTH))
    if found.doubts:
        yield ""
        yield words("asked" if any(doubt.key for doubt in found.doubts) else "to_change")
        for doubt in found.doubts:
            first, *answers = question(doubt, words)
            yield from wrap(f"- {harmless(first)}", _WIDTH, subsequent_indent="  ")
            yield from (f"  {harmless(line)}" for line in answers)
    elif found.refused is None:
        yield ""
        yield words("clear")
    if found.is_clear and not imports:
        yield words("command")
        yield f"  {command(import_words(found, mapping))}"


def _besides(found: Proposal, words: Words) -> Iterator[str]:
    """Yield what was decided without a proof, what was left out, and why it cannot be imported."""
    for entry in found.noted:
        yield harmless(words(f"note_{entry.code}", **entry.values))
    if found.unused:
        names = ", ".join(column.heading or f"{column.index + 1}" for column in found.unused)
        yield harmless(words("no_columns", columns=names))
    if found.others:
        yield harmless(words("others", names=", ".join(found.others)))
    if found.refused is not None and not found.doubts:
        yield harmless(words("refused", why=explain(found.refused, lang=words.language)))


@attrs.frozen
class Question:
    """A question of a proposal in words, for a form: what is asked, and what may be answered.

    `key` is that of the answer among the `answers` of `propose`, `choices` its values with what
    they mean: none, where any text may be given. Without a key the sheet has to be changed.
    """

    key: str | None
    text: str
    choices: Mapping[str, str]


@attrs.frozen
class Understood:
    """What a sheet was understood to say, in words, for a page of a host.

    `columns` are sentences about what its columns mean; `counts` says how many exchanges there are
    and what was passed over; `besides` what was left out, or decided without a proof; `questions`
    are to be answered. The first exchanges are those of `Proposal.trial`.
    """

    columns: tuple[str, ...]
    counts: tuple[str, ...]
    besides: tuple[str, ...]
    questions: tuple[Question, ...]


def understood(found: Proposal, language: str | None = None) -> Understood:
    r"""Return what is to be said of a proposal that is not of a known system, in parts.

    :raises InvalidRequest: a language that has no folder of words.

    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from timebank.interchange.propose.proposal import propose
    >>> from timebank.interchange.propose.showing import understood
    >>> with TemporaryDirectory() as folder:
    ...     sheet = Path(folder) / "fair.csv"
    ...     _ = sheet.write_text("Date,Giver,Receiver,Hours\n03/04/2026,Lou,Meg,1.5\n")
    ...     (asked,) = understood(propose([sheet]), "it").questions
    >>> asked.key, dict(asked.choices)
    ('days.format', {'dmy': 'prima il giorno', 'mdy': 'prima il mese'})
    """
    words = Words("propose", language)
    columns: tuple[str, ...] = ()
    if found.refused is None and found.text:
        mapping = attrs.evolve(parsed(found.text.encode()), questions=())
        columns = tuple(map(harmless, explained(mapping, words.language)))
    counts = () if found.trial is None else tuple(_counts(found.trial, words))
    besides = tuple(_besides(found, words))
    return Understood(columns, counts, besides, tuple(_asked(d, words) for d in found.doubts))


def _asked(doubt: Doubt, words: Words) -> Question:
    choices = {
        choice: harmless(words(f"answer_{code}", choice=choice, **doubt.values))
        for choice, code in doubt.choices.items()
    }
    return Question(doubt.key, harmless(words(f"ask_{doubt.code}", **doubt.values)), choices)


def proposal_value(found: Proposal, mapping: str) -> dict[str, Any]:
    """Return a proposal as JSON has it."""
    trial = found.trial
    return {
        "known": None if found.known is None else found.known.title,
        "mapping": found.text or None,
        "questions": [
            {"code": doubt.code, "key": doubt.key, "choices": list(doubt.choices)}
            | {"values": dict(doubt.values)}
            for doubt in found.doubts
        ],
        "unused_columns": [column.heading for column in found.unused],
        "command": ["timebank", "import", *import_words(found, mapping)],
        "exchanges": None if trial is None else trial.exchanges,
        "passed": {} if trial is None else dict(trial.passed),
        "quarantined": [] if trial is None else [attrs.asdict(row) for row in trial.quarantined],
        "first": [] if trial is None else [attrs.asdict(row) for row in trial.first],
    }


def import_words(found: Proposal, mapping: str) -> tuple[str, ...]:
    """Return the words of the command that imports the sheets by a mapping."""
    if found.known is not None:
        return found.known.command
    words = ["csv", "--mapping", mapping]
    for path in found.transfers:
        words += ["--transfers", str(path)]
    if found.accounts is not None:
        words += ["--accounts", str(found.accounts)]
    if found.opening is not None:
        words += ["--opening", str(found.opening)]
    return (*words, "--open-accounts")


def command(words: Sequence[str]) -> str:
    """Return a command as it is typed."""
    return shlex.join(["timebank", "import", *words])


def _known(known: Recognised, words: Words) -> Iterator[str]:
    yield words("known", title=known.title)
    if known.lacks is not None:
        yield words("lacks", option=known.lacks)
    yield words("command")
    missing = () if known.lacks is None else (known.lacks, "FILE")
    yield f"  {harmless(command((*known.command, *missing)))}"


def _trial(trial: Trial, words: Words) -> Iterator[str]:
    spoken = words.language
    counts, *passed = _counts(trial, words)
    yield counts
    if trial.first:
        yield words("first_rows")
    for row in trial.first:
        hours = str(Hours.from_seconds(row.seconds))
        said = words("row", day=row.day, earner=row.earner, hours=hours, spender=row.spender)
        text = harmless(row.text)
        more = text if len(text) <= _NOTE_CHARACTERS else f"{text[: _NOTE_CHARACTERS - 1]}…"
        yield f"  {harmless(said)}{f' ({more})' if more else ''}"
    for line in passed:
        yield from wrap(line, _WIDTH)
    if trial.quarantined:
        yield words.counted("to_look_at", len(trial.quarantined))
        for bad in trial.quarantined[:MOST_REFUSED]:
            why = in_words(bad.reason, spoken)
            yield harmless(f"  {Path(bad.file).name}:{bad.line}: {bad.column}: {why}")
        if (rest := len(trial.quarantined) - MOST_REFUSED) > 0:
            yield f"  {words.counted('more', rest)}"


def _counts(trial: Trial, words: Words) -> Iterator[str]:
    """Yield how many exchanges there are and, where there are any, what was passed over."""
    exchanges = words.counted("exchanges", trial.exchanges)
    yield words("counts", exchanges=exchanges, people=words.counted("people", trial.people))
    if trial.passed:
        each = (_passed(state, count, words) for state, count in trial.passed.items())
        yield harmless(words("passed", what=", ".join(each)))


def _passed(state: str, count: int, words: Words) -> str:
    """Return how many rows were passed over as what; a state of the sheet stands as it is."""
    key = f"passed_{state.replace(' ', '_')}"
    if words.has(key):
        return words.counted(key, count)
    return words(
        "passed_one", count=words.number(count), state=state_in_words(state, words.language)
    )
