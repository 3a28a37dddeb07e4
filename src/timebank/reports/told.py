"""Say in each language why a cell or a row was not taken. JSON and `str` have it in English.

A reason is a text. One that the library gives itself is `Told`: the English text, and the key of
the table `cells` of the catalogue with what is put into its gaps. A reason of another package's
importer is a plain text, and is shown as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from timebank.errors import TimebankError
from timebank.reports.words import DEFAULT, Words, table

_TABLE: Final = "cells"


class Told(str):
    """An English sentence that can be said in each language of the catalogue.

    >>> from timebank.reports.told import in_words, told
    >>> reason = told("no_number", form="1,50")
    >>> reason, in_words(reason, "it")
    ('is no number like 1,50', 'non è un numero come 1,50')
    """

    __slots__ = ("gaps", "key")
    key: str
    gaps: Mapping[str, object]


class Refused(str):
    """The message of an error with which a bank refused a row; the error can be explained."""

    __slots__ = ("error",)
    error: TimebankError


def told(key: str, **gaps: object) -> Told:
    """Return the English text of a key of the table `cells`, which knows how to be said otherwise.

    >>> from timebank.reports.told import told
    >>> told("columns", has=3, needs=5)
    'is how it begins: it has 3 columns, not 5'
    """
    found = Told(_words(DEFAULT)(key, **gaps))
    found.key, found.gaps = key, gaps
    return found


def refused_by(error: TimebankError) -> Refused:
    """Return the message of an error as a reason."""
    found = Refused(error)
    found.error = error
    return found


def in_words(reason: str, language: str | None = None, names: Any = None) -> str:
    """Return a reason in a language; left out, in that which the program speaks.

    `names` tells how accounts are called, for what a bank refused: see `timebank.explain`. A plain
    text is returned as it is.

    >>> from timebank.reports.told import in_words, told
    >>> reason = told("no_day", form=told("form_dmy"))
    >>> in_words(told("cell", value="'x'", reason=reason), "it")
    "'x' non è una data come 31/12/2026"
    >>> in_words("is wrong", "it")
    'is wrong'
    """
    if isinstance(reason, Told):
        gaps = {
            name: in_words(value, language, names) if isinstance(value, str) else value
            for name, value in reason.gaps.items()
        }
        return _words(language)(reason.key, **gaps)
    if isinstance(reason, Refused):
        return _explained(reason.error, language, names)
    return reason


def state_in_words(state: str, language: str | None = None) -> str:
    """Return what rows are counted as that moved no hours; a state of the source as it is.

    >>> from timebank.reports.told import state_in_words
    >>> state_in_words("blank", "it"), state_in_words("pending", "it")
    ('righe vuote', 'pending')
    """
    key = f"passed_{state.replace(' ', '_')}"
    is_ours = key in table(_TABLE, DEFAULT)
    return _words(language)(key) if is_ours else state


_kept: Final[dict[str | None, Words]] = {}


def _words(language: str | None) -> Words:
    """Return the words of a named language, which are made once; of none, those of now."""
    if language is None:
        return Words(_TABLE)
    if language not in _kept:
        _kept[language] = Words(_TABLE, language)
    return _kept[language]


def _explained(error: TimebankError, language: str | None, names: Any) -> str:
    from timebank.reports.explaining import explain

    return explain(error, lang=language, names=names)
