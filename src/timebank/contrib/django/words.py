"""The words of the ledger in the language of the reader.

What a kind is called is looked up by the kind itself, so that a new one needs no word here: in
English it is its own name, in other languages the catalogue in `locale` has it.
"""

from __future__ import annotations

from typing import Final

from django.utils.translation import get_language, pgettext

from timebank.reports.words import DEFAULT, code_of, languages

#: The contexts under which the words stand in the catalogues.
CONTEXTS: Final = ("record", "account", "status", "field", "movement")


def of(context: str, name: str) -> str:
    """Return what a kind of record, an account's kind, a status or a field is called."""
    known: str = pgettext(f"timebank {context}", name.replace("_", " "))
    return known


def language() -> str:
    """Return the code of the reader's language, if the library has words of it; else English."""
    code = code_of(get_language() or DEFAULT)
    return code if code in languages() else DEFAULT
