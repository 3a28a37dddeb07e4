"""Look up the words of the reports in each language.

A language is a TOML file in this folder, named by its code, with a table for each report.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from datetime import date, time
from functools import cache
from importlib.resources import files
from typing import Final

from timebank.errors import InvalidRequest, shown

_SUFFIX: Final = ".toml"


def languages() -> tuple[str, ...]:
    """Return the codes of the languages that have a file of words, sorted.

    >>> from timebank.reports.words import languages
    >>> languages()
    ('en', 'it')
    """
    names = (one.name for one in files(__name__).iterdir())
    return tuple(sorted(n.removesuffix(_SUFFIX) for n in names if n.endswith(_SUFFIX)))


def catalogue(report: str, language: str) -> dict[str, str]:
    """Return the words of a report in a language, with those that all reports share.

    :raises InvalidRequest: a language that has no file of words.

    >>> from timebank.reports.words import catalogue
    >>> catalogue("statement", "it")["title"], catalogue("impact", "it")["member"]
    ('Estratto conto', 'socio')
    """
    tables = _tables(language)
    return {**tables["common"], **tables[report]}


@cache
def _tables(language: str) -> dict[str, dict[str, str]]:
    if language not in languages():
        msg = f"no catalogue of words for {shown(language)}: there are {', '.join(languages())}"
        raise InvalidRequest(msg)
    return tomllib.loads((files(__name__) / f"{language}{_SUFFIX}").read_text("utf-8"))


class Words:
    """The words of one report in one language.

    `words` is a catalogue of one's own; left out, it is that of the language.

    :raises InvalidRequest: no `words`, and a language that has no file of words.

    >>> from timebank.reports.words import Words
    >>> Words("impact", "it")("hours"), Words("impact", "it").of("mobility")
    ('Ore', 'mobilità')
    """

    def __init__(
        self, report: str, language: str, *, words: Mapping[str, str] | None = None
    ) -> None:
        self.language = language
        self._words = catalogue(report, language) if words is None else words
        known = _tables(language) if language in languages() else {}
        self._suggested = known.get("suggested", {})
        self._kinds, self._reasons = known.get("kinds", {}), known.get("reasons", {})
        self._articles = known.get("articles", {})

    def __call__(self, key: str, **values: object) -> str:
        """Return the words of a key, with values put into them.

        >>> from timebank.reports.words import Words
        >>> Words("statement", "it")("closed_through", day="8 dicembre 2026")
        "chiusi fino all'8 dicembre 2026"
        """
        text = self._words[key]
        for name, value in values.items():
            text = self._fitting(text, f"{{{name}}}", str(value).partition(" ")[0])
        return text.format(**values) if values else text

    def _fitting(self, text: str, gap: str, first: str) -> str:
        """Return a text whose article fits the first word of what is put into a gap."""
        for plain, fitting in self._articles.items():
            article, _, number = plain.partition(" ")
            if number == first:
                text = re.sub(
                    rf"\b{article} {re.escape(gap)}", fitting.removesuffix(number) + gap, text
                )
        return text

    def of(self, label: str) -> str:
        """Return a suggested area or resource in this language; any other word as it is."""
        return self._suggested.get(label, label) if label else self("none")

    def kind(self, kind: str) -> str:
        """Return a kind of movement that the library makes in this language; others as they are.

        >>> from timebank.reports.words import Words
        >>> Words("statement", "it").kind("dues"), Words("statement", "it").kind("regalo")
        ('quota', 'regalo')
        """
        return self._kinds.get(kind, kind)

    def reason(self, text: str) -> str:
        """Return a reason that the library gives in this language; any other text as it is.

        >>> from timebank.reports.words import Words
        >>> Words("statement", "it").reason("given back on leaving")
        "restituito all'uscita"
        """
        return self._reasons.get(text, text)

    def times(self, started_at: time | None, ended_at: time | None) -> str:
        """Return the times of a service in words; nothing, where there are none.

        >>> from datetime import time
        >>> from timebank.reports.words import Words
        >>> Words("statement", "it").times(time(9, 30), None)
        'dalle 09:30'
        """
        times = {"started": started_at, "ended": ended_at}
        given = {name: f"{value:%H:%M}" for name, value in times.items() if value is not None}
        key = "times" if len(given) > 1 else "starts" if "started" in given else "ends"
        return self(key, **given) if given else ""

    def period(
        self,
        since: date | None,
        until: date | None,
        *,
        day: Callable[[date], str] = date.isoformat,
    ) -> str:
        """Return a period in words; `day` writes a day."""
        days = {"since": since, "until": until}
        given = {name: day(value) for name, value in days.items() if value is not None}
        return self("between" if len(given) > 1 else next(iter(given), "all_days"), **given)
