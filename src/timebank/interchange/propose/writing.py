"""Write a draft as a mapping in TOML, with comments in the language of who reads it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator, Mapping
from textwrap import wrap
from typing import Any, Final

from timebank.errors import InvalidRequest
from timebank.interchange.propose.doubts import Doubt
from timebank.interchange.propose.drafts import Draft
from timebank.reports.text import harmless
from timebank.reports.words import Words

#: Columns of a line, as a small screen has them.
WIDTH: Final = 79
#: The tables of a mapping, in the order in which they are written; the first has no name.
_TABLES: Final = ("", "csv", "amounts", "days", "people", "transfers", "accounts", "opening")


def written(draft: Draft, words: Words, first: Iterable[str] = ()) -> str:
    r"""Return the text of a mapping. `first` are sentences of a comment before it.

    >>> from timebank.interchange.propose.drafts import Draft
    >>> from timebank.interchange.propose.writing import written
    >>> from timebank.reports.words import Words
    >>> draft = Draft()
    >>> draft.put("name", "sheet")
    >>> draft.put("transfers.earner", "Chi dà")
    >>> print(written(draft, Words("propose", "en")))
    name = "sheet"
    <BLANKLINE>
    [transfers]
    earner = "Chi dà"
    """
    lines = [line for sentence in first for line in comment(sentence)]
    if lines:
        lines.append("")
    for table, keys in _by_table(draft).items():
        if table:
            lines += ["", f"[{table}]"]
        for key in keys:
            entry = draft.entries[key]
            if entry.code is not None:
                lines += comment(words(f"note_{entry.code}", **entry.values))
            lines += _line(key.rpartition(".")[2], entry.value)
        lines += [f'# {key.rpartition(".")[2]} = "…"' for key in _open_keys(draft, table)]
    return "\n".join(lines).replace("\n\n\n", "\n\n")


def _open_keys(draft: Draft, table: str) -> list[str]:
    """Return the keys of a table that an answer would say, and that are not there yet."""
    asked = dict.fromkeys(doubt.key for doubt in draft.doubts if doubt.key is not None)
    return [key for key in asked if key not in draft.entries and key.startswith(f"{table}.")]


def _line(key: str, found: Any) -> list[str]:
    """Return the line of a key; of several texts, one for each where they are long."""
    line = f"{key} = {value(found)}"
    if len(line) <= WIDTH or not isinstance(found, list):
        return [line]
    return [f"{key} = [", *(f"    {value(one)}," for one in found), "]"]


def _by_table(draft: Draft) -> dict[str, list[str]]:
    """Return table → its keys; a table comes before those that are in it."""
    found: dict[str, list[str]] = {}
    for key in draft.entries:
        found.setdefault(key.rpartition(".")[0], []).append(key)
    order = {name: place for place, name in enumerate(_TABLES)}
    return dict(
        sorted(found.items(), key=lambda item: (order.get(item[0].partition(".")[0], 99), item[0]))
    )


def comment(sentence: str) -> Iterator[str]:
    """Yield the lines of a comment."""
    for line in wrap(harmless(sentence), WIDTH - 2, break_long_words=False) or [""]:
        yield f"# {line}".rstrip()


def value(found: Any) -> str:
    r"""Return a value as TOML writes it.

    >>> from timebank.interchange.propose.writing import value
    >>> value(True), value(["a", 'b"']), value({"in attesa": "waiting"})
    ('true', '["a", "b\\""]', '{ "in attesa" = "waiting" }')
    """
    if isinstance(found, bool):
        return "true" if found else "false"
    if isinstance(found, int):
        return str(found)
    if isinstance(found, str):
        return _text(found)
    if isinstance(found, Mapping):
        return f"{{ {', '.join(f'{_text(key)} = {value(one)}' for key, one in found.items())} }}"
    return f"[{', '.join(map(value, found))}]"


def _text(found: str) -> str:
    if any("\ud800" <= letter <= "\udfff" for letter in found):
        msg = f"{harmless(found)!r} has bytes that are no letters: the encoding must be named"
        raise InvalidRequest(msg)
    return json.dumps(found, ensure_ascii=False).replace("\x7f", "\\u007f")


def question(doubt: Doubt, words: Words) -> Iterator[str]:
    """Yield a question, and the answers that may be given, a line each."""
    yield words(f"ask_{doubt.code}", **doubt.values)
    for choice, code in doubt.choices.items():
        meaning = words(f"answer_{code}", choice=choice, **doubt.values)
        yield f"  --set {doubt.key}={quoted(choice)}   {meaning}"
    if not doubt.choices and doubt.key is not None:
        yield f"  --set {doubt.key}={words('value')}"


def quoted(text: str) -> str:
    """Return a text as a shell takes it for one word."""
    if text.replace("_", "").replace("-", "").isalnum():
        return text
    return shlex.quote(text) if set(text) & set('$`"\\!') else f'"{text}"'
