"""Look up the words that people read, in each language: the one catalogue of them.

A language is a folder beside this file, named by its code, with a TOML file for each table: a
report, the refusals, the findings, the command line. All languages have the same keys, and a text
the same gaps: `tests/reports/test_words.py` compares them. Where no language is named it is that
of `language()`, which the command line sets.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, time
from functools import cache
from importlib.resources import files
from typing import Any, Final

from timebank.errors import InvalidRequest, shown

_SUFFIX: Final = ".toml"
#: The language of what no language is named for.
DEFAULT: Final = "en"
#: Where the environment names a language: ours first, then those of every program.
VARIABLES: Final = ("TIMEBANK_LANG", "LC_ALL", "LC_MESSAGES", "LANG")
#: Of a counted thing: the text for one, and the text for any other number.
ONE: Final = "one"
MANY: Final = "many"

_language: ContextVar[str] = ContextVar("timebank_language", default=DEFAULT)


def languages() -> tuple[str, ...]:
    """Return the codes of the languages that have a folder of words, sorted.

    >>> from timebank.reports.words import languages
    >>> languages()
    ('en', 'it')
    """
    return tuple(sorted(_folders()))


@cache
def _folders() -> frozenset[str]:
    folders = (one for one in files(__name__).iterdir() if one.is_dir())
    return frozenset(folder.name for folder in folders if (folder / f"common{_SUFFIX}").is_file())


def language() -> str:
    """Return the code of the language in which words are looked up where none is named."""
    return _language.get()


@contextmanager
def speaking(code: str) -> Iterator[None]:
    """Look words up in a language, within the block and in this thread or task.

    :raises InvalidRequest: a language that has no folder of words.

    >>> from timebank.reports.words import Words, speaking
    >>> with speaking("it"):
    ...     Words("statement")("title")
    'Estratto conto'
    """
    set_before = _language.set(_known(code))
    try:
        yield
    finally:
        _language.reset(set_before)


def language_of(environment: Mapping[str, str]) -> str:
    """Return the language that an environment asks for, if there are words of it; else English.

    `TIMEBANK_LANG` says it, else the first of `LC_ALL`, `LC_MESSAGES` and `LANG` that is set.

    >>> from timebank.reports.words import language_of
    >>> language_of({"LANG": "it_IT.UTF-8"}), language_of({"LANG": "C.UTF-8"}), language_of({})
    ('it', 'en', 'en')
    """
    asked = next((found for name in VARIABLES if (found := environment.get(name))), "")
    code = code_of(asked)
    return code if code in languages() else DEFAULT


def code_of(name: str) -> str:
    """Return the code of a language that is named in the manner of a locale or of a browser.

    >>> from timebank.reports.words import code_of
    >>> code_of("it_IT.UTF-8"), code_of("it-IT"), code_of("IT")
    ('it', 'it', 'it')
    """
    return re.split(r"[_.@-]", name, maxsplit=1)[0].lower()


def catalogue(report: str, language: str) -> dict[str, str]:
    """Return the words of a report in a language, with those that all reports share.

    :raises InvalidRequest: a language that has no folder of words.

    >>> from timebank.reports.words import catalogue
    >>> catalogue("statement", "it")["title"], catalogue("impact", "it")["member"]
    ('Estratto conto', 'socio')
    """
    return {**table("common", language), **table(report, language)}


def tables(language: str) -> tuple[str, ...]:
    """Return the names of the tables of a language, sorted."""
    names = (one.name for one in (files(__name__) / _known(language)).iterdir())
    return tuple(sorted(n.removesuffix(_SUFFIX) for n in names if n.endswith(_SUFFIX)))


def table(name: str, language: str) -> dict[str, Any]:
    """Return one table of a language as it stands in its file.

    :raises InvalidRequest: a language that has no folder of words.
    """
    return _read(name, _known(language))


def _texts(name: str, language: str) -> dict[str, str]:
    return table(name, language)


def _known(language: str) -> str:
    if language not in languages():
        msg = f"no catalogue of words for {shown(language)}: there are {', '.join(languages())}"
        known = ", ".join(languages())
        raise InvalidRequest(msg).about(key="language_missing", code=shown(language), known=known)
    return language


@cache
def _read(name: str, language: str) -> dict[str, Any]:
    return tomllib.loads((files(__name__) / language / f"{name}{_SUFFIX}").read_text("utf-8"))


class Words:
    """The words of one report in one language; left out, in that of `language()`.

    `words` is a catalogue of one's own; left out, it is that of the language.

    :raises InvalidRequest: no `words`, and a language that has no folder of words.

    >>> from timebank.reports.words import Words
    >>> Words("impact", "it")("hours"), Words("impact", "it").of("mobility")
    ('Ore', 'mobilità')
    """

    def __init__(
        self,
        report: str,
        language: str | None = None,
        *,
        words: Mapping[str, Any] | None = None,
    ) -> None:
        self.language = language = _language.get() if language is None else language
        self._words: Mapping[str, Any] = catalogue(report, language) if words is None else words
        is_known = language in languages()
        self._suggested, self._kinds, self._reasons, self._articles = (
            _texts(name, language) if is_known else {}
            for name in ("suggested", "kinds", "reasons", "articles")
        )
        self._counts_in = language if is_known else DEFAULT
        self._thousands: str = self._words.get("thousands", ",")

    def __call__(self, key: str, **values: object) -> str:
        """Return the words of a key, with values put into them.

        >>> from timebank.reports.words import Words
        >>> Words("statement", "it")("closed_through", day="8 dicembre 2026")
        "chiusi fino all'8 dicembre 2026"
        """
        text: str = self._words[key]
        return self._filled(text, values)

    def has(self, key: str) -> bool:
        """Return whether the report has words for a key."""
        return key in self._words

    def counted(self, key: str, number: int, **values: object) -> str:
        """Return the words of a number of things: a text for `one` and one for `many`.

        The key is one of the report's own table, else of the table `counted`. `{n}` in the
        texts is the number, with marks between thousands.

        >>> from timebank.reports.words import Words
        >>> words = Words("common", "it")
        >>> words.counted("rows", 1), words.counted("rows", 1_200)
        ('1 riga', '1.200 righe')
        """
        texts = self._words[key] if key in self._words else table("counted", self._counts_in)[key]
        text: str = texts[ONE if number == 1 else MANY]
        return self._filled(text, {**values, "n": self.number(number)})

    def number(self, number: int) -> str:
        """Return a whole number with the language's mark between thousands.

        >>> from timebank.reports.words import Words
        >>> Words("common", "en").number(1_200), Words("common", "it").number(1_200)
        ('1,200', '1.200')
        """
        return f"{number:,}".replace(",", self._thousands)

    def _filled(self, text: str, values: Mapping[str, object]) -> str:
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
